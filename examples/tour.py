"""A tour of kernlab on real data: prints small tables and writes pictures to ``./tour``.

Run it with ``python examples/tour.py``. Each family of the package has its part in ``tour_parts``.
"""

import matplotlib

matplotlib.use("Agg")

from tour_parts import cluster, density, embedding, gp, pde, privacy
from tour_parts.common import OUTPUT

PARTS = (
    density.density,
    density.bandwidths,
    density.regimes,
    density.to_a_tolerance,
    density.slices,
    density.bounds,
    density.conditional,
    density.directions,
    privacy.private,
    pde.equations,
    gp.gaussian_processes,
    gp.scales_and_states,
    gp.processes_on_nodes,
    embedding.embeddings,
    cluster.networks,
)


def main():
    OUTPUT.mkdir(exist_ok=True)
    return {part.__name__: part() for part in PARTS}


if __name__ == "__main__":
    main()

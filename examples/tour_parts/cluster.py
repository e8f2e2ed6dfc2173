"""Groups of nodes in graphs."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.manifold import MDS
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import GraphClustering, SparseGraphClustering
from kernlab.datasets import load_karate
from kernlab.graph import GraphProximity, planted_partition
from tour_parts.common import save, timed


def networks():
    """A karate club that split, found by four proximities, and communities of a large graph."""
    karate = load_karate()
    found = {}
    print("Karate club: agreement with the factions (adjusted Rand index), no label used")
    for measure in ("scct", "logcomm", "comm", "walk"):
        model = GraphClustering(2, measure=measure, random_state=0)
        labels, seconds = timed(model.fit_predict, karate.adjacency)
        found[measure] = float(adjusted_rand_score(karate.target, labels))
        print(f"{measure:10}{found[measure]:8.3f}{1e3 * seconds:8.0f} ms")

    distance = GraphProximity("logcomm").fit(karate.adjacency).distance_
    places = MDS(2, metric="precomputed", init="classical_mds", n_init=1).fit_transform(distance)
    labels = GraphClustering(2, measure="logcomm", random_state=0).fit_predict(karate.adjacency)
    figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    first, second = karate.adjacency.nonzero()
    ax.plot(*places[np.stack([first, second])].transpose(2, 0, 1), color="0.85", zorder=0)
    for faction, marker in ((0, "o"), (1, "s")):
        here = karate.target == faction
        name = karate.target_names[faction]
        ax.scatter(
            *places[here].T, c=labels[here], marker=marker, s=120, cmap="tab10", vmin=0, vmax=9,
            label=f"faction of the {name}",
        )  # fmt: skip
    for node, place in enumerate(places):
        ax.annotate(str(node), place, ha="center", va="center", fontsize=7, color="w")
    ax.set(title="A karate club by its logarithmic communicability", xticks=[], yticks=[])
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, "karate.png")

    graph = planted_partition([2000] * 5, (0.01, 0.001), random_state=0)
    model = SparseGraphClustering(5, refine=True, random_state=0)
    labels, seconds = timed(model.fit_predict, graph.adjacency)
    found["sparse"] = float(adjusted_rand_score(graph.labels, labels))
    print(
        f"10,000 nodes, {graph.adjacency.nnz // 2:,} edges, five communities: agreement "
        f"{found['sparse']:.3f} in {seconds:.1f} s"
    )
    print()
    return found

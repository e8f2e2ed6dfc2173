"""Compare kernlab with its peers: ``python benchmarks/peers.py FAMILY [--quick]``.

Everything that is compared runs in one process, in turns, on one thread unless a row says
otherwise, so that a drift of the machine's speed meets all alike; only the ratios of one run mean
anything. Beside every time stands the error against brute force in double precision. The results
go to ``benchmarks/results/FAMILY.json`` and from there to the table in the documentation;
``--quick`` runs small sizes, checks the errors and writes nothing.
"""

import os

# Before NumPy is imported: BLAS and OpenMP read these once.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import importlib
import importlib.metadata
import json
import platform
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FAMILIES = (
    "density", "bandwidths", "fast", "regimes", "special", "privacy", "equations", "gp",
    "embedding", "proximity",
)  # fmt: skip
PACKAGES = (
    "kernlab", "numpy", "scipy", "numba", "scikit-learn", "KDEpy", "torch", "torch-kde", "pykeops",
    "opendp", "dp-accounting", "scikit-fem", "gpytorch", "celerite2",
    "umap-learn", "pynndescent", "igraph", "scikit-network", "networkx",
)  # fmt: skip


def interleave(calls, *, repeats):
    """Seconds of each call in ``repeats`` rounds over all of them.

    Parameters
    ----------
    calls : dict of str to callable
    repeats : int

    Returns
    -------
    seconds : dict of str to list of float
        After one round that is not counted.
    """
    seconds = {name: [] for name in calls}
    for round_number in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def machine():
    """What the figures depend on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Compare kernlab with its peers.")
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--quick", action="store_true", help="small sizes, errors only")
    parser.add_argument("--part", help="of the family alone; the others' results are kept")
    options = parser.parse_args(arguments)
    # The families beside this file, and the problems of solvers/ at the root.
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    family = importlib.import_module(options.family)
    path = HERE / "results" / f"{options.family}.json"
    kept, chosen = {}, {}
    if options.part is not None:
        if options.part not in getattr(family, "PARTS", ()):
            parser.error(f"{options.family} has no part {options.part}")
        kept = json.loads(path.read_text()) if path.exists() and not options.quick else {}
        chosen = {"parts": [options.part]}
    results = {**kept, **family.run(quick=options.quick, **chosen)}
    if options.quick:
        family.check(results)
        print(f"{options.family}: errors are within their bounds")
        return
    path.write_text(json.dumps({**results, "machine": machine()}, indent=1) + "\n")
    print(f"wrote {path.relative_to(HERE.parent)}")
    table = HERE.parent / "docs" / "benchmarks" / f"{options.family}.rst"
    table.write_text(family.table(json.loads(path.read_text())))
    print(f"wrote {table.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()

"""Clusters of graphs of ten thousand to a million nodes: CPU seconds, labels found, memory."""

import importlib.util
import time
import warnings

import proximity_worker as worker
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import SparseGraphClustering
from kernlab.exceptions import UndetectableCommunitiesWarning
from kernlab.graph import planted_partition

PREAMBLE = (
    "Planted partitions with equal blocks; a and b are the mean numbers of links within a block",
    "and beyond it, SNR the signal-to-noise ratio, below one of which no method finds anything.",
    "Every run has a process of its own with two threads; seconds are those of the processor, of",
    "both threads together, after a small graph that compiles; the peak is the largest size of",
    "the process, imports and graph included. Leiden and Louvain are not told the number of",
    "clusters. A method is stopped after 200 s. Below an SNR of one a method should find nothing",
    "and say so; that graph is clustered without a process of its own, by one thread.",
)
# Nodes, blocks, links within and beyond, and what is asked of ours refined.
CASES = (
    (10_000, 10, 10.0, 10.0, 0.97),
    (10_000, 10, 7.5, 12.5, 0.70),
    (100_000, 20, 10.0, 10.0, 0.985),
    (1_000_000, 20, 10.0, 10.0, 0.99),
)
CONTENDERS = (
    ("kernlab", "kernlab", {}),
    ("kernlab, refined", "kernlab", {"refine": True}),
    ("igraph, Leiden", "leiden", {}),
    ("igraph, Leiden, resolution 2", "leiden", {"resolution": 2.0}),
    ("scikit-network, Louvain", "louvain", {}),
)
# The same below the threshold.
HIDDEN = (10_000, 10, 5.1, 14.9)
LIMIT = 200.0


def _draw(n, k, a, b):
    """A graph, and what the table calls it."""
    graph = planted_partition([n // k] * k, (a * k / n, b / (n - n / k)), random_state=0)
    snr = (a * k - b * k / (k - 1)) ** 2 / (k * k * (a + b))
    task = f"n = {n:,}, k = {k}, a = {a:g}, b = {b:g} (SNR {snr:.2f})".replace(",", " ", 1)
    return graph, task


def rows(quick):
    found = []
    for n, k, a, b, least in ((2000, 4, 12.0, 8.0, 0.9),) if quick else CASES:
        graph, task = _draw(n, k, a, b)
        for label, method, settings in CONTENDERS[:2] if quick else CONTENDERS:
            needed = worker.NEEDS.get(method)
            if needed and importlib.util.find_spec(needed) is None:
                continue
            if quick:
                labels = worker.METHODS[method](graph.adjacency, k, seed=0, **settings)
                answer = {"seconds": None, "peak": float("nan")}
            else:
                labels, answer = worker.run_job(
                    method, graph.adjacency, k, threads=2, limit=LIMIT, seed=0, **settings
                )
            row = {"task": task, "method": label, "what": "adjusted Rand index"}
            if labels is None:
                found.append(row | {"figure": None, "note": answer["failed"]})
                continue
            row |= {
                "seconds": answer["seconds"],
                "figure": adjusted_rand_score(graph.labels, labels),
                "peak": answer["peak"],
                "note": f"{labels.max() + 1} clusters, peak {answer['peak']:.2f} GB",
            }
            if settings.get("refine"):
                row["least"] = least
            found.append(row)
    return found + _hidden((2000, 4, 5.6, 14.4) if quick else HIDDEN)


def _hidden(case):
    """Labels that say nothing, and whether it was said that they do."""
    graph, task = _draw(*case)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.process_time()
        labels = SparseGraphClustering(case[1], random_state=0).fit(graph.adjacency).labels_
        seconds = time.process_time() - start
    warned = sum(issubclass(one.category, UndetectableCommunitiesWarning) for one in caught)
    row = {"task": task, "method": "kernlab"}
    return [
        row
        | {
            "what": "adjusted Rand index",
            "seconds": seconds,
            "figure": adjusted_rand_score(graph.labels, labels),
            "least": -0.02,
            "most": 0.02,
        },
        row | {"what": "warnings of undetectable communities", "figure": warned, "least": 1},
    ]

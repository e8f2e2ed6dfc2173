"""Twenty measures at sixteen parameters with ten restarts each, and Forest at ten thousand nodes."""

import proximity_worker as worker
from sklearn.metrics import adjusted_rand_score

from kernlab.graph import planted_partition

PREAMBLE = (
    "GraphMeasureSearch over its twenty measures at 16 parameters with 10 restarts of kernel",
    "k-means, and the kernel of one Forest measure of 10 000 nodes, each in a process of its own",
    "with two threads; seconds are those of the clock. diffuStats, a package in R, documents",
    "2200 s for such a kernel of 10 000 nodes.",
)


def rows(quick):
    n, k, params, n_init = (60, 2, 2, 2) if quick else (1000, 10, 16, 10)
    within, between = (0.5, 0.05) if quick else (0.2, 0.05)
    graph = planted_partition([n // k] * k, (within, between), random_state=0)
    if quick:
        labels = worker.search(graph.adjacency, k, seed=0, params=params, n_init=n_init, n_jobs=1)
        answer = {"wall": None}
    else:
        labels, answer = worker.run_job(
            "search", graph.adjacency, k, threads=2, seed=0, params=params, n_init=n_init, n_jobs=2
        )
    found = [_row(f"sweep, n = {n}, k = {k}", "adjusted Rand index", answer)]
    if labels is not None:
        found[0] |= {"figure": adjusted_rand_score(graph.labels, labels), "least": 0.8}
    if not quick:
        n = 10_000
        large = planted_partition([n // 10] * 10, (0.01, 0.001), random_state=0)
        _, answer = worker.run_job("forest", large.adjacency, 2, threads=2, seed=0)
        found.append(_row(f"Forest, n = {n}", "peak memory, GB", answer))
        found[-1]["figure"] = answer.get("peak")
    return found


def _row(task, what, answer):
    return {
        "task": task,
        "method": "kernlab",
        "seconds": answer.get("wall"),
        "figure": None,
        "what": what,
        "note": answer.get("failed"),
    }

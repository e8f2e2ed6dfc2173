"""Attributed graphs: what answers of any worth add to edges, and what a large graph costs."""

import time

import numpy as np
import proximity_worker as worker
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import AttributedGraphClustering
from kernlab.graph import planted_partition

PREAMBLE = (
    "AttributedGraphClustering on planted partitions, one column of answers: each the true cluster",
    "with the probability given, and else any cluster. The figure is the adjusted Rand index, up to",
    "400 nodes its mean over ten graphs with twice its standard error; seconds are those of the",
    "processor for one graph, with one thread. Answers alone are the values themselves as clusters.",
    "The large graphs have mean degree 20, a within a cluster and b beyond, and a process of their",
    "own, whose largest size, imports and graph included, is the peak.",
)
EQUAL, UNEQUAL = (80,) * 5, (200, 100, 60, 40)
WORTH = (None, 0.0, 0.3, 0.5, 0.7, 0.9)
# Sizes, probabilities within and between, and what is asked for each worth of the answers.
CASES = (
    (EQUAL, (0.20, 0.05), (0.96, 0.96, 0.96, 0.97, 0.97, 0.98)),
    (EQUAL, (0.15, 0.05), (0.65, 0.65, 0.68, 0.78, 0.84, 0.93)),
    (EQUAL, (0.15, 0.07), (0.15, 0.15, 0.20, 0.40, 0.62, 0.84)),
    (EQUAL, (0.12, 0.06), (0.03, 0.03, 0.05, 0.25, 0.50, 0.78)),
    (UNEQUAL, (0.15, 0.05), (0.70, 0.70, 0.73, 0.80, 0.86, 0.92)),
)
# Nodes, clusters, a, b, worth, columns of answers, what is asked.
LARGE = (
    (100_000, 10, 10.0, 10.0, None, 0, 0.90),
    (100_000, 10, 10.0, 10.0, 0.5, 1, 0.95),
    (100_000, 10, 8.0, 12.0, 0.5, 1, 0.70),
    (100_000, 10, 8.0, 12.0, 0.5, 2, 0.80),
)
GRAPHS, LIMIT = 10, 400.0


def rows(quick):
    if quick:
        # Edges alone are at .55.
        return _planted((40, 40), (0.30, 0.15), 0.8, 3, 0.65)
    found = []
    for sizes, p, asked in CASES:
        for worth, least in zip(WORTH, asked, strict=True):
            found += _planted(sizes, p, worth, GRAPHS, least)
    found += [_answers_alone(sizes, worth) for sizes in (EQUAL, UNEQUAL) for worth in WORTH[1:]]
    for vectors, least in (("eigenvectors", 0.99), ("bootstrap-amg", 0.75)):
        found += _planted(EQUAL, (0.20, 0.03), None, GRAPHS, least, smooth_vectors=vectors)
    return found + [_large(*case) for case in LARGE]


def _answers(truth, worth, n_clusters, seed):
    rng = np.random.default_rng(1000 + seed)
    return np.where(rng.random(len(truth)) < worth, truth, rng.integers(0, n_clusters, len(truth)))


def _nodes(sizes):
    if len(set(sizes)) == 1:
        return f"{len(sizes)} × {sizes[0]} nodes"
    return f"{', '.join(map(str, sizes))} nodes"


def _planted(sizes, p, worth, n_graphs, least, **settings):
    scores, seconds = [], []
    for seed in range(n_graphs):
        graph = planted_partition(list(sizes), p, random_state=seed)
        truth, answers = np.asarray(graph.labels), None
        if worth is not None:
            answers = _answers(truth, worth, len(sizes), seed)
        model = AttributedGraphClustering(len(sizes), random_state=0, n_jobs=1, **settings)
        start = time.process_time()
        model.fit(graph.adjacency, attributes=answers)
        seconds.append(time.process_time() - start)
        scores.append(adjusted_rand_score(truth, model.labels_))
    name = "edges alone" if worth is None else f"edges and answers of {worth:g}"
    if settings:
        name += f", {settings['smooth_vectors']}"
    return [
        {
            "task": f"{_nodes(sizes)}, p = {p[0]:g}, {p[1]:g}",
            "method": name,
            "what": "adjusted Rand index",
            "seconds": float(np.median(seconds)),
            "figure": float(np.mean(scores)),
            "note": f"± {2 * np.std(scores, ddof=1) / np.sqrt(n_graphs):.3f}",
            "least": least,
        }
    ]


def _answers_alone(sizes, worth):
    truth = np.repeat(np.arange(len(sizes)), sizes)
    scores = [
        adjusted_rand_score(truth, _answers(truth, worth, len(sizes), seed))
        for seed in range(GRAPHS)
    ]
    return {
        "task": _nodes(sizes),
        "method": f"answers of {worth:g} alone",
        "what": "adjusted Rand index",
        "figure": float(np.mean(scores)),
        "note": f"± {2 * np.std(scores, ddof=1) / np.sqrt(GRAPHS):.3f}",
    }


def _large(n, k, a, b, worth, n_columns, least):
    graph = planted_partition([n // k] * k, (a * k / n, b / (n - n / k)), random_state=0)
    labels, answer = worker.run_job(
        "attributed", graph.adjacency, k, limit=LIMIT, seed=0, worth=worth, n_columns=n_columns
    )
    name = "edges alone"
    if n_columns:
        name = f"edges and {n_columns} column{'s' * (n_columns > 1)} of answers of {worth:g}"
    row = {
        "task": f"{n:,} nodes, k = {k}, a = {a:g}, b = {b:g}".replace(",", " ", 1),
        "method": name,
        "what": "adjusted Rand index",
    }
    if labels is None:
        return row | {"figure": None, "note": answer["failed"]}
    return row | {
        "seconds": answer["seconds"],
        "figure": adjusted_rand_score(graph.labels, labels),
        "note": f"peak {answer['peak']:.2f} GB",
        "least": least,
    }

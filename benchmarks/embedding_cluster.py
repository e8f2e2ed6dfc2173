"""What embeddings are used for: clusters of digits and cells, and times that were left out."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import embedding_peers as peers
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    homogeneity_score,
)

PREAMBLE = (
    "Clusters: k-means on the two-dimensional embedding, with as many clusters as there are",
    "labels, against the labels (1 is perfect); medians of three seeds. UMAP is made for this and",
    "is the tool to take. The cells are 700 blood cells that ship with scanpy.",
    "",
    "Times left out: cells of a synthetic process that branches twice are embedded together; the",
    "points of each inner time are then guessed from the times before and after (entropic",
    "transport, regularisation 0.1 of the largest cost, and the midpoints of its pairs), and",
    "the figure is the Wasserstein-1 distance of the guess from the points of that time, in",
    "standard deviations of the embedding, mean of the inner times and of three seeds. An",
    "embedding that collapses or tears is easy to hit within a clump and far off between; no",
    "method's figure is below that of two halves of the same time, which stands beside it.",
)
COLUMNS = ("task", "method", "homogeneity", "adjusted MI", "adjusted Rand", "W1", "")

CONTENDERS = (
    ("kernlab, heat", "kernlab", {"metric": "heat"}),
    ("kernlab, pruned", "kernlab", {"metric": "pruned"}),
    ("kernlab, graph", "kernlab", {"metric": "graph"}),
    ("kernlab, DiffusionMap", "diffusion_map", {}),
    ("scikit-learn, SpectralEmbedding", "spectral", {"n_neighbors": 15}),
    ("scikit-learn, Isomap", "isomap", {"n_neighbors": 15}),
    ("umap-learn", "umap", {"n_neighbors": 15}),
    ("PHATE", "phate", {"knn": 15}),
    ("heatgeo", "heatgeo", {"knn": 10}),
)
SEEDS = (0, 1, 2)


def branching_process(n_per_time, *, n_times=6, n_features=30, noise=0.15, random_state=0):
    """Cells that move along a tree that branches twice, seen at a few times.

    A cell at time *t* has gone about *t* along its path and diffused about it; it chose a branch
    at one third of the way and, on one of the two, again at two thirds. The paths turn through
    the features, so that straight lines between the times leave them.

    Returns
    -------
    X : ndarray of shape (n_times * n_per_time, n_features)
    time : ndarray of int
    """
    rng = np.random.default_rng(random_state)
    time = np.repeat(np.arange(n_times), n_per_time)
    end = n_times - 1.0
    # Cells of one time are not of one stage.
    stage = np.clip(time + 0.25 * rng.normal(size=time.size), 0.0, end)
    first, second = rng.integers(2, size=(2, time.size))
    directions = np.linalg.qr(rng.normal(size=(n_features, 10)))[0].T
    bends = directions[5:]

    def path(length, direction, bend):
        # An arc instead of a segment: the length is kept, the direction turns.
        turn = length[:, None] / 1.5
        return 1.5 * (np.sin(turn) * direction + (1.0 - np.cos(turn)) * bend)

    X = path(np.minimum(stage, end / 3), directions[0], bends[0])
    past_first = np.clip(stage - end / 3, 0.0, end / 3)
    past_second = np.clip(stage - 2 * end / 3, 0.0, None)
    for branch in (0, 1):
        X[first == branch] += path(past_first, directions[1 + branch], bends[1 + branch])[
            first == branch
        ]
    for branch in (0, 1):
        chosen = (first == 0) & (second == branch)
        X[chosen] += path(past_second, directions[3 + branch], bends[3 + branch])[chosen]
    chosen = first == 1
    X[chosen] += path(past_second, directions[2], bends[2])[chosen]
    return X + noise * rng.normal(size=X.shape), time


def entropic_plan(A, B, regularisation=0.1, max_iter=2000, tol=1e-6):
    """Plan of entropic transport between equal weights, by Sinkhorn's iterations in logarithms."""
    cost = cdist(A, B, "sqeuclidean")
    kernel = -cost / (regularisation * cost.max())
    log_a, log_b = -np.log(len(A)), -np.log(len(B))
    g = np.zeros(len(B))
    for _ in range(max_iter):
        f = log_a - logsumexp(kernel + g, axis=1)
        g_new = log_b - logsumexp(kernel + f[:, None], axis=0)
        if np.max(np.abs(g_new - g)) < tol:
            break
        g = g_new
    return np.exp(kernel + f[:, None] + g_new)


def midpoints(A, B, size, rng):
    """Points half-way (McCann) between pairs that are drawn from the plan."""
    plan = entropic_plan(A, B).ravel()
    pairs = rng.choice(plan.size, size=size, p=plan / plan.sum())
    i, j = np.unravel_index(pairs, (len(A), len(B)))
    return 0.5 * (A[i] + B[j])


def wasserstein(A, B):
    """W1 of two clouds of as many points each: the best assignment."""
    cost = cdist(A, B)
    i, j = linear_sum_assignment(cost)
    return float(cost[i, j].mean())


def left_out(Y, time, seed):
    """W1 of the guesses, of the time before in their stead, and of two halves of one time."""
    rng = np.random.default_rng(seed)
    Y = (Y - Y.mean(axis=0)) / Y.std(axis=0)
    figures = []
    for t in range(1, time.max()):
        before, held, after = (Y[time == t + step] for step in (-1, 0, 1))
        halves = rng.permutation(len(held))[: 2 * (len(held) // 2)].reshape(2, -1)
        figures.append(
            (
                wasserstein(midpoints(before, after, len(held), rng), held),
                wasserstein(before[: len(held)], held),
                wasserstein(held[halves[0]], held[halves[1]]),
            )
        )
    return np.mean(figures, axis=0)


def agreement(Y, labels, seed):
    """Homogeneity, adjusted mutual information and adjusted Rand index of k-means."""
    clusters = KMeans(len(np.unique(labels)), n_init=10, random_state=seed).fit_predict(Y)
    scores = (homogeneity_score, adjusted_mutual_info_score, adjusted_rand_score)
    return [score(labels, clusters) for score in scores]


def blood_cells():
    """Principal components and labels of the cells that ship with scanpy, or None without it."""
    python = os.environ.get("KERNLAB_SCANPY_PYTHON")
    if not python:
        if importlib.util.find_spec("scanpy") is None:
            return None
        python = sys.executable
    script = (
        "import sys, numpy as np, scanpy as sc\n"
        "cells = sc.datasets.pbmc68k_reduced()\n"
        "np.save(sys.argv[1] + '/X.npy', np.asarray(cells.obsm['X_pca'], float))\n"
        "np.save(sys.argv[1] + '/labels.npy', cells.obs['bulk_labels'].cat.codes.to_numpy())\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [python, "-c", script, folder],
            env=peers.environment(python, 1),
            check=True,
            capture_output=True,
        )
        return np.load(Path(folder) / "X.npy"), np.load(Path(folder) / "labels.npy")


def clusters(task, X, labels):
    """Rows of one labelled data set."""
    found = []
    for label, method, settings in CONTENDERS:
        seeds = SEEDS if method != "heatgeo" else SEEDS[:1]
        jobs = [{"points": X, "settings": settings, "seed": seed} for seed in seeds]
        done = peers.run_jobs(method, jobs)
        if done is None:
            continue
        failed = [answer["failed"] for _, _, answer in done if "failed" in answer]
        common = {"task": task, "method": label}
        if failed:
            found.append({**common, "error": None, "note": failed[0].splitlines()[-1]})
            continue
        scores = [agreement(Y, labels, s) for s, (_, Y, _) in zip(seeds, done, strict=True)]
        homogeneity, information, rand = np.median(scores, axis=0)
        found.append(
            {
                **common,
                "homogeneity": float(homogeneity),
                "information": float(information),
                "rand": float(rand),
                "error": None,
            }
        )
    return found


def times(n_per_time):
    """Rows of the branching process."""
    found = []
    data = [branching_process(n_per_time, random_state=seed) for seed in SEEDS]
    for label, method, settings in CONTENDERS:
        jobs = [
            {"points": X, "settings": settings, "seed": seed}
            for seed, (X, _) in zip(SEEDS, data, strict=True)
        ]
        done = peers.run_jobs(method, jobs)
        if done is None:
            continue
        common = {"task": "a time of a branching process", "method": label}
        failed = [answer["failed"] for _, _, answer in done if "failed" in answer]
        if failed:
            found.append({**common, "error": None, "note": failed[0].splitlines()[-1]})
            continue
        figures = [
            left_out(Y, time, seed)
            for seed, (_, time), (_, Y, _) in zip(SEEDS, data, done, strict=True)
        ]
        guess, previous, halves = np.mean(figures, axis=0)
        found.append(
            {
                **common,
                "error": float(guess),
                "what": "W1",
                "note": f"the time before itself: {previous:.2f}; two halves: {halves:.2f}",
            }
        )
    return found


def quick():
    """Few digits and cells, in this process; transport against what is known of it."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(40, 2))
    plan = entropic_plan(A, A + 3.0)
    found = [
        {
            "task": "entropic transport, 40 points",
            "method": "marginals",
            "error": float(np.abs(plan.sum(axis=0) - 1 / 40).max() * 40),
            "bound": 1e-5,
            "what": "relative",
        },
        {
            # The best assignment of a cloud to its own translation is that translation.
            "task": "W1, 40 points",
            "method": "translation by 3, 4",
            "error": abs(wasserstein(A, A + np.array([3.0, 4.0])) - 5.0),
            "bound": 1e-12,
            "what": "absolute",
        },
    ]
    X, labels = load_digits(return_X_y=True)
    X, labels = X[:500], labels[:500]
    job = {"points": X, "settings": {"metric": "graph", "n_landmarks": 100}, "seed": 0}
    _, Y, _ = peers.here("kernlab", job)
    found.append(
        {
            "task": "500 digits",
            "method": "kernlab, graph",
            # Ten clusters at random have none in common; two dimensions keep well over a third.
            "error": 1.0 - agreement(Y, labels, 0)[1],
            "bound": 0.65,
            "what": "1 - adjusted mutual information",
        }
    )
    X, time = branching_process(60)
    _, Y, _ = peers.here("kernlab", {**job, "points": X})
    guess, previous, _ = left_out(Y, time, 0)
    found.append(
        {
            "task": "a time of a branching process",
            "method": "kernlab, graph",
            # The guess has to be nearer than the time before.
            "error": guess / previous,
            "bound": 1.0,
            "what": "W1, relative to the time before",
        }
    )
    return found


def rows(quick_mode):
    """Agreement with labels, and W1 of times left out."""
    if quick_mode:
        return quick()
    X, labels = load_digits(return_X_y=True)
    found = clusters("1797 digits", X, labels)
    cells = blood_cells()
    if cells is not None:
        found += clusters("700 blood cells", *cells)
    return found + times(300)


def cells(row):
    """A line of the table."""
    scores = (row.get(name) for name in ("homogeneity", "information", "rand", "error"))
    return (
        row["task"],
        row["method"],
        *("" if score is None else f"{score:.3f}" for score in scores),
        row.get("note") or "",
    )

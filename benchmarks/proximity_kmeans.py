"""Restarts of kernel k-means: time of one, and what the best finds."""

import time

import numpy as np
import proximity_worker as worker
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import KernelKMeans
from kernlab.graph import GraphProximity, planted_partition

PREAMBLE = (
    "Planted partitions, kernel logComm with t three over the mean degree, labels known: adjusted",
    "Rand index of the run of least inertia. Seconds are those of one restart, of a process with one",
    "thread. pygkernels has restarts of k-means++; ours are two spectral starts and k-means++",
    "starts, moved node by node (Hartigan). scikit-learn's SpectralClustering, on the graph",
    "itself, is what many would use instead; its seconds are those of all. pygkernels computes in",
    "single precision, gets a centred kernel, and had few restarts where one takes seconds: more of",
    "them would find better clusters than its rows show.",
)
# Nodes, clusters, probabilities within and between, restarts of ours and of pygkernels.
CASES = (
    (200, 4, 0.3, 0.1, 30, 10),
    (300, 3, 0.3, 0.2, 30, 10),
    (1000, 10, 0.2, 0.075, 30, 1),
)


def rows(quick):
    found = []
    for n, k, within, between, n_ours, n_theirs in ((60, 2, 0.4, 0.1, 4, 1),) if quick else CASES:
        graph = planted_partition([n // k] * k, (within, between), random_state=0)
        # Much larger, and the leading eigenvector is all that is left of the kernel.
        t = 3.0 / graph.adjacency.sum(axis=1).mean()
        proximity = GraphProximity("logcomm", param=t, param_scale="natural")
        K = proximity.fit(graph.adjacency).kernel_
        common = {"task": f"n = {n}, k = {k}", "what": "adjusted Rand index"}
        model = KernelKMeans(k, n_init=n_ours, random_state=0, n_jobs=1)
        model.fit(K)
        start = time.process_time()
        labels = model.fit(K).labels_
        seconds = (time.process_time() - start) / n_ours
        ours = {
            **common,
            "method": "kernlab, KernelKMeans",
            "seconds": seconds,
            "figure": adjusted_rand_score(graph.labels, labels),
            "note": f"{n_ours} restarts, inertia {model.inertia_:.6g}",
        }
        if quick:
            ours["least"] = 0.9
        found.append(ours)
        if worker.pygkernels_path() and not quick:
            labels, answer = worker.run_job(
                "pygkernels", K, k, seed=0, n_init=n_theirs, limit=300, warm=True
            )
            found.append(_theirs(common, graph, labels, answer, n_theirs, seconds))
        start = time.process_time()
        spectral = SpectralClustering(k, affinity="precomputed", random_state=0)
        labels = spectral.fit_predict(np.asarray(graph.adjacency.toarray()))
        found.append(
            {
                **common,
                "method": "scikit-learn, SpectralClustering",
                "seconds": time.process_time() - start,
                "figure": adjusted_rand_score(graph.labels, labels),
                "note": "all restarts",
            }
        )
    return found


def _theirs(common, graph, labels, answer, n_init, ours):
    row = {**common, "method": "pygkernels, KKMeans"}
    if labels is None:
        return row | {"figure": None, "note": answer["failed"]}
    seconds = answer["seconds"] / n_init
    return row | {
        "seconds": seconds,
        "figure": adjusted_rand_score(graph.labels, labels),
        "note": f"{n_init} restarts; {seconds / ours:.3g} times as long as kernlab's",
    }

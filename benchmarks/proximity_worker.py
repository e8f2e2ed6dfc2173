"""One method in a process of its own, for what a process has one of: peak memory and threads."""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp

NEEDS = {"leiden": "igraph", "louvain": "sknetwork"}


def pygkernels_path():
    """Folder of the source of pygkernels, or None."""
    return os.environ.get("KERNLAB_PYGKERNELS_PATH") or None


def peak_memory():
    """Largest size of this process so far, GB."""
    status = Path("/proc/self/status")
    if status.exists():
        # That of rusage includes the process this one was forked from.
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e9
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def kernlab(A, k, *, seed, refine=False):
    from kernlab.cluster import SparseGraphClustering

    return SparseGraphClustering(k, refine=refine, random_state=seed).fit(A).labels_


def attributed(A, k, *, seed, worth, n_columns):
    from kernlab.cluster import AttributedGraphClustering

    # Equal clusters in the order of nodes, and answers that are right at a share of them.
    truth, answers = np.arange(A.shape[0]) * k // A.shape[0], None
    if n_columns:
        rng, shape = np.random.default_rng(seed), (A.shape[0], n_columns)
        right = rng.random(shape) < worth
        answers = np.where(right, truth[:, None], rng.integers(0, k, shape))
    return AttributedGraphClustering(k, random_state=seed).fit(A, attributes=answers).labels_


def search(A, k, *, seed, params, n_init, n_jobs):
    from kernlab.cluster import GraphMeasureSearch

    model = GraphMeasureSearch(
        k, params=params, n_init=n_init, methods=["kkmeans"], random_state=seed, n_jobs=n_jobs
    )
    return model.fit(A).labels_


def forest(A, k, *, seed):
    from kernlab.graph import GraphProximity

    # Labels are asked of every method; these are no clusters.
    return np.argmax(GraphProximity("for").fit(A).kernel_[:, :k], axis=1)


def leiden(A, k, *, seed, resolution=1.0):
    import random

    import igraph

    edges = sp.triu(A).tocoo()
    graph = igraph.Graph(n=A.shape[0], edges=np.column_stack((edges.row, edges.col)))
    random.seed(seed)
    found = graph.community_leiden(
        objective_function="modularity", resolution=resolution, n_iterations=2
    )
    return np.array(found.membership)


def louvain(A, k, *, seed):
    from sknetwork.clustering import Louvain

    return Louvain(random_state=seed).fit_predict(A)


def pygkernels(K, k, *, seed, n_init):
    # It was written for an older NumPy, and finds its own device unless told.
    for name in ("float", "int", "bool"):
        if not hasattr(np, name):
            setattr(np, name, getattr(__import__("builtins"), name))
    sys.path.insert(0, pygkernels_path())
    from pygkernels.cluster import KKMeans

    model = KKMeans(k, n_init=n_init, init_measure="inertia", random_state=seed, device="cpu")
    # Its inertia tells good runs from bad ones only of a centred kernel, and its own choice among
    # them is the first.
    K = K - K.mean(axis=0)
    runs = model.predict(K - K.mean(axis=1)[:, None], explicit=True)
    return np.asarray(min(runs, key=lambda run: run["inertia"])["labels"])


METHODS = {
    f.__name__: f for f in (kernlab, attributed, search, forest, leiden, louvain, pygkernels)
}


def run_job(method, matrix, n_clusters, *, threads=1, limit=None, warm=True, **settings):
    """Labels and figures of one method in a fresh process.

    Parameters
    ----------
    method : str
        A key of ``METHODS``.
    matrix : csr_matrix or ndarray
        A graph, or a kernel.
    n_clusters : int
    threads : int
    limit : float, optional
        Seconds after which the process is stopped.
    warm : bool
        Whether a small graph is clustered first, for imports and compilation.
    **settings
        Of the method.

    Returns
    -------
    labels : ndarray or None
    answer : dict
        ``seconds`` of all threads together, ``wall`` seconds, ``peak`` (GB), or ``failed``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if sp.issparse(matrix):
            sp.save_npz(folder / "matrix.npz", sp.csr_matrix(matrix), compressed=False)
        else:
            np.save(folder / "matrix.npy", matrix)
        job = {"method": method, "k": n_clusters, "warm": warm, "settings": settings}
        (folder / "JOB.json").write_text(json.dumps(job))
        values = dict(os.environ)
        for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
            values[f"{library}_NUM_THREADS"] = str(threads)
        try:
            done = subprocess.run(
                [sys.executable, __file__, str(folder)],
                env=values,
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return None, {"failed": f"more than {limit:g} s"}
        if done.returncode:
            return None, {"failed": done.stderr.strip().splitlines()[-1][-200:]}
        answer = json.loads((folder / "ANSWER.json").read_text())
        return np.load(folder / "labels.npy"), answer


def main(folder):
    folder = Path(folder)
    job = json.loads((folder / "JOB.json").read_text())
    sparse = folder / "matrix.npz"
    matrix = sp.load_npz(sparse) if sparse.exists() else np.load(folder / "matrix.npy")
    method, settings = METHODS[job["method"]], job["settings"]
    with warnings.catch_warnings():
        # Peers warn of what is asked of them on purpose, ours of hard graphs.
        warnings.simplefilter("ignore")
        if job["warm"]:
            rng = np.random.default_rng(0)
            dense = np.triu(rng.random((80, 80)) < 0.3, 1).astype(float)
            dense += dense.T
            method(sp.csr_matrix(dense) if sparse.exists() else dense, 2, **settings)
        wall, cpu = time.perf_counter(), time.process_time()
        labels = method(matrix, job["k"], **settings)
        answer = {
            "seconds": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "peak": peak_memory(),
        }
    np.save(folder / "labels.npy", labels)
    (folder / "ANSWER.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])

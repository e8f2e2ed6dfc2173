"""Who takes part in the comparisons of embeddings, where he lives, and how far a result is off."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import embedding_worker
import numpy as np
from scipy.stats import rankdata

# Peers that cannot share an environment with kernlab: the Python that has them.
ELSEWHERE = {"heatgeo": "KERNLAB_HEATGEO_PYTHON", "phate": "KERNLAB_PHATE_PYTHON"}
# A million points, five branches of 500, and the like: an hour instead of minutes.
LARGE = os.environ.get("KERNLAB_BENCH_LARGE") == "1"


def interpreter(method):
    """The Python that can run a method, or None."""
    if method in ELSEWHERE:
        return os.environ.get(ELSEWHERE[method]) or None
    needed = embedding_worker.NEEDS.get(method)
    if needed and importlib.util.find_spec(needed) is None:
        return None
    return sys.executable


def versions():
    """Versions of the peers that live elsewhere."""
    found = {}
    for method in ELSEWHERE:
        if python := interpreter(method):
            script = f"import importlib.metadata as m; print(m.version({method!r}))"
            done = subprocess.run(
                [python, "-c", script], env=environment(python, 1), capture_output=True, text=True
            )
            found[method] = done.stdout.strip() or "of unknown version"
    return found


def environment(python, threads):
    """Variables of a worker: so many threads, and kernlab on the path of our own Python alone."""
    values = dict(os.environ)
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        values[f"{name}_NUM_THREADS"] = str(threads)
    if python != sys.executable:
        values.pop("PYTHONPATH", None)
    return values


def run_jobs(method, jobs, *, threads=1, limit=None):
    """Run fits of one method in a process of its own.

    Parameters
    ----------
    method : str
        A key of ``embedding_worker.METHODS``.
    jobs : list of dict
        Each with ``points`` (n, d), and ``seed``, ``rows``, ``settings``, ``warm`` as needed.
    limit : float, optional
        Seconds after which the process is stopped and None returned.

    Returns
    -------
    results : list of (distances, embedding, answer), or None
        ``answer`` has ``seconds`` and ``peak`` (GB), or ``failed``, why there is neither.
    """
    python = interpreter(method)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = []
        for number, job in enumerate(jobs):
            points = folder / f"{number}_points.npy"
            np.save(points, job["points"])
            written.append(
                {**job, "points": str(points), "method": method, "jobs": threads}
                | ({"rows": [int(r) for r in job["rows"]]} if "rows" in job else {})
            )
        (folder / "JOB.json").write_text(json.dumps(written))
        try:
            done = subprocess.run(
                [python, embedding_worker.__file__, str(folder / "JOB.json")],
                env=environment(python, threads),
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return [(None, None, {"failed": done.stderr.strip()[-300:]})] * len(jobs)
        results = []
        for number, answer in enumerate(json.loads((folder / "ANSWER.json").read_text())):
            found = [folder / f"{number}_{what}.npy" for what in ("distances", "embedding")]
            D, Y = (np.load(path) if path.exists() else None for path in found)
            results.append((D, Y, answer))
        return results


def here(method, job):
    """The same of one fit, in this process."""
    given = {key: job[key] for key in ("seed", "rows", "settings") if key in job}
    D, Y, seconds = embedding_worker.fit(method, job["points"], **given)
    return D, Y, {"seconds": seconds, "peak": None}


def correlations(D, truth):
    """Mean over rows of Pearson's and Spearman's correlation with the true distances."""

    def mean(a, b):
        a = a - a.mean(axis=1, keepdims=True)
        b = b - b.mean(axis=1, keepdims=True)
        scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        return float(np.mean((a * b).sum(axis=1) / np.where(scale > 0, scale, np.inf)))

    return mean(D, truth), mean(rankdata(D, axis=1), rankdata(truth, axis=1))


def scaled_stress(D, truth):
    """Normalised stress after the best scaling: 0 is a perfect map, 1 says nothing."""
    D, truth = np.ravel(D), np.ravel(truth)
    factor = (D @ truth) / max(D @ D, np.finfo(float).tiny)
    return float(np.sqrt(np.sum((truth - factor * D) ** 2) / (truth @ truth)))


def pair_quality(Y, position, n_pairs=200_000, seed=1):
    """Pearson's correlation and scaled stress of random pairs; truth is Euclidean in ``position``."""
    pairs = np.random.default_rng(seed).integers(0, len(Y), (2, n_pairs))
    i, j = pairs[:, pairs[0] != pairs[1]]
    D = np.linalg.norm(Y[i] - Y[j], axis=1)
    truth = np.linalg.norm(position[i] - position[j], axis=1)
    return float(np.corrcoef(D, truth)[0, 1]), scaled_stress(D, truth)

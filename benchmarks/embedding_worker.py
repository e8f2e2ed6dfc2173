"""Fit embeddings, kernlab's or a peer's: ``python benchmarks/embedding_worker.py JOB.json``.

A job is a list of fits, each of one method to one file of points; the answer is the file
``ANSWER.json`` beside it, the distances and embeddings beside that. Some peers pin versions of
NumPy that nothing else can live with, so this file is run by the Python that has them and imports
only what a fit needs; within one environment it is an ordinary module. Peak memory is the
process's own: run a job of one fit to learn what that fit needs.
"""

import contextlib
import io
import json
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def peak_memory():
    """Largest resident size of this process so far, GB."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss of a child starts at the size of its parent; the high-water mark does not.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**30 if sys.platform == "darwin" else 2**20)


def from_embedding(Y, rows):
    """Euclidean distances in an embedding from some rows to all."""
    Y = np.asarray(Y, float)
    return np.stack([np.linalg.norm(Y - Y[row], axis=1) for row in rows])


# Each function fits one method to X and returns what ``distances(rows)`` needs and the embedding:
# the distances that the method itself computes where it has any, else those of its embedding.


def kernlab(X, seed, jobs, **settings):
    from kernlab.embedding import HeatGeodesicEmbedding

    model = HeatGeodesicEmbedding(random_state=seed, n_jobs=jobs, **settings).fit(X)
    return lambda rows: model.geodesic_distances(X[rows], X), model.embedding_


def diffusion_map(X, seed, jobs, **settings):
    from kernlab.embedding import DiffusionMap

    Y = DiffusionMap(random_state=seed, **settings).fit_transform(X)
    return lambda rows: from_embedding(Y, rows), Y[:, :2]


def isomap(X, seed, jobs, **settings):
    from sklearn.manifold import Isomap

    model = Isomap(n_jobs=jobs, **settings).fit(X)
    return lambda rows: model.dist_matrix_[rows], model.embedding_


def spectral(X, seed, jobs, **settings):
    from sklearn.manifold import SpectralEmbedding

    model = SpectralEmbedding(
        affinity="nearest_neighbors", random_state=seed, n_jobs=jobs, **settings
    )
    Y = model.fit_transform(X)
    return lambda rows: from_embedding(Y, rows), Y


def umap(X, seed, jobs, **settings):
    from umap import UMAP

    # With a seed UMAP runs on one thread; without one it is not reproducible.
    Y = UMAP(random_state=seed, **settings).fit_transform(X)
    return lambda rows: from_embedding(Y, rows), Y


def phate(X, seed, jobs, **settings):
    from phate import PHATE

    model = PHATE(verbose=0, random_state=seed, n_jobs=jobs, **settings)
    Y = model.fit_transform(X)

    def distances(rows):
        # Its metric: distances between the rows of the potential, here without landmarks.
        return from_embedding(model.diff_potential, rows)

    return distances, Y


def heatgeo(X, seed, jobs, **settings):
    from heatgeo.embedding import HeatGeo

    model = HeatGeo(**settings)
    Y = model.fit_transform(X)
    return lambda rows: np.asarray(model.dist)[rows], Y


METHODS = {f.__name__: f for f in (kernlab, diffusion_map, isomap, spectral, umap, phate, heatgeo)}
NEEDS = {"umap": "umap", "phate": "phate", "heatgeo": "heatgeo"}


def fit(name, X, *, seed=0, jobs=1, rows=None, settings=None):
    """Distances from ``rows`` (None without rows), embedding and seconds of one method."""
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet):
        # Peers warn of things that are asked of them on purpose: seeds, one thread, torn graphs.
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        distances, Y = METHODS[name](X, seed, jobs, **(settings or {}))
        seconds = time.perf_counter() - start
        D = None if rows is None else np.asarray(distances(np.asarray(rows)), float)
    return D, np.asarray(Y, float), seconds


def main(path):
    folder = Path(path).parent
    answers = []
    for number, job in enumerate(json.loads(Path(path).read_text())):
        X = np.load(job["points"])
        given = {key: job[key] for key in ("seed", "jobs", "rows", "settings") if key in job}
        if job.get("warm"):
            # Compilation and imports are not what is compared.
            fit(job["method"], X[:: max(1, len(X) // 300)], **{**given, "rows": None})
        before = peak_memory()
        try:
            D, Y, seconds = fit(job["method"], X, **given)
        except Exception as error:
            answers.append({"failed": f"{type(error).__name__}: {error}"})
            continue
        np.save(folder / f"{number}_embedding.npy", Y)
        if D is not None:
            np.save(folder / f"{number}_distances.npy", D)
        answers.append({"seconds": seconds, "peak": peak_memory(), "before": before})
    (folder / "ANSWER.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])

"""Partitions of one graph by many proximity measures, parameters and methods."""

import threading
from dataclasses import dataclass

import numpy as np

from kernlab._core.threads import run_slices
from kernlab.cluster._centred_kernel import CentredKernel
from kernlab.cluster._kernel_kmeans import _refined as descend
from kernlab.cluster._kernel_kmeans import _starts as draw_starts
from kernlab.graph._measures import parse_measure
from kernlab.graph._spectra import Spectra

MAX_ITER = 100
METHODS = ("kkmeans", "spectral")
# Twenty computations, none of which gives the clusters of another on every graph. The last four
# are even functions of their operators, without which disassortative graphs are lost.
DEFAULT_MEASURES = (
    *("katz", "logkatz", "comm", "logcomm", "for", "logfor", "heat", "logheat"),
    *("nheat", "lognheat", "modifppr", "logppr", "sct", "scct", "rsp", "sp-ct"),
    *("heat2", "logheat2", "ppr2", "comm2"),
)


@dataclass(frozen=True)
class Candidates:
    """What was tried and what came of it, an entry for each candidate."""

    measure: np.ndarray  # str, the table's name
    param: np.ndarray  # float, unit parameter; NaN where the measure has none
    method: np.ndarray  # str
    labels: np.ndarray  # (n_candidates, n_nodes) int16 or int32; a row of -1 where it failed
    reasons: np.ndarray  # object: why it failed, or ''


def make_candidates(
    adjacency, n_clusters, measures, params, methods, *, n_init, seed, n_jobs, verbose
):
    """Cluster a graph by each measure, parameter and method.

    One kernel for each thread is held at a time. Every kernel starts the generator anew, so that a
    candidate depends neither on the others nor on the number of threads.
    """
    grid = [
        (measure, float(x))
        for measure in map(parse_measure, measures)
        for x in (params if measure.scaler is not None else [np.nan])
    ]
    n_nodes, n_methods = adjacency.shape[0], len(methods)
    dtype = np.int16 if n_clusters <= np.iinfo(np.int16).max else np.int32
    labels = np.full((len(grid) * n_methods, n_nodes), -1, dtype=dtype)
    reasons = np.full(len(labels), "", dtype=object)
    spectra = Spectra(adjacency, floor="auto")
    memory = threading.Lock()  # of logarithms, which keep powers from one parameter to the next

    def kernel_of(measure, x):
        t = None if measure.scaler is None else spectra.natural(measure, x)
        if measure.log or measure.kind == "distance":
            with memory:
                return spectra.kernel(measure, t)
        return spectra.kernel(measure, t)

    def work(part):
        for i in range(part.start, part.stop):
            rows = slice(i * n_methods, (i + 1) * n_methods)
            try:
                with np.errstate(all="ignore"):
                    kernel = kernel_of(*grid[i])
                    labels[rows] = cluster_kernel(
                        kernel, n_clusters, methods, n_init, np.random.default_rng(seed)
                    )
            # What one kernel fails of is no reason to lose the others.
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
                reasons[rows] = f"{type(error).__name__}: {error}"

    run_slices(
        work,
        len(grid),
        slice_size=1,
        n_jobs=n_jobs,
        uses_blas=True,
        verbose=verbose,
        label="Measures and parameters",
    )
    return Candidates(
        measure=np.repeat([measure.name for measure, _ in grid], n_methods),
        param=np.repeat([x for _, x in grid], n_methods),
        method=np.tile(methods, len(grid)),
        labels=labels,
        reasons=reasons,
    )


def cluster_kernel(kernel, n_clusters, methods, n_init, rng):
    """Labels (n_methods, n) by kernel k-means, by k-means on leading eigenvectors, or both.

    Kernel k-means starts from the latter, among others.
    """
    centred = CentredKernel(kernel, np.ones(len(kernel)))
    if len(centred.values) < n_clusters:
        raise ValueError(f"only {len(centred.values)} nodes differ by the kernel")
    starts = draw_starts(centred, n_clusters, n_init if "kkmeans" in methods else 1, "auto", rng)
    found = {"spectral": starts[0, centred.group]}
    if "kkmeans" in methods:
        runs = descend(centred, n_clusters, starts, "hartigan", MAX_ITER, 1)
        found["kkmeans"] = runs.labels[np.argmin(runs.inertias)]
    return np.stack([found[method] for method in methods])

"""Partitions of one graph by many proximity measures, parameters and methods."""

from dataclasses import dataclass

import numpy as np

from kernlab._core.threads import run_slices
from kernlab.cluster._centred_kernel import CentredKernel
from kernlab.cluster._graph_input import by_first_node
from kernlab.cluster._kernel_runs import descend, draw_starts
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
    adjacency, n_clusters, measures, params, methods, *, n_init, seed, n_jobs, verbose, nodes=None
):
    """Cluster a graph by each measure, parameter and method.

    Threads take a measure each, the logarithmic ones first, which take longest, and hold one kernel
    at a time. A candidate depends neither on the others nor on the number of threads: each kernel
    starts the generator anew, and logarithmic kernels, which may be had from that of half the
    parameter, share nothing with those of other measures. ``nodes`` are names for messages.
    """
    measures = list(map(parse_measure, measures))
    grids = [params if measure.scaler is not None else [np.nan] for measure in measures]
    n_methods, ends = len(methods), np.cumsum([len(methods) * len(grid) for grid in grids])
    dtype = np.int16 if n_clusters <= np.iinfo(np.int16).max else np.int32
    labels = np.full((ends[-1], adjacency.shape[0]), -1, dtype=dtype)
    reasons = np.full(len(labels), "", dtype=object)
    shared = Spectra(adjacency, floor="auto", nodes=nodes)
    order = sorted(range(len(measures)), key=lambda i: not measures[i].log)

    def try_measure(part):
        i = order[part.start]
        measure, start = measures[i], ends[i] - n_methods * len(grids[i])
        spectra = Spectra(adjacency, floor="auto", nodes=nodes) if measure.log else shared
        for x in grids[i]:
            rows = slice(start, start + n_methods)
            start += n_methods
            try:
                kernel = spectra.kernel(measure, spectra.natural(measure, x))
                rng = np.random.default_rng(seed)
                parts = cluster_kernel(kernel, n_clusters, methods, n_init, rng)
                labels[rows] = [by_first_node(part) for part in parts]
            # What one kernel fails of is no reason to lose the others.
            except (ValueError, ArithmeticError) as error:
                reasons[rows] = f"{type(error).__name__}: {error}"

    run_slices(
        try_measure,
        len(measures),
        slice_size=1,
        n_jobs=n_jobs,
        uses_blas=True,
        verbose=verbose,
        label="Measures",
    )
    return Candidates(
        measure=np.repeat([measure.name for measure in measures], np.diff(ends, prepend=0)),
        param=np.repeat(np.concatenate(grids), n_methods),
        method=np.tile(methods, len(labels) // n_methods),
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

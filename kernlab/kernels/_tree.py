"""Kernel sums to a certified relative error, by blocks of points that cannot matter left out.

Points stand in tiles that are compact in space, each in a box. A block of nearby queries visits the
tiles in the order of what they can contribute at most, nearest first, and leaves one out for a
query when that bound, against the sum so far, fits the tolerance; it stops when all that is left
together does. Sums only grow and nothing is subtracted from them, so what was left out is bounded
relative to the sum itself, in the tails as at the mode.
"""

# The idea of bounds from a spatial tree is that of Gray and Moore, *Nonparametric density
# estimation: toward computational tractability*, SDM 2003; there they are subtracted, here not.

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import FARTHEST
from kernlab.kernels._precision import rounding_of
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import (
    Sources,
    log_kernel_sums,
    own_places,
    prepare_sources,
    query_rows,
    source_rows,
)


@dataclass(frozen=True)
class TreeSources:
    """Points in spatial tiles with their boxes; arrays and scalars only."""

    sources: Sources
    lows: np.ndarray
    highs: np.ndarray
    log_masses: np.ndarray


def prepare_tree(points, *, kernel, root, weights=None):
    """Lay points out for :func:`tree_log_sums`; parameters as of ``prepare_sources``."""
    sources = prepare_sources(points, kernel=kernel, root=root, weights=weights, spatial=True)
    layout = sources.double
    _, n_features, width = layout.tiles.shape
    starts = np.arange(0, sources.n_points, width)
    z = np.moveaxis(layout.tiles, 1, 2).reshape(-1, n_features)[: sources.n_points]
    log_masses = np.log(np.minimum(width, sources.n_points - starts))
    if layout.weights is not None:
        entries = layout.weights
        if profile_of(kernel).bounded:
            with np.errstate(divide="ignore"):
                entries = np.log(entries)
        else:
            entries = entries.copy()
        entries.ravel()[sources.n_points :] = -np.inf
        log_masses = logsumexp(entries, axis=1)
    return TreeSources(
        sources=sources,
        lows=np.minimum.reduceat(z, starts),
        highs=np.maximum.reduceat(z, starts),
        log_masses=log_masses,
    )


def tree_log_sums(
    tree, queries=None, *, rows=None, own=None, rtol=0.0, log_atol=-np.inf, n_jobs=None, verbose=0
):
    """Logarithms of the sums, and bounds on the errors of the logarithms.

    Parameters
    ----------
    tree : TreeSources
    queries : (m, d) array or None
        None takes every point and leaves out its own term.
    rows : index array or None
        Of the points, where ``queries`` is None; None is all.
    own : (m,) array of int or None
        With queries, the source point that each leaves out.
    rtol, log_atol : float
        A sum may lack ``rtol·sum + exp(log_atol)``.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`

    Returns
    -------
    log_sums, errors : (m,) arrays
    """
    sources = tree.sources
    places = own_places(sources, queries, rows, own)
    if queries is None:
        z, z_low = source_rows(sources, places)
    else:
        z, z_low = query_rows(sources, queries)
    m = len(z)
    log_sums, errors = np.empty(m), np.zeros(m)
    near = np.max(np.abs(z), axis=1) <= FARTHEST
    far = np.flatnonzero(~near)
    if far.size:
        mine = None if own is None else own[far]
        log_sums[far] = log_kernel_sums(sources, queries[far], own=mine, n_jobs=n_jobs)[0]
    from kernlab.kernels import _tree_numba as compiled
    from kernlab.kernels._sums_numba import spatial_order

    near = np.flatnonzero(near)
    order = near[spatial_order(z[near], compiled.DIRECT_QUERIES)]

    def work(part):
        block = order[part]
        low = None if z_low is None else z_low[block]
        log_sums[block], errors[block], _ = _evaluate(
            tree, z[block], low, places[block], rtol, log_atol - sources.log_scale
        )

    threads = effective_n_jobs(n_jobs)
    size = compiled.DIRECT_QUERIES * max(1, -(-m // (16 * threads * compiled.DIRECT_QUERIES)))
    run_slices(work, len(order), slice_size=size, n_jobs=threads, verbose=verbose, label="tree")
    return log_sums, errors + rounding_of(sources, log_sums)


def visited_share(tree, *, rtol, log_atol):
    """Share of the tiles that points of the data themselves visit, from some two hundred."""
    sources = tree.sources
    places = np.unique(np.linspace(0, sources.n_points - 1, 224).astype(int))
    z, z_low = source_rows(sources, places)
    log_atol = log_atol - sources.log_scale
    *_, visited = _evaluate(tree, z, z_low, places, rtol, log_atol)
    return visited / (len(places) * len(tree.log_masses))


def _evaluate(tree, z, z_low, own, rtol, log_atol):
    from kernlab.kernels import _tree_numba as compiled
    from kernlab.kernels._sums_numba import initial_shift, kernel_tag

    sources = tree.sources
    layout = sources.double
    m, visited = len(z), np.zeros(1, dtype=np.int64)
    profile = profile_of(sources.kernel)
    shifts = np.full(m, initial_shift(profile, np.float64))
    sums, log_errors = np.zeros(m), np.empty(m)
    compiled.tree_sums(
        kernel_tag(profile, z.shape[1], np.float64),
        layout.tiles,
        layout.low,
        layout.weights,
        tree.lows,
        tree.highs,
        tree.log_masses,
        logsumexp(tree.log_masses),
        sources.n_points,
        np.ascontiguousarray(z),
        z_low,
        own,
        sources.radius,
        rtol,
        log_atol,
        shifts,
        sums,
        log_errors,
        visited,
    )
    with np.errstate(divide="ignore"):
        log_sums = np.log(sums) - shifts
    # log(1 + e): the true sum is larger by at most the share left out; unknown beside nothing.
    left_out = np.zeros(m)
    some = log_errors > -np.inf
    left_out[some] = np.logaddexp(0.0, log_errors[some] - log_sums[some])
    return log_sums + sources.log_scale, left_out, int(visited[0])

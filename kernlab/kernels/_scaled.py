"""Kernel sums in which each point, or each query, has a width of its own.

``log Σ_j w_j s_j^(d/2) K(R⁻¹ (y - x_j) √(s_j t))``: point ``j`` is wider by ``1/√s_j``, and the
query by ``1/√t``. Squared distances are multiplied by both scales after they are formed, so that
nothing is rearranged and every kernel of the table serves.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import FAR_UNIT, to_bandwidths
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import (
    Sources,
    effective_terms,
    initial_sums,
    places_of,
    query_rows,
    slice_size,
    source_rows,
    tiled,
)

# Coordinates beyond this, squared and scaled, are near the overflow of float64.
_FARTHEST = 1e120


class ScaledSources(NamedTuple):
    """Points prepared for scaled sums; the log weights hold the volumes of the scales.

    ``scales`` and ``weights`` stand in tiles as the points do; ``weights`` are logarithms unless
    the kernel is bounded, and then the log sums lack ``log_scale``.
    """

    base: Sources
    log_scales: np.ndarray
    scales: np.ndarray
    weights: np.ndarray
    log_weights: np.ndarray
    log_scale: float


def prepare_scaled(sources, log_scales, log_weights):
    """Scale the points of ``sources``.

    Parameters
    ----------
    sources : Sources
        Prepared with ``spatial=True``: without matrix products.
    log_scales, log_weights : (n,) arrays
        In the order of the points given; the second may be ``-inf``.
    """
    n_features = sources.double.tiles.shape[1]
    order = slice(None) if sources.order is None else sources.order
    log_scales = log_scales[order]
    log_weights = log_weights[order] + n_features / 2 * log_scales
    width, log_scale, entries = sources.double.tiles.shape[2], 0.0, log_weights
    if profile_of(sources.kernel).bounded:
        log_scale = float(log_weights.max())
        entries = np.exp(log_weights - log_scale)
    return ScaledSources(
        base=sources,
        log_scales=log_scales,
        scales=tiled(np.exp(log_scales), width),
        weights=tiled(entries, width),
        log_weights=log_weights,
        log_scale=log_scale,
    )


def scaled_log_sums(
    scaled, queries=None, *, log_query_scales=None, with_effective=False, n_jobs=None, verbose=0
):
    """Logarithms of the scaled kernel sums, with no normaliser.

    Parameters
    ----------
    scaled : result of :func:`prepare_scaled`
    queries : (m, d) array or None
        None takes every point and leaves out its own term.
    log_query_scales : (m,) array or None
        Logarithms of the scales of the queries; their volumes are not in the sums. ``-inf`` makes
        a query infinitely wide.
    with_effective, n_jobs, verbose
        See :func:`kernlab.kernels._sums.log_kernel_sums`.

    Returns
    -------
    log_sums : (1, m) or (2, m) float64 array
        As of :func:`kernlab.kernels._sums.log_kernel_sums`.
    """
    sources = scaled.base
    places = places_of(sources)
    m = sources.n_points if queries is None else len(queries)
    log_query_scales = np.zeros(m) if log_query_scales is None else log_query_scales
    log_sums = np.empty((1 + with_effective, m))
    threads = effective_n_jobs(n_jobs)

    def work(part):
        if queries is None:
            own = places[part]
            z, z_low = source_rows(sources, own)
        else:
            own = np.full(part.stop - part.start, -1)
            z, z_low = query_rows(sources, queries[part])
        query_scales = log_query_scales[part]
        far = ~(np.max(np.abs(z), axis=1) <= _FARTHEST)
        if not far.all():
            z = np.where(far[:, None], 0.0, z)
            log_sums[:, part] = _near_sums(
                scaled, z, z_low, own, np.exp(query_scales), with_effective
            )
        for i in np.flatnonzero(far):
            if queries is None:
                z_far = source_rows(sources, own[i : i + 1])[0][0] * FAR_UNIT
            else:
                query, centre = queries[part.start + i] * FAR_UNIT, sources.centre * FAR_UNIT
                z_far = to_bandwidths(query[None], centre, sources.inverse)[0]
            log_sums[:, part.start + i] = _far_sums(
                scaled, z_far, own[i], query_scales[i], with_effective
            )

    run_slices(
        work,
        m,
        slice_size=slice_size(sources.n_points, m, threads),
        n_jobs=threads,
        verbose=verbose,
        label="kernel sums",
    )
    return log_sums


def _near_sums(scaled, z, z_low, own, query_scales, with_effective):
    from kernlab.kernels import _sums_numba as compiled
    from kernlab.kernels._scaled_numba import scaled_sums

    sources, layout = scaled.base, scaled.base.double
    tag = compiled.kernel_tag(profile_of(sources.kernel), z.shape[1], np.float64)
    shifts, sums, square_sums = initial_sums(sources, len(z))
    scaled_sums(
        tag, layout.tiles, layout.low, scaled.scales, scaled.weights, sources.n_points,
        np.ascontiguousarray(z), z_low, query_scales, own, shifts, sums,
        square_sums if with_effective else None,
    )  # fmt: skip
    with np.errstate(divide="ignore"):
        log_sums = np.log(sums) - shifts + scaled.log_scale
    return np.stack([log_sums, effective_terms(sums, square_sums)])[: 1 + with_effective]


def _far_sums(scaled, z_far, own, log_query_scale, with_effective):
    """The sums of one query so far off that squares may overflow, given in units of FAR_UNIT."""
    sources = scaled.base
    profile, d = profile_of(sources.kernel), len(z_far)
    z, _ = source_rows(sources, np.arange(sources.n_points))
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        log_distance = np.log(np.linalg.norm(z_far - z * FAR_UNIT, axis=1)) - np.log(FAR_UNIT)
        log_u = log_distance + (scaled.log_scales + log_query_scale) / 2
        u = np.exp(log_u)
        log_terms = profile.log_values(np, np.square(u), *profile.parameters(d))
        beyond = np.isinf(np.square(u))
        if profile.far_log is not None:
            far = profile.far_log(u, log_u, *profile.parameters(d))
            log_terms = np.where(beyond, far, log_terms)
        log_terms = np.where(beyond & (profile.far_log is None), -np.inf, log_terms)
        log_terms = log_terms + scaled.log_weights
        if own >= 0:
            log_terms[own] = -np.inf
        log_sum = logsumexp(log_terms)
        shares = np.exp(log_terms - log_sum) if log_sum > -np.inf else np.zeros(1)
    squares = np.sum(np.square(shares))
    return (log_sum, np.sum(shares) ** 2 / squares if squares > 0 else 0.0)[: 1 + with_effective]

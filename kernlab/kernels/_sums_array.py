"""Log kernel sums on any array-API namespace: one body of code for torch, CuPy and strict arrays.

Chunks of queries meet chunks of points; each chunk of log terms is folded into running sums with
the largest term so far as shift. Everything stays on the device of the points, and nothing but
scalars and the d×d bandwidth crosses to or from the host.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from kernlab._core.chunks import chunk_shape
from kernlab._core.namespace import device_of, is_numpy_namespace, namespace_of, on_cpu, scalar
from kernlab._core.progress import progress
from kernlab._core.validation import log_total_weight
from kernlab.kernels._coordinates import (
    FAR_UNIT,
    FARTHEST,
    frame_of,
    from_bandwidths,
    to_bandwidths,
    to_bandwidths_twofold,
)
from kernlab.kernels._precision import LARGEST_SINGLE, product_is_safe, too_coarse
from kernlab.kernels._profiles import profile_of

# Up to here a pass over the table of pairs for each feature costs no more than a matrix product
# whose cancellation must be bounded.
LOOP_FEATURES = 8
# Temporary arrays of the size of a chunk that are alive together.
_TABLES = 5


@dataclass(frozen=True)
class ArraySources:
    """Points prepared for kernel sums in their own namespace; ``z`` has shape (n, d)."""

    kernel: str
    n_points: int
    centre: Any
    root: np.ndarray
    inverse: np.ndarray
    radius: float
    log_total_weight: float
    z: Any
    z_low: Any
    log_weights: Any
    mixed: bool


def prepare_sources(points, *, kernel, root, weights, precision):
    """As :func:`kernlab.kernels._sums.prepare_sources`, for arrays of another namespace."""
    xp = namespace_of(points)
    centre, root, inverse, radius, z, z_low = frame_of(xp.astype(points, xp.float64), root)
    log_weights = None
    if weights is not None:
        weights = xp.astype(weights, xp.float64)
        with np.errstate(divide="ignore"):
            log_weights = xp.log(weights)
    return ArraySources(
        kernel=kernel,
        n_points=points.shape[0],
        centre=centre,
        root=root,
        inverse=inverse,
        radius=radius,
        log_total_weight=log_total_weight(weights, points.shape[0]),
        z=z,
        z_low=z_low,
        log_weights=log_weights,
        mixed=precision == "mixed" and not profile_of(kernel).bounded,
    )


@np.errstate(divide="ignore", over="ignore", invalid="ignore")  # for NumPy in a strict namespace
def log_kernel_sums(sources, queries=None, *, rows=None, own=None, with_effective=False, verbose=0):
    """As :func:`kernlab.kernels._sums.log_kernel_sums`, in the namespace of the sources."""
    xp = namespace_of(sources.z)
    q, q_low = query_rows(sources, queries)
    if own is not None:
        own = xp.asarray(own, device=device_of(q))
    if queries is None:
        own = xp.arange(sources.n_points, device=device_of(q))
        if rows is not None:
            own = xp.asarray(rows, device=device_of(q))
            q = xp.take(q, own, axis=0)
            q_low = None if q_low is None else xp.take(q_low, own, axis=0)
    m = q.shape[0]
    height, width = chunk_shape(m, sources.n_points, 8 * _TABLES, on_cpu=on_cpu(sources.z))
    log_sums = []
    starts = range(0, m, height)
    for start in progress(starts, total=len(starts), verbose=verbose, label="kernel sums"):
        stop = min(start + height, m)
        low = None if q_low is None else q_low[start:stop, ...]
        mine = None if own is None else own[start:stop]
        log_sums.append(
            _rows_of_sums(sources, q[start:stop, ...], low, mine, width, with_effective)
        )
    return xp.concat(log_sums, axis=1)


def query_rows(sources, queries):
    """Queries in bandwidths, and their low parts or None; the points themselves for None."""
    if queries is None:
        return sources.z, sources.z_low
    if sources.z_low is None:
        return to_bandwidths(queries, sources.centre, sources.inverse), None
    q, q_low = to_bandwidths_twofold(queries, sources.centre, sources.inverse)
    # Where the high part overflows, the low part has no meaning.
    xp = namespace_of(q)
    return q, xp.where(xp.isfinite(q_low), q_low, xp.zeros_like(q_low))


def source_points(sources, rows=None):
    """The points themselves, or some of them by number, recovered to rounding."""
    xp = namespace_of(sources.z)
    z = sources.z
    if rows is not None:
        z = xp.take(z, xp.asarray(rows, device=device_of(z)), axis=0)
    return from_bandwidths(z, sources.centre, sources.root)


def _rows_of_sums(sources, q, q_low, own, columns, with_effective):
    xp = namespace_of(q)
    reach = xp.sqrt(xp.sum(q * q, axis=1)) + sources.radius
    if sources.mixed and not with_effective and scalar(xp.max(reach)) <= LARGEST_SINGLE:
        log_sums = _online(sources, q, None, own, columns, with_effective, xp.float32)
        coarse = too_coarse(sources, log_sums[0, ...], reach, by_product=_by_product(sources))
        if not bool(xp.any(coarse)):
            return log_sums
    return _online(sources, q, q_low, own, columns, with_effective, xp.float64)


def _online(sources, q, q_low, own, columns, with_effective, real):
    """Running log sums of some queries over all chunks of points."""
    xp = namespace_of(q)
    peak = xp.full((q.shape[0],), -xp.inf, dtype=xp.float64, device=device_of(q))
    total = xp.zeros_like(peak)
    square_total = xp.zeros_like(peak)
    for _, _, log_terms in term_chunks(sources, q, q_low, own, columns, real):
        peak, shift, rescale = move_peak(peak, log_terms)
        terms = xp.exp(log_terms - xp.astype(shift, real)[:, None])
        total = total * rescale + xp.sum(terms, axis=1, dtype=xp.float64)
        if with_effective:
            squares = xp.sum(terms * terms, axis=1, dtype=xp.float64)
            square_total = square_total * rescale**2 + squares
    shift = xp.where(xp.isfinite(peak), peak, xp.zeros_like(peak))
    results = [xp.log(total) + shift]
    if with_effective:
        ones = xp.ones_like(total)
        results.append(total**2 / xp.where(square_total > 0, square_total, ones))
    return xp.stack(results)


def term_chunks(sources, q, q_low, own, columns, real):
    """Yield chunks of points as (slice, squared distances, log terms), the tables in ``real``."""
    xp = namespace_of(q)
    profile = profile_of(sources.kernel)
    parameters = profile.parameters(q.shape[1])
    n = sources.n_points
    # Squares of farther queries overflow, and a matrix product would take infinity from infinity.
    beyond = not scalar(xp.max(xp.abs(q))) <= FARTHEST
    by_product = _by_product(sources) and not beyond
    for start in range(0, n, columns):
        stop = min(start + columns, n)
        x = sources.z[start:stop, ...]
        x_low = None if q_low is None else sources.z_low[start:stop, ...]
        squared = squared_distances(xp, q, q_low, x, x_low, real, by_product)
        log_terms = profile.log_values(xp, squared, *parameters)
        if beyond and profile.far_log is not None:
            far = far_log_values(profile, q * FAR_UNIT, x * FAR_UNIT)
            log_terms = xp.where(xp.isinf(squared), far, log_terms)
        if sources.log_weights is not None:
            log_weights = xp.astype(sources.log_weights[start:stop], real, copy=False)
            log_terms = log_terms + log_weights[None, :]
        if own is not None:
            theirs = xp.arange(start, stop, device=device_of(q))
            log_terms = xp.where(
                own[:, None] == theirs[None, :], xp.full_like(log_terms, -xp.inf), log_terms
            )
        yield slice(start, stop), squared, log_terms


def move_peak(peak, log_terms):
    """The largest log term so far, the shift to take off, and the factor of the sums so far."""
    xp = namespace_of(peak)
    highest = xp.maximum(peak, xp.astype(xp.max(log_terms, axis=1), xp.float64))
    shift = xp.where(xp.isfinite(highest), highest, xp.zeros_like(highest))
    return highest, shift, xp.exp(peak - shift)


def far_log_values(profile, q, x):
    """Log values (m, n) at distances whose squares overflow, of points times ``FAR_UNIT``."""
    xp = namespace_of(q)
    squared = xp.zeros((q.shape[0], x.shape[0]), dtype=xp.float64, device=device_of(q))
    for k in range(q.shape[1]):
        squared = squared + (q[:, k][:, None] - x[:, k][None, :]) ** 2
    distance = xp.sqrt(squared)
    with np.errstate(over="ignore"):
        return profile.far_log(
            distance / FAR_UNIT,
            xp.log(distance) - math.log(FAR_UNIT),
            *profile.parameters(q.shape[1]),
        )


def _by_product(sources):
    """Whether matrix products are accurate enough in double precision, and worth it."""
    if sources.z.shape[1] <= LOOP_FEATURES or not profile_of(sources.kernel).by_product:
        return False
    return product_is_safe(sources.radius)


def squared_distances(xp, q, q_low, x, x_low, real, by_product):
    q, x = xp.astype(q, real, copy=False), xp.astype(x, real, copy=False)
    if by_product and q_low is None:
        squared = xp.sum(q * q, axis=1)[:, None] + xp.sum(x * x, axis=1)[None, :] - 2 * (q @ x.T)
        return xp.maximum(squared, xp.zeros_like(squared))
    if q_low is None and is_numpy_namespace(xp):
        return cdist(q, x, "sqeuclidean")  # from differences, as below
    squared = xp.zeros((q.shape[0], x.shape[0]), dtype=real, device=device_of(q))
    for k in range(q.shape[1]):
        difference = q[:, k][:, None] - x[:, k][None, :]
        if q_low is not None:
            difference = difference + (q_low[:, k][:, None] - x_low[:, k][None, :])
        squared = squared + difference * difference
    return squared

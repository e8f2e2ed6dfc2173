"""Gradients of log kernel sums, on any array-API namespace.

With ``p_j`` the share of point ``j`` in the sum and ``g_j`` its pull (``-2 d log k / dx``), the
gradient is ``R⁻ᵀ Σ_j p_j g_j (z_j - z)``, for a Gaussian kernel the mean shift. Sums over chunks of
points are kept relative to the largest term so far, so that shares are right at any distance.
"""

# Reference: Comaniciu and Meer, *Mean Shift: A Robust Approach Toward Feature Space Analysis*, IEEE
# TPAMI, 2002.

import numpy as np

from kernlab._core.chunks import chunk_shape
from kernlab._core.namespace import device_of, from_numpy, is_numpy_namespace, namespace_of, on_cpu
from kernlab._core.progress import progress
from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import FARTHEST
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import as_array_sources
from kernlab.kernels._sums_array import move_peak, query_rows, term_chunks

# Temporary arrays of the size of a chunk that are alive together.
_TABLES = 8
# A table of so many queries and points stays in a core's second cache.
_ROWS, _COLUMNS = 64, 1024


def log_sum_gradients(sources, queries, *, n_jobs=None, verbose=0):
    """Gradient of the log kernel sum at each query.

    Parameters
    ----------
    sources : result of :func:`kernlab.kernels._sums.prepare_sources`
    queries : (m, d) array of the namespace of the points
    n_jobs, verbose : see :func:`run_slices`

    Returns
    -------
    gradients : (m, d) float64 array
        NaN where the sum is zero, and past 1e150 bandwidths from the centre of the points.

    Notes
    -----
    O(m·n·d) time, in chunks of bounded size.
    """
    sources = as_array_sources(sources)
    xp = namespace_of(sources.z)
    m = queries.shape[0]
    if not is_numpy_namespace(xp):
        rows, columns = chunk_shape(m, sources.n_points, 8 * _TABLES, on_cpu=on_cpu(sources.z))
        starts = range(0, m, rows)
        parts = [
            _rows_of_gradients(sources, queries[start : min(start + rows, m), ...], columns)
            for start in progress(starts, total=len(starts), verbose=verbose, label="gradients")
        ]
        return xp.concat(parts, axis=0)
    gradients = np.empty(queries.shape)

    def work(part):
        gradients[part] = _rows_of_gradients(sources, queries[part], _COLUMNS)

    run_slices(
        work,
        m,
        slice_size=_ROWS,
        n_jobs=effective_n_jobs(n_jobs),
        uses_blas=True,
        verbose=verbose,
        label="gradients",
    )
    return gradients


def _rows_of_gradients(sources, queries, columns):
    # The error state of NumPy belongs to a thread.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        q, q_low = query_rows(sources, queries)
        return _gradients(sources, q, q_low, columns)


def _gradients(sources, q, q_low, columns):
    xp = namespace_of(q)
    profile = profile_of(sources.kernel)
    parameters = profile.parameters(q.shape[1])
    peak = xp.full((q.shape[0],), -xp.inf, dtype=xp.float64, device=device_of(q))
    total, pulled = xp.zeros_like(peak), xp.zeros_like(q)
    for part, squared, log_terms in term_chunks(sources, q, q_low, None, columns, xp.float64):
        peak, shift, rescale = move_peak(peak, log_terms)
        terms = xp.exp(log_terms - shift[:, None])
        total = total * rescale + xp.sum(terms, axis=1)
        terms = terms * profile.pull(xp, squared, *parameters)
        x_low = None if q_low is None else sources.z_low[part, ...]
        offsets = _weighted_offsets(xp, terms, q, q_low, sources.z[part, ...], x_low)
        pulled = pulled * rescale[:, None] + offsets
    inverse = from_numpy(sources.inverse, q)
    gradients = pulled / total[:, None]
    gradients = gradients * inverse if inverse.ndim < 2 else gradients @ inverse
    near = xp.max(xp.abs(q), axis=1) <= FARTHEST
    return xp.where(near[:, None], gradients, xp.full_like(gradients, xp.nan))


def _weighted_offsets(xp, terms, q, q_low, x, x_low):
    """``Σ_j terms_ij (x_j - q_i)``; differences first where coordinates take two floats."""
    if q_low is None:
        return terms @ x - xp.sum(terms, axis=1)[:, None] * q
    offsets = []
    for k in range(q.shape[1]):
        difference = x[:, k][None, :] - q[:, k][:, None]
        difference = difference + (x_low[:, k][None, :] - q_low[:, k][:, None])
        offsets.append(xp.sum(terms * difference, axis=1))
    return xp.stack(offsets, axis=1)

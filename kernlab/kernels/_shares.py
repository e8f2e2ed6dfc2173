"""Shares of points in a Gaussian kernel sum, right however far the query is.

Far from the data the energies of all points are huge and nearly alike, and their difference, which
decides the shares, would be lost to rounding. It is formed from the coordinates instead: with
``b`` the likeliest point, ``|q - a|² - |q - b|² = (b - a)·((q - a) + (q - b))``.
"""

import numpy as np

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import FARTHEST, to_bandwidths, to_bandwidths_twofold

# Entries of a table of queries and points; several stay in a core's second cache.
TABLE_PAIRS = 2**14


def with_log_shares(frame, log_weights, queries, work, *, n_jobs=None, verbose=0, label=""):
    """Call ``work(slice, log_shares)`` on tables of consecutive queries and all points.

    Parameters
    ----------
    frame : Frame
        Points in bandwidths, NumPy.
    log_weights : (n,) array
        Finite.
    queries : (m, d) array
        In the units of the data, within 1e150 bandwidths.
    work : callable
        Gets logarithms of shares, a (rows, n) array whose rows sum to one when exponentiated.
    n_jobs, verbose, label : see :func:`run_slices`

    Notes
    -----
    O(m·n·d) time; memory O(n) beside the result of ``work``.
    """

    def one(part):
        with np.errstate(under="ignore"):
            work(part, _log_shares(frame, log_weights, queries[part]))

    run_slices(
        one,
        len(queries),
        slice_size=max(1, TABLE_PAIRS // len(frame.z)),
        n_jobs=effective_n_jobs(n_jobs),
        uses_blas=True,
        verbose=verbose,
        label=label,
    )


def within_reach(frame, queries):
    """Whether each query is so near that squares of distances in bandwidths are finite."""
    q = to_bandwidths(queries, frame.centre, frame.inverse)
    return np.max(np.abs(q), axis=1) <= FARTHEST


def differences(frame, queries, k):
    """``q - z`` of all queries and points in feature ``k``, in bandwidths: (m, n)."""
    q, q_low = _placed(frame, queries)
    return _differences(frame, q, q_low, k)


def log_sum_exp(table):
    """Logarithms of the rows' sums of exponentials, for rows with a finite largest entry."""
    peak = np.max(table, axis=1, keepdims=True)
    return (peak + np.log(np.sum(np.exp(table - peak), axis=1, keepdims=True)))[:, 0]


def _log_shares(frame, log_weights, queries):
    q, q_low = _placed(frame, queries)
    offsets = [_differences(frame, q, q_low, k) for k in range(q.shape[1])]
    squared = sum(np.square(offset) for offset in offsets)
    likeliest = np.argmin(squared - 2 * log_weights, axis=1)
    excess = np.zeros_like(squared)
    for k, offset in enumerate(offsets):
        z = frame.z[:, k]
        gap = z[likeliest][:, None] - z
        if frame.z_low is not None:
            low = frame.z_low[:, k]
            gap += low[likeliest][:, None] - low
        own = np.take_along_axis(offset, likeliest[:, None], axis=1)
        excess += gap * (offset + own)
    log_terms = log_weights - excess / 2
    return log_terms - log_sum_exp(log_terms)[:, None]


def _placed(frame, queries):
    if frame.z_low is None:
        return to_bandwidths(queries, frame.centre, frame.inverse), None
    return to_bandwidths_twofold(queries, frame.centre, frame.inverse)


def _differences(frame, q, q_low, k):
    offset = q[:, k][:, None] - frame.z[:, k]
    if q_low is not None:
        offset += q_low[:, k][:, None] - frame.z_low[:, k]
    return offset

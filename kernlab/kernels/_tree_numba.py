"""Compiled parts of the certified sums over spatial blocks; see ``_tree``."""

import math

import numpy as np
from numba.extending import overload

from kernlab._core.jit import FAST, njit
from kernlab.kernels._sums_numba import (
    DIRECT_QUERIES,
    _bounded,
    _direct_tile,
    _energy,
    _limits,
    _profile_of,
    _real_of,
    _row,
)

# Revision of the files inlined here (_core/fastmath.py, _core/jit.py, kernels/_formulas.py,
# kernels/_profiles.py, kernels/_sums_numba.py); a test says when it is stale.
INLINED_REVISION = "ff68bf24"

_EPS = 2.0**-53
_LOG_TWO = math.log(2.0)
# More than the rounding of a sum of logarithms.
_SPARE = 1e-12


def _log_value(tag, x):
    raise TypeError("compiled code only")


@overload(_log_value, inline="always")
def _compile_log_value(tag, x):
    profile, real = _profile_of(tag), _real_of(x)
    if profile.bounded:
        value = profile.value(real)
        return lambda tag, x: math.log(value(x))  # -inf outside the support
    if profile.factor is None:
        return lambda tag, x: -_energy(tag, x)
    factor = profile.factor(real)
    return lambda tag, x: math.log(factor(_energy(tag, x))) - _energy(tag, x)


# --- Sums ----------------------------------------------------------------------------------------


@njit(fastmath=FAST)
def _gap(low, high, query_low, query_high, slack):
    """Least squared distance between two boxes, rounded down; ``slack`` is their rounding."""
    total = 0.0
    for f in range(low.shape[0]):
        gap = max(low[f] - query_high[f], query_low[f] - high[f]) - slack
        if gap > 0:
            total += gap * gap
    return total * (1 - (16 + 2 * low.shape[0]) * _EPS)


@njit(fastmath=FAST)
def _suffix_sums(log_bounds, order, rest):
    """``rest[r] = log Σ exp(log_bounds[order[s]])`` over ``s ≥ r``."""
    rest[order.shape[0]] = -np.inf
    for r in range(order.shape[0] - 1, -1, -1):
        rest[r] = _log_add(rest[r + 1], log_bounds[order[r]])


@njit(fastmath=FAST)
def _log_add(a, b):
    """``log(exp(a) + exp(b))``."""
    large, small = max(a, b), min(a, b)
    if small == -np.inf:
        return large
    return large + math.log1p(math.exp(small - large))


@njit(fastmath=FAST)
def tree_sums(
    tag, tiles, tiles_low, weights, lows, highs, log_masses, log_total, n_points, queries,
    queries_low, own, radius, rtol, log_atol, shifts, sums, log_errors, visited,
):  # fmt: skip
    """Sums over all tiles to within a tolerance, tiles that cannot matter left out.

    Parameters
    ----------
    tag, tiles, tiles_low, weights, n_points, queries, queries_low, own, shifts, sums
        See :func:`kernlab.kernels._sums_numba.direct_sums`.
    lows, highs : (n_tiles, d) arrays
        Boxes that hold the points of the tiles.
    log_masses : (n_tiles,) array
        Logarithms of the tiles' total weights, and ``log_total`` of all.
    radius : float
        Largest size of a coordinate of the points.
    rtol, log_atol : float
        What is left out of a sum is at most ``rtol·sum + exp(log_atol)``.
    log_errors : (m,) array, out
        Logarithms of bounds on what was left out; not on the scale of ``sums``, which moves.
    visited : (1,) int64 array, in and out
        Counts pairs of a query and a tile.
    """
    n_tiles, n_features, width = tiles.shape
    squared = np.empty((4, width), tiles.dtype)
    log_bounds, rest = np.empty(n_tiles), np.empty(n_tiles + 1)
    query_low, query_high = np.empty(n_features), np.empty(n_features)
    active = np.empty(DIRECT_QUERIES, np.int64)
    # The queries that meet a tile, side by side.
    block = np.empty((DIRECT_QUERIES, n_features), tiles.dtype)
    block_low = None if queries_low is None else np.empty((DIRECT_QUERIES, n_features))
    block_own = np.empty(DIRECT_QUERIES, np.int64)
    block_shifts, block_sums = np.empty(DIRECT_QUERIES), np.empty(DIRECT_QUERIES)
    _, largest = _limits(squared)
    for first in range(0, queries.shape[0], DIRECT_QUERIES):
        last = min(queries.shape[0], first + DIRECT_QUERIES)
        for f in range(n_features):
            query_low[f] = queries[first, f]
            query_high[f] = queries[first, f]
            for i in range(first + 1, last):
                query_low[f] = min(query_low[f], queries[i, f])
                query_high[f] = max(query_high[f], queries[i, f])
        # Coordinates of tiles, boxes and queries are rounded by half an ulp of the largest.
        slack = radius
        for f in range(n_features):
            slack = max(slack, max(abs(query_low[f]), abs(query_high[f])))
        slack *= 8 * _EPS
        for t in range(n_tiles):
            gap = _gap(lows[t], highs[t], query_low, query_high, slack)
            log_bounds[t] = log_masses[t] + _log_value(tag, gap)
        order = np.argsort(-log_bounds)
        _suffix_sums(log_bounds, order, rest)
        n_waiting = last - first
        for i in range(first, last):
            log_errors[i] = -np.inf
        log_rtol = math.log(rtol)
        finished = np.zeros(last - first, np.bool_)
        for r in range(n_tiles):
            t = order[r]
            count = 0
            for i in range(first, last):
                if finished[i - first]:
                    continue
                if _bounded(tag) or shifts[i] < largest:
                    permitted = _log_add(log_rtol + math.log(sums[i]) - shifts[i], log_atol)
                    error = _log_add(log_errors[i], rest[r]) + _SPARE
                    if rest[r] == -np.inf or error <= permitted:
                        if rest[r] > -np.inf:
                            log_errors[i] = error
                        finished[i - first] = True
                        n_waiting -= 1
                        continue
                    gap = _gap(lows[t], highs[t], queries[i], queries[i], slack)
                    bound = log_masses[t] + _log_value(tag, gap)
                    if bound == -np.inf:
                        continue
                    # A tile may be left out if it takes no more than half its share.
                    if bound <= permitted + log_masses[t] - log_total - _LOG_TWO:
                        error = _log_add(log_errors[i], bound) + _SPARE
                        if error <= permitted:
                            log_errors[i] = error
                            continue
                active[count] = i
                count += 1
            if n_waiting == 0:
                break
            if count == 0:
                continue
            for k in range(count):
                i = active[k]
                block[k] = queries[i]
                if block_low is not None:
                    block_low[k] = queries_low[i]
                block_own[k], block_shifts[k], block_sums[k] = own[i], shifts[i], sums[i]
            visited[0] += count
            start = t * width
            _direct_tile(
                tag, tiles[t], _row(tiles_low, t), _row(weights, t),
                min(width, n_points - start), start, block, block_low, 0, count, block_own,
                squared, block_shifts, block_sums, None,
            )  # fmt: skip
            for k in range(count):
                i = active[k]
                shifts[i], sums[i] = block_shifts[k], block_sums[k]

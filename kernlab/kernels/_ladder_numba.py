"""Compiled ladder sums: eight bandwidths from one exponential.

Each halving of ``h²`` doubles every energy, so a Gaussian term at the next level of the ladder is
the square of the term at this one. Distances are those of ``_sums_numba``; only what follows them
differs. The shift of a query is the least energy so far, found before any exponential: a term one
unit above it would be e at level 0 and ``exp(128)`` seven levels on.
"""

import math

import numpy as np

from kernlab._core.fastmath import vector_exp, vector_max, vector_min, wide_vectors
from kernlab._core.jit import FAST, njit
from kernlab.kernels._sums_numba import (
    DIRECT_QUERIES,
    PRODUCT_QUERIES,
    _add_norms,
    _centred,
    _distances,
    _distances_twofold,
    _row,
)

# Revision of what is inlined here (_core/fastmath.py, _core/jit.py and the functions above); a test
# says when it is stale. Changing it changes this file, and so renews Numba's disk cache.
INLINED_REVISION = "460ffe47"

#: Levels of one pass: with sixteen, the sums would no longer fit the registers.
LEVELS = 8
# Terms are raised to e^-88 before every third squaring, so that the squares stay above e^-708: a
# processor takes a hundred times as long over numbers below the normal range. The nearest point's
# term is 1, so a sum of fewer than 1e20 terms does not notice.
LOG_FLOOR = -88.0
FLOOR = math.exp(LOG_FLOOR)


@njit(fastmath=FAST)
def _least(squared, k, weights, width):
    """Least squared distance among the points that have weight."""
    wide_vectors()
    least = np.inf
    if weights is None:
        for j in range(width):
            least = vector_min(least, squared[k, j])
        return least
    for j in range(width):
        least = vector_min(least, squared[k, j] if weights[j] > 0.0 else np.inf)
    return least


@njit(fastmath=FAST)
def _tile_levels(squared, k, weights, width, shift, factor):
    """Sums over a tile of ``w_j t_j^(2^level)``, ``t_j = exp(shift - factor·squared)``.

    Overwrites the row with ``t``: the exponential's constants and the eight sums do not fit the
    registers together, so the one loop is two.
    """
    wide_vectors()
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    if weights is None:
        for j in range(width):
            t = vector_exp(vector_max(shift - factor * squared[k, j], LOG_FLOOR))
            squared[k, j] = t
            s0 += t
    else:
        for j in range(width):
            # A point without weight may be nearer than the shift, and its powers would overflow.
            exponent = vector_min(shift - factor * squared[k, j], 0.0)
            t = vector_exp(vector_max(exponent, LOG_FLOOR))
            squared[k, j] = t
            s0 += weights[j] * t
    for j in range(width):
        weight = 1.0
        if weights is not None:
            weight = weights[j]
        t = squared[k, j]
        t = t * t
        s1 += weight * t
        t = t * t
        s2 += weight * t
        t = t * t
        s3 += weight * t
        t = vector_max(t, FLOOR)
        t = t * t
        s4 += weight * t
        t = t * t
        s5 += weight * t
        t = t * t
        s6 += weight * t
        t = vector_max(t, FLOOR)
        t = t * t
        s7 += weight * t
    return s0, s1, s2, s3, s4, s5, s6, s7


@njit(fastmath=FAST)
def _fold(squared, count, weights, width, start, own, first, factor, shifts, sums):
    """Add the tile that starts at point ``start`` to the sums of ``count`` queries from ``first``.

    ``weights`` are plain numbers, the largest of all being 1; row ``k`` of ``squared`` belongs to
    query ``first + k``.
    """
    for k in range(count):
        i = first + k
        excluded = own[i] - start
        if 0 <= excluded < width:
            squared[k, excluded] = np.inf
        least = factor * _least(squared, k, weights, width)
        if not least < np.inf:
            continue  # nothing but the query itself and points without weight
        if least < shifts[i]:
            scale = math.exp(max(least - shifts[i], -745.0))
            for level in range(sums.shape[1]):
                sums[i, level] *= scale
                scale *= scale
            shifts[i] = least
        levels = _tile_levels(squared, k, weights, width, shifts[i], factor)
        for level in range(sums.shape[1]):
            sums[i, level] += levels[level]


@njit(fastmath=FAST)
def _direct_tile(
    tile, tile_low, weights, width, start, queries, queries_low, first, last, own, squared, factor,
    shifts, sums,
):  # fmt: skip
    end = last - 1
    for i in range(first, last, 4):
        rows = (i, min(i + 1, end), min(i + 2, end), min(i + 3, end))
        if tile_low is None:
            _distances(tile, queries, rows, width, squared)
        else:
            _distances_twofold(tile, tile_low, queries, queries_low, rows, width, squared)
        _fold(squared, min(4, last - i), weights, width, start, own, i, factor, shifts, sums)


@njit(fastmath=FAST)
def direct_levels(
    tiles, tiles_low, weights, n_points, queries, queries_low, own, factor, shifts, sums
):
    """Sums of a block of queries at eight levels, by direct differences.

    Parameters
    ----------
    tiles : (n_tiles, d, width) array
    tiles_low : array of the same shape, or None
        Low parts of coordinates carried as two floats; then ``queries_low`` too.
    weights : (n_tiles, width) array or None
        Between 0 and 1.
    queries : (m, d) array
    own : (m,) int array
        The point whose term is left out of each query's sums, -1 for none.
    factor : float
        Energy of a squared distance at level 0.
    shifts : (m,) array, sums : (m, 8) array
        Updated in place: least energies, from a large number, and sums of
        ``w exp(2^level (shift - energy))``, from zero.
    """
    squared = np.empty((4, tiles.shape[2]))
    for first in range(0, queries.shape[0], DIRECT_QUERIES):
        last = min(queries.shape[0], first + DIRECT_QUERIES)
        for t in range(tiles.shape[0]):
            start = t * tiles.shape[2]
            width = min(tiles.shape[2], n_points - start)
            _direct_tile(
                tiles[t], _row(tiles_low, t), _row(weights, t), width, start, queries, queries_low,
                first, last, own, squared, factor, shifts, sums,
            )  # fmt: skip


@njit(fastmath=FAST)
def product_levels(
    tiles, tiles_low, centres, norms, by_product, weights, n_points, queries, queries_low, own,
    factor, shifts, sums,
):  # fmt: skip
    """As :func:`direct_levels`, with matrix products for the tiles that permit them."""
    squared = np.empty((4, tiles.shape[2]))
    product = np.empty((PRODUCT_QUERIES, tiles.shape[2]))
    centred = np.empty((PRODUCT_QUERIES, tiles.shape[1]))
    query_norms = np.empty(PRODUCT_QUERIES)
    for first in range(0, queries.shape[0], PRODUCT_QUERIES):
        last = min(queries.shape[0], first + PRODUCT_QUERIES)
        for t in range(tiles.shape[0]):
            start = t * tiles.shape[2]
            width = min(tiles.shape[2], n_points - start)
            if not by_product[t]:
                _direct_tile(
                    tiles[t], _row(tiles_low, t), _row(weights, t), width, start, queries,
                    queries_low, first, last, own, squared, factor, shifts, sums,
                )  # fmt: skip
                continue
            for i in range(first, last):
                query_norms[i - first] = _centred(
                    queries[i], _row(queries_low, i), centres[t], centred[i - first]
                )
            np.dot(centred[: last - first], tiles[t], product[: last - first])
            for i in range(first, last):
                _add_norms(product, i - first, norms, t, query_norms[i - first], width)
            _fold(
                product, last - first, _row(weights, t), width, start, own, first, factor, shifts,
                sums,
            )  # fmt: skip

"""Compiled log kernel sums: one thread's work on one block of queries.

Source points stand in tiles, feature by feature, some 512 points to a tile: a tile of a few
features stays in the first cache while 32 queries pass over it, and every inner loop runs along a
tile with vector instructions. Squared distances are written to a small buffer, four queries at a
time, so that a coordinate read once serves four; one fused loop then turns the buffer into kernel
values and sums them.

Sums are kept as ``Σ exp(shift - energy)``. The first tile sets the shift to its least energy. If a
later tile is nearer, its sum shows it by passing a threshold (exponents are clamped, so nothing
overflows); then the shift moves to that tile's least energy, the sum so far is scaled, and this
one tile is done again. Hence the nearest point contributes between 1 and ``exp(300)``, and the
logarithm is accurate wherever the query lies.

The kernel is chosen by the type of ``tag``, whose first part is a tuple of zeros one longer than
the kernel's number; its second part holds the kernel's parameters, if it has any, as values. Numba
compiles and caches one variant for each type, so a fit pays for the kernel it uses, whatever its
parameters, and the vector loops hold no branch on it.
"""

import math

import numpy as np
from numba import float32
from numba.extending import overload

from kernlab._core.fastmath import vector_exp, vector_min, wide_vectors
from kernlab._core.jit import FAST, njit
from kernlab.kernels._profiles import compiled_profile, kernel_code

# Revision of the files inlined here (_core/fastmath.py, _core/jit.py, kernels/_formulas.py and
# kernels/_profiles.py); a test says when it is stale. Changing it changes this file, and so renews
# Numba's disk cache.
INLINED_REVISION = "3c9a4359"

TILE = 512
# Queries that stay with one tile: few enough that the tile stays in the first cache, and so many
# that BLAS packs it rarely.
DIRECT_QUERIES = 32
PRODUCT_QUERIES = 256
# A tile's sum above the first moves the shift: below it no exponent came near the clamp of
# vector_exp (700 and 78), and neither the sum nor that of squares overflows. The second keeps a
# shift finite, so that shift - energy is never inf - inf.
_LIMITS = {
    np.float64: (math.exp(300.0), np.float64(1e307)),
    np.float32: (math.exp(70.0), np.float32(1e37)),
}


def initial_shift(profile, real):
    """What the shifts start as: more than any energy, and none for kernels of bounded support."""
    return 0.0 if profile.bounded else _LIMITS[real][1]


def kernel_tag(profile, n_features, real):
    """The value whose type selects the kernel in compiled code."""
    return (0,) * (kernel_code(profile) + 1), tuple(map(real, profile.parameters(n_features)))


def _profile_of(tag):
    return compiled_profile(len(tag[0]) - 1)


def _real_of(x):
    return np.float32 if x == float32 else np.float64


# --- One kernel value --------------------------------------------------------------------------


def _bounded(tag):
    raise TypeError("compiled code only")


def _energy(tag, x):
    raise TypeError("compiled code only")


def _value(tag, x, shift):
    raise TypeError("compiled code only")


def _limits(squared):
    raise TypeError("compiled code only")


@overload(_bounded, inline="always")
def _compile_bounded(tag):
    if _profile_of(tag).bounded:
        return lambda tag: True
    return lambda tag: False


@overload(_energy, inline="always")
def _compile_energy(tag, x):
    profile = _profile_of(tag)
    if profile.bounded:
        return lambda tag, x: x
    energy = profile.energy(_real_of(x))
    if len(tag[1]):
        return lambda tag, x: energy(x, tag[1])
    return lambda tag, x: energy(x)


@overload(_value, inline="always")
def _compile_value(tag, x, shift):
    profile, real = _profile_of(tag), _real_of(x)
    if profile.bounded:
        value = profile.value(real)
        return lambda tag, x, shift: value(x)
    if profile.factor is None:
        return lambda tag, x, shift: vector_exp(shift - _energy(tag, x))
    factor = profile.factor(real)
    return lambda tag, x, shift: vector_exp(shift - _energy(tag, x)) * factor(_energy(tag, x))


@overload(_limits, inline="always")
def _compile_limits(squared):
    redo_above, largest = _LIMITS[_real_of(squared.dtype)]
    return lambda squared: (redo_above, largest)


# --- One tile and one query ----------------------------------------------------------------------


@njit(fastmath=FAST)
def _least_energy(tag, squared, k, log_weights, width):
    wide_vectors()
    least = squared.dtype.type(np.inf)
    if log_weights is None:
        for j in range(width):
            least = vector_min(least, squared[k, j])
        return _energy(tag, least)
    for j in range(width):
        least = vector_min(least, _energy(tag, squared[k, j]) - log_weights[j])
    return least


@njit(fastmath=FAST)
def _tile_sum(tag, squared, k, weights, width, shift):
    """Sum of weighted kernel values; ``weights`` are logarithms unless the kernel is bounded."""
    wide_vectors()
    total = squared.dtype.type(0)
    if weights is None:
        for j in range(width):
            total += _value(tag, squared[k, j], shift)
    elif _bounded(tag):
        for j in range(width):
            total += weights[j] * _value(tag, squared[k, j], shift)
    else:
        for j in range(width):
            total += _value(tag, squared[k, j], shift + weights[j])
    return total


@njit(fastmath=FAST)
def _tile_square_sum(tag, squared, k, weights, width, shift):
    """Sum of the squares of the terms of :func:`_tile_sum`, in double precision."""
    wide_vectors()
    total = 0.0
    if weights is None:
        for j in range(width):
            term = np.float64(_value(tag, squared[k, j], shift))
            total += term * term
    elif _bounded(tag):
        for j in range(width):
            term = np.float64(weights[j] * _value(tag, squared[k, j], shift))
            total += term * term
    else:
        for j in range(width):
            term = np.float64(_value(tag, squared[k, j], shift + weights[j]))
            total += term * term
    return total


@njit(fastmath=FAST)
def _move_shift(tag, squared, k, weights, width, i, shifts, sums, square_sums):
    """Move the shift of query ``i`` to this tile's least energy if that is less; sum again."""
    real = squared.dtype.type
    _, largest = _limits(squared)
    least = np.float64(min(_least_energy(tag, squared, k, weights, width), largest))
    if least < shifts[i]:
        scale = math.exp(least - shifts[i])
        sums[i] *= scale
        if square_sums is not None:
            square_sums[i] *= scale * scale
        shifts[i] = least
    return np.float64(_tile_sum(tag, squared, k, weights, width, real(shifts[i])))


@njit(fastmath=FAST)
def _fold(tag, squared, count, weights, width, start, own, first, shifts, sums, square_sums):
    """Add the tile that starts at point ``start`` to the sums of ``count`` queries from ``first``.

    Row ``k`` of ``squared`` holds the squared distances of query ``first + k``.
    """
    wide_vectors()
    real = squared.dtype.type
    redo_above, largest = _limits(squared)
    for k in range(count):
        excluded = own[first + k] - start
        if 0 <= excluded < width:
            squared[k, excluded] = np.inf
    for k in range(count):
        i = first + k
        if _bounded(tag):
            total = np.float64(_tile_sum(tag, squared, k, weights, width, real(0)))
        else:
            total = np.inf
            if shifts[i] < largest:
                total = np.float64(_tile_sum(tag, squared, k, weights, width, real(shifts[i])))
            if total > redo_above:
                total = _move_shift(tag, squared, k, weights, width, i, shifts, sums, square_sums)
        sums[i] += total
        if square_sums is not None:
            square_sums[i] += _tile_square_sum(tag, squared, k, weights, width, real(shifts[i]))


@njit
def _row(rows, t):
    """Row ``t``, or None of None (resolved when compiled)."""
    if rows is None:
        return None
    return rows[t]


# --- Squared distances of one tile to four queries ------------------------------------------------


@njit(fastmath=FAST)
def _distances(tile, queries, rows, width, squared):
    """``squared[k, j] = ‖queries[rows[k]] - tile[:, j]‖²`` for four rows, features by two."""
    wide_vectors()
    n_features = tile.shape[0]
    a, b, c, d = rows
    a0, b0, c0, d0 = queries[a, 0], queries[b, 0], queries[c, 0], queries[d, 0]
    if n_features == 1:
        for j in range(width):
            x = tile[0, j]
            squared[0, j] = (a0 - x) * (a0 - x)
            squared[1, j] = (b0 - x) * (b0 - x)
            squared[2, j] = (c0 - x) * (c0 - x)
            squared[3, j] = (d0 - x) * (d0 - x)
        return
    a1, b1, c1, d1 = queries[a, 1], queries[b, 1], queries[c, 1], queries[d, 1]
    if n_features % 2:
        a2, b2, c2, d2 = queries[a, 2], queries[b, 2], queries[c, 2], queries[d, 2]
        for j in range(width):
            x, y, z = tile[0, j], tile[1, j], tile[2, j]
            squared[0, j] = (a0 - x) * (a0 - x) + (a1 - y) * (a1 - y) + (a2 - z) * (a2 - z)
            squared[1, j] = (b0 - x) * (b0 - x) + (b1 - y) * (b1 - y) + (b2 - z) * (b2 - z)
            squared[2, j] = (c0 - x) * (c0 - x) + (c1 - y) * (c1 - y) + (c2 - z) * (c2 - z)
            squared[3, j] = (d0 - x) * (d0 - x) + (d1 - y) * (d1 - y) + (d2 - z) * (d2 - z)
    else:
        for j in range(width):
            x, y = tile[0, j], tile[1, j]
            squared[0, j] = (a0 - x) * (a0 - x) + (a1 - y) * (a1 - y)
            squared[1, j] = (b0 - x) * (b0 - x) + (b1 - y) * (b1 - y)
            squared[2, j] = (c0 - x) * (c0 - x) + (c1 - y) * (c1 - y)
            squared[3, j] = (d0 - x) * (d0 - x) + (d1 - y) * (d1 - y)
    for f in range(2 + n_features % 2, n_features, 2):
        a0, b0, c0, d0 = queries[a, f], queries[b, f], queries[c, f], queries[d, f]
        a1, b1, c1, d1 = queries[a, f + 1], queries[b, f + 1], queries[c, f + 1], queries[d, f + 1]
        for j in range(width):
            x, y = tile[f, j], tile[f + 1, j]
            squared[0, j] += (a0 - x) * (a0 - x) + (a1 - y) * (a1 - y)
            squared[1, j] += (b0 - x) * (b0 - x) + (b1 - y) * (b1 - y)
            squared[2, j] += (c0 - x) * (c0 - x) + (c1 - y) * (c1 - y)
            squared[3, j] += (d0 - x) * (d0 - x) + (d1 - y) * (d1 - y)


@njit(fastmath={"contract", "nsz"})
def _distances_twofold(tile, tile_low, queries, queries_low, rows, width, squared):
    """The same for coordinates carried as sums of two floats; nothing may be reordered here."""
    wide_vectors()
    for k in range(4):
        squared[k, :width] = 0
        for f in range(tile.shape[0]):
            q, q_low = queries[rows[k], f], queries_low[rows[k], f]
            for j in range(width):
                difference = (q - tile[f, j]) + (q_low - tile_low[f, j])
                squared[k, j] += difference * difference


# --- Spatial order --------------------------------------------------------------------------------


@njit
def _select(values, members, first, last, middle):
    """Reorder ``members[first:last]`` so that the ones before ``middle`` have the least values."""
    low, high = first, last - 1
    while low < high:
        a, b, c = values[members[low]], values[members[(low + high) // 2]], values[members[high]]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[members[i]] < pivot:
                i += 1
            while values[members[j]] > pivot:
                j -= 1
            if i <= j:
                members[i], members[j] = members[j], members[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit
def spatial_order(z, leaf):
    """Order in which each run of ``leaf`` points is compact: halves along the widest feature."""
    n, n_features = z.shape
    members = np.arange(n)
    stack = [(0, n)]
    while len(stack) > 0:
        first, last = stack.pop()
        n_leaves = -(-(last - first) // leaf)
        if n_leaves <= 1:
            continue
        widest, extent = 0, -1.0
        for f in range(n_features):
            low = high = z[members[first], f]
            for k in range(first + 1, last):
                low = min(low, z[members[k], f])
                high = max(high, z[members[k], f])
            if high - low > extent:
                widest, extent = f, high - low
        # Only the last run may be short: the right half keeps the remainder.
        middle = first + n_leaves // 2 * leaf
        if extent > 0:
            _select(z[:, widest], members, first, last, middle)
            stack.append((first, middle))
            stack.append((middle, last))
    return members


# --- All tiles, one block of queries --------------------------------------------------------------


@njit(fastmath=FAST)
def _direct_tile(
    tag, tile, tile_low, weights, width, start, queries, queries_low, first, last, own, squared,
    shifts, sums, square_sums,
):  # fmt: skip
    """One tile and queries ``first:last``, by direct differences."""
    end = last - 1
    for i in range(first, last, 4):
        rows = (i, min(i + 1, end), min(i + 2, end), min(i + 3, end))
        if tile_low is None:
            _distances(tile, queries, rows, width, squared)
        else:
            _distances_twofold(tile, tile_low, queries, queries_low, rows, width, squared)
        count = min(4, last - i)
        _fold(tag, squared, count, weights, width, start, own, i, shifts, sums, square_sums)


@njit(fastmath=FAST)
def direct_sums(
    tag, tiles, tiles_low, weights, n_points, queries, queries_low, own, shifts, sums, square_sums
):
    """Add all tiles to the sums of all queries, by direct differences.

    Parameters
    ----------
    tag : tuple
        See :func:`kernel_tag`.
    tiles : (n_tiles, d, width) array, float64 or float32
    tiles_low : the same shape or None
        Low parts of coordinates carried as sums of two floats.
    weights : (n_tiles, width) array or None
        Logarithms of the weights; the weights themselves if the kernel is bounded.
    n_points : int
        Columns of the last tile past this count are padding.
    queries, queries_low : (m, d) arrays; the second may be None
    own : (m,) int64 array
        Source point that each query leaves out, or -1.
    shifts, sums, square_sums : (m,) float64 arrays, in and out; the last may be None
        The sum is ``sums · exp(-shifts)``; shifts start at :func:`initial_shift`, sums at zero.
    """
    squared = np.empty((4, tiles.shape[2]), tiles.dtype)
    for first in range(0, queries.shape[0], DIRECT_QUERIES):
        last = min(queries.shape[0], first + DIRECT_QUERIES)
        for t in range(tiles.shape[0]):
            start = t * tiles.shape[2]
            width = min(tiles.shape[2], n_points - start)
            _direct_tile(
                tag, tiles[t], _row(tiles_low, t), _row(weights, t), width, start,
                queries, queries_low, first, last, own, squared, shifts, sums, square_sums,
            )  # fmt: skip


@njit(fastmath=FAST)
def _centred(query, query_low, centre, out):
    """``out = -2 (query - centre)``; returns the squared norm of the difference."""
    wide_vectors()
    norm = out.dtype.type(0)
    minus_two = out.dtype.type(-2)
    for f in range(query.shape[0]):
        difference = query[f] - centre[f]
        if query_low is not None:
            difference += query_low[f]
        norm += difference * difference
        out[f] = minus_two * difference
    return norm


@njit(fastmath=FAST)
def _add_norms(product, k, norms, t, norm, width):
    wide_vectors()
    for j in range(width):
        product[k, j] += norms[t, j] + norm


@njit(fastmath=FAST)
def product_sums(
    tag, tiles, tiles_low, centres, norms, by_product, weights, n_points, queries, queries_low, own,
    shifts, sums, square_sums,
):  # fmt: skip
    """As :func:`direct_sums`, but with matrix products for the tiles that permit them.

    Parameters
    ----------
    centres : (n_tiles, d) array
        A tile with ``by_product`` holds its points relative to its centre.
    norms : (n_tiles, width) array
        Squared norms of the points of such a tile.
    by_product : (n_tiles,) bool array
        Where False, a matrix product would cancel too much; the tile is done by differences.
    """
    n_features = tiles.shape[1]
    squared = np.empty((4, tiles.shape[2]), tiles.dtype)
    product = np.empty((PRODUCT_QUERIES, tiles.shape[2]), tiles.dtype)
    centred = np.empty((PRODUCT_QUERIES, n_features), tiles.dtype)
    query_norms = np.empty(PRODUCT_QUERIES, tiles.dtype)
    for first in range(0, queries.shape[0], PRODUCT_QUERIES):
        last = min(queries.shape[0], first + PRODUCT_QUERIES)
        for t in range(tiles.shape[0]):
            start = t * tiles.shape[2]
            width = min(tiles.shape[2], n_points - start)
            if not by_product[t]:
                _direct_tile(
                    tag, tiles[t], _row(tiles_low, t), _row(weights, t), width, start,
                    queries, queries_low, first, last, own, squared, shifts, sums, square_sums,
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
                tag, product, last - first, _row(weights, t), width, start, own, first,
                shifts, sums, square_sums,
            )  # fmt: skip


@njit(fastmath=FAST)
def exponential_floor(values, shift, repeats):
    """Time of the exponential alone, for benchmarks: sums ``vector_exp(shift - values)``."""
    wide_vectors()
    total = values.dtype.type(0)
    for _ in range(repeats):
        for j in range(values.shape[0]):
            total += vector_exp(shift - values[j])
    return total

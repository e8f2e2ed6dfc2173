"""Records on an integer grid, counted and added up in cells: the only code that reads data.

The arithmetic is strict IEEE (no reassociation, no contraction), so that the integers a record is
turned into depend on that record alone, whatever rows stand beside it, in whatever order, block
or thread. That is what makes the sensitivity of the integer sums the sensitivity declared.
"""

import math
import threading

import numpy as np

from kernlab._core.jit import inline, njit
from kernlab._core.threads import run_slices

# Rows that a thread takes at a time.
ROWS = 16384


@inline
def _place(x, low, high, factor, top):
    """Integer coordinate of ``x`` in [0, top]: NaN in the middle, beyond the box on its edge."""
    # Choices instead of branches, so that a row's coordinates are found some at a time.
    inside = x if low < x < high else low
    k = min(max(np.int64(np.rint((inside - low) * factor)), 0), top)
    k = top if x >= high else k
    return k if x == x else top >> 1


@njit
def _bin_rows(X, low, high, factor, top, shift, counts, sums):
    n_cells = counts.shape[1]
    places = np.empty(X.shape[1], dtype=np.int64)
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            places[j] = _place(np.float64(X[i, j]), low[j], high[j], factor[j], top)
        for j in range(X.shape[1]):
            k = places[j]
            cell = min(k >> shift, n_cells - 1)
            counts[j, cell] += 1
            sums[j, cell] += k


@njit
def _project_rows(X, low, high, center, directions, out):
    """Coordinates of records, kept inside their box, along the columns of ``directions``."""
    for i in range(X.shape[0]):
        for k in range(directions.shape[1]):
            out[i, k] = 0.0
        for j in range(X.shape[1]):
            x = np.float64(X[i, j])
            if x != x:
                x = center[j]
            x = min(max(x, low[j]), high[j]) - center[j]
            for k in range(directions.shape[1]):
                out[i, k] += x * directions[j, k]


@njit
def _moments_of_rows(X, low, high, center, factor, most, ball, first, second):
    """Sums of integer records and of their squared norms, each record inside box and ball.

    ``most`` (d,) and ``ball`` are the integer bounds: |v_j| <= most_j and Σ v² <= ball.
    """
    d = X.shape[1]
    v, w = np.empty(d, dtype=np.int64), np.empty(d)
    for i in range(X.shape[0]):
        longest, norm = 0.0, 0.0
        for j in range(d):
            x = np.float64(X[i, j])
            if x != x:
                x = center[j]
            w[j] = min(max(x, low[j]), high[j]) - center[j]
            longest = max(longest, abs(w[j]))
            norm += (w[j] * factor) ** 2
        stretch = factor
        if not norm <= ball and longest > 0.0:
            # Beyond the ball: drawn in as floats, for squares of far integers exceed 64 bits.
            norm = 0.0
            for j in range(d):
                w[j] /= longest
                norm += w[j] * w[j]
            stretch = np.sqrt(np.float64(ball) / norm)
        square = 0
        for j in range(d):
            k = np.int64(np.rint(w[j] * stretch))
            v[j] = min(max(k, -most[j]), most[j])
            square += v[j] * v[j]
        while square > ball:
            # Towards zero, so that one round is enough but for the rounding of the ratio.
            ratio = np.sqrt(np.float64(ball) / np.float64(square)) * (1.0 - 2.0**-50)
            square = 0
            for j in range(d):
                v[j] = np.int64(np.float64(v[j]) * ratio)
                square += v[j] * v[j]
        for j in range(d):
            first[j] += v[j]
        second[0] += square


def _over_slices(n_rows, work, shapes, n_jobs):
    """Sums of what ``work(rows, *arrays)`` adds to int64 arrays; the order does not matter."""
    totals = [np.zeros(shape, dtype=np.int64) for shape in shapes]
    lock = threading.Lock()

    def one(rows):
        mine = [np.zeros(shape, dtype=np.int64) for shape in shapes]
        work(rows, *mine)
        with lock:
            for total, part in zip(totals, mine, strict=True):
                total += part

    # Slices are large where the arrays are, so that adding up costs little.
    size = max(ROWS, max(math.prod(shape) for shape in shapes) // 8)
    run_slices(one, n_rows, slice_size=size, n_jobs=n_jobs)
    return totals


def bin_columns(X, low, high, *, bits, n_cells, shift, n_jobs=None):
    """Counts of records in cells of each column, and sums of their integer coordinates.

    Parameters
    ----------
    X : float array of shape (n, d)
    low, high : float64 arrays of shape (d,)
        The box; coordinates run over ``[0, 2**bits]`` from ``low`` to ``high``.
    bits, n_cells, shift : int
        The cell of coordinate k is ``min(k >> shift, n_cells - 1)``.

    Returns
    -------
    counts, sums : int64 arrays of shape (d, n_cells)
    """
    top = 2**bits
    factor = top / (high - low)
    shapes = [(X.shape[1], n_cells)] * 2

    def work(rows, counts, sums):
        _bin_rows(X[rows], low, high, factor, top, shift, counts, sums)

    return _over_slices(X.shape[0], work, shapes, n_jobs)


def bin_projections(X, low, high, center, directions, reach, *, bits, n_cells, shift, n_jobs=None):
    """As :func:`bin_columns`, of coordinates along ``directions``, clipped to ``±reach``."""
    top = 2**bits
    factor = top / (2 * reach)
    shapes = [(directions.shape[1], n_cells)] * 2

    def work(rows, counts, sums):
        part = X[rows]
        for start in range(0, len(part), 512):
            block = part[start : start + 512]
            out = np.empty((len(block), directions.shape[1]))
            _project_rows(block, low, high, center, directions, out)
            _bin_rows(out, -reach, reach, factor, top, shift, counts, sums)

    return _over_slices(X.shape[0], work, shapes, n_jobs)


def moments(X, low, high, center, *, factor, most, ball, n_jobs=None):
    """Sums of integer records (d,) and of their squared norms (1,)."""

    def work(rows, first, second):
        _moments_of_rows(X[rows], low, high, center, factor, most, ball, first, second)

    return _over_slices(X.shape[0], work, [(X.shape[1],), (1,)], n_jobs)

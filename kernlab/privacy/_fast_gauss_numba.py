"""Compiled moments of records by cell, in strict arithmetic, and sums of expansions at queries.

As in :mod:`kernlab.privacy._phases_numba`, a record's integers are a function of that record alone.
All arrays have three dimensions of space; those a problem lacks have one cell and degree zero.
"""

import math

import numpy as np

from kernlab._core.jit import njit


@njit
def _chebyshev(t, values):
    values[0] = 1.0
    if values.size > 1:
        values[1] = t
    for k in range(2, values.size):
        values[k] = 2.0 * t * values[k - 1] - values[k - 2]


@njit
def record_moments(X, lower, upper, per_unit, n_cells, degrees, limit, cells, moments):
    """Fill the number of each record's cell, and its integer moments.

    An entry never exceeds ``limit`` in absolute value, whatever the coordinates.
    """
    chebyshev = np.ones((X.shape[1], degrees.max() + 1))
    for i in range(X.shape[0]):
        cell = 0
        for j in range(X.shape[1]):
            x = X[i, j]
            if x - x != 0.0:
                x = 0.0
            u = (min(max(x, lower[j]), upper[j]) - lower[j]) * per_unit[j]
            number = min(max(int(np.floor(u)), 0), n_cells[j] - 1)
            cell = cell * n_cells[j] + number
            _chebyshev(min(max(2.0 * (u - number) - 1.0, -1.0), 1.0), chebyshev[j])
        cells[i] = cell
        for k in range(degrees.shape[0]):
            value = np.float64(limit)
            for j in range(X.shape[1]):
                value *= chebyshev[j, degrees[k, j]]
            moments[i, k] = min(max(int(np.floor(value + 0.5)), -limit), limit)


@njit
def add_moments(cells, moments, sums):
    for i in range(cells.size):
        for k in range(sums.shape[1]):
            sums[cells[i], k] += moments[i, k]


@njit
def _expansion(y, lower, side, half, bandwidth, n_cells, reach, psi):
    """Values ``ψₖ(z)`` for the cells within ``reach`` bandwidths of ``y``; the first and how many.

    ``ψₖ(z) = aᵏ Heₖ(z) e^{-z²/2} / k!`` with ``z`` the distance to the middle in bandwidths and
    ``a`` half a side, by the recurrence of the Hermite polynomials.
    """
    middle = (y - lower) / side - 0.5
    window = reach * bandwidth / side
    first = int(np.ceil(min(max(middle - window, 0.0), np.float64(n_cells))))
    last = int(np.floor(min(max(middle + window, -1.0), np.float64(n_cells - 1))))
    for cell in range(first, last + 1):
        z = (middle - cell) * (side / bandwidth)
        row = psi[cell - first]
        row[0] = math.exp(-0.5 * z * z)
        if row.size > 1:
            row[1] = half * z * row[0]
        for k in range(2, row.size):
            row[k] = half * (z * row[k - 1] - half * row[k - 2]) / k
    return first, last - first + 1


@njit
def expansion_sums(Y, lower, side, half, bandwidth, n_cells, reach, degrees, coefficients, out):
    """``Σ coefficients · ψ`` over the cells near each query."""
    longest = 1
    for j in range(3):
        longest = max(longest, min(n_cells[j], int(2.0 * reach[j] * bandwidth / side[j]) + 2))
    order = degrees.max() + 1
    psi = np.ones((3, longest, order))
    first, width = np.zeros(3, dtype=np.int64), np.ones(3, dtype=np.int64)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            first[j], width[j] = _expansion(
                Y[i, j], lower[j], side[j], half[j], bandwidth, n_cells[j], reach[j], psi[j]
            )
        total = 0.0
        for c0 in range(width[0]):
            for c1 in range(width[1]):
                for c2 in range(width[2]):
                    cell = (first[0] + c0) * n_cells[1] + first[1] + c1
                    cell = cell * n_cells[2] + first[2] + c2
                    for k in range(degrees.shape[0]):
                        total += (
                            coefficients[cell, k]
                            * psi[0, c0, degrees[k, 0]]
                            * psi[1, c1, degrees[k, 1]]
                            * psi[2, c2, degrees[k, 2]]
                        )
        out[i] = total

"""Compiled sums over pairs of points of Hermite polynomials times the Gaussian."""

import numpy as np

from kernlab._core.fastmath import vector_exp, wide_vectors
from kernlab._core.jit import FAST, njit

# Revision of what is inlined here (_core/fastmath.py, _core/jit.py); a test says when it is stale.
INLINED_REVISION = "08f1080a"

# Points that meet one point at a time: their tables of polynomials stay in the second cache.
_WIDTH = 256


@njit(fastmath=FAST)
def _multiply(terms, factor, width):
    wide_vectors()
    for j in range(width):
        terms[j] *= factor[j]


@njit(fastmath=FAST)
def _total(terms, factor, width):
    wide_vectors()
    total = 0.0
    for j in range(width):
        total += terms[j] * factor[j]
    return total


@njit(fastmath=FAST)
def _differences(column, x, start, width, hermite, energy):
    """Hermite polynomials of ``x - column``; their half squares are added to ``energy``."""
    wide_vectors()
    for j in range(width):
        z = x - column[start + j]
        hermite[0, j] = 1.0
        hermite[1, j] = z
        energy[j] += 0.5 * z * z
    for p in range(2, hermite.shape[0]):
        for j in range(width):
            hermite[p, j] = hermite[1, j] * hermite[p - 1, j] - (p - 1) * hermite[p - 2, j]


@njit(fastmath=FAST)
def _gauss(energy, weights, start, width, terms):
    wide_vectors()
    for j in range(width):
        # Farther pairs add nothing; the floor keeps their products in the normal range.
        terms[j] = weights[start + j] * vector_exp(-min(energy[j], 300.0))


@njit(fastmath=FAST)
def hermite_sums(columns, weights, first, last, orders, sums):
    """Add ``Σ_{first<=i<last} Σ_{j>i} w_i w_j Π_k He_{α_k}(z_k) exp(-|z|²/2)``, ``z = x_i - x_j``.

    Parameters
    ----------
    columns : (d, n) array
    weights : (n,) array
    first, last : int
    orders : (n_orders, d) int array
        One ``α`` to a row.
    sums : (n_orders,) array
        Updated in place.
    """
    n_features, n = columns.shape
    hermite = np.empty((n_features, max(orders.max(), 1) + 1, _WIDTH))
    energy, gauss, terms = np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH)
    ones = np.ones(_WIDTH)
    for i in range(first, last):
        for start in range(i + 1, n, _WIDTH):
            width = min(_WIDTH, n - start)
            energy[:] = 0
            for k in range(n_features):
                _differences(columns[k], columns[k, i], start, width, hermite[k], energy)
            _gauss(energy, weights, start, width, gauss)
            for a in range(orders.shape[0]):
                terms[:width] = gauss[:width]
                for k in range(n_features):
                    if orders[a, k] > 0:
                        _multiply(terms, hermite[k, orders[a, k]], width)
                sums[a] += weights[i] * _total(terms, ones, width)

"""Compiled sums over pairs of points of Hermite polynomials times the Gaussian."""

import numpy as np

from kernlab._core.fastmath import vector_exp, vector_max, wide_vectors
from kernlab._core.jit import FAST, njit

# Revision of what is inlined here (_core/fastmath.py, _core/jit.py); a test says when it is stale.
INLINED_REVISION = "67436d3f"

# Points that meet one point at a time: their tables of polynomials stay in the second cache.
_WIDTH = 256


@njit(fastmath=FAST)
def _tile(columns, weights, i, start, width, order, hermite, gauss):
    """Hermite polynomials of the differences to point ``i``, and their weighted Gaussians."""
    wide_vectors()
    for j in range(width):
        gauss[j] = 0.0
    for k in range(columns.shape[0]):
        x = columns[k, i]
        for j in range(width):
            z = x - columns[k, start + j]
            hermite[k, 0, j] = 1.0
            hermite[k, 1, j] = z
            gauss[j] += 0.5 * z * z
        for p in range(2, order + 1):
            for j in range(width):
                z = hermite[k, 1, j]
                hermite[k, p, j] = z * hermite[k, p - 1, j] - (p - 1) * hermite[k, p - 2, j]
    for j in range(width):
        # Farther pairs add nothing; the floor keeps their products in the normal range.
        gauss[j] = weights[start + j] * vector_exp(vector_max(-gauss[j], -300.0))


@njit(fastmath=FAST)
def _total(hermite, gauss, orders, a, width, terms):
    """Sum over a tile of the Gaussians times the polynomials of row ``a`` of ``orders``."""
    wide_vectors()
    for j in range(width):
        terms[j] = gauss[j]
    for k in range(orders.shape[1]):
        p = orders[a, k]
        if p > 0:
            for j in range(width):
                terms[j] *= hermite[k, p, j]
    total = 0.0
    for j in range(width):
        total += terms[j]
    return total


@njit(fastmath=FAST)
def hermite_sums(columns, weights, first, last, orders, order, sums):
    """Add ``Σ_{first<=i<last} Σ_{j>i} w_i w_j Π_k He_{α_k}(z_k) exp(-|z|²/2)``, ``z = x_i - x_j``.

    Parameters
    ----------
    columns : (d, n) array
    weights : (n,) array
    first, last : int
    orders : (n_orders, d) int array
        One ``α`` to a row.
    order : int
        The largest entry of ``orders``, at least 1.
    sums : (n_orders,) array
        Updated in place.
    """
    n = columns.shape[1]
    hermite = np.empty((columns.shape[0], order + 1, _WIDTH))
    gauss, terms = np.empty(_WIDTH), np.empty(_WIDTH)
    for i in range(first, last):
        for start in range(i + 1, n, _WIDTH):
            width = min(_WIDTH, n - start)
            _tile(columns, weights, i, start, width, order, hermite, gauss)
            for a in range(orders.shape[0]):
                sums[a] += weights[i] * _total(hermite, gauss, orders, a, width, terms)

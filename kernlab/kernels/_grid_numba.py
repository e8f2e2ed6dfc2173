"""Compiled parts of the sums over a grid; see ``_grid``."""

import numpy as np

from kernlab._core.fastmath import wide_vectors
from kernlab._core.jit import FAST, njit

# Revision of the files inlined here (_core/fastmath.py, _core/jit.py); a test says when it is
# stale.
INLINED_REVISION = "67436d3f"

# Points of the polynomial that carries values between the grid and a point.
NODES = 8


@njit(fastmath=FAST)
def _lagrange(t, scales, weights):
    """Weights of Lagrange's polynomial at ``t`` in [0, 1], nodes ``-3 … 4``."""
    below, above = 1.0, 1.0
    for k in range(NODES):
        weights[k] = below * scales[k]
        below *= t - (k - NODES // 2 + 1)
    for k in range(NODES - 1, -1, -1):
        weights[k] *= above
        above *= t - (k - NODES // 2 + 1)


@njit(fastmath=FAST)
def _stencil(point, low, inverse, scales, corner, weights):
    """Corner of the nodes about a point, in cells, and the weights along each axis."""
    for f in range(point.shape[0]):
        u = (point[f] - low[f]) * inverse
        cell = int(u)
        corner[f] = cell - (NODES // 2 - 1)
        _lagrange(u - cell, scales, weights[f])


@njit(fastmath=FAST)
def spread(points, masses, low, inverse, scales, grid):
    """Add each point's mass to the nodes about it; ``grid`` is (N₁, N₂, N₃)."""
    wide_vectors()
    d = points.shape[1]
    corner = np.zeros(3, np.int64)
    weights = np.zeros((3, NODES))
    for i in range(points.shape[0]):
        _stencil(points[i], low, inverse, scales, corner[3 - d :], weights[3 - d :])
        mass = 1.0 if masses is None else masses[i]
        for a in range(NODES if d == 3 else 1):
            outer = mass * weights[0, a] if d == 3 else mass
            for b in range(NODES if d >= 2 else 1):
                middle = outer * weights[1, b] if d >= 2 else outer
                line = grid[corner[0] + a, corner[1] + b]
                for c in range(NODES):
                    line[corner[2] + c] += middle * weights[2, c]


@njit(fastmath=FAST)
def gather(queries, low, inverse, scales, grid, out):
    """Interpolate the grid at queries, which must lie at least :data:`NODES` cells inside."""
    wide_vectors()
    d = queries.shape[1]
    corner = np.zeros(3, np.int64)
    weights = np.zeros((3, NODES))
    for i in range(queries.shape[0]):
        _stencil(queries[i], low, inverse, scales, corner[3 - d :], weights[3 - d :])
        total = 0.0
        for a in range(NODES if d == 3 else 1):
            outer = weights[0, a] if d == 3 else 1.0
            for b in range(NODES if d >= 2 else 1):
                middle = outer * weights[1, b] if d >= 2 else outer
                line = grid[corner[0] + a, corner[1] + b]
                part = 0.0
                for c in range(NODES):
                    part += line[corner[2] + c] * weights[2, c]
                total += middle * part
        out[i] = total

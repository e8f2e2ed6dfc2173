"""Compiled loops of multidimensional scaling: one thread's work on some rows.

Both read distances and weights in single precision and compute in double. Every row is done alike
whoever does it, so that results do not depend on the number of threads. Differences and ratios
stand in buffers along the points compared with, so that each inner loop is a vector loop.
"""

import math

import numpy as np

from kernlab._core.jit import FAST, njit

# Of the trace of the curvature: keeps steps finite where all landmarks lie on one line.
_RIDGE = 1e-10
# How often a step is halved before it is given up.
_HALVINGS = 4


@njit(fastmath=FAST)
def _terms(distances, weights, s, points, y, difference, square, ratio):
    """Differences ``y - points``, their squares, ratios ``w D/r``, and the stress of row ``s``."""
    p, m = points.shape
    for j in range(m):
        square[j] = 0.0
    for c in range(p):
        for j in range(m):
            step = y[c] - points[c, j]
            difference[c, j] = step
            square[j] += step * step
    stress = 0.0
    for j in range(m):
        r = math.sqrt(square[j])
        miss = distances[s, j] - r
        stress += weights[s, j] * miss * miss
        # Coincident points have no direction to be pushed apart in.
        ratio[j] = weights[s, j] * distances[s, j] / r if r > 0.0 else 0.0
    return stress


@njit(fastmath=FAST)
def guttman_rows(distances, weights, first, points, out, stress):
    """Rows ``B(X) X`` of the Guttman transform, of which row ``s`` is point ``first + s``.

    Parameters
    ----------
    distances, weights : float32 arrays of shape (rows, m)
    first : int
    points : float64 array of shape (p, m)
    out : float64 array of shape (rows, p)
    stress : float64 array of shape (rows,)
        Weighted sum of squared misses of each row.
    """
    p, m = points.shape
    difference, square, ratio, y = np.empty((p, m)), np.empty(m), np.empty(m), np.empty(p)
    for s in range(len(distances)):
        for c in range(p):
            y[c] = points[c, first + s]
        stress[s] = _terms(distances, weights, s, points, y, difference, square, ratio)
        for c in range(p):
            total = 0.0
            for j in range(m):
                total += ratio[j] * difference[c, j]
            out[s, c] = total


@njit(fastmath=FAST)
def _slopes(weights, s, difference, square, ratio, gradient, curvature):
    """Half the gradient of a row's stress and half its curvature; returns the total weight.

    A term whose point is nearer than its distance curves the stress downwards across its
    direction; that part is left out, so that the curvature is never negative.
    """
    p, m = difference.shape
    for c in range(p):
        slope = 0.0
        for j in range(m):
            slope += (weights[s, j] - ratio[j]) * difference[c, j]
        gradient[c] = slope
    total, across = 0.0, 0.0
    for j in range(m):
        w = np.float64(weights[s, j])
        along = min(w, ratio[j])
        total += w
        across += w - along
        ratio[j] = along / square[j] if square[j] > 0.0 else 0.0
    for a in range(p):
        for b in range(a + 1):
            value = 0.0
            for j in range(m):
                value += ratio[j] * difference[a, j] * difference[b, j]
            curvature[a, b] = value
        curvature[a, a] += across
    return total


@njit
def _solve(matrix, right, least, out):
    """Solve in place by a Cholesky factor whose squared diagonal is kept above ``least``."""
    p = len(right)
    for a in range(p):
        for b in range(a + 1):
            value = matrix[a, b]
            for c in range(b):
                value -= matrix[a, c] * matrix[b, c]
            matrix[a, b] = math.sqrt(max(value, least)) if a == b else value / matrix[b, b]
    for a in range(p):
        value = right[a]
        for c in range(a):
            value -= matrix[a, c] * out[c]
        out[a] = value / matrix[a, a]
    for a in range(p - 1, -1, -1):
        value = out[a]
        for c in range(a + 1, p):
            value -= matrix[c, a] * out[c]
        out[a] = value / matrix[a, a]


@njit
def place_rows(distances, weights, points, starts, tolerance, bearable, max_iter, out):
    """Position of each row that has the least stress against fixed points, from the better start.

    Newton's steps, halved where they do not lower the stress, and at last a step of majorisation,
    which always does but for rounding.

    Parameters
    ----------
    distances, weights : float32 arrays of shape (rows, m)
    points : float64 array of shape (p, m)
    starts : float64 array of shape (rows, 2, p)
    tolerance : float
        Length of the last step.
    bearable : float
        Length of a step at which a row may end unfinished.
    max_iter : int
    out : float64 array of shape (rows, p)

    Returns
    -------
    unfinished : int
        Rows that would still take a step longer than is bearable.
    """
    p, m = points.shape
    difference, square, ratio = np.empty((p, m)), np.empty(m), np.empty(m)
    trial, gradient, newton, curvature = np.empty(p), np.empty(p), np.empty(p), np.empty((p, p))
    unfinished = 0
    for s in range(len(distances)):
        lowest, weight, length = np.inf, 1.0, 0.0
        failures, done = 0, False
        for turn in range(max_iter + 2):
            for c in range(p):
                if turn < 2:
                    trial[c] = starts[s, turn, c]
                else:
                    majorised = gradient[c] / weight
                    trial[c] = out[s, c] - (majorised if failures == _HALVINGS else newton[c])
            stress = _terms(distances, weights, s, points, trial, difference, square, ratio)
            if turn == 0 or stress < lowest:
                lowest = stress
                weight = _slopes(weights, s, difference, square, ratio, gradient, curvature)
                _solve(curvature, gradient, _RIDGE * weight, newton)
                length = 0.0
                for c in range(p):
                    out[s, c] = trial[c]
                    length += newton[c] * newton[c]
                failures = 0
                if turn > 0 and length <= tolerance * tolerance:
                    done = True
                    break
            elif failures == _HALVINGS:
                # Nothing lower can be told from rounding.
                done = True
                break
            elif turn > 1:
                failures += 1
                for c in range(p):
                    newton[c] *= 0.5
        unfinished += not done and length > bearable * bearable
    return unfinished

"""Densities that test bandwidths: normal mixtures of Marron and Wand (1992), and in the plane."""

import numpy as np

# Name -> (weights, means, standard deviations).
DENSITIES = {
    "gaussian": ([1.0], [0.0], [1.0]),
    "bimodal": ([0.5, 0.5], [-1.0, 1.0], [2 / 3, 2 / 3]),
    "claw": (
        [0.5] + [0.1] * 5,
        [0.0] + [k / 2 - 1 for k in range(5)],
        [1.0] + [0.1] * 5,
    ),
    "smooth comb": (
        [2 ** (5 - k) / 63 for k in range(6)],
        [(65 - 96 * 0.5**k) / 21 for k in range(6)],
        [32 / 63 / 2**k for k in range(6)],
    ),
}
# The same in two dimensions, with covariance matrices.
PLANE = {
    "correlated": ([1.0], [[0.0, 0.0]], [[[1.0, 0.8], [0.8, 1.0]]]),
    "crossed": (
        [0.5, 0.5],
        [[-1.0, 1.0], [1.0, -1.0]],
        [[[0.44, 0.31], [0.31, 0.44]], [[0.44, -0.2], [-0.2, 0.44]]],
    ),
    "outliers": (
        [0.9, 0.1],
        [[0.0, 0.0], [0.0, 0.0]],
        [[[0.25, 0.0], [0.0, 0.25]], [[25.0, 0.0], [0.0, 25.0]]],
    ),
    "two clusters": (
        [0.6, 0.4],
        [[-2.0, 0.0], [2.0, 0.0]],
        [[[0.2, 0.0], [0.0, 1.0]], [[0.2, 0.0], [0.0, 0.2]]],
    ),
}


def draw(rng, size, weights, means, spreads):
    """Draw from a mixture: (size,) numbers or (size, d) points."""
    means, spreads = np.asarray(means, dtype=float), np.asarray(spreads, dtype=float)
    component = rng.choice(len(weights), size=size, p=np.asarray(weights) / np.sum(weights))
    if means.ndim == 1:
        return means[component] + spreads[component] * rng.standard_normal(size)
    roots = np.linalg.cholesky(spreads)
    noise = rng.standard_normal((size, means.shape[1]))
    return means[component] + np.einsum("nij,nj->ni", roots[component], noise)


def integrated_squared_error(x, h, weights, means, deviations):
    """Exact ``∫(ρ̂ - ρ)²`` of a Gaussian estimate with bandwidth ``h`` of a mixture of numbers."""
    weights, means, deviations = map(np.asarray, (weights, means, deviations))
    x = np.sort(x)
    square = 0.0
    for i in range(len(x)):  # pairs beyond nine standard deviations add less than 1e-18
        stop = np.searchsorted(x, x[i] + 9 * np.sqrt(2) * h)
        square += 2 * np.sum(_normal(x[i + 1 : stop] - x[i], np.sqrt(2) * h))
    square = (square + len(x) * _normal(0.0, np.sqrt(2) * h)) / len(x) ** 2
    cross = np.mean(_normal(x[:, None] - means, np.hypot(deviations, h)) @ weights)
    spreads = np.hypot(deviations[:, None], deviations)
    own = weights @ _normal(means[:, None] - means, spreads) @ weights
    return square - 2 * cross + own


def _normal(x, s):
    return np.exp(-0.5 * (x / s) ** 2) / (s * np.sqrt(2 * np.pi))

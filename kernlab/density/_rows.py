"""Small work on the rows and the bandwidth of a kernel density."""

import numpy as np

from kernlab._core.namespace import device_of, from_numpy, namespace_of


def joined(batches):
    """All rows, as a copy, and all weights, or None where no batch has any."""
    xp = namespace_of(batches[0][0])
    points = xp.concat([X for X, _ in batches], axis=0)
    if all(weights is None for _, weights in batches):
        return points, None
    weights = [
        xp.ones((X.shape[0],), dtype=xp.float64, device=device_of(X)) if w is None else w
        for X, w in batches
    ]
    return points, xp.concat(weights)


def as_matrix(root, n_features):
    """The bandwidth matrix of a root."""
    if np.ndim(root) == 2:
        return root @ root.T
    return np.diag(np.broadcast_to(np.square(root), (n_features,)).copy())


def weighted_rows(rng, weights, size):
    """Numbers of rows drawn with probabilities in proportion to the weights."""
    xp = namespace_of(weights)
    cumulative = xp.cumulative_sum(weights / xp.max(weights))
    # Below the total also after rounding, or a row past the last could be drawn.
    draws = from_numpy(rng.random_sample(size) * (1 - 4e-16), cumulative) * cumulative[-1]
    # side='right': a row of zero weight is never drawn, not even at a draw of exactly zero.
    return xp.searchsorted(cumulative, draws, side="right")

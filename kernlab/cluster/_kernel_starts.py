"""Starting labels for kernel k-means: k-means++, spectral, random.

Points are drawn along an ``order`` that depends on the kernel alone, by inverting the cumulated
probabilities: the same points in another order, or some of them weighted in place of repeated, get
the same start.
"""

# References: Arthur & Vassilvitskii, *k-means++*, SODA 2007; Zha, He, Ding, Gu, Simon, *Spectral
# relaxation for k-means clustering*, NIPS 2001.

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

# Below so many points a full eigendecomposition takes a few milliseconds, and Lanczos no less.
DENSE = 200
# k-means runs on the eigenvectors for each start; the best counts.
EIGENVECTOR_RUNS = 4
EIGENVECTOR_STEPS = 30
# Relative to the largest eigenvalue: what is smaller is of a null space, and its basis arbitrary.
NEGLIGIBLE = 1e-9
SAME = 1e-10


def _draw(mass, order, uniform):
    """One index with probability proportional to ``mass`` for each row, by inversion in ``order``.

    A row without any mass gives a point at random.
    """
    mass = np.where(mass.sum(axis=1, keepdims=True) > 0, mass, 1.0)
    cumulated = np.cumsum(mass[:, order], axis=1)
    drawn = np.sum(cumulated <= uniform[:, None] * cumulated[:, -1:], axis=1)
    return order[np.minimum(drawn, len(order) - 1)]


def plus_plus(rows, diagonal, n_clusters, n_starts, weight, order, rng):
    """Labels of k-means++ starts, shape (n_starts, n).

    ``rows(centres)`` are the kernel's rows of these points. A centre is drawn with probability
    proportional to weight and squared distance to the centres so far.
    """
    uniform = rng.uniform(size=(n_starts, n_clusters))
    closest = np.full((n_starts, len(diagonal)), np.inf)
    labels = np.zeros((n_starts, len(diagonal)), np.int32)
    mass = np.broadcast_to(weight, closest.shape)
    for c in range(n_clusters):
        centres = _draw(mass, order, uniform[:, c])
        distances = diagonal + diagonal[centres][:, None] - 2.0 * rows(centres)
        nearer = distances < closest
        labels[nearer] = c
        closest = np.where(nearer, distances, closest)
        mass = weight * np.maximum(closest, 0.0)
    return labels


def random_labels(n_clusters, n_starts, order, rng):
    """Labels drawn uniformly, every cluster at least once."""
    n = len(order)
    labels = np.empty((n_starts, n), np.int32)
    drawn = rng.uniform(size=(n_starts, n)) * n_clusters
    labels[:, order] = np.minimum(drawn, n_clusters - 1)
    ranks = np.argsort(rng.uniform(size=(n_starts, n)), axis=1)[:, :n_clusters]
    np.put_along_axis(labels, order[ranks], np.arange(n_clusters, dtype=np.int32)[None], axis=1)
    return labels


def leading_eigenvectors(kernel, n_components, order):
    """Eigenvalues of largest magnitude, as far as they are not negligible, and their vectors."""
    n = len(kernel)
    if n <= DENSE or 4 * n_components > n:
        values, vectors = eigh(kernel, check_finite=False)
    else:
        start = np.empty(n)
        start[order] = np.random.default_rng(0).standard_normal(n)
        try:
            values, vectors = eigsh(kernel, k=n_components, which="LM", v0=start, tol=1e-4)
        except ArpackNoConvergence:
            values, vectors = eigh(kernel, check_finite=False)
    leading = np.argsort(-np.abs(values), kind="stable")[:n_components]
    size = np.abs(values[leading])
    leading = leading[size > NEGLIGIBLE * size[0]]
    return values[leading], vectors[:, leading]


def spectral_labels(kernel, n_clusters, n_starts, weight, order, rng):
    """k-means on the leading eigenvectors, in turns as they are and by the roots of eigenvalues."""
    n = len(kernel)
    if n_clusters == 1:
        return np.zeros((n_starts, n), np.int32)
    values, vectors = leading_eigenvectors(kernel, n_clusters - 1, order)
    embeddings = vectors, vectors * np.sqrt(np.abs(values))
    return np.stack(
        [
            _points_kmeans(embeddings[start % 2], n_clusters, weight, order, rng)
            for start in range(n_starts)
        ]
    )


def _points_kmeans(points, n_clusters, weight, order, rng):
    """Labels of the best of a few runs of k-means on few coordinates."""
    squares = np.sum(points**2, axis=1)
    starts = plus_plus(
        lambda centres: points[centres] @ points.T,
        squares,
        n_clusters,
        EIGENVECTOR_RUNS,
        weight,
        order,
        rng,
    )
    best, least = starts[0], np.inf
    for labels in starts:
        for _ in range(EIGENVECTOR_STEPS):
            member = np.zeros((n_clusters, len(points)))
            member[labels, np.arange(len(points))] = weight
            total = member.sum(axis=1)
            centroids = (member @ points) / np.where(total > 0, total, 1.0)[:, None]
            offset = np.where(total > 0, np.sum(centroids**2, axis=1), np.inf)
            distances = offset[:, None] - 2.0 * centroids @ points.T
            previous, labels = labels, np.argmin(distances, axis=0)
            if np.array_equal(labels, previous):
                break
        cost = weight @ (squares + np.min(distances, axis=0))
        # Runs that end in one partition differ by rounding: the first counts.
        if cost < least * (1 - SAME):
            best, least = labels, cost
    return best.astype(np.int32)


def checked_init(init, n_clusters, n):
    """The name of a kind of starts, or given labels (n_starts, n)."""
    if isinstance(init, str):
        return init
    labels = np.atleast_2d(np.asarray(init))
    whole = np.issubdtype(labels.dtype, np.integer)
    if labels.ndim != 2 or labels.shape[1] != n or len(labels) == 0 or not whole:
        raise ValueError(
            f"init is an array of shape {np.shape(init)} and dtype {labels.dtype}; give "
            f"integer labels of shape ({n},) or (n_starts, {n})."
        )
    if labels.min() < 0 or labels.max() >= n_clusters:
        raise ValueError(
            f"init holds labels from {labels.min()} to {labels.max()}; they are numbers from 0 "
            f"to n_clusters - 1 = {n_clusters - 1}."
        )
    return labels

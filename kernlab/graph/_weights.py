"""From nearest neighbours to weighted edges."""

# References: alpha decay: Moon et al., *Visualizing structure and transitions in high-dimensional
# biological data*, Nature Biotechnology 37, 2019. Self-tuning: Zelnik-Manor and Perona,
# *Self-tuning spectral clustering*, NeurIPS 2004. Fuzzy union: McInnes, Healy and Melville,
# *UMAP*, arXiv 1802.03426.

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

KERNELS = ("alpha", "knn", "gaussian", "umap")

# Weight below which the alpha kernel has no edge, and to which the Gaussian's are raised.
CUT = 1e-4
# Neighbours beyond `n_neighbors` that the alpha kernel keeps at most.
MOST_BEYOND = 20
# Neighbours beyond `n_neighbors` looked up at first, enough for most points of few dimensions.
_FIRST_BEYOND = 6
# Points whose neighbours are looked up at a time.
_ROWS = 2**16
# Length of an edge between coincident points, relative to the shortest other.
COINCIDENT = 2.0**-30
# Of UMAP's local width, relative to the mean distance: the least; and the steps of its bisection.
_LEAST_WIDTH, _BISECTIONS = 1e-3, 64


class DirectedEdges(NamedTuple):
    """Each point's edges to its neighbours, in the layout of CSR."""

    indptr: np.ndarray  # (n + 1,)
    indices: np.ndarray  # (n_edges,)
    lengths: np.ndarray  # (n_edges,), zero between coincident points
    bandwidths: np.ndarray  # (n,)

    @property
    def n_samples(self):
        return len(self.bandwidths)

    def rows(self):
        return np.repeat(np.arange(self.n_samples, dtype=np.int32), np.diff(self.indptr))

    def matrix(self, data):
        return sp.csr_matrix((data, self.indices, self.indptr), shape=(self.n_samples,) * 2)

    def in_order(self):
        """The same, the edges of each point in order of index."""
        order = self._replace(indices=self.indices.copy()).matrix(np.arange(len(self.indices)))
        order.sort_indices()
        return self._replace(indices=order.indices, lengths=self.lengths[order.data])


def directed_edges(search, n_neighbors, *, kernel, decay, n_jobs=None):
    """Edges from each point to its neighbours under a kernel, and the points' bandwidths.

    The bandwidth is the distance to the ``n_neighbors``-th neighbour. Where that is zero the point
    is one of more than ``n_neighbors`` coincident ones. Their neighbours alone would cut the place
    off from the rest: it gets the ``n_neighbors`` nearest *other places* for neighbours instead,
    the farthest of which sets its bandwidth, and its points are linked in a ring.
    """
    # As good as infinite, and no overflow, where the kernel hardly decays.
    reach = (-math.log(CUT)) ** min(1 / decay, 300) if kernel == "alpha" else None
    counts, indices, lengths, bandwidths = [], [], [], []
    for start in range(0, search.n_samples, _ROWS):
        rows = np.arange(start, min(start + _ROWS, search.n_samples))
        distances, found = _neighbors_within(search, rows, n_neighbors, reach, n_jobs)
        bandwidths.append(distances[:, n_neighbors - 1])
        keep = distances < np.inf
        counts.append(keep.sum(axis=1))
        indices.append(found[keep].astype(np.int32))
        lengths.append(distances[keep])
    indptr = np.concatenate([[0], *counts]).cumsum()
    edges = DirectedEdges(
        indptr, np.concatenate(indices), np.concatenate(lengths), np.concatenate(bandwidths)
    )
    search.check_resolved(edges.rows(), edges.indices, edges.lengths)
    if edges.bandwidths.min() == 0:
        edges = _rewired(search, edges, n_neighbors, n_jobs)
    return edges.in_order()


def _neighbors_within(search, rows, n_neighbors, reach, n_jobs):
    """Neighbours of each row in order, those that the kernel leaves out at infinity."""
    if reach is None:
        return search.neighbors(rows, n_neighbors, n_jobs=n_jobs)
    most = min(search.n_samples - 1, n_neighbors + MOST_BEYOND)
    first = min(most, n_neighbors + _FIRST_BEYOND) if search.by_tree else most
    distances, indices = search.neighbors(rows, first, n_jobs=n_jobs)
    limits = distances[:, n_neighbors - 1] * reach
    further = np.flatnonzero(distances[:, -1] <= limits)
    if len(further) and first < most:
        padding = ((0, 0), (0, most - first))
        distances = np.pad(distances, padding, constant_values=np.inf)
        indices = np.pad(indices, padding)
        distances[further], indices[further] = search.neighbors(rows[further], most, n_jobs=n_jobs)
    distances[distances > limits[:, None]] = np.inf
    return distances, indices


def _rewired(search, edges, n_neighbors, n_jobs):
    """Edges with those of points of bandwidth zero replaced, as :func:`directed_edges` says."""
    labels, first = search.places()
    if len(first) == 1:
        raise ValueError(
            f"All {edges.n_samples} points of X coincide, so that no two have a distance and there "
            "is no graph; check the columns of X."
        )
    crowded = edges.bandwidths == 0
    members = np.flatnonzero(crowded)
    members = members[np.argsort(labels[members], kind="stable")]
    places, start, size = np.unique(labels[members], return_index=True, return_counts=True)
    distances, others = search.nearest_elsewhere(places, n_neighbors, labels, first, n_jobs=n_jobs)
    place = np.repeat(np.arange(len(places)), size)
    bandwidths = edges.bandwidths.copy()
    known = np.where(distances < np.inf, distances, 0.0)
    bandwidths[members] = known.max(axis=1)[place]

    rank = np.arange(len(members)) - start[place]
    steps = np.arange(1, n_neighbors // 2 + 1)
    ring = start[place][:, None] + (rank[:, None] + steps) % size[place][:, None]
    distances = np.hstack([np.zeros(ring.shape), distances[place]])
    others = np.hstack([members[ring], others[place]])
    kept = ~crowded[edges.rows()]
    added = distances < np.inf
    rows = np.concatenate([edges.rows()[kept], np.repeat(members, added.sum(axis=1))])
    order = np.argsort(rows, kind="stable")
    return DirectedEdges(
        np.searchsorted(rows[order], np.arange(edges.n_samples + 1)),
        np.concatenate([edges.indices[kept], others[added].astype(np.int32)])[order],
        np.concatenate([edges.lengths[kept], distances[added]])[order],
        bandwidths,
    )


def undirected(edges, *, kernel, decay):
    """Affinities and lengths of the undirected edges, two matrices of one sparsity pattern.

    Coincident points get the length ``COINCIDENT`` times the shortest positive one, for a sparse
    matrix of distances takes zero for the absence of an edge.
    """
    positive = edges.lengths[edges.lengths > 0]
    lengths = edges.lengths.copy()
    lengths[lengths == 0] = COINCIDENT * (positive.min() if len(positive) else 1.0)
    lengths = edges.matrix(lengths)
    lengths = lengths.maximum(lengths.T).tocsr()
    weights = edges.matrix(_WEIGHTS[kernel](edges, decay))
    if kernel == "alpha":
        affinity = (weights + weights.T) / 2
    elif kernel == "umap":
        affinity = weights + weights.T - weights.multiply(weights.T)
    else:
        affinity = weights.maximum(weights.T)
    return affinity.tocsr(), lengths


def _alpha(edges, decay):
    return np.exp(-((edges.lengths / edges.bandwidths[edges.rows()]) ** decay))


def _binary(edges, decay):
    return np.ones(len(edges.lengths))


def _self_tuning(edges, decay):
    # The ratios and not their product: squares of lengths may vanish.
    ratio = edges.lengths / edges.bandwidths[edges.rows()]
    ratio *= edges.lengths / edges.bandwidths[edges.indices]
    return np.maximum(np.exp(-ratio), CUT)


def _fuzzy(edges, decay):
    """UMAP's memberships: 1 up to the nearest neighbour, then a decay of fixed total."""
    starts = edges.indptr[:-1]
    counts = np.diff(edges.indptr)
    nearest = np.minimum.reduceat(np.where(edges.lengths > 0, edges.lengths, np.inf), starts)
    nearest[nearest == np.inf] = 0.0
    beyond = np.maximum(edges.lengths - np.repeat(nearest, counts), 0.0)
    # UMAP counts the point itself among its neighbours.
    target = np.log2(counts + 1.0)
    low, high = np.zeros(len(counts)), np.full(len(counts), np.inf)
    means = np.add.reduceat(edges.lengths, starts) / (counts + 1)
    width = np.where(means > 0, means, 1.0)
    for _ in range(_BISECTIONS):
        total = np.add.reduceat(np.exp(-beyond / np.repeat(width, counts)), starts)
        high = np.where(total > target, width, high)
        low = np.where(total > target, low, width)
        width = np.where(high < np.inf, (low + high) / 2, 2 * width)
    width = np.maximum(width, _LEAST_WIDTH * np.where(nearest > 0, means, means.mean()))
    # Never zero: a weight that vanished would leave its edge without one.
    return np.maximum(np.exp(-beyond / np.repeat(width, counts)), np.finfo(np.float64).tiny)


_WEIGHTS = {"alpha": _alpha, "knn": _binary, "gaussian": _self_tuning, "umap": _fuzzy}

"""Nearest neighbours read off a given matrix of distances."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from kernlab.graph._search import power_of_two, without_self

# Relative to the largest distance: what rounding may leave of asymmetry.
_ASYMMETRY = 1e-10


class MatrixSearch:
    """The interface of :class:`~kernlab.graph._search.PointSearch` over a matrix of distances.

    What a sparse matrix does not store is unknown, and counts as out of reach: such a row is filled
    with infinite distances.

    Parameters
    ----------
    X : float64 array or csr_matrix of shape (n_samples, n_samples)
    n_neighbors : int
        That each row must know.
    """

    points = None
    by_tree = False

    def __init__(self, X, n_neighbors):
        check_distances(X)
        self.n_samples = X.shape[0]
        entries = X.data if sp.issparse(X) else X
        self.scale = power_of_two(entries.max()) if entries.size else 1.0
        self._distances = self.scaled(X)
        if sp.issparse(X):
            self._check_known(n_neighbors)

    def scaled(self, X):
        X = X / self.scale
        if sp.issparse(X):
            X = X.tocsr()
            X.sort_indices()
        return X

    def nearest(self, queries, k, *, n_jobs=None):
        """Distances and indices (n_queries, k) by (distance, index)."""
        if sp.issparse(queries):
            return _first_of_rows(queries, k)
        # Partitioning may break ties at the last place in favour of either.
        order = np.argsort(queries, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(queries, order, 1), order

    def neighbors(self, rows, k, *, n_jobs=None):
        queries = self._distances[rows]
        if not sp.issparse(queries):
            return without_self(rows, *self.nearest(queries, k + 1))
        # The diagonal may or may not be stored.
        queries = queries.tocoo()
        off = queries.col != np.asarray(rows)[queries.row]
        others = (queries.data[off], (queries.row[off], queries.col[off]))
        return _first_of_rows(sp.csr_matrix(others, shape=queries.shape), k)

    def check_resolved(self, rows, columns, lengths):
        """Given lengths are what they are."""

    def places(self):
        if sp.issparse(self._distances):
            entries = self._distances.tocoo()
            zero = entries.data == 0
            rows, columns = entries.row[zero], entries.col[zero]
        else:
            rows, columns = np.nonzero(self._distances == 0)
        ones = np.ones(len(rows))
        together = sp.csr_matrix((ones, (rows, columns)), shape=(self.n_samples,) * 2)
        labels = connected_components(together, directed=False)[1]
        return labels, np.unique(labels, return_index=True)[1]

    def nearest_elsewhere(self, places, k, labels, first, *, n_jobs=None):
        distances = np.full((len(places), k), np.inf)
        indices = np.full((len(places), k), -1)
        for row, place in enumerate(places):
            lengths, known = self._row(first[place])
            away = labels[known] != place
            lengths, known = lengths[away], known[away]
            order = np.argsort(lengths, kind="stable")
            # The nearest point of each place, in order of distance.
            order = order[np.sort(np.unique(labels[known[order]], return_index=True)[1])][:k]
            distances[row, : len(order)] = lengths[order]
            indices[row, : len(order)] = known[order]
        return distances, indices

    def nearest_between(self, sources, targets, *, n_jobs=None):
        distances = np.full(len(sources), np.inf)
        indices = np.full(len(sources), -1)
        wanted = np.zeros(self.n_samples, bool)
        wanted[targets] = True
        for row, source in enumerate(sources):
            lengths, known = self._row(source)
            lengths, known = lengths[wanted[known]], known[wanted[known]]
            if len(known):
                best = np.argmin(lengths)
                distances[row], indices[row] = lengths[best], known[best]
        return distances, indices

    def _row(self, i):
        """Known distances of one point, and to which."""
        if not sp.issparse(self._distances):
            return self._distances[i], np.arange(self.n_samples)
        part = slice(self._distances.indptr[i], self._distances.indptr[i + 1])
        return self._distances.data[part], self._distances.indices[part]

    def _check_known(self, n_neighbors):
        entries = self._distances.tocoo()
        counts = np.bincount(entries.row[entries.row != entries.col], minlength=self.n_samples)
        fewest = int(counts.argmin())
        if counts[fewest] < n_neighbors:
            raise ValueError(
                f"X, a sparse matrix of distances, stores {counts[fewest]} of row {fewest} and "
                f"n_neighbors={n_neighbors} are needed; lower n_neighbors to {counts[fewest]}, or "
                "store more distances of each point."
            )


def check_distances(X):
    """Refuse what is no matrix of distances between the points of one set."""
    if X.shape[0] != X.shape[1]:
        raise ValueError(
            f"X has shape {X.shape}; with metric='precomputed' it must be the square matrix of the "
            "distances between all training points. For a table of points use metric='euclidean'."
        )
    entries = X.data if sp.issparse(X) else X
    if entries.size and entries.min() < 0:
        raise ValueError(
            f"Negative values in data passed to X (least: {entries.min():g}); with "
            "metric='precomputed' it must hold distances, zero or more. Similarities become "
            "distances by 1 - X or np.sqrt(-np.log(X))."
        )
    diagonal = np.abs(X.diagonal())
    if diagonal.max() > 0:
        where = int(diagonal.argmax())
        raise ValueError(
            f"X has {diagonal[where]:g} at ({where}, {where}); the distance of a point to itself "
            "must be zero. If X holds similarities, turn them into distances first; if its "
            "diagonal is rounding, set it to zero."
        )
    difference = abs(X - X.T)
    worst = difference.max() if entries.size else 0.0
    pattern = sp.issparse(X) and _pattern_asymmetric(X)
    if pattern or worst > _ASYMMETRY * entries.max():
        raise ValueError(
            f"X is not symmetric (largest difference: {worst:g}); a matrix of distances is. Pass "
            "X.maximum(X.T) of a sparse matrix, such as one of nearest neighbours, or (X + X.T) / "
            "2 of an array."
        )


def _pattern_asymmetric(X):
    stored = X.copy()
    stored.data = np.ones_like(stored.data)
    return (stored != stored.T).nnz > 0


def _first_of_rows(matrix, k):
    """The ``k`` smallest stored entries of each row, rows that have fewer filled with infinity."""
    entries = matrix.tocoo()
    order = np.lexsort((entries.col, entries.data, entries.row))
    rows, columns, lengths = entries.row[order], entries.col[order], entries.data[order]
    start = np.searchsorted(rows, np.arange(matrix.shape[0]))
    rank = np.arange(len(rows)) - start[rows]
    taken = rank < k
    distances = np.full((matrix.shape[0], k), np.inf)
    indices = np.full((matrix.shape[0], k), -1)
    distances[rows[taken], rank[taken]] = lengths[taken]
    indices[rows[taken], rank[taken]] = columns[taken]
    return distances, indices

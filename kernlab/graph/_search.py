"""Nearest neighbours of points, their distances right at any offset and scale."""

import functools
from abc import ABC, abstractmethod

import numpy as np
from scipy.spatial import KDTree
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

from kernlab._core.chunks import chunk_bytes
from kernlab._core.extras import import_extra
from kernlab._core.threads import effective_n_jobs

# Features up to which a tree is used; beyond, all pairs are faster on data that fill their space.
_TREE_FEATURES = 15
# Pairs below which threads cost more than they gain.
_FEW_PAIRS = 2**20
# In units of the largest coordinate: distances beyond, and below its inverse, have no square.
_FARTHEST = 1e150
# Candidates beyond those asked for, among which the exact distances choose.
_SPARE = 16
# Candidates that the approximate index keeps of each point beyond its neighbours.
_APPROXIMATE_SPARE = 21


class PointSearch:
    """Nearest neighbours among the rows of a table, by Euclidean distance.

    Everything is in units of ``scale``, a power of two near the largest coordinate: dividing by it
    is exact, and squares neither overflow nor vanish. Distances are sums of squared differences of
    coordinates, which an offset cannot harm.

    Parameters
    ----------
    X : float64 array of shape (n_samples, n_features)
    n_neighbors : int
        That an approximate index is made for.
    approximate : bool
    random_state : int, RandomState instance or None
        Of the approximate index.
    n_jobs : int or None
    """

    def __init__(self, X, n_neighbors, *, approximate=False, random_state=None, n_jobs=None):
        # Columns without differences must not set the scale of the others.
        self._constant = np.where((X[0] == X).all(axis=0), X[0], 0.0)
        self.scale = power_of_two(np.abs(X - self._constant).max())
        self.points = self.scaled(X)
        self.n_samples, self.n_features = self.points.shape
        if approximate:
            self._finder = _Descent(self.points, n_neighbors, random_state, n_jobs)
        else:
            self._finder = _exact(self.points)

    @property
    def by_tree(self):
        """Whether a look-up of fewer neighbours takes less time."""
        return isinstance(self._finder, _Tree)

    def scaled(self, X):
        """Points in units of ``scale``."""
        # Adding zero turns minus zeros into zeros, so that equal rows have equal bytes.
        with np.errstate(over="ignore"):
            return np.ascontiguousarray((X - self._constant) / self.scale) + 0.0

    def nearest(self, queries, k, *, n_jobs=None):
        """Of queries in units of ``scale``, distances and indices (n_queries, k).

        Rows are in order of (distance, index).
        """
        far = ~(np.abs(queries).max(axis=1) < _FARTHEST)
        if far.any():
            raise ValueError(
                f"X has in row {int(far.argmax())} a point more than {_FARTHEST:.0e} times as far "
                "out as the training points, so that distances overflow; drop such rows."
            )
        return self._finder.nearest(queries, k, n_jobs=n_jobs)

    def neighbors(self, rows, k, *, n_jobs=None):
        """The same of points given by their indices, each itself left out."""
        distances, indices = self._finder.nearest_of_own(rows, k + 1, n_jobs=n_jobs)
        return without_self(rows, distances, indices)

    def check_resolved(self, rows, columns, lengths):
        """Refuse lengths whose squares vanished beside the largest coordinate."""
        lost = lengths < 1 / _FARTHEST
        lost[lost] = (self.points[rows[lost]] != self.points[columns[lost]]).any(axis=1)
        if lost.any():
            raise ValueError(
                f"X has neighbours less than {1 / _FARTHEST:.0e} apart beside its largest "
                f"coordinate, about {self.scale:.1e} (rows {rows[lost][0]} and "
                f"{columns[lost][0]}), so that distances underflow; drop outliers, or bring the "
                "columns to one scale."
            )

    def places(self):
        """Label of each point's place, which equal points share, and the first point of each."""
        _, first, labels = np.unique(self.points, axis=0, return_index=True, return_inverse=True)
        return labels.ravel(), first

    def nearest_elsewhere(self, places, k, labels, first, *, n_jobs=None):
        """For some places, distances to the ``k`` nearest others and the first point of each."""
        k = min(k + 1, len(first))
        queries = self.points[first[places]]
        distances, found = _exact(self.points[first]).nearest(queries, k, n_jobs=n_jobs)
        distances, found = without_self(places, distances, found)
        return distances, first[found]

    def nearest_between(self, sources, targets, *, n_jobs=None):
        """For each of the points ``sources`` the nearest of ``targets``."""
        finder = _exact(self.points[targets])
        distances, found = finder.nearest(self.points[sources], 1, n_jobs=n_jobs)
        return distances[:, 0], targets[found[:, 0]]


def power_of_two(largest):
    """The power of two next below a positive number; 1 for zero."""
    return float(np.ldexp(1.0, int(np.frexp(largest)[1]) - 1)) if largest > 0 else 1.0


def without_self(rows, distances, indices):
    """Leave each row's own index out, or the last column where it is not among the found."""
    own = indices == np.asarray(rows)[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~own].reshape(shape), indices[~own].reshape(shape)


def in_order(distances, indices):
    """Rows sorted by distance, ties by index."""
    unsorted = np.flatnonzero((distances[:, 1:] <= distances[:, :-1]).any(axis=1))
    if len(unsorted):
        order = np.lexsort((indices[unsorted], distances[unsorted]), axis=1)
        distances[unsorted] = np.take_along_axis(distances[unsorted], order, 1)
        indices[unsorted] = np.take_along_axis(indices[unsorted], order, 1)
    return distances, indices


@functools.cache
def _threads():
    """The thread pools in this process; finding them takes milliseconds, so once."""
    return ThreadpoolController()


def _exact(points):
    return (_Tree if points.shape[1] <= _TREE_FEATURES else _AllPairs)(points)


class _Finder(ABC):
    """Search among ``points``."""

    def __init__(self, points):
        self.points = points

    @abstractmethod
    def nearest(self, queries, k, *, n_jobs=None):
        """Distances and indices, rows in order of (distance, index)."""

    def nearest_of_own(self, rows, k, *, n_jobs=None):
        """The same for points of its own, which there may be a faster way to."""
        return self.nearest(self.points[rows], k, n_jobs=n_jobs)

    def _chosen(self, queries, indices, k):
        """Of candidates the ``k`` nearest, by differences of coordinates."""
        distances = np.empty(indices.shape)
        step = max(1, chunk_bytes() // (8 * indices.shape[1] * queries.shape[1]))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            differences = self.points[indices[part]]
            differences -= queries[part, None, :]
            distances[part] = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences))
        distances, indices = in_order(distances, indices)
        return distances[:, :k], indices[:, :k]


class _Tree(_Finder):
    """A k-d tree, whose distances are of differences of coordinates from the start.

    Points and, of a search for their own neighbours, queries are in the tree's order: those that
    follow one another lie side by side in space and in memory, which halves the time.
    """

    def __init__(self, points):
        super().__init__(points)
        self._order = KDTree(points).indices
        self._rank = np.argsort(self._order)
        self._tree = KDTree(points[self._order])

    def nearest(self, queries, k, *, n_jobs=None):
        distances, places = self._tree.query(
            queries, np.arange(1, k + 1), workers=effective_n_jobs(n_jobs)
        )
        return in_order(distances, self._order[places])

    def nearest_of_own(self, rows, k, *, n_jobs=None):
        order = np.argsort(self._rank[rows])
        back = np.argsort(order)
        distances, indices = self.nearest(self.points[rows[order]], k, n_jobs=n_jobs)
        return distances[back], indices[back]


class _AllPairs(_Finder):
    """All pairs by inner products of centred points, which nominate, then exact distances."""

    def __init__(self, points):
        super().__init__(points)
        self._center = np.median(points, axis=0)
        self._search = NearestNeighbors(algorithm="brute").fit(points - self._center)
        self._tree = None

    def nearest(self, queries, k, *, n_jobs=None):
        n_samples, n_features = self.points.shape
        n_candidates = min(n_samples, k + _SPARE)
        centered = queries - self._center
        few = len(queries) * n_samples < _FEW_PAIRS
        with _threads().limit(limits=1 if few else effective_n_jobs(n_jobs)):
            nominated, indices = self._search.kneighbors(centered, n_candidates)
        distances, chosen = self._chosen(queries, indices, k)
        if n_candidates == n_samples:
            return distances, chosen
        # Inner products of d terms put a squared distance wrong by no more than this, relative to
        # the two squared norms, of which the other point's is at most twice the query's and twice
        # the distance's. A point left out lies no nearer than the last nominee less that.
        error = 2 * (n_features + 8) * np.finfo(float).eps
        nearest_left_out = nominated[:, -1] ** 2 * (1 - 4 * error)
        nearest_left_out -= 3 * error * np.einsum("ij,ij->i", centered, centered)
        doubtful = np.flatnonzero(~(distances[:, -1] ** 2 < nearest_left_out))
        if len(doubtful):
            if self._tree is None:
                self._tree = _Tree(self.points)
            distances[doubtful], chosen[doubtful] = self._tree.nearest(
                queries[doubtful], k, n_jobs=n_jobs
            )
        return distances, chosen


class _Descent(_Finder):
    """Nearest-neighbour descent: a few of the neighbours may be missed."""

    def __init__(self, points, n_neighbors, random_state, n_jobs):
        super().__init__(points)
        pynndescent = import_extra(
            "pynndescent", extra="fast", purpose="algorithm='approximate' of KNNGraph"
        )
        self._center = np.median(points, axis=0)
        self._index = pynndescent.NNDescent(
            (points - self._center).astype(np.float32),
            n_neighbors=min(len(points), n_neighbors + _APPROXIMATE_SPARE),
            random_state=check_random_state(random_state),
            # Its threads draw from streams of their own: the result depends on their number.
            n_jobs=effective_n_jobs(n_jobs) if random_state is None else 1,
        )

    def nearest(self, queries, k, *, n_jobs=None):
        centered = (queries - self._center).astype(np.float32)
        indices, _ = self._index.query(centered, min(len(self.points), k + _SPARE))
        return self._chosen(queries, indices.astype(np.intp), k)

    def nearest_of_own(self, rows, k, *, n_jobs=None):
        indices = self._index.neighbor_graph[0][rows].astype(np.intp)
        return self._chosen(self.points[rows], indices, k)

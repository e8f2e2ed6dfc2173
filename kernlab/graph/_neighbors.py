"""Neighbourhood graphs of points."""

import warnings
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    Interval,
    StrOptions,
    fit_context,
    validate_data,
    validate_points,
    whole_or_nothing,
)
from kernlab.exceptions import DisconnectedGraphWarning, PruningWarning
from kernlab.graph._components import spanning_bridges
from kernlab.graph._matrix_search import MatrixSearch
from kernlab.graph._search import PointSearch
from kernlab.graph._weights import COINCIDENT, KERNELS, directed_edges, undirected

# Of a bridge: what the kernels give an edge as long as the bandwidths of its ends.
_BRIDGE_WEIGHT = {"alpha": np.exp(-1.0), "gaussian": np.exp(-1.0), "knn": 1.0, "umap": 1.0}
# Growth of the graph's diameter under pruning that is worth a warning.
_GROWTH = 1.3


class KNNGraph(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """x"""

    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions(set(KERNELS))],
        "decay": [Interval(Real, 0, None, closed="neither")],
        "metric": [StrOptions({"euclidean", "precomputed"})],
        "algorithm": [StrOptions({"auto", "exact", "approximate"})],
        "disconnected": [StrOptions({"bridge", "raise", "keep"})],
        "prune": [StrOptions({"heat"}), None],
        "prune_cosine": [Interval(Real, 0, 1, closed="both")],
        "detour": [Interval(Real, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
    }

    def __init__(
        self,
        n_neighbors=15,
        *,
        kernel="alpha",
        decay=40.0,
        metric="euclidean",
        algorithm="auto",
        disconnected="bridge",
        prune=None,
        prune_cosine=0.9,
        detour=None,
        random_state=None,
        n_jobs=None,
    ):
        self.n_neighbors = n_neighbors
        self.kernel = kernel
        self.decay = decay
        self.metric = metric
        self.algorithm = algorithm
        self.disconnected = disconnected
        self.prune = prune
        self.prune_cosine = prune_cosine
        self.detour = detour
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the neighbours and weigh the edges."""
        with whole_or_nothing(self):
            X = self._validated(X, reset=True)
            self._check_size(X)
            self._search = self._searcher(X)
            self._build()
        return self

    def kneighbors(self, X=None, n_neighbors=None):
        """Nearest training points."""
        check_is_fitted(self)
        n_samples = self._search.n_samples
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        if not isinstance(n_neighbors, Integral) or not 1 <= n_neighbors <= n_samples - (X is None):
            raise ValueError(
                f"n_neighbors={n_neighbors!r} must be an integer from 1 to "
                f"{n_samples - (X is None)}, of {n_samples} training points."
            )
        if X is None:
            rows = np.arange(n_samples)
            distances, indices = self._search.neighbors(rows, n_neighbors, n_jobs=self.n_jobs)
        else:
            queries = self._search.scaled(self._validated(X, reset=False))
            distances, indices = self._search.nearest(queries, n_neighbors, n_jobs=self.n_jobs)
        return distances * self._search.scale, indices

    def transform(self, X):
        """Distances to the nearest training points."""
        check_is_fitted(self)
        distances, indices = self.kneighbors(X, self.n_neighbors + 1)
        n_queries, k = distances.shape
        return sp.csr_matrix(
            (distances.ravel(), indices.ravel(), np.arange(0, n_queries * k + 1, k)),
            shape=(n_queries, self._search.n_samples),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = self.metric == "precomputed"
        return tags

    @property
    def _n_features_out(self):
        return self._search.n_samples

    def _validated(self, X, *, reset):
        if self.metric == "precomputed":
            return validate_data(self, X, dtype=np.float64, accept_sparse="csr", reset=reset)
        return np.asarray(validate_points(self, X, reset=reset), dtype=np.float64)

    def _check_size(self, X):
        n_samples = X.shape[0]
        if self.n_neighbors >= n_samples:
            raise ValueError(
                f"n_neighbors={self.n_neighbors} needs more points than n_samples={n_samples}: a "
                f"point has {n_samples - 1} others. Lower n_neighbors, or give more rows."
            )

    def _searcher(self, X):
        if self.metric == "precomputed":
            for name in ("algorithm", "prune"):
                value = getattr(self, name)
                if value in ("approximate", "heat"):
                    raise ValueError(
                        f"{name}={value!r} needs coordinates, and metric='precomputed' gives "
                        "distances alone; use metric='euclidean' on a table of points."
                    )
            return MatrixSearch(X, self.n_neighbors)
        return PointSearch(
            X,
            self.n_neighbors,
            approximate=self.algorithm == "approximate",
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )

    def _build(self):
        """Set the attributes of a fit; lengths are in units of the search's scale till the end."""
        search = self._search
        edges = directed_edges(
            search, self.n_neighbors, kernel=self.kernel, decay=self.decay, n_jobs=self.n_jobs
        )
        bandwidths = edges.bandwidths
        affinity, lengths = undirected(edges, kernel=self.kernel, decay=self.decay)
        del edges
        n_components, labels = connected_components(affinity, directed=False)
        if n_components > 1 and self.disconnected == "raise":
            raise ValueError("x")
        shortcuts = np.empty((0, 2), np.int64)
        if self.prune is not None:
            affinity, lengths, shortcuts = self._pruned(affinity, lengths)
        bridges = np.empty((0, 2), np.int64)
        if n_components > 1 and self.disconnected == "bridge":
            bridges, gaps = spanning_bridges(search, labels, n_jobs=self.n_jobs)
            weights = np.full(len(bridges), _BRIDGE_WEIGHT[self.kernel])
            affinity = _with_edges(affinity, bridges, weights)
            lengths = _with_edges(lengths, bridges, gaps)
        lengths.data *= search.scale
        self.affinity_, self.distances_ = affinity, lengths
        self.bandwidths_ = bandwidths * search.scale
        self.shortcuts_, self.bridges_ = shortcuts, bridges
        self.n_connected_components_ = int(n_components)

    def _pruned(self, affinity, lengths):
        from kernlab.graph._prune import prune_shortcuts

        return prune_shortcuts(
            self._search.points,
            affinity,
            lengths,
            cosine=self.prune_cosine,
            detour=self.detour,
            random_state=self.random_state,
        )


def _with_edges(matrix, pairs, values):
    """A symmetric matrix with entries added at pairs of nodes."""
    ends = (np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]]))
    return (matrix + sp.csr_matrix((np.tile(values, 2), ends), shape=matrix.shape)).tocsr()

"""Neighbourhood graphs of points."""

# References: von Luxburg, *A tutorial on spectral clustering*, Statistics and Computing 17, 2007,
# section 2.2 (kinds of graphs); those of the weights stand in `_weights.py`.

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    fit_context,
    validate_data,
    validate_points,
    whole_or_nothing,
)
from kernlab._core.warn import warn_user
from kernlab.exceptions import DisconnectedGraphWarning, PruningWarning
from kernlab.graph._components import spanning_bridges
from kernlab.graph._matrix_search import MatrixSearch
from kernlab.graph._prune import prune_shortcuts
from kernlab.graph._search import PointSearch
from kernlab.graph._weights import KERNELS, directed_edges, undirected

# Of a bridge: what the kernels give an edge as long as the bandwidths of its ends.
_BRIDGE_WEIGHT = {"alpha": np.exp(-1.0), "gaussian": np.exp(-1.0), "knn": 1.0, "umap": 1.0}
# Growth of the graph's diameter under pruning that is worth a warning.
_GROWTH = 1.3


class KNNGraph(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Weighted graph of nearest neighbours: what heat, geodesics and embeddings live on.

    Two points are linked where one is among the ``n_neighbors`` nearest of the other, itself not
    counted; ``affinity_`` holds the weights of the edges and ``distances_`` their lengths. With
    ``ε_i`` the distance of point i to its last such neighbour, the kernels are

    - ``'alpha'``: ``exp(-(d_ij/ε_i)^decay)``, averaged over both directions. It reaches a little
      beyond the last neighbour, to where it falls below 1e-4, but over at most 20 more points.
    - ``'knn'``: 1.
    - ``'gaussian'``: self-tuning, ``exp(-d_ij²/(ε_i ε_j))``, raised to 1e-4 where it is less, so
      that a point beside a dense cluster stays attached.
    - ``'umap'``: 1 up to the nearest neighbour, then an exponential decay of fixed total, united
      over both directions by ``w + w' - w w'``. The same as UMAP's graph, whose ``n_neighbors``
      counts the point itself and so is one more.

    Parameters
    ----------
    n_neighbors : int, default=15
        Neighbours of each point besides itself; fewer than there are points.
    kernel : {'alpha', 'knn', 'gaussian', 'umap'}, default='alpha'
        Weights of the edges.
    decay : float, default=40.0
        Exponent of ``'alpha'``, positive: large is nearly binary, 2 a Gaussian.
    metric : {'euclidean', 'precomputed'}, default='euclidean'
        With ``'precomputed'``, ``X`` is the symmetric matrix of distances, an array or sparse; what
        a sparse one does not store is unknown.
    algorithm : {'auto', 'exact', 'approximate'}, default='auto'
        ``'auto'`` is exact: a k-d tree up to 15 features, else all pairs. ``'approximate'`` is
        nearest-neighbour descent by pynndescent (``pip install 'kernlab[fast]'``), which misses a
        few neighbours; with an integer ``random_state`` it runs on one thread, for its result
        depends on their number.
    disconnected : {'bridge', 'raise', 'keep'}, default='bridge'
        What to do with a graph of several components: join them by the shortest links between them
        (their minimum spanning tree) and warn, refuse, or leave them.
    prune : {'heat'} or None, default=None
        Remove shortcuts by :func:`prune_shortcuts`. A warning says so when that makes the graph's
        diameter much larger, as it should on noisy data and should not on a closed loop.
    prune_cosine : float, default=0.9
        Heat cosine below which an edge is nominated; between 0 and 1.
    detour : float or None, default=5.0
        Put back edges whose way round is at most this many times as long; at least 1.
    random_state : int, RandomState instance or None, default=None
        Of the approximate search and of pruning. With an integer results are the same bits every
        time; exact search without pruning draws nothing.
    n_jobs : int, default=None
        Threads; ``-1`` is all cores, None is Numba's current number. Results do not depend on it.

    Attributes
    ----------
    affinity_ : csr_matrix of shape (n_samples, n_samples), float64
        Weights of the edges in (0, 1]: symmetric, zero diagonal, sorted indices.
    distances_ : csr_matrix of shape (n_samples, n_samples), float64
        Lengths of the edges in the units of ``X``, all positive, in the same pattern.
    bandwidths_ : ndarray of shape (n_samples,)
        Distance to the last neighbour, ``ε``.
    shortcuts_ : int ndarray of shape (n_shortcuts, 2)
        Edges that pruning removed, ``i < j``.
    bridges_ : int ndarray of shape (n_bridges, 2)
        Edges added to join components, ``i < j``. They weigh what the kernel gives an edge as long
        as its bandwidths: ``exp(-1)``, or 1 for ``'knn'`` and ``'umap'``.
    n_connected_components_ : int
        Components before bridging.
    n_features_in_ : int
        Number of columns seen by :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    laplacian : Laplacians of ``affinity_``.
    prune_shortcuts : What ``prune='heat'`` does.
    sklearn.neighbors.KNeighborsTransformer : Neighbours alone: directed, unweighted.

    Notes
    -----
    Distances are sums of squared differences of coordinates in units of a power of two near the
    largest, so that neither an offset nor a scale of the data costs digits. Only in more than 15
    features do inner products of centred points nominate neighbours; what they leave out is proved
    to lie farther, or the row is searched again in a tree.

    **Coincident points.** More than ``n_neighbors`` copies of a point have none but one another for
    neighbours, and would be cut off from all else. They are linked in a ring, each to the nearest
    ``n_neighbors // 2`` copies on either side, and to the ``n_neighbors`` nearest other places,
    which set their bandwidth. An edge between coincident points has weight 1 (half in one
    direction) and the length ``2^-30`` times the shortest positive one, for zero is no edge in a
    sparse matrix.

    The search takes O(n log n) in a few features, O(n²) in many; the rest is linear in the number
    of edges. 100 000 points in three features take some two seconds of one core, 10⁶ some 20
    and 2 GB. In a search for the neighbours of thousands of copies of one point each looks at
    all the others.

    As a transformer it returns distances to the training points, in the form that scikit-learn's
    estimators take with ``metric='precomputed'`` and scanpy with
    ``sc.pp.neighbors(adata, transformer=KNNGraph(15))``, which counts the point itself among them.

    References
    ----------
    .. [1] K. R. Moon et al., "Visualizing structure and transitions in high-dimensional biological
       data", Nature Biotechnology, 2019 (alpha decay).
    .. [2] L. Zelnik-Manor, P. Perona, "Self-tuning spectral clustering", NeurIPS, 2004.
    .. [3] L. McInnes, J. Healy, J. Melville, "UMAP: Uniform manifold approximation and projection
       for dimension reduction", arXiv:1802.03426.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.graph import KNNGraph
    >>> angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> circle = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> graph = KNNGraph(n_neighbors=2, kernel="knn").fit(circle)
    >>> graph.affinity_.nnz, graph.n_connected_components_
    (200, 1)
    >>> round(float(graph.distances_.sum()) / 2, 2)  # the length of the circle
    6.28
    """

    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions(set(KERNELS))],
        "decay": [Interval(Real, 0, None, closed="neither")],
        "metric": [StrOptions({"euclidean", "precomputed"})],
        "algorithm": [StrOptions({"auto", "exact", "approximate"})],
        "disconnected": [StrOptions({"bridge", "raise", "keep"})],
        "prune": [StrOptions({"heat"}), None],
        "prune_cosine": [Interval(Real, 0, 1, closed="neither")],
        "detour": [Interval(Real, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
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
        detour=5.0,
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
        """Find the neighbours and weigh the edges.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or array-like or sparse matrix of shape \
(n_samples, n_samples) if ``metric='precomputed'``
            Finite points, or their distances: symmetric, non-negative, zero on the diagonal.
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : KNNGraph

        Raises
        ------
        ValueError
            For bad input, among it fewer points than ``n_neighbors + 1``, points that all coincide,
            neighbours 1e150 times closer than coordinates are large, and a graph of several
            components with ``disconnected='raise'``.
        MissingExtraError
            For ``algorithm='approximate'`` without pynndescent.

        Warns
        -----
        DisconnectedGraphWarning
            Where bridges were added.
        PruningWarning
            Where pruning raised the graph's diameter by more than 30 %.
        """
        with whole_or_nothing(self):
            X = self._validated(X, reset=True)
            self._check_size(X)
            self._search = self._searcher(X)
            self._build()
        return self

    def kneighbors(self, X=None, n_neighbors=None):
        """Nearest training points of new points, or of each training point but itself.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or array-like or sparse matrix of shape \
(n_queries, n_samples) if ``metric='precomputed'``, default=None
            New points, or their distances to the training points; None are the training points.
        n_neighbors : int, default=None
            How many; None is the graph's number.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Ascending.
        indices : ndarray of shape (n_queries, n_neighbors)
            Of training points; equal distances are in order of index.

        Raises
        ------
        ValueError
            For bad input, among it points 1e150 times as far out as the training points, and where
            a sparse row of distances stores fewer.
        """
        check_is_fitted(self)
        n_others = self._search.n_samples - (X is None)
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        if not isinstance(n_neighbors, int | np.integer) or not 1 <= n_neighbors <= n_others:
            raise ValueError(
                f"n_neighbors={n_neighbors!r} must be an integer from 1 to {n_others}, the number "
                "of points to choose from."
            )
        if X is None:
            rows = np.arange(self._search.n_samples)
            distances, indices = self._search.neighbors(rows, n_neighbors, n_jobs=self.n_jobs)
        else:
            distances, indices = self._nearest(X, n_neighbors)
        if not np.isfinite(distances).all():
            row = int(np.isinf(distances).any(axis=1).argmax())
            raise ValueError(
                f"Row {row} of the sparse distances stores {np.isfinite(distances[row]).sum()}, "
                f"and n_neighbors={n_neighbors} are asked for; lower it, or store more."
            )
        return distances * self._search.scale, indices

    def transform(self, X):
        """Distances to the nearest training points.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or array-like or sparse matrix of shape \
(n_queries, n_samples) if ``metric='precomputed'``

        Returns
        -------
        distances : csr_matrix of shape (n_queries, n_samples)
            ``n_neighbors + 1`` entries to a row, so that a training point, which is at distance
            zero from itself, has ``n_neighbors`` others. Zeros are stored.
        """
        check_is_fitted(self)
        distances, indices = self._nearest(X, self.n_neighbors + 1)
        known = distances < np.inf
        indptr = np.concatenate([[0], known.sum(axis=1).cumsum()])
        return sp.csr_matrix(
            (distances[known] * self._search.scale, indices[known], indptr),
            shape=(len(distances), self._search.n_samples),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = self.metric == "precomputed"
        return tags

    @property
    def _n_features_out(self):
        return self._search.n_samples

    def _nearest(self, X, k):
        queries = self._search.scaled(self._validated(X, reset=False))
        return self._search.nearest(queries, k, n_jobs=self.n_jobs)

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
        """Set the attributes of a fit."""
        edges = directed_edges(
            self._search, self.n_neighbors, kernel=self.kernel, decay=self.decay, n_jobs=self.n_jobs
        )
        bandwidths = edges.bandwidths
        affinity, lengths = undirected(edges, kernel=self.kernel, decay=self.decay)
        del edges
        self._complete(affinity, lengths)
        self.bandwidths_ = bandwidths * self._search.scale

    def _adopt(self, affinity, lengths, points=None):
        """Take edges made elsewhere; to prune, bridge or place new points needs the points."""
        self._search = None if points is None else self._searcher(points)
        if points is not None:
            lengths = lengths / self._search.scale
            self.n_features_in_ = points.shape[1]
        self._complete(affinity, lengths)
        return self

    def _complete(self, affinity, lengths):
        """Prune and join edges whose lengths are in units of the search's scale."""
        search = self._search
        scale = 1.0 if search is None else search.scale
        n_components, labels = connected_components(affinity, directed=False)
        if n_components > 1 and self.disconnected == "raise":
            raise ValueError(
                f"The graph of n_neighbors={self.n_neighbors} has {n_components} components, of "
                f"{', '.join(map(str, np.sort(np.bincount(labels))[::-1][:5]))} points (largest "
                "five at most), and disconnected='raise'; raise n_neighbors, or join them by "
                "disconnected='bridge'."
            )
        shortcuts = bridges = np.empty((0, 2), np.intp)
        if self.prune is not None:
            affinity, lengths, shortcuts = self._pruned(affinity, lengths, labels)
        if n_components > 1 and self.disconnected == "bridge":
            bridges, gaps = spanning_bridges(search, labels, n_jobs=self.n_jobs)
            # Zero, of points that coincide, would be no edge.
            gaps = np.maximum(gaps, lengths.data.min())
            self._warn_of_bridges(gaps, lengths)
            affinity = _with_edges(affinity, bridges, _BRIDGE_WEIGHT[self.kernel])
            lengths = _with_edges(lengths, bridges, gaps)
        with np.errstate(over="ignore"):
            too_far = np.isinf(lengths.data.max() * scale)
        if too_far:
            raise ValueError(
                "X holds points farther apart than the largest float; divide it by its largest."
            )
        lengths.data *= scale
        self.affinity_, self.distances_ = affinity, lengths
        self.shortcuts_, self.bridges_ = shortcuts, bridges
        self.n_connected_components_ = int(n_components)

    def _pruned(self, affinity, lengths, labels):
        """The graph without its shortcuts; lengths are scaled."""
        # An end of the largest component, whose diameter is watched.
        start = int(np.argmax(labels == np.bincount(labels).argmax()))
        before = _diameter(lengths, start)
        affinity, lengths, shortcuts = prune_shortcuts(
            self._search.points,
            affinity,
            lengths,
            cosine=self.prune_cosine,
            detour=self.detour,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        after = _diameter(lengths, start) if len(shortcuts) else before
        if after > _GROWTH * before:
            scale = self._search.scale
            warn_user(
                f"Pruning removed {len(shortcuts)} edges (see shortcuts_) and raised the graph's "
                f"diameter from {before * scale:.4g} to {after * scale:.4g}. That is right where "
                "noise had joined parts far from each other along the data; where the data is a "
                "closed loop or merely sparse, keep those edges by a larger detour, a lower "
                "prune_cosine or no pruning.",
                PruningWarning,
            )
        return affinity, lengths, shortcuts

    def _warn_of_bridges(self, gaps, lengths):
        scale = self._search.scale
        warn_user(
            f"The graph of n_neighbors={self.n_neighbors} has {len(gaps) + 1} components; "
            f"{len(gaps)} shortest links between them were added (bridges_ of the KNNGraph), the "
            f"longest {gaps.max() * scale:.4g} beside a median edge of "
            f"{np.median(lengths.data) * scale:.4g}. Distances across them measure the gap. Raise "
            "n_neighbors, or take each component by itself.",
            DisconnectedGraphWarning,
        )


def _diameter(lengths, start):
    """Lower bound on the largest distance within the component of ``start``, by two sweeps."""
    for _ in range(2):
        distances = dijkstra(lengths, directed=False, indices=start)
        distances[distances == np.inf] = -1.0
        start = int(distances.argmax())
    return float(distances[start])


def _with_edges(matrix, pairs, values):
    """A symmetric matrix with entries added at pairs of nodes."""
    ends = (pairs.ravel(), pairs[:, ::-1].ravel())
    values = np.repeat(np.broadcast_to(values, len(pairs)), 2)
    return (matrix + sp.csr_matrix((values, ends), shape=matrix.shape)).tocsr()

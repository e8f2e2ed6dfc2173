"""Embedding by distances along the data."""

# References: Huguet, Tong, De Brouwer et al., *A heat diffusion perspective on geodesic preserving
# dimensionality reduction*, NeurIPS 2023, arXiv 2305.19043; de Silva, Tenenbaum, *Global versus
# local methods in nonlinear dimensionality reduction*, NIPS 2002.

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    fit_context,
    validate_data,
    validate_points,
    whole_or_nothing,
)
from kernlab.embedding._input import (
    CONSTRAINTS,
    check_distances,
    check_matrix,
    check_reach,
    check_root,
    check_sizes,
)
from kernlab.embedding._mds import Landmarks, classical_mds, kruskal_stress, smacof
from kernlab.embedding._metrics import (
    HeatMetric,
    MatrixMetric,
    PathMetric,
    Places,
    distinct_rows,
    equal_rows,
    straight_lines,
)
from kernlab.embedding._noise_floor import mp_reduce
from kernlab.embedding._stress_weights import stress_weights
from kernlab.graph import KNNGraph
from kernlab.graph._prune import query_keep


class HeatGeodesicEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Embedding whose distances are those along the data.

    A graph of neighbours stands for the surface that the data lie on. Distances along it, by heat
    or by shortest paths, are found from some landmarks to all points; the landmarks are laid out by
    multidimensional scaling, and every other point, of the data or new, is placed among them by
    itself. Time and memory are those of ``n_samples × n_landmarks`` distances.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding.
    n_neighbors : int, default=15
        Neighbours that define the graph, see :class:`kernlab.graph.KNNGraph`; with
        ``metric='precomputed'`` those that a new point's distances go over.
    metric : {'heat', 'pruned', 'graph', 'precomputed'}, default='heat'
        What distances along the data are; the user guide says which when.

        - ``'heat'``: of heat diffusing on the graph, see :func:`heat_distances`.
        - ``'graph'``: shortest paths, as in Isomap. The best on clean data sampled densely; where
          ``n_neighbors`` reach over a gap, as on 1000 points of scikit-learn's Swiss roll, it has
          shortcuts: lower ``n_neighbors`` or take ``'pruned'``.
        - ``'pruned'``: shortest paths without the edges that :func:`kernlab.graph.prune_shortcuts`
          takes for shortcuts, which become ``shortcuts_``. New points' edges are checked too.
        - ``'precomputed'``: X is the matrix of distances.
    t : {'auto', 'knee'}, float or array-like of floats, default='auto'
        Times of diffusion, for ``'heat'``: see :func:`heat_distances`.
    laplacian : {'normalized', 'combinatorial'}, default='normalized'
        What drives the heat.
    kernel : {'alpha', 'knn', 'gaussian', 'umap'}, default='alpha'
        Weights of the graph's edges.
    volume_correction : float, default=1.0
        Share of the correction of heat distances for the density of the data, of use from 0 to 1.
    denoise : float in [0, 1], default=0.0
        Share of heat distances replaced by distances between rows of them.
    floor : float in (0, 1), default=None
        Added to the heat before its logarithm, as other implementations do (1e-16); None keeps the
        logarithm exact.
    intrinsic_dim : 'auto' or int, default='auto'
        Of the surface, for ``units='data'``. 'auto': maximum likelihood, unlike ``tangent_frames``.
    mp_reduce : bool, default=False
        Whether to take out first the principal axes that hold nothing but isotropic noise, found by
        the law of Marchenko and Pastur; for data of ten features and more with noise in them all.
    prune_cosine, detour : float or None
        Settings of the pruning, see :func:`kernlab.graph.prune_shortcuts`.
    n_landmarks : int, default=300
        Points, drawn at random, that distances are measured from; None is all points. Embeddings
        from 100 are nearly as good as from 300 (on a roll of 5000 points the stress against the
        true distances is 0.0026 in place of 0.0025; points spread evenly gain no more), and time
        and memory are proportional to it.
    mds : {'landmark', 'smacof', 'classical'}, default='landmark'
        - ``'landmark'``: least stress among the landmarks (SMACOF), then of each point alone.
        - ``'smacof'``: all points are landmarks, whatever ``n_landmarks``; up to 10 000.
        - ``'classical'``: inner products, for other points landmark MDS: no iterations, and of
          larger stress.
    mds_weights : {'heat', 'power'}, default=None
        Weights of the pairs in the stress: the heat between them, which keeps neighbourhoods and
        lets far distances go; or the inverse square of the distance, which makes relative errors
        alike. None weighs all alike.
    units : {'data', 'none'}, default='data'
        Whether heat distances are scaled to the units of X, or left as they come.
    algorithm : {'auto', 'exact', 'approximate'}, default='auto'
        How neighbours are found.
    disconnected : {'bridge', 'raise'}, default='bridge'
        What becomes of a graph in several components: joined by shortest bridges with a warning,
        or refused.
    random_state : int, RandomState instance or None, default=None
        Which points are landmarks, and the sketches of the pruning. An integer gives the same bits
        in every run, on any number of threads.
    n_jobs : int, default=None
        Threads; ``-1`` is all cores, None is Numba's current number.

    Attributes
    ----------
    embedding_ : float64 ndarray of shape (n_samples, n_components)
        In the units of the distances.
    stress_ : float
        Kruskal's stress-1 of the embedding against the distances from the landmarks, both scaled to
        agree best: the root of the mean square miss over the mean square distance. It says how well
        the map keeps the distances of the metric, not whether these are true.
    landmarks_ : int ndarray of shape (n_landmarks,)
    landmark_distances_ : ndarray of shape (n_samples, n_landmarks)
        Distances along the data; float32, or float64 where that overflows.
    t_ : float or ndarray
        Times of diffusion; with ``'heat'``.
    intrinsic_dim_ : int or None
        Dimension that heat distances are scaled by; None with other metrics or units.
    graph_ : KNNGraph
        Of the distinct rows of X, in order. Not with ``'precomputed'``, as ``shortcuts_``.
    shortcuts_ : int ndarray of shape (n_shortcuts, 2)
        Edges taken out of the graph, as pairs of points; with ``'pruned'``, else none.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.manifold.Isomap : Shortest paths between all pairs, classical scaling.
    kernlab.embedding.DiffusionMap : Coordinates that vary slowest, of no particular scale.

    Notes
    -----
    Shortest paths cost O(n_neighbors n log n) for each landmark, heat several times that. The
    stress is minimised from the classical solution, deterministically; a minimum is a local one.
    A point's place depends on its distances from the landmarks alone: the nearest landmark or the
    position of landmark MDS, whichever has less stress, improved by Newton's steps.

    References
    ----------
    .. [1] G. Huguet, A. Tong, E. De Brouwer et al., "A heat diffusion perspective on geodesic
       preserving dimensionality reduction", NeurIPS 2023, arXiv:2305.19043.
    .. [2] V. de Silva, J. B. Tenenbaum, "Global versus local methods in nonlinear dimensionality
       reduction", NIPS 2002.
    .. [3] I. Borg, P. J. F. Groenen, "Modern multidimensional scaling", Springer, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_swiss_roll
    >>> from kernlab.embedding import HeatGeodesicEmbedding
    >>> X, angle = make_swiss_roll(2000, random_state=0)
    >>> model = HeatGeodesicEmbedding(metric="graph", random_state=0).fit(X)
    >>> along = (angle * np.hypot(angle, 1) + np.arcsinh(angle)) / 2  # length of the roll
    >>> print(f"{abs(np.corrcoef(model.embedding_[:, 0], along)[0, 1]):.3f}")
    1.000
    >>> model.transform(X[:2] + 0.01).round(0) == model.embedding_[:2].round(0)
    array([[ True,  True],
           [ True,  True]])
    """

    _parameter_constraints = CONSTRAINTS

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=15,
        metric="heat",
        t="auto",
        laplacian="normalized",
        kernel="alpha",
        volume_correction=1.0,
        denoise=0.0,
        floor=None,
        intrinsic_dim="auto",
        mp_reduce=False,
        prune_cosine=0.9,
        detour=5.0,
        n_landmarks=300,
        mds="landmark",
        mds_weights=None,
        units="data",
        algorithm="auto",
        disconnected="bridge",
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.t = t
        self.laplacian = laplacian
        self.kernel = kernel
        self.volume_correction = volume_correction
        self.denoise = denoise
        self.floor = floor
        self.intrinsic_dim = intrinsic_dim
        self.mp_reduce = mp_reduce
        self.prune_cosine = prune_cosine
        self.detour = detour
        self.n_landmarks = n_landmarks
        self.mds = mds
        self.mds_weights = mds_weights
        self.units = units
        self.algorithm = algorithm
        self.disconnected = disconnected
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the distances and the embedding.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or, with ``metric='precomputed'``, (n_samples, n_samples).
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : HeatGeodesicEmbedding

        Raises
        ------
        ValueError
            For bad input: among it more components or neighbours than other points, and matrices
            of distances that are asymmetric, negative or infinite.

        Warns
        -----
        UnresolvedHeatWarning
            If heat distances are unresolved or have collapsed, see :func:`heat_distances`.
        """
        with whole_or_nothing(self):
            X = self._validated(X, reset=True)
            check_sizes(self, *X.shape)
            if self.metric == "precomputed":
                check_matrix(self, X)
                self.intrinsic_dim_ = None
                self._embed(MatrixMetric(X, n_jobs=self.n_jobs), self._drawn_landmarks(len(X)))
            else:
                rows, copies = distinct_rows(self, X)
                self._fit_graph(self._make_graph().fit(self._reduced(X, reset=True)[rows]))
                self._expand(np.arange(len(X))[rows], copies)
        return self

    def fit_transform(self, X, y=None):
        """Fit, and return ``embedding_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        embedding : float64 ndarray of shape (n_samples, n_components)
        """
        return self.fit(X).embedding_

    def transform(self, X):
        """Place points among the training points.

        A point's distances to the landmarks are those of its neighbours: with ``'graph'`` and
        ``'pruned'`` plus the step to each, the least of them; with ``'heat'`` averaged. Neighbours
        across a shortcut are left out with ``'pruned'``. Then it is placed as the training points
        were, so that these are where ``embedding_`` has them.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            Or, with ``metric='precomputed'``, distances of shape (n_queries, n_samples).

        Returns
        -------
        embedding : float64 ndarray of shape (n_queries, n_components)
            A row depends on no other row.

        Raises
        ------
        ValueError
            If, but with ``'heat'``, a point is some 1e7 times as far off as the data are wide.
        """
        check_is_fitted(self)
        places = self._places(self._validated(X, reset=False))
        distances = self._metric.carry(self._distances, places)
        weights = None
        if self.mds_weights == "heat":
            weights = self._metric.carry(self._metric.weights, places)
        return self._place(distances, weights)

    def geodesic_distances(self, X, Y=None):
        """Distances between points along the data, by the metric fitted.

        Parameters
        ----------
        X : array-like of shape (n_queries_X, n_features)
            New points or training points.
        Y : array-like of shape (n_queries_Y, n_features), default=None
            None is X.

        Returns
        -------
        distances : float64 ndarray of shape (n_queries_X, n_queries_Y)
            In the units of ``landmark_distances_``, to single precision.

        Notes
        -----
        With ``'graph'`` and ``'pruned'`` the shortest paths, exact and not by way of landmarks, at
        O(n_edges log n_samples) for each point of the shorter list. New points are joined to their
        neighbours, and to each other where they share one.

        With ``'heat'`` those between training points are heat distances; new points take averages
        over their neighbours, which err by less than the neighbours' distance, and as much for two
        new points close together. A column of heat for every neighbour of the shorter list.

        With ``'precomputed'`` training points have the distances given; new ones go over those
        they are nearest to.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        Y = X if Y is None else self._validated(Y, reset=False)
        first = self._places(X)
        second = first if Y is X else self._places(Y)
        distances = self._metric.between(first, second)
        if self.metric in ("heat", "precomputed"):
            distances[equal_rows(X, Y)] = 0.0
            return distances
        # New points that share a neighbour are near: the way between them is straight.
        rows, columns, direct = straight_lines(
            first, second, self._reduced(X), self._reduced(Y), self._metric.n
        )
        distances[rows, columns] = np.minimum(distances[rows, columns], direct)
        return distances

    def pseudotime(self, root):
        """Distance of the training points from one point, as a share of the largest.

        Parameters
        ----------
        root : int, or array-like of shape (n_features,)
            A training point by its number, or any point.

        Returns
        -------
        pseudotime : float64 ndarray of shape (n_samples,)
            From 0 to 1.

        Raises
        ------
        ValueError
            If ``root`` is no training point's number and no point.
        """
        check_is_fitted(self)
        if check_root(root, len(self.embedding_)):
            place = Places.at(np.arange(self._metric.n)[self._copies][int(root)])
        else:
            with warnings.catch_warnings():  # a point has no names of features
                warnings.filterwarnings("ignore", "X does not have valid feature names")
                point = self._validated(np.reshape(root, (1, -1)), reset=False)
            place = self._places(point)
        distances = self._metric.from_places(place)[self._copies, 0].astype(np.float64)
        largest = distances.max()
        return distances / largest if largest > 0.0 else distances

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.positive_only = self.metric == "precomputed"
        return tags

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    @property
    def landmark_distances_(self):
        """Distances (n_samples, n_landmarks) of all points from the landmarks."""
        distances = self._distances[self._copies]
        return distances if self._metric.unit == 1.0 else distances * np.float64(self._metric.unit)

    def _validated(self, X, *, reset):
        if self.metric == "precomputed":
            # In fit infinity has a meaning, and a message, of its own.
            return validate_data(
                self, X, dtype=np.float64, ensure_all_finite=not reset, reset=reset
            )
        return np.asarray(validate_points(self, X, reset=reset), dtype=np.float64)

    def _make_graph(self):
        return KNNGraph(
            self.n_neighbors,
            kernel=self.kernel,
            algorithm=self.algorithm,
            disconnected=self.disconnected,
            prune="heat" if self.metric == "pruned" else None,
            prune_cosine=self.prune_cosine,
            detour=self.detour,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )

    def _fit_graph(self, graph):
        """Fit to a graph with KNNGraph's attributes."""
        n = graph.affinity_.shape[0]
        landmarks = self._drawn_landmarks(n)
        self.graph_, self.shortcuts_ = graph, graph.shortcuts_
        if self.metric != "heat":
            self.intrinsic_dim_ = None
            self._embed(PathMetric(graph.distances_, n_jobs=self.n_jobs), landmarks)
            return
        settings = {name: getattr(self, name) for name in HeatMetric.SETTINGS}
        weigh = self.mds_weights == "heat"
        metric = HeatMetric(graph.affinity_, graph.distances_, landmarks, weigh=weigh, **settings)
        self.t_, self.intrinsic_dim_ = metric.t, metric.intrinsic_dim
        self._embed(metric, landmarks)

    def _drawn_landmarks(self, n):
        if self.mds == "smacof" or self.n_landmarks is None or self.n_landmarks >= n:
            return np.arange(n)
        rng = check_random_state(self.random_state)
        return np.sort(rng.choice(n, self.n_landmarks, replace=False))

    def _embed(self, metric, landmarks):
        """Distances from the landmarks, their positions, and those of all points."""
        self._metric, self.landmarks_, self._copies = metric, landmarks, slice(None)
        self._distances = metric.from_landmarks(landmarks)
        # Beyond it a distance has no digits left for what tells one landmark from another.
        self._reach = (float(self._distances.max()) or 1.0) / np.finfo(np.float32).eps
        own = self._distances[landmarks]
        own = 0.5 * (own + own.T)
        points = classical_mds(own, self.n_components)
        self._weights = stress_weights(self.mds_weights, own, metric)
        if self.mds != "classical":
            points = smacof(own, points, weights=self._weights.landmarks, n_jobs=self.n_jobs)
        self._placed = Landmarks(points, own, linear=self.mds == "classical")
        heat = metric.weights if self.mds_weights == "heat" else None
        self.embedding_ = self._place(self._distances, heat)
        self.stress_ = kruskal_stress(
            self._distances, self.embedding_ / metric.unit, points, n_jobs=self.n_jobs
        )

    def _expand(self, rows, copies):
        """From the distinct points, some rows, to all; copies share a place."""
        self._copies, self.embedding_ = copies, self.embedding_[copies]
        self.landmarks_, self.shortcuts_ = rows[self.landmarks_], rows[self.shortcuts_]

    def _place(self, distances, heat):
        """Positions of rows of distances, with rows of heat for weights if there are."""
        weigh = self._weights.of_rows(distances, heat)
        points = self._placed.place(distances, weigh=weigh, n_jobs=self.n_jobs)
        points *= self._metric.unit
        return points

    def _places(self, X):
        """New points by the training points near them."""
        if self.metric == "precomputed":
            check_distances(X)
            k = min(self.n_neighbors, X.shape[1])
            indices = np.argsort(X, axis=1, kind="stable")[:, :k]
            lengths = np.take_along_axis(X, indices, axis=1)
            check_reach(lengths, self._reach, self._metric.unit)
            return Places.near(indices, lengths)
        points = self._reduced(X)
        lengths, indices = self.graph_.kneighbors(points)
        if self.metric != "heat":
            check_reach(lengths, self._reach, self._metric.unit)
        keep = True
        if self.metric == "pruned":
            steps = lengths / self._metric.unit
            keep = query_keep(self._distances, indices, steps, n_jobs=self.n_jobs)
        return Places.near(indices, lengths, keep)

    def _reduced(self, X, *, reset=False):
        """X without the axes of noise alone, those of the training points."""
        if not self.mp_reduce:
            return X
        if reset:
            self._noise_floor = mp_reduce(X)
        return self._noise_floor.project(X)

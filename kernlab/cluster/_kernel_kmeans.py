"""Kernel k-means as an estimator."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS, pairwise_kernels
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    check_weights,
    fit_context,
    whole_or_nothing,
)
from kernlab._core.warn import warn_user
from kernlab.cluster._centred_kernel import BLOCK
from kernlab.cluster._kernel_input import points_or_kernel, takes_sparse
from kernlab.cluster._kernel_runs import kernel_kmeans, run_all, spectral_starts
from kernlab.cluster._kernel_starts import checked_init
from kernlab.cluster._scores import cluster_weights, modularity
from kernlab.graph._adjacency import as_adjacency

__all__ = ["KernelKMeans", "kernel_kmeans", "spectral_starts"]

# Inertias that differ by this share are equal.
_SAME = 1e-10
# Share of its terms that a squared distance may be off by: a sum of some thousands of them.
_ROUNDING = 64 * np.finfo(float).eps
# Points whose kernel with themselves is found together, off the diagonal of a square.
_OWN = 32


def _has_points(estimator):
    if estimator.kernel == "precomputed":
        raise AttributeError(
            "Distances to centroids need the kernel of each point with itself, which rows of a "
            "precomputed kernel do not hold; give kernel by name or as a function."
        )
    return True


class KernelKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    r"""k-means in the feature space of a kernel.

    It minimises the weighted sum of squared distances of points to the centroids of their
    clusters, :math:`\sum_i w_i K_{ii} - \sum_c \sum_{i,j \in c} w_i w_j K_{ij} / W_c`, that is
    k-means on coordinates that are never computed. Clusters need not be convex, and what is
    clustered need not be points: a kernel between the nodes of a graph will do.

    Parameters
    ----------
    n_clusters : int, default=8
    kernel : str or callable, default='precomputed'
        'precomputed': X is the kernel matrix. Else a name that
        :func:`sklearn.metrics.pairwise.pairwise_kernels` knows, such as 'rbf', or a function of two
        points that returns a number. Points may be sparse for 'linear', 'poly', 'rbf', 'laplacian',
        'sigmoid' and 'cosine'.
    init : {'auto', 'k-means++', 'spectral', 'random'} or int array-like, default='auto'
        Starts.

        - ``'k-means++'``: centres drawn by weight and squared distance to those drawn before.
        - ``'spectral'``: k-means on the ``n_clusters - 1`` leading eigenvectors of the centred
          kernel, those of largest magnitude; each second start scales them by the roots of the
          eigenvalues.
        - ``'auto'``: two spectral starts, as far as ``n_init`` goes, and k-means++ for the rest.
        - ``'random'``: a label at random for each point.
        - Labels of shape (n_samples,) or (n_starts, n_samples), from 0 to ``n_clusters - 1``; their
          number takes the place of ``n_init``. Points that are equal start together.
    n_init : int, default=10
        Starts, of which the best by ``selection`` counts.
    algorithm : {'hartigan', 'lloyd'}, default='hartigan'
        - ``'lloyd'``: all points move to their nearest centroids, until none does.
        - ``'hartigan'``: then single points move wherever that lowers the objective, with the
          shift of both centroids reckoned in. Where no such move is left no point is nearer to
          another centroid either, but not the reverse: the minima are fewer and lower.
    selection : {'inertia', 'modularity'} or callable, default='inertia'
        Which start's labels are kept: least inertia; largest modularity of the graph
        ``adjacency``; or largest ``selection(kernel, labels)``, of copies. Ties go to the less
        inertia.
    max_iter : int, default=100
        Most passes over the points, for Lloyd's algorithm and Hartigan's each.
    gamma : float, default=None
        Of the kernels 'rbf', 'laplacian', 'polynomial', 'sigmoid' and 'chi2'; None is their own
        default, one over the number of features or, for 'chi2', one. Callable kernels do not look
        at it, nor at the next two.
    degree : float, default=3
        Of the polynomial kernel.
    coef0 : float, default=1
        Of the polynomial and sigmoid kernels.
    kernel_params : dict, default=None
        Keyword arguments of a callable kernel, and of no other.
    random_state : int, RandomState instance or None, default=None
        Of the starts. An integer gives the same labels in every run, on any number of threads.
    n_jobs : int, default=None
        Threads, over starts; ``-1`` is all cores, None is Numba's current number.

    Attributes
    ----------
    labels_ : int32 ndarray of shape (n_samples,)
        Every label from 0 to ``n_clusters - 1`` occurs, unless fewer points than that differ.
    inertia_ : float
        The objective, in the units of the kernel; less than zero is possible where the kernel is
        indefinite.
    n_iter_ : int
        Passes over the points in the run that was kept.
    all_labels_ : int32 ndarray of shape (n_init, n_samples)
        Of each start.
    all_inertias_ : float64 ndarray of shape (n_init,)
    X_fit_ : ndarray or CSR matrix of shape (n_samples, n_features)
        Unless the kernel is precomputed.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.KMeans : The same for the linear kernel, in O(n) memory.
    sklearn.cluster.SpectralClustering : Eigenvectors of an affinity, then k-means.

    Notes
    -----
    Time is O(n²) for each pass and all starts together: sums over clusters are one matrix product
    for all starts, then kept up to date move by move. Memory is one n × n copy of the kernel in
    double precision, two if points are equal or have no weight, beside the kernel itself, and two
    tables of ``n_init * n_clusters * n_samples`` numbers.

    Only the symmetric part of a kernel counts, and numbers added to a whole row or column do not.
    Points of equal rows are kept together, so that a weight of two is the same as a point given
    twice. Starts are drawn in an order that depends on the kernel: the points listed in another
    order get the same clusters, unless some play exactly the same part.

    A kernel need not be positive definite. A constant added to its diagonal adds the same to the
    objective of all labels, so that the best labels are those for some proper distances too (Roth
    et al. [3]_). But with such kernels Lloyd's step may raise the objective: it is taken back then
    and ends the run, or leaves the rest to single moves, whose effect is exact. So the objective
    falls in every pass with any kernel. ``predict`` on the training points may then differ from
    ``labels_``: the nearest centroid is not always the cheapest cluster.

    References
    ----------
    .. [1] I. S. Dhillon, Y. Guan, B. Kulis, "Kernel k-means, spectral clustering and normalized
       cuts", KDD 2004.
    .. [2] M. Telgarsky, A. Vattani, "Hartigan's method: k-means clustering without Voronoi",
       AISTATS 2010.
    .. [3] V. Roth, J. Laub, M. Kawanabe, J. M. Buhmann, "Optimal cluster preserving embedding of
       nonmetric proximity data", IEEE TPAMI 25, 2003.

    Examples
    --------
    >>> from kernlab.cluster import KernelKMeans
    >>> from sklearn.datasets import make_circles
    >>> from sklearn.metrics import adjusted_rand_score
    >>> X, ring = make_circles(300, factor=0.3, noise=0.05, random_state=0)
    >>> model = KernelKMeans(2, kernel="rbf", gamma=5, random_state=0).fit(X)
    >>> adjusted_rand_score(ring, model.labels_)
    1.0
    >>> model.predict([[0, 0], [1, 0]]) == model.predict([[0.1, 0], [0, 1]])
    array([ True,  True])
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions({"precomputed", *PAIRWISE_KERNEL_FUNCTIONS}), callable],
        "init": [StrOptions({"auto", "k-means++", "spectral", "random"}), "array-like"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "algorithm": [StrOptions({"hartigan", "lloyd"})],
        "selection": [StrOptions({"inertia", "modularity"}), callable],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="left"), None],
        "degree": [Interval(Real, 0, None, closed="left")],
        "coef0": [Interval(Real, None, None, closed="neither")],
        "kernel_params": [dict, None],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        kernel="precomputed",
        init="auto",
        n_init=10,
        algorithm="hartigan",
        selection="inertia",
        max_iter=100,
        gamma=None,
        degree=3,
        coef0=1,
        kernel_params=None,
        random_state=None,
        n_jobs=None,
    ):
        self.n_clusters = n_clusters
        self.kernel = kernel
        self.init = init
        self.n_init = n_init
        self.algorithm = algorithm
        self.selection = selection
        self.max_iter = max_iter
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, adjacency=None):
        """Find the clusters.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Points; or the kernel, of shape (n_samples, n_samples), where it is precomputed.
        y : Ignored
            Present for scikit-learn's conventions.
        sample_weight : array-like of shape (n_samples,), default=None
            Zero or more; None is one each. A whole number is the same as so many equal points. A
            point of weight zero only gets a label.
        adjacency : networkx graph, sparse matrix or array of shape (n_samples, n_samples), \
default=None
            The graph whose modularity selects the start; for ``selection='modularity'`` alone.

        Returns
        -------
        self : KernelKMeans

        Raises
        ------
        ValueError
            For bad input: among it more clusters than points, a precomputed kernel that is not
            square, a kernel that is not finite, and ``kernel_params`` of a kernel by name.
        TypeError
            For a graph, or sparse points of a kernel that has none.

        Warns
        -----
        AsymmetricKernelWarning
            If a precomputed kernel is far from symmetric; its symmetric part is used.
        DistanceLikeWarning
            If a precomputed kernel has a diagonal of zeros and no negative entry.
        ConvergenceWarning
            If fewer points than ``n_clusters`` differ, or ``max_iter`` passes were not enough.
        """
        with whole_or_nothing(self):
            X = points_or_kernel(self, X, reset=True)
            n = X.shape[0]
            if self.n_clusters > n:
                raise ValueError(f"n_samples={n} should be >= n_clusters={self.n_clusters}.")
            weight = check_weights(sample_weight, X)
            weight = np.ones(n) if weight is None else weight
            graph = self._checked_graph(adjacency, n)
            K = self._kernel(X)
            runs = run_all(
                K,
                self.n_clusters,
                weight,
                n_init=self.n_init,
                init=checked_init(self.init, self.n_clusters, n),
                algorithm=self.algorithm,
                max_iter=self.max_iter,
                rng=check_random_state(self.random_state),
                n_jobs=self.n_jobs,
            )
            best = self._best(runs, K, graph)
            self.labels_ = runs.labels[best].copy()
            self.inertia_ = float(runs.inertias[best])
            self.n_iter_ = int(runs.n_iter[best])
            self.all_labels_, self.all_inertias_ = runs.labels, runs.inertias
            if self.kernel != "precomputed":
                self.X_fit_ = X
            self._place_centroids(K, weight)
            self._warn(bool(runs.converged[best]))
        return self

    def predict(self, X):
        """Label of the nearest centroid.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_queries, n_features)
            Or the kernel between queries and training points, of shape (n_queries, n_samples),
            where it is precomputed.

        Returns
        -------
        labels : int32 ndarray of shape (n_queries,)
        """
        check_is_fitted(self)
        X = points_or_kernel(self, X, reset=False)
        return np.argmin(self._relative_squares(X)[0], axis=1).astype(np.int32)

    @available_if(_has_points)
    def score(self, X, y=None, sample_weight=None):
        """Minus the weighted sum of squared distances to the nearest centroids.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_queries, n_features)
        y : Ignored
        sample_weight : array-like of shape (n_queries,), default=None

        Returns
        -------
        score : float
            Of the training points, minus ``inertia_`` where none is nearer to another centroid.
        """
        squares = np.min(self._distances(X), axis=1) ** 2
        weight = check_weights(sample_weight, squares)
        return -float(np.sum(squares if weight is None else weight * squares))

    def transform(self, X):
        """Distances to the centroids, in the feature space of the kernel.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_queries, n_features)

        Returns
        -------
        distances : float64 ndarray of shape (n_queries, n_clusters)
            Zero where the squared distance is within rounding, or negative as an indefinite kernel
            may make it.
        """
        return self._distances(X)

    def fit_transform(self, X, y=None, sample_weight=None, adjacency=None):
        """Fit, and return the distances of :meth:`transform`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : Ignored
        sample_weight, adjacency
            As for :meth:`fit`.

        Returns
        -------
        distances : float64 ndarray of shape (n_samples, n_clusters)
        """
        return self.fit(X, sample_weight=sample_weight, adjacency=adjacency).transform(X)

    def _distances(self, X):
        check_is_fitted(self)
        X = points_or_kernel(self, X, reset=False)
        squares, own = self._relative_squares(X)
        for start in range(0, X.shape[0], _OWN):
            rows = slice(start, start + _OWN)
            own[rows] += np.diagonal(self._kernel(X[rows]))
        rounding = _ROUNDING * (np.abs(squares) + np.abs(own)[:, None])
        squares += own[:, None]
        return np.sqrt(np.where(squares > rounding, squares, 0.0))

    @property
    def _n_features_out(self):
        return self._members.shape[1]

    def _kernel(self, X, Y=None):
        """Kernel between rows of X and Y; a precomputed one is what it was given."""
        if self.kernel == "precomputed":
            return X
        named = not callable(self.kernel)
        settings = {"degree": self.degree, "coef0": self.coef0}
        # Not all kernels know None as their default.
        if self.gamma is not None:
            settings["gamma"] = self.gamma
        if not named:
            settings = self.kernel_params or {}
        K = pairwise_kernels(X, Y, metric=self.kernel, filter_params=named, **settings)
        if not np.isfinite(K).all():
            raise ValueError(
                f"kernel={self.kernel!r} gives NaN or infinity on X; scale the features, or lower "
                "the degree."
            )
        return K

    def _checked_graph(self, adjacency, n):
        if self.selection != "modularity":
            if adjacency is not None:
                raise ValueError(
                    "adjacency was given, and it is of use with selection='modularity' only; leave "
                    f"it out, or change selection={self.selection!r}."
                )
            return None
        if adjacency is None:
            raise ValueError(
                "selection='modularity' needs a graph: pass fit(X, adjacency=...), or use "
                "selection='inertia'."
            )
        graph = as_adjacency(adjacency, name="adjacency")
        if graph.shape[0] != n:
            raise ValueError(f"adjacency has {graph.shape[0]} nodes, and X {n} rows.")
        if graph.nnz == 0:
            raise ValueError("adjacency has no edges, and no modularity; use selection='inertia'.")
        return graph

    def _best(self, runs, K, graph):
        if self.selection == "inertia":
            score = -runs.inertias
        elif self.selection == "modularity":
            score = modularity(cluster_weights(graph, runs.labels))
        else:
            # Copies: what it does to them must change neither the model nor the user's kernel.
            score = np.array(
                [float(self.selection(K.copy(), labels.copy())) for labels in runs.labels]
            )
            if np.isnan(score).any():
                raise ValueError(f"selection={self.selection!r} returned NaN; return a number.")
        # Starts that end in one and the same partition differ by rounding: the first of them.
        least = runs.inertias[score == score.max()].min()
        equal = runs.inertias <= least + _SAME * np.abs(runs.inertias).max()
        if self.selection == "inertia":
            return int(np.argmax(equal))
        return int(np.argmax(equal & (score == score.max())))

    def _place_centroids(self, K, weight):
        """Centroids as weights of the training points, and squared norms about the mean of all."""
        n = len(K)
        members = np.zeros((n, int(self.labels_.max()) + 1))
        members[np.arange(n), self.labels_] = weight / weight.max()
        self._members = members / members.sum(axis=0)
        self._share = weight / weight.max() / np.sum(weight / weight.max())
        with SINGLE_THREADED_BLAS:
            self._mean = np.zeros(n)
            for start in range(0, n, BLOCK):
                rows = slice(start, start + BLOCK)
                self._mean += self._share[rows] @ K[rows] / 2
                self._mean[rows] += K[rows] @ self._share / 2
            self._mean_norm = self._share @ self._mean
            sums = np.empty_like(members)
            for start in range(0, n, BLOCK):
                rows = slice(start, start + BLOCK)
                sums[rows] = self._centred(K[rows], self._mean[rows]) @ self._members
        self._norms = np.einsum("ic,ic->c", self._members, sums)

    def _centred(self, K, row_mean):
        """Kernel of the features less their mean, ``row_mean`` being that of each row."""
        return K - row_mean[:, None] - (self._mean - self._mean_norm)

    def _relative_squares(self, X):
        """Squared distances to centroids, and what to add to them, but for K(x, x) of each query.

        The latter may be so large that it would round off what tells the centroids apart.
        """
        n = X.shape[0]
        squares, own = np.empty((n, len(self._norms))), np.empty(n)
        points = None if self.kernel == "precomputed" else self.X_fit_
        with SINGLE_THREADED_BLAS:
            for start in range(0, n, BLOCK):
                rows = slice(start, start + BLOCK)
                K = self._kernel(X[rows], points)
                row_mean = K @ self._share
                own[rows] = self._mean_norm - 2.0 * row_mean
                squares[rows] = -2.0 * self._centred(K, row_mean) @ self._members
        squares += self._norms
        return squares, own

    def _warn(self, converged):
        n_found = self._members.shape[1]
        if n_found < self.n_clusters:
            warn_user(
                f"Only {n_found} points of positive weight differ as far as the kernel tells, and "
                f"each is a cluster: that is fewer than n_clusters={self.n_clusters}.",
                ConvergenceWarning,
            )
        if not converged:
            warn_user(
                f"max_iter={self.max_iter} passes were not enough for labels to settle; raise it.",
                ConvergenceWarning,
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = takes_sparse(self.kernel)
        if self.kernel == "precomputed":
            tags.transformer_tags = None
        return tags


# scikit-learn wraps the output of these where the class is made, and what it puts in their place is
# there for any estimator.
for _name in ("transform", "fit_transform", "set_output"):
    setattr(KernelKMeans, _name, available_if(_has_points)(getattr(KernelKMeans, _name)))

"""Diffusion maps: coordinates whose straight distances are those of diffusion."""

# References: R. R. Coifman and S. Lafon, "Diffusion maps", Appl. Comput. Harmon. Anal. 21 (2006);
# L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", NIPS 2004 (the bandwidths).

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    fit_context,
    validate_points,
    whole_or_nothing,
)
from kernlab.embedding._metrics import distinct_rows
from kernlab.graph import KNNGraph, laplacian
from kernlab.graph._weights import CUT
from kernlab.linalg import smallest_eigenpairs

__all__ = ["DiffusionMap"]

# New points placed at a time.
_QUERIES = 4096


class DiffusionMap(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Diffusion map: points at the distance at which random walks from them still tell apart.

    A random walk steps between neighbours with Gaussian probabilities. Coordinate l of a point is
    the l-th right eigenvector of its transition matrix there, times the eigenvalue to the power
    ``t``, so that the Euclidean distance between two points, over all coordinates, is the distance
    between the distributions of walks of ``t`` steps from them. It shows few slow directions:
    clusters, the ends of branches, cycles. It is no map of lengths; for these see
    ``HeatGeodesicEmbedding``.

    Parameters
    ----------
    n_components : int >= 1, default=2
        Coordinates, after the constant one, which is left out.
    n_neighbors : int >= 1, default=15
        Neighbours of each point in the graph.
    bandwidth : {'self-tuning', 'global'}, default='self-tuning'
        The weight of an edge of length r is exp(-r² / (s_i s_j)). 'self-tuning' takes for s_i the
        distance to the last neighbour of i; 'global' the median of these for all, with which
        ``alpha=1`` has the limit of [1]_. Weights are raised to 1e-4 where they are less, so that
        the walk reaches outliers, and a bridge between parts of the graph weighs exp(-1).
    alpha : float in [0, 1], default=1.0
        Power of the density by which weights are divided. 1 takes out how densely the points lie,
        and the walk is Brownian motion on the manifold in the limit of many points; 0 leaves it
        in, and the walk is drawn to where they lie densely.
    t : int >= 1, default=1
        Steps of the walk.
    algorithm : {'auto', 'exact', 'approximate'}, default='auto'
        Search for neighbours, as of :class:`kernlab.graph.KNNGraph`.
    random_state : int, RandomState instance or None, default=None
        Seeds the start of the eigensolver and the approximate search.
    n_jobs : int or None, default=None
        Threads of the search; None is Numba's current count.

    Attributes
    ----------
    embedding_ : array of shape (n_samples, n_components)
        Coordinates of the training points. Their signs are fixed: the entry of largest modulus of
        each eigenvector is positive.
    eigenvalues_ : array of shape (n_components,)
        Eigenvalues of the transition matrix, from the largest after 1 down.
    graph_ : KNNGraph
        The graph of the neighbours, of the distinct rows of X in order: equal rows are one point,
        and their number does not count as density.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : array of shape (n_features,)
        Names of the features, where X has any.

    See Also
    --------
    heat_distances : The same diffusion, read as lengths.

    Notes
    -----
    Cost: the search for neighbours, and some hundred products with the sparse transition matrix
    for each few eigenpairs; memory O(n (n_neighbors + n_components)). A new point is placed by the
    formula of Nyström, the mean of its neighbours' eigenvectors under the walk's first step from
    it over the eigenvalue, with the neighbours of the nearest training point among its own; one
    that lies on a training point takes that point's row.

    Parts of the graph that are not joined are bridged and warned of, for each would have an
    eigenvalue of 1 to itself.

    References
    ----------
    .. [1] R. R. Coifman and S. Lafon, "Diffusion maps", Applied and Computational Harmonic
       Analysis 21 (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.embedding import DiffusionMap
    >>> angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> Z = DiffusionMap(n_neighbors=16, random_state=0).fit_transform(circle)
    >>> radius = np.hypot(*Z.T)
    >>> bool(np.ptp(radius) < 1e-6 * radius.mean())
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "bandwidth": [StrOptions({"self-tuning", "global"})],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "t": [Interval(Integral, 1, None, closed="left")],
        "algorithm": [StrOptions({"auto", "exact", "approximate"})],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
    }

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=15,
        bandwidth="self-tuning",
        alpha=1.0,
        t=1,
        algorithm="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.bandwidth = bandwidth
        self.alpha = alpha
        self.t = t
        self.algorithm = algorithm
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Build the graph and find the slowest eigenvectors of its walk.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not more samples than ``n_neighbors`` and than ``n_components``, or X
            is not finite.
        """
        with whole_or_nothing(self):
            X = np.asarray(validate_points(self, X, reset=True), dtype=np.float64)
            n_samples = X.shape[0]
            if self.n_components > n_samples - 1:
                raise ValueError(
                    f"n_components={self.n_components} needs at least {self.n_components + 1} "
                    f"points, got n_samples={n_samples}; lower n_components, or give more rows."
                )
            first, copies = distinct_rows(self, X)
            graph = KNNGraph(
                self.n_neighbors,
                kernel="gaussian",
                algorithm=self.algorithm,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            ).fit(X[first])
            self.graph_ = graph
            self._fit_walk(graph)
            self.embedding_ = (self._vectors * self.eigenvalues_**self.t)[copies]
        return self

    def _fit_walk(self, graph):
        weights, self._scales = graph.affinity_, graph.bandwidths_
        if self.bandwidth == "global":
            lengths = graph.distances_
            self._scales = np.full(len(self._scales), np.median(self._scales))
            weights = sp.csr_matrix(
                (_gaussian((lengths.data / self._scales[0]) ** 2), lengths.indices, lengths.indptr),
                shape=lengths.shape,
            )
            # A bridge, longer than the others, keeps the graph's weight.
            first, second = graph.bridges_.T
            weights[first, second] = weights[second, first] = graph.affinity_[first, second]
        # A walk may stay: the weight of a point with itself is 1.
        weights = weights + sp.identity(weights.shape[0], format="csr")
        self._density = np.asarray(weights.sum(axis=1)).ravel()
        thinned = sp.diags(self._density**-self.alpha)
        weights = (thinned @ weights @ thinned).tocsr()
        weights = (weights + weights.T) / 2  # to the last bit
        degree = np.asarray(weights.sum(axis=1)).ravel()
        values, vectors = smallest_eigenpairs(
            laplacian(weights), self.n_components + 1, random_state=self.random_state
        )
        # Of norm one under the walk's stationary distribution, degree / total.
        vectors = vectors[:, 1:] / np.sqrt(degree / degree.sum())[:, None]
        highest = vectors[np.abs(vectors).argmax(axis=0), np.arange(self.n_components)]
        self._vectors = vectors * np.sign(highest)
        self.eigenvalues_ = 1.0 - values[1:]

    def fit_transform(self, X, y=None):
        """Fit, and return ``embedding_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        embedding : array of shape (n_samples, n_components)
        """
        return self.fit(X).embedding_

    def transform(self, X):
        """Place new points by Nyström's formula.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)

        Returns
        -------
        embedding : array of shape (n_queries, n_components)
            A point that coincides with a training point takes its row of ``embedding_``, and one
            that comes near it tends to that, but at the ends of a bridge. Halfway between, where
            the neighbours change, places jump by what the neighbour counted.
        """
        check_is_fitted(self)
        X = np.asarray(validate_points(self, X, reset=False), dtype=np.float64)
        placed = np.empty((len(X), self.n_components))
        for part in gen_batches(len(X), _QUERIES):
            placed[part] = self._walked(X[part])
        return placed

    def _walked(self, X):
        """Where a step of the walk leads from new points, in the mean."""
        n = len(self._vectors)
        distances, indices = self.graph_.kneighbors(X, self.n_neighbors + 1)
        nearest, on_point = indices[:, 0], distances[:, 0] == 0
        # Besides its own neighbours a point has those of the point nearest to it, as that one
        # itself, which others may have for a neighbour.
        ones = np.ones(indices.size)
        own = sp.csr_matrix(
            (ones, indices.ravel(), np.arange(0, indices.size + 1, indices.shape[1])),
            shape=(len(X), n),
        )
        walk = own + self.graph_.affinity_[nearest]
        rows, columns = np.repeat(np.arange(len(X)), np.diff(walk.indptr)), walk.indices
        search = self.graph_._search
        steps = search.scaled(X)[rows] - search.points[columns]
        lengths = np.sqrt(np.einsum("ed,ed->e", steps, steps)) * search.scale
        scales = self._scales[:1] if self.bandwidth == "global" else distances[:, -1]
        scales = np.broadcast_to(scales, len(X))
        with np.errstate(over="ignore"):
            ratio = (lengths / scales[rows]) * (lengths / self._scales[columns])
        ratio = np.minimum(ratio, np.finfo(float).max)
        # From the nearest, so that a point far from all still has neighbours of some weight.
        ratio -= np.minimum.reduceat(ratio, walk.indptr[:-1])[rows]
        walk.data = _gaussian(ratio) * self._density[columns] ** -self.alpha
        walk.data /= np.add.reduceat(walk.data, walk.indptr[:-1])[rows]
        placed = (walk @ self._vectors) * self.eigenvalues_ ** (self.t - 1)
        placed[on_point] = self._vectors[nearest[on_point]] * self.eigenvalues_**self.t
        return placed

    @property
    def _n_features_out(self):
        return self.n_components


def _gaussian(ratio):
    """exp(-ratio), raised where it is less than the graph's least."""
    return np.maximum(np.exp(-ratio), CUT)

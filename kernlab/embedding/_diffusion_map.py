"""Diffusion maps: coordinates whose straight distances are those of diffusion."""

# References: R. R. Coifman and S. Lafon, "Diffusion maps", Appl. Comput. Harmon. Anal. 21 (2006);
# L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", NIPS 2004 (the bandwidths).

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    Interval,
    StrOptions,
    fit_context,
    validate_points,
    whole_or_nothing,
)
from kernlab.graph import KNNGraph, laplacian
from kernlab.linalg import smallest_eigenpairs

__all__ = ["DiffusionMap"]


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
        ``alpha=1`` has the limit of [1]_.
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
        The graph of the neighbours.
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
    it over the eigenvalue; one that lies on a training point takes that point's row.

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
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
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
            graph = KNNGraph(
                self.n_neighbors,
                kernel="gaussian",
                algorithm=self.algorithm,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            ).fit(X)
            self.graph_ = graph
            self._fit_walk(graph)
        return self

    def _fit_walk(self, graph):
        lengths = graph.distances_
        self._scales = graph.bandwidths_
        if self.bandwidth == "global":
            self._scales = np.full(len(self._scales), np.median(self._scales))
        rows = np.repeat(np.arange(lengths.shape[0]), np.diff(lengths.indptr))
        # The ratios and not their product: squares of lengths may overflow.
        ratio = (lengths.data / self._scales[rows]) * (lengths.data / self._scales[lengths.indices])
        weights = sp.csr_matrix(
            (_gaussian(ratio), lengths.indices, lengths.indptr), shape=lengths.shape
        )
        # A walk may stay: the weight of a point with itself is 1.
        weights = weights + sp.identity(lengths.shape[0], format="csr")
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
        self.embedding_ = self._vectors * self.eigenvalues_**self.t

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
            A point that coincides with a training point takes its row of ``embedding_``.
        """
        check_is_fitted(self)
        X = np.asarray(validate_points(self, X, reset=False), dtype=np.float64)
        distances, indices = self.graph_.kneighbors(X)
        own = distances[:, -1:]
        if self.bandwidth == "global":
            own = np.full_like(own, self._scales[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (distances / own) * (distances / self._scales[indices])
        # From the nearest, so that a point far from all still has neighbours of some weight.
        weights = _gaussian(ratio - ratio.min(axis=1, keepdims=True))
        weights *= self._density[indices] ** -self.alpha
        weights /= weights.sum(axis=1, keepdims=True)
        placed = np.einsum("qk,qkl->ql", weights, self._vectors[indices])
        placed *= self.eigenvalues_ ** (self.t - 1)
        on_point = distances[:, 0] == 0
        placed[on_point] = self.embedding_[indices[on_point, 0]]
        return placed

    @property
    def _n_features_out(self):
        return self.n_components


def _gaussian(ratio):
    """exp(-ratio), nowhere zero: an edge without weight would be none."""
    return np.maximum(np.exp(-ratio), np.finfo(float).tiny)

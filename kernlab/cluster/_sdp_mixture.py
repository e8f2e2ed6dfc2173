"""Clusters of different shapes by the likelihood of hard labels, relaxed to memberships."""

import math
import warnings
from numbers import Integral, Real

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import Interval, fit_context, validate_data, whole_or_nothing
from kernlab._core.warn import warn_user
from kernlab.cluster._low_rank_sdp import Costs, memberships, solve

# Of the factors at the start, what is drawn at random beside the labels of k-means.
_BLUR = 0.1
# Of the data, whose squares in units of the covariances must be floats, with room for small ridges.
_SMALLEST, _LARGEST = 1e-150, 1e151


class LikelihoodAdjustedSDP(ClusterMixin, BaseEstimator):
    r"""Gaussian clusters of different covariances, by likelihood-adjusted semidefinite programmes.

    Labels are parameters: of the likelihood of normal clusters :math:`G_k` the means are profiled
    out, and what is left is linear in :math:`Z_k = 1_{G_k} 1_{G_k}^\top / |G_k|`. Relaxed [1]_,

    .. math:: \min \sum_k \langle \tfrac12 M_k + \log|\Sigma_k| J,\; Z_k \rangle
       \quad\text{with}\quad Z_k \succeq 0,\; Z_k \ge 0,\; \operatorname{tr} Z_k = 1,\;
       \sum_k Z_k 1 = 1,

    where :math:`M_k` holds squared Mahalanobis distances of all pairs. Memberships and covariances
    are found in turn. :math:`Z_k = U_k U_k^\top` with a few non-negative columns [2]_, so that no
    table of pairs is formed.

    Use it where clusters have different shapes and hard labels are wanted, of data where
    expectation maximisation depends on its start. From a k-means start
    :class:`sklearn.mixture.GaussianMixture` finds about the same clusters, faster: see the user
    guide.

    Parameters
    ----------
    n_clusters : int, default=2
        1 to the number of distinct samples.
    rank : int, default=2
        Columns of each :math:`U_k`. With 1 memberships hardly leave their start.
    reg_covar : float >= 0, default=1e-6
        Added to the variances of each cluster, in units of the mean variance of the features.
        With 0 a cluster in a plane is an error.
    max_iter : int, default=30
        Of memberships and covariances in turn.
    max_updates : int, default=60
        Of the multipliers of one programme, each with up to 100 gradient steps.
    tol : float in (0, 1), default=1e-4
        Largest violation of memberships that add up to one, and change per sample of the objective
        from one turn to the next.
    random_state : int, RandomState instance or None, default=None
        Of k-means, whose labels are the start, and of what is added to them.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Of the largest membership.
    memberships_ : ndarray of shape (n_samples, n_clusters)
        :math:`Z_k 1`; rows add up to one within ``tol``.
    means_ : ndarray of shape (n_clusters, n_features)
        Weighted by memberships.
    covariances_ : ndarray of shape (n_clusters, n_features, n_features)
    objective_ : float
        -2 log likelihood less :math:`n d \log 2\pi`, of the relaxed memberships at
        ``covariances_``, in nats. What is minimised has a term of ``reg_covar`` besides.
    gap_ : float
        That of ``labels_`` with the same covariances, less ``objective_``. Zero for memberships
        that are labels. It tells what rounding cost; it is not a bound on how far the labels are
        from the best ones, for factors may stop at a local minimum, and no dual bound is computed.
    violation_ : float
        Largest difference from one of a sample's memberships.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.mixture.GaussianMixture : Soft labels, by expectation maximisation.

    Notes
    -----
    A gradient step costs O(n d rank n_clusters), and memory is O(n d n_clusters). Thousands of
    steps are usual; the user guide has the times.

    Given memberships, the covariance that minimises the objective is
    :math:`\sum_{ij} Z_{k,ij} (x_i - x_j)(x_i - x_j)^\top / (2 \cdot 1^\top Z_k 1)`, which is the
    weighted covariance where memberships are labels.

    References
    ----------
    .. [1] Y. Zhuang, X. Chen, Y. Yang, "Likelihood adjusted semidefinite programs for clustering
       heterogeneous data", ICML 2023, arXiv:2209.15097.
    .. [2] Y. Zhuang, X. Chen, Y. Yang, R. Y. Zhang, "Statistically optimal K-means clustering via
       nonnegative low-rank semidefinite programming", ICLR 2024, arXiv:2305.18436.

    Examples
    --------
    A round cluster upon a long one:

    >>> import numpy as np
    >>> from kernlab.cluster import LikelihoodAdjustedSDP
    >>> rng = np.random.default_rng(0)
    >>> round_, long = rng.normal(0, 0.3, (40, 2)), rng.normal([0, 2], [3, 0.3], (40, 2))
    >>> model = LikelihoodAdjustedSDP(2, random_state=0).fit(np.vstack([round_, long]))
    >>> sorted(np.bincount(model.labels_).tolist())
    [40, 40]
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "reg_covar": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_updates": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=2,
        *,
        rank=2,
        reg_covar=1e-6,
        max_iter=30,
        max_updates=60,
        tol=1e-4,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.rank = rank
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.max_updates = max_updates
        self.tol = tol
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find clusters, their means and covariances.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : LikelihoodAdjustedSDP

        Raises
        ------
        ValueError
            For bad input, fewer distinct samples than clusters, singular covariances, and data
            whose standard deviation is outside 1e-150 to 1e151, for the squares of such are no
            floats.

        Warns
        -----
        ConvergenceWarning
            If memberships do not add up to one within ``tol``, or the objective still falls.
        """
        with whole_or_nothing(self):
            X = validate_data(self, X, dtype=np.float64)
            if self.n_clusters > len(X):
                raise ValueError(
                    f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}; ask for fewer."
                )
            with np.errstate(over="ignore", invalid="ignore"):
                center, scale = _place(X)
            if not _SMALLEST <= scale <= _LARGEST:
                largest = np.max(np.abs(X))
                raise ValueError(
                    f"X has entries up to {largest:.3g}, and covariances_, in squares of its "
                    f"units, are beyond floats; divide X by {largest:.3g}."
                )
            self._fit((X - center) / scale, center, scale)
        return self

    def _fit(self, X, center, scale):
        rng = check_random_state(self.random_state)
        with warnings.catch_warnings():
            # That points coincide is an error here.
            warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
            start = KMeans(self.n_clusters, n_init=10, random_state=rng).fit_predict(X)
        n_found = len(np.unique(start))
        if n_found < self.n_clusters:
            raise ValueError(
                f"X has {n_found} distinct rows that k-means tells apart, fewer than n_clusters="
                f"{self.n_clusters}; ask for at most {n_found}."
            )
        one_hot = np.eye(self.n_clusters)[start].T[:, :, None]  # (n_clusters, n_samples, 1)
        factors = np.repeat(one_hot, self.rank, axis=2)
        covariances = self._covariances(X, one_hot)
        U = factors + _BLUR * rng.uniform(size=factors.shape)
        multipliers, before = np.zeros(len(X)), np.inf
        for turn in range(self.max_iter):
            self.n_iter_ = turn + 1
            costs = Costs(X, self._definite(covariances), self.reg_covar)
            U, multipliers, violation = solve(
                costs, U, multipliers, tol=self.tol, max_updates=self.max_updates
            )
            objective = costs.objective(U)
            if abs(before - objective) <= self.tol * len(X):
                break
            before, covariances = objective, self._covariances(X, U)
        else:
            warn_user(
                f"The objective still changes after max_iter={self.max_iter} turns of memberships "
                "and covariances; increase max_iter or tol.",
                ConvergenceWarning,
            )
        if violation > self.tol:
            warn_user(
                f"Memberships add up to one within {violation:.2g} and not tol={self.tol:g}; "
                "increase max_updates or tol.",
                ConvergenceWarning,
            )
        # Without the ridge's own term, which is no likelihood.
        costs = Costs(X, self._definite(covariances), 0.0)
        objective = costs.objective(U)
        shares = memberships(U)
        self.memberships_, self.labels_ = shares.T, np.argmax(shares, axis=0)
        self.means_ = center + scale * (shares @ X / shares.sum(axis=1, keepdims=True))
        self.covariances_ = scale**2 * np.array(covariances)
        self.objective_ = objective + 2 * X.size * math.log(scale)
        self.violation_ = violation
        self.gap_ = costs.objective(_of_labels(self.labels_, self.n_clusters)) - objective

    def _covariances(self, X, U):
        """Minimisers of the objective given Z = U Uᵀ; the factors' lengths do not matter."""
        ridge = self.reg_covar * np.eye(X.shape[1])
        shares = memberships(U)
        crossed = X.T @ U  # (n_clusters, n_features, rank)
        found = [
            ((X * share[:, None]).T @ X - half @ half.T) / share.sum() + ridge
            for share, half in zip(shares, crossed, strict=True)
        ]
        return np.array(found)

    def _definite(self, covariances):
        for k, covariance in enumerate(covariances):
            try:
                cholesky(covariance)
            except np.linalg.LinAlgError as error:
                raise ValueError(
                    f"The covariance of cluster {k} is singular at reg_covar={self.reg_covar:g}; "
                    "increase reg_covar, drop columns that depend on others, or ask for fewer "
                    "clusters."
                ) from error
        return covariances

    def predict(self, X):
        """Clusters of points, by their likelihood in each.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)

        Returns
        -------
        labels : ndarray of shape (n_queries,)
            Of the largest normal density; the sizes of clusters do not matter, as they do not to
            the objective.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        costs = np.empty((len(self.means_), len(X)))
        for cost, mean, covariance in zip(costs, self.means_, self.covariances_, strict=True):
            root = cholesky(covariance, lower=True)
            whitened = solve_triangular(root, (X - mean).T, lower=True)
            cost[:] = np.sum(whitened**2, axis=0) + 2 * np.sum(np.log(np.diag(root)))
        return np.argmin(costs, axis=0)


def _place(X):
    """Mean of the rows, and root of the mean variance of the columns, or one if they are equal."""
    largest = float(np.max(np.abs(X))) or 1.0
    center = largest * np.mean(X / largest, axis=0)
    apart = X - center
    spread = float(np.max(np.abs(apart)))
    # What rounding leaves of equal rows is no spread.
    if spread <= 4 * np.finfo(float).eps * largest:
        return center, 1.0
    return center, spread * math.sqrt(np.mean((apart / spread) ** 2))


def _of_labels(labels, n_clusters):
    """Factors of rank one of labels; those of clusters without samples are zero."""
    members = np.eye(n_clusters)[labels].T
    sizes = np.maximum(members.sum(axis=1, keepdims=True), 1.0)
    return (members / np.sqrt(sizes))[:, :, None]

"""Mixtures of von Mises-Fisher distributions, by expectation maximisation in log space."""

import math
import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import from_numpy, namespace_of, scalar, to_numpy
from kernlab._core.validation import Interval, check_same_place, fit_context, whole_or_nothing
from kernlab.density._directions import draw, kappa_of, log_normalizer, unit_rows
from kernlab.density._von_mises_fisher import check_count

# A cosine from a matrix product errs by some 4e-16; up to this concentration for each dimension the
# log density, which grows like the dimension, keeps twelve digits. Beyond, differences are taken.
_PRODUCT_KAPPA = 1e3


class _Parameters(NamedTuple):
    """Weights and concentrations as NumPy (k,), mean directions (k, p) beside the data."""

    weights: np.ndarray
    directions: Any
    kappas: np.ndarray


class VonMisesFisherMixture(DensityMixin, BaseEstimator):
    """Mixture of von Mises-Fisher distributions: clusters of directions.

    Fitted by expectation maximisation, as scikit-learn's ``GaussianMixture`` in flat space, from a
    spherical k-means++ start. Everything is kept in logarithms, so that thousands of dimensions
    neither under- nor overflow.

    Parameters
    ----------
    n_components : int, default=1
    tol : float, default=1e-3
        Stop when the mean log likelihood of a sample gains less than this.
    max_iter : int, default=100
    n_init : int, default=1
        Starts, of which the one with the best likelihood is kept.
    max_kappa : float, default=1e8
        Bound of the concentrations. The likelihood is unbounded: a component that shrinks onto
        coinciding rows would gain without end. The bound is an angular width of ``1/√max_kappa``.
    normalize : bool, default=False
        Scale the rows of every ``X`` to unit length. By default rows of another length are an
        error; a zero row always is.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Attributes
    ----------
    weights_ : array of shape (n_components,)
        Shares of the components; as the next two, in the library and on the device of ``X``.
    mean_directions_ : array of shape (n_components, n_features)
    kappas_ : array of shape (n_components,)
        Concentrations, between 0 and ``max_kappa``.
    converged_ : bool
        Whether the best start met ``tol``.
    n_iter_ : int
        Iterations of the best start.
    lower_bound_ : float
        Its mean log likelihood of a sample.
    n_features_in_ : int
        Dimension ``p`` of the space around the sphere.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    VonMisesFisher : One component, with weights of samples.
    sklearn.mixture.GaussianMixture : In flat space.

    Notes
    -----
    Each iteration costs O(n_samples · n_components · n_features).

    References
    ----------
    .. [1] A. Banerjee, I. S. Dhillon, J. Ghosh, S. Sra, "Clustering on the Unit Hypersphere using
       von Mises-Fisher Distributions", JMLR 6, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import VonMisesFisherMixture
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal([9, 0, 0], 1, (200, 3)), rng.normal([0, 9, 0], 1, (100, 3))])
    >>> mixture = VonMisesFisherMixture(2, normalize=True, random_state=0).fit(X)
    >>> sorted(mixture.weights_.round(2).tolist())
    [0.33, 0.67]
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_kappa": [Interval(Real, 0, None, closed="neither")],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=1,
        *,
        tol=1e-3,
        max_iter=100,
        n_init=1,
        max_kappa=1e8,
        normalize=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.max_kappa = max_kappa
        self.normalize = normalize
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Fit by expectation maximisation.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Unit vectors, of at least two features; at least ``n_components`` rows.
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : VonMisesFisherMixture

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` iterations did not meet ``tol``.
        """
        with whole_or_nothing(self):
            rows = unit_rows(self, X, reset=True)
            if rows.shape[0] < self.n_components:
                raise ValueError(
                    f"n_components={self.n_components} needs at least as many rows of X, got "
                    f"n_samples={rows.shape[0]}."
                )
            rng = check_random_state(self.random_state)
            runs = [self._run(rows, rng) for _ in range(self.n_init)]
        parameters, bound, n_iter, converged = max(runs, key=lambda run: run[1])
        self.weights_ = from_numpy(parameters.weights, rows)
        self.mean_directions_ = parameters.directions
        self.kappas_ = from_numpy(parameters.kappas, rows)
        self.lower_bound_, self.n_iter_, self.converged_ = bound, n_iter, converged
        if not converged:
            warnings.warn(
                f"expectation maximisation did not reach tol={self.tol} in "
                f"max_iter={self.max_iter} iterations; raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def score_samples(self, X):
        """Logarithm of the density at each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Unit vectors.

        Returns
        -------
        log_density : float64 array of shape (n_samples,)
            With respect to area on the unit sphere.
        """
        return _log_sum(self._log_joint(X, "score_samples"))

    def score(self, X, y=None):
        """Mean log likelihood of the rows of ``X``, as ``GaussianMixture`` has it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        log_likelihood : float
        """
        total, n_samples = self._total(X)
        return total / n_samples

    def predict(self, X):
        """Most probable component of each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : integer array of shape (n_samples,)
        """
        log_joint = self._log_joint(X, "predict")
        return namespace_of(log_joint).argmax(log_joint, axis=1)

    def predict_proba(self, X):
        """Probability of each component, for each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : float64 array of shape (n_samples, n_components)
        """
        log_joint = self._log_joint(X, "predict_proba")
        return namespace_of(log_joint).exp(log_joint - _log_sum(log_joint)[:, None])

    def sample(self, n_samples=1, random_state=None):
        """Draw from the mixture.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        X : float64 array of shape (n_samples, n_features)
            Unit vectors, in the library and on the device of the training data.
        labels : ndarray of shape (n_samples,)
            The components they were drawn from.
        """
        check_is_fitted(self)
        check_count(n_samples)
        rng = check_random_state(random_state)
        weights = to_numpy(self.weights_)
        labels = rng.choice(len(weights), size=n_samples, p=weights)
        centres = to_numpy(self.mean_directions_)[labels]
        rows = draw(rng, centres, to_numpy(self.kappas_)[labels])
        return from_numpy(rows, self.mean_directions_), labels

    def bic(self, X):
        """Bayesian information criterion on ``X``; the lower the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        bic : float
        """
        total, n_samples = self._total(X)
        return -2 * total + self._n_parameters() * math.log(n_samples)

    def aic(self, X):
        """Akaike information criterion on ``X``; the lower the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        aic : float
        """
        return -2 * self._total(X)[0] + 2 * self._n_parameters()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    def _total(self, X):
        """Log likelihood of all rows together, and their number."""
        log_density = self.score_samples(X)
        return scalar(namespace_of(log_density).sum(log_density)), log_density.shape[0]

    def _n_parameters(self):
        # A direction (p - 1) and a concentration each, and all weights but one.
        return self.weights_.shape[0] * (self.n_features_in_ + 1) - 1

    def _log_joint(self, X, method):
        check_is_fitted(self)
        rows = unit_rows(self, X, reset=False)
        check_same_place(f"{type(self).__name__}.{method}()", rows, self.mean_directions_)
        weights, kappas = to_numpy(self.weights_), to_numpy(self.kappas_)
        return _log_joint(rows, _Parameters(weights, self.mean_directions_, kappas))

    def _run(self, rows, rng):
        """One start: parameters, mean log likelihood, iterations, whether converged."""
        parameters = self._maximise(rows, _start(rows, self.n_components, rng))
        bound = -math.inf
        for iteration in range(1, self.max_iter + 1):
            log_joint = _log_joint(rows, parameters)
            log_density = _log_sum(log_joint)
            xp = namespace_of(rows)
            previous, bound = bound, scalar(xp.mean(log_density))
            if abs(bound - previous) < self.tol:
                return parameters, bound, iteration, True
            if iteration < self.max_iter:
                parameters = self._maximise(rows, xp.exp(log_joint - log_density[:, None]))
        return parameters, bound, self.max_iter, False

    def _maximise(self, rows, shares):
        """Parameters of the highest likelihood, given each component's share of each row."""
        xp = namespace_of(rows)
        p = float(rows.shape[1])
        counts = to_numpy(xp.sum(shares, axis=0))
        sums = shares.T @ rows
        lengths = to_numpy(xp.sqrt(xp.sum(sums * sums, axis=1)))
        # Rows that cancel, or that are lost, have no mean direction: it is the first axis.
        none = lengths <= 1e-300
        if np.any(none):
            first_axis = np.outer(none, np.arange(rows.shape[1]) == 0)
            sums = sums + from_numpy(1e-300 * first_axis, rows)
        safe_lengths, safe_counts = (np.maximum(a, 1e-300) for a in (lengths, counts))
        directions = sums / from_numpy(safe_lengths, rows)[:, None]
        r_bar = np.minimum(lengths / safe_counts, 1.0)
        kappas = np.minimum(kappa_of(p, r_bar, 1.0 - r_bar), self.max_kappa)
        return _Parameters(counts / np.sum(counts), directions, kappas)


def _log_joint(rows, parameters):
    """``log(weight_k density_k(x))`` for each row and component, (n, k)."""
    xp = namespace_of(rows)
    weights, directions, kappas = parameters
    p = rows.shape[1]
    if np.max(kappas) <= _PRODUCT_KAPPA * p:
        gaps = 1.0 - rows @ directions.T
    else:
        differences = (rows - directions[k, :][None, :] for k in range(len(kappas)))
        gaps = xp.stack([xp.sum(d * d, axis=1) / 2 for d in differences], axis=1)
    with np.errstate(divide="ignore"):
        constants = np.log(weights) - log_normalizer(p, kappas)
    return from_numpy(constants, rows)[None, :] - gaps * from_numpy(kappas, rows)[None, :]


def _log_sum(log_joint):
    """``log Σ_k exp`` along the components."""
    xp = namespace_of(log_joint)
    highest = xp.max(log_joint, axis=1)
    return highest + xp.log(xp.sum(xp.exp(log_joint - highest[:, None]), axis=1))


def _start(rows, n_components, rng):
    """Shares of 0 and 1 from spherical k-means++ seeds."""
    xp = namespace_of(rows)
    n_samples = rows.shape[0]
    seeds = [int(rng.randint(n_samples))]
    nearest = None
    for _ in range(1, n_components):
        gap = 1.0 - rows @ rows[seeds[-1], :]
        nearest = gap if nearest is None else xp.minimum(nearest, gap)
        chances = np.maximum(to_numpy(nearest), 0.0)
        # Rounding leaves some 1e-16 between equal rows; if all coincide, any row will do.
        chances[chances < 1e-14] = 0.0
        if not chances.any():
            chances[:] = 1.0
        seeds.append(int(rng.choice(n_samples, p=chances / chances.sum())))
    centres = xp.stack([rows[seed, :] for seed in seeds])
    labels = to_numpy(xp.argmax(rows @ centres.T, axis=1))
    return from_numpy(np.eye(n_components)[labels], rows)

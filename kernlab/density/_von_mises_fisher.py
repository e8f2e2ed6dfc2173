"""The von Mises-Fisher distribution, fitted by maximum likelihood in any dimension."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import from_numpy, namespace_of, scalar, to_numpy
from kernlab._core.validation import (
    check_same_place,
    check_weights,
    fit_context,
    whole_or_nothing,
)
from kernlab.density._directions import (
    draw,
    entropy,
    kappa_of,
    log_normalizer,
    mean_direction,
    unit_rows,
)

# Rows that agree to this in squared distance are one direction, to rounding.
_COINCIDE = 1e-28


class VonMisesFisher(DensityMixin, BaseEstimator):
    """Von Mises-Fisher distribution: the normal distribution of unit vectors.

    The density at a unit vector ``x`` is ``C_p(κ) exp(κ μ·x)`` with respect to area on the sphere
    in ``p`` dimensions. ``μ`` is the direction of the mean and ``κ`` solves ``A_p(κ) = R̄``, where
    ``R̄`` is the mean's length (:func:`vmf_kappa`). Bessel functions enter by their logarithms, so
    that ``p`` may be in the tens of thousands.

    Parameters
    ----------
    normalize : bool, default=False
        Scale the rows of every ``X`` to unit length. By default rows of another length are an
        error, for they are seldom meant; a zero row always is.

    Attributes
    ----------
    mean_direction_ : array of shape (n_features,)
        ``μ``; the first axis where the rows cancel exactly and no direction is preferred.
    kappa_ : float
        The concentration ``κ``; 0 is the uniform distribution.
    n_features_in_ : int
        Dimension ``p`` of the space around the sphere.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    VonMisesFisherMixture : Several of them.
    DirectionalKernelDensity : One about each data point.
    scipy.stats.vonmises_fisher : Up to some hundreds of dimensions.

    Notes
    -----
    O(n_samples · n_features) time. Arrays of torch or another array-API library stay on their
    device; all is computed in float64.

    References
    ----------
    .. [1] K. V. Mardia, P. E. Jupp, "Directional Statistics", Wiley, 2000.
    .. [2] A. T. A. Wood, "Simulation of the von Mises Fisher distribution", Commun. Stat. Simul.
       Comput. 23, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import VonMisesFisher
    >>> X = np.random.default_rng(0).normal(loc=1.0, size=(500, 2048))
    >>> vmf = VonMisesFisher(normalize=True).fit(X)
    >>> bool(2800 < vmf.kappa_ < 3000)
    True
    """

    _parameter_constraints = {"normalize": ["boolean"]}

    def __init__(self, *, normalize=False):
        self.normalize = normalize

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Unit vectors, of at least two features.
        y : Ignored
            Present for scikit-learn's conventions.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; only their ratios matter.

        Returns
        -------
        self : VonMisesFisher

        Raises
        ------
        ValueError
            For rows that are not unit vectors, and if all rows coincide (n_samples=1 among them):
            then the likelihood grows without bound with ``κ``.
        """
        with whole_or_nothing(self):
            rows = unit_rows(self, X, reset=True)
            weights = check_weights(sample_weight, rows)
            direction, length, complement = mean_direction(rows, weights)
            if 2 * complement <= _COINCIDE:
                raise ValueError(
                    f"all rows of X point in one direction (n_samples={rows.shape[0]}), and the "
                    "likelihood has no maximum: kappa is infinite. Give rows that differ."
                )
        self.mean_direction_ = direction
        self.kappa_ = float(kappa_of(float(rows.shape[1]), length, complement))
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
        check_is_fitted(self)
        rows = unit_rows(self, X, reset=False)
        check_same_place(type(self).__name__, rows, self.mean_direction_)
        xp = namespace_of(rows)
        distances = rows - self.mean_direction_[None, :]
        # μ·x - 1 = -|x - μ|²/2 for unit vectors, without cancellation at large κ.
        exponent = xp.sum(distances * distances, axis=1) * (-self.kappa_ / 2)
        return exponent - float(log_normalizer(self.n_features_in_, self.kappa_))

    def score(self, X, y=None):
        """Total log likelihood of the rows of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        log_likelihood : float
        """
        log_density = self.score_samples(X)
        return scalar(namespace_of(log_density).sum(log_density))

    def entropy(self):
        """Differential entropy of the fitted distribution, in nats.

        Returns
        -------
        entropy : float
            At most the logarithm of the sphere's area, that of the uniform distribution.
        """
        check_is_fitted(self)
        return entropy(self.n_features_in_, self.kappa_)

    def sample(self, n_samples=1, random_state=None):
        """Draw from the fitted distribution.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        X : float64 array of shape (n_samples, n_features)
            Unit vectors, in the library and on the device of the training data.
        """
        check_is_fitted(self)
        check_count(n_samples)
        direction = to_numpy(self.mean_direction_)
        centres = np.broadcast_to(direction, (n_samples, len(direction)))
        rows = draw(check_random_state(random_state), centres, self.kappa_)
        return from_numpy(rows, self.mean_direction_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags


def check_count(n_samples):
    """Refuse a number of draws that is not a positive integer."""
    if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r} is not a positive integer.")

"""Kernel density estimation for directions: a von Mises-Fisher kernel about each data point."""

import math
from numbers import Real

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import from_numpy, is_foreign, namespace_of, scalar, to_numpy
from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    check_weights,
    fit_context,
    whole_or_nothing,
)
from kernlab.density._directions import draw, kappa_of, log_normalizer, mean_direction, unit_rows
from kernlab.density._kde import KernelDensity
from kernlab.density._von_mises_fisher import check_count

# The search for a bandwidth: this many times the reference rule on either side, on a first grid of
# so many, and then to this relative accuracy, well within what the likelihood can tell.
_SEARCH_RANGE = 32.0
_SEARCH_GRID = 11
_SEARCH_TOLERANCE = 1e-3
# Angle at which the rounding of unit vectors begins to show.
_NARROWEST = 1e-7
# Decimals to which rows that were scaled to unit length agree if they were equal before.
_SAME = 12


class DirectionalKernelDensity(DensityMixin, BaseEstimator):
    """Kernel density estimate of directions, with a von Mises-Fisher kernel.

    The density at a unit vector ``y`` is ``Σ_j w_j C_p(κ) exp(κ x_j·y) / Σ_j w_j`` with respect to
    area on the sphere in ``p`` dimensions, with ``κ = h⁻²``. Between unit vectors
    ``x·y - 1 = -|x - y|²/2``, so these are the sums of :class:`KernelDensity` with a Gaussian
    kernel of standard deviation ``h``, and as accurate, with the sphere's own normaliser.

    Parameters
    ----------
    bandwidth : float or 'auto', default='auto'
        Width ``h = 1/√κ`` of the kernel: for small ``h`` its standard deviation along the sphere in
        each direction, in radians. ``'auto'`` maximises the leave-one-out likelihood.
    normalize : bool, default=False
        Scale the rows of every ``X`` to unit length. By default rows of another length are an
        error; a zero row always is.
    n_jobs : int, default=None
        Threads for NumPy data; ``-1`` is all cores, None is Numba's current number.
    verbose : int, default=0
        With 1, work of more than about two seconds shows a progress bar.

    Attributes
    ----------
    bandwidth_ : float
        The bandwidth ``h`` in use.
    kappa_ : float
        The concentration ``1/h²`` of the kernel.
    n_features_in_ : int
        Dimension ``p`` of the space around the sphere.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    KernelDensity : In flat space.
    VonMisesFisherMixture : A few components in place of one about each point.

    Notes
    -----
    Queries cost O(n_samples · n_queries · n_features); ``bandwidth='auto'`` some twenty times
    O(n_samples² · n_features). Arrays of torch or another array-API library stay on their device.

    References
    ----------
    .. [1] P. Hall, G. S. Watson, J. Cabrera, "Kernel density estimation with spherical data",
       Biometrika 74, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import DirectionalKernelDensity
    >>> X = np.random.default_rng(0).normal(loc=[2, 0, 0], size=(300, 3))
    >>> kde = DirectionalKernelDensity(bandwidth=0.3, normalize=True).fit(X)
    >>> kde.score_samples([[1.0, 0, 0], [-1.0, 0, 0]]).round(1).tolist()
    [-0.7, -5.1]
    """

    _parameter_constraints = {
        "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "normalize": ["boolean"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(self, *, bandwidth="auto", normalize=False, n_jobs=None, verbose=0):
        self.bandwidth = bandwidth
        self.normalize = normalize
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Lay out the data and choose the bandwidth.

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
        self : DirectionalKernelDensity

        Raises
        ------
        ValueError
            For rows that are not unit vectors, and for ``bandwidth='auto'`` on fewer than two
            different rows or where the likelihood has no maximum.
        """
        with whole_or_nothing(self):
            rows = unit_rows(self, X, reset=True)
            weights = check_weights(sample_weight, rows)
            bandwidth = self.bandwidth
            if bandwidth == "auto":
                bandwidth = self._most_likely_bandwidth(rows, weights)
            self._estimate = self._gaussian(bandwidth).fit(rows, sample_weight=weights)
        self._rows, self._weights = rows, weights
        self.bandwidth_ = float(bandwidth)
        self.kappa_ = self.bandwidth_**-2
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
        return self._estimate.score_samples(rows) + _change_of_normalizer(
            self.n_features_in_, self.bandwidth_
        )

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

    def leave_one_out_score_samples(self):
        """Log density at each row of the training data, estimated from all the other rows.

        Returns
        -------
        log_density : float64 array of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._estimate.leave_one_out_score_samples() + _change_of_normalizer(
            self.n_features_in_, self.bandwidth_
        )

    def sample(self, n_samples=1, random_state=None):
        """Draw from the estimated density.

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
        rng = check_random_state(random_state)
        share = None
        if self._weights is not None:
            share = to_numpy(self._weights)
            share = share / np.max(share)
            share = share / np.sum(share)
        drawn = from_numpy(
            rng.choice(self._rows.shape[0], size=n_samples, p=share),
            self._rows,
            namespace_of(self._rows).int64,
        )
        centres = to_numpy(namespace_of(self._rows).take(self._rows, drawn, axis=0))
        return from_numpy(draw(rng, centres, self.kappa_), self._rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    def _gaussian(self, bandwidth):
        return KernelDensity(bandwidth=float(bandwidth), n_jobs=self.n_jobs, verbose=self.verbose)

    def _most_likely_bandwidth(self, rows, weights):
        """Maximum of the leave-one-out likelihood: the best of a grid, refined by Brent's method.

        The grid is about the rule n^(-1/(p+3)) for the p-1 dimensions of the sphere, times the
        width of a single distribution fitted to all.
        """
        rows, weights = _distinct(rows, weights)
        n_samples, p = rows.shape
        if n_samples < 2:
            raise ValueError(
                "bandwidth='auto' needs at least two different samples, got one (effectively "
                "n_samples=1); give bandwidth as a number."
            )
        _, length, complement = mean_direction(rows, weights)
        kappa = float(kappa_of(float(p), length, complement))
        width = min(1.0, kappa**-0.5) if kappa > 0 else 1.0
        if 2 * complement <= 1e-28:
            width = 0.0
        start = width * n_samples ** (-1 / (p + 3))

        def loss(log_bandwidth):
            bandwidth = math.exp(log_bandwidth)
            estimate = self._gaussian(bandwidth).fit(rows, sample_weight=weights)
            change = n_samples * _change_of_normalizer(p, bandwidth)
            return -(estimate.leave_one_out_score() + change) / n_samples

        grid = None
        if start > 0:
            reach = math.log(_SEARCH_RANGE)
            grid = math.log(start) + np.linspace(-reach, reach, _SEARCH_GRID)
            losses = [loss(point) for point in grid]
            # Tight clusters far apart are far narrower than one distribution fitted to all.
            while np.argmin(losses) == 0 and grid[0] > math.log(_NARROWEST):
                lower = grid[:-1] - 2 * reach
                losses = [loss(point) for point in lower] + losses
                grid = np.concatenate([lower, grid])
            best = int(np.argmin(losses))
        if grid is None or best == 0:
            raise ValueError(
                "bandwidth='auto' found no maximum of the leave-one-out likelihood: so many rows "
                "of X coincide that it grows as the bandwidth shrinks. Drop duplicates, or give "
                "bandwidth as a number."
            )
        if best == len(grid) - 1:
            return math.exp(grid[-1])  # as good as uniform
        found = minimize_scalar(
            loss,
            bounds=(grid[best - 1], grid[best + 1]),
            method="bounded",
            options={"xatol": _SEARCH_TOLERANCE},
        )
        return math.exp(found.x)


def _distinct(rows, weights):
    """NumPy rows that are equal but for rounding as one of their total weight.

    Else leaving out a row would leave its twin in, and the likelihood grow without bound.
    """
    if is_foreign(rows):
        return rows, weights
    _, first, place = np.unique(
        np.round(rows, _SAME), axis=0, return_index=True, return_inverse=True
    )
    if len(first) == len(rows):
        return rows, weights
    return rows[first], np.bincount(np.ravel(place), weights)


def _change_of_normalizer(p, bandwidth):
    """From the Gaussian's normaliser in the space around to that of the sphere."""
    flat = p * (math.log(bandwidth) + 0.5 * math.log(2 * math.pi))
    return flat - float(log_normalizer(p, bandwidth**-2))

"""Conditional kernel density estimation: the distribution of targets given features."""

# References: Rosenblatt, *Conditional probability density and regression estimators*, 1969; Hall,
# Racine and Li, 2004, as in `_conditional_bandwidth`; Nadaraya, 1964, and Watson, 1964, for the
# conditional mean.

import math
from numbers import Integral, Real

import numpy as np
from scipy.special import ndtr
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from kernlab._core.namespace import is_foreign, namespace_of, to_numpy
from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    check_weights,
    fit_context,
    validate_points,
    whole_or_nothing,
)
from kernlab.density._conditional_bandwidth import conditional_bandwidth
from kernlab.density._covariance import check_positive, effective_sample_size, rows_of_weight
from kernlab.kernels._coordinates import frame_of, from_bandwidths
from kernlab.kernels._cumulative import least_roots
from kernlab.kernels._shares import differences, log_sum_exp, with_log_shares, within_reach

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class ConditionalKernelDensity(DensityMixin, BaseEstimator):
    """Kernel estimate of the density of targets given features.

    ``f(y | x) = Σ_j p_j(x) K((y - y_j) / h_y) / |h_y|``, where ``p_j(x) = w_j K((x - x_j) / h_x)``
    divided by its sum over the points, with Gaussian kernels. Where a regression gives one number
    for each row, this gives a distribution: one of several peaks, or of a width that depends on
    ``x``, and with it quantiles, draws and a likelihood.

    Shares ``p_j`` come from differences of energies, so that they are right, and sum to one, also
    where every kernel underflows. There they belong to the few nearest points: look at
    :meth:`effective_samples` before trusting a row far from the data.

    Parameters
    ----------
    bandwidth : float, array-like of shape (n_features + n_targets,) or {'lcv', 'scott'}, \
default='lcv'
        Standard deviations of the kernels in the units of the columns, those of ``X`` first and
        then those of ``y``; a float is one for all.

        - ``'lcv'`` maximises the leave-one-out likelihood of the targets given the features, one
          width for each column. A feature that says nothing of the targets gets a width beyond
          its spread, which smooths it out of the estimate [1]_. Of more than 2,000 rows, 2,000
          are left out in turn, each estimated from all the others. Equal rows are one row of their
          total weight.
        - ``'scott'`` is ``n**(-1/(n_features + n_targets + 4))`` times the standard deviation of
          each column: no search, and no regard for which features matter.
    n_jobs : int, default=None
        Threads; ``-1`` is all cores, None is Numba's current number. Results do not depend on it.
    verbose : int, default=0
        With 1, work of more than about two seconds shows a progress bar.

    Attributes
    ----------
    bandwidth_ : ndarray of shape (n_features + n_targets,)
        The widths in use.
    bandwidth_method_ : str or None
        The rule that chose them; None where they were given.
    n_targets_ : int
        Number of columns of ``y``.
    n_eff_ : float
        Effective number of samples under the weights, ``(Σw)² / Σw²``.
    n_features_in_ : int
        Number of features seen by :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    KernelDensity.condition : One slice of a joint density, as an estimator of its own.

    Notes
    -----
    The estimator is a density estimator of scikit-learn and not a regressor: :meth:`score` is the
    total log likelihood, which judges the whole distribution, and so what ``GridSearchCV`` and
    ``cross_val_score`` maximise. :meth:`predict` is there for the scorers of regression, as in
    ``cross_val_score(model, X, y, scoring='r2')``.

    Every method costs O(n_samples · n_queries · (n_features + n_targets)) time and O(n_samples)
    memory. ``'lcv'`` costs some 20 to 100 such passes. Rows of weight zero are not kept.

    References
    ----------
    .. [1] P. Hall, J. Racine, Q. Li, "Cross-Validation and the Estimation of Conditional
       Probability Densities", Journal of the American Statistical Association, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import ConditionalKernelDensity
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 500))
    >>> model = ConditionalKernelDensity().fit(x[:, None], x**2 + 0.3 * noise)
    >>> model.predict([[0.0], [1.5]]).round(1).tolist()
    [0.1, 2.1]
    >>> model.predict_quantile([[1.5]], [0.05, 0.95]).round(1).tolist()
    [[1.4, 2.8]]
    """

    _parameter_constraints = {
        "bandwidth": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"lcv", "scott"}),
            "array-like",
        ],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(self, *, bandwidth="lcv", n_jobs=None, verbose=0):
        self.bandwidth = bandwidth
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Lay out the data and resolve the bandwidth.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite real numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Finite real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; only their ratios matter.

        Returns
        -------
        self : ConditionalKernelDensity

        Raises
        ------
        ValueError
            For bad input, among it a data-driven bandwidth on one sample.
        SingularCovarianceError
            For a data-driven bandwidth and a constant target. A constant feature is no error: it
            tells no rows apart.

        Warns
        -----
        BandwidthWarning
            Where the likelihood of ``'lcv'`` has no maximum.
        """
        with whole_or_nothing(self):
            X = self._check_X(X, reset=True)
            y = self._check_y(y, X)
            weights = check_weights(sample_weight, X)
            self.n_eff_ = effective_sample_size(len(X), weights)
            self._y_ndim = y.ndim
            y = y.reshape(len(X), -1)
            self.n_targets_ = y.shape[1]
            if weights is not None:
                y, _ = rows_of_weight(y, weights)
                X, weights = rows_of_weight(X, weights)
            widths, self.bandwidth_method_ = self._resolve(X, y, weights)
            self.bandwidth_ = widths
            self._x_frame = frame_of(X, widths[: X.shape[1]])
            self._y_frame = frame_of(y, widths[X.shape[1] :])
            log_weights = np.zeros(len(X)) if weights is None else np.log(weights)
            self._log_weights = log_weights - log_weights.max()
        return self

    def log_density(self, X, y):
        """Logarithm of the density of each row of ``y`` given that row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            As in :meth:`fit`.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            ``-inf`` only past 1e150 bandwidths from every target.

        Raises
        ------
        ValueError
            For bad input, and for rows of ``X`` past 1e150 bandwidths from the data.
        """
        X, y = self._check_queries(X, y)
        log_volume = np.sum(np.log(self._y_frame.root)) + self.n_targets_ * _LOG_SQRT_2PI
        log_density = np.full(len(X), -np.inf)
        rows = np.flatnonzero(within_reach(self._y_frame, y))

        def work(part, log_shares):
            for k in range(self.n_targets_):
                log_shares -= np.square(differences(self._y_frame, y[rows[part]], k)) / 2
            log_density[rows[part]] = log_sum_exp(log_shares) - log_volume

        self._each(X[rows], work)
        return log_density

    def score(self, X, y):
        """Total log likelihood of the rows of ``y`` given those of ``X``.

        The sum over rows, as of :meth:`KernelDensity.score`; not R², see the notes of the class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)

        Returns
        -------
        log_likelihood : float
        """
        return float(np.sum(self.log_density(X, y)))

    def predict(self, X):
        """Mean of the targets given each row of ``X``: the Nadaraya-Watson regression.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Within the range of the targets; far from the data, the target of the nearest point.
        """
        X = self._check_queries(X)
        means = np.empty((len(X), self.n_targets_))

        def work(part, log_shares):
            means[part] = np.exp(log_shares) @ self._y_frame.z

        self._each(X, work)
        means = from_bandwidths(means, self._y_frame.centre, self._y_frame.root)
        return means[:, 0] if self._y_ndim == 1 else means

    def cdf(self, X, y):
        """Probability of a target below each row of ``y`` given that row of ``X``.

        Uniform on [0, 1] over fresh data if the estimate is right, which checks its calibration.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, 1)

        Returns
        -------
        probability : ndarray of shape (n_samples,)
            In [0, 1], increasing with ``y``; relatively accurate down to 1e-290.

        Raises
        ------
        ValueError
            With more than one target.
        """
        self._check_one_target("cdf")
        X, y = self._check_queries(X, y)
        y = np.clip(y, *self._range())
        probability = np.empty(len(X))

        def work(part, log_shares):
            u = differences(self._y_frame, y[part], 0)
            shares = np.exp(log_shares)
            # Both sums in the same order, so that all of the mass is exactly one.
            probability[part] = np.sum(shares * ndtr(u), axis=1) / np.sum(shares, axis=1)

        self._each(X, work)
        return probability

    def predict_quantile(self, X, q=0.5):
        """Quantiles of the target given each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        q : float or array-like of shape (n_quantiles,), default=0.5
            Probabilities in [0, 1].

        Returns
        -------
        quantile : ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            The least values with probability ``q`` below them, to about 1e-15 of the targets' range
            or bandwidth; increasing with ``q``. Infinite at 0 and 1.

        Raises
        ------
        ValueError
            If a probability is NaN or outside [0, 1], and with more than one target.

        Notes
        -----
        Each quantile costs some ten to sixty passes over the points.
        """
        self._check_one_target("predict_quantile")
        levels = np.asarray(q, dtype=np.float64)
        wrong = ~((levels >= 0) & (levels <= 1))
        if wrong.any() or levels.ndim > 1:
            raise ValueError(f"q={q!r} must be a probability in [0, 1], or a list of them.")
        X = self._check_queries(X)
        quantiles = np.empty((len(X), levels.size))
        z = self._y_frame.z[:, 0]

        def work(part, log_shares):
            shares = np.exp(log_shares)
            total = np.sum(shares, axis=1)
            for column, level in enumerate(np.ravel(levels)):
                if level in (0.0, 1.0):
                    quantiles[part, column] = np.inf if level else -np.inf
                    continue

                def excess(points, which, level=level):
                    below = np.sum(shares[which] * ndtr(points[:, None] - z), axis=1)
                    return below / total[which] - level

                quantiles[part, column] = least_roots(excess, len(shares), z.min() - 1, z.max() + 1)

        self._each(X, work)
        frame = self._y_frame
        quantiles = from_bandwidths(quantiles, frame.centre, frame.root)
        # Rounding at nearly equal levels must not cross.
        order = np.argsort(np.ravel(levels), kind="stable")
        quantiles[:, order] = np.maximum.accumulate(quantiles[:, order], axis=1)
        return quantiles[:, 0] if levels.ndim == 0 else quantiles

    def sample(self, X, n_samples=1, random_state=None):
        """Draw targets given each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_samples : int, default=1
            Draws for each row.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        y : ndarray of shape (n_rows, n_samples) or (n_rows, n_samples, n_targets)
            The last axis where ``y`` had two in :meth:`fit`.
        """
        X = self._check_queries(X)
        if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} is not a positive integer.")
        rng = check_random_state(random_state)
        # Drawn beforehand, so that they do not depend on the number of threads.
        levels = rng.random_sample((len(X), n_samples))
        draws = rng.standard_normal((len(X), n_samples, self.n_targets_))
        z = self._y_frame.z

        def work(part, log_shares):
            cumulative = np.cumsum(np.exp(log_shares), axis=1)
            for i, below in zip(range(part.start, part.stop), cumulative, strict=True):
                # Below the total also after rounding, or a row past the last could be drawn.
                level = levels[i] * (1 - 4e-16) * below[-1]
                draws[i] += z[np.searchsorted(below, level, side="right")]

        self._each(X, work)
        y = self._y_frame.centre + draws * self._y_frame.root
        return y[:, :, 0] if self._y_ndim == 1 else y

    def effective_samples(self, X):
        """How many training rows carry the answer at each row of ``X``.

        With ``p_j`` the share of row ``j`` this is ``1 / Σ p_j²``. Far from the data it falls to 1:
        the answer there is the target of one row, widened by the bandwidth.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        n_effective : ndarray of shape (n_samples,)
            Between 1 and the number of training rows.
        """
        X = self._check_queries(X)
        n_effective = np.empty(len(X))

        def work(part, log_shares):
            n_effective[part] = 1 / np.sum(np.exp(2 * log_shares), axis=1)

        self._each(X, work)
        return np.clip(n_effective, 1.0, len(self._log_weights))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags

    def _each(self, X, work):
        """Call ``work`` on tables of the shares of the training rows at rows of ``X``."""
        with_log_shares(
            self._x_frame,
            self._log_weights,
            X,
            work,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            label="conditional density",
        )

    def _resolve(self, X, y, weights):
        """The widths of all columns, and the rule that chose them."""
        if isinstance(self.bandwidth, str):
            widths = conditional_bandwidth(
                self.bandwidth, X, y, weights, n_jobs=self.n_jobs, verbose=self.verbose
            )
            return widths, self.bandwidth
        d = X.shape[1] + y.shape[1]
        try:
            widths = np.asarray(self.bandwidth, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"bandwidth={self.bandwidth!r} is not numeric ({error}).") from error
        if widths.shape not in ((), (d,)):
            raise ValueError(
                f"bandwidth has shape {widths.shape}, X {X.shape[1]} features and y {y.shape[1]} "
                f"targets; give a float or {d} standard deviations, those of the features first."
            )
        check_positive(widths)
        return np.full(d, widths) if widths.ndim == 0 else widths.copy(), None

    def _check_X(self, X, *, reset):
        if is_foreign(X):
            raise ValueError(
                f"{type(self).__name__} computes on NumPy arrays, and X is of "
                f"{namespace_of(X).__name__}; give X and y as NumPy arrays."
            )
        return np.asarray(validate_points(self, X, reset=reset), dtype=np.float64)

    def _check_y(self, y, X):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        y = check_array(
            to_numpy(y) if is_foreign(y) else y, ensure_2d=False, dtype=np.float64, input_name="y"
        )
        check_consistent_length(X, y)
        if y.ndim > 2 or (y.ndim == 2 and y.shape[1] == 0):
            raise ValueError(f"y has shape {y.shape}; give (n_samples,) or (n_samples, n_targets).")
        return y

    def _check_queries(self, X, y=None):
        """Validated queries; with ``y``, both of them, as tables."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        reach = within_reach(self._x_frame, X)
        if not reach.all():
            raise ValueError(
                f"row {int(np.argmin(reach))} of X lies more than 1e150 bandwidths from the data, "
                "where distances to different points cannot be told apart; give rows nearer to it."
            )
        if y is None:
            return X
        y = self._check_y(y, X).reshape(len(X), -1)
        if y.shape[1] != self.n_targets_:
            raise ValueError(
                f"y has {y.shape[1]} targets, but {type(self).__name__} was fitted on "
                f"{self.n_targets_}; give the same columns."
            )
        return X, y

    def _check_one_target(self, method):
        check_is_fitted(self)
        if self.n_targets_ != 1:
            raise ValueError(
                f"{method} is for one target, and the estimator was fitted on {self.n_targets_}; "
                "fit on one column of y, which leaves the shares of the rows as they are under a "
                "given bandwidth."
            )

    def _range(self):
        """Targets beyond which the mass on one side is zero in floating point."""
        frame = self._y_frame
        reach = np.array([[-1.0], [1.0]]) * (frame.radius + 1e3)
        return from_bandwidths(reach, frame.centre, frame.root)[:, 0]

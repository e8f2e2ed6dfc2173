"""Gaussian-process regression on one feature in linear time, exact."""

# References: Hartikainen, Särkkä, *Kalman filtering and smoothing solutions to temporal Gaussian
# process regression models*, MLSP 2010; Koopman, Shephard, *Exact score for time series models in
# state space form*, Biometrika 79, 1992; Journel, Huijbregts, *Mining geostatistics*, 1978, section
# VII.A (conditional simulation).

import math
import warnings
from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    Interval,
    fit_context,
    whole_or_nothing,
)
from kernlab.gp._base import (
    SEARCH_CONSTRAINTS,
    KernelProcess,
    check_return,
    maximise_evidence,
    scaled_targets,
    warn_of_offset,
)
from kernlab.gp._markov import MarkovProcess, Observations
from kernlab.gp._markov_kernels import state_space_model

_EPS = np.finfo(float).eps
# Of the prior variance: what a filtered variance must not fall below for its digits to hold.
_LEAST = 1e-12


class MarkovGPRegressor(KernelProcess):
    r"""Exact Gaussian-process regression on one feature in O(n) time and memory.

    Matérn kernels of half-integer order, times cosines, are stationary solutions of linear
    stochastic differential equations. A Kalman filter and smoother then give what a dense Gaussian
    process gives, mean, variance, likelihood and its gradient, to rounding.

    Parameters
    ----------
    kernel : Kernel, default=None
        Sums and products of scikit-learn's ConstantKernel and Matern (``nu`` of 0.5, 1.5 or 2.5)
        and of :class:`kernlab.kernels.Cosine`, plus WhiteKernel for the noise. A product holds one
        Matern at most; without any it never fades. None is ``ConstantKernel + ConstantKernel *
        Matern(nu=1.5) + WhiteKernel``: a constant of the size of y for its mean, fixed, and starts
        and bounds of the others from the data's spacing, span and spread.
    alpha : float or array-like of shape (n_samples,), default=0.0
        Known variances of the readings, beside that of the WhiteKernel: as in scikit-learn, in
        squared units of y, or of the standardised y with ``normalize_y``.
    optimizer : {'fmin_l_bfgs_b'} or None, default='fmin_l_bfgs_b'
        None leaves the hyperparameters as they are.
    n_restarts : int, default=0
        Further starts of the optimiser, log-uniform within the bounds.
    normalize_y : bool, default=False
        Whether to fit (y - mean) / standard deviation; ``kernel_`` and the likelihood are then
        those of the scaled y, and predictions are scaled back. Without it the prior mean is zero.
    random_state : int, RandomState instance or None, default=None
        Of the restarts.

    Attributes
    ----------
    kernel_ : Kernel
        With the hyperparameters of the largest likelihood.
    log_marginal_likelihood_value_ : float
        At ``kernel_.theta``.
    n_iter_ : int
        Iterations of the optimiser.
    noise_ : float
        Variance of the WhiteKernel's noise, in squared units of y.
    jitter_ : float
        Always 0: nothing is added to the noise.
    n_features_in_ : int
        1.
    feature_names_in_ : ndarray of shape (1,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : Any kernel, in O(n³) time.

    Notes
    -----
    A Matérn factor of order ν brings ν + ½ states, twice that with a Cosine; with D of them in all
    a pass over n points costs O(n D³) at most, a gradient about three passes whatever the number of
    hyperparameters. ``X`` may be unsorted, unevenly spaced and hold duplicates. Steps that are
    equal to rounding are taken to be equal, which saves a third of the likelihood's time.

    References
    ----------
    .. [1] J. Hartikainen, S. Särkkä, "Kalman filtering and smoothing solutions to temporal Gaussian
       process regression models", MLSP, 2010.
    .. [2] S. J. Koopman, N. Shephard, "Exact score for time series models in state space form",
       Biometrika 79, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp import MarkovGPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0, 100, size=(5000, 1))
    >>> y = np.sin(X[:, 0]) + rng.normal(scale=0.3, size=5000)
    >>> gp = MarkovGPRegressor().fit(X, y)
    >>> mean, std = gp.predict([[50.0]], return_std=True)
    >>> bool(abs(mean[0] - np.sin(50.0)) < 0.1), round(float(std[0]), 1)
    (True, 0.3)
    """

    _parameter_constraints = {
        "kernel": [Kernel, None],
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        **SEARCH_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        kernel=None,
        alpha=0.0,
        optimizer="fmin_l_bfgs_b",
        n_restarts=0,
        normalize_y=False,
        random_state=None,
    ):
        self.kernel = kernel
        self.alpha = alpha
        self.optimizer = optimizer
        self.n_restarts = n_restarts
        self.normalize_y = normalize_y
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Find the hyperparameters of the largest likelihood, and keep the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            In any order; the same value may occur several times.
        y : array-like of shape (n_samples,)

        Returns
        -------
        self : MarkovGPRegressor

        Raises
        ------
        ValueError
            For bad input; for a kernel that is no Markov process of a finite state; for duplicates
            without noise, which no covariance allows; without a kernel, for X of one value.

        Warns
        -----
        ConvergenceWarning
            If the search did not converge, if a hyperparameter of a given kernel ends at its bound,
            or if, without a kernel, y is constant.
        """
        with whole_or_nothing(self):
            X, y = self._checked(X, y)
            self._check_one_feature(X)
            self._lay_out(X[:, 0], y)
            self.jitter_, self.n_iter_ = 0.0, 0
            if self.kernel is not None and not self.normalize_y and self.optimizer is not None:
                warn_of_offset(y)
            self.kernel_ = self._default_kernel() if self.kernel is None else clone(self.kernel)
            model = self._model(self.kernel_)
            exact = model.noise + self._known == 0.0
            if np.any((np.diff(self._times) == 0.0) & exact[1:] & exact[:-1]):
                raise ValueError(
                    "X has duplicates and the kernel no noise, which is a singular covariance; add "
                    "a WhiteKernel to the kernel, or average the duplicates."
                )
            if self.optimizer is None or self.kernel_.n_dims == 0:
                value = self._likelihood(self.kernel_.theta, False)
                if not math.isfinite(value):
                    raise ValueError(
                        f"The covariance of {self.kernel_} is singular in double precision; add a "
                        "WhiteKernel, or more noise."
                    )
            else:
                theta, value, self.n_iter_ = maximise_evidence(
                    lambda theta: self._likelihood(theta, True),
                    self.kernel_,
                    n_restarts=self.n_restarts,
                    rng=check_random_state(self.random_state),
                    warn_bounds=self.kernel is not None,
                )
                self.kernel_.theta = theta
            self.log_marginal_likelihood_value_ = value
            self._fitted = self._model(self.kernel_)
            self.noise_ = self._fitted.noise * self._size * self._size
            if self.kernel is not None:
                self._warn_of_lost_digits()
        return self

    def predict(self, X, return_std=False, return_cov=False):
        """Predictive mean of y, and its standard deviation or covariance, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, 1)
            In any order.
        return_std, return_cov : bool, default=False
            At most one of them.

        Returns
        -------
        mean : ndarray of shape (n_queries,)
        std : ndarray of shape (n_queries,)
            If ``return_std``; O(n_samples + n_queries) time.
        cov : ndarray of shape (n_queries, n_queries)
            If ``return_cov``; O(n_samples + n_queries²) time.

        Raises
        ------
        RuntimeError
            If both are asked for.
        """
        check_return(return_std, return_cov)
        times = self._queries(X)
        process, data, noise = self._process()
        if return_cov:
            mean, covariance = process.posterior_covariance(data, times)
            covariance[np.diag_indices_from(covariance)] += noise
            return self._restored(mean), covariance * self._size * self._size
        mean, variance = process.posterior(data, times)
        mean = self._restored(mean)
        return (mean, np.sqrt(variance + noise) * self._size) if return_std else mean

    def sample_y(self, X, n_samples=1, random_state=None):
        """Exact draws of y from the posterior, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, 1)
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        ndarray of shape (n_queries, n_samples)

        Notes
        -----
        Draws of the prior at data and queries, corrected by the posterior mean of what they miss of
        the data; O(n_samples + n_queries) time each.
        """
        times = self._queries(X)
        rng = check_random_state(random_state)
        process, data, noise = self._process()
        n, value = len(data.times), process.row()
        joined = np.concatenate([data.times, times])
        order = np.argsort(joined, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        spread = np.sqrt(np.concatenate([data.noise, np.full(len(times), noise)]))
        out = np.empty((len(times), n_samples))
        for j in range(n_samples):
            path = (process.sample(joined[order], rng) @ value)[place]
            path += spread * rng.standard_normal(len(path))
            rest = replace(data, values=data.values - path[:n])
            out[:, j] = path[n:] + process.posterior(rest, times)[0]
        return self._restored(out)

    def _warn_of_lost_digits(self):
        """A sum of parts without noise whose readings hardly surprise leaves differences alone."""
        process, data, noise = self._process()
        prior = sum(component.variance for component in process.components)
        if len(process.components) == 1 or noise > _LEAST * prior or not prior > 0.0:
            return
        surprise = float(np.min(process.surprises(data))) / prior
        if surprise < _LEAST:
            warnings.warn(
                f"kernel has several parts and next to no noise ({self.noise_:.3g}), and a reading "
                f"is known from those before it to {surprise:.1e} of the prior variance: means and "
                "deviations have lost digits. Add a WhiteKernel, or more noise.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _check_one_feature(self, X):
        if X.shape[1] != 1:
            raise ValueError(
                f"X must have one feature, got {X.shape[1]}: {type(self).__name__} follows one "
                "coordinate. scikit-learn's GaussianProcessRegressor takes more."
            )

    def _lay_out(self, x, y):
        """Sort the data; origin, and units in which steps and values are about one."""
        order = np.argsort(x, kind="stable")
        x = x[order]
        z, self._mean, scale = scaled_targets(y[order], self.normalize_y)
        z_size = float(np.max(np.abs(z))) or 1.0
        self._values, self._z_size = z / z_size, z_size
        self._known = self._known_variances(len(y))[order] / z_size**2
        self._size = scale * z_size
        self._origin, self._unit = float(x[0]), 1.0
        steps = np.diff(x)
        steps = steps[steps > 0.0]
        if len(steps):
            span = float(x[-1] - x[0])
            self._unit = span / max(1.0, float(np.round(span / np.median(steps))))
        self._times = (x - self._origin) / self._unit
        # A grid is known to the rounding of its coordinates; with equal steps transitions are
        # computed once.
        rounding = min(4.0 * _EPS * float(np.max(np.abs(x))) / self._unit, 1e-8)
        grid = np.round(self._times)
        if np.all(np.abs(self._times - grid) <= rounding):
            self._times = grid

    def _known_variances(self, n):
        alpha = np.asarray(self.alpha, dtype=float)
        if alpha.shape not in ((), (n,)):
            raise ValueError(
                f"alpha has shape {alpha.shape}; give a number, or one for each of the {n} rows."
            )
        if not (np.isfinite(alpha).all() and np.all(alpha >= 0.0)):
            raise ValueError("alpha holds variances: finite numbers, and none negative.")
        return np.broadcast_to(alpha, n)

    def _queries(self, X):
        check_is_fitted(self, "kernel_")
        X = self._checked_queries(X)
        return (X[:, 0] - self._origin) / self._unit

    def _restored(self, values):
        return values * self._size + self._mean

    def _default_kernel(self):
        """Amplitude from the mean square, noise from neighbours, length between step and span."""
        steps = np.diff(self._times)
        steps = steps[steps > 0.0]
        if not len(steps):
            raise ValueError(
                f"X has one distinct value (n_samples={len(self._times)}), from which no length "
                "scale can be learned; pass a kernel."
            )
        span, step = float(self._times[-1] - self._times[0]), float(np.median(steps))
        square = float(np.mean(self._values**2)) or 1.0
        spread = float(np.var(self._values))
        if spread <= 1e-24 * square:
            warnings.warn(
                "y is constant, which leaves the hyperparameters free: the likelihood grows as the "
                "noise goes to zero. Those of kernel_ are at their bounds; pass a kernel.",
                ConvergenceWarning,
                stacklevel=3,
            )
            spread = square
        neighbours = 0.5 * float(np.mean(np.diff(self._values) ** 2))
        noise = min(max(neighbours, 1e-4 * spread), 0.5 * spread)
        variance, length = self._z_size**2, self._unit
        return (
            # The mean, which the prior has not: a constant of its size, known to itself.
            ConstantKernel(max(square, spread) * variance, "fixed")
            + ConstantKernel(spread * variance, (1e-4 * spread * variance, 1e4 * square * variance))
            * Matern(
                math.sqrt(step * span) * length, (1e-2 * step * length, 1e2 * span * length), nu=1.5
            )
            + WhiteKernel(noise * variance, (1e-10 * spread * variance, 1e2 * square * variance))
        )

    def _model(self, kernel):
        return state_space_model(kernel, self._unit, self._z_size**2)

    def _process(self):
        model = self._fitted
        data = Observations(self._times, self._values, model.noise + self._known)
        return MarkovProcess(model.components), data, model.noise

    def _likelihood(self, theta, gradient):
        model = self._model(self.kernel_.clone_with_theta(theta))
        process = MarkovProcess(model.components)
        data = Observations(self._times, self._values, model.noise + self._known)
        shift = len(self._values) * math.log(self._z_size)
        if not gradient:
            return process.log_likelihood(data) - shift
        value, by_component, by_noise = process.score(data, model.noise)
        return value - shift, model.gradient(by_component, by_noise)

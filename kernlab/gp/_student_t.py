"""Student-t process regression: a Gaussian process whose overall scale is unknown."""

# References: Shah, Wilson, Ghahramani, *Student-t processes as alternatives to Gaussian processes*,
# AISTATS 2014; Rasmussen, Williams, *Gaussian processes for machine learning*, 2006, section 9.9.
#
# y | σ² ~ N(0, σ² C) with σ² ~ InvGamma(a, b) and C = kernel(X), noise in it. With D = yᵀC⁻¹y,
#
#   p(y)      multivariate t of 2a degrees of freedom and scale matrix C b/a,
#   σ² | y    InvGamma(a + n/2, b + D/2),
#   y* | y    multivariate t of 2a + n degrees of freedom, with the mean of the Gaussian process and
#             its covariance times (2b + D)/(2a + n) as scale matrix.

import math
import warnings
from numbers import Real

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import gammaln
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
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
    draw,
    maximise_evidence,
    scaled_targets,
    split_noise,
    warn_of_offset,
)

_EPS = np.finfo(float).eps
_TINY, _HUGE = np.finfo(float).tiny, np.finfo(float).max


class StudentTProcessRegressor(KernelProcess):
    r"""Gaussian-process regression with an unknown overall scale, integrated out exactly.

    The covariance of y is :math:`\sigma^2 k`, with :math:`\sigma^2` of an inverse-gamma prior.
    Means are those of the Gaussian process; standard deviations follow the size of the data, by
    :math:`(2b + y^\top C^{-1} y) / (2a + n)` with C the covariance of the data.

    It helps where the scale of a fixed kernel is wrong, and there alone: with an amplitude that is
    fitted it gives what the Gaussian process gives. It is not robust to outliers: noise is
    Gaussian given the scale.

    Parameters
    ----------
    kernel : Kernel, default=None
        Of scikit-learn's kind, noise as a WhiteKernel in it. None is ``ConstantKernel * RBF +
        WhiteKernel`` with starts and bounds from y, the amplitude's from its mean square and the
        noise's from its variance, and from the spread of X.
    a : float > 0.5, default=2.0
        Shape of the prior of the scale: y has 2a degrees of freedom beforehand. Large values, with
        b = a, are the Gaussian process. Not fitted: one vector y holds one draw of the scale, which
        tells nothing of the spread of others.
    b : float > 0, default=2.0
        Rate of the prior of the scale. With b = a the kernel is the scale matrix of the t that y
        follows beforehand. Not fitted, for it and an amplitude in the kernel do the same.
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
        With the hyperparameters of the largest likelihood; before the scale.
    scale_ : float
        The factor :math:`(2b + D)/(2a + n)` on covariances. Far from one the kernel's amplitude was
        wrong; a fitted amplitude makes it b/a.
    noise_ : float
        Variance of the noise in predictions, in squared units of y.
    df_ : float
        Degrees of freedom of predictions, 2a + n.
    log_marginal_likelihood_value_ : float
        At ``kernel_.theta``.
    n_iter_ : int
        Iterations of the optimiser.
    jitter_ : float
        What was added to the diagonal of the covariance for it to be positive definite.
    X_train_ : ndarray of shape (n_samples, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : With the scale in the kernel alone.

    Notes
    -----
    O(n³) time and O(n²) memory for each likelihood, times the number of hyperparameters in memory
    for its gradient.

    References
    ----------
    .. [1] A. Shah, A. G. Wilson, Z. Ghahramani, "Student-t processes as alternatives to Gaussian
       processes", AISTATS 2014.

    Examples
    --------
    A kernel whose amplitude is 100 times too small in variance:

    >>> import numpy as np
    >>> from sklearn.gaussian_process.kernels import RBF, WhiteKernel
    >>> from kernlab.gp import StudentTProcessRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.linspace(0, 10, 60)[:, None]
    >>> y = 10 * (np.sin(X[:, 0]) + 0.1 * rng.standard_normal(60))
    >>> tp = StudentTProcessRegressor(kernel=RBF(1.0) + WhiteKernel(0.01), optimizer=None)
    >>> mean, std, df = tp.fit(X, y).predict([[5.05]], return_std=True, return_df=True)
    >>> round(tp.scale_), round(float(std[0]), 1), df
    (54, 0.8, 64.0)
    """

    _parameter_constraints: dict = {
        "kernel": [Kernel, None],
        "a": [Interval(Real, 0.5, None, closed="neither")],
        "b": [Interval(Real, 0.0, None, closed="neither")],
        **SEARCH_CONSTRAINTS,
    }

    def __init__(
        self,
        kernel=None,
        *,
        a=2.0,
        b=2.0,
        optimizer="fmin_l_bfgs_b",
        n_restarts=0,
        normalize_y=False,
        random_state=None,
    ):
        self.kernel = kernel
        self.a = a
        self.b = b
        self.optimizer = optimizer
        self.n_restarts = n_restarts
        self.normalize_y = normalize_y
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Find the hyperparameters of the largest likelihood, and factor the covariance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        self : StudentTProcessRegressor

        Raises
        ------
        ValueError
            For bad input, and where the covariance is not finite or not positive definite; for y
            whose squares leave the range of double precision, without ``normalize_y``.

        Warns
        -----
        ConvergenceWarning
            If the search did not converge, if a hyperparameter of a given kernel ends at its bound,
            or if, without a kernel, y is constant.
        RuntimeWarning
            If a jitter was needed, or the mean of y, which the prior takes for zero, dwarfs what
            varies.
        """
        with whole_or_nothing(self):
            X, y = self._checked(X, y)
            self.X_train_ = np.array(X)
            z, self._mean, self._size = scaled_targets(y, self.normalize_y)
            self._targets = np.array(z)
            self._a, self._b = float(self.a), float(self.b)
            if not math.isfinite(len(z) * self._largest() * self._largest()):
                raise ValueError(_out_of_range(self._largest()))
            if not self.normalize_y and self.optimizer is not None:
                warn_of_offset(z)
            self.kernel_ = self._default_kernel() if self.kernel is None else clone(self.kernel)
            self.n_iter_ = 0
            if self.optimizer is not None and self.kernel_.n_dims:
                if self.kernel is None:
                    self.kernel_.theta = self._likeliest_start()
                theta, _, self.n_iter_ = maximise_evidence(
                    lambda theta: self._likelihood(theta, True),
                    self.kernel_,
                    n_restarts=self.n_restarts,
                    rng=check_random_state(self.random_state),
                    warn_bounds=self.kernel is not None,
                )
                self.kernel_.theta = theta
            # Of its own, for log_marginal_likelihood may change kernel_.
            self._kernel = clone(self.kernel_)
            self._factor, self.jitter_ = _factored(self._kernel(self.X_train_))
            if self.jitter_:
                warnings.warn(
                    f"the covariance of {self.kernel_} is singular to rounding: "
                    f"{self.jitter_:.2g} was added to its diagonal (jitter_). Add a WhiteKernel, "
                    "or average duplicates.",
                    RuntimeWarning,
                    stacklevel=3,
                )
            self._weights = cho_solve((self._factor, True), self._targets)
            with np.errstate(over="ignore"):
                distance = float(self._targets @ self._weights)
            self.df_ = 2.0 * self._a + len(z)
            self.scale_ = (2.0 * self._b + distance) / self.df_
            noise = split_noise(self._kernel)[1] * self._variance
            self.noise_ = noise * self._size * self._size
            self.log_marginal_likelihood_value_ = self._log_density(self._factor, distance)
            if not math.isfinite(self.log_marginal_likelihood_value_):
                raise ValueError(
                    f"y of size {np.max(np.abs(y)):.3g} has no finite likelihood under "
                    f"{self.kernel_}; scale y to about one."
                )
        return self

    def predict(self, X, return_std=False, return_cov=False, return_df=False):
        """Predictive mean of y, with its standard deviation or covariance, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        return_std, return_cov : bool, default=False
            At most one of them.
        return_df : bool, default=False
            Return the degrees of freedom as well, last.

        Returns
        -------
        mean : ndarray of shape (n_queries,)
        std : ndarray of shape (n_queries,)
            Standard deviation of the t distribution. The scale that quantiles need is
            ``std * sqrt((df - 2) / df)``.
        cov : ndarray of shape (n_queries, n_queries)
            Covariance of the t distribution.
        df : float

        Raises
        ------
        RuntimeError
            If both are asked for.
        ValueError
            If the covariance, in squared units of y, leaves the range of double precision.
        """
        check_return(return_std, return_cov)
        X = self._queries(X)
        result = [self._restored(self._kernel(X, self.X_train_) @ self._weights)]
        variance = self._variance
        if return_std:
            half = self._explained(X)
            left = self._kernel.diag(X) - np.einsum("ij,ij->j", half, half)
            result.append(np.sqrt(variance * np.maximum(left, 0.0)) * self._size)
        if return_cov:
            if not _TINY <= self._size * self._size < math.inf:
                raise ValueError(
                    f"y has standard deviation {self._size:.3g}, whose square is out of the range "
                    "of double precision; ask for return_std, or scale y to about one."
                )
            half = self._explained(X)
            result.append((self._kernel(X) - half.T @ half) * (variance * self._size * self._size))
        if return_df:
            result.append(self.df_)
        return tuple(result) if len(result) > 1 else result[0]

    @property
    def _variance(self):
        """Of a t distribution, whose scale matrix is this by (df - 2)/df."""
        return self.scale_ * self.df_ / (self.df_ - 2.0)

    def sample_y(self, X, n_samples=1, random_state=None):
        """Joint draws of y from the predictive t distribution, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        ndarray of shape (n_queries, n_samples)
            Each draw has one scale for all queries.
        """
        X = self._queries(X)
        rng = check_random_state(random_state)
        half = self._explained(X)
        normal = draw(np.zeros(len(X)), self._kernel(X) - half.T @ half, n_samples, rng)
        normal *= np.sqrt(self.scale_ * self.df_ / rng.chisquare(self.df_, n_samples))
        return self._restored(normal + (self._kernel(X, self.X_train_) @ self._weights)[:, None])

    def _likelihood(self, theta, gradient):
        kernel = self.kernel_.clone_with_theta(theta)
        if not gradient:
            factor, _ = _factored(kernel(self.X_train_))
            half = solve_triangular(factor, self._targets, lower=True)
            return self._log_density(factor, float(half @ half))
        C, dC = kernel(self.X_train_, eval_gradient=True)
        factor, _ = _factored(C)
        weights = cho_solve((factor, True), self._targets)
        distance = float(self._targets @ weights)
        inverse = cho_solve((factor, True), np.eye(len(C)))
        scale = (2.0 * self._b + distance) / (2.0 * self._a + len(C))
        # d log|C| = tr C⁻¹dC, and dD = -αᵀ dC α with α = C⁻¹y.
        slope = np.outer(weights / scale, weights) - inverse
        return self._log_density(factor, distance), 0.5 * np.einsum("ij,ijk->k", slope, dC)

    def _log_density(self, factor, distance):
        n, a, b = len(factor), self._a, self._b
        return float(
            gammaln(a + 0.5 * n)
            - gammaln(a)
            - 0.5 * n * math.log(2.0 * math.pi * b)
            - np.sum(np.log(np.diag(factor)))
            - (a + 0.5 * n) * np.log1p(0.5 * distance / b)
        )

    def _explained(self, X):
        """L⁻¹ k(X_train, X), (n_samples, n_queries)."""
        return solve_triangular(self._factor, self._kernel(self.X_train_, X), lower=True)

    def _queries(self, X):
        check_is_fitted(self, "kernel_")
        return self._checked_queries(X)

    def _restored(self, values):
        return values * self._size + self._mean

    def _largest(self):
        return float(np.max(np.abs(self._targets)))

    def _default_kernel(self):
        """Amplitude from the mean square; noise from the variance, for it has no offset."""
        largest = self._largest()
        unit = self._targets / (largest or 1.0)
        square, variance = float(np.mean(unit**2)) or 1.0, float(np.var(unit))
        if np.ptp(unit) <= 1e-14:
            warnings.warn(
                f"y is constant ({self._targets[0] * self._size + self._mean:g}), which tells "
                "neither amplitude nor noise; give a kernel.",
                ConvergenceWarning,
                stacklevel=4,
            )
            variance = square
        wide = np.array([1e-5, 1e5])
        area = largest * largest if largest else 1.0
        amplitudes, noises = area * square * wide, 0.1 * area * variance * wide
        if not _TINY <= min(*amplitudes, *noises) <= max(*amplitudes, *noises) < math.inf:
            raise ValueError(_out_of_range(largest))
        extent = float(np.max(np.abs(self.X_train_))) or 1.0
        rows = self.X_train_ / extent
        # Half of the root mean square distance of two rows; from the first, which is exact.
        spread = 0.5 * float(np.linalg.norm(np.std(rows - rows[0], axis=0))) * extent or 1.0
        if spread < _TINY:
            raise ValueError(
                f"X varies by {spread:.3g}, which double precision holds to a few digits alone; "
                "scale X to about one."
            )
        lengths = np.clip([spread * 1e-5, spread * 1e5], _TINY, _HUGE)
        return ConstantKernel(area * square, amplitudes) * RBF(spread, lengths) + WhiteKernel(
            0.1 * area * variance, noises
        )

    def _likeliest_start(self):
        """The default kernel's theta with the best of three length scales."""
        starts = []
        for share in (1.0, 0.2, 0.04):
            kernel = clone(self.kernel_)
            kernel.k1.k2.length_scale = share * kernel.k1.k2.length_scale
            starts.append(kernel.theta)
        return max(starts, key=lambda theta: self._likelihood(theta, False))


def _out_of_range(size):
    return (
        f"y of size {size:.3g} has squares, the units of kernel_, out of the range of double "
        "precision; pass normalize_y=True, or scale y to about one."
    )


def _factored(C):
    """Lower Cholesky factor, and the least jitter in steps of ten that lets one be."""
    if not np.all(np.isfinite(C)):
        raise ValueError("the kernel is not finite at X; scale X and y to about one.")
    size = float(np.mean(np.diag(C)))
    least = len(C) * _EPS * size
    for jitter in (0.0, *(size * 10.0**power for power in range(-15, -5))):
        try:
            factor = cholesky(C + jitter * np.eye(len(C)) if jitter else C, lower=True)
        except np.linalg.LinAlgError:
            continue
        # A pivot of rounding alone is no pivot.
        if np.min(np.diag(factor)) ** 2 > 0.1 * least:
            return factor, jitter
    raise np.linalg.LinAlgError(
        "the covariance is not positive definite, even with 1e-6 of its size on the diagonal; add "
        "a WhiteKernel, or use a kernel that is positive definite."
    )

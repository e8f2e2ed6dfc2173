"""What the regressors share: noise in kernels, the evidence's maximum, draws."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import KernelOperator, Sum, WhiteKernel
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import Interval, StrOptions, validate_data

# Of the logarithm's bound, within which a hyperparameter lies at it.
_AT_BOUND = 1e-4
# Standard deviation of targets over their mean, below which noise is lost in the amplitude.
_OFFSET = 1e-3
# Of sums of numbers of size one: less is no spread.
_ROUNDING = 1e-14
# Largest slope, per unit of the evidence's scale, of what passes for a maximum.
_FLAT = 1e-3
# Searches that follow one another, and the relative gain below which none follows.
_ROUNDS, _SETTLED = 30, 1e-6


# Of the constructors' common parameters.
SEARCH_CONSTRAINTS: dict = {
    "optimizer": [StrOptions({"fmin_l_bfgs_b"}), None],
    "n_restarts": [Interval(Integral, 0, None, closed="left")],
    "normalize_y": ["boolean"],
    "random_state": ["random_state"],
}


class GaussianProcess(RegressorMixin, BaseEstimator):
    """Base of the regressors."""

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination of the predictive mean.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        y : array-like of shape (n_queries,)
        sample_weight : array-like of shape (n_queries,), default=None

        Returns
        -------
        score : float
            One less the mean squared error over the variance of y; 1 at best.
        """
        return super().score(X, y, sample_weight)

    def _checked(self, X, y):
        """Training data in double precision; masks and dates are refused."""
        refuse_masks_and_dates(X=X, y=y)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return X, np.asarray(y, dtype=np.float64)

    def _checked_queries(self, X):
        refuse_masks_and_dates(X=X)
        return validate_data(self, X, dtype=np.float64, reset=False)


class KernelProcess(GaussianProcess):
    """Base of those whose ``kernel_`` is learned, by ``_likelihood(theta, gradient)``."""

    def log_marginal_likelihood(self, theta=None, eval_gradient=False, clone_kernel=True):
        """Log marginal likelihood of the training data, in the units of ``kernel_``.

        Parameters
        ----------
        theta : array-like of shape (n_dims,), default=None
            Logarithms of the free hyperparameters in the order of ``kernel_.theta``; None is those
            of the fit.
        eval_gradient : bool, default=False
            Whether to return the gradient as well; theta must then be given.
        clone_kernel : bool, default=True
            Whether ``kernel_`` keeps its own hyperparameters; False sets them to theta. Predictions
            and ``log_marginal_likelihood_value_`` stay those of the fit in either case.

        Returns
        -------
        log_likelihood : float
        gradient : ndarray of shape (n_dims,)
            By theta, if ``eval_gradient``.

        Raises
        ------
        ValueError
            If theta has not ``kernel_.n_dims`` finite numbers, or a gradient is asked for without
            theta.
        """
        check_is_fitted(self, "kernel_")
        if theta is None:
            if eval_gradient:
                raise ValueError("a gradient needs theta; pass kernel_.theta.")
            return self.log_marginal_likelihood_value_
        theta = check_theta(theta, self.kernel_)
        if not clone_kernel:
            self.kernel_.theta = theta
        return self._likelihood(theta, eval_gradient)


def split_noise(kernel):
    """The signal's kernel and the noise variance of a sum with `WhiteKernel` terms.

    Parameters
    ----------
    kernel : Kernel
        Of scikit-learn's kind.

    Returns
    -------
    signal : Kernel or None
        The sum of the other terms; None if there are none. Its terms are those of ``kernel``.
    noise : float >= 0
        The sum of the noise levels.

    Raises
    ------
    ValueError
        If a `WhiteKernel` stands inside a product or another kernel.
    """
    terms = list(_terms(kernel))
    white = [term for term in terms if isinstance(term, WhiteKernel)]
    rest = [term for term in terms if not isinstance(term, WhiteKernel)]
    for term in rest:
        if _holds_noise(term):
            raise ValueError(
                f"kernel has a WhiteKernel inside {term}; add it to the sum instead, as in "
                "kernel + WhiteKernel(0.1)."
            )
    signal = None
    for term in rest:
        signal = term if signal is None else Sum(signal, term)
    return signal, float(sum(term.noise_level for term in white))


def _terms(kernel):
    if isinstance(kernel, Sum):
        yield from _terms(kernel.k1)
        yield from _terms(kernel.k2)
    else:
        yield kernel


def _holds_noise(kernel):
    if isinstance(kernel, WhiteKernel):
        return True
    if isinstance(kernel, KernelOperator):
        return _holds_noise(kernel.k1) or _holds_noise(kernel.k2)
    inside = getattr(kernel, "kernel", None)
    return inside is not None and _holds_noise(inside)


def maximise_evidence(objective, kernel, *, n_restarts, rng, warn_bounds=True):
    """Hyperparameters of the largest log marginal likelihood, by L-BFGS-B.

    Parameters
    ----------
    objective : callable
        Of theta; returns the log likelihood and its gradient. Where it raises `LinAlgError` or is
        not finite the hyperparameters are refused.
    kernel : Kernel
        Gives the start, the bounds, and names for warnings.
    n_restarts : int
        Further starts, uniform in theta within the bounds.
    rng : RandomState
    warn_bounds : bool, default=True
        Whether a hyperparameter at its bound is worth a word; noise at its lower one is not.

    Returns
    -------
    theta : ndarray
    value : float
    n_iter : int
        Iterations of the start that won.

    Raises
    ------
    ValueError
        If the likelihood is not finite at any start, or restarts are asked for within infinite
        bounds.
    """
    bounds = kernel.bounds
    starts = [kernel.theta]
    if n_restarts:
        if not np.isfinite(bounds).all():
            raise ValueError(
                f"n_restarts is {n_restarts}, which needs finite bounds of all hyperparameters; "
                f"they are {np.exp(bounds).tolist()}."
            )
        starts.extend(rng.uniform(*bounds.T) for _ in range(n_restarts))
    best = None
    for start in starts:
        result = _climb(objective, np.clip(start, *bounds.T), bounds)
        if result is not None and (best is None or _evidence(result) > _evidence(best)):
            best = result
    if best is None:
        raise ValueError(
            f"The likelihood of {kernel} is not finite, or its covariance is singular: add a "
            "WhiteKernel, or start from other hyperparameters."
        )
    if not best.success and _slope(best, bounds) > _FLAT:
        warnings.warn(
            f"The hyperparameters did not converge in {best.nit} iterations ({best.message}). "
            "Scale X and y to about one, start from better hyperparameters or try n_restarts.",
            ConvergenceWarning,
            stacklevel=4,
        )
    if warn_bounds:
        _warn_of_bounds(kernel, best.x)
    return best.x, _evidence(best), int(best.nit)


def _climb(objective, start, bounds):
    """The best that one start leads to; None where the likelihood is not finite.

    L-BFGS-B takes its tolerances in units of the function, so that it sees the likelihood in units
    of what it is at the start; from a poor start it stops where these are too coarse. It goes on
    from there in new units until they no longer change what is found.
    """
    value, _ = _tried(objective, start)
    if not np.isfinite(value):
        return None
    if len(start) == 0:
        return OptimizeResult(x=start, fun=-value, scale=1.0, success=True, nit=0)
    total = 0
    for _ in range(_ROUNDS):
        before, scale = value, 1.0 + abs(value)
        result = minimize(
            _falling(objective, scale),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-10, "gtol": 1e-7},
        )
        total += result.nit
        start, value = result.x, -result.fun * scale
        if value - before <= _SETTLED * (1.0 + abs(value)):
            break
    result.scale, result.nit = scale, total
    return result


def _falling(objective, scale):
    """Minus the likelihood over a scale, finite everywhere."""

    def function(theta):
        value, gradient = _tried(objective, theta) if np.isfinite(theta).all() else (-np.inf, None)
        if not np.isfinite(value):
            # Steep enough that the line search turns back, and finite, which it needs.
            return 1e10, np.zeros_like(theta)
        return -value / scale, -np.asarray(gradient) / scale

    return function


def _evidence(result):
    # Each start has a scale of its own.
    return -result.fun * result.scale


def _tried(objective, theta):
    try:
        value, gradient = objective(theta)
    except np.linalg.LinAlgError:
        return -np.inf, None
    return (value, gradient) if np.isfinite(gradient).all() else (-np.inf, None)


def _slope(result, bounds):
    """Largest component of the gradient that leads inside the bounds."""
    inside = np.clip(result.x - result.jac, *bounds.T) - result.x
    return float(np.max(np.abs(inside), initial=0.0))


def _warn_of_bounds(kernel, theta):
    names = [
        hyperparameter.name
        for hyperparameter in kernel.hyperparameters
        if not hyperparameter.fixed
        for _ in range(hyperparameter.n_elements)
    ]
    for name, value, (low, high) in zip(names, theta, kernel.bounds, strict=True):
        at_low, at_high = value - low < _AT_BOUND, high - value < _AT_BOUND
        if at_high or (at_low and not name.endswith("noise_level")):
            side = "upper" if at_high else "lower"
            warnings.warn(
                f"The hyperparameter {name} = {np.exp(value):.6g} is at its {side} bound. Widen "
                f"{name}_bounds, or fix it.",
                ConvergenceWarning,
                stacklevel=5,
            )


def refuse_masks_and_dates(**arrays):
    """Refuse, by name, arrays whose masks or units would be lost without a word."""
    for name, array in arrays.items():
        if np.ma.isMaskedArray(array) and np.ma.is_masked(array):
            raise ValueError(
                f"{name} is a masked array, with {np.ma.count_masked(array)} entries masked, whose "
                "mask would be lost; leave those rows out."
            )
        # Of a data frame, of an array or series, or of neither.
        types: Any = getattr(array, "dtypes", getattr(array, "dtype", None))
        types = types if hasattr(types, "__iter__") else (types,)
        if any(getattr(kind, "kind", "") in ("m", "M") for kind in types):
            raise ValueError(
                f"{name} holds dates, whose unit would be lost; pass numbers in the unit that "
                f"length scales shall have, such as ({name} - start) / np.timedelta64(1, 'D')."
            )


def check_return(return_std, return_cov):
    """Refuse both at once, as scikit-learn does."""
    if return_std and return_cov:
        raise RuntimeError("return_std and return_cov cannot both be True; ask for one of them.")


def scaled_targets(y, normalize_y):
    """Targets as the process sees them, with the mean and the scale that were taken off.

    Returns
    -------
    z : ndarray of shape (n,)
    mean, scale : float
        0 and 1 without ``normalize_y``; the scale of constant targets is 1.
    """
    if not normalize_y:
        return y, 0.0, 1.0
    # Of the largest magnitude one, or squares of tiny and huge numbers would leave the range.
    size = float(np.max(np.abs(y))) or 1.0
    unit = y / size
    mean = float(np.mean(unit))
    spread = float(np.std(unit - mean))
    # Rounding alone is no spread.
    scale = spread if spread > _ROUNDING else 1.0 / size
    return (unit - mean) / scale, mean * size, scale * size


def warn_of_offset(y, name="y"):
    """Say where a mean, which the prior takes for zero, dwarfs what varies.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Observed targets; constant ones are none of its business.
    name : str
        Of the parameter.

    Warns
    -----
    RuntimeWarning
        If the mean is more than a thousand standard deviations. Called from a ``fit`` under
        `fit_context`, it points at the caller of that.
    """
    unit = y / (float(np.max(np.abs(y))) or 1.0)
    mean = abs(float(np.mean(unit)))
    spread = float(np.std(unit))
    if _ROUNDING * mean < spread < _OFFSET * mean:
        warnings.warn(
            f"{name}'s standard deviation is {spread / mean:.1g} of its mean, and the prior's mean "
            "is zero: what varies is next to nothing beside the amplitude. normalize_y=True takes "
            "the mean off.",
            RuntimeWarning,
            stacklevel=4,
        )


def check_theta(theta, kernel):
    """Logarithms of the free hyperparameters of a kernel, as an array of shape (n_dims,)."""
    try:
        values = np.asarray(theta, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.shape != (kernel.n_dims,) or not np.isfinite(values).all():
        raise ValueError(
            f"theta must be {kernel.n_dims} finite numbers, the logarithms of the free "
            f"hyperparameters in the order of kernel_.theta; got {theta!r}."
        )
    return values


def draw(mean, covariance, n_samples, rng):
    """Draws of a normal vector, (n, n_samples), however singular its covariance."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return mean[:, None] + root @ rng.standard_normal((len(mean), n_samples))

"""Input validation: scikit-learn's for what NumPy holds, a short one of our own for other arrays.

scikit-learn's ``validate_data`` turns a torch tensor into a NumPy array without a word, so arrays
of other libraries never reach it. Private names of scikit-learn are imported here and in
``namespace`` only.
"""

import math
from contextlib import contextmanager
from numbers import Integral, Number

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, validate_data

from kernlab._core.namespace import device_of, from_numpy, is_foreign, namespace_of, to_numpy

__all__ = [
    "N_JOBS",
    "Interval",
    "StrOptions",
    "check_same_place",
    "check_weights",
    "fit_context",
    "log_total_weight",
    "validate_data",
    "validate_points",
    "whole_or_nothing",
]

# What scikit-learn checks of a number of threads: see `effective_n_jobs`.
N_JOBS = [
    Interval(Integral, 1, None, closed="left"),
    Interval(Integral, None, -1, closed="right"),
    None,
]

_FLOATS = (np.float64, np.float32)


def validate_points(estimator, X, *, reset, accept_sparse=False):
    """Check a table of points and keep its float dtype, library and device.

    Parameters
    ----------
    estimator : BaseEstimator
        Named in messages; ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : array-like of shape (n_samples, n_features)
    reset : bool
        True in ``fit``.
    accept_sparse : str or False, default=False
        The format to turn a sparse matrix into; False refuses it.

    Returns
    -------
    X : float64 or float32 array, or sparse matrix, of shape (n_samples, n_features)
    """
    if is_foreign(X):
        return _validate_foreign(estimator, X, reset=reset)
    try:
        return validate_data(estimator, X, dtype=_FLOATS, reset=reset, accept_sparse=accept_sparse)
    except ValueError as error:
        if "could not convert" in str(error):
            raise ValueError(
                f"X holds entries that are not numbers ({error}). Encode or drop those columns, "
                "then pass X.astype(float)."
            ) from error
        raise


def _validate_foreign(estimator, X, *, reset):
    xp = namespace_of(X)
    name = type(estimator).__name__
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array X, got {X.ndim}D with shape {tuple(X.shape)}. Reshape your data "
            "with X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one sample."
        )
    n_samples, n_features = X.shape
    if n_samples == 0 or n_features == 0:
        raise ValueError(
            f"Found array X with {n_samples} sample(s) and {n_features} feature(s); {name} "
            "requires a minimum of 1 of each."
        )
    if not xp.isdtype(X.dtype, "real floating"):
        if not xp.isdtype(X.dtype, ("integral", "bool")):
            raise ValueError(f"X has dtype {X.dtype}, which is not real; pass real numbers.")
        X = xp.astype(X, xp.float64)
    elif X.dtype not in (xp.float32, xp.float64):
        X = xp.astype(X, xp.float64)
    try:
        finite = bool(xp.all(xp.isfinite(X)))
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"X lies on device {device_of(X)!s}, whose data cannot be read here ({error}); move it "
            "to a device that is present."
        ) from error
    if not finite:
        what = "NaN" if bool(xp.any(xp.isnan(X))) else "infinity"
        raise ValueError(f"Input X contains {what}. Drop or impute those rows before {name}.")
    if reset:
        estimator.n_features_in_ = n_features
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {name} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    return X


@contextmanager
def whole_or_nothing(estimator):
    """Restore an estimator's attributes if what is inside raises: nothing half-fitted is left."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def log_total_weight(weights, n_samples):
    """Logarithm of the total of ``weights``, or of so many weights of one, as a float."""
    if weights is None:
        return math.log(n_samples)
    xp = namespace_of(weights)
    largest = float(xp.max(weights))
    return math.log(largest) + math.log(float(xp.sum(weights / largest)))


def check_same_place(name, X, fitted):
    """Refuse queries that live in another library or on another device than the fitted points."""
    ours, theirs = namespace_of(fitted), namespace_of(X)
    if ours is not theirs:
        raise ValueError(
            f"{name} was fitted on arrays of {ours.__name__} and X is of {theirs.__name__}, and "
            "both must use the same namespace; convert X, or fit again on arrays of its library."
        )
    if is_foreign(X) and device_of(X) != device_of(fitted):
        raise ValueError(
            f"{name} was fitted on device {device_of(fitted)!s} and X is on {device_of(X)!s}; "
            "move X there, or fit again on its device."
        )


def check_weights(sample_weight, X):
    """Non-negative finite weights, one for each row, some positive; they move to X's library."""
    if sample_weight is None:
        return None
    n_samples = X.shape[0]
    if is_foreign(sample_weight) and namespace_of(sample_weight) is not namespace_of(X):
        sample_weight = to_numpy(sample_weight)
    if isinstance(sample_weight, Number) or getattr(sample_weight, "ndim", 1) == 0:
        raise ValueError(
            f"sample_weight is the number {float(sample_weight)!r}; give one weight for each of "
            f"the {n_samples} rows of X, or None for equal weights."
        )
    if not is_foreign(sample_weight):
        try:
            sample_weight = check_array(
                sample_weight,
                ensure_2d=False,
                allow_nd=True,
                dtype=np.float64,
                copy=True,
                input_name="sample_weight",
            )
        except ValueError as error:
            if "could not convert" in str(error):
                raise ValueError(
                    f"sample_weight holds entries that are not numbers: {error}"
                ) from error
            raise
    if tuple(sample_weight.shape) != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {tuple(sample_weight.shape)}, expected ({n_samples},): one "
            "weight for each row of X."
        )
    if is_foreign(X):
        if not is_foreign(sample_weight):
            sample_weight = from_numpy(sample_weight, X, namespace_of(X).float64)
        if device_of(sample_weight) != device_of(X):
            raise ValueError(
                f"sample_weight is on device {device_of(sample_weight)!s} and X on "
                f"{device_of(X)!s}; move it there."
            )
    xp = namespace_of(X)
    # A copy, so that later changes of the caller's array do not reach the estimator.
    sample_weight = xp.astype(sample_weight, xp.float64)
    if not bool(xp.all(xp.isfinite(sample_weight))):
        raise ValueError("Input sample_weight contains NaN or infinity; give finite weights.")
    lowest = float(xp.min(sample_weight))
    if lowest < 0:
        raise ValueError(
            f"Negative values in data passed to `sample_weight` (least: {lowest!r}); give weights "
            "of zero or more."
        )
    if not float(xp.max(sample_weight)) > 0:
        raise ValueError("sample_weight is zero everywhere; at least one weight must be positive.")
    return sample_weight

"""Structural checks of private data: shape and dtype, never a value.

An error or a warning that depends on a value is a channel through which the value leaks, so that
nothing here looks at one: NaN, infinities and outliers are mapped to fixed public values by the
mechanisms, without a word.
"""

import math
import traceback
import warnings
from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import validate_data

from kernlab._core.namespace import is_foreign, to_numpy

__all__ = [
    "check_table",
    "forget_frames",
    "private_labels",
    "public_queries",
    "read_table",
    "silently_as",
]


def check_table(estimator, X):
    """``X`` with its structure checked, and not read where it says itself what that is.

    An array in memory, in a file or of another library tells its shape and dtype. Anything else,
    such as a list, is turned into an array first.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like of shape (n_samples, n_features)
        Any number of rows, none included.

    Returns
    -------
    table : object with ``shape`` and ``dtype``
    """
    name = type(estimator).__name__
    if issparse(X):
        raise TypeError(
            f"Sparse data was passed to {name}.fit, which needs dense records: pass X.toarray()."
        )
    if _tells_structure(X):
        table = X
    elif is_foreign(X):
        table = to_numpy(X)
    else:
        table = _nullable_numbers(X) if _has_nullable_numbers(X) else np.asarray(X)
    _check_structure(name, table)
    validate_data(estimator, table if is_foreign(X) else X, skip_check_array=True, reset=True)
    return table


def read_table(estimator, table):
    """What :func:`check_table` returned, as a C-contiguous float64 or float32 NumPy array."""
    table = np.asarray(table)
    _check_structure(type(estimator).__name__, table)
    kept = table.dtype if table.dtype in (np.float32, np.float64) else np.float64
    return silently_as(kept, table)


def silently_as(dtype, table):
    """A C-contiguous array of a type, whatever the values: NumPy would warn of some.

    A longer float than float64 may overflow, and a signalling NaN of single precision is told too.
    """
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(table, dtype=dtype)


@contextmanager
def forget_frames():
    """Empty the frames of an error on its way: sums before noise must not travel with it.

    Error trackers and post-mortem debuggers show local variables. Callers' frames, which hold no
    more than what the caller passed, stay as they are.
    """
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise


def _nullable_numbers(X):
    """Such a frame as float64 with gaps as NaN: whether there is a gap decides no type."""
    return X.to_numpy(dtype=np.float64, na_value=np.nan)


def _tells_structure(X):
    return isinstance(getattr(X, "dtype", None), np.dtype) and isinstance(
        getattr(X, "shape", None), tuple
    )


def _has_nullable_numbers(X):
    """Whether ``X`` is a pandas frame of numbers, some of pandas' own types, by its columns."""
    dtypes = list(X.dtypes) if hasattr(X, "iloc") and hasattr(X, "columns") else []
    numbers = all(getattr(dtype, "kind", "O") in "fiub" for dtype in dtypes)
    return numbers and not all(isinstance(dtype, np.dtype) for dtype in dtypes)


def _check_structure(name, table):
    shape, dtype = table.shape, table.dtype
    if dtype.kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {dtype}; pass real numbers.")
    if dtype.kind not in "fiub":
        raise TypeError(
            f"X has dtype {dtype}, and {name} reads numbers only: it does not try to convert "
            "values, for an error would reveal one. Pass X.astype(float)."
        )
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array X, got {len(shape)}D array instead. Reshape your data with "
            "X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one record."
        )
    if shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={shape}) while a minimum of 1 is required."
        )


def private_labels(estimator, y, X, classes):
    """Labels as an array that compares with ``classes``, checked by structure alone.

    Parameters
    ----------
    estimator : BaseEstimator
        Named in messages.
    y : array-like of shape (n_samples,)
        Numbers for classes that are numbers, strings for strings, or objects.
    X : array of shape (n_samples, n_features)
    classes : ndarray of shape (n_classes,)
    """
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    labels = to_numpy(y) if is_foreign(y) else np.asarray(y)
    if labels.shape == (X.shape[0], 1):
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: pass y.ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
        labels = labels[:, 0]
    if labels.shape != X.shape[:1]:
        raise ValueError(
            f"y has shape {labels.shape}, expected ({X.shape[0]},): one label for each row of X."
        )
    kinds = "OU" if classes.dtype.kind == "U" else "Obiuf"
    if labels.dtype.kind not in kinds:
        raise ValueError(
            f"Unknown label type: y has dtype {labels.dtype}, which does not compare with classes "
            f"of dtype {classes.dtype}; give both as numbers or both as strings."
        )
    if not (is_foreign(y) or _tells_structure(y)):
        # The dtype of a list depends on all its items: one of them could round or cut the others.
        labels = np.array(y, dtype=object).reshape(labels.shape)
    return labels


def public_queries(estimator, Y):
    """Queries as a float64 NumPy array: these are public, and checked in full."""
    if is_foreign(Y):
        Y = to_numpy(Y)
    if _plainly_valid(estimator, Y):
        return Y
    return validate_data(estimator, Y, dtype=np.float64, reset=False)


def _plainly_valid(estimator, Y):
    """Whether scikit-learn's checks, which take ten times as long as a query, would pass ``Y``.

    Only what they return as it is, and without a warning; whatever else gets their answer.
    """
    if type(Y) is not np.ndarray or Y.dtype != np.float64 or Y.ndim != 2 or len(Y) == 0:
        return False
    if Y.shape[1] != estimator.n_features_in_ or hasattr(estimator, "feature_names_in_"):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(Y.sum())

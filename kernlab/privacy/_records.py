"""Structural checks of private data: shape and dtype, never a value.

An error or a warning that depends on a value is a channel through which the value leaks, so that
nothing here looks at one: NaN, infinities and outliers are mapped to fixed public values by the
mechanisms, without a word.
"""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import validate_data

from kernlab._core.namespace import is_foreign, to_numpy

__all__ = ["private_labels", "private_table", "public_queries"]


def private_table(estimator, X):
    """Records as a C-contiguous float64 or float32 NumPy array, checked by structure alone.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like of shape (n_samples, n_features)
        Any number of rows, none included.
    """
    name = type(estimator).__name__
    if issparse(X):
        raise TypeError(
            f"Sparse data was passed to {name}.fit, which needs dense records: pass X.toarray()."
        )
    table = to_numpy(X) if is_foreign(X) else np.asarray(X)
    if table.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: X has dtype {table.dtype}; pass real numbers."
        )
    if table.dtype.kind not in "fiub":
        raise TypeError(
            f"X has dtype {table.dtype}, and {name} reads numbers only: it does not try to convert "
            "values, for an error would reveal one. Pass X.astype(float)."
        )
    if table.ndim != 2:
        raise ValueError(
            f"Expected 2D array X, got {table.ndim}D array instead. Reshape your data with "
            "X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one record."
        )
    if table.shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={table.shape}) while a minimum of 1 is required."
        )
    validate_data(estimator, table if is_foreign(X) else X, skip_check_array=True, reset=True)
    kept = table.dtype if table.dtype in (np.float32, np.float64) else np.float64
    # A longer float than float64 may overflow, which must not be told.
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(table, dtype=kept)


def private_labels(estimator, y, X, classes):
    """Labels as an array that compares with ``classes``, checked by structure alone.

    Parameters
    ----------
    estimator : BaseEstimator
        Named in messages.
    y : array-like of shape (n_samples,)
        Numbers for classes that are numbers, strings for strings, or objects.
    X : ndarray of shape (n_samples, n_features)
    classes : ndarray of shape (n_classes,)
    """
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    labels = to_numpy(y) if is_foreign(y) else np.asarray(y)
    if labels.shape == (len(X), 1):
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: pass y.ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
        labels = labels[:, 0]
    if labels.shape != X.shape[:1]:
        raise ValueError(
            f"y has shape {labels.shape}, expected ({len(X)},): one label for each row of X."
        )
    kinds = "OU" if classes.dtype.kind == "U" else "Obiuf"
    if labels.dtype.kind not in kinds:
        raise ValueError(
            f"Unknown label type: y has dtype {labels.dtype}, which does not compare with classes "
            f"of dtype {classes.dtype}; give both as numbers or both as strings."
        )
    return labels


def public_queries(estimator, Y):
    """Queries as a float64 NumPy array: these are public, and checked in full."""
    if is_foreign(Y):
        Y = to_numpy(Y)
    return validate_data(estimator, Y, dtype=np.float64, reset=False)

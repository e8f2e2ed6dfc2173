"""Structural checks of private data: shape and dtype, never a value.

An error or a warning that depends on a value is a channel through which the value leaks, so that
nothing here looks at one: NaN, infinities and outliers are mapped to fixed public values by the
mechanisms, without a word.
"""

import math

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from kernlab._core.namespace import is_foreign, to_numpy

__all__ = ["private_table", "public_queries"]


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

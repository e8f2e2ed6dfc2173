"""From the ``bandwidth`` parameter to the root of the bandwidth matrix."""

# References: Scott, *Multivariate Density Estimation*, 1992; Silverman, *Density Estimation for
# Statistics and Data Analysis*, 1986.

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

from kernlab._core.namespace import device_of, from_numpy, namespace_of, to_numpy
from kernlab.exceptions import SingularCovarianceError

# A column whose variance given the others is below this share of its own is called dependent:
# rounding of the data alone leaves up to about 1e-13 of exact dependence.
_DEPENDENT = 1e-12
_REMEDY = "Drop them, or give bandwidth as a float or one number for each feature."


class Bandwidth(NamedTuple):
    """A resolved bandwidth.

    ``value`` is as the user meets it (a float, (d,) standard deviations, or the (d, d) matrix),
    ``root`` is a number, a vector or a lower Cholesky factor, and ``log_volume`` is ``log |R|``.
    """

    value: float | np.ndarray
    root: float | np.ndarray
    log_volume: float


def effective_sample_size(n_samples, weights):
    """Kish's ``(Σw)² / Σw²``, as a float."""
    if weights is None:
        return float(n_samples)
    xp = namespace_of(weights)
    scaled = weights / xp.max(weights)
    return float(xp.sum(scaled)) ** 2 / float(xp.sum(scaled**2))


def resolve_bandwidth(bandwidth, X, weights, profile):
    """Resolve ``bandwidth`` for the points ``X``.

    Parameters
    ----------
    bandwidth : float, array-like or {'scott', 'silverman'}
    X : (n, d) array of any namespace
    weights : (n,) array of the same namespace, or None
    profile : KernelProfile
        Data-driven bandwidths match the kernel's standard deviation to the Gaussian's.
    """
    n_features = X.shape[1]
    if isinstance(bandwidth, str):
        return _from_covariance(bandwidth, X, weights, profile)
    value = to_numpy(bandwidth)
    if np.iscomplexobj(value):
        raise ValueError(f"bandwidth={bandwidth!r} is complex; give real numbers.")
    if value.ndim == 0:
        h = float(value)
        _check_positive(np.float64(h))
        return Bandwidth(h, h, n_features * math.log(h))
    try:
        value = value.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"bandwidth={bandwidth!r} is not numeric ({error}).") from error
    if value.shape == (n_features,):
        _check_positive(value)
        return Bandwidth(value.copy(), value.copy(), float(np.sum(np.log(value))))
    if value.shape == (n_features, n_features):
        return _from_matrix(value)
    raise ValueError(
        f"bandwidth has shape {value.shape} and X has {n_features} features; give a float, "
        f"{n_features} standard deviations, or a matrix of shape {(n_features, n_features)}."
    )


def _check_positive(value):
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = value * value
        usable = (value > 0) & (square >= np.finfo(float).tiny) & np.isfinite(square)
    if not np.all(usable):
        wrong = float(np.ravel(value)[~np.ravel(usable)][0])
        raise ValueError(
            f"bandwidth={wrong!r} is not a positive number with a square in the range of floating "
            "point; rescale X, or correct it."
        )


def _from_matrix(matrix):
    if not np.all(np.isfinite(matrix)):
        raise ValueError("bandwidth matrix contains NaN or infinity; every entry must be finite.")
    scale = np.max(np.abs(matrix))
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-14 * scale):
        raise ValueError(
            "bandwidth matrix is not symmetric; give a covariance matrix, in squared units of X "
            "(for standard deviations h that is np.diag(h**2))."
        )
    try:
        root = np.linalg.cholesky((matrix + matrix.T) / 2)
    except np.linalg.LinAlgError as error:
        least = float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0])
        raise ValueError(
            f"bandwidth matrix is not positive definite (least eigenvalue {least:.3g}); give a "
            "covariance matrix, in squared units of X."
        ) from error
    return Bandwidth(matrix.copy(), root, float(np.sum(np.log(np.diag(root)))))


def _from_covariance(rule, X, weights, profile):
    """Scott's or Silverman's factor times the data's own covariance, as in SciPy."""
    if weights is not None:
        X, weights = _rows_of_weight(X, weights)
    n_samples, n_features = X.shape
    if n_samples < 2:
        raise ValueError(
            f"bandwidth={rule!r} needs the covariance of at least two samples of positive weight, "
            "got n_samples=1; give bandwidth as a number."
        )
    n_eff = effective_sample_size(n_samples, weights)
    count = n_eff if rule == "scott" else n_eff * (n_features + 2) / 4.0
    factor = count ** (-1.0 / (n_features + 4))

    xp = namespace_of(X)
    X = xp.astype(X, xp.float64, copy=False)
    low, high = to_numpy(xp.min(X, axis=0)), to_numpy(xp.max(X, axis=0))
    with np.errstate(over="ignore"):
        span = high - low
    _refuse(rule, np.flatnonzero(low == high), "constant")
    if n_samples <= n_features:
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular: "
            f"{n_samples} samples cannot determine it in {n_features} features. Give bandwidth as "
            "a float or one number for each feature."
        )
    # In units of each column's span nothing over- or underflows, and an offset cancels first.
    covariance = _covariance((X - from_numpy(low, X)) / from_numpy(span, X), weights)
    _refuse(rule, _dependent(covariance), "linear in the others")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        matrix = covariance * factor**2 / profile.spread(n_features) * np.outer(span, span)
        usable = np.isfinite(matrix).all() and (np.diag(matrix) > np.finfo(float).tiny).all()
    if not usable:
        raise ValueError(
            f"X has columns that span from {span.min():.3g} to {span.max():.3g}, whose squares "
            "overflow or underflow; rescale X, or give bandwidth as a number."
        )
    try:
        root = np.linalg.cholesky(matrix / np.outer(span, span)) * span[:, None]
    except np.linalg.LinAlgError as error:
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular to "
            f"rounding. {_REMEDY}"
        ) from error
    return Bandwidth(matrix, root, float(np.sum(np.log(np.diag(root)))))


def _rows_of_weight(X, weights):
    """The rows that count, so that the others decide nothing."""
    xp = namespace_of(X)
    (rows,) = xp.nonzero(weights > 0)
    if rows.shape[0] == X.shape[0]:
        return X, weights
    return xp.take(X, rows, axis=0), xp.take(weights, rows, axis=0)


def _covariance(X, weights):
    """Weighted covariance as a d×d NumPy matrix, unbiased for reliability weights as in SciPy."""
    xp = namespace_of(X)
    if weights is None:
        weights = xp.ones((X.shape[0],), dtype=xp.float64, device=device_of(X))
    share = weights / xp.max(weights)
    share = share / xp.sum(share)
    X = X - xp.sum(share[:, None] * X, axis=0)[None, :]
    unbiased = 1.0 - float(xp.sum(share * share))
    if unbiased <= 0:
        raise ValueError(
            "a data-driven bandwidth needs the covariance of at least two samples, and one carries "
            "all of sample_weight (effectively n_samples=1); give bandwidth as a number."
        )
    return to_numpy((share[:, None] * X).T @ X) / unbiased


def _dependent(covariance):
    """Columns that the others determine, to the rounding of a covariance."""
    deviations = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviations, deviations)
    _, triangle, pivots = qr(correlation, pivoting=True)
    return np.sort(pivots[np.abs(np.diag(triangle)) <= _DEPENDENT])


def _refuse(rule, columns, what):
    """Name the columns that make a covariance singular."""
    if columns.size:
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular: "
            f"{_columns(columns)} {what}. {_REMEDY}"
        )


def _columns(numbers):
    named = ", ".join(str(k) for k in numbers[:20]) + (", …" if len(numbers) > 20 else "")
    return f"column {named} is" if len(numbers) == 1 else f"columns {named} are"

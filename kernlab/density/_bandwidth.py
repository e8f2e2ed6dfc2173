"""From the ``bandwidth`` parameter to the root of the bandwidth matrix."""

# References: Scott, *Multivariate Density Estimation*, 1992; Silverman, *Density Estimation for
# Statistics and Data Analysis*, 1986.

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

from kernlab._core.namespace import device_of, namespace_of, to_numpy
from kernlab.exceptions import SingularCovarianceError


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
    if value.ndim == 0:
        h = float(value)
        _check_positive(value)
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
    with np.errstate(divide="ignore", over="ignore"):
        usable = np.isfinite(value) & (value > 0) & np.isfinite(1.0 / value)
    if not np.all(usable):
        wrong = np.ravel(value)[~np.ravel(usable)][0]
        raise ValueError(f"bandwidth={wrong!r} is not a positive number; every entry must be.")


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
    n_samples, n_features = X.shape
    if n_samples < 2:
        raise ValueError(
            f"bandwidth={rule!r} needs the covariance of at least two samples, got n_samples=1; "
            "give bandwidth as a number."
        )
    n_eff = effective_sample_size(n_samples, weights)
    count = n_eff if rule == "scott" else n_eff * (n_features + 2) / 4.0
    factor = count ** (-1.0 / (n_features + 4))
    covariance = _covariance(X, weights)
    _refuse_singular(covariance, n_samples, rule)
    matrix = covariance * factor**2 / profile.variance(n_features)
    root = np.linalg.cholesky(matrix)
    return Bandwidth(matrix, root, float(np.sum(np.log(np.diag(root)))))


def _covariance(X, weights):
    """Weighted covariance as a d×d NumPy matrix, unbiased for reliability weights as in SciPy."""
    xp = namespace_of(X)
    n_samples = X.shape[0]
    X = xp.astype(X, xp.float64, copy=False)
    share = None if weights is None else xp.astype(weights, xp.float64) / xp.max(weights)
    if share is None:
        share = xp.full((n_samples,), 1.0, dtype=xp.float64, device=device_of(X))
    share = share / xp.sum(share)
    # Data with values beyond 1e150 would overflow when squared.
    scale = np.float64(xp.max(xp.abs(X))) or 1.0
    X = X / float(scale)
    # Two passes: a mean first from the first row's neighbourhood, so that an offset cancels.
    X = X - X[0, :][None, :]
    X = X - xp.sum(share[:, None] * X, axis=0)[None, :]
    unbiased = 1.0 - float(xp.sum(share * share))
    if unbiased <= 0:
        raise ValueError(
            "a data-driven bandwidth needs at least two samples of positive weight, and one "
            "carries all of sample_weight (effectively n_samples=1); give bandwidth as a number."
        )
    covariance = to_numpy((share[:, None] * X).T @ X) / unbiased
    with np.errstate(over="ignore"):
        covariance = covariance * scale**2
    if not np.all(np.isfinite(covariance)):
        raise ValueError(
            f"X has values up to {scale:.3g}, whose squares overflow; rescale X, or give bandwidth "
            "as a number."
        )
    return covariance


def _refuse_singular(covariance, n_samples, rule):
    """Name the columns that make a covariance singular."""
    n_features = len(covariance)
    deviations = np.sqrt(np.diag(covariance))
    remedy = "Drop them, or give bandwidth as a float or one number for each feature."
    start = f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular: "
    constant = np.flatnonzero(deviations == 0)
    if constant.size:
        raise SingularCovarianceError(f"{start}{_columns(constant)} constant. {remedy}")
    if n_samples <= n_features:
        raise SingularCovarianceError(
            f"{start}{n_samples} samples cannot determine it in {n_features} features. Give "
            "bandwidth as a float or one number for each feature."
        )
    correlation = covariance / np.outer(deviations, deviations)
    _, triangle, pivots = qr(correlation, pivoting=True)
    dependent = pivots[np.abs(np.diag(triangle)) <= 4 * n_features * np.finfo(float).eps]
    if dependent.size:
        raise SingularCovarianceError(
            f"{start}{_columns(np.sort(dependent))} linear in the others. {remedy}"
        )


def _columns(numbers):
    named = ", ".join(str(k) for k in numbers[:20]) + (", …" if len(numbers) > 20 else "")
    return f"column {named} is" if len(numbers) == 1 else f"columns {named} are"

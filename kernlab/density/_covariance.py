"""The covariance of the data, and bandwidths made of it."""

import math
from typing import Any, NamedTuple

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
    ``root`` is a number, a vector or a lower Cholesky factor, ``log_volume`` is ``log |R|``, and
    ``method`` names the selector, None where the bandwidth was given.
    """

    value: float | np.ndarray
    root: float | np.ndarray
    log_volume: float
    method: str | None = None


class Spread(NamedTuple):
    """Data in units of its columns' spans, where nothing over- or underflows.

    ``points`` (n, d) are the rows that have weight, less the least of each column and divided by
    the span; ``covariance`` is theirs, a (d, d) NumPy matrix; ``weights`` and ``n_eff`` go with
    them.
    """

    points: Any
    weights: Any
    n_eff: float
    span: np.ndarray
    covariance: np.ndarray

    def sphered(self):
        """The points with unit covariance, and the root that takes them back to the spans."""
        from kernlab.kernels._coordinates import inverse_root, to_bandwidths

        root = np.linalg.cholesky(self.covariance)  # its columns are independent, so it exists
        centre = namespace_of(self.points).mean(self.points, axis=0)
        return to_bandwidths(self.points, centre, inverse_root(root)), root


def effective_sample_size(n_samples, weights):
    """Kish's ``(Σw)² / Σw²``, as a float."""
    if weights is None:
        return float(n_samples)
    xp = namespace_of(weights)
    scaled = weights / xp.max(weights)
    return float(xp.sum(scaled)) ** 2 / float(xp.sum(scaled**2))


def silverman_factor(n_eff, n_features):
    """Normal-reference bandwidth in standard deviations."""
    return (n_eff * (n_features + 2) / 4.0) ** (-1.0 / (n_features + 4))


def spread_of(rule, X, weights):
    """The data with its covariance, or an error that says why ``rule`` has none to use."""
    if weights is not None:
        X, weights = rows_of_weight(X, weights)
    n_samples, n_features = X.shape
    if n_samples < 2:
        raise ValueError(
            f"bandwidth={rule!r} needs the covariance of at least two samples of positive weight, "
            "got n_samples=1; give bandwidth as a number."
        )
    xp = namespace_of(X)
    X = xp.astype(X, xp.float64, copy=False)
    low, high = to_numpy(xp.min(X, axis=0)), to_numpy(xp.max(X, axis=0))
    with np.errstate(over="ignore"):
        span = high - low
    if not np.isfinite(span).all():
        raise _out_of_range(span)
    _refuse(rule, np.flatnonzero(low == high), "constant")
    if n_samples <= n_features:
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular: "
            f"{n_samples} samples cannot determine it in {n_features} features. Give bandwidth as "
            "a float or one number for each feature."
        )
    # An offset cancels first.
    points = (X - from_numpy(low, X)) / from_numpy(span, X)
    covariance = covariance_of(points, weights)
    _refuse(rule, _dependent(covariance), "linear in the others")
    return Spread(points, weights, effective_sample_size(n_samples, weights), span, covariance)


def _out_of_range(span):
    return ValueError(
        f"X has columns that span from {span.min():.3g} to {span.max():.3g}, whose squares "
        "overflow or underflow; rescale X, or give bandwidth as a number."
    )


def check_positive(value):
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = value * value
        usable = (value > 0) & (square >= np.finfo(float).tiny) & np.isfinite(square)
    if not np.all(usable):
        wrong = float(np.ravel(value)[~np.ravel(usable)][0])
        raise ValueError(
            f"bandwidth={wrong!r} is not a positive number with a square in the range of floating "
            "point; rescale X, or correct it."
        )


def number_bandwidth(h, n_features, method=None):
    """The bandwidth of one number for all features."""
    check_positive(np.float64(h))
    return Bandwidth(h, h, n_features * math.log(h), method)


def kernel_deviation(profile, n_features):
    """Standard deviation of the kernel at bandwidth 1, to be matched to the Gaussian's.

    Student-t kernels, whose variance need not exist, get the Gaussian's own bandwidth.
    """
    return math.sqrt(profile.spread(n_features))


def bandwidth_from(rule, matrix, span, profile):
    """The bandwidth of a kernel from the Gaussian's matrix ``H`` in units of the columns' spans.

    The kernel's standard deviation is matched to the Gaussian's.
    """
    variance = kernel_deviation(profile, len(span)) ** 2
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        matrix = matrix / variance * np.outer(span, span)
        usable = np.isfinite(matrix).all() and (np.diag(matrix) > np.finfo(float).tiny).all()
    if not usable:
        raise _out_of_range(span)
    try:
        root = np.linalg.cholesky(matrix / np.outer(span, span)) * span[:, None]
    except np.linalg.LinAlgError as error:
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs the inverse of the covariance of X, which is singular to "
            f"rounding. {_REMEDY}"
        ) from error
    return Bandwidth(matrix, root, float(np.sum(np.log(np.diag(root)))), rule)


def rows_of_weight(X, weights):
    """The rows that count, so that the others decide nothing."""
    xp = namespace_of(X)
    (rows,) = xp.nonzero(weights > 0)
    if rows.shape[0] == X.shape[0]:
        return X, weights
    return xp.take(X, rows, axis=0), xp.take(weights, rows, axis=0)


def kept_or_drawn(X, weights, most):
    """Rows and weights, ``most`` at most: the same data must give the same bandwidth."""
    if len(X) <= most:
        return X, weights
    rows = np.random.default_rng(0).choice(len(X), most, replace=False)
    return X[rows], None if weights is None else weights[rows]


def covariance_of(X, weights):
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

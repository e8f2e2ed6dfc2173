"""Bandwidths chosen by the data: the selectors by name."""

import logging
import math

import numpy as np

from kernlab._core.namespace import is_foreign, namespace_of, scalar
from kernlab.density import _cross_validation, _plugin
from kernlab.density._covariance import (
    Bandwidth,
    bandwidth_from,
    check_positive,
    covariance_of,
    effective_sample_size,
    kept_or_drawn,
    kernel_deviation,
    number_bandwidth,
    rows_of_weight,
    silverman_factor,
    spread_of,
)
from kernlab.density._improved_sheather_jones import bandwidth_isj
from kernlab.density._thresholds import kde_thresholds
from kernlab.exceptions import SingularCovarianceError

logger = logging.getLogger("kernlab.density")

#: Features up to which there is a plug-in matrix: its functionals number 462 in six features.
_MOST_FEATURES = 6
#: Pairs times functionals that 'auto' spends on a plug-in matrix, some five seconds of one thread;
#: with more rows the functionals are estimated from a sample of them.
_AUTO_WORK = 1e9


def select(rule, X, weights, profile, *, n_jobs, verbose):
    """The bandwidth that the selector ``rule`` (or ``'auto'``) finds for the points ``X``.

    ``weights`` is None or one weight to each row; ``profile`` is the kernel's.
    """
    most_work = np.inf
    if rule == "auto":
        rule, most_work = _choose(X, weights, profile), _AUTO_WORK
        logger.info("bandwidth='auto' takes %r", rule)
    if rule in ("plugin", "scv"):
        return _plugin_matrix(rule, X, weights, profile, n_jobs, verbose, most_work)
    return SELECTORS[rule](rule, X, weights, profile, n_jobs, verbose)


def _choose(X, weights, profile):
    """By measured error: see the user guide."""
    n_features = X.shape[1]
    if is_foreign(X) or n_features > _MOST_FEATURES:
        return "lcv"
    if n_features == 1:
        return "isj"
    try:
        spread_of("auto", X, weights)
    except SingularCovarianceError:
        return "lcv"
    return "plugin"


def _isj(rule, X, weights, profile, n_jobs, verbose):
    if X.shape[1] > 1:
        raise ValueError(
            f"bandwidth='isj' is for one feature and X has {X.shape[1]}: the bandwidths of the "
            "features one by one do not make a bandwidth of them together. Use 'plugin' or 'lcv'."
        )
    _refuse_foreign(rule, X)
    h = bandwidth_isj(np.asarray(X, dtype=np.float64)[:, 0], weights)
    return number_bandwidth(h / kernel_deviation(profile, 1), 1, rule)


def _plugin_matrix(rule, X, weights, profile, n_jobs, verbose, most_work=np.inf):
    _refuse_foreign(rule, X)
    n_features = X.shape[1]
    if n_features > _MOST_FEATURES:
        raise ValueError(
            f"bandwidth={rule!r} is for up to {_MOST_FEATURES} features and X has {n_features}: "
            "its functionals grow as the sixth power of their number. Use bandwidth='lcv'."
        )
    spread = spread_of(rule, X, weights)
    sphered, root = spread.sphered()
    weights = spread.weights
    most_rows = int((most_work / math.comb(n_features + 5, 6)) ** 0.5) if most_work < np.inf else 0
    if most_rows > 0:
        sphered, weights = kept_or_drawn(sphered, weights, most_rows)
    within = _plugin.cluster_root(sphered, weights)
    if within is not None:
        sphered, root = np.linalg.solve(within, sphered.T).T, root @ within
    points = _plugin.points_of(sphered, weights, n_jobs=n_jobs, verbose=verbose)
    if rule == "plugin":
        H = _plugin.plugin_matrix(points, spread.n_eff)
    else:
        H = _plugin.smoothed_cross_validation_matrix(points)
    H = root @ H @ root.T
    return _number(bandwidth_from(rule, (H + H.T) / 2, spread.span, profile))


def _least_squares(rule, X, weights, profile, n_jobs, verbose):
    X, weights = distinct_rows(rule, X, weights)
    spread = spread_of(rule, X, weights)
    sphered, _ = spread.sphered()
    data = _cross_validation.RoundPoints(sphered, spread.weights, n_jobs, verbose)
    start = silverman_factor(spread.n_eff, X.shape[1])
    factor = _cross_validation.least_squares_bandwidth(data, start)
    return _number(bandwidth_from(rule, spread.covariance * factor**2, spread.span, profile))


def _likelihood(rule, X, weights, profile, n_jobs, verbose):
    """The better of two shapes: the covariance of the data, where it has an inverse, and a ball."""
    X, weights = distinct_rows(rule, X, weights)
    xp = namespace_of(X)
    n_samples, n_features = X.shape
    start = silverman_factor(n_samples, n_features)
    start /= kernel_deviation(profile, n_features)

    def best(points, log_volume):
        data = _cross_validation.RoundPoints(points, weights, n_jobs, verbose)
        h, value = _cross_validation.likelihood_bandwidth(data, profile.name, start)
        return value - log_volume, h

    low, high = xp.min(X, axis=0), xp.max(X, axis=0)
    scale = scalar(xp.max(high / 2 - low / 2))
    check_positive(np.float64(scale))
    points = (X - low[None, :]) / scale
    deviation = scalar(xp.mean(xp.std(points, axis=0) ** 2)) ** 0.5
    value, h = best(points / deviation, n_features * (np.log(scale) + np.log(deviation)))
    found = number_bandwidth(h * deviation * scale, n_features, rule)
    if n_features == 1:
        return found
    try:
        spread = spread_of(rule, X, weights)
    except SingularCovarianceError:
        return found
    sphered, root = spread.sphered()
    log_volume = float(np.sum(np.log(np.diag(root))) + np.sum(np.log(spread.span)))
    other, factor = best(sphered, log_volume)
    if other <= value:
        return found
    root = root * factor * spread.span[:, None]
    check_positive(np.diag(root))
    return Bandwidth(root @ root.T, root, float(np.sum(np.log(np.diag(root)))), rule)


def _divergence(rule, X, weights, profile, n_jobs, verbose):
    """Optimum of the Kullback-Leibler divergence for normal data in many dimensions."""
    if profile.bounded:
        raise ValueError(
            f"bandwidth='kl' is for kernels that never vanish, and kernel={profile.name!r} gives "
            "an infinite divergence at every bandwidth; give bandwidth as a number."
        )
    if weights is not None:
        X, weights = rows_of_weight(X, weights)
    n_samples, n_features = X.shape
    if n_samples < 2:
        raise ValueError(
            "bandwidth='kl' needs the covariance of at least two samples of positive weight, got "
            "n_samples=1; give bandwidth as a number."
        )
    xp = namespace_of(X)
    X = xp.astype(X, xp.float64, copy=False)
    low, high = xp.min(X, axis=0), xp.max(X, axis=0)
    # In units of the widest span nothing overflows, and an offset cancels first.
    scale = scalar(xp.max(high / 2 - low / 2))
    if not scale > 0:
        raise SingularCovarianceError(
            "bandwidth='kl' needs data that varies, and all rows of X are the same; give bandwidth "
            "as a number."
        )
    covariance = covariance_of((X - low[None, :]) / scale, weights)
    # Rounding leaves eigenvalues of dependent columns on either side of zero.
    eigvals = np.maximum(np.linalg.eigvalsh(covariance), 0.0)
    alpha = math.log(effective_sample_size(n_samples, weights)) / n_features
    limits = kde_thresholds(alpha, eigvals=eigvals, kernel=profile.name, n_features=n_features)
    return number_bandwidth(limits.h_kl * scale, n_features, rule)


#: The selectors by their names in ``KernelDensity(bandwidth=name)``.
SELECTORS = {
    "isj": _isj,
    "kl": _divergence,
    "lcv": _likelihood,
    "lscv": _least_squares,
    "plugin": _plugin_matrix,
    "scv": _plugin_matrix,
}


def distinct_rows(rule, X, weights):
    """Rows of weight in float64, equal ones as one of their total weight.

    Else leaving out a row would leave its twin in, whose density is unbounded as ``h`` falls.
    Arrays of other libraries keep their repeated rows.
    """
    if weights is not None:
        X, weights = rows_of_weight(X, weights)
    xp = namespace_of(X)
    X = xp.astype(X, xp.float64)
    if not is_foreign(X):
        rows, place = np.unique(X, axis=0, return_inverse=True)
        if len(rows) < len(X):
            X, weights = rows, np.bincount(np.ravel(place), weights)
    if X.shape[0] < 2 or (weights is not None and scalar(xp.max(weights / xp.sum(weights))) >= 1):
        raise ValueError(
            f"bandwidth={rule!r} leaves out each row in turn and needs two different rows of "
            "positive weight, got one (effectively n_samples=1); give bandwidth as a number."
        )
    return X, weights


def _refuse_foreign(rule, X):
    if is_foreign(X):
        raise ValueError(
            f"bandwidth={rule!r} computes on NumPy arrays only, and X is of "
            f"{namespace_of(X).__name__}. Select on a copy of the data, or of a sample, as NumPy "
            "array and give the result as a number or matrix; or use bandwidth='lcv'."
        )


def _number(bandwidth):
    """In one dimension a float, not a matrix."""
    if bandwidth.root.size > 1:
        return bandwidth
    h = float(bandwidth.root[0, 0])
    return bandwidth._replace(value=h, root=h)

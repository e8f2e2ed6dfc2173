"""From the ``bandwidth`` parameter to the root of the bandwidth matrix."""

# References: Scott, *Multivariate Density Estimation*, 1992; Silverman, *Density Estimation for
# Statistics and Data Analysis*, 1986.

import numpy as np

from kernlab._core.namespace import to_numpy
from kernlab.density._covariance import (
    Bandwidth,
    bandwidth_from,
    check_positive,
    number_bandwidth,
    silverman_factor,
    spread_of,
)
from kernlab.density._selectors import SELECTORS, select

#: Names of all rules and selectors.
NAMES = frozenset({"scott", "silverman", "auto", *SELECTORS})


def resolve_bandwidth(bandwidth, X, weights, profile, *, n_jobs=None, verbose=0):
    """Resolve ``bandwidth`` for the points ``X``.

    Parameters
    ----------
    bandwidth : float, array-like or one of NAMES
    X : (n, d) array of any namespace
    weights : (n,) array of the same namespace, or None
    profile : KernelProfile
        Data-driven bandwidths match the kernel's standard deviation to the Gaussian's, but for
        ``'lcv'``, which is the kernel's own.
    n_jobs, verbose
        For the selectors that sum over pairs.
    """
    n_features = X.shape[1]
    if isinstance(bandwidth, str):
        if bandwidth in ("scott", "silverman"):
            return _rule_of_thumb(bandwidth, X, weights, profile)
        return select(bandwidth, X, weights, profile, n_jobs=n_jobs, verbose=verbose)
    value = to_numpy(bandwidth)
    if np.iscomplexobj(value):
        raise ValueError(f"bandwidth={bandwidth!r} is complex; give real numbers.")
    if value.ndim == 0:
        return number_bandwidth(float(value), n_features)
    try:
        value = value.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"bandwidth={bandwidth!r} is not numeric ({error}).") from error
    if value.shape == (n_features,):
        check_positive(value)
        return Bandwidth(value.copy(), value.copy(), float(np.sum(np.log(value))))
    if value.shape == (n_features, n_features):
        return _from_matrix(value)
    raise ValueError(
        f"bandwidth has shape {value.shape} and X has {n_features} features; give a float, "
        f"{n_features} standard deviations, or a matrix of shape {(n_features, n_features)}."
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


def _rule_of_thumb(rule, X, weights, profile):
    """Scott's or Silverman's factor times the data's own covariance, as in SciPy."""
    spread = spread_of(rule, X, weights)
    n_features = len(spread.span)
    if rule == "scott":
        factor = spread.n_eff ** (-1.0 / (n_features + 4))
    else:
        factor = silverman_factor(spread.n_eff, n_features)
    return bandwidth_from(rule, spread.covariance * factor**2, spread.span, profile)

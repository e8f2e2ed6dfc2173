"""What rounding may cost in a log sum, and who must be computed with more care.

Written once for compiled and for array code.
"""

import numpy as np
from scipy.linalg.lapack import dtrcon

from kernlab._core.namespace import namespace_of
from kernlab.kernels._profiles import profile_of

_EPS = float(np.finfo(np.float64).eps)
_EPS32 = float(np.finfo(np.float32).eps)
#: What double precision promises of a log sum, relative to ``max(1, |log sum|)``.
ROUNDING = 1e-12
#: What ``precision='mixed'`` promises, relative to ``max(1, |log sum|)``.
MIXED_TOLERANCE = 1e-4
#: Squares of larger coordinates near the overflow of float32.
LARGEST_SINGLE = 1e17


def product_error(radius):
    """What ``(|q|² + |x|² - 2 q·x) / 2`` errs by, for queries among points of this radius.

    Farther queries err relatively, as the sum itself does.
    """
    return 2 * _EPS * radius**2


def product_is_safe(radius):
    """Whether squared distances from matrix products keep the promise of double precision."""
    return product_error(radius) <= ROUNDING


def too_coarse(sources, log_sums, reach, *, by_product):
    """Where single-precision tables may miss the tolerance of ``precision='mixed'``.

    ``reach`` is the query's distance from the centre plus the radius of the points: coordinates of
    that size err by ε₃₂/2, distances by ε₃₂·reach, and squared distances from a matrix product by
    2ε₃₂·reach². What multiplies a distance's error is the slope of the kernel's logarithm; for the
    Gaussian the root of twice the energy, whose mean under the terms' own weights is at most
    log(total weight) - log(sum).
    """
    profile = profile_of(sources.kernel)
    if by_product:
        error = _EPS32 * reach**2
    elif profile.steepest is None:
        error = _EPS32 * reach * (2 * abs(sources.log_total_weight - log_sums)) ** 0.5
    else:
        error = _EPS32 * reach * profile.steepest(*profile.parameters(len(sources.centre)))
    return ~(error <= MIXED_TOLERANCE * abs(log_sums)) & ~(error <= MIXED_TOLERANCE)


def rate_of(sources):
    """Rounding of a log sum, relative to ``max(1, |log sum|)``."""
    mixed = getattr(sources, "mixed", False) or getattr(sources, "single", None) is not None
    rate = MIXED_TOLERANCE if mixed else ROUNDING
    if np.ndim(sources.root) < 2:
        return rate
    # Solving with a Cholesky factor of the matrix H costs its condition number; the estimate from
    # the triangle is O(d²), so that every call may ask.
    reciprocal, _ = dtrcon(sources.root, uplo="L")
    return rate + _EPS / reciprocal**2


def rounding_of(sources, log_sums):
    """What rounding may have moved each log sum by."""
    xp = namespace_of(log_sums)
    finite = xp.isfinite(log_sums)
    log_sums = xp.where(finite, log_sums, xp.zeros_like(log_sums))
    size = xp.abs(log_sums)
    error = xp.where(size > 1, size, xp.ones_like(size)) * rate_of(sources)
    if not profile_of(sources.kernel).bounded:
        return error
    # Near the edge of support a value is all but zero while its rounding is that of coordinates:
    # the slope of no kernel of the table passes 4, and no weight the largest.
    edge = 8 * _EPS * (1 + min(sources.radius, 1e3)) * sources.n_points
    edge, log_scale = float(edge), getattr(sources, "log_scale", 0.0)
    return error + edge * xp.where(finite, xp.exp(log_scale - log_sums), xp.zeros_like(size))

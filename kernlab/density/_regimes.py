"""The regime of a fitted density estimate, measured by leaving points out, and its error bars."""

# References: Biroli and Mézard, *Kernel Density Estimators in Large Dimensions*, arXiv 2408.05807,
# for the regimes; `_thresholds` for their theory.

import math
import warnings
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_random_state

from kernlab._core.namespace import device_of, namespace_of, to_numpy
from kernlab.density._thresholds import _root, _steepness, _steepness_inverse, refuse_heavy_tails
from kernlab.exceptions import CondensedDensityWarning
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import log_kernel_sums, prepare_sources

# In radii of the data: so narrow a Gaussian's log sum is the squared distance of the nearest point,
# and the effective number of its terms counts the points that tie for it.
_NEAREST = 1e-20
# Fewer effective samples than this at a query, and the estimate of the variance is itself so poor
# that the interval falls short: measured, 95 % covered 92.5 to 96.5 % above, down to 86 % below.
_FEWEST = 100


@dataclass(frozen=True, eq=False, repr=False)
class DensityRegime:
    """What carries a density estimate, and so what may be said of its error.

    Made by :meth:`KernelDensity.regime`. Every row looked at is a query of the estimate from all
    the others; ``p_j`` is the share of point ``j`` in the sum there. Bandwidths are in the units of
    ``h_``: those of the data where the estimator's bandwidth is a number, and otherwise multiples
    of its ``bandwidth_``.

    Attributes
    ----------
    label_ : {'classical', 'between', 'condensed'}
        'classical' where ``h_ ≥ h_clt_``: the error at a point tends to a normal one. 'between':
        the estimate converges but its error is that of a stable law. 'condensed' where
        ``h_ < h_g_``: a few points carry it.
    alpha_ : float
        ``log(n) / n_features`` of the effective number of samples.
    h_ : float
        The bandwidth in use.
    h_g_ : float
        Where the estimate condenses: the index is 1. Twice the index there is where the mean
        of ``Σ p_j²`` is one half, which is what is measured.
    h_clt_ : float
        Where the index is 2. The same as ``h_g_`` for kernels of bounded support, where the error
        above is that of a count of points, normal when the count is large.
    h_kl_ : float
        Where the nearest point alone has the largest mean log density: near the bandwidth of the
        least Kullback-Leibler divergence in many dimensions, below it in few. NaN for kernels of
        bounded support, whose divergence is infinite.
    stable_index_ : float
        Index ``μ`` of the tail of the terms, in the large-dimensional limit. NaN for kernels of
        bounded support, whose terms have no tail.
    mean_p2_ : float
        Mean of ``Σ p_j²``, which is about ``1 - μ`` where ``μ < 1``.
    condensed_fraction_ : float
        Fraction of the rows at which ``Σ p_j² > 1/2``.
    n_eff_ : ndarray of shape (n_rows,)
        ``1 / Σ p_j²`` at each row; 0 where no other point is in the support.
    rows_ : ndarray of shape (n_rows,)
        Which rows of the data were looked at.
    kernel : str
    n_features : int
    in_multiples : bool
        Whether bandwidths are multiples of ``bandwidth_``.
    """

    label_: str
    alpha_: float
    h_: float
    h_g_: float
    h_clt_: float
    h_kl_: float
    stable_index_: float
    mean_p2_: float
    condensed_fraction_: float
    n_eff_: np.ndarray
    rows_: np.ndarray
    kernel: str
    n_features: int
    in_multiples: bool

    def __repr__(self):
        unit = " (multiples of bandwidth_)" if self.in_multiples else ""
        return "\n".join(
            (
                f"{self.label_}: {_MEANING[self.label_]}",
                f"  {self.kernel} kernel, {self.n_features} features, alpha {self.alpha_:.4g}",
                f"  bandwidth {self.h_:.4g}; h_kl {self.h_kl_:.4g}, h_g {self.h_g_:.4g}, "
                f"h_clt {self.h_clt_:.4g}{unit}",
                f"  stable index {self.stable_index_:.3g}, mean Σp² {self.mean_p2_:.3g}",
                f"  median effective samples {np.median(self.n_eff_):.4g}, one point has most of "
                f"the estimate at {self.condensed_fraction_:.0%} of rows",
            )
        )


_MEANING = {
    "classical": "the error at a point is normal, where many points carry it",
    "between": "the estimate converges, with an error that is not normal",
    "condensed": "a few points carry the estimate",
}


def measure_regime(estimator, max_queries, random_state):
    """The regime of a fitted :class:`KernelDensity`; see its method ``regime``."""
    if isinstance(max_queries, bool) or not isinstance(max_queries, Integral) or max_queries < 1:
        raise ValueError(f"max_queries={max_queries!r} is not a positive integer.")
    sources, kernel = estimator._sources, estimator._sources.kernel
    refuse_heavy_tails(kernel)
    rows, shares = _rows(estimator, max_queries, check_random_state(random_state))
    points, boundary = estimator._points(), estimator._boundary
    weights = estimator._weights if boundary is None else boundary.weights(estimator._weights)
    xp = namespace_of(points)
    queries = xp.take(points, xp.asarray(rows, device=device_of(points)), axis=0)

    def sums(factor, kernel):
        scaled = prepare_sources(points, kernel=kernel, root=sources.root * factor, weights=weights)
        options = {"n_jobs": estimator.n_jobs, "verbose": estimator.verbose}
        if boundary is None:
            log_sums = log_kernel_sums(scaled, rows=rows, with_effective=True, **options)
        else:
            log_sums = boundary.sums_and_terms(scaled, queries, own=rows, **options)
        return to_numpy(log_sums)

    def p2_of(effective):
        # A row out of reach of all others is carried by none: worse than by one.
        return np.divide(1.0, effective, out=np.ones_like(effective), where=effective > 0)

    @cache
    def p2_below_half(log_factor):
        return 0.5 - shares @ p2_of(sums(math.exp(log_factor), kernel)[1])

    d = estimator.n_features_in_
    if sources.radius == 0:
        raise ValueError(f"{_NO_REGIME}: all points are the same.")
    tiny = _NEAREST * sources.radius
    log_nearest, ties = sums(tiny, "gaussian")
    # A logarithm of weights alone, which is some hundreds at most, is a distance of zero.
    squared_nearest = np.where(log_nearest < -1e4, -2 * log_nearest, 0.0) * tiny**2
    mean_nearest = float(shares @ squared_nearest)
    if shares @ p2_of(ties) < 0.5 or mean_nearest == 0:
        raise ValueError(
            f"{_NO_REGIME}: most have equal ones. Drop the copies, or give their number as "
            "sample_weight."
        )
    typical = float(np.median(squared_nearest)) or mean_nearest
    if profile_of(kernel).bounded:
        start = math.log(typical) / 2
    else:
        start = (math.log(typical) - _steepness_inverse(kernel, d / 2)) / 2
    half = math.exp(_root(p2_below_half, start, tolerance=1e-3))

    effective = sums(1.0, kernel)[1]
    p2 = p2_of(effective)
    if profile_of(kernel).bounded:
        h_g = h_clt = half
        h_kl = index = math.nan
        label = "classical" if half <= 1 else "condensed"
    else:
        log_squared = math.log(mean_nearest)
        # The index is inversely proportional to the steepness at the nearest point.
        steepness = float(_steepness(kernel, log_squared - 2 * math.log(half)))
        index = steepness / 2 / float(_steepness(kernel, log_squared))
        h_g, h_clt, h_kl = (
            math.exp((log_squared - _steepness_inverse(kernel, target)) / 2)
            for target in (steepness / 2, steepness / 4, d / 2)
        )
        label = "classical" if index >= 2 else "between" if index >= 1 else "condensed"
    in_multiples = not isinstance(estimator.bandwidth_, float)
    unit = 1.0 if in_multiples else estimator.bandwidth_
    return DensityRegime(
        label_=label,
        alpha_=math.log(estimator.n_eff_) / d,
        h_=unit,
        h_g_=h_g * unit,
        h_clt_=h_clt * unit,
        h_kl_=h_kl * unit,
        stable_index_=index,
        mean_p2_=float(shares @ p2),
        condensed_fraction_=float(shares @ (p2 > 0.5)),
        n_eff_=effective,
        rows_=rows,
        kernel=kernel,
        n_features=d,
        in_multiples=in_multiples,
    )


_NO_REGIME = "the regime of a density estimate needs points that differ"


def _rows(estimator, max_queries, rng):
    """Rows to look at, of positive weight, and the share of each in a mean."""
    weights = estimator._weights
    weights = np.ones(estimator._sources.n_points) if weights is None else to_numpy(weights)
    weights = weights / weights.max()
    total, squares = np.sum(weights) - weights, np.sum(weights**2) - weights**2
    rows = np.flatnonzero(weights > 0)
    # As the bandwidth grows, the shares tend to those of the weights.
    flat = np.divide(squares, total**2, out=np.ones_like(total), where=total > 1e-8)
    if not np.average(flat, weights=weights) < 0.5:
        raise ValueError(
            "the regime of a density estimate needs at least four samples, of weights not carried "
            f"by one; got n_samples={len(weights)}, effectively {estimator.n_eff_:.3g}."
        )
    if len(rows) > max_queries:
        rows = np.sort(rng.choice(rows, max_queries, replace=False))
    return rows, weights[rows] / np.sum(weights[rows])


def warn_if_condensed(regime):
    """Warn where a few points carry the estimate."""
    if regime.label_ == "condensed":
        _warn(regime, "Look at effective_samples before trusting a value")


def _warn(regime, advice):
    index = (
        "" if math.isnan(regime.stable_index_) else f" (stable index {regime.stable_index_:.2g})"
    )
    warnings.warn(
        f"the estimate is in the {regime.label_} regime{index}: {_MEANING[regime.label_]}. "
        f"{advice}; the normal regime begins at {regime.h_clt_ / regime.h_:.3g} times the "
        "bandwidth.",
        CondensedDensityWarning,
        stacklevel=4,
    )


def log_density_interval(log_sums, n_points_eff, log_normalizer, confidence, regime):
    """Normal intervals of a log density, NaN where the error is not normal.

    Parameters
    ----------
    log_sums : (2, m) array
        Log sums and effective samples at the queries.
    n_points_eff : float
        Effective number of all points.
    log_normalizer : float
        What the log sums are more than the log density.
    confidence : float
    regime : DensityRegime
    """
    xp = namespace_of(log_sums)
    log_density, effective = log_sums[0, ...] - log_normalizer, log_sums[1, ...]
    normal = effective >= _FEWEST
    if regime.label_ != "classical":
        _warn(regime, "No interval is given (NaN)")
        normal = xp.zeros_like(normal)
    # Relative variance of a mean of n terms, from their squares: Σt²/(Σt)² - 1/n, times n/(n-1).
    safe = xp.where(normal, effective, xp.ones_like(effective))
    variance = (1 / safe - 1 / n_points_eff) / (1 - 1 / n_points_eff)
    # Terms that are all alike leave a rounding, of either sign.
    half_width = float(ndtri((1 + confidence) / 2)) * xp.sqrt(
        xp.maximum(variance, xp.zeros_like(variance))
    )
    unknown = xp.full_like(log_density, xp.nan)
    interval = xp.stack([log_density - half_width, log_density + half_width], axis=1)
    return xp.where(normal[:, None], interval, unknown[:, None])


def check_confidence(confidence):
    if not isinstance(confidence, Real) or not 0 < float(confidence) < 1:
        raise ValueError(f"confidence={confidence!r} is not a number between 0 and 1.")

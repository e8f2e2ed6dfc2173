"""Bandwidths of conditional densities, by leave-one-out likelihood."""

# Reference: Hall, Racine and Li, *Cross-Validation and the Estimation of Conditional Probability
# Densities*, Journal of the American Statistical Association, 2004 (there by least squares).

import math
import warnings

import numpy as np
from scipy.optimize import minimize

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.density._covariance import check_positive, effective_sample_size
from kernlab.density._selectors import distinct_rows
from kernlab.exceptions import BandwidthWarning, SingularCovarianceError
from kernlab.kernels._shares import TABLE_PAIRS

# Rows left out in turn; each is estimated from all the others.
MOST_ROWS = 2000
# In standard deviations of the columns. The upper end smooths a feature out of the estimate.
_NARROWEST, _WIDEST = 1e-4, 1e3
# Where the second search begins: features that hardly count.
_WIDE_START = 2.0


def conditional_bandwidth(rule, X, y, weights, *, n_jobs, verbose):
    """Widths of the features and of the targets by ``rule``, 'lcv' or 'scott'."""
    n_features = X.shape[1]
    table = np.column_stack([X, y])
    if rule == "lcv":
        table, weights = distinct_rows(rule, table, weights)
        # In one order whatever the rows', so that the search takes the same steps.
        order = np.lexsort(table.T)
        table = table[order]
        weights = np.ones(len(table)) if weights is None else weights[order]
    if len(table) < 2:
        raise ValueError(
            f"bandwidth={rule!r} needs at least two samples of positive weight, got n_samples=1; "
            "give bandwidth as a number."
        )
    spread = _spreads(rule, table, weights, n_features)
    d = table.shape[1]
    scott = effective_sample_size(len(table), weights) ** (-1.0 / (d + 4))
    if rule == "scott":
        widths = scott * spread
    else:
        low = table.min(axis=0)
        units = (table - low) / spread
        widths = _likeliest(units, n_features, weights, scott, n_jobs, verbose) * spread
    check_positive(widths)
    return widths


def _spreads(rule, table, weights, n_features):
    """Standard deviation of each column, 1 for features that are constant and so count nothing."""
    low = table.min(axis=0)
    with np.errstate(over="ignore"):
        span = table.max(axis=0) - low
    constant = span == 0
    if constant[n_features:].any():
        raise SingularCovarianceError(
            f"bandwidth={rule!r} needs targets that vary, and target "
            f"{int(np.flatnonzero(constant[n_features:])[0])} of y is constant; give bandwidth as "
            "numbers."
        )
    span = np.where(constant, 1.0, span)
    check_positive(span)
    units = (table - low) / span
    mean = np.average(units, axis=0, weights=weights)
    deviation = np.sqrt(np.average(np.square(units - mean), axis=0, weights=weights))
    return np.where(constant, 1.0, deviation) * span


def _likeliest(units, n_features, weights, scott, n_jobs, verbose):
    """Widths, in units of the columns, of the largest leave-one-out conditional likelihood."""
    n, d = units.shape
    rows = np.arange(n)
    if n > MOST_ROWS:
        # Which rows makes no matter, but the same data must give the same bandwidth.
        rows = np.sort(np.random.default_rng(0).choice(n, MOST_ROWS, replace=False))
    share = weights / weights.max()
    # By logarithms: a quotient of weights may underflow.
    log_weights = np.log(weights) - np.log(weights.max())
    counted = share[rows] / np.sum(share[rows])

    def criterion(log_widths):
        return _negative_likelihood(
            log_widths, units, n_features, log_weights, rows, counted, n_jobs, verbose
        )

    bounds = [(math.log(_NARROWEST), math.log(_WIDEST))] * d
    searches = []
    for feature_width in (scott, _WIDE_START):
        start = np.full(d, math.log(scott))
        start[:n_features] = math.log(feature_width)
        searches.append(
            minimize(
                criterion, start, jac=True, method="L-BFGS-B", bounds=bounds,
                options={"ftol": 1e-8, "gtol": 1e-5},
            )
        )  # fmt: skip
    best = min(searches, key=lambda found: found.fun)
    if (best.x <= bounds[0][0] * (1 - 1e-9)).any():
        warnings.warn(
            "bandwidth='lcv' finds no largest leave-one-out likelihood: it grows without bound as "
            "a bandwidth falls, as it does where values are repeated. Give bandwidth as numbers, "
            "or 'scott'.",
            BandwidthWarning,
            stacklevel=2,
        )
    return np.exp(best.x)


def _negative_likelihood(
    log_widths, units, n_features, log_weights, rows, counted, n_jobs, verbose
):
    """Minus the mean of ``log f_-i(y_i | x_i)`` less a constant, and its gradient."""
    scaled = units * np.exp(-log_widths)
    n, d = scaled.shape
    values, slopes = np.empty(len(rows)), np.empty((len(rows), d))

    def work(part):
        own = rows[part]
        squares = [np.square(scaled[own, k][:, None] - scaled[:, k]) for k in range(d)]
        near = log_weights - sum(squares[:n_features]) / 2
        near[np.arange(len(own)), own] = -np.inf
        both = near - sum(squares[n_features:]) / 2
        near, log_near = _shares(near)
        both, log_both = _shares(both)
        values[part] = log_both - log_near
        for k in range(d):
            weight = both - near if k < n_features else both
            slopes[part, k] = np.einsum("ij,ij->i", weight, squares[k])

    run_slices(
        work,
        len(rows),
        slice_size=max(1, TABLE_PAIRS // n),
        n_jobs=effective_n_jobs(n_jobs),
        verbose=verbose,
        label="conditional likelihood",
    )
    targets = np.arange(d) >= n_features
    value = counted @ values - np.sum(log_widths[targets])
    return -value, -(counted @ slopes - targets)


def _shares(log_terms):
    """Shares of the terms of each row, in place, and the logarithms of the sums."""
    peak = np.max(log_terms, axis=1, keepdims=True)
    log_terms -= peak
    # What is below e⁻⁶⁰ of the largest counts nothing, but subnormal numbers cost tenfold.
    np.maximum(log_terms, -60.0, out=log_terms)
    np.exp(log_terms, out=log_terms)
    total = np.sum(log_terms, axis=1, keepdims=True)
    log_terms /= total
    return log_terms, (peak + np.log(total))[:, 0]

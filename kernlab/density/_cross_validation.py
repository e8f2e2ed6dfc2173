"""Cross-validated bandwidths: one number that scales a given shape.

Points come in coordinates in which the kernel is round, so a bandwidth is one number ``h``. For the
Gaussian the criteria at ``h, h/√2, h/2, …`` are read off the sums of one ladder; a second ladder in
between them and a polynomial through both locate the optimum.
"""

# References: Duin, *On the choice of smoothing parameters for Parzen estimators*, 1976; Bowman,
# *An alternative method of cross-validation*, 1984; Hall and Marron, *Local minima in
# cross-validation functions*, 1991.

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from scipy.optimize import minimize_scalar

from kernlab._core.namespace import device_of, namespace_of, to_numpy
from kernlab.exceptions import BandwidthWarning
from kernlab.kernels._ladder import log_kernel_sums_ladder
from kernlab.kernels._sums import log_kernel_sums, prepare_sources

# Eight levels are one pass of the ladder. Twelve passes reach a factor 10¹⁴ down.
_LEVELS, _MOST_PASSES = 8, 12
_OCTAVE = math.log(2.0)


class RoundPoints(NamedTuple):
    """Points on which the kernel is round, their weights (None: equal), and how to compute."""

    points: Any
    weights: Any
    n_jobs: int | None
    verbose: int

    def share(self):
        xp = namespace_of(self.points)
        n = self.points.shape[0]
        if self.weights is None:
            return xp.full((n,), 1.0 / n, dtype=xp.float64, device=device_of(self.points))
        share = self.weights / xp.max(self.weights)
        return share / xp.sum(share)

    def sources(self, kernel, h):
        return prepare_sources(self.points, kernel=kernel, root=h, weights=self.weights)

    def log_scale(self):
        """What log sums exceed those of shares by."""
        if self.weights is None:
            return math.log(self.points.shape[0])
        xp = namespace_of(self.weights)
        largest = float(xp.max(self.weights))
        return math.log(largest) + math.log(float(xp.sum(self.weights / largest)))


# --- Likelihood -----------------------------------------------------------------------------------


def likelihood_bandwidth(data, kernel, start):
    """The ``h`` of the largest leave-one-out likelihood, and its mean log likelihood.

    Parameters
    ----------
    data : RoundPoints
    kernel : str
    start : float
        Where to begin; the search goes on for as long as the likelihood rises.

    Notes
    -----
    The mean log likelihood lacks the kernel's normaliser, which is the same for all ``h``.
    """
    if kernel == "gaussian":
        return _likelihood_by_ladder(data, start)
    return _likelihood_by_evaluation(data, kernel, start)


def _log_likelihood(data, log_sums, h):
    """Mean of leave-one-out log densities; one row of log sums to each ``h``."""
    xp = namespace_of(log_sums)
    share = data.share()
    log_others = xp.log1p(-share) + data.log_scale()
    terms = share[None, :] * (log_sums - log_others[None, :])
    return to_numpy(xp.sum(terms, axis=1)) - data.points.shape[1] * np.log(h)


def _likelihood_by_ladder(data, start):
    def criterion(top):
        h = top * 2.0 ** (-np.arange(_LEVELS) / 2)
        log_sums = log_kernel_sums_ladder(
            data.sources("gaussian", top), n_levels=_LEVELS, n_jobs=data.n_jobs,
            verbose=data.verbose,
        )  # fmt: skip
        return h, -_log_likelihood(data, log_sums, h)

    h, values = criterion(2 * start)
    for _ in range(_MOST_PASSES):
        best = int(np.argmin(values))
        if best == 0:
            more_h, more = criterion(h[0] * 2.0 ** (_LEVELS / 2))
            h, values = np.append(more_h, h), np.append(more, values)
        elif best == len(h) - 1:
            more_h, more = criterion(h[-1] / math.sqrt(2))
            h, values = np.append(h, more_h), np.append(values, more)
        else:
            found, value = _polish(h, values, best, criterion)
            return found, -value
    raise _divergence()


def _likelihood_by_evaluation(data, kernel, start):
    def criterion(log_h):
        h = math.exp(log_h)
        log_sums = log_kernel_sums(
            data.sources(kernel, h), n_jobs=data.n_jobs, verbose=data.verbose
        )
        return -float(_log_likelihood(data, log_sums, h)[0])

    step = _OCTAVE / 2
    places = [math.log(start) + step * k for k in (-1, 0, 1)]
    values = [criterion(place) for place in places]
    for _ in range(8 * _MOST_PASSES):
        best = int(np.argmin(values))
        # Where bounded kernels leave rows alone all values are infinite: wider.
        if values[best] == np.inf or best == len(values) - 1:
            places.append(places[-1] + step)
            values.append(criterion(places[-1]))
        elif best == 0:
            places.insert(0, places[0] - step)
            values.insert(0, criterion(places[0]))
        else:
            bracket = tuple(places[best - 1 : best + 2])
            found = minimize_scalar(criterion, bracket, method="golden", options={"xtol": 1e-4})
            return math.exp(found.x), -found.fun
    raise _divergence()


def _divergence():
    return ValueError(
        "bandwidth='lcv' finds no largest leave-one-out likelihood: it grows without bound as the "
        "bandwidth falls, as it does where every row is repeated. Give the distinct rows with "
        "their numbers as sample_weight, or use another selector."
    )


# --- Least squares --------------------------------------------------------------------------------


def least_squares_bandwidth(data, start):
    """The ``h`` that minimises an unbiased estimate of the integrated squared error, Gaussian.

    ``∫ρ̂² - 2 mean ρ̂_(-i)(x_i)``: the first is a sum at ``√2 h``, so neighbouring levels of one
    ladder give both. Of several local minima the one of largest ``h`` is taken: the others are
    mostly noise, and on rounded data the global one is at 0.
    """
    xp = namespace_of(data.points)
    d = data.points.shape[1]
    share = data.share()
    log_scale = data.log_scale()
    own = float(xp.sum(share * share))

    def criterion(top):
        wide = top * 2.0 ** ((1 - np.arange(_LEVELS)) / 2)
        log_sums = log_kernel_sums_ladder(
            data.sources("gaussian", wide[0]), n_levels=_LEVELS, n_jobs=data.n_jobs,
            verbose=data.verbose,
        )  # fmt: skip
        sums = xp.exp(log_sums - log_scale)
        norm = (2 * np.pi) ** (d / 2) * wide**d
        square = (to_numpy(xp.sum(share[None, :] * sums, axis=1)) + own) / norm
        left_out = to_numpy(xp.sum((share / (1 - share))[None, :] * sums, axis=1)) / norm
        return wide[1:], square[:-1] - 2 * left_out[1:]

    h, values = criterion(2 * start)
    if values[0] < values[1]:
        more_h, more = criterion(h[0] * 2.0 ** ((_LEVELS - 1) / 2))
        h, values = np.append(more_h, h), np.append(more, values)
    for _ in range(_MOST_PASSES // 2):
        minima = 1 + np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] < values[2:]))
        if minima.size:
            return _polish(h, values, int(minima[0]), criterion)[0]
        if values[0] < values[1]:
            break
        more_h, more = criterion(h[-1] / math.sqrt(2))
        h, values = np.append(h, more_h), np.append(values, more)
    warnings.warn(
        "bandwidth='lscv' finds no local minimum of the least-squares criterion; Silverman's rule "
        "is used. The criterion is noisy on few rows and falls to the end on heavily rounded data; "
        "use bandwidth='plugin' or 'lcv'.",
        BandwidthWarning,
        stacklevel=2,
    )
    return start


# --- Both -----------------------------------------------------------------------------------------


def _polish(h, values, best, criterion):
    """Minimum near level ``best``, by a polynomial through it and a ladder between the levels."""
    between, more = criterion(h[best] * 2.0 ** (_LEVELS // 2 / 2 - 0.25))
    place = np.log(np.append(h, between) / h[best])
    near = np.abs(place) < _OCTAVE + 1e-9
    curve = Polynomial.fit(place[near], np.append(values, more)[near], np.sum(near) - 1)
    step = _OCTAVE / 2
    found = minimize_scalar(
        lambda t: float(curve(t)), bounds=(-step, step), method="bounded", options={"xatol": 1e-8}
    )
    return float(h[best] * math.exp(found.x)), float(found.fun)

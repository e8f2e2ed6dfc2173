"""Posterior of a spectral mixture on long series: a grid in frequency, and a band in X.

A component of scale s is a Gaussian bump of the spectrum. Where it is narrow, a regular grid of
frequencies across it integrates it to rounding (the trapezoidal rule of a smooth function), so that
its covariance is an inner product of cosines and sines: low rank. Where it is wide, its covariance
reaches few neighbours: a band. Both leave out what is below 1e-13 of a component's weight, and
nothing is interpolated in ``X``: neither the frequencies nor the place of a query limit it.
"""

# References: Wilson, Nickisch, *Kernel interpolation for scalable structured Gaussian processes*,
# ICML 2015 (covariances through a grid); Greengard, Rachh, Barnett, *Equispaced Fourier
# representations for efficient Gaussian process regression from a billion data points*,
# SIAM/ASA J. Uncertainty Quantification 13, 2025 (the grid in frequency); Rasmussen, Williams,
# *Gaussian Processes for Machine Learning*, 2006, section 2.7 (the posterior of the weights).

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from kernlab._core.namespace import from_numpy, to_numpy
from kernlab.gp._spectral_mixture_evidence import Mixture, covariance, factor

# Deviations at which a Gaussian, of frequency or of distance, is cut: exp(-8²/2) is 1e-14.
_CUT = 8.0
# Rows and columns that are treated at once.
_ROWS, _COLUMNS, _QUERIES = 2048, 128, 256
# Of cosines and sines, and of numbers in the band: some gigabytes.
_MOST_FEATURES, _MOST_BAND = 8192, 1 << 28


def check_series(trend, d):
    """Refuse what a grid of frequencies cannot do, before the work."""
    if trend is not None:
        raise ValueError(f"solver='ski' has no explicit trend, got trend={trend!r}; give None.")
    if d != 1:
        raise ValueError(
            f"solver='ski' is for a series, X of one feature, and X has {d}; give solver='exact'."
        )


@dataclass(frozen=True)
class Waves:
    """Cosines and sines whose inner products are the covariance, up to the components' reach."""

    frequencies: np.ndarray  # (r,), of the grids, one after the other
    amplitudes: np.ndarray  # (r,)
    reach: np.ndarray  # (r,), of the component that a frequency belongs to

    @classmethod
    def of(cls, mixture):
        if not len(mixture.weights):
            return cls(*np.zeros((3, 0)))
        parts = []
        reaches, steps, first, last = _grids(mixture)
        for q, weight in enumerate(mixture.weights):
            # Cosines are even: a frequency and its negative are one, of both weights.
            k = np.arange(first[q], last[q] + 1)
            centre, scale = mixture.frequencies[q, 0], mixture.scales[q, 0]
            density = np.exp(-0.5 * ((k * steps[q] - centre) / scale) ** 2)
            size, place = np.unique(np.abs(k), return_inverse=True)
            shares = np.bincount(place, density)
            amplitudes = np.sqrt(weight * shares / np.sum(shares))
            parts.append((size * steps[q], amplitudes, np.full(len(size), reaches[q])))
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def __call__(self, x):
        """Table of (m, 2 r); zero where no datum within the unit interval is in reach."""
        phase = 2 * math.pi * np.multiply.outer(x, self.frequencies)
        seen = self.seen(x) * self.amplitudes
        return np.concatenate([seen * np.cos(phase), seen * np.sin(phase)], axis=1)

    def seen(self, x):
        return np.maximum(np.abs(x) - 0.5, 0.0)[:, None] <= self.reach


def _grids(mixture):
    """Of each component: how far it reaches, its step in frequency, first and last node."""
    f, s = mixture.frequencies[:, 0], mixture.scales[:, 0]
    reach = _CUT / (2 * math.pi * s)
    # The covariance repeats with the step's reciprocal: the copy stays out of reach of the data
    # (of extent one) and of queries that are themselves in reach of them.
    step = 1 / (1 + 2 * reach)
    first, last = np.ceil((f - _CUT * s) / step), np.floor((f + _CUT * s) / step)
    return reach, step, first.astype(np.int64), last.astype(np.int64)


def _select(mixture, kept):
    return Mixture(
        mixture.frequencies[kept], mixture.scales[kept], mixture.weights[kept], mixture.noise
    )


def _split(mixture, x):
    """The components of the grid, those of the band, and the band's width below the diagonal."""
    reach, _, first, last = _grids(mixture)
    features = 2 * (last - np.maximum(first, 0) + 1)
    widths = np.array(
        [np.max(np.searchsorted(x, x + r, side="right") - np.arange(len(x))) - 1 for r in reach]
    )
    short = widths < features
    width = int(np.max(widths[short], initial=0))
    if (width + 1) * len(x) > _MOST_BAND:
        short, width = np.zeros_like(short), 0
    rank = int(features[~short].sum())
    if rank > _MOST_FEATURES:
        widest = int(np.argmax(np.where(short, 0, features)))
        raise ValueError(
            f"The spectrum fitted takes {rank} cosines and sines and solver='ski' has room for "
            f"{_MOST_FEATURES}: a component of weight {mixture.weights[widest]:.2g} has a scale of "
            f"{mixture.scales[widest, 0]:.0f} cycles over the data, of {len(x)} points. Split the "
            "series into shorter ones, average neighbours, or give fewer components."
        )
    return _select(mixture, ~short), _select(mixture, short), width


@dataclass(frozen=True)
class GridPosterior:
    """A mixture conditioned on values at points of one feature, in NumPy.

    ``K = Φ Φᵀ + B``: Φ holds the waves, B the band and the noise. Of n points, r waves and a band
    of b, O(n (r² + b²)) time; O(r² + n b) memory.
    """

    waves: Waves
    slow: Mixture
    fast: Mixture
    x: np.ndarray  # (n,), sorted
    band: np.ndarray  # (b + 1, n), banded lower Cholesky factor of B
    root_inverse: np.ndarray  # (2r, 2r), lower: (I + Φᵀ B⁻¹ Φ)⁻¹ = root_inverseᵀ root_inverse
    coefficients: np.ndarray  # (2r,), posterior mean of the waves' weights
    alpha: np.ndarray  # (n,), K⁻¹ z
    jitter: float

    @classmethod
    def condition(cls, mixture, u, z):
        x, z = to_numpy(u)[:, 0], to_numpy(z)
        order = np.argsort(x, kind="stable")
        x, z = x[order], z[order]
        slow, fast, width = _split(mixture, x)
        waves, band = Waves.of(slow), _band(fast, x, width)
        solved = cho_solve_banded((band, True), z)
        if not len(slow.weights):
            nothing = np.zeros(0)
            return cls(waves, slow, fast, x, band, np.zeros((0, 0)), nothing, solved, 0.0)
        root_inverse, _, jitter = factor(_gram(waves, band, x), 1.0)
        coefficients = root_inverse.T @ (root_inverse @ _transposed(waves, x, solved))
        fitted = np.concatenate([waves(x[rows]) @ coefficients for rows in _chunks(len(x))])
        alpha = cho_solve_banded((band, True), z - fitted)
        return cls(waves, slow, fast, x, band, root_inverse, coefficients, alpha, jitter)

    def mean(self, points, basis=None):
        """Posterior mean at ``points`` (m, 1); there is no explicit mean, ``basis`` is None."""
        x = to_numpy(points)[:, 0]
        mean = np.concatenate([self._mean(x[rows]) for rows in _chunks(len(x), _QUERIES)])
        return from_numpy(mean, points)

    def covariance(self, points, basis=None, *, diagonal=False):
        """Posterior covariance of values at ``points``, noise included, or its diagonal."""
        x = to_numpy(points)[:, 0]
        noise = self.slow.noise
        if diagonal:
            rows = _chunks(len(x), _QUERIES)
            spread = np.concatenate([self._variance(x[row]) for row in rows]) + noise
        else:
            waves, told, root = self._parts(x, lambda a, b: a.T @ b)
            at = x[:, None]
            prior = covariance(self.slow, at, at) - waves @ waves.T + covariance(self.fast, at, at)
            spread = prior - told + root.T @ root + noise * np.eye(len(x))
        return from_numpy(spread, points)

    def _mean(self, x):
        mean = self.waves(x) @ self.coefficients
        return mean + self._cross(x) @ self.alpha if len(self.fast.weights) else mean

    def _variance(self, x):
        waves, told, root = self._parts(x, lambda a, b: np.sum(a * b, axis=0))
        # What waves out of reach leave of the prior, and the band less what neighbours tell.
        prior = np.sum(self.slow.weights) + np.sum(self.fast.weights) - np.sum(waves**2, axis=1)
        # Rounding may take it below zero; the noise stays.
        return np.maximum(prior - told + np.sum(root * root, axis=0), 0.0)

    def _parts(self, x, product):
        """Waves at queries; what the band's data tell, a ``product``; a root of what is left."""
        waves, told = self.waves(x), 0.0
        rest = waves.T
        if len(self.fast.weights):
            cross = self._cross(x).T
            solved = cho_solve_banded((self.band, True), cross)
            rest, told = rest - _transposed(self.waves, self.x, solved), product(cross, solved)
        return waves, told, self.root_inverse @ rest

    def _cross(self, x):
        """Covariance of the band's components between queries and data, (m, n)."""
        return covariance(self.fast, x[:, None], self.x[:, None])


def _chunks(n, step=_ROWS):
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _band(mixture, x, width):
    """Banded Cholesky factor of the short components and the noise."""
    table = np.zeros((width + 1, len(x)))
    for k in range(width + 1):
        lag = x[k:] - x[: len(x) - k]
        table[k, : len(lag)] = covariance(mixture, lag[:, None], np.zeros((1, 1)))[:, 0]
    table[0] += mixture.noise
    return cholesky_banded(table, lower=True, overwrite_ab=True, check_finite=False)


def _transposed(waves, x, values):
    """Φᵀ values, without Φ as a whole."""
    return sum(waves(x[rows]).T @ values[rows] for rows in _chunks(len(x)))


def _gram(waves, band, x):
    """Φᵀ B⁻¹ Φ."""
    if len(band) == 1:
        # B is a multiple of the identity: the stationary diagonal.
        tables = (waves(x[rows]) for rows in _chunks(len(x)))
        return sum(table.T @ table for table in tables) / band[0, 0] ** 2
    r = 2 * len(waves.frequencies)
    table = np.empty((r, r))
    for columns in _chunks(r, _COLUMNS):
        part = np.concatenate([waves(x[rows])[:, columns] for rows in _chunks(len(x))])
        table[:, columns] = _transposed(waves, x, cho_solve_banded((band, True), part))
    return 0.5 * (table + table.T)

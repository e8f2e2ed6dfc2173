"""Spectral lines of unevenly spaced data: detrending, Lomb-Scargle peaks, subtraction.

Points are in units of the data's span along each coordinate, centred, so that a frequency is a
number of cycles over the data.
"""

# References: Lomb, *Least-squares frequency analysis of unequally spaced data*, 1976; Scargle,
# *Studies in astronomical time series analysis II*, 1982; Press, Rybicki, *Fast algorithm for
# spectral analysis of unevenly sampled data*, 1989 (the transform on a grid); Högbom, *Aperture
# synthesis with a non-regular distribution of interferometer baselines*, 1974 (greedy subtraction).

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize

# Frequencies of the search in one resolution element, which is one cycle over the data.
_OVERSAMPLING = {1: 8, 2: 3}
# Points of the grid in a period of the highest frequency: linear spreading then errs by
# (pi / 16)²/3, 1 % of the amplitude.
_POINTS_A_PERIOD = 16
# The plane of two coordinates then has 180 000 frequencies, 0.1 s for a thousand points.
_MOST_CYCLES_IN_A_PLANE = 100
# Points whose waves along the axes of a plane are held at a time.
_BLOCK = 4096


@dataclass(frozen=True)
class Lines:
    """What the periodogram tells: lines in the order found, and what is left.

    ``frequencies`` is (n_lines, d) in cycles per span, not negative; ``powers`` (n_lines,) their
    variances; ``residual`` the variance left after each line, (n_lines + 1,); ``trend`` the
    variance of the polynomial.
    """

    frequencies: np.ndarray
    powers: np.ndarray
    residual: np.ndarray
    trend: float


def frequency_ceiling(u):
    """Highest frequency along each coordinate that the spacing of the points tells from others.

    Half the reciprocal of the median spacing of distinct values, the Nyquist frequency of a grid.
    Beyond one coordinate scattered points have as many distinct values as there are points: there,
    four times that of a grid of as many points, if this is less.
    """
    n, d = u.shape
    ceilings, distinct = np.empty(d), np.empty(d)
    for k, column in enumerate(u.T):
        values = np.unique(column)
        gaps = np.diff(values)
        # Equal values that differ by rounding are not a spacing.
        gaps = gaps[gaps > 1e-9]
        distinct[k] = len(gaps) + 1
        ceilings[k] = 0.5 / np.median(gaps) if len(gaps) else 0.5
    # A handful of pairs close together must not ask for a transform without end.
    ceilings = np.minimum(ceilings, 4.0 * n)
    on_a_grid = np.prod(distinct) <= 4.0 * n
    if d > 1 and not on_a_grid:
        ceilings = np.minimum(ceilings, 2.0 * n ** (1 / d))
    return np.maximum(ceilings, 0.5)


def detrended(u, z):
    """``z`` less the cubic polynomial of each coordinate that fits it best, and its variance."""
    n, d = u.shape
    # A polynomial of as many terms as there are points leaves nothing to look for.
    degree = min(3, (n - 1) // (3 * d))
    columns = [np.ones(n)]
    for column in u.T:
        columns.extend(np.polynomial.chebyshev.chebvander(2 * column, degree).T[1:])
    basis = np.stack(columns, axis=1)
    rest = z - basis @ np.linalg.lstsq(basis, z, rcond=None)[0]
    return rest, max(np.var(z) - np.var(rest), 0.0)


def find_lines(u, z, n_lines, ceiling):
    """The strongest lines of ``z`` at the points ``u``, one after the other.

    Parameters
    ----------
    u : array of shape (n, d)
        Points in spans.
    z : array of shape (n,)
        Values of unit scale.
    n_lines : int
        Most lines to find; fewer where nothing is left.
    ceiling : array of shape (d,)
        Highest frequencies to search, in cycles per span.

    Returns
    -------
    lines : Lines

    Notes
    -----
    Cost for one coordinate O(n + m log m) a line, for m = 128 ceiling grid points. In two the plane
    of both is searched, in O(n) for each of its frequencies, of which there are 18 times the
    product of the ceilings; in more, each coordinate alone, so that a wave oblique to them all is
    found only as far as it shows along one.
    """
    d = u.shape[1]
    groups = [[0, 1]] if d == 2 else [[k] for k in range(d)]
    periodograms = [(group, Periodogram.of(u[:, group], ceiling[group])) for group in groups]
    rest, trend = detrended(u, z)
    found, powers, residual = [], [], [np.var(rest)]
    for _ in range(n_lines):
        if residual[-1] <= 1e-12:
            break
        centred = rest - rest.mean()
        frequency = _refined(u, centred, _strongest(periodograms, centred, d), ceiling)
        basis = _wave(u, frequency)
        fitted = basis @ np.linalg.lstsq(basis, rest, rcond=None)[0]
        rest = rest - fitted
        found.append(np.abs(frequency))
        powers.append(np.var(fitted))
        residual.append(np.var(rest))
    frequencies = np.array(found).reshape(-1, d)
    return Lines(frequencies, np.array(powers), np.array(residual), float(trend))


def _wave(u, frequency):
    # Amplitudes that drift linearly: a line of finite width is not subtracted by a constant one.
    phase = 2 * np.pi * (u @ frequency)
    pair = np.stack([np.cos(phase), np.sin(phase)], axis=1)
    drift = (u @ (frequency != 0))[:, None]
    return np.hstack([pair, pair * drift])


def _strongest(periodograms, rest, d):
    """The frequency of greatest power in any of the periodograms, each of some coordinates."""
    best = (-np.inf, np.zeros(d))
    for group, periodogram in periodograms:
        axes = periodogram.axes
        # Below one cycle over the data it is trend.
        cycles = sum(np.abs(axis) for axis in np.meshgrid(*axes, indexing="ij"))
        power = np.where(cycles >= 1.0 - 1e-9, periodogram.power(rest), -np.inf)
        where = np.unravel_index(np.argmax(power), power.shape)
        if power[where] > best[0]:
            frequency = np.zeros(d)
            frequency[group] = [axis[i] for axis, i in zip(axes, where, strict=True)]
            best = (power[where], frequency)
    return best[1]


def _refined(u, rest, start, ceiling):
    """The frequency of the greatest exact least-squares power near that of the grid."""
    active = start != 0

    def unexplained(free):
        frequency = np.zeros_like(start)
        frequency[active] = free
        phase = 2 * np.pi * (u @ frequency)
        cosine, sine = np.cos(phase), np.sin(phase)
        cc, ss, cs = cosine @ cosine, sine @ sine, cosine @ sine
        return -_power(cosine @ rest, sine @ rest, cc, ss, cs)

    if not active.any():
        return start
    step = 1 / _OVERSAMPLING[min(u.shape[1], 2)]
    bounds = [
        (f - step, min(f + step, c)) if f > 0 else (max(f - step, -c), f + step)
        for f, c in zip(start[active], ceiling[active], strict=True)
    ]
    bounds = [(min(low, high), high) for low, high in bounds]
    result = minimize(
        unexplained,
        start[active],
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-4, "fatol": 1e-9, "maxiter": 60 * active.sum()},
    )
    frequency = np.zeros_like(start)
    frequency[active] = result.x
    return frequency


def _power(c, s, cc, ss, cs):
    """Sum of squares that a cosine and a sine explain, from their products with the data."""
    determinant = cc * ss - cs * cs
    both = (ss * c * c - 2 * cs * c * s + cc * s * s) / np.where(determinant > 0, determinant, 1)
    # At multiples of twice the spacing's reciprocal one of the two is zero at every point.
    one = np.where(cc >= ss, c * c / np.maximum(cc, 1e-300), s * s / np.maximum(ss, 1e-300))
    return np.where(determinant > 1e-9 * (cc + ss) ** 2, both, one)


@dataclass(frozen=True)
class Periodogram:
    """Lomb-Scargle powers of any values at the same points, of one or two coordinates.

    ``axes`` are the frequencies of each coordinate, in cycles per span: from zero for the first, of
    both signs for the second. What depends on the points alone is computed once.
    """

    axes: list
    transform: Callable  # of values (n,) to the table of Σ values exp(-2πi f·u)
    double: np.ndarray  # the transform of ones at twice the frequencies
    n: int

    @classmethod
    def of(cls, u, ceiling):
        """Periodogram of points ``u`` (n, d), d = 1 or 2, up to ``ceiling`` (d,)."""
        n, d = u.shape
        oversampling = _OVERSAMPLING[d]
        if d == 2:
            ceiling = np.minimum(ceiling, _MOST_CYCLES_IN_A_PLANE)
        counts = [int(np.floor(c * oversampling + 1e-6)) + 1 for c in ceiling]
        picks = [np.arange(counts[0])] + [np.arange(1 - m, m) for m in counts[1:]]
        axes = [pick / oversampling for pick in picks]
        if d == 2:
            double = _plane(u, [2 * axis for axis in axes], np.ones(n))
            return cls(axes, partial(_plane, u, axes), double, n)
        # Twice the ceiling, for the sums of cos² and sin².
        size = _grid_size(_POINTS_A_PERIOD * ceiling[0] * oversampling)
        along = partial(_line, u[:, 0], size, oversampling)
        return cls(axes, partial(along, picks[0]), along(2 * picks[0], np.ones(n)), n)

    def power(self, values):
        """Sum of squares of ``values`` (mean zero) that a wave of each frequency explains."""
        table = self.transform(values)
        cc, ss = (self.n + self.double.real) / 2, (self.n - self.double.real) / 2
        return _power(table.real, -table.imag, cc, ss, -self.double.imag / 2)


def _line(points, size, oversampling, pick, values):
    """The transform along one coordinate: values shared between two nodes of a grid, and FFT."""
    position = (points + 0.5) / oversampling * size
    lower = np.floor(position).astype(np.int64)
    share = position - lower
    table = np.bincount(lower % size, weights=values * (1 - share), minlength=size)
    table += np.bincount((lower + 1) % size, weights=values * share, minlength=size)
    return np.fft.fft(table)[pick % size]


def _grid_size(least):
    return 1 << int(np.ceil(np.log2(max(least, 16))))


def _plane(u, axes, values):
    """The transform in the plane, exactly: a wave is the product of one along each axis.

    As products of matrices the sums take less time than the transform of a grid that is fine enough
    to share the values among its nodes, which has 256 nodes for each pair of cycles.
    """
    table = np.zeros([len(axis) for axis in axes], dtype=complex)
    for start in range(0, len(u), _BLOCK):
        rows = slice(start, start + _BLOCK)
        first, second = (
            np.exp(-2j * np.pi * np.outer(column, axis))
            for column, axis in zip(u[rows].T, axes, strict=True)
        )
        table += (first * values[rows, None]).T @ second
    return table

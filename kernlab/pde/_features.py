"""Spectral-mixture features: Chebyshev envelopes on a trend and on lines, with exact derivatives.

A Gaussian process whose covariance is a mixture of smooth envelopes times cosines is, in the limit
of flat envelopes, a linear model in polynomials times {1, cos, sin}. Written in features and never
as a Gram matrix, it keeps every digit: a Gram matrix squares the condition number.
"""

from functools import lru_cache
from math import comb

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import jv

# Relative size of what a widened envelope may leave out of the lines that it stands for.
LEFT_OUT = 1e-14


@lru_cache(maxsize=64)
def _derivative_matrix(n_modes, order):
    """Chebyshev coefficients of the ``order``-th derivatives of T_0, T_1, …, one to a column."""
    return np.atleast_2d(chebyshev.chebder(np.eye(n_modes), order, axis=0))


def envelope(x, low, high, n_modes, order=0):
    """Derivatives of Chebyshev polynomials of the first kind, stretched to an interval.

    Parameters
    ----------
    x : array of shape (n,)
    low, high : float
        Ends of the interval.
    n_modes : int
        Polynomials T_0, …, T_{n_modes - 1}.
    order : int, default=0
        Derivative, with respect to x.

    Returns
    -------
    array of shape (n, n_modes)
    """
    if order >= n_modes:
        return np.zeros((len(x), n_modes))
    t = (2 * x - (low + high)) / (high - low)
    if order == 0:
        return chebyshev.chebvander(t, n_modes - 1)
    matrix = _derivative_matrix(n_modes, order)
    return chebyshev.chebvander(t, len(matrix) - 1) @ (matrix * (2 / (high - low)) ** order)


def modulated(x, low, high, frequency, n_modes, order=0):
    """Derivatives of envelope times cosine, then of envelope times sine, about the middle.

    Returns an array of shape (n, 2·n_modes); Leibniz' rule, exact but for rounding.
    """
    turn = np.exp(1j * frequency * (x - (low + high) / 2))
    total = np.zeros((len(x), n_modes), dtype=complex)
    for i in range(min(order, n_modes - 1) + 1):
        factor = comb(order, i) * (1j * frequency) ** (order - i)
        total += factor * envelope(x, low, high, n_modes, i)
    total *= turn[:, None]
    return np.hstack([total.real, total.imag])


def modes_for(phase, left_out=LEFT_OUT):
    """Chebyshev modes that write exp(i·phase·t) on [-1, 1] but for ``left_out`` of it."""
    # Coefficients are 2 J_k(phase), which fall faster than geometrically once k exceeds phase.
    k = np.arange(int(phase + 12 * np.cbrt(phase + 1)) + 12)
    return int(np.flatnonzero(2 * np.abs(jv(k, phase)) > left_out)[-1]) + 1


class SpectralMixtureFeatures:
    """Polynomial trend, and polynomial envelopes times the cosine and sine of each line.

    Lines so near each other, or so near the trend, that their envelopes would nearly span each
    other are joined in one band, about their middle, with a wider envelope.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    lines : array-like of shape (n_lines,)
        Angular frequencies, radians per unit, positive.
    envelope : int, default=14
        Chebyshev modes of the envelope of a single line. Fourteen write any line within half a bin,
        π / (high - low), to 1e-12.
    trend : int, default=16
        Chebyshev modes of the trend.
    merge : bool, default=True
        Whether to join lines in bands. Without, every line is a component of its own, which a
        Gaussian process can well have: its prior tells the components apart.

    Attributes
    ----------
    bands : list of (float, int)
        Middle and number of modes of every component after the trend.
    n_features : int
    n_components : int
        The trend, then the bands.
    component, degree : int arrays of shape (n_features,)
        To which component a feature belongs, and the degree of its envelope.
    frequencies : array of shape (n_features,)
        Angular frequency that each feature stands for: that of its band, and in the trend that of
        the polynomial's own swing, degree times π / (high - low).
    """

    def __init__(self, low, high, lines, *, envelope=14, trend=16, merge=True):
        low, high = float(low), float(high)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"low and high must be finite and low < high, got {low} and {high}.")
        lines = np.sort(np.atleast_1d(np.asarray(lines, dtype=float)).ravel())
        if not (np.isfinite(lines).all() and (lines > 0).all()):
            raise ValueError(
                f"lines must be positive finite frequencies, got {lines}; the trend has zero."
            )
        for name, value in (("envelope", envelope), ("trend", trend)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")
        self.low, self.high = low, high
        self.trend, self.bands = int(trend), [(float(line), int(envelope)) for line in lines]
        if merge:
            self._merge(lines, int(envelope))
        component, degree = [np.zeros(self.trend, int)], [np.arange(self.trend)]
        for q, (_, n_modes) in enumerate(self.bands, start=1):
            component.append(np.full(2 * n_modes, q))
            degree.append(np.tile(np.arange(n_modes), 2))
        self.component, self.degree = np.concatenate(component), np.concatenate(degree)
        middles = np.array([0.0] + [middle for middle, _ in self.bands])
        swing = self.degree * np.pi / (high - low)
        self.frequencies = np.where(self.component == 0, swing, middles[self.component])

    def _merge(self, lines, n_modes):
        # In radians per half length a polynomial of degree k swings at most by k.
        half = (self.high - self.low) / 2
        trend = self.trend
        groups: list = []
        for line in lines:
            if line * half < trend + n_modes and not groups:
                # Line times envelope is then a polynomial but for LEFT_OUT.
                trend = max(trend, modes_for(line * half) + n_modes - 1)
            elif groups and (line - groups[-1][-1]) * half < 2 * n_modes:
                groups[-1].append(line)
            else:
                groups.append([line])
        self.trend, self.bands = trend, []
        for group in groups:
            spread = (group[-1] - group[0]) / 2 * half
            wide = n_modes if len(group) == 1 else modes_for(spread) + n_modes - 1
            self.bands.append(((group[0] + group[-1]) / 2, wide))

    @property
    def n_features(self):
        return len(self.component)

    @property
    def n_components(self):
        return len(self.bands) + 1

    def features(self, x, order=0):
        """Exact derivative of every feature.

        Parameters
        ----------
        x : array-like of shape (n,)
        order : int, default=0

        Returns
        -------
        array of shape (n, n_features)
        """
        x = np.atleast_1d(np.asarray(x, dtype=float))
        out = np.empty((len(x), self.n_features))
        out[:, : self.trend] = envelope(x, self.low, self.high, self.trend, order)
        start = self.trend
        for middle, n_modes in self.bands:
            stop = start + 2 * n_modes
            out[:, start:stop] = modulated(x, self.low, self.high, middle, n_modes, order)
            start = stop
        return out

    def endpoint(self, end, order=0):
        """Derivative of every feature at the ``'low'`` or ``'high'`` end, shape (n_features,)."""
        return self.features([{"low": self.low, "high": self.high}[end]], order)[0]

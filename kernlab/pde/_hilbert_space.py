"""Sine eigenfunctions of an interval: the Hilbert-space factor of a Gaussian process."""

# Reference: Solin, Särkkä, *Hilbert space methods for reduced-rank Gaussian process regression*,
# Statistics and Computing 30, 2020.

import math

import numpy as np
from scipy import fft


class HilbertSpace:
    """Dirichlet eigenfunctions of the second derivative on an interval.

    ``features`` are √(2/L) sin(ω_k (x - low)) with ω_k = kπ/L, k = 1, 2, …; they vanish at both
    ends, are orthonormal on the interval and, on the uniform interior grid of as many nodes,
    orthogonal: their matrix there is a discrete sine transform divided by √step.

    Parameters
    ----------
    low, high : float
        Ends of the interval, finite, ``low < high``.
    n_features : int >= 1

    Attributes
    ----------
    frequencies : (n_features,) array
        Angular frequencies ω_k, in radians per unit of x.
    grid : (n_features,) array
        The uniform interior nodes ``low + j*step``.
    step : float
        ``(high - low)/(n_features + 1)``.

    Raises
    ------
    ValueError
        If the ends are not finite and in order, or ``n_features`` is below one.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde._hilbert_space import HilbertSpace
    >>> factor = HilbertSpace(0.0, 2.0, 5)
    >>> Phi = factor.features(factor.grid)
    >>> bool(np.allclose(Phi.T @ Phi, np.eye(5) / factor.step))
    True
    """

    def __init__(self, low, high, n_features):
        low, high = float(low), float(high)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"the interval must be finite with low < high, got ({low}, {high}).")
        if n_features < 1:
            raise ValueError(f"n_features must be at least 1, got {n_features}.")
        self.low, self.high, self.n_features = low, high, int(n_features)
        self.step = (high - low) / (n_features + 1)
        self.grid = low + self.step * np.arange(1, n_features + 1)
        self.frequencies = np.arange(1, n_features + 1) * (math.pi / (high - low))

    def features(self, x, order=0):
        """Derivatives of the eigenfunctions.

        Parameters
        ----------
        x : (n,) array
        order : int >= 0

        Returns
        -------
        (n, n_features) array
        """
        x = np.asarray(x, dtype=float)
        length = self.high - self.low
        # From the nearer end: near the upper one sin(kπt) would lose k·eps of absolute accuracy.
        upper = x > 0.5 * (self.low + self.high)
        t = np.where(upper, self.high - x, x - self.low) / length
        k = np.arange(1, self.n_features + 1)
        wave = (np.cos if order % 2 else np.sin)(np.pi * np.multiply.outer(t, k))
        # sin(kπ(1-t)) = -(-1)^k sin(kπt), cos(kπ(1-t)) = (-1)^k cos(kπt).
        mirror = np.where(k % 2, 1.0, -1.0) * (-1.0 if order % 2 else 1.0)
        wave = np.where(upper[..., None], wave * mirror, wave)
        sign = (1.0, 1.0, -1.0, -1.0)[order % 4]
        return sign * math.sqrt(2.0 / length) * wave * self.frequencies**order

    def endpoint(self, end, order=0):
        """Derivatives of the eigenfunctions at ``'low'`` or ``'high'``, shape (n_features,)."""
        if end not in ("low", "high"):
            raise ValueError(f"end must be 'low' or 'high', got {end!r}.")
        return self.features(np.array([getattr(self, end)]), order)[0]


def sine_transform(values, axes=(-1,)):
    """Orthonormal discrete sine transform of the first kind; it is its own inverse.

    Along a uniform interior grid it takes values of ``Σ w_k φ_k`` to ``w_k/√step``.
    """
    return fft.dstn(values, type=1, norm="ortho", axes=axes)

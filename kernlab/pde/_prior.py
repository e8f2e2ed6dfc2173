"""The fitted prior of a Gaussian process for a differential equation."""

from dataclasses import dataclass
from functools import reduce

import numpy as np


@dataclass(frozen=True)
class AxisMixture:
    """Spectral mixture along one coordinate.

    Attributes
    ----------
    frequencies : array of shape (n_components,)
        Angular frequency of each component, radians per unit; zero is the trend.
    weights : array of shape (n_components,)
        Prior variance of u at the middle of the box that the component has, all other axes
        included; components that share an axis with others count for each.
    scales : array of shape (n_components,)
        Length over which the component's envelope stays alike: √(k / -k″) of its covariance k at
        the middle of the box; infinite for a pure tone.
    spectrum : {'gaussian', 'student-t'}
        Shape of each line of the spectrum.
    """

    frequencies: np.ndarray
    weights: np.ndarray
    scales: np.ndarray
    spectrum: str = "gaussian"


def row_products(blocks):
    """Products of the columns of several (n, p_i) arrays, row by row: (n, Π p_i)."""
    return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), -1), blocks)


class TensorFeatures:
    """Products of one feature of each axis, the last axis fastest.

    Parameters
    ----------
    factors : list
        One for each axis, with ``features(x, order)`` and ``n_features``.
    """

    def __init__(self, factors):
        self.factors = list(factors)

    @property
    def n_features(self):
        return int(np.prod([factor.n_features for factor in self.factors]))

    def features(self, X, orders=None):
        """Derivatives of every product at the rows of X, shape (len(X), n_features)."""
        orders = (0,) * len(self.factors) if orders is None else orders
        return row_products(
            [
                factor.features(X[:, axis], order)
                for axis, (factor, order) in enumerate(zip(self.factors, orders, strict=True))
            ]
        )


class FittedPrior:
    """Covariance k(x, y) = Σ_i λ_i φ_i(x) φ_i(y) with the variances λ that the data chose.

    Parameters
    ----------
    basis : TensorFeatures
    variances : array of shape (n_features,)
        λ, in squared units of u.
    low, high : array-like of shape (d,)
        Corners of the box.
    axes : list of AxisMixture
        The same prior for a reader: weights, frequencies and scales along each axis.

    Notes
    -----
    For tests and pictures: n points cost a dense (n, n) matrix. The solver itself never forms one.
    """

    def __init__(self, basis, variances, low, high, axes):
        self.basis, self.variances, self.axes = basis, np.asarray(variances), list(axes)
        self.low, self.high = np.atleast_1d(low).astype(float), np.atleast_1d(high).astype(float)

    def check(self, X, name="X"):
        """X as a float array of shape (n, d) of points inside the box, or a ValueError."""
        X = np.asarray(X, dtype=float)
        d = len(self.low)
        if X.ndim != 2 or X.shape[1] != d:
            raise ValueError(
                f"{name} must have shape (n, {d}), one column for each coordinate of the box, "
                f"got {X.shape}."
            )
        if not np.isfinite(X).all():
            row = np.flatnonzero(~np.isfinite(X).all(axis=1))[0]
            raise ValueError(f"{name} must be finite, got {X[row]} in row {row}.")
        # Rounding may put the end of a grid just outside.
        middle, half = (self.low + self.high) / 2, (0.5 + 1e-9) * (self.high - self.low)
        outside = (np.abs(X - middle) > half).any(axis=1)
        if outside.any():
            row = np.flatnonzero(outside)[0]
            raise ValueError(
                f"{name} must lie in the box from {self.low} to {self.high}, got {X[row]} in row "
                f"{row}; the equation holds nowhere else."
            )
        return np.clip(X, self.low, self.high)

    def __call__(self, X, Y=None):
        """Covariance matrix of u at X and Y, shape (len(X), len(Y)); Y is X by default."""
        left = self.basis.features(self.check(X))
        right = left if Y is None else self.basis.features(self.check(Y, "Y"))
        return (left * self.variances) @ right.T

    def diag(self, X):
        """Variance of u at X, shape (len(X),)."""
        return self.basis.features(self.check(X)) ** 2 @ self.variances

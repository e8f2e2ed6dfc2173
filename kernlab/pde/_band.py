"""Spectral-mixture features made orthonormal: the factor of an axis whose data are a few lines."""

import numpy as np
import scipy.linalg as sl

from kernlab.pde._features import SpectralMixtureFeatures

# Directions of the frame below so much of the largest are rounding.
_RANK = 1e-13
# Samples for each feature: the projection on them is then as well conditioned as the integral.
_OVERSAMPLING = 3
_POINTS_PER_CELL = 16


class Band:
    """Polynomials, and polynomials times cosines and sines of given frequencies.

    They resolve a solution of any frequency with as many features as it has lines, times the
    degree of their envelopes: the samples they need are as few.

    Parameters
    ----------
    low, high : float
    lines : array of frequencies
    n_nodes : int, default=0
        Nodes at least; more of them average the rounding of the data.

    The other attributes are those of ``Legendre``.
    """

    is_polynomial, is_periodic = False, False

    def __init__(self, low, high, lines, *, n_nodes=0):
        self.low, self.high = float(low), float(high)
        self.lines = np.asarray(lines, dtype=float)
        self._frame = SpectralMixtureFeatures(low, high, lines)
        x, w = self._quadrature()
        left, sizes, right = sl.svd(
            self._frame.features(x) * np.sqrt(w)[:, None], full_matrices=False
        )
        kept = sizes > _RANK * sizes[0]
        self._combine = right[kept].T / sizes[kept]
        self.n_features = int(np.count_nonzero(kept))
        self._x, self._w = x, w
        self._on_rule = left[:, kept] / np.sqrt(w)[:, None]
        self.frequencies = np.sqrt(np.maximum(0.0, -np.diag(self.gram(2))))
        # One node at random in each of so many equal cells: regular ones would alias.
        m = max(n_nodes, _OVERSAMPLING * self.n_features)
        jitter = np.random.default_rng(0).random(m)
        self.nodes = self.low + (self.high - self.low) * (np.arange(m) + jitter) / m
        self._at_nodes: dict = {}

    def _quadrature(self):
        """Gauss rules on cells so short that products of two features are smooth on them."""
        top = 2 * np.max(self._frame.frequencies, initial=0.0) + 60 / (self.high - self.low)
        n_cells = int(np.ceil((self.high - self.low) * top / 8))
        t, w = np.polynomial.legendre.leggauss(_POINTS_PER_CELL)
        width = (self.high - self.low) / n_cells
        starts = self.low + width * np.arange(n_cells)
        return (starts[:, None] + width * (t + 1) / 2).ravel(), np.tile(w * width / 2, n_cells)

    def features(self, x, order=0):
        """Derivatives of the features at points ``x``, shape (n, n_features)."""
        return self._frame.features(np.asarray(x, dtype=float), order) @ self._combine

    def endpoint(self, end, order=0):
        """Derivatives at an end, shape (n_features,)."""
        return self._frame.endpoint(end, order) @ self._combine

    def at_nodes(self, order):
        """Derivatives of the features at the nodes; kept."""
        if order not in self._at_nodes:
            self._at_nodes[order] = self.features(self.nodes, order)
        return self._at_nodes[order]

    @property
    def projection(self):
        """From values at the nodes to coefficients, by least squares."""
        return np.linalg.pinv(self.at_nodes(0))

    def polynomials(self, n):
        """Raw coefficients of the first ``n`` Legendre polynomials."""
        t = (2 * self._x - self.low - self.high) / (self.high - self.low)
        values = np.polynomial.legendre.legvander(t, n - 1)
        return self._on_rule.T @ (values * self._w[:, None])

    def differentiate(self, coefficients, order):
        """Coefficients of the derivative of functions, columns of (n_features, n)."""
        return self.gram(order) @ coefficients if order else coefficients

    def gram(self, order):
        """Integrals of feature j times a derivative of feature k, (n_features, n_features)."""
        values = self._on_rule if order == 0 else self.features(self._x, order)
        return self._on_rule.T @ (values * self._w[:, None])

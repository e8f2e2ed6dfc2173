"""Sines and cosines of a period, orthonormal: the factor of a periodic axis."""

import numpy as np


class Fourier:
    """1, cos, sin, cos 2, sin 2, ... on [low, high), an odd number of them.

    The attributes are those of ``Legendre``; the nodes are equispaced, and the rule on them is
    exact for products of any two features.
    """

    is_polynomial, is_periodic = False, True

    def __init__(self, low, high, n_features):
        self.low, self.high = float(low), float(high)
        self.n_features = int(n_features) | 1
        length = self.high - self.low
        self.nodes = self.low + length / self.n_features * np.arange(self.n_features)
        self.weights = np.full(self.n_features, length / self.n_features)
        harmonics = (np.arange(self.n_features) + 1) // 2
        self.frequencies = 2 * np.pi / length * harmonics
        self._norms = np.sqrt(np.where(harmonics == 0, 1.0, 2.0) / length)
        self._at_nodes: dict = {}

    def features(self, x, order=0):
        """Derivatives of the features at points ``x``, shape (n, n_features)."""
        phase = np.outer(np.asarray(x, dtype=float) - self.low, self.frequencies)
        # A sine is a cosine a quarter turn later, a derivative a quarter turn earlier.
        is_sine = (np.arange(self.n_features) % 2 == 0) & (self.frequencies > 0)
        phase += np.pi / 2 * ((order - is_sine) % 4)
        scale = self._norms * self.frequencies**order if order else self._norms
        return np.cos(phase) * scale

    def endpoint(self, end, order=0):
        """Derivatives at an end, shape (n_features,)."""
        return self.features(np.array([self.low]), order)[0]

    def at_nodes(self, order):
        """Derivatives of the features at the nodes; kept."""
        if order not in self._at_nodes:
            self._at_nodes[order] = self.features(self.nodes, order)
        return self._at_nodes[order]

    @property
    def projection(self):
        """From values at the nodes to coefficients, (n_features, n_features)."""
        return (self.at_nodes(0) * self.weights[:, None]).T

    def polynomials(self, n):
        """A period has no conditions to lift."""
        return np.zeros((self.n_features, 0))

    def differentiate(self, coefficients, order):
        """Coefficients of the derivative of functions, columns of (n_features, n)."""
        return self.gram(order) @ coefficients if order else coefficients

    def gram(self, order):
        """Integrals of feature j times a derivative of feature k, (n_features, n_features)."""
        matrix = np.diag((-1.0) ** (order // 2) * self.frequencies**order)
        if order % 2 == 0:
            return matrix
        swapped = np.zeros_like(matrix)
        cosines = np.arange(1, self.n_features, 2)
        values = np.diag(matrix)[cosines]
        # cos' = -sin, sin' = cos, and so on with every second derivative turning the sign.
        swapped[cosines + 1, cosines], swapped[cosines, cosines + 1] = -values, values
        return swapped

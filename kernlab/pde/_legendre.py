"""Legendre polynomials on an interval, orthonormal: the factor of an axis that promises nothing.

With P_k the Legendre polynomial, h the half length and t = (x - centre) / h, the features are
phi_k(x) = sqrt((k + 1/2) / h) P_k(t), orthonormal on the interval. In them derivatives are upper
triangular matrices with known entries, so that nothing is differentiated numerically.
"""

# References: Shen, Efficient spectral-Galerkin method I, SIAM J. Sci. Comput. 15 (1994);
# Shen, Tang and Wang, Spectral Methods (2011), section 3.2.

import functools

import numpy as np
from scipy.fft import dct
from scipy.special import roots_legendre

# Samples, and coefficients that are taken from them.
N_SMOOTH, N_SMOOTH_MODES = 2**14, 32


@functools.lru_cache(maxsize=8)
def gauss_legendre(n):
    """Gauss-Legendre nodes and weights on [-1, 1].

    The nodes are SciPy's; the weights are Christoffel's sum 1 / sum_k (k + 1/2) P_k(t)², for
    SciPy's lose seven digits at the ends (5e-10 at n = 400), which orthogonality would feel.
    """
    nodes = roots_legendre(n)[0]
    table = _legendre_table(n, nodes)
    weights = 1 / np.einsum("kn,kn,k->n", table, table, np.arange(n) + 0.5)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


class Legendre:
    """The first ``n_features`` orthonormal Legendre polynomials on [low, high].

    Attributes
    ----------
    nodes, weights : arrays of shape (n_features,)
        The Gauss-Legendre rule, exact for products of any two features.
    frequencies : array of shape (n_features,)
        Angular frequency of the k-th polynomial in the middle of the interval, (k + 1/2) / h.
    """

    def __init__(self, low, high, n_features):
        self.low, self.high, self.n_features = float(low), float(high), int(n_features)
        self.half = (self.high - self.low) / 2
        t, w = gauss_legendre(self.n_features)
        self.nodes = (self.low + self.high) / 2 + self.half * t
        self.weights = self.half * w
        degree = np.arange(self.n_features)
        self.frequencies = (degree + 0.5) / self.half
        self._norms = np.sqrt(self.frequencies)
        self._at_nodes: dict = {}

    is_polynomial, is_periodic = True, False

    def moved(self, low, high):
        """The same polynomials on an interval of the same length."""
        moved = Legendre(low, high, self.n_features)
        moved._at_nodes = self._at_nodes
        return moved

    def features(self, x, order=0):
        """Derivatives of the features at points ``x``, shape (n, n_features)."""
        t = (np.asarray(x, dtype=float) - (self.low + self.high) / 2) / self.half
        values = _legendre_table(self.n_features, t)
        for _ in range(order):
            values = _differentiate_table(values)
        return values.T * (self._norms / self.half**order)

    def endpoint(self, end, order=0):
        """Derivatives at an end, shape (n_features,), exact."""
        k = np.arange(self.n_features, dtype=float)
        # P_k^(m)(1) = (k + m)! / (2^m m! (k - m)!), and parity gives the other end.
        value = np.ones_like(k)
        for i in range(order):
            value = value * (k + i + 1) * (k - i) / (2 * (i + 1))
        sign = (-1.0) ** (k + order) if end == "low" else 1.0
        return sign * value * self._norms / self.half**order

    def at_nodes(self, order):
        """Derivatives of the features at the nodes, (n_features, n_features); kept."""
        if order not in self._at_nodes:
            self._at_nodes[order] = self.features(self.nodes, order)
        return self._at_nodes[order]

    @property
    def projection(self):
        """From values at the nodes to coefficients, (n_features, n_features)."""
        return (self.at_nodes(0) * self.weights[:, None]).T

    def smooth_part(self, function):
        """The first coefficients of a function, from many more points than the nodes.

        Data of high frequency are wrong by the rounding of their argument, at random; the smooth
        part of a solution, which the inverse of an operator makes large, is as wrong as their
        average, and this takes the average of 2¹⁴.

        Returns
        -------
        coefficients : array of shape (min(32, n_features),)
        """
        theta = np.pi * (np.arange(N_SMOOTH) + 0.5) / N_SMOOTH
        t = np.cos(theta)
        # Fejér's rule: exact for the cosine series of the product with sin(theta) d theta.
        even = np.arange(0, N_SMOOTH, 2)
        moments = np.zeros(N_SMOOTH)
        moments[even] = 2 / (1.0 - even**2.0)
        weights = dct(moments, type=3) * (self.half / N_SMOOTH)
        n = min(N_SMOOTH_MODES, self.n_features)
        values = function((self.low + self.high) / 2 + self.half * t) * weights
        return (_legendre_table(n, t) @ values) * self._norms[:n]

    def polynomials(self, n):
        """Raw coefficients of the first ``n`` powers of t, (n_features, n), up to combinations."""
        return np.eye(self.n_features)[:, :n]

    def differentiate(self, coefficients, order):
        """Coefficients of the derivative of functions, columns of (n_features, n)."""
        if order == 0:
            return coefficients
        # Of sum a_k P_k, with P'_{k+1} = P'_{k-1} + (2k + 1) P_k: sums of every other a_j, j > k.
        k = np.arange(self.n_features)[:, None]
        a = coefficients * self._norms[:, None]
        sums = np.zeros_like(a)
        for parity in (0, 1):
            own = a[parity::2][::-1].cumsum(axis=0)[::-1]
            target = sums[1 - parity :: 2]
            skipped = own[1 - parity :]
            target[: len(skipped)] = skipped
        slopes = (2 * k + 1) * sums / self._norms[:, None] / self.half
        return self.differentiate(slopes, order - 1)

    def gram(self, order):
        """Integrals of feature j times a derivative of feature k, (n_features, n_features)."""
        k = np.arange(self.n_features, dtype=float)
        j = k[:, None]
        scale = 2 * np.sqrt((k + 0.5) * (j + 0.5)) / self.half**order
        above = k > j
        if order == 0:
            return np.eye(self.n_features)
        if order == 1:
            return np.where(above & ((k - j) % 2 == 1), scale, 0.0)
        if order == 2:
            rise = (k * (k + 1) - j * (j + 1)) / 2
            return np.where(above & ((k - j) % 2 == 0), scale * rise, 0.0)
        return np.linalg.matrix_power(self.gram(1), order)


def _legendre_table(n, t):
    """P_0 ... P_{n-1} at points ``t``, shape (n, points)."""
    table = np.empty((n, len(t)))
    table[0] = 1.0
    if n > 1:
        table[1] = t
    for k in range(2, n):
        table[k] = ((2 * k - 1) * t * table[k - 1] - (k - 1) * table[k - 2]) / k
    return table


def _differentiate_table(table):
    """From P_k^(m) at points to P_k^(m+1): P'_{k+1} = P'_{k-1} + (2k + 1) P_k."""
    slopes = np.zeros_like(table)
    for k in range(1, len(table)):
        slopes[k] = (2 * k - 1) * table[k - 1]
        if k > 1:
            slopes[k] += slopes[k - 2]
    return slopes

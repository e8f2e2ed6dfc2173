"""Duals of activations: expectations of φ(u)φ(v) for Gaussian (u, v), and of their derivatives."""

# A dual takes variances kx (n,), ky (m,) and covariances K (n, m) of (u, v). Every one has
#
#   moments(k)                 E φ(u)², E φ'(u)², and d E φ(u)² / d log k, each (n,)
#   pair(kx, ky, K, slopes)    F = E φ(u)φ(v), G = E φ'(u)φ'(v) = ∂F/∂K or None, and
#                              push(rx, ry, dK) -> dF, dG: their differentials along changes
#                              rx = d log kx, ry = d log ky and dK.
#
# The arc-cosine dual of ReLU is not smooth where u = v, and has a recursion of its own, in angles
# (see _infinite_network.py).
#
# References: Williams, *Computing with infinite networks*, NIPS 1996 (erf); Cho, Saul, *Kernel
# methods for deep learning*, NIPS 2009 (ReLU); Daniely, Frostig, Singer, *Toward deeper
# understanding of neural networks*, NIPS 2016 (duals by Hermite series).

import functools
import math
import warnings

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy import special

from kernlab._core.jit import njit

# Terms of the Hermite series at most, and those that are left out once they carry less than this
# share of E φ².
_MAX_TERMS = 256
_NEGLIGIBLE = 1e-15
# A share of E φ² beyond the last term that is worth a warning.
_NOTABLE = 1e-6


class ArcCosine:
    """Dual of max(x, slope x): ReLU, and leaky ReLU.

    With θ the angle between u and v, F = slope K + (1 - slope)²/2π · s (sin θ + (π - θ) cos θ), and
    s² = kx ky. Homogeneous in kx and ky: the recursion needs its constants alone.
    """

    def __init__(self, slope):
        self.slope = slope
        self.share = 0.5 * (1.0 - slope) ** 2
        self.gain = 0.5 * (1.0 + slope**2)  # E φ(u)² / k

    def moments(self, k):
        return self.gain * k, np.full_like(k, self.gain), self.gain * k


class Erf:
    """Dual of erf: F = 2/π · asin(2K / √((1 + 2kx)(1 + 2ky)))."""

    def moments(self, k):
        root = np.sqrt(1.0 + 4.0 * k)
        slope = 4.0 / (np.pi * root)
        return 2.0 / np.pi * np.arctan2(2.0 * k, root), slope, slope * k / (1.0 + 2.0 * k)

    def pair(self, kx, ky, K, slopes):
        # (1 + 2kx)(1 + 2ky) - 4K², with the part that must not be negative by itself.
        kx, ky = kx[:, None], ky[None, :]
        rest = 1.0 + 2.0 * (kx + ky) + 4.0 * np.maximum(kx * ky - K * K, 0.0)
        root = np.sqrt(rest)
        F, G = 2.0 / np.pi * np.arctan2(2.0 * K, root), 4.0 / (np.pi * root)

        def push(rx, ry, dK):
            dkx, dky = kx * rx[:, None], ky * ry[None, :]
            dF = G * (dK - K * (dkx / (1.0 + 2.0 * kx) + dky / (1.0 + 2.0 * ky)))
            d_rest = 2.0 * (dkx + dky) + 4.0 * (dkx * ky + kx * dky - 2.0 * K * dK)
            return dF, -0.5 * G * d_rest / rest

        return F, G, push


class Wave:
    """Dual of sin (sign -1) or cos (sign +1): F = ½(e^(-E(u-v)²/2) ± e^(-E(u+v)²/2))."""

    def __init__(self, sign):
        self.sign = sign

    def moments(self, k):
        far = self.sign * np.exp(-2.0 * k)
        return 0.5 * (1.0 + far), 0.5 * (1.0 - far), -far * k

    def pair(self, kx, ky, K, slopes):
        half = 0.5 * (kx[:, None] + ky[None, :])
        near, far = np.exp(np.minimum(K - half, 0.0)), np.exp(np.minimum(-K - half, 0.0))
        F, G = 0.5 * (near + self.sign * far), 0.5 * (near - self.sign * far)

        def push(rx, ry, dK):
            d_half = 0.5 * ((kx * rx)[:, None] + (ky * ry)[None, :])
            return G * dK - F * d_half, F * dK - G * d_half

        return F, G, push


class HermiteSeries:
    """Dual of any activation, by Mehler's formula F = Σ a_k(kx) a_k(ky) ρᵏ.

    a_k(σ²) = E φ(σz) h_k(z) with normalised Hermite polynomials h_k and ρ = K/√(kx ky). The
    coefficients are integrals by Gauss-Legendre panels that end at 0, and are finer there; the
    series ends where its terms are below rounding, or after 256. A truncated sum is still positive
    semi-definite, and ends short of F by at most the share of E φ² that was left out.

    Parameters
    ----------
    function, derivative : callable
        φ and φ', of arrays. None takes central differences of the sixth order.
    name : str
        Used in messages.
    """

    def __init__(self, function, derivative, name):
        self.function = function
        self.derivative = derivative or functools.partial(_difference, function)
        self.name = name

    def moments(self, k):
        a, da = self._coefficients(self.function, k)
        b, _ = self._coefficients(self.derivative, k)
        return np.sum(a * a, 1), np.sum(b * b, 1), 2.0 * np.sum(a * da, 1)

    def pair(self, kx, ky, K, slopes):
        scale = np.sqrt(kx)[:, None] * np.sqrt(ky)[None, :]
        rho = np.divide(K, scale, out=np.zeros_like(K), where=scale > 0.0)
        np.clip(rho, -1.0, 1.0, out=rho)
        # The same array is one set of points: its coefficients are found once.
        n, first = len(kx), 0 if kx is ky else len(kx)
        both = kx if kx is ky else np.concatenate([kx, ky])

        def series(left, right):
            return _series(left[:n], right[first:], rho)

        a, da = self._coefficients(self.function, both)
        b, db = self._coefficients(self.derivative, both)
        F = series(a, a)
        G = series(b, b) if slopes else None

        @functools.cache
        def partial():
            """∂F by log kx and log ky at fixed ρ, and ∂F/∂K; the same of G, and its ∂/∂ρ."""
            by_F = series(da, a), series(a, da), G if slopes else series(b, b)
            if not slopes:
                return by_F, None
            k = np.sqrt(np.arange(1.0, b.shape[1] + 1.0))
            raised = np.pad(b, [(0, 0), (0, 1)])[:, 1:] * k
            return by_F, (series(db, b), series(b, db), series(raised, raised))

        def push(rx, ry, dK):
            by_F, by_G = partial()
            rx, ry = rx[:, None], ry[None, :]
            d_rho = dK - 0.5 * K * (rx + ry)  # times the scale
            dF = rx * by_F[0] + ry * by_F[1] + by_F[2] * d_rho
            if not slopes:
                return dF, None
            d_rho = np.divide(d_rho, scale, out=np.zeros_like(K), where=scale > 0.0)
            return dF, rx * by_G[0] + ry * by_G[1] + by_G[2] * d_rho

        return F, G, push

    def _coefficients(self, function, variances):
        """a_k and d a_k / d log variance, (n, terms)."""
        nodes, weights, plain, turned = _quadrature()
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(function(np.sqrt(variances)[:, None] * nodes), dtype=float)
            total = values**2 @ weights if values.shape == (len(variances), len(nodes)) else None
        if total is None:
            raise ValueError(
                f"activation={self.name} returned an array of shape {values.shape} for one of "
                f"shape {(len(variances), len(nodes))}; it must act on each entry."
            )
        if not np.all(np.isfinite(total)):
            raise ValueError(
                f"activation={self.name} has no finite second moment on Gaussian inputs of "
                f"standard deviation {math.sqrt(variances.max()):.3g}; use smaller inputs, "
                "sigma_w and sigma_b, or another activation."
            )
        a = values @ plain
        squares = a * a
        safe = np.where(total > 0.0, total, 1.0)
        beyond = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1] / safe[:, None]
        terms = max(1, int(np.sum(np.max(beyond, axis=0, initial=0.0) > _NEGLIGIBLE)))
        left = float(np.max(1.0 - squares.sum(1) / safe, initial=0.0, where=total > 0.0))
        if left > _NOTABLE:
            warnings.warn(
                f"the Hermite series of activation={self.name} left out {left:.1e} of a second "
                f"moment after {_MAX_TERMS} terms, for it is steep or has kinks: the kernel is off "
                "by as much. Use smaller sigma_w, a smoother activation, or 'relu' or "
                "'leaky_relu', which are exact.",
                RuntimeWarning,
                stacklevel=2,
            )
        return a[:, :terms], (values @ turned[:, :terms])


@functools.cache
def _quadrature():
    """Nodes, Gaussian weights (q,), and the matrices that make a_k and d a_k / d log σ² (q, k)."""
    # Panels that halve towards 0, where activations bend; h_256 has 2.5 periods in one of width 1.
    # e^(-z²/4), the size of the weighted h_k, is 2e-16 at z = 12.
    edges = np.concatenate([[0.0], 2.0 ** np.arange(-6, 1), np.arange(2.0, 13.0)])
    edges = np.concatenate([-edges[:0:-1], edges])
    node, weight = leggauss(16)
    half = 0.5 * np.diff(edges)[:, None]
    nodes = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * node).ravel()
    weights = (half * weight).ravel() * np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
    h = np.empty((_MAX_TERMS, len(nodes)))
    h[0], h[1] = 1.0, nodes
    for k in range(1, _MAX_TERMS - 1):
        h[k + 1] = (nodes * h[k] - math.sqrt(k) * h[k - 1]) / math.sqrt(k + 1)
    # By parts: d/d log σ² of E φ(σz)h(z) is ½ E φ(σz) ((z² - 1) h(z) - z h'(z)).
    turned = (nodes**2 - 1.0) * h
    turned[1:] -= nodes * np.sqrt(np.arange(1, _MAX_TERMS))[:, None] * h[:-1]
    return nodes, weights, (h * weights).T.copy(), (0.5 * turned * weights).T.copy()


def _series(a, b, rho):
    """Σ_k a_k b_k ρᵏ, (n, m)."""
    # To whole fours, by terms of zero.
    more = [(0, 0), (0, -a.shape[1] % 4)]
    total = np.zeros_like(rho)
    _horner(np.pad(a, more), np.ascontiguousarray(np.pad(b, more).T), rho, total)
    return total


@njit(fastmath={"contract"})
def _horner(a, b, rho, total):
    n, terms = a.shape
    m = b.shape[1]
    # Columns by the block, so that what the sum over k goes through stays in the caches; and four
    # terms at a time, so that a row is read and written a fourth as often.
    for first in range(0, m, 256):
        last = min(first + 256, m)
        for i in range(n):
            for k in range(terms - 4, -1, -4):
                a0, a1, a2, a3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
                for j in range(first, last):
                    x = rho[i, j]
                    t = total[i, j] * x + a3 * b[k + 3, j]
                    t = t * x + a2 * b[k + 2, j]
                    t = t * x + a1 * b[k + 1, j]
                    total[i, j] = t * x + a0 * b[k, j]


def _difference(function, x):
    step = 2.0**-7 * np.maximum(1.0, np.abs(x))

    def odd(j):
        return function(x + j * step) - function(x - j * step)

    return (45.0 * odd(1) - 9.0 * odd(2) + odd(3)) / (60.0 * step)


def _gelu(x):
    return x * special.ndtr(x)


def _gelu_slope(x):
    return special.ndtr(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _tanh_slope(x):
    return 1.0 - np.tanh(x) ** 2


def _sigmoid_slope(x):
    return special.expit(x) * special.expit(-x)


def _silu(x):
    return x * special.expit(x)


def _silu_slope(x):
    return special.expit(x) * (1.0 + x * special.expit(-x))


def _softplus(x):
    return np.logaddexp(0.0, x)


DUALS = {
    "relu": ArcCosine(0.0),
    "leaky_relu": ArcCosine(0.01),
    "erf": Erf(),
    "sin": Wave(-1.0),
    "cos": Wave(1.0),
    "tanh": HermiteSeries(np.tanh, _tanh_slope, "'tanh'"),
    "sigmoid": HermiteSeries(special.expit, _sigmoid_slope, "'sigmoid'"),
    "gelu": HermiteSeries(_gelu, _gelu_slope, "'gelu'"),
    "silu": HermiteSeries(_silu, _silu_slope, "'silu'"),
    "softplus": HermiteSeries(_softplus, special.expit, "'softplus'"),
}


def dual_of(activation):
    """The dual of an activation given by name, as a function, or as (function, derivative)."""
    if isinstance(activation, str):
        if activation not in DUALS:
            raise ValueError(
                f"activation={activation!r} is not known; give one of {sorted(DUALS)}, a function "
                "of arrays, or a pair (function, derivative)."
            )
        return DUALS[activation]
    if callable(activation):
        return HermiteSeries(activation, None, getattr(activation, "__name__", repr(activation)))
    if (
        isinstance(activation, tuple | list)
        and len(activation) == 2
        and all(callable(part) for part in activation)
    ):
        name = getattr(activation[0], "__name__", repr(activation[0]))
        return HermiteSeries(activation[0], activation[1], name)
    raise TypeError(
        f"activation must be a name, a function or a pair (function, derivative), got "
        f"{activation!r}."
    )

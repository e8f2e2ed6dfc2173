"""Series in a sparse matrix for exp(-t L), cut off where a bound says that the rest is too small.

A series is ``sum_k c_k v_k`` with ``v_k = A v_(k-1) - memory v_(k-2)``: powers of a non-negative
matrix without memory, Chebyshev polynomials with it.
"""

# References: Grassmann, Computers & Operations Research 4 (1977), uniformisation; Tal-Ezer and
# Kosloff, J. Chem. Phys. 81 (1984), the Chebyshev series of an exponential; Amos, Math. Comp. 28
# (1974), ratios of Bessel functions; Collatz, Math. Z. 48 (1942), bounds of eigenvalues.

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import cg
from scipy.special import gammaln, ive

from kernlab._core.threads import SINGLE_THREADED_BLAS

# Values below these are set to zero on the way; sums of non-negative terms promise the entries
# down to `FLOOR`, relative to the largest entry of a column of B.
SMALLEST = {"float64": 1e-300, "float32": 1e-37}
FLOOR = {"float64": 1e-200, "float32": 1e-20}
# Terms that are a matter of minutes even for a small matrix.
_MOST_TERMS = 2**25
# Up to which SciPy computes Bessel functions.
_LARGEST_ARGUMENT = 1e9
# The natural growth of exp(-t L), for an eigenvalue as far below zero as is not told from zero.
_GROWTH = 0.5


class Series(NamedTuple):
    """``A``, ``memory`` and the coefficients, of shape (number of terms, number of times).

    ``enough``, of that shape too, bounds what comes after each term, for columns with entries of at
    most one, in units of half a rounding: where all sums are above, the rest is lost in them.
    """

    A: sp.csr_array
    memory: float
    coefficients: np.ndarray
    enough: np.ndarray | None = None


# --- Chebyshev polynomials ------------------------------------------------------------------------


def chebyshev_series(L, times, *, dtype, rtol, spectrum):
    """Series of a symmetric matrix with all eigenvalues in ``spectrum``.

    The error is at most ``rtol · exp(-t · spectrum[0])`` in the spectral norm.
    """
    low, high = (0.0, _largest_modulus(L)) if spectrum is None else spectrum
    # Rounding L to `dtype` moves eigenvalues, and values outside grow.
    margin = 8 * float(np.finfo(dtype).eps) * max(abs(low), abs(high))
    low, high = low - margin, high + margin
    centre, radius = low + (high - low) / 2, (high - low) / 2
    coefficients = []
    for t in times.tolist():
        _refuse_many(t * radius / _LARGEST_ARGUMENT * _MOST_TERMS, "Chebyshev polynomials", t)
        degree = _chebyshev_degree(t * radius, rtol)
        _refuse_many(degree, "Chebyshev polynomials", t)
        c = 2 * math.exp(min(-t * low, 700.0)) * ive(np.arange(degree + 1), t * radius)
        c[0] /= 2
        c[1::2] *= -1
        coefficients.append(c)
    identity = sp.eye_array(L.shape[0], format="csr")
    return Series(((L - centre * identity) * (2 / radius)).tocsr(), 1.0, _columns(coefficients))


def _largest_modulus(L):
    """An upper bound of the moduli of the eigenvalues, near the largest for a Laplacian.

    For every x > 0 the largest ratio of |L| x to x is one.
    """
    modulus = abs(L)
    x, bound = np.ones(L.shape[0]), np.inf
    for _ in range(12):
        image = modulus @ x
        bound = min(bound, float(np.max(image / x)))
        x = np.maximum(image / image.max(), 1e-3)
    return bound * (1 + 1e-12)


def _chebyshev_degree(z, rtol):
    """The least K with ``2 exp(-z) sum_(j > K) I_j(z) <= rtol``."""

    def log_tail(k):
        order = k + 1.5
        ratio = z / (order + math.hypot(z, order))
        with np.errstate(divide="ignore"):
            return float(np.log(2 * ive(k + 1, z)) - math.log1p(-ratio))

    return _first(log_tail, 0, math.log(rtol))


# --- Powers of a non-negative matrix --------------------------------------------------------------


def power_series(L, times, *, dtype, rtol, n_steps=None):
    """Series in ``P = I - L / q >= 0``, with weights that are a probability distribution.

    Poisson's for exp(-t L), the negative binomial for ``n_steps`` backward Euler steps
    ``(I + t L / n_steps)^(-n_steps)``. No term is negative, so no digit cancels; what is cut off
    is at most ``rtol · FLOOR``, for columns with entries of at most one.
    """
    q = float(abs(L).max())
    identity = sp.eye_array(L.shape[0], format="csr")
    # One rounding on the diagonal: L's own digits do not cancel, for L is exact.
    P = ((q * identity - L) * (1 / q)).tocsr()
    # Of a mean below the first, only the term k = 0 is above `FLOOR`.
    means = np.maximum(q * times, 1e-300)
    _refuse_many(means.max(), "terms of uniformization", times.max())
    log_growth, log_spread = _growth(P, min(1.0, _GROWTH / means.max()))
    log_target = math.log(rtol * FLOOR[dtype])
    coefficients = []
    for t, mean in zip(times.tolist(), means.tolist(), strict=True):
        law = _Poisson(mean) if n_steps is None else _NegativeBinomial(mean, n_steps)
        coefficients.append(law.weights(log_growth, log_spread, log_target, t))
        # What setting small values to zero, at most once a term, may have grown to.
        lost = math.log(len(coefficients[-1]) * SMALLEST[dtype]) + law.log_moment(log_growth)
        if not lost + log_spread <= log_target:
            raise ValueError(
                f"exp(-t L) at t={t!r} cannot be told to be accurate: L has, or may have, "
                f"eigenvalues as low as {-q * math.expm1(log_growth):.3g}, and so grows. Is L a "
                "Laplacian? If so, method='chebyshev' serves."
            )
    table = _columns(coefficients)
    # From the last on, with what was cut off there.
    with np.errstate(divide="ignore"):
        sizes = np.log(table) + (np.arange(len(table)) * log_growth + log_spread)[:, None]
    rest = np.logaddexp.accumulate(np.vstack([sizes, np.full(len(times), log_target)])[::-1])
    rounding = math.log(0.25 * float(np.finfo(dtype).eps))
    enough = np.exp(np.minimum(rest[::-1][1:] - rounding, 700.0))
    return Series(P, 0.0, table, enough)


def _growth(P, wanted):
    """Logarithms (a, b) with ``P^k y <= exp(k a + b)`` for all ``0 <= y <= 1``.

    For every x > 0 with ``P x <= r x``, ``P^k y <= r^k max(x) / min(x)``. Constants have r = 1 for
    combinatorial and random-walk Laplacians. Else x solves ``(I - P + w/2) x = 1`` with w the
    growth that is wanted: then ``P x = x + (w/2) x - 1 < (1 + w) x``, and a solution to a tenth of
    the right hand side, at few conjugate gradient steps, does as well.
    """
    n = P.shape[0]
    best = _ratio(P, np.ones(n))
    spread = 0.0
    if best > wanted and asymmetry(P) <= 1e-12:
        shifted = (1 + wanted / 2) * sp.eye_array(n, format="csr") - P
        with SINGLE_THREADED_BLAS:
            x, _ = cg(shifted, np.ones(n), rtol=0.1 / math.sqrt(n), maxiter=10_000)
        if x.min() > 0:
            log_growth = _ratio(P, x)
            if log_growth < best:
                best, spread = log_growth, math.log(x.max() / x.min())
    return best, spread


def _ratio(P, x):
    """Logarithm of the largest ratio of P x to x, rounded up, and at least zero."""
    rounding = float(np.finfo(float).eps) * (2 + int(np.diff(P.indptr).max(initial=0)))
    return math.log(max(1.0, float(np.max((P @ x) / x)) * (1 + 2 * rounding)))


class _Poisson:
    def __init__(self, mean):
        self.mean = mean
        self.mode = math.floor(mean)

    def log_weight(self, k):
        return -self.mean + k * math.log(self.mean) - gammaln(k + 1)

    def log_moment(self, a):
        """Logarithm of the mean of ``exp(a k)``."""
        return self.mean * math.expm1(a)

    def ratio(self, k):
        """Weight of k + 1 over that of k."""
        return self.mean / (k + 1)

    def weights(self, log_growth, log_spread, log_target, t):
        """The weights up to where the rest, times what P^k makes of it, is below the target."""

        def log_tail(k):
            ratio = self.ratio(k + 1) * math.exp(log_growth)
            if ratio >= 1:
                return math.inf
            term = self.log_weight(k + 1) + (k + 1) * log_growth + log_spread
            return float(term - math.log1p(-ratio))

        last = _first(log_tail, self.mode, log_target)
        _refuse_many(last, "terms of uniformization", t)
        # Ratios keep the digits that logarithms of large factorials lose.
        up = np.cumprod(self.ratio(np.arange(self.mode, last, dtype=float)))
        down = np.cumprod(1 / self.ratio(np.arange(self.mode - 1, -1, -1, dtype=float)))
        weights = np.concatenate([down[::-1], [1.0], up])
        weights /= math.fsum(weights)
        with np.errstate(divide="ignore"):
            before = np.log(weights) + np.arange(last + 1) * log_growth + log_spread
        weights[: np.searchsorted(np.logaddexp.accumulate(before), log_target)] = 0
        return weights


class _NegativeBinomial(_Poisson):
    """Number of steps of P that ``n_steps`` exponential times last, at a rate ``mean`` in all."""

    def __init__(self, mean, n_steps):
        self.n_steps = n_steps
        self.step = mean / n_steps
        self.mode = math.floor((n_steps - 1) * self.step)

    def log_weight(self, k):
        n = self.n_steps
        return (
            gammaln(n + k)
            - gammaln(n)
            - gammaln(k + 1)
            - n * math.log1p(self.step)
            - k * math.log1p(1 / self.step)
        )

    def log_moment(self, a):
        loss = self.step * math.expm1(a)
        return -self.n_steps * math.log1p(-loss) if loss < 1 else math.inf

    def ratio(self, k):
        return self.step / (1 + self.step) * (self.n_steps + k) / (k + 1)


# --- Shared ---------------------------------------------------------------------------------------


def _first(log_tail, start, log_target):
    """The least k >= start with ``log_tail(k) <= log_target``; it falls from some k on."""
    step = 16
    while not log_tail(start + step) <= log_target:
        step *= 2
        if step > 2 * _MOST_TERMS:
            return start + step
    low, high = start - 1, start + step
    while high - low > 1:
        middle = (low + high) // 2
        if log_tail(middle) <= log_target:
            high = middle
        else:
            low = middle
    return high


def _refuse_many(number, what, t):
    if number > _MOST_TERMS:
        raise ValueError(
            f"t={t!r} is too large for L: it takes more {what} than can be formed. Give a smaller "
            "t, or project on eigenvectors of L."
        )


def _columns(coefficients):
    """Sequences of different lengths as columns, padded with zeros."""
    table = np.zeros((max(map(len, coefficients)), len(coefficients)))
    for column, c in zip(table.T, coefficients, strict=True):
        column[: len(c)] = c
    return table


def asymmetry(L):
    """The largest modulus of L - L'."""
    return float(abs(L - L.T).max()) if L.nnz else 0.0

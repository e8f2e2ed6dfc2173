"""The one table of radial kernels.

A kernel is a profile of the squared distance in bandwidths, ``x = (r/h)²``. A row of the table
holds all that the package needs to know of it: the formula, where it vanishes, its moments in any
dimension, how to draw from it, and the same formula once for compiled loops and once for arrays.

Kernels that never vanish are written ``exp(-energy(x)) · factor(energy)``: only the energy enters
the shift that keeps log sums from underflowing. Kernels of bounded support are written by value;
their radius is one bandwidth.
"""

# References: scikit-learn's KernelDensity for the six classical kernels; Wand and Jones, *Kernel
# Smoothing*, 1995, for the polynomial family.

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln, zeta

from kernlab._core.fastmath import vector_exp, vector_max
from kernlab._core.jit import inline


@dataclass(frozen=True, eq=False)
class KernelProfile:
    """One radial kernel.

    Parameters
    ----------
    name : str
        As in ``KernelDensity(kernel=name)``.
    formula : str
        The unnormalised kernel of ``u = r/h``.
    bounded : bool
        Whether it vanishes for ``u ≥ 1``; otherwise its support is the whole space.
    by_product : bool
        Whether squared distances may come from matrix products, whose error is absolute. Not where
        the kernel depends on the distance of near points to first order, for a square root
        magnifies rounding, and not for bounded support, where the logarithm does at the edge.
    log_radial_moment : callable
        ``d -> log ∫ r**(d-1) k(r) dr`` over ``r ≥ 0``.
    draw_radii : callable
        ``(rng, d, size) -> radii``, distributed as ``r**(d-1) k(r)``.
    log_values : callable
        ``(xp, x) -> log k`` elementwise for arrays of the namespace ``xp``.
    energy, factor, value : callable or None
        ``real -> compiled function`` for ``real`` in (float64, float32): energy of ``x`` and
        factor of the energy, or the value at ``x``.
    """

    name: str
    formula: str
    bounded: bool
    log_radial_moment: Callable
    draw_radii: Callable
    log_values: Callable
    energy: Callable | None = None
    factor: Callable | None = None
    value: Callable | None = None
    by_product: bool = False

    @property
    def exponential_tail(self):
        """Whether the kernel falls like ``exp(-u)``, not like a function of ``u²``."""
        return self.energy is _distance

    def log_normalizer(self, n_features):
        """Logarithm of the kernel's integral over ``n_features`` dimensions, at bandwidth 1."""
        log_sphere = math.log(2.0) + n_features / 2 * math.log(math.pi) - gammaln(n_features / 2)
        return float(log_sphere + self.log_radial_moment(n_features))

    def variance(self, n_features):
        """Variance of one coordinate under the kernel, at bandwidth 1."""
        log_second = self.log_radial_moment(n_features + 2) - self.log_radial_moment(n_features)
        return float(math.exp(log_second) / n_features)

    def draw(self, rng, n_features, size):
        """Draw ``size`` points from the kernel at bandwidth 1, shape (size, n_features)."""
        directions = rng.standard_normal((size, n_features))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions * self.draw_radii(rng, n_features, size)[:, None]


# --- Moments and radii -----------------------------------------------------------------------


def _polynomial_moment(power):
    # ∫ r^(d-1) (1 - r²)^p dr = B(d/2, p+1) / 2
    return lambda d: betaln(d / 2, power + 1) - math.log(2.0)


def _polynomial_radii(power):
    return lambda rng, d, size: np.sqrt(rng.beta(d / 2, power + 1, size))


def _cosine_moment(d):
    # With s = 1 - r: ∫ (1-s)^(d-1) sin(πs/2) ds = Σ_k (-1)^k (π/2)^(2k+1) Γ(d) / Γ(d+2k+2).
    # Terms fall by more than four each, so nothing cancels, in any dimension.
    term = total = 1.0
    k = 0
    while abs(term) > 1e-18 * total:
        term *= -((math.pi / 2) ** 2) / ((d + 2 * k + 2) * (d + 2 * k + 3))
        total += term
        k += 1
    return math.log(math.pi / 2 * total) - math.log(d) - math.log(d + 1)


def _cosine_radii(rng, d, size):
    # cos(πr/2) lies between (1 - r) and (1 - r)·π/2, so the linear kernel is a tight envelope.
    def accept(r):
        return np.sinc((1 - r) / 2)

    return _rejection(rng, lambda k: rng.beta(d, 2, k), accept, size)


def _logistic_moment(d):
    # ∫ r^(d-1) e^-r / (1 + e^-r)² dr = Γ(d) η(d-1), with Dirichlet's eta function.
    if d == 1:
        eta = 0.5
    elif d == 2:
        eta = math.log(2.0)
    else:
        eta = -np.expm1((2 - d) * math.log(2.0)) * zeta(d - 1)
    return gammaln(d) + math.log(eta)


def _logistic_radii(rng, d, size):
    return _rejection(rng, lambda k: rng.gamma(d, size=k), lambda r: (1 + np.exp(-r)) ** -2, size)


def _rejection(rng, propose, acceptance, size):
    radii = np.empty(size)
    todo = np.arange(size)
    while todo.size:
        proposal = propose(todo.size)
        accepted = rng.random_sample(todo.size) < acceptance(proposal)
        radii[todo[accepted]] = proposal[accepted]
        todo = todo[~accepted]
    return radii


# --- Formulas for arrays -----------------------------------------------------------------------


def _bounded_log(values):
    """Logarithm of ``values(xp, x)`` inside the support and -inf outside."""

    def log_values(xp, x):
        inside = x < 1
        values_inside = values(xp, xp.where(inside, x, xp.zeros_like(x)))
        return xp.where(inside, xp.log(values_inside), xp.full_like(x, -xp.inf))

    return log_values


def _logistic_log(xp, x):
    energy = xp.sqrt(x)
    return -energy - 2 * xp.log1p(xp.exp(-energy))


# --- Formulas for compiled loops ----------------------------------------------------------------


def _half(real):
    half = real(0.5)
    return inline(lambda x: half * x)


def _distance(real):
    zero = real(0)
    # A squared distance from a matrix product may come out as a rounding below zero.
    return inline(lambda x: math.sqrt(vector_max(x, zero)))


def _logistic_factor(real):
    one = real(1)

    def factor(energy):
        denominator = one + vector_exp(-energy)
        return one / (denominator * denominator)

    return inline(factor)


def _tophat(real):
    zero, one = real(0), real(1)
    return inline(lambda x: one if x < one else zero)


def _polynomial(power):
    def build(real):
        zero, one = real(0), real(1)
        if power == 1:
            return inline(lambda x: vector_max(zero, one - x))
        if power == 2:
            return inline(lambda x: vector_max(zero, one - x) * vector_max(zero, one - x))

        def cubed(x):
            height = vector_max(zero, one - x)
            return height * height * height

        return inline(cubed)

    return build


def _linear(real):
    zero, one = real(0), real(1)
    return inline(lambda x: vector_max(zero, one - math.sqrt(x)))


def _tricube(real):
    zero, one = real(0), real(1)

    def tricube(x):
        x = vector_max(x, zero)
        height = vector_max(zero, one - x * math.sqrt(x))
        return height * height * height

    return inline(tricube)


def _cosine(real):
    # cos(πu/2) by its Taylor series in x = u² <= 1: the term after the last is below 2e-17.
    zero, one = real(0), real(1)
    c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = (
        real((-1) ** k * (math.pi / 2) ** (2 * k) / math.factorial(2 * k)) for k in range(1, 11)
    )

    def cosine(x):
        p = c10 * x + c9
        p = p * x + c8
        p = p * x + c7
        p = p * x + c6
        p = p * x + c5
        p = p * x + c4
        p = p * x + c3
        p = p * x + c2
        p = p * x + c1
        p = p * x + one
        return vector_max(zero, p) if x < one else zero

    return inline(cosine)


# --- The table -------------------------------------------------------------------------------

_ROWS = (
    KernelProfile(
        name="gaussian",
        formula="exp(-u²/2)",
        bounded=False,
        log_radial_moment=lambda d: (d / 2 - 1) * math.log(2.0) + gammaln(d / 2),
        draw_radii=lambda rng, d, size: np.sqrt(rng.chisquare(d, size)),
        log_values=lambda xp, x: -x / 2,
        by_product=True,
        energy=_half,
    ),
    KernelProfile(
        name="tophat",
        formula="1",
        bounded=True,
        log_radial_moment=lambda d: -math.log(d),
        draw_radii=_polynomial_radii(0),
        log_values=_bounded_log(lambda xp, x: xp.ones_like(x)),
        value=_tophat,
    ),
    KernelProfile(
        name="epanechnikov",
        formula="1 - u²",
        bounded=True,
        log_radial_moment=_polynomial_moment(1),
        draw_radii=_polynomial_radii(1),
        log_values=_bounded_log(lambda xp, x: 1 - x),
        value=_polynomial(1),
    ),
    KernelProfile(
        name="exponential",
        formula="exp(-u)",
        bounded=False,
        log_radial_moment=gammaln,
        draw_radii=lambda rng, d, size: rng.gamma(d, size=size),
        log_values=lambda xp, x: -xp.sqrt(x),
        energy=_distance,
    ),
    KernelProfile(
        name="linear",
        formula="1 - u",
        bounded=True,
        log_radial_moment=lambda d: betaln(d, 2),
        draw_radii=lambda rng, d, size: rng.beta(d, 2, size),
        log_values=_bounded_log(lambda xp, x: 1 - xp.sqrt(x)),
        value=_linear,
    ),
    KernelProfile(
        name="cosine",
        formula="cos(πu/2)",
        bounded=True,
        log_radial_moment=_cosine_moment,
        draw_radii=_cosine_radii,
        log_values=_bounded_log(lambda xp, x: xp.cos(xp.sqrt(x) * (math.pi / 2))),
        value=_cosine,
    ),
    KernelProfile(
        name="biweight",
        formula="(1 - u²)²",
        bounded=True,
        log_radial_moment=_polynomial_moment(2),
        draw_radii=_polynomial_radii(2),
        log_values=_bounded_log(lambda xp, x: (1 - x) ** 2),
        value=_polynomial(2),
    ),
    KernelProfile(
        name="triweight",
        formula="(1 - u²)³",
        bounded=True,
        log_radial_moment=_polynomial_moment(3),
        draw_radii=_polynomial_radii(3),
        log_values=_bounded_log(lambda xp, x: (1 - x) ** 3),
        value=_polynomial(3),
    ),
    KernelProfile(
        name="tricube",
        formula="(1 - u³)³",
        bounded=True,
        # With s = r³: ∫ r^(d-1) (1 - r³)³ dr = B(d/3, 4) / 3
        log_radial_moment=lambda d: betaln(d / 3, 4) - math.log(3.0),
        draw_radii=lambda rng, d, size: np.cbrt(rng.beta(d / 3, 4, size)),
        log_values=_bounded_log(lambda xp, x: (1 - x * xp.sqrt(x)) ** 3),
        value=_tricube,
    ),
    KernelProfile(
        name="logistic",
        formula="1 / (4 cosh²(u/2))",
        bounded=False,
        log_radial_moment=_logistic_moment,
        draw_radii=_logistic_radii,
        log_values=_logistic_log,
        by_product=True,
        energy=_distance,
        factor=_logistic_factor,
    ),
)

#: The kernels by name, in the order of scikit-learn's six and then ours.
PROFILES = {row.name: row for row in _ROWS}


def kernel_code(name):
    """Position of a kernel in the table, by which compiled code knows it."""
    return list(PROFILES).index(name)

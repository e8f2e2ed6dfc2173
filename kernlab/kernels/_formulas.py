"""Formulas of the kernels: moments, radii to draw, logarithms for arrays and compiled loops.

Beside them the pull of a kernel, ``-2 d log k / dx``: the gradient of ``log k`` is minus the pull
times the difference vector. It is zero by convention where the derivative jumps.
"""

import math

import numpy as np
from scipy.special import betainc, betaln, gammaln, stdtr, zeta

from kernlab._core.fastmath import vector_exp, vector_log1p, vector_max
from kernlab._core.jit import inline

# --- Moments and radii -----------------------------------------------------------------------


def log_beta(a, b):
    """``log B(a, b)``, by Stirling's series where SciPy's difference of large terms cancels."""
    if b < 50:
        return betaln(a, b)

    def series(z):
        return (1 / 12 - (1 / 360 - 1 / (1260 * z * z)) / (z * z)) / z

    growth = (b - 0.5) * math.log1p(a / b) + a * math.log(a + b) - a
    return gammaln(a) - (growth + series(a + b) - series(b))


def polynomial_moment(power):
    # ∫ r^(d-1) (1 - r²)^p dr = B(d/2, p+1) / 2
    return lambda d: betaln(d / 2, power + 1) - math.log(2.0)


def polynomial_radii(power):
    return lambda rng, d, size: np.sqrt(rng.beta(d / 2, power + 1, size))


def cosine_moment(d):
    # With s = 1 - r: ∫ (1-s)^(d-1) sin(πs/2) ds = Σ_k (-1)^k (π/2)^(2k+1) Γ(d) / Γ(d+2k+2).
    # Terms fall by more than four each, so nothing cancels, in any dimension.
    term = total = 1.0
    k = 0
    while abs(term) > 1e-18 * total:
        term *= -((math.pi / 2) ** 2) / ((d + 2 * k + 2) * (d + 2 * k + 3))
        total += term
        k += 1
    return math.log(math.pi / 2 * total) - math.log(d) - math.log(d + 1)


def cosine_radii(rng, d, size):
    # cos(πr/2) lies between (1 - r) and (1 - r)·π/2, so the linear kernel is a tight envelope.
    def accept(r):
        return np.sinc((1 - r) / 2)

    return rejection(rng, lambda k: rng.beta(d, 2, k), accept, size)


def logistic_moment(d):
    # ∫ r^(d-1) e^-r / (1 + e^-r)² dr = Γ(d) η(d-1), with Dirichlet's eta function.
    if d == 1:
        eta = 0.5
    elif d == 2:
        eta = math.log(2.0)
    else:
        eta = -np.expm1((2 - d) * math.log(2.0)) * zeta(d - 1)
    return gammaln(d) + math.log(eta)


def logistic_radii(rng, d, size):
    return rejection(rng, lambda k: rng.gamma(d, size=k), lambda r: (1 + np.exp(-r)) ** -2, size)


def rejection(rng, propose, acceptance, size):
    radii = np.empty(size)
    todo = np.arange(size)
    while todo.size:
        proposal = propose(todo.size)
        accepted = rng.random_sample(todo.size) < acceptance(proposal)
        radii[todo[accepted]] = proposal[accepted]
        todo = todo[~accepted]
    return radii


def matern_moment(degree, slope):
    # With s = slope·r: slope^-d times a sum of Γ(d + k).
    def log_moment(d):
        return gammaln(d) + math.log(sum(matern_shares(degree, d))) - d * math.log(slope)

    return log_moment


def matern_radii(degree, slope):
    def draw(rng, d, size):
        shares = np.array(matern_shares(degree, d))
        terms = rng.choice(len(shares), size=size, p=shares / shares.sum())
        return rng.gamma(d + terms) / slope

    return draw


def matern_shares(degree, d):
    """Integrals of ``s**(d-1) e**-s`` times 1, s and s²/3, over Γ(d)."""
    return (1.0, d, d * (d + 1) / 3)[: degree + 1]


# --- Formulas for arrays -----------------------------------------------------------------------


def bounded_log(values):
    """Logarithm of ``values(xp, x)`` inside the support and -inf outside."""

    def log_values(xp, x):
        inside = x < 1
        values_inside = values(xp, xp.where(inside, x, xp.zeros_like(x)))
        return xp.where(inside, xp.log(values_inside), xp.full_like(x, -xp.inf))

    return log_values


def logistic_log(xp, x):
    energy = xp.sqrt(x)
    return -energy - 2 * xp.log1p(xp.exp(-energy))


def matern_log(degree, slope):
    def log_values(xp, x):
        s = slope * xp.sqrt(x)
        return xp.log1p(s if degree == 1 else s + s * s / 3) - s

    return log_values


# --- Pulls and tails, for arrays ------------------------------------------------------------------


def _over(xp, numerator, u, at_zero):
    """``numerator / u`` with its limit, or a convention, at ``u = 0``."""
    positive = u > 0
    return xp.where(positive, numerator / xp.where(positive, u, xp.ones_like(u)), at_zero)


def distance_pull(xp, x):
    u = xp.sqrt(x)
    return _over(xp, xp.ones_like(u), u, xp.zeros_like(u))


def logistic_pull(xp, x):
    u = xp.sqrt(x)
    return _over(xp, xp.tanh(u / 2), u, xp.full_like(u, 0.5))


def matern_pull(degree, slope):
    def pull(xp, x):
        s = slope * xp.sqrt(x)
        if degree == 1:
            return 3 / (1 + s)
        return 5 / 3 * (1 + s) / (1 + s + s * s / 3)

    return pull


def bounded_pull(pulls):
    """``pulls(xp, x)`` inside the support and 0 outside."""

    def pull(xp, x):
        inside = x < 1
        pulls_inside = pulls(xp, xp.where(inside, x, xp.zeros_like(x)))
        return xp.where(inside, pulls_inside, xp.zeros_like(x))

    return pull


def polynomial_pull(power):
    return bounded_pull(lambda xp, x: 2 * power / (1 - x))


def linear_pull(xp, x):
    u = xp.sqrt(x)
    return _over(xp, 1 / (1 - u), u, xp.zeros_like(u))


def cosine_pull(xp, x):
    u = xp.sqrt(x)
    half_pi = math.pi / 2
    return _over(xp, half_pi * xp.tan(half_pi * u), u, xp.full_like(u, half_pi**2))


def tricube_pull(xp, x):
    u = xp.sqrt(x)
    return 9 * u / (1 - x * u)


def polynomial_tail(power):
    # By symmetry, a beta distribution on (-1, 1).
    return lambda u: betainc(power + 1, power + 1, np.maximum(0.0, 1 - u) / 2)


def tricube_tail(u):
    # The integral of (1 - u³)³ from u to 1 has a root of order four at 1, taken out so that nothing
    # cancels there.
    s = np.maximum(0.0, 1 - u)
    p = np.polyval(_TRICUBE_TAIL, np.minimum(u, 1.0))
    return s**4 * p


def _tricube_tail_polynomial():
    antiderivative = [-1 / 10, 0, 0, 3 / 7, 0, 0, -3 / 4, 0, 0, 1, 0]
    tail = [-c for c in antiderivative[:-1]] + [81 / 140]
    quotient, _ = np.polydiv(tail, np.poly([1.0] * 4))
    return 70 / 81 * quotient


_TRICUBE_TAIL = _tricube_tail_polynomial()


def matern_tail(degree, slope):
    def tail(u):
        s = slope * u
        s = np.minimum(s, 1e3)  # exp(-s) is zero from there, and infinity times zero is not
        return np.exp(-s) * ((2 + s) / 4 if degree == 1 else (8 + s * (5 + s)) / 16)

    return tail


def student_tail(df):
    # Past 1e100 the first term of the series in 1/u², for there squares overflow.
    log_constant = (df / 2 - 1) * math.log(df) - betaln(df / 2, 0.5)

    def tail(u):
        far = np.exp(log_constant - df * np.log(np.maximum(u, 1e100)))
        return np.where(u > 1e100, far, stdtr(df, -np.minimum(u, 1e100)))

    return tail


# --- Formulas for compiled loops ----------------------------------------------------------------


def half(real):
    half = real(0.5)
    return inline(lambda x: half * x)


def distance(real):
    zero = real(0)
    # A squared distance from a matrix product may come out as a rounding below zero.
    return inline(lambda x: math.sqrt(vector_max(x, zero)))


def matern_energy(degree, slope):
    def build(real):
        zero, steep, third = real(0), real(slope), real(1 / 3)
        if degree == 1:

            def energy(x):
                s = steep * math.sqrt(vector_max(x, zero))
                return s - vector_log1p(s)
        else:

            def energy(x):
                s = steep * math.sqrt(vector_max(x, zero))
                return s - vector_log1p(s + s * s * third)

        return inline(energy)

    return build


def student_energy(real):
    infinity = real(np.inf)

    def energy(x, parameters):
        inverse_df, power = parameters
        # An excluded pair stands at infinity, of which vector_log1p makes a finite number.
        return power * vector_log1p(inverse_df * x) if x < infinity else x

    return inline(energy)


def logistic_factor(real):
    one = real(1)

    def factor(energy):
        denominator = one + vector_exp(-energy)
        return one / (denominator * denominator)

    return inline(factor)


def tophat(real):
    zero, one = real(0), real(1)
    return inline(lambda x: one if x < one else zero)


def polynomial(power):
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


def linear(real):
    zero, one = real(0), real(1)
    return inline(lambda x: vector_max(zero, one - math.sqrt(x)))


def tricube(real):
    zero, one = real(0), real(1)

    def tricube(x):
        x = vector_max(x, zero)
        height = vector_max(zero, one - x * math.sqrt(x))
        return height * height * height

    return inline(tricube)


def cosine(real):
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

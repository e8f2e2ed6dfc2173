"""Compiled loops for the logarithms and ratios of modified Bessel functions.

Each function goes over its arguments in blocks. A block is sorted into arguments *near* the origin
of the (v, x) plane, *far* ones, where the uniform expansion of :mod:`._debye` holds, and rare ones
(zeros, infinities, the ends of the range), which are done one at a time. Near and far arguments are
gathered and every step of a series is one loop over the block, which LLVM vectorises; the series is
as long as the worst argument of the block needs.

The expansions are summed in products and quotients of positive numbers, and exponents are kept
apart, so nothing cancels and nothing overflows.
"""

# References: DLMF 10.25.2 (series), 10.33.1 (continued fraction), 10.32.9 (integral of K), 10.41
# (uniform expansions); Temme 1975, J. Comput. Phys. 19 (K for small x); Banerjee, Dhillon, Ghosh,
# Sra 2005, JMLR 6 (first guess for the inverse of the ratio).

# Compiled code: its types are Numba's.
# mypy: no-check-untyped-defs

import math

import numpy as np

from kernlab._core.fastmath import vector_exp, vector_log, wide_vectors
from kernlab._core.jit import njit
from kernlab.special._bessel_rare import HUGE, TINY, log_iv_rare, log_kv_rare, ratio_rare
from kernlab.special._debye import (
    DEBYE,
    DEBYE_ENOUGH,
    DEBYE_RATIO,
    FAR,
    N_TERMS,
    RECIPROCAL_GAMMA,
)

# Revision of what is inlined or frozen here (_core/fastmath.py, _core/jit.py, special/_debye.py,
# special/_bessel_rare.py); a test says when it is stale. Changing it changes this file, and so
# renews Numba's disk cache.
INLINED_REVISION = "cbdd3c66"

BLOCK = 256
# Without reordering of sums: the logarithm's two parts must stay apart.
_EXACT = {"contract", "nsz"}
_FAR_SQUARED = FAR * FAR
# From this x on the integral of K needs few nodes; below it Temme's series converges at once.
_INTEGRAL_FROM = 1.0
_TEMME_TERMS = 12
# Nodes of the trapezoidal rule, whose error at this step is below 1e-17 for ρ < FAR.
_STEP = 0.11
_COSH_MINUS_ONE = 2 * np.sinh(0.5 * _STEP * np.arange(60)) ** 2
_LAST_GAMMA = len(RECIPROCAL_GAMMA) - 1


@njit
def log_iv(v, x, out):
    """``log I_v(x)`` for 1-D float64 arrays, as all arguments here."""
    _shifted_log_iv(v, x, 1.0, out)


@njit
def log_ive(v, x, out):
    """``log(I_v(x) e^-x)``, where ``ρ - x`` takes the place of ``ρ``."""
    _shifted_log_iv(v, x, 0.0, out)


@njit
def _shifted_log_iv(v, x, shift, out):
    """``log(I_v(x) e^-x) + shift·x``; ``shift`` is 0 or 1."""
    near, far, small, rare, a, b, work = _buffers(v.shape[0])
    for start in range(0, v.shape[0], BLOCK):
        counts = _sort(v, x, start, TINY, near, far, small, rare)
        for i in rare[: counts[2]]:
            out[i] = log_iv_rare(v[i], x[i], shift)
        for i in small[: counts[3]]:
            out[i] = log_iv_rare(v[i], x[i], shift)
        _gather(v, x, near, counts[0], a, b)
        _log_iv_near(counts[0], a, b, shift, work)
        _scatter(work[0], near, counts[0], out)
        _gather(v, x, far, counts[1], a, b)
        _log_iv_far(counts[1], a, b, shift, work)
        _scatter(work[0], far, counts[1], out)


@njit
def log_kv(v, x, out):
    """``log K_v(x)``."""
    near, far, small, rare, a, b, work = _buffers(v.shape[0])
    for start in range(0, v.shape[0], BLOCK):
        counts = _sort(v, x, start, _INTEGRAL_FROM, near, far, small, rare)
        for i in rare[: counts[2]]:
            out[i] = log_kv_rare(v[i], x[i])
        _gather(v, x, small, counts[3], a, b)
        _log_kv_small(counts[3], a, b, work)
        _scatter(work[0], small, counts[3], out)
        _gather(v, x, near, counts[0], a, b)
        _log_kv_near(counts[0], a, b, work)
        _scatter(work[0], near, counts[0], out)
        _gather(v, x, far, counts[1], a, b)
        _log_kv_far(counts[1], a, b, work)
        _scatter(work[0], far, counts[1], out)


@njit
def iv_ratio(v, x, ratio, complement):
    """``I_{v+1}(x)/I_v(x)`` and one less that, to full relative precision far from the origin."""
    near, far, small, rare, a, b, work = _buffers(v.shape[0])
    for start in range(0, v.shape[0], BLOCK):
        counts = _sort(v, x, start, TINY, near, far, small, rare)
        for i in rare[: counts[2]]:
            ratio[i], complement[i] = ratio_rare(v[i], x[i])
        for i in small[: counts[3]]:
            ratio[i], complement[i] = ratio_rare(v[i], x[i])
        _gather(v, x, near, counts[0], a, b)
        _ratio_near(counts[0], a, b, work)
        _scatter(work[0], near, counts[0], ratio)
        _scatter(work[1], near, counts[0], complement)
        _gather(v, x, far, counts[1], a, b)
        _ratio_far(counts[1], a, b, work)
        _scatter(work[0], far, counts[1], ratio)
        _scatter(work[1], far, counts[1], complement)


@njit
def inverse_iv_ratio(v, target, target_complement, out):
    """The ``x`` at which ``I_{v+1}(x)/I_v(x)`` is ``target``, by Newton's method."""
    at_x, ratio, complement = np.empty(1), np.empty(1), np.empty(1)
    for i in range(v.shape[0]):
        order, r, c = v[i], target[i], target_complement[i]
        if not (r > 0.0 and c > 0.0):
            out[i] = 0.0 if r == 0.0 else (math.inf if c == 0.0 else math.nan)
            continue
        p = 2.0 * order + 2.0
        x = r * (p - r * r) / (c * (1.0 + r))
        previous = math.inf
        for _ in range(60):
            at_x[0] = x
            iv_ratio(v[i : i + 1], at_x, ratio, complement)
            found, rest = ratio[0], complement[0]
            # d ratio/dx, DLMF 10.29.2; where it cancels, that of x/(a + √(x² + a²)), to which the
            # ratio then is close.
            slope = rest * (1.0 + found) - (p - 1.0) / x * found
            if slope < 1e-6 * rest * (1.0 + found):
                half = order + 0.5
                root = math.sqrt(x * x + half * half)
                slope = half / (root * (half + root))
            # Of ratio and complement the smaller is the more precise.
            step = (r - found if r < 0.5 else rest - c) / slope
            x_next = min(max(x + step, 0.25 * x), 4.0 * x)
            change = abs(x_next - x)
            x = x_next
            # Near the origin rounding of the ratio keeps the last steps from vanishing.
            if change <= 4e-16 * x or previous <= change <= 1e-10 * x:
                break
            previous = change
        out[i] = x


# --- Blocks --------------------------------------------------------------------------------------


@njit
def _buffers(n):
    size = min(n, BLOCK)
    index = np.empty((4, size), dtype=np.int64)
    work = np.empty((9, size))
    return index[0], index[1], index[2], index[3], np.empty(size), np.empty(size), work


@njit
def _sort(v, x, start, least, near, far, small, rare):
    """Places of the arguments of a block by region, and how many there are in each.

    Near ones with x below ``least`` are small.
    """
    n_near, n_far, n_small, n_rare = 0, 0, 0, 0
    for i in range(start, min(start + BLOCK, v.shape[0])):
        if not (v[i] >= 0.0 and v[i] <= HUGE and x[i] > 0.0 and x[i] <= HUGE):
            rare[n_rare] = i
            n_rare += 1
        elif v[i] * v[i] + x[i] * x[i] < _FAR_SQUARED:
            if x[i] >= least:
                near[n_near] = i
                n_near += 1
            else:
                small[n_small] = i
                n_small += 1
        elif x[i] >= TINY:
            far[n_far] = i
            n_far += 1
        else:
            rare[n_rare] = i
            n_rare += 1
    return n_near, n_far, n_rare, n_small


@njit
def _gather(v, x, places, n, a, b):
    for i in range(n):
        a[i] = v[places[i]]
        b[i] = x[places[i]]


@njit
def _scatter(values, places, n, out):
    for i in range(n):
        out[places[i]] = values[i]


# --- Far: the uniform expansion ------------------------------------------------------------------


@njit(fastmath=_EXACT)
def _debye_variables(n, v, x, work):
    """ρ, w and 1/ρ into rows 1 to 3; the number of terms that the least ρ needs."""
    wide_vectors()
    rho, w, g = work[1], work[2], work[3]
    for i in range(n):
        square = v[i] * v[i]
        rho[i] = math.sqrt(square + x[i] * x[i])
        g[i] = 1.0 / rho[i]
        w[i] = v[i] * g[i] * (v[i] * g[i])
    least = rho[0]
    for i in range(1, n):
        least = min(least, rho[i])
    terms = N_TERMS
    while terms > 1 and DEBYE_ENOUGH[terms - 1] <= least:
        terms -= 1
    return terms


@njit(fastmath=_EXACT)
def _debye_sum(table, terms, sign, n, w, g, total, p):
    """``Σ_k sign^k table_k(w) g^k`` over k from 1, by Horner's rule in w and in g."""
    wide_vectors()
    for i in range(n):
        total[i] = 0.0
    for k in range(terms, 0, -1):
        high, low = table[k, k], table[k, k - 1]
        for i in range(n):
            p[i] = high * w[i] + low
        # Two coefficients in each pass: half the traffic with the buffer.
        for j in range(k - 2, 0, -2):
            high, low = table[k, j], table[k, j - 1]
            for i in range(n):
                p[i] = (p[i] * w[i] + high) * w[i] + low
        if k % 2 == 0:
            low = table[k, 0]
            for i in range(n):
                p[i] = p[i] * w[i] + low
        for i in range(n):
            total[i] = (total[i] + p[i]) * (sign * g[i])


@njit(fastmath=_EXACT)
def _log_iv_far(n, v, x, shift, work):
    wide_vectors()
    if n == 0:
        return
    out, rho, w, g, total = work[0], work[1], work[2], work[3], work[4]
    terms = _debye_variables(n, v, x, work)
    _debye_sum(DEBYE, terms, 1.0, n, w, g, total, work[5])
    for i in range(n):
        # ρ - x without cancellation, or ρ itself.
        exponent = v[i] * (v[i] / (rho[i] + x[i])) + shift * x[i]
        tail = vector_log((1.0 + total[i]) * math.sqrt(g[i] * 0.15915494309189535))
        out[i] = exponent + (v[i] * vector_log(x[i] / (v[i] + rho[i])) + tail)


@njit(fastmath=_EXACT)
def _log_kv_far(n, v, x, work):
    wide_vectors()
    if n == 0:
        return
    out, rho, w, g, total = work[0], work[1], work[2], work[3], work[4]
    terms = _debye_variables(n, v, x, work)
    _debye_sum(DEBYE, terms, -1.0, n, w, g, total, work[5])
    for i in range(n):
        tail = vector_log((1.0 + total[i]) * math.sqrt(g[i] * 1.5707963267948966))
        out[i] = tail - v[i] * vector_log(x[i] / (v[i] + rho[i])) - rho[i]


@njit(fastmath=_EXACT)
def _ratio_far(n, v, x, work):
    wide_vectors()
    if n == 0:
        return
    ratio, complement, w, g, total = work[0], work[1], work[2], work[3], work[4]
    terms = _debye_variables(n, v, x, work)
    _debye_sum(DEBYE, terms, 1.0, n, w, g, total, work[5])
    # Row 0 is free until the end; row 1 holds ρ until the complement replaces it.
    _debye_sum(DEBYE_RATIO, terms, 1.0, n, w, g, ratio, work[5])
    for i in range(n):
        rho = work[1, i]
        correction = x[i] * g[i] * ratio[i] / (1.0 + total[i])
        ratio[i] = x[i] / (rho + v[i]) - correction
        complement[i] = v[i] * (v[i] / (rho + x[i]) + 1.0) / (rho + v[i]) + correction


# --- Near: series, continued fraction, integral --------------------------------------------------


@njit(fastmath=_EXACT)
def _log_iv_near(n, v, x, shift, work):
    wide_vectors()
    if n == 0:
        return
    out, numerator, denominator, quarter, fraction = work[0], work[1], work[2], work[3], work[4]
    largest_x, largest_v = x[0], v[0]
    for i in range(1, n):
        largest_x, largest_v = max(largest_x, x[i]), max(largest_v, v[i])
    terms, term, total = 0, 1.0, 1.0
    while term > 2e-17 * total:
        terms += 1
        term *= 0.25 * largest_x * largest_x / (terms * terms)
        total += term
    # Σ_k (x²/4)^k / (k! (v+1)_k) as a fraction: the terms are divided once, at the end.
    for i in range(n):
        quarter[i] = 0.25 * x[i] * x[i]
        numerator[i] = 1.0
        denominator[i] = 1.0
    for k in range(terms, 0, -1):
        for i in range(n):
            denominator[i] *= k * (k + v[i])
            numerator[i] = denominator[i] + quarter[i] * numerator[i]
    # 1/Γ(1+v) by its Taylor series at v less the nearest integer.
    for i in range(n):
        fraction[i] = v[i] - math.floor(v[i] + 0.5)
        out[i] = 0.0
    for k in range(_LAST_GAMMA, 0, -2):
        high, low = RECIPROCAL_GAMMA[k], RECIPROCAL_GAMMA[k - 1]
        for i in range(n):
            out[i] = (out[i] * fraction[i] + high) * fraction[i] + low
    for j in range(int(largest_v + 0.5)):
        for i in range(n):
            factor = v[i] - j
            denominator[i] *= factor if factor >= 0.5 else 1.0
    for i in range(n):
        leading = v[i] * vector_log(0.5 * x[i])
        out[i] = leading + vector_log(numerator[i] * out[i] / denominator[i]) + (shift - 1.0) * x[i]


@njit(fastmath=_EXACT)
def _ratio_near(n, v, x, work):
    wide_vectors()
    if n == 0:
        return
    numerator, denominator = work[0], work[1]
    largest = x[0]
    for i in range(1, n):
        largest = max(largest, x[i])
    # So many steps from the bound of Amos (1974) leave less than 3e-17.
    steps = int(9.0 + 4.4 * math.sqrt(largest))
    for i in range(n):
        order = v[i] + steps + 1.0
        numerator[i] = x[i]
        denominator[i] = order + math.sqrt(order * order + x[i] * x[i])
    # I_{k}/I_{k-1} = x / (2k + x I_{k+1}/I_k), as a fraction that is divided once.
    for k in range(steps, 0, -1):
        for i in range(n):
            following = 2.0 * (v[i] + k) * denominator[i] + x[i] * numerator[i]
            numerator[i] = x[i] * denominator[i]
            denominator[i] = following
    for i in range(n):
        numerator[i] /= denominator[i]
        denominator[i] = 1.0 - numerator[i]


@njit(fastmath=_EXACT)
def _log_kv_near(n, v, x, work):
    """``∫ exp(-x (cosh t - 1)) cosh(v t) dt`` by the trapezoidal rule."""
    wide_vectors()
    if n == 0:
        return
    total, up, down, grow, shrink = work[0], work[1], work[2], work[3], work[4]
    least_x, largest_v = x[0], v[0]
    for i in range(1, n):
        least_x, largest_v = min(least_x, x[i]), max(largest_v, v[i])
    for i in range(n):
        total[i] = 1.0
        up[i] = 1.0
        down[i] = 1.0
        grow[i] = vector_exp(v[i] * _STEP)
        shrink[i] = 1.0 / grow[i]
    highest = 0.0
    for j in range(1, _COSH_MINUS_ONE.shape[0]):
        cosh = _COSH_MINUS_ONE[j]
        # The heaviest tail of the block decides how many nodes there are.
        exponent = largest_v * _STEP * j - least_x * cosh
        highest = max(highest, exponent)
        if exponent < highest - 42.0:
            break
        for i in range(n):
            up[i] *= grow[i]
            down[i] *= shrink[i]
            total[i] += vector_exp(-x[i] * cosh) * (up[i] + down[i])
    for i in range(n):
        total[i] = vector_log(0.5 * _STEP * total[i]) - x[i]


@njit(fastmath=_EXACT)
def _log_kv_small(n, v, x, work):
    """Temme's series for the order nearest zero, then the recurrence upwards, which is stable."""
    wide_vectors()
    if n == 0:
        return
    first, second, f, p, q = work[0], work[1], work[2], work[3], work[4]
    log_inverse, mu, steps, c = work[5], work[6], work[7], work[8]
    most_steps = 0
    for i in range(n):
        log_inverse[i] = 0.6931471805599453 - math.log(x[i])  # x may be subnormal
        steps[i] = math.floor(v[i] + 0.5)
        mu[i] = v[i] - steps[i]
        most_steps = max(most_steps, int(steps[i]))
        p[i] = 0.0
        q[i] = 0.0
    # 1/Γ(1 ± μ) = even ± μ odd
    for k in range(_LAST_GAMMA - 1, -1, -2):
        even, odd = RECIPROCAL_GAMMA[k], RECIPROCAL_GAMMA[k + 1]
        for i in range(n):
            square = mu[i] * mu[i]
            p[i] = p[i] * square + even
            q[i] = q[i] * square + odd
    for i in range(n):
        even, odd = p[i], q[i]
        above, below = even + mu[i] * odd, even - mu[i] * odd
        sigma = mu[i] * log_inverse[i]
        up = vector_exp(sigma)
        down = 1.0 / up
        # sinh σ/σ: up - down cancels at small σ, where eight terms of the series serve.
        square = sigma * sigma
        series = 1.0
        for k in range(8, 0, -1):
            series = 1.0 + series * square * (1.0 / (2 * k * (2 * k + 1)))
        sinhc = series if square < 1.0 else 0.5 * (up - down) / (sigma if square >= 1.0 else 1.0)
        f[i] = (sinhc * log_inverse[i] * even - 0.5 * (up + down) * odd) / (above * below)
        p[i] = 0.5 * up / above
        q[i] = 0.5 * down / below
        c[i] = 1.0
        first[i] = f[i]
        second[i] = p[i]
    for k in range(1, _TEMME_TERMS):
        for i in range(n):
            inverse = 1.0 / (k * k - mu[i] * mu[i])
            f[i] = (k * f[i] + p[i] + q[i]) * inverse
            p[i] *= (k + mu[i]) * inverse
            q[i] *= (k - mu[i]) * inverse
            c[i] *= 0.25 * x[i] * x[i] / k
            first[i] += c[i] * f[i]
            second[i] += c[i] * (p[i] - k * f[i])
    # K_{μ+j} (x/2)^j: the powers of x/2 stay apart, or the orders above would overflow.
    for j in range(1, most_steps):
        for i in range(n):
            following = 0.25 * x[i] * x[i] * first[i] + (mu[i] + j) * second[i]
            first[i] = second[i] if steps[i] > j else first[i]
            second[i] = following if steps[i] > j else second[i]
    for i in range(n):
        value = first[i] if steps[i] == 0.0 else second[i]
        first[i] = vector_log(value) + steps[i] * log_inverse[i]

"""Log-Bessel functions on any array-API namespace: torch, CuPy and strict arrays.

The expansions are those of :mod:`._bessel_numba`, for whole arrays at once: each region is computed
where arguments outside it are replaced by harmless ones, and ``where`` picks. A region that holds
no argument is skipped. Everything stays on the device of the arguments.
"""

import math

import numpy as np

from kernlab._core.namespace import from_numpy, is_foreign, namespace_of
from kernlab.special._debye import DEBYE, DEBYE_RATIO, FAR, N_TERMS, RECIPROCAL_GAMMA

# The longest series that x < FAR, or x < 1 for K, takes; nodes and step of the integral of K.
_SERIES_TERMS = 41
_FRACTION_STEPS = 32
_TEMME_TERMS = 12
_INTEGRAL_FROM = 1.0
_STEP, _NODES = 0.11, 50
_HUGE = 1e150


def log_iv(v, x):
    return _call(_log_iv, v, x)


def log_kv(v, x):
    return _call(_log_kv, v, x)


def iv_ratio(v, x):
    return _call(_iv_ratio, v, x)


def _call(function, v, x):
    """Bring both arguments to one namespace, device and shape; compute in double precision."""
    like = x if is_foreign(x) else v
    xp = namespace_of(like)
    v, x = (a if is_foreign(a) else _beside(a, like, xp) for a in (v, x))
    if getattr(v, "requires_grad", False):
        raise ValueError("v requires a gradient, and there is none in the order; pass v.detach().")
    for a in (v, x):
        if not xp.isdtype(a.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"v and x must be real numbers, got dtype {a.dtype}.")
    floats = [a.dtype for a in (v, x) if xp.isdtype(a.dtype, "real floating")]
    dtype = xp.result_type(*floats) if floats else xp.float64
    v, x = xp.broadcast_arrays(xp.astype(v, xp.float64), xp.astype(x, xp.float64))
    if getattr(x, "requires_grad", False):
        from kernlab.special._bessel_torch import differentiable

        return xp.astype(differentiable(function)(v, x), dtype)
    # For namespaces that are NumPy underneath.
    with np.errstate(all="ignore"):
        return xp.astype(function(v, x), dtype)


def _beside(a, like, xp):
    dtype = like.dtype if xp.isdtype(like.dtype, "real floating") else xp.float64
    return from_numpy(np.asarray(a, dtype=np.float64), like, dtype)


# --- The three functions -------------------------------------------------------------------------


def _log_iv(v, x):
    xp = namespace_of(x)
    near = _is_near(v, x)
    exponent, _, total, g = _far(xp, v, x, near, 1.0)
    value = exponent + xp.log((1.0 + total) * xp.sqrt(g / (2 * math.pi)))
    if bool(xp.any(near)):
        value = xp.where(near, _log_iv_near(xp, *_only(xp, near, v, x, 1.0)), value)
    infinity = xp.full_like(x, xp.inf)
    value = xp.where((x == 0) | (v == xp.inf), -infinity, value)
    value = xp.where((x == 0) & (v == 0), xp.zeros_like(x), value)
    value = xp.where(x == xp.inf, infinity, value)
    return _valid(xp, v, x, value)


def _log_kv(v, x):
    xp = namespace_of(x)
    near = _is_near(v, x)
    exponent, _, total, g = _far(xp, v, x, near, -1.0)
    value = xp.log((1.0 + total) * xp.sqrt(g * (math.pi / 2))) - exponent
    integral, small = near & (x >= _INTEGRAL_FROM), near & (x < _INTEGRAL_FROM) & (x > 0)
    if bool(xp.any(integral)):
        part = _log_kv_integral(xp, *_only(xp, integral, v, x, 2.0))
        value = xp.where(integral, part, value)
    if bool(xp.any(small)):
        value = xp.where(small, _log_kv_small(xp, *_only(xp, small, v, x, 0.5)), value)
    infinity = xp.full_like(x, xp.inf)
    value = xp.where((x == 0) | (v == xp.inf), infinity, value)
    value = xp.where(x == xp.inf, -infinity, value)
    return _valid(xp, v, x, value)


def _iv_ratio(v, x):
    xp = namespace_of(x)
    near = _is_near(v, x)
    _, (v_far, x_far, rho, w), total, g = _far(xp, v, x, near, 1.0)
    correction = x_far / rho * _debye_sum(DEBYE_RATIO, w, g) / (1.0 + total)
    value = x_far / (rho + v_far) - correction
    if bool(xp.any(near)):
        value = xp.where(near, _ratio_near(xp, *_only(xp, near, v, x, 1.0)), value)
    value = xp.where((x == 0) | (v == xp.inf), xp.zeros_like(x), value)
    value = xp.where(x == xp.inf, xp.ones_like(x), value)
    return _valid(xp, v, x, value)


def _is_near(v, x):
    return v * v + x * x < FAR * FAR


def _only(xp, mask, v, x, harmless):
    """Arguments with those outside the mask replaced."""
    other = xp.full_like(x, harmless)
    return xp.where(mask, v, other), xp.where(mask, x, other)


def _valid(xp, v, x, value):
    valid = (v >= 0) & (x >= 0) & ~((v == xp.inf) & (x == xp.inf))
    return xp.where(valid, value, xp.full_like(value, xp.nan))


# --- Far -----------------------------------------------------------------------------------------


def _far(xp, v, x, near, sign):
    """The uniform expansion: exponent, its variables, the sum without its 1, and 1/ρ."""
    v, x = (xp.where(near, xp.full_like(a, FAR), a) for a in (v, x))
    # So small that squares stay finite.
    scale = xp.where((v > _HUGE) | (x > _HUGE), xp.full_like(x, 2.0**-520), xp.ones_like(x))
    v_scaled, x_scaled = v * scale, x * scale
    rho_scaled = xp.sqrt(v_scaled * v_scaled + x_scaled * x_scaled)
    g = scale / rho_scaled
    w = (v_scaled / rho_scaled) ** 2
    total = _debye_sum(DEBYE, w, sign * g)
    sum_scaled = v_scaled + rho_scaled
    quotient = x_scaled / sum_scaled
    usable = quotient > 1e-290
    log_quotient = xp.where(
        usable,
        xp.log(xp.where(usable, quotient, xp.ones_like(x))),
        xp.log(x) - xp.log(sum_scaled) + xp.log(scale),
    )
    exponent = (rho_scaled + v_scaled * log_quotient) / scale
    return exponent, (v_scaled, x_scaled, rho_scaled, w), total, g


def _debye_sum(table, w, g):
    """``Σ_k table_k(w) g^k`` over k from 1."""
    total = 0.0
    for k in range(N_TERMS, 0, -1):
        polynomial = float(table[k, k])
        for j in range(k - 1, -1, -1):
            polynomial = polynomial * w + float(table[k, j])
        total = (total + polynomial) * g
    return total


# --- Near ----------------------------------------------------------------------------------------


def _log_iv_near(xp, v, x):
    quarter = 0.25 * x * x
    numerator, denominator = xp.ones_like(x), xp.ones_like(x)
    for k in range(_SERIES_TERMS, 0, -1):
        denominator = denominator * (k * (k + v))
        numerator = denominator + quarter * numerator
    fraction = v - xp.floor(v + 0.5)
    reciprocal = float(RECIPROCAL_GAMMA[-1])
    for c in RECIPROCAL_GAMMA[-2::-1]:
        reciprocal = reciprocal * fraction + float(c)
    for j in range(int(FAR) + 1):
        denominator = denominator * xp.where(v - j >= 0.5, v - j, xp.ones_like(v))
    # Half of the least subnormal number is zero.
    return v * (xp.log(x) - math.log(2.0)) + xp.log(numerator * reciprocal / denominator)


def _ratio_near(xp, v, x):
    order = v + (_FRACTION_STEPS + 1.0)
    ratio = x / (order + xp.sqrt(order * order + x * x))
    for k in range(_FRACTION_STEPS, 0, -1):
        ratio = x / (2.0 * (v + k) + x * ratio)
    return ratio


def _log_kv_integral(xp, v, x):
    total, grow = xp.ones_like(x), xp.exp(v * _STEP)
    up, down = xp.ones_like(x), xp.ones_like(x)
    for j in range(1, _NODES):
        up, down = up * grow, down / grow
        total = total + xp.exp(x * (-2 * math.sinh(0.5 * _STEP * j) ** 2)) * (up + down)
    return xp.log(0.5 * _STEP * total) - x


def _log_kv_small(xp, v, x):
    steps = xp.floor(v + 0.5)
    mu = v - steps
    even, odd = xp.zeros_like(x), xp.zeros_like(x)
    for k in range(len(RECIPROCAL_GAMMA) - 2, -1, -2):
        even = even * mu * mu + float(RECIPROCAL_GAMMA[k])
        odd = odd * mu * mu + float(RECIPROCAL_GAMMA[k + 1])
    above, below = even + mu * odd, even - mu * odd
    log_inverse = math.log(2.0) - xp.log(x)
    sigma = mu * log_inverse
    ones = xp.ones_like(x)
    nonzero = xp.where(sigma == 0, ones, sigma)
    sinhc = xp.where(sigma == 0, ones, xp.sinh(nonzero) / nonzero)
    f = (sinhc * log_inverse * even - xp.cosh(sigma) * odd) / (above * below)
    p, q = 0.5 * xp.exp(sigma) / above, 0.5 * xp.exp(-sigma) / below
    square = 0.25 * x * x
    c, first, second = ones, f, p
    for k in range(1, _TEMME_TERMS):
        f = (k * f + p + q) / (k * k - mu * mu)
        p, q = p / (k - mu), q / (k + mu)
        c = c * square / k
        first, second = first + c * f, second + c * (p - k * f)
    value = xp.log(first)
    for j in range(1, int(FAR) + 1):
        value = xp.where(steps == j, xp.log(second) + j * log_inverse, value)
        first, second = second, square * first + (mu + j) * second
    return value

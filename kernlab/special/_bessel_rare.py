"""Log-Bessel functions at the ends of the range, one argument at a time: compiled scalars.

Zeros, infinities, NaN, and arguments whose squares or quotients leave the range of floating point,
where the leading term of a series or expansion is all there is.
"""

# Compiled code: its types are Numba's.
# mypy: no-check-untyped-defs

import math

from kernlab._core.jit import njit

# Within these squares and quotients neither over- nor underflow; logarithms are of normal numbers.
TINY, HUGE = 1e-150, 1e150
_LOG_TWO = math.log(2.0)
# Two numbers up to the largest float, taken so many times smaller, have a sum of squares.
_SCALE = 2.0**-520


@njit
def _exponent(v, x):
    """``ρ + v log(x/(v+ρ))`` and ``ρ - x + v log(x/(v+ρ))`` where squares would overflow."""
    v_small, x_small = v * _SCALE, x * _SCALE
    rho = math.hypot(v_small, x_small)
    quotient = x_small / (v_small + rho)
    if quotient > 1e-290:
        log_quotient = math.log(quotient)
    else:
        log_quotient = math.log(x) - math.log(v_small + rho) + math.log(_SCALE)
    tail = v_small * log_quotient
    return (rho + tail) / _SCALE, (v_small * (v_small / (rho + x_small)) + tail) / _SCALE


@njit
def log_iv_rare(v, x, shift):
    if not (v >= 0.0 and x >= 0.0) or (v == math.inf and x == math.inf):
        return math.nan
    if x == 0.0:
        return 0.0 if v == 0.0 else -math.inf
    if x == math.inf:
        return math.inf if shift else -math.inf
    if v == math.inf:
        return -math.inf
    if x < TINY and v <= HUGE:
        # Half of the least subnormal number is zero.
        return v * (math.log(x) - _LOG_TWO) - math.lgamma(v + 1.0)
    plain, scaled = _exponent(v, x)
    log_root = 0.5 * (math.log(max(v, x)) + 1.8378770664093453)
    return (plain if shift else scaled) - log_root


@njit
def log_kv_rare(v, x):
    if not (v >= 0.0 and x >= 0.0) or (v == math.inf and x == math.inf):
        return math.nan
    if x == 0.0 or v == math.inf:
        return math.inf
    if x == math.inf:
        return -math.inf
    if x < TINY and v <= HUGE:
        return math.lgamma(v) - v * (math.log(x) - _LOG_TWO) - _LOG_TWO
    return -_exponent(v, x)[0]


@njit
def ratio_rare(v, x):
    if not (v >= 0.0 and x >= 0.0) or (v == math.inf and x == math.inf):
        return math.nan, math.nan
    if x == 0.0 or v == math.inf:
        return 0.0, 1.0
    if x == math.inf:
        return 1.0, 0.0
    if x < TINY and v <= HUGE:
        return x / (2.0 * (v + 1.0)), 1.0
    v_small, x_small = v * _SCALE, x * _SCALE
    rho = math.hypot(v_small, x_small)
    correction = 0.5 * x_small / rho * (_SCALE / rho)
    rest = v_small * (v_small / (rho + x_small) + 1.0) / (rho + v_small)
    return x_small / (rho + v_small), rest + correction

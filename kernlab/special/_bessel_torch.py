"""Gradients in x of the log-Bessel functions, for torch; imported once one is asked for.

Backward passes are made of the functions themselves, so that gradients have gradients.
"""

import functools

from kernlab._core.namespace import namespace_of
from kernlab.special import _bessel_array


@functools.cache
def differentiable(function):
    """``function(v, x)`` of :mod:`._bessel_array` with a gradient in ``x``."""
    import torch

    slope = _SLOPES[function]

    class WithGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v, x):
            ctx.save_for_backward(v, x)
            return function(v, x)

        @staticmethod
        def backward(ctx, gradient):
            v, x = ctx.saved_tensors
            return None, gradient * slope(v, x)

    return WithGradient.apply


def _slope_of_log_iv(v, x):
    """``I_v'/I_v = I_{v+1}/I_v + v/x``, DLMF 10.29.2."""
    return _bessel_array.iv_ratio(v, x) + namespace_of(x).where(v == 0, v, v / x)


def _slope_of_log_kv(v, x):
    """``K_v'/K_v = -K_{v-1}/K_v - v/x``, DLMF 10.29.2, two terms of one sign."""
    xp = namespace_of(x)
    log_quotient = _bessel_array.log_kv(abs(v - 1), x) - _bessel_array.log_kv(v, x)
    # At zero a difference of infinities.
    return xp.where(x == 0, xp.full_like(x, -xp.inf), -xp.exp(log_quotient) - v / x)


def _slope_of_ratio(v, x):
    """``R' = 1 - R² - (2v+1) R/x``."""
    ratio = _bessel_array.iv_ratio(v, x)
    xp, at_zero = namespace_of(x), x == 0
    over_x = xp.where(at_zero, 0.5 / (v + 1), ratio / xp.where(at_zero, v + 1, x))
    return 1 - ratio**2 - (2 * v + 1) * over_x


_SLOPES = {
    _bessel_array._log_iv: _slope_of_log_iv,
    _bessel_array._log_kv: _slope_of_log_kv,
    _bessel_array._iv_ratio: _slope_of_ratio,
}

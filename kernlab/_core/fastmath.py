"""Exponentials and logarithms that LLVM vectorises inside Numba loops.

Numba's ``math.exp`` and ``math.log`` call the C library once per element unless Intel's SVML is
installed; these few fused multiply-adds inline into the loop and run eight or sixteen at a time.
Arguments are never NaN. Those of ``vector_exp`` are finite or infinite and clamped to the range in
which the result is a normal number, so that it is never zero or infinity; ``vector_log1p`` of
infinity is the logarithm of the largest float; ``vector_log`` takes positive normal numbers.

Compiled callers in other files carry :data:`kernlab._core.revision.revision` of this file's text.
"""

# Method: x = n ln2 + r, |r| <= ln2/2; exp(r) by a polynomial, 2**n by adding n to the exponent
# bits. n comes from adding 1.5·2**52 (1.5·2**23 in single precision), which leaves the rounded
# integer in the low mantissa bits. One fused step for r is enough: its error, |x|·3e-17, is below
# the rounding of x itself. The coefficients are Chebyshev interpolants of exp on |r| <= ln2/2,
# economised to degree 10 (relative error 2e-16) and degree 5 (8e-8).
#
# log and log1p: 1 + x = 2**k (1 + f) with 1 + f in [√½, √2), and f = x where k = 0, so that a
# small x keeps its digits; log(1 + f) = 2 atanh(f / (2 + f)), whose series in
# z = (f / (2 + f))² <= 0.03 is economised likewise (relative error 5e-18 and 3e-9).

import math

import numpy as np
from llvmlite import ir
from numba import float32, types
from numba.extending import intrinsic, overload

from kernlab._core.jit import inline

# Beyond these the result would leave the normal range. The upper bounds leave room for a sum of
# 2**14 terms.
LOWEST = {np.float64: -708.0, np.float32: -87.0}
HIGHEST = {np.float64: 700.0, np.float32: 78.0}

_LOG2E = math.log2(math.e)
_LN2 = math.log(2.0)
_SHIFT64 = 1.5 * 2.0**52
_LOW64, _HIGH64 = LOWEST[np.float64], HIGHEST[np.float64]
_A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8, _A9, _A10 = (
    1.0000000000000067,
    0.5000000000000019,
    0.16666666666554392,
    0.04166666666648808,
    0.00833333338567163,
    0.0013888888952318427,
    0.0001984117026611966,
    2.48014854788088e-05,
    2.764018241331459e-06,
    2.763264082626175e-07,
)
_ONE32 = np.float32(1.0)
_LOG2E32 = np.float32(_LOG2E)
_MINUS_LN2_32 = np.float32(-_LN2)
_SHIFT32 = np.float32(1.5 * 2.0**23)
_LOW32, _HIGH32 = np.float32(LOWEST[np.float32]), np.float32(HIGHEST[np.float32])
_B0, _B1, _B2, _B3, _B4, _B5 = (
    np.float32(c)
    for c in (
        1.0000000754958025,
        1.0000000377276752,
        0.4999886910428092,
        0.16666415476229127,
        0.04191753019090671,
        0.008375128974237988,
    )
)


_ROOT_HALF64 = np.float64(0.5**0.5).view(np.int64)
_ROOT_TWO64 = 2.0**0.5
_LARGEST64 = 1e308
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (
    0.3333333333333335,
    0.19999999999949722,
    0.14285714313001635,
    0.11111105565129939,
    0.09091444727837474,
    0.07665855309105386,
    0.07308292712444311,
)
_TWO32 = np.float32(2.0)
_LN2_32 = np.float32(_LN2)
_ROOT_HALF32 = np.float32(0.5**0.5).view(np.int32)
_ROOT_TWO32 = np.float32(2.0**0.5)
_LARGEST32 = np.float32(2e38)
_D0, _D1, _D2 = (
    np.float32(c) for c in (0.33333342522578013, 0.19994389141081403, 0.1479002652159422)
)


@intrinsic
def wide_vectors(typing_context):
    """Let the enclosing function use 512-bit vectors where the processor has them.

    LLVM holds itself to 256 bits on most such processors, for the sake of code that mixes a little
    vector work into much else; these loops are vector work alone and run 1.4 to 1.7 times faster.
    """

    def codegen(context, builder, signature, args):
        # llvmlite checks attribute names against a list that lacks this one. If its attributes
        # cease to be a set the hint is lost, and nothing else.
        if isinstance(builder.function.attributes, set):
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


def _bitcast(source, target, llvm_target):
    @intrinsic
    def cast(typing_context, x):
        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], llvm_target)

        return target(source), codegen

    return cast


def _add_exponent(integer, mantissa_bits):
    @intrinsic
    def add(typing_context, bits, n):
        def codegen(context, builder, signature, args):
            shift = ir.Constant(args[1].type, mantissa_bits)
            return builder.add(args[0], builder.shl(args[1], shift))

        return integer(integer, integer), codegen

    return add


def _minus_exponent(integer, mantissa_bits, root_half):
    """``-k`` with ``x / 2**k`` in [√½, √2), from the bits of ``x``."""

    @intrinsic
    def minus_exponent(typing_context, bits):
        def codegen(context, builder, signature, args):
            kind = args[0].type
            above = builder.sub(args[0], ir.Constant(kind, int(root_half)))
            return builder.neg(builder.ashr(above, ir.Constant(kind, mantissa_bits)))

        return integer(integer), codegen

    return minus_exponent


def _min_or_max(name):
    @intrinsic
    def choose(typing_context, x, y):
        def codegen(context, builder, signature, args):
            kind = args[0].type
            function = builder.module.declare_intrinsic(
                name, [kind], ir.FunctionType(kind, [kind, kind])
            )
            return builder.call(function, args, fastmath=("nnan", "nsz"))

        return x(x, x), codegen

    return choose


@intrinsic
def _fma(typing_context, a, b, c):
    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return a(a, a, a), codegen


vector_min = _min_or_max("llvm.minnum")
vector_max = _min_or_max("llvm.maxnum")
_bits64 = _bitcast(types.float64, types.int64, ir.IntType(64))
_float64 = _bitcast(types.int64, types.float64, ir.DoubleType())
_bits32 = _bitcast(types.float32, types.int32, ir.IntType(32))
_float32 = _bitcast(types.int32, types.float32, ir.FloatType())
_scale64 = _add_exponent(types.int64, 52)
_scale32 = _add_exponent(types.int32, 23)
_add64 = _add_exponent(types.int64, 0)
_add32 = _add_exponent(types.int32, 0)
_minus_exponent64 = _minus_exponent(types.int64, 52, _ROOT_HALF64)
_minus_exponent32 = _minus_exponent(types.int32, 23, _ROOT_HALF32)


@inline
def _exp64(x):
    x = vector_max(vector_min(x, _HIGH64), _LOW64)
    t = _fma(x, _LOG2E, _SHIFT64)
    r = _fma(t - _SHIFT64, -_LN2, x)
    p = _fma(_A10, r, _A9)
    p = _fma(p, r, _A8)
    p = _fma(p, r, _A7)
    p = _fma(p, r, _A6)
    p = _fma(p, r, _A5)
    p = _fma(p, r, _A4)
    p = _fma(p, r, _A3)
    p = _fma(p, r, _A2)
    p = _fma(p, r, _A1)
    p = _fma(p, r, 1.0)
    return _float64(_scale64(_bits64(p), _bits64(t)))


@inline
def _exp32(x):
    x = vector_max(vector_min(x, _HIGH32), _LOW32)
    t = _fma(x, _LOG2E32, _SHIFT32)
    r = _fma(t - _SHIFT32, _MINUS_LN2_32, x)
    p = _fma(_B5, r, _B4)
    p = _fma(p, r, _B3)
    p = _fma(p, r, _B2)
    p = _fma(p, r, _B1)
    p = _fma(p, r, _B0)
    return _float32(_scale32(_bits32(p), _bits32(t)))


@inline
def _log1p64(x):
    x = vector_min(x, _LARGEST64)
    y = 1.0 + x
    n = _minus_exponent64(_bits64(y))
    f = x if y < _ROOT_TWO64 else _float64(_scale64(_bits64(y), n)) - 1.0
    return _log_of64(f, n)


@inline
def _log_of64(f, n):
    """``log((1 + f) 2**k)`` of ``1 + f`` in [√½, √2), with ``-k`` in the exponent bits ``n``."""
    s = f / (2.0 + f)
    z = s * s
    p = _fma(_C6, z, _C5)
    p = _fma(p, z, _C4)
    p = _fma(p, z, _C3)
    p = _fma(p, z, _C2)
    p = _fma(p, z, _C1)
    p = _fma(p, z, _C0)
    minus_k = _float64(_add64(_bits64(_SHIFT64), n)) - _SHIFT64
    s += s
    return _fma(minus_k, -_LN2, _fma(s, z * p, s))


@inline
def _log1p32(x):
    x = vector_min(x, _LARGEST32)
    y = _ONE32 + x
    n = _minus_exponent32(_bits32(y))
    f = x if y < _ROOT_TWO32 else _float32(_scale32(_bits32(y), n)) - _ONE32
    s = f / (_TWO32 + f)
    z = s * s
    p = _fma(_D2, z, _D1)
    p = _fma(p, z, _D0)
    minus_k = _float32(_add32(_bits32(_SHIFT32), n)) - _SHIFT32
    s += s
    return _fma(minus_k, _MINUS_LN2_32, _fma(s, z * p, s))


def vector_exp(x):
    """Exponential of a float64 or float32 scalar, for compiled loops only."""
    raise TypeError("vector_exp works inside compiled code only")


@overload(vector_exp, inline="always")
def _vector_exp(x):
    if x == float32:
        return lambda x: _exp32(x)
    return lambda x: _exp64(x)


def vector_log1p(x):
    """``log(1 + x)`` of a float64 or float32 scalar ``x >= 0``, for compiled loops only."""
    raise TypeError("vector_log1p works inside compiled code only")


@overload(vector_log1p, inline="always")
def _vector_log1p(x):
    if x == float32:
        return lambda x: _log1p32(x)
    return lambda x: _log1p64(x)


@inline
def vector_log(x):
    """Natural logarithm of a positive normal float64 scalar, for compiled loops only."""
    n = _minus_exponent64(_bits64(x))
    return _log_of64(_float64(_scale64(_bits64(x), n)) - 1.0, n)

"""Exponentials and logarithms that LLVM vectorises inside Numba loops.

Numba's ``math.exp`` and ``math.log`` call the C library once per element unless Intel's SVML is
installed; these few fused multiply-adds inline into the loop and run eight or sixteen at a time.
Arguments of ``vector_exp`` must be finite or infinite, never NaN; they are clamped to the range in
which the result is a normal number, so that it never returns zero or infinity. Arguments of
``vector_log`` must be positive normal numbers.

Compiled callers in other files carry :data:`kernlab._core.revision.revision` of this file's text.
"""

# Method: x = n ln2 + r, |r| <= ln2/2; exp(r) by a polynomial, 2**n by adding n to the exponent
# bits. n comes from adding 1.5·2**52 (1.5·2**23 in single precision), which leaves the rounded
# integer in the low mantissa bits. One fused step for r is enough: its error, |x|·3e-17, is below
# the rounding of x itself. The coefficients are Chebyshev interpolants of exp on |r| <= ln2/2,
# economised to degree 10 (relative error 2e-16) and degree 5 (8e-8).

# Method of the logarithm: x = 2**k m with m in [√½, √2), log m = 2 artanh f with f = (m-1)/(m+1),
# |f| <= 0.172, by its Taylor polynomial (next term 4e-18); k ln2 in two parts, the first exact.

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
_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # 11 bits short, so that k times it is exact
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
_ROOT_HALF_BITS = int(np.float64(math.sqrt(0.5)).view(np.int64))
_L3, _L5, _L7, _L9, _L11, _L13, _L15, _L17, _L19, _L21 = (2.0 / k for k in range(3, 22, 2))
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


def vector_exp(x):
    """Exponential of a float64 or float32 scalar, for compiled loops only."""
    raise TypeError("vector_exp works inside compiled code only")


@overload(vector_exp, inline="always")
def _vector_exp(x):
    if x == float32:
        return lambda x: _exp32(x)
    return lambda x: _exp64(x)


@inline
def vector_log(x):
    """Natural logarithm of a positive normal float64 scalar, for compiled loops only."""
    bits = _bits64(x)
    k = (bits - _ROOT_HALF_BITS) >> 52
    m = _float64(bits - (k << 52))
    f = (m - 1.0) / (m + 1.0)
    w = f * f
    p = _fma(_L21, w, _L19)
    p = _fma(p, w, _L17)
    p = _fma(p, w, _L15)
    p = _fma(p, w, _L13)
    p = _fma(p, w, _L11)
    p = _fma(p, w, _L9)
    p = _fma(p, w, _L7)
    p = _fma(p, w, _L5)
    p = _fma(p, w, _L3)
    exponent = float(k)
    # f·w·p is below 1 % of 2f, so its rounding and that of the low part hardly count.
    tail = _fma(f * w, p, exponent * _LN2_LOW)
    return _fma(exponent, _LN2_HIGH, _fma(2.0, f, tail))

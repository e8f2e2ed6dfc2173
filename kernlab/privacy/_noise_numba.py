"""Compiled discrete Laplace draws: integers only, a fixed function of a stream of random words.

The draw is that of Canonne, Kamath and Steinke, *The Discrete Gaussian for Differential Privacy*,
NeurIPS 2020, algorithms 1 and 2: ``u`` uniform below the scale ``t`` is kept with probability
``exp(-u / t)``, ``v`` counts successes of probability ``1 / e``, and ``u + t v`` gets a sign, a
negative zero being drawn again. Every probability is met exactly: a uniform integer is cut from
as few bits as can hold it and drawn again when it is too large, and the exponentials are races
of uniform integers. No number here is a float.

Random bits come from ``size`` words at the address ``words``; the place in them is a position, a
pool of bits not yet taken and how many of those are left. Where words run out in the middle of a
draw, that draw is not thrown away: long draws would be lost more often than short ones, which
biases what remains. Instead ``fill_laplace`` hands back the place where the draw began, and the
caller calls again with the same words followed by new ones. What comes out is hence one function
of one stream of independent words, wherever the stream was cut into blocks.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from kernlab._core.jit import inline, njit

# The magnitude u + t v is computed modulo 2^64. A sum of integers and the noise then hold their
# true value modulo 2^64, a function of the true value, so not even an overflow (chance below
# exp(-1023) at the largest scale, 2^53) could reveal more than the exact mechanism does.
LARGEST_SCALE = 2**53

# A race for 1/e: at step k = 1, 2, ... go on with probability 1/k; the step that stops is odd with
# probability 1/e. All steps up to 7 are decided by one uniform integer below 7!, whose 1854 (the
# derangements of 7 things) highest values stop at an odd step and whose lowest goes on to step 8.
# Thirteen times 7! is just below 2^16, so 16 bits are drawn again only once in 4096.
_RACE_BITS = 16
_RACE = 13 * 5040
_RACE_ODD = _RACE - 13 * 1854
_RACE_OPEN = 13


@intrinsic
def _word(typing_context, words, position):
    """The word at a position after an address.

    Arrays among the arguments of the functions below would have their references counted at each
    call, which takes ten times as long as all the rest; an address has none.
    """

    def codegen(context, builder, signature, arguments):
        address, index = arguments
        pointer = builder.inttoptr(address, context.get_value_type(types.uint64).as_pointer())
        return builder.load(builder.gep(pointer, [index]))

    return types.uint64(types.intp, types.intp), codegen


@inline
def _take(count, words, size, position, pool, left):
    """``count < 64`` fresh bits; zero, and a position beyond the end, once words run out.

    Zeros end every loop below, so that a draw without words comes to an end.
    """
    if left < count:
        # Bits too few to use are dropped; nothing was decided by their values.
        if position >= size:
            return np.uint64(0), size + 1, pool, left
        pool = _word(words, position)
        position += 1
        left = 64
    value = pool & ((np.uint64(1) << np.uint64(count)) - np.uint64(1))
    return value, position, pool >> np.uint64(count), left - count


@inline
def _uniform(bound, bits, words, size, position, pool, left):
    """A uniform integer below ``bound``, where ``2**(bits - 1) < bound <= 2**bits``."""
    while True:
        value, position, pool, left = _take(bits, words, size, position, pool, left)
        if value < bound:
            return value, position, pool, left


@inline
def _race(step, u, scale, bits, words, size, position, pool, left):
    """Whether a race from ``step`` on, with chance ``u / (scale step)`` to go on, stops odd.

    From the first step, this has probability ``exp(-u / scale)``.
    """
    step_bits = 0
    while True:
        while (1 << step_bits) < step:
            step_bits += 1
        # Chances 1 / step and u / scale one after the other: their product needs no product of
        # scale and step, and the first is cheap and mostly settles it.
        chosen, position, pool, left = _uniform(
            np.uint64(step), step_bits, words, size, position, pool, left
        )
        if chosen != np.uint64(step - 1):
            break
        below, position, pool, left = _uniform(scale, bits, words, size, position, pool, left)
        if below >= u:
            break
        step += 1
    return step & 1 == 1, position, pool, left


@inline
def _success(words, size, position, pool, left):
    """True with probability ``1 / e``."""
    value, position, pool, left = _uniform(
        np.uint64(_RACE), _RACE_BITS, words, size, position, pool, left
    )
    if value >= np.uint64(_RACE_OPEN):
        return value >= np.uint64(_RACE_ODD), position, pool, left
    return _race(8, np.uint64(1), np.uint64(1), 0, words, size, position, pool, left)


@njit
def fill_laplace(scale, bits, block, pool, left, out, filled):
    """Fill ``out[filled:]`` until it is full or the words run out.

    Parameters
    ----------
    scale : uint64
        ``t`` in the probability of ``k``, proportional to ``exp(-|k| / t)``; at most 2^53.
    bits : int
        Bits of ``scale - 1``.
    block : uint64 array
        Independent uniform words.
    pool, left : uint64, int
        Bits of an earlier word that come before ``block``, and how many of them.
    out : int64 array
        Receives the draws.
    filled : int
        How many are there already.

    Returns
    -------
    filled, position, pool, left
        How many draws are in ``out``, and the place in ``block`` where the next one begins. An
        unfinished draw begins there anew, from the same bits.
    """
    words, size = block.ctypes.data, block.size
    position = 0
    while filled < out.size:
        start, start_pool, start_left = position, pool, left
        while True:
            u = np.uint64(0)
            kept = False
            while not kept:
                u, position, pool, left = _uniform(scale, bits, words, size, position, pool, left)
                kept, position, pool, left = _race(
                    1, u, scale, bits, words, size, position, pool, left
                )
            v = np.uint64(0)
            again = True
            while again:
                again, position, pool, left = _success(words, size, position, pool, left)
                v += np.uint64(again)
            sign, position, pool, left = _take(1, words, size, position, pool, left)
            magnitude = u + scale * v
            # Zero has one sign only.
            if sign == np.uint64(0) or magnitude > np.uint64(0):
                break
        if position > size:
            return filled, start, start_pool, start_left
        out[filled] = np.int64(magnitude if sign == np.uint64(0) else np.uint64(0) - magnitude)
        filled += 1
    return filled, position, pool, left

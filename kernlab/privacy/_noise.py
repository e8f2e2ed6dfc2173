"""Integer noise for private releases: where it comes from, and what vouches for it.

Three suppliers. ``'opendp'`` draws with OpenDP's discrete Laplace and Gaussian mechanisms, which
many have read. ``'builtin'`` is an exact discrete Laplace sampler of our own on the operating
system's entropy, for releases of a million integers and more; tests hold the two against the exact
probabilities and against each other. ``'insecure-test'`` is NumPy's seeded generator, for tests of
what the noise does to a result; nothing it protects is private.

A private source has no state: it holds neither a seed nor entropy drawn ahead, and two calls share
nothing. Sources are made for one release and dropped, and never stored on an estimator.
"""

import math
import operator
import os
from numbers import Real

import numpy as np

from kernlab._core.extras import import_extra
from kernlab.privacy._noise_numba import LARGEST_SCALE, fill_laplace

NOISE_SOURCES = ("opendp", "builtin", "insecure-test")

# Words of entropy fetched at a time: they stay in the second cache.
_BLOCK = 2**14
# Distinguishes the noise of 'insecure-test' from other streams of the same seed, such as those of
# projections.
_NOISE_STREAM = 0x6E6F697365


def noise_source(noise, *, seed=None):
    """The supplier of integer noise with a given name.

    Parameters
    ----------
    noise : {'opendp', 'builtin', 'insecure-test'}
        OpenDP (extra ``privacy``), our exact sampler (Laplace only), or NumPy's generator,
        which is for tests alone.
    seed : int, optional
        For ``'insecure-test'``; fresh if None. Private sources take no seed and never see it, so
        that a public seed of projections may be passed whatever ``noise`` is.

    Returns
    -------
    source
        With ``laplace(scale, size)`` and ``gaussian(scale, size)``, which return int64 arrays of
        shape (size,); ``is_private``; ``name``. Draws of the one have probabilities proportional
        to ``exp(-|k| / scale)``, of the other to ``exp(-k² / (2 scale²))``, scales from 1 to 2^53
        (integers for ``laplace``): a finer grid makes a larger scale.
    """
    if noise == "opendp":
        return _OpenDPNoise()
    if noise == "builtin":
        return _BuiltinNoise()
    if noise == "insecure-test":
        return _InsecureNoise(seed)
    raise ValueError(
        f"noise={noise!r} is unknown; choose 'opendp', or 'builtin' for our own Laplace sampler "
        "(or 'insecure-test', which protects nothing, in a test)."
    )


def exact_laplace(scale, size, *, entropy=os.urandom, block=_BLOCK):
    """Discrete Laplace draws, exact, from ``entropy(n_bytes)``.

    Parameters
    ----------
    scale : int
        From 1 to 2^53.
    size : int
        How many.
    entropy : callable
        Returns that many bytes of independent uniform bits.
    block : int
        Most words to fetch at a time. The draws are the same function of the stream of words
        whatever it is.

    Returns
    -------
    int64 array of shape (size,)
    """
    out = np.empty(size, np.int64)
    bits = (scale - 1).bit_length()
    # A guess: four integers below the scale, more when many are drawn again, and some 26 bits for
    # the geometric part and the sign. Where it is too low, one more block is fetched.
    words_per_draw = 1 + bits // 10
    words = np.empty(0, np.uint64)
    filled, pool, left = 0, 0, 0
    while filled < size:
        wanted = min(block, 64 + words_per_draw * (size - filled))
        fresh = np.frombuffer(entropy(8 * wanted), dtype=np.uint64)
        # The first words are those of a draw cut short; see the top of _noise_numba.
        joined = np.concatenate((words, fresh))
        words[:] = 0
        filled, position, pool, left = fill_laplace(
            np.uint64(scale), bits, joined, np.uint64(pool), left, out, filled
        )
        words = joined[position:].copy()
        # What was used must not lie about in memory, where it would tell the noise. (The bytes
        # object the words came in cannot be erased from Python; it is freed at once.)
        joined[:] = 0
    # Words left over are dropped: no later call sees them.
    words[:] = 0
    return out


class _BuiltinNoise:
    name = "builtin"
    is_private = True

    def laplace(self, scale, size):
        return exact_laplace(_check_integer_scale(scale), _check_size(size))

    def gaussian(self, scale, size):
        raise ValueError(
            "noise='builtin' draws Laplace noise only; for Gaussian noise (delta > 0) "
            "use noise='opendp'."
        )


class _OpenDPNoise:
    name = "opendp"
    is_private = True

    def __init__(self):
        self._opendp = import_extra(
            "opendp.prelude", extra="privacy", purpose="noise='opendp', the default supplier,"
        )
        self._opendp.enable_features("contrib")

    def laplace(self, scale, size):
        dp = self._opendp
        # 2^53 and every integer below is a float without rounding.
        scale = float(_check_integer_scale(scale))
        return self._draw(dp.m.make_laplace, dp.l1_distance(T="i64"), scale, size)

    def gaussian(self, scale, size):
        dp = self._opendp
        scale = _check_real_scale(scale)
        return self._draw(dp.m.make_gaussian, dp.l2_distance(T=float), scale, size)

    def _draw(self, mechanism, metric, scale, size):
        dp = self._opendp
        # "i64" in words: OpenDP takes Python's int for 32 bits and saturates there.
        domain = dp.vector_domain(dp.atom_domain(T="i64"))
        zeros = np.zeros(_check_size(size), np.int64)
        return np.array(mechanism(domain, metric, scale=scale)(zeros), dtype=np.int64)


class _InsecureNoise:
    name = "insecure-test"
    is_private = False

    def __init__(self, seed):
        self._generator = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(_NOISE_STREAM,))
        )

    def laplace(self, scale, size):
        scale, size = _check_integer_scale(scale), _check_size(size)
        # The whole part of an exponential variable is geometric, and the difference of two such
        # is discrete Laplace. NumPy's geometric generator fails where 1 / scale is tiny.
        first, second = np.floor(self._generator.standard_exponential((2, size)) * scale)
        return first.astype(np.int64) - second.astype(np.int64)

    def gaussian(self, scale, size):
        scale, size = _check_real_scale(scale), _check_size(size)
        return np.rint(self._generator.normal(0.0, scale, size)).astype(np.int64)


def _check_integer_scale(scale):
    if isinstance(scale, (bool, np.bool_)) or not hasattr(scale, "__index__"):
        raise TypeError(
            f"The scale of integer Laplace noise is an integer; got {scale!r}. "
            "Round it up, which never weakens the guarantee."
        )
    scale = operator.index(scale)
    _check_range(scale)
    return scale


def _check_real_scale(scale):
    if isinstance(scale, (bool, np.bool_)) or not isinstance(scale, Real):
        raise TypeError(f"The scale of Gaussian noise is a real number; got {scale!r}.")
    _check_range(scale)
    return float(scale)


def _check_range(scale):
    if math.isnan(scale) or scale < 1:
        raise ValueError(
            f"The scale of integer noise is at least 1; got {scale!r}. Count in a finer grid, "
            "which makes it larger."
        )
    if scale > LARGEST_SCALE:
        raise ValueError(
            f"The scale of integer noise is at most 2**53; got {scale!r}: sums with more noise "
            "do not fit 64 bits. Count in a coarser grid, or raise epsilon."
        )


def _check_size(size):
    size = operator.index(size)
    if size < 0:
        raise ValueError(f"size is the number of draws, at least 0; got {size}.")
    return size

import inspect

import mpmath
import numpy as np
import pytest

from kernlab._core import fastmath, jit, revision
from kernlab._core.jit import FAST, njit
from kernlab.kernels import (
    _formulas,
    _grid_numba,
    _line_numba,
    _profiles,
    _scaled_numba,
    _sums_numba,
    _tree_numba,
)


@njit(cache=False, fastmath=FAST)
def _exponentials(x, out):
    fastmath.wide_vectors()
    for j in range(x.shape[0]):
        out[j] = fastmath.vector_exp(x[j])


def _evaluate(x):
    out = np.empty_like(x)
    _exponentials(x, out)
    return out


def test_double_exponential_is_right_to_rounding_of_its_argument(rng):
    x = np.concatenate([-(10.0 ** rng.uniform(-12, 2.84, 2000)), rng.uniform(0, 690, 500), [0.0]])
    exact = [mpmath.exp(mpmath.mpf(float(v))) for v in x]
    error = [
        abs(float(value / mpmath.mpf(1) / e) - 1)
        for value, e in zip(_evaluate(x), exact, strict=True)
    ]
    # 3 ulp of the result and half an ulp of the argument, which exp magnifies by |x|.
    assert np.all(np.array(error) <= 3 * 2.3e-16 + 1.2e-16 * np.abs(x))
    assert _evaluate(np.zeros(1))[0] == 1.0


def test_single_exponential(rng):
    x = np.concatenate([-(10.0 ** rng.uniform(-6, 1.9, 2000)), rng.uniform(0, 69, 500)])
    x = x.astype(np.float32)
    error = np.abs(_evaluate(x) / np.exp(x.astype(np.float64)) - 1)
    assert np.all(error <= 2.5e-7 + 6e-8 * np.abs(x))


@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_exponential_saturates_within_the_normal_range(real):
    low, high = _evaluate(np.array([-np.inf, np.inf], dtype=real))
    assert 0 < low <= 2 * np.finfo(real).tiny
    assert high == _evaluate(np.array([fastmath.HIGHEST[real]], dtype=real))[0]
    assert 2**14 * float(high) < np.finfo(real).max


@njit(cache=False, fastmath=FAST)
def _logarithms(x, out):
    fastmath.wide_vectors()
    for j in range(x.shape[0]):
        out[j] = fastmath.vector_log1p(x[j])


@pytest.mark.parametrize(("real", "ulp"), [(np.float64, 2.3e-16), (np.float32, 1.2e-7)])
def test_logarithm_is_right_from_tiny_to_huge_arguments(rng, real, ulp):
    exponents = rng.uniform(-300, 300, 1000) if real is np.float64 else rng.uniform(-30, 37, 1000)
    x = np.concatenate(
        [10.0**exponents, rng.uniform(0, 3, 1000), 10.0 ** rng.uniform(-9, 0, 500), [0.0]]
    )
    x = x.astype(real)
    result = np.empty_like(x)
    _logarithms(x, result)
    exact = [float(mpmath.log1p(mpmath.mpf(float(v)))) for v in x]
    # The quotient f / (2 + f) and the last sum round three times, each by half an ulp; above √2
    # the rounding of 1 + x, at most half an ulp of 1, meets a logarithm of 0.35 or more.
    np.testing.assert_allclose(result, exact, rtol=3 * ulp, atol=0)


@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_logarithm_of_infinity_is_finite(real):
    result = np.empty(1, real)
    _logarithms(np.array([np.inf], real), result)
    assert 0.99 * np.log(np.finfo(real).max) < result[0] <= np.log(np.finfo(real).max)


def test_outside_compiled_code_they_refuse():
    for function in (fastmath.vector_exp, fastmath.vector_log1p):
        with pytest.raises(TypeError, match="compiled code"):
            function(1.0)


@njit(cache=False)
def _plain_logarithms(x, out):
    for j in range(x.shape[0]):
        out[j] = fastmath.vector_log(x[j])


def test_plain_logarithm(rng):
    x = np.concatenate([10.0 ** rng.uniform(-307, 307, 500), 1 + rng.uniform(-0.5, 1, 500), [1.0]])
    out = np.empty_like(x)
    _plain_logarithms(x, out)
    with mpmath.workdps(30):
        exact = [mpmath.log(mpmath.mpf(float(v))) for v in x]
        error = [float(abs(a - b)) for a, b in zip(out, exact, strict=True)]
    # 2 ulp of the result, also near 1, where it vanishes.
    assert np.all(np.array(error) <= 2 * np.spacing(np.abs([float(e) for e in exact])))
    assert out[-1] == 0.0


def test_wide_vectors_reaches_the_compiler():
    _exponentials(np.zeros(4), np.zeros(4))
    signature = _exponentials.signatures[0]
    assert '"prefer-vector-width"="512"' in _exponentials.inspect_llvm(signature)


INLINED = {
    _sums_numba: (fastmath, jit, _formulas, _profiles),
    _line_numba: (fastmath, jit),
    _grid_numba: (fastmath, jit),
    _tree_numba: (fastmath, jit, _formulas, _profiles, _sums_numba),
    _scaled_numba: (fastmath, jit, _formulas, _profiles, _sums_numba),
}


@pytest.mark.parametrize("module", INLINED, ids=lambda module: module.__name__)
def test_revision_stamp_of_inlined_code_is_current(module):
    current = revision.revision(*INLINED[module])
    assert current == module.INLINED_REVISION, (
        f"inlined code changed: set INLINED_REVISION = {current!r} in "
        f"{inspect.getsourcefile(module)}, which renews Numba's cache of the code that inlines it."
    )

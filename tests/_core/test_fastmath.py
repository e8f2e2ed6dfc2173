import inspect

import mpmath
import numpy as np
import pytest

from kernlab._core import fastmath, jit, revision
from kernlab._core.jit import FAST, njit
from kernlab.kernels import _profiles, _sums_numba


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


@njit(cache=False)
def _logarithms(x, out):
    for j in range(x.shape[0]):
        out[j] = fastmath.vector_log(x[j])


def test_logarithm(rng):
    x = np.concatenate([10.0 ** rng.uniform(-307, 307, 500), 1 + rng.uniform(-0.5, 1, 500), [1.0]])
    out = np.empty_like(x)
    _logarithms(x, out)
    with mpmath.workdps(30):
        exact = [mpmath.log(mpmath.mpf(float(v))) for v in x]
        error = [float(abs(a - b)) for a, b in zip(out, exact, strict=True)]
    # 2 ulp of the result, also near 1, where it vanishes.
    assert np.all(np.array(error) <= 2 * np.spacing(np.abs([float(e) for e in exact])))
    assert out[-1] == 0.0


def test_outside_compiled_code_it_refuses():
    with pytest.raises(TypeError, match="compiled code"):
        fastmath.vector_exp(1.0)


def test_wide_vectors_reaches_the_compiler():
    _exponentials(np.zeros(4), np.zeros(4))
    signature = _exponentials.signatures[0]
    assert '"prefer-vector-width"="512"' in _exponentials.inspect_llvm(signature)


def test_revision_stamp_of_inlined_code_is_current():
    current = revision.revision(fastmath, jit, _profiles)
    assert current == _sums_numba.INLINED_REVISION, (
        f"inlined code changed: set INLINED_REVISION = {current!r} in "
        f"{inspect.getsourcefile(_sums_numba)}, which renews Numba's cache of the code that "
        "inlines it."
    )

import inspect

import mpmath
import numpy as np
import pytest
from scipy import special as scipy_special

from kernlab._core import fastmath, jit, revision
from kernlab.special import _bessel_numba, _bessel_rare, _debye, iv_ratio, log_iv, log_kv
from kernlab.special._bessel import inverse_iv_ratio, log_ive

# What the docstrings promise, relative to max(1, v, x, |log|).
BOUND = 4e-15
RATIO_BOUND = 2e-15


def mp_iv(v, x):
    """I_v(x) by its power series, in as many digits as mpmath works with."""
    return mpmath.besseli(mpmath.mpf(v), mpmath.mpf(x), maxterms=10**6)


def mp_log_kv(v, x):
    """log K_v(x) = log ½∫ exp(v t - x cosh t) dt, by the trapezoidal rule about the largest term.

    mpmath's own besselk does not finish for many real orders. The rule's error is exp(-2π²/4h²ρ),
    below 1e-30 at h = 1/(2√ρ), and at h = 1/16 for small ρ.
    """
    v, x = mpmath.mpf(v), mpmath.mpf(x)
    peak = mpmath.asinh(v / x)
    top = mpmath.cosh(peak)
    h = min(mpmath.mpf(1) / 16, 1 / mpmath.sqrt(mpmath.hypot(v, x)) / 2)
    total = mpmath.mpf(0)
    for sign, j in ((1, 0), (-1, -1)):
        term = mpmath.mpf(1)
        while term > mpmath.mpf(10) ** -28 * total or abs(j) < 4:
            term = mpmath.exp(v * j * h - x * (mpmath.cosh(peak + j * h) - top))
            total += term
            j += sign
    return mpmath.log(total * h / 2) + v * peak - x * top


def arguments(rng, n):
    """Orders and arguments near the origin, far from it, on the border, and very unequal."""
    return np.concatenate(
        [
            rng.uniform(0, 40, (2, n)),
            10 ** rng.uniform(-3, 2.7, (2, n)),
            26.0 * np.stack([np.cos(a := rng.uniform(0, np.pi / 2, n)), np.sin(a)])
            * rng.uniform(0.99, 1.01, n),
            np.stack([rng.integers(0, 30, n) / 2.0, rng.uniform(0, 30, n)]),
            np.stack([rng.uniform(0, 1, n), 10 ** rng.uniform(-3, 2.5, n)]),
        ],
        axis=1,
    )  # fmt: skip


def scaled(values, exact, v, x):
    exact_floats = np.array([float(e) for e in exact])
    errors = np.array([float(value - e) for value, e in zip(values, exact, strict=True)])
    return np.abs(errors) / np.maximum(np.maximum(1.0, np.abs(exact_floats)), np.maximum(v, x))


def test_against_mpmath(rng):
    v, x = arguments(rng, 16)
    with mpmath.workdps(40):
        i = [mp_iv(*pair) for pair in zip(v, x, strict=True)]
        following = [mp_iv(mpmath.mpf(a) + 1, b) for a, b in zip(v, x, strict=True)]
        log_i = [mpmath.log(value) for value in i]
        log_i_scaled = [value - mpmath.mpf(b) for value, b in zip(log_i, x, strict=True)]
        ratio = [a / b for a, b in zip(following, i, strict=True)]
        assert np.max(scaled(log_iv(v, x), log_i, v, x)) <= BOUND
        assert np.max(scaled(log_ive(v, x), log_i_scaled, v, x)) <= BOUND
        error = [float(abs(a / b - 1)) for a, b in zip(iv_ratio(v, x), ratio, strict=True)]
        assert max(error) <= RATIO_BOUND


def test_second_kind_against_the_integral(rng):
    v, x = arguments(rng, 8)
    tiny = 10.0 ** rng.uniform(-40, -1, 20)
    v, x = np.append(v, rng.uniform(0, 26, 20)), np.append(x, tiny)
    with mpmath.workdps(32):
        exact = [mp_log_kv(*pair) for pair in zip(v, x, strict=True)]
        assert np.max(scaled(log_kv(v, x), exact, v, x)) <= BOUND


@pytest.mark.parametrize(
    ("v", "x"), [(1023.0, 5000.0), (4095.0, 3000.0), (16383.0, 2e4), (16383.0, 20.0)]
)
def test_large_orders_where_scipy_has_no_answer(v, x):
    assert scipy_special.ive(v, x) == 0.0 or v < 2000
    with mpmath.workdps(40):
        exact = mp_iv(v, x)
        following = mp_iv(v + 1, x)
        assert scaled([log_iv(v, x)], [mpmath.log(exact)], v, x)[0] <= BOUND
        assert scaled([log_kv(v, x)], [mp_log_kv(v, x)], v, x)[0] <= BOUND
        assert abs(float(iv_ratio(v, x) / (following / exact) - 1)) <= RATIO_BOUND


@pytest.mark.parametrize("x", [5e-324, 1.5e-323, 1e-310])
def test_subnormal_arguments(x):
    """I_v is (x/2)^v/Γ(v+1), K_v half of Γ(v) (x/2)^-v, though x/2 may have no float."""
    v = np.array([0.0, 0.5, 1.0, 3.0, 20.0, 1e3])
    log_half = np.log(x) - np.log(2.0)
    log_i = v * log_half - scipy_special.gammaln(v + 1)
    np.testing.assert_allclose(log_iv(v, x), log_i, rtol=1e-14)
    log_k = scipy_special.gammaln(v[1:]) - v[1:] * log_half - np.log(2.0)
    np.testing.assert_allclose(log_kv(v[1:], x), log_k, rtol=1e-14)


def test_half_integer_orders_are_elementary(rng):
    x = 10.0 ** rng.uniform(-8, 2, 200)
    # I_½ = √(2/πx) sinh x, K_½ = √(π/2x) e^-x, I_3/2 / I_½ = coth x - 1/x.
    log_sinh = x + np.log(-np.expm1(-2 * x) / 2)
    np.testing.assert_allclose(
        log_iv(0.5, x), log_sinh + 0.5 * np.log(2 / (np.pi * x)), rtol=4e-15, atol=4e-15
    )
    np.testing.assert_allclose(
        log_kv(0.5, x), 0.5 * np.log(np.pi / (2 * x)) - x, rtol=4e-15, atol=4e-15
    )
    large = x[x > 1]
    np.testing.assert_allclose(iv_ratio(0.5, large), 1 / np.tanh(large) - 1 / large, rtol=2e-15)


def test_equals_scipy_where_that_is_finite(rng):
    v, x = rng.uniform(0, 60, 500), rng.uniform(0.01, 300, 500)
    np.testing.assert_allclose(
        log_ive(v, x), np.log(scipy_special.ive(v, x)), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        log_kv(v, x), np.log(scipy_special.kve(v, x)) - x, rtol=1e-12, atol=1e-12
    )


def test_wronskian(rng):
    # I_v K_{v+1} + I_{v+1} K_v = 1/x, DLMF 10.28.2, at orders and arguments of any size.
    v, x = 10.0 ** rng.uniform(-2, 5, (2, 2000))
    first = log_iv(v, x) + log_kv(v + 1, x) + np.log(x)
    total = np.exp(first) * (1 + iv_ratio(v, x) * np.exp(log_kv(v, x) - log_kv(v + 1, x)))
    assert np.all(
        np.abs(total - 1) <= 3 * BOUND * np.maximum(np.maximum(v + 1, x), np.abs(log_iv(v, x)))
    )


@pytest.mark.parametrize(
    ("v", "x", "first", "second", "ratio"),
    [
        (0.0, 0.0, 0.0, np.inf, 0.0),
        (2.0, 0.0, -np.inf, np.inf, 0.0),
        (2.0, np.inf, np.inf, -np.inf, 1.0),
        (np.inf, 2.0, -np.inf, np.inf, 0.0),
        (np.inf, np.inf, np.nan, np.nan, np.nan),
        (-1.0, 2.0, np.nan, np.nan, np.nan),
        (1.0, -2.0, np.nan, np.nan, np.nan),
        (np.nan, 2.0, np.nan, np.nan, np.nan),
        (1.0, np.nan, np.nan, np.nan, np.nan),
    ],
)
def test_ends_of_the_range(v, x, first, second, ratio):
    np.testing.assert_equal([log_iv(v, x), log_kv(v, x), iv_ratio(v, x)], [first, second, ratio])


@pytest.mark.parametrize("v", [0.5, 3.0, 40.0, 1e200])
@pytest.mark.parametrize("x", [1e-300, 1e-160, 1e160, 1.7e308])
def test_extremes_against_the_leading_terms(v, x):
    with mpmath.workdps(700):
        a, b = mpmath.mpf(v), mpmath.mpf(x)
        if x < 1:
            first = a * mpmath.log(b / 2) - mpmath.loggamma(a + 1)
            second = mpmath.loggamma(a) - a * mpmath.log(b / 2) - mpmath.log(2)
        else:
            rho = mpmath.hypot(a, b)
            exponent = rho + a * mpmath.log(b / (a + rho))
            first = exponent - mpmath.log(2 * mpmath.pi * rho) / 2
            second = mpmath.log(mpmath.pi / (2 * rho)) / 2 - exponent
        for value, exact in ((log_iv(v, x), first), (log_kv(v, x), second)):
            assert value == pytest.approx(float(exact), rel=BOUND)


def test_inverse_of_the_ratio(rng):
    v = np.append(rng.uniform(0, 50, 200), 10.0 ** rng.uniform(0, 5, 200))
    ratio = 1 - 10.0 ** rng.uniform(-12, -0.001, 400)
    x = inverse_iv_ratio(v, ratio, 1 - ratio)
    assert np.all(x > 0)
    # One step of the ratio's own rounding, magnified by the conditioning of the inverse.
    slope = 1 - ratio**2 - (2 * v + 1) * ratio / x
    found = iv_ratio(v, x)
    assert np.all(
        np.abs(found - ratio) <= 8e-15 * np.minimum(ratio, 1.0) + 1e-14 * np.abs(slope) * x
    )
    np.testing.assert_equal(
        inverse_iv_ratio(1.0, r := np.array([0.0, 1.0, -0.1, 1.1]), 1 - r),
        [0, np.inf, np.nan, np.nan],
    )


# --- Shapes and types ----------------------------------------------------------------------------


def test_broadcasting_and_types():
    v, x = np.arange(3.0)[:, None], np.linspace(0.1, 700, 1000)
    table = log_iv(v, x)
    assert table.shape == (3, 1000)
    # Whatever shares its block with it, an element has the same value to rounding.
    np.testing.assert_allclose(table[1, 7], log_iv(1, x[7]), rtol=4e-15)
    assert isinstance(log_iv(1, 2), np.float64)
    assert log_iv(np.zeros((0, 2)), 1.0).shape == (0, 2)
    single = log_kv(2, np.float32([1.0, 100.0]))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, log_kv(2, [1.0, 100.0]).astype(np.float32))
    np.testing.assert_array_equal(iv_ratio([1, 2], [3, 4]), iv_ratio([1.0, 2.0], [3.0, 4.0]))


@pytest.mark.parametrize("function", [log_iv, log_kv, iv_ratio])
def test_bad_input(function):
    with pytest.raises(TypeError, match="real numbers, got dtype complex128"):
        function(1.0, 1j)
    with pytest.raises(ValueError, match="broadcast"):
        function(np.ones(2), np.ones(3))


def test_revision_stamp_of_inlined_code_is_current():
    current = revision.revision(fastmath, jit, _debye, _bessel_rare)
    assert current == _bessel_numba.INLINED_REVISION, (
        f"inlined code changed: set INLINED_REVISION = {current!r} in "
        f"{inspect.getsourcefile(_bessel_numba)}."
    )

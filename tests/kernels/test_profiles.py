import math
import pickle

import mpmath
import numpy as np
import pytest
from oracles import FORMULAS, STUDENT, log_profile, mp_log_normalizer
from scipy import stats
from scipy.integrate import quad

from kernlab.kernels import PROFILES, KernelProfile, student_t
from kernlab.kernels._profiles import kernel_code, profile_of

DIMENSIONS = [1, 2, 3, 8, 33, 200]
# Their quadrature takes seconds in high dimension, and the formulas have no branch on it.
SLOW = ["matern32", "matern52", "cauchy", "student_t(df=3)"]
TABLE = [name for name in FORMULAS if name != "matern12"]  # by another name exponential


def test_the_table_holds_the_kernels_promised():
    assert set(PROFILES) == {*FORMULAS, "cauchy"}
    assert list(PROFILES)[:6] == [
        "gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "d"),
    [(kernel, d) for kernel in TABLE for d in DIMENSIONS if d <= 8 or kernel not in SLOW]
    + [(kernel, d) for kernel in SLOW for d in (1, 3, 20)],
)
def test_normalizer_against_quadrature(kernel, d):
    exact = mp_log_normalizer(kernel, d)
    assert profile_of(kernel).log_normalizer(d) == pytest.approx(exact, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(
    ("kernel", "d"),
    [(kernel, d) for kernel in TABLE for d in (1, 2, 5, 40) if d <= 5 or kernel not in SLOW],
)
def test_variance_against_quadrature(kernel, d):
    # The normaliser in d + 2 dimensions is the second moment in d, up to the spheres' areas.
    area = math.log(2 * math.pi) - math.log(d)  # S_{d+1} / S_{d-1} = 2π / d
    exact = math.exp(mp_log_normalizer(kernel, d + 2) - mp_log_normalizer(kernel, d) - area) / d
    assert PROFILES[kernel].variance(d) == pytest.approx(exact, rel=1e-11)


def test_matern_one_half_is_the_exponential():
    exponential, matern = PROFILES["exponential"], PROFILES["matern12"]
    assert matern.log_values is exponential.log_values
    assert matern.log_normalizer(7) == exponential.log_normalizer(7)
    assert kernel_code(matern) == kernel_code(exponential)


def test_known_variances():
    assert PROFILES["gaussian"].variance(7) == pytest.approx(1.0, rel=1e-14)
    assert PROFILES["epanechnikov"].variance(1) == pytest.approx(1 / 5, rel=1e-14)
    assert PROFILES["biweight"].variance(1) == pytest.approx(1 / 7, rel=1e-14)
    assert PROFILES["triweight"].variance(1) == pytest.approx(1 / 9, rel=1e-14)
    assert PROFILES["tricube"].variance(1) == pytest.approx(35 / 243, rel=1e-14)
    assert PROFILES["logistic"].variance(1) == pytest.approx(math.pi**2 / 3, rel=1e-14)
    assert PROFILES["cosine"].variance(1) == pytest.approx(1 - 8 / math.pi**2, rel=1e-13)


@pytest.mark.parametrize("kernel", [*FORMULAS, *STUDENT])
def test_array_formula(kernel):
    u = np.concatenate([np.linspace(0, 0.999, 50), np.linspace(1.0, 30.0, 50)])
    profile = profile_of(kernel)
    values = profile.log_values(np, u**2, *profile.parameters(4))
    with np.errstate(divide="ignore"):
        expected = log_profile(kernel, u, 4)
    np.testing.assert_allclose(values[:50], expected[:50], rtol=1e-12, atol=1e-13)
    if profile.bounded:
        assert np.all(np.isneginf(values[50:]))
    else:
        np.testing.assert_allclose(values[50:], expected[50:], rtol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("kernel", FORMULAS)
def test_radii_have_the_radial_law(kernel, d):
    formula, support = FORMULAS[kernel]
    top = support if np.isfinite(support) else 60.0
    rng = np.random.RandomState(7)
    radii = PROFILES[kernel].draw_radii(rng, d, 4000)
    assert radii.min() >= 0
    assert radii.max() <= support
    grid = np.linspace(0, top, 4001)
    density = grid ** (d - 1) * formula(grid)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    cumulative /= cumulative[-1]
    statistic = stats.kstest(radii, lambda r: np.interp(r, grid, cumulative)).statistic
    # Kolmogorov's law at 4000 draws: P(D > 0.0308) = 1e-3 for each of the thirty cases.
    assert statistic < 0.0308


@pytest.mark.parametrize("df", [0.3, 1, 7.5])
@pytest.mark.parametrize("d", [1, 4])
def test_student_draws_have_the_law_of_f(df, d):
    draws = student_t(df).draw(np.random.RandomState(2), d, 4000)
    # r²/d has the F distribution; Kolmogorov's P(D > 0.0308) = 1e-3 for each of the six cases.
    ratio = np.sum(draws**2, axis=1) / d
    assert stats.kstest(ratio, stats.f(d, df).cdf).statistic < 0.0308


def test_student_kernels_are_values():
    profile = student_t(2.5)
    assert isinstance(profile, KernelProfile)
    assert profile == student_t(2.5) != student_t(3)
    assert len({profile, student_t(2.5), student_t(3.0), student_t(3)}) == 2
    assert (repr(profile), repr(student_t(3.0))) == ("student_t(df=2.5)", "student_t(df=3)")
    assert pickle.loads(pickle.dumps(profile)) == profile
    assert student_t(0.1 + 0.2) == profile_of(repr(student_t(0.1 + 0.2)))
    assert profile != "student_t(df=2.5)"


def test_student_variance_and_spread():
    assert student_t(5).variance(3) == pytest.approx(5 / 3, rel=1e-14)
    assert PROFILES["cauchy"].variance(3) == student_t(2).variance(1) == math.inf
    assert student_t(5).spread(3) == PROFILES["cauchy"].spread(1) == 1.0


@pytest.mark.parametrize("d", [1, 10, 1000])
def test_student_normalizer_stays_right_as_it_becomes_gaussian(d):
    with mpmath.workdps(40):
        df = mpmath.mpf("1e8")
        exact = mpmath.loggamma(df / 2) - mpmath.loggamma((df + d) / 2)
        exact += mpmath.mpf(d) / 2 * mpmath.log(df * mpmath.pi)
    assert student_t(1e8).log_normalizer(d) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("df", [0.0, 0.05, -1, 1e9, math.inf, math.nan, "3", True])
def test_bad_degrees_of_freedom(df):
    with pytest.raises(ValueError, match=r"df=.* is not a number of degrees of freedom in \[0.1"):
        student_t(df)


@pytest.mark.parametrize("kernel", FORMULAS)
def test_draws_are_isotropic_with_the_kernels_variance(kernel):
    d, size = 3, 20_000
    profile = PROFILES[kernel]
    draws = profile.draw(np.random.RandomState(3), d, size)
    second = np.mean(draws[:, :, None] * draws[:, None, :], axis=0)
    formula, support = FORMULAS[kernel]
    top = support if np.isfinite(support) else 80.0
    fourth = quad(lambda r: r ** (d + 3) * formula(r), 0, top)[0]
    fourth /= quad(lambda r: r ** (d - 1) * formula(r), 0, top)[0]
    error = math.sqrt(fourth * 3 / (d * (d + 2)) / size)  # E x⁴ of a radial law, per coordinate
    np.testing.assert_allclose(second, profile.variance(d) * np.eye(d), atol=5 * error)

import math

import numpy as np
import pytest
from oracles import FORMULAS, log_profile, mp_log_normalizer
from scipy import stats
from scipy.integrate import quad

from kernlab.kernels import PROFILES

DIMENSIONS = [1, 2, 3, 8, 33, 200]


def test_the_table_holds_the_kernels_promised():
    assert set(PROFILES) == set(FORMULAS)
    assert list(PROFILES)[:6] == [
        "gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine",
    ]  # fmt: skip


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("kernel", PROFILES)
def test_normalizer_against_quadrature(kernel, d):
    exact = mp_log_normalizer(kernel, d)
    assert PROFILES[kernel].log_normalizer(d) == pytest.approx(exact, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("d", [1, 2, 5, 40])
@pytest.mark.parametrize("kernel", PROFILES)
def test_variance_against_quadrature(kernel, d):
    # The normaliser in d + 2 dimensions is the second moment in d, up to the spheres' areas.
    area = math.log(2 * math.pi) - math.log(d)  # S_{d+1} / S_{d-1} = 2π / d
    exact = math.exp(mp_log_normalizer(kernel, d + 2) - mp_log_normalizer(kernel, d) - area) / d
    assert PROFILES[kernel].variance(d) == pytest.approx(exact, rel=1e-11)


def test_known_variances():
    assert PROFILES["gaussian"].variance(7) == pytest.approx(1.0, rel=1e-14)
    assert PROFILES["epanechnikov"].variance(1) == pytest.approx(1 / 5, rel=1e-14)
    assert PROFILES["biweight"].variance(1) == pytest.approx(1 / 7, rel=1e-14)
    assert PROFILES["triweight"].variance(1) == pytest.approx(1 / 9, rel=1e-14)
    assert PROFILES["tricube"].variance(1) == pytest.approx(35 / 243, rel=1e-14)
    assert PROFILES["logistic"].variance(1) == pytest.approx(math.pi**2 / 3, rel=1e-14)
    assert PROFILES["cosine"].variance(1) == pytest.approx(1 - 8 / math.pi**2, rel=1e-13)


@pytest.mark.parametrize("kernel", PROFILES)
def test_array_formula(kernel):
    u = np.concatenate([np.linspace(0, 0.999, 50), np.linspace(1.0, 30.0, 50)])
    values = PROFILES[kernel].log_values(np, u**2)
    with np.errstate(divide="ignore"):
        expected = log_profile(kernel, u)
    np.testing.assert_allclose(values[:50], expected[:50], rtol=1e-12, atol=1e-13)
    if PROFILES[kernel].bounded:
        assert np.all(np.isneginf(values[50:]))
    else:
        np.testing.assert_allclose(values[50:], expected[50:], rtol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("kernel", PROFILES)
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


@pytest.mark.parametrize("kernel", PROFILES)
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

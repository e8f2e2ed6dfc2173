"""Discrete Gaussian noise is (ε, δ)-private at the multiplier given, and hardly more than that."""

import math
import sys
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution
from scipy import stats

from kernlab.exceptions import MissingExtraError
from kernlab.privacy import _accounting
from kernlab.privacy._accounting import gaussian_epsilon, gaussian_multiplier, minimum_scale


def continuous_delta(multiplier, epsilon):
    """δ(ε) of the continuous Gaussian mechanism (Balle, Wang, 2018, theorem 8), 60 digits."""
    with mpmath.workdps(60):
        m, e = mpmath.mpf(multiplier), mpmath.mpf(epsilon)
        first = mpmath.ncdf(1 / (2 * m) - e * m)
        return first - mpmath.exp(e) * mpmath.ncdf(-1 / (2 * m) - e * m)


def lattice_delta(scales, shift, epsilon):
    """Hockey-stick divergence of a vector of discrete Gaussians from itself moved by ``shift``.

    The sum over a box that holds all but 1e-17 of the mass.
    """
    total, moved = 1.0, 1.0
    for axis, (scale, step) in enumerate(zip(scales, shift, strict=True)):
        reach = math.ceil(8.6 * scale) + abs(step)
        y = np.arange(-reach, reach + 1.0)
        shape = [-1 if k == axis else 1 for k in range(len(scales))]
        mass = np.exp(-(y**2) / (2 * scale**2))
        other = np.exp(-((y - step) ** 2) / (2 * scale**2))
        total = total * (mass / mass.sum()).reshape(shape)
        moved = moved * (other / mass.sum()).reshape(shape)
    return np.sum(np.maximum(total - math.exp(epsilon) * moved, 0.0))


@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 1.0, 8.0, 200.0])
@pytest.mark.parametrize("delta", [1e-30, 1e-6, 1e-2])
def test_multiplier_is_the_continuous_ones_plus_the_stated_share(epsilon, delta):
    multiplier = gaussian_multiplier(epsilon, delta)
    rounding = math.sqrt(1 - 2 * 5e-5)
    assert continuous_delta(multiplier * rounding, epsilon) <= delta
    # Less noise by 1e-4, twice the share, is not private any more.
    assert continuous_delta(multiplier * (1 - 1e-4), epsilon) > delta


def test_published_value_and_rational_epsilon():
    # Balle and Wang's analytic mechanism at ε = 1, δ = 1e-6 has σ = 4.2247.
    assert gaussian_multiplier(1, 1e-6) == pytest.approx(4.2247, abs=3e-4)
    assert gaussian_multiplier(Fraction(1, 2), 1e-6) == gaussian_multiplier(0.5, 1e-6)


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 4.0, 60.0])
def test_epsilon_inverts_the_multiplier(epsilon):
    for delta in (1e-9, 1e-5):
        again = gaussian_epsilon(gaussian_multiplier(epsilon, delta), delta)
        # dp-accounting's search stops 1e-7 above the root, in units of the crude bound.
        assert again == pytest.approx(epsilon, rel=1e-6)
    assert gaussian_epsilon(1e9, 0.5) == pytest.approx(1e-6, rel=1e-2)


@pytest.mark.parametrize("epsilon", [0.3, 3.0])
def test_one_integer_against_the_exact_loss_distribution(epsilon):
    delta, sensitivity = 1e-6, 100
    scale = gaussian_multiplier(epsilon, delta) * sensitivity
    assert scale >= minimum_scale(1)
    exact = privacy_loss_distribution.from_discrete_gaussian_mechanism(
        scale, sensitivity=sensitivity, value_discretization_interval=1e-5
    )
    # Its buckets of 1e-5 only add to the loss, by less than the share spares.
    assert exact.get_epsilon_for_delta(delta) <= epsilon * (1 + 1e-5)
    assert exact.get_epsilon_for_delta(delta) >= epsilon * (1 - 1e-3)


@pytest.mark.parametrize("shift", [(11, 56), (-31, 31)])
def test_two_unequal_scales_by_the_sum_over_the_lattice(shift):
    epsilon, delta = 1.0, 1e-5
    multiplier = gaussian_multiplier(epsilon, delta)
    # Scales 3 : 4, such that this shift has exactly the norm that the multiplier allows.
    scales = np.array([3.0, 4.0]) * multiplier * np.linalg.norm(np.divide(shift, [3.0, 4.0]))
    assert min(scales) >= minimum_scale(2)
    # Left out of the box: 1e-17 of the mass.
    assert lattice_delta(scales, shift, epsilon) <= delta * (1 + 1e-9)
    assert lattice_delta(scales * (1 - 2e-4), shift, epsilon) > delta


@pytest.mark.parametrize("scales", [(2.0, 2.5, 3.0), (6.0, 4.0, 5.0)])
@pytest.mark.parametrize("epsilon", [0.5, 2.0, 6.0])
def test_three_coarse_scales_by_the_sum_over_the_lattice(scales, epsilon):
    """The theorem itself, where the rounding takes a large part of the noise."""
    s2 = math.log(4.3 * 3 / 1e-12) / (2 * math.pi**2)
    shift = (1, -2, 3)
    norm = math.sqrt(sum(u * u / (s * s - s2) for u, s in zip(shift, scales, strict=True)))
    assert lattice_delta(scales, shift, epsilon) <= float(
        continuous_delta(1 / norm, epsilon) * (1 + 1e-9)
    )


@pytest.mark.parametrize(("scale", "s"), [(2.0, 1.0), (3.0, 1.1), (5.0, 1.3)])
def test_randomised_rounding_is_the_discrete_gaussian_at_every_integer(scale, s):
    integers = np.arange(-400, 401)
    mass = np.exp(-(integers**2) / (2 * scale**2))
    spread = math.sqrt(scale**2 - s**2)

    def rounded(j):
        # Trapezoids: the integrand is analytic and dies at both ends, so they are exact.
        centre, width = j * spread**2 / scale**2, 12 * s * spread / scale
        x, step = np.linspace(centre - width, centre + width, 4001, retstep=True)
        near = np.round(x)[:, None] + np.arange(-20, 21)
        normaliser = np.exp(-((near - x[:, None]) ** 2) / (2 * s * s)).sum(axis=1)
        kernel = np.exp(-((j - x) ** 2) / (2 * s * s)) / normaliser
        return step * np.sum(stats.norm.pdf(x, scale=spread) * kernel)

    bound = 4.3 * math.exp(-2 * math.pi**2 * s * s)
    for j in (0, 1, 3, 10, 40):  # as far as twenty scales out, where the mass is 1e-87
        ratio = math.log(mass[400 + j] / mass.sum() / rounded(j))
        assert abs(ratio) <= bound + 1e-12


def test_minimum_scale_grows_as_the_root_of_a_logarithm():
    scales = [minimum_scale(n) for n in (1, 10, 10**3, 10**6, 10**12)]
    assert scales == sorted(scales)
    assert scales[-1] < 180
    for n, scale in zip((1, 10, 10**3, 10**6, 10**12), scales, strict=True):
        # At this scale the share 5e-5 pays for a rounding whose log ratio is 1e-12 in all.
        rounding = 2 * _accounting._SCALE_SHARE * scale**2
        assert 4.3 * n * math.exp(-2 * math.pi**2 * rounding) <= 1e-12
    with pytest.raises(ValueError, match="n_statistics must be at least 1, got 0"):
        minimum_scale(0)


@pytest.mark.parametrize("delta", [0, 1, -0.1, 1.5, math.nan, 1e-200])
def test_delta_out_of_range(delta):
    with pytest.raises(ValueError, match="delta must be in"):
        gaussian_multiplier(1, delta)
    with pytest.raises(ValueError, match="delta must be in"):
        gaussian_epsilon(1, delta)


@pytest.mark.parametrize("epsilon", [0, -1, math.inf, math.nan, 1e-9])
def test_epsilon_out_of_range(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a finite number of at least 1e-06"):
        gaussian_multiplier(epsilon, 1e-6)


@pytest.mark.parametrize("multiplier", [0, -1, math.inf, math.nan])
def test_multiplier_out_of_range(multiplier):
    with pytest.raises(ValueError, match="multiplier must be positive and finite"):
        gaussian_epsilon(multiplier, 1e-6)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting.pld.common", None)
    with pytest.raises(MissingExtraError, match=r"kernlab\[privacy\]"):
        gaussian_multiplier(1, 1e-6)

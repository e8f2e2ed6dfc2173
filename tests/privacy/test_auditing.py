"""The audits see what they are there to see, and certify nothing that is not so."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from kernlab.privacy._auditing import (
    AuditResult,
    bonferroni,
    clopper_pearson,
    epsilon_lower_bound,
    implied_scale_epsilon,
    log_likelihood_ratio,
    low_bits_test,
)

N_RUNS = 40_000


def discrete_laplace(rng, scale, size):
    """P(k) ∝ exp(-|k|/scale), as a difference of geometric numbers."""
    p = -math.expm1(-1.0 / scale)
    return rng.geometric(p, size) - rng.geometric(p, size)


def test_clopper_pearson_against_the_binomial_law():
    for n in (1, 7, 40):
        k = np.arange(n + 1)
        low, high = clopper_pearson(k, n, confidence=0.98)
        # By definition the bounds are where the count, or more or less of it, has probability 1 %.
        np.testing.assert_allclose(stats.binom.sf(k[1:] - 1, n, low[1:]), 0.01, rtol=1e-9)
        np.testing.assert_allclose(stats.binom.cdf(k[:-1], n, high[:-1]), 0.01, rtol=1e-9)
        assert low[0] == 0
        assert high[-1] == 1
    with pytest.raises(ValueError, match="successes must lie in 0…n_trials"):
        clopper_pearson(5, 4, confidence=0.9)
    with pytest.raises(ValueError, match="confidence must be in"):
        clopper_pearson(2, 4, confidence=1.0)


def test_bonferroni():
    assert bonferroni(0.95, 1) == pytest.approx(0.95)
    assert bonferroni(0.999, 1000) == pytest.approx(1 - 1e-6)
    with pytest.raises(ValueError, match="n_cases must be at least 1"):
        bonferroni(0.9, 0)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_scalar_laplace_is_certified_almost_in_full(rng, epsilon):
    scores_0 = discrete_laplace(rng, 1 / epsilon, N_RUNS)
    scores_1 = 1 + discrete_laplace(rng, 1 / epsilon, N_RUNS)
    bound = epsilon_lower_bound(scores_0, scores_1, confidence=0.999)
    assert bound <= epsilon  # but for one seed in a thousand
    assert bound >= 0.8 * epsilon


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_half_scale_is_caught_in_a_narrow_release(rng, epsilon):
    """Three statistics that a record moves by 4, 2, 2, with half the noise that ε takes."""
    step = np.array([4, 2, 2])
    scale = 0.5 * step.sum() / epsilon
    center = np.array([100, -7, 2**52])
    outputs = [c + discrete_laplace(rng, scale, (N_RUNS, 3)) for c in (center, center + step)]
    scores = [log_likelihood_ratio(o, center, center + step, scale, law="laplace") for o in outputs]
    bound = epsilon_lower_bound(*scores, confidence=0.999)
    assert epsilon < bound <= 2 * epsilon
    # The other way round it is as private, or as little.
    assert epsilon < epsilon_lower_bound(*scores[::-1], confidence=0.999) <= 2 * epsilon


def test_gaussian_with_delta(rng):
    """Standard deviations 1 and 2 for a step of 1, and claims of 2 in truth of 1."""
    delta = 0.01
    exact = {sigma: gaussian_epsilon_exactly(sigma, delta) for sigma in (1.0, 2.0)}
    for sigma, least in ((1.0, 0.6), (2.0, 0.4)):
        scores = rng.normal(0, sigma, N_RUNS), rng.normal(1, sigma, N_RUNS)
        bound = epsilon_lower_bound(*scores, delta=delta)
        assert least * exact[sigma] <= bound <= exact[sigma]
        # With δ = 0 the same releases certify more.
        assert epsilon_lower_bound(*scores) > bound
        if sigma == 1.0:
            assert bound > exact[2.0]


def gaussian_epsilon_exactly(sigma, delta):
    """The root of δ(ε) = Φ(1/2σ - εσ) - e^ε Φ(-1/2σ - εσ)."""

    def excess(epsilon):
        first, second = stats.norm.cdf(np.array([0.5, -0.5]) / sigma - epsilon * sigma)
        return first - math.exp(epsilon) * second - delta

    return optimize.brentq(excess, 0.01, 20)


def test_bound_of_equal_runs_and_of_a_leak(rng):
    violations = 0
    for _ in range(100):
        scores = rng.normal(size=(2, 400))
        violations += epsilon_lower_bound(*scores, confidence=0.9) > 0
    # At most 10 % of 100, and three standard errors of that.
    assert violations <= 10 + 3 * math.sqrt(100 * 0.1 * 0.9)
    # A release that gives the record away: the bound is that of no success in 1000 runs.
    bound = epsilon_lower_bound(np.full(2000, -np.inf), np.full(2000, np.inf), confidence=0.99)
    assert bound == pytest.approx(math.log(0.005 ** (1 / 1000) / (1 - 0.005 ** (1 / 1000))))
    assert epsilon_lower_bound(np.zeros(100), np.zeros(50)) == 0
    assert epsilon_lower_bound(np.zeros(100), np.zeros(50), delta=0.999) == 0


def test_bound_bad_input():
    good = np.zeros(10)
    with pytest.raises(ValueError, match="scores_1 contains NaN"):
        epsilon_lower_bound(good, np.full(10, np.nan))
    with pytest.raises(ValueError, match="scores_0 must be one-dimensional"):
        epsilon_lower_bound(good[:3], good)
    with pytest.raises(ValueError, match=r"delta must be in \[0, 1\)"):
        epsilon_lower_bound(good, good, delta=1.0)


def test_log_likelihood_ratio_against_the_densities(rng):
    outputs, scales = rng.normal(size=(20, 3)), np.array([0.5, 1.0, 3.0])
    center_0, center_1 = rng.normal(size=(2, 3))
    for law, density in (("laplace", stats.laplace), ("gaussian", stats.norm)):
        expected = sum(
            sign * density.logpdf(outputs, center, scales).sum(axis=1)
            for sign, center in ((-1, center_0), (1, center_1))
        )
        got = log_likelihood_ratio(outputs, center_0, center_1, scales, law=law)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("law", ["laplace", "gaussian"])
def test_log_likelihood_ratio_of_large_integers_is_exact(law):
    """2^60 + 3 is no float: subtracted as integers, nothing is lost."""
    outputs = 2**60 + np.array([[3], [7]])
    near = log_likelihood_ratio(outputs - 2**60, [0], [4], 2.0, law=law)
    far = log_likelihood_ratio(outputs, [2**60], [2**60 + 4], 2.0, law=law)
    np.testing.assert_array_equal(near, far)


def test_log_likelihood_ratio_bad_input():
    with pytest.raises(ValueError, match="law must be"):
        log_likelihood_ratio(np.zeros((2, 1)), [0], [1], 1.0, law="normal")
    with pytest.raises(ValueError, match="scales must be positive"):
        log_likelihood_ratio(np.zeros((2, 1)), [0], [1], 0.0, law="laplace")
    with pytest.raises(ValueError, match="outputs must have shape"):
        log_likelihood_ratio(np.zeros(2), [0], [1], 1.0, law="laplace")


@pytest.mark.parametrize("law", ["laplace", "gaussian"])
def test_scale_audit_tells_five_percent(rng, law):
    """ε = 1 from 2000 releases of 32 integers far from zero."""
    if law == "laplace":
        scale, delta, error = 8000.0, None, 1 / math.sqrt(2000 * 32)
        draw = discrete_laplace
    else:
        scale, delta, error = 4.2247 * 8000.0, 1e-6, 0.7555 / math.sqrt(2000 * 32)

        def draw(rng, scale, size):
            return np.rint(rng.normal(0, scale, size)).astype(np.int64)

    center = rng.integers(-(2**55), 2**55, 32)
    intervals = {}
    for factor in (1.0, 0.95, 0.5):
        releases = center + draw(rng, factor * scale, (2000, 32))
        estimate, low, high = implied_scale_epsilon(releases, 8000, law=law, delta=delta)
        assert low < estimate < high
        intervals[factor] = low, high
        if law == "laplace":  # relative width of the interval: z of 99.9 % standard errors
            assert (high - low) / estimate == pytest.approx(2 * 3.2905 * error, rel=0.01)
            assert abs(estimate * factor - 1) <= 3.2905 * error * 1.02
    assert intervals[1.0][0] <= 1.0 <= intervals[1.0][1]
    assert intervals[0.95][0] > 1.0
    assert intervals[0.5][0] > 1.9


def test_scale_audit_is_unbiased_about_its_own_median(rng):
    """Many short columns: the median takes ½ of a deviation, or π/4, from each."""
    for law, deviates, lost in (
        ("laplace", rng.laplace(size=(2001, 1500)), 0.5),
        ("gaussian", rng.normal(size=(2001, 1500)), np.pi / 4),
    ):
        centre = np.median(deviates, axis=0)
        gain = np.sum(np.abs(deviates) - np.abs(deviates - centre), axis=0)
        # Of the order of a deviation's size; five standard errors of its own mean.
        scale = np.mean(np.abs(deviates))
        error = 5 * np.std(gain) / math.sqrt(1500)
        assert abs(np.mean(gain) - lost * scale) <= error, law


def test_scale_audit_bad_input(rng):
    releases = rng.laplace(size=(2000, 2))
    with pytest.raises(ValueError, match="at least 2000 runs"):
        implied_scale_epsilon(releases[:-1], 1.0)
    with pytest.raises(ValueError, match="delta goes with law='gaussian' alone"):
        implied_scale_epsilon(releases, 1.0, law="gaussian")
    with pytest.raises(ValueError, match="delta goes with law='gaussian' alone"):
        implied_scale_epsilon(releases, 1.0, delta=1e-6)
    with pytest.raises(ValueError, match="mean deviation is 0.0"):
        implied_scale_epsilon(np.zeros((2000, 2)), 1.0)
    for sensitivity in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="sensitivity must be positive"):
            implied_scale_epsilon(releases, sensitivity)


def test_low_bits_of_integer_noise_are_uniform(rng):
    """Whatever the value was: a constant, an even one, one near the end of the integers."""
    for center in (0, 2**40, -(2**62)):
        for scale in (16, 100, 5000):
            result = low_bits_test(center + discrete_laplace(rng, scale, 20_000), scale)
            assert result.passed, str(result)
    result = low_bits_test(np.rint(rng.normal(0, 1000, 20_000)).astype(np.int32), 1000)
    assert result.passed


def test_low_bits_find_floats_and_coarse_grids(rng):
    noise = rng.laplace(scale=1000, size=20_000)
    floats = low_bits_test(noise, 1000)
    assert not floats.passed
    assert floats.statistic > 0.99
    assert not low_bits_test(np.rint(noise), 1000).passed  # whole, but floats
    assert not low_bits_test(np.r_[noise, np.nan, np.inf], 1000).passed
    # Noise that was rounded to a coarser grid, as 53 bits do to a large scale.
    assert not low_bits_test(4 * np.rint(noise / 4).astype(np.int64), 1000).passed
    # A float of 24 bits cannot hold the low bits of such noise.
    coarse = (2**26 * rng.laplace(size=20_000)).astype(np.float32).astype(np.int64)
    assert not low_bits_test(coarse, 2**26).passed
    # A scale far less than declared shows, for the low bits of the value come through.
    assert not low_bits_test(64 + discrete_laplace(rng, 3, 20_000), 1000).passed
    # Reused noise: one draw for all of the releases.
    assert not low_bits_test(np.full(20_000, 77), 1000).passed


def test_low_bits_bad_input():
    with pytest.raises(ValueError, match="scale must be at least 16"):
        low_bits_test(np.arange(100), 4)
    with pytest.raises(ValueError, match="too few for a test"):
        low_bits_test(np.arange(10), 100)


def test_result_reads_as_a_line():
    result = AuditResult("scale", 1.0234567, 1.05, True, {"law": "laplace", "p": 0.1234567})
    assert str(result) == "passed scale: 1.02346, bound 1.05 (law=laplace, p=0.123457)"
    assert str(AuditResult("scale", 2, 1, False)) == "FAILED scale: 2, bound 1"

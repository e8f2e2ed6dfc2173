"""Quantiles of weighted sums of Laplace and normal noises against closed forms and simulation."""

import numpy as np
import pytest
import sklearn
from scipy import special, stats

from kernlab.privacy import _intervals
from kernlab.privacy._intervals import noise_quantile

CONFIDENCES = [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 - 1e-6, 1 - 1e-9]


def bound(confidence):
    """What the docstring promises of the probability."""
    return min(3e-5, (1 - confidence) / 20)


def tail_of_two(a, b, x):
    """P(|aZ + bZ'| > x) for a > b, by partial fractions of 1/((1+a²t²)(1+b²t²))."""
    return (a * a * np.exp(-x / a) - b * b * np.exp(-x / b)) / (a * a - b * b)


def tail_of_equal(n, x):
    """P(|Z_1 + … + Z_n| > x): a difference of two gamma variables of shape n.

    The moment generating function (1 - s²)^-n in partial fractions is a mixture over both signs of
    gamma laws of shapes 1…n, with the weights of runs in n successes of a fair coin; all positive,
    so nothing cancels.
    """
    k = np.arange(1, n + 1)
    log_weight = special.gammaln(2 * n - k) - special.gammaln(n) - special.gammaln(n - k + 1)
    weight = 2 * np.exp(log_weight - (2 * n - k) * np.log(2.0))
    assert weight.sum() == pytest.approx(1, abs=1e-12)
    return np.sum(weight * special.gammaincc(k, x))


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_one_term(confidence):
    coefficients = np.diag([1e-150, 1.0, 3.0, 1e150])
    expected = -np.diag(coefficients) * np.log1p(-confidence)
    got = noise_quantile(coefficients, law="laplace", confidence=confidence)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_two_terms(confidence):
    second = np.array([1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999])
    coefficients = np.stack([np.ones(6), second], axis=1)
    q = noise_quantile(coefficients, law="laplace", confidence=confidence)
    error = tail_of_two(1.0, second, q) - (1 - confidence)
    assert np.max(np.abs(error)) <= bound(confidence)


@pytest.mark.parametrize("n", [2, 3, 8, 23, 24, 25, 200, 500])
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_equal_terms(n, confidence):
    """The worst case of the expansion, on both sides of where it takes over from the inversion."""
    (q,) = noise_quantile(np.ones((1, n)), law="laplace", confidence=confidence)
    assert abs(tail_of_equal(n, q) - (1 - confidence)) <= bound(confidence)


def test_expansion_and_inversion_agree_on_geometric_weights(monkeypatch):
    """Weights such as a hierarchy of levels has, at each of several dominances."""
    ratio = np.array([0.9, 0.95, 0.96, 0.97, 0.99])
    coefficients = ratio[:, None] ** np.arange(400)
    for confidence in (0.5, 0.95, 0.999):
        exact = noise_quantile(coefficients, law="laplace", confidence=confidence)
        with monkeypatch.context() as patch:
            patch.setattr(_intervals, "_EXPANSION_CONFIDENCE", 0.0)
            inverted = noise_quantile(coefficients, law="laplace", confidence=confidence)
        # 3e-5 in probability over the density at the quantile, at least 0.6 (1 - confidence)/sd.
        sd = np.sqrt(2 * np.sum(coefficients**2, axis=1))
        allowed = 2 * bound(confidence) / (0.6 * (1 - confidence))
        assert np.all(np.abs(exact - inverted) <= allowed * sd)


def test_unequal_terms_by_simulation(rng):
    coefficients = np.zeros((3, 12))
    coefficients[0, :4] = [5, 1, 0.3, 2]
    coefficients[1] = rng.random(12)
    coefficients[2] = np.r_[3.0, np.ones(11)]
    draws = np.abs(rng.laplace(size=(10**6, 12)) @ coefficients.T)
    for confidence in (0.5, 0.9, 0.99):
        q = noise_quantile(coefficients, law="laplace", confidence=confidence)
        share = np.mean(draws <= q, axis=0)
        # Five standard errors of a million draws.
        error = 5 * np.sqrt(confidence * (1 - confidence) / 1e6)
        assert np.all(np.abs(share - confidence) <= error + bound(confidence))


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_normal_noise(rng, confidence):
    coefficients = rng.random((5, 7))
    expected = stats.norm.ppf((1 + confidence) / 2) * np.linalg.norm(coefficients, axis=1)
    got = noise_quantile(coefficients, law="gaussian", confidence=confidence)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("law", ["laplace", "gaussian"])
def test_scale_order_zeros_and_chunks(rng, law):
    coefficients = rng.random((40, 6))
    coefficients[::7] = 0.0
    q = noise_quantile(coefficients, law=law, confidence=0.95)
    assert np.all((q == 0) == (coefficients.max(axis=1) == 0))
    for factor in (1e-150, 1e150):
        scaled = noise_quantile(factor * coefficients, law=law, confidence=0.95)
        np.testing.assert_allclose(scaled, factor * q, rtol=1e-8)
    padded = np.concatenate([coefficients[:, ::-1], np.zeros((40, 3))], axis=1)
    np.testing.assert_allclose(noise_quantile(padded, law=law, confidence=0.95), q, rtol=1e-8)
    with sklearn.config_context(working_memory=1e-4):
        alone = noise_quantile(coefficients, law=law, confidence=0.95)
    np.testing.assert_allclose(alone, q, rtol=1e-8)
    assert noise_quantile(np.ones((3, 0)), law=law, confidence=0.5).tolist() == [0, 0, 0]
    assert noise_quantile(np.ones((0, 3)), law=law, confidence=0.5).shape == (0,)


def test_bad_input():
    good = np.ones((2, 2))
    with pytest.raises(ValueError, match="law must be 'laplace' or 'gaussian', got 'cauchy'"):
        noise_quantile(good, law="cauchy", confidence=0.9)
    for confidence in (0.0, 1.0, -1, np.nan):
        with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\)"):
            noise_quantile(good, law="laplace", confidence=confidence)
    with pytest.raises(ValueError, match="at most 1 - 1e-9"):
        noise_quantile(good, law="laplace", confidence=1 - 1e-12)
    with pytest.raises(ValueError, match="shape"):
        noise_quantile([1.0, 2.0], law="laplace", confidence=0.9)
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and not negative"):
            noise_quantile([[1.0, wrong]], law="laplace", confidence=0.9)

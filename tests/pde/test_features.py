"""Spectral-mixture features: exact derivatives, and bands that leave nothing out."""

import mpmath
import numpy as np
import pytest

from kernlab.pde._evidence import MixturePrior
from kernlab.pde._features import SpectralMixtureFeatures, modes_for
from kernlab.pde._prior import TensorFeatures

LOW, HIGH = -1.0, 2.0


def test_derivatives_equal_those_in_fifty_digits():
    basis = SpectralMixtureFeatures(LOW, HIGH, [40.0], envelope=5, trend=7, merge=False)
    points = np.array([LOW, -0.3, 1.1, HIGH])

    def feature(index, x):
        t = (2 * x - (LOW + HIGH)) / mpmath.mpf(HIGH - LOW)
        polynomial = mpmath.chebyt(int(basis.degree[index]), t)
        if index < 7:
            return polynomial
        phase = 40 * (x - mpmath.mpf(LOW + HIGH) / 2)
        return polynomial * (mpmath.cos(phase) if index < 12 else mpmath.sin(phase))

    with mpmath.workdps(50):
        for order in (0, 1, 2, 4):
            found = basis.features(points, order)
            for index in (0, 1, 6, 7, 11, 12, 16):
                exact = [
                    float(mpmath.diff(lambda x, i=index: feature(i, x), mpmath.mpf(x), order))
                    for x in points
                ]
                size = max(np.abs(exact).max(), 40.0**order)
                np.testing.assert_allclose(found[:, index], exact, atol=1e-12 * size)


def test_endpoints_are_rows_of_features():
    basis = SpectralMixtureFeatures(LOW, HIGH, [40.0, 80.0])
    for order in (0, 1, 2):
        rows = basis.features([LOW, HIGH], order)
        # A product of one row is summed in another order.
        np.testing.assert_allclose(basis.endpoint("low", order), rows[0], rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(basis.endpoint("high", order), rows[1], rtol=1e-12, atol=1e-10)


def test_every_feature_knows_its_component_degree_and_frequency():
    basis = SpectralMixtureFeatures(0, 1, [200.0, 500.0], envelope=3, trend=4)
    assert basis.n_features == 4 + 2 * 6
    assert basis.n_components == 3
    np.testing.assert_array_equal(basis.component, [0] * 4 + [1] * 6 + [2] * 6)
    np.testing.assert_array_equal(basis.degree, [0, 1, 2, 3] + [0, 1, 2] * 4)
    np.testing.assert_allclose(basis.frequencies[4:], [200.0] * 6 + [500.0] * 6)
    mixture = MixturePrior(TensorFeatures([basis]))
    prior = mixture.log_variance(np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, -3.0]))
    assert prior[3] == 1 - 3
    assert prior[-1] == 3 - 6
    by_weight, by_decay = np.split(mixture.pull_back(np.ones(16)), 2)
    np.testing.assert_array_equal(by_weight, [4, 6, 6])
    np.testing.assert_array_equal(by_decay, [6, 6, 6])


@pytest.mark.parametrize(
    ("lines", "n_bands"),
    [([60.0, 61.0], 1), ([60.0, 66.0, 71.0], 1), ([3.0], 0), ([60.0, 200.0], 2), ([5.0, 100.0], 1)],
)
def test_bands_follow_each_of_their_lines_with_its_envelope(lines, n_bands, rng):
    basis = SpectralMixtureFeatures(0, 2 * np.pi, lines)
    assert len(basis.bands) == n_bands
    x = rng.uniform(0, 2 * np.pi, 900)
    matrix, t = basis.features(x), x / np.pi - 1
    target = np.stack(
        [
            np.cos(line * x + 0.3) * np.cos(degree * np.arccos(t))
            for line in lines
            for degree in (0, 6, 13)
        ],
        axis=1,
    )
    rest = target - matrix @ np.linalg.lstsq(matrix, target, rcond=1e-15)[0]
    assert np.abs(rest).max() < 1e-11


def test_modes_for_leaves_out_what_it_says():
    t = np.linspace(-1, 1, 501)
    for phase in (0.0, 1.5, 20.0, 100.0):
        modes = modes_for(phase)
        vander = np.polynomial.chebyshev.chebvander(t, modes - 1)
        wave = np.stack([np.cos(phase * t), np.sin(phase * t)], axis=1)
        assert np.abs(wave - vander @ np.linalg.lstsq(vander, wave)[0]).max() < 1e-12
    assert modes_for(0.0) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1, 0, []), {}, "low < high"),
        ((0, 1, [-1.0]), {}, "positive"),
        ((0, 1, [np.nan]), {}, "finite"),
        ((0, 1, []), {"envelope": 0}, "envelope"),
        ((0, 1, []), {"trend": 0}, "trend"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        SpectralMixtureFeatures(*arguments, **options)

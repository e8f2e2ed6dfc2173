"""SpectralMixtureGPRegressor against scikit-learn's dense regressor, and lines that are known."""

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import lombscargle
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel

from kernlab.datasets import load_airline
from kernlab.gp import SpectralMixtureGPRegressor, SpectrumDisplay
from kernlab.gp._periodogram import Periodogram, find_lines, frequency_ceiling
from kernlab.kernels import SpectralMixture


def waves(n=60, seed=0, noise=0.1):
    """An uneven series over ten units with lines at 0.7 and 2.2 cycles per unit, and a slope."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 10, n))
    signal = 2 * np.sin(2 * np.pi * 2.2 * x) + np.cos(2 * np.pi * 0.7 * x) + 0.1 * x
    return x[:, None], signal + noise * rng.standard_normal(n)


@pytest.fixture(scope="module")
def fitted():
    X, y = waves()
    return SpectralMixtureGPRegressor(n_components=4).fit(X, y), X, y


@pytest.fixture(scope="module")
def airline():
    X, y = load_airline(return_X_y=True)
    y = np.log(y)
    return SpectralMixtureGPRegressor().fit(X[:108], y[:108]), X[108:], y[108:]


def dense(gp, X, y):
    oracle = GaussianProcessRegressor(gp.kernel_, alpha=0.0, optimizer=None)
    return oracle.fit(X, (y - y.mean()) / y.std())


def test_is_scikit_learns_regressor_with_the_kernel(fitted):
    gp, X, y = fitted
    oracle = dense(gp, X, y)
    at = np.linspace(-1, 12, 40)[:, None]
    mean, cov = oracle.predict(at, return_cov=True)
    ours, our_cov = gp.predict(at, return_cov=True)
    # Rounding times the condition of the covariance, some 1e5.
    np.testing.assert_allclose(ours, y.mean() + y.std() * mean, rtol=0, atol=1e-9)
    np.testing.assert_allclose(our_cov, y.var() * cov, rtol=0, atol=1e-9)
    np.testing.assert_allclose(gp.predict(at, return_std=True)[1] ** 2, np.diag(our_cov))
    theta = gp.kernel_.theta + 0.01
    value, gradient = oracle.log_marginal_likelihood(theta, eval_gradient=True)
    ours, our_gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    assert ours == pytest.approx(value, rel=1e-8)
    np.testing.assert_allclose(our_gradient, gradient, rtol=1e-8, atol=1e-8)
    assert gp.log_marginal_likelihood() == pytest.approx(gp.log_marginal_likelihood_value_)
    assert gp.jitter_ == 0.0


def test_lines_of_uneven_data(fitted):
    gp, _, _ = fitted
    # A line of amplitude a in noise s has frequency error √6 s / (π a T √n): 2e-3 for the weaker.
    np.testing.assert_allclose(gp.lines_[:, 0], [2.2, 0.7], atol=0.01)
    assert gp.lines_.shape == (2, 1)
    # The standard error of a standard deviation from 60 values is 9 %.
    assert np.sqrt(gp.noise_) == pytest.approx(0.1, rel=0.35)


def test_airline_with_default_settings(airline):
    gp, X, y = airline
    mean, std = gp.predict(X, return_std=True)
    assert np.sqrt(np.mean((mean - y) ** 2)) <= 0.05
    assert np.mean(np.abs(mean - y) <= 1.96 * std) >= 0.85
    assert gp.n_components_ >= 6
    for line in (1, 2, 3):
        # Within a third of a cycle over the nine years.
        assert np.min(np.abs(gp.lines_ - line)) < 0.04
    counts = sorted(gp.log_evidences_)
    assert counts[0] == 2
    assert counts[-1] == gp.n_components_ + 3
    cost = 1.5 * np.log(108)
    assert max(counts, key=lambda q: gp.log_evidences_[q] - cost * q) == gp.n_components_


def test_is_at_least_as_likely_as_the_mixture_drawn_from():
    rng = np.random.default_rng(4)
    x = np.linspace(0, 30, 150)[:, None]
    true = SpectralMixture(weights=[2.0], frequencies=[1.5], scales=[0.15]) + WhiteKernel(0.01)
    y = np.linalg.cholesky(true(x)) @ rng.standard_normal(150)
    gp = SpectralMixtureGPRegressor().fit(x, y)
    z = (y - y.mean()) / y.std()
    scaled = true.clone_with_theta(true.theta - np.log([1, 1, y.var(), y.var()]))
    oracle = GaussianProcessRegressor(scaled, alpha=0.0, optimizer=None).fit(x, z)
    assert gp.log_marginal_likelihood_value_ >= oracle.log_marginal_likelihood_value_
    # The spectrum, however many components share it: mean and width of a band that is seen for 30
    # coherence times have standard errors of 0.15 / √30 = 0.03.
    heavy = gp.frequencies_[:, 0] > 0.5
    shares = gp.weights_[heavy] / gp.weights_[heavy].sum()
    centre = shares @ gp.frequencies_[heavy, 0]
    variance = shares @ (gp.scales_[heavy, 0] ** 2 + (gp.frequencies_[heavy, 0] - centre) ** 2)
    assert centre == pytest.approx(1.5, abs=0.1)
    assert np.sqrt(variance) == pytest.approx(0.15, abs=0.1)
    assert gp.noise_ == pytest.approx(0.01, rel=0.5)


def test_two_features():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, [4.0, 10.0], (90, 2))

    def wave(X):
        return np.sin(2 * np.pi * 1.5 * X[:, 0]) * np.cos(2 * np.pi * 0.5 * X[:, 1])

    y = wave(X) + 0.05 * rng.standard_normal(90)
    gp = SpectralMixtureGPRegressor(n_components=3).fit(X, y)
    np.testing.assert_allclose(gp.lines_, [[1.5, 0.5]], atol=0.02)
    oracle = dense(gp, X, y)
    mean, std = oracle.predict(X + 0.1, return_std=True)
    ours, our_std = gp.predict(X + 0.1, return_std=True)
    np.testing.assert_allclose(ours, y.mean() + y.std() * mean, rtol=0, atol=1e-8)
    np.testing.assert_allclose(our_std, y.std() * std, rtol=0, atol=1e-8)
    theta = gp.kernel_.theta
    value, gradient = oracle.log_marginal_likelihood(theta, eval_gradient=True)
    ours, our_gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    assert ours == pytest.approx(value, rel=1e-8)
    np.testing.assert_allclose(our_gradient, gradient, rtol=1e-6, atol=1e-6)


def test_periodogram_is_that_of_scipy():
    X, y = waves(80)
    u = X / 10 - 0.5
    values = y - y.mean()
    periodogram = Periodogram.of(u, np.array([20.0]))
    power, (frequencies,) = periodogram.power(values), periodogram.axes
    reference = lombscargle(u[:, 0], values, 2 * np.pi * frequencies[8:])
    # SciPy's power is half the sum of squares explained. Spreading errs by 1 % of amplitude.
    np.testing.assert_allclose(power[8:], 2 * reference, rtol=0, atol=0.03 * power.max())


def test_greedy_lines_of_a_plane():
    rng = np.random.default_rng(1)
    u = rng.uniform(-0.5, 0.5, (300, 2))
    z = np.cos(2 * np.pi * (6.3 * u[:, 0] - 3.2 * u[:, 1])) + 0.1 * rng.standard_normal(300)
    lines = find_lines(u, z, 1, frequency_ceiling(u))
    np.testing.assert_allclose(lines.frequencies, [[6.3, 3.2]], atol=0.05)


def test_periodogram_of_a_plane_is_least_squares():
    rng = np.random.default_rng(2)
    u = rng.uniform(-0.5, 0.5, (30, 2))
    values = rng.standard_normal(30)
    periodogram = Periodogram.of(u, np.array([3.0, 4.0]))
    power, (first, second) = periodogram.power(values), periodogram.axes
    assert power.shape == (10, 25)
    for i, j in [(0, 15), (4, 3), (9, 24)]:
        phase = 2 * np.pi * (first[i] * u[:, 0] + second[j] * u[:, 1])
        wave = np.column_stack([np.cos(phase), np.sin(phase)])
        _, left, _, _ = np.linalg.lstsq(wave, values, rcond=None)
        assert power[i, j] == pytest.approx(values @ values - left[0], rel=1e-9)


def test_ceiling_is_the_grids_nyquist_frequency():
    u = np.linspace(-0.5, 0.5, 101)[:, None]
    assert frequency_ceiling(u)[0] == pytest.approx(50.0)
    # Repeated and almost equal points are no finer grid.
    assert frequency_ceiling(np.vstack([u, u + 1e-14]))[0] == pytest.approx(50.0)


@pytest.mark.parametrize("trend", ["linear", "quadratic"])
def test_trend_is_the_limit_of_a_wide_prior(trend):
    X, y = waves(40)
    gp = SpectralMixtureGPRegressor(n_components=3, trend=trend).fit(X, y)
    at = np.linspace(-2, 14, 9)[:, None]
    mean, cov = gp.predict(at, return_cov=True)
    degree = {"linear": 1, "quadratic": 2}[trend]
    z, wide = (y - gp.y_mean_) / gp.y_scale_, 1e6

    def prior(A, B):
        V, W = (np.vander(T[:, 0] / 10, degree + 1) for T in (A, B))
        return gp.kernel_.k1(A, B) + wide * V @ W.T

    noise = gp.kernel_.k2.noise_level
    K = prior(X, X) + noise * np.eye(40)
    cross = prior(at, X)
    expected = cross @ np.linalg.solve(K, z)
    spread = prior(at, at) - cross @ np.linalg.solve(K, cross.T) + noise * np.eye(9)
    # The limit is approached as 1 / wide; solving loses wide · 1e-16 · condition.
    np.testing.assert_allclose(mean, gp.y_mean_ + gp.y_scale_ * expected, atol=1e-4)
    np.testing.assert_allclose(cov, gp.y_scale_**2 * spread, atol=1e-4)
    theta = gp.kernel_.theta
    _, gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    for k in (0, len(theta) - 1):
        step = np.zeros_like(theta)
        step[k] = 1e-5
        slope = gp.log_marginal_likelihood(theta + step) - gp.log_marginal_likelihood(theta - step)
        assert gradient[k] == pytest.approx(slope / 2e-5, rel=1e-4, abs=1e-4)


def test_starts_given_and_drawn():
    X, y = waves(50)
    given = SpectralMixtureGPRegressor(init=[0.7, 2.2]).fit(X, y)
    assert given.n_components_ == 4
    np.testing.assert_allclose(given.lines_[:, 0], [2.2, 0.7], atol=0.02)
    settings = {"init": "random", "n_components": 3, "random_state": 3}
    drawn = SpectralMixtureGPRegressor(**settings).fit(X, y)
    again = SpectralMixtureGPRegressor(**settings, n_restarts=2).fit(X, y)
    assert again.log_marginal_likelihood_value_ >= drawn.log_marginal_likelihood_value_ - 0.5
    assert drawn.log_marginal_likelihood_value_ <= given.log_marginal_likelihood_value_


def test_same_result_each_time_and_in_any_order(fitted):
    gp, X, y = fitted
    again = clone(gp).fit(X, y)
    np.testing.assert_array_equal(again.kernel_.theta, gp.kernel_.theta)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = clone(gp).fit(X[order], y[order])
    # Different rounding, and an optimiser that stops at a thousandth of a nat.
    np.testing.assert_allclose(shuffled.lines_, gp.lines_, atol=2e-3)


def test_pickle_holds_plain_data(fitted):
    gp, X, _ = fitted
    data = pickle.dumps(gp)
    assert b"torch" not in data
    np.testing.assert_array_equal(pickle.loads(data).predict(X), gp.predict(X))


@pytest.mark.parametrize(("scale", "offset"), [(1e-150, 0.0), (1e150, 0.0), (1.0, 1e9)])
def test_targets_of_any_scale(fitted, scale, offset):
    gp, X, y = fitted
    moved = clone(gp).fit(X, offset + scale * y)
    # An offset of 1e9 takes seven digits from y; the optimiser then stops elsewhere by as little.
    np.testing.assert_allclose((moved.predict(X) - offset) / scale, gp.predict(X), atol=2e-2)
    np.testing.assert_allclose(moved.lines_, gp.lines_, atol=2e-3)
    assert np.isfinite(moved.predict(X, return_std=True)[1]).all()


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0.0), (1e12, 0.0), (1.0, 1e6)])
def test_points_of_any_scale(fitted, scale, offset):
    gp, X, y = fitted
    moved = clone(gp).fit(offset + scale * X, y)
    np.testing.assert_allclose(moved.lines_ * scale, gp.lines_, rtol=1e-3)
    np.testing.assert_allclose(moved.predict(offset + scale * X), gp.predict(X), atol=2e-2)


def test_float32_and_repeated_points():
    X, y = waves(40)
    doubled = SpectralMixtureGPRegressor(n_components=3).fit(np.vstack([X, X]), np.append(y, y))
    assert np.isfinite(doubled.predict(X, return_std=True)[1]).all()
    single = SpectralMixtureGPRegressor(n_components=3).fit(X.astype(np.float32), y)
    double = SpectralMixtureGPRegressor(n_components=3).fit(X, y)
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-2)


def test_constant_targets_and_a_constant_feature():
    X, y = waves(30)
    with pytest.warns(ConvergenceWarning, match="y is constant"):
        gp = SpectralMixtureGPRegressor().fit(X, np.full(30, 7.5))
    np.testing.assert_allclose(gp.predict(X + 0.1), 7.5)
    table = np.hstack([X, np.ones_like(X)])
    wide = SpectralMixtureGPRegressor(n_components=3).fit(table, y)
    assert np.isfinite(wide.predict(table)).all()


def test_draws_have_the_predictive_moments(fitted):
    gp, _, _ = fitted
    at = np.array([[0.3], [5.5], [10.4]])
    mean, cov = gp.predict(at, return_cov=True)
    draws = gp.sample_y(at, n_samples=4000, random_state=0)
    assert draws.shape == (3, 4000)
    # Five standard errors.
    assert np.all(np.abs(draws.mean(1) - mean) < 5 * np.sqrt(np.diag(cov) / 4000))
    np.testing.assert_allclose(np.cov(draws), cov, atol=5 * np.diag(cov).max() * np.sqrt(2 / 4000))


def test_spectrum_is_the_transform_of_the_covariance(fitted):
    gp, _, _ = fitted
    step = np.array([[0.37]])
    wanted = gp.kernel_.k1(np.zeros((1, 1)), step)[0, 0] * gp.y_scale_**2
    centres, scales = gp.frequencies_[:, 0], gp.scales_[:, 0]
    reach = np.linspace(-9, 9, 13)
    breaks = np.unique(np.abs(centres[:, None] + scales[:, None] * reach))
    breaks = np.append(0.0, breaks)

    def density(f):
        return 2 * gp.spectrum([f])[0] * np.cos(2 * np.pi * f * step[0, 0])

    total = sum(quad(density, a, b)[0] for a, b in pairwise(breaks))
    assert total == pytest.approx(wanted, abs=1e-8 * gp.weights_.sum())


def test_spectrum_display(fitted):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="needs the extra 'plot'")
    gp, _, _ = fitted
    display = SpectrumDisplay.from_estimator(gp, max_frequency=2.0)
    np.testing.assert_allclose(display.lines, [0.7], atol=0.02)
    # Positive frequencies carry twice the symmetric density.
    np.testing.assert_allclose(display.density, 2 * gp.spectrum(display.frequencies))
    pyplot.close(display.figure_)
    with pytest.raises(TypeError, match="SpectralMixtureGPRegressor"):
        SpectrumDisplay.from_estimator(GaussianProcessRegressor())
    with pytest.raises(ValueError, match="feature=1"):
        SpectrumDisplay.from_estimator(gp, feature=1)
    with pytest.raises(ValueError, match="max_frequency"):
        SpectrumDisplay.from_estimator(gp, max_frequency=-1.0)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"n_components": 31}, "n_components=31 with n_samples=30"),
        ({"n_components": 5, "init": [1.0]}, "give n_components='auto'"),
        ({"init": [[1.0, 2.0]]}, "shape"),
        ({"init": [-1.0]}, "zero or more"),
        ({"n_components": 0}, "n_components"),
        ({"init": "gpytorch"}, "init"),
        ({"trend": "cubic"}, "trend"),
        ({"solver": "cg"}, "solver"),
        ({"n_restarts": -1}, "n_restarts"),
    ],
)
def test_bad_settings(settings, match):
    X, y = waves(30)
    gp = SpectralMixtureGPRegressor(**settings)
    with pytest.raises(ValueError, match=match):
        gp.fit(X, y)
    assert not hasattr(gp, "kernel_")


def test_bad_data(fitted):
    gp, X, y = fitted
    for spoilt in (np.nan, np.inf):
        with pytest.raises(ValueError, match="y contains"):
            SpectralMixtureGPRegressor().fit(X, np.append(y[1:], spoilt))
    with pytest.raises(ValueError, match="n_samples=1: nothing is learned"):
        SpectralMixtureGPRegressor().fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="nothing is left"):
        SpectralMixtureGPRegressor(n_components=2, trend="quadratic").fit(X[:3], y[:3])
    with pytest.raises(ValueError, match="requires y"):
        SpectralMixtureGPRegressor().fit(X, None)
    with pytest.raises(RuntimeError, match="cannot both"):
        gp.predict(X, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="gradient needs theta"):
        gp.log_marginal_likelihood(eval_gradient=True)
    with pytest.raises(ValueError, match="theta must be [0-9]+ finite numbers"):
        gp.log_marginal_likelihood([0.0])
    with pytest.raises(ValueError, match="frequencies has shape"):
        gp.spectrum([[1.0, 2.0]])


def test_two_points_and_a_handful():
    X, y = waves(12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (2, 3, 5, 12):
            gp = SpectralMixtureGPRegressor().fit(X[:n], y[:n])
            assert np.isfinite(gp.predict(X, return_std=True)[1]).all()
            assert gp.kernel_.k2.noise_level >= 0.999 * 10 ** (-n / 4)


def test_short_series_are_not_overfitted():
    settings = (
        # A slope of one deviation of the noise a step, nine values, the next four; noise alone.
        ("slope", 9, 0.1, 0.1),
        ("noise", 12, 0.0, 1.0),
    )
    for name, n, slope, noise in settings:
        x = np.arange(n + 4.0)
        covered = []
        for seed in range(20):
            y = slope * x + noise * np.random.default_rng(seed).standard_normal(n + 4)
            gp = SpectralMixtureGPRegressor().fit(x[:n, None], y[:n])
            mean, std = gp.predict(x[n:, None], return_std=True)
            covered.append(np.mean(np.abs(mean - y[n:]) <= 1.96 * std))
            # Three numbers a component and the noise, of fewer than n - 1 values.
            assert 3 * max(gp.log_evidences_) + 1 < n - 1
            assert gp.n_components_ == 1
            assert gp.kernel_.k2.noise_level >= 0.999 * 10 ** (-n / 4)
        # Deviations that take four numbers, learned from nine values, as known are √(5 / 9) of the
        # true ones and cover 0.86. The errors of a series go together: the standard error is that
        # of twenty values, √(0.95 · 0.05 / 20) = 0.05. Three of them less.
        assert np.mean(covered) > 0.71, name


def test_season_of_a_short_series():
    x = np.arange(22.0)
    y = np.sin(2 * np.pi * x / 6) + 0.2 * np.random.default_rng(0).standard_normal(22)
    gp = SpectralMixtureGPRegressor().fit(x[:18, None], y[:18])
    # √6 s / (π a T √n) = 0.0022 is the standard error of the frequency.
    np.testing.assert_allclose(gp.lines_, [[1 / 6]], atol=0.01)
    assert gp.n_components_ == 2
    assert np.sqrt(np.mean((gp.predict(x[18:, None]) - y[18:]) ** 2)) < 0.4


def test_more_hyperparameters_than_values_in_many_features():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(25, 6)), rng.standard_normal(25)
    assert SpectralMixtureGPRegressor().fit(X, y).n_components_ == 1

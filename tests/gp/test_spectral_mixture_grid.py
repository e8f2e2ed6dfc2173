"""solver='ski' of SpectralMixtureGPRegressor: the dense posterior, at any frequency and place."""

import pickle

import numpy as np
import pytest

from kernlab.gp import SpectralMixtureGPRegressor
from kernlab.gp import _spectral_mixture_grid as grid
from kernlab.gp._spectral_mixture_evidence import Mixture, Posterior

# Of queries: inside the data, at their ends, and far to either side.
PLACES = np.array([-1e6, -3.0, -0.7, -0.5, -0.2, 0.03, 0.1, 0.33, 0.5001, 0.6, 2.0, 50.0])[:, None]


def series(n, seed=0, length=10.0):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, length, n))
    y = 2 * np.sin(2 * np.pi * 2.2 * x) + np.cos(2 * np.pi * 0.7 * x) + 0.1 * x
    return x[:, None], y + 0.1 * rng.standard_normal(n)


@pytest.fixture(scope="module")
def both():
    X, y = series(100)
    settings = {"n_components": 4, "random_state": 0}
    exact = SpectralMixtureGPRegressor(**settings).fit(X, y)
    return exact, SpectralMixtureGPRegressor(**settings, solver="ski").fit(X, y), X, y


@pytest.mark.parametrize(
    ("scales", "fast"),
    [([1e-3, 0.1, 0.25], 0), ([0.25, 3.0, 20.0], 2), ([0.1, 1.5, 60.0], 1), ([50, 200, 1e3], 3)],
)
def test_is_the_dense_posterior(scales, fast):
    rng = np.random.default_rng(0)
    u = np.append(rng.uniform(-0.5, 0.5, 297), [-0.5, 0.5, 0.1])[:, None]
    u[1] = u[0]
    frequencies = np.array([[1e-3], [17.0], [130.0]])
    weights = np.array([1.5, 0.5, 0.3])
    mixture = Mixture(frequencies, np.array(scales)[:, None], weights, 1e-2)
    z = np.sin(6 * u[:, 0]) + 0.1 * rng.standard_normal(300)
    dense = Posterior.condition(mixture, u, z)
    ours = grid.GridPosterior.condition(mixture, u, z)
    # Narrow components are waves, wide ones a band.
    assert len(ours.fast.weights) == fast
    # The cut, 1e-14 of the weights, and rounding, times |alpha| over the data: some 10 of 300.
    np.testing.assert_allclose(ours.mean(PLACES), dense.mean(PLACES), rtol=0, atol=1e-9)
    cov = dense.covariance(PLACES)
    np.testing.assert_allclose(ours.covariance(PLACES), cov, rtol=0, atol=1e-8)
    spread = ours.covariance(PLACES, diagonal=True)
    np.testing.assert_allclose(spread, np.diag(cov), rtol=0, atol=1e-8)


def test_learns_and_predicts_as_the_exact_solver(both):
    exact, ski, _, _ = both
    # Fewer rows than hyperparameters are learned from: both learn the same.
    np.testing.assert_array_equal(ski.kernel_.theta, exact.kernel_.theta)
    at = np.linspace(0.5, 30.0, 40)[:, None]
    mean, std = exact.predict(at, return_std=True)
    ours, our_std = ski.predict(at, return_std=True)
    np.testing.assert_allclose(ours, mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(our_std, std, rtol=1e-6)
    _, cov = ski.predict(at[:5], return_cov=True)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), std[:5], rtol=1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ski)).predict(at), ours)
    value, gradient = ski.log_marginal_likelihood(ski.kernel_.theta, eval_gradient=True)
    assert value == pytest.approx(exact.log_marginal_likelihood_value_)
    assert gradient.shape == ski.kernel_.theta.shape


def test_lines_of_any_frequency():
    # A hundred thousand cycles over the data.
    rng = np.random.default_rng(0)
    X = np.sort(rng.uniform(0, 1e4, 300))[:, None]
    wave = np.sin(2 * np.pi * 10 * X[:, 0])
    y = wave + 0.1 * rng.standard_normal(300)
    gp = SpectralMixtureGPRegressor(init=[10.0], solver="ski", random_state=0).fit(X, y)
    mean, std = gp.predict(X, return_std=True)
    # Amplitude, phase and frequency of a line from 300 values: 0.1 √(3 / 300), and twice that.
    assert np.sqrt(np.mean((mean - wave) ** 2)) < 0.02
    np.testing.assert_allclose(std, 0.1, rtol=0.2)


def test_a_far_query_touches_no_other(both):
    _, ski, _, _ = both
    before, std = ski.predict([[2.55]], return_std=True)
    rows, row_std = ski.predict([[1e6], [2.55]], return_std=True)
    # Products of matrices round by their shape.
    assert rows[1] == pytest.approx(before[0], rel=1e-10)
    assert row_std[1] == pytest.approx(std[0], rel=1e-10)
    ski.predict([[1e6]])
    np.testing.assert_array_equal(ski.predict([[2.55]]), before)


def test_what_was_fitted_counts_and_not_the_parameters_since():
    X, y = series(30)
    gp = SpectralMixtureGPRegressor(n_components=2, trend="linear").fit(X, y)
    expected = gp.predict(X, return_std=True), gp.log_marginal_likelihood()
    gp.set_params(trend=None, solver="ski")
    np.testing.assert_array_equal(gp.predict(X, return_std=True), expected[0])
    assert gp.log_marginal_likelihood() == expected[1]


def test_refuses():
    X, y = series(20)
    with pytest.raises(ValueError, match="one feature"):
        SpectralMixtureGPRegressor(solver="ski").fit(np.hstack([X, X]), y)
    with pytest.raises(ValueError, match="no explicit trend"):
        SpectralMixtureGPRegressor(solver="ski", trend="linear").fit(X, y)


def test_refuses_a_spectrum_too_wide(monkeypatch):
    monkeypatch.setattr(grid, "_MOST_BAND", 0)
    monkeypatch.setattr(grid, "_MOST_FEATURES", 500)
    mixture = Mixture(np.array([[1.0]]), np.array([[30.0]]), np.array([1.0]), 0.1)
    u = np.linspace(-0.5, 0.5, 50)[:, None]
    with pytest.raises(ValueError, match="scale of 30 cycles over the data, of 50 points"):
        grid.GridPosterior.condition(mixture, u, u[:, 0])

"""Grids with missing cells, by dense matrices and by iteration, against the dense process."""

import pickle

import numpy as np
import pytest
from dense_grids import CLOSE, assert_equals_dense, cells, dense, stiff, uneven, wavy
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    Matern,
    WhiteKernel,
)

from kernlab.gp import (
    KroneckerGPRegressor,
    _kronecker_iterative,
    _kronecker_missing,
    _kronecker_precondition,
)


def test_few_missing_cells_are_exact(rng):
    axes = [np.linspace(0, 1, 9), uneven(rng, 12)]
    Y = wavy(rng, axes, 0.2)
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None).fit(axes, Y)
    assert gp._route == "missing"
    assert gp.n_missing_ == np.isnan(Y).sum() > 0
    assert_equals_dense(gp, axes, Y, rng)


@pytest.fixture
def iterative(monkeypatch):
    monkeypatch.setattr(_kronecker_missing, "FEW_CELLS", 0)
    monkeypatch.setattr(_kronecker_iterative, "DIRECT", 0)


@pytest.mark.parametrize("hole", [False, True])
def test_predictions_of_many_missing_cells_are_exact(hole, rng, iterative):
    axes = [np.linspace(0, 1, 14), uneven(rng, 18)]
    Y = wavy(rng, axes, 0.5)
    if hole:
        Y[3:9, 4:12] = np.nan
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None, random_state=0)
    gp.fit(axes, Y)
    assert gp._route == "iterative"
    oracle = dense(gp, axes, Y)
    X = rng.uniform(-0.1, 1.1, (7, 2))
    mean, std = gp.predict(X, return_std=True)
    expected, cov = oracle.predict(X, return_cov=True)
    np.testing.assert_allclose(mean, expected, **CLOSE)
    np.testing.assert_allclose(std**2, np.diag(cov), **CLOSE)
    np.testing.assert_allclose(gp.predict(X, return_cov=True)[1], cov, **CLOSE)
    mean, std = gp.predict_grid(axes, return_std=True)
    expected, expected_std = oracle.predict(cells(axes), return_std=True)
    np.testing.assert_allclose(mean.ravel(), expected, **CLOSE)
    np.testing.assert_allclose(std.ravel(), expected_std, **CLOSE)


def test_standard_deviations_of_many_points_come_from_one_factor(rng, monkeypatch):
    monkeypatch.setattr(_kronecker_missing, "FEW_CELLS", 0)
    axes = [np.linspace(0, 1, 10), uneven(rng, 12)]
    Y = wavy(rng, axes, 0.4)
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None).fit(axes, Y)
    X = rng.uniform(-0.1, 1.1, (7, 2))
    gp.predict(X[:1], return_std=True)
    assert gp._solution.direct is None
    oracle = dense(gp, axes, Y)
    expected, cov = oracle.predict(X, return_cov=True)
    np.testing.assert_allclose(gp.predict(X, return_std=True)[1] ** 2, np.diag(cov), **CLOSE)
    np.testing.assert_allclose(gp.predict(X, return_cov=True)[1], cov, **CLOSE)
    _, std = gp.predict_grid(axes, return_std=True)
    expected = oracle.predict(cells(axes), return_std=True)[1]
    np.testing.assert_allclose(std.ravel(), expected, **CLOSE)
    assert gp._solution.direct is not None
    # The factor is not worth its place in a file.
    assert pickle.loads(pickle.dumps(gp))._solution.direct is None


@pytest.mark.parametrize("alpha", [1e-4, 1e-6, 1e-8])
def test_next_to_no_noise_beside_many_missing_cells(alpha, rng, iterative):
    axes = [np.linspace(0, 1, 20), np.linspace(0, 1, 22)]
    Y = np.sin(6 * axes[0])[:, None] * np.cos(5 * axes[1])
    Y = Y + np.sqrt(alpha) * rng.standard_normal(Y.shape)
    Y[rng.random(Y.shape) < 0.32] = np.nan
    gp = KroneckerGPRegressor(kernels=[RBF(0.3), RBF(0.3)], alpha=alpha, optimizer=None)
    gp.fit(axes, Y)
    assert gp._route == "iterative"
    assert gp.jitter_ == 0.0
    X = np.vstack([cells(axes)[::9], rng.uniform(-0.1, 1.1, (10, 2))])
    mean, std = gp.predict(X, return_std=True)
    expected, expected_std = dense(gp, axes, Y).predict(X, return_std=True)
    # A residual of 1e-12 relative to the data, over the variance of the noise.
    np.testing.assert_allclose(std, expected_std, rtol=1e-11 / alpha)
    assert np.max(np.abs(mean - expected) / expected_std) < 1e-11 / alpha


def test_less_noise_than_the_solves_bear_is_reported(rng, iterative):
    axes = [np.linspace(0, 1, 10), np.linspace(0, 1, 12)]
    gp = KroneckerGPRegressor(kernels=[RBF(0.3), RBF(0.3)], alpha=1e-12, optimizer=None)
    with pytest.warns(RuntimeWarning, match="added to the variance of the noise"):
        gp.fit(axes, wavy(rng, axes, 0.3))
    assert gp.jitter_ == pytest.approx(1e-9, rel=0.01)


@pytest.mark.parametrize("hole", [False, True])
def test_estimated_likelihood_is_unbiased_and_its_error_honest(hole, rng, iterative, monkeypatch):
    axes = [np.linspace(0, 1, 10), uneven(rng, 12)]
    Y = wavy(rng, axes, 0.1 if hole else 0.4)
    if hole:
        # With a block that leaves something to estimate.
        monkeypatch.setattr(_kronecker_precondition, "LARGEST", 25)
        Y[2:8, 3:10] = np.nan
    values, slopes, errors = [], [], []
    for seed in range(20):
        gp = KroneckerGPRegressor(
            kernels=list(stiff()), alpha=0.04, optimizer=None, random_state=seed
        ).fit(axes, Y)
        slope = gp._evidence(gp.kernel_.theta)[1]
        solution = gp._solution
        values.append(gp.log_marginal_likelihood_value_)
        slopes.append(np.concatenate([slope, solution.scale_sensitivities()]))
        errors.append(gp.log_marginal_likelihood_error_)
        assert len(solution.system.precondition.modes) == 25 * hole
    # The same with amplitude and noise free, whose slopes come last here.
    free = GaussianProcessRegressor(
        ConstantKernel(1.0) * gp.kernel_.k1.k1.k2 * gp.kernel_.k1.k2 + WhiteKernel(0.04),
        alpha=0,
        optimizer=None,
    ).fit(cells(axes)[~np.isnan(Y.ravel())], Y[~np.isnan(Y)])
    expected, gradient = free.log_marginal_likelihood(free.kernel.theta, eval_gradient=True)
    gradient = gradient[[1, 2, 0, 3]]
    # Four standard errors of the mean over seeds.
    spread = np.std(values, ddof=1)
    assert abs(np.mean(values) - expected) < 4 * spread / np.sqrt(20)
    scatter = np.std(slopes, axis=0, ddof=1)
    assert np.all(np.abs(np.mean(slopes, axis=0) - gradient) < 4 * scatter / np.sqrt(20))
    # A standard deviation from 20 values has a relative error of 16 %, from 10 probes of 24 %.
    assert 0.6 < np.mean(errors) / spread < 1.6
    # The linear part that is left out would alone scatter by this much.
    assert spread < 0.3


@pytest.mark.parametrize(("shape", "hole"), [((90,), 40), ((12, 14), 7), ((5, 7, 6), 4)])
def test_block_of_all_modes_is_exact(shape, hole, rng, iterative, monkeypatch):
    monkeypatch.setattr(_kronecker_precondition, "_LEAST", 0.0)
    axes = [np.linspace(0, 1, shape[0]), *(uneven(rng, n) for n in shape[1:])]
    Y = wavy(rng, axes)
    Y[(slice(1, 1 + hole),) * len(shape)] = np.nan
    kernels = [ConstantKernel(2.0) * Matern(0.3, nu=1.5), RBF(0.2), Matern(0.5)][: len(shape)]
    gp = KroneckerGPRegressor(kernels=kernels, alpha=0.04, optimizer=None).fit(axes, Y)
    assert gp._route == "iterative"
    assert_equals_dense(gp, axes, Y, rng)
    # Probes see the rounding of M⁻¹A alone.
    assert gp.log_marginal_likelihood_error_ < 1e-9


def test_block_saves_iterations_where_a_hole_is_wide(rng, iterative, monkeypatch):
    axes = [np.linspace(0, 1, 24), np.linspace(0, 1, 30)]
    Y = wavy(rng, axes)
    Y[4:20, 5:25] = np.nan
    kernels = [Matern(0.1, nu=2.5), Matern(0.1, nu=2.5)]
    gp = KroneckerGPRegressor(kernels=kernels, alpha=0.001, optimizer=None)
    # The spread of eigenvalues is at most 4 · 1.3³ = 8.8: convergence by 0.49 a step, to 1e-12.
    monkeypatch.setattr(_kronecker_iterative, "_MAX_ITER", 40)
    gp.fit(axes, Y)
    monkeypatch.setattr(_kronecker_precondition, "LARGEST", 0)
    with pytest.warns(ConvergenceWarning, match="relative residual of"):
        gp.fit(axes, Y)


def test_wide_holes_are_told_from_chance(rng):
    has_wide_hole = _kronecker_precondition.has_wide_hole
    mask = (rng.random((60, 70)) > 0.3).astype(float)
    assert not has_wide_hole(mask)
    mask[-6:, -6:] = 0
    assert has_wide_hole(mask)
    mask[-3, -3] = 1
    assert not has_wide_hole(mask)


@pytest.mark.parametrize("hole", [False, True])
def test_fit_with_many_missing_cells_nears_the_exact_maximum(hole, rng, monkeypatch):
    axes = [np.linspace(0, 1, 16), np.linspace(0, 1, 18)]
    Y = wavy(rng, axes, 0.1 if hole else 0.3)
    if hole:
        monkeypatch.setattr(_kronecker_precondition, "LARGEST", 60)
        Y[4:11, 5:13] = np.nan
    exact = KroneckerGPRegressor(random_state=0).fit(axes, Y)
    monkeypatch.setattr(_kronecker_missing, "FEW_CELLS", 0)
    estimated = KroneckerGPRegressor(random_state=0).fit(axes, Y)
    assert estimated.log_marginal_likelihood_error_ > 0.0
    # Within what random probes leave of it.
    lost = exact.log_marginal_likelihood_value_ - dense(estimated, axes, Y).log_marginal_likelihood(
        estimated.kernel_.theta
    )
    assert 0.0 <= lost < 3 * estimated.log_marginal_likelihood_error_


def test_unreachable_accuracy_is_warned_of(rng, iterative, monkeypatch):
    monkeypatch.setattr(_kronecker_iterative, "_MAX_ITER", 2)
    axes = [np.linspace(0, 1, 10), np.linspace(0, 1, 12)]
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None)
    with pytest.warns(ConvergenceWarning, match="relative residual of"):
        gp.fit(axes, wavy(rng, axes, 0.3))

"""Gaussian processes on grids against scikit-learn's dense regressor at all cells."""

import dataclasses
import pickle

import numpy as np
import pytest
from dense_grids import AXES, CLOSE, GOOD, assert_equals_dense, cells, stiff, uneven, wavy
from scipy.linalg import cho_solve, cholesky
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)

from kernlab.gp import (
    KroneckerGPRegressor,
    _kronecker_missing,
    _kronecker_model,
    _kronecker_precondition,
)
from kernlab.kernels import SpectralMixture
from kernlab.linalg._centrosymmetric import eigh_covariance

GRIDS = {
    "line": ((25,), lambda: [Matern(0.3, nu=2.5)]),
    "two axes": ((9, 12), lambda: list(stiff())),
    "three axes, their own variances and no hyperparameter": (
        (5, 4, 6),
        lambda: [ConstantKernel(2.0) * RBF(0.3), RBF(0.5, "fixed"), RBF(0.6) + DotProduct(0.5)],
    ),
    "spectral mixture": (
        (14, 6),
        lambda: [SpectralMixture([1.0, 0.3], [0.7, 2.0], [0.3, 0.2]), RationalQuadratic(0.4)],
    ),
}


@pytest.mark.parametrize("missing", [0.0, 0.6])
@pytest.mark.parametrize("name", GRIDS)
def test_equals_the_dense_process(name, missing, rng):
    shape, kernels = GRIDS[name]
    # The first axis is regular, and split by halves; the others are not.
    axes = [np.linspace(0, 1, shape[0]), *(uneven(rng, n) for n in shape[1:])]
    Y = wavy(rng, axes, missing)
    gp = KroneckerGPRegressor(kernels=kernels(), alpha=0.04, optimizer=None).fit(axes, Y)
    assert gp._route == ("observed" if missing else "complete")
    assert gp.log_marginal_likelihood_error_ == 0.0
    assert gp.jitter_ == 0.0
    assert_equals_dense(gp, axes, Y, rng)


def test_equals_the_dense_process_at_two_thousand_cells(rng):
    axes = [np.linspace(0, 1, 40), np.linspace(0, 2, 50)]
    y = wavy(rng, axes).ravel()
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None)
    gp.fit(axes, y.reshape(40, 50))
    value, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    # The textbook formulas of log N(y; 0, K), once.
    X = cells(axes)
    K, slopes = gp.kernel_(X, eval_gradient=True)
    root = cholesky(K, lower=True)
    inverse = cho_solve((root, True), np.eye(2000))
    weights = inverse @ y
    expected = -0.5 * (y @ weights + 2000 * np.log(2 * np.pi)) - np.log(np.diag(root)).sum()
    assert value == pytest.approx(expected, rel=1e-9)
    slack = np.outer(weights, weights) - inverse
    np.testing.assert_allclose(gradient, 0.5 * np.tensordot(slack, slopes, 2), rtol=1e-9)
    new = rng.uniform(0, 1, (20, 2))
    mean, std = gp.predict(new, return_std=True)
    cross = gp.kernel_(new, X)
    np.testing.assert_allclose(mean, cross @ weights, **CLOSE)
    variance = gp.kernel_.diag(new) - np.sum(cross @ inverse * cross, axis=1)
    np.testing.assert_allclose(std, np.sqrt(variance), **CLOSE)


def test_fit_recovers_hyperparameters_and_the_field(rng):
    axes = [np.linspace(0, 1, 40), np.linspace(0, 1, 45)]
    truth = 1.5 * RBF(0.2)(axes[0][:, None]), RBF(0.4)(axes[1][:, None])
    roots = [np.linalg.cholesky(K + 1e-9 * np.eye(len(K))) for K in truth]
    field = roots[0] @ rng.standard_normal((40, 45)) @ roots[1].T
    Y = field + 0.1 * rng.standard_normal(field.shape)
    gp = KroneckerGPRegressor(kernels=[RBF(0.1), RBF(0.1)]).fit(axes, Y)
    amplitude, one, two = (gp.kernel_.k1.k1.k1, gp.kernel_.k1.k1.k2, gp.kernel_.k1.k2)
    # The noise is known to 1/√(2N) = 1.7 % of its variance, length scales to some tens of per cent.
    assert gp.kernel_.k2.noise_level == pytest.approx(0.01, rel=0.07)
    assert one.kernel.length_scale == pytest.approx(0.2, rel=0.3)
    assert two.kernel.length_scale == pytest.approx(0.4, rel=0.3)
    assert amplitude.constant_value > 0.2
    mean, std = gp.predict_grid(axes, return_std=True)
    error = mean - field
    latent = np.sqrt(std**2 - gp.kernel_.k2.noise_level)
    # Standardised errors have variance one; some hundred of them are independent.
    assert 0.6 < np.mean((error / latent) ** 2) < 1.5
    assert gp.n_iter_ > 0
    assert gp.score(cells(axes), Y.ravel()) > 0.9


def test_gradient_of_the_default_fit_vanishes(rng):
    axes = [np.linspace(0, 3, 12), uneven(rng, 10)]
    gp = KroneckerGPRegressor().fit(axes, wavy(rng, axes))
    _, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    bounds = gp.kernel_.bounds
    inside = np.all(([gp.kernel_.theta] > bounds.T) == [[True], [False]], axis=0)
    assert np.max(np.abs(gradient[inside])) < 1e-2


def test_order_of_the_axes_and_duplicates_do_not_matter(rng):
    axes = [uneven(rng, 8), np.linspace(0, 1, 7)]
    axes[0][3] = axes[0][4]
    Y = wavy(rng, axes, 0.1)
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None)
    expected = clone(gp).fit(axes, Y)
    shuffles = [rng.permutation(len(axis)) for axis in axes]
    shuffled = [axis[order] for axis, order in zip(axes, shuffles, strict=True)]
    gp.fit(shuffled, Y[np.ix_(*shuffles)])
    assert_equals_dense(gp, shuffled, Y[np.ix_(*shuffles)], rng)
    np.testing.assert_allclose(
        gp.predict_grid(shuffled)[np.ix_(*map(np.argsort, shuffles))],
        expected.predict_grid(axes),
        atol=1e-12,
    )
    np.testing.assert_array_equal(gp.axes_[0], shuffled[0])


def test_an_axis_of_points(rng):
    stations, times = rng.uniform(0, 1, (6, 2)), np.linspace(0, 1, 9)
    Y = wavy(rng, [stations, times], 0.1)
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None)
    gp.fit([stations, times], Y)
    assert gp.n_features_in_ == 3
    assert_equals_dense(gp, [stations, times], Y, rng)
    fitted = KroneckerGPRegressor().fit([stations, times], Y)
    assert np.isfinite(fitted.log_marginal_likelihood_value_)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_of_y_do_not_matter(scale, rng):
    axes = [np.linspace(0, 1, 9), np.linspace(0, 1, 10)]
    Y = wavy(rng, axes, 0.1)
    one = KroneckerGPRegressor().fit(axes, Y)
    other = KroneckerGPRegressor().fit(axes, Y * scale)
    np.testing.assert_allclose(other.predict_grid(axes) / scale, one.predict_grid(axes), rtol=1e-5)
    n_observed = Y.size - one.n_missing_
    assert other.log_marginal_likelihood_value_ + n_observed * np.log(scale) == pytest.approx(
        one.log_marginal_likelihood_value_, rel=1e-6
    )


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("scale", [1e-150, 1e-80, 1e80, 1e150])
def test_a_kernel_may_carry_the_variance_of_y(scale, missing, rng):
    axes = [np.linspace(0, 1, 6), np.linspace(0, 1, 7)]
    Y = wavy(rng, axes, missing)
    one = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.01, optimizer=None).fit(axes, Y)
    # All of the variance in one kernel, and shared.
    for first, second in ((scale * scale, 1.0), (scale, scale)):
        kernels = [
            ConstantKernel(c, "fixed") * kernel
            for c, kernel in zip((first, second), stiff(), strict=True)
        ]
        gp = KroneckerGPRegressor(kernels=kernels, alpha=0.01 * scale * scale, optimizer=None)
        gp.fit(axes, scale * Y)
        X = rng.uniform(0, 1, (5, 2))
        for got, expected in zip(
            gp.predict(X, return_std=True) + gp.predict_grid(axes, return_std=True),
            one.predict(X, return_std=True) + one.predict_grid(axes, return_std=True),
            strict=True,
        ):
            np.testing.assert_allclose(got / scale, expected, rtol=1e-7, atol=1e-9)
        _, slope = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
        _, expected = one.log_marginal_likelihood(one.kernel_.theta, eval_gradient=True)
        np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_amplitude_is_fitted_unless_a_kernel_scales(rng):
    axes = [np.linspace(0.2, 1, 6), np.linspace(0.1, 1, 7)]
    Y = 30 * axes[0][:, None] * axes[1] + 0.1 * rng.standard_normal((6, 7))

    def has_amplitude(*kernels):
        gp = KroneckerGPRegressor(kernels=list(kernels), alpha=0.01).fit(axes, Y)
        return gp._grid_kernel.amplitude.n_dims == 1

    linear = DotProduct(1.0, (1e-9, 1e9))
    # σ₀² is added to x·x', and scales nothing.
    assert has_amplitude(linear, linear)
    wide = (1e-9, 1e9)
    assert has_amplitude(RBF(1.0, wide), ConstantKernel(1.0, wide) + RBF(1.0, wide))
    assert not has_amplitude(RBF(1.0, wide), ConstantKernel(1.0, wide) * RBF(1.0, wide))


@pytest.mark.parametrize("way", ["complete", "observed", "missing", "iterative"])
def test_gradient_where_the_noise_is_floored(way, rng, monkeypatch):
    # A jitter far above rounding, in which finite differences would drown.
    share = 1e-5
    monkeypatch.setattr(_kronecker_model, "_ROUNDING", share)
    monkeypatch.setattr(_kronecker_missing, "_root", lambda signal, noise: floored(signal, noise))

    def floored(signal, noise):
        jitter = share * np.max(np.diag(signal))
        return cholesky(signal + (noise + jitter) * np.eye(len(signal)), lower=True), jitter

    axes = [np.linspace(0, 1, 8), np.linspace(0.2, 1, 9)]
    Y = np.cos(axes[0])[:, None] * np.sin(axes[1]) + 0.02 * rng.standard_normal((8, 9))
    Y[rng.random(Y.shape) < {"complete": 0.0, "observed": 0.6}.get(way, 0.1)] = np.nan
    if way == "iterative":
        monkeypatch.setattr(_kronecker_missing, "FEW_CELLS", 0)
        # All in the block: nothing is left to estimate.
        monkeypatch.setattr(_kronecker_precondition, "_LEAST", 0.0)
        monkeypatch.setattr(_kronecker_precondition, "has_wide_hole", lambda mask: True)
    kernels = [RBF(0.5) + DotProduct(0.3), RBF(0.5)]
    gp = KroneckerGPRegressor(kernels=kernels, alpha=1e-9, optimizer=None)
    with pytest.warns(RuntimeWarning, match="added to the variance of the noise"):
        gp.fit(axes, Y)
    assert gp._route == way
    amplitude, noise = ConstantKernel(1.5), WhiteKernel(1e-9)
    gp._grid_kernel = dataclasses.replace(gp._grid_kernel, amplitude=amplitude, noise=noise)
    gp.kernel_ = gp._grid_kernel.as_kernel(gp._axes)
    theta = np.log([1.5, 0.9, 0.8, 0.4, 1e-9])
    _, gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    for k in range(5):
        step = 1e-4 * np.eye(5)[k]
        up, down = (gp.log_marginal_likelihood(theta + sign * step) for sign in (1, -1))
        # A central difference errs by the step squared, and by rounding over the step.
        assert gradient[k] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize("unit", [1e-9, 1e12])
def test_units_of_the_axes_do_not_matter(unit, rng):
    axes = [np.linspace(0, 1, 9), uneven(rng, 10)]
    Y = wavy(rng, axes)
    one = KroneckerGPRegressor().fit(axes, Y).predict_grid(axes)
    scaled = [axis * unit for axis in axes]
    np.testing.assert_allclose(
        KroneckerGPRegressor().fit(scaled, Y).predict_grid(scaled), one, atol=1e-4
    )


def test_offset_is_taken_off_on_request(rng):
    axes = [np.linspace(0, 1, 9), np.linspace(0, 1, 10)]
    Y = wavy(rng, axes, 0.1)
    one = KroneckerGPRegressor(normalize_y=True).fit(axes, Y)
    other = KroneckerGPRegressor(normalize_y=True).fit(axes, Y + 1e9)
    # The offset leaves the data 1e-7 of rounding.
    np.testing.assert_allclose(other.predict_grid(axes) - 1e9, one.predict_grid(axes), atol=1e-4)
    kept = ~np.isnan(Y.ravel())
    oracle = GaussianProcessRegressor(one.kernel_, alpha=0, optimizer=None, normalize_y=True)
    oracle.fit(cells(axes)[kept], Y.ravel()[kept])
    for got, expected in zip(
        one.predict(cells(axes)[:5], return_std=True),
        oracle.predict(cells(axes)[:5], return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-8)
    assert one.log_marginal_likelihood_value_ == pytest.approx(
        oracle.log_marginal_likelihood_value_, rel=1e-9
    )


def test_offset_that_dwarfs_the_field_is_warned_of(rng):
    with pytest.warns(RuntimeWarning, match="normalize_y=True takes the mean off"):
        KroneckerGPRegressor(alpha=0.1).fit(AXES, wavy(rng, AXES) + 1e4)


def test_single_precision_is_computed_in_double(rng):
    Y = wavy(rng, AXES).astype(np.float32)
    one = KroneckerGPRegressor(alpha=0.1).fit(AXES, Y)
    other = KroneckerGPRegressor(alpha=0.1).fit(AXES, Y.astype(float))
    np.testing.assert_array_equal(one.predict_grid(AXES), other.predict_grid(AXES))


def test_regular_axes_are_split_by_halves(rng):
    for n in (2, 3, 8, 9):
        x = 1958.2 + np.arange(n) / 12
        x = x - (x[0] + x[-1]) / 2
        K = RBF(0.3)(x[:, None])
        K = (K + K[::-1, ::-1]) / 2
        values, vectors = eigh_covariance(K)
        np.testing.assert_allclose((vectors * values) @ vectors.T, K, atol=1e-14)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-14)
        # Even and odd, which eigenvectors of the whole are only up to rounding.
        np.testing.assert_array_equal(np.abs(vectors), np.abs(vectors[::-1]))


def test_coordinates_far_from_zero_are_still_regular(rng):
    years = 1958.2 + np.arange(20) / 12
    gp = KroneckerGPRegressor(kernels=[RBF(0.3)], alpha=0.1, optimizer=None)
    gp.fit([years], np.sin(years))
    # Cantoni and Butler's eigenvectors.
    vectors = gp._solution.covariance.host_vectors[0]
    np.testing.assert_array_equal(np.abs(vectors), np.abs(vectors[::-1]))


def test_one_cell_on_an_axis(rng):
    axes = [np.linspace(0, 1, 12), np.array([2.5])]
    Y = wavy(rng, axes)
    gp = KroneckerGPRegressor().fit(axes, Y)
    assert_equals_dense(gp, axes, Y, rng)


def test_without_noise_jitter_is_reported():
    axes = [np.array([0.0, 0.5, 0.5, 1.0]), np.linspace(0, 1, 4)]
    Y = np.cos(axes[0])[:, None] * np.sin(axes[1])
    gp = KroneckerGPRegressor(kernels=[RBF(0.3), RBF(0.3)], alpha=0, optimizer=None)
    with pytest.warns(RuntimeWarning, match="added to the variance of the noise"):
        gp.fit(axes, Y)
    assert 0.0 < gp.jitter_ < 1e-12
    np.testing.assert_allclose(gp.predict_grid(axes), Y, atol=1e-3)


def test_without_noise_and_without_duplicates_data_are_met():
    axes = [np.linspace(0, 1, 5), np.linspace(0, 1, 4)]
    Y = np.cos(axes[0])[:, None] * np.sin(axes[1])
    gp = KroneckerGPRegressor(kernels=[Matern(0.3), Matern(0.3)], alpha=0, optimizer=None)
    gp.fit(axes, Y)
    assert gp.jitter_ == 0.0
    np.testing.assert_allclose(gp.predict_grid(axes), Y, atol=1e-12)
    Y[1, 2] = np.nan
    assert gp.fit(axes, Y).jitter_ == 0.0


def test_draws_have_the_posterior_moments(rng):
    axes = [np.linspace(0, 1, 6), np.linspace(0, 1, 5)]
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None, random_state=3)
    gp.fit(axes, wavy(rng, axes))
    X = rng.uniform(0, 1, (3, 2))
    draws = gp.sample_y(X, 4000, random_state=0)
    mean, cov = gp.predict(X, return_cov=True)
    # Four standard errors of 4000 draws.
    assert np.all(np.abs(draws.mean(axis=1) - mean) < 4 * np.sqrt(np.diag(cov) / 4000))
    np.testing.assert_allclose(np.cov(draws), cov, atol=4 * np.sqrt(2 / 4000) * np.max(cov))
    np.testing.assert_array_equal(gp.sample_y(X), gp.sample_y(X))


def test_pickle_clone_and_feature_names(rng):
    axes = [np.linspace(0, 1, 6), np.linspace(0, 1, 5)]
    gp = KroneckerGPRegressor(alpha=0.1).fit(axes, wavy(rng, axes))
    again = pickle.loads(pickle.dumps(gp))
    np.testing.assert_array_equal(again.predict_grid(axes), gp.predict_grid(axes))
    assert clone(gp).alpha == 0.1


def test_setting_theta_without_a_copy(rng):
    axes = [np.linspace(0, 1, 6)]
    gp = KroneckerGPRegressor(kernels=[RBF(0.3)]).fit(axes, wavy(rng, axes))
    theta, mean = gp.kernel_.theta + 0.2, gp.predict_grid(axes)
    gp.log_marginal_likelihood(theta, clone_kernel=False)
    np.testing.assert_allclose(gp.kernel_.theta, theta, rtol=1e-15)
    np.testing.assert_array_equal(gp.predict_grid(axes), mean)
    with pytest.raises(ValueError, match="gradient needs theta"):
        gp.log_marginal_likelihood(eval_gradient=True)
    with pytest.raises(ValueError, match="theta must be 3 finite numbers"):
        gp.log_marginal_likelihood([0.0])


def test_masked_cells_are_missing(rng):
    Y = wavy(rng, AXES, 0.3)
    gp = KroneckerGPRegressor(alpha=0.1).fit(AXES, Y)
    beneath = np.ma.array(np.where(np.isnan(Y), 1e9, Y), mask=np.isnan(Y))
    masked = clone(gp).fit(AXES, beneath)
    assert masked.n_missing_ == gp.n_missing_ > 0
    np.testing.assert_array_equal(masked.predict_grid(AXES), gp.predict_grid(AXES))
    assert clone(gp).fit(AXES, np.ma.array(GOOD.astype(int), mask=GOOD > 8)).n_missing_ == 3
    assert masked.score_grid(AXES, beneath) == gp.score_grid(AXES, Y)


def test_one_kernel_is_for_every_axis(rng):
    Y = wavy(rng, AXES)
    gp = KroneckerGPRegressor(kernels=RBF(0.3), alpha=0.1).fit(AXES, Y)
    two = KroneckerGPRegressor(kernels=[RBF(0.3), RBF(0.3)], alpha=0.1).fit(AXES, Y)
    np.testing.assert_array_equal(gp.kernel_.theta, two.kernel_.theta)
    assert len(gp.kernel_.theta) == 3


@pytest.mark.parametrize("normalize_y", [False, True])
def test_noise_is_in_units_of_y(normalize_y, rng):
    Y = 50 + 20 * wavy(rng, AXES, 0.1)
    gp = KroneckerGPRegressor(alpha=0.1, normalize_y=normalize_y).fit(AXES, Y)
    unit = np.nanvar(Y) if normalize_y else 1.0
    assert gp.noise_ == pytest.approx(0.1 * unit, rel=1e-12)


def test_score_on_a_grid(rng):
    axes = [rng.permutation(np.linspace(0, 1, 12)), np.linspace(0, 1, 10)]
    Y = wavy(rng, axes)
    held = rng.random(Y.shape) < 0.2
    gp = KroneckerGPRegressor(normalize_y=True).fit(axes, np.where(held, np.nan, Y))
    expected = gp.score(cells(axes)[held.ravel()], Y[held])
    assert gp.score_grid(axes, np.where(held, Y, np.nan)) == pytest.approx(expected, abs=1e-12)
    for scale in (1e-150, 1e150):
        other = clone(gp).fit(axes, Y * scale)
        assert other.score_grid(axes, Y * scale) == pytest.approx(
            clone(gp).fit(axes, Y).score_grid(axes, Y), abs=1e-6
        )


def test_values_without_noise_advise_on_alpha():
    axes = [np.linspace(0, 1, 20), np.linspace(0, 1, 20)]
    Y = np.sin(6 * axes[0])[:, None] * np.cos(5 * axes[1])
    gp = KroneckerGPRegressor(kernels=RBF(0.3), alpha=0)
    with pytest.warns(RuntimeWarning, match="without noise some 1e-8 of their variance: alpha="):
        gp.fit(axes, Y)
    # No warning with the advice taken.
    clone(gp).set_params(alpha=1e-8).fit(axes, Y)


@pytest.mark.parametrize("way", ["complete", "observed", "missing", "iterative", "hole"])
def test_arrays_stay_in_their_library(way, xp, rng, monkeypatch):
    axes = [np.linspace(0, 1, 10), uneven(rng, 12)]
    share = {"complete": 0.0, "observed": 0.6}.get(way, 0.2)
    Y = wavy(rng, axes, share)
    if way in ("iterative", "hole"):
        monkeypatch.setattr(_kronecker_missing, "FEW_CELLS", 0)
    if way == "hole":
        Y[2:8, 3:9] = np.nan
        way = "iterative"
    gp = KroneckerGPRegressor(kernels=list(stiff()), alpha=0.04, optimizer=None, random_state=0)
    ours = clone(gp).fit(axes, Y)
    assert ours._route == way
    theirs = clone(gp).fit(axes, xp.asarray(Y))
    theta = gp.fit(axes, Y).kernel_.theta
    one = ours.log_marginal_likelihood(theta, eval_gradient=True)
    other = theirs.log_marginal_likelihood(theta, eval_gradient=True)
    np.testing.assert_allclose(np.hstack(one), np.hstack(other), rtol=1e-10, atol=1e-10)
    X = rng.uniform(0, 1, (4, 2))
    for call in (
        lambda model: model.predict(X, return_std=True),
        lambda model: model.predict(X, return_cov=True),
        lambda model: model.predict_grid(axes, return_std=True),
    ):
        for expected, got in zip(call(ours), call(theirs), strict=True):
            assert type(got) is type(xp.asarray(Y))
            np.testing.assert_allclose(np.asarray(got), expected, atol=1e-10)
    assert type(theirs.sample_y(X, 2)) is type(xp.asarray(Y))

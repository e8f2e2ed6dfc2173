"""Functional Tucker decompositions against dense Gaussian conditioning, and what they must find."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel

from kernlab.gp import FunctionalTuckerRegressor
from kernlab.gp._functional_tucker_bayes import Mode, Precision, TuckerPosterior
from kernlab.gp._markov import MarkovProcess, MaternComponent, Observations


def smooth_tensor(seed, ranks=(2, 2, 2), size=60):
    """A tensor of standard deviation one whose factors are sines, and its indices."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, size)
    waves = [
        np.sin(2 * np.pi * rng.uniform(1, 2, r) * t[:, None] + rng.uniform(0, 6, r)) for r in ranks
    ]
    tensor = np.einsum("abc,ia,jb,kc->ijk", rng.normal(size=ranks), *waves)
    return t, tensor / tensor.std()


def cells(seed, n, noise=0.1, **kwargs):
    t, tensor = smooth_tensor(seed, **kwargs)
    rng = np.random.default_rng(seed + 1)
    order = rng.permutation(tensor.size)
    index = np.stack(np.unravel_index(order, tensor.shape), axis=1)
    values = tensor.ravel()[order]
    y = values[:n] + noise * rng.normal(size=n)
    return t[index[:n]], y, t[index[n : n + 4000]], values[n : n + 4000]


def small_posterior(ranks=(2, 3, 2), seed=0, n=60):
    rng = np.random.RandomState(seed)
    places = [np.unique(rng.randint(0, 7, n) / 7.0, return_inverse=True) for _ in ranks]
    modes = [
        Mode(*place, r, nu, 0.4, (0.1, 3.0))
        for place, r, nu in zip(places, ranks, (0.5, 1.5, 2.5), strict=False)
    ]
    for mode in modes:
        mode.draw(rng, False)
    y = rng.normal(size=n)
    return TuckerPosterior(modes, (y - y.mean()) / y.std(), 0.2)


# --- the engine with several outputs -------------------------------------------------------------


def test_joint_posterior_of_several_outputs_is_the_dense_one():
    components = [MaternComponent(1.0, 0.8, 1.5), MaternComponent(0.7, 1.1, 2.5, 3.0)]
    process = MarkovProcess(components)
    rng = np.random.default_rng(0)
    t = np.sort(np.concatenate([rng.uniform(0, 4, 20), [1.0, 1.0]]))
    rows, index = rng.normal(size=(3, process.n_states)), rng.integers(0, 3, len(t))
    data = Observations(t, rng.normal(size=len(t)), 0.1, rows, index)
    outputs = rng.normal(size=(2, process.n_states))
    at = np.array([3.0, -0.5, 1.0, 2.2])
    mean, covariance = process.posterior(data, at, outputs)
    every = np.arange(len(t))
    blocks = np.array([[process.covariance(t, t, a, b) for b in rows] for a in rows])
    K = blocks[index[:, None], index, every[:, None], every] + 0.1 * np.eye(len(t))
    crosses = np.array([[process.covariance(at, t, a, b) for b in rows] for a in outputs])
    for m in range(len(at)):
        cross = crosses[:, index, m, every]
        prior = [[process.covariance([0], [0], a, b)[0, 0] for b in outputs] for a in outputs]
        np.testing.assert_allclose(mean[m], cross @ np.linalg.solve(K, data.values), atol=1e-11)
        expected = prior - cross @ np.linalg.solve(K, cross.T)
        np.testing.assert_allclose(covariance[m], expected, atol=1e-11)
    one = process.posterior(data, at, outputs[0])
    np.testing.assert_array_equal(one[0], mean[:, 0])
    np.testing.assert_array_equal(one[1], covariance[:, 0, 0])
    evidence, *both = process.smoothed(data, outputs, np.arange(len(t)) % 2 == 1)
    assert evidence == process.log_likelihood(data)
    for got, expected in zip(both, process.posterior(data, t[1::2] + 0.0, outputs), strict=True):
        # Equal times are asked after the last of them; the first of two sees all the same.
        np.testing.assert_allclose(got, expected, atol=1e-12)


# --- updates against dense algebra ---------------------------------------------------------------


def dense_mode(posterior, k):
    """q(u_k) by dense conditioning, from its definition, (U r) mean and covariance; evidence."""
    mode, r = posterior.modes[k], posterior.ranks[k]
    U, tau = len(mode.times), posterior.noise.mean
    prior = MarkovProcess([MaternComponent(1.0, mode.length_scale, mode.nu)])
    K = np.kron(prior.covariance(mode.times, mode.times), np.eye(r))
    precision, shift = np.zeros((U * r, U * r)), np.zeros(U * r)
    second = posterior.second()
    for n, target in enumerate(posterior.y):
        # Of b = G contracted: E[b], E[c b] and E[b bᵀ].
        vectors = [
            np.eye(r) if j == k else other.mean[other.place[n]][:, None]
            for j, other in enumerate(posterior.modes)
        ]
        moments = [
            None if j == k else other.second()[other.place[n]].reshape(other.rank, other.rank)
            for j, other in enumerate(posterior.modes)
        ]
        applied = np.ones((1, 1))
        for vector in vectors:
            applied = np.kron(applied, vector)
        b, cb = posterior.weights[1:] @ applied, second[0, 1:] @ applied
        table = second[1:, 1:].reshape(posterior.ranks * 2)
        for j in reversed(range(len(moments))):
            if j != k:
                table = np.tensordot(table, moments[j], ([j, j + table.ndim // 2], [0, 1]))
        place = slice(mode.place[n] * r, mode.place[n] * r + r)
        precision[place, place] += tau * table
        shift[place] += tau * (target * b - cb)
    covariance = np.linalg.inv(np.linalg.inv(K) + precision)
    return covariance @ shift, covariance, K


@pytest.mark.parametrize("k", [0, 1, 2])
def test_update_of_a_mode_is_dense_conditioning(k):
    posterior = small_posterior()
    posterior.sweep()
    posterior.modes[k].bounds = None
    mean, covariance, K = dense_mode(posterior, k)
    posterior.update_mode(k)
    mode, r = posterior.modes[k], posterior.ranks[k]
    np.testing.assert_allclose(mode.mean.ravel(), mean, atol=1e-9)
    for t in range(len(mode.times)):
        place = slice(t * r, t * r + r)
        np.testing.assert_allclose(mode.covariance[t], covariance[place, place], atol=1e-9)
    # Kullback-Leibler divergence of two Gaussians, and E[uᵀ K⁻¹ u].
    inverse = np.linalg.inv(K)
    square = inverse @ (covariance + np.outer(mean, mean))
    expected = np.trace(square) - len(K) + np.linalg.slogdet(K)[1]
    expected = 0.5 * (expected - np.linalg.slogdet(covariance)[1])
    assert mode.divergence == pytest.approx(expected, abs=1e-8)
    assert np.trace(mode.prior_square) == pytest.approx(np.trace(square), rel=1e-8)


def test_posterior_of_the_core_is_dense_regression():
    posterior = small_posterior()
    posterior.sweep()
    tau = posterior.noise.mean
    R = math.prod(posterior.ranks)
    precision = np.diag([0.01] + [posterior.ridge.mean] * R)
    shift = np.zeros(R + 1)
    for n, target in enumerate(posterior.y):
        mean, square = np.ones(1), np.ones((1, 1))
        for mode in posterior.modes:
            m = mode.mean[mode.place[n]]
            mean = np.kron(mean, m)
            square = np.kron(square, mode.covariance[mode.place[n]] + np.outer(m, m))
        mean = np.concatenate([[1.0], mean])
        gram = np.outer(mean, mean)
        gram[1:, 1:] = square
        precision += tau * gram
        shift += tau * target * mean
    posterior.update_core()
    expected = np.linalg.inv(precision)
    np.testing.assert_allclose(posterior.weights, expected @ shift, atol=1e-10)
    np.testing.assert_allclose(posterior.weights_covariance, expected, atol=1e-10)


@pytest.mark.parametrize("ranks", [(1,), (2, 2), (2, 3, 2)])
def test_no_update_lowers_the_bound(ranks):
    posterior = small_posterior(ranks)
    posterior.sweep()
    steps = [posterior.update_core, posterior.update_ridge, posterior.update_noise]
    for k in range(len(ranks)):
        steps += [lambda k=k: posterior.mix(k), lambda k=k: posterior.update_mode(k)]
    before = posterior.bound()
    for _ in range(6):
        for step in steps:
            step()
            after = posterior.bound()
            assert after >= before - 1e-9 * abs(before)
            before = after


def test_mixing_is_the_best_linear_map():
    posterior = small_posterior()
    posterior.sweep()
    posterior.mix(1)
    best = posterior.bound()
    parts = [m.mean[m.place] for m in posterior.modes]
    fitted = np.einsum("abc,na,nb,nc->n", posterior.weights[1:].reshape(2, 3, 2), *parts)
    rng = np.random.default_rng(0)
    for _ in range(3):
        # A map near one, by hand: to second order nothing is gained.
        step = rng.normal(size=(3, 3))
        matrix = np.eye(3) + 1e-3 * (step + step.T)
        other = pickle.loads(pickle.dumps(posterior))
        other.modes[1].mix(matrix)
        inverse = np.kron(np.kron(np.eye(2), np.linalg.inv(matrix)), np.eye(2))
        other.weights[1:] = inverse @ other.weights[1:]
        other.weights_covariance[1:] = inverse @ other.weights_covariance[1:]
        other.weights_covariance[:, 1:] = other.weights_covariance[:, 1:] @ inverse.T
        other._entropy -= 2 * 4 * np.linalg.slogdet(matrix)[1]
        assert other.bound() < best
        parts = [m.mean[m.place] for m in other.modes]
        again = np.einsum("abc,na,nb,nc->n", other.weights[1:].reshape(2, 3, 2), *parts)
        np.testing.assert_allclose(again, fitted, atol=1e-12)


def test_divergence_of_precisions_by_quadrature():
    from scipy import integrate, stats

    precision = Precision(3.0, 2.0)
    q, prior = stats.gamma(3.0, scale=0.5), stats.gamma(1e-6, scale=1e6)
    expected = integrate.quad(
        lambda x: q.pdf(x) * (q.logpdf(x) - prior.logpdf(x)), 0, 40, epsabs=1e-12
    )[0]
    assert precision.divergence() == pytest.approx(expected, rel=1e-8)


def test_moments_of_the_prediction_by_simulation():
    posterior = small_posterior()
    for _ in range(3):
        posterior.sweep()
    rng = np.random.default_rng(0)
    columns = [np.array([0.31, 2.0])] * 3
    mean, variance = posterior.predict(columns)
    draws = 20_000
    weights = rng.multivariate_normal(posterior.weights, posterior.weights_covariance, draws)
    for i in range(2):
        parts = []
        for mode, column in zip(posterior.modes, columns, strict=True):
            m, covariance = mode.posterior(column)
            parts.append(rng.multivariate_normal(m[i], covariance[i], draws))
        core = weights[:, 1:].reshape(-1, 2, 3, 2)
        values = weights[:, 0] + np.einsum("nabc,na,nb,nc->n", core, *parts)
        error = values.std() / math.sqrt(draws)
        assert abs(values.mean() - mean[i]) < 5 * error
        # The standard error of a variance, by its fourth moment.
        spread = (values - values.mean()) ** 2
        assert abs(spread.mean() - variance[i]) < 5 * spread.std() / math.sqrt(draws)


# --- the estimator --------------------------------------------------------------------------------


def test_500_cells_of_a_smooth_tensor():
    X, y, X_test, truth = cells(0, 500)
    model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
    mean, std = model.predict(X_test, return_std=True)
    assert model.rank_ == (2, 2, 2)
    # 0.15 is the requirement; over thirty tensors the worst was 0.08.
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.1
    # 500 residuals tell a standard deviation to 3 %; a tenth of them is fitted.
    assert math.sqrt(model.noise_) == pytest.approx(0.1, rel=0.2)
    spread = np.sqrt(std**2 - model.noise_)
    assert np.mean(np.abs(mean - truth) < 1.96 * spread) > 0.85
    assert model.score(X_test, truth) > 0.99
    assert np.all(np.diff(model.lower_bounds_) > -1e-9 * abs(model.lower_bound_))
    assert model.converged_
    assert model.n_iter_ == len(model.lower_bounds_)


def test_ranks_of_modes_may_differ():
    X, y, X_test, truth = cells(3, 800, ranks=(3, 2, 2), size=40)
    model = FunctionalTuckerRegressor((3, 2, 2), n_init=2, random_state=0).fit(X, y)
    assert model.core_.shape == model.rank_ == (3, 2, 2)
    assert np.sqrt(np.mean((model.predict(X_test) - truth) ** 2)) < 0.15
    mean, std = model.factor(0, [0.5, 0.1], return_std=True)
    assert mean.shape == std.shape == (2, 3)
    parts = [model.factor(k, X_test[:, k]) for k in range(3)]
    again = model.offset_ + np.einsum("abc,na,nb,nc->n", model.core_, *parts)
    np.testing.assert_allclose(again, model.predict(X_test), atol=1e-12)


def test_one_mode_is_a_gaussian_process():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (80, 1))
    X[:5] = X[5:10]
    y = 3.0 + 2.0 * np.sin(X[:, 0]) + 0.2 * rng.normal(size=80)
    model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
    assert model.rank_ == (1,)
    kernel = model.core_[0] ** 2 * model.kernels_[0] + WhiteKernel(model.noise_)
    dense = GaussianProcessRegressor(kernel, alpha=1e-12, optimizer=None)
    dense.fit(X, y - model.y_mean_)
    at = np.linspace(-3, 12, 40)[:, None]
    mean, std = model.predict(at, return_std=True)
    expected, expected_std = dense.predict(at, return_std=True)
    np.testing.assert_allclose(mean, expected + model.y_mean_, atol=1e-7)
    np.testing.assert_allclose(std, expected_std, rtol=1e-6)
    # Far beyond the data the prior returns.
    assert model.predict([[1e4]])[0] == pytest.approx(model.y_mean_, abs=1e-9)


@pytest.fixture(scope="module")
def pair():
    """A matrix's worth of data and its fit."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (120, 2))
    y = np.sin(6 * X[:, 0]) * X[:, 1] + 0.5 * X[:, 0] + 0.05 * rng.normal(size=120)
    return X, y, FunctionalTuckerRegressor(2, n_init=2, random_state=0).fit(X, y)


def test_order_of_rows_does_not_matter(pair):
    X, y, model = pair
    order = np.random.default_rng(1).permutation(len(y))
    again = FunctionalTuckerRegressor(2, n_init=2, random_state=0).fit(X[order], y[order])
    np.testing.assert_allclose(again.predict(X), model.predict(X), atol=1e-8)


@pytest.mark.parametrize(
    ("scale", "shift", "stretch"),
    [(1e150, 0.0, 1.0), (1e-150, 0.0, 1e12), (1.0, 1e6, 1e-9), (-3.0, 2.0, 1.0)],
)
def test_units_do_not_matter(pair, scale, shift, stretch):
    X, y, model = pair
    again = FunctionalTuckerRegressor(2, n_init=2, random_state=0)
    again.fit(stretch * X, scale * y + shift)
    expected = model.predict(X, return_std=True)
    mean, std = again.predict(stretch * X, return_std=True)
    # y + 1e6 keeps ten digits of y.
    np.testing.assert_allclose((mean - shift) / scale, expected[0], atol=1e-6)
    np.testing.assert_allclose(std / abs(scale), expected[1], rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(angle=st.floats(0, 6.3), k=st.integers(0, 1))
def test_a_rotation_within_a_mode_changes_nothing(pair, angle, k):
    model = pickle.loads(pickle.dumps(pair[2]))
    posterior = model._posterior
    posterior.modes[k].bounds = None
    posterior.update_mode(k)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before, predicted = posterior.bound(), model.predict(pair[0], return_std=True)
    sides = [np.eye(2), turn] if k else [turn, np.eye(2)]
    whole = np.kron(*sides)
    posterior.weights[1:] = whole @ posterior.weights[1:]
    posterior.weights_covariance[1:] = whole @ posterior.weights_covariance[1:]
    posterior.weights_covariance[:, 1:] = posterior.weights_covariance[:, 1:] @ whole.T
    posterior.update_mode(k)
    assert posterior.bound() == pytest.approx(before, abs=1e-7)
    after = model.predict(pair[0], return_std=True)
    np.testing.assert_allclose(after[0], predicted[0], atol=1e-9)
    np.testing.assert_allclose(after[1], predicted[1], rtol=1e-8)


def test_kernels_are_kept_learned_or_warned_of(pair):
    X, y, _ = pair
    kernels = [Matern(0.3, "fixed", nu=0.5), Matern(0.4, (0.01, 20.0), nu=2.5)]
    model = FunctionalTuckerRegressor(1, kernels=kernels, n_init=1, random_state=0).fit(X, y)
    assert model.kernels_[0] == kernels[0]
    assert model.kernels_[1].length_scale != 0.4
    assert kernels[1].length_scale == 0.4
    fixed = FunctionalTuckerRegressor(1, kernels=kernels, optimize=False, n_init=1, random_state=0)
    assert fixed.fit(X, y).kernels_ == kernels
    narrow = FunctionalTuckerRegressor(1, kernels=Matern(0.02, (0.01, 0.03)), n_init=1)
    with pytest.warns(ConvergenceWarning, match=r"length_scale=0.03.* is at its bound"):
        narrow.set_params(random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="raise max_iter or tol"):
        FunctionalTuckerRegressor(1, max_iter=1, tol=0.0, n_init=1, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="the chosen rank is max_rank=1"):
        FunctionalTuckerRegressor(max_rank=1, n_init=1, random_state=0).fit(X, y)


def test_noise_alone_is_found_to_be_noise():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(60, 3)), 5 + rng.normal(size=60)
    model = FunctionalTuckerRegressor(n_init=2, random_state=0).fit(X, y)
    assert model.rank_ == (1, 1, 1)
    np.testing.assert_allclose(model.predict(X), y.mean(), atol=0.3)
    assert model.noise_ == pytest.approx(y.var(), rel=0.2)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"kernels": [Matern()]}, "holds 1 kernels, but X has 2 columns"),
        ({"kernels": [Matern(), RBF()]}, "kernels must be"),
        ({"kernels": Matern(nu=3.5)}, "nu 0.5, 1.5 or 2.5"),
        ({"kernels": Matern([1.0, 2.0])}, "one length scale"),
        ({"rank": (2, 2, 2)}, "2 of them"),
        ({"rank": (1, 0)}, "positive int"),
        ({"rank": (3, 2)}, r"\(2, 2\) is the same model"),
        ({"rank": 200}, "more than its 120 distinct"),
        ({"rank": 60}, "more than 2048 numbers"),
    ],
)
def test_bad_parameters_are_named(pair, parameters, match):
    X, y, _ = pair
    with pytest.raises(ValueError, match=match):
        FunctionalTuckerRegressor(**parameters).fit(X, y)


def test_bad_data_are_named(pair):
    X, y, model = pair
    fresh = FunctionalTuckerRegressor()
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    with pytest.raises(ValueError, match="n_samples=1"):
        fresh.fit(X[:1], y[:1])
    for constant in (0.0, 0.1, 1e9):
        with pytest.raises(ValueError, match="y is constant"):
            fresh.fit(X, np.full(len(y), constant))
    for size in (1e-160, 1e160):
        with pytest.raises(ValueError, match="y has standard deviation .* scale y to about one"):
            fresh.fit(X, size * y)
    with pytest.raises(ValueError, match="NaN"):
        fresh.fit(X, np.where(np.arange(len(y)) == 3, np.nan, y))
    with pytest.raises(ValueError, match="infinity"):
        fresh.fit(np.where(X > 0.9, np.inf, X), y)
    assert not hasattr(fresh, "rank_")
    with pytest.raises(ValueError, match="mode must be an int from 0 to 1"):
        model.factor(2, [0.0])
    with pytest.raises(ValueError, match="t must be a finite"):
        model.factor(0, [[0.0]])


def test_few_indices_and_single_precision():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 2, 50), np.zeros(50), rng.uniform(size=50)])
    y = (1 + X[:, 0]) * np.sin(4 * X[:, 2]) + 0.05 * rng.normal(size=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = FunctionalTuckerRegressor(n_init=2, random_state=0).fit(X.astype(np.float32), y)
    assert model.rank_[1] == 1
    assert model.score(X, y) > 0.95

"""MarkovGPRegressor against scikit-learn's dense Gaussian process of the same kernel."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    Exponentiation,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)

from kernlab.gp import MarkovGPRegressor, _markov
from kernlab.gp._markov_kernels import state_space_model
from kernlab.kernels import Cosine, SpectralMixture

NOISE = WhiteKernel(0.05)
KERNELS = {
    "matern12": 1.3 * Matern(0.7, nu=0.5) + NOISE,
    "matern32": 0.4 * Matern([1.1], nu=1.5) + NOISE,
    "matern52": Matern(0.9, nu=2.5) * 2.0 + NOISE,
    "two scales": Matern(4.0, nu=2.5) + 0.3 * Matern(0.3, nu=0.5) + NOISE,
    "turning": 0.8 * Matern(3.0, nu=1.5) * Cosine(1.2) + NOISE,
    "two cosines": Cosine(0.9) * (0.8 * Matern(3.0, nu=2.5)) * Cosine(1.2) + NOISE,
    "a beat": Cosine(0.9) * Cosine(0.9) * Matern(3.0, nu=0.5) + NOISE,
    "distributed": (Matern(1.0, nu=0.5) + 0.5 * Matern(2.0, nu=1.5)) * (1.7 * Cosine(0.4)) + NOISE,
    "with constant": 2.0 + Matern(1.0, nu=1.5) + NOISE + WhiteKernel(0.1),
    "with a pure line": 0.6 * Cosine(0.7) + 0.3 * Matern(1.0, nu=1.5) + NOISE,
    "some fixed": ConstantKernel(0.7, "fixed") * Matern(1.0, nu=1.5) * Cosine(0.8, "fixed")
    + Matern(2.0, "fixed", nu=2.5)
    + WhiteKernel(0.1, "fixed"),
}


def data(n=90, seed=0):
    """Unsorted, uneven, some far closer than the length scale, with duplicates."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(0, 12, n), rng.uniform(4, 4.001, 10), [5.0, 5.0, 5.0]])
    rng.shuffle(x)
    y = np.sin(5 * x) + 0.3 * x + 0.2 * rng.normal(size=len(x))
    return x[:, None], y


def dense(kernel, X, y, **options):
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None, **options).fit(X, y)


def markov(kernel, X, y, **options):
    return MarkovGPRegressor(kernel=kernel, optimizer=None, **options).fit(X, y)


@pytest.mark.parametrize(
    ("name", "normalize_y"),
    [*((name, False) for name in KERNELS), ("turning", True), ("some fixed", True)],
)
def test_equals_the_dense_process(name, normalize_y):
    X, y = data()
    Q = np.concatenate([np.linspace(14, -2, 40)[:, None], X[:20], X[:3]])
    ours = markov(KERNELS[name], X, y, normalize_y=normalize_y)
    theirs = dense(KERNELS[name], X, y, normalize_y=normalize_y)
    mean, std = ours.predict(Q, return_std=True)
    expected, expected_std = theirs.predict(Q, return_std=True)
    size = np.abs(expected).max()
    np.testing.assert_allclose(mean, expected, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(std, expected_std, rtol=1e-9)
    again, cov = ours.predict(Q, return_cov=True)
    _, expected_cov = theirs.predict(Q, return_cov=True)
    np.testing.assert_array_equal(again, mean)
    np.testing.assert_allclose(cov, expected_cov, rtol=1e-9, atol=1e-9 * expected_cov.max())
    assert ours.log_marginal_likelihood_value_ == pytest.approx(
        theirs.log_marginal_likelihood_value_, rel=1e-10
    )
    theta = theirs.kernel_.theta + 0.1
    if len(theta):
        value, gradient = ours.log_marginal_likelihood(theta, eval_gradient=True)
        expected, expected_gradient = theirs.log_marginal_likelihood(theta, eval_gradient=True)
        assert value == pytest.approx(expected, rel=1e-9)
        size = np.abs(expected_gradient).max()
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-9 * size)
        assert ours.log_marginal_likelihood(theta) == pytest.approx(value, rel=1e-13)
        np.testing.assert_array_equal(ours.kernel_.theta, theirs.kernel_.theta)
        ours.log_marginal_likelihood(theta, clone_kernel=False)
        np.testing.assert_allclose(ours.kernel_.theta, theta)


def test_the_score_in_parts_is_the_same(monkeypatch):
    X, y = data()
    gp = markov(KERNELS["distributed"], X, y)
    whole = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    monkeypatch.setattr(_markov, "_KEPT", 1)
    parts = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    assert parts[0] == pytest.approx(whole[0], rel=1e-14)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)


@pytest.mark.parametrize(("offset", "equal"), [(0.0, True), (-3e4, True), (1e9, False)])
def test_grids_equal_the_dense_process(offset, equal):
    # 0.1 is no binary fraction: steps differ by rounding and are taken to be equal, unless the
    # coordinates are so large that the dense process would tell.
    x = offset + 0.1 * np.delete(np.arange(80), [7, 30, 31, 32])
    y = np.sin(x - offset)
    kernel = KERNELS["two scales"]
    gp = markov(kernel, x[:, None], y)
    assert (set(np.diff(gp._times)) == {1.0, 2.0, 4.0}) == equal
    Q = offset + np.linspace(-1, 9, 33)[:, None]
    mean, std = gp.predict(Q, return_std=True)
    expected, expected_std = dense(kernel, (x - offset)[:, None], y).predict(
        Q - offset, return_std=True
    )
    # 3e4 is rounded to 4e-12.
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    np.testing.assert_allclose(std, expected_std, rtol=1e-9)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["matern12", "turning", "two scales"]),
    st.floats(-9, 12),
    st.floats(-150, 150),
    st.floats(-1e3, 1e3),
)
def test_units_do_not_matter(name, log_x, log_y, shift):
    X, y = data(n=30)
    Q = np.linspace(-1, 13, 20)[:, None]
    a, b = 10.0**log_x, 10.0**log_y

    def in_units(a, b):
        if name == "matern12":
            signal = 1.3 * b * b * Matern(0.7 * a, nu=0.5)
        elif name == "turning":
            signal = 0.8 * b * b * Matern(3.0 * a, nu=1.5) * Cosine(1.2 / a)
        else:
            signal = b * b * Matern(4.0 * a, nu=2.5) + 0.3 * b * b * Matern(0.3 * a, nu=0.5)
        return signal + WhiteKernel(0.05 * b * b)

    plain = markov(in_units(1.0, 1.0), X, y)
    mean, cov = plain.predict(Q, return_cov=True)
    scaled = markov(in_units(a, b), a * (X + shift), b * y)
    got, got_cov = scaled.predict(a * (Q + shift), return_cov=True)
    # Coordinates of size 1000 are rounded to 1e-13, and the roughest process moves by its root.
    np.testing.assert_allclose(got / b, mean, atol=1e-9)
    np.testing.assert_allclose(got_cov / b / b, cov, rtol=1e-9, atol=1e-9)
    expected = plain.log_marginal_likelihood_value_ - len(y) * np.log(b)
    assert scaled.log_marginal_likelihood_value_ == pytest.approx(expected, rel=1e-9, abs=1e-7)
    theta = [gp.kernel_.theta for gp in (plain, scaled)]
    gradients = [
        gp.log_marginal_likelihood(t, eval_gradient=True)[1]
        for gp, t in zip((plain, scaled), theta, strict=True)
    ]
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-7, atol=1e-6)


def test_a_fit_finds_the_optimum_of_the_dense_process():
    X, y = data()
    rng = np.random.default_rng(2)
    y = np.linalg.cholesky(KERNELS["turning"](X)) @ rng.normal(size=len(X))
    kernel = 1.0 * Matern(1.0, nu=1.5) * Cosine(1.0) + WhiteKernel(0.3)
    ours = MarkovGPRegressor(kernel=kernel).fit(X, y)
    theirs = GaussianProcessRegressor(kernel, alpha=0.0).fit(X, y)
    # Both stop where a step gains less than 1e-8 of the likelihood.
    assert ours.log_marginal_likelihood_value_ == pytest.approx(
        theirs.log_marginal_likelihood_value_, rel=1e-6
    )
    np.testing.assert_allclose(ours.kernel_.theta, theirs.kernel_.theta, atol=0.02)
    assert ours.n_iter_ > 0
    assert ours.jitter_ == 0.0
    assert ours.log_marginal_likelihood() == ours.log_marginal_likelihood_value_
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.predict(X), ours.predict(X))


def test_restarts_are_seeded_and_do_not_lose():
    X, y = data(20)
    kernel = 1.0 * Matern(0.01, (1e-2, 1e2), nu=1.5) + WhiteKernel(0.3, (1e-3, 10.0))
    one, two = (
        MarkovGPRegressor(kernel=kernel, n_restarts=1, random_state=3).fit(X, y) for _ in range(2)
    )
    np.testing.assert_array_equal(one.kernel_.theta, two.kernel_.theta)
    alone = MarkovGPRegressor(kernel=kernel).fit(X, y)
    assert one.log_marginal_likelihood_value_ > alone.log_marginal_likelihood_value_ - 1e-6


@pytest.mark.parametrize(("unit", "size"), [(1.0, 1.0), (1e-9, 1e150), (1e12, 1e-150)])
def test_the_default_kernel_learns_noise_in_any_unit(unit, size):
    rng = np.random.default_rng(1)
    n = 1500
    x = rng.uniform(0, 60, n)
    y = np.sin(x) + 0.3 * rng.normal(size=n)
    gp = MarkovGPRegressor().fit(unit * x[:, None], size * y)
    # The standard error of a variance from n numbers is √(2/n) of it.
    noise = gp.kernel_.k2.noise_level / size / size
    assert noise == pytest.approx(0.09, rel=4 * np.sqrt(2 / n))
    at = np.linspace(0, 60, 500)
    mean, std = gp.predict(unit * at[:, None], return_std=True)
    latent = np.sqrt(std**2 / size / size - noise)
    z = (mean / size - np.sin(at)) / latent
    # Calibrated on average: errors are correlated over about 1, so that 60 are independent.
    assert np.mean(z**2) < 1 + 5 * np.sqrt(2 / 60)
    assert gp.score(unit * x[:, None], size * y) > 0.8


def test_draws_have_the_predictive_moments():
    X, y = data(40)
    gp = markov(KERNELS["turning"], X, y)
    Q = np.array([[3.0], [-1.0], [4.0005], [3.0]])
    count = 500
    draws = gp.sample_y(Q, count, random_state=0)
    mean, cov = gp.predict(Q, return_cov=True)
    root = np.sqrt(np.diag(cov))
    # Standard errors of a mean and, at most, of a covariance.
    assert np.all(np.abs(draws.mean(1) - mean) < 5 * root / np.sqrt(count))
    errors = (np.cov(draws) - cov) / np.outer(root, root)
    assert np.abs(errors).max() < 5 * np.sqrt(2 / count)
    assert draws.shape == (4, count)
    np.testing.assert_array_equal(gp.sample_y(Q, 2, 5), gp.sample_y(Q, 2, 5))
    assert gp.sample_y(Q).shape == (4, 1)


def test_far_apart_points_do_not_know_each_other():
    # Steps of 1e15 length scales: the gradient by the length scale is zero, not rounding noise
    # times the step.
    X, y = np.array([[0.0], [1e15], [3e15]]), np.array([1.0, -2.0, 0.5])
    gp = markov(1.0 * Matern(1.0, nu=2.5) + WhiteKernel(0.1), X, y)
    value, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    assert value == pytest.approx(-0.5 * np.sum(y**2 / 1.1 + np.log(2 * np.pi * 1.1)), rel=1e-14)
    assert gradient[1] == 0.0


def test_one_point_and_constant_values():
    kernel = 1.0 * Matern(1.0, nu=1.5) + WhiteKernel(0.25)
    gp = markov(kernel, [[2.0]], [1.0])
    mean, std = gp.predict([[2.0]], return_std=True)
    assert mean[0] == pytest.approx(0.8)
    assert std[0] == pytest.approx(np.sqrt(1.25 - 0.8))
    X = np.arange(10.0)[:, None]
    assert np.all(markov(kernel, X, np.zeros(10)).predict(X) == 0.0)
    for constant in (0.0, 3.0, 1e-150):
        with pytest.warns(ConvergenceWarning, match="y is constant"):
            gp = MarkovGPRegressor().fit(X, np.full(10, constant))
        np.testing.assert_allclose(gp.predict(X), constant, rtol=1e-3)


def test_single_precision_and_lists_are_taken():
    X, y = data(30)
    kernel = KERNELS["matern32"]
    single = markov(kernel, X.astype(np.float32), y.astype(np.float32))
    exact = dense(kernel, X.astype(np.float32).astype(float), y.astype(np.float32).astype(float))
    np.testing.assert_allclose(single.predict(X), exact.predict(X), atol=1e-9)
    listed = markov(kernel, X.tolist(), y.tolist())
    np.testing.assert_array_equal(listed.predict(X), markov(kernel, X, y).predict(X))


def test_warns_of_bounds():
    X, y = data(30)
    kernel = 1.0 * Matern(1.0, (0.9, 1.1), nu=1.5) + WhiteKernel(0.1)
    with pytest.warns(ConvergenceWarning, match="length_scale .* bound"):
        MarkovGPRegressor(kernel=kernel).fit(X, y)


@pytest.mark.parametrize(
    ("kernel", "match"),
    [
        (RBF(1.0), r"RBF is no Markov process.*nu=2.5"),
        (1.0 * RationalQuadratic() + NOISE, "RationalQuadratic is no Markov process"),
        (ExpSineSquared() * Matern(nu=1.5), r"ExpSineSquared .*Matern \* Cosine"),
        (SpectralMixture(), r"SpectralMixture .*Matern \* Cosine"),
        (Exponentiation(Matern(nu=0.5), 2), "Exponentiation is no Markov process"),
        (Matern(nu=3.5), "nu=3.5"),
        (Matern(nu=np.inf), "nu=inf"),
        (Matern(nu=1.5) * Matern(nu=0.5), "product of two Matern"),
        (Matern([1.0, 2.0], nu=1.5), "one number for the one feature"),
        (Matern(nu=1.5) * WhiteKernel(), "WhiteKernel inside"),
        (WhiteKernel(1.0), "no part but noise"),
    ],
)
def test_other_kernels_are_refused_with_a_remedy(kernel, match):
    with pytest.raises(ValueError, match=match):
        state_space_model(kernel)
    with pytest.raises(ValueError, match=match):
        MarkovGPRegressor(kernel=kernel).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize(
    ("X", "y", "options", "match"),
    [
        ([[0.0, 1.0]], [1.0], {}, "one feature, got 2"),
        ([[0.0], [np.nan]], [1.0, 2.0], {}, "NaN"),
        ([[0.0], [1.0]], [1.0, np.inf], {}, "infinity"),
        ([[0.0], [1.0]], [1.0], {}, "inconsistent"),
        ([[0.0], [0.0]], [1.0, 2.0], {}, "one distinct value"),
        ([[0.0]], [1.0], {}, "n_samples=1"),
        ([[0.0], [0.0]], [1.0, 2.0], {"kernel": Matern(nu=1.5)}, "duplicates"),
        ([[0.0], [1.0]], [1.0, 2.0], {"optimizer": "adam"}, "optimizer"),
        ([[0.0], [1.0]], [1.0, 2.0], {"n_restarts": -1}, "n_restarts"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(X, y, options, match):
    gp = MarkovGPRegressor(**options)
    with pytest.raises(ValueError, match=match):
        gp.fit(X, y)
    assert not [name for name in vars(gp) if name.endswith("_")]


def test_predictions_need_a_fit_and_one_question():
    gp = MarkovGPRegressor()
    for call in (gp.predict, gp.sample_y):
        with pytest.raises(NotFittedError):
            call([[0.0]])
    with pytest.raises(NotFittedError):
        gp.log_marginal_likelihood()
    gp = markov(KERNELS["matern12"], *data(20))
    with pytest.raises(RuntimeError, match="return_std and return_cov"):
        gp.predict([[0.0]], return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="needs theta"):
        gp.log_marginal_likelihood(eval_gradient=True)
    with pytest.raises(ValueError, match="2 features"):
        gp.predict([[0.0, 1.0]])


@pytest.mark.parametrize("offset", [30.0, 1e4, 1e9])
def test_the_default_kernel_has_the_mean(offset):
    rng = np.random.default_rng(0)
    X = np.sort(rng.uniform(0, 10, 60))[:, None]
    y = np.sin(X[:, 0]) + 0.1 * rng.normal(size=60)
    at = np.array([[2.0], [30.0]])
    mean, std = MarkovGPRegressor().fit(X, y + offset).predict(at, return_std=True)
    centred = MarkovGPRegressor(normalize_y=True).fit(X, y)
    expected, spread = centred.predict(at, return_std=True)
    # The rounding of y itself, and a mean that is learned, not taken off.
    np.testing.assert_allclose(mean[0] - offset, expected[0], atol=0.02 + 1e-15 * offset)
    np.testing.assert_allclose(std[0], spread[0], rtol=0.05)
    assert abs(mean[1] - offset) < 2.0


def test_digits_lost_in_a_sum_without_noise_are_told():
    X = np.arange(15.0)[:, None]
    kernel = Matern(1e3, nu=2.5) + ConstantKernel(1.0)
    with pytest.warns(RuntimeWarning, match="have lost digits"):
        MarkovGPRegressor(kernel=kernel, optimizer=None).fit(X, np.sin(X[:, 0]))


def test_predictions_stay_those_of_the_fit():
    X, y = np.arange(9.0)[:, None], np.cos(np.arange(9.0))
    gp = MarkovGPRegressor(kernel=Matern(1.0) + WhiteKernel(0.1)).fit(X, y)
    before, theta = gp.predict([[2.5]]), gp.kernel_.theta + 1.0
    gp.log_marginal_likelihood(theta, clone_kernel=False)
    np.testing.assert_allclose(gp.kernel_.theta, theta)
    np.testing.assert_array_equal(gp.predict([[2.5]]), before)
    with pytest.raises(ValueError, match="theta has shape \\(1,\\); kernel_ has 2 free"):
        gp.log_marginal_likelihood([0.0])


@pytest.mark.parametrize("normalize_y", [False, True])
def test_known_variances_are_scikit_learns_alpha(normalize_y):
    rng = np.random.default_rng(0)
    X, y, alpha = rng.uniform(0, 9, (40, 1)), 3 + rng.normal(size=40), rng.uniform(0, 2, 40)
    options = {"alpha": alpha, "optimizer": None, "normalize_y": normalize_y}
    kernel = 2.0 * Matern(1.3, nu=1.5) + WhiteKernel(0.2)
    ours = MarkovGPRegressor(kernel=kernel, **options).fit(X, y)
    dense = GaussianProcessRegressor(kernel, **options).fit(X, y)
    theta = kernel.theta + 0.1
    for mine, theirs in zip(
        (*ours.predict(X, return_std=True), *ours.log_marginal_likelihood(theta, True)),
        (*dense.predict(X, return_std=True), *dense.log_marginal_likelihood(theta, True)),
        strict=True,
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    draws = ours.sample_y(X[:3], 4000, random_state=0)
    mean, cov = dense.predict(X[:3], return_cov=True)
    # Five standard errors of a mean; of a covariance some more.
    np.testing.assert_allclose(
        draws.mean(axis=1), mean, atol=5 * np.sqrt(cov.diagonal().max() / 4000)
    )
    np.testing.assert_allclose(np.cov(draws), cov, atol=8 * cov.max() / np.sqrt(4000))


@pytest.mark.parametrize(
    ("alpha", "message"),
    [([1.0, 2.0], "alpha has shape"), (np.full(5, -1.0), "none negative"), (-1.0, "'alpha'")],
)
def test_bad_variances(alpha, message):
    with pytest.raises(ValueError, match=message):
        MarkovGPRegressor(alpha=alpha).fit(np.arange(5.0)[:, None], np.arange(5.0))

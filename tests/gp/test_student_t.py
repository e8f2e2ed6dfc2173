"""Student-t process against integrals over the scale, SciPy's t, and the Gaussian process."""

import pickle

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from kernlab.gp import StudentTProcessRegressor

KERNEL = ConstantKernel(1.3) * RBF([0.8, 1.5]) + WhiteKernel(0.2)


def data(n=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, np.sin(2 * X[:, 0]) + 0.4 * rng.normal(size=n), rng.normal(size=(4, 2))


def fixed(**options):
    return StudentTProcessRegressor(kernel=KERNEL, optimizer=None, **options)


@pytest.mark.parametrize(("a", "b"), [(2.0, 1.0), (0.7, 3.0), (25.0, 0.1)])
def test_likelihood_is_scipys_multivariate_t(a, b):
    X, y, _ = data()
    expected = stats.multivariate_t(shape=KERNEL(X) * b / a, df=2 * a).logpdf(y)
    model = fixed(a=a, b=b).fit(X, y)
    assert model.log_marginal_likelihood() == pytest.approx(expected, rel=1e-12)
    assert model.log_marginal_likelihood_value_ == model.log_marginal_likelihood()


def test_everything_is_the_gaussian_process_integrated_over_the_scale():
    """Quadrature over σ² of the posterior InvGamma-weighted Gaussian processes."""
    X, y, at = data()
    a, b = 1.5, 0.8
    scales = stats.invgamma(a, scale=b)
    gp = GaussianProcessRegressor(KERNEL, alpha=0.0, optimizer=None).fit(X, y)
    mean, cov = gp.predict(at, return_cov=True)

    def joint(t):
        """p(y | σ²) p(σ²) dσ² at log σ² = t."""
        s = np.exp(t)
        return s * np.exp(stats.multivariate_normal.logpdf(y, cov=s * KERNEL(X))) * scales.pdf(s)

    def integral(f):
        return integrate.quad(f, -12, 12, epsabs=0, epsrel=1e-11, limit=200)[0]

    evidence = integral(joint)
    model = fixed(a=a, b=b).fit(X, y)
    assert model.log_marginal_likelihood_value_ == pytest.approx(np.log(evidence), rel=1e-9)
    factor = integral(lambda t: joint(t) * np.exp(t)) / evidence
    got_mean, got_cov, df = model.predict(at, return_cov=True, return_df=True)
    np.testing.assert_allclose(got_mean, mean, rtol=1e-10)
    # The covariance of the mixture is E σ² times that of the process.
    np.testing.assert_allclose(got_cov, factor * cov, rtol=1e-8)
    std = model.predict(at, return_std=True)[1]
    np.testing.assert_allclose(std, np.sqrt(np.diag(got_cov)), rtol=1e-10)
    assert df == 2 * a + len(y) == model.df_
    # And a density away from the mean, which the tails make.
    value = mean[0] + 3.0
    density = integral(
        lambda t: joint(t) * stats.norm.pdf(value, mean[0], np.sqrt(np.exp(t) * cov[0, 0]))
    )
    scale = std[0] * np.sqrt((df - 2) / df)
    assert stats.t.pdf(value, df, mean[0], scale) == pytest.approx(density / evidence, rel=1e-8)


def test_predictive_density_is_the_ratio_of_likelihoods():
    X, y, at = data()
    mean, std, df = fixed().fit(X, y).predict(at[:1], return_std=True, return_df=True)
    more = fixed().fit(np.concatenate([X, at[:1]]), np.append(y, 0.3))
    ratio = more.log_marginal_likelihood() - fixed().fit(X, y).log_marginal_likelihood()
    log_density = stats.t.logpdf(0.3, df, mean[0], std[0] * np.sqrt((df - 2) / df))
    assert log_density == pytest.approx(ratio, rel=1e-10)


def test_many_degrees_of_freedom_are_the_gaussian_process():
    X, y, at = data()
    gp = GaussianProcessRegressor(KERNEL, alpha=0.0, optimizer=None).fit(X, y)
    model = fixed(a=1e7, b=1e7).fit(X, y)
    # The first terms neglected are n/a and D²/a, over about 1e-6.
    np.testing.assert_allclose(
        model.predict(at, return_std=True), gp.predict(at, return_std=True), rtol=1e-5
    )
    assert model.log_marginal_likelihood_value_ == pytest.approx(
        gp.log_marginal_likelihood_value_, abs=1e-4
    )
    assert model.scale_ == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_gradient_equals_differences(normalize_y):
    X, y, _ = data()
    model = fixed(normalize_y=normalize_y, a=1.2, b=0.4).fit(X, y)
    theta = model.kernel_.theta + 0.1
    value, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    assert value == pytest.approx(model.log_marginal_likelihood(theta), rel=1e-12)
    for i, unit in enumerate(1e-5 * np.eye(len(theta))):
        up, down = (model.log_marginal_likelihood(theta + s * unit) for s in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-7)
    assert np.array_equal(model.kernel_.theta, KERNEL.theta)
    model.log_marginal_likelihood(theta, clone_kernel=False)
    np.testing.assert_allclose(model.kernel_.theta, theta)


def test_a_wrong_scale_is_made_good_and_a_fitted_one_needs_no_help():
    X, y, at = data(60)
    kernel = ConstantKernel(1.3, "fixed") * RBF(0.8, "fixed") + WhiteKernel(0.2, "fixed")
    small, large = (
        StudentTProcessRegressor(kernel=kernel).fit(X, s * y).predict(at, return_std=True)
        for s in (1.0, 50.0)
    )
    np.testing.assert_allclose(large[0], 50 * small[0], rtol=1e-12)
    # The prior's share in the scale is that of 2a in 2a + n.
    assert np.all(np.abs(large[1] / (50 * small[1]) - 1) < 4 / 64)
    free = StudentTProcessRegressor().fit(X, 50 * y)
    gp = GaussianProcessRegressor(free.kernel_, alpha=0.0).fit(X, 50 * y)
    np.testing.assert_allclose(
        free.predict(at, return_std=True)[1], gp.predict(at, return_std=True)[1], rtol=0.1
    )


def test_fit_climbs_and_restarts_no_lower():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 1))
    y = np.sin(2 * X[:, 0]) + 0.4 * rng.normal(size=40)
    kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.5)
    start = StudentTProcessRegressor(kernel=kernel, optimizer=None).fit(X, y)
    start = start.log_marginal_likelihood_value_
    model = StudentTProcessRegressor(kernel=kernel).fit(X, y)
    assert model.log_marginal_likelihood_value_ > start
    assert model.n_iter_ > 1
    slope = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)[1]
    assert np.max(np.abs(slope)) < 1e-2
    # Of these starts one ends in white noise alone, after the longest climb.
    more = StudentTProcessRegressor(kernel=kernel, n_restarts=3, random_state=0).fit(X, y)
    assert more.log_marginal_likelihood_value_ >= model.log_marginal_likelihood_value_ - 1e-6


def test_draws_have_the_predictive_moments_and_tails():
    X, y, at = data(3)
    model = fixed(a=1.0).fit(X, y)  # five degrees of freedom
    mean, cov = model.predict(at, return_cov=True)
    draws = model.sample_y(at, 40_000, random_state=0)
    assert draws.shape == (4, 40_000)
    error = np.sqrt(np.diag(cov) / 40_000)
    assert np.all(np.abs(draws.mean(1) - mean) < 5 * error)
    # The square of a t of 5 degrees has kurtosis 9: standard error √(8/40000) = 1.4 %.
    np.testing.assert_allclose(draws.var(1), np.diag(cov), rtol=0.08)
    scale = np.sqrt(cov[0, 0] * 3 / 5)
    far = np.abs(draws[0] - mean[0]) > 4 * scale
    expected = 2 * stats.t.sf(4, 5)
    assert far.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / 40_000))
    # One scale for all queries of a draw: large values come together.
    sizes = np.abs((draws - mean[:, None]) / np.sqrt(np.diag(cov))[:, None])
    assert np.corrcoef(sizes)[0, 1:].max() > 0.05


def test_normalize_y_and_extreme_units():
    X, y, at = data(20)
    model = StudentTProcessRegressor(normalize_y=True).fit(X, y)
    for size, offset in ((1e-150, 0.0), (1e150, 0.0), (1.0, 1e6)):
        other = StudentTProcessRegressor(normalize_y=True).fit(X, size * y + offset)
        mean, std = other.predict(at, return_std=True)
        expected = model.predict(at, return_std=True)
        np.testing.assert_allclose((mean - offset) / size, expected[0], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(std / size, expected[1], rtol=1e-3)
    for size in (1e-9, 1e12):
        far = StudentTProcessRegressor().fit(size * X, y)
        near = StudentTProcessRegressor().fit(X, y)
        np.testing.assert_allclose(far.predict(size * at), near.predict(at), rtol=1e-3, atol=1e-6)
    large = StudentTProcessRegressor().fit(X, 1e150 * y).predict(at)
    np.testing.assert_allclose(large / 1e150, near.predict(at), rtol=1e-2, atol=1e-3)


def noisy_sine():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (60, 1))
    return X, np.sin(X[:, 0]) + 0.1 * rng.normal(size=60), np.linspace(0.5, 9.5, 40)[:, None]


@pytest.mark.parametrize("offset", [0.0, 1e2, -6e2, 1e3, -7e3])
def test_an_offset_is_no_constant_predictor(offset):
    X, y, at = noisy_sine()
    model = StudentTProcessRegressor()
    if abs(offset) > 1e3 * np.std(y):
        with pytest.warns(RuntimeWarning, match="normalize_y=True takes the mean off"):
            model.fit(X, y + offset)
    else:
        model.fit(X, y + offset)
    mean, std = model.predict(at, return_std=True)
    # A smoother of k of 60 degrees of freedom errs by 0.1 √(k/60), and k is about ten here.
    assert np.sqrt(np.mean((mean - offset - np.sin(at[:, 0])) ** 2)) < 0.1
    # The noise, known to 1/√120, and that error: 0.1 √(1 + k/60) within three standard errors.
    assert 0.07 < np.median(std) < 0.14


@pytest.mark.parametrize("size", [1e-300, 1e300, 1e307])
def test_points_at_the_ends_of_double_precision(size):
    X, y, at = noisy_sine()
    expected = StudentTProcessRegressor().fit(X / 10, y).predict(at / 10)
    far = StudentTProcessRegressor().fit(X / 10 * size, y).predict(at / 10 * size)
    np.testing.assert_allclose(far, expected, atol=1e-4)
    with pytest.raises(ValueError, match="X varies by"):
        StudentTProcessRegressor().fit(1e-310 * X, y)


@pytest.mark.parametrize("size", [1e-200, 1e155, 1e300])
def test_targets_whose_squares_are_no_numbers(size):
    X, y, at = noisy_sine()
    with pytest.raises(ValueError, match="y of size .* pass normalize_y=True"):
        StudentTProcessRegressor().fit(X, size * y)
    model = StudentTProcessRegressor(normalize_y=True).fit(X, size * y)
    mean, std = model.predict(at, return_std=True)
    expected = StudentTProcessRegressor(normalize_y=True).fit(X, y).predict(at, return_std=True)
    np.testing.assert_allclose((mean / size, std / size), expected, atol=1e-4)
    with pytest.raises(ValueError, match="ask for return_std"):
        model.predict(at, return_cov=True)


def test_the_fit_outlives_its_parameters_and_kernel():
    X, y, at = data()
    model = fixed(a=1.2, b=0.4).fit(X, y)
    theta = model.kernel_.theta
    value, expected = model.log_marginal_likelihood_value_, model.predict(at, return_cov=True)
    model.set_params(a=50.0, b=50.0)
    assert model.log_marginal_likelihood(theta) == pytest.approx(value, rel=1e-12)
    model.log_marginal_likelihood(theta + 1.0, clone_kernel=False)
    np.testing.assert_allclose(model.kernel_.theta, theta + 1.0)
    assert model.log_marginal_likelihood() == value
    for got, was in zip(model.predict(at, return_cov=True), expected, strict=True):
        np.testing.assert_array_equal(got, was)


@pytest.mark.parametrize("theta", [[0.0], np.zeros(5), 0.0, "a", [np.nan] * 4, np.zeros((1, 4))])
@pytest.mark.parametrize("clone_kernel", [True, False])
def test_a_bad_theta_is_told_what_is_expected(theta, clone_kernel):
    X, y, _ = data()
    model = fixed().fit(X, y)
    with pytest.raises(ValueError, match="theta must be 4 finite numbers"):
        model.log_marginal_likelihood(theta, clone_kernel=clone_kernel)
    assert np.array_equal(model.kernel_.theta, KERNEL.theta)


def test_duplicates_without_noise_report_their_jitter():
    X, y, at = data(8)
    X, y = np.concatenate([X, X]), np.concatenate([y, y])
    with pytest.warns(RuntimeWarning, match=r"was added to its diagonal \(jitter_\)"):
        model = StudentTProcessRegressor(kernel=RBF(1.0), optimizer=None).fit(X, y)
    assert 0 < model.jitter_ < 1e-12
    single = StudentTProcessRegressor(kernel=RBF(1.0), optimizer=None).fit(X[:8], y[:8])
    assert single.jitter_ == 0.0
    np.testing.assert_allclose(model.predict(at), single.predict(at), rtol=1e-4)


def test_one_point_and_constant_targets():
    model = fixed().fit([[1.0, 2.0]], [0.7])
    mean, std, df = model.predict([[1.0, 2.0]], return_std=True, return_df=True)
    assert mean[0] == pytest.approx(0.7 * 1.3 / 1.5)
    assert df == 5.0
    assert std[0] > 0
    X = data()[0]
    with pytest.warns(ConvergenceWarning, match="y is constant"):
        model = StudentTProcessRegressor().fit(X, np.full(len(X), 3.0))
    np.testing.assert_allclose(model.predict(X), 3.0, rtol=1e-2)


def test_surface():
    X, y, at = data()
    model = StudentTProcessRegressor(kernel=Matern() + WhiteKernel(0.1)).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(at), model.predict(at))
    single = StudentTProcessRegressor(kernel=KERNEL, optimizer=None).fit(X.astype(np.float32), y)
    np.testing.assert_allclose(single.predict(at), fixed().fit(X, y).predict(at), rtol=1e-5)
    with pytest.raises(RuntimeError, match="cannot both be True"):
        model.predict(at, return_std=True, return_cov=True)
    with pytest.raises(NotFittedError):
        StudentTProcessRegressor().predict(at)
    with pytest.raises(ValueError, match="a gradient needs theta"):
        model.log_marginal_likelihood(eval_gradient=True)
    y[3] = np.nan
    before = dict(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, y)
    assert vars(model) == before
    with pytest.raises(ValueError, match="'a' parameter"):
        StudentTProcessRegressor(a=0.3).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="'b' parameter"):
        StudentTProcessRegressor(b=0.0).fit(X, X[:, 0])
    # Squares of y are numbers yet, but not divided by the noise.
    rough = StudentTProcessRegressor(kernel=RBF(1e3) + WhiteKernel(1e-6), optimizer=None)
    with pytest.raises(ValueError, match="no finite likelihood"):
        rough.fit(X, 1e153 * np.resize([1.0, -1.0], len(X)))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        StudentTProcessRegressor(kernel=-1.0 * RBF(), optimizer=None).fit(X, X[:, 0])

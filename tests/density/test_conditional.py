import pickle

import mpmath
import numpy as np
import pytest
from oracles import scaled_error
from scipy import stats
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from kernlab.density import ConditionalKernelDensity, KernelDensity
from kernlab.density._conditional_bandwidth import _negative_likelihood
from kernlab.exceptions import BandwidthWarning, SingularCovarianceError


def brute(X, Y, x, y, h, weights=None):
    """Log densities by the definition, in NumPy."""
    d = X.shape[1]
    e_x = np.sum(((x[:, None] - X) / h[:d]) ** 2, axis=2) / 2
    e_y = np.sum(((y[:, None] - Y) / h[d:]) ** 2, axis=2) / 2
    b = np.ones(len(X)) if weights is None else weights
    log_both = logsumexp(-e_x - e_y, b=b, axis=1)
    log_norm = np.sum(np.log(h[d:] * np.sqrt(2 * np.pi)))
    return log_both - logsumexp(-e_x, b=b, axis=1) - log_norm


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("d", "t"), [(1, 1), (3, 2)])
def test_against_the_definition(rng, d, t, weighted):
    X, Y = rng.normal(size=(200, d)), rng.normal(size=(200, t))
    x, y = rng.normal(size=(40, d)), rng.normal(size=(40, t))
    h = rng.uniform(0.2, 0.8, size=d + t)
    weights = rng.gamma(0.5, size=200) if weighted else None
    model = ConditionalKernelDensity(bandwidth=h).fit(X, Y, sample_weight=weights)
    expected = brute(X, Y, x, y, h, weights)
    assert np.max(scaled_error(model.log_density(x, y), expected)) <= 1e-12
    assert model.score(x, y) == pytest.approx(expected.sum(), rel=1e-12)
    log_shares = -np.sum(((x[:, None] - X) / h[:d]) ** 2, axis=2) / 2
    log_shares += 0 if weights is None else np.log(weights)
    shares = np.exp(log_shares - logsumexp(log_shares, axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict(x), shares @ Y, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(model.effective_samples(x), 1 / np.sum(shares**2, 1), rtol=1e-11)
    if t == 1:
        below = np.sum(shares * stats.norm.cdf((y - Y.T) / h[d]), axis=1)
        np.testing.assert_allclose(model.cdf(x, y), below, rtol=1e-11)


def test_a_slice_is_the_conditional_of_the_joint_estimate(rng):
    table = rng.normal(size=(150, 2))
    joint = KernelDensity(bandwidth=[0.3, 0.5]).fit(table).condition(0, 1.2)
    model = ConditionalKernelDensity(bandwidth=[0.3, 0.5]).fit(table[:, :1], table[:, 1])
    y = np.linspace(-4, 4, 9)
    x = np.full((9, 1), 1.2)
    np.testing.assert_allclose(model.log_density(x, y), joint.score_samples(y[:, None]), rtol=1e-11)
    q = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(model.predict_quantile([[1.2]], q)[0], joint.ppf(q), rtol=1e-11)


@pytest.mark.parametrize("x", [30.0, 1e4, 1e9])
def test_far_from_the_data_against_mpmath(x):
    # The energies agree to all but a few digits of a float, and beyond.
    X, Y = np.array([[0.0], [0.5], [0.5 + 2e-9]]), np.array([1.0, 2.0, 4.0])
    model = ConditionalKernelDensity(bandwidth=[1.0, 0.5]).fit(X, Y)
    with mpmath.workdps(60):
        terms = [mpmath.exp(-((mpmath.mpf(x) - mpmath.mpf(a)) ** 2) / 2) for a in X[:, 0]]
        kernels = [mpmath.npdf(3.0, b, 0.5) for b in Y]
        mean = mpmath.fdot(terms, Y) / sum(terms)
        density = mpmath.fdot(terms, kernels) / sum(terms)
        expected = float(mean), float(mpmath.log(density))
    # The rounding of a coordinate, 1e-16, times the distance.
    rtol = 1e-13 + 1e-15 * x
    assert model.predict([[x]])[0] == pytest.approx(expected[0], rel=rtol)
    assert model.log_density([[x]], [3.0])[0] == pytest.approx(expected[1], rel=rtol)


def test_the_density_integrates_to_one_and_has_that_mean_and_distribution(rng):
    X, Y = rng.normal(size=(50, 1)), rng.normal(size=50)
    model = ConditionalKernelDensity(bandwidth=0.4).fit(X, Y)
    # Trapezia are exact for sums of Gaussians to exp(-2 (π h / step)²).
    y = np.arange(-9, 9, 0.1)
    for x in (0.0, 40.0):
        density = np.exp(model.log_density(np.full((len(y), 1), x), y))
        assert np.sum(density) * 0.1 == pytest.approx(1.0, abs=1e-12)
        assert np.sum(density * y) * 0.1 == pytest.approx(model.predict([[x]])[0], abs=1e-12)


def test_quantiles_invert_the_distribution_and_are_monotone(rng):
    X, Y = rng.normal(size=(80, 1)), np.where(rng.random(80) < 0.5, -3.0, 3.0)
    model = ConditionalKernelDensity(bandwidth=[0.5, 0.1]).fit(X, Y)
    q = np.array([0.0, 1e-12, 0.05, 0.5, 0.95, 1.0])
    x = np.array([[0.0], [2.0], [50.0]])
    quantiles = model.predict_quantile(x, q)
    assert np.all(np.diff(quantiles, axis=1) > 0)
    assert np.isneginf(quantiles[:, 0]).all()
    assert np.isposinf(quantiles[:, -1]).all()
    for column in range(1, 5):
        below = model.cdf(x, quantiles[:, column])
        # A width of 4e-16 times a slope of at most 4 at 0.1.
        np.testing.assert_allclose(below, q[column], rtol=1e-9, atol=1e-14)
    assert model.predict_quantile(x, 0.5).shape == (3,)
    np.testing.assert_array_equal(model.predict_quantile(x), quantiles[:, 3])


def test_draws_are_distributed_as_the_estimate(rng):
    X, Y = rng.normal(size=(60, 1)), rng.normal(size=60)
    weights = rng.gamma(1.0, size=60)
    weights[:20] = 0
    model = ConditionalKernelDensity(bandwidth=0.3).fit(X, Y, sample_weight=weights)
    draws = model.sample([[0.0], [1.0]], n_samples=2000, random_state=0)
    assert draws.shape == (2, 2000)
    for x, row in zip((0.0, 1.0), draws, strict=True):
        levels = model.cdf(np.full((2000, 1), x), row)
        # Kolmogorov's distribution: 1.95 / √n at one in a thousand.
        assert stats.kstest(levels, "uniform").statistic < 1.95 / np.sqrt(2000)
    again = clone(model).set_params(n_jobs=2).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(draws, again.sample([[0.0], [1.0]], 2000, random_state=0))
    two = ConditionalKernelDensity(bandwidth=0.3).fit(X, np.column_stack([Y, Y]))
    assert two.sample([[0.0]], 5, random_state=0).shape == (1, 5, 2)


def test_a_joint_normal_population_is_recovered(rng):
    # Smoothing adds h² to the variances: y | x is normal with slope ρ/(1 + h²) and variance
    # 1 + h² - ρ²/(1 + h²) in the limit.
    n, h, rho = 20_000, 0.2, 0.8
    x = rng.normal(size=n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)
    model = ConditionalKernelDensity(bandwidth=h).fit(x[:, None], y)
    spread = np.sqrt(1 - rho**2)
    for at in (0.0, 1.0):
        mean = rho * at / (1 + h**2)
        deviation = np.sqrt(1 + h**2 - rho**2 / (1 + h**2))
        # The standard error of a mean of so many effective samples, of which half scatter around
        # the slope; five of them.
        error = np.hypot(spread, rho * h) / np.sqrt(model.effective_samples([[at]])[0])
        assert model.predict([[at]])[0] == pytest.approx(mean, abs=5 * error)
        low, high = model.predict_quantile([[at]], stats.norm.cdf([-1, 1]))[0]
        # The error of a quantile at one deviation is √(p(1-p))/φ(1) = 1.5 times that of the mean.
        assert (high - low) / 2 == pytest.approx(deviation, abs=5 * 1.5 * error)


def test_the_likelihood_and_its_slope(rng):
    X, Y = rng.normal(size=(30, 2)), rng.normal(size=30)
    table, h = np.column_stack([X, Y]), np.array([0.5, 0.9, 0.4])
    weights = rng.gamma(1.0, size=30)
    rows = np.arange(30)
    share = weights / weights.sum()

    def value(log_h):
        return _negative_likelihood(log_h, table, 2, np.log(weights), rows, share, 1, 0)

    found, slope = value(np.log(h))
    others = [np.delete(rows, i) for i in rows]
    expected = [
        brute(X[o], Y[o, None], X[[i]], Y[[i], None], h, weights[o])[0]
        for i, o in zip(rows, others, strict=True)
    ]
    # The criterion leaves out the normal's constant.
    assert -found - np.log(np.sqrt(2 * np.pi)) == pytest.approx(share @ expected, rel=1e-12)
    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        central = (value(np.log(h) + step)[0] - value(np.log(h) - step)[0]) / 2e-5
        assert slope[k] == pytest.approx(central, rel=1e-6, abs=1e-8)


def test_features_that_say_nothing_are_smoothed_out(rng):
    X = rng.normal(size=(400, 2))
    Y = np.sin(2 * X[:, 0]) + 0.3 * rng.normal(size=400)
    model = ConditionalKernelDensity().fit(X, Y)
    # At two deviations no row of a normal sample has less than a tenth of the weight of another
    # one within two deviations of it.
    assert model.bandwidth_[1] > 2 > 0.5 > model.bandwidth_[0]
    x = np.array([[0.5, 0.0], [0.5, 2.0]])
    assert np.ptp(model.predict(x)) < 0.1
    scott = ConditionalKernelDensity(bandwidth="scott").fit(X, Y)
    np.testing.assert_allclose(
        scott.bandwidth_, 400 ** (-1 / 7) * np.column_stack([X, Y]).std(axis=0), rtol=1e-12
    )
    fresh = rng.normal(size=(300, 2))
    targets = np.sin(2 * fresh[:, 0]) + 0.3 * rng.normal(size=300)
    gain = model.log_density(fresh, targets) - scott.log_density(fresh, targets)
    assert gain.mean() > 3 * gain.std() / np.sqrt(300)


def test_many_rows_are_sampled_for_the_search(rng, monkeypatch):
    from kernlab.density import _conditional_bandwidth

    X = rng.normal(size=(500, 1))
    Y = X[:, 0] + 0.2 * rng.normal(size=500)
    full = ConditionalKernelDensity().fit(X, Y).bandwidth_
    monkeypatch.setattr(_conditional_bandwidth, "MOST_ROWS", 250)
    part = ConditionalKernelDensity().fit(X, Y).bandwidth_
    assert 0 < np.max(np.abs(np.log(part / full))) < 0.7  # other rows, much the same widths


def test_scale_and_offset_change_nothing_else(rng):
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=60)
    plain = ConditionalKernelDensity().fit(X, Y)
    for scale, offset in ((1e-140, 0.0), (1e140, 0.0), (1.0, 2.0**30)):
        moved = ConditionalKernelDensity().fit(X * scale + offset, Y * scale + offset)
        # The offset rounds the data to 1e-7; the search stops within 1e-9 of the likelihood.
        tolerance = 1e-4 if offset else 1e-9
        np.testing.assert_allclose(moved.bandwidth_ / scale, plain.bandwidth_, rtol=tolerance)
        result = (moved.predict(X[:9] * scale + offset) - offset) / scale
        np.testing.assert_allclose(result, plain.predict(X[:9]), rtol=tolerance, atol=1e-4)


def test_equal_rows_are_rows_of_more_weight(rng):
    X, Y = rng.normal(size=(40, 1)), rng.normal(size=40)
    counts = rng.integers(0, 4, size=40)
    weighted = ConditionalKernelDensity().fit(X, Y, sample_weight=counts)
    repeated = ConditionalKernelDensity().fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    np.testing.assert_allclose(weighted.bandwidth_, repeated.bandwidth_, rtol=1e-12)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-12, atol=1e-12)


def test_weights_whose_quotient_underflows(rng):
    X, Y = rng.normal(size=(60, 1)), rng.normal(size=60)
    weights = np.repeat([1e300, 1e-300], 30)
    model = ConditionalKernelDensity().fit(X, Y, sample_weight=weights)
    # Beside the heavy rows the others say nothing.
    heavy = ConditionalKernelDensity().fit(X[:30], Y[:30])
    np.testing.assert_allclose(model.bandwidth_, heavy.bandwidth_, rtol=1e-6)


def test_effective_samples_are_no_more_than_the_rows(rng):
    for n in (3, 40, 1000):
        model = ConditionalKernelDensity(bandwidth=1e6).fit(rng.normal(size=(n, 1)), np.arange(n))
        effective = model.effective_samples(rng.normal(size=(20, 1)))
        assert np.all(effective <= n)
        np.testing.assert_allclose(effective, n, rtol=1e-9)


def test_constant_features_count_nothing_and_constant_targets_are_refused(rng):
    X, Y = rng.normal(size=(50, 1)), rng.normal(size=50)
    flat = np.column_stack([X, np.full(50, 7.0)])
    model = ConditionalKernelDensity(bandwidth="scott").fit(flat, Y)
    np.testing.assert_array_equal(model.predict([[0.0, 7.0]]), model.predict([[0.0, 900.0]]))
    for rule in ("lcv", "scott"):
        with pytest.raises(SingularCovarianceError, match="target 0 of y is constant"):
            ConditionalKernelDensity(bandwidth=rule).fit(X, np.ones(50))


def test_labels_have_no_likeliest_bandwidth(rng):
    with pytest.warns(BandwidthWarning, match="where values are repeated"):
        ConditionalKernelDensity().fit(rng.normal(size=(60, 1)), rng.integers(0, 2, 60))


def test_scorers_pickles_and_clones(rng):
    X = rng.normal(size=(150, 1))
    Y = X[:, 0] + 0.1 * rng.normal(size=150)
    model = ConditionalKernelDensity(bandwidth=0.1)
    assert cross_val_score(model, X, Y, cv=3, scoring="r2").min() > 0.9
    likelihoods = cross_val_score(model, X, Y, cv=3)
    assert likelihoods[0] == pytest.approx(model.fit(X[50:], Y[50:]).score(X[:50], Y[:50]))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert not hasattr(clone(model), "bandwidth_")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bandwidth": [1.0, 2.0, 3.0]}, r"bandwidth has shape \(3,\)"),
        ({"bandwidth": [1.0, -1.0]}, "bandwidth=-1.0 is not a positive"),
        ({"bandwidth": ["a", "b"]}, "is not numeric"),
        ({"y": np.ones((3, 1, 1))}, "dim 3"),
        ({"y": [1.0, np.nan, 2.0]}, "NaN"),
        ({"y": [1.0, 2.0]}, "inconsistent numbers of samples"),
        ({"y": None}, "requires y to be passed"),
        ({"X": [[0.0], [np.inf], [1.0]]}, "infinity"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "zero everywhere"),
    ],
)
def test_bad_input_of_fit(change, message):
    arguments = {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 1.0, 2.0], "bandwidth": 1.0} | change
    model = ConditionalKernelDensity(bandwidth=arguments.pop("bandwidth"))
    with pytest.raises(ValueError, match=message):
        model.fit(**arguments)
    assert not hasattr(model, "bandwidth_")


def test_one_row_is_enough_under_a_given_bandwidth_only():
    model = ConditionalKernelDensity(bandwidth=2.0).fit([[1.0]], [3.0])
    assert model.predict([[1e100]])[0] == 3.0
    assert model.log_density([[5.0]], [4.0])[0] == pytest.approx(stats.norm(3, 2).logpdf(4.0))
    for rule in ("lcv", "scott"):
        with pytest.raises(ValueError, match="n_samples=1"):
            ConditionalKernelDensity(bandwidth=rule).fit([[1.0]], [3.0])


def test_bad_input_of_the_methods(rng):
    X, Y = rng.normal(size=(20, 1)), rng.normal(size=(20, 2))
    model = ConditionalKernelDensity(bandwidth=1.0)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, Y)
    for method in (model.cdf, model.predict_quantile):
        with pytest.raises(ValueError, match="is for one target"):
            method(X, Y)
    with pytest.raises(ValueError, match="y has 1 targets"):
        model.log_density(X, Y[:, 0])
    with pytest.raises(ValueError, match="row 1 of X lies more than 1e150"):
        model.predict([[0.0], [1e200]])
    with pytest.raises(ValueError, match="n_samples=0"):
        model.sample(X, 0)
    assert model.log_density([[0.0]], [[0.0, 1e200]])[0] == -np.inf
    single = model.fit(X, Y[:, 0])
    for q in (-0.1, 1.1, np.nan, [[0.5]]):
        with pytest.raises(ValueError, match="must be a probability"):
            single.predict_quantile(X, q)
    assert single.cdf([[0.0], [0.0]], [-1e300, 1e300]).tolist() == [0.0, 1.0]


def test_arrays_of_other_libraries_are_refused(xp):
    with pytest.raises(ValueError, match="give X and y as NumPy arrays"):
        ConditionalKernelDensity().fit(xp.ones((3, 1)), np.ones(3))

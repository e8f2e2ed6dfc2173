"""Bounded and periodic features of a kernel density."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from oracles import brute_log_density, log_profile, scaled_error
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import kstest, norm
from sklearn.base import clone

from kernlab._core.namespace import to_numpy
from kernlab.density import KernelDensity, KernelDensityDisplay

PERIOD = 2 * np.pi
# The features of the mixed data: between two bounds, above one, on a circle, and on the line.
BOUNDS = [[0.0, 1.0], [-2.0, None], [None, None], [None, None]]
PERIODS = [None, None, PERIOD, np.nan]


def mixed_data(rng, n=60):
    return np.column_stack(
        [rng.beta(1, 2, n), rng.exponential(size=n) - 2, rng.uniform(-9, 9, n), rng.normal(size=n)]
    )


def brute_images(y, reach=5):
    """All images of one row of the mixed data, from the definition."""
    first = [s * y[0] + 2 * k for k in range(-reach, reach + 1) for s in (1, -1)]
    second = [y[1], -4 - y[1]]
    third = [y[2] + PERIOD * k for k in range(-reach, reach + 1)]
    return np.array(list(itertools.product(first, second, third, [y[3]])))


def wrapped(X):
    X = X.copy()
    X[:, 2] %= PERIOD
    return X


def brute_log_folded(kernel, Y, X, root, weights=None):
    return np.array(
        [logsumexp(brute_log_density(kernel, brute_images(y), X, root, weights)) for y in Y]
    )


def integral(kde, low, high, n_panels=120):
    """Gauss-Legendre of so many panels, for densities smooth inside each."""
    return piecewise_integral(kde, np.linspace(low, high, n_panels + 1))


def piecewise_integral(kde, edges):
    t, w = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + t)
    density = np.exp(kde.score_samples(y.reshape(-1, 1))).reshape(y.shape)
    return float(np.sum(density * w * half))


# --- Values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "matrix"),
    [("gaussian", False), ("gaussian", True), ("epanechnikov", True), ("exponential", False)],
)
def test_folding_against_the_sum_over_all_images(rng, kernel, matrix):
    X, weights = mixed_data(rng), rng.gamma(1.0, size=60)
    Y = wrapped(mixed_data(rng, 8))
    h = np.array([0.2, 0.5, 0.9, 0.6])
    root = h
    if matrix:
        correlation = 0.3 * np.ones((4, 4)) + 0.7 * np.eye(4)
        root = np.linalg.cholesky(correlation * np.outer(h, h))
    kde = KernelDensity(
        kernel=kernel, bandwidth=root @ root.T if matrix else h, bounds=BOUNDS, period=PERIODS
    ).fit(X, sample_weight=weights)
    expected = brute_log_folded(kernel, Y, wrapped(X), root, weights)
    tolerance = 1e-9 if kernel == "epanechnikov" else 1e-11  # its edge magnifies rounding
    assert np.max(scaled_error(kde.score_samples(Y), expected)) < tolerance
    np.testing.assert_array_equal(kde.score_samples(Y + np.eye(4)[0]), -np.inf)


@pytest.mark.parametrize("h", [0.05, 0.6, 3.0, 20.0])
def test_wrapped_normal_is_the_theta_function(h):
    kde = KernelDensity(bandwidth=h, period=PERIOD).fit([[0.5]])
    y = np.linspace(0, PERIOD, 40)
    # By Poisson's formula the images sum to a Fourier series.
    k = np.arange(1, 400)
    series = 1 + 2 * np.sum(np.exp(-(k**2) * h**2 / 2) * np.cos(np.outer(y - 0.5, k)), axis=1)
    density = np.exp(kde.score_samples(y[:, None]))
    np.testing.assert_allclose(density, series / PERIOD, rtol=1e-12, atol=1e-13)


CASES = [
    ("reflect", [0, None]),
    ("reflect", [None, 5.0]),
    ("reflect", [0.0, 5.0]),
    ("renormalize", [0, None]),
    ("renormalize", [0.0, 5.0]),
    ("linear", [0, None]),
    ("linear", [None, 5.0]),
    ("linear", [0.0, 5.0]),
]


@pytest.mark.parametrize("h", [0.1, 0.5, 4.0])
@pytest.mark.parametrize(("boundary", "bounds"), CASES)
def test_density_integrates_to_one(rng, boundary, bounds, h):
    X = 5 * rng.beta(0.8, 1.5, size=(300, 1))
    kde = KernelDensity(bandwidth=h, bounds=bounds, boundary=boundary)
    kde.fit(X, sample_weight=rng.gamma(1.0, size=300))
    low = 0.0 if bounds[0] is not None else -12 * h
    high = 5.0 if bounds[1] is not None else 5 + 12 * h
    # Smooth on the scale h, of which a panel is at most a half: exact to rounding.
    assert abs(integral(kde, low, high) - 1) < 1e-9
    assert kde.score_samples([[-50.0 if bounds[0] is not None else 50.0]])[0] < -60


@pytest.mark.parametrize("kernel", ["epanechnikov", "exponential", "cauchy", "logistic"])
@pytest.mark.parametrize("boundary", ["reflect", "renormalize"])
def test_other_kernels_integrate_to_one(rng, kernel, boundary):
    X = rng.exponential(size=(60, 1))
    kde = KernelDensity(bandwidth=0.5, kernel=kernel, bounds=[0, None], boundary=boundary).fit(X)
    # Between cusps and edges, of points and of their images, the density is smooth.
    x = X[:, 0]
    breaks = np.concatenate([x, x - 0.5, x + 0.5, 0.5 - x, np.linspace(0, 4, 40)])
    inside = piecewise_integral(kde, np.unique(np.clip(breaks, 0, 4)))
    np.testing.assert_allclose(inside, kde.cdf([[4.0]])[0], atol=1e-8)
    assert kde.cdf([[1e14]])[0] > 1 - 1e-12


def test_renormalised_kernels_by_their_definition(rng):
    X, weights = rng.uniform(size=(80, 2)), rng.gamma(1.0, size=80)
    h, Y = np.array([0.3, 0.5]), rng.uniform(size=(20, 2))
    kde = KernelDensity(bandwidth=h, bounds=[[0, 1], [0, None]], boundary="renormalize")
    kde.fit(X, sample_weight=weights)
    mass = norm.cdf((1 - X[:, 0]) / h[0]) - norm.cdf(-X[:, 0] / h[0])
    mass *= norm.cdf(X[:, 1] / h[1])
    terms = np.prod(norm.pdf((Y[:, None] - X) / h) / h, axis=2) / mass * weights / weights.sum()
    np.testing.assert_allclose(np.exp(kde.score_samples(Y)), terms.sum(axis=1), rtol=1e-12)
    effective = terms.sum(axis=1) ** 2 / (terms**2).sum(axis=1)
    np.testing.assert_allclose(kde.effective_samples(Y), effective, rtol=1e-11)
    others = [
        KernelDensity(bandwidth=h, bounds=[[0, 1], [0, None]], boundary="renormalize")
        .fit(np.delete(X, i, 0), sample_weight=np.delete(weights, i))
        .score_samples(X[i : i + 1])[0]
        for i in range(5)
    ]
    np.testing.assert_allclose(kde.leave_one_out_score_samples()[:5], others, rtol=1e-11)


def test_local_line_by_its_definition(rng):
    X, h = rng.exponential(size=(200, 1)), 0.4
    kde = KernelDensity(bandwidth=h, bounds=[0, None], boundary="linear").fit(X)
    y = np.array([0.0, 0.1, 0.5, 1.0])
    log_ratio = []
    for at in y:
        u = (at - X[:, 0]) / h
        a = [
            quad(lambda t, k=k: t**k * norm.pdf(t), -12, at / h, epsabs=1e-14)[0] for k in range(3)
        ]
        cut = norm.pdf(u).mean() / h / a[0]
        line = np.mean((a[2] - a[1] * u) * norm.pdf(u)) / h / (a[0] * a[2] - a[1] ** 2)
        log_ratio.append(np.log(cut) + line / cut - 1)
    difference = kde.score_samples(y[:, None]) - log_ratio
    np.testing.assert_allclose(difference, difference[0], atol=1e-11)  # all but the normaliser


def test_rounding_of_the_local_line_is_in_the_bounds(rng):
    """In a region of a ninetieth of a bandwidth the moments cancel: against mpmath."""
    X, h = rng.uniform(size=(12, 1)), mp.mpf(90)
    kde = KernelDensity(bandwidth=90.0, bounds=[0, 1], boundary="linear").fit(X)

    def density(y):
        p, q = y / h, (1 - y) / h
        a0, a1 = mp.ncdf(p) - mp.ncdf(-q), mp.npdf(q) - mp.npdf(p)
        a2 = a0 - p * mp.npdf(p) - q * mp.npdf(q)
        u = [(y - mp.mpf(x)) / h for x in X[:, 0]]
        terms = [mp.npdf(t) for t in u]
        total = mp.fsum(terms)
        slope = mp.fsum(t * k for t, k in zip(u, terms, strict=True)) / total
        return total / a0 * mp.exp(a1 * (a1 - a0 * slope) / (a0 * a2 - a1**2))

    y = np.concatenate([[0.0, 1.0], rng.uniform(size=8)])
    with mp.workdps(40):
        mass = mp.quad(density, [0, 0.5, 1])
        expected = np.array([float(mp.log(density(mp.mpf(t)) / mass)) for t in y])
    found, errors = kde.score_samples(y[:, None], return_error=True)
    off = np.abs(found - expected)
    assert np.all(off <= errors)
    assert np.all(off <= kde.error_bound_)  # these logarithms are below one
    assert kde.error_bound_ < 1e-8
    # Where nothing cancels there is nothing to add.
    narrow = KernelDensity(bandwidth=0.1, bounds=[0, None], boundary="linear").fit(X)
    assert narrow.error_bound_ < 1.1e-12


def test_bias_at_the_bound():
    """E f̂(0) on exponential data, whose density at zero is 1 and whose slope is -1."""
    # Quantiles in place of random data: means over them are integrals, to about 1/n.
    X = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000).reshape(-1, 1)
    bias = {}
    for boundary in ("reflect", "renormalize", "linear"):
        bias[boundary] = [
            np.exp(
                KernelDensity(bandwidth=h, bounds=[0, None], boundary=boundary)
                .fit(X)
                .score_samples([[0.0]])[0]
            )
            - 1
            for h in (0.1, 0.05)
        ]
    plain = np.exp(KernelDensity(bandwidth=0.1).fit(X).score_samples([[0.0]])[0])
    # ∫ K_h(x) e^-x dx over x > 0 is exp(h²/2) Φ(-h), of which folding has twice.
    exact = [2 * np.exp(h**2 / 2) * norm.cdf(-h) - 1 for h in (0.1, 0.05)]
    np.testing.assert_allclose(plain, (1 + exact[0]) / 2, atol=1e-4)
    np.testing.assert_allclose(bias["reflect"], exact, atol=2e-4)
    # Cut off, a kernel counts 1/Φ(x/h): the limit is log 2, not 1.
    cut = [
        quad(lambda t, h=h: norm.pdf(t) / norm.cdf(t) * np.exp(-h * t), 0, 12)[0] - 1
        for h in (0.1, 0.05)
    ]
    np.testing.assert_allclose(bias["renormalize"], cut, atol=2e-4)
    # Without a line the bias halves with h; with one it falls fourfold.
    assert 1.8 < bias["reflect"][0] / bias["reflect"][1] < 2.1
    assert 3.0 < bias["linear"][0] / bias["linear"][1] < 5.0
    assert abs(bias["linear"][0]) < abs(bias["reflect"][0]) / 8


# --- Algorithms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["exact", "tree", "fgt", "fft", "sampled"])
@pytest.mark.parametrize("boundary", ["reflect", "renormalize", "linear"])
def test_errors_hold_for_every_algorithm(rng, algorithm, boundary):
    X, Y = rng.exponential(size=(1500, 1)), rng.exponential(size=(200, 1))
    options = {"bandwidth": 0.2, "bounds": [0, 9 + X.max()], "boundary": boundary}
    exact = KernelDensity(**options).fit(X)
    kde = KernelDensity(**options, algorithm=algorithm, rtol=1e-3, random_state=0).fit(X)
    values, errors = kde.score_samples(Y, return_error=True)
    # Of a sample the errors are standard errors: five of them for 200 queries.
    allowed = 5 * errors if algorithm == "sampled" else errors
    off = np.abs(values - exact.score_samples(Y))
    if boundary == "linear":  # the slope of the line is exact, the sums are not
        allowed = allowed + 1e-9
    assert np.all(off <= allowed)
    assert np.all(errors < (0.05 if algorithm == "sampled" else 2e-3))
    if boundary != "linear":
        others = exact.leave_one_out_score_samples()
        np.testing.assert_allclose(kde.leave_one_out_score_samples(), others, atol=2e-3)


@pytest.mark.parametrize("algorithm", ["exact", "tree", "fgt"])
def test_leave_one_out_leaves_out_every_image_of_the_row(rng, algorithm):
    X = np.concatenate([rng.uniform(0, 1, size=(10, 1)), [[0.0], [1.0]]])
    kde = KernelDensity(bandwidth=0.7, bounds=[0, 1], algorithm=algorithm, rtol=1e-9).fit(X)
    expected = [
        KernelDensity(bandwidth=0.7, bounds=[0, 1]).fit(np.delete(X, i, 0)).score_samples(X[[i]])[0]
        for i in range(len(X))
    ]
    np.testing.assert_allclose(kde.leave_one_out_score_samples(), expected, atol=3e-9)


def test_leave_one_out_in_several_features(rng):
    X, weights = mixed_data(rng, 40), rng.gamma(1.0, size=40)
    h = np.array([0.3, 0.5, 1.5, 0.6])
    kde = KernelDensity(bandwidth=h, bounds=BOUNDS, period=PERIODS).fit(X, sample_weight=weights)
    W = wrapped(X)
    for i, value in enumerate(kde.leave_one_out_score_samples()[:6]):
        rest = np.delete(np.arange(40), i)
        expected = brute_log_folded("gaussian", W[[i]], W[rest], h, weights[rest])[0]
        np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_absolute_tolerance_is_shared_by_the_images(rng):
    X, Y = rng.uniform(0, 10, size=(2000, 2)), rng.uniform(0, 10, size=(100, 2))
    options = {"bandwidth": 0.2, "bounds": [[0, 10], [0, None]]}
    exact = np.exp(KernelDensity(**options).fit(X).score_samples(Y))
    kde = KernelDensity(**options, algorithm="tree", atol=1e-3).fit(X)
    values, errors = kde.score_samples(Y, return_error=True)
    assert np.all(np.abs(np.exp(values) - exact) <= 1e-3)
    assert np.all(np.abs(values - np.log(exact)) <= errors)


# --- Other methods --------------------------------------------------------------------------------


def test_gradient_and_effective_samples_of_the_folded_sum(rng):
    X, Y = mixed_data(rng), wrapped(mixed_data(rng, 6))
    Y[:, 0] = np.clip(Y[:, 0], 0.01, 0.99)
    h = np.array([0.3, 0.5, 1.2, 0.6])
    kde = KernelDensity(bandwidth=h, bounds=BOUNDS, period=PERIODS).fit(X)
    for k in range(4):
        step = 1e-5 * np.eye(4)[k]
        slope = (kde.score_samples(Y + step) - kde.score_samples(Y - step)) / 2e-5
        np.testing.assert_allclose(kde.score_gradient(Y)[:, k], slope, rtol=1e-5, atol=1e-7)
    for y, effective in zip(Y, kde.effective_samples(Y), strict=True):
        images = brute_images(y)
        squared = np.sum(((images[:, None] - wrapped(X)) / h) ** 2, axis=2)
        terms = np.exp(logsumexp(log_profile("gaussian", np.sqrt(squared), 4), axis=0))
        np.testing.assert_allclose(effective, terms.sum() ** 2 / np.sum(terms**2), rtol=1e-10)
    assert kde.effective_samples([[-1.0, 0, 0, 0]])[0] == 0
    assert np.isnan(kde.score_gradient([[-1.0, 0, 0, 0]])).all()


@pytest.mark.parametrize("boundary", ["reflect", "renormalize"])
@pytest.mark.parametrize("bounds", [[0, None], [None, 3.0], [0, 3.0]])
def test_distribution_function_and_quantiles(rng, boundary, bounds):
    X = rng.uniform(0, 3, size=(100, 1))
    kde = KernelDensity(bandwidth=0.8, bounds=bounds, boundary=boundary)
    kde.fit(X, sample_weight=rng.gamma(1.0, size=100))
    y = np.array([0.0, 0.3, 1.0, 2.0, 2.9, 3.0])
    start = 0.0 if bounds[0] is not None else -8.0
    expected = [integral(kde, start, t, 80) for t in y]
    np.testing.assert_allclose(kde.cdf(y[:, None]), expected, atol=1e-10)
    q = np.array([0.001, 0.2, 0.7, 0.999])
    np.testing.assert_allclose(kde.cdf(kde.ppf(q)[:, None]), q, atol=1e-13)
    ends = kde.ppf([0, 1])
    assert ends[0] == (0 if bounds[0] is not None else -np.inf)
    assert ends[1] == (3 if bounds[1] is not None else np.inf)
    draws = kde.sample(500, random_state=0)
    # The probability of a larger statistic is one in ten thousand, under a fixed seed.
    assert kstest(draws[:, 0], lambda t: kde.cdf(np.reshape(t, (-1, 1)))).pvalue > 1e-4


def test_samples_of_mixed_features(rng):
    X = mixed_data(rng)
    kde = KernelDensity(bandwidth=[0.5, 1.0, 2.0, 1.0], bounds=BOUNDS, period=PERIODS).fit(X)
    draws = kde.sample(500, random_state=0)
    assert np.isfinite(kde.score_samples(draws)).all()
    assert draws[:, 2].min() >= 0
    assert draws[:, 2].max() < PERIOD
    cut = clone(kde).set_params(boundary="renormalize", period=None).fit(X)
    draws = cut.sample(500, random_state=0)
    assert np.all(draws[:, :2].min(axis=0) >= [0, -2])
    assert draws[:, 0].max() <= 1


@pytest.mark.parametrize("boundary", ["reflect", "renormalize"])
def test_marginals_and_conditionals(rng, boundary):
    X = rng.uniform(size=(60, 2))
    kde = KernelDensity(bandwidth=[0.4, 0.5], bounds=[[0, 1], [0, 1]], boundary=boundary)
    kde.fit(X, sample_weight=rng.gamma(1.0, size=60))
    y = np.array([0.05, 0.5, 0.9])
    t, w = np.polynomial.legendre.leggauss(60)
    t, w = (t + 1) / 2, w / 2
    marginal, conditional = kde.marginal(0), kde.condition(1, 0.1)
    at = np.exp(marginal.score_samples([[0.1]]))
    for value in y:
        line = np.exp(kde.score_samples(np.column_stack([np.full(60, value), t])))
        np.testing.assert_allclose(np.exp(marginal.score_samples([[value]])), line @ w, rtol=1e-11)
    joint = np.exp(kde.score_samples(np.column_stack([y, np.full(3, 0.1)])))
    density = np.exp(conditional.score_samples(y[:, None]))
    np.testing.assert_allclose(density, joint / np.exp(kde.marginal(1).score_samples([[0.1]])))
    assert np.isfinite(at).all()


def test_conditional_around_a_circle_with_a_full_matrix(rng):
    X = rng.normal(size=(50, 2))
    H = np.array([[1.5, 0.9], [0.9, 1.2]])
    kde = KernelDensity(bandwidth=H, period=[4.0, None]).fit(X)
    y = np.linspace(-2, 2, 5)
    joint = kde.score_samples(np.column_stack([np.full(5, 1.9), y]))
    expected = joint - kde.marginal(0).score_samples([[1.9]])
    np.testing.assert_allclose(kde.condition(0, 5.9).score_samples(y[:, None]), expected, rtol=1e-9)


def test_confidence_intervals_count_a_point_and_its_image_as_one(rng):
    """At the bound both fall together: the estimate there is twice the plain one."""
    X = np.abs(rng.normal(size=(800, 1)))
    bounded = KernelDensity(bandwidth=0.2, bounds=[0, None]).fit(X)
    plain = KernelDensity(bandwidth=0.2).fit(X)
    at = [[0.0]]
    difference = bounded.confidence_interval(at) - plain.confidence_interval(at)
    np.testing.assert_allclose(difference, np.log(2), atol=1e-12)
    np.testing.assert_allclose(bounded.effective_samples(at), plain.effective_samples(at))
    assert bounded.regime().label_ == "classical"


def test_partial_fit_and_pickles_keep_the_bounds(rng):
    X = np.concatenate([[[0.0, 0.0]], rng.exponential(size=(50, 2))])
    kde = KernelDensity(bandwidth=1 / 3, bounds=[0, None])  # of both features
    whole, Y = clone(kde).fit(X), X[:5]
    grown = clone(kde).fit(X[:20]).partial_fit(X[20:])
    np.testing.assert_allclose(grown.score_samples(Y), whole.score_samples(Y), rtol=1e-12)
    again = pickle.loads(pickle.dumps(whole))
    np.testing.assert_array_equal(again.score_samples(Y), whole.score_samples(Y))


def test_display_stays_within_the_bounds(rng):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    kde = KernelDensity(bandwidth=0.5, bounds=[0, None]).fit(rng.exponential(size=(50, 1)))
    display = KernelDensityDisplay.from_estimator(kde, [[0.1], [2.0]])
    grid, density = display.axes_values
    assert grid[[0, -1]].tolist() == [0.0, 3.5]
    assert density.min() > 0
    around = KernelDensity(bandwidth=0.5, period=2.0).fit([[0.1]])
    grid, _ = KernelDensityDisplay.from_estimator(around, [[0.1]]).axes_values
    assert grid[[0, -1]].tolist() == [0.0, 2.0]


def test_bandwidth_of_bounded_data_is_that_of_the_reflected():
    x = np.abs(np.random.default_rng(0).normal(size=(4000, 1)))
    inside = KernelDensity(bandwidth="isj", bounds=[0, None]).fit(x)
    both = KernelDensity(bandwidth="isj").fit(np.concatenate([x, -x]))
    # Twice the points, and half the roughness: the same optimum. Grids differ.
    assert inside.bandwidth_method_ == "isj"
    np.testing.assert_allclose(inside.bandwidth_, both.bandwidth_, rtol=0.01)
    jump = KernelDensity(bandwidth="isj").fit(x).bandwidth_
    assert jump < 0.7 * inside.bandwidth_


# --- Invariances and limits -----------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(turns=st.integers(-1000, 1000), seed=st.integers(0, 99), exponent=st.integers(-150, 145))
def test_turning_around_a_circle_changes_nothing(turns, seed, exponent):
    rng, scale = np.random.default_rng(seed), 10.0**exponent
    X = rng.uniform(0, 8, size=(40, 1)) * scale
    Y = rng.uniform(0, 8, size=(7, 1)) * scale
    kde = KernelDensity(bandwidth="scott", period=8 * scale)
    # Adding a thousand periods rounds to 1e-12 of one.
    plain, turned = clone(kde).fit(X), clone(kde).fit(X + turns * 8 * scale)
    np.testing.assert_allclose(turned.bandwidth_, plain.bandwidth_, rtol=1e-9)
    expected = plain.score_samples(Y)
    np.testing.assert_allclose(turned.score_samples(Y + 8 * scale), expected, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(
    offset=st.sampled_from([0.0, 1.0, -3.0, 1e9]),
    seed=st.integers(0, 99),
    boundary=st.sampled_from(["reflect", "renormalize", "linear"]),
)
def test_mirrored_data_has_the_mirrored_density(offset, seed, boundary):
    rng = np.random.default_rng(seed)
    X, Y = rng.integers(0, 64, size=(2, 30, 1)) / 16.0
    options = {"bandwidth": 0.5, "boundary": boundary}
    above = KernelDensity(**options, bounds=[offset, None]).fit(offset + X)
    below = KernelDensity(**options, bounds=[None, offset]).fit(offset - X)
    value = below.score_samples(offset - Y)
    np.testing.assert_allclose(above.score_samples(offset + Y), value, rtol=1e-9)


def test_far_queries_and_wide_kernels(rng):
    X = rng.uniform(0, 1, size=(50, 2))
    kde = KernelDensity(bandwidth=[0.1, 0.1], bounds=[[0, 1], [None, None]]).fit(X)
    values = kde.score_samples([[0.5, 1e8], [0.5, 1e160]])
    np.testing.assert_allclose(values[0], -((1e8 - X[:, 1].max()) ** 2) / 0.02, rtol=1e-7)
    assert values[1] == -np.inf
    # A kernel of ten circles is flat.
    flat = KernelDensity(bandwidth=10.0, period=1.0).fit([[0.3]]).score_samples([[0.1], [0.8]])
    np.testing.assert_allclose(flat, 0, atol=1e-12)
    with pytest.raises(ValueError, match="more than 4096 images .* narrower bandwidth"):
        KernelDensity(bandwidth=1e4, period=1.0).fit([[0.3]]).score_samples([[0.1]])


def test_arrays_of_another_library(rng):
    torch = pytest.importorskip("torch")
    X, Y = mixed_data(rng, 30), wrapped(mixed_data(rng, 4))
    Y[0, 0] = -1.0
    options = {"bandwidth": [0.2, 0.5, 0.6, 0.6], "bounds": BOUNDS, "period": PERIODS}
    for more in ({}, {"boundary": "renormalize", "period": None}):
        ours = KernelDensity(**{**options, **more}).fit(X)
        theirs = KernelDensity(**{**options, **more}).fit(torch.asarray(X))
        Z = torch.asarray(Y)
        np.testing.assert_allclose(to_numpy(theirs.score_samples(Z)), ours.score_samples(Y))
        np.testing.assert_allclose(to_numpy(theirs.score_gradient(Z)), ours.score_gradient(Y))
        np.testing.assert_allclose(to_numpy(theirs.effective_samples(Z)), ours.effective_samples(Y))
        np.testing.assert_allclose(
            to_numpy(theirs.leave_one_out_score_samples()), ours.leave_one_out_score_samples()
        )
        assert theirs.sample(5, random_state=0).dtype == torch.float64


def test_conditioning_at_a_wall_counts_a_row_and_its_image_as_one(rng):
    X = np.column_stack([rng.exponential(size=300), rng.normal(size=300)])
    h = np.array([0.2, 0.2])
    walled = KernelDensity(bandwidth=h, bounds=[[0, None], [None, None]]).fit(X).condition(0, 0.0)
    # At the wall a row and its image weigh the same, so the shares are those without a wall.
    plain = KernelDensity(bandwidth=h).fit(X).condition(0, 0.0)
    assert walled.n_eff_ == pytest.approx(plain.n_eff_, rel=1e-12)
    Y = rng.normal(size=(5, 1))
    np.testing.assert_allclose(walled.score_samples(Y), plain.score_samples(Y), rtol=1e-12)
    np.testing.assert_allclose(walled.effective_samples(Y), plain.effective_samples(Y), rtol=1e-12)


def test_power_tails_below_an_upper_bound_keep_their_mass(rng):
    x = -rng.exponential(size=(50, 1))
    kde = KernelDensity(
        kernel="cauchy", bandwidth=0.3, bounds=[None, 0], boundary="renormalize"
    ).fit(x)
    shares = np.array([1e-8, 1e-6, 0.3])
    np.testing.assert_allclose(kde.cdf(kde.ppf(shares)[:, None]), shares, rtol=1e-6)

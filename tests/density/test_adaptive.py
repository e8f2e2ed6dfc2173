import pickle

import numpy as np
import pytest
from marron_wand import draw, integrated_squared_error
from oracles import brute_log_density, distances, log_profile, mp_log_normalizer, scaled_error
from scipy import stats
from scipy.special import logsumexp
from sklearn.base import clone

from kernlab.density import KernelDensity, KernelDensityDisplay

# One kernel kept by its logarithm and one by value.
KERNELS = ["gaussian", "epanechnikov"]


def widths(kernel, at, X, root, weights=None):
    """Relative widths by the definition: (pilot / its geometric mean at the data)^(-1/2)."""
    at_data = brute_log_density(kernel, X, X, root, weights)
    share = np.ones(len(X)) if weights is None else weights
    log_mean = np.average(at_data[share > 0], weights=share[share > 0])
    log_pilot = brute_log_density(kernel, at, X, root, weights)
    return np.exp(-(log_pilot - log_mean) / 2)


def brute(rule, kernel, Y, X, root, weights=None):
    """Log density under adaptive widths by the definition."""
    d = X.shape[1]
    if rule == "sample-point":
        table = np.broadcast_to(widths(kernel, X, X, root, weights), (len(Y), len(X)))
    else:
        table = np.broadcast_to(widths(kernel, Y, X, root, weights)[:, None], (len(Y), len(X)))
    log_terms = log_profile(kernel, distances(Y, X, root) / table, d) - d * np.log(table)
    b = np.ones(len(X)) if weights is None else weights
    log_volume = d * np.log(root) if np.ndim(root) == 0 else np.log(np.linalg.det(root))
    log_norm = np.log(np.sum(b)) + log_volume + mp_log_normalizer(kernel, d)
    return logsumexp(log_terms, b=b, axis=1) - log_norm


@pytest.mark.parametrize("rule", ["sample-point", "balloon"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_against_the_definition(rng, rule, kernel):
    X, Y = rng.standard_t(2, size=(700, 2)), rng.standard_t(2, size=(40, 2))
    weights = rng.gamma(1.0, size=700)
    weights[:100] = 0.0
    kde = KernelDensity(bandwidth=1.5, kernel=kernel, adaptive=rule)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        expected = brute(rule, kernel, Y, X, 1.5, weights)
    expected = np.where(np.isnan(expected), -np.inf, expected)
    result, error = kde.fit(X, sample_weight=weights).score_samples(Y, return_error=True)
    # Rounding at the edge of a bounded kernel is magnified, as in the fixed estimate.
    assert np.max(scaled_error(result, expected)) <= (1e-11 if kernel == "epanechnikov" else 1e-12)
    if kernel != "epanechnikov":
        assert np.all(np.abs(result - expected) <= error)


@pytest.mark.parametrize("d", [1, 3, 13])
def test_a_bandwidth_matrix_in_every_dimension(rng, d):
    X, Y = rng.normal(size=(90, d)), rng.normal(size=(20, d))
    mixing = rng.normal(size=(d, d))
    H = mixing @ mixing.T + np.eye(d)
    root = np.linalg.cholesky(H)
    for rule in ("sample-point", "balloon"):
        kde = KernelDensity(bandwidth=H, adaptive=rule).fit(X)
        expected = brute(rule, "gaussian", Y, X, root)
        assert np.max(scaled_error(kde.score_samples(Y), expected)) <= 1e-11


@pytest.mark.parametrize("kernel", KERNELS)
def test_sample_point_estimates_integrate_to_one(rng, kernel):
    X = rng.standard_t(3, size=(30, 1))
    kde = KernelDensity(bandwidth=0.5, kernel=kernel, adaptive="sample-point").fit(X)
    y = np.linspace(-60, 60, 400_001)
    total = np.sum(np.exp(kde.score_samples(y[:, None]))) * (y[1] - y[0])
    # Trapezia: the error at the kinks of 60 edges is a slope of at most 2 times the step squared.
    assert total == pytest.approx(1.0, abs=1e-8)


def test_equal_widths_are_the_fixed_estimate(rng):
    # Points on a circle see the same density everywhere.
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    Y = rng.normal(size=(10, 2))
    fixed = KernelDensity(bandwidth=0.3).fit(X)
    kde = KernelDensity(bandwidth=0.3, adaptive="sample-point").fit(X)
    np.testing.assert_allclose(kde.score_samples(Y), fixed.score_samples(Y), rtol=1e-12)
    np.testing.assert_allclose(kde.effective_samples(Y), fixed.effective_samples(Y), rtol=1e-11)
    np.testing.assert_allclose(kde.leave_one_out_score(), fixed.leave_one_out_score(), rtol=1e-12)


def test_leave_one_out_leaves_out_the_term_and_a_balloons_whole_point(rng):
    X = rng.standard_t(2, size=(40, 1))
    relative = widths("gaussian", X, X, 0.4)
    log_terms = log_profile("gaussian", distances(X, X, 0.4) / relative, 1) - np.log(relative)
    np.fill_diagonal(log_terms, -np.inf)
    log_norm = np.log(39) + np.log(0.4) + mp_log_normalizer("gaussian", 1)
    kde = KernelDensity(bandwidth=0.4, adaptive="sample-point").fit(X)
    expected = logsumexp(log_terms, axis=1) - log_norm
    np.testing.assert_allclose(kde.leave_one_out_score_samples(), expected, rtol=1e-11)
    balloon = KernelDensity(bandwidth=0.4, adaptive="balloon").fit(X)
    left_out = balloon.leave_one_out_score_samples()
    at_data = brute_log_density("gaussian", X, X, 0.4)
    for i in range(0, 40, 4):
        others = np.delete(X, i, axis=0)
        # The pilot's sum without the point, on the scale of the geometric mean with all.
        pilot = brute_log_density("gaussian", X[[i]], others, 0.4) + np.log(39 / 40)
        width = np.exp(-(pilot - at_data.mean()) / 2)
        terms = log_profile("gaussian", distances(X[[i]], others, 0.4) / width, 1) - np.log(width)
        expected = logsumexp(terms) - log_norm
        assert left_out[i] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("kernel", "at"), [("epanechnikov", 50.0), ("gaussian", 1e200)])
def test_no_point_counts_where_the_density_is_zero(rng, kernel, at):
    for rule in ("balloon", "sample-point"):
        kde = KernelDensity(bandwidth=0.5, kernel=kernel, adaptive=rule)
        kde.fit(rng.normal(size=(30, 1)))
        assert kde.score_samples([[at]])[0] == -np.inf
        effective = kde.effective_samples([[at], [0.0]])
        assert effective[0] == 0.0
        assert effective[1] > 1.0


def test_effective_samples_count_the_terms(rng):
    X = rng.standard_t(2, size=(50, 1))
    kde = KernelDensity(bandwidth=0.5, adaptive="sample-point").fit(X)
    relative = widths("gaussian", X, X, 0.5)
    terms = np.exp(-((0.3 - X[:, 0]) ** 2) / 0.5 / relative**2) / relative
    expected = terms.sum() ** 2 / np.sum(terms**2)
    # One half is 2 h².
    assert kde.effective_samples([[0.3]])[0] == pytest.approx(expected, rel=1e-11)


def test_draws_are_distributed_as_the_estimate(rng):
    X = rng.standard_t(2, size=(50, 1))
    weights = rng.gamma(1.0, size=50)
    kde = KernelDensity(bandwidth=0.5, adaptive="sample-point").fit(X, sample_weight=weights)
    relative = widths("gaussian", X, X, 0.5, weights)
    draws = kde.sample(4000, random_state=0)[:, 0]
    share = weights / weights.sum()

    def cdf(y):
        return stats.norm.cdf((y[:, None] - X[:, 0]) / (0.5 * relative)) @ share

    # Kolmogorov's distribution: 1.95 / √n at one in a thousand.
    assert stats.kstest(draws, cdf).statistic < 1.95 / np.sqrt(4000)


@pytest.mark.parametrize("scale", [1e-150, 1e140])
def test_scale_changes_nothing_else(rng, scale):
    X, Y = rng.standard_t(2, size=(60, 1)), rng.normal(size=(9, 1))
    for rule in ("sample-point", "balloon"):
        plain = KernelDensity(adaptive=rule).fit(X).score_samples(Y)
        scaled = KernelDensity(adaptive=rule).fit(X * scale).score_samples(Y * scale)
        np.testing.assert_allclose(scaled + np.log(scale), plain, rtol=1e-9, atol=1e-9)


def test_far_clusters_and_far_queries(rng):
    X = np.concatenate([rng.normal(size=(40, 1)), 1e9 + rng.normal(size=(40, 1))])
    kde = KernelDensity(bandwidth=0.5, adaptive="sample-point").fit(X)
    near = KernelDensity(bandwidth=0.5, adaptive="sample-point").fit(X[:40])
    np.testing.assert_allclose(
        np.isfinite(kde.score_samples(X)), True
    )  # both clusters stand for themselves
    shift = kde.score_samples(X[:40]) - near.score_samples(X[:40])
    # Half the mass, and widths relative to a mean over both clusters.
    assert np.ptp(shift) < 0.3
    for distance in (1e130, 1e200):
        kde = KernelDensity(bandwidth=0.5, kernel="cauchy", adaptive="sample-point").fit(X[:40])
        relative = widths("cauchy", X[:40], X[:40], 0.5)
        expected = np.log(np.mean(0.5 * relative) / np.pi) - 2 * np.log(distance)
        assert kde.score_samples([[distance]])[0] == pytest.approx(expected, rel=1e-12)
        balloon = KernelDensity(bandwidth=0.5, adaptive="balloon").fit(X[:40])
        log_density = balloon.score_samples([[distance]])[0]
        assert log_density == (-np.inf if distance > 1e160 else pytest.approx(-(distance**2)))


def test_narrow_peaks_and_long_tails_gain(rng):
    # Two scales: half the mass ten times as narrow as the other half.
    mixture = ([0.5, 0.5], [0.0, 0.0], [1.0, 0.05])
    grid = np.linspace(-6, 6, 24_001)
    truth = sum(w * stats.norm.pdf(grid, m, s) for w, m, s in zip(*mixture, strict=True))
    gains = []
    for _ in range(12):
        X = draw(rng, 400, *mixture)[:, None]
        errors = []
        for adaptive in (None, "sample-point"):
            kde = KernelDensity(bandwidth=0.1, adaptive=adaptive).fit(X)
            density = np.exp(kde.score_samples(grid[:, None]))
            errors.append(np.sum((density - truth) ** 2) * (grid[1] - grid[0]))
            if adaptive is None:
                exact = integrated_squared_error(X[:, 0], 0.1, *mixture)
                assert errors[0] == pytest.approx(exact, rel=1e-6)
        gains.append(np.log(errors[0] / errors[1]))
    # Three standard errors.
    assert np.mean(gains) > 3 * np.std(gains) / np.sqrt(12)


def test_more_data_pickles_clones_and_threads(rng):
    X = rng.standard_t(2, size=(90, 2))
    kde = KernelDensity(bandwidth=0.5, adaptive="sample-point").fit(X)
    again = pickle.loads(pickle.dumps(kde))
    np.testing.assert_array_equal(again.score_samples(X), kde.score_samples(X))
    parts = clone(kde).partial_fit(X[:50]).partial_fit(X[50:])
    np.testing.assert_array_equal(parts.score_samples(X), kde.score_samples(X))
    threads = clone(kde).set_params(n_jobs=2, rtol=0.1).fit(X)
    np.testing.assert_array_equal(threads.score_samples(X), kde.score_samples(X))
    assert threads.algorithm_ == "exact"
    assert 0 < kde.error_bound_ < 1e-10
    assert KernelDensity(bandwidth=0.5, adaptive="balloon").fit(X).error_bound_ == np.inf
    KernelDensityDisplay.from_estimator(kde, X, grid_resolution=5)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("score_gradient", ([[0.0]],)),
        ("cdf", ([[0.0]],)),
        ("ppf", (0.5,)),
        ("marginal", (0,)),
        ("condition", (0, 0.0)),
        ("regime", ()),
        ("confidence_interval", ([[0.0]],)),
    ],
)
def test_what_is_known_of_fixed_widths_only_is_refused(method, arguments):
    kde = KernelDensity(bandwidth=1.0, adaptive="sample-point").fit([[0.0], [1.0], [5.0]])
    with pytest.raises(ValueError, match=f"{method} is not defined under adaptive='sample-point'"):
        getattr(kde, method)(*arguments)


def test_bad_combinations_are_refused(xp):
    X = [[0.0], [1.0], [5.0]]
    with pytest.raises(ValueError, match="no density to draw from"):
        KernelDensity(adaptive="balloon").fit(X).sample()
    with pytest.raises(ValueError, match="give algorithm='exact'"):
        KernelDensity(adaptive="balloon", algorithm="tree").fit(X)
    with pytest.raises(ValueError, match="leave precision='double'"):
        KernelDensity(adaptive="balloon", precision="mixed").fit(X)
    with pytest.raises(ValueError, match="works on NumPy arrays"):
        KernelDensity(bandwidth=1.0, adaptive="balloon").fit(xp.asarray(X))
    with pytest.raises(ValueError, match="'adaptive' parameter"):
        KernelDensity(adaptive="knn").fit(X)

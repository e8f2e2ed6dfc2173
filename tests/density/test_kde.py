import pickle

import numpy as np
import pytest
from oracles import brute_log_density, brute_log_sums, mp_log_normalizer, scaled_error
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity as SklearnDensity

from kernlab.density import KernelDensity
from kernlab.exceptions import SingularCovarianceError
from kernlab.kernels import PROFILES, student_t

FINITE_VARIANCE = [name for name in PROFILES if name != "cauchy"]
SKLEARN_KERNELS = ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"]


# --- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("kernel", PROFILES)
def test_log_density_against_brute_force(rng, kernel, d):
    X, Y = rng.normal(size=(300, d)), rng.normal(size=(40, d))
    h = 1.3 * np.sqrt(d)
    expected = brute_log_density(kernel, Y, X, h)
    result = KernelDensity(kernel=kernel, bandwidth=h).fit(X).score_samples(Y)
    # Rounding at the edge of a bounded kernel is magnified by up to 1e3 in these draws.
    assert np.max(scaled_error(result, expected)) <= 1e-12


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("kernel", SKLEARN_KERNELS)
def test_equals_scikit_learn_where_that_is_exact(rng, kernel, d):
    X, Y = rng.normal(size=(200, d)), rng.normal(size=(50, d))
    theirs = SklearnDensity(kernel=kernel, bandwidth=1.7, leaf_size=200).fit(X).score_samples(Y)
    ours = KernelDensity(kernel=kernel, bandwidth=1.7).fit(X).score_samples(Y)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_equals_scipy(rng, d, weighted, rule):
    X = rng.normal(size=(150, d)) @ rng.normal(size=(d, d)) + 7.0
    Y = X[:40] + rng.normal(size=(40, d))
    weights = rng.gamma(1.0, size=150) if weighted else None
    theirs = stats.gaussian_kde(X.T, bw_method=rule, weights=weights)
    ours = KernelDensity(bandwidth=rule).fit(X, sample_weight=weights)
    np.testing.assert_allclose(ours.bandwidth_matrix_, theirs.covariance, rtol=1e-10)
    np.testing.assert_allclose(ours.score_samples(Y), theirs.logpdf(Y.T), rtol=1e-10, atol=1e-10)
    assert ours.n_eff_ == pytest.approx(theirs.neff, rel=1e-12)


def test_right_in_high_dimension_where_scikit_learn_is_not():
    X = load_digits().data
    X, Y = X[:1500], X[1500:]
    expected = brute_log_density("gaussian", Y, X, 1.0)
    ours = KernelDensity(bandwidth=1.0).fit(X).score_samples(Y)
    assert np.max(scaled_error(ours, expected)) <= 1e-12
    theirs = SklearnDensity(bandwidth=1.0).fit(X).score_samples(Y)
    assert np.max(np.abs(theirs - expected)) > 1.0  # nats; if this fails, they mended it


@pytest.mark.parametrize("df", [0.5, 1, 3])
@pytest.mark.parametrize("d", [1, 4])
def test_one_student_kernel_is_scipys_distribution(rng, d, df):
    mixing = rng.normal(size=(d, d))
    H = mixing @ mixing.T + np.eye(d)
    Y = np.concatenate([rng.normal(size=(9, d)), np.full((1, d), 1e100)])
    kde = KernelDensity(kernel=student_t(df), bandwidth=H).fit(np.ones((1, d)))
    expected = stats.multivariate_t(np.ones(d), H, df).logpdf(Y)
    np.testing.assert_allclose(kde.score_samples(Y), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("distance", [1e140, 1e200, 1e308])
def test_student_kernels_know_no_distance_too_far(distance):
    kde = KernelDensity(kernel=student_t(3), bandwidth=1e-9).fit([[0.0, 0.0], [1.0, 0.0]])
    # Even where the distance in bandwidths leaves the range of floating point.
    log_u = np.log(distance) + 9 * np.log(10)
    at_centre = stats.multivariate_t([0.0, 0.0], np.eye(2) * 1e-18, 3).logpdf([0.0, 0.0])
    expected = at_centre - 5 / 2 * (2 * log_u - np.log(3))
    assert kde.score_samples([[0.0, distance]])[0] == pytest.approx(expected, rel=1e-13)


def test_data_driven_student_bandwidths_are_the_gaussians(rng):
    X = rng.normal(size=(60, 2))
    for kernel in ("cauchy", student_t(5)):
        kde = KernelDensity(kernel=kernel).fit(X)
        np.testing.assert_array_equal(kde.bandwidth_, KernelDensity().fit(X).bandwidth_)


def test_an_estimator_with_a_student_kernel_clones_and_pickles(rng):
    X = rng.normal(size=(60, 2))
    kde = KernelDensity(kernel=student_t(df=2.5), bandwidth=0.5)
    again = pickle.loads(pickle.dumps(clone(kde).fit(X)))
    assert again.kernel == student_t(df=2.5)
    assert repr(kde) == "KernelDensity(bandwidth=0.5, kernel=student_t(df=2.5))"
    np.testing.assert_array_equal(again.score_samples(X), kde.fit(X).score_samples(X))


def test_densities_that_underflow_keep_their_logarithm():
    kde = KernelDensity(bandwidth=1.0).fit(np.zeros((3, 1)))
    log_density = kde.score_samples([[1e3], [1e10], [1e150]])
    expected = [-0.5e6 - 0.5 * np.log(2 * np.pi), -0.5e20, -0.5e300]
    np.testing.assert_allclose(log_density, expected, rtol=1e-13)


def test_one_sample_is_a_valid_density():
    kde = KernelDensity(bandwidth=2.0).fit([[1.0, 1.0]])
    expected = stats.multivariate_normal([1.0, 1.0], 4.0).logpdf([[0.0, 3.0]])
    assert kde.score_samples([[0.0, 3.0]])[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("kernel", FINITE_VARIANCE)
def test_density_integrates_to_one(rng, kernel):
    X = rng.normal(size=(20, 1))
    kde = KernelDensity(kernel=kernel).fit(X)
    reach = 60 * np.sqrt(kde.bandwidth_matrix_[0, 0]) + 5
    grid = np.linspace(-reach, reach, 200_001)
    total = np.sum(np.exp(kde.score_samples(grid[:, None]))) * (grid[1] - grid[0])
    # A jump costs the rule at most the jump's height times the spacing, at 2·20 edges.
    assert total == pytest.approx(1.0, abs=2e-3 if kernel == "tophat" else 1e-5)


# --- Bandwidths ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["gaussian", "epanechnikov", "logistic"])
def test_float_vector_and_matrix_are_one_bandwidth(rng, kernel):
    X, Y = rng.normal(size=(80, 3)), rng.normal(size=(20, 3))
    h = 1.9
    scores = [
        KernelDensity(kernel=kernel, bandwidth=b).fit(X).score_samples(Y)
        for b in (h, [h, h, h], np.eye(3) * h**2)
    ]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-12)
    np.testing.assert_allclose(scores[2], scores[0], rtol=1e-11)


def test_matrix_bandwidth_against_brute_force(rng):
    X, Y = rng.normal(size=(200, 4)), rng.normal(size=(20, 4))
    mixing = rng.normal(size=(4, 4))
    H = mixing @ mixing.T + np.eye(4)
    kde = KernelDensity(bandwidth=H).fit(X)
    expected = brute_log_density("gaussian", Y, X, np.linalg.cholesky(H))
    assert np.max(scaled_error(kde.score_samples(Y), expected)) <= 1e-12
    np.testing.assert_array_equal(kde.bandwidth_, H)
    np.testing.assert_allclose(kde.bandwidth_matrix_, H, rtol=1e-13)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_follow_the_units_of_the_data(rng, rule):
    X = rng.normal(size=(100, 3))
    units = np.array([1e-6, 1.0, 1e9])
    plain = KernelDensity(bandwidth=rule).fit(X)
    scaled = KernelDensity(bandwidth=rule).fit(X * units)
    np.testing.assert_allclose(
        scaled.bandwidth_matrix_, plain.bandwidth_matrix_ * np.outer(units, units), rtol=1e-9
    )
    np.testing.assert_allclose(
        scaled.score_samples(X * units), plain.score_samples(X) - np.log(units).sum(), rtol=1e-9
    )


@pytest.mark.parametrize("kernel", FINITE_VARIANCE)
def test_rules_match_the_kernels_standard_deviation_to_the_gaussians(rng, kernel):
    X = rng.normal(size=(60, 2))
    gaussian = KernelDensity().fit(X)
    other = KernelDensity(kernel=kernel).fit(X)
    variance = PROFILES[kernel].variance(2)
    np.testing.assert_allclose(
        other.bandwidth_matrix_ * variance, gaussian.bandwidth_matrix_, rtol=1e-12
    )


# --- Weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "biweight"])
def test_integer_weights_are_repetitions(rng, kernel):
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(15, 2))
    counts = rng.integers(0, 4, size=60)
    weighted = KernelDensity(kernel=kernel, bandwidth=1.5).fit(X, sample_weight=counts)
    repeated = KernelDensity(kernel=kernel, bandwidth=1.5).fit(np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(
        weighted.score_samples(Y), repeated.score_samples(Y), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
def test_only_ratios_of_weights_matter(rng, kernel):
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(15, 2))
    weights = rng.gamma(1.0, size=60)
    results = [
        KernelDensity(kernel=kernel).fit(X, sample_weight=weights * scale).score_samples(Y)
        for scale in (1.0, 1e-200, 1e200)
    ]
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-12)


# --- Leave one out, effective samples -----------------------------------------------------------


@pytest.mark.parametrize("kernel", ["gaussian", "logistic", "triweight"])
def test_leave_one_out_equals_refitting(rng, kernel):
    X = rng.normal(size=(40, 2))
    weights = rng.gamma(1.0, size=40)
    for w in (None, weights):
        kde = KernelDensity(kernel=kernel, bandwidth=1.4).fit(X, sample_weight=w)
        rest = [np.delete(np.arange(40), i) for i in range(40)]
        expected = [
            clone(kde)
            .fit(X[r], sample_weight=None if w is None else w[r])
            .score_samples(X[i : i + 1])[0]
            for i, r in enumerate(rest)
        ]
        np.testing.assert_allclose(kde.leave_one_out_score_samples(), expected, rtol=1e-11)
        share = np.ones(40) if w is None else w / w.mean()
        total = np.sum(share * expected)
        assert kde.leave_one_out_score() == pytest.approx(total, rel=1e-11)


def test_leave_one_out_where_the_own_term_is_all():
    # Subtracting the own term from the sum would leave nothing of exp(-5000).
    kde = KernelDensity(bandwidth=1.0).fit([[0.0], [100.0]])
    expected = -5000 - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(kde.leave_one_out_score_samples(), [expected] * 2, rtol=1e-13)


def test_leave_one_out_with_a_dominant_weight():
    kde = KernelDensity(bandwidth=1.0).fit([[0.0], [1.0], [2.0]], sample_weight=[1e20, 1.0, 1.0])
    expected = np.logaddexp(-0.5, -2.0) - np.log(2) - 0.5 * np.log(2 * np.pi)
    assert kde.leave_one_out_score_samples()[0] == pytest.approx(expected, rel=1e-13)


def test_rows_without_weight_do_not_count_in_the_leave_one_out_score():
    X, weights = np.array([[0.0], [0.5], [1e9]]), np.array([1.0, 1.0, 0.0])
    with_row = KernelDensity(kernel="tophat", bandwidth=1.0).fit(X, sample_weight=weights)
    without = KernelDensity(kernel="tophat", bandwidth=1.0).fit(X[:2])
    # The mean weight is scaled to 1, over three rows and over two.
    assert with_row.leave_one_out_score() == pytest.approx(1.5 * without.leave_one_out_score())


def test_effective_samples(rng):
    X = rng.normal(size=(300, 2))
    kde = KernelDensity(bandwidth=0.3).fit(X)
    Y = rng.normal(size=(10, 2))
    terms = -np.sum((Y[:, None] - X) ** 2, axis=2) / 2 / 0.3**2
    shares = np.exp(terms - np.logaddexp.reduce(terms, axis=1)[:, None])
    np.testing.assert_allclose(kde.effective_samples(Y), 1 / np.sum(shares**2, axis=1), rtol=1e-12)
    flat = KernelDensity(kernel="tophat", bandwidth=100.0).fit(X)
    np.testing.assert_allclose(flat.effective_samples(Y), 300, rtol=1e-12)
    far = KernelDensity(kernel="tophat", bandwidth=0.1).fit(X)
    np.testing.assert_array_equal(far.effective_samples([[50.0, 50.0]]), 0)
    assert kde.effective_samples([[1e6, 0.0]])[0] == pytest.approx(1.0)


# --- Sampling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", FINITE_VARIANCE)
def test_samples_have_the_moments_of_the_density(rng, kernel):
    size = 40_000
    X = rng.normal(size=(30, 2)) * [1.0, 5.0]
    weights = rng.gamma(1.0, size=30)
    kde = KernelDensity(kernel=kernel, bandwidth=[0.5, 3.0]).fit(X, sample_weight=weights)
    draws = kde.sample(size, random_state=0)
    share = weights / weights.sum()
    mean = share @ X
    covariance = (share[:, None] * (X - mean)).T @ (X - mean)
    covariance += kde.bandwidth_matrix_ * PROFILES[kernel].variance(2)
    deviations = np.sqrt(np.diag(covariance))
    # Five standard errors; the kurtosis of these mixtures is below 9.
    np.testing.assert_allclose((draws.mean(axis=0) - mean) / deviations, 0, atol=5 / np.sqrt(size))
    scaled = np.cov(draws.T) / np.outer(deviations, deviations)
    np.testing.assert_allclose(
        scaled, covariance / np.outer(deviations, deviations), atol=5 * 3 / np.sqrt(size)
    )


def test_samples_follow_a_matrix_bandwidth(rng):
    H = np.array([[2.0, 1.2], [1.2, 1.0]])
    draws = KernelDensity(bandwidth=H).fit([[3.0, -4.0]]).sample(40_000, random_state=1)
    np.testing.assert_allclose(draws.mean(axis=0), [3.0, -4.0], atol=5 * 1.5 / 200)
    np.testing.assert_allclose(np.cov(draws.T), H, atol=5 * 3 * 2 / 200)


def test_samples_are_reproducible_and_skip_rows_without_weight():
    kde = KernelDensity(bandwidth=1e-6).fit([[0.0], [1.0], [2.0]], sample_weight=[0, 1, 0])
    draws = kde.sample(50, random_state=3)
    np.testing.assert_allclose(draws, 1.0, atol=1e-4)
    np.testing.assert_array_equal(draws, kde.sample(50, random_state=3))
    assert kde.sample().shape == (1, 1)


# --- scikit-learn's conventions -----------------------------------------------------------------


@pytest.mark.parametrize("precision", ["double", "mixed"])
def test_float32_data(rng, precision):
    X = rng.normal(size=(50, 3)).astype(np.float32)
    kde = KernelDensity(bandwidth=0.5, precision=precision).fit(X)
    assert kde.sample(3).dtype == np.float32
    far = kde.score_samples(np.full((1, 3), 1e30, dtype=np.float32))  # beyond float32
    assert far.dtype == np.float64
    assert far[0] == pytest.approx(-6e60, rel=1e-4)
    exact = KernelDensity(bandwidth=0.5).fit(X.astype(np.float64)).score_samples(X.astype(float))
    np.testing.assert_allclose(
        kde.score_samples(X), exact, rtol=1e-4 if precision == "mixed" else 1e-6
    )


def test_pickle_keeps_everything(rng):
    X = rng.normal(size=(40, 2))
    kde = KernelDensity(precision="mixed").fit(X, sample_weight=rng.gamma(1.0, size=40))
    again = pickle.loads(pickle.dumps(kde))
    np.testing.assert_array_equal(again.score_samples(X), kde.score_samples(X))
    np.testing.assert_array_equal(again.sample(3, random_state=0), kde.sample(3, random_state=0))


def test_grid_search_over_bandwidths(rng):
    X = rng.normal(size=(200, 1))
    search = GridSearchCV(KernelDensity(), {"bandwidth": [0.01, 0.4, 10.0, "scott"]}).fit(X)
    assert search.best_params_["bandwidth"] in (0.4, "scott")


def test_later_changes_of_the_data_do_not_reach_the_fit(rng):
    X = rng.normal(size=(40, 2))
    kde = KernelDensity(bandwidth=0.5).fit(X)
    before = kde.score_samples([[0.0, 0.0]])
    X[:] = 1e6
    np.testing.assert_array_equal(kde.score_samples([[0.0, 0.0]]), before)
    weights = np.ones(40)
    kde.fit(rng.normal(size=(40, 2)), sample_weight=weights)
    before = kde.leave_one_out_score(), kde.sample(5, random_state=0)
    weights[:] = 0.0
    assert kde.leave_one_out_score() == before[0]
    np.testing.assert_array_equal(kde.sample(5, random_state=0), before[1])


def test_no_copy_of_the_data_is_kept_beside_the_tiles(rng):
    X = rng.normal(size=(50_000, 2))
    kde = KernelDensity(bandwidth=0.5).fit(X)
    assert len(pickle.dumps(kde)) < 1.1 * X.nbytes


def test_parameters_set_after_the_fit_do_not_reach_it(rng):
    kde = KernelDensity(bandwidth=0.5).fit(rng.normal(size=(40, 2)))
    before = kde.sample(5, random_state=0)
    kde.kernel = "tophat"
    np.testing.assert_array_equal(kde.sample(5, random_state=0), before)


def test_a_failed_fit_leaves_the_old_one(rng):
    kde = KernelDensity(bandwidth=0.5).fit(rng.normal(size=(40, 2)))
    before = kde.score_samples([[0.0, 0.0]])
    kde.bandwidth = "scott"
    with pytest.raises(SingularCovarianceError):
        kde.fit(np.ones((40, 2)))
    np.testing.assert_array_equal(kde.score_samples([[0.0, 0.0]]), before)
    with pytest.raises(SingularCovarianceError):
        kde.fit(np.ones((40, 3)))
    np.testing.assert_array_equal(kde.score_samples([[0.0, 0.0]]), before)
    fresh = KernelDensity()
    with pytest.raises(SingularCovarianceError):
        fresh.fit(np.ones((40, 2)))
    with pytest.raises(NotFittedError):
        fresh.score_samples([[0.0, 0.0]])


def test_rows_without_weight_decide_nothing_in_the_rules(rng):
    X = rng.normal(size=(50, 2))
    weights = rng.gamma(1.0, size=50)
    kde = KernelDensity().fit(X, sample_weight=weights)
    extended = np.concatenate([[[1e9, -1e9]], X])
    again = KernelDensity().fit(extended, sample_weight=np.concatenate([[0.0], weights]))
    np.testing.assert_allclose(again.bandwidth_matrix_, kde.bandwidth_matrix_, rtol=1e-12)
    extended[1:, 1] = 0.1
    with pytest.raises(SingularCovarianceError, match="column 1 is constant"):
        KernelDensity().fit(extended, sample_weight=np.concatenate([[0.0], weights]))


def test_an_ill_conditioned_matrix_costs_its_condition_and_no_more(rng):
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for condition in (1e4, 1e8, 1e12):
        H = rotation @ np.diag([1.0, 0.1, 1 / condition]) @ rotation.T
        H = (H + H.T) / 2
        X = rng.normal(size=(50, 3)) @ np.linalg.cholesky(H).T
        kde = KernelDensity(bandwidth=H).fit(X)
        root = np.linalg.cholesky(kde.bandwidth_matrix_)
        expected = brute_log_density("gaussian", X[:9], X, root)
        error = np.max(scaled_error(kde.score_samples(X[:9]), expected))
        assert error <= 1e-12 + 1e-15 * condition


def test_the_normaliser_in_a_thousand_dimensions(rng):
    X = rng.normal(size=(20, 1000))
    kde = KernelDensity(bandwidth=2.0, kernel="exponential").fit(X)
    sums = brute_log_sums("exponential", X, X, 2.0)
    expected = sums - np.log(20) - 1000 * np.log(2.0) - mp_log_normalizer("exponential", 1000)
    np.testing.assert_allclose(kde.score_samples(X), expected, rtol=1e-13)

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from kernlab.density import KernelDensity, kde_thresholds
from kernlab.density._regimes import log_density_interval
from kernlab.exceptions import CondensedDensityWarning
from kernlab.kernels import PROFILES
from kernlab.kernels._sums import log_kernel_sums, prepare_sources


def quiet_regime(kde, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CondensedDensityWarning)
        return kde.regime(**options)


def squared_distances(X, Y):
    return np.sum((Y[:, None] - X) ** 2, axis=2)


def shares_squared(squared, h, kernel="gaussian", weights=None):
    """Σp² of each row from all others, by the definition; 1 where none is in the support."""
    with np.errstate(divide="ignore"):
        log_terms = PROFILES[kernel].log_values(np, squared / h**2)
        if weights is not None:
            log_terms = log_terms + np.log(weights)
    np.fill_diagonal(log_terms, -np.inf)
    log_sums = logsumexp(log_terms, axis=1)
    empty = log_sums == -np.inf
    log_sums[empty] = 0.0
    return np.where(empty, 1.0, np.exp(logsumexp(2 * log_terms, axis=1) - 2 * log_sums))


# --- What is measured ----------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "logistic", "epanechnikov"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_figure_against_its_definition(rng, kernel, weighted):
    d, h = 6, 0.9
    X = rng.normal(size=(120, d))
    w = rng.gamma(2.0, size=120) if weighted else None
    kde = KernelDensity(bandwidth=h, kernel=kernel).fit(X, sample_weight=w)
    regime = quiet_regime(kde)
    squared = squared_distances(X, X)
    p2 = shares_squared(squared, h, kernel, w)
    reached = regime.n_eff_ > 0
    np.testing.assert_allclose(1 / regime.n_eff_[reached], p2[reached], rtol=1e-10)
    assert np.all(p2[~reached] == 1)
    assert regime.mean_p2_ == pytest.approx(np.average(p2, weights=w))
    assert regime.condensed_fraction_ == pytest.approx(np.average(p2 > 0.5, weights=w))
    np.testing.assert_array_equal(regime.rows_, np.arange(120))
    assert regime.alpha_ == pytest.approx(math.log(kde.n_eff_) / d)
    np.fill_diagonal(squared, np.inf)
    nearest = math.sqrt(np.average(squared.min(axis=1), weights=w))
    # h*, where the mean of Σp² is one half, from the thresholds by their definition; it is found
    # to a part in a thousand, and Σp² falls with the logarithm of h by less than one.
    if kernel == "gaussian":
        half = regime.h_g_ / math.sqrt(2)
        assert regime.h_clt_ == pytest.approx(math.sqrt(2) * regime.h_g_)
        assert regime.h_kl_ == pytest.approx(nearest / math.sqrt(d))
        assert regime.stable_index_ == pytest.approx((h / regime.h_g_) ** 2)
    elif kernel == "exponential":
        half = regime.h_g_ / 2
        assert regime.h_clt_ == pytest.approx(2 * regime.h_g_)
        assert regime.h_kl_ == pytest.approx(nearest / d)
        assert regime.stable_index_ == pytest.approx(h / regime.h_g_)
    elif kernel == "logistic":
        # Of u = nearest/h, μ is inversely proportional to u·tanh(u/2).
        def steepness(h):
            return nearest / h * math.tanh(nearest / h / 2)

        half = None
        ratio = steepness(regime.h_g_) / steepness(h)
        assert regime.stable_index_ == pytest.approx(ratio, rel=1e-9)
        assert steepness(regime.h_clt_) == pytest.approx(steepness(regime.h_g_) / 2)
        assert steepness(regime.h_kl_) == pytest.approx(d)
    else:
        half = regime.h_g_
        assert regime.h_clt_ == half
        assert np.isnan([regime.h_kl_, regime.stable_index_]).all()
    if half is not None:
        np.fill_diagonal(squared, 0.0)
        assert np.average(shares_squared(squared, half, kernel, w), weights=w) == pytest.approx(
            0.5, abs=1e-2 if kernel == "epanechnikov" else 2e-3
        )


@pytest.mark.parametrize("d", [10, 40, 100])
def test_h_g_on_normal_data_against_the_theory_at_this_size(rng, d):
    n = 4000
    X = rng.normal(size=(n, d))
    measured = quiet_regime(KernelDensity(bandwidth=1.0).fit(X), max_queries=300, random_state=0)
    # λ_c = 2f/F where the squared distance has the distribution function F = 1/n.
    norms = rng.chisquare(d, size=100)
    x = stats.ncx2.ppf(1 / n, d, norms)
    expected = math.sqrt(np.mean(1 / (2 * n * stats.ncx2.pdf(x, d, norms))))
    # Measured bias at 20,000 points: 1 to 6 %; the standard error of the mean Σp² over 300 rows,
    # 0.3/sqrt(300), is 2 % of h.
    assert -0.06 < measured.h_g_ / expected - 1 < 0.12
    # The limit is lower at finite size, by what the guide says.
    assert kde_thresholds(math.log(n) / d).h_g < expected


def test_labels_follow_the_bandwidth(rng):
    X = rng.normal(size=(400, 12))
    h_g = quiet_regime(KernelDensity(bandwidth=1.0).fit(X)).h_g_
    for factor, label in ((2.0, "classical"), (1.2, "between"), (0.8, "condensed")):
        regime = quiet_regime(KernelDensity(bandwidth=factor * h_g).fit(X))
        assert regime.label_ == label
        # h* is found to a part in a thousand.
        assert regime.stable_index_ == pytest.approx(factor**2, rel=0.01)
        assert repr(regime).startswith(label)
        assert "multiples" not in repr(regime)


def test_a_matrix_bandwidth_is_measured_in_multiples_of_itself(rng):
    X = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6))
    kde = KernelDensity().fit(X)
    regime = quiet_regime(kde)
    root = np.linalg.cholesky(kde.bandwidth_matrix_)
    white = np.linalg.solve(root, X.T).T
    expected = quiet_regime(KernelDensity(bandwidth=1.0).fit(white))
    assert regime.h_ == 1.0
    assert regime.h_g_ == pytest.approx(expected.h_g_, rel=3e-3)
    assert regime.h_kl_ == pytest.approx(expected.h_kl_, rel=1e-9)
    assert "multiples of bandwidth_" in repr(regime)


def test_a_sample_of_the_rows_stands_for_all(rng):
    X = rng.normal(size=(1500, 15))
    kde = KernelDensity(bandwidth=1.0).fit(X)
    every, some = quiet_regime(kde, max_queries=1500), quiet_regime(kde, random_state=1)
    assert len(some.rows_) == len(some.n_eff_) == 1000
    np.testing.assert_allclose(some.n_eff_, every.n_eff_[some.rows_], rtol=1e-9)
    # Five standard errors of a mean over 1000 of 1500 rows, whose deviation is below 0.3.
    assert some.mean_p2_ == pytest.approx(every.mean_p2_, abs=5 * 0.3 / math.sqrt(1000))
    again = quiet_regime(kde, random_state=1)
    np.testing.assert_array_equal(again.rows_, some.rows_)


@pytest.mark.parametrize(("scale", "offset"), [(1e-140, 0.0), (1e140, 0.0), (1.0, 1e9)])
def test_units_and_offset_of_the_data(rng, scale, offset):
    X = rng.normal(size=(200, 5))
    plain = quiet_regime(KernelDensity(bandwidth=0.5).fit(X))
    moved = quiet_regime(KernelDensity(bandwidth=0.5 * scale).fit(X * scale + offset))
    # The offset itself rounds the data by 1e-7.
    for name in ("h_g_", "h_clt_", "h_kl_"):
        assert getattr(moved, name) / scale == pytest.approx(getattr(plain, name), rel=1e-5)
    np.testing.assert_allclose(moved.n_eff_, plain.n_eff_, rtol=1e-5)


def test_rows_without_weight_decide_nothing(rng):
    X, w = rng.normal(size=(100, 4)), rng.gamma(2.0, size=100)
    regime = quiet_regime(KernelDensity(bandwidth=0.5).fit(X, sample_weight=w))
    extended = np.concatenate([np.full((3, 4), 1e9), X])
    again = quiet_regime(KernelDensity(bandwidth=0.5).fit(extended, sample_weight=[0, 0, 0, *w]))
    assert again.h_g_ == pytest.approx(regime.h_g_, rel=1e-5)
    assert again.mean_p2_ == pytest.approx(regime.mean_p2_, rel=1e-5)
    np.testing.assert_array_equal(again.rows_, regime.rows_ + 3)


def test_arrays_of_other_libraries(xp, rng):
    X = rng.normal(size=(150, 5))
    expected = quiet_regime(KernelDensity(bandwidth=0.4).fit(X), max_queries=100, random_state=0)
    kde = KernelDensity(bandwidth=0.4).fit(xp.asarray(X))
    regime = quiet_regime(kde, max_queries=100, random_state=0)
    np.testing.assert_array_equal(regime.rows_, expected.rows_)
    np.testing.assert_allclose(regime.n_eff_, expected.n_eff_, rtol=1e-9)
    assert regime.h_g_ == pytest.approx(expected.h_g_, rel=1e-6)
    wide = KernelDensity(bandwidth=2.0).fit(xp.asarray(X))
    interval = wide.confidence_interval(xp.asarray(X[:3] + 0.1))
    theirs = KernelDensity(bandwidth=2.0).fit(X).confidence_interval(X[:3] + 0.1)
    assert type(interval) is type(xp.asarray(X))
    np.testing.assert_allclose(np.asarray(interval), theirs, rtol=1e-9)


@pytest.mark.parametrize("d", [3, 20])
def test_sums_at_some_rows_are_those_of_all(rng, d):
    X = rng.normal(size=(900, d)) + 3.0
    sources = prepare_sources(X, kernel="gaussian", root=0.5)
    every = log_kernel_sums(sources, with_effective=True)
    rows = rng.choice(900, size=150, replace=False)
    some = log_kernel_sums(sources, rows=rows, with_effective=True)
    np.testing.assert_allclose(some, every[:, rows], rtol=1e-12)


# --- Warnings and refusals -----------------------------------------------------------------------


def test_digits_are_condensed_and_say_so():
    X = load_digits().data
    kde = KernelDensity(bandwidth=2.0).fit(X)
    with pytest.warns(CondensedDensityWarning, match="condensed regime .* a few points carry"):
        regime = kde.regime(max_queries=300, random_state=0)
    assert regime.label_ == "condensed"
    assert regime.mean_p2_ > 0.5
    with pytest.warns(CondensedDensityWarning, match="No interval is given"):
        interval = kde.confidence_interval(X[:5] + 0.1, max_queries=300, random_state=0)
    assert interval.shape == (5, 2)
    assert np.isnan(interval).all()


def test_too_little_data_is_refused(rng):
    with pytest.raises(ValueError, match="at least four samples.*n_samples=3"):
        KernelDensity(bandwidth=1.0).fit(rng.normal(size=(3, 2))).regime()
    dominated = KernelDensity(bandwidth=1.0).fit(
        rng.normal(size=(9, 2)), sample_weight=[1e9] + [1] * 8
    )
    with pytest.raises(ValueError, match="not carried by one; got n_samples=9, effectively 1"):
        dominated.regime()
    with pytest.raises(ValueError, match="all points are the same"):
        KernelDensity(bandwidth=1.0).fit(np.ones((9, 2))).regime()
    with pytest.raises(NotFittedError):
        KernelDensity().regime()


def test_copies_are_refused_but_a_few_are_not(rng):
    X = rng.normal(size=(60, 4))
    for copies in (2, 4):
        repeated = np.repeat(X, copies, axis=0)
        for weights in (None, rng.uniform(1e-9, 1.0, size=len(repeated))):
            kde = KernelDensity(bandwidth=0.5).fit(repeated, sample_weight=weights)
            with pytest.raises(ValueError, match="most have equal ones. Drop the copies"):
                kde.regime()
    weighted = KernelDensity(bandwidth=0.5).fit(X, sample_weight=np.full(60, 4.0))
    assert quiet_regime(weighted).h_g_ > 0
    few = KernelDensity(bandwidth=0.5).fit(np.concatenate([X, X[:5], X[:5]]))
    assert quiet_regime(few).h_g_ > 0


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True])
def test_bad_max_queries(rng, wrong):
    kde = KernelDensity(bandwidth=1.0).fit(rng.normal(size=(20, 2)))
    with pytest.raises(ValueError, match=f"max_queries={wrong} is not a positive integer"):
        kde.regime(max_queries=wrong)


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.5, 95, np.nan, "high"])
def test_bad_confidence(rng, wrong):
    kde = KernelDensity(bandwidth=1.0).fit(rng.normal(size=(20, 2)))
    with pytest.raises(ValueError, match="confidence=.* is not a number between 0 and 1"):
        kde.confidence_interval(np.zeros((1, 2)), confidence=wrong)


# --- Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_cover_the_smoothed_density(rng, weighted):
    # Two dimensions, 400 points, h = 0.6: some 150 effective samples at the centre. A query each in
    # 600 data sets, so the number covered is binomial.
    n, h, trials, confidence = 400, 0.6, 600, 0.9
    query = np.array([[0.3, -0.2]])
    truth = stats.multivariate_normal([0, 0], 1 + h**2).logpdf(query[0])
    weights = rng.uniform(0.5, 1.5, size=n) if weighted else None
    kde = KernelDensity(bandwidth=h, n_jobs=1)
    regime = kde.fit(rng.normal(size=(n, 2)), sample_weight=weights).regime(max_queries=100)
    covered = 0
    for _ in range(trials):
        kde.fit(rng.normal(size=(n, 2)), sample_weight=weights)
        low, high = log_density_interval(
            kde._sums_and_terms(query),
            kde.n_eff_,
            kde._sources.log_total_weight + kde._log_volume,
            confidence,
            regime,
        )[0]
        covered += low < truth < high
    # Four standard deviations of the binomial, and a point for the estimated variance.
    slack = 4 * math.sqrt(confidence * (1 - confidence) / trials) + 0.01
    assert abs(covered / trials - confidence) < slack


def test_the_interval_is_that_of_the_terms(rng):
    X, query = rng.normal(size=(500, 2)), np.array([[0.5, 0.0]])
    kde = KernelDensity(bandwidth=0.8).fit(X)
    terms = np.exp(-np.sum((X - query) ** 2, axis=1) / 2 / 0.8**2)
    relative = np.std(terms, ddof=1) / math.sqrt(500) / np.mean(terms)
    width = stats.norm.ppf(0.975) * relative
    expected = kde.score_samples(query)[0] + width * np.array([-1, 1])
    np.testing.assert_allclose(kde.confidence_interval(query)[0], expected, rtol=1e-10)


def test_no_interval_where_few_points_reach(rng):
    kde = KernelDensity(bandwidth=0.5).fit(rng.normal(size=(1000, 2)))
    interval = kde.confidence_interval([[0.0, 0.0], [4.0, 4.0]], random_state=0)
    assert np.isfinite(interval[0]).all()
    assert np.isnan(interval[1]).all()


def test_terms_that_are_all_alike_leave_no_width(rng):
    kde = KernelDensity(bandwidth=50.0, kernel="tophat").fit(rng.normal(size=(300, 2)))
    low, high = kde.confidence_interval([[0.0, 0.0]])[0]
    assert high - low < 1e-6

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

from kernlab.density import KernelDensity, kde_thresholds
from kernlab.exceptions import SingularCovarianceError
from kernlab.kernels import PROFILES

SMOOTH = [
    name for name, profile in PROFILES.items() if not (profile.bounded or profile.heavy_tailed)
]
BOUNDED = [name for name, profile in PROFILES.items() if profile.bounded]


def mp_limits(alpha, eigvals):
    """λ_c, E_c and the Gaussian thresholds from the formulas as written, in 40 digits."""
    with mpmath.workdps(40):
        s = [mpmath.mpf(float(v)) for v in eigvals]

        def rate(log_rate):
            t = [mpmath.exp(log_rate) * v for v in s]
            return sum(mpmath.log(1 + v) - v / (1 + v) ** 2 for v in t) / (2 * len(s)) - alpha

        low, high = mpmath.mpf(-400), mpmath.mpf(2 * alpha * len(s) + 400)
        for _ in range(140):  # bisection: monotone, and sure
            middle = (low + high) / 2
            low, high = (middle, high) if rate(middle) < 0 else (low, middle)
        rate_c = mpmath.exp(low)
        energy = sum(v / (1 + rate_c * v) + v / (1 + rate_c * v) ** 2 for v in s) / (2 * len(s))
        h_g = rate_c ** mpmath.mpf(-0.5)
        return float(mpmath.sqrt(2) * h_g), float(h_g), float(mpmath.sqrt(2 * energy))


# --- The Gaussian kernel -------------------------------------------------------------------------


def test_the_unit_covariance():
    # Independently solved, to six decimals.
    expected = [
        [1.938582, 1.370785, 1.038572],
        [1.227174, 0.867743, 0.783612],
        [0.726984, 0.514055, 0.502701],
    ]
    limits = kde_thresholds([0.1, 0.3, 0.7])
    result = np.stack([limits.h_clt, limits.h_g, limits.h_kl], axis=1)
    np.testing.assert_allclose(result, expected, atol=6e-7)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 0.3, 5.0, 100.0])
@pytest.mark.parametrize(
    "eigvals",
    [[1.0], [3.0, 0.1, 0.0], list(np.geomspace(1e-12, 1e12, 9)), [1.0, 1e-30]],
    ids=["one", "zero", "decades", "tiny"],
)
def test_gaussian_thresholds_to_forty_digits(alpha, eigvals):
    limits = kde_thresholds(alpha, eigvals=eigvals)
    result = limits.h_clt, limits.h_g, limits.h_kl
    # Rounding of I, some 1e-16·t for t = sqrt(α), moves log λ by 1e-16/t.
    np.testing.assert_allclose(result, mp_limits(alpha, eigvals), rtol=1e-12 + 1e-15 / alpha**0.5)


@given(
    alpha=st.floats(1e-3, 3.0),
    scale=st.floats(-300, 300),
    spread=st.lists(st.floats(-20, 20), min_size=1, max_size=8),
)
def test_thresholds_follow_the_units_and_their_order(alpha, scale, spread):
    eigvals = np.exp(spread)
    limits = kde_thresholds(alpha, eigvals=eigvals)
    scaled = kde_thresholds(alpha, eigvals=eigvals * math.exp(scale))
    for name in ("h_clt", "h_g", "h_kl"):
        ratio = getattr(scaled, name) / getattr(limits, name)
        assert math.log(ratio) == pytest.approx(scale / 2, abs=1e-10)
    # 2 λ_c E_c = mean(1 - u²) < 1 with u = 1/(1 + λ_c s): the optimum is condensed.
    assert limits.h_kl < limits.h_g < limits.h_clt
    assert limits.stable_index(limits.h_g) == pytest.approx(1.0)
    assert limits.stable_index(limits.h_clt) == pytest.approx(2.0)


def test_directions_without_variance_count_in_the_dimension_alone():
    alpha, share = 0.2, 0.25
    whole = kde_thresholds(alpha, eigvals=[2.0, 0.0, 0.0, 0.0])
    part = kde_thresholds(alpha / share, eigvals=[2.0])
    assert whole.h_g == pytest.approx(part.h_g, rel=1e-12)
    assert whole.h_kl == pytest.approx(math.sqrt(share) * part.h_kl, rel=1e-12)


def test_the_smoothed_density_is_the_convolution():
    # (1/d) log N(y; 0, Σ + h²) at a y of the mean square s in each direction.
    s, h = np.geomspace(0.05, 5, 40), np.geomspace(0.1, 3, 9)
    total = s[:, None] + h**2
    expected = -0.5 * np.mean(np.log(2 * np.pi * total) + s[:, None] / total, axis=0)
    limits = kde_thresholds(0.3, eigvals=s)
    np.testing.assert_allclose(limits.smoothed_log_density(h), expected, rtol=1e-11)
    typical = limits.typical_log_density(h)
    frozen = h < limits.h_g
    np.testing.assert_array_equal(typical[~frozen], limits.smoothed_log_density(h[~frozen]))
    assert np.all(typical[frozen] < expected[frozen])


# --- Other kernels -------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", SMOOTH)
def test_the_optimum_is_where_the_typical_density_is_largest(kernel):
    limits = kde_thresholds(0.3, eigvals=[0.1, 1.0, 4.0], kernel=kernel, n_features=60)
    assert limits.h_kl < limits.h_g
    h = limits.h_kl * np.geomspace(0.5, 4.0, 301)
    typical = limits.typical_log_density(h)
    best = h[np.argmax(typical)]
    assert best == pytest.approx(limits.h_kl, rel=math.log(8) / 300)
    # Continuous, and so is its slope, where the estimate condenses.
    near = np.diff(limits.typical_log_density(limits.h_g * np.exp([-1e-4, 0, 1e-4])))
    assert near[0] == pytest.approx(near[1], abs=1e-7)  # of a value of 4e-5
    assert limits.stable_index(limits.h_kl) == pytest.approx(
        kde_thresholds(0.3, eigvals=[0.1, 1.0, 4.0]).stable_index(
            kde_thresholds(0.3, eigvals=[0.1, 1.0, 4.0]).h_kl
        )
    )


@pytest.mark.parametrize("d", [5, 400])
def test_the_exponential_kernel_has_closed_forms(d):
    # κ = sqrt(2E/d)/h, so μ = λ h sqrt(2dE), and h_kl = sqrt(2E/d).
    gaussian = kde_thresholds(0.3)
    rate, energy = gaussian.h_g**-2, gaussian.h_kl**2 / 2
    limits = kde_thresholds(0.3, kernel="exponential", n_features=d)
    assert limits.h_g == pytest.approx(1 / (rate * math.sqrt(2 * d * energy)))
    assert limits.h_clt == pytest.approx(2 * limits.h_g)
    assert limits.h_kl == pytest.approx(math.sqrt(2 * energy / d))


@pytest.mark.parametrize("kernel", BOUNDED)
def test_kernels_of_bounded_support_have_one_threshold(kernel):
    gaussian = kde_thresholds(0.3)
    limits = kde_thresholds(0.3, kernel=kernel, n_features=50)
    # The radius that reaches the nearest point: sqrt(2dE_c).
    assert limits.h_g == pytest.approx(math.sqrt(50) * gaussian.h_kl)
    assert limits.h_g == limits.h_clt == limits.h_kl
    np.testing.assert_array_equal(
        limits.stable_index(limits.h_g * np.array([0.99, 1.01])), [0, np.inf]
    )
    h = limits.h_g * np.array([0.99, 1.001, 1.1, 1.5])
    typical = limits.typical_log_density(h)
    assert typical[0] == -np.inf
    assert np.all(np.diff(typical[1:]) < 0)


def test_a_support_that_reaches_everything_leaves_the_volume():
    limits = kde_thresholds(0.3, kernel="tophat", n_features=50)
    h = 1e4
    log_volume = PROFILES["tophat"].log_normalizer(50) / 50 + math.log(h)
    assert limits.smoothed_log_density(h) == pytest.approx(-log_volume)


# --- Against simulation --------------------------------------------------------------------------


def nearest_squared_distances(rng, d, log_n, count):
    """The least of ``n`` squared distances from a typical point of N(0, I), exactly.

    The cumulative probabilities of the nearest are the arrivals of a Poisson process of rate n.
    """
    squared_norm = rng.chisquare(d)
    grid = d * np.linspace(0.2, 1.2, 500)
    with np.errstate(divide="ignore", under="ignore"):
        log_cdf = stats.ncx2.logcdf(grid, d, squared_norm)
    arrivals = np.log(np.cumsum(rng.exponential(size=count))) - log_n
    return np.interp(arrivals, log_cdf[np.isfinite(log_cdf)], grid[np.isfinite(log_cdf)])


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_the_optimum_and_the_shares_against_simulation(rng, kernel):
    # n = exp(240) points in 800 dimensions. Below h_g the points beyond the nearest 1000 add a
    # share of about 1000^(1 - 1/μ), under a fifth at the largest μ here, and smoothly in h.
    alpha, d = 0.3, 800
    limits = kde_thresholds(alpha, kernel=kernel, n_features=d)
    squared = [nearest_squared_distances(rng, d, alpha * d, 1000) for _ in range(80)]
    h = limits.h_kl * np.geomspace(0.9, 1.12, 31)
    log_kernel = PROFILES[kernel].log_values
    mean = np.mean(
        [logsumexp(log_kernel(np, r[:, None] / h**2), axis=0) for r in squared], axis=0
    ) - d * np.log(h)
    # Three standard errors over 80 queries are 1 %, and the term of the finite size is as much:
    # it falls as 1/d from 5 % at d = 100 in docs/benchmarks/regimes.rst.
    assert h[np.argmax(mean)] == pytest.approx(limits.h_kl, rel=0.02)
    h_half = limits.h_g / (math.sqrt(2) if kernel == "gaussian" else 2)  # index one half
    shares = []
    for r in squared:
        log_terms = log_kernel(np, r / h_half**2)
        shares.append(np.exp(logsumexp(2 * log_terms) - 2 * logsumexp(log_terms)))
    # E Σp² = 1 - μ = 1/2; its standard deviation is below 0.3, so three standard errors are 0.1.
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


# --- Arrays and bad input ------------------------------------------------------------------------


def test_arrays_of_alpha_and_bandwidths():
    alpha = np.array([[0.1], [0.5]])
    limits = kde_thresholds(alpha, kernel="logistic", n_features=20)
    assert limits.h_g.shape == (2, 1)
    h = np.array([0.05, 0.2, 1.0])
    for method in ("stable_index", "typical_log_density", "smoothed_log_density"):
        values = np.broadcast_to(getattr(limits, method)(h), (2, 3))
        for i in range(2):
            alone = kde_thresholds(alpha[i, 0], kernel="logistic", n_features=20)
            np.testing.assert_allclose(values[i], getattr(alone, method)(h), rtol=1e-12)
    assert isinstance(alone.h_g, float)
    assert isinstance(alone.stable_index(0.5), float)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha=0.0 is not positive"),
        ({"alpha": np.nan}, "alpha=nan is not positive"),
        ({"alpha": []}, "alpha=.* is not positive"),
        ({"alpha": "large"}, "alpha='large' is not numeric"),
        ({"alpha": 1.0, "kernel": "box"}, "kernel='box' is not one of"),
        ({"alpha": 1.0, "eigvals": [[1.0]]}, r"eigvals has shape \(1, 1\)"),
        ({"alpha": 1.0, "eigvals": []}, r"eigvals has shape \(0,\)"),
        ({"alpha": 1.0, "eigvals": ["a"]}, "eigvals=.* is not numeric"),
        ({"alpha": 1.0, "eigvals": [1.0, -1e-9]}, "not negative; got values from -1e-09"),
        ({"alpha": 1.0, "eigvals": [np.inf]}, "eigvals are variances, finite"),
        ({"alpha": 1.0, "eigvals": [0.0, 0.0]}, "eigvals are all zero"),
        ({"alpha": 1.0, "kernel": "tophat"}, "depend on the dimension; give n_features"),
        ({"alpha": 1.0, "n_features": 0}, "n_features=0 is not a positive integer"),
        ({"alpha": 100.0, "eigvals": [1.0] + [0.0] * 50}, "outside the range of floating point"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kde_thresholds(**arguments)


def test_bad_bandwidths():
    limits = kde_thresholds(0.3)
    for method in (limits.stable_index, limits.typical_log_density, limits.smoothed_log_density):
        with pytest.raises(ValueError, match="h=-1.0 is not positive"):
            method(-1.0)


# --- bandwidth='kl' ------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", SMOOTH)
def test_kl_is_the_threshold_of_the_datas_covariance(rng, kernel):
    X = rng.normal(size=(300, 12)) * np.geomspace(0.1, 10, 12)
    weights = rng.gamma(1.0, size=300)
    kde = KernelDensity(bandwidth="kl", kernel=kernel).fit(X, sample_weight=weights)
    eigvals = np.linalg.eigvalsh(np.cov(X.T, aweights=weights))
    alpha = math.log(kde.n_eff_) / 12
    expected = kde_thresholds(alpha, eigvals=eigvals, kernel=kernel, n_features=12).h_kl
    assert kde.bandwidth_ == pytest.approx(expected, rel=1e-10)


def test_kl_is_near_the_best_held_out_bandwidth_in_many_dimensions(rng):
    X, Y = rng.normal(size=(1000, 60)), rng.normal(size=(200, 60))
    h = KernelDensity(bandwidth="kl").fit(X).bandwidth_
    scores = [KernelDensity(bandwidth=h * f).fit(X).score(Y) / 200 for f in (0.8, 1.0, 1.4)]
    # Some 5 % low at this size, so the best lies between the outer two.
    assert scores[1] > max(scores[0], scores[2])


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_kl_follows_the_units_and_takes_singular_covariances(rng, scale):
    X = rng.normal(size=(40, 50))
    X[:, 3] = 7.0
    X[:, 5] = X[:, 6]
    h = KernelDensity(bandwidth="kl").fit(X).bandwidth_
    scaled = KernelDensity(bandwidth="kl").fit(X * scale)
    assert scaled.bandwidth_ == pytest.approx(h * scale, rel=1e-9)


def test_kl_refuses_what_it_cannot_do(rng):
    X = rng.normal(size=(40, 3))
    with pytest.raises(ValueError, match="kernel='tophat' gives an infinite divergence"):
        KernelDensity(bandwidth="kl", kernel="tophat").fit(X)
    with pytest.raises(ValueError, match="n_samples=1"):
        KernelDensity(bandwidth="kl").fit(X[:1])
    with pytest.raises(SingularCovarianceError, match="all rows of X are the same"):
        KernelDensity(bandwidth="kl").fit(np.ones((5, 3)))


def test_kernels_with_a_power_for_a_tail_have_no_thresholds(rng):
    message = r"'cauchy' falls like a power of the distance.*effective_samples"
    with pytest.raises(ValueError, match=message):
        kde_thresholds(0.3, kernel="cauchy", n_features=5)
    X = rng.normal(size=(40, 5))
    with pytest.raises(ValueError, match=message):
        KernelDensity(bandwidth=1.0, kernel="cauchy").fit(X).regime()
    with pytest.raises(ValueError, match=message):
        KernelDensity(bandwidth="kl", kernel="cauchy").fit(X)

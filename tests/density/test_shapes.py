"""Gradients, distribution functions, marginals and conditionals of a kernel density."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import FORMULAS, MP_FORMULAS, STUDENT, brute_log_density, log_profile
from scipy import stats
from scipy.integrate import quad

from kernlab._core.namespace import to_numpy
from kernlab.density import KernelDensity
from kernlab.kernels import PROFILES, student_t
from kernlab.kernels._profiles import profile_of

SLOPING = [name for name in PROFILES if name != "tophat"]


# --- Gradients -----------------------------------------------------------------------------------


def log_slope(kernel, u, d):
    """d log K / du by a central difference in mpmath, exact to double precision."""
    with mpmath.workdps(40):
        if kernel in STUDENT:
            df = mpmath.mpf(STUDENT[kernel])
            return float(-(df + d) * u / (df + mpmath.mpf(u) ** 2))
        return float(mpmath.diff(lambda t: mpmath.log(MP_FORMULAS[kernel](t)), mpmath.mpf(u)))


@pytest.mark.parametrize("kernel", [*SLOPING, "student_t(df=3)"])
def test_pull_is_the_slope_of_the_logarithm(kernel):
    profile = profile_of(kernel)
    u = np.array([1e-3, 0.1, 0.5, 0.9, 0.999])
    expected = [-log_slope(kernel, t, 3) / t for t in u]
    pull = profile.pull(np, u**2, *profile.parameters(3))
    np.testing.assert_allclose(pull, expected, rtol=1e-9)
    if profile.bounded:
        np.testing.assert_array_equal(profile.pull(np, np.array([1.0, 9.0])), 0)


def brute_gradient(kernel, queries, points, root, weights):
    """By the definition, with differences taken first; ``root`` is a matrix."""
    d = points.shape[1]
    profile = profile_of(kernel)
    gradients = []
    for y in queries:
        z = np.linalg.solve(root, (points - y).T).T
        squared = np.sum(z**2, axis=1)
        with np.errstate(divide="ignore"):
            log_terms = log_profile(kernel, np.sqrt(squared), d) + np.log(weights)
        shares = np.exp(log_terms - np.logaddexp.reduce(log_terms))
        pull = profile.pull(np, squared, *profile.parameters(d))
        gradients.append(np.linalg.solve(root.T, (shares * pull) @ z))
    return np.array(gradients)


@pytest.mark.parametrize("d", [1, 3, 12])
@pytest.mark.parametrize("kernel", [*SLOPING, "student_t(df=3)"])
def test_gradient_against_the_definition(rng, kernel, d):
    X, Y = rng.normal(size=(1500, d)), rng.normal(size=(70, d))
    weights = rng.gamma(1.0, size=1500)
    mixing = rng.normal(size=(d, d))
    H = 2 * d * (mixing @ mixing.T / d + np.eye(d))
    kde = KernelDensity(kernel=profile_of(kernel), bandwidth=H).fit(X, sample_weight=weights)
    expected = brute_gradient(kernel, Y, X, np.linalg.cholesky(H), weights)
    # Terms at the edge of a bounded kernel and near a cusp magnify the rounding of coordinates.
    np.testing.assert_allclose(kde.score_gradient(Y), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kernel", ["gaussian", "matern52", "cauchy", "triweight"])
def test_gradient_is_what_differences_of_the_log_density_tend_to(rng, kernel):
    X, Y = rng.normal(size=(200, 2)), rng.normal(size=(5, 2))
    kde = KernelDensity(kernel=kernel, bandwidth=[2.0, 3.0]).fit(X)
    for k in range(2):
        step = 1e-5 * np.eye(2)[k]
        slope = (kde.score_samples(Y + step) - kde.score_samples(Y - step)) / 2e-5
        np.testing.assert_allclose(kde.score_gradient(Y)[:, k], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("distance", [1e3, 1e8, 1e140])
def test_gradient_far_away(distance):
    X = np.array([[0.0, 0.0], [0.0, 1.0]])
    Y = np.array([[distance, 0.5]])
    gaussian = KernelDensity(bandwidth=2.0).fit(X).score_gradient(Y)
    np.testing.assert_allclose(gaussian, [[-distance / 4, 0.0]], rtol=1e-14)
    slope = KernelDensity(kernel="exponential", bandwidth=2.0).fit(X).score_gradient(Y)
    np.testing.assert_allclose(slope[0, 0], -0.5, rtol=1e-6)
    heavy = KernelDensity(kernel="cauchy", bandwidth=2.0).fit(X).score_gradient(Y)
    np.testing.assert_allclose(heavy[0, 0], -3 / distance, rtol=1e-4)


def test_gradient_beside_clusters_far_apart(rng):
    X = np.round(rng.normal(size=(300, 3)) * 1024) / 1024
    X += np.where(np.arange(300)[:, None] % 2, 1e8, -1e8)
    Y = X[:20] + 0.25
    kde = KernelDensity(bandwidth=0.8).fit(X)
    expected = brute_gradient("gaussian", Y, X, 0.8 * np.eye(3), np.ones(300))
    np.testing.assert_allclose(kde.score_gradient(Y), expected, rtol=1e-11, atol=1e-11)


def test_gradient_where_there_is_none():
    kde = KernelDensity(kernel="linear", bandwidth=1.0).fit([[0.0]])
    np.testing.assert_array_equal(
        kde.score_gradient([[0.0], [0.5], [1.0], [3.0], [1e200]]), [[0], [-2], *[[np.nan]] * 3]
    )
    far = KernelDensity(bandwidth=1.0).fit([[0.0]]).score_gradient([[1e151]])
    assert np.isnan(far).all()
    with pytest.raises(ValueError, match="kernel='tophat' makes a density of steps.*epanechnikov"):
        KernelDensity(kernel="tophat", bandwidth=1.0).fit([[0.0]]).score_gradient([[0.0]])


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-100, 1e100), seed=st.integers(0, 99), d=st.integers(1, 11))
def test_gradient_follows_units_and_offsets(scale, seed, d):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(40, d)), rng.normal(size=(6, d))
    plain = KernelDensity(bandwidth=0.7).fit(X).score_gradient(Y)
    shift = rng.integers(-4, 5, size=d) * scale
    moved = KernelDensity(bandwidth=0.7 * scale).fit(X * scale + shift)
    np.testing.assert_allclose(
        moved.score_gradient(Y * scale + shift) * scale, plain, rtol=1e-11, atol=1e-11
    )


def test_gradient_does_not_depend_on_threads(rng):
    X, Y = rng.normal(size=(300, 12)), rng.normal(size=(200, 12))
    one = KernelDensity(n_jobs=1).fit(X).score_gradient(Y)
    np.testing.assert_array_equal(KernelDensity(n_jobs=3).fit(X).score_gradient(Y), one)


@pytest.mark.parametrize("kernel", ["gaussian", "epanechnikov", "cauchy"])
def test_gradient_on_arrays_of_other_libraries(xp, rng, kernel):
    X, Y = rng.normal(size=(90, 3)), rng.normal(size=(20, 3))
    X[:45] += 1e5
    for bandwidth in (1.5, np.eye(3) + 0.5):
        ours = KernelDensity(kernel=kernel, bandwidth=bandwidth)
        expected = ours.fit(X).score_gradient(Y)
        result = ours.fit(xp.asarray(X)).score_gradient(xp.asarray(Y))
        np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-10, atol=1e-10)


# --- Distribution functions ----------------------------------------------------------------------


@pytest.mark.parametrize("kernel", FORMULAS)
def test_tail_against_quadrature(kernel):
    formula, support = FORMULAS[kernel]
    support = min(support, 60.0)  # what lies beyond is below 1e-25 of all
    total = 2 * quad(formula, 0, support, epsabs=0, epsrel=1e-12)[0]
    for u in (0.0, 0.01, 0.3, 0.7, 0.999):
        mass = quad(formula, u, support, epsabs=0, epsrel=1e-12)[0] / total
        assert PROFILES[kernel].tail(np.array([u]))[0] == pytest.approx(mass, rel=2e-12)
    assert PROFILES[kernel].tail(np.array([np.inf]))[0] == 0
    if PROFILES[kernel].bounded:
        np.testing.assert_array_equal(PROFILES[kernel].tail(np.array([1.0, 7.0])), 0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", [*PROFILES, "student_t(df=3)"])
def test_distribution_function_and_quantiles(rng, kernel, weighted):
    n = 1300 if kernel == "gaussian" else 150  # more than one chunk, and less
    X = rng.normal(size=(n, 1)) * 3 + 50
    weights = rng.gamma(1.0, size=n) if weighted else None
    kde = KernelDensity(kernel=profile_of(kernel), bandwidth=0.8)
    kde.fit(X, sample_weight=weights)
    grid = np.linspace(30, 70, 301)
    below = kde.cdf(grid[:, None])
    assert (np.diff(below) >= 0).all()
    assert ((below >= 0) & (below <= 1)).all()
    middle = (grid[1:, None] + grid[:-1, None]) / 2
    density = np.exp(brute_log_density(kernel, middle, X, 0.8, weights))
    # The midpoint rule, over steps of a sixth of a bandwidth; a jump at most halves one term, of
    # height up to 5/n under these weights, and two may share a step.
    jumps = 5 / n / 0.8 if kernel == "tophat" else 2e-3
    np.testing.assert_allclose(np.diff(below) / np.diff(grid), density, atol=jumps)
    q = np.array([[1e-9, 1e-3, 0.2], [0.5, 0.77, 1 - 1e-6]])
    quantiles = kde.ppf(q)
    assert quantiles.shape == q.shape
    # A quantile is right to its last digits, and the cdf there to those times the density.
    reached = kde.cdf(quantiles.reshape(-1, 1)).reshape(q.shape)
    np.testing.assert_allclose(reached, q, rtol=1e-9, atol=1e-14)


def test_distribution_function_in_the_tails():
    kde = KernelDensity(bandwidth=1.0).fit([[0.0], [3.0]])
    with mpmath.workdps(30):
        exact = float((mpmath.ncdf(-35) + mpmath.ncdf(-38)) / 2)
    assert kde.cdf([[-35.0]])[0] == pytest.approx(exact, rel=1e-13)
    assert kde.ppf(exact) == pytest.approx(-35.0, rel=1e-13)
    np.testing.assert_array_equal(kde.cdf([[-1e308], [1e308]]), [0, 1])


def test_quantiles_of_one_kernel_are_scipys():
    q = np.array([1e-60, 1e-12, 0.3, 0.9])
    for kernel, law in (
        ("gaussian", stats.norm),
        ("cauchy", stats.cauchy),
        (student_t(0.5), stats.t(0.5)),
        ("logistic", stats.logistic),
        ("exponential", stats.laplace),
        ("tophat", stats.uniform(-1, 2)),
    ):
        kde = KernelDensity(kernel=kernel, bandwidth=2.0).fit([[5.0]])
        # scipy's own inverses are right to about ten digits for Student's t.
        np.testing.assert_allclose(kde.ppf(q), 5 + 2 * law.ppf(q), rtol=1e-9)
    far = KernelDensity(kernel="cauchy", bandwidth=1.0).fit([[0.0]])
    assert far.ppf(1e-200) == pytest.approx(-1e200 / np.pi, rel=1e-12)
    assert far.cdf([[-1e200]])[0] == pytest.approx(1e-200 / np.pi, rel=1e-12)
    beyond = KernelDensity(kernel=student_t(0.5), bandwidth=1.0).fit([[0.0]])
    assert beyond.ppf(1e-200) == -np.inf  # -1e399


def test_ends_and_gaps_of_the_support():
    kde = KernelDensity(kernel="biweight", bandwidth=1.0).fit(
        [[0.0], [10.0], [99.0]], sample_weight=[1, 1, 0]
    )
    np.testing.assert_allclose(kde.ppf([0, 0.5, 1]), [-1.0, 1.0, 11.0], rtol=1e-5)
    np.testing.assert_array_equal(
        KernelDensity(bandwidth=1.0).fit([[0.0]]).ppf([0, 1]), [-np.inf, np.inf]
    )


def test_quantiles_of_points_millions_of_bandwidths_apart():
    kde = KernelDensity(bandwidth=1e-3).fit([[-1e6], [1e6]])
    np.testing.assert_allclose(kde.ppf([0.25, 0.75]), [-1e6, 1e6], rtol=1e-14)
    assert kde.cdf([[0.0]])[0] == 0.5


def test_bad_input_of_the_distribution_function(rng):
    kde = KernelDensity(bandwidth=1.0).fit(rng.normal(size=(9, 2)))
    for call in (lambda: kde.cdf([[0.0, 0.0]]), lambda: kde.ppf(0.5)):
        with pytest.raises(ValueError, match=r"one feature, and .* fitted on 2; take marginal"):
            call()
    kde.fit([[0.0], [1.0]])
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="q=.* is not a probability"):
            kde.ppf([0.5, wrong])


def test_distribution_functions_are_for_numpy(xp):
    kde = KernelDensity(bandwidth=1.0).fit(xp.asarray([[0.0], [1.0]]))
    with pytest.raises(ValueError, match="cdf is for NumPy arrays.*fit on their NumPy copy"):
        kde.cdf(xp.asarray([[0.0]]))


# --- Marginals and conditionals ------------------------------------------------------------------


def bandwidths(rng, d):
    mixing = rng.normal(size=(d, d))
    return 0.9, np.linspace(0.5, 1.5, d), mixing @ mixing.T + 0.5 * np.eye(d)


@pytest.mark.parametrize("kernel", ["gaussian", student_t(3)])
def test_marginal_is_the_integral(rng, kernel):
    X = rng.normal(size=(40, 2))
    for bandwidth in bandwidths(rng, 2):
        kde = KernelDensity(kernel=kernel, bandwidth=bandwidth).fit(
            X, sample_weight=rng.gamma(1.0, size=40)
        )
        marginal = kde.marginal(1)
        for y in (-0.7, 2.0):
            # The trapezoid rule after t = sinh(sinh(s)), under which it converges geometrically
            # also for the power tail of Student's t.
            s = np.linspace(-4.2, 4.2, 1601)
            t = np.sinh(np.sinh(s))
            weights = np.cosh(np.sinh(s)) * np.cosh(s) * (s[1] - s[0])
            joint = kde.score_samples(np.column_stack([t, np.full_like(t, y)]))
            mass = np.sum(np.exp(joint) * weights)
            assert np.exp(marginal.score_samples([[y]])[0]) == pytest.approx(mass, rel=1e-8)


def test_conditional_is_the_ratio_of_joint_and_marginal(rng):
    X = rng.normal(size=(60, 4)) + 5
    for bandwidth in bandwidths(rng, 4):
        kde = KernelDensity(bandwidth=bandwidth).fit(X, sample_weight=rng.gamma(1.0, size=60))
        # The last so far that every weight underflows unless taken relatively.
        for values in ([5.0, 4.2], [-60.0, 30.0]):
            conditional = kde.condition([3, 1], values)
            Y = rng.normal(size=(5, 2)) + 5
            joint = np.column_stack([Y[:, 0], np.full(5, values[1]), Y[:, 1], [values[0]] * 5])
            expected = kde.score_samples(joint)
            expected -= kde.marginal([3, 1]).score_samples([values])[0]
            np.testing.assert_allclose(
                conditional.score_samples(Y), expected, rtol=1e-10, atol=1e-9
            )


def test_names_and_orders_of_features(rng):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    kde = KernelDensity().fit(X)
    swapped = kde.marginal(["c", "a"])
    assert list(swapped.feature_names_in_) == ["c", "a"]
    np.testing.assert_allclose(
        swapped.score_samples(X[["c", "a"]]),
        kde.marginal([2, 0]).score_samples(X[["c", "a"]]),
        rtol=1e-14,
    )
    conditional = kde.condition("b", 0.3)
    assert list(conditional.feature_names_in_) == ["a", "c"]
    assert conditional.n_eff_ <= kde.n_eff_
    # Any kernel may have its features reordered.
    bounded = KernelDensity(kernel="linear", bandwidth=3.0).fit(X)
    np.testing.assert_allclose(
        bounded.marginal(["b", "c", "a"]).score_samples(X[["b", "c", "a"]]),
        bounded.score_samples(X),
        rtol=1e-12,
    )


def test_marginals_and_conditionals_of_other_arrays(xp, rng):
    X = rng.normal(size=(50, 3))
    kde = KernelDensity().fit(X)
    foreign = KernelDensity().fit(xp.asarray(X))
    Y = rng.normal(size=(4, 2))
    for take in (lambda k: k.marginal([0, 2]), lambda k: k.condition(1, 0.4)):
        np.testing.assert_allclose(
            to_numpy(take(foreign).score_samples(xp.asarray(Y))),
            take(kde).score_samples(Y),
            rtol=1e-10,
        )


def test_bad_marginals_and_conditionals(rng):
    kde = KernelDensity(bandwidth=1.0).fit(rng.normal(size=(20, 3)))
    for features, message in (
        ([], "must be one or more, each once"),
        ([0, 0], "must be one or more, each once"),
        (3, "features holds 3; give numbers from 0 to 2"),
        ("x", "features holds 'x'; give numbers"),
        ([True], "features holds True"),
        (1.0, "features=1.0 is neither a feature nor a list of them; give a number from 0 to 2"),
        (None, "features=None is neither"),
        ({0: 1.0}, r"features=\{0: 1.0\} is neither"),
        ({0, 1}, r"features=\{0, 1\} is neither"),
        ([[0], [1]], "features=.* is neither"),
    ):
        with pytest.raises(ValueError, match=message):
            kde.marginal(features)
        with pytest.raises(ValueError, match=message):
            kde.condition(features, 0.0)
    with pytest.raises(ValueError, match="are all there are; give fewer"):
        kde.condition([0, 1, 2], [0.0, 0.0, 0.0])
    for values in ([0.0], [0.0, np.nan], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match="must be 2 finite numbers, one for each of features"):
            kde.condition([0, 1], values)
    for values in ({0: 1.0}, "a", [1.0, [2.0]]):
        with pytest.raises(ValueError, match="values=.* is not numeric .*give a number, or a list"):
            kde.condition(0, values)
    with pytest.raises(ValueError, match="values lie more than 1e150 bandwidths from every point"):
        kde.condition(0, 1e200)
    other = KernelDensity(kernel="cauchy", bandwidth=1.0).fit(rng.normal(size=(20, 3)))
    with pytest.raises(ValueError, match="conditionals of kernel='cauchy' are not sums of one"):
        other.condition(0, 0.0)
    other.set_params(kernel="tricube").fit(rng.normal(size=(20, 3)))
    with pytest.raises(ValueError, match="marginals of kernel='tricube' are not kernels of that"):
        other.marginal(0)

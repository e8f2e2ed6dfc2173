"""Private kernel sums: right sums, predicted noise, sensitivities that no record exceeds."""

import math
from functools import partial

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from oracles import realised_noise, record_spent
from scipy.spatial.distance import cdist

from kernlab.privacy import PrivacyBudget, PrivateKernelSum

TEST_NOISE = {"noise": "insecure-test"}
# Noise so small that only what the statistics lose is left.
QUIET = {"epsilon": 10**9, "projection_seed": 0, **TEST_NOISE}
KERNELS = {
    "gaussian": ({"kernel": "gaussian"}, "sqeuclidean", lambda u: np.exp(-u / 2)),
    "exponential": ({"kernel": "exponential"}, "euclidean", lambda u: np.exp(-u)),
    "laplacian": ({"kernel": "laplacian"}, "cityblock", lambda u: np.exp(-u)),
    "cauchy": ({"kernel": "cauchy"}, "sqeuclidean", lambda u: 1 / (1 + u)),
    "rational": ({"kernel": "rational"}, "euclidean", lambda u: 1 / (1 + u)),
    "rational-0.6": (
        {"kernel": "rational", "beta": 0.6},
        "euclidean",
        lambda u: 1 / (1 + u**0.6),
    ),
    "rational-l1": ({"kernel": "rational", "norm": "l1"}, "cityblock", lambda u: 1 / (1 + u)),
}
OF_THE_1_NORM = ("laplacian", "rational-l1")
BANDWIDTH = 0.8


def exact_sums(name, X, Y):
    _, metric, profile = KERNELS[name]
    return profile(cdist(Y / BANDWIDTH, X / BANDWIDTH, metric)).sum(axis=1)


def combinations():
    for name in KERNELS:
        yield name, {"features": "orthogonal"}
        yield name, {"features": "iid"}
        yield (
            (name, {"features": "race"}) if name in OF_THE_1_NORM else (name, {"features": "sorf"})
        )
    yield "gaussian", {"features": "fast-gauss", "bounds": (-2, 3)}


@pytest.mark.parametrize(("name", "options"), list(combinations()), ids=str)
def test_without_noise_the_sums_are_those_of_the_definition(name, options, rng):
    n, m = 1000, 1024
    X, Y = rng.uniform(-1, 1, (n, 2)), rng.uniform(-2, 2, (50, 2))
    options = {"bandwidth": BANDWIDTH, "n_features": m, **KERNELS[name][0], **options}
    fitted = PrivateKernelSum(**options, **QUIET).fit(X)
    errors = fitted.query(Y) - exact_sums(name, X, Y)
    # Five standard deviations of means of m independent cosines, of m indicators; or the bound.
    tolerance = 5 * n / math.sqrt(2 * m)
    if options.get("features") == "fast-gauss":
        tolerance = 1e-4 * n
    assert np.abs(errors).max() < tolerance
    np.testing.assert_allclose(fitted.mean(Y), fitted.query(Y) / fitted.n_noisy_)


def releases():
    shared = {"bandwidth": BANDWIDTH, "n_features": 24}
    kinds = {
        "orthogonal": {},
        "race": {"kernel": "laplacian", "features": "race", "n_features": 6},
        "fast-gauss": {"features": "fast-gauss", "bounds": (-1, 1)},
    }
    for name, options in kinds.items():
        for delta in (0, 1e-6):
            for adjacency in ("add-remove", "replace"):
                yield pytest.param(
                    {**shared, **options, "delta": delta, "adjacency": adjacency},
                    id=f"{name}-{delta}-{adjacency}",
                )


@pytest.mark.parametrize("options", list(releases()))
def test_realised_noise_is_the_planned(options, rng):
    d, n = 1 if "bounds" in options else 2, 300
    X, Y = rng.uniform(-1, 1, (n, d)), rng.uniform(-1, 1, (40, d))
    shared = {"epsilon": 1, "n_hint": n, "projection_seed": 7, **TEST_NOISE, **options}
    plan = PrivateKernelSum(**shared).plan(n, d, Y)
    make, n_releases = partial(PrivateKernelSum, **shared), 100
    realised, error, covered = realised_noise(make, X, Y, n_releases)
    assert error < 0.1 * realised
    assert realised == pytest.approx(plan.noise_rms, abs=4 * error)
    # As good as one query to a release: five standard errors.
    assert covered == pytest.approx(0.95, abs=5 * math.sqrt(0.95 * 0.05 / n_releases))
    if options.get("features") != "fast-gauss":
        # The noise is the same at every query, and so planned without them.
        assert PrivateKernelSum(**shared).plan(n, d).noise_rms == pytest.approx(
            plan.noise_rms, rel=0.05
        )


FITTED = {}


@pytest.mark.parametrize("options", list(releases()))
@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(data=st.data())
def test_no_record_spends_more_than_declared(options, data):
    key = str(options)
    if key not in FITTED:
        options = {**options, "n_features": 3}
        if "bounds" in options:
            options["bandwidth"] = 3.0
        FITTED[key] = PrivateKernelSum(
            epsilon="1/3", n_hint=300, projection_seed=3, **options, **TEST_NOISE
        ).fit(np.zeros((5, 2)))
    fitted = FITTED[key]
    corner = st.sampled_from([-1.0, 0.0, 1.0, 1e300, math.nan, math.inf, -math.inf])
    number = st.one_of(corner, st.floats(-2, 2), st.floats())
    rows = [
        data.draw(st.lists(number, min_size=2, max_size=2))
        for _ in range(2 if fitted.adjacency == "replace" else 1)
    ]
    assert record_spent(fitted, *rows) <= fitted._design.spent
    epsilon, _, allotment = fitted._allotment()
    assert fitted._design.spent <= allotment
    assert fitted.epsilon_ <= epsilon


@pytest.mark.parametrize("bandwidth", [0.3, 1e6])
def test_intervals_of_moments_take_the_cells_there_are(bandwidth, rng):
    """A bandwidth reaches any number of cells beyond the box, and queries lie anywhere."""
    options = {"features": "fast-gauss", "bounds": (0, 1), "epsilon": 1, "n_hint": 50, **TEST_NOISE}
    fitted = PrivateKernelSum(bandwidth=bandwidth, **options).fit(rng.random((50, 2)))
    Y = np.array([[0.0, 1.0], [0.5, 0.2], [-2 * bandwidth, 0.5], [1e200, 0.0]])
    half = np.ptp(fitted.interval(Y), axis=1) / 2
    mechanism = fitted._design.mechanism
    (shape,) = mechanism.shapes
    # The answer is linear in the statistics: each one's weight is the answer to it alone.
    units = np.eye(math.prod(shape), dtype=np.int64)
    weights = np.array([mechanism.query(unit.reshape(shape), 0.0, Y) for unit in units]).T
    scales = np.broadcast_to(fitted.noise_scale_[0], shape).ravel()
    deviation = np.sqrt(2 * np.square(weights * scales).sum(axis=1))
    # At 95 % the quantile of one Laplace variable is 2.12 deviations, and of a normal one 1.96.
    assert np.all(half <= 2.13 * deviation)
    assert np.all(half >= 1.95 * deviation)
    assert half[3] == 0


@pytest.mark.parametrize("features", ["orthogonal", "sorf", "fast-gauss"])
def test_values_that_are_none_are_let_pass_without_a_word(features, rng):
    bounds = (-4, 4) if features == "fast-gauss" else None
    X = rng.standard_normal((200, 2))
    X[:4] = [[np.nan, 0], [np.inf, -np.inf], [1e300, -1e300], [5e-324, -0.0]]
    estimator = PrivateKernelSum(bandwidth=1, features=features, bounds=bounds, **QUIET)
    assert np.all(np.isfinite(estimator.fit(X).query(X[4:])))
    # NaN is zero.
    as_zero = X.copy()
    as_zero[0] = 0
    np.testing.assert_array_equal(
        estimator.fit(X).statistics_[0], estimator.fit(as_zero).statistics_[0]
    )


def test_order_threads_and_blocks_change_nothing(rng):
    X = rng.standard_normal((30_000, 5))
    mechanism = PrivateKernelSum(bandwidth=1, n_features=16, **QUIET).fit(X)._design.mechanism
    whole = mechanism.sums(X, n_jobs=2)[0]
    np.testing.assert_array_equal(whole, mechanism.sums(X[::-1], n_jobs=1)[0])
    parts = mechanism.sums(X[:777])[0] + mechanism.sums(X[777:])[0]
    np.testing.assert_array_equal(whole, parts)


def test_the_number_of_frequencies_follows_from_what_is_public(rng):
    X = rng.standard_normal((5000, 2))
    pure = PrivateKernelSum(bandwidth=1, epsilon=1, projection_seed=0, **TEST_NOISE).fit(X)
    m = len(pure.statistics_[0]) // 2
    # Noise 2√m/ε and error 0.15 n/√(2m) are balanced at 0.15 nε/√8.
    assert m == int(0.15 * pure.n_noisy_ / math.sqrt(8))
    hinted = PrivateKernelSum(
        bandwidth=1, epsilon=1, n_hint=20_000, projection_seed=0, **TEST_NOISE
    ).fit(X)
    assert len(hinted.statistics_[0]) // 2 == int(0.15 * 20_000 / math.sqrt(8))


@pytest.mark.parametrize("options", [{}, {"features": "fast-gauss", "bounds": ([-1, 0], 4)}])
def test_a_release_survives_its_file(options, rng, tmp_path):
    pandas = pytest.importorskip("pandas", reason="column names come with pandas")
    X = pandas.DataFrame(rng.standard_normal((50, 2)), columns=["a", "b"])
    budget = PrivacyBudget(1)
    fitted = PrivateKernelSum(bandwidth=1, epsilon="1/2", budget=budget, **TEST_NOISE, **options)
    fitted.fit(X).save(tmp_path / "release.npz")
    again = PrivateKernelSum.load(tmp_path / "release.npz")
    np.testing.assert_array_equal(again.query(X), fitted.query(X))
    np.testing.assert_array_equal(again.interval(X), fitted.interval(X))
    np.testing.assert_array_equal(again.feature_names_in_, fitted.feature_names_in_)
    assert again.epsilon_ == fitted.epsilon_
    assert again.budget is None
    assert str(again.privacy_report()) == str(fitted.privacy_report())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "tophat"}, "kernel"),
        ({"bandwidth": 0}, "bandwidth"),
        ({"bandwidth": 1e-310}, "rescale the features"),
        ({"bandwidth": 1e300, "features": "fast-gauss", "bounds": (0, 1)}, "rescale the features"),
        ({"bandwidth": math.nan}, "bandwidth"),
        ({"bandwidth": "scott"}, "bandwidth"),
        ({"epsilon": 0}, "epsilon"),
        ({"delta": 1}, "delta"),
        ({"delta": 1e-6, "noise": "builtin"}, "noise='opendp'"),
        ({"beta": 1.5}, "beta"),
        ({"kernel": "rational", "beta": 3}, "beta"),
        ({"kernel": "rational", "beta": 1.5, "norm": "l1"}, "norm='l1'"),
        ({"norm": "l1"}, "norm"),
        ({"n_features": 0}, "n_features"),
        ({"features": "race"}, "orthogonal"),
        ({"features": "fast-gauss"}, "bounds"),
        ({"bounds": (0, 1)}, "bounds"),
        ({"features": "fast-gauss", "bounds": (0, 1), "kernel": "cauchy"}, "orthogonal"),
        ({"features": "sorf", "kernel": "laplacian"}, "orthogonal"),
        ({"reduce_dim": 3}, "reduce_dim"),
        ({"reduce_dim": 2, "features": "sorf"}, "reduce_dim"),
        ({"reduce_dim": 2, "kernel": "rational", "norm": "l1"}, "reduce_dim"),
        ({"adjacency": "swap"}, "adjacency"),
        ({"n_hint": 0.5}, "n_hint"),
        ({"projection_seed": -1}, "projection_seed"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_spent(options, message):
    budget = PrivacyBudget(1)
    estimator = PrivateKernelSum(
        **{"bandwidth": 1, "epsilon": 1, "noise": "builtin", "budget": budget, **options}
    )
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(np.zeros((3, 2)))
    assert budget.spent == (0, 0)
    assert not hasattr(estimator, "statistics_")


@pytest.mark.parametrize(
    "options",
    [{"n_features": 64}, {"kernel": "laplacian", "n_features": 64, "features": "iid"}],
    ids=["gaussian", "laplacian"],
)
def test_plans_measure_the_approximation_on_a_sample(options, rng):
    """Of records like the private ones, the whole error is foreseen, frequencies included."""
    n, d = 4000, 3
    X, sample, Y = (rng.normal(size=(size, d)) for size in (n, 1000, 50))
    shared = {"bandwidth": 1.5, "epsilon": 10, "n_hint": n, "noise": "insecure-test", **options}
    plan = PrivateKernelSum(**shared).plan(n, d, Y, sample)
    exact = PrivateKernelSum(**shared)._exact_sums(X, Y)
    errors = [
        PrivateKernelSum(**shared, projection_seed=seed).fit(X).query(Y) - exact
        for seed in range(40)
    ]
    realised = np.sqrt(np.mean(np.square(errors)))
    # Eight draws of frequencies in the plan, forty here: each draw's mean square has a relative
    # standard deviation below 0.8, so the ratio of the roots one of 0.8/2 (1/8 + 1/40)^½ = 0.15.
    assert plan.rms == pytest.approx(realised, rel=0.45)
    assert plan.approximation_rms > plan.noise_rms

"""Private distance sums: right sums, predicted errors, sensitivities that no record exceeds."""

import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from oracles import realised_noise, record_spent
from scipy.spatial.distance import cdist

from kernlab.privacy import PrivateDistanceSum
from kernlab.privacy._columns import draw_directions, mean_absolute_cosine

TEST_NOISE = {"noise": "insecure-test"}
# Noise so small that only what the statistics lose is left.
QUIET = {"epsilon": 10**9, "levels": 9, **TEST_NOISE}
METRICS = {
    "l1": ({"metric": "l1"}, lambda X, Y: cdist(Y, X, "cityblock").sum(axis=1)),
    "l2": (
        {"metric": "l2", "projection_seed": 0, "n_projections": 192},
        lambda X, Y: cdist(Y, X, "euclidean").sum(axis=1),
    ),
    "sqeuclidean": (
        {"metric": "sqeuclidean"},
        lambda X, Y: cdist(Y, X, "sqeuclidean").sum(axis=1),
    ),
    "l1.5": (
        {"metric": "lp", "p": 1.5},
        lambda X, Y: (np.abs(Y[:, None] - X) ** 1.5).sum(axis=(1, 2)),
    ),
    "l3": (
        {"metric": "lp", "p": 3},
        lambda X, Y: (np.abs(Y[:, None] - X) ** 3).sum(axis=(1, 2)),
    ),
}


def mixture(rng, n, d):
    centers = rng.uniform(0.2, 0.8, (5, d))
    return np.clip(centers[rng.integers(0, 5, n)] + 0.1 * rng.standard_normal((n, d)), 0, 1)


@pytest.mark.parametrize("name", METRICS)
def test_without_noise_the_sums_are_those_of_the_definition(name, rng):
    options, exact = METRICS[name]
    X, Y = mixture(rng, 3000, 3), mixture(rng, 40, 3)
    box = np.array([-1.0, 0.0, 5.0]), np.array([1.0, 0.5, 9.0])
    X, Y = (box[0] + A * (box[1] - box[0]) for A in (X, Y))
    sums = PrivateDistanceSum(bounds=box, **QUIET, **options).fit(X).query(Y)
    # Interpolation in the finest cells; of directions, what is measured in d = 3.
    tolerance = {"l2": 0.02, "sqeuclidean": 1e-6}.get(name, 1e-3)
    np.testing.assert_allclose(sums, exact(X, Y), rtol=tolerance)


def test_in_one_dimension_l2_is_l1(rng):
    X, Y = rng.random((500, 1)), rng.random((20, 1))
    found = PrivateDistanceSum("l2", bounds=(0, 1), **QUIET).fit(X).query(Y)
    np.testing.assert_allclose(found, cdist(Y, X).sum(axis=1), rtol=1e-4)


def test_l1_queries_outside_the_box_are_extended_exactly(rng):
    X = rng.random((1000, 2))
    Y = np.array([[-3.0, 0.5], [2.0, 1.5], [-1.0, -7.0]])
    sums = PrivateDistanceSum("l1", bounds=(0, 1), **QUIET).fit(X).query(Y)
    np.testing.assert_allclose(sums, cdist(Y, X, "cityblock").sum(axis=1), rtol=1e-4)


def test_lp_queries_outside_the_box_are_refused(rng):
    fitted = PrivateDistanceSum("lp", p=2, bounds=(0, 1), **QUIET).fit(rng.random((50, 2)))
    with pytest.raises(ValueError, match="'lp'.*outside.*sqeuclidean"):
        fitted.query([[0.5, 1.5]])


def variants():
    for name, (options, _) in METRICS.items():
        for delta in (0, 1e-6):
            for adjacency in ("add-remove", "replace"):
                yield pytest.param(
                    {**options, "delta": delta, "adjacency": adjacency},
                    id=f"{name}-{delta}-{adjacency}",
                )
    yield pytest.param({"metric": "l1", "method": "dyadic"}, id="dyadic")
    yield pytest.param({"metric": "sqeuclidean", "norm_bound": 0.9, "delta": 1e-6}, id="ball")
    yield pytest.param({"metric": "l2", "norm_bound": 0.4, "projection_seed": 1}, id="l2-clipped")


@pytest.mark.parametrize("options", list(variants()))
def test_realised_noise_is_the_planned(options, rng):
    """Root mean square over releases within 15 % of the plan, and intervals that cover."""
    d, n = 3, 300
    X, Y = rng.random((n, d)), rng.random((40, d))
    shared = {"bounds": (0, 1), "epsilon": 1, "n_hint": n, "levels": 4, **TEST_NOISE, **options}
    if options["metric"] == "l2":
        shared["n_projections"] = 6
    shared.setdefault("projection_seed", 7)
    plan = PrivateDistanceSum(**shared).plan(n, d, Y)
    n_releases = 120
    realised, error, covered = realised_noise(
        lambda: PrivateDistanceSum(**shared), X, Y, n_releases
    )
    assert error < 0.1 * realised
    assert realised == pytest.approx(plan.noise_rms, abs=4 * error)
    # Four queries to a release, and these as good as the same one: 5 standard errors.
    assert covered == pytest.approx(0.95, abs=5 * math.sqrt(0.95 * 0.05 / n_releases))
    # Without the queries, the plan is for uniform ones, as these are.
    assert PrivateDistanceSum(**shared).plan(n, d).noise_rms == pytest.approx(realised, rel=0.3)


FITTED = {}


@pytest.mark.parametrize("options", list(variants()))
@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(data=st.data())
def test_no_record_spends_more_than_declared(options, data):
    key = str(options)
    if key not in FITTED:
        FITTED[key] = PrivateDistanceSum(
            bounds=([-1, 0, 2], [1, 0.5, 9]), epsilon="1/3", n_hint=300, levels=4, **TEST_NOISE
        )
        FITTED[key].set_params(**{"projection_seed": 3, **options}).fit(np.zeros((5, 3)))
    fitted = FITTED[key]
    corner = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 5.5, 9.0, math.nan, math.inf, -math.inf])
    number = st.one_of(corner, st.floats(-2, 10), st.floats())
    rows = [
        data.draw(st.lists(number, min_size=3, max_size=3))
        for _ in range(2 if fitted.adjacency == "replace" else 1)
    ]
    assert record_spent(fitted, *rows) <= fitted._design.spent
    epsilon, _, allotment = fitted._allotment()
    assert fitted._design.spent <= allotment
    assert fitted.epsilon_ <= epsilon


@pytest.mark.parametrize("norm_bound", [1e-5, 2.3e-6, 1e-6, 1e-12, 1e-50])
@pytest.mark.parametrize("delta", [0, 1e-6])
def test_no_record_spends_more_however_small_its_ball(norm_bound, delta, rng):
    """Integers of far records before they are drawn in have squares beyond 64 bits."""
    options = {"bounds": (0, 1), "norm_bound": norm_bound, "epsilon": 1, "delta": delta}
    fitted = PrivateDistanceSum("sqeuclidean", **options, **TEST_NOISE).fit(np.zeros((5, 3)))
    for x in [*rng.random((100, 3)), np.zeros(3), np.ones(3), np.full(3, np.inf)]:
        assert record_spent(fitted, x) <= fitted._design.spent
    # Towards the centre, and as far as the ball reaches.
    first, second = fitted._design.mechanism.sums(np.array([[1.0, 0.0, 0.75]]))
    reached = first * fitted._design.mechanism.step / norm_bound
    np.testing.assert_allclose(reached, np.array([2, -2, 1]) / 3, rtol=2**-14)
    assert second[0] == np.sum(first**2)


def test_a_record_moves_integers_alone_whatever_stands_beside_it(rng):
    """Permutation, blocks and threads change nothing, so that neighbours differ by one vector."""
    X = rng.standard_normal((40_000, 5)) * 2
    for options in (
        {"metric": "l2", "n_projections": 10},
        {"metric": "l1"},
        {"metric": "lp", "p": 2},
    ):
        fitted = PrivateDistanceSum(
            bounds=(-1, 1), epsilon=1, levels=5, projection_seed=0, **options, **TEST_NOISE
        ).fit(X)
        mechanism = fitted._design.mechanism
        whole = mechanism.sums(X, n_jobs=2)
        for other in (
            mechanism.sums(X[rng.permutation(len(X))], n_jobs=1),
            [a + b for a, b in zip(mechanism.sums(X[:777]), mechanism.sums(X[777:]), strict=True)],
        ):
            for a, b in zip(whole, other, strict=True):
                np.testing.assert_array_equal(a, b)


def test_the_hats_beat_the_trees(rng):
    n, d = 20_000, 8
    X, Y = mixture(rng, n, d), mixture(rng, 100, d)
    exact = cdist(Y, X, "cityblock").sum(axis=1)
    rms = {}
    for name, options in {
        "hats": {},
        "integrated": {"method": "dyadic", "alpha": 0, "levels": 7},
        "paper": {"method": "dyadic", "alpha": 0.1},
    }.items():
        errors = [
            PrivateDistanceSum(
                bounds=(0, 1), epsilon=1, projection_seed=seed, **options, **TEST_NOISE
            )
            .fit(X)
            .query(Y)
            - exact
            for seed in range(40)
        ]
        rms[name] = math.sqrt(np.mean(np.square(errors)))
    assert rms["integrated"] > 3 * rms["hats"]
    assert rms["paper"] > 25 * rms["hats"]


def test_directions_are_orthonormal_in_blocks_and_unbiased():
    U = draw_directions(6, 12, np.random.default_rng(0))
    np.testing.assert_allclose(U[:, :6].T @ U[:, :6], np.eye(6), atol=1e-12)
    np.testing.assert_allclose(U[:, 6:].T @ U[:, 6:], np.eye(6), atol=1e-12)
    u = draw_directions(5, 1, np.random.default_rng(0))
    assert np.linalg.norm(u) == pytest.approx(1.0)
    # E|⟨u, z⟩| by many draws, within five standard errors.
    for d in (2, 3, 7):
        rng = np.random.default_rng(d)
        draws = rng.standard_normal((200_000, d))
        cosines = np.abs(draws[:, 0]) / np.linalg.norm(draws, axis=1)
        assert mean_absolute_cosine(d) == pytest.approx(
            cosines.mean(), abs=5 * cosines.std() / math.sqrt(200_000)
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (1, 0)}, "low < high"),
        ({"bounds": (0, math.inf)}, "finite low < high"),
        ({"bounds": (0, math.nan)}, "finite low < high"),
        ({"bounds": ([0, 0, 0], 1)}, r"arrays of length 2"),
        ({"bounds": (0, 1, 2)}, "bounds"),
        ({"bounds": "ab"}, "bounds"),
        ({"bounds": (0, 1e300)}, "other units"),
        ({"bounds": ([0, 0], [1, 1e-300])}, "1e-300.*other units"),
        ({"metric": "sqeuclidean", "bounds": (0, 1e100)}, "other units"),
        ({"metric": "lp", "p": 8, "bounds": (0, 1e-30)}, "other units"),
        ({"metric": "l2", "norm_bound": 1e-300}, "other units"),
        ({"bounds": ([0, 0], [1, 0])}, "feature 1.*constant"),
        ({"epsilon": 0}, "epsilon"),
        ({"epsilon": -1}, "epsilon"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"epsilon": math.inf}, "epsilon"),
        ({"epsilon": "often"}, "epsilon"),
        ({"delta": 1}, "delta"),
        ({"delta": -1e-9}, "delta"),
        ({"delta": 1e-6, "noise": "builtin"}, "noise='opendp'"),
        ({"metric": "l4"}, "metric"),
        ({"metric": "lp"}, "give p"),
        ({"p": 2}, "give p"),
        ({"metric": "lp", "p": 0.5}, "'p'"),
        ({"norm_bound": 1}, "norm_bound"),
        ({"center": [0.5, 0.5]}, "center"),
        ({"metric": "l2", "center": [5, 5]}, "center"),
        ({"metric": "l2", "method": "dyadic"}, "dyadic"),
        ({"levels": 0}, "levels"),
        ({"levels": 99}, "levels"),
        ({"adjacency": "remove"}, "adjacency"),
        ({"noise": "loud"}, "noise"),
        ({"n_hint": 0}, "n_hint"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_spent(options, message):
    from kernlab.privacy import PrivacyBudget

    budget = PrivacyBudget(1)
    estimator = PrivateDistanceSum(
        **{"bounds": (0, 1), "epsilon": 1, "noise": "builtin", "budget": budget, **options}
    )
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(np.zeros((3, 2)))
    assert budget.spent == (0, 0)
    assert not hasattr(estimator, "statistics_")


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("metric", ["l1", "l2", "sqeuclidean"])
def test_far_scales_change_nothing_but_the_unit(metric, scale, rng):
    """As far as sums go; powers of two would do so bit for bit."""
    X, power = rng.random((50, 2)), 2 if metric == "sqeuclidean" else 1
    options = {"epsilon": 1, "n_hint": 50, "projection_seed": 0, **TEST_NOISE}
    size = scale ** (1 / power)
    near = PrivateDistanceSum(metric, bounds=(0, 1), **options).fit(X)
    far = PrivateDistanceSum(metric, bounds=(0, size), norm_bound=None, **options).fit(X * size)
    # A coordinate on the grid of 2^-15 or finer may round to its neighbour.
    np.testing.assert_allclose(far.query(X * size) / scale, near.query(X), rtol=0, atol=0.01)
    np.testing.assert_allclose(far.interval(X * size) / scale, near.interval(X), rtol=0, atol=0.01)


@pytest.mark.parametrize("metric", ["l1", "sqeuclidean"])
def test_queries_that_need_no_conversion_skip_no_check(metric, rng):
    X, Y = rng.random((200, 3)), rng.random((50, 3))
    fitted = PrivateDistanceSum(metric, bounds=(0, 1), **QUIET).fit(X)
    expected = fitted.query(Y.tolist())
    for same in (Y, np.asfortranarray(Y), np.repeat(Y, 2, axis=0)[::2], np.ma.asarray(Y)):
        np.testing.assert_array_equal(fitted.query(same), expected)
    for bad in (np.nan, np.inf, -np.inf):
        broken = Y.copy()
        broken[7, 1] = bad
        with pytest.raises(ValueError, match="NaN|infinity"):
            fitted.query(broken)
    with pytest.raises(ValueError, match="2 features"):
        fitted.query(Y[:, :2])
    with pytest.raises(ValueError, match="0 sample"):
        fitted.query(Y[:0])
    with pytest.raises(ValueError, match="1D array"):
        fitted.query(Y[0])
    huge = np.full((2, 3), 1e308)  # finite, though their sum is not
    assert fitted.query(huge).shape == (2,)


def test_queries_without_the_names_of_the_records_are_remarked(rng):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rng.random((200, 2)), columns=["a", "b"])
    fitted = PrivateDistanceSum("l1", bounds=(0, 1), **QUIET).fit(X)
    with pytest.warns(UserWarning, match="feature names"):
        fitted.query(X.to_numpy())

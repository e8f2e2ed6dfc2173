"""Kernel sums against brute force: the accuracy that everything else relies on."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import brute_log_sums, scaled_error

from kernlab.kernels import PROFILES, _coordinates, _sums
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import log_kernel_sums, prepare_sources, source_points

# The promise of double precision, relative to max(1, |log sum|).
EXACT = 1e-12


def log_sums(points, queries=None, *, kernel="gaussian", root=1.0, weights=None, **options):
    precision = options.pop("precision", "double")
    sources = prepare_sources(
        points, kernel=kernel, root=root, weights=weights, precision=precision
    )
    return log_kernel_sums(sources, queries, **options)[0]


def tolerance(kernel, queries, points, root, weights=None, **options):
    """EXACT, and for bounded support what rounding the coordinates does to terms near the edge."""
    if not profile_of(kernel).bounded:
        return EXACT
    with np.errstate(invalid="ignore"):
        change = 1e9 * (
            brute_log_sums(kernel, queries, points, root * (1 + 1e-9), weights, **options)
            - brute_log_sums(kernel, queries, points, root, weights, **options)
        )
    radius = np.max(np.abs(points - _coordinates.centre_of(points)) / root)
    return EXACT + np.nan_to_num(np.abs(change)) * 8 * 1.2e-16 * max(1, radius)


def bandwidth_root(kind, d):
    if kind == "float":
        return 0.8
    if kind == "vector":
        return np.linspace(0.6, 1.4, d)
    mixing = np.eye(d) + 0.3 * np.tri(d, k=-1) / d
    return np.linalg.cholesky(0.6 * mixing @ mixing.T)


@pytest.mark.parametrize("kind", ["float", "vector", "matrix"])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8, 10, 11, 40, 100])
def test_gaussian_against_brute_force(rng, d, kind):
    points = rng.normal(size=(1100, d)) + 5.0  # three tiles, the last one short
    queries = np.concatenate([rng.normal(size=(37, d)) + 5.0, points[:3], [np.full(d, 60.0)]])
    root = bandwidth_root(kind, d)
    expected = brute_log_sums("gaussian", queries, points, root)
    assert np.max(scaled_error(log_sums(points, queries, root=root), expected)) <= EXACT


def test_a_thousand_dimensions(rng):
    points = rng.normal(size=(700, 1000))
    queries = np.concatenate([rng.normal(size=(10, 1000)), points[:3]])
    for root in (1.0, 0.3):  # by matrix products, and too many bandwidths wide for those
        expected = brute_log_sums("gaussian", queries, points, root)
        assert np.max(scaled_error(log_sums(points, queries, root=root), expected)) <= EXACT


@pytest.mark.parametrize(
    ("kernel", "weighted"),
    [(kernel, False) for kernel in [*PROFILES, "student_t(df=3)"]]
    # Weights meet an energy in one line for all; to compile it takes seconds for each.
    + [(kernel, True) for kernel in PROFILES if kernel not in ("matern32", "matern52")],
)
@pytest.mark.parametrize("d", [1, 3, 20])
def test_every_kernel(rng, kernel, d, weighted):
    points = rng.normal(size=(600, d))
    queries = np.concatenate([rng.normal(size=(21, d)), points[:2], [np.full(d, 1e3)]])
    weights = rng.gamma(1.0, size=600) if weighted else None
    root = 1.1 * math.sqrt(d)
    expected = brute_log_sums(kernel, queries, points, root, weights)
    result = log_sums(points, queries, kernel=kernel, root=root, weights=weights)
    bound = tolerance(kernel, queries, points, root, weights)
    assert np.all(scaled_error(result, expected) <= bound)


@pytest.mark.parametrize("d", [1, 3, 32])
@pytest.mark.parametrize("distance", [1e3, 1e8, 1e75, 1e150])
@pytest.mark.parametrize(
    "kernel", ["gaussian", "exponential", "logistic", "matern32", "matern52", "cauchy"]
)
def test_far_queries(rng, kernel, d, distance):
    points = rng.normal(size=(600, d))
    queries = np.concatenate([rng.normal(size=(5, d)), np.full((1, d), distance / math.sqrt(d))])
    expected = brute_log_sums(kernel, queries, points, 1.0)
    assert np.isfinite(expected).all()
    assert np.max(scaled_error(log_sums(points, queries, kernel=kernel), expected)) <= EXACT


def test_beyond_the_range_of_squares(rng):
    points = rng.normal(size=(10, 2))
    queries = np.array([[1e200, 0.0], [1e308, -1e308], [0.0, 0.0]])
    assert np.isneginf(log_sums(points, queries)[:2]).all()  # log density -5e399
    for kernel, slope in (("exponential", 1), ("matern32", 3), ("matern52", 5)):
        far = log_sums(points, queries / math.sqrt(slope), kernel=kernel)
        np.testing.assert_allclose(far[:2], [-1e200, -math.sqrt(2) * 1e308], rtol=1e-12)
    far = log_sums(points, queries, kernel="cauchy")
    expected = math.log(10) - 3 * np.log([1e200, 1e308]) - [0.0, 3 / 2 * math.log(2)]
    np.testing.assert_allclose(far[:2], expected, rtol=1e-14)
    assert np.isneginf(log_sums(points, queries, kernel="cosine")[:2]).all()
    assert np.isfinite(far[2])


@pytest.mark.parametrize("kind", ["float", "vector", "matrix"])
@pytest.mark.parametrize("d", [1, 2, 8, 32])
@pytest.mark.parametrize("separation", [1e4, 1e6, 1e9])
def test_clusters_far_apart(rng, separation, d, kind):
    # Coordinates are multiples of 2^-10, so that both clusters are exact in floating point and
    # the brute force, which takes differences first, is right.
    points = np.round(rng.normal(size=(900, d)) * 1024) / 1024
    points += np.where(np.arange(900)[:, None] % 2, separation, -separation)
    queries = np.concatenate([points[:20] + 0.25, np.zeros((1, d))])
    root = bandwidth_root(kind, d)
    expected = brute_log_sums("gaussian", queries, points, root)
    assert np.max(scaled_error(log_sums(points, queries, root=root), expected)) <= EXACT


def test_outliers_far_from_everything_are_right_too(rng):
    """Near an outlier a billion bandwidths off, coordinates relative to the centre are coarse."""
    points = rng.standard_cauchy(size=(2000, 40)) * 1e3
    queries = points[:50] + rng.normal(size=(50, 40))
    for root in (1.0, bandwidth_root("matrix", 40)):
        expected = brute_log_sums("gaussian", queries, points, root)
        assert np.max(scaled_error(log_sums(points, queries, root=root), expected)) <= EXACT


def test_an_offset_costs_no_digits(rng):
    points = np.round(rng.normal(size=(500, 3)) * 1024) / 1024
    queries = points[:20] + 0.5
    here = log_sums(points, queries, root=0.25)
    there = log_sums(points + 2.0**40, queries + 2.0**40, root=0.25)
    np.testing.assert_allclose(there, here, rtol=1e-13)


def test_against_mpmath(rng):
    points, queries = rng.normal(size=(40, 5)), rng.normal(size=(4, 5)) * 3
    with mpmath.workdps(40):
        for kernel, profile in (
            ("gaussian", lambda s: mpmath.exp(-s / 2)),
            ("exponential", lambda s: mpmath.exp(-mpmath.sqrt(s))),
        ):
            result = log_sums(points, queries, kernel=kernel, root=0.1)
            for value, query in zip(result, queries, strict=True):
                terms = [
                    profile(
                        mpmath.fsum(
                            ((mpmath.mpf(a) - mpmath.mpf(b)) / mpmath.mpf(0.1)) ** 2
                            for a, b in zip(query.tolist(), point, strict=True)
                        )
                    )
                    for point in points.tolist()
                ]
                exact = float(mpmath.log(mpmath.fsum(terms)))
                assert abs(value - exact) <= 3e-15 * max(1, abs(exact))


@pytest.mark.parametrize("d", [1, 5, 20, 40])
@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "epanechnikov", "cauchy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_leaving_one_out(rng, kernel, d, weighted):
    points = rng.normal(size=(700, d))
    points[13] = 500.0  # alone: its own term would be all of the sum
    points[40] = points[41]
    weights = rng.gamma(1.0, size=700) if weighted else None
    root = 0.9 * math.sqrt(d)
    expected = brute_log_sums(kernel, points, points, root, weights, leave_out=True)
    result = log_sums(points, kernel=kernel, root=root, weights=weights)
    bound = tolerance(kernel, points, points, root, weights, leave_out=True)
    assert np.all(scaled_error(result, expected) <= bound)


@pytest.mark.parametrize("kernel", ["matern52", "cauchy"])
def test_what_is_left_out_counts_for_nothing_however_far_the_rest(kernel):
    # The excluded pair is at infinity, of which the logarithms in these kernels make 709.8.
    points = np.array([[0.0], [1e149], [-1e149]])
    expected = brute_log_sums(kernel, points, points, 1.0, leave_out=True)
    assert np.max(scaled_error(log_sums(points, kernel=kernel), expected)) <= EXACT


def test_leaving_one_out_among_clusters_far_apart(rng):
    # Enough bandwidths apart that points stand in another order, tile by tile.
    points = np.round(rng.normal(size=(1500, 33)) * 1024) / 1024
    points += 1e6 * rng.integers(-2, 3, size=(1500, 1))
    expected = brute_log_sums("gaussian", points, points, 0.7, leave_out=True)
    assert np.max(scaled_error(log_sums(points, root=0.7), expected)) <= EXACT


def test_weights_from_tiny_to_huge(rng):
    points = rng.normal(size=(600, 2))
    weights = 10.0 ** rng.uniform(-300, 300, size=600)
    queries = np.concatenate([points[:30], rng.normal(size=(10, 2)) * 30])
    expected = [
        np.logaddexp.reduce(-np.sum((q - points) ** 2, axis=1) / 2 / 0.01 + np.log(weights))
        for q in queries
    ]
    result = log_sums(points, queries, root=0.1, weights=weights)
    assert np.max(scaled_error(result, expected)) <= EXACT


def test_zero_weights_count_for_nothing(rng):
    points = rng.normal(size=(1200, 3))
    weights = np.where(np.arange(1200) < 600, 0.0, 1.0)  # all of the first tile
    for kernel in ("gaussian", "logistic", "linear"):
        np.testing.assert_allclose(
            log_sums(points, points[:40], kernel=kernel, weights=weights),
            log_sums(points[600:], points[:40], kernel=kernel),
            rtol=1e-13,
        )


@pytest.mark.parametrize("d", [2, 40])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", ["gaussian", "logistic", "biweight"])
def test_effective_number(rng, kernel, weighted, d):
    points, queries = rng.normal(size=(600, d)), rng.normal(size=(9, d))
    weights = rng.gamma(1.0, size=600) if weighted else np.ones(600)
    root = 1.3 * math.sqrt(d)
    for precision in ("double", "mixed"):
        sources = prepare_sources(
            points, kernel=kernel, root=root, weights=weights, precision=precision
        )
        sums, effective = log_kernel_sums(sources, queries, with_effective=True)
        shares = [
            np.exp(brute_log_sums(kernel, queries, points[j : j + 1], root) - sums) * weights[j]
            for j in range(600)
        ]
        np.testing.assert_allclose(effective, 1 / np.sum(np.square(shares), axis=0), rtol=1e-11)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "logistic"])
@pytest.mark.parametrize("distance", [1e3, 1e8, 1e140, 1e200])
def test_effective_number_far_away(kernel, distance):
    """Where logarithms are huge, the effective number must not be formed from them."""
    points = np.zeros((7, 2))
    sources = prepare_sources(points, kernel=kernel, root=1.0, precision="mixed")
    query = np.array([[distance, 0.0]])
    _, (effective,) = log_kernel_sums(sources, query, with_effective=True)
    beyond = kernel == "gaussian" and distance == 1e200
    assert effective == pytest.approx(0.0 if beyond else 7.0, rel=1e-14)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "logistic", "cauchy"])
@pytest.mark.parametrize("d", [1, 3, 17, 40, 300])
@pytest.mark.parametrize("spread", [1.0, 30.0, 1e5])
def test_mixed_precision_keeps_its_promise(rng, kernel, d, spread):
    points = rng.normal(size=(600, d)) + spread * rng.integers(0, 2, size=(600, 1))
    far = np.full((1, d), 1e30)
    queries = np.concatenate([points[:20] + 0.1, rng.normal(size=(5, d)) * spread, far])
    expected = brute_log_sums(kernel, queries, points, 0.9)
    result = log_sums(points, queries, kernel=kernel, root=0.9, precision="mixed")
    assert np.max(scaled_error(result, expected)) <= 1e-4


def test_mixed_precision_computes_in_single_where_it_may(rng):
    points, queries = rng.normal(size=(600, 3)), rng.normal(size=(50, 3))
    mixed = log_sums(points, queries, precision="mixed")
    double = log_sums(points, queries)
    assert np.max(np.abs(mixed - double)) < 1e-5
    assert np.all(mixed != double)


@settings(max_examples=25, deadline=None)
@given(
    d=st.sampled_from([1, 3, 20]),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 2**32 - 1),
)
def test_order_translation_and_scale_do_not_matter(d, scale, seed):
    rng = np.random.default_rng(seed)
    points, queries = rng.normal(size=(530, d)), rng.normal(size=(6, d))
    plain = log_sums(points, queries)
    tolerance = {"rtol": 1e-12, "atol": 1e-12}
    permuted = log_sums(points[rng.permutation(530)], queries)
    np.testing.assert_allclose(permuted, plain, **tolerance)
    shift = rng.integers(-4, 5, size=d) * 1.0
    np.testing.assert_allclose(log_sums(points + shift, queries + shift), plain, **tolerance)
    scaled = log_sums(points * scale, queries * scale, root=scale)
    np.testing.assert_allclose(scaled, plain, **tolerance)


@pytest.mark.parametrize("d", [2, 40])
def test_threads_and_blocks_do_not_change_a_bit(rng, d, monkeypatch):
    points, queries = rng.normal(size=(900, d)), rng.normal(size=(700, d))
    monkeypatch.setattr(_sums, "_FEWEST_PAIRS", 1)
    one = log_sums(points, queries, n_jobs=1)
    np.testing.assert_array_equal(log_sums(points, queries, n_jobs=3), one)
    monkeypatch.setattr(_sums, "_MOST_PAIRS", 1)  # 64 queries to a call
    np.testing.assert_array_equal(log_sums(points, queries, n_jobs=2), one)


def test_no_table_of_pairs_is_formed(rng):
    import tracemalloc

    points, queries = rng.normal(size=(20_000, 8)), rng.normal(size=(2_000, 8))
    log_sums(points[:600], queries[:10])  # compile first
    tracemalloc.start()
    try:
        sources = prepare_sources(points, kernel="gaussian", root=1.0)
        log_kernel_sums(sources, queries, n_jobs=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # At most five copies of the points are alive at once; a table of pairs would be 320 MB.
    assert peak < 5 * points.nbytes + 4 * queries.nbytes + 2**20


def test_source_points_are_recovered(rng):
    for spread, d in ((1.0, 3), (1e6, 3), (1e6, 40)):
        points = rng.normal(size=(1300, d)) + spread * rng.integers(-1, 2, size=(1300, 1))
        sources = prepare_sources(points, kernel="gaussian", root=bandwidth_root("matrix", d))
        np.testing.assert_allclose(source_points(sources), points, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(source_points(sources, [5, 5, 7]), points[[5, 5, 7]], rtol=1e-13)


def test_sources_pickle_as_arrays_and_scalars(rng):
    points = rng.normal(size=(50, 2))
    sources = prepare_sources(points, kernel="gaussian", root=1.0, precision="mixed")
    again = pickle.loads(pickle.dumps(sources))
    np.testing.assert_array_equal(
        log_kernel_sums(again, points)[0], log_kernel_sums(sources, points)[0]
    )
    plain = (str, int, float, np.ndarray, type(None))
    values = {**vars(sources), **sources.double._asdict(), **sources.single._asdict()}
    assert all(isinstance(v, plain) for k, v in values.items() if k not in ("double", "single"))


def test_points_too_many_bandwidths_apart_are_refused():
    points = np.array([[0.0], [1e200]])
    with pytest.raises(ValueError, match=r"bandwidth is too small for X.*larger bandwidth"):
        prepare_sources(points, kernel="gaussian", root=1e-10)


def exact_float(x):
    return mpmath.mpf(float(x))


def test_twofold_coordinates_are_right_to_twice_the_digits(rng):
    points = rng.normal(size=(30, 3)) * 1e9
    centre = _coordinates.centre_of(points)
    for root in (0.3, np.array([0.3, 7.0, 1e-3]), bandwidth_root("matrix", 3)):
        inverse = _coordinates.inverse_root(np.asarray(root))
        high, low = _coordinates.to_bandwidths_twofold(points, centre, inverse)
        full = inverse if inverse.ndim == 2 else np.diag(np.broadcast_to(inverse, 3))
        with mpmath.workdps(60):
            for i in range(30):
                offset = [
                    mpmath.mpf(float(a)) - mpmath.mpf(float(b))
                    for a, b in zip(points[i], centre, strict=True)
                ]
                for k in range(3):
                    parts = [exact_float(w) * o for w, o in zip(full[k], offset, strict=True)]
                    exact = mpmath.fsum(parts)
                    size = mpmath.fsum(map(abs, parts))
                    error = abs(
                        mpmath.mpf(float(high[i, k])) + mpmath.mpf(float(low[i, k])) - exact
                    )
                    assert error <= 1e-30 * size

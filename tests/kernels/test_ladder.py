"""The bandwidth ladder against brute force at every level."""

import numpy as np
import pytest
from oracles import brute_log_sums, distances, scaled_error

from kernlab._core import fastmath, jit, revision
from kernlab.kernels import _ladder_numba, _sums, _sums_numba
from kernlab.kernels._ladder import log_kernel_sums_ladder
from kernlab.kernels._sums import prepare_sources

# The promise, relative to max(1, |log sum|).
EXACT = 1e-12


def ladder(points, queries=None, *, root=1.0, weights=None, **options):
    sources = prepare_sources(points, kernel="gaussian", root=root, weights=weights)
    return log_kernel_sums_ladder(sources, queries, **options)


def brute_levels(points, queries, root, levels, weights=None, leave_out=False):
    return np.stack(
        [
            brute_log_sums("gaussian", queries, points, root / 2 ** (k / 2), weights, leave_out)
            for k in levels
        ]
    )


def root_of(kind, d):
    if kind == "float":
        return 0.7
    mixing = np.eye(d) + 0.3 * np.tri(d, k=-1) / d
    return np.linalg.cholesky(0.6 * mixing @ mixing.T)


@pytest.mark.parametrize("kind", ["float", "matrix"])
@pytest.mark.parametrize("d", [1, 2, 3, 8, 12, 40])
def test_every_level_against_brute_force(rng, d, kind):
    points = rng.normal(size=(1100, d)) + 5.0  # three tiles, the last one short
    near, far = rng.normal(size=(9, d)) + 5.0, np.full((1, d), 300.0)
    queries = np.concatenate([near, points[:3], far])
    root = root_of(kind, d)
    expected = brute_levels(points, queries, root, range(8))
    assert np.max(scaled_error(ladder(points, queries, root=root, n_levels=8), expected)) <= EXACT


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 3, 30])
def test_more_levels_than_one_pass_on_both_sides(rng, d, weighted):
    points = rng.normal(size=(600, d))
    weights = rng.gamma(1.0, size=600) if weighted else None
    queries = rng.normal(size=(5, d))
    result = ladder(points, queries, root=0.5, weights=weights, n_levels=13, first_level=-8)
    expected = brute_levels(points, queries, 0.5, range(-8, 5), weights)
    assert np.max(scaled_error(result, expected)) <= EXACT


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 2, 30])
def test_leave_one_out(rng, d, weighted):
    points = rng.normal(size=(560, d))
    points[7] = points[8]
    weights = rng.gamma(1.0, size=560) if weighted else None
    result = ladder(points, root=0.4, weights=weights, n_levels=8)
    expected = brute_levels(points, points, 0.4, range(8), weights, leave_out=True)
    assert np.max(scaled_error(result, expected)) <= EXACT


@pytest.mark.parametrize("lightest", [0.0, 1e-10, 1e-200])
@pytest.mark.parametrize("d", [1, 20])
def test_weights_that_differ_widely(rng, d, lightest):
    # Half of the points all but vanish, also where they are the nearest.
    points = rng.normal(size=(700, d))
    weights = np.where(rng.random(700) < 0.5, lightest, 1.0) * rng.gamma(2.0, size=700) * 1e50
    queries = np.concatenate([rng.normal(size=(5, d)), points[:20]])
    result = ladder(points, queries, root=0.3, weights=weights, n_levels=8)
    expected = brute_levels(points, queries, 0.3, range(8), weights)
    assert np.max(scaled_error(result, expected)) <= EXACT
    left_out = ladder(points[:60], root=0.3, weights=weights[:60], n_levels=8)
    expected = brute_levels(points[:60], points[:60], 0.3, range(8), weights[:60], leave_out=True)
    assert np.max(scaled_error(left_out, expected)) <= EXACT


@pytest.mark.parametrize("d", [1, 4, 32])
@pytest.mark.parametrize("separation", [1e2, 1e6, 1e9])
def test_clusters_far_apart(rng, separation, d):
    # Multiples of 2^-10 are exact in both clusters, so the brute force is right.
    points = np.round(rng.normal(size=(900, d)) * 1024) / 1024
    points += np.where(np.arange(900)[:, None] % 2, separation, -separation)
    queries = np.concatenate([points[:9] + 0.25, np.zeros((1, d))])
    # Prepared at the narrowest bandwidth, as for data of many bandwidths it should be.
    result = ladder(points, queries, root=0.5 / 2**3.5, n_levels=8, first_level=-7)
    expected = brute_levels(points, queries, 0.5, range(8))
    assert np.max(scaled_error(result, expected)) <= EXACT


def test_matrix_products_that_fail_a_deep_level_are_done_again(rng, monkeypatch):
    points = rng.normal(size=(600, 12))
    queries = points[:30] + 1e-3
    sources = prepare_sources(points, kernel="gaussian", root=0.5)
    assert sources.double.by_product.all()
    redone = []
    direct = _ladder_numba.direct_levels
    monkeypatch.setattr(
        _ladder_numba, "direct_levels", lambda *a: (redone.append(len(a[4])), direct(*a))
    )
    result = log_kernel_sums_ladder(sources, queries, n_levels=8)
    assert sum(redone) > 0
    expected = brute_levels(points, queries, 0.5, range(8))
    assert np.max(scaled_error(result, expected)) <= EXACT


def test_queries_beyond_the_range_of_squares(rng):
    points = rng.normal(size=(10, 2))
    result = ladder(points, np.array([[1e200, 0.0], [1e149, 0.0], [0.0, 0.0]]), n_levels=4)
    assert np.isneginf(result[:, 0]).all()
    np.testing.assert_allclose(result[:, 1], -0.5e298 * 2.0 ** np.arange(4), rtol=1e-12)
    assert np.isfinite(result[:, 2]).all()


def test_a_single_point_leaves_nothing():
    assert np.isneginf(ladder(np.zeros((1, 1)), n_levels=3)).all()
    np.testing.assert_array_equal(ladder(np.zeros((2, 1)), n_levels=3), 0.0)


def test_neighbouring_levels_give_the_effective_number_of_terms(rng):
    points, queries = rng.normal(size=(500, 2)), rng.normal(size=(20, 2))
    wide, narrow = ladder(points, queries, root=0.5, n_levels=2)
    terms = np.exp(-(distances(queries, points, 0.5) ** 2) / 2)
    expected = np.sum(terms, axis=1) ** 2 / np.sum(terms**2, axis=1)
    np.testing.assert_allclose(np.exp(2 * wide - narrow), expected, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [1, 20])
def test_arrays_of_other_libraries(xp, rng, d, weighted, monkeypatch):
    points, queries = rng.normal(size=(300, d)), rng.normal(size=(20, d))
    weights = rng.gamma(1.0, size=300) if weighted else None
    expected = ladder(points, queries, root=0.6, weights=weights, n_levels=4, first_level=-1)
    left_out = ladder(points, root=0.6, weights=weights, n_levels=4)
    monkeypatch.setattr("kernlab._core.chunks.CPU_CHUNK_BYTES", 40 * 1000)
    points, queries = xp.asarray(points), xp.asarray(queries)
    weights = None if weights is None else xp.asarray(weights)
    result = ladder(points, queries, root=0.6, weights=weights, n_levels=4, first_level=-1)
    assert np.max(scaled_error(np.asarray(result), expected)) <= EXACT
    result = ladder(points, root=0.6, weights=weights, n_levels=4)
    assert np.max(scaled_error(np.asarray(result), left_out)) <= EXACT


@pytest.mark.parametrize("d", [2, 20])
def test_threads_do_not_change_a_bit(rng, d, monkeypatch):
    points = rng.normal(size=(700, d))
    monkeypatch.setattr(_sums, "_FEWEST_PAIRS", 1)
    one = ladder(points, n_levels=8, n_jobs=1)
    np.testing.assert_array_equal(ladder(points, n_levels=8, n_jobs=3), one)


def test_other_kernels_are_refused():
    sources = prepare_sources(np.zeros((2, 1)), kernel="logistic", root=1.0)
    with pytest.raises(ValueError, match=r"needs the Gaussian kernel.*'logistic'"):
        log_kernel_sums_ladder(sources, n_levels=2)


def test_the_stamp_of_inlined_code_is_fresh():
    functions = (
        _sums_numba._distances,
        _sums_numba._distances_twofold,
        _sums_numba._centred,
        _sums_numba._add_norms,
        _sums_numba._row,
    )
    current = revision.revision(fastmath, jit, *(f.py_func for f in functions))
    assert current == _ladder_numba.INLINED_REVISION, (
        f"inlined code changed: set INLINED_REVISION = {current!r} in kernels/_ladder_numba.py"
    )

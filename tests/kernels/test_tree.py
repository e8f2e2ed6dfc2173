"""Certified sums over spatial blocks: the bound is never violated, and something is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.kernels import PROFILES
from kernlab.kernels._sums import log_kernel_sums, prepare_sources
from kernlab.kernels._sums_numba import TILE, spatial_order
from kernlab.kernels._tree import prepare_tree, tree_log_sums, visited_share

DOUBLE = 1e-12
# By energy, by value, and by energy with a factor: each compiles for seconds.
KERNELS = ["gaussian", "epanechnikov", "logistic"]


def both(points, queries, *, kernel="gaussian", root=1.0, weights=None, **tolerance):
    """Log sums by blocks with their bounds, and over all pairs."""
    arguments = {"kernel": kernel, "root": root, "weights": weights}
    log_sums, errors = tree_log_sums(prepare_tree(points, **arguments), queries, **tolerance)
    exact = log_kernel_sums(prepare_sources(points, **arguments), queries)[0]
    # Bounded kernels give -inf where they reach nothing, and there both must.
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(finite, np.isfinite(log_sums))
    return log_sums[finite], errors[finite], exact[finite]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_error_is_within_the_bound_and_the_bound_within_the_tolerance(rng, kernel, weighted):
    points = rng.normal(size=(3000, 2))
    queries = np.concatenate([rng.normal(size=(150, 2)), [[9.0, 9.0], [40.0, 0.0]]])
    weights = rng.gamma(0.3, size=3000) if weighted else None
    for rtol in (1e-1, 1e-4):
        log_sums, errors, exact = both(
            points, queries, kernel=kernel, root=0.2, weights=weights, rtol=rtol
        )
        scale = np.maximum(1, np.abs(exact))
        edge = 2e-16 * 8 * 50 * len(points) * np.exp(-exact) if PROFILES[kernel].bounded else 0.0
        if weighted:
            edge = edge * weights.max()
        assert np.all(np.abs(log_sums - exact) <= errors)
        assert np.all(errors <= np.log1p(rtol) + 1.01 * DOUBLE * scale + edge)
        # Sums only grow: what is reported is never above the truth.
        assert np.all((log_sums - exact) <= DOUBLE * scale)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_tolerance_only_zeros_are_left_out(rng, kernel):
    points, queries = rng.normal(size=(1500, 2)), rng.normal(size=(40, 2))
    log_sums, errors, exact = both(points, queries, kernel=kernel, root=0.3)
    np.testing.assert_allclose(log_sums, exact, rtol=DOUBLE, atol=DOUBLE)
    edge = 2e-16 * 8 * 50 * len(points) * np.exp(-exact) if PROFILES[kernel].bounded else 0.0
    assert np.all(errors <= 1.01 * DOUBLE * np.maximum(1, np.abs(exact)) + edge)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 5),
    kernel=st.sampled_from(KERNELS[:2]),
    log_rtol=st.floats(-9, -1),
    log_h=st.floats(-3, 1),
    clusters=st.integers(1, 4),
    weighted=st.booleans(),
)
def test_bounds_hold_for_any_data(seed, d, kernel, log_rtol, log_h, clusters, weighted):
    rng = np.random.default_rng(seed)
    centres = 10.0 ** rng.uniform(-1, 4) * rng.normal(size=(clusters, d))
    points = centres[rng.integers(clusters, size=1300)] + rng.normal(size=(1300, d))
    queries = np.concatenate(
        [points[:10] + rng.normal(size=(10, d)), 1e3 * rng.normal(size=(5, d))]
    )
    weights = rng.gamma(0.2, size=1300) if weighted else None
    h, rtol = 10.0**log_h, 10.0**log_rtol
    for chosen in (queries, None):
        log_sums, errors, exact = both(
            points, chosen, kernel=kernel, root=h, weights=weights, rtol=rtol
        )
        rounding = DOUBLE * np.maximum(1, np.abs(exact))
        # Near the edge of bounded support the logarithm is ill-conditioned: a value rounds by
        # about that of coordinates, at most a thousand bandwidths.
        if PROFILES[kernel].bounded:
            largest = weights.max() if weighted else 1.0
            rounding += largest * 3e-16 * 8 * 1e3 * len(points) * np.exp(-exact)
        assert np.all(np.abs(log_sums - exact) <= errors + rounding)
        assert np.all(errors <= np.log1p(rtol) + rounding)


@pytest.mark.parametrize("log_atol", [np.log(0.5), -30.0])
def test_absolute_tolerance(rng, log_atol):
    # Clusters so far apart that their terms differ by e^10000, and queries in one block of both.
    points = rng.normal(size=(3000, 2)) + 14.0 * rng.integers(2, size=(3000, 1))
    queries = np.concatenate([points[:50] + 0.01, [[30.0, 0.0]]])
    log_sums, errors, exact = both(points, queries, root=0.1, log_atol=log_atol)
    atol = np.exp(log_atol)
    assert np.all(np.exp(exact) - np.exp(log_sums) <= atol + 1e-11 * np.exp(exact))
    assert np.all(np.abs(log_sums - exact) <= errors)


def test_the_result_does_not_depend_on_threads_or_far_queries(rng):
    points, queries = rng.normal(size=(5000, 2)), rng.normal(size=(3000, 2))
    queries[7] = 1e14
    tree = prepare_tree(points, kernel="gaussian", root=0.05)
    one, two = (tree_log_sums(tree, queries, rtol=0.1, n_jobs=n)[0] for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_the_farthest_queries_are_summed_too():
    points = np.random.default_rng(0).normal(size=(600, 2))
    queries = np.array([[1e200, 0.0], [0.0, 0.0], [-1e160, 1e160]])
    for kernel in ("gaussian", "exponential"):
        log_sums, _, exact = both(points, queries, kernel=kernel, rtol=1e-6)
        np.testing.assert_allclose(log_sums, exact, rtol=1e-6)


def test_clusters_a_million_bandwidths_apart(rng):
    points = rng.normal(size=(1200, 3)) + 1e6 * rng.integers(2, size=(1200, 1))
    log_sums, errors, exact = both(points, points[:50] + 0.1, rtol=1e-6)
    assert np.all(np.abs(log_sums - exact) <= errors)


def test_tiles_are_left_out(rng):
    tree = prepare_tree(rng.normal(size=(20_000, 2)), kernel="gaussian", root=0.05)
    assert visited_share(tree, rtol=1e-3, log_atol=-np.inf) < 0.3
    wide = prepare_tree(rng.normal(size=(20_000, 2)), kernel="gaussian", root=1.0)
    assert visited_share(wide, rtol=0.0, log_atol=-np.inf) == 1.0


def test_spatial_order_is_a_permutation_into_compact_runs(rng):
    z = rng.normal(size=(5000, 3))
    order = spatial_order(z, TILE)
    np.testing.assert_array_equal(np.sort(order), np.arange(5000))
    extents = [np.ptp(z[order[k : k + TILE]], axis=0).prod() for k in range(0, 4096, TILE)]
    # Ten runs share the volume; those of the order given each fill nearly all of it.
    assert np.mean(extents) < 0.2 * np.ptp(z, axis=0).prod()
    same = spatial_order(np.zeros((3000, 2)), TILE)
    np.testing.assert_array_equal(np.sort(same), np.arange(3000))

"""Sampled sums: their standard errors mean what they say, or the sum is exact."""

import numpy as np
import pytest

from kernlab.kernels._sampled import FEWEST_TERMS, sampled_log_sums
from kernlab.kernels._sums import log_kernel_sums, prepare_sources

N = 40_000


def sample(points, queries, root, *, rtol, seed, **options):
    shuffle = np.random.RandomState(seed)
    sources = prepare_sources(points, root=root, shuffle=shuffle, **options)
    return sampled_log_sums(sources, queries, rtol=rtol)


@pytest.mark.parametrize("d", [4, 12])
def test_standard_errors_are_right_where_the_central_limit_theorem_holds(rng, d):
    # h² = 2 d makes the terms nearly alike, far above the bandwidth where the theorem fails.
    points, queries = rng.normal(size=(N, d)), rng.normal(size=(4, d))
    root = np.sqrt(2.0 * d)
    exact = log_kernel_sums(prepare_sources(points, kernel="gaussian", root=root), queries)[0]
    deviations = []
    for seed in range(100):
        log_sums, errors = sample(points, queries, root, rtol=0.01, seed=seed, kernel="gaussian")
        assert np.all(errors <= 0.01)
        deviations.append((log_sums - exact) / errors)
    assert np.all(errors > 1e-9)  # sampled indeed
    # Mean square of 100 standard normal numbers: 1 with standard deviation √(2/100); five of them,
    # and 20 % for the sample variance and for stopping on it.
    mean_square = np.mean(np.square(deviations), axis=0)
    spread = 5 * np.sqrt(2 / 100)
    assert np.all(mean_square < 1.2 + spread)
    assert np.all(mean_square > 0.8 - spread)
    # No bias beyond five standard errors of the mean.
    assert np.all(np.abs(np.mean(deviations, axis=0)) < 5 * np.sqrt(mean_square / 100))


@pytest.mark.parametrize("kernel", ["gaussian", "epanechnikov"])
def test_where_few_points_carry_the_sum_it_is_exact(rng, kernel):
    points, queries = rng.normal(size=(N, 3)), rng.normal(size=(30, 3))
    sources = prepare_sources(points, kernel=kernel, root=0.08)
    exact, terms = log_kernel_sums(sources, queries, with_effective=True)
    assert np.all(terms < FEWEST_TERMS)
    log_sums, errors = sample(points, queries, 0.08, rtol=0.3, seed=0, kernel=kernel)
    np.testing.assert_array_equal(np.isfinite(log_sums), np.isfinite(exact))
    finite = np.isfinite(exact)
    np.testing.assert_allclose(log_sums[finite], exact[finite], rtol=1e-12, atol=1e-12)
    # Rounding, and for bounded support that of values at its edge; no error of sampling.
    size = np.maximum(1, np.abs(exact[finite])) + 0.2 * N * np.exp(-exact[finite])
    assert np.all(errors[finite] <= 1.01e-12 * size)


def test_a_cluster_that_the_first_sample_misses_is_found(rng):
    # Sixty points beside the query outweigh forty thousand far off, and a sample of 2048 sees three
    # of them on average.
    points = np.concatenate([rng.normal(size=(N, 2)) + 9.0, 0.01 * rng.normal(size=(60, 2))])
    query = np.zeros((1, 2))
    exact = log_kernel_sums(prepare_sources(points, kernel="gaussian", root=1.0), query)[0]
    for seed in range(20):
        log_sums, _ = sample(points, query, 1.0, rtol=0.05, seed=seed, kernel="gaussian")
        assert abs(log_sums[0] - exact[0]) < 1e-12 * abs(exact[0]) + 1e-12


def test_weights_and_far_queries(rng):
    points = rng.normal(size=(N, 3))
    weights = rng.exponential(size=N)
    queries = np.array([[0.0, 0.0, 0.0], [1e200, 0.0, 0.0]])
    sources = prepare_sources(points, kernel="gaussian", root=3.0, weights=weights)
    exact = log_kernel_sums(sources, queries)[0]
    log_sums, errors = sample(
        points, queries, 3.0, rtol=0.02, seed=1, kernel="gaussian", weights=weights
    )
    assert abs(log_sums[0] - exact[0]) < 5 * errors[0]
    assert log_sums[1] == exact[1] == -np.inf

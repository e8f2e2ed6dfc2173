"""Counters of a locality-sensitive hash."""

import numpy as np
import pytest

from kernlab.privacy._race import (
    draw_race,
    race_buckets,
    race_counts,
    race_noise_deviation,
    race_query,
)

KERNELS = {
    "laplacian": ({"kernel": "laplacian"}, lambda s: np.exp(-s)),
    "rational": ({"kernel": "rational", "norm": "l1"}, lambda s: 1 / (1 + s)),
}


def _hashes(rng, n_repetitions=200, dim=3, **arguments):
    arguments = {"kernel": "laplacian", "bandwidth": 2.0, **arguments}
    return draw_race(arguments.pop("kernel"), n_repetitions, dim, rng=rng, **arguments)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("log2_buckets", [1, 4, 16])
def test_collisions_are_the_kernel(rng, kernel, log2_buckets):
    arguments, profile = KERNELS[kernel]
    hashes = _hashes(rng, 20_000, log2_buckets=log2_buckets, **arguments)
    z = np.array([0.3, -0.1, 0.2])
    for length in (0.0, 0.5, 2.0, 8.0):
        x = np.array([[5.0, -1.0, 0.5]])
        counts = race_buckets(np.vstack([x, x + length * z]), hashes)
        share = 2.0**-log2_buckets
        k = profile(length * np.abs(z).sum() / 2.0)
        expected = k + (1 - k) * share
        error = np.sqrt(expected * (1 - expected) / 20_000)
        # Five standard errors of independent repetitions.
        assert abs(np.mean(counts[0] == counts[1]) - expected) <= 5 * error


@pytest.mark.parametrize("kernel", KERNELS)
def test_queries_are_unbiased(rng, kernel):
    arguments, profile = KERNELS[kernel]
    X, Y = rng.normal(size=(500, 3)), rng.normal(size=(6, 3))
    exact = profile(np.abs(X - Y[:, None]).sum(axis=2) / 2.0).sum(axis=1)
    estimates = []
    for _ in range(30):
        hashes = _hashes(rng, 50, log2_buckets=5, **arguments)
        estimates.append(race_query(race_counts(X, hashes), hashes, Y, 500.0))
    standard_error = np.std(estimates, axis=0) / np.sqrt(30)
    assert np.all(np.abs(np.mean(estimates, axis=0) - exact) <= 5 * standard_error)


def test_one_record_adds_one_to_one_counter_of_each_repetition(rng):
    hashes = _hashes(rng)
    X = rng.normal(size=(50, 3))
    X[3], X[4], X[5] = np.nan, np.inf, [1e300, -1e300, 0.0]
    without = race_counts(X[:-1], hashes)
    for record in X[[0, 3, 4, 5, 49]]:
        change = race_counts(np.vstack([X[:-1], record]), hashes) - without
        np.testing.assert_array_equal(change.sum(axis=1), np.ones(200))
        assert np.abs(change).sum() == hashes.l1_sensitivity
        assert (change**2).sum() == hashes.squared_l2_sensitivity
    np.testing.assert_array_equal(
        race_buckets(X[3:5], hashes), race_buckets(np.zeros((2, 3)), hashes)
    )


def test_a_record_depends_on_no_other_record(rng):
    hashes = _hashes(rng, n_repetitions=37)
    X = rng.normal(size=(60, 3))
    together = race_buckets(X, hashes)
    alone = np.vstack([race_buckets(X[i : i + 1], hashes) for i in range(60)])
    np.testing.assert_array_equal(together, alone)
    expected = np.array([np.bincount(column, minlength=4096) for column in together.T])
    for n_jobs in (1, 2):
        shuffled = X[rng.permutation(60)]
        np.testing.assert_array_equal(race_counts(shuffled, hashes, n_jobs=n_jobs), expected)


def test_noise_of_a_query_has_the_deviation_stated(rng):
    hashes = _hashes(rng, 40, log2_buckets=3)
    y = np.zeros((1, 3))
    values = [
        race_query(rng.normal(0, 5.0, (40, 8)), hashes, y, rng.normal(0, 9.0))[0]
        for _ in range(4000)
    ]
    # The relative standard error of a standard deviation from 4000 normal numbers is 1/√8000.
    assert abs(np.std(values) / race_noise_deviation(hashes, 5.0, 9.0) - 1) < 4 / np.sqrt(8000)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "cauchy", "rational"])
def test_kernels_without_an_exact_hash_are_refused(rng, kernel):
    with pytest.raises(ValueError, match="take features='orthogonal'"):
        _hashes(rng, kernel=kernel)
    with pytest.raises(ValueError, match="log2_buckets=31"):
        _hashes(rng, log2_buckets=31)

"""Fast Gauss transform on integer moments."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.privacy._fast_gauss import (
    fast_gauss_layout,
    fast_gauss_moments,
    fast_gauss_query,
    fast_gauss_record_moments,
)
from kernlab.privacy._kernel_mechanisms import FastGaussSums
from kernlab.privacy._spectral import phase_tables, query_noise_deviation

PLANE = fast_gauss_layout((-3.0, 2.0), 0.5, 2)


def _exact(X, Y, h):
    return np.exp(-((X - Y[:, None]) ** 2).sum(axis=2) / (2 * h * h)).sum(axis=1)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("tolerance", [0.2, 1e-2, 1e-4])
def test_truncation_keeps_its_bound(rng, dim, tolerance):
    layout = fast_gauss_layout((-1.0, 1.5), 0.3, dim, tolerance=tolerance)
    assert layout.truncation <= tolerance
    X = rng.uniform(-1.0, 1.5, (400, dim))
    # Corners and middles of cells, and queries out of the box and out of reach.
    Y = np.vstack([X[:40], rng.uniform(-2.5, 3.0, (60, dim)), np.full((1, dim), -1.0)])
    Y = np.vstack([Y, np.full((1, dim), 1e6), np.full((1, dim), 1e150)])
    error = fast_gauss_query(fast_gauss_moments(X, layout), layout, Y) - _exact(X, Y, 0.3)
    assert np.abs(error).max() <= layout.truncation * len(X)


def test_one_record_at_a_time_keeps_the_bound(rng):
    layout = fast_gauss_layout(([0.0, -5.0], [1.0, 20.0]), 0.7, 2, tolerance=1e-2)
    for x in rng.uniform([0.0, -5.0], [1.0, 20.0], (50, 2)):
        Y = x + rng.normal(size=(50, 2))
        error = fast_gauss_query(fast_gauss_moments(x[None], layout), layout, Y)
        error -= _exact(x[None], Y, 0.7)
        assert np.abs(error).max() <= layout.truncation


@pytest.mark.parametrize("noise", ["laplace", "gaussian"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_joint_sensitivity_is_one(dim, noise):
    layout = fast_gauss_layout((0.0, 1.0), 0.3, dim, tolerance=1e-2, noise=noise)
    power = 1 if noise == "laplace" else 2
    ratios = layout.limit / layout.multipliers(noise)
    assert abs((ratios**power).sum() - 1.0) < 1e-12
    # Attained in a corner, where all Chebyshev polynomials are one in absolute value.
    _, corner = fast_gauss_record_moments(np.zeros((1, dim)), layout)
    assert np.all(np.abs(corner) == layout.limit)


@settings(max_examples=50, deadline=None)
@given(X=hnp.arrays(np.float64, (4, 2), elements=st.floats(width=64)))
def test_any_record_touches_one_cell_within_the_limit(X):
    layout = PLANE
    cells, moments = fast_gauss_record_moments(X, layout)
    assert np.all((cells >= 0) & (cells < layout.n_cells.prod()))
    assert np.abs(moments).max() <= layout.limit
    assert np.all(moments[:, 0] == layout.limit)
    inside = np.clip(np.where(np.isfinite(X), X, 0.0), -3.0, 2.0)
    for expected, got in zip(
        fast_gauss_record_moments(inside, layout), (cells, moments), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    _, alone = fast_gauss_record_moments(X[2:3], layout)
    np.testing.assert_array_equal(alone, moments[2:3])


@pytest.mark.parametrize("power", [-498, 498])
def test_powers_of_two_change_no_integer(rng, power):
    X, Y, unit = rng.uniform(-3.0, 2.0, (50, 2)), rng.normal(size=(5, 2)), 2.0**power
    layout = fast_gauss_layout((-3.0 * unit, 2.0 * unit), 0.5 * unit, 2)
    sums = fast_gauss_moments(X * unit, layout)
    np.testing.assert_array_equal(sums, fast_gauss_moments(X, PLANE))
    np.testing.assert_allclose(
        fast_gauss_query(sums, layout, Y * unit), fast_gauss_query(sums, PLANE, Y), rtol=1e-12
    )


def test_a_far_box_is_as_good_as_a_near_one(rng):
    X, Y = 1e9 + rng.random((200, 2)), 1e9 + rng.random((20, 2))
    layout = fast_gauss_layout((1e9, 1e9 + 1), 0.2, 2)
    error = fast_gauss_query(fast_gauss_moments(X, layout), layout, Y) - _exact(X, Y, 0.2)
    assert np.abs(error).max() <= layout.truncation * 200


def test_sums_are_those_of_the_records_whatever_threads_and_order(rng):
    layout = fast_gauss_layout((0.0, 1.0), 0.2, 2)
    X = rng.random((501, 2))
    cells, moments = fast_gauss_record_moments(X, layout)
    expected = np.zeros((layout.n_cells.prod(), layout.n_moments), dtype=np.int64)
    np.add.at(expected, cells, moments)
    for n_jobs in (1, 2):
        shuffled = X[rng.permutation(501)]
        np.testing.assert_array_equal(fast_gauss_moments(shuffled, layout, n_jobs=n_jobs), expected)
    np.testing.assert_array_equal(fast_gauss_moments(X.astype(np.float32)[:0], layout), 0)


def _stated_deviation(layout, deviations, Y):
    """Deviation of each query's noise by the weights on which its intervals rest."""
    weights, _ = FastGaussSums(layout).coefficients(Y, [deviations[None]])
    return np.sqrt(np.sum(weights**2, axis=1))


@pytest.mark.parametrize("dim", [1, 2])
def test_noise_of_a_query_has_the_deviation_stated(rng, dim):
    layout = fast_gauss_layout((0.0, 4.0), 0.4, dim, tolerance=1e-2)
    deviations = np.sqrt(2) * layout.multipliers("laplace")
    Y = rng.uniform(0.0, 4.0, (3, dim))
    shape = (layout.n_cells.prod(), layout.n_moments)
    values = [fast_gauss_query(rng.normal(size=shape) * deviations, layout, Y) for _ in range(3000)]
    stated = _stated_deviation(layout, deviations, Y)
    # The relative standard error of a standard deviation from 3000 normal numbers is 1/√6000.
    assert np.abs(np.std(values, axis=0) / stated - 1).max() < 4.5 / np.sqrt(6000)
    # In the middle of the box, over all places in a cell, the closed form is the mean.
    grid = np.stack(np.meshgrid(*[np.linspace(1.5, 2.5, 60)] * dim), axis=-1).reshape(-1, dim)
    spread = _stated_deviation(layout, deviations, grid)
    assert abs(np.sqrt(np.mean(spread**2)) / layout.noise_deviation(deviations) - 1) < 0.02


def test_less_noise_than_random_frequencies_in_low_dimension():
    # Pure privacy at ε = 1: 2√m against the moments'. Truncation 1e-4 is far below the error of
    # some 0.2/√m = 6e-3 of these frequencies.
    m, tables = 1024, phase_tables()
    scale = tables.l1_sensitivity(m)
    frequencies = query_noise_deviation(m, np.sqrt(2) * scale)
    assert abs(frequencies / (2 * np.sqrt(m)) - 1) < 1e-4
    ratios = []
    for dim in (1, 2, 3):
        layout = fast_gauss_layout((0.0, 1.0), 0.1, dim)
        moments = layout.noise_deviation(np.sqrt(2) * layout.multipliers("laplace"))
        ratios.append(frequencies / moments)
    assert ratios[0] > 15
    assert ratios[1] > 5
    assert ratios[2] > 1.5


def test_optimal_scales_have_less_noise_than_equal_ones():
    layout = fast_gauss_layout((0.0, 1.0), 0.1, 2)
    equal = np.full(layout.n_moments, layout.limit * layout.n_moments)
    assert layout.noise_deviation(layout.multipliers("laplace")) < layout.noise_deviation(equal) / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0.0, 1.0), 0.1, 4), "1 to 3 columns, not 4"),
        (((0.0, 0.0), 0.1, 1), "the lower below the upper"),
        (((0.0, np.inf), 0.1, 1), "must be finite"),
        (((-1e308, 1e308), 0.1, 1), "must be finite"),
        (((0.0, 1.0), 1e-12, 2), "widen the bandwidth"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        fast_gauss_layout(*arguments)
    with pytest.raises(ValueError, match="tolerance=1.0"):
        fast_gauss_layout((0.0, 1.0), 0.1, 1, tolerance=1.0)
    with pytest.raises(ValueError, match="noise='uniform'"):
        fast_gauss_layout((0.0, 1.0), 0.1, 1).multipliers("uniform")

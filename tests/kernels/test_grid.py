"""Sums over a grid: errors against exact sums, bounds in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.kernels import _grid
from kernlab.kernels._grid import grid_log_sums, prepare_grid
from kernlab.kernels._sums import log_kernel_sums, prepare_sources


def exact_log_sums(points, queries, root, weights=None):
    sources = prepare_sources(points, kernel="gaussian", root=root, weights=weights)
    return log_kernel_sums(sources, queries)[0]


@pytest.mark.parametrize(("d", "bound"), [(1, 1e-8), (2, 1e-7), (3, 1e-2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_error_is_within_the_bound(rng, d, bound, weighted):
    points, queries = rng.normal(size=(3000, d)), rng.normal(size=(300, d))
    weights = rng.exponential(size=3000) if weighted else None
    root = np.linalg.cholesky(0.1 * (np.eye(d) + 0.3))
    log_sums, errors = grid_log_sums(prepare_grid(points, root=root, weights=weights), queries)
    exact = exact_log_sums(points, queries, root, weights)
    resolved = np.isfinite(errors)
    assert np.all(np.abs(log_sums - exact)[resolved] <= errors[resolved] + 1e-12)
    # The spacing that memory permits resolves the bulk to this much.
    assert np.median(errors) <= bound


def test_interpolation_bound_exceeds_the_error_of_the_kernel():
    # Eighth-degree derivative of exp(-u²/2) at most 105, so one axis and one point err by at most
    # that times the node polynomial; measured on a coarse grid, where rounding is nothing.
    spacing = 0.5
    nodes, scales = _grid._NODES, _grid._SCALES
    worst = 0.0
    for shift in np.linspace(-6, 6, 241):
        for t in np.linspace(0, 1, 21):
            weights = [
                s * np.prod([t - j for j in nodes if j != k])
                for s, k in zip(scales, nodes, strict=True)
            ]
            value = np.dot(weights, np.exp(-((shift + spacing * nodes) ** 2) / 2))
            worst = max(worst, abs(value - math.exp(-((shift + spacing * t) ** 2) / 2)))
    bound = _grid._INTERPOLATION * spacing**8
    assert worst <= bound <= 2 * worst


def test_queries_that_are_not_resolved_have_no_finite_bound(rng):
    grid = prepare_grid(rng.normal(size=(500, 2)), root=0.3)
    log_sums, errors = grid_log_sums(grid, np.array([[0.0, 0.0], [30.0, 0.0], [1e200, 0.0]]))
    assert np.isfinite(errors[0])
    assert np.all(np.isinf(errors[1:]))
    assert np.all(np.isfinite(log_sums))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 2),
    log_h=st.floats(-4, 2),
    weighted=st.booleans(),
)
def test_bounds_hold_for_any_data(seed, d, log_h, weighted):
    rng = np.random.default_rng(seed)
    points = rng.standard_t(3, size=(200, d)) + 1e4 * rng.normal()
    queries = np.concatenate(
        [points[:20] + rng.normal(size=(20, d)), 1e3 * rng.normal(size=(3, d))]
    )
    weights = rng.gamma(0.2, size=200) if weighted else None
    root = 10.0**log_h
    grid = prepare_grid(points, root=root, weights=weights)
    if grid is None:  # too many bandwidths wide for any grid in memory
        assert np.prod(np.ptp(points, axis=0) / root + 6) > _grid._MOST_CELLS
        return
    log_sums, errors = grid_log_sums(grid, queries)
    exact = exact_log_sums(points, queries, root, weights)
    resolved = np.isfinite(errors)
    assert np.all(np.abs(log_sums - exact)[resolved] <= errors[resolved] + 1e-12)
    sources = prepare_sources(points, kernel="gaussian", root=root, weights=weights)
    log_sums, errors = grid_log_sums(grid)
    exact = log_kernel_sums(sources)[0]
    resolved = np.isfinite(errors)
    assert np.all(np.abs(log_sums - exact)[resolved] <= errors[resolved] + 1e-12)


def test_a_looser_tolerance_takes_a_coarser_grid(rng):
    points = rng.normal(size=(20_000, 2))
    spacings = []
    for rtol in (1e-1, 1e-3, 1e-6, 0.0):
        grid = prepare_grid(points, root=0.2, rtol=rtol)
        spacings.append(grid.spacing)
        _, errors = grid_log_sums(grid, rng.normal(size=(200, 2)))
        assert np.quantile(errors, 0.8) <= max(rtol, 1e-6)
    assert spacings == sorted(spacings, reverse=True)
    assert spacings[0] > 2 * spacings[-1]


def test_memory_is_bounded():
    for extent in (1e-3, 1.0, 1e3, 1e6):
        for d in (1, 2, 3):
            spacing = _grid._spacing(np.full(d, extent), 0.0)
            cells = np.ceil(np.full(d, extent) / spacing) + 2 * _grid.NODES + 1
            assert np.prod(cells) <= _grid._MOST_CELLS

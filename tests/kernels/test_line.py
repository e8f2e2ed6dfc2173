"""The fast Gauss transform against mpmath and the exact sums."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.kernels import _line, _line_numba
from kernlab.kernels._line import TIGHTEST, line_log_sums, prepare_line
from kernlab.kernels._sums import log_kernel_sums, prepare_sources


def mp_log_sum(points, query, h, weights=None):
    with mpmath.workdps(40):
        total = mpmath.mpf(0)
        for k, x in enumerate(points):
            u = (mpmath.mpf(float(query)) - mpmath.mpf(float(x))) / mpmath.mpf(float(h))
            total += (1 if weights is None else mpmath.mpf(float(weights[k]))) * mpmath.exp(
                -u * u / 2
            )
        return float(mpmath.log(total))


@pytest.mark.parametrize("h", [3.0, 0.3, 0.02, 1e-4])
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("weighted", [False, True])
def test_relative_error_against_mpmath(rng, h, offset, weighted):
    points = rng.normal(size=150) + offset
    queries = np.append(rng.normal(size=8), [6.0, -40.0]) + offset
    weights = rng.exponential(size=150) ** 3 if weighted else None
    log_sums, errors = line_log_sums(prepare_line(points, h=h, weights=weights), queries)
    expected = np.array([mp_log_sum(points, y, h, weights) for y in queries])
    assert np.all(np.abs(log_sums - expected) <= errors)
    # In the bulk the bound is the promise; where the logarithm is large, so is its rounding.
    assert np.all(errors <= 2 * TIGHTEST * np.maximum(1.0, np.abs(expected)))


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
def test_a_looser_tolerance_is_kept_and_needs_fewer_terms(rng, tolerance):
    points, queries = rng.normal(size=2000), rng.normal(size=500) * 2
    line = prepare_line(points, h=0.1, tolerance=tolerance)
    assert len(line.moments) < len(prepare_line(points, h=0.1).moments)
    log_sums, errors = line_log_sums(line, queries)
    exact = log_kernel_sums(
        prepare_sources(points[:, None], kernel="gaussian", root=0.1), queries[:, None]
    )[0]
    assert np.all(np.abs(log_sums - exact) <= errors + 1e-12 * np.maximum(1, np.abs(exact)))
    # Both the expansions and what is near are within the tolerance of the sum.
    assert np.all(errors <= math.log1p(tolerance) + 1e-12 * np.maximum(1, np.abs(exact)))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 300),
    log_h=st.floats(-6, 3),
    log_scale=st.floats(-100, 100),
    repeated=st.booleans(),
    weighted=st.booleans(),
)
def test_bounds_hold_for_any_data(seed, n, log_h, log_scale, repeated, weighted):
    rng = np.random.default_rng(seed)
    scale = 10.0**log_scale
    points = rng.standard_t(1.5, size=n) * scale
    if repeated:
        points = rng.choice(points, size=n)
    weights = rng.exponential(size=n) if weighted else None
    queries = np.append(rng.standard_t(1.0, size=20) * scale, points[:5])
    h = 10.0**log_h * scale
    line = prepare_line(points, h=h, weights=weights)
    sources = prepare_sources(points[:, None], kernel="gaussian", root=h, weights=weights)
    for chosen in (queries, None):
        log_sums, errors = line_log_sums(line, chosen)
        exact = log_kernel_sums(sources, None if chosen is None else chosen[:, None])[0]
        rounding = 1e-12 * np.maximum(1, np.abs(exact))
        assert np.all(np.abs(log_sums - exact) <= errors + rounding)


def test_leaving_out_an_isolated_point_does_not_cancel():
    points = np.array([0.0, 0.1, 0.2, 30.0])
    log_sums, _ = line_log_sums(prepare_line(points, h=1.0))
    others = mp_log_sum(points[:3], 30.0, 1.0)
    assert abs(log_sums[3] - others) <= 1e-12 * abs(others)


def test_truncation_bound_exceeds_the_truncation():
    for n_terms in (6, 12, 25):
        worst = mpmath.mpf(0)
        for a in np.linspace(0, 7, 141):
            for t in (-0.5, 0.5, 0.25):
                z = mpmath.mpf(2 * a * t)
                head = mpmath.fsum(z**k / mpmath.factorial(k) for k in range(n_terms))
                left = abs(mpmath.exp(z) - head) * mpmath.exp(-mpmath.mpf(a * a + t * t))
                worst = max(worst, left)
        bound = _line._remainder(n_terms)
        # Above, and not by so much that terms are wasted: thirty times is some three of them.
        assert worst <= bound <= 30 * worst


def test_as_many_boxes_as_a_vector_holds_cover_the_reach():
    n = 10**7
    reach = _line_numba.HALF_WIDTH + math.sqrt(math.log(100 * n / TIGHTEST))
    assert 2 * reach + 1 <= _line_numba.LANES + 1


def test_the_farthest_queries(rng):
    points, queries = rng.normal(size=300), np.array([1e9, -1e100, 1e200])
    log_sums, errors = line_log_sums(prepare_line(points, h=0.5), queries)
    exact = log_kernel_sums(
        prepare_sources(points[:, None], kernel="gaussian", root=0.5), queries[:, None]
    )[0]
    assert log_sums[2] == exact[2] == -np.inf
    assert np.all(np.abs(log_sums[:2] - exact[:2]) <= errors[:2])
    assert np.all(errors[:2] <= 1e-14 * np.abs(exact[:2]))


def test_weights_from_tiny_to_huge():
    points, weights = np.array([0.0, 1000.0]), np.array([1e300, 1e-300])
    log_sums, errors = line_log_sums(prepare_line(points, h=1.0, weights=weights), points)
    assert abs(log_sums[1] - math.log(1e-300)) <= errors[1] <= 1e-11


def test_where_coordinates_are_rounded_to_the_kernels_width_it_is_refused(rng):
    ulp = np.spacing(1e9)
    points = 1e9 + ulp * rng.integers(0, 40, 100)
    with pytest.raises(ValueError, match="millionth"):
        prepare_line(points, h=0.75 * ulp)
    queries = 1e9 + ulp * np.arange(-3, 43)
    h = 2.0**20 * ulp
    log_sums, errors = line_log_sums(prepare_line(points, h=h), queries)
    expected = np.array([mp_log_sum(points, y, h) for y in queries])
    assert np.all(np.abs(log_sums - expected) <= errors)


def test_too_small_a_bandwidth_names_the_remedy():
    with pytest.raises(ValueError, match=r"algorithm='exact'"):
        prepare_line(np.array([0.0, 1.0]), h=1e-20)


def test_threads_do_not_change_the_result(rng):
    points, queries = rng.normal(size=500), rng.normal(size=40_000)
    line = prepare_line(points, h=0.1)
    one, two = (line_log_sums(line, queries, n_jobs=n)[0] for n in (1, 2))
    np.testing.assert_array_equal(one, two)

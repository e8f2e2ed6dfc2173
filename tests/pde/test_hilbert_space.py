"""The sine factor and the Lidstone profiles against closed forms and numerical derivatives."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from kernlab.pde._hilbert_space import HilbertSpace, sine_transform
from kernlab.pde._lidstone import EdgeLift, lidstone_polynomial, lidstone_profiles


def test_features_are_the_eigenfunctions_and_their_derivatives():
    factor = HilbertSpace(-1.0, 2.0, 40)
    x = np.linspace(-1.0, 2.0, 23)
    with mpmath.workdps(40):
        for order in range(5):
            expected = [
                [
                    float(
                        mpmath.diff(
                            lambda s, k=k: (
                                mpmath.sqrt(mpmath.mpf(2) / 3)
                                * mpmath.sin(k * mpmath.pi * (s + 1) / 3)
                            ),
                            mpmath.mpf(float(point)),
                            order,
                        )
                    )
                    for k in (1, 2, 7, 40)
                ]
                for point in x
            ]
            got = factor.features(x, order)[:, [0, 1, 6, 39]]
            # Relative to the largest value of each derivative: rounding of kπt is k eps.
            scale = factor.frequencies[[0, 1, 6, 39]] ** order
            np.testing.assert_allclose(got / scale, np.array(expected) / scale, atol=4e-14)


def test_features_vanish_exactly_at_both_ends():
    factor = HilbertSpace(0.1, 0.7, 50)
    for end in ("low", "high"):
        assert np.all(factor.endpoint(end) == 0.0)
        assert np.all(factor.endpoint(end, 2) == 0.0)
    slopes = np.sqrt(2 / 0.6) * factor.frequencies
    np.testing.assert_allclose(factor.endpoint("low", 1), slopes)
    sign = np.where(np.arange(1, 51) % 2, -1.0, 1.0)
    np.testing.assert_allclose(factor.endpoint("high", 1), slopes * sign)


def test_the_grid_diagonalises_both_the_features_and_the_operator():
    factor = HilbertSpace(3.0, 5.5, 33)
    Phi = factor.features(factor.grid)
    np.testing.assert_allclose(Phi.T @ Phi, np.eye(33) / factor.step, atol=1e-11)
    np.testing.assert_allclose(factor.features(factor.grid, 2), -Phi * factor.frequencies**2)
    weights = np.random.default_rng(0).normal(size=33)
    np.testing.assert_allclose(
        sine_transform(Phi @ weights) * np.sqrt(factor.step), weights, atol=1e-13
    )


@pytest.mark.parametrize("bad", [(1.0, 1.0, 4), (2.0, 1.0, 4), (0.0, np.inf, 4), (0.0, 1.0, 0)])
def test_intervals_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="interval|n_features"):
        HilbertSpace(*bad)
    with pytest.raises(ValueError, match="'low' or 'high'"):
        HilbertSpace(0.0, 1.0, 3).endpoint("left")


def test_lidstone_polynomials_have_the_published_form():
    t = np.linspace(0.0, 1.0, 9)
    np.testing.assert_allclose(lidstone_polynomial(1)(t), (t**3 - t) / 6, atol=1e-16)
    published = (3 * t**5 - 10 * t**3 + 7 * t) / 360
    np.testing.assert_allclose(lidstone_polynomial(2)(t), published, atol=1e-16)
    for order in range(1, 7):
        below = lidstone_profiles(t, (order - 1,))
        np.testing.assert_allclose(lidstone_profiles(t, (order,), 2), below, atol=1e-14)
        assert abs(lidstone_polynomial(order)(1.0)) < 1e-16


def test_lidstone_profiles_give_taylor_coefficients_at_both_ends():
    # Lidstone's series of sin t, whose 2m-th derivatives at 1 are ±sin 1, converges like π^-2m.
    t = np.linspace(0.0, 1.0, 11)
    series = sum((-1) ** m * np.sin(1.0) * lidstone_polynomial(m)(t) for m in range(15))
    np.testing.assert_allclose(series, np.sin(t), atol=1e-14)
    moment = quad(lambda s: lidstone_polynomial(1)(s) * np.sin(np.pi * s), 0, 1)[0]
    assert moment == pytest.approx(-1 / np.pi**3, rel=1e-10)  # by parts twice


def test_edge_lift_takes_the_edges_values_between_the_nodes_too():
    def g(s, t):
        return np.exp(s) * np.cos(4 * t + s) + t

    s, t = np.linspace(0, 1, 42), np.linspace(0, 1, 36)
    lift = EdgeLift([[g(0.0, t), g(1.0, t)], [g(s, 0.0), g(s, 1.0)]])
    r, zero = np.linspace(0, 1, 101), np.zeros(101)
    for point in ((zero, r), (zero + 1, r), (r, zero), (r, zero + 1)):
        np.testing.assert_allclose(lift.values(*point), g(*point), atol=1e-9)
    # The fields on a grid are those at points, and their derivatives those of the values.
    value, second_s, second_t = lift.fields(
        np.array([0.3, 0.31, 0.32]), np.array([0.7, 0.71, 0.72])
    )
    points = np.meshgrid([0.3, 0.31, 0.32], [0.7, 0.71, 0.72], indexing="ij")
    np.testing.assert_allclose(lift.values(*(p.ravel() for p in points)), value.ravel())
    # Second differences of step 0.01 are off by some 1e-4 of the fourth derivative over 12.
    assert second_s[1, 1] == pytest.approx(np.diff(value[:, 1], 2)[0] / 1e-4, rel=5e-3)
    assert second_t[1, 1] == pytest.approx(np.diff(value[1], 2)[0] / 1e-4, rel=5e-3)

"""Axes: eigenfunctions against closed forms, quadrature, lifts, and time axes."""

import itertools

import numpy as np
import pytest
from scipy.optimize import brentq

from kernlab.pde._axes import Axis
from kernlab.pde._fourier import Fourier
from kernlab.pde._legendre import Legendre, gauss_legendre

LOW, HIGH, N = -0.5, 1.5, 40
LENGTH = HIGH - LOW
DIRICHLET = [("low", 1.0, 0.0), ("high", 1.0, 0.0)]
NEUMANN = [("low", 0.0, 1.0), ("high", 0.0, 1.0)]
MIXED = [("low", 1.0, 0.0), ("high", 0.0, 1.0)]
# -u' + 2 u = 0 and u' + u = 0: outward derivatives, positive coefficients.
ROBIN = [("low", 2.0, -1.0), ("high", 1.0, 1.0)]


def robin_roots(n):
    """k with tan(kL) = k (a + b) / (k² - a b): one between neighbouring multiples of π/L."""
    a, b = 2.0, 1.0

    def f(k):
        return (k**2 - a * b) * np.sin(k * LENGTH) - k * (a + b) * np.cos(k * LENGTH)

    edges = np.arange(n + 1) * np.pi / LENGTH
    edges[0] = 1e-9
    return np.array([brentq(f, lo, hi, xtol=1e-14) for lo, hi in itertools.pairwise(edges)])


@pytest.mark.parametrize(
    ("conditions", "frequencies"),
    [
        (DIRICHLET, np.arange(1, 11) * np.pi / LENGTH),
        (NEUMANN, np.arange(10) * np.pi / LENGTH),
        (MIXED, (np.arange(10) + 0.5) * np.pi / LENGTH),
        (ROBIN, robin_roots(10)),
    ],
    ids=["dirichlet", "neumann", "mixed", "robin"],
)
def test_eigenvalues_are_those_of_the_closed_form(conditions, frequencies):
    axis = Axis(Legendre(LOW, HIGH, N), conditions)
    # Ten modes on forty polynomials have 4π/2 features each and are exact; the constant has the
    # rounding of the shift by one.
    np.testing.assert_allclose(axis.modes[:10], frequencies**2, rtol=1e-11, atol=1e-11)
    assert np.all(np.diff(axis.modes) > 0)


@pytest.mark.parametrize("conditions", [DIRICHLET, NEUMANN, MIXED, ROBIN])
def test_eigenfunctions_are_orthonormal_and_meet_their_conditions(conditions):
    axis = Axis(Legendre(LOW, HIGH, N), conditions)
    assert axis.n == N - 2
    np.testing.assert_allclose(axis.basis.T @ axis.basis, np.eye(N - 2), atol=1e-12)
    # A slope of degree n is n² times the value's rounding.
    assert np.max(np.abs(axis.rows @ axis.basis)) < 1e-15 * N**2 * np.max(np.abs(axis.rows))


def test_dirichlet_functions_are_sines():
    axis = Axis(Legendre(LOW, HIGH, N), DIRICHLET)
    x = np.linspace(LOW, HIGH, 17)
    found = axis.factor.features(x) @ axis.basis[:, :5]
    k = np.arange(1, 6) * np.pi / LENGTH
    exact = np.sqrt(2 / LENGTH) * np.sin(np.outer(x - LOW, k))
    np.testing.assert_allclose(np.abs(found), np.abs(exact), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 40, 200])
def test_the_rule_integrates_polynomials_to_twice_its_degree(n):
    t, w = gauss_legendre(n)
    assert np.sum(w) == pytest.approx(2, rel=1e-14)
    degree = 2 * n - 2
    assert np.sum(w * t**degree) == pytest.approx(2 / (degree + 1), rel=1e-12)
    np.testing.assert_allclose(w, w[::-1], rtol=1e-12)


@pytest.mark.parametrize("factor", [Legendre(LOW, HIGH, 15), Fourier(LOW, HIGH, 15)])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_gram_matrices_are_integrals(factor, order):
    t, w = np.polynomial.legendre.leggauss(80)
    x, w = (LOW + HIGH) / 2 + LENGTH / 2 * t, LENGTH / 2 * w
    expected = (factor.features(x) * w[:, None]).T @ factor.features(x, order)
    np.testing.assert_allclose(
        factor.gram(order), expected, atol=1e-12 * max(1, np.max(np.abs(expected)))
    )


@pytest.mark.parametrize("factor", [Legendre(LOW, HIGH, 12), Fourier(LOW, HIGH, 11)])
def test_derivatives_are_those_of_finite_differences(factor):
    x, h = np.array([-0.3, 0.2, 1.1]), 1e-5
    for order in (0, 1):
        slope = (factor.features(x + h, order) - factor.features(x - h, order)) / (2 * h)
        exact = factor.features(x, order + 1)
        # h² u'''/6 and eps/h.
        np.testing.assert_allclose(slope, exact, atol=1e-7 * np.max(np.abs(exact)) + 1e-7)


@pytest.mark.parametrize(
    "conditions",
    [DIRICHLET, NEUMANN, MIXED, ROBIN, [("low", 1.0, 0.0)], [("low", 1.0, 0.0), ("low", 0.0, 1.0)]],
)
def test_lifts_carry_one_condition_each(conditions):
    axis = Axis(Legendre(LOW, HIGH, N), conditions)
    np.testing.assert_allclose(axis.rows @ axis.lift, np.eye(len(conditions)), atol=1e-12)
    # Of low degree: they add nothing to what must be resolved.
    assert not np.any(axis.lift[len(conditions) + 1 :])


@pytest.mark.parametrize("length", [1e-60, 1e-8, 1.0, 1e8, 1e60])
def test_lifts_of_value_and_rate_are_as_exact_in_any_unit(length):
    axis = Axis(Legendre(0.0, length, 12), [("low", 1.0, 0.0), ("low", 0.0, 1.0)])
    unit = np.array([1.0, length])
    functionals = axis.rows @ axis.lift * unit[:, None] / unit
    np.testing.assert_allclose(functionals, np.eye(2), rtol=0, atol=1e-13)


@pytest.mark.parametrize("end", ["low", "high"])
def test_first_order_functions_are_integrals_of_their_tests(end):
    axis = Axis(Legendre(LOW, HIGH, N), [(end, 1.0, 0.0)])
    assert axis.n == N - 1
    assert np.max(np.abs(axis.rows @ axis.basis)) < 1e-13
    by_hand = axis.tests.T @ axis.factor.gram(1) @ axis.basis
    np.testing.assert_allclose(by_hand, np.eye(N - 1), atol=1e-12)
    np.testing.assert_array_equal(axis.matrix(1), np.ones(N - 1))


@pytest.mark.parametrize("omega", [3.0, 40.0, 1e3, 1e5])
def test_oscillators_keep_their_energy_at_any_frequency(omega):
    """u'' = -ω² u from one end of the axis to the other: exact where resolved, else neutral."""
    n = 24
    factor = Legendre(0, 2, n)
    axis = Axis(factor, [("low", 1.0, 0.0), ("low", 0.0, 1.0)])
    operator = axis.matrix(2) + omega**2 * axis.matrix(0)
    right = axis.tests.T @ (factor.gram(2) + omega**2 * factor.gram(0)) @ axis.lift
    c = np.linalg.solve(operator, -right)
    value = factor.endpoint("high") @ (axis.basis @ c + axis.lift)
    rate = axis.rate_at_end @ c + factor.endpoint("high", 1) @ axis.lift
    turn = np.array([value, rate / omega]) * [1.0, omega]
    # A rotation; rounding of n² for the slow ones, of ω/n² for those too quick.
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-9)
    if omega == 3.0:
        exact = [[np.cos(6), np.sin(6)], [-np.sin(6), np.cos(6)]]
        np.testing.assert_allclose(turn, exact, atol=1e-12)


def test_a_moved_axis_differs_by_its_points_alone():
    axis = Axis(Legendre(0, 2, 10), [("low", 1.0, 0.0)])
    moved = axis.moved(axis.factor.moved(2, 4))
    np.testing.assert_allclose(moved.nodes, axis.nodes + 2, atol=1e-14)
    np.testing.assert_array_equal(moved.matrix(0), axis.matrix(0))
    np.testing.assert_array_equal(moved.values(1), axis.values(1))

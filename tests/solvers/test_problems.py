"""Every problem's exact solution satisfies its equation and its data, by an independent route."""

import numpy as np
import pytest

import solvers
from solvers.problem import Problem, random_points

WITH_EXACT = [problem for problem in solvers.PROBLEMS.values() if problem.exact]
RADIUS, N_ROOTS = 2e-3, 16


def cauchy_derivative(function, points, orders):
    """Derivative of an analytic function by Cauchy's integral on small circles.

    The trapezoidal rule on N points of a circle of radius r leaves the term of order r^N in
    Taylor's series, (500·0.002)^16/16! = 5e-14 for the highest frequency here, and rounding
    of eps·k!/r^k.
    """
    if not any(orders):
        return function(*points)
    axis = next(k for k, order in enumerate(orders) if order)
    roots = np.exp(2j * np.pi * np.arange(N_ROOTS) / N_ROOTS)
    rest = [0 if k == axis else order for k, order in enumerate(orders)]
    total = 0
    for root in roots:
        moved = list(points)
        moved[axis] = points[axis] + RADIUS * root
        total = total + cauchy_derivative(function, moved, rest) * root ** -orders[axis]
    factorial = (1, 1, 2)[orders[axis]]
    return total * factorial / (N_ROOTS * RADIUS ** orders[axis])


@pytest.mark.parametrize("problem", WITH_EXACT, ids=lambda problem: problem.name)
def test_the_exact_solution_satisfies_the_equation(problem):
    points = tuple(random_points(problem.pde.box, 50, seed=1).T)
    (equation,) = problem.pde.equations
    jets = {jet: cauchy_derivative(problem.exact, points, jet[1]).real for jet in equation.jets}
    residual = equation.residual(jets, points)
    partials = equation.partials(jets, points)
    # Rounding of each derivative, times what the equation makes of it; 8 for the sums.
    size = np.max(np.abs(problem.exact(*points)))
    eps = np.finfo(float).eps
    bound = sum(
        np.max(np.abs(slope)) * (8 * eps * size * 2 / RADIUS ** max(jet[1]))
        + np.max(np.abs(slope * jets[jet])) * 1e-12
        for jet, slope in partials.items()
    )
    assert np.max(np.abs(residual)) < bound
    # The bound tells the solution from another: its terms are far larger.
    terms = max(np.max(np.abs(slope * jets[jet])) for jet, slope in partials.items())
    assert bound < 1e-4 * terms


@pytest.mark.parametrize("problem", WITH_EXACT, ids=lambda problem: problem.name)
def test_the_exact_solution_satisfies_the_data(problem):
    pde = problem.pde
    points = random_points(pde.box, 50, seed=2)
    scale = np.max(np.abs(problem.exact(*points.T)))
    n_conditions = 0
    for (_, axis), conditions in pde.conditions.items():
        for end, found in ((pde.box.low, conditions.low), (pde.box.high, conditions.high)):
            for condition in found:
                here = [column.copy() for column in points.T]
                here[axis][:] = end[axis]
                order = [0] * len(here)
                order[axis] = 1
                value = condition.alpha * problem.exact(*here)
                if condition.beta:
                    slope = cauchy_derivative(problem.exact, here, order).real
                    value = value + condition.beta * slope
                # A slope has the rounding of Cauchy's integral, eps/r; sin kπ is k·eps.
                np.testing.assert_allclose(condition.g(*here), value, atol=1e-11 * scale)
                n_conditions += 1
    assert n_conditions >= len(pde.box)


def test_data_of_problems_in_time_are_those_that_determine_the_solution():
    for problem in solvers.PROBLEMS.values():
        if "time" not in problem.tags:
            continue
        axis = problem.pde.box.names.index("t")
        assert not problem.pde.conditions["u", axis].high
    inflow = solvers.find("advection").pde.conditions["u", 0]
    assert len(inflow.low) == 1
    assert not inflow.high


def test_both_forms_of_the_papers_problems_are_there():
    x = np.array([0.3])
    slow = np.sin(x) + 0.1 * np.sin(20 * x)
    assert solvers.find("u2").exact(x) == slow + 0.05 * np.sin(100 * x)
    assert solvers.find("u2-cos").exact(x) == slow + 0.05 * np.cos(100 * x)
    assert solvers.find("u2-unit").exact(x) == slow + np.cos(100 * x)
    code, text = (solvers.find(name).exact(x, 0 * x) for name in ("u7", "u7-sin"))
    assert code == np.sin(6 * x) * np.cos(20 * x)
    assert text == np.sin(6 * x) * np.sin(20 * x)


def test_bratu_is_on_its_lower_branch_and_stops_at_the_fold():
    from solvers.bratu import FOLD, one_dimension

    # u(1/2) on both branches at λ = 2: Jacobsen and Schmitt's θ = 2.3576 and 8.5072.
    middle = one_dimension(2.0).exact(np.array([0.5]))[0]
    assert middle == pytest.approx(2 * np.log(np.cosh(2.3575510538774020 / 4)), rel=1e-14)
    assert pytest.approx(3.513830719125161, rel=1e-14) == FOLD
    for strength in (0, 3.52):
        with pytest.raises(ValueError, match=f"strength is above 0 and below 3.5138.*{strength}"):
            one_dimension(strength)


def test_merging_fronts_take_their_levels_in_between():
    exact = solvers.find("burgers_merging").exact
    # Far from both fronts at t = 0, which stand at 0.25 and 0.5.
    np.testing.assert_allclose(exact(np.array([-1.0, 0.375, 2.0]), 0), [1, 0.5, 0.1], atol=0.05)
    assert np.isfinite(exact(np.array([-1e4, 1e4]), 0)).all()


def test_error_is_relative_and_off_the_grid():
    problem = solvers.find("u1")
    assert solvers.error(problem, lambda X: problem.exact(*X.T)) == 0
    assert solvers.error(problem, lambda X: 0 * X[:, 0]) == 1
    assert solvers.error(problem, lambda X: 1.5 * problem.exact(*X.T)) == pytest.approx(0.5)
    assert solvers.error(problem, lambda X: np.full(len(X), np.nan)) == np.inf
    with pytest.raises(ValueError, match=r"predict returned shape \(2000, 1\) for 2000 points"):
        solvers.error(problem, lambda X: X)
    with pytest.raises(ValueError, match="bratu2d has no exact solution"):
        solvers.error(solvers.find("bratu2d"), lambda X: X[:, 0])


def test_names_are_found_and_wrong_ones_get_a_hint():
    assert solvers.find("poisson2d") is solvers.PROBLEMS["u7"]
    for alias, name in solvers.ALIASES.items():
        assert alias not in solvers.PROBLEMS
        assert solvers.find(alias).name == name
    with pytest.raises(ValueError, match="no problem called 'advecton'; did you mean advection"):
        solvers.find("advecton")
    with pytest.raises(ValueError, match="no problem called '%%'; python -m solvers list"):
        solvers.find("%%")


def test_a_problem_has_as_many_points_as_axes():
    problem = solvers.find("u1")
    with pytest.raises(ValueError, match=r"broken: points=\(4, 4\) has 2 numbers for a box of 1"):
        Problem("broken", "", "", problem.pde, "", None, (4, 4))

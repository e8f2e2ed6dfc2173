"""The classical references reach what theory gives them, for every kind of condition."""

import numpy as np
import pytest

import solvers
from kernlab.exceptions import MissingExtraError
from kernlab.pde import (
    PDE,
    Box,
    D,
    Dirichlet,
    Field,
    Initial,
    Neumann,
    Periodic,
    Robin,
    Unknown,
    coords,
)
from solvers.chebyshev import barycentric, chebyshev_points
from solvers.problem import Problem
from solvers.reference import chebyshev, finite_differences, finite_elements

u = Field("u")


# Error allowed at the points of the problem. Differentiation twice at n points loses n⁴ eps of the
# highest frequency, which is below 1e-9 at n = 900; where the points do not resolve the solution,
# the error is that of truncation.
TRUNCATED = {"poisson3d": 1e-7, "sine_gordon": 1e-4, "burgers_merging": 1e-4}
# Fewer points than the tables take, for the sake of time.
FEWER = {
    "u6": (384, 384),
    "u7": (120, 120),
    "u7-sin": (120, 120),
    "sine_gordon": (40, 28),
    "burgers_merging": (44, 32),
}


def problem_of(pde, exact):
    return Problem("test", "", "", pde, "", exact, (2,) * len(pde.box))


@pytest.mark.parametrize(
    "name",
    [name for name, problem in solvers.PROBLEMS.items() if problem.exact],
)
def test_chebyshev_solves_every_problem(name):
    problem = solvers.find(name)
    solution = chebyshev(problem.pde, FEWER.get(name, problem.points))
    assert solution.converged
    assert solvers.error(problem, solution.predict) < TRUNCATED.get(name, 1e-9)


def test_points_and_derivatives_are_exact_for_polynomials():
    x, D1 = chebyshev_points(-1.0, 2.0, 12)
    assert x[0] == -1
    assert x[-1] == 2
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(D1 @ x**5, 5 * x**4, atol=1e-11)
    fine = np.r_[np.linspace(-1, 2, 30), x]
    np.testing.assert_allclose(barycentric(x, fine) @ x**5, fine**5, atol=1e-12)


def test_chebyshev_converges_at_a_spectral_rate():
    problem = solvers.find("bratu")
    errors = [solvers.error(problem, chebyshev(problem.pde, n).predict) for n in (6, 10, 14)]
    # The singularity nearest to the interval gives a geometric rate of about 0.1 per point.
    assert errors[1] < 1e-2 * errors[0]
    assert errors[2] < 1e-2 * errors[1]


def exact_wave(x, y=0.0):
    return np.sin(3 * x + 0.4) * np.exp(y)


def slope_wave(x, y=0.0):
    return 3 * np.cos(3 * x + 0.4) * np.exp(y)


@pytest.mark.parametrize("end", ["slope", "robin", "periodic"])
def test_chebyshev_takes_every_kind_of_condition(end):
    x, y = coords("x y")
    if end == "periodic":
        box = Box(x=(0, 2 * np.pi / 3), y=(0, 1))
        bcs = [Periodic("x"), Dirichlet(exact_wave)]
    elif end == "slope":
        box = Box(x=(0, 1), y=(0, 1))
        bcs = [
            Neumann(lambda x, y: -slope_wave(x, y), faces="x_min"),
            Neumann(slope_wave, faces="x_max"),
            Dirichlet(exact_wave),
        ]
    else:
        box = Box(x=(0, 1), y=(0, 1))
        bcs = [
            Robin(2, 3, lambda x, y: 2 * exact_wave(x, y) - 3 * slope_wave(x, y), faces="x_min"),
            Robin(1, 1, lambda x, y: exact_wave(x, y) + slope_wave(x, y), faces="x_max"),
            Dirichlet(exact_wave),
        ]
    equation = D(u, x, 2) + D(u, y, 2) + u - (lambda x, y: -7 * exact_wave(x, y))
    problem = problem_of(PDE(equation, box, bcs), exact_wave)
    solution = chebyshev(problem.pde, (24, 16))
    assert solvers.error(problem, solution.predict) < 1e-10


def test_time_may_be_the_first_coordinate():
    t, x = coords("t x")

    def exact(t, x):
        return np.cos(np.pi * t) * np.sin(np.pi * x)

    pde = PDE(D(u, t, 2) - D(u, x, 2), Box(t=(0, 1), x=(0, 1)), [Initial(exact, 0), Dirichlet(0)])
    assert solvers.error(problem_of(pde, exact), chebyshev(pde, (20, 18)).predict) < 1e-11


def test_mixed_derivatives_and_large_variable_coefficients():
    x, y = coords("x y")

    def source(x, y):
        s, c = np.sin(3 * x + 0.4) * np.exp(y), np.cos(3 * x + 0.4) * np.exp(y)
        return -8 * s + 1.5 * c + np.cos(x * y) * s

    equation = D(u, x, 2) + D(u, y, 2) + 0.5 * D(D(u, x), y) + np.cos(x * y) * u - source
    problem = problem_of(
        PDE(equation, Box(x=(0, 1), y=(0, 1)), [Dirichlet(exact_wave)]), exact_wave
    )
    # Dense elimination, and GMRES beyond 2,500 unknowns.
    for shape in ((18, 16), (54, 54)):
        solution = chebyshev(problem.pde, shape)
        assert solvers.error(problem, solution.predict) < 1e-11


@pytest.mark.parametrize("name", ["u3", "u5", "ac1b", "convection_diffusion", "bratu"])
def test_finite_differences_are_of_second_order(name):
    problem = solvers.find(name)
    n = 40 * round(np.pi * max(problem.points) / 8)
    errors = [
        solvers.error(problem, finite_differences(problem.pde, k).predict) for k in (n, 2 * n)
    ]
    assert errors[0] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


def test_finite_differences_keep_their_order_at_slopes():
    x = coords("x")
    bcs = [
        Robin(2, 3, lambda x: 2 * exact_wave(x) - 3 * slope_wave(x), faces="x_min"),
        Neumann(slope_wave, faces="x_max"),
    ]
    pde = PDE(D(u, x, 2) + (lambda x: 9 * exact_wave(x)), Box(x=(0, 1)), bcs)
    problem = problem_of(pde, exact_wave)
    errors = [solvers.error(problem, finite_differences(pde, k).predict) for k in (100, 200)]
    # h² times a fourth derivative of 81, and as much for the slopes.
    assert errors[1] < 4e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_newton_that_cannot_converge_says_so():
    x = coords("x")
    # Beyond the fold at 3.51 there is no solution.
    pde = PDE(D(u, x, 2) + 6 * np.exp(u), Box(x=(0, 1)), [Dirichlet(0)])
    assert not chebyshev(pde, 16).converged
    assert not finite_differences(pde, 50).converged


def test_data_that_solve_the_equation_need_no_step():
    x = coords("x")
    pde = PDE(D(u, x, 2), Box(x=(0, 1)), [Dirichlet(0)])
    solution = chebyshev(pde, 8)
    assert solution.n_iter == 0
    assert (solution.predict(np.array([[0.3]])) == 0).all()


def test_what_the_references_do_not_solve_is_refused():
    x, t = coords("x t")
    v, k = Field("v"), Unknown("k", bounds=(1, 2))
    box = Box(x=(0, 1))
    system = PDE([D(u, x, 2) - v, D(v, x, 2) - u], box, [Dirichlet(0)])
    inverse = PDE(D(u, x, 2) + k * u, box, [Dirichlet(0)])
    for solve in (lambda pde: chebyshev(pde, 8), lambda pde: finite_differences(pde, 8)):
        with pytest.raises(ValueError, match="one equation for one field; got 2 equations"):
            solve(system)
        with pytest.raises(ValueError, match="do not infer parameters"):
            solve(inverse)
    flat = solvers.find("u7").pde
    with pytest.raises(ValueError, match=r"shape has one number of points per axis, 2; got \(8,\)"):
        chebyshev(flat, 8)
    with pytest.raises(ValueError, match="shape holds at least 4 points along axis 1"):
        chebyshev(flat, (8, 3))
    with pytest.raises(ValueError, match="in 3 dimensions at most 2500 unknowns; got 10648"):
        chebyshev(solvers.find("poisson3d").pde, (24, 24, 24))
    with pytest.raises(ValueError, match="finite_differences is for one coordinate; got 2"):
        finite_differences(flat, 8)
    with pytest.raises(ValueError, match="n is at least 4; got 3"):
        finite_differences(solvers.find("u1").pde, 3)
    start = PDE(D(u, t, 2) + u, Box(t=(0, 1)), [Initial(1, 0)])
    with pytest.raises(ValueError, match="needs one condition at each end"):
        finite_differences(start, 8)
    with pytest.raises(ValueError, match="finite_elements solves u_xx"):
        finite_elements(solvers.find("ac2").pde, 8)


def test_finite_elements_converge_or_name_the_extra():
    try:
        import skfem  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"pip install 'kernlab\[bench\]'"):
            finite_elements(solvers.find("u7").pde, 8)
        return
    problem = solvers.find("u7")
    errors = [solvers.error(problem, finite_elements(problem.pde, n).predict) for n in (64, 128)]
    # Biquadratic elements are of third order in L2.
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.3)

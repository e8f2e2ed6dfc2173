"""Every operator route and boundary kind, against solutions that the problems were made from.

The thresholds on errors off the grid are 1e-9 where nothing else is said: a hundred times the
default tolerance less than what the box, the frequencies and rounding would allow.
"""

import itertools

import numpy as np
import pytest
from manufactured import Exponentials, error, problem, solve, waves
from sklearn.exceptions import ConvergenceWarning

from kernlab.exceptions import SingularOperatorError
from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, Neumann, Periodic, Robin, coords

PI = np.pi
LINE, SQUARE = Box(x=(-1, 2)), Box(x=(0, 1), y=(-0.5, 1.5))
UNIT, CUBE = Box(x=(0, 1), y=(0, 1)), Box(x=(0, 1), y=(0, 1), z=(0, 2))
STRIP, SLAB = Box(x=(0, 1), t=(0, 2)), Box(x=(0, 1), y=(0, 1), t=(0, 1))

U1, V1 = waves((1, 5, 0.3), (0.5, 11, 1.0)), waves((1, 3, 0.8), (0.7, 7, 0.1))
U2, V2 = (
    waves((1, (3, 2), 0.3), (0.5, (-2, 5), 1.0)),
    waves((1, (2, -3), 0.8), (0.7, (1, 4), 0.1)),
)
U3 = waves((1, (3, 2, 1), 0.3), (0.5, (-2, 4, 3), 1.0))
# Growth along x and decay along t beside a wave.
UT = Exponentials((1, (3j, 2j)), (0.5j, (-1 + 4j, -0.7 + 2j)))
VT = waves((1, (2, -3), 0.8), (0.7, (-5, 4), 0.1))
P1 = waves((1, 2 * PI, 0.3), (0.5, 6 * PI, 1.0))
P2 = waves((1, (2 * PI, 3), 0.3), (0.5, (-4 * PI, 5), 1.0))
Q2 = waves((1, (4 * PI, -3), 0.8), (0.7, (-2 * PI, 4), 0.1))
PP = waves((1, (2 * PI, 2 * PI), 0.3), (0.5, (-4 * PI, 6 * PI), 1.0))


def neumann(exact, box, *faces, field=None):
    return [Neumann(exact.normal(f, box), faces=f, field=field) for f in faces]


def robin(exact, box, a, b, *faces):
    return [Robin(a, b, exact.normal(f, box, a, b), faces=f) for f in faces]


def start(exact, order=1, field=None):
    """Initial data in time, the last coordinate of two or three."""
    n = len(exact._terms[0][1])
    rate = exact.derivative(*[0] * (n - 1), 1) if order == 2 else None
    return [Initial(exact, rate=rate, field=field)]


def both(u, v, *faces):
    return [
        Dirichlet(u, field="u", faces=faces or None),
        Dirichlet(v, field="v", faces=faces or None),
    ]


def laplacian(d, *points):
    n = len(points)
    return sum(d(*[2 * (k == i) for k in range(n)]) for i in range(n))


def zero(d, *points):
    return d(*[0] * len(points))


def divergence(d, x, y):
    """∇·(a∇u) with a from 1 to 1000."""
    rate = 1.5 * np.log(10)
    a = np.exp(rate * (1 + np.sin(4 * x) * np.cos(3 * y)))
    slope_x = 4 * rate * np.cos(4 * x) * np.cos(3 * y) * a
    slope_y = -3 * rate * np.sin(4 * x) * np.sin(3 * y) * a
    return a * laplacian(d, x, y) + slope_x * d(1, 0) + slope_y * d(0, 1)


# name: (operator, exact solution, box, conditions, route)
LINES = {
    "dirichlet": (lambda d, x: d(2) + 3 * d(1) - d(0), U1, LINE, [Dirichlet(U1)]),
    "neumann": (lambda d, x: d(2) - d(0), U1, LINE, neumann(U1, LINE, "x_min", "x_max")),
    "robin": (
        lambda d, x: d(2) - d(0), U1, LINE,
        robin(U1, LINE, 2.0, 0.5, "x_min") + robin(U1, LINE, 1.0, -0.3, "x_max"),
    ),
    "first order": (lambda d, x: d(1) + d(0), U1, LINE, [Dirichlet(U1, faces="x_min")]),
    "first order, backwards": (
        lambda d, x: d(1) - 2 * d(0), U1, LINE, [Dirichlet(U1, faces="x_max")],
    ),
    "variable": (
        lambda d, x: np.exp(x) * d(2) + np.cos(x) * d(1) - d(0), U1, LINE, [Dirichlet(U1)],
    ),
    "periodic": (lambda d, x: d(2) + 2 * d(1) - d(0), P1, Box(x=(0, 1)), [Periodic("x")]),
    "periodic, variable": (
        lambda d, x: d(2) - (2 + np.sin(2 * PI * x)) * d(0), P1, Box(x=(0, 1)), [Periodic("x")],
    ),
    "oscillator": (
        lambda d, t: d(2) + 4 * d(0), U1, Box(t=(0, 3)), [Initial(U1, rate=U1.derivative(1))],
    ),
    "helmholtz": (lambda d, x: d(2) + 1000 * d(0), U1, LINE, [Dirichlet(U1)]),
    "convection": (lambda d, x: d(2) - d(0) * d(1), U1, LINE, [Dirichlet(U1)]),
    "allen-cahn": (lambda d, x: d(2) - d(0) ** 3 + d(0), U1, LINE, [Dirichlet(U1)]),
}  # fmt: skip

PLANES = {
    "dirichlet": (laplacian, U2, SQUARE, [Dirichlet(U2)]),
    "neumann beside dirichlet": (
        laplacian, U2, SQUARE, [*neumann(U2, SQUARE, "x_min"), Dirichlet(U2)],
    ),
    "neumann": (
        lambda d, x, y: laplacian(d, x, y) - d(0, 0), U2, SQUARE,
        neumann(U2, SQUARE, *SQUARE.faces),
    ),
    "robin": (
        lambda d, x, y: laplacian(d, x, y) - d(0, 0), U2, SQUARE,
        robin(U2, SQUARE, 2.0, 1.0, *SQUARE.faces),
    ),
    "mixed": (
        laplacian, U2, SQUARE,
        neumann(U2, SQUARE, "x_min", "y_max") + robin(U2, SQUARE, 1.0, 2.0, "x_max")
        + [Dirichlet(U2, faces="y_min")],
    ),
    "convection-diffusion": (
        lambda d, x, y: laplacian(d, x, y) + 10 * d(1, 0) - 5 * d(0, 1), U2, SQUARE,
        [Dirichlet(U2)],
    ),
    "convection-diffusion, neumann": (
        lambda d, x, y: laplacian(d, x, y) + 10 * d(1, 0) - 5 * d(0, 1), U2, SQUARE,
        [*neumann(U2, SQUARE, "x_min"), Dirichlet(U2)],
    ),
    "mixed derivative": (
        lambda d, x, y: laplacian(d, x, y) + 0.5 * d(1, 1), U2, SQUARE, [Dirichlet(U2)],
    ),
    "contrast": (divergence, U2, SQUARE, [Dirichlet(U2)]),
    "coefficients of one coordinate": (
        lambda d, x, y: (1 + x**2) * d(2, 0) + (2 + np.sin(y)) * d(0, 2) + x * y * d(1, 0),
        U2, SQUARE, [Dirichlet(U2)],
    ),
    "periodic": (laplacian, P2, UNIT, [Periodic("x"), Dirichlet(P2)]),
    "periodic, convection": (
        lambda d, x, y: laplacian(d, x, y) + 3 * d(1, 0), P2, UNIT, [Periodic("x"), Dirichlet(P2)],
    ),
    "doubly periodic": (
        lambda d, x, y: laplacian(d, x, y) - d(0, 0), PP, UNIT, [Periodic(("x", "y"))],
    ),
    "helmholtz": (
        lambda d, x, y: laplacian(d, x, y) + 1000 * d(0, 0), U2, UNIT, [Dirichlet(U2)],
    ),
    "allen-cahn": (
        lambda d, x, y: laplacian(d, x, y) - d(0, 0) ** 3 + d(0, 0), U2, SQUARE, [Dirichlet(U2)],
    ),
    "sine-gordon": (
        lambda d, x, y: laplacian(d, x, y) - np.sin(d(0, 0)), U2, SQUARE,
        [*neumann(U2, SQUARE, "x_min"), Dirichlet(U2)],
    ),
    "bratu": (lambda d, x, y: laplacian(d, x, y) + np.exp(d(0, 0)), U2, UNIT, [Dirichlet(U2)]),
    "burgers": (
        lambda d, x, y: 0.1 * laplacian(d, x, y) - d(0, 0) * (d(1, 0) + d(0, 1)), U2, SQUARE,
        [Dirichlet(U2)],
    ),
    "eikonal": (
        lambda d, x, y: laplacian(d, x, y) - d(1, 0) ** 2 - d(0, 1) ** 2, U2, UNIT,
        [Dirichlet(U2)],
    ),
    "quasilinear": (
        lambda d, x, y: (1 + d(0, 0) ** 2) * laplacian(d, x, y)
        + 2 * d(0, 0) * (d(1, 0) ** 2 + d(0, 1) ** 2),
        U2, UNIT, [Dirichlet(U2)],
    ),
}  # fmt: skip

TIMES = {
    "heat": (lambda d, x, t: d(0, 1) - 0.1 * d(2, 0), UT, STRIP, [*start(UT), Dirichlet(UT)]),
    "heat, neumann": (
        lambda d, x, t: d(0, 1) - 0.1 * d(2, 0), UT, STRIP,
        start(UT) + neumann(UT, STRIP, "x_min", "x_max"),
    ),
    "heat, variable": (
        lambda d, x, t: d(0, 1) - (1 + 0.5 * np.sin(3 * x) * np.cos(t)) * d(2, 0), UT, STRIP,
        [*start(UT), Dirichlet(UT)],
    ),
    "wave": (
        lambda d, x, t: d(0, 2) - 4 * d(2, 0), UT, STRIP, [*start(UT, 2), Dirichlet(UT)],
    ),
    "wave, neumann": (
        lambda d, x, t: d(0, 2) + 0.5 * d(0, 1) - 4 * d(2, 0), UT, STRIP,
        start(UT, 2) + neumann(UT, STRIP, "x_min", "x_max"),
    ),
    "wave, periodic": (
        lambda d, x, t: d(0, 2) - 4 * d(2, 0), P2, STRIP, [*start(P2, 2), Periodic("x")],
    ),
    "advection": (
        lambda d, x, t: d(0, 1) + 4 * d(1, 0), UT, STRIP,
        [*start(UT), Dirichlet(UT, faces="x_min")],
    ),
    "advection to the left": (
        lambda d, x, t: d(0, 1) - 4 * d(1, 0), UT, STRIP,
        [*start(UT), Dirichlet(UT, faces="x_max")],
    ),
    "advection, periodic": (
        lambda d, x, t: d(0, 1) + 4 * d(1, 0), P2, STRIP, [*start(P2), Periodic("x")],
    ),
    "sine-gordon": (
        lambda d, x, t: d(0, 2) - d(2, 0) + np.sin(d(0, 0)), UT, STRIP,
        [*start(UT, 2), Dirichlet(UT)],
    ),
    "allen-cahn": (
        lambda d, x, t: d(0, 1) - 0.01 * d(2, 0) + d(0, 0) ** 3 - d(0, 0), UT, STRIP,
        [*start(UT), Dirichlet(UT)],
    ),
    "burgers": (
        lambda d, x, t: d(0, 1) - 0.05 * d(2, 0) + d(0, 0) * d(1, 0), UT, STRIP,
        [*start(UT), Dirichlet(UT)],
    ),
    "burgers, periodic": (
        lambda d, x, t: d(0, 1) - 0.05 * d(2, 0) + d(0, 0) * d(1, 0), P2, STRIP,
        [*start(P2), Periodic("x")],
    ),
}  # fmt: skip

VOLUMES = {
    "dirichlet": (laplacian, U3, CUBE, [Dirichlet(U3)]),
    "mixed": (
        laplacian, U3, CUBE,
        neumann(U3, CUBE, "x_min", "y_max") + robin(U3, CUBE, 1.0, 2.0, "z_max")
        + [Dirichlet(U3)],
    ),
    "convection-diffusion": (
        lambda d, *p: laplacian(d, *p) + 3 * d(1, 0, 0) - 2 * d(0, 0, 1), U3, CUBE,
        [Dirichlet(U3)],
    ),
    "variable": (
        lambda d, x, y, z: (2 + np.sin(x + y)) * laplacian(d, x, y, z) + x * d(1, 0, 0), U3, CUBE,
        [Dirichlet(U3)],
    ),
    "allen-cahn": (
        lambda d, *p: laplacian(d, *p) - zero(d, *p) ** 3 + zero(d, *p), U3, CUBE, [Dirichlet(U3)],
    ),
    "heat": (
        lambda d, x, y, t: d(0, 0, 1) - 0.1 * (d(2, 0, 0) + d(0, 2, 0)), U3, SLAB,
        [*start(U3), Dirichlet(U3)],
    ),
    "wave": (
        lambda d, x, y, t: d(0, 0, 2) - d(2, 0, 0) - d(0, 2, 0), U3, SLAB,
        [*start(U3, 2), Dirichlet(U3)],
    ),
    "advection": (
        lambda d, x, y, t: d(0, 0, 1) + d(1, 0, 0) + 2 * d(0, 1, 0), U3, SLAB,
        [*start(U3), Dirichlet(U3, faces=("x_min", "y_min"))],
    ),
}  # fmt: skip

LINE_PAIR, PAIR = {"u": U1, "v": V1}, {"u": U2, "v": V2}
TIME_PAIR, PERIODIC_PAIR = {"u": UT, "v": VT}, {"u": P2, "v": Q2}
STARTS = start(UT, field="u") + start(VT, field="v")

SYSTEMS = {
    "linear line": (
        lambda u, v, x: (u(2) - 2 * u(0) + v(0), v(2) - v(0) + 0.5 * u(0)), LINE_PAIR, LINE,
        both(U1, V1),
    ),
    "nonlinear line": (
        lambda u, v, x: (u(2) - 2 * u(0) * v(0), v(2) - v(0) ** 3 + 0.5 * u(0)), LINE_PAIR, LINE,
        both(U1, V1),
    ),
    "two of second order for one of fourth": (
        lambda u, v, x: (u(2) - v(0), v(2) - u(0)), LINE_PAIR, LINE, both(U1, V1),
    ),
    "predator and prey": (
        lambda u, v, t: (u(1) - u(0) + u(0) * v(0), v(1) + v(0) - u(0) * v(0)), LINE_PAIR,
        Box(t=(0, 2)), [Initial(U1, field="u"), Initial(V1, field="v")],
    ),
    "linear plane": (
        lambda u, v, x, y: (
            u(2, 0) + u(0, 2) - 2 * u(0, 0) + v(0, 0), v(2, 0) + v(0, 2) - v(0, 0) + u(0, 0) / 2,
        ),
        PAIR, SQUARE, both(U2, V2),
    ),
    "gray-scott": (
        lambda u, v, x, y: (
            u(2, 0) + u(0, 2) - u(0, 0) * v(0, 0) ** 2,
            v(2, 0) + v(0, 2) + u(0, 0) * v(0, 0) ** 2 - v(0, 0),
        ),
        PAIR, UNIT, both(U2, V2),
    ),
    "first-order waves, u given at both ends": (
        lambda u, v, x, t: (u(0, 1) - v(1, 0), v(0, 1) - u(1, 0)), TIME_PAIR, STRIP,
        [*STARTS, Dirichlet(UT, field="u")],
    ),
    "first-order waves, u at one end and v at the other": (
        lambda u, v, x, t: (u(0, 1) - v(1, 0), v(0, 1) - u(1, 0)), TIME_PAIR, STRIP,
        [*STARTS, Dirichlet(UT, field="u", faces="x_min"),
         Dirichlet(VT, field="v", faces="x_max")],
    ),
    "first-order waves, equations the other way round": (
        lambda u, v, x, t: (u(1, 0) - v(0, 1), v(1, 0) - u(0, 1)), TIME_PAIR, STRIP,
        [*STARTS, Dirichlet(UT, field="u")],
    ),
    "first-order waves, periodic": (
        lambda u, v, x, t: (u(0, 1) - v(1, 0), v(0, 1) - u(1, 0)), PERIODIC_PAIR, STRIP,
        [*start(P2, field="u"), *start(Q2, field="v"), Periodic("x")],
    ),
    "a wave as value and rate": (
        lambda u, v, x, t: (u(0, 1) - v(0, 0), v(0, 1) - u(2, 0)), TIME_PAIR, STRIP,
        [*STARTS, Dirichlet(UT, field="u")],
    ),
    "reaction-diffusion": (
        lambda u, v, x, t: (
            u(0, 1) - 0.1 * u(2, 0) - v(0, 0), v(0, 1) - 0.2 * v(2, 0) + u(0, 0),
        ),
        TIME_PAIR, STRIP, STARTS + both(UT, VT),
    ),
    "reaction-diffusion, nonlinear": (
        lambda u, v, x, t: (
            u(0, 1) - 0.1 * u(2, 0) - u(0, 0) * (1 - u(0, 0) - v(0, 0)),
            v(0, 1) - 0.2 * v(2, 0) + v(0, 0) - u(0, 0) * v(0, 0),
        ),
        TIME_PAIR, STRIP, STARTS + both(UT, VT),
    ),
}  # fmt: skip

ALL = {
    f"{group}: {name}": case
    for group, cases in {
        "line": LINES, "plane": PLANES, "time": TIMES, "volume": VOLUMES, "system": SYSTEMS
    }.items()
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_the_solution_is_found_and_certified(name):
    operator, exact, box, conditions = ALL[name]
    solver = solve(problem(operator, exact, box, conditions))
    assert error(solver, exact) < 1e-10
    assert solver.converged_
    assert solver.error_ < 1e-10
    assert solver.residual_ < 1e-9


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("line: variable", "dense"),
        ("plane: mixed", "fast diagonalisation"),
        ("plane: convection-diffusion", "Schur"),
        ("plane: contrast", "Krylov"),
        ("plane: allen-cahn", "Newton, Krylov"),
        ("time: heat", "Schur"),
        ("volume: dirichlet", "fast diagonalisation"),
        ("volume: variable", "Krylov"),
        ("system: linear plane", "dense"),
    ],
)
def test_each_kind_of_operator_takes_its_route(name, route):
    assert solve(problem(*ALL[name])).route_ == route


@pytest.mark.parametrize("name", ["plane: dirichlet", "plane: robin", "plane: contrast"])
def test_the_error_falls_exponentially_with_the_features(name):
    from kernlab.pde._adaptive import solve_adaptively

    operator, exact, box, conditions = ALL[name]
    pde = problem(operator, exact, box, conditions)
    X = np.random.default_rng(3).uniform(box.low, box.high, (200, 2))
    truth = exact(*X.T)
    errors = []
    for n in (8, 11, 14, 17):
        # A tolerance of one: the sizes given are not refined.
        solution = solve_adaptively(pde, tol=0.999, max_points=n * n, sizes=[n, n])
        assert solution.sizes == [n, n]
        errors.append(np.linalg.norm(solution.predict(X) - truth) / np.linalg.norm(truth))
    # Past a degree of k h (5 on a half length of 1) each feature divides the error by a factor that
    # itself grows, as for Chebyshev series of entire functions: three features by at least ten.
    assert all(b < a / 10 for a, b in itertools.pairwise(errors))
    assert errors[-1] < 1e-6


@pytest.mark.parametrize("basis", ["spectral-mixture", "auto"])
def test_high_frequencies_take_few_features_of_their_lines(basis):
    k = 2000.0
    exact = waves((1, (k, 0), 0.4), (1, (0, k), 0.2))
    pde = problem(laplacian, exact, UNIT, [Dirichlet(exact)])
    solver = solve(pde, basis=basis, tol=1e-8)
    # Polynomials would take k/2 and more along each axis.
    assert max(solver.n_points_) < 100
    assert error(solver, exact) < 1e-8


def test_a_chirp_is_no_mixture_of_lines():
    x, u = coords("x"), Field("u")

    def exact(x):
        return np.sin(40 * np.exp(1.5 * x))

    def source(x):
        phase = 40 * np.exp(1.5 * x)
        return 2.25 * phase * np.cos(phase) - (1.5 * phase) ** 2 * np.sin(phase)

    pde = PDE(D(u, x, 2) - source, Box(x=(0, 1)), [Dirichlet(exact)])
    with pytest.warns(ConvergenceWarning):
        solver = solve(pde, basis="spectral-mixture")
    assert not solver.converged_
    # 'auto' goes back to polynomials.
    assert error(solve(pde), _Function(exact)) < 1e-10


class _Function:
    def __init__(self, function):
        self._function = function

    def __call__(self, *points):
        return self._function(*points)


@pytest.mark.parametrize(
    ("operator", "conditions"),
    [
        (laplacian, neumann(U2, UNIT, *UNIT.faces)),
        (lambda d, x, y: laplacian(d, x, y) + 13 * PI**2 * d(0, 0), [Dirichlet(U2)]),
        (lambda d, x, y: d(0, 2) + d(2, 0), [Periodic(("x", "y"))]),
    ],
    ids=["neumann", "resonance", "periodic"],
)
def test_singular_operators_are_refused(operator, conditions):
    exact = PP if isinstance(conditions[0], Periodic) else U2
    with pytest.raises(SingularOperatorError, match="no unique solution|leave a constant free"):
        solve(problem(operator, exact, UNIT, conditions))


@pytest.mark.parametrize("box", [UNIT, Box(x=(0, 1e-6), y=(0, 1e6))], ids=["unit", "long"])
def test_slopes_on_faces_that_meet_do_not_differentiate_rounding(box):
    # Rounding of one face's data, n³ of it, would break the slope at the other, at 1e-9.
    scale = 1 / box.lengths
    exact = waves((1, (100, 3) * scale, 0.3), (1, (-3, 120) * scale, 1.0))
    a, b = 0.5 * scale

    def laplace(d, x, y):
        return (d(2, 0) / scale[0] ** 2) + (d(0, 2) / scale[1] ** 2)

    robin = [
        Robin(w, 1.0, exact.normal(face, box, w, 1.0), faces=face)
        for w, face in ((a, "x_min"), (b, "y_min"))
    ]
    slopes = [Neumann(exact.normal(face, box), faces=face) for face in ("x_max", "y_max")]
    solver = solve(problem(laplace, exact, box, robin + slopes))
    assert solver.converged_
    assert error(solver, exact) < 1e-10


def test_convection_from_a_slope_tells_its_error():
    # Errors at the slope grow as exp(x / 0.04): no eigenvalue is small, and digits are lost.
    box, exact = Box(x=(0, 1)), waves((1, 5, 0.3))
    conditions = [*neumann(exact, box, "x_min"), Dirichlet(exact)]
    with pytest.warns(ConvergenceWarning, match="rounding"):
        solver = solve(problem(lambda d, x: -0.04 * d(2) + d(1), exact, box, conditions))
    assert error(solver, exact) < 100 * solver.error_


def test_convection_from_a_slope_loses_no_digits_of_triangular_forms():
    # One Schur decomposition alone is right to 1e-9 here, its growth times rounding.
    conditions = [*neumann(U2, UNIT, "x_min"), Dirichlet(U2)]
    pde = problem(lambda d, x, y: -0.06 * (d(2, 0) + d(0, 2)) + d(1, 0), U2, UNIT, conditions)
    solver = solve(pde)
    assert solver.converged_
    assert error(solver, U2) < 1e-12


def test_next_to_a_resonance_the_error_is_told():
    """An eigenvalue of 1e-8 makes 1e-8/eps of the last digits of the source."""
    shift = 13 * PI**2 + 1e-8
    pde = problem(lambda d, x, y: laplacian(d, x, y) + shift * d(0, 0), U2, UNIT, [Dirichlet(U2)])
    with pytest.warns(ConvergenceWarning, match="rounding limits"):
        solver = solve(pde)
    found = error(solver, U2)
    assert 1e-9 < found < 100 * solver.error_


def test_a_line_at_resonance_is_refused():
    box = Box(x=(0, 1))
    pde = problem(lambda d, x: d(2) + PI**2 * d(0), U1, box, [Dirichlet(U1)])
    with pytest.raises(SingularOperatorError, match="rounding is all of u"):
        solve(pde)

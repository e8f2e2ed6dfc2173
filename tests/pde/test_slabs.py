"""Long times in slabs: exact solutions at their end, dispatch, and what happens where they stop."""

import numpy as np
import pytest
from manufactured import Exponentials, error, problem, solve, waves
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, Periodic, coords
from kernlab.pde._slabs import MOST_ALONG

PI = np.pi
STANDING = waves(
    (1, (3 * PI, -3 * PI), 0), (1, (3 * PI, 3 * PI), 0), (0.3, (PI, -PI), 0), (0.3, (PI, PI), 0)
)
MOVING = waves((1, (2 * PI, -2 * PI), 0.2), (0.4, (-6 * PI, 6 * PI), 0.5))
FORCED = Exponentials((1, (3j, 0.9j)), (0.5, (5j, -2j)))
OTHER = waves((1, (2, -3), 0.8), (0.7, (-5, 4), 0.1))


def wave(end):
    return problem(
        lambda d, x, t: d(0, 2) - d(2, 0), STANDING, Box(x=(0, 1), t=(0, end)),
        [Initial(STANDING, rate=STANDING.derivative(0, 1)), Dirichlet()], has_source=False,
    )  # fmt: skip


def long_box(end):
    return Box(x=(0, 1), t=(0, end))


CASES = {
    "advection, periodic": (
        lambda d, x, t: d(0, 1) + d(1, 0), MOVING, long_box(60 * PI),
        [Initial(MOVING), Periodic("x")],
    ),
    "advection": (
        lambda d, x, t: d(0, 1) + d(1, 0), MOVING, long_box(20 * PI),
        [Initial(MOVING), Dirichlet(MOVING, faces="x_min")],
    ),
    "heat": (
        lambda d, x, t: d(0, 1) - 0.1 * d(2, 0), FORCED, long_box(200),
        [Initial(FORCED), Dirichlet(FORCED)],
    ),
    "allen-cahn": (
        lambda d, x, t: d(0, 1) - 0.01 * d(2, 0) + d(0, 0) ** 3 - d(0, 0), FORCED, long_box(20),
        [Initial(FORCED), Dirichlet(FORCED)],
    ),
    "sine-gordon": (
        lambda d, x, t: d(0, 2) - d(2, 0) + np.sin(d(0, 0)), FORCED, long_box(60),
        [Initial(FORCED, rate=FORCED.derivative(0, 1)), Dirichlet(FORCED)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_long_times_keep_their_digits(name):
    operator, exact, box, conditions = CASES[name]
    has_source = exact is FORCED
    solver = solve(problem(operator, exact, box, conditions, has_source=has_source))
    assert error(solver, exact) < 1e-9
    assert solver.converged_
    assert len(solver.slabs_) > 1
    assert solver.slabs_[-1] == box.high[1]
    assert solver.n_points_[1] <= MOST_ALONG
    assert f"{len(solver.slabs_)} slabs" in solver.route_


def test_a_wave_after_sixty_pi():
    """Ninety periods, with functions along x far too quick for a slab: nothing of them grows."""
    solver = solve(wave(60 * PI))
    assert error(solver, STANDING) < 1e-9
    assert solver.converged_
    assert solver.residual_ < 1e-9


def test_an_oscillator_in_slabs():
    exact = waves((1, 5, 0.3), (0.5, 11, 1.0))
    pde = problem(
        lambda d, t: d(2) + 121 * d(0), exact, Box(t=(0, 100)),
        [Initial(exact, rate=exact.derivative(1))],
    )  # fmt: skip
    solver = solve(pde)
    assert len(solver.slabs_) > 4
    assert error(solver, exact) < 1e-9


def test_points_and_grids_are_answered_by_their_slab():
    solver = solve(wave(20 * PI))
    ends = solver.slabs_
    assert len(ends) > 2
    # Not in order, and on the very ends of the slabs.
    times = np.concatenate([ends[::-1], [0.0, 1.0, 0.5]])
    x = np.linspace(0, 1, 7)
    grid = solver.predict_grid([x, times])
    X = np.stack(np.meshgrid(x, times, indexing="ij"), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(grid.ravel(), solver.predict(X), atol=1e-13)
    np.testing.assert_allclose(grid, STANDING(x[:, None], times), atol=1e-9)


def test_systems_keep_their_fields_apart():
    solver = solve(
        problem(
            lambda u, v, x, t: (u(0, 1) - v(1, 0), v(0, 1) - u(1, 0)),
            {"u": FORCED, "v": OTHER},
            long_box(80),
            [Initial(FORCED, field="u"), Initial(OTHER, field="v"), Dirichlet(FORCED, field="u")],
        )
    )
    assert len(solver.slabs_) > 1
    x, times = np.linspace(0, 1, 5), np.array([70.0, 3.0, 41.0])
    grid = solver.predict_grid([x, times])
    assert grid.shape == (5, 3, 2)
    for column, field in enumerate((FORCED, OTHER)):
        np.testing.assert_allclose(grid[..., column], field(x[:, None], times), atol=1e-9)


def test_short_times_take_one_slab_and_boxes_without_time_none():
    x, y, u = *coords("x y"), Field("u")
    assert solve(wave(1.0)).slabs_.tolist() == [1.0]
    box = Box(x=(0, 1), y=(0, 1))
    pde = PDE(D(u, x, 2) + D(u, y, 2) - 1, box, [Dirichlet(lambda x, y: x * x / 2)])
    assert solve(pde).slabs_.tolist() == []


def test_equal_slabs_share_their_factorisation(monkeypatch):
    from kernlab.pde import _newton

    made = []

    class Counted(_newton._LinearSolver):
        def _factorise(self):
            made.append(1)
            super()._factorise()

    monkeypatch.setattr(_newton, "_LinearSolver", Counted)
    t, u = coords("t"), Field("u")
    pde = PDE(D(u, t, 2) + 121 * u, Box(t=(0, 300)), [Initial(1.0, rate=0.0)])
    solver = solve(pde)
    np.testing.assert_allclose(solver.predict([[300.0]]), np.cos(3300.0), atol=1e-9)
    # The attempts before the first slab that does, and one for all slabs.
    assert len(made) < len(solver.slabs_)


def test_a_solution_that_ceases_to_exist_is_followed_to_its_end():
    """u' = u², u(0) = 1: u = 1 / (1 - t)."""
    t, u = coords("t"), Field("u")
    pde = PDE(D(u, t) - u**2, Box(t=(0, 2)), [Initial(1.0)])
    with pytest.warns(ConvergenceWarning, match=r"from t = 0\.99\d* on, the iteration"):
        solver = solve(pde)
    assert not solver.converged_
    early = np.linspace(0, 0.9, 10)[:, None]
    np.testing.assert_allclose(solver.predict(early), 1 / (1 - early[:, 0]), rtol=1e-9)


def test_progress_is_shown_on_demand(capsys):
    solve(wave(20 * PI), verbose=1)
    silent = capsys.readouterr()
    # Under two seconds there is nothing to show.
    assert silent.out == ""

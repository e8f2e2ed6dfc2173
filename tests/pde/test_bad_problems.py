"""What cannot be solved, or not to the tolerance, is said: errors and ConvergenceWarning."""

import numpy as np
import pytest
from manufactured import error, solve
from sklearn.exceptions import ConvergenceWarning

from kernlab.exceptions import SingularOperatorError
from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, coords

x, y = coords("x y")
u = Field("u")
LINE, SQUARE = Box(x=(0, 1)), Box(x=(0, 1), y=(0, 1))


def on_line(source):
    return PDE(D(u, x, 2) - source, LINE, [Dirichlet()])


def on_square(source):
    return PDE(D(u, x, 2) + D(u, y, 2) - source, SQUARE, [Dirichlet()])


def bratu(strength):
    return PDE(D(u, x, 2) + strength * np.exp(u), LINE, [Dirichlet()])


def test_too_few_points_warn_with_the_figures():
    pde = on_square(lambda x, y: np.sin(100 * x) * np.sin(100 * y))
    with pytest.warns(ConvergenceWarning, match=r"max_points.*residual off the grid [1-9]\.\de"):
        solver = solve(pde, max_points=400)
    assert not solver.converged_
    assert np.prod(solver.n_points_) <= 400
    assert np.isfinite(solver.predict([[0.3, 0.4]])).all()


def test_a_source_that_is_nan_somewhere_is_named_with_the_point():
    def broken(x, y):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x - 0.2) + y

    with pytest.raises(ValueError, match=r"broken returned nan at x=0\.[01]\d*, y="):
        solve(on_square(broken))


@pytest.mark.parametrize(
    "source",
    [
        lambda x: np.abs(x - 0.3),
        lambda x: np.sign(x - 0.3),
        lambda x: np.exp(-1e6 * (x - 0.3) ** 2),
    ],
    ids=["kink", "jump", "spike"],
)
def test_data_that_are_not_smooth_warn(source):
    with pytest.warns(ConvergenceWarning, match="not smooth"):
        solver = solve(on_line(source))
    assert not solver.converged_


def test_a_narrow_peak_that_lines_at_random_miss_is_resolved():
    def peak(x, y):
        return np.exp(-2e3 * ((x - 0.3) ** 2 + (y - 0.6) ** 2))

    solver = solve(on_square(peak))
    assert solver.converged_
    # Its coefficients fall as exp(-k²/a), a = 2000: to 1e-13 at k = 245, half of it in t.
    assert min(solver.n_points_) > 100
    assert solver.residual_ < 1e-9


def test_data_that_vanish_on_the_first_samples_are_seen():
    # T_16 is zero on the 16 Chebyshev points that the data are first sampled at.
    def alias(x):
        return np.cos(16 * np.arccos(np.clip(2 * x - 1, -1, 1)))

    def aliased_sine(x):
        return np.sin(400 * np.pi * x)

    assert solve(on_line(alias)).n_points_[0] > 16

    def exact(x):
        return -np.sin(400 * np.pi * x) / (400 * np.pi) ** 2

    assert error(solve(on_line(aliased_sine)), exact) < 1e-9


def test_bratu_below_the_fold_is_solved_and_beyond_it_warns():
    # u = 2 log(cosh θ/4 / cosh((x - 1/2) θ/2)) with θ = sqrt(2 λ) cosh(θ/4), the smaller root.
    strength, theta = 2.0, 2.3575510538774020
    solver = solve(bratu(strength))
    X = np.linspace(0, 1, 21)[:, None]
    exact = 2 * np.log(np.cosh(theta / 4) / np.cosh((X[:, 0] - 0.5) * theta / 2))
    np.testing.assert_allclose(solver.predict(X), exact, atol=1e-12)
    # The fold is at 3.513830719.
    for beyond in (3.52, 6.0):
        with pytest.warns(ConvergenceWarning, match="did not converge"):
            solver = solve(bratu(beyond))
        assert not solver.converged_
        assert solver.error_ > 1e-6


def test_nonlinear_errors_count_the_rounding_of_the_data():
    """At k = 3000 the last digits of the source are k·eps, and a box of thirty amplifies them."""

    def exact(x):
        return np.sin(100 * x)

    def source(x):
        return -1e4 * np.sin(100 * x) - np.sin(100 * x) ** 3

    box = Box(x=(0, 2 * np.pi))
    solver = solve(PDE(D(u, x, 2) - u**3 - source, box, [Dirichlet(exact)]))
    found = error(solver, exact)
    assert 1e-13 < found < 1e-9
    assert found / 30 < solver.error_ < 1e3 * found


@pytest.mark.parametrize("k2", [np.pi**2, np.pi**2 + 1e-10])
def test_resonance_on_a_line_is_refused_or_said(k2):
    """u'' + k² u = 1 with k² at or near an eigenvalue: the last digits of both are the answer."""
    x, u = coords("x"), Field("u")
    solver = GPPDESolver(PDE(D(u, x, 2) + k2 * u - 1, Box(x=(0, 1)), [Dirichlet(0)]))
    if k2 == np.pi**2:
        with pytest.raises(SingularOperatorError, match="rounding is all of u"):
            solver.fit()
        return
    with pytest.warns(ConvergenceWarning, match="rounding limits"):
        solver.fit()
    # Rounding of pi² by half a last digit moves the eigenvalue by 2e-16 of it, the gap by 2e-5.
    assert 1e-7 < solver.error_ < 1e-3


def test_resonance_of_a_rectangle_is_said():
    (x, y), u = coords("x y"), Field("u")
    equation = D(u, x, 2) + D(u, y, 2) + (2 * np.pi**2 + 1e-8) * u - 1
    with pytest.warns(ConvergenceWarning, match="rounding limits"):
        solver = GPPDESolver(PDE(equation, Box(x=(0, 1), y=(0, 1)), [Dirichlet(0)])).fit()
    assert 1e-8 < solver.error_ < 1e-4


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_sources_are_no_trouble(scale):
    x, u = coords("x"), Field("u")

    def source(x):
        return scale * np.sin(10 * x)

    pde = PDE(D(u, x, 2) - source, Box(x=(0, np.pi)), [Dirichlet(0)])
    solver = GPPDESolver(pde, random_state=0).fit()
    assert solver.converged_
    assert 0 < solver.error_ < 1e-10
    # u = -sin(10x) / 100 at the crest of its last wave but one.
    assert solver.predict([[0.15 * np.pi]])[0] == pytest.approx(scale / 100, rel=1e-10)


def test_lengths_whose_powers_overflow_are_refused():
    with pytest.raises(ValueError, match="other units"):
        Box(x=(0, 1e-150))

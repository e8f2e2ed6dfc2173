import sys

import numpy as np
import pytest

from kernlab.exceptions import MissingExtraError
from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDEDisplay, GPPDESolver, coords

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

x, y, z = coords("x y z")
u, w = Field("u"), Field("w")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def line():
    def f(x):
        return -901 * np.sin(30 * x)

    pde = PDE(D(u, x, 2) - u - f, Box(x=(0, np.pi)), [Dirichlet(0)])
    return GPPDESolver(pde, random_state=0).fit()


@pytest.fixture(scope="module")
def plane():
    def f(x, y):
        return -(49 + 100) * np.sin(7 * x) * np.cos(10 * y)

    def exact(x, y):
        return np.sin(7 * x) * np.cos(10 * y)

    pde = PDE(D(u, x, 2) + D(u, y, 2) - f, Box(x=(0, 1), y=(0, 2)), [Dirichlet(exact)])
    return GPPDESolver(pde, random_state=0).fit()


def test_one_dimension_is_a_curve_of_the_solution(line):
    display = GPPDEDisplay.from_estimator(line)
    grid, values = display.ax_.lines[0].get_data()
    np.testing.assert_allclose(values, np.sin(30 * grid), atol=1e-9)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("x", "u")
    # Exact data: there is no band to see.
    assert not display.ax_.collections


def test_noisy_data_have_a_band_of_two_deviations(rng):
    pde = PDE(D(u, x, 2), Box(x=(0, 1)), [Dirichlet(0)])
    X = np.linspace(0.02, 0.98, 40)[:, None]
    target = -100 * np.sin(10 * X[:, 0]) + 10 * rng.standard_normal(40)
    solver = GPPDESolver(pde, random_state=0).fit(X, target, observe="source")
    display = GPPDEDisplay.from_estimator(solver, grid_resolution=21)
    grid = np.linspace(0, 1, 21)
    mean, std = solver.predict_grid([grid], return_std=True)
    (band,) = display.ax_.collections
    corners = band.get_paths()[0].vertices
    assert np.max(corners[:, 1]) == pytest.approx(np.max(mean + 2 * std))
    assert np.min(corners[:, 1]) == pytest.approx(np.min(mean - 2 * std))
    for kind in ("residual", "convergence"):
        with pytest.raises(ValueError, match=f"kind='{kind}' shows a direct solve"):
            GPPDEDisplay.from_estimator(solver, kind=kind)
    drawn = GPPDEDisplay.from_estimator(solver, kind="spectrum").ax_.lines
    np.testing.assert_allclose(
        np.max(drawn[0].get_ydata()) ** 2, np.max(solver.kernel_.axes[0].weights)
    )


def test_two_dimensions_are_a_plane(plane):
    figure, ax = pyplot.subplots()
    display = GPPDEDisplay.from_estimator(plane, grid_resolution=20, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    first, second, values = display.image
    assert second[-1] == 2
    assert values[3, 7] == pytest.approx(np.sin(7 * first[3]) * np.cos(10 * second[7]))
    drawn = ax.collections[0].get_array()
    assert drawn[7, 3] == values[3, 7]
    # Colours are symmetric about zero.
    assert ax.collections[0].norm.vmin == -ax.collections[0].norm.vmax


def test_three_dimensions_show_the_middle_slice():
    def exact(x, y, z):
        return x * y + 4 * z

    laplacian = D(u, x, 2) + D(u, y, 2) + D(u, z, 2)
    pde = PDE(laplacian, Box(x=(0, 1), y=(0, 1), z=(1, 2)), [Dirichlet(exact)])
    solver = GPPDESolver(pde, random_state=0).fit()
    display = GPPDEDisplay.from_estimator(solver, grid_resolution=5)
    first, second, values = display.image
    np.testing.assert_allclose(values, np.multiply.outer(first, second) + 6, atol=1e-9)
    assert display.ax_.get_title() == "z = 1.5"


def test_fields_of_a_system_have_a_curve_each():
    pde = PDE(
        [D(u, x) - w, D(w, x) + 25 * u],
        Box(x=(0, 1)),
        [Dirichlet(1, faces="x_min", field="u"), Dirichlet(0, faces="x_min", field="w")],
    )
    solver = GPPDESolver(pde, random_state=0).fit()
    ax = GPPDEDisplay.from_estimator(solver, grid_resolution=9).ax_
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["u", "w"]
    grid, values = ax.lines[1].get_data()
    np.testing.assert_allclose(values, -5 * np.sin(5 * grid), atol=1e-8)


def test_residual_is_that_of_the_estimator(line, plane):
    display = GPPDEDisplay.from_estimator(line, kind="residual")
    assert display.ax_.get_yscale() == "log"
    values = display.ax_.lines[0].get_ydata()
    # The same quantity at other points; it varies by orders of magnitude between them.
    assert 0.01 < np.sqrt(np.mean(values**2)) / line.residual_ < 100
    display = GPPDEDisplay.from_estimator(plane, kind="residual", grid_resolution=15)
    assert display.image[2].shape == (15, 15)
    assert np.max(display.image[2]) < 1e-6


def test_spectrum_shows_the_line(line, plane):
    ax = GPPDEDisplay.from_estimator(line, kind="spectrum").ax_
    by_label = {drawn.get_label(): drawn for drawn in ax.lines}
    assert by_label["lines"].get_xdata()[0] == pytest.approx(30, abs=1e-6)
    omega, size = by_label["coefficients"].get_data()
    # sin 30 x on (0, π) is one eigenfunction, of mean square 1/2.
    assert omega[np.argmax(size)] == pytest.approx(30)
    assert np.max(size) == pytest.approx(np.sqrt(0.5))
    omega, size = by_label["prior"].get_data()
    assert omega[np.argmax(size)] == pytest.approx(30, abs=1e-6)
    labels = GPPDEDisplay.from_estimator(plane, kind="spectrum").ax_.get_legend().get_texts()
    assert {"prior in x", "coefficients in y"} <= {text.get_text() for text in labels}


def test_convergence_shows_every_refinement(line):
    display = GPPDEDisplay.from_estimator(line, kind="convergence")
    sizes, errors = display.ax_.lines[0].get_data()
    history = line._fit_solution.history
    np.testing.assert_array_equal(sizes, [size[0] for size, _ in history])
    np.testing.assert_array_equal(errors, [error for _, error in history])
    assert np.all(display.ax_.lines[1].get_ydata() == line.tol)


def test_colours_are_of_both_signs_only_where_the_solution_is():
    a, b = coords("x y")
    square = Box(x=(0, 1), y=(0, 1))
    # By the maximum principle u < 0 inside; on the boundary it is zero but for rounding.
    below = PDE(D(u, a, 2) + D(u, b, 2) - 10 * u - 1, square, [Dirichlet(0)])
    both = PDE(D(u, a, 2) + D(u, b, 2), square, [Dirichlet(a - 0.5)])
    for pde, name in ((below, "viridis"), (both, "RdBu_r")):
        solver = GPPDESolver(pde, tol=1e-6, random_state=0).fit()
        mesh = GPPDEDisplay.from_estimator(solver, grid_resolution=41).ax_.collections[0]
        assert mesh.get_cmap().name == name
        low, high = mesh.get_clim()
        assert (low == -high) == (name == "RdBu_r")


def test_one_refinement_is_drawn_within_a_decade(line):
    ax = GPPDEDisplay.from_estimator(line, kind="convergence").ax_
    low, high = ax.get_xlim()
    sizes = ax.lines[0].get_xdata()
    assert low < min(sizes) <= max(sizes) < high
    assert high / low >= 10 * (1 - 1e-9)


def test_bad_arguments(line, monkeypatch):
    with pytest.raises(TypeError, match="give a fitted kernlab GPPDESolver"):
        GPPDEDisplay.from_estimator("solver")
    with pytest.raises(ValueError, match="kind='error' is none of 'solution'"):
        GPPDEDisplay.from_estimator(line, kind="error")
    for wrong in (1, 10.5):
        with pytest.raises(ValueError, match=f"grid_resolution={wrong} is not an integer of 2"):
            GPPDEDisplay.from_estimator(line, grid_resolution=wrong)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match="plot"):
        GPPDEDisplay.from_estimator(line)

"""Which Gaussian process noisy data get, through GPPDESolver.fit(X, y)."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, Neumann, Periodic, coords
from kernlab.pde._grid import fit_grid

x, y = coords("x y")
u = Field("u")
BOX = Box(x=(0, 2), y=(1, 2))
SIDE = 10


def exact(x, y):
    return np.sin(2 * x) * np.cos(3 * y) + x


def source(x, y):
    return -13 * np.sin(2 * x) * np.cos(3 * y)


def wave(x):
    return np.sin(9 * x)


def bend(x):
    return -81 * wave(x)


LAPLACE = D(u, x, 2) + D(u, y, 2)
POISSON = PDE(LAPLACE, BOX, [Dirichlet(exact)])
LINE = PDE(D(u, x, 2), Box(x=(0, 1)), [Dirichlet(wave)])


def grid_data(side=SIDE, seed=0, level=0.1):
    """Axes, points in a random order, and noisy values of the source there."""
    rng = np.random.default_rng(seed)
    places = np.arange(1, side + 1) / (side + 1)
    axes = [2 * places, 1 + places]
    X = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    X = X[rng.permutation(len(X))]
    return axes, X, source(*X.T) + level * rng.standard_normal(len(X))


def line_data(seed=0, n=60):
    rng = np.random.default_rng(seed)
    X = np.sort(rng.random(n))[:, None]
    return X, bend(X[:, 0]) + 0.5 * rng.standard_normal(n)


def inside(n, seed=1):
    return BOX.low + BOX.lengths * np.random.default_rng(seed).random((n, 2))


@pytest.fixture(scope="module")
def solvers():
    """One fitted solver for each route."""
    _, X, values = grid_data()
    rng = np.random.default_rng(2)
    scattered = inside(120)
    noisy = source(*scattered.T) + 0.1 * rng.standard_normal(120)
    return {
        "grid": GPPDESolver(POISSON, random_state=0).fit(X, values, observe="source"),
        "weight space": GPPDESolver(POISSON, random_state=0).fit(
            scattered, noisy, observe="source", alpha=np.full(120, 0.01)
        ),
        "state space": GPPDESolver(LINE, kernel="student-t", random_state=0).fit(
            *line_data(), observe="source"
        ),
    }


def test_rows_of_a_grid_in_any_order_take_the_grid(solvers):
    axes, X, values = grid_data()
    solver = solvers["grid"]
    assert solver.route_ == "grid"
    order = np.lexsort((X[:, 1], X[:, 0]))
    direct = fit_grid(axes, values[order].reshape(SIDE, SIDE), boundary=exact)
    at = inside(20)
    for got, wanted in zip(
        solver.predict(at, return_std=True), direct.predict(at, return_std=True), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-8)
    assert solver.log_evidence_ == pytest.approx(direct.log_evidence, rel=1e-9)
    assert solver.noise_ == pytest.approx(direct.noise, rel=1e-8)
    # Values that are not zero on the faces: the lift carries them.
    rim = np.array([[0.0, 1.3], [2.0, 1.7], [0.4, 1.0], [1.1, 2.0]])
    np.testing.assert_allclose(solver.predict(rim), exact(*rim.T), atol=1e-9)


def test_grid_coordinates_that_rounding_has_moved_take_the_grid(solvers):
    _, X, values = grid_data()
    moved = X + 1e-13 * np.random.default_rng(0).standard_normal(X.shape)
    solver = GPPDESolver(POISSON, random_state=0).fit(moved, values, observe="source")
    assert solver.route_ == "grid"
    at = inside(5)
    np.testing.assert_allclose(solver.predict(at), solvers["grid"].predict(at), rtol=1e-9)


def test_a_source_left_in_the_equation_is_added_to_the_data(solvers):
    _, X, values = grid_data()
    pde = PDE(LAPLACE - source, BOX, [Dirichlet(exact)])
    solver = GPPDESolver(pde, random_state=0).fit(X, values - source(*X.T), observe="source")
    assert solver.route_ == "grid"
    at = inside(10)
    np.testing.assert_allclose(solver.predict(at), solvers["grid"].predict(at), rtol=1e-6)


def other_data(kind):
    """An equation, its data and options that are next to those of the grid, and no such."""
    _, X, values = grid_data()
    few = grid_data(side=6)[1:]

    def rate(x, y):
        return 2 * np.cos(2 * x) * np.cos(3 * y) + 1

    slope = [Neumann(rate, faces=["x_max"]), Dirichlet(exact)]
    ring = [Periodic("x"), Dirichlet(0, faces=["y_min", "y_max"])]
    return {
        "a missing cell": (POISSON, X[1:], values[1:], {}),
        "a cell twice": (POISSON, np.r_[X[1:], X[1:2]], values, {}),
        "not uniform": (POISSON, np.c_[X[:, 0] ** 2 / 2, X[:, 1]], values, {}),
        "few cells": (POISSON, *few, {}),
        "a slope": (PDE(LAPLACE, BOX, slope), X, values, {}),
        "periodic": (PDE(LAPLACE - u, BOX, ring), X, values, {}),
        "a first derivative": (PDE(LAPLACE + D(u, x), BOX, [Dirichlet(exact)]), X, values, {}),
        "variable": (PDE(LAPLACE + x * u, BOX, [Dirichlet(exact)]), X, values, {}),
        "noise for each": (POISSON, X, values, {"alpha": np.full(len(X), 0.01)}),
        "the solution": (POISSON, X, values, {"observe": "solution"}),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "a missing cell", "a cell twice", "not uniform", "few cells", "a slope", "periodic",
        "a first derivative", "variable", "noise for each", "the solution",
    ],
)  # fmt: skip
def test_all_else_goes_to_weight_space(kind, monkeypatch):
    asked = {}

    def assimilate(pde, X, y, **options):
        asked.update(pde=pde, X=X, y=y, **options)
        return SimpleNamespace(params={"k": (1.0, 0.1)})

    monkeypatch.setattr("kernlab.pde._data_fit.assimilate", assimilate)
    pde, X, values, options = other_data(kind)
    options = {"observe": "source", "alpha": "fit", **options}
    solver = GPPDESolver(pde, random_state=3).fit(X, values, **options)
    assert solver.route_ == "weight space"
    assert solver.params_ == {"k": (1.0, 0.1)}
    assert asked["pde"] is pde
    np.testing.assert_array_equal(asked["X"], X)
    np.testing.assert_array_equal(asked["y"], values)
    assert asked["observe"] == options["observe"]
    assert asked["alpha"] is options["alpha"]


def test_a_grid_in_weight_space_is_not_taken_for_its_aliases():
    # On 10 x 10 cells along which the noise is known for each, cos 3y is also cos(69.1 - 3)y.
    _, X, values = grid_data()
    solver = GPPDESolver(POISSON, random_state=0).fit(
        X, values, observe="source", alpha=np.full(len(X), 0.01)
    )
    assert all(np.all(lines < 11 * np.pi) for lines in solver.lines_)
    at = inside(50)
    mean, std = solver.predict(at, return_std=True)
    assert np.linalg.norm(mean - exact(*at.T)) < 0.01 * np.linalg.norm(mean)
    assert np.mean(np.abs(mean - exact(*at.T)) < 3 * std) > 0.8


def refused(kind):
    line, slope = Box(x=(0, 1)), [Neumann(faces=["x_max"]), Dirichlet()]
    X, values = line_data()
    _, X2, values2 = grid_data()
    return {
        "two coordinates": (POISSON, X2, values2, "source"),
        "of the solution": (LINE, X, values, "solution"),
        "a slope": (PDE(D(u, x, 2), line, slope), X, values, "source"),
        "not constant": (PDE(D(u, x, 2) + x * u, line, [Dirichlet()]), X, values, "source"),
        "first order": (PDE(D(u, x), line, [Dirichlet(faces=["x_min"])]), X, values, "source"),
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["two coordinates", "of the solution", "a slope", "not constant", "first order"]
)
def test_student_t_says_what_it_takes(kind):
    pde, X, values, observe = refused(kind)
    with pytest.raises(ValueError, match=r"kernel='student-t' conditions [^$]* Use kernel='sm'"):
        GPPDESolver(pde, kernel="student-t").fit(X, values, observe=observe)


@pytest.mark.parametrize("kernel", ["se", "matern52"])
def test_kernels_of_the_map_take_no_data(kernel):
    with pytest.raises(ValueError, match="is for method='map'"):
        GPPDESolver(LINE, kernel=kernel).fit(*line_data(), observe="source")


@pytest.mark.parametrize(
    ("kernel", "pde", "data"), [("sm", POISSON, grid_data), ("student-t", LINE, line_data)]
)
def test_bad_data_are_named_on_every_route(kernel, pde, data):
    *_, X, values = data()
    solver = GPPDESolver(pde, kernel=kernel)
    outside, hole, gap = X.copy(), X.copy(), values.copy()
    outside[3, 0], hole[3, 0], gap[3] = 7.0, np.nan, np.nan
    for points, targets, match in [
        (np.c_[X, X], values, r"\(n, "),
        (X[:, 0], values, r"\(n, "),
        (outside, values, "in row 3"),
        (hole, values, "finite"),
        (X, values[1:], "y (must have|has) shape"),
        (X, values[:, None], "y (must have|has) shape"),
        (X, gap, "finite"),
    ]:
        with pytest.raises(ValueError, match=match):
            solver.fit(points, targets, observe="source")
    for alpha in (-1.0, np.nan, "learn", np.ones(3)):
        with pytest.raises(ValueError, match="alpha"):
            solver.fit(X, values, observe="source", alpha=alpha)
    with pytest.raises(ValueError, match="together"):
        solver.fit(X)


@pytest.mark.parametrize("route", ["grid", "weight space", "state space"])
def test_predictions_have_their_shapes_and_agree(solvers, route):
    solver = solvers[route]
    assert solver.route_ == route
    d = solver.n_features_in_
    box = solver.pde.box
    at = box.low + box.lengths * np.random.default_rng(3).random((7, d))
    mean, std = solver.predict(at, return_std=True)
    same, cov = solver.predict(at, return_cov=True)
    assert mean.shape == std.shape == (7,)
    assert cov.shape == (7, 7)
    np.testing.assert_allclose(solver.predict(at), mean)
    np.testing.assert_allclose(same, mean)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), std, rtol=1e-5)
    assert solver.sample_y(at, 3, random_state=0).shape == (7, 3)
    np.testing.assert_array_equal(
        solver.sample_y(at, 2, random_state=1), solver.sample_y(at, 2, random_state=1)
    )
    axes = [
        np.linspace(a, b, 4 + j) for j, (a, b) in enumerate(zip(box.low, box.high, strict=True))
    ]
    grid, spread = solver.predict_grid(axes, return_std=True)
    assert grid.shape == spread.shape == tuple(len(axis) for axis in axes)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, d)
    np.testing.assert_allclose(grid.ravel(), solver.predict(points), atol=1e-9)
    np.testing.assert_allclose(solver.predict_grid(axes), grid)
    assert len(solver.lines_) == len(solver.kernel_.axes) == d
    # What a reader is told of the prior adds up to its variance at the middle.
    middle = (box.low + box.lengths / 2)[None]
    for axis in solver.kernel_.axes:
        assert axis.frequencies.shape == axis.weights.shape == axis.scales.shape
        assert axis.spectrum == ("student-t" if route == "state space" else "gaussian")
        if route != "weight space":
            assert axis.weights.sum() == pytest.approx(solver.kernel_.diag(middle)[0], rel=1e-9)


@pytest.mark.parametrize("route", ["grid", "weight space", "state space"])
def test_a_fitted_solver_is_cloned_and_pickled(solvers, route):
    solver = solvers[route]
    again = pickle.loads(pickle.dumps(solver))
    box = solver.pde.box
    at = box.low + box.lengths * np.array([[0.3], [0.7]])
    np.testing.assert_array_equal(again.predict(at), solver.predict(at))
    blank = clone(solver)
    assert not hasattr(blank, "route_")
    assert blank.get_params()["kernel"] == solver.kernel


def test_student_t_takes_a_noise_for_each_datum():
    X, values = line_data()
    alpha = np.full(len(X), 0.25)
    values[10] += 50.0
    alpha[10] = 1e6
    solver = GPPDESolver(LINE, kernel="student-t").fit(X, values, observe="source", alpha=alpha)
    np.testing.assert_array_equal(solver.noise_, alpha)
    at = np.linspace(0, 1, 30)[:, None]
    mean, std = solver.predict(at, return_std=True)
    assert np.all(np.abs(mean - wave(at[:, 0])) < 5 * std + 1e-9)


@pytest.mark.parametrize("kernel", ["sm", "student-t"])
def test_noise_alone_is_warned_of_on_an_interval(kernel):
    rng = np.random.default_rng(0)
    pde = PDE(D(u, x, 2), Box(x=(0, 1)), [Dirichlet()])
    with pytest.warns(ConvergenceWarning, match="cannot be told from noise alone"):
        GPPDESolver(pde, kernel=kernel).fit(
            rng.random((200, 1)), rng.standard_normal(200), observe="source"
        )


def test_noise_alone_is_warned_of_on_a_grid():
    _, X, _ = grid_data()
    noise = np.random.default_rng(0).standard_normal(len(X))
    pde = PDE(LAPLACE, BOX, [Dirichlet()])
    with pytest.warns(ConvergenceWarning, match=r"cannot be told from noise alone, which.*%"):
        GPPDESolver(pde).fit(X, noise, observe="source")


def test_an_exact_grid_is_warned_of_and_not_where_it_is_said_to_be():
    _, X, values = grid_data(level=0.0)
    with pytest.warns(ConvergenceWarning, match="next to exact"):
        GPPDESolver(POISSON).fit(X, values, observe="source")
    solver = GPPDESolver(POISSON).fit(X, values, observe="source", alpha=0.0)
    at = inside(20)
    np.testing.assert_allclose(solver.predict(at), exact(*at.T), atol=0.01)

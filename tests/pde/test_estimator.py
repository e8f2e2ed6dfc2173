"""GPPDESolver as an estimator: parameters, refusals, and what it leaves behind."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from kernlab.exceptions import SingularOperatorError
from kernlab.pde import (
    PDE,
    Box,
    D,
    Dirichlet,
    Field,
    GPPDESolver,
    Neumann,
    Periodic,
    Unknown,
    coords,
)

x = coords("x")
u = Field("u")


def wave(x):
    return np.sin(30 * x)


def source(x):
    return -900 * np.sin(30 * x)


def line():
    return PDE(D(u, x, 2) - source, Box(x=(0, 1)), [Dirichlet(wave)])


def noisy():
    return PDE(D(u, x, 2), Box(x=(0, 1)), [Dirichlet(wave)])


def plane_source(x, y):
    return np.sin(9 * x) * np.cos(7 * y)


def plane():
    a, b = coords("x y")
    return PDE(D(u, a, 2) + D(u, b, 2) - plane_source, Box(x=(0, 2), y=(-1, 1)), [Dirichlet(0)])


def test_parameters_are_kept_and_clones_fit_alike():
    solver = GPPDESolver(line(), tol=1e-8, random_state=3)
    copy = clone(solver)
    assert copy.get_params()["tol"] == 1e-8
    assert copy is not solver
    assert not hasattr(copy, "n_points_")
    X = np.linspace(0, 1, 7)[:, None]
    np.testing.assert_array_equal(solver.fit().predict(X), copy.fit().predict(X))
    assert "GPPDESolver" in solver._repr_html_()


def test_a_fitted_solver_survives_pickling():
    solver = GPPDESolver(line(), random_state=0).fit()
    X = np.linspace(0, 1, 7)[:, None]
    again = pickle.loads(pickle.dumps(solver))
    np.testing.assert_array_equal(again.predict(X), solver.predict(X))
    mean, std = again.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, solver.predict(X))
    assert np.all(std < 1e-6)


def test_unfitted_solvers_say_so():
    with pytest.raises(NotFittedError):
        GPPDESolver(line()).predict([[0.5]])
    with pytest.raises(NotFittedError):
        _ = GPPDESolver(line()).kernel_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tol": 0.0}, "'tol' parameter"),
        ({"basis": "chebyshev"}, "'basis' parameter"),
        ({"method": "pinn"}, "'method' parameter"),
        ({"max_points": 0}, "'max_points' parameter"),
        ({"backend": "jax"}, "'backend' parameter"),
        ({"kernel": "rbf"}, "'kernel' parameter"),
        ({"kernel": "matern52"}, "is for method='map'"),
        ({"trend": "matern52"}, "is for method='map'"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        GPPDESolver(line(), **parameters).fit()


def test_an_equation_is_needed():
    with pytest.raises(ValueError, match="'pde' parameter"):
        GPPDESolver("u'' = f").fit()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([0.5], r"give \(n, 1\)"),
        ([[0.5, 0.5]], r"give \(n, 1\)"),
        ([[np.nan]], "must be finite"),
        ([[1.5]], "must lie in Box"),
    ],
)
def test_queries_that_do_not_fit_the_box(X, message):
    solver = GPPDESolver(line(), random_state=0).fit()
    with pytest.raises(ValueError, match=message):
        solver.predict(X)


def test_grids_that_do_not_fit_the_box():
    solver = GPPDESolver(plane(), random_state=0).fit()
    with pytest.raises(ValueError, match="one for each of the coordinates"):
        solver.predict_grid([np.linspace(0, 2, 3)])
    with pytest.raises(ValueError, match="must lie in"):
        solver.predict_grid([np.linspace(0, 2, 3), np.linspace(-1, 3, 3)])
    with pytest.raises(ValueError, match="one-dimensional"):
        solver.predict_grid([np.zeros((2, 2)), np.zeros(3)])


def test_grid_and_points_agree():
    solver = GPPDESolver(plane(), random_state=0).fit()
    axes = np.linspace(0, 2, 5), np.linspace(-1, 1, 4)
    grid = solver.predict_grid(axes)
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    # Sums of some hundred products in another order.
    np.testing.assert_allclose(grid.ravel(), solver.predict(mesh), atol=1e-13)
    assert solver.score(mesh, solver.predict(mesh)) == 1.0


def test_a_failed_fit_leaves_the_last_one():
    solver = GPPDESolver(line(), random_state=0).fit()
    before = solver.predict([[0.3]])
    with pytest.raises(ValueError, match="come together"):
        solver.fit(X=[[0.1], [0.2]])
    np.testing.assert_array_equal(solver.predict([[0.3]]), before)


def test_a_new_fit_forgets_the_last_one():
    solver = GPPDESolver(noisy(), random_state=0)
    rng = np.random.default_rng(0)
    X = np.linspace(0, 1, 60)[:, None]
    y = source(X[:, 0]) + rng.standard_normal(60)
    solver.fit(X, y, observe="source")
    assert solver.route_ == "weight space"
    solver.set_params(pde=line()).fit()
    assert solver.route_ == "dense"
    # The noise of the first fit was of order one, the nominal noise of exact data is not.
    assert np.all(solver.predict(X, return_std=True)[1] < 1e-6)


def test_unknowns_need_data():
    k = Unknown("k", bounds=(1, 9))
    pde = PDE(D(u, x, 2) + k * u - source, Box(x=(0, 1)), [Dirichlet(0)])
    with pytest.raises(ValueError, match=r"unknowns \['k'\]"):
        GPPDESolver(pde).fit()


def test_draws_spread_as_the_standard_deviation_says():
    rng = np.random.default_rng(0)
    X = np.linspace(0, 1, 60)[:, None]
    y = source(X[:, 0]) + 90 * rng.standard_normal(60)
    solver = GPPDESolver(noisy(), random_state=0).fit(X, y, observe="source")
    query = np.array([[0.21], [0.55], [0.83]])
    mean, std = solver.predict(query, return_std=True)
    draws = solver.sample_y(query, 4000, random_state=1)
    # Four standard errors of a mean, and of a standard deviation, of 4000 draws.
    assert np.all(np.abs(draws.mean(axis=1) - mean) < 4 * std / np.sqrt(4000))
    assert np.all(np.abs(draws.std(axis=1) / std - 1) < 4 / np.sqrt(8000))
    _, covariance = solver.predict(query, return_cov=True)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), std, rtol=1e-10)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5])
def test_draws_are_counted_from_one(n_samples):
    with pytest.raises(ValueError, match="n_samples must be an integer of 1 or more"):
        GPPDESolver(line()).fit().sample_y([[0.5]], n_samples)


def test_too_few_points_warn_and_still_solve():
    with pytest.warns(ConvergenceWarning, match="max_points was reached"):
        solver = GPPDESolver(line(), max_points=16, random_state=0).fit()
    assert not solver.converged_
    assert solver.n_points_[0] <= 16
    assert solver.error_ > 1e-10
    assert solver.predict([[0.5]]).shape == (1,)


def test_what_rounding_forbids_is_said():
    with pytest.warns(ConvergenceWarning, match="rounding limits"):
        solver = GPPDESolver(line(), tol=1e-15, random_state=0).fit()
    assert not solver.converged_


def test_results_do_not_depend_on_earlier_fits():
    first = GPPDESolver(plane(), random_state=0).fit().predict([[0.4, 0.2]])
    GPPDESolver(line(), random_state=5).fit()
    np.testing.assert_array_equal(
        GPPDESolver(plane(), random_state=0).fit().predict([[0.4, 0.2]]), first
    )


def test_torch_forms_the_same_products():
    pytest.importorskip("torch", reason="the extra gp brings torch")
    X = np.random.default_rng(0).random((50, 2)) * [2, 2] - [0, 1]
    by_numpy = GPPDESolver(plane(), random_state=0).fit()
    by_torch = GPPDESolver(plane(), backend="torch", random_state=0).fit()
    # Both are sums of a few hundred products.
    np.testing.assert_allclose(by_torch.predict(X), by_numpy.predict(X), atol=1e-13)


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver = GPPDESolver(line(), random_state=0).fit()
    assert solver.converged_
    assert solver.error_ <= 1e-10


@pytest.mark.parametrize("condition", [Neumann(), Periodic("x")])
def test_a_free_constant_is_refused_without_data_and_found_with_them(condition, rng):
    def exact(x):
        return 3 + np.cos(2 * np.pi * x)

    def bend(x):
        return -4 * np.pi**2 * np.cos(2 * np.pi * x)

    pde = PDE(D(u, x, 2) - bend, Box(x=(0, 1)), [condition])
    with pytest.raises(SingularOperatorError, match="hold u through derivatives alone"):
        GPPDESolver(pde).fit()
    if isinstance(condition, Neumann):
        X = rng.random((50, 1))
        y = exact(X[:, 0]) + 0.01 * rng.standard_normal(50)
        solver = GPPDESolver(pde, random_state=0).fit(X, y)
        # Five standard errors of the constant.
        assert np.max(np.abs(solver.predict(X) - exact(X[:, 0]))) < 5 * 0.01 / np.sqrt(50)


def test_frames_with_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    solver = GPPDESolver(plane(), random_state=0).fit()
    X = np.array([[0.5, 0.25], [1.5, -0.5]])
    frame = pandas.DataFrame(X, columns=["x", "y"])
    np.testing.assert_array_equal(solver.predict(frame), solver.predict(X))
    with pytest.raises(ValueError, match="columns of X are y, x, and the box's order is x, y"):
        solver.predict(frame[["y", "x"]])


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.full((9, 1), 0.5j), np.ones(9), TypeError, "X must be real"),
        (np.full((9, 1), 0.5), np.ones(9) + 1j, TypeError, "y must be real"),
        (np.full((9, 1), 0.5), np.ones((9, 1)), ValueError, r"give y.ravel\(\)"),
        (np.full((9, 1), 0.5), np.ones(8), ValueError, "X has 9 rows; give one value for each"),
        (np.full(9, 0.5), np.ones(9), ValueError, r"X.reshape\(-1, 1\)"),
    ],
)
def test_data_that_do_not_fit_are_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        GPPDESolver(noisy()).fit(X, y, observe="source")


def test_functions_of_one_number_are_told_that_they_get_arrays():
    def ramp(x):
        return 1.0 if x > 0.5 else 0.0

    with pytest.raises(ValueError, match="ambiguous") as caught:
        GPPDESolver(PDE(D(u, x, 2) - ramp, Box(x=(0, 1)), [Dirichlet()])).fit()
    assert "ramp is called with one array per coordinate" in caught.value.__notes__[0]


def test_a_new_fit_leaves_nothing_of_another_kind():
    solver = GPPDESolver(line(), random_state=0).fit()
    assert solver.n_points_
    X = np.linspace(0, 1, 60)[:, None]
    y = source(X[:, 0]) + np.random.default_rng(0).standard_normal(60)
    solver.set_params(pde=noisy()).fit(X, y, observe="source")
    assert not hasattr(solver, "n_points_")
    assert not hasattr(solver, "slabs_")


def test_the_shape_of_the_lines_can_be_asked_for():
    solver = GPPDESolver(line(), kernel="student-t", random_state=0).fit()
    assert [axis.spectrum for axis in solver.kernel_.axes] == ["student-t"]


def test_progress_is_shown_where_asked_for(capsys, monkeypatch):
    labels = []

    def shown(iterable, *, total, verbose, label):
        labels.append((verbose, label))
        return iterable

    monkeypatch.setattr("kernlab.pde._adaptive.progress", shown)
    GPPDESolver(plane(), verbose=1, random_state=0).fit()
    assert labels == [(1, "Refinements")]
    assert capsys.readouterr().out == ""

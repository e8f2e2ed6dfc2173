"""A direct solve is the mean of a Gaussian process: the dense one has the same posterior."""

import tracemalloc
from functools import reduce

import mpmath
import numpy as np
import pytest
from scipy import linalg

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, Initial, Periodic, coords
from kernlab.pde._adaptive import DirectSolution, _factors, _raws
from kernlab.pde._direct import NOMINAL, DirectPosterior
from kernlab.pde._discretization import Discretization
from kernlab.pde._legendre import gauss_legendre
from kernlab.pde._mixture import FittedMixture, axis_frequencies
from kernlab.pde._newton import solve
from kernlab.pde._prior import row_products

x, y, t = coords("x y t")
u = Field("u")


def direct(pde, sizes):
    """The solution with given sizes, whether resolved or not."""
    discretization = Discretization(pde, _factors(pde, sizes))
    found = solve(discretization)
    raws = _raws(discretization, found.coefficients)
    return DirectSolution(
        discretization, found.coefficients, raws, sizes, 0.0, 0.0, True, found.route, 1, 0, []
    )


def poisson(f=None, g=0, high=1.0):
    f = f or (lambda x, y: np.exp(x * y) * np.sin(3 * x + 2 * y))
    return PDE(D(u, x, 2) + 2 * D(u, y, 2) - 3 * u - f, Box(x=(0, high), y=(0, 1)), [Dirichlet(g)])


def line(f=None, high=1.0):
    f = f or (lambda x: np.exp(x) * np.sin(11 * x))
    return PDE(D(u, x, 2) - 2 * u - f, Box(x=(0, high)), [Dirichlet(0)])


def heat():
    def source(x, t):
        return np.sin(3 * x + 2 * t)

    return PDE(
        D(u, t) - 0.1 * D(u, x, 2) - source, Box(x=(0, 1), t=(0, 1)), [Dirichlet(0), Initial(0)]
    )


def damped():
    """Coefficients vary; the axis has no eigenfunctions."""
    equation = D(u, x, 2) + x * D(u, x) + 4 * u - np.cos
    return PDE(equation, Box(x=(0, 2)), [Initial(0, rate=0, coordinate="x")])


def rows_of(posterior, terms, source, n_extra=40):
    """Integrals of the operator's terms and of the source against the tests, by a fine rule."""
    (space,) = posterior._spaces
    rules = [gauss_legendre(2 * axis.n + n_extra) for axis in space.axes]
    halves = [(a.factor.high - a.factor.low) / 2 for a in space.axes]
    nodes = [
        axis.factor.low + half * (1 + nodes)
        for axis, half, (nodes, _) in zip(space.axes, halves, rules, strict=True)
    ]
    mesh = [part.ravel() for part in np.meshgrid(*nodes, indexing="ij")]
    weights = reduce(np.multiply.outer, [h * w for h, (_, w) in zip(halves, rules, strict=True)])
    tests = row_products(
        [a.factor.features(c) @ a.tests for a, c in zip(space.axes, mesh, strict=True)]
    )
    tests = tests * weights.ravel()[:, None]
    features = posterior.kernel.basis.features
    points = np.stack(mesh, axis=1)
    applied = sum(
        np.broadcast_to(number(*mesh) if callable(number) else number, len(points))[:, None]
        * features(points, orders)
        for orders, number in terms.items()
    )
    return tests.T @ applied, tests.T @ source(*mesh)


def dense(rows, target, noise, kernel, X):
    """Mean, covariance and evidence of the Gaussian process with k = Φ Λ Φᵀ, by Cholesky."""
    lam, features = kernel.variances, kernel.basis.features(X)
    factor = linalg.cholesky((rows * lam) @ rows.T + noise * np.eye(len(rows)), lower=True)
    half = linalg.solve_triangular(factor, (rows * lam) @ features.T, lower=True)
    white = linalg.solve_triangular(factor, target, lower=True)
    evidence = -0.5 * (white @ white + len(white) * np.log(2 * np.pi))
    evidence -= np.log(np.diag(factor)).sum()
    return half.T @ white, kernel(X) - half.T @ half, evidence


def precise(rows, target, noise, kernel, X):
    """The same in 60 digits."""
    with mpmath.workdps(60):
        lam, A = mpmath.diag([mpmath.mpf(v) for v in kernel.variances]), mpmath.matrix(rows)
        features = mpmath.matrix(kernel.basis.features(X))
        K = A * lam * A.T + mpmath.mpf(noise) * mpmath.eye(len(rows))
        factor = mpmath.cholesky(K)
        inverse = factor**-1
        white, half = inverse * mpmath.matrix(target), inverse * (A * lam * features.T)
        mean = half.T * white
        covariance = features * lam * features.T - half.T * half
        evidence = -sum(w**2 for w in white) / 2 - len(rows) * mpmath.log(2 * mpmath.pi) / 2
        evidence -= sum(mpmath.log(factor[i, i]) for i in range(len(rows)))
        std = [mpmath.sqrt(covariance[i, i]) for i in range(len(X))]
        return np.array(mean, float).ravel(), np.array(std, float), float(evidence)


PROBLEMS = {
    "2-D": (poisson, (14, 14), {(2, 0): 1.0, (0, 2): 2.0, (0, 0): -3.0},
            lambda x, y: np.exp(x * y) * np.sin(3 * x + 2 * y)),
    "1-D": (line, (42,), {(2,): 1.0, (0,): -2.0}, lambda x: np.exp(x) * np.sin(11 * x)),
    "time": (heat, (12, 11), {(0, 1): 1.0, (2, 0): -0.1}, lambda x, t: np.sin(3 * x + 2 * t)),
    "variable": (damped, (24,), {(2,): 1.0, (1,): lambda x: x, (0,): 4.0}, np.cos),
}  # fmt: skip


def inside(pde, rng, n=9):
    return pde.box.low + rng.uniform(0.05, 0.95, (n, len(pde.box))) * pde.box.lengths


@pytest.mark.parametrize("name", PROBLEMS)
def test_equals_the_dense_gaussian_process(name, rng):
    make, sizes, terms, source = PROBLEMS[name]
    pde = make()
    X = inside(pde, rng)
    # So much noise that Cholesky in double precision is a reference good to 1e-8.
    posterior = DirectPosterior(direct(pde, sizes), relative_noise=0.03, random_state=0)
    rows, target = rows_of(posterior, terms, source)
    mean, covariance, evidence = dense(rows, target, posterior.noise, posterior.kernel, X)
    ours, std = posterior.predict(X, return_std=True)
    np.testing.assert_allclose(ours, mean, atol=1e-8 * np.abs(mean).max(), rtol=0)
    np.testing.assert_allclose(std, np.sqrt(np.diag(covariance)), rtol=1e-8)
    ours, cov = posterior.predict(X, return_cov=True)
    np.testing.assert_allclose(cov, covariance, atol=1e-8 * np.diag(covariance).max(), rtol=0)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), std, rtol=1e-10)
    assert posterior.log_evidence == pytest.approx(evidence, rel=1e-8)
    # The noise is that of the source, of known size, at as many nodes.
    at_nodes = source(*posterior._spaces[0].nodes)
    variance = 0.03**2 * np.mean(at_nodes**2) * np.prod(pde.box.lengths) / np.prod(sizes)
    assert posterior.noise == pytest.approx(variance, rel=1e-10)


SMALL = {"2-D": (7, 6), "1-D": (24,), "time": (6, 5), "variable": (18,)}


@pytest.mark.parametrize("name", SMALL)
def test_exact_data_equal_a_reference_of_sixty_digits(name, rng):
    make, _, terms, source = PROBLEMS[name]
    pde = make()
    X = inside(pde, rng, 4)
    posterior = DirectPosterior(direct(pde, SMALL[name]), random_state=0)
    rows, target = rows_of(posterior, terms, source)
    if name in ("2-D", "time"):
        # The solver's rule of so few nodes integrates the source less well than that of the test.
        target = rows @ posterior._solution.coefficients[0].ravel()
    mean, std, evidence = precise(rows, target, posterior.noise, posterior.kernel, X)
    ours, deviation = posterior.predict(X, return_std=True)
    np.testing.assert_allclose(ours, mean, atol=1e-8 * np.abs(mean).max(), rtol=0)
    np.testing.assert_allclose(deviation, std, rtol=1e-8)
    assert posterior.log_evidence == pytest.approx(evidence, rel=1e-6)
    assert np.all(deviation < 1e-6 * np.abs(mean).max())


def test_a_nonlinear_equation_is_linearised_at_its_solution(rng):
    def f(x):
        return 20 * np.sin(5 * x)

    pde = PDE(D(u, x, 2) + u**3 - u - f, Box(x=(0, 1)), [Dirichlet(0)])
    solution = direct(pde, [30])
    posterior = DirectPosterior(solution, relative_noise=0.05, random_state=0)

    def at(x):
        return solution.predict(np.asarray(x)[:, None])

    # J (c - c*) is observed to be zero; J c* is f and what the cube adds to its tangent.
    rows, target = rows_of(
        posterior, {(2,): 1.0, (0,): lambda x: 3 * at(x) ** 2 - 1}, lambda x: f(x) + 2 * at(x) ** 3
    )
    X = inside(pde, rng)
    mean, covariance, evidence = dense(rows, target, posterior.noise, posterior.kernel, X)
    ours, std = posterior.predict(X, return_std=True)
    # The solver's rule on its nodes integrates u² φ² but for the last modes, which the prior
    # holds near zero.
    np.testing.assert_allclose(ours, mean, atol=1e-6 * np.abs(mean).max(), rtol=0)
    np.testing.assert_allclose(std, np.sqrt(np.diag(covariance)), rtol=1e-6)
    assert posterior.log_evidence == pytest.approx(evidence, rel=1e-5)


def test_weights_of_spurious_lines_vanish():
    rng = np.random.default_rng(0)
    pde = poisson(high=2.0)
    (space,) = Discretization(pde, _factors(pde, [120, 8])).spaces.values()
    axis = space.axes[0]
    omega = axis_frequencies(axis)
    true, spurious = omega[[20, 60]], rng.choice(np.delete(omega[5:110], [15, 55]), 28, False)
    spurious = spurious[np.min(np.abs(spurious[:, None] - true), axis=1) > 8 * np.pi / 2]
    assert len(spurious) >= 15
    # Drawn from two lines of the width of a component, and noise of a millionth.
    variances = sum(np.exp(-0.5 * ((omega - w) / (np.pi / 2)) ** 2) for w in true)
    c = np.sqrt(variances + 1e-12) * rng.standard_normal(axis.n)
    mixture = FittedMixture([axis], [np.concatenate([true, spurious])], c, np.full(axis.n, 1e-12))
    (described,) = mixture.describe()
    of_lines = described.weights[-len(true) - len(spurious) :]
    assert np.min(of_lines[:2]) > 0.01 * np.max(of_lines)
    # Below what is noise.
    assert np.max(of_lines[2:]) < 1e-9 * np.max(of_lines)


def test_kernel_of_a_pure_line_is_that_line():
    high = 2 * np.pi
    solver = GPPDESolver(line(lambda x: -902 * np.sin(30 * x), high), random_state=0).fit()
    (lines,), (axis,) = solver.lines_, solver.kernel_.axes
    np.testing.assert_allclose(lines, [30], atol=1e-6)
    weights = axis.weights / axis.weights.sum()
    assert axis.frequencies[np.argmax(weights)] == pytest.approx(30, abs=1e-6)
    assert weights[0] < 1e-9
    # A sine's mean square is 1/2. The most probable weight of a bump, of which one mode in the
    # middle is not zero, is its power over the number of modes, 2·8 + 1 or 2·9 + 1, at which the
    # bump is more than the noise; and the bump's sum is √(2π) modes.
    assert axis.weights.sum() == pytest.approx(np.sqrt(2 * np.pi) / 2 / 18, rel=0.1)
    assert axis.spectrum in ("gaussian", "student-t")
    assert solver.params_ == {}
    assert solver.noise_ > 0
    assert np.isfinite(solver.log_evidence_)
    # u is known at the end.
    assert solver.kernel_.diag(np.array([[1.0], [0.0]]))[1] == pytest.approx(0, abs=1e-20)


def test_deviation_is_zero_where_u_is_given(rng):
    posterior = DirectPosterior(direct(poisson(), (14, 12)), random_state=0)
    free = rng.uniform(0, 1, 8)
    faces = [(0 * free, free), (0 * free + 1, free), (free, 0 * free), (free, 0 * free + 1)]
    _, inner = posterior.predict(np.full((1, 2), 0.4), return_std=True)
    for face in faces:
        _, std = posterior.predict(np.stack(face, axis=1), return_std=True)
        # Rounding of polynomials of degree 14 at an end.
        assert np.max(std) < 1e-11 * inner[0]


def test_samples_have_the_moments(rng):
    solution = direct(heat(), (12, 10))
    posterior = DirectPosterior(solution, relative_noise=0.1, random_state=0)
    X, n = inside(heat(), rng, 4), 1000
    mean, cov = posterior.predict(X, return_cov=True)
    draws = posterior.sample(X, n, 7)
    assert draws.shape == (4, n)
    sd = np.sqrt(np.diag(cov))
    # Five standard errors of a mean, and of a covariance of normals.
    assert np.all(np.abs(draws.mean(axis=1) - mean) < 5 * sd / np.sqrt(n))
    error = np.sqrt((np.outer(sd, sd) ** 2 + cov**2) / n)
    assert np.all(np.abs(np.cov(draws) - cov) < 5 * error)
    np.testing.assert_array_equal(draws, posterior.sample(X, n, 7))


@pytest.mark.parametrize(
    ("make", "sizes"), [(poisson, (102, 102)), (heat, (42, 30)), (damped, (40,))]
)
def test_grids_need_no_table_of_points_and_unknowns(make, sizes):
    posterior = DirectPosterior(direct(make(), sizes), random_state=0)
    low, high = make().box.low, make().box.high
    axes = [np.linspace(a, b, 200) for a, b in zip(low, high, strict=True)]
    tracemalloc.start()
    mean, std = posterior.predict_grid(axes, return_std=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mean.shape == std.shape == (200,) * len(sizes)
    if len(sizes) == 2:
        n_unknowns = posterior._layout.n_blocks * posterior._layout.width
        assert peak < 0.2 * 8 * 200**2 * n_unknowns
    index = tuple(np.array([3, 77, 150]) for _ in sizes)
    X = np.stack([a[i] for a, i in zip(axes, index, strict=True)], axis=1)
    ours = posterior.predict(X, return_std=True)
    np.testing.assert_allclose(mean[index], ours[0], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(std[index], ours[1], rtol=1e-9)


def test_three_coordinates_and_a_coupled_one_among_plain_ones(rng):
    box = Box(t=(0, 1), x=(0, 1), y=(0, 1))

    def f(t, x, y):
        return np.cos(t + x) * y

    pde = PDE(
        D(u, t) - 0.1 * (D(u, x, 2) + D(u, y, 2)) - f,
        box,
        [Dirichlet(0, faces=["x_min", "x_max", "y_min", "y_max"]), Initial(0, coordinate="t")],
    )
    posterior = DirectPosterior(direct(pde, (7, 9, 8)), relative_noise=0.05, random_state=0)
    assert posterior._layout.coupled == (0,)
    X = inside(pde, rng, 5)
    rows, target = rows_of(posterior, {(1, 0, 0): 1.0, (0, 2, 0): -0.1, (0, 0, 2): -0.1}, f, 2)
    mean, covariance, _ = dense(rows, target, posterior.noise, posterior.kernel, X)
    ours, std = posterior.predict(X, return_std=True)
    np.testing.assert_allclose(std, np.sqrt(np.diag(covariance)), rtol=1e-8)
    # The rule of the solver on few nodes, times the source.
    np.testing.assert_allclose(ours, mean, atol=1e-6 * np.abs(mean).max())
    _, on_grid = posterior.predict_grid(X.T, return_std=True)
    np.testing.assert_allclose(np.einsum("iii->i", on_grid), std, rtol=1e-10)


def test_periodic_coordinates(rng):
    def f(x):
        return np.exp(np.cos(3 * x))

    pde = PDE(D(u, x, 2) - u - f, Box(x=(0, 2 * np.pi)), [Periodic("x")])
    posterior = DirectPosterior(direct(pde, [61]), relative_noise=0.01, random_state=0)
    rows, target = rows_of(posterior, {(2,): 1.0, (0,): -1.0}, f)
    X = inside(pde, rng)
    mean, covariance, evidence = dense(rows, target, posterior.noise, posterior.kernel, X)
    ours, std = posterior.predict(X, return_std=True)
    np.testing.assert_allclose(ours, mean, atol=1e-8 * np.abs(mean).max(), rtol=0)
    np.testing.assert_allclose(std, np.sqrt(np.diag(covariance)), rtol=1e-8)
    assert posterior.log_evidence == pytest.approx(evidence, rel=1e-8)


def test_a_system_has_a_deviation_for_each_field(rng):
    w = Field("w")
    pde = PDE(
        [D(u, x) - w, D(w, x) + 25 * u],
        Box(x=(0, 1)),
        [Dirichlet(1, faces="x_min", field="u"), Dirichlet(0, faces="x_min", field="w")],
    )
    solver = GPPDESolver(pde, random_state=0).fit()
    X = np.array([[0.0], [0.3], [0.9]])
    mean, std = solver.predict(X, return_std=True)
    np.testing.assert_allclose(mean[:, 0], np.cos(5 * X[:, 0]), atol=1e-9)
    assert std.shape == (3, 2)
    assert np.all(std[0] < 1e-12)
    assert np.all((std[1:] > 0) & (std[1:] < 1e-7))
    draws = solver.sample_y(X, 400, random_state=1)
    assert draws.shape == (3, 2, 400)
    # Five standard errors of a standard deviation.
    np.testing.assert_allclose(draws[1:].std(axis=-1), std[1:], rtol=5 / np.sqrt(2 * 400))


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_scales_with_the_data(scale, rng):
    def f(x, y):
        return np.sin(7 * x) * np.cos(5 * y)

    X = inside(poisson(), rng)
    one = DirectPosterior(direct(poisson(f), (16, 14)), random_state=0)
    other = DirectPosterior(direct(poisson(lambda x, y: scale * f(x, y)), (16, 14)), random_state=0)
    mean, std = one.predict(X, return_std=True)
    scaled = other.predict(X, return_std=True)
    np.testing.assert_allclose(scaled[0] / scale, mean, rtol=1e-9)
    np.testing.assert_allclose(scaled[1] / scale, std, rtol=1e-6)
    n = one._target.size
    assert other.log_evidence + n * np.log(scale) == pytest.approx(one.log_evidence, rel=1e-6)


def test_nothing_to_solve_for():
    posterior = DirectPosterior(direct(line(lambda x: 0 * x), (12,)), random_state=0)
    mean, std = posterior.predict(np.array([[0.3]]), return_std=True)
    assert (mean[0], std[0]) == (0.0, 0.0)
    assert np.isfinite(posterior.log_evidence)


def test_mean_is_the_solvers_and_the_prior_keeps_it(rng):
    pde = poisson(lambda x, y: -800 * np.sin(20 * x) * np.sin(20 * y), high=3.0)
    solver = GPPDESolver(pde, random_state=0).fit()
    X = inside(pde, rng)
    alone = solver.predict(X)
    np.testing.assert_array_equal(solver.predict(X, return_std=True)[0], alone)
    nominal = DirectPosterior(solver._fit_solution, relative_noise=NOMINAL, random_state=0)
    np.testing.assert_allclose(nominal.predict(X), alone, atol=1e-9 * np.abs(alone).max())


def test_bad_arguments(monkeypatch):
    posterior = DirectPosterior(direct(poisson(), (14, 14)), random_state=0)
    X = np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match="must not both be true"):
        posterior.predict(X, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\)"):
        posterior.predict(X[:, :1])
    with pytest.raises(ValueError, match="X must be finite"):
        posterior.predict(X * np.nan)
    with pytest.raises(ValueError, match="must lie in the box"):
        posterior.predict_grid([np.array([0.5]), np.array([1.5])])
    monkeypatch.setattr("kernlab.pde._blocks.MOST_COUPLED", 100)
    pde = PDE(D(u, x, 2) + D(u, y, 2) + u**3 - 1, Box(x=(0, 1), y=(0, 1)), [Dirichlet(0)])
    large = DirectPosterior(direct(pde, (14, 14)), random_state=0)
    # What needs no covariance is there.
    assert large.kernel.diag(X)[0] > 0
    assert large.predict(X).shape == (2,)
    for ask in (
        lambda: large.predict(X, return_std=True),
        lambda: large.log_evidence,
        lambda: large.sample(X),
    ):
        with pytest.raises(ValueError, match="couples 144 unknowns.*larger tol"):
            ask()

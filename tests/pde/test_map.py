"""The paper's method: finite differences, dense algebra in 50 digits, and exact solutions."""

import mpmath
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde import (
    PDE,
    Box,
    D,
    Dirichlet,
    Field,
    Neumann,
    Periodic,
    Unknown,
    coords,
)
from kernlab.pde._map import fit_map
from kernlab.pde._map_axis import NUGGET, MixtureAxis, mixture_variances
from kernlab.pde._map_inner import BOUNDARY_WEIGHT
from kernlab.pde._map_model import MapModel
from kernlab.pde._map_posterior import Stage
from kernlab.pde._map_problem import GridProblem, derivative_orders

torch = pytest.importorskip("torch", reason="method 'map' computes with torch")

x = coords("x")
u = Field("u")


def relative(value, exact):
    return np.linalg.norm(value - exact) / np.linalg.norm(exact)


def poisson(omega=20.0, length=2.0):
    """u'' = f on [0, length] with u = sin ωx."""
    return (
        PDE(
            D(u, x, 2) - (lambda x: -(omega**2) * np.sin(omega * x)),
            Box(x=(0, length)),
            [Dirichlet(lambda x: np.sin(omega * x))],
        ),
        lambda x: np.sin(omega * x),
    )


def allen_cahn(omega=20.0, length=2.0):
    def exact(x):
        return np.sin(omega * x)

    def f(x):
        return -(omega**2) * exact(x) + exact(x) * (exact(x) ** 2 - 1)

    return PDE(D(u, x, 2) + u * (u**2 - 1) - f, Box(x=(0, length)), [Dirichlet(exact)]), exact


def small_model(pde, n=24, spectrum="gaussian", tops=(20.0,)):
    axes = [
        MixtureAxis(
            low, high, n, spectrum=spectrum, highest=1.5 * top, orders=orders, torch=torch,
            device="cpu",
        )
        for low, high, top, orders in zip(
            pde.box.low, pde.box.high, tops, derivative_orders(pde), strict=True
        )
    ]  # fmt: skip
    return MapModel(axes, GridProblem(pde, [axis.nodes for axis in axes], tops), 2)


def parameters(model, log_tau=4.0, log_v=5.0):
    blocks = []
    for axis in model.axes:
        blocks += [[-0.7, -2.0], np.log(axis.spacing) + np.array([0.3, 1.0]), [2.2, 12.3]]
    return np.concatenate([*blocks, [log_tau, log_v]])


def dense_kernel(mixture, spectrum, distance, order=0):
    """The mixture's covariance and derivatives by the first point, by mpmath from its formula."""
    log_weights, log_widths, frequencies = mixture

    def kernel(d):
        total = mpmath.mpf(0)
        for w, g, f in zip(log_weights, log_widths, frequencies, strict=True):
            r = mpmath.exp(g) * d
            if spectrum == "gaussian":
                envelope = mpmath.exp(-(r**2) / 2)
            else:
                s = mpmath.sqrt(5) * abs(r)
                envelope = (1 + s + s**2 / 3) * mpmath.exp(-s)
            total += mpmath.exp(w) * envelope * mpmath.cos(f * d)
        return total

    return kernel(distance) if order == 0 else mpmath.diff(kernel, distance, order)


@pytest.mark.parametrize(("spectrum", "tolerance"), [("gaussian", 1e-4), ("student-t", 1e-3)])
def test_the_modes_sum_to_the_mixture(spectrum, tolerance):
    # Lines three modes wide: what wraps round the padded period at half its length, e^(-(3π/2)²)
    # and less, is the error; tails of a Student-t line are cut at 40 widths, 1e-6 of its power.
    modes = np.arange(400) * 0.5
    mixture = np.log([0.7, 0.3]), np.log([1.5, 1.5]), np.array([0.0, 40.0])
    variances = mixture_variances(np, modes, *mixture, spectrum)
    for distance in (0.0, 0.4, 1.7):
        exact = float(dense_kernel(mixture, spectrum, mpmath.mpf(distance)))
        assert np.cos(modes * distance) @ variances == pytest.approx(exact, abs=tolerance)


@pytest.mark.parametrize(
    ("problem", "spectrum"), [(poisson, "student-t"), (allen_cahn, "gaussian")]
)
def test_gradient_is_that_of_finite_differences(problem, spectrum):
    model = small_model(problem()[0], spectrum=spectrum)
    theta = parameters(model)
    _, gradient = model.objective(theta)
    step = 1e-5
    for i in range(len(theta)):
        shift = step * np.eye(len(theta))[i]
        slope = (model.objective(theta + shift)[0] - model.objective(theta - shift)[0]) / (2 * step)
        # rounding of a value of some hundreds over the step, and the step squared
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=2e-4)


def test_gradient_in_two_dimensions_and_with_slopes():
    (x, y) = coords("x y")
    pde = PDE(
        D(u, x, 2) + 2 * D(u, y, 2) + 0.5 * D(u, x) - (lambda x, y: np.sin(5 * x) * np.cos(3 * y)),
        Box(x=(0, 1), y=(0, 2)),
        [Neumann(1.0, faces="x_min"), Dirichlet()],
    )
    model = small_model(pde, n=9, tops=(8.0, 6.0))
    theta = parameters(model, 2.0, 3.0)
    _, gradient = model.objective(theta)
    for i in range(len(theta)):
        shift = 1e-5 * np.eye(len(theta))[i]
        slope = (model.objective(theta + shift)[0] - model.objective(theta - shift)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=2e-3)


def dense_reference(model, theta, pde, points):
    """Objective, mean and variance from Gram matrices in 50 digits, for u'' = f."""
    (axis,) = model.axes
    (mixture,), log_tau, log_v = model.unpack(theta)
    variances = mixture_variances(np, axis.modes, *mixture, axis.spectrum)
    with mpmath.workdps(50):
        offsets = [mpmath.mpf(float(node)) - mpmath.mpf(axis.centre) for node in axis.nodes]
        places = [mpmath.mpf(float(p)) - mpmath.mpf(axis.centre) for p in points]

        def cross(left, right, order=0):
            out = mpmath.matrix(len(left), len(right))
            for w, s in zip(axis.modes, variances, strict=True):
                w, s = mpmath.mpf(float(w)), mpmath.mpf(float(s)) * (-1) ** (order // 2)
                cl, sl = [mpmath.cos(w * a) for a in left], [mpmath.sin(w * a) for a in left]
                cr, sr = [mpmath.cos(w * a) for a in right], [mpmath.sin(w * a) for a in right]
                for i in range(len(left)):
                    for j in range(len(right)):
                        out[i, j] += s * w**order * (cl[i] * cr[j] + sl[i] * sr[j])
            return out

        n = len(offsets)
        gram = cross(offsets, offsets) + mpmath.mpf(NUGGET) ** 2 * mpmath.eye(n)
        inverse = gram**-1
        operator = cross(offsets, offsets, 2) * inverse
        scale, unit = mpmath.mpf(model.problem.scale), mpmath.mpf(model.problem.equation_scale)
        source = pde.equations[0].source((axis.nodes,))
        tau = BOUNDARY_WEIGHT * mpmath.exp(log_tau)
        v = mpmath.exp(log_v) / unit**2 * scale**2
        precision, pull = (
            inverse + v * operator.T * operator,
            v
            * operator.T
            * mpmath.matrix([float(value) / model.problem.scale for value in source]),
        )
        targets = [float(c.target[0]) for c in model.problem.conditions]
        for node, target in zip((0, n - 1), targets, strict=True):
            precision[node, node] += tau
            pull[node] += tau * target
        covariance = precision**-1
        mode = covariance * pull
        residual = operator * mode - mpmath.matrix([float(f) / model.problem.scale for f in source])
        value = (mpmath.log(mpmath.det(gram)) + (mode.T * inverse * mode)[0]) / 2
        value += (v * (residual.T * residual)[0] - n * log_v) / 2
        for node, target in zip((0, n - 1), targets, strict=True):
            value += (tau * (mode[node] - target) ** 2 - BOUNDARY_WEIGHT * log_tau) / 2
        weights = cross(places, offsets) * inverse
        mean = [float(m * scale) for m in weights * mode]
        spread = cross(places, places) - weights * cross(offsets, places)
        spread = (spread + weights * covariance * weights.T) * scale**2
        return float(value), np.array(mean), np.array(spread.tolist(), dtype=float)


@pytest.mark.parametrize("n", [12, 13])
def test_square_root_form_is_the_dense_one(n):
    pde, _ = poisson(omega=5.0, length=1.0)
    model = small_model(pde, n=n, tops=(8.0,))
    # A condition number of K near 1e16: here a Gram matrix in double precision has no digit left.
    theta = parameters(model, 8.0, 12.0)
    points = np.array([0.0, 0.031, 0.5, 0.77])
    value, mean, covariance = dense_reference(model, theta, pde, points)
    assert model.objective(theta)[0] == pytest.approx(value, rel=1e-6)
    stage = Stage(model, theta)
    assert stage.mean(points[:, None]) == pytest.approx(mean, rel=1e-6, abs=1e-9)
    assert stage.covariance(points[:, None]) == pytest.approx(
        covariance, rel=1e-5, abs=1e-7 * covariance.max()
    )
    assert stage.variance(points[:, None]) == pytest.approx(
        np.diag(covariance), rel=1e-5, abs=1e-7 * covariance.max()
    )


def test_variance_in_two_dimensions_is_dense_algebra():
    (x, y) = coords("x y")
    pde = PDE(
        D(u, x, 2) + D(u, y, 2) - (lambda x, y: np.sin(3 * x) * y), Box(x=(0, 1), y=(0, 1)),
        [Dirichlet()],
    )  # fmt: skip
    model = small_model(pde, n=7, tops=(9.0, 7.0))
    theta = parameters(model, 3.0, 2.0)
    stage = Stage(model, theta)
    X = np.array([[0.2, 0.9], [0.55, 0.5], [1.0, 0.3]])
    # U = Φ w with w ~ N(0, Λ) for the product of the modes, and nodes' values U + nugget: the
    # joint Gaussian of U, data and u(X) conditioned without any square root.
    first, second = model.axes
    (one, two), log_tau, log_v = model.unpack(theta)
    spectra = []
    for axis, mixture in ((first, one), (second, two)):
        v = mixture_variances(np, axis.modes, *mixture, axis.spectrum)
        spectra.append(np.concatenate([v, v[1:]]))

    def kernel(k, axis, a, b, order=0):
        return (axis.features(a, order) * spectra[k]) @ axis.features(b).T

    grams = [
        kernel(k, axis, axis.nodes, axis.nodes) + NUGGET**2 * np.eye(7)
        for k, axis in enumerate(model.axes)
    ]
    second_order = [
        kernel(k, axis, axis.nodes, axis.nodes, 2) @ np.linalg.inv(grams[k])
        for k, axis in enumerate(model.axes)
    ]
    eye = np.eye(7)
    scale = model.problem.scale / model.problem.equation_scale
    laplace = scale * (np.kron(second_order[0], eye) + np.kron(eye, second_order[1]))
    faces = np.concatenate([np.kron(eye[[0, -1]], eye), np.kron(eye, eye[[0, -1]])])
    precision = np.linalg.inv(np.kron(*grams)) + np.exp(log_v) * laplace.T @ laplace
    precision += BOUNDARY_WEIGHT * np.exp(log_tau) * faces.T @ faces
    blocks = [kernel(k, axis, X[:, k], axis.nodes) for k, axis in enumerate(model.axes)]
    weights = np.stack(
        [
            np.kron(*(b[i] @ np.linalg.inv(g) for b, g in zip(blocks, grams, strict=True)))
            for i in range(len(X))
        ]
    )
    prior = np.prod(
        [kernel(k, axis, X[:, k], X[:, k]) for k, axis in enumerate(model.axes)], axis=0
    )
    explained = np.prod(
        [b @ np.linalg.solve(g, b.T) for b, g in zip(blocks, grams, strict=True)], axis=0
    )
    covariance = prior - explained + weights @ np.linalg.inv(precision) @ weights.T
    covariance *= model.problem.scale**2
    assert stage.covariance(X) == pytest.approx(covariance, rel=1e-6, abs=1e-8)
    assert stage.variance(X) == pytest.approx(np.diag(covariance), rel=1e-6, abs=1e-8)


@pytest.fixture(scope="module")
def mixture():
    pde, exact = poisson(omega=20.0, length=2 * np.pi)
    return fit_map(pde, n_points=80, max_iter=60, random_state=0), exact


def test_a_line_is_solved_and_all_other_components_pruned(mixture):
    posterior, exact = mixture
    X = np.random.default_rng(1).uniform(0, 2 * np.pi, (300, 1))
    mean, std = posterior.predict(X, return_std=True)
    # the precisions' bound, e^18 in the source, amplified by what u'' = f adds at low frequency
    assert relative(mean, exact(X[:, 0])) <= 1e-7
    assert posterior.residual <= 1e-7
    (pruned,), (frequencies,) = posterior.pruned_, posterior.frequencies_
    assert len(pruned) == 30
    # nothing is left but the solution's line, which some neighbours may share
    assert pruned.sum() >= 26
    assert np.abs(frequencies[~pruned] - 20.0).max() < 1.5
    assert (np.abs(mean - exact(X[:, 0])) <= 4 * std).mean() >= 0.95


def test_the_posterior_has_the_face_of_the_others(mixture):
    posterior, _ = mixture
    grid = np.linspace(0, 2 * np.pi, 41)
    X = grid[:, None]
    mean, std = posterior.predict(X, return_std=True)
    again, cov = posterior.predict(X, return_cov=True)
    np.testing.assert_array_equal(mean, again)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), std, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(posterior.predict_grid([grid]), mean, atol=1e-13)
    np.testing.assert_allclose(posterior.predict_grid([grid], return_std=True)[1], std)
    draws = posterior.sample(X, 4000, np.random.default_rng(0))
    # 4000 draws: the standard deviation is known to 1.1 %, five of these are allowed
    np.testing.assert_allclose(draws.std(axis=1), std, rtol=0.06, atol=1e-12)
    np.testing.assert_allclose(draws.mean(axis=1), mean, atol=6 * std.max() / np.sqrt(4000))
    prior = posterior.kernel(X)
    np.testing.assert_allclose(posterior.kernel.diag(X), np.diag(prior))
    (axis,) = posterior.kernel.axes
    # variance of the prior: the sum of the components' weights
    assert posterior.kernel.diag(X)[0] == pytest.approx(axis.weights.sum(), rel=1e-3)
    assert np.isfinite([posterior.objective, posterior.log_evidence, posterior.noise]).all()
    with pytest.raises(ValueError, match="must lie in the box"):
        posterior.predict([[7.0]])


def test_scales_of_data_do_not_matter():
    pde, _ = poisson(omega=12.0)
    X = np.linspace(0.01, 1.99, 50)[:, None]
    options = {"n_points": 50, "n_components": 4, "max_iter": 20, "random_state": 0}
    expected = fit_map(pde, **options).predict(X)
    for scale in (1e-120, 1e120):
        scaled = PDE(
            D(u, x, 2) - (lambda x, c=scale: -c * 144.0 * np.sin(12 * x)),
            Box(x=(0, 2)),
            [Dirichlet(lambda x, c=scale: c * np.sin(12 * x))],
        )
        posterior = fit_map(scaled, **options)
        assert relative(posterior.predict(X) / scale, expected) < 1e-6


def test_student_t_lines():
    pde, exact = poisson(omega=20.0, length=2 * np.pi)
    posterior = fit_map(pde, kernel="student-t", n_points=120, max_iter=48, random_state=0)
    X = np.random.default_rng(1).uniform(0, 2 * np.pi, (300, 1))
    # algebraic in the nodes: a Matérn process of 6 nodes a wave
    assert relative(posterior.predict(X), exact(X[:, 0])) <= 1e-3
    assert posterior.pruned_[0].sum() >= 26
    assert posterior.kernel.axes[0].spectrum == "student-t"


def test_a_nonlinear_equation():
    pde, exact = allen_cahn()
    posterior = fit_map(pde, n_points=60, n_components=5, max_iter=32, random_state=0)
    X = np.random.default_rng(1).uniform(0, 2, (300, 1))
    assert relative(posterior.predict(X), exact(X[:, 0])) <= 1e-5
    # a variance by linearisation is one all the same
    assert np.linalg.eigvalsh(posterior.predict(X[:20], return_cov=True)[1]).min() > -1e-18


def test_the_second_stage_solves_for_what_is_left():
    def trend(x):
        return 0.3 * np.exp(x)

    def known(orders, axes):
        turns = [np.sin, np.cos, lambda x: -np.sin(x)]
        return 40.0 ** orders[0] * turns[orders[0]](40 * axes[0])

    pde = PDE(
        D(u, x, 2) - (lambda x: -1600 * np.sin(40 * x) + trend(x)),
        Box(x=(0, 1)), [Dirichlet(lambda x: np.sin(40 * x) + trend(x))],
    )  # fmt: skip
    (axis,) = small_model(pde, n=60, spectrum="student-t", tops=(40.0,)).axes
    model = MapModel([axis], GridProblem(pde, [axis.nodes], (6.0,), known), 1)
    stage = Stage(model, np.array([2.0, np.log(axis.spacing), 0.0, 36.0, 36.0]))
    X = np.linspace(0.01, 0.99, 50)[:, None]
    # a Matérn-5/2 process on 60 nodes, (1/60)² and better
    assert relative(stage.mean(X), trend(X[:, 0])) <= 1e-4


def test_variances_of_mixture_and_trend_add():
    pde, exact = poisson(omega=12.0)
    options = {"n_points": 50, "n_components": 4, "max_iter": 12, "random_state": 0}
    alone, both = fit_map(pde, **options), fit_map(pde, trend="matern52", **options)
    X = np.random.default_rng(1).uniform(0, 2, (100, 1))
    mean, std = both.predict(X, return_std=True)
    assert relative(mean, exact(X[:, 0])) <= 1.1 * relative(alone.predict(X), exact(X[:, 0]))
    assert (std >= alone.predict(X, return_std=True)[1]).all()
    np.testing.assert_allclose(np.diag(both.kernel(X)), both.kernel.diag(X))
    assert len(both.kernel.axes[0].weights) == 5


def test_slopes_and_periods():
    def exact(x):
        return np.cos(10 * x)

    slopes = PDE(
        D(u, x, 2) - u - (lambda x: -101 * exact(x)), Box(x=(0, 1)),
        [Neumann(lambda x: -10 * np.sin(10 * x), faces="x_max"), Dirichlet(exact, faces="x_min")],
    )  # fmt: skip
    period = PDE(D(u, x, 2) - u - (lambda x: -101 * exact(x)), Box(x=(0, 2 * np.pi)), [Periodic(x)])
    for pde, length in ((slopes, 1.0), (period, 2 * np.pi)):
        posterior = fit_map(pde, n_points=48, n_components=4, max_iter=32, random_state=0)
        X = np.random.default_rng(1).uniform(0, length, (200, 1))
        assert relative(posterior.predict(X), exact(X[:, 0])) <= 1e-5


def test_a_kernel_that_cannot_express_the_solution_warns():
    pde, _ = poisson(omega=60.0)
    with pytest.warns(ConvergenceWarning, match="residual off the grid"):
        fit_map(pde, kernel="matern52", n_points=60, max_iter=8, random_state=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": "rbf"}, "kernel must be one of"),
        ({"trend": "linear"}, "trend must be None or one of"),
        ({"n_points": 3}, "n_points must be an integer of at least 4"),
        ({"n_points": (40, 40)}, "n_points must be"),
        ({"n_components": 0}, "n_components must be a positive integer"),
        ({"max_iter": 1.5}, "max_iter must be a positive integer"),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        fit_map(poisson()[0], **change)


def test_what_the_method_does_not_solve_is_said():
    k = Unknown("k", bounds=(1, 9))
    with pytest.raises(ValueError, match="infers no unknowns"):
        fit_map(PDE(D(u, x, 2) + k * u - 1.0, Box(x=(0, 1)), [Dirichlet()]))
    v = Field("v")
    pair = PDE([D(u, x, 2) - v, D(v, x, 2) - 1.0], Box(x=(0, 1)), [Dirichlet()])
    with pytest.raises(ValueError, match="one equation on one or two coordinates"):
        fit_map(pair)

    def broken(x):
        return np.where(x > 0.5, np.nan, 1.0)

    with pytest.raises(ValueError, match="broken"):
        fit_map(PDE(D(u, x, 2) - broken, Box(x=(0, 1)), [Dirichlet()]))

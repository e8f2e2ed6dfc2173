"""NNGP and NTK against the recursion in many digits, quadrature in the plane, and finite nets."""

import pickle

import mpmath
import numpy as np
import pytest
from scipy import special
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.svm import SVC

from kernlab.kernels import NNGP, NTK

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3))
# Rows that nearly coincide, one twice as long, one of zeros.
X = np.concatenate([X, X[:1] + 1e-9 * RNG.normal(size=3), 2.0 * X[1:2], np.zeros((1, 3))])
BOTH = pytest.mark.parametrize("kind", [NNGP, NTK])


def mp_relu(kind, x, y, *, depth, w, b):
    """The published recursion, in the digits of mpmath's context."""
    d = len(x)
    x, y = ([mpmath.mpf(float(t)) for t in z] for z in (x, y))
    kxx, kyy, k = (b + w * mpmath.fdot(p, q) / d for p, q in ((x, x), (y, y), (x, y)))
    total = k
    for _ in range(depth):
        s = mpmath.sqrt(kxx * kyy)
        theta = mpmath.acos(min(k / s, mpmath.mpf(1)))
        k = b + w * s * (mpmath.sin(theta) + (mpmath.pi - theta) * k / s) / (2 * mpmath.pi)
        slope = w * (mpmath.pi - theta) / (2 * mpmath.pi)
        kxx, kyy = b + w * kxx / 2, b + w * kyy / 2
        total = k + total * slope if kind is NTK else k
    return total


@BOTH
def test_relu_equals_the_recursion_in_fifty_digits(kind):
    kernel = kind(depth=3, sigma_w=1.3, sigma_b=0.4)
    with mpmath.workdps(50):
        w, b = mpmath.mpf(1.3) ** 2, mpmath.mpf(0.4) ** 2
        exact = [[float(mp_relu(kind, x, y, depth=3, w=w, b=b)) for y in X] for x in X]
    np.testing.assert_allclose(kernel(X), exact, rtol=1e-14)


@BOTH
@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("sigma_b", [0.0, 0.5])
def test_points_that_nearly_coincide(kind, distance, sigma_b):
    """acos of a rounded cosine is off by 1e-8 here; the kernel and its gradient are not."""
    x = np.array([1.1, -0.3])
    pair = np.stack([x, x + distance * np.array([0.6, 0.8])])
    kernel = kind(depth=2, sigma_w=1.2, sigma_b=sigma_b)
    K, gradient = kernel(pair, eval_gradient=True)
    with mpmath.workdps(60):
        w, b = mpmath.mpf(1.2) ** 2, mpmath.mpf(sigma_b) ** 2

        def value(log_w, log_b=0):
            return mp_relu(
                kind, *pair, depth=2, w=w * mpmath.exp(2 * log_w), b=b * mpmath.exp(2 * log_b)
            )

        exact = float(value(0))
        by_w = float(mpmath.diff(lambda t: value(t), 0))
        by_b = float(mpmath.diff(lambda t: value(0, t), 0))
    assert K[0, 1] == pytest.approx(exact, rel=3e-15)
    assert gradient[0, 1, -1] == pytest.approx(by_w, rel=1e-12)
    if sigma_b:
        assert gradient[0, 1, 0] == pytest.approx(by_b, rel=1e-11)


def test_depth_one_by_hand():
    # Sixty degrees, lengths 1 and 2, d = 2: K⁰ = ½ and s = ½ · 2 = 1.
    rows = np.array([[1.0, 0.0], [1.0, np.sqrt(3.0)]])
    theta = np.pi / 3
    arc = (np.sin(theta) + (np.pi - theta) / 2) / (2 * np.pi)
    options = {"depth": 1, "sigma_w": 1.0, "sigma_b": 0.0}
    assert NNGP(**options)(rows)[0, 1] == pytest.approx(arc, rel=1e-15)
    assert NTK(**options)(rows)[0, 1] == pytest.approx(arc + 0.5 / 3, rel=1e-15)
    # Opposite points share no active unit.
    assert NTK(**options)(rows, -rows)[0, 0] == pytest.approx(0.0, abs=1e-16)


def test_arcsine_values_of_erf():
    # K⁰ = ½ between all: 2/π asin(½) = ⅓. And of orthogonal inputs 0.
    options = {"depth": 1, "activation": "erf", "sigma_w": 1.0, "sigma_b": 0.0}
    assert NNGP(**options)([[1.0, 0.0]])[0, 0] == pytest.approx(1 / 3, rel=1e-15)
    assert NNGP(**options)([[1.0, 0.0]], [[0.0, 1.0]])[0, 0] == 0.0
    # Θ = ⅓ + ½ · 4/π / √(4 - 1).
    assert NTK(**options)([[1.0, 0.0]])[0, 0] == pytest.approx(1 / 3 + 2 / np.pi / 3**0.5)


@BOTH
@pytest.mark.parametrize(("sigma_w", "error"), [(1.0, 1e-14), (1.5, 1e-7)])
def test_error_of_the_series_is_what_the_guide_says(kind, sigma_w, error):
    rows = np.random.default_rng(0).normal(size=(50, 5))
    options = {"depth": 3, "sigma_w": sigma_w, "sigma_b": 0.5}
    exact = kind(activation="erf", **options)
    K = kind(activation=FUNCTIONS["erf"], **options)(rows)
    scale = np.sqrt(np.multiply.outer(exact.diag(rows), exact.diag(rows)))
    assert np.max(np.abs(K - exact(rows)) / scale) < error


def _swish_slope(x):
    return special.expit(x) * (1 + x * special.expit(-x))


FUNCTIONS = {
    "erf": (special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sigmoid": (special.expit, lambda x: special.expit(x) * special.expit(-x)),
    "gelu": (
        lambda x: 0.5 * x * (1 + special.erf(x / 2**0.5)),
        lambda x: special.ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    ),
    "silu": (lambda x: x / (1 + np.exp(-x)), _swish_slope),
    "softplus": (lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0), special.expit),
}
# The trapezoidal rule in the plane converges like e^(-2π y/h) for functions analytic to height y.
Z = np.arange(-9.0, 9.01, 0.09)
Z1, Z2 = np.meshgrid(Z, Z, indexing="ij")
WEIGHT = np.exp(-(Z1**2 + Z2**2) / 2) * 0.09**2 / (2 * np.pi)


def by_quadrature(kind, name, x, y, *, depth, w, b):
    function, derivative = FUNCTIONS[name]
    k = b + w * np.array([x @ x, y @ y, x @ y]) / len(x)
    total = k[2]
    for _ in range(depth):
        u = np.sqrt(k[0]) * Z1
        rho = k[2] / np.sqrt(k[0] * k[1])
        v = np.sqrt(k[1]) * (rho * Z1 + np.sqrt(max(0.0, 1 - rho**2)) * Z2)
        slope = w * np.sum(WEIGHT * derivative(u) * derivative(v))
        fu, fv = function(u), function(v)
        own = np.sum(WEIGHT * function(np.sqrt(k[1]) * Z1) ** 2)
        k = b + w * np.array([np.sum(WEIGHT * fu * fu), own, np.sum(WEIGHT * fu * fv)])
        total = k[2] + total * slope if kind is NTK else k[2]
    return total


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_smooth_activations_equal_quadrature_in_the_plane(kind, name):
    rows = X[[0, 1, 2]]
    kernel = kind(depth=2, activation=name, sigma_w=1.1, sigma_b=0.3)
    exact = by_quadrature(kind, name, rows[0], rows[1], depth=2, w=1.21, b=0.09)
    assert kernel(rows)[0, 1] == pytest.approx(exact, rel=1e-11)
    function, derivative = FUNCTIONS[name]
    given = clone(kernel).set_params(activation=(function, derivative))
    np.testing.assert_allclose(given(rows), kernel(rows), rtol=1e-12)
    # A difference in place of the derivative is good to 1e-12 or so.
    alone = clone(kernel).set_params(activation=function)
    np.testing.assert_allclose(alone(rows), kernel(rows), rtol=1e-11)


def finite_tangent_kernel(rows, *, width, depth, sigma_w, sigma_b, rng):
    """Inner products of the parameters' gradients of a ReLU net, and of its last hidden layer."""
    hidden, layers, sizes = rows, [], []
    for _ in range(depth):
        weights = rng.standard_normal((hidden.shape[1], width))
        inputs = hidden @ weights * (sigma_w / hidden.shape[1] ** 0.5)
        inputs += sigma_b * rng.standard_normal(width)
        layers.append((hidden, inputs > 0, weights))
        hidden = np.maximum(inputs, 0.0)
        sizes.append(width)
    last = rng.standard_normal(width)
    covariance = sigma_b**2 + sigma_w**2 * hidden @ hidden.T / width
    kernel = covariance.copy()
    back = np.tile(last * (sigma_w / width**0.5), (len(rows), 1))
    for hidden, active, weights in reversed(layers):
        back = back * active
        fan_in = hidden.shape[1]
        kernel += (back @ back.T) * (sigma_b**2 + sigma_w**2 * hidden @ hidden.T / fan_in)
        back = back @ weights.T * (sigma_w / fan_in**0.5)
    return kernel, covariance


def test_tangents_of_finite_nets_approach_it():
    rows = np.random.default_rng(1).normal(size=(8, 5))
    options = {"depth": 2, "sigma_w": 1.4, "sigma_b": 0.3}
    limits = NTK(**options)(rows), NNGP(**options)(rows)
    error = {}
    for width in (64, 1024):
        rng = np.random.default_rng(0)
        nets = [finite_tangent_kernel(rows, width=width, rng=rng, **options) for _ in range(8)]
        # Fluctuations shrink with the root of the width: a quarter. Half is what is asked.
        error[width] = [
            np.mean([np.linalg.norm(net[i] - limit) for net in nets]) / np.linalg.norm(limit)
            for i, limit in enumerate(limits)
        ]
    assert np.all(np.array(error[1024]) < 0.5 * np.array(error[64]))
    # Eight nets average to the limit within four standard errors and the bias of order 1/width.
    mean = np.mean([net[0] for net in nets], axis=0)
    spread = np.std([net[0] for net in nets], axis=0) / 8**0.5
    assert np.all(np.abs(mean - limits[0]) < 5 * spread + 0.02 * np.abs(limits[0]).max())


@BOTH
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "sin", "gelu", np.arctan])
@pytest.mark.parametrize("sigma_b", [0.0, 0.7])
def test_gradient_equals_differences(kind, activation, sigma_b):
    if sigma_b == 0.0 and activation == np.arctan:
        activation = "cos"
    kernel = kind(depth=2, activation=activation, sigma_w=1.3, sigma_b=sigma_b)
    K, gradient = kernel(X, eval_gradient=True)
    theta, step = kernel.theta, 1e-5
    assert gradient.shape == (*K.shape, len(theta))
    assert len(theta) == 1 + (sigma_b > 0)
    for i, unit in enumerate(np.eye(len(theta))):
        up, down = (kernel.clone_with_theta(theta + sign * step * unit)(X) for sign in (1, -1))
        # Differences: step² of a third derivative, eps/step of rounding.
        np.testing.assert_allclose(gradient[..., i], (up - down) / (2 * step), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(kernel.diag(X), np.diag(K), rtol=1e-13)
    np.testing.assert_allclose(kernel(X[:4], X[2:]), K[:4, 2:], rtol=1e-13, atol=1e-15)
    assert np.linalg.eigvalsh(K)[0] > -1e-13 * K.max()


def test_in_scikit_learns_hands():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(30, 2))
    y = np.sin(2 * rows[:, 0]) + 0.1 * rng.normal(size=30)
    kernel = ConstantKernel(1.0) * NNGP(depth=1, activation="erf") + NTK(depth=1)
    kernel += WhiteKernel(0.1)
    kernel = pickle.loads(pickle.dumps(clone(kernel)))
    assert kernel == clone(kernel)
    assert len(kernel.theta) == 6
    gp = GaussianProcessRegressor(kernel, optimizer=None).fit(rows, y)
    _, slope = gp.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    for i, unit in enumerate(1e-5 * np.eye(6)):
        up, down = (gp.log_marginal_likelihood(kernel.theta + s * unit) for s in (1, -1))
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-6)
    kernel = NTK(depth=1, sigma_b_bounds="fixed") + WhiteKernel(0.01, "fixed")
    fitted = GaussianProcessRegressor(kernel).fit(rows, y)
    start = GaussianProcessRegressor(kernel, optimizer=None).fit(rows, y)
    assert fitted.log_marginal_likelihood_value_ > start.log_marginal_likelihood_value_
    labels = y > 0
    model = clone(SVC(kernel=NTK(depth=2))).fit(rows, labels)
    assert model.score(rows, labels) > 0.9
    assert repr(NTK(depth=2)) == "NTK(depth=2, activation='relu', sigma_w=1.41, sigma_b=1)"
    assert not NTK().is_stationary()


@BOTH
def test_turning_and_scaling(kind):
    """Only inner products count; without biases ReLU is homogeneous, over 600 decades."""
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    np.testing.assert_allclose(kind()(X @ turn), kind()(X), rtol=1e-12)
    kernel = kind(sigma_b=0.0)
    for scale in (1e-150, 1e150):
        K, gradient = kernel(scale * X, eval_gradient=True)
        np.testing.assert_allclose(K / scale**2, kernel(X), rtol=1e-12)
        # Of degree 3 in the weights of three layers.
        np.testing.assert_allclose(gradient[..., 0], 6 * K, rtol=1e-12)
    # Angles of 1e-9 beside an offset.
    far = np.array([[1e9, 1.0, 0.0], [1e9, 2.0, 5.0]])
    with mpmath.workdps(50):
        exact = float(mp_relu(kind, *far, depth=2, w=mpmath.mpf(kernel.sigma_w) ** 2, b=0))
    assert kernel(far)[0, 1] == pytest.approx(exact, rel=3e-15)


def test_kinks_and_steep_functions_are_warned_of():
    with pytest.warns(RuntimeWarning, match="left out .* of a second moment after 256 terms"):
        NTK(activation=lambda x: np.clip(x, -1, 1))(X)
    with pytest.warns(RuntimeWarning, match="activation='tanh'"):
        NNGP(activation="tanh")(1e3 * X)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: NTK(depth=0)(X), ValueError, "depth=0 must be"),
        (lambda: NTK(depth=True)(X), ValueError, "depth=True"),
        (lambda: NTK(sigma_w=0.0)(X), ValueError, "sigma_w=0.0 must be a finite number > 0"),
        (lambda: NTK(sigma_b=-1.0)(X), ValueError, "sigma_b=-1.0 must be a finite number >= 0"),
        (lambda: NTK(sigma_w=np.nan).diag(X), ValueError, "sigma_w=nan"),
        (lambda: NTK(activation="swoosh")(X), ValueError, "'swoosh' is not known"),
        (lambda: NTK(activation=3)(X), TypeError, "must be a name, a function"),
        (lambda: NTK(activation=np.sum)(X), ValueError, "returned an array of shape"),
        (lambda: NNGP(activation=lambda x: np.exp(x**2))(X), ValueError, "no finite second"),
        (lambda: NTK()(X, eval_gradient=True, Y=X), ValueError, "Y is None"),
        (lambda: NTK()(X[0]), ValueError, "two-dimensional"),
        (lambda: NTK()([[np.nan, 1.0]]), ValueError, "X holds NaN"),
        (lambda: NTK()(X, [[np.inf, 1.0, 1.0]]), ValueError, "Y holds NaN"),
        (lambda: NTK()(X, X[:, :2]), ValueError, "3 columns and Y has 2"),
        (lambda: NTK()(1e200 * X), ValueError, "standardise X"),
        (lambda: NTK(activation="sin")(1e9 * X), ValueError, "leaves no digits"),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()

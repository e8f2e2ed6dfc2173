"""Kernels with scikit-learn's interface, against their formulas and spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from kernlab.kernels import Cosine, OnColumns, SpectralMixture

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(15, 2))
MIXTURE = SpectralMixture((1.0, 0.5), [[0.2, 0.3], [0.5, 0.6]], [[0.2, 0.3], [0.1, 0.6]])
KERNELS = [
    (Cosine(0.7), 2),
    (Cosine((0.7, 0.3)), 2),
    (Cosine([0.7]), 2),
    (Cosine(0.7, "fixed") * RBF(1.0), 2),
    (MIXTURE, 2),
    (SpectralMixture((1.0, 0.5), (0.2, 0.9), (0.1, 0.3), weights_bounds="fixed"), 1),
    (SpectralMixture(frequencies_bounds="fixed", scales_bounds="fixed"), 1),
    (OnColumns(RBF(2.0), [1]) * OnColumns(Matern(0.5), [0]) + ConstantKernel(2.0), 2),
]


def test_spectral_mixture_is_its_formula():
    w, mu, s = (np.asarray(part) for part in (MIXTURE.weights, MIXTURE.frequencies, MIXTURE.scales))
    lag = TABLE[:, None, None] - TABLE[None, :, None]
    expected = np.sum(
        w * np.prod(np.exp(-2 * (np.pi * s * lag) ** 2) * np.cos(2 * np.pi * mu * lag), axis=-1),
        axis=-1,
    )
    np.testing.assert_allclose(MIXTURE(TABLE), expected, rtol=0, atol=1e-14)


def test_the_kernel_is_the_transform_of_its_spectral_density():
    kernel = SpectralMixture((1.0, 0.5), (0.2, 3.0), (0.1, 0.3))
    f = np.linspace(-8.0, 8.0, 16001)
    lag = np.array([0.0, 0.3, 1.1])
    # The trapezoidal rule is exact for a smooth integrand that has vanished at both ends.
    waves = np.cos(2 * np.pi * np.outer(lag, f))
    transform = waves @ kernel.spectral_density(f) * (f[1] - f[0])
    np.testing.assert_allclose(transform, kernel(np.zeros((1, 1)), lag[:, None])[0], atol=1e-12)


@pytest.mark.parametrize(("kernel", "d"), KERNELS, ids=lambda value: str(value)[:40])
def test_gradients_are_those_of_central_differences(kernel, d):
    X = TABLE[:, :d]
    K, slopes = kernel(X, eval_gradient=True)
    theta = kernel.theta
    np.testing.assert_array_equal(K, kernel(X))
    assert slopes.shape == (*K.shape, len(theta))
    for j, step in enumerate(1e-6 * np.eye(len(theta))):
        above, below = (kernel.clone_with_theta(theta + sign * step)(X) for sign in (1, -1))
        # Rounding of 1e-16 over steps of 1e-6, times the slopes' size of some tens.
        np.testing.assert_allclose(slopes[..., j], (above - below) / 2e-6, atol=2e-8)


@pytest.mark.parametrize(("kernel", "d"), KERNELS, ids=lambda value: str(value)[:40])
def test_scikit_learns_protocol(kernel, d):
    X = TABLE[:, :d]
    np.testing.assert_allclose(kernel.diag(X), np.diag(kernel(X)), atol=1e-15)
    np.testing.assert_allclose(kernel(X, X[:4]), kernel(X)[:, :4], atol=1e-15)
    copy = clone(kernel)
    assert copy == kernel
    again = kernel.clone_with_theta(kernel.theta)
    np.testing.assert_allclose(again(X), kernel(X), rtol=1e-13, atol=1e-14)
    if len(kernel.theta):
        assert kernel.clone_with_theta(kernel.theta + 0.1) != kernel
    regressor = GaussianProcessRegressor(kernel + WhiteKernel(0.1), optimizer=None)
    assert np.isfinite(regressor.fit(X, X[:, 0]).log_marginal_likelihood())


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=8), st.floats(0.01, 5.0))
def test_translation_leaves_the_kernels_alone_and_they_are_semi_definite(points, f):
    X = np.array(points)[:, None]
    for kernel in (Cosine(f), SpectralMixture((1.0,), (f,), (0.3,))):
        K = kernel(X)
        np.testing.assert_allclose(kernel(X + 1024.0), K, atol=1e-9)
        assert np.linalg.eigvalsh(K)[0] >= -1e-12


def test_on_columns_is_the_kernel_of_those_columns():
    kernel = OnColumns(RBF([1.0, 3.0]), [1, 0])
    np.testing.assert_array_equal(kernel(TABLE), RBF([1.0, 3.0])(TABLE[:, ::-1]))
    assert kernel.get_params()["kernel__length_scale"] == [1.0, 3.0]
    assert repr(kernel) == "OnColumns(RBF(length_scale=[1, 3]), [1, 0])"


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (Cosine((1.0, 2.0, 3.0)), "frequency has 3 entries and X has 2 columns"),
        (Cosine(-1.0), "frequency must be positive"),
        (SpectralMixture((1.0,), (1.0,), (0.1,)), "frequencies has shape"),
        (SpectralMixture((-1.0,)), "weights must be positive"),
        (SpectralMixture(((1.0,),)), "weights must have shape"),
        (OnColumns(RBF(), [2]), "X has 2 of them"),
        (OnColumns(RBF(), [0.5]), "list of integers"),
    ],
)
def test_bad_parameters(kernel, message):
    with pytest.raises(ValueError, match=message):
        kernel(TABLE)


def test_bad_calls():
    with pytest.raises(ValueError, match="Y is None"):
        Cosine()(TABLE, TABLE, eval_gradient=True)
    with pytest.raises(ValueError, match="2 columns and Y has 1"):
        Cosine()(TABLE, TABLE[:, :1])
    kernel = SpectralMixture()
    with pytest.raises(ValueError, match="correct number of entries"):
        kernel.theta = np.zeros(7)

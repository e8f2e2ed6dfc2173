"""Random frequencies: their mean cosine is the kernel, and how far a draw is from it."""

import numpy as np
import pytest

from kernlab.privacy._frequencies import draw_frequencies
from kernlab.privacy._spectral import evaluate, sum_features

EUCLIDEAN = {
    ("gaussian", None): lambda r: np.exp(-(r**2) / 2),
    ("exponential", None): lambda r: np.exp(-r),
    ("cauchy", None): lambda r: 1 / (1 + r**2),
    ("rational", None): lambda r: 1 / (1 + r),
    ("rational", 0.4): lambda r: 1 / (1 + r**0.4),
    ("rational", 1.7): lambda r: 1 / (1 + r**1.7),
    ("rational", 2.0): lambda r: 1 / (1 + r**2),
}
TAXICAB = {"laplacian": lambda s: np.exp(-s), "rational": lambda s: 1 / (1 + s)}
H = 2.0


def _displacements(rng, dim):
    z = rng.normal(size=(6, dim))
    return z / np.linalg.norm(z, axis=1, keepdims=True) * np.array([[0.05, 0.5, 1, 2, 4, 9]]).T


def _check_spectrum(matrix, z, expected):
    cosines = np.cos(z @ matrix)
    # Independent draws have this standard error, and stratified ones no more; five of them are
    # passed by chance once in a million.
    error = cosines.std(axis=1) / np.sqrt(matrix.shape[1])
    assert np.all(np.abs(cosines.mean(axis=1) - expected) <= 5 * error)


@pytest.mark.parametrize("features", ["iid", "orthogonal"])
@pytest.mark.parametrize(("kernel", "beta"), EUCLIDEAN)
@pytest.mark.parametrize("dim", [1, 4])
def test_spectrum_of_euclidean_kernels(rng, kernel, beta, features, dim):
    frequencies = draw_frequencies(
        kernel, 50_000, dim, bandwidth=H, beta=beta, features=features, rng=rng
    )
    z = _displacements(rng, dim)
    expected = EUCLIDEAN[kernel, beta](np.linalg.norm(z, axis=1) / H)
    _check_spectrum(frequencies.matrix, z, expected)


@pytest.mark.parametrize("features", ["iid", "orthogonal"])
@pytest.mark.parametrize("kernel", TAXICAB)
def test_spectrum_of_kernels_of_the_1_norm(rng, kernel, features):
    frequencies = draw_frequencies(
        kernel, 50_000, 3, bandwidth=H, norm="l1", features=features, rng=rng
    )
    z = _displacements(rng, 3)
    _check_spectrum(frequencies.matrix, z, TAXICAB[kernel](np.abs(z).sum(axis=1) / H))


@pytest.mark.parametrize("dim", [5, 100])
def test_structured_spectrum_is_near_the_kernel(rng, dim):
    frequencies = draw_frequencies("exponential", 5_000, dim, bandwidth=H, features="sorf", rng=rng)
    z = _displacements(rng, dim)
    error = np.cos(z @ frequencies.matrix).mean(axis=1) - np.exp(-np.linalg.norm(z, axis=1) / H)
    # Four standard errors 1/√(2·5000) = 0.01; the finitely many directions add less.
    assert np.abs(error).max() <= 0.04


def test_structured_rows_of_a_block_are_orthogonal(rng):
    frequencies = draw_frequencies("gaussian", 64, 64, bandwidth=1.0, features="sorf", rng=rng)
    gram = frequencies.matrix.T @ frequencies.matrix
    np.testing.assert_allclose(gram, np.diag(frequencies.radii**2), atol=1e-10)


def test_dense_columns_of_a_block_are_orthogonal_and_the_last_block_is_cut(rng):
    frequencies = draw_frequencies("gaussian", 20, 8, bandwidth=1.0, rng=rng)
    assert frequencies.matrix.shape == (8, 20)
    for start in (0, 8, 16):
        block = frequencies.matrix[:, start : start + 8]
        gram = block.T @ block
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)


@pytest.mark.parametrize("features", ["iid", "orthogonal", "sorf"])
def test_a_draw_is_a_function_of_the_generator(features):
    draws = [
        draw_frequencies(
            "rational", 70, 5, bandwidth=1.0, features=features, rng=np.random.default_rng(seed)
        )
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(draws[0].matrix, draws[1].matrix)
    assert not np.array_equal(draws[0].matrix, draws[2].matrix)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_bandwidth_sets_the_scale(scale):
    unit, scaled = (
        draw_frequencies("cauchy", 9, 2, bandwidth=h, rng=np.random.default_rng(0))
        for h in (1.0, scale)
    )
    np.testing.assert_allclose(scaled.matrix * scale, unit.matrix, rtol=1e-14)


def test_the_heaviest_tails_stay_finite(rng):
    frequencies = draw_frequencies("rational", 5000, 2, bandwidth=1.0, beta=0.01, rng=rng)
    assert np.all(np.isfinite(frequencies.matrix))


def _mixture(rng, n, dim):
    centers = rng.uniform(0.2, 0.8, (10, dim))
    return np.clip(centers[rng.integers(0, 10, n)] + 0.1 * rng.normal(size=(n, dim)), 0, 1)


def test_kernel_sums_and_the_gain_of_orthogonal_features():
    # 32 columns, 1024 frequencies and the bandwidth 1.1 of clusters in the unit box.
    X, Y = np.split(_mixture(np.random.default_rng(0), 1100, 32), [1000])
    squared = ((X**2).sum(1) + (Y**2).sum(1)[:, None]) - 2 * Y @ X.T
    exact = np.exp(-squared / (2 * 1.1**2)).sum(axis=1)
    errors, means = {}, {}
    for features in ("iid", "orthogonal"):
        estimates = []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            frequencies = draw_frequencies(
                "gaussian", 1024, 32, bandwidth=1.1, features=features, rng=rng
            )
            estimates.append(evaluate(sum_features(X, frequencies), frequencies, Y))
        relative = np.array(estimates) / exact - 1
        errors[features] = np.abs(relative).mean()
        means[features] = np.abs(relative.mean(axis=0)).max(), relative.std(axis=0).max()
    for bias, deviation in means.values():
        # Unbiased: the mean of 12 draws within five standard errors.
        assert bias <= 5 * deviation / np.sqrt(12)
    # 1.6e-2 and 5.4e-3 in draws other than these.
    assert errors["iid"] < 0.025
    assert errors["orthogonal"] * 2.3 < errors["iid"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": "tophat"}, "kernel='tophat' is not one of"),
        ({"features": "quasi"}, "features='quasi' is not one of"),
        ({"norm": "l3"}, "norm='l3'"),
        ({"kernel": "gaussian", "beta": 1.0}, "leave it out"),
        ({"kernel": "cauchy", "norm": "l1"}, "norm='l1' goes with kernel='rational'"),
        ({"kernel": "rational", "beta": 0.0}, r"must lie in \(0, 2\]"),
        ({"kernel": "rational", "beta": 2.5}, r"must lie in \(0, 2\]"),
        ({"kernel": "rational", "beta": 0.5, "norm": "l1"}, "goes with beta=1"),
        ({"kernel": "laplacian", "features": "sorf"}, "take features='orthogonal'"),
    ],
)
def test_bad_arguments_are_named(rng, arguments, message):
    arguments = {"kernel": "gaussian", **arguments}
    with pytest.raises(ValueError, match=message):
        draw_frequencies(arguments.pop("kernel"), 8, 2, bandwidth=1.0, rng=rng, **arguments)

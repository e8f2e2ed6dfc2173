"""KernelDensity on torch and array-api-strict arrays: the same numbers, in the library of X."""

import array_api_compat
import numpy as np
import pytest
import sklearn
from oracles import scaled_error

from kernlab._core.namespace import to_numpy
from kernlab.density import KernelDensity
from kernlab.kernels import PROFILES


def both(xp, X, Y, *, weights=None, dtype="float64", **parameters):
    """Log densities by NumPy and by ``xp``."""
    kde = KernelDensity(**parameters).fit(X, sample_weight=weights)
    real = getattr(xp, dtype)
    foreign = KernelDensity(**parameters).fit(
        xp.asarray(X, dtype=real), sample_weight=None if weights is None else xp.asarray(weights)
    )
    result = foreign.score_samples(xp.asarray(Y, dtype=real))
    assert array_api_compat.array_namespace(result) is array_api_compat.array_namespace(xp.zeros(1))
    assert result.dtype == xp.float64
    return kde, foreign, kde.score_samples(Y), to_numpy(result)


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("kernel", PROFILES)
def test_every_kernel(xp, rng, kernel, d):
    X, Y = (
        rng.normal(size=(90, d)),
        np.concatenate([rng.normal(size=(20, d)), np.full((1, d), 1e3)]),
    )
    _, _, expected, result = both(
        xp, X, Y, kernel=kernel, bandwidth=1.4 * np.sqrt(d), weights=rng.gamma(1.0, size=90)
    )
    assert np.max(scaled_error(result, expected)) <= 1e-12


@pytest.mark.parametrize("bandwidth", ["scott", "silverman", [0.5, 1.0, 2.0], np.eye(3) + 0.5])
def test_every_bandwidth(xp, rng, bandwidth):
    X, Y = rng.normal(size=(90, 3)), rng.normal(size=(20, 3))
    kde, foreign, expected, result = both(xp, X, Y, bandwidth=bandwidth)
    assert np.max(scaled_error(result, expected)) <= 1e-12
    np.testing.assert_allclose(
        to_numpy(foreign.bandwidth_matrix_), kde.bandwidth_matrix_, rtol=1e-12
    )


def test_chunks_do_not_matter(xp, rng, monkeypatch):
    X, Y = rng.normal(size=(90, 2)), rng.normal(size=(50, 2))
    with sklearn.config_context(working_memory=0.01):
        _, foreign, expected, result = both(xp, X, Y, bandwidth=0.3)
        assert np.max(scaled_error(result, expected)) <= 1e-12
        loo = to_numpy(foreign.leave_one_out_score_samples())
    np.testing.assert_allclose(
        loo, KernelDensity(bandwidth=0.3).fit(X).leave_one_out_score_samples(), rtol=1e-12
    )


@pytest.mark.parametrize("d", [2, 33])
def test_clusters_far_apart(xp, rng, d):
    X = np.round(rng.normal(size=(90, d)) * 1024) / 1024
    X += np.where(np.arange(90)[:, None] % 2, 1e6, -1e6)
    for bandwidth in (0.8, np.eye(d) * 0.6 + 0.1):
        _, _, expected, result = both(xp, X, X[:20] + 0.25, bandwidth=bandwidth)
        assert np.max(scaled_error(result, expected)) <= 1e-12


@pytest.mark.parametrize("d", [2, 33])
@pytest.mark.parametrize("spread", [1.0, 1e5])
def test_mixed_precision(xp, rng, spread, d):
    X = rng.normal(size=(90, d)) + spread * rng.integers(0, 2, size=(90, 1))
    Y = np.concatenate([X[:9] + 0.1, np.full((1, d), 1e30)])
    expected = KernelDensity(bandwidth=0.8).fit(X).score_samples(Y)
    result = both(xp, X, Y, bandwidth=0.8, precision="mixed")[3]
    assert np.max(scaled_error(result, expected)) <= 1e-4


@pytest.mark.parametrize("d", [2, 33])
@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_queries_beyond_the_range_of_squares(xp, rng, spread, d):
    X = spread * rng.normal(size=(90, d))
    Y = np.stack([np.full(d, 1e120), np.full(d, 1e200), np.full(d, 1e308), X[0]])
    exact = KernelDensity(bandwidth=0.8).fit(X).score_samples(Y)
    assert np.isneginf(exact[1:3]).all()
    for precision, bound in (("double", 1e-12), ("mixed", 1e-4)):
        result = both(xp, X, Y, bandwidth=0.8, precision=precision)[3]
        assert np.max(scaled_error(result, exact)) <= bound


@pytest.mark.parametrize("kernel", ["exponential", "logistic", "matern32", "cauchy"])
def test_heavier_tails_keep_their_logarithm_beyond(xp, kernel):
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    Y = np.array([[1e120, 0.0], [1e200, -1e200], [-1e300, 1e170], [1.0, 1.0]])
    for precision, bound in (("double", 1e-12), ("mixed", 1e-4)):
        _, _, exact, result = both(xp, X, Y, kernel=kernel, bandwidth=0.8, precision=precision)
        assert np.isfinite(exact).all()
        assert np.max(scaled_error(result, exact)) <= bound


def test_the_other_methods(xp, rng):
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(10, 2))
    weights = rng.gamma(1.0, size=60)
    kde, foreign, *_ = both(xp, X, Y, weights=weights, bandwidth=0.6)
    Z = xp.asarray(Y)
    np.testing.assert_allclose(
        to_numpy(foreign.effective_samples(Z)), kde.effective_samples(Y), rtol=1e-10
    )
    assert foreign.score(Z) == pytest.approx(kde.score(Y), rel=1e-12)
    assert foreign.leave_one_out_score() == pytest.approx(kde.leave_one_out_score(), rel=1e-12)
    np.testing.assert_allclose(
        to_numpy(foreign.sample(7, random_state=0)), kde.sample(7, random_state=0), rtol=1e-12
    )


def test_float32_arrays(xp, rng):
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(10, 2))
    _, foreign, expected, result = both(xp, X, Y, bandwidth=0.6, dtype="float32")
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    assert foreign.sample(2).dtype == xp.float32


def test_integers_become_floats(xp):
    X = xp.asarray([[0], [1], [5]])
    result = KernelDensity(bandwidth=1.0).fit(X).score_samples(X)
    expected = (
        KernelDensity(bandwidth=1.0).fit([[0.0], [1.0], [5.0]]).score_samples([[0.0], [1], [5]])
    )
    np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_weights_of_any_dtype(xp, rng, dtype):
    X = rng.normal(size=(40, 2))
    weights = rng.integers(0, 2, size=40)
    expected = KernelDensity().fit(X, sample_weight=weights)
    result = KernelDensity().fit(
        xp.asarray(X), sample_weight=xp.asarray(weights, dtype=getattr(xp, dtype))
    )
    assert result.n_eff_ == pytest.approx(expected.n_eff_, rel=1e-14)
    np.testing.assert_allclose(
        to_numpy(result.score_samples(xp.asarray(X))), expected.score_samples(X), rtol=1e-12
    )


def test_bad_arrays(xp, rng):
    good = xp.asarray(rng.normal(size=(10, 2)))
    kde = KernelDensity(bandwidth=1.0).fit(good)
    for bad, message in (
        (xp.asarray([1.0, 2.0]), "Expected 2D array X, got 1D"),
        (xp.asarray([[float("nan"), 1.0]]), "Input X contains NaN"),
        (xp.asarray([[float("inf"), 1.0]]), "Input X contains infinity"),
        (xp.zeros((0, 2)), "0 sample"),
        (xp.asarray([[1.0 + 2.0j, 0.0]]), "not real"),
    ):
        with pytest.raises(ValueError, match=message):
            KernelDensity(bandwidth=1.0).fit(bad)
    with pytest.raises(ValueError, match="X has 3 features, but KernelDensity is expecting 2"):
        kde.score_samples(xp.zeros((1, 3)))
    with pytest.raises(ValueError, match="fitted on arrays of .* convert X"):
        kde.score_samples(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="fitted on arrays of .* convert X"):
        KernelDensity(bandwidth=1.0).fit(np.zeros((2, 2))).score_samples(good)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
        kde.fit(good, sample_weight=xp.ones(3))
    # Weights of another library move to X's.
    weights = np.arange(10.0)
    moved = KernelDensity(bandwidth=1.0).fit(good, sample_weight=weights).score_samples(good)
    own = KernelDensity(bandwidth=1.0).fit(good, sample_weight=xp.asarray(weights))
    np.testing.assert_array_equal(to_numpy(moved), to_numpy(own.score_samples(good)))


def test_a_torch_device_whose_data_is_absent():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(ValueError, match="X lies on device meta, whose data cannot be read"):
        KernelDensity(bandwidth=1.0).fit(torch.zeros((3, 2), device="meta"))


def test_queries_on_another_device_are_refused():
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    X = strict.zeros((3, 2), device=strict.Device("CPU_DEVICE"))
    kde = KernelDensity(bandwidth=1.0).fit(X)
    with pytest.raises(ValueError, match="fitted on device .* and X is on .*; move X there"):
        kde.score_samples(strict.zeros((3, 2), device=strict.Device("device1")))


def test_torch_gradients_flow_to_the_queries(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    X = torch.asarray(rng.normal(size=(30, 2)))
    query = torch.tensor([[0.3, -0.2]], dtype=torch.float64, requires_grad=True)
    kde = KernelDensity(bandwidth=0.7).fit(X)
    kde.score_samples(query).sum().backward()
    weights = torch.softmax(-((query - X) ** 2).sum(1) / 2 / 0.49, 0)
    expected = (weights[:, None] * (X - query)).sum(0) / 0.49
    np.testing.assert_allclose(query.grad[0].numpy(), expected.detach().numpy(), rtol=1e-10)
    mixed = KernelDensity(bandwidth=0.7, precision="mixed").fit(X).score_samples(query)
    assert mixed.requires_grad
    KernelDensity().fit(X.clone().requires_grad_())  # the rules read the values alone


@pytest.mark.gpu
def test_torch_on_a_gpu_equals_the_cpu(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    X, Y = rng.normal(size=(5000, 20)), rng.normal(size=(500, 20))
    expected = KernelDensity(bandwidth=1.0).fit(X).score_samples(Y)
    kde = KernelDensity(bandwidth=1.0).fit(torch.asarray(X, device="cuda"))
    result = kde.score_samples(torch.asarray(Y, device="cuda"))
    assert result.device.type == "cuda"
    assert np.max(scaled_error(result.cpu().numpy(), expected)) <= 1e-12

"""exp(-t L) B against dense exponentials, closed forms on paths and cycles, and mpmath."""

import mpmath
import numpy as np
import pytest
import scipy.linalg as sl
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import expm_multiply

from kernlab.linalg import _heat, heat_action
from kernlab.linalg._heat_series import _Poisson


def weights_of(n, rng, density=0.1):
    """A random symmetric matrix of weights, with node 0 isolated and the rest in a row at least."""
    W = sp.random_array((n, n), density=density, rng=rng, format="csr")
    row = sp.diags_array([rng.uniform(0.1, 1, n - 1)], offsets=[1])
    W = (W + W.T + row + row.T).tolil()
    W.setdiag(0)
    W[0, :] = W[:, 0] = 0
    return W.tocsr()


def laplacian_of(W, kind):
    degrees = np.asarray(W.sum(axis=1)).ravel()
    inverse = np.divide(1, degrees, out=np.zeros_like(degrees), where=degrees > 0)
    C = sp.diags_array(degrees) - W
    if kind == "combinatorial":
        return C.tocsr()
    if kind == "random_walk":
        return (sp.diags_array(inverse) @ C).tocsr()
    root = sp.diags_array(np.sqrt(inverse))
    return (root @ C @ root).tocsr()


def path(n):
    off = -np.ones(n - 1)
    diagonal = np.full(n, 2.0)
    diagonal[[0, -1]] = 1
    return sp.diags_array([off, diagonal, off], offsets=[-1, 0, 1], format="csr")


def heat_on_path(n, t, *, step=1):
    """Heat at every ``step``-th node of a path that started at its first: images of the line's.

    The heat kernel of the line of integers is exp(-2t) I_d(2t).
    """
    with mpmath.workdps(40):

        def line(d):
            return mpmath.exp(-2 * t) * mpmath.besseli(abs(d), 2 * mpmath.mpf(t))

        # Of the images, the others are too far to matter where 4 t << n².
        return np.array(
            [
                float(line(k) + line(k + 1) + line(2 * n - k) + line(2 * n - k - 1))
                for k in range(0, n, step)
            ]
        )


# --- Accuracy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["normalized", "combinatorial", "random_walk"])
@pytest.mark.parametrize("method", ["auto", "chebyshev", "uniformization", "euler"])
def test_equals_the_dense_exponential(kind, method, rng):
    L = laplacian_of(weights_of(60, rng), kind)
    B = rng.normal(size=(60, 9))
    if method == "chebyshev" and kind == "random_walk":
        with pytest.raises(ValueError, match=r"not symmetric.*method='uniformization'"):
            heat_action(L, B, 1.0, method=method)
        return
    n_steps = 7 if method == "euler" else None
    for t in (0.03, 2.5, 60.0):
        if method == "euler":
            step = np.linalg.inv(np.eye(60) + t / n_steps * L.toarray())
            kernel = np.linalg.matrix_power(step, n_steps)
        else:
            kernel = sl.expm(-t * L.toarray())
        result = heat_action(L, B, t, method=method, n_steps=n_steps)
        # Dense products lose some 1e-14 of the norm; the series 1e-12 of it at most.
        size = np.linalg.norm(B, axis=0)
        assert np.all(np.abs(result - kernel @ B) <= 2e-12 * size)
        single = heat_action(L, B, t, method=method, n_steps=n_steps, dtype="float32")
        assert single.dtype == np.float32
        assert np.all(np.abs(single - kernel @ B) <= 1e-5 * size)


def test_entries_on_a_long_path_are_accurate_to_ten_digits_down_to_1e_200():
    start = np.eye(1, 700)[0]
    for t in (1e-3, 1.0, 30.0, 200.0):
        exact = heat_on_path(700, t, step=37)
        told = exact > 1e-200
        assert exact[told].min() < 1e-150
        result = heat_action(path(700), start, t)[::37]
        np.testing.assert_allclose(result[told], exact[told], rtol=1e-10)
        assert np.all(result >= 0)


def test_entries_of_a_normalised_laplacian_are_accurate_down_to_1e_200():
    # Degrees differ by twelve decades, so that constants certify nothing.
    weights = 10.0 ** np.array([0, -12, -6, 0, -9, -3, -11])
    W = sp.diags_array([weights, weights], offsets=[-1, 1])
    L = laplacian_of(W, "normalized")
    for t in (1e-12, 1e-3, 5.0):
        with mpmath.workdps(230):
            exact = mpmath.expm(mpmath.matrix((-t * L.toarray()).tolist()), method="taylor")
            exact = np.array(exact.tolist(), dtype=float)
        result = heat_action(L, np.eye(8), t)
        told = exact > 1e-200
        np.testing.assert_allclose(result[told], exact[told], rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1e150, 1e-150])
def test_scales_of_heat_and_of_time(scale, rng):
    L = laplacian_of(weights_of(40, rng), "combinatorial")
    B = rng.uniform(size=(40, 3))
    expected = heat_action(L, B, 2.0)
    np.testing.assert_allclose(heat_action(L, B * scale, 2.0), expected * scale, rtol=1e-14)
    np.testing.assert_allclose(heat_action(L * scale, B, 2.0 / scale), expected, rtol=1e-13)
    kept = heat_action(L * scale, B * scale, 2.0 / scale, method="chebyshev")
    np.testing.assert_allclose(kept, expected * scale, rtol=1e-11)


@pytest.mark.parametrize("t", [0.1, 100.0, 1e5])
def test_chebyshev_keeps_its_tolerance(t):
    eigenvalues = np.linspace(0, 2, 400)
    B = np.ones((400, 1))
    for rtol in (1e-3, 1e-8, 1e-13):
        heat = heat_action(
            sp.diags_array(eigenvalues), B, t, method="chebyshev", rtol=rtol, spectrum=(0, 2)
        )
        error = np.abs(heat[:, 0] - np.exp(-t * eigenvalues)).max()
        # The second term is rounding, for a sum of up to 1e4 terms.
        assert error <= rtol + 1e-13
        # A bound so loose that it halved no tolerance would be waste.
        assert rtol < 1e-12 or error >= rtol * 1e-3


def test_poisson_weights_at_1e5():
    mean = 1e5 + 1 / 3
    weights = _Poisson(mean).weights(0.0, 0.0, np.log(1e-210), 1.0)
    assert abs(weights.sum() - 1) < 1e-14
    tail = mpmath.gammainc(len(weights), 0, mean, regularized=True)
    assert tail <= 1e-210
    # One term less would not do: the end is not far from where it must be.
    assert mpmath.gammainc(len(weights) - 40, 0, mean, regularized=True) > 1e-210
    for k in (len(weights) - 1, 100_000, 95_000, 91_000):
        with mpmath.workdps(40):
            exact = mpmath.exp(k * mpmath.log(mean) - mean - mpmath.loggamma(k + 1))
        assert abs(weights[k] / exact - 1) <= 1e-11
    assert np.all(weights[:1000] == 0)


def test_a_hundred_thousand_mean_steps():
    n = 100
    ring = path(n).tolil()
    ring[0, 0] = ring[-1, -1] = 2
    ring[0, -1] = ring[-1, 0] = -1
    heat = heat_action(50.0 * ring.tocsr(), np.eye(n)[0], 1000.0)
    frequencies = 2 * np.pi * np.arange(n) / n
    decay = np.exp(-1e5 * (1 - np.cos(frequencies)))
    exact = np.cos(np.outer(np.arange(n), frequencies)) @ decay / n
    np.testing.assert_allclose(heat, exact, rtol=1e-11)


def test_signed_columns_are_accurate_relative_to_the_heat_of_their_moduli(rng):
    B = rng.normal(size=(300, 1))
    B[:280] = 0
    heat = heat_action(path(300), B, 3.0, method="uniformization")
    parts = heat_action(path(300), np.hstack([np.maximum(B, 0), np.maximum(-B, 0)]), 3.0)
    difference = parts[:, :1] - parts[:, 1:]
    assert np.all(np.abs(heat - difference) <= 1e-10 * parts.sum(axis=1, keepdims=True))


def test_the_error_of_backward_euler_is_of_first_order():
    eigenvalues = np.linspace(0, 30, 500)
    L = sp.diags_array(eigenvalues)
    for n_steps in (1, 4, 16, 64):
        heat = heat_action(L, np.ones(500), 1.0, method="euler", n_steps=n_steps)
        np.testing.assert_allclose(heat, (1 + eigenvalues / n_steps) ** -n_steps, rtol=1e-10)
        error = np.abs(heat - np.exp(-eigenvalues)).max()
        assert 0.19 / n_steps <= error <= 0.28 / n_steps


@pytest.mark.parametrize("method", ["chebyshev", "uniformization"])
@pytest.mark.parametrize("t", [1e-4, 4e-4, 1.0, 10.0])
def test_float32_is_accurate_at_all_times(method, t):
    # Two nodes: the mean, and half the difference times exp(-2e6 t). Documented: 1e-7 sqrt(K), with
    # K < 1000 terms while the work is in single precision, and 6e-8 t 2e6 < 6e-5 at the most.
    L = 1e6 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    heat = heat_action(L, np.array([1.0, 0.0], np.float32), t, method=method)
    assert heat.dtype == np.float32
    half = 0.5 * np.exp(-2e6 * t)
    np.testing.assert_allclose(heat, [0.5 + half, 0.5 - half], rtol=3e-6 + 6e-8 * min(2e6 * t, 1e3))


def test_float32_is_accurate_to_five_digits_down_to_1e_20():
    exact = heat_on_path(200, 20.0, step=5)
    heat = heat_action(path(200), np.eye(1, 200, dtype=np.float32)[0], 20.0)[::5]
    assert heat.dtype == np.float32
    told = exact > 1e-20
    np.testing.assert_allclose(heat[told], exact[told], rtol=1e-5)


def test_agrees_with_scipy_on_a_connection_like_matrix(rng):
    # Positive entries off the diagonal, as connection Laplacians have: Chebyshev's alone.
    A = sp.random_array((50, 50), density=0.1, rng=rng)
    L = (A @ A.T).tocsr()
    B = rng.normal(size=(50, 2))
    expected = expm_multiply(-L, B)
    np.testing.assert_allclose(heat_action(L, B, 1.0), expected, atol=1e-11)
    with pytest.raises(ValueError, match=r"is positive: method='euler'.*method='chebyshev'"):
        heat_action(L, B, 1.0, method="euler", n_steps=3)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    s=st.floats(0, 20),
    t=st.floats(0, 20),
    kind=st.sampled_from(["normalized", "combinatorial"]),
)
def test_heat_flows_as_a_semigroup_that_is_symmetric_and_keeps_its_total(seed, s, t, kind):
    rng = np.random.default_rng(seed)
    L = laplacian_of(weights_of(20, rng), kind)
    at_once = heat_action(L, np.eye(20), s + t)
    np.testing.assert_allclose(
        heat_action(L, heat_action(L, np.eye(20), s), t), at_once, rtol=1e-12, atol=1e-200
    )
    np.testing.assert_allclose(at_once, at_once.T, rtol=1e-12, atol=1e-200)
    if kind == "combinatorial":
        np.testing.assert_allclose(at_once.sum(axis=0), 1, rtol=1e-13)


# --- Forms of input ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chebyshev", "uniformization"])
@pytest.mark.parametrize("n_columns", [0, 1, 3, 8, 9, 17])
def test_any_number_of_columns(n_columns, method, rng):
    L = laplacian_of(weights_of(30, rng), "normalized")
    B = rng.uniform(size=(30, n_columns))
    heat = heat_action(L, B, 1.5, method=method)
    assert heat.shape == (30, n_columns)
    np.testing.assert_allclose(heat, sl.expm(-1.5 * L.toarray()) @ B, atol=1e-11)
    for j in range(n_columns):
        assert np.array_equal(heat_action(L, B[:, j], 1.5, method=method), heat[:, j])


def test_forms_of_the_matrix_and_of_the_columns(rng):
    L = laplacian_of(weights_of(30, rng), "normalized")
    nodes = [3, 0, 29]
    B = np.eye(30)[:, nodes]
    expected = heat_action(L, B, 1.0)
    for other in (L.toarray(), sp.csr_matrix(L), L.tocoo(), L.tocsc()):
        assert np.array_equal(heat_action(other, B, 1.0), expected)
    for other in (sp.csr_array(B), sp.coo_matrix(B), B.astype(int), B.tolist(), B > 0):
        assert np.array_equal(heat_action(L, other, 1.0), expected)
    assert np.array_equal(heat_action(L, sp.coo_array(B[:, 0]), 1.0), expected[:, 0])
    # Node 0 is isolated, and keeps its heat.
    assert np.array_equal(expected[:, 1], B[:, 1])


@pytest.mark.parametrize("method", ["chebyshev", "uniformization"])
def test_several_times(method, rng):
    L = laplacian_of(weights_of(30, rng), "normalized")
    B = rng.uniform(size=(30, 10))
    times = [2.0, 0.0, 30.0, 2.0, 1e-3]
    heat = heat_action(L, B, times, method=method)
    assert heat.shape == (5, 30, 10)
    for t, each in zip(times, heat, strict=True):
        np.testing.assert_allclose(each, heat_action(L, B, t, method=method), rtol=1e-12)
    assert np.array_equal(heat[1], B)
    heat = heat_action(L, B[:, 0], np.array([1.0]), method=method)
    assert heat.shape == (1, 30)
    assert np.array_equal(heat_action(L, B, 0, method=method), B)
    assert np.array_equal(heat_action(L * 0, B, [0.0, 5.0], method=method), [B, B])


def test_the_same_bits_for_any_number_of_threads_and_reordering_loses_nothing(rng, monkeypatch):
    n = 1001
    monkeypatch.setattr(_heat, "_REORDER_FROM", 1000)
    shuffled = rng.permutation(n)
    L = path(n)[shuffled][:, shuffled]
    nodes = np.argsort(shuffled)[np.arange(0, 40, 2)]
    B = sp.csc_array((np.ones(20), (nodes, np.arange(20))), shape=(n, 20))
    heat = heat_action(L, B, [1.0, 5.0], n_jobs=1)
    assert np.array_equal(heat_action(L, B, [1.0, 5.0], n_jobs=3), heat)
    exact = heat_on_path(150, 5.0, step=9)[:11]
    first = heat[1, np.argsort(shuffled)[:91:9], 0]
    np.testing.assert_allclose(first, exact[:11], rtol=1e-10)
    waves = heat_action(L, B, 5.0, method="chebyshev", n_jobs=2)
    assert np.array_equal(heat_action(L, B, 5.0, method="chebyshev", n_jobs=1), waves)
    np.testing.assert_allclose(waves, heat[1], atol=1e-11)


def test_what_is_given_is_not_changed(rng):
    L = laplacian_of(weights_of(30, rng), "normalized")
    L.data[3] = 0.0  # an explicit zero, which a copy drops
    L = (L + L.T).tocsr()
    B = rng.normal(size=(30, 8))
    before = L.copy(), B.copy()
    heat = heat_action(L, B, 0.0)
    heat_action(L, B, 1.0)
    assert np.array_equal(L.toarray(), before[0].toarray())
    heat[:] = 7
    assert np.array_equal(B, before[1])


# --- Other libraries -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chebyshev", "uniformization", "euler"])
def test_torch_gives_the_same(method, rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    L = laplacian_of(weights_of(30, rng), "normalized")
    B = rng.uniform(size=(30, 3))
    options = {"method": method, "n_steps": 4 if method == "euler" else None}
    for dtype, rtol in ((torch.float64, 1e-13), (torch.float32, 1e-6)):
        moved = torch.as_tensor(B, dtype=dtype)
        for t, columns in ((2.0, slice(None)), ([3.0, 0.0], slice(None)), (1.0, 0)):
            heat = heat_action(L, moved[:, columns], t, **options)
            assert heat.dtype == dtype
            expected = heat_action(L, moved[:, columns].numpy(), t, **options)
            assert heat.shape == expected.shape
            np.testing.assert_allclose(heat.numpy(), expected, rtol=rtol, atol=rtol)


def test_torch_keeps_small_entries_and_gradients():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    start = torch.zeros(150, dtype=torch.float64)
    start[0] = 1
    heat = heat_action(path(150), start, 1.0)
    expected = heat_action(path(150), start.numpy(), 1.0)
    told = expected > 1e-200
    np.testing.assert_allclose(heat.numpy()[told], expected[told], rtol=1e-12)
    start.requires_grad_()
    heat_action(path(150), start, 1.0)[5].backward()
    # exp(-t L) is symmetric: the gradient of entry 5 is its column 5.
    column = heat_action(path(150), np.eye(150)[:, 5], 1.0)
    np.testing.assert_allclose(start.grad.numpy(), column, rtol=1e-12, atol=1e-200)


def test_a_library_without_a_sparse_product_is_refused():
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    with pytest.raises(TypeError, match="no sparse product is known; pass a NumPy, torch or CuPy"):
        heat_action(path(4), strict.ones(4), 1.0)
    with pytest.raises(TypeError, match="pass a SciPy sparse matrix"):
        heat_action(strict.ones((4, 4)), np.ones(4), 1.0)


@pytest.mark.gpu
def test_torch_on_a_gpu_equals_the_cpu(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    L = laplacian_of(weights_of(2000, rng, density=0.005), "normalized")
    B = rng.uniform(size=(2000, 32))
    for method in ("chebyshev", "uniformization"):
        expected = heat_action(L, B, [1.0, 10.0], method=method)
        heat = heat_action(L, torch.asarray(B, device="cuda"), [1.0, 10.0], method=method)
        assert heat.device.type == "cuda"
        np.testing.assert_allclose(heat.cpu().numpy(), expected, rtol=1e-11, atol=1e-13)


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"t": -1.0}, ValueError, "zero or more"),
        ({"t": np.nan}, ValueError, "finite and zero or more"),
        ({"t": [1.0, np.inf]}, ValueError, "finite and zero or more"),
        ({"t": []}, ValueError, "one time, or a sequence"),
        ({"t": [[1.0]]}, ValueError, "one time, or a sequence"),
        ({"t": "soon"}, TypeError, "not a real number"),
        ({"t": 1e300}, ValueError, "too large for L"),
        ({"t": 1e300, "method": "chebyshev"}, ValueError, "too large for L"),
        ({"L": np.ones((3, 4))}, ValueError, "must be square"),
        ({"L": np.full((4, 4), np.nan)}, ValueError, "L contains NaN"),
        ({"L": np.eye(4) * 1j}, TypeError, "must be real"),
        ({"B": np.ones(5)}, ValueError, "the 4 rows of L"),
        ({"B": np.ones((4, 1, 1))}, ValueError, "one or two axes"),
        ({"B": [1.0, np.nan, 0.0, 0.0]}, ValueError, "B contains NaN"),
        ({"B": np.ones(4) * 1j}, TypeError, "must be real"),
        ({"dtype": "float16"}, ValueError, "give 'float64', 'float32'"),
        ({"rtol": 0.0}, ValueError, "below 1, and at least the rounding of float64"),
        ({"rtol": 1e-9, "dtype": "float32"}, ValueError, "at least the rounding of float32"),
        ({"method": "expm"}, ValueError, "not one of auto, chebyshev"),
        ({"method": "euler"}, ValueError, "needs n_steps"),
        ({"method": "euler", "n_steps": 0}, ValueError, "needs n_steps"),
        ({"n_steps": 4}, ValueError, "is for method='euler'"),
        ({"spectrum": (0, 2)}, ValueError, "is for method='chebyshev'"),
        ({"spectrum": (2, 0), "method": "chebyshev"}, ValueError, "the smaller first"),
        ({"n_jobs": 0}, ValueError, "n_jobs=0"),
    ],
)
def test_bad_input_is_named(change, error, message):
    arguments = {"L": path(4), "B": np.ones(4), "t": 1.0, **change}
    with pytest.raises(error, match=message):
        heat_action(**arguments)


def test_a_matrix_that_no_method_serves():
    with pytest.raises(ValueError, match="no method serves"):
        heat_action(np.triu(np.ones((4, 4))), np.ones(4), 1.0)


def test_growth_is_refused_or_right_but_never_noise(rng):
    indefinite = path(30) - 3.0 * sp.eye_array(30)
    B = rng.normal(size=30)
    with pytest.raises(ValueError, match=r"eigenvalues below zero.*spectrum="):
        heat_action(indefinite, B, 10.0, method="chebyshev")
    with pytest.raises(ValueError, match="outside the spectrum given"):
        heat_action(path(30), B, 100.0, method="chebyshev", spectrum=(0, 2))
    exact = sl.expm(-10.0 * indefinite.toarray()) @ B
    right = heat_action(indefinite, B, 10.0, method="chebyshev", spectrum=(-3, 1))
    np.testing.assert_allclose(right, exact, atol=1e-11 * np.abs(exact).max())
    # With no negative entry every digit holds, though the heat grows by exp(30).
    positive = heat_action(indefinite, np.abs(B), 10.0)
    exact = heat_action(path(30), np.abs(B), 10.0) * np.exp(30.0)
    np.testing.assert_allclose(positive, exact, rtol=1e-12)
    with pytest.raises(ValueError, match="cannot be told to be accurate"):
        heat_action(indefinite, np.abs(B), 400.0)

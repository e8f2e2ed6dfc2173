"""The quantum fidelity kernel against a simulation of its circuit, gate by gate."""

import functools
import itertools
import pickle

import numpy as np
import pytest
from scipy.linalg import expm, hadamard
from sklearn.base import clone
from sklearn.svm import SVC

from kernlab.datasets import make_ad_hoc
from kernlab.kernels import QuantumFidelity
from kernlab.special._hadamard import walsh_hadamard

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [1, 2, 64])
def test_walsh_hadamard_is_the_matrix(size):
    values = RNG.normal(size=(size, 3)) + 1j * RNG.normal(size=(size, 3))
    exact = hadamard(size) @ values
    assert walsh_hadamard(values) is values
    np.testing.assert_allclose(values, exact, rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match="length 3, which is no power of two"):
        walsh_hadamard(np.zeros(3))
    with pytest.raises(ValueError, match="C-contiguous"):
        walsh_hadamard(np.zeros((4, 4)).T[:, :2])


def on_qubits(gates, q):
    """Product of one 2 x 2 gate on each qubit; qubit 0 is the last factor."""
    return functools.reduce(np.kron, [gates.get(i, np.eye(2)) for i in reversed(range(q))])


def circuit(x, *, reps, pairs):
    """State by dense matrices: Hadamards, then exponentials of Pauli Z and ZZ."""
    q = len(x)
    Z, H = np.diag([1.0, -1.0]), np.array([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    generator = sum(x[i] * on_qubits({i: Z}, q) for i in range(q))
    for i, j in pairs:
        generator = generator + (np.pi - x[i]) * (np.pi - x[j]) * on_qubits({i: Z, j: Z}, q)
    step = expm(1j * generator) @ on_qubits(dict.fromkeys(range(q), H), q)
    return np.linalg.matrix_power(step, reps)[:, 0]


@pytest.mark.parametrize("reps", [1, 2, 3])
@pytest.mark.parametrize(
    ("entanglement", "pairs"),
    [
        ("full", list(itertools.combinations(range(4), 2))),
        ("linear", [(0, 1), (1, 2), (2, 3)]),
        ("circular", [(0, 1), (1, 2), (2, 3), (3, 0)]),
        ([(0, 2), (3, 1)], [(0, 2), (1, 3)]),
    ],
)
def test_equals_the_circuit(reps, entanglement, pairs):
    X = RNG.uniform(0, 2 * np.pi, size=(5, 4))
    kernel = QuantumFidelity(reps=reps, entanglement=entanglement, bandwidth=0.7)
    states = np.array([circuit(0.7 * x, reps=reps, pairs=pairs) for x in X])
    np.testing.assert_allclose(kernel.states(X), states, atol=2e-13)
    exact = np.abs(states.conj() @ states.T) ** 2
    np.testing.assert_allclose(kernel(X), exact, atol=1e-13)
    np.testing.assert_allclose(kernel(X[:2], X[1:]), exact[:2, 1:], atol=1e-13)
    assert np.all(kernel.diag(X) == 1.0)


def test_one_qubit_by_hand():
    # D H |0>: amplitudes e^(±ix)/√2, whose fidelity is cos²(x - y).
    x = np.array([[0.3], [1.4]])
    assert QuantumFidelity(reps=1)(x)[0, 1] == pytest.approx(np.cos(1.1) ** 2, rel=1e-14)


@pytest.mark.parametrize("reps", [1, 2, 3])
def test_gradient_equals_differences(reps):
    X = RNG.uniform(0, np.pi, size=(6, 3))
    kernel = QuantumFidelity(reps=reps, bandwidth=0.2)
    _, gradient = kernel(X, eval_gradient=True)
    # Differences of the fourth order.
    step = 1e-3
    at = {j: kernel.clone_with_theta(kernel.theta + j * step)(X) for j in (-2, -1, 1, 2)}
    exact = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
    np.testing.assert_allclose(gradient[:, :, 0], exact, atol=1e-8 * np.abs(exact).max())
    fixed = clone(kernel).set_params(bandwidth_bounds="fixed")
    assert fixed(X, eval_gradient=True)[1].shape == (6, 6, 0)


def test_chunks_do_not_show(monkeypatch):
    X = RNG.uniform(0, 2 * np.pi, size=(23, 3))
    whole = QuantumFidelity()(X, eval_gradient=True)
    monkeypatch.setattr("kernlab.kernels._quantum.chunk_bytes", lambda: 4096)
    monkeypatch.setattr("kernlab.kernels._quantum._WORK_BYTES", 512)
    parts = QuantumFidelity()(X, eval_gradient=True)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_shots_are_binomial():
    X = RNG.uniform(0, 2 * np.pi, size=(40, 2))
    exact = QuantumFidelity()(X)
    noisy = QuantumFidelity(shots=200, random_state=0)(X)
    assert np.array_equal(noisy, noisy.T)
    assert np.all(np.diag(noisy) == 1.0)
    assert np.array_equal(noisy, QuantumFidelity(shots=200, random_state=0)(X))
    upper = np.triu_indices(40, 1)
    scores = (noisy - exact)[upper] / np.sqrt(exact * (1 - exact) / 200 + 1e-12)[upper]
    # 780 standardised binomials: mean square 1 with standard error √(2/780) = 0.05, and more by
    # the skewness of rare events.
    assert abs(np.mean(scores**2) - 1.0) < 0.25
    cross = QuantumFidelity(shots=10**9, random_state=1)(X[:3], X)
    np.testing.assert_allclose(cross, exact[:3], atol=1e-4)


def test_concentration_and_bandwidth():
    """Fidelities of random points fall like 2^-q; a bandwidth holds them up."""
    means = {}
    for q in (2, 8):
        X = RNG.uniform(0, 2 * np.pi, size=(40, q))
        for bandwidth in (1.0, 0.05):
            K = QuantumFidelity(bandwidth=bandwidth)(X)
            means[q, bandwidth] = K[np.triu_indices(40, 1)].mean()
    # Independent random states have mean fidelity 1/(N + 1).
    assert means[8, 1.0] < 2 / 2**8
    assert means[2, 1.0] > 0.15
    assert means[8, 0.05] > 5 * means[8, 1.0]


def test_ad_hoc_data_are_learned():
    scores = []
    for seed in range(3):
        X, y = make_ad_hoc(200, random_state=seed)
        assert X.shape == (200, 2)
        assert y.sum() == 100
        assert 0 <= X.min() <= X.max() <= 2 * np.pi
        model = pickle.loads(pickle.dumps(clone(SVC(kernel=QuantumFidelity(), C=100.0))))
        scores.append(model.fit(X[:40], y[:40]).score(X[40:], y[40:]))
    # The paper's recipe leaves a gap of 0.3: next to no error.
    assert np.mean(scores) > 0.95
    again = make_ad_hoc(200, random_state=2)
    assert np.array_equal(again[0], X)
    assert np.array_equal(again[1], y)


X2 = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: QuantumFidelity(reps=0)(X2), "reps=0"),
        (lambda: QuantumFidelity(shots=0)(X2), "shots=0"),
        (lambda: QuantumFidelity(bandwidth=-1.0)(X2), "bandwidth=-1.0"),
        (lambda: QuantumFidelity(entanglement="fill")(X2), "entanglement='fill'"),
        (lambda: QuantumFidelity(bandwidth="a")(X2), "bandwidth='a' must be a number"),
        (lambda: QuantumFidelity(bandwidth=1j)(X2), "bandwidth=1j must be a number"),
        (lambda: QuantumFidelity(entanglement=[(0.0, 1.0)])(X2), "whole numbers from 0 to 1"),
        (lambda: QuantumFidelity(entanglement=[(0, True)])(X2), "whole numbers from 0 to 1"),
        (lambda: QuantumFidelity(entanglement=[([0], [1])])(X2), "whole numbers from 0 to 1"),
        (lambda: QuantumFidelity(entanglement=3)(X2), "entanglement=3 must be"),
        (lambda: QuantumFidelity(entanglement=[0, 1])(X2), r"entanglement=\[0, 1\] must be"),
        (lambda: QuantumFidelity(entanglement=None)(X2), "entanglement=None must be"),
        (lambda: QuantumFidelity(entanglement=iter([(0, 1)]))(X2), "a list of pairs"),
        (lambda: QuantumFidelity(entanglement=[(0, 2)])(X2), "from 0 to 1"),
        (lambda: QuantumFidelity(entanglement=[(1, 1)])(X2), "different qubits"),
        (lambda: QuantumFidelity(n_qubits=3)(X2), "n_qubits=3 and X has 2 columns"),
        (lambda: QuantumFidelity()(np.zeros((1, 30))), "30 qubits would take 16 GiB"),
        (lambda: QuantumFidelity()([[np.nan]]), "X holds NaN"),
        (lambda: QuantumFidelity()(X2, np.zeros((1, 3))), "2 columns and Y has 3"),
        (lambda: QuantumFidelity()(X2, X2, eval_gradient=True), "Y is None"),
        (lambda: QuantumFidelity(shots=5)(X2, eval_gradient=True), "have no gradient"),
        (lambda: QuantumFidelity()(1e9 + X2), "no digits to spare"),
        (lambda: make_ad_hoc(1), "n_samples=1"),
        (lambda: make_ad_hoc(n_features=11), "from 1 to 10"),
        (lambda: make_ad_hoc(gap=1.0), "gap=1.0"),
        (lambda: make_ad_hoc(2, gap=0.9999, n_features=4, random_state=0), "smaller gap"),
    ],
)
def test_bad_input_is_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()

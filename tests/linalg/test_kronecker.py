"""Kronecker products and sums against their dense matrices."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.linalg import KroneckerSum, apply_along_axes

EPS = np.finfo(float).eps


def dense(matrix):
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def dense_sum(factors):
    """sum_d M_1 x ... A_d ... x M_D by np.kron, C order of the array."""
    masses = [np.eye(len(A)) if M is None else dense(M) for A, M in factors]
    return sum(
        functools.reduce(np.kron, [*masses[:d], dense(A), *masses[d + 1 :]])
        for d, (A, _) in enumerate(factors)
    )


def draw(rng, shape, is_complex):
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def factor(rng, n, kind, is_complex=False):
    """A well conditioned pair (A, M): eigenvalues of M⁻¹A near 2 to 4, so that no sum vanishes."""
    if kind == "diagonal":
        return 2 + 2 * rng.random(n), None
    if kind == "diagonal with mass":
        mass = 1 + rng.random(n)
        return mass * (2 + 2 * rng.random(n)), mass
    small = 0.3 / np.sqrt(n)
    A = 3 * np.eye(n) + small * draw(rng, (n, n), is_complex)
    if kind == "general":
        return A, None
    if kind == "diagonal and full":
        return 3 + rng.random(n), np.eye(n) + small * draw(rng, (n, n), is_complex)
    if kind == "full and diagonal":
        return A, 1 + rng.random(n)
    return A, np.eye(n) + small * draw(rng, (n, n), is_complex)


KINDS = [
    "diagonal", "diagonal with mass", "general", "pair", "diagonal and full", "full and diagonal",
]  # fmt: skip


@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    is_complex=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_solve_equals_the_dense_solution(kinds, sizes, is_complex, seed):
    rng = np.random.default_rng(seed)
    factors = [factor(rng, n, kind, is_complex) for n, kind in zip(sizes, kinds, strict=False)]
    operator = KroneckerSum(factors)
    matrix = dense_sum(factors)
    right = draw(rng, operator.shape, is_complex)
    expected = np.linalg.solve(matrix, right.ravel()).reshape(operator.shape)
    found = operator.solve(right)
    # Condition numbers are below a hundred by construction.
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.max(np.abs(expected)))
    assert np.isrealobj(found) or is_complex
    assert operator.is_diagonal == all(kind.split(" with")[0] == "diagonal" for kind in kinds)


@pytest.mark.parametrize("kinds", [("general",), ("pair", "diagonal"), ("pair", "pair", "pair")])
def test_extreme_eigenvalues_are_those_of_the_pencil(kinds, rng):
    factors = [factor(rng, n, kind) for n, kind in zip((4, 3, 5), kinds, strict=False)]
    masses = [np.eye(len(A)) if M is None else dense(M) for A, M in factors]
    pencil = np.linalg.solve(functools.reduce(np.kron, masses), dense_sum(factors))
    moduli = np.abs(np.linalg.eigvals(pencil))
    operator = KroneckerSum(factors)
    assert operator.smallest == pytest.approx(moduli.min() / moduli.max(), rel=1e-9)
    assert operator.inverse_norm == pytest.approx(1 / moduli.min(), rel=1e-9)


def _singular_diagonal(rng):
    # 2 - 2 = 0 in the sum.
    return [(np.array([1.0, 2.0, 5.0]), None), (np.array([-2.0, 3.0]), None)]


def _singular_general(rng):
    V, W = rng.standard_normal((3, 3)), rng.standard_normal((4, 4))
    A = V @ np.diag([1.0, 2.0, 5.0]) @ np.linalg.inv(V)
    B = W @ np.diag([-2.0, 3.0, 0.5, 7.0]) @ np.linalg.inv(W)
    return [(A, None), (B, None)]


def _singular_mass(rng):
    # A alone is singular: its kernel is the constant, as between Neumann ends.
    A = rng.standard_normal((4, 4))
    A -= A.mean(axis=1, keepdims=True)
    return [(A, np.eye(4) + 0.1 * rng.standard_normal((4, 4)))]


@pytest.mark.parametrize("make", [_singular_diagonal, _singular_general, _singular_mass])
def test_singular_sums_are_seen(make, rng):
    operator = KroneckerSum(make(rng))
    # Rounding of the eigenvalues: eps times the condition of the eigenvectors, below 1e3 here.
    assert operator.smallest < 1e3 * EPS
    assert operator.inverse_norm > 1e12


def test_a_singular_factor_is_no_singular_sum(rng):
    A = rng.standard_normal((4, 4))
    A -= A.mean(axis=1, keepdims=True)
    A = A @ A.T + 0.0
    factors = [(A, None), (np.array([1.0, 2.0, 3.0]), None)]
    operator = KroneckerSum(factors)
    right = rng.standard_normal((4, 3))
    expected = np.linalg.solve(dense_sum(factors), right.ravel()).reshape(4, 3)
    np.testing.assert_allclose(operator.solve(right), expected, atol=1e-12)
    assert operator.smallest > 1e-3


def test_smooth_solutions_keep_their_digits_where_the_factors_are_badly_scaled(rng):
    # Two derivatives' matrices grow as n⁴; a Schur form of A⁻¹M keeps what one of M⁻¹A would lose.
    n = 60
    modes = np.arange(1.0, n + 1) ** 4
    V, W = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    factors = [(V @ np.diag(modes) @ V.T, None), (W @ np.diag(modes) @ W.T, None)]
    exact = np.outer(V[:, 0], W[:, 0])
    found = KroneckerSum(factors).solve(2 * exact)
    assert np.max(np.abs(found - exact)) < 1e-9


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    outputs=st.lists(st.integers(0, 4), min_size=3, max_size=3),
    is_complex=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_products_along_axes_equal_the_dense_product(shape, outputs, is_complex, seed):
    rng = np.random.default_rng(seed)
    # A height of zero stands for the identity.
    matrices = [
        draw(rng, (m, n), is_complex) if m else None for m, n in zip(outputs, shape, strict=False)
    ]
    array = draw(rng, shape, is_complex)
    full = functools.reduce(
        np.kron, [np.eye(n) if m is None else m for m, n in zip(matrices, shape, strict=False)]
    )
    heights = [n if m is None else len(m) for m, n in zip(matrices, shape, strict=False)]
    expected = (full @ array.ravel()).reshape(heights)
    np.testing.assert_allclose(apply_along_axes(matrices, array), expected, atol=1e-13 * 4**4)


def test_products_along_axes_on_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(0)
    A, B, U = rng.random((3, 4)), rng.random((2, 5)), rng.random((4, 5))
    expected = A @ U @ B.T
    np.testing.assert_allclose(apply_along_axes([A, B], U, device="cpu"), expected, rtol=1e-14)
    found = apply_along_axes([torch.as_tensor(A), torch.as_tensor(B)], torch.as_tensor(U))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)


def test_the_approximate_form_solves_to_the_digits_that_skew_eigenvectors_leave(rng):
    factors = [factor(rng, n, kind) for n, kind in ((6, "pair"), (5, "general"), (4, "diagonal"))]
    right = rng.standard_normal((6, 5, 4))
    exact = KroneckerSum(factors).solve(right)
    found = KroneckerSum(factors, approximate=True).solve(right)
    assert np.isrealobj(found)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-8)
    # A Jordan block has one eigenvector: the triangular form is kept, and with it the digits.
    jordan = np.eye(6) + np.diag(np.ones(5), 1)
    pair = [(jordan, None), factors[1]]
    right = rng.standard_normal((6, 5))
    np.testing.assert_allclose(
        KroneckerSum(pair, approximate=True).solve(right),
        np.linalg.solve(dense_sum(pair), right.ravel()).reshape(6, 5),
        atol=1e-11,
    )

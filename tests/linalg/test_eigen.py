"""The lowest eigenpairs against closed forms and LAPACK."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.exceptions import EigenpairWarning
from kernlab.linalg import _eigen, smallest_eigenpairs


@pytest.fixture(autouse=True)
def iterative(monkeypatch):
    """Small matrices take the way of large ones."""
    monkeypatch.setattr(_eigen, "_DENSE", 150)


def ring(n):
    return sp.diags_array(
        [-1.0, -1.0, 2.0, -1.0, -1.0], offsets=[1 - n, -1, 0, 1, n - 1], shape=(n, n)
    ).tocsr()


def ring_values(n):
    return 2 - 2 * np.cos(2 * np.pi * np.arange(n) / n)


def grid(m):
    return sp.csr_array(sp.kron(ring(m), sp.eye_array(m)) + sp.kron(sp.eye_array(m), ring(m)))


def check(L, values, vectors, expected, tol=1e-8):
    k = len(values)
    size = abs(L).max()
    # The error of an eigenvalue is second order in the residual, down to rounding of the size of L.
    np.testing.assert_allclose(values, expected[:k], atol=1e-12 * size, rtol=0)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(k), atol=1e-11)
    residuals = np.linalg.norm(L @ vectors - vectors * values, axis=0)
    assert residuals.max() <= tol * size
    largest = np.abs(vectors).argmax(axis=0)
    assert np.all(vectors[largest, np.arange(k)] > 0)


# A torus' eigenvalues come in fours and eights, one block of the iteration holds 32 vectors.
@pytest.mark.parametrize("k", [1, 5, 90])
def test_multiplicities_of_the_torus(k):
    expected = np.sort(np.add.outer(ring_values(32), ring_values(32)).ravel())
    values, vectors = smallest_eigenpairs(grid(32), k, random_state=0)
    check(grid(32), values, vectors, expected)


def test_an_eigenvalue_of_higher_multiplicity_than_the_block():
    # A star: 0, then 1 for all leaves but one, then n.
    n = 300
    star = sp.lil_array((n, n))
    star[0, 1:] = star[1:, 0] = -1.0
    star.setdiag(np.r_[n - 1.0, np.ones(n - 1)])
    values, vectors = smallest_eigenpairs(star.tocsr(), 70, random_state=0)
    check(star.tocsr(), values, vectors, np.r_[0.0, np.ones(n - 2), n])


def test_components_share_the_eigenvalue_zero():
    # Of 40 rings of 30, and one of 400 that takes the iterative way, in mixed order.
    L = sp.block_diag([*[ring(30)] * 40, ring(400)], format="csr")
    order = np.random.default_rng(0).permutation(L.shape[0])
    L = L[order][:, order]
    expected = np.sort(np.concatenate([np.tile(ring_values(30), 40), ring_values(400)]))
    values, vectors = smallest_eigenpairs(L, 60, random_state=0)
    check(L, values, vectors, expected)
    assert np.count_nonzero(values < 1e-12) == 41


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 2), (60, 60), (120, 90), (200, 150)])
def test_small_matrices_and_many_pairs(n, k):
    A = np.random.default_rng(n).normal(size=(n, n))
    L = A @ A.T
    values, vectors = smallest_eigenpairs(L, k, random_state=0)
    check(sp.csr_array(L), values, vectors, np.linalg.eigvalsh(L))


def test_a_spectrum_far_from_zero():
    # Nearly complete: all eigenvalues but zero crowd at the top, where no polynomial helps.
    n = 250
    K = np.eye(n) - (1 - np.eye(n)) / (n - 1)
    values, vectors = smallest_eigenpairs(K, 4, random_state=0)
    check(sp.csr_array(K), values, vectors, np.r_[0.0, np.full(n - 1, n / (n - 1))])


def test_the_same_bits_for_any_number_of_threads():
    results = [smallest_eigenpairs(grid(32), 20, random_state=3, n_jobs=j) for j in (1, 2, 3)]
    for values, vectors in results[1:]:
        np.testing.assert_array_equal(values, results[0][0])
        np.testing.assert_array_equal(vectors, results[0][1])


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scale_changes_the_values_alone(scale):
    values, vectors = smallest_eigenpairs(ring(300), 4, random_state=0)
    scaled, same = smallest_eigenpairs(scale * ring(300), 4, random_state=0)
    np.testing.assert_allclose(scaled / scale, values, atol=1e-14)
    # Two-dimensional eigenspaces, spanned alike.
    np.testing.assert_allclose(np.abs(np.linalg.svd(same.T @ vectors)[1]), 1, atol=1e-6)


def test_zero_matrix_and_isolated_nodes():
    values, vectors = smallest_eigenpairs(sp.csr_array((5, 5)), 3)
    assert values.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(vectors, np.eye(5, 3))
    lone = sp.block_diag([ring(10), sp.csr_array((2, 2))])
    values, _ = smallest_eigenpairs(lone, 4)
    np.testing.assert_allclose(values, [0, 0, 0, ring_values(10)[1]], atol=1e-14)


def test_residuals_above_the_tolerance_are_told():
    with pytest.warns(EigenpairWarning, match="largest residual"):
        smallest_eigenpairs(ring(300), 4, tol=1e-300, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        smallest_eigenpairs(ring(300), 4, tol=1e-12, random_state=0)


@pytest.mark.parametrize(
    ("L", "k", "tol", "match"),
    [
        (np.ones((2, 3)), 1, 1e-8, "square"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), 1, 1e-8, "not symmetric"),
        (np.array([[np.nan]]), 1, 1e-8, "NaN"),
        (-np.eye(3), 1, 1e-8, "semi-definite"),
        (np.eye(3, dtype=complex), 1, 1e-8, "real"),
        (np.eye(3), 0, 1e-8, "k=0"),
        (np.eye(3), 4, 1e-8, "from 1 to 3"),
        (np.eye(3), 1, 0.0, "tol"),
    ],
)
def test_bad_input(L, k, tol, match):
    with pytest.raises(ValueError, match=match):
        smallest_eigenpairs(L, k, tol=tol)

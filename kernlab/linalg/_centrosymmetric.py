"""Eigendecomposition of covariance matrices, by halves where they are centrosymmetric."""

# Reference: Cantoni, Butler, Eigenvalues and eigenvectors of symmetric centrosymmetric matrices,
# Linear Algebra Appl. 13 (1976).

import numpy as np
from scipy.linalg import eigh

from kernlab._core.threads import SINGLE_THREADED_BLAS

# Rounding of entries that are equal in exact arithmetic, in units of the largest.
_ROUNDING = 16 * np.finfo(float).eps


def eigh_covariance(K):
    """Eigenvalues and eigenvectors of a symmetric positive semi-definite matrix.

    A matrix that is the same read backwards, K[i, j] = K[n-1-i, n-1-j], has eigenvectors that are
    even or odd, found from two matrices of half the size at a quarter of the cost. Covariances of
    a stationary kernel on a regular axis are such, being symmetric Toeplitz matrices.

    Parameters
    ----------
    K : array of shape (n, n)

    Returns
    -------
    values : array of shape (n,)
        Negative ones, which are rounding, are set to zero. Not sorted.
    vectors : array of shape (n, n)
        In columns.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.linalg._centrosymmetric import eigh_covariance
    >>> values, vectors = eigh_covariance(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> values.tolist()
    [3.0, 1.0]
    """
    # More threads than idle cores slow a decomposition several times.
    with SINGLE_THREADED_BLAS:
        if _is_centrosymmetric(K):
            values, vectors = _by_halves(K)
        else:
            values, vectors = eigh(K, driver="evd", check_finite=False)
    return np.maximum(values, 0.0), vectors


def _is_centrosymmetric(K):
    if len(K) == 1:
        return False
    backwards = K[::-1, ::-1]
    return bool(np.max(np.abs(K - backwards)) <= _ROUNDING * np.max(np.abs(K)))


def _by_halves(K):
    n = len(K)
    half = n // 2
    K = (K + K[::-1, ::-1]) / 2
    corner, beside = K[:half, :half], K[:half, n - half :][:, ::-1]
    odd_values, odd = eigh(corner - beside, driver="evd", check_finite=False)
    even_block = corner + beside
    if n % 2:
        middle = np.sqrt(2) * K[:half, half]
        even_block = np.block([[even_block, middle[:, None]], [middle, K[half, half]]])
    even_values, even = eigh(even_block, driver="evd", check_finite=False)
    vectors = np.zeros((n, n))
    n_even = len(even_values)
    vectors[:half, :n_even] = even[:half] / np.sqrt(2)
    vectors[:half, n_even:] = odd / np.sqrt(2)
    vectors[n - half :, :n_even] = vectors[:half, :n_even][::-1]
    vectors[n - half :, n_even:] = -vectors[:half, n_even:][::-1]
    if n % 2:
        vectors[half, :n_even] = even[half]
    return np.concatenate([even_values, odd_values]), vectors

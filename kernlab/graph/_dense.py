"""Dense symmetric matrices: inverses by Cholesky, and functions by eigenvectors, each in n³ flops.

Half the flops of a general inverse or product: LAPACK and BLAS fill one triangle, and it is
mirrored, so that results are symmetric to the last bit.
"""

import numpy as np
import scipy.linalg as sl
from scipy.linalg import blas, lapack

_BLOCK = 256


def inverse(matrix):
    """Inverse of a symmetric positive definite C-contiguous array, in its place.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where it is not positive definite to working precision.
    """
    # In Fortran's eyes the transpose, which is the same matrix. Scaled to a unit diagonal, so that
    # units which differ between nodes do not count as ill-conditioning.
    scale = 1.0 / np.sqrt(np.diag(matrix))
    matrix *= scale
    matrix *= scale[:, None]
    names = ("potrf", "pocon", "potri")
    potrf, pocon, potri = lapack.get_lapack_funcs(names, (matrix,))
    norm = np.abs(matrix).sum(axis=0).max()
    factor, info = potrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if info == 0:
        reciprocal, _ = pocon(factor, norm, uplo="L")
        if reciprocal < 10 * np.finfo(matrix.dtype).eps:
            info = 1
    if info != 0:
        raise np.linalg.LinAlgError("not positive definite to working precision")
    result, _ = potri(factor, lower=1, overwrite_c=1)
    result = result.T
    result *= scale
    result *= scale[:, None]
    # Last, for the order of those two products tells the triangles apart.
    return mirrored(result)


def eigenpairs(matrix):
    """Eigenvalues, ascending and float64, and eigenvectors of a symmetric array, destroying it."""
    values, vectors = sl.eigh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")
    return values.astype(np.float64), vectors


def spectral_function(vectors, weights):
    """``U diag(weights) U^T``; terms that rounding would swallow are left out."""
    size = np.abs(weights)
    size, largest = np.sqrt(size), size.max()
    n = len(vectors)
    result = np.zeros((n, n), vectors.dtype, order="F")
    (syrk,) = blas.get_blas_funcs(("syrk",), (vectors,))
    for sign in (1.0, -1.0):
        keep = (sign * weights > 0) & (np.abs(weights) > 1e-20 * largest)
        if keep.any():
            half = np.asfortranarray(vectors[:, keep] * size[keep].astype(vectors.dtype))
            result = syrk(sign, half, beta=1.0, c=result, lower=1, overwrite_c=1)
    return mirrored(result.T)


def gram(matrix):
    """``X^T X`` of a C-contiguous array."""
    (syrk,) = blas.get_blas_funcs(("syrk",), (matrix,))
    return mirrored(syrk(1.0, matrix.T, lower=1).T)


def mirrored(matrix):
    """The upper triangle of a square array copied to the lower one, in place."""
    for start in range(0, len(matrix), _BLOCK):
        stop = start + _BLOCK
        block = matrix[start:stop, start:stop]
        block[:] = np.triu(block) + np.triu(block, 1).T
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
    return matrix

"""From kernels to distances and back."""

import numpy as np


def kernel_to_distance(kernel, *, sqrt=False):
    """Halved distances of a kernel, ``(k_ii + k_jj - k_ij - k_ji) / 2``.

    Half the squared Euclidean distance in the space of the kernel's features. Constants added to
    the rows or columns of the kernel do not change it.

    Parameters
    ----------
    kernel : array-like of shape (n_nodes, n_nodes)
        Finite; need be neither symmetric nor positive semi-definite.
    sqrt : bool, default=False
        Whether to return the square roots, as is usual for communicability.

    Returns
    -------
    distance : float ndarray of shape (n_nodes, n_nodes)
        Symmetric with a zero diagonal, float32 where the kernel is. Where the kernel is not
        positive semi-definite entries can be negative.

    Raises
    ------
    ValueError
        Where the kernel is not square and finite, or a root of a negative distance is asked for.

    See Also
    --------
    distance_to_kernel : Of distances to kernels; ``distance_to_kernel(2 * kernel_to_distance(K))``
        is K centred.

    Notes
    -----
    O(n²) time and memory.

    Examples
    --------
    >>> from kernlab.graph import kernel_to_distance
    >>> kernel_to_distance([[2.0, 1.0], [1.0, 4.0]]).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    kernel = _square("kernel", kernel)
    return halved_distance(kernel, sqrt=sqrt)


def halved_distance(kernel, *, sqrt=False):
    """:func:`kernel_to_distance` of a checked array."""
    diagonal = 0.5 * np.diag(kernel)
    # The same sums for a pair in either order, so that the result is symmetric to the last bit.
    distance = kernel + kernel.T
    distance *= -0.5
    distance += diagonal[:, None] + diagonal
    np.fill_diagonal(distance, 0.0)
    if not sqrt:
        return distance
    least, rounding = distance.min(), 1e-7 if kernel.dtype == np.float32 else 1e-15
    if least < -rounding * len(kernel) * np.abs(diagonal).max():
        raise ValueError(
            f"kernel gives the negative distance {least:g}, which has no root; pass sqrt=False."
        )
    return np.sqrt(np.maximum(distance, 0.0, out=distance), out=distance)


def distance_to_kernel(distance):
    """Kernel of distances, ``-H D H / 2`` with H the centring ``I - 1/n``.

    As in classical scaling, with the distances in the place of squared ones.

    Parameters
    ----------
    distance : array-like of shape (n_nodes, n_nodes)
        Symmetric and finite.

    Returns
    -------
    kernel : float ndarray of shape (n_nodes, n_nodes)
        Symmetric, with rows that sum to zero; positive semi-definite where the distances are
        squares of Euclidean ones. float32 where the distances are.

    Raises
    ------
    ValueError
        Where the distances are not square, finite and symmetric.

    See Also
    --------
    kernel_to_distance : The way back, to half the distances.

    Notes
    -----
    O(n²) time and memory.

    Examples
    --------
    >>> from kernlab.graph import distance_to_kernel
    >>> distance_to_kernel([[0.0, 4.0], [4.0, 0.0]]).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    distance = _square("distance", distance)
    difference = np.abs(distance - distance.T).max()
    if difference > 1e-6 * np.abs(distance).max():
        raise ValueError(
            f"distance is not symmetric (largest difference: {difference:g}); pass "
            "(distance + distance.T) / 2."
        )
    return centred(distance, -0.5)


def centred(matrix, factor):
    """``factor H M H`` of the symmetric part of a square array, symmetric to the last bit."""
    result = matrix + matrix.T
    result *= 0.5 * factor
    means = result.mean(axis=0, dtype=np.float64)
    result -= (means[:, None] + means - means.mean()).astype(result.dtype)
    return result


def _square(name, matrix):
    matrix = np.asarray(matrix)
    if matrix.dtype != np.float32:
        matrix = matrix.astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ValueError(f"{name} has shape {matrix.shape}; give a square table, (n, n).")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} holds NaN or infinity; give finite entries.")
    return matrix

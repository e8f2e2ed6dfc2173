"""Laplacians of a weighted graph."""

# Reference: Chung, *Spectral Graph Theory*, 1997; von Luxburg, *A tutorial on spectral clustering*,
# Statistics and Computing 17, 2007.

import numpy as np
import scipy.sparse as sp

from kernlab.graph._adjacency import as_adjacency

KINDS = ("normalized", "combinatorial", "random_walk")


def laplacian(affinity, kind="normalized"):
    """Laplacian of a weighted undirected graph.

    With ``W`` the affinities and ``D`` the diagonal of their row sums: ``I - D^(-1/2) W D^(-1/2)``
    ('normalized', eigenvalues in [0, 2]), ``D - W`` ('combinatorial', rows sum to zero) or
    ``I - D^(-1) W`` ('random_walk', rows sum to zero, similar to the normalised one). A node
    without edges has a row and a column of zeros in each of them: heat stays where it is.

    Parameters
    ----------
    affinity : sparse matrix, sparse array or array-like of shape (n_nodes, n_nodes)
        Symmetric, non-negative and finite. A loop, on the diagonal, counts once in its row's sum.
    kind : {'normalized', 'combinatorial', 'random_walk'}, default='normalized'
        Symmetric positive semi-definite but for 'random_walk', which is not symmetric.

    Returns
    -------
    laplacian : csr_matrix of shape (n_nodes, n_nodes), float64
        With every diagonal entry stored. Symmetric kinds are so to the last bit where
        ``affinity`` is.

    Raises
    ------
    ValueError
        Where ``affinity`` is not square, finite, non-negative and symmetric, or of an unknown kind.

    Notes
    -----
    O(number of edges) time and memory. Affinities of any common scale are right: the normalised
    kinds do not change when it does.

    References
    ----------
    .. [1] F. R. K. Chung, "Spectral Graph Theory", AMS, 1997.
    .. [2] U. von Luxburg, "A tutorial on spectral clustering", Statistics and Computing, 2007.

    Examples
    --------
    >>> from kernlab.graph import laplacian
    >>> laplacian([[0, 1, 0], [1, 0, 3], [0, 3, 0]], "combinatorial").toarray().tolist()
    [[1.0, -1.0, 0.0], [-1.0, 4.0, -3.0], [0.0, -3.0, 3.0]]
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is no Laplacian; give one of {', '.join(KINDS)}.")
    weights = as_adjacency(affinity, name="affinity", loops="keep")
    with np.errstate(over="ignore"):
        degrees = np.asarray(weights.sum(axis=1)).ravel()
    if not np.isfinite(degrees).all():
        raise ValueError(
            "affinity has row sums beyond the largest float; divide it by its maximum."
        )
    if kind == "combinatorial":
        return _diagonal_less(degrees, weights)
    rows = np.repeat(np.arange(len(degrees)), np.diff(weights.indptr))
    linked = degrees > 0
    if kind == "random_walk":
        weights.data /= np.where(linked, degrees, 1.0)[rows]
    else:
        roots = np.sqrt(np.where(linked, degrees, 1.0))
        # A product of the two roots first, which commutes, keeps symmetry to the last bit.
        weights.data /= roots[rows] * roots[weights.indices]
    return _diagonal_less(linked.astype(np.float64), weights)


def _diagonal_less(diagonal, weights):
    """``diag(diagonal) - weights``, every diagonal entry stored."""
    n_nodes = len(diagonal)
    nodes = np.arange(n_nodes)
    entries = weights.tocoo()
    result = sp.csr_matrix(
        (
            np.concatenate([diagonal, -entries.data]),
            (np.concatenate([nodes, entries.row]), np.concatenate([nodes, entries.col])),
        ),
        shape=(n_nodes, n_nodes),
    )
    result.sum_duplicates()
    return result

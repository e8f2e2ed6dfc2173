"""Inverses of symmetric M-matrices without a subtraction, so that each entry is right by itself."""

# References: Grassmann, Taksar, Heyman, *Regenerative analysis and steady state distributions for
# Markov chains*, Operations Research 33, 1985; Alfa, Xue, Ye, *Accurate computation of the smallest
# eigenvalue of a diagonally dominant M-matrix*, Mathematics of Computation 71, 2002.

import numpy as np

# Blocks of this size are eliminated node by node, larger ones by halves through matrix products.
BLOCK = 32


def m_matrix_inverse(links, excess):
    """Inverse of ``diag(excess + links.sum(axis=1)) - links``, every entry to a few ulp.

    A matrix with off-diagonal ``-links`` and row sums ``excess`` is kept in that form while nodes
    are eliminated: links and excess only grow, and the diagonal, where Gaussian elimination
    cancels, is their sum. No step subtracts, hence the relative error of each entry is at most
    about ``n`` units in the last place, however close to singular the matrix and small the entry.

    Parameters
    ----------
    links : float64 ndarray of shape (n, n)
        Symmetric and non-negative; the diagonal is not read.
    excess : float64 ndarray of shape (n,)
        Non-negative, and positive for a node of each component.

    Returns
    -------
    inverse : float64 ndarray of shape (n, n)
        Non-negative and symmetric to rounding; zero between components.

    Notes
    -----
    4/3 n³ multiplications, nearly all in matrix products, against n³ of a Cholesky inversion.
    """
    n_nodes = len(excess)
    if n_nodes <= BLOCK:
        return _by_nodes(links, excess)
    half = n_nodes // 2
    head, tail = slice(half), slice(half, n_nodes)
    across = links[head, tail]
    head_excess = excess[head] + across.sum(axis=1)
    first = m_matrix_inverse(links[head, head], head_excess)
    # Of walks that leave the tail into the head: where they come back to.
    ways = first @ across
    rest = across.T @ ways
    rest += links[tail, tail]
    # They come back, or leave the matrix in the head.
    left = excess[tail] + across.T @ (first @ excess[head])
    second = m_matrix_inverse(rest, left)
    inverse = np.empty((n_nodes, n_nodes))
    inverse[tail, tail] = second
    inverse[head, tail] = ways @ second
    inverse[tail, head] = inverse[head, tail].T
    np.matmul(inverse[head, tail], ways.T, out=inverse[head, head])
    inverse[head, head] += first
    return inverse


def _by_nodes(links, excess):
    links, excess = np.array(links), np.array(excess)
    n_nodes = len(excess)
    pivots = np.empty(n_nodes)
    for node in range(n_nodes):
        later = slice(node + 1, n_nodes)
        pivots[node] = excess[node] + links[node, later].sum()
        share = links[node, later] / pivots[node]
        links[later, later] += np.multiply.outer(links[later, node], share)
        excess[later] += share * excess[node]
        links[node, later] = share
    inverse = np.empty((n_nodes, n_nodes))
    for node in range(n_nodes - 1, -1, -1):
        later = slice(node + 1, n_nodes)
        share = links[node, later]
        inverse[node, later] = share @ inverse[later, later]
        inverse[later, node] = inverse[node, later]
        inverse[node, node] = 1 / pivots[node] + share @ inverse[later, node]
    return inverse

"""Columns of commute-time kernels of a large graph."""

# References: von Luxburg, Radl, Hein, *Hitting and commute times in large random neighborhood
# graphs*, JMLR 15, 2014 (correction); Yen, Fouss, Decaestecker, Francq, Saerens, *Graph nodes
# clustering with the sigmoid commute-time kernel*, Data & Knowledge Engineering 68, 2009.
#
# With h the indicator of a node less 1/n, a column of the kernel CT is L^+ h. That of CCT,
# H D^-1/2 M (I - M)^-1 M D^-1/2 h, is L^+ A D^-1 A D^-1 h: M commutes with its resolvent, which is
# D^1/2 L^+ D^1/2 but for the constant vector, and steps of the random walk keep sums of zero. So
# nothing is subtracted but means, and small entries of CCT are no differences of large ones.

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from kernlab.graph._resolvent import laplacian_solve

COMMUTE = ("ct", "sct", "cct", "scct")


def commute_columns(adjacency, measure, t, starts, n_jobs):
    """Columns of 'ct', 'cct', or less one half 'sct' and 'scct', float32 (n_nodes, n_landmarks).

    ``adjacency`` is that of a connected graph, with weights of at most one; ``starts`` are the
    indicators of landmarks, sparse.
    """
    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
    if not degrees.all():
        raise ValueError(
            f"measure={measure!r} is beyond double precision: the weights of X go from "
            f"{adjacency.data.min():g} to 1 in units of the largest; drop the weakest edges."
        )
    walk = sp.csr_array(adjacency / degrees)
    everywhere = np.full((len(degrees), 1), 1.0 / len(degrees))
    steps = 2 if measure.endswith("cct") else 0
    for _ in range(steps):
        everywhere = walk @ everywhere

    def columns(part):
        B = starts[:, part]
        for _ in range(steps):
            B = walk @ B
        B = B.toarray() - everywhere
        return B - B.mean(axis=0)

    table = laplacian_solve(degrees, adjacency, columns, starts.shape[1], n_jobs=n_jobs)
    largest = float(max(table.max(), -table.min()))
    if not 1e-30 < largest < 1e30:
        raise ValueError(
            f"measure={measure!r} is of size {largest:g} beside weights of one, beyond what single "
            "precision holds; drop the weakest edges of X, or the strongest."
        )
    if measure in ("sct", "scct"):
        squash(table, t, largest)
    return table


def squash(table, t, largest):
    """``1 / (1 + exp(-t K / σ)) - 1/2`` in place, which unlike the first part rounds nothing off.

    σ² is the mean square of all entries of K, whose rows and columns sum to zero. Of landmarks
    drawn at random that of their columns estimates it without bias.
    """
    table /= np.float32(largest)
    squares = np.einsum("ij,ij->j", table, table, dtype=np.float64)
    deviation = np.sqrt(squares.mean() / len(table))
    table *= np.float32(min(0.5 * t / deviation, 1e38))
    np.tanh(table, out=table)
    table *= np.float32(0.5)


def check_connected(adjacency, measure):
    """Refuse a graph of several components, between which commute times are infinite."""
    count, components = connected_components(adjacency, directed=False)
    if count > 1:
        raise ValueError(
            f"measure={measure!r} puts nodes that no path joins infinitely far apart, and X has "
            f"{count} components (node {np.flatnonzero(components != components[0])[0]} is the "
            "first that no path joins to node 0); take the largest component."
        )

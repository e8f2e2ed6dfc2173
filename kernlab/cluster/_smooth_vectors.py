"""Graphs with a vertex for each value of an attribute, and their smoothest vectors."""

# References: Zhou, Cheng, Yu, *Graph clustering based on structural/attribute similarities*, VLDB
# 2009 (the augmented graph); D'Ambra, Vassilevski, Cutillo, arXiv 2109.09367 (its smooth vectors).
#
# Why weights are small. A vertex of value links its holders, and a walk that takes its edge, of
# weight w beside a node's degree d, and comes back has lost no memory of the value: the vertices of
# an attribute alone give the normalised adjacency an eigenvalue near √(w/d). Edges placed at random
# between nodes of degree d give eigenvalues up to 2/√d. So for w < 4 an attribute has no leading
# vector of its own, and one that agrees with the edges still turns theirs.

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.cluster._bootstrap_amg import bootstrap_vectors
from kernlab.cluster._leading_pairs import RESIDUAL, leading_eigenpairs
from kernlab.linalg import smallest_eigenpairs

# Nodes beyond which eigenvectors of what chance makes are not waited for.
_LARGE = 5000
# Of the largest eigenvalue, what chance may make: of grids and trees it would make all.
_PLAIN = 0.75
# In units of what chance makes: a subspace all beyond it has not room for what there is to find.
_CROWDED = 1.2
# Of an eigenvalue that stands out, and what others may rise by in a cycle, in the same units.
_RESIDUAL, _STEADY = 1e-3, 0.01


def smooth_vectors(
    adjacency, holds, weight, n_vectors, *, random_state, n_jobs, bootstrap=False, start=None
):
    """Rows (n_nodes, n_vectors) of the nodes in the smoothest vectors, and a mask of who has one.

    The vectors are the lowest eigenvectors of the random walk's Laplacian of the augmented graph,
    or those of ``bootstrap`` multigrid. A node without edges is nowhere, at zero. ``holds`` is a
    list of matrices (n_nodes, n_values), whose entries become edges of ``weight`` times as much.
    ``start`` are rows found for another weight, which large graphs start from.
    """
    graph = augmented(adjacency, holds, weight)
    degrees = graph.sum(axis=1)
    linked = degrees > 0
    if not linked.all():
        graph = graph[linked][:, linked]
    scale = degrees[linked] ** -0.5
    placed = linked[: adjacency.shape[0]]
    nodes = slice(np.count_nonzero(placed))
    if bootstrap:
        vectors = bootstrap_vectors(graph, n_vectors, random_state=random_state)
    else:
        scaling = sp.diags_array(scale)
        if start is not None:
            # The first vector tells degrees alone, and is quickly found.
            rows, start = (
                start[placed, 1:] / scale[nodes, None],
                np.zeros((len(scale), n_vectors - 1)),
            )
            start[nodes] = rows
        vectors = lowest_vectors(scaling @ graph @ scaling, n_vectors, random_state, n_jobs, start)
    points = np.zeros((len(placed), n_vectors))
    points[placed] = vectors[nodes] * scale[nodes, None]
    return points, placed


def augmented(adjacency, holds, weight):
    """The graph with a vertex for each value, after the nodes."""
    graph = sp.csr_array(adjacency)
    if not holds or weight == 0:
        return graph
    values = weight * sp.hstack(holds, format="csr")
    return sp.csr_array(sp.block_array([[graph, values], [values.T, None]]))


def lowest_vectors(walk, n_vectors, random_state, n_jobs, start=None):
    """Eigenvectors of the largest eigenvalues of a normalised adjacency: its Laplacian's lowest.

    On large graphs those of what chance would make need not converge: they would take nearly all
    the time, and tell nothing.
    """
    n = walk.shape[0]
    # The radius of the semicircle of a random matrix with entries as large.
    chance = 2.0 * np.sqrt(np.sum(walk.data**2) / n)
    if n > _LARGE and chance < _PLAIN:
        with SINGLE_THREADED_BLAS:
            found = leading_eigenpairs(
                sp.csr_matrix(walk / chance, dtype=np.float32),
                n_vectors,
                lambda values: np.argsort(-values, kind="stable"),
                rng=check_random_state(random_state),
                start=start,
                residual=_RESIDUAL,
                steady=_STEADY,
                crowded=_CROWDED,
                n_jobs=n_jobs,
            )
        if found.rest <= _CROWDED and found.residual <= RESIDUAL:
            return found.vectors.astype(np.float64)
    laplacian = sp.csr_array(sp.eye_array(n) - walk)
    # Rows need be no better than what k-means makes of them.
    return smallest_eigenpairs(
        laplacian, n_vectors, tol=1e-5, random_state=random_state, n_jobs=n_jobs
    )[1]

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

from kernlab.cluster._bootstrap_amg import bootstrap_vectors
from kernlab.linalg import smallest_eigenpairs


def smooth_vectors(adjacency, holds, weight, n_vectors, *, random_state, n_jobs, bootstrap=False):
    """Rows (n_nodes, n_vectors) of the nodes in the smoothest vectors, and a mask of who has one.

    The vectors are the lowest eigenvectors of the random walk's Laplacian of the augmented graph,
    or those of ``bootstrap`` multigrid. A node without edges is nowhere, at zero. ``holds`` is a
    list of matrices (n_nodes, n_values), whose entries become edges of ``weight`` times as much.
    """
    graph = sp.csr_array(adjacency)
    if holds and weight > 0:
        values = weight * sp.hstack(holds, format="csr")
        graph = sp.csr_array(sp.block_array([[graph, values], [values.T, None]]))
    degrees = graph.sum(axis=1)
    linked = degrees > 0
    if not linked.all():
        graph = graph[linked][:, linked]
    scale = degrees[linked] ** -0.5
    if bootstrap:
        vectors = bootstrap_vectors(graph, n_vectors, random_state=random_state)
    else:
        scaling = sp.diags_array(scale)
        laplacian = sp.eye_array(len(scale), format="csr") - scaling @ graph @ scaling
        # Rows need be no better than what k-means makes of them.
        _, vectors = smallest_eigenpairs(
            laplacian, n_vectors, tol=1e-5, random_state=random_state, n_jobs=n_jobs
        )
    placed = linked[: adjacency.shape[0]]
    points = np.zeros((len(placed), n_vectors))
    nodes = slice(np.count_nonzero(placed))
    points[placed] = vectors[nodes] * scale[nodes, None]
    return points, placed

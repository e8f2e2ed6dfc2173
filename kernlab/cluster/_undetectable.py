"""Telling of graphs in which no communities stand out from chance."""

import math

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.warn import warn_user
from kernlab.cluster._detect import BetheHessian
from kernlab.exceptions import UndetectableCommunitiesWarning

# Nodes from which chance keeps to its bound: of smaller graphs whose planted groups were found one
# in ten or so has them below it.
_FEWEST = 100
# Of the eigenvalues, whose distance to the bound is of the order of n^(-2/3) by chance alone.
_ACCURACY = 1e-3


def warn_if_undetectable(adjacency, n_clusters):
    """Tell if nothing in a graph stands out from chance, in time that beside n³ is none.

    Of a small graph, one in parts, or one that is hardly more than a tree nothing is said: the
    Bethe Hessian does not know about these.
    """
    n_nodes = adjacency.shape[0]
    if n_clusters < 2 or n_nodes < _FEWEST:
        return
    if connected_components(adjacency, directed=False)[0] > 1:
        return
    start = np.random.RandomState(0).standard_normal(n_nodes)
    matrix = BetheHessian(adjacency).matrix.astype(np.float64)
    with SINGLE_THREADED_BLAS:
        try:
            values = eigsh(matrix, k=3, v0=start, tol=_ACCURACY, return_eigenvectors=False)
        except ArpackNoConvergence:
            # A second opinion is not worth the clusters that are there already.
            return
    values = values[np.argsort(-np.abs(values))]
    beyond = _bound(adjacency)
    if values[0] > 1.0 and abs(values[1]) < beyond:
        warn_undetectable(abs(values[1]), n_clusters, beyond)


def warn_undetectable(second, n_clusters, beyond=1.0):
    """Tell of the largest eigenvalue after the first, which is not beyond what chance makes."""
    warn_user(
        "The graph shows no detectable communities: what stands out from chance has an "
        f"eigenvalue beyond {beyond:.3g}, and the largest after the first is {second:.3g}. The "
        f"{n_clusters} labels mean nothing by themselves.",
        UndetectableCommunitiesWarning,
    )


def _bound(adjacency):
    """Where the eigenvalues that chance makes end: 1 in sparse graphs, less in dense ones.

    Chance is what entries of the matrix vary by about their mean, and the Bethe Hessian reckons
    with their squares: with edges between a share p of the pairs that is 1 - p of it.
    """
    weights = adjacency.data / adjacency.data.max()
    mean = float(weights.sum()) / adjacency.shape[0] ** 2
    square = float(weights @ weights) / adjacency.shape[0] ** 2
    return math.sqrt(max(0.0, 1.0 - mean * mean / square))

"""Graphs to cluster, checked against the clusters asked for, and their nodes without edges."""

import numpy as np

from kernlab._core.warn import warn_user
from kernlab.exceptions import IsolatedNodesWarning
from kernlab.graph._adjacency import validate_graph


def graph_to_cluster(estimator, X):
    """The adjacency matrix of X, which has edges and no fewer nodes than ``n_clusters``."""
    adjacency = validate_graph(estimator, X)
    n_nodes = adjacency.shape[0]
    if estimator.n_clusters > n_nodes:
        raise ValueError(
            f"n_clusters={estimator.n_clusters} is more than n_samples={n_nodes}, the number of "
            "nodes; ask for at most as many."
        )
    if adjacency.nnz == 0:
        raise ValueError(f"X has no edges between its nodes (n_samples={n_nodes}), so no clusters.")
    return adjacency


def linked_graph_to_cluster(estimator, X):
    """The same, with a mask of the nodes with edges, no fewer than ``n_clusters`` themselves."""
    adjacency = graph_to_cluster(estimator, X)
    linked = np.diff(adjacency.indptr) > 0
    if np.count_nonzero(linked) < estimator.n_clusters:
        raise ValueError(
            f"n_clusters={estimator.n_clusters} is more than the number of nodes with edges, "
            f"{np.count_nonzero(linked)} (n_samples={len(linked)}); ask for fewer."
        )
    return adjacency, linked


def by_first_node(labels):
    """Clusters renumbered from zero up in the order of their first nodes."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)


def labels_of_all(labels, linked):
    """Labels of the nodes ``linked``, and of the others that of the largest cluster."""
    everyone = np.full(len(linked), np.bincount(labels).argmax(), dtype=np.int32)
    everyone[linked] = labels
    return everyone


def warn_of_isolated(labels, linked):
    """Tell of nodes that have a label without being ``linked``."""
    isolated = np.flatnonzero(~linked)
    if len(isolated):
        warn_user(
            f"{len(isolated)} of {len(linked)} nodes have no edges, and got the label of the "
            f"largest cluster, {labels[isolated[0]]}; drop them if that is not what you want.",
            IsolatedNodesWarning,
        )

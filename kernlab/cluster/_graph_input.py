"""Graphs to cluster, checked against the clusters asked for, and what to tell of their parts."""

import numpy as np
from scipy.sparse.csgraph import connected_components

from kernlab._core.warn import warn_user
from kernlab.exceptions import DisconnectedGraphWarning, IsolatedNodesWarning
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


def warn_of_components(adjacency, nodes, means):
    """Tell of a graph in several components, and what these are to who clusters it."""
    n_components, components = connected_components(adjacency, directed=False)
    if n_components == 1:
        return
    _, first, sizes = np.unique(components, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    listed = ", ".join(f"{sizes[c]} with {nodes[first[c]]!r}" for c in order[:5])
    warn_user(
        f"X has {n_components} components (nodes in each: {listed}"
        f"{', ...' if n_components > 5 else ''}), and {means}. A cluster may be a component, "
        "parts of several, or a group with a whole small component; to find the groups within "
        "one component fit it alone.",
        DisconnectedGraphWarning,
    )

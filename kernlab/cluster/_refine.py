"""Labels of a graph made likelier, one node at a time."""

# Reference: Karrer & Newman, *Stochastic blockmodels and community structure in networks*,
# Physical Review E 83, 2011.

import numpy as np
from sklearn.utils import check_random_state

from kernlab._core.progress import progress
from kernlab.cluster._attributes import is_missing
from kernlab.cluster._scores import block_log_likelihood
from kernlab.graph._adjacency import as_adjacency

# Of the nodes: sweeps that move no more end.
_SETTLED = 1e-4


def refine_blocks(X, labels, *, max_iter=10, random_state=None, verbose=0):
    r"""Move nodes between clusters while that makes a block model of the graph likelier.

    The model is the degree-corrected stochastic block model: weights between nodes are Poisson
    with mean :math:`d_i d_j \omega_{z_i z_j}`, for degrees d and any rates ω between clusters,
    within them larger or smaller. Labels from elsewhere that are roughly right come out better;
    from random labels moves lead nowhere, as spectral clustering or a modularity method does not.

    Parameters
    ----------
    X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
        Weights of an undirected graph, zero or more.
    labels : array-like of shape (n_nodes,)
        Of any values. Their number of distinct ones stays: the last node of a cluster does not
        leave it.
    max_iter : int, default=10
        Sweeps over the nodes at most; they end when fewer than one node in ten thousand moves.
    random_state : int, RandomState instance or None, default=None
        Of the order in which nodes are visited.
    verbose : int, default=0
        One shows a bar.

    Returns
    -------
    labels : ndarray of shape (n_nodes,)
        Among the values given. Nodes without edges keep theirs.

    Raises
    ------
    ValueError
        X is no undirected graph; labels are not one for each node, all numbers or all strings, none
        missing; max_iter is below one.

    Notes
    -----
    A sweep fixes the rates at their likeliest values for the labels, visits every node once, and
    moves it to the cluster of the largest likelihood given the labels of all others. Neither step
    lets the likelihood fall [1]_, but for rates of zero: two clusters without an edge between them
    are taken to share half an average edge, or half the least weight that two others share where
    that is less. The likelihood is computed after each sweep, and the labels returned are those of
    the largest; so it is never below that of the labels given. Nobody moves to a cluster of nodes
    without edges. Weights are in units of the largest; those below 2e-308 count as that.

    A sweep takes O(edges + nodes × clusters × clusters seen by a node); four seconds for 1e7 edges
    and 20 clusters. The moves find a local maximum. They assume that the model fits; on graphs
    whose clusters differ from blocks in kind they may lead away from what was meant, so look at
    both labellings where you can.

    References
    ----------
    .. [1] B. Karrer, M. E. J. Newman, "Stochastic blockmodels and community structure in
       networks", Physical Review E 83, 2011.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> from kernlab.cluster import refine_blocks
    >>> graph = nx.karate_club_graph()
    >>> club = np.array([graph.nodes[v]["club"] for v in graph])
    >>> start = club.copy()
    >>> start[[0, 5, 32]] = ["Officer", "Officer", "Mr. Hi"]  # three on the wrong side
    >>> refined = refine_blocks(graph, start, random_state=0)
    >>> int(np.sum(start != club)), int(np.sum(refined != club))
    (3, 1)
    """
    adjacency = as_adjacency(X, name="X")
    given, labels = labels, np.asarray(labels)
    if labels.shape != (adjacency.shape[0],):
        raise ValueError(
            f"labels has shape {labels.shape}; X has {adjacency.shape[0]} nodes: give one label "
            "for each."
        )
    if not (isinstance(max_iter, int | np.integer) and max_iter >= 1):
        raise ValueError(f"max_iter={max_iter!r} must be an integer, one or more.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError("labels holds NaN or infinity; give every node a label.")
    # Of strings and NaN in a list numpy makes strings all.
    if labels.dtype.kind in "OUS" and any(map(is_missing, np.asarray(given, dtype=object))):
        raise ValueError("labels holds None, NaN or NA; give every node a label.")
    try:
        values, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"labels holds values of several kinds ({error}); give strings or integers alone."
        ) from error
    in_units_of_largest(adjacency)
    rng = check_random_state(random_state)
    return values[refined(adjacency, codes, len(values), max_iter=max_iter, rng=rng,
                          verbose=verbose)]  # fmt: skip


def in_units_of_largest(adjacency):
    """Divide positive weights by their largest, in place; an edge stays one where that is no float.

    Zeros in its place would make nodes without edges, of which nobody was told.
    """
    if adjacency.nnz:
        adjacency.data /= adjacency.data.max()
        np.maximum(adjacency.data, np.finfo(np.float64).tiny, out=adjacency.data)


def refined(adjacency, labels, n_clusters, *, max_iter, rng, verbose=0):
    """:func:`refine_blocks` on a checked matrix :func:`in_units_of_largest`.

    Labels are 0 ... n_clusters - 1, none without a node.
    """
    from kernlab.cluster._refine_numba import block_table, move_nodes

    edges = adjacency.indptr, adjacency.indices, adjacency.data
    labels = labels.astype(np.int32)
    order = rng.permutation(len(labels)).astype(np.int32)
    table = block_table(*edges, labels, n_clusters)
    if not table.any():
        return labels
    mean_edge = table.sum() / adjacency.nnz
    best, best_score = labels.copy(), block_log_likelihood(table[None])[0]
    for _ in progress(range(max_iter), total=max_iter, verbose=verbose, label="moving nodes"):
        kappa = table.sum(axis=1)
        sizes = np.bincount(labels, minlength=n_clusters)
        moves = move_nodes(*edges, order, labels, sizes, kappa, *_rates(table, mean_edge))
        table = block_table(*edges, labels, n_clusters)
        score = block_log_likelihood(table[None])[0]
        if score > best_score:
            best, best_score = labels.copy(), score
        if moves <= _SETTLED * len(labels):
            break
    return best


def _rates(table, mean_edge):
    """Rates between blocks and their logarithms, finite but for blocks without weight: -inf."""
    kappa = table.sum(axis=1)
    # One at a time, and logarithms apart: of products of two small sums nothing may be left.
    divisor = np.where(kappa > 0, kappa, 1.0)
    omega = table / divisor[:, None] / divisor
    # Less than any rate that is not zero, or what is rare would be taken for what is not there.
    floor = 0.5 * min(mean_edge, table[table > 0].min())
    log_omega = np.log(np.where(table > 0, table, floor))
    log_omega -= np.log(divisor)[:, None] + np.log(divisor)
    log_omega[:, kappa == 0] = -np.inf
    return omega, log_omega

"""Distances by the cost of walks: randomised shortest paths, free energy, shortest paths."""

# References: Saerens, Achbany, Fouss, Yen, *Randomized shortest-path problems: two related models*,
# Neural Computation 21, 2009; Kivimäki, Shimbo, Saerens, *Developments in the theory of randomized
# shortest paths with a comparison of graph node distances*, Physica A 393, 2014.

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import shortest_path

from kernlab.graph._log_kernels import Walks, log_inverse

# Elements of a block of walks between lost pairs, 64 MB.
BLOCK = 2**23
# Beta times the largest cost of an edge: beyond the first rounding is 1e-7 of the largest distance,
# and beyond the second the shortest path is as near as that.
SMALLEST, LARGEST = 1e-8, 1e8


def walk_cost_distance(adjacency, name, beta, *, cache=None):
    r"""Randomised-shortest-path or free-energy distance between all pairs of nodes.

    A walk of the natural random walk ``P`` ends at each step with a probability that grows with its
    cost ``C = 1 / weight``: it survives an edge with ``exp(-beta C)``. With ``Z`` the sum of
    ``(P exp(-beta C))^k`` over all k, the free energy from i to j is
    ``-log(Z_ij / Z_jj) / beta``, and the randomised shortest path the expected cost of those walks;
    both are averaged over the two directions. They go from half the commute cost (beta to 0) to the
    shortest path (beta to infinity).

    Parameters
    ----------
    adjacency : ndarray of shape (n_nodes, n_nodes)
        Symmetric weights, zero or more, of zero diagonal.
    name : {'rsp', 'fe'}
    beta : float
        Inverse temperature, positive, in units of 1 / cost.
    cache : dict, default=None
        Keeps what parameters and measures of the same adjacency share.

    Returns
    -------
    distance : float64 ndarray of shape (n_nodes, n_nodes)
        Symmetric, zero on the diagonal; infinite between components.

    Raises
    ------
    ValueError
        For another name, nodes without edges, and a ``beta`` that is not positive, or with which
        the largest of ``beta C`` is below 1e-8 or above 1e8.

    Notes
    -----
    ``Z`` is an inverse of an M-matrix, found without a subtraction, so that its logarithm is right
    where it underflows; only then it is summed in numbers with an exponent of their own. The
    randomised shortest path subtracts two costs of about 1 / beta, and where floats do not hold Z
    it takes exponentials of logarithms of about ``beta C``: its error, relative to the largest
    distance, is some 1e-15 times ``beta C`` or its inverse, that of the free energy the latter.
    """
    if name not in ("rsp", "fe"):
        raise ValueError(f"measure={name!r} is no distance of walks; give 'rsp' or 'fe'.")
    graph = Walks.of(adjacency, cache)
    graph.need_degrees(name)
    weights = graph.adjacency
    edges = weights > 0
    costs = np.zeros_like(weights)
    with np.errstate(over="ignore"):
        np.divide(1.0, weights, out=costs, where=edges)
        largest = beta * costs.max()
    if not (beta > 0 and largest <= LARGEST):
        raise ValueError(
            f"beta={beta!r} times the largest cost of an edge, {costs.max():g}, is {largest:g}; "
            f"give a positive beta of at most {LARGEST / costs.max():g}, or take the shortest "
            "paths, which are its limit."
        )
    if largest < SMALLEST:
        raise ValueError(
            f"beta={beta!r} times the largest cost of an edge, {costs.max():g}, is {largest:g}, "
            f"where distances drown in rounding; give beta of at least {SMALLEST / costs.max():g} "
            "(or divide the weights by their maximum), or take the commute times, measure='ct', "
            "which are its limit up to a factor."
        )
    # D (I - P exp(-beta C)) has row sums of weights times 1 - exp(-beta C).
    with np.errstate(divide="ignore"):
        log_links = np.log(weights) - beta * costs
    survived = weights * np.exp(-beta * costs)
    ended = -(weights * np.expm1(-beta * costs)).sum(axis=1)
    logs = log_inverse(survived, ended, graph.labels, log_links)
    if name == "fe":
        distance = np.diag(logs) - logs
        distance /= beta
    else:
        # Costs in units of 1 / beta, of a range that floats have.
        walked = _expected_costs(logs, log_links, beta * costs, graph.labels)
        distance = (walked - np.diag(walked)) / beta
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    # Rounding of the diagonal may leave a distance of nearly zero below it.
    return np.maximum(distance, 0.0)


def _expected_costs(logs, log_links, costs, labels):
    """Costs of walks from i to j, by ``(Z (C∘W) Z) / Z``; infinite between components."""
    n_nodes = len(logs)
    with np.errstate(divide="ignore"):
        log_steps = np.log(costs) + log_links
    together = labels == labels[:, None]
    scale = np.diag(logs) / 2
    # Entries relative to the roots of the diagonal, where they are at most one.
    left = np.exp(logs - scale - scale[:, None])
    steps = np.exp(log_steps + scale + scale[:, None])
    ways = left @ steps @ left
    costs = np.full((n_nodes, n_nodes), np.inf)
    far = together & ((left < 1e-290) | (ways < 1e-290))
    np.divide(ways, left, out=costs, where=together & ~far)
    if far.any():
        _far_costs(costs, far, logs, log_steps)
    return costs


def _far_costs(costs, far, logs, log_steps):
    """The same for pairs ``far`` from logarithms."""
    onwards = np.full_like(logs, -np.inf)
    for node, row in enumerate(log_steps):
        neighbors = np.flatnonzero(np.isfinite(row))
        terms = row[neighbors, None] + logs[neighbors]
        top = terms.max(axis=0)
        reached = np.isfinite(top)
        sums = np.exp(terms[:, reached] - top[reached]).sum(axis=0)
        onwards[node, reached] = np.log(sums) + top[reached]
    size = max(1, BLOCK // len(logs))
    for target in np.flatnonzero(far.any(axis=0)):
        sources = np.flatnonzero(far[:, target])
        for start in range(0, len(sources), size):
            block = sources[start : start + size]
            terms = logs[block] + onwards[:, target] - logs[block, target][:, None]
            costs[block, target] = np.exp(terms).sum(axis=1)


def shortest_path_distance(adjacency):
    """Shortest paths between all pairs of nodes, an edge being as long as 1 / its weight.

    Parameters
    ----------
    adjacency : ndarray or sparse matrix of shape (n_nodes, n_nodes)
        Symmetric weights, zero or more, of zero diagonal.

    Returns
    -------
    distance : float64 ndarray of shape (n_nodes, n_nodes)
        Infinite between components.

    Raises
    ------
    ValueError
        Where a weight is so small that 1 / weight overflows.
    """
    lengths = sp.csr_matrix(adjacency, dtype=np.float64, copy=True)
    with np.errstate(over="ignore", divide="ignore"):
        lengths.data = 1 / lengths.data
    if not np.isfinite(lengths.data).all():
        raise ValueError(
            "the lengths of edges are one over their weights, and weights below 6e-309 have none; "
            "multiply the weights by a constant."
        )
    return shortest_path(lengths, directed=False)

"""Distances that were given for the weights of a graph, told by what no similarities are like."""

import numpy as np

from kernlab._core.warn import warn_user
from kernlab.exceptions import DistanceLikeWarning

_ROWS = 64
# Of a row's largest entry to its least: below, the triangle inequality says nothing.
_SPREAD = 3.0


def warn_of_distances(adjacency, name):
    """Warn where all pairs have weights that look like distances, or like their squares.

    For a few nodes i and their least entries, at j, the triangle inequality bounds
    ``|d(i, k) - d(j, k)|`` by ``d(i, j)`` for all k. Of similarities, j would be the node least
    like i, and yet like whatever i is like: so only graphs that link across are, all of whose pairs
    have an edge.
    """
    n = adjacency.shape[0]
    if n < 5 or adjacency.nnz != n * (n - 1):
        return
    rows = np.unique(np.linspace(0, n - 1, min(n, _ROWS)).astype(int))
    scale = adjacency.data.max()
    for power in (1.0, 0.5):
        if _keeps_triangles(adjacency, scale, power, rows):
            break
    else:
        return
    squares = "" if power == 1.0 else "squares of "
    warn_user(
        f"{name} looks like a table of {squares}distances: all pairs of nodes have a weight, and "
        "the least weights link nodes that are alike. Weights are similarities; pass "
        "np.exp(-(distances / scale)**2) or kernlab.graph.KNNGraph of the points.",
        DistanceLikeWarning,
    )


def _keeps_triangles(adjacency, scale, power, rows):
    n = adjacency.shape[0]
    table = adjacency.data.reshape(n, n - 1)  # without the diagonal

    def row(i):
        return np.insert((table[i] / scale) ** power, i, 0.0)

    spreads = []
    for i in rows:
        one = row(i)
        one[i] = np.inf
        j = int(np.argmin(one))
        least, one[i] = one[j], 0.0
        if np.abs(one - row(j)).max() > least * (1 + 1e-6):
            return False
        spreads.append(one.max() / least)
    return bool(np.median(spreads) >= _SPREAD)

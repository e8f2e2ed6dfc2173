"""Columns of proximities of a large graph, as sums of non-negative terms."""

import numpy as np
import scipy.sparse as sp

from kernlab.graph._laplacian import laplacian
from kernlab.graph._radius import spectral_radius
from kernlab.graph._resolvent import TERMS, walk_sums
from kernlab.linalg import heat_action

# Of a column's largest entry: below, single precision does not vouch for a logarithm; and so much
# further it is to be known, for what costs it adds to those above.
_FLOOR, _BEYOND = 1e-20, 1e-24


def log_columns(adjacency, unit, measure, param, starts, n_jobs):
    """Logarithms of proximities of all nodes to the landmarks, of 'rsp' less a distance.

    The graph's weights are ``unit`` times those of ``adjacency``, which are at most one. Columns
    are right up to a term, which centring takes out; 'rsp' is in units of cost 1 / unit.

    Returns
    -------
    table : ndarray of shape (n_nodes, n_landmarks), float32
    unreached : float
        Share of the entries whose proximity is below 1e-20 of its column's largest, or zero. They
        are set to the logarithm of that; of 'rsp' to the largest distance found in that column.
    """
    table, spent = _columns(adjacency, unit, measure, param, starts, n_jobs)
    least = np.maximum(_FLOOR * table.max(axis=0), 1e-37)
    below = table < least
    unreached = float(np.mean(below))
    if spent is None:
        np.maximum(table, least, out=table)
        return np.log(table, out=table), unreached
    table[below] = 1.0
    spent[below] = 0.0
    spent /= table
    return -np.where(below, spent.max(axis=0), spent), unreached


def _columns(adjacency, unit, measure, param, starts, n_jobs):
    """Proximities, and of 'rsp' beside them the sums of their walks' costs, else None."""
    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
    if measure == "nheat":
        return _heat(laplacian(adjacency, "normalized"), starts, param, measure, n_jobs), None
    if measure == "heat":
        L = laplacian(adjacency, "combinatorial")
        return _heat(L, starts, param * unit, measure, n_jobs), None
    if measure in ("comm", "katz"):
        adjacency = adjacency / spectral_radius(adjacency)
        if measure == "comm":
            # Heat of rho - A is communicability but for a factor.
            L = sp.eye_array(len(degrees)) - adjacency
            return _heat(L, starts, param, measure, n_jobs), None
        return walk_sums(np.ones(len(degrees)), adjacency * param, starts, n_jobs=n_jobs), None
    if measure == "for":
        excess, links = forest_shares(param * unit)
        diagonal = excess + links * degrees
        return walk_sums(diagonal, adjacency * links, starts, n_jobs=n_jobs), None
    if measure in ("modifppr", "abs"):
        share = param if measure == "modifppr" else 1.0 - param
        return walk_sums(degrees, adjacency * share, starts, n_jobs=n_jobs), None
    costs = 1.0 / adjacency.data
    walks = adjacency.copy()
    walks.data *= np.exp(-(param / unit) * costs)
    if not walks.data.all():
        raise ValueError(
            f"param={param:g} times the largest cost of an edge, {costs.max() / unit:g}, is beyond "
            "what an exponential holds; lower param, or divide the weights by their least."
        )
    if measure == "fe":
        return walk_sums(degrees, walks, starts, n_jobs=n_jobs), None
    table = walk_sums(degrees, walks, starts, floor=_BEYOND, n_jobs=n_jobs)
    priced = walks.copy()
    priced.data *= costs
    # Mean cost of the walks between two nodes, a symmetric ratio of sums of walks.
    return table, walk_sums(degrees, walks, priced @ table, floor=_BEYOND, n_jobs=n_jobs)


def forest_shares(t):
    """1 and t over the larger of them, which no t overflows."""
    return 1.0 / max(1.0, t), min(1.0, t)


def _heat(L, starts, t, measure, n_jobs):
    # Of uniformization, up to some tens of their root.
    largest = float(L.diagonal().max())
    if t * largest > TERMS:
        raise ValueError(
            f"measure={measure!r} with this param needs {t * largest:.2g} terms, more than "
            f"{TERMS}; lower param by the factor {TERMS / (t * largest):.2g}"
            + (", divide the weights by a number, or take 'nheat'." if measure == "heat" else ".")
        )
    return heat_action(L, starts, t, method="uniformization", dtype="float32", n_jobs=n_jobs)

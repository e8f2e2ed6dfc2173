"""Columns of proximities of a large graph, as sums of non-negative terms."""

import numpy as np
import scipy.sparse as sp

from kernlab.graph._laplacian import laplacian
from kernlab.graph._radius import spectral_radius
from kernlab.graph._resolvent import walk_sums
from kernlab.linalg import heat_action


def proximity_columns(adjacency, unit, measure, param, starts, n_jobs):
    """Proximities of all nodes to the landmarks, without a logarithm; of 'rsp' less a distance.

    The graph's weights are ``unit`` times those of ``adjacency``, which are at most one. Columns
    are right up to a factor, which centring takes out; 'rsp' is in units of cost 1 / unit.
    """
    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
    if measure == "nheat":
        return _heat(laplacian(adjacency, "normalized"), starts, param, n_jobs)
    if measure == "heat":
        return _heat(laplacian(adjacency, "combinatorial"), starts, param * unit, n_jobs)
    if measure in ("comm", "katz"):
        adjacency = adjacency / spectral_radius(adjacency)
        if measure == "comm":
            # Heat of rho - A is communicability but for a factor.
            return _heat(sp.eye_array(len(degrees)) - adjacency, starts, param, n_jobs)
        return walk_sums(np.ones(len(degrees)), adjacency * param, starts, n_jobs=n_jobs)
    if measure == "for":
        excess, links = forest_shares(param * unit)
        return walk_sums(excess + links * degrees, adjacency * links, starts, n_jobs=n_jobs)
    if measure in ("modifppr", "abs"):
        share = param if measure == "modifppr" else 1.0 - param
        return walk_sums(degrees, adjacency * share, starts, n_jobs=n_jobs)
    costs = 1.0 / adjacency.data
    walks = adjacency.copy()
    walks.data *= np.exp(-(param / unit) * costs)
    if not walks.data.all():
        raise ValueError(
            f"param={param:g} times the largest cost of an edge, {costs.max() / unit:g}, is beyond "
            "what an exponential holds; lower param, or divide the weights by their least."
        )
    table = walk_sums(degrees, walks, starts, n_jobs=n_jobs)
    if measure == "fe":
        return table
    priced = walks.copy()
    priced.data *= costs
    # Mean cost of the walks between two nodes, a symmetric ratio of sums of walks.
    spent = walk_sums(degrees, walks, sp.csc_array(priced @ table), n_jobs=n_jobs)
    reached = table > 0
    if not reached.all():
        raise ValueError(
            "measure='rsp' needs walks between all nodes, and X has components, or pairs with a "
            "proximity below 1e-37; take the largest component, or lower param."
        )
    return -(spent / table)


def forest_shares(t):
    """1 and t over the larger of them, which no t overflows."""
    return 1.0 / max(1.0, t), min(1.0, t)


def _heat(L, starts, t, n_jobs):
    return heat_action(L, starts, t, method="uniformization", dtype="float32", n_jobs=n_jobs)

"""Graphs with communities of unequal size and degrees of a power law, after LFR.

Degrees and sizes are drawn first; nodes take places in communities large enough for them, the most
demanding first; links within and between communities are paired at random, and those that repeat
or join a node to itself exchange partners with others until the graph is simple.
"""

# Reference: Lancichinetti, Fortunato & Radicchi, *Benchmark graphs for testing community detection
# algorithms*, Physical Review E 78, 2008. The order of assignment, which cannot run into a dead
# end, and the exchanges, none of which makes a bad link, are our own.

import math
import numbers

import numpy as np
from scipy.optimize import brentq
from sklearn.utils import Bunch

from kernlab.graph._exchange_numba import exchange_partners
from kernlab.graph._generators import check_number, generator, power_law, symmetric

# Sets of degrees and sizes that are drawn before communities are said to be too small.
MOST_DRAWS = 50
# Exchanges that a loop or repeated edge tries before it is left out.
MOST_TRIES = 1000
# The largest share of edges that may be left out.
MOST_MISSING = 0.05


def lfr_graph(
    n_nodes,
    tau1,
    tau2,
    mu,
    *,
    average_degree,
    max_degree,
    min_community=None,
    max_community=None,
    random_state=None,
):
    """A graph of Lancichinetti, Fortunato and Radicchi: unequal communities, unequal degrees.

    Degrees follow a power law of exponent ``tau1``, sizes of communities one of ``tau2``, and of
    the links of every node a share ``mu`` leaves its community. Above one minus the largest share
    of a community, ``mu`` makes communities whose members avoid each other (dissociative).

    What was drawn is what is returned but for rounding: an odd sum of degrees within a community
    loses one, and where no exchange of partners makes an edge simple it is left out, at most one in
    twenty. Cost: time and memory proportional to nodes plus edges, whatever the largest degree, and
    a thousand tries for each link left out.

    Parameters
    ----------
    n_nodes : int
        Two or more.
    tau1, tau2 : float
        Exponents of degrees and of sizes, zero or more; 2 to 3 and 1 to 2 are usual.
    mu : float
        Mixing: the share of links to other communities, in [0, 1].
    average_degree : float
        Mean of the power law of degrees, whose lower end follows from it.
    max_degree : int
        Upper end of it, less than ``n_nodes``.
    min_community, max_community : int, optional
        Ends of the power law of sizes. By default the least degree plus one and ``max_degree``
        plus one, so that any node can have all its links within.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    graph : Bunch
        ``adjacency``, a symmetric CSR matrix of float64 with weights one and no loops; ``labels``,
        ndarray of int of shape (n_nodes,), in no order; ``mixing``, the share of the links of this
        graph that join communities.

    Raises
    ------
    ValueError
        Where a parameter is out of its range, or no graph is like that; the message says why.

    Examples
    --------
    >>> from kernlab.graph import lfr_graph
    >>> graph = lfr_graph(
    ...     1000, 2.5, 1.5, 0.2, average_degree=15, max_degree=50, random_state=0
    ... )
    >>> abs(graph.mixing - 0.2) < 0.01
    True
    """
    smallest = _check(n_nodes, tau1, tau2, mu, average_degree, max_degree)
    least = math.floor(smallest) + 1 if min_community is None else min_community
    most = min(max_degree + 1, n_nodes) if max_community is None else max_community
    _check_communities(n_nodes, mu, max_degree, least, most)
    rng = generator(random_state)
    for _ in range(MOST_DRAWS):
        degrees = _rounded(power_law(n_nodes, tau1, smallest, max_degree, rng), rng)
        inner = _rounded((1.0 - mu) * degrees, rng)
        sizes = _community_sizes(n_nodes, tau2, least, most, rng)
        labels = _assign(inner, sizes, rng)
        if labels is not None:
            break
    else:
        raise ValueError(
            f"nodes of up to {inner.max()} links within their community did not fit {len(sizes)} "
            f"communities of {sizes.min()} to {sizes.max()} nodes in {MOST_DRAWS} draws: raise "
            "max_community or mu, or lower average_degree or max_degree."
        )
    outer = degrees - inner
    pairs = [
        _pairs_within(inner, labels, rng),
        _pairs_between(outer, labels, rng),
    ]
    i, j = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    missing = 1.0 - 2.0 * len(i) / max(degrees.sum() - len(sizes) - 1, 1)
    if missing > MOST_MISSING:
        raise ValueError(
            f"{missing:.1%} of the links have no place in a graph without loops and repeated "
            f"edges: communities of {sizes.min()} to {sizes.max()} nodes are too small for degrees "
            f"of {average_degree:g} on average and mu={mu:g}. Raise min_community, lower "
            "average_degree or max_degree, or change mu."
        )
    adjacency = symmetric([np.minimum(i, j)], [np.maximum(i, j)], n_nodes)
    mixing = float(np.mean(labels[i] != labels[j])) if len(i) else 0.0
    return Bunch(adjacency=adjacency, labels=labels, mixing=mixing)


def _check(n_nodes, tau1, tau2, mu, average_degree, max_degree):
    """The lower end of the degrees, where parameters allow one."""
    check_number("n_nodes", n_nodes, n_nodes >= 2, "2 or more", kind=numbers.Integral)
    for name, value in (("tau1", tau1), ("tau2", tau2)):
        check_number(name, value, 0 <= value < np.inf, "zero or more and finite")
    check_number("mu", mu, 0 <= mu <= 1, "in [0, 1]")
    check_number(
        "max_degree",
        max_degree,
        1 <= max_degree < n_nodes,
        f"from 1 to n_nodes - 1 = {n_nodes - 1}",
        kind=numbers.Integral,
    )
    low = _mean_of_power_law(tau1, 1.0, max_degree)
    check_number(
        "average_degree",
        average_degree,
        low <= average_degree <= max_degree,
        f"between {low:.4g}, the mean of degrees from 1 to max_degree={max_degree}, and max_degree",
    )
    if average_degree >= max_degree * (1 - 1e-9):
        return float(max_degree)
    top = max_degree * (1 - 1e-12)
    return brentq(lambda end: _mean_of_power_law(tau1, end, max_degree) - average_degree, 1.0, top)


def _check_communities(n_nodes, mu, max_degree, least, most):
    within = math.ceil((1.0 - mu) * max_degree)
    for name, value in (("min_community", least), ("max_community", most)):
        check_number(
            name,
            value,
            1 <= value <= n_nodes,
            f"from 1 to n_nodes={n_nodes}",
            kind=numbers.Integral,
        )
    if least > most:
        raise ValueError(
            f"min_community={least} is more than max_community={most}; give both, or lower "
            "average_degree, which the least degree follows from."
        )
    if within > most - 1:
        raise ValueError(
            f"max_degree={max_degree} and mu={mu:g} give nodes {within} links within a community, "
            f"and max_community={most} has no room for that: raise it to {within + 1} or more, or "
            "lower max_degree."
        )
    fewest, largest = -(-n_nodes // most), n_nodes // least
    if fewest > largest:
        raise ValueError(
            f"no number of communities of {least} to {most} nodes makes n_nodes={n_nodes}: lower "
            "min_community or raise max_community."
        )
    if mu > 0 and largest < 2:
        raise ValueError(
            f"mu={mu:g} needs two communities, and min_community={least} leaves one of "
            f"n_nodes={n_nodes}: lower it to {n_nodes // 2} or less."
        )


def _mean_of_power_law(exponent, low, high):
    def integral(power):
        if abs(power + 1.0) < 1e-9:
            return math.log(high / low)
        return (high ** (power + 1.0) - low ** (power + 1.0)) / (power + 1.0)

    return high if low >= high else integral(1.0 - exponent) / integral(-exponent)


def _rounded(values, rng):
    """Integers whose expectation are the values."""
    return np.floor(values + rng.random(len(values))).astype(np.int64)


def _community_sizes(n_nodes, tau2, least, most, rng):
    """Sizes of a power law that sum to ``n_nodes``; the last ones make up for the remainder."""
    expected = max(_mean_of_power_law(tau2, least, most), 1.0)
    sizes = np.empty(0, np.int64)
    while sizes.sum() < n_nodes:
        drawn = power_law(int(n_nodes / expected) + 10, tau2, least, most, rng)
        sizes = np.concatenate((sizes, _rounded(drawn, rng)))
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), n_nodes, side="right")]
    rest = n_nodes - int(sizes.sum())
    if rest >= least or len(sizes) == 0:
        return np.append(sizes, rest)
    if rest <= np.sum(most - sizes):
        return sizes + _shares(rest, most - sizes, rng)
    # All are full: one more community, of which the others give a part.
    return np.append(sizes - _shares(least - rest, sizes - least, rng), least)


def _shares(total, room, rng):
    """``total`` in integers no larger than ``room``, at random."""
    if total == 0:
        return np.zeros_like(room)
    return rng.multivariate_hypergeometric(room, total, method="marginals")


def _assign(inner, sizes, rng):
    """A community for every node that has more members than the node has links; None if none.

    The sets of communities that nodes fit into are nested, so the most demanding first, each at a
    free place it fits, finds an assignment wherever there is one.
    """
    sizes = np.sort(sizes)[::-1]
    places = np.repeat(np.arange(len(sizes)), sizes)
    order = np.argsort(-inner, kind="stable")
    labels = np.empty(len(inner), np.int64)
    demands, starts = np.unique(-inner[order], return_index=True)
    free, opened = np.empty(0, np.int64), 0
    for demand, start, end in zip(-demands, starts, [*starts[1:], len(inner)], strict=True):
        fitting = int(sizes[: np.searchsorted(-sizes, -demand)].sum())
        free = np.concatenate((free, places[opened:fitting]))
        opened = max(opened, fitting)
        count = end - start
        if count > len(free):
            return None
        taken = rng.choice(len(free), count, replace=False)
        labels[order[start:end]] = free[taken]
        free = np.delete(free, taken)
    return labels


def _pairs_within(inner, labels, rng):
    """Edges within communities, of which an odd sum of degrees loses one."""
    inner = inner.copy()
    nodes = rng.permutation(len(inner))
    nodes = nodes[inner[nodes] > 0]
    odd = np.bincount(labels, inner).astype(np.int64) % 2 == 1
    communities, first = np.unique(labels[nodes], return_index=True)
    inner[nodes[first[odd[communities]]]] -= 1
    return _linked(inner, labels, labels, False, rng)


def _pairs_between(outer, labels, rng):
    """Edges between communities; an odd sum of degrees loses one."""
    outer = outer.copy()
    if outer.sum() % 2:
        outer[rng.choice(np.flatnonzero(outer))] -= 1
    return _linked(outer, np.zeros(len(outer), np.int64), labels, True, rng)


def _linked(degrees, group, labels, apart, rng):
    """Ends of the edges of a simple graph of such degrees whose links stay within groups."""
    order = np.argsort(group, kind="stable")
    degrees, group, labels = degrees[order], group[order], labels[order]
    first = np.concatenate(([0], np.cumsum(degrees)))
    owner = np.repeat(np.arange(len(order)), degrees)
    counts = np.bincount(group, degrees).astype(np.int64)
    # The stubs of a group in random order; neighbours are pairs.
    pairs = rng.permutation(len(owner))
    pairs = pairs[np.argsort(group[owner[pairs]], kind="stable")].reshape(-1, 2)
    mates = np.empty(len(owner), np.int64)
    mates[pairs] = pairs[:, ::-1]
    ends = owner[mates]
    group_first = np.concatenate(([0], np.cumsum(counts)))
    exchange_partners(first, owner, ends, mates, group, group_first, labels, apart, MOST_TRIES, rng)
    keep = (ends >= 0) & (owner < ends)
    return order[owner[keep]], order[ends[keep]]

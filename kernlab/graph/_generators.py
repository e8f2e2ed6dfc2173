"""Random graphs whose communities are known: planted partitions, unequal degrees, LFR.

Edges are drawn by their number, never by a table of all pairs: the cost is that of the edges.
"""

# References: Batagelj & Brandes, *Efficient generation of large random networks*, Physical Review E
# 71, 2005 (gaps between edges are geometric); Karrer & Newman, *Stochastic blockmodels and
# community structure in networks*, Physical Review E 83, 2011.

import numbers

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch, check_random_state

# At 8 bytes for each of two ends, and several arrays of these, some hundred gigabytes.
_MOST_LINKS = 1e10


def planted_partition(sizes, probabilities, *, random_state=None):
    """A graph of blocks: two nodes are linked with the probability of their blocks.

    Every pair is an independent trial (no approximation by multigraphs), weights are one and there
    are no loops. Cost: time and memory proportional to nodes plus edges, and k^2 for k blocks.

    Parameters
    ----------
    sizes : array-like of int, shape (n_blocks,)
        Nodes in each block, one or more.
    probabilities : pair of float or array-like of shape (n_blocks, n_blocks)
        In [0, 1]: of a link within a block and between two blocks, or a symmetric table of the
        probability for each two blocks.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    graph : Bunch
        ``adjacency``, a symmetric CSR matrix of shape (n_nodes, n_nodes), float64, and ``labels``,
        ndarray of int of shape (n_nodes,), the blocks in order.

    Raises
    ------
    ValueError
        Where sizes are not counts, probabilities are no symmetric table of probabilities, or more
        than 1e10 edges are to be expected.

    Examples
    --------
    >>> from kernlab.graph import planted_partition
    >>> graph = planted_partition([60, 30, 10], (0.4, 0.05), random_state=0)
    >>> graph.adjacency.shape, int(graph.labels[-1])
    ((100, 100), 2)
    """
    sizes = _block_sizes(sizes)
    table = _block_probabilities(probabilities, len(sizes), upper=1.0)
    rng = generator(random_state)
    first = np.concatenate(([0], np.cumsum(sizes)))
    blocks = np.array(np.triu_indices(len(sizes)))
    own = blocks[0] == blocks[1]
    a, b = sizes[blocks]
    n_pairs = np.where(own, a * (a - 1) // 2, a * b)
    _check_links(n_pairs * table[blocks[0], blocks[1]])
    rows, columns = [], []
    # Blocks of one probability share one line of pairs, along which the gaps are geometric.
    values, kind = np.unique(table[blocks[0], blocks[1]], return_inverse=True)
    for number, probability in enumerate(values):
        chosen = np.flatnonzero((kind == number) & (n_pairs > 0))
        ends = np.cumsum(n_pairs[chosen])
        if probability == 0 or not len(ends):
            continue
        place = _bernoulli_places(int(ends[-1]), probability, rng)
        which = np.searchsorted(ends, place, side="right")
        place -= (ends - n_pairs[chosen])[which]
        which = chosen[which]
        i, j = _pair(place, own[which], b[which])
        rows.append((i + first[blocks[0][which]]).astype(np.int32))
        columns.append((j + first[blocks[1][which]]).astype(np.int32))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Bunch(adjacency=symmetric(rows, columns, len(labels)), labels=labels)


def degree_corrected_sbm(sizes, probabilities, *, exponent=2.5, max_ratio=50.0, random_state=None):
    """A block model whose nodes differ in degree, which follow a power law.

    A node has a propensity theta, of density theta^-exponent between bounds that are ``max_ratio``
    apart, scaled to mean one in its block. The number of links of i and j is Poisson with mean
    theta_i theta_j p, p being the entry of their blocks, and several links are one edge; two nodes
    are thus linked with probability 1 - exp(-theta_i theta_j p), independently. Cost: time and
    memory proportional to nodes plus edges, and k^2 for k blocks.

    Parameters
    ----------
    sizes : array-like of int, shape (n_blocks,)
        Nodes in each block, one or more.
    probabilities : pair of float or array-like of shape (n_blocks, n_blocks)
        Zero or more: the mean number of links of two nodes of mean propensity, within a block and
        between two blocks, or a symmetric table of it. Where small, the probability of an edge.
    exponent : float, default=2.5
        Of the power law, above 1.
    max_ratio : float, default=50
        Largest over smallest possible propensity, at least 1; 1 makes all nodes alike.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    graph : Bunch
        ``adjacency`` (symmetric CSR, float64, weights one), ``labels`` (blocks in order) and
        ``propensities``, ndarray of shape (n_nodes,).

    Raises
    ------
    ValueError
        Where a parameter is out of its range, or more than 1e10 links are to be expected.

    Examples
    --------
    >>> from kernlab.graph import degree_corrected_sbm
    >>> graph = degree_corrected_sbm([500, 500], (0.04, 0.01), random_state=0)
    >>> degrees = graph.adjacency.sum(axis=1)
    >>> bool(degrees.max() > 4 * degrees.mean())
    True
    """
    sizes = _block_sizes(sizes)
    table = _block_probabilities(probabilities, len(sizes), upper=np.inf)
    check_number("exponent", exponent, exponent > 1, "above 1")
    check_number("max_ratio", max_ratio, 1 <= max_ratio < np.inf, "at least 1 and finite")
    rng = generator(random_state)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    theta = power_law(len(labels), exponent, 1.0, max_ratio, rng)
    theta /= (np.bincount(labels, theta) / sizes)[labels]
    blocks = np.array(np.triu_indices(len(sizes)))
    own = blocks[0] == blocks[1]
    a, b = sizes[blocks].astype(float)
    # Ordered pairs within a block meet each pair twice, and loops, which are dropped.
    with np.errstate(over="ignore"):
        means = table[blocks[0], blocks[1]] * a * b * np.where(own, 0.5, 1.0)
        _check_links(means)
    counts = rng.poisson(means)
    ends = [np.repeat(side, counts).astype(np.int32) for side in blocks]
    nodes = _nodes_of_blocks(np.concatenate(ends), theta, sizes, rng)
    i, j = nodes.reshape(2, -1)
    keep = i != j
    adjacency = symmetric([np.minimum(i, j)[keep]], [np.maximum(i, j)[keep]], len(labels))
    adjacency.data[:] = 1.0
    return Bunch(adjacency=adjacency, labels=labels, propensities=theta)


def power_law(size, exponent, lowest, highest, rng):
    """Draws of density x^-exponent between two bounds, by the inverse of their distribution."""
    u = rng.random(size)
    if exponent == 1:
        return lowest * (highest / lowest) ** u
    power = 1.0 - exponent
    return lowest * (1.0 + u * ((highest / lowest) ** power - 1.0)) ** (1.0 / power)


def _bernoulli_places(n_trials, probability, rng):
    """Where independent trials succeed, ascending, in time proportional to the successes."""
    if probability == 1:
        return np.arange(n_trials)
    expected = n_trials * probability
    found, last = [], -1
    while last < n_trials:
        # Five standard deviations more than expected: a second round is rare.
        size = int((n_trials - last) * probability + 5 * np.sqrt(expected) + 10)
        gaps = np.minimum(rng.geometric(probability, size), n_trials + 1)
        places = np.cumsum(gaps, out=gaps)
        places += last
        last = int(places[-1])
        found.append(places[: np.searchsorted(places, n_trials)])
    return np.concatenate(found) if len(found) > 1 else found[0]


def _pair(place, own, width):
    """Row and column of a place in a table so wide or, where own, below its diagonal."""
    i, j = np.divmod(place, width)
    place = place[own]
    row = ((1 + np.sqrt(1 + 8 * place.astype(float))) / 2).astype(np.int64)
    # The root is rounded: one step either way.
    row -= row * (row - 1) // 2 > place
    row += row * (row + 1) // 2 <= place
    i[own], j[own] = row, place - row * (row - 1) // 2
    return i, j


def _nodes_of_blocks(blocks, theta, sizes, rng):
    """For each entry a node of that block, drawn with probability proportional to theta."""
    # Counts of all nodes first, then their order: much faster than a search for each draw.
    order = np.argsort(blocks, kind="stable")
    nodes = np.empty(len(blocks), np.int32)
    draws = np.bincount(blocks, minlength=len(sizes))
    node, place = 0, 0
    for size, count in zip(sizes, draws, strict=True):
        weights = theta[node : node + size]
        times = rng.multinomial(count, weights / weights.sum())
        drawn = np.repeat(np.arange(node, node + size, dtype=np.int32), times)
        rng.shuffle(drawn)
        nodes[order[place : place + count]] = drawn
        node, place = node + size, place + count
    return nodes


def symmetric(rows, columns, n_nodes):
    """Both directions of edges that are given once; those that come repeatedly add up."""
    i = np.concatenate([np.empty(0, np.int32), *rows])
    j = np.concatenate([np.empty(0, np.int32), *columns])
    half = sp.csr_matrix((np.ones(len(i)), (i, j)), shape=(n_nodes, n_nodes))
    adjacency = (half + half.T).tocsr()
    adjacency.sort_indices()
    return adjacency


def generator(random_state):
    """NumPy's generator of ``random_state``."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))


def check_number(name, value, valid, allowed, *, kind=numbers.Real):
    """Raise where a parameter is not of that kind, or not ``valid``."""
    if not isinstance(value, kind) or not valid:
        raise ValueError(f"{name}={value!r} must be {allowed}.")


def _block_sizes(sizes):
    counts = np.asarray(sizes)
    if counts.ndim != 1 or len(counts) == 0 or counts.dtype.kind not in "iu" or counts.min() < 1:
        raise ValueError(f"sizes={sizes!r} must be a list of numbers of nodes, each 1 or more.")
    return counts.astype(np.int64)


def _check_links(means):
    """Raise where blocks ask for more links than any memory holds."""
    if means.sum() > _MOST_LINKS:
        raise ValueError(
            f"sizes and probabilities ask for {means.sum():.2g} links, and at most "
            f"{_MOST_LINKS:.0g} are drawn; lower probabilities, which say how many links two nodes "
            "have in the mean, or sizes."
        )


def _block_probabilities(probabilities, n_blocks, *, upper):
    table = np.asarray(probabilities, dtype=np.float64)
    if table.shape == (2,):
        within, between = table
        table = np.full((n_blocks, n_blocks), between)
        np.fill_diagonal(table, within)
    if table.shape != (n_blocks, n_blocks):
        raise ValueError(
            f"probabilities has shape {table.shape}; give the pair (within, between) or a table of "
            f"shape {(n_blocks, n_blocks)}, one row for each of the sizes."
        )
    if not np.all((table >= 0) & (table <= upper) & np.isfinite(table)):
        allowed = "between 0 and 1" if upper == 1 else "zero or more and finite"
        raise ValueError(f"probabilities={probabilities!r} must be {allowed}.")
    if not np.array_equal(table, table.T):
        raise ValueError("probabilities must be symmetric: pass (table + table.T) / 2.")
    return table

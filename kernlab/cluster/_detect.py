"""How many communities of a graph stand out from chance, by the Bethe Hessian."""

# References: Saade, Krzakala, Zdeborová, *Spectral clustering of graphs with the Bethe Hessian*,
# NIPS 2014 (the matrix, its weighted form, and counting); Dall'Amico, Couillet, Tremblay, *A
# unified framework for spectral clustering in sparse graphs*, JMLR 22, 2021 (the regularised
# adjacency that is congruent to it).

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.warn import warn_user
from kernlab.cluster._leading_pairs import CYCLES, GUARD, RESIDUAL, leading_eigenpairs
from kernlab.exceptions import EigenpairWarning
from kernlab.graph._adjacency import as_adjacency

# Up to so many nodes a dense solver is the quickest.
_DENSE = 1000
# Of the radius: heavier weights count as so heavy.
_CAP = 0.5
# Radius of a graph, in units of its weights, below which it is hardly more than a tree.
_LEAST = 1.1


class CommunityCount(NamedTuple):
    """Communities that stand out from chance.

    Attributes
    ----------
    assortative : int
        Groups with more weight within than across; one is the graph as a whole, and no community.
    disassortative : int
        Contrasts between groups with more weight across than within.
    complete : bool
        Whether all were counted; else there are more than ``max_communities``.
    """

    assortative: int
    disassortative: int
    complete: bool


def count_communities(X, *, max_communities=50, random_state=None, n_jobs=None):
    r"""Number of communities of a sparse graph that can be told from chance.

    Parameters
    ----------
    X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
        Weights of an undirected graph, zero or more.
    max_communities : int, default=50
        Where to stop counting.
    random_state : int, RandomState instance or None, default=None
        Of the first vectors of the eigensolver, on more than 1000 nodes.
    n_jobs : int or None, default=None
        Threads. None is Numba's current count, -1 all cores.

    Returns
    -------
    count : CommunityCount
        ``assortative`` (1 where there is no community, 0 where the graph is hardly more than a
        tree), ``disassortative`` (0 where there is none) and ``complete``.

    Raises
    ------
    ValueError
        X is no undirected graph; max_communities is below one.

    Notes
    -----
    With r² the mean of d (d - 1) over that of d, the Bethe Hessian is
    :math:`(r^2 - 1) I - r A + D`. Each of its negative eigenvalues is a community, and at -r a
    disassortative contrast; in sparse block models they appear at the very contrast below which no
    method whatever finds the blocks [1]_. By the law of inertia their number is that of
    eigenvalues of :math:`r (D + (r^2 - 1) I)^{-1/2} A (D + (r^2 - 1) I)^{-1/2}` beyond one, or
    minus one [2]_; which is regularised spectral clustering with a shift that follows from the
    graph. Of a weighted graph the weighted Bethe Hessian [1]_ is taken, in which weights above half
    the radius r count as half of it.

    It counts structure, of whatever kind: a geometric graph, as one of nearest neighbours, has many
    more "communities" than a user would call so, for its regions do stand out from chance; a tree
    has none, for cycles are what the method goes by. Communities of few nodes may escape.

    References
    ----------
    .. [1] A. Saade, F. Krzakala, L. Zdeborová, "Spectral clustering of graphs with the Bethe
       Hessian", NIPS 2014.
    .. [2] L. Dall'Amico, R. Couillet, N. Tremblay, "A unified framework for spectral clustering in
       sparse graphs", JMLR 22, 2021.

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.cluster import count_communities
    >>> count_communities(nx.planted_partition_graph(3, 50, 0.3, 0.02, seed=0))
    CommunityCount(assortative=3, disassortative=0, complete=True)
    >>> count_communities(nx.planted_partition_graph(3, 50, 0.1, 0.1, seed=0))
    CommunityCount(assortative=1, disassortative=0, complete=True)
    """
    if not (isinstance(max_communities, int | np.integer) and max_communities >= 1):
        raise ValueError(f"max_communities={max_communities!r} must be an integer, one or more.")
    adjacency = as_adjacency(X, name="X")
    rng = check_random_state(random_state)
    linked = np.flatnonzero(np.diff(adjacency.indptr))
    if not len(linked):
        return CommunityCount(0, 0, True)
    if len(linked) < adjacency.shape[0]:
        adjacency = adjacency[linked][:, linked]
    operator = BetheHessian(adjacency)
    n, limit = len(linked), int(max_communities) + 1
    wanted = min(n, limit, 10)
    while True:
        values, _ = operator.leading(wanted, rng=rng, n_jobs=n_jobs)
        found = operator.stand_out(values)
        if not found.all() or wanted == min(n, limit):
            break
        wanted = min(n, limit, 3 * wanted)
    complete = bool(found.sum() < limit)
    values = values[found][:max_communities]
    return CommunityCount(int(np.sum(values > 0)), int(np.sum(values < 0)), complete)


class BetheHessian:
    """The matrix whose eigenvalues beyond one, in modulus, are communities.

    ``matrix`` is M scaled from both sides by ``scale``, the root of one over the diagonal of the
    Bethe Hessian diag - M; no node may be isolated.
    """

    def __init__(self, adjacency):
        # Of weights of any common scale.
        weights = adjacency.data / adjacency.data.max()
        indptr = adjacency.indptr
        radius, cap = _radius(weights, indptr)
        weights = np.minimum(weights, cap) / radius
        damped = 1.0 - weights**2
        diagonal = 1.0 + np.add.reduceat(weights**2 / damped, indptr[:-1])
        weights /= damped
        self.scale = (1.0 / np.sqrt(diagonal)).astype(np.float32)
        weights = weights.astype(np.float32)
        weights *= self.scale[adjacency.indices]
        weights *= np.repeat(self.scale, np.diff(indptr))
        self.matrix = sp.csr_matrix((weights, adjacency.indices, indptr), shape=adjacency.shape)

    def stand_out(self, values):
        """Which eigenvalues are communities."""
        return np.abs(values) > 1.0

    def leading(self, k, *, rng, sign=0, n_jobs=None, verbose=0):
        """The ``k`` eigenpairs that tell most, best first, and the vectors in single precision.

        Those that stand out, of either sign, by modulus; then the largest others. With ``sign``
        1 or -1 those of the other sign come last, but for the very first.
        """
        n = self.matrix.shape[0]
        with SINGLE_THREADED_BLAS:
            if n <= max(_DENSE, 4 * (k + GUARD)):
                values, vectors = np.linalg.eigh(self.matrix.toarray().astype(np.float64))
            else:
                found = leading_eigenpairs(
                    self.matrix,
                    k,
                    lambda values: self._ranked(values, sign),
                    rng=rng,
                    n_jobs=n_jobs,
                    verbose=verbose,
                )
                values, vectors = found.values, found.vectors
                if not found.converged and found.residual > 5 * RESIDUAL:
                    warn_user(
                        f"Of {k} eigenvectors the largest residual is {found.residual:.2g} after "
                        f"{CYCLES} cycles; clusters may be less than the best. Ask for more "
                        "clusters or fewer.",
                        EigenpairWarning,
                    )
        first = self._ranked(values, sign)[:k]
        return values[first], np.ascontiguousarray(vectors[:, first], dtype=np.float32)

    def _ranked(self, values, sign):
        merit = np.where(self.stand_out(values), 2.0, 0.0) * np.abs(values) + values
        if sign < 0:
            merit = -values
            merit[np.argmax(values)] = np.inf
        elif sign > 0:
            merit = values
        return np.argsort(-merit, kind="stable")


def _radius(weights, indptr):
    """What eigenvalues of non-backtracking walks chance makes, and the weight to cap at.

    The square is the mean growth of walks with squared weights. Weights near the radius would say
    all by themselves; entries capped alike are as independent of the clusters as before.
    """

    def ratio(cap):
        squares = np.minimum(weights / cap, 1.0) ** 2
        sums = np.add.reduceat(squares, indptr[:-1])
        return math.sqrt(max(0.0, (sums @ sums - squares @ squares) / sums.sum()))

    # Of the unweighted graph; with barely a cycle there is nothing to find, at any radius.
    low, high = max(float(weights.min()), 1e-300), 1.0
    plain = ratio(low)
    if plain < _LEAST:
        return _LEAST * low, low
    goal = min(1.0 / _CAP, plain)
    if ratio(high) >= goal * (1 - 1e-9):
        return ratio(high), high
    while high > 1.05 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if ratio(middle) >= goal else (low, middle)
    return ratio(low) * low, low

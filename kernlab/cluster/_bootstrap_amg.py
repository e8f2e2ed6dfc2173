"""Algebraically smooth vectors of a graph, by bootstrap algebraic multigrid."""

# Reference: D'Ambra, Vassilevski, Cutillo, *Extending bootstrap AMG for clustering of attributed
# graphs*, arXiv 2109.09367, after D'Ambra, Filippone, Vassilevski, *BootCMatch*, ACM TOMS 44, 2018.
#
# A hierarchy keeps one smooth vector w, and so removes it from an error in a cycle. What the
# product of all hierarchies so far does not remove is the next vector that is smooth.
#
# Gauss-Seidel, the weights of the matching and the norm are the same for the Laplacian and for the
# normalised one, whose vectors are D^½ w: the D of the singular values alone decides between them.

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

_CYCLES = 15
_MOST_VECTORS = 40
# Of the energy norm in a cycle; the paper has 1e-6, which stops short of some clusters.
_CONVERGED = 1e-9
# Where a cycle is exact, as on a few nodes, and what it leaves is rounding.
_EXACT = 1e-12
_COARSEST = 10
# Least over largest weight: energies are their products, and floats hold 1e-308.
_SPREAD = 1e-100


def bootstrap_vectors(graph, n_vectors, *, random_state):
    """Orthonormal (n_nodes, n_vectors), where a normalised Laplacian is small.

    ``graph`` is a symmetric adjacency of positive degrees. Vectors are found until a cycle of all
    hierarchies reduces an error to 1e-9, at least ``n_vectors`` and at most 40 or ``n_vectors``.
    Returned are the leading left singular vectors of the square root of degrees times them, each of
    energy one, so that the smoothest are the longest.

    O(m² n_edges) for m vectors found: 15 cycles for each, of twice as many V-cycles as there are
    hierarchies, and a V-cycle passes five times over each level's edges.
    """
    rng = np.random.default_rng(random_state)
    least, most = graph.data.min(), graph.data.max()
    if least < _SPREAD * most:
        raise ValueError(
            f"the weights of X span {most / least if least else np.inf:.2g}, and bootstrap "
            f"multigrid has room for {1 / _SPREAD:g}; leave out the weakest edges, or take "
            "smooth_vectors='eigenvectors'."
        )
    matrix, part = definite_laplacian(graph)
    vectors = smooth_basis(matrix, part, n_vectors, rng)
    scaled = np.sqrt(graph.sum(axis=1))[:, None] * vectors
    return np.linalg.svd(scaled, full_matrices=False)[0][:, :n_vectors]


def definite_laplacian(graph):
    """Laplacian with a·uuᵀ in each component, u one at both ends of an edge of weight a.

    Returned with the component of each node.
    """
    laplacian = sp.csr_array(sp.diags_array(graph.sum(axis=1)) - graph)
    n_parts, part = connected_components(graph, directed=False)
    edges = sp.coo_array(sp.triu(graph))
    i, j = edges.coords
    # Loops come last, for a component that has no other edge: there u is two.
    order = np.argsort(i == j, kind="stable")
    chosen = order[np.unique(part[i[order]], return_index=True)[1]]
    root = np.tile(np.sqrt(edges.data[chosen]), 2)
    places = (np.concatenate([i[chosen], j[chosen]]), np.tile(np.arange(n_parts), 2))
    u = sp.csr_array((root, places), shape=(len(part), n_parts))
    return sp.csr_array(laplacian + u @ u.T), part


def smooth_basis(matrix, part, n_least, rng):
    """Columns of energy one that cycles of all hierarchies before them hardly reduce."""
    n = matrix.shape[0]
    # Aggregates lie within components, so that one hierarchy removes the indicators of all.
    basis = [w / _energy_norm(matrix, w) for w in np.eye(part.max() + 1)[:, part]]
    w = np.ones(n)
    hierarchies: list = []
    while len(basis) < max(_MOST_VECTORS, n_least):
        hierarchies.append(Hierarchy(matrix, w, rng))
        w, ratio = _hard_to_reduce(matrix, hierarchies, rng.standard_normal(n))
        if ratio >= _EXACT or len(basis) < n_least:
            basis.append(w)
        if ratio < _CONVERGED and len(basis) >= n_least:
            break
    return np.column_stack(basis)


def _hard_to_reduce(matrix, hierarchies, x):
    """A random vector after cycles of the composite solver, and the reduction of the last."""
    x = x / _energy_norm(matrix, x)
    ratio = 1.0
    for _ in range(_CYCLES):
        new = x
        # There and back, for the product to be symmetric in energy.
        for hierarchy in (*hierarchies[::-1], *hierarchies):
            new = new - hierarchy.cycle(matrix @ new)
        ratio = _energy_norm(matrix, new)
        if ratio < _EXACT:
            break
        x = new / ratio
    return x, ratio


def _energy_norm(matrix, x):
    return np.sqrt(max(x @ (matrix @ x), 0.0))


class Hierarchy:
    """V-cycle of unsmoothed aggregation, whose coarse spaces all hold ``w``."""

    def __init__(self, matrix, w, rng):
        self.levels = []
        # A node where w is zero would have a coarse space of nothing.
        w = np.where(w == 0, np.finfo(float).eps * np.abs(w).max(), w)
        while True:
            coarse, coarse_w, prolong = _coarser(matrix, w, rng)
            again = _coarser(coarse, coarse_w, rng)
            coarse, coarse_w, prolong = again[0], again[1], sp.csr_array(prolong @ again[2])
            self.levels.append((matrix, _triangle(matrix), prolong, sp.csr_array(prolong.T)))
            stalled = len(coarse_w) == len(w)
            matrix, w = coarse, coarse_w
            if len(w) <= _COARSEST or stalled:
                break
        self.coarsest = splu(sp.csc_array(matrix))

    def cycle(self, b, level=0):
        """Correction for a residual ``b``, Gauss-Seidel forward before and backward after."""
        if level == len(self.levels):
            return self.coarsest.solve(b)
        matrix, triangle, prolong, restrict = self.levels[level]
        x = triangle.solve(b)
        x += prolong @ self.cycle(restrict @ (b - matrix @ x), level + 1)
        x += triangle.solve(b - matrix @ x, trans="T")
        return x


def _triangle(matrix):
    # Its LU factors are itself, and solve it and its transpose at the speed of compiled code.
    return splu(
        sp.csc_array(sp.tril(matrix)),
        permc_spec="NATURAL",
        diag_pivot_thresh=0.0,
        options={"Equil": False, "SymmetricMode": True},
    )


def _coarser(matrix, w, rng):
    """Matrix, vector and prolongation of aggregates of two nodes or a few."""
    aggregate = _aggregates(matrix, w, rng)
    length = np.sqrt(np.bincount(aggregate, w**2))
    n = len(w)
    prolong = sp.csr_array((w / length[aggregate], aggregate, np.arange(n + 1)), (n, len(length)))
    return sp.csr_array(prolong.T @ matrix @ prolong), length, prolong


def _aggregates(matrix, w, rng):
    """Pairs of a matching of locally heaviest edges; a node left joins its heaviest neighbour."""
    edges = sp.coo_array(sp.triu(matrix, 1))
    i, j = edges.coords
    energy = matrix.diagonal() * w**2
    # The ratio of energies of the vector that w makes within a pair, and the one across it.
    weight = 1 - 2 * w[i] * w[j] * edges.data / (energy[i] + energy[j])
    ends, others = np.concatenate([i, j]), np.concatenate([j, i])
    order = np.lexsort((rng.random(len(i)), weight))
    rank = np.empty(len(i), dtype=np.intp)
    rank[order] = np.arange(len(i))
    rank = np.tile(rank, 2)
    n = len(w)
    mate = np.full(n, -1)
    left, right, place = ends, others, rank
    while len(left):
        best = np.full(n, -1)
        np.maximum.at(best, left, place)
        chosen = (best[left] == place) & (best[right] == place)
        mate[left[chosen]] = right[chosen]
        free = (mate[left] < 0) & (mate[right] < 0)
        left, right, place = left[free], right[free], place[free]
    nodes = np.arange(n)
    root = np.where(mate < 0, nodes, np.minimum(nodes, mate))
    # No neighbour of a node left is left itself, or they would be a pair.
    heaviest = np.full(n, -1)
    np.maximum.at(heaviest, ends, rank)
    joins = (rank == heaviest[ends]) & (mate[ends] < 0)
    root[ends[joins]] = root[others[joins]]
    return np.unique(root, return_inverse=True)[1]

"""Links that join the components of a graph: a minimum spanning tree over them."""

# Reference: Borůvka's algorithm, 1926. That two labels differ in some binary digit, so that a
# search across each digit finds every component's nearest other, is our own observation.

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components


def spanning_bridges(search, labels, *, n_jobs=None):
    """The shortest links between components that leave one: pairs (b, 2), i < j, and lengths.

    Exact: in each round every component but the largest gets the shortest link from it to any
    other, and rounds at least halve their number. With C components a round takes ``2 log2(C)``
    searches of at most n points each.
    """
    pairs, lengths = np.empty((0, 2), np.int64), np.empty(0)
    while (n_components := int(labels.max()) + 1) > 1:
        found, distances = _shortest_links(search, labels, n_components, n_jobs)
        if not len(found):
            raise ValueError(
                f"X stores no distance between {n_components} parts of the graph, so that "
                "disconnected='bridge' has no links to choose from; store them, or use "
                "disconnected='keep'."
            )
        ends = labels[found]
        chosen = _forest(ends, n_components)
        pairs = np.concatenate([pairs, found[chosen]])
        lengths = np.concatenate([lengths, distances[chosen]])
        joined = sp.csr_matrix(
            (np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n_components, n_components)
        )
        labels = connected_components(joined, directed=False)[1][labels]
    return pairs, lengths


def _shortest_links(search, labels, n_components, n_jobs):
    """Each component's shortest link to another, in order of (length, i, j), no two the same."""
    largest = np.bincount(labels).argmax()
    nodes = np.arange(len(labels))
    parts = []
    for digit in range((n_components - 1).bit_length()):
        ones = (labels >> digit) & 1 == 1
        for side in (ones, ~ones):
            sources, targets = nodes[side & (labels != largest)], nodes[~side]
            if not len(sources):
                continue
            distances, nearest = search.nearest_between(sources, targets, n_jobs=n_jobs)
            parts.append((sources, nearest, distances))
    ends, others, lengths = map(np.concatenate, zip(*parts, strict=True))
    known = lengths < np.inf
    ends, others, lengths = ends[known], others[known], lengths[known]
    pairs = np.sort(np.column_stack([ends, others]), axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], lengths))
    # The first of each component in this order; equal lengths are so broken alike for all.
    first = order[np.sort(np.unique(labels[ends[order]], return_index=True)[1])]
    pairs, kept = np.unique(pairs[first], axis=0, return_index=True)
    lengths = lengths[first][kept]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], lengths))
    return pairs[order], lengths[order]


def _forest(edges, n_nodes):
    """Which edges, taken in order, join two trees."""
    parents = np.arange(n_nodes)

    def root(node):
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    chosen = np.zeros(len(edges), bool)
    for place, (one, other) in enumerate(edges):
        one, other = root(one), root(other)
        chosen[place] = one != other
        parents[max(one, other)] = min(one, other)
    return chosen

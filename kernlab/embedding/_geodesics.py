"""Shortest paths from a few nodes of a large graph to all others."""

# Reference: Dijkstra, *A note on two problems in connexion with graphs*, Numer. Math. 1, 1959.

import math

import numpy as np
from scipy.sparse.csgraph import reverse_cuthill_mckee

from kernlab._core.jit import njit
from kernlab._core.threads import run_slices

# Sources of a slice: their distances are written side by side, a line of the cache at a time.
_SOURCES = 8


@njit
def _shortest_paths(indptr, indices, lengths, nodes, offsets, distances, heap, place):
    """Distances from a source that lies ``offsets[k]`` from ``nodes[k]``, into ``distances``.

    Dijkstra's algorithm on a heap of four children. A distance is the least over all paths of
    their lengths summed from the source on, in this precision: it does not depend on ties. Nodes
    are distinct, and ordered by their offsets, which makes them a heap to begin with.
    """
    for i in range(len(distances)):
        distances[i] = np.inf
        place[i] = -1
    size = len(nodes)
    for k in range(size):
        distances[nodes[k]] = offsets[k]
        heap[k] = nodes[k]
        place[nodes[k]] = k
    while size > 0:
        nearest = heap[0]
        size -= 1
        if size > 0:
            # The last node sinks from the root.
            node = heap[size]
            key = distances[node]
            hole = 0
            while True:
                best = 4 * hole + 1
                if best >= size:
                    break
                least = distances[heap[best]]
                for child in range(best + 1, min(best + 4, size)):
                    candidate = distances[heap[child]]
                    if candidate < least:
                        best, least = child, candidate
                if least >= key:
                    break
                heap[hole] = heap[best]
                place[heap[hole]] = hole
                hole = best
            heap[hole] = node
            place[node] = hole
        settled = distances[nearest]
        for e in range(indptr[nearest], indptr[nearest + 1]):
            node = indices[e]
            key = settled + lengths[e]
            if key < distances[node]:
                distances[node] = key
                hole = place[node]
                if hole < 0:
                    hole = size
                    size += 1
                while hole > 0:
                    above = (hole - 1) >> 2
                    parent = heap[above]
                    if distances[parent] <= key:
                        break
                    heap[hole] = parent
                    place[parent] = hole
                    hole = above
                heap[hole] = node
                place[node] = hole


class GraphGeodesics:
    """Shortest paths on a graph, laid out so that neighbours lie near in memory.

    Parameters
    ----------
    lengths : csr array of shape (n, n)
        Symmetric; positive lengths of edges.

    Attributes
    ----------
    unit : float
        A power of two by which the lengths were divided: 1, but where single precision might not
        hold sums of them.
    """

    def __init__(self, lengths):
        self.n = lengths.shape[0]
        self.unit = unit_of(lengths.data)
        self._order = reverse_cuthill_mckee(lengths, symmetric_mode=True)
        self._rank = np.empty(self.n, dtype=np.int64)
        self._rank[self._order] = np.arange(self.n)
        ordered = lengths[self._order][:, self._order].tocsr()
        self._graph = ordered.indptr, ordered.indices, ordered.data / self.unit

    def from_sources(self, nodes, offsets=None, *, n_jobs=None):
        """Distances of all nodes from sources, in the unit.

        Parameters
        ----------
        nodes : int ndarray of shape (m,) or (m, k)
            The node that each source is, or distinct nodes near it.
        offsets : ndarray of shape (m, k), default=None
            Distances of the source from them, in the unit; infinite ones are not used.
        n_jobs : int, default=None
            Threads.

        Returns
        -------
        distances : float32 ndarray of shape (n, m)
            Infinite where there is no path.

        Notes
        -----
        O(e log n) time for each source, ``e`` the number of edges; summed in double precision and
        rounded once.
        """
        nodes = self._rank[nodes].reshape(len(nodes), -1)
        offsets = np.zeros(nodes.shape) if offsets is None else offsets
        out = np.empty((self.n, len(nodes)), dtype=np.float32)

        def work(part):
            found = np.empty((part.stop - part.start, self.n))
            heap, place = np.empty((2, self.n), dtype=self._graph[1].dtype)
            for row, k in zip(found, range(part.start, part.stop), strict=True):
                near = np.argsort(offsets[k], kind="stable")[: np.isfinite(offsets[k]).sum()]
                _shortest_paths(*self._graph, nodes[k, near], offsets[k, near], row, heap, place)
            out[self._order, part] = found.T

        run_slices(work, len(nodes), slice_size=_SOURCES, n_jobs=n_jobs)
        return out


def unit_of(lengths):
    """A power of two to divide lengths by: 1 where sums of them, and squares, do not overflow."""
    largest = float(np.max(lengths, initial=0.0))
    if largest == 0.0 or 1e-6 < largest < 1e6:
        return 1.0
    return math.ldexp(1.0, math.frexp(largest)[1])


def spread_landmarks(geodesics, n_landmarks, random_state):
    return random_state.choice(geodesics.n, n_landmarks, replace=False)

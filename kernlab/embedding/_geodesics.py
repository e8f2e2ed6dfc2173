"""Shortest paths from a few nodes of a large graph to all others."""

# Reference: Dijkstra, *A note on two problems in connexion with graphs*, Numer. Math. 1, 1959.

import math

import numpy as np
from scipy.sparse.csgraph import reverse_cuthill_mckee

from kernlab._core.jit import inline, njit
from kernlab._core.threads import run_slices

# Sources of a slice: their distances are written side by side, a line of the cache at a time.
_SOURCES = 8


@inline
def _raise(heap, place, distances, hole, node):
    """Put ``node`` into the heap at ``hole`` or above, where its parents are nearer."""
    while hole > 0 and distances[heap[(hole - 1) // 4]] > distances[node]:
        heap[hole] = heap[(hole - 1) // 4]
        place[heap[hole]] = hole
        hole = (hole - 1) // 4
    heap[hole] = node
    place[node] = hole


@inline
def _take_nearest(heap, place, distances, size):
    """Take the root out of a heap of ``size`` nodes."""
    nearest, node = heap[0], heap[size - 1]
    size -= 1
    hole = 0
    while 4 * hole + 1 < size:
        best = 4 * hole + 1
        for child in range(best + 1, min(best + 4, size)):
            if distances[heap[child]] < distances[heap[best]]:
                best = child
        if distances[heap[best]] >= distances[node]:
            break
        heap[hole] = heap[best]
        place[heap[hole]] = hole
        hole = best
    if size > 0:
        heap[hole] = node
        place[node] = hole
    return nearest


@njit
def _shortest_paths(indptr, indices, lengths, nodes, offsets, distances, heap, place):
    """Distances from a source that lies ``offsets[k]`` from ``nodes[k]``, into ``distances``.

    Dijkstra's algorithm on a heap of four children. A distance is the least over all paths of
    their lengths summed from the source on, in this precision: it does not depend on ties.
    """
    distances[:] = np.inf
    place[:] = -1
    size = 0
    for k in range(len(nodes)):
        node = nodes[k]
        if offsets[k] < distances[node]:
            distances[node] = offsets[k]
            if place[node] < 0:
                place[node] = size
                size += 1
            _raise(heap, place, distances, place[node], node)
    while size > 0:
        node = _take_nearest(heap, place, distances, size)
        size -= 1
        for e in range(indptr[node], indptr[node + 1]):
            through = distances[node] + lengths[e]
            target = indices[e]
            if through < distances[target]:
                distances[target] = through
                if place[target] < 0:
                    place[target] = size
                    size += 1
                _raise(heap, place, distances, place[target], target)


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
            The node that each source is, or nodes near it.
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
                usable = np.isfinite(offsets[k])
                _shortest_paths(*self._graph, nodes[k, usable], offsets[k, usable], row, heap, place)
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

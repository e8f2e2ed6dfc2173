"""Shortest paths against SciPy's."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from kernlab.embedding._geodesics import GraphGeodesics


def graph(rng, n, n_edges):
    i, j = rng.integers(0, n, (2, n_edges))
    i, j = i[i != j], j[i != j]
    lengths = coo_array((rng.uniform(0.1, 1.0, len(i)), (i, j)), shape=(n, n)).tocsr()
    return lengths.maximum(lengths.T)


@pytest.mark.parametrize(("n", "n_edges"), [(2, 6), (50, 30), (400, 900), (300, 9000)])
def test_paths_are_dijkstras(rng, n, n_edges):
    lengths = graph(rng, n, n_edges)
    sources = rng.choice(n, min(n, 19), replace=False)
    found = GraphGeodesics(lengths).from_sources(sources, n_jobs=2)
    expected = dijkstra(lengths, indices=sources).T
    # The same sums in double precision, rounded once; unreached nodes are infinite in both.
    assert np.array_equal(found, expected.astype(np.float32))


def test_a_source_between_nodes(rng):
    lengths = graph(rng, 200, 700)
    nodes = np.array([rng.choice(200, 4, replace=False) for _ in range(9)])
    offsets = rng.uniform(0, 3, nodes.shape)
    offsets[0, 1:] = offsets[3, 2] = np.inf
    found = GraphGeodesics(lengths).from_sources(nodes, offsets)
    every = dijkstra(lengths)
    for column, node, offset in zip(found.T, nodes, offsets, strict=True):
        expected = (every[node] + offset[:, None]).min(axis=0)
        np.testing.assert_allclose(column, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_lengths_of_any_scale(rng, scale):
    lengths = graph(rng, 100, 500)
    expected = GraphGeodesics(lengths).from_sources([3])
    scaled = GraphGeodesics(lengths * scale)
    found = scaled.from_sources([3]).astype(np.float64) * (scaled.unit / scale)
    np.testing.assert_allclose(found, expected, rtol=1e-6)

"""Modularity and block likelihood against networkx and the sums written out."""

import math

import networkx as nx
import numpy as np
import scipy.sparse as sp

from kernlab.cluster._scores import block_log_likelihood, cluster_weights, modularity


def _case():
    rng = np.random.default_rng(0)
    weights = np.triu(rng.integers(0, 4, (30, 30)) * (rng.random((30, 30)) < 0.3), 1)
    return (weights + weights.T).astype(float), rng.integers(0, 4, (3, 30))


def test_modularity_is_that_of_networkx():
    adjacency, labels = _case()
    graph = nx.from_numpy_array(adjacency)
    found = modularity(cluster_weights(sp.csr_matrix(adjacency), labels))
    for one, value in zip(labels, found, strict=True):
        parts = [set(np.flatnonzero(one == c)) for c in range(4)]
        assert abs(value - nx.community.modularity(graph, parts)) < 1e-13


def test_the_block_likelihood_is_its_sum_over_edges():
    adjacency, labels = _case()
    for one, value in zip(
        labels, block_log_likelihood(cluster_weights(adjacency, labels)), strict=True
    ):
        degrees = np.bincount(one, adjacency.sum(axis=1))
        expected = 0.0
        for i in range(30):
            for j in range(i):
                if adjacency[i, j]:
                    r, s = one[i], one[j]
                    between = adjacency[np.ix_(one == r, one == s)].sum()
                    expected += adjacency[i, j] * math.log(between / (degrees[r] * degrees[s]))
        assert abs(value - expected) < 1e-10 * abs(expected)

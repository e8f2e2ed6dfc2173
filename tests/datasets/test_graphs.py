"""The karate club is that of networkx, but for the faction of the member who changed sides."""

import networkx as nx
import numpy as np

from kernlab.datasets import load_karate


def test_karate_is_the_published_graph():
    karate, graph = load_karate(), nx.karate_club_graph()
    np.testing.assert_array_equal(karate.weights.toarray(), nx.to_numpy_array(graph))
    np.testing.assert_array_equal(karate.adjacency.toarray(), nx.to_numpy_array(graph, weight=None))
    joined = np.array([int(graph.nodes[node]["club"] == "Officer") for node in graph])
    assert np.flatnonzero(karate.target != joined).tolist() == [8]

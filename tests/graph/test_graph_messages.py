"""What is no graph, or a graph that does not do, is refused with the line of code that helps."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from kernlab.cluster import GraphClustering, GraphMeasureSearch, count_communities
from kernlab.exceptions import SelfLoopWarning
from kernlab.graph import (
    GraphProximity,
    GraphSketch,
    KNNGraph,
    LandmarkLogEmbedding,
    planted_partition,
)

FRAME = pd.DataFrame(nx.to_numpy_array(nx.path_graph(4)), index=list("abcd"), columns=list("abcd"))
PAIRS = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]


@pytest.mark.parametrize(
    ("graph", "kind", "remedy"),
    [
        (PAIRS, ValueError, r"graph = networkx.Graph\(\); graph.add_edges_from\(X\)"),
        (PAIRS[:2], ValueError, r"graph.add_edges_from\(X\)"),
        (np.array(PAIRS), ValueError, r"graph.add_edges_from\(X\)"),
        (np.array([[0, 1], [1, 2], [2, 0]]), ValueError, r"graph.add_edges_from\(X\)"),
        ([(0, 1, 2.5), (1, 2, 1.0)], ValueError, r"graph.add_weighted_edges_from\(X\)"),
        ([(*pair, 1.0) for pair in PAIRS[:3]], ValueError, r"add_weighted_edges_from\(X\)"),
        (pd.DataFrame(PAIRS), ValueError, r"graph.add_edges_from\(X.to_numpy\(\)\)"),
        ("edges.csv", TypeError, r"pass read_graph\('edges.csv'\).adjacency"),
        (Path("edges.csv"), TypeError, r"pass read_graph\(.*\).adjacency"),
        (planted_partition([4, 4], (0.9, 0.1), random_state=0), TypeError, r"X\.adjacency\."),
        (FRAME.loc[list("bacd")], ValueError, r"pass X\.loc\[X\.columns\]"),
    ],
)
def test_what_is_no_table_of_weights(graph, kind, remedy):
    for use in (GraphProximity("heat").fit, count_communities):
        with pytest.raises(kind, match=remedy):
            use(graph)


def test_the_remedies_are_right():
    graph = nx.Graph()
    graph.add_edges_from(pd.DataFrame(PAIRS).to_numpy())
    graph.add_weighted_edges_from(np.array([[5, 6, 0.5]]))
    assert graph.number_of_edges() == 5
    assert graph.edges[5, 6]["weight"] == 0.5

    shuffled = FRAME.loc[list("bacd")]
    expected = GraphProximity("heat").fit_transform(FRAME)
    assert np.array_equal(
        GraphProximity("heat").fit_transform(shuffled.loc[shuffled.columns]), expected
    )


def test_isolated_nodes_are_named_and_can_be_dropped():
    X = nx.path_graph(["a", "b", "c", "d", "e"])
    X.add_nodes_from(["alone", "apart"])
    adjacency = nx.to_scipy_sparse_array(X, dtype=float)
    for model in (
        GraphProximity("nheat"),
        GraphClustering(2, measure="nheat", random_state=0),
        LandmarkLogEmbedding(2, random_state=0),
        GraphSketch(2, random_state=0),
    ):
        with pytest.raises(ValueError, match=r"\(nodes 'alone', 'apart'\).*networkx.isolates\(X\)"):
            model.fit(X)
        with pytest.raises(ValueError, match=r"\(rows 5, 6\).*linked = X.sum\(axis=0\) > 0"):
            model.fit(adjacency)
    linked = adjacency.sum(axis=0) > 0
    X.remove_nodes_from(list(nx.isolates(X)))
    assert np.array_equal(
        GraphProximity("nheat").fit_transform(X),
        GraphProximity("nheat").fit_transform(adjacency[linked][:, linked]),
    )


def test_loops_are_named_and_can_be_taken_off():
    X = nx.path_graph(["a", "b", "c"])
    X.add_edge("b", "b")
    with pytest.warns(SelfLoopWarning, match=r"1 nodes \(nodes 'b'\).*networkx.selfloop_edges"):
        model = GraphProximity("heat").fit(X)
    with pytest.warns(SelfLoopWarning, match=r"1 nodes \(rows 1\).*fill_diagonal"):
        GraphProximity("heat").fit(nx.to_numpy_array(X))
    X.remove_edges_from(list(nx.selfloop_edges(X)))
    assert np.array_equal(GraphProximity("heat").fit_transform(X), model.kernel_)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, pd.DataFrame])
def test_weights_that_are_no_numbers(form):
    weights = nx.to_numpy_array(nx.path_graph(4))
    weights[0, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity; drop those edges"):
        GraphProximity("heat").fit(form(weights))


def test_distances_to_neighbours_are_no_weights():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = KNNGraph(5).fit(X)
    with pytest.raises(ValueError, match="distances to neighbours, use the affinity_ of"):
        GraphProximity("heat").fit(model.transform(X))
    assert GraphProximity("heat").fit(model.affinity_).kernel_.shape == (30, 30)


def test_names_of_measures():
    X = nx.path_graph(4)
    with pytest.raises(ValueError, match=r"'logcom' is unknown \(did you mean 'logcomm'\?\)"):
        GraphProximity("logcom").fit(X)
    with pytest.raises(ValueError, match=r"\(did you mean 'nheat'\?\)"):
        GraphMeasureSearch(2, measures=["nheta"]).fit(X)
    with pytest.raises(ValueError, match=r"'xyzzy' is unknown; give one of"):
        GraphProximity("xyzzy").fit(X)
    for model in (LandmarkLogEmbedding, GraphSketch):
        with pytest.raises(ValueError, match="'logheat' has a prefix .* pass 'heat'"):
            model(2, measure="logheat").fit(X)
        with pytest.raises(ValueError, match=r"no such measure \(did you mean 'heat'\?\)"):
            model(2, measure="haet").fit(X)

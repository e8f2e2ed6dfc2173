"""What is no graph, or a graph that does not do, is refused with the line of code that helps."""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy
import scipy.sparse as sp

from kernlab.cluster import GraphClustering, GraphMeasureSearch, count_communities
from kernlab.exceptions import AmbiguousGraphWarning, SelfLoopWarning
from kernlab.graph import (
    GraphProximity,
    GraphSketch,
    KNNGraph,
    LandmarkLogEmbedding,
    planted_partition,
)
from kernlab.graph._adjacency import as_adjacency

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


FORMS = [
    nx.to_numpy_array,
    nx.to_scipy_sparse_array,
    lambda graph: sp.csr_matrix(nx.to_scipy_sparse_array(graph)),
    lambda graph: nx.to_scipy_sparse_array(graph, format="coo", dtype=bool),
    lambda graph: nx.to_numpy_array(graph).tolist(),
    lambda graph: pd.DataFrame(nx.to_numpy_array(graph)),
    nx.to_pandas_adjacency,
    nx.Graph,
]


def run_remedy(code, X):
    """The graph that a message's line of code makes of X: what it says to pass, or X itself."""
    names = {"X": X, "networkx": nx, "np": np, "scipy": scipy}
    *lines, last = code.split("; ")
    exec("\n".join(lines), names)
    if last.startswith("pass "):
        return eval(last.removeprefix("pass "), names)
    exec(last, names)
    return names["X"]


@pytest.mark.parametrize("form", FORMS)
def test_isolated_nodes_are_named_and_can_be_dropped(form):
    graph = nx.path_graph(["a", "b", "c", "d", "e"])
    graph.add_nodes_from(["alone", "apart"])
    X = form(graph)
    named = isinstance(X, nx.Graph) or (isinstance(X, pd.DataFrame) and X.columns[0] == "a")
    alone = r"\(nodes 'alone', 'apart'\)" if named else r"\(rows 5, 6\)"
    for model in (
        GraphProximity("nheat"),
        GraphClustering(2, measure="nheat", random_state=0),
        LandmarkLogEmbedding(2, random_state=0),
        GraphSketch(2, random_state=0),
    ):
        with pytest.raises(ValueError, match=alone) as raised:
            model.fit(X)
        code = re.search("[Dd]rop them: (.*)[.]$", str(raised.value)).group(1)
        if named:
            whole, frame = code.split(" of networkx, ")
            frame = "pass " + frame.removesuffix(" of a DataFrame")
            code = whole if isinstance(X, nx.Graph) else frame
        mended = run_remedy(code, X.copy())
        found = GraphProximity("nheat").fit(mended)
        assert list(found.nodes_) == (list("abcde") if named else [0, 1, 2, 3, 4])
        np.testing.assert_array_equal(
            found.kernel_, GraphProximity("nheat").fit_transform(nx.path_graph(5))
        )


@pytest.mark.parametrize("form", FORMS)
def test_loops_are_named_and_can_be_taken_off(form):
    graph = nx.path_graph(["a", "b", "c"])
    graph.add_edge("b", "b")
    X = form(graph)
    with pytest.warns(SelfLoopWarning, match=r"at 1 nodes \((nodes 'b'|rows 1)\)") as warned:
        model = GraphProximity("heat").fit(X)
    mended = run_remedy(re.search("off with (.*)[.]$", str(warned[0].message)).group(1), X)
    again = GraphProximity("heat").fit(mended)
    assert np.array_equal(again.kernel_, model.kernel_)
    assert again.nodes_ == model.nodes_


def test_a_directed_graph_has_the_mean_of_both_directions():
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 2.0), ("b", "a", 6.0), ("b", "c", 1.0)])
    for use in (GraphProximity("heat").fit, count_communities):
        with pytest.raises(ValueError, match="directed") as raised:
            use(graph)
    code = re.search("ones: (.*), the mean", str(raised.value)).group(1)
    assert run_remedy(code, graph).toarray().tolist() == [[0, 4, 0], [4, 0, 0.5], [0, 0.5, 0]]


class Igraph:
    def __init__(self, weighted):
        self.is_weighted = lambda: weighted

    def get_adjacency_sparse(self, attribute=None):
        return sp.csr_matrix([[0, 1], [1, 0]]) * (3 if attribute == "weight" else 1)


EDGES = np.array([[0, 1, 1, 2, 3, 0], [1, 0, 2, 1, 0, 3]])
STAR = [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("graph", "said", "expected"),
    [
        (Igraph(False), r"igraph; (pass .*)\.$", [[0, 1], [1, 0]]),
        (Igraph(True), r"igraph; (pass .*)\.$", [[0, 3], [3, 0]]),
        (
            SimpleNamespace(obsp={"connectivities": np.array(STAR)}),
            r"AnnData; (pass .*)\.$",
            STAR,
        ),
        ({"a": ["b"], "b": ["a", "c"], "c": ["b"]}, "dict; (pass .*)[.]$", nx.path_graph(3)),
        ({0: {1: 2.0}, 1: {0: 2.0}}, "numbers; (pass .*)[.]$", [[0, 2], [2, 0]]),
        (EDGES, "columns are edges: (.*)[.]$", STAR),
        (EDGES.tolist(), "columns are edges: (.*)[.]$", STAR),
        (
            pd.DataFrame({"source": list("ab"), "target": list("bc"), "weight": [2, 3]}),
            "list of edges; (pass .*)[.]$",
            [[0, 2, 0], [2, 0, 3], [0, 3, 0]],
        ),
        (SimpleNamespace(edge_index=EDGES), "Geometric; (.*)[.]$", STAR),
    ],
)
def test_graphs_of_other_libraries(graph, said, expected):
    for use in (GraphProximity("heat").fit, count_communities):
        with pytest.raises((TypeError, ValueError), match=said) as raised:
            use(graph)
    mended = run_remedy(re.search(said, str(raised.value)).group(1), graph)
    assert np.array_equal(as_adjacency(mended).toarray(), as_adjacency(expected).toarray())


def test_an_anndata_without_neighbours():
    with pytest.raises(TypeError, match=r"run scanpy.pp.neighbors\(X\), then pass X.obsp"):
        GraphProximity("heat").fit(SimpleNamespace(obsp={}))


@pytest.mark.parametrize(
    ("edges", "other"),
    [
        ([{"value": 2.0}, {"value": 3.5}, {"value": 2.0}], "value"),
        (
            [{"value": 2, "id": 7, "kind": "x"}, {"value": 2, "id": 9}, {"value": 3, "id": 8}],
            "value",
        ),
        ([{"value": 2, "weight": 1}, {"value": 3}, {"value": 3}], None),
        ([{"value": 2}, {"value": 3}, {}], None),
        ([{"value": 2, "strength": 1}, {"value": 3, "strength": 1.5}] * 2, None),
        ([{"value": 1}, {"value": 1}], None),
        ([{"order": 4}, {"order": 3}, {"order": 5}], None),
        ([{"sign": 1}, {"sign": -1}], None),
        ([{"new": True}, {"new": False}], None),
        ([{"distance": 2.0}, {"distance": 3.0}], None),
        ([{"value": 2.0}, {"value": float("nan")}, {"value": 3.5}], None),
    ],
)
def test_weights_under_another_name(edges, other):
    X = nx.Graph((i, i + 1, held) for i, held in enumerate(edges))
    for use in (GraphProximity("heat").fit, count_communities):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            use(X)
        told = [str(one.message) for one in caught if one.category is AmbiguousGraphWarning]
        assert len(told) == (other is not None)
        if told:
            mended = run_remedy(re.search("(pass .*)[.]$", told[0]).group(1), X)
            assert mended[0, 1] == edges[0][other]


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


def test_one_way_edges_are_refused_however_light_beside_others():
    path = np.diag([1.0, 5e-11, 1e-11], 1)
    path[2, 1], path[1, 0], path[3, 2] = 0.0, 1.0, 1e-11
    with pytest.raises(ValueError, match="not symmetric"):
        as_adjacency(path)


def test_what_rounding_parts_is_made_symmetric_to_the_last_bit():
    rng = np.random.default_rng(0)
    weights = rng.random((6, 6)) * 1e308
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    weights[2, 4] *= 1 + 1e-12
    found = as_adjacency(weights).toarray()
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(found, weights, rtol=1e-12)

"""A graph means the same in whatever form it comes, to every estimator of graphs."""

import warnings

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline

from kernlab.cluster import (
    AttributedGraphClustering,
    GraphClustering,
    GraphMeasureSearch,
    SparseGraphClustering,
)
from kernlab.exceptions import DisconnectedGraphWarning, DistanceLikeWarning, SelfLoopWarning
from kernlab.graph import GraphProximity, GraphSketch, LandmarkLogEmbedding
from kernlab.graph._adjacency import validate_graph

ESTIMATORS = [
    AttributedGraphClustering(2, random_state=0),
    GraphClustering(2, param=0.5, n_init=2, random_state=0),
    GraphMeasureSearch(2, measures=["for"], params=1, n_init=2, random_state=0),
    SparseGraphClustering(2, random_state=0),
    GraphProximity("for"),
    GraphSketch(2, random_state=0),
    LandmarkLogEmbedding(1, random_state=0),
]
GRAPH = nx.relabel_nodes(
    nx.disjoint_union(nx.complete_graph(6), nx.complete_graph(5)), lambda i: f"n{(7 * i) % 11}"
)
GRAPH.add_edge("n0", "n4")
NAMES = list(GRAPH)
WEIGHTS = nx.to_numpy_array(GRAPH)
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)


def _found(estimator, graph):
    estimator.fit(graph)
    for name in ("labels_", "embedding_", "kernel_"):
        if hasattr(estimator, name):
            return getattr(estimator, name)


@each
def test_forms_of_a_graph(estimator):
    expected = _found(estimator, WEIGHTS)
    frame = pd.DataFrame(WEIGHTS, index=NAMES, columns=NAMES)
    np.testing.assert_array_equal(_found(estimator, frame), expected)
    assert estimator.feature_names_in_.tolist() == NAMES
    assert estimator.nodes_ == NAMES
    np.testing.assert_array_equal(_found(estimator, GRAPH), expected)
    assert estimator.nodes_ == NAMES
    assert estimator.n_features_in_ == 11
    assert not hasattr(estimator, "feature_names_in_")
    np.testing.assert_array_equal(_found(estimator, sp.coo_array(WEIGHTS)), expected)
    assert estimator.nodes_ == range(11)


@each
@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.ones((2, 3)), "square"),
        (np.ones(4), "Expected 2D array"),
        (np.zeros((0, 0)), "0 sample"),
        (1j * WEIGHTS, "Complex data"),
        (sp.csr_array(1j * WEIGHTS), "Complex data"),
        (np.full((4, 4), "a"), "could not convert"),
        (np.where(WEIGHTS > 0, np.nan, 0.0), "X holds NaN or infinity"),
        (sp.csr_array(np.where(WEIGHTS > 0, np.inf, 0.0)), "X holds NaN or infinity"),
        (-WEIGHTS, "Negative values in data"),
        (np.triu(WEIGHTS), "not symmetric"),
        (nx.DiGraph(GRAPH), "directed"),
        (nx.Graph(), "no nodes"),
    ],
)
def test_what_is_no_graph(estimator, graph, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(graph)


@pytest.mark.parametrize(
    ("index", "columns", "nodes"),
    [
        (None, None, range(3)),
        (None, list("abc"), list("abc")),
        (list("abc"), None, list("abc")),
        ([7, 8, 9], ["7", "8", "9"], [7, 8, 9]),
        (list("abc"), list("abd"), "such as 'c' and 'd'; .* pass X.set_axis"),
        ([0, 1, 2], [2, 1, 0], "in another order"),
    ],
)
def test_labels_of_a_frame_are_its_nodes(index, columns, nodes):
    X = pd.DataFrame(nx.to_numpy_array(nx.path_graph(3)), index=index, columns=columns)
    model = GraphProximity("heat")
    if isinstance(nodes, str):
        with pytest.raises(ValueError, match=nodes):
            model.fit(X)
        X = X.set_axis(X.columns)
        nodes = columns
    assert model.fit(X).nodes_ == nodes


def test_components_are_told_of_by_their_nodes():
    X = nx.to_pandas_adjacency(nx.disjoint_union(GRAPH, nx.path_graph(3)))
    X = X.set_axis([*NAMES, *"xyz"]).set_axis([*NAMES, *"xyz"], axis=1)
    model = GraphClustering(2, measure="scct", random_state=0)
    with pytest.warns(DisconnectedGraphWarning, match="3 with 'x'.*a whole small component"):
        model.fit(X)
    clusters = dict(zip(model.nodes_, model.labels_, strict=True))
    assert clusters["x"] == clusters["y"] == clusters["z"]
    with pytest.raises(ValueError, match="node 'x' is the first that no path joins to node 'n0'"):
        GraphProximity("scct").fit(X)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, bool])
@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array])
def test_the_graph_given_is_left_as_it_is(kind, dtype, container):
    # Loops, which are taken off, would show that the graph has been written to.
    looped = WEIGHTS + np.eye(11)
    graph = container(looped.astype(dtype)).asformat(kind)
    with pytest.warns(SelfLoopWarning):
        found = validate_graph(GraphProximity(), graph)
    found.data[:] = 7.0
    np.testing.assert_array_equal(graph.toarray(), looped)


def test_a_frame_of_sparse_columns():
    frame = pd.DataFrame.sparse.from_spmatrix(sp.csr_matrix(WEIGHTS), columns=NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = validate_graph(GraphProximity(), frame)
    np.testing.assert_array_equal(found.toarray(), WEIGHTS)


def test_distances_are_told_from_weights():
    points = np.random.default_rng(0).normal(size=(40, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    hops = nx.floyd_warshall_numpy(nx.path_graph(7))
    for table in distances, 1e100 * distances**2, hops:
        with pytest.warns(DistanceLikeWarning, match="least weights link nodes that are alike"):
            validate_graph(GraphProximity(), table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Kernels of any width, inverse distances, equal weights, and weights by chance.
        kernels = [np.exp(-((distances / width) ** 2)) for width in (0.3, 1.0, 3.0, 30.0)]
        rng = np.random.default_rng(1)
        for table in [*kernels, 1 / (1 + distances), np.ones((6, 6)), rng.random((6, 6)) + 0.01]:
            weights = table + table.T
            np.fill_diagonal(weights, 0.0)
            validate_graph(GraphProximity(), weights)


@pytest.mark.parametrize(
    "embedding",
    [GraphSketch(4, random_state=0), LandmarkLogEmbedding(2, n_landmarks=9, random_state=0)],
)
def test_an_embedding_in_a_pipeline(embedding):
    pipeline = make_pipeline(embedding, KMeans(2, n_init=1, random_state=0))
    labels = pipeline.fit_predict(WEIGHTS)
    np.testing.assert_array_equal(pipeline.predict(GRAPH), labels)
    other = WEIGHTS.copy()
    other[WEIGHTS > 0] += np.ptp(WEIGHTS)
    with pytest.raises(ValueError, match="another graph"):
        pipeline.predict(other)

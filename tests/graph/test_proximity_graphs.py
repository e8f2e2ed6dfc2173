"""Graphs in parts, of any kind and of none: what proximities make of them."""

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from proximity_cases import pieces, proximity, weights

from kernlab.exceptions import SelfLoopWarning
from kernlab.graph import GraphProximity
from kernlab.graph._adjacency import as_adjacency
from kernlab.graph._dense import inverse
from kernlab.graph._measures import MEASURES, parse_measure
from kernlab.graph._spectra import MAX_NODES


@pytest.mark.parametrize("name", [name for name in MEASURES if parse_measure(name).needs_connected])
def test_graphs_in_parts_need_a_floor(name):
    A = pieces()
    with pytest.raises(ValueError, match=r"2 components.*pass floor='auto'"):
        GraphProximity(name).fit(A)
    found = GraphProximity(name, floor="auto").fit(A)
    assert not found.psd_
    near = np.zeros(A.shape, dtype=bool)
    near[:6, :6] = near[6:, 6:] = True
    assert np.isfinite(found.kernel_).all()
    # The sigmoid turns at half; all else keeps the order.
    assert found.distance_[~near].min() > found.distance_[near].max()


def test_within_a_part_all_is_as_if_it_were_alone():
    A = pieces()
    for name in ("ct", "cct", "rsp", "sp", "logheat"):
        whole = GraphProximity(name, floor="auto").fit(A).distance_
        for part in (slice(0, 6), slice(6, 10)):
            alone = GraphProximity(name).fit(A[part, part]).distance_
            np.testing.assert_allclose(whole[part, part], alone, atol=1e-12 * alone.max())
        largest = whole[:6, :6].max(), whole[6:, 6:].max()
        if name != "logheat":
            np.testing.assert_allclose(whole[:6, 6:], 2 * max(largest))


def test_the_floor_is_what_it_is_set_to():
    A = pieces()
    assert (GraphProximity("logfor", floor=-50.0).fit(A).kernel_[:6, 6:] == -50).all()
    assert (GraphProximity("sp", floor=30.0).fit(A).distance_[:6, 6:] == 30).all()
    resistance = GraphProximity("ct", floor=30.0).fit(A).distance_[:6, 6:]
    np.testing.assert_allclose(resistance, 30, rtol=1e-13)
    for name, value in [("logfor", 1e-16), ("sp", 0.1), ("sp", np.inf), ("logfor", -np.inf)]:
        with pytest.raises(ValueError, match=r"floor=.*that no path joins"):
            GraphProximity(name, floor=value).fit(A)


def test_the_floor_of_measures_made_of_distances():
    A, f, x = pieces(), 50.0, 0.5
    for sigmoid, commute in [("sct", "ct"), ("scct", "cct")]:
        K = GraphProximity(commute, floor=f).fit(A).kernel_
        expected = 1 / (1 + np.exp(-x * K / K.std()))
        found = proximity(sigmoid, x, floor=f).fit(A).kernel_
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    mixed = proximity("sp-ct", x, floor=f).fit(A).distance_[:6, 6:]
    np.testing.assert_allclose(mixed, (2 - 1.5 * x) * f, rtol=1e-12)


def test_walks_of_even_length_in_a_bipartite_graph():
    A = nx.to_numpy_array(nx.star_graph(4))
    with pytest.raises(ValueError, match="X is bipartite"):
        GraphProximity("logheat2").fit(A)
    K = GraphProximity("logheat2", floor="auto").fit(A).kernel_
    assert (K[0, 1:] < K[1:, 1:].min()).all()


@pytest.mark.parametrize("name", MEASURES)
def test_isolated_nodes(name):
    A = np.zeros((9, 9))
    A[:8, :8] = weights()
    if parse_measure(name).needs_no_isolated:
        with pytest.raises(ValueError, match=r"1 isolated nodes \(rows 8\); drop them"):
            GraphProximity(name, floor="auto").fit(A)
        return
    K = GraphProximity(name, floor="auto").fit(A).kernel_
    assert np.isfinite(K).all()
    if not parse_measure(name).needs_connected:
        assert (K[8, :8] == 0).all() or np.abs(K[8, :8]).max() < 1e-14


@pytest.mark.parametrize("name", [n for n in MEASURES if not parse_measure(n).needs_no_isolated])
def test_no_edges_at_all(name):
    found = GraphProximity(name, floor="auto").fit(np.zeros((3, 3)))
    off = found.kernel_[~np.eye(3, dtype=bool)]
    assert np.isfinite(found.kernel_).all()
    np.testing.assert_allclose(off, off[0], atol=1e-15)
    alone = GraphProximity(name).fit([[0.0]])
    assert alone.kernel_.shape == (1, 1)
    assert np.isfinite(alone.kernel_).all()
    assert alone.distance_[0, 0] == 0


# Input.


@pytest.mark.parametrize("name", ["for", "scct", "rsp", "logcomm"])
@pytest.mark.parametrize(
    "convert",
    [sp.csr_matrix, sp.coo_array, np.ndarray.tolist, np.asfortranarray, nx.from_numpy_array],
)
def test_kinds_of_graphs(name, convert):
    A = weights()
    expected = GraphProximity(name).fit(A).kernel_
    given_graph = convert(A)
    found = GraphProximity(name).fit(given_graph)
    np.testing.assert_array_equal(found.kernel_, expected)
    assert list(found.nodes_) == list(range(8))
    np.testing.assert_array_equal(found.transform(given_graph), expected)


def test_whole_and_truth_valued_weights_and_a_locked_array():
    A = weights(weighted=False)
    expected = GraphProximity("heat").fit(A).kernel_
    for dtype in (bool, np.int8, np.uint64, np.float32):
        np.testing.assert_array_equal(GraphProximity("heat").fit(A.astype(dtype)).kernel_, expected)
    A.setflags(write=False)
    np.testing.assert_array_equal(GraphProximity("heat").fit(A).kernel_, expected)


def test_nodes_of_networkx_keep_their_names_and_order():
    graph = nx.Graph([("b", "a"), ("a", "c")])
    found = GraphProximity("sp").fit(graph)
    assert found.nodes_ == ["b", "a", "c"]
    assert found.distance_[0].tolist() == [0, 1, 2]
    assert found.n_features_in_ == 3


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([(0, 1)]), r"directed.*pass \(W \+ W.T\) / 2"),
        (nx.Graph(), "no nodes"),
        ([[0, 1], [2, 0]], "X is not symmetric"),
        ([[0, -1], [-1, 0]], "X holds the negative weight"),
        ([[0, np.nan], [np.nan, 0]], "NaN"),
        (np.ones((2, 3)), "square table"),
        ([[0, 1e308, 1e308], [1e308, 0, 1e308], [1e308, 1e308, 0]], "divide it by its maximum"),
        (sp.csr_matrix((MAX_NODES + 1, MAX_NODES + 1)), r"3 GB.*SparseGraphClustering"),
    ],
)
def test_bad_graphs_are_refused(graph, message):
    with pytest.raises(ValueError, match=message):
        GraphProximity("for").fit(graph)


def test_bad_settings_are_refused():
    A = weights()
    with pytest.raises(ValueError, match="measure='nope' is unknown"):
        GraphProximity("nope").fit(A)
    with pytest.raises(ValueError, match=r"param=1 lies outside \(0, 1\)"):
        GraphProximity(param=1.0).fit(A)
    with pytest.raises(ValueError, match=r"lies outside \(0, .*1/ρ.*'katz'"):
        proximity("katz", 1.0).fit(A)
    with pytest.raises(ValueError, match="dtype='int' is no type of kernels"):
        GraphProximity(dtype="int").fit(A)


def test_loops_are_left_out_with_a_warning():
    A = weights()
    with pytest.warns(SelfLoopWarning, match="X has loops at 8 nodes"):
        found = GraphProximity("heat").fit(A + np.eye(8))
    np.testing.assert_array_equal(found.kernel_, GraphProximity("heat").fit(A).kernel_)


def test_a_failed_fit_leaves_the_last_one():
    found = GraphProximity("ppr").fit(weights())
    before = found.kernel_
    with pytest.raises(ValueError, match="isolated"):
        found.fit(np.zeros((3, 3)))
    assert found.kernel_ is before
    assert found.n_features_in_ == 8


def test_the_transformer_knows_its_own_graph_alone():
    A = weights()
    found = GraphProximity().fit(A)
    with pytest.raises(ValueError, match="another graph than the one fitted"):
        found.transform(2 * A)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.transform(A), found.kernel_)


def test_kernels_are_handed_out_as_copies():
    A = weights()
    model = GraphProximity("forest")
    for kernel in (model.fit_transform(A), model.transform(A)):
        np.testing.assert_array_equal(kernel, model.kernel_)
        kernel[:] = 0
    assert model.kernel_.max() > 0


def test_none_is_not_a_number():
    table = [[0, None, 1], [None, 0, 1], [1, 1, 0]]
    for graph in (table, np.array(table, dtype=object)):
        with pytest.raises(ValueError, match="graph holds NaN or infinity"):
            as_adjacency(graph)
        with pytest.raises(ValueError, match="NaN"):
            GraphProximity().fit(graph)
    with pytest.raises(ValueError, match="not numbers"):
        as_adjacency(np.array([[0, "a"], ["a", 0]], dtype=object))
    assert as_adjacency(np.array([[0, 1], [1, 0]], dtype=object)).nnz == 2


def test_weights_whose_inverse_overflows_are_refused():
    A = 1 - np.eye(10)
    for measure in ("scct", "katz", "sp", "logheat"):
        with pytest.raises(ValueError, match="no weight above 1e-310.*multiply it by a constant"):
            GraphProximity(measure).fit(A * 1e-310)
    np.testing.assert_allclose(
        GraphProximity().fit(A * 1e-304).kernel_, GraphProximity().fit(A).kernel_, rtol=1e-12
    )


def test_inverses_are_symmetric_to_the_last_bit(rng):
    factor = rng.normal(size=(300, 300)) * np.exp(rng.normal(size=300))[:, None]
    matrix = factor @ factor.T + np.eye(300)
    expected = np.linalg.inv(matrix)
    found = inverse((matrix + matrix.T) / 2)
    assert (found == found.T).all()
    np.testing.assert_allclose(found, expected, atol=1e-8 * abs(expected).max())

"""Attributed graphs: attributes that are noise never harm, and good ones help an unclear graph."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score, mutual_info_score

from kernlab.cluster import AttributedGraphClustering, _attributed, _smooth_vectors
from kernlab.cluster._attributes import attribute_evidence, indicators, permutation_p_value
from kernlab.cluster._node_attributes import in_order_of_nodes
from kernlab.cluster._smooth_vectors import smooth_vectors
from kernlab.exceptions import DisconnectedGraphWarning, IsolatedNodesWarning
from kernlab.graph import planted_partition

TRUTH = np.repeat(np.arange(5), 80)


def _graph(p_in, p_out, seed):
    rng = np.random.default_rng(seed)
    p = np.where(TRUTH[:, None] == TRUTH, p_in, p_out)
    upper = np.triu(rng.random(p.shape) < p, 1)
    return sp.csr_array((upper + upper.T).astype(float))


def _attribute(fidelity, seed):
    """The truth at a share of the nodes, and any value at the others."""
    rng = np.random.default_rng(1000 + seed)
    return np.where(rng.random(400) < fidelity, TRUTH, rng.integers(0, 5, 400))


def _found(graph, attribute=None, **settings):
    model = AttributedGraphClustering(5, random_state=0, **settings)
    labels = model.fit(graph, attributes=attribute).labels_
    return adjusted_rand_score(TRUTH, labels), model


CLEAR, UNCLEAR = _graph(0.2, 0.05, 0), _graph(0.15, 0.07, 0)


@pytest.mark.parametrize("fidelity", [0.0, 0.5, 0.9])
def test_a_noisy_attribute_does_not_harm_a_clear_structure(fidelity):
    alone, _ = _found(CLEAR)
    attribute = _attribute(fidelity, 0)
    fused, model = _found(CLEAR, attribute)
    assert alone > 0.95
    # One node of 400 moved is .005; a unit of trust too much (weight 16) is far below.
    assert fused >= alone - 0.01
    assert model.attributes_used_[0] == (fidelity > 0)
    if fidelity == 0.5:
        assert _found(CLEAR, attribute, attribute_weight=16.0)[0] < 0.5


def test_a_good_attribute_helps_an_unclear_structure():
    alone, _ = _found(UNCLEAR)
    attribute = _attribute(0.7, 0)
    fused, model = _found(UNCLEAR, attribute)
    # Better than either by more than .1, where the mean over ten graphs is .70 after .21 and .48.
    assert alone < 0.4
    assert fused > max(alone, adjusted_rand_score(TRUTH, attribute)) + 0.1
    assert model.attribute_weight_ == 2.0
    assert model.scores_.argmax() == 3


def test_of_two_attributes_the_irrelevant_one_is_left_out():
    table = np.column_stack([_attribute(0.7, 0), _attribute(0.0, 1)])
    fused, model = _found(UNCLEAR, table)
    assert model.attributes_used_.tolist() == [True, False]
    assert fused > 0.55


def test_an_irrelevant_attribute_changes_nothing_at_all():
    _, model = _found(UNCLEAR, _attribute(0.0, 0))
    assert model.attribute_weight_ == 0.0
    assert model.p_values_[0] > 0.01
    assert len(model.scores_) == 1


def test_p_values_are_uniform_under_independence():
    # 40 irrelevant attributes: the share below .2 is .2 with a standard error of .063.
    small = CLEAR[::4, ::4]
    rng = np.random.default_rng(0)
    p = [
        permutation_p_value(
            small, indicators(rng.integers(0, 4, 100), 100)[0], 39, np.random.RandomState(seed)
        )
        for seed in range(40)
    ]
    assert abs(np.mean(np.array(p) <= 0.2) - 0.2) < 4 * 0.063


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_p_values_are_those_of_the_permutations_one_by_one(n_jobs):
    # One value at most for a node, and several with amounts: two ways to count them. 70 is more
    # than are drawn at a time, and no multiple of those counted in one sweep.
    rng = np.random.default_rng(0)
    graph = sp.csr_array(CLEAR[::5, ::5] * rng.random((80, 80)))
    graph += graph.T
    one = indicators(np.where(rng.random(80) < 0.2, np.nan, rng.integers(0, 4, 80)), 80)[0]
    many = sp.csr_array(rng.random((80, 6)) * (rng.random((80, 6)) < 0.4))
    degrees = graph.toarray().sum(axis=1)
    modularity = graph.toarray() - np.outer(degrees, degrees) / degrees.sum()
    for holds in (one, many):
        draws, table = np.random.RandomState(1), holds.toarray()
        orders = [np.arange(80), *(draws.permutation(80) for _ in range(70))]
        own, *others = [np.sum(modularity * (table[o] @ table[o].T)) for o in orders]
        found = permutation_p_value(graph, holds, 70, np.random.RandomState(1), n_jobs)
        assert found == (1 + np.sum(np.array(others) >= own)) / 71
        assert found < 1


def test_smooth_vectors_are_those_of_the_random_walk():
    holds = indicators(_attribute(0.5, 0), 400)
    found, _ = smooth_vectors(CLEAR, holds, 1.5, 4, random_state=0, n_jobs=1)
    values = 1.5 * holds[0].toarray()
    dense = np.block([[CLEAR.toarray(), values], [values.T, np.zeros((5, 5))]])
    degrees = dense.sum(axis=1)
    vectors = np.linalg.eigh(dense / np.sqrt(np.outer(degrees, degrees)))[1]
    expected = (vectors[:, -4:] / np.sqrt(degrees)[:, None])[:400]
    # Spaces and not vectors, for signs are free: the largest angle between them.
    q, r = np.linalg.qr(found)[0], np.linalg.qr(expected)[0]
    assert np.linalg.svd(q.T @ r, compute_uv=False).min() > 1 - 1e-6


def test_beyond_the_switch_filtered_vectors_are_those_of_the_eigensolver(monkeypatch):
    graph = planted_partition([1670] * 3, (0.009, 0.0015), random_state=0)
    n = graph.adjacency.shape[0]
    assert n == _smooth_vectors._LARGE + 10
    holds = indicators(np.where(np.arange(n) % 2, graph.labels, 0), n)
    ask = {"weight": 1.0, "n_vectors": 3, "random_state": 0, "n_jobs": 1}
    with monkeypatch.context() as patch:
        patch.setattr(_smooth_vectors, "smallest_eigenpairs", None)
        found, _ = smooth_vectors(graph.adjacency, holds, **ask)
        # A start that knows nothing keeps nothing from being found.
        astray = np.random.default_rng(0).standard_normal((n, 3))
        again, _ = smooth_vectors(graph.adjacency, holds, **ask, start=astray)
    monkeypatch.setattr(_smooth_vectors, "_LARGE", n + 3)
    expected, _ = smooth_vectors(graph.adjacency, holds, **ask)
    # The least eigenvalue wanted, 12.5 / 20 + 1 / 12.5 = .7 without the attribute, is half above
    # chance, 2 / √20, and residuals are at most 1e-3: the sine of the largest angle is below 4e-3.
    r = np.linalg.qr(expected)[0]
    for points in (found, again):
        q = np.linalg.qr(points)[0]
        assert np.linalg.svd(q.T @ r, compute_uv=False).min() > 1 - 1e-5


@pytest.mark.parametrize("ways", [4, 8])
def test_grids_are_left_to_the_eigensolver(monkeypatch, ways):
    # With four neighbours chance could make all eigenvalues, with eight there are too many beyond.
    monkeypatch.setattr(_smooth_vectors, "_LARGE", 800)
    line = [sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(m, m)) for m in (31, 30)]
    both = [part + sp.eye_array(part.shape[0]) for part in line]
    graph = sp.kronsum(*line) if ways == 4 else sp.kron(*both) - sp.eye_array(930)
    graph = sp.csr_array(graph)
    graph.eliminate_zeros()
    points, _ = smooth_vectors(graph, [], 0.0, 4, random_state=0, n_jobs=1)
    roots = np.sqrt(graph.sum(axis=1))
    walk = graph.toarray() / np.outer(roots, roots)
    q = np.linalg.qr(points * roots[:, None])[0]
    # Values have the square of the residuals, 1e-5, over gaps of 1e-3.
    np.testing.assert_allclose(
        np.linalg.eigvalsh(q.T @ walk @ q), np.linalg.eigvalsh(walk)[-4:], atol=1e-6
    )


def test_evidence_is_mutual_information_times_the_number_of_nodes():
    attribute = _attribute(0.5, 0)
    found = attribute_evidence(indicators(attribute, 400)[0], TRUTH, 5)
    assert found == pytest.approx(400 * mutual_info_score(TRUTH, attribute), rel=1e-12)


def test_evidence_of_nothing_held_is_zero():
    assert attribute_evidence(sp.csr_array((400, 3)), TRUTH, 5) == 0.0


def test_missing_values_make_no_edge():
    columns = {
        "array": np.array(["a", "b", None, "a", "b", float("nan")], dtype=object),
        "numbers": np.array([1.0, 2.0, np.nan, 1.0, 2.0, np.nan]),
        "frame": pd.DataFrame({"team": pd.array(["a", "b", pd.NA, "a", "b", pd.NA], "string")}),
        "series": pd.Series(["a", "b", None, "a", "b", None]),
        "categories": pd.DataFrame({"team": pd.Categorical(["a", "b", None, "a", "b", None])}),
    }
    expected = [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1], [0, 0]]
    for name, column in columns.items():
        assert indicators(column, 6)[0].toarray().tolist() == expected, name


def test_values_of_one_holder_are_left_out_and_sparse_values_may_be_many():
    assert indicators(np.arange(6), 6)[0].shape == (6, 0)
    words = sp.csr_matrix([[1, 2, 0], [1, 0, 0], [0, 1, 1]])
    # Scaled so that the mean of entries, each counted as often as it is large, is one.
    expected = np.array([[1, 2], [1, 0], [0, 1]]) * (6 / 8)
    np.testing.assert_allclose(indicators(words, 3)[0].toarray(), expected)
    _, model = _found(UNCLEAR, sp.csr_matrix(np.eye(5)[_attribute(0.7, 0)]))
    assert model.attribute_weight_ == 2.0
    _, model = _found(UNCLEAR, np.arange(400))
    assert not model.attributes_used_.any()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_scale_of_weights_does_not_matter(scale):
    attribute = _attribute(0.7, 0)
    _, one = _found(UNCLEAR, attribute, n_permutations=99)
    _, other = _found(UNCLEAR * scale, attribute, n_permutations=99)
    assert adjusted_rand_score(one.labels_, other.labels_) > 0.99
    assert other.attribute_weight_ == one.attribute_weight_


@pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning")
def test_parts_without_edges_between_them_and_isolated_nodes():
    graph = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(8))
    graph.add_node("alone")
    with pytest.warns(IsolatedNodesWarning, match="1 of 17 nodes"):
        model = AttributedGraphClustering(2, random_state=0).fit(graph)
    assert model.nodes_ == [*range(16), "alone"]
    assert adjusted_rand_score(model.labels_[:16], np.repeat([0, 1], 8)) == 1.0
    assert model.labels_[16] == 0  # of two clusters as large
    assert not model.embedding_[16].any()
    # The attribute says where the isolated node belongs.
    sides = np.repeat(["left", "right"], [8, 9])
    labels = AttributedGraphClustering(2, random_state=0).fit_predict(graph, attributes=sides)
    assert labels[16] == labels[15] != labels[0]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (np.linspace(0, 1, 400), "KBinsDiscretizer"),
        (np.linspace(0, 1, 400).astype(object), "KBinsDiscretizer"),
        (np.zeros(399), "399 rows and the graph 400"),
        (np.zeros((400, 2, 2)), r"shape \(400, 2, 2\)"),
        (np.zeros((400, 0)), "no columns"),
        (sp.csr_matrix(-np.ones((400, 1))), "negative"),
        (np.array([[1]] * 400 + [None], dtype=object)[:400], "cannot be a category"),
        (np.full(400, np.inf), "holds inf"),
    ],
)
def test_attributes_that_do_not_fit(attributes, message):
    with pytest.raises(ValueError, match=message):
        _found(CLEAR, attributes)


def test_bad_graphs_leave_nothing_fitted():
    model = AttributedGraphClustering(3)
    with pytest.raises(ValueError, match="no edges"):
        model.fit(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="n_clusters=3 is more than n_samples=2"):
        model.fit(np.ones((2, 2)) - np.eye(2))
    assert not hasattr(model, "labels_")
    assert not hasattr(model, "n_features_in_")


def _named():
    """Two groups, whose nodes come in no order, and what team each is of."""
    names = [f"n{i}" for i in np.random.default_rng(0).permutation(40)]
    graph = nx.relabel_nodes(
        nx.planted_partition_graph(2, 20, 0.5, 0.1, seed=0), dict(enumerate(names))
    )
    return graph, pd.Series(["red"] * 20 + ["blue"] * 20, index=names, name="team")


def test_attributes_find_their_nodes_by_name():
    graph, team = _named()
    model = AttributedGraphClustering(2, n_init=1, n_permutations=99, random_state=0)
    expected = model.fit(graph, attributes=team.to_numpy()).labels_
    assert model.attributes_used_.all()
    nx.set_node_attributes(graph, team.to_dict(), "team")
    nx.set_node_attributes(graph, {"n3": "Ulm"}, "city")
    frame = nx.to_pandas_adjacency(graph)
    mixed = team.sort_index()
    for X, attributes in [
        (graph, mixed),
        (graph, mixed.to_frame()),
        (graph, mixed.to_dict()),
        (graph, "team"),
        (graph, ["team"]),
        (frame, mixed),
        (frame, mixed.to_dict()),
        (frame.reset_index(drop=True), mixed),
        (frame.to_numpy(), dict(enumerate(team))),
        (frame.to_numpy(), team),
    ]:
        found = np.asarray(in_order_of_nodes(attributes, X, range(40))).ravel()
        np.testing.assert_array_equal(found, team)
    np.testing.assert_array_equal(model.fit(graph, attributes=mixed).labels_, expected)
    model.fit(frame, attributes=mixed.to_dict())
    np.testing.assert_array_equal(model.labels_, expected)
    model.fit(graph, attributes=["team", "city"])
    assert model.attributes_used_.tolist() == [True, False]
    missing = in_order_of_nodes({"n3": 1}, graph, None)
    assert missing[list(graph).index("n3"), 0] == 1
    assert sum(value is None for value in missing[:, 0]) == 39


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda team: team.iloc[2:], "no row for 2 nodes"),
        (lambda team: team.rename({"n3": "n99"}), "1 rows of no node .'n99'"),
        (lambda team: team.reset_index(drop=True), "no row for 40 nodes.*to_numpy"),
        (lambda team: pd.concat([team, team]), "twice"),
        (lambda team: {"n99": "red"}, "1 keys that are no nodes .'n99'"),
        (lambda team: {"team": list(team)}, "for several give a DataFrame"),
        (lambda team: "tea", "No node of X has an attribute 'tea'.*'team'"),
        (lambda team: ["team", "city"], "No node of X has an attribute 'city'"),
    ],
)
def test_attributes_of_other_nodes(change, message):
    graph, team = _named()
    nx.set_node_attributes(graph, team.to_dict(), "team")
    with pytest.raises(ValueError, match=message):
        AttributedGraphClustering(2).fit(graph, attributes=change(team))


def test_names_of_attributes_want_a_networkx_graph():
    with pytest.raises(ValueError, match="'team' names an attribute of the nodes of a networkx"):
        AttributedGraphClustering(2).fit(np.ones((3, 3)) - np.eye(3), attributes="team")


def test_too_few_permutations_to_use_anything():
    model = AttributedGraphClustering(5, n_permutations=98)
    with pytest.raises(ValueError, match="n_permutations=98 .* significance=0.01.*permutations=99"):
        model.fit(CLEAR, attributes=TRUTH)
    model.set_params(attribute_weight=1.0, n_init=1).fit(CLEAR, attributes=TRUTH)


@pytest.mark.parametrize("missing", [np.nan, float("nan"), None, pd.NA, np.datetime64("NaT")])
def test_what_is_missing_from_a_list_is_no_category(missing):
    values = ["a", missing, "a", "b", missing, "b"]
    expected = np.array([[1, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 1]]).T
    (one,) = indicators(values, 6)
    np.testing.assert_array_equal(one.toarray(), expected)
    for table in ([[v, "c"] for v in values], [(v, 1) for v in values]):
        np.testing.assert_array_equal(indicators(table, 6)[0].toarray(), expected)


def test_ties_of_evidence_go_to_the_smallest_weight(monkeypatch):
    # Cliques that the attribute names: the same clusters at every weight, scores but for rounding.
    graph = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(8))
    graph.add_edge(0, 8)
    scores = iter([-500.0, -500.0, -500.0 * (1 - 1e-12), -500.0])
    model = AttributedGraphClustering(2, random_state=0)
    monkeypatch.setattr(model, "_evidence", lambda *_: next(scores))
    model.fit(graph, attributes=["a"] * 8 + ["b"] * 8)
    assert len(set(model.scores_)) > 1
    assert model.attribute_weight_ == 0.0


def test_the_scale_of_a_sparse_attribute_does_not_matter():
    holds = np.eye(5)[_attribute(0.7, 0)]
    expected = _found(UNCLEAR, sp.csr_array(holds))[1]
    assert expected.attribute_weight_ == 2.0
    for scale in (1e-200, 1e-4, 100.0):
        model = _found(UNCLEAR, sp.csr_array(scale * holds))[1]
        np.testing.assert_array_equal(model.labels_, expected.labels_)
        np.testing.assert_array_equal(model.p_values_, expected.p_values_)


@pytest.mark.parametrize(
    "attribute",
    [
        np.array(["2020-01-01", "NaT", "NaT", "2020-01-01"], "M8[ns]"),
        np.ma.array([1, 7, 7, 1], mask=[False, True, True, False]),
        np.ma.array([1.0, 0.5, 0.5, 1.0], mask=[False, True, True, False]),
    ],
)
def test_dates_that_are_none_and_masked_entries_are_missing(attribute):
    (holds,) = indicators(attribute, 4)
    assert holds.toarray().tolist() == [[1], [0], [0], [1]]


def test_attributes_in_the_place_of_y_are_told_of():
    model = AttributedGraphClustering(5, random_state=0)
    with pytest.warns(UserWarning, match="pass attributes="):
        model.fit(CLEAR, _attribute(0.5, 0).astype(str))


def test_parts_that_values_join_are_one():
    graph = nx.disjoint_union(nx.complete_graph(6), nx.complete_graph(6))
    model = AttributedGraphClustering(2, attribute_weight=1.0, random_state=0)
    with pytest.warns(DisconnectedGraphWarning, match="6 with 0, 6 with 6"):
        model.fit(graph)
    model.fit(graph, attributes=["a", "b"] * 6)


def test_verbose_asks_for_a_bar_over_weights(monkeypatch):
    asked = []

    def watched(steps, *, total, verbose, label):
        asked.append((total, verbose, label))
        return steps

    monkeypatch.setattr(_attributed, "progress", watched)
    AttributedGraphClustering(5, verbose=1, random_state=0).fit(CLEAR)
    assert asked == [(1, 1, "weights")]

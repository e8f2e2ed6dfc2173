"""Clusters of graphs against classes planted, published figures and Ward's costs written out."""

import itertools
import weakref

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import GraphClustering, GraphMeasureSearch, KernelKMeans, _kernel_runs
from kernlab.cluster._graph_clustering import _ward
from kernlab.cluster._graph_input import by_first_node
from kernlab.exceptions import DisconnectedGraphWarning, SelfLoopWarning
from kernlab.graph import GraphProximity
from kernlab.graph._spectra import Spectra

METHODS = ["kkmeans", "spectral", "ward"]
KARATE = nx.karate_club_graph()
OFFICERS = np.array([KARATE.nodes[node]["club"] == "Officer" for node in KARATE])
FAST = {"param": 0.5, "n_init": 3, "random_state": 0}


def blocks(sizes=(12, 15, 9), p_in=0.7, p_out=0.05, seed=0):
    """A connected planted partition and its blocks."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    p = np.where(truth[:, None] == truth, p_in, p_out)
    upper = np.triu(rng.random(p.shape) < p, 1)
    upper[np.arange(len(p) - 1), np.arange(1, len(p))] = True
    return (upper | upper.T).astype(float), truth


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", ["scct", "logcomm", "rsp"])
def test_planted_blocks_are_found(measure, method):
    # Six standard deviations lie between degrees within blocks and across.
    A, truth = blocks()
    model = GraphClustering(3, measure=measure, method=method, random_state=0).fit(A)
    assert adjusted_rand_score(truth, model.labels_) == 1.0
    assert model.labels_.dtype == np.int32
    assert len(model.params_) == len(model.scores_) == 16
    assert model.candidate_labels_.shape == (16, len(A))


@pytest.mark.parametrize("measure", ["logcomm", "scct", "logfor"])
def test_karate_is_the_published_partition(measure):
    # All but one of networkx's classes, the node that other editions of the data class otherwise:
    # with those the figure of the published study, an adjusted Rand index of 1, is reached.
    model = GraphClustering(2, measure=measure, random_state=0)
    labels = model.fit_predict(nx.Graph(KARATE.edges))
    nodes = np.array(model.nodes_)
    wrong = nodes[(labels != labels[nodes == 0]) != OFFICERS[nodes]]
    assert wrong.tolist() == [8]


def test_the_parameter_is_of_best_modularity():
    model = GraphClustering(2, measure="katz", random_state=0).fit(KARATE)
    rho = np.linalg.eigvalsh(nx.to_numpy_array(KARATE))[-1]
    np.testing.assert_allclose(model.params_, (np.arange(16) + 0.5) / 16 / rho, rtol=1e-12)
    best = np.argmax(model.scores_)
    assert model.param_ == model.params_[best]
    assert model.modularity_ == model.scores_[best]
    np.testing.assert_array_equal(model.labels_, model.candidate_labels_[best])
    for labels, score in zip(model.candidate_labels_, model.scores_, strict=True):
        parts = [set(np.flatnonzero(labels == c)) for c in range(2)]
        assert abs(score - nx.community.modularity(KARATE, parts)) < 1e-13


def test_several_parameters_choose_starts_by_modularity_too():
    A, _ = blocks(p_in=0.4, p_out=0.15)
    one = GraphClustering(3, measure="for", param=0.9, random_state=0).fit(A)
    two = GraphClustering(3, measure="for", param=[0.9, 0.9], random_state=0).fit(A)
    kernel = GraphProximity("for", param=0.9).fit(A).kernel_

    def inertia(labels):
        members = labels == np.arange(3)[:, None]  # (3, n)
        return np.trace(kernel) - sum(kernel[np.ix_(c, c)].sum() / c.sum() for c in members)

    assert inertia(one.labels_) <= inertia(two.labels_) + 1e-12
    assert one.modularity_ <= two.modularity_
    np.testing.assert_array_equal(*two.candidate_labels_)


def test_natural_parameters_and_names():
    A, _ = blocks()
    unit = GraphClustering(3, measure="comm", log=True, **FAST).fit(A)
    assert unit.param_ == 0.5
    natural = GraphClustering(3, measure="logComm", param_scale="natural", **FAST).fit(A)
    np.testing.assert_array_equal(unit.labels_, natural.labels_)
    without = GraphClustering(3, measure="ct", random_state=0).fit(A)
    assert without.param_ is None
    assert np.isnan(without.params_).tolist() == [True]


def test_it_is_kernel_k_means_of_the_kernel():
    A, _ = blocks()
    model = GraphClustering(3, **FAST).fit(A)
    kernel = GraphProximity("scct").fit_transform(A)
    other = KernelKMeans(3, random_state=0).fit(kernel)
    assert adjusted_rand_score(model.labels_, other.labels_) == 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("convert", [nx.from_numpy_array, sp.csr_matrix, sp.coo_array, list])
def test_graphs_come_in_any_form(convert, method):
    A, _ = blocks(seed=1)
    expected = GraphClustering(3, method=method, **FAST).fit(A)
    model = GraphClustering(3, method=method, **FAST).fit(convert(A))
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    assert model.n_features_in_ == len(A)


def test_nodes_of_networkx_keep_their_order():
    graph = nx.relabel_nodes(KARATE, {node: f"node {node}" for node in KARATE})
    model = GraphClustering(2, **FAST).fit(graph)
    assert model.nodes_ == list(graph)
    np.testing.assert_array_equal(model.labels_, GraphClustering(2, **FAST).fit(KARATE).labels_)


@pytest.mark.parametrize("method", METHODS)
def test_labels_are_the_same_in_every_run_on_any_threads(method, monkeypatch):
    monkeypatch.setattr(_kernel_runs, "_FEW", 0)  # threads for kernels as small as this, too
    A, _ = blocks(p_in=0.35, p_out=0.2)
    model = GraphClustering(4, method=method, n_init=4, random_state=3)
    first = model.fit(A)
    again = clone(model).set_params(n_jobs=2).fit(A)
    np.testing.assert_array_equal(first.candidate_labels_, again.candidate_labels_)
    # Each cluster's first node comes after those of the clusters before.
    firsts = [np.flatnonzero(first.labels_ == c)[0] for c in range(4)]
    assert firsts == sorted(firsts)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_order_of_the_nodes_is_no_matter(seed):
    A, truth = blocks()
    order = np.random.default_rng(seed).permutation(len(A))
    model = GraphClustering(3, **FAST).fit(A[np.ix_(order, order)])
    np.testing.assert_array_equal(model.labels_, by_first_node(truth[order]))


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scale_of_the_weights_is_no_matter(scale):
    A, truth = blocks()
    model = GraphClustering(3, measure="scct", random_state=0).fit(A * scale)
    assert adjusted_rand_score(truth, model.labels_) == 1.0
    np.testing.assert_allclose(
        model.scores_, GraphClustering(3, random_state=0).fit(A).scores_, rtol=1e-12
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_clusters", [1, 36])
def test_one_cluster_and_one_for_each_node(n_clusters, method):
    A, _ = blocks()
    model = GraphClustering(n_clusters, measure="heat", method=method, **FAST).fit(A)
    np.testing.assert_array_equal(model.labels_, np.arange(36) if n_clusters == 36 else 0)


def test_kernels_of_the_sweep_are_not_kept(monkeypatch):
    made, most = [], []

    def kernel(*args):
        most.append(sum(one() is not None for one in made))
        result = original(*args)
        made.append(weakref.ref(result))
        return result

    original = Spectra.kernel
    monkeypatch.setattr(Spectra, "kernel", kernel)
    for method in METHODS:
        GraphClustering(2, measure="for", method=method, n_init=2).fit(KARATE)
    assert len(made) == 48
    assert max(most) <= 1


def test_the_bar_runs_over_the_parameters(monkeypatch):
    shown = []

    def bar(iterable, **settings):
        shown.append(settings)
        return iterable

    monkeypatch.setattr("tqdm.auto.tqdm", bar)
    for verbose in (0, 1):
        GraphClustering(2, measure="for", n_init=2, verbose=verbose).fit(KARATE)
    assert [settings["total"] for settings in shown] == [16]


# Ward


def _ward_by_costs(kernel, n_clusters):
    """Greedy mergers of least cost, each computed from the kernel anew."""
    clusters = [[i] for i in range(len(kernel))]

    def cost(a, b):
        a, b = clusters[a], clusters[b]
        mean = {
            (x, y): kernel[np.ix_(p, q)].mean()
            for (x, p), (y, q) in itertools.product([("a", a), ("b", b)], repeat=2)
        }
        squared = mean["a", "a"] + mean["b", "b"] - mean["a", "b"] - mean["b", "a"]
        return len(a) * len(b) / (len(a) + len(b)) * squared

    while len(clusters) > n_clusters:
        a, b = min(itertools.combinations(range(len(clusters)), 2), key=lambda pair: cost(*pair))
        clusters[a] += clusters.pop(b)
    labels = np.empty(len(kernel), int)
    for c, members in enumerate(clusters):
        labels[members] = c
    return by_first_node(labels)


@pytest.mark.parametrize("definite", [True, False])
def test_ward_merges_at_least_cost(definite):
    root = np.random.default_rng(1).standard_normal((14, 14))
    kernel = root @ root.T if definite else root + root.T
    for k in (2, 4, 9):
        found = by_first_node(_ward(kernel, k))
        np.testing.assert_array_equal(found, _ward_by_costs(kernel, k))


def test_ward_of_points_is_that_of_scikit_learn():
    X = np.random.default_rng(2).standard_normal((40, 3))
    expected = AgglomerativeClustering(5, linkage="ward").fit_predict(X)
    for scale in (1.0, 1e150):
        np.testing.assert_array_equal(
            by_first_node(_ward(scale * X @ X.T, 5)), by_first_node(expected)
        )


# Graphs that are no whole


def test_components_are_named():
    A, truth = blocks()
    both = np.zeros((40, 40))
    both[:36, :36] = A
    both[36:, 36:] = 1 - np.eye(4)
    expected = np.append(truth, [3] * 4)
    for measure, words in [("logcomm", "floor='auto'"), ("for", "nothing in common")]:
        with pytest.warns(DisconnectedGraphWarning, match=rf"36 with 0, 4 with 36\).*{words}"):
            model = GraphClustering(4, measure=measure, random_state=0).fit(both)
        assert adjusted_rand_score(expected, model.labels_) == 1.0
    with pytest.raises(ValueError, match="2 components.*pass floor='auto'"):
        GraphClustering(4, measure="logcomm", floor=None).fit(both)


def test_modularity_may_prefer_halves_of_a_component_to_components():
    # As the guide says; the distances of one parameter see the components first.
    beside = nx.disjoint_union(KARATE, nx.path_graph(3))
    for param, together in ((0.5, False), ("auto", True)):
        model = GraphClustering(2, param=param, random_state=0)
        with pytest.warns(DisconnectedGraphWarning, match="parts of several"):
            labels = model.fit(beside).labels_
        assert len(set(labels[34:])) == 1
        assert (len(set(labels[:34])) == 2) == together
        assert (labels[0] == labels[34]) == together
    search = GraphMeasureSearch(2, measures=["scct", "for"], params=3, random_state=0)
    with pytest.warns(DisconnectedGraphWarning):
        search.fit(beside)
    assert np.bincount(search.labels_).tolist() != [34, 3]


def test_isolated_nodes_are_named_or_clustered():
    A, _ = blocks()
    A = np.pad(A, (0, 1))
    with pytest.raises(ValueError, match=r"isolated nodes \(rows 36\); drop them, or take one of"):
        GraphClustering(3, **FAST).fit(A)
    with pytest.warns(DisconnectedGraphWarning, match="36 with 0, 1 with 36"):
        labels = GraphClustering(3, measure="logfor", **FAST).fit(A).labels_
    assert labels.shape == (37,)


def test_parameters_that_fail_are_left_out_of_auto(monkeypatch):
    A, truth = blocks()
    whole = GraphClustering(3, measure="for", random_state=0).fit(A)
    kernel = Spectra.kernel

    def failing(self, measure, t=None):
        if t in bad:
            raise ValueError("it overflows")
        return kernel(self, measure, t)

    monkeypatch.setattr(Spectra, "kernel", failing)
    bad = whole.params_[[0, 5]].tolist()
    names = ", ".join(f"{t:.4g}" for t in bad)
    with pytest.warns(UserWarning, match=rf"2 of 16 parameters \({names}\).*overflows"):
        model = GraphClustering(3, measure="for", random_state=0).fit(A)
    assert np.flatnonzero(np.isnan(model.scores_)).tolist() == [0, 5]
    assert (model.candidate_labels_[[0, 5]] == -1).all()
    rest = np.delete(np.arange(16), [0, 5])
    np.testing.assert_array_equal(model.scores_[rest], whole.scores_[rest])
    assert adjusted_rand_score(truth, model.labels_) == 1.0
    with pytest.raises(ValueError, match="overflows"):
        GraphClustering(3, measure="for", param=bad, param_scale="natural").fit(A)
    bad = whole.params_.tolist()
    with pytest.raises(ValueError, match="overflows"):
        GraphClustering(3, measure="for").fit(A)


def test_fewer_kinds_of_nodes_than_clusters():
    # The corrected commute time is a function of the eigenvalues of S below one, of which a star
    # has but one that is not zero: its leaves are all alike.
    star = nx.star_graph(5)
    with pytest.warns(ConvergenceWarning, match="2 kinds.*fewer than n_clusters=4; lower n_clust"):
        model = GraphClustering(4, measure="cct", random_state=0).fit(star)
    assert model.labels_.tolist() == [0, 1, 1, 1, 1, 1]


# Bad input


def _changed(i, j, value, mirror=True):
    A, _ = blocks()
    A[i, j] = value
    if mirror:
        A[j, i] = value
    return A


@pytest.mark.parametrize(
    ("graph", "settings", "message"),
    [
        (_changed(0, 1, 0.5, mirror=False), {}, "not symmetric"),
        (_changed(0, 1, -1.0), {}, "[Nn]egative"),
        (_changed(0, 1, np.nan), {}, "NaN"),
        (_changed(0, 1, np.inf), {}, "inf"),
        (np.ones((3, 4)), {}, "shape"),
        (np.zeros((4, 4)), {}, r"no edges between its nodes \(n_samples=4\)"),
        (nx.DiGraph([(0, 1), (1, 2)]), {}, r"directed graph.*pass \(W"),
        (nx.Graph(), {}, "no nodes"),
        (KARATE, {"n_clusters": 35}, "n_clusters=35 is more than n_samples=34"),
        (KARATE, {"n_clusters": 0}, "'n_clusters' parameter.*must be an int in the range"),
        (KARATE, {"measure": "cosine"}, "measure='cosine' is unknown"),
        (KARATE, {"method": "leiden"}, "'method' parameter"),
        (KARATE, {"param": 0.0}, r"param=0 lies outside \(0, 1\)"),
        (KARATE, {"param": np.nan}, r"param=nan lies outside \(0, 1\)"),
        (KARATE, {"param": [0.5, 1.0]}, r"param=1 lies outside \(0, 1\)"),
        (KARATE, {"param": []}, r"param has shape \(0,\)"),
        (KARATE, {"param": "best"}, "'param' parameter"),
        (
            KARATE,
            {"measure": "katz", "param": 1.0, "param_scale": "natural"},
            r"param=1.0 lies outside \(0, 0\.\d+\) \(1/ρ",
        ),
        (
            KARATE,
            {"measure": "ppr", "param": 1.0, "param_scale": "natural"},
            r"outside \(0, 1\), the open interval of α",
        ),
        (sp.eye_array(20_001, k=1) + sp.eye_array(20_001, k=-1), {}, "SparseGraphClustering"),
    ],
)
def test_bad_input_is_refused(graph, settings, message):
    model = GraphClustering(**({"n_clusters": 2, "random_state": 0} | settings))
    with pytest.raises(ValueError, match=message):
        model.fit(graph)
    assert not hasattr(model, "labels_")


def test_self_loops_are_left_out():
    A, _ = blocks()
    with pytest.warns(SelfLoopWarning):
        model = GraphClustering(3, **FAST).fit(A + np.eye(len(A)))
    np.testing.assert_array_equal(model.labels_, GraphClustering(3, **FAST).fit(A).labels_)


def test_a_fit_that_fails_leaves_the_last_one():
    A, _ = blocks()
    model = GraphClustering(3, **FAST).fit(A)
    before = model.labels_.copy()
    with pytest.raises(ValueError, match="not symmetric"):
        model.fit(_changed(0, 1, 0.5, mirror=False))
    np.testing.assert_array_equal(model.labels_, before)

"""The search over measures: planted graphs, graphs that measures fail on, bad input."""

import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import (
    AttributedGraphClustering,
    GraphClustering,
    GraphMeasureSearch,
    SparseGraphClustering,
)
from kernlab.cluster._candidates import DEFAULT_MEASURES, cluster_kernel, make_candidates
from kernlab.cluster._graph_input import by_first_node
from kernlab.exceptions import DisconnectedGraphWarning
from kernlab.graph import GraphProximity
from kernlab.graph._measures import parse_measure
from kernlab.graph._spectra import Spectra

FEW = ("nheat", "scct", "heat2")


def _planted(p_in, p_out, sizes=(30, 30, 30), seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    p = np.where(truth[:, None] == truth, p_in, p_out)
    upper = np.triu(rng.random(p.shape) < p, 1)
    return sp.csr_matrix((upper | upper.T).astype(float)), truth


def _fitted(X, n_clusters=3, **settings):
    settings = {"measures": FEW, "params": 3, "n_init": 4, "random_state": 0, **settings}
    return GraphMeasureSearch(n_clusters, **settings).fit(X)


def test_planted_clusters_are_found():
    # Expected links within and across, 11.6 and 3, are far beyond the threshold of detection:
    # (11.6 - 1.5)² > 3 (11.6 + 2 · 1.5).
    adjacency, truth = _planted(0.4, 0.05)
    search = _fitted(adjacency)
    assert adjusted_rand_score(truth, search.labels_) == 1.0
    assert search.assortative_
    assert np.array_equal(search.labels_, search.candidate_labels_[search.best_index_])
    results = search.search_results_
    assert {len(column) for column in results.values()} == {3 * 3 * 2}
    assert search.best_score_ == np.nanmax(results["score"])
    best = (search.best_measure_, search.best_param_, search.best_method_)
    assert best == tuple(results[key][search.best_index_] for key in ("measure", "param", "method"))
    assert set(results["param"]) == {1 / 6, 1 / 2, 5 / 6}
    assert search.candidate_labels_.dtype == np.int16


@pytest.mark.parametrize(("measure", "unit"), [("nheat", 0.5), ("logkatz", 0.25), ("ct", np.nan)])
def test_the_kernel_selected_can_be_had_again(measure, unit):
    adjacency, _ = _planted(0.4, 0.05)
    search = _fitted(adjacency, measures=measure, params=[0.25, 0.5], methods="kkmeans")
    assert len(search.search_results_["score"]) == (1 if np.isnan(unit) else 2)
    natural = search.best_natural_param_
    assert np.isnan(natural) == np.isnan(unit)
    expected = GraphProximity(measure, param=np.nan_to_num(search.best_param_, nan=0.5))
    found = search.best_proximity_.fit(adjacency)
    np.testing.assert_array_equal(found.kernel_, expected.fit(adjacency).kernel_)
    if not np.isnan(unit):
        assert natural == expected.param_
        model = GraphClustering(3, measure=measure, param=search.best_param_).fit(adjacency)
        assert (model.param_, model.unit_param_) == (natural, search.best_param_)


def test_clusters_are_numbered_by_their_first_nodes():
    adjacency, truth = _planted(0.4, 0.05)
    order = np.random.default_rng(0).permutation(90)
    mixed = adjacency[order][:, order]
    expected = by_first_node(truth[order])
    search = _fitted(mixed)
    np.testing.assert_array_equal(search.labels_, expected)
    for model in SparseGraphClustering, AttributedGraphClustering:
        np.testing.assert_array_equal(model(3, random_state=0).fit_predict(mixed), expected)
    for labels in search.candidate_labels_:
        np.testing.assert_array_equal(labels, by_first_node(labels))


def test_groups_that_link_across_are_found_by_the_sign_and_even_kernels():
    adjacency, truth = _planted(0.02, 0.4)
    search = _fitted(adjacency, measures=["nheat", "heat2"])
    assert adjusted_rand_score(truth, search.labels_) == 1.0
    assert not search.assortative_
    assert search.best_measure_ == "heat2"
    by_modularity = _fitted(adjacency, measures=["nheat", "heat2"], scoring="modularity")
    assert adjusted_rand_score(truth, by_modularity.labels_) < 0.1
    assert by_modularity.search_results_["modularity"][by_modularity.best_index_] > 0


def test_the_default_tries_twenty_measures_by_two_methods():
    graph = nx.karate_club_graph()
    club = np.array([graph.nodes[node]["club"] == "Officer" for node in graph])
    search = GraphMeasureSearch(2, params=2, n_init=3, random_state=0)
    search.fit(nx.to_numpy_array(graph, weight=None))
    assert len(DEFAULT_MEASURES) == 20
    assert len(search.search_results_["measure"]) == 80
    # Structure puts one member on the other side than his club, as Zachary's own cut did.
    agreement = np.mean(search.labels_ == club)
    assert max(agreement, 1 - agreement) == 33 / 34


def test_candidates_do_not_depend_on_threads_or_on_each_other():
    adjacency, _ = _planted(0.3, 0.1)
    one = _fitted(adjacency, n_jobs=1)
    three = _fitted(adjacency, n_jobs=3)
    assert np.array_equal(one.candidate_labels_, three.candidate_labels_)
    for name, column in one.search_results_.items():
        assert np.array_equal(column, three.search_results_[name], equal_nan=column.dtype == float)
    alone = _fitted(adjacency, measures=["scct"], params=[0.5], n_jobs=1)
    rows = (one.search_results_["measure"] == "scct") & (one.search_results_["param"] == 0.5)
    assert np.array_equal(one.candidate_labels_[rows], alone.candidate_labels_)


def test_methods_alone_give_the_candidates_of_both():
    adjacency, _ = _planted(0.3, 0.1)
    kernel = Spectra(adjacency).kernel("nheat", 1.0)
    both = cluster_kernel(kernel, 3, ["kkmeans", "spectral"], 4, np.random.default_rng(0))
    for method, expected in zip(("kkmeans", "spectral"), both, strict=True):
        alone = cluster_kernel(kernel, 3, [method], 4, np.random.default_rng(0))
        assert np.array_equal(alone[0], expected)


def test_isolated_nodes_and_components_lose_measures_and_not_the_search():
    adjacency, truth = _planted(0.5, 0.0, sizes=(20, 20))
    adjacency = sp.block_diag([adjacency, sp.csr_matrix((1, 1))]).tocsr()
    with (
        pytest.warns(DisconnectedGraphWarning, match="20 with 0, 20 with 20, 1 with 40"),
        pytest.warns(FitFailedWarning, match="1 of 4 measures could.*: nheat .*isolated"),
    ):
        search = _fitted(adjacency, 2, measures=["logfor", "nheat", "for", "ct"])
    results = search.search_results_
    refused = results["measure"] == "nheat"
    assert not results["kept"][refused].any()
    assert all("isolated" in reason for reason in results["reason"][refused])
    assert (search.candidate_labels_[refused] == -1).all()
    assert np.isnan(results["score"][refused]).all()
    assert (search.candidate_labels_[~refused] >= 0).all()
    assert np.isnan(results["param"][results["measure"] == "ct"]).all()
    assert np.sum(results["measure"] == "ct") == 2
    assert adjusted_rand_score(truth, search.labels_[:40]) == 1.0


def test_one_cluster_and_as_many_as_nodes():
    adjacency, _ = _planted(0.5, 0.1, sizes=(6, 6))
    assert (_fitted(adjacency, 1).labels_ == 0).all()
    assert len(set(_fitted(adjacency, 12, measures=["nheat"]).labels_)) == 12


def test_a_callable_chooses():
    adjacency, _ = _planted(0.4, 0.05)

    def largest_cluster(graph, labels):
        assert graph.max() == 1.0
        score = np.bincount(labels).max()
        graph.data[:], labels[:] = 2.0, 0  # copies, of no concern to the search
        return score

    search = _fitted(3.0 * adjacency, scoring=largest_cluster)
    sizes = [np.bincount(labels).max() for labels in search.candidate_labels_]
    assert search.best_score_ == max(sizes) == np.bincount(search.labels_).max()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_unit_of_weights_does_not_matter(scale):
    adjacency, _ = _planted(0.4, 0.05)
    unit = _fitted(adjacency, measures=["nheat"])
    scaled = _fitted(adjacency * scale, measures=["nheat"])
    assert np.array_equal(unit.labels_, scaled.labels_)
    for name in ("modularity", "log_likelihood", "consensus"):
        assert np.allclose(
            unit.search_results_[name], scaled.search_results_[name], rtol=1e-12, equal_nan=True
        )


def test_networkx_keeps_the_order_of_its_nodes():
    adjacency, _ = _planted(0.4, 0.05)
    order = np.random.default_rng(1).permutation(90)
    graph = nx.Graph()
    graph.add_nodes_from(order.tolist())
    graph.add_edges_from(zip(*map(np.ndarray.tolist, adjacency.nonzero()), strict=True))
    search = _fitted(graph)
    assert adjusted_rand_score(search.labels_, _fitted(adjacency).labels_[order]) == 1.0
    assert search.n_features_in_ == 90


def test_an_interrupt_leaves_nothing_half_fitted(monkeypatch):
    adjacency, _ = _planted(0.4, 0.05)
    search = GraphMeasureSearch(3, measures=FEW, n_jobs=2)
    before = dict(vars(search))

    def interrupted(self, measure, t=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Spectra, "kernel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.fit(adjacency)
    assert vars(search) == before


def test_verbose_asks_for_a_bar_over_measures(monkeypatch):
    import kernlab._core.threads as threads

    seen = []

    def bar(iterable, *, total, verbose, label):
        seen.append((total, verbose, label))
        return iterable

    monkeypatch.setattr(threads, "progress", bar)
    _fitted(_planted(0.4, 0.05)[0], verbose=1)
    assert (3, 1, "Measures") in seen


def test_candidates_of_the_labels_selected_are_marked_and_the_steadiest_measure_is_named():
    search = GraphMeasureSearch(2, measures=["ct", "comm2", "for"], params=4, n_init=3,
                                random_state=0).fit(nx.karate_club_graph())  # fmt: skip
    results, labels = search.search_results_, search.candidate_labels_
    same = results["same_labels"]
    assert np.array_equal(same, (labels == search.labels_).all(axis=1))
    assert set(results["score"][same]) == {search.best_score_}
    steps = {
        name: len(set(results["param"][same & (results["measure"] == name)].astype(str)))
        for name in dict.fromkeys(results["measure"][same])
    }
    # The first candidate is not of the measure that gives the labels at most parameters.
    first = results["measure"][np.flatnonzero(same)[0]]
    assert steps[first] < max(steps.values()) == steps[search.best_measure_]
    expected = np.flatnonzero(same & (results["measure"] == search.best_measure_))[0]
    assert search.best_index_ == expected


def test_measures_that_fail_of_one_cause_are_told_together_by_the_names_of_nodes():
    graph = nx.disjoint_union(nx.karate_club_graph(), nx.empty_graph(1))
    graph = nx.relabel_nodes(graph, {34: "hermit"})
    together = r"2 of 3.*: nheat, scct \(ValueError: Each divides.*nodes 'hermit'.*X.remove_nodes"
    with (
        pytest.warns(DisconnectedGraphWarning),
        pytest.warns(FitFailedWarning, match=together) as told,
    ):
        search = _fitted(graph, 2, measures=["scct", "for", "nheat"])
    assert max(len(str(one.message)) for one in told) < 400
    reasons = search.search_results_["reason"]
    assert sum("Measure 'scct' divides" in reason for reason in reasons) == 6


def test_every_candidate_failing_says_why():
    star = nx.to_numpy_array(nx.star_graph(6))
    star = np.pad(star, (0, 1))
    with pytest.raises(ValueError, match="6 × ValueError.*isolated"):
        _fitted(star, 2, measures=["nheat"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 91}, "n_clusters=91 is more than n_samples=90"),
        ({"n_clusters": 0}, "n_clusters"),
        ({"measures": []}, "measures is empty"),
        ({"measures": ["cosine"]}, "'cosine' is unknown"),
        ({"methods": ["ward"]}, "'kkmeans', 'spectral'"),
        ({"methods": []}, "'kkmeans', 'spectral'"),
        ({"params": [0.5, 1.0]}, r"open interval \(0, 1\)"),
        ({"params": [np.nan]}, r"open interval \(0, 1\)"),
        ({"params": []}, r"open interval \(0, 1\)"),
        ({"scoring": "silhouette"}, "scoring"),
        ({"n_init": 0}, "n_init"),
    ],
)
def test_settings_are_checked(settings, message):
    adjacency, _ = _planted(0.4, 0.05)
    with pytest.raises(ValueError, match=message):
        _fitted(adjacency, **settings)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.zeros((4, 4)), "no edges"),
        (np.triu(np.ones((4, 4)), 1), "not symmetric"),
        (np.full((4, 4), np.nan), "NaN"),
        (1.0 - 2.0 * np.eye(4), "negative"),
        (np.ones((4, 3)), "shape"),
        (nx.DiGraph([(0, 1), (1, 2), (2, 3)]), "directed"),
    ],
)
def test_graphs_are_checked(graph, message):
    with pytest.raises(ValueError, match=message):
        _fitted(graph, 2)


def test_loops_are_left_out_with_a_warning():
    from kernlab.exceptions import SelfLoopWarning

    adjacency, _ = _planted(0.4, 0.05)
    with pytest.warns(SelfLoopWarning, match="90 nodes"):
        looped = _fitted(adjacency + sp.eye(90))
    assert np.array_equal(looped.labels_, _fitted(adjacency).labels_)


def test_parameters_outside_a_measures_own_interval_are_recorded():
    adjacency, _ = _planted(0.4, 0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = make_candidates(
            adjacency,
            3,
            ["katz"],
            [0.5, 1.5],
            ["spectral"],
            n_init=1,
            seed=0,
            n_jobs=1,
            verbose=0,
        )
    assert found.reasons[0] == ""
    assert "1.5" in found.reasons[1]
    assert parse_measure("katz").name == found.measure[1]

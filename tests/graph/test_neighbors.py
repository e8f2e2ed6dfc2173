"""Neighbourhood graphs against dense formulas, UMAP's own weights, and every kind of bad input."""

import itertools
import re
import sys
import types
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsTransformer, kneighbors_graph

from kernlab.exceptions import DisconnectedGraphWarning, MissingExtraError, PruningWarning
from kernlab.graph import KNNGraph

KERNELS = ("alpha", "knn", "gaussian", "umap")


def points(n_samples, n_features, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def dense_neighbors(D, k):
    """Directed neighbours of each point but itself, by (distance, index)."""
    D = D.copy()
    np.fill_diagonal(D, np.inf)
    return np.argsort(D, axis=1, kind="stable")[:, :k]


def dense_affinity(D, k, kernel, decay):
    """The formulas of the docstring, over all pairs."""
    n_samples = len(D)
    nearest = dense_neighbors(D, k)
    rows = np.arange(n_samples)[:, None]
    linked = np.zeros(D.shape, bool)
    linked[rows, nearest] = True
    widths = D[rows, nearest][:, -1]
    if kernel == "alpha":
        K = np.exp(-((D / widths[:, None]) ** decay))
        K[K < 1e-4] = 0
        np.fill_diagonal(K, 0)
        return (K + K.T) / 2
    linked |= linked.T
    if kernel == "knn":
        return linked.astype(float)
    return linked * np.maximum(np.exp(-(D**2) / np.outer(widths, widths)), 1e-4)


@pytest.mark.parametrize("kernel", ["alpha", "knn", "gaussian"])
@pytest.mark.parametrize(("n_features", "k"), [(1, 3), (3, 15), (20, 7)])
def test_weights_and_lengths_are_the_formulas(kernel, n_features, k):
    X = points(120, n_features)
    D = cdist(X, X)
    graph = KNNGraph(k, kernel=kernel, disconnected="keep").fit(X)
    expected = dense_affinity(D, k, kernel, 40.0)
    # A rounding of the distance is raised to the 40th power: 40 times 1e-16 times exponents of 9.
    np.testing.assert_allclose(graph.affinity_.toarray(), expected, rtol=1e-12, atol=1e-13)
    lengths = graph.distances_.toarray()
    np.testing.assert_allclose(lengths, D * (expected > 0), rtol=1e-13)
    np.testing.assert_array_equal(graph.affinity_.indices, graph.distances_.indices)
    np.testing.assert_array_equal(graph.affinity_.indptr, graph.distances_.indptr)
    np.testing.assert_allclose(graph.bandwidths_, np.sort(D, axis=1)[:, k], rtol=1e-13)


def test_umap_weights_are_umaps():
    # By fuzzy_simplicial_set of umap-learn 0.5 with n_neighbors=4, in single precision.
    expected = {
        (0, 1): 1.0,
        (0, 2): 0.7242512,
        (0, 3): 0.4041283,
        (1, 2): 0.890099,
        (1, 3): 0.3459564,
        (2, 3): 1.0,
        (2, 4): 0.4123155,
        (3, 4): 0.8097519,
        (3, 5): 0.7619755,
        (3, 6): 0.155605,
        (4, 5): 1.0,
        (4, 6): 0.8443988,
        (4, 7): 0.488815,
        (5, 6): 1.0,
        (5, 7): 0.511179,
        (6, 7): 1.0,
    }
    x = np.array([0.0, 1, 3, 4.5, 7, 7.25, 11, 20])
    D = np.abs(np.subtract.outer(x, x))
    graph = KNNGraph(3, kernel="umap", metric="precomputed").fit(D)
    ours = {(i, j): graph.affinity_[i, j] for i, j in zip(*np.triu_indices(8, 1), strict=True)}
    # UMAP stops its bisection at 1e-5 of the total, which a weight follows.
    assert {pair for pair, weight in ours.items() if weight} == set(expected)
    assert max(abs(ours[pair] - weight) for pair, weight in expected.items()) < 3e-5


def test_umap_weights_have_the_total_that_defines_them():
    X = points(200, 3)
    graph = KNNGraph(12, kernel="umap").fit(X)
    distances, _ = graph.kneighbors()
    beyond = distances - distances[:, :1]

    # The local width solves Σ exp(-beyond / width) = log2(k + 1); that of one row, by its mutual
    # edges, is found again from the weights by an independent root search.
    def width(row):
        return brentq(lambda w: np.exp(-beyond[row] / w).sum() - np.log2(13), 1e-6, 1e3, xtol=1e-14)

    widths = np.array([width(row) for row in range(200)])
    directed = np.zeros((200, 200))
    np.put_along_axis(directed, graph.kneighbors()[1], np.exp(-beyond / widths[:, None]), axis=1)
    union = directed + directed.T - directed * directed.T
    np.testing.assert_allclose(graph.affinity_.toarray(), union, rtol=1e-9, atol=1e-12)


def test_alpha_reaches_twenty_beyond_at_most():
    graph = KNNGraph(5, decay=2.0).fit(points(300, 2))
    reached = (graph.affinity_.toarray() > 0).sum(axis=1)
    # The radius is three bandwidths: without the limit some 45 points.
    assert reached.min() >= 5
    directed = KNNGraph(25, kernel="knn").fit(points(300, 2)).affinity_
    within = graph.affinity_.multiply(directed).nnz
    assert 0.95 * directed.nnz < within == graph.affinity_.nnz


@pytest.mark.parametrize("n_features", [3, 20])
@pytest.mark.parametrize("kernel", KERNELS)
def test_results_do_not_depend_on_threads(kernel, n_features):
    X = points(400, n_features).round(1)  # with ties
    one = KNNGraph(kernel=kernel, n_jobs=1).fit(X)
    three = KNNGraph(kernel=kernel, n_jobs=3).fit(X)
    for name in ("affinity_", "distances_"):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(
                getattr(getattr(one, name), part), getattr(getattr(three, name), part)
            )
    np.testing.assert_array_equal(one.bandwidths_, three.bandwidths_)


@pytest.mark.parametrize("n_features", [2, 20])
@pytest.mark.parametrize("scale", [1e-150, 1e-5, 1e150])
def test_scale_changes_nothing_but_the_lengths(n_features, scale):
    X = points(200, n_features)
    for kernel in KERNELS:
        graph = KNNGraph(8, kernel=kernel).fit(X)
        scaled = KNNGraph(8, kernel=kernel).fit(X * scale)
        # The product with a decimal scale rounds each coordinate.
        difference = graph.affinity_ - scaled.affinity_
        assert abs(difference).max() < 1e-12
        np.testing.assert_allclose(
            scaled.distances_.toarray() / scale, graph.distances_.toarray(), rtol=1e-12
        )


@pytest.mark.parametrize("n_features", [3, 20])
def test_an_offset_costs_no_digits(n_features):
    # Multiples of 2^-20 stay exact beside 2^30, so that the graph must stay the same to the bit.
    X = np.round(points(300, n_features) * 2**20) / 2**20
    graph, moved = KNNGraph().fit(X), KNNGraph().fit(X + 2.0**30)
    np.testing.assert_array_equal(moved.affinity_.indices, graph.affinity_.indices)
    np.testing.assert_array_equal(moved.affinity_.data, graph.affinity_.data)
    np.testing.assert_array_equal(moved.distances_.data, graph.distances_.data)


def test_tight_clusters_in_many_dimensions_are_told_apart():
    # Inner products know squared distances to 1e-15 here, and those within clusters are 1e-18.
    rng = np.random.default_rng(0)
    centers, spread = rng.normal(size=(5, 30)), 1e-9 * rng.normal(size=(200, 30))
    X = centers[np.arange(200) % 5] + spread
    distances, indices = KNNGraph(8, disconnected="keep").fit(X).kneighbors()
    exact = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    np.testing.assert_array_equal(indices, dense_neighbors(exact, 8))
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, 1:9], rtol=1e-12)


def test_a_far_outlier_does_no_harm():
    X = np.vstack([points(200, 20), np.full((1, 20), 1e12)])
    _, indices = KNNGraph(5, disconnected="keep").fit(X).kneighbors()
    exact = cdist(X, X)
    np.testing.assert_array_equal(indices[:200], dense_neighbors(exact, 5)[:200])


@pytest.mark.parametrize("n_features", [2, 20])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("copies", [3, 16, 17, 100])
def test_copies_of_a_point_do_not_tear_the_graph(kernel, copies, n_features):
    X = points(150, n_features)
    X = np.vstack([X, np.repeat(X[:1], copies - 1, axis=0)])
    graph = KNNGraph(kernel=kernel, disconnected="raise").fit(X)
    assert graph.n_connected_components_ == 1
    assert graph.distances_.data.min() > 0
    assert graph.bandwidths_.min() > 0
    assert graph.affinity_.data.min() > 0
    together = np.flatnonzero(cdist(X, X[:1]) == 0)
    # The copies hold together by edges of next to no length, and lie by their neighbours.
    among = graph.distances_[together][:, together]
    assert connected_components(among, directed=False)[0] == 1
    shortest = graph.distances_.data[graph.distances_.data > 1e-6].min()
    assert among.data.max() == 2.0**-30 * shortest
    assert graph.distances_[together][:, 1:150].nnz > 0


def test_two_crowded_places_link_to_more_than_each_other():
    # Only distinct places count: 50 copies of each of two points near each other.
    X = np.vstack([points(100, 2), np.zeros((50, 2)), np.full((50, 2), 1e-3)])
    graph = KNNGraph(5, disconnected="raise").fit(X)
    assert graph.n_connected_components_ == 1
    D = cdist(X, X)
    precomputed = KNNGraph(5, metric="precomputed", disconnected="raise").fit(D)
    assert precomputed.n_connected_components_ == 1
    np.testing.assert_allclose(precomputed.bandwidths_, graph.bandwidths_, rtol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
def test_points_that_all_coincide_are_refused(metric):
    X = np.zeros((20, 20)) if metric == "precomputed" else np.full((20, 3), 0.1)
    with pytest.raises(ValueError, match="All 20 points of X coincide"):
        KNNGraph(5, metric=metric).fit(X)


def test_only_duplicates_at_two_places():
    X = np.repeat([[0.0, 0.0], [3.0, 4.0]], 30, axis=0)
    graph = KNNGraph(6, disconnected="raise").fit(X)
    assert graph.bandwidths_.tolist() == [5.0] * 60
    assert sorted(set(graph.distances_.data)) == [5.0 * 2.0**-30, 5.0]


def spanning_lengths(X, labels):
    """Lengths of the minimum spanning tree over components, from all pairs."""
    D = cdist(X, X)
    n_components = labels.max() + 1
    between = np.zeros((n_components, n_components))
    for a, b in itertools.combinations(range(n_components), 2):
        between[a, b] = D[np.ix_(labels == a, labels == b)].min()
    return np.sort(minimum_spanning_tree(between).data)


@given(
    n_clusters=st.integers(2, 7),
    n_features=st.sampled_from([1, 2, 18]),
    precomputed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=12, deadline=None)
def test_bridges_are_the_minimum_spanning_tree(n_clusters, n_features, precomputed, seed):
    rng = np.random.default_rng(seed)
    centers = 50 * rng.normal(size=(n_clusters, n_features))
    X = centers[rng.integers(n_clusters, size=60)] + rng.normal(size=(60, n_features))
    data, metric = (cdist(X, X), "precomputed") if precomputed else (X, "euclidean")
    torn = KNNGraph(3, metric=metric, disconnected="keep").fit(data)
    labels = connected_components(torn.affinity_, directed=False)[1]
    assert torn.n_connected_components_ == labels.max() + 1
    assert len(torn.bridges_) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DisconnectedGraphWarning)
        graph = KNNGraph(3, metric=metric).fit(data)
    assert graph.n_connected_components_ == torn.n_connected_components_
    assert connected_components(graph.affinity_, directed=False)[0] == 1
    i, j = graph.bridges_.T
    assert (i < j).all()
    lengths = np.sqrt(((X[i] - X[j]) ** 2).sum(axis=1))
    np.testing.assert_allclose(np.asarray(graph.distances_[i, j]).ravel(), lengths, rtol=1e-9)
    np.testing.assert_allclose(np.sort(lengths), spanning_lengths(X, labels), rtol=1e-9)
    np.testing.assert_array_equal(graph.affinity_.indices, graph.distances_.indices)


def test_bridges_are_warned_of_with_their_lengths():
    X = np.vstack([points(30, 2), points(30, 2) + 1000])
    with pytest.warns(
        DisconnectedGraphWarning, match=r"2 components; 1 shortest links.*14\d\d"
    ) as caught:
        graph = KNNGraph(5).fit(X)
    assert caught[0].filename == __file__
    i, j = graph.bridges_[0]
    assert graph.affinity_[i, j] == graph.affinity_[j, i] == np.exp(-1)
    with pytest.raises(ValueError, match=r"2 components, of 30, 30 points.*raise n_neighbors"):
        KNNGraph(5, disconnected="raise").fit(X)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_precomputed_distances_give_the_same_graph(kernel, sparse):
    X = points(150, 3)
    # A sparse matrix knows all that the kernels need, 28 neighbours, and not much more.
    D = KNNGraph(30, kernel="knn").fit(X).distances_ if sparse else cdist(X, X)
    graph = KNNGraph(8, kernel=kernel).fit(X)
    given_distances = KNNGraph(8, kernel=kernel, metric="precomputed").fit(D)
    assert abs(graph.affinity_ - given_distances.affinity_).max() < 1e-11
    assert abs(graph.distances_ - given_distances.distances_).max() < 1e-13


def test_precomputed_queries_are_distances_to_the_training_points():
    X, Q = points(100, 3), points(10, 3, seed=1)
    graph = KNNGraph(6).fit(X)
    precomputed = KNNGraph(6, metric="precomputed").fit(cdist(X, X))
    for new, old in zip(precomputed.kneighbors(cdist(Q, X)), graph.kneighbors(Q), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-12)
    few = sp.csr_matrix(cdist(Q, X) * (cdist(Q, X) < 0.5))
    with pytest.raises(ValueError, match="of the sparse distances stores"):
        precomputed.kneighbors(few)


def test_bridges_over_sparse_distances_use_what_is_stored():
    D = np.abs(np.subtract.outer(np.arange(20.0), np.arange(20.0)))
    D[10:, :10] += 100
    D[:10, 10:] += 100
    near = sp.csr_matrix(D * (D < 4))
    with pytest.raises(ValueError, match="X stores no distance between 2 parts"):
        KNNGraph(2, metric="precomputed").fit(near)
    stored = sp.lil_matrix(near)
    stored[3, 15] = stored[15, 3] = 112.0
    with pytest.warns(DisconnectedGraphWarning, match="2 components"):
        graph = KNNGraph(2, metric="precomputed").fit(stored.tocsr())
    assert graph.bridges_.tolist() == [[3, 15]]


def distances_with(change):
    D = cdist(points(20, 2), points(20, 2))
    change(D)
    return D


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize(
    ("D", "message"),
    [
        (np.ones((4, 5)), "shape.*square matrix.*metric='euclidean'"),
        (distances_with(lambda D: D.__setitem__((2, 5), 9.0)), "not symmetric.*maximum"),
        (distances_with(lambda D: D.__setitem__((2, 5), -1.0)), "Negative values.*least: -1"),
        (distances_with(lambda D: D.__setitem__((3, 3), 1.0)), r"has 1 at \(3, 3\)"),
        (distances_with(lambda D: D.__setitem__((2, 5), np.nan)), "contains NaN"),
        (distances_with(lambda D: D.__setitem__((2, 5), np.inf)), "infinity"),
    ],
)
def test_what_is_no_matrix_of_distances_is_refused(D, message, convert):
    with pytest.raises(ValueError, match=message):
        KNNGraph(3, metric="precomputed").fit(convert(D))


def test_sparse_distances_that_are_stored_on_one_side_are_refused():
    X = points(50, 2)
    directed = kneighbors_graph(X, 5, mode="distance")
    with pytest.raises(ValueError, match="not symmetric"):
        KNNGraph(5, metric="precomputed").fit(directed)
    graph = KNNGraph(5, metric="precomputed", kernel="knn", disconnected="keep")
    graph.fit(directed.maximum(directed.T))
    assert graph.affinity_.nnz == directed.maximum(directed.T).nnz
    with pytest.raises(ValueError, match="stores . of row .* lower n_neighbors to"):
        KNNGraph(12, metric="precomputed").fit(directed.maximum(directed.T))


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        ({"n_neighbors": 10}, points(10, 2), "n_neighbors=10 needs more .*n_samples=10.*Lower"),
        ({}, points(5, 2) * np.nan, "contains NaN"),
        ({"n_neighbors": 0}, points(10, 2), "'n_neighbors' parameter"),
        ({"decay": 0.0}, points(10, 2), "'decay' parameter"),
        ({"kernel": "box"}, points(10, 2), "'kernel' parameter"),
        ({"metric": "precomputed", "prune": "heat"}, np.zeros((20, 20)), "needs coordinates"),
        (
            {"metric": "precomputed", "algorithm": "approximate"},
            np.zeros((20, 20)),
            "needs coordinates",
        ),
        ({"n_neighbors": 1}, [[-1.7e308], [1.7e308]], "farther apart than the largest"),
    ],
)
def test_bad_input_is_refused(parameters, X, message):
    with pytest.raises(ValueError, match=message):
        KNNGraph(**parameters).fit(X)


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match="n_samples=1"):
        KNNGraph().fit([[1.0, 2.0]])


def test_a_failed_fit_leaves_the_last_one():
    graph = KNNGraph(3).fit(points(20, 2))
    before = graph.affinity_
    with pytest.raises(ValueError, match="coincide"):
        graph.fit(np.zeros((20, 2)))
    assert graph.affinity_ is before


def test_a_constant_column_changes_nothing():
    X = points(60, 2)
    graph = KNNGraph(5).fit(X)
    padded = KNNGraph(5).fit(np.column_stack([X, np.full(60, 7.0)]))
    assert (graph.affinity_ != padded.affinity_).nnz == 0


def test_transform_is_what_scikit_learn_makes_of_its_neighbors():
    X, Q = points(80, 3), points(9, 3, seed=1)
    graph = KNNGraph(6).fit(X)
    theirs = KNeighborsTransformer(n_neighbors=6, algorithm="kd_tree").fit(X)
    for data in (X, Q):
        ours, expected = graph.transform(data), theirs.transform(data)
        assert ours.nnz == expected.nnz == 7 * len(data)
        assert abs(ours - expected).max() < 1e-14
    np.testing.assert_array_equal(graph.fit_transform(X).indices, graph.transform(X).indices)
    assert graph.get_feature_names_out()[-1] == "knngraph79"


@pytest.mark.parametrize("n_neighbors", [0, 80, 2.5])
def test_kneighbors_refuses_numbers_it_cannot_give(n_neighbors):
    graph = KNNGraph(6).fit(points(80, 3))
    with pytest.raises(ValueError, match="must be an integer from 1 to 79"):
        graph.kneighbors(n_neighbors=n_neighbors)


class _Forgetful:
    """An index with the interface of pynndescent's that works in single precision.

    The library itself compiles for a minute, and what it finds is its own affair.
    """

    def __init__(self, data, n_neighbors, random_state, n_jobs):
        assert data.dtype == np.float32
        assert n_jobs == 1  # the result of a seed must not depend on threads
        self.data = data
        self.neighbor_graph = self.query(data, n_neighbors)

    def query(self, queries, k):
        distances = cdist(queries, self.data)
        indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return indices.astype(np.int32), np.take_along_axis(distances, indices, 1)


def test_the_approximate_search_keeps_exact_lengths(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", types.SimpleNamespace(NNDescent=_Forgetful))
    # Single precision cannot tell these apart without their offset and scale taken off.
    X = points(300, 5) * 1e100 + 1e102
    graph = KNNGraph(8, algorithm="approximate", random_state=0).fit(X)
    exact = KNNGraph(8).fit(X)
    assert abs(graph.affinity_ - exact.affinity_).max() < 1e-12
    np.testing.assert_allclose(graph.distances_.data, exact.distances_.data, rtol=1e-14)
    for ours, expected in zip(graph.kneighbors(X[:20]), exact.kneighbors(X[:20]), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-14, atol=1e85)


def test_the_approximate_search_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(MissingExtraError, match=r"kernlab\[fast\]"):
        KNNGraph(5, algorithm="approximate").fit(points(50, 2))


def roll(n_samples, noise, seed):
    rng = np.random.default_rng(seed)
    t = 1.5 * np.pi * (1 + 2 * rng.random(n_samples))
    X = np.column_stack([t * np.cos(t), 5 * rng.random(n_samples), t * np.sin(t)])
    return X + noise * rng.normal(size=X.shape)


def test_pruning_reports_what_it_removed_and_how_the_diameter_grew():
    X = roll(600, 1.0, seed=3)
    message = "diameter from .* to .*closed loop.*larger detour"
    with pytest.warns(PruningWarning, match=message) as caught:
        graph = KNNGraph(prune="heat", random_state=0).fit(X)
    assert caught[0].filename == __file__
    whole = KNNGraph().fit(X)
    i, j = graph.shortcuts_.T
    assert len(i) > 10
    assert whole.affinity_.nnz - graph.affinity_.nnz == 2 * len(i)
    assert graph.affinity_[i, j].max() == 0
    assert graph.distances_[i, j].max() == 0
    numbers = re.findall(r"from ([\d.]+) to ([\d.]+)\. That", str(caught[0].message))[0]
    diameters = [dijkstra(g.distances_, directed=False).max() for g in (whole, graph)]
    # Two sweeps give a lower bound, here a tight one; four digits are printed.
    for number, diameter in zip(map(float, numbers), diameters, strict=True):
        assert 0.9 * diameter < number < 1.001 * diameter


def test_pruning_leaves_a_clean_sheet_in_peace():
    X = roll(600, 0.05, seed=3)
    graph = KNNGraph(prune="heat", random_state=0).fit(X)
    assert len(graph.shortcuts_) == 0
    assert (graph.affinity_ != KNNGraph().fit(X).affinity_).nnz == 0

"""Kernel k-means against scikit-learn's KMeans, against all partitions, and its invariances."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import rbf_kernel

from kernlab.cluster import KernelKMeans, _kernel_runs
from kernlab.cluster._kernel_input import _asymmetry
from kernlab.cluster._kernel_kmeans import kernel_kmeans, spectral_starts
from kernlab.exceptions import AsymmetricKernelWarning, DistanceLikeWarning
from kernlab.graph import distance_to_kernel

EPS = np.finfo(float).eps


def _points(n=80, k=4, spread=2.0):
    return make_blobs(n, centers=k, n_features=3, cluster_std=spread, random_state=0)[0]


def _objective(K, labels, weight=None):
    """The definition, cluster by cluster."""
    weight = np.ones(len(K)) if weight is None else weight
    value = weight @ np.diagonal(K)
    for c in np.unique(labels):
        w = np.where(labels == c, weight, 0.0)
        value -= w @ K @ w / w.sum()
    return value


def _indefinite(n, seed=0):
    noise = np.random.default_rng(seed).standard_normal((n, n))
    return noise + noise.T


def test_lloyd_on_the_linear_kernel_is_scikit_learns_kmeans():
    X = _points()
    K = X @ X.T
    init = np.random.default_rng(0).integers(0, 4, (5, 80))
    model = KernelKMeans(4, init=init, algorithm="lloyd").fit(K)
    for start, labels, inertia in zip(init, model.all_labels_, model.all_inertias_, strict=True):
        centroids = np.stack([X[start == c].mean(axis=0) for c in range(4)])
        oracle = KMeans(4, init=centroids, n_init=1, tol=0).fit(X)
        assert np.array_equal(labels, oracle.labels_)
        # Sums of 80 products each, of the size of the trace.
        assert abs(inertia - oracle.inertia_) < 80 * EPS * np.trace(K)


@pytest.mark.parametrize("kind", ["rbf", "indefinite", "weighted"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_of_all_partitions_is_found(kind, seed):
    rng = np.random.default_rng(seed)
    K = _indefinite(7, seed) if kind == "indefinite" else rbf_kernel(rng.standard_normal((7, 2)))
    weight = rng.uniform(0.2, 3.0, 7) if kind == "weighted" else np.ones(7)
    least = min(
        _objective(K, np.array(labels), weight)
        for labels in itertools.product(range(3), repeat=7)
        if len(set(labels)) == 3
    )
    model = KernelKMeans(3, n_init=20, random_state=0).fit(K, sample_weight=weight)
    assert abs(model.inertia_ - least) < 1e-13
    assert abs(_objective(K, model.labels_, weight) - least) < 1e-13


@pytest.mark.parametrize("indefinite", [False, True])
def test_no_single_move_lowers_the_objective(indefinite):
    K = _indefinite(40) if indefinite else rbf_kernel(_points(40), gamma=0.1)
    labels, inertias = kernel_kmeans(K, 4, n_init=3, rng=np.random.default_rng(0))
    for one, inertia in zip(labels, inertias, strict=True):
        assert abs(_objective(K, one) - inertia) < 1e-12
        for i, c in itertools.product(range(40), range(4)):
            moved = one.copy()
            moved[i] = c
            if len(np.unique(moved)) == 4:
                assert _objective(K, moved) > inertia - 1e-9


def test_single_moves_go_on_where_lloyd_stops():
    K = rbf_kernel(_points(60, spread=4.0), gamma=0.1)
    init = np.random.default_rng(1).integers(0, 4, (10, 60))
    lloyd = KernelKMeans(4, init=init, algorithm="lloyd").fit(K).all_inertias_
    hartigan = KernelKMeans(4, init=init).fit(K).all_inertias_
    assert np.all(hartigan <= lloyd + 1e-12)
    assert hartigan.mean() < lloyd.mean() - 0.01


@pytest.mark.parametrize("algorithm", ["lloyd", "hartigan"])
def test_the_objective_falls_with_every_pass_also_on_an_indefinite_kernel(algorithm):
    K = _indefinite(60)
    labels = np.random.default_rng(0).integers(0, 5, (4, 60))
    previous = np.array([_objective(K, start) for start in labels])
    for _ in range(8):
        labels, found = kernel_kmeans(
            K, 5, init=labels, algorithm=algorithm, max_iter=1, rng=np.random.default_rng(0)
        )
        assert np.all(found <= previous + 1e-11)
        assert all(len(np.unique(one)) == 5 for one in labels)
        previous = found


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    power=st.sampled_from([1e-150, 1e-3, 1.0, 1e150]),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_what_does_not_change_distances_does_not_change_labels(seed, power, offset):
    rng = np.random.default_rng(seed)
    K = rbf_kernel(rng.standard_normal((30, 2)))
    expected, inertias = kernel_kmeans(K, 4, n_init=4, rng=np.random.default_rng(0))
    order = rng.permutation(30)
    # Constants of rows and of columns, other ones, and points in another order.
    other = K + offset * (rng.standard_normal((30, 1)) + rng.standard_normal(30))
    other = power * other[np.ix_(order, order)]
    labels, found = kernel_kmeans(other, 4, n_init=4, rng=np.random.default_rng(0))
    assert np.array_equal(labels, expected[:, order])
    # Entries of size offset are rounded, and 30 of them summed.
    assert np.allclose(found / power, inertias, rtol=0, atol=100 * EPS * 30 * (1 + offset))


@pytest.mark.parametrize("init", ["auto", "k-means++", "spectral", "random"])
def test_whole_weights_are_points_given_so_many_times(init):
    X = _points(40, spread=5.0)
    weight = np.random.default_rng(0).integers(0, 4, 40)
    repeated = np.repeat(np.arange(40), weight)
    model = KernelKMeans(4, kernel="rbf", gamma=0.05, init=init, n_init=4, random_state=0)
    expected = model.fit(X[repeated])
    labels, inertias = expected.all_labels_, expected.all_inertias_
    queries = expected.transform(X)
    found = model.fit(X, sample_weight=weight)
    assert np.array_equal(found.all_labels_[:, repeated], labels)
    assert np.allclose(found.all_inertias_, inertias, rtol=1e-12)
    assert np.allclose(found.transform(X), queries, rtol=0, atol=1e-7)  # roots of rounding
    # Those of no weight get the label of the nearest centroid.
    assert np.array_equal(found.labels_, found.predict(X))


def test_distances_and_predictions_are_those_to_the_centroids():
    X, queries = _points(), np.random.default_rng(0).standard_normal((300, 3)) * 5
    model = KernelKMeans(4, kernel="linear", random_state=0).fit(X)
    centroids = np.stack([X[model.labels_ == c].mean(axis=0) for c in range(4)])
    expected = np.linalg.norm(queries[:, None] - centroids, axis=2)
    assert np.allclose(model.transform(queries), expected, rtol=0, atol=1e-10)
    assert np.array_equal(model.predict(queries), expected.argmin(axis=1))
    given = KernelKMeans(4, random_state=0).fit(X @ X.T + 1e6)
    assert np.array_equal(given.predict(queries @ X.T + 1e6), expected.argmin(axis=1))
    assert np.array_equal(given.predict(X @ X.T), given.labels_)
    assert not hasattr(given, "transform")
    assert list(model.get_feature_names_out()) == [f"kernelkmeans{c}" for c in range(4)]
    assert np.array_equal(model.fit_transform(X), model.transform(X))


def test_a_function_is_a_kernel_and_frames_and_single_precision_are_data():
    X = _points(40)
    named = KernelKMeans(3, kernel="rbf", gamma=0.1, random_state=0).fit(X)

    def gaussian(x, y, gamma):
        return np.exp(-gamma * np.sum((x - y) ** 2))

    called = KernelKMeans(3, kernel=gaussian, kernel_params={"gamma": 0.1}, random_state=0)
    assert np.array_equal(
        called.fit(pd.DataFrame(X, columns=["a", "b", "c"])).labels_, named.labels_
    )
    assert list(called.feature_names_in_) == ["a", "b", "c"]
    single = KernelKMeans(3, kernel="rbf", gamma=0.1, random_state=0).fit(X.astype(np.float32))
    assert np.array_equal(single.labels_, named.labels_)
    # Distances of size 30, to single precision.
    assert abs(single.inertia_ - named.inertia_) < 1e-4 * named.inertia_


def test_an_integer_seed_gives_the_same_bits_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(_kernel_runs, "_FEW", 0)  # threads for kernels as small as this, too
    K = rbf_kernel(_points(300, spread=5.0), gamma=0.05)
    first, second = (
        KernelKMeans(6, n_init=5, random_state=3, n_jobs=n_jobs).fit(K) for n_jobs in (1, 3)
    )
    assert np.array_equal(first.all_labels_, second.all_labels_)
    assert np.array_equal(first.all_inertias_, second.all_inertias_)


def test_the_start_is_selected_by_what_was_asked():
    graph = nx.karate_club_graph()
    K = rbf_kernel(nx.to_numpy_array(graph, weight=None), gamma=0.05)
    model = KernelKMeans(3, init="random", algorithm="lloyd", random_state=0)
    model.set_params(selection="modularity").fit(K, adjacency=graph)
    parts = [[set(np.flatnonzero(one == c)) for c in range(3)] for one in model.all_labels_]
    scores = [nx.community.modularity(graph, part) for part in parts]
    assert scores[0] < max(scores)
    chosen = [np.array_equal(one, model.labels_) for one in model.all_labels_]
    assert scores[chosen.index(True)] == max(scores)
    worst = model.set_params(selection=_objective).fit(K)
    assert worst.inertia_ > worst.all_inertias_.min()
    assert abs(worst.inertia_ - worst.all_inertias_.max()) < 1e-12


def test_a_function_that_selects_cannot_spoil_what_it_is_given():
    X = _points(30)
    K = X @ X.T
    kept = K.copy()

    def spoil(kernel, labels):
        score = -_objective(kernel, labels)
        labels[:], kernel[:] = 0, np.nan
        return score

    model = KernelKMeans(3, init="random", selection=spoil, random_state=0).fit(K)
    plain = KernelKMeans(3, init="random", random_state=0).fit(K)
    assert np.array_equal(model.all_labels_, plain.all_labels_)
    assert model.inertia_ == plain.inertia_
    assert np.array_equal(K, kept)


@pytest.mark.parametrize("kernel", ["chi2", "rbf", "laplacian", "polynomial", "sigmoid"])
def test_gamma_of_none_is_the_default_of_the_kernel(kernel):
    X = np.random.default_rng(0).dirichlet(np.ones(4), 20)
    given = 1.0 if kernel == "chi2" else 0.25
    model, other = (
        KernelKMeans(3, kernel=kernel, gamma=gamma, random_state=0).fit(X)
        for gamma in (None, given)
    )
    assert np.array_equal(model.labels_, other.labels_)
    assert model.inertia_ == other.inertia_


def test_spectral_starts_tell_blobs_apart():
    X, y = make_blobs(120, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    X = X - X.mean(axis=0)
    for labels in spectral_starts(X @ X.T, 3, np.random.default_rng(0)):
        assert adjusted_rand_score(y, labels) == 1.0
    # Beyond the size of a full eigendecomposition.
    X, y = make_blobs(400, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    labels = KernelKMeans(3, kernel="linear", init="spectral", n_init=1, random_state=0)
    assert adjusted_rand_score(y, labels.fit_predict(X)) == 1.0


def test_no_cluster_is_empty_as_long_as_points_differ():
    X = np.repeat(np.arange(5.0), 4)[:, None]
    for init in ("auto", "random", np.zeros(20, dtype=int)):
        model = KernelKMeans(5, kernel="linear", init=init, random_state=0).fit(X)
        assert len(np.unique(model.labels_)) == 5
        assert abs(model.inertia_) < 1e-12
    with pytest.warns(ConvergenceWarning, match="Only 5 points .* n_clusters=6"):
        model.set_params(n_clusters=6, init="auto").fit(X)
    assert np.array_equal(np.unique(model.labels_), np.arange(5))
    everything_equal = np.full((6, 6), 1e9)
    with pytest.warns(ConvergenceWarning, match="Only 1 points"):
        assert np.all(KernelKMeans(2).fit(everything_equal).labels_ == 0)


def test_one_cluster_and_as_many_as_points():
    K = rbf_kernel(_points(12))
    assert np.all(KernelKMeans(1).fit(K).labels_ == 0)
    assert np.array_equal(np.sort(KernelKMeans(12).fit(K).labels_), np.arange(12))


def test_too_few_passes_are_told():
    with pytest.warns(ConvergenceWarning, match="max_iter=1 passes"):
        KernelKMeans(5, init="random", max_iter=1, random_state=0).fit(_indefinite(60))


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"n_clusters": 7}, {}, "n_samples=6 should be >= n_clusters=7"),
        ({"n_clusters": 0}, {}, "n_clusters"),
        ({"kernel": "gaussian"}, {}, "kernel"),
        ({"init": [0, 1, 2]}, {}, r"init is an array of shape \(3,\)"),
        ({"init": [0, 1, 2, 0, 1, 2]}, {}, "init holds labels from 0 to 2"),
        ({"init": [0.0, 1, 1, 0, 1, 0]}, {}, "dtype float64"),
        ({"selection": "modularity"}, {}, "needs a graph"),
        ({"selection": "modularity"}, {"adjacency": np.ones((4, 4)) - np.eye(4)}, "has 4 nodes"),
        ({"selection": "modularity"}, {"adjacency": np.zeros((6, 6))}, "no edges"),
        ({"selection": lambda kernel, labels: np.nan}, {}, "returned NaN"),
        ({}, {"adjacency": np.ones((6, 6))}, "of use with selection='modularity' only"),
        (
            {},
            {"sample_weight": [1, 1, -1, 1, 1, 1]},
            "Negative values.*give weights of zero or more",
        ),
        (
            {"kernel": "rbf", "kernel_params": {"gamma": 2}},
            {},
            "kernel_params=.*pass gamma=, degree=",
        ),
        ({}, {"sample_weight": np.zeros(6)}, "zero everywhere"),
        ({"kernel": "poly", "degree": 300}, {"X": 1e9 * np.eye(6)}, "NaN or infinity"),
        ({}, {"X": np.ones((6, 5))}, "square"),
        ({}, {"X": np.full((6, 6), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_refused(parameters, arguments, message):
    model = KernelKMeans(**{"n_clusters": 2, **parameters})
    arguments = {"X": np.eye(6), **arguments}
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        model.fit(**arguments)
    assert not hasattr(model, "labels_")


def test_distances_are_no_kernel():
    points = np.random.default_rng(0).normal(size=(12, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    with pytest.warns(DistanceLikeWarning, match="distance_to_kernel"):
        KernelKMeans(2, n_init=2).fit(distances)
    KernelKMeans(2, n_init=2).fit(distance_to_kernel(distances**2))


def test_a_table_that_is_far_from_symmetric_is_told():
    # Digits has 64 features: so many images are a square table, and no kernel.
    points = np.random.default_rng(0).uniform(0, 16, (64, 64))
    with pytest.warns(AsymmetricKernelWarning, match=r"\(X \+ X.T\) / 2.*kernel='rbf'"):
        found = KernelKMeans(3, random_state=0).fit(points)
    symmetric = KernelKMeans(3, random_state=0).fit((points + points.T) / 2)
    assert np.array_equal(found.labels_, symmetric.labels_)
    # Beyond the first block of rows; the largest floats; rounding in single precision is none.
    K = np.eye(600)
    K[599, 0] = 0.5
    assert _asymmetry(K) == _asymmetry(K.T) == 0.5
    assert _asymmetry(np.array([[0.0, 1.5e308], [-1.5e308, 0.0]])) == 2.0
    KernelKMeans(3, random_state=0).fit(rbf_kernel(_points(30).astype(np.float32)))


def test_a_graph_is_sent_where_graphs_are_clustered():
    with pytest.raises(TypeError, match="graph of networkx.*GraphClustering.*GraphProximity"):
        KernelKMeans(2).fit(nx.karate_club_graph())


def test_frames_come_out_where_they_are_asked_for():
    X = pd.DataFrame(_points(20), columns=list("abc"), index=[f"s{i}" for i in range(20)])
    model = KernelKMeans(3, kernel="rbf", n_init=2, random_state=0)
    plain = model.fit(X).transform(X)
    framed = model.set_output(transform="pandas").fit_transform(X)
    assert list(framed.index) == list(X.index)
    assert list(framed.columns) == [f"kernelkmeans{c}" for c in range(3)]
    np.testing.assert_array_equal(framed, plain)
    # That k-means be no transformer of precomputed kernels stays so.
    given = KernelKMeans(3)
    assert not any(hasattr(given, name) for name in ("transform", "fit_transform", "set_output"))
    with config_context(transform_output="pandas"):
        assert list(clone(model).fit(X).transform(X[:2]).index) == ["s0", "s1"]
        # The score is of numbers, whatever the output.
        assert model.score(X) == pytest.approx(-(plain.min(axis=1) ** 2).sum(), rel=1e-12)


@pytest.mark.parametrize("kernel", ["cosine", "linear", "rbf"])
def test_points_may_be_sparse(kernel):
    X = np.random.default_rng(0).poisson(0.5, (300, 30)) + np.eye(300, 30)
    dense = KernelKMeans(4, kernel=kernel, n_init=2, random_state=0).fit(X)
    sparse = clone(dense).fit(sp.coo_array(X))
    assert np.array_equal(sparse.labels_, dense.labels_)
    assert np.array_equal(sparse.predict(sp.csr_matrix(X)), dense.predict(X))
    # Roots of rounding, of numbers up to some tens.
    assert np.allclose(sparse.transform(sp.csr_matrix(X)), dense.transform(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", ["precomputed", "chi2", lambda x, y: float(x @ y)])
def test_sparse_points_of_other_kernels_are_refused(kernel):
    with pytest.raises(TypeError, match=r"dense data is required. Use '.toarray\(\)'"):
        KernelKMeans(2, kernel=kernel).fit(sp.csr_array(np.eye(4)))


def test_score_is_minus_the_inertia():
    points = np.random.default_rng(0).normal(size=(30, 2))
    weight = np.arange(1.0, 31.0)
    model = KernelKMeans(3, kernel="linear", random_state=0).fit(points, sample_weight=weight)
    # Sums of a hundred terms, each of squares: some hundred roundings.
    assert model.score(points, sample_weight=weight) == pytest.approx(-model.inertia_, rel=1e-12)
    centres = [
        np.average(points[model.labels_ == c], axis=0, weights=weight[model.labels_ == c])
        for c in range(3)
    ]
    new = points[:5] + 0.1
    squares = np.sum((new[:, None] - centres) ** 2, axis=2).min(axis=1)
    assert model.score(new) == pytest.approx(-squares.sum(), rel=1e-12)
    assert not hasattr(KernelKMeans(3), "score")

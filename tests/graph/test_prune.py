import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.linalg import expm
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree

from kernlab.datasets import make_swiss_roll, make_trefoil
from kernlab.graph import KNNGraph, prune_shortcuts
from kernlab.graph import _prune as prune
from kernlab.graph import _walks_numba as walks


def graph_of(X, n_neighbors=15):
    graph = KNNGraph(n_neighbors).fit(X)
    return graph.affinity_, graph.distances_


def row_pearson(distances, truth, rows):
    found = dijkstra(distances, directed=False, indices=rows)
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, truth, strict=True)])


def edges_of(matrix):
    upper = sparse.triu(matrix, 1).tocoo()
    return set(zip(upper.row.tolist(), upper.col.tolist(), strict=True))


@pytest.fixture(scope="module")
def noisy_roll():
    roll = make_swiss_roll(700, noise=1.0, n_features=10, random_state=0)
    affinity, distances = graph_of(roll.data)
    return (
        roll,
        affinity,
        distances,
        prune_shortcuts(roll.data, affinity, distances, random_state=0),
    )


def test_a_noisy_roll_gets_its_distances_back(noisy_roll):
    roll, _, distances, (_, pruned, shortcuts) = noisy_roll
    rows = np.arange(0, 700, 20)
    truth = roll.geodesics(rows)
    # The windings are joined by shortcuts at this noise: distances without them say little.
    assert row_pearson(distances, truth, rows) < 0.6
    assert row_pearson(pruned, truth, rows) > 0.95
    assert 0 < len(shortcuts) < 0.03 * distances.nnz / 2


def test_what_is_left_is_the_graph_without_the_shortcuts(noisy_roll):
    _, affinity, distances, (A, D, shortcuts) = noisy_roll
    removed = {tuple(edge) for edge in shortcuts.tolist()}
    assert len(removed) == len(shortcuts)
    assert all(i < j for i, j in removed)
    assert edges_of(D) == edges_of(distances) - removed
    assert edges_of(A) == edges_of(D)
    assert abs(D - D.T).nnz == abs(A - A.T).nnz == 0
    kept = D.astype(bool)
    assert abs(distances.multiply(kept) - D).nnz == abs(affinity.multiply(kept) - A).nnz == 0
    assert connected_components(D)[0] == connected_components(distances)[0]
    assert type(D) is type(distances)
    assert D.has_canonical_format


def test_the_same_bits_on_any_number_of_threads(noisy_roll):
    roll, affinity, distances, (A, D, shortcuts) = noisy_roll
    before = numba.get_num_threads()
    # The fixture ran on all of them.
    numba.set_num_threads(1)
    try:
        again = prune_shortcuts(roll.data, affinity, distances, random_state=0)
    finally:
        numba.set_num_threads(before)
    assert np.array_equal(again[2], shortcuts)
    assert np.array_equal(again[0].data, A.data)
    assert np.array_equal(again[1].data, D.data)


@pytest.mark.parametrize("scale", [2.0**-500, 2.0**500])
def test_the_scale_of_the_points_does_not_matter(noisy_roll, scale):
    roll, affinity, distances, (_, _, shortcuts) = noisy_roll
    again = prune_shortcuts(roll.data * scale, affinity, distances, random_state=0)
    # A power of two leaves every digit, and so every comparison, as it was.
    assert np.array_equal(again[2], shortcuts)


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_closed_loops_stay_closed(noise, seed):
    loop = make_trefoil(500, noise=noise, random_state=seed)
    affinity, distances = graph_of(loop.data)
    _, pruned, _ = prune_shortcuts(loop.data, affinity, distances, random_state=seed)
    rows = np.arange(0, 500, 25)
    # A torn loop has a correlation near .7: half of its distances go the long way round.
    assert row_pearson(pruned, loop.geodesics(rows), rows) > 0.99


def test_a_planted_shortcut_is_found_and_a_long_enough_detour_keeps_it():
    roll = make_swiss_roll(600, random_state=3)
    affinity, distances = (matrix.tolil() for matrix in graph_of(roll.data))
    gaps = roll.geodesics(range(600))
    lengths = np.linalg.norm(roll.data[:, None] - roll.data, axis=2)
    i, j = np.unravel_index(np.argmin(np.where(gaps > 25, lengths, np.inf)), gaps.shape)
    i, j = sorted((int(i), int(j)))
    for matrix, value in ((affinity, 1.0), (distances, lengths[i, j])):
        matrix[i, j] = matrix[j, i] = value
    affinity, distances = affinity.tocsr(), distances.tocsr()
    path = dijkstra(graph_of(roll.data)[1], directed=False, indices=i)[j]

    def found(detour):
        result = prune_shortcuts(roll.data, affinity, distances, detour=detour, random_state=0)
        return [i, j] in result[2].tolist()

    assert found(None)
    assert found(0.9 * path / lengths[i, j])
    assert not found(1.1 * path / lengths[i, j])


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 60),
    st.sampled_from([1, 2, 5]),
    st.floats(0, 1),
)
def test_no_component_is_ever_split(seed, n_samples, n_neighbors, cosine):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 2)) + 8 * rng.integers(0, 2, (n_samples, 1))
    X[: n_samples // 4] = X[0]
    lengths = np.linalg.norm(X[:, None] - X, axis=2) + 1e-9
    np.fill_diagonal(lengths, np.inf)
    nearest = (
        lengths <= np.sort(lengths)[:, min(n_neighbors, n_samples - 1) - 1 : n_neighbors][:, -1:]
    )
    D = sparse.csr_array(np.where(nearest | nearest.T, lengths, 0.0))
    D.data[~np.isfinite(D.data)] = 1.0
    A = D.copy()
    A.data = rng.uniform(0.01, 1, len(A.data))
    A = ((A + A.T) / 2).tocsr()
    _, pruned, shortcuts = prune_shortcuts(X, A, D, cosine=cosine, random_state=seed)
    assert connected_components(pruned)[0] == connected_components(D)[0]
    assert len(edges_of(pruned)) == len(edges_of(D)) - len(shortcuts)


# --- The parts, against dense algebra -----------------------------------------------------------


def random_graph(n, seed, density=0.1):
    A = sparse.random(n, n, density, rng=np.random.default_rng(seed), format="csr")
    A = sparse.csr_matrix(A + A.T)
    A.setdiag(0)
    A.eliminate_zeros()
    A.sort_indices()
    return A


def test_heat_cosines_match_the_dense_exponential():
    X = np.random.default_rng(0).uniform(0, 10, size=(300, 2))
    affinity, distances = graph_of(X, 8)
    graph = prune._Graph(affinity, distances)
    W = affinity.toarray()
    scale = W.sum(axis=1) ** -0.5
    heat = expm(-prune.HEAT_TIME * (np.eye(300) - scale[:, None] * W * scale))
    i, j = graph.first, graph.second
    exact = heat[i, j] / np.sqrt(heat[i, i] * heat[j, j])
    found = np.array([prune._heat_cosines(graph, seed) for seed in range(20)])
    error = (1 - exact**2) / math.sqrt(prune.SKETCH_COLUMNS)  # of a sketched cosine
    # The mean over 20 sketches within five standard errors; the bias is of the order of error².
    assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * error / math.sqrt(20) + 0.002)
    assert np.abs(found.std(axis=0).mean() / error.mean() - 1) < 0.2


def walk(graph, X, nodes, seed, duration, n_walks=127):
    n, d = len(nodes), X.shape[1]
    clouds, centres = np.empty((n, n_walks), np.int32), np.empty((n, d))
    spreads, sizes, nodes = np.zeros(n), np.empty(n, np.int32), nodes.astype(np.int32)
    walks.walk_ends(
        graph.indptr, graph.indices, graph.weights, graph.totals, nodes, np.uint64(seed), duration,
        clouds,
    )  # fmt: skip
    walks.cloud_shapes(X, clouds, np.ones(d), 40, centres, spreads, sizes)
    return clouds, centres, spreads, sizes


def test_walks_end_where_the_heat_equation_says():
    A = random_graph(12, 0, 0.3)
    graph = prune._Graph(A, A)
    W = A.toarray()
    heat = expm(2.0 * (W / W.sum(axis=1, keepdims=True) - np.eye(12)))
    nodes = np.arange(12)
    ends = np.hstack([walk(graph, np.zeros((12, 1)), nodes, s, 2.0)[0] for s in range(100)])
    found = np.array([np.bincount(row, minlength=12) for row in ends]) / ends.shape[1]
    # 144 binomial shares: five standard errors.
    assert np.all(np.abs(found - heat) < 5 * np.sqrt(heat * (1 - heat) / ends.shape[1]) + 1e-12)


def test_hidden_edges_are_not_walked_and_can_be_shown_again():
    A = random_graph(30, 1)
    graph = prune._Graph(A, A)
    weights, totals = graph.weights.copy(), graph.totals.copy()
    edges = np.arange(0, len(graph.first), 2)
    graph.hide(edges)
    hidden = A.toarray()
    hidden[graph.first[edges], graph.second[edges]] = 0
    hidden[graph.second[edges], graph.first[edges]] = 0
    np.testing.assert_allclose(graph.totals, hidden.sum(axis=1), rtol=1e-13)
    _, labels = connected_components(hidden)
    clouds = walk(graph, np.zeros((30, 1)), np.arange(30), 0, 20.0)[0]
    assert np.all(labels[clouds] == labels[:, None])
    graph.show(edges)
    np.testing.assert_array_equal(graph.weights, weights)
    np.testing.assert_allclose(graph.totals, totals, rtol=1e-13)


def test_shapes_of_clouds_match_numpy():
    rng = np.random.default_rng(2)
    A = random_graph(200, 2, 0.05)
    graph = prune._Graph(A, A)
    X = rng.normal(size=(200, 3)) * [5, 1, 1]
    nodes = np.arange(0, 200, 40)
    clouds, centres, spreads, sizes = walk(graph, X, nodes, 0, 5.0)

    def variance(values):
        return (1.4826 * np.median(np.abs(values - np.median(values)))) ** 2

    for k, cloud in enumerate(clouds):
        assert sizes[k] == len(np.unique(cloud))
        np.testing.assert_array_equal(centres[k], np.median(X[cloud], axis=0))
        offsets = X[cloud] - centres[k]
        norms = np.linalg.norm(offsets, axis=1, keepdims=True)
        signs = np.divide(offsets, norms, out=np.zeros_like(offsets), where=norms > 0)
        leading = np.linalg.eigh(signs.T @ signs)[1][:, -1]
        np.testing.assert_allclose(spreads[k], variance(offsets @ leading), rtol=1e-6)
    first, second = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 3])
    ratios, alignments = np.empty(4), np.empty(4)
    walks.cloud_gaps(X, clouds, centres, spreads, first, second, ratios, alignments)
    for e in range(3):
        a, b = first[e], second[e]
        gap = centres[b] - centres[a]
        along = gap / np.linalg.norm(gap)
        within = variance(X[clouds[a]] @ along) + variance(X[clouds[b]] @ along)
        np.testing.assert_allclose(ratios[e], gap @ gap / within, rtol=1e-9)
        np.testing.assert_allclose(alignments[e], within / (spreads[a] + spreads[b]), rtol=1e-9)
    assert ratios[3] == 0  # one cloud


@pytest.mark.parametrize("seed", range(5))
def test_the_edges_kept_are_those_of_a_spanning_forest(seed):
    A = random_graph(60, seed, 0.03)
    graph = prune._Graph(A, A)
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(size=len(graph.first))
    edges = np.flatnonzero(rng.uniform(size=len(graph.first)) < 0.7)
    # The oracle: one forest of the whole graph, in which other edges come first.
    costs = 2 - cosines
    costs[edges] += 10
    whole = sparse.csr_matrix((costs, (graph.first, graph.second)), shape=A.shape)
    tree = edges_of(sparse.triu(minimum_spanning_tree(whole)))
    expected = [(graph.first[e], graph.second[e]) in tree for e in edges]
    assert prune._needed(graph, cosines, edges).tolist() == expected


def test_medians_of_groups():
    labels, values = np.array([2, 0, 2, 2, 0, 5]), np.array([1.0, 4, 9, 3, 8, 7])
    present, medians = prune._group_medians(labels, values)
    assert (present.tolist(), medians.tolist()) == ([0, 2, 5], [6.0, 3.0, 7.0])


# --- New points ---------------------------------------------------------------------------------


def test_new_points_trust_neighbours_on_their_own_sheet(noisy_roll):
    roll, _, _, (_, pruned, _) = noisy_roll
    landmarks = np.arange(0, 700, 10)
    to_landmarks = dijkstra(pruned, directed=False, indices=landmarks).T
    rng = np.random.default_rng(1)
    held = rng.permutation(700)[:200]
    new = roll.clean[held] + rng.normal(size=(200, 10))
    lengths = np.linalg.norm(new[:, None] - roll.data, axis=2)
    indices = np.argsort(lengths, axis=1)[:, :10]
    lengths = np.take_along_axis(lengths, indices, axis=1)
    keep = prune.query_keep(to_landmarks, indices, lengths)
    assert keep.any(axis=1).all()
    away = np.array([roll.geodesics([i], row)[0] for i, row in zip(held, indices, strict=True)])

    def mixed(trusted):
        """Queries with neighbours both on their own winding and on another."""
        return np.sum((trusted & (away < 10)).any(axis=1) & (trusted & (away > 30)).any(axis=1))

    assert mixed(np.ones_like(keep)) > 5
    assert mixed(keep) <= 1
    assert keep[away < 10].mean() > 0.9


def test_a_new_point_on_a_training_point_keeps_it(noisy_roll):
    roll, _, _, (_, pruned, _) = noisy_roll
    to_landmarks = dijkstra(pruned, directed=False, indices=np.arange(0, 700, 50)).T
    lengths = np.linalg.norm(roll.data[:, None] - roll.data, axis=2)
    indices = np.argsort(lengths, axis=1)[:, :10]
    lengths = np.take_along_axis(lengths, indices, axis=1)
    keep = prune.query_keep(to_landmarks, indices, lengths)
    assert keep[:, 0].all()


def test_n_jobs_reaches_every_loop(monkeypatch):
    seen = []

    def spy(work, n_items, *, n_jobs=None, **options):
        seen.append(n_jobs)
        return run_slices(work, n_items, n_jobs=n_jobs, **options)

    run_slices = prune.run_slices
    monkeypatch.setattr(prune, "run_slices", spy)
    X = np.random.default_rng(0).normal(size=(60, 2))
    KNNGraph(5, prune="heat", random_state=0, n_jobs=1).fit(X)
    assert len(seen) >= 3
    assert set(seen) == {1}
    prune.query_keep(np.ones((60, 2)), np.zeros((3, 1), int), np.ones((3, 1)), n_jobs=2)
    assert seen[-1] == 2


# --- Bad input ----------------------------------------------------------------------------------


def test_bad_input_is_named():
    X = np.random.default_rng(0).normal(size=(20, 2))
    A, D = graph_of(X, 4)
    with pytest.raises(TypeError, match="distances is a ndarray"):
        prune_shortcuts(X, A, D.toarray())
    with pytest.raises(ValueError, match="do not match"):
        prune_shortcuts(X[:-1], A, D)
    with pytest.raises(ValueError, match="NaN"):
        prune_shortcuts(np.where(X[0, 0] == X, np.nan, X), A, D)
    with pytest.raises(ValueError, match="same edges"):
        prune_shortcuts(X, sparse.csr_matrix(A.shape), D)
    with pytest.raises(ValueError, match="symmetric"):
        prune_shortcuts(X, sparse.triu(A, 1).tocsr(), sparse.triu(D, 1).tocsr())
    with pytest.raises(ValueError, match="cosine=1.5"):
        prune_shortcuts(X, A, D, cosine=1.5)
    with pytest.raises(ValueError, match="cosine='a' must be a number"):
        prune_shortcuts(X, A, D, cosine="a")
    with pytest.raises(ValueError, match="affinity must be symmetric"):
        prune_shortcuts(X, A + sparse.triu(A, 1), D)
    with pytest.raises(ValueError, match="detour=0.5"):
        prune_shortcuts(X, A, D, detour=0.5)


def test_an_empty_graph_and_coincident_points_are_left_alone():
    empty = sparse.csr_array((5, 5))
    assert len(prune_shortcuts(np.zeros((5, 2)), empty, empty)[2]) == 0
    full = sparse.csr_array(1.0 - np.eye(5))
    assert len(prune_shortcuts(np.ones((5, 2)), full, full)[2]) == 0

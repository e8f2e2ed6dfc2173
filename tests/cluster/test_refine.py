"""Moves of nodes between blocks: the likelihood they raise, and what they leave alone."""

import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import SparseGraphClustering, refine_blocks
from kernlab.cluster._refine import _rates
from kernlab.cluster._refine_numba import block_table, move_nodes
from kernlab.cluster._scores import block_log_likelihood, cluster_weights
from kernlab.exceptions import IsolatedNodesWarning
from kernlab.graph._adjacency import as_adjacency


def blocks(n_nodes, n_blocks, within, across, seed=0):
    """A sparse block model by its definition; mean degrees within the block and to all others."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_nodes) % n_blocks)
    same = labels[:, None] == labels
    p = np.where(same, within, across / (n_blocks - 1)) * n_blocks / n_nodes
    upper = np.triu(rng.random((n_nodes, n_nodes)) < p, 1)
    return sp.csr_array((upper | upper.T).astype(float)), labels


def likelihood(adjacency, labels):
    return block_log_likelihood(
        cluster_weights(adjacency, np.unique(labels, return_inverse=True)[1])
    )[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.booleans())
def test_the_likelihood_never_falls_and_no_cluster_is_lost(seed, k, weighted):
    rng = np.random.default_rng(seed)
    A = np.triu(rng.random((25, 25)) < 0.2, 1) * (rng.random((25, 25)) if weighted else 1.0)
    A = A + A.T
    start = rng.permutation(np.arange(25) % k)
    refined = refine_blocks(A, start, random_state=seed)
    assert likelihood(A, refined) >= likelihood(A, start)
    assert set(refined) == set(start)
    isolated = A.sum(axis=1) == 0
    assert np.array_equal(refined[isolated], start[isolated])


def test_a_sweep_raises_the_likelihood_at_fixed_rates_by_single_moves():
    A = as_adjacency(blocks(200, 3, 6, 4)[0])  # indices of 32 bits, as compiled for the others
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 200).astype(np.int32)
    table = block_table(A.indptr, A.indices, A.data, labels, 3)
    np.testing.assert_array_equal(table, cluster_weights(A, labels)[0])
    degrees, kappa = np.asarray(A.sum(axis=1)).ravel(), table.sum(axis=1)
    omega = table / np.outer(kappa, kappa)

    def value(z):
        h = np.eye(3)[z]
        m, q = h.T @ (A @ h), h.T @ degrees
        return 0.5 * (np.sum(m * np.log(omega)) - q @ omega @ q)

    before = value(labels)
    for node in rng.permutation(200):
        # One node by hand: the best of all its labels, the likelihood computed anew for each.
        trial = np.array([value(np.where(np.arange(200) == node, c, labels)) for c in range(3)])
        sizes = np.bincount(labels, minlength=3)
        one = np.array([node], np.int32)
        move_nodes(A.indptr, A.indices, A.data, one, labels, sizes, kappa, omega, np.log(omega))
        if degrees[node]:
            # Rounding of sums of a thousand terms.
            assert value(labels) == pytest.approx(trial.max(), abs=1e-9)
        assert np.array_equal(sizes, np.bincount(labels, minlength=3))
        np.testing.assert_allclose(kappa, np.bincount(labels, degrees, 3), atol=1e-9)
    assert value(labels) > before


@pytest.mark.parametrize(("within", "across"), [(10, 2), (0.5, 17.5)])
def test_blurred_labels_become_sharp(within, across):
    A, truth = blocks(900, 3, within, across)
    rng = np.random.default_rng(0)
    start = np.where(rng.random(900) < 0.3, rng.integers(0, 3, 900), truth)
    refined = refine_blocks(A, start, random_state=0)
    # A fifth of the labels are wrong at first; of the edges of a node a sixth at most mislead.
    assert adjusted_rand_score(truth, start) < 0.6
    assert adjusted_rand_score(truth, refined) > 0.9


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e150])
def test_scale_of_the_weights_and_names_of_the_labels_are_no_matter(scale):
    graph = nx.karate_club_graph()
    A = nx.to_scipy_sparse_array(graph)
    start = np.arange(34) % 2
    expected = refine_blocks(A, start, random_state=3)
    assert np.array_equal(refine_blocks(A * scale, start, random_state=3), expected)
    named = refine_blocks(graph, np.array(["a", "b"])[start], random_state=3)
    assert np.array_equal(named == "b", expected == 1)
    assert np.array_equal(start, np.arange(34) % 2)


def test_rates_of_light_blocks_are_their_own():
    # Two blocks of weights so small beside those of the third that between them are less than half
    # a mean edge, whatever the labels, and within them too.
    A, truth = blocks(600, 3, 12, 3)
    A = A.tocoo()
    A.data = np.where((truth[A.row] == 0) & (truth[A.col] == 0), 1.0, 1e-5)
    rng = np.random.default_rng(0)
    swapped = (rng.random(600) < 0.25) & (truth > 0)
    refined = refine_blocks(A, np.where(swapped, 3 - truth, truth), random_state=0)
    # 12 edges to the own block against 1.5 to each other; a quarter misled is three to one.
    assert adjusted_rand_score(truth, refined) > 0.95


def test_rates_are_finite_and_zero_ones_the_least():
    tables = [
        [[4.0, 0.0], [0.0, 2.0]],
        [[4.0, 1e-3], [1e-3, 0.0]],
        [[1.0, 1e-308], [1e-308, 0.0]],
        [[1e-200, 0.0], [0.0, 1e-308]],
    ]
    for table in map(np.array, tables):
        omega, logs = _rates(table, 1.0)
        assert np.isfinite(omega).all()
        kappa = np.log(table.sum(axis=1))
        numerators = logs + kappa + kappa[:, None]
        some = table > 0
        # Rounding of sums of logarithms of up to 700 each.
        np.testing.assert_allclose(numerators[some], np.log(table[some]), atol=1e-12)
        assert np.all(numerators[~some] <= np.log(min(0.5, 0.5 * table[some].min())) + 1e-12)
    # Of a graph without weights as ever: half an edge, where the least that two share is four.
    assert _rates(np.array([[8.0, 0], [0, 4.0]]), 1.0)[1][0, 1] == np.log(0.5) - np.log(8 * 4.0)


def test_blocks_without_edges_draw_nobody():
    A, truth = blocks(300, 3, 10, 2)
    rng = np.random.default_rng(0)
    start = np.where(rng.random(300) < 0.2, rng.integers(0, 3, 300), truth)
    expected = refine_blocks(A, start, random_state=0)
    lone = sp.block_diag([A, np.zeros((1, 1))])
    refined = refine_blocks(lone, np.append(start, 3), random_state=0)
    assert refined[-1] == 3
    assert adjusted_rand_score(truth, refined[:-1]) > adjusted_rand_score(truth, start) + 0.2
    assert likelihood(A, refined[:-1]) == pytest.approx(likelihood(A, expected), rel=1e-2)


def test_weights_too_far_apart_for_floats_stay_edges():
    # Relative to the largest, the others are no floats: once zeros, of which a node with more than
    # there are blocks wrote beyond an array.
    A = np.zeros((60, 60))
    A[0, 1:] = A[1:, 0] = 1e-200
    A[0, 1] = A[1, 0] = 1e200
    start = np.arange(60) % 2
    refined = refine_blocks(A, start, random_state=0)
    assert set(refined) == {0, 1}
    assert likelihood(A / 1e200, refined) >= likelihood(A / 1e200, start)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = SparseGraphClustering(2, refine=True, random_state=0).fit_predict(A)
    assert len(labels) == 60
    assert not any(issubclass(one.category, IsolatedNodesWarning) for one in caught)


def test_stored_zeros_are_counted_as_one_block():
    # One node beside 50 others with weight zero, in two blocks: the visit ends within its arrays.
    A = np.zeros((51, 51))
    A[0, 1:] = A[1:, 0] = 1.0
    A = sp.csr_matrix(A)
    A.data[:] = 0.0
    labels = np.arange(51, dtype=np.int32) % 2
    sizes = np.bincount(labels)
    # Under NUMBA_BOUNDSCHECK=1, and in Python, a write beyond them is an error.
    moves = move_nodes.py_func(
        A.indptr, A.indices, A.data, np.arange(51, dtype=np.int32), labels, sizes, np.ones(2),
        np.eye(2), np.zeros((2, 2)),
    )  # fmt: skip
    assert moves == 0


def test_graphs_without_edges_and_single_clusters_stay():
    assert refine_blocks(np.zeros((4, 4)), [0, 1, 1, 5]).tolist() == [0, 1, 1, 5]
    assert refine_blocks(nx.path_graph(4), [7, 7, 7, 7]).tolist() == [7, 7, 7, 7]
    assert set(refine_blocks(nx.path_graph(4), [0, 1, 2, 3])) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1], {}, r"labels has shape \(2,\); X has 4 nodes"),
        ([0, 1, np.nan, 0], {}, "labels holds NaN"),
        (["a", None, "a", "b"], {}, "labels holds None, NaN or NA"),
        (["a", np.nan, "a", "b"], {}, "labels holds None, NaN or NA"),
        (np.array(["a", 1, "a", "b"], dtype=object), {}, "labels holds values of several kinds"),
        ([0, 1, 0, 1], {"max_iter": 0}, "max_iter=0 must be an integer"),
        ([0, 1, 0, 1], {"max_iter": 1.5}, "max_iter=1.5 must be an integer"),
    ],
)
def test_bad_input_is_refused(labels, options, message):
    with pytest.raises(ValueError, match=message):
        refine_blocks(nx.path_graph(4), labels, **options)

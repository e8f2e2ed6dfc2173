"""Counts of communities against the definition of the Bethe Hessian, and on graphs of chance."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.cluster import count_communities
from kernlab.cluster._detect import BetheHessian
from kernlab.graph._adjacency import as_adjacency


def by_definition(A):
    """Negative eigenvalues of (r^2 - 1) I - r A + D at both signs of r."""
    d = A.sum(axis=1)
    square = np.sum(d * (d - 1)) / d.sum()
    counts = []
    for r in (np.sqrt(square), -np.sqrt(square)):
        H = (square - 1) * np.eye(len(d)) - r * A + np.diag(d)
        counts.append(int(np.sum(np.linalg.eigvalsh(H) < 0)))
    return tuple(counts)


@pytest.mark.parametrize(
    "graph",
    [
        nx.planted_partition_graph(4, 60, 0.2, 0.02, seed=1),
        nx.planted_partition_graph(3, 80, 0.01, 0.15, seed=1),
        nx.barabasi_albert_graph(300, 3, seed=0),
        nx.complete_bipartite_graph(8, 9),
        nx.karate_club_graph(),
        nx.les_miserables_graph(),
    ],
    ids=["assortative", "disassortative", "hubs", "bipartite", "karate", "miserables"],
)
def test_the_definition(graph):
    A = nx.to_numpy_array(graph, weight=None)
    A = A[A.any(axis=1)][:, A.any(axis=1)]
    count = count_communities(A)
    assert count.complete
    assert (count.assortative, count.disassortative) == by_definition(A)


def test_communities_that_are_plain():
    # One of them the whole: 12 cliques on a ring; two colours; the club's two factions, with the
    # numbers of common activities as weights, and without.
    assert count_communities(nx.ring_of_cliques(12, 5)) == (12, 0, True)
    assert count_communities(nx.complete_bipartite_graph(20, 20)) == (1, 1, True)
    assert count_communities(nx.karate_club_graph()) == (2, 0, True)
    assert count_communities(nx.karate_club_graph(), max_communities=1) == (1, 0, False)


@pytest.mark.parametrize("seed", range(3))
def test_chance_has_no_communities(seed):
    for graph in (
        nx.gnm_random_graph(300, 900, seed=seed),
        nx.gnm_random_graph(1500, 9000, seed=seed),
        nx.barabasi_albert_graph(400, 4, seed=seed),
    ):
        assert count_communities(graph, random_state=seed) == (1, 0, True)


def test_trees_rings_and_nothing():
    for graph in (nx.balanced_tree(2, 6), nx.cycle_graph(50), nx.star_graph(40)):
        assert count_communities(graph) == (0, 0, True)
    assert count_communities(np.zeros((3, 3))) == (0, 0, True)
    assert count_communities(nx.complete_graph(30)) == (1, 0, True)


def test_weights():
    rng = np.random.default_rng(0)
    truth = np.arange(300) % 3
    W = np.triu(rng.lognormal(size=(300, 300)), 1)
    noise = W + W.T
    assert count_communities(noise) == (1, 0, True)
    signal = noise * np.where(truth[:, None] == truth, 2.0, 1.0)
    expected = count_communities(signal)
    assert expected == (3, 0, True)
    for scale in (1e-150, 1e150):
        assert count_communities(signal * scale) == expected
    # An affinity whose entries reach down to the smallest floats.
    x = np.concatenate([rng.normal(size=60), rng.normal(size=60) + 40])
    affinity = np.exp(-10 * np.subtract.outer(x, x) ** 2 / 2)
    assert count_communities(affinity - np.diag(np.diag(affinity))).assortative >= 2


@pytest.mark.parametrize("sign", [0, 1, -1])
def test_filtered_eigenvectors_are_those_of_a_dense_solver(sign):
    rng = np.random.default_rng(0)
    truth = np.arange(1200) % 4
    p = np.where(truth[:, None] == truth, 0.06, 0.005)
    upper = np.triu(rng.random(p.shape) < p, 1)
    adjacency = as_adjacency(sp.csr_array(upper + upper.T, dtype=float))
    operator = BetheHessian(adjacency)
    values, vectors = operator.leading(4, rng=np.random.RandomState(0), sign=sign)
    dense = np.linalg.eigvalsh(operator.matrix.toarray().astype(float))
    if sign >= 0:
        # Residuals of at most 0.02, which enter eigenvalues squared, over gaps of a tenth or more.
        np.testing.assert_allclose(values, dense[::-1][:4], atol=4e-3)
        residual = np.linalg.norm(operator.matrix @ vectors - vectors * values, axis=0)
        assert residual.max() < 0.025
    else:
        assert values[0] == pytest.approx(dense[-1], abs=4e-3)
        assert np.all(values[1:] < 0)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-4)


def test_the_matrix_is_congruent_to_the_weighted_bethe_hessian():
    A = nx.to_numpy_array(nx.les_miserables_graph())
    A = np.minimum(A, 3.0)
    operator = BetheHessian(sp.csr_array(A))
    d2, d4 = (A**2).sum(axis=1), (A**4).sum()
    square = (d2 @ d2 - d4) / d2.sum()
    r = np.sqrt(square)
    assert r > 2 * 3.0  # so that no weight is capped
    ratio = A / (square - A**2)
    H = np.diag(1 + (A * ratio).sum(axis=1)) - r * ratio
    scaled = operator.scale[:, None] * H * operator.scale
    np.testing.assert_allclose(np.eye(len(A)) - scaled, operator.matrix.toarray(), atol=1e-6)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="max_communities=0 must be an integer"):
        count_communities(nx.path_graph(3), max_communities=0)
    with pytest.raises(ValueError, match="X is not symmetric"):
        count_communities([[0, 1], [0, 0]])

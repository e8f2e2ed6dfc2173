"""Clusters of sparse graphs: planted ones found, none where there are none, and odd graphs."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import FunctionTransformer

from kernlab.cluster import SparseGraphClustering
from kernlab.exceptions import IsolatedNodesWarning, UndetectableCommunitiesWarning


def blocks(n_nodes, n_blocks, within, across, seed=0):
    """Edges drawn with mean degrees within the block and to all others, shuffled nodes."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_nodes) % n_blocks)
    members = np.argsort(labels, kind="stable").reshape(n_blocks, -1)
    size = n_nodes // n_blocks
    inside, outside = rng.poisson(n_nodes * within / 2), rng.poisson(n_nodes * across / 2)
    u = rng.integers(0, n_nodes, inside + outside)
    block = labels[u]
    block[inside:] += rng.integers(1, n_blocks, outside)
    v = members[block % n_blocks, rng.integers(0, size, len(u))]
    A = sp.coo_array((np.ones(len(u)), (u, v)), shape=(n_nodes, n_nodes)).tocsr()
    A = A + A.T
    A.setdiag(0)
    A.eliminate_zeros()
    A.data[:] = 1.0
    return A, labels


def test_planted_blocks_and_what_refinement_adds():
    A, truth = blocks(4000, 4, 9, 3)
    plain = SparseGraphClustering(4, random_state=0).fit(A)
    refined = SparseGraphClustering(4, refine=True, random_state=0, n_jobs=2).fit(A)
    # A signal-to-noise ratio of 5.3, with 1 the threshold. With all other labels known, 9 Poisson
    # edges to one block against 1 to each other err at some 2 % of the nodes, an index of 0.95.
    assert adjusted_rand_score(truth, plain.labels_) > 0.85
    assert adjusted_rand_score(truth, refined.labels_) > adjusted_rand_score(truth, plain.labels_)
    assert adjusted_rand_score(truth, refined.labels_) > 0.9
    assert plain.n_detectable_ == 4
    assert plain.n_features_in_ == 4000
    np.testing.assert_array_equal(plain.embedding_, refined.embedding_)
    lengths = np.linalg.norm(plain.embedding_, axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1.0, atol=1e-5)


@pytest.mark.parametrize("weight", [1e-3, 1e-100])
def test_nodes_of_small_weights_have_the_labels_of_their_neighbours(weight):
    # More of these nodes than others: 1200 with eight edges each into one block, and as many behind
    # them with one edge, smaller still. Their rows are below the eigensolver's error.
    A, truth = blocks(1050, 2, 16, 4)
    rng, n, m = np.random.default_rng(1), 1050, 1200
    side = np.arange(m) % 2
    linked = [rng.choice(np.flatnonzero(truth == one), 8) for one in side]
    near = sp.coo_array(
        (np.full(8 * m, weight), (np.repeat(np.arange(m), 8), np.ravel(linked))), shape=(m, n)
    )
    far = weight**2 * sp.eye_array(m)
    A = sp.block_array([[A, near.T, None], [near, None, far], [None, far, None]])
    model = SparseGraphClustering(2, random_state=0).fit(A)
    labels = model.labels_
    # 16 Poisson edges to the own block against 4: one node in a thousand errs.
    assert adjusted_rand_score(truth, labels[:n]) > 0.97
    # A majority of eight neighbours that are right but for one in a hundred.
    assert adjusted_rand_score(side, labels[n : n + m]) > 0.99
    np.testing.assert_array_equal(labels[n + m :], labels[n : n + m])
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1.0, atol=1e-5)


def test_a_chain_has_the_label_of_the_node_it_hangs_from():
    A, truth = blocks(1050, 2, 16, 4)
    chain = nx.to_scipy_sparse_array(nx.path_graph(400))
    A = sp.block_diag([A, chain]).tolil()
    A[0, 1050] = A[1050, 0] = 1.0
    labels = SparseGraphClustering(2, random_state=0).fit_predict(A.tocsr())
    assert adjusted_rand_score(truth, labels[:1050]) > 0.97
    # But for what the last eigenvectors make of its near end, in a few nodes, all of it is noise.
    assert np.all(labels[1060:] == labels[0])


def test_more_clusters_than_stand_out_and_fewer():
    A, _ = blocks(1600, 4, 20, 2)
    for n_clusters, expected in ((1, 2), (2, 2), (4, 4), (20, 4)):
        model = SparseGraphClustering(n_clusters, random_state=0).fit(A)
        assert model.n_detectable_ == expected
        assert len(np.unique(model.labels_)) == n_clusters
        assert model.eigenvalues_.shape == (max(2, n_clusters),)


def test_below_the_threshold_it_says_so():
    A, truth = blocks(4000, 4, 5, 9)  # a signal-to-noise ratio of 0.29
    with pytest.warns(
        UndetectableCommunitiesWarning, match=r"no detectable.*4 labels mean nothing"
    ):
        model = SparseGraphClustering(4, refine=True, random_state=0).fit(A)
    assert model.n_detectable_ == 1
    assert abs(adjusted_rand_score(truth, model.labels_)) < 0.02


def test_disassortative_blocks():
    A, truth = blocks(1500, 3, 1, 20)
    model = SparseGraphClustering(3, random_state=0).fit(A)
    assert np.all(model.eigenvalues_[1:] < -1)
    assert adjusted_rand_score(truth, model.labels_) > 0.9
    with pytest.warns(IsolatedNodesWarning, match="1 of 1501 nodes"):
        lone = SparseGraphClustering(3, random_state=0).fit(sp.block_diag([A, np.zeros((1, 1))]))
    assert lone.labels_[-1] == np.bincount(lone.labels_[:-1]).argmax()
    assert not lone.embedding_[-1].any()
    np.testing.assert_array_equal(lone.labels_[:-1], model.labels_)


def test_two_colours_or_two_halves():
    # Two even grids, joined by an edge: black and white squares, or left and right.
    grid = nx.disjoint_union(nx.grid_2d_graph(8, 8), nx.grid_2d_graph(8, 8))
    grid.add_edge(63, 64)
    halves = np.repeat([0, 1], 64)
    labels = SparseGraphClustering(2, assortativity="assortative", random_state=0).fit_predict(grid)
    assert adjusted_rand_score(halves, labels) == 1
    colours = np.array([nx.bipartite.color(grid)[node] for node in grid])
    model = SparseGraphClustering(2, assortativity="disassortative", random_state=0).fit(grid)
    assert adjusted_rand_score(colours, model.labels_) == 1


@pytest.mark.parametrize("embedding", ["landmark", "sketch", "own"])
def test_other_embeddings(embedding):
    A, truth = blocks(1200, 3, 14, 6)
    if embedding == "own":
        embedding = FunctionTransformer(lambda A: A @ np.eye(3)[truth], accept_sparse=True)
    model = SparseGraphClustering(3, embedding=embedding, refine=True, random_state=0).fit(A)
    assert adjusted_rand_score(truth, model.labels_) > 0.9
    assert model.n_detectable_ == 2


def test_parts_of_a_graph_and_one_cluster():
    cliques = nx.disjoint_union_all([nx.complete_graph(10), nx.complete_graph(12)])
    labels = SparseGraphClustering(2, random_state=0).fit_predict(cliques)
    assert adjusted_rand_score(np.repeat([0, 1], [10, 12]), labels) == 1
    assert not SparseGraphClustering(1, random_state=0).fit_predict(cliques).any()
    scaled = SparseGraphClustering(2, refine=True, random_state=0)
    for scale in (1e-150, 1e150):
        A = nx.to_numpy_array(cliques) * scale
        assert adjusted_rand_score(scaled.fit_predict(A), labels) == 1


def test_as_many_clusters_as_nodes_and_more():
    square = nx.cycle_graph(4)
    with pytest.warns(UndetectableCommunitiesWarning):
        labels = SparseGraphClustering(4, random_state=0).fit_predict(square)
    assert set(labels) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="n_clusters=5 is more than n_samples=4"):
        SparseGraphClustering(5).fit(square)
    square.add_node("alone")
    with pytest.raises(ValueError, match="more than the number of nodes with edges, 4"):
        SparseGraphClustering(5).fit(square)
    with pytest.raises(ValueError, match="X is not symmetric"):
        SparseGraphClustering(1).fit(np.triu(np.ones((3, 3))))

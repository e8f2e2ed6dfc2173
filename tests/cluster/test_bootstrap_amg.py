"""Bootstrap multigrid: what its cycles leave is smooth, beside dense eigenvectors."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import AttributedGraphClustering
from kernlab.cluster._bootstrap_amg import (
    Hierarchy,
    _coarser,
    definite_laplacian,
    smooth_basis,
)


def _csr(graph):
    return sp.csr_array(nx.to_scipy_sparse_array(graph, dtype=float))


GRAPHS = {
    "grid": (_csr(nx.grid_2d_graph(8, 8)), 3),
    "planted": (_csr(nx.planted_partition_graph(3, 30, 0.4, 0.01, seed=0)), 3),
    "ring of cliques": (_csr(nx.ring_of_cliques(6, 6)), 3),
}


def _cosine(found, expected):
    """Of the largest angle of a vector of ``expected`` with the span of ``found``."""
    q = np.linalg.qr(found)[0]
    return np.linalg.svd(q.T @ expected, compute_uv=False).min()


@pytest.mark.parametrize("name", GRAPHS)
def test_the_span_holds_the_lowest_eigenvectors(name):
    graph, k = GRAPHS[name]
    degrees = graph.sum(axis=1)
    dense = np.eye(len(degrees)) - graph.toarray() / np.sqrt(np.outer(degrees, degrees))
    lowest = np.linalg.eigh(dense)[1][:, :k]
    matrix, part = definite_laplacian(graph)
    basis = smooth_basis(matrix, part, k, np.random.default_rng(0))
    np.testing.assert_allclose(np.sum(basis * (matrix @ basis), axis=0), 1.0, rtol=1e-8)
    # An angle of at most four degrees; as many random vectors are at sixty or more.
    assert _cosine(np.sqrt(degrees)[:, None] * basis, lowest) > np.cos(np.radians(4))
    random = np.random.default_rng(1).standard_normal(basis.shape)
    assert _cosine(random, lowest) < 0.5


@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e100])
def test_every_part_gets_one_rank_and_the_matrix_is_definite(scale):
    graph = nx.disjoint_union(nx.path_graph(5), nx.cycle_graph(4))
    adjacency = nx.to_numpy_array(graph)
    adjacency = np.pad(adjacency, (0, 1))
    adjacency[9, 9] = 3.0  # a node with no edge but to itself
    adjacency *= scale
    matrix = definite_laplacian(sp.csr_array(adjacency))[0].toarray() / scale
    added = matrix - (np.diag(adjacency.sum(axis=1)) - adjacency) / scale
    assert np.linalg.matrix_rank(added) == 3
    assert np.linalg.eigvalsh(added).min() > -1e-12
    assert np.linalg.eigvalsh(matrix).min() > 0.01


def test_coarse_spaces_hold_the_vector_and_halve_the_nodes():
    rng = np.random.default_rng(0)
    star = definite_laplacian(_csr(nx.star_graph(50)))[0]
    for matrix in (definite_laplacian(GRAPHS["grid"][0])[0], star):
        w = rng.standard_normal(matrix.shape[0])
        coarse, coarse_w, prolong = _coarser(matrix, w, rng)
        np.testing.assert_allclose(prolong @ coarse_w, w, rtol=1e-12)
        gram = (prolong.T @ prolong).toarray()
        np.testing.assert_allclose(gram, np.eye(len(coarse_w)), atol=1e-12)
        expected = prolong.T.toarray() @ matrix.toarray() @ prolong.toarray()
        np.testing.assert_allclose(coarse.toarray(), expected, atol=1e-12)
        # A star has one pair, which its other leaves join.
        assert len(coarse_w) <= len(w) / 2


@pytest.mark.parametrize("name", GRAPHS)
def test_a_cycle_is_symmetric_and_contracts(name):
    matrix = definite_laplacian(GRAPHS[name][0])[0]
    n = matrix.shape[0]
    hierarchy = Hierarchy(matrix, np.ones(n), np.random.default_rng(0))
    inverse = np.column_stack([hierarchy.cycle(b) for b in np.eye(n)])
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-10)
    root = np.linalg.cholesky(matrix.toarray())
    # Of the error in energy: symmetric Gauss-Seidel and Galerkin corrections have 0 <= e < 1.
    left = 1 - np.linalg.eigvalsh(root.T @ inverse @ root)
    assert left.min() > -1e-10
    assert left.max() < 1.0


def _model(n_clusters, **settings):
    return AttributedGraphClustering(
        n_clusters, smooth_vectors="bootstrap-amg", n_init=2, random_state=0, **settings
    )


def test_clear_clusters_are_those_of_eigenvectors():
    graph = GRAPHS["planted"][0]
    truth = np.repeat(np.arange(3), 30)
    model = _model(3).fit(graph)
    eigen = AttributedGraphClustering(3, n_init=2, random_state=0).fit(graph)
    assert adjusted_rand_score(truth, eigen.labels_) == 1.0
    # One node of 90 moved is .03.
    assert adjusted_rand_score(truth, model.labels_) > 0.96


@pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning")
def test_attributes_parts_and_few_nodes():
    graph = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(8))
    parts = np.repeat([0, 1], 8)
    assert adjusted_rand_score(parts, _model(2).fit_predict(graph)) == 1.0
    tiny = nx.to_numpy_array(graph) * 1e-150
    assert adjusted_rand_score(parts, _model(2).fit_predict(tiny)) == 1.0
    graph.add_edges_from((i, i + 8) for i in range(6))
    teams = ["a"] * 8 + ["b"] * 8
    model = _model(2, attribute_weight=1.0).fit(graph, attributes=teams)
    assert adjusted_rand_score(parts, model.labels_) == 1.0
    again = _model(2, attribute_weight=1.0).fit(graph, attributes=teams)
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    assert sorted(_model(3).fit_predict(nx.path_graph(3))) == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning")
@pytest.mark.parametrize(("size", "parts"), [(2, 2), (10, 4), (10, 45)])
def test_parts_that_no_edge_joins_are_told_apart(size, parts):
    graph = _csr(nx.disjoint_union_all([nx.complete_graph(size)] * parts))
    model = AttributedGraphClustering(parts, smooth_vectors="bootstrap-amg", random_state=0)
    labels = model.fit(graph).labels_
    assert adjusted_rand_score(np.repeat(np.arange(parts), size), labels) == 1.0


def test_weights_that_levels_have_no_room_for_are_refused():
    graph = nx.to_numpy_array(nx.path_graph(40))
    graph[3, 4] = graph[4, 3] = 1e-150
    model = AttributedGraphClustering(2, smooth_vectors="bootstrap-amg", random_state=0)
    with pytest.raises(ValueError, match="span 1e\\+150.*smooth_vectors='eigenvectors'"):
        model.fit(graph)
    graph[3, 4] = graph[4, 3] = 1e-90
    assert model.fit(graph).labels_.tolist() == [0] * 4 + [1] * 36

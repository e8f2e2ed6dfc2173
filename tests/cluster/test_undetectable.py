"""Warnings of graphs without communities: chance is told, and structure of any kind is not."""

import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
from sklearn.metrics.pairwise import rbf_kernel

from kernlab.cluster import (
    GraphClustering,
    GraphMeasureSearch,
    SparseGraphClustering,
    _undetectable,
)
from kernlab.cluster._undetectable import _bound, warn_if_undetectable
from kernlab.exceptions import UndetectableCommunitiesWarning
from kernlab.graph import KNNGraph, planted_partition
from kernlab.graph._adjacency import as_adjacency

CHANCE = nx.gnp_random_graph(120, 0.1, seed=0)


@pytest.mark.parametrize(
    "model",
    [
        GraphClustering(2, param=0.5, n_init=1, random_state=0),
        GraphMeasureSearch(2, measures=["scct"], params=1, n_init=1, random_state=0),
        SparseGraphClustering(2, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators_tell_of_a_graph_of_chance(model):
    with pytest.warns(UndetectableCommunitiesWarning, match="no detectable.*2 labels mean nothing"):
        model.fit(CHANCE)
    model.set_params(n_clusters=1).fit(CHANCE)


@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("kind", ["equal", "drawn"])
def test_weights_that_say_nothing_are_chance_too(kind, unit):
    adjacency = nx.to_scipy_sparse_array(CHANCE, dtype=float)
    if kind == "drawn":
        # Weights independent of each other, and of who is linked.
        weights = np.random.default_rng(0).exponential(size=(120, 120))
        adjacency = sp.csr_array(adjacency.multiply(weights + weights.T))
    with pytest.warns(UndetectableCommunitiesWarning):
        warn_if_undetectable(adjacency * unit, 3)


def _blobs(n=120):
    points = np.random.default_rng(0).normal(size=(n, 3))
    points[: n // 2, 0] += 4.0
    return points


GRAPHS = {
    "blocks": lambda: planted_partition([60, 60], (0.3, 0.05), random_state=0).adjacency,
    # Beyond 1 in sparse graphs only: here the second eigenvalue is .85, the bound .5.
    "dense blocks": lambda: planted_partition([50, 50], (0.9, 0.6), random_state=0).adjacency,
    "across": lambda: planted_partition([60, 60], (0.02, 0.3), random_state=0).adjacency,
    "dense across": lambda: planted_partition([60, 60], (0.5, 0.9), random_state=0).adjacency,
    "cliques": lambda: nx.ring_of_cliques(25, 4),
    "small groups": lambda: planted_partition([5] * 40, (0.9, 0.02), random_state=0).adjacency,
    "bipartite": lambda: nx.complete_bipartite_graph(50, 70),
    "neighbours": lambda: KNNGraph(8).fit(_blobs()).affinity_,
    "affinities": lambda: rbf_kernel(_blobs()) - np.eye(120),
    "grid": lambda: nx.grid_2d_graph(11, 11),
    "tree": lambda: nx.balanced_tree(2, 6),
    "ring": lambda: nx.cycle_graph(120),
    "in parts": lambda: nx.disjoint_union(CHANCE, nx.complete_graph(4)),
    "small": lambda: nx.gnp_random_graph(60, 0.2, seed=0),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_is_said_of_other_graphs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adjacency = as_adjacency(GRAPHS[name]())
    warn_if_undetectable(adjacency, 2)


def test_clusters_are_not_lost_for_want_of_eigenvalues(monkeypatch):
    def stuck(matrix, **settings):
        return scipy.sparse.linalg.eigsh(matrix, **{**settings, "maxiter": 1, "tol": 1e-15})

    monkeypatch.setattr(_undetectable, "eigsh", stuck)
    graph = as_adjacency(nx.cycle_graph(2000))
    with pytest.raises(scipy.sparse.linalg.ArpackNoConvergence):
        stuck(graph, k=3)
    warn_if_undetectable(graph, 2)


def test_the_bound_is_the_deviation_of_entries():
    # Of n (n - 1) / 2 pairs a share p with edges: p (1 - p) is the variance of an entry.
    graph = nx.to_scipy_sparse_array(CHANCE, dtype=float)
    p = graph.nnz / 120**2
    assert _bound(graph) == pytest.approx(np.sqrt(1 - p), rel=1e-12)
    weighted = rbf_kernel(_blobs())
    expected = np.std(weighted) / np.sqrt(np.mean(weighted**2))
    assert _bound(sp.csr_array(weighted)) == pytest.approx(expected, rel=1e-12)
    assert _bound(sp.csr_array(np.ones((4, 4)))) == 0.0

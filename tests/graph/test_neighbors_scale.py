"""Graphs of points whose scales lie many decades apart."""

import numpy as np
import pytest
from sklearn.base import clone

from kernlab.graph import KNNGraph


@pytest.mark.parametrize("kernel", ["alpha", "knn", "gaussian", "umap"])
@pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning")
def test_columns_and_groups_of_another_scale(kernel):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    graph = KNNGraph(5, kernel=kernel)
    expected = clone(graph).fit(X).affinity_
    constant = clone(graph).fit(np.column_stack([X, np.full(60, 1e165)]))
    assert abs(constant.affinity_ - expected).max() == 0
    far = 1e22 + 1e21 * rng.normal(size=(8, 2))
    assert abs(clone(graph).fit(np.vstack([X, far])).affinity_[:60, :60] - expected).max() < 1e-6
    with pytest.raises(ValueError, match="distances underflow; drop outliers"):
        graph.fit(np.vstack([X, [[1e170, 0.0]]]))


@pytest.mark.parametrize("n_features", [2, 20])
def test_points_too_far_to_square_are_refused(n_features):
    X = np.random.default_rng(0).normal(size=(60, n_features))
    far = np.zeros((2, n_features))
    far[1, 0] = 1e140
    graph = KNNGraph(5).fit(X)
    assert (graph.kneighbors(far)[0][1] == 1e140).all()
    far[1, 0] = 1e200
    with pytest.raises(ValueError, match="X has in row 1 a point more than 1e.150 times"):
        graph.kneighbors(far)


def test_a_kernel_that_hardly_decays_weighs_all_alike():
    graph = KNNGraph(30, decay=1e-3).fit(np.random.default_rng(0).normal(size=(40, 2)))
    # All pairs, at exp(-(d/bandwidth)^0.001), within log(1000)/1000 of exp(-1).
    assert graph.affinity_.nnz == 40 * 39
    np.testing.assert_allclose(graph.affinity_.data, np.exp(-1), rtol=0.007)

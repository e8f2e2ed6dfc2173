"""Random sketches of proximities against dense tables of all pairs."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from proximity_cases import plain_kernel, random_graph

from kernlab.exceptions import MissingExtraError, UnresolvedHeatWarning
from kernlab.graph import GraphSketch, _resolvent
from kernlab.graph._resolvent import resolvent_solve


def with_pendants(A, weights):
    """Nodes linked to the first of A by edges of these weights."""
    n, more = len(A), len(weights)
    W = np.zeros((n + more, n + more))
    W[:n, :n] = A
    W[0, n:] = W[n:, 0] = weights
    return W


def largest_deviation(model, K):
    """Of a sketch from a kernel that the diagonal was scaled to ones of, in standard errors."""
    root = np.sqrt(np.diag(K))
    points = model.embedding_.astype(float) / root[:, None]
    R = K / root / root[:, None]
    return np.max(abs(points @ points.T - R) / np.sqrt((1 + R**2) / model.n_components))


@pytest.mark.parametrize("measure", ["nheat", "heat", "comm", "for", "modifppr", "abs"])
def test_inner_products_are_the_proximity_up_to_chance(measure):
    A = with_pendants(random_graph(12), [1e-7, 1e-3])
    param = {"modifppr": 0.8, "abs": 0.3, "nheat": 30.0}.get(measure, 1.5)
    model = GraphSketch(4000, measure=measure, param=param, centered=False, random_state=0).fit(A)
    # 196 Gaussian errors, none beyond five deviations, each row in units of its own.
    assert largest_deviation(model, plain_kernel(A, measure, param)) < 5


def test_a_centred_sketch_forgets_the_degrees():
    A = nx.barabasi_albert_graph(200, 3, seed=0)
    points = GraphSketch(8, param=200.0, random_state=0).fit_transform(A)
    # Heat that is mixed is the stationary law: nothing is left but rounding.
    assert abs(points).max() < 1e-3
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize(("measure", "param"), [("modifppr", 1 - 1e-7), ("abs", 1e-7)])
def test_a_centred_sketch_of_walks_forgets_the_degrees(measure, param):
    A = nx.to_numpy_array(nx.barabasi_albert_graph(100, 3, seed=0))
    K = plain_kernel(A, measure, param)
    K -= K.mean(axis=0)
    K -= K.mean(axis=1, keepdims=True)
    points = GraphSketch(500, measure=measure, param=param, random_state=0).fit_transform(A)
    # Sums of squares of 500 Gaussian numbers, all within five deviations.
    ratios = np.sum(points.astype(float) ** 2, axis=1) / np.diag(K)
    assert np.max(abs(ratios - 1)) < 5 * np.sqrt(2 / 500)


def two_parts(bridge=0.0):
    half = nx.to_scipy_sparse_array(nx.random_regular_graph(3, 300, seed=0), dtype=float)
    A = sp.block_diag([half, half]).tolil()
    if bridge:
        A[0, 300] = A[300, 0] = bridge
    return sp.csr_array(A)


@pytest.mark.parametrize(
    ("measure", "param", "weight", "bridge"),
    [("for", 1.0, 1e4, 0.0), ("for", 1.0, 1e12, 0.0), ("for", 1.0, 1e10, 1e-8),
     ("modifppr", 1 - 1e-12, 1.0, 0.0), ("modifppr", 1 - 1e-9, 1.0, 1e-7)],
)  # fmt: skip
def test_parts_are_as_far_apart_as_they_should_be(measure, param, weight, bridge):
    n, d = 300, 200
    A = two_parts(bridge) * weight
    model = GraphSketch(d, measure=measure, param=param, centered=False, random_state=0).fit(A)
    points = model.embedding_.astype(float)
    gap = np.sum((points[:n].mean(axis=0) - points[n:].mean(axis=0)) ** 2)
    # Parts are all but points: two nodes, of the excesses of all of theirs, that the bridge links.
    excess = n * 1.0 if measure == "for" else (1 - param) * A.sum() / 2
    link = bridge * (weight if measure == "for" else param)
    expected = 2 / (excess + 2 * link)
    # A chi-square of d degrees of freedom, within five deviations.
    assert abs(gap / expected - 1) < 5 * np.sqrt(2 / d)


@pytest.mark.parametrize("weight", [1e-5, 1e-7, 1e-10, 1e-14])
def test_a_pendant_is_no_farther_than_it_should_be(weight):
    A = nx.to_numpy_array(nx.planted_partition_graph(2, 50, 0.3, 0.03, seed=0))
    A = with_pendants(A, [weight])
    root = np.sqrt(A.sum(axis=1))
    K = plain_kernel(A, "nheat", 30.0) * np.outer(1 / root, 1 / root) * A.sum() / len(A)
    K -= K.mean(axis=0)
    K -= K.mean(axis=1, keepdims=True)
    points = GraphSketch(200, random_state=0).fit_transform(A).astype(float)
    # Means of squares of 200 Gaussian numbers, all within five deviations, and 3% of a row.
    ratios = np.sum(points**2, axis=1) / np.diag(K)
    assert np.max(abs(ratios - 1)) < 5 * np.sqrt(2 / 200) + 0.06


def test_what_double_precision_does_not_tell():
    with pytest.warns(UnresolvedHeatWarning, match="of the diagonal.*may lose their contrast"):
        GraphSketch(2, measure="for", random_state=0).fit(1e17 * two_parts())
    with pytest.raises(ValueError, match="'nheat' is beyond double precision: the smallest degree"):
        GraphSketch(2).fit(with_pendants(random_graph(12), [1e-29]))


def without_pyamg(monkeypatch):
    def missing(*_, **__):
        raise MissingExtraError

    monkeypatch.setattr("kernlab._core.extras.import_extra", missing)


@pytest.mark.parametrize("multigrid", [True, False])
def test_solves_on_a_grid(multigrid, monkeypatch):
    A = 1e4 * nx.to_scipy_sparse_array(nx.grid_2d_graph(40, 50), dtype=float, format="csr")
    degrees = np.asarray(A.sum(axis=1)).ravel()
    diagonal = 1.0 + degrees
    B = np.random.default_rng(0).normal(size=(2000, 2))
    if multigrid:
        pytest.importorskip("pyamg")
    else:
        without_pyamg(monkeypatch)
    X = resolvent_solve(np.ones(2000), A, B)
    residual = (diagonal[:, None] * X - A @ X - B) / np.sqrt(diagonal)[:, None]
    size = np.linalg.norm(B / np.sqrt(diagonal)[:, None], axis=0)
    assert np.all(np.linalg.norm(residual, axis=0) < 1e-6 * size)
    if not multigrid:
        monkeypatch.setattr(_resolvent, "_LIMIT", 10)
        with pytest.warns(UnresolvedHeatWarning, match="2 of 2 columns of a proximity"):
            resolvent_solve(np.ones(2000), A, B)

"""Sums of walks to landmarks far away, against a closed form and dense logarithms."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.graph import GraphProximity, KNNGraph, LandmarkLogEmbedding
from kernlab.graph._landmark_columns import log_columns
from kernlab.graph._landmark_log import _DEFAULTS

# Of all that is cut off, and what rounding adds to it in single precision.
RTOL = 2e-5


def adjacency(graph):
    return nx.to_scipy_sparse_array(graph, dtype=float, format="csr")


def curve():
    """Neighbours along a spiral of one and a half turns."""
    t = np.linspace(0.05, 1, 200) ** 0.7
    angle = 9 * t
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 6 * t[:, None])
    return sp.csr_array(KNNGraph(8, kernel="knn").fit(points).affinity_)


def columns(A, measure, param):
    return log_columns(A, 1.0, measure, param, sp.eye_array(A.shape[0], format="csc"), 1)


@pytest.mark.parametrize(("measure", "param"), [("modifppr", 0.9), ("rsp", 0.1), ("rsp", 0.4)])
def test_walks_around_a_cycle(measure, param):
    # With a the survival of a step, walks end at a distance k with weights of x^k + x^(n - k).
    n, k = 150, np.arange(76)
    a = param if measure == "modifppr" else np.exp(-param)
    root = np.sqrt(1 - a * a)
    x = (1 - root) / a
    expected = k * np.log(x) + np.log1p(x ** (n - 2 * k)) - np.log1p(x**n)
    reach = expected > np.log(1e-20) + 1e-3
    if measure == "rsp":
        # Minus the derivative by beta, and log x has 1 / root for its own.
        far = x ** (n - 2 * k)
        expected = -(k + (n - k) * far) / (1 + far) / root + n * x**n / (1 + x**n) / root
    table, unreached = columns(adjacency(nx.cycle_graph(n)), measure, param)
    found = table[k, 0].astype(float) - table[0, 0]
    np.testing.assert_allclose(found[reach], expected[reach], atol=RTOL * abs(expected).max())
    # Beyond, the least that was found stands for all.
    assert np.all(found[~reach] == found[reach][-1]) or measure != "rsp"
    beyond = 2 * np.sum(~reach) - (not reach[-1])
    assert unreached == pytest.approx(beyond / n)
    assert (beyond > 0) == (param == 0.4)


@pytest.mark.parametrize("graph", ["path", "curve"])
@pytest.mark.parametrize(
    "measure", ["nheat", "heat", "comm", "katz", "for", "modifppr", "abs", "fe", "rsp"]
)
def test_logarithms_at_default_parameters(measure, graph):
    A = adjacency(nx.path_graph(120)) if graph == "path" else curve()
    param = _DEFAULTS[measure]
    table = columns(A, measure, param)[0].astype(float)
    natural = param
    if measure in ("comm", "katz"):
        natural = param / np.linalg.eigvalsh(A.toarray())[-1]
    name = measure if measure in ("fe", "rsp") else "log" + measure
    dense = GraphProximity(name, param=natural, param_scale="natural").fit(A)
    # Nothing is left of proximities but what the floor of 1e-20 holds.
    least = table.min(axis=0)
    reach = table > least + 1e-3
    if measure in ("fe", "rsp"):
        # A distance is there what is left without the terms of rows and columns.
        reach &= reach.T
        table = (table + table.T) / 2
        table -= np.diag(table) / 2 + np.diag(table)[:, None] / 2
        expected = -dense.distance_ * (param if measure == "fe" else 1.0)
    else:
        expected = dense.kernel_
        table -= np.diag(table) - np.diag(expected)
    tolerance = RTOL * (np.ptp(expected[reach]) if measure == "rsp" else 1.0)
    np.testing.assert_allclose(table[reach], expected[reach], rtol=0, atol=tolerance)
    assert np.ptp(expected[reach]) > 30


def test_weights_of_any_range():
    # Pendants of weight 1e-12 have diagonals a millionth of a millionth of the others.
    A = adjacency(nx.cycle_graph(40)).tolil()
    A[0, 20] = A[20, 0] = 1e-12
    A = sp.block_diag([A, [[0.0]]]).tolil()
    A[40, 3] = A[3, 40] = 1e-12
    A = sp.csr_array(A)
    expected = np.log(np.linalg.inv(np.diag(A.sum(axis=1)) - 0.9 * A.toarray()))
    table, _ = columns(A, "modifppr", 0.9)
    reach = expected > expected.max(axis=0) - 45
    np.testing.assert_allclose(table[reach], expected[reach], atol=RTOL)


def test_walks_end_where_a_component_does():
    two = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(9))
    table, unreached = columns(adjacency(two), "modifppr", 0.9)
    assert unreached == pytest.approx(2 * 72 / 17**2)
    np.testing.assert_allclose(table[8:, 0], table[:8, 0].max() - np.log(1e20), rtol=1e-6)


def test_heat_of_too_many_terms_is_refused():
    graph = adjacency(nx.complete_graph(30))
    for measure, A in (("heat", 1e3 * graph), ("comm", graph)):
        model = LandmarkLogEmbedding(2, measure=measure, param=None if measure == "heat" else 3e4)
        with pytest.raises(ValueError, match="terms, more than 20000; lower param by the factor"):
            model.fit(A)

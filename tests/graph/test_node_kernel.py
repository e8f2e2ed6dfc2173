"""Kernels on nodes against dense inverses and exponentials, differences, and scikit-learn."""

import copy
import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.linalg as sl
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from proximity_cases import Formulas, fitted, pieces, weights
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.svm import SVC

from kernlab.datasets import load_karate
from kernlab.exceptions import SelfLoopWarning
from kernlab.graph import NodeKernel, _spectra
from kernlab.graph._measures import MEASURES, parse_measure
from kernlab.kernels import OnColumns

MEASURES_OF_NODES = [name for name in MEASURES if parse_measure(name).psd]
ALL = [*MEASURES_OF_NODES, "matern"]
WITH_PARAMETER = [name for name in ALL if name not in ("ct", "cct")]
IN_UNITS_OF_RADIUS = ("katz", "comm", "comm2")
A = weights(9, seed=3)
NODES = np.arange(9)


@pytest.fixture
def decompositions(monkeypatch):
    """Sizes of the matrices that were decomposed."""
    sizes = []

    def counted(matrix, eigenpairs=_spectra.eigenpairs):
        sizes.append(len(matrix))
        return eigenpairs(matrix)

    monkeypatch.setattr(_spectra, "eigenpairs", counted)
    return sizes


def matern(graph, t, nu):
    """By scipy's power of a dense matrix."""
    L = np.diag(graph.sum(axis=1)) - graph
    return sl.fractional_matrix_power(np.linalg.inv(np.eye(len(L)) + t * L / nu), nu)


@pytest.mark.parametrize("param", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("measure", ALL)
def test_kernels_equal_dense_inverses_and_exponentials(measure, param):
    t = param / np.linalg.eigvalsh(A)[-1] if measure in IN_UNITS_OF_RADIUS else param
    exact = matern(A, t, 1.5) if measure == "matern" else Formulas(A).kernel(measure, t)
    kernel = NodeKernel(A, measure, param, normalize=False)
    scale = np.abs(exact).max()
    np.testing.assert_allclose(kernel(NODES), exact, atol=1e-13 * scale)
    normalised = clone(kernel).set_params(normalize=True)
    exact = exact / np.trace(exact) * len(A)
    np.testing.assert_allclose(normalised(NODES), exact, atol=1e-12)
    some = [4, 0, 4]
    np.testing.assert_allclose(normalised(some, NODES), exact[some], atol=1e-12)
    np.testing.assert_allclose(normalised.diag(some), np.diag(exact)[some], atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES_OF_NODES)
def test_kernels_equal_those_of_graph_proximity(measure):
    graph = load_karate().weights
    rho = np.linalg.eigvalsh(graph.toarray())[-1]
    t = 0.7 / rho if measure in IN_UNITS_OF_RADIUS else 0.7
    exact = fitted(measure, t, graph).kernel_
    K = NodeKernel(graph, measure.upper(), 0.7)(np.arange(34))
    np.testing.assert_allclose(K, exact / np.trace(exact) * 34, atol=1e-11)


def test_matern_is_the_forest_at_one_and_heat_at_the_limit():
    forest = NodeKernel(A, "for", 2.0)(NODES)
    np.testing.assert_allclose(NodeKernel(A, "matern", 2.0, nu=1.0)(NODES), forest, rtol=1e-14)
    heat = NodeKernel(A, "heat", 2.0)(NODES)
    # (1 + x/ν)^-ν is e^-x (1 + x²/2ν + ...), with x²e^-x below 0.6.
    np.testing.assert_allclose(NodeKernel(A, "matern", 2.0, nu=1e6)(NODES), heat, atol=3e-6)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("measure", ALL)
def test_gradient_equals_differences(measure, normalize):
    kernel = NodeKernel(A, measure, 0.6, normalize=normalize)
    X = [3, 8, 0, 3]
    K, gradient = kernel(X, eval_gradient=True)
    np.testing.assert_array_equal(K, kernel(X))
    if measure in ("ct", "cct"):
        assert gradient.shape == (4, 4, 0)
        assert len(kernel.theta) == 0
        return
    # Differences: step² of a third derivative, eps/step of rounding; both some 1e-10 of the values.
    step = 1e-5
    up, down = (kernel.clone_with_theta(kernel.theta + sign * step)(X) for sign in (1, -1))
    atol = 1e-9 * np.abs(K).max()
    np.testing.assert_allclose(gradient[..., 0], (up - down) / (2 * step), atol=atol)
    fixed = clone(kernel).set_params(param_bounds="fixed")
    assert fixed(X, eval_gradient=True)[1].shape == (4, 4, 0)


@pytest.mark.parametrize("measure", ALL)
@pytest.mark.parametrize("graph", ["connected", "pieces", "isolated", "extreme units"])
def test_psd_wherever_it_is_defined(measure, graph):
    table = parse_measure(measure) if measure != "matern" else None
    W = {"pieces": pieces(), "extreme units": A * 1e-120}.get(graph, A)
    if graph == "isolated":
        W = sl.block_diag(W, 0.0)
    kernel = NodeKernel(W, measure, 0.9)
    if graph == "isolated" and table and table.needs_no_isolated:
        with pytest.raises(ValueError, match="divides by degrees, and graph has 1 isolated"):
            kernel([0])
    elif graph in ("pieces", "isolated") and table and table.needs_connected:
        with pytest.raises(ValueError, match="graph has 2 components"):
            kernel([0])
    else:
        K = kernel([*range(len(W)), 2, 2])
        np.testing.assert_array_equal(K, K.T)
        assert np.linalg.eigvalsh(K)[0] > -1e-14 * len(K) * np.abs(K).max()
        assert np.trace(K[: len(W), : len(W)]) == pytest.approx(len(W), rel=1e-12)
        # A node given twice has one value.
        np.testing.assert_allclose(K[2], K[-1], rtol=1e-13)
        if graph == "pieces":
            assert np.abs(K[:6, 6:10]).max() < 1e-14


@pytest.mark.parametrize("measure", WITH_PARAMETER)
def test_both_ends_of_the_bounds_are_safe(measure):
    kernel = NodeKernel(A, measure, param_bounds=(1e-9, 1e9))
    for theta in kernel.bounds[0]:
        K, gradient = kernel.clone_with_theta([theta])(NODES, eval_gradient=True)
        assert np.isfinite(K).all()
        assert np.isfinite(gradient).all()
        assert np.mean(np.diag(K)) == pytest.approx(1.0)


def test_communicability_beyond_the_range_of_floats():
    kernel = NodeKernel(A, "comm", 1e5)
    # All but the first eigenvector is exp(-1e5 times a gap) of it.
    vector = np.linalg.eigh(A)[1][:, -1]
    np.testing.assert_allclose(kernel(NODES), 9 * np.outer(vector, vector), atol=1e-13)
    with pytest.raises(ValueError, match="'comm' at param=100000 is not finite .*normalize=True"):
        clone(kernel).set_params(normalize=False)(NODES)


def test_heat_smooths_counts_without_loss():
    rows = NodeKernel(pieces(), "heat", 3.0, normalize=False)(np.arange(10))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-13)
    assert rows.min() > -1e-15


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(9)), st.sampled_from(ALL), st.floats(1e-2, 0.99), st.floats(1e-8, 1e8))
def test_order_of_the_nodes_does_not_matter_and_nor_do_units(order, measure, param, unit):
    K = NodeKernel(A, measure, param)(NODES)
    permuted = NodeKernel(A[np.ix_(order, order)], measure, param)(NODES)
    np.testing.assert_allclose(permuted, K[np.ix_(order, order)], atol=1e-11)
    # Of L the parameter goes with the inverse of the weights.
    t = param / unit if measure in ("for", "heat", "matern") else param
    np.testing.assert_allclose(NodeKernel(unit * A, measure, t)(NODES), K, atol=1e-11)


# --- Nodes and their names -----------------------------------------------------------------------


def test_all_kinds_of_graphs_and_names():
    expected = NodeKernel(A)(NODES)
    letters = list("abcdefghi")
    named = nx.relabel_nodes(nx.from_numpy_array(A), dict(enumerate(letters)))
    frame = pd.DataFrame(A, letters, letters)
    for graph in (A.tolist(), sp.csr_array(A), sp.coo_matrix(A), pd.DataFrame(A)):
        kernel = NodeKernel(graph)
        for X in (NODES, NODES[:, None], NODES.astype(float), list(range(9)), NODES.astype(object)):
            np.testing.assert_allclose(kernel(X), expected, rtol=1e-13)
    for graph in (named, frame):
        kernel = NodeKernel(graph)
        for X in (letters, np.array(letters)[:, None], pd.Series(letters), np.array(letters, "O")):
            np.testing.assert_allclose(kernel(X), expected, rtol=1e-13)
    grid = NodeKernel(nx.grid_2d_graph(2, 3))
    square = nx.to_numpy_array(nx.grid_2d_graph(2, 3))
    np.testing.assert_allclose(grid([(1, 2), (0, 0)]), NodeKernel(square)([5, 0]), rtol=1e-13)
    mixed = nx.relabel_nodes(named, {"b": 7})
    np.testing.assert_allclose(
        NodeKernel(mixed)(np.array(["a", 7], dtype=object)), expected[:2, :2], rtol=1e-13
    )
    with pytest.warns(SelfLoopWarning, match="graph has loops at 9 nodes"):
        np.testing.assert_allclose(NodeKernel(A + np.eye(9))(NODES), expected, rtol=1e-13)


GRID = nx.grid_2d_graph(2, 2)
TWICE = pd.DataFrame(np.ones((2, 2)) - np.eye(2), ["a", "a"], ["a", "a"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NodeKernel(A)([0, 9, 10]), r"X\[1\]=9 is no node of graph, .* from 0 to 8"),
        (lambda: NodeKernel(A)([0], [-1]), r"Y\[0\]=-1 is no node"),
        (lambda: NodeKernel(A)([[0.0], [1.5]]), r"X\[1\]=1.5 is no node"),
        (lambda: NodeKernel(A)([0, np.nan]), r"X\[1\]=nan"),
        (lambda: NodeKernel(A).diag(["a"]), r"X\[0\]='a' is no node"),
        (lambda: NodeKernel(A)(np.array([0, None])), r"X\[1\]=None"),
        (lambda: NodeKernel(A)(np.arange(9) > 3), "X holds booleans; .* not a mask"),
        (lambda: NodeKernel(nx.path_graph(3))([True, False]), "X holds booleans"),
        (lambda: NodeKernel(A)(A), r"X has shape \(9, 9\); give nodes in one"),
        (lambda: NodeKernel(A)([]), "X holds no nodes"),
        (lambda: NodeKernel(A)(3), r"X has shape \(\)"),
        (lambda: NodeKernel(GRID)([(0, 0), (2, 0)]), r"X\[1\]=\(2, 0\) is no node of graph"),
        (lambda: NodeKernel(GRID)([0]), r"X\[0\]=0 is no node of graph, whose nodes go by name"),
        (lambda: NodeKernel(TWICE)(["a"]), "names some nodes twice"),
        (lambda: NodeKernel(A, "logfor")([0]), "'logfor' is a logarithm"),
        (lambda: NodeKernel(A, "ppr")([0]), "is not symmetric: 'modifppr'"),
        (lambda: NodeKernel(A, "HeatPR")([0]), "is not symmetric: 'nheat'"),
        (lambda: NodeKernel(A, "scct")([0]), "'scct' is not positive semi-definite; give one of"),
        (lambda: NodeKernel(A, "mattern").theta, r"unknown \(did you mean 'matern'\?\)"),
        (lambda: NodeKernel(A, 3)([0]), "measure=3 is unknown"),
        (lambda: NodeKernel(A, "katz", 1.0)([0]), r"param=1 lies outside \(0, 1\)"),
        (lambda: NodeKernel(A, "abs", 2.0)([0]), r"outside \(0, 2\)"),
        (lambda: NodeKernel(A, param=np.nan)([0]), "param=nan must be a finite number > 0"),
        (lambda: NodeKernel(A, param="1")([0]), "param='1' must be"),
        (lambda: NodeKernel(A, "matern", nu=0)([0]), "nu=0 must be"),
        (lambda: NodeKernel(A, "katz", param_bounds=(1, 9)).bounds, r"numbers in \(0, 1\)"),
        (lambda: NodeKernel(A, param_bounds=(2, 1)).bounds, "the smaller first"),
        (lambda: NodeKernel(A)([0], [0], eval_gradient=True), "Y is None"),
        (lambda: NodeKernel(A[:2])([0]), "graph has shape"),
        (lambda: NodeKernel(-A)([0]), "negative weight"),
        (lambda: NodeKernel(np.zeros((1, 1)), "ct")([0]), "is not finite"),
        (lambda: NodeKernel(sp.eye_array(20_001) * 0)([0]), "dense kernels end at 20000"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- In scikit-learn's hands ---------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few data in folds
def test_one_decomposition_for_everything(decompositions):
    graph = nx.to_scipy_sparse_array(nx.cycle_graph(30))
    X = np.arange(0, 30, 2)
    y = np.cos(2 * np.pi * X / 30) + 0.3 * (X % 4 - 1)
    kernel = ConstantKernel(1.0) * NodeKernel(graph, param=3.0) + WhiteKernel(0.1, (1e-2, 1))
    model = GaussianProcessRegressor(kernel, alpha=0.0)
    cross_val_score(model, X, y, cv=KFold(3, shuffle=True, random_state=0))
    model.fit(X, y).predict(np.arange(30), return_std=True)
    assert model.kernel_.k1.k2.graph is graph
    assert decompositions == [30]
    # Another operator is one more; the same one, in clones, none.
    search = GridSearchCV(
        GaussianProcessClassifier(NodeKernel(graph), optimizer=None),
        {"kernel__measure": ["for", "heat", "katz", "comm"]},
        cv=2,
    )
    search.fit(X, y > 0)
    assert decompositions == [30, 30, 30]


def test_another_graph_is_never_answered_from_an_old_one(decompositions):
    kernel = NodeKernel(A)
    old = kernel(NODES)
    kernel.set_params(graph=pieces())
    np.testing.assert_array_equal(kernel(np.arange(10)), NodeKernel(pieces())(np.arange(10)))
    kernel.set_params(graph=A, measure="katz")
    np.testing.assert_array_equal(kernel(NODES), NodeKernel(A, "katz")(NODES))
    assert not np.allclose(kernel(NODES), old)
    shared = clone(kernel).set_params(graph=2 * A)
    np.testing.assert_allclose(shared(NODES), kernel(NODES), rtol=1e-12)
    assert shared.graph is not kernel.graph


def test_copies_equality_and_printing():
    graph = nx.karate_club_graph()
    kernel = 2.0 * NodeKernel(graph, "heat", 0.3)
    K = kernel([0, 5])
    for other in (pickle.loads(pickle.dumps(kernel)), copy.deepcopy(kernel), clone(kernel)):
        np.testing.assert_array_equal(other([0, 5]), K)
        assert other == kernel
        assert other.clone_with_theta(other.theta + 0.1) != kernel
    # A pickle has the graph, not its decomposition of 8 · 400² bytes.
    large = NodeKernel(nx.to_scipy_sparse_array(nx.cycle_graph(400)))
    large([0])
    assert len(pickle.dumps(large)) < 50_000
    assert NodeKernel(A) == NodeKernel(sp.csr_array(A))
    assert NodeKernel(A) != NodeKernel(2 * A)
    assert NodeKernel(A) != NodeKernel(A, nu=2.5)
    assert NodeKernel(A) != RBF()
    assert repr(NodeKernel(graph, param=1 / 3)) == "NodeKernel(34 nodes, 'for', param=0.333)"
    assert repr(NodeKernel(A, "ct")) == "NodeKernel(9 nodes, 'ct')"
    assert not kernel.requires_vector_input
    assert not kernel.k2.is_stationary()


@pytest.mark.parametrize("measure", ["matern", "katz", "ct"])
def test_evidence_and_its_slope(measure):
    y = np.random.default_rng(1).standard_normal(9)
    kernel = ConstantKernel(1.3) * NodeKernel(A, measure, 0.6) + WhiteKernel(0.2)
    gp = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(NODES, y)
    value, slope = gp.log_marginal_likelihood(kernel.theta, eval_gradient=True)
    K = kernel(NODES)
    exact = -0.5 * (y @ np.linalg.solve(K, y) + np.linalg.slogdet(2 * np.pi * K)[1])
    assert value == pytest.approx(exact, rel=1e-12)
    for i, unit in enumerate(1e-5 * np.eye(len(kernel.theta))):
        up, down = (gp.log_marginal_likelihood(kernel.theta + s * unit) for s in (1, -1))
        assert slope[i] == pytest.approx((up - down) / 2e-5, abs=1e-8)


def test_parameters_of_a_process_are_recovered():
    """Within four standard errors, which are those of the evidence's curvature."""
    graph = nx.to_scipy_sparse_array(nx.random_regular_graph(3, 300, seed=0))
    nodes = np.arange(300)
    truth = ConstantKernel(2.0) * NodeKernel(graph, "heat", 3.0) + WhiteKernel(0.1)
    y = np.linalg.cholesky(truth(nodes)) @ np.random.default_rng(0).standard_normal(300)
    start = truth.clone_with_theta(np.log([1.0, 0.5, 1.0]))
    gp = GaussianProcessRegressor(start, alpha=0.0).fit(nodes, y)
    theta = gp.kernel_.theta
    # Fisher's information of a Gaussian process, exact: half tr(C^-1 dC C^-1 dC).
    C, dC = truth(nodes, eval_gradient=True)
    parts = [np.linalg.solve(C, dC[..., i]) for i in range(3)]
    information = np.array([[0.5 * np.sum(p * q.T) for q in parts] for p in parts])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert errors.max() < 0.5
    assert np.all(np.abs(theta - truth.theta) < 4 * errors)


def test_a_field_on_a_ring_is_smooth_across_its_ends():
    """Where nodes are numbered along a ring, RBF of numbers tears it apart; the graph does not."""
    ring = nx.to_scipy_sparse_array(nx.cycle_graph(60))
    angle = 2 * np.pi * np.arange(60) / 60
    field = np.cos(angle) + 0.5 * np.sin(2 * angle)
    rng = np.random.default_rng(0)
    seen = np.setdiff1d(np.arange(0, 60, 3), [54, 57, 0, 3, 6])
    hidden = np.setdiff1d(np.arange(60), seen)
    y = field[seen] + 0.05 * rng.standard_normal(len(seen))
    errors = {}
    for name, kernel in {
        "graph": NodeKernel(ring, "heat", 10.0, (1e-3, 1e4)),
        "numbers": RBF(10.0, (1e-1, 1e3)),
    }.items():
        gp = GaussianProcessRegressor(1.0 * kernel + WhiteKernel(0.01), alpha=0.0)
        mean = gp.fit(seen[:, None], y).predict(hidden[:, None])
        errors[name] = np.sqrt(np.mean((mean - field[hidden]) ** 2))
    # In the gap of 15 nodes across the ends errors are some of the noise's 0.05, not less.
    assert errors["graph"] < 2 * 0.05
    assert errors["graph"] < 0.5 * errors["numbers"]
    # The error of the mean of all that was seen is about the spread of the field, 0.8.
    assert errors["graph"] < 0.2 * np.std(field[hidden])


def test_classes_from_few_labels():
    karate = load_karate()
    kernel = 10.0 * NodeKernel(karate.adjacency, "matern", 10.0)
    gp = GaussianProcessClassifier(kernel, optimizer=None).fit([0, 33], [0, 1])
    # All but the one that sits between, and one more.
    assert np.sum(gp.predict(np.arange(34)) != karate.target) <= 2
    # Several classes, and a support vector machine.
    cliques = nx.to_scipy_sparse_array(nx.ring_of_cliques(4, 6))
    truth = np.repeat(np.arange(4), 6)
    seen = np.flatnonzero(np.arange(24) % 6 < 2)[:, None]
    for kind in ("one_vs_rest", "one_vs_one"):
        many = GaussianProcessClassifier(NodeKernel(cliques), multi_class=kind)
        many.fit(seen, truth[seen.ravel()])
        assert many.score(np.arange(24)[:, None], truth) == 1.0
    machine = SVC(kernel=NodeKernel(cliques), C=10).fit(seen, truth[seen.ravel()])
    assert machine.score(np.arange(24)[:, None], truth) == 1.0


def test_nodes_beside_time():
    kernel = OnColumns(NodeKernel(A), [0]) * OnColumns(RBF(2.0), [1])
    table = np.array([[3, 0.0], [3, 1.0], [8, 0.5]])
    exact = NodeKernel(A)(table[:, 0]) * RBF(2.0)(table[:, 1:])
    np.testing.assert_allclose(clone(kernel)(table), exact, rtol=1e-14)

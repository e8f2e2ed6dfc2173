"""Proximities to landmarks and random sketches against dense tables of all pairs."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from proximity_cases import plain_kernel, random_graph

from kernlab.exceptions import MissingExtraError, UnresolvedHeatWarning
from kernlab.graph import GraphProximity, GraphSketch, LandmarkLogEmbedding, _resolvent
from kernlab.graph._landmark_commute import commute_columns
from kernlab.graph._radius import spectral_radius
from kernlab.graph._resolvent import laplacian_solve


def walk_costs(A, measure, beta):
    """Distances of randomised shortest paths and free energy by their definitions."""
    C = np.divide(1.0, A, out=np.zeros_like(A), where=A > 0)
    W = A / A.sum(axis=1, keepdims=True) * np.exp(-beta * C)
    Z = np.linalg.inv(np.eye(len(A)) - W)
    if measure == "fe":
        distance = -np.log(Z / np.diag(Z)) / beta
    else:
        S = Z @ (C * W) @ Z / Z
        distance = S - np.diag(S)
    return (distance + distance.T) / 2


def centred(K):
    H = np.eye(len(K)) - 1 / len(K)
    return H @ K @ H


def moduli(K, n):
    """What coordinates along the n longest directions reproduce: K with |eigenvalues|."""
    values, vectors = np.linalg.eigh((K + K.T) / 2)
    first = np.argsort(-abs(values))[:n]
    return vectors[:, first] * abs(values[first]) @ vectors[:, first].T


@pytest.mark.parametrize(
    ("measure", "param"),
    [("nheat", 2.0), ("Heat", 0.7), ("comm", 3.0), ("katz", 0.8), ("walk", 0.3), ("for", 2.0),
     ("modifppr", 0.9), ("ppr", 0.9), ("abs", 0.2)],
)  # fmt: skip
def test_with_all_nodes_as_landmarks_it_is_the_logarithm(measure, param):
    A = random_graph()
    name = {"walk": "katz"}.get(measure, measure.lower())
    K = np.log(plain_kernel(A, name, param))
    if name == "ppr":
        K -= np.log(A.sum(axis=1))  # of a column, which centring takes out; K is symmetric then
    model = LandmarkLogEmbedding(10, measure=measure, param=param, random_state=0).fit(A)
    expected = moduli(centred(K), 10)
    # Single precision of sums of 24 logarithms up to ten, and series to 1e-5.
    np.testing.assert_allclose(
        model.embedding_ @ model.embedding_.T, expected, atol=3e-4 * abs(expected).max()
    )
    assert model.unreached_ == 0
    assert sorted(model.landmarks_) == list(range(24))


@pytest.mark.parametrize("measure", ["fe", "rsp"])
def test_costs_of_walks(measure):
    A, beta = random_graph() + 0.0, 0.05
    K = -centred(walk_costs(A, measure, beta)) * (beta if measure == "fe" else 1.0)
    model = LandmarkLogEmbedding(8, measure=measure, param=beta, random_state=0).fit(A)
    expected = moduli(K, 8)
    np.testing.assert_allclose(
        model.embedding_ @ model.embedding_.T, expected, atol=2e-3 * abs(expected).max()
    )


@pytest.mark.parametrize(
    ("measure", "param"), [("ct", None), ("CCT", None), ("sct", 2.0), ("scct", 0.7)]
)
def test_commute_times_with_all_nodes_as_landmarks(measure, param):
    A = random_graph()
    K = GraphProximity(measure, param=param or 1.0, param_scale="natural").fit(A).kernel_
    model = LandmarkLogEmbedding(10, measure=measure, param=param, random_state=0).fit(A)
    expected = moduli(centred(K), 10)
    # Single precision, and solves to 1e-6 of a norm, with a ratio of eigenvalues of some 10.
    np.testing.assert_allclose(
        model.embedding_ @ model.embedding_.T, expected, atol=1e-5 * abs(expected).max()
    )
    assert model.param_ == param
    assert model.unreached_ == 0


def without_pyamg(monkeypatch):
    def missing(*_, **__):
        raise MissingExtraError

    monkeypatch.setattr("kernlab._core.extras.import_extra", missing)


@pytest.mark.parametrize("multigrid", [True, False])
def test_commute_times_of_a_path(multigrid, monkeypatch):
    if multigrid:
        pytest.importorskip("pyamg")
    else:
        without_pyamg(monkeypatch)
    # Conjugate gradients take as many steps as there are eigenvalues, 149.
    model = LandmarkLogEmbedding(3, measure="ct", random_state=0).fit(nx.path_graph(150))
    modes = np.arange(1, 4)
    values = 1 / (2 - 2 * np.cos(np.pi * modes / 150))
    waves = np.cos(np.pi * modes * (np.arange(150)[:, None] + 0.5) / 150)
    expected = waves * np.sqrt(values * 2 / 150)
    found = model.embedding_ * np.sign(model.embedding_[0] * waves[0])
    # The largest eigenvalue of L is 1e4 times the least: so much a residual may grow.
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_commute_times_of_a_complete_graph():
    # All neighbours are alike: L^+ = H / n, and M = -H / (n - 1).
    n = 20
    for measure, factor in (("ct", 1 / n), ("cct", 1 / (n * (n - 1) ** 2))):
        model = LandmarkLogEmbedding(n - 1, measure=measure, random_state=0)
        points = model.fit_transform(nx.complete_graph(n)) / np.sqrt(factor)
        np.testing.assert_allclose(points @ points.T, np.eye(n) - 1 / n, atol=1e-5)


@pytest.mark.parametrize("multigrid", [True, False])
def test_laplacian_of_a_grid(multigrid, monkeypatch):
    A = nx.to_scipy_sparse_array(nx.grid_2d_graph(60, 60), dtype=float, format="csr")
    degrees = np.asarray(A.sum(axis=1)).ravel()
    B = np.random.default_rng(0).normal(size=(3600, 2))
    B -= B.mean(axis=0)
    if multigrid:
        pytest.importorskip("pyamg")
    else:
        without_pyamg(monkeypatch)
    monkeypatch.setattr(_resolvent, "_PATIENCE", 40)
    X = laplacian_solve(degrees, A, lambda part: B[:, part], 2).astype(float)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-6 * abs(X).max())
    # Residuals of 1e-6, and what rounding X to single precision adds to them.
    rounding = 8 * 6e-8 * np.linalg.norm(X, axis=0)
    residual = np.linalg.norm(degrees[:, None] * X - A @ X - B, axis=0)
    assert np.all(residual < 2e-6 * np.linalg.norm(B, axis=0) + rounding)
    if not multigrid:
        monkeypatch.setattr(_resolvent, "_LIMIT", 10)
        with pytest.warns(UnresolvedHeatWarning, match="2 of 2 columns.*drop the weakest edges"):
            laplacian_solve(degrees, A, lambda part: B[:, part], 2)


def test_the_deviation_is_that_of_all_entries_but_for_chance():
    A = nx.to_scipy_sparse_array(nx.random_regular_graph(4, 300, seed=0), dtype=float, format="csr")
    K = GraphProximity("cct").fit(A).kernel_
    landmarks = np.arange(0, 300, 5)
    # So small a t that the sigmoid is a line, but where it would lose all digits beside 1/2.
    starts = sp.eye_array(300, format="csc")[:, landmarks]
    found = commute_columns(A, "scct", 1e-9, starts, 1) * 4e9
    deviation = np.median(K[:, landmarks] / found)
    # Sums of squares of columns differ, and the mean of sixty has this standard error.
    squares = (K**2).sum(axis=0)
    error = squares.std() / squares.mean() / np.sqrt(60) / 2
    assert abs(deviation / K.std() - 1) < 5 * error
    np.testing.assert_allclose(found * deviation, K[:, landmarks], atol=1e-5 * K.max())
    assert np.isfinite(commute_columns(A, "scct", 1e300, starts, 1)).all()


def test_commute_times_that_are_infinite_or_nearly():
    two = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(9))
    with pytest.raises(ValueError, match="X has 2 components .node 8 is the first.*take the larg"):
        LandmarkLogEmbedding(1, measure="scct").fit(two)
    two.add_edge(0, 8, weight=1e-40)
    with pytest.warns(UnresolvedHeatWarning, match="drop the weakest edges"):
        LandmarkLogEmbedding(1, measure="scct").fit(two)
    pendant = nx.complete_graph(8)
    pendant.add_edge(0, 8, weight=1e-35)
    with pytest.raises(ValueError, match="beyond what single precision holds; drop the weakest"):
        LandmarkLogEmbedding(1, measure="ct").fit(pendant)
    pendant.add_edge(0, 8, weight=1e-200)
    pendant.add_edge(1, 2, weight=1e200)
    with pytest.raises(ValueError, match="beyond double precision"):
        LandmarkLogEmbedding(1, measure="cct").fit(pendant)


@pytest.mark.parametrize("measure", ["nheat", "scct"])
def test_landmarks_that_are_few_tell_two_halves(measure):
    A = nx.planted_partition_graph(2, 150, 0.2, 0.02, seed=0)
    model = LandmarkLogEmbedding(1, measure=measure, n_landmarks=20, random_state=0, n_jobs=2)
    line = model.fit_transform(A)
    assert line.dtype == np.float32
    side = line.ravel() > 0
    # At nine deviations between the halves' means not one in a thousand nodes would be wrong.
    assert max(np.mean(side[:150] != side[150:]), 0) == 1
    again = model.set_params(n_jobs=1).fit_transform(A)
    np.testing.assert_array_equal(line, again)


def test_components_are_far_apart():
    two = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(9))
    model = LandmarkLogEmbedding(1, random_state=0).fit(two)
    assert model.unreached_ == pytest.approx(2 * 72 / 17**2)
    assert len(np.unique(model.embedding_.round(2))) == 2
    with pytest.raises(ValueError, match="infinitely far apart, and X has 2 components"):
        LandmarkLogEmbedding(1, measure="rsp").fit(two)


@pytest.mark.parametrize("kind", [LandmarkLogEmbedding, GraphSketch])
def test_bad_input_is_refused(kind):
    path = nx.path_graph(30)
    for options, message in (
        ({"measure": "sp-ct"}, "measure='sp-ct' is computed between all pairs of nodes alone"),
        ({"measure": "hops"}, "measure='hops' is no such measure; give one of nheat, heat"),
        ({"measure": "abs", "param": 1.0}, r"param=1.0 is outside of \(0, 1\)"),
        ({"param": 0.0}, "param"),
    ):
        with pytest.raises(ValueError, match=message):
            kind(2, **options).fit(path)
    with pytest.raises(ValueError, match="X has 1 nodes without edges"):
        kind(2).fit(sp.block_diag([nx.to_scipy_sparse_array(path), np.zeros((1, 1))]))


def test_ranges_that_no_series_reaches():
    path = nx.path_graph(30)
    with pytest.raises(ValueError, match="measure='scct' has no sketch, see LandmarkLogEmbedding"):
        GraphSketch(2, measure="scct").fit(path)
    with pytest.raises(ValueError, match="param=1.0 and measure='ct', which has none: pass None"):
        LandmarkLogEmbedding(2, measure="ct", param=1.0).fit(path)
    with pytest.raises(ValueError, match="n_components=30 must be fewer than the landmarks, 30"):
        LandmarkLogEmbedding(30).fit(path)
    with pytest.raises(ValueError, match="needs .* terms"):
        LandmarkLogEmbedding(2, measure="katz", param=1 - 1e-9).fit(path)
    with pytest.raises(ValueError, match="beyond what an exponential holds"):
        LandmarkLogEmbedding(2, measure="fe", param=1e4).fit(path)


def star_and_clique(n_leaves=200, n_clique=16):
    """The clique's eigenvalue is the larger by little, and what leaves see first is the star's."""
    A = nx.disjoint_union(nx.star_graph(n_leaves), nx.complete_graph(n_clique))
    A.add_edge(1, n_leaves + 1)
    return nx.to_scipy_sparse_array(A, dtype=float, format="csr")


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
def test_the_radius_where_two_parts_of_a_graph_compete(scale):
    A = star_and_clique()
    largest = np.linalg.eigvalsh(A.toarray())[-1]
    assert spectral_radius(A * scale) == pytest.approx(largest * scale, rel=1e-9)
    # A series of walks whose length is found from a radius too small is cut off too early.
    ends = LandmarkLogEmbedding(2, measure="katz", param=0.99, n_landmarks=3, random_state=0)
    ends.fit(A * scale)
    K = np.linalg.inv(np.eye(A.shape[0]) - 0.99 / largest * A.toarray())[:, ends.landmarks_]
    table = np.log(K)
    table -= table.mean(axis=0)
    table -= table.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(table, full_matrices=False)
    expected = left[:, :2] * values[:2] @ left[:, :2].T
    found = ends.embedding_ @ ends.embedding_.T
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_the_radius_of_long_paths_and_of_none():
    path = sp.csr_matrix(sp.diags_array([np.ones(2999)] * 2, offsets=[-1, 1]))
    # Crowded eigenvalues: bounds agree to 7e-4 at first, and a residual of 1e-4 is enough.
    assert spectral_radius(path) == pytest.approx(2 * np.cos(np.pi / 3001), rel=1e-5)
    assert spectral_radius(sp.csr_matrix((3, 3))) == 0.0


@pytest.mark.parametrize("scale", [1e40, 1e-41])
@pytest.mark.parametrize("kind", [LandmarkLogEmbedding, GraphSketch])
def test_units_of_weights(kind, scale):
    A = random_graph()
    # Parameter at weights A, and the power of the scale that it and the coordinates go with.
    cases = {"nheat": (2.0, 0, 0), "comm": (3.0, 0, 0), "heat": (0.7, -1, 0), "for": (2.0, -1, 0)}
    if kind is GraphSketch:
        cases |= {"modifppr": (0.9, 0, -0.5), "abs": (0.2, 0, -0.5)}
    else:
        cases |= {"katz": (0.8, 0, 0), "modifppr": (0.9, 0, 0), "abs": (0.2, 0, 0)}
        cases |= {"fe": (0.05, 1, 0), "rsp": (0.05, 1, -0.5)}
        cases |= {"sct": (0.7, 0, 0), "scct": (0.7, 0, 0), "cct": (None, 0, -0.5)}
    for measure, (param, power, size) in cases.items():
        expected = kind(3, measure=measure, param=param, random_state=0).fit(A).embedding_
        model = kind(3, measure=measure, random_state=0)
        model.set_params(param=param and param * scale**power)
        found = model.fit(A * scale).embedding_ / np.float64(scale) ** size
        # Single precision; scales are no powers of two.
        np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())


def test_coordinates_beyond_single_precision_are_refused():
    for model in (GraphSketch(2, measure="modifppr"), LandmarkLogEmbedding(2, measure="rsp")):
        if model.measure == "rsp":
            model.set_params(param=1e-101)
        with pytest.raises(ValueError, match="beyond what single precision holds; divide X by"):
            model.fit(random_graph() * 1e-100)

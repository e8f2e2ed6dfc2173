"""Every row of the table of measures against its formula, in dense matrices of few nodes."""

import pickle

import mpmath
import networkx as nx
import numpy as np
import pytest
import scipy.linalg as sl
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from kernlab.exceptions import SelfLoopWarning
from kernlab.graph import GraphProximity
from kernlab.graph._adjacency import as_adjacency
from kernlab.graph._dense import inverse
from kernlab.graph._measures import MEASURES, parse_measure
from kernlab.graph._spectra import MAX_NODES, Spectra

PLAIN = [name for name in MEASURES if not parse_measure(name).log]


def weights(n_nodes=8, seed=0, *, weighted=True):
    """A connected graph with triangles."""
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((n_nodes, n_nodes)) < 0.35, 1) | np.eye(n_nodes, k=1, dtype=bool)
    W[0, 2] = True
    W = np.where(W, rng.uniform(0.5, 2.0, W.shape), 0.0) if weighted else W.astype(float)
    return W + W.T


def pieces():
    """Two components, the second a path."""
    W = sl.block_diag(weights(6), weights(4, seed=1))
    return W


def double_factorials(X):
    """The series term by term; of the terms past 200 none is above 1e-100 here."""
    terms = [np.eye(len(X)), X]
    for j in range(2, 200):
        terms.append(terms[-2] @ X @ X / j)
    return sum(terms)


def absolute(X, t):
    values, vectors = np.linalg.eigh(X)
    return (vectors * np.exp(t * np.abs(values))) @ vectors.T


def exponential(X):
    """By terms that are not negative, so that none cancels (scipy.linalg.expm has 12 digits here).

    The norms of X less its diagonal are below 20, whose powers over 120! are below 1e-40.
    """
    shift = np.diag(X).min()
    total = term = np.eye(len(X))
    for j in range(1, 120):
        term = term @ (X - shift * np.eye(len(X))) / j
        total = total + term
    return np.exp(shift) * total


def floyd_warshall(lengths):
    D = np.where(np.eye(len(lengths), dtype=bool), 0.0, lengths)
    for k in range(len(D)):
        D = np.minimum(D, D[:, k, None] + D[k])
    return D


class Formulas:
    """The table, as it stands there: inverses, exponentials and series of dense matrices."""

    def __init__(self, A):
        self.A, self.d, self.I = A, A.sum(axis=1), np.eye(len(A))
        self.D, self.L = np.diag(self.d), np.diag(self.d) - A
        self.P = A / self.d[:, None]
        self.half = np.diag(self.d**-0.5)
        self.S = self.half @ A @ self.half
        self.H = self.I - 1.0 / len(A)
        with np.errstate(divide="ignore"):
            self.C = 1.0 / A

    def kernel(self, name, t):
        if name.startswith("log"):
            return np.log(self.kernel(name[3:], t))
        A, D, L, P, S, I = self.A, self.D, self.L, self.P, self.S, self.I  # noqa: E741
        inv, expm = np.linalg.inv, exponential
        return {
            "katz": lambda: inv(I - t * A),
            "comm": lambda: expm(t * A),
            "df": lambda: double_factorials(t * A),
            "for": lambda: inv(I + t * L),
            "heat": lambda: expm(-t * L),
            "nheat": lambda: expm(-t * (I - S)),
            "ppr": lambda: inv(I - t * P),
            "modifppr": lambda: inv(D - t * A),
            "heatpr": lambda: expm(-t * (I - P)),
            "abs": lambda: inv(t * A + L),
            "ct": lambda: np.linalg.pinv(L),
            "sct": lambda: self.sigmoid(self.kernel("ct", t), t),
            "cct": self.corrected,
            "scct": lambda: self.sigmoid(self.corrected(), t),
            "heat2": lambda: expm(-t * (I - S @ S)),
            "ppr2": lambda: self.half @ inv(I - t * S @ S) @ self.half,
            "comm2": lambda: absolute(A, t),
            "sp-ct": lambda: t * self.kernel("sp", None) + (1 - t) * 2 * self.kernel("ct", None),
            **dict.fromkeys(("rsp", "fe", "sp"), lambda: self.centred(self.distance(name, t))),
        }[name]()

    def distance(self, name, beta):
        if name == "sp":
            return floyd_warshall(self.C)
        W = self.P * np.exp(-beta * self.C)
        Z = np.linalg.inv(self.I - W)
        if name == "fe":
            D = -np.log(Z / np.diag(Z)) / beta
        else:
            costs = np.where(self.A > 0, self.C, 0.0)
            S = Z @ (costs * W) @ Z / Z
            D = S - np.diag(S)
        return (D + D.T) / 2

    def centred(self, D):
        return -0.5 * self.H @ D @ self.H

    def corrected(self):
        M = self.S - np.sqrt(np.outer(self.d, self.d)) / self.d.sum()
        middle = M @ np.linalg.inv(self.I - M) @ M
        return self.H @ self.half @ middle @ self.half @ self.H

    def sigmoid(self, K, t):
        return 1 / (1 + np.exp(-t * K / K.std()))


def proximity(measure, param, **settings):
    return GraphProximity(measure, param=param, param_scale="natural", **settings)


def fitted(measure, param, A, **settings):
    return proximity(measure, param, **settings).fit(A)


def natural(name, A, x):
    """Of the scalers of the table."""
    rho = np.linalg.eigvalsh(A)[-1]
    return {"rho": x / rho, "lin": x, "double": 2 * x, "fracrev": (1 - x) / x}.get(
        parse_measure(name).scaler, x / (2 - 2 * x)
    )


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", MEASURES)
def test_a_row_of_the_table(name, weighted):
    A = weights(weighted=weighted)
    formulas = Formulas(A)
    for x in (0.2, 0.7):
        t = natural(name, A, x)
        expected = formulas.kernel(name, t)
        found = GraphProximity(name, param=x).fit(A)
        assert found.psd_ == parse_measure(name).psd
        if parse_measure(name).scaler:
            assert found.param_ == pytest.approx(t, rel=1e-14)
        # Inverses and exponentials of condition below a thousand: rounding times that.
        scale = np.abs(expected).max()
        kernel = found.kernel_ * np.exp(found.log_scale_)
        np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-12 * scale)
        k = np.diag(expected)
        distance = (k[:, None] + k - expected - expected.T) / 2
        distance /= np.exp(found.log_scale_)  # it is that of kernel_
        if parse_measure(name).plain == "comm":
            distance = np.sqrt(np.maximum(distance, 0))
        if parse_measure(name).kind == "distance":
            distance = formulas.distance(name, t)
        np.testing.assert_allclose(found.distance_, distance, rtol=0, atol=1e-12 * scale)
        assert (found.distance_ == found.distance_.T).all()


@pytest.mark.parametrize("name", [name for name in MEASURES if parse_measure(name).psd])
def test_positive_semi_definite_where_it_says_so(name):
    for x in (0.05, 0.95):
        values = np.linalg.eigvalsh(GraphProximity(name, param=x).fit(weights()).kernel_)
        assert values[0] >= -1e-14 * values[-1]


@pytest.mark.parametrize("name", ["df", "sct", "scct", "sp", "sp-ct", "logcomm", "logkatz"])
def test_not_positive_semi_definite_where_it_says_so(name):
    bipartite = name in ("df", "sp", "sp-ct")
    graph = nx.complete_bipartite_graph(3, 4) if bipartite else nx.lollipop_graph(6, 4)
    A = nx.to_numpy_array(graph)
    values = np.linalg.eigvalsh(GraphProximity(name, param=0.9).fit(A).kernel_)
    assert values[0] < -1e-6 * values[-1]


def test_the_effective_resistance_of_a_path_is_its_length():
    A = nx.to_numpy_array(nx.path_graph(6))
    steps = np.abs(np.arange(6) - np.arange(6)[:, None])
    np.testing.assert_allclose(2 * GraphProximity("ct").fit(A).distance_, steps, atol=1e-13)
    np.testing.assert_array_equal(GraphProximity("sp").fit(A).distance_, steps)


# Identities.


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(
    ("one", "other", "param"), [("logppr", "logmodifppr", 0.8), ("logheatpr", "lognheat", 1.7)]
)
def test_constants_of_rows_and_columns_apart_two_logarithms_are_one(one, other, param, weighted):
    A = weights(weighted=weighted)
    first, second = fitted(one, param, A), fitted(other, param, A)
    np.testing.assert_allclose(first.distance_, second.distance_, atol=1e-12)
    H = np.eye(len(A)) - 1 / len(A)
    np.testing.assert_allclose(H @ first.kernel_ @ H, H @ second.kernel_ @ H, atol=1e-12)


@pytest.mark.parametrize("name", ["abs", "logabs"])
@pytest.mark.parametrize("t", [0.01, 0.3, 0.99])
def test_absorption_is_modified_pagerank(name, t):
    A = weights()
    K = fitted(name, t, A).kernel_
    other = fitted(name.replace("abs", "modifppr"), 1 - t, A).kernel_
    np.testing.assert_allclose(K, other, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.05, 1.0, 8.0])
def test_free_energy_of_an_unweighted_graph_is_log_pagerank(beta):
    A = weights(weighted=False)
    energy = fitted("fe", beta, A).distance_
    walks = fitted("logppr", np.exp(-beta), A).distance_ / beta
    np.testing.assert_allclose(energy, walks, atol=1e-12 * energy.max())


def test_even_measures_average_two_plain_ones():
    A = weights()
    x = 0.6
    both = [fitted("modifppr", np.sqrt(x), A).kernel_, fitted("abs", 1 + np.sqrt(x), A).kernel_]
    np.testing.assert_allclose(fitted("ppr2", x, A).kernel_, sum(both) / 2, rtol=1e-12)


# Extreme parameters and weights.


def clique_chain(n_cliques, size):
    A = np.kron(np.eye(n_cliques), np.ones((size, size)))
    np.fill_diagonal(A, 0)
    for start in range(size, len(A), size):
        A[start - 1, start] = A[start, start - 1] = 1
    return A


@pytest.mark.parametrize("t", [1e3, 1e7, 1e14])
def test_forests_of_large_parameter(t):
    A = clique_chain(3, 4)
    with mpmath.workdps(60):
        L = mpmath.matrix((np.diag(A.sum(axis=1)) - A).tolist())
        exact = (mpmath.eye(len(A)) + t * L) ** -1
        exact = np.array(exact.tolist(), dtype=float)
    K = fitted("for", t, A).kernel_
    # By Cholesky up to condition 1e6, times rounding; beyond, the constant vector is exact.
    np.testing.assert_allclose(K, exact, rtol=1e-10)


@pytest.mark.parametrize("name", ["comm", "comm2", "df"])
@pytest.mark.parametrize("t", [1e-3, 2.0, 1e3, 1e9])
def test_exponentials_past_the_range_of_floats(name, t):
    A = clique_chain(3, 4)
    found = fitted(name, t, A)
    values, vectors = np.linalg.eigh(A)
    with mpmath.workdps(50):
        x = [mpmath.mpf(t) * value for value in values]
        if name == "df":
            half, root = mpmath.sqrt(0.5), mpmath.sqrt(mpmath.pi / 2)
            exact = [mpmath.exp(y * y / 2) * (1 + root * mpmath.erf(y * half)) for y in x]
        else:
            exact = [mpmath.exp(abs(y) if name == "comm2" else y) for y in x]
        log_scale = mpmath.log(exact[-1])
        ratios = np.array([float(y / exact[-1]) for y in exact])
    assert found.log_scale_ == pytest.approx(float(log_scale), rel=1e-12, abs=1e-15)
    expected = (vectors * ratios) @ vectors.T
    # Rounding of the largest exponents, t times that of an eigenvalue, until one is left.
    np.testing.assert_allclose(found.kernel_, expected, atol=1e-12 * max(1, min(t, 1e3)))


@pytest.mark.parametrize("scale", [1e150, 1e-150])
@pytest.mark.parametrize("name", PLAIN)
def test_units_of_the_weights(name, scale):
    """What the notes of the class say of weights times a constant."""
    A = weights()
    t = natural(name, A, 0.4)
    expected = fitted(name, t, A).kernel_
    grows, shrinks = ("rsp", "fe"), ("katz", "comm", "comm2", "df", "for", "heat")
    t = t * scale if name in grows else t / scale if name in shrinks else t
    found = fitted(name, t, scale * A).kernel_
    # Kernels in units of the inverse weight, costs.
    inverse = ("modifppr", "abs", "ppr2", "ct", "cct", "rsp", "fe", "sp", "sp-ct")
    found = found * scale if name in inverse else found
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())


@settings(max_examples=8)
@given(st.floats(-12.0, 12.0), st.permutations(range(8)))
def test_order_of_nodes_and_scale_do_not_matter(exponent, order):
    A = weights(8)
    moved = A[np.ix_(order, order)] * 10.0**exponent
    for name in ("katz", "scct", "ppr2"):
        expected = GraphProximity(name).fit(A).kernel_[np.ix_(order, order)]
        found = GraphProximity(name).fit(moved).kernel_
        found = found * 10.0**exponent if name == "ppr2" else found
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("name", PLAIN)
def test_single_precision(name):
    A = weights()
    double = GraphProximity(name).fit(A)
    single = GraphProximity(name, dtype=np.float32).fit(A)
    assert single.kernel_.dtype == single.distance_.dtype == np.float32
    for one, other in [
        (single.kernel_, double.kernel_),
        # A rooted distance keeps half the digits where it is small.
        (single.distance_**2, double.distance_**2),
    ]:
        assert np.abs(one - other).max() < 2e-5 * np.abs(other).max()


def test_single_precision_does_not_overflow_in_silence():
    A = weights()
    tiny = A * 1e-60
    for name in ("modifppr", "abs", "ppr2", "ct", "cct", "sp", "sp-ct"):
        with pytest.raises(ValueError, match="overflows float32; divide X by its maximum"):
            GraphProximity(name, dtype=np.float32).fit(tiny)
    for name in ("sct", "scct", "ppr", "nheat", "katz"):
        found = GraphProximity(name, dtype=np.float32).fit(tiny).kernel_
        np.testing.assert_allclose(found, GraphProximity(name).fit(A).kernel_, atol=1e-5)


def test_resistances_beyond_precision_are_refused():
    A = np.diag([1.0, 1e-30, 1.0], 1)
    with pytest.raises(ValueError, match=r"beyond the precision.*from 1e-30 to 1"):
        GraphProximity("ct").fit(A + A.T)


@pytest.mark.parametrize("name", ["abs", "ppr", "katz"])
def test_next_to_the_end_of_the_interval(name):
    A = nx.to_numpy_array(nx.star_graph(5))  # bipartite: 'abs' is singular at t = 2
    end = {"abs": 2.0, "ppr": 1.0, "katz": 1 / np.sqrt(5)}[name]
    K = fitted(name, end * (1 - 1e-9), A).kernel_
    exact = Formulas(A).kernel(name, end * (1 - 1e-9))
    # The condition is 1e9.
    np.testing.assert_allclose(K, exact, atol=1e-5 * np.abs(exact).max())
    assert np.isfinite(fitted(name, end * (1 - 1e-15), A).kernel_).all()
    with pytest.raises(ValueError, match="lies outside"):
        fitted(name, end * (1 + 1e-12), A)


# Sweeps and the cache.


@pytest.mark.parametrize("name", ["katz", "comm", "scct", "abs", "logfor", "sp"])
def test_a_sweep_is_as_many_fits(name):
    A, params = weights(), [0.1, 0.5, 0.8]
    sweep = GraphProximity(name).fit(A).sweep(params)
    for x, kernel in zip(params, sweep, strict=True):
        np.testing.assert_array_equal(kernel, GraphProximity(name, param=x).fit(A).kernel_)
        kernel[:] = np.nan  # a new array each time, of no use to the next


def test_a_sweep_checks_its_parameters_at_once():
    found = proximity("ppr", 0.5).fit(weights())
    with pytest.raises(ValueError, match=r"param=1.5 lies outside \(0, 1\)"):
        list(found.sweep([0.5, 1.5]))
    with pytest.raises(NotFittedError):
        GraphProximity().sweep([0.5])


def test_the_spectral_radius_of_large_graphs():
    A = nx.to_scipy_sparse_array(nx.circular_ladder_graph(100), dtype=float)
    assert Spectra(as_adjacency(1e150 * A)).rho == pytest.approx(3e150, rel=1e-13)
    chain = clique_chain(20, 5)
    assert Spectra(as_adjacency(chain)).rho == pytest.approx(
        np.linalg.eigvalsh(chain)[-1], rel=1e-12
    )


# Graphs in parts.


@pytest.mark.parametrize("name", [name for name in MEASURES if parse_measure(name).needs_connected])
def test_graphs_in_parts_need_a_floor(name):
    A = pieces()
    with pytest.raises(ValueError, match=r"2 components.*pass floor='auto'"):
        GraphProximity(name).fit(A)
    found = GraphProximity(name, floor="auto").fit(A)
    assert not found.psd_
    near = np.zeros(A.shape, dtype=bool)
    near[:6, :6] = near[6:, 6:] = True
    assert np.isfinite(found.kernel_).all()
    # The sigmoid turns at half; all else keeps the order.
    assert found.distance_[~near].min() > found.distance_[near].max()


def test_within_a_part_all_is_as_if_it_were_alone():
    A = pieces()
    for name in ("ct", "cct", "rsp", "sp", "logheat"):
        whole = GraphProximity(name, floor="auto").fit(A).distance_
        for part in (slice(0, 6), slice(6, 10)):
            alone = GraphProximity(name).fit(A[part, part]).distance_
            np.testing.assert_allclose(whole[part, part], alone, atol=1e-12 * alone.max())
        largest = whole[:6, :6].max(), whole[6:, 6:].max()
        if name != "logheat":
            np.testing.assert_allclose(whole[:6, 6:], 2 * max(largest))


def test_the_floor_is_what_it_is_set_to():
    A = pieces()
    assert (GraphProximity("logfor", floor=-50.0).fit(A).kernel_[:6, 6:] == -50).all()
    assert (GraphProximity("sp", floor=30.0).fit(A).distance_[:6, 6:] == 30).all()
    resistance = GraphProximity("ct", floor=30.0).fit(A).distance_[:6, 6:]
    np.testing.assert_allclose(resistance, 30, rtol=1e-13)
    for name, value in [("logfor", 1e-16), ("sp", 0.1), ("sp", np.inf), ("logfor", -np.inf)]:
        with pytest.raises(ValueError, match=r"floor=.*that no path joins"):
            GraphProximity(name, floor=value).fit(A)


def test_the_floor_of_measures_made_of_distances():
    A, f, x = pieces(), 50.0, 0.5
    for sigmoid, commute in [("sct", "ct"), ("scct", "cct")]:
        K = GraphProximity(commute, floor=f).fit(A).kernel_
        expected = 1 / (1 + np.exp(-x * K / K.std()))
        found = proximity(sigmoid, x, floor=f).fit(A).kernel_
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    mixed = proximity("sp-ct", x, floor=f).fit(A).distance_[:6, 6:]
    np.testing.assert_allclose(mixed, (2 - 1.5 * x) * f, rtol=1e-12)


def test_walks_of_even_length_in_a_bipartite_graph():
    A = nx.to_numpy_array(nx.star_graph(4))
    with pytest.raises(ValueError, match="X is bipartite"):
        GraphProximity("logheat2").fit(A)
    K = GraphProximity("logheat2", floor="auto").fit(A).kernel_
    assert (K[0, 1:] < K[1:, 1:].min()).all()


@pytest.mark.parametrize("name", MEASURES)
def test_isolated_nodes(name):
    A = np.zeros((9, 9))
    A[:8, :8] = weights()
    if parse_measure(name).needs_no_isolated:
        with pytest.raises(ValueError, match=r"1 isolated nodes \(rows 8\); drop them"):
            GraphProximity(name, floor="auto").fit(A)
        return
    K = GraphProximity(name, floor="auto").fit(A).kernel_
    assert np.isfinite(K).all()
    if not parse_measure(name).needs_connected:
        assert (K[8, :8] == 0).all() or np.abs(K[8, :8]).max() < 1e-14


@pytest.mark.parametrize("name", [n for n in MEASURES if not parse_measure(n).needs_no_isolated])
def test_no_edges_at_all(name):
    found = GraphProximity(name, floor="auto").fit(np.zeros((3, 3)))
    off = found.kernel_[~np.eye(3, dtype=bool)]
    assert np.isfinite(found.kernel_).all()
    np.testing.assert_allclose(off, off[0], atol=1e-15)
    alone = GraphProximity(name).fit([[0.0]])
    assert alone.kernel_.shape == (1, 1)
    assert np.isfinite(alone.kernel_).all()
    assert alone.distance_[0, 0] == 0


# Input.


@pytest.mark.parametrize("name", ["for", "scct", "rsp", "logcomm"])
@pytest.mark.parametrize(
    "convert",
    [sp.csr_matrix, sp.coo_array, np.ndarray.tolist, np.asfortranarray, nx.from_numpy_array],
)
def test_kinds_of_graphs(name, convert):
    A = weights()
    expected = GraphProximity(name).fit(A).kernel_
    given_graph = convert(A)
    found = GraphProximity(name).fit(given_graph)
    np.testing.assert_array_equal(found.kernel_, expected)
    assert list(found.nodes_) == list(range(8))
    np.testing.assert_array_equal(found.transform(given_graph), expected)


def test_whole_and_truth_valued_weights_and_a_locked_array():
    A = weights(weighted=False)
    expected = GraphProximity("heat").fit(A).kernel_
    for dtype in (bool, np.int8, np.uint64, np.float32):
        np.testing.assert_array_equal(GraphProximity("heat").fit(A.astype(dtype)).kernel_, expected)
    A.setflags(write=False)
    np.testing.assert_array_equal(GraphProximity("heat").fit(A).kernel_, expected)


def test_nodes_of_networkx_keep_their_names_and_order():
    graph = nx.Graph([("b", "a"), ("a", "c")])
    found = GraphProximity("sp").fit(graph)
    assert found.nodes_ == ["b", "a", "c"]
    assert found.distance_[0].tolist() == [0, 1, 2]
    assert found.n_features_in_ == 3


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([(0, 1)]), r"directed.*to_undirected"),
        (nx.Graph(), "no nodes"),
        ([[0, 1], [2, 0]], "X is not symmetric"),
        ([[0, -1], [-1, 0]], "X holds the negative weight"),
        ([[0, np.nan], [np.nan, 0]], "NaN"),
        (np.ones((2, 3)), "square table"),
        ([[0, 1e308, 1e308], [1e308, 0, 1e308], [1e308, 1e308, 0]], "divide it by its maximum"),
        (sp.csr_matrix((MAX_NODES + 1, MAX_NODES + 1)), r"3 GB.*SparseGraphClustering"),
    ],
)
def test_bad_graphs_are_refused(graph, message):
    with pytest.raises(ValueError, match=message):
        GraphProximity("for").fit(graph)


def test_bad_settings_are_refused():
    A = weights()
    with pytest.raises(ValueError, match="measure='nope' is unknown"):
        GraphProximity("nope").fit(A)
    with pytest.raises(ValueError, match=r"param=1 lies outside \(0, 1\)"):
        GraphProximity(param=1.0).fit(A)
    with pytest.raises(ValueError, match=r"lies outside \(0, .*1/ρ.*'katz'"):
        proximity("katz", 1.0).fit(A)
    with pytest.raises(ValueError, match="dtype='int' is no type of kernels"):
        GraphProximity(dtype="int").fit(A)


def test_loops_are_left_out_with_a_warning():
    A = weights()
    with pytest.warns(SelfLoopWarning, match="X has loops at 8 nodes"):
        found = GraphProximity("heat").fit(A + np.eye(8))
    np.testing.assert_array_equal(found.kernel_, GraphProximity("heat").fit(A).kernel_)


def test_a_failed_fit_leaves_the_last_one():
    found = GraphProximity("ppr").fit(weights())
    before = found.kernel_
    with pytest.raises(ValueError, match="isolated"):
        found.fit(np.zeros((3, 3)))
    assert found.kernel_ is before
    assert found.n_features_in_ == 8


def test_the_transformer_knows_its_own_graph_alone():
    A = weights()
    found = GraphProximity().fit(A)
    with pytest.raises(ValueError, match="another graph than the one fitted"):
        found.transform(2 * A)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.transform(A), found.kernel_)


def test_kernels_are_handed_out_as_copies():
    A = weights()
    model = GraphProximity("forest")
    for kernel in (model.fit_transform(A), model.transform(A)):
        np.testing.assert_array_equal(kernel, model.kernel_)
        kernel[:] = 0
    assert model.kernel_.max() > 0


def test_none_is_not_a_number():
    table = [[0, None, 1], [None, 0, 1], [1, 1, 0]]
    for graph in (table, np.array(table, dtype=object)):
        with pytest.raises(ValueError, match="graph holds NaN or infinity"):
            as_adjacency(graph)
        with pytest.raises(ValueError, match="NaN"):
            GraphProximity().fit(graph)
    with pytest.raises(ValueError, match="not numbers"):
        as_adjacency(np.array([[0, "a"], ["a", 0]], dtype=object))
    assert as_adjacency(np.array([[0, 1], [1, 0]], dtype=object)).nnz == 2


def test_weights_whose_inverse_overflows_are_refused():
    A = 1 - np.eye(10)
    for measure in ("scct", "katz", "sp", "logheat"):
        with pytest.raises(ValueError, match="no weight above 1e-310.*multiply it by a constant"):
            GraphProximity(measure).fit(A * 1e-310)
    np.testing.assert_allclose(
        GraphProximity().fit(A * 1e-304).kernel_, GraphProximity().fit(A).kernel_, rtol=1e-12
    )


def test_inverses_are_symmetric_to_the_last_bit(rng):
    factor = rng.normal(size=(300, 300)) * np.exp(rng.normal(size=300))[:, None]
    matrix = factor @ factor.T + np.eye(300)
    expected = np.linalg.inv(matrix)
    found = inverse((matrix + matrix.T) / 2)
    assert (found == found.T).all()
    np.testing.assert_allclose(found, expected, atol=1e-8 * abs(expected).max())

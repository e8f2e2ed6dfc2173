"""Every row of the table of measures against its formula, in dense matrices of few nodes."""

import mpmath
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proximity_cases import PLAIN, Formulas, clique_chain, fitted, natural, proximity, weights
from sklearn.exceptions import NotFittedError

from kernlab.graph import GraphProximity
from kernlab.graph._adjacency import as_adjacency
from kernlab.graph._measures import MEASURES, parse_measure
from kernlab.graph._spectra import Spectra


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

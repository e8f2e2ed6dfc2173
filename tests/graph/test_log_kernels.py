"""Logarithms of proximity kernels against mpmath, entry by entry."""

import pickle
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proximity_cases import clique_chain

from kernlab.graph import GraphProximity, _log_kernels
from kernlab.graph._log_kernels import LOG_KERNELS, TINY, Walks, log_kernel
from kernlab.graph._m_matrix import m_matrix_inverse

DIGITS = 60


def path(n_nodes):
    return np.eye(n_nodes, k=1) + np.eye(n_nodes, k=-1)


def halved_distance(logs):
    diagonal = np.diag(logs)
    return (diagonal + diagonal[:, None] - logs - logs.T) / 2


def oracle_column(weights, name, t, source):
    """Logarithms of a column of a kernel from its definition, to 60 digits."""
    with mpmath.workdps(DIGITS):
        values = _column(weights, name, mpmath.mpf(t), source)
        return np.array([float(mpmath.log(value)) for value in values])


def _column(weights, name, t, source):
    n_nodes = len(weights)
    neighbors = [[(j, mpmath.mpf(row[j])) for j in np.flatnonzero(row)] for row in weights]
    degrees = [mpmath.fsum(weight for _, weight in row) for row in neighbors]
    roots = [mpmath.sqrt(degree) for degree in degrees]

    def adjacency(vector):
        return [mpmath.fsum(weight * vector[j] for j, weight in row) for row in neighbors]

    def normalized(vector):
        image = adjacency([value / root for value, root in zip(vector, roots, strict=True)])
        return [value / root for value, root in zip(image, roots, strict=True)]

    def shifted(vector):
        image = adjacency(vector)
        top = max(degrees)
        return [a + (top - d) * v for a, d, v in zip(image, degrees, vector, strict=True)]

    def series(operator, step=1, offset=0):
        power = [mpmath.mpf(int(node == source)) for node in range(n_nodes)]
        total, order, factorials = list(power), 0, [1, 1]
        while True:
            order += 1
            power = [t * value for value in operator(power)]
            factorials.append(order * factorials[-step])
            terms = [value / factorials[-1] for value in power]
            total = [a + b for a, b in zip(total, terms, strict=True)]
            if order > n_nodes and max(terms) < min(total) * mpmath.mpf(10) ** -20:
                return [value * mpmath.exp(-offset) for value in total]

    if name == "comm":
        return series(adjacency)
    if name == "df":
        return series(adjacency, step=2)
    if name == "heat":
        return series(shifted, offset=t * max(degrees))
    if name == "nheat":
        return series(normalized, offset=t)
    if name == "heat2":
        return series(lambda vector: normalized(normalized(vector)), offset=t)
    if name == "heatpr":
        column = series(normalized, offset=t)
        return [value / root * roots[source] for value, root in zip(column, roots, strict=True)]
    share = {"katz": t, "for": t, "abs": 1 - t}.get(name, t)
    matrix = [[mpmath.mpf(0)] * n_nodes for _ in range(n_nodes)]
    for i, row in enumerate(neighbors):
        matrix[i][i] = {"katz": mpmath.mpf(1), "for": 1 + t * degrees[i]}.get(name, degrees[i])
        for j, weight in row:
            if name == "ppr2":
                for k, other in neighbors[j]:
                    matrix[i][k] -= share * weight * other / degrees[j]
            else:
                matrix[i][j] -= share * weight
    column = _solve(matrix, source)
    return [value * degrees[source] for value in column] if name == "ppr" else column


def _solve(matrix, source):
    """A column of the inverse by Gaussian elimination that passes over zeros."""
    n_nodes = len(matrix)
    right = [mpmath.mpf(int(node == source)) for node in range(n_nodes)]
    for k in range(n_nodes):
        later = [j for j in range(k + 1, n_nodes) if matrix[k][j] != 0]
        for i in later:
            share = matrix[i][k] / matrix[k][k]
            for j in later:
                matrix[i][j] -= share * matrix[k][j]
            right[i] -= share * right[k]
    for k in reversed(range(n_nodes)):
        rest = [(j, matrix[k][j]) for j in range(k + 1, n_nodes) if matrix[k][j] != 0]
        right[k] = (right[k] - mpmath.fsum(w * right[j] for j, w in rest)) / matrix[k][k]
    return right


@pytest.mark.parametrize("name", LOG_KERNELS)
def test_clique_chain(name):
    # What eigendecompositions miss by 120, and the target of 1e-12.
    weights = clique_chain()
    radius = np.linalg.eigvalsh(weights)[-1]
    cache = {}
    for t in (0.01, 0.1, 1.0):
        if name == "katz":
            t *= 0.999 / radius
        elif name in ("ppr", "modifppr", "abs", "ppr2"):
            t = min(t, 0.999)
        logs = log_kernel(weights, name, t, cache=cache)
        assert np.isfinite(logs).all()
        assert abs(logs[:, 0] - oracle_column(weights, name, t, 0)).max() < 1e-12


@pytest.mark.parametrize(
    ("name", "t"), [("comm", 0.01), ("df", 1e-3), ("nheat", 0.01), ("for", 1e-4), ("katz", 1e-3)]
)
def test_below_the_range_of_floats(name, t):
    # exp(-690) or less at the far end of a path of 101 nodes.
    weights = path(101)
    logs = log_kernel(weights, name, t)
    expected = oracle_column(weights, name, t, 0)
    assert expected.min() < np.log(TINY)
    # An ulp of the sum of exponents' logarithms, and rounding along the way.
    np.testing.assert_allclose(logs[:, 0], expected, rtol=1e-15, atol=1e-12)
    np.testing.assert_allclose(logs, logs.T, rtol=1e-15, atol=1e-12)


def test_double_factorial_of_large_arguments():
    # t times the radius is 33: thirty terms of the series would miss all of it. A complete graph
    # has two eigenvalues, and its kernel from a closed form.
    weights = 1 - np.eye(12)
    t = 3.0

    def kernel(x):
        root = mpmath.sqrt(mpmath.pi / 2)
        return mpmath.exp(x * x / 2) * (1 + root * mpmath.erf(x / mpmath.sqrt(2)))

    with mpmath.workdps(DIGITS):
        top, other = kernel(mpmath.mpf(11 * t)), kernel(mpmath.mpf(-t))
        off = float(mpmath.log((top - other) / 12))
        on = float(mpmath.log((top + 11 * other) / 12))
    logs = log_kernel(weights, "df", t)
    assert abs(logs - np.where(weights, off, on)).max() < 1e-12


@pytest.mark.parametrize(("name", "weight", "t"), [("heat", 1e5, 49.0), ("heat2", 1.0, 3e6)])
def test_large_parameters_lose_no_digits(name, weight, t):
    # At equilibrium to rounding; less a shift of t times the degree it was off by 1e-16 of that.
    logs = log_kernel(weight * (1 - np.eye(10)), name, t)
    assert abs(logs + np.log(10)).max() < 1e-13


def test_large_parameters_take_no_memory():
    # Of K10 exp(t A) is exp(9 t) / 10 to rounding, after walks of 1e8 steps.
    tracemalloc.start()
    logs = log_kernel(1 - np.eye(10), "comm", 5e6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(logs, 9 * 5e6 - np.log(10), rtol=1e-14)
    assert peak < 10e6


def test_faint_bridge_at_large_parameters():
    # The bridge is crossed once, at any time s: w times the integral of p(s) p(t - s), where
    # p(s) = (1 - exp(-4 s)) / 4 leads from one node of a clique to another.
    weights = np.kron(np.eye(2), 1 - np.eye(4))
    weights[3, 4] = weights[4, 3] = 1e-300
    logs = log_kernel(weights, "heat", 3e7)
    assert logs[0, 7] == pytest.approx(np.log(1e-300 * (3e7 - 0.5) / 16), abs=1e-12)
    with pytest.raises(ValueError, match="drop the weakest edges"):
        log_kernel(weights, "df", 4e3)


@pytest.mark.parametrize("cost", [0, np.inf])
def test_wide_numbers_by_either_way(cost, monkeypatch):
    # A ring with a faint edge: the fewest steps are not the heaviest walk.
    monkeypatch.setattr(_log_kernels, "WIDE_COST", cost)
    weights = path(14)
    weights[0, 13] = weights[13, 0] = 1e-300
    for name, t in [("comm", 1e-3), ("comm", 8.0), ("nheat", 3.0)]:
        operator = Walks.of(weights, None).operator("A" if name == "comm" else "S")
        logs = operator.wide_columns(t, np.array([0]), 1)[0]
        np.testing.assert_allclose(logs, oracle_column(weights, name, t, 0), rtol=1e-15, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in LOG_KERNELS if name not in ("ppr", "heatpr")])
def test_symmetric_to_the_last_bit(name):
    logs = log_kernel(clique_chain(4, 5), name, 0.1)
    np.testing.assert_array_equal(logs, logs.T)


def test_what_a_fit_keeps():
    # The kernel, the dense weights, and little else: no powers, after a sweep either.
    model = GraphProximity("logcomm").fit(clique_chain(30, 5))
    fitted = len(pickle.dumps(model))
    for _ in model.sweep([0.2, 0.4]):
        pass
    assert fitted < 2.5 * model.kernel_.nbytes
    assert len(pickle.dumps(model)) == fitted


def test_identities(rng):
    weights = np.triu(rng.random((40, 40)) * (rng.random((40, 40)) < 0.2), 1)
    weights += weights.T + 0.01 * (path(40))
    page = log_kernel(weights, "ppr", 0.7)
    modified = log_kernel(weights, "modifppr", 0.7)
    assert abs(halved_distance(page) - halved_distance(modified)).max() < 1e-12
    assert abs(log_kernel(weights, "abs", 1 - 0.7) - modified).max() < 1e-12
    heat = log_kernel(weights, "nheat", 2.0)
    assert (
        abs(halved_distance(log_kernel(weights, "heatpr", 2.0)) - halved_distance(heat)).max()
        < 1e-12
    )


def test_plain_kernels(rng):
    # Where entries are of one size, the eigendecomposition is right too.
    weights = np.triu(rng.random((30, 30)), 1)
    weights += weights.T
    values, vectors = np.linalg.eigh(weights)
    for t in (0.02, 0.5):
        plain = (vectors * np.exp(t * values)) @ vectors.T
        np.testing.assert_allclose(np.exp(log_kernel(weights, "comm", t)), plain, rtol=1e-11)
    laplacian = np.diag(weights.sum(axis=0)) - weights
    plain = np.linalg.inv(np.eye(30) + 0.3 * laplacian)
    np.testing.assert_allclose(np.exp(log_kernel(weights, "for", 0.3)), plain, rtol=1e-12)


def test_limits_are_shortest_paths_and_resistances():
    weights = clique_chain(4, 4)
    laplacian = np.diag(weights.sum(axis=0)) - weights
    inverse = np.linalg.pinv(laplacian)
    resistance = np.add.outer(np.diag(inverse), np.diag(inverse)) - 2 * inverse
    t = 1e9
    # K = J/n + L⁺/t + O(1/t²), hence log K = -log n + n L⁺/t.
    far = halved_distance(log_kernel(weights, "for", t))
    np.testing.assert_allclose(far * 2 * t / len(weights), resistance, atol=1e-5)
    hops = -log_kernel(weights, "for", 1e-100) / np.log(1e100)
    np.testing.assert_allclose(hops, np.rint(hops), atol=0.02)
    assert hops.max() == pytest.approx(7, abs=0.02)


@pytest.mark.parametrize("name", LOG_KERNELS)
def test_components(name):
    weights = np.zeros((9, 9))
    weights[:4, :4] = 1 - np.eye(4)
    weights[4:, 4:] = 1 - np.eye(5)
    logs = log_kernel(weights, name, 0.2)
    together = np.equal.outer(np.arange(9) < 4, np.arange(9) < 4)
    assert np.isfinite(logs[together]).all()
    assert (logs[~together] == -np.inf).all()
    if name != "katz":
        np.testing.assert_allclose(logs[:4, :4], log_kernel(weights[:4, :4], name, 0.2), atol=1e-12)


def test_even_kernels_split_bipartite_graphs():
    logs = log_kernel(path(6), "heat2", 1.0)
    sides = np.equal.outer(np.arange(6) % 2, np.arange(6) % 2)
    assert np.isfinite(logs[sides]).all()
    assert (logs[~sides] == -np.inf).all()


@pytest.mark.parametrize("name", ["comm", "heat", "df", "katz", "for"])
@pytest.mark.parametrize("scale", [2.0**-700, 2.0**700])
def test_units_of_weights(name, scale):
    weights = clique_chain(5, 4)
    logs = log_kernel(weights, name, 0.2)
    assert abs(log_kernel(weights * scale, name, 0.2 / scale) - logs).max() < 1e-12


@pytest.mark.parametrize("name", ["comm", "df", "for"])
def test_faintest_parameter(name):
    # One step is t, to all digits: even a square of t is below the range of floats.
    logs = log_kernel(clique_chain(3, 4), name, 1e-300)
    assert logs[0, 1] == pytest.approx(np.log(1e-300), rel=1e-15)
    assert logs.min() == pytest.approx(-5 * 300 * np.log(10), rel=0.01)


def test_unequal_weights_and_a_hub():
    weights = path(12)
    weights[5, 6] = weights[6, 5] = 1e-150
    weights[0, 1:] = weights[1:, 0] = 1e6
    weights[0, 8:] = weights[8:, 0] = 0
    for name, t in [("for", 1.0), ("nheat", 0.5), ("modifppr", 0.5), ("heat", 1e-6)]:
        logs = log_kernel(weights, name, t)
        np.testing.assert_allclose(
            logs[:, 11], oracle_column(weights, name, t, 11), rtol=1e-14, atol=1e-12
        )


def test_faint_bridges():
    # Two bridges of 1e-200 make entries of 1e-400 between graphs of ordinary weights.
    weights = clique_chain(3, 4)
    for last in (3, 7):
        weights[last, last + 1] = weights[last + 1, last] = 1e-200
    for name in ("for", "comm", "heat2", "ppr2"):
        logs = log_kernel(weights, name, 0.4)
        np.testing.assert_allclose(
            logs[:, 0], oracle_column(weights, name, 0.4, 0), rtol=1e-14, atol=1e-12
        )


def test_sweeps_share_what_is_right(rng):
    weights = clique_chain(6, 4)
    cache = {}
    for name in ("comm", "df", "heat"):
        for t in (0.05, 0.1, 0.2, 0.15, 3.0):
            shared = log_kernel(weights, name, t, cache=cache)
            assert abs(shared - log_kernel(weights, name, t)).max() < 1e-12


def test_nearly_singular_inverses():
    # All rows sum to 1e-200: the inverse is 1e200 / n to the order of 1e-200, where LU fails.
    weights = clique_chain(10, 5)
    inverse = m_matrix_inverse(weights, np.full(50, 1e-200))
    np.testing.assert_allclose(inverse, 1e200 / 50, rtol=1e-13)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(LOG_KERNELS))
def test_order_of_nodes_does_not_matter(seed, name):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.random((40, 40)) ** 4, 1)
    weights += weights.T
    order = rng.permutation(40)
    t = 0.1 / np.linalg.eigvalsh(weights)[-1]
    shuffled = log_kernel(weights[np.ix_(order, order)], name, t)
    assert abs(shuffled - log_kernel(weights, name, t)[np.ix_(order, order)]).max() < 1e-12


@pytest.mark.parametrize(
    ("name", "t", "message"),
    [
        ("comm2", 1.0, "has no logarithm"),
        ("heat", 0.0, r"open interval \(0, inf\)"),
        ("heat", np.nan, "open interval"),
        ("ppr", 1.0, r"open interval \(0, 1\)"),
        ("abs", 1.5, r"open interval \(0, 1\)"),
        ("katz", 0.5, "largest eigenvalue"),
        ("comm", 1e12, "lower t"),
    ],
)
def test_bad_parameters(name, t, message):
    with pytest.raises(ValueError, match=message):
        log_kernel(path(5) + np.eye(5, k=2) + np.eye(5, k=-2), name, t)


def test_isolated_nodes():
    weights = np.zeros((3, 3))
    weights[0, 1] = weights[1, 0] = 1.0
    with pytest.raises(ValueError, match=r"nodes \[2\] have no edges"):
        log_kernel(weights, "nheat", 1.0)
    assert log_kernel(weights, "heat", 1.0)[2, 2] == pytest.approx(0, abs=1e-13)

"""Distances by costs of walks against their definitions and limits."""

import mpmath
import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from kernlab.graph._log_kernels import log_kernel
from kernlab.graph._walk_costs import shortest_path_distance, walk_cost_distance


def random_graph(rng, n_nodes=9):
    weights = np.triu(rng.uniform(0.3, 3, (n_nodes, n_nodes)), 1)
    weights *= rng.random(weights.shape) < 0.4
    weights[np.arange(n_nodes - 1), np.arange(1, n_nodes)] = 1.3
    return weights + weights.T


def by_definition(weights, name, beta, digits=60):
    """Inverses in mpmath, to any number of digits."""
    n_nodes = len(weights)
    with mpmath.workdps(digits):
        beta = mpmath.mpf(beta)
        cost, walk = mpmath.zeros(n_nodes), mpmath.zeros(n_nodes)
        for i, j in np.argwhere(weights):
            cost[i, j] = 1 / mpmath.mpf(weights[i, j])
            degree = mpmath.fsum(mpmath.mpf(w) for w in weights[i])
            walk[i, j] = weights[i, j] / degree * mpmath.exp(-beta * cost[i, j])
        z = mpmath.inverse(mpmath.eye(n_nodes) - walk)
        spent = mpmath.zeros(n_nodes)
        for i, j in np.argwhere(weights):
            spent[i, j] = cost[i, j] * walk[i, j]
        total = z * spent * z
        result = np.zeros((n_nodes, n_nodes))
        for i in range(n_nodes):
            for j in range(n_nodes):
                if name == "fe":
                    value = -mpmath.log(z[i, j] / z[j, j]) / beta
                else:
                    value = total[i, j] / z[i, j] - total[j, j] / z[j, j]
                result[i, j] = float(value)
    return (result + result.T) / 2


@pytest.mark.parametrize("name", ["rsp", "fe"])
@pytest.mark.parametrize("beta", [1e-3, 0.5, 20.0])
def test_definition(rng, name, beta):
    weights = random_graph(rng)
    distance = walk_cost_distance(weights, name, beta)
    # The subtraction of costs of 1 / beta leaves 1e-16 of them.
    np.testing.assert_allclose(
        distance, by_definition(weights, name, beta), rtol=1e-12, atol=1e-14 / beta
    )


@pytest.mark.parametrize("name", ["rsp", "fe"])
@pytest.mark.parametrize("beta", [500.0, 1e5])
def test_costs_beyond_the_range_of_floats(rng, name, beta):
    # exp(-beta C) is zero in floats for each edge, not in mpmath. Logarithms are of beta C, and
    # their rounding relative to that.
    weights = random_graph(rng, 7)
    distance = walk_cost_distance(weights, name, beta)
    rtol = 1e-12 if name == "fe" else 2e-15 * beta
    np.testing.assert_allclose(distance, by_definition(weights, name, beta), rtol=rtol)


def test_walks_of_one_way_by_hand():
    # Two nodes: a walk to the other is one edge, of cost 1 / weight, whatever beta.
    pair = np.array([[0, 4.0], [4.0, 0]])
    for beta in (0.01, 1.0, 1e4):
        for name in ("rsp", "fe"):
            np.testing.assert_allclose(
                walk_cost_distance(pair, name, beta), [[0, 0.25], [0.25, 0]], rtol=1e-12
            )


def test_limits(rng):
    weights = random_graph(rng, 12)
    shortest = shortest_path_distance(weights)
    laplacian = np.diag(weights.sum(axis=0)) - weights
    inverse = np.linalg.pinv(laplacian)
    resistance = np.add.outer(np.diag(inverse), np.diag(inverse)) - 2 * inverse
    # Of all edges both ways weight times cost is one: the mean cost of a step over its rate.
    commute = resistance * np.count_nonzero(weights) / 2
    for name in ("rsp", "fe"):
        np.testing.assert_allclose(walk_cost_distance(weights, name, 1e5), shortest, rtol=1e-3)
        np.testing.assert_allclose(
            walk_cost_distance(weights, name, 1e-7), commute, rtol=1e-4, atol=1e-8
        )


def test_free_energy_is_logarithmic_pagerank():
    # On unweighted graphs, with alpha = exp(-beta).
    weights = shortest_free_graph()
    for beta in (0.05, 1.0, 9.0):
        logs = log_kernel(weights, "ppr", np.exp(-beta))
        diagonal = np.diag(logs)
        expected = (diagonal + diagonal[:, None] - logs - logs.T) / 2 / beta
        assert abs(walk_cost_distance(weights, "fe", beta) - expected).max() < 1e-12 * max(
            1, expected.max()
        )


def shortest_free_graph():
    """Four cliques in a ring."""
    weights = np.kron(np.eye(4), 1 - np.eye(4))
    for first, second in [(3, 4), (7, 8), (11, 12), (15, 0)]:
        weights[first, second] = weights[second, first] = 1
    return weights


@pytest.mark.parametrize("name", ["rsp", "fe"])
def test_components_and_units(rng, name):
    weights = np.zeros((12, 12))
    weights[:5, :5] = random_graph(rng, 5)
    weights[5:, 5:] = random_graph(rng, 7)
    distance = walk_cost_distance(weights, name, 1.0)
    assert (distance[:5, 5:] == np.inf).all()
    assert np.isfinite(distance[5:, 5:]).all()
    alone = walk_cost_distance(weights[:5, :5], name, 1.0)
    np.testing.assert_allclose(distance[:5, :5], alone, rtol=1e-12, atol=1e-14)
    # A cost is one over a weight, and so is one over beta a cost.
    scaled = walk_cost_distance(weights * 2.0**450, name, 2.0**450)
    np.testing.assert_allclose(scaled * 2.0**450, distance, rtol=1e-12, atol=1e-13)


def test_shortest_paths(rng):
    weights = random_graph(rng)
    lengths = np.divide(1, weights, out=np.full_like(weights, np.inf), where=weights > 0)
    for middle in range(9):
        lengths = np.minimum(lengths, lengths[:, [middle]] + lengths[[middle]])
    np.fill_diagonal(lengths, 0)
    np.testing.assert_allclose(shortest_path_distance(weights), lengths, rtol=1e-14)
    unweighted = (weights > 0).astype(float)
    assert (shortest_path_distance(unweighted) == shortest_path(unweighted)).all()
    with pytest.raises(ValueError, match="multiply the weights"):
        shortest_path_distance(np.array([[0, 1e-310], [1e-310, 0]]))


@pytest.mark.parametrize("beta", [0.0, -1.0, np.nan, np.inf, 1e18])
def test_bad_beta(beta):
    with pytest.raises(ValueError, match="give a positive beta of at most"):
        walk_cost_distance(shortest_free_graph(), "rsp", beta)


def test_bad_names_and_nodes():
    with pytest.raises(ValueError, match="'rsp' or 'fe'"):
        walk_cost_distance(shortest_free_graph(), "sp", 1.0)
    with pytest.raises(ValueError, match="have no edges"):
        walk_cost_distance(np.zeros((3, 3)), "fe", 1.0)


@pytest.mark.parametrize("name", ["rsp", "fe"])
def test_small_beta_is_right_or_refused(name):
    weights = np.ones((6, 6)) - np.eye(6)
    weights[0, 1] = weights[1, 0] = 3
    exact = by_definition(weights, name, 1e-8)
    distance = walk_cost_distance(weights * 1e8, name, 1.0) * 1e8
    # Rounding of 1e-15 over beta times cost.
    assert abs(distance - exact).max() < 1e-7 * exact.max()
    for scale in (2e8, 1e16, 1e300):
        with pytest.raises(ValueError, match=r"drown in rounding.*measure='ct'"):
            walk_cost_distance(weights * scale, name, 1.0)

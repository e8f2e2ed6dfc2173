"""Random graphs against the probabilities that define them."""

import contextlib

import networkx
import numpy as np
import pytest
from scipy import stats

from kernlab.graph import degree_corrected_sbm, lfr_graph, planted_partition
from kernlab.graph._exchange_numba import exchange_partners
from kernlab.graph._generators import power_law

# Thresholds of five standard errors, of seeds that are fixed.
FIVE = 5.0


def checked(graph):
    A = graph.adjacency
    assert A.format == "csr"
    assert A.dtype == np.float64
    assert A.has_canonical_format
    assert (A != A.T).nnz == 0
    assert A.diagonal().sum() == 0
    assert set(A.data) <= {1.0}
    return A.toarray()


def frequency(draw, n_graphs):
    """How often each pair was linked."""
    checked(draw(0))
    return sum(draw(seed).adjacency.toarray() for seed in range(n_graphs)) / n_graphs


def test_every_pair_has_the_probability_of_its_blocks():
    table = np.array([[0.5, 0.1, 0.0], [0.1, 1.0, 0.25], [0.0, 0.25, 0.5]])
    sizes, n_graphs = [5, 4, 1], 500
    labels = np.repeat([0, 1, 2], sizes)
    found = frequency(lambda seed: planted_partition(sizes, table, random_state=seed), n_graphs)
    p = table[labels][:, labels]
    np.fill_diagonal(p, 0)
    assert np.all(found[p == 1] == 1)
    assert np.all(found[p == 0] == 0)
    assert np.all(np.abs(found - p) <= FIVE * np.sqrt(p * (1 - p) / n_graphs))


def test_pairs_are_independent():
    # Of one graph of p = 0.3 all triples of pairs: the triangles have mean p^3.
    n, p = 150, 0.3
    A = checked(planted_partition([50, 100], (p, p), random_state=1))
    triples = n * (n - 1) * (n - 2) / 6
    triangles = np.trace(A @ A @ A) / 6
    # Variance of the number of triangles of a random graph: alone, and by edges that two share.
    variance = triples * (p**3 - p**6) + 3 * triples * (n - 3) * (p**5 - p**6)
    assert abs(triangles - triples * p**3) < FIVE * np.sqrt(variance)
    # Degrees of a binomial distribution: chi-squared of the variance.
    degrees = A.sum(axis=1)
    assert 0.6 < degrees.var() / (n * p * (1 - p)) < 1.5


def test_a_large_sparse_graph():
    graph = planted_partition([30_000, 10_000], (5e-4, 1e-4), random_state=0)
    labels = graph.labels
    edges = graph.adjacency.tocoo()
    for a, b, mean in (
        (0, 0, 30_000 * 29_999 / 2 * 5e-4),
        (1, 1, 10_000 * 9999 / 2 * 5e-4),
        (0, 1, 3e8 * 1e-4),
    ):
        within = (labels[edges.row] == a) & (labels[edges.col] == b) & (edges.row < edges.col)
        assert abs(within.sum() - mean) < FIVE * np.sqrt(mean)


def test_degree_corrected_pairs():
    sizes, n_graphs = [4, 5], 400
    found = np.zeros((9, 9))
    expected = np.zeros((9, 9))
    for seed in range(n_graphs):
        graph = degree_corrected_sbm(sizes, (0.8, 0.3), max_ratio=5, random_state=seed)
        found += graph.adjacency.toarray()
        theta = graph.propensities
        np.testing.assert_allclose(np.bincount(graph.labels, theta), sizes)
        p = np.where(graph.labels[:, None] == graph.labels, 0.8, 0.3)
        expected += 1 - np.exp(-np.outer(theta, theta) * p)
    np.fill_diagonal(expected, 0)
    p = expected / n_graphs
    # A sum of trials of unlike probabilities varies less than of alike ones.
    assert np.all(np.abs(found - expected) <= FIVE * np.sqrt(n_graphs * p * (1 - p)))


def test_degrees_follow_the_propensities():
    graph = degree_corrected_sbm([2000, 2000], (0.02, 0.005), random_state=0)
    degrees = checked(graph).sum(axis=1)
    theta = graph.propensities
    assert theta.max() / theta.min() <= 50
    mean = theta * (2000 * 0.02 + 2000 * 0.005)
    # Poisson but for merged links, which are fewer than one in twenty of typical nodes.
    usual = theta < 3
    score = (degrees - mean)[usual] / np.sqrt(mean[usual])
    assert abs(score.var() - 1) < 0.2


@pytest.mark.parametrize("exponent", [1.0, 2.5])
def test_power_law(exponent):
    draws = power_law(5000, exponent, 2.0, 40.0, np.random.default_rng(0))
    grid = np.geomspace(2, 40, 4001)
    # On a geometric grid the density is x^(1 - exponent); the grid's own error is 1e-3.
    mass = np.concatenate(([0], np.cumsum(grid[1:] ** (1 - exponent))))
    statistic = stats.ks_1samp(draws, lambda x: np.interp(x, grid, mass / mass[-1])).statistic
    # The law of Kolmogorov: more than 2 in one of 1500 cases.
    assert statistic < 2 / np.sqrt(5000)


@pytest.mark.parametrize("mu", [0.0, 0.2, 0.8, 1.0])
def test_lfr(mu):
    n = 2000
    graph = lfr_graph(
        n, 2.5, 1.5, mu, average_degree=12, max_degree=60, min_community=15, random_state=0
    )
    A = checked(graph)
    sizes = np.bincount(graph.labels)
    assert sizes.sum() == n
    # Only the last community may be made up of what was left over, and not below the least size.
    assert sizes.min() >= 15
    assert sizes.max() <= 61
    degrees = A.sum(axis=1)
    assert degrees.max() <= 60
    # Standard error of the mean degree, plus what is left out: a stub per community, half of them.
    assert abs(degrees.mean() - 12) < FIVE * degrees.std() / np.sqrt(n) + len(sizes) / n
    across = graph.labels[:, None] != graph.labels
    assert graph.mixing == pytest.approx((A * across).sum() / A.sum())
    # Rounding of shares is a trial per node; odd communities lose a stub.
    assert abs(graph.mixing - mu) < FIVE * 0.5 / np.sqrt(n) / 12 + len(sizes) / degrees.sum()
    if mu == 0.2:
        # Of every node, not on average alone: within one link, one lost stub, or what is left out.
        own = (A * across).sum(axis=1)
        assert np.mean(np.abs(own - mu * degrees) <= 2) > 0.98


def test_lfr_degrees_and_sizes_are_of_power_laws():
    graph = lfr_graph(
        20_000, 2.5, 1.5, 0.3, average_degree=10, max_degree=100, min_community=20,
        max_community=200, random_state=0,
    )  # fmt: skip
    degrees = np.asarray(graph.adjacency.sum(axis=1)).ravel()
    tail = degrees[degrees >= 12]
    # Maximum likelihood of a power law that is cut at 100, by Newton's steps on a grid.
    grid = np.linspace(2, 3, 201)
    support = np.arange(12, 101)
    likelihood = [-a * np.log(tail).mean() - np.log(np.sum(support**-a, dtype=float)) for a in grid]
    best = grid[int(np.argmax(likelihood))]
    # The standard error is (a - 1) / sqrt(n) without the cut, somewhat more with it.
    assert abs(best - 2.5) < FIVE * 2.5 / np.sqrt(len(tail))
    sizes = np.bincount(graph.labels)
    mean = (200**0.5 - 20**0.5) / 0.5 / ((20**-0.5 - 200**-0.5) / 0.5)
    assert abs(sizes.mean() - mean) < FIVE * sizes.std() / np.sqrt(len(sizes))


def test_lfr_with_hubs():
    # Exchanges that look through all links of a node take the square of its degree.
    graph = lfr_graph(
        20_000, 2.0, 1.0, 0.5, average_degree=20, max_degree=5000, min_community=2000,
        max_community=4000, random_state=0,
    )  # fmt: skip
    A = graph.adjacency
    assert A.has_canonical_format
    assert (A != A.T).nnz == 0
    assert A.diagonal().sum() == 0
    assert set(A.data) == {1.0}
    degrees = np.diff(A.indptr)
    assert 2000 < degrees.max() <= 5000
    # At most one link in twenty is left out.
    assert abs(degrees.mean() - 20) < FIVE * degrees.std() / np.sqrt(20_000) + 1


@pytest.mark.parametrize("apart", [False, True])
def test_exchanges_make_simple_graphs_of_the_same_degrees(apart):
    rng = np.random.default_rng(0)
    degrees = np.append(rng.integers(0, 12, 40), [20, 15])
    degrees[0] += degrees.sum() % 2
    owner = np.repeat(np.arange(42), degrees)
    first = np.concatenate(([0], np.cumsum(degrees)))
    pairs = rng.permutation(len(owner)).reshape(-1, 2)
    mates = np.empty(len(owner), np.int64)
    mates[pairs] = pairs[:, ::-1]
    ends, labels = owner[mates], np.arange(42) % 3
    group, group_first = np.zeros(42, np.int64), np.array([0, len(owner)])
    exchange_partners(first, owner, ends, mates, group, group_first, labels, apart, 1000, rng)
    kept = ends >= 0
    np.testing.assert_array_equal(mates[mates], np.arange(len(owner)))
    np.testing.assert_array_equal(ends[kept], owner[mates[kept]])
    table = np.zeros((42, 42), int)
    np.add.at(table, (owner[kept], ends[kept]), 1)
    assert table.max() == 1
    assert not table.diagonal().any()
    if apart:
        assert not table[labels[:, None] == labels].any()
    # Stubs are given up in pairs, and of so few hardly any.
    assert np.all(table.sum(axis=1) <= degrees)
    assert kept.sum() >= len(owner) - 4


def test_lfr_ends_for_parameters_of_all_kinds():
    rng = np.random.default_rng(0)
    made = 0
    for seed in range(60):
        n = int(rng.integers(10, 300))
        most = int(rng.integers(2, n))
        parameters = {
            "tau1": rng.uniform(1, 4),
            "tau2": rng.uniform(0, 3),
            "mu": rng.uniform(),
            "average_degree": rng.uniform(1, most),
            "max_degree": most,
        }
        # Any other error fails, and so does a loop that never ends.
        with contextlib.suppress(ValueError):
            checked(lfr_graph(n, **parameters, random_state=seed))
            made += 1
    assert 15 < made < 60


def test_a_seed_decides():
    for draw in (
        lambda seed: planted_partition([50, 50], (0.3, 0.1), random_state=seed),
        lambda seed: degree_corrected_sbm([50, 50], (0.3, 0.1), random_state=seed),
        lambda seed: lfr_graph(
            100, 2.5, 1.5, 0.2, average_degree=8, max_degree=20, random_state=seed
        ),
    ):
        assert (draw(3).adjacency != draw(3).adjacency).nnz == 0
        assert (draw(3).adjacency != draw(4).adjacency).nnz > 0


@pytest.mark.parametrize("draw", [planted_partition, degree_corrected_sbm])
@pytest.mark.parametrize(
    ("sizes", "p", "match"),
    [
        ([], (0.1, 0.1), "sizes"),
        ([3, 0], (0.1, 0.1), "sizes"),
        ([3.5], (0.1, 0.1), "sizes"),
        ([[3]], (0.1, 0.1), "sizes"),
        ([3, 3], (0.1, -0.1), "probabilities"),
        ([3, 3], (np.nan, 0.1), "probabilities"),
        ([3, 3], (np.inf, 0.1), "probabilities"),
        ([3, 3], np.full((3, 3), 0.1), "shape"),
        ([3, 3], [[0.1, 0.2], [0.3, 0.1]], "symmetric"),
    ],
)
def test_bad_blocks(draw, sizes, p, match):
    with pytest.raises(ValueError, match=match):
        draw(sizes, p)


def test_more_links_than_memory_holds_are_refused():
    with pytest.raises(ValueError, match="ask for 5e.15 links.*lower probabilities"):
        degree_corrected_sbm([100], [[1e12]])
    with pytest.raises(ValueError, match="ask for 5e.11 links"):
        planted_partition([1_000_000], (1, 0))
    with pytest.raises(ValueError, match="ask for inf links"):
        degree_corrected_sbm([100], [[1e306]])


def test_bad_numbers():
    with pytest.raises(ValueError, match="between 0 and 1"):
        planted_partition([3, 3], (1.5, 0.1))
    with pytest.raises(ValueError, match="exponent=1"):
        degree_corrected_sbm([3, 3], (0.1, 0.1), exponent=1)
    with pytest.raises(ValueError, match="max_ratio=0"):
        degree_corrected_sbm([3, 3], (0.1, 0.1), max_ratio=0.5)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"n_nodes": 1}, "n_nodes=1"),
        ({"tau1": -1}, "tau1=-1"),
        ({"tau2": np.nan}, "tau2=nan"),
        ({"mu": 1.5}, "mu=1.5"),
        ({"max_degree": 100}, "max_degree=100"),
        ({"max_degree": 9.5}, "max_degree=9.5"),
        ({"average_degree": 1}, "average_degree=1"),
        ({"average_degree": 25}, "average_degree=25"),
        ({"min_community": 0}, "min_community=0"),
        ({"min_community": 40, "max_community": 30}, "min_community=40"),
        ({"max_community": 10}, "max_community=10"),
        ({"min_community": 34, "max_community": 45}, "no number of communities"),
        ({"min_community": 100, "max_community": 100}, "two communities"),
        ({"mu": 0.0, "min_community": 5, "max_community": 21, "average_degree": 18}, "did not fit"),
        # The larger of two communities has more links than the other can take.
        ({"mu": 1.0, "tau2": 0, "min_community": 20, "max_community": 80}, "no place"),
    ],
)
def test_bad_lfr(changed, match):
    given = {
        "n_nodes": 100, "tau1": 2.5, "tau2": 1.5, "mu": 0.2, "average_degree": 8, "max_degree": 20,
        "random_state": 0,
    } | changed  # fmt: skip
    with pytest.raises(ValueError, match=match):
        lfr_graph(**given)


def test_a_full_graph_and_an_empty_one():
    complete = planted_partition([3, 2], (1, 1), random_state=0).adjacency.toarray()
    np.testing.assert_array_equal(complete, networkx.to_numpy_array(networkx.complete_graph(5)))
    assert planted_partition([3, 2], (0, 0), random_state=0).adjacency.nnz == 0
    assert degree_corrected_sbm([1], (0, 0)).adjacency.shape == (1, 1)

"""Selection among partitions against scikit-learn's index, ranks by hand and planted graphs."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster._scores import block_log_likelihood, cluster_weights, modularity
from kernlab.cluster._selection import mean_agreement, select


def _labels(n_partitions, n_nodes, n_clusters, seed=0):
    """Some alike and some not: noise of a growing share on one partition."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_nodes) % n_clusters
    noise = rng.integers(0, n_clusters, (n_partitions, n_nodes))
    share = np.linspace(0.0, 1.0, n_partitions)[:, None]
    labels = np.where(rng.random((n_partitions, n_nodes)) < share, noise, truth)
    labels[:, :n_clusters] = np.arange(n_clusters)  # none is empty
    return labels.astype(np.int16)


def _planted(p_in, p_out, n_clusters=3, size=20, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_clusters), size)
    p = np.where(truth[:, None] == truth, p_in, p_out)
    upper = np.triu(rng.random(p.shape) < p, 1)
    return sp.csr_matrix((upper | upper.T).astype(float)), truth.astype(np.int16)


@pytest.mark.parametrize("memory", [64.0, 0.002])
def test_mean_agreement_is_scikit_learns_index(memory):
    import sklearn

    labels = _labels(9, 40, 4)
    counts = np.arange(1, 10)
    with sklearn.config_context(working_memory=memory):  # one block, and blocks of one
        found = mean_agreement(labels, 4, counts)
    index = np.array([[adjusted_rand_score(a, b) for b in labels] for a in labels])
    assert np.abs(found - index @ counts / counts.sum()).max() < 1e-13


def test_agreement_of_trivial_partitions_is_one():
    assert mean_agreement(np.zeros((1, 5), np.int16), 1, np.array([3])) == 1.0
    assert mean_agreement(np.arange(5, dtype=np.int16)[None], 5, np.array([2])) == 1.0


def test_the_score_is_the_sum_of_three_midranks():
    adjacency, truth = _planted(0.5, 0.1)
    labels = np.vstack([_labels(6, 60, 3, seed=1), np.sort(_labels(6, 60, 3, seed=2), axis=1)])
    labels = np.vstack([labels, truth, 2 - truth])  # a copy, numbered otherwise
    found = select(adjacency, labels, 3)
    weights = cluster_weights(adjacency, labels, 3)
    quality, likelihood = modularity(weights), block_log_likelihood(weights)
    assert found.assortative
    kept = np.flatnonzero(quality > 0)
    assert np.array_equal(np.flatnonzero(found.kept), kept)
    index = [[adjusted_rand_score(labels[a], labels[b]) for b in kept] for a in kept]
    columns = [quality[kept], likelihood[kept], np.mean(index, axis=1)]
    # A midrank counts those below, and those equal by half; copies are equal but for rounding.
    below = [np.sum(c[:, None] > c + 1e-9, axis=1) for c in columns]
    equal = [np.sum(np.abs(c[:, None] - c) <= 1e-9, axis=1) for c in columns]
    expected = sum(b + 0.5 * (e + 1) for b, e in zip(below, equal, strict=True))
    assert np.allclose(found.score[kept], expected, rtol=0, atol=1e-12)
    assert np.isnan(found.score[~found.kept]).all()
    assert np.isnan(found.consensus[~found.kept]).all()
    assert found.best == kept[np.argmax(expected)]
    assert found.score[-1] == found.score[-2]
    assert np.allclose(found.modularity, quality, rtol=0, atol=1e-14)
    assert np.allclose(found.log_likelihood, likelihood, rtol=1e-13)


def test_in_a_disassortative_graph_the_sign_turns():
    adjacency, truth = _planted(0.02, 0.5)
    rng = np.random.default_rng(0)
    # Most candidates are one bad partition: modularity and consensus alone are for that one.
    junk = np.tile(rng.permutation(truth), (10, 1))
    labels = np.vstack([junk, truth, np.where(np.arange(60) == 7, 2, truth)])
    labels = labels.astype(np.int16)
    found = select(adjacency, labels, 3)
    assert not found.assortative
    assert np.array_equal(labels[found.best], truth)
    by_modularity = select(adjacency, labels, 3, scoring="modularity")
    assert by_modularity.best < 10
    assert np.array_equal(by_modularity.score, by_modularity.modularity)
    by_likelihood = select(adjacency, labels, 3, scoring="likelihood")
    assert by_likelihood.best == 10


def test_candidates_that_fail_say_why_and_count_for_nothing():
    adjacency, truth = _planted(0.5, 0.1)
    labels = np.vstack([truth, np.full(60, -1), np.minimum(truth, 1)]).astype(np.int16)
    reasons = np.array(["", "ValueError: t is too large", ""], dtype=object)
    found = select(adjacency, labels, 3, reasons=reasons)
    assert found.kept.tolist() == [True, False, False]
    assert found.reasons.tolist() == ["", reasons[1], "2 clusters in place of 3"]
    assert reasons[2] == ""  # the caller's own is left alone
    assert found.consensus[0] == 1.0
    assert found.best == 0
    with pytest.raises(ValueError, match=r"No candidate .*1 × 2 clusters .*1 × ValueError: t"):
        select(adjacency, labels[1:], 3, reasons=reasons[1:])


def test_a_partition_against_the_sign_of_the_likeliest_is_not_kept():
    adjacency, truth = _planted(0.5, 0.1)
    across = (np.arange(60) % 3).astype(np.int16)
    labels = np.vstack([truth, across])
    found = select(adjacency, labels, 3)
    assert found.modularity[1] < 0
    assert found.kept.tolist() == [True, False]
    assert "negative" in found.reasons[1]


def test_a_callable_scores_each_distinct_partition_once():
    adjacency, truth = _planted(0.5, 0.1)
    labels = np.vstack([truth, 2 - truth, *_labels(3, 60, 3)[1:]]).astype(np.int16)
    seen = []

    def first_size(graph, one):
        assert (graph != adjacency).nnz == 0
        seen.append(one)
        return float(np.sum(one == 0)) if np.sum(one == 0) != 20 else np.nan

    found = select(adjacency, labels, 3, scoring=first_size)
    assert len(seen) == 3
    assert found.kept.tolist() == [False, False, True, True]
    assert found.reasons[0] == "scoring gave NaN"
    assert found.score[found.best] == max(np.sum(one == 0) for one in seen if sum(one == 0) != 20)
    with pytest.raises(ValueError, match="scoring gave 'high', which is no real number"):
        select(adjacency, labels, 3, scoring=lambda graph, one: "high")


def test_one_cluster_has_no_sign_and_is_kept():
    adjacency, truth = _planted(0.5, 0.1)
    found = select(adjacency, np.zeros_like(truth)[None], 1)
    assert found.assortative
    assert found.kept.all()
    assert found.best == 0

"""Reject curves against pairs counted one by one and scikit-learn; Copeland's scores by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from kernlab.cluster import copeland_scores, reject_curve

OTHERS = 1.0 - np.eye(3)


def _case(seed, n=25, n_values=None):
    rng = np.random.default_rng(seed)
    upper = np.triu(
        rng.random((n, n)) if n_values is None else rng.integers(1, n_values, (n, n)), 1
    )
    return (upper + upper.T).astype(float), rng.integers(0, 3, n)


def _pairs(distance, labels):
    i, j = np.triu_indices(len(distance), 1)
    return distance[i, j], labels[i] == labels[j]


@pytest.mark.parametrize("n_values", [None, 4])
def test_the_curve_is_the_roc_of_pairs(n_values):
    distance, labels = _case(0, n_values=n_values)
    curve = reject_curve(distance, labels)
    d, alike = _pairs(distance, labels)
    fpr, tpr, _ = roc_curve(alike, -d, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr, atol=1e-15)
    np.testing.assert_allclose(curve.tpr, tpr, atol=1e-15)
    # n²/2 terms of rounding 1e-16 each.
    assert abs(curve.auc - roc_auc_score(alike, -d)) < 1e-13


def test_the_area_is_the_share_of_pairs_in_order():
    distance, labels = _case(1, n=12, n_values=5)
    d, alike = _pairs(distance, labels)
    order = [
        1.0 if same < other else 0.5 if same == other else 0.0
        for same, other in itertools.product(d[alike], d[~alike])
    ]
    assert abs(reject_curve(distance, labels).auc - np.mean(order)) < 1e-13


def test_ties_are_the_mean_of_all_their_orders():
    distance, labels = _case(2, n=8, n_values=3)
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        noise = np.triu(rng.random(distance.shape), 1)
        areas.append(reject_curve(distance + 1e-6 * (noise + noise.T), labels).auc)
    # Four standard errors of the mean of the shuffled areas.
    assert abs(reject_curve(distance, labels).auc - np.mean(areas)) < 4 * np.std(areas) / 20


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_order_of_nodes_and_scale_are_no_matter(seed):
    distance, labels = _case(seed, n=10, n_values=6)
    labels[:3] = [0, 0, 1]
    curve = reject_curve(distance, labels)
    moved = np.random.default_rng(seed).permutation(10)
    other = np.exp(1e2 * distance)[np.ix_(moved, moved)]
    np.fill_diagonal(other, 0.0)
    same = reject_curve(other, labels[moved].astype(str))
    np.testing.assert_array_equal(curve.fpr, same.fpr)
    np.testing.assert_array_equal(curve.tpr, same.tpr)


def test_perfect_constant_and_infinite_distances():
    labels = np.repeat([0, 1], 4)
    apart = (labels[:, None] != labels).astype(float)
    assert reject_curve(apart, labels).auc == 1.0
    others = 1.0 - np.eye(8)
    assert reject_curve(np.where(apart > 0, np.inf, others), labels).auc == 1.0
    constant = reject_curve(others, labels)
    assert (constant.auc, len(constant.fpr)) == (0.5, 2)


@pytest.mark.parametrize(
    ("distance", "labels", "message"),
    [
        (np.ones((3, 2)), [0, 0, 1], r"shape \(3, 2\)"),
        (np.ones((1, 1)), [0], r"shape \(1, 1\)"),
        (np.ones((3, 3)) * np.nan, [0, 0, 1], "NaN"),
        (np.ones((3, 3), complex), [0, 0, 1], "complex128; give real numbers"),
        (np.arange(9.0).reshape(3, 3), [0, 0, 1], r"not symmetric.*\(distance \+ distance.T\) / 2"),
        (np.eye(3) + 1, [0, 0, 1], r"diagonal that is not zero \(up to 2\).*kernel_to_distance"),
        (np.full((2, 2), np.inf), [0, 1], "diagonal that is not zero"),
        (OTHERS, [0, np.nan, 1], "no class for 1 of 3 nodes.*first: 1.*labels.known."),
        (OTHERS, ["a", "b", np.nan], "labels has no class for 1 of 3 nodes"),
        (OTHERS, pd.Series([pd.NA, None, "b"]), "labels has no class for 2 of 3 nodes"),
        (OTHERS, [0, 1], r"labels has shape \(2,\), expected \(3,\)"),
        (OTHERS, [0, 0, 0], "labels have one class"),
        (OTHERS, [0, 1, 2], "a class of its own for each node"),
    ],
)
def test_bad_input_of_reject_curves_is_refused(distance, labels, message):
    with pytest.raises(ValueError, match=message):
        reject_curve(distance, labels)


def test_copeland_scores_count_duels():
    scores = np.random.default_rng(0).integers(0, 4, (7, 5))
    expected = np.zeros(5, int)
    for graph in scores:
        for a, b in itertools.combinations(range(5), 2):
            expected[a] += np.sign(graph[a] - graph[b])
            expected[b] -= np.sign(graph[a] - graph[b])
    found = copeland_scores(scores)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)
    assert found.sum() == 0
    np.testing.assert_array_equal(copeland_scores(scores * 1e-200), expected)
    assert copeland_scores([[1.0, -np.inf, -np.inf]]).tolist() == [2, -1, -1]
    # Unsigned numbers do not wrap round.
    assert copeland_scores(np.array([[1, 2]], np.uint8)).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.empty((0, 3)), r"shape \(0, 3\)"),
        ([["a", "b"]], "give a table of numbers"),
        ([[1.0, 2.0], [3.0, np.nan]], "the first: graph 1, method 1.*-inf where a method failed"),
    ],
)
def test_bad_input_of_copeland_scores_is_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        copeland_scores(scores)

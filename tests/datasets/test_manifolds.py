"""Manifolds with known geodesics: checked by shortest paths through dense clean samples."""

import pickle

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path
from sklearn.neighbors import kneighbors_graph

from kernlab import datasets

MAKERS = {
    "swiss_roll": datasets.make_swiss_roll,
    "sphere": datasets.make_sphere,
    "clifford_torus": datasets.make_clifford_torus,
    "trefoil": datasets.make_trefoil,
}


@pytest.mark.parametrize("name", MAKERS)
def test_geodesics_are_the_shortest_paths_of_a_dense_sample(name):
    bunch = MAKERS[name](4000, random_state=0)
    graph = kneighbors_graph(bunch.data, 12, mode="distance")
    rows = [0, 7, 99]
    paths = shortest_path(graph, directed=False, indices=rows)
    truth = bunch.geodesics(rows)
    far = truth > 0.2 * truth.max()
    # A path through points is longer than the geodesic, by some per cent at this density; it can
    # be shorter only as far as its chords are shorter than arcs.
    ratio = (paths / np.where(far, truth, 1.0))[far]
    assert ratio.min() > 0.99
    assert ratio.max() < 1.2
    assert np.median(ratio) < 1.08


def test_the_tree_is_its_own_shortest_paths():
    tree = datasets.make_tree(53, n_branches=3, n_features=4, random_state=1)
    steps = np.linalg.norm(np.diff(tree.clean, axis=0), axis=1)
    first = tree.branch == 0
    along = np.concatenate([[0.0], np.cumsum(steps[: first.sum() - 1])])
    np.testing.assert_allclose(tree.geodesics([0])[0, first], along, rtol=1e-12)
    full = tree.geodesics(np.arange(53))
    np.testing.assert_allclose(full, full.T, rtol=1e-12)
    # Two points of different side branches meet on the first branch.
    a, b = np.flatnonzero(tree.branch == 1)[-1], np.flatnonzero(tree.branch == 2)[-1]
    np.testing.assert_allclose(full[a, b], (full[a] + full[b])[first].min(), rtol=1e-12)
    assert np.bincount(tree.branch).tolist() == [18, 18, 17]


def test_noise_and_features():
    roll = datasets.make_swiss_roll(3000, noise=0.5, n_features=10, random_state=2)
    # The standard error of a deviation from 30,000 normals is .5 / sqrt(60,000) = .002.
    assert abs((roll.data - roll.clean).std() - 0.5) < 0.01
    flat = datasets.make_swiss_roll(3000, random_state=2)
    gaps = [np.linalg.norm(b.clean[:50, None] - b.clean[None], axis=2) for b in (roll, flat)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-9)
    assert np.all(datasets.make_sphere(5, n_features=6).data[:, 3:] == 0.0)


@pytest.mark.parametrize("maker", [*MAKERS.values(), datasets.make_tree])
def test_repeatable_picklable_and_by_columns(maker):
    one, two = maker(40, noise=0.1, random_state=3), maker(40, noise=0.1, random_state=3)
    np.testing.assert_array_equal(one.data, two.data)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.geodesics([1, 2], [5, 6]), one.geodesics([1, 2])[:, [5, 6]])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: datasets.make_swiss_roll(0), "n_samples=0"),
        (lambda: datasets.make_swiss_roll(noise=-1.0), "noise=-1.0"),
        (lambda: datasets.make_swiss_roll(width=0.0), "width=0.0"),
        (lambda: datasets.make_swiss_roll(n_features=2), "n_features=2"),
        (lambda: datasets.make_sphere(n_features=2), "n_features=2"),
        (lambda: datasets.make_clifford_torus(n_features=3), "n_features=3"),
        (lambda: datasets.make_trefoil(2.5), "n_samples=2.5"),
        (lambda: datasets.make_tree(5, n_branches=3), "n_samples=5"),
        (lambda: datasets.make_tree(noise=float("nan")), "noise=nan"),
    ],
)
def test_refusals_name_the_parameter(call, named):
    with pytest.raises(ValueError, match=named):
        call()

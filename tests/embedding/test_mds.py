"""Multidimensional scaling against closed forms and general-purpose minimisers."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from kernlab.embedding import _mds
from kernlab.embedding._mds import Landmarks, classical_mds, kruskal_stress, smacof


def single(distances):
    return distances.astype(np.float32)


def landmarks_at(points, **options):
    return Landmarks(points, cdist(points, points), **options)


def stress(points, distances, weights=1.0):
    return np.sum(weights * (distances - cdist(points, points)) ** 2) / 2


def test_classical_scaling_returns_euclidean_points(rng):
    X = rng.normal(size=(40, 3)) * [5.0, 2.0, 1.0]
    points = classical_mds(cdist(X, X), 3)
    np.testing.assert_allclose(cdist(points, points), cdist(X, X), atol=1e-10)
    assert np.all(np.diff(points.var(axis=0)) < 0)
    largest = points[np.abs(points).argmax(axis=0), np.arange(3)]
    assert np.all(largest > 0)


def test_classical_scaling_leaves_axes_without_extent_at_zero(rng):
    line = rng.normal(size=(20, 1))
    points = classical_mds(cdist(line, line), 3)
    assert np.all(points[:, 1:] == 0.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_majorisation_finds_the_minimum_of_a_general_minimiser(rng, weighted):
    # Distances of three dimensions in two: a stress that is far from zero.
    X = rng.normal(size=(25, 3))
    D = cdist(X, X)
    W = np.triu(rng.uniform(0.1, 2.0, D.shape), 1)
    W = W + W.T if weighted else np.ones_like(D)
    start = classical_mds(D, 2)
    points = smacof(single(D), start, weights=single(W) if weighted else None)
    best = minimize(lambda x: stress(x.reshape(-1, 2), D, W), points.ravel(), method="BFGS")
    ours = stress(points, D, W)
    assert ours < stress(start, D, W)
    # Majorisation ends when a step gains a millionth; what is left is some tens of such steps.
    assert ours <= best.fun * (1 + 1e-3)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-9)


def test_majorisation_says_when_the_stress_still_falls(rng, monkeypatch):
    monkeypatch.setattr(_mds, "_MAX_STEPS", 3)
    monkeypatch.setattr(_mds, "_LAST_STEPS", 1)
    X = rng.normal(size=(30, 3))
    with pytest.warns(ConvergenceWarning, match="30 points still fell by .* last 1 of 3 steps"):
        smacof(single(cdist(X, X)), rng.normal(size=(30, 2)))


def test_majorisation_rests_where_all_distances_can_be_kept(rng):
    # Along a line in two dimensions the stress falls to zero, each step by a smaller share.
    along = np.linspace(0, 3, 40)
    D = np.abs(np.subtract.outer(along, along)) * rng.uniform(0.999, 1.001, size=(40, 40))
    D = single(D + D.T)
    points = smacof(D, classical_mds(D, 2))  # and warns of nothing
    assert kruskal_stress(D, points, points) < 1e-3


def test_points_are_placed_where_they_were_measured(rng):
    landmarks, points = rng.normal(size=(30, 3)), 3 * rng.normal(size=(50, 3))
    D = single(cdist(points, landmarks))
    # Single precision is 6e-8 of distances of some ten, over landmarks that spread about one.
    for linear in (True, False):
        placed = landmarks_at(landmarks, linear=linear).place(D)
        np.testing.assert_allclose(placed, points, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_place_has_the_least_stress(rng, weighted):
    landmarks = rng.normal(size=(20, 2))
    D = single(cdist(rng.normal(size=(15, 2)), landmarks) * rng.uniform(0.5, 1.6, (15, 20)))
    W = single(rng.uniform(0.1, 2.0, D.shape) if weighted else np.ones(D.shape))
    places = landmarks_at(landmarks)
    placed = places.place(D, weigh=(lambda part: W[part]) if weighted else None)
    for at, d, w in zip(placed, D, W, strict=True):

        def misses(y, d=d, w=w):
            return np.sum(w * (d - np.linalg.norm(y - landmarks, axis=1)) ** 2)

        best = minimize(misses, at, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
        assert misses(at) <= best.fun * (1 + 1e-9)
        # No worse than from any landmark near by, or it would sit in a poor local minimum.
        others = [minimize(misses, z, method="BFGS").fun for z in landmarks[np.argsort(d)[:3]]]
        assert misses(at) <= min(others) * 1.05 + 1e-12


def test_a_place_depends_on_its_own_row_alone(rng):
    landmarks = landmarks_at(rng.normal(size=(70, 2)))
    D = single(cdist(rng.normal(size=(5000, 2)), landmarks.points))
    D *= single(rng.uniform(0.8, 1.2, size=D.shape))
    together = landmarks.place(D, n_jobs=2)
    assert np.array_equal(together, landmarks.place(D, n_jobs=1))
    np.testing.assert_allclose(
        np.vstack([landmarks.place(row[None]) for row in D[:30]]), together[:30], atol=1e-8
    )


def test_places_among_landmarks_on_a_line_or_a_point():
    line = landmarks_at(np.column_stack([np.arange(5.0), np.zeros(5)]))
    placed = line.place(single(np.abs(np.subtract.outer([1.3, 4.0, 6.0], np.arange(5.0)))))
    np.testing.assert_allclose(placed, [[1.3, 0], [4, 0], [6, 0]], atol=1e-5)
    point = landmarks_at(np.zeros((4, 2)))
    assert np.all(np.isfinite(point.place(np.zeros((3, 4), dtype=np.float32))))


def test_unfinished_places_are_told(rng, monkeypatch):
    monkeypatch.setattr(_mds, "_MAX_PLACING", 0)
    landmarks = landmarks_at(rng.normal(size=(20, 2)))
    with pytest.warns(ConvergenceWarning, match="of 9 points have not come to rest"):
        landmarks.place(single(rng.uniform(1, 2, size=(9, 20))))


def test_stress_is_kruskals_and_ignores_scale(rng):
    points, landmarks = rng.normal(size=(300, 2)), rng.normal(size=(500, 2))
    r = cdist(points, landmarks)
    D = r * rng.uniform(0.8, 1.2, r.shape)
    c = np.sum(D * r) / np.sum(r * r)
    expected = np.sqrt(np.sum((D - c * r) ** 2) / np.sum(D * D))
    assert kruskal_stress(D, 7 * points, 7 * landmarks) == pytest.approx(expected, rel=1e-9)
    assert np.isnan(kruskal_stress(0 * D, points, landmarks))


def test_landmark_scaling_of_all_points_is_classical_scaling(rng):
    # de Silva and Tenenbaum: with every point a landmark the linear place is the point's own.
    X = rng.normal(size=(30, 4))
    D = cdist(X, X)
    points = classical_mds(D, 2)
    placed = Landmarks(points, D, linear=True).place(single(D))
    np.testing.assert_allclose(placed, points, atol=1e-5)
    assert procrustes(points, placed)[2] < 1e-10


def test_many_dimensions_lose_hardly_any_stress(rng, monkeypatch):
    X = rng.normal(size=(60, 30))
    distances = single(np.abs(cdist(X, X, "cityblock")))
    start = classical_mds(distances, 20)
    found = smacof(distances, start)
    monkeypatch.setattr(_mds, "_DECREASE_MANY", 1e-7)
    least = stress(smacof(distances, start), distances)
    # The steps end where they gain a part in ten thousand: some hundred more would gain a percent.
    assert least <= stress(found, distances) < 1.02 * least < stress(start, distances)

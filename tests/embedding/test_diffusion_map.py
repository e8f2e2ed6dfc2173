"""Diffusion maps against dense walks and the circle's own coordinates."""

import numpy as np
import pytest

from kernlab.embedding import DiffusionMap
from kernlab.exceptions import DisconnectedGraphWarning


@pytest.fixture(scope="module")
def cloud():
    return np.random.default_rng(0).normal(size=(40, 2))


def walk(points, model):
    """The transition matrix, from the formula and dense."""
    edges = model.graph_.distances_.toarray() > 0
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    scale = np.sort(gaps, axis=1)[:, model.n_neighbors]
    if model.bandwidth == "global":
        scale = np.full(len(points), np.median(scale))
    weights = np.where(edges, np.exp(-(gaps**2) / np.outer(scale, scale)), 0) + np.eye(len(points))
    density = weights.sum(axis=1)
    weights /= np.outer(density, density) ** model.alpha
    return weights / weights.sum(axis=1, keepdims=True), weights.sum(axis=1) / weights.sum()


@pytest.mark.parametrize(("bandwidth", "alpha", "t"), [("self-tuning", 1, 1), ("global", 0.5, 3)])
def test_distances_are_those_between_walks(cloud, bandwidth, alpha, t):
    model = DiffusionMap(39, n_neighbors=6, bandwidth=bandwidth, alpha=alpha, t=t, random_state=0)
    Z = model.fit_transform(cloud)
    P, stationary = walk(cloud, model)
    rows = np.linalg.matrix_power(P, t)
    gaps = (rows[:, None] - rows) ** 2 / stationary
    squared = np.sum((Z[:, None] - Z) ** 2, axis=2)
    np.testing.assert_allclose(squared, gaps.sum(axis=2), rtol=1e-6, atol=1e-8)
    others = np.sort(np.linalg.eigvals(P).real)[::-1][1:]
    np.testing.assert_allclose(model.eigenvalues_, others, atol=1e-8)


def test_alpha_takes_the_density_out():
    rng = np.random.default_rng(1)
    angle = rng.vonmises(0.0, 1.0, 1500)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    radii = {}
    for alpha in (0, 1):
        Z = DiffusionMap(
            n_neighbors=60, bandwidth="global", alpha=alpha, random_state=0
        ).fit_transform(circle)
        radius = np.hypot(*(Z / np.abs(Z).max(axis=0)).T)
        radii[alpha] = radius.std() / radius.mean()
    # Eigenfunctions of the circle are its cosine and sine, of one radius, where density is out.
    assert radii[1] < 0.5 * radii[0]
    assert radii[1] < 0.15


def test_new_points_fall_between_their_neighbours(cloud):
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    model = DiffusionMap(random_state=0).fit(circle[::2])
    placed = model.transform(circle)
    assert (placed[::2] == model.embedding_).all()
    np.testing.assert_allclose(np.hypot(*placed.T), np.hypot(*placed[0]), rtol=0.01)
    assert np.isfinite(model.transform([[1e6, 1e6]])).all()
    assert model.get_feature_names_out().tolist() == ["diffusionmap0", "diffusionmap1"]


@pytest.mark.parametrize(("scale", "offset"), [(1e-100, 0.0), (1e100, 0.0), (1.0, 1e6)])
def test_scale_and_offset_do_not_matter(cloud, scale, offset):
    # Rounding of the offset moves points by 1e-10 of their distances, and eigenvectors by a
    # hundred times as much.
    one = DiffusionMap(n_neighbors=6, random_state=0).fit_transform(cloud)
    other = DiffusionMap(n_neighbors=6, random_state=0).fit_transform(cloud * scale + offset)
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("gap", [30.0, 1e8])
def test_parts_far_apart_have_a_level_each(gap):
    # Of mean zero and mean square one under masses 2 : 1, two levels are -0.71 and 1.41.
    X = np.random.default_rng(0).normal(size=(150, 2))
    X[100:, 0] += gap
    with pytest.warns(DisconnectedGraphWarning):
        levels = DiffusionMap(1, random_state=0).fit_transform(X)[:, 0]
    assert levels[:100].mean() == pytest.approx(-np.sqrt(1 / 2), abs=0.1)
    assert levels[100:].mean() == pytest.approx(np.sqrt(2), abs=0.1)
    assert max(levels[:100].std(), levels[100:].std()) < 0.1


@pytest.mark.parametrize("bandwidth", ["self-tuning", "global"])
def test_points_near_a_training_point_fall_beside_it(cloud, bandwidth):
    model = DiffusionMap(n_neighbors=6, bandwidth=bandwidth, t=2, random_state=0).fit(cloud)
    # The formula is smooth there, with slopes of some ten over the spacing at most.
    np.testing.assert_allclose(model.transform(cloud + 1e-9), model.embedding_, atol=1e-6)


def test_copies_share_a_place(cloud):
    rows = np.r_[np.arange(40), np.zeros(30, int), np.arange(10)]
    model = DiffusionMap(n_neighbors=6, random_state=0)
    expected = model.fit_transform(cloud)[rows]
    np.testing.assert_array_equal(model.fit_transform(cloud[rows]), expected)
    np.testing.assert_array_equal(model.transform(cloud[rows]), expected)


def test_same_seed_same_bits(cloud):
    one, other = (DiffusionMap(n_neighbors=6, random_state=3).fit(cloud) for _ in range(2))
    assert (one.embedding_ == other.embedding_).all()


def test_more_components_than_points_are_refused(cloud):
    with pytest.raises(ValueError, match="n_components=40 needs at least 41 points"):
        DiffusionMap(40, n_neighbors=6).fit(cloud)
    with pytest.raises(ValueError, match="n_neighbors=40"):
        DiffusionMap(n_neighbors=40).fit(cloud)

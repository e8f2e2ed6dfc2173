import numpy as np
import pytest

from kernlab.datasets import make_clifford_torus, make_sphere, make_swiss_roll
from kernlab.embedding._noise_floor import mp_reduce


@pytest.mark.parametrize("noise", [0.1, 1.0])
@pytest.mark.parametrize("n_features", [10, 50])
def test_noise_around_a_roll_is_removed(noise, n_features):
    roll = make_swiss_roll(1000, noise=noise, n_features=n_features, random_state=0)
    floor = mp_reduce(roll.data)
    assert floor.n_removed == n_features - 3
    np.testing.assert_allclose(floor.axes @ floor.axes.T, np.eye(3), atol=1e-12)
    # The clean roll loses the share of its variance that the principal axes are off by:
    # about noise² n_features / (n_samples variance of the weakest axis, width²/12).
    clean = roll.clean - roll.clean.mean(axis=0)
    left = clean - clean @ floor.axes.T @ floor.axes
    assert left.var(axis=0).sum() < 3 * noise**2 * n_features / 1000 * (1 + noise**2)


def sphere_of(n_dimensions, radius, noise, seed, extra=3):
    """A sphere all of whose axes look alike, beside a longer segment."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2000, n_dimensions + 1))
    X *= radius / np.linalg.norm(X, axis=1, keepdims=True)
    X = np.hstack((rng.uniform(0, 10, (2000, 1)), X, np.zeros((2000, extra))))
    return X + noise * rng.normal(size=X.shape)


@pytest.mark.parametrize("n_dimensions", [5, 9, 19])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_sphere_that_fills_many_axes_is_no_noise(n_dimensions, noise):
    # Its residual squared norm is nearly constant, whatever its spectrum says.
    X = sphere_of(n_dimensions, np.sqrt(n_dimensions + 1), noise, seed=1, extra=0)
    assert mp_reduce(X).n_removed == 0


def test_noise_beside_a_sphere_is_removed_and_the_sphere_is_not():
    floor = mp_reduce(sphere_of(6, 4.0, 0.2, seed=2, extra=8))
    assert floor.n_removed == 8


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).uniform(-1, 1, (2000, 10)),
        np.random.default_rng(0).standard_t(3, (2000, 10)),
        np.random.default_rng(0).normal(size=(1000, 20)),
        make_sphere(500, random_state=0).data,
        make_clifford_torus(500, noise=0.1, random_state=0).data,
        np.random.default_rng(0).normal(size=(30, 10)),
        np.zeros((100, 8)),
        np.ones((1, 8)),
        np.outer(np.arange(100.0), np.arange(8.0)),
    ],
    ids=[
        "cube",
        "heavy tails",
        "no axis stands out",
        "few axes",
        "four axes",
        "few samples",
        "zeros",
        "one",
        "line",
    ],
)
def test_where_no_floor_is_found_points_stay_as_they_are(X):
    floor = mp_reduce(X)
    assert floor.n_removed == 0
    assert floor.project(X) is X


@pytest.mark.parametrize("scale", [2.0**-500, 2.0**500])
def test_scale_changes_nothing_and_an_offset_no_more_than_rounding(scale):
    X = make_swiss_roll(400, noise=0.5, n_features=12, random_state=0).data
    floor = mp_reduce(X)
    again = mp_reduce(X * scale)
    assert floor.n_removed == again.n_removed == 9
    np.testing.assert_allclose(again.project(X * scale) / scale, floor.project(X), rtol=1e-9)
    moved = mp_reduce(X + 1e9)
    np.testing.assert_allclose(moved.project(X + 1e9), floor.project(X), atol=1e-5)


def test_new_points_are_projected_like_the_others():
    X = make_swiss_roll(400, noise=0.5, n_features=12, random_state=0).data
    floor = mp_reduce(X)
    assert floor.project(X).shape == (400, 3)
    np.testing.assert_allclose(floor.project(X[:7]), floor.project(X)[:7], rtol=1e-12, atol=1e-12)
    assert np.all(np.diff(floor.project(X).var(axis=0)) < 0)

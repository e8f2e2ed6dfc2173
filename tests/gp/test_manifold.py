"""Processes on manifolds against dense algebra with the same kernel, and spherical harmonics."""

import pickle

import numpy as np
import pytest
from scipy import linalg
from sklearn.base import clone

from kernlab.datasets import make_sphere, make_swiss_roll
from kernlab.gp import ManifoldGPRegressor
from kernlab.gp._manifold_evidence import matern_spectrum


def ring(n=80, seed=0):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    return angles, np.column_stack([np.cos(angles), np.sin(angles)])


def rotating_field(points):
    """A field along the sphere's circles of latitude, and some of a gradient."""
    along = np.cross([0.0, 0.0, 1.0], points)
    up = np.array([0.0, 0.0, 1.0]) - points[:, 2:] * points
    return along + 0.5 * up


def dense(gp, fields, z, theta):
    """Mean, covariance and evidence by the algebra of textbooks, in coordinates of the frames."""
    amplitude, length, noise = np.exp(theta)
    shares = gp.eigenvalues_
    if np.isinf(gp.nu):
        shares = np.exp(-0.5 * length**2 * shares)
    else:
        shares = (2 * gp.nu / length**2 + shares) ** (-gp.nu - gp.intrinsic_dim_ / 2)
    variances = amplitude * shares / shares.sum()
    K = (fields * variances) @ fields.T
    covariance = K[: len(z), : len(z)] + noise * np.eye(len(z))
    factor = linalg.cho_factor(covariance, lower=True)
    evidence = -0.5 * (z @ linalg.cho_solve(factor, z) + len(z) * np.log(2 * np.pi))
    evidence -= np.log(np.diag(factor[0])).sum()
    cross = K[:, : len(z)]
    mean = cross @ linalg.cho_solve(factor, z)
    posterior = K - cross @ linalg.cho_solve(factor, cross.T) + noise * np.eye(len(K))
    return mean, posterior, evidence


# More targets than eigenfunctions, and fewer.
@pytest.mark.parametrize(("n_known", "nu"), [(60, 1.5), (12, 0.7), (60, np.inf)])
def test_scalar_fields_equal_the_dense_process(n_known, nu):
    angles, points = ring()
    y = 3 + np.sin(2 * angles) + 0.1 * np.random.default_rng(1).normal(size=len(angles))
    gp = ManifoldGPRegressor(nu=nu, n_neighbors=6, n_eigenpairs=25, random_state=0)
    gp.fit(points[:n_known], y[:n_known], X_unlabelled=points[n_known:])
    assert gp.intrinsic_dim_ == 1
    mean, covariance, evidence = dense(gp, gp._eigen.fields, y[:n_known], gp.kernel_.theta)
    got, got_covariance = gp.predict(points, return_cov=True)
    np.testing.assert_allclose(got, mean, rtol=1e-8)
    np.testing.assert_allclose(got_covariance, covariance, atol=1e-8 * covariance.max())
    np.testing.assert_allclose(
        gp.predict(points, return_std=True)[1] ** 2, np.diag(covariance), rtol=1e-8
    )
    assert gp.log_marginal_likelihood() == pytest.approx(evidence, rel=1e-8)
    theta = np.array([0.3, -0.2, -3.0])
    value, gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    assert value == pytest.approx(dense(gp, gp._eigen.fields, y[:n_known], theta)[2], rel=1e-8)
    for i, step in enumerate(1e-5 * np.eye(3)):
        # Central differences err by about 1e-10 of the third derivative and 1e-11 of the value.
        rise = gp.log_marginal_likelihood(theta + step) - gp.log_marginal_likelihood(theta - step)
        assert gradient[i] == pytest.approx(rise / 2e-5, rel=1e-6, abs=1e-6)
    assert value < gp.log_marginal_likelihood_value_


def test_vector_fields_equal_the_dense_process():
    points = make_sphere(150, random_state=0).data
    y = rotating_field(points)[:40] + 0.05 * np.random.default_rng(0).normal(size=(40, 3))
    gp = ManifoldGPRegressor("vector", n_eigenpairs=30, random_state=0)
    gp.fit(points[:40], y, X_unlabelled=points[40:])
    frames, fields = gp._eigen.frames, gp._eigen.fields
    z = np.einsum("nfd,nf->nd", frames[:40], y).ravel()
    mean, covariance, evidence = dense(gp, fields, z, gp.kernel_.theta)
    lift = linalg.block_diag(*frames)
    got, got_covariance = gp.predict(points, return_cov=True)
    np.testing.assert_allclose(got.ravel(), lift @ mean, atol=1e-8)
    np.testing.assert_allclose(got_covariance, lift @ covariance @ lift.T, atol=1e-8)
    std = gp.predict(points, return_std=True)[1]
    np.testing.assert_allclose(std.ravel() ** 2, np.diag(lift @ covariance @ lift.T), atol=1e-8)
    assert gp.log_marginal_likelihood() == pytest.approx(evidence, rel=1e-8)
    # Draws have this mean and covariance: within 4.5 standard errors at each of 60 numbers, which
    # chance exceeds in one of 2000 such tests.
    draws = gp.sample_y(points[:20], 4000, random_state=0).reshape(60, -1)
    spread = np.sqrt(np.diag(got_covariance)[:60])
    assert np.all(
        np.abs(draws.mean(axis=1) - got.ravel()[:60]) < 4.5 * spread / np.sqrt(4000) + 1e-9
    )
    error = np.abs(draws.var(axis=1) - spread**2)
    assert np.all(error < 4.5 * np.sqrt(2 / 4000) * spread**2 + 1e-9)


def test_predictions_off_the_graph_approach_the_nodes_and_the_field():
    points = make_sphere(900, random_state=0).data
    new = make_sphere(200, random_state=1).data
    field = rotating_field(points)
    gp = ManifoldGPRegressor("vector", n_eigenpairs=40, random_state=0)
    gp.fit(points[:300], field[:300], X_unlabelled=points[300:])
    assert gp.score(new, rotating_field(new)) > 0.98
    # Tangent, as far as frames of neighbourhoods of radius 0.25 are.
    assert np.abs(np.sum(gp.predict(new) * new, axis=1)).max() < 0.15
    on = gp.predict(points[:50])
    near = gp.predict(points[:50] + 1e-9)
    np.testing.assert_allclose(near, on, atol=0.1)
    scalar = ManifoldGPRegressor(n_eigenpairs=40, random_state=0).fit(points, points[:, 2])
    np.testing.assert_allclose(
        scalar.predict(points[:50] + 1e-9), scalar.predict(points[:50]), atol=1e-6
    )
    assert scalar.score(new, new[:, 2]) > 0.99


def test_length_scales_and_eigenvalues_are_in_units_of_the_points():
    # Spherical harmonics of a sphere of radius 3: l (l + 1) / 9, of multiplicity 2 l + 1. Uneven
    # neighbourhoods of random points slow the random walk: by some 15 % at ten neighbours.
    points = 3 * make_sphere(900, random_state=0).data
    gp = ManifoldGPRegressor(n_eigenpairs=16, random_state=0).fit(points, points[:, 2])
    values = gp.eigenvalues_
    assert values[0] == pytest.approx(0, abs=1e-9)
    for level, rows in ((1, slice(1, 4)), (2, slice(4, 9))):
        assert np.mean(values[rows]) == pytest.approx(level * (level + 1) / 9, rel=0.2)
    harmonics = gp.predict(points)
    assert np.corrcoef(harmonics, points[:, 2])[0, 1] > 0.995


def test_the_spectrum_of_matern_processes():
    values = np.array([0.0, 0.5, 2.0])
    shares, slopes = matern_spectrum(values, 1.7, 1.5, 2)
    expected = (3 / 1.7**2 + values) ** -2.5
    np.testing.assert_allclose(shares, expected / expected.sum(), rtol=1e-14)
    for nu in (1.5, np.inf):
        shares, slopes = matern_spectrum(values, 1.7, nu, 2)
        above = np.log(matern_spectrum(values, 1.7 * np.exp(1e-6), nu, 2)[0])
        below = np.log(matern_spectrum(values, 1.7 * np.exp(-1e-6), nu, 2)[0])
        np.testing.assert_allclose(slopes, (above - below) / 2e-6, atol=1e-8)


def test_a_folded_sheet_is_learned_along_the_sheet():
    roll = make_swiss_roll(800, width=20.0, random_state=0)
    y = np.sin(roll.position[:, 0] / 8)
    gp = ManifoldGPRegressor(n_eigenpairs=60, random_state=0)
    gp.fit(roll.data[:60], y[:60], X_unlabelled=roll.data[60:])
    assert gp.score(roll.data[60:], y[60:]) > 0.9


@pytest.mark.parametrize(("scale", "offset"), [(1e-100, 0.0), (1e100, 0.0), (1.0, 1e6)])
def test_units_and_origin_of_points_and_targets_do_not_matter(scale, offset):
    angles, points = ring()
    y = np.sin(angles)
    gp = ManifoldGPRegressor(n_neighbors=6, n_eigenpairs=15, random_state=0)
    mean, std = gp.fit(points, y).predict(points[:5], return_std=True)
    moved = clone(gp).fit(scale * points + offset, scale * y)
    got, got_std = moved.predict(scale * points[:5] + offset, return_std=True)
    # Rounding of coordinates next to the offset is some 1e-10.
    np.testing.assert_allclose(got / scale, mean, atol=1e-6)
    np.testing.assert_allclose(got_std / scale, std, rtol=1e-3)
    assert moved.kernel_.k1.k2.length_scale / scale == pytest.approx(
        gp.kernel_.k1.k2.length_scale, rel=1e-3
    )


def test_a_coordinate_that_never_varies_does_not_count_in_the_score():
    points = make_sphere(200, random_state=0).data
    field = np.cross([0.0, 0.0, 1.0], points)
    gp = ManifoldGPRegressor("vector", n_eigenpairs=40, random_state=0).fit(points, field)
    error = np.sum((gp.predict(points) - field)[:, :2] ** 2)
    expected = 1 - error / np.sum((field - field.mean(axis=0)) ** 2)
    assert gp.score(points, field) == pytest.approx(expected, rel=1e-9)


def test_options():
    angles, points = ring()
    y = 100 + np.sin(angles)
    gp = ManifoldGPRegressor(
        n_neighbors=6, length_scale=0.8, noise_level=0.02, optimizer=None, normalize_y=True
    )
    gp.fit(points, y)
    assert gp.kernel_.k1.k2.length_scale == 0.8
    assert gp.kernel_.k2.noise_level == 0.02
    assert gp.n_iter_ == 0
    np.testing.assert_allclose(gp.predict(points), y, atol=0.3)
    restarted = ManifoldGPRegressor(n_neighbors=6, n_restarts=1, normalize_y=True, random_state=0)
    plain = clone(restarted).set_params(n_restarts=0).fit(points, y)
    assert (
        restarted.fit(points, y).log_marginal_likelihood_value_
        >= plain.log_marginal_likelihood_value_ - 1e-6
    )
    points = make_sphere(100, random_state=0).data
    vector = ManifoldGPRegressor("vector", normalize_y=True, random_state=0)
    field = 1e3 * rotating_field(points)
    assert vector.fit(points, field).score(points, field) > 0.85


def test_warnings():
    points = make_sphere(100, random_state=0).data
    with pytest.warns(RuntimeWarning, match="across the tangent planes"):
        ManifoldGPRegressor("vector", n_eigenpairs=20).fit(points, points)
    gp = ManifoldGPRegressor(n_eigenpairs=20).fit(points, points[:, 0])
    with pytest.warns(RuntimeWarning, match="1 rows of X lie off the graph, row 1"):
        far = gp.predict(np.array([points[0], [0.0, 0.0, 30.0]]))
    assert np.abs(far).max() < 10


def test_bad_input():
    _, points = ring()
    gp = ManifoldGPRegressor(n_neighbors=6)
    with pytest.raises(ValueError, match="X_unlabelled has 3 features and X 2"):
        gp.fit(points, points[:, 0], X_unlabelled=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="X_unlabelled contains NaN"):
        gp.fit(points, points[:, 0], X_unlabelled=[[0.0, np.nan]])
    with pytest.raises(ValueError, match="contains NaN"):
        gp.fit(points, np.full(80, np.nan))
    with pytest.raises(ValueError, match=r"y has shape \(80, 1\)"):
        ManifoldGPRegressor("vector").fit(points, points[:, :1])
    with pytest.raises(ValueError, match="intrinsic_dim=3"):
        ManifoldGPRegressor(intrinsic_dim=3).fit(points, points[:, 0])
    assert not hasattr(gp, "kernel_")
    gp.fit(points, points[:, 0])
    with pytest.raises(RuntimeError, match="both"):
        gp.predict(points, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="theta must be 3"):
        gp.log_marginal_likelihood([0.0])


@pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning")
@pytest.mark.parametrize("copies", [1, 12])
def test_predictions_stay_within_the_values_about_them(copies):
    # Places far from each other, and clusters of 1e-9: values of slopes would be without bound.
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(60, 2)), copies, axis=0)
    if copies == 1:
        points = (points[:20, None] + 1e-9 * rng.normal(size=(20, 20, 2))).reshape(-1, 2)
    y = np.sin(points[:, 0])
    gp = ManifoldGPRegressor(n_eigenpairs=60, random_state=0).fit(points, y)
    assert gp.graph_.affinity_.shape[0] == (400 if copies == 1 else 60)
    queries = np.concatenate(
        [rng.uniform(-1.2, 1.2, (300, 2)), 10.0 ** np.c_[[2, 8, 150], [0, 8, 9]]]
    )
    with pytest.warns(RuntimeWarning, match="off the graph"):
        mean, std = gp.predict(queries, return_std=True)
    # Shares add up to one, and at most 1 + 2 in moduli.
    assert np.abs(mean).max() < 1.2
    assert std.max() < 0.5


def test_far_points_take_the_value_of_the_edge():
    line = np.linspace(0, 1, 50)[:, None]
    gp = ManifoldGPRegressor(n_neighbors=4, n_eigenpairs=20, random_state=0).fit(line, line[:, 0])
    with pytest.warns(RuntimeWarning, match="4 rows of X lie off the graph"):
        far = gp.predict([[2.0], [1e8], [-1e8], [1e200]])
    # Six neighbours reach 6 / 49 beyond.
    np.testing.assert_allclose(far, [1, 1, 0, 1], atol=0.15)


def test_one_place_and_units_beyond_floats_are_refused():
    _, points = ring(30)
    y = points[:, 0]
    gp = ManifoldGPRegressor(n_neighbors=1, n_eigenpairs=10, random_state=0)
    for rows in (points[:1], np.ones((4, 2))):
        with pytest.raises(ValueError, match="takes two or more distinct points"):
            gp.fit(rows, y[: len(rows)])
    gp.set_params(n_neighbors=5)
    for scale in (1e-160, 1e160):
        with pytest.raises(ValueError, match="rescale X"):
            gp.fit(scale * points, y)
        with pytest.raises(ValueError, match="rescale y, or set normalize_y=True"):
            gp.fit(points, scale * y)
    gp.set_params(normalize_y=True, n_jobs=1)
    expected = gp.fit(points, y).predict(points)
    for scale in (1e-300, 1e300):
        got = gp.fit(points, scale * y).predict(points)
        np.testing.assert_allclose(got / scale, expected, atol=1e-9)


def test_vector_estimators_clone_and_pickle():
    points = make_sphere(60, random_state=0).data
    gp = ManifoldGPRegressor("vector", n_eigenpairs=20, algorithm="exact", n_jobs=1, random_state=0)
    gp.fit(points, rotating_field(points))
    new = points[:5] + 0.01
    for other in (pickle.loads(pickle.dumps(gp)), clone(gp).fit(points, rotating_field(points))):
        np.testing.assert_array_equal(other.predict(new), gp.predict(new))
    with pytest.raises(ValueError, match="3 features"):
        gp.predict(points[:, :2])

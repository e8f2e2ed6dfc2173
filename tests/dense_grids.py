"""Grids as points: data on them, and the dense process that is their oracle."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    Matern,
)


def cells(axes):
    """All combinations as points (N, n_columns)."""
    tables = [np.reshape(axis, (len(axis), -1)) for axis in axes]
    index = np.indices([len(table) for table in tables]).reshape(len(tables), -1)
    return np.hstack([table[i] for table, i in zip(tables, index, strict=True)])


def wavy(rng, axes, missing=0.0, noise=0.2):
    X = cells(axes)
    y = np.sin(4 * X.sum(axis=1)) + noise * rng.standard_normal(len(X))
    y[rng.random(len(X)) < missing] = np.nan
    return y.reshape([len(axis) for axis in axes])


def dense(gp, axes, Y):
    kept = ~np.isnan(Y.ravel())
    model = GaussianProcessRegressor(gp.kernel_, alpha=0, optimizer=None)
    return model.fit(cells(axes)[kept], Y.ravel()[kept])


def uneven(rng, n):
    return np.sort(rng.uniform(0, 1, n))


def stiff(low=0.01):
    return RBF(0.3, (low, 10)), Matern(0.4, (low, 10), nu=1.5)


# A small grid, and values on it.
AXES = [np.linspace(0, 1, 3), np.linspace(0, 1, 4)]
GOOD = np.arange(12.0).reshape(3, 4)
# What double precision leaves of a dense solution at condition numbers up to 1e4.
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def assert_equals_dense(gp, axes, Y, rng, slope=1e-7):
    oracle = dense(gp, axes, Y)
    theta = gp.kernel_.theta + 0.1
    value, gradient = gp.log_marginal_likelihood(theta, eval_gradient=True)
    expected, expected_gradient = oracle.log_marginal_likelihood(theta, eval_gradient=True)
    assert value == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=slope, atol=slope)
    assert gp.log_marginal_likelihood(theta) == pytest.approx(value, rel=1e-12)
    X = rng.uniform(-0.1, 1.1, (7, gp.n_features_in_))
    mean, std = gp.predict(X, return_std=True)
    expected_mean, cov = oracle.predict(X, return_cov=True)
    np.testing.assert_allclose(mean, expected_mean, **CLOSE)
    np.testing.assert_allclose(std**2, np.diag(cov), **CLOSE)
    np.testing.assert_allclose(gp.predict(X, return_cov=True)[1], cov, **CLOSE)
    asked = [X[:3, axis.columns] for axis in gp._axes]
    mean, std = gp.predict_grid(asked, return_std=True)
    expected_mean, expected_std = oracle.predict(cells(asked), return_std=True)
    np.testing.assert_allclose(mean.ravel(), expected_mean, **CLOSE)
    np.testing.assert_allclose(std.ravel(), expected_std, **CLOSE)

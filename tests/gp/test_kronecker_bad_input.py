"""What KroneckerGPRegressor refuses, and how."""

import numpy as np
import pytest
from dense_grids import AXES, GOOD, wavy
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process.kernels import (
    RBF,
    WhiteKernel,
)

from kernlab.gp import (
    KroneckerGPRegressor,
)


@pytest.mark.parametrize(
    ("axes", "Y", "message"),
    [
        (AXES, GOOD.T, r"Y has shape \(4, 3\) and axes are of lengths \(3, 4\)"),
        (AXES, GOOD.ravel(), r"Y has shape \(12,\) and axes are of lengths \(3, 4\)"),
        (AXES, np.full((3, 4), np.nan), "no observed cell"),
        (AXES, np.where(GOOD > 10, np.inf, GOOD), "Y holds infinity"),
        (AXES, np.full((3, 4), 2.0), "Y is constant"),
        (AXES, np.zeros((3, 4)), "Y is constant"),
        (AXES, GOOD * 1j, "Y must be an array of real numbers"),
        (AXES, GOOD.astype(str)[:, :, None] + "a", "Y must be an array of real numbers"),
        ([[0.0], [1.0]], [[3.0]], "Y is constant"),
        ([[0.0, np.nan, 1.0], AXES[1]], GOOD, r"axes\[0\] holds NaN or infinity"),
        ([AXES[0], ["a", "b", "c", "d"]], GOOD, r"axes\[1\] must be an array of real numbers"),
        ([AXES[0], []], GOOD, r"axes\[1\] must have shape"),
        ([], GOOD, "axes is empty"),
        (np.zeros((5, 2)), np.zeros(5), r"axes must be a list .* got a table of shape \(5, 2\)"),
        (3.0, GOOD, "axes must be a list"),
    ],
)
def test_bad_data(axes, Y, message):
    gp = KroneckerGPRegressor()
    with pytest.raises(ValueError, match=message):
        gp.fit(axes, Y)
    with pytest.raises(NotFittedError):
        gp.predict([[0.0, 0.0]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernels": [RBF()]}, "kernels has 1 entries and axes 2"),
        ({"kernels": [RBF(), "rbf"]}, r"kernels\[1\] must be a kernel"),
        ({"kernels": [RBF(), RBF() + WhiteKernel()]}, r"kernels\[1\] holds a WhiteKernel"),
        ({"kernels": [RBF(), WhiteKernel() * RBF()]}, "has a WhiteKernel inside"),
        ({"optimizer": None}, "alpha='fit' needs an optimizer"),
        ({"alpha": -1.0}, "'alpha' parameter"),
        ({"kernels": "rbf"}, "'kernels' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KroneckerGPRegressor(**parameters).fit(AXES, GOOD)


def test_bad_queries(rng):
    gp = KroneckerGPRegressor(alpha=0.1).fit(AXES, wavy(rng, AXES))
    with pytest.raises(ValueError, match="X has 3 features"):
        gp.predict(np.zeros((2, 3)))
    with pytest.raises(RuntimeError, match="cannot both be True"):
        gp.predict(np.zeros((2, 2)), return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="one array for each axis"):
        gp.predict_grid([AXES[0]])
    for call in (gp.predict, lambda axes: gp.score(axes, GOOD)):
        with pytest.raises(ValueError, match="For a list of axes use predict_grid"):
            call(AXES)
    with pytest.raises(ValueError, match="needs two or more"):
        gp.score_grid([[0.0], [1.0]], [[1.0]])
    with pytest.raises(ValueError, match=r"Y has shape \(4, 3\)"):
        gp.score_grid(AXES, GOOD.T)
    with pytest.raises(ValueError, match="n_samples must be"):
        gp.sample_y(np.zeros((2, 2)), 0)


def test_constant_values_are_fine_where_nothing_is_learned():
    gp = KroneckerGPRegressor(kernels=[RBF(), RBF()], alpha=0.1, optimizer=None)
    assert np.all(np.abs(gp.fit(AXES, np.full((3, 4), 2.0)).predict_grid(AXES) - 2.0) < 0.2)


def test_a_failed_fit_leaves_the_last_one(rng):
    gp = KroneckerGPRegressor(alpha=0.1).fit(AXES, wavy(rng, AXES))
    before = gp.predict_grid(AXES)
    with pytest.raises(ValueError, match="Y has shape"):
        gp.fit(AXES, np.zeros(3))
    np.testing.assert_array_equal(gp.predict_grid(AXES), before)

"""What the regressors share."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from kernlab.gp._base import (
    check_return,
    draw,
    maximise_evidence,
    refuse_masks_and_dates,
    scaled_targets,
    split_noise,
    warn_of_offset,
)
from kernlab.kernels import OnColumns

X = np.linspace(0.0, 1.0, 5)[:, None]


def test_noise_is_split_from_the_sum():
    signal, noise = split_noise(WhiteKernel(0.25) + 2.0 * RBF(0.3) + (WhiteKernel(0.5) + RBF(2.0)))
    assert noise == 0.75
    np.testing.assert_allclose(signal(X), 2.0 * RBF(0.3)(X) + RBF(2.0)(X), rtol=1e-15)
    assert split_noise(WhiteKernel(0.1)) == (None, 0.1)
    assert split_noise(RBF()) == (RBF(), 0.0)


@pytest.mark.parametrize(
    "kernel", [2.0 * WhiteKernel(), OnColumns(WhiteKernel(), [0]) + RBF(), WhiteKernel() ** 2]
)
def test_noise_inside_another_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match="has a WhiteKernel inside"):
        split_noise(kernel)


def parabola(peak):
    def objective(theta):
        return 100.0 - np.sum((theta - peak) ** 2), -2.0 * (theta - peak)

    return objective


def test_the_maximum_is_found():
    kernel = ConstantKernel(2.0) * RBF(0.1)
    peak = np.array([0.7, -1.2])
    theta, value, n_iter = maximise_evidence(
        parabola(peak), kernel, n_restarts=0, rng=np.random.RandomState(0)
    )
    np.testing.assert_allclose(theta, peak, atol=1e-5)
    assert value == pytest.approx(100.0)
    assert n_iter > 0


def test_restarts_find_the_higher_of_two_peaks():
    def objective(theta):
        left, right = (np.exp(-((theta[0] - at) ** 2)) for at in (-6.0, 6.0))
        slope = -2.0 * (left * (theta[0] + 6.0) + 5.0 * right * (theta[0] - 6.0))
        return left + 5.0 * right, np.array([slope])

    kernel = RBF(np.exp(-6.5))
    for n_restarts, expected in ((0, -6.0), (20, 6.0)):
        theta, _, _ = maximise_evidence(
            objective, kernel, n_restarts=n_restarts, rng=np.random.RandomState(0)
        )
        assert theta[0] == pytest.approx(expected, abs=1e-3)


def test_bounds_are_named_but_not_that_of_vanishing_noise():
    rng = np.random.RandomState(0)
    with pytest.warns(ConvergenceWarning, match="length_scale = 100000 is at its upper bound"):
        maximise_evidence(parabola(np.array([20.0])), RBF(), n_restarts=0, rng=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maximise_evidence(parabola(np.array([-20.0])), WhiteKernel(), n_restarts=0, rng=rng)


def test_what_cannot_be_maximised():
    def singular(theta):
        raise np.linalg.LinAlgError

    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match="add a WhiteKernel"):
        maximise_evidence(singular, RBF(), n_restarts=0, rng=rng)
    kernel = RBF(length_scale_bounds=(1e-5, np.inf))
    with pytest.raises(ValueError, match="needs finite bounds"):
        maximise_evidence(parabola(np.zeros(1)), kernel, n_restarts=2, rng=rng)


def test_a_region_that_is_refused_is_left_again():
    peak = np.array([1.0])

    def objective(theta):
        if theta[0] > 1.5:
            raise np.linalg.LinAlgError
        return parabola(peak)(theta)

    theta, _, _ = maximise_evidence(
        objective, RBF(np.exp(-3.0)), n_restarts=0, rng=np.random.RandomState(0)
    )
    np.testing.assert_allclose(theta, peak, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_targets_of_any_scale(scale):
    y = scale * np.array([1.0, 2.0, 4.0])
    z, mean, spread = scaled_targets(y, True)
    np.testing.assert_allclose(z.std(), 1.0, rtol=1e-14)
    np.testing.assert_allclose(z * spread + mean, y, rtol=1e-14)


def test_constant_targets_and_unscaled_ones():
    z, mean, spread = scaled_targets(np.full(3, 0.1), True)
    np.testing.assert_array_equal(z, 0.0)
    assert (mean, spread) == (pytest.approx(0.1), 1.0)
    y = np.array([1.0, 5.0])
    assert scaled_targets(y, False) == (y, 0.0, 1.0)


@pytest.mark.parametrize("scale", [1e-200, 1.0, -1e200])
def test_an_offset_is_warned_of_beyond_a_thousand_deviations(scale):
    y = np.array([-1.0, 1.0])
    with pytest.warns(RuntimeWarning, match="Y's standard deviation is 0.0009 of its mean"):
        warn_of_offset(scale * (y + 1100.0), "Y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for harmless in (y, y + 900.0, 0.0 * y, 0.0 * y + 0.1):
            warn_of_offset(scale * harmless)


def test_draws_of_a_singular_covariance():
    root = np.array([[1.0], [2.0]])
    draws = draw(np.array([3.0, 5.0]), root @ root.T, 20000, np.random.default_rng(0))
    assert draws.shape == (2, 20000)
    np.testing.assert_allclose(draws[1] - 5.0, 2.0 * (draws[0] - 3.0), atol=1e-6)
    # Six standard errors of a mean and a variance.
    assert abs(draws[0].mean() - 3.0) < 6.0 / np.sqrt(20000)
    assert abs(draws[0].var() - 1.0) < 6.0 * np.sqrt(2.0 / 20000)


def test_one_return_at_a_time():
    check_return(True, False)
    with pytest.raises(RuntimeError, match="cannot both be True"):
        check_return(True, True)


def test_a_start_a_trillion_nats_off_is_no_excuse():
    # A likelihood's shape: of two variances, whose starts are far too small.
    def objective(theta):
        fit = np.array([1e14, 3e10]) * np.exp(-theta)
        return -0.5 * np.sum(fit + 50 * theta), 0.5 * (fit - 50)

    kernel = ConstantKernel(1e-3, (1e-9, 1e20)) * RBF(1e-3, (1e-9, 1e20))
    theta, _, _ = maximise_evidence(objective, kernel, n_restarts=0, rng=np.random.RandomState(0))
    np.testing.assert_allclose(theta, np.log([2e12, 6e8]), atol=1e-4)


def test_masks_are_not_lost():
    y = np.ma.masked_equal([1.0, -9999.0, 2.0], -9999.0)
    with pytest.raises(ValueError, match="y is a masked array, with 1 entries masked"):
        refuse_masks_and_dates(X=np.zeros((3, 1)), y=y)
    refuse_masks_and_dates(y=np.ma.array([1.0, 2.0]))


def test_dates_need_a_unit():
    days = np.arange("2020-01", "2020-02", dtype="datetime64[D]")
    frame = pd.DataFrame({"height": np.arange(31.0), "day": days})
    for X in (days[:, None], frame, frame.day, days - days[0]):
        with pytest.raises(ValueError, match="X holds dates, whose unit would be lost"):
            refuse_masks_and_dates(X=X)
    refuse_masks_and_dates(X=frame[["height"]], y=frame.height, other=[[1.0]])

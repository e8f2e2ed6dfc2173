"""Rolling origins, with forecasters whose truth is known."""

import matplotlib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from kernlab.gp import rolling_origin_calibration

matplotlib.use("Agg")


class Fixed(RegressorMixin, BaseEstimator):
    """Forecasts zero, or the last target seen, with a given deviation."""

    def __init__(self, std=1.0, last=False):
        self.std = std
        self.last = last

    def fit(self, X, y):
        assert np.all(np.diff(X[:, 0]) >= 0)
        self.value_ = y[-1] if self.last else 0.0
        self.n_seen_ = len(y)
        return self

    def predict(self, X, return_std=False):
        mean = np.full(len(X), self.value_)
        return (mean, np.full(len(X), self.std)) if return_std else mean


def series(n):
    return np.arange(float(n))[:, None], np.random.default_rng(0).normal(size=n)


@pytest.mark.parametrize("std", [1.0, 0.5, 2.0])
def test_the_factor_is_what_the_deviations_are_off_by(std):
    X, y = series(4000)
    result = rolling_origin_calibration(Fixed(std), X, y, horizon=2, n_origins=1500)
    n = result.errors.size
    # The quantile's standard error is √(p(1-p)/n) over the density of |z| there, .117; five of it.
    tolerance = 5.0 * np.sqrt(0.95 * 0.05 / n) / 0.117 / 1.96 / std
    assert result.std_factor == pytest.approx(1.0 / std, abs=tolerance)
    if std == 1.0:
        assert abs(result.coverage - 0.95) < 5.0 * result.coverage_error
        # The error itself is that of independent targets.
        assert result.coverage_error == pytest.approx(np.sqrt(0.95 * 0.05 / n), rel=0.2)
        np.testing.assert_allclose(result.nlpd_by_step, 0.5 * np.log(2 * np.pi * np.e), atol=0.1)


def test_each_origin_knows_the_past_alone():
    X, y = np.arange(20.0)[::-1, None], np.arange(20.0)[::-1] ** 2
    result = rolling_origin_calibration(Fixed(last=True), X, y, horizon=3, n_origins=4, min_train=5)
    assert result.origins.tolist() == [5, 9, 13, 17]
    expected = [[(k + s) ** 2 - (k - 1) ** 2 for s in range(3)] for k in result.origins]
    np.testing.assert_array_equal(result.errors, expected)
    by_step = np.sqrt(np.mean(np.square(expected), axis=0))
    np.testing.assert_allclose(result.rmse_by_step, by_step)
    assert result.rmse == pytest.approx(np.sqrt(np.mean(by_step**2)))
    np.testing.assert_array_equal(result.targets, result.X[..., 0] ** 2)
    np.testing.assert_array_equal(result.coverage_by_step, 0.0)


def test_few_rows_have_few_origins():
    X, y = series(6)
    result = rolling_origin_calibration(Fixed(), X, y, horizon=2, n_origins=50)
    assert result.origins.tolist() == [2, 3, 4]
    assert repr(result).startswith("RollingOriginResult(coverage ")
    single = rolling_origin_calibration(Fixed(), X, y, horizon=2, n_origins=1)
    assert np.isnan(single.coverage_error)


def test_picture():
    X, y = series(40)
    ax = rolling_origin_calibration(Fixed(), X, y, horizon=5).plot()
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(1, 6))
    matplotlib.pyplot.close(ax.figure)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 0}, "horizon must be a positive integer, got 0"),
        ({"horizon": 2, "n_origins": 1.5}, "n_origins must be"),
        ({"horizon": 2, "level": 1.0}, "level must lie between"),
        ({"horizon": 9}, "take a shorter horizon"),
        ({"horizon": 2, "min_train": 9}, "between 1 and 6"),
    ],
)
def test_bad_input(parameters, message):
    X, y = series(8)
    with pytest.raises(ValueError, match=message):
        rolling_origin_calibration(Fixed(), X, y, **parameters)

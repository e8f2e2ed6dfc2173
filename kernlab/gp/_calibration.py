"""Whether forecasts keep what their bands promise, by forecasting the past."""

# Reference: Tashman, *Out-of-sample tests of forecasting accuracy*, International Journal of
# Forecasting 16, 2000.

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import check_X_y

from kernlab._core.extras import import_extra


@dataclass(frozen=True, eq=False)
class RollingOriginResult:
    """Forecasts from several origins, beside what came.

    Made by :func:`rolling_origin_calibration`.

    Parameters
    ----------
    origins : ndarray of shape (n_origins,)
        How many of the earliest rows each forecast knew.
    errors : ndarray of shape (n_origins, horizon)
        Target minus predictive mean, by the step ahead.
    std : ndarray of shape (n_origins, horizon)
        Predictive standard deviations, noise included.
    level : float
        What share of targets the intervals shall hold.
    X : ndarray of shape (n_origins, horizon, n_features)
        Where the forecasts are.
    targets : ndarray of shape (n_origins, horizon)
        What came; the means forecast are ``targets - errors``.

    Attributes
    ----------
    coverage : float
        Share of targets in their intervals, over all steps and origins.
    coverage_error : float
        Standard error of the coverage, from the spread over the origins: forecasts of one origin
        miss together, so that origins count and not targets. NaN for one origin.
    rmse : float
        Root mean square error, in units of y.
    nlpd : float
        Mean negative log predictive density, in nats.
    std_factor : float
        What the standard deviations would have to be multiplied with to reach the level.
    coverage_by_step, rmse_by_step, nlpd_by_step : ndarrays of shape (horizon,)
        The same for each step ahead.
    """

    origins: np.ndarray
    errors: np.ndarray
    std: np.ndarray
    level: float
    X: np.ndarray
    targets: np.ndarray

    def __repr__(self):
        return (
            f"RollingOriginResult(coverage {self.coverage:.2f} ± {self.coverage_error:.2f} of "
            f"{self.level:g}, std_factor {self.std_factor:.2g}, rmse {self.rmse:.3g}, nlpd "
            f"{self.nlpd:.3g}; {len(self.origins)} origins, {self.errors.shape[1]} steps)"
        )

    @property
    def covered(self):
        """Whether each target lies in its central interval, (n_origins, horizon)."""
        return np.abs(self.errors) <= norm.ppf(0.5 + 0.5 * self.level) * self.std

    @property
    def coverage(self):
        return float(self.covered.mean())

    @property
    def coverage_error(self):
        if len(self.origins) < 2:
            return float("nan")
        return float(self.covered.mean(axis=1).std(ddof=1) / np.sqrt(len(self.origins)))

    @property
    def coverage_by_step(self):
        return self.covered.mean(axis=0)

    @property
    def rmse(self):
        return float(np.sqrt(np.mean(self.errors**2)))

    @property
    def rmse_by_step(self):
        return np.sqrt(np.mean(self.errors**2, axis=0))

    @property
    def nlpd(self):
        return float(np.mean(self.nlpd_by_step))

    @property
    def nlpd_by_step(self):
        return -norm.logpdf(self.errors, scale=self.std).mean(axis=0)

    @property
    def std_factor(self):
        z = np.quantile(np.abs(self.errors / self.std), self.level)
        return float(z / norm.ppf(0.5 + 0.5 * self.level))

    def plot(self, *, ax=None):
        """Draw coverage against the step ahead.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        ax : matplotlib Axes
        """
        if ax is None:
            pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="A picture")
            _, ax = pyplot.subplots()
        steps = np.arange(1, self.errors.shape[1] + 1)
        ax.plot(steps, self.coverage_by_step, marker=".", label="targets in their interval")
        ax.axhline(self.level, color="black", linewidth=1, linestyle="--", label="promised")
        ax.set(
            xlabel="steps ahead",
            ylabel="coverage",
            ylim=(-0.03, 1.03),
            title=f"{self.coverage:.2f} ± {self.coverage_error:.2f} over {len(self.origins)} "
            f"origins; std off by {self.std_factor:.2g}",
        )
        ax.legend()
        return ax


def rolling_origin_calibration(
    estimator, X, y, *, horizon, n_origins=10, min_train=None, level=0.95, n_jobs=None
):
    """Forecast from several origins in the past and compare with what came.

    The evidence of a model says how well it tells the data it has seen, not how well it
    extrapolates: of two models the likelier one may forecast worse, with narrower bands. At each
    origin a clone of the estimator is fitted, hyperparameters and all, to the earlier rows, and
    predicts the next ones.

    Parameters
    ----------
    estimator : estimator
        With ``fit(X, y)`` and ``predict(X, return_std=True)`` whose deviations include the noise:
        those of :mod:`kernlab.gp`, or scikit-learn's with a `WhiteKernel`. Not changed.
    X : array-like of shape (n_samples, n_features)
        Its first column is time; in any order.
    y : array-like of shape (n_samples,)
    horizon : int
        Rows to forecast at each origin.
    n_origins : int, default=10
        Origins, evenly spread from the first possible to the last; fewer where the data have fewer.
    min_train : int, default=None
        Rows that the first origin knows; None is half of those that are not the last horizon.
    level : float in (0, 1), default=0.95
        Of the central intervals, taken as normal.
    n_jobs : int, default=None
        Origins at once, by joblib.

    Returns
    -------
    result : RollingOriginResult
        With ``coverage``, ``coverage_error``, ``std_factor``, ``rmse``, ``nlpd``, those by the step
        ahead, and ``plot()``.

    Raises
    ------
    ValueError
        If the data have too few rows, or a parameter is out of range.

    Notes
    -----
    Costs n_origins fits. Rows of equal time may fall on both sides of an origin.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process.kernels import Matern, WhiteKernel
    >>> from kernlab.gp import MarkovGPRegressor, rolling_origin_calibration
    >>> X = np.arange(200.0)[:, None]
    >>> y = np.sin(X[:, 0] / 7) + 0.3 * np.random.default_rng(0).normal(size=200)
    >>> regressor = MarkovGPRegressor(kernel=Matern(10.0, nu=2.5) + WhiteKernel(0.1))
    >>> result = rolling_origin_calibration(regressor, X, y, horizon=3, n_origins=20)
    >>> bool(0.8 < result.coverage <= 1.0)
    True
    """
    X, y = check_X_y(X, y, dtype=float, y_numeric=True)
    n = len(y)
    for name, value in (("horizon", horizon), ("n_origins", n_origins)):
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    if not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}.")
    last = n - horizon
    first = max(last // 2, 1) if min_train is None else min_train
    if not isinstance(first, Integral) or not 1 <= int(first) <= last:
        raise ValueError(
            f"{n} rows with a horizon of {horizon} leave {last} to learn from, and min_train is "
            f"{min_train!r}; it must lie between 1 and {last}: take a shorter horizon."
        )
    order = np.argsort(X[:, 0], kind="stable")
    X, y = X[order], y[order]
    origins = np.unique(np.linspace(int(first), last, int(n_origins)).round().astype(int))
    forecasts = Parallel(n_jobs=n_jobs)(
        delayed(_forecast)(clone(estimator), X[: origin + horizon], y[:origin])
        for origin in origins
    )
    targets = np.array([y[origin : origin + horizon] for origin in origins])
    means, std = (np.array(part) for part in zip(*forecasts, strict=True))
    places = np.array([X[origin : origin + horizon] for origin in origins])
    return RollingOriginResult(origins, targets - means, std, float(level), places, targets)


def _forecast(estimator, X, y):
    estimator.fit(X[: len(y)], y)
    mean, std = estimator.predict(X[len(y) :], return_std=True)
    return np.asarray(mean), np.asarray(std)

"""Pictures of a kernel density estimate."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab._core.namespace import is_foreign, namespace_of
from kernlab._core.validation import validate_points
from kernlab.density._kde import KernelDensity


class KernelDensityDisplay:
    """Picture of a fitted :class:`KernelDensity`.

    In one dimension a curve, in two filled contours, each with the points given. In more, where no
    curve can be drawn, the log density of points against the number of training points that carry
    it: the fewer, the less the estimate is to be trusted.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Points shown.
    axes_values : tuple of ndarray
        One feature: grid and density. Two: both grids and the density on them, of shape
        (second, first). More: log density and effective samples of the points.
    labels : tuple of str
        Labels of both axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    """

    def __init__(self, *, points, axes_values, labels):
        self.points = points
        self.axes_values = axes_values
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, X, *, grid_resolution=None, ax=None):
        """Evaluate and draw a fitted estimator.

        Parameters
        ----------
        estimator : KernelDensity
            Fitted on NumPy data.
        X : array-like of shape (n_samples, n_features)
            Points to show; they set the range of the grid.
        grid_resolution : int, default=None
            Points of the grid along each axis; None is 400 in one and 80 in two dimensions.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : KernelDensityDisplay
        """
        if not isinstance(estimator, KernelDensity):
            raise TypeError(f"estimator is {estimator!r}; give a fitted kernlab KernelDensity.")
        check_is_fitted(estimator)
        if is_foreign(estimator.bandwidth_matrix_):
            raise ValueError(
                "the picture needs an estimator fitted on NumPy data, and this one was fitted on "
                f"arrays of {namespace_of(estimator.bandwidth_matrix_).__name__}."
            )
        if grid_resolution is not None and (
            not isinstance(grid_resolution, Integral) or grid_resolution < 2
        ):
            raise ValueError(f"grid_resolution={grid_resolution!r} is not an integer of 2 or more.")
        X = np.asarray(validate_points(estimator, X, reset=False), dtype=np.float64)
        d = X.shape[1]
        names = getattr(estimator, "feature_names_in_", [f"feature {k}" for k in range(d)])
        if d > 2:
            values: tuple = (estimator._log_density(X)[0], estimator._effective_samples(X))
            labels = ("log density", "effective samples")
            return cls(points=X, axes_values=values, labels=labels).plot(ax=ax)
        reach = 3 * np.sqrt(np.diag(estimator.bandwidth_matrix_))
        low, high = X.min(axis=0) - reach, X.max(axis=0) + reach
        if estimator._boundary is not None:
            low, high = estimator._boundary.region.frame(low, high)
        if d == 1:
            grid = np.linspace(low[0], high[0], grid_resolution or 400)
            density = np.exp(estimator._log_density(grid[:, None])[0])
            values, labels = (grid, density), (str(names[0]), "density")
        else:
            resolution = grid_resolution or 80
            first = np.linspace(low[0], high[0], resolution)
            second = np.linspace(low[1], high[1], resolution)
            table = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
            density = np.exp(estimator._log_density(table)[0]).reshape(resolution, resolution)
            values, labels = (first, second, density), (str(names[0]), str(names[1]))
        return cls(points=X, axes_values=values, labels=labels).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : KernelDensityDisplay
        """
        pyplot = import_extra(
            "matplotlib.pyplot", extra="plot", purpose="KernelDensityDisplay.plot"
        )
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        d = self.points.shape[1]
        if d == 1:
            grid, density = self.axes_values
            ax.plot(grid, density)
            ax.plot(self.points[:, 0], np.zeros(len(self.points)), "|", color="0.3", alpha=0.5)
            ax.set_ylim(bottom=0)
        elif d == 2:
            first, second, density = self.axes_values
            filled = ax.contourf(first, second, density, levels=12, cmap="viridis")
            ax.scatter(*self.points.T, s=4, color="white", alpha=0.5, linewidths=0)
            ax.figure.colorbar(filled, ax=ax, label="density")
        else:
            log_density, effective = self.axes_values
            ax.scatter(log_density, effective, s=8, alpha=0.6)
            ax.set_yscale("log")
            ax.axhline(1.0, color="0.5", linewidth=0.8)
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

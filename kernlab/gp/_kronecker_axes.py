"""The axes of a grid."""

from dataclasses import dataclass

import numpy as np

# Spacings that differ by no more than the rounding of the coordinates are equal.
_ROUNDING = 4 * np.finfo(float).eps


@dataclass(frozen=True)
class Axis:
    """Points along one axis, ascending where they are numbers.

    Parameters
    ----------
    points : (n, d_k) array
    order : (n,) array of int
        Where each of them stood in the user's axis.
    columns : list of int
        Of a table of points of the whole grid.
    centre : (d_k,) array
        What stationary kernels see subtracted, so that regular axes are symmetric to the bit.
    """

    points: np.ndarray
    order: np.ndarray
    columns: list
    centre: np.ndarray

    def __len__(self):
        return len(self.points)

    def covariance(self, kernel, eval_gradient=False):
        return kernel(self._seen(kernel, self._regular()), eval_gradient=eval_gradient)

    def cross_covariance(self, kernel, X):
        return kernel(self._seen(kernel, X), self._seen(kernel, self._regular()))

    def prior_variance(self, kernel, X):
        return kernel.diag(self._seen(kernel, X))

    def prior_covariance(self, kernel, X):
        return kernel(self._seen(kernel, X))

    def _seen(self, kernel, X):
        return X - self.centre if kernel.is_stationary() else X

    def _regular(self):
        """The points, with equal spacings where they are equal but for rounding."""
        n, x = len(self.points), self.points
        if x.shape[1] > 1 or n < 3:
            return x
        even = self.centre + (x[-1] - x[0]) / (n - 1) * (np.arange(n) - (n - 1) / 2)[:, None]
        is_regular = np.all(np.abs(x - even) <= _ROUNDING * np.max(np.abs(x)))
        return even if is_regular else x


def check_axes(axes, name="axes"):
    """One `Axis` for each array of a list; raises ValueError or TypeError for what is none."""
    if not isinstance(axes, list | tuple):
        shape = getattr(axes, "shape", None)
        what = f"a table of shape {tuple(shape)}" if shape is not None else f"{axes!r}"
        raise ValueError(
            f"{name} must be a list with one array of coordinates for each axis of the grid, got "
            f"{what}. For values at scattered points use scikit-learn's GaussianProcessRegressor."
        )
    if len(axes) == 0:
        raise ValueError(f"{name} is empty; give one array of coordinates for each axis of Y.")
    checked, n_columns = [], 0
    for k, values in enumerate(axes):
        points = _as_points(values, f"{name}[{k}]")
        order = np.arange(len(points))
        if points.shape[1] == 1:
            order = np.argsort(points[:, 0], kind="stable")
        columns = list(range(n_columns, n_columns + points.shape[1]))
        n_columns += len(columns)
        low, high = points.min(axis=0), points.max(axis=0)
        # By halves, for the sum of two finite numbers may not be.
        checked.append(Axis(points[order], order, columns, low / 2 + high / 2))
    return checked


def _as_points(values, name):
    try:
        points = np.asarray(values)
        if np.iscomplexobj(points):
            raise ValueError("complex numbers")
        points = points.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of real numbers ({error}).") from error
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or points.size == 0:
        raise ValueError(
            f"{name} must have shape (n,), or (n, d) for an axis of points, with at least one "
            f"entry; got {np.shape(values)}."
        )
    if not np.isfinite(points).all():
        raise ValueError(f"{name} holds NaN or infinity; every coordinate must be finite.")
    return points

"""Where data can lie: features with bounds, features on a circle, and the images of a point there.

A periodic feature and one between two bounds are both a row of cells of one width: the region is
cell 0, and a point has an image in every other, moved by whole periods or reflected at the walls
between. A feature with one bound has two cells.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from kernlab._core.namespace import from_numpy, namespace_of, scalar, to_numpy


@dataclass(frozen=True)
class Region:
    """Bounds and periods of the features, as (d,) arrays.

    ``low`` and ``high`` are infinite where open, ``period`` is NaN where there is none; ``origin``
    is where a circle of the data is cut open, chosen by :meth:`cut`.
    """

    low: np.ndarray
    high: np.ndarray
    period: np.ndarray
    origin: np.ndarray

    @property
    def periodic(self):
        return np.isfinite(self.period)

    @property
    def bounded(self):
        return np.isfinite(self.low) | np.isfinite(self.high)

    @property
    def width(self):
        """Widths of the cells; infinite where a feature has fewer than two walls."""
        with np.errstate(over="ignore"):
            return np.where(self.periodic, self.period, self.high - self.low)

    def of_data(self, X):
        """The region with its circles cut, and the data in it; refuses rows out of bounds."""
        self.check(X)
        region = self.cut(X) if self.periodic.any() else self
        X = region.wrapped(X)
        return region, region.clipped(X) if region.bounded.any() else X

    def cut(self, X):
        """The same region with the circles cut where the data leaves the widest gap."""
        origin = self.origin.copy()
        for k in np.flatnonzero(self.periodic):
            column = np.asarray(to_numpy(X[:, int(k)]), dtype=np.float64)
            values = np.unique(np.mod(column, self.period[k]))
            gaps = np.diff(values, append=values[0] + self.period[k])
            widest = int(np.argmax(gaps))
            origin[k] = values[widest] + gaps[widest] / 2
        return Region(self.low, self.high, self.period, origin)

    def wrapped(self, X, origin=None):
        """``X`` with its periodic features taken to the period from ``origin`` on."""
        if not self.periodic.any():
            return X
        xp = namespace_of(X)
        X = xp.astype(X, xp.float64, copy=False)
        origin = self.origin if origin is None else origin
        columns = []
        for k in range(X.shape[1]):
            column = X[:, k]
            if self.periodic[k]:
                period, start = float(self.period[k]), float(origin[k])
                # A remainder is exact, and a difference with the origin first would not be.
                column = xp.remainder(column, period)
                column = xp.where(column < start, column + period, column)
                column = xp.where(column >= start + period, column - period, column)
            columns.append(column)
        return xp.stack(columns, axis=1)

    def inside(self, X):
        """Which rows are within the bounds, those at a bound as it is in the dtype of ``X`` too."""
        xp = namespace_of(X)
        low, high = (from_numpy(a, X, X.dtype) for a in (self.low, self.high))
        return xp.all((low <= X) & (high >= X), axis=1)

    def clipped(self, X):
        xp = namespace_of(X)
        low, high = (from_numpy(a, X, xp.float64) for a in (self.low, self.high))
        return xp.minimum(xp.maximum(xp.astype(X, xp.float64, copy=False), low), high)

    def check(self, X):
        """Refuse rows outside the bounds."""
        if bool(namespace_of(X).all(self.inside(X))):
            return
        row = int(np.flatnonzero(~np.asarray(to_numpy(self.inside(X))))[0])
        for k in range(X.shape[1]):
            value = scalar(X[row, k])
            if not self.low[k] <= value <= self.high[k]:
                break
        raise ValueError(
            f"X[{row}, {k}] is {value!r}, outside of the bounds ({float(self.low[k])!r}, "
            f"{float(self.high[k])!r}) of feature {k}; widen the bounds, or drop the rows outside."
        )

    def frame(self, low, high):
        """The part of a box to draw: within the bounds, and no more than a period."""
        low, high = np.maximum(low, self.low), np.minimum(high, self.high)
        around = self.periodic & (high - low > self.period)
        return np.where(around, 0.0, low), np.where(around, self.period, high)

    def folded(self, X):
        """Points of the whole space, folded into the region; circles begin at zero."""
        xp = namespace_of(X)
        X = self.wrapped(X, origin=np.zeros(len(self.low)))
        columns = []
        for k in range(X.shape[1]):
            column, low, high = X[:, k], float(self.low[k]), float(self.high[k])
            if np.isfinite(high - low):
                column = xp.remainder(column - low, 2 * (high - low))
                column = low + xp.minimum(column, 2 * (high - low) - column)
            elif np.isfinite(low):
                column = low + xp.abs(column - low)
            elif np.isfinite(high):
                column = high - xp.abs(column - high)
            columns.append(column)
        return self.clipped(xp.stack(columns, axis=1))

    def part(self, features):
        """The region of some features."""
        arrays = (self.low, self.high, self.period, self.origin)
        return Region(*(array[features] for array in arrays))

    def parameters(self):
        """``bounds`` and ``period`` of an estimator that has this region."""
        bounds = np.stack([self.low, self.high], axis=1) if self.bounded.any() else None
        return {"bounds": bounds, "period": self.period if self.periodic.any() else None}

    def images(self, ring):
        """Tuples of cells, one to each feature, of which the farthest is ``ring`` cells away."""
        choices = [
            range(-ring, ring + 1)
            if np.isfinite(width)
            else range(-min(1, ring) if np.isfinite(low) else 0, 1 + (ring > 0 and high < np.inf))
            for width, low, high in zip(self.width, self.low, self.high, strict=True)
        ]
        for cells in itertools.product(*choices):
            if max(map(abs, cells)) == ring:
                yield cells

    def n_images(self, ring):
        """How many images there are up to a ring."""
        several = np.where(np.isfinite(self.width), 2 * ring + 1, 1 + (self.bounded & (ring > 0)))
        return float(np.prod(several.astype(float)))

    def image(self, X, cells):
        """The images of points in the given cells."""
        xp = namespace_of(X)
        columns = []
        for k, cell in enumerate(cells):
            column, width = X[:, k], self.width[k]
            if cell == 0:
                pass
            elif self.periodic[k] or cell % 2 == 0:
                column = column + float(cell * width)
            else:
                column = float(2 * self._wall(k, (cell + 1) // 2)) - column
            columns.append(column)
        return xp.stack(columns, axis=1)

    def signs(self, cells):
        """-1 for the features that an image reflects, else 1."""
        return np.where(self.periodic | (np.asarray(cells) % 2 == 0), 1.0, -1.0)

    def _wall(self, k, number):
        if number == 0:
            return self.low[k]
        return self.high[k] + (number - 1) * (self.width[k] if number > 1 or number < 0 else 0.0)


def region_of(bounds, period, n_features):
    """The region of the parameters ``bounds`` and ``period``; None where all is open.

    Parameters
    ----------
    bounds : array-like of shape (n_features, 2), a pair for all features, or None
    period : float for all features, array-like of shape (n_features,) or None
    n_features : int
    """
    low, high = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    if bounds is not None:
        table = _numbers("bounds", bounds)
        if table.shape == (2,):
            table = np.broadcast_to(table, (n_features, 2))
        if table.shape != (n_features, 2):
            raise ValueError(
                f"bounds has shape {table.shape} and X has {n_features} features; give a lower and "
                "an upper bound for each, or one pair for all, None or an infinity where open."
            )
        low = np.where(np.isnan(table[:, 0]), -np.inf, table[:, 0])
        high = np.where(np.isnan(table[:, 1]), np.inf, table[:, 1])
        wrong = ~(low < high)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"bounds of feature {k} are ({float(low[k])!r}, {float(high[k])!r}); the lower "
                "must be below the upper."
            )
    periods = np.full(n_features, np.nan)
    if period is not None:
        given = _numbers("period", period)
        if given.shape not in ((n_features,), ()):
            raise ValueError(
                f"period has shape {given.shape} and X has {n_features} features; give a number, "
                "or one for each, None where a feature has none."
            )
        given = np.broadcast_to(given, (n_features,))
        periods = np.where(np.isinf(given), np.nan, given)
        if (periods <= 0).any():
            raise ValueError(
                f"period={period!r} must be positive; give the length of a circle, such as 360 for "
                "degrees."
            )
    region = Region(low, high, periods, np.zeros(n_features))
    both = region.bounded & region.periodic
    if both.any():
        raise ValueError(
            f"feature {int(np.flatnonzero(both)[0])} has bounds and a period; a circle has no "
            "bounds, give one of the two."
        )
    return region if (region.bounded | region.periodic).any() else None


def _numbers(name, value):
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}={value!r} is not a table of numbers ({error}); give floats, or None where "
            "there is none."
        ) from error

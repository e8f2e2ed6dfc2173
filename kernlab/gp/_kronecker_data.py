"""The values of a grid: observed or missing, in the axes' order and of size about one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernlab._core.namespace import from_numpy, is_foreign, namespace_of, scalar


@dataclass(frozen=True)
class GridData:
    """Values of a grid, checked.

    Parameters
    ----------
    values : array of shape (n_1, ..., n_d)
        As the process sees them, divided by `unit`; zero where missing.
    mask : boolean array of the same shape
        True where observed.
    n_observed : int
    unit : float
        So that ``values * unit`` are in units of the kernel.
    mean, scale : float
        What was taken off before, and divided by.
    constant : float or None
        The value that all observed cells have.
    """

    values: Any
    mask: Any
    n_observed: int
    unit: float
    mean: float
    scale: float
    constant: float | None

    @property
    def mean_square(self):
        """In squared units of the kernel."""
        square = scalar(namespace_of(self.values).sum(self.values * self.values))
        return square / self.n_observed * self.unit**2


def check_data(Y, axes, normalize_y):
    """`GridData` of the user's array; raises ValueError for what is none."""
    expected = tuple(len(axis) for axis in axes)
    Y = _as_reals(Y)
    if tuple(Y.shape) != expected:
        raise ValueError(
            f"Y has shape {tuple(Y.shape)} and axes are of lengths {expected}; Y needs one axis "
            "for each array of axes, and one cell for each combination."
        )
    xp = namespace_of(Y)
    if bool(xp.any(xp.isinf(Y))):
        raise ValueError("Y holds infinity; mark missing cells by NaN.")
    for k, axis in enumerate(axes):
        if not np.array_equal(axis.order, np.arange(len(axis))):
            Y = xp.take(Y, from_numpy(axis.order, Y, xp.int64), axis=k)
    mask = ~xp.isnan(Y)
    n_observed = int(scalar(xp.sum(xp.astype(mask, xp.float64))))
    if n_observed == 0:
        raise ValueError(f"Y holds no observed cell: all of its {expected} cells are NaN.")
    zero = xp.zeros_like(Y)
    Y = xp.where(mask, Y, zero)
    # In units of the largest magnitude, or squares of tiny and huge numbers leave the range.
    size = scalar(xp.max(xp.abs(Y))) or 1.0
    values = Y / size
    mean = scalar(xp.sum(values)) / n_observed
    centred = xp.where(mask, values - mean, zero)
    spread = (scalar(xp.sum(centred * centred)) / n_observed) ** 0.5
    # Rounding alone is no spread.
    constant = mean * size if spread <= 1e-14 else None
    if not normalize_y:
        return GridData(values, mask, n_observed, size, 0.0, 1.0, constant)
    scale = spread if constant is None else 1.0 / size
    values, mean, scale = centred / scale, mean * size, scale * size
    return GridData(values, mask, n_observed, 1.0, mean, scale, constant)


def _as_reals(Y):
    """In double precision, in its own library."""
    if is_foreign(Y):
        xp = namespace_of(Y)
        if not xp.isdtype(Y.dtype, "real floating"):
            raise ValueError(f"Y has dtype {Y.dtype}; pass real floating-point numbers.")
        return xp.astype(Y.detach() if getattr(Y, "requires_grad", False) else Y, xp.float64)
    try:
        if np.ma.isMaskedArray(Y):
            # What is masked is missing, whatever number lies beneath.
            Y = np.ma.filled(Y.astype(np.float64), np.nan)
        Y = np.asarray(Y)
        if np.iscomplexobj(Y):
            raise ValueError("complex numbers")
        return Y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Y must be an array of real numbers ({error}).") from error

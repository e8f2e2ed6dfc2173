"""The axes of a grid, the default kernels on them, and the covariance of a grid as one kernel."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

from kernlab.gp._base import split_noise
from kernlab.kernels import OnColumns

# Spacings that differ by no more than the rounding of the coordinates are equal.
_ROUNDING = 4 * np.finfo(float).eps
# Bounds of amplitude and noise, in units of the data's mean square, and of length scales, in
# units of the axis's extent and of its median spacing.
_AMPLITUDE_BOUNDS = (1e-6, 1e6)
_NOISE_BOUNDS = (1e-10, 1e2)
_LENGTH_BOUNDS = (0.1, 1e2)
NOISE_START = 0.1


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


def default_kernel(axis, share):
    """Matérn-5/2 whose length scale starts at a share of the axis's extent."""
    spans = np.ptp(axis.points, axis=0)
    extent = float(np.max(spans))
    if extent == 0.0:
        # One place alone: no length scale can be learned there, and none matters.
        return Matern(1.0, "fixed", nu=2.5)
    gaps = np.diff(np.sort(axis.points, axis=0), axis=0)
    spacing = min(extent, float(np.median(gaps[gaps > 0.0])))
    bounds = (_LENGTH_BOUNDS[0] * spacing, _LENGTH_BOUNDS[1] * extent)
    return Matern(share * extent, bounds, nu=2.5)


def check_kernels(kernels, n_axes):
    """Copies of the user's kernels, one for each axis."""
    if not isinstance(kernels, list | tuple):
        raise ValueError(
            f"kernels must be a list of {n_axes} kernels, one for each axis, got {kernels!r}."
        )
    if len(kernels) != n_axes:
        raise ValueError(
            f"kernels has {len(kernels)} entries and axes {n_axes}; give one kernel for each axis."
        )
    for k, kernel in enumerate(kernels):
        if not isinstance(kernel, Kernel):
            raise ValueError(
                f"kernels[{k}] must be a kernel of sklearn.gaussian_process.kernels, got "
                f"{kernel!r}."
            )
        signal, noise = split_noise(kernel)
        if signal is None or noise > 0.0:
            raise ValueError(
                f"kernels[{k}] holds a WhiteKernel: noise is of the cells, not of an axis. Leave "
                "it out; `alpha` is its variance."
            )
    return [clone(kernel) for kernel in kernels]


@dataclass(frozen=True)
class GridKernel:
    """Amplitude times a kernel for each axis, plus noise; and the same as one kernel.

    Parameters
    ----------
    amplitude : ConstantKernel
    kernels : list of Kernel
    noise : WhiteKernel
    """

    amplitude: ConstantKernel
    kernels: list
    noise: WhiteKernel

    def as_kernel(self, axes):
        """The kernel of points of the grid, columns as in ``axes``."""
        product = self.amplitude
        for kernel, axis in zip(self.kernels, axes, strict=True):
            product = product * OnColumns(kernel, axis.columns)
        return product + self.noise

    @property
    def slices(self):
        """Where the hyperparameters of the kernel on each axis stand in theta."""
        starts = [self.amplitude.n_dims]
        for kernel in self.kernels:
            starts.append(starts[-1] + kernel.n_dims)
        return [slice(a, b) for a, b in pairwise(starts)]

    @property
    def n_dims(self):
        return self.slices[-1].stop + self.noise.n_dims

    def with_theta(self, theta):
        """The same at other hyperparameters, in the order of `as_kernel`."""
        theta = np.asarray(theta, dtype=float)
        if theta.shape != (self.n_dims,):
            raise ValueError(
                f"theta has shape {theta.shape}, and the kernel {self.n_dims} free hyperparameters."
            )
        kernels = [
            kernel.clone_with_theta(theta[part])
            for kernel, part in zip(self.kernels, self.slices, strict=True)
        ]
        amplitude = self.amplitude.clone_with_theta(theta[: self.amplitude.n_dims])
        noise = self.noise.clone_with_theta(theta[self.slices[-1].stop :])
        return replace(self, amplitude=amplitude, kernels=kernels, noise=noise)


def grid_kernel(kernels, axes, *, alpha, mean_square, is_fitted, share=0.2):
    """The kernel that a fit starts from.

    Parameters
    ----------
    kernels : list of Kernel, or None for the default
    axes : list of Axis
    alpha : float or 'fit'
    mean_square : float
        Of the data, in their units.
    is_fitted : bool
        Whether hyperparameters will be learned.
    share : float
        Length scales of default kernels, as a share of the axis.
    """
    is_default = kernels is None
    if is_default:
        kernels = [default_kernel(axis, share) for axis in axes]
    variance = np.prod(
        [np.mean(a.prior_variance(k, a.points)) for k, a in zip(kernels, axes, strict=True)]
    )
    # A kernel with a variance of its own to fit needs no second one.
    owns = any(_has_free_variance(k, a) for k, a in zip(kernels, axes, strict=True))
    if (is_fitted and not owns) or is_default:
        start = mean_square / variance
        bounds = (_AMPLITUDE_BOUNDS[0] * start, _AMPLITUDE_BOUNDS[1] * start)
        amplitude = ConstantKernel(start, bounds)
    else:
        amplitude = ConstantKernel(1.0, "fixed")
    if isinstance(alpha, str):
        bounds = (_NOISE_BOUNDS[0] * mean_square, _NOISE_BOUNDS[1] * mean_square)
        noise = WhiteKernel(NOISE_START * mean_square, bounds)
    else:
        noise = WhiteKernel(float(alpha), "fixed")
    return GridKernel(amplitude, list(kernels), noise)


def _has_free_variance(kernel, axis):
    if kernel.n_dims == 0:
        return False
    _, gradient = kernel(axis.points[:1], eval_gradient=True)
    return bool(np.any(gradient != 0.0))

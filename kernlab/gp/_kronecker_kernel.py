"""The kernel of a grid: amplitude, kernels of the axes and noise; and the same as one kernel."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

from kernlab.gp._base import split_noise
from kernlab.kernels import OnColumns

# Bounds of amplitude and noise, in units of the data's mean square, and of length scales, in
# units of the axis's extent and of its median spacing.
_AMPLITUDE_BOUNDS = (1e-6, 1e6)
_NOISE_BOUNDS = (1e-10, 1e2)
_LENGTH_BOUNDS = (0.1, 1e2)
_NOISE_START = 0.1
# Points that tell whether a kernel has a scale to fit, and the rounding of its gradient.
_FEW_POINTS, _SAME = 12, 1e-10


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
    if isinstance(kernels, Kernel):
        kernels = [kernels] * n_axes
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

    def units(self, axes):
        """Exponents of two by which the axes' covariances are divided, to be of size one.

        Kernels may carry the variance of Y, whose square need not be in the range of numbers.
        """
        pairs = zip(axes, self.kernels, strict=True)
        largest = [np.max(axis.prior_variance(kernel, axis.points)) for axis, kernel in pairs]
        return np.frexp(largest)[1]

    def scales(self, axes, unit):
        """Amplitude and noise of values in a unit, beside `covariances`."""
        size, exponent = math.frexp(unit)
        exponent = int(np.sum(self.units(axes))) - 2 * exponent
        try:
            amplitude = math.ldexp(self.amplitude.constant_value / size / size, exponent)
        except OverflowError as error:
            raise np.linalg.LinAlgError(
                f"the variance of {self.amplitude} times the kernels of the axes is beyond the "
                f"range of numbers in units of Y, some {unit:.1e}; scale the kernels."
            ) from error
        return amplitude, self.noise.noise_level / unit / unit

    def covariances(self, axes):
        """(n_k, n_k) of every axis."""
        parts = zip(axes, self.kernels, self.units(axes), strict=True)
        return [np.ldexp(axis.covariance(kernel), -unit) for axis, kernel, unit in parts]

    def covariances_and_slopes(self, axes):
        """The same, and their derivatives (n_k, n_k, n_dims)."""
        parts = zip(axes, self.kernels, self.units(axes), strict=True)
        pairs = [
            [np.ldexp(array, -unit) for array in axis.covariance(kernel, eval_gradient=True)]
            for axis, kernel, unit in parts
        ]
        return [K for K, _ in pairs], [slope for _, slope in pairs]

    def cross_covariances(self, axes, points):
        """(m_k, n_k): of points on every axis with those of the grid."""
        parts = zip(axes, self.kernels, points, self.units(axes), strict=True)
        return [np.ldexp(axis.cross_covariance(k, X), -unit) for axis, k, X, unit in parts]

    def prior_variances(self, axes, points):
        """(m_k,) of every axis."""
        parts = zip(axes, self.kernels, points, self.units(axes), strict=True)
        return [np.ldexp(axis.prior_variance(k, X), -unit) for axis, k, X, unit in parts]

    def prior_covariances(self, axes, points):
        """(m_k, m_k) of every axis."""
        parts = zip(axes, self.kernels, points, self.units(axes), strict=True)
        return [np.ldexp(axis.prior_covariance(k, X), -unit) for axis, k, X, unit in parts]

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
    # Where a kernel has a scale of its own to fit, a second one would say the same.
    owns = any(_has_free_scale(k, a) for k, a in zip(kernels, axes, strict=True))
    if (is_fitted and not owns) or is_default:
        start = mean_square
        for kernel, axis in zip(kernels, axes, strict=True):
            start = start / np.mean(axis.prior_variance(kernel, axis.points))
        bounds = (_AMPLITUDE_BOUNDS[0] * start, _AMPLITUDE_BOUNDS[1] * start)
        amplitude = ConstantKernel(start, bounds)
    else:
        amplitude = ConstantKernel(1.0, "fixed")
    if isinstance(alpha, str):
        bounds = (_NOISE_BOUNDS[0] * mean_square, _NOISE_BOUNDS[1] * mean_square)
        noise = WhiteKernel(_NOISE_START * mean_square, bounds)
    else:
        noise = WhiteKernel(float(alpha), "fixed")
    return GridKernel(amplitude, list(kernels), noise)


def _has_free_scale(kernel, axis):
    """Whether free hyperparameters multiply the kernel: k is a sum of its derivatives by them."""
    if kernel.n_dims == 0:
        return False
    some = np.unique(np.linspace(0, len(axis) - 1, min(len(axis), _FEW_POINTS)).astype(int))
    K, gradient = kernel(axis.points[some], eval_gradient=True)
    largest = np.max(np.abs(K)) or 1.0
    # Of size one, for squares of tiny and huge variances leave the range.
    K, gradient = K.ravel() / largest, gradient.reshape(K.size, -1) / largest
    weights = np.linalg.lstsq(gradient, K, rcond=None)[0]
    return bool(np.max(np.abs(gradient @ weights - K)) < _SAME)

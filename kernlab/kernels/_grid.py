"""Sums of Gaussians by a grid and the fast Fourier transform, in one to three dimensions.

Each point's mass goes to the eight grid nodes about it along every axis, with the weights of
Lagrange's interpolation; the grid is convolved with the kernel; the same interpolation carries the
result to the queries. So the kernel is replaced by its interpolant of degree seven in both
arguments, whose error has a bound in closed form that falls with the eighth power of the spacing.
That bound is absolute: where the sum is small, as in the tails, it says nothing, and the caller
must sum otherwise.
"""

# Reference: Silverman, *Kernel density estimation using the fast Fourier transform*, Applied
# Statistics 31, 1982, for the idea with nearest nodes; Wand, *Fast computation of multivariate
# kernel estimators*, JCGS 3, 1994, for linear weights.

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import frame_of, to_bandwidths
from kernlab.kernels._grid_numba import NODES

MOST_FEATURES = 3
# Cells of the grid, and so 32 MB; transforms take several times as much for a moment.
_MOST_CELLS = 2**22
# Spacing in bandwidths below which rounding is all that is left.
_FINEST = 0.04
# And above which a kernel falls between the nodes.
_COARSEST = 1.0
# Bandwidths beyond which the kernel, exp(-R²/2) = 1e-22, is left out.
_REACH = 10.0
# Bandwidths of grid around the points.
_MARGIN = 3.0
_SLICE = 2**15

_NODES = np.arange(NODES) - (NODES // 2 - 1)
# 1/Π(k - l), the denominators of Lagrange's weights.
_SCALES = np.array([1 / np.prod([k - j for j in _NODES if j != k]) for k in _NODES])
# Largest |Π(t - k)|/8! in the middle cell, at its centre, and the largest |He₈(u) exp(-u²/2)|, at
# 0: their product bounds the error of one interpolation along one axis, for unit spacing.
_INTERPOLATION = math.prod(abs(0.5 - k) for k in _NODES) / math.factorial(NODES) * 105.0
# Largest sum of the absolute weights, at the centre of the middle cell.
_LEBESGUE = sum(
    abs(scale * math.prod(0.5 - j for j in _NODES if j != k))
    for scale, k in zip(_SCALES, _NODES, strict=True)
)
_EPS = 2.0**-53


@dataclass(frozen=True)
class GridSources:
    """The convolved grid; arrays and scalars only.

    ``error`` bounds the absolute error of every sum, in units of the largest weight.
    """

    centre: np.ndarray
    inverse: np.ndarray
    low: np.ndarray
    high: np.ndarray
    spacing: float
    values: np.ndarray
    error: float
    log_scale: float
    z: np.ndarray
    masses: np.ndarray | None


def prepare_grid(points, *, root, weights=None, rtol=0.0):
    """Convolve points with the Gaussian kernel on a grid.

    Parameters
    ----------
    points : (n, d) float64 array, d ≤ 3
    root, weights : see :func:`kernlab.kernels._sums.prepare_sources`
    rtol : float
        Relative error that most sums should keep; the spacing is chosen for it as far as memory
        permits, and the finest for 0. What is reached is ``error``.

    Returns
    -------
    grid : GridSources or None
        None where the points are so many bandwidths wide that no grid in memory resolves anything.
    """
    from kernlab.kernels import _grid_numba as compiled

    frame = frame_of(points, root)
    z = np.ascontiguousarray(frame.z)
    n_features = z.shape[1]
    masses, log_scale = None, 0.0
    if weights is not None:
        masses, log_scale = weights / weights.max(), float(np.log(weights.max()))
    extent = np.ptp(z, axis=0) + 2 * _MARGIN
    spacing = _spacing(extent, rtol)
    if not spacing < _COARSEST:
        return None
    low = z.min(axis=0) - _MARGIN - NODES * spacing
    shape = np.ceil(extent / spacing).astype(int) + 2 * NODES + 1
    grid = np.zeros((1,) * (3 - n_features) + tuple(shape))
    compiled.spread(z, masses, low, 1 / spacing, _SCALES, grid)
    grid = grid.reshape(shape)
    values, gain = _convolve(grid, spacing)
    total = float(len(z) if masses is None else masses.sum())
    error = total * _interpolation_error(n_features) * spacing**NODES
    error += total * math.exp(-((_REACH - NODES * spacing) ** 2) / 2)
    # The transform's rounding in the 2-norm, and that of the weights' products.
    steps = 10 * math.log2(values.size)
    rounding = steps * _EPS * gain * float(np.linalg.norm(grid))
    rounding += 16 * NODES * _EPS * _LEBESGUE**n_features * float(np.abs(values).max())
    # Coordinates err by an ulp of the largest, which the slope exp(-½) of the kernel passes on.
    rounding += total * 4 * _EPS * frame.radius
    return GridSources(
        centre=frame.centre,
        inverse=frame.inverse,
        low=low,
        high=low + (shape - 1) * spacing,
        spacing=spacing,
        values=values,
        error=error + rounding * _LEBESGUE**n_features,
        log_scale=log_scale,
        z=z,
        masses=masses,
    )


def grid_log_sums(grid, queries=None, *, n_jobs=None, verbose=0):
    """Logarithms of the sums, and bounds on the errors of the logarithms.

    Where the grid does not resolve the sum the bound is infinite.

    Parameters
    ----------
    grid : GridSources
    queries : (m, d) array or None
        None takes every point and leaves out its own term.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`

    Returns
    -------
    log_sums, errors : (m,) arrays
    """
    from kernlab.kernels import _grid_numba as compiled

    z = grid.z if queries is None else to_bandwidths(queries, grid.centre, grid.inverse)
    border = NODES * grid.spacing
    inside = np.flatnonzero(np.all((z >= grid.low + border) & (z <= grid.high - border), axis=1))
    values = grid.values.reshape((1,) * (3 - z.shape[1]) + grid.values.shape)
    sums = np.zeros(len(z))
    found = np.empty(len(inside))

    def work(part):
        compiled.gather(
            np.ascontiguousarray(z[inside[part]]), grid.low, 1 / grid.spacing, _SCALES, values,
            found[part],
        )  # fmt: skip

    run_slices(
        work,
        len(inside),
        slice_size=_SLICE,
        n_jobs=effective_n_jobs(n_jobs),
        verbose=verbose,
        label="grid",
    )
    sums[inside] = found
    if queries is None:
        sums -= 1.0 if grid.masses is None else grid.masses
    resolved = sums > grid.error
    sums = np.where(resolved, sums, 1.0)
    # The true sum is at least sums - error.
    errors = np.where(resolved, -np.log1p(-grid.error / np.maximum(sums, 2 * grid.error)), np.inf)
    errors[sums <= 2 * grid.error] = np.inf
    return np.log(sums) + grid.log_scale, errors


def _interpolation_error(n_features):
    """Bound on the error of the kernel's interpolant, at unit spacing.

    There are two interpolations along each axis; what one makes of the errors of those before it
    grows by the Lebesgue constant.
    """
    return _INTERPOLATION * sum(_LEBESGUE**k for k in range(2 * n_features))


def _spacing(extent, rtol):
    """Spacing that resolves a thousandth of a uniform density, within memory."""
    n_features = len(extent)
    with np.errstate(over="ignore", under="ignore"):
        volume = np.prod(extent)
        share = 0.001 * (2 * math.pi) ** (n_features / 2) / volume
        wanted = (rtol * share / _interpolation_error(n_features)) ** (1 / NODES)
        spacing = max(_FINEST, wanted, (volume / _MOST_CELLS) ** (1 / n_features))
    if not spacing < _COARSEST:
        return np.inf
    while np.prod(np.ceil(extent / spacing) + 2 * NODES + 1) > _MOST_CELLS:
        spacing *= 1.05
    return float(spacing)


def _convolve(grid, spacing):
    """The grid's convolution with exp(-u²/2), and the largest factor of its spectrum."""
    half = int(_REACH / spacing)
    shape = [fft.next_fast_len(n + half, real=True) for n in grid.shape]
    spectrum = fft.rfftn(grid, shape)
    gain = 1.0
    for axis, n in enumerate(shape):
        # The kernel is even, so its transform is real.
        distance = np.minimum(np.arange(n), n - np.arange(n)) * spacing
        kernel = np.where(distance <= _REACH, np.exp(-(distance**2) / 2), 0.0)
        factor = fft.fft(kernel).real
        gain *= float(np.abs(factor).max())
        along = [1] * len(shape)
        along[axis] = -1
        spectrum *= factor[: spectrum.shape[axis]].reshape(along)
    values = fft.irfftn(spectrum, shape)
    return np.ascontiguousarray(values[tuple(slice(n) for n in grid.shape)]), gain

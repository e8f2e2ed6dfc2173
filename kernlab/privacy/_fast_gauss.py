"""Gaussian kernel sums in one to three dimensions, from moments of records by cell of a grid.

A public box is cut into cells with half sides of ``a`` bandwidths. For a record at ``t ∈ [-1, 1]ᵈ``
within its cell and a query at ``z`` bandwidths from the middle of the cell, the generating function
of the Hermite polynomials gives

    exp(-|z - a t|²/2) = Σ_α t^α ψ_α(z),    ψ_α(z) = Πⱼ aⱼ^αⱼ He_αⱼ(zⱼ) e^{-zⱼ²/2} / αⱼ!.

Terms of total degree below an order ``ρ`` are kept. Moments of one cell are released in the basis
of Chebyshev polynomials, ``Πⱼ T_βⱼ(tⱼ)``, in which all lie in [-1, 1] and the coefficients of high
degree are the least. One record adds to the moments of one cell alone, so the noise does not grow
with the number of cells released; a query adds up the noise of the cells around it.

Truncation. Along the segment from the middle to the record the kernel is a Gaussian of one
variable, whose derivatives are ``|He_ρ(ζ)| e^{-ζ²/2} <= E|N|^ρ``, by its Fourier transform. So the
rest of the Taylor series is at most ``|a|^ρ E|N|^ρ / ρ!`` with ``|a|`` the Euclidean norm of the
half sides. Cells farther than ``|aⱼ| + √(2 ln 1/τ)`` in some coordinate are left out, whose records
have kernel values below ``τ``. A record is either truncated or left out, hence the larger of the
two bounds, plus that of rounding.

Noise. Over queries uniformly spread in a wide box, the noise variance of a query is
``Σ_β W_β v_β`` with ``v_β`` the variance of the noise of moment ``β`` and ``W_β`` the sum over
cells of the squared coefficient, whose mean is an integral in closed form:
``∫ He_k He_l e^{-z²} dz = (-1)^{(k-l)/2} Γ((k+l+1)/2)`` for even ``k - l``. The corner of a cell
attains the bounds of all moments at once, so the joint sensitivity is the sum of those of the
moments, and the least noise has Laplace scales ``∝ W^{-1/3}`` or Gaussian ones ``∝ W^{-1/4}``.
Order and side are those of least noise whose truncation is within the tolerance.
"""

# References: Greengard & Strain, *The fast Gauss transform*, SIAM J. Sci. Stat. Comput. 12 (1991);
# Wagner, Naamad & Mishra, *Fast private kernel density estimation via locality sensitive
# quantization*, ICML 2023, arXiv 2307.01877.

import functools
import math
import threading
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import gamma, gammaln

from kernlab._core.threads import run_slices
from kernlab.privacy import _fast_gauss_numba as compiled
from kernlab.privacy._records import silently_as

BITS_VALUE = 20
MAX_DIM = 3
# Orders tried; beyond these, smaller cells are the better means to a tolerance.
_MAX_ORDER = 10
# Fractions tried of the largest side within the tolerance.
_SIDE_FRACTIONS = np.linspace(0.1, 1.0, 10)
# Largest number of released integers, 1 GiB of them.
_MAX_STATISTICS = 2**27
# Records whose moments are held at a time, by each thread.
_SLICE_RECORDS = 4096


@dataclass(frozen=True)
class FastGaussLayout:
    """Cells, degrees and error bounds; a function of public arguments alone.

    Attributes
    ----------
    lower, upper : ndarray of shape (dim,)
        The box. Records outside are moved to its border; NaN and infinity count as zero first.
    bandwidth : float
        Standard deviation of the kernel ``exp(-|x-y|²/2h²)``.
    n_cells : ndarray of int64, shape (dim,)
    half_sides : ndarray of shape (dim,)
        ``a``, half a side in bandwidths.
    order : int
        ``ρ``: total degrees lie below.
    degrees : ndarray of int64, shape (n_moments, dim)
    reach : ndarray of shape (dim,)
        Distance in bandwidths to the middle of a cell beyond which it is left out.
    truncation : float
        Bound of the error of a kernel sum without noise, over the number of records.
    weights : ndarray of shape (n_moments,)
        ``W_β``.
    basis : ndarray of shape (n_moments, n_moments)
        ``t^α = Σ_β basis[α, β] Πⱼ T_βⱼ(tⱼ)``.
    """

    lower: np.ndarray
    upper: np.ndarray
    bandwidth: float
    n_cells: np.ndarray
    half_sides: np.ndarray
    order: int
    degrees: np.ndarray
    reach: np.ndarray
    truncation: float
    weights: np.ndarray
    basis: np.ndarray

    @property
    def dim(self):
        return self.lower.size

    @property
    def n_moments(self):
        return len(self.degrees)

    @property
    def limit(self):
        """The largest absolute value of a record's integer, which stands for one."""
        return 2**BITS_VALUE

    def multipliers(self, noise):
        """Noise scales of the moments, in units of the integers, for a unit privacy parameter.

        With ``noise='laplace'`` the sum of ``limit / multipliers`` is one, so that Laplace noise of
        scale ``multipliers / ε`` is ε-private; with ``noise='gaussian'`` the sum of its squares is
        one, so that deviations ``σ · multipliers`` are as private as ``σ`` for unit sensitivity.
        """
        if noise == "laplace":
            roots = np.cbrt(self.weights)
            return self.limit * roots.sum() / roots
        if noise == "gaussian":
            roots = np.sqrt(self.weights)
            return self.limit * np.sqrt(roots.sum() / roots)
        raise ValueError(f"noise={noise!r} is neither 'laplace' nor 'gaussian'.")

    def noise_deviation(self, deviations):
        """Root mean square over the box of a query's noise, for the moments' ``deviations``."""
        return math.sqrt(self.weights @ (np.asarray(deviations) / self.limit) ** 2)


def fast_gauss_layout(bounds, bandwidth, dim, *, tolerance=1e-4, noise="laplace"):
    """Choose cells and order of least noise for a truncation tolerance.

    Parameters
    ----------
    bounds : tuple of two floats or of two arrays of shape (dim,)
        The public box ``(lower, upper)``.
    bandwidth : float
        ``h`` of ``exp(-|x-y|²/2h²)``.
    dim : int
        One to three.
    tolerance : float, default=1e-4
        Largest truncation error of the mean kernel value, in (0, 1). Tightening it costs little
        noise, and more moments.
    noise : {'laplace', 'gaussian'}, default='laplace'

    Returns
    -------
    FastGaussLayout

    Raises
    ------
    ValueError
        For more than three dimensions, an empty box, or more cells than can be released.

    Examples
    --------
    >>> from kernlab.privacy._fast_gauss import fast_gauss_layout
    >>> layout = fast_gauss_layout((0.0, 10.0), 0.5, 1)
    >>> layout.truncation < 1e-4
    True
    """
    if not 1 <= dim <= MAX_DIM:
        raise ValueError(
            f"The fast Gauss transform takes 1 to {MAX_DIM} columns, not {dim}: its cells multiply "
            "with every column. Take features='orthogonal'."
        )
    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance={tolerance!r} must lie between 0 and 1.")
    lower, upper = (np.broadcast_to(np.asarray(b, dtype=float), dim).copy() for b in bounds)
    with np.errstate(over="ignore", invalid="ignore"):
        extent = (upper - lower) / bandwidth
    if not np.all(np.isfinite(extent)) or not np.all(lower < upper):
        raise ValueError(
            f"bounds={bounds!r} must be finite, also in bandwidths of {bandwidth!r}, and the lower "
            "below the upper."
        )

    best = None
    # A tenth of the tolerance is for rounding.
    allowed = 0.9 * tolerance
    for order in range(1, _MAX_ORDER + 1):
        degrees, basis = _degrees_and_basis(order, dim)
        largest = (allowed / _taylor_bound(1.0, order)) ** (1.0 / order) / math.sqrt(dim)
        for fraction in _SIDE_FRACTIONS:
            n_cells = np.ceil(extent / (2.0 * fraction * largest))
            if np.prod(n_cells) * len(degrees) > _MAX_STATISTICS:
                continue
            half_sides = extent / (2.0 * n_cells)
            layout = FastGaussLayout(
                lower,
                upper,
                float(bandwidth),
                n_cells.astype(np.int64),
                half_sides,
                order,
                degrees,
                half_sides + math.sqrt(-2.0 * math.log(allowed)),
                allowed + _rounding_bound(half_sides, degrees, basis),
                _weights(half_sides, degrees, basis),
                basis,
            )
            deviation = layout.noise_deviation(layout.multipliers(noise))
            if layout.truncation <= tolerance and (best is None or deviation < best[0]):
                best = deviation, layout
    if best is None:
        raise ValueError(
            f"No grid of at most {_MAX_STATISTICS} moments covers bounds={bounds!r} at "
            f"bandwidth={bandwidth!r} with tolerance={tolerance!r}; widen the bandwidth or the "
            "tolerance, or take features='orthogonal'."
        )
    return best[1]


def _taylor_bound(length, order):
    """``lengthᵖ E|N|ᵖ / p!``."""
    log_moment = 0.5 * order * math.log(2.0) + gammaln((order + 1) / 2.0) - 0.5 * math.log(math.pi)
    return math.exp(order * math.log(length) + log_moment - gammaln(order + 1.0))


@functools.cache
def _degrees_and_basis(order, dim):
    degrees = np.array(
        [d for d in np.ndindex(*(order,) * dim) if sum(d) < order], dtype=np.int64
    ).reshape(-1, dim)
    powers = np.zeros((order, order))
    for k in range(order):
        powers[k, : k + 1] = chebyshev.poly2cheb(np.eye(order)[k, : k + 1])
    basis = np.ones((len(degrees), len(degrees)))
    for j in range(dim):
        basis *= powers[np.ix_(degrees[:, j], degrees[:, j])]
    return degrees, basis


def _weights(half_sides, degrees, basis):
    """Sum over the cells of the squared coefficients of each Chebyshev moment, in the mean."""
    k = np.arange(degrees.max() + 1)
    even = (k[:, None] - k) % 2 == 0
    sign = np.where((k[:, None] - k) % 4 == 0, 1.0, -1.0)
    integrals = even * sign * gamma((k[:, None] + k + 1) / 2.0)
    gram = np.ones((len(degrees), len(degrees)))
    for j, a in enumerate(half_sides):
        factor = a**k / gamma(k + 1.0)
        one = integrals * factor[:, None] * factor / (2.0 * a)
        gram *= one[np.ix_(degrees[:, j], degrees[:, j])]
    return np.sum(basis * (gram @ basis), axis=0)


def _rounding_bound(half_sides, degrees, basis):
    """Half an integer step in every moment times the largest coefficients."""
    largest = np.ones(len(degrees))
    for j, a in enumerate(half_sides):
        bounds = np.array([_taylor_bound(a, k) for k in range(degrees.max() + 1)])
        largest *= bounds[degrees[:, j]]
    return 0.5 / 2**BITS_VALUE * float(np.sum(largest @ np.abs(basis)))


def fast_gauss_moments(X, layout, *, n_jobs=None):
    """Sum the records' integer moments by cell.

    Returns an int64 array of shape (number of cells, n_moments). Costs O(n · n_moments).
    """
    sums = np.zeros((int(layout.n_cells.prod()), layout.n_moments), dtype=np.int64)
    lock = threading.Lock()

    def work(part):
        cells, moments = fast_gauss_record_moments(X[part], layout)
        with lock:
            compiled.add_moments(cells, moments, sums)

    run_slices(work, X.shape[0], slice_size=_SLICE_RECORDS, n_jobs=n_jobs)
    return sums


def fast_gauss_record_moments(X, layout):
    """Cell and integer moments of each record, of shapes (n,) and (n, n_moments)."""
    cells = np.empty(X.shape[0], dtype=np.int64)
    moments = np.empty((X.shape[0], layout.n_moments), dtype=np.int64)
    compiled.record_moments(
        silently_as(np.float64, X),
        layout.lower,
        layout.upper,
        layout.n_cells / (layout.upper - layout.lower),
        layout.n_cells,
        layout.degrees,
        layout.limit,
        cells,
        moments,
    )
    return cells, moments


def fast_gauss_query(statistics, layout, Y):
    """Estimate kernel sums at queries from (noisy) moments, in or out of the box.

    Returns an array of shape (n_queries,). Costs O(moments of the cells within reach) a query,
    and once O(number of cells · n_moments²).
    """
    # From Chebyshev moments to those of powers, which the coefficients at a query are of.
    coefficients = (statistics / layout.limit) @ layout.basis.T
    missing = MAX_DIM - layout.dim

    def padded(values, fill):
        return np.append(values, np.full(missing, fill))

    out = np.empty(Y.shape[0])
    compiled.expansion_sums(
        np.ascontiguousarray(Y, dtype=np.float64),
        padded(layout.lower, 0.0),
        padded(2.0 * layout.half_sides * layout.bandwidth, 1.0),
        padded(layout.half_sides, 1.0),
        layout.bandwidth,
        padded(layout.n_cells, 1),
        padded(layout.reach, 0.0),
        np.pad(layout.degrees, ((0, 0), (0, missing))),
        np.ascontiguousarray(coefficients),
        out,
    )
    return out

"""The improved Sheather-Jones bandwidth in one dimension."""

# Reference: Botev, Grotowski and Kroese, *Kernel density estimation via diffusion*, Annals of
# Statistics 2010.

import warnings

import numpy as np
from scipy.fft import dct
from scipy.optimize import brentq

from kernlab.density._covariance import effective_sample_size, silverman_factor
from kernlab.exceptions import BandwidthWarning

# Cells of the grids, each taken where the bandwidth is below _CELLS cells of the one before.
_GRIDS, _CELLS = (2**12, 2**14, 2**16, 2**18, 2**20), 4.0
# The data's range is widened by this share on either side, so that the reflection of the cosine
# transform at the ends of the grid meets no mass.
_MARGIN = 0.1
# Derivatives in the chain of plug-in estimates.
_STAGES = 7
# The search for log t goes in these steps up to the largest t, the square of a third of the range.
_STEP, _LARGEST = 0.3, 0.1


# Twice the constant of the largest bandwidth that any density of one deviation needs.
_OVERSMOOTHED = 2 * 1.144


def bandwidth_isj(x, sample_weight=None):
    """Improved Sheather-Jones bandwidth of one-dimensional data for the Gaussian kernel.

    A plug-in bandwidth that assumes no reference density: the squared norms of derivatives of the
    density are estimated through a chain of seven bandwidths that closes on itself. It follows
    several modes of unlike widths, which Scott's and Silverman's rules smooth away.

    Parameters
    ----------
    x : array-like of shape (n_samples,)
        Finite real numbers, at least two of them different.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; only their ratios matter.

    Returns
    -------
    h : float
        Standard deviation of the kernel, in the units of ``x``. It follows a change of units or of
        origin.

    Raises
    ------
    ValueError
        For bad input, or data that is constant.

    Warns
    -----
    BandwidthWarning
        Where the equation has no solution, as on a few points, or where outliers stretch the data
        over so many bandwidths that no grid resolves it; then Silverman's rule on the smaller of
        the standard deviation and the scaled interquartile range is returned.

    Notes
    -----
    The data is binned linearly to 4096 cells, more where the bandwidth is below four cells; the
    cost is O(n log n). Of several solutions of the equation the smallest is taken. Equal values
    are one value of their total weight, and the sample size is Kish's effective number of those:
    rounded data is smoothed as the fewer distinct values it holds, and repeating a row is the same
    as doubling its weight.

    References
    ----------
    .. [1] Z. I. Botev, J. F. Grotowski, D. P. Kroese, "Kernel density estimation via diffusion",
       Annals of Statistics, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import bandwidth_isj
    >>> x = np.random.default_rng(0).normal(size=1000)
    >>> x = np.concatenate([x, 10 + x / 10])
    >>> round(bandwidth_isj(x), 3)
    0.032
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"x has shape {x.shape}; give a one-dimensional array of numbers.")
    if not np.all(np.isfinite(x)):
        raise ValueError("x contains NaN or infinity; drop those entries.")
    if sample_weight is None:
        weights = np.ones(x.size)
    else:
        weights = np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != x.shape:
            raise ValueError(
                f"sample_weight has shape {weights.shape}, expected {x.shape}: one for each entry."
            )
        if not (np.all(np.isfinite(weights)) and np.all(weights >= 0) and np.any(weights > 0)):
            raise ValueError("sample_weight must be finite and non-negative, and not all zero.")
    return bandwidth_isj_between(x, weights, -np.inf, np.inf)


def bandwidth_isj_between(x, weights, low, high):
    """The same for checked data between bounds, infinite where there is none.

    The cosine transform reflects the data at the ends of its grid; where an end is a bound, that is
    what an estimate reflected there does.
    """
    weights = np.ones(x.size) if weights is None else weights
    x, weights = x[weights > 0], weights[weights > 0] / weights.max()
    values, place = np.unique(x, return_inverse=True)
    if values.size < 2:
        raise ValueError(
            f"x is constant ({values[0]!r}), and no bandwidth follows from that; give a number."
        )
    weights = np.bincount(place, weights)
    if weights.max() >= weights.sum() * (1 - 1e-12):
        raise ValueError(
            "one value of x carries all of sample_weight, and no bandwidth follows from that; give "
            "a number."
        )
    # Halves first: the difference of the extremes may overflow.
    half = values[-1] / 2 - values[0] / 2
    below = min(_MARGIN, (values[0] / 2 - low / 2) / half)
    above = min(_MARGIN, (high / 2 - values[-1] / 2) / half)
    widened = 1 + below + above
    units = ((values / 2 - values[0] / 2) / half + below) / widened
    free = below == above == _MARGIN
    return float(half * (2 * widened * _of_values(units, weights, free)))


def _of_values(u, weights, free):
    """Bandwidth of distinct values ``u`` inside [0, 1]; ``free`` of bounds or not."""
    n_eff = effective_sample_size(u.size, weights)
    share = weights / weights.sum()
    # No density of this deviation needs more (Terrell 1990), but for the scatter of an estimate.
    largest = np.inf
    if free:
        deviation = np.sqrt(share @ (u - share @ u) ** 2)
        largest = _OVERSMOOTHED * deviation * n_eff**-0.2
    for n_cells in _GRIDS:
        h, finer = _on_grid(_binned(u, share, n_cells), n_eff)
        if h is not None and h > largest:
            break
        if h is not None:
            return h
        if not finer:
            break
    h = _normal_reference(u, share, n_eff)
    warnings.warn(
        "the improved Sheather-Jones equation has no solution that a grid resolves, for want of "
        "points, because outliers stretch the data over very many bandwidths or because a few "
        "values hold most of the weight; Silverman's rule is used. Drop the outliers or the "
        "repeated value, or use bandwidth='lscv'.",
        BandwidthWarning,
        stacklevel=3,
    )
    return h


def _normal_reference(u, share, n_eff):
    mean = share @ u
    deviation = np.sqrt(share @ (u - mean) ** 2)
    # Steps, not lines between them: half the data at one value has no quartiles to speak of.
    reached = np.cumsum(share) * (1 + 1e-12)
    lower, upper = u[np.searchsorted(reached, [0.25, 0.75])]
    # The quartiles of the standard normal are 1.349 apart.
    quartiles = (upper - lower) / 1.349
    return silverman_factor(n_eff, 1) * (min(deviation, quartiles) if quartiles > 0 else deviation)


def _binned(u, share, n_cells):
    """Weights shared out to the centres of the two nearest cells."""
    # At a bound, the reflection of half a cell has the centre of the first cell in the middle.
    place = np.clip(u * n_cells - 0.5, 0.0, n_cells - 1.0)
    cell = np.minimum(np.floor(place).astype(np.int64), n_cells - 2)
    right = place - cell
    counts = np.bincount(cell, share * (1 - right), n_cells)
    return counts + np.bincount(cell + 1, share * right, n_cells)


def _on_grid(counts, n_eff):
    """The smallest solution of ``t = ξ γ(t)`` (equation 30 of the reference), as ``√t``.

    None where there is none; then also whether one may lie below what the grid resolves.
    """
    frequency = np.arange(1, counts.size, dtype=np.float64) ** 2  # k²
    power = (dct(counts, type=2)[1:] / 2) ** 2

    def excess(log_t):
        t = np.exp(log_t)
        norm = _squared_norm(_STAGES, t, frequency, power)
        for s in range(_STAGES - 1, 1, -1):
            odd = np.prod(np.arange(1, 2 * s, 2)) / np.sqrt(2 * np.pi)
            pilot = (1 + 0.5 ** (s + 0.5)) / 3 * 2 * odd / (n_eff * norm)
            norm = _squared_norm(s, pilot ** (2 / (3 + 2 * s)), frequency, power)
        return log_t + 0.4 * np.log(2 * n_eff * np.sqrt(np.pi) * norm)

    low, high = 2 * np.log(_CELLS / counts.size), np.log(_LARGEST)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if excess(low) >= 0:
            return None, True
        while low < high:
            if excess(low + _STEP) >= 0:
                return float(np.exp(brentq(excess, low, low + _STEP, xtol=1e-13) / 2)), False
            low += _STEP
    return None, False


def _squared_norm(s, t, frequency, power):
    """``‖f^(s)‖²`` of the data smoothed to time ``t`` (equation 23)."""
    # Terms of larger exponent are nothing beside those about the exponent s.
    used = np.searchsorted(frequency, 150.0 / (np.pi**2 * t) + 1)
    k2 = frequency[:used]
    return 2 * np.pi ** (2 * s) * np.sum(k2**s * power[:used] * np.exp(-k2 * np.pi**2 * t))

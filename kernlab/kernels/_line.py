"""Sums of Gaussians on a line: the fast Gauss transform, with an error bound for every query.

Points are sorted into boxes one ``√2·h`` wide, and each box is replaced by some 26 moments about
its centre. A query adds up the expansions of the boxes within reach, at most sixteen, whatever the
number of points. What the expansions may err by is added up beside the sum; a query where that is
too much, as in the tails, is summed directly over the points near enough to matter. So the relative
error is bounded everywhere, also where the sum itself is 1e-300 of the largest.
"""

# References: Greengard and Strain, *The fast Gauss transform*, SIAM J. Sci. Stat. Comput. 12, 1991;
# the expansion is that of Yang, Duraiswami and Gumerov, *Improved fast Gauss transform*, 2003.

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from kernlab._core.threads import run_slices

# The tightest relative error that the expansions reach with room for rounding.
TIGHTEST = 1e-13
# Ulps of the largest coordinate that a box is wide at least: so the middle of a box is rounded to
# a millionth of its width, and boxes are counted exactly.
_LEAST_WIDTH = 2.0**20
_SLICE = 2**14


@dataclass(frozen=True)
class LineSources:
    """Points on a line prepared for the fast Gauss transform; arrays and scalars only."""

    places: np.ndarray
    points: np.ndarray
    log_weights: np.ndarray | None
    centres: np.ndarray
    inverse: float
    reach: float
    moments: np.ndarray
    masses: np.ndarray
    total_mass: float
    remainder: float
    tolerance: float
    log_scale: float
    log_range: float


def line_is_fine(points, h):
    """Whether boxes as wide as the kernel are many ulps of the coordinates wide."""
    width = math.sqrt(2.0) * h
    return width >= _LEAST_WIDTH * np.spacing(float(np.max(np.abs(points))))


def prepare_line(points, *, h, weights=None, tolerance=TIGHTEST):
    """Expand ``Σ w exp(-(y-x)²/2h²)`` of points ``x`` on a line.

    Parameters
    ----------
    points : (n,) float64 array
    h : float
    weights : (n,) array or None
    tolerance : float
        Relative error of the sums; at least :data:`TIGHTEST`.
    """
    from kernlab.kernels import _line_numba as compiled

    # Of the sum found, so that it is the tolerance of the true one.
    tolerance = tolerance / (1 + tolerance)
    inverse = 1.0 / (math.sqrt(2.0) * h)
    order = np.argsort(points)
    points = points[order]
    places = np.empty(len(points), dtype=np.int64)
    places[order] = np.arange(len(points))
    log_weights, log_scale, log_range = None, 0.0, 0.0
    if weights is not None:
        largest = weights.max()
        log_scale = float(np.log(largest))
        with np.errstate(divide="ignore"):
            log_weights = np.log(weights[order]) - log_scale
        log_range = float(-log_weights[weights[order] > 0].min())
    width = 2 * compiled.HALF_WIDTH / inverse
    if not line_is_fine(points, h):
        raise ValueError(
            f"bandwidth={h!r} is too small for algorithm='fgt' on X, whose coordinates go up to "
            f"{np.max(np.abs(points)):.3g} and are rounded to less than a millionth of that width; "
            "use algorithm='exact'."
        )
    numbers = np.floor((points - points[0]) / width)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1.0))
    centres = points[0] + (numbers[starts] + 0.5) * width
    starts = np.append(starts, len(points))
    n_terms = _terms(tolerance / 100)
    n_boxes = len(centres)
    moments = np.zeros((n_terms, n_boxes + compiled.LANES))
    masses = np.zeros(n_boxes + compiled.LANES)
    compiled.box_moments(points, log_weights, starts, centres, inverse, moments, masses)
    # All that lies out of reach is below a hundredth of the tolerance beside one point of weight
    # one, unless the boxes in reach would be more than a vector holds.
    reach = compiled.HALF_WIDTH + math.sqrt(math.log(100 * len(points) / tolerance))
    return LineSources(
        places=places,
        points=points,
        log_weights=log_weights,
        centres=np.append(centres, np.full(compiled.LANES, np.inf)),
        inverse=inverse,
        reach=min(reach, (compiled.LANES - 1) * compiled.HALF_WIDTH),
        moments=moments,
        masses=masses,
        total_mass=float(masses.sum()),
        remainder=_remainder(n_terms),
        tolerance=tolerance,
        log_scale=log_scale,
        log_range=log_range,
    )


def line_log_sums(line, queries=None, *, own=None, n_jobs=None, verbose=0):
    """Logarithms of the sums, and bounds on the errors of the logarithms.

    Parameters
    ----------
    line : LineSources
    queries : (m,) float64 array or None
        None takes every point and leaves out its own term.
    own : (m,) array of int or None
        With queries, the point that each leaves out.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`

    Returns
    -------
    log_sums, errors : (m,) arrays
    """
    from kernlab.kernels import _line_numba as compiled

    if queries is None:
        queries, own = line.points[line.places], slice(None)
    m = len(queries)
    places = np.full(m, -1) if own is None else line.places[own]
    log_sums, errors = np.empty(m), np.empty(m)

    def work(part):
        compiled.line_sums(
            queries[part],
            places[part],
            line.points,
            line.log_weights,
            line.centres,
            line.inverse,
            line.reach,
            line.moments,
            line.masses,
            line.total_mass,
            line.remainder,
            line.tolerance,
            log_sums[part],
            errors[part],
        )

    run_slices(
        work, m, slice_size=_SLICE, n_jobs=n_jobs, verbose=verbose, label="fast Gauss transform"
    )
    # The rounding of large energies and log weights, and of the logarithm.
    size = np.abs(np.where(np.isfinite(log_sums), log_sums, 0.0)) + line.log_range
    log_sums += line.log_scale
    errors = -np.log1p(-errors)  # what was found may be too much
    errors += 4 * np.finfo(float).eps * (size + abs(line.log_scale))
    return log_sums, errors


def _remainder(n_terms):
    """Bound on ``|a|^P/P! exp(-(|a|-½)²)``, the truncation of one point at distance ``a``.

    The exponential series of ``2at``, ``|t| ≤ ½``, leaves ``|2at|^P/P! max(1, exp(2at))``.
    """
    a = (0.5 + math.sqrt(0.25 + 2 * n_terms)) / 2  # where it is largest
    # Middles of boxes are rounded, so that |t| may pass ½ by a millionth.
    return 1.001 * math.exp(n_terms * math.log(a) - gammaln(n_terms + 1) - (a - 0.5) ** 2)


def _terms(remainder):
    n_terms = 4
    while _remainder(n_terms) > remainder:
        n_terms += 1
    return n_terms

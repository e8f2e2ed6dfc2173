"""Plug-in and smoothed cross-validation bandwidth matrices.

Both minimise an estimate of the mean integrated squared error over all bandwidth matrices ``H``.
The unknown in it, the density's curvature, is estimated by sums over pairs of points with a pilot
bandwidth ``g``, which again has an unknown in it: two stages on, the normal reference ends the
chain. Everything here is in sphered coordinates, in which one number ``g`` can serve all
directions; in one dimension the plug-in bandwidth is Sheather and Jones's direct one.
"""

# References: Wand and Jones, *Multivariate plug-in bandwidth selection*, 1994; Chacón and Duong,
# *Multivariate plug-in bandwidth selection with unconstrained pilot bandwidth matrices*, Test
# 2010; Duong and Hazelton, *Cross-validation bandwidth matrices for multivariate kernel density
# estimation*, 2005.

import itertools
import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.density._covariance import effective_sample_size, kept_or_drawn

# Rows whose pairs tell how wide clusters are, and the steps in which they do.
_LOCAL_ROWS, _LOCAL_STEPS = 300, 300
# Weight of a pair in the local covariance: exp(-δ²/(2c)). A smaller c leaves more clusters behind
# one another, and takes the features of one density for clusters.
_LOCALITY = 0.5
# Least eigenvalue, relative to the covariance, that a local covariance has within a cluster; below
# the second it is one of repeated values.
_APART, _FLAT = 0.02, 1e-24
# Pairs to a call of compiled code: worth a thread, and interrupts get a turn.
_PAIRS = 2**22


class Points(NamedTuple):
    """Sphered points as compiled sums read them: (d, n) columns and weights that sum to 1."""

    columns: np.ndarray
    weights: np.ndarray
    n_eff: float
    n_jobs: int
    verbose: int

    @property
    def n_features(self):
        return len(self.columns)


def points_of(sphered, weights, *, n_jobs, verbose):
    """Prepare sphered points, a NumPy array of shape (n, d)."""
    n = len(sphered)
    n_eff = effective_sample_size(n, weights)
    share = np.full(n, 1.0 / n) if weights is None else weights / weights.max()
    share = share / share.sum()
    columns = np.ascontiguousarray(sphered.T)
    return Points(columns, share, n_eff, effective_n_jobs(n_jobs), verbose)


# --- Clusters far apart ---------------------------------------------------------------------------


def cluster_root(sphered, weights):
    """Root of the covariance within clusters where they lie far apart, else None.

    The normal reference and the one pilot bandwidth need points that have roughly unit variance
    where they lie, not over all the empty space between. The covariance ``W`` sought is the one of
    differences of pairs that are near by ``W`` itself, corrected so that it is a normal sample's
    own; the search comes from above, and so ends at the widest. It follows linear maps.

    Parameters
    ----------
    sphered : (n, d) array
        Points of unit covariance; what comes is relative to that.
    weights : (n,) array or None
    """
    (sphered, weights), d = kept_or_drawn(sphered, weights, _LOCAL_ROWS), sphered.shape[1]
    i, j = np.triu_indices(len(sphered), 1)
    delta = sphered[i] - sphered[j]
    pair_weights = np.ones(len(i)) if weights is None else (weights / weights.max())[[i, j]].prod(0)
    counted = (pair_weights > 0) & (delta != 0).any(axis=1)
    delta, pair_weights = delta[counted], pair_weights[counted]
    W, least = np.eye(d), 1.0
    for _ in range(_LOCAL_STEPS):
        z = delta @ np.linalg.inv(np.linalg.cholesky(W)).T
        share = pair_weights * np.exp(-np.sum(z * z, axis=1) / (2 * _LOCALITY))
        # Too few to tell a covariance: what there is may be a density of no clusters.
        if np.sum(share) ** 2 <= 10 * d * (d + 1) * np.sum(share * share):
            return None
        W = (0.5 + 1 / _LOCALITY) * (delta.T * (share / np.sum(share))) @ delta
        before, least = least, float(np.linalg.eigvalsh(W)[0])
        if least < _FLAT:
            return None
        if abs(least - before) < 0.01 * before:
            break
    return np.linalg.cholesky(W) if least < _APART else None


# --- Functionals of the density -------------------------------------------------------------------


def multi_indices(d, order):
    """All ``α`` with ``Σ α_k = order``, as rows, and how often each stands in the full tensor."""
    rows = np.array(
        [
            np.bincount(choice, minlength=d)
            for choice in itertools.combinations_with_replacement(range(d), order)
        ],
        dtype=np.int64,
    ).reshape(-1, d)
    factorials = [[math.factorial(a) for a in row] for row in rows]
    return rows, np.array([math.factorial(order) / math.prod(row) for row in factorials])


def normal_derivatives(rows, scale):
    """``∂^α`` at 0 of the normal density of standard deviation ``scale`` in every direction."""
    at_zero = [0.0 if a % 2 else (-1) ** (a // 2) * _odd_factorial(a - 1) for a in range(13)]
    values = np.prod(np.array(at_zero)[rows], axis=1)
    d, order = rows.shape[1], int(rows[0].sum())
    return values * (2 * np.pi) ** (-d / 2) * scale ** (-d - order)


def _odd_factorial(k):
    return math.prod(range(k, 0, -2))


def _functional(points, rows, g):
    """``ψ_α = ∫ f ∂^α f`` for the rows ``α`` of one even order, by the pilot bandwidth ``g``."""
    d, order = points.n_features, int(rows[0].sum())
    sums = _pair_sums(points, points.columns / g, rows)
    pairs = 2 * sums * (2 * np.pi) ** (-d / 2) * g ** (-d - order)
    return pairs + normal_derivatives(rows, g) / points.n_eff


def _pair_sums(points, columns, rows):
    from kernlab.density._pairs_numba import hermite_sums

    n = columns.shape[1]
    size = max(1, _PAIRS // n)
    parts = np.zeros((-(-n // size), len(rows)))
    order = max(1, int(rows.max()))

    def work(part):
        sums = parts[part.start // size]
        hermite_sums(columns, points.weights, part.start, part.stop, rows, order, sums)

    run_slices(
        work, n, slice_size=size, n_jobs=points.n_jobs, verbose=points.verbose, label="pairs"
    )
    return parts.sum(axis=0)


def _laplacian(rows, above):
    """``Σ_k ψ_(α + 2e_k)`` from the functionals ``above``, a dictionary two orders up."""
    steps = 2 * np.eye(rows.shape[1], dtype=np.int64)
    return np.array([sum(above[tuple(row + step)] for step in steps) for row in rows])


def _pilot(rows, multiplicity, above, n_eff):
    """The ``g`` that minimises the squared leading bias ``A/(n g^p) + g² B/2`` over the tensor.

    ``p = d + order``. Where ``A`` and ``B`` are numbers of unlike sign it makes the bias vanish.
    """
    p = rows.shape[1] + int(rows[0].sum())
    own = normal_derivatives(rows, 1.0) / n_eff
    spread = _laplacian(rows, above)
    aa, ab, bb = (
        np.sum(multiplicity * x * y) for x, y in ((own, own), (own, spread), (spread, spread))
    )
    y = ((p - 2) * ab + np.sqrt((p - 2) ** 2 * ab**2 + 8 * p * aa * bb)) / (2 * bb)
    return y ** (1 / (p + 2))


def curvature(points):
    """Fourth-order functionals after two stages: their rows, values and pilot bandwidth."""
    d = points.n_features
    rows8, _ = multi_indices(d, 8)
    # ∫ f ∂^α f for the standard normal f: the density of a difference, at 0.
    psi = dict(zip(map(tuple, rows8), normal_derivatives(rows8, math.sqrt(2)), strict=True))
    g = math.nan
    for order in (6, 4):
        rows, multiplicity = multi_indices(d, order)
        g = _pilot(rows, multiplicity, psi, points.n_eff)
        psi = dict(zip(map(tuple, rows), _functional(points, rows, g), strict=True))
    return psi, g


# --- Bandwidth matrices ---------------------------------------------------------------------------


def plugin_matrix(points, n_eff):
    """``H`` that minimises the asymptotic error with estimated curvature.

    ``n_eff`` is the size of the sample that ``H`` is for; the curvature may come from fewer points.
    """
    psi, _ = curvature(points)
    points = points._replace(n_eff=n_eff)
    return _minimise(_asymptotic_error(points, psi), points)


def _asymptotic_error(points, psi):
    d = points.n_features
    tensor = np.empty((d,) * 4)
    for place in itertools.product(range(d), repeat=4):
        tensor[place] = psi[tuple(np.bincount(place, minlength=d))]

    def error(H):
        rough, slope = _roughness(H, points.n_eff)
        bend = np.einsum("ijkl,kl->ij", tensor, H)
        return rough + np.sum(H * bend) / 4, slope + bend / 2

    return error


def smoothed_cross_validation_matrix(points):
    """``H`` that minimises the error about a pilot estimate of the density.

    The bias of an estimate with ``H`` is that of smoothing the pilot once more; its pilot
    bandwidth is the plug-in's for the functional of fourth order, whose kernel is a pair of ours.
    """
    psi, g4 = curvature(points)
    start = _minimise(_asymptotic_error(points, psi), points)
    d = points.n_features
    pilot = g4**2 * np.eye(d)
    rest, _ = _mean_density(points, pilot)

    def error(H):
        rough, slope = _roughness(H, points.n_eff)
        twice, twice_slope = _mean_density(points, 2 * H + pilot)
        once, once_slope = _mean_density(points, H + pilot)
        return rough + twice - 2 * once + rest, slope + 2 * twice_slope - 2 * once_slope

    return _minimise(error, points, start)


def _roughness(H, n_eff):
    """``∫ K_H² / n`` and its gradient."""
    d = len(H)
    value = (4 * np.pi) ** (-d / 2) / math.sqrt(np.linalg.det(H)) / n_eff
    return value, -value / 2 * np.linalg.inv(H)


def _mean_density(points, covariance):
    """``Σ_ij w_i w_j φ(x_i - x_j; C)`` over all pairs, and its gradient in ``C``."""
    d = points.n_features
    factor = np.linalg.cholesky(covariance)
    inverse = np.linalg.inv(factor)
    second, _ = multi_indices(d, 2)
    rows = np.vstack([np.zeros((1, d), dtype=np.int64), second])
    sums = 2 * _pair_sums(points, np.ascontiguousarray(inverse @ points.columns), rows)
    # A point with itself: He_2(0) = -1.
    sums += np.prod(np.array([1.0, 0.0, -1.0])[rows], axis=1) / points.n_eff
    sums *= (2 * np.pi) ** (-d / 2) / np.prod(np.diag(factor))
    slope = np.empty((d, d))
    for row, value in zip(second, sums[1:], strict=True):
        i, j = np.repeat(np.arange(d), row)
        slope[i, j] = slope[j, i] = value / 2
    return sums[0], inverse.T @ slope @ inverse


def _minimise(error, points, start=None):
    """The minimum over positive definite matrices, through the logarithm of a Cholesky factor.

    In units of the normal reference, whose error is near 1; the estimated asymptotic error is
    convex in ``H``, so its minimum is the only one.
    """
    d = points.n_features
    unit = (4 / (points.n_eff * (d + 2))) ** (1 / (d + 4))
    size = error(unit**2 * np.eye(d))[0]
    lower = np.tril_indices(d)
    diagonal = lower[0] == lower[1]

    def factor_of(parameters):
        factor = np.zeros((d, d))
        factor[lower] = np.where(diagonal, np.exp(np.clip(parameters, -30, 30)), parameters)
        return factor

    def objective(parameters):
        factor = factor_of(parameters)
        value, slope = error(unit**2 * factor @ factor.T)
        gradient = (2 * unit**2 * slope @ factor)[lower]
        return value / size, np.where(diagonal, gradient * factor[lower], gradient) / size

    first = np.zeros(len(diagonal))
    if start is not None:
        first = np.linalg.cholesky(start / unit**2)[lower]
        first = np.where(diagonal, np.log(np.where(diagonal, first, 1.0)), first)
    found = minimize(objective, first, jac=True, method="BFGS", options={"gtol": 1e-7})
    factor = unit * factor_of(found.x)
    return factor @ factor.T

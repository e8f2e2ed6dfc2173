"""Distance sums that are sums over coordinates: of the columns themselves, or along directions."""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from kernlab._core.jit import njit
from kernlab._core.threads import run_slices
from kernlab.privacy._bins_numba import bin_columns, bin_projections
from kernlab.privacy._dyadic import Dyadic
from kernlab.privacy._hats import Hats
from kernlab.privacy._law import as_weights, short_bound

QUERY_ROWS = 4096
# Relative error of a sum of l2 distances from one direction, where the directions are orthogonal:
# measured on mixtures. Sizes and plans rest on it, no guarantee does.
DIRECTION_ERROR = 0.05


@dataclass(frozen=True)
class ColumnSums:
    """Σ_x Σ_j factor·|z_j(x) - z_j(y)|^p, the z_j being columns or projections.

    Attributes
    ----------
    line : Hats or Dyadic
        What is released of each coordinate.
    low, high : float64 arrays of shape (d,)
        The public box of records.
    center : float64 array of shape (d,)
    directions : float64 array of shape (d, k), or None
        Unit vectors; None for the columns themselves.
    reach : float64 array of shape (k,), or None
        Projections of ``x - center`` are clipped to ``±reach``.
    factor : float
    """

    line: Hats | Dyadic
    low: np.ndarray
    high: np.ndarray
    center: np.ndarray
    directions: np.ndarray | None = field(default=None)
    reach: np.ndarray | None = field(default=None)
    factor: float = 1.0

    @property
    def ends(self):
        """Ends of the interval of each coordinate."""
        return (self.low, self.high) if self.reach is None else (-self.reach, self.reach)

    @property
    def widths(self):
        low, high = self.ends
        return high - low

    @property
    def grid(self):
        """Step of the grid of each coordinate, in units of the data."""
        return self.widths / 2**self.line.bits

    @property
    def shapes(self):
        return [(len(self.widths), size) for size in self.line.sizes]

    @property
    def units(self):
        """Value of one coordinate's interval in the sum."""
        return self.factor * self.widths**self.line.power

    @property
    def count_weight(self):
        """What one record of the noisy count adds to a typical query."""
        return float(np.sum(self.units)) * self.line.count_weight

    def calibrate(self, law, allotment, *, pairs):
        """Scales, one for each statistic and coordinate, and what they spend exactly.

        A record touches every coordinate, so that these share the allotment: wide ones get more,
        for their noise weighs more.
        """
        shares = law.split(self.units**2)
        spent, found, scales = 0, {}, []
        for share, weight in zip(shares, as_weights(shares), strict=True):
            if share not in found:
                most = allotment * weight
                line_scales, line_spent = self.line.calibrate(law, most, pairs=pairs)
                # Short, so that thousands of them can be added up.
                found[share] = line_scales, short_bound(line_spent, most)
            scales.append(found[share][0])
            spent += found[share][1]
        return [np.array(s, dtype=np.int64)[:, None] for s in zip(*scales, strict=True)], spent

    def variance(self, law, scales):
        """Variance of the noise of a query that is uniform in the box, without the count's."""
        columns = np.concatenate(scales, axis=1)
        distinct, which = np.unique(columns, axis=0, return_inverse=True)
        each = np.array([self.line.variance(law, row) for row in distinct])
        return float(each[which.ravel()] @ self.units**2)

    def approximation(self, n):
        """Root mean square of what the statistics lose without noise, for uniform records."""
        loss = n * float(np.sum(self.units)) * self.line.loss
        if self.directions is None:
            return loss
        distance = math.sqrt(float(np.sum((self.high - self.low) ** 2)) / 6)
        spread = n * distance * DIRECTION_ERROR / math.sqrt(self.directions.shape[1])
        return math.hypot(loss, 0.0 if len(self.low) == 1 else spread)

    def sums(self, X, n_jobs=None):
        """Integer statistics of the records."""
        options = {
            "bits": self.line.bits,
            "n_cells": self.line.n_cells,
            "shift": self.line.shift,
            "n_jobs": n_jobs,
        }
        if self.directions is None:
            counts, sums = bin_columns(X, self.low, self.high, **options)
        else:
            box = self.low, self.high, self.center, self.directions, self.reach
            counts, sums = bin_projections(X, *box, **options)
        columns = [self.line.sums(*column) for column in zip(counts, sums, strict=True)]
        return [np.stack(parts) for parts in zip(*columns, strict=True)]

    def prepare(self, statistics, n):
        """Tables to answer queries from, of sums at the dyadic points of every coordinate."""
        return self.line.tables(statistics, n) * self.units[:, None]

    def _coordinates(self, Y):
        return Y if self.directions is None else (Y - self.center) @ self.directions

    def query(self, tables, n, Y, n_jobs=None):
        """Sums at the rows of ``Y``; beyond an end they grow as for records that all lie within."""
        Z = self._coordinates(Y)
        low, high = self.ends
        if self.line.power != 1 and np.any((low > Z) | (high < Z)):
            raise ValueError(
                "Queries for metric 'lp' must lie in bounds, for powers summed outside of them are "
                "not determined by what was released; some rows of Y lie outside. Use wider "
                "bounds, or metric='sqeuclidean' for p=2."
            )
        out = np.empty(len(Z))

        def work(rows):
            _interpolate(tables, Z[rows], low, high, n * self.factor, out[rows])

        run_slices(work, len(Z), slice_size=QUERY_ROWS, n_jobs=n_jobs)
        return out

    def coefficients(self, Y, scales):
        """Standard weights of the noise of every statistic in each query, and of the count."""
        Z = self._coordinates(Y)
        low, high = self.ends
        places = (Z - low) / (high - low)
        weights = self.line.coefficients(places) * self.units[:, None]
        each = np.repeat(np.concatenate(scales, axis=1), self.line.repeats, axis=1)
        beyond = np.maximum(low - Z, 0) + np.maximum(Z - high, 0)
        count = self.count_weight + self.factor * beyond.sum(axis=1)
        return (weights * each).reshape(len(Z), -1), count


@njit
def _interpolate(tables, Z, low, high, slope, out):
    n_cells = tables.shape[1] - 1
    for i in range(Z.shape[0]):
        total = 0.0
        for j in range(Z.shape[1]):
            z = np.float64(Z[i, j])
            inside = min(max(z, low[j]), high[j])
            place = (inside - low[j]) * (n_cells / (high[j] - low[j]))
            cell = min(np.int64(place), n_cells - 1)
            part = place - cell
            total += tables[j, cell] * (1.0 - part) + tables[j, cell + 1] * part
            total += slope * abs(z - inside)
        out[i] = total


def mean_absolute_cosine(d):
    """E|⟨u, z⟩| over directions u, for a unit vector z in ``d`` dimensions."""
    return math.exp(gammaln(d / 2) - gammaln((d + 1) / 2)) / math.sqrt(math.pi)


def draw_directions(d, n_projections, rng):
    """Unit vectors in blocks of orthogonal ones, each block turned at random.

    Returns
    -------
    directions : float64 array of shape (d, n_projections)
    """
    if d == 2:
        # In the plane, even angles: orthogonal pairs that share the half circle evenly.
        angles = np.pi * (np.arange(n_projections) + rng.random()) / n_projections
        return np.stack([np.cos(angles), np.sin(angles)])
    blocks = []
    for _ in range(-(-n_projections // d)):
        q, r = np.linalg.qr(rng.standard_normal((d, min(d, n_projections))))
        blocks.append(q * np.sign(np.diag(r)))
    return np.concatenate(blocks, axis=1)[:, :n_projections]

"""Sums of distances in one dimension by a binary tree of noisy counts, as in the paper.

The mechanism of Backurs et al. (2024): a tree of counts with the same noise at every level, and
distances rounded up to powers of ``1 + alpha`` times the smallest. With ``alpha=0`` the noisy
counts are integrated instead, which takes the rounding's bias away. Both are here to be compared
with; :mod:`kernlab.privacy._hats` has four to five times less noise than the second.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kernlab.privacy._law import COUNT_BITS, fit_scales

LINE_BITS = 30


@dataclass(frozen=True)
class Dyadic:
    """Binary tree of counts on an interval; the interface is that of ``Hats``.

    Attributes
    ----------
    alpha : float
        Relative rounding of distances; zero integrates the counts.
    levels : int
        Levels of the tree below its root.
    """

    alpha: float
    levels: int
    power = 1
    bits = LINE_BITS
    count_weight = 0.0

    @property
    def n_cells(self):
        return 2**self.levels

    @property
    def shift(self):
        return self.bits - self.levels

    @property
    def sizes(self):
        return [2**level for level in range(1, self.levels + 1)]

    @property
    def loss(self):
        """What rounding distances up adds to the sum of one uniform record, mean."""
        return self.alpha / 2 / 3 + 4.0**-self.levels / 6

    @property
    def repeats(self):
        """Coefficients that each statistic has."""
        return self.sizes

    def sums(self, counts, sums):
        """Counts of the nodes of each level, in fractions of ``2**-COUNT_BITS``."""
        return [
            counts.reshape(2**level, -1).sum(axis=1) << COUNT_BITS
            for level in range(1, self.levels + 1)
        ]

    def calibrate(self, law, allotment, *, pairs):
        """One scale for all levels: a record is counted once in each."""
        nodes = 2 if pairs else 1
        mass = np.full((self.levels, 1), nodes * 2 ** (COUNT_BITS * law.order), dtype=np.int64)
        return fit_scales(law, mass, np.ones(self.levels), allotment)

    def tables(self, statistics, n):
        """Sums at the dyadic points; see ``Hats.tables``."""
        levels = self.levels
        counts = [part / 2.0**COUNT_BITS for part in statistics]
        d, n_cells = len(counts[0]), 2**levels
        # Noisy number of records below each point: one node for each bit of its index.
        below = np.zeros((d, n_cells + 1))
        points = np.arange(n_cells + 1)
        for level, nodes in enumerate(counts, start=1):
            index = points >> (levels - level)
            odd = (index & 1) == 1
            below[:, odd] += nodes[:, index[odd] - 1]
        below[:, -1] = counts[0].sum(axis=1)
        if self.alpha == 0:
            above = below[:, -1:] - below
            zero = np.zeros((d, 1))
            left = np.concatenate([zero, np.cumsum(below[:, 1:] + below[:, :-1], axis=1)], axis=1)
            right = np.cumsum((above[:, 1:] + above[:, :-1])[:, ::-1], axis=1)[:, ::-1]
            return (left + np.concatenate([right, zero], axis=1)) / (2 * n_cells)
        table = np.zeros((d, n_cells + 1))
        n_rings = math.ceil(math.log(n_cells) / math.log1p(self.alpha)) + 1
        for side in (1, -1):
            for ring in range(n_rings):
                far = n_cells / (1 + self.alpha) ** ring
                near = n_cells / (1 + self.alpha) ** (ring + 1) if ring < n_rings - 1 else 0.0
                ends = [
                    np.clip(np.rint(points + side * r), 0, n_cells).astype(int) for r in (near, far)
                ]
                table += far / n_cells * side * (below[:, ends[1]] - below[:, ends[0]])
        return table

    def variance(self, law, scales):
        """Variance of a column's sum at a uniform query; see ``Hats.variance``."""
        weights = _weights(self)
        middle = (weights[1:] + weights[:-1]) / 2
        each = np.repeat(law.variance(scales), self.sizes)
        return float(np.mean(middle**2 @ each))

    def coefficients(self, places):
        """Weights of the noise of each node; see ``Hats.coefficients``."""
        weights = _weights(self)
        inside = np.clip(places, 0.0, 1.0) * 2**self.levels
        low = np.minimum(inside.astype(int), 2**self.levels - 1)
        part = (inside - low)[..., None]
        return np.abs(weights[low] * (1 - part) + weights[low + 1] * part)


@lru_cache(maxsize=4)
def _weights(tree):
    """The sums at the dyadic points as a linear map of the nodes, level by level."""
    unit = np.split(np.eye(sum(tree.sizes)), np.cumsum(tree.sizes)[:-1], axis=1)
    weights = tree.tables(unit, 0.0).T
    weights.flags.writeable = False
    return weights

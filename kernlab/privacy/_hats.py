"""Sums of powers of distances in one dimension, as hierarchical hats with integer coefficients.

For one coordinate k on the grid [0, K] and a convex power P, the function g(y) = P(|k - y|) is
interpolated at the dyadic points by Faber and Schauder's hats: two values at the ends, and for
every dyadic cell (a, b) with middle m the surplus g(a) + g(b) - 2g(m). For P(r) = r a surplus
vanishes unless the cell holds k, and is at most the cell's width otherwise: a record touches one
cell of each level, with geometrically falling weight, so that noise of geometrically falling scale
protects it at no logarithmic price. Sums over records are sums of integers.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kernlab.privacy._law import fit_scales

# Coordinates for the first power: finer than any noise will be. Sums stay below 2**63 for as many
# as 2**32 records.
LINE_BITS = 30
# For other powers the record's grid is a few bits finer than the hats', and values have so many.
POWER_BITS, VALUE_BITS = 4, 28
# Levels whose weight in a pair of records is found jointly; of finer ones the greatest is taken.
PAIR_LEVELS = 8


@dataclass(frozen=True)
class Hats:
    """Hierarchical hats of the p-th power on an interval.

    Attributes
    ----------
    power : float
        p, at least one.
    levels : int
        Levels of cells; the finest hats are 2^-levels of the interval wide at each side.

    Notes
    -----
    For each column the statistics are, in order, the difference of the end values, for p > 1 their
    sum about ``middle``, and the surpluses of the cells of levels 0, 1, … as one array each.
    """

    power: float
    levels: int

    @property
    def bits(self):
        """The interval is ``2**bits`` grid steps."""
        return LINE_BITS if self.power == 1 else self.levels + POWER_BITS

    @property
    def unit(self):
        """Integer value of the p-th power of the whole interval's length."""
        return 2**LINE_BITS if self.power == 1 else 2**VALUE_BITS

    @property
    def n_cells(self):
        """Cells in which records are counted."""
        return 2**self.levels if self.power == 1 else 2**self.bits + 1

    @property
    def shift(self):
        return self.bits - self.levels if self.power == 1 else 0

    @property
    def middle(self):
        """Public part of the sum of the two end values, for each record."""
        if self.power == 1:
            return self.unit
        values = self.powers
        ends = values + values[::-1]
        return int(ends.max() + ends.min()) // 2

    @property
    def count_weight(self):
        """What one record's share of the count adds to a sum, in units as for :meth:`tables`."""
        return self.middle / (2 * self.unit)

    @property
    def loss(self):
        """What interpolation adds to the sum of one uniform record at a uniform query, mean."""
        return 4.0**-self.levels / 6

    @property
    def powers(self):
        """Integer p-th powers of 0, 1, …, ``2**bits`` grid steps."""
        return _powers(self.power, self.bits)

    @property
    def n_ends(self):
        return 1 if self.power == 1 else 2

    @property
    def importance(self):
        """Mean square weight of each statistic at a uniform query: of a slope or a hat, 1/3."""
        return np.array([1 / 3] + [1.0] * (self.n_ends - 1) + [1 / 3] * self.levels)

    @property
    def sizes(self):
        """Length of each statistic of a column."""
        return [1] * self.n_ends + [2**level for level in range(self.levels)]

    @property
    def repeats(self):
        """Coefficients that each statistic has: a query meets one cell of each level."""
        return [1] * (self.n_ends + self.levels)

    def sums(self, counts, sums):
        """The statistics of one column's records, from the counts and sums of its cells."""
        return self.statistics(self._node_sums(counts, sums), int(counts.sum()))

    def _node_sums(self, counts, sums):
        """Σ P(|k - y|) at the dyadic points y, in exact integers."""
        if self.power == 1:
            below = np.concatenate([[0], np.cumsum(counts)])
            mass = np.concatenate([[0], np.cumsum(sums)])
            nodes = np.arange(2**self.levels + 1, dtype=np.int64) << self.shift
            return nodes * (2 * below - below[-1]) - 2 * mass + mass[-1]
        powers, step = self.powers, 2**POWER_BITS
        mirrored = np.concatenate([powers[:0:-1], powers])
        top = 2**self.bits
        nodes = range(0, top + 1, step)
        return np.array([counts @ mirrored[top - y : 2 * top + 1 - y] for y in nodes])

    def statistics(self, nodes, n):
        """The statistics of ``n`` records, from their integer sums at the dyadic points."""
        ends = [np.array([nodes[0] - nodes[-1]])]
        if self.n_ends == 2:
            ends.append(np.array([nodes[0] + nodes[-1] - n * self.middle]))
        return ends + [
            nodes[: -1 : 2 * half] + nodes[2 * half :: 2 * half] - 2 * nodes[half :: 2 * half]
            for half in (2 ** (self.levels - 1 - level) for level in range(self.levels))
        ]

    def tables(self, statistics, n):
        """Sums at the dyadic points from noisy statistics.

        Parameters
        ----------
        statistics : list of arrays of shape (d, size)
        n : float

        Returns
        -------
        tables : float64 array of shape (d, 2**levels + 1)
            In units of the p-th power of the interval's length.
        """
        odd = statistics[0].astype(np.float64)
        even = n * float(self.middle) + (statistics[1] if self.n_ends == 2 else 0.0)
        table = np.empty((len(odd), 2**self.levels + 1))
        table[:, :1], table[:, -1:] = even + odd, even - odd
        for level, surplus in enumerate(statistics[self.n_ends :]):
            half = 2 ** (self.levels - 1 - level)
            neighbours = table[:, : -1 : 2 * half] + table[:, 2 * half :: 2 * half]
            table[:, half :: 2 * half] = neighbours / 2 - surplus
        return table / (2 * self.unit)

    def masses(self, order, *, pairs):
        """Σ |v|^q of each statistic, for every record or pair of records that can be the worst.

        Parameters
        ----------
        order : int
            q.
        pairs : bool
            Of differences between two records, rather than of one.

        Returns
        -------
        masses : int64 array of shape (n_statistics, n_states)
        """
        return _masses(self, order, pairs)

    def calibrate(self, law, allotment, *, pairs):
        """Least scales of a column's statistics; see :func:`kernlab.privacy._law.fit_scales`."""
        scales, spent = _scales(self, law, allotment, pairs)
        return list(scales), spent

    def variance(self, law, scales):
        """Variance of a column's sum at a uniform query, in units of the interval's p-th power."""
        return float(self.importance @ law.variance(scales)) / (2 * self.unit) ** 2

    def coefficients(self, places):
        """Weights of the noise of each statistic in the sum at ``places``.

        Parameters
        ----------
        places : float64 array of shape (n_queries, d)
            In units of the interval.

        Returns
        -------
        coefficients : float64 array of shape (n_queries, d, n_statistics)
            For one unit of an integer statistic, in units as for :meth:`tables`.
        """
        inside = np.clip(places, 0.0, 1.0)
        ends = [np.abs(1 - 2 * inside)] + [np.ones_like(inside)] * (self.n_ends - 1)
        hats = []
        for level in range(self.levels):
            within = (inside * 2**level) % 1.0
            hats.append(1 - np.abs(2 * within - 1))
        return np.stack(ends + hats, axis=-1) / (2 * self.unit)


@lru_cache(maxsize=8)
def _powers(power, bits):
    steps = np.arange(2**bits + 1) / 2**bits
    return np.rint(np.ldexp(steps**power, VALUE_BITS)).astype(np.int64)


@lru_cache(maxsize=16)
def _masses(hats, order, pairs):
    if hats.power > 1:
        masses = _power_masses(hats, order)
        # |v - v'|^q is at most 2^(q-1) (|v|^q + |v'|^q), and either record may be the worst.
        return masses * 2**order if pairs else masses
    # Every statistic is linear in the record between these points, so that sums of absolute values
    # or of squares are convex between them, and greatest at one of them.
    joint = min(hats.levels, PAIR_LEVELS) if pairs else hats.levels
    points = np.arange(2**joint + 1, dtype=np.int64) << (hats.bits - joint)
    slope = 2 * points - 2**hats.bits
    rows = [np.abs(slope[:, None] - slope).ravel() if pairs else np.abs(slope)]
    rows[0] = rows[0] ** order
    for level in range(hats.levels):
        width = 2 ** (hats.bits - level)
        surplus = 2 * np.minimum(points % width, width - points % width)
        if not pairs:
            rows.append(surplus**order)
        elif level >= joint:
            rows.append(np.full_like(rows[0], 2 * width**order))
        else:
            # A point on an edge has no weight in the cells on either side.
            cell = points // width
            same = cell[:, None] == cell
            apart = surplus[:, None] ** order + surplus**order
            rows.append(np.where(same, np.abs(surplus[:, None] - surplus) ** order, apart).ravel())
    return np.array(rows)


@lru_cache(maxsize=64)
def _scales(hats, law, allotment, pairs):
    # Exact fractions over all records that tie take longer than a fit of some ten thousand.
    masses = hats.masses(law.order, pairs=pairs)
    highest = masses.max(axis=1).astype(float) ** (1 / law.order)
    return fit_scales(law, masses, law.best_scales(highest, hats.importance), allotment)


def _power_masses(hats, order):
    """Σ |v|^q of every record of the grid, each statistic's in a row."""
    top, powers = 2**hats.bits, hats.powers
    mirrored = np.concatenate([powers[:0:-1], powers])
    places = np.arange(0, top + 1, 2**POWER_BITS)
    masses = np.empty((hats.n_ends + hats.levels, top // 2 + 1), dtype=np.int64)
    for k in range(top // 2 + 1):  # the other half is its mirror image
        statistics = hats.statistics(mirrored[top + places - k], 1)
        masses[:, k] = [np.sum(np.abs(part) ** order) for part in statistics]
    return masses

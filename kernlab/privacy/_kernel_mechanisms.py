"""Kernel sums as mechanisms: what is released of each kind, and the noise of its queries."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermevander
from scipy.special import gammaln

from kernlab.privacy._fast_gauss import FastGaussLayout, fast_gauss_moments, fast_gauss_query
from kernlab.privacy._frequencies import DenseFrequencies, StructuredFrequencies
from kernlab.privacy._law import COUNT_BITS, fit_scales
from kernlab.privacy._race import RaceHashes, race_counts, race_noise_deviation, race_query
from kernlab.privacy._spectral import (
    evaluate,
    phase_tables,
    query_noise_deviation,
    sum_features,
)


@dataclass(frozen=True)
class SpectralSums:
    """Cosines and sines of random phases; see :mod:`kernlab.privacy._spectral`.

    Attributes
    ----------
    frequencies : DenseFrequencies or StructuredFrequencies
    typical_error : float
        Of the frequencies, as a share of ``n/√(2m)``, which bounds it for independent ones.
    """

    frequencies: DenseFrequencies | StructuredFrequencies
    typical_error: float = 1.0
    count_weight = 0.0

    @property
    def shapes(self):
        return [(2 * self.frequencies.n_features,)]

    @property
    def grid(self):
        return np.array([2.0 ** -phase_tables().bits_value])

    @property
    def _weight(self):
        """Of one unit of an integer in a query, where its cosine or sine is one."""
        return float(self.grid[0]) / self.frequencies.n_features

    def calibrate(self, law, allotment, *, pairs):
        """One scale for all; the tables keep each frequency's integers within their bounds."""
        tables, m = phase_tables(), self.frequencies.n_features
        mass = tables.l1_sensitivity(m) if law.order == 1 else tables.squared_l2_sensitivity(m)
        if pairs:
            # Opposite points of the circle.
            mass *= 2**law.order
        scales, spent = fit_scales(law, np.array([[mass]]), [1.0], allotment)
        return [np.array(scales)], spent

    def variance(self, law, scales):
        deviation = float(law.variance(scales[0])[0]) ** 0.5
        return query_noise_deviation(self.frequencies.n_features, deviation) ** 2

    def approximation(self, n):
        """Root mean square of the frequencies' error, for typical records."""
        return self.typical_error * n / math.sqrt(2 * self.frequencies.n_features)

    def sums(self, X, n_jobs=None):
        return [sum_features(X, self.frequencies, n_jobs=n_jobs)]

    def prepare(self, statistics, n):
        return statistics[0]

    def query(self, statistics, n, Y, n_jobs=None):
        return evaluate(statistics, self.frequencies, Y, n_jobs=n_jobs)

    def coefficients(self, Y, scales):
        phases = Y @ self.frequencies.matrix
        weights = np.abs(np.concatenate([np.cos(phases), np.sin(phases)], axis=1))
        return weights * (self._weight * int(scales[0][0])), np.zeros(len(Y))


@dataclass(frozen=True)
class RaceSums:
    """Counters of a locality-sensitive hash; see :mod:`kernlab.privacy._race`."""

    hashes: RaceHashes

    @property
    def shapes(self):
        return [(self.hashes.n_repetitions, self.hashes.n_buckets)]

    @property
    def grid(self):
        return np.array([2.0**-COUNT_BITS])

    @property
    def _share(self):
        return 1.0 / self.hashes.n_buckets

    @property
    def count_weight(self):
        return self._share / (1.0 - self._share)

    @property
    def _weight(self):
        return float(self.grid[0]) / self.hashes.n_repetitions / (1.0 - self._share)

    def calibrate(self, law, allotment, *, pairs):
        """A record is counted once in each repetition; one replaced, twice."""
        counters = self.hashes.n_repetitions * (2 if pairs else 1)
        mass = np.array([[counters * 2 ** (COUNT_BITS * law.order)]])
        scales, spent = fit_scales(law, mass, [1.0], allotment)
        return [np.array([scales])], spent

    def variance(self, law, scales):
        deviation = float(law.variance(scales[0])[0, 0]) ** 0.5 * float(self.grid[0])
        return race_noise_deviation(self.hashes, deviation) ** 2

    def approximation(self, n):
        """Bound of the standard deviation over hashes, for any records."""
        return n / (2 * math.sqrt(self.hashes.n_repetitions))

    def sums(self, X, n_jobs=None):
        return [race_counts(X, self.hashes, n_jobs=n_jobs) << COUNT_BITS]

    def prepare(self, statistics, n):
        return statistics[0] * float(self.grid[0])

    def query(self, counts, n, Y, n_jobs=None):
        return race_query(counts, self.hashes, Y, n)

    def coefficients(self, Y, scales):
        weight = self._weight * int(scales[0][0, 0])
        weights = np.full((len(Y), self.hashes.n_repetitions), weight)
        return weights, np.full(len(Y), self.count_weight)


@dataclass(frozen=True)
class FastGaussSums:
    """Moments by cell of a public box; see :mod:`kernlab.privacy._fast_gauss`."""

    layout: FastGaussLayout
    count_weight = 0.0

    @property
    def shapes(self):
        return [(int(self.layout.n_cells.prod()), self.layout.n_moments)]

    @property
    def grid(self):
        return np.array([1.0 / self.layout.limit])

    def calibrate(self, law, allotment, *, pairs):
        """A scale for each moment: at a corner of a cell all are at their greatest together."""
        # Replaced records meet in one cell at worst, with moments of opposite sign.
        mass = (2 if pairs else 1) ** law.order * self.layout.limit**law.order
        masses = np.full((self.layout.n_moments, 1), mass)
        scales, spent = fit_scales(law, masses, self.layout.multipliers(law.name), allotment)
        return [np.array([scales])], spent

    def variance(self, law, scales):
        return self.layout.noise_deviation(np.sqrt(law.variance(scales[0][0]))) ** 2

    def approximation(self, n):
        """Bound of the truncation error, for any records."""
        return n * self.layout.truncation

    def sums(self, X, n_jobs=None):
        return [fast_gauss_moments(X, self.layout, n_jobs=n_jobs)]

    def prepare(self, statistics, n):
        return statistics[0]

    def query(self, statistics, n, Y, n_jobs=None):
        return fast_gauss_query(statistics, self.layout, Y)

    def coefficients(self, Y, scales):
        """Weights of the moments of all cells within reach of each query, (n_queries, K)."""
        layout = self.layout
        weights = np.ones((len(Y), 1, layout.n_moments))
        for j in range(layout.dim):
            side = 2 * layout.half_sides[j]
            place = (Y[:, j] - layout.lower[j]) / layout.bandwidth
            # Within the grid alone: a wide bandwidth reaches any number of cells beyond it.
            last = int(layout.n_cells[j]) - 1
            reach = math.ceil(min(layout.reach[j] / side, last))
            nearest = np.clip(np.floor(place / side), 0, last).astype(int)
            cells = nearest[:, None] + np.arange(-reach, reach + 1)
            z = place[:, None] - (cells + 0.5) * side
            met = (np.abs(z) <= layout.reach[j]) & (cells >= 0) & (cells < layout.n_cells[j])
            z = np.where(met, z, 0.0)
            degrees = np.arange(layout.order)
            factors = np.exp(degrees * math.log(layout.half_sides[j]) - gammaln(degrees + 1.0))
            psi = hermevander(z, layout.order - 1) * factors
            psi *= (np.exp(-(z**2) / 2) * met)[..., None]
            line = psi[..., layout.degrees[:, j]]
            weights = weights[:, :, None] * line[:, None]
            weights = weights.reshape(len(Y), -1, layout.n_moments)
        weights = np.abs(weights @ layout.basis) * (scales[0][0] / layout.limit)
        return weights.reshape(len(Y), -1), np.zeros(len(Y))

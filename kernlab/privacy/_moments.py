"""Sums of squared distances from the first two moments of the records."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from kernlab._core.jit import njit
from kernlab.privacy._bins_numba import moments
from kernlab.privacy._law import fit_scales

# The greatest squared norm of an integer record: sums stay below 2**63 for 2**32 records.
NORM_BITS = 31
# For queries alone, which are public; huge ones may overflow, so that neither is ruled out.
_QUERY_MATH = {"reassoc", "contract", "arcp", "nsz"}


@dataclass(frozen=True)
class Moments:
    """Σ_x ‖x - y‖² = Σ‖v‖² - 2⟨Σv, y - c⟩ + n‖y - c‖², with v = x - c on a grid.

    Attributes
    ----------
    low, high, center : float64 arrays of shape (d,)
        Public box and centre.
    norm_bound : float or None
        Records are drawn towards the centre until their distance from it is this.
    """

    low: np.ndarray
    high: np.ndarray
    center: np.ndarray
    norm_bound: float | None

    @property
    def _halves(self):
        return np.maximum(self.high - self.center, self.center - self.low)

    @property
    def _reach(self):
        """Greatest distance of a record from the centre."""
        reach = math.hypot(*self._halves)
        return reach if self.norm_bound is None else min(reach, self.norm_bound)

    @property
    def step(self):
        """The grid's step, in units of the data: a power of two of them reaches any record."""
        return math.ldexp(self._reach, -((NORM_BITS - 1) // 2))

    @property
    def grid(self):
        return np.full(len(self.low), self.step)

    @property
    def most(self):
        """Integer bound of each coordinate, so small that squares stay far below 2**63."""
        return np.ceil(np.minimum(self._halves, self._reach) / self.step).astype(np.int64)

    @property
    def ball(self):
        """Integer bound of the squared norm."""
        box = int(np.sum(self.most.astype(object) ** 2))
        if self.norm_bound is None:
            return box
        return min(box, math.floor(Fraction(self.norm_bound) ** 2 / Fraction(self.step) ** 2))

    @property
    def shapes(self):
        return [(len(self.low),), (1,)]

    @property
    def _typical(self):
        """Distance from the centre of a typical query: uniform in the box, or half the bound."""
        inside = math.sqrt(float(np.sum(self._halves**2)) / 3)
        return inside if self.norm_bound is None else min(inside, self.norm_bound / 2)

    @property
    def count_weight(self):
        return self._typical**2

    def _masses(self, order, pairs):
        """Greatest Σ|v_j|^q and ‖v‖^(2q) of a record; both are reached together on the ball."""
        d, ball = len(self.low), self.ball
        first = ball
        if order == 1:
            # Cauchy and Schwarz, or the box.
            first = min(math.isqrt(d * ball), int(self.most.sum()))
        if not pairs:
            return np.array([[first], [ball**order]])
        # Differences: twice the radius, and squared norms that differ by the ball at most.
        return np.array([[first * 2**order], [ball**order]])

    def calibrate(self, law, allotment, *, pairs):
        masses = self._masses(law.order, pairs)
        highest = masses[:, 0].astype(float) ** (1 / law.order)
        importance = np.array([4 * (self._typical / self.step) ** 2, 1.0])
        shape = law.best_scales(highest, importance)
        scales, spent = fit_scales(law, masses, shape, allotment)
        return [np.array([s]) for s in scales], spent

    def variance(self, law, scales):
        first, second = (float(law.variance(s)[0]) for s in scales)
        return (4 * self._typical**2 * first + self.step**2 * second) * self.step**2

    def approximation(self, n):
        """Root mean square of what the grid's rounding loses; it is of random sign."""
        return self._typical * self.step * math.sqrt(n / 3)

    def sums(self, X, n_jobs=None):
        return moments(
            X,
            self.low,
            self.high,
            self.center,
            factor=1 / self.step,
            most=self.most,
            ball=self.ball,
            n_jobs=n_jobs,
        )

    def prepare(self, statistics, n):
        return statistics[0] * self.step, float(statistics[1][0]) * self.step**2

    def query(self, prepared, n, Y, n_jobs=None):
        first, second = prepared
        out = np.empty(len(Y))
        _squares(Y, self.center, first, second, n, out)
        return out

    def coefficients(self, Y, scales):
        V = Y - self.center
        first = 2 * np.abs(V) * (self.step * scales[0])
        second = np.full((len(V), 1), self.step**2 * scales[1][0])
        return np.concatenate([first, second], axis=1), np.einsum("ij,ij->i", V, V)


@njit(fastmath=_QUERY_MATH)
def _squares(Y, center, first, second, n, out):
    for i in range(Y.shape[0]):
        total = 0.0
        for j in range(Y.shape[1]):
            v = Y[i, j] - center[j]
            total += v * (n * v - 2.0 * first[j])
        out[i] = second + total

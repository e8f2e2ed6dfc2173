"""The two laws of noise, and how a privacy allotment turns into integer noise scales.

A record adds an integer vector v to the statistics, and statistic i receives noise of integer
scale t_i: discrete Laplace for pure ε, discrete Gaussian for (ε, δ). Both laws obey one rule,

    max over records of  Σ_i |v_i|^q / t_i^q  <=  allotment,

with q = 1 and the allotment ε for Laplace, q = 2 and the allotment 1/σ² for Gaussian, σ being the
noise multiplier of (ε, δ). Everything in the rule is an integer or a fraction, so that it is
checked exactly: what floating point contributes is where to look, never the verdict.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Counts are carried in fractions of one, so that rounding a scale up costs nothing.
COUNT_BITS = 16
# Noise of larger scale does not fit 64 bits, and OpenDP takes scales as floats.
LARGEST_SCALE = 2**53


@dataclass(frozen=True)
class Law:
    """A law of noise: its name, and the order q of the norm that its sensitivity is taken in."""

    name: str
    order: int

    def variance(self, scales):
        """Variance of noise of these scales (the lattice changes it by less than 1/12)."""
        return (2.0 if self.order == 1 else 1.0) * np.asarray(scales, dtype=np.float64) ** 2

    def best_scales(self, sensitivity, importance=1.0):
        """Relative scales that minimise Σ importance·t² where Σ (sensitivity/t)^q is held."""
        q = self.order
        return (np.asarray(sensitivity, dtype=float) ** q / importance) ** (1 / (q + 2))

    def split(self, variances):
        """Shares of an allotment that minimise the total of variances, each given at all of it."""
        weights = np.asarray(variances, dtype=float) ** (self.order / (self.order + 2))
        return weights / weights.sum()

    def scale_of(self, sensitivity, allotment):
        """Least integer scale for one statistic of integer sensitivity."""
        if self.order == 1:
            return _fitting(max(1, math.ceil(Fraction(sensitivity) / allotment)))
        square = Fraction(sensitivity) ** 2 / allotment
        root = math.isqrt(math.ceil(square))
        return _fitting(max(1, root if root * root >= square else root + 1))

    def spent(self, masses, scales):
        """Σ mass/t^q as a fraction; ``masses`` are exact |v|^q, added up for each scale."""
        return sum(
            (Fraction(int(m), int(t) ** self.order) for m, t in zip(masses, scales, strict=True)),
            Fraction(0),
        )


LAPLACE = Law("laplace", 1)
GAUSSIAN = Law("gaussian", 2)


def _fitting(scale):
    if scale > LARGEST_SCALE:
        raise ValueError(
            f"epsilon asks for noise of scale {scale:.3g} steps of the integer grid, and sums with "
            f"more than {LARGEST_SCALE:.3g} do not fit 64 bits; give a larger epsilon, or fewer "
            "features."
        )
    return scale


def worst_spent(law, masses, scales):
    """The largest Σ_i mass_i/t_i^q over records, exactly.

    Parameters
    ----------
    law : Law
    masses : int64 array of shape (n_statistics, n_records)
        |v_i|^q of every record there can be, or of records between which the sum is convex.
    scales : sequence of int

    Returns
    -------
    spent : Fraction

    Notes
    -----
    Double precision finds the records that can be the worst, within a relative 1e-9 where its own
    error is below 1e-13 for fewer than a thousand statistics; of those the sum is taken exactly.
    """
    weights = np.array([1.0 / float(int(t) ** law.order) for t in scales])
    totals = weights @ masses.astype(np.float64)
    near = np.flatnonzero(totals >= totals.max() * (1 - 1e-9))
    distinct = {tuple(masses[:, i].tolist()) for i in near}
    return max(law.spent(record, scales) for record in distinct)


def fit_scales(law, masses, shape, allotment):
    """Least integer scales in the proportions ``shape`` that keep the rule.

    Parameters
    ----------
    law : Law
    masses : int64 array of shape (n_statistics, n_records)
        As for :func:`worst_spent`.
    shape : array of shape (n_statistics,)
        Positive relative scales.
    allotment : Fraction

    Returns
    -------
    scales : list of int
    spent : Fraction
        Exact, and at most ``allotment``.
    """
    shape = np.asarray(shape, dtype=float)
    totals = (shape ** -float(law.order)) @ masses.astype(np.float64)
    factor = (float(totals.max()) / float(allotment)) ** (1 / law.order)
    # Rounding up can only lower what is spent, so at most the rounding of `factor` is to be mended.
    for _ in range(8):
        scales = [_fitting(max(1, math.ceil(factor * s))) for s in shape]
        spent = worst_spent(law, masses, scales)
        if spent <= allotment:
            return scales, spent
        factor *= 1 + 1e-12
    # Eight steps of 1e-12 outweigh any rounding.
    raise RuntimeError(f"no scales keep the allotment {allotment}; this is a defect.")


def as_weights(shares):
    """Shares as fractions whose sum is at most one."""
    return [Fraction(math.floor(float(share) * 2**40), 2**40) for share in shares]

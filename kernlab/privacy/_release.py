"""A release: noisy count, layout that may depend on it, integer sums, noise; nothing else is kept.

A *mechanism* describes the integer statistics of one kind of sum. It has ``shapes`` and ``grid``,
``calibrate(law, allotment, pairs=)`` for the noise scales, ``variance(law, scales)`` and
``count_weight`` for a typical query, ``sums(X)`` that alone reads records, and ``prepare``,
``query`` and ``coefficients``, which only see what was released.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from kernlab.privacy._accounting import gaussian_multiplier, minimum_scale
from kernlab.privacy._law import COUNT_BITS, GAUSSIAN, LAPLACE, Law

# Layouts are weighed for this many records before the noisy count is known.
NOMINAL_COUNT = 10_000
# What the count receives at least, for means need it.
LEAST_COUNT_SHARE = 0.02
ONE = 2**COUNT_BITS


@lru_cache(maxsize=64)
def law_of(epsilon, delta):
    """The law of noise and the allotment that an (ε, δ) permits.

    Parameters
    ----------
    epsilon : Fraction
    delta : float

    Returns
    -------
    law : Law
    allotment : Fraction
    """
    if delta == 0:
        return LAPLACE, epsilon
    return GAUSSIAN, 1 / Fraction(gaussian_multiplier(float(epsilon), delta)) ** 2


@dataclass(frozen=True)
class Terms:
    """On what terms records are released.

    Attributes
    ----------
    law : Law
    allotment : Fraction
        Of each group of records.
    pairs : bool
        Whether neighbours differ by a replaced record.
    n_groups : int
        Disjoint groups, which are released apart from one another.
    count_share : float
        What the count receives of the allotment at least.
    """

    law: Law
    allotment: Fraction
    pairs: bool
    n_groups: int = 1
    count_share: float = LEAST_COUNT_SHARE


@dataclass(frozen=True)
class Design:
    """Everything about a release that is public before it is made.

    Attributes
    ----------
    mechanism : object
    law : Law
    scales : list of int64 arrays
        Noise scales, which broadcast to the statistics' shapes.
    count_scale : int
        Noise scale of the count, in units of 2^-16 records; 0 where the count is public.
    spent : Fraction
        The exact worst sum over a record, the count's included, in its group.
    pairs : bool
        Whether neighbours differ by a replaced record.
    """

    mechanism: Any
    law: Law
    scales: list
    count_scale: int
    spent: Fraction
    pairs: bool

    @property
    def n_statistics(self):
        """Integers released of each group, beside the count."""
        return sum(int(np.prod(shape)) for shape in self.mechanism.shapes)

    def variance(self):
        """Variance of the noise of a typical query."""
        count = self.law.variance(self.count_scale) / ONE**2
        mechanism = self.mechanism
        return mechanism.variance(self.law, self.scales) + mechanism.count_weight**2 * float(count)

    @property
    def count_deviation(self):
        """Standard deviation of the noise of the count, in records; 0 where it is public."""
        return float(self.law.variance(self.count_scale / ONE)) ** 0.5

    def coefficients(self, Y):
        """Weights times scales of all the independent noise in each query, (n_queries, K)."""
        weights, count = self.mechanism.coefficients(Y, self.scales)
        return np.column_stack([weights, np.abs(count) * (self.count_scale / ONE)])


def scale_of_count(build, terms):
    """Noise scale of the count of records, and what it spends; zeros where the count is public."""
    if terms.pairs:
        return 0, Fraction(0)
    law, allotment = terms.law, terms.allotment
    mechanism = build(NOMINAL_COUNT)
    scales, _ = mechanism.calibrate(law, allotment, pairs=False)
    alone = law.variance(law.scale_of(ONE, allotment)) / ONE**2
    variances = [mechanism.variance(law, scales), mechanism.count_weight**2 * float(alone)]
    share = max(float(law.split(variances)[1]), terms.count_share)
    scale = law.scale_of(ONE, allotment * Fraction(share))
    return scale, law.spent([ONE**law.order], [scale])


def complete_design(build, terms, n, count_scale, count_spent):
    """The design for about ``n`` records, from what the count leaves of the allotment."""
    mechanism = build(n)
    scales, spent = mechanism.calibrate(terms.law, terms.allotment - count_spent, pairs=terms.pairs)
    spent += count_spent
    if spent > terms.allotment:
        raise RuntimeError(f"the design spends {spent} of {terms.allotment}; this is a defect.")
    design = Design(mechanism, terms.law, scales, count_scale, spent, terms.pairs)
    if terms.law is GAUSSIAN:
        least = min(int(part.min()) for part in scales)
        least = min(least, count_scale or least)
        needed = minimum_scale((design.n_statistics + 1) * terms.n_groups)
        if least < needed:
            raise ValueError(
                f"epsilon is so large that noise of scale {least} grid steps would do, and the "
                f"guarantee of Gaussian noise on integers needs {needed:.3g}; give a smaller "
                "epsilon, or delta=0."
            )
    return design


def design_release(build, terms, n):
    """The design for about ``n`` records, of which nothing has been counted yet."""
    return complete_design(build, terms, n, *scale_of_count(build, terms))


def draw(source, law, scales, shape):
    """Integer noise of a shape, from scales that broadcast to it."""
    sample = source.laplace if law is LAPLACE else source.gaussian
    # One call for each scale: entries in the order of their scales.
    each = np.broadcast_to(scales, shape).ravel()
    order = np.argsort(each, kind="stable")
    distinct, counts = np.unique(each, return_counts=True)
    noise = np.empty(each.size, dtype=np.int64)
    noise[order] = np.concatenate(
        [
            sample(int(scale) if law is LAPLACE else float(scale), int(count))
            for scale, count in zip(distinct, counts, strict=True)
        ]
    )
    return noise.reshape(shape)


def noisy_count(source, law, n, scale):
    """Count of records with its noise, in records; itself where the count is public."""
    if scale == 0:
        return float(n)
    return (n * ONE + int(draw(source, law, np.array([scale]), (1,))[0])) / ONE


def release_sums(design, source, X, n_jobs=None):
    """Noisy integer statistics of the records; the exact ones do not outlive the call."""
    statistics = design.mechanism.sums(X, n_jobs=n_jobs)
    for part, scales in zip(statistics, design.scales, strict=True):
        part += draw(source, design.law, scales, part.shape)
    return statistics


def release(build, terms, groups, source, *, n_hint=None, n_jobs=None):
    """Design and make releases of groups of records, each with the whole allotment.

    The groups are disjoint, and which group a record is in depends on that record alone, so that
    one record's presence changes one group: all the releases together cost what one does. The
    noisy counts are drawn first; where ``n_hint`` is None their median decides the layout of all,
    which is adaptive composition of mechanisms whose parts of the allotment are fixed beforehand.

    Parameters
    ----------
    build : callable
        From a number of records to a mechanism.
    terms : Terms
    groups : list of ndarrays of shape (n_records, n_features)
    source : noise source
    n_hint : float, optional
    n_jobs : int, optional

    Returns
    -------
    design : Design
    counts : float64 array of shape (n_groups,)
        Noisy, unless they are public.
    statistics : list of lists of int64 arrays
        Of each group.
    """
    count_scale, count_spent = scale_of_count(build, terms)
    counts = np.array([noisy_count(source, terms.law, len(X), count_scale) for X in groups])
    about = float(np.median(counts)) if n_hint is None else n_hint
    design = complete_design(build, terms, max(about, 1.0), count_scale, count_spent)
    return design, counts, [release_sums(design, source, X, n_jobs=n_jobs) for X in groups]

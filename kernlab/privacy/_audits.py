"""Audits of an estimator on the release path that its fits take.

Each takes estimators apart only to learn what they claim (layout, scales, allotment); what is
judged are integers that the code made of records, and noise that it drew. None is a proof: they
are there to find the usual mistakes, and their power is told beside their verdict.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from kernlab.privacy import _release
from kernlab.privacy._auditing import (
    AuditResult,
    bonferroni,
    epsilon_lower_bound,
    implied_scale_epsilon,
    log_likelihood_ratio,
    low_bits_test,
)
from kernlab.privacy._budget import as_fraction
from kernlab.privacy._leaks import leak_audits
from kernlab.privacy._noise import noise_source
from kernlab.privacy._release import ONE, law_of
from kernlab.privacy._worst_record import worst_record

# Noise drawn for the audit of its scale: its standard error is below a percent.
_N_NOISES = 20_000
# Checks whose verdict is left to chance.
N_RANDOM = 7

__all__ = ["audit_release"]


def audit_release(
    make,
    records,
    *,
    wide=None,
    wide_records=None,
    checks=None,
    runs=40_000,
    fits=100,
    max_rounds=100,
    confidence=0.999,
):
    """Audit an estimator that releases sums.

    Parameters
    ----------
    make : callable
        Returns an unfitted estimator of few statistics, the fewer the greater the power, with
        ``n_hint`` and ``projection_seed`` given, so that every fit has the same layout.
    records : (n, d) array
        Records to begin a search for the worst from, in the public box if there is one.
    wide, wide_records
        The same, of a release of usual size, for what needs no likelihood; default those above.
    checks : collection of str, optional
        Names of ``CHECKS`` to run; default all.
    runs : int
        Of the likelihood-ratio audit, on each of two neighbouring data sets.
    fits : int >= 20
        Genuine fits, which the runs must resemble.
    max_rounds : int
        Of the search for the worst record.
    confidence : float
        That a flawless estimator passes everything.

    Returns
    -------
    results : list of AuditResult
    """
    effort = Effort(runs, fits, max_rounds, bonferroni(confidence, N_RANDOM))
    wide = make if wide is None else wide
    wide_records = records if wide_records is None else wide_records
    narrow, usual = Subject(make, records, effort), Subject(wide, wide_records, effort)
    results = []
    for name, (check, is_narrow) in CHECKS.items():
        if checks is None or name in checks:
            found = check(narrow if is_narrow else usual)
            results += found if isinstance(found, list) else [found]
    return results


@dataclass(frozen=True)
class Effort:
    """How much of each audit; ``confidence`` is that of one of them."""

    runs: int
    fits: int
    max_rounds: int
    confidence: float


class Subject:
    """An estimator under audit, fitted once to learn its layout."""

    def __init__(self, make, records, effort):
        self.make, self.effort = make, effort
        self.records = np.asarray(records, dtype=np.float64)
        self.fitted = make().fit(self.records)
        self.design = self.fitted._design
        self.law = self.design.law
        self.epsilon = float(as_fraction(self.fitted.epsilon, "epsilon"))
        self.delta = float(self.fitted.delta)
        self.counted = self.design.count_scale > 0
        shapes = self.design.mechanism.shapes
        self.scales = np.concatenate(
            [np.broadcast_to(t, s).ravel() for t, s in zip(self.design.scales, shapes, strict=True)]
            + [np.array([self.design.count_scale])] * self.counted
        )

    def source(self):
        """A supplier as a fit makes it; the seed is the public one."""
        return noise_source(self.fitted.noise, seed=self.fitted.projection_seed_)

    def exact(self, X, fitted=None):
        """The integers of a data set before noise, and last the count in its units."""
        mechanism = (self.fitted if fitted is None else fitted)._design.mechanism
        parts = [part.ravel() for part in mechanism.sums(X, n_jobs=1)]
        return np.concatenate([*parts, [len(X) * ONE]] if self.counted else parts)

    def vectors(self, X):
        """The integers of each record."""
        return np.stack([self.exact(X[i : i + 1]) for i in range(len(X))])

    def released(self, fitted):
        """What a fit published, as one vector; the count in its units."""
        parts = [np.ravel(part) for part in fitted.statistics_]
        if self.counted:
            parts.append(np.rint(np.array([fitted.n_noisy_ * ONE])).astype(np.int64))
        return np.concatenate(parts)

    @cached_property
    def worst(self):
        """The record, or pair of them, that moves the integers most."""
        return worst_record(
            self.vectors,
            self.records,
            self.scales,
            norm="l1" if self.law.order == 1 else "l2",
            adjacency="replace" if self.design.pairs else "add-remove",
            max_rounds=self.effort.max_rounds,
        )

    @cached_property
    def neighbours(self):
        """Two data sets: a few records without the worst one, or one of the pair, and with it."""
        few = self.records[:3]
        found = [np.concatenate([few, record[None]]) for record in self.worst.records]
        return found if self.design.pairs else [few, *found]

    @cached_property
    def genuine(self):
        """What fits published on the second of the neighbours."""
        fits = (self.make().fit(self.neighbours[1]) for _ in range(self.effort.fits))
        return np.stack([self.released(fitted) for fitted in fits])


def allotment_audit(subject):
    """That what the design says it spends is what ε and δ permit, from scratch."""
    epsilon = as_fraction(subject.fitted.epsilon, "epsilon")
    law, expected = law_of(epsilon, subject.delta)
    spent = subject.design.spent
    passed = spent <= expected and subject.law == law and subject.fitted.epsilon_ <= epsilon
    return AuditResult("allotment", float(spent), float(expected), bool(passed))


def sensitivity_audit(subject):
    """That no record, or replacement, found by a search exceeds what is declared, exactly."""
    found, spent = subject.worst, subject.design.spent
    return AuditResult(
        "sensitivity",
        float(found.value),
        float(spent),
        found.value <= spent,
        {"share": float(found.value / spent), "records": found.n_evaluated},
    )


def additivity_audit(subject):
    """That a record's integers are its own, whatever rows stand beside it."""
    rng = np.random.default_rng(0)
    base = subject.records
    # Far out, where integers are sensitive to the last bit of a product.
    X = np.concatenate(
        [base, base * 1e9, 1e14 * rng.standard_normal((200, base.shape[1])), _hidden(subject, rng)]
    )
    apart = subject.vectors(X).sum(axis=0)
    whole = subject.exact(X)
    shuffled = subject.exact(X[rng.permutation(len(X))])
    wrong = int(np.sum((whole != apart) | (shuffled != apart)))
    return AuditResult("additivity", wrong, 0.0, wrong == 0, {"records": len(X)})


def _hidden(subject, rng):
    """Records that projections barely see: what rounding leaves of them is all that counts."""
    mechanism = subject.design.mechanism
    directions = getattr(mechanism, "directions", None)
    if directions is None:
        return subject.records[:0]
    X = rng.uniform(mechanism.low, mechanism.high, (300, len(directions))) - mechanism.center
    return X - (X @ directions) @ np.linalg.pinv(directions) + mechanism.center


def freshness_audit(subject, fits=6):
    """That fits on one data set with one public seed share nothing, nor does the seed decide."""
    releases = [subject.released(subject.make().fit(subject.records)) for _ in range(fits)]
    same = sum(
        bool(np.any(a == b)) if len(a) < 4 else np.mean(a == b) > 0.5
        for i, a in enumerate(releases)
        for b in releases[:i]
    )
    return AuditResult("fresh noise", same, 0.0, same == 0, {"fits": fits})


def integrity_audit(subject):
    """That what is published are integers whose low bits say nothing."""
    scale, confidence = float(subject.scales.min()), subject.effort.confidence
    kinds = {str(np.asarray(part).dtype) for part in subject.fitted.statistics_}
    if kinds != {"int64"}:
        return AuditResult("low bits", 1.0, 0.0, False, {"dtype": ", ".join(kinds)})
    return low_bits_test(subject.genuine, scale, confidence=confidence)


def _noise(subject, releases):
    """Noise of so many releases of one data set, (n_releases, n_statistics)."""
    X = subject.neighbours[1]
    exact, source, design = subject.exact(X), subject.source(), subject.design
    noise = np.empty((releases, len(exact)))
    for row in noise:
        parts = [part.ravel() for part in _release.release_sums(design, source, X, n_jobs=1)]
        if subject.counted:
            count = _release.noisy_count(source, design.law, len(X), design.count_scale)
            parts.append([count * ONE])
        row[:] = np.concatenate(parts) - exact
    return noise


def noise_audits(subject):
    """That the noise has the scales declared: of the statistics, and of the count apart."""
    releases = int(np.clip(_N_NOISES // len(subject.scales), 100, 2000))
    noise = _noise(subject, releases) / subject.scales
    results = [_scale_audit("noise scale", subject, noise[:, : noise.shape[1] - subject.counted])]
    if subject.counted:
        results.append(_scale_audit("noise scale of the count", subject, noise[:, -1:]))
    return results


def _scale_audit(name, subject, noise):
    root = float(subject.design.spent) ** (1 / subject.law.order)
    if not np.any(noise):
        return AuditResult(name, math.inf, subject.epsilon, False)
    estimate, low, high = implied_scale_epsilon(
        _pooled(noise),
        root,
        law=subject.law.name,
        delta=subject.delta if subject.delta else None,
        confidence=subject.effort.confidence,
    )
    details = {"low": low, "high": high, "releases": len(noise)}
    return AuditResult(name, estimate, subject.epsilon, low <= subject.epsilon, details)


def _pooled(noise):
    """Noise about zero in as many columns as leave 2000 rows."""
    columns = max(1, noise.size // 2000)
    rows = noise.size // columns
    return noise.ravel()[: rows * columns].reshape(rows, columns)


def independence_audit(subject):
    """Agreement of signs of every two statistics, in one release and in consecutive ones."""
    noise, confidence = _noise(subject, 200), subject.effort.confidence
    signs = np.sign(noise[:, :64])
    n, k = len(signs) - 1, signs.shape[1]
    together = np.abs((signs.T @ signs)[np.triu_indices(k, 1)])
    later = np.abs(signs[:-1].T @ signs[1:]).ravel()
    worst = float(max(together.max(initial=0), later.max()))
    tests = len(together) + len(later)
    agreed = stats.binom.isf((1 - confidence) / (2 * tests), n + 1, 0.5)
    bound = float(2 * agreed - n)
    return AuditResult("independence", worst / n, bound / n, worst <= bound, {"pairs": tests})


def representative_audit(subject):
    """That genuine fits have the noise that batches of it have."""
    scales = subject.scales
    residuals = (subject.genuine - subject.exact(subject.neighbours[1])) / scales
    n = max(2 * len(residuals), 20_000 // len(scales))
    batch = _release.draw(subject.source(), subject.law, scales, (n, len(scales))) / scales
    # A statistic at a time, for a count without noise hides among a thousand others.
    worst, p = 0.0, 1.0
    for mine, theirs in zip(*(_grouped(a, subject) for a in (residuals, batch)), strict=True):
        test = stats.ks_2samp(mine, theirs, method="asymp")
        if test.pvalue < p:
            worst, p = float(test.statistic), float(test.pvalue)
    bound = (1 - subject.effort.confidence) / 2
    details = {"distance": worst, "fits": len(residuals)}
    return AuditResult("fits as batches", p, bound, p >= bound, details)


def _grouped(noise, subject):
    """Noise of the statistics, and of the count apart."""
    if not subject.counted:
        return [noise.ravel()]
    return [noise[:, :-1].ravel(), noise[:, -1]]


def ratio_audit(subject):
    """The ε that likelihood ratios certify on neighbours that differ by the worst record."""
    runs, confidence = subject.effort.runs, subject.effort.confidence
    before, after = (subject.exact(X) for X in subject.neighbours)
    touched = before != after
    scales = subject.scales[touched]
    scores = [
        log_likelihood_ratio(
            exact[touched]
            + _release.draw(subject.source(), subject.law, scales, (runs, len(scales))),
            before[touched],
            after[touched],
            scales,
            law=subject.law.name,
        )
        for exact in (before, after)
    ]
    bound = epsilon_lower_bound(*scores, delta=subject.delta, confidence=confidence)
    details = {"power": bound / subject.epsilon, "statistics": len(scales)}
    return AuditResult(
        "likelihood ratio", bound, subject.epsilon, bound <= subject.epsilon, details
    )


def leaks(subject):
    """That nothing a fit leaves behind holds what it must not."""
    return leak_audits(subject.make, lambda f, X: subject.exact(X, f), subject.records)


# Whether of the narrow configuration, and in which order.
CHECKS = {
    "allotment": (allotment_audit, False),
    "sensitivity": (sensitivity_audit, False),
    "additivity": (additivity_audit, False),
    "fresh noise": (freshness_audit, False),
    "independence": (independence_audit, False),
    "low bits": (integrity_audit, True),
    "noise": (noise_audits, True),
    "fits as batches": (representative_audit, True),
    "likelihood ratio": (ratio_audit, True),
    "leaks": (leaks, False),
}

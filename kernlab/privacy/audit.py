"""``python -m kernlab.privacy.audit``: audits of every private mechanism, as a table.

Every mechanism is audited at several ε, under both adjacencies and with both suppliers of noise,
on the release path that fits take. Exits with 1 if any claim fails. See :func:`audit_cases` for
what is audited, and ``--help`` for options.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field

import numpy as np

from kernlab.privacy._auditing import bonferroni
from kernlab.privacy._audits import audit_release
from kernlab.privacy._classifier import PrivateSimilarityClassifier
from kernlab.privacy._distances import PrivateDistanceSum
from kernlab.privacy._kernels import PrivateKernelSum
from kernlab.privacy._leaks import classes_audit

__all__ = ["AuditCase", "audit_case", "audit_cases", "main"]


@dataclass(frozen=True)
class Mechanism:
    """A way to release sums, in two sizes.

    Attributes
    ----------
    estimator : type
    options : dict
        Parameters of both sizes.
    narrow, wide : dict
        Further parameters of a release of one or two numbers, and of one of usual shape.
    columns : (int, int)
        Features of either.
    """

    estimator: type
    options: dict
    narrow: dict
    wide: dict
    columns: tuple = (1, 3)


# Less of each audit, for the test-suite.
QUICK = {"runs": 10_000, "fits": 40, "max_rounds": 1}
_BOX = {"bounds": (0.0, 1.0)}
_LINE = ({"levels": 1}, {"levels": 4})
_PROJECTED = ({"levels": 1, "n_projections": 1}, {"levels": 3, "n_projections": 4})

MECHANISMS = {
    "l1": Mechanism(PrivateDistanceSum, {"metric": "l1", **_BOX}, *_LINE),
    "l1-dyadic": Mechanism(PrivateDistanceSum, {"method": "dyadic", **_BOX}, *_LINE),
    "lp": Mechanism(PrivateDistanceSum, {"metric": "lp", "p": 1.5, **_BOX}, *_LINE),
    "l2": Mechanism(PrivateDistanceSum, {"metric": "l2", **_BOX}, *_PROJECTED, (2, 8)),
    "l2-clipped": Mechanism(
        PrivateDistanceSum, {"metric": "l2", "norm_bound": 1e-9, **_BOX}, *_PROJECTED, (2, 8)
    ),
    "sqeuclidean": Mechanism(PrivateDistanceSum, {"metric": "sqeuclidean", **_BOX}, {}, {}),
    "sqeuclidean-ball": Mechanism(
        PrivateDistanceSum, {"metric": "sqeuclidean", "norm_bound": 0.4, **_BOX}, {}, {}
    ),
    "sqeuclidean-clipped": Mechanism(
        PrivateDistanceSum, {"metric": "sqeuclidean", "norm_bound": 1e-9, **_BOX}, {}, {}
    ),
    **{
        name: Mechanism(
            PrivateKernelSum,
            {"bandwidth": 0.3, **options},
            {"n_features": 1},
            {"n_features": 6},
        )
        for name, options in {
            "gaussian": {"kernel": "gaussian"},
            "exponential-iid": {"kernel": "exponential", "features": "iid"},
            "laplacian": {"kernel": "laplacian", "features": "iid"},
            "cauchy": {"kernel": "cauchy"},
            "rational-sorf": {"kernel": "rational", "features": "sorf"},
            "laplacian-race": {"kernel": "laplacian", "features": "race"},
        }.items()
    },
    # A wide bandwidth leaves one cell of few moments.
    "fast-gauss": Mechanism(
        PrivateKernelSum,
        {"features": "fast-gauss", **_BOX},
        {"bandwidth": 8.0},
        {"bandwidth": 1.0},
        (1, 1),
    ),
}


@dataclass(frozen=True)
class AuditCase:
    """A mechanism with its privacy parameters; ``str`` names it."""

    name: str
    epsilon: float
    delta: float
    adjacency: str
    noise: str
    mechanism: Mechanism = field(repr=False)

    def __str__(self):
        return f"{self.name}, ε={self.epsilon:g}, δ={self.delta:g}, {self.adjacency}, {self.noise}"

    def make(self, size):
        """An unfitted estimator, ``size`` being 'narrow' or 'wide'."""
        return self.mechanism.estimator(
            epsilon=self.epsilon,
            delta=self.delta,
            adjacency=self.adjacency,
            noise=self.noise,
            n_hint=100,
            projection_seed=1,
            n_jobs=1,
            **self.mechanism.options,
            **getattr(self.mechanism, size),
        )


def audit_cases(*, epsilons=(0.25, 1, 2), noise="all", mechanism=None):
    """All combinations to audit.

    Parameters
    ----------
    epsilons : tuple of numbers
    noise : {'opendp', 'builtin', 'all'}
        Suppliers; 'builtin' has no Gaussian noise.
    mechanism : str, default=None
        Only this one, a key of ``MECHANISMS``.

    Returns
    -------
    cases : list of AuditCase
    """
    laws = [("builtin", 0.0), ("opendp", 0.0), ("opendp", 1e-6)]
    return [
        AuditCase(name, epsilon, delta, adjacency, supplier, MECHANISMS[name])
        for name in ([mechanism] if mechanism else MECHANISMS)
        for epsilon in epsilons
        for adjacency in ("add-remove", "replace")
        for supplier, delta in laws
        if noise in (supplier, "all")
    ]


def audit_case(case, **options):
    """Audit one case; options are those of :func:`kernlab.privacy._audits.audit_release`.

    Returns
    -------
    results : list of AuditResult
    """
    rng = np.random.default_rng(0)
    narrow, wide = (rng.random((20, d)) for d in case.mechanism.columns)
    return audit_release(
        lambda: case.make("narrow"),
        narrow,
        wide=lambda: case.make("wide"),
        wide_records=wide,
        **options,
    )


def audit_classes():
    """Audit that the classes of the classifier are those given, whatever the labels."""
    options = {"bandwidth": 0.3, "epsilon": 1, "noise": "builtin", "n_hint": 100}
    return classes_audit(
        lambda: PrivateSimilarityClassifier(
            classes=[0, 1, 2], n_features=4, projection_seed=1, **options
        ),
        np.random.default_rng(0).random((12, 2)),
    )


def main(arguments=None):
    """Run the audits, write their table to the standard output, return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m kernlab.privacy.audit", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="ε = 1 only, and fewer runs")
    parser.add_argument("--noise", choices=["opendp", "builtin", "all"], default="all")
    parser.add_argument("--mechanism", choices=list(MECHANISMS), help="only this one")
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.999,
        help="that a flawless library passes everything (default 0.999)",
    )
    options = parser.parse_args(arguments)
    epsilons = (1,) if options.quick else (0.25, 1, 2)
    effort = QUICK if options.quick else {}
    cases = audit_cases(epsilons=epsilons, noise=options.noise, mechanism=options.mechanism)
    confidence = bonferroni(options.confidence, len(cases))
    failed, checks, start = 0, 0, time.perf_counter()
    for case in cases:
        results = audit_case(case, confidence=confidence, **effort)
        checks += len(results)
        failed += sum(not result.passed for result in results)
        sys.stdout.write(f"{case}\n" + "".join(f"    {result}\n" for result in results))
        sys.stdout.flush()
    classes = audit_classes()
    sys.stdout.write(f"classifier\n    {classes}\n")
    checks, failed = checks + 1, failed + (not classes.passed)
    seconds = time.perf_counter() - start
    sys.stdout.write(
        f"{len(cases)} cases, {checks} checks, {failed} failed, {seconds:.0f} s; a flawless "
        f"library passes all with confidence {options.confidence:g}.\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The library passes its audits, and every seeded mistake fails the one that is there for it.

The noise is real entropy. Every case is audited at a confidence that makes all random checks of
this file pass together, in a flawless library, but for one time in a million.
"""

import pytest
from privacy import mutants

from kernlab.privacy import audit
from kernlab.privacy._auditing import bonferroni

BUILTIN = audit.audit_cases(epsilons=(1,), noise="builtin")
# OpenDP's noise costs milliseconds a release: what takes thousands is left to the command.
OPENDP = audit.audit_cases(epsilons=(0.5,), noise="opendp", mechanism="l1")
FEW = ["allotment", "sensitivity", "fresh noise", "low bits", "fits as batches", "likelihood ratio"]
CONFIDENCE = bonferroni(1 - 1e-6, len(BUILTIN) + len(OPENDP))


def failures(results):
    return [str(result) for result in results if not result.passed]


@pytest.mark.parametrize("case", BUILTIN, ids=str)
def test_claims_stand(case):
    # What the adjacency makes no difference to is checked under one.
    checks = None if case.adjacency == "add-remove" else [*FEW, "leaks"]
    results = audit.audit_case(case, checks=checks, confidence=CONFIDENCE, **audit.QUICK)
    assert not failures(results)
    found = {result.name: result for result in results}
    assert len(found) >= 9
    # What the audit would have noticed: a bound on nothing is none.
    assert found["likelihood ratio"].details["power"] > 0.2
    assert found["sensitivity"].details["share"] > 0.4


@pytest.mark.parametrize("case", OPENDP, ids=str)
def test_claims_stand_with_noise_of_opendp(case):
    pytest.importorskip("opendp", reason="OpenDP is not installed")
    results = audit.audit_case(case, checks=FEW, confidence=CONFIDENCE, **audit.QUICK)
    assert not failures(results)
    assert len(results) == len(FEW)


MUTANTS = [
    (mutants.missing_joint_sensitivity, "l1", {}, "sensitivity", "sensitivity"),
    (mutants.missing_number_of_columns, "l1", {}, "sensitivity", "sensitivity"),
    (mutants.sensitivity_of_one_column, "sqeuclidean", {}, "sensitivity", "sensitivity"),
    (mutants.unclipped_nan, "sqeuclidean", {}, "sensitivity", "sensitivity"),
    (mutants.more_than_was_asked, "l1", {}, "allotment", "allotment"),
    (mutants.projections_by_blas, "l2-clipped", {}, "additivity", "additivity"),
    (mutants.half_scale, "l1", {}, "noise", "noise scale"),
    (mutants.half_scale_of_the_count, "l1", {}, "noise", "noise scale of the count"),
    (mutants.one_draw_for_all_statistics, "l1", {}, "independence", "independence"),
    (mutants.float_noise, "l1", {}, "low bits", "low bits"),
    (mutants.coarse_noise, "l1", {}, "low bits", "low bits"),
    (mutants.reused_noise, "l1", {}, "fresh noise", "fresh noise"),
    (mutants.reused_noise, "l1", {}, "fits as batches", "fits as batches"),
    (mutants.seeded_noise, "l1", {}, "fresh noise", "fresh noise"),
    (mutants.count_without_noise, "l1", {}, "fits as batches", "fits as batches"),
    (mutants.count_without_noise, "l1", {}, "leaks", "no count kept"),
    (mutants.stored_count, "l1", {}, "leaks", "no count kept"),
    (mutants.size_that_tells_the_count, "l1", {}, "leaks", "no count kept"),
    (mutants.kept_records, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.kept_single_precision_records, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.kept_sums, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.kept_noise, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.bounds_from_the_records, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.report_of_extremes, "l1", {}, "leaks", "no record or sum kept"),
    (mutants.errors_that_quote, "l1", {}, "leaks", "errors quote nothing"),
]


@pytest.mark.parametrize(
    ("mutant", "mechanism", "options", "check", "name"),
    MUTANTS,
    ids=[f"{mutant.__name__}-by-{name.replace(' ', '-')}" for mutant, _, _, _, name in MUTANTS],
)
def test_mutant_is_killed(mutant, mechanism, options, check, name):
    case = audit.AuditCase(mechanism, 1, 0.0, "add-remove", "builtin", audit.MECHANISMS[mechanism])
    with mutant():
        results = audit.audit_case(case, checks=[check], confidence=CONFIDENCE, **audit.QUICK)
    assert name in {result.name for result in results if not result.passed}

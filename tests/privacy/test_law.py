"""Noise scales keep the privacy rule exactly, and by no more than rounding."""

from fractions import Fraction

import numpy as np
import pytest

from kernlab.privacy._law import GAUSSIAN, LAPLACE, fit_scales, worst_spent


@pytest.mark.parametrize("law", [LAPLACE, GAUSSIAN], ids=lambda law: law.name)
@pytest.mark.parametrize("allotment", [Fraction(1, 10), Fraction(1), Fraction(7, 3)])
def test_scales_keep_the_allotment_exactly_and_are_the_least(law, allotment, rng):
    masses = rng.integers(0, 10**6, size=(6, 500)) ** law.order
    scales, spent = fit_scales(law, masses, rng.uniform(0.5, 2.0, size=6), allotment)
    every = [
        sum(Fraction(int(m), t**law.order) for m, t in zip(record, scales, strict=True))
        for record in masses.T
    ]
    assert spent == max(every) <= allotment
    # Scales lower by a few millionths spend too much: nothing is wasted.
    lower = [int(t * (1 - 1e-5)) for t in scales]
    assert worst_spent(law, masses, lower) > allotment


@pytest.mark.parametrize("law", [LAPLACE, GAUSSIAN], ids=lambda law: law.name)
def test_the_worst_record_is_found_among_near_ties(law):
    # Two records whose totals agree to fifteen digits: doubles cannot tell which is the worse.
    scales = [3, 10**17]
    masses = np.array([[2**30, 2**30], [5, 6]], dtype=np.int64)
    expected = law.spent(masses[:, 1], scales)
    assert worst_spent(law, masses, scales) == expected > law.spent(masses[:, 0], scales)


def test_scale_of_one_statistic_is_the_least_integer():
    for allotment in (Fraction(1, 7), Fraction(3), Fraction(22, 7)):
        t = LAPLACE.scale_of(1000, allotment)
        assert Fraction(1000, t) <= allotment < Fraction(1000, t - 1)
        t = GAUSSIAN.scale_of(1000, allotment)
        assert Fraction(1000, t) ** 2 <= allotment < Fraction(1000, t - 1) ** 2


def test_best_scales_minimise_the_variance_where_the_sensitivity_is_held(rng):
    sensitivity, importance = rng.uniform(0.5, 5, 4), rng.uniform(0.5, 5, 4)
    for law in (LAPLACE, GAUSSIAN):
        q = law.order

        def cost(scales, q=q):
            held = np.sum((sensitivity / scales) ** q) ** (1 / q)
            return np.sum(importance * (scales * held) ** 2)

        best = law.best_scales(sensitivity, importance)
        for _ in range(50):
            assert cost(best) <= cost(best * rng.uniform(0.8, 1.25, 4)) * (1 + 1e-12)

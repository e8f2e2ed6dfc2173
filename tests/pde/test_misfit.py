"""When residuals are no noise."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde._misfit import neighbour_correlation, neighbour_pairs, warn_of_misfit


@pytest.mark.parametrize("d", [1, 2, 3])
def test_noise_passes_and_a_wave_does_not(d):
    rng = np.random.default_rng(d)
    X = rng.random((800, d)) * 10.0**d
    pairs = neighbour_pairs(X)
    noise = rng.standard_normal(800)
    correlation, bound = neighbour_correlation(noise, pairs, 10.0)
    # Six standard errors, 1/√800 each, and what ten fitted parameters leave.
    assert bound == pytest.approx(6 / np.sqrt(800) + 10 / 790, rel=0.01)
    assert abs(correlation) < bound
    wave = np.sin(3 * X.sum(1) / 10.0**d) * np.sqrt(2)
    correlation, bound = neighbour_correlation(noise + wave, pairs, 10.0)
    assert correlation > bound


def test_pairs_on_a_line_are_the_next_and_the_next_but_one():
    X = np.array([[3.0], [1.0], [2.0], [5.0]])
    (i, j), (k, m) = neighbour_pairs(X)
    assert list(zip(i, j, strict=True)) == [(1, 2), (2, 0), (0, 3)]
    assert list(zip(k, m, strict=True)) == [(1, 0), (2, 3)]
    # A wave of four samples is seen by the second, where the first is blind.
    places = np.arange(100.0)[:, None]
    wave = np.sin(np.pi / 2 * places[:, 0] + 0.3)
    assert neighbour_correlation(wave, neighbour_pairs(places), 0.0)[0] == pytest.approx(
        -1, abs=0.05
    )


@pytest.mark.parametrize(("rest", "freedom"), [(np.zeros(100), 0.0), (np.ones(100), 60.0)])
def test_nothing_is_said_of_nothing(rest, freedom):
    pairs = neighbour_pairs(np.arange(100.0)[:, None])
    assert neighbour_correlation(rest, pairs, freedom) == (0.0, np.inf)
    warn_of_misfit(0.5, 0.0, np.inf, stacklevel=1)
    warn_of_misfit(None, 0.1, 0.2, stacklevel=1)


def test_one_warning_and_the_narrower_cause_first():
    with pytest.warns(ConvergenceWarning, match="correlate by 0.90") as seen:
        warn_of_misfit(0.99, 0.9, 0.2, stacklevel=1)
    assert len(seen) == 1
    with pytest.warns(ConvergenceWarning, match="explains 97%"):
        warn_of_misfit(0.97, stacklevel=1)

"""The series are those of their sources."""

import numpy as np
import pytest

from kernlab.datasets import load_airline, load_co2


def test_airline():
    series = load_airline()
    # Annual totals, as printed with the series.
    totals = series.target.reshape(12, 12).sum(axis=1)
    assert totals.tolist() == [
        1520, 1676, 2042, 2364, 2700, 2867, 3408, 3939, 4421, 4572, 5140, 5714,
    ]  # fmt: skip
    assert series.start == 1949.0
    np.testing.assert_array_equal(np.diff(series.data[:, 0] * 12).round(9), 1.0)


def test_co2_leaves_out_the_months_without_measurements():
    series = load_co2()
    months = np.round((series.start + series.data[:, 0]) * 12).astype(int)
    missing = set(range(months[0], months[-1] + 1)) - set(months)
    assert {(m // 12, m % 12 + 1) for m in missing} == {
        (1958, 6), (1958, 10), (1964, 2), (1964, 3), (1964, 4),
    }  # fmt: skip
    # The yearly means of 1959 and 2000 as published, 315.98 and 369.52 ppm, are those of the
    # continuous record; weekly flasks differ by a tenth or two.
    for year, mean in ((1959, 315.98), (2000, 369.52)):
        assert series.target[months // 12 == year].mean() == pytest.approx(mean, abs=0.25)


def test_data_and_target_alone_are_the_same():
    for load in (load_airline, load_co2):
        series, (data, target) = load(), load(return_X_y=True)
        np.testing.assert_array_equal(series.data, data)
        np.testing.assert_array_equal(series.target, target)

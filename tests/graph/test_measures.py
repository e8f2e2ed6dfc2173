"""Names, parameters and their intervals."""

import math

import numpy as np
import pytest

from kernlab.graph._measures import (
    MEASURES,
    check_parameter,
    natural_parameter,
    parse_measure,
    valid_interval,
)


@pytest.mark.parametrize(
    ("given", "log", "name"),
    [
        ("Walk", None, "katz"),
        ("KATZ", True, "logkatz"),
        ("Forest", None, "for"),
        ("logForest", None, "logfor"),
        ("logCommunicability", True, "logcomm"),
        ("SP-CT", False, "sp-ct"),
        ("logHeat2", None, "logheat2"),
    ],
)
def test_names(given, log, name):
    measure = parse_measure(given, log)
    assert measure.name == name
    assert measure.log == name.startswith("log")
    assert "log" * measure.log + measure.plain == name
    assert parse_measure(measure) is measure


def test_the_list():
    assert len(MEASURES) == len(set(MEASURES)) == 33
    measures = [parse_measure(name) for name in MEASURES]
    assert [measure.name for measure in measures] == list(MEASURES)
    assert sum(measure.log for measure in measures) == 12
    assert all(measure.operator in ("A", "L", "S", None) for measure in measures)
    assert not any(measure.psd for measure in measures if measure.log)
    assert all(measure.needs_connected for measure in measures if measure.log)


@pytest.mark.parametrize(
    ("name", "log", "message"),
    [
        ("kats", None, r"'kats' is unknown \(did you mean 'katz'\?\); give one of katz, comm"),
        (3, None, "measure=3 is unknown"),
        ("logkatz", False, "logarithmic and log=False"),
        ("scct", True, "'scct' has no logarithm"),
        ("logComm2", None, "'comm2' has no logarithm"),
    ],
)
def test_wrong_names(name, log, message):
    with pytest.raises(ValueError, match=message):
        parse_measure(name, log)


@pytest.mark.parametrize(
    ("name", "natural", "interval"),
    [
        ("katz", 0.2 / 7, (0, 1 / 7)),
        ("comm", 0.125, (0, math.inf)),
        ("scct", 0.125, (0, math.inf)),
        ("ppr", 0.2, (0, 1)),
        ("abs", 0.4, (0, 2)),
        ("logabs", 0.2, (0, 1)),
        ("rsp", 4.0, (0, math.inf)),
        ("ct", None, None),
    ],
)
def test_parameters(name, natural, interval):
    measure = parse_measure(name)
    assert natural_parameter(measure, 0.2, 7.0) == pytest.approx(natural)
    assert valid_interval(measure, 7.0) == interval


@pytest.mark.parametrize("name", [name for name in MEASURES if parse_measure(name).scaler])
def test_unit_parameters_reach_the_interval_and_stay_inside(name):
    measure = parse_measure(name)
    low, high = valid_interval(measure, 7.0)
    ends = sorted(natural_parameter(measure, x, 7.0) for x in (1e-9, 1 - 1e-9))
    assert [check_parameter(measure, t, 7.0) for t in ends] == ends
    assert ends[0] == pytest.approx(low, abs=1e-8)
    assert ends[1] > 1e8 if high == math.inf else ends[1] == pytest.approx(high)
    for x in (0.0, 1.0, np.nan, 1.5):
        with pytest.raises(ValueError, match=r"outside \(0, 1\).*param_scale='natural'"):
            natural_parameter(measure, x, 7.0)
    for t in (low, np.nan, high):
        with pytest.raises(ValueError, match=rf"param=.* lies outside \(0, .*{name!r}"):
            check_parameter(measure, t, 7.0)


def test_without_edges_every_t_of_katz_is_valid():
    katz = parse_measure("katz")
    assert natural_parameter(katz, 0.3, 0.0) == 0.3
    assert valid_interval(katz, 0.0) == (0, math.inf)

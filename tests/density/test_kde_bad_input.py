"""Bad input to KernelDensity: errors that name the parameter, the value and the remedy."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from kernlab.density import KernelDensity
from kernlab.exceptions import SingularCovarianceError
from kernlab.kernels import PROFILES

GOOD = np.random.default_rng(0).normal(size=(30, 3))


def _spoiled(value):
    X = GOOD.copy()
    X[3, 1] = value
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (_spoiled(np.nan), "Input X contains NaN"),
        (_spoiled(np.inf), "Input X contains infinity"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (np.empty((5, 0)), r"0 feature\(s\)"),
        (np.zeros(5), "Expected 2D array"),
        (np.array([["a", "b"]], dtype=object), r"entries that are not numbers.*X\.astype\(float\)"),
        (np.array([[1 + 2j]]), "Complex data not supported"),
    ],
)
def test_bad_data(X, message):
    kde = KernelDensity(bandwidth=1.0)
    with pytest.raises(ValueError, match=message):
        kde.fit(X)
    assert not [name for name in vars(kde) if name.endswith("_") and not name.startswith("_")]


@pytest.mark.parametrize(
    ("bandwidth", "message"),
    [
        (0.0, "'bandwidth' parameter of KernelDensity must be a float in the range"),
        (-1.0, r"'bandwidth' parameter .* Got -1.0 instead"),
        (np.nan, "'bandwidth' parameter"),
        (np.inf, "'bandwidth' parameter"),
        ("scot", "'bandwidth' parameter .* Got 'scot' instead"),
        (1e-320, "not a positive number"),
        (1e200, "not a positive number with a square in the range"),
        (np.full(3, 1j), "is complex; give real numbers"),
        ([1.0, -2.0, 1.0], r"bandwidth=.*-2\.0.* is not a positive number"),
        ([1.0, np.nan, 1.0], "nan.* is not a positive number"),
        ([1.0, 1.0], "bandwidth has shape .2,. and X has 3 features; give a float, 3"),
        (np.ones((2, 2)), "bandwidth has shape .2, 2. and X has 3 features"),
        (np.diag([1.0, 1.0, -1.0]), "not positive definite .least eigenvalue -1"),
        (np.tri(3), "not symmetric; give a covariance"),
        (np.full((3, 3), np.nan), "contains NaN or infinity"),
        (["a", "b", "c"], "is not numeric"),
    ],
)
def test_bad_bandwidth(bandwidth, message):
    with pytest.raises(ValueError, match=message):
        KernelDensity(bandwidth=bandwidth).fit(GOOD)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_refuse_data_that_cannot_carry_them(rule):
    kde = KernelDensity(bandwidth=rule)
    with pytest.raises(
        ValueError, match=f"bandwidth='{rule}' needs .* n_samples=1; give bandwidth"
    ):
        kde.fit(GOOD[:1])
    with pytest.raises(ValueError, match="n_samples=1; give bandwidth as a number"):
        kde.fit(GOOD, sample_weight=np.eye(30)[4])
    with pytest.raises(SingularCovarianceError, match="columns 0, 32, 39 are constant. Drop them"):
        kde.fit(load_digits().data)
    dependent = np.column_stack([GOOD, GOOD[:, 0] + 2 * GOOD[:, 1]])
    with pytest.raises(SingularCovarianceError, match=r"column \d is linear in the others"):
        kde.fit(dependent)
    with pytest.raises(
        SingularCovarianceError, match="2 samples cannot determine it in 3 features"
    ):
        kde.fit(GOOD[:2])
    for scale in (1e200, 1e-200):
        with pytest.raises(ValueError, match="whose squares overflow or underflow; rescale X"):
            kde.fit(GOOD * scale)


@pytest.mark.parametrize("n", [30, 300, 3000, 20_000])
@pytest.mark.parametrize("seed", range(3))
def test_dependent_columns_are_named_however_many_rows(n, seed):
    rng = np.random.default_rng(seed)
    one_hot = np.eye(6)[rng.integers(0, 6, size=n)]
    with pytest.raises(SingularCovarianceError, match=r"column \d is linear in the others"):
        KernelDensity().fit(one_hot)
    X = rng.normal(size=(n, 2)) * [1.0, 1e3] + 1e3
    X = np.column_stack([X, X @ [0.3, 0.7]])
    with pytest.raises(SingularCovarianceError, match=r"column \d is linear in the others"):
        KernelDensity().fit(X)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(30), r"Negative values in data passed to `sample_weight` \(least: -1.0\)"),
        (np.zeros(30), "sample_weight is zero everywhere"),
        (np.full(30, np.nan), "sample_weight contains NaN"),
        (np.full(30, np.inf), "sample_weight contains infinity"),
        (np.ones(29), r"sample_weight has shape \(29,\), expected \(30,\)"),
        (np.ones((30, 1)), r"sample_weight has shape \(30, 1\)"),
        (2.0, "sample_weight is the number 2.0; give one weight for each of the 30 rows"),
        (["a"] * 30, "sample_weight holds entries that are not numbers"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        KernelDensity().fit(GOOD, sample_weight=weights)


def test_bad_queries():
    kde = KernelDensity().fit(GOOD)
    with pytest.raises(ValueError, match="X has 2 features, but KernelDensity is expecting 3"):
        kde.score_samples(GOOD[:, :2])
    with pytest.raises(ValueError, match="contains NaN"):
        kde.score_samples(_spoiled(np.nan))


def test_other_bad_parameters():
    for name, value in (
        ("kernel", "box"),
        ("precision", "half"),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
        ("verbose", "x"),
    ):
        with pytest.raises(ValueError, match=f"'{name}' parameter of KernelDensity must be"):
            KernelDensity(**{name: value}).fit(GOOD)
    foreign = replace(PROFILES["gaussian"], name="mine")
    with pytest.raises(ValueError, match="kernel='mine' is not one of ours; give a name"):
        KernelDensity(kernel=foreign).fit(GOOD)
    kde = KernelDensity(bandwidth=1.0).fit(GOOD)
    with pytest.raises(ValueError, match="n_samples=True is not a positive integer"):
        kde.sample(True)
    with pytest.raises(ValueError, match="n_samples=0 is not a positive integer"):
        kde.sample(0)
    with pytest.raises(ValueError, match="leave-one-out .* at least two samples"):
        KernelDensity(bandwidth=1.0).fit(GOOD[:1]).leave_one_out_score()
    with pytest.raises(ValueError, match="one row carries all of sample_weight"):
        KernelDensity(bandwidth=1.0).fit(GOOD, sample_weight=np.eye(30)[4]).leave_one_out_score()


@pytest.mark.parametrize("region", [{"bounds": (-50.0, 50.0)}, {"period": 100.0}])
def test_adaptive_widths_do_not_go_with_bounds(rng, region):
    kde = KernelDensity(bandwidth=1.0, adaptive="sample-point", **region)
    with pytest.raises(ValueError, match=r"adaptive='sample-point'.*Drop one"):
        kde.fit(rng.normal(size=(20, 1)))

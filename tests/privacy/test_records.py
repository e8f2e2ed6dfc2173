"""Kernel sums take any value of a record in silence."""

import numpy as np
import pytest

from kernlab.privacy import PrivateDistanceSum, PrivateKernelSum

KERNEL = {"bandwidth": 0.5, "n_features": 8, "epsilon": 1, "noise": "insecure-test"}
ESTIMATORS = [
    PrivateKernelSum(**KERNEL),
    PrivateKernelSum(features="sorf", **KERNEL),
    PrivateKernelSum("laplacian", features="race", **KERNEL),
    PrivateKernelSum(
        bandwidth=0.5, features="fast-gauss", bounds=(-1, 1), epsilon=1, noise="insecure-test"
    ),
]
ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -1e-308, 1e300, -1.7e308]


@pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=lambda estimator: " ".join(str(estimator).split())
)
def test_no_value_warns_whatever_the_precision(estimator):
    """Warnings are errors here; beyond the range of float64 a cast would give one."""
    values = np.array([(a, b) for a in ODD for b in ODD])
    beyond = np.ldexp(values.astype(np.longdouble), 2000)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    for X in (values, single, beyond, values[:0]):
        assert np.all(np.isfinite(estimator.fit(X).query(np.zeros((1, 2)))))


@pytest.mark.parametrize("dtype", ["boolean", "Int64", "Float32"])
def test_a_missing_value_in_a_frame_is_no_error(dtype):
    """Frames turn into arrays of objects, which are refused, for some types of columns."""
    pandas = pytest.importorskip("pandas", reason="missing values of their own come with pandas")
    full, missing = (
        pandas.DataFrame({"a": pandas.array([True, b], dtype=dtype), "b": [0.5, 2.0]})
        for b in (True, None)
    )
    values = np.array([[1.0, 0.5], [np.nan, 2.0]])
    estimator = PrivateKernelSum(projection_seed=1, **KERNEL)
    assert estimator.fit(full).statistics_[0].shape == (16,)
    np.testing.assert_array_equal(
        estimator.fit(missing).statistics_[0], estimator.fit(values).statistics_[0]
    )


@pytest.mark.parametrize("missing", [False, True])
def test_frames_of_nullable_numbers_are_read_with_gaps_as_nan(missing):
    pandas = pytest.importorskip("pandas")
    values = np.array([[1.0, 0.5, 0.0], [0.0, 0.25, 1.0], [1.0, np.nan if missing else 0.5, 0.0]])
    frame = pandas.DataFrame(values, columns=["a", "b", "c"]).astype(
        {"a": "Int64", "b": "Float64", "c": "boolean"}
    )
    options = {"bounds": (0, 1), "epsilon": 1, "noise": "insecure-test"}
    options |= {"projection_seed": 1, "n_hint": 30}
    fitted = PrivateDistanceSum(**options).fit(frame)
    plain = PrivateDistanceSum(**options).fit(values)
    for a, b in zip(fitted.statistics_, plain.statistics_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(TypeError, match="dtype object"):
        PrivateDistanceSum(**options).fit(frame.assign(b="secret"))

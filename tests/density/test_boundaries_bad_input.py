"""What bounds and periods refuse, and what they say."""

import numpy as np
import pytest

from kernlab.density import KernelDensity

BAD = [
    ({"bounds": [0, 1]}, [[2.0]], r"X\[0, 0\] is 2.0, outside of the bounds"),
    ({"bounds": [1, 0]}, [[0.5]], "must be below the upper"),
    ({"bounds": [0, 1, 2]}, [[0.5]], "bounds has shape"),
    ({"bounds": "ab"}, [[0.5]], "bounds"),
    ({"bounds": [["a", "b"]]}, [[0.5]], "not a table of numbers"),
    ({"period": -1.0}, [[0.5]], "period"),
    ({"period": [-1.0]}, [[0.5]], "must be positive"),
    ({"period": [1.0, 2.0, 3.0]}, [[0.5]], "period has shape"),
    ({"period": 1.0, "bounds": [0, 1]}, [[0.5]], "one of the two"),
    ({"period": 1.0, "kernel": "cauchy"}, [[0.5]], "power of the distance"),
    ({"bounds": [0, 1], "kernel": "cauchy"}, [[0.5]], "one bound alone"),
    ({"bounds": [[0, 1], [0, 1]], "boundary": "linear"}, [[0.5, 0.5]], "one feature"),
    ({"bounds": [0, 1], "boundary": "linear", "kernel": "tophat"}, [[0.5]], "use boundary='ref"),
    ({"bounds": [0, 1], "boundary": "linear", "bandwidth": 1e3}, [[0.5]], "give a narrower one"),
    ({"bounds": [0, 1], "boundary": "renormalize", "bandwidth": 1e5}, [[0.5]], "narrower one"),
    (
        {"bounds": [[0, 1]] * 2, "boundary": "renormalize", "kernel": "tophat"},
        [[0.5, 0.5]],
        "no formula",
    ),
    (
        {"bounds": [[0, 1], [None] * 2], "period": [None, 1.0], "boundary": "renormalize"},
        [[0.5, 0.5]],
        "knows no circles",
    ),
    ({"bounds": [[0, 1]] * 8}, [[0.5] * 8], "nearest images .* bound fewer features"),
]


@pytest.mark.parametrize(("options", "X", "message"), BAD)
def test_what_cannot_be_is_refused(options, X, message):
    with pytest.raises(ValueError, match=message):
        KernelDensity(**{"bandwidth": 0.5, **options}).fit(X)


def test_methods_that_have_no_answer_refuse(rng):
    X = rng.uniform(size=(20, 1))
    line = KernelDensity(bandwidth=0.2, bounds=[0, 1], boundary="linear").fit(X)
    for method in (
        line.leave_one_out_score,
        line.sample,
        line.regime,
        lambda: line.confidence_interval([[0.5]]),
        lambda: line.cdf([[0.5]]),
        lambda: line.ppf(0.5),
        lambda: line.score_gradient([[0.5]]),
    ):
        with pytest.raises(ValueError, match="boundary='reflect' or 'renormalize'"):
            method()
    circle = KernelDensity(bandwidth=0.2, period=1.0).fit(X)
    for method in (lambda: circle.cdf([[0.5]]), lambda: circle.ppf(0.5)):
        with pytest.raises(ValueError, match="on a circle"):
            method()
    table = rng.uniform(size=(20, 2))
    full = KernelDensity(bandwidth=np.eye(2), bounds=[[0, 1]] * 2).fit(table)
    with pytest.raises(ValueError, match="full bandwidth matrix"):
        full.condition(0, 0.5)
    with pytest.raises(ValueError, match="outside of bounds"):
        full.condition(0, 1.5)

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
    ({"bounds": [[0, 1]] * 8}, [[0.5] * 8], "bound fewer features, .*boundary='renormalize'"),
    ({"period": 1.0}, [[0.5] * 8], r"nearest images .* or wrap fewer\.$"),
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


def test_circles_are_not_advised_to_renormalise(rng):
    circle = KernelDensity(bandwidth=1e5, period=1.0).fit(rng.uniform(size=(9, 1)))
    with pytest.raises(ValueError, match=r"more than 4096 images.*instead of a matrix\.$"):
        circle.score_samples([[0.5]])


@pytest.mark.parametrize("far", [1e3, 1e9])
def test_queries_outside_are_no_trouble_however_far(rng, far):
    """Nor do far queries inside under a matrix that is widths."""
    X, H = rng.uniform(size=(50, 2)), np.array([[1e-4, 5e-5], [5e-5, 1e-4]])
    options = {"bounds": [[0, 1], [0, None]]}
    kde = KernelDensity(bandwidth=H, **options).fit(X)
    outside, at = [[-1.0, far], [1.5, 0.5]], X[:1]
    log_density, error = kde.score_samples([*outside, *at], return_error=True)
    np.testing.assert_array_equal(log_density[:2], -np.inf)
    assert np.all(error[:2] < 1e-13)
    assert log_density[2] == kde.score_samples(at)[0]
    assert np.all(np.isnan(kde.score_gradient(outside)))
    np.testing.assert_array_equal(kde.effective_samples(outside), 0.0)
    widths = KernelDensity(bandwidth=[1e-2, 2e-2], **options).fit(X).score_samples([[0.5, far]])
    matrix = KernelDensity(bandwidth=np.diag([1e-4, 4e-4]), **options).fit(X)
    np.testing.assert_allclose(matrix.score_samples([[0.5, far]]), widths, rtol=1e-12)
    if far > 1e6:  # along a correlation the images that count are as far off as the query
        with pytest.raises(ValueError, match="one to each feature instead of a matrix"):
            kde.score_samples([[0.5, far]])


@pytest.mark.parametrize("boundary", ["reflect", "renormalize", "linear"])
@pytest.mark.parametrize("bounds", [(0.7, np.inf), (-np.inf, 0.1), (0.1, 0.7)])
def test_single_precision_at_a_bound(boundary, bounds):
    """The float32 nearest to 0.7 is below it, that nearest to 0.1 above."""
    X = np.float32([[b] for b in bounds if np.isfinite(b)] + [[np.clip(0.4, *bounds)]])
    exact = np.clip(X.astype(float), *bounds)
    options = {"bandwidth": 0.2, "bounds": bounds, "boundary": boundary}
    kde = KernelDensity(**options).fit(X)
    expected = KernelDensity(**options).fit(exact).score_samples(exact)
    np.testing.assert_allclose(kde.score_samples(X), expected, rtol=1e-12)
    # One step of single precision farther is outside.
    low, high = np.float32(bounds)
    for beyond in (np.nextafter(low, -np.float32(9)), np.nextafter(high, np.float32(9))):
        if abs(beyond) < 9:
            assert kde.score_samples(np.array([[beyond]]))[0] == -np.inf
            with pytest.raises(ValueError, match="outside of the bounds"):
                kde.fit(np.float32([[beyond]]))


@pytest.mark.parametrize("boundary", ["reflect", "renormalize"])
def test_rows_without_weight_are_not_in_the_support(boundary):
    X, weights = [[1.0], [2.0], [100.0], [-90.0]], [1.0, 1.0, 0.0, 0.0]
    options = {"bandwidth": 0.5, "kernel": "epanechnikov", "boundary": boundary}
    kde = KernelDensity(bounds=[-100.0, None], **options).fit(X, sample_weight=weights)
    np.testing.assert_allclose(kde.ppf([0.0, 1.0]), [0.5, 2.5], rtol=1e-12)

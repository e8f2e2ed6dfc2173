"""KernelDensity by each algorithm: the tolerance is kept and the error reported."""

import pickle

import mpmath
import numpy as np
import pytest
from oracles import brute_log_density
from sklearn.base import clone

from kernlab.density import KernelDensity

CASES = [
    ("fgt", 1, {}),
    ("fgt", 1, {"rtol": 1e-5}),
    ("fft", 1, {"rtol": 1e-4}),
    ("fft", 2, {"rtol": 1e-3}),
    ("fft", 2, {"atol": 1e-9}),
    ("tree", 2, {}),
    ("tree", 3, {"rtol": 1e-2}),
    ("tree", 2, {"atol": 1e-4}),
    ("auto", 2, {"rtol": 1e-3}),
    ("auto", 12, {"rtol": 1e-3}),
]


@pytest.mark.parametrize(("algorithm", "d", "tolerance"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_tolerance_is_kept(rng, algorithm, d, tolerance, weighted):
    X = rng.normal(size=(700, d))
    Y = np.concatenate([rng.normal(size=(60, d)), 5 + rng.normal(size=(5, d))])
    weights = rng.exponential(size=700) if weighted else None
    kde = KernelDensity(bandwidth=0.4, algorithm=algorithm, **tolerance)
    kde.fit(X, sample_weight=weights)
    log_density, error = kde.score_samples(Y, return_error=True)
    expected = brute_log_density("gaussian", Y, X, 0.4, weights)
    np.testing.assert_array_equal(log_density, kde.score_samples(Y))
    rounding = 1e-12 * np.maximum(1, np.abs(expected))
    assert np.all(np.abs(log_density - expected) <= error + rounding)
    permitted = tolerance.get("rtol", 0) * np.exp(expected) + tolerance.get("atol", 0)
    missed = np.abs(np.exp(log_density) - np.exp(expected))
    assert np.all(missed <= permitted + 2 * rounding * np.exp(expected))
    rounding = 1e-13 if kde.algorithm_ == "fgt" else 1e-12
    bound = rounding if kde.algorithm_ == "exact" else max(tolerance.get("rtol", 0), rounding)
    assert kde.error_bound_ == (np.inf if "atol" in tolerance else bound)


@pytest.mark.parametrize(("algorithm", "d", "tolerance"), CASES)
def test_leave_one_out_keeps_the_tolerance_too(rng, algorithm, d, tolerance):
    X = np.concatenate([rng.normal(size=(300, d)), [np.full(d, 7.0)]])
    exact = KernelDensity(bandwidth=0.5).fit(X).leave_one_out_score_samples()
    kde = KernelDensity(bandwidth=0.5, algorithm=algorithm, **tolerance).fit(X)
    result = kde.leave_one_out_score_samples()
    permitted = tolerance.get("rtol", 0) * np.exp(exact) + tolerance.get("atol", 0)
    missed = np.abs(np.exp(result) - np.exp(exact))
    assert np.all(missed <= permitted + 4e-12 * np.maximum(1, np.abs(exact)) * np.exp(exact))


def test_auto_is_exact_without_a_tolerance_and_chooses_with_one(rng):
    X = rng.normal(size=(12_000, 2))
    chosen = {
        "exact": KernelDensity(bandwidth=0.2),
        "fft": KernelDensity(bandwidth=0.2, rtol=1e-3),
        "tree": KernelDensity(bandwidth=0.2, rtol=1e-3, kernel="epanechnikov"),
    }
    for algorithm, kde in chosen.items():
        assert kde.fit(X).algorithm_ == algorithm
    assert KernelDensity(bandwidth=0.2, rtol=1e-3).fit(X[:, :1]).algorithm_ == "fgt"
    # In many dimensions blocks exclude nothing, and all pairs by matrix products are faster.
    many = rng.normal(size=(2000, 20))
    assert KernelDensity(bandwidth=1.0, rtol=1e-3).fit(many).algorithm_ == "exact"
    # Unless the data is far less wide than it is tall.
    line = rng.normal(size=(20_000, 1)) * np.ones(20)
    assert KernelDensity(bandwidth=0.1, rtol=1e-3).fit(line).algorithm_ == "tree"


def test_a_sample_reports_its_standard_error(rng):
    X, Y = rng.normal(size=(20_000, 3)), rng.normal(size=(50, 3))
    exact = KernelDensity(bandwidth=2.0).fit(X)
    kde = KernelDensity(bandwidth=2.0, algorithm="sampled", rtol=0.02, random_state=3).fit(X)
    log_density, error = kde.score_samples(Y, return_error=True)
    assert np.isnan(kde.error_bound_)
    assert np.all(error <= 0.02)
    assert np.all(np.abs(log_density - exact.score_samples(Y)) <= 6 * error)
    np.testing.assert_array_equal(clone(kde).fit(X).score_samples(Y), log_density)
    np.testing.assert_allclose(
        kde.leave_one_out_score_samples(), exact.leave_one_out_score_samples(), rtol=1e-11
    )


@pytest.mark.parametrize(("algorithm", "d", "tolerance"), CASES[1:8:2])
def test_pickles_threads_and_other_methods(rng, algorithm, d, tolerance):
    X, Y = rng.normal(size=(900, d)), rng.normal(size=(200, d))
    kde = KernelDensity(bandwidth=0.3, algorithm=algorithm, **tolerance).fit(X)
    exact = KernelDensity(bandwidth=0.3).fit(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(kde)).score_samples(Y), kde.score_samples(Y)
    )
    two = clone(kde).set_params(n_jobs=2).fit(X)
    np.testing.assert_allclose(two.score_samples(Y), kde.score_samples(Y), rtol=1e-10, atol=1e-3)
    np.testing.assert_allclose(kde.effective_samples(Y), exact.effective_samples(Y), rtol=1e-10)
    drawn, expected = (e.sample(5, random_state=0) for e in (kde, exact))
    np.testing.assert_allclose(drawn, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("parameters", "d", "message"),
    [
        ({"algorithm": "fgt"}, 2, r"algorithm='fgt' serves up to 1 features and X has 2"),
        ({"algorithm": "fft", "rtol": 1e-3}, 4, r"serves up to 3 features"),
        ({"algorithm": "fft"}, 2, r"algorithm='fft' needs a tolerance"),
        ({"algorithm": "sampled", "atol": 1.0}, 2, r"rtol=0"),
        ({"algorithm": "fgt", "kernel": "linear"}, 1, r"serves kernel='gaussian', not 'linear'"),
        ({"algorithm": "ball_tree"}, 2, r"'algorithm' parameter"),
        ({"rtol": 1.0}, 2, r"'rtol' parameter"),
        ({"atol": -1.0}, 2, r"'atol' parameter"),
    ],
)
def test_bad_settings_name_the_parameter(rng, parameters, d, message):
    with pytest.raises(ValueError, match=message):
        KernelDensity(bandwidth=1.0, **parameters).fit(rng.normal(size=(20, d)))


def test_other_libraries_are_summed_exactly(xp, rng):
    X = xp.asarray(rng.normal(size=(40, 2)))
    kde = KernelDensity(bandwidth=0.5, rtol=1e-3).fit(X)
    assert kde.algorithm_ == "exact"
    _, error = kde.score_samples(X, return_error=True)
    assert float(xp.max(error)) <= 1e-10
    with pytest.raises(ValueError, match="NumPy arrays"):
        KernelDensity(bandwidth=0.5, algorithm="tree").fit(X)


@pytest.mark.parametrize(("rows", "h"), [([[0.0], [1.0], [1e20]], 1.0), ([[0.0], [1e60]], 1e-50)])
@pytest.mark.parametrize("algorithm", ["auto", "fft"])
def test_outliers_any_number_of_bandwidths_off(rows, h, algorithm):
    exact = KernelDensity(bandwidth=h).fit(rows)
    kde = KernelDensity(bandwidth=h, algorithm=algorithm, rtol=1e-3).fit(rows)
    np.testing.assert_allclose(kde.score_samples(rows), exact.score_samples(rows), rtol=1e-3)


def test_absolute_tolerance_of_leave_one_out_under_a_dominant_weight(rng):
    X = rng.normal(size=(3000, 2))
    X[0] = 0.0
    weights = np.ones(3000)
    weights[0] = 1e12
    exact = KernelDensity(bandwidth=0.1).fit(X, sample_weight=weights)
    kde = KernelDensity(bandwidth=0.1, algorithm="tree", atol=1e-4).fit(X, sample_weight=weights)
    densities = [np.exp(e.leave_one_out_score_samples()) for e in (kde, exact)]
    assert np.max(np.abs(densities[0] - densities[1])) <= 1e-4


def test_the_bound_knows_the_edge_of_support_and_the_condition_of_a_matrix():
    X = [[0.0], [5.0]]
    for kernel, value in (("epanechnikov", lambda u: 1 - u * u), ("linear", lambda u: 1 - u)):
        kde = KernelDensity(kernel=kernel, bandwidth=0.3).fit(X)
        y = 0.3 * (1 - 1e-9)
        log_density, error = kde.score_samples([[y]], return_error=True)
        u = mpmath.mpf(y) / mpmath.mpf(0.3)
        truth = mpmath.log(value(u)) - kde._log_volume - mpmath.log(2)
        assert abs(log_density[0] - float(truth)) <= error[0] < 1e-3
    root = np.array([[1.0, 0.0], [1 - 1e-7, 1e-6]])
    kde = KernelDensity(bandwidth=root @ root.T).fit([[0.0, 0.0], [3.0, 1.0]])
    assert kde.error_bound_ > 1e-6

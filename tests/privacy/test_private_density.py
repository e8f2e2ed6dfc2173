"""Log densities from private kernel sums."""

import math

import numpy as np
import pytest
from scipy.special import gammaln
from sklearn.neighbors import KernelDensity

from kernlab.privacy import PrivacyBudget, PrivateKernelDensity, PrivateKernelSum

QUIET = {"epsilon": 10**9, "projection_seed": 0, "noise": "insecure-test"}
LOG_INTEGRALS = {
    "gaussian": lambda d: d / 2 * math.log(2 * math.pi),
    # Γ(d) times the surface of the sphere.
    "exponential": lambda d: math.log(2) + d / 2 * math.log(math.pi) - gammaln(d / 2) + gammaln(d),
    "laplacian": lambda d: d * math.log(2),
}


@pytest.mark.parametrize("kernel", LOG_INTEGRALS)
@pytest.mark.parametrize("d", [1, 3, 200])
def test_the_normaliser_is_the_integral_in_any_dimension(kernel, d):
    h = 0.03
    X = np.zeros((1000, d))
    kde = PrivateKernelDensity(kernel, bandwidth=h, n_features=64, **QUIET).fit(X)
    # The mean kernel value at the records is one, but for rounding to 2^-15.
    expected = -LOG_INTEGRALS[kernel](d) - d * math.log(h)
    assert kde.score_samples(X[:1])[0] == pytest.approx(expected, abs=1e-3, rel=1e-12)


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        ("gaussian", {}),
        ("exponential", {}),
        ("gaussian", {"features": "fast-gauss", "bounds": (-5, 5)}),
    ],
)
def test_densities_are_those_of_kernel_density(kernel, options, rng):
    X, Y = rng.standard_normal((1000, 2)), rng.uniform(-0.7, 0.7, (50, 2))
    m = 2048
    kde = PrivateKernelDensity(kernel, bandwidth=1.0, n_features=m, **QUIET, **options).fit(X)
    exact = KernelDensity(kernel=kernel, bandwidth=1.0).fit(X).score_samples(Y)
    mean_kernel = np.exp(exact + LOG_INTEGRALS[kernel](2))
    # Five standard deviations of m independent frequencies.
    tolerance = 1e-4 if options else 5 / math.sqrt(2 * m)
    assert np.all(mean_kernel > 2 * tolerance)
    assert np.all(np.abs(kde.score_samples(Y) - exact) < 2 * tolerance / mean_kernel)
    assert kde.score(Y) == pytest.approx(kde.score_samples(Y).sum())


def test_estimates_are_those_of_the_kernel_sum(rng):
    X, Y = rng.standard_normal((500, 2)), rng.standard_normal((20, 2))
    options = {"bandwidth": 0.7, "epsilon": 1, "projection_seed": 4, "noise": "insecure-test"}
    kde, sums = PrivateKernelDensity(**options).fit(X), PrivateKernelSum(**options).fit(X)
    np.testing.assert_array_equal(kde.query(Y), sums.query(Y))
    assert kde.epsilon_ == sums.epsilon_


@pytest.mark.parametrize("delta", [0, 1e-6])
def test_no_estimate_is_below_the_floor(delta, rng):
    X = rng.standard_normal((300, 2))
    # Far from all records, where the noise has either sign.
    far = 1e3 + 10 * rng.standard_normal((2000, 2))
    options = {"bandwidth": 1, "epsilon": 1, "projection_seed": 0, "noise": "insecure-test"}
    kde = PrivateKernelDensity(delta=delta, **options).fit(X)
    means = kde.mean(far)
    assert np.mean(means < 0) > 0.1
    log_density = kde.score_samples(far)
    lowest = math.log(kde.floor_) - math.log(2 * math.pi)
    assert log_density.min() == pytest.approx(lowest)
    below = means <= kde.floor_
    np.testing.assert_allclose(log_density[below], lowest)
    np.testing.assert_allclose(log_density[~below], np.log(means[~below] / (2 * math.pi)))
    planned = PrivateKernelDensity(delta=delta, n_hint=kde.n_noisy_, **options).plan(1, 2)
    assert kde.floor_ == pytest.approx(planned.noise_rms / kde.n_noisy_, rel=0.01)
    public = PrivateKernelDensity(delta=delta, floor=0.25, **options).fit(X)
    assert public.floor_ == 0.25
    assert public.score_samples(far).min() == pytest.approx(math.log(0.25 / (2 * math.pi)))


@pytest.mark.parametrize("n", [0, 1])
def test_without_records_the_density_is_finite(n):
    kde = PrivateKernelDensity(bandwidth=1, epsilon=1, noise="builtin").fit(np.zeros((n, 2)))
    assert 0 < kde.floor_ <= 1
    assert np.all(np.isfinite(kde.score_samples([[0.0, 0.0], [1e6, 0.0]])))


def test_a_density_survives_its_file(rng, tmp_path):
    X = rng.standard_normal((50, 3))
    kde = PrivateKernelDensity("laplacian", bandwidth=2, epsilon=1, noise="builtin").fit(X)
    kde.save(tmp_path / "density.npz")
    again = PrivateKernelDensity.load(tmp_path / "density.npz")
    np.testing.assert_array_equal(again.score_samples(X), kde.score_samples(X))
    with pytest.raises(ValueError, match="PrivateKernelDensity"):
        PrivateKernelSum.load(tmp_path / "density.npz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "cauchy"}, "no finite integral.*PrivateKernelSum"),
        ({"kernel": "rational"}, "no finite integral.*PrivateKernelSum"),
        ({"kernel": "tophat"}, "kernel"),
        ({"floor": 0}, "floor"),
        ({"floor": 1.5}, "floor"),
        ({"floor": "low"}, "floor"),
        ({"bandwidth": -1}, "bandwidth"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_spent(options, message):
    budget = PrivacyBudget(1)
    kde = PrivateKernelDensity(
        **{"bandwidth": 1, "epsilon": 1, "noise": "builtin", "budget": budget, **options}
    )
    with pytest.raises(ValueError, match=message):
        kde.fit(np.zeros((3, 2)))
    assert budget.spent == (0, 0)

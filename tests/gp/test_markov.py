"""The Markov engine against dense Gaussian processes with textbook covariances."""

import mpmath
import numpy as np
import pytest
from scipy import linalg

from kernlab.gp._markov import MarkovProcess, MaternComponent, Observations


def matern(nu, r):
    s = np.sqrt(2 * nu) * r
    return {0.5: 1.0, 1.5: 1 + s, 2.5: 1 + s + s**2 / 3}[nu] * np.exp(-s)


def covariance(components, a, b):
    steps = np.abs(np.subtract.outer(a, b))
    return sum(
        c.variance * matern(c.nu, steps / c.length_scale) * np.cos(c.frequency * steps)
        for c in components
    )


def dense(components, t, y, noise, at):
    K = covariance(components, t, t) + np.diag(np.broadcast_to(noise, t.shape))
    factor = linalg.cho_factor(K, lower=True)
    cross = covariance(components, at, t)
    half = linalg.solve_triangular(factor[0], cross.T, lower=True)
    evidence = -0.5 * (y @ linalg.cho_solve(factor, y) + len(t) * np.log(2 * np.pi))
    evidence -= np.log(np.diag(factor[0])).sum()
    prior = sum(c.variance for c in components)
    return cross @ linalg.cho_solve(factor, y), prior - (half**2).sum(0), evidence


MIXTURES = {
    "matern12": [MaternComponent(1.3, 0.7, 0.5)],
    "matern32": [MaternComponent(0.4, 1.1, 1.5)],
    "matern52": [MaternComponent(2.0, 0.9, 2.5)],
    "turning": [MaternComponent(2.0, 1.5, 2.5, 9.0)],
    "sum": [
        MaternComponent(1.0, 3.0, 2.5),
        MaternComponent(0.3, 0.8, 1.5, 7.0),
        MaternComponent(0.1, 0.2, 0.5),
        MaternComponent(0.5, 2.0, 2.5, 15.0),
    ],
}


@pytest.mark.parametrize("name", MIXTURES)
def test_posterior_and_evidence_equal_the_dense_gp(name):
    components = MIXTURES[name]
    rng = np.random.default_rng(0)
    # Uneven steps, some far below the length scale, and points at one time.
    t = np.sort(np.concatenate([rng.uniform(0, 10, 120), rng.uniform(4, 4.001, 20), [5.0, 5.0]]))
    y = np.sin(t) + 0.3 * rng.normal(size=len(t))
    noise = rng.uniform(0.02, 0.3, len(t))
    at = np.concatenate([rng.uniform(-2, 12, 50), t[:20]])
    mean, variance, evidence = dense(components, t, y, noise, at)
    process = MarkovProcess(components)
    data = Observations(t, y, noise)
    got_mean, got_variance = process.posterior(data, at)
    np.testing.assert_allclose(got_mean, mean, atol=1e-11)
    np.testing.assert_allclose(got_variance, variance, rtol=1e-9)
    assert process.log_likelihood(data) == pytest.approx(evidence, rel=1e-11)


@pytest.mark.parametrize("name", MIXTURES)
def test_covariance_is_the_textbooks(name):
    components = MIXTURES[name]
    a, b = np.linspace(0, 3, 7), np.linspace(-1, 4, 9)
    got = MarkovProcess(components).covariance(a, b)
    np.testing.assert_allclose(got, covariance(components, a, b), atol=1e-14)


def test_covariances_of_derivatives_equal_numerical_ones():
    component = MaternComponent(1.7, 0.8, 2.5, 3.0)
    process = MarkovProcess([component])

    def kernel(step):
        s = mpmath.sqrt(5) * abs(step) / mpmath.mpf("0.8")
        value = (1 + s + s * s / 3) * mpmath.exp(-s)
        return mpmath.mpf("1.7") * value * mpmath.cos(3 * step)

    with mpmath.workdps(40):
        for i in range(3):
            for j in range(3):
                for step in (0.9, -0.4):
                    got = process.covariance([step], [0.0], process.row(i), process.row(j))[0, 0]
                    expected = (-1) ** j * mpmath.diff(kernel, mpmath.mpf(step), i + j)
                    assert got == pytest.approx(float(expected), rel=1e-11)
                # At zero only as far as the kernel is smooth there, which is to order four.
                got = process.covariance([0.0], [0.0], process.row(i), process.row(j))[0, 0]
                right = (-1) ** j * mpmath.diff(kernel, mpmath.mpf(1) / 10**12, i + j)
                assert got == pytest.approx(float(right), rel=1e-9, abs=1e-9)


def test_observed_derivatives_equal_the_dense_gp():
    process = MarkovProcess([MaternComponent(1.0, 1.2, 2.5, 4.0), MaternComponent(0.5, 2.0, 2.5)])
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0, 5, 60))
    index = rng.integers(0, 3, 60)
    rows = np.array([process.row(m) for m in range(3)])
    y, noise = rng.normal(size=60), rng.uniform(0.05, 0.2, 60)
    at = rng.uniform(-1, 6, 30)
    K = np.empty((60, 60))
    cross = np.empty((30, 60))
    for i in range(3):
        cross[:, index == i] = process.covariance(at, t[index == i], rows[1], rows[i])
        for j in range(3):
            block = process.covariance(t[index == i], t[index == j], rows[i], rows[j])
            K[np.ix_(index == i, index == j)] = block
    K[np.diag_indices(60)] += noise
    mean = cross @ np.linalg.solve(K, y)
    slope_variance = process.covariance([0.0], [0.0], rows[1], rows[1])[0, 0]
    variance = slope_variance - np.einsum("ij,ji->i", cross, np.linalg.solve(K, cross.T))
    evidence = -0.5 * (y @ np.linalg.solve(K, y) + np.linalg.slogdet(K)[1] + 60 * np.log(2 * np.pi))
    data = Observations(t, y, noise, rows, index)
    got = process.posterior(data, at, rows[1])
    np.testing.assert_allclose(got[0], mean, atol=1e-10)
    np.testing.assert_allclose(got[1], variance, rtol=1e-9)
    assert process.log_likelihood(data) == pytest.approx(evidence, rel=1e-11)


def test_the_score_of_observed_derivatives_equals_differences():
    # With a noise variance of its own for each value; errors of central differences of step h are
    # about h² and 1e-13/h, relative to a few tens.
    rng = np.random.default_rng(3)
    t = np.sort(rng.uniform(0, 5, 40))
    index, y = rng.integers(0, 3, 40), rng.normal(size=40)
    noise = rng.uniform(0.05, 0.2, 40)

    def at(theta):
        components = [
            MaternComponent(np.exp(theta[0]), np.exp(theta[1]), 2.5, theta[2]),
            MaternComponent(np.exp(theta[3]), np.exp(theta[4]), 2.5),
        ]
        process = MarkovProcess(components)
        # Sums of the components' scaled states, which no parameter moves.
        rows = [np.eye(9)[2 * m] + np.eye(9)[6 + m] for m in range(3)]
        return process, Observations(t, y, np.exp(theta[5]) * noise, np.array(rows), index)

    theta, h = np.array([0.1, 0.2, 3.0, -0.5, 0.6, 0.0]), 1e-5
    process, data = at(theta)
    value, gradient, by_noise = process.score(data)
    assert value == process.log_likelihood(data)
    got = [gradient[0, 2], gradient[0, 0], gradient[0, 1], gradient[1, 2], gradient[1, 0], by_noise]
    for k, step in enumerate(h * np.eye(6)):
        above, below = (p.log_likelihood(d) for p, d in (at(theta + step), at(theta - step)))
        assert got[k] == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-6)
    assert gradient[1, 1] == 0.0


def test_short_steps_lose_nothing():
    # Observations of f'' a thousandth of a millionth of the length scale apart, without noise:
    # their differences are white noise of the rate q = 16λ⁵/3.
    process = MarkovProcess([MaternComponent(1.0, np.sqrt(5.0), 2.5)])
    t = 1e-9 * np.arange(4.0)
    row = process.row(2)
    y = np.array([0.3, 0.30001, 0.29998, 0.30003])
    data = Observations(t, y, 0.0, row[None])
    expected = -0.5 * (y[0] ** 2 + np.log(2 * np.pi))
    rate = 16 / 3 * 1e-9
    expected -= 0.5 * (np.diff(y) ** 2 / rate + np.log(2 * np.pi * rate)).sum()
    # The first step also drifts by some 1e-9 of f'', against √rate = 7e-5.
    assert process.log_likelihood(data) == pytest.approx(expected, rel=1e-4)


def test_exact_observations_are_interpolated():
    process = MarkovProcess(MIXTURES["turning"])
    t = np.linspace(0, 3, 40)
    y = np.cos(9 * t)
    mean, variance = process.posterior(Observations(t, y, 0.0), t)
    np.testing.assert_allclose(mean, y, atol=1e-9)
    assert variance.max() < 1e-12


def test_prior_draws_have_the_prior_covariance():
    process = MarkovProcess(MIXTURES["sum"])
    rng = np.random.default_rng(0)
    t = np.array([0.0, 1e-6, 0.1, 0.5, 0.5, 40.0])
    draws = np.array([process.sample(t, rng) @ process.row() for _ in range(4000)])
    expected = process.covariance(t, t)
    # The standard error of a covariance is at most √(2/4000) of the variance.
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=5 * 0.0224 * expected[0, 0])
    np.testing.assert_array_equal(draws[:, 3], draws[:, 4])
    step = MarkovProcess([MaternComponent(1.0, np.sqrt(3.0), 1.5)])
    moved = np.array([np.diff(step.sample([0.0, 1e-6], rng)[:, 1])[0] for _ in range(4000)])
    assert np.var(moved) == pytest.approx(4e-6, rel=5 * 0.0224)


def test_a_long_record_keeps_its_accuracy():
    # White noise of a known level on a known function: the posterior mean's error is that of a
    # smoother, and 20 000 points are more than rounding errors would survive unchecked.
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 1000, 20_000))
    y = np.sin(t) + rng.normal(size=len(t))
    process = MarkovProcess([MaternComponent(0.5, 50.0, 2.5, 1.0)])
    mean, variance = process.posterior(Observations(t, y, 1.0), t[::7])
    error = mean - np.sin(t[::7])
    assert np.abs(error).max() < 6 * np.sqrt(variance.max())
    assert (np.abs(error) < 1.96 * np.sqrt(variance)).mean() > 0.9


def test_no_observations_give_the_prior():
    process = MarkovProcess(MIXTURES["sum"])
    empty = Observations(np.array([]), np.array([]), 1.0)
    mean, variance = process.posterior(empty, np.array([3.0, -1.0]))
    assert np.all(mean == 0.0)
    np.testing.assert_allclose(variance, 1.9)
    assert process.log_likelihood(empty) == 0.0


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MaternComponent(1.0, 1.0, 2.0), "nu must be"),
        (lambda: MaternComponent(-1.0, 1.0), "variance must be positive"),
        (lambda: MaternComponent(1.0, np.inf), "length_scale must be"),
        (lambda: MaternComponent(np.inf, np.inf, 0.5), "variance must be"),
        (lambda: MaternComponent(1.0, 1.0, 1.5, -2.0), "frequency"),
        (lambda: MarkovProcess([]), "at least one"),
        (lambda: MarkovProcess(MIXTURES["matern32"]).row(2), "between 0 and 1"),
        (lambda: Observations([1.0, 0.0], [1.0, 1.0], 1.0), "must not descend"),
        (lambda: Observations([0.0, np.nan], [1.0, 1.0], 1.0), "finite"),
        (lambda: Observations([0.0, 1.0], [1.0], 1.0), "one length"),
        (lambda: Observations([0.0], [1.0], -1.0), "noise variances"),
    ],
)
def test_bad_input_is_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_rows_of_another_process_are_refused():
    process = MarkovProcess(MIXTURES["matern32"])
    with pytest.raises(ValueError, match=r"shape \(m, 2\)"):
        process.log_likelihood(Observations([0.0], [1.0], 1.0, np.ones((1, 3))))
    with pytest.raises(ValueError, match="index must lie"):
        process.log_likelihood(Observations([0.0], [1.0], 1.0, np.ones((1, 2)), [1]))
    with pytest.raises(ValueError, match="finite one-dimensional"):
        process.posterior(Observations([0.0], [1.0], 1.0), [np.nan])

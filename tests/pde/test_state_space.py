"""The state-space fit against a dense Gaussian process, its covariances differentiated by rule."""

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde._state_space import fit_state_space


class Term:
    """e^(-as) (p(s) cos ωs + q(s) sin ωs), s >= 0, which differentiation maps to its like."""

    def __init__(self, a, w, p, q):
        self.a, self.w, self.p, self.q = a, w, p, q

    def derivative(self):
        p = self.p.deriv() - self.a * self.p + self.w * self.q
        q = self.q.deriv() - self.a * self.q - self.w * self.p
        return Term(self.a, self.w, p, q)

    def __call__(self, s):
        return np.exp(-self.a * s) * (
            self.p(s) * np.cos(self.w * s) + self.q(s) * np.sin(self.w * s)
        )


def covariance(components, x, z, left, right):
    """Covariance of Σ left[m] u⁽ᵐ⁾(x) and Σ right[m] u⁽ᵐ⁾(z)."""
    steps = np.subtract.outer(x, z)
    total = np.zeros(steps.shape)
    for part in components:
        a = np.sqrt(5) / part.length_scale
        kernel = Term(a, part.frequency, Polynomial([1, a, a * a / 3]), Polynomial([0.0]))
        derivatives = [kernel]
        for _ in range(4):
            derivatives.append(derivatives[-1].derivative())
        for i, first in enumerate(left):
            for j, second in enumerate(right):
                # d^i/dx^i d^j/dz^j of an even function of x - z.
                sign = np.where(steps >= 0, (-1.0) ** j, (-1.0) ** i)
                value = sign * derivatives[i + j](np.abs(steps))
                total += part.variance * first * second * value
    return total


def dense(posterior, x, y, ends, values, operator, noise, boundary_noise, at):
    parts = posterior.kernel.components
    u, f = (1.0,), operator
    ends = np.asarray(ends, dtype=float)
    K = np.block(
        [
            [covariance(parts, x, x, f, f), covariance(parts, x, ends, f, u)],
            [covariance(parts, ends, x, u, f), covariance(parts, ends, ends, u, u)],
        ]
    )
    K[np.diag_indices(len(K))] += np.concatenate(
        [np.broadcast_to(noise, x.shape), [boundary_noise] * 2]
    )
    cross = np.hstack([covariance(parts, at, x, u, f), covariance(parts, at, ends, u, u)])
    # Rows of one size: values of u and of the source differ by orders of magnitude.
    size = np.sqrt(np.diag(K))
    root = linalg.cholesky(K / np.outer(size, size), lower=True)
    data = linalg.solve_triangular(root, np.concatenate([y, values]) / size, lower=True)
    half = linalg.solve_triangular(root, (cross / size).T, lower=True)
    evidence = -0.5 * (data @ data + len(K) * np.log(2 * np.pi)) - np.log(np.diag(root)).sum()
    evidence -= np.log(size).sum()
    cov = covariance(parts, at, at, u, u) - half.T @ half
    return half.T @ data, cov, evidence


def u(x):
    return np.sin(3 * x) + 0.3 * np.cos(25 * x)


def source(x, a=1.0, b=0.0, c=0.0):
    second = -9 * np.sin(3 * x) - 0.3 * 625 * np.cos(25 * x)
    return a * second + b * (3 * np.cos(3 * x) - 7.5 * np.sin(25 * x)) + c * u(x)


def noisy(seed, n=90, level=0.02, low=-1.0, high=2.0, operator=(1.0, 0.0, 0.0)):
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, high, n)
    clean = source(x, *operator)
    return x, clean + level * clean.std() * rng.normal(size=n), level * clean.std()


@pytest.mark.parametrize("operator", [(1.0, 0.0, 0.0), (-2.0, 3.0, 20.0)])
@pytest.mark.parametrize("per_point", [False, True])
def test_posterior_and_evidence_equal_the_dense_gp(operator, per_point):
    x, y, level = noisy(0, operator=operator)
    ends, values, boundary_noise = (-1.0, 2.0), u(np.array([-1.0, 2.0])) - 0.02, 1e-3
    alpha = level**2 * np.random.default_rng(1).uniform(0.5, 2.0, len(x)) if per_point else "fit"
    posterior = fit_state_space(
        x, y, *ends, *operator, boundary=values, boundary_noise=boundary_noise,
        frequencies=[25.0], alpha=alpha,
    )  # fmt: skip
    if per_point:
        np.testing.assert_allclose(posterior.noise, alpha)
    at = np.linspace(-1, 2, 31)
    mean, cov, evidence = dense(
        posterior, x, y, ends, values, operator[::-1], posterior.noise, boundary_noise, at
    )
    got, std = posterior.predict(at[:, None], return_std=True)
    np.testing.assert_allclose(got, mean, atol=1e-9 * np.abs(mean).max())
    np.testing.assert_allclose(std, np.sqrt(np.diag(cov)), rtol=1e-7)
    assert posterior.log_evidence == pytest.approx(evidence, rel=1e-9)
    got_cov = posterior.predict(at[:, None], return_cov=True)[1]
    np.testing.assert_allclose(got_cov, cov, atol=1e-8 * cov.max())
    grid = posterior.predict_grid([at], return_std=True)
    np.testing.assert_array_equal(grid, (got, std))
    kernel = posterior.kernel(at[:, None], x[:, None])
    prior = covariance(posterior.kernel.components, at, x, (1.0,), (1.0,))
    np.testing.assert_allclose(kernel, prior, atol=1e-12 * prior.max())
    np.testing.assert_allclose(
        posterior.kernel.diag(at[:, None]), np.diag(posterior.kernel(at[:, None]))
    )


def test_samples_have_the_posteriors_moments():
    x, y, level = noisy(0, n=40)
    posterior = fit_state_space(x, y, -1.0, 2.0, frequencies=[25.0], alpha=level**2)
    at = np.array([-0.9, -0.85, 0.0, 0.7, 1.99])[:, None]
    mean, cov = posterior.predict(at, return_cov=True)
    std = np.sqrt(np.diag(cov))
    draws = posterior.sample(at, 1500, np.random.default_rng(0))
    assert np.abs((draws.mean(1) - mean) / std).max() < 4.5 / np.sqrt(1500)
    # The standard error of a covariance of unit variances is at most √(2/1500) = 0.037.
    scale = np.outer(std, std)
    np.testing.assert_allclose(np.cov(draws) / scale, cov / scale, atol=5 * 0.037)


def test_noise_is_learned_and_the_interval_covers():
    at = np.linspace(-1, 2, 200)
    covered, ratio = [], []
    for seed in range(4):
        x, y, level = noisy(seed, n=200)
        posterior = fit_state_space(
            x, y, -1.0, 2.0, boundary=u(np.array([-1.0, 2.0])), frequencies=[24.7]
        )
        assert posterior.converged
        mean, std = posterior.predict(at[:, None], return_std=True)
        # Noise of 2.6 in u'' alone moves u by some 2.6 L²/π² √(2/200), a quarter of its size.
        assert np.linalg.norm(mean - u(at)) < 0.5 * np.linalg.norm(u(at))
        covered.append((np.abs(mean - u(at)) <= 1.96 * std + 1e-8).mean())
        ratio.append(np.sqrt(posterior.noise) / level)
    # Each seed has some five independent errors: 0.95 ± 0.05 over four, minus the share that
    # goes with the fitted frequencies.
    assert np.mean(covered) > 0.75
    # 1/√(2·800) = 0.025 alone; and the prior takes some noise for the roughness of u''.
    assert 0.85 < np.mean(ratio) < 1.08


def test_exact_values_at_the_ends_are_kept():
    x, y, level = noisy(3)
    posterior = fit_state_space(
        x, y, -1.0, 2.0, boundary=(0.5, -3.0), frequencies=[25.0], alpha=level**2
    )
    mean, std = posterior.predict(np.array([[-1.0], [2.0]]), return_std=True)
    np.testing.assert_allclose(mean, [0.5, -3.0], atol=1e-7)
    assert std.max() < 1e-7
    assert posterior.noise == pytest.approx(level**2)


def test_a_source_without_lines_needs_none():
    x = np.linspace(0, 1, 60)
    exact = np.exp(x)
    posterior = fit_state_space(x, exact, 0.0, 1.0, boundary=(1.0, np.e), alpha=0.0)
    at = np.linspace(0, 1, 41)
    mean, std = posterior.predict(at[:, None], return_std=True)
    # u is between the nodes as smooth as the prior: u'' errs by some h² = 3e-4, u by less.
    np.testing.assert_allclose(mean, np.exp(at), atol=1e-5)
    assert np.all(std < 1e-2)


@pytest.mark.parametrize(("scale", "length"), [(1e-120, 1e3), (1e100, 1e-20)])
def test_units_do_not_matter(scale, length):
    x, y, level = noisy(0, n=60)
    at = np.linspace(-1, 2, 7)
    plain = fit_state_space(x, y, -1, 2, frequencies=[25.0], alpha=level**2)
    scaled = fit_state_space(
        length * x, scale * y, -length, 2 * length,
        frequencies=[25.0 / length], alpha=(scale * level) ** 2,
    )  # fmt: skip
    first = plain.predict(at[:, None], return_std=True)
    second = scaled.predict(length * at[:, None], return_std=True)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(b / scale / length**2, a, rtol=0.02, atol=1e-3)


def test_an_early_stop_warns(monkeypatch):
    monkeypatch.setattr("kernlab.pde._state_space._FIRST_ITERATIONS", 1)
    monkeypatch.setattr("kernlab.pde._state_space._MAX_ITERATIONS", 1)
    x, y, _ = noisy(0, n=20)
    with pytest.warns(ConvergenceWarning, match="stopped early"):
        posterior = fit_state_space(x, y, -1, 2, frequencies=[25.0])
    assert not posterior.converged


X = np.linspace(0, 1, 5)
Y = np.ones(5)


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ((X, Y[1:], 0, 1), {}, "y must have shape"),
        ((X, Y * np.nan, 0, 1), {}, "y must be finite"),
        ((X, Y, 1, 0), {}, "low must be less"),
        ((X, Y, 0.5, 1), {}, "outside"),
        ((X[:0], Y[:0], 0, 1), {}, "empty"),
        ((X, Y, 0, 1, 0.0), {}, "a must not be zero"),
        ((X, Y, 0, 1), {"boundary": (0.0,)}, "boundary must have shape"),
        ((X, Y, 0, 1), {"boundary_noise": -1.0}, "boundary_noise must be finite and at least"),
        ((X, Y, 0, 1), {"frequencies": [-3.0]}, "frequencies must be finite and at least"),
        ((X, Y, 0, 1), {"alpha": "learn"}, "alpha must be 'fit'"),
        ((X, Y, 0, 1), {"alpha": np.ones(3)}, "alpha must have shape"),
    ],
)
def test_bad_input_is_named(arguments, options, match):
    with pytest.raises(ValueError, match=match):
        fit_state_space(*arguments, **options)


def test_bad_queries_are_named():
    posterior = fit_state_space(X, Y, 0, 1, alpha=0.01)
    for bad, match in (([0.5], "shape"), ([[1.5]], "outside"), ([[np.nan]], "outside")):
        with pytest.raises(ValueError, match=match):
            posterior.predict(bad)
    with pytest.raises(ValueError, match="one of return_std"):
        posterior.predict([[0.5]], return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="list of one"):
        posterior.predict_grid([X, X])

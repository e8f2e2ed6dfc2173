"""The weight-space Gaussian process equals the dense one, and keeps its digits where that fails."""

import mpmath
import numpy as np
import pytest
from scipy import linalg

from kernlab.pde._evidence import MixturePrior
from kernlab.pde._features import SpectralMixtureFeatures
from kernlab.pde._prior import TensorFeatures
from kernlab.pde._weights import Group, Observations

BOUNDARY = 1e-12


def poisson(n, noise, rng, n_points=23):
    """Rows of u'' = f for u = sin 6x cos 100x with its boundary values, and points to predict."""
    basis = SpectralMixtureFeatures(0, 2 * np.pi, [94, 106], envelope=8, trend=12, merge=False)
    x = np.sort(rng.uniform(0, 2 * np.pi, n))
    f = -(1e4 + 36) * np.sin(6 * x) * np.cos(100 * x) - 1200 * np.cos(6 * x) * np.sin(100 * x)
    scale = f.std()
    f = f / scale + np.sqrt(noise) * rng.standard_normal(n)
    ends = np.array([0, 2 * np.pi])
    groups = [
        Group(basis.features(ends), np.zeros(2)),
        Group(basis.features(x, 2) / scale, f),
    ]
    mixture = MixturePrior(TensorFeatures([basis]))
    prior = mixture.log_variance(np.array([-3.0, 0.3, -0.4]), np.array([-0.7, -0.5, -0.6]))
    return groups, prior, basis.features(np.linspace(0.1, 6.1, n_points))


def dense(groups, log_noise, prior, features):
    """Mean, covariance and evidence from the Gram matrix k = Φ Λ Φᵀ; Cholesky."""
    matrix, y = np.vstack([g.matrix for g in groups]), np.concatenate([g.target for g in groups])
    noise = np.concatenate(
        [np.full(len(g.target), np.exp(v)) for g, v in zip(groups, log_noise, strict=True)]
    )
    lam = np.exp(prior)
    factor = linalg.cholesky((matrix * lam) @ matrix.T + np.diag(noise), lower=True)
    half = linalg.solve_triangular(factor, (matrix * lam) @ features.T, lower=True)
    white = linalg.solve_triangular(factor, y, lower=True)
    evidence = -0.5 * (white @ white + len(y) * np.log(2 * np.pi)) - np.log(np.diag(factor)).sum()
    return half.T @ white, (features * lam) @ features.T - half.T @ half, evidence


@pytest.mark.parametrize("compress", [True, False])
def test_noisy_rows_equal_the_dense_gaussian_process(compress, rng):
    groups, prior, features = poisson(300, 1e-4, rng)
    # The boundary is given noise that float64's Cholesky can bear, for the sake of the oracle.
    log_noise = np.log([1e-6, 1e-4])
    mean, covariance, evidence = dense(groups, log_noise, prior, features)
    rows = Observations(groups, compress=compress)
    solved = rows.solve(prior, log_noise)
    spread = solved.spread(features)
    np.testing.assert_allclose(solved.mean(features), mean, atol=1e-8 * np.abs(mean).max())
    size = np.diag(covariance).max()
    np.testing.assert_allclose(spread.T @ spread, covariance, atol=1e-8 * size)
    np.testing.assert_allclose((spread**2).sum(axis=0), np.diag(covariance), rtol=1e-8)
    assert rows.log_evidence(solved, log_noise) == pytest.approx(evidence, rel=1e-8)


def exact(groups, log_noise, prior, features, digits=60):
    """The dense formulas in ``digits`` decimal digits."""
    with mpmath.workdps(digits):
        matrix = mpmath.matrix(np.vstack([g.matrix for g in groups]).tolist())
        y = mpmath.matrix(np.concatenate([g.target for g in groups]).tolist())
        lam = [mpmath.exp(v) for v in prior.tolist()]
        scaled = matrix.copy()
        for j, value in enumerate(lam):
            for i in range(matrix.rows):
                scaled[i, j] *= value
        gram = scaled * matrix.T
        start = 0
        for group, value in zip(groups, log_noise, strict=True):
            for i in range(start, start + len(group.target)):
                gram[i, i] += mpmath.exp(value)
            start += len(group.target)
        factor = mpmath.cholesky(gram)

        def forward(b):
            out = []
            for i in range(factor.rows):
                done = mpmath.fdot((factor[i, k], out[k]) for k in range(i))
                out.append((b[i] - done) / factor[i, i])
            return out

        white = forward(y)
        log_det = mpmath.fsum(mpmath.log(factor[i, i]) for i in range(factor.rows))
        evidence = (
            -mpmath.fdot(white, white) / 2 - log_det - len(white) * mpmath.log(2 * mpmath.pi) / 2
        )
        mean, std = [], []
        for row in features.tolist():
            half = forward(scaled * mpmath.matrix(row))
            prior_variance = mpmath.fsum(v * r * r for v, r in zip(lam, row, strict=True))
            mean.append(float(mpmath.fdot(half, white)))
            std.append(float(mpmath.sqrt(prior_variance - mpmath.fdot(half, half))))
        return np.array(mean), np.array(std), float(evidence)


def test_an_exact_source_equals_sixty_digits_where_cholesky_fails(rng):
    groups, prior, features = poisson(40, 0.0, rng, n_points=7)
    log_noise = np.log([BOUNDARY, 1e-18])
    mean, std, evidence = exact(groups, log_noise, prior, features)
    rows = Observations(groups)
    solved = rows.solve(prior, log_noise)
    found = np.sqrt((solved.spread(features) ** 2).sum(axis=0))
    np.testing.assert_allclose(solved.mean(features), mean, atol=1e-8 * np.abs(mean).max())
    np.testing.assert_allclose(found, std, atol=1e-8 * std.max())
    assert rows.log_evidence(solved, log_noise) == pytest.approx(evidence, rel=1e-6)
    many, prior, features = poisson(300, 0.0, rng)
    with pytest.raises(linalg.LinAlgError):
        dense(many, log_noise, prior, features)


def test_gradients_equal_central_differences(rng):
    groups, prior, _ = poisson(60, 1e-4, rng)
    relative = rng.uniform(0.5, 2, 60)
    groups[1].relative = relative
    log_noise = np.log([1e-8, 1e-4])
    change = rng.standard_normal(groups[1].matrix.shape)
    moved = rng.standard_normal(60)

    def value(prior=prior, log_noise=log_noise, step=0.0):
        shifted = Group(groups[1].matrix + step * change, groups[1].target + step * moved, relative)
        rows = Observations([groups[0], shifted], compress=False)
        return rows.log_evidence(rows.solve(prior, log_noise), log_noise)

    rows = Observations(groups, compress=False)
    part = change / relative[:, None], moved / relative
    evidence, by_variance, by_noise, by_operator = rows.evidence(prior, log_noise, [[None, part]])
    assert evidence == pytest.approx(value(), rel=1e-12)
    h = 1e-4
    # Central differences err by h² times third derivatives, here of order one to ten.
    for i in (0, 5, 20, 40):
        move = h * (np.arange(len(prior)) == i)
        slope = (value(prior=prior + move) - value(prior=prior - move)) / (2 * h)
        assert by_variance[i] == pytest.approx(slope, rel=1e-5, abs=1e-5)
    for g in range(2):
        move = h * (np.arange(2) == g)
        slope = (value(log_noise=log_noise + move) - value(log_noise=log_noise - move)) / (2 * h)
        assert by_noise[g] == pytest.approx(slope, rel=1e-5, abs=1e-5)
    h = 1e-6
    slope = (value(step=h) - value(step=-h)) / (2 * h)
    assert by_operator[0] == pytest.approx(slope, rel=1e-5)


def test_compression_changes_nothing(rng):
    groups, prior, features = poisson(200, 1e-4, rng)
    log_noise = np.log([BOUNDARY, 1e-4])
    results = []
    for compress in (True, False):
        rows = Observations(groups, compress=compress)
        value, by_variance, by_noise, _ = rows.evidence(prior, log_noise)
        spread = rows.solve(prior, log_noise).spread(features)
        results.append((value, by_variance, by_noise, (spread**2).sum(axis=0)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_draws_have_the_posterior_mean_and_covariance(rng):
    groups, prior, features = poisson(60, 1e-4, rng, n_points=4)
    log_noise = np.log([BOUNDARY, 1e-4])
    solved = Observations(groups).solve(prior, log_noise)
    n = 20000
    draws = solved.draw(features, n, rng)
    spread = solved.spread(features)
    covariance = spread.T @ spread
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors of a mean, and of a covariance, √(2/n) at most relative to sd_i sd_j.
    assert (np.abs(draws.mean(axis=1) - solved.mean(features)) < 5 * sd / np.sqrt(n)).all()
    error = np.abs(np.cov(draws) - covariance) / np.outer(sd, sd)
    assert error.max() < 5 * np.sqrt(2 / n)

import numpy as np
import pytest
from marron_wand import DENSITIES, PLANE, _normal, draw, integrated_squared_error
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from kernlab.density import KernelDensity, exact_mise


# Least bandwidths and errors, computed once with an independent program.
@pytest.mark.parametrize(
    ("name", "n", "h", "mise"),
    [
        ("gaussian", 100, 0.445472, 5.40973e-3),
        ("bimodal", 1000, 0.220848, 1.39656e-3),
        ("claw", 1000, 0.051567, 6.66847e-3),
        ("smooth comb", 1000, 0.043031, 1.02978e-2),
    ],
)
def test_least_errors(name, n, h, mise):
    density = DENSITIES[name]
    assert exact_mise(h, n, *density) == pytest.approx(mise, rel=1e-5)
    found = minimize_scalar(
        lambda t: exact_mise(t, n, *density), bounds=(h / 2, 2 * h), method="bounded"
    )
    assert found.x == pytest.approx(h, rel=1e-3)


def test_against_its_definition_in_one_dimension():
    """Squared bias and variance by numerical integration."""
    weights, means, deviations = map(np.asarray, DENSITIES["bimodal"])
    h, n = 0.3, 50
    grid = np.linspace(-8, 8, 4001)[:, None]
    density = _normal(grid - means, deviations) @ weights
    mean = _normal(grid - means, np.hypot(deviations, h)) @ weights
    # E K_h(x - X)² = φ_h² * ρ = φ_(h/√2) * ρ / (2 h √π)
    square = _normal(grid - means, np.hypot(deviations, h / np.sqrt(2))) @ weights
    variance = (square / (2 * h * np.sqrt(np.pi)) - mean**2) / n
    expected = np.sum((mean - density) ** 2 + variance) * (grid[1, 0] - grid[0, 0])
    assert exact_mise(h, n, weights, means, deviations) == pytest.approx(expected, rel=1e-10)


def test_against_its_definition_in_the_plane():
    weights, means, covariances = map(np.asarray, PLANE["crossed"])
    H, n = np.array([[0.2, 0.1], [0.1, 0.3]]), 50
    axis = np.linspace(-7, 7, 281)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)

    def smoothed(extra):
        parts = [
            multivariate_normal(m, c + extra).pdf(grid)
            for m, c in zip(means, covariances, strict=True)
        ]
        return np.tensordot(weights, parts, axes=1)

    rough = 1 / np.sqrt(np.linalg.det(4 * np.pi * H))
    variance = (rough * smoothed(H / 2) - smoothed(H) ** 2) / n
    expected = np.sum((smoothed(H) - smoothed(0 * H)) ** 2 + variance) * (axis[1] - axis[0]) ** 2
    assert exact_mise(H, n, weights, means, covariances) == pytest.approx(expected, rel=1e-8)


def test_mean_over_samples(rng):
    claw, h = DENSITIES["claw"], 0.2
    errors = [integrated_squared_error(draw(rng, 100, *claw), h, *claw) for _ in range(200)]
    standard_error = np.std(errors) / np.sqrt(200)
    assert np.mean(errors) == pytest.approx(exact_mise(h, 100, *claw), abs=5 * standard_error)


def test_one_feature_may_be_written_either_way():
    weights, means, deviations = DENSITIES["claw"]
    plain = exact_mise(0.1, 100, weights, means, deviations)
    means, covariances = np.reshape(means, (-1, 1)), np.reshape(deviations, (-1, 1, 1)) ** 2
    assert exact_mise(0.1, 100, weights, means, covariances) == pytest.approx(plain, rel=1e-14)
    assert exact_mise([[0.01]], 100, weights, means, covariances) == pytest.approx(plain)


def test_the_oracle_of_the_tests_agrees_with_an_estimate(rng):
    """The closed form of the integrated squared error, by numerical integration."""
    claw = DENSITIES["claw"]
    x = draw(rng, 50, *claw)
    grid = np.linspace(-6, 6, 6001)
    estimate = np.exp(KernelDensity(bandwidth=0.2).fit(x[:, None]).score_samples(grid[:, None]))
    truth = _normal(grid[:, None] - np.asarray(claw[1]), np.asarray(claw[2])) @ np.asarray(claw[0])
    expected = np.sum((estimate - truth) ** 2) * (grid[1] - grid[0])
    assert integrated_squared_error(x, 0.2, *claw) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 10, [1.0], [0.0], [1.0]), "h=0.0"),
        ((np.nan, 10, [1.0], [0.0], [1.0]), "h=nan"),
        (([[1.0, 2.0], [2.0, 1.0]], 10, [1.0], [[0.0, 0.0]], [np.eye(2)]), "h="),
        ((1.0, 0, [1.0], [0.0], [1.0]), "n_samples=0"),
        ((1.0, 10, [1.0, 1.0], [0.0], [1.0]), "one weight and one mean"),
        ((1.0, 10, [1.0], [[0.0, 0.0]], [1.0]), "covariance matrices"),
        ((1.0, 10, [1.0], [0.0], [0.0]), "must be positive"),
        ((1.0, 10, [-1.0], [0.0], [1.0]), "must be positive"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        exact_mise(*arguments)

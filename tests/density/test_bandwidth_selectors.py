"""Selectors of KernelDensity against dense oracles, invariances and the exact error."""

import inspect
import logging

import numpy as np
import pytest
from marron_wand import DENSITIES, PLANE, draw
from scipy.optimize import minimize, minimize_scalar
from sklearn.datasets import load_digits, load_wine

from kernlab._core import fastmath, jit, revision
from kernlab.density import KernelDensity, _pairs_numba, _plugin, _selectors, exact_mise
from kernlab.exceptions import BandwidthWarning, SingularCovarianceError
from kernlab.kernels import PROFILES

ONE_D = ["isj", "lcv", "lscv", "plugin", "scv"]


def fitted(X, bandwidth, weights=None, **parameters):
    return KernelDensity(bandwidth=bandwidth, **parameters).fit(X, sample_weight=weights)


# --- Plug-in and smoothed cross-validation ------------------------------------------------------


def normal(x, s):
    return np.exp(-0.5 * (x / s) ** 2) / (s * np.sqrt(2 * np.pi))


def sheather_jones(x):
    """The direct two-stage plug-in bandwidth as in Wand and Jones (1995), section 3.6.1."""
    n, sigma = len(x), np.std(x, ddof=1)
    z = x[:, None] - x

    def functional(r, g):
        u = z / g
        hermite = {4: u**4 - 6 * u**2 + 3, 6: u**6 - 15 * u**4 + 45 * u**2 - 15}[r]
        return np.mean(hermite * normal(u, 1.0)) / g ** (r + 1)

    psi8 = 105 / (32 * np.sqrt(np.pi) * sigma**9)
    psi6 = functional(6, (30 / (np.sqrt(2 * np.pi) * psi8 * n)) ** (1 / 9))
    psi4 = functional(4, (-6 / (np.sqrt(2 * np.pi) * psi6 * n)) ** (1 / 7))
    return (1 / (2 * np.sqrt(np.pi) * psi4 * n)) ** (1 / 5)


def test_plugin_in_one_dimension_is_sheather_and_jones(rng):
    for name in ("gaussian", "claw"):
        x = draw(rng, 300, *DENSITIES[name])
        h = fitted(x[:, None], "plugin").bandwidth_
        assert h == pytest.approx(sheather_jones(x), rel=1e-8)


def test_functionals_against_the_definition(rng):
    """Every functional of order four in two dimensions, by dense Hermite polynomials, weighted."""
    x, g = rng.normal(size=(70, 2)), 0.6
    weights = rng.gamma(1.0, size=70)
    points = _plugin.points_of(x, weights, n_jobs=1, verbose=0)
    rows, _ = _plugin.multi_indices(2, 4)
    z = (x[:, None] - x) / g
    share = weights / weights.sum()
    hermite = [np.ones_like(z), z, z**2 - 1, z**3 - 3 * z, z**4 - 6 * z**2 + 3]
    gauss = np.exp(-np.sum(z**2, axis=2) / 2) / (2 * np.pi) / g ** (2 + 4)
    expected = [share @ (hermite[a][..., 0] * hermite[b][..., 1] * gauss) @ share for a, b in rows]
    np.testing.assert_allclose(_plugin._functional(points, rows, g), expected, rtol=1e-12)


def test_tensors_are_counted_in_full():
    rows, multiplicity = _plugin.multi_indices(3, 4)
    assert len(rows) == 15
    assert multiplicity.sum() == 3**4
    # ∂⁴ of the plane's standard normal at 0: 3, 0, 1, 0, 3 over 2π.
    rows, _ = _plugin.multi_indices(2, 4)
    values = _plugin.normal_derivatives(rows, 1.0) * 2 * np.pi
    np.testing.assert_allclose(values, [3, 0, 1, 0, 3], atol=1e-15)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_smoothed_cross_validation_minimises_its_criterion(rng, d):
    x = rng.normal(size=(60, d))
    points = _plugin.points_of(x, None, n_jobs=1, verbose=0)
    pilot = _plugin.curvature(points)[1] ** 2 * np.eye(d)
    z = x[:, None] - x

    def mean_density(covariance):
        energy = np.einsum("ijk,ijk->ij", z, np.linalg.solve(covariance, z[..., None])[..., 0]) / 2
        return np.mean(np.exp(-energy)) / np.sqrt(np.linalg.det(2 * np.pi * covariance))

    def criterion(H):
        rough = 1 / (60 * np.sqrt(np.linalg.det(4 * np.pi * H)))
        return rough + mean_density(2 * H + pilot) - 2 * mean_density(H + pilot)

    H = _plugin.smoothed_cross_validation_matrix(points)
    best = criterion(H)
    for _ in range(20):
        change = rng.normal(size=(d, d)) * 0.05
        move = np.eye(d) + (change + change.T) / 2
        assert criterion(move @ H @ move) >= best


@pytest.mark.parametrize("selector", ["plugin", "scv", "lscv"])
def test_matrices_follow_linear_maps(rng, selector):
    """Any change of coordinates, rotations too: the counting of tensors must be right for that."""
    X = draw(rng, 200, *PLANE["crossed"])
    A = np.array([[2.0, 0.3], [-1.0, 0.5]])
    H = fitted(X, selector).bandwidth_matrix_
    mapped = fitted(X @ A.T + [5.0, -1.0], selector).bandwidth_matrix_
    np.testing.assert_allclose(mapped, A @ H @ A.T, rtol=1e-4)


def least_error(n, mixture):
    lower = np.tril_indices(2)

    def error(parameters):
        root = np.zeros((2, 2))
        root[lower] = parameters
        return exact_mise(root @ root.T + 1e-9 * np.eye(2), n, *mixture)

    start = np.linalg.cholesky(np.mean(mixture[2], axis=0) / 4)[lower]
    return minimize(error, start, method="Nelder-Mead", options={"fatol": 1e-9}).fun


# Means of six samples in units of the least exact error; the standard error of each is below 0.04,
# and scott's is 1.0, 2.8, 7.5 and 4.5.
@pytest.mark.parametrize("name", PLANE)
def test_plugin_and_scv_come_near_the_least_exact_error(name):
    mixture, n = PLANE[name], 200
    least = least_error(n, mixture)
    errors = {"plugin": [], "scv": [], "scott": []}
    for seed in range(6):
        X = draw(np.random.default_rng(seed), n, *mixture)
        for selector, found in errors.items():
            found.append(exact_mise(fitted(X, selector).bandwidth_matrix_, n, *mixture) / least)
    for selector in ("plugin", "scv"):
        assert np.mean(errors[selector]) < 1.6
        if name != "correlated":
            assert np.mean(errors[selector]) < 0.7 * np.mean(errors["scott"])


@pytest.mark.parametrize("selector", ["plugin", "scv", "auto"])
@pytest.mark.parametrize("distance", [100.0, 1e6])
def test_clusters_far_apart_are_not_smoothed_away(rng, selector, distance):
    """Ten standard normal clusters: each has the least error of a tenth of the rows."""
    X = rng.normal(size=(600, 2))
    X += distance * np.random.default_rng(1).uniform(-1, 1, size=(10, 2))[np.arange(600) % 10]
    found = fitted(X, selector).bandwidth_matrix_
    # The best number for a normal cluster of 60 points; that of the covariance is 20 and 2e5.
    best = 60 ** (-1 / 6)
    assert np.all(np.abs(np.log(np.sqrt(np.linalg.eigvalsh(found)) / best)) < np.log(1.6))
    # As with all else, linear maps are followed, here to an angle between the clusters' axes.
    A = np.array([[2.0, 0.3], [-1.0, 0.5]])
    mapped = fitted(X @ A.T, selector).bandwidth_matrix_
    np.testing.assert_allclose(mapped, A @ found @ A.T, rtol=1e-3, atol=1e-6)


def test_values_of_a_few_and_heavy_tails_are_no_clusters(rng):
    X = rng.normal(size=(300, 2))
    X[:, 1] = rng.integers(0, 2, size=300)  # two values: no width within them to be found
    assert _plugin.cluster_root(X / X.std(axis=0), None) is None
    assert _plugin.cluster_root(rng.integers(0, 5, size=(300, 2)) / 2**0.5, None) is None
    # Of the rows drawn all may be the same, or no two may have weight.
    atom = np.vstack([np.zeros((5000, 2)), rng.normal(size=(3, 2))])
    assert _plugin.cluster_root(atom, None) is None
    assert _plugin.cluster_root(atom[-3:], np.array([1.0, 1e-300, 1e-300])) is None
    # Outliers a hundred times as wide: the rest keeps its bandwidth.
    X = rng.normal(size=(400, 2))
    X[:40] *= 100.0
    widths = np.sqrt(np.linalg.eigvalsh(fitted(X, "plugin").bandwidth_matrix_))
    assert np.all((widths > 0.2) & (widths < 0.6))


def test_weighted_clusters(rng):
    """Rows without weight do not fill the gap between clusters."""
    X = np.vstack([rng.normal(size=(150, 1)), rng.normal(1e3, 1.0, size=(150, 1))])
    between = np.linspace(0, 1e3, 300)[:, None]
    weights = np.repeat([2.0, 0.0], 300)
    h = fitted(X, "plugin").bandwidth_
    assert 0.2 < h < 0.6
    assert fitted(np.vstack([X, between]), "plugin", weights).bandwidth_ == pytest.approx(h, 1e-9)


def test_auto_samples_rows_where_there_are_many(rng, monkeypatch):
    X = draw(rng, 3000, *PLANE["two clusters"])
    full = fitted(X, "plugin").bandwidth_matrix_
    monkeypatch.setattr(_selectors, "_AUTO_WORK", 7 * 1500.0**2)
    sampled = fitted(X, "auto").bandwidth_matrix_
    assert not np.allclose(sampled, full, rtol=1e-6)
    # From half of the rows the pilots differ by a few per cent, and so does the matrix.
    np.testing.assert_allclose(np.diag(sampled), np.diag(full), rtol=0.2)


# --- Cross-validation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "weighted"), [("gaussian", False), ("gaussian", True), ("biweight", True)]
)
def test_lcv_is_the_largest_leave_one_out_likelihood(rng, kernel, weighted):
    X = rng.normal(size=(150, 1)) * 3.0
    weights = rng.gamma(3.0, size=150) if weighted else None

    def loss(log_h):
        return -fitted(X, float(np.exp(log_h)), weights, kernel=kernel).leave_one_out_score()

    h = fitted(X, "lcv", weights, kernel=kernel).bandwidth_
    grid = np.log(h) + np.linspace(-1.5, 1.5, 41)
    losses = [loss(t) for t in grid]
    k = int(np.argmin(losses))
    best = minimize_scalar(loss, bounds=grid[[k - 1, k + 1]], method="bounded").x
    # The polynomial through the ladder's values is good to a thousandth.
    assert np.log(h) == pytest.approx(best, abs=1e-3)


def test_lcv_takes_the_likelier_shape():
    digits = fitted(load_digits().data[:200], "lcv")  # constant columns: there is one shape only
    assert isinstance(digits.bandwidth_, float)
    X = load_wine().data  # thirteen features in units of their own
    wine = fitted(X, "lcv")
    assert np.shape(wine.bandwidth_) == (13, 13)
    balls = [fitted(X, h).leave_one_out_score() for h in np.geomspace(0.1, 100, 20)]
    assert wine.leave_one_out_score() > max(balls)
    # On points that are nearly on a curve the covariance is the wrong shape.
    t = np.linspace(0, 6, 300)
    spiral = np.stack([t * np.cos(2 * t), t * np.sin(2 * t)], axis=1)
    assert isinstance(fitted(spiral * [1.0, 1.0], "lcv").bandwidth_, float)


def test_lscv_minimises_the_least_squares_criterion(rng):
    x = rng.normal(size=120)
    z = x[:, None] - x

    def criterion(log_h):
        h = np.exp(log_h)
        others = normal(z, h)
        np.fill_diagonal(others, 0.0)
        return np.mean(normal(z, np.sqrt(2) * h)) - 2 * np.sum(others) / (120 * 119)

    log_h = np.log(fitted(x[:, None], "lscv").bandwidth_)
    near = minimize_scalar(criterion, bounds=(log_h - 0.2, log_h + 0.2), method="bounded").x
    assert log_h == pytest.approx(near, abs=1e-3)
    # No local minimum is wider.
    wider = np.array([criterion(t) for t in np.arange(log_h + 0.35, 2.0, 0.35)])
    assert np.all(np.diff(wider) > 0)


def test_lscv_warns_where_there_is_no_minimum():
    # Each of six values five times, nearly.
    X = np.repeat(2.0 ** np.arange(6), 5)[:, None] + 1e-9 * np.arange(30)[:, None]
    with pytest.warns(BandwidthWarning, match="no local minimum.*Silverman"):
        h = fitted(X, "lscv").bandwidth_
    assert h == pytest.approx(fitted(X, "silverman").bandwidth_[0, 0] ** 0.5, rel=0.2)


@pytest.mark.parametrize("selector", ["isj", "lcv", "lscv"])
def test_weights_are_repetitions(rng, selector):
    x = rng.normal(size=(80, 1))
    counts = rng.integers(0, 4, size=80)
    weighted = fitted(x, selector, counts).bandwidth_
    repeated = fitted(np.repeat(x, counts, axis=0), selector).bandwidth_
    assert weighted == pytest.approx(repeated, rel=1e-6)


@pytest.mark.parametrize("selector", ["plugin", "scv"])
def test_equal_weights_are_none(rng, selector):
    X = rng.normal(size=(60, 2))
    plain = fitted(X, selector).bandwidth_
    np.testing.assert_allclose(fitted(X, selector, np.full(60, 7.0)).bandwidth_, plain, rtol=1e-9)
    # Rows without weight decide nothing.
    X, weights = np.vstack([X, np.full((5, 2), 1e3)]), np.repeat([1.0, 0.0], [60, 5])
    np.testing.assert_allclose(fitted(X, selector, weights).bandwidth_, plain, rtol=1e-9)


# --- All of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-140, 1e140])
@pytest.mark.parametrize("selector", ONE_D)
def test_bandwidths_follow_the_units(rng, selector, scale):
    x = draw(rng, 150, *DENSITIES["bimodal"])[:, None]
    x = np.round(x * 2**20) / 2**20  # exact also beside an offset of 2^30
    plain = fitted(x, selector).bandwidth_
    assert fitted(x * scale, selector).bandwidth_ == pytest.approx(plain * scale, rel=1e-6)
    assert fitted(x - 2.0**30, selector).bandwidth_ == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("selector", ["plugin", "scv", "lscv", "lcv", "auto"])
def test_matrices_follow_the_units(rng, selector):
    X = draw(rng, 150, *PLANE["correlated"])
    H = fitted(X, selector).bandwidth_matrix_
    for scale in (1e-140, 1e140):
        # Relative to the scale first: the product of H's entries would leave the range of floats.
        np.testing.assert_allclose(
            fitted(X * scale, selector).bandwidth_matrix_ / scale / scale, H, rtol=1e-5
        )


@pytest.mark.parametrize("selector", ["isj", "plugin", "scv", "lscv"])
def test_other_kernels_match_the_standard_deviation(rng, selector):
    X = rng.normal(size=(60, 1))
    gaussian = fitted(X, selector).bandwidth_
    other = fitted(X, selector, kernel="biweight").bandwidth_
    assert other * PROFILES["biweight"].variance(1) ** 0.5 == pytest.approx(gaussian, rel=1e-12)


@pytest.mark.parametrize(
    ("columns", "method"),
    [(1, "isj"), (2, "plugin"), (6, "plugin"), (7, "lcv"), (None, "lcv")],
)
def test_auto_says_what_it_takes(rng, caplog, columns, method):
    X = rng.normal(size=(60, columns or 2))
    if columns is None:
        X[:, 1] = X[:, 0]
    with caplog.at_level(logging.INFO, logger="kernlab.density"):
        kde = fitted(X, "auto")
    assert kde.bandwidth_method_ == method
    assert caplog.messages == [f"bandwidth='auto' takes '{method}'"]
    if columns == 2:
        np.testing.assert_array_equal(kde.bandwidth_, fitted(X, "plugin").bandwidth_)


def test_the_method_is_named(rng):
    X = rng.normal(size=(30, 1))
    for selector in (*ONE_D, "scott", "silverman"):
        assert fitted(X, selector).bandwidth_method_ == selector
    assert fitted(X, 0.5).bandwidth_method_ is None


def test_other_arrays(xp, rng):
    data = rng.normal(size=(80, 2)) * [1.0, 3.0]
    X = xp.asarray(data)
    for selector in ("lcv", "lscv"):
        kde = fitted(X, selector)
        expected = fitted(data, selector).bandwidth_
        np.testing.assert_allclose(np.asarray(kde.bandwidth_), expected, rtol=1e-6)
    assert fitted(X, "auto").bandwidth_method_ == "lcv"
    for selector in ("plugin", "scv"):
        with pytest.raises(ValueError, match="NumPy arrays only.*use bandwidth='lcv'"):
            fitted(X, selector)
    with pytest.raises(ValueError, match="grows without bound"):
        fitted(xp.asarray(np.repeat(data[:5], 2, axis=0)), "lcv")


# --- Bad input --------------------------------------------------------------------------------


def test_isj_is_for_one_feature(rng):
    with pytest.raises(ValueError, match="for one feature and X has 2.*'plugin' or 'lcv'"):
        fitted(rng.normal(size=(30, 2)), "isj")


@pytest.mark.parametrize("selector", ["plugin", "scv"])
def test_too_many_features(rng, selector):
    with pytest.raises(ValueError, match="up to 6 features and X has 7.*'lcv'"):
        fitted(rng.normal(size=(30, 7)), selector)


@pytest.mark.parametrize("selector", [*ONE_D, "auto"])
def test_data_without_spread(selector):
    with pytest.raises(ValueError, match="constant|n_samples=1"):
        fitted(np.ones((20, 1)), selector)
    with pytest.raises(ValueError, match="constant|n_samples=1"):
        fitted([[1.0], [2.0]], selector, [1.0, 0.0])


@pytest.mark.parametrize("selector", [*ONE_D, "scott"])
def test_data_out_of_range(rng, selector):
    for scale in (1e200, 1e-200):
        with pytest.raises(ValueError, match="rescale X"):
            fitted(rng.normal(size=(20, 1)) * scale, selector)
    with pytest.raises(ValueError, match="rescale X"):
        fitted(rng.uniform(-1.7, 1.7, size=(50, 1)) * 1e308, selector)


@pytest.mark.parametrize("selector", ["plugin", "scv", "lscv"])
def test_singular_covariance(rng, selector):
    X = rng.normal(size=(30, 3))
    X[:, 2] = X[:, 0] - X[:, 1]
    with pytest.raises(SingularCovarianceError, match="linear in the others"):
        fitted(X, selector)
    X[:, 2] = 4.0
    with pytest.raises(SingularCovarianceError, match="column 2 is constant"):
        fitted(X, selector)
    with pytest.raises(SingularCovarianceError, match="2 samples cannot"):
        fitted(X[:2, :2], selector)


def test_the_stamp_of_inlined_code_is_fresh():
    current = revision.revision(fastmath, jit)
    assert current == _pairs_numba.INLINED_REVISION, (
        f"inlined code changed: set INLINED_REVISION = {current!r} in density/_pairs_numba.py"
    )


def test_every_selector_is_documented():
    text = inspect.getdoc(KernelDensity)
    assert all(f"- ``{name!r}``" in text for name in ("auto", *_selectors.SELECTORS))

import sys

import numpy as np
import pytest

from kernlab.density import DensityRegimeDisplay, KernelDensity, kde_thresholds
from kernlab.exceptions import MissingExtraError

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def lines(display):
    """Curves by their label, and crosses and dots that have none."""
    return {line.get_label(): line.get_data() for line in display.ax_.lines}


@pytest.mark.parametrize("matrix", [False, True])
def test_curves_are_the_theory_of_the_datas_covariance(rng, matrix):
    X = rng.normal(size=(200, 6)) * np.geomspace(0.2, 3, 6)
    kde = KernelDensity(bandwidth="scott" if matrix else 0.7).fit(X)
    figure, ax = pyplot.subplots()
    display = DensityRegimeDisplay.from_estimator(kde, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    root = np.linalg.cholesky(kde.bandwidth_matrix_)
    unit = 1.0 if matrix else 0.7
    eigvals = np.linalg.eigvalsh(np.cov(np.linalg.solve(root, X.T))) * unit**2
    shown = lines(display)
    alpha, h_g = shown["$h_G$"]
    expected = kde_thresholds(alpha, eigvals=eigvals).h_g / np.sqrt(eigvals.mean())
    np.testing.assert_allclose(h_g, expected, rtol=1e-9)
    assert alpha[0] < display.regime.alpha_ < alpha[-1]
    x, y = shown["bandwidth"]
    assert x[0] == display.regime.alpha_ == pytest.approx(np.log(200) / 6)
    assert y[0] == pytest.approx(unit / np.sqrt(eigvals.mean()))
    low, high = ax.get_ylim()
    assert low < y[0] < high


def test_weights_count(rng):
    X = rng.normal(size=(200, 6))
    counts = rng.integers(0, 3, size=200)
    kde = KernelDensity(bandwidth=0.7).fit(X, sample_weight=counts)
    display = DensityRegimeDisplay.from_estimator(kde)
    eigvals = np.linalg.eigvalsh(np.cov(X.T, aweights=counts))
    assert display.scale == pytest.approx(np.sqrt(eigvals.mean()))


def test_bounded_kernels_have_one_curve(rng):
    kde = KernelDensity(bandwidth=3.0, kernel="biweight").fit(rng.normal(size=(200, 6)))
    display = DensityRegimeDisplay.from_estimator(kde)
    assert "$h_G$" in lines(display)
    assert "$h_{CLT}$" not in lines(display)


def test_theory_alone():
    thresholds = kde_thresholds(np.linspace(0.1, 1.0, 20), kernel="exponential", n_features=9)
    display = DensityRegimeDisplay(thresholds=thresholds, scale=2.0).plot()
    np.testing.assert_allclose(lines(display)["$h_{KL}$"][1], thresholds.h_kl / 2)
    assert "bandwidth" not in lines(display)


def test_bad_arguments(rng, monkeypatch):
    X = rng.normal(size=(50, 3))
    with pytest.raises(TypeError, match="give a fitted kernlab KernelDensity"):
        DensityRegimeDisplay.from_estimator(object())
    kde = KernelDensity(bandwidth=2.0).fit(X)
    with pytest.raises(ValueError, match="max_queries=0 is not a positive integer"):
        DensityRegimeDisplay.from_estimator(kde, max_queries=0)
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    foreign = KernelDensity(bandwidth=1.0).fit(strict.asarray(X))
    with pytest.raises(ValueError, match="needs an estimator fitted on NumPy data"):
        DensityRegimeDisplay.from_estimator(foreign)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"DensityRegimeDisplay.plot.*kernlab\[plot\]"):
        DensityRegimeDisplay.from_estimator(kde)

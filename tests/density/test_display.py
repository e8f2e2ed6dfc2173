import sys

import numpy as np
import pandas as pd
import pytest

from kernlab.density import KernelDensity, KernelDensityDisplay
from kernlab.exceptions import MissingExtraError

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def test_one_dimension_is_a_curve_of_the_density(rng):
    X = rng.normal(size=(50, 1))
    kde = KernelDensity().fit(X)
    display = KernelDensityDisplay.from_estimator(kde, X)
    grid, density = display.ax_.lines[0].get_data()
    np.testing.assert_allclose(density, np.exp(kde.score_samples(grid[:, None])))
    assert np.sum(density) * (grid[1] - grid[0]) == pytest.approx(1.0, abs=0.01)
    assert display.ax_.get_ylabel() == "density"


def test_two_dimensions_are_contours_with_the_features_names(rng):
    X = pd.DataFrame(rng.normal(size=(50, 2)), columns=["height", "weight"])
    kde = KernelDensity().fit(X)
    figure, ax = pyplot.subplots()
    display = KernelDensityDisplay.from_estimator(kde, X, grid_resolution=20, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("height", "weight")
    first, second, density = display.axes_values
    expected = np.exp(kde.score_samples(pd.DataFrame([[first[3], second[7]]], columns=X.columns)))
    assert density[7, 3] == pytest.approx(expected[0])


def test_more_dimensions_show_what_carries_the_estimate(rng):
    X = rng.normal(size=(50, 6))
    kde = KernelDensity().fit(X)
    display = KernelDensityDisplay.from_estimator(kde, X)
    shown = display.ax_.collections[0].get_offsets()
    np.testing.assert_allclose(shown[:, 0], kde.score_samples(X))
    np.testing.assert_allclose(shown[:, 1], kde.effective_samples(X))


def test_bad_arguments(rng, monkeypatch):
    X = rng.normal(size=(50, 2))
    kde = KernelDensity().fit(X)
    with pytest.raises(ValueError, match="X has 1 features, but KernelDensity is expecting 2"):
        KernelDensityDisplay.from_estimator(kde, X[:, :1])
    with pytest.raises(ValueError, match="contains NaN"):
        KernelDensityDisplay.from_estimator(kde, np.full((1, 2), np.nan))
    for wrong in (1, 10.5):
        with pytest.raises(ValueError, match=f"grid_resolution={wrong} is not an integer of 2"):
            KernelDensityDisplay.from_estimator(kde, X, grid_resolution=wrong)
    with pytest.raises(TypeError, match="give a fitted kernlab KernelDensity"):
        KernelDensityDisplay.from_estimator(object(), X)
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    foreign = KernelDensity(bandwidth=1.0).fit(strict.asarray(X))
    with pytest.raises(ValueError, match="needs an estimator fitted on NumPy data"):
        KernelDensityDisplay.from_estimator(foreign, X)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"KernelDensityDisplay.plot.*kernlab\[plot\]"):
        KernelDensityDisplay.from_estimator(kde, X)

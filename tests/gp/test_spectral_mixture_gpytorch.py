"""SpectralMixtureGPRegressor beside GPyTorch, and on torch tensors."""

import sys

import numpy as np
import pytest

from kernlab.exceptions import MissingExtraError
from kernlab.gp import SpectralMixtureGPRegressor

gpytorch = pytest.importorskip("gpytorch", reason="needs the extra 'gp'")
torch = pytest.importorskip("torch", reason="needs the extra 'gp'")


def series(n, seed=0, length=10.0):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, length, n))
    y = 2 * np.sin(2 * np.pi * 2.2 * x) + np.cos(2 * np.pi * 0.7 * x) + 0.1 * x
    return x[:, None], y + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("d", [1, 2])
def test_gpytorch_model_predicts_the_same(d):
    X, y = series(60)
    if d == 2:
        X = np.hstack([X, np.random.default_rng(1).uniform(0, 3, (60, 1))])
        y = y * np.cos(2 * np.pi * 0.5 * X[:, 1])
    gp = SpectralMixtureGPRegressor(n_components=4).fit(X, y)
    mean, std = gp.predict(X + 0.05, return_std=True)
    model = gp.gpytorch_model()
    with torch.no_grad():
        theirs = model.likelihood(model(torch.tensor(X + 0.05)))
    # Below 800 points GPyTorch factorises too.
    np.testing.assert_allclose(mean, gp.y_mean_ + gp.y_scale_ * theirs.mean, atol=1e-8)
    np.testing.assert_allclose(std, gp.y_scale_ * theirs.stddev, atol=1e-8)
    assert isinstance(model, gpytorch.models.ExactGP)


def test_gpytorch_model_of_a_trend_is_refused():
    gp = SpectralMixtureGPRegressor(n_components=2, trend="linear").fit(*series(20))
    # What was fitted counts, not what parameters say since.
    with pytest.raises(ValueError, match="trend"):
        gp.set_params(trend=None).gpytorch_model()


def test_tensors_stay_on_their_device():
    X, y = series(60)
    host = SpectralMixtureGPRegressor(n_components=4, trend="linear").fit(X, y)
    gp = SpectralMixtureGPRegressor(n_components=4, trend="linear")
    gp.fit(torch.tensor(X), torch.tensor(y))
    mean, std = gp.predict(torch.tensor(X), return_std=True)
    assert isinstance(mean, torch.Tensor)
    assert isinstance(std, torch.Tensor)
    # Rounding leads the optimiser elsewhere by less than a thousandth of a nat.
    np.testing.assert_allclose(mean, host.predict(X), atol=1e-2)
    _, cov = gp.predict(torch.tensor(X[:3]), return_cov=True)
    np.testing.assert_allclose(torch.sqrt(torch.diagonal(cov)), std[:3])
    assert gp.sample_y(torch.tensor(X[:3]), 2, random_state=0).shape == (3, 2)
    series_of = SpectralMixtureGPRegressor(n_components=4, solver="ski", random_state=0)
    series_of.fit(torch.tensor(X), torch.tensor(y))
    mean, std = series_of.predict(torch.tensor(X), return_std=True)
    assert isinstance(std, torch.Tensor)
    # The trend is a component there, and not a line: both know the signal to some 0.05.
    np.testing.assert_allclose(mean, host.predict(X), atol=0.2)
    with pytest.raises(ValueError, match="namespace"):
        gp.predict(X)
    with pytest.raises(ValueError, match="y contains"):
        gp.fit(torch.tensor(X), torch.full((60,), float("nan"), dtype=torch.float64))


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpytorch", None)
    X, y = series(20)
    with pytest.raises(MissingExtraError, match=r"kernlab\[gp\]"):
        SpectralMixtureGPRegressor(n_components=2).fit(X, y).gpytorch_model()

"""Spectral mixtures: SpectralMixtureGPRegressor against GPyTorch's own initialisations."""

import time

import numpy as np

from kernlab.datasets import load_airline, load_co2
from kernlab.gp import SpectralMixtureGPRegressor

#: Components that GPyTorch's mixtures are given: as many as the evidence gives ours.
COMPONENTS = 8
#: What is promised on the logarithm of the airline's passengers.
RMSE, COVERAGE = 0.05, 0.85
#: GPyTorch's starts that draw at random are tried from so many seeds.
SEEDS = 3


def airline():
    X, y = load_airline(return_X_y=True)
    return X, np.log(y), 108


def co2():
    X, y = load_co2(return_X_y=True)
    return X, y, 384


def kernlab_forecast(X, y, at):
    gp = SpectralMixtureGPRegressor().fit(X, y)
    return gp, *gp.predict(at, return_std=True)


def gpytorch_forecast(X, y, at, how, seed, steps):
    """The tutorial's training, by Adam, from one of GPyTorch's three starts."""
    import gpytorch
    import torch

    class Model(gpytorch.models.ExactGP):
        def __init__(self, x, z, likelihood):
            super().__init__(x, z, likelihood)
            self.mean_module = gpytorch.means.ConstantMean()
            self.covar_module = gpytorch.kernels.SpectralMixtureKernel(num_mixtures=COMPONENTS)

        def forward(self, x):
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(x), self.covar_module(x)
            )

    mean, scale = y.mean(), y.std()
    x, z = torch.tensor(X), torch.tensor((y - mean) / scale)
    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    model = Model(x, z, likelihood).double()
    likelihood.noise = 0.1
    if how != "default":
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002, what empspect draws from
        getattr(model.covar_module, how)(x, z)
        model = model.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = -objective(model(x), z)
        loss.backward()
        optimizer.step()
    model.eval()
    likelihood.eval()
    with torch.no_grad():
        forecast = likelihood(model(torch.tensor(at)))
    return mean + scale * forecast.mean.numpy(), scale * forecast.stddev.numpy()


def has_gpytorch():
    try:
        import gpytorch  # noqa: F401
    except ImportError:
        return False
    return True


def scored(mean, std, y):
    return np.sqrt(np.mean((mean - y) ** 2)), np.mean(np.abs(mean - y) <= 1.96 * std)


def forecasts(name, X, y, n_train, *, steps, bound, peers=True):
    X_train, y_train, at, future = X[:n_train], y[:n_train], X[n_train:], y[n_train:]
    task = f"{name}, {n_train} months learned, {len(future)} forecast"
    start = time.perf_counter()
    gp, mean, std = kernlab_forecast(X_train, y_train, at)
    seconds = time.perf_counter() - start
    rmse, coverage = scored(mean, std, future)
    if bound is not None and coverage < COVERAGE:
        raise SystemExit(f"{task}: coverage is {coverage:.2f}, promised {COVERAGE}")
    rows = [
        {
            "task": task,
            "method": "kernlab, default settings",
            "seconds": seconds,
            "error": float(rmse),
            "bound": bound,
            "what": "RMSE of the forecast",
            "note": f"{gp.n_components_} components; 95 % band covers {coverage:.0%}",
        }
    ]
    if not (peers and has_gpytorch()):
        return rows
    for how in ("default", "initialize_from_data", "initialize_from_data_empspect"):
        tried, start = [], time.perf_counter()
        seeds = range(1 if how == "default" else SEEDS)
        for seed in seeds:
            forecast = gpytorch_forecast(X_train, y_train, at, how, seed, steps)
            tried.append(scored(*forecast, future))
        errors, covered = np.array(tried).T
        spread = "" if len(tried) == 1 else f"; RMSE {errors.min():.2g} to {errors.max():.2g}"
        rows.append(
            {
                "task": task,
                "method": f"GPyTorch, {how}" if how != "default" else "GPyTorch, as constructed",
                "seconds": (time.perf_counter() - start) / len(tried),
                "error": float(np.median(errors)),
                "what": "RMSE of the forecast" + (", median of seeds" if spread else ""),
                "note": f"{COMPONENTS} components, {steps} steps; band covers "
                f"{np.median(covered):.0%}{spread}",
            }
        )
    return rows


def rows(quick):
    found = forecasts("airline (log)", *airline(), steps=250, bound=RMSE, peers=not quick)
    if not quick:
        found += forecasts("CO2 (ppm)", *co2(), steps=150, bound=None)
    return found

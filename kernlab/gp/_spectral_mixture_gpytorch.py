"""Spectral mixtures as GPyTorch models, for its users."""

from typing import Any

import numpy as np

from kernlab._core.extras import import_extra
from kernlab._core.namespace import is_foreign


def _import():
    return import_extra("gpytorch", extra="gp", purpose="A GPyTorch model"), import_extra(
        "torch", extra="gp", purpose="A GPyTorch model"
    )


def _tensor(array, torch):
    if is_foreign(array):
        return torch.as_tensor(array)
    # A copy: torch warns of read-only memory, and shares what it takes.
    return torch.tensor(np.array(array))


def exact_model(mixture, X, z):
    """A `gpytorch.models.ExactGP` in evaluation mode, with the mixture's hyperparameters."""
    gpytorch, torch = _import()
    return _model(gpytorch, torch, X, z, _kernel(gpytorch, torch, mixture), mixture.noise)


def _kernel(gpytorch, torch, mixture):
    q, d = mixture.frequencies.shape
    # GPyTorch multiplies sums of components, not components, over the features: in more than one,
    # the kernel is the sum of kernels of one component.
    groups = [np.arange(q)] if d == 1 else list(np.arange(q)[:, None])
    kernels = []
    for group in groups:
        kernel = gpytorch.kernels.SpectralMixtureKernel(num_mixtures=len(group), ard_num_dims=d)
        kernel = kernel.double()
        kernel.initialize(
            mixture_means=torch.tensor(mixture.frequencies[group][:, None, :]),
            mixture_scales=torch.tensor(mixture.scales[group][:, None, :]),
            mixture_weights=torch.tensor(mixture.weights[group] ** (1 / d)),
        )
        kernels.append(kernel)
    return kernels[0] if len(kernels) == 1 else gpytorch.kernels.AdditiveKernel(*kernels)


def _model(gpytorch, torch, X, z, kernel, noise):
    exact: Any = gpytorch.models.ExactGP

    class SpectralMixtureModel(exact):
        def __init__(self, X, z, likelihood):
            super().__init__(X, z, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = kernel

        def forward(self, x):
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(x), self.covar_module(x)
            )

    likelihood = gpytorch.likelihoods.GaussianLikelihood(
        noise_constraint=gpytorch.constraints.GreaterThan(0.0)
    ).double()
    likelihood.noise = torch.tensor(noise, dtype=torch.float64)
    X, z = _tensor(X, torch), _tensor(z, torch)
    model = SpectralMixtureModel(X, z, likelihood).to(X.device)
    return model.eval()

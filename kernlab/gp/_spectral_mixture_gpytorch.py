"""Spectral mixtures as GPyTorch models: for its users, and its structured interpolation (SKI)."""

# References: Wilson, Nickisch, *Kernel interpolation for scalable structured Gaussian processes
# (KISS-GP)*, ICML 2015; Pleiss et al., *Constant-time predictive distributions for Gaussian
# processes* (LOVE), ICML 2018.

import warnings
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from kernlab._core.extras import import_extra
from kernlab._core.namespace import is_foreign

# Nodes in a period of the highest frequency: cubic interpolation then errs by less than 1e-3.
_NODES_A_PERIOD = 32
_MOST_NODES = 1 << 18
# Of the solves by conjugate gradients, relative to the targets.
_CG_TOLERANCE = 1e-4


def _import():
    return import_extra("gpytorch", extra="gp", purpose="A GPyTorch model"), import_extra(
        "torch", extra="gp", purpose="A GPyTorch model"
    )


def check_grid(trend, d):
    """Refuse what a grid of interpolation cannot do, and a missing GPyTorch, before the work."""
    _import()
    if trend is not None:
        raise ValueError(f"solver='ski' has no explicit trend, got trend={trend!r}; give None.")
    if d != 1:
        raise ValueError(
            f"solver='ski' interpolates a series, X of one feature, and X has {d}; give "
            "solver='exact'."
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


def grid_model(mixture, u, z, reach):
    """The same with covariances interpolated from a grid that covers ``reach``, (low, high)."""
    gpytorch, torch = _import()
    highest = float(np.max(mixture.frequencies + 3 * mixture.scales))
    low, high = reach
    size = min(int(np.ceil((high - low) * _NODES_A_PERIOD * max(highest, 4.0))) + 8, _MOST_NODES)
    kernel = gpytorch.kernels.GridInterpolationKernel(
        _kernel(gpytorch, torch, mixture), grid_size=size, num_dims=1, grid_bounds=[reach]
    ).double()
    # Its own nodes are of single precision, at which the covariance of fast lines is indefinite.
    nodes = gpytorch.utils.grid.create_grid([size], [reach], dtype=torch.float64)
    kernel.update_grid(nodes)
    return _model(gpytorch, torch, u, z, kernel, mixture.noise)


@contextmanager
def _structured():
    """GPyTorch's settings for large data, and a seed of its own for its probe vectors."""
    gpytorch, torch = _import()
    settings = gpytorch.settings
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # Its own, of torch's deprecated names.
        warnings.simplefilter("ignore", UserWarning)
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.random.fork_rng())
        torch.manual_seed(0)
        stack.enter_context(settings.fast_pred_var())
        stack.enter_context(settings.cg_tolerance(_CG_TOLERANCE))
        stack.enter_context(settings.eval_cg_tolerance(_CG_TOLERANCE))
        stack.enter_context(settings.max_cg_iterations(2000))
        # Lines and trends have low rank: factored out, little is left to iterate on.
        stack.enter_context(settings.max_preconditioner_size(150))
        stack.enter_context(settings.max_root_decomposition_size(200))
        yield torch


def predict(model, points, return_std, return_cov):
    """Mean, and variances or covariance with noise or None, by interpolation and LOVE."""
    with _structured() as torch:
        posterior = model(_tensor(points, torch))
        mean, spread = posterior.mean, None
        noise = model.likelihood.noise
        if return_std:
            # Interpolation can take what is left of the prior below zero; the noise stays.
            spread = posterior.variance.clamp(min=0.0) + noise
        elif return_cov:
            spread = posterior.covariance_matrix
            spread = spread + noise * torch.eye(len(mean)).to(spread)
        if is_foreign(points):
            return mean, spread
        return mean.numpy(), None if spread is None else spread.numpy()

"""NNGP and NTK as modules of GPyTorch."""

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of their own, at import
    torch = pytest.importorskip("torch", reason="needs the extra 'gp'")
    gpytorch = pytest.importorskip("gpytorch", reason="needs the extra 'gp'")

from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel

from kernlab.kernels import NNGP, NTK

X = np.random.default_rng(0).normal(size=(9, 3))


@pytest.mark.parametrize(
    "kernel", [NTK(), NNGP(activation="erf", depth=3), NTK(sigma_b=0.0, sigma_w_bounds="fixed")]
)
def test_values_and_derivatives(kernel):
    module = kernel.to_gpytorch()
    rows = torch.tensor(X)
    K, gradient = kernel(X, eval_gradient=True)
    np.testing.assert_allclose(module(rows, rows[:4]).to_dense().detach(), K[:, :4], rtol=1e-12)
    np.testing.assert_allclose(module(rows, diag=True).detach(), np.diag(K), rtol=1e-12)
    blocks = module(torch.stack([rows, 2 * rows])).to_dense().detach()
    np.testing.assert_allclose(blocks[1], kernel(2 * X), rtol=1e-12)
    free = [name.removeprefix("raw_") for name, _ in module.named_parameters()]
    assert len(free) == len(kernel.theta)
    weights = torch.tensor(np.random.default_rng(1).normal(size=K.shape))
    if free:
        (module(rows).to_dense() * weights).sum().backward()
    for i, name in enumerate(free):
        # The chain from the raw parameter, by torch; from the natural one, 1/sigma of theta's.
        raw = getattr(module, f"raw_{name}").detach().clone().requires_grad_()
        getattr(module, f"raw_{name}_constraint").transform(raw).backward()
        sigma = getattr(kernel, name)
        assert getattr(module, name).item() == pytest.approx(sigma, rel=1e-12)
        exact = np.sum(weights.numpy() * gradient[:, :, i]) / sigma * raw.grad.item()
        assert getattr(module, f"raw_{name}").grad.item() == pytest.approx(exact, rel=1e-9)


def test_a_gp_of_gpytorch_has_scikit_learns_likelihood():
    y = np.sin(X[:, 0])
    kernel = NNGP(depth=1)

    class Model(gpytorch.models.ExactGP):
        def __init__(self, likelihood):
            super().__init__(torch.tensor(X), torch.tensor(y), likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = kernel.to_gpytorch()

        def forward(self, x):
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(x), self.covar_module(x)
            )

    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    likelihood.noise = 0.1
    model = Model(likelihood).double().train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        evidence = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
        value = evidence(model(torch.tensor(X)), torch.tensor(y))
        value.backward()
    noise = WhiteKernel(likelihood.noise.item())  # 0.1 in single precision
    ours = GaussianProcessRegressor(kernel + noise, alpha=0.0, optimizer=None)
    expected = ours.fit(X, y).log_marginal_likelihood_value_ / len(y)
    assert value.item() == pytest.approx(expected, rel=1e-9)
    assert model.covar_module.raw_sigma_w.grad.abs() > 0


def test_what_it_does_not_do_it_says():
    module = NTK().to_gpytorch()
    with pytest.raises(ValueError, match="hyperparameters alone"):
        module(torch.tensor(X, requires_grad=True)).to_dense()
    with pytest.raises(ValueError, match="depth=0"):
        NTK(depth=0).to_gpytorch()

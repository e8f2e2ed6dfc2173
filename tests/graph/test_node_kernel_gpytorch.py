"""Kernels on nodes as modules of GPyTorch."""

import warnings

import networkx as nx
import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of their own, at import
    torch = pytest.importorskip("torch", reason="needs the extra 'gp'")
    gpytorch = pytest.importorskip("gpytorch", reason="needs the extra 'gp'")

from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel

from kernlab.graph import NodeKernel

GRAPH = nx.relabel_nodes(nx.cycle_graph(40), str)
SEEN = np.arange(0, 40, 2)
Y = np.cos(2 * np.pi * SEEN / 40) + 0.1 * np.random.default_rng(0).standard_normal(20)


@pytest.mark.parametrize("measure", ["matern", "katz"])
def test_values_and_derivatives(measure):
    kernel = NodeKernel(GRAPH, measure, 0.8)
    module = kernel.to_gpytorch()
    K, gradient = kernel([str(node) for node in SEEN], eval_gradient=True)
    weights = np.random.default_rng(1).standard_normal(K.shape)
    for X in (torch.tensor(SEEN)[:, None], torch.tensor(SEEN, dtype=torch.float64)[:, None]):
        values = module(X).to_dense()
        assert values.dtype == torch.float64
        np.testing.assert_allclose(values.detach(), K, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(module(X, X[3:5]).to_dense().detach(), K[:, 3:5], atol=1e-14)
        np.testing.assert_allclose(module(X, diag=True).detach(), np.diag(K), rtol=1e-12)
        (slope,) = torch.autograd.grad((values * torch.tensor(weights)).sum(), module.raw_param)
        raw = module.raw_param.detach().clone().requires_grad_()
        module.raw_param_constraint.transform(raw).backward()
        exact = np.sum(weights * gradient[..., 0]) / 0.8 * raw.grad.item()
        assert slope.item() == pytest.approx(exact, rel=1e-9)


def test_what_has_no_parameter_learns_none_and_what_is_no_node_is_refused():
    module = NodeKernel(GRAPH, "ct").to_gpytorch()
    assert not list(module.parameters())
    assert module(torch.tensor([[0.0], [20.0]])).to_dense()[0, 1] < 0
    with pytest.raises(ValueError, match=r"X\[0\]=40.0 is no node"):
        module(torch.tensor([[40.0]])).to_dense()
    with pytest.raises(ValueError, match="param=2 lies outside"):
        NodeKernel(GRAPH, "katz", 2).to_gpytorch()


def test_an_exact_gp_reaches_scikit_learns_evidence():
    start = NodeKernel(GRAPH, "heat", 1.0)
    ours = ConstantKernel(1.0) * start + WhiteKernel(0.1)
    fitted = GaussianProcessRegressor(ours, alpha=0.0).fit([str(node) for node in SEEN], Y)
    X, y = torch.tensor(SEEN)[:, None], torch.tensor(Y)

    class Model(gpytorch.models.ExactGP):
        def __init__(self, likelihood):
            super().__init__(X, y, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = gpytorch.kernels.ScaleKernel(start.to_gpytorch())

        def forward(self, x):
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(x), self.covar_module(x)
            )

    likelihood = gpytorch.likelihoods.GaussianLikelihood()
    model = Model(likelihood).double().train()
    evidence = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=100, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = -evidence(model(X), y)
        loss.backward()
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        optimiser.step(closure)
        value = -closure().item() * len(y)
    assert value == pytest.approx(fitted.log_marginal_likelihood_value_, abs=1e-4)
    param = model.covar_module.base_kernel.param.item()
    assert param == pytest.approx(fitted.kernel_.k1.k2.param, rel=0.02)

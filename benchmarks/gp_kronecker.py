"""Gaussian processes on grids: ours, scikit-learn's dense regressor and GPyTorch's grid kernel."""

import functools
import time
import warnings

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern
from threadpoolctl import threadpool_limits

from kernlab.gp import KroneckerGPRegressor

NOISE = 0.05


def field(shape, seed=0):
    axes = [np.linspace(0, 1, n) for n in shape]
    rng = np.random.default_rng(seed)
    F = np.sin(9 * (axes[0][:, None] + axes[1])) + 0.3 * np.cos(20 * axes[1])
    return axes, F, F + NOISE**0.5 * rng.standard_normal(shape)


def regressor(**parameters):
    kernels = [RBF(0.2), RBF(0.2)]
    return KroneckerGPRegressor(
        kernels=kernels, alpha=NOISE, optimizer=None, random_state=0, **parameters
    )


def points(axes):
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def timed(call):
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def row(task, method, seconds, error, what, note=None):
    made = {"task": task, "method": method, "seconds": seconds, "error": error, "what": what}
    return made if note is None else {**made, "note": note}


def against_dense(shape):
    task = f"likelihood and gradient, {shape[0]} x {shape[1]} cells"
    axes, _, Y = field(shape)
    ours, X = regressor().fit(axes, Y), points(axes)
    theta = ours.kernel_.theta
    (value, slope), seconds = timed(lambda: ours.log_marginal_likelihood(theta, eval_gradient=True))
    dense = GaussianProcessRegressor(ours.kernel_, alpha=0, optimizer=None).fit(X, Y.ravel())
    (expected, expected_slope), dense_seconds = timed(
        lambda: dense.log_marginal_likelihood(theta, eval_gradient=True)
    )
    mean, std = ours.predict(X[::7], return_std=True)
    expected_mean, expected_std = dense.predict(X[::7], return_std=True)
    error = max(
        abs(value / expected - 1),
        np.max(np.abs(slope / expected_slope - 1)),
        np.max(np.abs(mean - expected_mean)),
        np.max(np.abs(std - expected_std)),
    )
    what = "largest difference from dense: likelihood, gradient, mean, standard deviation"
    yield {**row(task, "KroneckerGPRegressor", seconds, float(error), what), "bound": 1e-9}
    yield row(task, "scikit-learn", dense_seconds, 0.0, what)


def against_gpytorch(side):
    try:
        import gpytorch
        import torch
    except ImportError:
        return
    task = f"likelihood, {side} x {side} cells"
    axes, _, Y = field((side, side))
    n = side * side
    what = "likelihood per cell, difference from the exact one"
    ours, seconds = timed(lambda: regressor().fit(axes, Y).log_marginal_likelihood_value_)
    exact = dense_value(axes, Y)
    yield row(task, "KroneckerGPRegressor", seconds, float(abs(ours - exact)) / n, what)

    class Model(gpytorch.models.ExactGP):
        def __init__(self, X, y, likelihood, kernel):
            super().__init__(X, y, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = kernel

        def forward(self, X):
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(X), self.covar_module(X)
            )

    grid = [torch.from_numpy(axis) for axis in axes]
    X = gpytorch.utils.grid.create_data_from_grid(grid)
    y = torch.from_numpy(np.ascontiguousarray(Y.ravel()))

    def grid_kernel():
        base = gpytorch.kernels.RBFKernel(ard_num_dims=2).double()
        base.lengthscale = torch.tensor([0.2, 0.2], dtype=torch.float64)
        return gpytorch.kernels.GridKernel(base, grid=grid)

    def scaled_kernel():
        # A model of which the amplitude is to be learned needs it.
        kernel = gpytorch.kernels.ScaleKernel(grid_kernel()).double()
        kernel.outputscale = torch.tensor(1.0, dtype=torch.float64)
        return kernel

    for name, make in (("GridKernel", grid_kernel), ("ScaleKernel(GridKernel)", scaled_kernel)):
        torch.manual_seed(0)
        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        likelihood.noise = NOISE
        model = Model(X, y, likelihood, make()).double()
        model.train(), likelihood.train()
        objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value, seconds = timed(lambda: float(objective(model(X), y)))  # noqa: B023
        yield row(task, f"GPyTorch {name}", seconds, float(abs(value - exact / n)), what)


def dense_value(axes, Y):
    """By a Cholesky factor of all cells: RBF(0.2) x RBF(0.2) + noise."""
    K = np.kron(*(RBF(0.2)(axis[:, None]) for axis in axes))
    K[np.diag_indices_from(K)] += NOISE
    factor = cho_factor(K, lower=True, overwrite_a=True)
    y = Y.ravel()
    fit = y @ cho_solve(factor, y)
    return -0.5 * (fit + len(y) * np.log(2 * np.pi)) - np.log(np.diag(factor[0])).sum()


def large(side):
    axes, _, Y = field((side, side))
    uneven = [np.sort(np.random.default_rng(k).uniform(size=side)) for k in range(2)]
    for name, grid in (("regular", axes), ("uneven", uneven)):
        kernels = [RBF(0.1), Matern(0.1, nu=2.5)]
        gp = KroneckerGPRegressor(kernels=kernels, alpha=NOISE, optimizer=None).fit(grid, Y)
        theta = gp.kernel_.theta
        for threads in (1, 2):
            call = functools.partial(gp.log_marginal_likelihood, theta, eval_gradient=True)
            with threadpool_limits(threads, "blas"):
                seconds = min(timed(call)[1] for _ in range(5))
            yield row(
                f"likelihood and gradient, {side} x {side} cells, {name} axes",
                f"KroneckerGPRegressor, BLAS threads: {threads}",
                seconds,
                None,
                "",
            )


def missing(shape):
    axes, F, Y = field(shape)
    Y[np.random.default_rng(1).random(shape) < 0.2] = np.nan
    task = f"{Y.size} cells, 20 % missing"
    gp, seconds = timed(lambda: regressor().fit(axes, Y))
    yield row(
        f"likelihood, {task}",
        "KroneckerGPRegressor",
        seconds,
        gp.log_marginal_likelihood_error_,
        "standard error of the log likelihood",
        note=f"log likelihood {gp.log_marginal_likelihood_value_:.1f}",
    )
    mean, seconds = timed(lambda: gp.predict_grid(axes))
    error = float(np.sqrt(np.mean((mean - F) ** 2)))
    yield row(
        f"mean of all, {task}", "KroneckerGPRegressor", seconds, error, "rms error of the field"
    )


def rows(quick):
    """Rows of the table."""
    if quick:
        return list(against_dense((20, 25)))
    made = [*against_dense((40, 50)), *against_gpytorch(40), *against_gpytorch(80)]
    made.extend(large(1000))
    made.extend(missing((250, 400)))
    return made


if __name__ == "__main__":
    for made in rows(quick=False):
        print(made)

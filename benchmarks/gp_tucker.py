"""Functional Tucker against a discrete Tucker decomposition and a product of kernels."""

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from kernlab.gp import FunctionalTuckerRegressor
from kernlab.gp._markov import MarkovProcess, MaternComponent
from kernlab.kernels import OnColumns

SIZE, RANK, NOISE = 60, 2, 0.1
RIDGES = (1e-4, 1e-2, 0.1, 1.0)


def tensor(seed, n):
    """Noisy cells of a tensor of rank 2³ whose factors are draws of Matérn-5/2, and 5 000 others."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, SIZE)
    process = MarkovProcess([MaternComponent(1.0, 0.3, 2.5)])
    factors = [
        np.stack([process.sample(t, rng) @ process.row() for _ in range(RANK)], 1) for _ in range(3)
    ]
    values = np.einsum("abc,ia,jb,kc->ijk", rng.normal(size=(RANK,) * 3), *factors)
    values = (values / values.std()).ravel()
    order = rng.permutation(values.size)[: n + 5000]
    index = np.stack(np.unravel_index(order, (SIZE,) * 3), axis=1)
    y = values[order[:n]] + NOISE * rng.normal(size=n)
    return index, t[index], y, values[order[n:]]


def discrete(index, y, ridge, seed, sweeps=60):
    """Alternating ridge regressions of core and factors, of the true rank; training loss, model."""
    rng = np.random.default_rng(seed)
    factors = [rng.normal(size=(SIZE, RANK)) for _ in range(3)]
    for _ in range(sweeps):
        rows = [factor[index[:, k]] for k, factor in enumerate(factors)]
        design = np.einsum("na,nb,nc->nabc", *rows).reshape(len(y), -1)
        gram = design.T @ design + ridge * np.eye(RANK**3)
        core = np.linalg.solve(gram, design.T @ y).reshape((RANK,) * 3)
        for k in range(3):
            others = [factors[j][index[:, j]] for j in range(3) if j != k]
            b = np.einsum("abc,nb,nc->na", np.moveaxis(core, k, 0), *others)
            grams = np.tile(ridge * np.eye(RANK), (SIZE, 1, 1))
            shifts = np.zeros((SIZE, RANK))
            np.add.at(grams, index[:, k], b[:, :, None] * b[:, None, :])
            np.add.at(shifts, index[:, k], b * y[:, None])
            factors[k] = np.linalg.solve(grams, shifts[:, :, None])[:, :, 0]

    def predict(at):
        return np.einsum("abc,na,nb,nc->n", core, *[f[at[:, k]] for k, f in enumerate(factors)])

    loss = np.sum((predict(index) - y) ** 2)
    loss += ridge * (np.sum(core**2) + sum(np.sum(factor**2) for factor in factors))
    return loss, predict


def product(X, y):
    """A Gaussian process with a product of Matérn-3/2; hyperparameters from 500 rows."""
    kernel = ConstantKernel(1.0) * OnColumns(Matern(0.5, nu=1.5), [0])
    kernel = kernel * OnColumns(Matern(0.5, nu=1.5), [1]) * OnColumns(Matern(0.5, nu=1.5), [2])
    model = GaussianProcessRegressor(kernel + WhiteKernel(0.01), alpha=0.0).fit(X[:500], y[:500])
    if len(y) > 500:
        model = GaussianProcessRegressor(model.kernel_, alpha=0.0, optimizer=None).fit(X, y)
    return model


def rmse(values, truth):
    return float(np.sqrt(np.mean((values - truth) ** 2)))


def rows(quick):
    """Root mean square errors in standard deviations of the tensor; medians of the seeds."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = []
    for n, seeds in ((500, 1),) if quick else ((500, 10), (1000, 5), (3000, 3)):
        errors: dict = {}
        seconds: dict = {}

        def record(name, error, start, errors=errors, seconds=seconds):
            errors.setdefault(name, []).append(error)
            seconds.setdefault(name, []).append(time.perf_counter() - start)

        ranks = []
        for seed in range(seeds):
            index, X, y, truth = tensor(seed, n)
            start = time.perf_counter()
            model = FunctionalTuckerRegressor(random_state=0).fit(X[:n], y)
            record("kernlab, defaults", rmse(model.predict(X[n:]), truth), start)
            ranks.append(model.rank_)
            if quick:
                continue
            for ridge in RIDGES:
                start = time.perf_counter()
                starts = [discrete(index[:n], y, ridge, s) for s in range(4)]
                best = min(starts, key=lambda pair: pair[0])[1]
                name = f"discrete Tucker of the true rank, ridge {ridge:g}"
                record(name, rmse(best(index[n:]), truth), start)
            if seed < 3:
                start = time.perf_counter()
                record(
                    "scikit-learn, product of Matérn",
                    rmse(product(X[:n], y).predict(X[n:]), truth),
                    start,
                )
        for name, values in errors.items():
            ours = name.startswith("kernlab")
            note = f"{len(values)} tensors, worst {max(values):.2g}"
            if ours:
                note += f", rank 2³ found in {sum(r == (2, 2, 2) for r in ranks)}"
            found.append(
                {
                    "task": f"{n} cells of 60³, rank 2³, 10 % noise",
                    "method": name,
                    "seconds": min(seconds[name]),
                    "error": max(values) if ours else float(np.median(values)),
                    "what": "worst RMSE, sd" if ours else "median RMSE, sd",
                    "note": note,
                    **({"bound": 0.15} if ours else {}),
                }
            )
    return found

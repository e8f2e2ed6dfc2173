"""Gaussian-process regression."""

import math
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.svm import SVC

from kernlab.datasets import load_airline, load_karate, make_ad_hoc
from kernlab.exceptions import MissingExtraError
from kernlab.gp import (
    FunctionalTuckerRegressor,
    KroneckerGPRegressor,
    MarkovGPRegressor,
    SpectralMixtureGPRegressor,
    StudentTProcessRegressor,
)
from kernlab.graph import NodeKernel
from kernlab.kernels import Cosine, QuantumFidelity
from tour_parts.common import save, timed


def gaussian_processes():
    """Air passengers forecast, twenty thousand points in linear time, and a grid with a hole."""
    X, y = load_airline(return_X_y=True)
    train, test = slice(0, 108), slice(108, None)
    print("Gaussian processes: log air passengers, the last three of twelve years forecast")
    model = SpectralMixtureGPRegressor().fit(X[train], np.log(y[train]))
    mean, std = model.predict(X[test], return_std=True)
    off = mean - np.log(y[test])
    found = {"airline": float(np.sqrt(np.mean(off**2)))}
    lines = ", ".join(f"{f:.2f}" for f in np.sort(model.lines_[:, 0])[:4])
    print(
        f"error {found['airline']:.3f}, in the 95 % band {np.mean(np.abs(off) < 1.96 * std):.0%}"
        f", lines at {lines} cycles per year"
    )
    try:
        module = model.gpytorch_model()
    except MissingExtraError as error:
        print(f"as a module of GPyTorch: {error}")
    else:
        print(f"as a module of GPyTorch: {type(module.covar_module).__name__}, to go on with")
    figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    ax.plot(X[:, 0], np.log(y), "k.", markersize=4, label="log passengers")
    grid = np.linspace(0, 12, 600)
    mean, std = model.predict(grid[:, None], return_std=True)
    ax.plot(grid, mean, label="posterior mean")
    ax.fill_between(grid, mean - 1.96 * std, mean + 1.96 * std, alpha=0.3, label="95 %")
    ax.axvline(9, color="0.5", linestyle="--")
    ax.set(xlabel="years since 1949", title="Forecast from the first nine years")
    ax.legend(loc="upper left")
    save(figure, "airline.png")

    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 2000, 20_000))
    kernel = Matern(3.0, nu=1.5) * Cosine(1.0) + WhiteKernel(0.1)
    signal = np.sin(2 * math.pi * times) * np.cos(times / 5)
    noisy = signal + 0.3 * rng.normal(size=len(times))
    model = MarkovGPRegressor(kernel=kernel, optimizer=None)
    (mean, std), seconds = timed(
        lambda: model.fit(times[:, None], noisy).predict(times[:, None], return_std=True)
    )
    found["markov"] = float(np.sqrt(np.mean((mean - signal) ** 2)))
    print(
        f"20,000 points at any times: likelihood, mean and std in {1e3 * seconds:.0f} ms, error "
        f"{found['markov']:.3f} of noise 0.3"
    )

    axes = [np.linspace(0, 6, 120), np.linspace(0, 4, 80)]
    field = np.sin(axes[0])[:, None] * np.cos(2 * axes[1])
    seen = field + 0.1 * rng.normal(size=field.shape)
    seen[50:60, 30:40] = np.nan
    start = time.perf_counter()
    model = KroneckerGPRegressor().fit(axes, seen)
    filled = model.predict_grid(axes)
    seconds = time.perf_counter() - start
    found["grid"] = float(np.sqrt(np.mean((filled - field)[50:60, 30:40] ** 2)))
    print(
        f"9,600 cells with a hole, hyperparameters learned in {seconds:.1f} s: error "
        f"{found['grid']:.3f} in the hole, of noise 0.1"
    )

    X = rng.uniform(size=(400, 3))

    def exact(a, b, c):
        return np.sin(5 * a) * np.cos(4 * b) * np.exp(c) + a * np.sqrt(b) * np.cos(7 * c)

    y = exact(*X.T) + 0.05 * rng.normal(size=400)
    model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
    at = rng.uniform(size=(1000, 3))
    found["tucker"] = float(np.sqrt(np.mean((model.predict(at) - exact(*at.T)) ** 2)))
    print(
        f"400 entries of a tensor of three continuous indices: rank {model.rank_}, error "
        f"{found['tucker']:.3f} of noise 0.05"
    )
    print()
    return found


def scales_and_states():
    """A scale that is not known, and labels that only a quantum circuit tells apart."""
    rng = np.random.default_rng(0)
    X = np.linspace(0, 10, 60)[:, None]
    y, new = (5 * (np.sin(X[:, 0]) + 0.3 * rng.standard_normal(60)) for _ in range(2))
    kernel = 0.5 * RBF(1.5) + WhiteKernel(0.09)
    gaussian = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(X, y)
    student = StudentTProcessRegressor(kernel=kernel, optimizer=None).fit(X, y)
    mean, std, df = student.predict(X, return_std=True, return_df=True)
    laws = {
        "Gaussian process": norm(*gaussian.predict(X, return_std=True)),
        "Student-t process": student_t(df, mean, std * np.sqrt((df - 2) / df)),
    }
    print("A kernel for y five times smaller: new readings inside 95 % intervals")
    found = {}
    for name, law in laws.items():
        low, high = law.interval(0.95)
        found[name] = float(np.mean((low < new) & (new < high)))
        print(f"{name:20}{found[name]:6.0%}")
    X, y = make_ad_hoc(440, random_state=0)
    print("Labels of quantum states, 60 points to learn from: share right")
    for name, kernel in (("quantum fidelity", QuantumFidelity()), ("RBF", "rbf")):
        found[name] = float(SVC(kernel=kernel, C=100).fit(X[:60], y[:60]).score(X[60:], y[60:]))
        print(f"{name:20}{found[name]:6.0%}")
    print()
    return found


def processes_on_nodes():
    """The sides of the karate club from those of its two leaders."""
    karate = load_karate()
    shared = NodeKernel(karate.adjacency)
    print("Gaussian processes on nodes: the karate club from its two leaders")
    print(f"{'measure':9}{'right of 34':>12}{'least sure':>12}")
    found = {}
    for measure, param in {"for": 1.0, "heat": 1.0, "matern": 3.0, "katz": 0.5}.items():
        kernel = 10.0 * clone(shared).set_params(measure=measure, param=param)
        model = GaussianProcessClassifier(kernel, optimizer=None).fit([0, 33], [0, 1])
        share = model.predict_proba(np.arange(34))[:, 1]
        found[measure] = int(np.sum((share > 0.5) == karate.target))
        member = int(np.argmin(np.abs(share - 0.5)))
        print(f"{measure:9}{found[measure]:12}{f'member {member}':>12}")
    print()
    return found

"""Differential equations."""

import math

import matplotlib.pyplot as plt
import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, coords
from tour_parts.common import save, timed


def equations():
    """A high-frequency equation, against finite differences, and one with a noisy source."""
    wave = 100.0

    def exact(x, y):
        return np.sin(wave * x) * np.sin(wave * y)

    def source(x, y):
        return -2 * wave**2 * exact(x, y)

    x, y = coords("x y")
    u = Field("u")
    end = 2 * math.pi
    pde = PDE(D(u, x, 2) + D(u, y, 2) - source, Box(x=(0, end), y=(0, end)), [Dirichlet(exact)])
    solver, seconds = timed(GPPDESolver(pde, random_state=0).fit)
    X = np.random.default_rng(0).uniform(0, end, (5_000, 2))
    truth = exact(*X.T)
    error = np.linalg.norm(solver.predict(X) - truth) / np.linalg.norm(truth)

    # Second differences of a product of sines are that product times a number.
    n = solver.n_points_[0]
    step = end / (n - 1)
    differences = (wave * step / 2 / math.sin(wave * step / 2)) ** 2 - 1
    print("u_xx + u_yy = f, u = sin 100x sin 100y on (0, 2π)²: relative error off the grid")
    print(f"{'kernlab':20}{error:10.1e}{1e3 * seconds:8.0f} ms  features {solver.n_points_}")
    print(f"{'second differences':20}{differences:10.1e}             as many nodes, at these")
    print(f"{'GP-HM (2024)':20}{4.7e-6:10.1e}  2109 s      as published, its best")

    axis = np.linspace(0, 0.5, 200)
    figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
    shown = ax.pcolormesh(axis, axis, solver.predict_grid([axis, axis]).T, cmap="RdBu_r")
    figure.colorbar(shown, label="u")
    ax.set(xlabel="x", ylabel="y", title="A corner of the solution", aspect="equal")
    save(figure, "high_frequency.png")

    def signal(x):
        return np.sin(6 * x) * np.cos(wave * x)

    def bend(x):
        return -(wave**2 + 36) * signal(x) - 12 * wave * np.cos(6 * x) * np.sin(wave * x)

    nodes = np.linspace(0, end, 400)
    noise = 0.01 * np.std(bend(nodes))
    y = bend(nodes) + noise * np.random.default_rng(0).standard_normal(400)
    pde = PDE(D(u, x, 2), Box(x=(0, end)), [Dirichlet(signal)])
    noisy = GPPDESolver(pde, random_state=0).fit(nodes[:, None], y, observe="source")
    mean, std = noisy.predict(X[:, :1], return_std=True)
    off = mean - signal(X[:, 0])
    noisy_error = np.linalg.norm(off) / np.linalg.norm(signal(X[:, 0]))
    found = ", ".join(f"{line:.1f}" for line in noisy.lines_[0])
    print("u'' = f with 1 % noise in f: the Gaussian process finds lines and noise by itself")
    print(
        f"error {noisy_error:.1e}, lines {found}, noise {np.sqrt(noisy.noise_):.0f} (true "
        f"{noise:.0f}), within two std {np.mean(np.abs(off) < 1.96 * std):.0%}"
    )
    print()
    return error, noisy_error

"""
A front that steepens
=====================

Burgers' equation carries a wave into a front, which viscosity keeps smooth. Time is one of the two coordinates, with a
condition at its start alone; the whole history is one solution, to eleven digits.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, Initial, coords

# %%
# Two fronts that merge
# ---------------------
# With u = -2 ν (log w)_x for a w that solves the heat equation, u solves Burgers' (Cole and Hopf): of two
# growing exponentials w makes a front that travels, of three two fronts that become one.

nu = 0.025
rates = np.array([0.0, 8.0, 18.0])
shifts = np.array([0.0, -4.5, -14.5])


def exact(x, t):
    powers = [r * x + nu * r**2 * t + s for r, s in zip(rates, shifts, strict=True)]
    top = np.maximum.reduce(powers)
    parts = [np.exp(p - top) for p in powers]
    return -2 * nu * sum(r * p for r, p in zip(rates, parts, strict=True)) / sum(parts)


x, t = coords("x t")
u = Field("u")
pde = PDE(
    D(u, t) + u * D(u, x) - nu * D(u, x, 2),
    Box(x=(0, 2), t=(0, 1)),
    [Initial(exact), Dirichlet(exact)],
)
start = time.perf_counter()
solver = GPPDESolver(pde, random_state=0).fit()
seconds = time.perf_counter() - start

X = np.random.default_rng(0).random((4_000, 2)) * [2, 1]
error = np.linalg.norm(solver.predict(X) - exact(*X.T)) / np.linalg.norm(exact(*X.T))
print(f"{solver.route_}: {solver.n_iter_} steps, features {solver.n_points_}, {seconds:.2f} s")
print(f"relative error {error:.1e}, estimated {solver.error_:.1e}, residual {solver.residual_:.1e}")
assert error < 1e-9

# %%
# The history
# -----------

grid = np.linspace(0, 2, 400)
times = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
profiles = solver.predict_grid([grid, times])
fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
colors = plt.cm.viridis(np.linspace(0, 0.9, len(times)))
for profile, when, color in zip(profiles.T, times, colors, strict=True):
    ax.plot(grid, profile, color=color, label=f"t = {when:g}")
ax.set(xlabel="x", ylabel="u", title="Two fronts merge")
ax.legend()
plt.show()

"""
Several scales at once
======================

A reaction-diffusion equation whose solution has one wave, three and sixteen across the square, all at once.
A kernel of one length scale finds the slow part and misses the fast one; how near does
:class:`~kernlab.pde.GPPDESolver` come, with nothing to set?
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDEDisplay, GPPDESolver, coords

# %%
# The equation
# ------------
# Allen and Cahn's, with a source made so that the solution is known. It is the hardest problem of
# Fang et al. (ICLR 2024), who reach a relative error of 2.6e-3 in four hours.


def wave(x):
    return np.sin(x) + 0.1 * np.sin(20 * x) + np.cos(100 * x)


def bend(x):
    return -np.sin(x) - 40 * np.sin(20 * x) - 1e4 * np.cos(100 * x)


def exact(x, y):
    return wave(x) * wave(y)


def source(x, y):
    return bend(x) * wave(y) + wave(x) * bend(y) + exact(x, y) ** 3 - exact(x, y)


x, y = coords("x y")
u = Field("u")
pde = PDE(
    D(u, x, 2) + D(u, y, 2) + u * (u**2 - 1) - source, Box(x=(0, 1), y=(0, 1)), [Dirichlet(exact)]
)
start = time.perf_counter()
solver = GPPDESolver(pde, random_state=0).fit()
seconds = time.perf_counter() - start

# %%
# The solution, and how far off it is
# -----------------------------------
# The error is measured off the nodes. Beside it, second-order differences of the same number of
# unknowns, given the exact nonlinear term: sixteen waves of six nodes each are beyond them.

rng = np.random.default_rng(0)
X = rng.random((5_000, 2))
error = np.linalg.norm(solver.predict(X) - exact(*X.T)) / np.linalg.norm(exact(*X.T))

n = solver.n_points_[0]
h = 1 / (n - 1)
nodes = np.linspace(0, 1, n)
modes = np.sin(np.pi * np.outer(np.arange(1, n - 1), np.arange(1, n - 1)) / (n - 1))
stiffness = (2 * np.cos(np.pi * np.arange(1, n - 1) / (n - 1)) - 2) / h**2
values = exact(nodes[:, None], nodes)
right = (source(nodes[:, None], nodes) - values * (values**2 - 1))[1:-1, 1:-1]
right[0] -= values[0, 1:-1] / h**2
right[-1] -= values[-1, 1:-1] / h**2
right[:, 0] -= values[1:-1, 0] / h**2
right[:, -1] -= values[1:-1, -1] / h**2
scale = 2 / (n - 1)
coefficients = scale**2 * (modes @ right @ modes) / (stiffness[:, None] + stiffness)
differences = modes @ coefficients @ modes
their_error = np.linalg.norm(differences - values[1:-1, 1:-1]) / np.linalg.norm(values[1:-1, 1:-1])

fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
GPPDEDisplay.from_estimator(solver, kind="solution", ax=axes[0])
GPPDEDisplay.from_estimator(solver, kind="residual", ax=axes[1])
axes[0].set_title("The solution")
axes[1].set_title("By how much the equation fails to hold")

print(f"features along x and y: {solver.n_points_}, route: {solver.route_}")
print(f"relative error {error:.1e} (estimated {solver.error_:.1e}) in {seconds:.2f} s")
print(f"second-order differences on as many nodes: {their_error:.1e}")
assert error < 1e-11

# %%
# The prior
# ---------
# It is a Gaussian process: ``kernel_`` is its fitted prior, a mixture of lines along each coordinate.
# The share of u's variance that each line has tells the scales apart.

display = GPPDEDisplay.from_estimator(solver, kind="spectrum")
display.ax_.set_title("The solution's spectrum, and its prior")
for name, axis in zip(pde.box.names, solver.kernel_.axes, strict=True):
    strongest = np.argsort(axis.weights)[::-1][:3]
    print(name, "strongest lines at", axis.frequencies[strongest].round(1))
plt.show()

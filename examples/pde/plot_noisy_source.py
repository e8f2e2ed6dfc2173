"""
A source known with noise
=========================

The right-hand side of u'' = f is measured at 400 places with an error of 1 %. Collocation takes the noise for
signal and integrates it twice. The Gaussian process finds the lines of the signal and the size of the noise, and says
how far to trust the result.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, coords

# %%
# The data
# --------


def exact(x):
    return np.sin(6 * x) * np.cos(100 * x)


def bend(x):
    return -10036 * exact(x) - 1200 * np.cos(6 * x) * np.sin(100 * x)


rng = np.random.default_rng(0)
end = 2 * np.pi
nodes = np.linspace(0, end, 400)
noise = 0.01 * np.std(bend(nodes))
f = bend(nodes) + noise * rng.standard_normal(400)

# %%
# Collocation and the Gaussian process
# ------------------------------------
# The equation is written without its source: y are values of what it is to equal.

x = coords("x")
u = Field("u")
pde = PDE(D(u, x, 2), Box(x=(0, end)), [Dirichlet(exact)])
solver = GPPDESolver(pde, random_state=0).fit(nodes[:, None], f, observe="source")

# Sines through all the data, what the noise is worth in a spectral method.
inner = nodes[1:-1]
waves = np.pi * np.arange(1, 399) / end
lift = exact(0.0) + (exact(end) - exact(0.0)) * inner / end
amplitudes = np.linalg.solve(-(waves**2) * np.sin(np.outer(inner, waves)), f[1:-1])

X = np.linspace(0, end, 3_001)
mean, std = solver.predict(X[:, None], return_std=True)
collocation = exact(0.0) + (exact(end) - exact(0.0)) * X / end
collocation = collocation + np.sin(np.outer(X, waves)) @ amplitudes


def relative(values):
    return np.linalg.norm(values - exact(X)) / np.linalg.norm(exact(X))


covered = np.mean(np.abs(mean - exact(X)) < 1.96 * std)
print(f"collocation: error {relative(collocation):.2f}; Gaussian process: {relative(mean):.1e}")
print(
    f"noise found {np.sqrt(solver.noise_):.1f}, true {noise:.1f}; lines {solver.lines_[0].round(2)}"
)
print(f"within two standard deviations: {covered:.0%} of the interval")
assert relative(mean) < 5e-3

# %%
# The band is two standard deviations, and wider than the error can be seen: so both are drawn
# again below, without the signal.

fig, axes = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
near = (X > 1.0) & (X < 2.0)
axes[0].plot(X[near], collocation[near], color="0.6", label="collocation")
axes[0].plot(X[near], mean[near], label="Gaussian process")
axes[0].plot(X[near], exact(X[near]), "k:", lw=1, label="exact")
axes[0].set(xlabel="x", ylabel="u", title="Part of the interval")
axes[0].legend(loc="upper left", ncols=3)
axes[1].fill_between(X, -2 * std, 2 * std, alpha=0.3, label="two standard deviations")
axes[1].plot(X, mean - exact(X), lw=0.8, label="error")
axes[1].set(
    xlabel="x", ylabel="mean - exact", title="Error of the posterior mean, and what it says of it"
)
axes[1].legend(loc="upper right", ncols=2)
plt.show()

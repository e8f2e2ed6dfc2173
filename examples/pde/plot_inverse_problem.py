"""
A wave number from thirty noisy readings
========================================

The equation u'' + k² u = 0 holds exactly, k is not known, and u is read at thirty places with an error of 5 %.
The reading of k, its standard deviation and the solution's come from one posterior.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, Unknown, coords

# %%
# The equation and the data
# -------------------------
# ``Unknown`` is a number to infer, between bounds. Both ends are known.

truth = 37.3


def exact(x):
    return np.sin(truth * x)


x = coords("x")
u = Field("u")
k = Unknown("k", bounds=(20, 60))
pde = PDE(D(u, x, 2) + k**2 * u, Box(x=(0, 1)), [Dirichlet(exact)])

rng = np.random.default_rng(0)
places = np.sort(rng.random(30))
readings = exact(places) + 0.05 * rng.standard_normal(30)
solver = GPPDESolver(pde, random_state=0).fit(places[:, None], readings)
mean, std = solver.params_["k"]
print(f"k = {mean:.4f} ± {std:.4f}, true {truth}; noise {np.sqrt(solver.noise_):.3f}, true 0.05")
assert abs(mean - truth) < 4 * std < 0.1

# %%
# A least-squares fit finds the same number where it starts near it. From elsewhere it does not: the misfit has
# a valley for every half wave, and the evidence that the solver maximises is searched over all of the bounds.

wave_numbers = np.linspace(20, 60, 2_000)
guesses = np.sin(np.outer(wave_numbers, places)) * (np.sin(truth) / np.sin(wave_numbers))[:, None]
misfit = np.sqrt(np.mean((guesses - readings) ** 2, axis=1))

grid = np.linspace(0, 1, 500)
u_mean, u_std = solver.predict(grid[:, None], return_std=True)
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(grid, u_mean, lw=1, label="posterior mean")
axes[0].plot(places, readings, "k.", label="readings")
axes[0].set(xlabel="x", ylabel="u", ylim=(-1.6, 1.3))
axes[0].set_title(f"The solution, two std at most {2 * np.max(u_std):.3f}")
axes[0].legend(loc="lower left", ncols=2)
axes[1].semilogy(wave_numbers, misfit, lw=0.8, color="0.5")
axes[1].plot(mean, np.min(misfit), "o", color="C0", label=f"k = {mean:.3f} ± {std:.3f}")
axes[1].set(xlabel="k", ylabel="root mean square misfit", title="Many valleys")
axes[1].legend(loc="lower right")
plt.show()

"""
A hundred thousand times
========================

A hundred days of a sensor, read once a minute or so, with a daily rhythm that drifts, slow weather and noise. A dense
Gaussian process would need 80 GB; as a Markov process it takes a second a pass, and the result is the same.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from kernlab.gp import MarkovGPRegressor
from kernlab.kernels import Cosine

# %%
# The data
# --------
# Times are uneven, and the sensor was out for three days.

rng = np.random.default_rng(0)
days = np.sort(rng.uniform(0, 100, 103_000))
days = days[(days < 60) | (days > 63)]


def signal(t):
    rhythm = (2 + np.sin(t / 9)) * np.cos(2 * np.pi * t + 0.8 * np.sin(t / 15))
    return rhythm + 3 * np.sin(t / 11) + 2 * np.sin(t / 4.1 + 1)


y = signal(days) + rng.normal(size=len(days))
X = days[:, None]

# %%
# The kernel
# ----------
# A Matérn kernel times a cosine is a rhythm whose size and phase drift over the length scale; one without a cosine is
# the weather. The hyperparameters are learned from every fortieth value: a fit of all takes a minute, and here hardly
# moves them.

kernel = 4.0 * Matern(20.0, nu=1.5) * Cosine(1.0) + 9.0 * Matern(5.0, nu=1.5) + WhiteKernel(1.0)
part = MarkovGPRegressor(kernel=kernel).fit(X[::40], y[::40])
print(part.kernel_)

start = time.perf_counter()
gp = MarkovGPRegressor(kernel=part.kernel_, optimizer=None).fit(X, y)
grid = np.linspace(54, 69, 3_000)
mean, std = gp.predict(grid[:, None], return_std=True)
seconds = time.perf_counter() - start
print(f"{len(y)} values: log likelihood, mean and standard deviation in {seconds:.1f} s")

# %%
# The standard deviation that ``predict`` returns is of new readings; without the noise's share it is of the signal.

noise = gp.kernel_.k2.noise_level
band = 2 * np.sqrt(std**2 - noise)
gap = (grid > 60) & (grid < 63)
inside = np.abs(mean - signal(grid)) < band
error = np.sqrt(np.mean((mean - signal(grid))[~gap] ** 2))
print(f"noise {np.sqrt(noise):.3f}, true 1; error where there are readings {error:.3f}")
print(
    f"within two standard deviations: {inside[gap].mean():.0%} of the gap, {inside.mean():.0%} of all"
)
assert error < 0.1

# %%
# The gap is bridged by the rhythm. The band is too narrow to be seen beside the signal, so that it is drawn again below
# with the error: it opens threefold in the gap.

fig, axes = plt.subplots(3, 1, figsize=(9, 8), layout="constrained")
axes[0].plot(days[::10], y[::10], ",", color="0.5")
axes[0].set(xlabel="day", ylabel="reading", title="Every tenth of the readings")
near = (days > 54) & (days < 69)
axes[1].plot(days[near][::4], y[near][::4], ".", ms=1.5, color="0.75", label="readings")
axes[1].plot(grid, mean, label="posterior mean")
axes[1].plot(grid, signal(grid), "k:", lw=1, label="truth")
axes[1].set(ylabel="reading", title="Three days without the sensor", xlim=(54, 69), ylim=(-9, 7))
axes[1].legend(ncols=3, loc="upper left", markerscale=5)
axes[2].fill_between(grid, -band, band, alpha=0.3, lw=0, label="two standard deviations")
axes[2].plot(grid, mean - signal(grid), lw=0.8, label="error")
axes[2].set(
    xlabel="day",
    ylabel="mean - truth",
    title="Error, and what the posterior says of it",
    xlim=(54, 69),
)
axes[2].legend(ncols=2, loc="upper left")
plt.show()

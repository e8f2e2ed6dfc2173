"""
Bandwidths: rules of thumb against selectors
============================================

A rule of thumb takes the data for normal. Selectors look at how rough it is: in one dimension the
improved Sheather-Jones bandwidth, in two a plug-in bandwidth matrix.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from kernlab.density import KernelDensity

# %%
# The claw
# --------
# Half of the points come from a standard normal density, half from five narrow ones. Its true
# density is known, so an estimate can be held against it.

weights = np.array([0.5] + [0.1] * 5)
means = np.array([0.0, -1.0, -0.5, 0.0, 0.5, 1.0])
deviations = np.array([1.0] + [0.1] * 5)


def claw(y):
    parts = np.exp(-0.5 * ((y[:, None] - means) / deviations) ** 2) / deviations
    return parts @ weights / np.sqrt(2 * np.pi)


rng = np.random.default_rng(0)
component = rng.choice(6, size=1000, p=weights)
X = rng.normal(means[component], deviations[component])[:, None]
grid = np.linspace(-3, 3, 1201)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained", sharey=True)
errors = {}
for ax, rule in zip(axes, ("silverman", "lcv", "isj"), strict=True):
    kde = KernelDensity(bandwidth=rule).fit(X)
    density = np.exp(kde.score_samples(grid[:, None]))
    errors[rule] = np.sum((density - claw(grid)) ** 2) * (grid[1] - grid[0])
    ax.fill_between(grid, claw(grid), color="0.85", label="truth")
    ax.plot(grid, density, label="estimate")
    h = kde.bandwidth_matrix_[0, 0] ** 0.5
    ax.set(title=f"'{rule}': h = {h:.3f}, squared error {errors[rule]:.3f}", xlabel="x")
    ax.title.set_fontsize(10)
axes[0].set(ylabel="density", ylim=(0, 0.72))
axes[0].legend(loc="upper center", ncols=2)
plt.show()

# %%
# Silverman's bandwidth is four times too wide and sees one hump. The leave-one-out likelihood finds
# the five peaks but dulls them: it is careful for the sake of the sparse tails, where a narrow
# kernel gives single points next to no likelihood. Improved Sheather-Jones follows the peaks.

# %%
# A bandwidth matrix
# ------------------
# Petals of iris flowers: three species, of which one is small and tight. Silverman's rule takes the
# shape of its kernel from the spread of all species together, a long ellipse, and joins the species;
# the plug-in matrix minimises the estimated error over all shapes. In the corners, each kernel at
# one standard deviation.

iris = load_iris()
petals = iris.data[:, 2:]
length, width = np.meshgrid(np.linspace(0.4, 7.6, 200), np.linspace(-0.3, 3.0, 180))
points = np.stack([length.ravel(), width.ravel()], axis=1)
circle = np.stack([np.cos(np.linspace(0, 2 * np.pi, 100)), np.sin(np.linspace(0, 2 * np.pi, 100))])

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
likelihoods = {}
for ax, rule in zip(axes, ("silverman", "plugin"), strict=True):
    kde = KernelDensity(bandwidth=rule).fit(petals)
    likelihoods[rule] = kde.leave_one_out_score() / len(petals)
    density = np.exp(kde.score_samples(points)).reshape(length.shape)
    # Contours that hold given shares of the estimated probability.
    ordered = np.sort(density.ravel())[::-1]
    shares = np.cumsum(ordered) / ordered.sum()
    levels = [ordered[np.searchsorted(shares, share)] for share in (0.95, 0.75, 0.5, 0.25)]
    ax.contourf(length, width, density, levels=[*levels, density.max()], cmap="Blues")
    ax.scatter(*petals.T, c=iris.target, s=7, cmap="Set1")
    ellipse = np.linalg.cholesky(kde.bandwidth_matrix_) @ circle
    ax.plot(ellipse[0] + 6.8, ellipse[1] + 0.3, color="k")
    ax.set(title=f"'{rule}'", xlabel="petal length (cm)")
axes[0].set(ylabel="petal width (cm)")
plt.show()

# %%
# The improved Sheather-Jones bandwidth has a fraction of the error of Silverman's rule.

assert errors["isj"] < errors["silverman"] / 4
print(f"claw: silverman's error is {errors['silverman'] / errors['isj']:.1f} times that of isj")
print(f"iris: the plug-in matrix gains {likelihoods['plugin'] - likelihoods['silverman']:.2f} nats")

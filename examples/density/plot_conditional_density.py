"""
A distribution for every row: conditional density estimation
============================================================

A regression with Gaussian noise says one number and one width. Where the scatter depends on the
features, or the target has two answers, that is the wrong distribution however good the mean. A
conditional kernel density has the shape of the data.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from kernlab.density import ConditionalKernelDensity


def draw(rng, n):
    """Two branches that part to the right, with a scatter that grows; and a feature of noise."""
    x = rng.uniform(0, 3, size=n)
    branch = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    y = branch * np.maximum(x - 1, 0) + (0.1 + 0.1 * x) * rng.normal(size=n)
    return np.column_stack([x, rng.normal(size=n)]), y


rng = np.random.default_rng(0)
X, y = draw(rng, 600)
X_test, y_test = draw(rng, 1000)
model = ConditionalKernelDensity().fit(X, y)

# %%
# The bandwidths
# --------------
# The leave-one-out likelihood gives each column a width. The second feature says nothing of the
# target, and its width comes out beyond its spread of 1, which hardly tells rows apart: it is
# smoothed out of the estimate.

print("widths of both features and the target:", np.array2string(model.bandwidth_, precision=2))

# %%
# Against a regression
# --------------------
# The rival has the same conditional mean and a normal scatter of one width, the best one for the
# training data.

residual = np.sqrt(np.mean((y - model.predict(X)) ** 2))
gaussian = stats.norm.logpdf(y_test, model.predict(X_test), residual)
conditional = model.log_density(X_test, y_test)
gain = conditional - gaussian

grid_x, grid_y = np.linspace(0, 3, 90), np.linspace(-3.2, 3.2, 120)
table_x, table_y = np.meshgrid(grid_x, grid_y)
rows = np.column_stack([table_x.ravel(), np.zeros(table_x.size)])
ours = np.exp(model.log_density(rows, table_y.ravel())).reshape(table_x.shape)
mean = model.predict(np.column_stack([grid_x, np.zeros(90)]))
theirs = stats.norm.pdf(table_y, mean, residual)

figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 4), layout="constrained")
for ax, density, title in zip(
    axes, (ours, theirs), ("conditional kernel density", "its mean and normal noise"), strict=True
):
    filled = ax.contourf(grid_x, grid_y, density, levels=np.linspace(0, 1.6, 17), extend="max")
    ax.plot(X_test[:300, 0], y_test[:300], ".", color="white", markersize=2, alpha=0.7)
    ax.set(xlabel="first feature", title=title)
axes[0].set_ylabel("target")
figure.colorbar(filled, ax=axes, label="density of the target, given the feature")
plt.show()

# %%
# Calibration
# -----------
# The distribution function at fresh targets is uniform if the distribution is right. The kernel
# density is a little too wide, by the width of its kernels; the normal one is far too wide on the
# left and misses the gap on the right.

levels = np.linspace(0, 1, 201)
figure, ax = plt.subplots(figsize=(4.8, 4.4), layout="constrained")
distances = {}
for name, values in (
    ("conditional density", model.cdf(X_test, y_test)),
    ("normal noise", stats.norm.cdf(y_test, model.predict(X_test), residual)),
):
    ax.plot(levels, np.mean(values[:, None] <= levels, axis=0) - levels, label=name)
    distances[name] = stats.kstest(values, "uniform").statistic
ax.axhline(0.0, color="0.6", linewidth=0.8)
ax.set(xlabel="probability said", ylabel="frequency met, less the probability")
ax.legend()
plt.show()

# %%
# Where it stops
# --------------
# Outside of the data the answer is still a distribution, that of the nearest rows. How many those
# are, ``effective_samples`` says.

outside = np.array([[1.5, 0.0], [3.0, 0.0], [3.5, 0.0], [5.0, 0.0]])
for row, count in zip(outside, model.effective_samples(outside), strict=True):
    print(f"at {row[0]:.1f}: {count:.1f} effective rows")

error = gain.std() / np.sqrt(len(gain))
assert gain.mean() > 0.5 > 10 * error
assert distances["conditional density"] < distances["normal noise"]
print(f"gain over normal noise: {gain.mean():.2f} ± {error:.2f} nats a row")

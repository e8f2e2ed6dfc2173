"""
A field on a grid with a hole
=============================

A field is measured with noise on 40 × 55 points; a few of them failed, and a cloud covers a part. The Gaussian
process on the grid learns a length scale along each axis, fills the gaps and says how sure it is of each cell.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.gp import KroneckerGPRegressor

# %%
# The data
# --------
# Missing cells are NaN.

x, y = np.linspace(0, 3, 40), np.linspace(0, 4, 55)
field = np.sin(3 * x)[:, None] * np.cos(2 * y) + 0.5 * np.cos(x[:, None] + 2.5 * y)
rng = np.random.default_rng(0)
data = field + 0.3 * rng.standard_normal(field.shape)
data[rng.random(field.shape) < 0.01] = np.nan
data[np.hypot(x[:, None] - 1.3, y - 2.4) < 0.45] = np.nan

# %%
# The fit
# -------
# ``kernel_`` is a kernel of points (x, y), so that scikit-learn's regressor would give the same numbers from the
# table of all observed cells, in O(N³).

gp = KroneckerGPRegressor(random_state=0).fit([x, y], data)
mean, std = gp.predict_grid([x, y], return_std=True)
print(gp.kernel_)
print(
    f"log likelihood {gp.log_marginal_likelihood_value_:.1f} ± {gp.log_marginal_likelihood_error_:.1f}"
)

# The field's own uncertainty is what remains of the variance without the noise.
latent = np.sqrt(std**2 - gp.kernel_.k2.noise_level)
error = mean - field
hole = np.hypot(x[:, None] - 1.3, y - 2.4) < 0.45
for name, cells in (("all cells", np.full(field.shape, True)), ("the hole", hole)):
    covered = np.mean(np.abs(error[cells]) < 1.96 * latent[cells])
    print(
        f"{name}: error {np.sqrt(np.mean(error[cells] ** 2)):.3f}, within 95 % bands {covered:.0%}"
    )
assert np.sqrt(np.mean(error**2)) < 0.1

# %%
# Where the hole is deepest the standard deviation is largest.

fig, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharey=True, layout="constrained")
panels = [("true field", field), ("data", data), ("mean", mean)]
for axis, (title, values) in zip(axes, panels, strict=False):
    image = axis.pcolormesh(x, y, values.T, vmin=-1.5, vmax=1.5, cmap="RdBu_r")
    axis.set(title=title, xlabel="x")
    axis.set_facecolor("0.8")
fig.colorbar(image, ax=axes[:3], shrink=0.9)
image = axes[3].pcolormesh(x, y, latent.T, vmin=0, cmap="viridis")
axes[3].set(title="standard deviation of the field", xlabel="x")
fig.colorbar(image, ax=axes[3], shrink=0.9)
axes[0].set_ylabel("y")
plt.show()

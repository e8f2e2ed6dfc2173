"""
A vector field on a rolled-up sheet
===================================

A flow on a Swiss roll is known, with noise, at 50 of 2000 points. Layers of the roll that touch across the gap are far
apart along the sheet, and the flow there points elsewhere. A process on the manifold follows the sheet; one in space,
with a kernel for each channel, mixes layers.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.metrics import r2_score

from kernlab.datasets import make_swiss_roll
from kernlab.gp import ManifoldGPRegressor

# %%
# The flow
# --------
# A unit vector in the tangent plane that turns once from the inner end of the sheet to the outer.

roll = make_swiss_roll(2000, width=20.0, random_state=0)
points, arc = roll.data, roll.position[:, 0]
angle = np.hypot(points[:, 0], points[:, 2])
along = np.column_stack(
    [
        np.cos(angle) - angle * np.sin(angle),
        np.zeros(2000),
        np.sin(angle) + angle * np.cos(angle),
    ]
)
along /= np.linalg.norm(along, axis=1, keepdims=True)
turn = 2 * np.pi * (arc - arc.min()) / np.ptp(arc)
flow = np.cos(turn)[:, None] * along + np.sin(turn)[:, None] * [0.0, 1.0, 0.0]

known = np.arange(2000) < 50
rng = np.random.default_rng(0)
readings = flow[known] + 0.05 * rng.standard_normal((50, 3))

# %%
# Two processes
# -------------
# The points without readings tell the first one what the manifold looks like.

gp = ManifoldGPRegressor("vector", n_eigenpairs=100, random_state=0)
gp.fit(points[known], readings, X_unlabelled=points[~known])
on_sheet, std = gp.predict(points, return_std=True)

kernel = ConstantKernel(1.0) * RBF(5.0, (0.1, 1e3)) + WhiteKernel(0.01, (1e-8, 10.0))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # a channel that is nearly noise ends at a bound
    in_space = np.column_stack(
        [
            GaussianProcessRegressor(kernel, n_restarts_optimizer=1, random_state=0)
            .fit(points[known], channel)
            .predict(points)
            for channel in readings.T
        ]
    )

print(gp.kernel_)
scores = {
    name: r2_score(flow[~known], values[~known])
    for name, values in (("on the sheet", on_sheet), ("in space", in_space))
}
for name, score in scores.items():
    print(f"{name}: R² {score:.3f}")
assert scores["on the sheet"] > scores["in space"] + 0.02

# %%
# Seen from the side, arrows show the flow along the roll and colours its part across; then the errors.

fig, axes = plt.subplots(1, 4, figsize=(14, 4), sharex=True, sharey=True, layout="constrained")
shown = np.random.default_rng(1).permutation(2000)[:350]
for axis, (title, values) in zip(
    axes, [("flow", flow), ("on the sheet", on_sheet), ("in space", in_space)], strict=False
):
    arrows = axis.quiver(
        *points[shown][:, [0, 2]].T,
        *values[shown][:, [0, 2]].T,
        values[shown, 1],
        cmap="coolwarm",
        clim=(-1, 1),
        scale=22,
        width=0.005,
    )
    axis.set_title(title if title == "flow" else f"{title}: R² {scores[title]:.3f}")
axes[0].plot(*points[known][:, [0, 2]].T, "o", mfc="none", mec="k", ms=5, label="readings")
axes[0].legend(loc="lower left")
fig.colorbar(arrows, ax=axes[:3], shrink=0.8, label="across")
error = np.linalg.norm(in_space - flow, axis=1) - np.linalg.norm(on_sheet - flow, axis=1)
dots = axes[3].scatter(*points[:, [0, 2]].T, c=error, s=6, cmap="PiYG", norm=plt.Normalize(-1, 1))
axes[3].set_title("error in space less error on the sheet")
fig.colorbar(dots, ax=axes[3], shrink=0.8)
for axis in axes:
    axis.set(aspect="equal", xlabel="x", xticks=[], yticks=[])
plt.show()

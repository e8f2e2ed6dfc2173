"""
A vector field on a rolled-up sheet
===================================

A flow on a Swiss roll is known, with noise, at 50 of 1500 points. Layers of the roll that touch across the gap are far
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

roll = make_swiss_roll(1500, width=20.0, random_state=0)
points, arc = roll.data, roll.position[:, 0]
angle = np.hypot(points[:, 0], points[:, 2])
along = np.column_stack(
    [
        np.cos(angle) - angle * np.sin(angle),
        np.zeros(1500),
        np.sin(angle) + angle * np.cos(angle),
    ]
)
along /= np.linalg.norm(along, axis=1, keepdims=True)
turn = 2 * np.pi * (arc - arc.min()) / np.ptp(arc)
flow = np.cos(turn)[:, None] * along + np.sin(turn)[:, None] * [0.0, 1.0, 0.0]

known = np.arange(1500) < 50
rng = np.random.default_rng(0)
readings = flow[known] + 0.05 * rng.standard_normal((50, 3))

# %%
# Two processes
# -------------
# The points without readings tell the first one what the manifold looks like.

gp = ManifoldGPRegressor("vector", n_eigenpairs=80, random_state=0)
gp.fit(points[known], readings, X_unlabelled=points[~known])
on_sheet, std = gp.predict(points, return_std=True)

kernel = ConstantKernel(1.0) * RBF(5.0, (0.1, 1e3)) + WhiteKernel(0.01, (1e-8, 10.0))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # a channel that is nearly noise ends at a bound
    in_space = np.column_stack(
        [
            GaussianProcessRegressor(kernel, n_restarts_optimizer=0, random_state=0)
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
# The sheet unrolled, arrows in its own coordinates; colours are the error.

fig, axes = plt.subplot_mosaic(
    [["roll", "on the sheet"], ["roll", "in space"]],
    figsize=(12, 5),
    layout="constrained",
    width_ratios=[1, 2],
    per_subplot_kw={"roll": {"projection": "3d"}},
)
axes["roll"].scatter(*points[:, [0, 2, 1]].T, c=turn, cmap="hsv", s=6)
axes["roll"].scatter(*points[known][:, [0, 2, 1]].T, c="k", s=18, label="readings")
axes["roll"].set(title="direction of the flow", xticks=[], yticks=[], zticks=[])
axes["roll"].view_init(elev=65)
axes["roll"].legend(loc="lower center")
shown = rng.permutation(1500)[:500]
for name, values in (("on the sheet", on_sheet), ("in space", in_space)):
    axis = axes[name]
    arrows = axis.quiver(
        *roll.position[shown].T,
        np.sum(values * along, axis=1)[shown],
        values[shown, 1],
        np.linalg.norm(values - flow, axis=1)[shown],
        cmap="viridis",
        clim=(0, 0.6),
        scale=45,
        width=0.002,
    )
    axis.plot(*roll.position[known].T, "o", mfc="none", mec="r", ms=5)
    axis.set(title=f"{name}: R² {scores[name]:.3f}", ylabel="height")
axes["in space"].set_xlabel("length along the sheet")
fig.colorbar(arrows, ax=[axes["on the sheet"], axes["in space"]], label="error")
plt.show()

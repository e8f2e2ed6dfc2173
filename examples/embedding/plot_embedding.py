"""
Unrolling a noisy roll
======================

A sheet rolled up is flat, and an embedding that keeps distances along it should unroll it. With noise that reaches
from one winding to the next the graph of neighbours has shortcuts, and all depends on what the distances make of them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from kernlab.datasets import make_swiss_roll
from kernlab.embedding import HeatGeodesicDisplay, HeatGeodesicEmbedding

# %%
# Three metrics
# -------------
# Some hundred points in ten dimensions, with noise of standard deviation 0.1 and 1 in each of them; windings are 6.3
# apart. Shortest paths are best where nothing joins the windings, and lost where something does; heat, which passes
# slowly by few edges, is lost too where there are as many as here. Pruning takes the edges between them, in red, out of
# the graph.


def per_row_pearson(model, roll):
    rows = model.landmarks_
    truth = roll.geodesics(rows)
    found = model.landmark_distances_.T
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, truth, strict=True)])


figure, axes = plt.subplots(2, 3, figsize=(11, 5.5), layout="constrained")
scores = {}
for row, noise in zip(axes, (0.1, 1.0), strict=True):
    roll = make_swiss_roll(600, noise=noise, n_features=10, random_state=1)
    for ax, metric in zip(row, ("graph", "pruned", "heat"), strict=True):
        model = HeatGeodesicEmbedding(metric=metric, n_landmarks=50, random_state=0)
        with warnings.catch_warnings():
            # Pruning warns where it makes ways much longer, as it should here.
            warnings.simplefilter("ignore")
            model.fit(roll.data)
        scores[metric, noise] = per_row_pearson(model, roll)
        HeatGeodesicDisplay.from_estimator(model, color=roll.position[:, 0], ax=ax)
        ax.set_title(
            f"{metric}, noise {noise:g}: correlation {scores[metric, noise]:.3f}", fontsize="medium"
        )
        ax.set(xlabel="", ylabel="")
        if ax is not axes[1, 1]:
            ax.get_legend().remove()
plt.show()

# %%
# New points
# ----------
# Each is placed by itself, from its distances to the landmarks. The Shepard diagram shows how well the map
# keeps distances: points on the line are kept.

roll = make_swiss_roll(1400, noise=0.05, random_state=0)
model = HeatGeodesicEmbedding(metric="graph", n_landmarks=50, random_state=0).fit(roll.data[:700])
placed = model.transform(roll.data[700:])

figure, axes = plt.subplots(2, 1, figsize=(8, 5), height_ratios=(1, 3), layout="constrained")
axes[0].scatter(*model.embedding_.T, s=6, color="0.8", label="data")
axes[0].scatter(*placed.T, s=6, c=roll.position[700:, 0], label="new points")
axes[0].set(aspect="equal", xlabel="component 0", ylabel="component 1", ylim=(-6, 6))
axes[0].legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
HeatGeodesicDisplay.from_estimator(model, kind="shepard", ax=axes[1])
plt.show()

# %%
# The new points keep the true distances as well as the others do.

position = roll.position[700:]
truth = np.linalg.norm(position[:, None] - position, axis=2)
found = np.linalg.norm(placed[:, None] - placed, axis=2)
pearson = np.corrcoef(truth.ravel(), found.ravel())[0, 1]
assert pearson > 0.999
print(f"new points, correlation of distances with the truth: {pearson:.4f}")

"""
Distances from heat
===================

Heat that starts at one end of a Swiss roll has hardly reached the other: one part in 10⁵⁰ or so. Its logarithm is the
distance, if it is computed to that depth. With a floor under it, most of the roll is equally far.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.datasets import make_swiss_roll
from kernlab.embedding import heat_distances
from kernlab.graph import KNNGraph

# %%
# The roll and its graph
# ----------------------
# The distances are those from the innermost point.

roll = make_swiss_roll(1500, noise=0.05, random_state=0)
start = int(np.argmin(np.linalg.norm(roll.data[:, [0, 2]], axis=1)))
truth = roll.geodesics([start])[0]
graph = KNNGraph(n_neighbors=15).fit(roll.data)

# %%
# With a floor and without
# ------------------------
# ``floor=1e-16`` after ten steps is what the original does. By default heat diffuses for as many steps as the graph is
# wide, nothing is added to it, and distances are in the units of the roll; no truth is used to scale them.

floored = heat_distances(
    graph.affinity_, graph.distances_, [start], 10.0, units="none", floor=1e-16
)
found = heat_distances(graph.affinity_, graph.distances_, [start])
floored, heat = floored.distances[:, 0], found.distances[:, 0]

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for axis, distances, title in zip(
    axes, (floored, heat), ("with a floor of 1e-16", "to the last digit"), strict=False
):
    drawn = axis.scatter(roll.data[:, 0], roll.data[:, 2], c=distances, s=6, cmap="viridis")
    axis.plot(*roll.data[start, [0, 2]], "o", color="crimson", markersize=8)
    axis.set_title(title)
    axis.set_aspect("equal")
    axis.set_axis_off()
    figure.colorbar(drawn, ax=axis, shrink=0.7, label="heat distance")
scaled = floored * np.median(truth) / np.median(floored)
axes[2].plot(truth, scaled, ".", markersize=3, color="0.6", label="with a floor (scaled)")
axes[2].plot(
    truth, heat, ".", markersize=3, color="tab:purple", label="to the last digit (not scaled)"
)
axes[2].axline((0, 0), slope=1, color="black", linewidth=0.8)
axes[2].set(xlabel="distance along the roll", ylabel="heat distance")
axes[2].legend(frameon=False, markerscale=4)

# %%
# The figures
# -----------

with_floor, without = (np.corrcoef(truth, d)[0, 1] for d in (floored, heat))
assert without > 0.98
print(f"correlation with the truth: with a floor {with_floor:.3f}, without {without:.3f}")
ratio = np.quantile(heat[truth > 0] / truth[truth > 0], [0.1, 0.5, 0.9])
print(
    "ratio to the truth, nothing fitted, 10, 50 and 90 %: " + ", ".join(f"{r:.2f}" for r in ratio)
)

"""
Neighbourhood graphs
====================

What a graph of nearest neighbours is made of: the weights that four kernels give its edges, the bridges that join its
parts, and the shortcuts that noise puts into it, with which distances along the data are lost.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.sparse.csgraph import dijkstra

from kernlab.exceptions import DisconnectedGraphWarning, PruningWarning
from kernlab.graph import KNNGraph

warnings.simplefilter("ignore", DisconnectedGraphWarning)  # told below
warnings.simplefilter("ignore", PruningWarning)

# %%
# Weights
# -------
# One point's edges by rank of its neighbours. The alpha kernel is all but binary and stops a little beyond the
# fifteenth; the self-tuning Gaussian falls off smoothly; UMAP's falls from one at the nearest to a fixed total.

rng = np.random.default_rng(0)
cloud = rng.normal(size=(1000, 2))
center = int(np.argmin(np.linalg.norm(cloud, axis=1)))

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for kernel, marker in zip(("alpha", "knn", "gaussian", "umap"), "os^d", strict=True):
    graph = KNNGraph(15, kernel=kernel).fit(cloud)
    row = graph.affinity_[center].tocoo().col
    order = row[np.argsort(np.linalg.norm(cloud[row] - cloud[center], axis=1))]
    weights = np.asarray(graph.affinity_[center, order].todense()).ravel()
    ax.plot(np.arange(1, len(order) + 1), weights, marker + "-", label=kernel)
ax.axvline(15, color="0.6", linestyle=":")
ax.set(
    xlabel="rank of the neighbour",
    ylabel="weight of the edge",
    title="Edges of one point, n_neighbors=15",
)
ax.legend(title="kernel")

# %%
# Bridges
# -------
# Three clusters have no edges between them. The shortest links that join all three are added, listed in ``bridges_``
# and warned of: a distance across them measures the gap, not the data.

clusters = np.vstack(
    [rng.normal(size=(80, 2)) * 0.5 + place for place in ((0, 0), (6, 1), (2.5, 5))]
)
joined = KNNGraph(6).fit(clusters)


def draw(ax, X, pairs, **style):
    ax.add_collection(LineCollection(X[pairs], **style))


def edges(graph):
    pairs = np.column_stack(graph.affinity_.nonzero())
    return pairs[pairs[:, 0] < pairs[:, 1]]


fig, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
draw(ax, clusters, edges(joined), color="0.7", linewidth=0.8)
draw(ax, clusters, joined.bridges_, color="tab:red", linewidth=2, label="bridges")
ax.plot(*clusters.T, ".", color="tab:blue")
ax.set(
    title=f"{joined.n_connected_components_} components, {len(joined.bridges_)} bridges",
    aspect="equal",
)
ax.legend()

# %%
# Shortcuts
# ---------
# A rolled sheet, seen from its end, with noise of a sixth of the gap between its windings. Some edges now lead from one
# winding to the next. One such edge is enough to spoil the distances of whole regions: the way along the sheet from its
# inner to its outer edge is some ninety long.

n_samples = 1000
angle = 1.5 * np.pi * (1 + 2 * rng.random(n_samples))
sheet = np.column_stack([angle * np.cos(angle), 5 * rng.random(n_samples), angle * np.sin(angle)])
sheet += 1.0 * rng.normal(size=sheet.shape)
along = (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle)) / 2

plain = KNNGraph(15).fit(sheet)
pruned = KNNGraph(15, prune="heat", random_state=0).fit(sheet)
inner = int(np.argmin(angle))
ways = {
    "all edges": dijkstra(plain.distances_, directed=False, indices=inner),
    "without shortcuts": dijkstra(pruned.distances_, directed=False, indices=inner),
}

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
view = sheet[:, [0, 2]]
draw(left, view, edges(pruned), color="0.75", linewidth=0.5)
draw(
    left,
    view,
    pruned.shortcuts_,
    color="tab:red",
    linewidth=1.2,
    label=f"{len(pruned.shortcuts_)} shortcuts",
)
left.scatter(*view.T, c=along, s=6, cmap="viridis", zorder=3)
left.set(title="A noisy roll from its end", aspect="equal")
left.legend(loc="upper left")
truth = along - along[inner]
for (label, way), color in zip(ways.items(), ("tab:red", "tab:blue"), strict=True):
    right.plot(truth, way, ".", color=color, markersize=3, label=label)
right.plot([0, truth.max()], [0, truth.max()], color="0.3", linewidth=1, label="along the sheet")
right.set(xlabel="true distance from the inner edge", ylabel="shortest path in the graph")
right.legend()

correlation = {label: np.corrcoef(truth, way)[0, 1] for label, way in ways.items()}
print(
    "\n".join(
        f"{label:18s} correlation with the truth {value:.3f}"
        for label, value in correlation.items()
    )
)
assert correlation["without shortcuts"] > 0.98
plt.show()

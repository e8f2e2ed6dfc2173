"""
Shortcuts: found on a roll, and none on a loop
==============================================

Noise on a rolled sheet puts points between its windings, and a few edges of the neighbour graph
jump across. One of them is enough to spoil most shortest paths. ``prune_shortcuts`` finds them by
heat and random walks, and leaves a closed loop with a thin place whole.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.sparse import triu
from scipy.sparse.csgraph import dijkstra

from kernlab.datasets import make_swiss_roll, make_trefoil
from kernlab.graph import KNNGraph, prune_shortcuts


def pruned(X):
    graph = KNNGraph(15).fit(X)
    _, distances, shortcuts = prune_shortcuts(X, graph.affinity_, graph.distances_, random_state=0)
    return graph.distances_, distances, shortcuts


def correlation(distances, bunch, rows):
    found = dijkstra(distances, directed=False, indices=rows)
    truth = bunch.geodesics(rows)
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, truth, strict=True)])


# %%
# A roll with noise of one, a sixth of the gap between its windings
# -----------------------------------------------------------------

roll = make_swiss_roll(800, noise=1.0, random_state=0)
before, after, shortcuts = pruned(roll.data)
rows = np.arange(0, 800, 20)
plain, repaired = (correlation(graph, roll, rows) for graph in (before, after))
print(f"{len(shortcuts)} of {before.nnz // 2} edges removed")
print(f"shortest paths against the truth: correlation {plain:.3f} before, {repaired:.3f} after")
assert repaired > 0.95

# %%
# A closed loop
# -------------

loop = make_trefoil(500, noise=0.05, random_state=1)
loop_before, loop_after, loop_shortcuts = pruned(loop.data)
print(f"loop: {len(loop_shortcuts)} edges removed")
whole = correlation(loop_after, loop, np.arange(0, 500, 20))
print(f"shortest paths against the truth: correlation {whole:.3f}")
assert whole > 0.99

# %%
# Grey are the edges kept, red the shortcuts. Colours of the points are positions along the roll.


def draw(ax, X, distances, removed, colour, title):
    kept = triu(distances, 1).tocoo()
    segments = X[np.column_stack((kept.row, kept.col))]
    ax.add_collection(LineCollection(segments, colors="0.75", linewidths=0.4, zorder=1))
    ax.add_collection(LineCollection(X[removed], colors="C3", linewidths=1.2, zorder=3))
    ax.scatter(*X.T, c=colour, s=6, cmap="viridis", zorder=2)
    ax.set(title=title, aspect="equal", xticks=[], yticks=[])


fig, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
nearest = loop.position[:, 0]
draw(axes[0], roll.data[:, [0, 2]], after, shortcuts, roll.position[:, 0], "Noisy roll")
far = dijkstra(after, directed=False, indices=0)
near = dijkstra(before, directed=False, indices=0)
truth = roll.geodesics([0])[0]
axes[1].plot(truth, near, ".", ms=3, color="C3", label="all edges")
axes[1].plot(truth, far, ".", ms=3, color="C0", label="without shortcuts")
axes[1].plot([0, truth.max()], [0, truth.max()], color="0.4", lw=1)
axes[1].set(xlabel="distance along the roll", ylabel="shortest path", title="From one point")
axes[1].legend()
draw(axes[2], loop.data[:, :2], loop_after, loop_shortcuts, nearest, "Closed loop")
plt.show()

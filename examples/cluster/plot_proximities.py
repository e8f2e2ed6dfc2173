"""
What proximities see
====================

Which members of a karate club are near each other? Every proximity answers from the same 78 ties, and each in its own
way: by walks from one to the other, by how heat spreads, by the shortest path. The club split in two, and the members'
sides are known.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np

from kernlab.graph import GraphProximity

graph = nx.karate_club_graph()
sides = np.array([graph.nodes[node]["club"] == "Officer" for node in graph])

# %%
# Distances from one member
# -------------------------
# From the instructor, the square, to all others: yellow is near. Communicability counts walks, and sees who has many:
# the two leaders are near each other, and members of few ties are far from both, whichever their side. Its logarithm,
# and the corrected commute time behind a sigmoid, tell the instructor's side from the officer's.

places = nx.spring_layout(graph, seed=3)
measures = {
    "sp": "shortest path",
    "comm": "communicability",
    "logcomm": "its logarithm",
    "scct": "corrected commute time",
}
figure, axes = plt.subplots(2, 2, figsize=(9, 7.5), layout="constrained")
for ax, (measure, title) in zip(axes.flat, measures.items(), strict=True):
    # A unit parameter of 0.8 is t = 2.
    distance = GraphProximity(measure, param=0.8).fit(graph).distance_[0].copy()
    distance -= distance[1:].min()
    nx.draw_networkx_edges(graph, places, ax=ax, edge_color="0.8")
    for shape, nodes in {"s": [0], "o": list(graph)[1:]}.items():
        nx.draw_networkx_nodes(
            graph,
            places,
            nodelist=nodes,
            node_shape=shape,
            node_color=distance[nodes],
            vmin=0,
            vmax=distance.max(),
            cmap="viridis_r",
            node_size=110,
            edgecolors=["tab:red" if sides[node] else "k" for node in nodes],
            linewidths=1.2,
            ax=ax,
        )
    ax.set_title(f"{title}: measure={measure!r}", fontsize="medium")
    ax.axis("off")
axes[1, 1].text(
    0.98, 0.02, "red rim: the officer's side", transform=axes[1, 1].transAxes, ha="right"
)
plt.show()

# %%
# The same as matrices
# --------------------
# Members are sorted by side. Two blocks are what a clustering looks for.

order = np.argsort(sides, kind="stable")
figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for ax, measure in zip(axes, measures, strict=True):
    distance = GraphProximity(measure, param=0.8).fit(graph).distance_
    shares = distance[np.ix_(order, order)] / distance.max()
    image = ax.imshow(shares, cmap="viridis_r", vmin=0, vmax=1)
    ax.axhline((~sides).sum() - 0.5, color="w", linewidth=0.8)
    ax.axvline((~sides).sum() - 0.5, color="w", linewidth=0.8)
    ax.set(title=measure, xticks=[], yticks=[])
figure.colorbar(image, ax=axes, label="distance / largest", shrink=0.75)
plt.show()

# %%
# How far apart the sides are
# ---------------------------
# Pairs of one side against pairs across it: the share of such couples of pairs in which the one side's is the nearer
# (one half is chance), over a sweep of the parameter. The fall of logcomm at the end is that of double precision: with
# t = 9.5 one eigenvector is all of the kernel but a share of 1e-15.

one = sides[:, None] == sides
upper = np.triu(np.ones(one.shape, dtype=bool), 1)


def separation(distance):
    within, across = distance[one & upper], distance[~one & upper]
    nearer = (within[:, None] < across).mean()
    return nearer + (within[:, None] == across).mean() / 2


params = np.linspace(0.05, 0.95, 10)
figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
best = {}
for measure in (*measures, "for", "logfor"):
    curve = [separation(GraphProximity(measure, param=x).fit(graph).distance_) for x in params]
    best[measure] = max(curve)
    ax.plot(params, curve, label=f"{measure}: {best[measure]:.3f}")
ax.axhline(0.5, color="0.8", zorder=0)
ax.set(xlabel="unit parameter", ylabel="pairs of one side nearer")
figure.legend(title="best", loc="outside right center", frameon=False)
plt.show()

assert min(best["logcomm"], best["scct"]) > 0.8 > best["comm"]
print(f"pairs of one side nearer: logcomm {best['logcomm']:.3f}, comm {best['comm']:.3f}")

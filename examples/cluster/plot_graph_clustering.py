"""
Clusters of a graph by proximities
==================================

The karate club split in two, and Zachary wrote down who went with whom. How much of it can be read off the friendships
before the split? A proximity measure says how close any two members are, and kernel k-means finds two groups of close
ones. No class is used but to judge.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import GraphClustering, ProximityDisplay, reject_curve
from kernlab.graph import GraphProximity

# %%
# Clusters on the graph
# ---------------------
# Edges count alike here. The parameter of the measure is chosen by modularity.

graph = nx.Graph(nx.karate_club_graph().edges)
club = np.array([nx.karate_club_graph().nodes[node]["club"] for node in graph])
model = GraphClustering(2, measure="logcomm", random_state=0).fit(graph)
rand = adjusted_rand_score(club, model.labels_)

figure, axis = plt.subplots(figsize=(6.5, 5), layout="constrained")
places = nx.spring_layout(graph, seed=3)
nx.draw_networkx_edges(graph, places, ax=axis, edge_color="0.8")
for name, shape in (("Mr. Hi", "o"), ("Officer", "s")):
    at = np.flatnonzero(club == name)
    nx.draw_networkx_nodes(
        graph,
        places,
        nodelist=[model.nodes_[i] for i in at],
        node_color=[f"C{model.labels_[i]}" for i in at],
        node_shape=shape,
        node_size=260,
        ax=axis,
        label=f"went with {name}",
    )
nx.draw_networkx_labels(graph, places, ax=axis, font_size=8, font_color="white")
for handle in axis.legend(frameon=False).legend_handles:
    handle.set_color("0.4")
axis.set_axis_off()
axis.set_title("colour: cluster found, shape: what became of it")

# %%
# One member is on the other side: number 8, who had friends on both, and a black belt to gain with Mr. Hi.

wrong = [
    node
    for node, label, name in zip(model.nodes_, model.labels_, club, strict=True)
    if (label == model.labels_[0]) != (name == "Mr. Hi")
]
print("on the other side:", wrong)

# %%
# The parameter
# -------------
# Each measure has one. Clusters of the Forest kernel depend on it, those of its logarithm hardly do; modularity, which
# knows no classes, says which to trust.

params = (np.arange(16) + 0.5) / 16
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
for axis, score in zip(axes, ("modularity", "adjusted Rand index"), strict=True):
    scores = {}
    for measure in ("for", "logfor", "katz", "logcomm", "scct"):
        fitted = GraphClustering(2, measure=measure, random_state=0).fit(graph)
        found = [adjusted_rand_score(club, labels) for labels in fitted.candidate_labels_]
        scores[measure] = fitted.scores_ if score == "modularity" else found
    ProximityDisplay.from_sweep(params, scores, label=score, ax=axis)

# %%
# Reject curves
# -------------
# How well does a distance tell pairs of one group from pairs of two? Pairs are taken from the nearest on; the curve
# goes up where one is within a group. No clustering is involved, nor the number of clusters.

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
curves = {}
for measure in ("sp", "for", "logfor", "logcomm", "scct"):
    distance = GraphProximity(measure, param=0.5).fit(graph).distance_
    curves[measure] = reject_curve(distance, club)
ProximityDisplay.from_reject_curves(curves, ax=axes[0])
ProximityDisplay.from_estimator(model, club, ax=axes[1])

# %%
# The figures
# -----------

assert rand > 0.88
print(f"adjusted Rand index {rand:.3f} at t = {model.param_:.3g}, modularity {model.modularity_:.3f}")

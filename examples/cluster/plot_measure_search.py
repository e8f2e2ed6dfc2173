"""
A measure chosen without labels
===============================

Which proximity measure suits a graph depends on the graph, and labels that would tell are what one
is after. ``GraphMeasureSearch`` tries them all and judges the partitions by the graph itself. Here
groups link to each other rather than within, as buyers do with sellers. Modularity, the usual
judge, is for clusters that keep to themselves, and picks junk.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import GraphMeasureSearch

# %%
# A disassortative graph
# ----------------------
# Three groups of 40; within a group two in a hundred pairs are linked, across groups one in four.

rng = np.random.default_rng(0)
truth = np.repeat(np.arange(3), 40)
links = rng.random((120, 120)) < np.where(truth[:, None] == truth, 0.02, 0.25)
graph = np.triu(links, 1).astype(float)
graph += graph.T

# %%
# Two judges of the same candidates
# ---------------------------------
# Six measures at four parameters, clustered in two ways.

settings = {
    "measures": ["logcomm", "nheat", "logfor", "scct", "heat2", "comm2"],
    "params": 4,
    "n_init": 4,
    "random_state": 0,
}
search = GraphMeasureSearch(3, **settings).fit(graph)
by_modularity = GraphMeasureSearch(3, scoring="modularity", **settings).fit(graph)
rand = adjusted_rand_score(truth, search.labels_)
rand_by_modularity = adjusted_rand_score(truth, by_modularity.labels_)
print(f"assortative: {search.assortative_}")
print(f"by ranks: {search.best_measure_}, adjusted Rand index {rand:.3f}")
print(f"by modularity: {by_modularity.best_measure_}, {rand_by_modularity:.3f}")

# %%
# Each dot is a candidate. Those of positive modularity, to the right of the line, are junk, and
# the likelihood of a block model says so: the best has its sign, and only candidates of that sign
# are kept. Beside it the graph itself, its rows in the order of the clusters found.

results = search.search_results_
quality = [adjusted_rand_score(truth, labels) for labels in search.candidate_labels_]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
dots = left.scatter(results["modularity"], results["log_likelihood"], c=quality, vmin=0, vmax=1)
left.axvline(0, color="0.7", linewidth=1)
for found, name, offset in (
    (search, "by ranks", (12, -4)),
    (by_modularity, "by modularity", (-90, 12)),
):
    best = found.best_index_
    at = results["modularity"][best], results["log_likelihood"][best]
    left.plot(*at, "o", markersize=12, markerfacecolor="none", markeredgecolor="C3")
    left.annotate(name, at, xytext=offset, textcoords="offset points", color="C3")
left.set_xlabel("modularity")
left.set_ylabel("block log likelihood, nats")
left.set_title("48 candidates")
figure.colorbar(dots, ax=left, label="adjusted Rand index to the truth")

order = np.argsort(search.labels_, kind="stable")
right.spy(graph[np.ix_(order, order)], markersize=1.5, color="C0")
ends = np.cumsum(np.bincount(search.labels_))[:-1] - 0.5
for end in ends:
    right.axhline(end, color="0.6", linewidth=1)
    right.axvline(end, color="0.6", linewidth=1)
right.set(xticks=[], yticks=[], title="The graph, by the clusters found")

assert rand > 0.95
assert rand_by_modularity < 0.1
print(f"{np.sum(results['kept'])} of {len(results['kept'])} candidates kept")

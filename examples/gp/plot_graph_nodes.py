"""
Gaussian processes on the nodes of a graph
==========================================

Values are known at some nodes of a graph, and wanted at the others, with error bars. A proximity measure that is
positive semi-definite is a covariance between nodes, and scikit-learn's Gaussian processes do the rest: the marginal
likelihood finds the parameter, and tells which measure suits the data.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.collections import LineCollection
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel

from kernlab.graph import NodeKernel

# %%
# A field along a river's bend
# ----------------------------
# Five hundred points on a ring with a gap, each linked with its nearest six. The field goes up from one end to the
# other, so that the two ends are near in the plane and far apart in the graph. A fifth of the nodes is seen, with
# noise of 0.3.

rng = np.random.default_rng(1)
places = rng.uniform(-1, 1, (2000, 2))
angle, radius = np.arctan2(places[:, 1], places[:, 0]), np.hypot(*places.T)
inside = np.flatnonzero((radius > 0.5) & (radius < 1) & (np.abs(angle) < 2.9))[:500]
places, angle = places[inside], angle[inside]
squares = ((places[:, None] - places) ** 2).sum(axis=-1)
np.fill_diagonal(squares, np.inf)
links = squares <= np.sort(squares, axis=1)[:, [5]]
graph = (links | links.T).astype(float)

field = angle + 0.5 * np.sin(3 * angle)
field = (field - field.mean()) / field.std()
y = field + 0.3 * rng.standard_normal(500)
seen = np.sort(rng.choice(500, 100, replace=False))
hidden = np.setdiff1d(np.arange(500), seen)


def fitted(measure, param):
    kernel = clone(shared).set_params(measure=measure, param=param)
    model = GaussianProcessRegressor(1.0 * kernel + WhiteKernel(0.1), alpha=0.0, normalize_y=True)
    return model.fit(seen, y[seen])


shared = NodeKernel(graph, param_bounds=(1e-3, 1e5))
model = fitted("heat", 10.0)
print(model.kernel_)
mean, std = model.predict(np.arange(500), return_std=True)
noise = model.kernel_.k2.noise_level**0.5 * y[seen].std()
inside = np.abs(y - mean)[hidden] < 1.96 * std[hidden]
error = np.sqrt(np.mean((mean - field)[hidden] ** 2))
print(
    f"error at nodes not seen {error:.3f}, in the 95 % bands {inside.mean():.1%}, noise {noise:.2f}"
)

# %%
# The standard deviation below is that of the field, without the noise. It is largest where no node near by was seen.

figure, axes = plt.subplots(1, 3, figsize=(13, 4.3), layout="constrained")
edges = places[np.argwhere(np.triu(graph))]
panels = (
    (seen, y[seen], "seen, with noise", "viridis"),
    (np.arange(500), mean, "mean of the process", "viridis"),
    (
        np.arange(500),
        np.sqrt(std**2 - noise**2),
        "its standard deviation (+: seen)",
        "magma_r",
    ),
)
for ax, (nodes, values, title, colours) in zip(axes, panels, strict=True):
    ax.add_collection(LineCollection(edges, colors="0.85", linewidths=0.6, zorder=0))
    limits = {"vmin": y[seen].min(), "vmax": y[seen].max()} if colours == "viridis" else {}
    points = ax.scatter(*places[nodes].T, c=values, cmap=colours, s=22, **limits)
    ax.set(title=title, aspect="equal", xticks=[], yticks=[])
    figure.colorbar(points, ax=ax, shrink=0.8)
axes[2].plot(*places[seen].T, "k+", markersize=5)
plt.show()

# %%
# Which measure
# -------------
# All share the graph's decompositions, for ``clone`` does not copy them. The evidence, which sees the values at seen
# nodes alone, ranks the measures much as the errors at the others do.

starts = {"heat": 10.0, "matern": 10.0, "for": 10.0, "nheat": 10.0, "comm": 5.0, "ct": 1.0}
evidence, errors = {}, {}
for measure, start in starts.items():
    model = fitted(measure, start)
    evidence[measure] = model.log_marginal_likelihood_value_
    errors[measure] = np.sqrt(np.mean((model.predict(hidden) - field[hidden]) ** 2))
    print(f"{measure:9s} log evidence {evidence[measure]:7.1f}, error {errors[measure]:.3f}")

# %%
# Two labels
# ----------
# Of the karate club only the sides of its two leaders are told. The process says of every other member how sure it is:
# not very, with two labels, but it is wrong about one member alone, the one who is in between.

club = nx.karate_club_graph()
sides = np.array([club.nodes[member]["club"] == "Officer" for member in club])
kernel = 10.0 * NodeKernel(club, "for", 1.0)
classifier = GaussianProcessClassifier(kernel, optimizer=None).fit([0, 33], [False, True])
share = classifier.predict_proba(list(club))[:, 1]
wrong = np.flatnonzero((share > 0.5) != sides)
print(f"wrong about {len(wrong)} of 34, member {wrong}, given {share[wrong].round(2)}")

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
for measure, marker in zip(starts, "o^svDP", strict=True):
    left.plot(errors[measure], evidence[measure], marker, markersize=8, alpha=0.8, label=measure)
left.legend()
left.set(xlabel="error at nodes not seen", ylabel="log evidence", title="Six measures on one field")
layout = nx.spring_layout(club, seed=3)
nx.draw_networkx_edges(club, layout, ax=right, edge_color="0.8", hide_ticks=False)
xy = np.array([layout[member] for member in club])
points = right.scatter(
    *xy.T, c=share, cmap="coolwarm", s=130, vmin=0.35, vmax=0.65, zorder=2,
    edgecolors=np.where(sides, "tab:red", "tab:blue"), linewidths=1.8,
)  # fmt: skip
right.plot(*xy[[0, 33]].T, "k*", markersize=9)
right.set(title="Karate club: two labels (stars), rims are the truth", xticks=[], yticks=[])
figure.colorbar(points, ax=right, label="probability of the officer's side")
plt.show()

assert error < 0.15  # half the noise

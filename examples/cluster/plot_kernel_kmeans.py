"""
Kernel k-means: rings, and minima that are only local
=====================================================

With a kernel, k-means finds clusters that no straight line parts. And moving points one at a time
finds lower minima than moving them all at once.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.datasets import make_circles
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import KernelKMeans

# %%
# Two rings
# ---------
# Spectral clustering gets a narrower kernel, for with this one it does not see the gap.

X, ring = make_circles(400, factor=0.35, noise=0.07, random_state=0)
kernel = KernelKMeans(2, kernel="rbf", gamma=4.0, random_state=0).fit(X)
found = {
    "KMeans": KMeans(2, n_init=10, random_state=0).fit_predict(X),
    "SpectralClustering": SpectralClustering(2, gamma=30.0, random_state=0).fit_predict(X),
    "KernelKMeans": kernel.labels_,
}
scores = {name: adjusted_rand_score(ring, labels) for name, labels in found.items()}
assert scores["KernelKMeans"] > 0.95

# %%
# Unlike spectral clustering it also tells where a new point belongs: the black line is the border.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for axis, (name, labels) in zip(axes, found.items(), strict=True):
    axis.scatter(*X.T, c=labels, s=10, cmap="coolwarm")
    axis.set_title(f"{name}: ARI {scores[name]:.2f}")
    axis.set_aspect("equal")
    axis.set_axis_off()
side = np.linspace(-1.3, 1.3, 120)
grid = np.stack(np.meshgrid(side, side), axis=-1)
distances = kernel.transform(grid.reshape(-1, 2)).reshape(*grid.shape[:2], 2)
axes[2].contour(side, side, distances[..., 0] - distances[..., 1], levels=[0], colors="black")

# %%
# Lloyd's algorithm and Hartigan's
# --------------------------------
# A graph of 400 nodes in eight groups: the kernel is the logarithm of its heat kernel, and noisy.
# Both algorithms go out from the same sixty k-means++ starts.

rng = np.random.default_rng(0)
group = np.repeat(np.arange(8), 50)
chance = np.where(group[:, None] == group, 0.25, 0.08)
edges = np.triu(rng.random(chance.shape) < chance, 1).astype(float)
adjacency = edges + edges.T
root = np.sqrt(adjacency.sum(axis=0))
eigenvalues, vectors = np.linalg.eigh(adjacency / root / root[:, None])
heat = (vectors * np.exp(-(1 - eigenvalues))) @ vectors.T
log_heat = np.log(heat)
runs = {
    name: KernelKMeans(8, init="k-means++", n_init=60, algorithm=name, random_state=0).fit(log_heat)
    for name in ("lloyd", "hartigan")
}

figure, axis = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
least = min(run.inertia_ for run in runs.values())
bins = np.linspace(
    0, 100 * (max(run.all_inertias_.max() for run in runs.values()) / least - 1) + 1e-9, 40
)
for (name, run), colour in zip(runs.items(), ("0.6", "tab:purple"), strict=True):
    excess = 100 * (run.all_inertias_ / least - 1)
    ari = adjusted_rand_score(group, run.labels_)
    axis.hist(excess, bins, color=colour, alpha=0.8, label=f"{name}, ARI of the best {ari:.2f}")
axis.set(xlabel="inertia above the least found, per cent", ylabel="starts")
axis.legend(frameon=False)

# %%
# The figures
# -----------

assert runs["hartigan"].all_inertias_.mean() < runs["lloyd"].inertia_
for name, run in runs.items():
    print(
        f"{name}: mean inertia {run.all_inertias_.mean():.3f}, least {run.inertia_:.3f}, "
        f"ARI {adjusted_rand_score(group, run.labels_):.2f}"
    )

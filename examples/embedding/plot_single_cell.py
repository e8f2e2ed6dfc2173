"""
Cells that branch
=================

Cells that develop along a tree: an embedding, and a pseudotime that is the distance from the root along it. ``heatgeo``
takes an AnnData object, or any other that has its attributes.
"""

from types import SimpleNamespace

import matplotlib.pyplot as plt
from scipy.stats import spearmanr

from kernlab.datasets import make_tree
from kernlab.embedding import DiffusionMap, heatgeo

# %%
# Cells
# -----
# Five branches of a random walk, whose distances from the first cell are known. ``obsm`` has what ``scanpy.pp.pca``
# would put there; after ``scanpy.pp.neighbors`` its graph would be taken instead.

tree = make_tree(800, n_branches=5, noise=1.0, n_features=10, random_state=3)
truth = tree.position[:, 0]
cells = SimpleNamespace(X=tree.data, obs={}, obsm={"X_pca": tree.data}, obsp={}, uns={})
heatgeo(cells, root=0, mds="classical")
slowest = DiffusionMap(random_state=0).fit_transform(tree.data)

# %%
# Embedding and pseudotime
# ------------------------
# Colours are branches. Two coordinates do not hold five branches, and short ones fold onto others in both pictures;
# pseudotime is read from the distances and not from the picture. The scale of a diffusion map means nothing.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for axis, points, title in zip(
    axes, (cells.obsm["X_heatgeo"], slowest), ("heatgeo", "DiffusionMap"), strict=False
):
    axis.scatter(*points.T, c=tree.branch, s=6, cmap="Set1", vmax=8)
    axis.plot(*points[0], "k*", markersize=12, label="root")
    axis.set(title=title, xticks=[], yticks=[])
axes[0].legend(frameon=False)
axes[2].scatter(truth, cells.obs["heat_pseudotime"], c=tree.branch, s=6, cmap="Set1", vmax=8)
axes[2].set(xlabel="distance from the root along the tree", ylabel="heat pseudotime")

# %%
# The figure
# ----------

agreement = spearmanr(cells.obs["heat_pseudotime"], truth).statistic
assert agreement > 0.9
print(f"rank correlation of heat pseudotime with the truth: {agreement:.3f}")
print(f"of the first diffusion coordinate: {abs(spearmanr(slowest[:, 0], truth).statistic):.3f}")

"""
Heat that is too small to see
=============================

The logarithm of heat on a graph measures distance, but only where the heat itself is right. A Chebyshev series ends
where what is left out is small beside the largest value: of K terms, the far side of K edges has not heard.
Uniformization adds up terms that are never negative until every entry is right, and is as accurate at 1e-150 as near
the source.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from matplotlib.colors import Normalize
from scipy.sparse.csgraph import shortest_path
from scipy.spatial import cKDTree

from kernlab.linalg import heat_action

# %%
# The graph
# ---------
# Points of a spiral band, each joined to those within a short distance; the normalised Laplacian.

rng = np.random.default_rng(0)
angle = np.sqrt(rng.uniform(4, 13**2, 6000))
X = (angle + rng.uniform(-1.1, 1.1, 6000))[:, None] * np.column_stack(
    [np.cos(angle), np.sin(angle)]
)
pairs = cKDTree(X).sparse_distance_matrix(cKDTree(X), 1.0, output_type="coo_matrix").tocsr()
pairs.setdiag(0)
pairs.eliminate_zeros()
W = sp.csr_array((np.exp(-(pairs.data**2)), pairs.indices, pairs.indptr), shape=pairs.shape)
root = sp.diags_array(1 / np.sqrt(np.asarray(W.sum(axis=1)).ravel()))
L = sp.eye_array(len(X)) - root @ W @ root

source = int(np.argmin(angle))
start = np.zeros(len(X))
start[source] = 1.0
along = shortest_path(pairs, indices=source)

# %%
# Heat at one time, twice
# -----------------------
# Both agree to all digits of the largest value. Relative to each entry they do not.

t = 20.0
heat = heat_action(L, start, t)
series = heat_action(L, start, t, method="chebyshev", rtol=1e-15)
difference = np.abs(heat - series).max()
print(f"largest difference {difference:.1e}; least heat {heat.min():.1e}")
print(f"entries of the Chebyshev series that are not positive: {np.mean(series <= 0):.0%}")
assert difference < 1e-14

# %%
# Below 1e-20 or so the series falls too fast, and further out it is zero. By uniformization the logarithm falls with the
# distance, to the far end of the band.

fig, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
scale = Normalize(np.log10(heat.min()), np.log10(heat.max()))
for axis, values, title in (
    (axes[0], heat, "Uniformization"),
    (axes[1], series, "Chebyshev: grey is not positive"),
):
    positive = values > 0
    axis.scatter(*X[~positive].T, s=3, color="0.8")
    drawn = axis.scatter(
        *X[positive].T, s=3, c=np.log10(values[positive]), cmap="inferno", norm=scale
    )
    axis.plot(*X[source], "c*", ms=12)
    axis.set(title=title, aspect="equal", xticks=[], yticks=[])
fig.colorbar(drawn, ax=axes[:2], label="log$_{10}$ heat", shrink=0.85)
positive = series > 0
axes[2].plot(along, np.log10(heat), ".", ms=2, label="uniformization")
axes[2].plot(
    along[positive], np.log10(series[positive]), ".", ms=2, label="Chebyshev, where positive"
)
axes[2].set(xlabel="distance along the graph", title="log$_{10}$ heat along the band")
axes[2].legend(markerscale=5)
plt.show()

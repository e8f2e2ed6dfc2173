"""
Logarithms of proximities, right in every entry
===============================================

A logarithmic proximity measure takes the logarithm of each entry of a kernel of a graph, and between nodes far apart
these are tiny. An eigendecomposition is accurate to rounding of the largest entry; below that it has noise, half of it
negative. Sums in which nothing is ever subtracted have no such limit.
"""

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import scipy.linalg

from kernlab.graph import GraphProximity

# %%
# Twelve cliques in a chain
# -------------------------
# Sixty nodes; from one end to the other it is 23 steps.

A = np.kron(np.eye(12), 1 - np.eye(5))
for last in range(4, 59, 5):
    A[last, last + 1] = A[last + 1, last] = 1
n = len(A)
L = np.diag(A.sum(axis=1)) - A
t = 0.01

# %%
# The heat kernel exp(-tL), four ways: a column in sixty digits, by an eigendecomposition, by SciPy's Padé approximation,
# and that of GraphProximity.

mpmath.mp.dps = 60
degree = int(A.sum(axis=1).max())
neighbors = [np.flatnonzero(row) for row in A]
term = [mpmath.mpf(int(node == 0)) for node in range(n)]
total = list(term)
for k in range(1, 80):
    term = [
        t * (mpmath.fsum(term[j] for j in row) + (degree - len(row)) * term[i]) / k
        for i, row in enumerate(neighbors)
    ]
    total = [a + b for a, b in zip(total, term, strict=True)]
truth = np.array([float(mpmath.log(value) - degree * mpmath.mpf(t)) for value in total])

values, vectors = np.linalg.eigh(L)
kernels = {
    "eigendecomposition": (vectors * np.exp(-t * values)) @ vectors.T,
    "scipy.linalg.expm": scipy.linalg.expm(-t * L),
}
with np.errstate(divide="ignore", invalid="ignore"):
    logs = {name: np.log(kernel)[:, 0] for name, kernel in kernels.items()}
ours = GraphProximity("logheat", param=t, param_scale="natural").fit(A).kernel_
logs["GraphProximity"] = ours[:, 0]

# %%
# What is drawn is the logarithm found over the true one; entries of the eigendecomposition that came out negative have
# none and are marked at the top.

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
left.plot(truth, color="0.75", linewidth=6, label="60 digits")
markers = {"eigendecomposition": "x", "scipy.linalg.expm": "+", "GraphProximity": "."}
for (name, found), color in zip(logs.items(), ("C3", "C1", "C0"), strict=True):
    left.plot(found, markers[name], color=color, label=name)
    error = np.maximum(abs(found - truth), 1e-16)
    right.semilogy(error, markers[name], color=color, label=name)
missing = np.flatnonzero(~np.isfinite(logs["eigendecomposition"]))
left.plot(missing, np.full(len(missing), 8.0), "v", color="C3", label="negative: no logarithm")
left.set(xlabel="node", ylabel="log of heat from node 0", title="Heat along the chain, t = 0.01")
right.axhline(1e-12, color="0.6", linestyle=":")
right.set(xlabel="node", ylabel="error of the logarithm", title="Error against 60 digits")
left.legend(fontsize=8, loc="lower left")
right.legend(fontsize=8, loc="center right")

errors = {name: np.nanmax(abs(found - truth)) for name, found in logs.items()}
for name, kernel in kernels.items():
    print(f"{name}: {np.mean(kernel <= 0):.0%} of entries not positive, error {errors[name]:.2g}")
print(f"GraphProximity: error {errors['GraphProximity']:.1e}")
assert errors["GraphProximity"] < 1e-12

# %%
# Does it matter for clusters? The halved distance (k_ii + k_jj) / 2 - k_ij of the logarithms grows with the number of
# steps; from noise it stops growing where the noise begins, and everything beyond looks equally far.

fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), layout="constrained", sharey=True)
noisy = np.log(np.maximum(kernels["eigendecomposition"], 1e-18))
for ax, kernel, name in zip(
    axes, (noisy, ours), ("eigendecomposition, floored", "GraphProximity"), strict=True
):
    diagonal = np.diag(kernel)
    image = ax.imshow((diagonal[:, None] + diagonal) / 2 - kernel, vmin=0, vmax=160, cmap="magma")
    ax.set(title=name, xlabel="node")
axes[0].set_ylabel("node")
fig.colorbar(image, ax=axes, label="distance of log heat", shrink=0.85)
plt.show()

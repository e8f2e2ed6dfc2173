"""
Quantum fidelity kernels, and when they concentrate
===================================================

Points are prepared as quantum states, and their kernel is the fidelity of the states, simulated exactly.
On data that were labelled by such states a support vector machine learns from twenty points of either
label what a Gaussian kernel cannot. On other data there is no such gift: with more qubits all states
become orthogonal, unless angles are shrunk by a bandwidth.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.svm import SVC

from kernlab.datasets import make_ad_hoc
from kernlab.kernels import QuantumFidelity

# %%
# Labels by a measurement of the state
# ------------------------------------

scores: dict = {"quantum": [], "RBF": []}
for seed in range(10):
    X, y = make_ad_hoc(440, gap=0.3, random_state=seed)
    train = np.concatenate([np.flatnonzero(y == label)[:20] for label in (0, 1)])
    test = np.setdiff1d(np.arange(440), train)
    for name, kernel in (("quantum", QuantumFidelity()), ("RBF", "rbf")):
        model = SVC(kernel=kernel, C=100.0).fit(X[train], y[train])
        scores[name].append(model.score(X[test], y[test]))
for name, values in scores.items():
    print(f"{name}: {np.mean(values):.1%} right")
assert np.mean(scores["quantum"]) > 0.98

# %%
# Concentration
# -------------
# The mean fidelity of two random points, against the number of qubits.

rng = np.random.default_rng(0)
qubits = np.arange(1, 11)
means = {
    bandwidth: [
        QuantumFidelity(bandwidth=bandwidth)(rng.uniform(0, 2 * np.pi, (60, q)))[
            np.triu_indices(60, 1)
        ].mean()
        for q in qubits
    ]
    for bandwidth in (1.0, 0.1, 0.03, 0.01)
}

# %%
# The regions that the first data set's two labels come from, and what was learned of them.

X, y = make_ad_hoc(4000, gap=0.3, random_state=0)
train = np.concatenate([np.flatnonzero(y == label)[:20] for label in (0, 1)])
side = np.linspace(0, 2 * np.pi, 120)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
axes[0].scatter(*X.T, c=y, cmap="coolwarm", s=2)
axes[0].set_title("Points beyond the gap")
kernels = (("quantum", QuantumFidelity()), ("RBF", "rbf"))
for ax, (name, kernel) in zip(axes[1:3], kernels, strict=True):
    model = SVC(kernel=kernel, C=100.0).fit(X[train], y[train])
    value = model.decision_function(grid).reshape(120, 120)
    ax.contourf(side, side, value > 0, levels=1, cmap="coolwarm", alpha=0.4)
    ax.scatter(*X[train].T, c=y[train], cmap="coolwarm", edgecolor="k", s=25)
    ax.set_title(f"SVC, {name}: {model.score(X, y):.0%} right")
for ax in axes[:3]:
    ax.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal")
for bandwidth, values in means.items():
    axes[3].semilogy(qubits, values, "o-", ms=3, label=f"bandwidth {bandwidth:g}")
axes[3].semilogy(qubits, 0.5**qubits, "k:", label="$2^{-q}$")
axes[3].set(xlabel="qubits q", ylabel="mean fidelity", title="Concentration")
axes[3].legend(fontsize="small")
plt.show()

"""
Communities of a large graph, and whether there are any
=======================================================

A graph of 10 000 nodes in four blocks, each node with 14 edges, of which fewer and fewer lead to others of its block.
Spectral clustering finds the blocks, moves of single nodes sharpen them, and where no method could find them any more
the eigenvalues say so.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import SparseGraphClustering, refine_blocks
from kernlab.exceptions import UndetectableCommunitiesWarning

# %%
# The graphs
# ----------
# Edges are drawn one by one: a node, whether the edge stays in its block, and another node. With a edges in the block
# and b to others the ratio of signal to noise is (a − b / 3)² / (a + b) for four blocks, and below one, in the limit of
# large graphs, nothing can tell them from chance.

n_nodes, n_blocks, degree = 10_000, 4, 14
rng = np.random.default_rng(0)
truth = rng.permutation(np.arange(n_nodes) % n_blocks)
members = np.argsort(truth, kind="stable").reshape(n_blocks, -1)


def blocks(within):
    start = rng.integers(0, n_nodes, n_nodes * degree // 2)
    block = truth[start]
    leaves = rng.random(len(start)) > within / degree
    block[leaves] += rng.integers(1, n_blocks, leaves.sum())
    end = members[block % n_blocks, rng.integers(0, members.shape[1], len(start))]
    graph = sp.coo_array((np.ones(len(start)), (start, end)), shape=(n_nodes, n_nodes)).tocsr()
    graph = graph + graph.T
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


within = np.array([4.5, 6.2, 6.8, 7.5, 8.5, 10.0])
ratio = (within - (degree - within) / (n_blocks - 1)) ** 2 / degree
found = {False: [], True: []}
second, warned = [], []
for a in within:
    graph = blocks(a)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = SparseGraphClustering(n_blocks, random_state=0).fit(graph)
    found[False].append(adjusted_rand_score(truth, model.labels_))
    refined = refine_blocks(graph, model.labels_, random_state=0)
    found[True].append(adjusted_rand_score(truth, refined))
    second.append(model.eigenvalues_[1:])
    warned.append(any(w.category is UndetectableCommunitiesWarning for w in caught))

# %%
# What is found
# -------------
# On the left the agreement with the true blocks, from 0, no better than chance, to 1. On the right the eigenvalues
# after the first, of which three stand out from chance, beyond 1, as soon as the ratio is above one; crosses mark the
# graphs that were warned of.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].plot(ratio, found[False], "o-", label="spectral")
axes[0].plot(ratio, found[True], "s-", label="and refined")
axes[0].set(ylabel="adjusted Rand index", ylim=(-0.05, 1.0))
axes[0].legend(frameon=False)
axes[1].plot(ratio, np.array(second), "k.")
silent = np.array(warned)
axes[1].plot(ratio[silent], np.full(silent.sum(), 0.9), "rx", label="no detectable communities")
axes[1].axhline(1, color="0.6", lw=0.8)
axes[1].set(ylabel="eigenvalue", ylim=(0.85, None))
axes[1].legend(frameon=False, loc="upper left")
for ax in axes:
    ax.axvline(1, color="0.6", ls="--", lw=0.8)
    ax.set(xlabel="signal to noise")
plt.show()

# %%
# Refinement gains most in between; below the threshold it has nothing to start from.

assert list(silent) == list(ratio < 1)
assert found[True][-1] > 0.9
for r, plain, better, nothing in zip(ratio, found[False], found[True], silent, strict=True):
    said = ", no communities" if nothing else ""
    print(f"signal to noise {r:.2f}: {plain:.3f}, refined {better:.3f}{said}")

"""
Attributes of nodes
===================

Five groups of 80 people, each of whom knows more of the own group than of the others, and a survey that asked for the
group and got a true answer of some. :class:`~kernlab.cluster.AttributedGraphClustering` finds out by itself how much
the answers are worth.
"""

# %%
# Edges alone are clear in one graph and unclear in the other. The survey is a guess for all but a share of the nodes,
# from none to nine in ten.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import AttributedGraphClustering

truth = np.repeat(np.arange(5), 80)
fidelities = [0.0, 0.3, 0.5, 0.7, 0.9]
N_GRAPHS = 2


def graph(p_in, p_out, seed):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((400, 400)) < np.where(truth[:, None] == truth, p_in, p_out), 1)
    return (upper + upper.T).astype(float)


def survey(fidelity, seed):
    rng = np.random.default_rng(1000 + seed)
    return np.where(rng.random(400) < fidelity, truth, rng.integers(0, 5, 400))


def score(adjacency, attribute, weight):
    model = AttributedGraphClustering(
        5, attribute_weight=weight, n_init=3, n_permutations=99, random_state=0
    )
    return adjusted_rand_score(truth, model.fit_predict(adjacency, attributes=attribute))


# %%
# A weight that is fixed and large overrules clear edges: at 16 times an edge's own weight the clusters are the answers.
# The weight chosen follows the edges where they are clear, and where they are not it finds more than either.

figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.6), sharey=True, constrained_layout=True)
found = {}
for panel, (title, p_out, p_in) in zip(
    panels, [("clear", 0.05, 0.2), ("unclear", 0.07, 0.15)], strict=True
):
    runs = [
        (graph(p_in, p_out, seed), [survey(f, seed) for f in fidelities])
        for seed in range(N_GRAPHS)
    ]
    for weight, label, style in [
        ("auto", "chosen weight", "o-"),
        (0.0, "edges alone", "k:"),
        (16.0, "weight 16", "s-"),
    ]:
        # Without weight all surveys are the same.
        values = [
            [score(adjacency, one, weight) for one in (surveys if weight else surveys[:1])]
            for adjacency, surveys in runs
        ]
        found[title, weight] = np.mean(values, axis=0) * np.ones(len(fidelities))
        panel.plot(fidelities, found[title, weight], style, label=label)
    answers = [[adjusted_rand_score(truth, one) for one in surveys] for _, surveys in runs]
    panel.plot(
        fidelities, np.mean(answers, axis=0), "--", color="0.2", zorder=3, label="survey alone"
    )
    panel.set(xlabel="share of true answers", title=f"{title} edges", ylim=(-0.03, 1.03))
panels[0].set_ylabel("adjusted Rand index")
panels[1].legend(frameon=False, loc="upper left")

# %%

assert (found["clear", "auto"] > found["clear", 0.0] - 0.01).all()
assert found["unclear", "auto"][3] > found["unclear", 0.0][3] + 0.3
print(
    f"unclear edges, 7 of 10 answers true: {found['unclear', 'auto'][3]:.2f} after {found['unclear', 0.0][3]:.2f}"
)

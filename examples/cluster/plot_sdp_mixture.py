"""
Clusters of different shapes
============================

k-means cuts what is long in pieces. :class:`~kernlab.cluster.LikelihoodAdjustedSDP` starts from its labels and finds
memberships and covariances in turn.
"""

# %%
# Three normal clusters: a tall one, a wide one and an oblique one.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from kernlab.cluster import LikelihoodAdjustedSDP

rng = np.random.default_rng(4)
shapes = [np.diag([0.2, 3.0]), np.diag([2.0, 0.1]), [[1.0, 0.8], [0.8, 1.0]]]
means = [[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]]
X = np.vstack(
    [rng.multivariate_normal(mean, shape, 50) for mean, shape in zip(means, shapes, strict=True)]
)
truth = np.repeat([0, 1, 2], 50)

# %%
# The three labellings. Ellipses hold 95 % of a normal distribution of the covariance found.

model = LikelihoodAdjustedSDP(3, random_state=0).fit(X)
found = {
    "k-means": KMeans(3, n_init=10, random_state=0).fit_predict(X),
    "Gaussian mixture": GaussianMixture(3, random_state=0).fit_predict(X),
    "likelihood-adjusted SDP": model.labels_,
}
figure, panels = plt.subplots(
    1, 3, figsize=(10, 3.6), sharex=True, sharey=True, constrained_layout=True
)
scores = {}
for panel, (name, labels) in zip(panels, found.items(), strict=True):
    scores[name] = adjusted_rand_score(truth, labels)
    # Colours by the true cluster that most members of a found one belong to.
    names = [np.bincount(truth[labels == k]).argmax() for k in range(3)]
    panel.scatter(*X.T, c=[f"C{names[k]}" for k in labels], s=14)
    panel.set(title=f"{name}: {scores[name]:.2f}", aspect="equal")
circle = np.array([np.cos(np.linspace(0, 2 * np.pi, 100)), np.sin(np.linspace(0, 2 * np.pi, 100))])
for mean, covariance in zip(model.means_, model.covariances_, strict=True):
    ellipse = mean[:, None] + np.sqrt(5.99) * np.linalg.cholesky(covariance) @ circle
    panels[2].plot(*ellipse, color="0.3", linewidth=1)

# %%

assert scores["likelihood-adjusted SDP"] > scores["k-means"] + 0.03
print(
    f"adjusted Rand index {scores['likelihood-adjusted SDP']:.3f}; "
    f"rounding cost {max(model.gap_, 0.0):.1e} nats"
)

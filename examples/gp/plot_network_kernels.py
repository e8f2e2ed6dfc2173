"""
Infinitely wide networks as kernels
===================================

The tangents of a random network, its gradients by all parameters, have inner products that tend to the
neural tangent kernel as the network grows wider. We watch them do so, draw functions from the priors of
three activations, and classify a table with either kernel, where the new one is as good as the old.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from kernlab.kernels import NNGP, NTK

# %%
# Finite networks
# ---------------
# Weights are standard normal and are multiplied by σ_w over the root of the fan-in: the NTK
# parameterisation. Gradients by backpropagation, layer by layer.

rng = np.random.default_rng(0)
sigma_w, sigma_b = 2**0.5, 0.1


def tangent_kernel(X, width, depth=2):
    hidden, layers = X, []
    for _ in range(depth):
        weights = rng.standard_normal((hidden.shape[1], width))
        inputs = hidden @ weights * (sigma_w / hidden.shape[1] ** 0.5)
        inputs += sigma_b * rng.standard_normal(width)
        layers.append((hidden, inputs > 0, weights))
        hidden = np.maximum(inputs, 0)
    kernel = sigma_b**2 + sigma_w**2 * hidden @ hidden.T / width
    back = np.tile(rng.standard_normal(width) * (sigma_w / width**0.5), (len(X), 1))
    for hidden, active, weights in reversed(layers):
        back = back * active
        fan_in = hidden.shape[1]
        kernel += (back @ back.T) * (sigma_b**2 + sigma_w**2 * hidden @ hidden.T / fan_in)
        back = back @ weights.T * (sigma_w / fan_in**0.5)
    return kernel


X = rng.normal(size=(20, 10))
limit = NTK(depth=2, sigma_w=sigma_w, sigma_b=sigma_b)(X)
widths = 2 ** np.arange(5, 12)
errors = np.array(
    [
        [np.linalg.norm(tangent_kernel(X, width) - limit) for _ in range(8)] / np.linalg.norm(limit)
        for width in widths
    ]
)
for width, error in zip(widths, errors.mean(axis=1), strict=True):
    print(f"width {width:5d}: relative error {error:.3f}")

# %%
# A table
# -------
# Both kernels with the settings they come with, on standardised columns.

table, labels = load_breast_cancer(return_X_y=True)
for name, kernel in (("RBF", "rbf"), ("NTK", NTK(depth=2, sigma_b=0.1))):
    scores = cross_val_score(make_pipeline(StandardScaler(), SVC(kernel=kernel)), table, labels)
    print(f"{name}: {scores.mean():.1%} right, standard error {scores.std() / 5**0.5:.1%}")

# %%
# The errors fall with the root of the width. The priors inherit the activation: straight far out for
# ReLU, level for erf, waves for sin.

figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
axes[0].loglog(widths, errors, "o", color="0.7", ms=3)
axes[0].loglog(widths, errors.mean(axis=1), "o-", label="mean of 8 networks")
axes[0].loglog(widths, 3 / np.sqrt(widths), "k:", label="1/√width")
axes[0].set(xlabel="width", ylabel="relative error", title="Tangents of finite networks")
axes[0].legend()
x = np.linspace(-5, 5, 200)[:, None]
normals = rng.standard_normal((200, 4))
for ax, activation in zip(axes[1:], ("relu", "erf", "sin"), strict=True):
    K = NNGP(depth=2, activation=activation, sigma_w=2.5, sigma_b=1.0)(x)
    values, vectors = np.linalg.eigh(K)
    ax.plot(x, vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * normals))
    ax.set(xlabel="x", title=f"Draws of the prior, {activation}")
assert errors[-2].mean() < 0.5 * errors[1].mean()  # width 1024 against 64
plt.show()

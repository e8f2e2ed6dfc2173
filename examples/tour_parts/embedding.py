"""Distances along the data."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from kernlab.datasets import make_swiss_roll
from kernlab.embedding import DiffusionMap, HeatGeodesicEmbedding
from kernlab.exceptions import PruningWarning
from tour_parts.common import save, timed


def embeddings():
    """Handwritten digits by distances along the data, and a rolled sheet full of shortcuts."""
    X, y = load_digits(return_X_y=True)
    found = {}
    print("Digits, 64 features to 2: share of 10 neighbours with the same label")
    methods = {
        "heat geodesics": HeatGeodesicEmbedding(random_state=0),
        "diffusion map": DiffusionMap(random_state=0),
        "principal components": PCA(2, random_state=0),
    }
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    for (name, method), ax in zip(methods.items(), [axes[0], None, axes[1]], strict=True):
        points, seconds = timed(method.fit_transform, X)
        near = NearestNeighbors(n_neighbors=10).fit(points).kneighbors(return_distance=False)
        found[name] = float(np.mean(y[near] == y[:, None]))
        print(f"{name:20}{found[name]:8.2f}{1e3 * seconds:8.0f} ms")
        if ax is not None:
            shown = ax.scatter(*points.T, c=y, s=4, cmap="tab10")
            ax.set(title=name, aspect="equal", xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, ticks=range(10), label="digit")
    save(figure, "digits.png")

    roll = make_swiss_roll(1000, noise=1.0, n_features=10, random_state=0)
    print("A rolled sheet, noise 1 in 10 features: correlation with the distances along it")
    rows = np.arange(0, 1000, 10)
    for metric in ("graph", "pruned"):
        model = HeatGeodesicEmbedding(metric=metric, random_state=0)
        with warnings.catch_warnings():
            # That the graph grows when its shortcuts go is what is meant here.
            warnings.simplefilter("ignore", PruningWarning)
            model.fit(roll.data)
        distances = model.geodesic_distances(roll.data[rows], roll.data)
        found[metric] = float(np.corrcoef(distances.ravel(), roll.geodesics(rows).ravel())[0, 1])
        print(f"metric={metric!r:10}{found[metric]:8.3f}   shortcuts {len(model.shortcuts_)}")
    print()
    return found

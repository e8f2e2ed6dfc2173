"""A tour of kernlab on real data: prints small tables and writes pictures to ``./tour``.

Run it with ``python examples/tour.py``. Each family of the package has its part here.
"""

import math
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KernelDensity as SklearnDensity

from kernlab.density import KernelDensity, KernelDensityDisplay

OUTPUT = Path("tour")


def brute_force(train, test, h):
    """Log density by the definition, one query at a time, in double precision."""
    log_sums = [logsumexp(-np.sum(((y - train) / h) ** 2, axis=1) / 2) for y in test]
    d = train.shape[1]
    return np.array(log_sums) - math.log(len(train)) - d * (math.log(h) + math.log(2 * math.pi) / 2)


def choose_bandwidth(train):
    """The float bandwidth with the best leave-one-out log likelihood, from a grid."""
    spread = np.sqrt(np.median(np.var(train, axis=0)))
    grid = spread * np.geomspace(0.1, 3.0, 25)
    scores = [KernelDensity(bandwidth=h).fit(train).leave_one_out_score() for h in grid]
    return float(grid[int(np.argmax(scores))])


def timed(function, *arguments):
    """The result and the best seconds of three runs, so that compilation does not count."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def density():
    """Densities of three real data sets, against scikit-learn and the definition."""
    print("Kernel density: mean held-out log density, largest error in nats, milliseconds")
    print(f"{'data':15}{'d':>4}{'h':>8}  {'method':14}{'log density':>12}{'error':>10}{'ms':>9}")
    errors = {}
    for name, load in (
        ("wine", load_wine),
        ("breast cancer", load_breast_cancer),
        ("digits", load_digits),
    ):
        X = load().data
        # Features in units of their spread; constant columns, as three of digits, stay constant.
        X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        train, test = train_test_split(X, test_size=0.25, random_state=0)
        h = choose_bandwidth(train)
        expected, seconds = timed(brute_force, train, test, h)
        rows = [("brute force", expected, seconds)]
        for method, estimator in (
            ("kernlab", KernelDensity(bandwidth=h)),
            ("scikit-learn", SklearnDensity(bandwidth=h)),
        ):
            rows.append((method, *timed(estimator.fit(train).score_samples, test)))
        for method, log_density, seconds in reversed(rows):
            error = np.max(np.abs(log_density - expected))
            errors[name, method] = error
            print(
                f"{name:15}{X.shape[1]:4}{h:8.3f}  {method:14}{np.mean(log_density):12.3f}"
                f"{error:10.1e}{1e3 * seconds:9.2f}"
            )
    print()

    wine = load_wine()
    names = ["alcohol", "color_intensity"]
    wine = wine.data[:, [wine.feature_names.index(name) for name in names]]
    kde = KernelDensity(bandwidth="silverman").fit(wine)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    KernelDensityDisplay.from_estimator(kde, wine, ax=axes[0])
    axes[0].set(title="Wine: two features, Silverman's bandwidth", xlabel=names[0], ylabel=names[1])
    draws = kde.sample(500, random_state=0)
    axes[1].scatter(*draws.T, s=6, alpha=0.6)
    axes[1].set(
        title="500 draws from the estimate",
        xlabel=names[0],
        ylabel=names[1],
        xlim=axes[0].get_xlim(),
        ylim=axes[0].get_ylim(),
    )
    save(figure, "density_wine.png")

    train, test = train_test_split(load_digits().data, test_size=0.25, random_state=0)
    kde = KernelDensity(bandwidth=choose_bandwidth(train)).fit(train)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    KernelDensityDisplay.from_estimator(kde, test, ax=axes[0])
    axes[0].set_title("Digits (d = 64): a handful of points carry each estimate")
    order = np.argsort(kde.score_samples(test))
    extremes = np.concatenate([test[order[:-13:-1]], test[order[:12]]]).reshape(4, 6, 8, 8)
    framed = np.pad(extremes, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=4.0)
    axes[1].imshow(np.block([list(row) for row in framed]), cmap="gray_r")
    axes[1].set(title="Likeliest (two rows) and unlikeliest digits", xticks=[], yticks=[])
    save(figure, "density_digits.png")
    return errors


def save(figure, name):
    figure.savefig(OUTPUT / name, dpi=120)
    plt.close(figure)
    print(f"wrote {OUTPUT / name}")


def main():
    OUTPUT.mkdir(exist_ok=True)
    return {"density": density()}


if __name__ == "__main__":
    main()

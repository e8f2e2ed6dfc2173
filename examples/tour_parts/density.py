"""Densities of real data, their bandwidths, regimes, bounds and conditions."""

import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from scipy.stats import vonmises_fisher
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KernelDensity as SklearnDensity

from kernlab.density import (
    ConditionalKernelDensity,
    DensityRegimeDisplay,
    KernelDensity,
    KernelDensityDisplay,
    VonMisesFisher,
)
from kernlab.exceptions import CondensedDensityWarning
from tour_parts.common import save, timed


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


def bandwidths():
    """Bandwidths of iris petals by every selector, and the likelihood they earn."""
    X = load_iris().data[:, 2:]
    print("Bandwidths of iris petals: standard deviations (cm), mean leave-one-out log density")
    scores = {}
    for rule in ("silverman", "auto", "plugin", "scv", "lscv", "lcv"):
        kde = KernelDensity(bandwidth=rule).fit(X)
        h = np.sqrt(np.diag(kde.bandwidth_matrix_))
        scores[rule] = kde.leave_one_out_score() / len(X)
        print(f"{rule:10} {kde.bandwidth_method_:10}{h[0]:8.3f}{h[1]:8.3f}{scores[rule]:10.3f}")
    print()
    return scores


def regimes():
    """What carries an estimate of the digits, by bandwidth, and what error bars would cost."""
    train, test = train_test_split(load_digits().data, test_size=0.25, random_state=0)
    held_out = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CondensedDensityWarning)  # the table says so
        start = KernelDensity(bandwidth="kl").fit(train).regime(random_state=0)
        print(
            f"Regimes: digits, d = {train.shape[1]}, n = {len(train)}, alpha = {start.alpha_:.3f}"
        )
        print(f"{'bandwidth':24}{'h':>7}  {'regime':11}{'index':>7}{'samples':>9}{'held-out':>10}")
        for name, h in (
            ("'kl' (normal theory)", start.h_),
            ("nearest neighbours h_kl", start.h_kl_),
            ("h_g", start.h_g_ * 1.01),
            ("h_clt", start.h_clt_ * 1.01),
        ):
            kde = KernelDensity(bandwidth=h).fit(train)
            regime = kde.regime(random_state=0)
            held_out[name] = float(np.mean(kde.score_samples(test)))
            print(
                f"{name:24}{h:7.3f}  {regime.label_:11}{regime.stable_index_:7.2f}"
                f"{np.median(regime.n_eff_):9.1f}{held_out[name]:10.2f}"
            )
        figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
        kde = KernelDensity(bandwidth=start.h_kl_).fit(train)
        DensityRegimeDisplay.from_estimator(kde, ax=ax)
    save(figure, "density_regime.png")
    print()
    return held_out


def to_a_tolerance():
    """A hundred thousand points: all pairs, and to one part in a thousand."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(100_000, 2)), rng.normal(size=(2000, 2))
    exact = KernelDensity(bandwidth=0.15).fit(X)
    expected, seconds = timed(exact.score_samples, Y)
    print("To a tolerance: 100,000 points, 2,000 queries")
    print(f"{'algorithm':12}{'ms':>9}{'error':>10}{'bound':>10}")
    print(f"{'all pairs':12}{1e3 * seconds:9.1f}")
    errors = {}
    for algorithm in ("tree", "fft"):
        kde = KernelDensity(bandwidth=0.15, algorithm=algorithm, rtol=1e-3).fit(X)
        log_density, seconds = timed(kde.score_samples, Y)
        _, bound = kde.score_samples(Y, return_error=True)
        errors[algorithm] = np.max(np.abs(log_density - expected))
        print(f"{algorithm:12}{1e3 * seconds:9.1f}{errors[algorithm]:10.1e}{bound.max():10.1e}")
    print()
    return errors


def slices():
    """Quantiles of wine's color given its alcohol, and the wines each rests on."""
    wine = load_wine()
    names = ["alcohol", "color_intensity"]
    X = wine.data[:, [wine.feature_names.index(name) for name in names]]
    kde = KernelDensity(bandwidth="silverman").fit(X)
    print("Wine: color intensity given alcohol")
    print(f"{'alcohol':>8}{'5 %':>8}{'median':>8}{'95 %':>8}{'wines':>8}")
    medians = []
    for alcohol in (12.0, 13.0, 14.0):
        given = kde.condition(0, alcohol)
        low, middle, high = given.ppf([0.05, 0.5, 0.95])
        medians.append(middle)
        print(f"{alcohol:8.1f}{low:8.2f}{middle:8.2f}{high:8.2f}{given.n_eff_:8.0f}")
    print()
    return medians


def bounds():
    """The density of waiting times at zero, where it is 1."""
    waits = np.random.default_rng(0).exponential(size=(2000, 1))
    print("Exponential waiting times: density at the bound, where it is 1")
    found = {}
    for boundary in ("none", "reflect", "renormalize", "linear"):
        options = {} if boundary == "none" else {"bounds": [0, None], "boundary": boundary}
        kde = KernelDensity(bandwidth=0.25, **options).fit(waits)
        found[boundary] = float(np.exp(kde.score_samples([[0.0]])[0]))
        print(f"{boundary:12} {found[boundary]:.3f}")
    print()
    return found


def conditional():
    """Quantiles given a feature, and how many rows each answer rests on."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 3, size=(400, 1))
    y = np.sin(2 * X[:, 0]) + 0.2 * X[:, 0] * rng.normal(size=400)
    model = ConditionalKernelDensity().fit(X, y)
    rows = np.array([[0.5], [1.5], [2.5], [5.0]])
    quantiles = model.predict_quantile(rows, [0.05, 0.5, 0.95])
    print("Quantiles of sin(2x) with growing noise; beyond x = 3 there are no data")
    print(f"{'x':>5}{'5 %':>8}{'median':>8}{'95 %':>8}{'rows':>7}")
    for x, found, count in zip(rows[:, 0], quantiles, model.effective_samples(rows), strict=True):
        print(f"{x:5.1f}" + "".join(f"{q:8.2f}" for q in found) + f"{count:7.1f}")
    print()
    return quantiles


def directions():
    """Concentrations in 2048 dimensions, where SciPy's Bessel functions underflow."""
    X = np.random.default_rng(0).normal(loc=0.5, size=(2000, 2048))
    X /= np.linalg.norm(X, axis=1)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = vonmises_fisher.fit(X)[1]
    ours = VonMisesFisher().fit(X).kappa_
    print("Concentration of 2,000 directions in 2,048 dimensions")
    print(f"kernlab {ours:.1f}, scipy {theirs:.1g}")
    print()
    return ours, theirs

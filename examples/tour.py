"""A tour of kernlab on real data: prints small tables and writes pictures to ``./tour``.

Run it with ``python examples/tour.py``. Each family of the package has its part here.
"""

import math
import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import norm, vonmises_fisher
from scipy.stats import t as student_t
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KernelDensity as SklearnDensity
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from kernlab.datasets import load_airline, make_ad_hoc, make_swiss_roll
from kernlab.density import (
    ConditionalKernelDensity,
    DensityRegimeDisplay,
    KernelDensity,
    KernelDensityDisplay,
    VonMisesFisher,
)
from kernlab.embedding import DiffusionMap, HeatGeodesicEmbedding
from kernlab.exceptions import CondensedDensityWarning, MissingExtraError, PruningWarning
from kernlab.gp import (
    FunctionalTuckerRegressor,
    KroneckerGPRegressor,
    MarkovGPRegressor,
    SpectralMixtureGPRegressor,
    StudentTProcessRegressor,
)
from kernlab.kernels import Cosine, QuantumFidelity
from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, coords
from kernlab.privacy import PrivacyBudget, PrivateDistanceSum, PrivateSimilarityClassifier

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


def private():
    """Digits under differential privacy: sums of distances, and classification, by the epsilon."""
    digits = load_digits()
    X, Y, labels, truth = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.3, random_state=0
    )
    expected = np.abs(Y[:, None] - X).sum(axis=(1, 2))
    similarities = np.exp(-cdist(Y, X, "sqeuclidean") / (2 * 1.5**2))
    means = [similarities[:, labels == digit].mean(axis=1) for digit in range(10)]
    print(f"Private digits: {len(X)} records of {X.shape[1]} pixels, every query free")
    print(f"{'epsilon':>8}{'delta':>8}{'error of l1 sums':>18}{'accuracy':>10}{'fit ms':>8}")
    accuracies = {math.inf: np.mean(np.argmax(means, axis=0) == truth)}
    print(f"{'inf':>8}{'':8}{0.0:18.1%}{accuracies[math.inf]:10.3f}")
    budget = PrivacyBudget(epsilon=30, delta=1e-5)
    for epsilon in (1, 3, 8):
        guarantee = {"epsilon": epsilon, "delta": 1e-6, "budget": budget}
        sums = PrivateDistanceSum("l1", bounds=(0, 1), **guarantee).fit(X)
        error = np.mean(np.abs(sums.query(Y) / expected - 1))
        classifier = PrivateSimilarityClassifier(
            classes=range(10), bandwidth=1.5, n_features=512, **guarantee
        )
        start = time.perf_counter()
        accuracies[epsilon] = classifier.fit(X, labels).score(Y, truth)
        seconds = time.perf_counter() - start
        print(f"{epsilon:8}{1e-6:8.0e}{error:18.1%}{accuracies[epsilon]:10.3f}{1e3 * seconds:8.0f}")
    print(budget)
    print()
    return accuracies


def equations():
    """A high-frequency equation, against finite differences, and one with a noisy source."""
    wave = 100.0

    def exact(x, y):
        return np.sin(wave * x) * np.sin(wave * y)

    def source(x, y):
        return -2 * wave**2 * exact(x, y)

    x, y = coords("x y")
    u = Field("u")
    end = 2 * math.pi
    pde = PDE(D(u, x, 2) + D(u, y, 2) - source, Box(x=(0, end), y=(0, end)), [Dirichlet(exact)])
    solver, seconds = timed(GPPDESolver(pde, random_state=0).fit)
    X = np.random.default_rng(0).uniform(0, end, (5_000, 2))
    truth = exact(*X.T)
    error = np.linalg.norm(solver.predict(X) - truth) / np.linalg.norm(truth)

    # Second differences of a product of sines are that product times a number.
    n = solver.n_points_[0]
    step = end / (n - 1)
    differences = (wave * step / 2 / math.sin(wave * step / 2)) ** 2 - 1
    print("u_xx + u_yy = f, u = sin 100x sin 100y on (0, 2π)²: relative error off the grid")
    print(f"{'kernlab':20}{error:10.1e}{1e3 * seconds:8.0f} ms  features {solver.n_points_}")
    print(f"{'second differences':20}{differences:10.1e}             as many nodes, at these")
    print(f"{'GP-HM (2024)':20}{4.7e-6:10.1e}  2109 s      as published, its best")

    axis = np.linspace(0, 0.5, 200)
    figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
    shown = ax.pcolormesh(axis, axis, solver.predict_grid([axis, axis]).T, cmap="RdBu_r")
    figure.colorbar(shown, label="u")
    ax.set(xlabel="x", ylabel="y", title="A corner of the solution", aspect="equal")
    save(figure, "high_frequency.png")

    def signal(x):
        return np.sin(6 * x) * np.cos(wave * x)

    def bend(x):
        return -(wave**2 + 36) * signal(x) - 12 * wave * np.cos(6 * x) * np.sin(wave * x)

    nodes = np.linspace(0, end, 400)
    noise = 0.01 * np.std(bend(nodes))
    y = bend(nodes) + noise * np.random.default_rng(0).standard_normal(400)
    pde = PDE(D(u, x, 2), Box(x=(0, end)), [Dirichlet(signal)])
    noisy = GPPDESolver(pde, random_state=0).fit(nodes[:, None], y, observe="source")
    mean, std = noisy.predict(X[:, :1], return_std=True)
    off = mean - signal(X[:, 0])
    noisy_error = np.linalg.norm(off) / np.linalg.norm(signal(X[:, 0]))
    found = ", ".join(f"{line:.1f}" for line in noisy.lines_[0])
    print("u'' = f with 1 % noise in f: the Gaussian process finds lines and noise by itself")
    print(
        f"error {noisy_error:.1e}, lines {found}, noise {np.sqrt(noisy.noise_):.0f} (true "
        f"{noise:.0f}), within two std {np.mean(np.abs(off) < 1.96 * std):.0%}"
    )
    print()
    return error, noisy_error


def gaussian_processes():
    """Air passengers forecast, twenty thousand points in linear time, and a grid with a hole."""
    X, y = load_airline(return_X_y=True)
    train, test = slice(0, 108), slice(108, None)
    print("Gaussian processes: log air passengers, the last three of twelve years forecast")
    model = SpectralMixtureGPRegressor().fit(X[train], np.log(y[train]))
    mean, std = model.predict(X[test], return_std=True)
    off = mean - np.log(y[test])
    found = {"airline": float(np.sqrt(np.mean(off**2)))}
    lines = ", ".join(f"{f:.2f}" for f in np.sort(model.lines_[:, 0])[:4])
    print(
        f"error {found['airline']:.3f}, in the 95 % band {np.mean(np.abs(off) < 1.96 * std):.0%}"
        f", lines at {lines} cycles per year"
    )
    try:
        module = model.gpytorch_model()
    except MissingExtraError as error:
        print(f"as a module of GPyTorch: {error}")
    else:
        print(f"as a module of GPyTorch: {type(module.covar_module).__name__}, to go on with")
    figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    ax.plot(X[:, 0], np.log(y), "k.", markersize=4, label="log passengers")
    grid = np.linspace(0, 12, 600)
    mean, std = model.predict(grid[:, None], return_std=True)
    ax.plot(grid, mean, label="posterior mean")
    ax.fill_between(grid, mean - 1.96 * std, mean + 1.96 * std, alpha=0.3, label="95 %")
    ax.axvline(9, color="0.5", linestyle="--")
    ax.set(xlabel="years since 1949", title="Forecast from the first nine years")
    ax.legend(loc="upper left")
    save(figure, "airline.png")

    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 2000, 20_000))
    kernel = Matern(3.0, nu=1.5) * Cosine(1.0) + WhiteKernel(0.1)
    signal = np.sin(2 * math.pi * times) * np.cos(times / 5)
    noisy = signal + 0.3 * rng.normal(size=len(times))
    model = MarkovGPRegressor(kernel=kernel, optimizer=None)
    (mean, std), seconds = timed(
        lambda: model.fit(times[:, None], noisy).predict(times[:, None], return_std=True)
    )
    found["markov"] = float(np.sqrt(np.mean((mean - signal) ** 2)))
    print(
        f"20,000 points at any times: likelihood, mean and std in {1e3 * seconds:.0f} ms, error "
        f"{found['markov']:.3f} of noise 0.3"
    )

    axes = [np.linspace(0, 6, 120), np.linspace(0, 4, 80)]
    field = np.sin(axes[0])[:, None] * np.cos(2 * axes[1])
    seen = field + 0.1 * rng.normal(size=field.shape)
    seen[50:60, 30:40] = np.nan
    start = time.perf_counter()
    model = KroneckerGPRegressor().fit(axes, seen)
    filled = model.predict_grid(axes)
    seconds = time.perf_counter() - start
    found["grid"] = float(np.sqrt(np.mean((filled - field)[50:60, 30:40] ** 2)))
    print(
        f"9,600 cells with a hole, hyperparameters learned in {seconds:.1f} s: error "
        f"{found['grid']:.3f} in the hole, of noise 0.1"
    )

    X = rng.uniform(size=(400, 3))

    def exact(a, b, c):
        return np.sin(5 * a) * np.cos(4 * b) * np.exp(c) + a * np.sqrt(b) * np.cos(7 * c)

    y = exact(*X.T) + 0.05 * rng.normal(size=400)
    model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
    at = rng.uniform(size=(1000, 3))
    found["tucker"] = float(np.sqrt(np.mean((model.predict(at) - exact(*at.T)) ** 2)))
    print(
        f"400 entries of a tensor of three continuous indices: rank {model.rank_}, error "
        f"{found['tucker']:.3f} of noise 0.05"
    )
    print()
    return found


def scales_and_states():
    """A scale that is not known, and labels that only a quantum circuit tells apart."""
    rng = np.random.default_rng(0)
    X = np.linspace(0, 10, 60)[:, None]
    y, new = (5 * (np.sin(X[:, 0]) + 0.3 * rng.standard_normal(60)) for _ in range(2))
    kernel = 0.5 * RBF(1.5) + WhiteKernel(0.09)
    gaussian = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(X, y)
    student = StudentTProcessRegressor(kernel=kernel, optimizer=None).fit(X, y)
    mean, std, df = student.predict(X, return_std=True, return_df=True)
    laws = {
        "Gaussian process": norm(*gaussian.predict(X, return_std=True)),
        "Student-t process": student_t(df, mean, std * np.sqrt((df - 2) / df)),
    }
    print("A kernel for y five times smaller: new readings inside 95 % intervals")
    found = {}
    for name, law in laws.items():
        low, high = law.interval(0.95)
        found[name] = float(np.mean((low < new) & (new < high)))
        print(f"{name:20}{found[name]:6.0%}")
    X, y = make_ad_hoc(440, random_state=0)
    print("Labels of quantum states, 60 points to learn from: share right")
    for name, kernel in (("quantum fidelity", QuantumFidelity()), ("RBF", "rbf")):
        found[name] = float(SVC(kernel=kernel, C=100).fit(X[:60], y[:60]).score(X[60:], y[60:]))
        print(f"{name:20}{found[name]:6.0%}")
    print()
    return found


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


def save(figure, name):
    figure.savefig(OUTPUT / name, dpi=120)
    plt.close(figure)
    print(f"wrote {OUTPUT / name}")


def main():
    OUTPUT.mkdir(exist_ok=True)
    parts = (
        density,
        bandwidths,
        regimes,
        to_a_tolerance,
        slices,
        bounds,
        conditional,
        directions,
        private,
        equations,
        gaussian_processes,
        scales_and_states,
        embeddings,
    )
    return {part.__name__: part() for part in parts}


if __name__ == "__main__":
    main()

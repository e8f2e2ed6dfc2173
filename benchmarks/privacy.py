"""Private similarity sums: accuracy beside the plan, queries beside exact sums, fits and noise."""

import time
import warnings
from functools import partial

import numpy as np
from peers import interleave
from privacy_table import table  # noqa: F401 - for peers.py
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, norm

from kernlab.density import KernelDensity
from kernlab.privacy import PrivateDistanceSum, PrivateKernelSum
from kernlab.privacy._noise import noise_source
from kernlab.privacy._release import design_release, draw, noisy_count

N, D, EPSILON, DELTA = 50_000, 32, 1, 1e-6
QUERIES, MEAN_KERNEL = 500, 0.4
LEVELS = range(3, 11)
# Deviation of the noise's root mean square from the plan that `check` allows.
RATIO = 0.15
# Coverage of intervals at 95 %, in per cent: what is asked.
COVERAGE = 1.5


def mixture(n, d, seed):
    """Points of ten clusters in the unit box; the clusters do not depend on the seed."""
    centres = np.random.default_rng(0).uniform(0.2, 0.8, (10, d))
    rng = np.random.default_rng([seed, 1])
    return np.clip(centres[rng.integers(0, 10, n)] + 0.1 * rng.standard_normal((n, d)), 0, 1)


# --- Exact sums ----------------------------------------------------------------------------------

#: Kernel → (distance of SciPy, values at distances over the bandwidth).
KERNELS = {
    "gaussian": ("sqeuclidean", lambda s: np.exp(-0.5 * s)),
    "exponential": ("euclidean", lambda r: np.exp(-r)),
    "laplacian": ("cityblock", lambda r: np.exp(-r)),
    "cauchy": ("sqeuclidean", lambda s: 1 / (1 + s)),
    "rational": ("euclidean", lambda r: 1 / (1 + r)),
}
DISTANCES = {"l1": "cityblock", "l2": "euclidean", "sqeuclidean": "sqeuclidean"}


def exact_kernel(kernel, h, Y, X):
    metric, profile = KERNELS[kernel]
    power = 2 if metric == "sqeuclidean" else 1
    return profile(cdist(Y, X, metric) / h**power).sum(axis=1)


def exact_distance(metric, Y, X):
    if metric == "lp":
        return np.array([(np.abs(X - y) ** 1.5).sum() for y in Y])
    return cdist(Y, X, DISTANCES[metric]).sum(axis=1)


def in_blocks(exact, Y):
    return np.concatenate([exact(Y[i : i + 20]) for i in range(0, len(Y), 20)])


def public_bandwidth(kernel, d):
    """Two digits of the bandwidth with a given mean kernel on other points of the mixture."""
    X, Y = mixture(1000, d, 8), mixture(50, d, 9)
    h = brentq(lambda h: exact_kernel(kernel, h, Y, X).mean() / 1000 - MEAN_KERNEL, 1e-2, 1e3)
    return float(f"{h:.2g}")


# --- Accuracy ------------------------------------------------------------------------------------


def law_of_errors(make, X, Y, exact, *, seeds, releases, shared):
    """Errors of ``seeds`` × ``releases`` releases, drawn anew from the integer sums of each seed.

    A fit computes its sums, adds noise and forgets them; here they are kept, so that a hundred
    releases take one pass. ``shared`` holds the sums for other laws of noise on the same seed.

    Returns
    -------
    error, noise : float64 arrays of shape (seeds * releases, n_queries)
        Differences from the exact sums, and from what the same sums answer without noise.
    """
    error, noise = [], []
    n = len(X)
    for seed in range(seeds):
        estimator = make(noise="insecure-test")
        terms = estimator._terms()
        law = terms.law
        build = estimator._mechanism(X.shape[1], np.random.default_rng(seed))
        design = design_release(build, terms, n)
        mechanism = design.mechanism
        key = (seed, *map(tuple, mechanism.shapes))
        if key not in shared:
            shared[key] = mechanism.sums(X, n_jobs=-1)
        sums = shared[key]
        clean = mechanism.query(mechanism.prepare(sums, float(n)), float(n), Y)
        source = noise_source("insecure-test", seed=seed)
        for _ in range(releases):
            count = noisy_count(source, law, n, design.count_scale)
            noisy = [
                part + draw(source, law, scales, part.shape)
                for part, scales in zip(sums, design.scales, strict=True)
            ]
            found = mechanism.query(mechanism.prepare(noisy, count), count, Y)
            error.append(found - exact)
            noise.append(found - clean)
    return np.array(error), np.array(noise)


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


def accuracy_row(name, make, X, Y, exact, *, seeds=1, releases, asked=None, shared=None, real=True):
    shared = {} if shared is None else shared
    error, noise = law_of_errors(make, X, Y, exact, seeds=seeds, releases=releases, shared=shared)
    plan = make(noise="insecure-test").plan(*X.shape, Y=Y, sample=X[:2000])
    row = {
        "name": name,
        "asked": asked,
        "error": float(np.mean(np.abs(error) / exact)),
        "rms": rms(error),
        "noise": rms(noise),
        "planned_noise": plan.noise_rms,
        "ratio": rms(noise) / plan.noise_rms,
        "planned": plan.rms,
        "mean": float(np.mean(exact)),
        "releases": len(error),
        "statistics": plan.n_statistics,
    }
    if real:
        found = make(noise="opendp").fit(X).query(Y)
        row["real"] = float(np.mean(np.abs(found - exact) / exact))
    print(f"{name}: {row['error']:.2e}, noise over plan {row['ratio']:.3f}", flush=True)
    return row


def distance_rows(X, Y, *, releases, seeds, quick):
    make = partial(PrivateDistanceSum, bounds=(0, 1), epsilon=EPSILON)
    exact = {
        metric: in_blocks(lambda y, metric=metric: exact_distance(metric, y, X), Y)
        for metric in ("l1", "l2", "sqeuclidean", "lp")
    }
    cases = [
        ("l1", "l1", {}, 1.0e-3),
        (f"l1, δ = {DELTA:g}", "l1", {"delta": DELTA}, 5e-4),
        ("l1, one record replaced", "l1", {"adjacency": "replace"}, None),
        ("sqeuclidean, norm_bound = 1.6", "sqeuclidean", {"norm_bound": 1.6}, 6e-4),
        ("sqeuclidean, bounds alone", "sqeuclidean", {}, 9e-4),
        ("lp, p = 1.5", "lp", {"p": 1.5}, None),
    ]
    rows = [
        accuracy_row(
            name, partial(make, metric, **options), X, Y, exact[metric],
            releases=releases, asked=asked,
        )
        for name, metric, options, asked in cases
    ]  # fmt: skip
    rows.append(
        accuracy_row(
            "l2, norm_bound = 1", partial(make, "l2", norm_bound=1.0), X, Y, exact["l2"],
            seeds=seeds, releases=max(releases // 50, 10), asked=6.5e-3,
        )
    )  # fmt: skip
    for alpha, name in ((0.0, "a uniform tree"), (0.1, "the paper's α = 0.1")):
        tried = [
            accuracy_row(
                f"l1 by {name}, {levels} levels",
                partial(make, "l1", method="dyadic", alpha=alpha, levels=levels),
                X, Y, exact["l1"], releases=max(releases // 5, 100), real=False,
            )
            for levels in (LEVELS if not quick else (4, 6))
        ]  # fmt: skip
        best = min(tried, key=lambda row: row["rms"])
        ours = [row for row in tried if row["statistics"] >= rows[0]["statistics"]][:1]
        rows += [best] + [row for row in ours if row is not best]
    return rows


def kernel_rows(X, Y, *, releases, seeds, numbers):
    rows = []
    for kernel in KERNELS:
        h = public_bandwidth(kernel, X.shape[1])
        exact = in_blocks(lambda y, kernel=kernel, h=h: exact_kernel(kernel, h, y, X), Y)
        variants = ["orthogonal"]
        if kernel == "gaussian":
            variants += ["iid", "sorf"]
        for features in variants:
            for m in numbers if features == "orthogonal" else numbers[:2]:
                shared = {}
                for delta in (0, DELTA):
                    make = partial(
                        PrivateKernelSum, kernel, bandwidth=h, epsilon=EPSILON, delta=delta,
                        n_features=m, features=features,
                    )  # fmt: skip
                    rows.append(
                        accuracy_row(
                            f"{kernel}, m = {m}, {features}" + (", δ" if delta else ""),
                            make, X, Y, exact, seeds=seeds, releases=releases, shared=shared,
                            asked=1e-2 if features == "orthogonal" and m != 256 else None,
                        )
                    )  # fmt: skip
        if kernel == "laplacian":
            make = partial(
                PrivateKernelSum, kernel, bandwidth=h, epsilon=EPSILON, features="race",
                n_features=256,
            )  # fmt: skip
            rows.append(
                accuracy_row("laplacian, 256 hashes, race", make, X, Y, exact,
                             seeds=max(seeds // 3, 2), releases=releases)
            )  # fmt: skip
    return rows


def plane_rows(n, *, releases, seeds):
    """Moments on a grid beside random frequencies in two dimensions, where they are at home."""
    X, Y, h = mixture(n, 2, 1), mixture(QUERIES, 2, 2), 0.1
    exact = in_blocks(lambda y: exact_kernel("gaussian", h, y, X), Y)
    rows = []
    for features, options in (("fast-gauss", {"bounds": (0, 1)}), ("orthogonal", {})):
        for delta in (0, DELTA):
            make = partial(
                PrivateKernelSum, bandwidth=h, epsilon=EPSILON, delta=delta, features=features,
                n_hint=n, **options,
            )  # fmt: skip
            rows.append(
                accuracy_row(
                    f"gaussian, d = 2, h = {h:g}, {features}" + (", δ" if delta else ""),
                    make, X, Y, exact, seeds=1 if features == "fast-gauss" else seeds,
                    releases=releases * (seeds if features == "fast-gauss" else 1),
                )
            )  # fmt: skip
    return rows


# --- Time ----------------------------------------------------------------------------------------


def query_rows(fitted, X, exact, *, few, repeats):
    """Microseconds of a query in a batch, of a single call, and of exact sums.

    ``fitted`` maps a name to an estimator and ``exact`` the same name to pairs of a name and a
    function of queries; these get ``few`` queries, for they are slow.
    """
    many, one = mixture(20_000, X.shape[1], 3), mixture(1, X.shape[1], 4)
    scarce, rows = many[:few], []
    for name, estimator in fitted.items():
        # Calls of some milliseconds on either side, so that what else runs meets them alike.
        batch = 20_000 if isinstance(estimator, PrivateDistanceSum) else 2000
        Y = many[:batch]
        calls = {
            "batch": lambda e=estimator, Y=Y: e.query(Y),
            "single": lambda e=estimator: [e.query(one) for _ in range(20)],
        }
        calls |= {peer: lambda f=f: f(scarce) for peer, f in exact[name].items()}
        best = {key: min(times) for key, times in interleave(calls, repeats=repeats).items()}
        peers = {peer: best[peer] / few * 1e6 for peer in exact[name]}
        each = best["batch"] / batch * 1e6
        rows.append(
            {"name": name, "n": len(X), "each": each, "single": best["single"] / 20 * 1e6,
             "exact": peers, "ratio": {peer: t / each for peer, t in peers.items()}}
        )  # fmt: skip
        print(name, {k: f"{v:.4g}" for k, v in rows[-1]["ratio"].items()}, flush=True)
    return rows


def estimators_to_ask(h, numbers, *, distances):
    options = {"epsilon": EPSILON, "noise": "insecure-test", "projection_seed": 0, "n_jobs": 1}
    made = {}
    if distances:
        box = partial(PrivateDistanceSum, bounds=(0, 1), **options)
        made |= {"l1": box("l1"), "sqeuclidean": box("sqeuclidean", norm_bound=1.6),
                 "l2": box("l2", norm_bound=1.0)}  # fmt: skip
    for kernel in h:
        for m in numbers:
            made[f"{kernel}, m = {m}"] = PrivateKernelSum(
                kernel, bandwidth=h[kernel], n_features=m, **options
            )
    return made


def exact_peers(names, h, X):
    """For each estimator's name, the exact sums to compare with."""
    peers = {}
    densities = {
        kernel: KernelDensity(bandwidth=h[kernel], kernel=kernel, n_jobs=1).fit(X)
        for kernel in h
        if kernel in ("gaussian", "exponential")
    }
    for name in names:
        kernel = name.partition(",")[0]
        if kernel in DISTANCES:
            peers[name] = {"cdist": partial(exact_distance, kernel, X=X)}
            continue
        peers[name] = {"cdist": partial(exact_kernel, kernel, h[kernel], X=X)}
        if kernel in densities:
            peers[name]["kernlab"] = densities[kernel].score_samples
    return peers


def timed_queries(n, d, kernels, numbers, *, distances, few, repeats):
    X = mixture(n, d, 1)
    h = {kernel: public_bandwidth(kernel, d) for kernel in kernels}
    made = estimators_to_ask(h, numbers, distances=distances)
    fitted = {name: estimator.set_params(n_jobs=-1).fit(X) for name, estimator in made.items()}
    for estimator in fitted.values():
        estimator.set_params(n_jobs=1)
    return query_rows(fitted, X, exact_peers(fitted, h, X), few=few, repeats=repeats)


def clocks(call):
    """Seconds of a call, by the clock and of the processor; the second is over all threads."""
    start, spent = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - spent


def fit_rows(n, d, *, repeats):
    """Seconds of a fit with OpenDP's noise on two threads, and of its two phases."""
    X = mixture(n, d, 1)
    box = {"bounds": (0, 1), "epsilon": EPSILON, "n_jobs": 2}
    h = public_bandwidth("gaussian", d)
    spectral = partial(PrivateKernelSum, bandwidth=h, epsilon=EPSILON, n_jobs=2)
    cases = {
        "l1": (PrivateDistanceSum("l1", **box), 1.0),
        "sqeuclidean": (PrivateDistanceSum("sqeuclidean", norm_bound=1.6, **box), None),
        "gaussian, m = 1024": (spectral(n_features=1024), 8.0),
        "gaussian, m = 1024, sorf": (spectral(n_features=1024, features="sorf"), None),
        "gaussian, m = 1024, δ": (spectral(n_features=1024, delta=DELTA), None),
    }
    rows = []
    for name, (estimator, asked) in cases.items():
        estimator.fit(X[:100])
        fits = [clocks(lambda e=estimator: e.fit(X)) for _ in range(repeats)]
        design, source = estimator._design, noise_source("opendp")

        def noise(design=design, source=source):
            for shape, scales in zip(design.mechanism.shapes, design.scales, strict=True):
                draw(source, design.law, scales, shape)

        sums = [clocks(lambda m=design.mechanism: m.sums(X, n_jobs=2)) for _ in range(repeats)]
        draws = [clocks(noise) for _ in range(repeats)]
        row = {"name": name, "n": n, "asked": asked}
        for phase, found in (("fit", fits), ("sums", sums), ("noise", draws)):
            row[phase], row[f"{phase}_cpu"] = np.min(found, axis=0).tolist()
        rows.append(row)
        print(rows[-1], flush=True)
    return rows


# --- Noise ---------------------------------------------------------------------------------------


def distribution(law, scale, k):
    """P(K <= k) of the integer law."""
    k = np.asarray(k, dtype=float)
    if law == "laplace":
        below = np.exp(np.minimum(k, 0) / scale) / (1 + np.exp(-1 / scale))
        above = np.exp(-(np.maximum(k, -1) + 1) / scale) / (1 + np.exp(-1 / scale))
        return np.where(k < 0, below, 1 - above)
    if scale > 1e5:  # the lattice changes it by exp(-2π²σ²), and sums in the tails by 1/24σ²
        return norm.cdf((k + 0.5) / scale)
    values = np.arange(-int(12 * scale) - 12, int(12 * scale) + 13)
    mass = np.exp(-(values**2) / (2 * scale**2))
    return np.interp(k, values, np.cumsum(mass) / mass.sum())


def goodness(law, scale, sample, n_bins=64):
    """p-value of χ² over cells that are about equally likely."""
    spread = scale * np.linspace(-8, 8, 4097)
    edges = np.unique(np.floor(spread)) if scale >= 1 else spread
    at = distribution(law, scale, edges)
    edges = np.unique(edges[np.searchsorted(at, np.arange(1, n_bins) / n_bins)])
    expected = np.diff(np.concatenate([[0.0], distribution(law, scale, edges), [1.0]]))
    # The cell of k is the first edge that is not below it.
    seen = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
    kept = expected > 0
    return float(chisquare(seen[kept], expected[kept] * len(sample)).pvalue)


def noise_rows(*, builtin, opendp):
    rows = []
    for scale in (1, 1000, 10**9):
        for supplier, law, size, asked in (
            ("builtin", "laplace", builtin, 3e6),
            ("opendp", "laplace", opendp, None),
            ("opendp", "gaussian", opendp, None),
        ):
            source = noise_source(supplier)
            sample = source.laplace if law == "laplace" else source.gaussian
            value = scale if law == "laplace" else float(scale)
            sample(value, 1000)
            start = time.perf_counter()
            drawn = sample(value, size)
            seconds = time.perf_counter() - start
            rows.append({"supplier": supplier, "law": law, "scale": scale, "size": size,
                         "rate": size / seconds, "asked": asked,
                         "p": goodness(law, scale, drawn)})  # fmt: skip
            print(rows[-1], flush=True)
    return rows


# --- Intervals -----------------------------------------------------------------------------------


def coverage_rows(fits):
    """Share of fits whose 95 % interval at a query holds what the sums answer without noise."""
    X, Y = mixture(300, 4, 1), mixture(8, 4, 2)
    box = {"bounds": (0, 1), "epsilon": EPSILON}
    cases = {
        "l1, d = 4": lambda **k: PrivateDistanceSum("l1", **box, **k),
        f"l1, d = 4, δ = {DELTA:g}": lambda **k: PrivateDistanceSum("l1", delta=DELTA, **box, **k),
        "sqeuclidean, d = 4": lambda **k: PrivateDistanceSum("sqeuclidean", **box, **k),
        "gaussian kernel, d = 4, m = 64": lambda **k: PrivateKernelSum(
            bandwidth=0.5, n_features=64, epsilon=EPSILON, **k
        ),
    }
    rows = []
    for name, make in cases.items():
        held = 0
        for seed in range(fits):
            estimator = make(noise="insecure-test", projection_seed=seed, n_jobs=1).fit(X)
            query = Y[seed % len(Y) : seed % len(Y) + 1]
            mechanism = estimator._design.mechanism
            prepared = mechanism.prepare(mechanism.sums(X, n_jobs=1), float(len(X)))
            clean = mechanism.query(prepared, float(len(X)), query)[0]
            low, high = estimator.interval(query)[0]
            held += low <= clean <= high
        rows.append({"name": name, "fits": fits, "coverage": float(100 * held / fits)})
        print(rows[-1], flush=True)
    return rows


# --- Runs ----------------------------------------------------------------------------------------


def run(*, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if quick:
            X, Y = mixture(5000, 8, 1), mixture(50, 8, 2)
            return {
                "n": 5000,
                "d": 8,
                "accuracy": distance_rows(X, Y, releases=500, seeds=4, quick=True)
                + kernel_rows(X, Y, releases=50, seeds=4, numbers=(64,))
                + plane_rows(5000, releases=25, seeds=4),
                "noise": noise_rows(builtin=200_000, opendp=5000),
                "intervals": coverage_rows(400),
            }
        X, Y = mixture(N, D, 1), mixture(QUERIES, D, 2)
        return {
            "n": N,
            "d": D,
            "n_queries": QUERIES,
            "epsilon": EPSILON,
            "delta": DELTA,
            "mean_kernel": MEAN_KERNEL,
            "bandwidths": {kernel: public_bandwidth(kernel, D) for kernel in KERNELS},
            "queries": timed_queries(
                N, D, KERNELS, (256, 1024), distances=True, few=5, repeats=15
            )
            + timed_queries(
                10**6, D, ("gaussian", "laplacian"), (256, 1024), distances=False,
                few=1, repeats=7,
            ),
            "fits": fit_rows(10**6, D, repeats=3),
            "noise": noise_rows(builtin=4_000_000, opendp=100_000),
            "accuracy": distance_rows(X, Y, releases=500, seeds=10, quick=False)
            + kernel_rows(X, Y, releases=20, seeds=6, numbers=(256, 1024, "auto"))
            + plane_rows(N, releases=10, seeds=10),
            "intervals": coverage_rows(2000),
        }  # fmt: skip


def check(results):
    for row in results["accuracy"]:
        if not abs(row["ratio"] - 1) <= RATIO:
            raise SystemExit(f"{row['name']}: noise is {row['ratio']:.2f} times the plan's")
    for row in results["noise"]:
        if not row["p"] >= 1e-6:
            raise SystemExit(
                f"{row['supplier']} {row['law']} of scale {row['scale']}: p={row['p']}"
            )
    for row in results["intervals"]:
        # Four standard errors, where the fits are fewer than two thousand.
        slack = max(COVERAGE, 400 * (0.95 * 0.05 / row["fits"]) ** 0.5)
        if not abs(row["coverage"] - 95) <= slack:
            raise SystemExit(f"{row['name']}: intervals hold {row['coverage']:.1f} % of the time")

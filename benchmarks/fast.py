"""Approximate kernel density estimation: time beside error, and trials of the certificates."""

import math
import time
import warnings

import numpy as np
from density import brute_force
from peers import interleave
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity as SklearnDensity

from kernlab.density import KernelDensity

# n, d, factor on Scott's bandwidth, tolerances.
CASES = (
    (100_000, 1, 1.0, (1e-13, 1e-6)),
    (100_000, 2, 1.0, (1e-3, 1e-6)),
    (100_000, 2, 0.25, (1e-3, 1e-6)),
    (100_000, 3, 1.0, (1e-3, 1e-6)),
    (100_000, 3, 0.25, (1e-3, 1e-6)),
    (100_000, 5, 0.25, (1e-3,)),
    (100_000, 8, 0.25, (1e-3,)),
)
SAMPLED = ((200_000, 8, 1.5, 0.02), (200_000, 20, 3.0, 0.02))
QUERIES = 10_000


def _kernlab(X, Y, h, **parameters):
    """Seconds of fit and of evaluation after a first, uncounted pass; and the estimator."""
    KernelDensity(bandwidth=h, n_jobs=1, **parameters).fit(X).score_samples(Y[:64])
    start = time.perf_counter()
    kde = KernelDensity(bandwidth=h, n_jobs=1, **parameters).fit(X)
    fitted = time.perf_counter() - start
    return kde, fitted


def _algorithms(d, rtol):
    if d == 1:
        return ("fgt",)
    return ("tree", "fft") if d <= 3 else ("tree",)


def run_case(n, d, factor, tolerances, *, repeats):
    rng = np.random.default_rng(0)
    h = factor * n ** (-1 / (d + 4))
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(QUERIES, d))
    exact, _ = _kernlab(X, Y, h)
    expected = exact.score_samples(Y)
    check = np.max(np.abs(expected[:8] - brute_force(X, Y[:8], h)))
    calls, rows = {"exact": lambda: exact.score_samples(Y[:1000])}, []
    for rtol in tolerances:
        for algorithm in _algorithms(d, rtol):
            kde, fitted = _kernlab(X, Y, h, algorithm=algorithm, rtol=rtol)
            log_density, bound = kde.score_samples(Y, return_error=True)
            name = f"{algorithm} {rtol:g}"
            calls[name] = lambda kde=kde: kde.score_samples(Y)
            rows.append(
                {
                    "name": name,
                    "fit": fitted,
                    "error": float(np.max(np.abs(log_density - expected))),
                    "bound": float(np.max(bound)),
                    "scale": QUERIES,
                }
            )
    few = 16
    theirs = SklearnDensity(bandwidth=h, rtol=tolerances[0] if d > 1 else 0.0).fit(X)
    calls["scikit-learn"] = lambda: theirs.score_samples(Y[:few])
    rows.append(
        {
            "name": "scikit-learn",
            "error": float(np.max(np.abs(theirs.score_samples(Y[:few]) - expected[:few]))),
            "scale": few,
        }
    )
    if d == 1:
        calls["scipy"] = lambda: gaussian_kde(X.T, bw_method=h).logpdf(Y[:64].T)
        rows.append({"name": "scipy", "error": None, "scale": 64})
        _add_fftkde(calls, rows, X, Y, h, expected)
    seconds = interleave(calls, repeats=repeats)
    best = {name: min(times) for name, times in seconds.items()}
    for row in rows:
        row["seconds"] = best[row["name"]] * QUERIES / row["scale"]
    print(n, d, factor, {row["name"]: f"{row['seconds']:.4f}" for row in rows}, flush=True)
    return {
        "n": n,
        "d": d,
        "factor": factor,
        "exact_seconds": best["exact"] * QUERIES / 1000,
        "exact_error": float(check),
        "rows": rows,
    }


def _add_fftkde(calls, rows, X, Y, h, expected):
    try:
        from KDEpy import FFTKDE
    except ImportError:
        return

    def evaluate():
        grid, density = FFTKDE(bw=h, kernel="gaussian").fit(X).evaluate(2**12)
        return np.interp(Y[:, 0], grid, density)

    inside = (Y[:, 0] > X.min()) & (Y[:, 0] < X.max())
    with np.errstate(divide="ignore"):
        error = np.max(np.abs(np.log(evaluate()) - expected)[inside])
    calls["KDEpy FFTKDE"] = evaluate
    rows.append({"name": "KDEpy FFTKDE", "error": float(error), "scale": QUERIES})


def run_sampled(n, d, h, rtol, *, repeats):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(1000, d))
    exact, _ = _kernlab(X, Y, h)
    kde, _ = _kernlab(X, Y, h, algorithm="sampled", rtol=rtol, random_state=0)
    expected = exact.score_samples(Y)
    log_density, error = kde.score_samples(Y, return_error=True)
    seconds = interleave(
        {"exact": lambda: exact.score_samples(Y), "sampled": lambda: kde.score_samples(Y)},
        repeats=repeats,
    )
    best = {name: min(times) for name, times in seconds.items()}
    rms = float(np.sqrt(np.mean((log_density - expected) ** 2)))
    return {
        "n": n,
        "d": d,
        "h": h,
        "rtol": rtol,
        "speed_up": best["exact"] / best["sampled"],
        "rms_error": rms,
        "rms_standard_error": float(np.sqrt(np.mean(error**2))),
    }


def trials(count, seed=0):
    """Random problems under every certificate: queries tried, and bounds that were violated.

    Data are clusters of Gaussian and of heavy-tailed points, some repeated, with and without
    weights; queries lie among them and far off. The truth is the sum over all pairs.
    """
    rng = np.random.default_rng(seed)
    tried, violated = {}, {}
    while min(tried.values(), default=0) < count:
        for algorithm in ("fgt", "fft", "tree"):
            d = 1 if algorithm == "fgt" else int(rng.integers(1, 4 if algorithm == "fft" else 7))
            n = int(rng.integers(20, 3000))
            centres = 10.0 ** rng.uniform(-1, 3) * rng.normal(size=(int(rng.integers(1, 5)), d))
            noise = rng.standard_t(2, size=(n, d)) if rng.integers(2) else rng.normal(size=(n, d))
            X = centres[rng.integers(len(centres), size=n)] + noise
            if rng.integers(4) == 0:
                X = X[rng.integers(n, size=n)]
            Y = np.concatenate(
                [X[rng.integers(n, size=400)] + rng.normal(size=(400, d)) * 10.0 ** rng.uniform(-3, 1),
                 10.0 ** rng.uniform(0, 5) * rng.normal(size=(20, d))]
            )  # fmt: skip
            weights = rng.gamma(0.3, size=n) + 1e-12 if rng.integers(2) else None
            kernel = "gaussian"
            if algorithm == "tree":
                kernel = ("gaussian", "epanechnikov")[int(rng.integers(2))]
            parameters = {"bandwidth": 10.0 ** rng.uniform(-2, 1), "kernel": kernel, "n_jobs": 1}
            rtol = 10.0 ** rng.uniform(-9, -1)
            kde = KernelDensity(algorithm=algorithm, rtol=rtol, **parameters)
            kde.fit(X, sample_weight=weights)
            log_density, bound = kde.score_samples(Y, return_error=True)
            exact = KernelDensity(**parameters).fit(X, sample_weight=weights).score_samples(Y)
            both = np.isfinite(exact) & np.isfinite(log_density)
            rounding = 1e-12 * np.maximum(1, np.abs(exact[both]))
            if kernel != "gaussian":  # the logarithm is ill-conditioned at the edge of support
                rounding *= np.exp(np.maximum(0, -exact[both] - math.log(n)))
            wrong = np.abs(log_density - exact)[both] > bound[both] + rounding
            loose = bound[both] > np.log1p(rtol) * 1.001 + rounding + 1e-12 * np.abs(exact[both])
            if kernel != "gaussian":  # rounding at the edge may pass any tolerance
                loose[:] = False
            unlike = np.isfinite(exact) != np.isfinite(log_density)
            tried[algorithm] = tried.get(algorithm, 0) + len(Y)
            violated[algorithm] = violated.get(algorithm, 0) + int(
                wrong.sum() + loose.sum() + unlike.sum()
            )
    return {"tried": tried, "violated": violated}


def run(*, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if quick:
            return {"cases": [], "trials": trials(4000)}
        cases = [run_case(*case, repeats=5) for case in CASES]
        sampled = [run_sampled(*case, repeats=3) for case in SAMPLED]
        return {"cases": cases, "sampled": sampled, "trials": trials(100_000)}


def check(results):
    if any(results["trials"]["violated"].values()):
        raise SystemExit(f"a certified bound was violated: {results['trials']}")


# --- The table -----------------------------------------------------------------------------------


def table(results):
    """The results as reStructuredText."""
    machine = results["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    lines = [
        ".. Generated by benchmarks/peers.py; do not edit.",
        "",
        "Density to a tolerance: speed and accuracy",
        "==========================================",
        "",
        f"Measured on {machine['date']}, {machine['processor']}, Python {machine['python']},",
        f"{versions}.",
        "",
        f"Gaussian kernel, standard normal points, {QUERIES:,} queries from the same distribution,",
        "one thread, all of a case in one process and in turns, best of five. Seconds of evaluation;",
        "for KDEpy and SciPy they include the fit. *Speed-up* is over our own sum over all pairs.",
        "Slow peers got few queries, scaled up. *Error* is the largest of a log density against that",
        "sum, which itself agrees with brute force as the last column says; *bound* is the largest",
        "that was reported with it.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - data",
        "     - algorithm, rtol",
        "     - fit (s)",
        "     - evaluation (s)",
        "     - speed-up",
        "     - over scikit-learn",
        "     - error",
        "     - bound",
        "     - error of the exact sum",
    ]
    for case in results["cases"]:
        theirs = next(r["seconds"] for r in case["rows"] if r["name"] == "scikit-learn")
        scott = "Scott" if case["factor"] == 1 else f"Scott × {case['factor']:g}"
        for row in case["rows"]:
            fit = f"{row['fit']:.3f}" if "fit" in row else ""
            bound = f"{row['bound']:.0e}" if "bound" in row else ""
            error = "" if row["error"] is None else f"{row['error']:.0e}"
            cells = (
                f"d = {case['d']}, {scott}",
                row["name"],
                fit,
                f"{row['seconds']:.4g}",
                f"{case['exact_seconds'] / row['seconds']:.3g}×",
                f"{theirs / row['seconds']:.3g}×",
                error,
                bound,
                f"{case['exact_error']:.0e}",
            )
            lines.append(f"   * - {cells[0]}")
            lines.extend(f"     - {cell}" for cell in cells[1:])
    lines += ["", "``algorithm='sampled'``, 1,000 queries:", ""]
    for row in results["sampled"]:
        lines.append(
            f"- d = {row['d']}, n = {row['n']:,}, h = {row['h']:g}, rtol = {row['rtol']:g}: "
            f"{row['speed_up']:.1f}× as fast as all pairs; root mean square error "
            f"{row['rms_error']:.1e}, of the standard errors reported {row['rms_standard_error']:.1e}."
        )
    tried, violated = results["trials"]["tried"], results["trials"]["violated"]
    lines += [
        "",
        "Certificates in random trials (clustered, heavy-tailed, repeated and weighted data; queries",
        "near and far; tolerances from 1e-9 to 0.1): "
        + ", ".join(f"{k} {violated[k]} violated of {tried[k]:,}" for k in tried)
        + ".",
        "",
    ]
    return "\n".join(lines)

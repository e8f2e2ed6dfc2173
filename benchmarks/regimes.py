"""The regimes of kernel density estimation in large dimension: theory against simulation.

With ``n = exp(αd)`` points no sample can be drawn in hundreds of dimensions, but the squared
distances of normal points from a query are noncentral chi-squared, and the nearest of them can be
drawn exactly: the cumulative probabilities of the nearest are the arrivals of a Poisson process of
rate ``n``. The points beyond enter the sum by their mean.
"""

import math

import numpy as np
from scipy import stats
from scipy.special import logsumexp

from kernlab.density import KernelDensity, kde_thresholds
from kernlab.kernels import PROFILES

NEAREST = 5_000
QUERIES = 300
BATCHES = 10
# What the limits may miss by at d = 800, with the margin of the simulation's own error.
PROMISES = {"h_kl": 0.01, "h_g": 0.01, "p2": 0.06, "data": 0.08}


def simulate(rng, alpha, d, kernels):
    """Estimates of the density at one typical point of N(0, I), by kernel and bandwidth.

    ``kernels`` holds for each name the bandwidths; the result has log densities and ``Σ p²``.
    """
    log_n = alpha * d
    squared_norm = rng.chisquare(d)
    grid = d * np.linspace(0.02, 3.0, 3000)  # of squared distances
    with np.errstate(divide="ignore", under="ignore"):
        log_cdf = stats.ncx2.logcdf(grid, d, squared_norm)
        log_pdf = stats.ncx2.logpdf(grid, d, squared_norm)
    reachable = np.isfinite(log_cdf) & np.isfinite(log_pdf)
    grid, log_cdf, log_pdf = grid[reachable], log_cdf[reachable], log_pdf[reachable]
    arrivals = np.log(np.cumsum(rng.exponential(size=NEAREST))) - log_n
    nearest = np.interp(arrivals, log_cdf, grid)
    beyond = grid > nearest[-1]
    log_beyond = log_n + log_pdf[beyond] + math.log(grid[1] - grid[0])
    results = {}
    for kernel, bandwidths in kernels.items():
        profile = PROFILES[kernel]
        log_density, p2 = np.empty(len(bandwidths)), np.empty(len(bandwidths))
        for k, h in enumerate(bandwidths):
            log_terms = profile.log_values(np, nearest / h**2)
            log_rest = logsumexp(log_beyond + profile.log_values(np, grid[beyond] / h**2))
            log_sum = np.logaddexp(logsumexp(log_terms), log_rest)
            p2[k] = np.exp(logsumexp(2 * log_terms) - 2 * log_sum)
            log_density[k] = log_sum - log_n - d * math.log(h) - profile.log_normalizer(d)
        results[kernel] = (log_density, p2)
    return results


def finite_h_g(rng, alpha, d, size=200):
    """``h_g`` at the size itself: ``λ_c = 2f/F`` where ``F = 1/n``, for N(0, I)."""
    values = []
    for squared_norm in rng.chisquare(d, size=size):
        with np.errstate(divide="ignore", under="ignore"):
            grid = d * np.linspace(0.02, 3.0, 3000)
            log_cdf = stats.ncx2.logcdf(grid, d, squared_norm)
        reachable = np.isfinite(log_cdf)
        x = np.interp(-alpha * d, log_cdf[reachable], grid[reachable])
        log_rate = stats.ncx2.logpdf(x, d, squared_norm) - stats.ncx2.logcdf(x, d, squared_norm)
        values.append(math.exp(-log_rate) / 2)
    return math.sqrt(np.mean(values))


def run_case(alpha, d, *, queries):
    rng = np.random.default_rng(d)
    limits = {
        kernel: kde_thresholds(alpha, kernel=kernel, n_features=d)
        for kernel in ("gaussian", "exponential")
    }
    relative = np.geomspace(0.85, 1.3, 40)
    shares = (0.2, 0.5, 0.8)
    h_g = finite_h_g(rng, alpha, d)
    kernels = {kernel: limit.h_kl * relative for kernel, limit in limits.items()}
    kernels["gaussian"] = np.concatenate([kernels["gaussian"], h_g * np.sqrt(shares)])
    samples = [simulate(rng, alpha, d, kernels) for _ in range(queries)]
    case = {"alpha": alpha, "d": d, "h_g": h_g, "limit h_g": limits["gaussian"].h_g}
    for kernel, limit in limits.items():
        log_density = np.array([sample[kernel][0][: len(relative)] for sample in samples])
        best = [
            _peak(relative, batch.mean(axis=0)) for batch in np.array_split(log_density, BATCHES)
        ]
        # Over all queries, and the standard error from batches of them.
        case[kernel] = {
            "h_kl": limit.h_kl * _peak(relative, log_density.mean(axis=0)),
            "error": limit.h_kl * float(np.std(best, ddof=1)) / math.sqrt(BATCHES),
            "limit": limit.h_kl,
        }
    p2 = np.array([sample["gaussian"][1][len(relative) :] for sample in samples])
    case["p2"] = {
        str(share): float(value) for share, value in zip(shares, p2.mean(axis=0), strict=True)
    }
    case["p2 error"] = float(np.max(p2.std(axis=0)) / math.sqrt(queries))
    return case


def _peak(x, y):
    """Where a curve is largest, by a parabola about its largest point."""
    k = min(max(int(np.argmax(y)), 3), len(x) - 4)
    a, b, _ = np.polyfit(np.log(x[k - 3 : k + 4]), y[k - 3 : k + 4], 2)
    return float(np.exp(-b / (2 * a)))


def run_data(n, d, *, queries):
    """What ``KernelDensity.regime`` measures on drawn points, over the theory at that size."""
    rng = np.random.default_rng(d)
    alpha = math.log(n) / d
    kde = KernelDensity(bandwidth=3.0, n_jobs=1).fit(rng.normal(size=(n, d)))
    measured = kde.regime(max_queries=queries, random_state=0)
    expected = finite_h_g(rng, alpha, d)
    return {
        "n": n, "d": d, "h_g": measured.h_g_, "theory": expected,
        "limit": kde_thresholds(alpha).h_g,
    }  # fmt: skip


def run(*, quick):
    import warnings

    from kernlab.exceptions import CondensedDensityWarning

    warnings.simplefilter("ignore", CondensedDensityWarning)
    if quick:
        return {
            "cases": [run_case(0.3, 800, queries=60)],
            "data": [run_data(2000, 20, queries=300)],
        }
    cases = []
    for alpha, d in ((0.3, 100), (0.3, 200), (0.3, 400), (0.3, 800), (0.1, 800), (0.7, 400)):
        cases.append(run_case(alpha, d, queries=QUERIES))
        print(cases[-1], flush=True)
    data = [run_data(20_000, d, queries=300) for d in (5, 10, 20, 30, 60, 100)]
    return {"cases": cases, "data": data}


def check(results):
    def demand(name, value, expected, bound):
        if not abs(value - expected) <= bound:
            raise SystemExit(f"{name}: {value:.4f} is not within {bound:.2g} of {expected:.4f}")

    for case in results["cases"]:
        if case["d"] < 800:
            continue
        for kernel in ("gaussian", "exponential"):
            limit = case[kernel]["limit"]
            bound = limit * PROMISES["h_kl"] + 3 * case[kernel]["error"]
            demand(f"h_kl, {kernel}", case[kernel]["h_kl"], limit, bound)
        demand("h_g", case["h_g"], case["limit h_g"], PROMISES["h_g"] * case["limit h_g"])
        for share, value in case["p2"].items():
            bound = PROMISES["p2"] + 3 * case["p2 error"]
            demand(f"mean Σp² at {share}", value, 1 - float(share), bound)
    for case in results["data"]:
        demand(f"regime, d={case['d']}", case["h_g"] / case["theory"], 1.0, PROMISES["data"])


# --- The table -----------------------------------------------------------------------------------


def table(results):
    """The results as reStructuredText."""
    machine = results["machine"]
    lines = [
        ".. Generated by benchmarks/peers.py; do not edit.",
        "",
        "Regimes in large dimension",
        "==========================",
        "",
        f"Computed on {machine['date']}. The limits of :func:`~kernlab.density.kde_thresholds` for",
        "n = exp(αd) points of N(0, I), and the same quantities at finite dimension, from the nearest",
        f"{NEAREST:,} order statistics of the distances from {QUERIES} typical points (the rest by",
        "its mean). ± is one standard error.",
        "",
        "``h_kl`` is the bandwidth of the largest mean log density; for the exponential kernel, times",
        "the square root of d. ``h_g`` at finite size is :math:`(2f/F)^{-1/2}` with the density and",
        "distribution function of the squared distance, where F = 1/n. Σp² is at the given ratios of",
        "h² to that h_g²; in the limit it is one less the ratio.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
    ]

    def row(cells):
        lines.extend(f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(cells))

    row(("α", "d", "h_kl (limit)", "exponential (limit)", "h_g (limit)", "Σp² at .2", ".5", ".8"))
    for case in results["cases"]:
        root = math.sqrt(case["d"])
        gaussian, other = case["gaussian"], case["exponential"]
        row(
            (
                f"{case['alpha']}",
                f"{case['d']}",
                f"{gaussian['h_kl']:.4f} ± {gaussian['error']:.4f} ({gaussian['limit']:.4f})",
                f"{root * other['h_kl']:.4f} ± {root * other['error']:.4f} "
                f"({root * other['limit']:.4f})",
                f"{case['h_g']:.4f} ({case['limit h_g']:.4f})",
                *[f"{value:.3f} ± {case['p2 error']:.3f}" for value in case["p2"].values()],
            )
        )
    lines += [
        "",
        "What ``KernelDensity.regime`` measures on drawn points of N(0, I), from 300 rows:",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
    ]
    row(("n", "d", "measured h_g", "theory at this size", "limit"))
    for case in results["data"]:
        ratio = case["h_g"] / case["theory"] - 1
        row(
            (
                f"{case['n']:,}",
                f"{case['d']}",
                f"{case['h_g']:.4f} ({ratio:+.1%})",
                f"{case['theory']:.4f}",
                f"{case['limit']:.4f}",
            )
        )
    return "\n".join([*lines, ""])

"""Log-Bessel functions and the von Mises-Fisher concentration against SciPy."""

import warnings
from itertools import pairwise

import mpmath
import numpy as np
from peers import interleave
from scipy import special, stats

from kernlab.density import vmf_kappa
from kernlab.special import iv_ratio, log_iv, log_kv

# Relative to max(1, v, x, |log|); of the ratio and the concentration relative to the value.
PROMISES = {"log_iv": 4e-15, "log_kv": 4e-15, "iv_ratio": 2e-15}
KAPPA_PROMISE = 1e-13
# The plane's part that SciPy covers, in cells with equal steps of log(1 + v) and log x.
V_EDGES = np.expm1(np.linspace(0, np.log(300), 8))
X_EDGES = np.geomspace(0.01, 1000, 9)

FUNCTIONS = {
    "log_iv": (log_iv, lambda v, x: np.log(special.ive(v, x)) + x),
    "log_kv": (log_kv, lambda v, x: np.log(special.kve(v, x)) - x),
    "iv_ratio": (iv_ratio, lambda v, x: special.ive(v + 1, x) / special.ive(v, x)),
}


def regions(n):
    rng = np.random.default_rng(0)
    return {
        "v, x < 10": (rng.uniform(0, 10, n), rng.uniform(0, 10, n)),
        "v < 10, x < 1": (rng.uniform(0, 10, n), rng.uniform(0.001, 1, n)),
        "v, x < 150": (rng.uniform(0, 150, n), rng.uniform(0, 150, n)),
        "v < 3, 50 < x < 700": (rng.uniform(0, 3, n), rng.uniform(50, 700, n)),
        "500 < v < 1000, 300 < x < 700": (rng.uniform(500, 1000, n), rng.uniform(300, 700, n)),
        "v = 16383, 1e3 < x < 1e5": (np.full(n, 16383.0), rng.uniform(1e3, 1e5, n)),
    }


def mp_ratio(v, x):
    """I_{v+1}/I_v by its continued fraction, backwards, from the bound of Amos."""
    v, x = mpmath.mpf(float(v)), mpmath.mpf(float(x))
    above = x / (v + 1 + mpmath.hypot(v + 1, x))
    steps = int(30 / (1 - above)) + 40
    ratio = x / (v + 1 + steps + mpmath.hypot(v + 1 + steps, x))
    for k in range(steps, 0, -1):
        ratio = x / (2 * (v + k) + x * ratio)
    return ratio


def mp_log_kv(v, x):
    """log ½∫ exp(v t - x cosh t) dt by the trapezoidal rule about the largest term."""
    v, x = mpmath.mpf(float(v)), mpmath.mpf(float(x))
    peak = mpmath.asinh(v / x)
    top = mpmath.cosh(peak)
    h = min(mpmath.mpf(1) / 16, 1 / mpmath.sqrt(mpmath.hypot(v, x)) / 2)
    total = mpmath.mpf(0)
    for sign, j in ((1, 0), (-1, -1)):
        term = mpmath.mpf(1)
        while term > mpmath.mpf(10) ** -28 * total or abs(j) < 4:
            term = mpmath.exp(v * j * h - x * (mpmath.cosh(peak + j * h) - top))
            total += term
            j += sign
    return mpmath.log(total * h / 2) + v * peak - x * top


def exact(name, v, x):
    if name == "iv_ratio":
        return mp_ratio(v, x)
    if name == "log_kv":
        return mp_log_kv(v, x)
    # The Wronskian, DLMF 10.28.2, gives I from K and the ratio without its long series.
    log_k = mp_log_kv(v, x)
    quotient = mpmath.exp(mp_log_kv(v + 1, x) - log_k)
    return -mpmath.log(mpmath.mpf(float(x)) * (quotient + mp_ratio(v, x))) - log_k


def error_of(name, values, v, x):
    errors = []
    with mpmath.workdps(34):
        for value, a, b in zip(values, v, x, strict=True):
            reference = exact(name, a, b)
            scale = reference if name == "iv_ratio" else max(1, a, b, abs(reference))
            if np.isfinite(value):
                errors.append(abs(float((mpmath.mpf(float(value)) - reference) / scale)))
    return max(errors) if errors else None


def run_region(name, region, v, x, *, repeats, checked):
    ours, theirs = FUNCTIONS[name]
    some = slice(0, checked)
    with np.errstate(all="ignore"):
        scipys = theirs(v, x)
        result = {
            "function": name,
            "region": region,
            "error": error_of(name, ours(v[some], x[some]), v[some], x[some]),
            "scipy_error": error_of(name, scipys[some], v[some], x[some]),
            "scipy_not_finite": float(np.mean(~np.isfinite(scipys))),
        }
        if repeats:
            calls = {"kernlab": lambda: ours(v, x), "scipy": lambda: theirs(v, x)}
            seconds = interleave(calls, repeats=repeats)
            result["best"] = {who: min(t) / len(v) * 1e9 for who, t in seconds.items()}
            print(name, region, result, flush=True)
    return result


def run_plane(name, *, repeats, n):
    """Speed-up over SciPy in each cell of the plane where SciPy is finite throughout."""
    ours, theirs = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    speedups = []
    with np.errstate(all="ignore"):
        for v_low, v_high in pairwise(V_EDGES):
            for x_low, x_high in pairwise(X_EDGES):
                v, x = rng.uniform(v_low, v_high, n), rng.uniform(x_low, x_high, n)
                if not np.all(np.isfinite(theirs(v, x))):
                    continue
                calls = {
                    "kernlab": lambda v=v, x=x: ours(v, x),
                    "scipy": lambda v=v, x=x: theirs(v, x),
                }
                seconds = interleave(calls, repeats=repeats)
                speedups.append(min(seconds["scipy"]) / min(seconds["kernlab"]))
    quartiles = np.quantile(speedups, [0, 0.25, 0.5, 0.75, 1]).tolist()
    print(name, quartiles, flush=True)
    return {"function": name, "cells": len(speedups), "quantiles": quartiles}


def run_kappa(p, r_bar, *, repeats):
    kappa = float(vmf_kappa(p, r_bar))
    with mpmath.workdps(30):
        ratio = mp_ratio(p / 2 - 1, kappa)
        slope = 1 - ratio**2 - (p - 1) / mpmath.mpf(kappa) * ratio
        error = abs(float((ratio - mpmath.mpf(r_bar)) / slope / kappa))
    # Two rows whose mean has the length r_bar.
    rows = np.zeros((2, p))
    rows[:, 0], rows[:, 1] = r_bar, [np.sqrt(1 - r_bar**2), -np.sqrt(1 - r_bar**2)]

    def theirs():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return stats.vonmises_fisher.fit(rows)[1]

    result = {"p": p, "r_bar": r_bar, "kappa": kappa, "error": error, "scipy": float(theirs())}
    if repeats:
        seconds = interleave(
            {"kernlab": lambda: vmf_kappa(p, r_bar), "scipy": theirs}, repeats=repeats
        )
        result["best"] = {who: min(t) * 1e6 for who, t in seconds.items()}
        print(result, flush=True)
    return result


def run(*, quick):
    repeats, n, checked = (0, 300, 4) if quick else (5, 20_000, 40)
    results = {
        "regions": [
            run_region(name, region, v, x, repeats=repeats, checked=checked)
            for name in FUNCTIONS
            for region, (v, x) in regions(n).items()
        ],
        "kappa": [
            run_kappa(p, r_bar, repeats=20 if repeats else 0)
            for p in (3, 2048, 8192, 32768)
            for r_bar in (0.1, 0.5, 0.9, 0.99)
        ],
    }
    if not quick:
        results["plane"] = [run_plane(name, repeats=6, n=10_000) for name in FUNCTIONS]
    return results


def check(results):
    for case in results["regions"]:
        if not case["error"] <= PROMISES[case["function"]]:
            raise SystemExit(f"{case['function']}, {case['region']}: error {case['error']:.1e}")
    for case in results["kappa"]:
        if not case["error"] <= KAPPA_PROMISE:
            raise SystemExit(f"kappa, p={case['p']}, {case['r_bar']}: error {case['error']:.1e}")


# --- The table -----------------------------------------------------------------------------------


def _error(value):
    return "–" if value is None else f"{value:.0e}"


def table(results):
    """The results as reStructuredText."""
    machine = results["machine"]
    versions = ", ".join(
        f"{k} {machine['versions'][k]}" for k in ("kernlab", "numpy", "scipy", "numba")
    )
    lines = [
        ".. Generated by benchmarks/peers.py; do not edit.",
        "",
        "Bessel functions: speed and accuracy",
        "====================================",
        "",
        f"Measured on {machine['date']}, {machine['processor']}, Python {machine['python']},",
        f"{versions}.",
        "",
        "One thread, twenty thousand elements to a call, best of five, in turns. SciPy is",
        "``log(ive(v, x)) + x``, ``log(kve(v, x)) - x`` and ``ive(v+1, x)/ive(v, x)``. Errors are the",
        "largest of forty arguments against mpmath, relative to max(1, v, x, \\|log\\|) for the logarithms",
        "and to the value for the ratio; SciPy's over those that are finite.",
        "",
    ]

    def block(header, rows):
        lines.extend([".. list-table::", "   :header-rows: 1", ""])
        for cells in (header, *rows):
            lines.append(f"   * - {cells[0]}")
            lines.extend(f"     - {cell}" for cell in cells[1:])
        lines.append("")

    block(
        (
            "",
            "arguments",
            "ns each",
            "error",
            "SciPy takes",
            "SciPy's error",
            "not finite in SciPy",
        ),
        [
            (
                f"``{case['function']}``",
                case["region"],
                f"{case['best']['kernlab']:.0f}",
                _error(case["error"]),
                f"{case['best']['scipy'] / case['best']['kernlab']:.0f}×",
                _error(case["scipy_error"]),
                f"{100 * case['scipy_not_finite']:.0f} %",
            )
            for case in results["regions"]
        ],
    )
    lines += [
        f"Over the part of 0 <= v <= {V_EDGES[-1]:.0f}, {X_EDGES[0]:g} <= x <= {X_EDGES[-1]:.0f} where SciPy",
        "is finite, in cells of equal steps in log(1 + v) and log x, SciPy takes this many times as long",
        "on ten thousand elements:",
        "",
    ]
    block(
        ("", "cells", "least", "quartile", "median", "quartile", "most"),
        [
            (f"``{case['function']}``", case["cells"], *(f"{q:.1f}×" for q in case["quantiles"]))
            for case in results["plane"]
        ],
    )
    lines += [
        "``vmf_kappa(p, r_bar)`` for one element, and ``scipy.stats.vonmises_fisher.fit`` of two rows",
        "whose mean has that length. Errors relative to the value, against mpmath; SciPy's third column",
        "is the concentration that it returns.",
        "",
    ]
    block(
        ("p", "r_bar", "kappa", "error", "µs", "SciPy, µs", "SciPy's kappa"),
        [
            (
                case["p"],
                case["r_bar"],
                f"{case['kappa']:.6g}",
                _error(case["error"]),
                f"{case['best']['kernlab']:.0f}",
                f"{case['best']['scipy']:.0f}",
                f"{case['scipy']:.6g}",
            )
            for case in results["kappa"]
        ],
    )
    return "\n".join(lines)

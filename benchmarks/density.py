"""Kernel density estimation against scikit-learn, SciPy, KDEpy, torch-kde and KeOps."""

import math
import subprocess
import sys
import textwrap
import warnings

import numpy as np
from peers import interleave
from scipy.special import logsumexp
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity as SklearnDensity

from kernlab._core.threads import run_slices
from kernlab.density import KernelDensity
from kernlab.kernels import _sums_numba

PROMISES = {"kernlab": 1e-12, "kernlab mixed": 1e-4, "kernlab 2 threads": 1e-12}


def brute_force(X, Y, h):
    log_terms = np.stack([-np.sum(((y - X) / h) ** 2, axis=1) / 2 for y in Y])
    norm = math.log(len(X)) + X.shape[1] * (math.log(h) + 0.5 * math.log(2 * math.pi))
    return logsumexp(log_terms, axis=1) - norm


def peers(X, h):
    """Name → (function of queries that returns log densities, queries it is given).

    Slow peers get fewer queries; all cost the same for each.
    """
    n, d = X.shape
    normalizer = math.log(n) + d * (math.log(h) + 0.5 * math.log(2 * math.pi))
    found = {}
    for name, parameters in (
        ("kernlab", {}),
        ("kernlab mixed", {"precision": "mixed"}),
        ("kernlab 2 threads", {"n_jobs": 2}),
    ):
        kde = KernelDensity(bandwidth=h, **{"n_jobs": 1, **parameters}).fit(X)
        found[name] = (kde.score_samples, 1024)
    found["scikit-learn"] = (SklearnDensity(bandwidth=h).fit(X).score_samples, 16)
    # SciPy scales the data's covariance, so its bandwidth is the same only nearly.
    theirs = gaussian_kde(X.T, bw_method=h)
    found["scipy pdf"] = (lambda Y: np.log(theirs.pdf(Y.T)), 64)
    found["scipy logpdf"] = (lambda Y: theirs.logpdf(Y.T), 64)
    _add_kdepy(found, X, h)
    _add_torch_kde(found, X, h)
    _add_keops(found, X, h, normalizer)
    return found


def _add_kdepy(found, X, h):
    try:
        from KDEpy import TreeKDE
    except ImportError:
        return
    if X.shape[1] <= 8:
        tree = TreeKDE(kernel="gaussian", bw=h).fit(X)

        def evaluate(Y):
            order = np.argsort(Y[:, 0])  # it insists on sorted queries in one dimension
            values = np.empty(len(Y))
            values[order] = tree.evaluate(Y[order])
            return np.log(values)

        found["KDEpy TreeKDE"] = (evaluate, 64)


def _add_torch_kde(found, X, h):
    try:
        import torch
        import torchkde
    except ImportError:
        return
    torch.set_num_threads(1)
    kde = torchkde.KernelDensity(bandwidth=float(h), kernel="gaussian").fit(torch.from_numpy(X))
    found["torch-kde"] = (lambda Y: kde.score_samples(torch.from_numpy(Y)).numpy(), 8)


def _add_keops(found, X, h, normalizer):
    try:
        from pykeops.numpy import LazyTensor
    except Exception as error:  # its import also fails where it finds no compiler
        print(f"KeOps is left out: {error}")
        return
    scale = 1 / (math.sqrt(2) * h)

    def evaluate(Y, dtype=np.float64):
        y = LazyTensor((Y * scale).astype(dtype)[:, None, :])
        x = LazyTensor((X * scale).astype(dtype)[None, :, :])
        return (-((y - x) ** 2).sum(-1)).logsumexp(1).ravel() - normalizer

    found["KeOps"] = (evaluate, 256)
    found["KeOps single"] = (lambda Y: evaluate(Y, np.float32), 256)


def floors(d):
    """Calls whose time for each pair no exact sum can go below, with the pairs of one call."""
    squared = np.abs(np.random.default_rng(1).normal(size=512))
    single = squared.astype(np.float32)
    a = np.random.default_rng(2).normal(size=(512, 512))
    b, out = a.copy(), np.empty_like(a)
    a32, b32, out32 = (x.astype(np.float32) for x in (a, b, out))
    products = a.shape[0] ** 3 / d

    def two_threads():
        run_slices(
            lambda part: _sums_numba.exponential_floor(squared, 0.5, 16_000),
            2,
            slice_size=1,
            n_jobs=2,
        )

    return {
        "exp 2 threads": (two_threads, 2 * 512 * 16_000),
        "exp": (lambda: _sums_numba.exponential_floor(squared, 0.5, 8000), 512 * 8000),
        "exp single": (
            lambda: _sums_numba.exponential_floor(single, np.float32(0.5), 8000),
            512 * 8000,
        ),
        "gemm": (lambda: [np.dot(a, b, out=out) for _ in range(4)], 4 * products),
        "gemm single": (lambda: [np.dot(a32, b32, out=out32) for _ in range(4)], 4 * products),
    }


def run_case(n, d, *, repeats, quick):
    rng = np.random.default_rng(0)
    h = n ** (-1 / (d + 4))
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(1024, d))
    expected = brute_force(X, Y[:8], h)
    contestants = peers(X, h)
    errors = {}
    for name, (evaluate, _) in contestants.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = np.asarray(evaluate(Y[:8]), dtype=float).ravel()
        errors[name] = float(np.max(np.abs(value - expected) / np.maximum(1, np.abs(expected))))
    if quick:
        return {"n": n, "d": d, "errors": errors}
    pairs, calls = {}, {}
    for name, (evaluate, m) in contestants.items():
        pairs[name] = m * n
        calls[name] = lambda evaluate=evaluate, m=m: evaluate(Y[:m])
    for name, (call, count) in floors(d).items():
        pairs[name], calls[name] = count, call
    seconds = interleave(calls, repeats=repeats)
    best = {name: min(times) / pairs[name] * 1e9 for name, times in seconds.items()}
    median = {name: float(np.median(times)) / pairs[name] * 1e9 for name, times in seconds.items()}
    print(f"d={d}:", {name: round(value, 2) for name, value in best.items()}, flush=True)
    return {"n": n, "d": d, "errors": errors, "best": best, "median": median}


MEMORY = """
import resource, re, numpy as np
from kernlab.density import KernelDensity
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(200_000, 8)), rng.normal(size=(20_000, 8))
KernelDensity(bandwidth=0.5, n_jobs=1).fit(X[:600]).score_samples(Y[:10])
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
KernelDensity(bandwidth=0.5, n_jobs=1).fit(X).score_samples(Y)
# Not ru_maxrss: a process inherits that from its parent.
after = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print((after - before) / 2**20)
"""

IMPORT = """
import subprocess, sys, time
def seconds(code):
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        best = min(best, time.perf_counter() - start)
    return best
print(seconds("import kernlab") - seconds("pass"))
"""


def _measure(script):
    code = textwrap.dedent(script)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return float(result.stdout)


def run(*, quick):
    if quick:
        return {"cases": [run_case(3000, d, repeats=0, quick=True) for d in (1, 8, 40)]}
    cases = [run_case(100_000, d, repeats=7, quick=False) for d in (1, 2, 3, 8, 32, 100)]
    return {
        "cases": cases,
        "extra_memory_mb": _measure(MEMORY),
        "import_seconds": _measure(IMPORT),
    }


def check(results):
    for case in results["cases"]:
        for name, bound in PROMISES.items():
            error = case["errors"][name]
            if not error <= bound:
                raise SystemExit(f"{name}, d={case['d']}: error {error:.1e} is above {bound:.0e}")


# --- The table -----------------------------------------------------------------------------------

ROWS = (
    "scikit-learn", "scipy pdf", "scipy logpdf", "KDEpy TreeKDE", "torch-kde", "KeOps",
    "KeOps single",
)  # fmt: skip


def table(results):
    """The results as reStructuredText."""
    machine = results["machine"]
    cases = results["cases"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    lines = [
        ".. Generated by benchmarks/peers.py; do not edit.",
        "",
        "Density: speed and accuracy",
        "===========================",
        "",
        f"Measured on {machine['date']}, {machine['processor']}, Python {machine['python']},",
        f"{versions}.",
        "",
        f"Gaussian kernel, n = {cases[0]['n']:,} standard normal points, bandwidth",
        "n\\ :sup:`-1/(d+4)`; one thread unless the row says otherwise, all in one process and in",
        "turns, best of seven. The first rows are nanoseconds for each pair of a point and a query;",
        "the rows of the peers say how many times as long they take as kernlab in double precision",
        "(KeOps single: as kernlab mixed). In brackets, the largest error of a log density against",
        "brute force, relative to max(1, \\|log density\\|); SciPy scales the data's covariance, which",
        "is not quite the unit matrix, so its difference is not an error and is not shown.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - ",
        *[f"     - d = {case['d']}" for case in cases],
    ]

    def row(title, cells):
        lines.append(f"   * - {title}")
        lines.extend(f"     - {cell}" for cell in cells)

    for name in ("kernlab", "kernlab mixed"):
        row(
            f"**{name}**, ns",
            [f"{case['best'][name]:.2f} ({case['errors'][name]:.0e})" for case in cases],
        )
    row(
        "two threads, speed-up",
        [f"{case['best']['kernlab'] / case['best']['kernlab 2 threads']:.2f}×" for case in cases],
    )
    row(
        "the exponential alone on two threads",
        [f"{case['best']['exp'] / case['best']['exp 2 threads']:.2f}×" for case in cases],
    )
    row(
        "mixed, speed-up",
        [f"{case['best']['kernlab'] / case['best']['kernlab mixed']:.2f}×" for case in cases],
    )
    row(
        "over the floor (exp + gemm)",
        [f"{case['best']['kernlab'] / floor(case, ''):.2f}×" for case in cases],
    )
    row(
        "mixed, over its floor",
        [f"{case['best']['kernlab mixed'] / floor(case, ' single'):.2f}×" for case in cases],
    )
    for name in ROWS:
        if not any(name in case["best"] for case in cases):
            continue
        ours = "kernlab mixed" if name == "KeOps single" else "kernlab"
        cells = []
        for case in cases:
            if name not in case["best"]:
                cells.append("–")
                continue
            ratio = case["best"][name] / case["best"][ours]
            same = not name.startswith("scipy")
            error = f" ({case['errors'][name]:.0e})" if same else ""
            cells.append(f"{ratio:.1f}×{error}")
        row(name, cells)
    lines += [
        "",
        f"Extra memory of a fit and 20,000 queries at n = 200,000, d = 8: "
        f"{results['extra_memory_mb']:.0f} MB (a table of pairs would be 32,000 MB). "
        f"``import kernlab`` takes {1e3 * results['import_seconds']:.0f} ms more than Python alone.",
        "",
    ]
    return "\n".join(lines)


def floor(case, suffix):
    """Nanoseconds for one exponential and the multiplications of one squared distance."""
    return case["best"]["exp" + suffix] + case["best"]["gemm" + suffix]

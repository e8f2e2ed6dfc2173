"""Heat on a graph: heat_action against SciPy's expm_multiply, and a Chebyshev series by SciPy."""

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp
from peers import interleave
from scipy.sparse.linalg import expm_multiply
from scipy.special import ive
from sklearn.neighbors import kneighbors_graph

from kernlab.linalg import heat_action
from kernlab.linalg._heat_series import chebyshev_series, power_series

# Relative, of every entry above 1e-200.
PROMISED = 1e-10
RTOL = 1e-12


def laplacian(n):
    """Normalised, of fifteen neighbours on a Swiss roll, in random order."""
    rng = np.random.default_rng(0)
    angle, height = 1.5 * np.pi * (1 + 2 * rng.random(n)), 5 * rng.random(n)
    X = np.column_stack([angle * np.cos(angle), height, angle * np.sin(angle)])
    W = kneighbors_graph(X, 15)
    W = sp.csr_array(W + W.T)
    root = sp.diags_array(1 / np.sqrt(np.asarray(W.sum(axis=1)).ravel()))
    return (sp.eye_array(n) - root @ W @ root).tocsr()


def plain_chebyshev(L, B, t, degree):
    """As graph-signal libraries do it: one sparse product for all columns at each term."""
    # Polynomials in I - L, whose coefficients are all positive.
    c = 2 * ive(np.arange(degree), t)
    before, now = B, B - L @ B
    heat = c[0] / 2 * before + c[1] * now
    for k in range(2, degree):
        before, now = now, 2 * (now - L @ now) - before
        heat += c[k] * now
    return heat


def entry_error(heat, exact):
    """The largest relative error of entries above 1e-200; exact only where its own digits hold."""
    told = exact > 1e-200
    return float(np.max(np.abs(heat[told] / exact[told] - 1)))


def path_entries():
    """The far end of a path, where the heat kernel of the line is exp(-2t) I_d(2t)."""
    n, t = 800, 30.0
    off = -np.ones(n - 1)
    L = sp.diags_array([off, np.full(n, 2.0), off], offsets=[-1, 0, 1], format="csr")
    middle = np.eye(n)[:, n // 2 : n // 2 + 1]
    distance = np.abs(np.arange(n) - n // 2)
    # At these distances from the open ends of the path their images are below 1e-200.
    exact = ive(distance, 2 * t)[:, None]
    calls = {
        "uniformization": lambda: heat_action(L, middle, t),
        "chebyshev": lambda: heat_action(L, middle, t, method="chebyshev"),
        "SciPy expm_multiply": lambda: expm_multiply(-t * L, middle),
    }
    seconds = interleave(calls, repeats=2)
    return [
        {
            "task": "path of 800 nodes, entries down to 1e-200",
            "method": name,
            "seconds": min(seconds[name]),
            "error": entry_error(call(), exact),
            "what": "largest relative of an entry",
            "bound": PROMISED if name == "uniformization" else None,
        }
        for name, call in calls.items()
    ]


def roll(n, m, t, repeats):
    """m columns of heat on a Swiss roll, one thread."""
    L = laplacian(n)
    B = np.random.default_rng(1).random((n, m))
    single = B.astype(np.float32)
    options = {"spectrum": (0, 2), "rtol": RTOL, "n_jobs": 1}
    several = [t / 16, t / 8, t / 4, t / 2, t]
    terms = {
        "uniformization": power_series(L, np.array([t]), dtype="float64", rtol=PROMISED),
        "chebyshev": chebyshev_series(
            L, np.array([t]), dtype="float64", rtol=RTOL, spectrum=(0, 2)
        ),
    }
    degree = len(terms["chebyshev"].coefficients)
    calls = {
        "chebyshev": lambda: heat_action(L, B, t, method="chebyshev", **options),
        "chebyshev, five times": lambda: heat_action(L, B, several, method="chebyshev", **options)[
            -1
        ],
        "chebyshev, float32": lambda: heat_action(
            L, single, t, method="chebyshev", spectrum=(0, 2), n_jobs=1
        ),
        "uniformization": lambda: heat_action(L, B, t, n_jobs=1),
        "Chebyshev by SciPy": lambda: plain_chebyshev(L, B, t, degree),
        "SciPy expm_multiply": lambda: expm_multiply(-t * L, B, traceA=-t * n),
    }
    reference = sl.expm(-t * L.toarray()) @ B if n <= 2000 else calls["uniformization"]()
    seconds = interleave(calls, repeats=repeats)
    rows = []
    for name, call in calls.items():
        error = float(np.abs(call() - reference).max() / np.abs(reference).max())
        note = ""
        if name in terms:
            work = 2 * terms[name].A.nnz * m * len(terms[name].coefficients)
            note = f"{work / min(seconds[name]) / 1e9:.2g} GFlop/s"
        rows.append(
            {
                "task": f"Swiss roll, n = {n}, {m} columns, t = {t:g}",
                "method": name,
                "seconds": min(seconds[name]),
                "error": error,
                "what": "largest, over the largest entry",
                "bound": PROMISED if name in ("chebyshev", "uniformization") else None,
                "note": note,
            }
        )
    return rows


def rows(quick):
    """The table's rows; see the keys in gp.py."""
    if quick:
        return [*path_entries(), *roll(300, 9, 10.0, 1)]
    return [*path_entries(), *roll(2000, 64, 40.0, 3), *roll(20_000, 64, 40.0, 2)]


if __name__ == "__main__":
    for row in rows(quick=False):
        print(row)

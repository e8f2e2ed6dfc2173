"""Logarithms of kernels on a chain of cliques, where entries far apart are tiny."""

import time
from functools import cache

import mpmath
import numpy as np
from scipy.linalg import expm

from kernlab.graph._log_kernels import log_kernel

PREAMBLE = (
    "Twelve cliques of five nodes in a chain; the largest error of the logarithm of an entry,",
    "against exact arithmetic: powers of integer matrices, and 120 digits. Ours is non-negative",
    "arithmetic throughout; an eigendecomposition rounds small entries to noise, of which zero",
    "and negative ones (share in the last column) have no logarithm and count as the least",
    "positive entry.",
)
DIGITS = 120


@cache
def chain(n_cliques):
    """Adjacency matrix, integers."""
    A = np.kron(np.eye(n_cliques, dtype=int), 1 - np.eye(5, dtype=int))
    for last in range(4, 5 * n_cliques - 1, 5):
        A[last, last + 1] = A[last + 1, last] = 1
    return A


def exact_log_exponential(M, t):
    """Logarithms of the entries of exp(t M) for non-negative integers in M."""
    with mpmath.workdps(DIGITS):
        t = mpmath.mpf(t)
        # Fixed point: the least entry of the chain is far above 10^-scale.
        unit = mpmath.mpf(10) ** 250
        power = np.eye(len(M), dtype=object).astype(object)
        total = np.zeros(M.shape, dtype=object)
        M = M.astype(object)
        term, j = unit, 0
        while term * int(power.max()) > 1 or j < len(M):
            total = total + power * int(term)
            j += 1
            power = power.dot(M)
            term = term * t / j
        return np.array([[float(mpmath.log(x / unit)) for x in row] for row in total])


def exact_log_forest(A, t):
    """Logarithms of the entries of (I + t L)^-1."""
    with mpmath.workdps(DIGITS):
        t = mpmath.mpf(t)
        L = np.diag(A.sum(axis=1)) - A
        inverse = mpmath.inverse(mpmath.eye(len(A)) + t * mpmath.matrix(L.tolist()))
        return np.array(inverse.apply(mpmath.log).tolist(), dtype=float).reshape(A.shape)


def truth(name, A, t):
    if name == "comm":
        return exact_log_exponential(A, t)
    if name == "for":
        return exact_log_forest(A, t)
    degrees = A.sum(axis=1)
    shift = int(degrees.max())
    return exact_log_exponential(A + np.diag(shift - degrees), t) - t * shift


def plain(name, A, t, how):
    """The kernel by an eigendecomposition, or by SciPy."""
    M = A.astype(float) if name == "comm" else np.diag(A.sum(axis=1)) - A.astype(float)
    if how == "eigh":
        values, U = np.linalg.eigh(M)
        f = {
            "comm": lambda x: np.exp(t * x),
            "heat": lambda x: np.exp(-t * x),
            "for": lambda x: 1 / (1 + t * x),
        }[name]
        return (U * f(values)) @ U.T
    if name == "for":
        return np.linalg.inv(np.eye(len(A)) + t * M)
    return expm(t * M if name == "comm" else -t * M)


def rows(quick):
    A = chain(6 if quick else 12)
    found = []
    for name in ("comm", "heat", "for"):
        for t in (0.01,) if quick else (0.01, 0.1, 1.0):
            exact = truth(name, A, t)
            common = {"task": f"{name}, t = {t:g}", "what": "error of the log"}
            start = time.process_time()
            ours = log_kernel(A.astype(float), name, t, cache={})
            seconds = time.process_time() - start
            # Rows and columns share a constant that exponentials are free to drop.
            error = np.abs(ours - exact - (ours - exact).mean()) if name == "comm" else None
            error = float(np.max(np.abs(ours - exact) if error is None else error))
            found.append(
                {**common, "method": "kernlab", "seconds": seconds, "figure": error, "most": 1e-12}
            )
            for how, label in (("eigh", "numpy, eigh"), ("scipy", "scipy, expm or inv")):
                start = time.process_time()
                K = plain(name, A, t, how)
                seconds = time.process_time() - start
                positive = K > 0
                logs = np.log(np.where(positive, K, K[positive].min()))
                found.append(
                    {
                        **common,
                        "method": label,
                        "seconds": seconds,
                        "figure": float(np.abs(logs - exact).max()),
                        "note": f"{np.mean(~positive):.0%} not positive",
                    }
                )
    return found

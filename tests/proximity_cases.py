"""Graphs to try proximities on, and each row of the table of measures written out."""

import numpy as np
import scipy.linalg as sl

from kernlab.graph import GraphProximity
from kernlab.graph._measures import MEASURES, parse_measure

PLAIN = [name for name in MEASURES if not parse_measure(name).log]


def weights(n_nodes=8, seed=0, *, weighted=True):
    """A connected graph with triangles."""
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((n_nodes, n_nodes)) < 0.35, 1) | np.eye(n_nodes, k=1, dtype=bool)
    W[0, 2] = True
    W = np.where(W, rng.uniform(0.5, 2.0, W.shape), 0.0) if weighted else W.astype(float)
    return W + W.T


def random_graph(n_nodes=24, seed=0):
    """A path with random edges of random weights."""
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((n_nodes, n_nodes)) * (rng.random((n_nodes, n_nodes)) < 0.3), 1)
    W[np.arange(n_nodes - 1), np.arange(1, n_nodes)] += 0.5
    return W + W.T


def plain_kernel(A, measure, t):
    """Plain kernels by their definitions."""
    d = A.sum(axis=1)
    D, identity = np.diag(d), np.eye(len(d))
    rho = np.linalg.eigvalsh(A)[-1]
    return {
        "nheat": lambda: sl.expm(-t * (identity - A / np.sqrt(np.outer(d, d)))),
        "heat": lambda: sl.expm(-t * (D - A)),
        "comm": lambda: sl.expm(t / rho * A),
        "katz": lambda: np.linalg.inv(identity - t / rho * A),
        "for": lambda: np.linalg.inv(identity + t * (D - A)),
        "modifppr": lambda: np.linalg.inv(D - t * A),
        "ppr": lambda: np.linalg.inv(identity - t * A / d[:, None]),
        "abs": lambda: np.linalg.inv(t * A + D - A),
    }[measure]()


def pieces():
    """Two components, the second a path."""
    W = sl.block_diag(weights(6), weights(4, seed=1))
    return W


def double_factorials(X):
    """The series term by term; of the terms past 200 none is above 1e-100 here."""
    terms = [np.eye(len(X)), X]
    for j in range(2, 200):
        terms.append(terms[-2] @ X @ X / j)
    return sum(terms)


def absolute(X, t):
    values, vectors = np.linalg.eigh(X)
    return (vectors * np.exp(t * np.abs(values))) @ vectors.T


def exponential(X):
    """By terms that are not negative, so that none cancels (scipy.linalg.expm has 12 digits here).

    The norms of X less its diagonal are below 20, whose powers over 120! are below 1e-40.
    """
    shift = np.diag(X).min()
    total = term = np.eye(len(X))
    for j in range(1, 120):
        term = term @ (X - shift * np.eye(len(X))) / j
        total = total + term
    return np.exp(shift) * total


def floyd_warshall(lengths):
    D = np.where(np.eye(len(lengths), dtype=bool), 0.0, lengths)
    for k in range(len(D)):
        D = np.minimum(D, D[:, k, None] + D[k])
    return D


class Formulas:
    """The table, as it stands there: inverses, exponentials and series of dense matrices."""

    def __init__(self, A):
        self.A, self.d, self.I = A, A.sum(axis=1), np.eye(len(A))
        self.D, self.L = np.diag(self.d), np.diag(self.d) - A
        self.P = A / self.d[:, None]
        self.half = np.diag(self.d**-0.5)
        self.S = self.half @ A @ self.half
        self.H = self.I - 1.0 / len(A)
        with np.errstate(divide="ignore"):
            self.C = 1.0 / A

    def kernel(self, name, t):
        if name.startswith("log"):
            return np.log(self.kernel(name[3:], t))
        A, D, L, P, S, I = self.A, self.D, self.L, self.P, self.S, self.I  # noqa: E741
        inv, expm = np.linalg.inv, exponential
        return {
            "katz": lambda: inv(I - t * A),
            "comm": lambda: expm(t * A),
            "df": lambda: double_factorials(t * A),
            "for": lambda: inv(I + t * L),
            "heat": lambda: expm(-t * L),
            "nheat": lambda: expm(-t * (I - S)),
            "ppr": lambda: inv(I - t * P),
            "modifppr": lambda: inv(D - t * A),
            "heatpr": lambda: expm(-t * (I - P)),
            "abs": lambda: inv(t * A + L),
            "ct": lambda: np.linalg.pinv(L),
            "sct": lambda: self.sigmoid(self.kernel("ct", t), t),
            "cct": self.corrected,
            "scct": lambda: self.sigmoid(self.corrected(), t),
            "heat2": lambda: expm(-t * (I - S @ S)),
            "ppr2": lambda: self.half @ inv(I - t * S @ S) @ self.half,
            "comm2": lambda: absolute(A, t),
            "sp-ct": lambda: t * self.kernel("sp", None) + (1 - t) * 2 * self.kernel("ct", None),
            **dict.fromkeys(("rsp", "fe", "sp"), lambda: self.centred(self.distance(name, t))),
        }[name]()

    def distance(self, name, beta):
        if name == "sp":
            return floyd_warshall(self.C)
        W = self.P * np.exp(-beta * self.C)
        Z = np.linalg.inv(self.I - W)
        if name == "fe":
            D = -np.log(Z / np.diag(Z)) / beta
        else:
            costs = np.where(self.A > 0, self.C, 0.0)
            S = Z @ (costs * W) @ Z / Z
            D = S - np.diag(S)
        return (D + D.T) / 2

    def centred(self, D):
        return -0.5 * self.H @ D @ self.H

    def corrected(self):
        M = self.S - np.sqrt(np.outer(self.d, self.d)) / self.d.sum()
        middle = M @ np.linalg.inv(self.I - M) @ M
        return self.H @ self.half @ middle @ self.half @ self.H

    def sigmoid(self, K, t):
        return 1 / (1 + np.exp(-t * K / K.std()))


def proximity(measure, param, **settings):
    return GraphProximity(measure, param=param, param_scale="natural", **settings)


def fitted(measure, param, A, **settings):
    return proximity(measure, param, **settings).fit(A)


def natural(name, A, x):
    """Of the scalers of the table."""
    rho = np.linalg.eigvalsh(A)[-1]
    return {"rho": x / rho, "lin": x, "double": 2 * x, "fracrev": (1 - x) / x}.get(
        parse_measure(name).scaler, x / (2 - 2 * x)
    )


def clique_chain(n_cliques=12, size=5):
    """Complete graphs in a row, each joined to the next by one edge."""
    weights = np.kron(np.eye(n_cliques), 1 - np.eye(size))
    for last in range(size - 1, n_cliques * size - 1, size):
        weights[last, last + 1] = weights[last + 1, last] = 1
    return weights

"""Kernels on the nodes of a graph beside neighbours' means, label spreading and GeometricKernels."""

import os
import subprocess
import tempfile
import time
import warnings

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import shortest_path
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading

from kernlab.graph import NodeKernel

# Runs in the interpreter that KERNLAB_GEOMETRIC_KERNELS_PYTHON names: the kernel of some nodes from
# scratch, and again at another length scale.
PEER = """
import sys, time
import numpy as np
from geometric_kernels.kernels import MaternKarhunenLoeveKernel
from geometric_kernels.spaces import Graph
given = np.load(sys.argv[1])
A, X, nu, t = given["A"], given["X"][:, None], given["nu"], given["t"]
start = time.perf_counter()
kernel = MaternKarhunenLoeveKernel(Graph(A), len(A))
params = kernel.init_params()
params["nu"], params["lengthscale"] = np.array([nu]), np.sqrt(2 * t[:1])
first = kernel.K(params, X)
scratch = time.perf_counter() - start
seconds = []
for _ in range(5):
    params["lengthscale"] = np.sqrt(2 * t[1:])
    start = time.perf_counter()
    second = kernel.K(params, X)
    seconds.append(time.perf_counter() - start)
np.savez(sys.argv[2], first=first, second=second, seconds=[scratch, min(seconds)])
"""


def row(task, method, seconds, error, what, note=None, bound=None):
    result = {"task": task, "method": method, "seconds": seconds, "error": error, "what": what}
    return {**result, "note": note, "bound": bound}


# --- A field -------------------------------------------------------------------------------------


def crescent(n_nodes, seed):
    """Neighbours among points of a ring with a gap, and a field along it of variance one."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (4 * n_nodes, 2))
    angle, radius = np.arctan2(points[:, 1], points[:, 0]), np.hypot(*points.T)
    inside = np.flatnonzero((radius > 0.5) & (radius < 1) & (np.abs(angle) < 2.9))[:n_nodes]
    points, angle = points[inside], angle[inside]
    links = kneighbors_graph(points, 6)
    field = angle + 0.5 * np.sin(3 * angle)
    return points, sp.csr_array(links.maximum(links.T)), (field - field.mean()) / field.std()


def field_rows(quick):
    n_nodes, noise = (200, 0.3) if quick else (500, 0.3)
    task = f"field on {n_nodes} nodes of a crescent, a fifth of them seen with noise {noise}"
    kernels = {
        ("NodeKernel", "heat"): 10.0,
        ("NodeKernel", "matern"): 10.0,
        ("NodeKernel", "for"): 10.0,
        ("NodeKernel", "nheat"): 10.0,
        ("NodeKernel", "modifppr"): 0.9,
        ("NodeKernel", "comm"): 5.0,
        ("NodeKernel", "katz"): 0.9,
        ("RBF", "of the points' two coordinates"): None,
    }
    found = {}
    for seed in range(2 if quick else 10):
        points, graph, field = crescent(n_nodes, seed)
        rng = np.random.default_rng([seed, 1])
        y = field + noise * rng.standard_normal(n_nodes)
        seen = np.sort(rng.choice(n_nodes, n_nodes // 5, replace=False))
        hidden = np.setdiff1d(np.arange(n_nodes), seen)
        start = time.perf_counter()
        hops = shortest_path(graph, unweighted=True)[np.ix_(hidden, seen)]
        nearest = np.argsort(hops, axis=1, kind="stable")[:, :5]
        mean = y[seen][nearest].mean(axis=1)
        seconds = time.perf_counter() - start
        error = np.sqrt(np.mean((mean - field[hidden]) ** 2))
        values = error, seconds, np.nan, np.nan
        found.setdefault(("mean", "of the 5 nearest by hops"), []).append(values)
        shared = NodeKernel(graph, param_bounds=(1e-3, 1e5))
        for key, param in kernels.items():
            X, kernel = points, RBF([0.3, 0.3])
            if param is not None:
                X, kernel = np.arange(n_nodes), clone(shared)
                kernel.set_params(measure=key[1], param=param)
            model = GaussianProcessRegressor(
                1.0 * kernel + WhiteKernel(0.1), alpha=0.0, normalize_y=True
            )
            start = time.perf_counter()
            mean, std = model.fit(X[seen], y[seen]).predict(X[hidden], return_std=True)
            seconds = time.perf_counter() - start
            error = np.sqrt(np.mean((mean - field[hidden]) ** 2))
            covered = np.mean(np.abs(y[hidden] - mean) < 1.96 * std)
            white = model.kernel_.k2.noise_level * np.var(y[seen])
            within = np.mean((field[hidden] - mean) ** 2 < 1.96**2 * (std**2 - white))
            found.setdefault(key, []).append((error, seconds, covered, within))
    means = {key: np.mean(values, axis=0) for key, values in found.items()}
    baseline = means["mean", "of the 5 nearest by hops"][0]
    for (kind, name), (error, seconds, covered, within) in means.items():
        spread = np.std([values[0] for values in found[kind, name]]) / len(found[kind, name]) ** 0.5
        note = f"standard error {spread:.3f}"
        if np.isfinite(covered):
            note += f"; in their 95 % bands {covered:.1%} of values, {within:.1%} of the field"
        bound = float(0.9 * baseline) if name == "heat" else None
        yield row(task, f"{kind}, {name}", float(seconds), float(error), "RMSE", note, bound)


# --- Few labels ----------------------------------------------------------------------------------


def label_rows(quick):
    """Digits: a graph of 10 neighbours, 5 labels for each class."""
    X, truth = load_digits(return_X_y=True)
    X, truth = (X[:300], truth[:300]) if quick else (X, truth)
    links = kneighbors_graph(X, 10)
    graph = links.maximum(links.T)
    shared = NodeKernel(graph)
    found = {}
    for seed in range(1 if quick else 5):
        rng = np.random.default_rng(seed)
        seen = np.concatenate(
            [rng.choice(np.flatnonzero(truth == k), 5, replace=False) for k in range(10)]
        )
        hidden = np.setdiff1d(np.arange(len(X)), seen)
        labels = np.full(len(X), -1)
        labels[seen] = truth[seen]

        models = {
            f"LabelSpreading on the same graph, α = {alpha}": LabelSpreading(
                kernel=lambda a, b: graph.toarray(), alpha=alpha, max_iter=1000
            )
            for alpha in (0.2, 0.8)
        }
        measures = {"heat": 5.0, "nheat": 20.0, "matern": 10.0}
        for measure, param in list(measures.items())[: 1 if quick else None]:
            kernel = 10.0 * clone(shared).set_params(measure=measure, param=param)
            for optimizer, how in (("fmin_l_bfgs_b", "by evidence"), (None, f"t = {param:g}")):
                model = GaussianProcessClassifier(kernel, optimizer=optimizer)
                models[f"NodeKernel, {measure}, {how}"] = model
        for method, model in models.items():
            start = time.perf_counter()
            if isinstance(model, LabelSpreading):
                predicted = model.fit(X, labels).transduction_[hidden]
            else:
                predicted = model.fit(seen, truth[seen]).predict(hidden)
            wrong = np.mean(predicted != truth[hidden])
            found.setdefault(method, []).append((wrong, time.perf_counter() - start))
    task = f"digits, {len(X)} nodes with 10 neighbours, 5 labels of each class"
    for method, values in found.items():
        wrong, seconds = np.mean(values, axis=0)
        spread = np.std([value[0] for value in values]) / len(values) ** 0.5
        yield row(
            task,
            method,
            float(seconds),
            float(wrong),
            "share misclassified",
            f"standard error {spread:.3f}",
            bound=0.1 if method == "NodeKernel, heat, by evidence" else None,
        )


# --- GeometricKernels ----------------------------------------------------------------------------


def matern_rows(quick):
    n_nodes = 200 if quick else 2000
    _, graph, _ = crescent(n_nodes, 0)
    X, nu, t = np.arange(0, n_nodes, 5), 1.5, np.array([5.0, 20.0])
    start = time.perf_counter()
    kernel = NodeKernel(graph, "matern", t[0], nu=nu)
    first = kernel(X)
    scratch = time.perf_counter() - start
    kernel = clone(kernel).set_params(param=t[1])
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        second = kernel(X)
        seconds.append(time.perf_counter() - start)
    peer = _geometric_kernels(A=graph.toarray(), X=X, nu=nu, t=t)
    name = "MaternKarhunenLoeveKernel of GeometricKernels"
    task = f"graph Matérn kernel of {len(X)} of {n_nodes} nodes"
    cases = (
        (", from scratch", scratch, first, "first"),
        (
            ", at another length scale",
            min(seconds),
            second,
            "second",
        ),
    )
    for i, (case, ours, K, key) in enumerate(cases):
        error = None if peer is None else float(np.max(np.abs(K - peer[key])))
        bound = None if peer is None else 1e-10
        what = "" if peer is None else "largest difference"
        yield row(task + case, "NodeKernel, matern", ours, error, what, bound=bound)
        if peer is None:
            note = "absent: set KERNLAB_GEOMETRIC_KERNELS_PYTHON to an interpreter that has it"
            yield row(task + case, name, None, None, "", note)
        else:
            yield row(task + case, name, float(peer["seconds"][i]), None, "")


def _geometric_kernels(**arrays):
    python = os.environ.get("KERNLAB_GEOMETRIC_KERNELS_PYTHON")
    if not python:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, made = (os.path.join(folder, name) for name in ("in.npz", "out.npz"))
        np.savez(given, **arrays)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        command = [python, "-W", "ignore", "-c", PEER, given, made]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        with np.load(made) as results:
            return dict(results)


def rows(quick):
    """All rows of this part."""
    with warnings.catch_warnings():
        # Some measures would rather be at an end of their range, which the errors show.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [*field_rows(quick), *label_rows(quick), *matern_rows(quick)]


if __name__ == "__main__":
    import sys

    for result in rows("--quick" in sys.argv):
        print(result)

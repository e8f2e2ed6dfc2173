"""Kernels of infinite networks, quantum fidelity and the Student-t process, beside their peers."""

import os
import subprocess
import tempfile
import time
import warnings

import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from kernlab.datasets import make_ad_hoc
from kernlab.gp import StudentTProcessRegressor
from kernlab.kernels import NTK, QuantumFidelity

# Runs in the interpreter that KERNLAB_QISKIT_PYTHON names: one evaluation of each set of points
# to warm up, then the least time of three, and the Gram matrices.
PEER = """
import sys, time
import numpy as np
from qiskit.circuit.library import zz_feature_map
from qiskit_machine_learning.kernels import FidelityStatevectorKernel
points, out = np.load(sys.argv[1]), {}
for name in points.files:
    X = points[name]
    seconds = []
    for _ in range(3):
        # A new one each time, for it remembers states.
        kernel = FidelityStatevectorKernel(feature_map=zz_feature_map(X.shape[1], reps=2))
        start = time.perf_counter()
        K = kernel.evaluate(X)
        seconds.append(time.perf_counter() - start)
    out[name], out[name + "_seconds"] = K, min(seconds)
np.savez(sys.argv[2], **out)
"""


def row(task, method, seconds, error, what, note=None, bound=None):
    result = {"task": task, "method": method, "seconds": seconds, "error": error, "what": what}
    return {**result, "note": note, "bound": bound}


def least_seconds(call, repeats=5):
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


# --- Width ---------------------------------------------------------------------------------------


def tangents(rows, *, width, depth, sigma_w, sigma_b, rng):
    """Inner products of the gradients of one random ReLU net with NTK parameterisation."""
    hidden, layers = rows, []
    for _ in range(depth):
        weights = rng.standard_normal((hidden.shape[1], width))
        inputs = hidden @ weights * (sigma_w / hidden.shape[1] ** 0.5)
        inputs += sigma_b * rng.standard_normal(width)
        layers.append((hidden, inputs > 0, weights))
        hidden = np.maximum(inputs, 0.0)
    kernel = sigma_b**2 + sigma_w**2 * hidden @ hidden.T / width
    back = np.tile(rng.standard_normal(width) * (sigma_w / width**0.5), (len(rows), 1))
    for hidden, active, weights in reversed(layers):
        back = back * active
        fan_in = hidden.shape[1]
        kernel += (back @ back.T) * (sigma_b**2 + sigma_w**2 * hidden @ hidden.T / fan_in)
        back = back @ weights.T * (sigma_w / fan_in**0.5)
    return kernel


def width_rows(quick):
    X = np.random.default_rng(1).normal(size=(20, 10))
    options = {"depth": 2, "sigma_w": 2**0.5, "sigma_b": 0.1}
    limit = NTK(**options)(X)
    first = None
    for width in (64, 1024) if quick else (64, 256, 1024, 4096):
        rng = np.random.default_rng(0)
        nets = [tangents(X, width=width, rng=rng, **options) for _ in range(8)]
        error = np.mean([np.linalg.norm(net - limit) for net in nets]) / np.linalg.norm(limit)
        first = error if first is None else first
        yield row(
            "NTK of two hidden ReLU layers against finite nets, 8 seeds",
            f"width {width}",
            None,
            float(error),
            "relative error, Frobenius",
            bound=float(0.5 * first) if width == 1024 else None,
        )


# --- Support vector machines ---------------------------------------------------------------------


def svm_rows(quick):
    """The best of a grid of as many settings for either kernel, nested in 5 folds."""
    grids = {
        "RBF": {"svc__kernel": ["rbf"], "svc__gamma": [0.003, 0.01, 0.03, 0.1]},
        "NTK": {"svc__kernel": [NTK(depth=d, sigma_b=b) for d in (1, 3) for b in (0.1, 1.0)]},
    }
    tables = {"wine": load_wine, "breast cancer": load_breast_cancer}
    for name in ("wine",) if quick else tables:
        X, y = tables[name](return_X_y=True)
        for method, grid in grids.items():
            inner, outer = (StratifiedKFold(5, shuffle=True, random_state=seed) for seed in (1, 0))
            model = make_pipeline(StandardScaler(), SVC())
            search = GridSearchCV(model, {**grid, "svc__C": [0.1, 1.0, 10.0]}, cv=inner)
            start = time.perf_counter()
            scores = cross_val_score(search, X, y, cv=outer)
            seconds = time.perf_counter() - start
            yield row(
                f"classify {name}, nested 5-fold",
                f"SVC, {method}",
                seconds,
                float(1 - scores.mean()),
                "share misclassified",
                f"standard error {scores.std() / 5**0.5:.3f}",
            )


# --- Quantum -------------------------------------------------------------------------------------


def quantum_rows(quick):
    rng = np.random.default_rng(0)
    sizes = {4: 20} if quick else {4: 100, 8: 100}
    points = {f"q{q}": rng.uniform(0, 2 * np.pi, size=(n, q)) for q, n in sizes.items()}
    peer = _qiskit(points)
    for name, X in points.items():
        task = f"quantum fidelity, {len(X)} points, {X.shape[1]} qubits"
        kernel = QuantumFidelity()
        kernel(X)
        ours = least_seconds(lambda kernel=kernel, X=X: kernel(X))
        error = None if peer is None else float(np.max(np.abs(kernel(X) - peer[name])))
        bound = None if peer is None else 1e-13
        yield row(task, "kernlab", ours, error, "largest difference from Qiskit", bound=bound)
        if peer is None:
            note = "absent: set KERNLAB_QISKIT_PYTHON to an interpreter that has it"
            yield row(task, "Qiskit FidelityStatevectorKernel", None, None, "", note)
        else:
            theirs = float(peer[f"{name}_seconds"])
            note = f"{theirs / ours:.0f} times kernlab's time"
            yield row(task, "Qiskit FidelityStatevectorKernel", theirs, None, "", note)
    for n_features, per_label in ((2, 20), (2, 50), (3, 100)):
        task = f"ad-hoc data, gap 0.3, {n_features} qubits, {per_label} for each label"
        for method, kernel in (("quantum", QuantumFidelity()), ("RBF", "rbf")):
            scores = []
            for seed in range(2 if quick else 20):
                X, y = make_ad_hoc(2 * per_label + 400, n_features, random_state=seed)
                train = np.concatenate([np.flatnonzero(y == k)[:per_label] for k in (0, 1)])
                test = np.setdiff1d(np.arange(len(y)), train)
                model = SVC(kernel=kernel, C=100.0).fit(X[train], y[train])
                scores.append(model.score(X[test], y[test]))
            what = "share misclassified"
            # The paper's recipe leaves nothing to err about but the few points.
            bound = 0.03 if method == "quantum" else None
            error = float(1 - np.mean(scores))
            yield row(task, f"SVC, {method}", None, error, what, bound=bound)
    X, y = load_wine(return_X_y=True)
    for bandwidth in (1.0, 0.1, 0.02):
        kernel = QuantumFidelity(bandwidth=bandwidth)
        model = make_pipeline(StandardScaler(), PCA(6), SVC(kernel=kernel, C=10.0))
        score = cross_val_score(model, X, y, cv=StratifiedKFold(5, shuffle=True, random_state=0))
        reduced = make_pipeline(StandardScaler(), PCA(6)).fit_transform(X)
        mean = kernel(reduced)[np.triu_indices(len(X), 1)].mean()
        yield row(
            "classify wine by six principal components",
            f"SVC, quantum, bandwidth {bandwidth:g}",
            None,
            float(1 - score.mean()),
            "share misclassified",
            f"mean fidelity of two points {mean:.3f}",
        )
    model = make_pipeline(StandardScaler(), PCA(6), SVC(C=10.0))
    score = cross_val_score(model, X, y, cv=StratifiedKFold(5, shuffle=True, random_state=0))
    task, what = "classify wine by six principal components", "share misclassified"
    yield row(task, "SVC, RBF", None, float(1 - score.mean()), what)


def _qiskit(points):
    python = os.environ.get("KERNLAB_QISKIT_PYTHON")
    if not python:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, made = (os.path.join(folder, name) for name in ("in.npz", "out.npz"))
        np.savez(given, **points)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(
            [python, "-W", "ignore", "-c", PEER, given, made], check=True, env=environment
        )
        with np.load(made) as arrays:
            return dict(arrays)


# --- Student-t process ---------------------------------------------------------------------------


def student_rows(quick):
    """Negative log predictive densities of the diabetes data, whose y is five times too large."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    X, y = (X[::4], y[::4]) if quick else (X, y)
    kernel = ConstantKernel(0.5) * RBF(4.0) + WhiteKernel(0.5)
    cases = (
        ("hyperparameters fixed, y times 5", 5.0, None),
        ("hyperparameters fixed, y as it is", 1.0, None),
        ("hyperparameters fitted, y times 5", 5.0, "fmin_l_bfgs_b"),
    )
    for case, factor, optimizer in cases:
        models = {
            "GP": GaussianProcessRegressor(
                kernel, alpha=0.0, optimizer=optimizer, n_restarts_optimizer=3, random_state=0
            ),
            "Student-t process": StudentTProcessRegressor(
                kernel=kernel, optimizer=optimizer, n_restarts=3, random_state=0
            ),
        }
        for method, model in models.items():
            losses, squares, start = [], [], time.perf_counter()
            folds = StratifiedKFold(5, shuffle=True, random_state=0)
            for train, test in folds.split(X, y > 0):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X[train], factor * y[train])
                mean, std = model.predict(X[test], return_std=True)
                df = getattr(model, "df_", np.inf)
                scale = std * np.sqrt((df - 2) / df) if np.isfinite(df) else std
                law = stats.t(df, mean, scale) if np.isfinite(df) else stats.norm(mean, scale)
                losses.extend(-law.logpdf(factor * y[test]))
                squares.extend((mean - factor * y[test]) ** 2)
            yield row(
                f"diabetes, {case}",
                method,
                time.perf_counter() - start,
                float(np.mean(losses)),
                "negative log predictive density",
                f"RMSE {np.sqrt(np.mean(squares)):.4f}",
            )


def rows(quick):
    """All rows of this part."""
    return [
        *width_rows(quick),
        *svm_rows(quick),
        *quantum_rows(quick),
        *student_rows(quick),
    ]


if __name__ == "__main__":
    import sys

    for result in rows("--quick" in sys.argv):
        print(result)

"""Measure every problem: ours, the paper's figures and the classical methods.

The rows go to ``benchmarks/results/pde.json``, and from there to the table in the documentation.
"""

import importlib
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import kernlab.pde
import solvers
from kernlab._core.extras import import_extra
from kernlab.exceptions import MissingExtraError
from solvers.problem import random_points, relative_error
from solvers.reference import chebyshev, finite_differences, finite_elements

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3
# Slower calls are timed once: the noise of the machine is then small beside them.
LONG = 4.0
N_DIFFERENCES = 100_000
# Collocation in two dimensions costs the cube of the points along an axis.
SAME_LIMIT = 600
FINITE_ELEMENTS = {"u7": 128}
# Problems of the quick check, each with the largest error it may have.
QUICK = dict.fromkeys(("u1", "u3", "u7", "ac1a", "advection", "bratu"), 1e-10)
#: The paper's kernels as options of GPPDESolver(method='map').
MAP_KERNELS: dict[str, dict] = {
    "GM": {"kernel": "sm"},
    "StM": {"kernel": "student-t"},
    "Matern": {"kernel": "matern52"},
    "SE": {"kernel": "se"},
    # In two stages: a Matérn process on what the frozen mixture leaves.
    "GM, trend": {"kernel": "sm", "trend": "matern52"},
    "StM, trend": {"kernel": "student-t", "trend": "matern52"},
}
# Share of the largest weight below which a component is pruned.
PRUNED = 1e-6
#: Where the paper has the second stage.
MAP_TREND = ("u2", "u2-cos", "u5")


def truth(problem):
    """The exact solution as a function of X, or one of Chebyshev with four times the points."""
    if problem.exact is not None:
        return lambda X: problem.exact(*X.T)
    return chebyshev(problem.pde, [4 * n for n in problem.points]).predict


def measure(problem, exact, solve, *, repeats=REPEATS):
    """Error and seconds of a method on a problem.

    Parameters
    ----------
    problem : solvers.Problem
    exact : callable
        Of X.
    solve : callable
        Without arguments; returns what has ``predict``.
    repeats : int
        The best of as many runs is kept.

    Returns
    -------
    row : dict
        'error', 'seconds' and 'converged'; or 'refused', the reason why there are none.
    solution : object or None
    """
    X = random_points(problem.pde.box, solvers.problem.N_TEST_POINTS)
    seconds = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                solution = solve()
        except (ValueError, MissingExtraError, np.linalg.LinAlgError) as error:
            return {"refused": str(error)}, None
        last = time.perf_counter() - start
        seconds = min(seconds, last)
        if last > LONG:
            break
    size = relative_error(solution.predict(X), exact(X))
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    converged = not warned and getattr(solution, "converged", True)
    return {"error": size, "seconds": seconds, "converged": converged}, solution


def measure_ours(problem, exact, *, repeats=REPEATS, **options):
    """The row of GPPDESolver on a problem, and the fitted solver or None."""
    solver = kernlab.pde.GPPDESolver(problem.pde, random_state=0, **options)
    row, fitted = measure(problem, exact, solver.fit, repeats=repeats)
    if fitted is not None:
        row["points"] = [int(n) for n in fitted.n_points_]
        row["residual"] = float(fitted.residual_)
    return row, fitted


def measure_problem(problem):
    """All rows of one problem, but those of method='map'."""
    exact = truth(problem)
    pde = problem.pde
    ours, _ = measure_ours(problem, exact)
    row = {"problem": problem.name, "title": problem.title, "ours": ours}
    row["paper"] = {kernel: list(figures) for kernel, figures in problem.paper.items()}
    same = ours.get("points")
    if same is not None and (len(same) == 1 or max(same) <= SAME_LIMIT):
        row["chebyshev_same"], _ = measure(problem, exact, lambda: chebyshev(pde, same))
    row["points"] = list(problem.points)
    row["chebyshev"], _ = measure(problem, exact, lambda: chebyshev(pde, problem.points))
    if len(pde.box) == 1:
        for key, n in (("differences", problem.points[0]), ("differences_many", N_DIFFERENCES)):
            row[key], _ = measure(problem, exact, lambda n=n: finite_differences(pde, n))
    if problem.name in FINITE_ELEMENTS:
        n = FINITE_ELEMENTS[problem.name]
        row["elements"], solution = measure(problem, exact, lambda: finite_elements(pde, n))
        if solution is not None:
            row["elements"]["unknowns"] = int(solution.n_unknowns)
    return row


def map_rows():
    """(problem, kernel) of the rows of method='map'.

    In two dimensions, where a row takes minutes, the mixture of Gaussian lines alone.
    """
    for name, problem in solvers.PROBLEMS.items():
        if not problem.paper:
            continue
        for kernel, options in MAP_KERNELS.items():
            if (len(problem.points) == 1 or kernel == "GM") and (
                "trend" not in options or name in MAP_TREND
            ):
                yield name, kernel


def measure_map(name, kernel):
    """One row of method='map'."""
    problem = solvers.find(name)
    row, fitted = measure_ours(
        problem, truth(problem), repeats=1, method="map", **MAP_KERNELS[kernel]
    )
    if fitted is not None:
        row["components"] = [len(weights) for weights in fitted.weights_]
        row["pruned"] = [int(np.sum(w < PRUNED * np.max(w))) for w in fitted.weights_]
    return {"problem": name, "kernel": kernel, **row}


def update(*, by_map=False, say=lambda line: None, root=ROOT, names=None):
    """Measure, write the results and render the table.

    Parameters
    ----------
    by_map : bool, default=False
        Measure the missing rows of method='map', each saved as it is done, and leave the others;
        by default the others are measured and those of method='map' are kept.
    say : callable
        Called with one line per row.
    root : path-like
        The checkout.
    names : iterable of str, optional
        Problems; all by default.

    Raises
    ------
    FileNotFoundError
        If ``root`` is not a checkout.
    """
    root = Path(root)
    for part in ("benchmarks/pde_table.py", "docs/benchmarks"):
        if not (root / part).exists():
            raise FileNotFoundError(
                f"there is no {part} in {root}: the table is written in a checkout of kernlab."
            )
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        machine = importlib.import_module("peers").machine
        render = importlib.import_module("pde_table").table
    finally:
        sys.path.pop(0)
    path = root / "benchmarks" / "results" / "pde.json"
    results = json.loads(path.read_text()) if path.exists() else {}

    def save():
        # Whole or not at all: an interrupted run leaves the rows of before.
        part = path.with_suffix(".part")
        part.write_text(json.dumps(results, indent=1) + "\n")
        part.replace(path)

    if by_map:
        # What is not loaded yet cannot be held to one thread.
        import_extra("torch", extra="gp", purpose="method='map'")
    with threadpool_limits(1):
        if by_map:
            done = {(row["problem"], row["kernel"]) for row in results.get("map", ())}
            for name, kernel in map_rows():
                if (name, kernel) in done:
                    continue
                row = measure_map(name, kernel)
                results.setdefault("map_machine", machine())
                results.setdefault("map", []).append(row)
                save()
                say(_line(f"{name} by method='map', {kernel}", row))
        else:
            rows = []
            for name in names or solvers.PROBLEMS:
                rows.append(measure_problem(solvers.find(name)))
                say(_line(name, rows[-1]["ours"]))
            results.update(machine=machine(), rows=rows)
            save()
    (root / "docs" / "benchmarks" / "pde.rst").write_text(render(results))
    say(f"wrote {path} and docs/benchmarks/pde.rst")


def check(say):
    """Solve the quick problems and compare their errors with the bounds; 0 if all hold, else 1."""
    status = 0
    for name, bound in QUICK.items():
        problem = solvers.find(name)
        row, _ = measure_ours(problem, truth(problem))
        held = row.get("error", np.inf) <= bound and row.get("converged", False)
        say(_line(name, row) + ("" if held else f": FAILED, the bound is {bound:g}"))
        status = status if held else 1
    return status


def _line(what, row):
    if "refused" in row:
        return f"{what}: {row['refused']}"
    points = " x ".join(map(str, row["points"]))
    return f"{what}: error {row['error']:.1e}, {row['seconds']:.3g} s, {points} unknowns"

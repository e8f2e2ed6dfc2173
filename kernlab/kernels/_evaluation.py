"""Which algorithm sums the kernels: chosen, prepared and run here.

Every algorithm returns the logarithms of the sums beside bounds on their errors. What an algorithm
cannot resolve to the tolerance is summed by one that can.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from kernlab._core.namespace import is_numpy_namespace, namespace_of
from kernlab.kernels._adaptive import AdaptiveSums, prepare_adaptive
from kernlab.kernels._grid import MOST_FEATURES, GridSources, grid_log_sums, prepare_grid
from kernlab.kernels._line import TIGHTEST, LineSources, line_is_fine, line_log_sums, prepare_line
from kernlab.kernels._precision import rate_of, rounding_of
from kernlab.kernels._sampled import sampled_log_sums
from kernlab.kernels._sums import DIRECT_FEATURES, log_kernel_sums, prepare_sources
from kernlab.kernels._tree import TreeSources, prepare_tree, tree_log_sums, visited_share

ALGORITHMS = ("auto", "exact", "fft", "fgt", "sampled", "tree")

# Below this many points the tree is done before a grid is convolved.
_GRID_POINTS = 10_000
# Of the points, that the grid must resolve to be chosen; the others go to the tree.
_GRID_SHARE = 0.9
# Of the tiles; a tree that visits more in many dimensions loses to matrix products.
_TREE_SHARE = 0.3


class Tolerance(NamedTuple):
    """What a sum may err by: ``rtol·sum + exp(log_atol)``."""

    rtol: float = 0.0
    log_atol: float = -np.inf

    @property
    def is_zero(self):
        return self.rtol == 0 and self.log_atol == -np.inf

    def permitted(self, log_sums):
        """The error permitted of each logarithm."""
        with np.errstate(over="ignore"):
            return np.log1p(self.rtol + np.exp(self.log_atol - log_sums))


class Evaluator(NamedTuple):
    """Prepared sums: the points laid out, and what the algorithm made of them (or None)."""

    algorithm: str
    sources: Any
    tolerance: Tolerance
    tree: TreeSources | None = None
    line: LineSources | None = None
    grid: GridSources | None = None
    adaptive: AdaptiveSums | None = None


def prepare_evaluator(
    points, *, kernel, root, weights, precision, algorithm, tolerance, random_state=None,
    adaptive=None, n_jobs=None, verbose=0,
):  # fmt: skip
    """Choose the algorithm and lay the points out for it.

    Parameters
    ----------
    points, kernel, root, weights, precision
        See :func:`kernlab.kernels._sums.prepare_sources`.
    algorithm : str
        One of :data:`ALGORITHMS`.
    tolerance : Tolerance
    random_state : int, RandomState or None
        For the sample, where there is one.
    adaptive : str or None
        One of :data:`kernlab.kernels._adaptive.ADAPTIVE`.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`
        For the pilot of adaptive widths.
    """
    sums = {"kernel": kernel, "root": root, "weights": weights}
    if adaptive is not None:
        _check_adaptive(points, adaptive, algorithm, precision)
        prepared = prepare_adaptive(adaptive, points, n_jobs=n_jobs, verbose=verbose, **sums)
        return Evaluator("exact", prepared.pilot, tolerance, adaptive=prepared)
    _check(points, kernel, algorithm, tolerance)
    if algorithm == "auto":
        return _choose(points, sums, precision, tolerance)
    if algorithm == "exact":
        return Evaluator("exact", prepare_sources(points, precision=precision, **sums), tolerance)
    if algorithm == "fgt":
        return _with_line(points, sums, tolerance)
    if algorithm == "sampled":
        shuffle = check_random_state(random_state)
        return Evaluator("sampled", prepare_sources(points, shuffle=shuffle, **sums), tolerance)
    tree = prepare_tree(points, **sums)
    grid = None
    if algorithm == "fft":
        grid = prepare_grid(points, root=root, weights=weights, rtol=tolerance.rtol)
        if grid is None:
            algorithm = "tree"
    return Evaluator(algorithm, tree.sources, tolerance, tree=tree, grid=grid)


def evaluate(evaluator, queries=None, *, own=None, n_jobs=None, verbose=0):
    """Log sums at ``queries``, or leave-one-out at the points, and bounds on their errors.

    ``own`` is None, or the number of the point that each query leaves out.

    Returns
    -------
    log_sums, errors : (m,) arrays
    """
    tolerance, options = evaluator.tolerance, {"n_jobs": n_jobs, "verbose": verbose}
    if evaluator.adaptive is not None:
        log_sums, errors = evaluator.adaptive.log_sums(queries, **options)
        return log_sums[0], errors
    if evaluator.line is not None:
        points = None if queries is None else np.asarray(queries[:, 0], dtype=np.float64)
        return line_log_sums(evaluator.line, points, own=own, **options)
    if evaluator.grid is not None and own is None:
        return _grid_then_tree(evaluator, queries, options)
    if evaluator.tree is not None:
        return tree_log_sums(evaluator.tree, queries, own=own, **tolerance._asdict(), **options)
    if evaluator.algorithm == "sampled" and queries is not None and own is None:
        return sampled_log_sums(evaluator.sources, queries, rtol=tolerance.rtol, **options)
    log_sums = log_kernel_sums(evaluator.sources, queries, own=own, **options)[0, ...]
    return log_sums, rounding_of(evaluator.sources, log_sums)


def evaluate_terms(evaluator, queries, *, n_jobs=None, verbose=0):
    """Exact log sums at ``queries``, and below them the effective number of terms: (2, m)."""
    options = {"with_effective": True, "n_jobs": n_jobs, "verbose": verbose}
    if evaluator.adaptive is not None:
        return evaluator.adaptive.log_sums(queries, **options)[0]
    return log_kernel_sums(evaluator.sources, queries, **options)


def guaranteed(evaluator):
    """Relative error that no sum exceeds, for logarithms of up to one; NaN of a sample."""
    tolerance = evaluator.tolerance
    if evaluator.algorithm == "sampled":
        return np.nan
    if evaluator.adaptive is not None:
        return evaluator.adaptive.guaranteed
    if evaluator.line is not None:
        return max(tolerance.rtol, TIGHTEST)
    if evaluator.tree is not None:
        any_size = tolerance.log_atol > -np.inf
        return np.inf if any_size else max(tolerance.rtol, rate_of(evaluator.sources))
    return rate_of(evaluator.sources)


def _check(points, kernel, algorithm, tolerance):
    if algorithm in ("auto", "exact"):
        return
    if not is_numpy_namespace(namespace_of(points)):
        raise ValueError(
            f"algorithm={algorithm!r} works on NumPy arrays and X is of {type(points)}; give "
            "algorithm='auto' or 'exact', or X as a NumPy array."
        )
    largest = {"fgt": 1, "fft": MOST_FEATURES}.get(algorithm, np.inf)
    if points.shape[1] > largest:
        raise ValueError(
            f"algorithm={algorithm!r} serves up to {largest} features and X has "
            f"{points.shape[1]}; give algorithm='tree' or 'auto'."
        )
    if algorithm in ("fgt", "fft") and kernel != "gaussian":
        raise ValueError(
            f"algorithm={algorithm!r} serves kernel='gaussian', not {kernel!r}; give "
            "algorithm='tree' or 'auto'."
        )
    if algorithm == "fft" and tolerance.is_zero:
        raise ValueError(
            "algorithm='fft' needs a tolerance, and rtol=atol=0; give for instance rtol=1e-4."
        )
    if algorithm == "sampled" and tolerance.rtol == 0:
        raise ValueError(
            "algorithm='sampled' needs the relative standard error to aim at, and rtol=0; give "
            "for instance rtol=0.01."
        )


def _check_adaptive(points, adaptive, algorithm, precision):
    if not is_numpy_namespace(namespace_of(points)):
        raise ValueError(
            f"adaptive={adaptive!r} works on NumPy arrays and X is of {type(points)}; fit on a "
            "NumPy copy, or with adaptive=None."
        )
    if algorithm not in ("auto", "exact"):
        raise ValueError(
            f"algorithm={algorithm!r} sums kernels of one width, and adaptive={adaptive!r} has "
            "many; give algorithm='exact', which keeps to every tolerance."
        )
    if precision != "double":
        raise ValueError(
            f"adaptive={adaptive!r} is computed in double precision; leave precision='double'."
        )


def _choose(points, sums, precision, tolerance):
    n_points, n_features = points.shape
    exact = Evaluator("exact", None, tolerance)
    if not tolerance.is_zero and is_numpy_namespace(namespace_of(points)):
        gaussian = sums["kernel"] == "gaussian"
        if gaussian and n_features == 1 and line_is_fine(points, bandwidth_of(sums["root"])):
            return _with_line(points, sums, tolerance)
        tree = prepare_tree(points, **sums)
        if gaussian and n_features <= MOST_FEATURES and n_points >= _GRID_POINTS:
            grid = prepare_grid(
                points, root=sums["root"], weights=sums["weights"], rtol=tolerance.rtol
            )
            if _resolves(grid, tolerance):
                return Evaluator("fft", tree.sources, tolerance, tree=tree, grid=grid)
        share = 0.0 if n_features <= DIRECT_FEATURES else visited_share(tree, **tolerance._asdict())
        if share <= _TREE_SHARE:
            return Evaluator("tree", tree.sources, tolerance, tree=tree)
    return exact._replace(sources=prepare_sources(points, precision=precision, **sums))


def _resolves(grid, tolerance):
    """Whether the grid serves most of the points themselves."""
    if grid is None:
        return False
    log_sums, errors = grid_log_sums(grid)
    return np.mean(errors <= tolerance.permitted(log_sums)) >= _GRID_SHARE


def bandwidth_of(root):
    """The one number that a root is in one feature."""
    return float(np.ravel(root)[0])


def _with_line(points, sums, tolerance):
    line = prepare_line(
        np.asarray(points[:, 0], dtype=np.float64),
        h=bandwidth_of(sums["root"]),
        weights=sums["weights"],
        tolerance=max(tolerance.rtol, TIGHTEST),
    )
    return Evaluator("fgt", prepare_sources(points, **sums), tolerance, line=line)


def _grid_then_tree(evaluator, queries, options):
    tolerance = evaluator.tolerance
    log_sums, errors = grid_log_sums(evaluator.grid, queries, **options)
    rest = ~(errors <= tolerance.permitted(log_sums))
    if rest.any():
        points = None if queries is None else queries[rest]
        tree_sums, tree_errors = tree_log_sums(
            evaluator.tree, points, rows=np.flatnonzero(rest), **tolerance._asdict(), **options
        )
        log_sums[rest], errors[rest] = tree_sums, tree_errors
    return log_sums, errors

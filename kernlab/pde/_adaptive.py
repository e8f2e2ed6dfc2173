"""The direct solver: as many features as the solution needs, and a certificate of what it found."""

import logging
from dataclasses import dataclass

import numpy as np

from kernlab.pde._discretization import Discretization
from kernlab.pde._fourier import Fourier
from kernlab.pde._legendre import Legendre
from kernlab.pde._newton import solve
from kernlab.pde._resolution import features_of_data, grow

_logger = logging.getLogger("kernlab.pde")
_EPS = np.finfo(float).eps
_N_CHECKS = 256


@dataclass
class DirectSolution:
    """A solved PDE, with what certifies it.

    Attributes
    ----------
    fields : dict
        From names to ``(space, coefficients)``.
    error : float
        Estimated relative error of u: the share of the last features of each axis, and rounding
        times what the operator amplifies it by.
    residual : float
        Root mean square residual of the equations at random points off the grid, relative to
        that of their largest term.
    history : list of (sizes, error)
    """

    discretization: Discretization
    coefficients: list
    sizes: list
    error: float
    residual: float
    converged: bool
    route: str
    n_iter: int
    n_inner: int
    history: list
    reason: str = ""

    def space(self, field):
        return self.discretization.spaces[field]

    def coefficients_of(self, field):
        return self.coefficients[self.discretization.pde.fields.index(field)]


def solve_adaptively(pde, *, tol, max_points, random_state=None, sizes=None):
    """Solve on tensor products of polynomials (Fourier modes on periods), as many as needed."""
    linear = all(equation.is_linear for equation in pde.equations)
    budget = max_points // len(pde.fields)
    if sizes is None:
        sizes, _ = features_of_data(pde, random_state=random_state)
        if not linear:
            # The source of a nonlinear equation holds overtones that the solution has not.
            sizes = [max(12, n // 2) for n in sizes]
    sizes = _within(sizes, budget)
    start, history, previous, floored = None, [], None, np.zeros(len(sizes), dtype=bool)
    while True:
        discretization = Discretization(pde, _factors(pde, sizes))
        solution = solve(discretization, start)
        spaces = list(discretization.spaces.values())
        tails = np.max([s.tails(c) for s, c in zip(spaces, solution.coefficients)], axis=0)
        rounding = _EPS / 2 * (1 + solution.amplification)
        error = max(float(np.max(tails)), rounding)
        history.append((tuple(sizes), error))
        _logger.info("sizes %s: tails %s, error %.1e, %s", sizes, tails, error, solution.route)
        if previous is not None:
            # A tail that more features did not lower is rounding, not lack of them.
            floored |= grown & (tails > previous / 3) & (tails < 1e-6)
        failing = (tails > 0.1 * tol) & ~floored
        larger = grow(sizes, failing, budget) if solution.converged or len(history) < 3 else None
        if not np.any(failing) and solution.converged or larger is None:
            break
        if not np.any(failing):
            larger = grow(sizes, np.ones(len(sizes), dtype=bool), budget)
            if larger is None:
                break
        grown = np.array(larger) > np.array(sizes)
        previous, sizes = tails, larger
        start = None if linear or not solution.converged else _Prolongation(discretization, solution)
    residual = off_grid_residual(discretization, solution.coefficients, random_state)
    reason = _why_not(solution, failing, error, residual, tol)
    return DirectSolution(
        discretization, solution.coefficients, sizes, error, residual, not reason,
        solution.route, solution.n_iter, solution.n_inner, history, reason,
    )


def _why_not(solution, failing, error, residual, tol):
    if not solution.converged:
        return "the iteration did not converge"
    if np.any(failing):
        return "max_points was reached before the solution was resolved"
    if error > tol:
        return "rounding limits the accuracy of this problem"
    if residual > max(1e-5, 1e3 * tol):
        return "the equation does not hold between the nodes"
    return ""


def _within(sizes, budget):
    """Sizes shrunk alike until their product fits."""
    sizes = [int(n) for n in sizes]
    while np.prod(np.array(sizes, dtype=float)) > budget and max(sizes) > 4:
        largest = int(np.argmax(sizes))
        sizes[largest] = max(4, int(0.9 * sizes[largest]))
    return sizes


def _factors(pde, sizes):
    periodic = [pde.conditions[pde.fields[0], d].periodic for d in range(len(sizes))]
    return [
        (Fourier if wraps else Legendre)(low, high, n)
        for wraps, low, high, n in zip(periodic, pde.box.low, pde.box.high, sizes)
    ]


class _Prolongation:
    """Coefficients on a coarser discretisation, carried to a finer one when it is there."""

    def __init__(self, coarse, solution):
        self._raws = [s.raw(c) for s, c in zip(coarse.spaces.values(), solution.coefficients)]

    def __call__(self, fine):
        result = []
        for raw, space in zip(self._raws, fine.spaces.values()):
            shape = [axis.factor.n_features for axis in space.axes]
            padded = np.zeros(shape)
            padded[tuple(slice(0, n) for n in raw.shape)] = raw
            result.append(space.coefficients(padded))
        return result


def off_grid_residual(discretization, coefficients, random_state=None):
    """Relative residual of all equations at random points of the box."""
    pde = discretization.pde
    rng = np.random.default_rng(random_state)
    X = pde.box.low + rng.random((_N_CHECKS, len(pde.box))) * pde.box.lengths
    points = tuple(X.T)
    by_field = dict(zip(pde.fields, coefficients))
    worst = 0.0
    for equation in pde.equations:
        jets = {
            (field, orders): discretization.spaces[field].evaluate(by_field[field], X, orders)
            for field, orders in equation.jets
        }
        residual = np.broadcast_to(equation.residual(jets, points), len(X))
        partials = equation.partials(jets, points)
        terms = [np.broadcast_to(partials[jet] * jets[jet], len(X)) for jet in equation.jets]
        zero = {jet: np.zeros(len(X)) for jet in jets}
        terms.append(np.broadcast_to(equation.residual(zero, points), len(X)))
        scale = max(np.sqrt(np.mean(term**2)) for term in terms)
        if scale > 0:
            worst = max(worst, float(np.sqrt(np.mean(residual**2)) / scale))
    return worst

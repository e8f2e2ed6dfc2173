"""The direct solver: as many features as the solution needs, and a certificate of what it found."""

import functools
import itertools
import logging
from dataclasses import dataclass

import numpy as np

from kernlab._core.extras import import_extra
from kernlab._core.progress import progress
from kernlab.pde._band import Band
from kernlab.pde._discretization import Discretization
from kernlab.pde._fourier import Fourier
from kernlab.pde._legendre import Legendre
from kernlab.pde._lines import find_lines
from kernlab.pde._newton import solve
from kernlab.pde._resolution import check_points_of, data_fibres, features_of_data, grow
from kernlab.pde._slabs import MOST_ALONG, held, march, time_axis

_logger = logging.getLogger("kernlab.pde")
_EPS = np.finfo(float).eps
_N_CHECKS = 256
# Polynomials along an axis, and in all, past which features of the data's lines are worth a search.
_MANY_ALONG, _MANY = 1200, 400_000
# Refinements for the sake of a residual alone.
_MAX_SUSPICIONS = 3
# Most polynomials along the axis of a line, along others, and where the data are not smooth.
_MOST_ALONG_LINE, _MOST_ALONG_AXIS, _MOST_ALONG_ROUGH = 1500, 4096, 512


@dataclass
class DirectSolution:
    """A solved PDE, with what certifies it.

    Attributes
    ----------
    error : float
        Estimated relative error of u: the share of the last features of each axis, and rounding
        of the data times what the operator amplifies it by.
    residual : float
        Root mean square residual of the equations at random points off the grid, relative to
        that of their largest term.
    history : list of (sizes, error)
        Of every refinement.
    reason, remedy : str
        Why it did not converge and what to do; empty where it did.
    is_short_along : tuple of bool
        For each axis, whether it lacks features, or may for all that is known.
    solver : object
        What solved the discrete equations; it serves again where they differ by data alone.
    """

    discretization: Discretization
    coefficients: list
    raws: list
    sizes: list
    error: float
    residual: float
    converged: bool
    route: str
    n_iter: int
    n_inner: int
    history: list
    reason: str = ""
    remedy: str = ""
    is_short_along: tuple = ()
    solver: object = None

    def predict(self, X):
        """The fields at points of shape (n, d): (n,), or (n, n_fields) for a system."""
        spaces = self.discretization.spaces.values()
        values = [space.evaluate(raw, X) for space, raw in zip(spaces, self.raws, strict=True)]
        return values[0] if len(values) == 1 else np.stack(values, axis=-1)

    def predict_grid(self, axes):
        """The fields on a grid, with a last axis of fields for a system."""
        spaces = self.discretization.spaces.values()
        values = [
            space.evaluate_grid(raw, axes) for space, raw in zip(spaces, self.raws, strict=True)
        ]
        return values[0] if len(values) == 1 else np.stack(values, axis=-1)


def solve_adaptively(
    pde,
    *,
    tol,
    max_points,
    basis="auto",
    backend="numpy",
    verbose=0,
    random_state=None,
    sizes=None,
):
    """Solve a PDE with as many features as ``tol`` asks for; see ``GPPDESolver``."""
    device = _device(backend)
    if sizes is None:
        sizes, resolved = features_of_data(pde, random_state=random_state)
    else:
        resolved = [True] * len(sizes)
    many = not all(resolved) or max(sizes) > _MANY_ALONG or np.prod(np.array(sizes, float)) > _MANY
    if basis == "spectral-mixture" or (basis == "auto" and many and has_bands(pde)):
        solution = _solve_on_lines(pde, tol, device, random_state, basis)
        if solution is not None:
            return solution
    axis = time_axis(pde)
    if axis is None:
        return _refine(
            pde, sizes, tol, max_points, device, random_state,
            is_smooth=all(resolved), verbose=verbose,
        )  # fmt: skip

    def refine(part, like, is_last_resort):
        if like is not None:
            own = like.sizes
        else:
            own = features_of_data(part, random_state=random_state)[0] if part is not pde else sizes
        most = [MOST_ALONG if d == axis else max_points for d in range(len(own))]
        return _refine(
            part, own, tol, max_points, device, random_state,
            most=None if is_last_resort else most, like=like,
            start=functools.partial(held, axis=axis), is_smooth=all(resolved),
        )  # fmt: skip

    return march(pde, axis, sizes[axis], refine, verbose=verbose)


def _device(backend):
    if backend == "numpy":
        return None
    torch = import_extra("torch", extra="gp", purpose="backend='torch'")
    return "cuda" if torch.cuda.is_available() else "cpu"


def has_bands(pde):
    """Whether the lines of the data are those of the solution, and the tests can be its features:
    constant coefficients, and conditions at both ends of every coordinate."""
    return (
        len(pde.equations) == 1
        and pde.equations[0].is_constant
        and all(len(c.low) == len(c.high) == 1 for c in pde.conditions.values())
    )


def _solve_on_lines(pde, tol, device, random_state, basis):
    """On the features of the data's lines; None where they are not certified or do not do."""
    if not has_bands(pde):
        raise ValueError(
            "basis='spectral-mixture' needs one linear equation with constant coefficients and one "
            f"condition at each end of every coordinate, which {pde!r} is not: use basis='auto'."
        )
    lines = [lines_along(pde, d, random_state) for d in range(len(pde.box))]
    if not all(line.certified for line in lines) and basis == "auto":
        _logger.info("lines not certified: %s", lines)
        return None
    factors = [
        Band(low, high, line.frequencies, n_nodes=4096 if len(lines) == 1 else 0)
        for low, high, line in zip(pde.box.low, pde.box.high, lines, strict=True)
    ]
    discretization = Discretization(pde, factors, device)
    solution = solve(discretization)
    raws = _raws(discretization, solution.coefficients)
    residual = off_grid_residual(discretization, raws, random_state)
    # The residual is orthogonal to the trend's polynomials: what is left of it meets eigenvalues
    # from there on, not the smallest.
    worst = max(residual, max(line.residual for line in lines))
    error = max(worst, _EPS / 2 * (1 + solution.amplification))
    if basis == "auto" and worst > 1e3 * max(tol, 1e-12):
        _logger.info("features of the lines leave a residual of %.1e", residual)
        return None
    reason, remedy = _why_not(solution, False, error, residual, tol)
    sizes = [factor.n_features for factor in factors]
    return DirectSolution(
        discretization, solution.coefficients, raws, sizes, error, residual, not reason,
        solution.route, solution.n_iter, solution.n_inner, [(tuple(sizes), error)], reason, remedy,
    )  # fmt: skip


def lines_along(pde, d, random_state=None, **options):
    """Lines of the source and the boundary data along one coordinate; see ``find_lines``."""
    fibres = data_fibres(pde, d, random_state=random_state)
    low, high = pde.box.low[d], pde.box.high[d]
    return find_lines(
        [lambda x, f=f: f((2 * x - low - high) / (high - low)) for f in fibres],
        low,
        high,
        **options,
    )


def _raws(discretization, coefficients):
    spaces = discretization.spaces.values()
    return [space.raw(c) for space, c in zip(spaces, coefficients, strict=True)]


def _refine(
    pde,
    sizes,
    tol,
    max_points,
    device,
    random_state,
    *,
    most=None,
    like=None,
    start=None,
    is_smooth=True,
    verbose=0,
):
    """Polynomials (Fourier modes on periods), more of them until their last do not matter.

    ``most`` are so many for each axis at most, where there is another way than more of them;
    ``like`` is the solution of the slab before.
    """
    linear = all(equation.is_linear for equation in pde.equations)
    budget = max_points // len(pde.fields)
    if not linear and like is None:
        # The source of a nonlinear equation holds overtones that the solution has not.
        sizes = [max(12, n // 2) for n in sizes]
    limit = _MOST_ALONG_LINE if len(sizes) == 1 else _MOST_ALONG_AXIS
    limits = [limit if is_smooth else _MOST_ALONG_ROUGH] * len(sizes)
    if most is not None:
        limits = np.minimum(limits, most)
    sizes = _within(np.minimum(sizes, limits), budget)
    history, previous, n_suspicions = [], None, 0
    first = start
    floored = grown = np.zeros(len(sizes), dtype=bool)
    for _ in progress(itertools.count(), total=None, verbose=verbose, label="Refinements"):
        residual = None
        same = _is_like(pde, sizes, like)
        factors = _moved_factors(pde, like) if same else _factors(pde, sizes)
        discretization = Discretization(
            pde, factors, device, like=like.discretization if same else None
        )
        solution = solve(
            discretization, start, earlier=like.solver if same else None, is_patient=most is None
        )
        raws = _raws(discretization, solution.coefficients)
        tails = np.max([tail_shares(raw) for raw in raws], axis=0)
        rounding = _EPS / 2 * (1 + solution.amplification)
        error = max(10 * float(np.max(tails)), rounding)
        history.append((tuple(sizes), error))
        _logger.info("sizes %s: tails %s, error %.1e, %s", sizes, tails, error, solution.route)
        if previous is not None:
            # A tail that more features did not lower is rounding, not lack of them.
            floored = floored | grown & (tails > previous / 3) & (tails < 1e-6)
        failing = (tails > 0.01 * tol) & ~floored
        if not solution.converged:
            failing[:] = True
        if not np.any(failing):
            residual = off_grid_residual(discretization, raws, random_state)
            if residual <= _credible(tol) or n_suspicions == _MAX_SUSPICIONS:
                break
            # Something lies between the nodes that the features do not show.
            n_suspicions += 1
            failing[:] = True
        if not solution.converged and len(history) == 3:
            break
        if most is not None and (not solution.converged or _is_hopeless(sizes, tails, most)):
            break
        larger = grow(sizes, failing, budget)
        if larger is None:
            break
        larger = np.minimum(larger, limits).tolist()
        grown = np.array(larger) > np.array(sizes)
        if not np.any(grown):
            break
        previous, sizes = tails, larger
        start = first if linear or not solution.converged else _Prolongation(raws)
    if residual is None:
        residual = off_grid_residual(discretization, raws, random_state)
    if not solution.converged:
        error = max(error, residual)
    reason, remedy = _why_not(
        solution, np.any(failing), error, residual, tol, grow(sizes, failing, budget) is None
    )
    return DirectSolution(
        discretization, solution.coefficients, raws, sizes, error, residual, not reason,
        solution.route, solution.n_iter, solution.n_inner, history, reason, remedy,
        tuple(failing.tolist()), solution.solver,
    )  # fmt: skip


def _is_hopeless(sizes, tails, most):
    """Whether an axis that may not grow for ever has nothing of its solution resolved yet."""
    limited = np.array(most) <= MOST_ALONG
    return bool(np.any(limited & (np.array(sizes) >= 0.4 * np.array(most)) & (tails > 0.05)))


def _is_like(pde, sizes, like):
    if like is None or list(sizes) != list(like.sizes):
        return False
    return np.allclose(pde.box.lengths, like.discretization.pde.box.lengths, rtol=1e-9, atol=0)


def _moved_factors(pde, like):
    """The factors of a slab before, that of time moved."""
    return [
        factor if factor.low == low else factor.moved(low, high)
        for factor, low, high in zip(
            like.discretization.factors, pde.box.low, pde.box.high, strict=True
        )
    ]


def tail_shares(raw):
    """For each axis, the share of the last raw features in a field."""
    shares = np.zeros(raw.ndim)
    largest = np.max(np.abs(raw), initial=0.0)
    if largest > 0:
        raw = raw / largest
        total = np.linalg.norm(raw)
        for d, n in enumerate(raw.shape):
            last = np.moveaxis(raw, d, 0)[-max(4, n // 64) :]
            shares[d] = np.linalg.norm(last) / total
    return shares


def _credible(tol):
    """The largest residual off the grid that a resolved solution has."""
    return max(1e-3, 1e4 * tol)


def _why_not(solution, failing, error, residual, tol, is_short=False):
    """Why a solution does not meet ``tol``, and the remedy; empty strings where it does."""
    if not solution.converged:
        return (
            "the iteration did not converge",
            "There may be no solution, or several; start from an easier equation, or a smaller "
            "box or time.",
        )
    if failing and is_short:
        return (
            "max_points was reached before the solution was resolved",
            "Raise max_points, or accept a larger tol.",
        )
    if failing:
        return (
            "the data are not smooth enough to be resolved",
            "Where there is a kink, a jump or a spike, split the box; or accept a larger tol.",
        )
    if error > tol:
        return (
            "rounding limits the accuracy of this problem",
            "Nothing but a larger tol helps: the operator amplifies the last digits of the data.",
        )
    if residual > _credible(tol):
        return (
            "the equation does not hold between the nodes",
            "The data may have a kink, or a feature too narrow to be seen: split the box there.",
        )
    return "", ""


def _within(sizes, budget):
    """Sizes shrunk alike until their product fits."""
    sizes = [int(n) for n in sizes]
    while np.prod(np.array(sizes, dtype=float)) > budget and max(sizes) > 4:
        largest = int(np.argmax(sizes))
        sizes[largest] = max(4, int(0.9 * sizes[largest]))
    return sizes


def _factors(pde, sizes):
    periodic = [pde.conditions[pde.fields[0], d].periodic for d in range(len(sizes))]
    made: dict = {}
    # Axes alike share their factor, and with it all that is computed for it.
    return [
        made.setdefault(key, (Fourier if key[0] else Legendre)(*key[1:]))
        for key in zip(periodic, pde.box.low, pde.box.high, sizes, strict=True)
    ]


class _Prolongation:
    """Raw coefficients on a coarser discretisation, carried to a finer one when it is there."""

    def __init__(self, raws):
        self._raws = raws

    def __call__(self, fine):
        result = []
        for raw, space in zip(self._raws, fine.spaces.values(), strict=True):
            padded = np.zeros([axis.factor.n_features for axis in space.axes])
            padded[tuple(slice(0, n) for n in raw.shape)] = raw
            result.append(space.coefficients(padded))
        return result


def off_grid_residual(discretization, raws, random_state=None):
    """Relative residual of all equations at random points, and where the sources are largest."""
    pde = discretization.pde
    X = check_points_of(pde, _N_CHECKS, random_state)
    by_field = dict(zip(pde.fields, raws, strict=True))

    @functools.cache
    def evaluate(field, orders):
        return discretization.spaces[field].evaluate(by_field[field], X, orders)

    residuals = relative_residuals(pde, evaluate, tuple(X.T))
    return max(float(np.sqrt(np.mean(residual**2))) for residual in residuals)


def relative_residuals(pde, evaluate, points):
    """Residual of each equation at points, relative to the root mean square of its largest term.

    Of a derivative not less is taken than that of a function of u's size which varies along the
    box: where all of a solution's terms vanish, their rounding is no measure.

    Parameters
    ----------
    pde : PDE
    evaluate : callable
        From a field and orders of derivatives to values of the shape of the points.
    points : tuple of arrays that broadcast against each other
    """
    shape, results = np.broadcast_shapes(*(p.shape for p in points)), []
    for equation in pde.equations:
        jets = {jet: evaluate(*jet) for jet in equation.jets}
        residual = np.broadcast_to(equation.residual(jets, points), shape)
        partials = equation.partials(jets, points)
        terms = [np.broadcast_to(partials[jet] * jets[jet], shape) for jet in equation.jets]
        zero = {jet: np.zeros(shape) for jet in jets}
        terms.append(np.broadcast_to(equation.residual(zero, points), shape))
        for field, orders in equation.jets:
            u = evaluate(field, (0,) * len(points)) / np.prod(pde.box.lengths ** np.array(orders))
            terms.append(np.broadcast_to(partials[field, orders] * u, shape))
        # Divided by the largest first: squares of extreme numbers are none.
        unit = max(np.max(np.abs(term), initial=0.0) for term in terms) or 1.0
        scale = unit * max(np.sqrt(np.mean((term / unit) ** 2)) for term in terms)
        results.append(residual / scale if scale > 0 else np.zeros(shape))
    return results

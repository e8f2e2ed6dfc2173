"""Solutions of a discretised PDE: at once, by preconditioned GMRES, or by damped Newton steps."""

# References: Deuflhard, Newton Methods for Nonlinear Problems (2004), chapters 2 and 5;
# Eisenstat and Walker, SIAM J. Sci. Comput. 17 (1996).

import logging
import warnings
from dataclasses import dataclass, field

import numpy as np
import scipy.linalg as sl
from scipy.sparse.linalg import LinearOperator, gmres

from kernlab.exceptions import SingularOperatorError
from kernlab.pde._discretization import is_separable

_logger = logging.getLogger("kernlab.pde")

# Below so many unknowns (of one field, of several, along a line) a dense factorisation is quicker
# than GMRES; above, GMRES is tried first and the dense one, up to the last number, where it fails.
_DENSE, _DENSE_SYSTEM, _DENSE_LINE, _DENSE_AT_MOST = 400, 1600, 1500, 6000
# Below so many one is made afresh for each step of Newton's; above, an earlier one preconditions.
_DENSE_ANEW = 300
_CYCLE, _MAX_CYCLES = 60, 5
_EPS = np.finfo(float).eps
_SINGULAR = 1e-15
# Amplification of rounding that leaves no digit; and a cancellation that is worth a thought.
_ALL_DIGITS, _CANCELLED = 0.1 / _EPS, 1e3
_NOT_UNIQUE = (
    "the equation with these conditions has no unique solution: its operator has an eigenvalue {}. "
    "Between Neumann or periodic faces alone u is free up to a constant: add a zero-order term or "
    "fix u on a face; a Helmholtz number may be an eigenvalue of the box: move it."
)
_MAX_NEWTON, _SMALLEST_STEP = 40, 2.0**-10
_MAX_IMPATIENT, _SMALLEST_IMPATIENT = 15, 2.0**-4


@dataclass
class Solution:
    """Coefficients of the fields and how they were found."""

    coefficients: list
    route: str
    n_iter: int = 1
    n_inner: int = 0
    amplification: float = 0.0
    converged: bool = True
    steps: list = field(default_factory=list)
    solver: object = None


def solve(discretization, start=None, *, earlier=None, is_patient=True):
    """Solve a discretised PDE.

    Parameters
    ----------
    discretization : Discretization
    start : callable, default=None
        ``start(discretization)`` is what Newton's method starts from.
    earlier : default=None
        The ``solver`` of a solution on a discretization alike, which serves again: as it is for
        constant coefficients, else as the preconditioner.
    is_patient : bool, default=True
        Whether to try continuation where Newton's method fails.

    Returns
    -------
    solution : Solution
    """
    equations = discretization.pde.equations
    if len(discretization.factors) > 1 and len(equations) == 1 and is_separable(equations[0]):
        return _solve_separable(discretization, earlier)
    if all(equation.is_linear for equation in equations):
        return _solve_linear(discretization, earlier)
    return _solve_nonlinear(discretization, start, earlier, is_patient)


def _norm(arrays):
    sizes = [_largest(a) for a in arrays]
    parts = [s * np.linalg.norm(a / s) if s else 0.0 for a, s in zip(arrays, sizes, strict=True)]
    largest = max(parts)
    return float(largest * np.linalg.norm(np.array(parts) / largest)) if largest else 0.0


def _largest(array):
    """Largest modulus, by which squares neither overflow nor vanish; 0.0 of what is all zero."""
    size = float(np.max(np.abs(array), initial=0.0))
    return size if np.isfinite(size) else 1.0


def _solve_separable(discretization, operator=None):
    zero = discretization.zeros()
    (right,) = discretization.residual(zero)
    if operator is None:
        (operator,) = discretization.linearise(zero).separable()
        _refuse_singular(operator)
    solution = -operator.solve(right)
    size = _norm([solution])
    grows = _norm([right]) * operator.inverse_norm / size if size else 0.0
    # Where terms of either sign nearly cancel, what is left of the mode in question is rounding.
    mode, cancelled = operator.cancellation
    share = abs(solution[mode]) / size if size and operator.is_diagonal else 1.0
    grows += share * cancelled if cancelled > _CANCELLED else 0.0
    if not grows < _ALL_DIGITS:
        raise SingularOperatorError(_NOT_UNIQUE.format("so small that rounding is all of u"))
    if not operator.is_diagonal and size:
        # Eigenvalues say little of an operator that is not normal, as convection's is.
        (noise,) = discretization.noise(np.random.default_rng(0), [solution])
        grows = max(grows, _norm([operator.solve(noise)]) / size)
        # Nor is it solved to the last digit then. What one more solve changes is the share of an
        # error that a solve leaves: of its own error as well.
        change = -operator.solve(discretization.residual([solution])[0])
        solution = solution + change
        grows = max(grows, (_norm([change]) / size) ** 2 / _EPS)
    route = "fast diagonalisation" if operator.is_diagonal else "Schur"
    return Solution([solution], route, amplification=grows, solver=operator)


def _refuse_singular(operator):
    if operator.smallest < _SINGULAR or not np.isfinite(operator.smallest):
        raise SingularOperatorError(
            _NOT_UNIQUE.format(f"of {operator.smallest:.1e} of the largest")
        )


def _solve_linear(discretization, earlier=None):
    zero = discretization.zeros()
    right = discretization.residual(zero)
    if earlier is not None and all(e.is_constant for e in discretization.equations):
        solver = earlier
    else:
        solver = _LinearSolver(discretization.linearise(zero), earlier)
    step, n_inner, accurate = solver.solve([-r for r in right], 1e-14)
    # One more correction: what GMRES left of the residual.
    rest = discretization.residual(step)
    more, n_more, _ = solver.solve([-r for r in rest], 1e-6)
    refined = [a + b for a, b in zip(step, more, strict=True)]
    if _norm(discretization.residual(refined)) < _norm(rest):
        step = refined
    amplification = solver.amplification(discretization, step)
    if not np.isfinite(amplification):
        raise OverflowError(
            "numbers of this problem overflow; write it in units in which coordinates, "
            "coefficients and data are nearer to one."
        )
    if accurate and not amplification < _ALL_DIGITS:
        raise SingularOperatorError(_NOT_UNIQUE.format("so small that rounding is all of u"))
    if solver.route == "dense" and _norm(step):
        # Of an operator that is not normal the last digits of the matrix count as well.
        amplification = max(amplification, _norm(more) / _norm(step) / _EPS)
    return Solution(
        step,
        solver.route,
        n_inner=n_inner + n_more,
        amplification=amplification,
        converged=accurate,
        solver=solver,
    )


class _LinearSolver:
    """Solves with one Jacobian.

    Parameters
    ----------
    jacobian : Jacobian
    earlier : _LinearSolver, default=None
        Of a Jacobian nearby, whose factorisation, where it has one, preconditions this one's.
    """

    def __init__(self, jacobian, earlier=None):
        self._jacobian = jacobian
        self._shapes = [space.shape for space in jacobian.disc.spaces.values()]
        self._n = jacobian.disc.n_unknowns
        if len(self._shapes) > 1:
            dense = _DENSE_SYSTEM
        else:
            dense = _DENSE_LINE if len(self._shapes[0]) == 1 else _DENSE
        self._factors = self._separable = None
        self._is_exact = False
        if earlier is not None and earlier._factors is not None and self._n > _DENSE_ANEW:
            self._factors = earlier._factors
        elif self._n <= dense:
            self._factorise()
        else:
            self._separable = jacobian.separable(approximate=True)
            if any(op.smallest < _SINGULAR for op in self._separable):
                self._separable = None

    @property
    def route(self):
        return "Krylov" if self._factors is None else "dense"

    def _factorise(self):
        matrix = self._jacobian.dense()
        # Rows and columns of like size: unknowns of different meaning stand side by side.
        rows = 1 / np.maximum(np.max(np.abs(matrix), axis=1), 1e-300)
        matrix *= rows[:, None]
        with warnings.catch_warnings():
            # Of a pivot that is zero; what it does to the solution is seen there.
            warnings.simplefilter("ignore", sl.LinAlgWarning)
            self._factors = (rows, sl.lu_factor(matrix, overwrite_a=True, check_finite=True))
        self._is_exact = True

    def _split(self, vector):
        parts, start = [], 0
        for shape in self._shapes:
            size = int(np.prod(shape))
            parts.append(vector[start : start + size].reshape(shape))
            start += size
        return parts

    def precondition(self, parts):
        """An approximate solve: exact where a dense factorisation is at hand."""
        if self._factors is not None:
            rows, lu = self._factors
            return self._split(sl.lu_solve(lu, _join(parts) * rows, check_finite=False))
        if self._separable is None:
            return parts
        return [op.solve(part) for op, part in zip(self._separable, parts, strict=True)]

    def amplification(self, discretization, solution):
        """Change of the solution, relative to it, for noise of relative size one in the data."""
        noise = discretization.noise(np.random.default_rng(0), solution)
        change, _, _ = self.solve(noise, 1e-2)
        size = _norm(solution)
        return _norm(change) / size if size else 0.0

    def solve(self, right, rtol):
        """Solution, number of products, and whether ``rtol`` was met."""
        if self._is_exact:
            return self.precondition(right), 0, True
        z, count, reached = self._gmres(_join(right), rtol)
        accurate = reached <= max(100 * rtol, 1e-8)
        if not accurate and self._n <= _DENSE_AT_MOST:
            self._factorise()
            return self.precondition(right), count, True
        return self.precondition(self._split(z)), count, accurate

    def _gmres(self, vector, rtol):
        """Preconditioned from the right, in cycles, as long as they promise to arrive."""
        count = [0]

        def product(z):
            count[0] += 1
            return _join(self._jacobian.apply(self.precondition(self._split(z))))

        operator = LinearOperator((self._n, self._n), matvec=product, dtype=float)
        size = _norm([vector])
        vector = vector / (size or 1.0)
        z, reached = np.zeros(self._n), 1.0 if size else 0.0
        for cycle in range(1, _MAX_CYCLES + 1):
            if reached <= rtol:
                break
            z, _ = gmres(operator, vector, x0=z, rtol=rtol, atol=0.0, restart=_CYCLE, maxiter=1)
            before, reached = reached, float(np.linalg.norm(product(z) - vector))
            _logger.debug("GMRES: %d products, residual %.1e", count[0], reached)
            goal = max(rtol, 1e-10)
            left = np.log(max(goal / reached, 1e-300)) if np.isfinite(reached) else -np.inf
            # Where the cycles left would not do and there is another way, or rounding is reached.
            pace = np.log(max(reached / before, 1e-300)) if np.isfinite(reached) else 0.0
            if not left > (_MAX_CYCLES - cycle) * pace and self._n <= _DENSE_AT_MOST:
                break
            if reached > before / 2:
                break
        return (size or 1.0) * z, count[0], reached


def _join(parts):
    return np.concatenate([part.ravel() for part in parts])


def _solve_nonlinear(discretization, start, earlier, is_patient):
    current = _start(discretization) if start is None else start(discretization)
    effort = {} if is_patient else {"max_steps": _MAX_IMPATIENT, "least": _SMALLEST_IMPATIENT}
    solution = _newton(discretization, current, solver=earlier, **effort)
    if solution.converged:
        solution.amplification = solution.solver.amplification(
            discretization, solution.coefficients
        )
    if solution.converged or not is_patient:
        return solution
    _logger.info("Newton's method stopped at %s; trying continuation", solution.steps[-1:])
    followed = _continuation(discretization)
    if followed is None:
        return solution
    followed.amplification = followed.solver.amplification(discretization, followed.coefficients)
    return followed


def _start(discretization):
    """The solution without the nonlinear remainder."""
    zero = discretization.zeros()
    solver = _LinearSolver(discretization.linearise(zero, 0.0))
    step, _, _ = solver.solve([-r for r in discretization.residual(zero, 0.0)], 1e-6)
    return step if np.isfinite(_norm(step)) else zero


def _newton(
    discretization,
    current,
    share=1.0,
    max_steps=_MAX_NEWTON,
    loose=False,
    least=_SMALLEST_STEP,
    solver=None,
):
    """Damped Newton steps; a step is accepted where it shrinks the preconditioned residual."""
    history: list = []
    n_inner, rtol = 0, 1e-3
    goal = 1e-8 if loose else 1e-13
    residual = discretization.residual(current, share)
    route = ""

    def outcome(n_iter, converged):
        return Solution(
            current, route, n_iter, n_inner, converged=converged, steps=history, solver=solver
        )

    for n_iter in range(1, max_steps + 1):
        solver = _LinearSolver(discretization.linearise(current, share), solver)
        route = "Newton, " + solver.route
        step, products, _ = solver.solve([-r for r in residual], rtol)
        n_inner += products
        size = max(_norm(current), _norm(step), 1e-300)
        length = _norm(step) / size
        if not np.isfinite(length):
            return outcome(n_iter, False)
        before = _norm(solver.precondition(residual))
        damping = 1.0
        while True:
            candidate = [a + damping * b for a, b in zip(current, step, strict=True)]
            with np.errstate(over="ignore", invalid="ignore"):
                new_residual = discretization.residual(candidate, share)
                after = _norm(solver.precondition(new_residual))
            if after <= (1 - damping / 4) * before or length < 1e-9:
                break
            damping /= 2
            if damping < least:
                return outcome(n_iter, False)
        # At the level of rounding the steps stop shrinking: the last that shrank was the best.
        if length < 1e-9 and history and length > history[-1] / 2:
            return outcome(n_iter, True)
        history.append(length)
        current, residual = candidate, new_residual
        if length * damping <= goal and damping == 1.0:
            return outcome(n_iter, True)
        rtol = float(np.clip(0.1 * length, 1e-10, 1e-3))
    return outcome(max_steps, False)


def _continuation(discretization):
    """From the equation without its nonlinear remainder to the whole, in steps that adapt."""
    current, share, step = _start(discretization), 0.0, 0.25
    n_iter = n_inner = 0
    while share < 1.0:
        target = min(1.0, share + step)
        attempt = _newton(discretization, current, target, max_steps=12, loose=target < 1.0)
        n_iter, n_inner = n_iter + attempt.n_iter, n_inner + attempt.n_inner
        if attempt.converged:
            current, share, step = attempt.coefficients, target, 1.5 * step
            if share == 1.0:
                attempt.route += ", continuation"
                attempt.n_iter, attempt.n_inner = n_iter, n_inner
                return attempt
        else:
            step /= 2
            if step < 1e-3:
                return None
    return None

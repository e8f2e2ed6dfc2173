"""Newton's method, and what a classical method returns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_ITERATIONS = 40


@dataclass(frozen=True)
class Reference:
    """A classical solution.

    Attributes
    ----------
    predict : callable
        ``predict(X)`` for X of shape (n, d), columns in the box's order; returns (n,).
    n_unknowns : int
        Values that were solved for.
    residual : float
        Largest residual where the equation was imposed, over that of the start.
    converged : bool
        Whether Newton's steps became small; of a linear equation, whether the solution is finite.
    n_iter : int
        Newton steps.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    n_unknowns: int
    residual: float
    converged: bool
    n_iter: int


def single_equation(pde):
    """The one equation and the one field of a problem.

    Raises
    ------
    ValueError
        If there are more, or parameters to infer.
    """
    if len(pde.equations) != 1 or len(pde.fields) != 1:
        raise ValueError(
            f"the references solve one equation for one field; got {len(pde.equations)} equations "
            f"for {len(pde.fields)} fields."
        )
    (equation,) = pde.equations
    if equation.unknowns:
        raise ValueError(f"the references do not infer parameters; got {equation.unknowns}.")
    return equation, pde.fields[0]


def newton(system):
    """Newton's method from zero, its steps halved while the residual would grow.

    Parameters
    ----------
    system : object
        With ``shape`` of the unknowns, ``is_linear``, ``residual(values)`` that returns a state
        and the residuals, and ``solver(state)`` that returns the inverse of the Jacobian as a
        function.

    Returns
    -------
    values : ndarray
    residual : float
        The largest, over that of the start.
    converged : bool
    n_iter : int
    """

    def at(values):
        with np.errstate(over="ignore", invalid="ignore"):
            state, residuals = system.residual(values)
        finite = np.isfinite(residuals).all()
        return state, residuals, float(np.max(np.abs(residuals))) if finite else np.inf

    values = np.zeros(system.shape)
    state, residuals, size = at(values)
    first = size
    if first == 0:
        return values, 0.0, True, 0
    last = np.inf
    for n_iter in range(1, MAX_ITERATIONS + 1):
        step = system.solver(state)(residuals)
        if system.is_linear:
            values = values - step
            size = at(values)[2]
            return values, size / first, bool(np.isfinite(size)), 1
        length = 1.0
        while True:
            state, residuals, new_size = at(values - length * step)
            # Near the solution rounding decides, and a full step is as good as another.
            if new_size < size or new_size < 1e-8 * first or length < 1e-4:
                break
            length /= 2
        values, size = values - length * step, new_size
        moved = length * np.max(np.abs(step)) / max(np.max(np.abs(values)), 1e-300)
        # Done at rounding: small steps that no longer become smaller.
        if moved < 1e-12 or (moved < 1e-7 and moved > 0.1 * last):
            return values, size / first, length == 1.0, n_iter
        last = moved
    return values, size / first, False, n_iter

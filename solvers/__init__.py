"""Ready problems for partial differential equations: ``python -m solvers list``.

Every problem has its box, equation, boundary and initial data, and, where one is known in closed
form, its exact solution; :mod:`solvers.reference` has the classical methods that
:class:`kernlab.pde.GPPDESolver` is measured against. The package stands beside kernlab in its
repository and is not installed with it.

Examples
--------
>>> import solvers
>>> from solvers.reference import chebyshev
>>> problem = solvers.find("bratu")
>>> solution = chebyshev(problem.pde, problem.points)
>>> solvers.error(problem, solution.predict) < 1e-13
True
"""

import difflib

from solvers import (
    advection,
    allen_cahn,
    bratu,
    burgers,
    convection_diffusion,
    diffusion,
    heat,
    helmholtz,
    poisson,
    sine_gordon,
    wave,
)
from solvers.problem import Problem, error

__all__ = ["ALIASES", "PROBLEMS", "Problem", "error", "find"]

_FILES = (
    poisson,
    allen_cahn,
    advection,
    helmholtz,
    convection_diffusion,
    diffusion,
    heat,
    wave,
    burgers,
    sine_gordon,
    bratu,
)

#: Every problem by its name, in the order of the tables.
PROBLEMS = {problem.name: problem for file in _FILES for problem in file.PROBLEMS}

#: Names of equations, and the problem that each stands for.
ALIASES = {
    "poisson": "u7",
    "poisson1d": "u3",
    "poisson2d": "u7",
    "allen_cahn": "ac2",
    "allen_cahn1d": "ac1b",
    "allen_cahn2d": "ac2",
    "helmholtz2d": "helmholtz",
    "heat1d": "heat",
    "bratu1d": "bratu",
}


def find(name):
    """The problem of a name or of an equation's name.

    Parameters
    ----------
    name : str
        A key of :data:`PROBLEMS` or :data:`ALIASES`.

    Raises
    ------
    ValueError
        If there is none; the message has the names that are nearest.
    """
    problem = PROBLEMS.get(ALIASES.get(name, name))
    if problem is None:
        near = difflib.get_close_matches(name, [*PROBLEMS, *ALIASES], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "python -m solvers list has all."
        raise ValueError(f"there is no problem called {name!r}; {hint}")
    return problem

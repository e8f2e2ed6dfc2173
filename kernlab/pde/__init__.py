"""Partial differential equations solved by Gaussian processes, to spectral accuracy."""

from kernlab.pde._conditions import Dirichlet, Initial, Neumann, Periodic, Robin
from kernlab.pde._display import GPPDEDisplay
from kernlab.pde._domain import PDE, Box
from kernlab.pde._estimator import GPPDESolver
from kernlab.pde._language import D, Field, Unknown, apply, coords
from kernlab.pde._lines import find_lines

__all__ = [
    "PDE",
    "Box",
    "D",
    "Dirichlet",
    "Field",
    "GPPDEDisplay",
    "GPPDESolver",
    "Initial",
    "Neumann",
    "Periodic",
    "Robin",
    "Unknown",
    "apply",
    "coords",
    "find_lines",
]

"""Structured and sparse linear algebra: Kronecker products, heat, and the lowest eigenpairs."""

from kernlab.linalg._eigen import smallest_eigenpairs
from kernlab.linalg._heat import heat_action
from kernlab.linalg._kronecker import KroneckerSum, apply_along_axes

__all__ = ["KroneckerSum", "apply_along_axes", "heat_action", "smallest_eigenpairs"]

"""Structured linear algebra: Kronecker products, and the lowest eigenpairs of sparse matrices."""

from kernlab.linalg._eigen import smallest_eigenpairs
from kernlab.linalg._kronecker import KroneckerSum, apply_along_axes

__all__ = ["KroneckerSum", "apply_along_axes", "smallest_eigenpairs"]

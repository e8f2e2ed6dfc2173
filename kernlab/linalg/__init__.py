"""Structured linear algebra: matrices that are small along every axis of a large array."""

from kernlab.linalg._heat import heat_action
from kernlab.linalg._kronecker import KroneckerSum, apply_along_axes

__all__ = ["KroneckerSum", "apply_along_axes", "heat_action"]

"""Kernel density estimation, accurate in log space in any dimension."""

from kernlab.density._display import KernelDensityDisplay
from kernlab.density._kde import KernelDensity

__all__ = ["KernelDensity", "KernelDensityDisplay"]

"""Gaussian processes for partial differential equations: spectral mixtures of spectral accuracy."""

from kernlab.pde._lines import find_lines

__all__ = ["find_lines"]

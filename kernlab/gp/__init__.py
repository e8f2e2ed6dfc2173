"""Gaussian processes."""

from kernlab.gp._kronecker import KroneckerGPRegressor

__all__ = ["KroneckerGPRegressor"]

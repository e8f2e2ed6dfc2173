"""Gaussian processes."""

from kernlab.gp._functional_tucker import FunctionalTuckerRegressor

__all__ = ["FunctionalTuckerRegressor"]

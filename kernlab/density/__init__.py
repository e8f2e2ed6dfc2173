"""Kernel density estimation, accurate in log space in any dimension."""

from kernlab.density._display import KernelDensityDisplay
from kernlab.density._kde import KernelDensity
from kernlab.density._regime_display import DensityRegimeDisplay
from kernlab.density._regimes import DensityRegime
from kernlab.density._thresholds import KDEThresholds, kde_thresholds

__all__ = [
    "DensityRegime",
    "DensityRegimeDisplay",
    "KDEThresholds",
    "KernelDensity",
    "KernelDensityDisplay",
    "kde_thresholds",
]

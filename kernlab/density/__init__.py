"""Kernel density estimation, accurate in log space in any dimension."""

from kernlab.density._display import KernelDensityDisplay
from kernlab.density._improved_sheather_jones import bandwidth_isj
from kernlab.density._kde import KernelDensity
from kernlab.density._normal_mixture import exact_mise

__all__ = ["KernelDensity", "KernelDensityDisplay", "bandwidth_isj", "exact_mise"]

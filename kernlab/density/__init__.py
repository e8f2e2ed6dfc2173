"""Kernel density estimation, accurate in log space in any dimension."""

from kernlab.density._directional import DirectionalKernelDensity
from kernlab.density._directions import vmf_kappa
from kernlab.density._display import KernelDensityDisplay
from kernlab.density._kde import KernelDensity
from kernlab.density._von_mises_fisher import VonMisesFisher
from kernlab.density._von_mises_fisher_mixture import VonMisesFisherMixture

__all__ = [
    "DirectionalKernelDensity",
    "KernelDensity",
    "KernelDensityDisplay",
    "VonMisesFisher",
    "VonMisesFisherMixture",
    "vmf_kappa",
]

"""Kernel density estimation, accurate in log space in any dimension."""

from kernlab.density._conditional import ConditionalKernelDensity
from kernlab.density._directional import DirectionalKernelDensity
from kernlab.density._directions import vmf_kappa
from kernlab.density._display import KernelDensityDisplay
from kernlab.density._improved_sheather_jones import bandwidth_isj
from kernlab.density._kde import KernelDensity
from kernlab.density._normal_mixture import exact_mise
from kernlab.density._regime_display import DensityRegimeDisplay
from kernlab.density._regimes import DensityRegime
from kernlab.density._thresholds import KDEThresholds, kde_thresholds
from kernlab.density._von_mises_fisher import VonMisesFisher
from kernlab.density._von_mises_fisher_mixture import VonMisesFisherMixture

__all__ = [
    "ConditionalKernelDensity",
    "DensityRegime",
    "DensityRegimeDisplay",
    "DirectionalKernelDensity",
    "KDEThresholds",
    "KernelDensity",
    "KernelDensityDisplay",
    "VonMisesFisher",
    "VonMisesFisherMixture",
    "bandwidth_isj",
    "exact_mise",
    "kde_thresholds",
    "vmf_kappa",
]

"""Kernel profiles, the sums of kernels that density estimation is made of, and kernels of
Gaussian processes with scikit-learn's interface."""

from kernlab.kernels._on_columns import OnColumns
from kernlab.kernels._profiles import PROFILES, KernelProfile, student_t
from kernlab.kernels._stationary import Cosine, SpectralMixture

__all__ = ["PROFILES", "Cosine", "KernelProfile", "OnColumns", "SpectralMixture", "student_t"]

"""Kernel profiles, the sums of kernels that density estimation is made of, and kernels of
Gaussian processes with scikit-learn's interface."""

from kernlab.kernels._infinite_network import NNGP, NTK
from kernlab.kernels._on_columns import OnColumns
from kernlab.kernels._profiles import PROFILES, KernelProfile, student_t
from kernlab.kernels._quantum import QuantumFidelity
from kernlab.kernels._stationary import Cosine, SpectralMixture

__all__ = [
    "NNGP",
    "NTK",
    "PROFILES",
    "Cosine",
    "KernelProfile",
    "OnColumns",
    "QuantumFidelity",
    "SpectralMixture",
    "student_t",
]

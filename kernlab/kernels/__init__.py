"""Kernel profiles and kernels, and the sums of kernels that density estimation is made of."""

from kernlab.kernels._infinite_network import NNGP, NTK
from kernlab.kernels._profiles import PROFILES, KernelProfile, student_t
from kernlab.kernels._quantum import QuantumFidelity

__all__ = ["NNGP", "NTK", "PROFILES", "KernelProfile", "QuantumFidelity", "student_t"]

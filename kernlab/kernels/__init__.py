"""Kernel profiles and kernels, and the sums of kernels that density estimation is made of."""

from kernlab.kernels._infinite_network import NNGP, NTK
from kernlab.kernels._profiles import PROFILES, KernelProfile, student_t

__all__ = ["NNGP", "NTK", "PROFILES", "KernelProfile", "student_t"]

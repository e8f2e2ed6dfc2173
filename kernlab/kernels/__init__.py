"""Kernel profiles, and the sums of kernels that density estimation is made of."""

from kernlab.kernels._profiles import PROFILES, KernelProfile, student_t

__all__ = ["PROFILES", "KernelProfile", "student_t"]

"""Differentially private similarity sums: release once, query for ever.

Whatever is released about a record is an integer vector with integer noise added; everything
after that is arithmetic on what is already public.
"""

from kernlab.privacy._budget import PrivacyBudget
from kernlab.privacy._classifier import PrivateSimilarityClassifier
from kernlab.privacy._density import PrivateKernelDensity
from kernlab.privacy._distances import PrivateDistanceSum
from kernlab.privacy._kernels import PrivateKernelSum
from kernlab.privacy._report import PrivacyReport, ReleasePlan

__all__ = [
    "PrivacyBudget",
    "PrivacyReport",
    "PrivateDistanceSum",
    "PrivateKernelDensity",
    "PrivateKernelSum",
    "PrivateSimilarityClassifier",
    "ReleasePlan",
]

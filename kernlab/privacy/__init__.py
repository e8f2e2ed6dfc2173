"""Differential privacy: budgets of what may be released about one body of data.

Whatever is released about a record is an integer vector with integer noise added; everything
after that is arithmetic on what is already public.
"""

from kernlab.privacy._budget import PrivacyBudget

__all__ = ["PrivacyBudget"]

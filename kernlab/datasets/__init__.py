"""Data sets: small series that ship with the package, and generated ones."""

from kernlab.datasets._ad_hoc import make_ad_hoc
from kernlab.datasets._series import load_airline, load_co2

__all__ = ["load_airline", "load_co2", "make_ad_hoc"]

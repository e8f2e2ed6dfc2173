"""Data sets: small series that ship with the package."""

from kernlab.datasets._series import load_airline, load_co2

__all__ = ["load_airline", "load_co2"]

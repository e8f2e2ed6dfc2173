"""Partial differential equations solved as Gaussian processes."""

"""Differentially private similarity sums."""

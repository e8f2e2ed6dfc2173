"""Differentially private sums of similarities to a data set."""

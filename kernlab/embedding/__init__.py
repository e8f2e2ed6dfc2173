"""Embeddings that keep distances along the data, as in scikit-learn."""

from kernlab.embedding._heat_distance import HeatDistances, heat_distances

__all__ = ["HeatDistances", "heat_distances"]

"""Embeddings that keep distances along the data, as in scikit-learn."""

from kernlab.embedding._anndata import heatgeo
from kernlab.embedding._diffusion_map import DiffusionMap
from kernlab.embedding._display import HeatGeodesicDisplay
from kernlab.embedding._heat_distance import HeatDistances, heat_distances
from kernlab.embedding._heat_geodesic import HeatGeodesicEmbedding

__all__ = [
    "DiffusionMap",
    "HeatDistances",
    "HeatGeodesicDisplay",
    "HeatGeodesicEmbedding",
    "heat_distances",
    "heatgeo",
]

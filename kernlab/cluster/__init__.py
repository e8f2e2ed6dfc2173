"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._attributed import AttributedGraphClustering
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._search import GraphMeasureSearch

__all__ = [
    "AttributedGraphClustering",
    "GraphMeasureSearch",
    "KernelKMeans",
]

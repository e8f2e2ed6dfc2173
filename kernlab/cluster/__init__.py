"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._display import ProximityDisplay
from kernlab.cluster._graph_clustering import GraphClustering
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._search import GraphMeasureSearch

__all__ = ["GraphMeasureSearch", "KernelKMeans"]

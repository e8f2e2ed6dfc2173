"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._attributed import AttributedGraphClustering
from kernlab.cluster._display import ProximityDisplay
from kernlab.cluster._graph_clustering import GraphClustering
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._reject import RejectCurve, copeland_scores, reject_curve
from kernlab.cluster._search import GraphMeasureSearch

__all__ = [
    "AttributedGraphClustering",
    "GraphClustering",
    "GraphMeasureSearch",
    "KernelKMeans",
    "ProximityDisplay",
    "RejectCurve",
    "copeland_scores",
    "reject_curve",
]

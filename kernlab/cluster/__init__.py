"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._detect import CommunityCount, count_communities
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._refine import refine_blocks
from kernlab.cluster._sparse_clustering import SparseGraphClustering

__all__ = [
    "CommunityCount",
    "KernelKMeans",
    "SparseGraphClustering",
    "count_communities",
    "refine_blocks",
]

"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._attributed import AttributedGraphClustering
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._sdp_mixture import LikelihoodAdjustedSDP

__all__ = ["AttributedGraphClustering", "KernelKMeans", "LikelihoodAdjustedSDP"]

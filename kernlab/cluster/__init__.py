"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""

from kernlab.cluster._attributed import AttributedGraphClustering
from kernlab.cluster._detect import CommunityCount, count_communities
from kernlab.cluster._display import ProximityDisplay
from kernlab.cluster._graph_clustering import GraphClustering
from kernlab.cluster._kernel_kmeans import KernelKMeans
from kernlab.cluster._refine import refine_blocks
from kernlab.cluster._reject import RejectCurve, copeland_scores, reject_curve
from kernlab.cluster._sdp_mixture import LikelihoodAdjustedSDP
from kernlab.cluster._search import GraphMeasureSearch
from kernlab.cluster._sparse_clustering import SparseGraphClustering

__all__ = [
    "AttributedGraphClustering",
    "CommunityCount",
    "GraphClustering",
    "GraphMeasureSearch",
    "KernelKMeans",
    "LikelihoodAdjustedSDP",
    "ProximityDisplay",
    "RejectCurve",
    "SparseGraphClustering",
    "copeland_scores",
    "count_communities",
    "refine_blocks",
    "reject_curve",
]

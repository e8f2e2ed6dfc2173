"""Graphs: of neighbours without shortcuts, their matrices, and the proximity of their nodes."""

from kernlab.graph._connection import connection_laplacian, tangent_frames
from kernlab.graph._generators import degree_corrected_sbm, planted_partition
from kernlab.graph._landmark_log import LandmarkLogEmbedding
from kernlab.graph._laplacian import laplacian
from kernlab.graph._lfr import lfr_graph
from kernlab.graph._neighbors import KNNGraph
from kernlab.graph._node_kernel import NodeKernel
from kernlab.graph._proximity import GraphProximity
from kernlab.graph._prune import prune_shortcuts
from kernlab.graph._readers import read_graph
from kernlab.graph._sketch import GraphSketch
from kernlab.graph._transforms import distance_to_kernel, kernel_to_distance

__all__ = [
    "GraphProximity",
    "GraphSketch",
    "KNNGraph",
    "LandmarkLogEmbedding",
    "NodeKernel",
    "connection_laplacian",
    "degree_corrected_sbm",
    "distance_to_kernel",
    "kernel_to_distance",
    "laplacian",
    "lfr_graph",
    "planted_partition",
    "prune_shortcuts",
    "read_graph",
    "tangent_frames",
]

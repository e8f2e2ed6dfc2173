"""Neighbourhood graphs of points, without shortcuts, and the matrices that live on them."""

from kernlab.graph._connection import connection_laplacian, tangent_frames
from kernlab.graph._generators import degree_corrected_sbm, planted_partition
from kernlab.graph._laplacian import laplacian
from kernlab.graph._lfr import lfr_graph
from kernlab.graph._neighbors import KNNGraph
from kernlab.graph._prune import prune_shortcuts

__all__ = [
    "KNNGraph",
    "connection_laplacian",
    "degree_corrected_sbm",
    "laplacian",
    "lfr_graph",
    "planted_partition",
    "prune_shortcuts",
    "tangent_frames",
]

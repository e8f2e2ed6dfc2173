"""Neighbourhood graphs of points, without shortcuts, and the matrices that live on them."""

from kernlab.graph._connection import connection_laplacian, tangent_frames
from kernlab.graph._landmark_log import LandmarkLogEmbedding
from kernlab.graph._laplacian import laplacian
from kernlab.graph._neighbors import KNNGraph
from kernlab.graph._prune import prune_shortcuts
from kernlab.graph._sketch import GraphSketch

__all__ = [
    "GraphSketch",
    "KNNGraph",
    "LandmarkLogEmbedding",
    "connection_laplacian",
    "laplacian",
    "prune_shortcuts",
    "tangent_frames",
]

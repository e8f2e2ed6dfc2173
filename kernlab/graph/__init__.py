"""Neighbourhood graphs of points, without shortcuts, and the matrices that live on them."""

from kernlab.graph._laplacian import laplacian
from kernlab.graph._neighbors import KNNGraph
from kernlab.graph._prune import prune_shortcuts

__all__ = ["KNNGraph", "laplacian", "prune_shortcuts"]

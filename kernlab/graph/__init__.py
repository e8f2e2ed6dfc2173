"""Neighbourhood graphs of points and the matrices that live on them."""

from kernlab.graph._laplacian import laplacian
from kernlab.graph._neighbors import KNNGraph

__all__ = ["KNNGraph", "laplacian"]

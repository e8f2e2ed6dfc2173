"""Eigenfields of a neighbourhood graph, and their values off the graph."""

import math
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from kernlab.graph import KNNGraph, connection_laplacian, laplacian, tangent_frames
from kernlab.graph._connection import local_steps
from kernlab.graph._steps import step_length
from kernlab.linalg import smallest_eigenpairs

# Neighbours that frames and interpolation look at, over those of the graph.
_WIDER = 1.5
# Axes of a neighbourhood thinner than this, relative to its widest, carry no slope.
_THIN = 1e-6
# Distance to the nearest node, over the reach of the node's neighbourhood, that is off the graph.
_OFF = 2.0
_ROWS = 4096


class EigenFields:
    """The smoothest scalar or tangent fields on a cloud of points.

    Parameters
    ----------
    points : ndarray of shape (n_nodes, n_features)
    vector : bool
        Tangent fields, or functions.
    n_neighbors : int
        Of the graph.
    n_eigenpairs : int
    intrinsic_dim : 'auto' or int
    rng : RandomState

    Attributes
    ----------
    values : ndarray of shape (n_pairs,)
        Eigenvalues of minus the (connection) Laplacian of the manifold, ascending, in units of one
        over ``unit`` squared.
    unit : float
        A length, in units of the points.
    fields : ndarray of shape (n_nodes * d, n_pairs)
        In coordinates of the frames; d is 1 for functions. Under weights of the nodes' degrees the
        mean square of each coordinate is one.
    frames : ndarray of shape (n_nodes, n_features, d) or None
        None for functions.
    intrinsic_dim : int

    Notes
    -----
    The graph's random walk takes steps of mean square σ², so that its generator is near σ²/(2d)
    times the Laplacian of the manifold; the unit of the eigenvalues follows from that.
    """

    def __init__(self, points, *, vector, n_neighbors, n_eigenpairs, intrinsic_dim, rng):
        self.graph = KNNGraph(n_neighbors).fit(points)
        self.points, n_nodes = points, len(points)
        self.n_wider = min(math.ceil(_WIDER * n_neighbors), n_nodes - 1)
        distances, neighbors = self.graph.kneighbors(n_neighbors=self.n_wider)
        frames = tangent_frames(points, neighbors, distances, intrinsic_dim=intrinsic_dim)
        self.reach = distances[:, -1]
        self.intrinsic_dim = frames.shape[2]
        self.frames: Any = frames if vector else None
        self.width = self.intrinsic_dim if vector else 1
        affinity = self.graph.affinity_
        matrix = connection_laplacian(affinity, frames) if vector else laplacian(affinity)
        n_pairs = min(n_eigenpairs, matrix.shape[0])
        values, vectors = smallest_eigenpairs(matrix, n_pairs, random_state=rng)
        # Those of the random walk, which do not follow the density of the points as closely.
        degrees = np.asarray(affinity.sum(axis=1)).ravel()
        scale = np.sqrt(self.width * degrees.sum() / degrees)
        self.fields = vectors * np.repeat(scale, self.width)[:, None]
        self.values = values
        step = step_length(affinity, self.graph.distances_, degrees)
        self.unit = step / math.sqrt(2.0 * self.intrinsic_dim)

    def at(self, queries):
        """Values of the fields at any points.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, n_features)

        Returns
        -------
        fields : ndarray of shape (n_queries * d, n_pairs)
            In coordinates of the frames there.
        frames : ndarray of shape (n_queries, n_features, d) or None

        Warns
        -----
        RuntimeWarning
            Where a query is farther from the nodes than their neighbourhoods reach, twice over.

        Notes
        -----
        Interpolation by moving least squares: a plane through the neighbours' values, in tangent
        coordinates, weighted so that a node's own value holds at the node. Vectors are moved by
        projection between tangent spaces.
        """
        distances, neighbors = self.graph.kneighbors(queries, self.n_wider)
        self._warn_of_distance(distances[:, 0], neighbors[:, 0])
        frames = tangent_frames(
            self.points, neighbors, distances, queries=queries, intrinsic_dim=self.intrinsic_dim
        )
        shares = np.empty(neighbors.shape)
        for start in range(0, len(queries), _ROWS):
            rows = slice(start, start + _ROWS)
            shares[rows] = self._shares(
                queries[rows], neighbors[rows], distances[rows], frames[rows]
            )
        indptr = np.arange(0, neighbors.size + 1, neighbors.shape[1])
        if self.frames is None:
            shape = (len(queries), len(self.points))
            plan = sp.csr_array((shares.ravel(), neighbors.ravel(), indptr), shape=shape)
            return plan @ self.fields, None
        on_node = distances[:, 0] == 0
        frames[on_node] = self.frames[neighbors[on_node, 0]]
        d = self.width
        blocks = np.empty((*neighbors.shape, d, d))
        for start in range(0, len(queries), _ROWS):
            rows = slice(start, start + _ROWS)
            overlap = frames[rows].transpose(0, 2, 1)[:, None] @ self.frames[neighbors[rows]]
            blocks[rows] = shares[rows, :, None, None] * overlap
        plan = sp.bsr_array(
            (blocks.reshape(-1, d, d), neighbors.ravel(), indptr),
            shape=(len(queries) * d, len(self.fields)),
        )
        return plan @ self.fields, frames

    def _shares(self, queries, neighbors, distances, frames):
        """What each neighbour's value counts, rows that sum to one."""
        steps, weights, reach = local_steps(self.points, queries, neighbors, distances)
        near = np.maximum(distances / reach[:, None], np.finfo(float).tiny ** 0.25)
        nearest = near[:, :1]
        weights = weights * (nearest / near) ** 2
        weights[(distances == 0).any(axis=1)] = 0.0
        weights[distances == 0] = 1.0
        weights /= weights.sum(axis=1, keepdims=True)
        steps = steps @ frames
        centre = np.einsum("qk,qkd->qd", weights, steps)
        # Steps are in units of the neighbourhood's reach: a slope is followed no farther than that.
        length = np.linalg.norm(centre, axis=1, keepdims=True)
        centre_kept = centre / np.maximum(length, 1.0)
        steps -= centre[:, None]
        spread = np.einsum("qk,qkd,qke->qde", weights, steps, steps)
        slope = np.linalg.pinv(spread, rcond=_THIN, hermitian=True)
        return weights * (1 - np.einsum("qkd,qde,qe->qk", steps, slope, centre_kept))

    def _warn_of_distance(self, distances, nodes):
        off = distances > _OFF * self.reach[nodes]
        if off.any():
            worst = int(
                np.argmax(distances / np.where(self.reach[nodes] > 0, self.reach[nodes], 1))
            )
            warnings.warn(
                f"{np.count_nonzero(off)} rows of X lie off the graph, row {worst} at "
                f"{distances[worst]:.3g} from its nearest node, where neighbourhoods reach "
                f"{self.reach[nodes[worst]]:.3g}: predictions and deviations there are those of "
                "the manifold's edge. Fit with points of that region, as X_unlabelled if need be.",
                RuntimeWarning,
                stacklevel=4,
            )

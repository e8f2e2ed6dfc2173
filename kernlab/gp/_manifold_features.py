"""Eigenfields of a neighbourhood graph, and their values off the graph."""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp

from kernlab._core.warn import warn_user
from kernlab.graph import KNNGraph, connection_laplacian, laplacian, tangent_frames
from kernlab.graph._connection import local_steps
from kernlab.graph._places import distinct
from kernlab.graph._steps import step_length
from kernlab.linalg import smallest_eigenpairs

# Neighbours that frames and interpolation look at, over those of the graph.
_WIDER = 1.5
# Axes of a neighbourhood thinner than this, relative to its widest, carry no slope.
_THIN = 1e-6
# How far a slope is followed from the centre of the neighbours, in standard deviations of their
# places: the value stays within as many of the neighbours' values.
_FOLLOWED = 2.0
# Distance to the nearest node, over the reach of the node's neighbourhood, that is off the graph.
_OFF = 2.0
_ROWS = 4096
# Steps between neighbours whose squares, eigenvalues and their bounds are ordinary floats.
LEAST, MOST = 1e-150, 1e150


class EigenFields:
    """The smoothest scalar or tangent fields on a cloud of points.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Rows that coincide are one node.
    vector : bool
        Tangent fields, or functions.
    n_neighbors : int
        Of the graph.
    n_eigenpairs : int
    intrinsic_dim : 'auto' or int
    algorithm : {'auto', 'exact', 'approximate'}
        Of the neighbours' search.
    rng : RandomState
    n_jobs : int or None

    Attributes
    ----------
    node_of : int ndarray of shape (n_points,)
        Nodes are numbered as they first occur.
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

    def __init__(
        self, points, *, vector, n_neighbors, n_eigenpairs, intrinsic_dim, algorithm, rng, n_jobs
    ):
        first, self.node_of = distinct(points)
        self.points = points[first]
        n_nodes = len(self.points)
        if n_nodes == 1:
            raise ValueError(
                f"n_samples={len(points)}, and all points are one place: a manifold takes two or "
                "more distinct points, of X and X_unlabelled together."
            )
        n_neighbors = min(n_neighbors, n_nodes - 1)
        self.graph = KNNGraph(
            n_neighbors, algorithm=algorithm, random_state=rng, n_jobs=n_jobs
        ).fit(self.points)
        self.n_wider = min(math.ceil(_WIDER * n_neighbors), n_nodes - 1)
        affinity = self.graph.affinity_
        degrees = np.asarray(affinity.sum(axis=1)).ravel()
        step = step_length(affinity, self.graph.distances_, degrees)
        if not LEAST <= step <= MOST:
            raise ValueError(
                f"X has steps of {step:.3g} between neighbours, whose squares are beyond the "
                "range of floats; rescale X."
            )
        distances, neighbors = self.graph.kneighbors(n_neighbors=self.n_wider)
        frames = tangent_frames(self.points, neighbors, distances, intrinsic_dim=intrinsic_dim)
        self.reach = distances[:, -1]
        self.intrinsic_dim = frames.shape[2]
        self.frames: Any = frames if vector else None
        self.width = self.intrinsic_dim if vector else 1
        matrix = connection_laplacian(affinity, frames) if vector else laplacian(affinity)
        n_pairs = min(n_eigenpairs, matrix.shape[0])
        values, vectors = smallest_eigenpairs(matrix, n_pairs, random_state=rng, n_jobs=n_jobs)
        # Those of the random walk, which do not follow the density of the points as closely.
        scale = np.sqrt(self.width * degrees.sum() / degrees)
        self.fields = vectors * np.repeat(scale, self.width)[:, None]
        self.values = values
        self.unit = step / math.sqrt(2.0 * self.intrinsic_dim)

    def on_rows(self, n):
        """Fields and frames at the first ``n`` of the points."""
        nodes = self.node_of[:n]
        fields = self.fields.reshape(len(self.points), self.width, -1)[nodes]
        frames = None if self.frames is None else self.frames[nodes]
        return fields.reshape(n * self.width, -1), frames

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
        coordinates, weighted so that a node's own value holds at the node. It is followed no
        farther than two standard deviations of the neighbours from their centre, which bounds what
        it says by their values. Queries beyond the reach of their nearest node's neighbourhood take
        the value where the line from the node leaves it. Vectors are moved by projection between
        tangent spaces.
        """
        queries = self._drawn_near(queries)
        distances, neighbors = self.graph.kneighbors(queries, self.n_wider)
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
        steps -= centre[:, None]
        spread = np.einsum("qk,qkd,qke->qde", weights, steps, steps)
        slope = np.linalg.pinv(spread, rcond=_THIN, hermitian=True)
        along = np.einsum("qde,qe->qd", slope, centre)
        far = np.sqrt(np.einsum("qd,qde,qe->q", along, spread, along))
        along *= np.minimum(1.0, _FOLLOWED / np.maximum(far, _FOLLOWED))[:, None]
        return weights * (1 - np.einsum("qkd,qd->qk", steps, along))

    def _drawn_near(self, queries):
        """Queries no farther from their nearest node than its neighbourhood reaches."""
        # Farther out all nodes are equally near, and squares of distances leave the range.
        limit = 1e100 * np.max(np.abs(self.points))
        queries = np.clip(queries, -limit, limit)
        distances, nodes = (column[:, 0] for column in self.graph.kneighbors(queries, 1))
        self._warn_of_distance(distances, nodes)
        far = np.flatnonzero(distances > self.reach[nodes])
        centres = self.points[nodes[far]]
        shares = self.reach[nodes[far]] / distances[far]
        queries[far] = centres + (queries[far] - centres) * shares[:, None]
        return queries

    def _warn_of_distance(self, distances, nodes):
        off = distances > _OFF * self.reach[nodes]
        if off.any():
            worst = int(np.argmax(distances / self.reach[nodes]))
            warn_user(
                f"{np.count_nonzero(off)} rows of X lie off the graph, row {worst} at "
                f"{distances[worst]:.3g} from its nearest node, where neighbourhoods reach "
                f"{self.reach[nodes[worst]]:.3g}: predictions and deviations there are those of "
                "the manifold's edge. Fit with points of that region, as X_unlabelled if need be.",
                RuntimeWarning,
            )

"""Tangent spaces along a graph of points, and the Laplacian of vector fields on them."""

# Reference: Singer, Wu, *Vector diffusion maps and the connection Laplacian*, Communications on
# Pure and Applied Mathematics 65, 2012.

import numpy as np
import scipy.sparse as sp

from kernlab.graph._laplacian import laplacian

# Of the variance of neighbourhoods: what tangent spaces of the dimension chosen explain at least.
_EXPLAINED = 0.9
# Neighbourhoods that are decomposed together.
_ROWS = 4096


def tangent_frames(points, neighbors, distances, *, queries=None, intrinsic_dim="auto"):
    """Orthonormal bases of the tangent spaces, by principal axes of neighbourhoods.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    neighbors : int ndarray of shape (n_queries, n_neighbors)
        Rows of ``points`` about each query; some half more than the graph has make frames calmer.
    distances : ndarray of shape (n_queries, n_neighbors)
        Of these, ascending. A neighbour at distance d weighs exp(-(d / last)²).
    queries : ndarray of shape (n_queries, n_features), default=None
        Where the frames are wanted; None is at the points.
    intrinsic_dim : 'auto' or int, default='auto'
        Dimension of the tangent spaces; 'auto' is the least that explains nine tenths of the
        variance of neighbourhoods, on average over them, for frames must span the points about.
        (:class:`kernlab.embedding.HeatGeodesicEmbedding` estimates the dimension that counts of
        points grow by, by maximum likelihood: under noise the two may differ.)

    Returns
    -------
    frames : ndarray of shape (n_queries, n_features, intrinsic_dim)
        With orthonormal columns, those of more variance first. Their signs are arbitrary.

    Raises
    ------
    ValueError
        If ``intrinsic_dim`` is not 'auto' or an integer from 1 to n_features, or exceeds the number
        of neighbours; if shapes do not match, or anything is NaN or infinite or no row of
        ``points``.

    Notes
    -----
    O(n_queries n_neighbors n_features min(n_neighbors, n_features)) time.

    References
    ----------
    .. [1] A. Singer, H.-T. Wu, "Vector diffusion maps and the connection Laplacian", Communications
       on Pure and Applied Mathematics 65, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.graph import KNNGraph, tangent_frames
    >>> angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> circle = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> distances, neighbors = KNNGraph(4).fit(circle).kneighbors()
    >>> frames = tangent_frames(circle, neighbors, distances)
    >>> frames.shape, bool(np.abs(frames[:, :, 0] * circle).sum(axis=1).max() < 1.001)
    ((100, 2, 1), True)
    """
    points = _table(points, "points")
    queries = points if queries is None else _table(queries, "queries")
    neighbors, distances = np.asarray(neighbors), _table(distances, "distances")
    if not neighbors.shape == distances.shape == (len(queries), distances.shape[1]):
        raise ValueError(
            f"neighbors {neighbors.shape} and distances {distances.shape} must have one shape, a "
            f"row for each of the {len(queries)} places."
        )
    if queries.shape[1] != points.shape[1]:
        raise ValueError(
            f"queries have {queries.shape[1]} features and points {points.shape[1]}; they are of "
            "one space."
        )
    if neighbors.dtype.kind not in "ui" or not (
        neighbors.size and neighbors.min() >= 0 and neighbors.max() < len(points)
    ):
        raise ValueError(f"neighbors must be integers from 0 to {len(points) - 1}, rows of points.")
    n_features = points.shape[1]
    most = min(n_features, neighbors.shape[1])
    automatic = isinstance(intrinsic_dim, str) and intrinsic_dim == "auto"
    whole = isinstance(intrinsic_dim, int | np.integer)
    if not automatic and not (whole and 1 <= intrinsic_dim <= most):
        raise ValueError(
            f"intrinsic_dim={intrinsic_dim!r} must be 'auto' or an integer from 1 to {most}, the "
            "lesser of features and neighbours."
        )
    axes = np.empty((len(neighbors), n_features, most))
    explained = np.zeros(most)
    for start in range(0, len(neighbors), _ROWS):
        rows = slice(start, start + _ROWS)
        steps, weights, _ = local_steps(points, queries[rows], neighbors[rows], distances[rows])
        _, sizes, directions = np.linalg.svd(
            steps * np.sqrt(weights)[..., None], full_matrices=False
        )
        axes[rows] = directions.transpose(0, 2, 1)
        variance = sizes**2
        total = variance.sum(axis=1, keepdims=True)
        explained += (variance / np.where(total > 0, total, 1.0)).sum(axis=0)
    if automatic:
        enough = np.cumsum(explained) >= _EXPLAINED * explained.sum()
        intrinsic_dim = int(np.argmax(enough)) + 1
    return np.ascontiguousarray(axes[:, :, :intrinsic_dim])


def local_steps(points, queries, neighbors, distances):
    """Steps from queries to their neighbours in units of the last one's distance.

    Returns
    -------
    steps : ndarray of shape (n_queries, n_neighbors, n_features)
    weights : ndarray of shape (n_queries, n_neighbors)
        A Gaussian of the distances, 1 to exp(-1).
    reach : ndarray of shape (n_queries,)
        The unit; 1 where all neighbours coincide with the query.
    """
    reach = np.where(distances[:, -1] > 0, distances[:, -1], 1.0)
    steps = (points[neighbors] - queries[:, None]) / reach[:, None, None]
    return steps, np.exp(-((distances / reach[:, None]) ** 2)), reach


def transports(frames, sources, targets):
    """Rotations that carry coordinates of tangent vectors from one frame to another.

    Parameters
    ----------
    frames : ndarray of shape (n_points, n_features, d)
    sources, targets : int ndarrays of shape (n_edges,)

    Returns
    -------
    rotations : ndarray of shape (n_edges, d, d)
        The orthogonal matrix nearest to ``frames[target].T @ frames[source]``, its polar factor: of
        all rotations the one that moves ambient vectors least.
    """
    overlap = frames[targets].transpose(0, 2, 1) @ frames[sources]
    left, _, right = np.linalg.svd(overlap)
    return left @ right


def connection_laplacian(affinity, frames, kind="normalized"):
    """Laplacian of vector fields: that of the graph, with parallel transport along each edge.

    The block of nodes i and j is L_ij R_ij, with L the graph's Laplacian and R_ij the rotation from
    the frame of j to that of i. Parallel fields, where the manifold has any, are its null space.

    Parameters
    ----------
    affinity : sparse matrix of shape (n_nodes, n_nodes)
        Symmetric and non-negative.
    frames : ndarray of shape (n_nodes, n_features, d)
        Tangent frames at the nodes, as of :func:`tangent_frames`.
    kind : {'normalized', 'combinatorial'}, default='normalized'
        Of the graph's Laplacian.

    Returns
    -------
    laplacian : bsr_matrix of shape (n_nodes d, n_nodes d), float64
        Symmetric to the last bit, positive semi-definite, with blocks of size d.

    Raises
    ------
    ValueError
        Where ``affinity`` is no affinity, ``kind`` unknown or 'random_walk', or ``frames`` has
        another number of nodes or another number of axes than three, or holds NaN or infinity.

    Notes
    -----
    Another choice of frames is an orthogonal change of coordinates: eigenvalues, and eigenvectors
    as fields in space, ``frames[i] @ vector[i]``, stay what they are. O(edges d² (n_features + d))
    time.

    References
    ----------
    .. [1] A. Singer, H.-T. Wu, "Vector diffusion maps and the connection Laplacian", Communications
       on Pure and Applied Mathematics 65, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.graph import connection_laplacian
    >>> plane = np.broadcast_to(np.eye(2), (3, 2, 2))  # three nodes, all frames alike
    >>> path = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    >>> np.linalg.eigvalsh(connection_laplacian(path, plane).toarray()).round(12) + 0.0
    array([0., 0., 1., 1., 2., 2.])
    """
    if kind == "random_walk":
        raise ValueError("kind='random_walk' is not symmetric; use 'normalized', similar to it.")
    frames = np.asarray(frames, dtype=np.float64)
    if frames.ndim != 3:
        raise ValueError(
            f"frames has shape {frames.shape}; give (n_nodes, n_features, d), as tangent_frames "
            "does."
        )
    if not np.isfinite(frames).all():
        raise ValueError("frames hold NaN or infinity.")
    scalar = laplacian(affinity, kind)
    scalar.sort_indices()
    n_nodes, d = len(frames), frames.shape[2]
    if scalar.shape[0] != n_nodes:
        raise ValueError(
            f"frames has {n_nodes} nodes and affinity {scalar.shape[0]}; give a frame to each node."
        )
    rows = np.repeat(np.arange(n_nodes), np.diff(scalar.indptr))
    columns = scalar.indices
    upper, lower = np.flatnonzero(rows < columns), np.flatnonzero(rows > columns)
    # The pattern is symmetric: in order of columns, the lower triangle mirrors the upper.
    lower = lower[np.lexsort((rows[lower], columns[lower]))]
    rotations = transports(frames, columns[upper], rows[upper])
    blocks = np.empty((len(rows), d, d))
    blocks[rows == columns] = np.eye(d)
    blocks[upper] = rotations
    blocks[lower] = rotations.transpose(0, 2, 1)
    blocks *= scalar.data[:, None, None]
    return sp.bsr_matrix((blocks, columns, scalar.indptr), shape=(n_nodes * d, n_nodes * d))


def _table(array, name):
    array = np.asarray(array, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; give a table with two axes.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold NaN or infinity; drop or impute those rows.")
    return array

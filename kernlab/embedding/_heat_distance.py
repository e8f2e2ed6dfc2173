"""Distances along a graph from its heat kernel, kept in logarithms."""

# References: S. R. S. Varadhan, "On the behavior of the fundamental solution of the heat equation
# with variable coefficients", Comm. Pure Appl. Math. 20 (1967); G. Huguet et al., "A heat diffusion
# perspective on geodesic preserving dimensionality reduction", NeurIPS 2023, arXiv 2305.19043.

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra
from sklearn.utils.validation import check_array

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.warn import warn_user
from kernlab.embedding._heat_scale import choose_times, intrinsic_dimension
from kernlab.exceptions import UnresolvedHeatWarning
from kernlab.graph import laplacian as graph_laplacian
from kernlab.graph._steps import step_length
from kernlab.linalg import heat_action

__all__ = ["HeatDistances", "heat_distances"]

# Below this `heat_action` no longer certifies the relative error of an entry.
RESOLVED = 1e-200
# Up to so many points the diagonal of the kernel is computed, beyond it is averaged from landmarks.
EXACT_DIAGONAL = 500
# Share of a landmark's resolved pairs, the farthest, that scale its shortest paths beyond them.
_FARTHEST = 0.1
# Below this difference of log p over the graph heat is mixed: it says little of where it came from.
_MIXED = 1.0
# Share of pairs whose squared distance may come out negative without a warning.
_FEW = 0.01


class HeatDistances(NamedTuple):
    """What `heat_distances` returns.

    Attributes
    ----------
    distances : array of shape (n_samples, n_landmarks)
        Distances from every point to every landmark; finite.
    kernel : array of shape (n_samples, n_landmarks)
        Heat at every point, a time t after it stood at each landmark; the first time of several.
    t : float or array of shape (n_times,)
        The times.
    unresolved : int
        Entries whose heat is too small to tell a distance from.
    diagonal : array of shape (n_times, n_samples) or None
        Heat at every point, a time t after it stood there; None without volume correction.
    path_scale : float or None
        What unresolved distances are, relative to the shortest path; None where all are resolved.
    intrinsic_dim : int or None
        Dimension that the units were taken with; None for ``units='none'``.
    """

    distances: np.ndarray
    kernel: np.ndarray
    t: float | np.ndarray
    unresolved: int
    diagonal: np.ndarray | None
    path_scale: float | None
    intrinsic_dim: int | None


def heat_distances(
    affinity,
    lengths,
    landmarks,
    t="auto",
    *,
    laplacian="normalized",
    volume_correction=1.0,
    denoise=0.0,
    units="data",
    intrinsic_dim="auto",
    floor=None,
    like=None,
    n_jobs=None,
):
    r"""Distances along a graph from points to landmarks, from how heat spreads on it.

    With H = exp(-t L) the heat kernel of the graph, by Varadhan's formula [1]_ and with the volumes
    around both points taken out [2]_,

    .. math:: d_{ij}^2 = -4t \log H_{ij} + 4t \, c \log \tfrac12 (H_{ii} + H_{jj}),

    which for ``units='none'`` is the result. For ``units='data'`` the kernel is that of a walk
    whose steps have a mean squared length of σ² in each dimension, and

    .. math:: d_{ij}^2 = \tfrac{σ^2}{2} (-4t \log p_{ij} + 2tc \log p_{ii} + 2tc \log p_{jj})

    with p the heat per degree (combinatorial: per point), is a length in the units of ``lengths``,
    with nothing fitted. Every H is right to ten digits down to 1e-200, so that points far apart
    have distances too.

    Parameters
    ----------
    affinity : sparse matrix of shape (n_samples, n_samples)
        Weights of the edges: symmetric, of zero or more, as ``affinity_`` of
        :class:`kernlab.graph.KNNGraph`.
    lengths : sparse matrix of shape (n_samples, n_samples)
        Their lengths, as ``distances_`` there.
    landmarks : array-like of int, of shape (n_landmarks,)
        Rows to find distances from. All rows give the full matrix, which is symmetric.
    t : 'auto', 'knee', float > 0 or sequence of them, default='auto'
        Time of diffusion; the normalised Laplacian takes one step of the walk in a unit. 'auto' is
        the diameter of the graph in steps, over the mean degree for the combinatorial one: heat has
        then been everywhere, and is not yet mixed. 'knee' is where the entropy of the kernel stops
        to grow fast, a time for noisy data. Distances of several times are averaged, with the
        weights 1 - t / sum(t) of [2]_.
    laplacian : {'normalized', 'combinatorial'}, default='normalized'
    volume_correction : float >= 0, default=1.0
        c above: 0 leaves volumes in, which draws dense places together. Of use up to 1, which takes
        them out; much above it squared distances come out negative, and count as zero.
    denoise : float in [0, 1], default=0.0
        Share of the distance between rows of distances, ||d_i - d_j||, in the result. 'none' sums
        over all points, estimated from the landmarks, as the original; 'data' takes the root mean
        square, which is a length again and no longer than d_ij.
    units : {'data', 'none'}, default='data'
        σ² is the mean over the edges of the data: those more than ten times as long as the median
        edge at either end, bridges and the ways to outliers, are left out.
    intrinsic_dim : 'auto' or int >= 1, default='auto'
        Dimension that σ² is shared among. 'auto' estimates it from the lengths of the shortest
        edges of each point [3]_. Noise off the manifold counts as dimensions.
    floor : float in (0, 1) or None, default=None
        Added to the kernel before logarithms are taken. 1e-16 is the original's formula, with all
        that it does to points far apart and to a point's distance from itself.
    like : HeatDistances or None, default=None
        An earlier result on the same graph, at the same times and with the same settings, for
        columns that agree with it and cost no more than themselves: its ``diagonal``,
        ``path_scale`` and ``intrinsic_dim`` are taken.
    n_jobs : int or None, default=None
        Threads over landmarks; None is Numba's current count, -1 all cores. The result has the
        same bits for any number.

    Returns
    -------
    found : HeatDistances
        Named fields ``distances`` and ``kernel``, both float64 of shape (n_samples, n_landmarks),
        and what they were found with.

    Raises
    ------
    ValueError
        If matrices are not square, symmetric, finite, of zero or more and of one pattern, a
        landmark is no row or given twice, or a setting is out of its range.

    Warns
    -----
    UnresolvedHeatWarning
        If pairs have heat below 1e-200: they get the length of the shortest path, times what the
        farthest resolved points have in heat distance per length, the median over the landmarks.
        Pairs that no path joins get the largest distance of all. Also if t, given as a number, is
        so large that heat is mixed (log p of a landmark is within 1 of log p everywhere), and if
        ``volume_correction`` makes the squared distances of more than a hundredth of the pairs
        negative: distances collapse then.

    See Also
    --------
    HeatGeodesicEmbedding : Coordinates from these distances.
    DiffusionMap : The same diffusion, as eigenvectors.

    Notes
    -----
    Cost: about t + 30 √t products of the graph with n_landmarks columns, and three arrays of shape
    (n_samples, n_landmarks), with one more for each further time. H_ii of points that are no
    landmarks is exact up to five hundred points; beyond that log p is averaged over the landmarks
    with their heat for weights, with a standard deviation of some .1, and kept to what H_ij
    permits.

    References
    ----------
    .. [1] S. R. S. Varadhan, "On the behavior of the fundamental solution of the heat equation with
       variable coefficients", Comm. Pure Appl. Math. 20 (1967).
    .. [2] G. Huguet, A. Tong, E. De Brouwer et al., "A heat diffusion perspective on geodesic
       preserving dimensionality reduction", NeurIPS 2023, arXiv 2305.19043.
    .. [3] E. Levina, P. J. Bickel, "Maximum likelihood estimation of intrinsic dimension",
       NIPS 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.datasets import make_sphere
    >>> from kernlab.embedding import heat_distances
    >>> from kernlab.graph import KNNGraph
    >>> sphere = make_sphere(1000, random_state=0)
    >>> graph = KNNGraph().fit(sphere.data)
    >>> found = heat_distances(graph.affinity_, graph.distances_, [0, 1, 2])
    >>> truth = sphere.geodesics([0, 1, 2]).T
    >>> ratio = np.median(found.distances[truth > 0] / truth[truth > 0])
    >>> bool(0.95 < ratio < 1.05)
    True
    """
    affinity, lengths, landmarks = _check_graph(affinity, lengths, landmarks)
    _check_settings(laplacian, volume_correction, denoise, units, intrinsic_dim, floor)
    n = affinity.shape[0]
    operator = graph_laplacian(affinity, laplacian)
    mass = _mass(affinity, laplacian)
    times = choose_times(t, affinity, operator, landmarks)
    diagonal = None if like is None else _checked_diagonal(like.diagonal, len(times), n)

    heat = _spread_heat(operator, landmarks, times, n_jobs)  # (n_times, n, m)
    unit, dim = 1.0, None
    if units == "data":
        dim = intrinsic_dim
        if dim == "auto":
            dim = intrinsic_dimension(lengths) if like is None else like.intrinsic_dim
        # σ²/2 is what a walk of this step spreads by in a unit of time along each dimension.
        unit = step_length(affinity, lengths, mass) / np.sqrt(2 * dim)
    weights = _time_weights(times)
    distances = np.zeros((n, len(landmarks)))
    unresolved = np.zeros(distances.shape, bool)
    if volume_correction and diagonal is None:
        diagonal = np.array(
            [
                heat_diagonal(operator, mass, values, landmarks, time, n_jobs)
                for time, values in zip(times, heat, strict=True)
            ]
        )
    if like is None and n > 1 and not isinstance(t, str):
        _warn_of_mixed(heat, landmarks, mass, times)
    n_negative: int | np.integer = 0
    for k, (time, weight, values) in enumerate(zip(times, weights, heat, strict=True)):
        if floor is None:
            unresolved |= values < RESOLVED
        known = None if diagonal is None else diagonal[k]
        squared = _squared(values, known, landmarks, mass, time, volume_correction, units, floor)
        if volume_correction != 1:
            own = squared[landmarks, np.arange(len(landmarks))]
            n_negative += int(np.sum(squared < 0.0) - np.sum(own < 0.0))
        distances += weight * np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared)
    if like is None and n_negative > _FEW * heat.size:
        warn_user(
            f"The squared distances of {n_negative / heat.size:.0%} of the pairs come out negative "
            f"at volume_correction={volume_correction:g}, and count as zero; give a value from 0 "
            "to 1.",
            UnresolvedHeatWarning,
        )
    distances *= unit
    scale = None if like is None else like.path_scale
    if floor is None:
        distances[landmarks, np.arange(len(landmarks))] = 0.0
        if unresolved.any():
            auto = isinstance(t, str) and t == "auto"
            scale = _extend(distances, unresolved, lengths, landmarks, times, scale, auto)
    if denoise:
        distances = denoised(distances, landmarks, distances, denoise, units)
    return HeatDistances(
        distances,
        heat[0],
        times if len(times) > 1 else float(times[0]),
        int(unresolved.sum()),
        diagonal if volume_correction else None,
        scale,
        dim,
    )


def _check_graph(affinity, lengths, landmarks):
    affinity = check_array(affinity, accept_sparse="csr", dtype=np.float64, input_name="affinity")
    lengths = check_array(lengths, accept_sparse="csr", dtype=np.float64, input_name="lengths")
    affinity, lengths = (
        sp.csr_matrix(matrix, copy=not getattr(matrix, "has_canonical_format", False))
        for matrix in (affinity, lengths)
    )
    n = affinity.shape[0]
    for name, matrix in (("affinity", affinity), ("lengths", lengths)):
        if matrix.shape != (n, n):
            raise ValueError(
                f"{name} has shape {matrix.shape}, expected ({n}, {n}): one row and one column for "
                "each point."
            )
        if matrix.nnz and matrix.data.min() < 0:
            raise ValueError(
                f"{name} holds {matrix.data.min():g}; weights and lengths of edges are not "
                "negative."
            )
        if abs(matrix - matrix.T).max() > 1e-10 * abs(matrix).max():
            raise ValueError(f"{name} is not symmetric; pass (A + A.T) / 2.")
    if lengths.nnz == 0 and n > 1:
        raise ValueError("lengths has no edges; pass the lengths of those that affinity weighs.")
    for matrix in (affinity, lengths):
        matrix.sum_duplicates()
    if not (
        np.array_equal(affinity.indptr, lengths.indptr)
        and np.array_equal(affinity.indices, lengths.indices)
    ):
        raise ValueError(
            "affinity and lengths must hold the same edges, as affinity_ and distances_ of a "
            "KNNGraph do."
        )
    landmarks = np.asarray(landmarks)
    if landmarks.ndim != 1 or landmarks.size == 0 or landmarks.dtype.kind not in "iu":
        raise ValueError(f"landmarks must be a list of at least one row number, got {landmarks!r}.")
    if landmarks.min() < 0 or landmarks.max() >= n:
        raise ValueError(
            f"landmarks lie between {landmarks.min()} and {landmarks.max()}; rows are numbered "
            f"from 0 to {n - 1}."
        )
    if len(np.unique(landmarks)) < len(landmarks):
        raise ValueError("landmarks hold a row twice; pass np.unique(landmarks).")
    return affinity, lengths, landmarks


def _check_settings(laplacian, volume_correction, denoise, units, intrinsic_dim, floor):
    if laplacian not in ("normalized", "combinatorial"):
        raise ValueError(
            f"laplacian must be 'normalized' or 'combinatorial', got {laplacian!r}; "
            "in units='data' the normalized one has the distances of the random walk."
        )
    if units not in ("data", "none"):
        raise ValueError(f"units must be 'data' or 'none', got {units!r}.")
    if not (isinstance(volume_correction, Real) and 0 <= float(volume_correction) < np.inf):
        raise ValueError(
            f"volume_correction must be a finite number of 0 or more, got {volume_correction!r}; "
            "1 corrects for volume, 0 does not."
        )
    if not (isinstance(denoise, Real) and 0 <= float(denoise) <= 1):
        raise ValueError(f"denoise must lie in [0, 1], got {denoise!r}.")
    if floor is not None and not (isinstance(floor, Real) and 0 < float(floor) < 1):
        raise ValueError(f"floor must lie in (0, 1) or be None, got {floor!r}.")
    if intrinsic_dim != "auto" and not (
        isinstance(intrinsic_dim, Integral) and int(intrinsic_dim) > 0
    ):
        raise ValueError(
            f"intrinsic_dim must be 'auto' or a positive integer, got {intrinsic_dim!r}."
        )


def _checked_diagonal(diagonal, n_times, n):
    if diagonal is None:
        return None
    diagonal = np.asarray(diagonal, dtype=np.float64)
    if diagonal.shape != (n_times, n) or not np.all((diagonal > 0) & (diagonal < np.inf)):
        raise ValueError(
            f"like.diagonal must be positive numbers of shape ({n_times}, {n}), got shape "
            f"{diagonal.shape}: pass an earlier result on this graph, at these times."
        )
    return diagonal


def _mass(affinity, laplacian):
    """The measure in which the heat kernel is a symmetric density: of degrees, or of points."""
    if laplacian == "combinatorial":
        return np.ones(affinity.shape[0])
    degree = np.asarray(affinity.sum(axis=1)).ravel()
    return np.where(degree > 0, degree, 1.0)


def indicators(n, rows):
    """Columns that are 1 at one row each, (n, len(rows)), sparse."""
    columns = np.arange(len(rows))
    return sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, len(rows)))


def _spread_heat(operator, landmarks, times, n_jobs):
    """Heat (n_times, n, m) at all points after the times, of each landmark where it stood."""
    start = indicators(operator.shape[0], landmarks)
    try:
        return heat_action(operator, start, times, method="uniformization", n_jobs=n_jobs)
    except ValueError as error:
        if "is too large for L" not in str(error):
            raise
        raise ValueError(
            f"t={times.max():g} takes more products with the graph than can be made; long before "
            "it heat is mixed. Give a smaller t, or t='auto'."
        ) from error


def _warn_of_mixed(heat, landmarks, mass, times):
    """Warn of times after which p is nearly the same everywhere, and distances vanish."""
    root = np.sqrt(mass)
    for t, values in zip(times, heat, strict=True):
        least = np.min(values / root[:, None], axis=0)
        own = values[landmarks, np.arange(len(landmarks))] / root[landmarks]
        if np.all(own < np.exp(_MIXED) * least):
            warn_user(
                f"At t={t:g} heat is mixed: it differs by less than a factor of "
                f"{np.exp(_MIXED):.2g} over the graph, and distances have collapsed or will. "
                "Give a smaller t, or t='auto'.",
                UnresolvedHeatWarning,
            )
            return


def heat_diagonal(operator, mass, heat, landmarks, t, n_jobs):
    """Return of the heat to where it was, H_ii: exact where that is cheap, else averaged."""
    n = operator.shape[0]
    diagonal = np.empty(n)
    known = heat[landmarks, np.arange(len(landmarks))]
    if len(landmarks) == n:
        diagonal[landmarks] = known
        return diagonal
    if n <= EXACT_DIAGONAL:
        # H is symmetric and a semigroup: H_ii is the squared norm of column i of exp(-t/2 L), to
        # which Chebyshev's series gives ten digits with a tenth of the terms.
        every = indicators(n, np.arange(n))
        half = heat_action(operator, every, t / 2, method="chebyshev", n_jobs=n_jobs)
        diagonal = np.einsum("ij,ij->j", half, half)
        diagonal[landmarks] = known
        return diagonal
    # The density of returning is smooth on the scale of the heat itself, so its logarithm is
    # averaged over the landmarks with their heat for weights.
    level = np.log(known / mass[landmarks])
    share = heat / np.sqrt(mass[landmarks])
    total = share.sum(axis=1)
    averaged = np.where(total > 0, share @ level / np.where(total > 0, total, 1.0), level.mean())
    # By the inequality of Cauchy and Schwarz no H_ij² exceeds H_ii H_jj, and no distance is
    # imaginary: where the average is too low to be true, the pair says so.
    least = np.max(heat / np.sqrt(known), axis=1) ** 2
    diagonal = np.maximum(np.exp(averaged) * mass, least)
    diagonal[landmarks] = known
    return diagonal


def _time_weights(times):
    if len(times) == 1:
        return np.ones(1)
    weights = 1 - times / times.sum()
    return weights / weights.sum()


def _squared(heat, diagonal, landmarks, mass, t, correction, units, floor):
    """Varadhan's squared distances, (n, m); what has no heat is left at a finite value."""
    tiny = np.finfo(float).tiny
    if units == "none":
        squared = np.log(heat + floor if floor is not None else np.maximum(heat, tiny))
        squared *= -4 * t
        if correction:
            mean = (diagonal[:, None] + diagonal[landmarks]) / 2
            squared += correction * 4 * t * np.log(mean + (floor or 0.0))
        return squared
    root = np.sqrt(mass)
    squared = np.log(heat + floor if floor is not None else np.maximum(heat, tiny))
    squared -= np.log(root)[:, None] + np.log(root[landmarks])
    squared *= -4 * t
    if correction:
        level = np.log(diagonal / mass)
        squared += correction * 2 * t * (level[:, None] + level[landmarks])
    return squared


def _extend(distances, unresolved, lengths, landmarks, times, scale, auto):
    """Fill in unresolved entries by shortest paths, scaled to the farthest resolved ones.

    One scale, given or found and returned, serves all landmarks: the result is symmetric.
    """
    columns = np.flatnonzero(unresolved.any(axis=0))
    paths = dijkstra(lengths, directed=False, indices=landmarks[columns])  # (columns, n)
    if scale is None:
        scales = []
        for row, column in enumerate(columns):
            known = ~unresolved[:, column] & (paths[row] > 0) & np.isfinite(paths[row])
            if known.any():
                far = known & (paths[row] >= np.quantile(paths[row, known], 1 - _FARTHEST))
                scales.append(np.median(distances[far, column] / paths[row, far]))
        scale = float(np.median(scales)) if scales else 1.0
    for row, column in enumerate(columns):
        distances[unresolved[:, column], column] = scale * paths[row, unresolved[:, column]]
    apart = ~np.isfinite(distances)
    distances[apart] = distances[~apart].max()
    if apart.any():
        remedy = (
            f", and of {int(apart.sum())} that no path joins, the largest of the others; join the "
            "parts of the graph (disconnected='bridge'), or embed each by itself."
        )
    else:
        remedy = "; a larger t" + ("" if auto else ", or t='auto',") + " reaches them."
    warn_user(
        f"{int(unresolved.sum())} of {distances.size} pairs have no heat to speak of at "
        f"t={np.min(times):g} (below {RESOLVED:g}): their distances are shortest paths, scaled"
        + remedy,
        UnresolvedHeatWarning,
    )
    return scale


def denoised(columns, nodes, distances, denoise, units):
    """Mix into columns of distances from nodes those between rows, over the landmarks."""
    n, m = distances.shape
    # Squares of distances may overflow, and their sums cancel: in a unit of the largest, centred.
    unit = distances.max() or 1.0
    rows = distances / unit
    rows -= rows.mean(axis=0)
    own = rows[nodes]
    squares = np.einsum("ij,ij->i", rows, rows)
    with SINGLE_THREADED_BLAS:
        triplet = rows @ own.T
    triplet *= -2.0
    triplet += squares[:, None] + squares[nodes]
    np.sqrt(np.maximum(triplet, 0.0, out=triplet), out=triplet)
    triplet[nodes, np.arange(len(nodes))] = 0.0
    # The original sums over all points; in units of length it is the root mean square.
    triplet *= denoise * np.sqrt(1 / m if units == "data" else n / m) * unit
    triplet += (1 - denoise) * columns
    return triplet

"""Judging distances and methods against known classes: reject curves and Copeland's scores."""

# References: Ivashkin & Chebotarev, *Do logarithmic proximity measures outperform plain ones in
# graph clustering?*, arXiv 1605.01046 (both); Fawcett, *An introduction to ROC analysis*, Pattern
# Recognition Letters 27, 2006 (ties).

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import squareform

from kernlab.cluster._attributes import is_missing

# Of the largest distance: the root of rounding in single precision, which is what a distance of a
# point to itself may come out as. No entry of a kernel outdoes its diagonal like this.
_OWN = 1e-3


@dataclass(frozen=True, eq=False)
class RejectCurve:
    """How pairs ranked by distance split into pairs of one class and pairs of two.

    Made by :func:`reject_curve`.

    Attributes
    ----------
    fpr : float64 ndarray of shape (n_points,)
        Share of the pairs of different classes within each distance, from 0 to 1, increasing.
    tpr : float64 ndarray of shape (n_points,)
        Share of the pairs of one class within it.
    auc : float
        Area under ``tpr`` over ``fpr``: the probability that two nodes of one class are nearer
        than two of different ones, ties counting half. 1 is perfect, 1/2 is chance.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    auc: float


def reject_curve(distance, labels):
    """Reject curve of a distance: how early it ranks pairs of one class.

    All pairs of nodes are sorted by distance. As the radius grows, the curve goes up by a pair of
    one class and right by a pair of two; it is a receiver operating characteristic, and needs no
    clustering and no number of clusters. Pairs at equal distance are one straight piece, which is
    the mean over all orders they could be drawn in, so nothing is left to chance.

    Parameters
    ----------
    distance : array-like of shape (n_nodes, n_nodes)
        Symmetric, zero on the diagonal; only the order of its entries matters. Infinity, as between
        components of a graph, ranks last.
    labels : array-like of shape (n_nodes,)
        Classes, numbers or strings, none missing.

    Returns
    -------
    curve : RejectCurve
        Its corners: one for each distinct distance, at most n_nodes (n_nodes - 1) / 2 + 1.

    Raises
    ------
    ValueError
        If ``distance`` is not square, symmetric, free of NaN and zero on its diagonal, as a kernel
        is not, ``labels`` are not one for each node, or there is only one kind of pair.

    Notes
    -----
    O(n² log n) time and some 40 n² bytes. Ties are equal numbers: distances that differ by
    rounding alone are ordered by it, which moves the area by no more than half the share of such
    pairs.

    References
    ----------
    .. [1] V. Ivashkin, P. Chebotarev, "Do logarithmic proximity measures outperform plain ones in
       graph clustering?", arXiv:1605.01046.

    Examples
    --------
    >>> from kernlab.cluster import reject_curve
    >>> distance = [[0, 1, 3, 4], [1, 0, 2, 3], [3, 2, 0, 2], [4, 3, 2, 0]]
    >>> curve = reject_curve(distance, ["a", "a", "b", "b"])
    >>> curve.fpr.tolist(), curve.tpr.tolist(), curve.auc
    ([0.0, 0.0, 0.25, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0, 1.0], 0.9375)
    """
    distance, labels = _checked(distance, labels)
    pairs = squareform(distance, checks=False)  # (n_pairs,): rows of the upper triangle
    order = np.argsort(pairs)
    pairs = pairs[order]
    alike = squareform(labels[:, None] == labels, checks=False)[order]
    # The last pair of each run of equal distances is a corner.
    corners = np.append(np.flatnonzero(pairs[1:] != pairs[:-1]), len(pairs) - 1)
    same = np.cumsum(alike)[corners]
    other = corners + 1 - same
    if same[-1] == 0 or other[-1] == 0:
        kind = "one class" if other[-1] == 0 else "a class of its own for each node"
        raise ValueError(
            f"labels have {kind}, so that all pairs are of one kind; a reject curve needs pairs "
            "within a class and pairs across."
        )
    tpr = np.append(0.0, same / same[-1])
    fpr = np.append(0.0, other / other[-1])
    return RejectCurve(fpr=fpr, tpr=tpr, auc=float(np.trapezoid(tpr, fpr)))


def copeland_scores(scores):
    """Copeland's scores of methods that were scored on the same graphs.

    On each graph every two methods meet: the better gets a point, the worse loses one, equal ones
    get none. The score of a method is the sum, so that scores of all methods add up to zero and
    one method's lies within ± n_graphs (n_methods - 1). How much better does not matter, hence
    neither does the scale of the scores.

    Parameters
    ----------
    scores : array-like of shape (n_graphs, n_methods)
        Higher is better, such as adjusted Rand indices.

    Returns
    -------
    copeland : int64 ndarray of shape (n_methods,)

    Raises
    ------
    ValueError
        If ``scores`` is not a table of numbers, or holds NaN.

    Notes
    -----
    Points are counted graph by graph, as in [1]_; Copeland's rule of elections would give each duel
    to the winner on more graphs, and count duels. O(n_graphs n_methods²).

    References
    ----------
    .. [1] V. Ivashkin, P. Chebotarev, "Do logarithmic proximity measures outperform plain ones in
       graph clustering?", arXiv:1605.01046.

    Examples
    --------
    >>> from kernlab.cluster import copeland_scores
    >>> copeland_scores([[0.9, 0.5, 0.5], [0.7, 0.8, 0.1]]).tolist()
    [2, 1, -3]
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.size == 0 or scores.dtype.kind not in "biuf":
        raise ValueError(
            f"scores has shape {scores.shape} and dtype {scores.dtype}; give a table of numbers, "
            "a row for each graph and a column for each method."
        )
    missing = np.argwhere(np.isnan(scores))
    if len(missing):
        graph, method = missing[0]
        raise ValueError(
            f"scores holds NaN (the first: graph {graph}, method {method}); drop those graphs, or "
            "put -inf where a method failed and so loses."
        )
    points = [
        np.sum(mine > scores) - np.sum(mine < scores)
        for mine in (scores[:, [method]] for method in range(scores.shape[1]))
    ]
    return np.array(points, dtype=np.int64)


def _checked(distance, labels):
    distance = np.asarray(distance)
    if distance.ndim != 2 or distance.shape[0] != distance.shape[1] or len(distance) < 2:
        raise ValueError(
            f"distance has shape {distance.shape}; give the square table of the distances between "
            "two nodes at least."
        )
    if distance.dtype.kind not in "biuf":
        raise ValueError(f"distance holds {distance.dtype}; give real numbers.")
    if np.isnan(distance).any():
        raise ValueError("distance holds NaN, which has no rank; infinity ranks last.")
    # Between equal infinities the difference is NaN, and they are equal.
    if not np.allclose(distance, distance.T, rtol=1e-8, atol=0.0):
        raise ValueError("distance is not symmetric; pass (distance + distance.T) / 2.")
    own = np.abs(np.diagonal(distance)).max()
    largest = np.abs(distance, where=np.isfinite(distance), out=np.zeros(distance.shape)).max()
    if own > _OWN * largest:
        raise ValueError(
            f"distance has a diagonal that is not zero (up to {own:.3g}), as a kernel has: pass "
            "kernlab.graph.kernel_to_distance(kernel), or numpy.fill_diagonal(distance, 0)."
        )
    remedy = "leave them out: distance[numpy.ix_(known, known)] and labels[known]"
    return distance, known_classes(labels, len(distance), name="labels", remedy=remedy)


def known_classes(labels, n_nodes, *, name, remedy):
    """An array of a class for each node, none of which is missing."""
    classes = np.asarray(labels)
    if classes.shape != (n_nodes,):
        raise ValueError(
            f"{name} has shape {classes.shape}, expected ({n_nodes},): a class for each node."
        )
    # As objects, for of strings and NaN in a list numpy makes strings all.
    missing = [node for node, one in enumerate(np.asarray(labels, object)) if is_missing(one)]
    if missing:
        raise ValueError(
            f"{name} has no class for {len(missing)} of {n_nodes} nodes (the first: {missing[0]}); "
            f"{remedy}."
        )
    return classes

"""What sets the scale of heat distances: the times and the dimension."""

# Reference: E. Levina and P. J. Bickel, "Maximum likelihood estimation of intrinsic dimension",
# NIPS 2004, with the averaging of D. J. C. MacKay and Z. Ghahramani (comment, 2005).

import numpy as np
from scipy.sparse.csgraph import connected_components, dijkstra

from kernlab.graph._steps import coincident_edges
from kernlab.linalg import heat_action

__all__ = ["checked_times", "choose_times", "hop_diameter", "intrinsic_dimension"]

# Grid on which the knee of the entropy is sought, in hop diameters, and landmarks it is taken over.
_KNEE_REACH = 4.0
_KNEE_TIMES = 32
_KNEE_COLUMNS = 32


def choose_times(t, affinity, operator, landmarks):
    """Times of diffusion as an array of shape (n_times,)."""
    if isinstance(t, str):
        if t not in ("auto", "knee"):
            raise ValueError(f"t must be 'auto', 'knee', a number or a sequence, got {t!r}.")
        # A unit of time is one step of the walk, however fast the Laplacian makes it walk.
        unit = hop_diameter(affinity) / max(operator.diagonal().mean(), np.finfo(float).tiny)
        return np.array([unit if t == "auto" else entropy_knee(operator, landmarks, unit)])
    return checked_times(t)


def checked_times(t):
    """Times given, as an array of shape (n_times,)."""
    try:
        times = np.atleast_1d(np.asarray(t, dtype=float))
    except (TypeError, ValueError):
        times = np.empty(0)
    if times.ndim != 1 or times.size == 0 or not np.all((times > 0) & (times < np.inf)):
        raise ValueError(
            f"t must be positive and finite, got {t!r}; t='auto' takes the diameter "
            "of the graph in hops."
        )
    return times


def hop_diameter(affinity):
    """Steps between the two points that a double sweep finds farthest apart; at least 1.

    The largest component is swept from one point to the one farthest from it, and again from
    there: a lower bound of the diameter, and exact on trees.
    """
    _, labels = connected_components(affinity, directed=False)
    start = int(np.flatnonzero(labels == np.bincount(labels).argmax())[0])
    for _ in range(2):
        hops = dijkstra(affinity, directed=False, indices=start, unweighted=True)
        hops[np.isinf(hops)] = -1
        start = int(hops.argmax())
    return max(1.0, float(hops.max()))


def entropy_knee(operator, landmarks, unit):
    """Time at the knee of the entropy of the heat kernel: the farthest above its chord."""
    times = np.linspace(0, _KNEE_REACH * unit, _KNEE_TIMES + 1)[1:]
    chosen = landmarks[:: max(1, len(landmarks) // _KNEE_COLUMNS)]
    unit_columns = np.zeros((operator.shape[0], len(chosen)))
    unit_columns[chosen, np.arange(len(chosen))] = 1.0
    heat = np.maximum(heat_action(operator, unit_columns, times, method="chebyshev"), 0.0)
    entropy = -np.sum(heat * np.log(heat + np.finfo(float).tiny), axis=(1, 2))
    entropy = np.r_[0.0, entropy]  # at time 0 the heat is at one point, and certain
    chord = np.linspace(0, entropy[-1], len(entropy))
    return times[max(0, int((entropy - chord).argmax()) - 1)]


def intrinsic_dimension(lengths):
    """Dimension from the lengths of the shortest edges of each point, rounded to an integer.

    Maximum likelihood under a density that is locally constant: 1/dim is the mean over points and
    neighbours j < k of log(r_k / r_j), with k the number that nine of ten points have at least.
    Coincident points are no neighbours: theirs are no lengths.
    """
    real = ~coincident_edges(lengths)
    rows = np.repeat(np.arange(lengths.shape[0]), np.diff(lengths.indptr))[real]
    data = lengths.data[real]
    counts = np.bincount(rows, minlength=lengths.shape[0])
    starts = np.cumsum(counts) - counts
    k = int(np.quantile(counts[counts > 1], 0.1, method="lower")) if np.any(counts > 1) else 0
    if k < 2:
        return 1
    logs = []
    for row in np.flatnonzero(counts >= k):
        nearest = np.sort(data[starts[row] : starts[row] + counts[row]])[:k]
        logs.append(np.log(nearest[-1] / nearest[:-1]).sum())
    total = float(np.sum(logs))
    # One factor less than neighbours summed: MacKay and Ghahramani's unbiased average.
    return max(1, round(len(logs) * (k - 2) / total)) if total > 0 else 1

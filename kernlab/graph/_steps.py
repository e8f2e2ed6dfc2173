"""Lengths of a graph's edges that tell how far its random walk steps."""

import numpy as np

from kernlab.graph._weights import COINCIDENT

# An edge this many times longer than the typical one at either end is a bridge or an outlier's.
_LONG = 10.0


def coincident_edges(lengths):
    """Which stored lengths are the tiny ones that stand for zero, as `KNNGraph` makes them."""
    longer = lengths.data > lengths.data.min(initial=np.inf)
    if longer.any() and lengths.data.min() <= 2 * COINCIDENT * lengths.data[longer].min():
        return ~longer
    return np.zeros(len(longer), bool)


def step_length(affinity, lengths, mass):
    """Root mean square of the length that a walk covers in a unit of time.

    Parameters
    ----------
    affinity, lengths : csr_matrix of shape (n, n)
        Of one pattern.
    mass : ndarray of shape (n,)
        The walk's stationary measure: degrees, or ones for the combinatorial Laplacian.

    Returns
    -------
    step : float
        Over the edges of the data alone: a bridge or the way to an outlier, longer than ten times
        the median edge at either of its ends, would set the scale of everything else.
    """
    longest = lengths.data.max(initial=0.0)
    if longest == 0.0:
        return 0.0
    rows = np.repeat(np.arange(lengths.shape[0]), np.diff(lengths.indptr))
    typical = _medians(lengths, rows)
    usual = lengths.data <= _LONG * np.minimum(typical[rows], typical[lengths.indices])
    longest = lengths.data[usual].max(initial=0.0)
    # In units of the longest, for squares of lengths may overflow.
    squares = (lengths.data[usual] / longest) ** 2
    return float(longest * np.sqrt(affinity.data[usual] @ squares / mass.sum()))


def _medians(lengths, rows):
    """Median of the lengths at each node, the lower; coincident points' edges not counted."""
    real = ~coincident_edges(lengths)
    kept, data = rows[real], lengths.data[real]
    order = np.lexsort((data, kept))
    counts = np.bincount(kept, minlength=lengths.shape[0])
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    medians = np.full(len(counts), np.inf)
    medians[counts > 0] = data[order][middle[counts > 0]]
    return medians

"""A kernel made ready for kernel k-means: symmetric, centred, scaled, equal points merged."""

import numpy as np

from kernlab._core.threads import SINGLE_THREADED_BLAS

# Rows of a kernel looked at together: a block of 1e4 columns takes 20 MB.
BLOCK = 256
# Columns by which rows are told apart before they are compared as a whole.
_PROBES = 8


class CentredKernel:
    """The symmetric part of a kernel, its weighted row means taken off, in double precision.

    Parameters
    ----------
    kernel : ndarray of shape (n, n)
        Finite; it is left as it is.
    weight : ndarray of shape (n,)
        Zero or more, some positive.

    Attributes
    ----------
    values : float64 ndarray of shape (m, m)
        Of the m points that differ and have weight, the largest entry between 1/2 and 1.
    weight : float64 ndarray of shape (m,)
        Equal points have theirs added up.
    order : int ndarray of shape (m,)
        Depends on the points and not on how they are listed, unless two play the same part.
    group : int ndarray of shape (n,)
        Which of the m each point is; -1 for those of no weight.
    outside : float64 ndarray of shape (n_without_weight, m)
        Kernel between points of no weight and the others.
    exponent : int
        Objectives found with ``values`` and ``weight`` are to be multiplied by two to this power.

    Notes
    -----
    One n × n copy is made, and a second, smaller one, if points are equal or have no weight. All
    scales are powers of two, so that none rounds.
    """

    def __init__(self, kernel, weight):
        n = len(kernel)
        raw_exponent = _exponent(max(kernel.max(), -kernel.min()))
        values = np.empty((n, n))
        half = np.ldexp(0.5, -raw_exponent)
        for start in range(0, n, BLOCK):
            rows = slice(start, start + BLOCK)
            np.multiply(kernel[rows], half, out=values[rows])
            values[rows] += np.multiply(kernel[:, rows].T, half, dtype=np.float64)
        weight_exponent = _exponent(weight.max())
        weight = weight * np.ldexp(1.0, -weight_exponent)
        with SINGLE_THREADED_BLAS:  # its sums depend on the number of threads
            share = weight / weight.sum()
            mean = values @ share
            values -= mean
            values -= (mean - share @ mean)[:, None]
            exponent = _exponent(max(values.max(), -values.min()))
            values *= np.ldexp(1.0, -exponent)
            # Rounding of the entries given, in the units of the values.
            rounding = 8 * np.finfo(kernel.dtype).eps * np.ldexp(1.0, -exponent)
            weighted = np.flatnonzero(weight > 0)
            first = _first_equals(values, rounding)
            keep, group = np.unique(_first_with_weight(first, weight), return_inverse=True)
            if keep[0] < 0:
                keep, group = keep[1:], group - 1
            self.group = group
            self.weight = np.bincount(group[weighted], weight[weighted], len(keep))
            self.outside = values[np.ix_(group < 0, keep)]
            self.values = values if len(keep) == n else values[np.ix_(keep, keep)]
            self.order = _canonical_order(self.values, self.weight)
        self.representative = keep
        self.exponent = raw_exponent + exponent + weight_exponent


def _exponent(largest):
    """Of the power of two that is at least ``largest``, as far as its inverse is a number."""
    return int(np.clip(np.frexp(np.float64(largest))[1], -1000, 1000))


def _first_equals(values, rounding):
    """For each row the first one that equals it up to ``rounding``."""
    n = len(values)
    first = np.arange(n)
    direction = np.cos(np.arange(n) ** 2)  # of no use but to tell unequal rows apart
    place = values @ direction
    line = np.argsort(place, kind="stable")
    far = np.flatnonzero(np.diff(place[line]) > rounding * n) + 1
    starts, ends = np.append(0, far), np.append(far, n)
    several = ends - starts > 1
    for start, end in zip(starts[several], ends[several], strict=True):
        rest = np.sort(line[start:end])
        # Where rows differ at all, most do so in these columns: few are compared as a whole.
        probes = np.argsort(np.ptp(values[rest], axis=0), kind="stable")[-_PROBES:]
        while len(rest) > 1:
            probed = values[rest[:, None], probes]
            equal = np.max(np.abs(probed - probed[0]), axis=1) <= rounding
            alike = rest[equal]
            equal[equal] = np.max(np.abs(values[alike] - values[rest[0]]), axis=1) <= rounding
            first[rest[equal]] = rest[0]
            rest = rest[~equal]
    return first


def _first_with_weight(first, weight):
    """The first of each set of equal rows among those of positive weight; -1 for the others."""
    found = np.full(len(first), -1)
    weighted = np.flatnonzero(weight > 0)
    _, where, which = np.unique(first[weighted], return_index=True, return_inverse=True)
    found[weighted] = weighted[where][which]
    return found


def _canonical_order(values, weight):
    key = np.empty(len(values))
    largest = max(values.max(), -values.min())
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        key[start : start + BLOCK] = (block**2 * (largest + block)) @ weight
    return np.argsort(key, kind="stable")

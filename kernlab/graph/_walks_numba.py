"""Compiled parts of shortcut pruning: cosines of sketch rows, random-walk clouds and their gaps.

Every function works through its items one after the other and seeds each node by its own number,
so that slices of the items may run on any threads, in any order, with the same bits.
"""

import math

import numpy as np

from kernlab._core.jit import inline, njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = 1.0 / 9007199254740992.0  # 2**-53
# Median absolute deviation to standard deviation, for a normal distribution.
_NORMAL = 1.4826


@njit(fastmath={"reassoc", "contract", "nsz"})
def edge_cosines(sketch, rows, columns, out):
    """Cosine of the angle between rows ``rows[e]`` and ``columns[e]`` of ``sketch``."""
    for e in range(len(rows)):
        a, b = sketch[rows[e]], sketch[columns[e]]
        aa = ab = bb = np.float32(0)
        for c in range(sketch.shape[1]):
            aa += a[c] * a[c]
            ab += a[c] * b[c]
            bb += b[c] * b[c]
        norms = math.sqrt(np.float64(aa)) * math.sqrt(np.float64(bb))
        out[e] = ab / norms if norms > 0 else 0.0


@inline
def _mixed(state):
    """SplitMix64's output function (Steele, Lea and Flood 2014)."""
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


@njit
def _median(values):
    """Median of an odd number of values, which are reordered."""
    low, high, middle = 0, len(values) - 1, len(values) // 2
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            break
    return values[middle]


@njit
def _robust_variance(points, cloud, centre, direction, values, scratch):
    """Square of the scaled median absolute deviation of a cloud along a unit vector."""
    for s in range(len(cloud)):
        along = 0.0
        for d in range(len(centre)):
            along += (points[cloud[s], d] - centre[d]) * direction[d]
        values[s] = along
        scratch[s] = along
    middle = _median(scratch)
    for s in range(len(cloud)):
        values[s] = abs(values[s] - middle)
    return (_NORMAL * _median(values)) ** 2


@njit
def walk_ends(indptr, indices, weights, totals, nodes, seed, duration, clouds):
    """Where ``clouds.shape[1]`` continuous-time walks from each of ``nodes`` end.

    ``weights`` are zero where an edge is left out; ``totals`` are their row sums.
    """
    stop = math.exp(-duration)
    for a in range(len(nodes)):
        state = _mixed(np.uint64(seed) + _GOLDEN * np.uint64(nodes[a] + 1))
        for s in range(clouds.shape[1]):
            at = nodes[a]
            passed = 1.0
            while True:
                # Jumps of a unit-rate Poisson process until ``duration``.
                state += _GOLDEN
                passed *= np.float64(_mixed(state) >> np.uint64(11)) * _UNIT
                if passed <= stop or totals[at] <= 0:
                    break
                state += _GOLDEN
                left = np.float64(_mixed(state) >> np.uint64(11)) * _UNIT * totals[at]
                chosen = -1
                for slot in range(indptr[at], indptr[at + 1]):
                    if weights[slot] > 0:
                        chosen = slot
                        left -= weights[slot]
                        if left < 0:
                            break
                at = indices[chosen]
            clouds[a, s] = at


@njit
def cloud_shapes(points, clouds, start, power_steps, centres, spreads, sizes):
    """Coordinate-wise medians, greatest robust variances and numbers of distinct points of clouds.

    The direction of the variance is the leading one of the spatial-sign covariance, by power
    iterations from ``start``; ``power_steps=0`` leaves ``spreads`` as they are.
    """
    walks, n_features = clouds.shape[1], points.shape[1]
    values, scratch = np.empty(walks), np.empty(walks)
    direction, image = np.empty(n_features), np.empty(n_features)
    for a in range(len(clouds)):
        cloud, centre = clouds[a], centres[a]
        distinct = 0
        for s in range(walks):
            seen = 0
            for r in range(s):
                seen += cloud[r] == cloud[s]
            distinct += seen == 0
        sizes[a] = distinct
        for d in range(n_features):
            for s in range(walks):
                values[s] = points[cloud[s], d]
            centre[d] = _median(values)
        if power_steps == 0:
            continue
        for d in range(n_features):
            direction[d] = start[d]
        for s in range(walks):
            squared = 0.0
            for d in range(n_features):
                squared += (points[cloud[s], d] - centre[d]) ** 2
            scratch[s] = 1.0 / squared if squared > 1e-290 else 0.0
        for _ in range(power_steps):
            for d in range(n_features):
                image[d] = 0.0
            for s in range(walks):
                along = 0.0
                for d in range(n_features):
                    along += (points[cloud[s], d] - centre[d]) * direction[d]
                along *= scratch[s]
                for d in range(n_features):
                    image[d] += along * (points[cloud[s], d] - centre[d])
            length = 0.0
            for d in range(n_features):
                length += image[d] * image[d]
            if length <= 0:
                break
            length = 1.0 / math.sqrt(length)
            for d in range(n_features):
                direction[d] = image[d] * length
        spreads[a] = _robust_variance(points, cloud, centre, direction, values, scratch)


@njit
def cloud_gaps(points, clouds, centres, spreads, first, second, ratios, alignments):
    """Fisher ratio of two clouds along the line of their centres, and how much of the clouds'
    greatest spread lies along that line."""
    walks, n_features = clouds.shape[1], points.shape[1]
    values, scratch, direction = np.empty(walks), np.empty(walks), np.empty(n_features)
    for e in range(len(first)):
        a, b = first[e], second[e]
        squared = 0.0
        for d in range(n_features):
            direction[d] = centres[b, d] - centres[a, d]
            squared += direction[d] ** 2
        if squared <= 1e-290:
            ratios[e], alignments[e] = 0.0, 1.0
            continue
        length = math.sqrt(squared)
        for d in range(n_features):
            direction[d] /= length
        within = 0.0
        for node in range(2):
            end = b if node else a  # one call, inlined once
            within += _robust_variance(
                points, clouds[end], centres[end], direction, values, scratch
            )
        ratios[e] = squared / within if within > 0 else math.inf
        greatest = spreads[a] + spreads[b]
        alignments[e] = within / greatest if greatest > 0 else 0.0


@njit
def agreeing(landmarks, indices, lengths, tolerance, keep):
    """Neighbours of each query that lie near each other by their distances to the landmarks."""
    n_neighbors, n_landmarks = indices.shape[1], landmarks.shape[1]
    near = np.empty((n_neighbors, n_neighbors), np.bool_)
    for q in range(len(indices)):
        for a in range(n_neighbors):
            near[a, a] = True
            for b in range(a):
                limit = tolerance * (lengths[q, a] + lengths[q, b])
                agree = True
                for m in range(n_landmarks):
                    gap = landmarks[indices[q, a], m] - landmarks[indices[q, b], m]
                    if abs(gap) > limit:
                        agree = False
                        break
                near[a, b] = agree
                near[b, a] = agree
        centre, most = 0, -1
        for a in range(n_neighbors):
            # The nearest wins ties: neighbours come by increasing length.
            count = 0
            for b in range(n_neighbors):
                count += near[a, b]
            if lengths[q, a] == 0:
                count = n_neighbors + 1
            if count > most:
                centre = a
                most = count
        for a in range(n_neighbors):
            keep[q, a] = near[centre, a]

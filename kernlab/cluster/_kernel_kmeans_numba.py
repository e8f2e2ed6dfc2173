"""Lloyd's iteration and Hartigan's moves on a kernel, for one start.

``sums[c, j]`` is the weighted sum of ``kernel[i, j]`` over the points i of cluster c. Both
functions change it with the labels, in place, and return the number of passes over the points and
whether the last one moved none. With Q_c the weighted sum of ``sums[c]`` over cluster c and W_c its
weight, the squared distance of j to the centroid of c is K_jj - 2 sums[c, j] / W_c + Q_c / W_c²,
and the objective is the sum of w_j K_jj less the sum of Q_c / W_c.
"""

import numpy as np

from kernlab._core.jit import inline, njit

# A centroid must be nearer by this much, in units of the kernel's largest entry and relative to
# the distance: ties keep their label whatever the rounding, and every pass lowers the objective.
TIE = 1e-13
RELATIVE_TIE = 1e-10


@inline
def _move(kernel, weight, labels, sums, i, b):
    a, w = labels[i], weight[i]
    for j in range(kernel.shape[0]):
        change = w * kernel[i, j]
        sums[a, j] -= change
        sums[b, j] += change
    labels[i] = b


@inline
def _tally(weight, labels, sums, total, inner, members):
    """Weight, Q and number of points of each cluster; returns minus the sum of Q / W."""
    total[:] = 0.0
    inner[:] = 0.0
    members[:] = 0
    for i in range(len(labels)):
        c = labels[i]
        total[c] += weight[i]
        inner[c] += weight[i] * sums[c, i]
        members[c] += 1
    objective = 0.0
    for c in range(len(total)):
        if members[c] > 0:
            objective -= inner[c] / total[c]
    return objective


@njit
def lloyd(kernel, weight, labels, sums, max_iter):
    """Move all points to their nearest centroids at once, for as long as the objective falls."""
    k, n = sums.shape
    total, inner, members = np.empty(k), np.empty(k), np.empty(k, np.int64)
    target, nearest = np.empty(n, np.int32), np.empty(n)
    objective = _tally(weight, labels, sums, total, inner, members)
    if members.min() == 0:
        objective = np.inf  # of no labels that may be returned
    for step in range(max_iter):
        for j in range(n):
            c = labels[j]
            target[j] = c
            nearest[j] = inner[c] / total[c] ** 2 - 2.0 * sums[c, j] / total[c] - TIE
        for c in range(k):
            if members[c] > 0:
                offset, factor = inner[c] / total[c] ** 2, 2.0 / total[c]
                for j in range(n):
                    distance = offset - factor * sums[c, j]
                    if distance < nearest[j]:
                        nearest[j] = distance
                        target[j] = c
        members[:] = 0
        for j in range(n):
            members[target[j]] += 1
        for c in range(k):
            # An empty cluster takes the point that costs most where it is.
            if members[c] == 0:
                farthest, most = -1, -np.inf
                for j in range(n):
                    cost = weight[j] * (kernel[j, j] + nearest[j])
                    if members[target[j]] > 1 and cost > most:
                        farthest, most = j, cost
                members[target[farthest]] -= 1
                target[farthest] = c
                members[c] = 1
        moved = 0
        for j in range(n):
            a, b = labels[j], target[j]
            if a != b:
                _move(kernel, weight, labels, sums, j, b)
                target[j] = a
                moved += 1
        if moved == 0:
            return step + 1, True
        reached = _tally(weight, labels, sums, total, inner, members)
        if reached >= objective:
            # So it may be where the kernel is indefinite, whose means are not the nearest points
            # to their members. Take the step back.
            for j in range(n):
                if target[j] != labels[j]:
                    _move(kernel, weight, labels, sums, j, target[j])
            return step + 1, True
        objective = reached
    return max_iter, False


@njit
def hartigan(kernel, weight, order, labels, sums, max_iter):
    """Move single points, in the given order, each where it lowers the objective most."""
    k = len(sums)
    total, inner, members = np.empty(k), np.empty(k), np.empty(k, np.int64)
    for step in range(max_iter):
        _tally(weight, labels, sums, total, inner, members)
        moved = 0
        for i in order:
            a, w, own = labels[i], weight[i], kernel[i, i]
            if members[a] == 1:
                continue
            distance = own - 2.0 * sums[a, i] / total[a] + inner[a] / total[a] ** 2
            least = distance * total[a] / (total[a] - w)
            least -= RELATIVE_TIE * abs(least) + TIE
            best = a
            for c in range(k):
                if c != a:
                    distance = own - 2.0 * sums[c, i] / total[c] + inner[c] / total[c] ** 2
                    cost = distance * total[c] / (total[c] + w)
                    if cost < least:
                        best, least = c, cost
            if best != a:
                inner[a] += w * (w * own - 2.0 * sums[a, i])
                inner[best] += w * (w * own + 2.0 * sums[best, i])
                total[a] -= w
                total[best] += w
                members[a] -= 1
                members[best] += 1
                _move(kernel, weight, labels, sums, i, best)
                moved += 1
        if moved == 0:
            return step + 1, True
    return max_iter, False

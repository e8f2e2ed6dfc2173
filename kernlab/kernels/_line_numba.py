"""Compiled parts of the fast Gauss transform in one dimension; see ``_line``.

Distances are in units of ``√2·h``, in which the kernel is ``exp(-u²)``. A coordinate is always
taken relative to the centre of a box nearby, from which it differs by an exactly rounded
subtraction, so that neither an offset of the data nor a tiny bandwidth costs digits.
"""

import math

import numpy as np

from kernlab._core.fastmath import vector_exp, vector_max, vector_min, wide_vectors
from kernlab._core.jit import FAST, njit

# Revision of the files inlined here (_core/fastmath.py, _core/jit.py); a test says when it is
# stale.
INLINED_REVISION = "67436d3f"

# Half the width of a box: of moments about its centre, the k-th falls like HALF_WIDTH**k.
HALF_WIDTH = 0.5
# Boxes evaluated together, one to a lane of the vector unit; at most so many lie within reach.
LANES = 16
_EPS = 2.0**-53
_CHUNK = 256
# Rounding of one term exp(-u²) for unit weight: the energy's, of up to 50, and the exponential's.
_TERM = 4 * 50 * _EPS


@njit
def rounding(n_terms):
    """Bound on the rounding of an expansion relative to the sum of its terms' magnitudes.

    Each of ``n_terms`` steps of the moments' recursion and of Horner's rule rounds twice.
    """
    return 4 * n_terms * _EPS + _TERM


@njit(fastmath=FAST)
def box_moments(points, log_weights, starts, centres, inverse, moments, masses):
    """Moments ``2ᵏ/k! · Σ w exp(-t²) tᵏ`` of each box, with ``t`` relative to its centre.

    Parameters
    ----------
    points, log_weights : (n,) arrays, sorted by point; the second may be None
    starts : (n_boxes + 1,) int64 array
    centres : (n_boxes,) array, in the units of the points
    inverse : float
        ``1/(√2 h)``
    moments : (n_terms, n_boxes) array, out, zero at first
    masses : (n_boxes,) array, out
        Total weight of each box.
    """
    wide_vectors()
    n_terms = moments.shape[0]
    t = np.empty(_CHUNK)
    term = np.empty(_CHUNK)
    for b in range(starts.shape[0] - 1):
        mass = 0.0
        for first in range(starts[b], starts[b + 1], _CHUNK):
            width = min(_CHUNK, starts[b + 1] - first)
            for j in range(width):
                t[j] = (points[first + j] - centres[b]) * inverse
            if log_weights is None:
                mass += width
                for j in range(width):
                    term[j] = vector_exp(-t[j] * t[j])
            else:
                for j in range(width):
                    mass += vector_exp(log_weights[first + j])
                    term[j] = vector_exp(log_weights[first + j] - t[j] * t[j])
            for k in range(n_terms):
                total = 0.0
                for j in range(width):
                    total += term[j]
                    term[j] *= t[j]
                moments[k, b] += total
        masses[b] = mass
        factor = 1.0
        for k in range(n_terms):
            moments[k, b] *= factor
            factor *= 2.0 / (k + 1)


@njit(fastmath=FAST)
def _first_at_least(array, value):
    low, high = 0, array.shape[0]
    while low < high:
        middle = (low + high) // 2
        if array[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(fastmath=FAST)
def _expansion(query, first, centres, inverse, reach, moments, masses, a, value):
    """Sum of :data:`LANES` boxes from ``first``; also the bound of its magnitudes, and the mass."""
    wide_vectors()
    n_terms = moments.shape[0]
    for lane in range(LANES):
        offset = (query - centres[first + lane]) * inverse
        # A box out of reach is evaluated at its edge and then dropped, so that nothing overflows.
        a[lane] = vector_min(vector_max(offset, -reach), reach)
        value[lane] = moments[n_terms - 1, first + lane]
    for k in range(n_terms - 2, -1, -1):
        for lane in range(LANES):
            value[lane] = value[lane] * a[lane] + moments[k, first + lane]
    total = 0.0
    magnitude = 0.0
    mass = 0.0
    for lane in range(LANES):
        within = 1.0 if abs(a[lane]) < reach else 0.0
        nearest = vector_max(0.0, abs(a[lane]) - HALF_WIDTH)
        total += within * value[lane] * vector_exp(-a[lane] * a[lane])
        magnitude += within * masses[first + lane] * vector_exp(-nearest * nearest)
        mass += within * masses[first + lane]
    return total, magnitude, mass


@njit(fastmath=FAST)
def _range_sum(query, points, log_weights, first, last, inverse, shift):
    wide_vectors()
    total = 0.0
    # In chunks, so that rounding grows with their number and not with that of the points.
    for start in range(first, last, _CHUNK):
        chunk = 0.0
        if log_weights is None:
            for j in range(start, min(last, start + _CHUNK)):
                u = (query - points[j]) * inverse
                chunk += vector_exp(shift - u * u)
        else:
            for j in range(start, min(last, start + _CHUNK)):
                u = (query - points[j]) * inverse
                chunk += vector_exp(shift + log_weights[j] - u * u)
        total += chunk
    return total


@njit(fastmath=FAST)
def _least_energy(query, own, points, log_weights, inverse):
    """Least of energy less log weight; points are visited outwards until none can be less."""
    n = points.shape[0]
    right = _first_at_least(points, query)
    left = right - 1
    least = np.inf
    while left >= 0 or right < n:
        # What no farther point goes below, for no weight exceeds one.
        floor = np.inf
        for j in (left, right):
            if 0 <= j < n:
                u = (query - points[j]) * inverse
                floor = min(floor, u * u)
                if j != own:
                    log_weight = 0.0 if log_weights is None else log_weights[j]
                    least = min(least, u * u - log_weight)
        if least <= floor:
            break
        left -= 1
        right += 1
    return least


@njit(fastmath=FAST)
def _near_sum(query, own, points, log_weights, inverse, total_mass, tolerance):
    """Direct log sum over the points near enough to matter, and its relative error.

    But for the rounding of the least energy, which is relative to the logarithm.
    """
    least = _least_energy(query, own, points, log_weights, inverse)
    if not least < np.inf:
        return -np.inf, 0.0
    # Relative to the largest term, the points beyond the radius sum to exp(-spread)·total_mass.
    spread = math.log(16 * total_mass / tolerance)
    radius = math.sqrt(least + spread) / inverse
    first = _first_at_least(points, query - radius)
    last = _first_at_least(points, query + radius)
    if first <= own < last:
        total = _range_sum(query, points, log_weights, first, own, inverse, least)
        total += _range_sum(query, points, log_weights, own + 1, last, inverse, least)
    else:
        total = _range_sum(query, points, log_weights, first, last, inverse, least)
    # At least the largest term, also where rounding of large energies hides it.
    total = max(total, 1.0)
    steps = (last - first) // _CHUNK + _CHUNK // 8
    error = tolerance / 16 + (steps * _EPS + _TERM) * total
    return math.log(total) - least, error / total


@njit(fastmath=FAST)
def line_sums(
    queries, own, points, log_weights, centres, inverse, reach, moments, masses, total_mass,
    remainder, tolerance, log_sums, errors,
):  # fmt: skip
    """Log sums at ``queries`` and bounds on the relative errors of the sums found.

    Parameters
    ----------
    queries : (m,) array
    own : (m,) int64 array
        Place among the sorted points of the one to leave out, or -1.
    points, log_weights, centres, inverse, moments, masses : see :func:`box_moments`
        With :data:`LANES` empty boxes at infinity after the last.
    reach : float
        Distance from which on boxes are left out.
    total_mass : float
    remainder : float
        Bound on the truncation of an expansion for unit weight.
    tolerance : float
        Relative error above which a query is summed directly.
    log_sums, errors : (m,) arrays, out
    """
    a = np.empty(LANES)
    value = np.empty(LANES)
    n_boxes = centres.shape[0] - LANES
    outside = math.exp(-((reach - HALF_WIDTH) ** 2))
    bits = rounding(moments.shape[0])
    for i in range(queries.shape[0]):
        query = queries[i]
        first = min(_first_at_least(centres, query - reach / inverse), n_boxes)
        total, magnitude, mass = _expansion(
            query, first, centres, inverse, reach, moments, masses, a, value
        )
        own_error = 0.0
        if own[i] >= 0:
            u = (query - points[own[i]]) * inverse
            log_weight = 0.0 if log_weights is None else log_weights[own[i]]
            own_term = vector_exp(log_weight - u * u)
            total -= own_term
            own_error = bits * own_term * (1 + u * u)
        error = own_error + mass * remainder + bits * magnitude + (total_mass - mass) * outside
        if error <= tolerance * total:
            log_sums[i] = math.log(total)
            errors[i] = error / total
            continue
        log_sums[i], errors[i] = _near_sum(
            query, own[i], points, log_weights, inverse, total_mass, tolerance
        )

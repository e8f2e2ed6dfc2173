"""Sums of walks in numbers that neither underflow nor overflow, for pairs of nodes far apart."""

# Reference: Fukushima, *Numerical computation of spherical harmonics of arbitrary degree and order
# by extending exponent of floating point numbers*, Journal of Geodesy 86, 2012. A number is
# m · 2^(512 e) with m a float of [2^-256, 2^256), or zero, and e an integer.

import numpy as np
from scipy.special import gammaln

from kernlab._core.jit import njit

RADIX_LOG = 512 * np.log(2.0)
BIG = 2.0**256
SMALL = 2.0**-256
UP = 2.0**512
DOWN = 2.0**-512


@njit
def _normal(m, e):
    if m >= BIG:
        return m * DOWN, e + 1
    if m < SMALL and m > 0.0:
        return m * UP, e - 1
    return m, e


@njit
def _add(m, e, n, f):
    if n == 0.0:
        return m, e
    if m == 0.0:
        return n, f
    if e == f:
        m += n
    elif e == f + 1:
        m += n * DOWN
    elif f == e + 1:
        m, e = n + m * DOWN, f
    elif f > e:
        m, e = n, f
    return _normal(m, e)


@njit
def _divide(m, e, n, f):
    # In two factors, each in range: a quotient of mantissas lies in (2^-512, 2^512).
    return _normal(m / n, e - f)


def split(logs):
    """Mantissas and exponents of numbers given by their logarithms."""
    logs = np.asarray(logs, dtype=np.float64)
    some = np.isfinite(logs)
    exponents = np.zeros(logs.shape, dtype=np.int64)
    exponents[some] = np.rint(logs[some] / RADIX_LOG)
    mantissas = np.zeros(logs.shape)
    mantissas[some] = np.exp(logs[some] - exponents[some] * RADIX_LOG)
    return mantissas, exponents


def join(mantissas, exponents):
    """Logarithms of numbers given by mantissas and exponents."""
    with np.errstate(divide="ignore"):
        return np.log(mantissas) + exponents * RADIX_LOG


@njit
def breadth_first(indptr, indices, source):
    """Nodes that walks from ``source`` come to, nearest first, and the steps to every node."""
    n = len(indptr) - 1
    order, hops = np.empty(n, np.int64), np.full(n, -1)
    order[0], hops[source], count, k = source, 0, 1, 0
    while k < count:
        i = order[k]
        k += 1
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if hops[j] < 0:
                hops[j] = hops[i] + 1
                order[count] = j
                count += 1
    return order[:count], hops


@njit
def _log_growths(indptr, indices, weights, order, hops, tilts):
    """Logarithms of bounds g of B^k: an entry is at most tilt^hops · g^k, for every tilt."""
    # Of B scaled by the diagonal of tilt^hops, the largest row sum.
    growths = np.zeros(len(tilts))
    for i in order:
        nearer, level, farther = 0.0, 0.0, 0.0
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if hops[j] < hops[i]:
                nearer += weights[p]
            elif hops[j] == hops[i]:
                level += weights[p]
            else:
                farther += weights[p]
        for a in range(len(tilts)):
            growth = nearer / tilts[a] + level + farther * tilts[a]
            growths[a] = max(growths[a], growth)
    return np.log(growths) + 1e-12


@njit
def wide_series(indptr, indices, weights, wm, we, log_time, source, step, log_radius):
    """Column ``source`` of the sum of B^k / k! (step 1) or B^k / k!! (step 2), to rounding.

    B is ``weights`` times ``exp(log_time)``, in wide numbers (wm, we). What a walk takes more than
    the fewest steps to where it is, never falls along it: hence first all shortest walks, then
    those of one step more, and so on until bounds of the rest are below rounding of every entry.
    Bounds are by ``exp(log_radius)``, at least the spectral radius of B, and by its row sums.
    """
    order, hops = breadth_first(indptr, indices, source)
    n, depth = len(indptr) - 1, hops[order[-1]]
    tilts = 2.0 ** -np.arange(12)
    growths = _log_growths(indptr, indices, weights, order, hops, tilts) + log_time
    growths[0] = min(growths[0], log_radius)
    # Powers of B at hops plus excess, of the last three.
    m, e = np.zeros((3, n)), np.zeros((3, n), np.int64)
    sum_m, sum_e = np.zeros(n), np.zeros(n, np.int64)
    # Coefficients of orders from excess on.
    last = depth + 2
    cm, ce = np.ones(last + 1), np.zeros(last + 1, np.int64)
    for k in range(2, last + 1):
        cm[k], ce[k] = _normal(cm[k - step] / k, ce[k - step])
    bounds = np.empty(depth + 1)
    excess = 0
    while True:
        for i in order:
            am, ae = 0.0, 0
            if excess == 0 and i == source:
                am = 1.0
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                before = excess - 1 + hops[i] - hops[j]
                if before >= 0 and m[before % 3, j] > 0.0:
                    tm, te = _normal(wm[p] * m[before % 3, j], we[p] + e[before % 3, j])
                    am, ae = _add(am, ae, tm, te)
            m[excess % 3, i], e[excess % 3, i] = am, ae
            if am > 0.0:
                tm, te = _normal(am * cm[hops[i]], ae + ce[hops[i]])
                sum_m[i], sum_e[i] = _add(sum_m[i], sum_e[i], tm, te)
        if excess % 4 == 0:
            for d in range(depth + 1):
                k = d + 1 + excess
                log_coefficient = np.log(cm[d + 1]) + ce[d + 1] * RADIX_LOG
                bounds[d] = np.inf
                for a in range(len(tilts)):
                    # From here on terms of a parity fall by halves.
                    if step * growths[a] < np.log(0.5 * k):
                        bound = d * np.log(tilts[a]) + k * growths[a] + log_coefficient
                        bounds[d] = min(bounds[d], bound)
            done = True
            for i in order:
                if bounds[hops[i]] > np.log(sum_m[i]) + sum_e[i] * RADIX_LOG - 40:
                    done = False
                    break
            if done:
                return sum_m, sum_e
        excess += 1
        for k in range(last):
            cm[k], ce[k] = cm[k + 1], ce[k + 1]
        cm[last], ce[last] = _normal(cm[last - step] / (last + excess), ce[last - step])


@njit
def _gather(m, e, values, exponent):
    for i in range(len(m)):
        for j in range(len(m)):
            n, f = _normal(values[i, j], exponent)
            m[i, j], e[i, j] = _add(m[i, j], e[i, j], n, f)


def wide_product(left, right):
    """Product of two square matrices of wide numbers, by products of floats.

    One for each pair of exponents: entries of one exponent neither underflow nor overflow.
    """
    sums = {}
    parts = [[(f, np.where(e == f, m, 0.0)) for f in np.unique(e[m > 0])] for m, e in (left, right)]
    for f, part in parts[0]:
        for g, other in parts[1]:
            sums[f + g] = sums.get(f + g, 0.0) + part @ other
    m, e = np.zeros(left[0].shape), np.zeros(left[0].shape, np.int64)
    for exponent, values in sums.items():
        _gather(m, e, values, exponent)
    return m, e


def n_squarings(steps, degree):
    """Halvings of a time until parts of a walk take up to ``degree`` steps each, to rounding."""
    if steps <= degree:
        return 0
    # A walk of k <= steps steps is lost where more than the degree fall in one of the parts.
    lost = gammaln(steps + 1) - gammaln(degree + 2) - gammaln(steps - degree)
    return max(0, int(np.ceil((lost + 37) / (degree * np.log(2)))))


def wide_exponential(m, e, degree, squarings):
    """Exponential of a matrix of wide numbers times two to the power ``squarings``."""
    identity = np.eye(len(m))
    result = identity, np.zeros_like(e)
    # Horner's scheme: I + B/1 (I + B/2 (I + ...)).
    for order in range(degree, 0, -1):
        result = wide_product((m / order, e), result)
        _gather(*result, identity, 0)
    for _ in range(squarings):
        result = wide_product(result, result)
    return result


@njit
def wide_inverse(m, e, vm, ve):
    """In place the inverse of the M-matrix with links (m, e) and row sums (vm, ve).

    As ``m_matrix_inverse``, node by node, at the cost of the links there are: in an order of small
    bandwidth b of O(n² b).
    """
    n = len(vm)
    later = np.empty(n, np.int64)
    pm, pe = np.zeros(n), np.zeros(n, np.int64)
    for k in range(n):
        count = 0
        sm, se = vm[k], ve[k]
        for j in range(k + 1, n):
            if m[k, j] > 0.0:
                later[count] = j
                count += 1
                sm, se = _add(sm, se, m[k, j], e[k, j])
        pm[k], pe[k] = sm, se
        for a in range(count):
            i = later[a]
            rm, re = _divide(m[k, i], e[k, i], sm, se)
            m[i, k], e[i, k] = rm, re
            tm, te = _normal(rm * vm[k], re + ve[k])
            vm[i], ve[i] = _add(vm[i], ve[i], tm, te)
            for b in range(count):
                j = later[b]
                if j > i:
                    tm, te = _normal(rm * m[k, j], re + e[k, j])
                    m[i, j], e[i, j] = _add(m[i, j], e[i, j], tm, te)
        for a in range(count):
            # Shares of the pivot stay below the diagonal; above it the inverse comes to stand.
            m[k, later[a]] = 0.0
    for k in range(n - 1, -1, -1):
        count = 0
        for j in range(k + 1, n):
            if m[j, k] > 0.0:
                later[count] = j
                count += 1
        dm, de = _divide(1.0, 0, pm[k], pe[k])
        for a in range(count):
            i = later[a]
            rm, re = m[i, k], e[i, k]
            for j in range(k + 1, n):
                # The inverse of the nodes after k is symmetric, of which the upper half is stored.
                row, column = (i, j) if i <= j else (j, i)
                if m[row, column] > 0.0:
                    tm, te = _normal(rm * m[row, column], re + e[row, column])
                    m[k, j], e[k, j] = _add(m[k, j], e[k, j], tm, te)
        for a in range(count):
            i = later[a]
            tm, te = _normal(m[i, k] * m[k, i], e[i, k] + e[k, i])
            dm, de = _add(dm, de, tm, te)
        m[k, k], e[k, k] = dm, de
    for i in range(n):
        for j in range(i):
            m[i, j], e[i, j] = m[j, i], e[j, i]

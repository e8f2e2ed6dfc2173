"""Sums of walks in numbers that neither underflow nor overflow, for pairs of nodes far apart."""

# Reference: Fukushima, *Numerical computation of spherical harmonics of arbitrary degree and order
# by extending exponent of floating point numbers*, Journal of Geodesy 86, 2012. A number is
# m · 2^(512 e) with m a float of [2^-256, 2^256), or zero, and e an integer.

import numpy as np

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
def wide_series(indptr, indices, wm, we, source, members, step, log_radius):
    """Column ``source`` of the sum of B^k / k! (step 1) or B^k / k!! (step 2), to rounding.

    Ends where a bound of the rest by ``exp(log_radius)``, at least the spectral radius of B, is
    below rounding of the least entry of the source's component, whose nodes are ``members``.
    """
    n = len(indptr) - 1
    m, e = np.zeros(n), np.zeros(n, np.int64)
    new_m, new_e = np.zeros(n), np.zeros(n, np.int64)
    sum_m, sum_e = np.zeros(n), np.zeros(n, np.int64)
    m[source] = sum_m[source] = 1.0
    # Coefficients of this power and, for the double factorial, of the one before; and the logs of
    # what bounds their terms.
    cm, ce, before_m, before_e = 1.0, 0, 1.0, 0
    bound, bound_before = 0.0, -log_radius
    k = 0
    while True:
        k += 1
        if step == 1:
            cm, ce = _normal(cm / k, ce)
            bound += log_radius - np.log(k)
        else:
            cm, ce, before_m, before_e = before_m / k, before_e, cm, ce
            cm, ce = _normal(cm, ce)
            bound, bound_before = bound_before + 2 * log_radius - np.log(k), bound
        for i in members:
            am, ae = 0.0, 0
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if m[j] > 0.0:
                    tm, te = _normal(wm[p] * m[j], we[p] + e[j])
                    am, ae = _add(am, ae, tm, te)
            new_m[i], new_e[i] = am, ae
            if am > 0.0:
                tm, te = _normal(am * cm, ae + ce)
                sum_m[i], sum_e[i] = _add(sum_m[i], sum_e[i], tm, te)
        m, new_m, e, new_e = new_m, m, new_e, e
        if k % 16 == 0 and step * log_radius < np.log(0.5 * k):
            least = np.inf
            for i in members:
                if sum_m[i] == 0.0:
                    least = -np.inf
                    break
                least = min(least, np.log(sum_m[i]) + sum_e[i] * RADIX_LOG)
            if bound < least - 40:
                break
    return sum_m, sum_e


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

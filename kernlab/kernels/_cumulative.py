"""Distribution functions of one-dimensional kernel sums, and their inverses.

The mass below a point is a sum of the kernels' own distribution functions, each in closed form and
accurate in its lower tail, so nothing cancels there.
"""

# Reference: Chandrupatla, *A new hybrid quadratic/bisection algorithm for finding the zero of a
# nonlinear function without using derivatives*, Advances in Engineering Software, 1997.

import numpy as np

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import from_bandwidths
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import as_array_sources
from kernlab.kernels._sums_array import query_rows

# A table of so many queries and all points of a chunk stays in a core's second cache.
_ROWS, _COLUMNS = 64, 1024
# Width of the last bracket, relative to max(1, |quantile|) in bandwidths.
_TOLERANCE = 4e-16


def cumulative_sums(sources, queries, *, n_jobs=None, verbose=0):
    """Share of the total weight below each query, (m, 1) to (m,); O(m·n) time."""
    table = as_array_sources(sources)
    q, q_low = query_rows(table, queries)
    return _below(table, q, q_low, n_jobs, verbose)


def cumulative_quantiles(sources, shares, *, n_jobs=None, verbose=0):
    """Least points with at least the given shares of the weight below: (k,) to (k,).

    Some ten to sixty evaluations of the distribution function for each.
    """
    table = as_array_sources(sources)
    counted = slice(None) if table.log_weights is None else table.log_weights > -np.inf
    first, last = table.z[counted].min(), table.z[counted].max()
    bounded = profile_of(table.kernel).bounded
    z = np.empty(len(shares))
    z[shares <= 0] = first - 1 if bounded else -np.inf
    z[shares >= 1] = last + 1 if bounded else np.inf
    inside = np.flatnonzero((shares > 0) & (shares < 1))
    if inside.size:

        def excess(points, which):
            below = _below(table, points[:, None], np.zeros((len(points), 1)), n_jobs, verbose)
            return below - shares[inside[which]]

        z[inside] = least_roots(excess, inside.size, first - 1, last + 1)
    return from_bandwidths(z[:, None], table.centre, table.root)[:, 0]


def _below(table, q, q_low, n_jobs, verbose):
    profile = profile_of(table.kernel)
    weights = np.ones(table.n_points)
    if table.log_weights is not None:
        weights = np.exp(table.log_weights - table.log_weights.max())
    z = table.z[:, 0]
    z_low = None if table.z_low is None else table.z_low[:, 0]
    shares = np.empty(len(q))

    def work(part):
        below, total = np.zeros(part.stop - part.start), 0.0
        for start in range(0, len(z), _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            u = q[part] - z[columns]
            if z_low is not None:
                u += (0.0 if q_low is None else q_low[part]) - z_low[columns]
            tail = profile.tail(np.abs(u))
            mass = np.where(u < 0, tail, 1 - tail)
            # Summed alike whatever the query, so that rounding keeps the sums in order; and the
            # total in the same order, so that all of the mass is exactly one.
            below += np.sum(mass * weights[columns], axis=1)
            total += np.sum(weights[columns])
        shares[part] = np.minimum(below / total, 1.0)

    run_slices(
        work,
        len(q),
        slice_size=_ROWS,
        n_jobs=effective_n_jobs(n_jobs),
        verbose=verbose,
        label="distribution function",
    )
    return shares


def least_roots(function, size, low, high):
    """Upper ends of brackets of the least points where increasing functions reach zero.

    ``function(points, which)`` evaluates those numbered ``which``. A value of zero counts as above,
    so that of a level stretch the left end is found.
    """
    everyone = np.arange(size)
    low, high = np.full(size, float(low)), np.full(size, float(high))
    f_low, f_high = function(low, everyone), function(high, everyone)
    reach = 1.0
    while reach < 1e307 and ((f_low >= 0).any() or (f_high < 0).any()):
        reach *= 4.0
        below, above = np.flatnonzero(f_low >= 0), np.flatnonzero(f_high < 0)
        low[below] -= reach
        high[above] += reach
        f_low[below], f_high[above] = function(low[below], below), function(high[above], above)

    # Roots that no float reaches.
    beyond = np.where(f_low >= 0, -np.inf, np.where(f_high < 0, np.inf, 0.0))
    # a is the last point tried, b the other end of the bracket, c the point before.
    a, b, f_a, f_b = low, high, f_low, f_high
    fraction = np.full(size, 0.5)
    active = np.flatnonzero(beyond == 0)
    while active.size:
        i = active
        trial = a[i] + fraction[i] * (b[i] - a[i])
        value = function(trial, i)
        same = (value >= 0) == (f_a[i] >= 0)
        c, f_c = np.where(same, a[i], b[i]), np.where(same, f_a[i], f_b[i])
        b[i], f_b[i] = np.where(same, b[i], a[i]), np.where(same, f_b[i], f_a[i])
        a[i], f_a[i] = trial, value
        fraction[i] = _chandrupatla(a[i], b[i], c, f_a[i], f_b[i], f_c)
        width = np.abs(b[i] - a[i])
        wanted = _TOLERANCE * np.maximum(1.0, np.maximum(np.abs(a[i]), np.abs(b[i])))
        # Never nearer to an end than half the wanted width, or the other end would not move.
        margin = np.minimum(0.5, wanted / 2 / np.where(width > 0, width, 1.0))
        fraction[i] = np.clip(fraction[i], margin, 1 - margin)
        active = i[width > wanted]
    return np.where(beyond == 0, np.maximum(a, b), beyond)


def _chandrupatla(a, b, c, f_a, f_b, f_c):
    """Where to try next between ``a`` and ``b``: inverse quadratic where that is safe, or half."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi = (a - b) / (c - b)
        phi = (f_a - f_b) / (f_c - f_b)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        quadratic = f_a / (f_b - f_a) * f_c / (f_b - f_c)
        quadratic += (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
    return np.where(safe & np.isfinite(quadratic), quadratic, 0.5)

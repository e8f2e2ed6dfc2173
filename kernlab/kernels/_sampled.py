"""Kernel sums over random samples, with standard errors where those mean anything.

Points stand in random order, and a query adds up ever more of them until the standard error of its
estimate is as asked. That error is normal only while the central limit theorem holds: while many
terms carry the sum. Below the bandwidth where it ceases to, few of the points drawn carry the sum;
then sampling goes on, in the end to the last point, and the sum is exact. Nothing is known of
points not drawn: a handful beside the query, or one of huge weight, that outweigh all the rest can
be missed, and then so is the error.
"""

# Reference: Biroli and Mézard, arXiv:2408.05807, for where the central limit theorem fails.

import numpy as np

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels._coordinates import FARTHEST
from kernlab.kernels._precision import rounding_of
from kernlab.kernels._sums import accumulate, initial_sums, log_kernel_sums, query_rows, tiles_of

# Effective terms below which no error bar is called normal: the sample variance of a sum of so many
# errs by some six per cent.
FEWEST_TERMS = 500
# Tiles of the first sample; each later one doubles what has been seen.
_FIRST = 4
_SLICE = 1024


def sampled_log_sums(sources, queries, *, rtol, n_jobs=None, verbose=0):
    """Logarithms of the estimated sums, and their standard errors.

    Parameters
    ----------
    sources : result of ``prepare_sources(..., shuffle=random_state)``
    queries : (m, d) array
    rtol : float
        Relative standard error aimed at.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`

    Returns
    -------
    log_sums, errors : (m,) arrays
        The error of a sum that was formed in full is that of rounding.
    """
    z, z_low = query_rows(sources, queries)
    m = len(z)
    log_sums, errors = np.empty(m), np.zeros(m)
    near = np.max(np.abs(z), axis=1) <= FARTHEST
    far = np.flatnonzero(~near)
    if far.size:
        log_sums[far] = log_kernel_sums(sources, queries[far], n_jobs=n_jobs)[0]
    near = np.flatnonzero(near)

    def work(part):
        rows = near[part]
        low = None if z_low is None else z_low[rows]
        log_sums[rows], errors[rows] = _sample(sources, z[rows], low, rtol)

    run_slices(
        work,
        len(near),
        slice_size=_SLICE,
        n_jobs=effective_n_jobs(n_jobs),
        uses_blas=sources.double.by_product is not None,
        verbose=verbose,
        label="sampled sums",
    )
    return log_sums, errors + rounding_of(sources, log_sums)


def _sample(sources, z, z_low, rtol):
    m, n = len(z), sources.n_points
    shifts, sums, squares = initial_sums(sources, m)
    errors, shares = np.zeros(m), np.ones(m)
    n_tiles, width = len(sources.double.tiles), sources.double.tiles.shape[2]
    active, first, last = np.arange(m), 0, min(_FIRST, n_tiles)
    while active.size:
        layout, count = tiles_of(sources, first, last)
        state = shifts[active], sums[active], squares[active]
        low = None if z_low is None else z_low[active]
        accumulate(sources, layout, count, z[active], low, np.full(len(active), -1), *state)
        shifts[active], sums[active], squares[active] = state
        seen = min(last * width, n)
        shares[active] = seen / n
        # Without replacement: the mean square less the squared mean, and less what was seen.
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse_terms = squares[active] / sums[active] ** 2
        variance = np.maximum(0.0, inverse_terms - 1 / seen) * (1 - seen / n)
        errors[active] = np.sqrt(variance)
        enough = (errors[active] <= rtol) & (inverse_terms <= 1 / FEWEST_TERMS)
        if last == n_tiles:
            errors[active] = 0.0
            break
        active = active[~enough]
        first, last = last, min(2 * last, n_tiles)
    with np.errstate(divide="ignore"):
        return np.log(sums / shares) - shifts + sources.log_scale, errors

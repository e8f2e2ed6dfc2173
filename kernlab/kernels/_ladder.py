"""Gaussian kernel sums at a ladder of bandwidths, for little more than the price of one.

At ``h_k² = h²/2^k`` every term is the square of the one before, so one exponential serves eight
bandwidths. With sums ``S`` at two neighbouring levels the effective number of terms of the coarser
comes for nothing: ``(Σ terms)² / Σ terms² = S(h²)² / S(h²/2)``.
"""

import numpy as np

from kernlab._core.chunks import chunk_shape
from kernlab._core.namespace import device_of, namespace_of, on_cpu
from kernlab._core.progress import progress
from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.kernels import _sums, _sums_array
from kernlab.kernels._coordinates import FARTHEST
from kernlab.kernels._precision import product_error

# Lighter points, relative to the heaviest, might vanish under the floor of the compiled terms.
_LEAST_WEIGHT = 1e-13
_TOLERANCE = 1e-12
_LARGEST = 1e307  # initial shift: finite, so that a difference is never inf - inf


def log_kernel_sums_ladder(
    sources, queries=None, *, n_levels, first_level=0, n_jobs=None, verbose=0
):
    """Logarithms of Gaussian kernel sums at the bandwidths ``root / 2**(level / 2)``.

    Parameters
    ----------
    sources : result of :func:`kernlab.kernels._sums.prepare_sources`
        Of the Gaussian kernel; ``root`` is its bandwidth.
    queries : (m, d) array or None
        None takes every source point and leaves out its own term.
    n_levels : int
        Number of levels, ``first_level, first_level + 1, …``.
    first_level : int
        Negative levels are wider than ``root``.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`

    Returns
    -------
    log_sums : (n_levels, m) float64 array
        With no normaliser, as of :func:`kernlab.kernels._sums.log_kernel_sums`.

    Raises
    ------
    ValueError
        For another kernel than the Gaussian.

    Notes
    -----
    Some 1.6 times the cost of one evaluation for each eight levels. On arrays of other libraries,
    and where weights differ by more than a factor 1e13, distances are shared but each level takes
    its own exponential.

    Accurate to ``1e-12·max(1, |log sum|)`` as one evaluation, for levels up to 0; above, the
    rounding of coordinates, which ``prepare_sources`` bounds for the bandwidth ``root``, counts
    ``2**(level / 2)`` times. Where data spans hundreds of bandwidths, prepare at the narrowest.
    """
    if sources.kernel != "gaussian":
        raise ValueError(
            f"a ladder of bandwidths needs the Gaussian kernel, whose square is itself, got "
            f"kernel={sources.kernel!r}; call log_kernel_sums at each bandwidth."
        )
    if not isinstance(sources, _sums.Sources):
        z, z_low = _sums_array.query_rows(sources, queries)
        points = (sources.z, sources.z_low, sources.log_weights)
        own = queries is None
        return _by_arrays(sources, points, z, z_low, own, n_levels, first_level, verbose)
    weights = None
    if sources.double.weights is not None:
        log_weights = sources.double.weights.ravel()[: sources.n_points]
        heaviest = log_weights.max()
        if np.min(log_weights, where=log_weights > -np.inf, initial=np.inf) < heaviest + np.log(
            _LEAST_WEIGHT
        ):
            return _by_arrays_of_numpy(sources, queries, n_levels, first_level, verbose)
        weights = np.exp(sources.double.weights - heaviest)
    return _compiled(sources, queries, weights, n_levels, first_level, n_jobs, verbose)


def _compiled(sources, queries, weights, n_levels, first_level, n_jobs, verbose):
    m = sources.n_points if queries is None else len(queries)
    log_sums = np.empty((n_levels, m))
    places = _sums.places_of(sources)
    threads = effective_n_jobs(n_jobs)

    def work(part):
        if queries is None:
            own = places[part]
            z, z_low = _sums.source_rows(sources, own)
        else:
            own = np.full(part.stop - part.start, -1)
            z, z_low = _sums.query_rows(sources, queries[part])
        near = np.max(np.abs(z), axis=1) <= FARTHEST
        log_sums[:, part] = -np.inf  # farther off, the squared distance has no float
        rows = np.flatnonzero(near)
        if rows.size:
            low = None if z_low is None else z_low[rows]
            log_sums[:, part.start + rows] = _near_rows(
                sources, weights, z[rows], low, own[rows], n_levels, first_level
            )

    run_slices(
        work,
        m,
        slice_size=_sums.slice_size(sources.n_points, m, threads),
        n_jobs=threads,
        uses_blas=sources.double.by_product is not None,
        verbose=verbose,
        label="kernel sums",
    )
    return log_sums


def _near_rows(sources, weights, z, z_low, own, n_levels, first_level):
    """Levels of queries whose squared distances are finite, by products where that is safe."""
    layout = sources.double
    log_sums = _passes(sources, layout, weights, z, z_low, own, n_levels, first_level)
    if layout.by_product is None:
        return log_sums
    # The error of a product, in units of the energy, doubles with each level.
    levels = np.arange(first_level, first_level + n_levels)[:, None]
    error = min(product_error(sources.radius), _TOLERANCE) * np.exp2(levels)
    again = np.flatnonzero((error > _TOLERANCE * np.maximum(1.0, np.abs(log_sums))).any(axis=0))
    if again.size:
        low = None if z_low is None else z_low[again]
        log_sums[:, again] = _passes(
            sources, _direct_layout(sources), weights, z[again], low, own[again], n_levels,
            first_level,
        )  # fmt: skip
    return log_sums


def _direct_layout(sources):
    """The points in the same places, all relative to the common centre."""
    z, z_low = _sums.source_rows(sources, np.arange(sources.n_points))
    width = sources.double.tiles.shape[2]
    low = None if z_low is None else _sums.tiled(z_low, width)
    return _sums.Layout(_sums.tiled(z, width), low, sources.double.weights)


def _passes(sources, layout, weights, z, z_low, own, n_levels, first_level):
    """Eight levels at a time."""
    from kernlab.kernels import _ladder_numba as compiled

    log_sums = np.empty((n_levels, len(z)))
    z = np.ascontiguousarray(z)
    for start in range(0, n_levels, compiled.LEVELS):
        shifts = np.full(len(z), _LARGEST)
        sums = np.zeros((len(z), compiled.LEVELS))
        factor = 0.5 * 2.0 ** (first_level + start)
        rest = (weights, sources.n_points, z, z_low, own, factor, shifts, sums)
        if layout.by_product is None:
            compiled.direct_levels(layout.tiles, layout.low, *rest)
        else:
            centres = (layout.centres, layout.norms, layout.by_product)
            compiled.product_levels(layout.tiles, layout.low, *centres, *rest)
        count = min(compiled.LEVELS, n_levels - start)
        with np.errstate(divide="ignore", over="ignore"):
            log_sums[start : start + count] = (
                np.log(sums[:, :count]) - shifts[:, None] * np.exp2(np.arange(count))
            ).T
    if sources.double.weights is not None:
        log_sums += np.max(sources.double.weights.ravel()[: sources.n_points])
    return log_sums


# --- Arrays ---------------------------------------------------------------------------------------


def _by_arrays_of_numpy(sources, queries, n_levels, first_level, verbose):
    places = _sums.places_of(sources)
    z, z_low = _sums.source_rows(sources, places)
    points = (z, z_low, sources.double.weights.ravel()[places])
    if queries is not None:
        z, z_low = _sums.query_rows(sources, queries)
    return _by_arrays(sources, points, z, z_low, queries is None, n_levels, first_level, verbose)


@np.errstate(divide="ignore", over="ignore", invalid="ignore")
def _by_arrays(sources, points, z, z_low, own, n_levels, first_level, verbose):
    """Distances of a chunk of queries and a chunk of points, then each level by itself."""
    xp = namespace_of(z)
    x, x_low, log_weights = points
    m, n = z.shape[0], x.shape[0]
    rows, columns = chunk_shape(m, n, 8 * 5, on_cpu=on_cpu(z))
    factors = [0.5 * 2.0 ** (first_level + k) for k in range(n_levels)]
    blocks = []
    starts = range(0, m, rows)
    for start in progress(starts, total=len(starts), verbose=verbose, label="kernel sums"):
        stop = min(start + rows, m)
        q = z[start:stop, ...]
        q_low = None if z_low is None else z_low[start:stop, ...]
        levels = [xp.full((stop - start,), -xp.inf, dtype=xp.float64, device=device_of(z))]
        levels = levels * n_levels
        for first in range(0, n, columns):
            last = min(first + columns, n)
            squared = _sums_array.squared_distances(
                xp, q, q_low, x[first:last, ...], None if x_low is None else x_low[first:last, ...],
                xp.float64, False,
            )  # fmt: skip
            if own:
                mine = xp.arange(start, stop, device=device_of(z))[:, None]
                theirs = xp.arange(first, last, device=device_of(z))[None, :]
                squared = xp.where(mine == theirs, xp.full_like(squared, xp.inf), squared)
            for k, factor in enumerate(factors):
                log_terms = -factor * squared
                if log_weights is not None:
                    log_terms = log_terms + log_weights[first:last][None, :]
                peak = xp.maximum(levels[k], xp.max(log_terms, axis=1))
                shift = xp.where(xp.isfinite(peak), peak, xp.zeros_like(peak))
                total = xp.sum(xp.exp(log_terms - shift[:, None]), axis=1)
                levels[k] = shift + xp.log(total + xp.exp(levels[k] - shift))
        blocks.append(xp.stack(levels))
    return xp.concat(blocks, axis=1)

"""The one door to sums of kernels: ``log Σ_j w_j K(R⁻¹(y - x_j))`` for many queries ``y``.

:func:`prepare_sources` lays the points out once; :func:`log_kernel_sums` evaluates. NumPy arrays go
to compiled loops (``_sums_numba``), arrays of any other namespace to chunked array code on their
own device (``_sums_array``); both keep logarithms throughout.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from kernlab._core.namespace import is_numpy_namespace, namespace_of
from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab._core.validation import log_total_weight
from kernlab.kernels import _sums_array
from kernlab.kernels._coordinates import (
    FAR_UNIT,
    FARTHEST,
    centre_of,
    frame_of,
    from_bandwidths,
    largest_norm,
    to_bandwidths,
    to_bandwidths_twofold,
)
from kernlab.kernels._precision import LARGEST_SINGLE, product_is_safe, too_coarse
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums_array import far_log_values

# Direct differences are at least as fast as matrix products up to here.
DIRECT_FEATURES = 10
# Pairs that one call of compiled code handles: at least so many that a thread is worth starting,
# at most so many that interrupts and bars get a turn.
_FEWEST_PAIRS = 2**19
_MOST_PAIRS = 2**26


class Layout(NamedTuple):
    """Points as the compiled sums read them, in one precision.

    ``tiles`` has shape (n_tiles, d, width) and ``weights`` (n_tiles, width). ``low`` holds the low
    parts of coordinates carried as sums of two floats. The last three are for matrix products: a
    tile with ``by_product`` holds its points relative to its centre. None where not needed.
    """

    tiles: np.ndarray
    low: np.ndarray | None
    weights: np.ndarray | None
    centres: np.ndarray | None = None
    norms: np.ndarray | None = None
    by_product: np.ndarray | None = None


@dataclass(frozen=True)
class Sources:
    """Points prepared for kernel sums; arrays and scalars only, so that it pickles.

    ``order`` is the point that stands in each place, or None for the order given; ``log_scale`` is
    what the log sums lack because weights were scaled; ``single`` is the layout in float32, where
    mixed precision was asked for and can serve.
    """

    kernel: str
    n_points: int
    centre: np.ndarray
    root: np.ndarray
    inverse: np.ndarray
    radius: float
    log_total_weight: float
    log_scale: float
    order: np.ndarray | None
    double: Layout
    single: Layout | None


def prepare_sources(
    points, *, kernel, root, weights=None, precision="double", spatial=False, shuffle=None
):
    """Lay points out for :func:`log_kernel_sums`.

    Parameters
    ----------
    points : (n, d) array of any supported namespace
    kernel : str
        Name of a profile.
    root : float, (d,) or (d, d) array
        Root of the bandwidth matrix: standard deviations, or a lower Cholesky factor.
    weights : (n,) array or None
        Non-negative, at least one positive.
    precision : {'double', 'mixed'}
    spatial : bool
        Let the points of a tile be compact in space, and use no matrix products.
    shuffle : RandomState or None
        Let the points stand in random order.
    """
    xp = namespace_of(points)
    if not is_numpy_namespace(xp):
        return _sums_array.prepare_sources(
            points, kernel=kernel, root=root, weights=weights, precision=precision
        )
    from kernlab.kernels._sums_numba import TILE, spatial_order

    profile = profile_of(kernel)
    centre, root, inverse, radius, z, z_low = frame_of(np.asarray(points, dtype=np.float64), root)

    entries, log_scale = None, 0.0
    if weights is not None:
        weights = np.asarray(weights, dtype=np.float64)
        largest = weights.max()
        if profile.bounded:
            entries, log_scale = weights / largest, float(np.log(largest))
        else:
            with np.errstate(divide="ignore"):
                entries = np.log(weights)

    products = not spatial and z.shape[1] > DIRECT_FEATURES and profile.by_product
    order = None
    if shuffle is not None:
        order = shuffle.permutation(len(z))
    elif spatial or (products and not product_is_safe(radius)):
        order = spatial_order(z, TILE)
    if order is not None:
        z, z_low, entries = (
            None if array is None else array[order] for array in (z, z_low, entries)
        )
    single = None
    if precision == "mixed" and not profile.bounded and radius <= LARGEST_SINGLE:
        # As many bytes to a tile as in double precision.
        single = _layout(z, z_low, entries, radius, 2 * TILE, products)
        single = Layout(
            *(a.astype(np.float32) if a is not None and a.dtype != bool else a for a in single)
        )._replace(low=None)
    return Sources(
        kernel=kernel,
        n_points=len(points),
        centre=centre,
        root=root,
        inverse=inverse,
        radius=radius,
        log_total_weight=log_total_weight(weights, len(points)),
        log_scale=log_scale,
        order=order,
        double=_layout(z, z_low, entries, radius, TILE, products),
        single=single,
    )


def log_kernel_sums(
    sources, queries=None, *, rows=None, own=None, with_effective=False, n_jobs=None, verbose=0
):
    """Logarithms of the kernel sums, with no normaliser.

    Parameters
    ----------
    sources : result of :func:`prepare_sources`
    queries : (m, d) array or None
        None takes every source point and leaves out its own term.
    rows : (m,) array of int or None
        Without queries, only these source points.
    own : (m,) array of int or None
        With queries, the source point that each leaves out.
    with_effective : bool
        Also ``(Σ terms)² / Σ terms²``, always in double precision.
    n_jobs, verbose : see :func:`run_slices`

    Returns
    -------
    log_sums : (1, m) or (2, m) float64 array
        Logarithms of the sums, ``-inf`` where no point is within the support of a bounded kernel;
        below them the effective number of terms, where asked for, then 0.

    Notes
    -----
    O(m·n·d) time; memory O((m + n)·d), no table of pairs is formed.
    """
    if not isinstance(sources, Sources):
        return _sums_array.log_kernel_sums(
            sources, queries, rows=rows, own=own, with_effective=with_effective, verbose=verbose
        )
    places = own_places(sources, queries, rows, own)
    m = len(places) if queries is None else len(queries)
    log_sums = np.empty((1 + with_effective, m))
    threads = effective_n_jobs(n_jobs)

    def work(part):
        if queries is None:
            z, z_low = source_rows(sources, places[part])
        else:
            z, z_low = query_rows(sources, queries[part])
        far = None if queries is None else queries[part]
        log_sums[:, part] = _sum_block(sources, far, z, z_low, places[part], with_effective)

    run_slices(
        work,
        m,
        slice_size=slice_size(sources.n_points, m, threads),
        n_jobs=threads,
        uses_blas=sources.double.by_product is not None,
        verbose=verbose,
        label="kernel sums",
    )
    return log_sums


def slice_size(n_points, n_queries, threads):
    """Queries to a call of compiled code: whole blocks of 64, a few calls to each thread."""
    size = max(_FEWEST_PAIRS // n_points, -(-n_queries // (4 * threads)))
    size = min(_MOST_PAIRS // n_points, size)
    return 64 * max(1, -(-size // 64))


def source_points(sources, rows=None):
    """The points themselves, or some of them by number, recovered to rounding."""
    if not isinstance(sources, Sources):
        return _sums_array.source_points(sources, rows)
    rows = np.arange(sources.n_points) if rows is None else np.asarray(rows)
    z, _ = source_rows(sources, places_of(sources)[rows])
    return from_bandwidths(z, sources.centre, sources.root)


def as_array_sources(sources):
    """The same points as plain tables, for what is computed by array code alone."""
    if not isinstance(sources, Sources):
        return sources
    n_points = sources.n_points
    z, z_low = source_rows(sources, np.arange(n_points))
    log_weights = None
    if sources.double.weights is not None:
        log_weights = sources.double.weights.ravel()[:n_points]
        if profile_of(sources.kernel).bounded:
            with np.errstate(divide="ignore"):
                log_weights = np.log(log_weights)
    return _sums_array.ArraySources(
        kernel=sources.kernel,
        n_points=n_points,
        centre=sources.centre,
        root=sources.root,
        inverse=sources.inverse,
        radius=sources.radius,
        log_total_weight=sources.log_total_weight,
        z=z,
        z_low=z_low,
        log_weights=log_weights,
        mixed=False,
    )


# --- Layout --------------------------------------------------------------------------------------


def tiled(array, width):
    """Points (n, …) to tiles (n_tiles, …, width), padded with zeros."""
    full, rest = divmod(len(array), width)
    tiles = np.zeros((full + (rest > 0), *array.shape[1:], width))
    whole = array[: full * width].reshape(full, width, *array.shape[1:])
    tiles[:full] = np.moveaxis(whole, 1, -1)
    if rest:
        tiles[-1, ..., :rest] = np.moveaxis(array[full * width :], 0, -1)
    return tiles


def _layout(z, z_low, entries, radius, width, products):
    tiles = tiled(z, width)
    low = None if z_low is None else tiled(z_low, width)
    weights = None if entries is None else tiled(entries, width)
    if not products:
        return Layout(tiles, low, weights)
    # One centre serves all if products about it are accurate; else each tile has its own, and a
    # tile too wide even so is done by differences.
    centres = np.zeros((len(tiles), z.shape[1]))
    by_product = np.ones(len(tiles), dtype=bool)
    if not product_is_safe(radius):
        for t, start in enumerate(range(0, len(z), width)):
            points = z[start : start + width]
            centre = centre_of(points)
            offset = points - centre
            if z_low is not None:
                offset += z_low[start : start + width]
            by_product[t] = product_is_safe(largest_norm(offset))
            if by_product[t]:
                centres[t] = centre
                tiles[t, :, : len(points)] = offset.T
    norms = np.einsum("tdj,tdj->tj", tiles, tiles)
    return Layout(tiles, low, weights, centres, norms, by_product)


# --- Queries -------------------------------------------------------------------------------------


def places_of(sources):
    """Place of each point in the tiles."""
    if sources.order is None:
        return np.arange(sources.n_points)
    places = np.empty(sources.n_points, dtype=np.int64)
    places[sources.order] = np.arange(sources.n_points)
    return places


def own_places(sources, queries, rows, own):
    """Place of the point that each query leaves out, -1 for none; see ``log_kernel_sums``."""
    if queries is None:
        return places_of(sources)[slice(None) if rows is None else rows]
    return np.full(len(queries), -1) if own is None else places_of(sources)[own]


def source_rows(sources, places):
    """Coordinates of the points in some places, relative to the common centre."""
    layout = sources.double
    tile, column = np.divmod(places, layout.tiles.shape[2])
    z = layout.tiles[tile, :, column]
    z_low = None if layout.low is None else layout.low[tile, :, column]
    if layout.centres is None:
        return z, z_low
    # Where a tile has a centre, its coordinates are relative to that.
    centre = layout.centres[tile]
    high = z + centre
    if z_low is None:
        return high, None
    own_centre = layout.by_product[tile][:, None]
    return high, np.where(own_centre, z - (high - centre), z_low)


def query_rows(sources, queries):
    if sources.double.low is None:
        return to_bandwidths(queries, sources.centre, sources.inverse), None
    return to_bandwidths_twofold(queries, sources.centre, sources.inverse)


def _sum_block(sources, queries, z, z_low, own, with_effective):
    """Log sums of one block of queries, as given (None for the points) and in bandwidths."""
    far = ~(np.max(np.abs(z), axis=1) <= FARTHEST)
    near = np.flatnonzero(~far)
    if not far.any():
        return _evaluate_near(sources, z, z_low, own, with_effective)
    log_sums = np.empty((1 + with_effective, len(z)))
    for i in np.flatnonzero(far):
        log_terms = _far_log_terms(sources, queries[i])
        if own[i] >= 0 and len(log_terms) > 1:
            log_terms[own[i]] = -np.inf
        log_sums[0, i] = logsumexp(log_terms)
        if with_effective:
            terms = np.exp(log_terms - log_terms.max()) if log_sums[0, i] > -np.inf else 0.0
            log_sums[1, i] = effective_terms(np.sum(terms), np.sum(np.square(terms)))
    if near.size:
        low = None if z_low is None else z_low[near]
        log_sums[:, near] = _evaluate_near(sources, z[near], low, own[near], with_effective)
    return log_sums


def _far_log_terms(sources, query):
    """Log terms of a query past 1e150 bandwidths, whose squared distances overflow."""
    profile = profile_of(sources.kernel)
    if profile.far_log is None:
        return np.full(1, -np.inf)
    z, _ = source_rows(sources, np.arange(sources.n_points))
    far = to_bandwidths(query[None] * FAR_UNIT, sources.centre * FAR_UNIT, sources.inverse)
    log_terms = far_log_values(profile, far, z * FAR_UNIT)[0]
    if sources.double.weights is not None:
        log_terms += sources.double.weights.ravel()[: sources.n_points]
    return log_terms


def _evaluate_near(sources, z, z_low, own, with_effective):
    # The mixed promise is relative to the logarithm; shares of terms need an absolute one.
    if sources.single is None or with_effective:
        return _evaluate(sources, sources.double, z, z_low, own, with_effective)
    return _evaluate_mixed(sources, z, z_low, own)


def _evaluate_mixed(sources, z, z_low, own):
    """Single-precision tiles, and double precision for the queries where those are too coarse."""
    with np.errstate(over="ignore"):
        reach = np.sqrt(np.einsum("ij,ij->i", z, z)) + sources.radius
    coarse = ~(reach <= LARGEST_SINGLE)
    log_sums = np.empty((1, len(z)))
    fine = np.flatnonzero(~coarse)
    if fine.size:
        log_sums[:, fine] = _evaluate(sources, sources.single, z[fine], None, own[fine], False)
        coarse[fine] = too_coarse(
            sources,
            log_sums[0, fine],
            reach[fine],
            by_product=sources.single.by_product is not None,
        )
    again = np.flatnonzero(coarse)
    if again.size:
        low = None if z_low is None else z_low[again]
        log_sums[:, again] = _evaluate(sources, sources.double, z[again], low, own[again], False)
    return log_sums


def _evaluate(sources, layout, z, z_low, own, with_effective):
    shifts, sums, square_sums = initial_sums(sources, len(z), layout)
    if not with_effective:
        square_sums = None
    accumulate(sources, layout, sources.n_points, z, z_low, own, shifts, sums, square_sums)
    with np.errstate(divide="ignore"):
        log_sums = np.log(sums) - shifts + sources.log_scale
    if square_sums is None:
        return log_sums[None]
    return np.stack([log_sums, effective_terms(sums, square_sums)])


def initial_sums(sources, m, layout=None):
    """Shifts, sums and sums of squares of ``m`` queries before any tile, for ``accumulate``."""
    from kernlab.kernels._sums_numba import initial_shift

    real = (layout or sources.double).tiles.dtype.type
    shift = initial_shift(profile_of(sources.kernel), real)
    return np.full(m, shift, dtype=np.float64), np.zeros(m), np.zeros(m)


def accumulate(sources, layout, n_points, z, z_low, own, shifts, sums, square_sums):
    """Add the tiles of ``layout``, of ``n_points`` points, to the sums of the queries in place."""
    from kernlab.kernels import _sums_numba as compiled

    real = layout.tiles.dtype.type
    tag = compiled.kernel_tag(profile_of(sources.kernel), z.shape[1], real)
    z = np.ascontiguousarray(z, dtype=real)
    rest = (layout.weights, n_points, z, z_low, own, shifts, sums, square_sums)
    if layout.by_product is None:
        compiled.direct_sums(tag, layout.tiles, layout.low, *rest)
    else:
        centres = (layout.centres, layout.norms, layout.by_product)
        compiled.product_sums(tag, layout.tiles, layout.low, *centres, *rest)


def tiles_of(sources, first, last):
    """The layout of tiles ``first:last``, and the number of their points."""
    parts = (None if array is None else array[first:last] for array in sources.double)
    layout = Layout(*parts)  # type: ignore[arg-type]
    width = layout.tiles.shape[2]
    return layout, min(sources.n_points, last * width) - first * width


def effective_terms(sums, square_sums):
    """``(Σ terms)² / Σ terms²``, and 0 for no terms; before any shift, which would cancel."""
    return np.divide(sums**2, square_sums, out=np.zeros_like(sums), where=square_sums > 0)

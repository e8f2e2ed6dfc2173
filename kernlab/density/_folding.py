"""Kernel sums on a circle or between reflecting walls, as sums over the images of the queries.

A kernel that leaves the region comes back in: reflected at a bound, from the other side of a
period. The estimate at a point is then the sum of the unbounded one over all images of that point.
Images are added ring by ring, outwards, and one is left out for a query only where a bound on its
sum - all the weight at the edge of the data nearest to it - is below 2⁻⁶⁰ of the sum so far; the
rings stop where the same holds for all that is left, which is a geometric series at most, for the
kernels are log-concave.
"""

# References: Silverman, *Density Estimation for Statistics and Data Analysis*, 1986, section 2.10,
# for reflection; Mardia and Jupp, *Directional Statistics*, 2000, section 3.5, for wrapping.

from copy import copy

import numpy as np

from kernlab._core.chunks import chunk_shape
from kernlab._core.namespace import (
    device_of,
    from_numpy,
    is_numpy_namespace,
    namespace_of,
    on_cpu,
    to_numpy,
)
from kernlab.kernels._evaluation import evaluate
from kernlab.kernels._gradients import log_sum_gradients
from kernlab.kernels._precision import ROUNDING
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import as_array_sources, log_kernel_sums, source_points
from kernlab.kernels._sums_array import move_peak, query_rows, term_chunks

#: Images that a query may have; the tolerance of a sum is shared out among so many.
MOST_IMAGES = 4096
_NEGLIGIBLE = -60 * np.log(2.0)
_TABLES = 8


class Folding:
    """Sums over images in a region.

    Parameters
    ----------
    region : Region
    points : (n, d) array
        The data, in the region.
    kernel : str
    """

    def __init__(self, region, points, kernel):
        xp = namespace_of(points)
        self.region = region
        self.least = np.asarray(to_numpy(xp.min(points, axis=0)), dtype=np.float64)
        self.most = np.asarray(to_numpy(xp.max(points, axis=0)), dtype=np.float64)
        endless = np.isfinite(region.width)
        if profile_of(kernel).heavy_tailed and endless.any():
            raise ValueError(
                f"kernel={kernel!r} falls like a power of the distance, so that the images of a "
                "point in a period or between two bounds cannot be summed one by one; give "
                "kernel='gaussian', or one bound alone."
            )
        if region.n_images(1) > MOST_IMAGES:
            raise ValueError(
                f"a point has {region.n_images(1):.0f} nearest images under bounds and period in "
                f"{int(np.sum(region.bounded | region.periodic))} features, more than "
                f"{MOST_IMAGES}; bound fewer features, or wrap fewer{self._instead()}."
            )

    def _instead(self):
        """What else to do, where there are no circles, which know no other treatment."""
        return "" if self.region.periodic.any() else ", or use boundary='renormalize'"

    def part(self, features):
        """The same of some of the features."""
        other = copy(self)
        other.region = self.region.part(features)
        other.least, other.most = self.least[features], self.most[features]
        return other

    def log_sums(self, evaluator, queries=None, own=None, **options):
        """Log sums over all images, and bounds on their errors; as ``evaluate``."""
        sources = evaluator.sources
        log_sums, errors = evaluate(evaluator, queries, own=own, **options)
        if queries is None:
            queries, own = self.region.clipped(source_points(sources)), np.arange(len(log_sums))
        xp = namespace_of(log_sums)
        permitted = evaluator.tolerance.log_atol
        parts = [(log_sums, _upper(xp, log_sums, errors, permitted))]

        def add(images, rows):
            mine = None if own is None else own[rows]
            found, error = evaluate(evaluator, images, own=mine, **options)
            return found, _upper(xp, found, error, permitted)

        for cells_sums in self._rings(sources, queries, log_sums, add):
            parts.append(cells_sums[1:])
        total, upper = parts[0]
        for found, bound in parts[1:]:
            total, upper = xp.logaddexp(total, found), xp.logaddexp(upper, bound)
        # Beside nothing, what was left out is unknown.
        some = xp.isfinite(total)
        lost = xp.where(upper > -np.inf, xp.full_like(total, xp.inf), xp.zeros_like(total))
        lost = xp.where(some, upper - xp.where(some, total, xp.zeros_like(total)), lost)
        return total, lost + ROUNDING

    def gradients(self, sources, queries, **options):
        """Gradient of the log sum over all images."""
        xp = namespace_of(queries)
        queries = xp.astype(queries, xp.float64, copy=False)
        cells = self.images(sources, queries, None, **options)
        log_sums = [
            log_kernel_sums(sources, self.region.image(queries, c), **options)[0, ...]
            for c in cells
        ]
        total = log_sums[0]
        for found in log_sums[1:]:
            total = xp.logaddexp(total, found)
        gradient = xp.zeros_like(queries)
        for c, found in zip(cells, log_sums, strict=True):
            slope = log_sum_gradients(sources, self.region.image(queries, c), **options)
            slope = slope * from_numpy(self.region.signs(c), queries, xp.float64)
            # An image out of reach of all points has no slope, and no share.
            shift = xp.where(xp.isfinite(total), total, xp.zeros_like(total))
            share = xp.exp(found - shift)[:, None]
            gradient = gradient + xp.where(share > 0, share * slope, xp.zeros_like(slope))
        return xp.where(xp.isfinite(total)[:, None], gradient, xp.full_like(gradient, xp.nan))

    @np.errstate(divide="ignore", over="ignore", invalid="ignore")
    def sums_and_terms(self, sources, queries, own=None, **options):
        """Log sums, and below them the effective number of points, whose terms are over images."""
        cells = self.images(sources, queries, own, **options)
        table = as_array_sources(sources)
        xp = namespace_of(table.z)
        m = queries.shape[0]
        own = None if own is None else xp.asarray(own, device=device_of(table.z))
        height, width = chunk_shape(m, table.n_points, 8 * _TABLES, on_cpu=on_cpu(table.z))
        results = []
        for start in range(0, m, height):
            part = slice(start, min(start + height, m))
            mine = None if own is None else own[part]
            rows = [
                query_rows(table, self.region.image(queries[part, ...], image)) for image in cells
            ]
            results.append(_folded_terms(table, rows, mine, width))
        return xp.concat(results, axis=1)

    def images(self, sources, queries, own=None, **options):
        """The cells whose images count for any of the queries, cell 0 first."""
        log_sums = log_kernel_sums(sources, queries, own=own, **options)[0, ...]

        def add(images, rows):
            mine = None if own is None else own[rows]
            found = log_kernel_sums(sources, images, own=mine, **options)[0, ...]
            return found, found

        zero = (0,) * queries.shape[1]
        return [zero, *(cells for cells, *_ in self._rings(sources, queries, log_sums, add))]

    def _rings(self, sources, queries, total, add):
        """Yield (cells, log sums, their upper bounds) of the images that count for a query."""
        xp = namespace_of(total)
        queries = xp.astype(queries, xp.float64, copy=False)
        compact = is_numpy_namespace(xp)
        everything = xp.full_like(total, -xp.inf)
        away = self._squared_gaps(sources, queries, open_only=True)
        # What no query's sum exceeds; where the last rings count beside that, all would.
        most = self._log_kernel(sources, xp, xp.zeros_like(total)) + float(np.log(MOST_IMAGES))
        last = 1
        while self.region.n_images(last) < self.region.n_images(last + 1) <= MOST_IMAGES:
            last += 1
        endless = not bool(xp.all(self._log_rest(sources, away, most, last + 1) <= most))
        ring = 0
        while True:
            left = self._log_rest(sources, away, total, ring + 1)
            if ring > 0 and bool(xp.all(left <= total + _NEGLIGIBLE)):
                return
            ring += 1
            if endless or ring > last:
                raise ValueError(
                    f"a query has more than {MOST_IMAGES} images under bounds and period that "
                    "count: the bandwidth is too wide beside the widths of the region, or a query "
                    "too far from the data. Give a narrower bandwidth, or one to each "
                    f"feature instead of a matrix{self._instead()}."
                )
            n_images = np.log(self.region.n_images(ring))
            for cells in self.region.images(ring):
                image = self.region.image(queries, cells)
                bound = self._log_bound(sources, image)
                counts = ~(bound <= total + (_NEGLIGIBLE - n_images))
                if not bool(xp.any(counts)):
                    continue
                if compact:
                    rows = np.flatnonzero(counts)
                    found, upper = everything.copy(), everything.copy()
                    found[rows], upper[rows] = add(image[rows], rows)
                else:
                    found, upper = add(image, slice(None))
                total = xp.logaddexp(total, found)
                yield cells, found, upper

    def _log_bound(self, sources, points):
        """Upper bound of the log sums at points: all weight at the nearest edge of the data."""
        squared = self._squared_gaps(sources, points)
        return self._log_kernel(sources, namespace_of(points), squared)

    def _squared_gaps(self, sources, points, open_only=False):
        """Squared distances, in bandwidths, that points have from the box of the data at least."""
        xp = namespace_of(points)
        least, most = (from_numpy(a, points, xp.float64) for a in (self.least, self.most))
        unit = (1 - 1e-9) / self._deviations(sources)
        if open_only:
            unit = np.where(self.region.bounded | self.region.periodic, 0.0, unit)
        gap = xp.maximum(xp.maximum(least - points, points - most), xp.zeros_like(points))
        with np.errstate(over="ignore"):
            squared = (gap * from_numpy(unit, points, xp.float64)) ** 2
            # Under a matrix a gap in one feature bounds the distance, and others may add nothing.
            if _is_mixing(sources.root):
                return xp.max(squared, axis=1)
            return xp.sum(squared, axis=1)

    def _log_rest(self, sources, away, total, ring):
        """Bounds of the log sums of all images from a ring on, of queries so far from the data."""
        xp = namespace_of(away)
        endless = np.isfinite(self.region.width)
        if not endless.any():
            return xp.full_like(away, xp.inf if ring == 1 else -xp.inf)
        width = np.min((self.region.width / self._deviations(sources))[endless]) * (1 - 1e-9)
        if _is_mixing(sources.root):
            away = xp.zeros_like(away)
        with np.errstate(over="ignore", invalid="ignore"):
            # A Gaussian term is a product over features: beside that of the query itself, in whose
            # cell the point is, the term of an image is so small however far both are otherwise.
            product = sources.kernel == "gaussian" and not _is_mixing(sources.root)
            bounds = []
            for r in (ring, ring + 1):
                squared = float(((r - 1) * width) ** 2)
                if product:
                    bound = total - (squared - float(width) ** 2) / 2
                else:
                    bound = self._log_kernel(sources, xp, away + squared)
                bounds.append(bound + float(np.log(self.region.n_images(r))))
            first, second = bounds
            # The ratio of neighbours falls from ring to ring.
            ratio = xp.exp(second - first)
            safe = xp.where(ratio < 1, ratio, xp.zeros_like(ratio))
            rest = xp.where(ratio < 1, first - xp.log1p(-safe), xp.full_like(first, xp.inf))
        return xp.where(first == -xp.inf, first, rest)

    def _log_kernel(self, sources, xp, squared):
        profile = profile_of(sources.kernel)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            values = profile.log_values(xp, squared, *profile.parameters(len(self.least)))
        return values + sources.log_total_weight

    def _deviations(self, sources):
        root = np.asarray(sources.root, dtype=np.float64)
        if root.ndim < 2:
            return np.broadcast_to(root, self.least.shape)
        return np.sqrt(np.sum(root**2, axis=1))


def _is_mixing(root):
    """Whether a root is a matrix that correlates features; a diagonal one is widths."""
    return np.ndim(root) == 2 and np.count_nonzero(root - np.diag(np.diag(root))) > 0


def _folded_terms(table, rows, own, width):
    """Log sums and effective numbers of one slice of queries, whose images are ``rows``."""
    q = rows[0][0]
    xp = namespace_of(q)
    peak = xp.full((q.shape[0],), -xp.inf, dtype=xp.float64, device=device_of(q))
    total, squares = xp.zeros_like(peak), xp.zeros_like(peak)
    chunks = [term_chunks(table, z, z_low, own, width, xp.float64) for z, z_low in rows]
    for parts in zip(*chunks, strict=True):
        log_terms = parts[0][2]
        for part in parts[1:]:
            log_terms = xp.logaddexp(log_terms, part[2])
        peak, shift, rescale = move_peak(peak, log_terms)
        terms = xp.exp(log_terms - shift[:, None])
        total = total * rescale + xp.sum(terms, axis=1)
        squares = squares * rescale**2 + xp.sum(terms * terms, axis=1)
    shift = xp.where(xp.isfinite(peak), peak, xp.zeros_like(peak))
    safe = xp.where(squares > 0, squares, xp.ones_like(squares))
    return xp.stack([xp.log(total) + shift, total**2 / safe])


def _upper(xp, log_sums, errors, log_atol):
    """What a log sum can be at most; of nothing found, what the tolerance let be left out."""
    nothing = xp.full_like(log_sums, log_atol if log_atol > -np.inf else -xp.inf)
    found = log_sums > -np.inf
    errors = xp.where(found, errors, xp.zeros_like(errors))
    return xp.where(found, log_sums + errors, nothing)

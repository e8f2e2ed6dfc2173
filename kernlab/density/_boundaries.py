"""What a kernel density does at the bounds of its data: fold, renormalise, or fit a line.

Each treatment is an object of the same few methods, made when the density is fitted.
"""

# References: Jones, *Simple boundary correction for kernel density estimation*, Statistics and
# Computing 1993; Jones and Foster, *A simple nonnegative boundary correction method for kernel
# density estimation*, Statistica Sinica 1996.

import numpy as np
from scipy.special import erf

from kernlab._core.namespace import from_numpy, is_foreign, namespace_of, to_numpy
from kernlab.density._covariance import kernel_deviation, number_bandwidth
from kernlab.density._folding import MOST_IMAGES, Folding
from kernlab.density._improved_sheather_jones import bandwidth_isj_between
from kernlab.kernels._cumulative import cumulative_sums, least_roots
from kernlab.kernels._evaluation import evaluate
from kernlab.kernels._gradients import log_sum_gradients
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import as_array_sources, log_kernel_sums, prepare_sources, source_points

#: Names of the treatments.
BOUNDARIES = ("linear", "reflect", "renormalize")

# Below this share of a kernel inside the bounds its rounding would show.
_LEAST_MASS = 1e-4
# Widths of a region in bandwidths, below which the moments of the local line cancel.
_LEAST_WIDTH = 1e-2
# From here on, in bandwidths from a bound, the local line is the plain estimate: exp(-40).
_ZONE = 9.0
# Units of rounding that a moment, or a slope, takes.
_UNITS = 8
# Panels of a quarter of a bandwidth, with so many nodes.
_PANEL, _NODES = 0.25, 16


def boundary_of(boundary, region, points, weights, kernel, root):
    """The treatment of a fit; ``points`` are in the region."""
    if boundary == "reflect" or not region.bounded.any():
        return Reflection(region, points, kernel)
    if region.periodic.any():
        raise ValueError(
            f"boundary={boundary!r} knows no circles, and period={region.period.tolist()}; use "
            "boundary='reflect', which serves bounds and periods together."
        )
    if boundary == "renormalize":
        return Renormalization(region, points, weights, kernel, root)
    return LinearCorrection(region, points, weights, kernel, root)


def bandwidth_within(bandwidth, region, X, weights, profile):
    """The improved Sheather-Jones bandwidth of one bounded feature; None for all others."""
    if not isinstance(bandwidth, str) or bandwidth not in ("auto", "isj"):
        return None
    if region is None or not region.bounded.any() or X.shape[1] > 1 or is_foreign(X):
        return None
    x = np.asarray(X, dtype=np.float64)[:, 0]
    h = bandwidth_isj_between(x, weights, float(region.low[0]), float(region.high[0]))
    return number_bandwidth(h / kernel_deviation(profile, 1), 1, "isj")


class _Treatment:
    """A region, and sums for queries that may lie outside of it."""

    log_scale = 0.0  # what the log density has to lose beside the volume of the kernel
    log_share = 0.0  # of the absolute tolerance, for each of several sums
    error_bound = 0.0  # what it adds to the error of any logarithm

    def __init__(self, region, points):
        xp = namespace_of(points)
        self.region = region
        self._place = xp.astype(points[:1, ...], xp.float64)

    def weights(self, weights):
        """Weights of the kernels, from those of the points."""
        return weights

    def log_sums(self, evaluator, queries=None, **options):
        """As ``evaluate``, -inf outside of the region."""
        if queries is None:
            return self._log_sums(evaluator, None, **options)
        inside, queries = self._placed(queries)
        log_sums, errors = self._log_sums(evaluator, queries, **options)
        xp = namespace_of(log_sums)
        nothing = xp.full_like(log_sums, -xp.inf)
        return xp.where(inside, log_sums, nothing), xp.where(inside, errors, xp.zeros_like(errors))

    def gradients(self, sources, queries, **options):
        """Gradients of the log sums, NaN outside of the region."""
        inside, queries = self._placed(queries)
        gradients = self._gradients(sources, queries, **options)
        xp = namespace_of(gradients)
        return xp.where(inside[:, None], gradients, xp.full_like(gradients, xp.nan))

    def sums_and_terms(self, sources, queries, own=None, **options):
        """Log sums, and below them the effective number of points; -inf and 0 outside."""
        inside, queries = self._placed(queries)
        sums = self._sums_and_terms(sources, queries, own, **options)
        xp = namespace_of(sums)
        outside = xp.stack([xp.full_like(sums[0, ...], -xp.inf), xp.zeros_like(sums[1, ...])])
        return xp.where(inside[None, :], sums, outside)

    def _placed(self, queries):
        """Which queries are in the region, and those; for the others a point of the data."""
        inside = self.region.inside(queries)
        clipped = self.region.clipped(self.region.wrapped(queries))
        return inside, namespace_of(clipped).where(inside[:, None], clipped, self._place)

    def _log_sums(self, evaluator, queries, **options):
        return evaluate(evaluator, queries, **options)

    def _gradients(self, sources, queries, **options):
        return log_sum_gradients(sources, queries, **options)

    def _sums_and_terms(self, sources, queries, own, **options):
        return log_kernel_sums(sources, queries, own=own, with_effective=True, **options)


class Reflection(_Treatment):
    """Kernels reflected at bounds and wrapped around periods: sums over images of the queries."""

    name = "reflect"

    def __init__(self, region, points, kernel):
        super().__init__(region, points)
        self.folding = Folding(region, points, kernel)
        self.log_share = -float(np.log(MOST_IMAGES))

    def _log_sums(self, evaluator, queries, **options):
        return self.folding.log_sums(evaluator, queries, **options)

    def _gradients(self, sources, queries, **options):
        return self.folding.gradients(sources, queries, **options)

    def _sums_and_terms(self, sources, queries, own, **options):
        return self.folding.sums_and_terms(sources, queries, own, **options)

    def draw(self, draw):
        """Points of the density from a function that draws of the unbounded one."""
        return self.region.folded(draw())

    def cumulative(self, sources, x, **options):
        """Mass in the region below points of one feature, with bounds."""
        region, total = self.region, np.zeros(len(x))
        low, high, width = (float(a[0]) for a in (region.low, region.high, region.width))

        def mass(first, last):
            below = cumulative_sums(sources, np.concatenate([first, last])[:, None], **options)
            return below[len(x) :] - below[: len(x)]

        if np.isinf(low):
            # What is below x comes from below x and from above its image.
            return 1 - mass(x, 2 * high - x)
        if np.isinf(high):
            return mass(2 * low - x, x)
        reach = _reach(sources)
        first = int(np.floor((reach[0] - low) / width / 2))
        last = int(np.ceil((reach[1] - low) / width / 2))
        if last - first > MOST_IMAGES:
            raise ValueError(
                f"the kernels reach over {2 * (last - first)} widths of the region; give a "
                "narrower bandwidth."
            )
        for k in range(first, last + 1):
            wall = low + 2 * k * width
            total += mass(wall - (x - low), wall + (x - low))
        return total


class Renormalization(_Treatment):
    """Kernels cut off at the bounds and divided by what is left of their mass: weights."""

    name = "renormalize"

    def __init__(self, region, points, weights, kernel, root):
        if points.shape[1] > 1 and (kernel != "gaussian" or np.ndim(root) == 2):
            raise ValueError(
                "boundary='renormalize' needs the mass of each kernel within the bounds, and there "
                f"is no formula for X of {points.shape[1]} features with kernel={kernel!r} and a "
                f"bandwidth of {np.ndim(root)} dimensions; give kernel='gaussian' and one "
                "bandwidth to each feature, or boundary='reflect'."
            )
        super().__init__(region, points)
        masses = _masses(region, points, kernel, root)
        if not masses.min() > _LEAST_MASS:
            raise _too_wide(root, masses.min())
        mass = np.prod(masses, axis=1)
        xp = namespace_of(points)
        self.inverse_masses = from_numpy(1 / mass, points, xp.float64)
        original = np.ones(len(mass)) if weights is None else np.asarray(to_numpy(weights))
        share = original / original.max()
        # The density is divided by the weights as given.
        self.log_scale = float(np.log(np.sum(share)) - np.log(np.sum(share / mass)))

    def weights(self, weights):
        return self.inverse_masses if weights is None else weights * self.inverse_masses

    def draw(self, draw):
        points = draw()
        xp = namespace_of(points)
        low, high = (from_numpy(a, points, xp.float64) for a in (self.region.low, self.region.high))
        # Kernels that are products may be drawn feature by feature.
        while True:
            outside = (points < low) | (points > high)
            if not bool(xp.any(outside)):
                return points
            points = xp.where(outside, draw(), points)

    def cumulative(self, sources, x, **options):
        low = float(self.region.low[0])
        points = np.concatenate([x, [low]])[:, None] if low > -np.inf else x[:, None]
        below = cumulative_sums(sources, points, **options)
        if low > -np.inf:
            below = below[:-1] - below[-1]
        # The sums divide by the weights 1/mass, the density by the weights as given.
        return below * np.exp(-self.log_scale)


class LinearCorrection(_Treatment):
    """A line fitted locally, and kept positive as Jones and Foster do."""

    name = "linear"

    def __init__(self, region, points, weights, kernel, root):
        if points.shape[1] > 1 or kernel != "gaussian" or is_foreign(points):
            raise ValueError(
                "boundary='linear' is for NumPy data of one feature and kernel='gaussian', and X "
                f"is {type(points).__name__} of {points.shape[1]} features with kernel={kernel!r}; "
                "use boundary='reflect' or 'renormalize'."
            )
        super().__init__(region, points)
        self.h = float(np.ravel(root)[0])
        share = float(region.width[0]) / self.h
        if share < _LEAST_WIDTH:
            raise _too_wide(root, share)
        self.error_bound = 0.0
        sources = prepare_sources(points, kernel=kernel, root=root, weights=weights, spatial=True)
        log_volume = sources.log_total_weight + np.log(self.h) + np.log(2 * np.pi) / 2
        below = cumulative_sums(sources, np.array([region.low, region.high]))
        masses = [
            below[1] - below[0] + self._added_mass(sources, log_volume, nodes)
            for nodes in (_NODES, _NODES // 2 + 3)
        ]
        self.log_scale = float(np.log(masses[0]))
        # The mass errs by its quadrature and by what the corrections do, of which the largest of
        # all nodes is known by now; a density errs by its own beside.
        self.error = self.error_bound + abs(float(np.log(masses[0] / masses[1])))
        self.error_bound += self.error

    def _log_sums(self, evaluator, queries, **options):
        if queries is None:
            raise self._refusal("leave-one-out score")
        log_sums, errors = evaluate(evaluator, queries, **options)
        queries = np.asarray(queries, dtype=np.float64)
        zone = np.flatnonzero(self._in_zone(queries[:, 0]))
        if zone.size:
            more, rounding = self._correction(evaluator.sources, queries[zone], **options)
            log_sums[zone] += more
            errors[zone] += rounding
        return log_sums, errors + self.error

    def _gradients(self, sources, queries, **options):
        raise self._refusal("score_gradient")

    def _sums_and_terms(self, sources, queries, own, **options):
        if own is not None:
            raise self._refusal("regime and confidence_interval")
        return super()._sums_and_terms(sources, queries, own, **options)

    def draw(self, draw):
        raise self._refusal("sample")

    def cumulative(self, sources, x, **options):
        raise self._refusal("cdf and ppf")

    def _refusal(self, methods):
        return ValueError(
            f"there is no {methods} under boundary='linear', whose density is no mixture of "
            "kernels; fit with boundary='reflect' or 'renormalize'."
        )

    def _in_zone(self, y):
        low, high = float(self.region.low[0]), float(self.region.high[0])
        return (y - low < _ZONE * self.h) | (high - y < _ZONE * self.h)

    def _correction(self, sources, queries, **options):
        """What to add to the log sums, the line at the query beside the plain sum; its rounding."""
        y = queries[:, 0]
        p = (y - float(self.region.low[0])) / self.h
        q = (float(self.region.high[0]) - y) / self.h
        # Moments of the kernel over u = (y - x)/h from -q to p.
        dp, dq = (np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi) for t in (p, q))
        a0 = (erf(p / np.sqrt(2)) + erf(q / np.sqrt(2))) / 2
        a1 = dq - dp
        with np.errstate(invalid="ignore"):
            a2 = a0 - np.where(np.isfinite(p), p * dp, 0) - np.where(np.isfinite(q), q * dq, 0)
        slope = -self.h * log_sum_gradients(sources, queries, **options)[:, 0]
        # Where the sums are nothing there is no slope, and nothing to correct.
        slope = np.where(np.isfinite(slope), slope, 0.0)
        level, divisor = a1 - a0 * slope, a0 * a2 - a1**2
        line = a1 * level / divisor
        # In a narrow region the moments are small differences: what each errs by, propagated.
        far = np.minimum(1.0, p + q)
        slope_error = (1 + slope**2) * (np.abs(slope) + far)
        level_error = dp + dq + a0 * np.abs(slope) + a0 * slope_error
        divisor_error = a0 * (a0 + far * (dp + dq)) + 2 * np.abs(a1) * (dp + dq)
        rounding = np.abs(level) * (dp + dq) + np.abs(a1) * level_error
        rounding = (rounding + np.abs(line) * divisor_error) / divisor
        rounding = _UNITS * np.finfo(float).eps * (1 + np.abs(np.log(a0)) + rounding)
        return line - np.log(a0), rounding

    def _added_mass(self, sources, log_volume, nodes):
        """The integral of the corrected less the plain estimate, over the zones of the bounds."""
        low, high = float(self.region.low[0]), float(self.region.high[0])
        reach = _ZONE * self.h
        zones = [(low, min(low + reach, high)), (max(high - reach, low), high)]
        zones = [zone for zone in zones if np.isfinite(zone).all()]
        if len(zones) == 2 and zones[0][1] >= zones[1][0]:
            zones = [(low, high)]
        t, share = np.polynomial.legendre.leggauss(nodes)
        total = 0.0
        for first, last in zones:
            edges = np.linspace(first, last, 1 + int(np.ceil((last - first) / (_PANEL * self.h))))
            half = np.diff(edges)[:, None] / 2
            y = (edges[:-1, None] + half * (1 + t)).reshape(-1, 1)
            plain = log_kernel_sums(sources, y)[0] - log_volume
            more, rounding = self._correction(sources, y)
            self.error_bound = max(self.error_bound, float(rounding.max()))
            more = np.exp(plain) * np.expm1(more)
            total += np.sum(more.reshape(half.size, -1) * share * half)
        return total


def images_given(boundary, sources, points, weights, given, values):
    """Points and weights whose sums given ``values`` are those of the region, and the values.

    Every image of the values is a set of points seen from the values; that is the folding. A cut
    kernel counts by the mass that it has within the bounds of the given features.
    """
    xp, region = namespace_of(points), boundary.region.part(given)
    values = from_numpy(values, points, xp.float64)[None, :]
    values = region.wrapped(values)
    if not bool(xp.all(region.inside(values))):
        raise ValueError(
            f"values={to_numpy(values)[0].tolist()} are outside of bounds, where the density is "
            "zero; give values within them."
        )
    weights = xp.ones_like(points[:, 0]) if weights is None else weights
    if boundary.name == "renormalize":
        root = sources.root if sources.root.ndim == 0 else sources.root[given]
        masses = _masses(region, _take(points, given), sources.kernel, root)
        return points, weights / from_numpy(np.prod(masses, axis=1), points), values[0, ...]
    rest = [k for k in range(points.shape[1]) if k not in given]
    if sources.root.ndim == 2 and boundary.region.bounded[rest].any():
        raise ValueError(
            "with a full bandwidth matrix the points move, and could leave the bounds of the other "
            "features; fit with one bandwidth to each feature to condition."
        )
    folding = boundary.folding.part(given)
    part = prepare_sources(
        _take(points, given), kernel=sources.kernel, root=_part_of(sources.root, given),
        weights=weights,
    )  # fmt: skip
    moved = []
    for cells in folding.images(part, values):
        # Seen from the values, a point lies as seen from their image; what moves with it does so.
        shift = values - region.image(values, cells)
        columns = [points[:, k] for k in range(points.shape[1])]
        for position, k in enumerate(given):
            columns[k] = columns[k] + shift[0, position]
        moved.append(xp.stack(columns, axis=1))
    return xp.concat(moved, axis=0), xp.concat([weights] * len(moved)), values[0, ...]


def cumulative_within(boundary, sources, x, **options):
    """Mass in the region below points of one feature, in [0, 1]."""
    if boundary.region.periodic.any():
        raise ValueError(
            "on a circle there is no mass below a point, so that a period leaves no cdf and no "
            "ppf; give bounds instead of period to cut the circle open."
        )
    low, high = float(boundary.region.low[0]), float(boundary.region.high[0])
    x = np.asarray(x, dtype=np.float64)
    below = np.clip(boundary.cumulative(sources, np.clip(x, low, high), **options), 0.0, 1.0)
    return np.where(x <= low, 0.0, np.where(x >= high, 1.0, below))


def quantiles_within(boundary, sources, shares, **options):
    """Least points with at least the given shares of the mass in the region below."""
    low, high = float(boundary.region.low[0]), float(boundary.region.high[0])
    h = float(np.ravel(sources.root)[0])
    first, last = _reach(sources, 1.0)
    start = max(low, first)

    def position(z):
        return np.clip(start + h * z, low, high)

    def excess(z, which):
        below = cumulative_within(boundary, sources, position(z), **options)
        return below - shares[inside[which]]

    bounded = profile_of(sources.kernel).bounded
    quantiles = np.empty(len(shares))
    quantiles[shares <= 0] = max(low, first if bounded else -np.inf)
    quantiles[shares >= 1] = min(high, last if bounded else np.inf)
    inside = np.flatnonzero((shares > 0) & (shares < 1))
    if inside.size:
        end = (min(high, last) - start) / h
        quantiles[inside] = position(least_roots(excess, inside.size, 0.0, max(end, 1.0)))
    return quantiles


def _reach(sources, bandwidths=None):
    """From where to where the kernels reach, to rounding, of one feature."""
    table = as_array_sources(sources)
    points = source_points(table)[:, 0]
    if table.log_weights is not None:
        points = points[table.log_weights > -np.inf]
    h = float(np.ravel(sources.root)[0])
    if bandwidths is None:
        tail = profile_of(sources.kernel).tail
        bandwidths = 1.0
        while tail(np.asarray(bandwidths)) > 1e-18 and bandwidths < 1e6:
            bandwidths *= 1.5
    return points.min() - bandwidths * h, points.max() + bandwidths * h


def _take(points, features):
    xp = namespace_of(points)
    return xp.stack([points[:, k] for k in features], axis=1)


def _part_of(root, features):
    if np.ndim(root) < 2:
        return root if np.ndim(root) == 0 else root[features]
    return np.linalg.cholesky((root @ root.T)[np.ix_(features, features)])


def _too_wide(root, share):
    return ValueError(
        f"bandwidth={np.asarray(root).tolist()!r} is so wide that only the share {share:.1e} of a "
        "kernel is within the bounds; give a narrower one."
    )


def _masses(region, points, kernel, root):
    """Shares of the kernels that are within the bounds, feature by feature: (n, d)."""
    points = np.asarray(to_numpy(points), dtype=np.float64)
    h = np.broadcast_to(np.asarray(root, dtype=np.float64).ravel(), (points.shape[1],))
    tail = profile_of(kernel).tail
    masses = np.ones(points.shape)
    for k in np.flatnonzero(region.bounded):
        left, right = (points[:, k] - region.low[k]) / h[k], (region.high[k] - points[:, k]) / h[k]
        if kernel == "gaussian":
            # Both terms are positive: nothing cancels, however wide the kernel.
            masses[:, k] = (erf(left / np.sqrt(2)) + erf(right / np.sqrt(2))) / 2
        else:
            masses[:, k] = 1 - tail(left) - tail(right)
    return masses

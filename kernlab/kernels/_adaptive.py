"""Bandwidths that follow the density: narrow where data is dense, wide where it is sparse."""

# References: Abramson, *On bandwidth variation in kernel estimates: a square root law*, Annals of
# Statistics, 1982; Silverman, 1986, section 5.3, for the geometric mean; Terrell and Scott,
# *Variable kernel density estimation*, Annals of Statistics, 1992, for the balloon.

from typing import Any, NamedTuple

import numpy as np

from kernlab.kernels._precision import ROUNDING
from kernlab.kernels._scaled import ScaledSources, prepare_scaled, scaled_log_sums
from kernlab.kernels._sums import log_kernel_sums, places_of, prepare_sources

#: What may follow the density: the width at the query or that of each point.
ADAPTIVE = ("balloon", "sample-point")


class AdaptiveSums(NamedTuple):
    """Kernel sums under widths ``h (f̃/g)^(-1/2)``, with ``f̃`` a pilot of fixed width.

    ``pilot`` holds the points under the fixed bandwidth and the weights given; the log sums of the
    pilot less ``log_mean`` are log scales, the inverse squares of relative widths.
    """

    rule: str
    pilot: Any
    log_mean: float
    scaled: ScaledSources
    largest: float

    def log_sums(self, queries, *, with_effective=False, n_jobs=None, verbose=0):
        """Log sums at queries or leave-one-out (None), on the scale of those of the pilot.

        Returns
        -------
        log_sums : (1, m) or (2, m) array
            As of :func:`kernlab.kernels._sums.log_kernel_sums`.
        errors : (m,) array
            Bounds on the errors of the logarithms, those of the pilot included.
        """
        options = {"n_jobs": n_jobs, "verbose": verbose}
        n_features = self.pilot.double.tiles.shape[1]
        if self.rule == "sample-point":
            results = scaled_log_sums(
                self.scaled, queries, with_effective=with_effective, **options
            )
            pilot_size = self.largest
        else:
            log_scales = log_kernel_sums(self.pilot, queries, **options)[0] - self.log_mean
            results = scaled_log_sums(
                self.scaled,
                queries,
                log_query_scales=log_scales,
                with_effective=with_effective,
                **options,
            )
            results[0] += n_features / 2 * log_scales
            # Infinitely wide all points count alike, but for nothing.
            results[1:, results[0] == -np.inf] = 0.0
            pilot_size = _size(log_scales)
        return results, ROUNDING * _magnified(_size(results[0]), pilot_size, n_features)

    @property
    def guaranteed(self):
        """Error that no logarithm up to one in size exceeds; infinite under 'balloon'."""
        if self.rule == "balloon":
            return np.inf  # the pilot's logarithm at a query knows no bound
        return ROUNDING * float(_magnified(1.0, self.largest, self.pilot.double.tiles.shape[1]))

    def widths(self, rows):
        """Widths of some points relative to the bandwidth, under 'sample-point'."""
        places = places_of(self.pilot)[rows]
        return np.exp(-self.scaled.log_scales[places] / 2)


def _magnified(size, pilot_size, n_features):
    """What rounding counts: a scale that errs by δ moves a term by at most (d/2 + energy) δ."""
    with np.errstate(over="ignore"):
        return size + pilot_size * (size + n_features / 2)


def _size(log_sums):
    return np.maximum(1.0, np.where(np.isfinite(log_sums), np.abs(log_sums), 0.0))


def prepare_adaptive(rule, points, *, kernel, root, weights, n_jobs, verbose):
    """Sums under adaptive widths.

    Parameters
    ----------
    rule : {'balloon', 'sample-point'}
    points, kernel, root, weights
        See :func:`kernlab.kernels._sums.prepare_sources`; the pilot uses all of them.
    n_jobs, verbose : see :func:`kernlab._core.threads.run_slices`
    """
    pilot = prepare_sources(points, kernel=kernel, root=root, weights=weights, spatial=True)
    points = np.asarray(points, dtype=np.float64)
    weights = np.ones(len(points)) if weights is None else weights
    share = weights / weights.max()
    counted = share > 0
    log_pilot = np.zeros(len(points))
    log_pilot[counted] = log_kernel_sums(pilot, points[counted], n_jobs=n_jobs, verbose=verbose)[0]
    log_mean = float(share[counted] @ log_pilot[counted] / np.sum(share))
    log_scales = np.where(counted, log_pilot - log_mean, 0.0)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    own = log_scales if rule == "sample-point" else np.zeros(len(points))
    scaled = prepare_scaled(pilot, own, log_weights)
    return AdaptiveSums(rule, pilot, log_mean, scaled, float(np.max(_size(log_scales))))

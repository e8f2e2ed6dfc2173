"""Hyperparameters of a mixture by maximal evidence, and what a scalar of the equation may be."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

from kernlab.pde._weights import Observations

# Bounds of log weights, of log decays, and a weight that is out.
WEIGHTS, DECAYS, PRUNED = (-40.0, 40.0), (-6.0, 0.0), -60.0
START_DECAY, WEAK_TREND = -0.5, -20.0
# Components of less than this of the largest weight are tried without.
PRUNE_BELOW = 1e-4
# With more features than FEW the optimiser is not let run to its end.
FEW, MANY_ITERATIONS = 150, 40


class MixturePrior:
    """Prior variances λ of products of features: log λ = log w + Σ over axes of j log ρ.

    A weight w for every combination of one component of each axis, a decay ρ for every component
    of every axis.
    """

    def __init__(self, basis):
        factors = basis.factors
        mesh = np.meshgrid(*[np.arange(f.n_features) for f in factors], indexing="ij")
        picks = [part.ravel() for part in mesh]
        self.degrees = [f.degree[pick] for f, pick in zip(factors, picks, strict=True)]
        self.components = [f.component[pick] for f, pick in zip(factors, picks, strict=True)]
        self.shape = tuple(f.n_components for f in factors)
        self.combination = np.ravel_multi_index(self.components, self.shape)
        self.n_features = len(self.combination)
        self.n_weights, self.n_decays = int(np.prod(self.shape)), sum(self.shape)

    def log_variance(self, log_weight, log_decay):
        total, start = log_weight[self.combination], 0
        for degree, component, size in zip(self.degrees, self.components, self.shape, strict=True):
            total = total + degree * log_decay[start + component]
            start += size
        return total

    def pull_back(self, gradient):
        weights = np.bincount(self.combination, gradient, self.n_weights)
        decays = [
            np.bincount(component, gradient * degree, size)
            for degree, component, size in zip(
                self.degrees, self.components, self.shape, strict=True
            )
        ]
        return np.concatenate([weights, *decays])

    @property
    def trend(self):
        """The combination that is the trend along every axis: the first."""
        return 0


@dataclass
class Fit:
    """A maximum of the evidence: parameters, their bounds, and its value."""

    theta: np.ndarray
    bounds: list
    value: float


class Evidence:
    """The evidence as a function of weights, decays, noise and the equation's unknowns.

    Parameters
    ----------
    prior : MixturePrior
    groups : list of Group
        Those that do not depend on unknowns.
    log_noise : array of shape (n_groups + moving,)
        Log noise variances where not free, starts where free.
    free_noise : list of (int, (float, float))
        Groups whose noise is learned, with bounds of its log.
    moving : callable, default=None
        Maps unknowns to a Group and, per unknown, the derivatives of its matrix and target.
    unknowns : dict of str to (float, float)
        Bounds of each unknown.
    moving_first : bool, default=False
        Whether the moving group comes before the others, or after. Small noise goes first.
    conditional : bool, default=False
        Take the evidence of the last group given all others. These are then constraints and no
        data: how likely the prior thinks them says nothing about the unknowns, and depends on how
        the operator scales with them.
    """

    def __init__(
        self, prior, groups, log_noise, free_noise, moving=None, unknowns=None,
        moving_first=False, conditional=False,
    ):  # fmt: skip
        self.prior, self.moving, self.unknowns = prior, moving, dict(unknowns or {})
        self.fixed, self.moving_first = Observations(groups), moving_first
        self.conditional = conditional
        self.log_noise = np.array(log_noise, dtype=float)
        self.free_noise = list(free_noise)
        self.n_hyper = prior.n_weights + prior.n_decays

    @property
    def bounds(self):
        return (
            [WEIGHTS] * self.prior.n_weights
            + [DECAYS] * self.prior.n_decays
            + [bounds for _, bounds in self.free_noise]
            + [(0.0, 1.0)] * len(self.unknowns)
        )

    def start(self, *, weak_trend, at=None):
        theta = np.concatenate(
            [
                np.zeros(self.prior.n_weights),
                np.full(self.prior.n_decays, START_DECAY),
                [self.log_noise[group] for group, _ in self.free_noise],
                np.full(len(self.unknowns), 0.5) if at is None else at,
            ]
        )
        if weak_trend:
            theta[self.prior.trend] = WEAK_TREND
        return theta

    def unpack(self, theta):
        """Log variances, log noise, and the unknowns' values."""
        weights, decays = theta[: self.prior.n_weights], theta[self.prior.n_weights : self.n_hyper]
        log_noise = self.log_noise.copy()
        n_free = len(self.free_noise)
        log_noise[[group for group, _ in self.free_noise]] = theta[
            self.n_hyper : self.n_hyper + n_free
        ]
        values = {
            name: low + (high - low) * share
            for (name, (low, high)), share in zip(
                self.unknowns.items(), theta[self.n_hyper + n_free :], strict=True
            )
        }
        return self.prior.log_variance(weights, decays), log_noise, values

    def rows(self, values):
        """Observations at the unknowns' values, and derivatives of the rows by each."""
        if self.moving is None:
            return self.fixed, []
        group, slopes = self.moving(values)
        moved = Observations([group], compress=False)
        silent = [None] * len(self.fixed.groups)
        if self.moving_first:
            return moved.joined(self.fixed), [[slope, *silent] for slope in slopes]
        return self.fixed.joined(moved), [[*silent, slope] for slope in slopes]

    def __call__(self, theta):
        """Log evidence and its gradient."""
        log_variance, log_noise, values = self.unpack(theta)
        rows, slopes = self.rows(values)
        value, by_variance, by_noise, by_unknown = rows.evidence(log_variance, log_noise, slopes)
        if self.conditional:
            given = rows.without_last().evidence(
                log_variance, log_noise[:-1], [slope[:-1] for slope in slopes]
            )
            value, by_variance = value - given[0], by_variance - given[1]
            by_noise[:-1] -= given[2]
            by_unknown = by_unknown - given[3]
        widths = np.array([high - low for low, high in self.unknowns.values()])
        gradient = np.concatenate(
            [
                self.prior.pull_back(by_variance),
                by_noise[[group for group, _ in self.free_noise]],
                by_unknown * widths,
            ]
        )
        return value, gradient

    def maximise(self, theta, *, hold=(), max_iter=200):
        """L-BFGS from ``theta``; parameters in ``hold`` stay as they are."""
        bounds = list(self.bounds)
        for i in hold:
            bounds[i] = (theta[i], theta[i])

        def minus(theta):
            value, gradient = self(theta)
            return -value, -gradient

        result = minimize(
            minus,
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": max_iter, "maxcor": 20, "ftol": 1e-11, "gtol": 1e-6},
        )
        return Fit(result.x, bounds, -float(result.fun))

    def pruned(self, fit):
        """The fit without its negligible components, where the evidence likes that no less."""
        weights = fit.theta[: self.prior.n_weights]
        out = weights < weights.max() + np.log(PRUNE_BELOW)
        if not out.any():
            return fit
        theta = fit.theta.copy()
        theta[: self.prior.n_weights][out] = PRUNED
        again = self.maximise(theta, hold=np.flatnonzero(out))
        # Rounding of the optimiser is no reason to keep what has no weight.
        return again if again.value > fit.value - 1e-3 else fit

    def fit(self):
        """The best of two starts, pruned; with unknowns from the best points of a profile."""
        if not self.unknowns:
            starts = [self.start(weak_trend=weak) for weak in (False, True)]
            if self.prior.n_features <= FEW:
                best = max((self.maximise(theta) for theta in starts), key=lambda fit: fit.value)
                return self.pruned(best), None
            # Each evaluation takes a good part of a second: the worse start is not followed.
            tried = [self.maximise(theta, max_iter=8) for theta in starts]
            best = max(tried, key=lambda fit: fit.value)
            return self.maximise(best.theta, max_iter=MANY_ITERATIONS), None
        profile, candidates = self.profile()
        candidates.sort(key=lambda pair: -pair[0])
        best = max((self.maximise(at) for _, at in candidates[:3]), key=lambda fit: fit.value)
        return self.pruned(best), profile

    def value(self, theta):
        """Log evidence alone."""
        log_variance, log_noise, values = self.unpack(theta)
        rows, _ = self.rows(values)
        value = rows.log_evidence(rows.solve(log_variance, log_noise), log_noise)
        if self.conditional:
            given = rows.without_last()
            value -= given.log_evidence(given.solve(log_variance, log_noise[:-1]), log_noise[:-1])
        return value

    def profile(self):
        """The evidence maximised with the unknowns held at the middles of cells of their bounds.

        Returns
        -------
        values : array of shape (n_cells,)
        candidates : list of (float, array)
            The best point of each cell at the cell's hyperparameters. In cells without the truth
            the fitted noise is large and the evidence smooth, so that a few points will do.
        """
        n = len(self.unknowns)
        cells, inside = {1: (9, 12), 2: (5, 3), 3: (3, 2)}.get(n, (2, 1))
        middles = (np.arange(cells) + 0.5) / cells
        offsets = ((np.arange(inside) + 0.5) / inside - 0.5) / cells
        first = self.n_hyper + len(self.free_noise)
        hold = range(first, first + n)
        values, candidates = [], []
        for at in product(middles, repeat=n):
            fit = self.maximise(self.start(weak_trend=False, at=at), hold=hold, max_iter=40)
            values.append(fit.value)
            places = [fit.theta]
            for offset in product(offsets, repeat=n):
                places.append(fit.theta.copy())
                places[-1][first:] += offset
            candidates.append(max(((self.value(p), p) for p in places), key=lambda pair: pair[0]))
        return np.array(values), candidates

    def hessian(self, fit):
        """Minus the Hessian of the log evidence over what is not at a bound, and which that is."""
        low, high = np.array(fit.bounds).T
        inside = np.flatnonzero((fit.theta - low > 1e-6) & (high - fit.theta > 1e-6))
        matrix = np.zeros((len(inside), len(inside)))
        for row, i in enumerate(inside):
            # Of weights and noise in logs; of unknowns in shares of their bounds.
            h = min(1e-4, 0.5 * (fit.theta[i] - low[i]), 0.5 * (high[i] - fit.theta[i]))
            move = np.zeros(len(fit.theta))
            move[i] = h
            slope = (self(fit.theta + move)[1] - self(fit.theta - move)[1]) / (2 * h)
            matrix[row] = -slope[inside]
        return (matrix + matrix.T) / 2, inside

    def unknown_covariance(self, fit):
        """Covariance of the unknowns by Laplace's approximation, NaN where it has none."""
        n = len(self.unknowns)
        if not n:
            return np.zeros((0, 0))
        matrix, inside = self.hessian(fit)
        values, vectors = np.linalg.eigh(matrix)
        # Flat or rising directions of nuisance parameters say nothing about the unknowns.
        keep = values > 1e-8 * max(values.max(initial=0.0), 0.0)
        inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
        first = self.n_hyper + len(self.free_noise)
        widths = np.array([high - low for low, high in self.unknowns.values()])
        covariance = np.full((n, n), np.nan)
        known = [
            (k, place)
            for k in range(n)
            for place in np.flatnonzero(inside == first + k)
            if (vectors[place, ~keep] ** 2).sum() < 0.1
        ]
        for (i, a), (j, b) in product(known, repeat=2):
            covariance[i, j] = inverse[a, b] * widths[i] * widths[j]
        return covariance

    def shifts(self, fit, covariance):
        """How the weights' mean moves with the unknowns, per principal standard deviation."""
        known = np.flatnonzero(np.isfinite(np.diag(covariance)))
        if not len(known):
            return None
        values, vectors = np.linalg.eigh(covariance[np.ix_(known, known)])
        widths = np.array([high - low for low, high in self.unknowns.values()])[known]
        first = self.n_hyper + len(self.free_noise)
        columns = []
        for direction in (vectors * np.sqrt(np.maximum(values, 0.0))).T:
            means = []
            for sign in (1, -1):
                theta = fit.theta.copy()
                theta[first + known] += sign * direction / widths
                log_variance, log_noise, at = self.unpack(theta)
                solved = self.rows(at)[0].solve(log_variance, log_noise)
                means.append(solved.root * solved.weights)
            columns.append((means[0] - means[1]) / 2)
        return np.stack(columns, axis=1)


def row_size(matrix, prior):
    """Root mean square of rows for weights of the prior that the search starts from, of unit u."""
    start = np.full(prior.n_decays, START_DECAY)
    variance = np.exp(prior.log_variance(np.zeros(prior.n_weights), start))
    return float(np.sqrt((matrix**2 @ variance).mean() / variance.sum())) or 1.0

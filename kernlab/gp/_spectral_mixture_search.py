"""Hyperparameters of a spectral mixture: starts from the periodogram, growth, restarts.

Frequencies are in cycles over the data (see :mod:`kernlab.gp._periodogram`), values of variance
one.
"""

# References: Schwarz, *Estimating the dimension of a model*, 1978; Hurvich, Tsai, *Regression and
# time series model selection in small samples*, 1989 (the correction for few values).

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import WhiteKernel

from kernlab._core.namespace import from_numpy, namespace_of
from kernlab.gp._periodogram import Lines, detrended, find_lines, frequency_ceiling
from kernlab.gp._spectral_mixture_evidence import Mixture, Posterior
from kernlab.kernels import SpectralMixture

# Two components of the lowest frequencies are the trend: a slow one, and a rougher one.
TREND_FREQUENCY = 1e-3
TREND_SCALES = (0.25, 1.5)
# Of a line: it stays in phase over the data and half as long again.
LINE_SCALE = 0.1
# Of noise: below, double precision cannot factorise the covariance.
NOISE_BOUNDS = (1e-8, 10.0)
WEIGHT_BOUNDS = (1e-6, 1e3)
# A smooth curve through a few points leaves no residual whatever they are: the least noise falls
# tenfold with every four of them, to its bound at 32.
NOISE_DECADES_PER_POINT = 0.25
# Growth: most components, and how many in turn may fail to gain before it stops.
MOST_COMPONENTS = 24
# Where the data do not bear as many, the trend is one component.
COMPONENTS_FOR_TWO_TRENDS = 8
PATIENCE = 3
# With three features or more lines are searched along each alone, and seldom there.
PATIENCE_IN_MANY_FEATURES = 1
# Steps of L-BFGS for a count on trial; the one that is kept converges.
TRIAL_STEPS = 40
TRIAL_GAIN = 1e-2
# Steps of the last climb, and the gain in nats that ends it: no difference in evidence as small as
# that tells two mixtures apart.
MOST_STEPS = 500
LEAST_GAIN = 1e-3


@dataclass
class Search:
    """The evidence of mixtures on one set of data, and where it is largest."""

    u: np.ndarray  # (n, d)
    z: np.ndarray  # (n,)
    basis: np.ndarray | None  # (n, r), of the explicit trend
    place: Any = None  # u, z and basis of another library, where the evidence is computed

    def __post_init__(self):
        self.ceiling = frequency_ceiling(self.u)
        if self.place is None:
            self.place = (self.u, self.z, self.basis)

    def subset(self, rows):
        """The same search, with the same ceiling, on some of the rows."""
        moved = from_numpy(rows, self.place[0], namespace_of(self.place[0]).int64)
        place = tuple(None if array is None else array[moved] for array in self.place)
        basis = None if self.basis is None else self.basis[rows]
        search = Search(self.u[rows], self.z[rows], basis, place)
        search.ceiling = self.ceiling
        return search

    def objective(self, theta):
        u, z, basis = self.place
        posterior = Posterior.condition(Mixture.from_theta(theta, u.shape[1]), u, z, basis)
        return posterior.log_evidence, posterior.gradient()

    def lines(self, init, n_lines, rng):
        """Lines of the periodogram, drawn, or those given."""
        if isinstance(init, str) and init == "periodogram":
            return find_lines(self.u, self.z, n_lines, self.ceiling)
        rest, trend = detrended(self.u, self.z)
        if isinstance(init, str):
            low = np.minimum(1.0, 0.5 * self.ceiling)
            frequencies = rng.uniform(low, self.ceiling, (n_lines, self.u.shape[1]))
        else:
            frequencies = init
        count = len(frequencies)
        share = np.var(rest) / max(count, 1)
        left = np.full(count + 1, max(0.1 * np.var(rest), 1e-4))
        return Lines(frequencies, np.full(count, share), left, trend)

    def start(self, lines, n_components, rng, most_trend=2):
        """A mixture of so many components from the trend and the strongest lines."""
        d = self.u.shape[1]
        n_trend = min(most_trend, n_components)
        n_lines = n_components - n_trend
        found = lines.frequencies[:n_lines]
        powers = lines.powers[:n_lines]
        missing = n_lines - len(found)
        left = lines.residual[len(found)]
        if missing:
            # Nothing is left that a periodogram sees: anywhere is as good.
            found = np.vstack([found, rng.uniform(0.5, 1.0, (missing, d)) * self.ceiling])
            powers = np.append(powers, np.full(missing, left / missing))
        trend_weights = [2 * max(lines.trend, 0.1), left + 1e-3][:n_trend]
        frequencies = np.vstack([np.full((n_trend, d), TREND_FREQUENCY), found])
        trend_scales = np.repeat(np.array(TREND_SCALES)[:n_trend, None], d, axis=1)
        scales = np.vstack([trend_scales, np.full((n_lines, d), LINE_SCALE)])
        # Along a coordinate in which a line has no waves, it varies slowly.
        flat = frequencies[n_trend:] < TREND_FREQUENCY
        scales[n_trend:][flat] = TREND_SCALES[0]
        weights = np.append(trend_weights, np.maximum(powers, 1e-4))
        return Mixture(np.maximum(frequencies, TREND_FREQUENCY), scales, weights, max(left, 1e-4))

    def kernel(self, mixture):
        """scikit-learn's form of it, with the bounds of the search."""
        q = len(mixture.weights)
        top = np.maximum(np.tile(self.ceiling, q), mixture.frequencies.ravel())
        frequencies = np.column_stack([np.full(top.size, 0.01 * TREND_FREQUENCY), top])
        # Wider than the ceiling a component is white.
        scales = np.column_stack([np.full(top.size, 1e-3), 2 * np.tile(self.ceiling, q)])
        return as_kernel(mixture, frequencies, scales, self.noise_bounds())

    def noise_bounds(self):
        """The least and the greatest noise."""
        floor = 10.0 ** (-NOISE_DECADES_PER_POINT * self._n_values())
        return (max(NOISE_BOUNDS[0], floor), NOISE_BOUNDS[1])

    def climb(self, mixture, *, steps=TRIAL_STEPS, gain=TRIAL_GAIN):
        """Uphill by L-BFGS-B: the mixture reached, its log evidence, and scipy's result."""
        kernel = self.kernel(mixture)
        # The evidence bends with the frequency of a line as its phase does over the data, f cycles.
        bend = np.ones_like(kernel.theta)
        frequencies = mixture.frequencies.ravel()
        bend[: frequencies.size] = np.maximum(1.0, 2 * np.pi * frequencies)
        bounds = kernel.bounds * bend[:, None]

        def falling(x):
            try:
                value, gradient = self.objective(x / bend)
            except np.linalg.LinAlgError:
                return 1e25, np.zeros_like(x)
            return -value, -gradient / bend

        result = minimize(
            falling,
            np.clip(kernel.theta * bend, *bounds.T),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps, "ftol": gain / len(self.z), "gtol": 1e-5, "maxcor": 20},
        )
        mixture = Mixture.from_theta(result.x / bend, self.u.shape[1])
        return mixture, -float(result.fun), result

    def most_components(self):
        """The most that 'auto' tries: fewer hyperparameters than values, less one; at least 1."""
        return int(np.clip((self._n_values() - 3) // self._numbers(1), 1, MOST_COMPONENTS))

    def _numbers(self, count):
        """Hyperparameters of so many components, without the noise."""
        return (2 * self.u.shape[1] + 1) * count

    def _n_values(self):
        """Contrasts that the evidence is of: an explicit mean takes one for each term."""
        return len(self.z) - (0 if self.basis is None else self.basis.shape[1])

    def _cost(self, count):
        """What the evidence of so many components must exceed, in nats.

        Schwarz's half of a logarithm for each hyperparameter, and Hurvich and Tsai's correction for
        few values, without which as many components as there are values would seem to pay.
        """
        k, n = self._numbers(count) + 1, self._n_values()
        return 0.5 * k * np.log(n) + k * (k + 1) / max(n - k - 1, 1)

    def grow(self, lines, rng):
        """Add lines while the evidence, less what their number costs, gains.

        Returns the best mixture and the log evidence of each count tried.
        """
        most = self.most_components()
        n_trend = 1 if most < COMPONENTS_FOR_TWO_TRENDS else 2
        largest = min(most, len(lines.frequencies) + n_trend)
        mixture = self.start(lines, n_trend, rng)
        best, best_gain, evidences = mixture, -np.inf, {}
        patience = PATIENCE if self.u.shape[1] <= 2 else PATIENCE_IN_MANY_FEATURES
        failures = 0
        while failures < patience:
            mixture, value, _ = self.climb(mixture)
            count = len(mixture.weights)
            evidences[count] = value
            gain = value - self._cost(count)
            if gain > best_gain:
                best, best_gain, failures = mixture, gain, 0
            else:
                failures += 1
            if count >= largest:
                break
            added = self.start(lines, count + 1, rng, n_trend)
            mixture = Mixture(
                np.vstack([mixture.frequencies, added.frequencies[-1:]]),
                np.vstack([mixture.scales, added.scales[-1:]]),
                np.append(mixture.weights, added.weights[-1]),
                mixture.noise,
            )
        return best, evidences

    def restart(self, mixture, rng):
        """The same count from lines anywhere."""
        lines = self.lines("random", max(len(mixture.weights) - 2, 0), rng)
        return self.start(lines, len(mixture.weights), rng)

    def best(self, mixture, n_restarts, rng):
        """The largest evidence from this start and random ones: mixture, value, iterations."""
        starts = [self.climb(self.restart(mixture, rng)) for _ in range(n_restarts)]
        if starts:
            starts.append(self.climb(mixture))
            mixture = max(starts, key=lambda start: start[1])[0]
        mixture, value, result = self.climb(mixture, steps=MOST_STEPS, gain=LEAST_GAIN)
        if not result.success:
            warnings.warn(
                f"The hyperparameters of {len(mixture.weights)} components did not converge in "
                f"{result.nit} steps ({result.message}). Give fewer components, or n_restarts.",
                ConvergenceWarning,
                stacklevel=6,
            )
        return mixture, value, int(result.nit)


def as_kernel(
    mixture,
    frequencies_bounds=(1e-5, 1e5),
    scales_bounds=(1e-5, 1e5),
    noise_bounds=NOISE_BOUNDS,
):
    signal = SpectralMixture(
        weights=mixture.weights,
        frequencies=mixture.frequencies,
        scales=mixture.scales,
        weights_bounds=WEIGHT_BOUNDS,
        frequencies_bounds=frequencies_bounds,
        scales_bounds=scales_bounds,
    )
    return signal + WhiteKernel(mixture.noise, noise_bounds)

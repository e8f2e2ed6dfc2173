"""Gaussian processes on a line as Markov processes: Matérn times cosine, in linear time."""

# References: Hartikainen, Särkkä, *Kalman filtering and smoothing solutions to temporal Gaussian
# process regression models*, MLSP 2010; Solin, Särkkä, *Explicit link between periodic covariance
# functions and state space models*, AISTATS 2014 (the rotation); Bierman, *Fixed interval smoothing
# with discrete measurements*, Int. J. Control 18, 1973 (the smoother: that of Rauch, Tung and
# Striebel without an inverse).
#
# The state of a component is (f, f'/λ, f''/λ²) as far as the process has derivatives, λ = √(2ν)/ℓ;
# a frequency doubles it, and turns the pairs. Over a step Δ the transition is e^(-r) times
# polynomials of r = λΔ, and the noise that enters is ∫ e^(-2s) p(s)p(s)ᵀ ds with polynomials p: in
# that form it has full relative accuracy, however short the step.

import math
from dataclasses import dataclass

import numpy as np

from kernlab.gp._markov_numba import (
    empty_results,
    filter_part,
    kalman,
    score_part,
    simulate,
    smooth,
    smooth_covariance,
)

# Stationary covariance and drift of the scaled state, by its size.
_STATIONARY = {
    1: np.array([[1.0]]),
    2: np.eye(2),
    3: np.array([[1.0, 0.0, -1 / 3], [0.0, 1 / 3, 0.0], [-1 / 3, 0.0, 1.0]]),
}
_DRIFT = {
    1: np.array([[-1.0]]),
    2: np.array([[0.0, 1.0], [-1.0, -2.0]]),
    3: np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, -3.0, -3.0]]),
}
# Numbers that the filter keeps at a time for the score; 100 MB.
_KEPT = 12_500_000


@dataclass(frozen=True)
class MaternComponent:
    """A stationary component of covariance variance · Matérn_ν(Δ/length_scale) · cos(frequency Δ).

    Its spectrum is a Student-t density of 2ν degrees of freedom on either side of zero.

    Parameters
    ----------
    variance, length_scale : float > 0
        An infinite length scale, with ν = ½, is a constant, or a wave that never fades.
    nu : {0.5, 1.5, 2.5}
    frequency : float >= 0
        Angular, in radians per unit of time.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    variance: float
    length_scale: float
    nu: float = 2.5
    frequency: float = 0.0

    def __post_init__(self):
        if self.nu not in (0.5, 1.5, 2.5):
            raise ValueError(f"nu must be 0.5, 1.5 or 2.5, got {self.nu!r}.")
        for name in ("variance", "length_scale"):
            value = getattr(self, name)
            constant = name == "length_scale" and self.nu == 0.5 and value == math.inf
            if not (0.0 < value < math.inf or constant):
                raise ValueError(f"{name} must be positive and finite, got {value!r}.")
        if not 0.0 <= self.frequency < math.inf:
            raise ValueError(f"frequency must be finite and not negative, got {self.frequency!r}.")


@dataclass(frozen=True)
class Observations:
    """Noisy linear functionals of the state at ascending times.

    Parameters
    ----------
    times : (n,) array
        Not descending; equal times are several observations at one.
    values : (n,) array
    noise : float or (n,) array >= 0
        Noise variances.
    rows : (m, D) array or None
        The functionals, as from `MarkovProcess.row`; None observes the process itself.
    index : (n,) array of int or None
        Which row each observation is of; None is the first for all.

    Raises
    ------
    ValueError
        If shapes differ, something is not finite, times descend or a variance is negative.
    """

    times: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    rows: np.ndarray | None = None
    index: np.ndarray | None = None

    def __post_init__(self):
        times = np.asarray(self.times, dtype=float)
        values = np.asarray(self.values, dtype=float)
        if times.ndim != 1 or values.shape != times.shape:
            raise ValueError(
                "times and values must be one-dimensional and of one length, got shapes "
                f"{times.shape} and {values.shape}."
            )
        if not (np.isfinite(times).all() and np.isfinite(values).all()):
            raise ValueError("times and values must be finite; drop the others.")
        if np.any(np.diff(times) < 0.0):
            raise ValueError("times must not descend; sort them, and the values alike.")
        noise = np.array(np.broadcast_to(np.asarray(self.noise, dtype=float), times.shape))
        if not (np.isfinite(noise).all() and np.all(noise >= 0.0)):
            raise ValueError("noise variances must be finite and not negative.")
        index = np.zeros(len(times)) if self.index is None else self.index
        checked = {"times": times, "values": values, "noise": noise}
        checked["index"] = np.asarray(index).astype(np.int64)
        for name, value in checked.items():
            object.__setattr__(self, name, np.ascontiguousarray(value))


class MarkovProcess:
    """A sum of independent `MaternComponent`, as a linear stochastic differential equation.

    Parameters
    ----------
    components : sequence of MaternComponent

    Notes
    -----
    With D the size of the state (ν + ½ for each component, twice that with a frequency) the
    likelihood of n observations costs O(n D²) operations, and the smoother keeps n D² numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp._markov import MarkovProcess, MaternComponent, Observations
    >>> process = MarkovProcess([MaternComponent(1.0, 2.0, nu=1.5)])
    >>> data = Observations(np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, -0.2]), 0.1)
    >>> mean, variance = process.posterior(data, np.array([2.0]))
    >>> round(float(mean[0]), 3), round(float(variance[0]), 3)
    (0.416, 0.219)
    """

    def __init__(self, components):
        self.components = tuple(components)
        if not self.components:
            raise ValueError("a process needs at least one component.")
        self._sizes = np.array([int(c.nu + 0.5) for c in self.components])
        copies = [2 if c.frequency > 0.0 else 1 for c in self.components]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes * copies)])
        self.n_states = int(self._starts[-1])
        rates = [math.sqrt(2.0 * c.nu) / c.length_scale for c in self.components]
        self._spec = np.array(
            [(r, c.frequency, c.variance) for r, c in zip(rates, self.components, strict=True)]
        )
        self._stationary = np.zeros((self.n_states, self.n_states))
        self._drift = np.zeros((self.n_states, self.n_states))
        for j, c in enumerate(self.components):
            size, start, stop = int(self._sizes[j]), self._starts[j], self._starts[j + 1]
            for first in range(start, start + copies[j]):
                place = slice(first, stop, copies[j])
                self._stationary[place, place] = c.variance * _STATIONARY[size]
                self._drift[place, place] = rates[j] * _DRIFT[size]
            if copies[j] == 2:
                even, odd = np.arange(start, stop, 2), np.arange(start + 1, stop, 2)
                self._drift[even, odd] -= c.frequency
                self._drift[odd, even] += c.frequency

    def row(self, order=0):
        """The functional of the state that is the process's derivative of an order, (D,).

        Raises
        ------
        ValueError
            If a component has no such derivative: ν - ½ is the highest order.
        """
        highest = int(self._sizes.min()) - 1
        if not 0 <= order <= highest:
            raise ValueError(
                f"order must be between 0 and {highest}, got {order!r}: the roughest component has "
                f"nu={highest + 0.5}."
            )
        row = np.zeros(self.n_states)
        row[self._starts[:-1]] = 1.0
        for _ in range(order):
            row = row @ self._drift
        return row

    def covariance(self, times, others, row=None, other_row=None):
        """Prior covariances of two functionals, dense, (len(times), len(others)).

        Parameters
        ----------
        times, others : (n,) and (m,) arrays
        row, other_row : (D,) arrays or None
            None is the process itself.
        """
        row = self.row() if row is None else row
        other_row = self.row() if other_row is None else other_row
        steps = np.subtract.outer(np.asarray(times, float), np.asarray(others, float))
        total = np.zeros(steps.shape)
        for j in range(len(self.components)):
            place = slice(self._starts[j], self._starts[j + 1])
            P, size, spec = self._stationary[place, place], int(self._sizes[j]), self._spec[j]
            # Forwards h A(Δ) P h'ᵀ, backwards h P A(Δ)ᵀ h'ᵀ.
            forward = _along(row[place], P @ other_row[place], size, spec, steps)
            backward = _along(other_row[place], P @ row[place], size, spec, -steps)
            total += np.where(steps >= 0.0, forward, backward)
        return total

    def log_likelihood(self, observations):
        """log p(values)."""
        data = observations
        rows = self._rows(data)
        return float(
            kalman(
                *self._arrays, self._stationary, data.times, rows, data.index, data.values,
                data.noise, False,
            )[0]
        )  # fmt: skip

    def surprises(self, observations):
        """Variance of each value given those before it, (n,)."""
        data = observations
        kept = kalman(
            *self._arrays, self._stationary, data.times, self._rows(data), data.index, data.values,
            data.noise, True,
        )  # fmt: skip
        return kept[5]

    def score(self, observations, common=None):
        """log p(values) and its derivatives, exact, in two passes or three.

        Parameters
        ----------
        observations : Observations
        common : float, default=None
            The part of all noise variances that moves; None is all of each.

        Returns
        -------
        log_likelihood : float
        gradient : (n_components, 3) array
            By log length scale, frequency and log variance.
        by_noise : float
            By the logarithm of a factor of the noise variances, or of their common part.

        Notes
        -----
        The derivatives by mean and covariance of the predicted state run backwards with the
        smoother (Koopman, Shephard, *Exact score for time series models in state space form*,
        Biometrika 79, 1992); those by a parameter are their products with what it does to a step.
        The cost hardly depends on how many there are. Where the filter's results of all times
        would take more than some 100 MB, it runs twice and keeps them in parts.
        """
        data, n, D = observations, len(observations.times), self.n_states
        arrays = (*self._arrays, data.times, self._rows(data), data.index)
        length = min(n, max(_KEPT // (D * D + 2 * D + 2), math.isqrt(n)))
        parts = [(first, min(first + length, n)) for first in range(0, n, max(length, 1))]
        kept, m, P = empty_results(length, D), np.zeros(D), self._stationary.copy()
        before, total = [], 0.0
        for part in parts:
            before.append((m.copy(), P.copy()))
            total += filter_part(*arrays, data.values, data.noise, *part, m, P, *kept)
        pull, weight = np.zeros(D), np.zeros((D, D))
        gradient, by_noise = np.zeros((len(self.components), 3)), 0.0
        moving = data.noise if common is None else np.full(n, float(common))
        for part, state in zip(reversed(parts), reversed(before), strict=True):
            if part != parts[-1]:
                filter_part(*arrays, data.values, data.noise, *part, *state, *kept)
            by_noise += score_part(*arrays, moving, *part, *kept, pull, weight, gradient)
        at_start = 0.5 * (np.outer(pull, pull) - weight) * self._stationary
        gradient[:, 2] += np.add.reduceat(at_start.sum(1), self._starts[:-1])
        gradient[:, 0] *= -1.0
        return float(total), gradient, float(by_noise)

    def posterior(self, observations, times, row=None):
        """Posterior mean and variance of a functional, or of several, at given times.

        Parameters
        ----------
        observations : Observations
        times : (n,) array
            In any order.
        row : (D,) or (r, D) array or None
            None is the process itself.

        Returns
        -------
        mean, variance : (n,) arrays
            With r rows the mean is (n, r), and the covariance at each time (n, r, r).
        """
        joined, rows, index, values, noise, place, wanted = self._joined(observations, times)
        kept = kalman(*self._arrays, self._stationary, joined, rows, index, values, noise, True)
        row = self.row() if row is None else np.asarray(row, dtype=float)
        outputs = np.ascontiguousarray(np.atleast_2d(row))
        moments = smooth(*self._arrays, joined, rows, index, *kept[1:], outputs, wanted)
        mean, covariance = (part[place] for part in moments)
        return (mean, covariance) if row.ndim == 2 else (mean[:, 0], covariance[:, 0, 0])

    def posterior_covariance(self, observations, times, row=None):
        """Posterior mean of a functional at given times, and its covariance between them.

        Parameters and errors are those of :meth:`posterior`; the covariance of m times costs
        O((n + m) D³ + m² D²).

        Returns
        -------
        mean : (m,) array
        covariance : (m, m) array
        """
        joined, rows, index, values, noise, place, wanted = self._joined(observations, times)
        kept = kalman(*self._arrays, self._stationary, joined, rows, index, values, noise, True)
        output = self.row() if row is None else np.asarray(row, dtype=float)
        outputs = output[None]
        mean = smooth(*self._arrays, joined, rows, index, *kept[1:], outputs, wanted)[0][:, 0]
        between = smooth_covariance(
            *self._arrays, joined, rows, index, kept[2], kept[3], kept[5], output,
            np.flatnonzero(wanted),
        )  # fmt: skip
        ranks = np.empty(len(place), dtype=np.int64)
        ranks[np.argsort(place)] = np.arange(len(place))
        return mean[place], between[np.ix_(ranks, ranks)]

    def _joined(self, observations, times):
        """Observations and unobserved times in one ascending row, and where those times are."""
        times = np.asarray(times, dtype=float)
        if times.ndim != 1 or not np.isfinite(times).all():
            raise ValueError("times must be a finite one-dimensional array.")
        rows, n = self._rows(observations), len(observations.times)
        joined = np.concatenate([observations.times, times])
        order = np.argsort(joined, kind="stable")
        index = np.concatenate([observations.index, np.full(len(times), -1)])[order]
        values, noise = (
            np.concatenate([part, np.zeros(len(times))])[order]
            for part in (observations.values, observations.noise)
        )
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return joined[order], rows, index, values, noise, place[n:], order >= n

    def smoothed(self, observations, rows, wanted):
        """Evidence, and the joint posterior of several functionals at times of the observations.

        One pass of the filter gives both, which `log_likelihood` and `posterior` take three for.

        Parameters
        ----------
        observations : Observations
        rows : (r, D) array
        wanted : (n,) array of bool
            At which of the observations; of equal times take the last.

        Returns
        -------
        log_likelihood : float
        mean, covariance : (m, r) and (m, r, r) arrays
        """
        data, seen = observations, self._rows(observations)
        evidence, *kept = kalman(
            *self._arrays, self._stationary, data.times, seen, data.index, data.values, data.noise,
            True,
        )  # fmt: skip
        rows = np.ascontiguousarray(rows, dtype=float)
        moments = smooth(*self._arrays, data.times, seen, data.index, *kept, rows, wanted)
        return float(evidence), moments[0][wanted], moments[1][wanted]

    def sample(self, times, rng):
        """A draw of the prior's state at ascending times, (n, D)."""
        times = np.asarray(times, dtype=float)
        normals = rng.standard_normal((len(times), self.n_states))
        return simulate(*self._arrays, self._stationary, times, normals)

    @property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._spec, self._sizes, self._starts

    def _rows(self, observations):
        rows = observations.rows
        rows = self.row()[None] if rows is None else np.asarray(rows, dtype=float)
        if rows.ndim != 2 or rows.shape[1] != self.n_states:
            raise ValueError(
                f"rows must have shape (m, {self.n_states}) for this process, got {rows.shape}."
            )
        index = observations.index
        if len(index) and not (index.min() >= 0 and index.max() < len(rows)):
            raise ValueError(f"index must lie between 0 and {len(rows) - 1}.")
        return np.ascontiguousarray(rows)


def _along(row, column, size, spec, steps):
    """row A(Δ) column of one component for arrays of steps Δ; negative ones count as zero."""
    rate, frequency, _ = spec
    steps = np.maximum(steps, 0.0)
    r = rate * steps
    row, column = row.reshape(size, -1), column.reshape(size, -1)
    # A(Δ) is e^(-r) Σ N^k r^k/k! with the nilpotent N = drift + 1, times the rotation.
    nilpotent, power, total = _DRIFT[size] + np.eye(size), np.eye(size), 0.0
    for k in range(size):
        value = np.einsum("ac,ab,bd->cd", row, power, column) / math.factorial(k)
        if len(value) == 1:
            turned = value[0, 0]
        else:
            turned = np.trace(value) * np.cos(frequency * steps)
            turned = turned + (value[1, 0] - value[0, 1]) * np.sin(frequency * steps)
        total = total + turned * r**k
        power = power @ nilpotent
    return total * np.exp(-r)

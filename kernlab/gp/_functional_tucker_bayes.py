"""Variational Bayes of a Tucker decomposition whose factors are Gaussian processes."""

# References: Fang, Yu, Wang, Li, Kirby, Zhe, *Functional Bayesian Tucker decomposition for
# continuous-indexed tensor data*, ICLR 2024 (the model; they infer by expectation propagation);
# Bishop, *Pattern Recognition and Machine Learning*, 2006, chapter 10 (the bound).
#
# q(G) Π_k q(u_k) q(τ) q(λ): every factor of q is the exact maximiser of the bound given the others,
# and so is each length scale up to the step of a search that only accepts what gains.

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import linalg, sparse, special

from kernlab.gp._markov import MarkovProcess, MaternComponent, Observations

# Shape and rate of both Gamma priors, in units where y has variance one.
_VAGUE = 1e-6
# Of the offset: standard deviation 10 in those units.
_OFFSET_PRECISION = 0.01
# Of the search for the logarithm of a length scale.
_LEAST_STEP = 0.02
_CHUNK = 2**21  # numbers held at once


@dataclass
class Precision:
    """Gamma posterior of a precision under a vague Gamma prior."""

    shape: float
    rate: float

    @property
    def mean(self):
        return self.shape / self.rate

    @property
    def mean_log(self):
        return float(special.digamma(self.shape)) - math.log(self.rate)

    def update(self, count, squares):
        """Given the expected sum of so many squares of that precision."""
        self.shape = _VAGUE + 0.5 * count
        self.rate = _VAGUE + 0.5 * squares

    def divergence(self):
        """From the prior, in nats."""
        a, b = self.shape, self.rate
        total = _VAGUE * math.log(b / _VAGUE) - math.lgamma(a) + math.lgamma(_VAGUE)
        return total + (a - _VAGUE) * float(special.digamma(a)) - (b - _VAGUE) * a / b


def contract(table, parts, keep=None):
    """Sum a table over all axes but ``keep`` against one vector of each axis, row by row.

    Parameters
    ----------
    table : (s_1, ..., s_K) array
    parts : sequence of K (n, s_k) arrays
    keep : int or None

    Returns
    -------
    (n, s_keep) array, or (n,) for None
    """
    axes = [k for k in range(len(parts)) if k != keep]
    if keep is not None:
        table = np.moveaxis(table, keep, 0)
    if not axes:
        return np.broadcast_to(table, (len(parts[0]), *table.shape))
    total = table @ parts[axes[-1]].T
    for k in reversed(axes[:-1]):
        total = np.einsum("...jn,nj->...n", total, parts[k])
    return total.T


def paired(matrix, ranks):
    """E[g gᵀ] of shape (R, R) as a table with an axis of r_k² for each mode."""
    K = len(ranks)
    order = [axis for k in range(K) for axis in (k, K + k)]
    return np.transpose(matrix.reshape(*ranks, *ranks), order).reshape([r * r for r in ranks])


def unpaired(table, ranks):
    """The inverse of :func:`paired`."""
    K, R = len(ranks), math.prod(ranks)
    order = [*range(0, 2 * K, 2), *range(1, 2 * K, 2)]
    return np.transpose(table.reshape([r for r in ranks for _ in (0, 1)]), order).reshape(R, R)


def row_products(parts, n):
    """Kronecker product of the n rows of several tables, (n, Π s_k)."""
    total = np.ones((n, 1))
    for part in parts:
        total = (total[:, :, None] * part[:, None, :]).reshape(n, -1)
    return total


def _power(matrix, exponent):
    """Of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    floor = np.finfo(float).eps * values[-1]
    return (vectors * np.maximum(values, floor) ** exponent) @ vectors.T


@dataclass
class Mode:
    """The r functions of a mode: independent Gaussian processes of one Matérn kernel, variance one.

    Parameters
    ----------
    times : (U,) array
        Distinct indices, ascending.
    place : (N,) array of int
        Which of them each observation has.
    rank : int
    nu, length_scale : float
    bounds : (float, float) or None
        Of the length scale; None leaves it.
    """

    times: np.ndarray
    place: np.ndarray
    rank: int
    nu: float
    length_scale: float
    bounds: tuple | None
    mean: np.ndarray = field(init=False)
    covariance: np.ndarray = field(init=False)
    divergence: float = field(init=False, default=math.nan)
    prior_square: np.ndarray = field(init=False)
    data: Observations | None = field(init=False, default=None)

    def __post_init__(self):
        N, U = len(self.place), len(self.times)
        self._gather = sparse.csr_array((np.ones(N), (self.place, np.arange(N))), shape=(U, N))
        self._step = 0.5
        self.process = self._process(self.length_scale)
        self.covariance = np.zeros((U, self.rank, self.rank))

    @property
    def outputs(self):
        """Rows of the stacked state that are the functions."""
        size = int(self.nu + 0.5)
        rows = np.zeros((self.rank, self.rank * size))
        rows[np.arange(self.rank), size * np.arange(self.rank)] = 1.0
        return rows

    def draw(self, rng, constant):
        """Start from a draw of the prior, or with one for the first of the functions."""
        self.mean = self.process.sample(self.times, rng) @ self.outputs.T
        if constant:
            self.mean[:, 0] = 1.0

    def second(self):
        """E[u uᵀ] at each index, (U, r²)."""
        total = self.covariance + self.mean[:, :, None] * self.mean[:, None, :]
        return total.reshape(len(total), -1)

    def update(self, precision, shift):
        """The posterior where observation n adds shift_n·u - ½ uᵀ precision_n u.

        Parameters
        ----------
        precision : (N, r²) array
        shift : (N, r) array

        Returns
        -------
        precision, shift : (U, r²) and (U, r) arrays
            Summed over the observations of each index.
        """
        r, U = self.rank, len(self.times)
        precision, shift = self._gather @ precision, self._gather @ shift
        # Σ ½ d_j (v_jᵀu)² as r scalar observations of unit noise, by eigenvectors.
        values, vectors = np.linalg.eigh(precision.reshape(U, r, r))
        roots = np.sqrt(np.maximum(values, 0.0))
        turned = np.einsum("tij,ti->tj", vectors, shift)
        seen = np.divide(turned, roots, out=np.zeros_like(turned), where=roots > 0.0)
        rows = (roots[:, None, :] * vectors).transpose(0, 2, 1).reshape(U * r, r) @ self.outputs
        times = np.repeat(self.times, r)
        data = Observations(times, seen.ravel(), np.ones(U * r), rows, np.arange(U * r))
        evidence, self.mean, self.covariance = self._search(data)
        self.data = data
        # E[uᵀ K⁻¹ u] of every two functions at all indices, K their prior covariance.
        seconds = (precision.reshape(U, r, r) @ self.second().reshape(U, r, r)).sum(0)
        square = U * np.eye(r) + shift.T @ self.mean - seconds
        self.prior_square = 0.5 * (square + square.T)
        normaliser = evidence + 0.5 * (seen**2).sum() + 0.5 * seen.size * math.log(2.0 * math.pi)
        gained = (shift * self.mean).sum() - 0.5 * (precision * self.second()).sum()
        self.divergence = gained - normaliser
        return precision, shift

    def _process(self, length_scale):
        return MarkovProcess([MaternComponent(1.0, length_scale, self.nu)] * self.rank)

    def _search(self, data):
        """One step along the length scale, kept if the evidence gains; evidence and moments."""
        wanted = np.arange(1, len(data.times) + 1) % self.rank == 0
        best = self.process.smoothed(data, self.outputs, wanted)
        if self.bounds is None:
            return best
        tried = min(max(self.length_scale * math.exp(self._step), self.bounds[0]), self.bounds[1])
        process = self._process(tried)
        if process.log_likelihood(data) > best[0]:
            self.length_scale, self.process, self._step = tried, process, 1.5 * self._step
            return process.smoothed(data, self.outputs, wanted)
        self._step = -math.copysign(max(0.5 * abs(self._step), _LEAST_STEP), self._step)
        return best

    def mix(self, matrix):
        """Mix the functions by a symmetric matrix; `data` is theirs again after an update."""
        before = np.trace(self.prior_square)
        self.mean = self.mean @ matrix
        self.covariance = matrix @ self.covariance @ matrix
        self.prior_square = matrix @ self.prior_square @ matrix
        self.divergence += 0.5 * (np.trace(self.prior_square) - before)
        self.divergence -= len(self.times) * np.linalg.slogdet(matrix)[1]

    def rotated(self, rotation):
        """The same mode with fewer functions: those combined by the columns of ``rotation``."""
        less = replace(self, rank=rotation.shape[1])
        less.mean = self.mean @ rotation
        less.covariance = np.einsum("tij,ia,jb->tab", self.covariance, rotation, rotation)
        return less

    def posterior(self, times):
        """Mean (n, r) and covariance (n, r, r) of the functions at any indices."""
        return self.process.posterior(self.data, times, self.outputs)


class TuckerPosterior:
    """Mean-field posterior of core, factor functions, noise and the core's precision.

    Parameters
    ----------
    modes : list of Mode
        With means to start from.
    y : (N,) array
        Of mean zero and variance one.
    noise : float
        Noise variance at the start. A small one keeps components of the core from vanishing before
        the functions fit, which is where this objective has its poor optima.

    Attributes
    ----------
    weights, weights_covariance : (1 + R,) and (1 + R, 1 + R) arrays
        The offset, then the core.
    noise, ridge : Precision
    history : list of float
        The bound after each sweep.
    """

    def __init__(self, modes, y, noise):
        self.modes, self.y = modes, y
        self.ranks = [mode.rank for mode in modes]
        self.history = []
        R = math.prod(self.ranks)
        self.noise = Precision(0.5 * len(y), 0.5 * len(y) * noise)
        self.ridge = Precision(0.5 * R, 0.5)
        self._squares = float(y @ y)

    def update_core(self):
        """q(c, G), exactly Gaussian, the offset first."""
        R, tau = math.prod(self.ranks), self.noise.mean
        linear, quadratic = np.zeros(R), np.zeros([r * r for r in self.ranks])
        totals = np.zeros(R)
        for rows in self._chunks(R * R // self.ranks[-1] ** 2):
            means, seconds = self._moments(rows)
            n = len(means[0])
            products = row_products(means, n)
            linear += products.T @ self.y[rows]
            totals += products.sum(0)
            quadratic += (row_products(seconds[:-1], n).T @ seconds[-1]).reshape(quadratic.shape)
        gram = np.empty((R + 1, R + 1))
        gram[0, 0], gram[0, 1:], gram[1:, 0] = len(self.y), totals, totals
        gram[1:, 1:] = unpaired(quadratic, self.ranks)
        linear = np.concatenate([[self.y.sum()], linear])
        precision = tau * gram
        precision[np.diag_indices(R + 1)] += self.ridge.mean
        precision[0, 0] += _OFFSET_PRECISION - self.ridge.mean
        if len(self.modes) > 1:
            factor = linalg.cho_factor(precision, lower=True)
            self.weights = tau * linalg.cho_solve(factor, linear)
            self.weights_covariance = linalg.cho_solve(factor, np.eye(R + 1))
            self._entropy = R + 1 - 2.0 * np.log(np.diag(factor[0])).sum()
        else:
            # Of one mode the core is but the signal's standard deviation, and a number.
            self.weights = np.array([0.0, tau * linear[1] / precision[1, 1]])
            self.weights_covariance = np.zeros((2, 2))
            self._entropy = 1.0 - math.log(_OFFSET_PRECISION)
        self._rest = self._squares - 2.0 * linear @ self.weights + (gram * self.second()).sum()

    def second(self):
        """E of the square of (offset, core), (1 + R, 1 + R)."""
        return self.weights_covariance + np.outer(self.weights, self.weights)

    def _tables(self):
        """E[G], E[c G] and E[G Gᵀ] as tables to contract."""
        second = self.second()
        core, cross = self.weights[1:].reshape(self.ranks), second[0, 1:].reshape(self.ranks)
        return core, cross, paired(second[1:, 1:], self.ranks)

    def _moments(self, rows):
        means = [mode.mean[mode.place[rows]] for mode in self.modes]
        return means, [mode.second()[mode.place[rows]] for mode in self.modes]

    def mix(self, k):
        """Move a linear map from the core to a mode, the best; else that takes many sweeps."""
        mode, r = self.modes[k], self.ranks[k]
        if not math.isfinite(mode.divergence):
            return
        sides = [math.prod(self.ranks[:k]), r, math.prod(self.ranks[k + 1 :])]
        W = np.einsum("aibajb->ij", self.second()[1:, 1:].reshape(sides * 2)) * self.ridge.mean
        # Functions A u, A = Aᵀ, and the core's A⁻¹ change the bound by -½ tr(X Q) + ½ n log|X| -
        # ½ tr(X⁻¹ W) with X = A². At the best XQX - nX = W, a quadratic equation in √Q X √Q.
        free = (len(self.weights) - 1) // r if len(self.modes) > 1 else 0
        n = len(mode.times) - free
        root = _power(mode.prior_square, 0.5)
        values, vectors = np.linalg.eigh(root @ W @ root)
        values = 0.5 * n + np.sqrt(0.25 * n * n + np.maximum(values, 0.0))
        inverse_root = _power(mode.prior_square, -0.5)
        matrix = _power(inverse_root @ (vectors * values) @ vectors.T @ inverse_root, 0.5)
        mode.mix(matrix)
        inverse = np.kron(np.eye(sides[0]), np.linalg.inv(matrix))
        applied = linalg.block_diag(1.0, np.kron(inverse, np.eye(sides[2])))
        self.weights = applied @ self.weights
        self.weights_covariance = applied @ self.weights_covariance @ applied.T
        self._entropy -= 2.0 * free * np.linalg.slogdet(matrix)[1]

    def update_mode(self, k):
        """q(u_k) and its length scale."""
        mode, tau = self.modes[k], self.noise.mean
        core, cross, square = self._tables()
        N, r = len(self.y), mode.rank
        linear, quadratic = np.empty((N, r)), np.empty((N, r * r))
        for rows in self._chunks(square.size // max(self.ranks) ** 2):
            means, seconds = self._moments(rows)
            linear[rows] = contract(core, means, k) * self.y[rows, None]
            linear[rows] -= contract(cross, means, k)
            quadratic[rows] = contract(square, seconds, k)
        precision, shift = mode.update(tau * quadratic, tau * linear)
        fitted = (shift * mode.mean).sum() - 0.5 * (precision * mode.second()).sum()
        self._rest = self._squares - 2.0 * self.weights[0] * self.y.sum()
        self._rest += len(self.y) * self.second()[0, 0] - 2.0 * fitted / tau

    def update_noise(self):
        self.noise.update(len(self.y), self._rest)

    def update_ridge(self):
        self.ridge.update(len(self.weights) - 1, np.trace(self.second()[1:, 1:]))

    def sweep(self, held=False):
        """Update everything once; ``held`` leaves noise and ridge, and so no component vanishes."""
        self.update_core()
        if not held:
            self.update_ridge()
            self.update_noise()
        # The modes last: with one, it then is the Gaussian process of the core and noise told.
        for k in range(len(self.modes)):
            if not held:
                self.mix(k)
            self.update_mode(k)
        self.history.append(self.bound())

    def bound(self):
        """Lower bound of log p(y), given the length scales."""
        N, R = len(self.y), len(self.weights) - 1
        second = np.diag(self.second())
        total = 0.5 * N * (self.noise.mean_log - math.log(2.0 * math.pi))
        total -= 0.5 * self.noise.mean * self._rest
        total -= sum(mode.divergence for mode in self.modes)
        total -= 0.5 * (self.ridge.mean * second[1:].sum() + _OFFSET_PRECISION * second[0])
        total += 0.5 * (R * self.ridge.mean_log + math.log(_OFFSET_PRECISION) + self._entropy)
        return float(total - self.noise.divergence() - self.ridge.divergence())

    def with_less(self, k):
        """A start with one function less in a mode: without the one of least part in the core."""
        unfolded = np.moveaxis(self.weights[1:].reshape(self.ranks), k, 0).reshape(
            self.ranks[k], -1
        )
        rotation = np.linalg.svd(unfolded)[0][:, :-1]
        # Whole modes anew: the others' processes, data and steps of search are not shared.
        modes = [
            m.rotated(rotation if j == k else np.eye(m.rank)) for j, m in enumerate(self.modes)
        ]
        return TuckerPosterior(modes, self.y, 1.0 / self.noise.mean)

    def predict(self, columns):
        """Mean and variance of the tensor at rows of indices, noise left out."""
        parts = [mode.posterior(t) for mode, t in zip(self.modes, columns, strict=True)]
        means = [mean for mean, _ in parts]
        seconds = [
            (cov + mean[:, :, None] * mean[:, None, :]).reshape(len(mean), -1)
            for mean, cov in parts
        ]
        core, cross, square = self._tables()
        offset = self.weights[0]
        mean = offset + contract(core, means)
        # Var f = E f² - (E f)², with E f² = E c² + 2 E[c G]·u + u·E[G Gᵀ]u.
        total = self.second()[0, 0] + 2.0 * contract(cross, means) + contract(square, seconds)
        return mean, np.maximum(total - mean**2, 0.0)

    def _chunks(self, width):
        size = max(1, _CHUNK // max(width, 1))
        return [slice(i, min(i + size, len(self.y))) for i in range(0, len(self.y), size)]

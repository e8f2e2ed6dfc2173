"""The covariance of a grid by its axes' eigenvectors: evidence, gradient, solutions, predictions.

With K = a K_1 ⊗ ... ⊗ K_d, K_i = Q_i Λ_i Q_iᵀ, and noise v the covariance of a complete grid is
C = Q (Λ + v) Qᵀ. Whatever is missing, with the observed cells o, α = C_oo⁻¹ y_o and G = C_oo⁻¹,
both zero at the other cells, everything that is asked for is of one form:
    d log p = ½ [αᵀ dK α - tr(G dK)],     var f(x) = k(x, x) - k(x, ·) G k(·, x),
and in the eigenbasis G is a diagonal and a few outer products more,
    Qᵀ G Q = diag(g) + Σ_b left_b right_bᵀ.
For dK in the kernel of one axis the traces over the others leave a matrix of that axis alone.
"""

# References: Saatçi, *Scalable inference for structured Gaussian process models*, PhD thesis,
# Cambridge 2011, chapter 5; for missing cells see `_kronecker_missing`.

import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernlab._core.chunks import chunk_bytes
from kernlab._core.namespace import from_numpy, namespace_of, on_cpu, scalar, to_numpy
from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.linalg import apply_along_axes
from kernlab.linalg._centrosymmetric import eigh_covariance

# Cells up to which threads of BLAS gain little, and where cores are busy lose much.
_FEW_CELLS = 100_000
# Rounding of the eigenvalues, relative to the largest, that the noise has to stand above.
_ROUNDING = 10 * float(np.finfo(float).eps)


class GridCovariance:
    """a K_1 ⊗ ... ⊗ K_d + v by the eigenvectors of its factors.

    Parameters
    ----------
    matrices : list of (n_i, n_i) arrays
        Covariances of the axes, symmetric and positive semi-definite.
    amplitude, noise : float
    like : array
        Whose library and device the arrays of the grid's size take.
    least_noise : float, default=0
        Share of the mean eigenvalue that the noise must reach.

    Attributes
    ----------
    signal : array of shape (n_1, ..., n_d)
        Eigenvalues of the covariance without noise.
    noise : float
        With the jitter.
    jitter : float
        What was added to the noise to hold eigenvalues above the rounding of the largest.
    """

    def __init__(self, matrices, amplitude, noise, like, least_noise=0.0):
        pairs = [eigh_covariance(K) for K in matrices]
        self.amplitude = float(amplitude)
        self.host_values = [values for values, _ in pairs]
        self.host_vectors = [vectors for _, vectors in pairs]
        self.values = [from_numpy(values, like) for values in self.host_values]
        self.vectors = [from_numpy(vectors, like) for vectors in self.host_vectors]
        self.shape = tuple(len(values) for values in self.host_values)
        self.signal = self.amplitude * outer(self.values)
        largest, least = scalar(self.xp.max(self.signal)), scalar(self.xp.min(self.signal))
        mean = scalar(self.xp.mean(self.signal))
        # All or nothing, so that the floor changes with the kernels as the largest does.
        rounding = _ROUNDING * largest if least < _ROUNDING * largest else 0.0
        floor = max(rounding, least_noise * mean)
        self._floor_is_mean = rounding < floor
        # What rounding makes of the same noise is none.
        self.jitter = floor - noise if floor > noise * (1 + _ROUNDING) else 0.0
        self.noise = noise + self.jitter
        self.total = self.signal + self.noise

    @property
    def xp(self):
        """The array namespace; modules do not pickle, so that it is looked up."""
        return namespace_of(self.signal)

    @property
    def n_cells(self):
        return math.prod(self.shape)

    def rotate(self, array):
        """Qᵀ along the first axes of an array, which may have one more."""
        return apply_along_axes([Q.T for Q in self.vectors], array)

    def rotate_back(self, array):
        return apply_along_axes(self.vectors, array)

    def contract(self, axis, left, right):
        """left_b right_bᵀ summed over b, and over the other axes with their eigenvalues.

        Parameters
        ----------
        axis : int
        left, right : arrays of shape (n_1, ..., n_d, n_b)
            In the eigenbasis.

        Returns
        -------
        sum : array of shape (n_i, n_i)
        """
        xp, n = self.xp, self.shape[axis]
        left = left * self._weights(axis)[..., None]
        left = xp.reshape(xp.moveaxis(left, axis, 0), (n, -1))
        return left @ xp.reshape(xp.moveaxis(right, axis, 0), (n, -1)).T

    def marginal(self, axis, diagonal):
        """Sums of a diagonal over the other axes with their eigenvalues."""
        others = tuple(k for k in range(len(self.shape)) if k != axis)
        return self.xp.sum(diagonal * self._weights(axis), axis=others)

    def floor_slope(self, axis):
        """Derivative of the noise's logarithm by the covariance of an axis, where it is floored."""
        values, Q = self.host_values[axis], self.host_vectors[axis]
        if self._floor_is_mean:
            return np.eye(len(values)) / np.sum(values)
        # The least eigenvalue, which the floor is lowered by, is rounding wherever it matters.
        top = Q[:, np.argmax(values)]
        return np.outer(top, top) / np.max(values)

    def _weights(self, axis):
        """Derivative of the eigenvalues with respect to those of one axis; one long there."""
        factors = [
            values if k != axis else values[:1] * 0 + 1 for k, values in enumerate(self.values)
        ]
        return self.amplitude * outer(factors)


@dataclass
class Solution:
    """What the data and hyperparameters leave of `C_oo⁻¹`: see the opening of the file.

    Parameters
    ----------
    covariance : GridCovariance
    alpha : array of shape (n_1, ..., n_d)
        In the eigenbasis, as are the next.
    diagonal : array of the same shape
        g.
    left, right : arrays of shape (n_1, ..., n_d, n_b), or None
    log_likelihood : float
    error : float
        Its standard error; zero where it is exact.
    n_observed : int
    fit : float
        y_oᵀ α.
    noise, jitter : float
        The noise variance with the jitter, and the jitter alone.
    """

    covariance: GridCovariance
    alpha: Any
    diagonal: Any
    left: Any
    right: Any
    log_likelihood: float
    error: float
    n_observed: int
    fit: float
    noise: float
    jitter: float

    def axis_sensitivity(self, axis):
        """(n_i, n_i) array: derivative of log p with respect to the covariance of an axis."""
        grid = self.covariance
        inner = grid.contract(axis, self.alpha[..., None], self.alpha[..., None])
        if self.left is not None:
            inner = inner - grid.contract(axis, self.left, self.right)
        inner = to_numpy(inner)
        rows = np.arange(len(inner))
        inner[rows, rows] -= to_numpy(grid.marginal(axis, self.diagonal))
        Q = grid.host_vectors[axis]
        return 0.5 * (Q @ inner @ Q.T)

    def scale_sensitivities(self):
        """Derivatives of log p with respect to the logarithms of amplitude and noise."""
        xp, v = self.covariance.xp, self.noise
        trace = scalar(xp.sum(self.diagonal))
        if self.left is not None:
            trace += scalar(xp.sum(self.left * self.right))
        by_noise = v * (scalar(xp.sum(self.alpha * self.alpha)) - trace)
        return 0.5 * (self.fit - self.n_observed - by_noise), 0.5 * by_noise

    def gradient(self, slopes, amplitude_dims, noise_dims):
        """Of log p, the jitter following the kernels.

        Parameters
        ----------
        slopes : list of (n_k, n_k, n_dims) arrays
            Derivatives of the axes' covariances by the logarithms of their hyperparameters.
        amplitude_dims, noise_dims : int
            1 where these are free, 0 where they are fixed.
        """
        by_amplitude, by_noise = self.scale_sensitivities()
        share = self._jitter_share() if self.jitter > 0 else 0.0
        parts: list[Any] = [[by_amplitude + share * by_noise] * amplitude_dims]
        for axis, slope in enumerate(slopes):
            if slope.shape[-1] > 0:
                sensitivity = self.axis_sensitivity(axis)
                if share > 0:
                    sensitivity = sensitivity + share * by_noise * self._jitter_slope(axis)
                parts.append(np.tensordot(sensitivity, slope, 2))
        parts.append([(1 - share) * by_noise] * noise_dims)
        return np.concatenate(parts).astype(float)

    def _jitter_share(self):
        """Of the noise, what goes with the amplitude: all where the noise is floored."""
        return 1.0

    def _jitter_slope(self, axis):
        """Derivative of the logarithm of that by the covariance of an axis."""
        return self.covariance.floor_slope(axis)

    def std(self, prior, explained):
        """Standard deviation with noise, of prior variances for amplitude one."""
        variance = from_numpy(prior * self.covariance.amplitude, explained) - explained
        # Rounding may leave less than nothing where the data say all.
        xp = namespace_of(explained)
        return xp.sqrt(xp.clip(variance, min=0.0) + self.noise)

    def mean_on_grid(self, crosses):
        """Mean of the noise-free field; ``crosses`` are rotated covariances (m_i, n_i)."""
        return self.covariance.amplitude * apply_along_axes(crosses, self.alpha)

    def mean_at(self, crosses):
        """The same at points: row j of every cross-covariance is of point j."""
        return self.covariance.amplitude * contract_rows(crosses, self.alpha)

    def explained_on_grid(self, crosses):
        """k(x, ·) G k(·, x) at the points of a grid."""
        a = self.covariance.amplitude
        total = apply_along_axes([c * c for c in crosses], self.diagonal)
        if self.left is not None:
            for b in range(self.left.shape[-1]):
                total = total + apply_along_axes(crosses, self.left[..., b]) * apply_along_axes(
                    crosses, self.right[..., b]
                )
        return a * a * total

    def explained_at(self, crosses):
        """The same at scattered points, (m,)."""
        a = self.covariance.amplitude
        total = contract_rows([c * c for c in crosses], self.diagonal)
        if self.left is not None:
            for b in range(self.left.shape[-1]):
                total = total + contract_rows(crosses, self.left[..., b]) * contract_rows(
                    crosses, self.right[..., b]
                )
        return a * a * total

    def explained_jointly(self, crosses):
        """k(x, ·) G k(·, x') for all pairs of m points, (m, m), at O(N m²)."""
        a, n_points = self.covariance.amplitude, crosses[0].shape[0]
        total, first = 0.0, crosses[0]
        rest_size = max(1, self.covariance.n_cells // self.covariance.shape[0])
        step = row_chunk(8 * n_points * rest_size, first)
        # Rows of the grid at a time, for all of m points times the grid may not fit.
        for start in range(0, self.covariance.shape[0], step):
            stop = min(start + step, self.covariance.shape[0])
            features = row_products([first[:, start:stop], *crosses[1:]])
            diagonal = self.covariance.xp.reshape(self.diagonal[start:stop, ...], (-1,))
            total = total + (features * diagonal) @ features.T
        if self.left is not None:
            columns = [
                self.covariance.xp.stack(
                    [contract_rows(crosses, side[..., b]) for b in range(side.shape[-1])], axis=1
                )
                for side in (self.left, self.right)
            ]
            total = total + columns[0] @ columns[1].T
        return a * a * total


def solve_complete(covariance, z):
    """`Solution` of a grid without missing cells, at O(N Σ n_i)."""
    xp = covariance.xp
    rotated = covariance.rotate(z)
    alpha = rotated / covariance.total
    fit = scalar(xp.sum(rotated * alpha))
    n = covariance.n_cells
    log_det = scalar(xp.sum(xp.log(covariance.total)))
    return Solution(
        covariance,
        alpha,
        1 / covariance.total,
        None,
        None,
        log_likelihood=log_normal(fit, log_det, n),
        error=0.0,
        n_observed=n,
        fit=fit,
        noise=covariance.noise,
        jitter=covariance.jitter,
    )


def few_threads(shape):
    """A context with one thread of BLAS where a grid is small."""
    return SINGLE_THREADED_BLAS if math.prod(shape) <= _FEW_CELLS else nullcontext()


def log_normal(quadratic, log_det, n):
    return -0.5 * (quadratic + log_det + n * math.log(2 * math.pi))


def outer(vectors):
    """Their outer product, one axis for each."""
    total = vectors[0]
    for vector in vectors[1:]:
        total = total[..., None] * vector
    return total


def row_products(tables):
    """Row by row the outer products of tables (m, n_i), flattened: (m, n_1 n_2 ...)."""
    xp, total = namespace_of(tables[0]), tables[0]
    for table in tables[1:]:
        total = xp.reshape(total[:, :, None] * table[:, None, :], (total.shape[0], -1))
    return total


def contract_rows(tables, array):
    """Σ array[i, j, ...] tables[0][p, i] tables[1][p, j] ... for every row p, in chunks of rows."""
    xp, n_rows = namespace_of(array), tables[0].shape[0]
    step = row_chunk(8 * math.prod(array.shape[1:]), array)
    flat = xp.reshape(array, (array.shape[0], -1))
    parts = []
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        part = tables[0][start:stop, :] @ flat  # (p, n_2 n_3 ...)
        for table in tables[1:]:
            part = xp.reshape(part, (stop - start, table.shape[1], -1))
            part = xp.sum(part * table[start:stop, :, None], axis=1)
        parts.append(xp.reshape(part, (-1,)))
    return xp.concat(parts) if len(parts) > 1 else parts[0]


def point_by_point(solution, crosses, bytes_per_point):
    """Explained variance on a grid of points, by that at points."""
    xp = solution.covariance.xp
    shape = tuple(cross.shape[0] for cross in crosses)
    n_points = math.prod(shape)
    step = row_chunk(bytes_per_point, crosses[0])
    parts = []
    for start in range(0, n_points, step):
        places = np.unravel_index(np.arange(start, min(start + step, n_points)), shape)
        rows = [take_rows(c, i) for c, i in zip(crosses, places, strict=True)]
        parts.append(solution.explained_at(rows))
    return xp.reshape(xp.concat(parts), shape)


def in_chunks(crosses, bytes_per_point, function):
    n_points, xp = crosses[0].shape[0], namespace_of(crosses[0])
    step = row_chunk(bytes_per_point, crosses[0])
    parts = [
        function([cross[start : min(start + step, n_points), ...] for cross in crosses])
        for start in range(0, n_points, step)
    ]
    return xp.concat(parts)


def take_rows(table, index):
    """Rows of a table, of any library, by a NumPy array of their numbers."""
    xp = namespace_of(table)
    return xp.take(table, from_numpy(index, table, xp.int64), axis=0)


def row_chunk(bytes_per_row, like):
    """Rows whose temporary arrays fit the bound on memory."""
    return max(1, chunk_bytes(on_cpu=on_cpu(like)) // max(1, bytes_per_row))

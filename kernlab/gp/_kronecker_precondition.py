"""What preconditions A of `_kronecker_iterative`: its diagonal, and a block where holes are wide.

Combinations of modes that live inside a hole have eigenvalues of A near one although its diagonal
is large there; there is one for each length scale of the hole, and no diagonal helps. They are
combinations of modes with large λ: M has the block A_pp of the p modes with the largest, and the
diagonal of A for the others. With all λ > τv in the block, the eigenvalues of M⁻¹A spread by at most
4 (1 + τ), whatever the mask, for A >= 1 and the rest of A is at most 1 + τ.

M has A's own entries wherever it is not zero, so that tr M⁻¹A = N and tr M⁻¹dM = tr M⁻¹dA. The
block is formed, and differentiated, by sums along one axis and then the others.
"""

import functools
import math

import numpy as np
from scipy.linalg import cholesky
from scipy.linalg.lapack import dpotri, dtrtri
from scipy.ndimage import maximum_filter

from kernlab._core.namespace import from_numpy, scalar, to_numpy
from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.gp._kronecker_model import outer
from kernlab.linalg import apply_along_axes

# Modes of the block, their squares times the cells across an axis, and their least λ/v.
LARGEST, _PRODUCTS, _LEAST = 2000, 4e9, 0.1
# Cells of a box that are not missing together by chance.
_BOX = 16


class Preconditioner:
    """M = R Rᵀ, with R lower triangular in the block and diagonal beside it.

    Parameters
    ----------
    covariance : GridCovariance
    mask : float array of shape (n_1, ..., n_d)
        One where observed.
    """

    def __init__(self, covariance, mask):
        xp, v = covariance.xp, covariance.noise
        self.covariance, self.mask = covariance, mask
        # Share of each eigenvector's square on the observed cells.
        share = apply_along_axes([(Q * Q).T for Q in covariance.vectors], mask)
        self.diagonal = 1 + covariance.signal * share / v
        self.modes = self._largest()
        places = np.zeros(covariance.n_cells, dtype=np.int64)
        places[self.modes] = 1 + np.arange(len(self.modes))
        outside = from_numpy((places == 0).reshape(covariance.shape), mask)
        self.places = from_numpy(places, mask, xp.int64)
        self.scale = outside / xp.sqrt(self.diagonal)
        self.log_det = scalar(xp.sum(outside * xp.log(self.diagonal)))
        self.outside = outside
        if len(self.modes):
            self._factorise()

    def _largest(self):
        """Flat indices of the modes of the block, none without a wide hole."""
        signal = to_numpy(self.covariance.signal).ravel()
        if not has_wide_hole(to_numpy(self.mask)):
            return np.zeros(0, dtype=np.int64)
        n_across = signal.size // max(self.covariance.shape)
        size = min(LARGEST, int(math.sqrt(_PRODUCTS / n_across)), signal.size)
        modes = np.argpartition(-signal, size - 1)[:size]
        return np.sort(modes[signal[modes] > _LEAST * self.covariance.noise])

    def _factorise(self):
        axis = int(np.argmax(self.covariance.shape))
        signal = to_numpy(self.covariance.signal).ravel()[self.modes]
        self.root = np.sqrt(signal)
        self.block = _Fold(self, axis).gram()
        self.block *= self.root[:, None] / self.covariance.noise * self.root
        self.block[np.diag_indices_from(self.block)] += 1
        with SINGLE_THREADED_BLAS:
            root = cholesky(self.block, lower=True, check_finite=False)
            inverse, _ = dtrtri(root, lower=True)
            lower, _ = dpotri(root, lower=True, overwrite_c=True)
        self.log_det += 2 * float(np.sum(np.log(np.diag(root))))
        self.block_inverse = lower + np.tril(lower, -1).T
        self.inverse_root = from_numpy(inverse, self.mask)

    def lower(self, array):
        """R⁻¹ along all axes but the last."""
        return self._apply(array, False)

    def upper(self, array):
        """R⁻ᵀ along them."""
        return self._apply(array, True)

    def _apply(self, array, transposed):
        xp, scaled = self.covariance.xp, self.scale[..., None] * array
        if not len(self.modes):
            return scaled
        matrix = self.inverse_root.T if transposed else self.inverse_root
        flat = xp.reshape(array, (-1, array.shape[-1]))
        inside = matrix @ xp.take(flat, from_numpy(self.modes, array, xp.int64), axis=0)
        padded = xp.concat([xp.zeros_like(inside[:1, :]), inside])
        return scaled + xp.reshape(xp.take(padded, self.places, axis=0), array.shape)

    def sensitivity(self, ahead, change, product):
        """d log|M| and what the probes' forms change by M, with respect to M: `MSlope`.

        With dR = ½ dM R⁻ᵀ, and the arrays R⁻ᵀz, R⁻ᵀ(Ã⁻¹ - 1)z and R⁻ᵀÃz, it is
        M⁻¹ - ½ E[change productᵀ + ahead (ahead - product)ᵀ] where M is not zero.
        """
        xp = self.covariance.xp
        terms = xp.mean(change * product + (ahead - product) * ahead, axis=-1)
        diagonal = self.scale * self.scale - self.outside * terms / 2
        change, product, ahead = (self._inside(a) for a in (change, product, ahead))
        block = None
        if len(self.modes):
            terms = change @ product.T + ahead @ (ahead - product).T
            block = self.block_inverse - (terms + terms.T) / (4 * ahead.shape[-1])
        return MSlope(self, diagonal, block)

    def _inside(self, array):
        return to_numpy(self.covariance.xp.reshape(array, (-1, array.shape[-1])))[self.modes]


class MSlope:
    """Σ weights dM, for M as A changes: d log|A| of what M has of A."""

    def __init__(self, system, diagonal, block):
        self.system, self.diagonal, self.block = system, diagonal, block

    def by_amplitude(self):
        xp, system = self.system.covariance.xp, self.system
        # dA = A - 1.
        total = scalar(xp.sum(self.diagonal * (system.diagonal - 1)))
        if self.block is not None:
            total += float(np.sum(self.block * system.block) - np.trace(self.block))
        return total

    def by_root(self, axis, others):
        """(n_i, n_i): with respect to the root of an axis' matrix; others are those beside it."""
        system, grid = self.system, self.system.covariance
        xp, n = grid.xp, grid.shape[axis]

        def unfolded(array):
            return xp.reshape(xp.moveaxis(array, axis, 0), (n, -1))

        squares = [(Q * Q).T if k != axis else None for k, Q in enumerate(grid.vectors)]
        share = apply_along_axes(squares, system.mask) / grid.noise
        along = 2 * others * xp.sqrt(grid.signal) * self.diagonal
        Q = grid.vectors[axis]
        slope = to_numpy(Q.T @ (Q * (unfolded(share) @ unfolded(along).T)))
        if self.block is not None:
            others = np.broadcast_to(to_numpy(others), grid.shape).ravel()[system.modes]
            weights = others[:, None] * self.block * (2 / grid.noise * system.root)
            slope = slope + _Fold(system, axis).slope(weights)
        return slope


class _Fold:
    """The modes of a block by one axis, and what the others have of them.

    Σ_cells W q_a q_b with q_a = Q[i, k_a] rest[j, a], for the cells i of the axis and j across it.
    """

    def __init__(self, system, axis):
        grid = system.covariance
        n = grid.shape[axis]
        index = np.unravel_index(system.modes, grid.shape)
        self.order = np.argsort(index[axis], kind="stable")
        self.Q = grid.host_vectors[axis]
        self.W = np.moveaxis(to_numpy(system.mask), axis, 0).reshape(n, -1)
        tables = [Q[:, i] for Q, i in zip(grid.host_vectors, index, strict=True)]
        del tables[axis]
        rest = functools.reduce(
            lambda total, table: (total[:, None] * table).reshape(-1, len(self.order)),
            tables,
            np.ones((1, len(self.order))),
        )
        self.rest = rest[:, self.order]
        # Modes with the same k are neighbours.
        self.k, self.starts, self.sizes = np.unique(
            index[axis][self.order], return_index=True, return_counts=True
        )

    def gram(self):
        """(p, p)."""
        sums = np.empty((len(self.order), len(self.order)))
        for k, part in self._groups():
            along = (self.Q[:, [k]] * self.Q[:, self.k]).T @ self.W
            across = np.repeat(along.T, self.sizes, axis=1)
            across *= self.rest
            sums[part] = self.rest[:, part].T @ across
        return self._back(sums)

    def slope(self, weights):
        """Σ_ab weights_ab dq_a q_b, with dq_a = Σ_l Q[i, l] D_lk rest[j, a]: the factor of D."""
        weights = weights[np.ix_(self.order, self.order)]
        slope = np.empty_like(self.Q)
        slope[:] = 0
        for k, part in self._groups():
            across = self.rest[:, part] @ weights[part]
            across *= self.rest
            along = self.W @ np.add.reduceat(across, self.starts, axis=1)
            slope[:, k] = self.Q.T @ np.sum(along * self.Q[:, self.k], axis=1)
        return slope

    def _groups(self):
        for k, start, size in zip(self.k, self.starts, self.sizes, strict=True):
            yield k, slice(start, start + size)

    def _back(self, sums):
        inverse = np.argsort(self.order)
        return sums[np.ix_(inverse, inverse)]


def has_wide_hole(mask):
    """Whether a box of some sixteen cells, as long as wide, is all missing."""
    side = math.ceil(_BOX ** (1 / mask.ndim))
    return not np.all(maximum_filter(mask, size=side, mode="constant", cval=1.0))

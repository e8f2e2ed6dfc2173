"""What preconditions A of `_kronecker_iterative`: its diagonal, and a block where holes are wide.

Combinations of modes that live inside a hole have eigenvalues of A near one although its diagonal
is large there; there is one for each length scale of the hole, and no diagonal helps. They are
combinations of modes with large λ: M has the block A_pp of the p modes with the largest, and the
diagonal of A for the others. Once these all have λ <= τv, eigenvalues of M⁻¹A spread by no more
than a factor 4 (1 + τ)³, whatever the mask, for A >= 1 and A <= 1 + τ outside the block.

M has A's own entries wherever it is not zero, so that tr M⁻¹A = N and tr M⁻¹dM = tr M⁻¹dA. The
block is formed, and differentiated, by sums along one axis and then the others.
"""

import functools
import math

import numpy as np
from scipy.linalg import cholesky
from scipy.linalg.lapack import dlauum, dtrtri
from scipy.ndimage import maximum_filter

from kernlab._core.namespace import from_numpy, scalar, to_numpy
from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.linalg import apply_along_axes

# Modes of the block, their squares times the cells across an axis, and their least λ/v.
LARGEST, _PRODUCTS, _LEAST = 2500, 4e9, 0.3
# Cells of a box that are not missing together by chance.
_BOX = 36


class Preconditioner:
    """M = R Rᵀ, with R lower triangular in the block and diagonal beside it.

    Parameters
    ----------
    covariance : GridCovariance
    mask : float array of shape (n_1, ..., n_d)
        One where observed.

    Attributes
    ----------
    diagonal : array of shape (n_1, ..., n_d)
        Of A.
    modes : (p,) array of int
        Flat indices of those in the block.
    log_det : float
        log|M|.
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
        self.log_det += 2 * float(np.sum(np.log(np.diag(root))))
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
        inside = matrix @ self._inside(array)
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
        block = None
        if len(self.modes):
            parts = (to_numpy(self._inside(array)) for array in (change, product, ahead))
            change, product, ahead = parts
            with SINGLE_THREADED_BLAS:
                lower, _ = dlauum(to_numpy(self.inverse_root), lower=True)
                terms = change @ product.T + ahead @ (ahead - product).T
            block = np.tril(lower) + np.tril(lower, -1).T
            block -= (terms + terms.T) / (4 * ahead.shape[-1])
        return MSlope(self, diagonal, block)

    def _inside(self, array):
        """Of the modes in the block."""
        xp = self.covariance.xp
        flat = xp.reshape(array, (-1, array.shape[-1]))
        return xp.take(flat, from_numpy(self.modes, array, xp.int64), axis=0)


class MSlope:
    """Σ weights dM, as M follows A: weights of its diagonal outside the block, and of the block."""

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
    """Modes of the block as q_a = Q[i, k_a] rest[j, a], for the cells i of an axis and j across.

    In the order of k, so that each k has a slice of them.
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
        """Σ_ij W_ij q_a q_b, (p, p)."""
        sums = np.empty((len(self.order), len(self.order)))
        back = np.argsort(self.order)
        for k, part in self._groups():
            along = (self.Q[:, [k]] * self.Q[:, self.k]).T @ self.W
            across = np.repeat(along.T, self.sizes, axis=1)
            across *= self.rest
            sums[part] = self.rest[:, part].T @ across
        return sums[np.ix_(back, back)]

    def slope(self, weights):
        """Derivative of Σ weights_ab q_a q_b by D, where Q becomes Q (1 + D) in q_a: (n, n)."""
        weights = weights[np.ix_(self.order, self.order)]
        slope = np.zeros_like(self.Q)
        for k, part in self._groups():
            across = self.rest[:, part] @ weights[part]
            across *= self.rest
            along = self.W @ np.add.reduceat(across, self.starts, axis=1)
            slope[:, k] = self.Q.T @ np.sum(along * self.Q[:, self.k], axis=1)
        return slope

    def _groups(self):
        for k, start, size in zip(self.k, self.starts, self.sizes, strict=True):
            yield k, slice(start, start + size)


def has_wide_hole(mask):
    """Whether a box of some 36 cells, as long as wide, is all missing."""
    side = math.ceil(_BOX ** (1 / mask.ndim))
    return not np.all(maximum_filter(mask, size=side, mode="constant", cval=1.0))

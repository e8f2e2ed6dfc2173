"""Grids with missing cells where the observed or the missing ones are few: dense matrices."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri

from kernlab._core.namespace import from_numpy, scalar, to_numpy
from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.gp._kronecker_model import (
    GridCovariance,
    Solution,
    in_chunks,
    log_normal,
    point_by_point,
    row_products,
    take_rows,
)

# Cells whose matrix is formed: observed ones, or missing ones while their columns of the inverse
# fit in memory, and their products take no more than about a second.
FEW_CELLS = 2000
_COLUMNS_SIZE, _PRODUCTS = 2e7, 4e9


def route(mask, n_observed):
    """'complete', 'observed', 'missing' or 'iterative': what a grid with holes is solved by."""
    n_cells = math.prod(mask.shape)
    n_missing = n_cells - n_observed
    if n_missing == 0:
        return "complete"
    products = n_missing**2 * n_cells
    is_small = n_missing * n_cells <= _COLUMNS_SIZE and products <= _PRODUCTS
    few_missing, few_observed = n_missing <= FEW_CELLS and is_small, n_observed <= FEW_CELLS
    if few_missing and not (few_observed and n_observed**3 < products):
        return "missing"
    return "observed" if few_observed else "iterative"


def solve_few_missing(covariance, z, mask):
    """`Solution` by the block of C⁻¹ at the missing cells, at O(m N Σ n_i + m³).

    C_oo⁻¹ is the Schur complement of that block in C⁻¹, and |C_oo| = |C| |(C⁻¹)_mm|.
    """
    xp, n = covariance.xp, covariance.n_cells
    missing = np.argwhere(~to_numpy(mask))
    rows = [take_rows(Q, i) for Q, i in zip(covariance.vectors, missing.T, strict=True)]
    # Columns of C⁻¹ at the missing cells, in the eigenbasis.
    units = row_products(rows).T  # (N, m)
    columns = units / xp.reshape(covariance.total, (-1, 1))
    with SINGLE_THREADED_BLAS:
        root = cholesky(to_numpy(units.T @ columns), lower=True, check_finite=False)
        inverse_root = solve_triangular(root, np.eye(len(root)), lower=True)
    left = columns @ from_numpy(inverse_root.T, z)
    left = xp.reshape(left, (*covariance.shape, -1))
    rotated = covariance.rotate(z)
    alpha = rotated / covariance.total
    along = xp.sum(left * rotated[..., None], axis=tuple(range(rotated.ndim)))
    alpha = alpha - xp.sum(left * along, axis=-1)
    log_det = scalar(xp.sum(xp.log(covariance.total)))
    log_det += 2 * float(np.sum(np.log(np.diag(root))))
    fit = scalar(xp.sum(rotated * alpha))
    n_observed = n - len(missing)
    return Solution(
        covariance,
        alpha,
        1 / covariance.total,
        left,
        -left,
        log_likelihood=log_normal(fit, log_det, n_observed),
        error=0.0,
        n_observed=n_observed,
        fit=fit,
        noise=covariance.noise,
        jitter=covariance.jitter,
    )


class ByRoot:
    """Explained variance by a Cholesky factor ``root`` of C_oo at ``cells`` of a ``covariance``."""

    covariance: GridCovariance
    cells: Any
    root: Any

    def _halves(self, crosses):
        """L⁻¹ k(o, x), (n_o, m)."""
        product: Any = self.covariance.amplitude
        for cross, Q, i in zip(crosses, self.covariance.host_vectors, self.cells, strict=True):
            product = product * (to_numpy(cross) @ Q[i].T)
        return solve_triangular(self.root, product.T, lower=True, check_finite=False)

    def explained_on_grid(self, crosses):
        return point_by_point(self, crosses, 16 * len(self.root))

    def explained_at(self, crosses):
        return in_chunks(
            crosses,
            16 * len(self.root),
            lambda part: from_numpy(np.sum(self._halves(part) ** 2, axis=0), crosses[0]),
        )

    def explained_jointly(self, crosses):
        halves = self._halves(crosses)
        return from_numpy(halves.T @ halves, crosses[0])


@dataclass
class ObservedRoot(ByRoot):
    """Such a factor by itself."""

    covariance: GridCovariance
    cells: Any
    root: Any

    @classmethod
    def of(cls, covariance, mask):
        """Raises LinAlgError where rounding leaves the matrix no factor."""
        cells = np.argwhere(to_numpy(mask)).T
        axes = zip(covariance.host_values, covariance.host_vectors, cells, strict=True)
        total: Any = covariance.amplitude
        for values, Q, index in axes:
            total = total * ((Q * values) @ Q.T)[np.ix_(index, index)]
        total[np.diag_indices_from(total)] += covariance.noise
        # In Fortran's order, in which LAPACK overwrites it: there is room for few of its size.
        return cls(
            covariance,
            cells,
            cholesky(total.T, lower=True, overwrite_a=True, check_finite=False),
        )


@dataclass
class FewObserved(ByRoot, Solution):
    """Few observed cells: their own matrix, on the host.

    Parameters
    ----------
    cells : (d, n_o) array of int
    blocks : list of (n_o, n_o) arrays
        Covariance of each axis between the cells.
    root : (n_o, n_o) array
        Cholesky factor of C_oo.
    weights : (n_o,) array
        α at the cells.
    """

    cells: Any
    blocks: Any
    root: Any
    weights: Any

    @classmethod
    def solve(cls, covariance, matrices, noise, z, mask):
        cells = np.argwhere(to_numpy(mask)).T
        blocks = [K[np.ix_(i, i)] for K, i in zip(matrices, cells, strict=True)]
        signal = covariance.amplitude * np.prod(blocks, axis=0)
        root, jitter = _root(signal, noise)
        data = to_numpy(z)[tuple(cells)]
        alpha = cho_solve((root, True), data)
        grid = np.zeros(covariance.shape)
        grid[tuple(cells)] = alpha
        fit, n = float(data @ alpha), len(data)
        return cls(
            covariance,
            covariance.rotate(from_numpy(grid, z)),
            None,
            None,
            None,
            log_likelihood=log_normal(fit, 2 * float(np.sum(np.log(np.diag(root)))), n),
            error=0.0,
            n_observed=n,
            fit=fit,
            noise=noise + jitter,
            jitter=jitter,
            cells=cells,
            blocks=blocks,
            root=root,
            weights=alpha,
        )

    @functools.cached_property
    def _slack(self):
        """α αᵀ - G."""
        with SINGLE_THREADED_BLAS:
            lower, _ = dpotri(self.root, lower=True)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        return np.outer(self.weights, self.weights) - inverse

    def axis_sensitivity(self, axis):
        others = [block for k, block in enumerate(self.blocks) if k != axis]
        weight = 0.5 * self.covariance.amplitude * self._slack
        for block in others:
            weight = weight * block
        n, index = self.covariance.shape[axis], self.cells[axis]
        pairs = (index[:, None] * n + index).ravel()
        return np.bincount(pairs, weight.ravel(), minlength=n * n).reshape(n, n)

    def scale_sensitivities(self):
        by_noise = self.noise * float(np.trace(self._slack))
        return 0.5 * (self.fit - self.n_observed - by_noise), 0.5 * by_noise

    def _jitter_share(self):
        # It is added to the noise, a share of the largest variance.
        return self.jitter / self.noise

    def _jitter_slope(self, axis):
        variances = np.prod([np.diag(block) for block in self.blocks], axis=0)
        place = int(np.argmax(variances))
        slope, cell = np.zeros((self.covariance.shape[axis],) * 2), self.cells[axis][place]
        slope[cell, cell] = 1 / self.blocks[axis][place, place]
        return slope


def _root(signal, noise):
    """Cholesky factor of signal + noise, and the jitter that it needed beyond."""
    n, largest = len(signal), float(np.max(np.abs(np.diag(signal))))
    diagonal = np.arange(n)
    for jitter in (0.0, *(largest * n * 10.0 ** np.arange(-16, -9))):
        total = signal.copy()
        total[diagonal, diagonal] += noise + jitter
        try:
            with SINGLE_THREADED_BLAS:
                return cholesky(total, lower=True, check_finite=False), jitter
        except np.linalg.LinAlgError:
            continue
    raise np.linalg.LinAlgError(
        "the covariance of the observed cells is not positive definite; give alpha, the variance "
        "of the noise, a larger value."
    )

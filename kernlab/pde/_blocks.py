"""Linear observations of tensor-product coefficients, in the independent blocks they fall into.

Along an axis whose functions the equation does not couple (eigenfunctions of all its terms) every
function is a problem of its own. What couples functions makes blocks: one by one where no axis
does, one for each mode in x where only time does, all at once where coefficients vary. Under a
prior of independent coefficients the posterior falls into the same blocks.
"""

import numpy as np
from scipy.linalg import solve_triangular

from kernlab.linalg import apply_along_axes
from kernlab.pde._prior import row_products
from kernlab.pde._space import contract
from kernlab.pde._weights import Group, Observations

# Functions that may be coupled, and entries of all blocks together: 160 MB of each of a few arrays.
MOST_COUPLED, MOST_ENTRIES = 2500, 2 * 10**7
# Numbers in a table of features at some points.
_CHUNK = 2**22


def coupled_axes(discretization):
    """The axes along which the equation couples functions; all of them for a system."""
    (equation, *others), d = discretization.pde.equations, len(discretization.factors)
    if others or not equation.is_constant:
        return tuple(range(d))
    (space,) = discretization.spaces.values()
    return tuple(
        axis
        for axis in range(d)
        if any(space.axes[axis].matrix(orders[axis]).ndim == 2 for _, orders in equation.constant)
    )


class Layout:
    """Arrays of coefficients as blocks, and back.

    Parameters
    ----------
    shapes : sequence of tuples
        Shape of each field's coefficients.
    coupled : tuple of int
    """

    def __init__(self, shapes, coupled):
        self.shapes, self.coupled = list(shapes), coupled
        d = len(self.shapes[0])
        self.plain = tuple(axis for axis in range(d) if axis not in coupled)
        self.order = self.plain + self.coupled
        self.plain_shape = tuple(self.shapes[0][axis] for axis in self.plain)
        self.n_blocks = int(np.prod(self.plain_shape))
        sizes = [int(np.prod([shape[axis] for axis in coupled])) for shape in self.shapes]
        self.edges = np.cumsum([0, *sizes])

    @property
    def width(self):
        """Unknowns of a block."""
        return int(self.edges[-1])

    @property
    def is_small(self):
        return (
            self.width <= MOST_COUPLED and self.n_blocks * self.width**2 <= MOST_ENTRIES
        ) or self.width == 1

    def split(self, arrays):
        """One array for each field, as (n_blocks, width)."""
        return np.concatenate(
            [array.transpose(self.order).reshape(self.n_blocks, -1) for array in arrays], axis=1
        )

    def join(self, blocks):
        """The inverse of ``split``."""
        parts = []
        for shape, start, stop in zip(self.shapes, self.edges[:-1], self.edges[1:], strict=True):
            moved = [shape[axis] for axis in self.order]
            part = blocks[:, start:stop].reshape(moved)
            parts.append(part.transpose(np.argsort(self.order)))
        return parts


def block_matrices(discretization, jacobian, layout):
    """Blocks of the Jacobian, (n_blocks, width, width)."""
    if not layout.plain:
        return jacobian.dense()[None]
    (equation,), (space,) = discretization.pde.equations, discretization.spaces.values()
    total = np.zeros((layout.n_blocks, layout.width, layout.width))
    for (_, orders), number in equation.constant.items():
        matrices = [axis.matrix(order) for axis, order in zip(space.axes, orders, strict=True)]
        plain, block = np.ones(1), np.eye(1)
        for axis in layout.plain:
            plain = np.outer(plain, matrices[axis]).ravel()
        for axis in layout.coupled:
            matrix = matrices[axis]
            block = np.kron(block, np.diag(matrix) if matrix.ndim == 1 else matrix)
        total += number * plain[:, None, None] * block
    return total


class BlockPosterior:
    """Coefficients with independent priors, given noisy linear observations block by block.

    Parameters
    ----------
    matrices : array of shape (n_blocks, m, m)
    target : array of shape (n_blocks, m)
    noise : array of shape (m,)
        Variance of the noise of the rows of every block.
    variances : array of shape (n_blocks, m)
        Of the prior; may be zero.

    Attributes
    ----------
    mean : array of shape (n_blocks, m)
    spread : array of shape (n_blocks, m, m)
        W of the covariance WᵀW.
    log_evidence : float
    """

    def __init__(self, matrices, target, noise, variances):
        n_blocks, m = target.shape
        if m == 1:
            d, v = matrices[:, 0, 0], noise[0]
            total = d**2 * variances[:, 0] + v
            self.mean = d[:, None] * variances * target / total[:, None]
            self.spread = np.sqrt(variances * v / total[:, None])[:, :, None]
            squares = target[:, 0] ** 2 / total + np.log(total) + np.log(2 * np.pi)
            self.log_evidence = -0.5 * float(np.sum(squares))
            return
        self.mean, self.spread = np.empty((n_blocks, m)), np.empty((n_blocks, m, m))
        self.log_evidence = -0.5 * n_blocks * float(np.sum(np.log(noise)))
        sd, none = np.sqrt(noise), np.zeros(1)
        for i in range(n_blocks):
            rows = Observations([Group(matrices[i] / sd[:, None], target[i] / sd)])
            with np.errstate(divide="ignore"):
                solved = rows.solve(np.log(variances[i]), none)
            self.mean[i] = solved.root * solved.weights
            self.spread[i] = solve_triangular(solved.triangle, np.diag(solved.root), trans="T")
            self.log_evidence += rows.log_evidence(solved, none)


class FieldCovariance:
    """Posterior covariance of one field, from the spreads of its coefficients.

    Parameters
    ----------
    axes : sequence of Axis
    layout : Layout
    spread : array of shape (n_blocks, n_rows, m)
    """

    def __init__(self, axes, layout, spread):
        self.axes, self._layout, self._spread = axes, layout, spread

    def tables(self, columns):
        """Functions of each axis at its own column of coordinates."""
        return [
            axis.factor.features(x) @ axis.basis for axis, x in zip(self.axes, columns, strict=True)
        ]

    def _by_block(self, tables):
        """Variance within each block at rows of the coupled axes' tables, (n_blocks, n)."""
        rows = row_products([tables[axis] for axis in self._layout.coupled])
        n_blocks, n_rows, m = self._spread.shape
        values = self._spread.reshape(-1, m) @ rows.T
        return np.sum(values.reshape(n_blocks, n_rows, -1) ** 2, axis=1)

    def variance(self, X):
        """Variance at points, (n,)."""
        layout, result = self._layout, np.empty(len(X))
        for part in self._chunks(len(X)):
            tables = self.tables(X[part].T)
            squares = [tables[axis] ** 2 for axis in layout.plain]
            if not layout.coupled:
                result[part] = contract(squares, self._spread.reshape(layout.plain_shape) ** 2)
                continue
            inner = self._by_block(tables)
            outer = row_products(squares) if squares else 1.0
            result[part] = np.sum(inner.T * outer, axis=1)
        return result

    def _chunks(self, n):
        step = max(1, _CHUNK // (self._spread.shape[0] * self._spread.shape[1]))
        return [slice(start, min(start + step, n)) for start in range(0, n, step)]

    def variance_grid(self, coordinates):
        """Variance on a grid; along plain axes through squares of their tables alone."""
        layout, tables = self._layout, self.tables(coordinates)
        squares = [tables[axis] ** 2 for axis in layout.plain]
        if not layout.coupled:
            return apply_along_axes(squares, self._spread.reshape(layout.plain_shape) ** 2)
        shape = tuple(len(coordinates[axis]) for axis in layout.coupled)
        n = int(np.prod(shape))
        inner = np.empty((layout.n_blocks, n))
        for part in self._chunks(n):
            index = np.unravel_index(np.arange(part.start, part.stop), shape)
            rows = dict(zip(layout.coupled, index, strict=True))
            inner[:, part] = self._by_block({axis: tables[axis][i] for axis, i in rows.items()})
        result = apply_along_axes([*squares, None], inner.reshape(*layout.plain_shape, n))
        result = result.reshape(*result.shape[:-1], *shape)
        return result.transpose(np.argsort(layout.order))

    def covariance(self, X):
        """Covariance matrix at points, (n, n)."""
        layout, tables, n = self._layout, self.tables(X.T), len(X)
        ones = np.ones((n, 1))
        coupled = row_products([ones, *(tables[axis] for axis in layout.coupled)])
        plain = row_products([ones, *(tables[axis] for axis in layout.plain)])
        total = np.zeros((n, n))
        n_rows = self._spread.shape[1]
        step = max(1, _CHUNK // (n * n_rows))
        for start in range(0, layout.n_blocks, step):
            spread = self._spread[start : start + step]
            root = (spread @ coupled.T) * plain.T[start : start + step, None]
            root = root.reshape(-1, n)
            total += root.T @ root
        return total

    def draw(self, noise):
        """Coefficients in blocks, of covariance WᵀW, from standard noise (n_blocks, n_rows)."""
        return np.einsum("brm,br->bm", self._spread, noise)

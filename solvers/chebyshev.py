"""Chebyshev collocation on tensor grids, for anything the language of kernlab.pde says."""

# References: L. N. Trefethen, *Spectral Methods in MATLAB*, SIAM 2000; J. P. Berrut,
# L. N. Trefethen, "Barycentric Lagrange interpolation", SIAM Review 46 (2004); R. H. Bartels,
# G. W. Stewart, "Solution of the matrix equation AX + XB = C", CACM 15 (1972).

from functools import reduce

import numpy as np
from scipy.linalg import get_lapack_funcs, lu_factor, lu_solve, schur
from scipy.sparse.linalg import LinearOperator, gmres

from solvers.newton import Reference, newton, single_equation

#: Above this many unknowns a dense Jacobian is no longer formed.
MAX_DENSE = 2500


def chebyshev_points(low, high, n):
    """The n Chebyshev-Lobatto points of an interval, ascending, with differentiation matrix.

    Parameters
    ----------
    low, high : float
    n : int
        At least 2.

    Returns
    -------
    points : ndarray of shape (n,)
    D : ndarray of shape (n, n)
        Values at the points to values of the interpolant's derivative there.
    """
    angles = np.pi * np.arange(n) / (n - 1)
    signs = np.where(np.arange(n) % 2, -1.0, 1.0)
    signs[[0, -1]] *= 2
    # cos b - cos a as a product of sines keeps its digits where the points are close.
    gaps = (
        2 * np.sin(np.add.outer(angles, angles) / 2) * np.sin(np.subtract.outer(angles, angles) / 2)
    )
    np.fill_diagonal(gaps, 1.0)
    D = np.divide.outer(signs, signs) / gaps
    np.fill_diagonal(D, 0.0)
    # A constant has derivative zero.
    np.fill_diagonal(D, -D.sum(axis=1))
    half = (high - low) / 2
    points = low + half * (1 - np.cos(angles))
    points[-1] = high
    return points, D / half


def barycentric(points, x):
    """Matrix from values at Chebyshev-Lobatto points to those of the interpolant at x."""
    weights = np.where(np.arange(len(points)) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2
    gaps = np.subtract.outer(np.asarray(x, dtype=float), points)
    at_point = gaps == 0
    gaps[at_point] = 1.0
    matrix = weights / gaps
    matrix /= matrix.sum(axis=1, keepdims=True)
    hit = at_point.any(axis=1)
    matrix[hit] = at_point[hit]
    return matrix


class _Axis:
    """Points along one axis, and the conditions there as a way to eliminate unknowns.

    The conditions are C u = g with C of shape (m, n). ``extend`` (n, n - m) takes the values at the
    kept points to all values with C extend = 0, and ``lift`` (n, m) is zero at the kept points with
    C lift = I: u = extend @ kept + lift @ g.
    """

    def __init__(self, low, high, n, conditions, order):
        self.points, D = chebyshev_points(low, high, n)
        self.D = [np.eye(n), D, D @ D][: order + 1]
        rows, dropped = [], []
        self.data = []
        if conditions.periodic:
            for k in range(order):
                rows.append(self.D[k][0] - self.D[k][-1])
                dropped.append(-k % n)
                self.data.append((None, None))
        else:
            for row, step, found in ((0, 1, conditions.low), (-1, -1, conditions.high)):
                for i, condition in enumerate(found):
                    rows.append(condition.alpha * self.D[0][row] + condition.beta * D[row])
                    dropped.append((row + step * i) % n)
                    self.data.append((self.points[row], condition.g))
        self.C = np.array(rows).reshape(len(rows), n)
        m = len(rows)
        self.kept = np.setdiff1d(np.arange(n), dropped)
        # The equation is left out at both ends wherever the two conditions are: with value and
        # rate at the start, leaving it out at the first two points costs five digits.
        self.inner = np.setdiff1d(np.arange(n), [0, n - 1] if m == 2 else dropped)
        self.lift, self.extend = np.zeros((n, m)), np.zeros((n, n - m))
        self.extend[self.kept, np.arange(n - m)] = 1.0
        if m:
            self.lift[dropped] = np.linalg.inv(self.C[:, dropped])
            self.extend[dropped] = -self.lift[dropped] @ self.C[:, self.kept]

    def boundary_values(self, axis, points):
        """What the conditions ask for, with the conditions along ``axis``."""
        shape = np.broadcast_shapes(*(p.shape for p in points))
        shape = (*shape[:axis], 1, *shape[axis + 1 :])
        values = []
        for place, g in self.data:
            here = list(points)
            if g is None:
                values.append(np.zeros(shape))
                continue
            here[axis] = np.full_like(points[axis], place, shape=(1,) * len(points))
            values.append(np.broadcast_to(np.asarray(g(*here), dtype=float), shape))
        return np.concatenate(values, axis) if values else None


def sylvester(A, B, Q):
    """A function that solves A W Qᵀ + W Bᵀ = R for W.

    By Bartels and Stewart where Q is the identity; else with a Schur form of A alone, and one
    system in B and Q for each of its columns.
    """
    S, U = schur(A, output="complex")
    if np.array_equal(Q, np.eye(len(Q))):
        T, V = schur(B.T, output="complex")
        (trsyl,) = get_lapack_funcs(("trsyl",), (S, T))

        def solve(R):
            W, factor, _ = trsyl(S, T, U.conj().T @ R @ V)
            return (U @ W @ V.conj().T).real / factor

        return solve
    factors = [lu_factor(s * Q + B, check_finite=False) for s in np.diag(S)]

    def march(R):
        R = U.conj().T @ R
        W = np.zeros_like(R)
        for i in reversed(range(len(S))):
            W[i] = lu_solve(factors[i], R[i] - Q @ (S[i, i + 1 :] @ W[i + 1 :]))
        return (U @ W).real

    return march


def _along(matrix, values, axis):
    """A matrix applied along one axis of an array."""
    return np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)


class _Collocation:
    """The equation at the inner points as a function of the kept values, for `newton`."""

    def __init__(self, pde, shape):
        self.equation, field = single_equation(pde)
        self.is_linear = self.equation.is_linear
        d = len(pde.box)
        if len(shape) != d:
            raise ValueError(f"shape has one number of points per axis, {d}; got {shape!r}.")
        orders = self.equation.orders(field)
        for k, n in enumerate(shape):
            if n < orders[k] + 2:
                raise ValueError(f"shape holds at least {orders[k] + 2} points along axis {k}.")
        self.axes = [
            _Axis(low, high, n, pde.conditions[field, k], orders[k])
            for k, (low, high, n) in enumerate(zip(pde.box.low, pde.box.high, shape, strict=True))
        ]
        self.points = tuple(np.ix_(*(axis.points for axis in self.axes)))
        self.inner = tuple(np.ix_(*(axis.points[axis.inner] for axis in self.axes)))
        self.shape = tuple(len(axis.kept) for axis in self.axes)
        self.lifted = self._lift()
        # Of every jet: one matrix per axis, from kept values to values at inner points.
        self.factors = {
            jet: [(a.D[k] @ a.extend)[a.inner] for a, k in zip(self.axes, jet[1], strict=True)]
            for jet in self.equation.jets
        }

    def _lift(self):
        """Some values that satisfy all conditions; in a corner these are to agree."""
        values = np.zeros([len(axis.points) for axis in self.axes])
        for k, axis in enumerate(self.axes):
            data = axis.boundary_values(k, self.points)
            if data is not None:
                values = values + _along(axis.lift, data - _along(axis.C, values, k), k)
        return values

    def full(self, kept):
        """Values at all points."""
        for k, axis in enumerate(self.axes):
            kept = _along(axis.extend, kept, k)
        return self.lifted + kept

    def residual(self, kept):
        """Derivatives at the inner points, and the residual there."""
        values = self.full(kept)
        found = {}
        for jet in self.equation.jets:
            here = values
            for k, axis in enumerate(self.axes):
                here = _along(axis.D[jet[1][k]][axis.inner], here, k)
            found[jet] = here
        residual = self.equation.residual(found, self.inner)
        return found, np.broadcast_to(residual, self.shape)

    def solver(self, jets):
        """A function that applies the inverse of the Jacobian to an array of kept values."""
        partials = self.equation.partials(jets, self.inner)
        mixed = any(np.count_nonzero(jet[1]) > 1 for jet in partials)
        constant = all(np.ndim(p) == 0 or np.ptp(p) == 0 for p in partials.values())
        separable = constant and not mixed and len(self.shape) == 2
        if separable:
            return self._sylvester(partials)
        if np.prod(self.shape) <= MAX_DENSE:
            factors = lu_factor(self._dense(partials), overwrite_a=True, check_finite=False)
            return lambda r: lu_solve(factors, r.ravel()).reshape(self.shape)
        if len(self.shape) != 2:
            raise ValueError(
                f"in {len(self.shape)} dimensions at most {MAX_DENSE} unknowns; got "
                f"{np.prod(self.shape)}."
            )
        return self._krylov(partials)

    def _dense(self, partials):
        size = int(np.prod(self.shape))
        total = np.zeros((size, size))
        for jet, partial in partials.items():
            column = np.broadcast_to(partial, self.shape).reshape(-1, 1)
            total += column * reduce(np.kron, self.factors[jet])
        return total

    def _sylvester(self, partials):
        """Inverse of the part A W Qᵀ + P W Bᵀ, its coefficients averaged."""
        sides = [np.zeros((n, n)) for n in self.shape]
        for jet, partial in partials.items():
            if np.count_nonzero(jet[1]) < 2:
                # The plain u counts as a term of the first axis.
                side = int(jet[1][1] > 0)
                sides[side] += np.mean(partial) * self.factors[jet][side]
        P, Q = (axis.extend[axis.inner] for axis in self.axes)
        if np.array_equal(P, np.eye(len(P))):
            return sylvester(sides[0], sides[1], Q)
        if np.array_equal(Q, np.eye(len(Q))):
            turned = sylvester(sides[1], sides[0], P)
            return lambda r: turned(r.T).T
        raise ValueError("value and rate at the first end of both axes leave nothing to solve by.")

    def _krylov(self, partials):
        """GMRES, preconditioned by the operator with averaged coefficients."""
        size = int(np.prod(self.shape))
        inverse = self._sylvester(partials)

        def product(vector):
            values = vector.reshape(self.shape)
            total = np.zeros(self.shape)
            for jet, partial in partials.items():
                here = values
                for k, matrix in enumerate(self.factors[jet]):
                    here = _along(matrix, here, k)
                total += partial * here
            return total

        # Preconditioned on the left: the residual that GMRES measures is then an error.
        operator = LinearOperator(
            (size, size), matvec=lambda v: inverse(product(v)).ravel(), dtype=float
        )

        def solve(r):
            solution, _ = gmres(operator, inverse(r).ravel(), rtol=1e-13, restart=80, maxiter=3)
            return solution.reshape(self.shape)

        return solve


def chebyshev(pde, shape):
    """Solve by collocation at Chebyshev-Lobatto points, with Newton's method.

    Linear equations with constant coefficients in two dimensions go to Bartels and Stewart's
    method, others to dense elimination up to 2,500 unknowns, and in two dimensions beyond that to
    GMRES, preconditioned by the operator with averaged coefficients.

    Parameters
    ----------
    pde : kernlab.pde.PDE
        One equation of order at most 2 for one field.
    shape : int or tuple of int
        Points along each axis, ends included.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        For several equations or fields, unknown parameters, a shape that does not fit, and more
        than 2,500 unknowns in three dimensions.

    Notes
    -----
    Cost O(Σn³) in the points n along each axis for a constant operator in two dimensions, O(N³) in
    all unknowns N otherwise. With too few points the error is large, and nothing says so but a
    solution with more.

    Examples
    --------
    >>> import solvers
    >>> from solvers.reference import chebyshev
    >>> problem = solvers.find("u1")
    >>> few, enough = (chebyshev(problem.pde, n) for n in (150, 400))
    >>> solvers.error(problem, few.predict) > 1
    True
    >>> solvers.error(problem, enough.predict) < 1e-9
    True
    """
    system = _Collocation(pde, (shape,) if np.ndim(shape) == 0 else tuple(shape))
    kept, residual, converged, n_iter = newton(system)
    values = system.full(kept)
    points = [axis.points for axis in system.axes]

    def predict(X):
        X = np.asarray(X, dtype=float)
        rows = [barycentric(p, x) for p, x in zip(points, X.T, strict=True)]
        total = rows[0] @ values.reshape(len(points[0]), -1)
        for matrix in rows[1:]:
            total = np.einsum("ij,ijk->ik", matrix, total.reshape(*matrix.shape, -1))
        return total.reshape(len(X))

    return Reference(predict, int(np.prod(system.shape)), residual, converged, n_iter)

"""One axis of a box: functions that satisfy its conditions, and what they are tested with.

A factor offers raw features (`_legendre`, `_fourier`, `_band`). An axis combines them into
functions that satisfy homogeneous conditions at the ends, as many as are left, and into a few that
carry the data of the conditions (the lift). Where the second derivative is self-adjoint (one
condition at each end, or a period) the combinations are its eigenfunctions and are tested with
themselves, Galerkin's method; elsewhere (conditions at one end, as in time) the tests satisfy the
dual conditions at the other end.
"""

# Reference: Shen, Tang and Wang, Spectral Methods (2011), chapters 3 and 4.

import copy
import functools

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp


class Axis:
    """The functions of one coordinate.

    Parameters
    ----------
    factor : object with the features
        See ``Legendre``.
    conditions : sequence of (end, alpha, beta)
        Functionals alpha u + beta u' at ``end``, 'low' or 'high'.
    diagonalise : bool, default=True
        Whether to use eigenfunctions where there are any. Alone on its axis a function is better
        off with the short combinations: rounding of the eigenfunctions of high frequency would
        leak into the smooth ones, which the inverse amplifies.
    orthogonal_lift : bool, default=False
        Make the lift of eigenfunctions orthogonal to them, instead of low degree. Data that vary
        in time then enter by the second derivative along this axis alone, and are not
        differentiated in time, which would cost N³ of their digits.
    by_rate : bool, default=True
        Whether a start with value and rate is met as a system of first order: see ``_second``.

    Attributes
    ----------
    basis : array of shape (n_raw, n)
        Raw coefficients of the ``n`` functions.
    lift : array of shape (n_raw, n_conditions)
        Raw coefficients of functions of low degree whose i-th functional is one, the others zero.
    rows : array of shape (n_conditions, n_raw)
        The functionals.
    modes : array of shape (n,), or None
        Where the second derivative is self-adjoint: minus its eigenvalues, ascending.
    """

    def __init__(
        self, factor, conditions, *, diagonalise=True, orthogonal_lift=False, by_rate=True
    ):
        self.factor = factor
        self.rows = np.array(
            [
                alpha * factor.endpoint(end, 0) + (beta * factor.endpoint(end, 1) if beta else 0.0)
                for end, alpha, beta in conditions
            ]
        ).reshape(len(conditions), factor.n_features)
        self.lift = _lift(factor, self.rows)
        ends = sorted(end for end, _, _ in conditions)
        is_symmetric = ends == ["high", "low"] or (not conditions and factor.is_periodic)
        strong = self.rows
        self.rate = None
        if by_rate and ends == ["low", "low"] and factor.is_polynomial:
            # The second condition is met through the rate: see ``_second``.
            strong, self.rate = self.rows[:1], self.rows[1]
        first = conditions[0] if conditions else ("low", 0.0, 0.0)
        self._is_integral = bool(
            len(strong) == 1 and factor.is_polynomial and first[1] and not first[2]
        )
        if is_symmetric and diagonalise:
            self.modes, self.basis = _eigenfunctions(factor, strong)
        elif self._is_integral:
            self.modes, self.basis = None, _integrals(factor, first[0])
        else:
            self.modes, self.basis = None, _null_space(factor, strong)
        if is_symmetric:
            self.tests = self.basis
        elif self._is_integral or not conditions:
            self.tests = np.eye(factor.n_features)[:, : factor.n_features - len(strong)]
        else:
            self.tests = _dual_tests(factor, conditions)
        self.n = self.basis.shape[1]
        self._matrices: dict = {}
        self._crossed: dict = {}
        if factor.is_polynomial and self.modes is None and self.n > 0:
            # Known to be diagonal: what rounding would leave beside the diagonal is not small for
            # the columns of high degree.
            if self._is_integral:
                self._matrices[1] = np.ones(self.n)
            elif len(conditions) == 2:
                self._matrices[2] = -_stiffness(factor, self.tests, self.basis)
            elif len(conditions) == 1:
                self._matrices[1] = _slope(factor, self.tests, self.basis)
        self._values: dict = {}
        self._coupling = None
        if self.modes is not None and len(self.rows):
            # By parts: of a raw function the conditions' values, times these, are what its second
            # derivative has against the tests beyond -modes; found on functions of low degree.
            slope = self.tests.T @ factor.differentiate(self.lift, 2)
            self._coupling = slope + self.modes[:, None] * (self.tests.T @ self.lift)
        self._has_orthogonal_lift = orthogonal_lift and self._coupling is not None
        if self._has_orthogonal_lift:
            self.lift = self.least_lift

    def moved(self, factor):
        """The same axis elsewhere: its factor differs by a shift."""
        moved = copy.copy(self)
        moved.factor, moved._crossed = factor, {}
        return moved

    @property
    def nodes(self):
        return self.factor.nodes

    def matrix(self, order, other=None):
        """Tests against derivatives of the functions, (n, n); one-dimensional where diagonal.

        The tests are those of the axis ``other`` where it is given.
        """
        if other is not None and other is not self:
            key = (order, id(other))
            if key not in self._crossed:
                self._crossed[key] = other.tests.T @ self._derivative(order)
            return self._crossed[key]
        if order not in self._matrices:
            if self.modes is not None and order == 2:
                matrix = -self.modes
            elif self.modes is not None and order == 0:
                matrix = np.ones(self.n)
            else:
                matrix = self.tests.T @ self._derivative(order)
            self._matrices[order] = matrix
        return self._matrices[order]

    def _derivative(self, order):
        """Raw coefficients of derivatives of the functions, (n_raw, n)."""
        if self._is_integral and order:
            derivative = self.factor.gram(order - 1)[:, : self.n]
        else:
            derivative = self.factor.gram(order) @ self.basis
        return derivative if order < 2 or self.rate is None else derivative - self._second()

    def _second(self):
        """What a second derivative after a start with value and rate has less than its own, raw.

        With Q the last polynomial, one at the start, v = u' - (u'(0) - v_0) Q starts with the rate
        v_0 and equals u' as far as the tests see; the second derivative is v'. So u'' = f is the
        system u' = v, v' = f by Gauss's collocation, which neither damps nor amplifies waves, were
        they too quick for the features: with both conditions in the functions they would grow.
        """
        last = np.zeros(self.factor.n_features)
        last[-1] = 1 / self.factor.endpoint("low")[-1]
        return np.outer(self.factor.gram(1) @ last, self.rate @ self.basis)

    @property
    def rate_at_end(self):
        """What the rate of the functions, as said there, is at the other end, (n,)."""
        # The functions are integrals of the features, but the last.
        low, high = (self.factor.endpoint(end)[: self.n] for end in ("low", "high"))
        last = [self.factor.endpoint(end)[-1] for end in ("low", "high")]
        return high - last[1] / last[0] * low

    def integrals(self, raw, order, other=None):
        """Tests against a derivative of functions in raw coefficients, (n, n_functions).

        The tests are those of the axis ``other`` where it is given.
        """
        if (other is None or other is self) and self._coupling is not None and order == 2:
            return self._coupling @ (self.rows @ raw) - self.modes[:, None] * (self.tests.T @ raw)
        tests = self.tests if other is None else other.tests
        return tests.T @ self.factor.differentiate(raw, order)

    def lift_integrals(self, order, other=None):
        """The same of the lift, (n, n_conditions)."""
        if (other is None or other is self) and self._has_orthogonal_lift and order in (0, 2):
            return self._coupling if order else np.zeros_like(self._coupling)
        return self.integrals(self.lift, order, other)

    def values(self, order):
        """Derivatives of the functions at the nodes, (n_nodes, n)."""
        if order not in self._values:
            if self._is_integral and order:
                values = self.factor.at_nodes(order - 1)[:, : self.n]
            else:
                values = self.factor.at_nodes(order) @ self.basis
            if order == 2 and self.rate is not None:
                values = values - self.factor.at_nodes(0) @ self._second()
            self._values[order] = values
        return self._values[order]

    @functools.cached_property
    def least_lift(self):
        """Least raw coefficients whose i-th functional is one, the others zero, as ``lift``."""
        return _right_inverse(self.rows)

    @property
    def inverse_basis(self):
        """From raw coefficients to those of the functions, by least squares, (n, n_raw)."""
        if self.modes is not None:
            return self.basis.T
        return sl.solve(self.basis.T @ self.basis, self.basis.T, assume_a="pos")

    @functools.cached_property
    def analysis(self):
        """From values at the nodes to integrals against the tests, (n, n_nodes)."""
        return self.tests.T @ self.projection

    @functools.cached_property
    def projection(self):
        """From values at the nodes to raw coefficients, (n_raw, n_nodes)."""
        return self.factor.projection


def _lift(factor, rows):
    """Combinations of 1, t, t² ... with unit functionals, in raw coefficients."""
    n_conditions = len(rows)
    if n_conditions == 0:
        return np.zeros((factor.n_features, 0))
    powers = factor.polynomials(n_conditions + 1)
    return powers @ _right_inverse(rows @ powers)


def _right_inverse(rows):
    """The pseudoinverse of independent rows of whatever sizes, as values and slopes have."""
    sizes = np.linalg.norm(rows, axis=1)
    return np.linalg.pinv(rows / sizes[:, None]) / sizes


def _null_space(factor, rows):
    """Combinations of neighbouring features on which all functionals vanish, all there are."""
    n_conditions, n_raw = rows.shape
    if n_conditions == 0:
        return np.eye(n_raw)
    if not factor.is_polynomial:
        return sl.null_space(rows)
    return _short_combinations(rows).toarray()


def _integrals(factor, end):
    """Integrals of the polynomials but the last from an end on, which vanish there.

    Their derivatives are the tests: of an equation of first order, the matrix of its highest
    derivative is one, and rates are as exact as values.
    """
    n = factor.n_features
    k = np.arange(n - 1)
    norms = factor.endpoint("high")
    basis = np.zeros((n, n - 1))
    share = factor.half * norms[:-1] / (2 * k + 1)
    basis[k + 1, k] = share / norms[1:]
    basis[k[1:] - 1, k[1:]] = -share[1:] / norms[:-2]
    basis[0, 0] = factor.half if end == "low" else -factor.half
    return basis


def _short_combinations(rows):
    """Column k combines polynomials k ... k + n_conditions, as Shen's bases do; sparse."""
    n_conditions, n_raw = rows.shape
    n = n_raw - n_conditions
    windows = np.lib.stride_tricks.sliding_window_view(rows, n_conditions + 1, axis=1)
    blocks = np.moveaxis(windows, 1, 0)[:n]
    blocks = blocks / np.maximum(np.max(np.abs(blocks), axis=2, keepdims=True), 1e-300)
    null = np.linalg.svd(blocks)[2][:, -1]
    k = np.repeat(np.arange(n), n_conditions + 1)
    j = k + np.tile(np.arange(n_conditions + 1), n)
    return sp.csr_array((null.ravel(), (j, k)), shape=(n_raw, n))


def _eigenfunctions(factor, rows):
    """Eigenvalues of minus the second derivative under the conditions, and eigenfunctions."""
    if factor.is_periodic:
        return factor.frequencies**2, np.eye(factor.n_features)
    if not factor.is_polynomial:
        combined = sl.null_space(rows)
        stiffness = -combined.T @ factor.gram(2) @ combined
        modes, vectors = sl.eigh((stiffness + stiffness.T) / 2)
        return modes, combined @ vectors
    return _polynomial_eigenfunctions(factor, rows)


def _polynomial_eigenfunctions(factor, rows):
    """In Shen's basis minus the second derivative is diagonal and the mass has five bands.

    The eigenvalues wanted are those of the inverse operator, which is bounded: the smooth modes are
    right to rounding, while the second derivative itself would lose N⁴ of it.
    """
    combined = _short_combinations(rows)
    n = combined.shape[1]
    stiffness = _stiffness(factor, combined, combined)
    mass = (combined.T @ combined).tocsr()
    if np.min(stiffness) > 1e-12 * np.max(stiffness):
        scale = 1 / np.sqrt(stiffness)
        bands = [mass.diagonal(d) * scale[: n - d] * scale[d:] for d in range(min(3, n))]
        inverse, vectors = _eigh_five_bands(bands)
        vectors = vectors * scale[:, None]
        # Unit functions: the mass of a vector is its inverse eigenvalue, K being one.
        order = np.argsort(-inverse)
        modes = 1 / inverse[order]
        return modes, combined @ (vectors[:, order] * np.sqrt(modes))
    # A mode without stiffness (a constant between Neumann ends), or negative (Robin): shifted.
    shift = 1 / factor.half**2 + 2 * max(0.0, -float(np.min(stiffness))) * n**2
    M = mass.toarray()
    inverse, vectors = sl.eigh(M, np.diag(stiffness) + shift * M)
    order = np.argsort(-inverse)
    modes = 1 / inverse[order] - shift
    return modes, combined @ (vectors[:, order] / np.sqrt(inverse[order]))


def _dual_tests(factor, conditions):
    """Tests that vanish, as do as many of their derivatives, at the end without conditions.

    By parts the highest derivative then stands on either side, and is diagonal: a function is
    orthogonal to all polynomials of lower degree, and so is a test.
    """
    (end, *_), *_ = conditions
    other = "low" if end == "high" else "high"
    rows = np.array([factor.endpoint(other, order) for order in range(len(conditions))])
    return _short_combinations(rows).toarray()


def _slope(factor, tests, combined):
    """The derivative of combinations of two polynomials against such tests, a diagonal."""
    k = np.arange(combined.shape[1], dtype=float)
    rise = 2 * np.sqrt((k + 0.5) * (k + 1.5)) / factor.half
    return tests.diagonal(0) * combined.diagonal(-1) * rise


def _stiffness(factor, tests, combined):
    """Minus the second derivative of combinations of three, a diagonal."""
    k = np.arange(combined.shape[1], dtype=float)
    # (phi_k'', psi_k) involves the coefficient on P_{k+2} alone: P''_{k+1} has no P_k in it.
    rise = np.sqrt((k + 0.5) * (k + 2.5)) * ((k + 2) * (k + 3) - k * (k + 1)) / factor.half**2
    return -tests.diagonal(0) * combined.diagonal(-2) * rise


def _eigh_five_bands(bands):
    """Eigenpairs of a symmetric matrix with bands 0, 1, 2; two tridiagonals without band 1."""
    n = len(bands[0])
    if n < 3:
        return sl.eigh(
            sum(np.diag(b, -d) + (np.diag(b, d) if d else 0) for d, b in enumerate(bands))
        )
    if np.max(np.abs(bands[1])) > 1e-14 * np.max(np.abs(bands[0])):
        lower = np.zeros((3, n))
        for d, band in enumerate(bands):
            lower[d, : n - d] = band
        return sl.eig_banded(lower, lower=True)
    values, vectors = np.empty(n), np.zeros((n, n))
    start = 0
    for parity in (0, 1):
        own = slice(parity, None, 2)
        value, vector = sl.eigh_tridiagonal(bands[0][own], bands[2][own])
        values[start : start + len(value)] = value
        vectors[own, start : start + len(value)] = vector
        start += len(value)
    return values, vectors

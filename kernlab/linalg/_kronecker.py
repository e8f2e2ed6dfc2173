"""Kronecker products and sums applied to, and solved for, arrays with one axis per factor."""

# References: Lynch, Rice and Thomas, Direct solution of partial difference equations by tensor
# product methods, Numer. Math. 6 (1964); Bartels and Stewart, CACM 15 (1972).

import functools

import numpy as np
import scipy.linalg as sl

from kernlab._core.extras import import_extra
from kernlab._core.namespace import namespace_of

# The smallest singular value of eigenvectors, relative to the largest, that preconditioning bears.
_SKEW = 1e-6
# What rounding leaves beside the diagonal of the Schur form of a normal matrix.
_NORMAL = 1e-14


def apply_along_axes(matrices, array, *, device=None):
    """Multiply each axis of an array by its matrix: (A_1 x A_2 x ...) vec(array), reshaped.

    Parameters
    ----------
    matrices : sequence of arrays of shape (m_d, n_d), or None for the identity
    array : array of shape (n_1, ..., n_D)
    device : str or None, default=None
        Form the products with torch on this device; they come back to NumPy.

    Returns
    -------
    product : array of shape (m_1, ..., m_D)

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.linalg import apply_along_axes
    >>> A, B, U = np.ones((1, 2)), np.eye(3), np.arange(6.0).reshape(2, 3)
    >>> apply_along_axes([A, B], U)
    array([[3., 5., 7.]])
    """
    if device is not None:
        torch = import_extra("torch", extra="gp", purpose="backend='torch'")

        def moved(values):
            return torch.as_tensor(np.require(values, requirements=("C", "W")), device=device)

        array, matrices = moved(array), [None if m is None else moved(m) for m in matrices]
    xp = namespace_of(array)
    for axis, matrix in enumerate(matrices):
        if matrix is None:
            continue
        front = xp.moveaxis(array, axis, 0)
        rest = front.shape[1:]
        product = matrix @ xp.reshape(front, (front.shape[0], -1))
        array = xp.moveaxis(xp.reshape(product, (product.shape[0], *rest)), 0, axis)
    return array if device is None else array.cpu().numpy()


class KroneckerSum:
    """The operator sum_d M_1 x ... A_d ... x M_D, with solutions at the cost of its factors.

    A factor whose A and M are both diagonal stays as it is; any other is brought to triangular
    form by one Schur decomposition, at 25 n_d³ operations, and a solve then substitutes backwards
    along it. With diagonal factors alone a solve is one division; with one or two triangular
    factors it is the Bartels-Stewart algorithm.

    Parameters
    ----------
    factors : sequence of pairs (A_d, M_d)
        One-dimensional arrays stand for diagonal matrices; ``M_d=None`` for the identity.
    approximate : bool, default=False
        Bring factors to diagonal form by their eigenvectors where these are not too skew, which
        costs six of the digits at most: good enough to precondition, and quick for several
        factors that are not diagonal.

    Attributes
    ----------
    smallest : float
        The smallest modulus of an eigenvalue, relative to the largest: zero, or rounding, for a
        singular operator.
    inverse_norm : float
        One over the smallest modulus of an eigenvalue.
    is_diagonal : bool
        Whether all factors are.
    """

    def __init__(self, factors, *, approximate=False):
        self._forms = [_TriangularForm(A, M, approximate) for A, M in factors]
        self.shape = tuple(form.n for form in self._forms)
        eigenvalues = _outer_sum([form.ratio for form in self._forms])
        smallest, largest = _extreme_moduli(eigenvalues)
        self.smallest = smallest / largest if largest else 0.0
        self.inverse_norm = 1 / smallest if smallest else np.inf
        # Which is all a solve needs where every factor is diagonal.
        self.is_diagonal = all(form.is_diagonal for form in self._forms)
        self._eigenvalues = eigenvalues if self.is_diagonal else None

    @functools.cached_property
    def cancellation(self):
        """The eigenvalue nearest zero: its index, and the sum of its terms' moduli over its own."""
        eigenvalues = _outer_sum([form.ratio for form in self._forms])
        with np.errstate(invalid="ignore"):
            index = np.unravel_index(np.nanargmin(np.abs(eigenvalues)), self.shape)
        terms = [form.ratio[i] for form, i in zip(self._forms, index, strict=True)]
        total = abs(eigenvalues[index])
        return index, float(sum(map(abs, terms)) / total) if total else np.inf

    def solve(self, right):
        """The array X with sum_d (M_1 x ... A_d ... x M_D) X = right."""
        if self.is_diagonal:
            mass = [form.mass for form in self._forms]
            return _divide(right, self._eigenvalues, mass)
        real = np.isrealobj(right) and all(form.is_real for form in self._forms)
        right = apply_along_axes([form.left for form in self._forms], right)
        if len(self._forms) == 2 and all(form.is_inverted for form in self._forms):
            first, second = self._forms
            solution = _solve_sylvester(first.mass, second.mass, right)
        else:
            pairs = [(form.stiffness, form.mass) for form in self._forms]
            solution = _substitute(pairs, right)
        solution = apply_along_axes([form.right for form in self._forms], solution)
        return np.ascontiguousarray(solution.real) if real else solution


class _TriangularForm:
    """One factor (A, M), as left A right and left M right, both diagonal or upper triangular."""

    def __init__(self, A, M, approximate):
        self.n = len(A)
        self.left = self.right = None
        # Whether A has become the identity, and M a triangle.
        self.is_inverted = False
        self.is_real = np.isrealobj(A) and (M is None or np.isrealobj(M))
        mass = np.ones(self.n) if M is None else M
        if A.ndim == 1 and mass.ndim == 1:
            self.is_diagonal, self.stiffness, self.mass = True, A, mass
            self.ratio = A / mass
            return
        self.is_diagonal = False
        has_unit_mass = mass.ndim == 1 and bool(np.all(mass == 1))
        A, mass = _full(A), _full(mass)
        # A⁻¹ M is the discretised inverse of a differential operator: bounded, unlike M⁻¹ A, so
        # its Schur form loses nothing of the smooth modes.
        inverse = _inverse_unless_singular(A)
        if approximate and self._diagonalise(A, mass, inverse):
            pass
        elif inverse is not None:
            triangle, Q = sl.schur(inverse @ mass, output="complex")
            self.left, self.right = Q.conj().T @ inverse, Q
            self.stiffness, self.mass = np.ones(self.n, dtype=complex), _thinned(triangle)
            self.is_inverted = self.mass.ndim == 2
        elif has_unit_mass:
            triangle, Q = sl.schur(A, output="complex")
            self.left, self.right = Q.conj().T, Q
            self.stiffness, self.mass = _thinned(triangle), np.ones(self.n, dtype=complex)
        else:
            self.stiffness, self.mass, Q, Z = sl.qz(A, mass, output="complex")
            self.left, self.right = Q.conj().T, Z
        if self.stiffness.ndim != self.mass.ndim:
            self.stiffness, self.mass = _full(self.stiffness), _full(self.mass)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.ratio = _diagonal(self.stiffness) / _diagonal(self.mass)

    def _diagonalise(self, A, mass, inverse):
        """By eigenvectors of A⁻¹M, or else M⁻¹A; False where they are too skew."""
        ones = np.ones(self.n, dtype=complex)
        by_inverse = inverse is not None
        if not by_inverse:
            inverse = _inverse_unless_singular(mass)
            if inverse is None:
                return False
        values, vectors = sl.eig(inverse @ (mass if by_inverse else A))
        sizes = np.linalg.svd(vectors, compute_uv=False)
        if sizes[-1] < _SKEW * sizes[0] or (by_inverse and not np.all(values)):
            return False
        self.left, self.right = np.linalg.solve(vectors, inverse), vectors
        self.stiffness, self.mass = (ones, values) if by_inverse else (values, ones)
        return True


def _full(form):
    return np.diag(form) if form.ndim == 1 else form


def _thinned(triangle):
    """The diagonal of a triangle where there is nothing else: that of a normal matrix."""
    diagonal = np.diag(triangle)
    beside = np.max(np.abs(triangle - np.diag(diagonal)), initial=0.0)
    return diagonal if beside <= _NORMAL * np.max(np.abs(diagonal)) else triangle


def _diagonal(form):
    return form if form.ndim == 1 else np.diag(form)


def _inverse_unless_singular(A):
    getrf, gecon, getri = sl.get_lapack_funcs(("getrf", "gecon", "getri"), (A,))
    lu, pivots, info = getrf(A)
    if info or gecon(lu, np.linalg.norm(A, 1))[0] < 1e-14:
        return None
    return getri(lu, pivots)[0]


def _outer_sum(vectors):
    total = vectors[0]
    for vector in vectors[1:]:
        total = total[..., None] + vector
    return total


def _extreme_moduli(values):
    if np.isrealobj(values):
        least, most = np.min(values), np.max(values)
        if least > 0 or most < 0:
            return float(min(abs(least), abs(most))), float(max(abs(least), abs(most)))
    moduli = np.abs(values)
    finite = moduli[np.isfinite(moduli)]
    return float(np.min(finite, initial=np.inf)), float(np.max(finite, initial=0.0))


def _divide(right, eigenvalues, masses):
    solution = right / eigenvalues
    for axis, mass in enumerate(masses):
        if np.any(mass != 1):
            solution = solution / mass.reshape((-1,) + (1,) * (solution.ndim - axis - 1))
    return solution


def _solve_sylvester(first, second, right):
    """X with first X + X secondᵀ = right, for upper triangles."""
    (trsyl,) = sl.get_lapack_funcs(("trsyl",), (first, second, right))
    solution, scale, _ = trsyl(first, second.conj(), right, tranb="C")
    return solution / scale


def _substitute(pairs, right):
    """Solve with factors (S_d, T_d) that are diagonals or upper triangles.

    The last triangular factor is undone row by row, from its last: row j of it leaves the sum
    T_jj (sum over the other factors) + S_jj (their masses), which is a sum of the same kind.
    """
    triangular = [d for d, (S, _) in enumerate(pairs) if S.ndim == 2]
    if not triangular:
        return _divide(right, _outer_sum([S / T for S, T in pairs]), [T for _, T in pairs])
    if len(triangular) == 1:
        return _substitute_one(pairs, triangular[0], right)
    axis = triangular[-1]
    S, T = pairs[axis]
    others = [pair for d, pair in enumerate(pairs) if d != axis]
    right = np.moveaxis(right, axis, 0).astype(complex)
    solution = np.empty_like(right)
    # Of every row found, its product with the masses of the others and with their sum.
    by_mass, by_sum = np.empty_like(right), np.empty_like(right)
    for j in range(len(right) - 1, -1, -1):
        row = right[j]
        if j + 1 < len(right):
            row = row - np.tensordot(S[j, j + 1 :], by_mass[j + 1 :], 1)
            row = row - np.tensordot(T[j, j + 1 :], by_sum[j + 1 :], 1)
        shifted = [(T[j, j] * A, M) for A, M in others]
        shifted[0] = (shifted[0][0] + S[j, j] * others[0][1], others[0][1])
        solution[j] = _substitute(shifted, row)
        by_mass[j] = _apply_masses(others, solution[j])
        by_sum[j] = _apply_sum(others, solution[j])
    return np.moveaxis(solution, 0, axis)


def _substitute_one(pairs, axis, right):
    """The same with diagonals elsewhere: all their entries at once, by rows of the triangle."""
    S, T = pairs[axis]
    if len(pairs) == 1:
        return sl.solve_triangular(S, right, check_finite=False)
    others = [pair for d, pair in enumerate(pairs) if d != axis]
    right = np.moveaxis(right, axis, 0)
    shape = right.shape
    # Divided by the masses of the other factors, whose ratios then shift the triangle.
    right = right.astype(complex)
    shift: np.ndarray = np.zeros(shape[1:])
    for d, (A, M) in enumerate(others):
        along = (-1,) + (1,) * (len(others) - d - 1)
        shift = shift + (A / M).reshape(along)
        right = right / M.reshape(along)
    shift, right = shift.reshape(-1), right.reshape(len(right), -1)
    solution = np.empty_like(right)
    for j in range(len(right) - 1, -1, -1):
        row = right[j]
        if j + 1 < len(right):
            row = row - S[j, j + 1 :] @ solution[j + 1 :]
            row = row - shift * (T[j, j + 1 :] @ solution[j + 1 :])
        solution[j] = row / (S[j, j] + shift * T[j, j])
    return np.moveaxis(solution.reshape(shape), 0, axis)


def _multiply(matrix, array, axis):
    if matrix.ndim == 1:
        return array * matrix.reshape((-1,) + (1,) * (array.ndim - axis - 1))
    return np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)


def _apply_masses(pairs, array):
    for axis, (_, M) in enumerate(pairs):
        array = _multiply(M, array, axis)
    return array


def _apply_sum(pairs, array):
    total = 0
    for axis, (A, _) in enumerate(pairs):
        term = array
        for d, (_, M) in enumerate(pairs):
            term = _multiply(A if d == axis else M, term, d)
        total = total + term
    return total

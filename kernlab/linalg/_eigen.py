"""The lowest eigenpairs of a sparse symmetric matrix, by Lanczos on blocks of filtered vectors."""

# References: Zhou, Saad, Tiago, Chelikowsky, Self-consistent-field calculations using
# Chebyshev-filtered subspace iteration, J. Comput. Phys. 219 (2006); Wu, Simon, Thick-restart
# Lanczos method for large symmetric eigenvalue problems, SIAM J. Matrix Anal. Appl. 22 (2000);
# Weiße, Wellein, Alvermann, Fehske, The kernel polynomial method, Rev. Mod. Phys. 78 (2006).

import itertools
import math

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee
from sklearn.utils import check_random_state

from kernlab._core.threads import SINGLE_THREADED_BLAS, run_slices
from kernlab._core.warn import warn_user
from kernlab.exceptions import EigenpairWarning

_EPS = np.finfo(float).eps
# Up to so many rows, or with less than so many rows to a pair, a dense solver takes no longer.
_DENSE, _ROWS_PER_PAIR = 800, 4
# Columns that enter the basis together; rows that are multiplied together, so that sums are formed
# in one order whatever the number of threads.
_BLOCK, _ROWS = 32, 8192
# Of the polynomials whose traces count the eigenvalues below a cut.
_MOMENTS = 200
# Restarts before giving up.
_CYCLES = 60
# What a polynomial grows by from the cut down to zero, as an exponent.
_GROWTH = 8.0
# Vectors of the search for what was missed, and how often it may find something.
_PROBE, _SEARCHES = 8, 4
# Of its length, what orthogonalisation may leave of a vector before it is taken for nothing.
_NOTHING = 1e-9


def smallest_eigenpairs(L, k, *, tol=1e-8, random_state=None, n_jobs=None):
    r"""The ``k`` lowest eigenvalues, with eigenvectors, of a sparse matrix without negative ones.

    Made for graph Laplacians, scalar or of connections, and for hundreds of pairs, where inverting
    a shifted matrix fills it: only products with L are formed.

    Parameters
    ----------
    L : sparse matrix or array of shape (n, n)
        Real, symmetric and positive semi-definite.
    k : int
        1 to n.
    tol : float, default=1e-8
        Largest residual norm :math:`\|L v - \lambda v\|` of a unit vector, in units of the largest
        entry of L; 1e-13 is about what rounding permits.
    random_state : int, RandomState instance or None, default=None
        Of the first block of vectors. The same integer gives the same bits, for any number of
        threads.
    n_jobs : int or None, default=None
        Threads. None is Numba's current count, -1 all cores.

    Returns
    -------
    values : ndarray of shape (k,)
        Ascending, with their multiplicities.
    vectors : ndarray of shape (n, k)
        Orthonormal columns. The entry of largest modulus is positive. Within the space of equal
        eigenvalues they are any basis.

    Raises
    ------
    ValueError
        L is not square, symmetric, finite or has an eigenvalue clearly below zero; k is not in 1 to
        n; tol is not between 0 and 1.

    Warns
    -----
    EigenpairWarning
        If a residual is above ``tol``.

    Notes
    -----
    Chebyshev polynomials of the second kind in L grow fast below a cut, and stay small above it up
    to the largest eigenvalue [1]_. The cut is where traces of Chebyshev polynomials, estimated on a
    few random vectors, count a fifth more than k eigenvalues [3]_. Lanczos iteration on that
    polynomial, with 32 vectors at a time, full orthogonalisation and thick restarts [2]_, then
    finds all eigenvalues below the cut; fresh random vectors at the end look for any that were
    missed, and the residuals of the pairs returned are computed. Connected components of L are
    solved each for themselves, which settles the multiplicity of zero. Small components, or k above
    a quarter of n, go to LAPACK.

    With λ the k-th eigenvalue, about 15 k √(‖L‖ / λ) products with L, for a gap ratio of the sort
    that manifolds have, and 8 (1.6 k + 64) n bytes.

    References
    ----------
    .. [1] Y. Zhou, Y. Saad, M. L. Tiago, J. R. Chelikowsky, "Self-consistent-field calculations
       using Chebyshev-filtered subspace iteration", J. Comput. Phys. 219, 2006.
    .. [2] K. Wu, H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems",
       SIAM J. Matrix Anal. Appl. 22, 2000.
    .. [3] A. Weiße, G. Wellein, A. Alvermann, H. Fehske, "The kernel polynomial method", Rev. Mod.
       Phys. 78, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from kernlab.linalg import smallest_eigenpairs
    >>> beside = [-1.0, -1.0, 2.0, -1.0, -1.0]
    >>> ring = sp.diags_array(beside, offsets=[-999, -1, 0, 1, 999], shape=(1000, 1000))
    >>> values, vectors = smallest_eigenpairs(ring, 5, random_state=0)
    >>> expected = 2 - 2 * np.cos(2 * np.pi * np.array([0, 1, 1, 2, 2]) / 1000)
    >>> bool(np.max(np.abs(values - expected)) < 1e-14)
    True
    """
    L = _checked_matrix(L)
    n = L.shape[0]
    if not (isinstance(k, int | np.integer) and 1 <= k <= n):
        raise ValueError(f"k={k!r} must be an integer from 1 to {n}, the rows of L.")
    if not (isinstance(tol, float) and 0 < tol < 1):
        raise ValueError(f"tol={tol!r} must be a number between 0 and 1.")
    k, rng = int(k), check_random_state(random_state)
    norm = float(np.max(np.abs(L).sum(axis=1))) if L.nnz else 0.0
    if norm == 0.0:
        return np.zeros(k), np.eye(n, k)
    L = L / norm
    n_parts, labels = connected_components(L, directed=False)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(n_parts + 1))
    found = []
    with SINGLE_THREADED_BLAS:
        for start, stop in itertools.pairwise(bounds):
            rows = order[start:stop]
            part = L if n_parts == 1 else L[rows][:, rows]
            found.append((rows, *_of_component(part, min(k, len(rows)), tol, rng, n_jobs)))
    values = np.concatenate([part_values for _, part_values, _ in found])
    column = np.concatenate([np.arange(len(part_values)) for _, part_values, _ in found])
    owner = np.repeat(np.arange(n_parts), [len(part_values) for _, part_values, _ in found])
    best = np.argsort(values, kind="stable")[:k]
    vectors = np.zeros((n, k))
    for place, index in enumerate(best):
        rows, _, part_vectors = found[owner[index]]
        vectors[rows, place] = part_vectors[:, column[index]]
    values = values[best]
    _certify(L, values, vectors, tol)
    largest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(k)]
    vectors *= np.where(largest < 0, -1.0, 1.0)
    return np.maximum(values, 0.0) * norm, vectors


def _checked_matrix(L):
    L = L if sp.issparse(L) else np.asarray(L)
    if L.ndim != 2 or L.shape[0] != L.shape[1] or L.shape[0] == 0:
        raise ValueError(f"L has shape {L.shape}; it must be square, with a row at least.")
    if L.dtype.kind not in "buif":
        raise ValueError(f"L has dtype {L.dtype}; it must be real.")
    L = sp.csr_array(L, dtype=np.float64, copy=True)
    L.sum_duplicates()
    L.eliminate_zeros()
    if not np.all(np.isfinite(L.data)):
        raise ValueError("L contains NaN or infinity; remove those edges.")
    if L.nnz and abs(L - L.T).max() > 1e-12 * abs(L).max():
        raise ValueError(
            "L is not symmetric; pass the normalised or combinatorial Laplacian of a symmetric "
            "affinity, not that of random walks."
        )
    return L


def _certify(L, values, vectors, tol):
    """Warn of residuals above tol."""
    size = float(np.max(np.abs(L.data)))
    if values[0] < -max(10 * tol, 1e-10) * size:
        raise ValueError(
            f"L has the eigenvalue {values[0] / size:.3g} in units of its largest entry; it must "
            "be positive semi-definite."
        )
    worst = float(np.max(_residuals(L, values, vectors))) / size
    if worst > tol:
        warn_user(
            f"Of {len(values)} eigenpairs the largest residual is {worst:.2g}, above "
            f"tol={tol:.2g}. Ask for more pairs, so that the last stand apart from the next, or "
            "for less accuracy.",
            EigenpairWarning,
        )


def _residuals(L, values, vectors):
    return np.linalg.norm(L @ vectors - vectors * values, axis=0)


def _of_component(L, k, tol, rng, n_jobs):
    n = L.shape[0]
    if n <= _DENSE or n < _ROWS_PER_PAIR * k:
        return sl.eigh(L.toarray(), subset_by_index=[0, k - 1])
    # A band about the diagonal: neighbours in the matrix are neighbours in memory.
    order = reverse_cuthill_mckee(L, symmetric_mode=True)
    values, vectors = _Lanczos(L[order][:, order], k, tol, rng, n_jobs).solve()
    restored = np.empty_like(vectors)
    restored[order] = vectors
    return values, restored


def _upper_bound(L, rng, steps=20):
    """Of the eigenvalues, by Lanczos: the largest found plus its residual, and never above one."""
    before, v = np.zeros(L.shape[0]), rng.standard_normal(L.shape[0])
    v /= np.linalg.norm(v)
    diagonal, beside = [], [0.0]
    for _ in range(steps):
        w = L @ v - beside[-1] * before
        diagonal.append(float(v @ w))
        w -= diagonal[-1] * v
        beside.append(float(np.linalg.norm(w)))
        if beside[-1] < 1e-8:
            break
        before, v = v, w / beside[-1]
    largest = sl.eigvalsh_tridiagonal(diagonal, beside[1 : len(diagonal)])[-1]
    return min(1.0, largest + beside[-1])


class _Lanczos:
    """Block Lanczos with thick restarts on a polynomial p(L); rows of \\|L\\| sum to one at most.

    Of the columns of V, those before ``start`` are the basis, with H = V' p(L) V, and those from
    ``start`` to ``stop`` the block that comes next: p(L) V = V H + (next block) (rows of H below).
    """

    def __init__(self, L, k, tol, rng, n_jobs):
        self.L, self.k, self.rng, self.n_jobs = L, k, rng, n_jobs
        self.tol = tol * float(np.max(np.abs(L.data)))
        self.top = _upper_bound(L, rng)
        guard = k + max(_BLOCK // 2, k // 10)
        self.room = guard + max(3 * _BLOCK, k // 2)
        self.keep = guard + (self.room - guard) // 4
        wide = self.room + _BLOCK + _SEARCHES * _PROBE
        self.V, self.H = np.empty((L.shape[0], wide)), np.zeros((wide, wide))

    def solve(self):
        cut = self._cut()
        while True:
            self._set_filter(cut)
            self._begin()
            # Down to its first ripple beyond the cut the polynomial keeps the eigenvalues' order;
            # the straight line always does.
            lowest = self._ritz()[0][self.k - 1]
            if self.degree == 1 or lowest > 0.25 * (self.degree + 1):
                return self._iterate()
            cut *= 1.5

    # --- The polynomial -----------------------------------------------------------------------

    def _cut(self):
        """Where a fifth more than k eigenvalues lie below, by the kernel polynomial method."""
        n, half = self.L.shape[0], 0.5 * self.top
        before = self.rng.choice([-1.0, 1.0], size=(n, 8))
        now = before - self.L @ before / half
        moments = [np.sum(before * before), np.sum(before * now)]
        for _ in range(_MOMENTS // 2 - 1):
            moments.append(2 * np.sum(now * now) - moments[0])
            before, now = now, 2 * (now - self.L @ now / half) - before
            moments.append(2 * np.sum(now * before) - moments[1])
        j = np.arange(_MOMENTS)
        angle = np.pi / (_MOMENTS + 1)
        # Jackson's factors keep the counts from ringing.
        damping = (_MOMENTS - j + 1) * np.cos(angle * j) + np.sin(angle * j) / np.tan(angle)
        weights = damping / (_MOMENTS + 1) * np.array(moments) / 8
        cuts = np.geomspace(1e-7, 1.0, 1000) * self.top
        theta = np.arccos(1 - cuts / half)
        counts = weights[0] * theta + 2 * (np.sin(np.outer(theta, j[1:])) / j[1:]) @ weights[1:]
        enough = np.flatnonzero(counts / np.pi >= 1.2 * self.k + 10)
        return cuts[enough[0]] if len(enough) else self.top

    def _set_filter(self, cut):
        """U_d((c - L) / e), of odd degree: what may lie above ``top`` then counts as negative."""
        low = cut if cut < 0.9 * self.top else 0.0
        centre, half = 0.5 * (self.top + low), 0.5 * (self.top - low)
        self.degree = 1
        if low:
            self.degree = 2 * math.ceil(0.5 * _GROWTH / math.acosh(centre / half)) + 1
        self.A = sp.csr_array((centre * sp.eye_array(self.L.shape[0]) - self.L) * (2.0 / half))
        d = self.degree
        # At the cut; lower down it is steeper. A residual of p(L) over it is one of L.
        self.slope = d * (d + 1) * (d + 2) / 3 / half

    def _filtered(self, X):
        from kernlab.linalg._heat_numba import ROW_BYTES, add_terms

        width = ROW_BYTES // 8
        coefficients, none = np.zeros((self.degree + 1, 1)), np.zeros(self.degree + 1, np.int64)
        out = np.empty(X.shape)

        def work(part):
            columns = X[:, part]
            now, before = np.zeros((2, len(X), width))
            now[:, : columns.shape[1]] = columns
            # With v_-1 = 0 the recurrence is that of the polynomials of the second kind.
            add_terms(
                self.A.indptr, self.A.indices, self.A.data, now, before, 1.0, coefficients, none,
                none, 1e-300, np.zeros((1, 1, width)),
            )  # fmt: skip
            out[:, part] = before[:, : columns.shape[1]]  # where an odd number of terms ends

        run_slices(work, X.shape[1], slice_size=width, n_jobs=self.n_jobs)
        return out

    # --- The basis ----------------------------------------------------------------------------

    def _begin(self):
        self.start = self.stop = 0
        self._append(self.rng.standard_normal((len(self.V), _BLOCK)))
        self._extend()

    def _extend(self):
        """Take in one block after the other until there is no room."""
        while self.stop <= self.room:
            old = slice(self.start, self.stop)
            coupling, rest = self._append(self._filtered(self.V[:, old]))
            new = slice(self.start, self.stop)
            self.H[: old.stop, old], self.H[old, : old.stop] = coupling, coupling.T
            self.H[new, : new.start] = 0.0
            self.H[new, old] = rest

    def _append(self, X):
        """Orthonormalise X against all columns and within; it becomes the block that is next."""
        j, width = self.stop, X.shape[1]
        length = np.linalg.norm(X, axis=0)
        coupling = self._orthogonalise(X, j)
        R = np.eye(width)
        for turn in range(2):
            gram = self._product(X, X)
            try:
                factor = sl.cholesky(gram)
            except sl.LinAlgError:
                factor = np.zeros_like(gram)
            scale = np.diag(factor)
            # A factor this skew has lost too many digits to be mended by the second turn.
            if turn == 0 and (
                scale.min() <= 1e-6 * scale.max() or np.any(scale <= _NOTHING * length)
            ):
                X, R = self._completed(X, float(np.max(length)), j)
                break
            X, R = self._times(X, sl.solve_triangular(factor, np.eye(width))), factor @ R
        self.V[:, j : j + width] = X
        self.start, self.stop = j, j + width
        return coupling, R

    def _completed(self, X, length, j):
        """Where an invariant space is spanned, random directions go on."""
        q, r, pivots = sl.qr(X, mode="economic", pivoting=True)
        lost = np.abs(np.diag(r)) <= _NOTHING * length
        r[lost] = 0.0
        R = np.empty_like(r)
        R[:, pivots] = r
        q[:, lost] = self.rng.standard_normal((len(q), np.count_nonzero(lost)))
        for _ in range(2):
            self._orthogonalise(q, j)
            q, upper = sl.qr(q, mode="economic")
            q *= np.where(np.diag(upper) < 0, -1.0, 1.0)
        return q, R

    def _orthogonalise(self, X, j):
        """Take off X, in place, its part in the first j columns; twice is enough."""
        total = np.zeros((j, X.shape[1]))
        for _ in range(2 if j else 0):
            coupling = self._product(self.V[:, :j], X)
            X -= self._times(self.V[:, :j], coupling)
            total += coupling
        return total

    def _product(self, left, right):
        """left' right, its sums in one order whatever the number of threads."""
        parts = np.empty((-(-len(left) // _ROWS), left.shape[1], right.shape[1]))

        def work(rows):
            np.matmul(left[rows].T, right[rows], out=parts[rows.start // _ROWS])

        run_slices(work, len(left), slice_size=_ROWS, n_jobs=self.n_jobs)
        return parts.sum(axis=0)

    def _times(self, left, right):
        out = np.empty((len(left), right.shape[1]))

        def work(rows):
            np.matmul(left[rows], right, out=out[rows])

        run_slices(work, len(left), slice_size=_ROWS, n_jobs=self.n_jobs)
        return out

    # --- The iteration ------------------------------------------------------------------------

    def _ritz(self):
        """Ritz values of p(L), descending, the vectors' coordinates, and what couples them on."""
        values, vectors = sl.eigh(self.H[: self.start, : self.start])
        values, vectors = values[::-1], np.ascontiguousarray(vectors[:, ::-1])
        return values, vectors, self.H[self.start : self.stop, : self.start] @ vectors

    def _iterate(self):
        tolerance, searches = self.tol * self.slope, 0
        for _ in range(_CYCLES):
            values, Y, coupling = self._ritz()
            residuals = np.linalg.norm(coupling[:, : self.k], axis=0)
            done = np.all(residuals <= max(tolerance, 100 * _EPS * values[0]))
            missed = None
            if done and searches < _SEARCHES:
                missed = self._missed(values[self.k - 1])
                searches += 1
            if done and missed is None:
                pairs = self._pairs(Y)
                if np.all(_residuals(self.L, *pairs) <= self.tol) or tolerance < _EPS * values[0]:
                    return pairs
                tolerance, searches = 0.1 * tolerance, _SEARCHES
            self._restart(values, Y, coupling, missed)
            self._extend()
        return self._pairs(self._ritz()[1])

    def _missed(self, least):
        """Directions off the basis where p(L) is more than ``least``, or None: none are left."""
        X = self.rng.standard_normal((len(self.V), _PROBE))
        for _ in range(2):
            self._orthogonalise(X, self.stop)
            X = self._times(
                X, sl.solve_triangular(sl.cholesky(self._product(X, X)), np.eye(_PROBE))
            )
            before, X = X, self._filtered(X)
        quotient = self._product(before, X)
        largest = sl.eigvalsh(0.5 * (quotient + quotient.T))[-1]
        return before if largest > least * (1 + 1e-9) else None

    def _restart(self, values, Y, coupling, missed):
        """Keep the best Ritz vectors, the next block, and beside it what was missed."""
        keep, width = self.keep, self.stop - self.start
        after = self.V[:, self.start : self.stop].copy()
        self.V[:, :keep] = self._times(self.V[:, : self.start], Y[:, :keep])
        self.V[:, keep : keep + width] = after
        self.H[:] = 0.0
        self.H[:keep, :keep] = np.diag(values[:keep])
        self.H[keep : keep + width, :keep] = coupling[:, :keep]
        self.start, self.stop = keep, keep + width
        if missed is not None:
            self._append(missed.copy())
            self.start = keep

    def _pairs(self, Y):
        """The k lowest by the Rayleigh quotients of L in the span of the best Ritz vectors."""
        U = self._times(self.V[:, : self.start], Y[:, : self.keep])
        quotient = self._product(U, self.L @ U)
        values, vectors = sl.eigh(0.5 * (quotient + quotient.T), subset_by_index=[0, self.k - 1])
        return values, self._times(U, vectors)

"""Columns of the inverse of a sparse M-matrix, as forest, walk and PageRank kernels are."""

# References: Saad, *Iterative methods for sparse linear systems*, SIAM, 2003 (conjugate gradients);
# Berman & Plemmons, *Nonnegative matrices in the mathematical sciences*, SIAM, 1994 (M-matrices).

import math

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

from kernlab._core.threads import run_slices
from kernlab._core.warn import warn_user
from kernlab.exceptions import MissingExtraError, UnresolvedHeatWarning
from kernlab.graph._radius import spectral_radius

# Iterations after which a multigrid preconditioner is worth its setup; what there is without one.
_PATIENCE, _LIMIT = 100, 5000
# Of a random contrast of two parts, the error relative to its own standard deviation; and the least
# share of a diagonal that edges may leave, for that not to be lost in rounding.
_CONTRAST, _LEAST = 0.03, 1e-15
# Columns solved together: a line of cache in double precision.
_COLUMNS = 8
# Of a series of walks or of heat at most; so many take some ten seconds for 200 nodes.
TERMS = 20_000
# Terms of walks after which sums are looked at for whether they need more, an even number.
_STRETCH = 8


def resolvent_solve(excess, weights, B, *, n_jobs=None):
    """``(diag(excess) + L)^(-1) B`` with L the combinatorial Laplacian of ``weights``.

    Conjugate gradients with the diagonal as preconditioner; columns that need more than 100
    iterations, as on grids, go on with algebraic multigrid where pyamg is installed. What is
    constant on a component is solved exactly.

    ``B`` is to be noise of which this matrix is the covariance. Scaled to a diagonal of ones, the
    matrix has a least eigenvalue λ, and B as little as its root along the eigenvector; residuals
    are at most that, and so leave no contrast of two parts, however loosely linked, unsolved.

    Parameters
    ----------
    excess : ndarray of shape (n_nodes,)
        Above zero.
    weights : csr_matrix of shape (n_nodes, n_nodes)
        Symmetric, zero or more.
    B : ndarray of shape (n_nodes, n_columns)

    Returns
    -------
    X : ndarray of shape (n_nodes, n_columns), float64

    Warns
    -----
    UnresolvedHeatWarning
        Where the excess is so small beside the weights that double precision hardly tells it.
    """
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    diagonal = excess + degrees
    least = float((excess / diagonal).min())
    if least < _LEAST:
        warn_user(
            f"param leaves {least:.2g} of the diagonal of a matrix beside its edges, which double "
            "precision hardly tells from none: parts of a component that are as loosely linked may "
            "lose their contrast. Lower param, or divide the weights by a number.",
            UnresolvedHeatWarning,
        )
    rtol = min(1e-6, _CONTRAST * math.sqrt(max(least, _LEAST) / len(diagonal)))
    root = 1.0 / np.sqrt(diagonal)
    matrix = (sp.eye_array(len(diagonal)) - _between(weights, root)).tocsr()
    labels = connected_components(weights, directed=False)[1]
    members = sp.csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    totals = (members @ excess)[:, None]

    def constants(residual):
        """Of each component, those whose residual sums to that of others."""
        return ((members @ residual) / totals)[labels]

    X = constants(B)
    scaled = root[:, None] * (B - excess[:, None] * X)
    rest = np.zeros(B.shape)
    remedy = "move its parameter away from the end of its range, or install pyamg"
    ones = np.ones(len(diagonal))
    _solve(
        matrix, ones, lambda part: scaled[:, part], rest, rtol, n_jobs, remedy, smooth=1.0 / root
    )
    rest *= root[:, None]
    # It has a residual, and is to sum to nothing.
    rest -= constants(excess[:, None] * rest)
    return X + rest


def laplacian_solve(degrees, weights, columns, n_columns, *, rtol=1e-6, n_jobs=None):
    """Columns of the pseudo-inverse of a connected graph's Laplacian times others, centred.

    As :func:`resolvent_solve`. The matrix is singular along the constant vector: on columns that
    sum to zero all iterations stay clear of it but for rounding, which goes at the end.

    Parameters
    ----------
    degrees : ndarray of shape (n_nodes,)
        Row sums of ``weights``, above zero.
    weights : csr_matrix of shape (n_nodes, n_nodes)
    columns : callable
        Of an index into the ``n_columns``, a float64 array (n_nodes, some) whose columns sum to
        zero. They are made eight at a time.

    Returns
    -------
    X : ndarray of shape (n_nodes, n_columns), float32
    """
    matrix = (sp.diags_array(degrees) - weights).tocsr()
    X = np.zeros((len(degrees), n_columns), np.float32)
    remedy = "drop the weakest edges, or install pyamg"
    _solve(matrix, degrees, columns, X, rtol, n_jobs, remedy)
    X -= X.mean(axis=0, dtype=np.float64).astype(np.float32)
    return X


def _solve(matrix, diagonal, columns, X, rtol, n_jobs, remedy, smooth=None):
    """Fill X with the solutions for ``columns(index)``, and warn of those not found."""
    found: list[int] = []

    def work(part, max_iter=_PATIENCE):
        solved, open_ = _conjugate_gradients(
            matrix, columns(part), X[:, part].astype(np.float64), diagonal, rtol, max_iter
        )
        store(part, solved)
        return open_

    def store(part, solved):
        # Beyond single precision it is infinite, which the caller sees.
        with np.errstate(over="ignore"):
            X[:, part] = solved

    def first(part):
        found.extend(part.start + np.flatnonzero(work(part)))

    run_slices(first, X.shape[1], slice_size=_COLUMNS, n_jobs=n_jobs)
    if not found:
        return
    left = np.sort(found)
    open_ = np.zeros(len(left), bool)
    preconditioner = _multigrid(matrix, smooth)

    def again(part):
        if preconditioner is None:
            open_[part] = work(left[part], _LIMIT)
            return
        for place in range(part.start, part.stop):
            column = left[place]
            solved, open_[place] = cg(
                matrix, columns(left[place : place + 1])[:, 0], X[:, column].astype(np.float64),
                rtol=rtol, maxiter=_PATIENCE, M=preconditioner,
            )  # fmt: skip
            store(column, solved)

    # The cycles of multigrid share work space, and keep to one thread.
    run_slices(again, len(left), slice_size=_COLUMNS, n_jobs=1 if preconditioner else n_jobs)
    if open_.any():
        warn_user(
            f"{int(open_.sum())} of {X.shape[1]} columns of a proximity are less accurate than "
            f"{rtol:g}, after {_LIMIT} iterations at most; {remedy}.",
            UnresolvedHeatWarning,
        )


def _conjugate_gradients(matrix, B, X, diagonal, rtol, max_iter):
    """Of all columns together, and which of them are left above ``rtol``."""
    from kernlab.linalg._heat_numba import conjugate_gradients

    n_columns = B.shape[1]
    solved, residual = (np.zeros((len(B), _COLUMNS)) for _ in range(2))
    solved[:, :n_columns] = X
    residual[:, :n_columns] = B - matrix @ X if X.any() else B
    goals = np.zeros(_COLUMNS)
    goals[:n_columns] = (rtol * np.linalg.norm(B, axis=0)) ** 2
    norms = conjugate_gradients(
        matrix.indptr, matrix.indices, matrix.data, diagonal, solved, residual, goals, max_iter
    )
    # Not the other way round: of what is no number too.
    return solved[:, :n_columns], ~(norms <= goals)[:n_columns]


def _multigrid(matrix, smooth):
    """A preconditioner of smoothed aggregation, or None without pyamg.

    ``smooth`` is a vector that the matrix makes small; None is a constant.
    """
    from kernlab._core.extras import import_extra

    try:
        pyamg = import_extra("pyamg", extra="fast", purpose="multigrid")
    except MissingExtraError:
        return None
    smooth = np.ones(matrix.shape[0]) if smooth is None else smooth
    # Its start vectors come from NumPy's global generator unless given.
    hierarchy = pyamg.smoothed_aggregation_solver(
        sp.csr_matrix(matrix), B=smooth[:, None], max_coarse=500
    )
    operator = hierarchy.aspreconditioner(cycle="V")
    return LinearOperator(matrix.shape, operator.matvec, dtype=np.float64)


def walk_sums(diagonal, weights, B, *, floor=1e-20, rtol=1e-5, n_jobs=None):
    """``(diag(diagonal) - weights)^(-1) B`` for B of zero or more, as a sum of walks.

    Nothing cancels, and the series goes on until no entry above ``floor`` times the largest of its
    column can change by more than ``rtol`` times itself. What conjugate gradients give is accurate
    relative to the norm alone.

    Parameters
    ----------
    diagonal : ndarray of shape (n_nodes,)
    weights : csr_matrix of shape (n_nodes, n_nodes)
        Symmetric, zero or more.
    B : sparse matrix or ndarray of shape (n_nodes, n_columns)
    floor : float
        At least 1e-25, below which single precision ends.
    rtol : float

    Returns
    -------
    X : ndarray of shape (n_nodes, n_columns), float32

    Raises
    ------
    ValueError
        Where log(1 / rtol) / -log(s), about the fewest terms that serve, are more than 20 000,
        with s the spectral radius of ``weights / diagonal``. Where a graph is wide, and ``floor``
        decides, there are some five or six times as many.
    """
    from kernlab.linalg._heat_numba import ROW_BYTES, add_terms

    # Similar to weights / diagonal, and symmetric: it has that spectrum.
    root = 1.0 / np.sqrt(diagonal)
    scaled = _between(weights, root)
    radius = min(spectral_radius(scaled, 1.0 / root) * (1 + 1e-6), 1 - 1e-16)
    fewest = _fewest_terms(radius, rtol)
    decay = (1.0 + radius) / 2
    bound = _majorant(scaled, 1.0 / root, decay)
    # Entries above the floor are so much smaller here than the largest, at most.
    dtype = np.float32 if root.max() <= 1e5 * root.min() else np.float64
    scaled = scaled.astype(dtype)
    smallest = dtype(1e-37 if dtype is np.float32 else 1e-300)
    B = sp.csc_array(B)
    reach = _reach(weights, B)
    out = np.empty(B.shape, np.float32)
    width = ROW_BYTES // np.dtype(dtype).itemsize
    coefficients = np.ones((max(fewest, _STRETCH) + 1, 1), dtype)
    first, last = np.zeros(len(coefficients), np.int64), np.ones(len(coefficients), np.int64)
    bound, root = bound.astype(dtype)[:, None], root[:, None]
    rooted = root.astype(dtype)

    def complete(sums, term, reached):
        rest = bound * (term / bound).max(axis=0) * dtype(decay / (1.0 - decay))
        known = rest <= dtype(rtol) * sums
        if known.all():
            return True
        rest += sums
        rest *= rooted
        return np.all(known | (rest < dtype(floor) * (sums * rooted).max(axis=0)) | ~reached)

    def work(part):
        columns = B[:, part].toarray() * root
        size = columns.max(axis=0)
        size[size == 0] = 1.0
        n_columns = columns.shape[1]
        now = np.zeros((len(columns), width), dtype)
        now[:, :n_columns] = columns / size
        before, sums = np.zeros_like(now), now[None].copy()
        found = sums[0, :, :n_columns]
        # Even numbers of terms, after which the last is where the first was.
        n_terms, reached = fewest, reach(part)
        while True:
            add_terms(
                scaled.indptr, scaled.indices, scaled.data, now, before, dtype(0.0),
                coefficients[: n_terms + 1], first[: n_terms + 1], last[: n_terms + 1], smallest,
                sums,
            )  # fmt: skip
            if complete(found, now[:, :n_columns], reached):
                break
            n_terms = _STRETCH
        with np.errstate(over="ignore"):
            out[:, part] = found * root * size

    run_slices(work, B.shape[1], slice_size=width, n_jobs=n_jobs)
    return out


def _between(weights, root):
    """``diag(root) weights diag(root)``, in double precision."""
    scaled = sp.csr_matrix(weights, copy=True).astype(np.float64)
    # A product of the two roots first, which commutes, keeps symmetry to the last bit.
    scaled.data *= root[scaled.indices] * np.repeat(root, np.diff(scaled.indptr))
    return scaled


def _reach(weights, B):
    """A function of a slice of the columns of B: which nodes walks from each of them reach."""
    count, labels = connected_components(weights, directed=False)
    if count == 1:
        return lambda part: np.True_
    members = sp.csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    return lambda part: (members @ B[:, part]).toarray()[labels] > 0


def _fewest_terms(radius, rtol):
    """An even number, about what graphs need all of whose nodes are near each other."""
    terms = math.log(1 / rtol) / -math.log(radius) if radius else 1.0
    if terms > TERMS:
        raise ValueError(
            f"param is so near the end of its range that a sum of walks needs {terms:.2g} terms, "
            f"more than {TERMS}; move it inwards, or take measure='nheat'."
        )
    return 2 * math.ceil(terms / 2)


def _majorant(matrix, start, decay):
    """``x > 0`` with ``matrix x <= decay x``, for a ``decay`` above the matrix's spectral radius.

    Then ``v <= c x`` has ``matrix^k v <= c decay^k x``. The sum of ``(matrix / decay)^k start`` is
    such an x from where a further term is below ``start``.
    """
    x, term = start.copy(), matrix @ start / decay
    for _ in range(TERMS):
        if np.all(term <= start):
            return x
        x += term
        term = matrix @ term / decay
    raise ValueError(
        "a sum of walks is not told to end: param is too near the end of its range; move it "
        "inwards, or take measure='nheat'."
    )

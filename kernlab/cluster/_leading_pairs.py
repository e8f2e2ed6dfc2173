"""Eigenpairs that stand out from what chance makes, by filtered subspaces in single precision."""

# Reference: Zhou, Saad, Tiago, Chelikowsky, *Self-consistent-field calculations using
# Chebyshev-filtered subspace iteration*, J. Comput. Phys. 219, 2006.

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg as sl

from kernlab._core.progress import progress
from kernlab._core.threads import run_slices

# Columns beyond those wanted, and a multiple of the compiled product's.
GUARD, _WIDTH = 6, 16
# Terms of the filter; what the first vector may grow by beside the others in single precision.
_DEGREE, _GROWTH = 12, 1e6
CYCLES = 30
# Of an eigenvalue's residual: beneath what k-means notices.
RESIDUAL = 0.02
# Of an eigenvalue in a cycle: slower ones are taken to stay below one.
_RISE = 0.003
# Cycles after which what is crowded is told from what is not yet found.
_SETTLED = 3


class LeadingPairs(NamedTuple):
    """Eigenpairs, and what is known of them.

    ``residual`` is the largest of those beyond one, ``rest`` the modulus of the least eigenvalue
    that the subspace holds, wanted or not.
    """

    values: np.ndarray
    vectors: np.ndarray
    residual: float
    rest: float
    converged: bool


def leading_eigenpairs(
    S,
    k,
    ranked,
    *,
    rng,
    start=None,
    residual=RESIDUAL,
    steady=math.inf,
    crowded=math.inf,
    n_jobs=None,
    verbose=0,
):
    """Subspace iteration on Chebyshev polynomials that grow beyond what chance makes.

    ``S`` is a symmetric csr_matrix in single precision, whose eigenvalues in [-1, 1] are chance.
    ``ranked`` puts values in order, the ``k`` first of which are wanted; those beyond one, in
    modulus, converge to ``residual``; of the others none rises by more than ``steady`` in the last
    cycle. Gives up where all that the subspace holds is beyond ``crowded``, for such a spectrum has
    more to find than there is room for. ``start`` has fewer than ``k`` columns, vectors of a matrix
    much like S.
    """
    n = S.shape[0]
    width = _WIDTH * math.ceil((k + GUARD) / _WIDTH)
    # The first vector tells degrees alone and stands far out: apart, it costs no others digits.
    top = np.abs(rng.standard_normal((n, 1))).astype(np.float32)
    for _ in range(20):
        top = S @ top
        top /= np.linalg.norm(top)
    largest = float((top.T @ (S @ top))[0, 0])
    X = np.hstack([top, rng.standard_normal((n, width)).astype(np.float32)])
    if start is not None:
        # As long as those at random, of which some stay: they look for what is new.
        X[:, 1 : 1 + start.shape[1]] = start * (np.sqrt(n) / np.linalg.norm(start, axis=0))
    cut, before, converged = 1.0, np.zeros(width + 1), False
    for cycle in progress(range(CYCLES), total=CYCLES, verbose=verbose, label="eigenvectors"):
        degree = math.log(_GROWTH) / math.acosh(max(1.01, largest / cut))
        degree = int(np.clip(2 * (degree // 2), 2, _DEGREE))
        top, X = X[:, :1], _polynomial(S, X[:, 1:], cut, degree, n_jobs)
        X = np.hstack([top, _orthonormal(X, top)])
        image = S @ X
        values, turn = sl.eigh((X.T @ image).astype(np.float64), (X.T @ X).astype(np.float64))
        order = np.argsort(-np.abs(values))
        values, turn = values[order], turn[:, order].astype(np.float32)
        X, image = X @ turn, image @ turn
        wanted = ranked(values)[:k]
        image[:, wanted] -= X[:, wanted] * values[wanted].astype(np.float32)
        residuals = np.linalg.norm(image[:, wanted], axis=0)
        # What chance makes need not converge, as long as nothing more rises out of it.
        moduli = np.abs(values)
        rise = (moduli - before)[moduli <= 1.0]
        risen = moduli[wanted] > 1.0
        worst = float(residuals[risen].max(initial=0.0))
        still = (moduli - before)[wanted[~risen]].max(initial=0.0) <= steady
        # What is new beside a start takes as long to rise out of chance as it would without.
        enough = start is None or cycle + 1 >= (_SETTLED if risen.all() else 3 * _SETTLED)
        if (
            enough
            and worst <= residual
            and (risen.all() or len(rise) == 0 or (rise[0] <= _RISE and still))
        ):
            converged = True
            break
        if cycle + 1 >= _SETTLED and moduli[-1] > crowded:
            break
        largest, cut, before = moduli[0], max(1.0, moduli[-1]), moduli
    return LeadingPairs(values[wanted], X[:, wanted], worst, float(moduli[-1]), converged)


def _polynomial(S, X, cut, degree, n_jobs):
    """The Chebyshev polynomial of the second kind of S / cut on X; the degree is even."""
    from kernlab.linalg._heat_numba import add_terms

    data = S.data * np.float32(2.0 / cut)
    out = np.empty_like(X)
    coefficients = np.zeros((degree + 1, 1), np.float32)
    none = np.zeros(degree + 1, np.int64)

    def work(part):
        now, before = np.array(X[:, part], order="C"), np.zeros((len(X), _WIDTH), np.float32)
        add_terms(
            S.indptr, S.indices, data, now, before, np.float32(1.0), coefficients, none, none,
            np.float32(1e-30), np.zeros((1, 1, _WIDTH), np.float32),
        )  # fmt: skip
        out[:, part] = now

    run_slices(work, X.shape[1], slice_size=_WIDTH, n_jobs=n_jobs)
    return out


def _orthonormal(X, top):
    """An orthonormal basis of the columns of X less what they have of ``top``."""
    for _ in range(2):
        X -= top @ (top.T @ X)
        X /= np.linalg.norm(X, axis=0)
        values, turn = np.linalg.eigh((X.T @ X).astype(np.float64))
        X = X @ (turn / np.sqrt(np.maximum(values, 1e-6 * values[-1]))).astype(np.float32)
    return X

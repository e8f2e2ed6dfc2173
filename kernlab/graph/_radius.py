"""The largest eigenvalue of a symmetric matrix without negative entries."""

# Reference: Berman & Plemmons, *Nonnegative matrices in the mathematical sciences*, SIAM, 1994.

import numpy as np
from scipy.sparse.linalg import ArpackError, eigsh

# Nodes up to which a dense decomposition is at least as quick.
_SMALL = 64
# Of the residual, relative to the eigenvalue, and restarts for it. The eigenvalue's error is at
# most that, and as a rule its square; the second is for long thin graphs, whose eigenvalues crowd.
_EFFORTS = ((1e-6, 100), (1e-4, 1000))


def spectral_radius(matrix, start=None, *, exact=False):
    """Spectral radius of a sparse symmetric matrix of entries zero or more, to about 1e-6.

    The quotients of Collatz and Wielandt bound it from above, that of Rayleigh from below: where
    they agree for ``start``, all done, as on regular graphs. Else by Lanczos' method from a fixed
    vector that is positive, and so has a share of the largest eigenvector.

    Parameters
    ----------
    matrix : csr_matrix of shape (n_nodes, n_nodes)
    start : positive ndarray of shape (n_nodes,), default=None
        A guess of the eigenvector; None is ones.
    exact : bool, default=False
        To rounding, if need be by a dense matrix.

    Raises
    ------
    ValueError
        Where it is not found.
    """
    unit = matrix.data.max(initial=0.0)
    if unit == 0:
        return 0.0
    scaled = matrix.copy()
    scaled.data = matrix.data / unit
    n_nodes = matrix.shape[0]
    if n_nodes <= _SMALL:
        return float(unit * np.linalg.eigvalsh(scaled.toarray())[-1])
    start = np.ones(n_nodes) if start is None else start / start.max()
    image = scaled @ start
    lower, upper = start @ image / (start @ start), (image / start).max()
    if upper - lower <= (0.0 if exact else 1e-6) * upper:
        return float(unit * upper)
    start = np.random.default_rng(0).uniform(0.5, 1.0, n_nodes)
    for tol, restarts in ((0.0, None),) if exact else _EFFORTS:
        try:
            values = eigsh(
                scaled, 1, which="LA", v0=start, tol=tol, maxiter=restarts,
                return_eigenvectors=False,
            )  # fmt: skip
            return float(unit * values[0])
        except ArpackError:
            pass
    if exact:
        return float(unit * np.linalg.eigvalsh(scaled.toarray())[-1])
    raise ValueError(
        "the largest eigenvalue of the weights was not found, for others are too near; take a "
        "measure that does not need it, such as 'nheat'."
    )

"""What KernelKMeans is given, checked: points of a kernel by name, or a kernel already made."""

import numpy as np

from kernlab._core.validation import validate_points
from kernlab._core.warn import warn_user
from kernlab.cluster._centred_kernel import BLOCK
from kernlab.exceptions import AsymmetricKernelWarning, DistanceLikeWarning
from kernlab.graph._adjacency import is_networkx

# Kernels that scikit-learn has of sparse points.
_OF_SPARSE = {"linear", "poly", "polynomial", "rbf", "laplacian", "sigmoid", "cosine"}
# Rounding in single precision of entries that took some thousands of operations is below it.
_ASYMMETRY = 1e-3


def takes_sparse(kernel):
    """Whether a kernel, by name or a function, has sparse points."""
    return isinstance(kernel, str) and kernel in _OF_SPARSE


def points_or_kernel(estimator, X, *, reset):
    """A table of points, or of a precomputed kernel, which is square if ``reset``."""
    if is_networkx(X):
        raise TypeError(
            f"X is a graph of networkx, and {type(estimator).__name__} takes points or a kernel: "
            "cluster a graph by GraphClustering, or take a kernel of its nodes, "
            "kernlab.graph.GraphProximity().fit_transform(X)."
        )
    kernel = estimator.kernel
    if reset and estimator.kernel_params and not callable(kernel):
        raise ValueError(
            f"kernel_params={estimator.kernel_params!r} are of callable kernels, and kernel="
            f"{kernel!r} does not look at them: pass gamma=, degree= and coef0= instead."
        )
    sparse = "csr" if takes_sparse(kernel) else False
    X = validate_points(estimator, X, reset=reset, accept_sparse=sparse)
    if reset and isinstance(kernel, str) and kernel == "precomputed":
        _check_kernel(X)
    return X


def _check_kernel(K):
    if K.shape[1] != len(K):
        raise ValueError(
            f"X has shape {K.shape}, and a precomputed kernel is square: give the kernel "
            "between all pairs of points, or name a kernel of points."
        )
    if not np.diagonal(K).any() and 0 <= K.min() < K.max():
        warn_user(
            "X has a diagonal of zeros and no negative entry, as no kernel has: distances "
            "want kernlab.graph.distance_to_kernel(X**2), and a graph GraphClustering.",
            DistanceLikeWarning,
        )
    share = _asymmetry(K)
    if share > _ASYMMETRY:
        warn_user(
            f"X is not symmetric: K[i, j] and K[j, i] differ by up to {share:.2g} of the largest "
            "entry, and a kernel's are equal. Its symmetric part (X + X.T) / 2 is clustered. If X "
            "holds points, name a kernel of points: kernel='rbf', say.",
            AsymmetricKernelWarning,
        )


def _asymmetry(K):
    """The largest difference of mirrored entries, as a share of the largest entry."""
    largest = max(float(K.max()), -float(K.min()))
    if largest == 0.0:
        return 0.0
    most = 0.0
    for start in range(0, len(K), BLOCK):
        rows = slice(start, start + BLOCK)
        # Halves, for the difference of the largest floats is none.
        difference = 0.5 * K[rows, start:] - 0.5 * K[start:, rows].T
        most = max(most, float(np.abs(difference).max()))
    return 2.0 * (most / largest)

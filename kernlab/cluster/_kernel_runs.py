"""All restarts of kernel k-means on one kernel, by one matrix product."""

# References: Dhillon, Guan & Kulis, *Kernel k-means, spectral clustering and normalized cuts*, KDD
# 2004; Telgarsky & Vattani, *Hartigan's method: k-means clustering without Voronoi*, AISTATS 2010;
# Roth, Laub, Kawanabe & Buhmann, *Optimal cluster preserving embedding of nonmetric proximity
# data*, IEEE TPAMI 25, 2003 (what an indefinite kernel's objective means).

from typing import NamedTuple

import numpy as np

from kernlab._core.threads import SINGLE_THREADED_BLAS, run_slices
from kernlab.cluster._centred_kernel import BLOCK, CentredKernel
from kernlab.cluster._kernel_kmeans_numba import hartigan, lloyd
from kernlab.cluster._kernel_starts import plus_plus, random_labels, spectral_labels

# Sums are kept up to date move by move; labels that are final must be so by fresh ones too.
_ROUNDS = 3
_SPECTRAL_STARTS = 2
# Entries read, over all starts, up to which starting threads takes longer than they save.
_FEW = 2**22


class Runs(NamedTuple):
    """All restarts of kernel k-means on one kernel."""

    labels: np.ndarray  # int32 (n_init, n)
    inertias: np.ndarray  # (n_init,)
    n_iter: np.ndarray  # int (n_init,)
    converged: np.ndarray  # bool (n_init,)


def kernel_kmeans(
    K,
    n_clusters,
    *,
    n_init=10,
    init="auto",
    algorithm="hartigan",
    max_iter=100,
    rng,
    sample_weight=None,
    n_jobs=1,
):
    """Labels and inertias of all restarts of kernel k-means, see :class:`KernelKMeans`.

    Parameters
    ----------
    K : float array of shape (n, n)
        Finite; the symmetric part counts, and need not be positive definite.
    n_clusters : int
    n_init, init, algorithm, max_iter, n_jobs
        As in :class:`KernelKMeans`.
    rng : numpy.random.Generator or RandomState
    sample_weight : float array of shape (n,), default=None

    Returns
    -------
    labels : int32 ndarray of shape (n_init, n)
        Of as many clusters as there are distinct points, where these are fewer.
    inertias : float64 ndarray of shape (n_init,)
    """
    weight = np.ones(len(K)) if sample_weight is None else sample_weight
    if n_clusters < 1 or n_clusters > len(K):
        raise ValueError(f"n_clusters={n_clusters} is not between 1 and the {len(K)} rows of K.")
    runs = run_all(
        K,
        n_clusters,
        weight,
        n_init=n_init,
        init=init,
        algorithm=algorithm,
        max_iter=max_iter,
        rng=rng,
        n_jobs=n_jobs,
    )
    return runs.labels, runs.inertias


def spectral_starts(K_centred, n_clusters, rng):
    """Two labellings by k-means on leading eigenvectors, plain and by roots of eigenvalues.

    Parameters
    ----------
    K_centred : float64 ndarray of shape (n, n)
        Symmetric, of zero row means.
    n_clusters : int
    rng : numpy.random.Generator or RandomState

    Returns
    -------
    labels : int32 ndarray of shape (2, n)
    """
    n = len(K_centred)
    return spectral_labels(K_centred, n_clusters, _SPECTRAL_STARTS, np.ones(n), np.arange(n), rng)


def run_all(K, n_clusters, weight, *, n_init, init, algorithm, max_iter, rng, n_jobs):
    """The restarts, of a kernel and weights that are valid; see :class:`KernelKMeans`."""
    kernel = CentredKernel(K, weight)
    n_distinct = len(kernel.values)
    if n_distinct <= n_clusters:
        # Each point is a cluster, from every start.
        n_starts = n_init if isinstance(init, str) else len(init)
        starts = np.arange(n_distinct, dtype=np.int32)[None]
        runs = descend(kernel, n_distinct, starts, algorithm, max_iter, n_jobs)
        return Runs(*(np.repeat(one, n_starts, axis=0) for one in runs))
    if isinstance(init, str):
        with SINGLE_THREADED_BLAS:
            starts = draw_starts(kernel, n_clusters, n_init, init, rng)
    else:
        starts = init[:, kernel.representative].astype(np.int32)
    return descend(kernel, n_clusters, starts, algorithm, max_iter, n_jobs)


def draw_starts(kernel, n_clusters, n_init, init, rng):
    """Labels of the points of a ``CentredKernel``, shape (n_init, m), spectral ones first."""
    weight, order = kernel.weight, kernel.order
    n_spectral = {"auto": min(_SPECTRAL_STARTS, n_init), "spectral": n_init}.get(init, 0)
    starts = []
    if n_spectral:
        starts.append(spectral_labels(kernel.values, n_clusters, n_spectral, weight, order, rng))
    if n_spectral < n_init and init == "random":
        starts.append(random_labels(n_clusters, n_init, order, rng))
    elif n_spectral < n_init:
        starts.append(
            plus_plus(
                kernel.values.__getitem__,
                np.diagonal(kernel.values),
                n_clusters,
                n_init - n_spectral,
                weight,
                order,
                rng,
            )
        )
    return np.concatenate(starts)


def descend(kernel, n_clusters, labels, algorithm, max_iter, n_jobs):
    """Runs from the labels of a ``CentredKernel``'s points, which are changed in place."""
    values, weight, order = kernel.values, kernel.weight, kernel.order
    n_init = len(labels)
    if n_init * values.size <= _FEW:
        n_jobs = 1
    n_iter = np.zeros(n_init, dtype=int)
    converged = np.zeros(n_init, dtype=bool)

    def run(part):
        for r in range(part.start, part.stop):
            if n_iter[r] > 0 and not converged[r]:
                continue  # max_iter is used up
            passes, done = lloyd(values, weight, labels[r], sums[r], max_iter)
            if algorithm == "hartigan":
                single, done = hartigan(values, weight, order, labels[r], sums[r], max_iter)
                passes += single
            if n_iter[r] == 0:
                n_iter[r] = passes
            converged[r] = done

    for _ in range(_ROUNDS):
        before = labels.copy()
        sums, members = _cluster_sums(values, weight, labels, n_clusters, n_jobs)
        run_slices(run, n_init, slice_size=1, n_jobs=n_jobs)
        if np.array_equal(labels, before):
            break
    else:
        sums, members = _cluster_sums(values, weight, labels, n_clusters, n_jobs)
    total = members.sum(axis=2)
    inner = np.einsum("rcj,rcj->rc", members, sums)
    inertias = weight @ np.diagonal(values) - np.sum(inner / total, axis=1)
    full = labels[:, kernel.group]
    if len(kernel.outside):
        squared = (inner / total**2)[:, :, None] - 2.0 / total[:, :, None] * (
            members @ kernel.outside.T
        )
        full[:, kernel.group < 0] = np.argmin(squared, axis=1)
    return Runs(full, np.ldexp(inertias, kernel.exponent), n_iter, converged)


def _cluster_sums(values, weight, labels, n_clusters, n_jobs):
    """Weighted sums of the kernel's rows over clusters, and the weights, (n_init, n_clusters, m).

    One matrix product for all restarts, by blocks of fixed size: the same bits on any number of
    threads.
    """
    n_init, m = labels.shape
    members = np.zeros((n_init, n_clusters, m))
    np.put_along_axis(members, labels[:, None].astype(np.intp), weight, axis=1)
    sums = np.empty_like(members)
    flat = members.reshape(-1, m)

    def block(part):
        sums[:, :, part] = (flat @ values[part].T).reshape(n_init, n_clusters, -1)

    run_slices(block, m, slice_size=BLOCK, n_jobs=n_jobs, uses_blas=True)
    return sums, members

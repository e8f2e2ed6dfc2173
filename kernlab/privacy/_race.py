"""Kernel sums from counters of a locality-sensitive hash: a baseline for the random frequencies.

In each of ``R`` repetitions a grid with random pitch and shift in every coordinate puts a record
into a cell. With pitches of density ``δ k''(δ)`` two points share a cell with probability
``k(‖x-y‖₁)``: for ``k(s) = e^{-s/h}`` that is the Gamma law of shape 2 and scale ``h``, and, as
``1/(1+s) = ∫ e^{-t} e^{-ts} dt``, the pitches of ``1/(1+s/h)`` are those over one exponential
``t`` for each repetition. Kernels of the 2-norm have no such exact hash.

A cell is hashed to one of ``B = 2**log2_buckets`` counters; different cells collide with
probability ``1/B`` exactly over the random multipliers, so a counter has the mean
``K + (n - K)/B`` and the estimate of the kernel sum ``K`` at a query is
``(mean counter - n/B) / (1 - 1/B)``.

One record adds one to one counter in each repetition: the counts change by ``R`` in the 1-norm and
``√R`` in the 2-norm, and to that the noise must be scaled. The number of records is released
apart, with noise of its own. Noise of the scale ``R/ε`` leaves the deviation ``√(2R)/ε`` in a mean
of ``R`` counters, less than the ``2√m/ε`` of ``m = R`` random frequencies by ``√2``; but a counter
is an estimate of ``K`` whose variance is that of all that falls into one cell, which is where this
method loses.
"""

# References: Coleman & Shrivastava, *Sub-linear RACE sketches for approximate kernel density
# estimation on streaming data*, WWW 2020, and *A one-pass distributed and private sketch for kernel
# sums*, CCS 2021; Rahimi & Recht, *Random features for large-scale kernel machines*, NeurIPS 2007
# (random binning); Dietzfelbinger, *Universal hashing and k-wise independent random variables via
# integer arithmetic without primes*, STACS 1996 (multiply-add hashing).

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from kernlab._core.threads import effective_n_jobs, run_slices
from kernlab.privacy import _race_numba as compiled
from kernlab.privacy._frequencies import check_kernel, stratified_uniforms
from kernlab.privacy._records import silently_as

# Queries hashed at a time.
_QUERIES = 256


@dataclass(frozen=True)
class RaceHashes:
    """Random grids and hashes.

    Attributes
    ----------
    inverse_pitch, offset : ndarray of shape (dim, n_repetitions)
        A coordinate's cell is ``⌊x · inverse_pitch + offset⌋``, clamped to 32 bits.
    multipliers, addends : ndarray of uint64, shapes (dim, n_repetitions) and (n_repetitions,)
    log2_buckets : int
    """

    inverse_pitch: np.ndarray
    offset: np.ndarray
    multipliers: np.ndarray
    addends: np.ndarray
    log2_buckets: int

    @property
    def n_repetitions(self):
        return self.addends.size

    @property
    def n_buckets(self):
        return 2**self.log2_buckets

    @property
    def l1_sensitivity(self):
        """What one record changes in the counts, in the 1-norm: one counter a repetition."""
        return self.n_repetitions

    @property
    def squared_l2_sensitivity(self):
        return self.n_repetitions

    def columns(self, part):
        """The arrays of some repetitions, contiguous, and the shift that leaves a bucket."""
        return (
            np.ascontiguousarray(self.inverse_pitch[:, part]),
            np.ascontiguousarray(self.offset[:, part]),
            np.ascontiguousarray(self.multipliers[:, part]),
            self.addends[part],
            64 - self.log2_buckets,
        )


def draw_race(
    kernel,
    n_repetitions,
    dim,
    *,
    bandwidth,
    beta=None,
    norm="l2",
    log2_buckets=12,
    rng,
):
    """Draw the grids and hashes of ``n_repetitions`` repetitions.

    Parameters
    ----------
    kernel : {'laplacian', 'rational'}
        ``exp(-‖x-y‖₁/h)``, or, with ``norm='l1'``, ``1/(1 + ‖x-y‖₁/h)``.
    n_repetitions, dim : int
    bandwidth : float
        ``h``.
    beta, norm
        Of 'rational', as in :func:`kernlab.privacy._frequencies.draw_frequencies`.
    log2_buckets : int, default=12
        Counters of a repetition, as a power of two, in [1, 30].
    rng : numpy.random.Generator

    Returns
    -------
    RaceHashes

    Raises
    ------
    ValueError
        For kernels without an exact hash.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._race import draw_race, race_counts, race_query
    >>> rng = np.random.default_rng(0)
    >>> hashes = draw_race("laplacian", 2000, 2, bandwidth=1.0, rng=rng)
    >>> counts = race_counts(np.zeros((100, 2)), hashes)
    >>> bool(abs(race_query(counts, hashes, np.array([[0.5, 0.5]]), 100.0)[0] - 100 / np.e) < 4)
    True
    """
    check_kernel(kernel, beta, norm, "iid")
    if kernel != "laplacian" and (kernel, norm) != ("rational", "l1"):
        raise ValueError(
            f"features='race' has an exact hash for kernel='laplacian' and for kernel='rational' "
            f"with norm='l1', not for kernel={kernel!r} with norm={norm!r}; take "
            "features='orthogonal'."
        )
    if not 1 <= log2_buckets <= 30:
        raise ValueError(f"log2_buckets={log2_buckets!r} must lie in [1, 30].")
    quantiles = np.array([stratified_uniforms(n_repetitions, rng) for _ in range(dim)])
    inverse_pitch = 1.0 / (gammaincinv(2.0, quantiles) * bandwidth)
    if kernel == "rational":
        inverse_pitch *= -np.log1p(-stratified_uniforms(n_repetitions, rng))
    return RaceHashes(
        inverse_pitch,
        rng.random((dim, n_repetitions)),
        rng.integers(0, 2**64, (dim, n_repetitions), dtype=np.uint64),
        rng.integers(0, 2**64, n_repetitions, dtype=np.uint64),
        log2_buckets,
    )


def race_buckets(X, hashes):
    """Bucket of each record in each repetition, an int64 array of shape (n, n_repetitions)."""
    out = np.empty((X.shape[0], hashes.n_repetitions), dtype=np.int64)
    compiled.buckets(silently_as(np.float64, X), *hashes.columns(slice(None)), out)
    return out


def race_counts(X, hashes, *, n_jobs=None):
    """Count records by bucket.

    Returns an int64 array of shape (n_repetitions, 2**log2_buckets). Each thread has repetitions
    of its own. Costs O(n · dim · n_repetitions). Coordinates that are NaN or infinite count as
    zero, and coordinates beyond 2**31 pitches share the outermost cell.
    """
    counts = np.zeros((hashes.n_repetitions, hashes.n_buckets), dtype=np.int64)

    X = silently_as(np.float64, X)

    def work(part):
        compiled.count(X, *hashes.columns(part), counts[part])

    slice_size = -(-hashes.n_repetitions // effective_n_jobs(n_jobs))
    run_slices(work, hashes.n_repetitions, slice_size=slice_size, n_jobs=n_jobs)
    return counts


def race_query(counts, hashes, Y, n_noisy):
    """Estimate kernel sums at queries from (noisy) counts and a (noisy) number of records.

    Returns an array of shape (n_queries,). Costs O(dim · n_repetitions) a query.
    """
    share = 1.0 / hashes.n_buckets
    repetitions = np.arange(hashes.n_repetitions)
    out = np.empty(Y.shape[0])
    for start in range(0, Y.shape[0], _QUERIES):
        part = slice(start, start + _QUERIES)
        out[part] = counts[repetitions, race_buckets(Y[part], hashes)].mean(axis=1)
    return (out - n_noisy * share) / (1.0 - share)


def race_noise_deviation(hashes, noise_deviation, n_deviation=0.0):
    """Standard deviation of :func:`race_query` that noise causes.

    ``noise_deviation`` is that of each counter and ``n_deviation`` that of the number of records.
    """
    share = 1.0 / hashes.n_buckets
    variance = noise_deviation**2 / hashes.n_repetitions + (n_deviation * share) ** 2
    return math.sqrt(variance) / (1.0 - share)

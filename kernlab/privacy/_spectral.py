"""Kernel sums from integer sums of cosines and sines of random phases.

A record ``x`` gives, for each frequency ``ω``, two integers: ``2**bits_value`` times the cosine and
sine of its phase ``ω·x``, the phase rounded to ``2**bits_phase`` steps a turn. The sums ``C`` and
``S`` over the records, plus noise, estimate the kernel sum at ``y`` by

    (1/m) Σₖ [Cₖ cos(ωₖ·y) + Sₖ sin(ωₖ·y)] / 2**bits_value.

What rounding costs: a phase is off by at most half a step, so each cosine by at most ``π/T`` with
``T = 2**bits_phase`` steps. Over the frequencies these errors are spread evenly and independently:
their mean shrinks the kernel by the factor ``sin(π/T)/(π/T) >= 1 - (π/T)²/6`` (a relative 1e-7 for
``T = 4096``), and the rest, of standard deviation ``π/(T√3)``, averages to ``π/(T√3m)``, four
hundred-thousandths of the ``1/√m`` that the frequencies themselves leave. A value is off by at most
``1/2**bits_value``, 3e-5, and averages likewise.
"""

# Reference: Rahimi & Recht, *Random features for large-scale kernel machines*, NeurIPS 2007.

import functools
import math
import threading
from dataclasses import dataclass

import numpy as np

from kernlab._core.threads import run_slices
from kernlab.privacy import _phases_numba as compiled
from kernlab.privacy._frequencies import StructuredFrequencies
from kernlab.privacy._records import silently_as

BITS_PHASE = 12
BITS_VALUE = 15
# Copies of a slice's records, and phases of a slice of queries, stay in the second cache.
_SLICE_BYTES = 2**20


@dataclass(frozen=True)
class PhaseTables:
    """Integer cosines and sines of ``2**bits_phase`` equal steps of a turn.

    Attributes
    ----------
    bits_phase, bits_value : int
    cos, sin : ndarray of int32, shape (2**bits_phase,)
        Nearly ``2**bits_value`` times the cosine and sine; exactly, for every entry,
        ``|cos| + |sin| <= l1_bound`` and ``cos² + sin² <= 4**bits_value``.
    packed : ndarray of int64, shape (2**bits_phase,)
        ``cos · 2**32 + sin``.
    """

    bits_phase: int
    bits_value: int
    cos: np.ndarray
    sin: np.ndarray
    packed: np.ndarray

    @property
    def l1_bound(self):
        """``⌊√2 · 2**bits_value⌋``, the most that one frequency adds up to in absolute values."""
        return math.isqrt(2 * 4**self.bits_value)

    def l1_sensitivity(self, n_features):
        """Bound of ``Σ|v|`` over a record's integers, exact."""
        return n_features * self.l1_bound

    def squared_l2_sensitivity(self, n_features):
        """Bound of ``Σ v²`` over a record's integers, exact."""
        return n_features * 4**self.bits_value


@functools.cache
def phase_tables(bits_phase=BITS_PHASE, bits_value=BITS_VALUE):
    """Build the tables, and check their bounds in integers.

    Raises :class:`ValueError` for sizes that the accumulation does not hold: ``bits_phase`` in
    [2, 16] and ``bits_value`` in [1, 20].
    """
    if not 2 <= bits_phase <= 16 or not 1 <= bits_value <= 20:
        raise ValueError(
            f"bits_phase={bits_phase} must lie in [2, 16] and bits_value={bits_value} in [1, 20]."
        )
    n_steps = 2**bits_phase
    angle = 2.0 * np.pi * np.arange(n_steps) / n_steps
    cos = np.rint(2.0**bits_value * np.cos(angle)).astype(np.int64)
    sin = np.rint(2.0**bits_value * np.sin(angle)).astype(np.int64)
    l1_bound, squared_bound = math.isqrt(2 * 4**bits_value), 4**bits_value
    while (over := _exceeds(cos, sin, l1_bound, squared_bound)).any():
        larger = np.abs(cos) >= np.abs(sin)
        cos -= np.sign(cos) * (over & larger)
        sin -= np.sign(sin) * (over & ~larger)
    tables = PhaseTables(
        bits_phase,
        bits_value,
        cos.astype(np.int32),
        sin.astype(np.int32),
        cos * 2**32 + sin,
    )
    for array in (tables.cos, tables.sin, tables.packed):
        array.flags.writeable = False
    for c, s in zip(tables.cos.tolist(), tables.sin.tolist(), strict=True):
        if abs(c) + abs(s) > l1_bound or c * c + s * s > squared_bound:
            raise RuntimeError(f"the phase table entry ({c}, {s}) exceeds its declared bound.")
    return tables


def _exceeds(cos, sin, l1_bound, squared_bound):
    return (np.abs(cos) + np.abs(sin) > l1_bound) | (cos**2 + sin**2 > squared_bound)


def sum_features(X, frequencies, *, tables=None, n_jobs=None):
    """Sum the integer features of records.

    Parameters
    ----------
    X : ndarray of shape (n, dim), float64 or float32
        Coordinates that are NaN or infinite count as zero.
    frequencies : DenseFrequencies or StructuredFrequencies
    tables : PhaseTables, optional
    n_jobs : int, optional
        Threads; see :func:`kernlab._core.threads.effective_n_jobs`. The result does not depend on
        it, for integers may be added in any order.

    Returns
    -------
    sums : ndarray of int64, shape (2 * n_features,)
        Cosines, then sines: the column sums of :func:`record_features`. Exact below ``2**(63 -
        bits_value)`` records.

    Notes
    -----
    Costs O(n · dim · n_features) for dense frequencies and O(n · n_features · log dim) for
    structured ones, with a megabyte of memory per thread.
    """
    tables = tables or phase_tables()
    n, dim = X.shape
    add = _accumulator(frequencies, tables)
    sums = np.zeros((2, frequencies.n_features), dtype=np.int64)
    lock = threading.Lock()

    def work(part):
        packed = np.zeros(frequencies.n_features, dtype=np.int64)
        add(X[part], packed)
        cosines, sines = _unpack(packed)
        with lock:
            sums[0] += cosines
            sums[1] += sines

    run_slices(work, n, slice_size=_slice_size(dim, tables), n_jobs=n_jobs)
    return sums.reshape(-1)


def record_features(X, frequencies, *, tables=None):
    """The integer vector of each record, of shape (n, 2 * n_features) and type int64.

    Each is what :func:`sum_features` adds for that record, which never holds these rows: for
    audits.
    """
    tables = tables or phase_tables()
    add = _accumulator(frequencies, tables)
    packed = np.zeros((X.shape[0], frequencies.n_features), dtype=np.int64)
    for i in range(X.shape[0]):
        add(X[i : i + 1], packed[i])
    return np.hstack(_unpack(packed))


def _unpack(packed):
    """Sums of cosines and of sines; the low half holds the sines as a signed 32-bit integer."""
    sines = ((packed + 2**31) & (2**32 - 1)) - 2**31
    return (packed - sines) >> 32, sines


def _accumulator(frequencies, tables):
    """A function that adds the packed features of a few records."""
    n_steps = 2**tables.bits_phase
    if isinstance(frequencies, StructuredFrequencies):
        sums, arguments = compiled.structured_sums, [frequencies.signs, frequencies.turns * n_steps]
    else:
        sums, arguments = compiled.dense_sums, [_padded_steps(frequencies, n_steps)]

    def add(X, packed):
        # Single precision is exact in double, so a record's integers are those of its value.
        sums(silently_as(np.float64, X), *arguments, tables.packed, packed)

    return add


def _padded_steps(frequencies, n_steps):
    """Frequencies in steps of the phase, with rows of zeros to a multiple the loops unroll by."""
    missing = -frequencies.dim % compiled.FEATURES
    return np.pad(frequencies.turns * n_steps, ((0, missing), (0, 0)))


def _slice_size(dim, tables):
    """Records whose copy is small and whose packed sums do not overflow their halves."""
    return min(2 ** (30 - tables.bits_value), max(64, _SLICE_BYTES // (8 * dim)))


def evaluate(statistics, frequencies, Y, *, bits_value=BITS_VALUE, n_jobs=1):
    """Estimate kernel sums at queries from (noisy) sums of features.

    Parameters
    ----------
    statistics : ndarray of shape (2 * n_features,) or (n_groups, 2 * n_features)
        As returned by :func:`sum_features`, noise added; in a row for each group of records.
    frequencies : DenseFrequencies or StructuredFrequencies
    Y : ndarray of float64, shape (n_queries, dim)
    bits_value : int
        Of the tables of the sums.
    n_jobs : int, default=1

    Returns
    -------
    sums : ndarray of shape (n_queries,) or (n_queries, n_groups)
        The polynomials in it are accurate to 3e-11 of ``Σ|statistics| / (n_features
        2**bits_value)``. Where a phase overflows, its cosine is 1.
    """
    n_features = frequencies.n_features
    weights = np.atleast_2d(statistics) / (n_features * 2.0**bits_value)
    out = np.empty((len(weights), Y.shape[0]))

    def work(part):
        turns = _turns(Y[part], frequencies)
        for row, sums in zip(weights, out, strict=True):
            compiled.trigonometric_sums(turns, row[:n_features], row[n_features:], sums[part])

    slice_size = max(1, _SLICE_BYTES // (8 * n_features))
    if Y.shape[0] <= slice_size:
        # Holding BLAS to one thread would take longer than a few queries.
        work(slice(None))
    else:
        run_slices(work, Y.shape[0], slice_size=slice_size, n_jobs=n_jobs, uses_blas=True)
    return out[0] if np.ndim(statistics) == 1 else out.T


def _turns(Y, frequencies):
    if isinstance(frequencies, StructuredFrequencies):
        products = np.empty((Y.shape[0], frequencies.n_features))
        compiled.structured_products(Y, frequencies.signs, frequencies.turns, products)
        return products
    # Overflow is told by the result, and dealt with there.
    with np.errstate(over="ignore", invalid="ignore"):
        return Y @ frequencies.turns


def query_noise_deviation(n_features, noise_deviation, bits_value=BITS_VALUE):
    """Standard deviation of :func:`evaluate` where each integer's noise has ``noise_deviation``.

    The same at every query, for ``cos² + sin² = 1``: ``noise_deviation / (√m 2**bits_value)``.
    """
    return noise_deviation / (math.sqrt(n_features) * 2.0**bits_value)

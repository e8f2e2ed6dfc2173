"""Compiled sums of integer cosines and sines over records, in strict arithmetic.

What is released depends on the records through integers alone, and the integers of one record must
be a function of that record alone, bit for bit: otherwise the presence of one record could change
what another contributes, and no bound on one contribution would bound the change of the sum.
A matrix product of BLAS gives no such promise (its rounding depends on the shape of the batch, on
a row's place in it and on the number of threads), so phases are computed here: compiled without
fast-math, hence neither reordered nor contracted, features summed in the order of their index.
Tiles only decide which of these independent sums are computed next to each other.

Frequencies come scaled to steps of the phase, ``T`` steps a turn, so that a phase is a number of
steps to be rounded and taken modulo ``T``, a power of two. Adding ``1.5·2**52`` does both: it
leaves the nearest integer in the low bits of the mantissa, in two's complement, and ``T - 1``
masks them. Whatever the bits, also those of an infinity or of a product beyond the range, the mask
yields a valid phase.

A table entry holds cosine and sine in the halves of one integer, so that one load and one addition
serve both; the sums of at most ``2**(30 - bits_value)`` records are separated afterwards.
"""

import numpy as np

from kernlab._core.fastmath import wide_vectors
from kernlab._core.jit import inline, njit

# Revision of the files inlined here (_core/fastmath.py and _core/jit.py); a test says when it is
# stale. Changing it changes this file, and so renews Numba's disk cache.
INLINED_REVISION = "67436d3f"

# Records that share one load of the frequencies, and features added in one pass over a tile.
RECORDS = 4
FEATURES = 4
# Records that pass through the structured transform side by side, two vector registers.
LANES = 16
# Frequencies of a tile: four records' phases and the sums fit the first cache beside the table.
TILE = 256
_TO_INTEGER = 1.5 * 2.0**52


@inline
def _finite(x):
    """A coordinate that is no finite number counts as zero."""
    x = np.float64(x)
    return x if x - x == 0.0 else 0.0


# --- Dense frequencies ---------------------------------------------------------------------------


@njit
def _dense_steps(records, i, frequencies, width, steps):
    """Phases of records ``i`` to ``i + 3``, in steps, for a tile of frequencies."""
    wide_vectors()
    for f in range(width):
        steps[0, f] = steps[1, f] = steps[2, f] = steps[3, f] = 0.0
    for j in range(0, records.shape[1], FEATURES):
        x00, x01 = records[i, j], records[i, j + 1]
        x02, x03 = records[i, j + 2], records[i, j + 3]
        x10, x11 = records[i + 1, j], records[i + 1, j + 1]
        x12, x13 = records[i + 1, j + 2], records[i + 1, j + 3]
        x20, x21 = records[i + 2, j], records[i + 2, j + 1]
        x22, x23 = records[i + 2, j + 2], records[i + 2, j + 3]
        x30, x31 = records[i + 3, j], records[i + 3, j + 1]
        x32, x33 = records[i + 3, j + 2], records[i + 3, j + 3]
        for f in range(width):
            w0 = frequencies[j, f]
            w1 = frequencies[j + 1, f]
            w2 = frequencies[j + 2, f]
            w3 = frequencies[j + 3, f]
            steps[0, f] = (((steps[0, f] + x00 * w0) + x01 * w1) + x02 * w2) + x03 * w3
            steps[1, f] = (((steps[1, f] + x10 * w0) + x11 * w1) + x12 * w2) + x13 * w3
            steps[2, f] = (((steps[2, f] + x20 * w0) + x21 * w1) + x22 * w2) + x23 * w3
            steps[3, f] = (((steps[3, f] + x30 * w0) + x31 * w1) + x32 * w2) + x33 * w3


@njit
def _round(steps):
    wide_vectors()
    for k in range(steps.size):
        steps[k] += _TO_INTEGER


@njit
def _add(bits, table, packed):
    mask = np.uint64(table.size - 1)
    for f in range(packed.size):
        packed[f] += table[bits[f] & mask]


@njit
def _padded_records(X, n_features):
    """Finite coordinates, with zeros to ``n_features`` and to a multiple of ``RECORDS`` rows."""
    records = np.zeros((X.shape[0] + (-X.shape[0]) % RECORDS, n_features))
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            records[i, j] = _finite(X[i, j])
    return records


@njit
def dense_sums(X, frequencies, table, packed):
    """Add the table entries of all records of ``X`` to ``packed``, one sum per frequency."""
    n, n_frequencies = X.shape[0], frequencies.shape[1]
    records = _padded_records(X, frequencies.shape[0])
    steps = np.empty((RECORDS, TILE))
    bits = steps.view(np.uint64)
    # Rows of the whole table may lie a power of two apart and so drive each other out of the first
    # cache; those of a copy do not, which is twice as fast.
    tile = np.empty((frequencies.shape[0], TILE))
    for first in range(0, n_frequencies, TILE):
        width = min(TILE, n_frequencies - first)
        tile[:, :width] = frequencies[:, first : first + width]
        for i in range(0, n, RECORDS):
            _dense_steps(records, i, tile, width, steps)
            _round(steps.reshape(-1))
            for r in range(min(RECORDS, n - i)):
                _add(bits[r], table, packed[first : first + width])


# --- Structured frequencies ----------------------------------------------------------------------


@njit
def _hadamard(z, size):
    """Walsh-Hadamard transform, not normalised, of ``LANES`` vectors side by side in ``z``."""
    wide_vectors()
    half = LANES
    while 4 * half <= size * LANES:
        # Two stages at once, for reading and writing takes longer than adding.
        for start in range(0, size * LANES, 4 * half):
            quarter0, quarter1 = z[start : start + half], z[start + half : start + 2 * half]
            start += 2 * half
            quarter2, quarter3 = z[start : start + half], z[start + half : start + 2 * half]
            for k in range(half):
                a, b, c, d = quarter0[k], quarter1[k], quarter2[k], quarter3[k]
                sum_low, difference_low = a + b, a - b
                sum_high, difference_high = c + d, c - d
                quarter0[k] = sum_low + sum_high
                quarter1[k] = difference_low + difference_high
                quarter2[k] = sum_low - sum_high
                quarter3[k] = difference_low - difference_high
        half *= 4
    if half < size * LANES:
        low, high = z[:half], z[half : 2 * half]
        for k in range(half):
            a, b = low[k], high[k]
            low[k] = a + b
            high[k] = a - b


@njit
def _side_by_side(X, i, lanes):
    """Lay ``LANES`` records from the ``i``-th on side by side; zeros where there are none."""
    lanes[:] = 0.0
    for r in range(min(LANES, X.shape[0] - i)):
        for j in range(X.shape[1]):
            lanes[j * LANES + r] = _finite(X[i + r, j])


@njit
def _structured_steps(lanes, signs, radii, z):
    """Phases of ``LANES`` records, in steps, for one block: ``radii · H D₁ H D₂ H D₃ x``."""
    wide_vectors()
    size = signs.shape[1]
    for j in range(size):
        sign = signs[2, j]
        for r in range(LANES):
            z[j * LANES + r] = lanes[j * LANES + r] * sign
    _hadamard(z, size)
    for stage in range(1, -1, -1):
        for j in range(size):
            sign = signs[stage, j]
            for r in range(LANES):
                z[j * LANES + r] *= sign
        _hadamard(z, size)
    for f in range(radii.size):
        radius = radii[f]
        for r in range(LANES):
            z[f * LANES + r] *= radius


@njit
def structured_sums(X, signs, radii, table, packed):
    """As :func:`dense_sums`, for blocks of ``signs`` and the radii of all frequencies."""
    n, size = X.shape[0], signs.shape[2]
    z, lanes = np.empty(size * LANES), np.empty(size * LANES)
    bits = z.view(np.uint64)
    mask = np.uint64(table.size - 1)
    for i in range(0, n, LANES):
        _side_by_side(X, i, lanes)
        count = min(LANES, n - i)
        for block in range(signs.shape[0]):
            first = block * size
            width = min(size, radii.size - first)
            _structured_steps(lanes, signs[block], radii[first : first + width], z)
            _round(z)
            for f in range(width):
                total = np.int64(0)
                for r in range(count):
                    total += table[bits[f * LANES + r] & mask]
                packed[first + f] += total


@njit
def structured_products(Y, signs, radii, products):
    """``Y`` times the structured frequencies, for queries."""
    n, size = Y.shape[0], signs.shape[2]
    z, lanes = np.empty(size * LANES), np.empty(size * LANES)
    for i in range(0, n, LANES):
        _side_by_side(Y, i, lanes)
        for block in range(signs.shape[0]):
            first = block * size
            width = min(size, radii.size - first)
            _structured_steps(lanes, signs[block], radii[first : first + width], z)
            for f in range(width):
                for r in range(min(LANES, n - i)):
                    products[i + r, first + f] = z[f * LANES + r]


# --- Queries -------------------------------------------------------------------------------------

# sin(2πt) = t P(t²) and cos(2πt) = Q(t²) on |t| <= 1/4: Chebyshev interpolants in t², whose errors
# are below 3e-11 and 8e-13.
SINE = (
    6.283185307072264,
    -41.341702116744,
    81.60522617402967,
    -76.70427987604262,
    42.009779303153906,
    -14.393966295455941,
)
COSINE = (
    0.9999999999992479,
    -19.7392088009994,
    64.939393720599,
    -85.45678817674047,
    60.24331176645407,
    -26.39494802157144,
    7.53659673505548,
)
# Queries meet finite numbers, infinities and, where infinities cancel, NaN: `nnan` is not assumed.
_QUERY_MATH = {"reassoc", "contract", "arcp", "nsz"}
# Above this a float is an integer, and so is a number of turns.
_LARGEST_TURN = 2.0**51


@njit(fastmath=_QUERY_MATH)
def trigonometric_sums(turns, cosines, sines, out):
    """``out[i] = Σₖ cosines[k]·cos(2π turns[i, k]) + sines[k]·sin(2π turns[i, k])``."""
    wide_vectors()
    s0, s1, s2, s3, s4, s5 = SINE
    c0, c1, c2, c3, c4, c5, c6 = COSINE
    for i in range(turns.shape[0]):
        total = 0.0
        for k in range(turns.shape[1]):
            u = turns[i, k]
            u = u if abs(u) < _LARGEST_TURN else 0.0
            # Half turns are counted in q, and the rest lies within a quarter turn of zero.
            q = np.floor(2.0 * u + 0.5)
            t = u - 0.5 * q
            z = t * t
            sine = t * (s0 + z * (s1 + z * (s2 + z * (s3 + z * (s4 + z * s5)))))
            cosine = c0 + z * (c1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * c6)))))
            # Each half turn changes both signs: 1 for even q, -1 for odd.
            sign = 1.0 - 2.0 * (q - 2.0 * np.floor(0.5 * q))
            total += sign * (cosines[k] * cosine + sines[k] * sine)
        out[i] = total

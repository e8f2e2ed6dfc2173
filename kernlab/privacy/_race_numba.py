"""Compiled cells of randomly shifted grids, hashed to buckets, in strict arithmetic.

As in :mod:`kernlab.privacy._phases_numba`, a record's buckets are a function of that record alone.
"""

import numpy as np

from kernlab._core.fastmath import wide_vectors
from kernlab._core.jit import njit

# Revision of the files inlined here (_core/fastmath.py and _core/jit.py); a test says when it is
# stale. Changing it changes this file, and so renews Numba's disk cache.
INLINED_REVISION = "67436d3f"

# Cells are clamped to 32-bit integers: the hash is universal for those.
_LOWEST, _HIGHEST = -(2.0**31), 2.0**31 - 1.0


@njit
def _hash_record(x, inverse_pitch, offset, multipliers, addends, hashes):
    """Multiply-add hashes of one record's cells, one per repetition, in the high bits."""
    wide_vectors()
    for r in range(hashes.size):
        hashes[r] = addends[r]
    for j in range(x.size):
        xj = np.float64(x[j])
        xj = xj if xj - xj == 0.0 else 0.0
        for r in range(hashes.size):
            cell = np.floor(xj * inverse_pitch[j, r] + offset[j, r])
            cell = min(max(cell, _LOWEST), _HIGHEST)
            hashes[r] += multipliers[j, r] * np.uint64(np.int64(cell) + 2**31)


@njit
def buckets(X, inverse_pitch, offset, multipliers, addends, shift, out):
    """Bucket of every record in every repetition."""
    hashes = np.empty(addends.size, dtype=np.uint64)
    for i in range(X.shape[0]):
        _hash_record(X[i], inverse_pitch, offset, multipliers, addends, hashes)
        for r in range(hashes.size):
            out[i, r] = np.int64(hashes[r] >> np.uint64(shift))


@njit
def count(X, inverse_pitch, offset, multipliers, addends, shift, counts):
    """Add one to each record's bucket in every repetition."""
    hashes = np.empty(addends.size, dtype=np.uint64)
    for i in range(X.shape[0]):
        _hash_record(X[i], inverse_pitch, offset, multipliers, addends, hashes)
        for r in range(hashes.size):
            counts[r, hashes[r] >> np.uint64(shift)] += 1

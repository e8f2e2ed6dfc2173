"""Compiled kernel sums with a width to each point and each query; see ``_scaled``."""

# Compiled code: its types are Numba's.
# mypy: no-check-untyped-defs

import numpy as np

from kernlab._core.fastmath import wide_vectors
from kernlab._core.jit import FAST, njit
from kernlab.kernels._sums_numba import (
    DIRECT_QUERIES,
    _distances,
    _distances_twofold,
    _fold,
)

# Revision of the files inlined here (_core/fastmath.py, _core/jit.py, kernels/_formulas.py,
# kernels/_profiles.py, kernels/_sums_numba.py); a test says when it is stale.
INLINED_REVISION = "ff68bf24"


@njit(fastmath=FAST)
def _scale(squared, scales, query_scales, rows, width):
    """Multiply the squared distances of four queries and a tile by the scales of both."""
    wide_vectors()
    for k in range(4):
        factor = query_scales[rows[k]]
        for j in range(width):
            squared[k, j] *= factor * scales[j]


@njit(fastmath=FAST)
def scaled_sums(
    tag, tiles, tiles_low, scales, weights, n_points, queries, queries_low, query_scales, own,
    shifts, sums, square_sums,
):  # fmt: skip
    """As :func:`kernlab.kernels._sums_numba.direct_sums`, of scaled squared distances.

    Parameters
    ----------
    scales : (n_tiles, width) array
        Of the points: the inverse squares of their relative widths.
    query_scales : (m,) array
        Of the queries.
    """
    squared = np.empty((4, tiles.shape[2]), tiles.dtype)
    for first in range(0, queries.shape[0], DIRECT_QUERIES):
        last = min(queries.shape[0], first + DIRECT_QUERIES)
        end = last - 1
        for t in range(tiles.shape[0]):
            start = t * tiles.shape[2]
            width = min(tiles.shape[2], n_points - start)
            for i in range(first, last, 4):
                rows = (i, min(i + 1, end), min(i + 2, end), min(i + 3, end))
                if tiles_low is None:
                    _distances(tiles[t], queries, rows, width, squared)
                else:
                    _distances_twofold(
                        tiles[t], tiles_low[t], queries, queries_low, rows, width, squared
                    )
                _scale(squared, scales[t], query_scales, rows, width)
                _fold(
                    tag, squared, min(4, last - i), weights[t], width, start, own, i, shifts, sums,
                    square_sums,
                )  # fmt: skip

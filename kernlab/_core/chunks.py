"""How much of a pairwise computation is held at a time."""

import sklearn

# On a CPU a chunk past a few times the caches gains nothing, so the bound is the smaller of this
# and scikit-learn's `working_memory`.
CPU_CHUNK_BYTES = 64 * 2**20


def chunk_bytes(*, on_cpu=True):
    """Bytes that one chunk's temporary arrays may take together."""
    working = int(sklearn.get_config()["working_memory"] * 2**20)
    return max(1, min(working, CPU_CHUNK_BYTES) if on_cpu else working)


def chunk_shape(n_rows, n_columns, bytes_per_pair, *, on_cpu=True):
    """Rows and columns of a chunk of an ``n_rows × n_columns`` table that fits the bound.

    Chunks are kept near square, so that each point read serves many pairs.
    """
    pairs = max(1, chunk_bytes(on_cpu=on_cpu) // bytes_per_pair)
    side = max(1, int(pairs**0.5))
    rows = min(n_rows, side)
    columns = min(n_columns, max(1, pairs // max(1, rows)))
    rows = min(n_rows, max(1, pairs // max(1, columns)))
    return rows, columns

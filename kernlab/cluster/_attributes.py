"""Attributes of nodes as indicator matrices, and whether a graph knows them."""

import numpy as np
import scipy.sparse as sp
from scipy.special import xlogy

from kernlab._core.threads import run_slices

# Permutations that are in memory at a time, and those of one sweep over the edges.
_TURN, _COLUMNS = 64, 16


def indicators(attributes, n_nodes):
    """One sparse matrix (n_nodes, n_values) of who holds which value, for each attribute.

    A column of a table is an attribute; None, NaN, NaT, pandas' NA and what is masked are held by
    nobody. A sparse matrix is one attribute of which a node may hold several values, by its
    entries, whose mean, weighted by themselves, is made one. Values with one holder link nobody and
    are left out.
    """
    if sp.issparse(attributes):
        found = [_of_sparse(attributes)]
    elif hasattr(attributes, "iloc"):
        table = attributes.to_frame() if attributes.ndim == 1 else attributes
        found = [
            _of_column(column.to_numpy(dtype=object), repr(name)) for name, column in table.items()
        ]
    else:
        if np.ma.isMaskedArray(attributes):
            masked, attributes = np.ma.getmaskarray(attributes), attributes.data.astype(object)
            attributes[masked] = None
        table = np.asarray(attributes)
        # Of strings and NaN in a list numpy makes strings all, 'nan' among them.
        if table.dtype.kind in "US" and not isinstance(attributes, np.ndarray):
            table = np.asarray(attributes, dtype=object)
        if table.ndim not in (1, 2):
            raise ValueError(
                f"attributes has shape {table.shape}; give one row for each node and one column "
                "for each attribute."
            )
        columns = table[:, None] if table.ndim == 1 else table
        found = [_of_column(column, str(place)) for place, column in enumerate(columns.T)]
    if not found:
        raise ValueError("attributes has no columns; leave it out to cluster by structure alone.")
    if found[0].shape[0] != n_nodes:
        raise ValueError(
            f"attributes has {found[0].shape[0]} rows and the graph {n_nodes} nodes; give one row "
            "for each node, in the order of the graph's."
        )
    return [one[:, np.flatnonzero(one.count_nonzero(axis=0) > 1)] for one in found]


def _of_sparse(attributes):
    if attributes.dtype == object or np.issubdtype(attributes.dtype, np.complexfloating):
        raise ValueError(f"attributes has dtype {attributes.dtype}; its entries are real numbers.")
    holds = sp.csr_array(attributes, dtype=np.float64, copy=True)
    holds.sum_duplicates()
    if not np.isfinite(holds.data).all() or (holds.nnz and holds.data.min() < 0):
        raise ValueError(
            "attributes holds negative numbers, NaN or infinity; a sparse one says how much a node "
            "holds of each value, zero or more."
        )
    holds.eliminate_zeros()
    if holds.nnz:
        # Of any common scale: where entries are equal, they count as one each.
        holds.data /= holds.data.max()
        holds.data *= holds.data.sum() / np.sum(holds.data**2)
    return holds


def _of_column(column, name):
    if column.dtype == object:
        codes = _codes_of_objects(column, name)
    elif column.dtype.kind in "fc":
        codes = _codes_of_numbers(column, name)
    else:
        codes = np.unique(column, return_inverse=True)[1]
        if column.dtype.kind in "mM":
            codes[np.isnat(column)] = -1
    rows = np.flatnonzero(codes >= 0)
    shape = (len(codes), codes.max(initial=-1) + 1)
    return sp.csr_array((np.ones(len(rows)), (rows, codes[rows])), shape=shape)


def _codes_of_numbers(column, name):
    missing = np.isnan(column)
    known = column[~missing]
    whole = np.isfinite(known) & (known == np.floor(known.real))
    if not whole.all():
        raise ValueError(
            f"Column {name} of attributes holds {known[~whole][0]!s}, and attributes are "
            "categories. Bin what is continuous, as KBinsDiscretizer(encode='ordinal') of "
            "scikit-learn does; missing values are NaN."
        )
    codes = np.full(len(column), -1)
    codes[~missing] = np.unique(known, return_inverse=True)[1]
    return codes


def is_missing(value):
    """Whether a value is None, NaN, NaT or pandas' NA."""
    # NaN and NaT differ from themselves; NA has no truth value, and one instance.
    return value is None or type(value).__name__ == "NAType" or value != value


def _codes_of_objects(column, name):
    codes = np.full(len(column), -1)
    known: dict = {}
    for row, value in enumerate(column):
        if is_missing(value):
            continue
        if isinstance(value, float | np.floating) and value != np.floor(value):
            _codes_of_numbers(np.array([value]), name)
        try:
            codes[row] = known.setdefault(value, len(known))
        except TypeError as error:
            raise ValueError(
                f"Column {name} of attributes holds {value!r}, which cannot be a category "
                f"({error}); give strings or integers."
            ) from error
    return codes


def attribute_evidence(holds, labels, n_clusters):
    """Mutual information of labels and values times the number of values held, in nats.

    It is the log likelihood of the values given labels, each cluster with its own distribution,
    beyond that of one distribution for all.
    """
    members = np.eye(n_clusters)[labels]
    table = (holds.T @ members).T
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1.0)
    return float(np.sum(xlogy(table, table / np.where(expected > 0, expected, 1.0))))


def permutation_p_value(adjacency, holds, n_permutations, rng, n_jobs=None):
    """Probability that values handed out at random have as much weight within them as ``holds``.

    The statistic is the modularity of the values, by one-sided permutation of the nodes, so that
    p is at most α in at most a share α of graphs that have nothing to do with the attribute.
    """
    if not holds.nnz:
        return 1.0
    graph, holds = sp.csr_array(adjacency), sp.csr_array(holds, copy=True)
    holds.sum_duplicates()
    for one in (graph, holds):
        # Of one type, so that the kernels are compiled once.
        one.indptr, one.indices = one.indptr.astype(np.int64), one.indices.astype(np.int64)
    degrees = graph.sum(axis=1)
    n, total = len(degrees), degrees.sum()

    def modularity(orders):
        expected, moved = np.empty(len(orders)), np.empty(n)
        for place, order in enumerate(orders):
            moved[order] = degrees
            expected[place] = np.sum((holds.T @ moved) ** 2) / total
        return _weight_within(graph, holds, orders) - expected

    # A little less, for rounding must not make a tie with itself a defeat.
    own = modularity(np.arange(n)[None])[0] - 1e-9 * total
    above = 0
    for start in range(0, n_permutations, _TURN):
        # Drawn beforehand, so that threads do not change what is drawn.
        turn = min(_TURN, n_permutations - start)
        orders = np.array([rng.permutation(n) for _ in range(turn)])
        reached = np.empty(turn, dtype=bool)

        def work(part, orders=orders, reached=reached):
            reached[part] = modularity(orders[part]) >= own

        run_slices(work, turn, slice_size=_COLUMNS, n_jobs=n_jobs)
        above += int(np.count_nonzero(reached))
    return (1 + above) / (1 + n_permutations)


def _weight_within(graph, holds, orders):
    """Sum of A_ij (H H')_ij, with the rows of H in each order, a row of ``orders``."""
    from kernlab.cluster._attributes_numba import held_in_common, weight_within

    edges = graph.indptr, graph.indices, graph.data
    if np.diff(holds.indptr).max() > 1 or np.any(holds.data != 1.0):
        moved = (holds[order] for order in orders)
        return np.array([held_in_common(*edges, m.indptr, m.indices, m.data) for m in moved])
    codes = np.full(orders.shape[1], -1, dtype=np.int32)
    codes[np.diff(holds.indptr) > 0] = holds.indices
    return weight_within(*edges, np.ascontiguousarray(codes[orders].T))

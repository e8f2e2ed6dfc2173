"""Graphs as they come - arrays, sparse matrices, networkx - to one checked adjacency matrix."""

import numpy as np
import scipy.sparse as sp

from kernlab._core.validation import validate_data
from kernlab._core.warn import warn_user
from kernlab.exceptions import SelfLoopWarning
from kernlab.graph._distance_like import warn_of_distances
from kernlab.graph._no_graphs import refuse_others, refuse_shape
from kernlab.graph._other_weights import warn_of_other_weights

# Of the largest weight: below, its inverse overflows, or nearly.
_LEAST = 1e-305


def is_networkx(graph):
    """Whether ``graph`` is a graph of networkx, which is not imported for that."""
    return hasattr(graph, "adjacency") and hasattr(graph, "is_directed")


def node_names(graph):
    """Names of the nodes of a networkx graph, or of a DataFrame by its index or else its columns.

    None where there are none: of arrays and sparse matrices, and where labels are row numbers.
    """
    if is_networkx(graph):
        return list(graph)
    for axis in ("index", "columns"):
        labels = getattr(graph, axis, None) if hasattr(graph, "iloc") else None
        if labels is not None and list(labels) != list(range(len(labels))):
            return list(labels)
    return None


def validate_graph(estimator, X, *, reset=True):
    """Check the graph that an estimator is given, as :func:`as_adjacency` does.

    Parameters
    ----------
    estimator : BaseEstimator
        Named in messages; ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : networkx graph, sparse matrix or array, array-like or DataFrame of shape (n_nodes, n_nodes)
    reset : bool
        True in ``fit``, which sets ``nodes_`` too, in the order of the rows: a list by
        :func:`node_names`, else the range of their numbers.

    Returns
    -------
    adjacency : float64 CSR matrix of shape (n_nodes, n_nodes)
        In canonical format and without loops; never an array of X itself.
    """
    nodes = node_names(X)
    graph = of_networkx(X, "X") if is_networkx(X) else X
    refuse_others(graph, "X")
    # In fit, what is not finite is told of below, with what to do in a graph.
    checked = validate_data(
        estimator,
        graph,
        dtype=np.float64,
        accept_sparse="csr",
        ensure_all_finite=not reset,
        reset=reset,
    )
    _refuse_infinite(checked.data if sp.issparse(checked) else checked, "X")
    adjacency = as_adjacency(checked, name="X", copy=checked is X, nodes=nodes)
    if reset:
        warn_of_distances(adjacency, "X")
        warn_of_other_weights(X, "X")
        estimator.nodes_ = range(adjacency.shape[0]) if nodes is None else nodes
    return adjacency


def check_fitted_graph(estimator, X, fitted):
    """Refuse a graph whose adjacency matrix is not ``fitted``, that of :meth:`fit`."""
    adjacency = validate_graph(estimator, X, reset=False)
    if adjacency.shape != fitted.shape or abs(adjacency - fitted).max() > 1e-10 * fitted.max():
        raise ValueError(
            "X is another graph than the one fitted, whose proximities are of its own nodes "
            "alone; call fit_transform."
        )


def nodes_at(rows, nodes):
    """The first of ``rows`` for a message: by the names of a list of ``nodes``, or as rows."""
    named = isinstance(nodes, list)
    few = ", ".join(repr(nodes[row]) if named else str(row) for row in rows[:5])
    return ("nodes " if named else "rows ") + few + (", ..." if len(rows) > 5 else "")


def without_isolated(name, nodes):
    """How to drop the nodes without edges, for a message."""
    if isinstance(nodes, list):
        return (
            f"{name}.remove_nodes_from(list(networkx.isolates({name}))) of networkx, "
            f"{name}.loc[{name}.any(axis=1), {name}.any()] of a DataFrame"
        )
    return (
        f"W = scipy.sparse.csr_array({name}); linked = W.sum(axis=0) > 0; pass W[linked][:, linked]"
    )


def graph_tags(tags):
    """Of an estimator whose X is a graph."""
    tags.input_tags.pairwise = True
    tags.input_tags.positive_only = True
    tags.input_tags.sparse = True
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = []
    return tags


def as_adjacency(graph, *, name="graph", loops="drop", copy=True, nodes=None):
    """Weights of an undirected graph as a float64 matrix in canonical CSR format.

    Parameters
    ----------
    graph : networkx graph, sparse matrix or array, or array-like of shape (n_nodes, n_nodes)
        Weights are similarities, zero or more. Of networkx the edge attribute ``weight``, where
        there is none one; nodes keep their order, and parallel edges add up.
    name : str
        Of the parameter, for messages.
    loops : {'drop', 'keep'}
        Weights on the diagonal are taken off with a ``SelfLoopWarning``, or kept.
    copy : bool
        False where a sparse matrix is nobody else's, and may change.
    nodes : list or None
        Names of the rows for messages; None for those that ``graph`` has, or for numbers.

    Raises
    ------
    TypeError
        For a path, a Bunch that holds a graph, a dict, or a graph of another library.
    ValueError
        Where weights are not square, finite, non-negative and symmetric, or the largest is below
        1e-305, or the graph is directed.
    """
    if nodes is None:
        nodes = node_names(graph)
    if is_networkx(graph):
        warn_of_other_weights(graph, name)
        graph = of_networkx(graph, name)
    refuse_others(graph, name)
    if not sp.issparse(graph):
        graph = np.asarray(graph)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1] or graph.shape[0] == 0:
        refuse_shape(graph.shape, name)
    if np.issubdtype(graph.dtype, np.complexfloating):
        raise ValueError(f"{name} holds complex numbers; weights are real: pass abs({name}).")
    try:
        if graph.dtype == object:
            # None is NaN as a number, but no edge as an object.
            graph = graph.astype(np.float64)
        weights = sp.csr_matrix(graph, dtype=np.float64, copy=copy)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds entries that are not numbers ({error}).") from error
    weights.sum_duplicates()
    _refuse_infinite(weights.data, name)
    weights.eliminate_zeros()
    if 0 < weights.data.max(initial=0.0) < _LEAST:
        raise ValueError(
            f"{name} has no weight above {weights.data.max():g}, near the least that floats hold; "
            "multiply it by a constant, such as 1e300."
        )
    if weights.nnz and weights.data.min() < 0:
        raise ValueError(
            f"Negative values in data: {name} holds the negative weight {weights.data.min():g}; "
            "weights are similarities, zero or more: pass np.exp(-distances) or the like."
        )
    weights = _symmetric(weights, name)
    if loops == "drop":
        _drop_loops(weights, name, nodes, table=not sp.issparse(graph))
    return weights


def _refuse_infinite(weights, name):
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} holds NaN or infinity; drop those edges.")


def _symmetric(weights, name):
    """A matrix in canonical form, with its mean with its transpose where rounding parts them."""
    turned = weights.T.tocsr()
    if np.array_equal(turned.indices, weights.indices):
        # One pattern, as a rule: no third matrix is needed.
        turned.data -= weights.data
        difference = turned
    else:
        difference = turned - weights
    if not difference.data.any():
        return weights
    difference = abs(difference).tocoo()
    # Of rounding is what is little beside the largest weight, and beside those of either node.
    largest = weights.max(axis=1).toarray().ravel()
    beside = np.minimum(largest[difference.row], largest[difference.col])
    asymmetry = difference.data.max()
    if asymmetry > 1e-10 * largest.max() or (difference.data > 1e-6 * beside).any():
        raise ValueError(
            f"{name} is not symmetric (largest difference: {asymmetry:g}); pass "
            f"({name} + {name}.T) / 2. If these are distances to neighbours, use the affinity_ of "
            "kernlab.graph.KNNGraph."
        )
    weights = 0.5 * weights
    return (weights + weights.T).tocsr()


def of_networkx(graph, name):
    """The sparse matrix of a networkx graph, refused where it is directed or empty."""
    if graph.is_directed():
        raise ValueError(
            f"{name} is a directed graph; proximities are those of undirected ones: "
            f"W = networkx.to_scipy_sparse_array({name}); pass (W + W.T) / 2, the mean of both "
            "directions."
        )
    if len(graph) == 0:
        raise ValueError(f"{name} has no nodes.")
    import networkx

    return networkx.to_scipy_sparse_array(graph, dtype=np.float64, weight="weight")


def _drop_loops(weights, name, nodes, table):
    loops = np.flatnonzero(weights.diagonal())
    if not len(loops):
        return
    if not table:
        remedy = f"{name}.setdiag(0)"
        if nodes is not None:
            remedy = f"{name}.remove_edges_from(list(networkx.selfloop_edges({name})))"
    else:
        remedy = f"{name} = {name} * (1 - np.eye(len({name})))"
    warn_user(
        f"{name} has loops at {len(loops)} nodes ({nodes_at(loops, nodes)}), which were left out; "
        f"take them off with {remedy}.",
        SelfLoopWarning,
    )
    weights.setdiag(0)
    weights.eliminate_zeros()

"""Graphs as they come - arrays, sparse matrices, networkx - to one checked adjacency matrix."""

import numpy as np
import scipy.sparse as sp

from kernlab._core.validation import validate_data
from kernlab._core.warn import warn_user
from kernlab.exceptions import SelfLoopWarning
from kernlab.graph._distance_like import warn_of_distances


def is_networkx(graph):
    """Whether ``graph`` is a graph of networkx, which is not imported for that."""
    return hasattr(graph, "adjacency") and hasattr(graph, "is_directed")


def validate_graph(estimator, X, *, reset=True):
    """Check the graph that an estimator is given, as :func:`as_adjacency` does.

    Parameters
    ----------
    estimator : BaseEstimator
        Named in messages; ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : networkx graph, sparse matrix or array, array-like or DataFrame of shape (n_nodes, n_nodes)
    reset : bool
        True in ``fit``, which sets ``nodes_`` too: a list of the nodes of a networkx graph in the
        order of the rows, else the range of their numbers.

    Returns
    -------
    adjacency : float64 CSR matrix of shape (n_nodes, n_nodes)
        In canonical format and without loops; never an array of X itself.
    """
    graph = _of_networkx(X, "X") if is_networkx(X) else X
    checked = validate_data(estimator, graph, dtype=np.float64, accept_sparse="csr", reset=reset)
    adjacency = as_adjacency(checked, name="X", copy=checked is X)
    if reset:
        warn_of_distances(adjacency, "X")
        estimator.nodes_ = list(X) if is_networkx(X) else range(adjacency.shape[0])
    return adjacency


def check_fitted_graph(estimator, X, fitted):
    """Refuse a graph whose adjacency matrix is not ``fitted``, that of :meth:`fit`."""
    adjacency = validate_graph(estimator, X, reset=False)
    if adjacency.shape != fitted.shape or abs(adjacency - fitted).max() > 1e-10 * fitted.max():
        raise ValueError(
            "X is another graph than the one fitted, whose proximities are of its own nodes "
            "alone; call fit_transform."
        )


def graph_tags(tags):
    """Of an estimator whose X is a graph."""
    tags.input_tags.pairwise = True
    tags.input_tags.positive_only = True
    tags.input_tags.sparse = True
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = []
    return tags


def as_adjacency(graph, *, name="graph", loops="drop", copy=True):
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

    Raises
    ------
    ValueError
        Where weights are not square, finite, non-negative and symmetric, or the graph is directed.
    """
    if is_networkx(graph):
        graph = _of_networkx(graph, name)
    elif not sp.issparse(graph):
        graph = np.asarray(graph)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1] or graph.shape[0] == 0:
        raise ValueError(
            f"{name} has shape {graph.shape}; give the square table of the weights between all "
            "pairs of nodes."
        )
    if np.issubdtype(graph.dtype, np.complexfloating):
        raise ValueError(f"{name} holds complex numbers; weights are real: pass abs({name}).")
    try:
        weights = sp.csr_matrix(graph, dtype=np.float64, copy=copy)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds entries that are not numbers ({error}).") from error
    weights.sum_duplicates()
    if not np.isfinite(weights.data).all():
        raise ValueError(f"{name} holds NaN or infinity; drop those edges.")
    weights.eliminate_zeros()
    if weights.nnz and weights.data.min() < 0:
        raise ValueError(
            f"Negative values in data: {name} holds the negative weight {weights.data.min():g}; "
            "weights are similarities, zero or more: pass np.exp(-distances) or the like."
        )
    asymmetry = _asymmetry(weights)
    if asymmetry > 0 and asymmetry > 1e-10 * weights.data.max():
        raise ValueError(
            f"{name} is not symmetric (largest difference: {asymmetry:g}); pass "
            f"({name} + {name}.T) / 2."
        )
    if loops == "drop":
        _drop_loops(weights, name)
    return weights


def _asymmetry(weights):
    """The largest difference between a matrix in canonical form and its transpose."""
    turned = weights.T.tocsr()
    if np.array_equal(turned.indices, weights.indices):
        # One pattern, as a rule: no third matrix is needed.
        turned.data -= weights.data
        return max(turned.data.max(initial=0.0), -turned.data.min(initial=0.0))
    return abs(turned - weights).max()


def _of_networkx(graph, name):
    if graph.is_directed():
        raise ValueError(
            f"{name} is a directed graph; proximities are those of undirected ones: pass "
            f"{name}.to_undirected()."
        )
    if len(graph) == 0:
        raise ValueError(f"{name} has no nodes.")
    import networkx

    return networkx.to_scipy_sparse_array(graph, dtype=np.float64, weight="weight")


def _drop_loops(weights, name):
    loops = np.flatnonzero(weights.diagonal())
    if not len(loops):
        return
    warn_user(
        f"{name} has loops at {len(loops)} nodes (the first: {loops[0]}), which were left out; "
        f"take them off with {name}.setdiag(0) or np.fill_diagonal({name}, 0).",
        SelfLoopWarning,
    )
    weights.setdiag(0)
    weights.eliminate_zeros()

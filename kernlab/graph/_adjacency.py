"""Graphs as they come - arrays, sparse matrices, networkx - to one checked adjacency matrix."""

import numpy as np
import scipy.sparse as sp

from kernlab._core.warn import warn_user
from kernlab.exceptions import SelfLoopWarning


def is_networkx(graph):
    """Whether ``graph`` is a graph of networkx, which is not imported for that."""
    return hasattr(graph, "adjacency") and hasattr(graph, "is_directed")


def nodes_of(graph):
    """The nodes in the order of the rows: those of a networkx graph, else 0 ... n - 1."""
    if is_networkx(graph):
        return list(graph)
    return list(range(graph.shape[0] if hasattr(graph, "shape") else len(graph)))


def as_adjacency(graph, *, name="graph", loops="drop"):
    """A float64 copy, in canonical CSR format, of the weights of an undirected graph.

    Parameters
    ----------
    graph : networkx graph, sparse matrix or array, or array-like of shape (n_nodes, n_nodes)
        Weights are similarities, zero or more. Of networkx the edge attribute ``weight``, where
        there is none one; nodes keep their order, and parallel edges add up.
    name : str
        Of the parameter, for messages.
    loops : {'drop', 'keep'}
        Weights on the diagonal are taken off with a ``SelfLoopWarning``, or kept.

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
        weights = sp.csr_matrix(graph, dtype=np.float64, copy=True)
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

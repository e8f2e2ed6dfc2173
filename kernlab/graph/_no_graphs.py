"""What is no table of weights, but holds, names or lists a graph: refused with what to pass."""

import os
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp


def refuse_others(graph, name):
    """Refuse paths, containers, graphs of other libraries, and tables that are no graphs."""
    if isinstance(graph, str | bytes | os.PathLike):
        raise TypeError(f"{name}={graph!r} is a path; pass read_graph({graph!r}).adjacency.")
    if sp.issparse(graph):
        return
    remedy = _by_kind(graph, name)
    if remedy:
        raise TypeError(remedy)
    # Lists of edges between numbers are tables of numbers first, and told of after other faults.
    listed = isinstance(graph, np.ndarray) and graph.ndim == 2
    listed |= isinstance(graph, list | tuple) and bool(graph) and isinstance(graph[0], list | tuple)
    if hasattr(graph, "columns") and hasattr(graph, "index"):
        if {"source", "target"} <= {*graph.columns}:
            raise ValueError(
                f"{name} is a list of edges; pass networkx.from_pandas_edgelist({name}, "
                "edge_attr=True)."
            )
        refuse_shape(graph.shape, name, table=True)
        _refuse_labels(graph, name)
    elif listed and len(graph) and len(graph[0]) and isinstance(graph[0][0], str):
        refuse_shape(np.shape(graph), name)


def _by_kind(graph, name):
    """What to pass for an object that is told by its attributes, without importing its library."""
    if hasattr(graph, "get_adjacency_sparse"):
        weighted = "attribute='weight'" if graph.is_weighted() else ""
        return f"{name} is a graph of igraph; pass {name}.get_adjacency_sparse({weighted})."
    if hasattr(graph, "obsp"):
        first = "" if "connectivities" in graph.obsp else f"run scanpy.pp.neighbors({name}), then "
        return f"{name} is an AnnData; {first}pass {name}.obsp['connectivities']."
    if hasattr(graph, "edge_index"):
        return f"{name} is a graph of PyTorch Geometric; {_of_columns(f'{name}.edge_index')}."
    if not isinstance(graph, Mapping):
        return None
    if "adjacency" in graph:
        return f"{name} is a Bunch that holds a graph; pass its adjacency: {name}.adjacency."
    near = next(iter(graph.values()), ())
    if isinstance(near, Mapping) and near and not isinstance(next(iter(near.values())), Mapping):
        # networkx would take the nodes and drop the numbers.
        return (
            f"{name} is a dict of numbers; pass networkx.Graph({{u: {{v: {{'weight': w}} for v, w "
            f"in near.items()}} for u, near in {name}.items()}})."
        )
    return f"{name} is a dict; pass networkx.Graph({name})."


def _refuse_labels(frame, name):
    """Rows and columns of a DataFrame must be the same nodes in one order, where both are named."""
    index, columns = list(frame.index), list(frame.columns)
    # A file's columns are strings, whatever its index was read as.
    if list(map(str, index)) == list(map(str, columns)):
        return
    if set(index) == set(columns):
        raise ValueError(
            f"{name} has rows in another order than columns; pass {name}.loc[{name}.columns]."
        )
    if list(range(len(index))) in (index, columns):
        return
    row, column = next(pair for pair in zip(index, columns, strict=True) if pair[0] != pair[1])
    raise ValueError(
        f"{name} has rows and columns of different names, such as {row!r} and {column!r}; if they "
        f"are the same nodes in the same order, pass {name}.set_axis({name}.columns)."
    )


def refuse_shape(shape, name, table=False):
    """What is no table of all pairs; two or three columns of names are edges, however many."""
    square = len(shape) == 2 and shape[0] == shape[1] > 0
    if square and (table or shape[1] not in (2, 3)):
        return
    message = (
        f"{name} has shape {shape}; give the square table of the weights between all pairs of "
        "nodes."
    )
    if len(shape) == 2 and shape[1] in (2, 3):
        add = "add_edges_from" if shape[1] == 2 else "add_weighted_edges_from"
        edges = f"{name}.to_numpy()" if table else name
        message += (
            f" If these are edges: graph = networkx.Graph(); graph.{add}({edges}); from a file: "
            "read_graph(path).adjacency, of kernlab.graph."
        )
    elif len(shape) == 2 and shape[0] == 2 and not table:
        message += f" If its columns are edges: {_of_columns(name)}."
    raise ValueError(message)


def _of_columns(edges):
    return (
        f"i, j = np.asarray({edges}, dtype=int); n = max(i.max(), j.max()) + 1; "
        "W = scipy.sparse.csr_array((np.ones(len(i)), (i, j)), shape=(n, n)); "
        "pass (W + W.T).sign()"
    )

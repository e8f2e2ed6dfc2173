"""Graphs from files: lists of edges, and GML."""

import gzip
import zlib
from numbers import Real
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from kernlab._core.extras import import_extra
from kernlab._core.warn import warn_user
from kernlab.exceptions import AmbiguousGraphWarning
from kernlab.graph._adjacency import as_adjacency, of_networkx
from kernlab.graph._edge_list import SEPARATORS, opener, read_edge_list
from kernlab.graph._other_weights import other_weights

_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "edges",
    ".edges": "edges",
    ".edgelist": "edges",
    ".ncol": "edges",
    ".gml": "gml",
}
_READ_BY = {
    ".graphml": "networkx.read_graphml",
    ".gexf": "networkx.read_gexf",
    ".net": "networkx.read_pajek",
    ".adjlist": "networkx.read_adjlist",
    ".mtx": "scipy.io.mmread",
    ".npz": "scipy.sparse.load_npz",
    ".npy": "numpy.load",
}


def read_graph(path, *, format=None, weight=None, header="infer"):
    """Read an undirected graph from a list of edges or a GML file.

    A list of edges has one edge to a line: two nodes, and a weight if there is a third field.
    Empty lines and those that begin with ``#`` or ``%`` are passed over. An edge may be listed in
    one direction or both, with the same weight; loops are left out with a warning. A header that
    names two columns ``source`` and ``target``, or ``from`` and ``to``, ``node1`` and ``node2`` and
    the like, in any case, says where the nodes are among any number of columns, and the weights are
    the column ``weight``, ``weights``, ``w`` or ``value``. Cost: time and memory proportional to
    the file.

    Parameters
    ----------
    path : str or path-like
    format : {'csv', 'tsv', 'edges', 'gml'}, optional
        Fields separated by commas, tabs or white space, or GML, which networkx reads. By default
        as the name ends: ``.csv``, ``.tsv``, ``.txt``, ``.edges``, ``.edgelist`` or ``.ncol``,
        ``.gml``, each with or without ``.gz`` after it, by which files compressed by gzip are told.
        Files of edges are UTF-8. Of 'csv' the separator is the semicolon where the first line holds
        more of them than of commas, and a field may stand in double quotes, which end on its line;
        elsewhere quotes are letters like others.
    weight : str, optional
        Of GML, the attribute that holds the weights of the edges, a number at every edge. By
        default ``weight`` if any edge has it, where edges without have one; else ``value``, the
        usual name in published files, if every edge has a number there; else all weights are one.
        Of a list of edges, the column of the weights, by its name in the header.
    header : {'infer', True, False}
        Whether the first line of a list of edges is a header. By 'infer' it is if it names its
        columns as above; or holds ``weight``; or its third field is a word, other than NA and the
        like, and its nodes are no integers and do not come again; or it has two fields, neither an
        integer, and all nodes after it are integers.
        Where that is in doubt a warning says what was done.

    Returns
    -------
    graph : Bunch
        ``adjacency``, a symmetric CSR matrix of float64; ``nodes``, the names of its rows: int if
        all are integers as Python writes them (7 and not 007), in ascending order, else str in the
        order of the file; ``attributes``, a dict of arrays with one entry per node (GML; empty for
        edges), None where a node has no such attribute.

    Raises
    ------
    ValueError
        Where a line is no edge (the message names file and line), the file is not UTF-8,
        ``weight`` is given and edges or the header lack it, or ``header`` is given of GML.
    FileNotFoundError
        Where there is no such file.
    MissingExtraError
        Where GML is to be read and networkx is not installed.

    Warns
    -----
    AmbiguousGraphWarning
        Where the first line was taken for an edge and may be a header, or numbers that may be the
        weights have another name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from kernlab.graph import read_graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "friends.csv"
    ...     _ = path.write_text("source,target,weight\\nann,bob,2\\nbob,cid,1\\n")
    ...     graph = read_graph(path)
    >>> graph.nodes.tolist()
    ['ann', 'bob', 'cid']
    >>> graph.adjacency.toarray()
    array([[0., 2., 0.],
           [2., 0., 1.],
           [0., 1., 0.]])
    """
    path = Path(path)
    if format is None:
        ending = Path(path.stem if path.suffix.lower() == ".gz" else path).suffix.lower()
        if ending in _READ_BY:
            raise ValueError(f"{path} is not read here; pass {_READ_BY[ending]}({str(path)!r}).")
        format = _FORMATS.get(ending)
        if format is None:
            raise ValueError(
                f"{path} does not end in one of {', '.join(_FORMATS)}; pass format='csv', 'tsv', "
                "'edges' or 'gml'."
            )
    if header not in ("infer", True, False):
        raise ValueError(f"header={header!r} must be 'infer', True or False.")
    if format == "gml":
        if header != "infer":
            raise ValueError(f"header={header!r} is of use with lists of edges only; leave it out.")
    elif format not in SEPARATORS:
        raise ValueError(f"format={format!r} must be 'csv', 'tsv', 'edges' or 'gml'.")
    try:
        if format == "gml":
            return _read_gml(path, weight)
        adjacency, nodes = read_edge_list(path, format, header, weight)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is no whole file of gzip ({error}); unpack it first.") from error
    return Bunch(adjacency=adjacency, nodes=nodes, attributes={})


def _read_gml(path, weight):
    networkx = import_extra("networkx", extra="networks", purpose="Reading GML")
    try:
        with opener(path)(path, "rb") as file:
            graph = networkx.read_gml(file, label="id")
    except networkx.NetworkXError as error:
        raise ValueError(f"{path} is no GML file: {error}.") from error
    names = networkx.get_node_attributes(graph, "label")
    nodes = np.array([names.get(node, node) for node in graph])
    keys = sorted({key for _, held in graph.nodes(data=True) for key in held} - {"label"})
    attributes = {
        key: _column([held.get(key) for _, held in graph.nodes(data=True)]) for key in keys
    }
    _place_weights(path, graph, weight)
    other = other_weights(graph)
    if other is not None:
        warn_user(
            f"{path} has no edge attribute 'weight' or 'value', so edges weigh one each, and all "
            f"have a number {other!r}; if these are the weights, pass weight={other!r}.",
            AmbiguousGraphWarning,
        )
    try:
        adjacency = as_adjacency(of_networkx(graph, "graph"), nodes=nodes.tolist())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Bunch(adjacency=adjacency, nodes=nodes, attributes=attributes)


def _place_weights(path, graph, weight):
    """Make the attribute that holds the weights of edges that which networkx looks at."""
    edges = [held for *_, held in graph.edges(data=True)]

    def bad(name):
        return [held.get(name) for held in edges if not isinstance(held.get(name), Real)]

    if weight is None:
        if any("weight" in held for held in edges) or bad("value"):
            return
        weight = "value"
    elif bad(weight):
        raise ValueError(
            f"{path}: of {len(edges)} edges {len(bad(weight))} have no number as {weight!r} (the "
            f"first: {bad(weight)[0]!r}); name another attribute of edges, or leave weight out."
        )
    for held in edges:
        held["weight"] = held[weight]


def _column(values):
    """Values of an attribute as an array, of objects where they are of several kinds."""
    if any(all(isinstance(value, kind) for value in values) for kind in (str, Real)):
        return np.array(values)
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column

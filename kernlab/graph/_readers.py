"""Graphs from files: lists of edges, and GML."""

import csv
import itertools
import re
from numbers import Real
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from kernlab._core.extras import import_extra
from kernlab.graph._adjacency import as_adjacency

_SEPARATORS = {"csv": ",", "tsv": "\t", "edges": None}
_FORMATS = {".csv": "csv", ".tsv": "tsv", ".txt": "edges", ".edges": "edges", ".gml": "gml"}


def read_graph(path, *, format=None, weight=None):
    """Read an undirected graph from a list of edges or a GML file.

    A list of edges has one edge to a line: two nodes, and a weight if there is a third field.
    The first line is a header if its nodes are named like ``source`` and ``target``, or its third
    field is no number and its nodes do not come again, or it has two fields, neither an integer,
    and all nodes after it are integers. Empty lines and those that begin with ``#`` or ``%`` are
    passed over. An edge may be listed in one direction or both, with the same weight; loops are
    left out with a warning. Cost: time and memory proportional to the file.

    Parameters
    ----------
    path : str or path-like
    format : {'csv', 'tsv', 'edges', 'gml'}, optional
        Fields separated by commas, tabs or white space, or GML, which networkx reads. By default
        as the name ends: ``.csv``, ``.tsv``, ``.txt`` or ``.edges``, ``.gml``. Files of edges are
        UTF-8. Of 'csv' a field may stand in double quotes, which end on its line; elsewhere quotes
        are letters like others.
    weight : str, optional
        Of GML, the attribute that holds the weights of the edges, a number at every edge. By
        default ``weight`` if any edge has it, where edges without have one; else ``value``, the
        usual name in published files, if every edge has a number there; else all weights are one.

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
        Where a line is no edge (the message names file and line), the file is not UTF-8, or
        ``weight`` is given and edges lack it, or the file is a list of edges.
    FileNotFoundError
        Where there is no such file.
    MissingExtraError
        Where GML is to be read and networkx is not installed.

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
        format = _FORMATS.get(path.suffix.lower())
        if format is None:
            raise ValueError(
                f"{path} does not end in one of {', '.join(_FORMATS)}; pass format='csv', 'tsv', "
                "'edges' or 'gml'."
            )
    if format == "gml":
        return _read_gml(path, weight)
    if format not in _SEPARATORS:
        raise ValueError(f"format={format!r} must be 'csv', 'tsv', 'edges' or 'gml'.")
    if weight is not None:
        raise ValueError(
            f"weight={weight!r} is of use with GML only, and {path} is read as {format!r}, whose "
            "weights are the third field; leave it out."
        )
    ends, weights = _parse(path, _SEPARATORS[format])
    nodes, ends = _numbered(ends)
    return Bunch(adjacency=_adjacency(path, nodes, ends, weights), nodes=nodes, attributes={})


def _parse(path, separator):
    """Names of both ends of each edge, and its weights."""
    ends: list[list[str]] = []
    weights: list[float] = []
    first: list[str] = []
    header = None
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, fields in _records(path, file, separator):
                if not first:
                    first = fields
                    if _is_header(fields):
                        header = line
                        continue
                weights.append(_weight(path, line, fields))
                ends.append(fields[:2])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}); save it in that encoding.") from error
    if not ends:
        raise ValueError(f"{path} lists no edges.")
    if header is None and _heads_integers(first, ends):
        del ends[0], weights[0]
    elif header is not None and not _is_named(first) and _come_again(first, ends):
        _weight(path, header, first)  # raises: this was an edge
    return ends, np.array(weights)


def _heads_integers(fields, ends):
    """Whether the first line has two names, and those below are integers."""
    if len(fields) > 2 or len(ends) < 2 or any(map(_is_integer, fields)):
        return False
    below = itertools.chain.from_iterable(itertools.islice(ends, 1, None))
    return all(map(_is_integer, below))


def _come_again(fields, ends):
    return any(name in edge for edge in ends for name in fields[:2])


def _records(path, file, separator):
    """Number of the line, and fields, of lines that hold anything."""
    for number, text in enumerate(file, start=1):
        if text.lstrip()[:1] in ("#", "%"):
            continue
        if separator == ",":
            # A line at a time: a quote that is not closed must not take in the lines that follow.
            try:
                fields = next(csv.reader([text], strict=True))
            except csv.Error as error:
                raise ValueError(
                    f"{path}, line {number}: {error}; see to quotes and overlong fields."
                ) from error
        else:
            fields = text.split(separator)
        fields = [field.strip() for field in fields]
        if any(fields):
            yield number, fields


def _is_header(fields):
    if _is_named(fields):
        return True
    return len(fields) == 3 and all(fields) and _number(fields[2]) is None


def _is_named(fields):
    """Whether the names are usual ones of columns."""
    names = [field.lower() for field in fields[:2]]
    if names in (["source", "target"], ["from", "to"], ["u", "v"], ["i", "j"]):
        return True
    return len(fields) > 2 and fields[2].lower() in ("weight", "weights", "w", "value")


def _is_integer(name):
    return re.fullmatch("[+-]?[0-9]+", name) is not None


def _number(text):
    """The number that a text is, or None; 1_0 is ten in Python alone."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _weight(path, line, fields):
    if len(fields) not in (2, 3) or not all(fields[:2]):
        raise ValueError(
            f"{path}, line {line}: {fields} is no edge; give two nodes and perhaps a weight."
        )
    if len(fields) == 2:
        return 1.0
    weight = _number(fields[2])
    if weight is None:
        raise ValueError(f"{path}, line {line}: the weight {fields[2]!r} is no number.")
    if not 0 <= weight < np.inf:
        raise ValueError(
            f"{path}, line {line}: the weight {fields[2]} is not zero or more and finite."
        )
    return weight


def _numbered(ends):
    """The nodes, and the edges by their rows."""
    try:
        numbers = np.array(ends, dtype=np.int64)
        # 007 and 7, or 1_0 and 10, are two names of one number, and may be two nodes.
        if numbers.astype(str).tolist() == ends:
            return np.unique(numbers, return_inverse=True)
    except (ValueError, OverflowError):
        pass
    names: dict[str, int] = {}
    rows = [names.setdefault(name, len(names)) for edge in ends for name in edge]
    return np.array(list(names)), np.array(rows)


def _adjacency(path, nodes, ends, weights):
    """Weights of both directions; an edge that is listed twice has one weight, or is refused."""
    low, high = np.sort(ends.reshape(-1, 2), axis=1).T
    n_nodes = len(nodes)
    keys, first, which = np.unique(low * n_nodes + high, return_index=True, return_inverse=True)
    differs = np.flatnonzero(weights != weights[first][which])
    if len(differs):
        i, j = nodes[low[differs[0]]], nodes[high[differs[0]]]
        raise ValueError(
            f"{path} lists the edge of {i} and {j} with weights {weights[first][which][differs[0]]}"
            f" and {weights[differs[0]]}; keep one of them, or their sum."
        )
    low, high = np.divmod(keys, n_nodes)
    half = sp.coo_matrix((weights[first], (low, high)), shape=(n_nodes, n_nodes))
    loops = sp.diags(half.diagonal())
    return as_adjacency(half + half.T - loops, name="graph")


def _read_gml(path, weight):
    networkx = import_extra("networkx", extra="networks", purpose="Reading GML")
    try:
        graph = networkx.read_gml(path, label="id")
    except networkx.NetworkXError as error:
        raise ValueError(f"{path} is no GML file: {error}.") from error
    names = networkx.get_node_attributes(graph, "label")
    nodes = np.array([names.get(node, node) for node in graph])
    keys = sorted({key for _, held in graph.nodes(data=True) for key in held} - {"label"})
    attributes = {
        key: _column([held.get(key) for _, held in graph.nodes(data=True)]) for key in keys
    }
    _place_weights(path, graph, weight)
    try:
        adjacency = as_adjacency(graph, name="graph")
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

"""Graphs from files: lists of edges, and GML."""

import csv
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from kernlab._core.extras import import_extra
from kernlab.graph._adjacency import as_adjacency

_SEPARATORS = {"csv": ",", "tsv": "\t", "edges": None}
_FORMATS = {".csv": "csv", ".tsv": "tsv", ".txt": "edges", ".edges": "edges", ".gml": "gml"}


def read_graph(path, *, format=None):
    """Read an undirected graph from a list of edges or a GML file.

    A list of edges has one edge to a line: two nodes, and a weight if there is a third field.
    A first line whose third field is no number, or whose nodes are named like ``source`` and
    ``target``, is a header. Empty lines and those that begin with ``#`` or ``%`` are passed over.
    An edge may be listed in one direction or both, with the same weight; loops are left out with a
    warning. Cost: time and memory proportional to the file.

    Parameters
    ----------
    path : str or path-like
    format : {'csv', 'tsv', 'edges', 'gml'}, optional
        Fields separated by commas, tabs or white space, or GML, which networkx reads. By default
        as the name ends: ``.csv``, ``.tsv``, ``.txt`` or ``.edges``, ``.gml``.

    Returns
    -------
    graph : Bunch
        ``adjacency``, a symmetric CSR matrix of float64; ``nodes``, the names of its rows: int if
        all are integers, in ascending order, else str in the order of the file; ``attributes``, a
        dict of arrays with one entry per node (GML; empty for edges).

    Raises
    ------
    ValueError
        Where a line is no edge; the message names file and line.
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
        return _read_gml(path)
    if format not in _SEPARATORS:
        raise ValueError(f"format={format!r} must be 'csv', 'tsv', 'edges' or 'gml'.")
    ends, weights = _parse(path, _SEPARATORS[format])
    nodes, ends = _numbered(ends)
    return Bunch(adjacency=_adjacency(path, nodes, ends, weights), nodes=nodes, attributes={})


def _parse(path, separator):
    """Names of both ends of each edge, and its weights."""
    ends: list[list[str]] = []
    weights: list[float] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line, fields in _records(file, separator):
            fields = [field.strip() for field in fields]
            if not any(fields) or fields[0][:1] in ("#", "%"):
                continue
            if not ends and _is_header(fields):
                continue
            weights.append(_weight(path, line, fields))
            ends.append(fields[:2])
    if not ends:
        raise ValueError(f"{path} lists no edges.")
    return ends, np.array(weights)


def _records(file, separator):
    """Number of the line, and fields."""
    if separator is None:
        for number, line in enumerate(file, start=1):
            yield number, line.split()
        return
    reader = csv.reader(file, delimiter=separator)
    for fields in reader:
        yield reader.line_num, fields


def _is_header(fields):
    names = [field.lower() for field in fields[:2]]
    if names in (["source", "target"], ["from", "to"], ["u", "v"], ["i", "j"]):
        return True
    return len(fields) > 2 and fields[2].lower() in ("weight", "weights", "w", "value")


def _weight(path, line, fields):
    if len(fields) not in (2, 3) or not all(fields[:2]):
        raise ValueError(
            f"{path}, line {line}: {fields} is no edge; give two nodes and perhaps a weight."
        )
    if len(fields) == 2:
        return 1.0
    try:
        weight = float(fields[2])
    except ValueError:
        raise ValueError(f"{path}, line {line}: the weight {fields[2]!r} is no number.") from None
    if not 0 <= weight < np.inf:
        raise ValueError(
            f"{path}, line {line}: the weight {fields[2]} is not zero or more and finite."
        )
    return weight


def _numbered(ends):
    """The nodes, and the edges by their rows."""
    try:
        return np.unique(np.array(ends, dtype=np.int64), return_inverse=True)
    except (ValueError, OverflowError):
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


def _read_gml(path):
    networkx = import_extra("networkx", extra="networks", purpose="Reading GML")
    try:
        graph = networkx.read_gml(path, label="id")
    except networkx.NetworkXError as error:
        raise ValueError(f"{path} is no GML file: {error}.") from error
    names = networkx.get_node_attributes(graph, "label")
    nodes = np.array([names.get(node, node) for node in graph])
    keys = sorted({key for _, held in graph.nodes(data=True) for key in held} - {"label"})
    attributes = {
        key: np.array([held.get(key) for _, held in graph.nodes(data=True)]) for key in keys
    }
    try:
        adjacency = as_adjacency(graph, name="graph")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Bunch(adjacency=adjacency, nodes=nodes, attributes=attributes)

"""Lists of edges: text with one edge to a line, and perhaps a header."""

import csv
import gzip
import itertools
import re

import numpy as np
import scipy.sparse as sp

from kernlab._core.warn import warn_user
from kernlab.exceptions import AmbiguousGraphWarning
from kernlab.graph._adjacency import as_adjacency
from kernlab.graph._other_weights import may_be_weights

SEPARATORS = {"csv": ",", "tsv": "\t", "edges": None}

# Names of the columns of nodes, without case, spaces and underscores.
_PAIRS = [
    *(("source", "target"), ("from", "to"), ("u", "v"), ("i", "j"), ("src", "dst")),
    *(("sourceid", "targetid"), ("sourcenode", "targetnode"), ("fromnodeid", "tonodeid")),
    *((f"{stem}1", f"{stem}2") for stem in ("node", "nodeid", "id", "vertex", "user", "person")),
    *((f"{stem}1", f"{stem}2") for stem in ("protein", "gene", "author", "name")),
    *(("nodea", "nodeb"), ("sender", "receiver"), ("follower", "followee")),
    *(("person", "friend"), ("user", "friend"), ("origin", "destination"), ("head", "tail")),
    *(("start", "end"), ("citing", "cited"), ("parent", "child"), ("ego", "alter")),
]
_WEIGHTS = ("weight", "weights", "w", "value")
# Two nodes, and a weight where a line has one.
_BY_PLACE = [0, 1, 2]


def opener(path):
    """What opens a file by its name."""
    return gzip.open if path.suffix.lower() == ".gz" else open


def read_edge_list(path, format, header, weight):
    """Adjacency matrix and names of nodes; for parameters see ``read_graph``."""
    try:
        ends, weights = _parse(path, SEPARATORS[format], header, weight)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}); save it in that encoding.") from error
    nodes, ends = _numbered(ends)
    return _adjacency(path, nodes, ends, np.array(weights)), nodes


def _parse(path, separator, header, weight):
    """Names of both ends of each edge, and its weights."""
    ends: list[list[str]] = []
    weights: list[float] = []
    titles: list[str] = []
    columns: list[int] = []
    unread: dict[int, list] = {}
    for line, fields in _records(path, separator):
        if not columns:
            titles, headed = fields, header
            if header == "infer":
                headed = weight in fields or _is_header(fields)
            if weight is not None and not headed:
                raise ValueError(
                    f"weight={weight!r} names a column, and {path} has no header that does."
                )
            columns = _columns(path, line, fields, weight) if headed else _BY_PLACE
            if not headed and (len(fields) > 3 or not fields[0]):
                raise _unnamed(path, line, fields)
            if len(fields) > 3 and len(columns) == 2:
                unread = {column: [] for column in range(len(fields)) if column not in columns}
            if headed:
                first = line
                continue
        if columns is not _BY_PLACE:
            if len(fields) != len(titles):
                raise ValueError(
                    f"{path}, line {line}: {fields} has {len(fields)} fields, and the header has "
                    f"{len(titles)}; see to quotes, or fill the line."
                )
            for column, values in unread.items():
                values.append(_number(fields[column]))
            fields = [fields[column] for column in columns]
        weights.append(_weight(path, line, fields))
        ends.append(fields[:2])
    if not ends:
        raise ValueError(f"{path} lists no edges.")
    if header == "infer" and not headed:
        _settle_first(path, titles, ends, weights)
    elif header == "infer" and weight is None and _may_be_edge(titles, ends):
        weights.insert(0, _weight(path, first, titles))  # raises where it holds no number
        ends.insert(0, titles)
        _warn_of_edge(path, titles, "its names come again as nodes")
    _warn_of_unread(path, titles, unread)
    return ends, weights


def _may_be_edge(titles, ends):
    """Whether a line that was taken for a header has names that come again as nodes."""
    by_place = len(titles) == 2 or (len(titles) == 3 and _pair(titles) is None)
    return by_place and not _has_weights(titles) and _come_again(titles, ends)


def _settle_first(path, fields, ends, weights):
    """Take off the first line, if those that follow make it a header; warn where it may be one."""
    if _heads_integers(fields, ends):
        del ends[0], weights[0]
    elif (
        len(fields) == 2
        and len(ends) > 1
        and all(re.fullmatch(r"[^\W\d_](?:[^\W\d]|[ -])+", name) for name in fields)
        and not _come_again(fields, ends[1:])
    ):
        _warn_of_edge(path, fields, "its names are not those of a header that is known")


def _warn_of_edge(path, fields, reason):
    warn_user(
        f"{path}: the first line, {fields}, was taken for an edge, because {reason}; pass "
        "header=True if it is a header, and header=False if it is an edge.",
        AmbiguousGraphWarning,
    )


def _warn_of_unread(path, titles, unread):
    found = [
        titles[column]
        for column, values in unread.items()
        if titles[column] and may_be_weights(titles[column], values)
    ]
    if len(found) == 1:
        warn_user(
            f"{path} has no column 'weight', so its edges weigh one each, and numbers as "
            f"{found[0]!r}; if these are the weights, pass weight={found[0]!r}.",
            AmbiguousGraphWarning,
        )


def _plain(title):
    return re.sub("[ _-]", "", title).lower()


def _pair(titles):
    """Columns of the nodes where they have usual names, else None."""
    plain = [_plain(title) for title in titles]
    named = (pair for pair in _PAIRS if {*pair} <= {*plain})
    return next(([plain.index(name) for name in pair] for pair in named), None)


def _columns(path, line, titles, weight):
    """Columns of two nodes, and of the weight if there is one, by the names in a header."""
    plain = [_plain(title) for title in titles]
    if weight is not None and weight not in titles:
        raise ValueError(
            f"weight={weight!r} is no column of {path}; name one of {', '.join(titles)}."
        )
    heavy = next((plain.index(name) for name in _WEIGHTS if name in plain), None)
    if weight is not None:
        heavy = titles.index(weight)
    nodes = _pair(titles)
    if nodes is None:
        nodes = [column for column in range(len(titles)) if column != heavy]
        if len(titles) > 3 or not titles[0] or len(nodes) < 2:
            raise _unnamed(path, line, titles)
        nodes = nodes[:2]
    if nodes == [0, 1] and len(titles) < 4 and heavy in (None, 2):
        return _BY_PLACE
    return nodes if heavy is None else [*nodes, heavy]


def _heads_integers(fields, ends):
    """Whether the first line has two names, and those below are integers."""
    if len(fields) > 2 or len(ends) < 2 or any(map(_is_integer, fields)):
        return False
    below = itertools.chain.from_iterable(itertools.islice(ends, 1, None))
    return all(map(_is_integer, below))


def _come_again(fields, ends):
    return any(name in edge for edge in ends for name in fields[:2])


def _records(path, separator):
    """Number of the line, and fields, of lines that hold anything."""
    with opener(path)(path, "rt", encoding="utf-8-sig") as file:
        begun = False
        for number, text in enumerate(file, start=1):
            if text.lstrip()[:1] in ("#", "%"):
                continue
            if separator == "," and not begun and text.count(";") > text.count(","):
                separator = ";"  # as spreadsheets write where the comma is that of decimals
            fields = [field.strip() for field in _fields(path, number, text, separator)]
            if not any(fields):
                continue
            begun = True
            if fields[2:] and fields[2].startswith("{"):
                delimiter = f", delimiter={separator!r}" if separator else ""
                raise ValueError(
                    f"{path}, line {number}: {fields[2]!r} begins a dict, as "
                    f"networkx.write_edgelist writes; pass networkx.read_edgelist({str(path)!r}"
                    f"{delimiter}), or write the file with networkx.write_weighted_edgelist."
                )
            yield number, fields


def _fields(path, number, text, separator):
    if separator not in (",", ";"):
        return text.split(separator)
    # A line at a time: a quote that is not closed must not take in the lines that follow.
    try:
        return next(csv.reader([text], strict=True, delimiter=separator))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {number}: {error}; see to quotes and overlong fields."
        ) from error


def _has_weights(fields):
    return len(fields) > 2 and fields[2].lower() in _WEIGHTS


def _is_header(fields):
    if len(fields) == 3 and _number(fields[2]) is not None:
        return False
    return _has_weights(fields) or _pair(fields) is not None or _titles_weights(fields)


def _titles_weights(fields):
    """Whether the third of three fields is a word, and none that stands for a missing number."""
    return (
        len(fields) == 3
        and all(fields)
        and not any(map(_is_integer, fields[:2]))
        and fields[2][0].isalpha()
        and fields[2].lower() not in ("na", "n/a", "null", "none", "missing")
    )


def _is_integer(name):
    return re.fullmatch("[+-]?[0-9]+", name) is not None


def _number(text):
    """The number that a text is, or None; 1_0 is ten in Python alone."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _unnamed(path, line, fields):
    """For a first line that does not say which of many columns are the nodes."""
    titles = not any(_number(field) is not None for field in fields)
    table = f"pandas.read_csv({str(path)!r}, sep=None, engine='python'"
    names = [field for field in fields if field][:2]
    square = f" Of a table of all pairs pass {table}, index_col=0)." if not fields[0] else ""
    ends = f"), {names[0]!r}, {names[-1]!r}" if titles else ", header=None), 0, 1"
    return ValueError(
        f"{path}, line {line}: {fields} is no edge, nor taken for a header with columns source and "
        "target; name those of the nodes so, and that of the weights weight, or pass "
        f"networkx.from_pandas_edgelist({table}{ends}), with edge_attr=['weight'] if a column of "
        f"weights has that name.{square}"
    )


def _weight(path, line, fields):
    if len(fields) not in (2, 3) or not all(fields[:2]):
        remedy = "give two nodes and perhaps a weight"
        if len(fields) == 1:
            remedy += (
                ", and pass format='csv' for commas or semicolons between them, 'tsv' for tabs, "
                "'edges' for white space"
            )
        raise ValueError(f"{path}, line {line}: {fields} is no edge; {remedy}.")
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

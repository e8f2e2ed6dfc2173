"""Attributes given by the names of nodes, put into the order of a graph's rows."""

import numpy as np

from kernlab.graph._adjacency import is_networkx, node_names


def in_order_of_nodes(attributes, X, numbered):
    """Attributes as a table or sparse matrix with the rows in the order of the nodes of ``X``.

    Of a networkx graph also by the names of node attributes, a string or a list of strings;
    ``numbered`` are the nodes of a graph that has no names for them.
    """
    named_graph = is_networkx(X)
    if isinstance(attributes, str) or (named_graph and _may_be_names(attributes, len(X))):
        return _of_graph([attributes] if isinstance(attributes, str) else attributes, X)
    nodes = node_names(X)
    if isinstance(attributes, dict):
        return _of_dict(attributes, numbered if nodes is None else nodes)
    if nodes is None or not hasattr(attributes, "iloc"):
        return attributes
    rows = {node: row for row, node in enumerate(attributes.index)}
    nodes_set = set(nodes)
    missing = [node for node in nodes if node not in rows]
    unknown = [node for node in rows if node not in nodes_set]
    if missing or unknown or len(rows) != len(attributes):
        what = [
            f"has no row for {len(missing)} nodes ({_few(missing)})" if missing else "",
            f"has {len(unknown)} rows of no node ({_few(unknown)})" if unknown else "",
            "" if len(rows) == len(attributes) else "names some nodes twice",
        ]
        raise ValueError(
            f"The index of attributes {', '.join(filter(None, what))}; rows are matched to nodes "
            "by name: give one for each, or pass attributes.to_numpy() if they are in the order "
            "of the graph's nodes."
        )
    return attributes.iloc[[rows[node] for node in nodes]]


def _may_be_names(attributes, n_nodes):
    # As many as nodes are values, one for each.
    return (
        isinstance(attributes, list | tuple)
        and 0 < len(attributes) != n_nodes
        and all(isinstance(name, str) for name in attributes)
    )


def _of_graph(names, X):
    if not is_networkx(X):
        raise ValueError(
            f"attributes={names[0]!r} names an attribute of the nodes of a networkx graph, and X "
            "is none; give one row for each node."
        )
    table = np.full((len(X), len(names)), None, dtype=object)
    for column, name in enumerate(names):
        held = [
            (row, values[name]) for row, values in enumerate(X.nodes.values()) if name in values
        ]
        if not held:
            known = sorted({str(key) for values in X.nodes.values() for key in values})
            raise ValueError(
                f"No node of X has an attribute {name!r} (they have: {_few(known) or 'none'}); "
                "name attributes of nodes, or give one value for each node."
            )
        for row, value in held:
            table[row, column] = value
    return table


def _of_dict(attributes, nodes):
    known = set(nodes)
    unknown = [node for node in attributes if node not in known]
    if unknown:
        raise ValueError(
            f"attributes has {len(unknown)} keys that are no nodes ({_few(unknown)}); a dict gives "
            "the values of one attribute by node: for several give a DataFrame with an index of "
            "nodes."
        )
    table = np.full((len(nodes), 1), None, dtype=object)
    for row, node in enumerate(nodes):
        table[row, 0] = attributes.get(node)
    return table


def _few(names):
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")

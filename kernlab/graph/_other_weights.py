"""Weights of edges that stand under another name than the one looked at."""

import math
from numbers import Real

from kernlab._core.warn import warn_user
from kernlab.exceptions import AmbiguousGraphWarning

# Numbers at edges that are names, times or lengths; more weight for what is farther were wrong.
_NO_WEIGHTS = {
    *("id", "key", "index", "idx", "label", "type", "group", "color", "colour"),
    *("year", "time", "timestamp", "date", "start", "end"),
    *("distance", "dist", "length", "cost"),
}


def may_be_weights(name, values):
    """Whether numbers may be weights: zero or more, not all equal, and not the edges' numbers."""
    if str(name).lower() in _NO_WEIGHTS or str(name).lower().endswith("id"):
        return False
    if any(
        isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value)
        for value in values
    ):
        return False
    low, high, n_distinct = min(values), max(values), len(set(values))
    numbered = n_distinct == len(values) == high - low + 1
    return bool(0 <= low < high) and not numbered


def other_weights(graph):
    """Attribute of all edges of a networkx graph that may hold the weights, or None.

    None too where an edge has the attribute ``weight``, or several attributes may hold them.
    """
    edges = (held for *_, held in graph.edges(data=True))
    common = dict.fromkeys(next(edges, ()))
    for held in edges:
        if not common or "weight" in common:
            return None
        common = {name: None for name in common if name in held}
    if any("weight" in held for *_, held in graph.edges(data=True)):
        return None
    found = [
        name
        for name in common
        if may_be_weights(name, [held[name] for *_, held in graph.edges(data=True)])
    ]
    return found[0] if len(found) == 1 else None


def warn_of_other_weights(graph, name):
    """Warn of a networkx graph whose weights may be there without being looked at."""
    other = other_weights(graph) if hasattr(graph, "adjacency") else None
    if other is not None:
        warn_user(
            f"{name} has no edge attribute 'weight', so its edges weigh one each, and all have a "
            f"number {other!r}; if these are the weights, pass networkx.to_scipy_sparse_array("
            f"{name}, weight={other!r}).",
            AmbiguousGraphWarning,
        )

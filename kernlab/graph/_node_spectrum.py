"""A graph as its kernels need it: rows of nodes by name, and eigenvectors with their weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from kernlab.graph._adjacency import as_adjacency, node_names
from kernlab.graph._distance_like import warn_of_distances
from kernlab.graph._measures import Measure, closest, parse_measure
from kernlab.graph._spectra import Spectra

_MATERN = Measure("matern", "L", "frac", "t", "(I + tL/ν)^-ν", psd=True)
_INSTEAD = {"ppr": "modifppr", "heatpr": "nheat"}


# Functions of an operator by a coordinate x of its eigenvalues: values, and derivatives by log t.


def _geometric(x, t):
    values = 1.0 / (1.0 - t * x)
    return values, t * x * values**2


def _decay(x, t):
    values = np.exp(-t * x)
    return values, -t * x * values


def _matern(x, t, nu):
    inner = 1.0 + t * x / nu
    values = inner**-nu
    return values, -t * x * values / inner


def _absorption(s, t):
    # 1 - s is exact where s is 1.
    values = 1.0 / ((1.0 - s) + t * s)
    return values, -t * s * values**2


def _pseudo_inverse(x, _):
    values = np.concatenate([[0.0], 1.0 / x[1:]])
    return values, np.zeros_like(x)


def _corrected(s, _):
    values = np.concatenate([s[:-1] ** 2 / (1.0 - s[:-1]), [0.0]])
    return values, np.zeros_like(s)


def _over_radius(a):
    return a / (a[-1] or 1.0)


class _Family(NamedTuple):
    """A kernel ``D^(-1/2) U f(x) U^T D^(-1/2)``, or without the degrees."""

    function: Callable
    coordinate: Callable
    by_degrees: bool = False


FAMILIES = {
    "for": _Family(partial(_matern, nu=1.0), np.asarray),
    "heat": _Family(_decay, np.asarray),
    "matern": _Family(_matern, np.asarray),
    "nheat": _Family(_decay, lambda s: 1.0 - s),
    "heat2": _Family(_decay, lambda s: (1.0 - s) * (1.0 + s)),
    "katz": _Family(_geometric, _over_radius),
    "comm": _Family(_decay, lambda a: 1.0 - _over_radius(a)),
    "comm2": _Family(_decay, lambda a: 1.0 - np.abs(_over_radius(a))),
    "modifppr": _Family(_geometric, np.asarray, True),
    "ppr2": _Family(_geometric, np.square, True),
    "abs": _Family(_absorption, np.asarray, True),
    "ct": _Family(_pseudo_inverse, np.asarray),
    "cct": _Family(_corrected, np.asarray, True),
}


def node_measure(name):
    """The :class:`Measure` of a name, refused where it gives no kernel of a Gaussian process."""
    key = name.lower() if isinstance(name, str) else name
    if key == "matern":
        return _MATERN
    choice = f"give one of {', '.join(FAMILIES)}."
    try:
        measure = parse_measure(name)
    except ValueError:
        raise ValueError(f"measure={name!r} is unknown{closest(key, FAMILIES)}; {choice}") from None
    if measure.name in FAMILIES:
        return measure
    if measure.log:
        reason = "is a logarithm, and those are not positive semi-definite"
    elif measure.name in _INSTEAD:
        reason = f"is not symmetric: {_INSTEAD[measure.name]!r} is its symmetric form"
    else:
        reason = "is not positive semi-definite"
    raise ValueError(f"measure={name!r} {reason}; {choice}")


@dataclass(frozen=True)
class Basis:
    """Vectors B of kernels ``B diag(f) B^T``, by rows that are made when asked for.

    Attributes
    ----------
    values : ndarray of shape (n_nodes,)
        Eigenvalues of the operator, ascending.
    vectors : ndarray of shape (n_nodes, n_nodes)
        Its eigenvectors, shared between bases.
    scale : ndarray of shape (n_nodes,) or None
        Factors of rows.
    means : ndarray of shape (n_nodes,) or None
        What is taken off each row then.
    squares : ndarray of shape (n_nodes,)
        Mean square of each column of B.
    unit : float
        What the kernel is to be divided by besides.
    """

    values: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray | None
    means: np.ndarray | None
    squares: np.ndarray
    unit: float

    def rows(self, rows):
        """Some rows of B, of shape (n, n_nodes)."""
        part = self.vectors[rows]
        if self.scale is not None:
            part *= self.scale[rows, None]
        if self.means is not None:
            part -= self.means
        return part


class NodeSpectrum:
    """A graph, read and decomposed when first asked for; what was computed is shared by clones.

    Pickles and deep copies are of the graph alone.

    Parameters
    ----------
    graph : networkx graph, sparse matrix or array, array-like or DataFrame
    """

    def __init__(self, graph):
        self.graph = graph
        self._made = {}

    def __getstate__(self):
        return {"graph": self.graph, "_made": {}}

    def _memo(self, key, make):
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @property
    def names(self):
        """Names of the nodes, or None."""
        return self._memo("names", lambda: node_names(self.graph))

    @property
    def spectra(self):
        """The graph's decompositions."""
        return self._memo("spectra", self._read)

    def _read(self):
        adjacency = as_adjacency(self.graph)
        warn_of_distances(adjacency, "graph")
        return Spectra(adjacency, name="graph", nodes=self.names)

    def same(self, other):
        """Whether another graph has the same nodes in the same order, and the same weights."""
        mine, theirs = self.spectra.adjacency, other.spectra.adjacency
        return mine.shape == theirs.shape and self.names == other.names and not (mine != theirs).nnz

    def basis(self, measure):
        """The :class:`Basis` of a measure, in which its parameter changes weights alone."""
        key = "basis", measure.operator, FAMILIES[measure.name].by_degrees, measure.needs_connected
        return self._memo(key, lambda: self._basis(measure))

    def _basis(self, measure):
        spectra = self.spectra
        spectra.check_degrees(measure)
        if measure.needs_connected and spectra.n_components > 1:
            raise ValueError(
                f"Measure {measure.name!r} puts nodes that no path joins infinitely far apart, and "
                f"graph has {spectra.n_components} components; take 'for' or 'heat', or the "
                "largest component."
            )
        values, vectors = spectra.eigen(measure.operator)
        n_nodes = spectra.n_nodes
        if not FAMILIES[measure.name].by_degrees:
            return Basis(values, vectors, None, None, np.full(n_nodes, 1.0 / n_nodes), 1.0)
        unit = spectra.degrees.max()
        scale = np.sqrt(unit / spectra.degrees)
        squares = np.einsum("ij,ij,i->j", vectors, vectors, scale**2) / n_nodes
        means = None
        if measure.name == "cct":
            means = scale @ vectors / n_nodes
            squares = np.maximum(squares - means**2, 0.0)
        return Basis(values, vectors, scale, means, squares, unit)

    def rows(self, X, name="X"):
        """Row numbers of nodes that are given by name, or by number where they have no names.

        Raises
        ------
        ValueError
            Naming the first that is no node.
        """
        X = np.asarray(X)
        names = self.names
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        pairs = X.ndim == 2 and names is not None and any(isinstance(node, tuple) for node in names)
        if X.ndim != 1 and not pairs:
            raise ValueError(
                f"{name} has shape {X.shape}; give nodes in one dimension or in one column."
            )
        if X.size == 0:
            raise ValueError(f"{name} holds no nodes; give one at least.")
        if X.dtype.kind == "b":
            # True is 1 in a dict, too.
            raise ValueError(f"{name} holds booleans; pass the nodes themselves, not a mask.")
        if names is None:
            return self.rows_of_numbers(X, name)
        nodes = X.tolist()
        return self._rows_of_names([tuple(node) for node in nodes] if pairs else nodes, name)

    def _rows_of_names(self, nodes, name):
        index = self._memo("index", lambda: {node: row for row, node in enumerate(self.names)})
        if len(index) < len(self.names):
            raise ValueError("graph names some nodes twice; give each its own name.")
        rows = np.empty(len(nodes), np.intp)
        for place, node in enumerate(nodes):
            try:
                rows[place] = index[node]
            except (KeyError, TypeError):
                few = ", ".join(map(repr, self.names[:3]))
                raise ValueError(
                    f"{name}[{place}]={node!r} is no node of graph, whose nodes go by name: "
                    f"{few}{', ...' if len(index) > 3 else ''}. Names of several types are told "
                    "apart in an array of dtype=object."
                ) from None
        return rows

    def rows_of_numbers(self, X, name):
        """An array of row numbers, checked."""
        n_nodes = self.spectra.n_nodes
        if X.dtype.kind in "iuf":
            numbers = X.astype(float)
        else:
            numbers = np.array([x if isinstance(x, int | float) else np.nan for x in X.tolist()])
        wrong = ~((numbers >= 0) & (numbers < n_nodes) & (numbers == np.floor(numbers)))
        if wrong.any():
            place = int(np.argmax(wrong))
            raise ValueError(
                f"{name}[{place}]={X.tolist()[place]!r} is no node of graph, whose nodes are the "
                f"whole numbers from 0 to {n_nodes - 1}."
            )
        return numbers.astype(np.intp)

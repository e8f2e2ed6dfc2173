"""The functions that one field may be: products of the axes, plus the lift of its data."""

import functools

import numpy as np

from kernlab.linalg import apply_along_axes


class FieldSpace:
    """A field u = lift + sum of c[i, j, ...] times products of the axes' functions.

    Parameters
    ----------
    axes : sequence of Axis
    data : sequence of sequences of callables
        For each axis, the data of its conditions, each a function of all coordinates (arrays that
        broadcast) which is called with the axis's own coordinate at the condition's end.
    ends : sequence of sequences of {'low', 'high'}
        The ends of the conditions.
    device : str or None, default=None
        Torch's, on which the largest products are formed.

    Attributes
    ----------
    shape : tuple of int
        Shape of the coefficients c.
    lift : array with one axis per coordinate, or None
        Raw coefficients of a function that meets all conditions; None where all data are zero.
    """

    def __init__(self, axes, data, ends, device=None):
        self.axes = tuple(axes)
        self._multiply = functools.partial(apply_along_axes, device=device)
        self.shape = tuple(axis.n for axis in axes)
        self.lift = self._lift(data, ends)

    def _lift(self, data, ends):
        """The boolean sum: axis by axis, what the conditions still lack."""
        total = None
        for d, axis in enumerate(self.axes):
            if not data[d]:
                continue
            wanted = np.stack(
                [self._project(g, d, end) for g, end in zip(data[d], ends[d], strict=True)], d
            )
            if total is not None:
                rows: list = [None] * len(self.axes)
                rows[d] = axis.rows
                wanted = wanted - apply_along_axes(rows, total)
            if not np.any(wanted):
                continue
            lifts: list = [None] * len(self.axes)
            lifts[d] = axis.lift
            part = apply_along_axes(lifts, wanted)
            total = part if total is None else total + part
        return total

    def _project(self, g, d, end):
        """Raw coefficients of boundary data along the other axes."""
        others = [a for e, a in enumerate(self.axes) if e != d]
        points, along = [], 0
        for e, axis in enumerate(self.axes):
            shape = [1] * len(others)
            if e == d:
                points.append(np.full(shape, getattr(axis.factor, end)))
                continue
            shape[along] = -1
            points.append(axis.nodes.reshape(shape))
            along += 1
        values = np.broadcast_to(g(*points), tuple(len(a.nodes) for a in others))
        return apply_along_axes([a.projection for a in others], values)

    @functools.cached_property
    def nodes(self):
        """The coordinates of the nodes, as arrays that broadcast against each other."""
        return np.meshgrid(*(a.nodes for a in self.axes), indexing="ij", sparse=True)

    def at_nodes(self, c, orders):
        """A derivative of the field at the nodes, lift included."""
        values = self.apply_at_nodes(c, orders)
        if self.lift is not None:
            raw = [a.factor.at_nodes(k) for a, k in zip(self.axes, orders, strict=True)]
            values = values + apply_along_axes(raw, self.lift)
        return values

    def apply_at_nodes(self, c, orders):
        """A derivative at the nodes of the part that satisfies homogeneous conditions."""
        return self._multiply([a.values(k) for a, k in zip(self.axes, orders, strict=True)], c)

    def test(self, values):
        """Integrals of values at the nodes against the tests."""
        return self._multiply([a.analysis for a in self.axes], values)

    def test_derivative(self, c, orders):
        """Integrals against the tests of a derivative of the homogeneous part, without a rule."""
        result = c
        for d, (axis, order) in enumerate(zip(self.axes, orders, strict=True)):
            matrix = axis.matrix(order)
            if matrix.ndim == 1:
                if order or np.any(matrix != 1):
                    result = result * matrix.reshape((-1,) + (1,) * (c.ndim - d - 1))
            else:
                result = apply_along_axes([None] * d + [matrix], result)
        return result

    def test_lift(self, orders):
        """The same of the lift; zero where there is none."""
        if self.lift is None:
            return 0.0
        result = self.lift
        for d, (axis, order) in enumerate(zip(self.axes, orders, strict=True)):
            if order:
                result = apply_along_axes([None] * d + [axis.factor.gram(order)], result)
            result = apply_along_axes([None] * d + [axis.tests.T], result)
        return result

    def raw(self, c):
        """Raw coefficients of the field, lift included."""
        raw = self._multiply([a.basis for a in self.axes], c)
        return raw if self.lift is None else raw + self.lift

    def coefficients(self, raw):
        """The inverse of ``raw``, by least squares where the raw function breaks conditions."""
        rest = raw if self.lift is None else raw - self.lift
        return apply_along_axes([a.inverse_basis for a in self.axes], rest)

    def evaluate(self, raw, X, orders=None, *, chunk=2**22):
        """A derivative at scattered points of the field with given raw coefficients, (n,)."""
        orders = orders or (0,) * len(self.axes)
        result = np.empty(len(X))
        step = max(1, chunk // max(raw.size // raw.shape[0], max(raw.shape)))
        for start in range(0, len(X), step):
            part = slice(start, min(start + step, len(X)))
            tables = [
                a.factor.features(X[part, d], k) for d, (a, k) in enumerate(zip(self.axes, orders))
            ]
            result[part] = contract(tables, raw)
        return result

    def evaluate_grid(self, raw, coordinates, orders=None):
        """A derivative on the grid of the coordinates of the field with given raw coefficients."""
        orders = orders or (0,) * len(self.axes)
        tables = [
            a.factor.features(x, k) for a, x, k in zip(self.axes, coordinates, orders, strict=True)
        ]
        return apply_along_axes(tables, raw)


def contract(tables, raw):
    """Sums of an array times the rows of one table for each of its axes, one for each row."""
    values = tables[0] @ raw.reshape(len(raw), -1)
    values = values.reshape(-1, *raw.shape[1:])
    for table in tables[1:]:
        values = np.einsum("nk,nk...->n...", table, values)
    return values

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
    lift : list of (int, array)
        A function that meets all conditions, as a sum: for an axis, the raw coefficients along the
        others of what multiplies each column of the axis's ``lift``. Empty where all data are zero.
    """

    def __init__(self, axes, data, ends, device=None):
        self.axes = tuple(axes)
        self._multiply = functools.partial(apply_along_axes, device=device)
        self.shape = tuple(axis.n for axis in axes)
        self.lift: list = []
        self._make_lift(data, ends)

    def _make_lift(self, data, ends):
        """The boolean sum: axis by axis, what the conditions still lack.

        Time comes first: the rate at the start of what meets data that vary in time is a
        derivative of these, and loses digits as such.
        """
        done: list = []
        for d in sorted(range(len(self.axes)), key=lambda d: len(set(ends[d])) != 1):
            axis = self.axes[d]
            if not data[d]:
                continue
            faces = zip(data[d], ends[d], strict=True)
            wanted = np.stack([self._project(g, d, end) for g, end in faces], d)
            for e, part in self.lift:
                wanted = wanted - self._along(d, axis.rows, e, part)
            # What rounding breaks of the conditions along the axes done would be differentiated
            # there, and would grow in time.
            for e in done:
                wanted = self._without(e, wanted)
            if np.any(wanted):
                self.lift.append((d, wanted))
            done.append(d)

    def _along(self, d, matrix, e, part):
        """A matrix applied to axis d of the part of the lift that belongs to another axis e."""
        matrices: list = [None] * len(self.axes)
        matrices[d], matrices[e] = matrix, self.axes[e].lift
        return apply_along_axes(matrices, part)

    def _without(self, e, wanted):
        """The nearest raw coefficients that satisfy the homogeneous conditions of axis e."""
        part, matrices = wanted, [None] * len(self.axes)
        for matrix in (self.axes[e].rows, self.axes[e].least_lift):
            matrices[e] = matrix
            part = apply_along_axes(matrices, part)
        return wanted - part

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
        for e, part in self.lift:
            tables = [a.factor.at_nodes(k) for a, k in zip(self.axes, orders, strict=True)]
            own = [None] * e + [tables[e] @ self.axes[e].lift]
            tables[e] = None
            values = values + apply_along_axes(own, apply_along_axes(tables, part))
        return values

    def apply_at_nodes(self, c, orders):
        """A derivative at the nodes of the part that satisfies homogeneous conditions."""
        return self._multiply([a.values(k) for a, k in zip(self.axes, orders, strict=True)], c)

    def test(self, values):
        """Integrals of values at the nodes against the tests."""
        return self._multiply([a.analysis for a in self.axes], values)

    def test_derivative(self, c, orders, tests):
        """Integrals of a derivative of the homogeneous part, without a rule, against the tests of
        the axes ``tests``, which in a system may be another field's."""
        result = c
        for d, (axis, order, test) in enumerate(zip(self.axes, orders, tests, strict=True)):
            matrix = axis.matrix(order, test)
            if matrix.ndim == 1:
                if order or np.any(matrix != 1):
                    result = result * matrix.reshape((-1,) + (1,) * (c.ndim - d - 1))
            else:
                result = apply_along_axes([None] * d + [matrix], result)
        return result

    def test_lift(self, orders, tests):
        """The same of the lift; zero where there is none."""
        total: np.ndarray | float = 0.0
        for e, part in self.lift:
            # The other axes first: along its own a part has but a column for each condition.
            others = [d for d in range(len(self.axes)) if d != e]
            own = self.axes[e].lift_integrals(orders[e], tests[e])
            if not np.any(own):
                continue
            for d in others:
                front = np.moveaxis(part, d, 0)
                flat = self.axes[d].integrals(front.reshape(len(front), -1), orders[d], tests[d])
                part = np.moveaxis(flat.reshape(-1, *front.shape[1:]), 0, d)
            total = total + apply_along_axes([None] * e + [own], part)
        return total

    def raw(self, c):
        """Raw coefficients of the field, lift included."""
        raw = self._multiply([a.basis for a in self.axes], c)
        for part in self.lift_parts():
            raw += part
        return raw

    def lift_parts(self):
        for e, part in self.lift:
            matrices: list = [None] * len(self.axes)
            matrices[e] = self.axes[e].lift
            yield apply_along_axes(matrices, part)

    def coefficients(self, raw):
        """The inverse of ``raw``, by least squares where the raw function breaks conditions."""
        rest = raw - sum(self.lift_parts())
        return apply_along_axes([a.inverse_basis for a in self.axes], rest)

    def evaluate(self, raw, X, orders=None, *, chunk=2**22):
        """A derivative at scattered points of the field with given raw coefficients, (n,)."""
        orders = orders or (0,) * len(self.axes)
        result = np.empty(len(X))
        step = max(1, chunk // max(raw.size // raw.shape[0], max(raw.shape)))
        for start in range(0, len(X), step):
            part = slice(start, min(start + step, len(X)))
            tables = [
                a.factor.features(X[part, d], k)
                for d, (a, k) in enumerate(zip(self.axes, orders, strict=True))
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

"""The equation and its conditions on the grid, in units in which the solution is of size one."""

from math import prod

import numpy as np


class GridProblem:
    """One equation for one field at the nodes of a grid.

    Parameters
    ----------
    pde : PDE
    nodes : list of arrays
        Nodes of each axis.
    top : sequence of float
        Largest angular frequency that is expected along each axis.
    base : callable, default=None
        ``base(orders, axes)``: derivatives on the grid of ``axes`` of a part of the solution that
        is known, in units of the solution; what is sought is the rest.

    Attributes
    ----------
    jets : list of (str, tuple of int)
    scale : float
        Unit of what is sought.
    equation_scale : float
        Unit of the equation's residual.
    is_linear, is_constant : bool
    conditions : list of GridCondition
    """

    def __init__(self, pde, nodes, top, base=None):
        (self.equation,) = pde.equations
        (field,) = pde.fields
        self.nodes, self.base = nodes, base
        self.shape = tuple(map(len, nodes))
        self.jets = self.equation.jets
        self.is_linear, self.is_constant = self.equation.is_linear, self.equation.is_constant
        self.points = np.meshgrid(*nodes, indexing="ij", sparse=True)
        self._known = {jet: self._base(jet[1], nodes) for jet in self.jets}
        self.conditions = [
            condition
            for axis in range(len(nodes))
            for condition in _conditions(pde.conditions[field, axis], axis, nodes, top[axis])
        ]
        for condition in self.conditions:
            condition.subtract(self._base)
        still = {jet: np.zeros(self.shape) for jet in self.jets}
        self.scale = self.equation_scale = 1.0
        source = np.abs(self.residual(still)).max()
        slopes = {jet: np.abs(part).max() for jet, part in self.partials(still).items()}
        # What a solution of size one adds to the residual.
        gain = max(
            slopes[jet] * prod(w**k for w, k in zip(top, jet[1], strict=True)) for jet in self.jets
        )
        given = max((np.abs(condition.data).max() for condition in self.conditions), default=0.0)
        self._source, self._gain = source, gain
        self.rescale(max(given, source / gain if gain > 0 else 0.0))

    def rescale(self, scale):
        """Take another unit of the solution, and the unit of the equation that goes with it."""
        self.scale = float(scale) if scale > 0 and np.isfinite(scale) else 1.0
        self.equation_scale = float(max(self._source, self.scale * self._gain)) or 1.0
        for condition in self.conditions:
            condition.target = condition.data / self.scale

    def _base(self, orders, axes):
        if self.base is None:
            return np.zeros(tuple(map(len, axes)))
        return self.base(orders, axes)

    def _jets(self, jets):
        return {jet: self._known[jet] + self.scale * value for jet, value in jets.items()}

    def residual(self, jets):
        """Residual at the nodes, relative to ``equation_scale``; jets in units of ``scale``."""
        values = self.equation.residual(self._jets(jets), self.points)
        return np.broadcast_to(values, self.shape) / self.equation_scale

    def partials(self, jets):
        """Derivatives of the residual by each jet, both in their units, of the grid's shape."""
        factor = self.scale / self.equation_scale
        partials = self.equation.partials(self._jets(jets), self.points)
        return {
            jet: np.broadcast_to(np.asarray(part) * factor, self.shape)
            for jet, part in partials.items()
        }


class GridCondition:
    """A condition on one face, or the match of two: ``Σ c D_m u = g`` at its nodes.

    Attributes
    ----------
    terms : list of (float, int, int)
        Coefficient, order of the derivative along ``axis``, and index of the node there.
    data : array
        ``g`` less what is known, of the face's shape with one node along ``axis``.
    target : array
        The same in units of what is sought.
    """

    def __init__(self, axis, terms, nodes, g=None):
        self.axis, self.terms, self.nodes = axis, terms, nodes
        shape = tuple(1 if k == axis else len(part) for k, part in enumerate(nodes))
        self.data = np.zeros(shape)
        if g is not None:
            place = nodes[axis][[terms[0][2]]]
            points = [place if k == axis else part for k, part in enumerate(nodes)]
            self.data = self.data + g(*np.meshgrid(*points, indexing="ij", sparse=True))
        self.target = self.data

    def subtract(self, base):
        """Take what is known off the data."""
        for coefficient, order, node in self.terms:
            place = self.nodes[self.axis][[node]]
            axes = [place if k == self.axis else part for k, part in enumerate(self.nodes)]
            orders = tuple(order if k == self.axis else 0 for k in range(len(axes)))
            self.data = self.data - coefficient * base(orders, axes)

    def matrices(self, values):
        """Per axis the rows that act on ζ, for a list of an axis's ``values`` each."""
        own = sum(c * values[self.axis][order][node] for c, order, node in self.terms)
        return [own[None] if k == self.axis else part[0] for k, part in enumerate(values)]


def _conditions(found, axis, nodes, top):
    if found.periodic:
        for order in (0, 1):
            size = top**order
            yield GridCondition(axis, [(1.0 / size, order, -1), (-1.0 / size, order, 0)], nodes)
    for node, conditions in ((0, found.low), (-1, found.high)):
        for condition in conditions:
            # In units of the solution: a slope counts relative to that of the fastest line.
            size = abs(condition.alpha) + abs(condition.beta) * top
            terms = [
                (coefficient / size, order, node)
                for order, coefficient in enumerate((condition.alpha, condition.beta))
                if coefficient
            ]
            yield GridCondition(
                axis, terms, nodes, lambda *points, c=condition, size=size: c.g(*points) / size
            )


def derivative_orders(pde):
    """For each axis, the orders that the equation and the conditions need."""
    (field,) = pde.fields
    needed = []
    for axis in range(len(pde.box)):
        found = pde.conditions[field, axis]
        slope = found.periodic or any(condition.beta for condition in (*found.low, *found.high))
        needed.append(
            {jet[1][axis] for equation in pde.equations for jet in equation.jets}
            | ({0, 1} if slope else {0})
        )
    return needed

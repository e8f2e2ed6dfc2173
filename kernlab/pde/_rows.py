"""Rows of a linear equation and of its conditions in the features of a Gaussian process."""

from itertools import product

import numpy as np

from kernlab.pde._prior import row_products


class EquationRows:
    """The equation's linear operator at fixed points, its unknown scalars free.

    Parameters
    ----------
    equation : Equation
        Linear, of one field.
    basis : TensorFeatures
    X : array of shape (n, d)
    """

    def __init__(self, equation, basis, X):
        self.equation, self.points = equation, tuple(X.T)
        self.features = {jet: basis.features(X, jet[1]) for jet in equation.jets}

    def _jets(self, which=None):
        return {jet: float(jet == which) for jet in self.equation.jets}

    def _combine(self, coefficients):
        total = 0.0
        for jet, coefficient in coefficients.items():
            coefficient = np.asarray(coefficient)
            total = total + coefficient.reshape(-1, 1) * self.features[jet]
        return total

    def matrix(self, unknowns):
        """L φ at the points, shape (n, n_features)."""
        return self._combine(self.equation.partials(self._jets(), self.points, unknowns))

    def source(self, unknowns):
        """What L u is to equal, shape (n,)."""
        return self.equation.source(self.points, unknowns)

    def derivative(self, name, unknowns):
        """Derivatives of the matrix and of the source by one unknown.

        The residual is affine in the jets, so that a jet's coefficient is what the residual gains
        when that jet alone is one.
        """

        def slope(jets):
            value = self.equation.partials_unknown(jets, self.points, unknowns)[name]
            return np.broadcast_to(np.asarray(value, dtype=float), self.points[0].shape)

        base = slope(self._jets())
        rows = {jet: slope(self._jets(jet)) - base for jet in self.features}
        return self._combine(rows), -base


def chebyshev_points(low, high, n, rng):
    """n random points, one to a cell of the arcsine law: dense at the ends and without aliases."""
    angle = np.pi * (np.arange(n) + rng.uniform(size=n)) / n
    return np.sort((low + high) / 2 - (high - low) / 2 * np.cos(angle))


def collocation_points(basis, low, high, n, rng):
    """Points of the box, each coordinate by :func:`chebyshev_points`, shuffled against others."""
    columns = [
        rng.permutation(chebyshev_points(a, b, n, rng)) for a, b in zip(low, high, strict=True)
    ]
    return np.stack(columns, axis=1)


def condition_rows(pde, field, basis, rng):
    """Rows of every condition on the faces, and their targets.

    Returns
    -------
    list of (matrix, target)
        A pair for each face that carries a condition, or pair of periodic faces.
    """
    box, groups = pde.box, []
    for axis in range(len(box)):
        conditions = pde.conditions[field, axis]
        others = [a for a in range(len(box)) if a != axis]
        # Half as many points again as the traces have features.
        columns = [
            chebyshev_points(box.low[a], box.high[a], 3 * basis.factors[a].n_features // 2 + 4, rng)
            for a in others
        ]
        mesh = np.array(list(product(*columns)), dtype=float)
        traces = [basis.factors[a].features(mesh[:, i]) for i, a in enumerate(others)]
        factor = basis.factors[axis]
        if conditions.periodic:
            for order in (0, 1):
                jump = factor.endpoint("high", order) - factor.endpoint("low", order)
                groups.append((_trace_rows(jump, axis, traces, len(mesh)), np.zeros(len(mesh))))
            continue
        for end, value in (("low", box.low[axis]), ("high", box.high[axis])):
            for condition in getattr(conditions, end):
                points = np.insert(mesh, axis, value, axis=1)
                trace = condition.alpha * factor.endpoint(end) + condition.beta * factor.endpoint(
                    end, 1
                )
                target = np.asarray(condition.g(*points.T), dtype=float)
                groups.append((_trace_rows(trace, axis, traces, len(mesh)), target))
    return groups


def _trace_rows(value, axis, traces, n):
    blocks = list(traces)
    blocks.insert(axis, np.broadcast_to(value, (n, len(value))))
    return row_products(blocks)

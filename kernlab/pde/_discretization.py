"""A PDE on given factors: spaces for its fields, its equations as residuals and Jacobians on them.

An equation is its constant part, sums of numbers times derivatives, which is integrated against the
tests exactly (matrices of the axes), and a remainder (variable coefficients, nonlinear terms, the
source), which is evaluated at the nodes and integrated by their rule.
"""

import numpy as np

from kernlab.linalg import KroneckerSum
from kernlab.pde._axes import Axis
from kernlab.pde._legendre import N_SMOOTH, N_SMOOTH_MODES
from kernlab.pde._space import FieldSpace


class Discretization:
    """Residual, Jacobian and preconditioner of a PDE.

    Coefficients are a list of arrays, one for each field; residuals one for each equation. The
    i-th equation is tested with the tests of the i-th field. Eigenfunctions are used where there
    are any, but for a single coordinate only if ``diagonalise`` is true (see ``Axis``).
    """

    def __init__(self, pde, factors, device=None, *, diagonalise=False):
        self.pde, self.factors = pde, factors
        axes: dict = {}
        self.spaces = {}
        for field in pde.fields:
            own, data, ends = [], [], []
            for d, factor in enumerate(factors):
                low_high = pde.conditions[field, d]
                conditions = [("low", c) for c in low_high.low] + [
                    ("high", c) for c in low_high.high
                ]
                key = (id(factor), tuple((end, c.alpha, c.beta) for end, c in conditions))
                if key not in axes:
                    axes[key] = Axis(factor, key[1], diagonalise=diagonalise or len(factors) > 1)
                own.append(axes[key])
                data.append([c.g for _, c in conditions])
                ends.append([end for end, _ in conditions])
            self.spaces[field] = FieldSpace(own, data, ends, device)
        self.points = self.spaces[pde.fields[0]].nodes
        self.n_nodes = tuple(len(f.nodes) for f in factors)
        self._remainders = [_Remainder(e, self) for e in pde.equations]
        self._fixed = [self._integrate_lifts(e) for e in pde.equations]
        # Of a nonlinear equation the overtones of source and solution cancel on the nodes alone.
        is_linear = all(equation.is_linear for equation in pde.equations)
        self._is_sharpened = len(factors) == 1 and factors[0].is_polynomial and is_linear
        if self._is_sharpened:
            for i, remainder in enumerate(self._remainders):
                self._fixed[i] = self._fixed[i] + self._sharpen(i, remainder)

    @property
    def n_unknowns(self):
        return sum(int(np.prod(space.shape)) for space in self.spaces.values())

    def zeros(self):
        return [np.zeros(space.shape) for space in self.spaces.values()]

    def _integrate_lifts(self, equation):
        total = 0.0
        for (field, orders), number in equation.constant.items():
            total = total + number * self.spaces[field].test_lift(orders)
        return total

    def _sharpen(self, i, remainder):
        """What the rule on the nodes gets wrong of the smooth part of the source."""
        (axis,) = self._test_space(i).axes
        smooth = axis.factor.smooth_part(lambda x: remainder.without_field((x,)))
        at_nodes = axis.projection[: len(smooth)] @ remainder.at_zero()
        return axis.tests[: len(smooth)].T @ (smooth - at_nodes)

    def _test_space(self, i):
        return self.spaces[self.pde.fields[i]]

    def residual(self, coefficients, share=1.0):
        """Integrals of the equations against the tests; ``share`` of the remainder beyond its
        value at zero, for continuation."""
        by_field = dict(zip(self.pde.fields, coefficients, strict=True))
        results = []
        for i, equation in enumerate(self.pde.equations):
            total = self._fixed[i] + self._test_space(i).test(
                self._remainders[i].values(by_field, share)
            )
            for (field, orders), number in equation.constant.items():
                total = total + number * self.spaces[field].test_derivative(by_field[field], orders)
            results.append(total)
        return results

    def source_size(self, i):
        """Root mean square at the nodes of what the i-th equation holds beside its fields."""
        values = self._remainders[i].at_zero()
        largest = float(np.max(np.abs(values)))
        return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest else 0.0

    def noise(self, rng):
        """Integrals of white noise, of the size of rounding of the source over that of numbers."""
        results = []
        for i, remainder in enumerate(self._remainders):
            at_zero = remainder.at_zero()
            # Each coordinate in turn with its last digit changed: what rounding of the argument
            # makes of a source of high frequency.
            eps = np.finfo(float).eps
            size = np.abs(at_zero)
            for d in range(len(self.points)):
                moved = list(self.points)
                moved[d] = moved[d] * (1 + eps)
                size = size + np.abs(remainder.without_field(moved) - at_zero) / eps
            noise = size * rng.standard_normal(size.shape)
            if self._is_sharpened:
                (axis,) = self._test_space(i).axes
                raw = axis.projection @ noise
                raw[:N_SMOOTH_MODES] *= np.sqrt(len(raw) / N_SMOOTH)
                results.append(axis.tests.T @ raw)
            else:
                results.append(self._test_space(i).test(noise))
        return results

    def linearise(self, coefficients, share=1.0):
        """The Jacobian at the coefficients."""
        by_field = dict(zip(self.pde.fields, coefficients, strict=True))
        return Jacobian(
            self, [remainder.partials(by_field, share) for remainder in self._remainders]
        )


class _Remainder:
    """An equation less its constant part, at the nodes."""

    def __init__(self, equation, discretization):
        self.equation, self.disc = equation, discretization
        # Derivatives with a constant coefficient alone need not be evaluated.
        self.jets = equation.remainder_jets
        self._at_zero = None

    def _jets(self, by_field):
        zero = np.zeros((1,) * len(self.disc.factors))
        return {
            jet: self.disc.spaces[jet[0]].at_nodes(by_field[jet[0]], jet[1])
            if jet in self.jets
            else zero
            for jet in self.equation.jets
        }

    def at_zero(self):
        if self._at_zero is None:
            values = self.without_field(self.disc.points)
            self._at_zero = np.broadcast_to(values, self.disc.n_nodes)
        return self._at_zero

    def without_field(self, points):
        zero = np.zeros((1,) * len(points))
        return self.equation.residual(dict.fromkeys(self.equation.jets, zero), points)

    def values(self, by_field, share):
        if not self.jets:
            return self.at_zero()
        jets = self._jets(by_field)
        values = self.equation.residual(jets, self.disc.points)
        for jet in self.jets:
            if jet in self.equation.constant:
                values = values - self.equation.constant[jet] * jets[jet]
        if share != 1.0:
            values = share * values + (1 - share) * self.at_zero()
        return np.broadcast_to(values, self.disc.n_nodes)

    def partials(self, by_field, share):
        """For each jet of the remainder, its derivative beyond the constant part, at the nodes."""
        if not self.jets:
            return {}
        partials = self.equation.partials(self._jets(by_field), self.disc.points)
        return {
            jet: share
            * np.broadcast_to(
                partials[jet] - self.equation.constant.get(jet, 0.0), self.disc.n_nodes
            )
            for jet in self.jets
        }


class Jacobian:
    """The derivative of the residual, as products, as a dense matrix, and preconditioned."""

    def __init__(self, discretization, partials):
        self.disc, self._partials = discretization, partials
        self.pde = discretization.pde

    def apply(self, coefficients):
        """The product with a list of arrays of coefficients."""
        by_field = dict(zip(self.pde.fields, coefficients, strict=True))
        results = []
        for i, equation in enumerate(self.pde.equations):
            total: np.ndarray | float = 0.0
            for (field, orders), number in equation.constant.items():
                space = self.disc.spaces[field]
                total = total + number * space.test_derivative(by_field[field], orders)
            if self._partials[i]:
                at_nodes = sum(
                    a * self.disc.spaces[field].apply_at_nodes(by_field[field], orders)
                    for (field, orders), a in self._partials[i].items()
                )
                total = total + self.disc._test_space(i).test(at_nodes)
            results.append(total)
        return results

    def separable(self):
        """For each field, the Kronecker sum nearest to its own equation's own block."""
        solvers = []
        for i, (equation, field) in enumerate(
            zip(self.pde.equations, self.pde.fields, strict=True)
        ):
            numbers: dict = {}
            for (other, orders), number in equation.constant.items():
                if other == field:
                    numbers[orders] = numbers.get(orders, 0.0) + number
            for (other, orders), a in self._partials[i].items():
                if other == field:
                    numbers[orders] = numbers.get(orders, 0.0) + float(np.mean(a))
            solvers.append(separable_solver(self.disc.spaces[field].axes, numbers))
        return solvers

    def dense(self):
        """The matrix, for one or few unknowns: one product with each unit vector of small axes."""
        shapes = [space.shape for space in self.disc.spaces.values()]
        sizes = [int(np.prod(shape)) for shape in shapes]
        matrix = np.empty((sum(sizes), sum(sizes)))
        if len(shapes) == 1 and len(shapes[0]) == 1:
            return self._dense_line()
        column = 0
        for f, shape in enumerate(shapes):
            for j in range(sizes[f]):
                unit = self.disc.zeros()
                unit[f].reshape(-1)[j] = 1.0
                matrix[:, column] = np.concatenate([r.ravel() for r in self.apply(unit)])
                column += 1
        return matrix

    def _dense_line(self):
        (field,) = self.pde.fields
        (axis,) = self.disc.spaces[field].axes
        matrix = np.zeros((axis.n, axis.n))
        for (_, (order,)), number in self.pde.equations[0].constant.items():
            part = axis.matrix(order)
            matrix += number * (np.diag(part) if part.ndim == 1 else part)
        at_nodes = sum(
            a[:, None] * axis.values(order) for (_, (order,)), a in self._partials[0].items()
        )
        return matrix + axis.analysis @ at_nodes if self._partials[0] else matrix


def separable_solver(axes, numbers):
    """The Kronecker sum of the terms with derivatives along one axis at most.

    Parameters
    ----------
    numbers : dict
        From orders of derivatives to coefficients; terms with derivatives along several axes
        are left out.
    """
    factors = []
    zero_order = numbers.get((0,) * len(axes), 0.0)
    for d, axis in enumerate(axes):
        own = {
            orders[d]: number
            for orders, number in numbers.items()
            if orders[d] and sum(orders) == orders[d] and number
        }
        A: np.ndarray = np.zeros(axis.n)
        for order, number in own.items():
            A = _add(A, number * axis.matrix(order))
        mass = axis.matrix(0)
        if d == 0 and zero_order:
            A = _add(A, zero_order * mass)
        factors.append((A, mass))
    return KroneckerSum(factors)


def _add(A, B):
    if A.ndim == B.ndim:
        return A + B
    return (np.diag(A) if A.ndim == 1 else A) + (np.diag(B) if B.ndim == 1 else B)


def is_separable(equation):
    """Whether every term is a number times a derivative along one coordinate at most."""
    return equation.is_constant and all(sum(o) == max(o) for _, o in equation.constant)

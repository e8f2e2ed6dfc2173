"""A PDE on given factors: spaces for its fields, its equations as residuals and Jacobians on them.

An equation is its constant part, sums of numbers times derivatives, which is integrated against the
tests exactly (matrices of the axes), and a remainder (variable coefficients, nonlinear terms, the
source), which is evaluated at the nodes and integrated by their rule.
"""

import functools
import itertools

import numpy as np

from kernlab.linalg import KroneckerSum, apply_along_axes
from kernlab.pde._axes import Axis
from kernlab.pde._legendre import N_SMOOTH, N_SMOOTH_MODES
from kernlab.pde._space import FieldSpace

# Leading coefficients that vary more than so much are divided by; below so much of the largest
# they are taken to vanish there.
_VARIES, _LEAST_COEFFICIENT = 10.0, 1e-4
# Share of a coefficient from which its variation along its own axis enters the preconditioner.
_COURSE = 0.2


class Discretization:
    """Residual, Jacobian and preconditioner of a PDE.

    Coefficients are a list of arrays, one for each field; residuals one for each equation. The
    i-th equation is tested with the tests of the i-th field: ``equations`` are in that order.
    Eigenfunctions are used where there are any, but for a single coordinate only if
    ``diagonalise`` is true (see ``Axis``). ``like`` is a discretization of the same equations and
    conditions whose factors differ by a shift, if at all: its axes serve again.
    ``by_rate`` is for axes with a start of value and rate (see ``Axis``).
    """

    def __init__(self, pde, factors, device=None, *, diagonalise=False, like=None, by_rate=True):
        self.pde, self.factors = pde, factors
        self.equations = _matched_equations(pde)
        axes: dict = {}
        self.spaces = {}
        for field in pde.fields:
            own, data, ends = [], [], []
            for d, factor in enumerate(factors):
                low_high = pde.conditions[field, d]
                conditions = [("low", c) for c in low_high.low] + [
                    ("high", c) for c in low_high.high
                ]
                apart = self._varies_in_time_alone(field, d)
                key = (id(factor), tuple((end, c.alpha, c.beta) for end, c in conditions), apart)
                if key not in axes and like is not None:
                    axes[key] = like.spaces[field].axes[d].moved(factor)
                elif key not in axes:
                    axes[key] = Axis(
                        factor,
                        key[1],
                        diagonalise=diagonalise or len(factors) > 1,
                        orthogonal_lift=apart,
                        by_rate=by_rate,
                    )
                own.append(axes[key])
                data.append([c.g for _, c in conditions])
                ends.append([end for end, _ in conditions])
            self.spaces[field] = FieldSpace(own, data, ends, device)
        self.points = self.spaces[pde.fields[0]].nodes
        self.n_nodes = tuple(len(f.nodes) for f in factors)
        self._remainders = [_Remainder(e, self) for e in self.equations]
        self.constants = [remainder.constant for remainder in self._remainders]
        self._fixed = [self._integrate_lifts(i) for i in range(len(self.equations))]
        # Of a nonlinear equation the overtones of source and solution cancel on the nodes alone.
        is_linear = all(equation.is_linear for equation in pde.equations)
        self._is_sharpened = len(factors) == 1 and factors[0].is_polynomial and is_linear
        if self._is_sharpened:
            for i, remainder in enumerate(self._remainders):
                self._fixed[i] = self._fixed[i] + self._sharpen(i, remainder)

    def _varies_in_time_alone(self, field, d):
        """Whether another axis is time, and nothing needs the field's slopes along this at nodes:
        those of a lift that is orthogonal to the functions are large."""
        conditions = [self.pde.conditions[field, e] for e in range(len(self.factors)) if e != d]
        has_time = any(bool(c.low) != bool(c.high) for c in conditions)
        jets = {jet for equation in self.equations for jet in equation.remainder_jets}
        return has_time and not any(name == field and orders[d] for name, orders in jets)

    @property
    def n_unknowns(self):
        return sum(int(np.prod(space.shape)) for space in self.spaces.values())

    def zeros(self):
        return [np.zeros(space.shape) for space in self.spaces.values()]

    def _integrate_lifts(self, i):
        tests, total = self.test_space(i).axes, 0.0
        for (field, orders), number in self.constants[i].items():
            total = total + number * self.spaces[field].test_lift(orders, tests)
        return total

    def _sharpen(self, i, remainder):
        """What the rule on the nodes gets wrong of the smooth part of the source."""
        (axis,) = self.test_space(i).axes
        smooth = axis.factor.smooth_part(lambda x: remainder.without_field((x,)))
        at_nodes = axis.projection[: len(smooth)] @ remainder.at_zero()
        return axis.tests[: len(smooth)].T @ (smooth - at_nodes)

    def test_space(self, i):
        return self.spaces[self.pde.fields[i]]

    def residual(self, coefficients, share=1.0):
        """Integrals of the equations against the tests; ``share`` of the remainder beyond its
        value at zero, for continuation."""
        by_field = dict(zip(self.pde.fields, coefficients, strict=True))
        results = []
        for i, remainder in enumerate(self._remainders):
            tests = self.test_space(i)
            total = self._fixed[i] + tests.test(remainder.values(by_field, share))
            for (field, orders), number in remainder.constant.items():
                space = self.spaces[field]
                total = total + number * space.test_derivative(by_field[field], orders, tests.axes)
            results.append(total)
        return results

    def source_size(self, i):
        """Root mean square at the nodes of what the i-th equation holds beside its fields."""
        values = self._remainders[i].at_zero()
        largest = float(np.max(np.abs(values)))
        return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest else 0.0

    def noise(self, rng, coefficients):
        """Integrals of white noise, of the size of rounding of the source over that of numbers.

        Terms of order zero at the solution count too: near a resonance they cancel against the
        second derivatives, and what is left is their rounding.
        """
        results = []
        by_field = dict(zip(self.pde.fields, coefficients, strict=True))
        origin = (0,) * len(self.factors)
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
                (axis,) = self.test_space(i).axes
                raw = axis.projection @ noise
                raw[:N_SMOOTH_MODES] *= np.sqrt(len(raw) / N_SMOOTH)
                results.append(axis.tests.T @ raw)
            else:
                results.append(self.test_space(i).test(noise))
            for field, space in self.spaces.items():
                number = self.constants[i].get((field, origin), 0.0)
                if number:
                    u = number * space.at_nodes(by_field[field], origin)
                    u = u * rng.standard_normal(u.shape)
                    results[-1] = results[-1] + self.test_space(i).test(u)
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
        self.constant, self.jets = equation.constant, equation.remainder_jets
        self._at_zero = None
        self._weight = _leading_weight(equation, discretization)
        if self._weight is not None:
            self.constant, self.jets = {}, equation.jets

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
        values = self.equation.residual(dict.fromkeys(self.equation.jets, zero), points)
        return values if self._weight is None else self._weight * values

    def values(self, by_field, share):
        if not self.jets:
            return self.at_zero()
        jets = self._jets(by_field)
        values = self.equation.residual(jets, self.disc.points)
        for jet in self.jets:
            if jet in self.constant:
                values = values - self.constant[jet] * jets[jet]
        if self._weight is not None:
            values = self._weight * values
        if share != 1.0:
            values = share * values + (1 - share) * self.at_zero()
        return np.broadcast_to(values, self.disc.n_nodes)

    def partials(self, by_field, share):
        """For each jet of the remainder, its derivative beyond the constant part, at the nodes."""
        if not self.jets:
            return {}
        partials = self.equation.partials(self._jets(by_field), self.disc.points)
        factor = share if self._weight is None else share * self._weight
        return {
            jet: np.broadcast_to(
                factor * (partials[jet] - self.constant.get(jet, 0.0)), self.disc.n_nodes
            )
            for jet in self.jets
        }


def _matched_equations(pde):
    """The equations in the order of the fields that they are tested with.

    Each is to hold the highest derivatives of its field, first along coordinates with conditions at
    one end, as in time, which are what it says of the field's course.
    """
    n = len(pde.fields)

    def score(equation, field):
        orders = equation.orders(field)
        if orders is None:
            return -np.inf
        ends = [pde.conditions[field, d] for d in range(len(orders))]
        marches = [bool(c.low) != bool(c.high) for c in ends]
        return sum(
            order * (2 if one_end else 1) for order, one_end in zip(orders, marches, strict=False)
        )

    scores = [[score(equation, field) for field in pde.fields] for equation in pde.equations]
    # permutations starts with the order as given, which max keeps among equals.
    best = max(
        itertools.permutations(range(n)),
        key=lambda chosen: sum(scores[e][f] for f, e in enumerate(chosen)),
    )
    return [pde.equations[e] for e in best]


def _leading_weight(equation, discretization):
    """One over the size of the highest derivatives' coefficients, where it varies much.

    An equation may be divided by any positive function. This one leaves highest derivatives with
    coefficients of about one, which a separable preconditioner meets.
    """
    if len(discretization.factors) == 1:
        return None
    highest = max(sum(orders) for _, orders in equation.jets)
    leading = [jet for jet in equation.jets if sum(jet[1]) == highest]
    if not set(leading) & set(equation.remainder_jets):
        return None
    zero = np.zeros((1,) * len(discretization.factors))
    partials = equation.partials(dict.fromkeys(equation.jets, zero), discretization.points)
    box = discretization.pde.box
    size = sum(np.abs(partials[jet]) / np.prod(box.lengths ** np.array(jet[1])) for jet in leading)
    largest = np.max(size)
    if not np.isfinite(largest) or np.min(size) > largest / _VARIES:
        return None
    return np.max(size) / np.maximum(size, _LEAST_COEFFICIENT * largest)


class Jacobian:
    """The derivative of the residual, as products, as a dense matrix, and preconditioned."""

    def __init__(self, discretization, partials):
        self.disc, self._partials = discretization, partials
        self.pde = discretization.pde

    def apply(self, coefficients):
        """The product with a list of arrays of coefficients."""
        by_field = dict(zip(self.pde.fields, coefficients, strict=False))
        results = []
        for i, constant in enumerate(self.disc.constants):
            tests = self.disc.test_space(i)
            total: np.ndarray | float = 0.0
            for (field, orders), number in constant.items():
                space = self.disc.spaces[field]
                total = total + number * space.test_derivative(by_field[field], orders, tests.axes)
            if self._partials[i]:
                at_nodes = sum(
                    a * self.disc.spaces[field].apply_at_nodes(by_field[field], orders)
                    for (field, orders), a in self._partials[i].items()
                )
                total = total + tests.test(at_nodes)
            results.append(total + np.zeros(tests.shape))
        return results

    def separable(self, *, approximate=False):
        """For each field, the Kronecker sum nearest to its own equation's own block."""
        solvers = []
        for i, field in enumerate(self.pde.fields):
            numbers: dict = {}
            for (other, orders), number in self.disc.constants[i].items():
                if other == field:
                    numbers[orders] = numbers.get(orders, 0.0) + number
            courses = {}
            for (other, orders), a in self._partials[i].items():
                if other == field:
                    numbers[orders] = numbers.get(orders, 0.0) + float(np.mean(a))
                    along = _course(a, orders, numbers[orders])
                    if along is not None:
                        courses[orders] = along
            axes = self.disc.spaces[field].axes
            solvers.append(separable_solver(axes, numbers, courses, approximate))
        return solvers

    def dense(self):
        """The matrix, block by block, at N^(2d+1) operations for N features along d axes."""
        return np.block(
            [
                [self._block(i, field) for field in self.pde.fields]
                for i in range(len(self.pde.fields))
            ]
        )

    def _block(self, i, field):
        axes, tests = self.disc.spaces[field].axes, self.disc.test_space(i).axes
        heights, widths = [axis.n for axis in tests], [axis.n for axis in axes]
        # One axis of pairs (test, function) for each coordinate, untangled at the end.
        total = np.zeros([h * w for h, w in zip(heights, widths, strict=False)])
        for (other, orders), number in self.disc.constants[i].items():
            if other == field:
                parts = [
                    _full(axis.matrix(order, test)).ravel()
                    for axis, test, order in zip(axes, tests, orders, strict=False)
                ]
                total += number * functools.reduce(np.multiply.outer, parts)
        for (other, orders), a in self._partials[i].items():
            if other != field:
                continue
            if len(axes) == 1:
                # Of all pairs the table would take N³ numbers.
                weighted = np.reshape(a, (-1, 1)) * axes[0].values(orders[0])
                total += (tests[0].analysis @ weighted).ravel()
            else:
                pairs = [
                    (test.analysis.T[:, :, None] * axis.values(order)[:, None, :])
                    .reshape(len(axis.nodes), -1)
                    .T
                    for axis, test, order in zip(axes, tests, orders, strict=False)
                ]
                total += apply_along_axes(pairs, a)
        pairs_apart = total.reshape(
            [n for pair in zip(heights, widths, strict=False) for n in pair]
        )
        order = [*range(0, 2 * len(axes), 2), *range(1, 2 * len(axes), 2)]
        return pairs_apart.transpose(order).reshape(int(np.prod(heights)), int(np.prod(widths)))


def _full(matrix):
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def _course(a, orders, number):
    """How a coefficient departs from its mean along the axis of its derivative; None if hardly."""
    axes = [d for d, order in enumerate(orders) if order]
    if len(axes) != 1:
        return None
    others = tuple(d for d in range(a.ndim) if d != axes[0])
    along = np.mean(a, axis=others)
    along = along - np.mean(along)
    return along if np.max(np.abs(along)) > _COURSE * abs(number) else None


def separable_solver(axes, numbers, courses=None, approximate=False):
    """The Kronecker sum of the terms with derivatives along one axis at most.

    Parameters
    ----------
    numbers : dict
        From orders of derivatives to coefficients; terms with derivatives along several axes
        are left out.
    courses : dict, default=None
        From orders to what is added to a coefficient at the nodes of the derivative's axis.
    approximate : bool, default=False
        See ``KroneckerSum``.
    """
    factors = []
    courses = courses or {}
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
        for orders, along in courses.items():
            if orders[d]:
                A = _add(A, axis.analysis @ (along[:, None] * axis.values(orders[d])))
        mass = axis.matrix(0)
        if d == 0 and zero_order:
            A = _add(A, zero_order * mass)
        factors.append((A, mass))
    return KroneckerSum(factors, approximate=approximate)


def _add(A, B):
    if A.ndim == B.ndim:
        return A + B
    return _full(A) + _full(B)


def is_separable(equation):
    """Whether every term is a number times a derivative along one coordinate at most."""
    return equation.is_constant and all(sum(o) == max(o) for _, o in equation.constant)

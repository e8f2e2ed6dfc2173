"""Boxes, and equations with conditions on them."""

from difflib import get_close_matches
from itertools import combinations, permutations, product

import numpy as np

from kernlab.pde import _expressions as expressions
from kernlab.pde._conditions import (
    AxisConditions,
    FaceCondition,
    Initial,
    Periodic,
)
from kernlab.pde._equation import Equation
from kernlab.pde._expressions import walk
from kernlab.pde._printing import format_derivative, format_number

_HIGHEST_ORDER = 2
# Corner values that differ by less, relative to the data's scale, are rounding.
_CORNER_TOLERANCE = 1e-8
_N_SAMPLES = 17
_EPS = np.finfo(float).eps


class Box:
    """A box: one interval per coordinate.

    Parameters
    ----------
    **intervals : (float, float)
        The ends of each coordinate, finite, low < high. Their order is the order of a
        callable's arguments and of the columns of points.

    Attributes
    ----------
    names : tuple of str
    low, high, lengths : ndarray of shape (n_coordinates,)

    Raises
    ------
    TypeError, ValueError
        If there is no interval, or one is no pair of finite numbers with low < high.

    Examples
    --------
    >>> from kernlab.pde import Box
    >>> box = Box(x=(0, 1), t=(0, 2))
    >>> box
    Box(x=(0, 1), t=(0, 2))
    >>> box.names, len(box), box.lengths
    (('x', 't'), 2, array([1., 2.]))
    """

    def __init__(self, **intervals):
        if not intervals:
            raise ValueError("a Box has at least one coordinate, as in Box(x=(0, 1)).")
        ends = []
        for name, interval in intervals.items():
            try:
                low, high = (float(end) for end in interval)
            except (TypeError, ValueError) as error:
                raise TypeError(
                    f"{name} is a pair of numbers, the ends of its interval; got {interval!r}."
                ) from error
            if not (np.isfinite(low) and np.isfinite(high) and np.isfinite(high - low)):
                raise ValueError(f"the ends of {name} and its length are finite; got {interval!r}.")
            if low < high and not 1e-60 < high - low < 1e60:
                raise ValueError(
                    f"the length of {name} is {high - low:g}, whose powers leave the range of "
                    "floating point; write the problem in other units."
                )
            if not low < high:
                raise ValueError(f"the ends of {name} satisfy low < high; got {interval!r}.")
            ends.append((low, high))
        self.names = tuple(intervals)
        self.low, self.high = (np.array(end) for end in zip(*ends, strict=True))
        for end in (self.low, self.high):
            end.flags.writeable = False

    @property
    def lengths(self):
        """Length of each interval."""
        return self.high - self.low

    @property
    def faces(self):
        """Names of the faces: ``x_min``, ``x_max`` and so on."""
        return tuple(f"{name}_{end}" for name in self.names for end in ("min", "max"))

    def __len__(self):
        return len(self.names)

    def __repr__(self):
        number = format_number
        text = ", ".join(
            f"{name}=({number(low)}, {number(high)})"
            for name, low, high in zip(
                self.names, self.low.tolist(), self.high.tolist(), strict=True
            )
        )
        return f"Box({text})"


def _face_name(coordinate, end):
    return f"{coordinate}_{'min' if end == 'low' else 'max'}"


def _suggest(name, names):
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}."


class PDE:
    """Equations on a box with conditions on its faces.

    Parameters
    ----------
    equations : Expression or sequence of Expression
        Each is to be zero: ``D(u, x, 2) + u - f``. As many as there are fields. A callable is
        joined to a formula, not to a number, since Python knows no arithmetic of functions:
        ``2 * (f * u)`` or ``-1 * (u * f)``, not ``2 * f * u`` or ``-f * u``.
    box : Box
    bcs : condition or sequence of conditions, default=()
        `Dirichlet`, `Neumann`, `Robin`, `Periodic` and `Initial`. Along each coordinate there
        are as many as the order of the equation: one at either end for order 1, and for order
        2 one at each end or, of an `Initial`, value and rate. The conditions of a system are
        counted over its fields together.

    Attributes
    ----------
    equations : list of Equation
    fields : list of str
        Names of the fields in the order in which they are written.
    unknowns : dict of str to Unknown
    box : Box
    bcs : list
        The conditions as they were given.
    conditions : dict of (str, int) to AxisConditions
        For each field and axis the conditions at its ends, their derivatives along the axis.

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If a face is not on the box, carries two conditions, or there are too many or too few of
        them; if values that meet in a corner differ by more than 1e-8 of their scale; if a
        coordinate is not in the Box, a condition is for no field of the equations, a derivative
        is above order 2 along one coordinate, or there are not as many equations as fields.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde import Box, D, Dirichlet, Field, PDE, coords
    >>> x, y = coords("x y")
    >>> u = Field("u")
    >>> def f(x, y):
    ...     return np.sin(x) * y
    >>> PDE(D(u, x, 2) + D(u, y, 2) + u**3 - u - f, Box(x=(0, 1), y=(0, 1)), [Dirichlet()])
    u_xx + u_yy + u**3 - u = f
      on Box(x=(0, 1), y=(0, 1))
      with Dirichlet(0)
    """

    def __init__(self, equations, box, bcs=()):
        if not isinstance(box, Box):
            raise TypeError(f"box is a Box, as in Box(x=(0, 1)); got {box!r}.")
        if isinstance(equations, expressions.Expression):
            equations = [equations]
        if isinstance(bcs, (FaceCondition, Periodic, Initial)):
            bcs = [bcs]
        try:
            equations, bcs = list(equations), list(bcs)
        except TypeError as error:
            raise TypeError(
                f"equations are formulas and bcs a sequence of conditions; got {equations!r} and "
                f"{bcs!r}."
            ) from error
        self.box = box
        self.bcs = bcs
        self.equations = [Equation(expression, box.names) for expression in equations]
        self.fields, self.unknowns = self._names()
        self._check_orders()
        self.conditions = self._assign()
        self._check_counts()
        self._check_corners()

    def _names(self):
        fields: dict = {}
        unknowns: dict = {}
        for equation in self.equations:
            for node in walk(equation.expression):
                if isinstance(node, expressions.FieldDerivative):
                    fields[node.field] = None
                elif isinstance(node, expressions.Unknown):
                    known = unknowns.setdefault(node.name, node)
                    if known.bounds != node.bounds:
                        raise ValueError(f"two unknowns named {node.name!r} have different bounds.")
        if not self.equations:
            raise ValueError("equations holds at least one formula; got none.")
        if len(fields) != len(self.equations):
            raise ValueError(
                f"there are {len(self.equations)} equations for {len(fields)} fields "
                f"({', '.join(fields)}); give one equation per field."
            )
        if set(fields) & set(unknowns):
            name = sorted(set(fields) & set(unknowns))[0]
            raise ValueError(f"{name!r} names both a field and an unknown; rename one.")
        return list(fields), unknowns

    def _check_orders(self):
        for equation in self.equations:
            for field, orders in equation.jets:
                if max(orders) > _HIGHEST_ORDER:
                    pairs = tuple((n, k) for n, k in zip(self.box.names, orders, strict=True) if k)
                    raise ValueError(
                        f"{format_derivative(field, pairs)} in {equation!r} is of order "
                        f"{max(orders)} along one coordinate; at most {_HIGHEST_ORDER} is "
                        "supported. Write the equation as a system of two, as u_xx - v = 0 and "
                        "v_xx - f = 0 for u_xxxx = f."
                    )

    def _order(self, field, axis):
        orders = (equation.orders(field) for equation in self.equations)
        return max(order[axis] for order in orders if order is not None)

    def _assign(self):
        """Conditions by field and axis; every face named at most once."""
        names = self.box.names
        conditions: dict = {
            (field, axis): AxisConditions([], [], False)
            for field in self.fields
            for axis in range(len(self.box))
        }
        taken: dict = {}

        def take(field, axis, end, condition, found):
            face = _face_name(names[axis], end)
            if (field, face) in taken:
                raise ValueError(
                    f"the face {face} carries two conditions for {field}: "
                    f"{taken[field, face]!r} and {condition!r}; name it in one of them."
                )
            taken[field, face] = condition
            getattr(conditions[field, axis], end).extend(found)

        started = set()
        for condition in self.bcs:
            if isinstance(condition, Periodic):
                for name in condition.coordinates:
                    axis = self._axis(name, condition)
                    for field in self.fields:
                        take(field, axis, "low", condition, [])
                        take(field, axis, "high", condition, [])
                        conditions[field, axis] = AxisConditions([], [], True)
            elif isinstance(condition, Initial):
                axis = self._axis(condition.coordinate, condition)
                for field in self._fields_of(condition):
                    take(field, axis, "low", condition, condition.at("low", names))
                    started.add((field, axis))
            elif isinstance(condition, FaceCondition):
                for face in condition.faces or ():
                    axis, end = self._face(face, condition)
                    for field in self._fields_of(condition):
                        take(field, axis, end, condition, [condition.at(end, names)])
            else:
                raise TypeError(
                    "bcs holds Dirichlet, Neumann, Robin, Periodic and Initial conditions; got "
                    f"{condition!r}."
                )
        left = [
            (field, axis, end)
            for field in self.fields
            for axis in range(len(self.box))
            for end in ("low", "high")
            if self._order(field, axis)
            and (field, axis) not in started
            and (field, _face_name(names[axis], end)) not in taken
        ]
        for condition in self.bcs:
            if isinstance(condition, FaceCondition) and condition.faces is None:
                fields = self._fields_of(condition)
                for field, axis, end in left:
                    if field in fields:
                        take(field, axis, end, condition, [condition.at(end, names)])
        return conditions

    def _axis(self, name, condition):
        if name not in self.box.names:
            remedy = _suggest(name, self.box.names)
            if isinstance(condition, Initial):
                remedy = f"; name the one that is time, coordinate={self.box.names[-1]!r} say."
            raise ValueError(
                f"{condition!r} is for the coordinate {name!r}, which is not in {self.box!r}"
                f"{remedy}"
            )
        return self.box.names.index(name)

    def _face(self, face, condition):
        if face not in self.box.faces:
            raise ValueError(
                f"{condition!r} names the face {face!r}, which is not on {self.box!r}"
                f"{_suggest(face, self.box.faces)}"
            )
        index = self.box.faces.index(face)
        return index // 2, ("low", "high")[index % 2]

    def _fields_of(self, condition):
        if condition.field is None:
            return self.fields
        if condition.field not in self.fields:
            raise ValueError(
                f"{condition!r} is for the field {condition.field!r}, which is in no equation"
                f"{_suggest(condition.field, self.fields)}"
            )
        return [condition.field]

    def _needed(self, axis):
        """Order of the system along an axis: of its principal part, by Jacobi's bound."""
        orders = [
            [(equation.orders(field) or (None,) * len(self.box))[axis] for field in self.fields]
            for equation in self.equations
        ]
        sums = [
            [orders[row][column] for row, column in enumerate(choice)]
            for choice in permutations(range(len(self.fields)))
        ]
        return max((sum(choice) for choice in sums if None not in choice), default=None)

    def _check_counts(self):
        for axis, name in enumerate(self.box.names):
            ends = [self.conditions[field, axis] for field in self.fields]
            if ends[0].periodic:
                continue
            needed = self._needed(axis)
            if needed is None:
                raise ValueError(
                    "the equations cannot determine the fields: some of them hold the same "
                    "fields only."
                )
            found = sum(len(end.low) + len(end.high) for end in ends)
            if found != needed:
                raise ValueError(self._count_message(name, ends, found, needed))

    def _count_message(self, name, ends, found, needed):
        counted = [
            f"{sum(len(getattr(end, side)) for end in ends)} at {name}_{label}"
            for side, label in (("low", "min"), ("high", "max"))
        ]
        if found > needed:
            remedy = "name the faces and fields that have one (faces=, field=)"
            if any(condition.kind == "slope" for condition in ends[0].low[1:]):
                remedy = "leave out the rate= of Initial"
            elif needed == 1 and len(self.fields) == 1:
                remedy = f"name one face, faces='{name}_min' or '{name}_max', or give an Initial"
            elif needed == 0:
                remedy = f"it holds no derivative along {name}, so leave them out"
        elif found == 1 and needed == 2 and len(self.fields) == 1 and ends[0].low:
            remedy = f"give {name}_max a condition, or Initial its rate="
        else:
            remedy = "give Dirichlet(), which holds on every face that is left, or name the faces"
        return (
            f"the equations are of order {needed} along {name} and take as many conditions "
            f"there; got {found} ({', '.join(counted)}): {remedy}."
        )

    def up_to_a_constant(self):
        """Fields to which the equations and conditions leave a constant free.

        Returns
        -------
        list of str
            Those that occur through their derivatives alone.
        """
        valued = {
            field
            for equation in self.equations
            for field, orders in equation.jets
            if not any(orders)
        }
        for (field, _), ends in self.conditions.items():
            if any(condition.alpha for condition in (*ends.low, *ends.high)):
                valued.add(field)
        return [field for field in self.fields if field not in valued]

    def _check_corners(self):
        for field, (first, second) in product(self.fields, combinations(range(len(self.box)), 2)):
            for i, j in ((first, second), (second, first)):
                if self.conditions[field, j].periodic:
                    for end, g in self._values(field, i):
                        self._check_wrap(field, i, end, g, j)
            for one, other in product(self._values(field, first), self._values(field, second)):
                self._check_corner(field, first, second, one, other)

    def _values(self, field, axis):
        return [
            (end, condition.g)
            for end in ("low", "high")
            for condition in getattr(self.conditions[field, axis], end)
            if condition.kind == "value"
        ]

    def _samples(self, fixed, inward=0.0):
        """Points on an edge or face: some coordinates at an end, the others spread over them."""
        names, low, high = self.box.names, self.box.low, self.box.high
        points = []
        for axis in range(len(names)):
            if axis in fixed:
                end = (low if fixed[axis] == "low" else high)[axis]
                step = inward * max(abs(low[axis]), abs(high[axis]))
                points.append(np.array([end + step if fixed[axis] == "low" else end - step]))
            else:
                points.append(np.linspace(low[axis], high[axis], _N_SAMPLES))
        return np.meshgrid(*points, indexing="ij", sparse=True)

    def _disagreement(self, first, second):
        """Whether two pieces of data differ, each a function and the coordinates it has fixed."""
        values, slack, scale = [], 0.0, 0.0
        for g, face, corner in (first, second):
            values.append(g(*self._samples(corner)))
            # What rounding of the coordinates alone does to the data: sin(pi * x) at x = 1.
            moved = g(*self._samples(corner, inward=4 * _EPS))
            slack += 4.0 * float(np.max(np.abs(moved - values[-1])))
            scale = max(scale, float(np.max(np.abs(g(*self._samples(face))))))
        worst = np.argmax(np.abs(values[0] - values[1]))
        one, other = (float(value.ravel()[worst]) for value in values)
        return abs(one - other) > _CORNER_TOLERANCE * scale + slack, one, other

    def _check_corner(self, field, first, second, one, other):
        corner = {first: one[0], second: other[0]}
        differ, left, right = self._disagreement(
            (one[1], {first: one[0]}, corner), (other[1], {second: other[0]}, corner)
        )
        if differ:
            faces = [_face_name(self.box.names[axis], end) for axis, end in corner.items()]
            raise ValueError(
                f"the values of {field} on {faces[0]} and {faces[1]} do not agree where the faces "
                f"meet: {left:g} ({one[1]!r}) and {right:g} ({other[1]!r}). The solution would "
                "jump there; make the data agree."
            )

    def _check_wrap(self, field, axis, end, g, around):
        face = {axis: end}
        differ, left, right = self._disagreement(
            (g, face, {**face, around: "low"}), (g, face, {**face, around: "high"})
        )
        if differ:
            name = self.box.names[around]
            raise ValueError(
                f"{field} is periodic in {name}, but its value {g!r} on the face "
                f"{_face_name(self.box.names[axis], end)} is {left:g} at "
                f"{name}_min and {right:g} at {name}_max."
            )

    def __repr__(self):
        lines = [*map(repr, self.equations), f"  on {self.box!r}"]
        if self.bcs:
            lines.append(f"  with {', '.join(map(repr, self.bcs))}")
        return "\n".join(lines)

"""Conditions on the faces of a box, and what they come to per axis."""

import math
from numbers import Real
from typing import NamedTuple

import numpy as np

from kernlab.pde import _expressions as expressions
from kernlab.pde._data import as_points, call_data, check_signature
from kernlab.pde._expressions import walk
from kernlab.pde._printing import format_number
from kernlab.pde._tape import Context, Tape


class FaceData:
    """Boundary data as a checked callable of all coordinates.

    Parameters
    ----------
    data : float, callable or Expression
        A number, a callable of all coordinates, or a formula in coordinates.
    names : sequence of str
        The coordinates in the Box's order.
    """

    def __init__(self, data, names):
        expression = expressions.as_expression(data)
        for node in walk(expression):
            if isinstance(node, (expressions.FieldDerivative, expressions.Unknown)):
                raise ValueError(
                    f"boundary data are numbers or functions of the coordinates; {data!r} holds "
                    f"{node!r}."
                )
            if isinstance(node, expressions.Coordinate) and node.name not in names:
                raise ValueError(
                    f"boundary data {data!r} use the coordinate {node!r}, but the Box has "
                    f"{list(names)}."
                )
            if isinstance(node, expressions.Data):
                check_signature(node.function, names)
        self.names = tuple(names)
        self._expression = expression
        self._tape = Tape(expression, names)

    def __call__(self, *points):
        """Values at points, of the shape to which the coordinate arrays broadcast."""
        points, shape = as_points(points, self.names)
        # A formula of functions, log(x) say, is checked as one function is.
        values = call_data(self._evaluate, points, shape, self.names)
        return np.array(np.broadcast_to(values, shape))

    def _evaluate(self, *points):
        shape = np.broadcast_shapes(*map(np.shape, points))
        return self._tape.value(Context(points, shape, self.names, {}, {}))

    def __repr__(self):
        return repr(self._expression)


class Condition(NamedTuple):
    """``alpha * u + beta * du/d(axis) = g`` at one end of an axis.

    ``kind`` is 'value' (beta = 0), 'slope' (alpha = 0) or 'robin'; ``g`` is called with one
    array per coordinate.
    """

    kind: str
    alpha: float
    beta: float
    g: FaceData


class AxisConditions(NamedTuple):
    """What one field has to satisfy at the ends of one axis."""

    low: list[Condition]
    high: list[Condition]
    periodic: bool


def _check_faces(faces):
    if faces is None:
        return None
    names = (faces,) if isinstance(faces, str) or not np.iterable(faces) else tuple(faces)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"faces is a name such as 'x_min', or several of them; got {faces!r}.")
    if not names:
        raise ValueError("faces names at least one face, or is None for all that are left.")
    return names


def _check_field(field):
    if field is None or isinstance(field, str):
        return field
    if isinstance(field, expressions.Field):
        return field.name
    raise TypeError(f"field is a Field or its name; got {field!r}.")


def _check_coordinate(coordinate, name):
    if isinstance(coordinate, expressions.Coordinate):
        return coordinate.name
    if isinstance(coordinate, str):
        return coordinate
    raise TypeError(f"{name} is a coordinate or its name; got {coordinate!r}.")


def _check_number(value, name):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} is a number; got {value!r}.")
    if not math.isfinite(value):
        raise ValueError(f"{name} is finite; got {value!r}.")
    return float(value)


class FaceCondition:
    """A condition on some faces of the box; its kinds say which."""

    kind = "value"
    a, b = 1.0, 0.0

    def __init__(self, g, faces, field):
        # Refused here, where the line at fault is, rather than when the PDE is put together.
        if isinstance(g, str):
            raise TypeError(
                f"g of {type(self).__name__} is a number, a callable or a formula; got {g!r} of "
                f"type str. Faces are named by faces={g!r}."
            )
        expressions.as_expression(g)
        self.g = g
        self.faces = _check_faces(faces)
        self.field = _check_field(field)

    def at(self, end, names):
        """The condition at an end of an axis, its derivative along the axis."""
        sign = -1.0 if end == "low" else 1.0
        return Condition(self.kind, self.a, sign * self.b + 0.0, FaceData(self.g, names))

    def _arguments(self):
        return [repr(expressions.as_expression(self.g))]

    def __repr__(self):
        text = self._arguments()
        if self.faces is not None:
            text.append(f"faces={(self.faces[0] if len(self.faces) == 1 else self.faces)!r}")
        if self.field is not None:
            text.append(f"field={self.field!r}")
        return f"{type(self).__name__}({', '.join(text)})"


class Dirichlet(FaceCondition):
    """The value of a field on faces of the box: u = g.

    Parameters
    ----------
    g : float, callable or Expression, default=0
        A number; a callable with the signature of the source, one array per coordinate in the
        Box's order, of which the face's own holds its one value; or a formula in coordinates.
    faces : str or sequence of str, optional
        Names such as ``'x_min'``. By default every face that no other condition names, along
        the coordinates in which the equation differentiates the field and that carry no
        `Initial`.
    field : Field or str, optional
        By default every field.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind.

    Examples
    --------
    >>> from kernlab.pde import Dirichlet
    >>> Dirichlet(1.0, faces=("x_min", "x_max"))
    Dirichlet(1, faces=('x_min', 'x_max'))
    """

    def __init__(self, g=0, faces=None, field=None):
        super().__init__(g, faces, field)


class Neumann(FaceCondition):
    """The outward normal derivative of a field on faces of the box: du/dn = g.

    Parameters
    ----------
    g, faces, field
        As in `Dirichlet`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind.

    Examples
    --------
    >>> from kernlab.pde import Neumann
    >>> Neumann(faces="x_max")
    Neumann(0, faces='x_max')
    """

    kind = "slope"
    a, b = 0.0, 1.0

    def __init__(self, g=0, faces=None, field=None):
        super().__init__(g, faces, field)


class Robin(FaceCondition):
    """A value and the outward normal derivative joined: a*u + b*du/dn = g.

    Parameters
    ----------
    a, b : float
        Finite; ``b`` is not zero.
    g, faces, field
        As in `Dirichlet`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or ``b`` is zero.

    Examples
    --------
    >>> from kernlab.pde import Robin
    >>> Robin(1, 0.5, faces="x_max")
    Robin(1, 0.5, 0, faces='x_max')
    """

    kind = "robin"

    def __init__(self, a, b, g=0, faces=None, field=None):
        super().__init__(g, faces, field)
        self.a, self.b = _check_number(a, "a"), _check_number(b, "b")
        if self.b == 0.0:
            raise ValueError("b of Robin is not zero; for a*u = g use Dirichlet(g/a).")

    def _arguments(self):
        return [*map(format_number, (self.a, self.b)), *super()._arguments()]


class Periodic:
    """Every field and its derivatives are equal at both ends of a coordinate.

    Parameters
    ----------
    coordinates : Coordinate, str, or sequence of these

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or empty.

    Examples
    --------
    >>> from kernlab.pde import Periodic
    >>> Periodic("x")
    Periodic('x')
    """

    def __init__(self, coordinates):
        if isinstance(coordinates, str) or not np.iterable(coordinates):
            coordinates = (coordinates,)
        self.coordinates = tuple(_check_coordinate(name, "coordinates") for name in coordinates)
        if not self.coordinates:
            raise ValueError("coordinates holds at least one name.")

    def __repr__(self):
        return f"Periodic({', '.join(map(repr, self.coordinates))})"


class Initial:
    """The state at the start of time: u = value, and u_t = rate there.

    Parameters
    ----------
    value : float, callable or Expression
        As ``g`` of `Dirichlet`.
    rate : float, callable or Expression, optional
        Where the equation is of second order in time.
    coordinate : Coordinate or str, default='t'
        The coordinate that is time.
    field : Field or str, optional
        By default every field.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind.

    Examples
    --------
    >>> from kernlab.pde import Initial
    >>> Initial(1.0, rate=0.0)
    Initial(1, rate=0)
    """

    def __init__(self, value, rate=None, coordinate="t", field=None):
        expressions.as_expression(value)
        if rate is not None:
            expressions.as_expression(rate)
        self.value, self.rate = value, rate
        self.coordinate = _check_coordinate(coordinate, "coordinate")
        self.field = _check_field(field)

    def at(self, end, names):
        """The conditions at the start, as many as there are."""
        conditions = [Condition("value", 1.0, 0.0, FaceData(self.value, names))]
        if self.rate is not None:
            conditions.append(Condition("slope", 0.0, 1.0, FaceData(self.rate, names)))
        return conditions

    def __repr__(self):
        text = [repr(expressions.as_expression(self.value))]
        if self.rate is not None:
            text.append(f"rate={expressions.as_expression(self.rate)!r}")
        if self.coordinate != "t":
            text.append(f"coordinate={self.coordinate!r}")
        if self.field is not None:
            text.append(f"field={self.field!r}")
        return f"Initial({', '.join(text)})"

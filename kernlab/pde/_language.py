"""The language in which equations are written.

An equation is one formula that is to be zero, in coordinates, fields and their derivatives,
unknown parameters, and callables of the coordinates.
"""

from numbers import Integral

import numpy as np

from kernlab.pde._expressions import (
    Applied,
    Coordinate,
    Expression,
    Field,
    FieldDerivative,
    Number,
    Product,
    Sum,
    Unknown,
    add,
    as_expression,
    multiply,
    scale,
)

__all__ = ["D", "Field", "Unknown", "apply", "coords"]


def coords(names):
    """The coordinates of a domain.

    Parameters
    ----------
    names : str
        Identifiers, separated by spaces or commas.

    Returns
    -------
    Coordinate or tuple of Coordinate
        One symbol for one name, and a tuple for several.

    Raises
    ------
    TypeError, ValueError
        If ``names`` is no string, holds no name, one that is no identifier, or one twice.

    Examples
    --------
    >>> from kernlab.pde import coords
    >>> x, t = coords("x t")
    >>> coords("x")
    x
    """
    if not isinstance(names, str):
        raise TypeError(f"names is a string such as 'x y'; got {names!r}.")
    split = names.replace(",", " ").split()
    if not split:
        raise ValueError(f"names holds at least one name; got {names!r}.")
    if len(set(split)) < len(split):
        raise ValueError(f"names holds each coordinate once; got {names!r}.")
    symbols = tuple(map(Coordinate, split))
    return symbols[0] if len(symbols) == 1 else symbols


def D(expression, coordinate, order=1):
    """Derivative of a field, or of a sum of derivatives with constant coefficients.

    Parameters
    ----------
    expression : Expression
        A field, a derivative, or a sum of these times numbers and unknowns.
    coordinate : Coordinate
        Made by `coords`.
    order : int, default=1
        Order of the derivative, at least 0.

    Returns
    -------
    Expression

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If ``order`` is below 0, or the expression is nonlinear or holds coordinates or
        callables: such a derivative is to be written out by the product rule.

    Examples
    --------
    >>> from kernlab.pde import D, Field, coords
    >>> x, y = coords("x y")
    >>> u = Field("u")
    >>> D(D(u, x), y)
    u_xy
    >>> D(D(u, x, 2) + 2 * u, x)
    u_xxx + 2*u_x
    """
    if isinstance(expression, (Coordinate, str)) and isinstance(coordinate, FieldDerivative):
        raise TypeError(
            f"D takes the field first and the coordinate second: D({coordinate!r}, {expression!r})."
        )
    if not isinstance(coordinate, Coordinate):
        raise TypeError(
            "the second argument of D is a coordinate made by coords, as in x, y = "
            f"coords('x y'); got {coordinate!r} of type {type(coordinate).__name__}."
        )
    if isinstance(order, Coordinate):
        raise TypeError(
            "the third argument of D is the order; a mixed derivative is written "
            f"D(D({expression!r}, {coordinate!r}), {order!r})."
        )
    if not isinstance(order, Integral) or isinstance(order, (bool, np.bool_)):
        raise TypeError(f"the order of a derivative is an integer; got {order!r}.")
    if order < 0:
        raise ValueError(f"the order of a derivative is at least 0; got {order!r}.")
    expression = as_expression(expression)
    return expression if order == 0 else _derive(expression, coordinate.name, int(order))


def _derive(expression, name, order):
    if isinstance(expression, FieldDerivative):
        orders = dict(expression.orders)
        orders[name] = orders.get(name, 0) + order
        return FieldDerivative(expression.field, tuple(sorted(orders.items())))
    if expression.is_parameter:
        return Number(0.0)
    if isinstance(expression, Sum):
        return add(
            *(scale(number, _derive(term, name, order)) for number, term in expression.terms)
        )
    if isinstance(expression, Product):
        fixed = [factor for factor in expression.parts if factor.is_parameter]
        moving = [factor for factor in expression.parts if not factor.is_parameter]
        if len(moving) == 1:
            return multiply(*fixed, _derive(moving[0], name, order))
    raise ValueError(
        f"D cannot differentiate {expression!r}: it takes fields and their derivatives with "
        "constant coefficients. Expand the derivative by the product rule (chain rule), as in "
        f"a*D(u, {name}, 2) + a_{name}*D(u, {name}) for D(a*D(u, {name}), {name}), where "
        f"a_{name} is the derivative of a."
    )


def apply(function, expression, derivative=None):
    """A function of a formula that NumPy does not have.

    Parameters
    ----------
    function : callable
        Takes one float array and returns one of the same shape, value by value.
    expression : Expression
        What it is applied to.
    derivative : callable, optional
        The derivative of ``function``, with the same signature. By default it is taken by the
        complex step where ``function`` accepts complex numbers and is analytic (error of
        rounding only), else by differences of fourth order (relative error about 1e-11).

    Returns
    -------
    Expression

    Raises
    ------
    TypeError
        If ``function`` or ``derivative`` cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde import D, Field, apply, coords
    >>> x = coords("x")
    >>> u = Field("u")
    >>> def reaction(v):
    ...     return v * np.exp(-(v**2))
    >>> D(u, x, 2) + apply(reaction, u)
    u_xx + reaction(u)
    """
    for name, value in (("function", function), ("derivative", derivative)):
        optional = name == "derivative" and value is None
        if not optional and (not callable(value) or isinstance(value, Expression)):
            raise TypeError(f"{name} is a function of one array; got {value!r}.")
    return Applied(function, as_expression(expression), derivative)

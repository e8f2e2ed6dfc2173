"""The language in which equations are written: coordinates, fields, derivatives, arithmetic.

An expression is kept as a sum of (number, term) pairs as soon as it is built, so that the
linear terms of an equation can be read off and `2*(u + u_x)/4` is `0.5*u + 0.5*u_x`.
"""

import math
from numbers import Complex, Integral, Real

import numpy as np

from kernlab.pde._data import callable_name
from kernlab.pde._functions import DERIVATIVES, ROUGH


def _check_name(name, what):
    if not isinstance(name, str):
        raise TypeError(f"the name of {what} is a string; got {name!r}.")
    if not name.isidentifier():
        raise ValueError(f"the name of {what} is a valid identifier such as 'x'; got {name!r}.")
    return name


class Expression:
    """A formula in coordinates, fields, their derivatives, unknowns and callables.

    Expressions are built by arithmetic, by NumPy's functions (``np.sin(u)``), by `D` and by
    `apply`; a formula never changes once it is built.
    """

    # What an expression is made of, for walks over the tree.
    parts: tuple["Expression", ...] = ()

    def __add__(self, other):
        return add(self, as_expression(other))

    def __radd__(self, other):
        return add(as_expression(other), self)

    def __sub__(self, other):
        return add(self, scale(-1.0, as_expression(other)))

    def __rsub__(self, other):
        return add(as_expression(other), scale(-1.0, self))

    def __mul__(self, other):
        return multiply(self, as_expression(other))

    def __rmul__(self, other):
        return multiply(as_expression(other), self)

    def __truediv__(self, other):
        return multiply(self, power(as_expression(other), Number(-1.0)))

    def __rtruediv__(self, other):
        return multiply(as_expression(other), power(self, Number(-1.0)))

    def __pow__(self, other):
        return power(self, as_expression(other))

    def __rpow__(self, other):
        return power(as_expression(other), self)

    def __neg__(self):
        return scale(-1.0, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return np.absolute(self)

    def __bool__(self):
        raise TypeError(
            f"the formula {self!r} is neither true nor false; an equation is written as one "
            "formula that is to be zero, left - right."
        )

    def __eq__(self, other):
        raise TypeError(
            f"a comparison does not make an equation of {self!r}; write it as one formula that is to be "
            "zero, left - right. To ask whether two names are one object use `is`."
        )

    __ne__ = __eq__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = object.__hash__

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method != "__call__" or kwargs:
            what = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            raise TypeError(f"{what} cannot be applied to a formula in this way.")
        return _apply_ufunc(ufunc, [as_expression(value) for value in inputs])

    def __repr__(self):
        return format_expression(self)


class Number(Expression):
    """A plain number within a formula."""

    def __init__(self, value):
        self.value = value


class Coordinate(Expression):
    """One coordinate of the domain, made by `coords`."""

    def __init__(self, name):
        self.name = _check_name(name, "a coordinate")


class FieldDerivative(Expression):
    """A derivative of a field; ``orders`` holds (coordinate name, order) pairs by name."""

    def __init__(self, field, orders):
        self.field = field
        self.orders = orders


class Field(FieldDerivative):
    """An unknown function of the coordinates, for which an equation is solved.

    Parameters
    ----------
    name : str
        An identifier. Two fields of one name are the same field.

    Raises
    ------
    TypeError, ValueError
        If the name is no string, or no identifier.

    Examples
    --------
    >>> from kernlab.pde import D, Field, coords
    >>> x, y = coords("x y")
    >>> u = Field("u")
    >>> D(u, x, 2) + D(u, y, 2) + u**3 - u
    u_xx + u_yy + u**3 - u
    """

    def __init__(self, name):
        super().__init__(_check_name(name, "a field"), ())

    @property
    def name(self):
        """The name of the field."""
        return self.field


class Unknown(Expression):
    """A scalar parameter of an equation that is inferred from data.

    Parameters
    ----------
    name : str
        An identifier.
    bounds : (float, float), default=(-inf, inf)
        Least and largest value that the parameter may take.

    Raises
    ------
    TypeError, ValueError
        If the name is no identifier, or the bounds are no pair of numbers with low < high.

    Examples
    --------
    >>> from kernlab.pde import D, Field, Unknown, coords
    >>> x = coords("x")
    >>> u, k = Field("u"), Unknown("k", bounds=(20, 60))
    >>> D(u, x, 2) + k**2 * u
    u_xx + k**2*u
    """

    def __init__(self, name, bounds=(-math.inf, math.inf)):
        self.name = _check_name(name, "an unknown")
        try:
            low, high = (float(bound) for bound in bounds)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"bounds of the unknown {name!r} are a pair of numbers; got {bounds!r}."
            ) from error
        if not low < high:
            raise ValueError(f"bounds of the unknown {name!r} satisfy low < high; got {bounds!r}.")
        self.bounds = (low, high)


class Data(Expression):
    """A callable of the coordinates."""

    def __init__(self, function):
        self.function = function


class Sum(Expression):
    """``constant`` + sum of coefficient * term; no term is a number or a sum."""

    def __init__(self, terms, constant):
        self.terms = terms
        self.constant = constant

    @property
    def parts(self):
        """The terms without their coefficients."""
        return tuple(term for _, term in self.terms)


class Product(Expression):
    """A product of factors, none of them a number."""

    def __init__(self, factors):
        self.parts = factors


class Power(Expression):
    """``base ** exponent``, the exponent a number."""

    def __init__(self, base, exponent):
        self.parts = (base,)
        self.exponent = exponent


class Function(Expression):
    """A NumPy function of a formula."""

    def __init__(self, ufunc, argument):
        self.ufunc = ufunc
        self.parts = (argument,)


class Applied(Expression):
    """The user's function of a formula, made by `apply`."""

    def __init__(self, function, argument, derivative):
        self.function = function
        self.derivative = derivative
        self.parts = (argument,)


def as_expression(value):
    """A number, callable or expression as an expression; anything else is refused."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, np.ndarray):
        if value.ndim:
            raise TypeError(
                f"an array of shape {value.shape} cannot stand in an equation, since it does not "
                "say where its values belong; give a callable of the coordinates, or pass "
                "measured values to fit(X, y)."
            )
        value = value[()]
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{value!r} cannot stand in an equation; write 1.0 or 0.0.")
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"a number in an equation is finite; got {value!r}.")
        return Number(number)
    if isinstance(value, Complex):
        raise TypeError(
            f"equations are real; got {value!r}. Write the real and the imaginary part as two "
            "fields."
        )
    if callable(value) and not isinstance(value, type):
        return Data(value)
    raise TypeError(
        "an equation holds numbers, fields, coordinates, unknowns and callables of the "
        f"coordinates; got {value!r} of type {type(value).__name__}."
    )


def as_sum(expression):
    """The (coefficient, term) pairs of an expression, and its constant."""
    if isinstance(expression, Sum):
        return expression.terms, expression.constant
    if isinstance(expression, Number):
        return (), expression.value
    return ((1.0, expression),), 0.0


def _identity(expression):
    """Equal for expressions that are known to be the same."""
    if isinstance(expression, FieldDerivative):
        return expression.field, expression.orders
    if isinstance(expression, Data):
        return "data", id(expression.function)
    if isinstance(expression, (Coordinate, Unknown)):
        return type(expression), expression.name
    return id(expression)


def _collect(terms, constant):
    merged: dict = {}
    for coefficient, term in terms:
        key = _identity(term)
        merged[key] = (merged.get(key, (0.0,))[0] + coefficient, term)
    terms = tuple(pair for pair in merged.values() if pair[0] != 0.0)
    if not all(math.isfinite(number) for number in (constant, *(pair[0] for pair in terms))):
        raise ValueError("the numbers in an equation multiply to something not finite.")
    if not terms:
        return Number(constant)
    if constant == 0.0 and len(terms) == 1 and terms[0][0] == 1.0:
        return terms[0][1]
    return Sum(terms, constant)


def add(*expressions):
    """The sum, its like terms collected."""
    pairs, constants = zip(*map(as_sum, expressions), strict=True)
    return _collect([pair for terms in pairs for pair in terms], math.fsum(constants))


def scale(number, expression):
    """A number times an expression, multiplied out over its terms."""
    terms, constant = as_sum(expression)
    return _collect([(number * pair[0], pair[1]) for pair in terms], number * constant)


def multiply(*expressions):
    """The product, its numbers taken to the front."""
    coefficient, factors = 1.0, []
    for expression in expressions:
        terms, constant = as_sum(expression)
        if not terms:
            coefficient *= constant
        elif len(terms) == 1 and constant == 0.0:
            coefficient *= terms[0][0]
            inner = terms[0][1]
            factors += inner.parts if isinstance(inner, Product) else (inner,)
        else:
            factors.append(expression)
    if not factors:
        return as_expression(coefficient)
    return scale(coefficient, factors[0] if len(factors) == 1 else Product(tuple(factors)))


def power(base, exponent):
    """``base ** exponent``."""
    if not isinstance(exponent, Number):
        if isinstance(base, Number) and base.value <= 0:
            raise ValueError(f"the base of {base.value!r}**({exponent!r}) is above 0.")
        return np.exp(multiply(exponent, np.log(base)))
    if isinstance(base, Number):
        if base.value == 0 and exponent.value < 0:
            raise ZeroDivisionError("an equation divides by zero.")
        result = base.value**exponent.value
        return as_expression(result)
    if exponent.value == 0.0:
        return Number(1.0)
    return base if exponent.value == 1.0 else Power(base, exponent.value)


_OPERATORS = {
    np.add: add,
    np.subtract: lambda a, b: add(a, scale(-1.0, b)),
    np.multiply: multiply,
    np.divide: lambda a, b: multiply(a, power(b, Number(-1.0))),
    np.power: power,
    np.float_power: power,
    np.negative: lambda a: scale(-1.0, a),
    np.positive: lambda a: a,
    np.square: lambda a: power(a, Number(2.0)),
    np.reciprocal: lambda a: power(a, Number(-1.0)),
}


def _apply_ufunc(ufunc, arguments):
    if ufunc in _OPERATORS:
        return _OPERATORS[ufunc](*arguments)
    if ufunc in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal):
        return arguments[0] == arguments[1]
    if ufunc in ROUGH or ufunc.nin != 1 or ufunc.nout != 1:
        raise TypeError(
            f"np.{ufunc.__name__} of {', '.join(map(repr, arguments))} has no derivative here; "
            "use apply(function, formula, derivative=...)."
        )
    (argument,) = arguments
    if isinstance(argument, Number):
        return as_expression(ufunc(argument.value))
    if ufunc in DERIVATIVES:
        return Function(ufunc, argument)
    return Applied(ufunc, argument, None)


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


def is_parameter(expression):
    """Whether the expression is made of numbers and unknowns alone."""
    if isinstance(expression, (Number, Unknown)):
        return True
    return bool(expression.parts) and all(map(is_parameter, expression.parts))


def _derive(expression, name, order):
    if isinstance(expression, FieldDerivative):
        orders = dict(expression.orders)
        orders[name] = orders.get(name, 0) + order
        return FieldDerivative(expression.field, tuple(sorted(orders.items())))
    if is_parameter(expression):
        return Number(0.0)
    if isinstance(expression, Sum):
        return add(
            *(scale(number, _derive(term, name, order)) for number, term in expression.terms)
        )
    if isinstance(expression, Product):
        fixed = [factor for factor in expression.parts if is_parameter(factor)]
        moving = [factor for factor in expression.parts if not is_parameter(factor)]
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


def format_number(value):
    """A number with the fewest digits that denote it."""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))


def format_derivative(field, orders):
    """``u_xxy``; ``D(D(u, xi, 2), eta)`` where a coordinate has a longer name."""
    if all(len(name) == 1 for name, _ in orders):
        return "_".join([field, *filter(None, ["".join(name * k for name, k in orders)])])
    text = field
    for name, order in orders:
        text = f"D({text}, {name}{f', {order}' if order > 1 else ''})"
    return text


# How tightly an expression holds together when printed: sum, product, power, name.
_SUM, _PRODUCT, _POWER, _NAME = range(4)


def _format(expression):
    match expression:
        case Number(value=value):
            return format_number(value), _NAME if value >= 0 else _SUM
        case FieldDerivative():
            return format_derivative(expression.field, expression.orders), _NAME
        case Coordinate() | Unknown():
            return expression.name, _NAME
        case Data():
            return callable_name(expression.function), _NAME
        case Sum():
            text = format_sum(expression.terms, expression.constant)
            single = len(expression.terms) == 1 and not expression.constant
            return text, _PRODUCT if single and expression.terms[0][0] > 0 else _SUM
        case Product():
            return _format_product(expression.parts), _PRODUCT
        case Power():
            if expression.exponent < 0:
                return _format_product((expression,)), _PRODUCT
            base = _inside(expression.parts[0], _NAME)
            return f"{base}**{format_number(expression.exponent)}", _POWER
        case Function():
            return f"{expression.ufunc.__name__}({expression.parts[0]!r})", _NAME
        case Applied():
            return f"{callable_name(expression.function)}({expression.parts[0]!r})", _NAME
    raise TypeError(f"no such formula: {type(expression).__name__}.")


def _inside(expression, level):
    text, own = _format(expression)
    return text if own >= level else f"({text})"


def _format_product(factors):
    above, below = [], []
    for factor in factors:
        if isinstance(factor, Power) and factor.exponent < 0:
            below.append(_inside(power(factor.parts[0], Number(-factor.exponent)), _POWER))
        else:
            above.append(_inside(factor, _POWER))
    return "/".join(["*".join(above) or "1", *below])


def format_sum(terms, constant):
    """The sum as it is written by hand."""
    pieces = []
    for coefficient, term in terms:
        text = _inside(term, _PRODUCT)
        size = abs(coefficient)
        if size != 1.0:
            text = format_number(size) + (text[1:] if text.startswith("1/") else f"*{text}")
        pieces.append((coefficient, text))
    if constant or not pieces:
        pieces.append((constant, format_number(abs(constant))))
    first, *rest = pieces
    return (
        ("-" if first[0] < 0 else "")
        + first[1]
        + "".join(f" {'-' if number < 0 else '+'} {text}" for number, text in rest)
    )


def format_expression(expression):
    """The expression as mathematics on one line."""
    return _format(expression)[0]

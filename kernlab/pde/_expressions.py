"""Formulas: what they are made of, and their arithmetic.

An expression is kept as a sum of (number, term) pairs as soon as it is built, so that the
linear terms of an equation can be read off and `2*(u + u_x)/4` is `0.5*u + 0.5*u_x`.
"""

import math
from collections.abc import Callable
from functools import cached_property
from numbers import Complex, Real

import numpy as np

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

    @cached_property
    def degree(self):
        """0 if free of fields, 1 if affine in them and their derivatives, 2 if neither."""
        return 2 if any(part.degree for part in self.parts) else 0

    @cached_property
    def is_parameter(self):
        """Whether it is made of numbers and unknowns alone."""
        return bool(self.parts) and all(part.is_parameter for part in self.parts)

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

    def __call__(self, *arguments):
        raise TypeError(
            f"{self!r} is a formula and takes no arguments: write u, not u(x). Values at places "
            "are given by conditions, as in Dirichlet(1, faces='x_min'), and read by "
            "GPPDESolver.predict."
        )

    def __bool__(self):
        raise TypeError(
            f"the formula {self!r} is neither true nor false; an equation is written as one "
            "formula that is to be zero, left - right."
        )

    def __eq__(self, other):
        raise TypeError(
            f"a comparison does not make an equation of {self!r}; write it as one formula that "
            "is to be zero, left - right. To ask whether two names are one object use `is`."
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
        # Printing knows every kind of expression, and so comes after them.
        from kernlab.pde._printing import format_expression

        return format_expression(self)


class Number(Expression):
    """A plain number within a formula."""

    is_parameter = True

    def __init__(self, value):
        self.value = value


class Coordinate(Expression):
    """One coordinate of the domain, made by `coords`."""

    def __init__(self, name):
        self.name = _check_name(name, "a coordinate")


class FieldDerivative(Expression):
    """A derivative of a field; ``orders`` holds (coordinate name, order) pairs by name."""

    degree = 1

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

    is_parameter = True

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
        self.parts = tuple(term for _, term in terms)

    @cached_property
    def degree(self):
        """As of its highest term."""
        return max(term.degree for term in self.parts)


class Product(Expression):
    """A product of factors, none of them a number."""

    def __init__(self, factors):
        self.parts = factors

    @cached_property
    def degree(self):
        """The sum over its factors, at most 2."""
        return min(2, sum(factor.degree for factor in self.parts))


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


def _product(first, second):
    """The product of two numbers; one that leaves the range of floats is refused."""
    result = first * second
    if not math.isfinite(result) or (result == 0.0 and first != 0.0 and second != 0.0):
        raise ValueError(
            f"the numbers {first!r} and {second!r} in an equation multiply to {result!r}; choose "
            "units in which they are nearer to one."
        )
    return result


def _collect(terms, constant):
    merged: dict = {}
    for coefficient, term in terms:
        key = _identity(term)
        merged[key] = (merged.get(key, (0.0,))[0] + coefficient, term)
    terms = tuple(pair for pair in merged.values() if pair[0] != 0.0)
    if not all(map(math.isfinite, (constant, *(number for number, _ in terms)))):
        raise ValueError("the numbers in an equation add up to something that is not finite.")
    if not terms:
        return Number(constant)
    if constant == 0.0 and len(terms) == 1 and terms[0][0] == 1.0:
        return terms[0][1]
    return Sum(terms, constant)


def add(*expressions):
    """The sum, its like terms collected."""
    pairs, constants = zip(*map(as_sum, expressions), strict=True)
    return _collect([pair for terms in pairs for pair in terms], sum(constants))


def scale(number, expression):
    """A number times an expression, multiplied out over its terms."""
    terms, constant = as_sum(expression)
    return _collect(
        [(_product(number, pair[0]), pair[1]) for pair in terms], _product(number, constant)
    )


def _gather(factors):
    """Factors with ``u * u`` made ``u**2``; ``u/u`` is left, since u may be zero."""
    gathered: dict = {}
    for factor in factors:
        base, exponent = factor, 1.0
        if isinstance(factor, Power) and factor.exponent.is_integer():
            base, exponent = factor.parts[0], factor.exponent
        key = _identity(base), exponent > 0
        gathered[key] = base, gathered.get(key, (base, 0.0))[1] + exponent
    return tuple(
        base if exponent == 1.0 else Power(base, exponent) for base, exponent in gathered.values()
    )


def multiply(*expressions):
    """The product, its numbers taken to the front."""
    coefficient = 1.0
    factors: list[Expression] = []
    for expression in expressions:
        terms, constant = as_sum(expression)
        if not terms:
            coefficient = _product(coefficient, constant)
        elif len(terms) == 1 and constant == 0.0:
            coefficient = _product(coefficient, terms[0][0])
            inner = terms[0][1]
            factors += inner.parts if isinstance(inner, Product) else (inner,)
        else:
            factors.append(expression)
    gathered = _gather(factors)
    if not gathered:
        return Number(coefficient)
    return scale(coefficient, gathered[0] if len(gathered) == 1 else Product(gathered))


def power(base, exponent):
    """``base ** exponent``."""
    if not isinstance(exponent, Number):
        if isinstance(base, Number) and base.value <= 0:
            raise ValueError(f"the base of {base.value!r}**({exponent!r}) is above 0.")
        return np.exp(multiply(exponent, np.log(base)))
    if isinstance(base, Number):
        if base.value == 0 and exponent.value < 0:
            raise ZeroDivisionError("an equation divides by zero.")
        return as_expression(base.value**exponent.value)
    if exponent.value == 0.0:
        return Number(1.0)
    return base if exponent.value == 1.0 else Power(base, exponent.value)


_OPERATORS: dict[np.ufunc, Callable[..., Expression]] = {
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


def walk(expression):
    """Every subexpression once, in the order in which they are written."""
    seen = set()
    left = [expression]
    while left:
        node = left.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            left.extend(reversed(node.parts))

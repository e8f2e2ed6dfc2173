"""Formulas as mathematics on one line."""

from kernlab.pde._data import callable_name
from kernlab.pde._expressions import (
    Applied,
    Coordinate,
    Data,
    FieldDerivative,
    Function,
    Number,
    Power,
    Product,
    Sum,
    Unknown,
    power,
)


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

"""Formulas as a list of instructions: each subexpression is evaluated once.

Derivatives are taken forward along the list. A derivative that is a plain number stays one, and
the values that no derivative needs, a source say, are not evaluated for it.
"""

from functools import reduce
from operator import mul
from typing import NamedTuple

import numpy as np

from kernlab.pde import _expressions as expressions
from kernlab.pde._data import call_data, callable_name
from kernlab.pde._functions import DERIVATIVES, IN_THEIR_VALUE, apply_function, numerical_derivative

_MULTIPLIED_OUT = 64


class Instruction(NamedTuple):
    """One subexpression: what it is, and where in the list its arguments stand."""

    kind: str
    payload: object
    arguments: tuple[int, ...]


def _whole_power(base, exponent):
    if exponent == 1:
        return base
    root = _whole_power(base, exponent // 2)
    return root * root * base if exponent % 2 else root * root


def _power(base, exponent):
    """``base ** exponent``, by multiplication for a small whole number."""
    if exponent == 0.5:
        return np.sqrt(base)
    if not float(exponent).is_integer() or abs(exponent) > _MULTIPLIED_OUT:
        return np.power(base, exponent)
    result = _whole_power(base, int(abs(exponent)))
    return result if exponent > 0 else np.divide(1.0, result)


def _times(first, second):
    """The product; ones are left out, so that nothing is copied for them."""
    if isinstance(first, float) and first == 1.0:
        return second
    if isinstance(second, float) and second == 1.0:
        return first
    return first * second


def _weighted_sum(payload, arguments):
    coefficients, constant = payload
    total, owned = constant, False
    for coefficient, value in zip(coefficients, arguments, strict=True):
        if coefficient == -1.0:
            term, fresh = value, False
        else:
            term, fresh = _times(coefficient, value), coefficient != 1.0
        if isinstance(total, float) and total == 0.0 and coefficient != -1.0:
            total, owned = term, fresh
            continue
        operation = np.subtract if coefficient == -1.0 else np.add
        if (
            owned
            and np.ndim(total)
            and np.broadcast_shapes(np.shape(term), total.shape) == (total.shape)
        ):
            operation(total, term, out=total)
        else:
            total, owned = operation(total, term), True
    return total


def _value(instruction, arguments, context):
    kind, payload, _ = instruction
    match kind:
        case "number":
            return payload
        case "coordinate":
            return context.points[payload]
        case "field":
            return context.jet(payload)
        case "unknown":
            return context.unknown(payload)
        case "data":
            return call_data(payload, context.points, context.shape, context.names)
        case "sum":
            return _weighted_sum(payload, arguments)
        case "product":
            return reduce(mul, arguments)
        case "power":
            return _power(arguments[0], payload)
        case "function":
            return payload(arguments[0])
        case "applied":
            function, _ = payload
            return apply_function(function, arguments[0], callable_name(function))
    raise AssertionError(kind)


def _local_derivatives(instruction, value, arguments):
    """Derivatives of an instruction's value by each of its arguments."""
    kind, payload, _ = instruction
    if kind == "sum":
        return payload[0]
    if kind == "product":
        # An argument that moves is None where no other one needs its value.
        return [
            reduce(mul, [other for j, other in enumerate(arguments) if j != i])
            if all(other is not None for j, other in enumerate(arguments) if j != i)
            else None
            for i in range(len(arguments))
        ]
    (argument,) = arguments
    if kind == "power":
        return [payload * _power(argument, payload - 1.0)]
    if kind == "function":
        return [DERIVATIVES[payload](argument, value)]
    function, derivative = payload
    if derivative is None:
        return [numerical_derivative(function, argument, callable_name(function))]
    return [apply_function(derivative, argument, callable_name(derivative))]


class Context:
    """Where a tape is evaluated: points, values of the jets and of the unknowns."""

    def __init__(self, points, shape, names, jets, unknowns):
        self.points, self.shape, self.names = points, shape, names
        self.jets, self.unknowns = jets, unknowns

    def jet(self, jet):
        """Value of a jet."""
        try:
            return self.jets[jet]
        except KeyError:
            raise ValueError(f"jets lacks the values of {jet!r}.") from None

    def unknown(self, name):
        """Value of an unknown parameter."""
        try:
            return float(self.unknowns[name])
        except KeyError:
            raise ValueError(f"unknowns lacks the value of {name!r}.") from None


class Tape:
    """The instructions that evaluate one expression.

    Parameters
    ----------
    expression : Expression
    names : sequence of str
        The coordinates in the Box's order.
    """

    def __init__(self, expression, names):
        self.names = tuple(names)
        self.instructions: list[Instruction] = []
        # Expressions by object, and instructions by what they hold: either may come twice.
        self._compile(expression, {}, {})
        self._plans: dict = {}

    def _compile(self, expression, by_object, by_content):
        if id(expression) in by_object:
            return by_object[id(expression)]
        arguments = tuple(self._compile(part, by_object, by_content) for part in expression.parts)
        kind, payload, key = self._describe(expression)
        content = kind, key, arguments
        if content not in by_content:
            by_content[content] = len(self.instructions)
            self.instructions.append(Instruction(kind, payload, arguments))
        by_object[id(expression)] = by_content[content]
        return by_content[content]

    def _describe(self, expression):
        """Kind, payload, and what tells the payload from others."""
        match expression:
            case expressions.Number(value=value):
                return "number", value, value
            case expressions.Coordinate(name=name):
                return "coordinate", self.names.index(name), name
            case expressions.FieldDerivative():
                jet = as_jet(expression, self.names)
                return "field", jet, jet
            case expressions.Unknown(name=name):
                return "unknown", name, name
            case expressions.Data(function=function):
                return "data", function, id(function)
            case expressions.Sum():
                payload = tuple(number for number, _ in expression.terms), expression.constant
                return "sum", payload, payload
            case expressions.Product():
                return "product", None, None
            case expressions.Power(exponent=exponent):
                return "power", exponent, exponent
            case expressions.Function(ufunc=ufunc):
                return "function", ufunc, ufunc
            case expressions.Applied(function=function, derivative=derivative):
                return "applied", (function, derivative), (id(function), id(derivative))
        raise AssertionError(type(expression))

    def value(self, context):
        """The value of the expression: a number, or an array that broadcasts to the points."""
        values: list = []
        last = self._plan(None)
        for index, instruction in enumerate(self.instructions):
            arguments = [values[i] for i in instruction.arguments]
            with np.errstate(all="ignore"):
                values.append(_value(instruction, arguments, context))
            for i in set(instruction.arguments):
                if last[i] == index:
                    values[i] = None
        return values[-1]

    def array(self, context, shape):
        """The value as a new array of a shape."""
        value = self.value(context)
        computed = self.instructions[-1].kind in ("sum", "product", "power", "function")
        if computed and np.shape(value) == shape and isinstance(value, np.ndarray):
            return value
        return np.array(np.broadcast_to(value, shape), dtype=float)

    def derivatives(self, context, kind):
        """Derivatives of the expression by every 'field' or by every 'unknown' in it."""
        moving, needed, last = self._plan(kind)
        values: list = [None] * len(self.instructions)
        slopes: list = [None] * len(self.instructions)
        for index, instruction in enumerate(self.instructions):
            arguments = [values[i] for i in instruction.arguments]
            with np.errstate(all="ignore"):
                if needed[index]:
                    values[index] = _value(instruction, arguments, context)
                if moving[index] and instruction.kind == kind:
                    slopes[index] = {instruction.payload: 1.0}
                elif moving[index]:
                    slopes[index] = self._chain(instruction, values[index], arguments, slopes)
            for i in set(instruction.arguments):
                if last[i] == index:
                    values[i] = slopes[i] = None
        return slopes[-1] or {}

    @staticmethod
    def _chain(instruction, value, arguments, slopes):
        total: dict = {}
        local = _local_derivatives(instruction, value, arguments)
        for factor, index in zip(local, instruction.arguments, strict=True):
            for name, slope in (slopes[index] or {}).items():
                term = _times(factor, slope)
                total[name] = total[name] + term if name in total else term
        return total

    def _plan(self, kind):
        """What moves with the jets or unknowns, whose value is needed, and until when."""
        if kind not in self._plans:
            last = [0] * len(self.instructions)
            for index, instruction in enumerate(self.instructions):
                for i in instruction.arguments:
                    last[i] = index
            self._plans[kind] = last if kind is None else (*self._needs(kind), last)
        return self._plans[kind]

    def _needs(self, kind):
        moving: list[bool] = []
        for instruction in self.instructions:
            moving.append(instruction.kind == kind or any(moving[i] for i in instruction.arguments))
        needed = [False] * len(self.instructions)
        for index in reversed(range(len(self.instructions))):
            own, payload, arguments = self.instructions[index]
            if needed[index]:
                wanted = set(arguments)
            elif not moving[index] or own == "sum":
                wanted = set()
            elif own == "product":
                wanted = {
                    other
                    for j, other in enumerate(arguments)
                    if any(moving[i] for k, i in enumerate(arguments) if k != j)
                }
            else:
                wanted = set(arguments)
                needed[index] = own == "function" and payload in IN_THEIR_VALUE
            for i in wanted:
                needed[i] = True
        return moving, needed


def as_jet(derivative, names):
    """(field, orders in the Box's order) of a derivative."""
    orders = dict(derivative.orders)
    return derivative.field, tuple(orders.get(name, 0) for name in names)


def without_fields(expression):
    """What is left of an affine expression where every field is zero."""
    if not expression.degree:
        return expression
    match expression:
        case expressions.Sum(terms=terms, constant=constant):
            return expressions.add(
                expressions.Number(constant),
                *(expressions.scale(number, without_fields(term)) for number, term in terms),
            )
        case expressions.Product():
            return expressions.multiply(*map(without_fields, expression.parts))
    return expressions.Number(0.0)

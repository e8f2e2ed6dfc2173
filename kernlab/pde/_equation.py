"""One equation bound to the coordinates of a box."""

import numpy as np

from kernlab.pde import _expressions as expressions
from kernlab.pde._data import as_points, check_signature
from kernlab.pde._expressions import walk
from kernlab.pde._printing import format_sum
from kernlab.pde._tape import Context, Tape, as_jet, without_fields


class Equation:
    """An expression that is to be zero, over named coordinates.

    A *jet* is a pair (field name, orders): a field or one of its derivatives, the orders in the
    order of the coordinates, ``("u", (2, 0))`` for u_xx.

    Parameters
    ----------
    expression : Expression
    coordinates : sequence of str
        The coordinates in the Box's order; callables receive their arrays in this order.

    Attributes
    ----------
    expression : Expression
    coordinates : tuple of str
    jets : list of (str, tuple of int)
        The jets that occur, sorted.
    constant : dict of jet to float
        The linear terms whose coefficient is a plain number. All others are the remainder.
    remainder_jets : list of jet
        The jets that occur in the remainder.
    is_linear : bool
        Whether the expression is affine in its jets.
    is_constant : bool
        Whether it is affine and all coefficients are plain numbers.
    unknowns : list of str
        Names of the unknown parameters, in the order in which they are written.

    Raises
    ------
    TypeError
        If the expression is of another kind, or a callable cannot take the coordinates.
    ValueError
        If it holds no field, a coordinate that is not among ``coordinates``, or one name for
        two things.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde import D, Field, coords
    >>> from kernlab.pde._equation import Equation
    >>> x = coords("x")
    >>> u = Field("u")
    >>> def f(x):
    ...     return np.sin(x)
    >>> equation = Equation(D(u, x, 2) + u**3 - u - f, ("x",))
    >>> equation
    u_xx + u**3 - u = f
    >>> equation.constant
    {('u', (2,)): 1.0, ('u', (0,)): -1.0}
    >>> jets = {("u", (2,)): np.array([1.0, 1.0]), ("u", (0,)): np.array([2.0, 3.0])}
    >>> equation.partials(jets, (np.array([0.0, 1.0]),))
    {('u', (0,)): array([11., 26.]), ('u', (2,)): 1.0}
    """

    def __init__(self, expression, coordinates):
        self.expression = expressions.as_expression(expression)
        self.coordinates = tuple(coordinates)
        nodes = list(walk(self.expression))
        self._check(nodes)
        self.jets = sorted(
            {
                as_jet(node, self.coordinates)
                for node in nodes
                if isinstance(node, expressions.FieldDerivative)
            }
        )
        self.unknowns = list(
            dict.fromkeys(node.name for node in nodes if isinstance(node, expressions.Unknown))
        )
        terms, constant = expressions.as_sum(self.expression)
        self.constant = {
            as_jet(term, self.coordinates): number
            for number, term in terms
            if isinstance(term, expressions.FieldDerivative)
        }
        self.remainder_jets = sorted(
            {
                as_jet(node, self.coordinates)
                for _, term in terms
                if not isinstance(term, expressions.FieldDerivative)
                for node in walk(term)
                if isinstance(node, expressions.FieldDerivative)
            }
        )
        self.is_linear = self.expression.degree < 2
        self.is_constant = all(
            isinstance(term, expressions.FieldDerivative) or not term.degree for _, term in terms
        )
        self._tape = Tape(self.expression, self.coordinates)
        free = [
            expressions.scale(-number, without_fields(term))
            for number, term in terms
            if term.degree < 2
        ]
        self._source = Tape(expressions.add(expressions.Number(-constant), *free), self.coordinates)

    def _check(self, nodes):
        names = set(self.coordinates)
        fields = {node.field for node in nodes if isinstance(node, expressions.FieldDerivative)}
        if not fields:
            raise ValueError(
                f"the equation {self.expression!r} = 0 holds no field; make one with Field('u')."
            )
        for node in nodes:
            if isinstance(node, expressions.Data):
                check_signature(node.function, self.coordinates)
        unknowns = {node.name for node in nodes if isinstance(node, expressions.Unknown)}
        used = {node.name for node in nodes if isinstance(node, expressions.Coordinate)}
        used.update(
            name
            for node in nodes
            if isinstance(node, expressions.FieldDerivative)
            for name, _ in node.orders
        )
        if used - names:
            raise ValueError(
                f"the equation {self.expression!r} = 0 uses the coordinates "
                f"{sorted(used - names)}, but the Box has {list(self.coordinates)}."
            )
        for first, second, what in (
            (fields, names, "a field and a coordinate"),
            (fields, unknowns, "a field and an unknown"),
            (unknowns, names, "an unknown and a coordinate"),
        ):
            if first & second:
                raise ValueError(f"{sorted(first & second)[0]!r} names both {what}; rename one.")

    def _context(self, jets, points, unknowns):
        points, shape = as_points(points, self.coordinates)
        jets = {jet: np.asarray(jets[jet], dtype=float) for jet in self.jets if jet in jets}
        for jet, values in jets.items():
            try:
                shape = np.broadcast_shapes(shape, values.shape)
            except ValueError as error:
                raise ValueError(
                    f"jets holds values of {jet!r} of shape {values.shape}, which do not "
                    f"broadcast with the points and the other jets, of shape {shape}."
                ) from error
        return Context(points, shape, self.coordinates, jets, unknowns), shape

    def residual(self, jets, points, unknowns=None):
        """Value of the expression.

        Parameters
        ----------
        jets : dict of jet to array
            Values of the jets, which broadcast with the points.
        points : tuple of array
            One array per coordinate, which broadcast with each other.
        unknowns : dict of str to float, optional
            Values of the unknown parameters.

        Returns
        -------
        ndarray
            Not finite where the expression is not, as in the logarithm of a negative value.

        Raises
        ------
        ValueError
            If a jet or unknown has no value, or a callable returns values that are not finite
            or do not fit the points.
        """
        context, shape = self._context(jets, points, unknowns or {})
        return self._tape.array(context, shape)

    def partials(self, jets, points, unknowns=None):
        """Exact derivatives of the residual by each jet.

        Parameters and errors are those of `residual`.

        Returns
        -------
        dict of jet to (float or ndarray)
            A number where the derivative is constant, else an array that broadcasts to the
            points.
        """
        context, _ = self._context(jets, points, unknowns or {})
        slopes = self._tape.derivatives(context, "field")
        return {jet: slopes[jet] for jet in self.jets}

    def partials_unknown(self, jets, points, unknowns):
        """Exact derivatives of the residual by each unknown parameter.

        Parameters and errors are those of `residual`.

        Returns
        -------
        dict of str to (float or ndarray)
        """
        context, _ = self._context(jets, points, unknowns)
        slopes = self._tape.derivatives(context, "unknown")
        return {name: slopes[name] for name in self.unknowns}

    def source(self, points, unknowns=None):
        """The part free of fields, moved to the right: what the linear part is to equal.

        For a linear equation minus the residual where all jets are zero; for a nonlinear one
        the nonlinear terms are left out of that.

        Parameters
        ----------
        points : tuple of array
            One array per coordinate, which broadcast with each other.
        unknowns : dict of str to float, optional

        Returns
        -------
        ndarray
            Of the shape to which the points broadcast.
        """
        context, shape = self._context({}, points, unknowns or {})
        return self._source.array(context, shape)

    def orders(self, field):
        """Highest order of a field along each coordinate; None where it does not occur."""
        orders = [jet[1] for jet in self.jets if jet[0] == field]
        return tuple(map(max, zip(*orders, strict=True))) if orders else None

    def __repr__(self):
        terms, constant = expressions.as_sum(self.expression)
        left = [pair for pair in terms if pair[1].degree]
        right = [(-number, term) for number, term in terms if not term.degree]
        return f"{format_sum(left, 0.0)} = {format_sum(right, -constant)}"

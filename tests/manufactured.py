"""Problems made from their solutions, whose derivatives of any order are known in closed form."""

import numpy as np

from kernlab.pde import PDE, D, Field, GPPDESolver, coords


class Exponentials:
    """The real part of a sum of a exp(c · x): waves, growth, decay and what they make together.

    Parameters
    ----------
    *terms : (complex, complex or sequence of complex)
        Amplitude a and exponents c, one for each coordinate.
    """

    def __init__(self, *terms):
        self._terms = [(a, np.atleast_1d(np.asarray(c, dtype=complex))) for a, c in terms]

    def __call__(self, *points):
        return self.derivative(*[0] * len(points))(*points)

    def derivative(self, *orders):
        """A partial derivative as a function of the coordinates."""

        def value(*points):
            total = 0.0
            for a, c in self._terms:
                phase = sum(rate * x for rate, x in zip(c, points, strict=True))
                total = total + np.real(a * np.prod(c ** np.array(orders)) * np.exp(phase))
            return total

        return value

    def normal(self, face, box, a=0.0, b=1.0):
        """a u + b du/dn on a face, as a function of the coordinates."""
        axis, end = divmod(box.faces.index(face), 2)
        orders = [int(d == axis) for d in range(len(box))]
        slope = self.derivative(*orders)
        return lambda *points: a * self(*points) + (b if end else -b) * slope(*points)


def waves(*terms):
    """A sum of amplitude * sin(k · x + phase)."""
    return Exponentials(*((-1j * a * np.exp(1j * p), 1j * np.atleast_1d(k)) for a, k, p in terms))


def problem(operator, exact, box, bcs, *, has_source=True):
    """The equation that ``exact`` satisfies.

    Parameters
    ----------
    operator : callable
        ``operator(d, *coordinates)`` with ``d(*orders)`` a derivative of the field; written once
        for formulas and for the values of the exact solution, which give the source. Of a system
        it takes one d for each field and returns as many equations.
    exact : Exponentials, or dict of name to Exponentials
    has_source : bool, default=True
        False where the solution satisfies the equation as it is: the source would be rounding.
    """
    fields = exact if isinstance(exact, dict) else {"u": exact}
    symbols = coords(" ".join(box.names))
    symbols = symbols if isinstance(symbols, tuple) else (symbols,)

    def formula(name):
        def d(*orders):
            expression = Field(name)
            for symbol, order in zip(symbols, orders, strict=True):
                expression = D(expression, symbol, order) if order else expression
            return expression

        return d

    def both(ds, points):
        result = operator(*ds, *points)
        return list(result) if isinstance(exact, dict) else [result]

    left = both([formula(name) for name in fields], symbols)

    def source(i):
        def f(*points):
            ds = [
                lambda *orders, own=own: own.derivative(*orders)(*points) for own in fields.values()
            ]
            return both(ds, points)[i]

        return f

    if has_source:
        left = [expression - source(i) for i, expression in enumerate(left)]
    return PDE(left, box, bcs)


def solve(pde, **parameters):
    """A fitted solver, seeded."""
    return GPPDESolver(pde, random_state=0, **parameters).fit()


def error(solver, exact, n=300):
    """Root mean square error at random points, relative to the solution; the worst field's."""
    fields = list(exact.values()) if isinstance(exact, dict) else [exact]
    box = solver.pde.box
    X = np.random.default_rng(7).uniform(box.low, box.high, (n, len(box)))
    values = solver.predict(X).reshape(n, -1)
    errors = []
    for own, column in zip(fields, values.T, strict=True):
        truth = own(*X.T)
        errors.append(np.linalg.norm(column - truth) / np.linalg.norm(truth))
    return max(errors)

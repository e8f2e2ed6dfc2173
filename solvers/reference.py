"""Classical solutions to compare with: Chebyshev collocation, finite differences and elements.

They are the plain methods of the textbooks, each with a given number of unknowns:
:class:`kernlab.pde.GPPDESolver` is to be at least as good as what anyone can write in an afternoon.
"""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from kernlab._core.extras import import_extra
from solvers.chebyshev import chebyshev
from solvers.newton import Reference, newton, single_equation

__all__ = ["Reference", "chebyshev", "finite_differences", "finite_elements"]


def finite_differences(pde, n):
    """Solve by central differences of second order at n equidistant points, in one dimension.

    Between the points the solution is a cubic spline, whose error is of fourth order.

    Parameters
    ----------
    pde : kernlab.pde.PDE
        One equation of order 2 for one field of one coordinate, a condition at each end.
    n : int
        Points, ends included; at least 4.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        For more than one dimension, field or equation, for data that are not one condition at
        each end, and for too few points.

    Notes
    -----
    Cost O(n). The error is of order h² times the fourth derivative, until rounding takes over at
    about 1e-16/h².

    Examples
    --------
    >>> import solvers
    >>> from solvers.reference import finite_differences
    >>> problem = solvers.find("bratu")
    >>> coarse, fine = (finite_differences(problem.pde, n) for n in (51, 101))
    >>> ratio = solvers.error(problem, coarse.predict) / solvers.error(problem, fine.predict)
    >>> abs(ratio - 4) < 0.1
    True
    """
    system = _Differences(pde, n)
    values, residual, converged, n_iter = newton(system)
    spline = CubicSpline(system.points, values)
    return Reference(lambda X: spline(np.asarray(X)[:, 0]), n, residual, converged, n_iter)


class _Differences:
    """The equation inside and the conditions at the ends, as `newton` takes them."""

    def __init__(self, pde, n):
        if len(pde.box) != 1:
            raise ValueError(f"finite_differences is for one coordinate; got {len(pde.box)}.")
        if n < 4:
            raise ValueError(f"n is at least 4; got {n}.")
        self.equation, field = single_equation(pde)
        conditions = pde.conditions[field, 0]
        if conditions.periodic or len(conditions.low) != 1 or len(conditions.high) != 1:
            raise ValueError("finite_differences needs one condition at each end.")
        self.shape = (n,)
        self.is_linear = self.equation.is_linear
        self.points = np.linspace(pde.box.low[0], pde.box.high[0], n)
        h = (pde.box.high[0] - pde.box.low[0]) / (n - 1)
        ones = np.ones(n)
        self.D = [
            diags_array(ones),
            diags_array([-ones[1:], ones[1:]], offsets=(-1, 1)) / (2 * h),
            diags_array([ones[1:], -2 * ones, ones[1:]], offsets=(-1, 0, 1)) / h**2,
        ]
        self.inside = np.ones(n)
        self.inside[[0, -1]] = 0.0
        ends = ((conditions.low[0], [0, 1, 2], 1), (conditions.high[0], [n - 1, n - 2, n - 3], -1))
        rows: list[int] = []
        columns: list[int] = []
        entries: list[float] = []
        self.targets = np.zeros(n)
        for condition, places, sign in ends:
            # The one-sided slope of second order.
            weights = sign * condition.beta * np.array([-1.5, 2.0, -0.5]) / h
            weights[0] += condition.alpha
            rows += [places[0]] * 3
            columns += places
            entries += list(weights)
            here = self.points[places[:1]]
            self.targets[places[0]] = np.broadcast_to(condition.g(here), 1)[0]
        self.ends = csc_array(coo_array((entries, (rows, columns)), shape=(n, n)))

    def residual(self, values):
        """Derivatives at the points, and the residuals."""
        jets = {jet: self.D[jet[1][0]] @ values for jet in self.equation.jets}
        inside = self.inside * self.equation.residual(jets, (self.points,))
        return jets, inside + self.ends @ values - self.targets

    def solver(self, jets):
        """A function that applies the inverse of the Jacobian."""
        total = self.ends
        for jet, partial in self.equation.partials(jets, (self.points,)).items():
            total = total + diags_array(self.inside * partial) @ self.D[jet[1][0]]
        return splu(csc_array(total)).solve


def finite_elements(pde, n):
    """Solve Poisson's equation u_xx + u_yy = f by biquadratic elements of scikit-fem.

    Parameters
    ----------
    pde : kernlab.pde.PDE
        Poisson's equation in two coordinates, with values given on the whole boundary.
    n : int
        Elements along each axis.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        If the equation is another.
    kernlab.exceptions.MissingExtraError
        If scikit-fem is not installed; the extra ``bench`` brings it.
    """
    equation, field = single_equation(pde)
    poisson = {(field, (2, 0)): 1.0, (field, (0, 2)): 1.0}
    if not equation.is_constant or equation.constant != poisson:
        raise ValueError(f"finite_elements solves u_xx + u_yy = f; got {equation!r}.")
    sides = [pde.conditions[field, k] for k in range(2)]
    if any(side.periodic or side.low[0].beta or side.high[0].beta for side in sides):
        raise ValueError("finite_elements needs values on the whole boundary.")
    fem = import_extra("skfem", extra="bench", purpose="finite_elements")
    helpers = import_extra("skfem.helpers", extra="bench", purpose="finite_elements")
    box = pde.box
    lines = [np.linspace(low, high, n + 1) for low, high in zip(box.low, box.high, strict=True)]
    basis = fem.Basis(fem.MeshQuad.init_tensor(*lines), fem.ElementQuad2())
    stiffness = fem.BilinearForm(lambda u, v, w: helpers.dot(helpers.grad(u), helpers.grad(v)))
    load = fem.LinearForm(lambda v, w: -equation.source((w.x[0], w.x[1])) * v)
    boundary = basis.get_dofs().all()
    values = basis.zeros()
    for axis, side in enumerate(sides):
        for place, condition in ((box.low[axis], side.low[0]), (box.high[axis], side.high[0])):
            on_face = boundary[np.isclose(basis.doflocs[axis, boundary], place)]
            values[on_face] = condition.g(*basis.doflocs[:, on_face]) / condition.alpha
    system = fem.condense(stiffness.assemble(basis), load.assemble(basis), x=values, D=boundary)
    solution = fem.solve(*system)
    return Reference(
        lambda X: basis.probes(np.asarray(X).T) @ solution,
        basis.N - len(boundary),
        0.0,
        bool(np.isfinite(solution).all()),
        1,
    )

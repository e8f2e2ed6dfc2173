"""Diffusion whose coefficient varies: ∇·(a∇u) = f, written out by the product rule."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import Problem


def variable_coefficient(frequency=30, base=1.1):
    """∇·(a∇u) = f, a = base + sin 20x · cos 20y, u = sin ωx · sin ωy on (0, 1)².

    Parameters
    ----------
    frequency : float
        ω, in radians per unit.
    base : float
        Above 1, so that a is above 0; the contrast is (base + 1)/(base - 1).
    """

    def a(x, y):
        return base + np.sin(20 * x) * np.cos(20 * y)

    def a_x(x, y):
        return 20 * np.cos(20 * x) * np.cos(20 * y)

    def a_y(x, y):
        return -20 * np.sin(20 * x) * np.sin(20 * y)

    def exact(x, y):
        return np.sin(frequency * x) * np.sin(frequency * y)

    def source(x, y):
        sx, cx = np.sin(frequency * x), np.cos(frequency * x)
        sy, cy = np.sin(frequency * y), np.cos(frequency * y)
        slopes = a_x(x, y) * cx * sy + a_y(x, y) * sx * cy
        return -2 * frequency**2 * a(x, y) * sx * sy + frequency * slopes

    x, y = coords("x y")
    u = Field("u")
    return Problem(
        name="diffusion",
        title="∇·(a∇u) = f, a = 1.1 + sin 20x · cos 20y, u = sin 30x · sin 30y on (0, 1)²",
        description=f"A coefficient that varies by a factor of {(base + 1) / (base - 1):.0f}.",
        pde=PDE(
            a * (D(u, x, 2) + D(u, y, 2)) + a_x * D(u, x) + a_y * D(u, y) - source,
            Box(x=(0, 1), y=(0, 1)),
            [Dirichlet(exact)],
        ),
        reference="manufactured",
        exact=exact,
        points=(48, 48),
        tags=frozenset({"variable", "high-frequency"}),
    )


PROBLEMS = (variable_coefficient(),)

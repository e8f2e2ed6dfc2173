"""The Helmholtz equation Δu + k²u = f, whose operator is indefinite."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import Problem


def forced(wavenumber=37.3):
    """u'' + k²u = f on (0, 1), u = sin 60x + x².

    Parameters
    ----------
    wavenumber : float
        k; near a multiple of π the operator is nearly singular, and errors grow by as much.
    """

    def exact(x):
        return np.sin(60 * x) + x**2

    def source(x):
        return -3600 * np.sin(60 * x) + 2 + wavenumber**2 * exact(x)

    x = coords("x")
    u = Field("u")
    return Problem(
        name="helmholtz1d",
        title=f"u'' + k²u = f, k = {wavenumber:g}, u = sin 60x + x² on (0, 1)",
        description="An indefinite operator: eleven eigenvalues are on the other side of 0.",
        pde=PDE(D(u, x, 2) + wavenumber**2 * u - source, Box(x=(0, 1)), [Dirichlet(exact)]),
        reference="manufactured",
        exact=exact,
        points=(80,),
        tags=frozenset({"high-frequency"}),
    )


def plane_wave(wavenumber=50, angle=np.pi / 7):
    """Δu + k²u = 0 on (0, 1)², u = cos(k(x cos θ + y sin θ)).

    Parameters
    ----------
    wavenumber : float
        k, in radians per unit.
    angle : float
        θ, in radians.
    """
    a, b = wavenumber * np.cos(angle), wavenumber * np.sin(angle)

    def exact(x, y):
        return np.cos(a * x + b * y)

    x, y = coords("x y")
    u = Field("u")
    return Problem(
        name="helmholtz",
        title=f"Δu + k²u = 0, k = {wavenumber:g}, u = cos k(x cos θ + y sin θ) on (0, 1)²",
        description="An indefinite operator; no source, so the waves are in the boundary data.",
        pde=PDE(
            D(u, x, 2) + D(u, y, 2) + wavenumber**2 * u,
            Box(x=(0, 1), y=(0, 1)),
            [Dirichlet(exact)],
        ),
        reference="a plane wave",
        exact=exact,
        points=(60, 60),
        tags=frozenset({"high-frequency"}),
    )


PROBLEMS = (forced(), plane_wave())

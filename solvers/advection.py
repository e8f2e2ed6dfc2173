"""Advection at speed 200, from initial and inflow data alone."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, coords
from solvers.problem import GP_HM, Problem


def advection(speed=200):
    """u_t + speed·u_x = 0 on (0, 1)², u = sin(x - speed·t).

    The authors of GP-HM give the exact solution on all four sides, the final time and the outflow
    among them; here the data are those that determine the solution.

    Parameters
    ----------
    speed : float
        Above 0, so that x = 0 is the inflow.
    """

    def exact(x, t):
        return np.sin(x - speed * t)

    x, t = coords("x t")
    u = Field("u")
    return Problem(
        name="advection",
        title=f"u_t + {speed:g} u_x = 0, u = sin(x - {speed:g}t) on (0, 1)²",
        description="No source: the frequency is in the inflow data alone.",
        pde=PDE(
            D(u, t) + speed * D(u, x),
            Box(x=(0, 1), t=(0, 1)),
            [Initial(exact), Dirichlet(exact, faces=["x_min"])],
        ),
        reference=GP_HM,
        exact=exact,
        points=(20, 200),
        paper={
            "StM": (1.4e-4, 2234.0),
            "GM": (1.3e-3, 9654.0),
            "Matern": (2.3e-2, None),
            "SE": (1.1e-2, None),
        }
        if speed == 200
        else {},
        tags=frozenset({"time", "high-frequency"}),
    )


PROBLEMS = (advection(),)

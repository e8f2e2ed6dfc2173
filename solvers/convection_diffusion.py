"""Convection against little diffusion: a boundary layer at the outflow."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import Problem


def layer(diffusivity):
    """The solution of -εu'' + u' = 1, u(0) = u(1) = 0, as a function."""

    def profile(t):
        # Exponents at most 0: exp(1/ε) overflows where ε is small.
        end = np.exp(-1 / diffusivity)
        return t - (np.exp((t - 1) / diffusivity) - end) / (1 - end)

    return profile


def one_dimension(diffusivity=0.01):
    """-εu'' + u' = 1 on (0, 1), u = 0 at both ends: a layer ε wide at x = 1."""
    exact = layer(diffusivity)
    x = coords("x")
    u = Field("u")
    return Problem(
        name="convection_diffusion",
        title=f"-εu'' + u' = 1, ε = {diffusivity:g}, u(0) = u(1) = 0",
        description="A boundary layer as wide as ε in a problem that is not symmetric.",
        pde=PDE(-diffusivity * D(u, x, 2) + D(u, x) - 1, Box(x=(0, 1)), [Dirichlet(0)]),
        reference="the classical model problem",
        exact=exact,
        points=(60,),
        tags=frozenset({"layer"}),
    )


def two_dimensions(diffusivity=0.02):
    """-εΔu + u_x + u_y = f on (0, 1)², u the product of two layers, zero on the boundary."""
    profile = layer(diffusivity)

    def exact(x, y):
        return profile(x) * profile(y)

    def source(x, y):
        return profile(x) + profile(y)

    x, y = coords("x y")
    u = Field("u")
    return Problem(
        name="convection_diffusion2d",
        title=f"-εΔu + u_x + u_y = f, ε = {diffusivity:g}, u = 0 on the boundary of (0, 1)²",
        description="Layers along two sides that meet in a corner.",
        pde=PDE(
            -diffusivity * (D(u, x, 2) + D(u, y, 2)) + D(u, x) + D(u, y) - source,
            Box(x=(0, 1), y=(0, 1)),
            [Dirichlet(0)],
        ),
        reference="the product of two classical layers",
        exact=exact,
        points=(50, 50),
        tags=frozenset({"layer"}),
    )


PROBLEMS = (one_dimension(), two_dimensions())

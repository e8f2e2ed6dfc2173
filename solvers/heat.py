"""The heat equation from its initial values, in one and two dimensions of space."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, coords
from solvers.problem import Problem


def modes(diffusivity=0.05):
    """u_t = κu_xx on (0, 1)², u = 0 at both ends: two modes that decay at their own rates."""

    def mode(k, x, t):
        return np.exp(-diffusivity * (k * np.pi) ** 2 * t) * np.sin(k * np.pi * x)

    def exact(x, t):
        return mode(1, x, t) + 0.5 * mode(5, x, t)

    x, t = coords("x t")
    u = Field("u")
    return Problem(
        name="heat",
        title=f"u_t = κu_xx, κ = {diffusivity:g}, two decaying modes on (0, 1)²",
        description="Two time scales, 2 and 0.08.",
        pde=PDE(
            D(u, t) - diffusivity * D(u, x, 2),
            Box(x=(0, 1), t=(0, 1)),
            [Initial(exact), Dirichlet(0)],
        ),
        reference="separation of variables",
        exact=exact,
        points=(32, 40),
        tags=frozenset({"time"}),
    )


def forced(frequency=40):
    """u_t = u_xx + f on (0, 1)², u = sin ωx · cos ωt: the frequency is held up by the source."""

    def exact(x, t):
        return np.sin(frequency * x) * np.cos(frequency * t)

    def source(x, t):
        turning = frequency * np.cos(frequency * t) - np.sin(frequency * t)
        return frequency * np.sin(frequency * x) * turning

    x, t = coords("x t")
    u = Field("u")
    return Problem(
        name="heat_forced",
        title=f"u_t = u_xx + f, u = sin {frequency:g}x · cos {frequency:g}t on (0, 1)²",
        description="A high frequency in space and time.",
        pde=PDE(
            D(u, t) - D(u, x, 2) - source,
            Box(x=(0, 1), t=(0, 1)),
            [Initial(exact), Dirichlet(exact)],
        ),
        reference="manufactured",
        exact=exact,
        points=(60, 60),
        tags=frozenset({"time", "high-frequency"}),
    )


def two_dimensions(diffusivity=0.1):
    """u_t = κ(u_xx + u_yy) on (0, 1)³, u = exp(-5κπ²t) sin πx · sin 2πy."""

    def exact(x, y, t):
        decay = np.exp(-5 * diffusivity * np.pi**2 * t)
        return decay * np.sin(np.pi * x) * np.sin(2 * np.pi * y)

    x, y, t = coords("x y t")
    u = Field("u")
    return Problem(
        name="heat2d",
        title=f"u_t = κΔu, κ = {diffusivity:g}, one decaying mode on (0, 1)² x (0, 1)",
        description="Time beside two dimensions of space.",
        pde=PDE(
            D(u, t) - diffusivity * (D(u, x, 2) + D(u, y, 2)),
            Box(x=(0, 1), y=(0, 1), t=(0, 1)),
            [Initial(exact), Dirichlet(0)],
        ),
        reference="separation of variables",
        exact=exact,
        points=(13, 17, 16),
        tags=frozenset({"time"}),
    )


PROBLEMS = (modes(), forced(), two_dimensions())

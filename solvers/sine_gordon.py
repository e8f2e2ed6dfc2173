"""The sine-Gordon equation u_tt - u_xx + sin u = 0: a kink and a breather."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, coords
from solvers.problem import Problem


def sine_gordon_equation(exact, rate, box):
    """u_tt - u_xx + sin u = 0 with a solution's values and rates."""
    x, t = coords("x t")
    u = Field("u")
    return PDE(D(u, t, 2) - D(u, x, 2) + np.sin(u), box, [Initial(exact, rate), Dirichlet(exact)])


def kink(speed=0.5):
    """u = 4 arctan exp((x - vt)/√(1 - v²)) on (-5, 5) x (0, 4), which turns by 2π once."""
    gamma = 1 / np.sqrt(1 - speed**2)

    def exact(x, t):
        return 4 * np.arctan(np.exp(gamma * (x - speed * t)))

    def rate(x, t):
        return -2 * gamma * speed / np.cosh(gamma * (x - speed * t))

    return Problem(
        name="sine_gordon_kink",
        title=f"u_tt - u_xx + sin u = 0, a kink of speed {speed:g} on (-5, 5) x (0, 4)",
        description="A soliton that travels.",
        pde=sine_gordon_equation(exact, rate, Box(x=(-5, 5), t=(0, 4))),
        reference="the one-soliton solution",
        exact=exact,
        points=(80, 40),
        tags=frozenset({"time", "nonlinear"}),
    )


def breather(frequency=0.6):
    """u = 4 arctan(√(1 - ω²) cos ωt / (ω cosh √(1 - ω²)x)) on (-6, 6) x (0, 6), released at rest.

    Parameters
    ----------
    frequency : float
        ω, between 0 and 1; the smaller, the higher the breather.
    """
    root = np.sqrt(1 - frequency**2)

    def exact(x, t):
        return 4 * np.arctan(root * np.cos(frequency * t) / (frequency * np.cosh(root * x)))

    return Problem(
        name="sine_gordon",
        title=f"u_tt - u_xx + sin u = 0, a breather of frequency {frequency:g} on (-6, 6) x (0, 6)",
        description="Two solitons bound to each other; the amplitude is above π.",
        pde=sine_gordon_equation(exact, 0, Box(x=(-6, 6), t=(0, 6))),
        reference="the two-soliton solution",
        exact=exact,
        points=(80, 48),
        tags=frozenset({"time", "nonlinear"}),
    )


PROBLEMS = (kink(), breather())

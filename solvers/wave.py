"""The wave equation u_tt = u_xx from its initial values and rates."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, coords
from solvers.problem import Problem


def wave_equation(exact, rate, box, boundary):
    """u_tt = u_xx with the value and rate of a solution at the first time."""
    x, t = coords("x t")
    u = Field("u")
    return PDE(D(u, t, 2) - D(u, x, 2), box, [Initial(exact, rate), Dirichlet(boundary)])


def standing(name="wave", modes=((1, 1.0), (20, 0.3)), *, points=(64, 72), end=1.0):
    """A string fixed at both ends, Σ a sin kπx · cos kπt on (0, 1) x (0, end).

    Parameters
    ----------
    name : str
    modes : sequence of (int, float)
        k and a.
    points : (int, int)
        For classical methods.
    end : float
        Last time.
    """

    def exact(x, t):
        return sum(a * np.sin(k * np.pi * x) * np.cos(k * np.pi * t) for k, a in modes)

    def number(value, suffix=""):
        return suffix if value == 1 else f"{value:g}{suffix}"

    waves = " + ".join(
        f"{number(a)} sin {number(k, 'π')}x · cos {number(k, 'π')}t".strip() for k, a in modes
    )
    return Problem(
        name=name,
        title=f"u_tt = u_xx, u = {waves} on (0, 1) x (0, {end:g})",
        description="A string fixed at both ends, released at rest.",
        pde=wave_equation(exact, 0, Box(x=(0, 1), t=(0, end)), 0),
        reference="separation of variables",
        exact=exact,
        points=points,
        tags=frozenset({"time", "high-frequency"}),
    )


def pulse(width=0.1):
    """d'Alembert's solution: a Gaussian pulse on (-1, 1) that splits in two and leaves the box."""

    def exact(x, t):
        return 0.5 * (np.exp(-(((x - t) / width) ** 2)) + np.exp(-(((x + t) / width) ** 2)))

    return Problem(
        name="wave_pulse",
        title="u_tt = u_xx, a Gaussian pulse on (-1, 1) x (0, 2) that splits in two",
        description="A local feature that moves: not a sum of few lines.",
        pde=wave_equation(exact, 0, Box(x=(-1, 1), t=(0, 2)), exact),
        reference="d'Alembert",
        exact=exact,
        points=(128, 136),
        tags=frozenset({"time", "layer"}),
    )


PROBLEMS = (
    standing(),
    standing("wave_high", modes=((60, 1.0),), points=(150, 150)),
    standing("wave_long", modes=((1, 1.0), (2, 0.5)), points=(32, 180), end=20.0),
    pulse(),
)

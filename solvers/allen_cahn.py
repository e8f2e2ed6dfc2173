"""The steady Allen-Cahn equation Δu + u(u² - 1) = f of GP-HM, in one and two dimensions."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import GP_HM, Problem


def allen_cahn_1d(name, title, exact, second, *, paper):
    """u'' + u(u² - 1) = f on (0, 2π) for a given solution and its second derivative."""

    def source(x):
        u = exact(x)
        return second(x) + u * (u**2 - 1)

    x = coords("x")
    u = Field("u")
    return Problem(
        name=name,
        title=f"u'' + u(u² - 1) = f, u = {title} on (0, 2π)",
        description="A cubic term beside a high frequency, whose cube is in the source too.",
        pde=PDE(D(u, x, 2) + u * (u**2 - 1) - source, Box(x=(0, 2 * np.pi)), [Dirichlet(exact)]),
        reference=GP_HM,
        exact=exact,
        points=(400,),
        paper=paper,
        tags=frozenset({"nonlinear", "high-frequency"}),
    )


def ac1a():
    return allen_cahn_1d(
        "ac1a",
        "sin 100x",
        lambda x: np.sin(100 * x),
        lambda x: -1e4 * np.sin(100 * x),
        paper={
            "StM": (4.9e-6, 2333.0),
            "GM": (7.7e-7, 1998.0),
            "Matern": (3.3e-2, None),
            "SE": (2.7e-2, None),
        },
    )


def ac1b():
    def exact(x):
        return np.sin(6 * x) * np.cos(100 * x)

    return allen_cahn_1d(
        "ac1b",
        "sin 6x · cos 100x",
        exact,
        lambda x: -10036 * exact(x) - 1200 * np.cos(6 * x) * np.sin(100 * x),
        paper={
            "StM": (4.8e-6, 2319.0),
            "GM": (4.2e-6, 1996.0),
            "Matern": (5.2e-2, None),
            "SE": (1.1e-2, None),
        },
    )


def ac2():
    def wave(t):
        return np.sin(t) + 0.1 * np.sin(20 * t) + np.cos(100 * t)

    def second(t):
        return -np.sin(t) - 40 * np.sin(20 * t) - 1e4 * np.cos(100 * t)

    def exact(x, y):
        return wave(x) * wave(y)

    def source(x, y):
        u = exact(x, y)
        return second(x) * wave(y) + wave(x) * second(y) + u * (u**2 - 1)

    x, y = coords("x y")
    u = Field("u")
    return Problem(
        name="ac2",
        title="Δu + u(u² - 1) = f, u = w(x) w(y), w = sin x + 0.1 sin 20x + cos 100x on (0, 1)²",
        description="A cubic term and three scales along each axis.",
        pde=PDE(
            D(u, x, 2) + D(u, y, 2) + u * (u**2 - 1) - source,
            Box(x=(0, 1), y=(0, 1)),
            [Dirichlet(exact)],
        ),
        reference=GP_HM,
        exact=exact,
        points=(100, 100),
        paper={
            "StM": (5.7e-3, 18244.0),
            "GM": (2.6e-3, 15926.0),
            "Matern": (0.30, None),
            "SE": (0.34, None),
        },
        tags=frozenset({"nonlinear", "high-frequency"}),
    )


PROBLEMS = (ac1a(), ac1b(), ac2())

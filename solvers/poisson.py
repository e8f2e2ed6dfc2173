"""Poisson's equation: the seven solutions of GP-HM, a chirp, and three dimensions."""

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import GP_HM, Problem

TWO_PI = 2 * np.pi


def poisson_1d(exact, source, high):
    """u'' = source on (0, high), with u = exact at both ends."""
    x = coords("x")
    u = Field("u")
    return PDE(D(u, x, 2) - source, Box(x=(0, high)), [Dirichlet(exact)])


def poisson_2d(exact, source, high):
    """u_xx + u_yy = source on (0, high)², with u = exact on the boundary."""
    x, y = coords("x y")
    u = Field("u")
    return PDE(D(u, x, 2) + D(u, y, 2) - source, Box(x=(0, high), y=(0, high)), [Dirichlet(exact)])


def u1():
    def exact(x):
        return np.sin(100 * x)

    def source(x):
        return -1e4 * np.sin(100 * x)

    return Problem(
        name="u1",
        title="u'' = f, u = sin 100x on (0, 2π)",
        description="One high frequency.",
        pde=poisson_1d(exact, source, TWO_PI),
        reference=GP_HM,
        exact=exact,
        points=(400,),
        paper={
            "StM": (6.5e-7, 1665.0),
            "GM": (4.0e-7, 1329.0),
            "Matern": (3.3e-2, None),
            "SE": (2.7e-2, None),
        },
        tags=frozenset({"high-frequency"}),
    )


def multi_scale(name, wave, weight, *, paper):
    """sin x + 0.1 sin 20x + weight·wave(100x) on (0, 1); wave is NumPy's sin or cos."""

    def exact(x):
        return np.sin(x) + 0.1 * np.sin(20 * x) + weight * wave(100 * x)

    def source(x):
        return -np.sin(x) - 40 * np.sin(20 * x) - 1e4 * weight * wave(100 * x)

    last = f"{wave.__name__} 100x" if weight == 1 else f"{weight} {wave.__name__} 100x"
    return Problem(
        name=name,
        title=f"u'' = f, u = sin x + 0.1 sin 20x + {last} on (0, 1)",
        description="Three scales, the slow ones less than a period long.",
        pde=poisson_1d(exact, source, 1),
        reference=GP_HM,
        exact=exact,
        points=(900,),
        paper=paper,
        tags=frozenset({"high-frequency"}),
    )


def u2():
    """The form that the authors' code solves, the one their text states, and the one in AC2."""
    # The log does not say which form a row is of; each was run, and the best error is quoted.
    logged = {
        "StM": (5.8e-4, 6338.0),
        "GM": (4e-4, 4345.0),
        "Matern": (0.25, None),
        "SE": (0.17, None),
    }
    return (
        multi_scale("u2", np.sin, 0.05, paper=logged),
        multi_scale("u2-cos", np.cos, 0.05, paper=logged),
        multi_scale("u2-unit", np.cos, 1, paper={}),
    )


def u3():
    def exact(x):
        return np.sin(6 * x) * np.cos(100 * x)

    def source(x):
        return -10036 * exact(x) - 1200 * np.cos(6 * x) * np.sin(100 * x)

    return Problem(
        name="u3",
        title="u'' = f, u = sin 6x · cos 100x on (0, 2π)",
        description="Two lines close together, 94 and 106.",
        pde=poisson_1d(exact, source, TWO_PI),
        reference=GP_HM,
        exact=exact,
        points=(400,),
        paper={
            "StM": (5.5e-6, 1663.0),
            "GM": (1.5e-6, 1329.0),
            "Matern": (5.2e-2, None),
            "SE": (0.86, None),
        },
        tags=frozenset({"high-frequency"}),
    )


def u4():
    def exact(x):
        return x * np.sin(200 * x)

    def source(x):
        return 400 * np.cos(200 * x) - 4e4 * x * np.sin(200 * x)

    return Problem(
        name="u4",
        title="u'' = f, u = x sin 200x on (0, 2π)",
        description="A high frequency whose amplitude grows.",
        pde=poisson_1d(exact, source, TWO_PI),
        reference=GP_HM,
        exact=exact,
        points=(900,),
        paper={
            "StM": (9.0e-7, 7451.0),
            "GM": (1.6e-6, 6043.0),
            "Matern": (1.8e-2, None),
            "SE": (0.32, None),
        },
        tags=frozenset({"high-frequency"}),
    )


def u5():
    def exact(x):
        return np.sin(500 * x) - 2 * (x - 0.5) ** 2

    def source(x):
        return -25e4 * np.sin(500 * x) - 4

    return Problem(
        name="u5",
        title="u'' = f, u = sin 500x - 2(x - 1/2)² on (0, 1)",
        description="A very high frequency on a trend that the source hardly shows.",
        pde=poisson_1d(exact, source, 1),
        reference=GP_HM,
        exact=exact,
        points=(400,),
        paper={
            "StM": (4.2e-4, 5705.0),
            "GM": (1.8e-3, 4033.0),
            "Matern": (0.63, None),
            "SE": (0.98, None),
        },
        tags=frozenset({"high-frequency"}),
    )


def u6():
    def exact(x, y):
        return np.sin(100 * x) * np.sin(100 * y)

    def source(x, y):
        return -2e4 * exact(x, y)

    return Problem(
        name="u6",
        title="Δu = f, u = sin 100x · sin 100y on (0, 2π)²",
        description="One high frequency along each axis.",
        pde=poisson_2d(exact, source, TWO_PI),
        reference=GP_HM,
        exact=exact,
        points=(400, 400),
        paper={
            "StM": (6.9e-5, 8209.0),
            "GM": (6.5e-5, 5586.0),
            "Matern": (0.63, None),
            "SE": (1.0, None),
        },
        tags=frozenset({"high-frequency"}),
    )


def u7():
    """The form that the authors' code solves, and the one that their text states."""

    def code(t):
        return np.sin(6 * t) * np.cos(20 * t)

    def code_second(t):
        return -436 * code(t) - 240 * np.cos(6 * t) * np.sin(20 * t)

    def text(t):
        return np.sin(6 * t) * np.sin(20 * t)

    def text_second(t):
        return -436 * text(t) + 240 * np.cos(6 * t) * np.cos(20 * t)

    def form(name, wave, second, title, paper):
        def exact(x, y):
            return wave(x) + wave(y)

        def source(x, y):
            return second(x) + second(y)

        return Problem(
            name=name,
            title=f"Δu = f, u = {title} on (0, 2π)²",
            description="Two lines along each axis, in a sum and not a product.",
            pde=poisson_2d(exact, source, TWO_PI),
            reference=GP_HM,
            exact=exact,
            points=(200, 200),
            paper=paper,
            tags=frozenset({"high-frequency"}),
        )

    logged = {
        "StM": (1.0e-3, 6627.0),
        "GM": (1.1e-3, 6132.0),
        "Matern": (3.5e-2, None),
        "SE": (0.95, None),
    }
    return (
        form("u7", code, code_second, "sin 6x · cos 20x + sin 6y · cos 20y", logged),
        form("u7-sin", text, text_second, "sin 6x · sin 20x + sin 6y · sin 20y", {}),
    )


def chirp():
    """A frequency that rises from 60 to 270: no short list of lines describes it."""

    def exact(x):
        return np.sin(40 * np.exp(1.5 * x))

    def source(x):
        phase = 40 * np.exp(1.5 * x)
        return 2.25 * (phase * np.cos(phase) - phase**2 * np.sin(phase))

    return Problem(
        name="chirp",
        title="u'' = f, u = sin(40 exp 1.5x) on (0, 1)",
        description="A frequency that rises from 60 to 270: no few lines describe it.",
        pde=poisson_1d(exact, source, 1),
        reference="manufactured",
        exact=exact,
        points=(140,),
        tags=frozenset({"high-frequency"}),
    )


def three_dimensions():
    def exact(x, y, z):
        return np.sin(7 * x) * np.cos(5 * y) * np.exp(z)

    def source(x, y, z):
        return -73 * exact(x, y, z)

    x, y, z = coords("x y z")
    u = Field("u")
    return Problem(
        name="poisson3d",
        title="Δu = f, u = sin 7x · cos 5y · exp z on (0, 1)³",
        description="Three dimensions; data that vanishes on no face.",
        pde=PDE(
            D(u, x, 2) + D(u, y, 2) + D(u, z, 2) - source,
            Box(x=(0, 1), y=(0, 1), z=(0, 1)),
            [Dirichlet(exact)],
        ),
        reference="manufactured",
        exact=exact,
        points=(15, 15, 15),
    )


PROBLEMS = (u1(), *u2(), u3(), u4(), u5(), u6(), *u7(), chirp(), three_dimensions())

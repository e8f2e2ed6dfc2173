"""Burgers' equation u_t + u u_x = νu_xx by the Cole-Hopf transformation."""

# Reference: J. D. Cole, "On a quasi-linear parabolic equation occurring in aerodynamics",
# Quarterly of Applied Mathematics 9 (1951); the merging fronts are the test of many moving-grid
# papers since Miller and Miller, SIAM Journal on Numerical Analysis 18 (1981).

import numpy as np

from kernlab.pde import PDE, Box, D, Dirichlet, Field, Initial, coords
from solvers.problem import Problem


def burgers_equation(exact, viscosity, box):
    """u_t + u u_x = νu_xx with a solution's values at the first time and at both ends."""
    x, t = coords("x t")
    u = Field("u")
    return PDE(
        D(u, t) + u * D(u, x) - viscosity * D(u, x, 2), box, [Initial(exact), Dirichlet(exact)]
    )


def front(viscosity=0.05, speed=0.5, height=0.5):
    """A front that travels: u = c - a tanh(a(x - ct)/2ν) on (-1, 1) x (0, 1)."""

    def exact(x, t):
        return speed - height * np.tanh(height * (x - speed * t) / (2 * viscosity))

    return Problem(
        name="burgers",
        title=f"u_t + u u_x = νu_xx, ν = {viscosity:g}, a travelling front on (-1, 1) x (0, 1)",
        description=f"A front about {4 * viscosity / height:g} wide that moves.",
        pde=burgers_equation(exact, viscosity, Box(x=(-1, 1), t=(0, 1))),
        reference="Cole 1951",
        exact=exact,
        points=(72, 40),
        tags=frozenset({"time", "nonlinear", "layer"}),
    )


def merging_fronts(viscosity=0.01):
    """Two fronts, between the levels 1, 0.5 and 0.1, the faster of which catches up.

    By Cole and Hopf, φ = Σ exp θ_i solves the heat equation and u = -2νφ_x/φ Burgers' for
    θ_i = (c_i²t/2 - c_i x + s_i)/2ν, and then u = Σ c_i exp θ_i / Σ exp θ_i.
    """
    levels = (0.1, 0.5, 1.0)
    # The fronts at t = 0: where two θ_i are equal.
    slow, fast = 0.5, 0.25
    shift = (levels[1] - levels[0]) * slow
    shifts = (0.0, shift, shift + (levels[2] - levels[1]) * fast)

    def exact(x, t):
        exponents = [
            (c**2 * t / 2 - c * x + s) / (2 * viscosity)
            for c, s in zip(levels, shifts, strict=True)
        ]
        # The largest is taken out: the ratio does not change, and nothing overflows.
        most = np.maximum.reduce([np.real(theta) for theta in exponents])
        weights = [np.exp(theta - most) for theta in exponents]
        return sum(c * w for c, w in zip(levels, weights, strict=True)) / sum(weights)

    return Problem(
        name="burgers_merging",
        title=f"u_t + u u_x = νu_xx, ν = {viscosity:g}, two fronts that merge on (0, 1)²",
        description="Fronts of two speeds; neither is a function of x - ct.",
        pde=burgers_equation(exact, viscosity, Box(x=(0, 1), t=(0, 1))),
        reference="Cole 1951; Miller and Miller 1981",
        exact=exact,
        points=(96, 64),
        tags=frozenset({"time", "nonlinear", "layer"}),
    )


PROBLEMS = (front(), merging_fronts())

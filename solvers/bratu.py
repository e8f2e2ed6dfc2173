"""Bratu's equation Δu + λ exp u = 0, which has two solutions below a fold and none above."""

# Reference: J. Jacobsen, K. Schmitt, "The Liouville-Bratu-Gelfand problem for radial operators",
# Journal of Differential Equations 184 (2002).

import numpy as np
from scipy.optimize import brentq

from kernlab.pde import PDE, Box, D, Dirichlet, Field, coords
from solvers.problem import Problem

# At the fold of one dimension dλ/dθ = 0, which is (θ/4) tanh(θ/4) = 1.
FOLD_THETA = 4 * brentq(lambda v: v * np.tanh(v) - 1, 1, 2, xtol=1e-15)
#: λ there.
FOLD = 0.5 * (FOLD_THETA / np.cosh(FOLD_THETA / 4)) ** 2
#: λ at the fold on the unit square.
FOLD_SQUARE = 6.808124423


def one_dimension(strength=2.0, name="bratu"):
    """u'' + λ exp u = 0 on (0, 1), u = 0 at both ends: the lower of the two solutions.

    u = -2 log(cosh((x - 1/2)θ/2)/cosh(θ/4)) with θ = √(2λ) cosh(θ/4).

    Parameters
    ----------
    strength : float
        λ, above 0 and below the fold at 3.5138.
    name : str
    """
    if not 0 < strength < FOLD:
        raise ValueError(
            f"strength is above 0 and below {FOLD:.4f}, where the solutions end; got {strength}."
        )
    theta = brentq(
        lambda v: v - np.sqrt(2 * strength) * np.cosh(v / 4), 0, FOLD_THETA, xtol=1e-15, rtol=1e-15
    )

    def exact(x):
        return -2 * np.log(np.cosh((x - 0.5) * theta / 2) / np.cosh(theta / 4))

    x = coords("x")
    u = Field("u")
    return Problem(
        name=name,
        title=f"u'' + λ exp u = 0, λ = {strength:g}, u(0) = u(1) = 0",
        description=f"The lower of two solutions, at {strength / FOLD:.1%} of the fold.",
        pde=PDE(D(u, x, 2) + strength * np.exp(u), Box(x=(0, 1)), [Dirichlet(0)]),
        reference="Jacobsen and Schmitt 2002",
        exact=exact,
        points=(32,),
        tags=frozenset({"nonlinear"}),
    )


def two_dimensions(strength=6.0):
    """Δu + λ exp u = 0 on (0, 1)², u = 0 on the boundary: no closed form is known.

    Parameters
    ----------
    strength : float
        λ, above 0 and below the fold at 6.8081.
    """
    if not 0 < strength < FOLD_SQUARE:
        raise ValueError(
            f"strength is above 0 and below {FOLD_SQUARE:.4f}, where the solutions end; got "
            f"{strength}."
        )
    x, y = coords("x y")
    u = Field("u")
    return Problem(
        name="bratu2d",
        title=f"Δu + λ exp u = 0, λ = {strength:g}, u = 0 on the boundary of (0, 1)²",
        description="No exact solution; u is not smooth at the corners, where Δu is -λ.",
        pde=PDE(
            D(u, x, 2) + D(u, y, 2) + strength * np.exp(u), Box(x=(0, 1), y=(0, 1)), [Dirichlet(0)]
        ),
        reference="Jacobsen and Schmitt 2002",
        exact=None,
        points=(32, 32),
        tags=frozenset({"nonlinear"}),
    )


PROBLEMS = (one_dimension(), one_dimension(3.5, "bratu_fold"), two_dimensions())

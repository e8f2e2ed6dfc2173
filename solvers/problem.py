"""What a ready problem is, and how far a solution is from the exact one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kernlab.pde import PDE

#: Fang, Cooley, Long, Li, Kirby, Zhe, *Solving High Frequency and Multi-Scale PDEs with Gaussian
#: Processes*, ICLR 2024, arXiv 2311.04465: where the problems called u1 to u7, ac1a, ac1b, ac2 and
#: advection come from, and the figures in :attr:`Problem.paper`.
GP_HM = "Fang et al., ICLR 2024, arXiv 2311.04465"

N_TEST_POINTS = 2000


@dataclass(frozen=True)
class Problem:
    """A partial differential equation with all that is needed to solve and to judge it.

    Parameters
    ----------
    name : str
        What it is called on the command line.
    title : str
        The equation and its solution in one line.
    description : str
        What makes it a test.
    pde : kernlab.pde.PDE
        Equation, box, boundary and initial data.
    reference : str
        Where the problem comes from.
    exact : callable or None
        ``exact(*coordinates)``, in the order of the box, on arrays that broadcast; analytic, so
        that complex arguments are taken too. None where no closed form is known.
    points : tuple of int
        Points along each axis that a classical method is given; the paper's number for u1 to u7,
        ac1a and ac1b, elsewhere as many as resolve the solution.
    paper : mapping of str to (float, float)
        Relative error and seconds that the authors of [1]_ logged, by kernel: ``'StM'`` and
        ``'GM'`` are their spectral mixtures, ``'Matern'`` and ``'SE'`` their ablation, whose
        seconds are None.
    tags : frozenset of str
        Of ``'1d'``, ``'2d'``, ``'3d'``; ``'paper'``; ``'time'``; ``'nonlinear'``; ``'variable'``
        (coefficients); ``'high-frequency'``; ``'layer'``.

    References
    ----------
    .. [1] S. Fang, M. Cooley, D. Long, S. Li, R. M. Kirby, S. Zhe, "Solving high frequency and
       multi-scale PDEs with Gaussian processes", ICLR 2024, arXiv 2311.04465.

    Examples
    --------
    >>> import solvers
    >>> problem = solvers.find("u1")
    >>> problem.points, problem.paper["GM"]
    ((400,), (4e-07, 1329.0))
    """

    name: str
    title: str
    description: str
    pde: PDE
    reference: str
    exact: Callable[..., np.ndarray] | None
    points: tuple[int, ...]
    paper: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()

    def __post_init__(self):
        if len(self.points) != len(self.pde.box):
            raise ValueError(
                f"{self.name}: points={self.points!r} has {len(self.points)} numbers for a box of "
                f"{len(self.pde.box)} coordinates."
            )
        tags = frozenset(self.tags) | {f"{len(self.pde.box)}d"}
        object.__setattr__(self, "tags", tags | {"paper"} if self.paper else tags)


def random_points(box, n_points, *, seed=0):
    """Points uniform in a box, (n_points, d); none of them is on a solver's grid."""
    return np.random.default_rng(seed).uniform(box.low, box.high, (n_points, len(box)))


def error(problem, predict, *, n_points=N_TEST_POINTS, seed=0):
    """Relative L2 error of a solution off the grid.

    Parameters
    ----------
    problem : Problem
        One whose exact solution is known.
    predict : callable
        ``predict(X)`` for X of shape (n, d), columns in the box's order; returns (n,).
    n_points : int, default=2000
        Test points, uniform in the box.
    seed : int, default=0
        Of the test points.

    Returns
    -------
    error : float
        Root of the mean squared error over that of the mean squared solution; infinite where a
        prediction is not finite.

    Raises
    ------
    ValueError
        If the problem has no exact solution, or the prediction is not of shape (n,).
    """
    if problem.exact is None:
        raise ValueError(
            f"{problem.name} has no exact solution in closed form; compare with a reference of "
            "high resolution instead."
        )
    X = random_points(problem.pde.box, n_points, seed=seed)
    return relative_error(predict(X), problem.exact(*X.T))


def relative_error(values, truth):
    """Relative L2 distance of two arrays of one shape."""
    values = np.asarray(values, dtype=float)
    if values.shape != truth.shape:
        raise ValueError(f"predict returned shape {values.shape} for {len(truth)} points.")
    if not np.isfinite(values).all():
        return float("inf")
    return float(np.linalg.norm(values - truth) / np.linalg.norm(truth))

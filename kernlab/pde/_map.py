"""The paper's method: the most probable solution under a spectral mixture of learned parameters."""

import warnings
from math import log
from numbers import Integral

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from kernlab._core.extras import import_extra
from kernlab._core.progress import progress
from kernlab.pde._map_axis import MixtureAxis
from kernlab.pde._map_inner import contract
from kernlab.pde._map_model import MapModel
from kernlab.pde._map_posterior import MapPosterior, Stage
from kernlab.pde._map_problem import GridProblem, derivative_orders
from kernlab.pde._map_start import (
    default_nodes,
    source_lines,
    start_frequencies,
    start_parameters,
)

# Spectrum of each kernel, and whether it is a mixture or one component at frequency zero.
KERNELS = {
    "sm": ("gaussian", True),
    "student-t": ("student-t", True),
    "se": ("gaussian", False),
    "matern52": ("student-t", False),
}
TRENDS = {"matern52"}
# log τ and log v grow without bound where the model interpolates. The last is where rounding of
# the residual shows in the gradient; reached at once, weights run away before lines are in place,
# so it is reached in steps.
PRECISION_LIMITS = (16.0, 24.0, 30.0, 36.0)
_START_PRECISION = 9.0
_LEAST_PRECISION = -10.0
_WEIGHT_LIMITS = (-80.0, 10.0)
# Room above the fastest line, in its own size and in modes: the line's width.
_HEADROOM, _HEADROOM_BINS = 1.25, 20.0
# Tails of Student-t lines, and kernels of one component, need modes up to beyond Nyquist's.
_BEYOND_NYQUIST = 1.9
# Part of Nyquist's frequency above which no line may start.
_RESOLVED = 0.95
_N_CHECKS = 256
# Relative residual off the grid above which a solution is not to be relied on.
ACCEPTED = 1e-6


def fit_map(
    pde,
    *,
    kernel="sm",
    n_points=None,
    n_components=30,
    trend=None,
    max_iter=100,
    random_state=None,
    verbose=0,
    device="cpu",
):
    """Solve an equation by the method of Fang et al. [1]_, maximising the joint density.

    The solution on a grid is a Gaussian process with a mixture kernel along each axis and their
    product over axes; equation and conditions are likelihoods whose precisions are learned with
    the kernel. Log weights are free, which is Jeffreys' prior 1/w and prunes components.

    What differs from the authors' program: no Gram matrix is formed, so that nothing ends at the
    root of machine precision; the solution is eliminated from the optimisation, which is L-BFGS;
    frequencies start at the lines of the data, not on a hand-set range; the precisions are bounded
    and the bound is raised in steps; what is returned is the objective's minimum.

    Parameters
    ----------
    pde : PDE
        One equation for one field on a box of one or two coordinates, without unknowns.
    kernel : {'sm', 'student-t', 'se', 'matern52'}, default='sm'
        Mixture with Gaussian or with Student-t lines (Matérn-5/2 envelopes); or, as in the paper's
        ablation, one squared exponential or Matérn-5/2 of learned length.
    n_points : int or sequence of int, default=None
        Nodes of each axis, which are equispaced and the collocation points too. By default four
        for each wave of the fastest line, 100 to 800 in one dimension and 40 to 100 for each axis
        in two.
    n_components : int, default=30
        Components of a mixture, for each axis.
    trend : {'matern52'} or None, default=None
        The paper's second stage: the mixture is fitted and frozen, then a Matérn-5/2 process on
        what is left.
    max_iter : int, default=100
        Iterations of L-BFGS for each stage.
    random_state : int, RandomState instance or None, default=None
        Slices of the data that are searched for lines, and points at which the residual is
        checked.
    verbose : int, default=0
        With 1, work of more than about two seconds shows a progress bar.
    device : str or torch.device, default='cpu'
        Where torch forms the square roots and their gradients.

    Returns
    -------
    MapPosterior

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the problem has several equations, unknowns or more
        than two coordinates.
    MissingExtraError
        If torch is not installed.

    Warns
    -----
    ConvergenceWarning
        If the residual off the grid exceeds 1e-6 of the source.

    Notes
    -----
    An iteration costs O(n³) for n nodes in one dimension, some 50 ms for n = 400. In two dimensions
    the solution is sought on at most 44 directions of each axis's square root, the leading ones,
    and weights start at the lines alone: half a minute with ``max_iter=16`` at 80 by 80 nodes for
    constant coefficients, much more for others.
    See :class:`GPPDESolver` for a method that needs none of this and is exact.

    References
    ----------
    .. [1] S. Fang, M. Cooley, D. Long, S. Li, R. M. Kirby, S. Zhe, "Solving high frequency and
       multi-scale PDEs with Gaussian processes", ICLR 2024, arXiv 2311.04465.
    """
    torch = import_extra("torch", extra="gp", purpose="method='map'")
    shape = _check(pde, kernel, n_points, n_components, trend, max_iter)
    random_state = check_random_state(random_state)
    device = torch.device(device)
    found = [source_lines(pde, axis, random_state) for axis in range(len(pde.box))]
    lines, tops = [part[0] for part in found], [part[1] for part in found]
    lengths = np.asarray(pde.box.high, dtype=float) - np.asarray(pde.box.low, dtype=float)
    if shape is None:
        shape = [
            default_nodes(length, top, len(lengths))
            for length, top in zip(lengths, tops, strict=True)
        ]
    tops = [max(top, 2 * np.pi / length) for top, length in zip(tops, lengths, strict=True)]
    orders = derivative_orders(pde)

    def stage(kernel, base):
        axes, starts, bounds = [], [], []
        for k in range(len(lengths)):
            axis, start, bound = _axis(
                pde.box, k, kernel, shape[k], lines[k], n_components, orders[k], torch, device
            )
            axes.append(axis)
            starts.append(start)
            bounds += bound
        problem = GridProblem(pde, [axis.nodes for axis in axes], tops, base)
        model = MapModel(axes, problem, len(starts[0]))
        # Lines, and the trend that follows them.
        n_lines = [len(part) + 1 for part in lines]
        # As narrow as the modes; but a kernel without frequencies has to reach them by its width.
        widths = [axis.spacing for axis in axes]
        if base is None and not KERNELS[kernel][1]:
            widths = [0.5 * top for top in tops]
        return model, *_maximise(model, starts, widths, n_lines, bounds, max_iter, verbose)

    model, theta, objective, n_evaluations = stage(kernel, None)
    stages = [Stage(model, theta)]
    problem = model.problem
    if trend is not None:
        model, theta, objective, more = stage(
            trend, lambda orders, axes: stages[0].on_grid(axes, orders)
        )
        stages.append(Stage(model, theta))
        n_evaluations += more
    posterior = MapPosterior(
        stages,
        objective=objective,
        residual=_residual(pde, stages, problem, model.problem, random_state),
        n_evaluations=n_evaluations,
    )
    if not posterior.residual <= ACCEPTED:
        warnings.warn(
            f"the equation's residual off the grid is {posterior.residual:.1e} of its source with "
            f"kernel={kernel!r} and n_points={posterior.n_points}: more nodes or iterations "
            "(max_iter) may help; else the kernel cannot express the solution.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return posterior


def _check(pde, kernel, n_points, n_components, trend, max_iter):
    dimension = len(pde.box)
    if dimension > 2 or len(pde.fields) > 1:
        raise ValueError(
            "method='map' is for one equation on one or two coordinates, got "
            f"{len(pde.fields)} on {dimension}; use method='direct'."
        )
    if pde.unknowns:
        raise ValueError(
            f"method='map' infers no unknowns, got {sorted(pde.unknowns)}; use method='direct'."
        )
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {sorted(KERNELS)}, got {kernel!r}.")
    if trend is not None and trend not in TRENDS:
        raise ValueError(f"trend must be None or one of {sorted(TRENDS)}, got {trend!r}.")
    for name, value in (("n_components", n_components), ("max_iter", max_iter)):
        if not isinstance(value, Integral) or int(value) < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    if n_points is None:
        return None
    shape = [n_points] * dimension if isinstance(n_points, Integral) else list(n_points)
    if len(shape) != dimension or not all(isinstance(n, Integral) and int(n) >= 4 for n in shape):
        raise ValueError(
            f"n_points must be an integer of at least 4, or {dimension} of them, got {n_points!r}."
        )
    return shape


def _axis(box, k, kernel, n, lines, n_components, orders, torch, device):
    """One axis, where its frequencies start, and bounds of its parameters."""
    spectrum, mixture = KERNELS[kernel]
    low, high = float(box.low[k]), float(box.high[k])
    bin = 2 * np.pi / (high - low)
    nyquist = 0.5 * bin * (n - 1)
    top = max(lines[lines < _RESOLVED * nyquist], default=0.0)
    if mixture and spectrum == "gaussian":
        highest = min(_HEADROOM * top + _HEADROOM_BINS * bin, _BEYOND_NYQUIST * nyquist)
    else:
        highest = _BEYOND_NYQUIST * nyquist
    axis = MixtureAxis(
        low, high, n, spectrum=spectrum, highest=highest, orders=orders, torch=torch, device=device
    )
    if mixture:
        start = start_frequencies(lines, n_components, _RESOLVED * nyquist, bin)
    else:
        start = np.zeros(1)
    size = len(start)
    places = (0.0, highest / axis.spacing if mixture else 0.0)
    bounds = [_WEIGHT_LIMITS] * size + [(log(axis.spacing), log(highest))] * size + [places] * size
    return axis, start, bounds


def _maximise(model, starts, widths, n_lines, bounds, max_iter, verbose):
    """Minimise the negative log joint density: parameters, value, evaluations."""
    theta = start_parameters(model.axes, starts, widths, n_lines, _START_PRECISION)
    # The unit of the solution follows from a first solution.
    roots = model.roots(theta)
    mode = model.mode(roots, PRECISION_LIMITS[0], PRECISION_LIMITS[0])
    values = contract([root.values[0].detach().cpu().numpy() for root in roots], mode.z)
    model.rescale(np.abs(values).max())
    bar = iter(progress(range(max_iter), total=max_iter, verbose=verbose, label="L-BFGS"))
    n_evaluations = 0
    share, left = divmod(max_iter, len(PRECISION_LIMITS))
    for limit in PRECISION_LIMITS:
        last = limit == PRECISION_LIMITS[-1]
        # Where all parameters have bounds, L-BFGS-B's first step is the gradient itself.
        unit = max(1.0, np.abs(model.objective(theta)[1]).max())
        result = minimize(
            _in_units(model.objective, unit),
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=[*bounds, *[(_LEAST_PRECISION, limit)] * 2],
            options={
                "maxiter": share + (left if last else 0),
                "maxcor": 20,
                "ftol": 1e-12,
                "gtol": 1e-6 / unit,
            },
            callback=lambda _: next(bar, None),
        )
        theta = result.x
        n_evaluations += result.nfev + 1
    return theta, float(result.fun) * unit, n_evaluations


def _in_units(objective, unit):
    def scaled(theta):
        value, gradient = objective(theta)
        return value / unit, gradient / unit

    return scaled


def _residual(pde, stages, first, last, random_state):
    """Relative residual off the grid, or misfit of the conditions if that is more."""
    (equation,) = pde.equations
    X = random_state.uniform(pde.box.low, pde.box.high, (_N_CHECKS, len(pde.box)))
    jets = {jet: sum(stage.mean(X, jet[1]) for stage in stages) for jet in equation.jets}
    inside = equation.residual(jets, tuple(X.T)) / first.equation_scale
    misfit = stages[-1].mode.misfit
    outside = np.sqrt(np.mean(misfit**2)) * last.scale / first.scale if len(misfit) else 0.0
    return float(max(np.sqrt(np.mean(inside**2)), outside))

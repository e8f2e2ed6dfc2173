"""Gaussian-process solution of a linear equation from noisy data, by direct QR."""

import warnings
from contextlib import nullcontext
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.pde._evidence import Evidence, MixturePrior, row_size
from kernlab.pde._features import SpectralMixtureFeatures, envelope
from kernlab.pde._frequencies import AxisFrequencies, of_free_waves, of_functions, of_samples
from kernlab.pde._misfit import neighbour_correlation, neighbour_pairs, warn_of_misfit
from kernlab.pde._prior import AxisMixture, FittedPrior, TensorFeatures
from kernlab.pde._rows import EquationRows, collocation_points, condition_rows
from kernlab.pde._weights import Group, Posterior

# Dense QR of so many features takes seconds; beyond, the structure of a grid is needed.
MAX_FEATURES = 2500
# From so many on, threads of BLAS pay.
MANY = 400
# Modes of a line and of the trend along an axis: in one dimension, and in more the first that keep
# to FEW features, or else to MAX_FEATURES.
LINE_SIZES, BOX_SIZES = ((8, 12),), ((6, 10), (5, 8), (4, 8), (3, 6))
FEW = 600
# Radians per half length up to which the trend takes the place of lines, and what it may leave out.
SLOW, LEFT_OUT = (2.0, 8.0), (1e-10, 1e-6)
# Standard deviation of rows that are exact, relative to rows of unit weights.
EXACT, NEARLY_EXACT = 1e-8, 1e-6
# Fitted noise of an equation said to be exact, or misfit in units of stated noise, that is warned
# of.
UNRESOLVED, MISFIT = 1e-4, 4.0


def assimilate(
    pde, X, y, *, alpha="fit", observe="solution", equation_noise=0.0, random_state=None
):
    """Posterior of a linear equation's solution given noisy data.

    The solution is a mixture of modulated lines along each axis, whose frequencies come from the
    data, from the conditions and from the equation's free waves; its weights, decays and noise
    maximise the evidence.

    Parameters
    ----------
    pde : PDE
        One linear equation of one field, coefficients constant or not, on a box.
    X : array-like of shape (n, d)
        Points of the data, columns in the box's order; at least two.
    y : array-like of shape (n,)
        Values of the solution at X, or of the right-hand side.
    alpha : float, array-like of shape (n,), or 'fit', default='fit'
        Variance of the data's noise, for all or for each; zero for exact data.
    observe : {'solution', 'source'}, default='solution'
        With 'solution', y is u at X, and the equation holds in the whole box. With 'source' the
        equation is known only at X, where y is what the equation as written is to equal.
    equation_noise : float, default=0.0
        With ``observe='solution'``, variance of an error of the equation, in units of its source
        and independent from point to point of a random collocation.
    random_state : int, Generator or None, default=None
        Seeds the collocation points.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError
        For data or points that are not finite or outside of the box, shapes that do not agree, or
        negative variances; for equations that are not linear or of several fields; where products
        of features along the axes are more than 2500.

    Warns
    -----
    ConvergenceWarning
        Where the features do not resolve equation or data, or an unknown is at its bound or is not
        identified by the data.

    Notes
    -----
    O((n + p) p²) for p features, some hundred times; in one dimension p is some 16 a line.
    """
    data = _Data(pde, X, y, alpha, observe, equation_noise)
    rng = np.random.default_rng(random_state)
    basis, noise = _basis(data, rng)
    problem = _Problem(data, basis, noise, rng)
    # Hundreds of small factors: threads of BLAS cost more than they bring.
    with SINGLE_THREADED_BLAS if basis.n_features < MANY else nullcontext():
        fit, profile = problem.evidence.fit()
        return problem.posterior(fit, profile)


class _Data:
    """The checked arguments."""

    def __init__(self, pde, X, y, alpha, observe, equation_noise):
        if observe not in ("solution", "source"):
            raise ValueError(f"observe must be 'solution' or 'source', got {observe!r}.")
        if len(pde.equations) != 1:
            raise ValueError(
                f"data are assimilated for one equation of one field, got {len(pde.equations)}."
            )
        (self.equation,), (self.field,) = pde.equations, pde.fields
        if not self.equation.is_linear:
            raise ValueError(
                f"data are assimilated for linear equations, and {self.equation!r} is not. "
                "Linearise it about a known solution first."
            )
        self.pde, self.box, self.observe = pde, pde.box, observe
        d = len(pde.box)
        self.X = FittedPrior(None, [], pde.box.low, pde.box.high, []).check(X)
        self.y = np.asarray(y, dtype=float)
        if self.y.shape != (len(self.X),):
            raise ValueError(f"y must have shape ({len(self.X)},) as X has rows, got {y!r:.60}.")
        if not np.isfinite(self.y).all():
            row = np.flatnonzero(~np.isfinite(self.y))[0]
            raise ValueError(f"y must be finite, got {self.y[row]} in row {row}.")
        if len(self.y) < 2:
            raise ValueError(f"at least 2 data are needed, got {len(self.y)}.")
        self.alpha = None if isinstance(alpha, str) and alpha == "fit" else self._variances(alpha)
        if not (isinstance(equation_noise, Real) and 0 <= float(equation_noise) < np.inf):
            raise ValueError(
                f"equation_noise must be a variance, finite and not negative, got "
                f"{equation_noise!r}."
            )
        if equation_noise and observe == "source":
            raise ValueError(
                "equation_noise is for observe='solution'; with 'source' the noise of the "
                "equation is alpha."
            )
        self.equation_noise = float(equation_noise)
        self.unknowns = {name: unknown.bounds for name, unknown in pde.unknowns.items()}
        for name, bounds in self.unknowns.items():
            if not np.isfinite(bounds).all():
                raise ValueError(
                    f"the unknown {name!r} needs finite bounds to be inferred, got {bounds}: "
                    f"Unknown({name!r}, bounds=(low, high))."
                )
        self.d = d

    def _variances(self, alpha):
        try:
            alpha = np.asarray(alpha, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"alpha must be a variance, one for each datum, or 'fit', got {alpha!r}."
            ) from error
        if alpha.ndim and alpha.shape != self.y.shape:
            raise ValueError(
                f"alpha must be a number or have shape {self.y.shape}, got {alpha.shape}."
            )
        if not (np.isfinite(alpha).all() and (alpha >= 0).all()):
            raise ValueError("alpha must hold variances, finite and not negative.")
        return np.broadcast_to(alpha, self.y.shape)

    @property
    def unknowns_grid(self):
        """Values of the unknowns over their bounds: ends and middle of each."""
        grids = [np.linspace(low, high, 3) for low, high in self.unknowns.values()]
        return [dict(zip(self.unknowns, values, strict=True)) for values in product(*grids)]


def _basis(data, rng):
    """Features along each axis with the frequencies that were found, and the data's noise."""
    box = data.box
    several = int(data.d > 1)
    sizes = BOX_SIZES if several else LINE_SIZES
    left_out = LEFT_OUT[several and not data.unknowns]
    axes = [
        AxisFrequencies(a, b, sizes[-1][1], SLOW[several], left_out)
        for a, b in zip(box.low, box.high, strict=True)
    ]
    functions: list = []
    for axis, (low, high) in enumerate(zip(box.low, box.high, strict=True)):
        conditions = data.pde.conditions[data.field, axis]
        for end, value in ((conditions.low, low), (conditions.high, high)):
            functions += [(condition.g, {axis: value}) for condition in end]
    known = {name: np.mean(bounds) for name, bounds in data.unknowns.items()}
    # Waves of the conditions, and what the equation makes of them, before those of the source:
    # only the former are free to leave their axis.
    of_functions(functions, box, axes, rng)
    of_free_waves(data.equation, box, axes, data.unknowns_grid)
    if data.observe == "solution":
        source: list = [(lambda *points: data.equation.source(points, known), {})]
        of_functions(source, box, axes, rng, noisy=data.equation_noise > 0)
    noise = of_samples(data.X, data.y, axes)
    bases = []
    for n_modes, trend in sizes:
        factors = [
            SpectralMixtureFeatures(
                axis.low,
                axis.high,
                axis.lines,
                envelope=n_modes,
                trend=max(trend, axis.trend),
                merge=False,
            )
            for axis in axes
        ]
        bases.append(TensorFeatures(factors))
        if bases[-1].n_features <= FEW or len(sizes) == 1:
            break
    basis = bases[-1]
    if basis.n_features <= MAX_FEATURES:
        return basis, noise
    lines = ", ".join(
        f"{len(axis.lines)} along {name}" for axis, name in zip(axes, box.names, strict=True)
    )
    raise ValueError(
        f"the solution needs {basis.n_features} features, more than the {MAX_FEATURES} that a "
        f"dense QR is used for; frequencies found: {lines}. Give data on a regular grid, or solve "
        "on a smaller box."
    )


class _Problem:
    """Rows in units in which solution, weights and rows are of order one."""

    def __init__(self, data, basis, noise, rng):
        self.data, self.basis, self.prior = data, basis, MixturePrior(basis)
        self.middle = {name: np.mean(bounds) for name, bounds in data.unknowns.items()}
        conditions = condition_rows(data.pde, data.field, basis, rng)
        self.equation_rows: Any
        self.data_rows: Any
        self.equation_size: Any
        if data.observe == "source":
            self.equation_rows, self.data_rows = None, EquationRows(data.equation, basis, data.X)
            matrix = self.data_rows.matrix(self.middle)
            target = data.y + self.data_rows.source(self.middle)
            equation = []
        else:
            n = 2 * basis.n_features + 20
            points = collocation_points(basis, data.box.low, data.box.high, n, rng)
            self.equation_rows, self.data_rows = EquationRows(data.equation, basis, points), None
            matrix, target = basis.features(data.X), data.y
            rows = self.equation_rows
            equation = [(rows.matrix(self.middle), rows.source(self.middle))]
        pairs = [*conditions, *equation, (matrix, target)]
        sizes = [row_size(rows, self.prior) for rows, _ in pairs]
        # Size of the solution: of the largest target relative to its rows.
        self.scale = (
            float(
                max(
                    np.abs(y).max(initial=0.0) / size
                    for (_, y), size in zip(pairs, sizes, strict=True)
                )
            )
            or 1.0
        )
        groups = [
            Group(rows / size, y / (size * self.scale))
            for (rows, y), size in zip(pairs, sizes, strict=True)
        ]
        self.data_size = sizes[-1] * self.scale
        self.equation_size = sizes[-2] * self.scale if equation else None
        self.evidence = self._evidence(groups, len(conditions), noise)

    def _evidence(self, groups, n_conditions, noise):
        """Exact rows first, then the equation, then the data; what has unknowns is made anew."""
        unknowns = self.data.unknowns
        log_noise, free = [2 * np.log(EXACT)] * n_conditions, []
        if self.equation_rows is not None:
            value, bounds = self._equation_noise()
            # Of an equation with unknowns the rows are made anew, and are put first.
            self.equation_group = 0 if unknowns else n_conditions
            log_noise.insert(self.equation_group, value)
            if bounds is not None:
                free.append((self.equation_group, bounds))
        value, self.relative, bounds = self._data_noise(noise)
        groups[-1].relative = self.relative
        self.data_group = len(log_noise)
        log_noise.append(value)
        if bounds is not None:
            free.append((self.data_group, bounds))
        moving = None
        if unknowns:
            moving = self._moving_data if self.equation_rows is None else self._moving_equation
            del groups[-1 if self.equation_rows is None else -2]
        collocated = self.equation_rows is not None
        return Evidence(
            self.prior, groups, log_noise, free, moving, unknowns,
            moving_first=collocated,
            conditional=bool(unknowns) and collocated and not self.data.equation_noise,
        )  # fmt: skip

    def _equation_noise(self):
        """Log noise variance of collocated equations, and its bounds or None where it is known."""
        if self.data.equation_noise:
            return np.log(self.data.equation_noise / self.equation_size**2), None
        if self.data.unknowns:
            # Were it learned, unknowns would suit the features rather than the data.
            return 2 * np.log(NEARLY_EXACT), None
        return 2 * np.log(NEARLY_EXACT), (2 * np.log(EXACT), 2 * np.log(UNRESOLVED))

    def _data_noise(self, noise):
        """Start of the data's log noise variance, relative deviations, bounds or None if known."""
        data, floor = self.data, EXACT**2
        if data.alpha is None:
            start = np.log(max((noise / self.data_size) ** 2, floor))
            top = np.log(max((data.y**2).mean() / self.data_size**2, floor)) + 4.0
            return min(start, top), None, (np.log(floor) - 20.0, top)
        variance = np.maximum(data.alpha / self.data_size**2, floor)
        mean = variance.mean()
        same = np.ptp(variance) == 0
        return np.log(mean), None if same else np.sqrt(variance / mean), None

    def _moving_data(self, unknowns):
        rows = self.data_rows
        target = rows.source(unknowns) + self.data.y
        return self._moved(rows, target, unknowns, self.data_size, self.relative)

    def _moving_equation(self, unknowns):
        rows = self.equation_rows
        return self._moved(rows, rows.source(unknowns), unknowns, self.equation_size, None)

    def _moved(self, rows, target, unknowns, size, relative):
        """Rows at values of the unknowns, and their derivatives by each."""
        row_size = size / self.scale
        group = Group(rows.matrix(unknowns) / row_size, target / size, relative)
        divide = np.ones(len(target)) if relative is None else relative
        slopes = []
        for name in unknowns:
            matrix, source = rows.derivative(name, unknowns)
            slopes.append((matrix / (row_size * divide[:, None]), source / (size * divide)))
        return group, slopes

    def posterior(self, fit, profile):
        """The Gaussian process at fitted hyperparameters."""
        log_variance, log_noise, values = self.evidence.unpack(fit.theta)
        rows, _ = self.evidence.rows(values)
        solved = rows.solve(log_variance, log_noise)
        covariance = self.evidence.unknown_covariance(fit)
        spread = dict(zip(values, np.sqrt(np.diag(covariance)), strict=True))
        solved.shifts = self.evidence.shifts(fit, covariance)
        self._warn(rows, solved, log_noise, fit, values, spread, profile)
        relative = 1.0 if self.relative is None else self.relative**2
        noise = np.exp(log_noise[self.data_group]) * relative * self.data_size**2
        # Rows were divided by their sizes; the evidence is of the data in their own units but for
        # rows that are exact, whose units say nothing.
        log_evidence = fit.value - len(self.data.y) * np.log(self.data_size)
        kernel = FittedPrior(
            self.basis,
            np.exp(log_variance) * self.scale**2,
            self.data.box.low,
            self.data.box.high,
            self._mixtures(log_variance),
        )
        params = {name: (float(value), float(spread[name])) for name, value in values.items()}
        return Posterior(
            kernel,
            solved,
            scale=self.scale,
            log_evidence=float(log_evidence),
            noise=noise,
            params=params,
        )

    def _mixtures(self, log_variance):
        """Weights, frequencies and scales of each axis' components, for a reader."""
        variance = np.exp(log_variance) * self.scale**2
        factors, prior = self.basis.factors, self.prior
        values, slopes = [], []
        for axis, factor in enumerate(factors):
            middle = np.array([(factor.low + factor.high) / 2])
            modes = int(factor.degree.max()) + 1
            degree, component = prior.degrees[axis], prior.components[axis]
            # Cosine and sine of a line share the variance, at any phase: half of each.
            share = np.where(component > 0, np.sqrt(0.5), 1.0)
            value, slope = (
                envelope(middle, factor.low, factor.high, modes, order)[0] for order in (0, 1)
            )
            values.append(value[degree] * share)
            slopes.append(slope[degree] * share)
        mixtures = []
        for axis, factor in enumerate(factors):
            rest = variance * np.prod([v**2 for a, v in enumerate(values) if a != axis], axis=0)
            component, n = prior.components[axis], factor.n_components
            weights = np.bincount(component, rest * values[axis] ** 2, n)
            bend = np.bincount(component, rest * slopes[axis] ** 2, n)
            scales = np.sqrt(weights / np.where(bend > 0, bend, 1.0))
            frequencies = np.array([0.0] + [middle for middle, _ in factor.bands])
            mixtures.append(AxisMixture(frequencies, weights, np.where(bend > 0, scales, np.inf)))
        return mixtures

    def _warn_of_misfit(self, rows, solved, log_noise, values):
        data, share = self.data, None
        if self.data_rows is None:
            matrix, target = self.basis.features(data.X), data.y
        else:
            matrix = self.data_rows.matrix(values)
            target = data.y + self.data_rows.source(values)
            if data.alpha is None:
                noise = np.exp(log_noise[self.data_group]) * self.data_size**2
                share = noise / ((data.y**2).mean() or np.inf)
        rest = target - self.scale * solved.mean(matrix)
        if self.relative is not None:
            rest = rest / self.relative
        if np.sqrt(np.mean(rest**2)) < 1e-6 * np.abs(data.y).max():
            # Features leave a remainder of exact data that is never noise.
            return
        start, stop = rows.edges[self.data_group : self.data_group + 2]
        freedom = float((solved.q_top[start:stop] ** 2).sum())
        found = neighbour_correlation(rest, neighbour_pairs(data.X), freedom)
        warn_of_misfit(share, *found, stacklevel=5)

    def _warn(self, rows, solved, log_noise, fit, values, spread, profile):
        data = self.data
        bounded = any(
            min(values[name] - low, high - values[name]) < 1e-6 * (high - low)
            for name, (low, high) in data.unknowns.items()
        )
        if self.equation_rows is not None and not data.equation_noise and not bounded:
            start, stop = rows.edges[self.equation_group : self.equation_group + 2]
            misfit = np.sqrt((solved.rest[start:stop] ** 2).sum() / (stop - start))
            left = np.exp(0.5 * log_noise[self.equation_group]) * max(misfit, 1e-3)
            if left > 0.3 * UNRESOLVED:
                warnings.warn(
                    f"the features leave {left:.1e} of the equation unresolved, which the "
                    "posterior takes for noise. Solve on a smaller box, or give more data.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
        if data.alpha is not None and not bounded:
            start, stop = rows.edges[self.data_group : self.data_group + 2]
            misfit = np.sqrt((solved.rest[start:stop] ** 2).sum() / len(data.y))
            if misfit > MISFIT:
                warnings.warn(
                    f"the data differ from the solution by {misfit:.1f} times the standard "
                    "deviation that alpha states; pass alpha='fit', or check the equation and its "
                    "conditions.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
        if not bounded:
            self._warn_of_misfit(rows, solved, log_noise, values)
        for name, (low, high) in data.unknowns.items():
            share = (values[name] - low) / (high - low)
            if min(share, 1 - share) < 1e-6:
                warnings.warn(
                    f"the unknown {name!r} lies on its bound {values[name]:g}; widen its bounds.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
            elif not spread[name] < 0.25 * (high - low) or np.ptp(profile) < 2.0:
                # A uniform law has a standard deviation of 0.29 of its width.
                warnings.warn(
                    f"the data do not identify the unknown {name!r} within its bounds "
                    f"({low:g}, {high:g}); give more or less noisy data, of the solution and "
                    "where it depends on the unknown.",
                    ConvergenceWarning,
                    stacklevel=4,
                )

"""Gaussian process for a u_xx + b u_yy + c u = f with noisy f on a uniform grid of a rectangle."""

# References: Rasmussen, Williams, *Gaussian Processes for Machine Learning*, 2006, section 5.4
# (evidence); Wilson, Adams, *Gaussian process kernels for pattern discovery*, ICML 2013 (spectral
# mixtures); Lidstone, see `_lidstone`.
#
# The prior. Sine weights have variances S_kl = Σ_pq W_pq g_p(ω_k) g_q(ω_l) with Gaussian bumps g:
# a spectral mixture in the operator's eigenbasis. Weights of Lidstone profiles times eigenmodes
# have variances Σ_q w_q g_q(ω), one set for each axis and order; products of profiles have one for
# each pair of orders. All of them are learned from the evidence, whose gradient is exact.

import math
import warnings

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning

from kernlab.pde._grid_model import GridModel, Solution
from kernlab.pde._grid_posterior import GridFrame, GridPosterior
from kernlab.pde._hilbert_space import sine_transform
from kernlab.pde._lidstone import EdgeLift
from kernlab.pde._misfit import neighbour_correlation, warn_of_misfit

#: Spectral components along each axis.
N_COMPONENTS = 6
# Noise variance in units of the data's mean square that stands for exact data.
_LEAST_NOISE = 1e-18
_MAX_ITERATIONS = 200
# Operations that the search may take where many modes of the faces make a step dear: half a minute.
# The search ends where so many steps gain less, in nats.
_RECENT, _GAIN = 5, 0.3
_OPERATIONS, _LEAST_ITERATIONS = 1e12, 15
# Learned noise, in units of the data's mean square, that is too little to calibrate anything.
_NEARLY_EXACT = 4e-8
# Share of a nat below which the search does without a face's mode.
_SEARCH_NEGLIGIBLE = 1e-4


def fit_grid(axes, Y, a=1.0, b=1.0, c=0.0, alpha="fit", boundary=None, boundary_noise=0.0):
    """Fit a Gaussian process to noisy values of ``a u_xx + b u_yy + c u`` on a grid.

    Parameters
    ----------
    axes : two arrays
        Uniform interior nodes along x and y, ascending, at least three each; the box reaches one
        step beyond them at both ends.
    Y : (len(axes[0]), len(axes[1])) array
        Values of the source.
    a, b, c : float
        Coefficients of the operator; ``a`` and ``b`` are not zero.
    alpha : 'fit' or float >= 0
        Noise variance of ``Y``; zero stands for exact values.
    boundary : None, float, callable or 2 x 2 nested list of arrays
        Values of u on the edges: none means zero, exactly; a callable takes x and y; of a list,
        ``boundary[axis][end]`` holds the values on the edge where the coordinate ``axis`` is least
        (``end`` 0) or largest, at the nodes of the other axis and both corners.
    boundary_noise : float >= 0
        Noise variance of the edges' values; zero fixes u there.

    Returns
    -------
    GridPosterior

    Raises
    ------
    ValueError
        If the grid is not uniform, something is not finite or of the wrong shape, or edges of
        exact values disagree in a corner.

    Warns
    -----
    ConvergenceWarning
        If the search for the evidence's maximum stopped early; if the learned noise explains the
        data, or is next to none; if the residuals of neighbours correlate.

    Notes
    -----
    One evaluation of the evidence and its gradient takes O(n m) operations and the factorisation of
    a matrix of some 8 rows for each mode that the faces show; 10⁶ cells take a fraction of a
    second where those are a few dozen. Data that
    fix nearly everything take a QR factorisation of all cells where that is quick enough.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde._grid import fit_grid
    >>> x = np.arange(1, 30) / 30
    >>> u = np.sin(3 * x)[:, None] * np.cos(4 * x)
    >>> g = lambda x, y: np.sin(3 * x) * np.cos(4 * y)
    >>> noise = np.random.default_rng(0).normal(scale=0.1, size=u.shape)
    >>> posterior = fit_grid([x, x], -25 * u + noise, boundary=g)
    >>> mean, std = posterior.predict_grid([x, x], return_std=True)
    >>> bool(np.abs(mean - u).max() < 0.01), bool(abs(posterior.noise - 0.01) < 0.001)
    (True, True)
    """
    problem = _Problem(axes, Y, (a, b, c), alpha, boundary, boundary_noise)
    return problem.fit()


def _numbers(name, value, least=-math.inf):
    value = float(value)
    if not (math.isfinite(value) and value >= least):
        bound = f" of at least {least:g}" if least > -math.inf else ""
        raise ValueError(f"{name} must be a finite number{bound}, got {value!r}.")
    return value


def interior_axis(axis, name):
    """Check a uniform grid of interior nodes; returns its nodes, lower end and length."""
    axis = np.asarray(axis, dtype=float)
    if axis.ndim != 1 or len(axis) < 3 or not np.isfinite(axis).all():
        raise ValueError(
            f"{name} must be a finite one-dimensional array of at least 3 nodes, got shape "
            f"{axis.shape}."
        )
    n = len(axis)
    step = (axis[-1] - axis[0]) / (n - 1)
    even = axis[0] + step * np.arange(n)
    if step <= 0.0 or np.abs(axis - even).max() > 1e-6 * step:
        raise ValueError(
            f"{name} is not a uniform ascending grid (its steps differ, or descend); give values "
            "on scattered points to the general fit instead."
        )
    return axis, axis[0] - step, step * (n + 1)


def _spectral_bumps(Y):
    """Centres, widths (in radians) and bumps of the components along the last axis of Y.

    They cover the band below the highest frequency that stands out of the noise.
    """
    n = Y.shape[-1]
    window = np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) ** 2
    power = (np.abs(np.fft.rfft(Y * window, axis=-1)) ** 2).mean(0)
    floor = np.quantile(power, 0.25)
    significant = (power > floor * (1.0 + 8.0 / math.sqrt(len(Y)))) & (power > 1e-10 * power.max())
    highest = np.flatnonzero(significant)
    # A bin is two modes wide, the window's main lobe two bins on each side.
    top = min(n, 2.0 * (highest[-1] if len(highest) else 0) + 4.0)
    count = min(N_COMPONENTS, n)
    centres = np.linspace(0.0, top, count)
    width = max(top / (count - 1) * (2.0 / 3.0), 1.0)
    modes = np.arange(1, n + 1)
    distance = (modes - centres[:, None]) / width
    # Beyond five widths a component is nothing: the cost grows with the modes in reach.
    bumps = np.where(np.abs(distance) < 5.0, np.exp(-0.5 * distance**2), 0.0)
    return np.pi * centres, np.full(count, np.pi * width), bumps


class _Problem:
    """A grid fit in units where the box is the unit square and the data have mean square one."""

    def __init__(self, axes, Y, coefficients, alpha, boundary, boundary_noise):
        if len(axes) != 2:
            raise ValueError(f"axes must be two arrays of nodes, got {len(axes)}.")
        checked = [interior_axis(axis, f"axes[{j}]") for j, axis in enumerate(axes)]
        self.nodes = [nodes for nodes, _, _ in checked]
        self.low = np.array([low for _, low, _ in checked])
        self.lengths = np.array([length for _, _, length in checked])
        Y = np.asarray(Y, dtype=float)
        shape = tuple(len(nodes) for nodes in self.nodes)
        if Y.shape != shape:
            raise ValueError(f"Y has shape {Y.shape}, and the axes make a grid of {shape}.")
        if not np.isfinite(Y).all():
            i, j = np.argwhere(~np.isfinite(Y))[0]
            raise ValueError(
                f"Y holds {Y[i, j]!r} at x={self.nodes[0][i]!r}, y={self.nodes[1][j]!r}; every "
                "cell must be finite."
            )
        raw = np.array([_numbers(name, v) for name, v in zip("abc", coefficients, strict=True)])
        if raw[0] == 0.0 or raw[1] == 0.0:
            raise ValueError(
                f"a and b must not be zero, got a={raw[0]!r}, b={raw[1]!r}: the equation would "
                "have no second derivative along an axis."
            )
        raw[:2] /= self.lengths**2
        self.operator_scale = np.abs(raw).max()
        self.coefficients = raw / self.operator_scale
        noise = _numbers("boundary_noise", boundary_noise, 0.0)
        if boundary is None and noise > 0.0:
            raise ValueError(
                f"boundary_noise={noise!r} needs boundary, the values on the edges that it is of."
            )
        edges = None if boundary is None else self._edges(boundary, exact=noise == 0.0)
        self.lift = None
        if edges is not None and noise == 0.0:
            self.lift = EdgeLift(edges)
            s, t = (np.arange(1, n + 1) / (n + 1) for n in shape)
            value, second_s, second_t = self.lift.fields(s, t)
            A, B, C = raw
            Y = Y - (A * second_s + B * second_t + C * value)
        self.scale = float(np.sqrt(np.mean((Y / max(np.abs(Y).max(), 1e-300)) ** 2)))
        self.scale = self.scale * float(np.abs(Y).max()) or 1.0
        self.unit = self.scale / self.operator_scale
        self.Y = Y / self.scale
        self.data = sine_transform(self.Y, axes=(0, 1))
        self.rows = None
        orders: tuple[int, ...] = (1, 2)
        edge_noise = None
        if edges is not None and noise > 0.0:
            orders, edge_noise = (0, 1, 2), noise / self.unit**2
            self.rows = self._edge_rows(edges)
        self.model = GridModel(shape, tuple(self.coefficients), orders, edge_noise)
        self.learns = isinstance(alpha, str)
        if self.learns:
            if alpha != "fit":
                raise ValueError(f"alpha must be 'fit' or a noise variance, got {alpha!r}.")
        elif np.ndim(alpha):
            raise ValueError(
                "alpha must be one noise variance for the whole grid, or 'fit'; for noise that "
                "differs between cells give the cells as scattered points to the general fit."
            )
        else:
            self.alpha = max(_numbers("alpha", alpha, 0.0) / self.scale**2, _LEAST_NOISE)

    def _edges(self, boundary, exact):
        ends = [self.low, self.low + self.lengths]
        full = [np.concatenate([[ends[0][j]], self.nodes[j], [ends[1][j]]]) for j in range(2)]
        edges = []
        for axis in range(2):
            pair = []
            for end in range(2):
                other = full[1 - axis]
                if callable(boundary):
                    here = np.full_like(other, ends[end][axis])
                    values = boundary(*((here, other) if axis == 0 else (other, here)))
                elif np.ndim(boundary) == 0:
                    values = float(boundary)
                else:
                    values = boundary[axis][end]
                values = np.array(np.broadcast_to(np.asarray(values, float), other.shape))
                if not np.isfinite(values).all():
                    raise ValueError(f"boundary[{axis}][{end}] holds a value that is not finite.")
                pair.append(values)
            edges.append(pair)
        size = max(np.abs(values).max() for pair in edges for values in pair)
        for i in range(2):
            for j in range(2):
                first, second = edges[0][i][-j], edges[1][j][-i]
                if exact and abs(first - second) > 1e-8 * size:
                    raise ValueError(
                        f"the edges disagree in the corner x={ends[i][0]!r}, y={ends[j][1]!r}: "
                        f"{first!r} and {second!r}; give one value, or a boundary_noise."
                    )
                edges[0][i][-j] = edges[1][j][-i] = 0.5 * (first + second)
        return edges

    def _edge_rows(self, edges):
        corners = np.array([values[[0, -1]] for values in edges[0]])
        rows = [sine_transform(np.array([v[1:-1] for v in pair])) for pair in edges]
        return tuple(part / self.unit for part in (*rows, corners))

    # --- The evidence as a function of logarithms -----------------------------------------------

    def _variances(self, theta):
        """S, the β of the face weights, and v, from the logarithms of the weights."""
        W, wx, wy, wc, v = self._split(np.exp(theta))
        Bx, By = self.bumps
        end = np.ones(2)
        beta = (
            np.kron((wx @ By).T, end[None]),
            np.kron((wy @ Bx).T, end[None]),
            np.kron(wc, np.ones((2, 2))).ravel(),
        )
        return Bx.T @ W @ By, beta, v

    def _split(self, weights):
        m, p, q = len(self.model.orders), len(self.bumps[0]), len(self.bumps[1])
        W, wx, wy, wc, rest = np.split(weights, np.cumsum([p * q, m * q, m * p, m * m]))
        v = float(rest[0]) if self.learns else self.alpha
        return W.reshape(p, q), wx.reshape(m, q), wy.reshape(m, p), wc.reshape(m, m), v

    def _solution(self, theta, **options):
        S, beta, v = self._variances(theta)
        return Solution(self.model, self.data, S, v, beta, self.rows, **options), beta

    def objective(self, theta):
        """Minus the log evidence and its gradient by the logarithms of all variances."""
        solution, (bx, by, bc) = self._solution(theta, negligible=_SEARCH_NEGLIGIBLE)
        gS, gv, (gx, gy, gc) = solution.gradient()
        Bx, By = self.bumps
        m = len(self.model.orders)

        def by_order(gradient, beta):
            # d/dβ from d/dlog β; where β underflows its share of the evidence does too.
            share = np.divide(gradient, beta, out=np.zeros_like(beta), where=beta > 0.0)
            return share.reshape(len(share), m, 2).sum(2).T

        wc = np.divide(gc, bc, out=np.zeros_like(bc), where=bc > 0.0)
        parts = [
            Bx @ gS @ By.T,
            by_order(gx, bx) @ By.T,
            by_order(gy, by) @ Bx.T,
            wc.reshape(m, 2, m, 2).sum((1, 3)),
        ]
        gradient = np.concatenate([part.ravel() for part in parts])
        gradient *= np.exp(theta[: len(gradient)])
        if self.learns:
            gradient = np.append(gradient, gv * solution.v)
        return -solution.log_evidence, -gradient

    def start(self):
        """Every group of weights explains an equal share of the data's sum of squares."""
        model, (Bx, By) = self.model, self.bumps
        m = len(model.orders)
        total = float((self.data**2).sum()) or 1.0
        nx, ny, nc = model.square_norms()
        norms = [
            Bx @ model.d**2 @ By.T,
            nx.reshape(-1, m, 2).sum(2).T @ By.T,
            ny.reshape(-1, m, 2).sum(2).T @ Bx.T,
            nc.reshape(m, 2, m, 2).sum((1, 3)),
        ]
        # A product of two lines is a solution without a source if c = 0: its norm is zero.
        shares = [total / norm.size / np.where(norm > 0.0, norm, 1.0) for norm in norms]
        if self.rows is not None:
            # Values on the edges say how large the weights of order 0 are.
            size = sum(float((row**2).sum()) for row in self.rows)
            size = max(size, model.edge_noise * sum(row.size for row in self.rows))
            step = (model.steps[1], model.steps[0])
            for j, bumps in ((1, By), (2, Bx)):
                shares[j][0] = size * step[j - 1] / bumps.sum(1) / bumps.shape[0] / 4.0
            shares[3][0, 0] = size / sum(row.size for row in self.rows)
        theta = np.log(np.concatenate([share.ravel() for share in shares]))
        bounds = [(value - 40.0, value + 8.0) for value in theta]
        if self.learns:
            theta = np.append(theta, math.log(self._rough_noise()))
            bounds.append((math.log(_LEAST_NOISE), math.log(4.0)))
        # Were every bound finite, the first step of L-BFGS-B would go as far as they are.
        bounds[-1] = (bounds[-1][0], None)
        return theta, bounds

    def _rough_noise(self):
        """Noise variance from the waves shorter than any component along both axes."""
        beyond = [
            max(min(int(c[-1] * L / np.pi), int(0.8 * n)), 1)
            for c, L, n in zip(self.centres, self.lengths, self.model.shape, strict=True)
        ]
        corner = self.data[beyond[0] :, beyond[1] :]
        # Of the square of a normal variable the median is 0.455 of the mean.
        return float(np.clip(np.median(corner**2) / 0.455, 1e-12, 1.0))

    def prepare(self):
        """Find the spectral components of both axes."""
        self.centres, self.widths, self.bumps = [], [], []
        for Y, length in ((self.Y.T, self.lengths[0]), (self.Y, self.lengths[1])):
            centres, widths, bumps = _spectral_bumps(Y)
            self.centres.append(centres / length)
            self.widths.append(widths / length)
            self.bumps.append(bumps)

    def _iterations(self):
        """How many steps of the search may be taken, each of O(n³) for n profiles of face modes."""
        n = self.model.n_profiles * max(np.count_nonzero(rows.any(0)) for rows in self.bumps)
        return int(np.clip(_OPERATIONS / (4.0 * n**3), _LEAST_ITERATIONS, _MAX_ITERATIONS))

    def _search(self, theta, bounds):
        """L-BFGS until several steps together gain next to nothing; a single one may be short."""
        values: list = []

        def done():
            recent = values[-1 - _RECENT :]
            gain = max(_GAIN, 1e-5 * abs(values[-1]))
            return len(recent) > _RECENT and recent[0] - recent[-1] < gain

        def look(intermediate_result):
            values.append(float(intermediate_result.fun))
            if done():
                raise StopIteration

        result = optimize.minimize(
            self.objective,
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=look,
            options={"maxiter": self._iterations(), "maxcor": 20, "ftol": 1e-12, "gtol": 1e-4},
        )
        result.success = bool(result.success) or done()
        return result

    def _warn(self, solution):
        if not solution.accurate:
            warnings.warn(
                "the data fix so much that rounding takes digits of the standard deviations, and "
                "a factorisation that keeps them takes too long for this grid; give a coarser "
                "one, or solve the equation of exact data with its source in it, fit().",
                ConvergenceWarning,
                stacklevel=4,
            )
        if self.learns and 0.0 < solution.v < _NEARLY_EXACT and self.Y.any():
            warnings.warn(
                f"the learned noise is {math.sqrt(solution.v):.1e} of the data, which are next to "
                "exact: standard deviations then rest on the prior alone, and 95 % intervals "
                "have been seen to cover no more than half. State the noise by alpha, or give "
                "the equation its source and solve it, fit().",
                ConvergenceWarning,
                stacklevel=4,
            )
            return
        if not self.learns and self.alpha < _NEARLY_EXACT:
            return
        freedom = float((solution.S * self.model.d**2 * solution.ic).sum()) + len(solution.R)
        rest = sine_transform(solution.cells * solution.ic, axes=(0, 1)).ravel()
        index = np.arange(rest.size).reshape(self.model.shape)
        pairs = [(index[:-1].ravel(), index[1:].ravel())]
        pairs += [(index[:, :-1].ravel(), index[:, 1:].ravel())]
        found = neighbour_correlation(rest, pairs, freedom)
        warn_of_misfit(solution.v if self.learns else None, *found, stacklevel=4)

    def fit(self):
        self.prepare()
        theta, bounds = self.start()
        result = self._search(theta, bounds)
        if not result.success:
            warnings.warn(
                "the search for the evidence's maximum stopped early "
                f"({result.message}); the posterior is that of the best prior found.",
                ConvergenceWarning,
                stacklevel=3,
            )
        solution, beta = self._solution(result.x)
        self._warn(solution)
        frame = GridFrame(self.low, self.lengths, self.unit, self.model, self.lift)
        weights = self.unit**2 * self._split(np.exp(result.x))[0]
        components = (self.centres, self.widths, weights)
        return GridPosterior(frame, solution, beta, self.scale, components, self.bumps, result)

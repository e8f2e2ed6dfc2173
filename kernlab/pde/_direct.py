"""The Gaussian process whose posterior mean a direct solve of an equation with exact data is."""

import numpy as np

from kernlab.linalg import apply_along_axes
from kernlab.pde._adaptive import lines_along
from kernlab.pde._blocks import (
    MOST_COUPLED,
    BlockPosterior,
    FieldCovariance,
    Layout,
    block_matrices,
    coupled_axes,
)
from kernlab.pde._discretization import Discretization
from kernlab.pde._mixture import SPREAD, FittedMixture, axis_frequencies
from kernlab.pde._prior import FittedPrior, TensorFeatures

# Standard deviation of the noise of data that are exact, relative to their size.
NOMINAL = 1e-9


class AxisFunctions:
    """The functions of an axis, as features: see ``TensorFeatures``."""

    def __init__(self, axis):
        self._axis, self.n_features = axis, axis.n

    def features(self, x, order=0):
        """Derivatives at points, (n, n_features)."""
        return self._axis.factor.features(x, order) @ self._axis.basis


class DirectPosterior:
    """Gaussian process conditioned on an equation with exact data.

    A priori u = lift + Σ c_I φ_I with the products φ_I of the axes' functions, which satisfy the
    homogeneous conditions, and independent c_I ~ N(0, s_I). Along each axis s is a spectral mixture
    of a trend, of octaves, and of the lines found in the data, each a bump at its frequency; the
    weights of their products maximise the evidence. The equation, integrated against orthonormal
    tests, is observed with white noise of relative standard deviation 10⁻⁹ (``NOMINAL``) of the
    source at each node. A nonlinear equation is linearised at its solution: the covariance is then
    Laplace's approximation. The covariance says what the nominal noise leaves open under the
    prior, nothing of the error of discretisation.

    Parameters
    ----------
    solution : DirectSolution
    spectra : sequence of {'gaussian', 'student-t'}
        Shapes that the lines of the prior may have; that of more evidence is taken.
    random_state : int, RandomState instance or None, default=None
        Seeds the lines of the box along which the data are examined.
    relative_noise : float, default=None
        Another standard deviation of the noise. The mean is then that of this Gaussian process;
        by default it is the solver's, which is the limit of no noise.

    Attributes
    ----------
    kernel : FittedPrior, or list of one for each field of a system
        Covariance of u - lift.
    lines : list of arrays
        Angular frequencies found in the data along each coordinate.
    noise : float, or array of shape (n_equations,)
        Variance of the noise of the equation's integrals against the tests.
    log_evidence : float
        Logarithm of the density of these integrals.
    params : dict
        Empty: no scalar is unknown.

    Notes
    -----
    With N functions in all: where no axis couples functions (even derivatives with constant
    coefficients and a condition at each end, or none on a period) O(N) for the posterior beside
    the fit of the weights, and a standard deviation on a grid costs as much as the mean. With m
    coupled functions, all those of axes such as time, O(N m²); m is N for variable coefficients,
    nonlinear equations and systems. At most m = 2500.
    """

    def __init__(self, solution, *, spectra=tuple(SPREAD), random_state=None, relative_noise=None):
        self._spectra = spectra
        disc = solution.discretization
        # Alone on its axis a function is solved for in combinations that are not orthonormal, and
        # after a start with value and rate as a system of first order.
        axes = [axis for space in disc.spaces.values() for axis in space.axes]
        self._is_remade = len(disc.factors) == 1 or any(axis.rate is not None for axis in axes)
        if self._is_remade:
            disc = Discretization(disc.pde, disc.factors, diagonalise=True, by_rate=False)
        self._solution, self._disc = solution, disc
        self._spaces = list(disc.spaces.values())
        self._keeps_mean = relative_noise is None
        self.lines = _lines(disc, random_state)
        self.params: dict = {}
        self._layout = Layout([space.shape for space in self._spaces], coupled_axes(disc))
        self._observe(NOMINAL if relative_noise is None else relative_noise)
        self._condition()

    def _observe(self, relative_noise):
        """The linearised equation as rows, in units of the coefficients' size."""
        disc, layout = self._disc, self._layout
        if self._is_remade:
            pairs = zip(self._spaces, self._solution.raws, strict=True)
            found = [space.coefficients(raw) for space, raw in pairs]
        else:
            found = self._solution.coefficients
        self.scale = max(float(np.max(np.abs(c), initial=0.0)) for c in found) or 1.0
        jacobian = disc.linearise(found)
        right = jacobian.apply(found)
        if self._is_remade:
            # The last digits of coefficients that were carried over are not those of the data.
            right = [a - b for a, b in zip(right, disc.residual(found), strict=True)]
        right = [r / self.scale for r in right]
        self._noise = relative_noise**2 * np.array(
            [self._square_of_data(i, r) for i, r in enumerate(right)]
        )
        self._target = layout.split(right)
        self._row_noise = np.repeat(self._noise, np.diff(layout.edges))
        self._matrices: np.ndarray | None = None
        if layout.is_small:
            self._matrices = block_matrices(disc, jacobian, layout)
            coefficients, background = self._invert(self._matrices)
        else:
            coefficients = layout.split([c / self.scale for c in found])
            background = self._guess_background(jacobian, coefficients)
        self._coefficients, self._background = coefficients, background

    def _square_of_data(self, i, right):
        """Mean square at a node of what an equation's solution answers to, as integrated."""
        volume, n_nodes = np.prod(self._disc.pde.box.lengths), np.prod(self._disc.n_nodes)
        source = self._disc.source_size(i) / self.scale
        return (max(np.sum(right**2), source**2 * volume) or 1.0) / n_nodes

    def _invert(self, matrices):
        """Coefficients that the rows alone give, and the variance of their noise."""
        if self._layout.width == 1:
            eigenvalues = matrices[:, :, 0]
            return self._target / eigenvalues, self._row_noise / eigenvalues**2
        inverse = np.linalg.inv(matrices)
        coefficients = (inverse @ self._target[:, :, None])[:, :, 0]
        return coefficients, inverse**2 @ self._row_noise

    def _guess_background(self, jacobian, coefficients):
        """The same variance from the nearest separable operator."""
        parts = []
        for space, solver, v in zip(self._spaces, jacobian.separable(), self._noise, strict=True):
            gain = solver.solve(np.ones(space.shape)) if solver.is_diagonal else None
            parts.append(np.full(space.shape, NOMINAL**2) if gain is None else v * gain**2)
        return self._layout.split(parts)

    def _condition(self):
        layout = self._layout
        arrays = layout.join(self._coefficients), layout.join(self._background)
        self.mixtures = [
            FittedMixture(space.axes, self.lines, c, b, self._spectra)
            for space, c, b in zip(self._spaces, *arrays, strict=True)
        ]
        box = self._disc.pde.box
        kernels = [
            FittedPrior(
                TensorFeatures([AxisFunctions(axis) for axis in space.axes]),
                self.scale**2 * mixture.variances.ravel(), box.low, box.high,
                mixture.describe(self.scale),
            )
            for space, mixture in zip(self._spaces, self.mixtures, strict=True)
        ]  # fmt: skip
        self.kernel = kernels[0] if len(kernels) == 1 else kernels
        self._check = kernels[0].check
        noise = self.scale**2 * self._noise
        self.noise = float(noise[0]) if len(noise) == 1 else noise
        self._raws = list(self._solution.raws)
        self._fields: list | None = None
        if self._matrices is None:
            return
        variances = layout.split([mixture.variances for mixture in self.mixtures])
        posterior = BlockPosterior(self._matrices, self._target, self._row_noise, variances)
        self._matrices = None
        self._log_evidence = posterior.log_evidence - self._target.size * np.log(self.scale)
        self._fields = [
            FieldCovariance(space.axes, layout, posterior.spread[:, :, start:stop])
            for space, start, stop in zip(
                self._spaces, layout.edges[:-1], layout.edges[1:], strict=True
            )
        ]
        if not self._keeps_mean:
            lost = layout.join(self.scale * (self._coefficients - posterior.mean))
            for i, (space, c) in enumerate(zip(self._spaces, lost, strict=True)):
                self._raws[i] = self._raws[i] - _raw(space, c)

    def _require(self):
        if self._fields is None:
            raise ValueError(
                f"the equation couples {self._layout.width} unknowns, and standard deviations, "
                f"covariances, draws and the evidence need at most {MOST_COUPLED} of them: ask for "
                "the mean alone, or solve with a larger tol or a smaller max_points."
            )
        return self._fields

    @property
    def log_evidence(self):
        """Logarithm of the density of the equation's integrals against the tests."""
        self._require()
        return self._log_evidence

    def spectrum(self, axis):
        """What the functions of one axis have of the (first) field's root mean square.

        Returns
        -------
        frequencies : array of shape (n,)
        sizes : array of shape (n,)
        """
        space = self._spaces[0]
        c = np.moveaxis(self._layout.join(self._coefficients)[0], axis, 0)
        size = np.sqrt(np.sum(c.reshape(len(c), -1) ** 2, axis=1))
        volume = np.prod(self._disc.pde.box.lengths)
        return axis_frequencies(space.axes[axis]), self.scale * size / np.sqrt(volume)

    def predict(self, X, return_std=False, return_cov=False):
        """Posterior mean of u, with its standard deviation or covariance.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points in the box, columns in its order.
        return_std, return_cov : bool, default=False
            At most one of them.

        Returns
        -------
        mean : array of shape (n,), or (n, n_fields) for a system
        std : array of the same shape, or cov : array of shape (n, n)
            (n, n, n_fields) for a system: of each field with itself.

        Raises
        ------
        ValueError
            If X is no finite array of points of the box, or a deviation or covariance is asked for
            and the equation couples more than 2500 unknowns.
        """
        if return_std and return_cov:
            raise ValueError("return_std and return_cov must not both be true.")
        X = self._check(X)
        mean = _stack([s.evaluate(raw, X) for s, raw in zip(self._spaces, self._raws, strict=True)])
        if return_std:
            parts = [self.scale * np.sqrt(field.variance(X)) for field in self._require()]
        elif return_cov:
            parts = [self.scale**2 * field.covariance(X) for field in self._require()]
        else:
            return mean
        return mean, _stack(parts)

    def predict_grid(self, axes, return_std=False):
        """Posterior mean, and standard deviation, on the grid of ``axes``, one array each."""
        axes = [np.asarray(values, dtype=float) for values in axes]
        self._check(np.array([[x.min() for x in axes], [x.max() for x in axes]]))
        mean = _stack(
            [s.evaluate_grid(raw, axes) for s, raw in zip(self._spaces, self._raws, strict=True)]
        )
        if not return_std:
            return mean
        # Products of tables may leave less than nothing where the variance is zero.
        parts = [
            self.scale * np.sqrt(np.maximum(field.variance_grid(axes), 0.0))
            for field in self._require()
        ]
        return mean, _stack(parts)

    def sample(self, X, n_samples=1, rng=None):
        """Joint draws of u at X, shape (n, n_samples), or (n, n_fields, n_samples)."""
        X, fields, rng = self._check(X), self._require(), np.random.default_rng(rng)
        mean = self.predict(X)
        draws = np.empty((*mean.shape, n_samples))
        for k in range(n_samples):
            noise = rng.standard_normal((self._layout.n_blocks, self._layout.width))
            moves = self._layout.join(np.hstack([field.draw(noise) for field in fields]))
            parts = [
                space.evaluate(_raw(space, c), X)
                for space, c in zip(self._spaces, moves, strict=True)
            ]
            draws[..., k] = mean + self.scale * _stack(parts)
        return draws


def _lines(discretization, random_state):
    """Frequencies of the lines of the data along each axis; not searched for again where known."""
    found = []
    for d, factor in enumerate(discretization.factors):
        if hasattr(factor, "lines"):
            found.append(np.asarray(factor.lines))
            continue
        # The nodes resolve the data, which the prior need know no better than their noise.
        n = int(np.clip(4 * len(factor.nodes), 256, 8192))
        options = {"n_samples": n, "max_samples": n, "tol": NOMINAL}
        found.append(lines_along(discretization.pde, d, random_state, **options).frequencies)
    return found


def _stack(parts):
    return parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)


def _raw(space, c):
    """Raw coefficients of a function that satisfies the homogeneous conditions."""
    return apply_along_axes([axis.basis for axis in space.axes], c)

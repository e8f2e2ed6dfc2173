"""Posterior of the paper's model: its mean off the grid, and the variance that the paper lacks."""

from functools import reduce

import numpy as np

from kernlab.pde._prior import AxisMixture, FittedPrior, TensorFeatures, row_products
from kernlab.pde._weights import Posterior

# A component whose weight is below this part of the largest is pruned.
PRUNED = 1e-6
# √(variance) of the density of a line of unit width: the length over which an envelope stays alike
# is the inverse.
_SPREAD = {"gaussian": 1.0, "student-t": np.sqrt(5.0 / 3.0)}
_CHUNK = 1024


class Stage:
    """One fitted kernel and the most probable solution under it, in NumPy.

    Given the parameters ``Z`` is Gaussian about the mode with the precision ``RᵀR`` of the inner
    least-squares problem, and ``u`` given ``Z`` is the Gaussian process conditioned on the grid.

    Parameters
    ----------
    model : MapModel
    theta : array
        Its parameters.
    """

    def __init__(self, model, theta):
        roots = model.roots(theta)
        mixtures, log_tau, log_v = model.unpack(np.asarray(theta))
        self.mode = model.mode(roots, log_tau, log_v)
        problem = model.problem
        self.axes, self.scale = model.axes, problem.scale
        self.noise = problem.equation_scale**2 * float(np.exp(-log_v))
        self.mixing = [root.mixing() for root in roots]
        self.weights = [np.exp(weights) for weights, _, _ in mixtures]
        self.widths = [np.exp(widths) for _, widths, _ in mixtures]
        self.frequencies = [places.copy() for _, _, places in mixtures]

    @property
    def lengths(self):
        """Lengths of the components' envelopes: per axis, shape (n_components,)."""
        return [
            1.0 / (_SPREAD[axis.spectrum] * width)
            for axis, width in zip(self.axes, self.widths, strict=True)
        ]

    def prior(self):
        """The fitted kernel as a :class:`FittedPrior`."""
        variances = [deviations**2 for deviations, _, _ in self.mixing]
        totals = [weight.sum() for weight in self.weights]
        mixtures = []
        for k, axis in enumerate(self.axes):
            others = np.prod([total for j, total in enumerate(totals) if j != k])
            weights = self.scale**2 * others * self.weights[k]
            mixtures.append(
                AxisMixture(self.frequencies[k], weights, self.lengths[k], axis.spectrum)
            )
        return FittedPrior(
            TensorFeatures(self.axes),
            self.scale**2 * reduce(np.kron, variances),
            [axis.low for axis in self.axes],
            [axis.high for axis in self.axes],
            mixtures,
        )

    def _amplitudes(self, axis, x, order=0):
        return self.axes[axis].features(x, order) * self.mixing[axis][0]

    def _conditional(self, axis, x, order=0):
        """Rows that take ζ to the conditional mean of a derivative at ``x``: (n, n_nodes)."""
        return self._amplitudes(axis, x, order) @ self.mixing[axis][1]

    def mean(self, X, orders=None):
        """Derivative of the mean at the rows of X, shape (n,)."""
        orders = (0,) * len(self.axes) if orders is None else orders
        parts = []
        for start in range(0, len(X), _CHUNK):
            rows = X[start : start + _CHUNK]
            blocks = [self._conditional(k, rows[:, k], m) for k, m in enumerate(orders)]
            value = blocks[0] @ self.mode.z
            parts.append(value if len(blocks) == 1 else (value * blocks[1]).sum(axis=1))
        return self.scale * np.concatenate([*parts, []])

    def on_grid(self, axes, orders=None):
        """Derivative of the mean on the grid of ``axes``."""
        orders = (0,) * len(self.axes) if orders is None else orders
        blocks = [self._conditional(k, x, orders[k]) for k, x in enumerate(axes)]
        value = blocks[0] @ self.mode.z
        return self.scale * (value if len(blocks) == 1 else value @ blocks[1].T)

    def _split(self, axis, x):
        """Features of an axis's kernel at ``x``: what ``Z`` determines, and all the rest."""
        amplitudes = self._amplitudes(axis, x)
        _, q, nugget = self.mixing[axis]
        known = amplitudes @ q
        # I - Q₁Q₁ᵀ as a sum of squares, so that no digits cancel: Q = [Q₁; Q₂] is orthonormal.
        rest = [amplitudes - known @ q.T, known @ nugget.T]
        if len(self.axes) > 1:
            basis = self.mode.bases[axis]
            inside = known @ basis
            rest.append(known - inside @ basis.T)
            known = inside
        return known, np.hstack(rest)

    def spread(self, X):
        """Per axis (known, rest) features at X, and V with VᵀV the variance that ``Z`` brings."""
        parts = [self._split(k, X[:, k]) for k in range(len(self.axes))]
        known = row_products([part[0] for part in parts])
        return parts, self.mode.triangle.spread(known)

    def covariance(self, X):
        """Posterior covariance at the rows of X, shape (n, n)."""
        parts, v = self.spread(X)
        explained, rest = np.ones((len(X), len(X))), np.zeros((len(X), len(X)))
        for known, other in parts:
            own = known @ known.T
            rest = rest * own + (explained + rest) * (other @ other.T)
            explained = explained * own
        return self.scale**2 * (v.T @ v + rest)

    def variance(self, X):
        """Posterior variance at the rows of X, shape (n,)."""
        pieces = []
        for start in range(0, len(X), _CHUNK):
            parts, v = self.spread(X[start : start + _CHUNK])
            explained, rest = np.ones(v.shape[1]), np.zeros(v.shape[1])
            for known, other in parts:
                own = (known**2).sum(axis=1)
                rest = rest * own + (explained + rest) * (other**2).sum(axis=1)
                explained = explained * own
            pieces.append((v**2).sum(axis=0) + rest)
        return self.scale**2 * np.concatenate([*pieces, []])


class SummedPrior:
    """Covariance of a sum of independent processes, as of a mixture and a trend."""

    def __init__(self, priors):
        self.priors = list(priors)
        self.low, self.high, self.check = priors[0].low, priors[0].high, priors[0].check
        self.axes = [
            AxisMixture(
                np.concatenate([axis.frequencies for axis in parts]),
                np.concatenate([axis.weights for axis in parts]),
                np.concatenate([axis.scales for axis in parts]),
                parts[0].spectrum,
            )
            for parts in zip(*(prior.axes for prior in priors), strict=True)
        ]

    def __call__(self, X, Y=None):
        """Covariance matrix of u at X and Y, shape (len(X), len(Y)); Y is X by default."""
        return sum(prior(X, Y) for prior in self.priors)

    def diag(self, X):
        """Variance of u at X, shape (len(X),)."""
        return sum(prior.diag(X) for prior in self.priors)


class MapPosterior(Posterior):
    """Solution by the paper's method; what :func:`fit_map` returns.

    Standard deviations and covariances are those of u given the parameters that maximise the joint
    density, with the learned noise of equation and conditions: data uncertainty, no estimate of a
    discretisation's error. For a nonlinear equation they are those of its linearisation at the
    mode; with a trend, variances of mixture and trend add, which is cautious.

    Attributes
    ----------
    kernel : FittedPrior or SummedPrior
        The fitted prior.
    objective : float
        The negative log joint density at its minimum, up to a constant.
    log_evidence : float
        Log marginal density of the data at these parameters, by Laplace where not linear. The
        conditions count 200 times, as the paper has them.
    noise : float
        Variance of the equation's residual, in its squared units.
    params : dict
        Empty: the method infers no unknowns.
    weights_, frequencies_, scales_ : list of arrays of shape (n_components,)
        Per axis the components' weights, angular frequencies (radians per unit) and lengths over
        which their envelopes stay alike. A product of kernels has no scale of its own per axis:
        weights count relative to each other.
    pruned_ : list of arrays of bool
        Per axis, components of less than 1e-6 of the largest weight.
    residual : float
        Root mean square of the residual at random points off the grid, or of the conditions'
        misfit if that is more, relative to the source and the solution.
    n_points : tuple of int
        Nodes of each axis.
    n_evaluations : int
        Evaluations of the objective.
    """

    def __init__(self, stages, *, objective, residual, n_evaluations):
        self.stages = stages
        first, last = stages[0], stages[-1]
        priors = [stage.prior() for stage in stages]
        super().__init__(
            priors[0] if len(priors) == 1 else SummedPrior(priors),
            None,
            log_evidence=last.mode.log_evidence,
            noise=last.noise,
            params={},
        )
        self.objective, self.residual, self.n_evaluations = objective, residual, n_evaluations
        self.n_points = tuple(len(axis.nodes) for axis in first.axes)
        self.weights_, self.frequencies_ = first.weights, first.frequencies
        self.scales_ = first.lengths
        self.pruned_ = [weights < PRUNED * weights.max() for weights in first.weights]

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
        mean : array of shape (n,)
        std or cov : array of shape (n,) or (n, n)
        """
        if return_std and return_cov:
            raise ValueError("return_std and return_cov must not both be true.")
        X = self.kernel.check(X)
        mean = sum(stage.mean(X) for stage in self.stages)
        if return_cov:
            return mean, sum(stage.covariance(X) for stage in self.stages)
        if return_std:
            return mean, np.sqrt(sum(stage.variance(X) for stage in self.stages))
        return mean

    def predict_grid(self, axes, return_std=False):
        """Posterior mean, and standard deviation, on the grid of ``axes``, one array each.

        The mean costs products of one axis's factors only.
        """
        if return_std:
            return super().predict_grid(axes, return_std=True)
        axes = [np.asarray(x, dtype=float) for x in axes]
        return sum(stage.on_grid(axes) for stage in self.stages)

    def sample(self, X, n_samples=1, rng=None):
        """Joint draws of u at X from the posterior, shape (n, n_samples)."""
        mean, cov = self.predict(X, return_cov=True)
        sizes, directions = np.linalg.eigh(cov)
        noise = np.random.default_rng(rng).standard_normal((len(mean), n_samples))
        return mean[:, None] + (directions * np.sqrt(np.maximum(sizes, 0.0))) @ noise

"""Weight-space Gaussian process: posterior and evidence by QR, never by a Gram matrix.

With u = Σ w_i φ_i, w ~ N(0, diag(λ)) and rows y = A w + e, e ~ N(0, v), everything follows from
QR of [B; I], B = v^-½ A λ^½. The mean, the covariance and the evidence are those of the dense
Gaussian process with k = Φ diag(λ) Φᵀ, and keep their digits where its Cholesky factor fails.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

LOG_2PI = np.log(2 * np.pi)


@dataclass
class Group:
    """Rows that share one noise variance v.

    Parameters
    ----------
    matrix : array of shape (n, n_features)
    target : array of shape (n,)
    relative : array of shape (n,), default=None
        Standard deviation of each row's noise relative to √v; ones by default.
    """

    matrix: np.ndarray
    target: np.ndarray
    relative: np.ndarray | None = None


@dataclass
class Solved:
    """Factors of one posterior: whitened rows B, t; thin QR of [B; I]; weights z of λ^½.

    ``shifts`` of shape (n_features, n_unknowns) says how the mean of the weights moves with
    scalars that are themselves uncertain, to first order and per standard deviation.
    """

    root: np.ndarray
    rows: np.ndarray
    target: np.ndarray
    q_top: np.ndarray
    triangle: np.ndarray
    weights: np.ndarray
    rest: np.ndarray
    shifts: np.ndarray | None = None

    def mean(self, features):
        """Posterior mean of rows of features, shape (n,)."""
        return (features * self.root) @ self.weights

    def spread(self, features):
        """V with posterior covariance VᵀV, one column for each row of features."""
        spread = solve_triangular(self.triangle, (features * self.root).T, trans="T")
        return spread if self.shifts is None else np.vstack([spread, (features @ self.shifts).T])

    def draw(self, features, n_samples, rng):
        """Draws of the posterior, shape (n, n_samples)."""
        noise = rng.standard_normal((len(self.weights), n_samples))
        weights = self.weights[:, None] + solve_triangular(self.triangle, noise)
        draws = (features * self.root) @ weights
        if self.shifts is not None:
            moves = rng.standard_normal((self.shifts.shape[1], n_samples))
            draws += features @ (self.shifts @ moves)
        return draws


class Observations:
    """Rows in groups of equal noise, those of the smallest noise first.

    Parameters
    ----------
    groups : list of Group
    compress : bool, default=True
        Replace a group of more rows than features once by the triangle of its QR, which carries
        all that the likelihood needs.
    """

    def __init__(self, groups, *, compress=True):
        self.groups: list = []
        self.log_scale, counts = 0.0, []
        for group in groups:
            matrix, target = group.matrix, group.target
            counts.append(len(target))
            if group.relative is not None:
                matrix, target = matrix / group.relative[:, None], target / group.relative
                self.log_scale += np.log(group.relative).sum()
            n, p = matrix.shape
            if compress and n > p + 1:
                triangle: Any = np.linalg.qr(np.column_stack([matrix, target]), mode="r")
                matrix, target = triangle[:, :p], triangle[:, p]
            self.groups.append((matrix, target))
        self.counts = np.array(counts, dtype=int)
        self.edges = np.cumsum([0] + [len(target) for _, target in self.groups])

    def joined(self, other):
        """These groups, then the other's, without looking at any row again."""
        both = Observations([])
        both.groups = self.groups + other.groups
        both.counts = np.concatenate([self.counts, other.counts])
        both.log_scale = self.log_scale + other.log_scale
        both.edges = np.concatenate([self.edges, self.edges[-1] + other.edges[1:]])
        return both

    def without_last(self):
        """All groups but the last, which alone may have noise that differs from row to row."""
        part = Observations([])
        part.groups, part.counts, part.edges = self.groups[:-1], self.counts[:-1], self.edges[:-1]
        return part

    def solve(self, log_variance, log_noise):
        """Posterior at log prior variances (n_features,) and log noise variances (n_groups,)."""
        root = np.exp(0.5 * np.asarray(log_variance))
        scales = np.exp(-0.5 * np.asarray(log_noise))
        pairs = list(zip(self.groups, scales, strict=True))
        rows = np.vstack([scale * matrix for (matrix, _), scale in pairs]) * root
        target = np.concatenate([scale * target for (_, target), scale in pairs])
        n = len(target)
        q, triangle = np.linalg.qr(np.vstack([rows, np.eye(len(root))]))
        weights = solve_triangular(triangle, q[:n].T @ target)
        # One step of refinement: rows of tiny noise are a million times the others.
        rest = q[:n].T @ (target - rows @ weights) - q[n:].T @ weights
        weights = weights + solve_triangular(triangle, rest)
        return Solved(root, rows, target, q[:n], triangle, weights, target - rows @ weights)

    def log_evidence(self, solved, log_noise):
        """Logarithm of the marginal likelihood, a float."""
        fit = solved.rest @ solved.rest + solved.weights @ solved.weights
        log_det = np.log(np.abs(np.diag(solved.triangle))).sum()
        noise = 0.5 * self.counts @ np.asarray(log_noise) + self.log_scale
        return -0.5 * fit - log_det - noise - 0.5 * self.counts.sum() * LOG_2PI

    def evidence(self, log_variance, log_noise, operators=()):
        """Log evidence with its gradients.

        Parameters
        ----------
        log_variance : array of shape (n_features,)
        log_noise : array of shape (n_groups,)
        operators : sequence of lists
            For each parameter of the rows, their derivatives: per group an array of the shape of
            its matrix, a pair of this and the derivative of its target, or None. Groups must then
            not have been compressed.

        Returns
        -------
        value : float
        by_log_variance, by_log_noise, by_operator : arrays
            Gradients, of shapes (n_features,), (n_groups,), (len(operators),).
        """
        solved = self.solve(log_variance, log_noise)
        value = self.log_evidence(solved, log_noise)
        inverse = solve_triangular(solved.triangle, np.eye(len(solved.weights)))
        by_variance = 0.5 * (solved.weights**2 + (inverse**2).sum(axis=1) - 1)
        leverage = np.add.reduceat((solved.q_top**2).sum(axis=1), self.edges[:-1])
        squares = np.add.reduceat(solved.rest**2, self.edges[:-1])
        by_noise = 0.5 * (squares - (self.counts - leverage))
        by_operator = np.array(
            [self._by_operator(solved, log_noise, parts, inverse) for parts in operators]
        )
        return value, by_variance, by_noise, by_operator

    def _by_operator(self, solved, log_noise, parts, inverse):
        total = 0.0
        for start, stop, log_v, part in zip(
            self.edges[:-1], self.edges[1:], log_noise, parts, strict=True
        ):
            if part is None:
                continue
            matrix, target = part if isinstance(part, tuple) else (part, None)
            rows = matrix * (solved.root * np.exp(-0.5 * log_v))
            rest, q = solved.rest[start:stop], solved.q_top[start:stop]
            total += rest @ (rows @ solved.weights) - ((q @ inverse.T) * rows).sum()
            if target is not None:
                total -= rest @ target * np.exp(-0.5 * log_v)
        return total


class Posterior:
    """Gaussian process that has seen its data; what :func:`assimilate` returns.

    Standard deviations and covariances are of u given the data and the equation, not estimates of
    a discretisation's error.

    Attributes
    ----------
    kernel : FittedPrior
        The prior, its hyperparameters fitted.
    log_evidence : float
        Logarithm of the marginal likelihood of all rows, exact ones with their tiny noise included.
    noise : float or array
        Noise variance of the data.
    params : dict of str to (float, float)
        Mean and standard deviation of each unknown scalar.
    """

    def __init__(self, kernel, solved, *, scale=1.0, log_evidence, noise, params):
        self.kernel, self._solved, self._scale = kernel, solved, scale
        self.log_evidence, self.noise, self.params = log_evidence, noise, params

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
        features = self.kernel.basis.features(self.kernel.check(X))
        mean = self._scale * self._solved.mean(features)
        if not (return_std or return_cov):
            return mean
        spread = self._scale * self._solved.spread(features)
        if return_cov:
            return mean, spread.T @ spread
        return mean, np.sqrt((spread**2).sum(axis=0))

    def predict_grid(self, axes, return_std=False):
        """Posterior mean, and standard deviation, on the grid of ``axes``, one array each."""
        mesh = np.meshgrid(*axes, indexing="ij")
        shape = mesh[0].shape
        points = np.stack([part.ravel() for part in mesh], axis=1)
        # A few thousand points at a time: rows of all features at once may not fit in memory.
        parts = [
            self.predict(points[i : i + 4096], return_std=return_std)
            for i in range(0, len(points), 4096)
        ]
        if not return_std:
            return np.concatenate(parts).reshape(shape)
        mean, std = (np.concatenate(part).reshape(shape) for part in zip(*parts, strict=True))
        return mean, std

    def sample(self, X, n_samples=1, rng=None):
        """Joint draws of u at X from the posterior, shape (n, n_samples)."""
        features = self.kernel.basis.features(self.kernel.check(X))
        return self._scale * self._solved.draw(features, n_samples, np.random.default_rng(rng))

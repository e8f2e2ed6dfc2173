"""Grids with many cells missing and many observed: conjugate gradients and random signs.

W keeps the observed cells of the grid and makes the others zero, V = W / v. In the eigenbasis
    A = 1 + Λ½ Qᵀ V Q Λ½,     log|C_oo| = n_o log v + log|A|,     Qᵀ G Q = V̂ - V̂ Λ½ A⁻¹ Λ½ V̂,
where V̂ = Qᵀ V Q; also Λ½ Qᵀ G Q = A⁻¹ Λ½ V̂, whose errors no difference magnifies. Every product
with A costs two rotations. `_kronecker_precondition` has M = R Rᵀ
close to A, for cells missing at random its diagonal alone: Ã = R⁻¹ A R⁻ᵀ has eigenvalues near one
however small the noise. With random signs z of the cells
    log|A| = log|M| + E[zᵀ (log Ã - (Ã - 1)) z],
for the trace of Ã - 1 is zero; most of the variance goes with it. The quadratic form is that of the
tridiagonal matrix which conjugate gradients leave behind. The derivative by the same signs is
    d log|A| = tr M⁻¹ dM + E[zᵀ (Ã⁻¹ - 1) dÃ z],
where a change of a kernel enters through the symmetric root of its matrix, L = Λ½:
dA = dL V̂ L + L V̂ dL with dL_kl = dK_kl / (√λ_k + √λ_l) on its axis.
"""

# References: Wilson, Gilboa, Nehorai, Cunningham, *Fast kernel learning for multidimensional
# pattern extrapolation*, NeurIPS 2014 (conjugate gradients on partial grids); Ubaru, Chen, Saad,
# *Fast estimation of tr(f(A)) via stochastic Lanczos quadrature*, SIAM J. Matrix Anal. Appl. 2017;
# Gardner et al., *GPyTorch*, NeurIPS 2018 (the tridiagonal matrix out of conjugate gradients).

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from sklearn.exceptions import ConvergenceWarning

from kernlab._core.namespace import from_numpy, scalar, to_numpy
from kernlab.gp._kronecker_missing import ObservedRoot
from kernlab.gp._kronecker_model import (
    Solution,
    in_chunks,
    log_normal,
    outer,
    point_by_point,
    row_products,
)
from kernlab.gp._kronecker_precondition import Preconditioner

# Relative residuals of solves, and of those for random probes; and how
# many times as much rounding may leave.
_TOL, _PROBE_TOL = 1e-12, 1e-6
_ACCEPTED = 10
_MAX_ITER = 1000
# Observed cells up to which their matrix is factorised for standard deviations, and how many of
# them for each point asked for make that faster than a solve for every point.
DIRECT, _PER_POINT = 6000, 20


@dataclass
class Iterative(Solution):
    """Many of both: conjugate gradients, and log|C_oo| with its gradient by random signs."""

    system: Any
    probes: Any
    direct: Any = None

    def __getstate__(self):
        # Up to 288 MB, and soon found again.
        return {**self.__dict__, "direct": None}

    @classmethod
    def solve(cls, covariance, z, mask, *, n_probes, seed):
        system = _System(covariance, mask)
        n_observed = int(scalar(covariance.xp.sum(system.mask)))
        alpha, fit = system.solve_data(z)
        probes = system.probe(n_probes, seed)
        log_det, error = system.log_det(probes)
        return cls(
            covariance,
            alpha,
            None,
            None,
            None,
            log_likelihood=log_normal(fit, log_det, n_observed),
            error=0.5 * error,
            n_observed=n_observed,
            fit=fit,
            noise=covariance.noise,
            jitter=covariance.jitter,
            system=system,
            probes=probes,
        )

    def axis_sensitivity(self, axis):
        grid = self.covariance
        inner = to_numpy(grid.contract(axis, self.alpha[..., None], self.alpha[..., None]))
        inner = inner - self.system.axis_slope(axis, self.probes)
        Q = grid.host_vectors[axis]
        return 0.5 * (Q @ inner @ Q.T)

    def scale_sensitivities(self):
        by_amplitude = self.system.amplitude_slope(self.probes)
        norm = self.noise * scalar(self.covariance.xp.sum(self.alpha * self.alpha))
        by_noise = norm - self.n_observed + by_amplitude
        return 0.5 * (self.fit - norm - by_amplitude), 0.5 * by_noise

    def _by_root(self, n_points):
        """`ObservedRoot` where it is there or pays, else None."""
        pays = self.n_observed <= min(DIRECT, _PER_POINT * n_points)
        if self.direct is None and pays:
            try:
                self.direct = ObservedRoot.of(self.covariance, self.system.mask)
            except np.linalg.LinAlgError:
                return None
        return self.direct

    def explained_on_grid(self, crosses):
        direct = self._by_root(math.prod(cross.shape[0] for cross in crosses))
        if direct is not None:
            return direct.explained_on_grid(crosses)
        return point_by_point(self, crosses, self._bytes())

    def explained_at(self, crosses):
        direct = self._by_root(crosses[0].shape[0])
        if direct is not None:
            return direct.explained_at(crosses)

        def explained(part):
            xp = self.covariance.xp
            features, solved = self._solved(part)
            return xp.sum(features * solved, axis=tuple(range(features.ndim - 1)))

        return in_chunks(crosses, self._bytes(), explained)

    def explained_jointly(self, crosses):
        direct = self._by_root(crosses[0].shape[0])
        if direct is not None:
            return direct.explained_jointly(crosses)
        xp, n = self.covariance.xp, self.covariance.n_cells

        def explained(part):
            _, solved = self._solved(part)
            return xp.reshape(solved, (n, -1)).T

        solved = in_chunks(crosses, self._bytes(), explained)  # (m, N)
        return self.covariance.amplitude * (row_products(crosses) @ solved.T)

    def _solved(self, crosses):
        """k(·, x) and G k(·, x) in the eigenbasis, points along the last axis."""
        grid = self.covariance
        features = grid.xp.reshape(row_products(crosses).T, (*grid.shape, -1)) * grid.amplitude
        return features, self.system.solve(features, _TOL)

    def _bytes(self):
        # Some ten arrays of the grid's size for each point at once.
        return 80 * self.covariance.n_cells


class _System:
    """A = 1 + Λ½ V̂ Λ½, its preconditioner, and what is solved with it; all in the eigenbasis."""

    def __init__(self, covariance, mask):
        xp = covariance.xp
        self.covariance = covariance
        self.mask = xp.astype(mask, xp.float64)
        self.root = xp.sqrt(covariance.signal)
        self.precondition = Preconditioner(covariance, self.mask)

    @property
    def xp(self):
        return self.covariance.xp

    def _observed(self, array):
        """Qᵀ W Q of arrays with one more axis."""
        grid = self.covariance
        return grid.rotate(grid.rotate_back(array) * self.mask[..., None])

    def _scaled(self, array):
        """Ã = R⁻¹ A R⁻ᵀ."""
        root, inner = self.root[..., None], self.precondition.upper(array)
        inner = inner + root * self._observed(root * inner) / self.covariance.noise
        return self.precondition.lower(inner)

    def solve(self, features, tol):
        """G features."""
        solved, _, _ = self._solve(self._observed(features), tol)
        return solved

    def solve_data(self, z):
        """Qᵀ α and zᵀ α, for data that are zero where they are missing."""
        rotated = self.covariance.rotate(z)[..., None]
        solved, right, (x, residual) = self._solve(rotated, _TOL)
        # zᵀz/v - rᵀ A⁻¹ r, whose error is of second order in the residual.
        quadratic = self.xp.sum(z * z) / self.covariance.noise
        quadratic = quadratic - self.xp.sum(x * (right + residual))
        return solved[..., 0], scalar(quadratic)

    def _solve(self, observed, tol):
        """G b from Qᵀ W b."""
        v = self.covariance.noise
        root = self.root[..., None]
        right = self.precondition.lower(root * observed / v)
        x, _, _ = _conjugate_gradients(self._scaled, right, tol, self.xp)
        residual = right - self._scaled(x)
        # L G b = A⁻¹ L V̂ b gives G b where λ > v: the difference below is lost in rounding there.
        inner = self.precondition.upper(x)
        small = (observed - self._observed(root * inner)) / v
        signal = self.covariance.signal[..., None]
        floor = self.xp.where(signal > v, root, self.xp.ones_like(root))
        weights = self.xp.where(signal > v, inner / floor, small)
        # Of G b itself, for that of x says nothing about what the last steps lost.
        left = observed - self._observed((signal + v) * weights)
        _certify(left, observed, tol, self.xp)
        return weights, right, (x, residual)

    def probe(self, n_probes, seed):
        """Random signs of the cells, in the eigenbasis, and what is solved for them."""
        rng = np.random.default_rng(seed)
        signs = rng.integers(0, 2, size=(*self.covariance.shape, n_probes)) * 2.0 - 1.0
        # Of the cells: signs of the eigenvectors, whose own sign is arbitrary, would jump.
        z = self.covariance.rotate(from_numpy(signs, self.mask))
        solved, residual, steps = _conjugate_gradients(self._scaled, z, _PROBE_TOL, self.xp)
        _certify(residual, z, _PROBE_TOL, self.xp)
        return _Probes(z, solved, steps)

    def log_det(self, probes):
        """log|C_oo| and its standard error."""
        xp, n_probes = self.xp, probes.z.shape[-1]
        forms = [_quadrature(*pair) for pair in zip(*probes.steps, strict=True)]
        values = self.covariance.n_cells * np.array(forms)
        n_observed = scalar(xp.sum(self.mask))
        exact = n_observed * math.log(self.covariance.noise)
        exact += self.precondition.log_det
        error = float(np.std(values, ddof=1)) / math.sqrt(n_probes)
        return exact + float(np.mean(values)), error

    def _slopes(self, probes):
        """What both slopes are made of, computed once: R⁻ᵀz, R⁻ᵀ(Ã⁻¹ - 1)z, and M's part."""
        if probes.fixed is None:
            M, z = self.precondition, probes.z
            probes.ahead, probes.change = M.upper(z), M.upper(probes.solved - z)
            product = M.upper(self._scaled(z))
            probes.fixed = M.sensitivity(probes.ahead, probes.change, product)
        return probes.fixed, probes.ahead, probes.change

    def amplitude_slope(self, probes):
        """Derivative of log|A| with respect to the logarithm of the amplitude."""
        root = self.root[..., None]
        fixed, ahead, change = self._slopes(probes)
        # dA = A - 1.
        changed = root * self._observed(root * ahead) / self.covariance.noise
        random = scalar(self.xp.sum(change * changed)) / probes.z.shape[-1]
        return fixed.by_amplitude() + random

    def axis_slope(self, axis, probes):
        """(n_i, n_i), in its eigenbasis: that with respect to the covariance of an axis."""
        xp, grid = self.xp, self.covariance
        fixed, ahead, change = self._slopes(probes)
        roots = [xp.sqrt(values) for values in grid.values]
        roots[axis] = roots[axis][:1] * 0 + 1
        others = math.sqrt(grid.amplitude) * outer(roots)

        def unfolded(array):
            return xp.reshape(xp.moveaxis(array, axis, 0), (grid.shape[axis], -1))

        root, slope = self.root[..., None], 0
        for one, other in ((ahead, change), (change, ahead)):
            seen = self._observed(root * one) / grid.noise * others[..., None]
            slope = slope + unfolded(seen) @ unfolded(other).T
        slope = to_numpy(slope) / probes.z.shape[-1] + fixed.by_root(axis, others)
        # Eigenvalues that rounding made zero have no root to differentiate.
        values = grid.host_values[axis]
        half = np.sqrt(np.maximum(values, np.finfo(float).eps * np.max(values)))
        return slope / (half[:, None] + half)


@dataclass
class _Probes:
    """Signs z, Ã⁻¹ z, the steps that led there, and what `_System._slopes` adds."""

    z: Any
    solved: Any
    steps: Any
    fixed: Any = None
    ahead: Any = None
    change: Any = None


def _conjugate_gradients(apply, right, tol, xp):
    """Solutions for the columns of (..., b), residuals, and the steps (α, β) taken for each."""
    axes = tuple(range(right.ndim - 1))
    x, residual, direction = xp.zeros_like(right), right, right
    square = xp.sum(residual * residual, axis=axes)
    goal = tol * tol * to_numpy(square)
    n_columns = right.shape[-1]
    alphas: list[list[float]] = [[] for _ in range(n_columns)]
    betas: list[list[float]] = [[] for _ in range(n_columns)]
    going = to_numpy(square) > goal
    for _ in range(_MAX_ITER):
        if not going.any():
            break
        product = apply(direction)
        curvature = xp.sum(direction * product, axis=axes)
        # Columns that are done stay as they are.
        alpha = np.divide(
            to_numpy(square), to_numpy(curvature), where=going, out=np.zeros(n_columns)
        )
        step = from_numpy(alpha, right)
        x = x + step * direction
        residual = residual - step * product
        new = xp.sum(residual * residual, axis=axes)
        beta = np.divide(to_numpy(new), to_numpy(square), where=going, out=np.zeros(n_columns))
        for column in np.flatnonzero(going):
            alphas[column].append(float(alpha[column]))
            betas[column].append(float(beta[column]))
        direction = residual + from_numpy(beta, right) * direction
        square = new
        going = going & (to_numpy(square) > goal)
    return x, residual, (alphas, betas)


def _quadrature(alphas, betas):
    """zᵀ(log A - (A - 1)) z / zᵀz from the steps that conjugate gradients took from z."""
    inverse = 1 / np.array(alphas)
    betas = np.array(betas[:-1])
    diagonal = inverse.copy()
    diagonal[1:] += betas * inverse[:-1]
    values, vectors = eigh_tridiagonal(diagonal, np.sqrt(betas) * inverse[:-1])
    return float(np.sum(vectors[0] ** 2 * (np.log(values) - values + 1)))


def _certify(residual, right, tol, xp):
    axes = tuple(range(right.ndim - 1))
    size = to_numpy(xp.sum(right * right, axis=axes))
    left = to_numpy(xp.sum(residual * residual, axis=axes))
    with np.errstate(invalid="ignore"):
        worst = math.sqrt(np.max(np.where(size > 0, left / size, 0.0)))
    if not worst <= _ACCEPTED * tol:
        warnings.warn(
            f"Conjugate gradients for the missing cells left a relative residual of {worst:.1e} "
            f"after {_MAX_ITER} iterations ({tol:.0e} is wanted). A larger alpha, the "
            "variance of the noise, converges faster.",
            ConvergenceWarning,
            stacklevel=6,
        )

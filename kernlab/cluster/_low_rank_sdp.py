"""Memberships of clusters of known covariances, by a semidefinite programme of low rank."""

# References: Zhuang, Chen, Yang, *Likelihood adjusted semidefinite programs for clustering
# heterogeneous data*, ICML 2023, arXiv 2209.15097 (the programme); Zhuang, Chen, Yang, Zhang,
# *Statistically optimal K-means clustering via nonnegative low-rank semidefinite programming*,
# ICLR 2024, arXiv 2305.18436 (non-negative factors, augmented Lagrangian, projected gradient);
# Barzilai, Borwein, IMA J. Numer. Anal. 8, 1988 (step lengths).
#
# For hard clusters G_k with Z_k = 1_G 1_Gᵀ / |G|, profiled over the means, and q the squared
# lengths of the whitened rows,
#
#   Σ_{i in G} (x_i - m)ᵀ Σ⁻¹ (x_i - m) = ½ <M_k, Z_k>,   |G| log|Σ| = log|Σ| <J, Z_k>,
#   ½ M_k = ½ (q 1ᵀ + 1 qᵀ) - X Σ⁻¹ Xᵀ,
#
# so that -2 log likelihood is Σ_k <½ M_k + log|Σ_k| J, Z_k>. Products with these n x n matrices
# take O(n d) per column, and no such matrix is formed.

import numpy as np
from scipy.linalg import cholesky, solve_triangular

# Of the penalty, in units of a whitened point's mean squared length: at the start, and its growth
# where violation has not halved.
_PENALTY, _GROWTH = 100.0, 2.0
# Steps of the projected gradient between updates of the multipliers.
_STEPS = 100
# A step must gain over the worst of so many objectives before it (Grippo, Lampariello, Lucidi).
_MEMORY, _GAIN, _HALVINGS = 5, 1e-4, 40


class Costs:
    """The matrices C_k of the programme, as products; ``ridge`` is what Σ_k was regularised by."""

    def __init__(self, X, covariances, ridge):
        n_features = X.shape[1]
        self.whitened = np.empty((len(covariances), *X.shape))
        self.constants = np.empty(len(covariances))
        for k, covariance in enumerate(covariances):
            root = cholesky(covariance, lower=True)
            self.whitened[k] = solve_triangular(root, X.T, lower=True).T
            inverse_root = solve_triangular(root, np.eye(n_features), lower=True)
            # The ridge's own term: with it the covariance update minimises the objective.
            self.constants[k] = 2 * np.sum(np.log(np.diag(root))) + ridge * np.sum(inverse_root**2)
        self.lengths = np.einsum("knd,knd->kn", self.whitened, self.whitened)

    def times(self, U):
        """C_k U_k for each k, of the shape (n_clusters, n_samples, rank) of U."""
        sums = U.sum(axis=1)[:, None, :]
        crossed = np.matmul(self.whitened, np.matmul(self.whitened.swapaxes(1, 2), U))
        half = 0.5 * np.einsum("kn,knr->kr", self.lengths, U)[:, None, :]
        along = 0.5 * self.lengths[:, :, None] + self.constants[:, None, None]
        return along * sums + half - crossed

    def objective(self, U):
        """Σ_k <C_k, U_k U_kᵀ>."""
        return float(np.sum(U * self.times(U)))


def memberships(U):
    """Z_k 1 for each k, shape (n_clusters, n_samples); over clusters they add up to one."""
    return np.einsum("knr,kr->kn", U, U.sum(axis=1))


def solve(costs, U, multipliers, *, tol, max_updates):
    """Minimise Σ<C_k, Z_k> over Z_k = U_k U_kᵀ, U_k ≥ 0, tr Z_k = 1, Σ_k Z_k 1 = 1.

    Traces and signs are kept by projection, memberships by multipliers. Returns U, multipliers and
    the largest violation of the memberships.
    """
    penalty = _PENALTY * costs.whitened.shape[2]
    U, before = _projected(U), np.inf
    for _ in range(max_updates):
        U = _descend(costs, U, multipliers, penalty, tol)
        rest = memberships(U).sum(axis=0) - 1.0
        multipliers = multipliers + penalty * rest
        violation = float(np.max(np.abs(rest)))
        if violation <= tol:
            break
        if violation > 0.5 * before:
            penalty *= _GROWTH
        before = violation
    return U, multipliers, violation


def _projected(U):
    """Nearest factors of non-negative entries and of norm one each."""
    U = np.maximum(U, 0.0)
    norms = np.sqrt(np.sum(U**2, axis=(1, 2), keepdims=True))
    # Where nothing is left, all entries alike.
    return np.where(norms > 0, U / np.where(norms > 0, norms, 1.0), 1 / np.sqrt(U[0].size))


def _lagrangian(costs, U, multipliers, penalty):
    """Value and gradient of the augmented Lagrangian."""
    products, sums = costs.times(U), U.sum(axis=1)
    rest = np.einsum("knr,kr->n", U, sums) - 1.0
    pull = multipliers + penalty * rest
    value = np.sum(U * products) + multipliers @ rest + 0.5 * penalty * rest @ rest
    gradient = 2 * products + pull[:, None] * sums[:, None, :]
    gradient += np.einsum("n,knr->kr", pull, U)[:, None, :]
    return value, gradient


def _descend(costs, U, multipliers, penalty, tol):
    """Projected gradient with Barzilai and Borwein's steps."""
    value, gradient = _lagrangian(costs, U, multipliers, penalty)
    values = [value]
    # A first step of a hundredth of the factors' length.
    step = 0.01 / max(float(np.linalg.norm(gradient)), np.finfo(float).tiny)
    for _ in range(_STEPS):
        for _ in range(_HALVINGS):
            new = _projected(U - step * gradient)
            change = new - U
            moved = float(np.sum(change**2))
            value, new_gradient = _lagrangian(costs, new, multipliers, penalty)
            if value <= max(values[-_MEMORY:]) - _GAIN * moved / step:
                break
            step *= 0.5
        else:
            return U  # rounding: no step of any length gains
        curvature = float(np.sum(change * (new_gradient - gradient)))
        U, gradient = new, new_gradient
        values.append(value)
        # Each factor has norm one.
        if moved <= (0.01 * tol) ** 2:
            break
        step = moved / curvature if curvature > 0 else 2 * step
    return U

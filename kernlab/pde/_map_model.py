"""The joint density of solution, boundary and equation that GP-HM maximises, in square-root form.

With ``U = R₁ᵀ Z R₂`` (``Rᵀζ`` in one dimension) the paper's log joint is, up to a constant,

    -[N/n₁ log|R₁| + N/n₂ log|R₂|] - ½‖Z‖² + λ_b/2 [N_b log τ - τ‖B Z - g‖²] + ½[N log v - v‖r(Z)‖²]

where ``r`` is the equation's residual at the nodes. For given parameters the best ``Z`` is a linear
least squares problem (a few of them where the equation is nonlinear) and is found by QR; in the
gradient with respect to the parameters it is a constant (the envelope theorem).
"""

# Reference: Fang, Cooley, Long, Li, Kirby, Zhe, *Solving High Frequency and Multi-Scale PDEs with
# Gaussian Processes*, ICLR 2024, arXiv 2311.04465.

from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from scipy.linalg import qr, solve_triangular

# Weight of the boundary in the paper's objective.
BOUNDARY_WEIGHT = 200.0
# Gauss-Newton steps on the solution, and the relative change at which they end.
NEWTON_STEPS = 30
NEWTON_TOL = 1e-13


@dataclass
class Mode:
    """The most probable ``Z`` for one set of parameters.

    ``factor`` is the upper triangular R of the posterior precision ``RᵀR`` of the coordinates in
    ``bases`` (None: the coordinates are ``Z`` itself).
    """

    z: np.ndarray
    jets: dict
    residual: np.ndarray
    partials: dict
    factor: np.ndarray
    bases: list = field(default_factory=list)


def kron(factors):
    """Kronecker product of a list of arrays or tensors."""
    return reduce(lambda a, b: (a[:, None, :, None] * b[None, :, None, :]).reshape(
        a.shape[0] * b.shape[0], -1), factors)


class MapModel:
    """Objective, gradient and mode of the paper's model on one grid.

    Parameters
    ----------
    axes : list of MixtureAxis
    terms : object
        The discrete problem: ``orders`` (list of tuples, the jets), ``residual(jets)`` and
        ``partials(jets)`` on flattened grids, ``conditions`` (list of :class:`Condition`).
    limit : float
        Upper bound of ``log τ`` and ``log v``, relative to the scales of the data. Both grow
        without bound where the model can interpolate.
    """

    def __init__(self, axes, terms, *, n_components, torch, device):
        self.axes, self.terms = axes, terms
        self.n_components = n_components
        self.torch, self.device = torch, device
        self.shape = tuple(len(axis.nodes) for axis in axes)
        self.size = int(np.prod(self.shape))
        self._warm = None

    def unpack(self, theta):
        """Per axis (log weights, log scales, frequencies), then log τ and log v."""
        n = self.n_components
        parts = []
        for k, axis in enumerate(self.axes):
            block = theta[3 * n * k : 3 * n * (k + 1)]
            parts.append((block[:n], block[n : 2 * n], block[2 * n :] * axis.spacing))
        return parts, theta[-2], theta[-1]

    def roots(self, parts):
        return [
            axis.root(axis.variances(*mixture))
            for axis, mixture in zip(self.axes, parts, strict=True)
        ]

    def objective(self, theta):
        """Negative log joint at the best ``Z`` and its gradient, as floats of NumPy."""
        torch = self.torch
        theta = torch.as_tensor(theta, device=self.device).requires_grad_(True)
        parts, log_tau, log_v = self.unpack(theta)
        roots = self.roots(parts)
        mode = self.mode(roots, log_tau.item(), log_v.item())
        z = self._tensor(mode.z)
        value = 0.5 * (z * z).sum()
        for root, n in zip(roots, self.shape, strict=True):
            value = value + self.size / n * root.log_determinant
        for condition in self.terms.conditions:
            misfit = condition.apply(roots, z) - self._tensor(condition.data)
            value = value + 0.5 * BOUNDARY_WEIGHT * (
                log_tau.exp() * (misfit * misfit).sum() - misfit.numel() * log_tau
            )
        residual = self._tensor(mode.residual)
        for orders in self.terms.orders:
            jet = derivative(roots, orders, z)
            residual = residual + self._tensor(mode.partials[orders]) * (
                jet - self._tensor(mode.jets[orders])
            )
        value = value + 0.5 * (log_v.exp() * (residual * residual).sum() - self.size * log_v)
        value.backward()
        return value.item(), theta.grad.cpu().numpy()

    def _tensor(self, array):
        return self.torch.as_tensor(array, device=self.device)

    def mode(self, roots, log_tau, log_v):
        """The best ``Z`` for given square roots and precisions: :class:`Mode`."""
        values = [
            {m: matrix.detach().cpu().numpy() for m, matrix in root.values.items()}
            for root in roots
        ]
        bases = None
        rows = {
            orders: kron([v[m] for v, m in zip(values, orders, strict=True)])
            for orders in self.terms.orders
        }
        tau = np.exp(0.5 * log_tau) * np.sqrt(BOUNDARY_WEIGHT)
        v = np.exp(0.5 * log_v)
        boundary = [condition.rows(values) for condition in self.terms.conditions]
        data = [condition.data.ravel() for condition in self.terms.conditions]
        n_b = sum(map(len, data))
        n_z = next(iter(rows.values())).shape[1]
        matrix = np.concatenate([*(tau * b for b in boundary), np.empty((self.size, n_z)), np.eye(n_z)])
        target = np.concatenate([*(tau * d for d in data), np.empty(self.size), np.zeros(n_z)])

        jets = self._warm or {orders: np.zeros(self.size) for orders in self.terms.orders}
        for step in range(NEWTON_STEPS):
            residual, partials = self.terms.residual(jets), self.terms.partials(jets)
            body = sum(partials[o][:, None] * rows[o] for o in rows)
            matrix[n_b : n_b + self.size] = v * body
            target[n_b : n_b + self.size] = v * (
                sum(partials[o] * jets[o] for o in rows) - residual
            )
            z, factor = least_squares(matrix, target)
            previous, jets = jets, {o: rows[o] @ z for o in rows}
            if self.terms.is_linear or self._settled(previous, jets):
                break
        residual = self.terms.residual(jets)
        partials = self.terms.partials(jets)
        if not self.terms.is_linear:
            self._warm = jets
        return Mode(z.reshape(self.shape), jets, residual, partials, factor)

    @staticmethod
    def _settled(previous, jets):
        return all(
            np.linalg.norm(jets[o] - previous[o]) <= NEWTON_TOL * np.linalg.norm(jets[o])
            for o in jets
        )


def derivative(roots, orders, z):
    """Derivative of the solution of the given orders at all nodes, flattened."""
    out = z
    for k, (root, order) in enumerate(zip(roots, orders, strict=True)):
        out = (root.values[order] @ out.movedim(k, 0).reshape(out.shape[k], -1)).reshape(
            -1, *out.movedim(k, 0).shape[1:]
        ).movedim(0, k)
    return out.reshape(-1)


def least_squares(matrix, target):
    """Least squares by QR with one step of refinement: solution and triangular factor."""
    q, r = qr(matrix, mode="economic", check_finite=False)
    z = solve_triangular(r, q.T @ target, check_finite=False)
    z += solve_triangular(r, q.T @ (target - matrix @ z), check_finite=False)
    return z, r

"""The joint density of solution, conditions and equation that GP-HM maximises, in square-root form.

With the solution on a grid written ``U = R₁ᵀ Z R₂`` (in one dimension ``U = Rᵀζ``) the paper's log
joint density is, up to a constant,

    - N/n₁ log|R₁| - N/n₂ log|R₂| - ½‖Z‖² + ½λ(N_b log τ - τ‖B Z - g‖²) + ½(N log v - v‖r(Z)‖²)

with ``r`` the equation's residual at the nodes. For given parameters the best ``Z`` is a linear
least-squares problem, or some of them where the equation is not linear, and is found by QR. In the
gradient with respect to the parameters it is a constant (the envelope theorem).
"""

# Reference: Fang, Cooley, Long, Li, Kirby, Zhe, *Solving High Frequency and Multi-Scale PDEs with
# Gaussian Processes*, ICLR 2024, arXiv 2311.04465.

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.linalg import qr, solve_triangular

# λ, the weight of the boundary, as in the paper (it takes 500 for its advection problem).
BOUNDARY_WEIGHT = 200.0
# Gauss-Newton steps for a nonlinear equation, halvings of one, and the relative change at which
# they end: rounding of second derivatives.
NEWTON_STEPS, HALVINGS, NEWTON_TOL = 40, 12, 1e-12
# In two dimensions Z lives on the leading singular directions of each square root: down to this
# part of the first, and no more than so many for an axis, for the QR costs the sixth power.
RANK_TOL, MAX_RANK = 1e-7, 44


@dataclass
class Mode:
    """The most probable ``Z`` for one set of parameters.

    Attributes
    ----------
    z : array of shape (n_1, ...)
    jets, partials : dict of jet to array
        The solution's derivatives at the nodes, and those of the residual by them.
    residual, misfit : array
        Of the equation at the nodes, and of all conditions at theirs, in their units.
    bases : list of arrays of shape (n_k, r_k)
        Orthonormal directions per axis in which ``Z`` was sought.
    triangle : array of shape (r, r)
        ``RᵀR`` is the precision of the coordinates of ``Z`` in the product of the bases.
    log_evidence : float
        Log marginal density of all data given the parameters; by Laplace where not linear.
    """

    z: np.ndarray
    jets: dict
    partials: dict
    residual: np.ndarray
    misfit: np.ndarray
    bases: list
    triangle: np.ndarray
    log_evidence: float


def contract(matrices, z):
    """``M₁ z`` or ``M₁ Z M₂ᵀ``, NumPy or torch."""
    out = matrices[0] @ z
    return out if len(matrices) == 1 else out @ matrices[1].T


class MapModel:
    """Objective, gradient and mode of the paper's model on one grid.

    Parameters
    ----------
    axes : list of MixtureAxis
    problem : GridProblem
    n_components : int
    """

    def __init__(self, axes, problem, n_components):
        self.axes, self.problem, self.n_components = axes, problem, n_components
        self.size = int(np.prod(problem.shape))
        self._started_at = None

    def unpack(self, theta):
        """Per axis (log weights, log widths, frequencies); log τ; log v.

        Frequencies are kept in units of the modes' distance, so that all parameters are of size
        one for the optimiser.
        """
        n = self.n_components
        mixtures = []
        for k, axis in enumerate(self.axes):
            weights, widths, places = (
                theta[(3 * k + i) * n : (3 * k + i + 1) * n] for i in range(3)
            )
            mixtures.append((weights, widths, places * axis.spacing))
        return mixtures, theta[-2], theta[-1]

    def rescale(self, factor):
        """Take ``factor`` times the present unit of the solution."""
        self.problem.rescale(factor * self.problem.scale)
        self._started_at = None

    def roots(self, theta):
        """Square roots of the kernel of each axis at a vector of parameters."""
        mixtures, _, _ = self.unpack(self.axes[0].tensor(theta))
        return self._roots(mixtures)

    def _roots(self, mixtures):
        return [
            axis.root(axis.variances(*mixture))
            for axis, mixture in zip(self.axes, mixtures, strict=True)
        ]

    def objective(self, theta):
        """Negative log joint density at its best ``Z``, and its gradient (NumPy)."""
        tensor = self.axes[0].tensor
        theta = tensor(theta).requires_grad_(True)
        mixtures, log_tau, log_v = self.unpack(theta)
        roots = self._roots(mixtures)
        mode = self.mode(roots, log_tau.item(), log_v.item())
        z = tensor(mode.z)
        values = [root.values for root in roots]
        value = 0.5 * (z * z).sum()
        for root, n in zip(roots, self.problem.shape, strict=True):
            value = value + self.size / n * root.log_determinant
        for condition in self.problem.conditions:
            misfit = contract(condition.matrices(values), z) - tensor(condition.target)
            value = value + 0.5 * BOUNDARY_WEIGHT * (
                log_tau.exp() * (misfit * misfit).sum() - misfit.numel() * log_tau
            )
        # Linear in the jets, about the mode: the residual and its derivatives are those of the
        # equation there, whatever the equation.
        residual = tensor(mode.residual)
        for jet in self.problem.jets:
            change = contract(self._jet(values, jet), z) - tensor(mode.jets[jet])
            residual = residual + tensor(mode.partials[jet]) * change
        value = value + 0.5 * (log_v.exp() * (residual * residual).sum() - self.size * log_v)
        value.backward()
        return value.item(), theta.grad.cpu().numpy()

    @staticmethod
    def _jet(values, jet):
        return [part[order] for part, order in zip(values, jet[1], strict=True)]

    def mode(self, roots, log_tau, log_v):
        """The best ``Z`` for given square roots and precisions: a :class:`Mode`."""
        values = [
            {order: part.detach().cpu().numpy() for order, part in root.values.items()}
            for root in roots
        ]
        inner = _Inner(self.problem, values, log_tau, log_v)
        if self.problem.is_linear:
            jets = {jet: np.zeros(self.problem.shape) for jet in self.problem.jets}
            z = inner.step(jets)
        else:
            z = inner.newton(self._started_at)
        jets = inner.jets(z)
        if not self.problem.is_linear:
            self._started_at = jets
        residual = self.problem.residual(jets)
        return Mode(
            z, jets, self.problem.partials(jets), residual, inner.misfit(z), inner.bases,
            inner.triangle, inner.log_evidence(z, residual),
        )  # fmt: skip


class _Inner:
    """The problem for ``Z`` at fixed parameters: rows of conditions, of the equation, of the prior."""

    def __init__(self, problem, values, log_tau, log_v):
        self.problem, self.values = problem, values
        self.log_tau, self.log_v = log_tau, log_v
        self.bases = _leading(values) if len(values) > 1 else [np.eye(len(values[0][0]))]
        self.factors = {
            jet: [part[order] for part, order in zip(values, jet[1], strict=True)]
            for jet in problem.jets
        }
        self.weight = np.sqrt(BOUNDARY_WEIGHT) * np.exp(0.5 * log_tau)
        conditions = [condition.matrices(values) for condition in problem.conditions]
        rows = [self.weight * _kron(self._in_bases(matrices)) for matrices in conditions]
        self.n_unknowns = int(np.prod([basis.shape[1] for basis in self.bases]))
        self.faces = np.concatenate([*rows, np.zeros((0, self.n_unknowns))])
        self.face_target = np.concatenate(
            [*(self.weight * condition.target.ravel() for condition in problem.conditions), []]
        )
        self.triangle = None

    def _in_bases(self, matrices):
        if len(matrices) == 1:
            return matrices
        return [matrix @ basis for matrix, basis in zip(matrices, self.bases, strict=True)]

    def jets(self, z):
        return {jet: contract(factors, z) for jet, factors in self.factors.items()}

    def _rows(self, partials, target):
        """Rows of the linearised equation and what they are to equal."""
        factors = {jet: self._in_bases(self.factors[jet]) for jet in self.factors}
        if len(self.bases) > 1 and self.problem.is_constant:
            # The columns of each axis span few directions of its nodes: nothing else of the
            # residual depends on Z, and constant coefficients keep the product form.
            spans = [
                np.linalg.qr(np.hstack([part[k] for part in factors.values()]))[0]
                for k in range(len(self.bases))
            ]
            rows = sum(
                partials[jet].flat[0]
                * _kron([span.T @ m for span, m in zip(spans, matrices, strict=True)])
                for jet, matrices in factors.items()
            )
            return rows, contract([span.T for span in spans], target).ravel()
        rows = sum(
            partials[jet].reshape(-1, 1) * _kron(matrices) for jet, matrices in factors.items()
        )
        return rows, target.ravel()

    def step(self, jets):
        """``Z`` that solves the problem linearised at ``jets``."""
        partials, residual = self.problem.partials(jets), self.problem.residual(jets)
        target = sum(partials[jet] * jets[jet] for jet in jets) - residual
        rows, target = self._rows(partials, target)
        v = np.exp(0.5 * self.log_v)
        # Rows of large weight first: Householder's QR is then stable row by row.
        matrix = np.concatenate([self.faces, v * rows, np.eye(self.n_unknowns)])
        target = np.concatenate([self.face_target, v * target, np.zeros(self.n_unknowns)])
        q, self.triangle = qr(matrix, mode="economic", overwrite_a=False, check_finite=False)
        weights = solve_triangular(self.triangle, q.T @ target, check_finite=False)
        rest = q.T @ (target - matrix @ weights)
        weights += solve_triangular(self.triangle, rest, check_finite=False)
        if len(self.bases) == 1:
            return weights
        shape = tuple(basis.shape[1] for basis in self.bases)
        return contract(self.bases, weights.reshape(shape))

    def cost(self, z, residual):
        """Negative log joint density but for what does not depend on ``Z``."""
        misfit = self.weight * self.misfit(z)
        return 0.5 * (np.sum(z * z) + misfit @ misfit + np.exp(self.log_v) * np.sum(residual**2))

    def misfit(self, z):
        """``B Z - g`` of all conditions, flattened."""
        parts = [
            (contract(condition.matrices(self.values), z) - condition.target).ravel()
            for condition in self.problem.conditions
        ]
        return np.concatenate([*parts, []])

    def newton(self, started_at):
        """Gauss-Newton with halved steps, from jets of a neighbouring problem or from zero."""
        jets = started_at or {jet: np.zeros(self.problem.shape) for jet in self.problem.jets}
        z = self.step(jets)
        jets = self.jets(z)
        cost = self.cost(z, self.problem.residual(jets))
        for _ in range(NEWTON_STEPS):
            step = self.step(jets) - z
            for _ in range(HALVINGS):
                trial = self.jets(z + step)
                with np.errstate(all="ignore"):
                    trial_cost = self.cost(z + step, self.problem.residual(trial))
                if trial_cost <= cost * (1 + 1e-12):
                    break
                step = 0.5 * step
            else:
                break
            change = max(
                np.linalg.norm(trial[jet] - jets[jet]) / (np.linalg.norm(trial[jet]) or 1.0)
                for jet in jets
            )
            z, jets, cost = z + step, trial, trial_cost
            if change <= NEWTON_TOL:
                break
        return z

    def log_evidence(self, z, residual):
        n_faces, n = len(self.face_target), residual.size
        noise = n_faces * (np.log(BOUNDARY_WEIGHT) + self.log_tau) + n * self.log_v
        curvature = np.log(np.abs(np.diag(self.triangle))).sum()
        return (
            0.5 * noise
            - self.cost(z, residual)
            - curvature
            - 0.5 * (n_faces + n) * np.log(2 * np.pi)
        )


def _kron(matrices):
    return reduce(np.kron, matrices)


def _leading(values):
    """Orthonormal directions of each axis's ζ that move its nodes."""
    bases = []
    for part in values:
        _, sizes, rows = np.linalg.svd(part[0])
        rank = min(int((sizes > RANK_TOL * sizes[0]).sum()), MAX_RANK)
        bases.append(rows[:rank].T)
    return bases

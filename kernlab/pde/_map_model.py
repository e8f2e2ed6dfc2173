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

import numpy as np

from kernlab.pde._map_inner import BOUNDARY_WEIGHT, BlockTriangle, Inner, contract


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
    triangle : BlockTriangle
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
    triangle: BlockTriangle
    log_evidence: float


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
        self._started_at, self._best = None, np.inf

    def unpack(self, theta):
        """Per axis (log weights, log widths, frequencies); log τ; log v.

        Frequencies are kept in units of the modes' distance, so that all parameters are of size
        one for the optimiser.
        """
        n = self.n_components
        mixtures = []
        for k, axis in enumerate(self.axes):
            start = 3 * n * k
            weights, widths = theta[start : start + n], theta[start + n : start + 2 * n]
            places = theta[start + 2 * n : start + 3 * n]
            mixtures.append((weights, widths, places * axis.spacing))
        return mixtures, theta[-2], theta[-1]

    def rescale(self, factor):
        """Take ``factor`` times the present unit of the solution."""
        self.problem.rescale(factor * self.problem.scale)
        self._started_at, self._best = None, np.inf

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
        # Where Newton's method starts next: a line search may try parameters that lead it astray.
        if not self.problem.is_linear and value.item() < self._best:
            self._started_at, self._best = mode.jets, value.item()
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
        inner = Inner(self.problem, values, [axis.parity for axis in self.axes], log_tau, log_v)
        if self.problem.is_linear:
            jets = {jet: np.zeros(self.problem.shape) for jet in self.problem.jets}
            z = inner.step(jets)
        else:
            z = inner.newton(self._started_at)
        jets = inner.jets(z)
        residual = self.problem.residual(jets)
        return Mode(
            z, jets, self.problem.partials(jets), residual, inner.misfit(z), inner.bases,
            inner.triangle, inner.log_evidence(z, residual),
        )  # fmt: skip

"""The solution on the grid for given parameters: least squares by QR, split by parity."""

from functools import reduce

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.sparse.csgraph import connected_components

# λ, the weight of the boundary, as in the paper (it takes 500 for its advection problem).
BOUNDARY_WEIGHT = 200.0
# Gauss-Newton steps for a nonlinear equation, halvings of one, and the relative change at which
# they end: rounding of second derivatives.
NEWTON_STEPS, HALVINGS, NEWTON_TOL = 40, 12, 1e-12
# In two dimensions Z lives on the leading singular directions of each square root: down to this
# part of the first, and no more than so many for an axis, for the QR costs the sixth power.
RANK_TOL, MAX_RANK = 1e-7, 44
# Part of the largest row below which entries are rounding of products of even and odd functions.
_ROUNDING = 1e-14


def contract(matrices, z):
    """``M₁ z`` or ``M₁ Z M₂ᵀ``, NumPy or torch."""
    out = matrices[0] @ z
    return out if len(matrices) == 1 else out @ matrices[1].T


class BlockTriangle:
    """A triangular factor whose blocks act on disjoint sets of coordinates.

    Parameters
    ----------
    blocks : list of (array of int, array of shape (r, r))
        Coordinates of each block, and its upper triangle.
    """

    def __init__(self, blocks):
        self.blocks = blocks

    @property
    def log_determinant(self):
        return sum(np.log(np.abs(np.diag(block))).sum() for _, block in self.blocks)

    def spread(self, rows):
        """``R⁻ᵀ rowsᵀ``: columns whose products are the covariances of the rows."""
        out = np.zeros(rows.T.shape)
        for columns, block in self.blocks:
            out[columns] = solve_triangular(block, rows[:, columns].T, trans="T")
        return out


class Inner:
    """The problem for ``Z`` at fixed parameters: rows of conditions, of the equation, of the prior.

    Parameters
    ----------
    problem : GridProblem
    values : list of dict of int to array
        Per axis, what takes ζ to the derivatives at the nodes.
    parity : list of arrays of int
        Per axis, 0 for the even and 1 for the odd entries of ζ.
    log_tau, log_v : float
        Log precisions of conditions and equation.

    Notes
    -----
    Even and odd functions do not meet in a symmetric problem of constant coefficients: the columns
    fall into up to four classes, each with a QR of its own.
    """

    def __init__(self, problem, values, parity, log_tau, log_v):
        self.problem, self.values = problem, values
        self.log_tau, self.log_v = log_tau, log_v
        self.weight = np.sqrt(BOUNDARY_WEIGHT) * np.exp(0.5 * log_tau)
        self.is_product = len(values) > 1
        if self.is_product:
            found = [_leading(part[0], odd) for part, odd in zip(values, parity, strict=True)]
            self.bases, self.parity = (list(part) for part in zip(*found, strict=True))
        else:
            self.bases, self.parity = [np.eye(len(parity[0]))], parity
        # Per axis and order, what takes coordinates in the bases to derivatives.
        self.columns = [
            {order: matrix @ basis if self.is_product else matrix for order, matrix in part.items()}
            for part, basis in zip(values, self.bases, strict=True)
        ]
        self.classes = reduce(lambda a, b: (2 * a[:, None] + b).ravel(), self.parity)
        self.faces, self.face_target = self._faces()
        self.triangle = BlockTriangle([])

    def jets(self, z):
        return {
            jet: contract([part[m] for part, m in zip(self.values, jet[1], strict=True)], z)
            for jet in self.problem.jets
        }

    def _faces(self):
        """Weighted rows of the conditions; the two of an axis as their sum and difference."""
        rows, targets = [np.zeros((0, len(self.classes)))], [np.zeros(0)]
        for axis in range(len(self.values)):
            found = [c for c in self.problem.conditions if c.axis == axis]
            if not found:
                continue
            mix = np.eye(len(found))
            if len(found) == 2:
                mix = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
            own = mix @ np.concatenate([c.matrices(self.columns)[axis] for c in found])
            target = np.concatenate([c.target for c in found], axis=axis)
            spans = [
                mix.T if k == axis else _span({0: part[0]}, odd)
                for k, (part, odd) in enumerate(zip(self.columns, self.parity, strict=True))
            ]
            matrices = [
                own if k == axis else spans[k].T @ part[0] for k, part in enumerate(self.columns)
            ]
            rows.append(self.weight * _kron(matrices))
            targets.append(self.weight * contract([span.T for span in spans], target).ravel())
        return np.concatenate(rows), np.concatenate(targets)

    def _rows(self, partials, target):
        """Rows of the linearised equation and what they are to equal."""
        factors = {
            jet: [part[m] for part, m in zip(self.columns, jet[1], strict=True)]
            for jet in self.problem.jets
        }
        if not self.problem.is_constant:
            rows = (
                partials[jet].reshape(-1, 1) * _kron(matrices) for jet, matrices in factors.items()
            )
            return sum(rows), target.ravel()
        # The columns of each axis span few directions of its nodes: nothing else of the residual
        # depends on Z, and constant coefficients keep the product form.
        spans = [
            _span({jet[1][k]: matrices[k] for jet, matrices in factors.items()}, odd)
            for k, odd in enumerate(self.parity)
        ]
        rows = (
            partials[jet].flat[0]
            * _kron([span.T @ matrix for span, matrix in zip(spans, matrices, strict=True)])
            for jet, matrices in factors.items()
        )
        return sum(rows), contract([span.T for span in spans], target).ravel()

    def step(self, jets):
        """``Z`` that solves the problem linearised at ``jets``."""
        partials, residual = self.problem.partials(jets), self.problem.residual(jets)
        target = sum(partials[jet] * jets[jet] for jet in jets) - residual
        rows, target = self._rows(partials, target)
        v = np.exp(0.5 * self.log_v)
        # Rows of large weight first: Householder's QR is then stable row by row.
        matrix = np.concatenate([self.faces, v * rows])
        target = np.concatenate([self.face_target, v * target])
        weights = np.zeros(len(self.classes))
        blocks = []
        for used, columns in self._split(matrix):
            block = np.concatenate([matrix[np.ix_(used, columns)], np.eye(len(columns))])
            goal = np.concatenate([target[used], np.zeros(len(columns))])
            weights[columns], triangle = _least_squares(block, goal)
            blocks.append((columns, triangle))
        self.triangle = BlockTriangle(blocks)
        if not self.is_product:
            return weights
        return contract(self.bases, weights.reshape([len(odd) for odd in self.parity]))

    def _split(self, matrix):
        """Rows and columns of independent problems."""
        least = _ROUNDING * np.linalg.norm(matrix, axis=1).max(initial=0.0)
        touches = np.stack(
            [
                np.linalg.norm(matrix[:, self.classes == c], axis=1) > least
                for c in range(2 ** len(self.values))
            ],
            axis=1,
        )
        n, labels = connected_components(touches.T.astype(float) @ touches, directed=False)
        for label in range(n):
            columns = np.flatnonzero(labels[self.classes] == label)
            if len(columns):
                yield np.flatnonzero(touches[:, labels == label].any(axis=1)), columns

    def misfit(self, z):
        """``B Z - g`` of all conditions, flattened."""
        parts = [
            (contract(condition.matrices(self.values), z) - condition.target).ravel()
            for condition in self.problem.conditions
        ]
        return np.concatenate([*parts, []])

    def cost(self, z, residual):
        """Negative log joint density but for what does not depend on ``Z``."""
        misfit = self.weight * self.misfit(z)
        return 0.5 * (np.sum(z * z) + misfit @ misfit + np.exp(self.log_v) * np.sum(residual**2))

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
        """Log marginal density of the data: ``Z`` integrated out about the mode."""
        n_faces, n = len(self.misfit(z)), residual.size
        noise = n_faces * (np.log(BOUNDARY_WEIGHT) + self.log_tau) + n * self.log_v
        total = 0.5 * noise - self.cost(z, residual) - self.triangle.log_determinant
        return total - 0.5 * (n_faces + n) * np.log(2 * np.pi)


def _least_squares(matrix, target):
    """Solution by QR with one step of refinement, and the triangle."""
    q, triangle = qr(matrix, mode="economic", check_finite=False)
    weights = solve_triangular(triangle, q.T @ target, check_finite=False)
    rest = q.T @ (target - matrix @ weights)
    return weights + solve_triangular(triangle, rest, check_finite=False), triangle


def _kron(matrices):
    return reduce(np.kron, matrices)


def _leading(matrix, parity):
    """Orthonormal directions of ζ that move the nodes, each even or odd: (n, r), and which."""
    sizes, bases = [], []
    for odd in (0, 1):
        columns = np.flatnonzero(parity == odd)
        _, size, rows = np.linalg.svd(matrix[:, columns], full_matrices=False)
        basis = np.zeros((len(parity), len(size)))
        basis[columns] = rows.T
        sizes.append(size)
        bases.append(basis)
    labels = np.repeat([0, 1], list(map(len, sizes)))
    size, basis = np.concatenate(sizes), np.hstack(bases)
    kept = np.argsort(-size, kind="stable")[:MAX_RANK]
    kept = np.sort(kept[size[kept] > RANK_TOL * size.max()])
    return basis[:, kept], labels[kept]


def _span(columns, parity):
    """Orthonormal functions on the nodes, even and then odd, that span columns by their order.

    Taken on half of the nodes: directions that rounding leaves open are then even, or odd, too.
    """
    parts = []
    for odd in (0, 1):
        found = np.hstack(
            [matrix[:, (parity + order) % 2 == odd] for order, matrix in columns.items()]
        )
        n = len(found)
        mirror = np.eye(n)[: n // 2] + (-1.0 if odd else 1.0) * np.eye(n)[::-1][: n // 2]
        mirror /= np.sqrt(2)
        if n % 2 and not odd:
            mirror = np.concatenate([mirror, np.eye(n)[n // 2 : n // 2 + 1]])
        parts.append(mirror.T @ np.linalg.qr(mirror @ found)[0])
    return np.hstack(parts)

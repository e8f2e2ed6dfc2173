"""Evidence and posterior of sine weights and face weights, by sums along the axes alone.

On the unit square, u = Σ w_kl φ_k(s) φ_l(t) + Σ b_j ψ_j(s, t) with sine eigenfunctions φ and three
kinds of ψ: Lidstone profiles in s times φ_l(t), φ_k(s) times profiles in t, and products of
profiles. The data are A u_ss + B u_tt + C u on the interior grid with white noise v, and perhaps
the values on the edges with white noise. In the sine basis the w are independent of one another:
    data_kl = d_kl w_kl + (H b)_kl + noise,      w_kl ~ N(0, S_kl), b_j ~ N(0, β_j),
so they are integrated out one by one, c = d² S + v, and b is left, of precision
    P = I + √β (Hᵀ C⁻¹ H + boundary) √β.
A column of H of the first kind lives on one column of cells, one of the second on one row, and all
are combinations of few vectors: the sine coefficients ζ of the profiles. Every sum over cells is
therefore a product of matrices as small as there are pairs of ζ, but for the block of P between the
first and the second kind, which is a product element by element. The block of the first kind is
block-diagonal and goes first in the factorisation.
"""

import numpy as np
from scipy import linalg

from kernlab.pde._hilbert_space import sine_transform
from kernlab.pde._lidstone import lidstone_profiles

# ψ whose information is below this share of its prior change nothing that double
# precision shows.
_NEGLIGIBLE = 1e-16
# Condition number of P, scaled to a unit diagonal, above which its square root comes from a QR
# factorisation of the columns themselves: 1e12 leaves standard deviations four digits (means are
# corrected and lose none); and the operations that this may take.
_QR_ABOVE, _QR_OPERATIONS = 1e12, 3e10
# Relative addition to the diagonal of a P that rounding has made indefinite, where QR takes longer.
_JITTER = 1e-11
# Entries of the columns that QR takes at once.
_QR_ENTRIES = 2e7


def _pairs(vectors):
    """All products of two rows, shape (z*z, n)."""
    return (vectors[:, None] * vectors[None]).reshape(-1, vectors.shape[1])


class _Side:
    """Face functions with profiles along one axis, times eigenmodes of the other."""

    def __init__(self, zeta, wave_across, coefficient, other, constant, orders, step_other):
        # zeta: (6, n) along this axis. U[k] turns ζ into the columns: (n_other, E, 6).
        n_other = len(wave_across)
        U = np.zeros((n_other, 2 * len(orders), len(zeta)))
        for j, order in enumerate(orders):
            for end in range(2):
                U[:, 2 * j + end, 2 * order + end] = constant - other * wave_across
                if order > 0:
                    U[:, 2 * j + end, 2 * (order - 1) + end] = coefficient
        self.U = U / np.sqrt(step_other)
        self.zeta, self.pairs = zeta, _pairs(zeta)


class GridModel:
    """The linear-Gaussian model that the opening comment of the file describes.

    Parameters
    ----------
    shape : (int, int)
        Interior nodes along s and t.
    coefficients : (A, B, C)
    orders : tuple of int
        Lidstone orders of the face functions; 0 among them if the edges' values are data.
    edge_noise : float or None
        Noise variance of the edges' values; None if they are not data.
    """

    def __init__(self, shape, coefficients, orders=(1, 2), edge_noise=None):
        A, B, C = coefficients
        self.shape, self.orders, self.edge_noise = shape, tuple(orders), edge_noise
        self.coefficients = coefficients
        self.steps = [1.0 / (n + 1) for n in shape]
        waves = [(np.pi * np.arange(1, n + 1)) ** 2 for n in shape]
        self.d = (C - A * waves[0][:, None] - B * waves[1]) / np.sqrt(np.prod(self.steps))
        zeta = []
        for n in shape:
            profiles = lidstone_profiles(np.arange(1, n + 1) / (n + 1), range(max(orders) + 1))
            zeta.append(sine_transform(profiles))
        self.sides = [
            _Side(zeta[0], waves[1], A, B, C, orders, self.steps[1]),
            _Side(zeta[1], waves[0], B, A, C, orders, self.steps[0]),
        ]
        # O[e, f] turns ζ ⊗ ζ' into the column of profile e in s times profile f in t.
        n_profiles, n_zeta = 2 * len(orders), len(zeta[0])
        O = np.zeros((n_profiles, n_profiles, n_zeta, n_zeta))  # noqa: E741
        places = [2 * order + end for order in orders for end in range(2)]
        for e, z in enumerate(places):
            for f, y in enumerate(places):
                O[e, f, z, y] += C
                if z >= 2:
                    O[e, f, z - 2, y] += A
                if y >= 2:
                    O[e, f, z, y - 2] += B
        self.O = O.reshape(-1, n_zeta, n_zeta)
        self.n_profiles, self.places = n_profiles, places

    # --- Columns of H -----------------------------------------------------------------------

    def apply(self, bx, by, bc):
        """H b on all cells; bx (..., n_t, E), by (..., n_s, E), bc (..., E*E)."""
        zx, zy = (side.zeta for side in self.sides)
        x = np.einsum("...ke,kez->...zk", bx, self.sides[0].U)
        y = np.einsum("...ke,kez->...kz", by, self.sides[1].U)
        corner = np.tensordot(bc, self.O, 1)
        return zx.T @ (x + corner @ zy) + y @ zy

    def adjoint(self, field):
        """Hᵀ field, as the three groups of columns."""
        zx, zy = (side.zeta for side in self.sides)
        x, y = zx @ field, zy @ field.T
        return (
            np.einsum("kez,zk->ke", self.sides[0].U, x),
            np.einsum("kez,zk->ke", self.sides[1].U, y),
            np.einsum("qzy,zy->q", self.O, x @ zy.T),
        )

    def square_norms(self):
        """Sum of squares of each column of H, as the three groups."""
        zx, zy = (side.zeta for side in self.sides)
        gx, gy = zx @ zx.T, zy @ zy.T
        return (
            np.einsum("kez,zy,key->ke", self.sides[0].U, gx, self.sides[0].U),
            np.einsum("kez,zy,key->ke", self.sides[1].U, gy, self.sides[1].U),
            np.einsum("qzy,zu,yv,quv->q", self.O, gx, gy, self.O, optimize=True),
        )

    # --- Values on the edges ----------------------------------------------------------------
    # On the edge s = end only profiles of order 0 at that end remain: φ_l(t) with the weight bx,
    # and the profiles in t with bc. Rows: sine coefficients of the edge, and the four corners.

    def _edge_columns(self, axis):
        """(2, E*E, n_other): what each product of profiles leaves on the two edges of an axis."""
        E = self.n_profiles
        columns = np.zeros((2, E, E, self.shape[1 - axis]))
        for end in range(2):
            row = self.sides[1 - axis].zeta[self.places]
            if axis == 0:
                columns[end, end] = row
            else:
                columns[end, :, end] = row
        return columns.reshape(2, E * E, -1)

    def edge_apply(self, bx, by, bc):
        """Values that the weights give the edges: two (2, n_other) arrays and the 2 x 2 corners."""
        edges = []
        for axis, b in enumerate((bx, by)):
            own = b[:, :2].T / np.sqrt(self.steps[1 - axis])
            edges.append(own + np.einsum("eqk,q->ek", self._edge_columns(axis), bc))
        return edges[0], edges[1], bc.reshape(self.n_profiles, -1)[:2, :2]

    def edge_adjoint(self, rows):
        """Transpose of `edge_apply`."""
        corner = np.zeros((self.n_profiles, self.n_profiles))
        corner[:2, :2] = rows[2]
        groups, total = [], corner.ravel()
        for axis in range(2):
            b = np.zeros((self.shape[1 - axis], self.n_profiles))
            b[:, :2] = rows[axis].T / np.sqrt(self.steps[1 - axis])
            groups.append(b)
            total = total + np.einsum("eqk,ek->q", self._edge_columns(axis), rows[axis])
        return groups[0], groups[1], total


class Solution:
    """Posterior of the face weights for one set of variances, and the evidence.

    Parameters
    ----------
    model : GridModel
    data : (n_s, n_t) array
        Sine coefficients of the source.
    S : (n_s, n_t) array
        Prior variances of the sine weights.
    v : float
        Noise variance.
    beta : three arrays, (n_t, E), (n_s, E) and (E*E,)
        Prior variances of the face weights.
    edges : None or (array, array, array)
        Sine coefficients of the edges' values, and the corners, as of `GridModel.edge_apply`.
    """

    def __init__(self, model, data, S, v, beta, edges=None, negligible=_NEGLIGIBLE):
        self.negligible = negligible
        self.model, self.data, self.S, self.v, self.edges = model, data, S, v, edges
        self.c = model.d**2 * S + v
        self.ic = 1.0 / self.c
        self._assemble(beta)
        self._factor()
        self._solve()

    def _assemble(self, beta):
        model, ic = self.model, self.ic
        x, y = model.sides
        nz, E, Q = len(x.zeta), model.n_profiles, len(model.O)
        Mx = (x.pairs @ ic).T.reshape(-1, nz, nz)
        My = (y.pairs @ ic.T).T.reshape(-1, nz, nz)
        G = (x.pairs @ ic @ y.pairs.T).reshape(nz, nz, nz, nz)
        xx, yy = x.U @ Mx @ x.U.transpose(0, 2, 1), y.U @ My @ y.U.transpose(0, 2, 1)
        # (k, z, q): a product of profiles as a combination of ζ in the cells of one mode.
        self._Ox = np.einsum("qzy,yk->kzq", model.O, y.zeta)
        self._Oy = np.einsum("qzy,zi->iyq", model.O, x.zeta)
        xc, yc = x.U @ (Mx @ self._Ox), y.U @ (My @ self._Oy)
        cc = np.einsum("qzy,zuyv,ruv->qr", model.O, G, model.O, optimize=True)
        if model.edge_noise is not None:
            for axis, (own, cross) in enumerate(((xx, xc), (yy, yc))):
                step, columns = model.steps[1 - axis], model._edge_columns(axis)
                for end in range(2):
                    own[:, end, end] += 1.0 / (step * model.edge_noise)
                    cross[:, end] += columns[end].T / (np.sqrt(step) * model.edge_noise)
                    cc += columns[end] @ columns[end].T / model.edge_noise
            corner = np.zeros((E, E))
            corner[:2, :2] = 1.0 / model.edge_noise
            cc[np.diag_indices(Q)] += corner.ravel()
        bx, by, bc = beta
        self._information = [np.einsum("kee->ke", xx) * bx, np.einsum("kee->ke", yy) * by]
        known = self._information
        if self.negligible > _NEGLIGIBLE:
            # What a weight could explain were it alone, beside what would be known of it.
            scores = model.adjoint(self.data * ic)
            known = [np.maximum(i, b * s**2) for i, b, s in zip(known, beta, scores, strict=False)]
        self.active = [np.flatnonzero((i > self.negligible).any(1)) for i in known]
        kx, ky = self.active
        self.roots = [np.sqrt(bx[kx]), np.sqrt(by[ky]), np.sqrt(bc)]
        rx, ry, rc = self.roots
        K, J = len(kx), len(ky)
        self.n_trailing = n = J * E + Q
        self._hx = x.U[kx] @ x.zeta[:, ky]  # (k, e, i): the column (k, e) at the cells (i, k)
        self._hy = y.U[ky] @ y.zeta[:, kx]  # (i, g, k)
        self.XX = rx[:, :, None] * xx[kx] * rx[:, None] + np.eye(E)
        XT = np.empty((K, E, n))
        cross = np.einsum("kei,igk,ik->keig", self._hx, self._hy, ic[np.ix_(ky, kx)], optimize=True)
        XT[:, :, : J * E] = (rx[:, :, None, None] * cross * ry).reshape(K, E, J * E)
        XT[:, :, J * E :] = rx[:, :, None] * xc[kx] * rc
        self.XT = XT
        TT = np.zeros((n, n))
        blocks = TT[: J * E, : J * E].reshape(J, E, J, E)
        i = np.arange(J)
        blocks[i, :, i] = ry[:, :, None] * yy[ky] * ry[:, None]
        TT[: J * E, J * E :] = (ry[:, :, None] * yc[ky] * rc).reshape(-1, Q)
        TT[J * E :, : J * E] = TT[: J * E, J * E :].T
        TT[J * E :, J * E :] = rc[:, None] * cc * rc
        TT[np.diag_indices(n)] += 1.0
        self.TT = TT
        self.trace = float(np.einsum("kee->", self.XX) + np.trace(TT))

    def _factor(self):
        try:
            self.R = self._cholesky()
            poor = self._condition() > _QR_ABOVE
        except np.linalg.LinAlgError:
            self.R, poor = None, True
        # Operations of the other way.
        self.by_qr = poor and 2.0 * self.data.size * self._size() ** 2 < _QR_OPERATIONS
        self.accurate = self.by_qr or not poor
        if self.by_qr:
            self.R = self._orthogonal_root()
        elif self.R is None:
            # A larger prior precision, by what rounding has taken.
            self.XX *= 1.0 + _JITTER * np.eye(self.XX.shape[1])
            self.TT[np.diag_indices(len(self.TT))] *= 1.0 + _JITTER
            self.R = self._cholesky()

    def _cholesky(self):
        K, E, n = self.XT.shape
        Lx = np.linalg.cholesky(self.XX)
        above = np.linalg.solve(Lx, self.XT).reshape(K * E, n)
        R = np.zeros((K * E + n, K * E + n))
        k = np.arange(K)
        R[: K * E, : K * E].reshape(K, E, K, E)[k, :, k] = Lx.transpose(0, 2, 1)
        R[: K * E, K * E :] = above
        schur = linalg.blas.dsyrk(-1.0, above, beta=1.0, c=self.TT, trans=1)
        R[K * E :, K * E :] = linalg.cholesky(schur, overwrite_a=True, check_finite=False)
        return R

    def _condition(self):
        """Condition number of P with a unit diagonal, which is what its Cholesky factor sees."""
        scaled = self.R / np.sqrt((self.R**2).sum(0))
        reciprocal = linalg.lapack.dtrcon(scaled)[0]
        return 1.0 / max(reciprocal, 1e-150) ** 2

    def columns(self, rows=slice(None)):
        """√β-weighted active columns of H, dense, for the cells of some rows of the grid."""
        model, (kx, ky), (rx, ry, rc) = self.model, self.active, self.roots
        E, (zx, zy) = model.n_profiles, (side.zeta for side in model.sides)
        here = np.arange(model.shape[0])[rows]
        H = np.zeros((len(here), model.shape[1], self._size()))
        hx = (model.sides[0].U[kx] @ zx[:, here]) * rx[:, :, None]
        hy = (model.sides[1].U[ky] @ zy) * ry[:, :, None]
        for j, k in enumerate(kx):
            H[:, k, j * E : (j + 1) * E] = hx[j].T
        for j, i in enumerate(ky):
            start = (len(kx) + j) * E
            H[here == i, :, start : start + E] = hy[j].T
        H[:, :, self._size() - len(rc) :] = (
            np.einsum("zi,qzy,yk->ikq", zx[:, here], model.O, zy) * rc
        )
        return H.reshape(-1, self._size())

    def _size(self):
        return self.XT.shape[0] * self.XT.shape[1] + self.n_trailing

    def _edge_rows(self):
        """√β-weighted active columns of the edges' rows, dense."""
        size = self._size()
        rows = [
            np.concatenate([part.ravel() for part in self.model.edge_apply(*self.groups(unit))])
            for unit in np.eye(size)
        ]
        return np.array(rows).T / np.sqrt(self.model.edge_noise)

    def _orthogonal_root(self):
        size = self._size()
        R = np.eye(size)
        if self.model.edge_noise is not None:
            R = linalg.qr(np.vstack([self._edge_rows(), R]), mode="r", check_finite=False)[0][:size]
        n, m = self.model.shape
        chunk = max(1, int(_QR_ENTRIES / (size * m)))
        for start in range(0, n, chunk):
            rows = slice(start, start + chunk)
            H = self.columns(rows) * np.sqrt(self.ic[rows]).reshape(-1, 1)
            R = linalg.qr(np.vstack([R, H]), mode="r", overwrite_a=True, check_finite=False)[0][
                :size
            ]
        return R * np.where(np.diag(R) < 0.0, -1.0, 1.0)[:, None]

    def groups(self, z):
        """The weights b of all columns from the whitened ones of the active, (..., N)."""
        (n, m), E, lead = self.model.shape, self.model.n_profiles, z.shape[:-1]
        (kx, ky), (rx, ry, rc) = self.active, self.roots
        bx, by = np.zeros((*lead, m, E)), np.zeros((*lead, n, E))
        split = len(kx) * E
        end = split + len(ky) * E
        bx[..., kx, :] = rx * z[..., :split].reshape(*lead, len(kx), E)
        by[..., ky, :] = ry * z[..., split:end].reshape(*lead, len(ky), E)
        return bx, by, rc * z[..., end:]

    def whiten(self, groups):
        """Transpose of `groups`."""
        (gx, gy, gc), (kx, ky), (rx, ry, rc) = groups, self.active, self.roots
        return np.concatenate([(rx * gx[kx]).ravel(), (ry * gy[ky]).ravel(), rc * gc])

    def _residuals(self, z):
        b = self.groups(z)
        self.b = b
        cells = self.data - self.model.apply(*b)
        rows = None
        if self.edges is not None:
            rows = [y - f for y, f in zip(self.edges, self.model.edge_apply(*b), strict=True)]
        return cells, rows

    def _solve(self):
        z = np.zeros(len(self.R))
        # Seminormal equations with two corrections: as accurate as QR in the weights.
        for _ in range(3):
            cells, rows = self._residuals(z)
            gradient = self.whiten(self.model.adjoint(cells * self.ic)) - z
            if rows is not None:
                gradient += self.whiten(self.model.edge_adjoint(rows)) / self.model.edge_noise
            half = linalg.solve_triangular(self.R, gradient, trans="T", check_finite=False)
            z = z + linalg.solve_triangular(self.R, half, check_finite=False)
        self.z = z
        self.cells, self.rows = self._residuals(z)

    @property
    def log_evidence(self):
        """log p(data)."""
        total = float((self.cells**2 * self.ic).sum() + self.z @ self.z)
        total += float(np.log(self.c).sum()) + 2.0 * float(np.log(np.diag(self.R)).sum())
        count = self.data.size
        if self.rows is not None:
            noise, edges = self.model.edge_noise, sum(row.size for row in self.rows)
            total += sum(float((row**2).sum()) for row in self.rows) / noise
            total += edges * np.log(noise)
            count += edges
        return -0.5 * (total + count * np.log(2.0 * np.pi))

    def _inverse_blocks(self):
        """P⁻¹: its diagonal blocks of the first kind, those to the others, and all the others."""
        K, E, n = self.XT.shape
        k = np.arange(K)
        own = self.R[: K * E, : K * E].reshape(K, E, K, E)[k, :, k]
        inverse = np.linalg.inv(own)
        solved = inverse @ self.R[: K * E, K * E :].reshape(K, E, n)
        upper = linalg.lapack.dpotri(self.R[K * E :, K * E :])[0]
        tt = np.triu(upper) + np.triu(upper, 1).T
        xt = -(solved.reshape(-1, n) @ tt).reshape(K, E, n)
        xx = inverse @ inverse.transpose(0, 2, 1) - xt @ solved.transpose(0, 2, 1)
        return xx, xt, tt

    def gradient(self):
        """Derivatives of the evidence by S, by v, and by log β of the three groups."""
        model, (kx, ky), (rx, ry, rc) = self.model, self.active, self.roots
        x, y = model.sides
        K, J, E = len(kx), len(ky), model.n_profiles
        xx, xt, tt = self._inverse_blocks()
        split, end = K * E, (K + J) * E
        diagonal = np.concatenate([np.einsum("kee->ke", xx).ravel(), np.diag(tt)])
        half = 0.5 * (self.z**2 + diagonal - 1.0)
        d_beta = [np.zeros((model.shape[1], E)), np.zeros((model.shape[0], E)), half[end:]]
        d_beta[0][kx] = half[:split].reshape(K, E)
        d_beta[1][ky] = half[split:end].reshape(J, E)
        # Leverage of each cell, h V hᵀ, block by block of V = √β P⁻¹ √β.
        trailing = np.concatenate([ry.ravel(), rc])
        xx = xx * rx[:, :, None] * rx[:, None]
        xt = xt * rx[:, :, None] * trailing
        tt = tt * trailing[:, None] * trailing
        i, split = np.arange(J), J * E
        yy = tt[:split, :split].reshape(J, E, J, E)[i, :, i]
        xy, xc = xt[:, :, :split].reshape(K, E, J, E), xt[:, :, split:]
        yc = tt[:split, split:].reshape(J, E, len(rc))
        Ux, Uy = x.U[kx], y.U[ky]
        nz = len(x.zeta)
        Nx = Ux.transpose(0, 2, 1) @ (xx @ Ux + 2.0 * xc @ self._Ox[kx].transpose(0, 2, 1))
        Ny = Uy.transpose(0, 2, 1) @ (yy @ Uy + 2.0 * yc @ self._Oy[ky].transpose(0, 2, 1))
        cc = np.einsum("qzy,qr,ruv->zuyv", model.O, tt[split:, split:], model.O, optimize=True)
        leverage = x.pairs.T @ (cc.reshape(nz * nz, nz * nz) @ y.pairs)
        leverage[:, kx] += x.pairs.T @ Nx.reshape(K, nz * nz).T
        leverage[ky] += Ny.reshape(J, nz * nz) @ y.pairs
        inner = np.einsum("keig,igk->kei", xy, self._hy)
        leverage[np.ix_(ky, kx)] += 2.0 * np.einsum("kei,kei->ik", inner, self._hx)
        d_c = 0.5 * self.ic * (self.ic * (self.cells**2 + leverage) - 1.0)
        return d_c * model.d**2, float(d_c.sum()), d_beta

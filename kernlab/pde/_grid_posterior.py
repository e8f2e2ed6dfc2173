"""Posterior of a grid fit: mean, standard deviation, covariance and samples of u anywhere."""

import numpy as np
from scipy import linalg

from kernlab.pde._hilbert_space import HilbertSpace
from kernlab.pde._lidstone import lidstone_profiles
from kernlab.pde._prior import AxisMixture

_BLOCK_ENTRIES = 4_000_000
# A sine weight whose posterior mean and variance keep less than this of the prior is left out.
_NEGLIGIBLE = 1e-20
# Information of the data about face weights, summed, beyond which sums over them cancel.
_MUCH_FIXED = 1e12
# Rows of a grid whose variance is computed together.
_GRID_ROWS = 8


class GridFrame:
    """The unit square's coordinates and functions, and the units of u.

    Parameters
    ----------
    low, lengths : (2,) arrays
        The box.
    unit : float
        u in the model times ``unit`` is u.
    model : GridModel
    lift : EdgeLift or None
        What takes the exact values on the edges, in the units of u itself.
    """

    def __init__(self, low, lengths, unit, model, lift):
        self.low, self.lengths, self.unit = low, lengths, unit
        self.model, self.lift = model, lift
        self.factors = [HilbertSpace(0.0, 1.0, n) for n in model.shape]

    def normalise(self, x, axis):
        """Coordinates of [0, 1]; refuses those outside the box by more than rounding."""
        t = (np.asarray(x, dtype=float) - self.low[axis]) / self.lengths[axis]
        bad = ~((t > -1e-9) & (t < 1.0 + 1e-9))
        if bad.any():
            raise ValueError(
                f"coordinate {axis} holds {np.asarray(x).ravel()[bad.ravel()][0]!r}, which is "
                f"outside the box [{self.low[axis]!r}, {self.low[axis] + self.lengths[axis]!r}]."
            )
        return np.clip(t, 0.0, 1.0)

    def points(self, X):
        """Columns of an (n, 2) array of points in the unit square."""
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != 2:
            raise ValueError(f"X must have shape (n, 2), got {X.shape}.")
        return self.normalise(X[:, 0], 0), self.normalise(X[:, 1], 1)

    def sines(self, s, axis, modes=slice(None)):
        return self.factors[axis].features(s)[:, modes]

    def profiles(self, s):
        return lidstone_profiles(s, self.model.orders).T


class GridKernel:
    """Prior covariance of u, apart from what the exact values on the edges fix.

    Called with two tables of points it returns a dense matrix: for small tables.

    Attributes
    ----------
    frequencies, scales : lists of two arrays
        Centres and standard deviations of the spectral components along each axis, in radians per
        unit.
    weights : array
        ``weights[i, j]`` is the largest variance that the product of component i along x and j
        along y gives a sine weight of the unit square's orthonormal eigenfunctions.
    axes : list of two AxisMixture
        The same for a reader, in variances of u at the middle of the box. Frequency zero holds what
        the faces carry into it.
    """

    def __init__(self, frame, S, beta, components, bumps):
        self._frame, self._S, self._beta = frame, S, beta
        self.frequencies, self.scales, self.weights = components
        self.axes = [self._mixture(axis, bumps) for axis in range(2)]

    def _mixture(self, axis, bumps):
        """Components along one axis, as variances of u at the middle."""
        frame, other, E = self._frame, 1 - axis, self._frame.model.n_profiles
        middle = np.array([0.5])
        own, across = frame.sines(middle, axis)[0] ** 2, frame.sines(middle, other)[0] ** 2
        profiles = frame.profiles(middle)[0] ** 2
        S = self._S if axis == 0 else self._S.T
        lengthwise, crosswise, corners = self._beta[other], self._beta[axis], self._beta[2]
        power = (S @ across + lengthwise @ profiles) * own
        # Each mode's variance by the shares that the components have of it.
        W = self.weights if axis == 0 else self.weights.T
        shares = bumps[axis] * (W @ bumps[other] @ across)[:, None]
        total = shares.sum(0)
        shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0.0)
        weights = shares @ power
        weights[0] += across @ crosswise @ profiles + profiles @ corners.reshape(E, E) @ profiles
        weights[0] += power.sum() - (shares.sum(0) * power).sum()
        return AxisMixture(
            self.frequencies[axis], frame.unit**2 * weights, 1.0 / self.scales[axis], "gaussian"
        )

    def _features(self, X):
        """Features with their prior standard deviations, (n, all weights)."""
        frame = self._frame
        s, t = frame.points(X)
        bx, by, bc = (np.sqrt(b) for b in self._beta)
        fs, ft = frame.sines(s, 0), frame.sines(t, 1)
        ps, pt = frame.profiles(s), frame.profiles(t)
        parts = [
            fs[:, :, None] * ft[:, None] * np.sqrt(self._S),
            ft[:, :, None] * ps[:, None] * bx,
            fs[:, :, None] * pt[:, None] * by,
            (ps[:, :, None] * pt[:, None]).reshape(len(s), -1) * bc,
        ]
        return frame.unit * np.hstack([part.reshape(len(s), -1) for part in parts])

    def __call__(self, X, Y=None):
        left = self._features(X)
        return left @ (left if Y is None else self._features(Y)).T

    def diag(self, X):
        return (self._features(X) ** 2).sum(1)


class GridPosterior:
    """Posterior of u given a source on a grid; made by :func:`kernlab.pde._grid.fit_grid`.

    Attributes
    ----------
    kernel : GridKernel
    log_evidence : float
        log p of the source's values, and of the edges' values if those are noisy.
    noise : float
        Noise variance of the source.
    params : dict
        Empty: a grid fit infers no scalars.
    converged, n_iter : bool, int
        Whether the evidence's maximum was reached, and the evaluations that took.
    low, high : (2,) arrays
        The box, which the grid implies.
    """

    def __init__(self, frame, solution, beta, scale, components, bumps, search):
        self._frame, self._solution, self._beta = frame, solution, beta
        self.params = {}
        self.converged, self.n_iter = bool(search.success), int(search.nfev)
        model = frame.model
        self.kernel = GridKernel(frame, solution.S, beta, components, bumps)
        self.noise = solution.v * scale**2
        count = solution.data.size * np.log(scale)
        if solution.edges is not None:
            count += sum(row.size for row in solution.edges) * np.log(frame.unit)
        self.log_evidence = float(solution.log_evidence - count)
        self.low, self.high = frame.low, frame.low + frame.lengths
        gain = solution.S * model.d * solution.ic
        kept = np.abs(gain * model.d) > _NEGLIGIBLE
        self._modes = [np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))]
        box = np.ix_(*self._modes)
        self._gain = gain
        self._mean = (gain * solution.cells)[box]
        self._variance = (solution.S * solution.v * solution.ic)[box]

    # --- What each weight of a face function leaves after the sines -------------------------------

    def _side(self, s, axis):
        """(n, K, E): profiles less their projection on the sines of each active mode."""
        frame, model = self._frame, self._frame.model
        side, active = model.sides[axis], self._solution.active[axis]
        gain = self._gain if axis == 0 else self._gain.T
        gain = gain[np.ix_(self._modes[axis], active)]
        sines = frame.sines(s, axis, self._modes[axis])
        left = np.repeat(frame.profiles(s)[:, None], len(active), axis=1)
        for z, zeta in enumerate(side.zeta[:, self._modes[axis]]):
            left -= ((sines * zeta) @ gain)[:, :, None] * side.U[active][:, :, z]
        return left

    def _corners(self, s, t, product):
        """(E*E, ...) products of profiles less their projection; ``product`` joins the axes."""
        frame, model = self._frame, self._frame.model
        (mx, my), E = self._modes, model.n_profiles
        zx, zy = model.sides[0].zeta[:, mx], model.sides[1].zeta[:, my]
        gain = self._gain[np.ix_(mx, my)]
        fs, ft = frame.sines(s, 0, mx), frame.sines(t, 1, my)
        left = [(fs * zeta) @ gain for zeta in zx]
        ps, pt = frame.profiles(s), frame.profiles(t)
        fields = []
        for q, O in enumerate(model.O):  # noqa: E741
            field = product(ps[:, q // E, None], pt[:, q % E, None])
            for z in np.flatnonzero(O.any(1)):
                field = field - product(left[z], ft * (O[z] @ zy))
            fields.append(field)
        return np.array(fields)

    def _rows(self, s, t):
        """Residual face functions times √β at scattered points, (n, N)."""
        frame, solution = self._frame, self._solution
        kx, ky = solution.active
        rx, ry, rc = solution.roots
        x = self._side(s, 0) * rx * frame.sines(t, 1, kx)[:, :, None]
        y = self._side(t, 1) * ry * frame.sines(s, 0, ky)[:, :, None]
        corner = self._corners(s, t, lambda a, b: (a * b).sum(1))
        n = len(s)
        return np.hstack([x.reshape(n, -1), y.reshape(n, -1), corner.T * rc])

    def _lifted(self, s, t, sines_s, sines_t, b):
        """Values of the face functions with weights b at scattered points; b may have a batch."""
        ps, pt = self._frame.profiles(s), self._frame.profiles(t)
        bx, by, bc = b
        E = self._frame.model.n_profiles
        total = np.einsum("pk,...ke,pe->...p", sines_t, bx, ps, optimize=True)
        total = total + np.einsum("pk,...ke,pe->...p", sines_s, by, pt, optimize=True)
        bc = bc.reshape(*bc.shape[:-1], E, E)
        return total + np.einsum("pe,...ef,pf->...p", ps, bc, pt, optimize=True)

    def _blocks(self, n):
        width = max(max(self._frame.model.shape), len(self._solution.R))
        step = max(1, _BLOCK_ENTRIES // width)
        return [slice(start, start + step) for start in range(0, n, step)]

    # --- Scattered points --------------------------------------------------------------------

    def predict(self, X, return_std=False, return_cov=False):
        """Posterior mean of u, and its standard deviation or covariance.

        Parameters
        ----------
        X : (n, 2) array
            Points of the box.
        return_std, return_cov : bool
            At most one of them.

        Returns
        -------
        mean : (n,) array
        std or cov : (n,) or (n, n) array
            Of u given the noisy data, not of any error of discretisation.
        """
        if return_std and return_cov:
            raise ValueError("ask for one of return_std and return_cov.")
        s, t = self._frame.points(X)
        mean, variance = np.empty(len(s)), np.empty(len(s))
        for block in self._blocks(len(s)):
            mean[block], variance[block] = self._moments(s[block], t[block], return_std)
        if return_cov:
            return mean, self._covariance(s, t)
        return (mean, np.sqrt(variance)) if return_std else mean

    def _moments(self, s, t, with_variance):
        frame, (mx, my) = self._frame, self._modes
        fs, ft = frame.sines(s, 0), frame.sines(t, 1)
        mean = ((fs[:, mx] @ self._mean) * ft[:, my]).sum(1)
        mean = frame.unit * (mean + self._lifted(s, t, fs, ft, self._solution.b))
        if frame.lift is not None:
            mean += frame.lift.values(s, t)
        if not with_variance:
            return mean, np.zeros(len(s))
        variance = ((fs[:, mx] ** 2 @ self._variance) * ft[:, my] ** 2).sum(1)
        rows = self._whitened(s, t)
        return mean, frame.unit**2 * (variance + (rows**2).sum(0))

    def _whitened(self, s, t):
        rows = self._rows(s, t).T
        return linalg.solve_triangular(self._solution.R, rows, trans="T", check_finite=False)

    def _covariance(self, s, t):
        frame, (mx, my) = self._frame, self._modes
        fs, ft = frame.sines(s, 0, mx), frame.sines(t, 1, my)
        rows = self._whitened(s, t)
        total = rows.T @ rows
        for j, variance in enumerate(self._variance):
            weighted = ft * np.sqrt(variance) * fs[:, j, None]
            total += weighted @ weighted.T
        return frame.unit**2 * total

    def sample(self, X, n_samples, rng):
        """Exact draws from the posterior of u at scattered points.

        Parameters
        ----------
        X : (n, 2) array
        n_samples : int
        rng : numpy.random.Generator

        Returns
        -------
        (n, n_samples) array
        """
        frame, solution = self._frame, self._solution
        s, t = frame.points(X)
        fs, ft = frame.sines(s, 0), frame.sines(t, 1)
        mean = self.predict(X)
        out = np.empty((len(s), n_samples))
        mx, my = self._modes
        box = np.ix_(mx, my)
        step = max(1, _BLOCK_ENTRIES // max(solution.data.size, len(s)))
        for start in range(0, n_samples, step):
            count = min(step, n_samples - start)
            white = rng.standard_normal((len(solution.R), count))
            faces = linalg.solve_triangular(solution.R, white, check_finite=False)
            faces = solution.groups(faces.T)
            weights = np.sqrt(self._variance) * rng.standard_normal((count, *self._variance.shape))
            weights -= (self._gain * frame.model.apply(*faces))[:, *box]
            draws = np.einsum("pk,jkl,pl->jp", fs[:, mx], weights, ft[:, my], optimize=True)
            draws += self._lifted(s, t, fs, ft, faces)
            out[:, start : start + count] = mean[:, None] + frame.unit * draws.T
        return out

    # --- Grids -------------------------------------------------------------------------------

    def predict_grid(self, axes, return_std=False):
        """Posterior mean of u, and its standard deviation, on a grid, by factors of the axes.

        Parameters
        ----------
        axes : two arrays, of n and m coordinates
        return_std : bool

        Returns
        -------
        mean : (n, m) array
        std : (n, m) array
            If ``return_std``.
        """
        frame, solution, (mx, my) = self._frame, self._solution, self._modes
        if len(axes) != 2:
            raise ValueError(f"axes must be two arrays of coordinates, got {len(axes)}.")
        s, t = (frame.normalise(np.ravel(axis), j) for j, axis in enumerate(axes))
        fs, ft = frame.sines(s, 0), frame.sines(t, 1)
        ps, pt = frame.profiles(s), frame.profiles(t)
        bx, by, bc = solution.b
        E = frame.model.n_profiles
        mean = fs[:, mx] @ self._mean @ ft[:, my].T
        mean += ps @ (bx.T @ ft.T + bc.reshape(E, E) @ pt.T) + (fs @ by) @ pt.T
        mean *= frame.unit
        if frame.lift is not None:
            mean += frame.lift.fields(s, t)[0]
        if not return_std:
            return mean
        if solution.trace > _MUCH_FIXED:
            # The sums of the axes' factors cancel where the data fix nearly everything.
            S, T = (m.ravel() for m in np.meshgrid(s, t, indexing="ij"))
            variance = np.concatenate(
                [self._moments(S[b], T[b], True)[1] for b in self._blocks(len(S))]
            )
            return mean, np.sqrt(variance).reshape(mean.shape)
        variance = fs[:, mx] ** 2 @ self._variance @ (ft[:, my] ** 2).T
        variance += self._face_variance(s, t, fs, ft)
        return mean, frame.unit * np.sqrt(np.maximum(variance, 0.0))

    def _face_variance(self, s, t, fs, ft):
        """Variance that the face functions' weights leave, on a grid."""
        solution, E = self._solution, self._frame.model.n_profiles
        (kx, ky), (rx, ry, rc) = solution.active, solution.roots
        root = np.concatenate([rx.ravel(), ry.ravel(), rc])
        V = linalg.lapack.dpotri(solution.R)[0]
        V = (np.triu(V) + np.triu(V, 1).T) * root[:, None] * root
        K, J = len(kx), len(ky)
        split, end = K * E, (K + J) * E
        a, b = self._side(s, 0), self._side(t, 1)
        sx, sy = fs[:, ky], ft[:, kx]
        corner = self._corners(s, t, lambda left, right: left @ right.T)
        fields = corner.reshape(E * E, -1)
        total = (fields * (V[end:, end:] @ fields)).sum(0).reshape(len(s), len(t))
        between = 2.0 * V[:split, split:end].reshape(K, E, J * E)
        sides = (
            (a, sy, V[:split, :split], V[:split, end:], corner, total),
            (b, sx, V[split:end, split:end], V[split:end, end:], corner.swapaxes(1, 2), total.T),
        )
        for turn, (own, wave, block, cross, place, target) in enumerate(sides):
            block, cross = block.reshape(-1, E, len(block)), 2.0 * cross.reshape(-1, E, E * E)
            for i in range(0, len(own), _GRID_ROWS):
                rows = own[i : i + _GRID_ROWS]
                left = rows.transpose(1, 0, 2)
                # (mode, row, mode): a quadratic form in the waves for each row of the grid.
                form = (left @ block).reshape(*left.shape[:2], -1, E)
                form = np.einsum("kxle,xle->kxl", form, rows)
                part = target[i : i + _GRID_ROWS]
                part += _contract(wave, form, wave[:, None])
                part += _contract(wave, left @ cross, place[:, i : i + _GRID_ROWS].T)
                if not turn:
                    waves = np.repeat(sx[i : i + _GRID_ROWS], E, axis=1)
                    part += _contract(sy, (left @ between) * waves, b.reshape(len(t), 1, -1))
        return total


def _contract(wave, tensor, right):
    """Σ_kr wave[p, k] tensor[k, x, r] right[p, x, r] as an (x, p) array."""
    K, rows, width = tensor.shape
    product = (wave @ tensor.reshape(K, -1)).reshape(len(wave), rows, width)
    return np.einsum("pxr,pxr->xp", product, np.broadcast_to(right, product.shape))

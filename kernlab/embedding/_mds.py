"""Multidimensional scaling: classical, by majorisation, and of single points against landmarks."""

# References: Torgerson, *Multidimensional scaling I*, Psychometrika 17, 1952; de Leeuw,
# *Applications of convex analysis to multidimensional scaling*, 1977; de Silva, Tenenbaum, *Sparse
# multidimensional scaling using landmark points*, Stanford 2004.

import numpy as np
from scipy import linalg
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from kernlab._core.threads import SINGLE_THREADED_BLAS, run_slices
from kernlab._core.warn import warn_user
from kernlab.embedding._mds_numba import guttman_rows, place_rows

# Entries of a slice of distances: of 4 bytes, so that it stays in the second cache.
_SLICE = 2**17
# Decrease of the stress at which majorisation ends, relative to it and to the largest there is, and
# the most steps it takes.
_DECREASE, _NEGLIGIBLE, _MAX_STEPS = 1e-6, 1e-13, 5000
# Only a stress that still falls by this share of itself in so many steps is worth a warning.
_NOTABLE, _LAST_STEPS = 0.01, 100
# A step of majorisation may be lengthened up to twofold without raising the stress, and takes half
# as many then; a little less, or what should shrink to nothing would swing for ever.
_LENGTHENED = 1.8
# Of a placement, relative to the spread of the landmarks: its last step, and what it may end with
# unfinished, as some of the points do without a warning. And the most steps it takes.
_STEP, _BEARABLE, _MAX_PLACING = 1e-8, 1e-3, 200
# In more than so many dimensions the last digits take most of the time: the decrease and the step
# there.
_MANY, _DECREASE_MANY, _STEP_MANY = 8, 1e-4, 1e-3
_FEW = 0.01
# Eigenvalues below this share of the largest are rounding.
_RANK = 1e-12


def classical_mds(distances, n_components):
    """Coordinates whose inner products are nearest those of the distances.

    Parameters
    ----------
    distances : ndarray of shape (m, m)
        Symmetric.
    n_components : int
        At most m.

    Returns
    -------
    points : float64 ndarray of shape (m, n_components)
        Centred, along principal axes in falling order of variance; zero along axes where the
        distances are of no Euclidean space. Each axis points to its largest coordinate.

    Notes
    -----
    O(m³) time; double precision.

    References
    ----------
    .. [1] W. S. Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 17,
       1952.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.embedding._mds import classical_mds
    >>> line = np.array([0.0, 1.0, 3.0])
    >>> classical_mds(np.abs(np.subtract.outer(line, line)), 1).ravel().round(6).tolist()
    [-1.333333, -0.333333, 1.666667]
    """
    m = len(distances)
    products = np.square(distances, dtype=np.float64)
    mean = products.mean(axis=0)
    products -= mean
    products -= mean[:, None] - mean.mean()
    products *= -0.5
    with SINGLE_THREADED_BLAS:
        values, vectors = linalg.eigh(
            products, overwrite_a=True, subset_by_index=[m - n_components, m - 1]
        )
    values, vectors = values[::-1], vectors[:, ::-1]
    values = np.where(values > _RANK * values[0], values, 0.0)
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n_components)]
    return vectors * (np.sqrt(values) * np.where(largest < 0.0, -1.0, 1.0))


def smacof(distances, start, *, weights=None, n_jobs=None):
    """Coordinates of least stress ``Σ w_ij (D_ij - |x_i - x_j|)²`` near a start, by majorisation.

    Parameters
    ----------
    distances : float32 ndarray of shape (m, m)
        Symmetric.
    start : ndarray of shape (m, n_components)
    weights : float32 ndarray of shape (m, m), default=None
        Symmetric and positive off the diagonal; None for ones.
    n_jobs : int, default=None
        Threads; the result does not depend on it.

    Returns
    -------
    points : float64 ndarray of shape (m, n_components)
        Centred.

    Warns
    -----
    ConvergenceWarning
        If the stress still fell by more than a hundredth of itself in the last hundred steps.

    Notes
    -----
    Deterministic. O(m²) time and O(m) memory for a step without weights, and once O(m³) and O(m²)
    with them. The stress never rises; the minimum found is a local one.

    References
    ----------
    .. [1] J. de Leeuw, "Applications of convex analysis to multidimensional scaling", 1977.
    .. [2] J. de Leeuw, W. J. Heiser, "Multidimensional scaling with restrictions on the
       configuration", 1980, for the lengthened steps.
    """
    m, p = start.shape
    points = np.ascontiguousarray(start - start.mean(axis=0), dtype=np.float64)
    rows = max(1, _SLICE // m)
    ones = np.ones((min(rows, m) if weights is None else 0, m), dtype=np.float32)
    factor = None if weights is None else _factor(weights)
    transformed, stress = np.empty((m, p)), np.empty(m)

    def step():
        layout = np.ascontiguousarray(points.T)

        def work(part):
            w = ones[: part.stop - part.start] if weights is None else weights[part]
            guttman_rows(distances[part], w, part.start, layout, transformed[part], stress[part])

        run_slices(work, m, slice_size=rows, n_jobs=n_jobs)
        return float(stress.sum())

    # The largest stress there is: all points in one place.
    factors = (distances, distances) if weights is None else (distances, distances, weights)
    largest = float(np.einsum(",".join(["ij"] * len(factors)) + "->", *factors, dtype=np.float64))
    before, earlier = np.inf, np.inf
    decrease = _DECREASE if p <= _MANY else _DECREASE_MANY
    for turn in range(_MAX_STEPS):
        now = step()
        if turn == _MAX_STEPS - 1 - _LAST_STEPS:
            earlier = now
        if factor is None:
            images = transformed / m
        else:
            with SINGLE_THREADED_BLAS:
                images = linalg.cho_solve(factor, transformed)
        if turn and before - now <= max(decrease * before, _NEGLIGIBLE * largest):
            break
        before = now
        points += _LENGTHENED * (images - points)
    else:
        if now < (1.0 - _NOTABLE) * earlier:
            warn_user(
                f"The stress of {m} points still fell by {1 - now / earlier:.0%} in the last "
                f"{_LAST_STEPS} of {_MAX_STEPS} steps: the positions are not those of least stress."
                " Give mds='classical', or more n_components.",
                ConvergenceWarning,
            )
    return images - images.mean(axis=0)


def _factor(weights):
    """Cholesky factor of the weights' Laplacian, its null space of constants filled in."""
    laplacian = -np.asarray(weights, dtype=np.float64)
    np.fill_diagonal(laplacian, 0.0)
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    laplacian += np.trace(laplacian) / len(laplacian) ** 2
    with SINGLE_THREADED_BLAS:
        return linalg.cho_factor(laplacian, lower=True, overwrite_a=True)


class Landmarks:
    """Fixed points against which any number of others are placed, each alone.

    Parameters
    ----------
    points : ndarray of shape (m, n_components)
        Positions of the landmarks.
    distances : ndarray of shape (m, m)
        Of the landmarks from each other, which the positions may keep in part only.
    linear : bool
        Whether :meth:`place` is to give the positions of landmark MDS, linear in squared distances,
        rather than those of the least stress.

    Notes
    -----
    A position depends on its own row of distances alone: not on other rows, on threads or chance.
    """

    def __init__(self, points, distances, *, linear=False):
        self.points = points
        self.linear = linear
        self._centre = points.mean(axis=0)
        centred = points - self._centre
        self._spread = float(np.sqrt(np.mean(centred**2)))
        with SINGLE_THREADED_BLAS:
            # Pseudo-inverse by hand: directions without extent, of coordinate zero, get none.
            left, values, right = linalg.svd(centred, full_matrices=False)
            kept = values > 1e-6 * values[0]
            self._inverse = (left[:, kept] / values[kept]) @ right[kept]
        # Squared distance from the centre, but for a constant: also that off the embedding, which
        # other points share.
        self._squares = np.square(distances, dtype=np.float64).mean(axis=0)

    def _triangulate(self, distances, out):
        """Positions linear in squared distances: landmark MDS of de Silva and Tenenbaum.

        Least squares of what is left of ``|y - z_s|² = D_s²`` without its mean over the landmarks.
        """
        # Row by row alike whatever the slice: einsum without BLAS, whose bits depend on the shape.
        heights = self._squares - np.square(distances, dtype=np.float64)
        np.einsum("is,sc->ic", heights, self._inverse, out=out)
        out *= 0.5
        out += self._centre

    def place(self, distances, *, weigh=None, n_jobs=None):
        """Position of each row: that of least stress, or the linear one.

        Parameters
        ----------
        distances : float32 ndarray of shape (n_rows, m)
        weigh : callable, default=None
            Weights ``weigh(slice)`` of some rows, float32 of shape (rows, m), not all zero in a
            row; None for ones.
        n_jobs : int, default=None
            Threads.

        Returns
        -------
        points : float64 ndarray of shape (n_rows, n_components)

        Warns
        -----
        ConvergenceWarning
            If more than one position in a hundred has not come to rest to three digits.

        Notes
        -----
        The start is the closest landmark or the linear position, whichever has less stress: the
        first keeps a landmark where it stands. O(m n_components²) for each of some ten steps; to
        three digits only in more than eight dimensions.
        """
        n, m = distances.shape
        out = np.empty((n, self.points.shape[1]))
        rows = max(1, _SLICE // m)
        ones = np.ones((min(rows, n) if weigh is None else 0, m), dtype=np.float32)
        layout = np.ascontiguousarray(self.points.T)
        unfinished = []

        def work(part):
            here = distances[part]
            if self.linear:
                self._triangulate(here, out[part])
                return
            starts = np.empty((len(here), 2, len(layout)))
            starts[:, 0] = self.points[here.argmin(axis=1)]
            self._triangulate(here, starts[:, 1])
            w = ones[: len(here)] if weigh is None else weigh(part)
            step = _STEP if len(layout) <= _MANY else _STEP_MANY
            steps = step * self._spread, _BEARABLE * self._spread, _MAX_PLACING
            unfinished.append(place_rows(here, w, layout, starts, *steps, out[part]))

        run_slices(work, n, slice_size=rows, n_jobs=n_jobs)
        if sum(unfinished) > max(1, _FEW * n):
            warn_user(
                f"{sum(unfinished)} of {n} points have not come to rest among the landmarks in "
                f"{_MAX_PLACING} steps: they can move along some line at hardly any stress. Give "
                "fewer n_components, or mds='classical', which takes no steps.",
                ConvergenceWarning,
            )
        return out


def kruskal_stress(distances, points, landmarks, *, n_jobs=None):
    """Kruskal's stress-1 of points against their distances from landmarks.

    ``√(Σ(D - c r)² / ΣD²)`` with the one number ``c`` that is best for all.

    Parameters
    ----------
    distances : ndarray of shape (n, m)
    points : ndarray of shape (n, n_components)
    landmarks : ndarray of shape (m, n_components)
    n_jobs : int, default=None

    Returns
    -------
    stress : float
        0 is perfect; nan where all distances are zero.
    """
    n, m = distances.shape
    rows = max(1, _SLICE // m)
    sums = np.empty((-(-n // rows), 3))

    def work(part):
        d = distances[part].astype(np.float64)
        r = cdist(points[part], landmarks)
        sums[part.start // rows] = (np.vdot(d, d), np.vdot(d, r), np.vdot(r, r))

    run_slices(work, n, slice_size=rows, n_jobs=n_jobs, uses_blas=True)
    dd, dr, rr = sums.sum(axis=0)
    if not dd > 0.0:
        return float("nan")
    return float(np.sqrt(max(0.0, 1.0 - dr * dr / (dd * rr)))) if rr > 0.0 else 1.0

"""Removal of the flat floor that isotropic noise adds to a principal-component spectrum."""

from dataclasses import dataclass

import numpy as np

from kernlab._core.threads import SINGLE_THREADED_BLAS

# Fewer axes than this are no floor, and fewer samples an axis show none.
MIN_AXES = 5
SAMPLES_PER_AXIS = 4
# How far beyond the edges of the Marchenko-Pastur law, a limit, an eigenvalue may lie.
SLACK = 1.15
# Variance of the residual's squared norm, in terms of a chi-square's: bounded axes (a sphere, a
# cube) have less of it, mixtures of scales more. Its standard error is below .1 from 500 samples.
CHI_SQUARE = (0.6, 1.6)


@dataclass(frozen=True)
class NoiseFloor:
    """Projection on the axes above a noise floor.

    Attributes
    ----------
    mean : array of shape (n_features,)
    axes : array of shape (n_kept, n_features), or None where nothing is removed
        Orthonormal rows by decreasing variance.
    n_removed : int
        Number of axes in the floor.
    """

    mean: np.ndarray
    axes: np.ndarray | None
    n_removed: int

    def project(self, X):
        """Coordinates of ``X`` on the axes kept; ``X`` itself if all are."""
        if self.axes is None:
            return X
        with SINGLE_THREADED_BLAS:
            return (X - self.mean) @ self.axes.T


def mp_reduce(X):
    """Find trailing principal axes that hold nothing but isotropic Gaussian noise.

    Axes form a floor if there are at least five, their variances lie within the Marchenko-Pastur
    law of one noise variance, and the squared length of the residual in them varies as a
    chi-square variable does. The last condition guards axes that are equal by geometry: a sphere
    fills several axes evenly, yet its points keep their distance. Where no axis stands out of the
    floor, nothing is removed. What remains unguarded is a signal that is itself an isotropic
    Gaussian beside larger axes, and a signal curved out of the leading axes by less
    than the noise.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Finite.

    Returns
    -------
    floor : NoiseFloor
        Without axes if no floor is found, or there are fewer than six features or than four samples
        a feature.

    References
    ----------
    V. A. Marchenko and L. A. Pastur, "Distribution of eigenvalues for some sets of random
    matrices", Mathematics of the USSR-Sbornik 1 (1967).

    Examples
    --------
    >>> from kernlab.datasets import make_swiss_roll
    >>> from kernlab.embedding._noise_floor import mp_reduce
    >>> floor = mp_reduce(make_swiss_roll(1000, noise=1, n_features=50, random_state=0).data)
    >>> floor.n_removed, floor.axes.shape
    (47, (3, 50))
    """
    X = np.asarray(X, dtype=np.float64)
    n_samples, n_features = X.shape
    # Of size one at most before the mean is taken: sums and squares neither cancel nor overflow.
    scale = np.max(np.abs(X), initial=0.0)
    nothing = NoiseFloor(
        X.mean(axis=0) if scale == 0 else (X / scale).mean(axis=0) * scale, None, 0
    )
    if scale == 0 or n_features <= MIN_AXES or n_samples < SAMPLES_PER_AXIS * n_features:
        return nothing
    centred = X - nothing.mean
    scale = np.max(np.abs(centred))
    if scale == 0:
        return nothing
    centred /= scale
    with SINGLE_THREADED_BLAS:
        values, vectors = np.linalg.eigh(centred.T @ centred / n_samples)
        values, vectors = values[::-1], vectors[:, ::-1]
        for kept in range(n_features - MIN_AXES + 1):
            variance = values[kept:].mean()
            width = np.sqrt((n_features - kept) / n_samples)
            if variance <= 1e-12 * values[0]:
                return nothing  # the rounding error of axes without variance
            if (
                values[kept] <= SLACK * variance * (1 + width) ** 2
                and values[-1] >= variance * (1 - width) ** 2 / SLACK
            ):
                break
        else:
            return nothing
        if kept == 0:
            return nothing  # no axis stands out of the floor: all is signal, or all is noise
        residual = ((centred @ vectors[:, kept:]) ** 2).sum(axis=1)
    spread = residual.var() / (2 * (n_features - kept) * variance**2)
    if not CHI_SQUARE[0] < spread < CHI_SQUARE[1]:
        return nothing
    axes = vectors[:, :kept].T
    # Eigenvectors come with either sign; the largest entry of each is made positive.
    rows = np.arange(kept)
    axes = axes * np.sign(axes[rows, np.abs(axes).argmax(axis=1)])[:, None]
    return NoiseFloor(nothing.mean, np.ascontiguousarray(axes), n_features - kept)

"""What is refused before an embedding is fitted."""

from numbers import Integral, Real

import numpy as np

from kernlab._core.validation import N_JOBS, Interval, StrOptions
from kernlab.embedding._heat_scale import checked_times

# Tables of all landmarks' distances from each other are held several times.
_MOST_LANDMARKS = 10_000
# How far a matrix given may be from symmetric, relative to its largest entry.
_ASYMMETRY = 1e-8
# What scikit-learn checks of the parameters of HeatGeodesicEmbedding.
CONSTRAINTS = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    "metric": [StrOptions({"heat", "pruned", "graph", "precomputed"})],
    "t": [
        StrOptions({"auto", "knee"}),
        Interval(Real, 0, None, closed="neither"),
        "array-like",
    ],
    "laplacian": [StrOptions({"normalized", "combinatorial"})],
    "kernel": [StrOptions({"alpha", "knn", "gaussian", "umap"})],
    "volume_correction": [Interval(Real, 0, None, closed="left")],
    "denoise": [Interval(Real, 0, 1, closed="both")],
    "floor": [Interval(Real, 0, 1, closed="neither"), None],
    "intrinsic_dim": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "mp_reduce": ["boolean"],
    "prune_cosine": [Interval(Real, 0, 1, closed="neither")],
    "detour": [Interval(Real, 1, None, closed="left"), None],
    "n_landmarks": [Interval(Integral, 2, None, closed="left"), None],
    "mds": [StrOptions({"landmark", "smacof", "classical"})],
    "mds_weights": [StrOptions({"heat", "power"}), None],
    "units": [StrOptions({"data", "none"})],
    "algorithm": [StrOptions({"auto", "exact", "approximate"})],
    "disconnected": [StrOptions({"bridge", "raise"})],
    "random_state": ["random_state"],
    "n_jobs": N_JOBS,
}


def check_sizes(estimator, n, n_features):
    """Refuse what n samples in so many features, or the tables of their distances, do not allow."""
    if n < 2:
        raise ValueError(f"n_samples=1, and distances need two points at least: X has {n} sample.")
    if not isinstance(estimator.t, str):
        checked_times(estimator.t)
    dim = estimator.intrinsic_dim
    if dim != "auto" and dim > n_features:
        raise ValueError(
            f"intrinsic_dim={dim} is more than the {n_features} features in which the surface "
            "lies; use 'auto', or the dimension of the surface."
        )
    if estimator.n_components > n - 1:
        raise ValueError(
            f"n_components={estimator.n_components} is more than {n} samples span, which is "
            f"{n - 1}; lower n_components, or give more rows."
        )
    m = n if estimator.n_landmarks is None else min(n, estimator.n_landmarks)
    if estimator.n_components > m - 1:
        raise ValueError(
            f"n_components={estimator.n_components} is more than n_landmarks={m} landmarks span, "
            f"which is {m - 1}; raise n_landmarks."
        )
    if estimator.mds == "smacof":
        m = n
    if m > _MOST_LANDMARKS:
        what = (
            "mds='smacof'" if estimator.mds == "smacof" else f"n_landmarks={estimator.n_landmarks}"
        )
        raise ValueError(
            f"{what} takes tables of {m} x {m} distances, more than {_MOST_LANDMARKS} squared "
            "are meant for; use mds='landmark' with n_landmarks=300, whose stress is nearly "
            "the same."
        )
    if estimator.mds_weights is None:
        return
    if estimator.mds == "classical":
        raise ValueError(
            f"mds_weights={estimator.mds_weights!r} has no meaning with mds='classical', which "
            "takes inner products; use mds='landmark' or 'smacof', or mds_weights=None."
        )
    if estimator.mds_weights == "heat" and estimator.metric != "heat":
        raise ValueError(
            f"mds_weights='heat' needs metric='heat', got metric={estimator.metric!r}, which knows "
            "no heat; use mds_weights='power'."
        )


def check_matrix(estimator, X):
    """Refuse what is no matrix of finite distances."""
    if estimator.mp_reduce:
        raise ValueError(
            "mp_reduce=True takes axes out of coordinates, and metric='precomputed' has none; "
            "reduce the points before their distances are measured."
        )
    name = "X, with metric='precomputed' a matrix of distances,"
    if np.isnan(X).any():
        raise ValueError(f"{name} has NaN; fill in those distances, or drop the samples.")
    if np.isinf(X).any():
        raise ValueError(
            f"{name} has infinity: some samples are not joined by any path. Embed each "
            "component by itself, or join them by distances of your choice."
        )
    if X.shape[0] != X.shape[1]:
        raise ValueError(f"{name} has shape {X.shape}; it has a row and a column for each sample.")
    if X.min() < 0.0:
        raise ValueError(
            f"{name} has {X.min():g}: Negative values in data are no distances. Similarities "
            "must be turned into distances first."
        )
    largest = X.max()
    if np.abs(X.diagonal()).max() > _ASYMMETRY * largest:
        raise ValueError(
            f"{name} has {np.abs(X.diagonal()).max():g} on its diagonal; the distance of a "
            "sample from itself is zero."
        )
    # By rows, for the matrix may be most of the memory.
    if any(
        np.abs(row - column).max() > _ASYMMETRY * largest
        for row, column in zip(X, X.T, strict=True)
    ):
        raise ValueError(f"{name} is not symmetric; pass (X + X.T) / 2 if that is meant.")


def check_distances(X):
    """Refuse rows that are no distances of new points from the training points."""
    if X.min() < 0.0:
        raise ValueError(
            f"X holds distances from the training points, and has {X.min():g}; none is negative."
        )


def check_reach(lengths, reach, unit):
    """Refuse new points, by distances to their neighbours, farther off than single precision tells.

    Parameters
    ----------
    lengths : ndarray of shape (n_queries, k)
    reach : float
        In the unit.
    unit : float
    """
    far = np.flatnonzero(~(lengths[:, 0] / unit <= reach))
    if len(far):
        raise ValueError(
            f"row {far[0]} of X is {lengths[far[0], 0]:g} from the training points, so many times "
            "their distances from each other that in single precision all landmarks are equally "
            "far; leave it out, or see that X has the units of the training data."
        )


def check_root(root, n):
    """Refuse what is neither the number of a training point nor coordinates of a point.

    Returns
    -------
    numbered : bool
    """
    numbered = isinstance(root, Integral) and not isinstance(root, bool | np.bool_)
    if numbered and not 0 <= root < n:
        raise ValueError(
            f"root={root} is not one of the {n} training points, 0 to {n - 1}; a point is given by "
            "its coordinates."
        )
    if not numbered and np.ndim(root) == 0:
        raise ValueError(
            f"root={root!r} is neither the number of a training point, 0 to {n - 1}, nor a list of "
            "coordinates."
        )
    return numbered

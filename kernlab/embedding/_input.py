"""What is refused before an embedding is fitted."""

import numpy as np

# Tables of all landmarks' distances from each other are held several times.
_MOST_LANDMARKS = 10_000
# How far a matrix given may be from symmetric, relative to its largest entry.
_ASYMMETRY = 1e-8


def check_sizes(estimator, n):
    """Refuse what n samples, or the tables of their distances, do not allow."""
    if n < 2:
        raise ValueError(f"n_samples=1, and distances need two points at least: X has {n} sample.")
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

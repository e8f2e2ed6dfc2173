"""Warnings of fits to noisy data that are no silent matter: no signal, structure left, no noise."""

import warnings

import numpy as np
from scipy.spatial import cKDTree
from sklearn.exceptions import ConvergenceWarning

# Share of the data's mean square that, learned as noise, leaves no signal.
NOISE_ALONE = 0.95
# Standard errors of a correlation between neighbours beyond which residuals are not noise, and the
# least correlation that matters.
_ERRORS, _LEAST = 6.0, 0.1
# Neighbours are looked up for so many points at most.
_LOOKED_UP = 4000


def neighbour_pairs(X):
    """Indices (i, j) of points and of their nearest and second nearest, two pairs of arrays."""
    X = np.asarray(X, dtype=float)
    X = (X - X.min(0)) / np.where(np.ptp(X, axis=0) > 0, np.ptp(X, axis=0), 1.0)
    if X.shape[1] == 1:
        order = np.argsort(X[:, 0], kind="stable")
        return [(order[:-lag], order[lag:]) for lag in (1, 2)]
    some = np.arange(0, len(X), -(-len(X) // _LOOKED_UP))
    near = cKDTree(X).query(X[some], k=3)[1]
    return [(some, near[:, k]) for k in (1, 2)]


def neighbour_correlation(rest, pairs, freedom):
    """Largest correlation between residuals of neighbours, and what noise alone may show.

    Parameters
    ----------
    rest : array of shape (n,)
        Residuals in units of their noise.
    pairs : list of (array, array)
        Indices of neighbours; each pair of arrays gives one correlation.
    freedom : float
        Degrees of freedom that the fit has taken: it leaves correlations of that share itself.
    """
    n, power = len(rest), float(np.mean(rest**2))
    correlation, bound = 0.0, np.inf
    if freedom < 0.5 * n and power > 0.0:
        for i, j in pairs:
            if len(i) < 20:
                continue
            found = float(np.mean(rest[i] * rest[j])) / power
            limit = max(_ERRORS / np.sqrt(len(i)) + freedom / (n - freedom), _LEAST)
            if abs(found) / limit > abs(correlation) / bound:
                correlation, bound = found, limit
    return correlation, bound


def warn_of_misfit(noise_share, correlation=0.0, bound=np.inf, *, stacklevel):
    """Warn where the noise that was learned explains the data, or what is left is no noise.

    Parameters
    ----------
    noise_share : float or None
        Learned noise variance in units of the data's mean square; None where it was stated.
    correlation, bound : float
        As of `neighbour_correlation`.
    """
    if abs(correlation) > bound:
        warnings.warn(
            f"what the fit leaves of the data is no noise: neighbours correlate by "
            f"{correlation:.2f}, and noise alone does not by more than {bound:.2f}. Structure was "
            "not found, and the standard deviations know nothing of it; check the equation and "
            "its conditions, give denser data, or a smaller box.",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )
    elif noise_share is not None and noise_share > NOISE_ALONE:
        warnings.warn(
            f"the data cannot be told from noise alone, which explains {min(noise_share, 1):.0%} "
            "of their mean square, so that the solution is that of no source, and its standard "
            "deviations know nothing of one; give more data, or state their noise by alpha.",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )

"""Exact error of kernel density estimates of normal mixtures."""

import numpy as np


def exact_mise(h, n_samples, weights, means, spreads):
    """Exact mean integrated squared error of a Gaussian kernel estimate of a normal mixture.

    ``E ∫(ρ̂ - ρ)² = (4π)^(-d/2)|H|^(-1/2)/n + wᵀ((1 - 1/n) Ω₂ - 2 Ω₁ + Ω₀) w``, with ``Ω_q`` the
    matrix of normal densities of covariance ``Σ_i + Σ_j + qH`` at ``μ_i - μ_j``. Its minimum over
    the bandwidth is what no selector can beat on average; tests and benchmarks measure against it.

    Parameters
    ----------
    h : float or array-like of shape (n_features, n_features)
        Standard deviation of the kernel, or the bandwidth matrix ``H`` in squared units.
    n_samples : int
        Size of the samples.
    weights : array-like of shape (n_components,)
        Positive shares of the components; they are divided by their sum.
    means : array-like of shape (n_components,) or (n_components, n_features)
    spreads : array-like of shape (n_components,) or (n_components, n_features, n_features)
        Standard deviations where ``means`` are numbers, else covariance matrices.

    Returns
    -------
    mise : float

    Raises
    ------
    ValueError
        For shapes that do not belong together, or values that are not positive.

    References
    ----------
    .. [1] J. S. Marron, M. P. Wand, "Exact mean integrated squared error", Annals of Statistics,
       1992.

    Examples
    --------
    A hundred standard normal points, at their best bandwidth:

    >>> from kernlab.density import exact_mise
    >>> round(exact_mise(0.445472, 100, [1.0], [0.0], [1.0]), 8)
    0.00540973
    """
    weights, means, covariances = _as_mixture(weights, means, spreads)
    d = means.shape[1]
    H = np.asarray(h, dtype=np.float64)
    if H.ndim == 0:
        H = np.sign(H) * H**2 * np.eye(d)
    symmetric = H.shape == (d, d) and np.all(np.isfinite(H)) and np.allclose(H, H.T)
    if not symmetric or not np.linalg.eigvalsh(H)[0] > 0:
        raise ValueError(
            f"h={h!r} is not a positive number or a covariance matrix of shape {d, d}."
        )
    if not n_samples >= 1:
        raise ValueError(f"n_samples={n_samples!r} is not a positive number.")
    rough = (4 * np.pi) ** (-d / 2) / np.sqrt(np.linalg.det(H)) / n_samples
    mixed = [_overlap(weights, means, covariances, q * H) for q in (0, 1, 2)]
    return float(rough + (1 - 1 / n_samples) * mixed[2] - 2 * mixed[1] + mixed[0])


def _as_mixture(weights, means, spreads):
    weights, means, spreads = (np.asarray(a, dtype=np.float64) for a in (weights, means, spreads))
    k = weights.size
    if means.ndim == 1 and spreads.shape == means.shape == weights.shape:
        covariances = np.square(spreads)[:, None, None]
        means = means[:, None]
    else:
        covariances = spreads
    if weights.shape != (k,) or means.shape[:1] != (k,) or means.ndim != 2:
        raise ValueError(
            f"weights has shape {weights.shape} and means {means.shape}; give one weight and one "
            "mean for each component."
        )
    d = means.shape[1]
    if covariances.shape != (k, d, d):
        raise ValueError(
            f"spreads has shape {spreads.shape}; give {k} standard deviations for means that are "
            f"numbers, or covariance matrices of shape {(k, d, d)}."
        )
    if not (np.all(weights > 0) and np.all(np.linalg.eigvalsh(covariances) > 0)):
        raise ValueError("weights and spreads must be positive.")
    return weights / weights.sum(), means, covariances


def _overlap(weights, means, covariances, extra):
    """``Σ_ij w_i w_j φ(μ_i - μ_j; Σ_i + Σ_j + extra)``."""
    d = means.shape[1]
    total = covariances[:, None] + covariances[None] + extra  # (k, k, d, d)
    difference = means[:, None] - means[None]  # (k, k, d)
    solved = np.linalg.solve(total, difference[..., None])[..., 0]
    energy = np.einsum("ijd,ijd->ij", difference, solved) / 2
    density = np.exp(-energy) / np.sqrt((2 * np.pi) ** d * np.linalg.det(total))
    return weights @ density @ weights

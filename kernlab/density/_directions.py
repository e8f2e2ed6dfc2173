"""What the densities on the sphere share: unit vectors, and the von Mises-Fisher law itself."""

# References: Mardia, Jupp, *Directional Statistics*, 2000; Wood, *Simulation of the von Mises
# Fisher distribution*, Commun. Stat. Simul. Comput. 23, 1994.

import math

import numpy as np
from scipy.special import gammaln

from kernlab._core.namespace import from_numpy, namespace_of, scalar
from kernlab._core.validation import validate_points
from kernlab.special import _bessel

# How far from 1 the length of a row may be: rows normalised in single precision are within it.
_UNIT = 1e-5


def vmf_kappa(p, r_bar):
    """Concentration of the von Mises-Fisher distribution whose mean has a given length.

    Solves ``A_p(κ) = I_{p/2}(κ) / I_{p/2-1}(κ) = R̄``, the equation of maximum likelihood when
    ``R̄`` is the length of the mean of unit vectors in ``p`` dimensions.

    Parameters
    ----------
    p : array-like
        Dimensions of the space around the sphere, ``p >= 2``; any size, and real numbers too.
    r_bar : array-like
        Mean resultant lengths, in [0, 1]; broadcast against ``p``.

    Returns
    -------
    kappa : array or float
        Of the broadcast shape; 0 at ``r_bar = 0``, infinity at ``r_bar = 1``.

    Raises
    ------
    ValueError
        If an entry of ``p`` is below 2 or one of ``r_bar`` outside [0, 1].

    See Also
    --------
    kernlab.special.iv_ratio : The function that is inverted.
    scipy.stats.vonmises_fisher : Its ``fit`` returns ``kappa = 1e-8`` from some hundreds of
        dimensions on, where the Bessel functions underflow.

    Notes
    -----
    The relative error is below 1e-13, beyond what rounding of ``r_bar`` itself causes
    (``1e-16/(1 - r_bar)``). Newton's method from the guess of [1]_: some microseconds for each
    element in any dimension, and tens of them for the call.

    References
    ----------
    .. [1] A. Banerjee, I. S. Dhillon, J. Ghosh, S. Sra, "Clustering on the Unit Hypersphere using
       von Mises-Fisher Distributions", JMLR 6, 2005.

    Examples
    --------
    >>> from kernlab.density import vmf_kappa
    >>> round(float(vmf_kappa(3, 0.9)), 6)  # coth κ - 1/κ = 0.9
    10.0
    >>> vmf_kappa([2048, 8192, 32768], 0.5).round(2).tolist()
    [1365.07, 5461.07, 21845.07]
    """
    p, r_bar = np.asarray(p, dtype=np.float64), np.asarray(r_bar, dtype=np.float64)
    for name, value, low, high in (("p", p, 2, np.inf), ("r_bar", r_bar, 0, 1)):
        wrong = value[~((value >= low) & (value <= high) & np.isfinite(value))]
        if wrong.size:
            bounds = "at least 2" if name == "p" else "between 0 and 1"
            raise ValueError(f"{name}={float(wrong[0])!r} is not a finite number {bounds}.")
    return kappa_of(p, r_bar, 1.0 - r_bar)


def kappa_of(p, r_bar, complement):
    """The same from ``R̄`` and ``1 - R̄``, which the caller may know more precisely."""
    return _bessel.inverse_iv_ratio(p / 2 - 1, r_bar, complement)


def log_normalizer(p, kappa):
    """``log ∫ exp(κ (μ·x - 1))`` over the unit sphere, as an array like ``kappa`` (NumPy)."""
    kappa = np.asarray(kappa, dtype=np.float64)
    order = p / 2 - 1
    uniform = kappa == 0
    positive = np.where(uniform, 1.0, kappa)
    log_integral = (
        p / 2 * math.log(2 * math.pi) - order * np.log(positive) + _bessel.log_ive(order, positive)
    )
    area = math.log(2.0) + p / 2 * math.log(math.pi) - gammaln(p / 2)
    return np.where(uniform, area, log_integral)


def entropy(p, kappa):
    """Differential entropy, in nats: ``log ∫ … + κ (1 - A_p(κ))``."""
    return float(
        log_normalizer(p, kappa) + kappa * _bessel.iv_ratio_complement(p / 2 - 1, float(kappa))
    )


def unit_rows(estimator, X, *, reset):
    """Validated rows, of unit length and in float64; scaled to it under ``normalize=True``."""
    X = validate_points(estimator, X, reset=reset)
    name = type(estimator).__name__
    if X.shape[1] < 2:
        raise ValueError(
            f"Found array X with 1 feature(s); {name} needs a minimum of 2, for directions."
        )
    xp = namespace_of(X)
    X = xp.astype(X, xp.float64)
    # Relative to the largest entry no square over- or underflows.
    largest = xp.max(xp.abs(X), axis=1)
    if not bool(xp.all(largest > 0)):
        row = _first(xp, largest == 0)
        raise ValueError(f"row {row} of X is zero and has no direction; drop such rows.")
    scaled = X / largest[:, None]
    lengths = xp.sqrt(xp.sum(scaled * scaled, axis=1))
    if not estimator.normalize:
        off = ~(xp.abs(lengths * largest - 1.0) <= _UNIT)
        if bool(xp.any(off)):
            row = _first(xp, off)
            raise ValueError(
                f"row {row} of X has length {scalar(lengths[row] * largest[row]):.6g}, and {name} "
                "needs unit vectors; pass sklearn.preprocessing.normalize(X), or set "
                "normalize=True."
            )
    return scaled / lengths[:, None]


def _first(xp, mask):
    return int(xp.nonzero(mask)[0][0])


def mean_direction(rows, weights=None):
    """Mean direction of unit rows, the length ``R̄`` of their mean, and ``1 - R̄``.

    The last is half the mean squared distance to the mean direction, which does not cancel. Rows
    whose mean vanishes have the first axis as their direction and a length of 0.
    """
    xp = namespace_of(rows)
    n_samples, n_features = rows.shape
    if weights is None:
        share = xp.full_like(rows[:, 0], 1.0 / n_samples)
    else:
        share = weights / xp.max(weights)
        share = share / xp.sum(share)
    mean = xp.sum(share[:, None] * rows, axis=0)
    length = scalar(xp.sqrt(xp.sum(mean * mean)))
    # Rounding leaves about this much of a mean that is zero.
    if length <= 2e-16 * math.sqrt(n_features):
        axis = np.zeros(n_features)
        axis[0] = 1.0
        return from_numpy(axis, rows), 0.0, 1.0
    direction = mean / length
    distances = rows - direction[None, :]
    complement = scalar(xp.sum(share * xp.sum(distances * distances, axis=1))) / 2
    return direction, length, complement


def draw(rng, centres, kappa):
    """One draw about each row of ``centres``, (n, p) unit vectors; ``kappa`` a number or (n,)."""
    n, p = centres.shape
    kappa = np.broadcast_to(np.asarray(kappa, dtype=np.float64), (n,))
    # Wood's rejection of a transformed beta variate, in terms of 1 - cosine: with large κ or p the
    # cosine itself would have no digits left. More than two draws in three are accepted.
    b = (p - 1) / (2 * kappa + np.sqrt(4 * kappa**2 + (p - 1.0) ** 2))
    best = 2 * b / (1 + b)  # 1 - cosine where the envelope touches
    gap = np.empty(n)
    left = np.arange(n)
    while left.size:
        z = rng.beta((p - 1) / 2, (p - 1) / 2, size=left.size)
        b_left, best_left = b[left], best[left]
        trial = 2 * b_left * z / (1 - (1 - b_left) * z)
        log_share = kappa[left] * (best_left - trial) + (p - 1) * np.log(
            (trial + (1 - trial) * best_left) / (best_left * (2 - best_left))
        )
        accepted = np.log1p(-rng.random_sample(left.size)) <= log_share
        gap[left[accepted]] = trial[accepted]
        left = left[~accepted]
    tangent = rng.standard_normal((n, p))
    tangent -= np.sum(tangent * centres, axis=1)[:, None] * centres
    tangent /= np.sqrt(np.sum(tangent**2, axis=1))[:, None]
    gap = gap[:, None]
    return centres - gap * centres + np.sqrt(gap * (2 - gap)) * tangent

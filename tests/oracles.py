"""Independent oracles: textbook formulas in plain NumPy and mpmath, with nothing of kernlab."""

import math
from fractions import Fraction

import mpmath
import numpy as np
from scipy.special import logsumexp

# Kernels as functions of u = r/h, and the end of their support.
FORMULAS = {
    "gaussian": (lambda u: np.exp(-(u**2) / 2), np.inf),
    "tophat": (lambda u: (u < 1) * 1.0, 1.0),
    "epanechnikov": (lambda u: np.where(u < 1, 1 - u**2, 0.0), 1.0),
    "exponential": (lambda u: np.exp(-u), np.inf),
    "linear": (lambda u: np.where(u < 1, 1 - u, 0.0), 1.0),
    "cosine": (lambda u: np.where(u < 1, np.cos(np.pi * u / 2), 0.0), 1.0),
    "biweight": (lambda u: np.where(u < 1, (1 - u**2) ** 2, 0.0), 1.0),
    "triweight": (lambda u: np.where(u < 1, (1 - u**2) ** 3, 0.0), 1.0),
    "tricube": (lambda u: np.where(u < 1, (1 - u**3) ** 3, 0.0), 1.0),
    "logistic": (lambda u: 1 / (4 * np.cosh(u / 2) ** 2), np.inf),
    "matern12": (lambda u: np.exp(-u), np.inf),
    "matern32": (lambda u: (1 + np.sqrt(3) * u) * np.exp(-np.sqrt(3) * u), np.inf),
    "matern52": (
        lambda u: (1 + np.sqrt(5) * u + 5 * u**2 / 3) * np.exp(-np.sqrt(5) * u),
        np.inf,
    ),
}
# Degrees of freedom of the kernels (1 + u²/df)^(-(df + d)/2), whose formula knows the dimension.
STUDENT = {"cauchy": 1, "student_t(df=3)": 3, "student_t(df=0.5)": 0.5}
# The same for mpmath, within the support.
MP_FORMULAS = {
    "gaussian": lambda u: mpmath.exp(-(u**2) / 2),
    "tophat": lambda u: mpmath.mpf(1),
    "epanechnikov": lambda u: 1 - u**2,
    "exponential": lambda u: mpmath.exp(-u),
    "linear": lambda u: 1 - u,
    "cosine": lambda u: mpmath.cos(mpmath.pi * u / 2),
    "biweight": lambda u: (1 - u**2) ** 2,
    "triweight": lambda u: (1 - u**2) ** 3,
    "tricube": lambda u: (1 - u**3) ** 3,
    # As exponentials of -u: cosh overflows no float, but mpmath's quadrature meets huge u.
    "logistic": lambda u: mpmath.exp(-u) / (1 + mpmath.exp(-u)) ** 2,
    "matern12": lambda u: mpmath.exp(-u),
    "matern32": lambda u: (1 + mpmath.sqrt(3) * u) * mpmath.exp(-mpmath.sqrt(3) * u),
    "matern52": lambda u: (1 + mpmath.sqrt(5) * u + 5 * u**2 / 3) * mpmath.exp(-mpmath.sqrt(5) * u),
}


def log_profile(kernel, u, d):
    """Logarithm of the kernel that does not underflow where the kernel never vanishes."""
    if kernel in STUDENT:
        df = STUDENT[kernel]
        return -(df + d) * np.log(np.hypot(1.0, u / np.sqrt(df)))
    if kernel == "gaussian":
        return -(u**2) / 2
    if kernel in ("exponential", "matern12"):
        return -u
    if kernel == "matern32":
        return np.log1p(np.sqrt(3) * u) - np.sqrt(3) * u
    if kernel == "matern52":
        s = np.sqrt(5) * u
        return np.log1p(s) + np.log1p(s / (1 + s) * s / 3) - s
    if kernel == "logistic":
        return -u - 2 * np.log1p(np.exp(-u))
    with np.errstate(divide="ignore"):
        return np.log(FORMULAS[kernel][0](u))


def mp_log_normalizer(kernel, d):
    """log ∫ K over d dimensions, by numerical integration in mpmath."""
    with mpmath.workdps(40):
        if kernel in STUDENT:
            # With r = t/(1-t), for the tail is a power.
            df = mpmath.mpf(STUDENT[kernel])

            def integrand(t):
                r = t / (1 - t)
                return r ** (d - 1) * (1 + r**2 / df) ** (-(df + d) / 2) / (1 - t) ** 2

            radial = mpmath.quad(integrand, [mpmath.mpf(k) / 40 for k in range(41)])
            sphere = 2 * mpmath.pi ** (mpmath.mpf(d) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
            return float(mpmath.log(sphere * radial))
        support = FORMULAS[kernel][1]
        profile = MP_FORMULAS[kernel]
        # Where the infinite integrands peak for large d, the quadrature needs a hint.
        top = d + 40 * mpmath.sqrt(d) + 120
        points = [0, 1] if support == 1.0 else [mpmath.mpf(k) * top / 40 for k in range(41)]
        radial = mpmath.quad(lambda r: r ** (d - 1) * profile(r), points)
        sphere = 2 * mpmath.pi ** (mpmath.mpf(d) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
        return float(mpmath.log(sphere * radial))


def distances(queries, points, root):
    """Distances in bandwidths, from differences taken first: (m, n)."""
    root = np.asarray(root, dtype=np.float64)
    out = np.empty((len(queries), len(points)))
    for i, query in enumerate(queries):
        z = np.asarray(query, dtype=np.float64) - np.asarray(points, dtype=np.float64)
        z = z / root if root.ndim < 2 else np.linalg.solve(root, z.T).T
        scale = np.max(np.abs(z), initial=0.0) or 1.0
        out[i] = scale * np.sqrt(np.sum((z / scale) ** 2, axis=1))
    return out


def brute_log_sums(kernel, queries, points, root, weights=None, leave_out=False):
    log_terms = log_profile(kernel, distances(queries, points, root), np.shape(points)[1])
    if leave_out:
        np.fill_diagonal(log_terms, -np.inf)
    with np.errstate(divide="ignore"):
        return logsumexp(log_terms, b=weights, axis=1)


def brute_log_density(kernel, queries, points, root, weights=None):
    d = np.shape(points)[1]
    root = np.asarray(root, dtype=np.float64)
    log_volume = (
        float(np.sum(np.log(np.diag(root))))
        if root.ndim == 2
        else float(np.sum(np.log(np.broadcast_to(root, (d,)))))
    )
    total = len(points) if weights is None else np.sum(weights)
    sums = brute_log_sums(kernel, queries, points, root, weights)
    return sums - math.log(total) - log_volume - mp_log_normalizer(kernel, d)


def scaled_error(value, reference):
    """|Δ| / max(1, |reference|), with equal infinities counted as no error."""
    value, reference = np.asarray(value), np.asarray(reference)
    with np.errstate(invalid="ignore"):
        error = np.abs(value - reference) / np.maximum(1.0, np.abs(reference))
    return np.where(value == reference, 0.0, error)


def record_spent(fitted, *records):
    """What one record, or the difference of two, exactly spends of the allotment."""
    design = fitted._design
    sums = [design.mechanism.sums(np.array([record], dtype=float)) for record in records]
    parts = sums[0] if len(sums) == 1 else [a - b for a, b in zip(*sums, strict=True)]
    q, total = design.law.order, Fraction(0)
    for part, scales in zip(parts, design.scales, strict=True):
        for v, t in zip(part.ravel(), np.broadcast_to(scales, part.shape).ravel(), strict=True):
            if v:
                total += Fraction(abs(int(v)) ** q, int(t) ** q)
    if design.count_scale and len(sums) == 1:
        total += Fraction(2**16, design.count_scale) ** q
    return total


def realised_noise(make, X, Y, n_releases):
    """Noise of releases of one layout: root mean square, its standard error, and coverage.

    Parameters
    ----------
    make : callable
        Gives an estimator of the same public parameters at every call, with seeded noise.
    X, Y : ndarrays
        Records, and queries; intervals are taken at the first four.

    Returns
    -------
    realised, error, covered : float
        Queries of one release share most of its noise, so that the standard error is that of as
        many numbers as releases, of the share ``covered`` by 95 % intervals too.
    """
    n, mechanism = len(X), make().fit(X)._design.mechanism
    noiseless = mechanism.query(mechanism.prepare(mechanism.sums(X), n), n, Y)
    inside, squares = 0.0, []
    for seed in range(n_releases):
        again = make()
        again._mechanism = lambda d, rng: lambda n: mechanism
        again.set_params(projection_seed=seed).fit(X)
        squares.append(np.mean((again.query(Y) - noiseless) ** 2))
        low, high = again.interval(Y[:4]).T
        inside += np.mean((low <= noiseless[:4]) & (noiseless[:4] <= high))
    realised = math.sqrt(np.mean(squares))
    error = np.std(squares) / math.sqrt(n_releases) / (2 * realised)
    return realised, error, inside / n_releases

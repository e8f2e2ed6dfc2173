"""How far the noise of a released sum reaches: quantiles of weighted sums of independent noises."""

# References: Davies, *Numerical inversion of a characteristic function*, Biometrika 60, 1973;
# Johnson, Kotz, Balakrishnan, *Continuous Univariate Distributions* 1, 1994, section 12.5
# (the expansion of Cornish and Fisher).

import numpy as np
from scipy import optimize
from scipy.special import ndtri

from kernlab._core.chunks import chunk_bytes

# Variance of the largest term over that of the sum, below which the expansion serves. With ρ that
# share, Σa⁴/(Σa²)², Σa⁶/(Σa²)³, … are at most ρ, ρ², …, which equal terms attain: they are the
# worst case. Measured on 24 equal terms: 8e-6 in probability at most, 2e-6 at 0.9999.
_DOMINANCE = 1.0 / 24.0
# Past this confidence the expansion's error no longer is a small part of the tail.
_EXPANSION_CONFIDENCE = 0.9999
_MOST_CONFIDENCE = 1.0 - 1e-9
_MAX_ITERATIONS = 100


def noise_quantile(coefficients, *, law, confidence):
    """Half-widths of intervals that hold weighted sums of independent noises.

    Row i gives the q with ``P(|Σ_k coefficients[i, k] Z_k| <= q) = confidence``.

    Parameters
    ----------
    coefficients : (n_queries, n_statistics) array, finite and non-negative
        The weight of each statistic in a query times the scale of its noise.
    law : {'laplace', 'gaussian'}
        ``Z_k`` is Laplace of scale 1 (density exp(-\\|z\\|)/2) or standard normal.
    confidence : float in (0, 1)
        At most 1 - 1e-9 for Laplace noise.

    Returns
    -------
    (n_queries,) array
        In the units of the coefficients; 0 for a row of zeros. The error in probability is below
        3e-5, and below a twentieth of ``1 - confidence``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Normal sums and sums of one term have closed forms. A Laplace sum without a dominant term takes
    an expansion in its cumulants, O(n_statistics) a query; any other an inversion of its
    characteristic function, O(n_statistics) for each of 20 to 300 frequencies.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._intervals import noise_quantile
    >>> noise_quantile([[1.0, 0.0], [3.0, 4.0]], law="gaussian", confidence=0.95).round(3)
    array([1.96, 9.8 ])
    >>> noise_quantile([[1.0, 0.0], [1.0, 1.0]], law="laplace", confidence=0.95).round(3)
    array([2.996, 4.113])
    """
    coefficients = np.asarray(coefficients, dtype=np.float64)
    if coefficients.ndim != 2:
        raise ValueError(
            f"coefficients must have shape (n_queries, n_statistics), got {coefficients.shape}."
        )
    if law not in ("laplace", "gaussian"):
        raise ValueError(f"law must be 'laplace' or 'gaussian', got {law!r}.")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}.")
    if law == "laplace" and confidence > _MOST_CONFIDENCE:
        raise ValueError(
            f"confidence={confidence!r} is beyond what the inversion resolves for Laplace noise; "
            "at most 1 - 1e-9 is possible."
        )
    n_queries, n_statistics = coefficients.shape
    half_width = np.zeros(n_queries)
    if n_statistics == 0:
        return half_width
    rows = max(1, chunk_bytes() // (8 * 6 * n_statistics))
    for start in range(0, n_queries, rows):
        part = slice(start, start + rows)
        half_width[part] = _quantiles(coefficients[part], law, confidence)
    return half_width


def _quantiles(coefficients, law, confidence):
    largest = np.max(coefficients, axis=1)
    if not (np.all(np.isfinite(largest)) and np.min(coefficients) >= 0.0):
        raise ValueError("coefficients must be finite and not negative.")
    # In units of the largest, so that neither tiny nor huge coefficients leave the floats' range.
    unit = np.where(largest > 0.0, largest, 1.0)[:, None]
    squares = (coefficients / unit) ** 2
    power = np.maximum(squares.sum(axis=1), 1.0)
    z = ndtri(0.5 * (1.0 + confidence))
    if law == "gaussian":
        return largest * np.sqrt(power) * z
    quantile = _expansion(squares, power, z)
    single = np.count_nonzero(coefficients, axis=1) <= 1
    quantile[single] = -np.log1p(-confidence) / np.sqrt(2.0)
    hard = (power * _DOMINANCE < 1.0) | (confidence > _EXPANSION_CONFIDENCE)
    invert = np.flatnonzero(hard & ~single)
    if len(invert):
        shares = 0.5 * squares[invert] / power[invert, None]
        quantile[invert] = _inversion(shares, quantile[invert], confidence)
    return largest * np.sqrt(2.0 * power) * quantile


def _expansion(squares, power, z):
    """Quantile of a sum over its standard deviation, by its fourth and sixth cumulants.

    Those of a Laplace law of scale a are 2a², 12a⁴, 240a⁶.
    """
    fourth = 3.0 * np.sum(squares**2, axis=1) / power**2
    sixth = 30.0 * np.sum(squares**3, axis=1) / power**3
    return (
        z
        + fourth * (z**3 - 3.0 * z) / 24.0
        + sixth * (z**5 - 10.0 * z**3 + 15.0 * z) / 720.0
        - fourth**2 * (3.0 * z**5 - 24.0 * z**3 + 29.0 * z) / 384.0
    )


# S = Σ a_k Z_k of unit variance, 2Σa_k² = 1, has the characteristic function φ(t) = Π 1/(1+a_k²t²).
# With t_j = (j + ½)h,
#     F(q) = (2/π) Σ_{j<M} sin(q t_j) φ(t_j)/(j + ½)
# would without its end be the mean of ½ sgn sin(h(q+S)/2) + ½ sgn sin(h(q-S)/2), which is
# 1{|S| < q} wherever |S| + q < 2π/h, and is off by at most 2 elsewhere. So
# - aliasing is at most 2 P(|S| > 2π/h - q). At a given Σa², E exp(sS) = Π 1/(1 - a_k²s²) is
#   greatest with all in one term, 1/(1 - s²/2), whose Chernoff bound holds for every sum;
# - the end, by Abel's inequality, is at most (2/π) φ(T)/((M+½) sin(qh/2)) at T = t_M, hence
#   2φ(T)/(qT) <= 4/(qT³), for φ(t) <= 1/(1 + t²/2) and qh <= π; and q >= confidence/√2, because the
#   density of S is at most (1/π)∫φ <= 1/√2.


def _inversion(shares, first, confidence):
    """Quantiles of sums of unit variance by their characteristic functions, in chunks.

    Parameters
    ----------
    shares : (n_rows, n_terms) array
        a_k², which add up to ½ in each row.
    first : (n_rows,) array
        Where Newton's method starts.
    """
    tolerance = min(1e-5, (1.0 - confidence) / 100.0)
    least, most = confidence / np.sqrt(2.0), _reach(1.0 - confidence)
    step = 2.0 * np.pi / (most + _reach(0.5 * tolerance))
    # A row of many terms ends sooner than the worst case, which is one term.
    ends = (4.0 / (least * tolerance)) ** (1.0 / 3.0) / np.array([16.0, 8.0, 4.0, 2.0, 1.0])
    short = 2.0 * _characteristic(shares, ends) / (least * ends) <= tolerance
    short[:, -1] = True
    which = np.argmax(short, axis=1)
    quantile = np.empty(len(shares))
    for i, end in enumerate(ends):
        frequencies = step * (np.arange(np.ceil(end / step)) + 0.5)
        members = np.flatnonzero(which == i)
        rows = max(1, chunk_bytes() // (8 * 6 * len(frequencies)))
        for start in range(0, len(members), rows):
            part = members[start : start + rows]
            density = _characteristic(shares[part], frequencies) * (2.0 * step / np.pi)
            quantile[part] = _solve(density, frequencies, first[part], least, most, confidence)
    return quantile


def _reach(probability):
    """x with Chernoff's bound of P(\\|S\\| > x) equal to ``probability``, for unit variance."""

    def excess(x):
        s = (np.sqrt(1.0 + 2.0 * x * x) - 1.0) / x  # the best exponent
        return np.log(2.0) - s * x - np.log1p(-0.5 * s * s) - np.log(probability)

    return optimize.brentq(excess, 1e-3, 100.0)


def _characteristic(shares, frequencies):
    inverse = np.ones((len(shares), len(frequencies)))
    factor = np.empty_like(inverse)
    squares = frequencies**2
    with np.errstate(over="ignore"):  # past the floats' range the function is 0, and 1/inf is
        for column in shares.T:
            if column.any():
                np.multiply(column[:, None], squares, out=factor)
                factor += 1.0
                inverse *= factor
    return 1.0 / inverse


def _solve(density, frequencies, first, least, most, confidence):
    """Newton's method within a bracket, on all rows at once."""
    probability = density / frequencies
    low, high = np.full(len(first), least), np.full(len(first), most)
    q = np.clip(first, least, most)
    for _ in range(_MAX_ITERATIONS):
        angle = q[:, None] * frequencies
        excess = np.sum(np.sin(angle) * probability, axis=1) - confidence
        slope = np.sum(np.cos(angle) * density, axis=1)
        low, high = np.where(excess < 0.0, q, low), np.where(excess < 0.0, high, q)
        with np.errstate(divide="ignore", invalid="ignore"):
            following = q - excess / slope
        inside = (following > low) & (following < high)
        following = np.where(inside, following, 0.5 * (low + high))
        moved = np.abs(following - q)
        q = following
        if np.all(moved <= 1e-9 * q):
            break
    return q

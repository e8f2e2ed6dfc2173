"""How much discrete Gaussian noise an (ε, δ) guarantee takes."""

# References: Balle, Wang, *Improving the Gaussian mechanism for differential privacy*, ICML 2018
# (δ of the continuous mechanism); Peikert, *An efficient and parallel Gaussian sampler for
# lattices*, CRYPTO 2010, Theorem 3.1 (randomised rounding of a Gaussian is a discrete Gaussian);
# Canonne, Kamath, Steinke, *The discrete Gaussian for differential privacy*, NeurIPS 2020.
#
# Why the continuous mechanism's accounting covers integer noise. The release is y = v + Z with v an
# integer vector and independent Z_k of mass ∝ exp(-k²/2σ_k²). Neighbours move v by an integer
# vector u with Σ(u_k/σ_k)² <= 1/m², where m is the multiplier. Compare y with the randomised
# rounding ỹ of the continuous release x ~ N(v, diag(σ_k² - s²)): given x, ỹ_k has mass
# ∝ exp(-(j - x_k)²/2s²) on the integers j. ỹ is post-processing of x, so it is as private as x.
# By Poisson's summation the normaliser of the rounding is s√(2π)(1 + θ(x_k)) with |θ| <= ϑ,
# ϑ = 2 Σ_{j>=1} exp(-2π²s²j²), and N(·, σ² - s²) convolved with N(·, s²) is N(·, σ²); hence
#     P(ỹ_k = j) = φ_σ(j - v_k) E[1/(1 + θ)],     P(y_k = j) = φ_σ(j - v_k)/(1 + ϑ'), 0 <= ϑ' <= ϑ,
# whose ratio lies within exp(±log((1 + ϑ)/(1 - ϑ))), inside exp(±4.3 exp(-2π²s²)) once s >= 1, at
# every integer: no set of outcomes is left out. Over K coordinates, with η = 4.3 K exp(-2π²s²),
#     P(S) <= e^η P̃(S) <= e^η (e^ε̃ P̃'(S) + δ̃) <= e^(ε̃ + 2η) P'(S) + e^η δ̃.
# η = 1e-12 takes s² = log(4.3 K/η)/2π², which is 1.5 at one coordinate and 2.2 at a million. The
# continuous mechanism has less noise by σ² -> σ² - s² alone, so with every σ_k >= s/√(2c) its
# multiplier is at least m√(1 - 2c): it costs the share c = 5e-5 of σ, whatever K is.

import math

from kernlab._core.extras import import_extra

_LOG_RATIO = 1e-12  # η
_SCALE_SHARE = 5e-5  # c
_INFLATION = 1.0 / math.sqrt(1.0 - 2.0 * _SCALE_SHARE)
# Of ε, for the rounding of floats in dp-accounting: the noise then changes by less than 1e-9.
_FLOAT_SHARE = 1e-9
LEAST_EPSILON = 1e-6
LEAST_DELTA = 1e-100


def minimum_scale(n_statistics):
    """Least scale σ, in units of the integer grid, that `gaussian_multiplier` accounts for.

    Parameters
    ----------
    n_statistics : int >= 1
        How many integers are released together.

    Returns
    -------
    int
        About 120 for one statistic and 150 for a million: it grows as the root of a logarithm.

    Examples
    --------
    >>> from kernlab.privacy._accounting import minimum_scale
    >>> minimum_scale(1), minimum_scale(10**6)
    (122, 148)
    """
    if n_statistics < 1:
        raise ValueError(f"n_statistics must be at least 1, got {n_statistics}.")
    rounding = math.log(4.3 * n_statistics / _LOG_RATIO) / (2.0 * math.pi**2)
    return math.ceil(math.sqrt(rounding / (2.0 * _SCALE_SHARE)))


def gaussian_multiplier(epsilon, delta):
    """Noise per unit of L2 sensitivity of discrete Gaussians that are (ε, δ)-private.

    Statistics that a record moves by integers u_k, released with independent discrete Gaussians of
    mass ∝ exp(-j²/2σ_k²), are (ε, δ)-differentially private when the returned multiplier m has
    m √(Σ (u_k/σ_k)²) <= 1 for every pair of neighbours, and every σ_k is at least
    `minimum_scale` of the number of statistics. The comment that opens this file has the proof.

    Parameters
    ----------
    epsilon : real > 0
        Any real number, such as a `Fraction`; at least 1e-6.
    delta : float in (0, 1)
        At least 1e-100.

    Returns
    -------
    float
        The continuous mechanism's multiplier, the smallest that its privacy loss distribution
        allows, plus the share 5e-5 for the integers.

    Raises
    ------
    ValueError
        If ``epsilon`` or ``delta`` is out of range.
    MissingExtraError
        If dp-accounting is not installed.

    Notes
    -----
    It takes tens of milliseconds; importing dp-accounting takes some seconds the first time.

    Examples
    --------
    >>> from kernlab.privacy._accounting import gaussian_multiplier
    >>> round(gaussian_multiplier(1, 1e-6), 4)
    4.2249
    """
    epsilon, delta = _check_epsilon(epsilon), _check_delta(delta)
    pld = _privacy_loss("gaussian_multiplier")
    # In units of the noise that a crude bound gives: dp-accounting searches to an absolute 1e-7.
    unit = math.sqrt(2.0 * math.log(1.5 / delta)) / epsilon
    target = pld.common.DifferentialPrivacyParameters(
        epsilon * (1.0 - _FLOAT_SHARE) - 2.0 * _LOG_RATIO,
        delta * math.exp(-_LOG_RATIO) * (1.0 - _FLOAT_SHARE),
    )
    loss = pld.privacy_loss_mechanism.GaussianPrivacyLoss.from_privacy_guarantee(
        target, sensitivity=1.0 / unit
    )
    return float(loss.standard_deviation) * unit * _INFLATION


def continuous_multiplier(multiplier):
    """Multiplier of continuous noise that discrete Gaussians of another are as private as.

    Parameters
    ----------
    multiplier : float > 0
        As `gaussian_multiplier` returns; its conditions hold.

    Returns
    -------
    float
        Without the share for the integers: what accountants of composition take.
    """
    return multiplier / _INFLATION


def gaussian_epsilon(multiplier, delta):
    """Least ε at which discrete Gaussians of this multiplier are known to be (ε, δ)-private.

    Parameters
    ----------
    multiplier : float > 0
        Noise per unit of L2 sensitivity, as `gaussian_multiplier` returns; its conditions hold.
    delta : float in (0, 1)
        At least 1e-100.

    Returns
    -------
    float
        To one part in 1e9 above the exact value; 1e-6 where ε is less than that.

    Raises
    ------
    ValueError
        If ``multiplier`` or ``delta`` is out of range.
    MissingExtraError
        If dp-accounting is not installed.

    Examples
    --------
    >>> from kernlab.privacy._accounting import gaussian_epsilon
    >>> round(gaussian_epsilon(4.2249, 1e-6), 4)
    1.0
    """
    delta = _check_delta(delta)
    multiplier = float(multiplier)
    if not (0.0 < multiplier < math.inf):
        raise ValueError(f"multiplier must be positive and finite, got {multiplier!r}.")
    pld = _privacy_loss("gaussian_epsilon")
    loss = pld.privacy_loss_mechanism.GaussianPrivacyLoss(continuous_multiplier(multiplier))
    target = delta * math.exp(-_LOG_RATIO) * (1.0 - _FLOAT_SHARE)

    def is_private(epsilon):
        return loss.get_delta_for_epsilon(epsilon) <= target

    low = high = LEAST_EPSILON
    while not is_private(high):
        low, high = high, 2.0 * high
    while high - low > 1e-10 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_private(middle) else (middle, high)
    return high * (1.0 + _FLOAT_SHARE) + 2.0 * _LOG_RATIO


def _privacy_loss(purpose):
    import_extra("dp_accounting.pld.common", extra="privacy", purpose=purpose)
    import_extra("dp_accounting.pld.privacy_loss_mechanism", extra="privacy", purpose=purpose)
    return import_extra("dp_accounting.pld", extra="privacy", purpose=purpose)


def _check_epsilon(epsilon):
    value = float(epsilon)
    if not (LEAST_EPSILON <= value < math.inf):
        raise ValueError(
            f"epsilon must be a finite number of at least {LEAST_EPSILON}, got {epsilon!r}."
        )
    return value


def _check_delta(delta):
    value = float(delta)
    if not (LEAST_DELTA <= value < 1.0):
        raise ValueError(
            f"delta must be in (0, 1), and at least {LEAST_DELTA}, for Gaussian noise; got "
            f"{delta!r}. For pure differential privacy, delta=0, use Laplace noise."
        )
    return value

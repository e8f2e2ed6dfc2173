"""Statistics that find a mechanism less private than it claims to be."""

# References: Clopper, Pearson, *The use of confidence or fiducial limits illustrated in the case of
# the binomial*, Biometrika 26, 1934; Ding, Wang, Wang, Zhang, Kifer, *Detecting violations of
# differential privacy*, CCS 2018 (choosing the event on other runs than those that test it);
# Jagielski, Ullman, Oprea, *Auditing differentially private machine learning*, NeurIPS 2020.
#
# The audits complement one another. A likelihood ratio needs a release of few numbers: the noise
# of a thousand statistics hides from it that the scale of all is half of what it should be. That
# the scale audit sees to a percent; and it takes the sensitivity for granted, which the search for
# a worst record does not.

from dataclasses import dataclass, field

import numpy as np
from scipy import special, stats

from kernlab.privacy._accounting import gaussian_epsilon

# Thresholds that the choosing half of the runs may pick from, on each side of the median.
_N_THRESHOLDS = 200
_MIN_RELEASES = 2000


@dataclass(frozen=True)
class AuditResult:
    """One check and its outcome.

    Parameters
    ----------
    name : str
        What was checked.
    statistic : float
        What was measured.
    bound : float
        What it was compared with.
    passed : bool
        Whether the claim stands.
    details : dict
        Further numbers of the report, by name.

    Examples
    --------
    >>> from kernlab.privacy._auditing import AuditResult
    >>> print(AuditResult("sensitivity", 1.25, 1.0, False, {"column": 3}))
    FAILED sensitivity: 1.25, bound 1 (column=3)
    """

    name: str
    statistic: float
    bound: float
    passed: bool
    details: dict = field(default_factory=dict)

    def __str__(self):
        verdict = "passed" if self.passed else "FAILED"
        text = f"{verdict} {self.name}: {self.statistic:.6g}, bound {self.bound:.6g}"
        if self.details:
            text += " (" + ", ".join(f"{k}={_short(v)}" for k, v in self.details.items()) + ")"
        return text


def _short(value):
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def bonferroni(confidence, n_cases):
    """Confidence of each of ``n_cases`` tests that makes all of them hold together at another.

    Parameters
    ----------
    confidence : float in (0, 1)
        Of all the tests together, whether independent or not.
    n_cases : int >= 1

    Examples
    --------
    >>> from kernlab.privacy._auditing import bonferroni
    >>> round(bonferroni(0.99, 10), 6)
    0.999
    """
    _check_confidence(confidence)
    if n_cases < 1:
        raise ValueError(f"n_cases must be at least 1, got {n_cases!r}.")
    return 1.0 - (1.0 - confidence) / n_cases


def clopper_pearson(successes, n_trials, *, confidence):
    """Bounds of a binomial probability, each of which fails with at most ``(1-confidence)/2``.

    Parameters
    ----------
    successes : int or array of int in 0…n_trials
    n_trials : int >= 1
    confidence : float in (0, 1)
        Of both bounds together.

    Returns
    -------
    low, high : arrays of the shape of ``successes``

    Examples
    --------
    >>> from kernlab.privacy._auditing import clopper_pearson
    >>> low, high = clopper_pearson(0, 100, confidence=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0, 0.0362)
    """
    _check_confidence(confidence)
    successes = np.asarray(successes)
    if n_trials < 1 or np.any((successes < 0) | (successes > n_trials)):
        raise ValueError(
            f"successes must lie in 0…n_trials and n_trials be at least 1; n_trials={n_trials!r}."
        )
    tail = 0.5 * (1.0 - confidence)
    return _lower(successes, n_trials, tail), _upper(successes, n_trials, tail)


# At the ends of the range the beta laws lose a parameter, and the bounds are 0 and 1.
def _lower(successes, n, tail):
    bound = special.betaincinv(np.maximum(successes, 1), n - successes + 1, tail)
    return np.where(successes == 0, 0.0, bound)


def _upper(successes, n, tail):
    bound = special.betainccinv(successes + 1, np.maximum(n - successes, 1), tail)
    return np.where(successes == n, 1.0, bound)


def epsilon_lower_bound(scores_0, scores_1, *, delta=0.0, confidence=0.999):
    """Certified lower bound of ε from runs of a mechanism on two neighbouring data sets.

    The first half of the runs chooses an event, "the score is at least t" or "at most t", and which
    data set makes it more likely; the second half bounds its two probabilities. Whatever the score,
    an (ε, δ)-private mechanism yields a bound above ε with probability at most ``1 - confidence``.

    Parameters
    ----------
    scores_0, scores_1 : (n_0,) and (n_1,) arrays without NaN, of at least 4 runs each
        A number for each run on either data set, independent between runs; best the log likelihood
        ratio (`log_likelihood_ratio`) or a function that rises with it. Infinities are allowed.
    delta : float in [0, 1)
    confidence : float in (0, 1)

    Returns
    -------
    float
        At least 0. With 40 000 runs each of a scalar Laplace mechanism it is about 0.95 ε at
        ε = 1 and 2, at 99.9 % confidence.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._auditing import epsilon_lower_bound
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.laplace(size=(2, 40_000))
    >>> 0.9 < epsilon_lower_bound(noise[0], 1.0 + noise[1]) < 1.0
    True
    """
    _check_confidence(confidence)
    if not 0.0 <= delta < 1.0:
        raise ValueError(f"delta must be in [0, 1), got {delta!r}.")
    scores = []
    for name, values in (("scores_0", scores_0), ("scores_1", scores_1)):
        values = np.asarray(values)
        if values.ndim != 1 or len(values) < 4:
            raise ValueError(
                f"{name} must be one-dimensional with at least 4 runs, got shape {values.shape}."
            )
        if np.any(np.isnan(values)):
            raise ValueError(f"{name} contains NaN; a run without a score has no place in a test.")
        scores.append(values)
    tail = 0.5 * (1.0 - confidence)
    chosen = [np.sort(values[: len(values) // 2]) for values in scores]
    tested = [np.sort(values[len(values) // 2 :]) for values in scores]
    thresholds = _thresholds(np.concatenate(chosen))
    best, event = -np.inf, None
    for above in (True, False):
        for likely in (0, 1):
            bounds = _log_ratio(chosen, thresholds, above, likely, delta, tail)
            i = int(np.argmax(bounds))
            if bounds[i] > best:
                best, event = bounds[i], (thresholds[i : i + 1], above, likely)
    if event is None:
        return 0.0
    return max(0.0, float(_log_ratio(tested, *event, delta, tail)[0]))


def _thresholds(pooled):
    """Quantiles of the pooled scores, evenly spread and then geometrically into both tails."""
    tail = np.geomspace(2.0 / len(pooled), 0.5, _N_THRESHOLDS)
    levels = np.concatenate([tail, 1.0 - tail, np.linspace(0.0, 1.0, _N_THRESHOLDS)])
    return np.unique(np.quantile(pooled, levels, method="inverted_cdf"))


def _log_ratio(runs, thresholds, above, likely, delta, tail):
    """Bounds of ε by the events "at least t" (``above``) or "at most t", for each threshold t.

    ``runs`` are the sorted scores on both data sets, of which ``likely`` has the event more often.
    """
    yes, no = runs[likely], runs[1 - likely]
    low = np.maximum(_lower(_hits(yes, thresholds, above), len(yes), tail) - delta, 0.0)
    with np.errstate(divide="ignore"):  # an event without a bound certifies nothing: -inf
        return np.log(low) - np.log(_upper(_hits(no, thresholds, above), len(no), tail))


def _hits(ordered, thresholds, above):
    if above:
        return len(ordered) - np.searchsorted(ordered, thresholds, side="left")
    return np.searchsorted(ordered, thresholds, side="right")


def log_likelihood_ratio(outputs, center_0, center_1, scales, *, law):
    """Log of how much likelier each output is under ``center_1`` than under ``center_0``.

    Parameters
    ----------
    outputs : (n_runs, n_statistics) array
    center_0, center_1 : (n_statistics,) arrays
        The statistics before noise. Integers are subtracted as integers, without rounding.
    scales : float or (n_statistics,) array, positive
        Scales of Laplace noise, or standard deviations of Gaussian noise.
    law : {'laplace', 'gaussian'}
        Discrete and continuous noise have the same ratio.

    Returns
    -------
    (n_runs,) array

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._auditing import log_likelihood_ratio
    >>> log_likelihood_ratio(np.array([[0], [2], [9]]), [0], [4], 2.0, law="laplace")
    array([-2.,  0.,  2.])
    """
    _check_law(law)
    scales = np.asarray(scales, dtype=np.float64)
    if not np.all((scales > 0.0) & np.isfinite(scales)):
        raise ValueError("scales must be positive and finite.")
    outputs = np.asarray(outputs)
    if outputs.ndim != 2:
        raise ValueError(f"outputs must have shape (n_runs, n_statistics), got {outputs.shape}.")
    from_0, from_1 = outputs - np.asarray(center_0), outputs - np.asarray(center_1)
    if law == "laplace":
        return np.sum((np.abs(from_0) - np.abs(from_1)) / scales, axis=1)
    # A difference of squares as a product, which large common offsets do not cancel.
    step = np.asarray(center_1) - np.asarray(center_0)
    return np.sum((from_0 / scales + from_1 / scales) * (0.5 * step / scales), axis=1)


def implied_scale_epsilon(releases, sensitivity, *, law="laplace", delta=None, confidence=0.999):
    """ε that the spread of repeated releases implies, with its confidence interval.

    The scale of the noise is read off the mean absolute deviation from each statistic's median.

    Parameters
    ----------
    releases : (n_runs,) or (n_runs, n_statistics) array, at least 2000 runs
        Releases of one data set. Columns are pooled, so that they should have noise of one scale,
        of many grid units: divide by the declared scales those that differ.
    sensitivity : float > 0
        L1 sensitivity for Laplace noise, L2 for Gaussian, in the units of ``releases``. Of columns
        divided by their declared scales that is the declared ε, or one over the multiplier.
    law : {'laplace', 'gaussian'}
    delta : float in (0, 1), optional
        For Gaussian noise, which has no ε without it.
    confidence : float in (0, 1)

    Returns
    -------
    estimate, low, high : floats

    Raises
    ------
    ValueError
        If an argument is out of range, or if the releases do not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._auditing import implied_scale_epsilon
    >>> releases = np.rint(np.random.default_rng(0).laplace(scale=500, size=(2000, 16)))
    >>> estimate, low, high = implied_scale_epsilon(releases, 1000)
    >>> low < 2.0 < high and high - low < 0.1
    True
    """
    _check_law(law)
    _check_confidence(confidence)
    if not 0.0 < sensitivity < np.inf:
        raise ValueError(f"sensitivity must be positive and finite, got {sensitivity!r}.")
    if (law == "gaussian") != (delta is not None):
        raise ValueError(f"delta goes with law='gaussian' alone; got law={law!r}, delta={delta!r}.")
    releases = np.asarray(releases)
    if releases.ndim == 1:
        releases = releases[:, None]
    if releases.ndim != 2 or len(releases) < _MIN_RELEASES or releases.shape[1] == 0:
        raise ValueError(
            f"releases must be at least {_MIN_RELEASES} runs of one or more statistics, got shape "
            f"{releases.shape}."
        )
    n_runs, n_statistics = releases.shape
    releases = releases - releases[0]  # medians are floats, which large integers would not fit
    deviations = np.abs(releases - np.median(releases, axis=0))
    # About their own median n deviations add up to less than about the centre, by the share of a
    # deviation that the median's variance 1/4nf(0)² makes: ½ for Laplace, π/4 for Gaussian.
    lost = 0.5 if law == "laplace" else 0.25 * np.pi
    mean = float(np.mean(np.sum(deviations, axis=0) / (n_runs - lost)))
    if not 0.0 < mean < np.inf:
        raise ValueError(
            f"the releases' mean deviation is {mean}; noise has a finite, positive one."
        )
    # The coefficient of variation of one absolute deviation: 1, or √(π/2 - 1).
    spread = 1.0 if law == "laplace" else np.sqrt(0.5 * np.pi - 1.0)
    z = special.ndtri(0.5 * (1.0 + confidence))
    error = z * spread / np.sqrt(n_runs * n_statistics)
    means = mean / np.array([1.0, 1.0 - error, 1.0 + error])
    if law == "laplace":
        estimate, low, high = np.sort(sensitivity / means)[[1, 0, 2]]
    else:
        multipliers = means * np.sqrt(0.5 * np.pi) / sensitivity
        estimate, low, high = np.sort([gaussian_epsilon(m, delta) for m in multipliers])[[1, 0, 2]]
    return float(estimate), float(low), float(high)


def low_bits_test(values, scale, *, confidence=0.999):
    """Whether released numbers are integers whose low bits say nothing.

    Noise of a scale of many units leaves the low bits uniform, whatever they were before. Floats
    fail outright: which of them are multiples of which powers of two depends on the value that
    the noise was added to (Mironov, CCS 2012). So do integers on a coarser grid than they claim.

    Parameters
    ----------
    values : array of numbers
        Independent releases, of one statistic or of several with noise of one scale.
    scale : float >= 16
        Scale of the noise, in grid units.
    confidence : float in (0, 1)

    Returns
    -------
    AuditResult
        ``statistic`` is the chi-square of the lowest bits, with a cell for each of their values,
        and ``bound`` its quantile. Of values that are not integers both are the share of those
        with a fraction, and 0.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._auditing import low_bits_test
    >>> noise = np.random.default_rng(0).laplace(scale=1000, size=5000)
    >>> low_bits_test(np.rint(noise).astype(np.int64), 1000).passed
    True
    >>> low_bits_test(noise, 1000).passed
    False
    """
    _check_confidence(confidence)
    if not 16.0 <= scale < np.inf:
        raise ValueError(f"scale must be at least 16 grid units and finite, got {scale!r}.")
    values = np.asarray(values).ravel()
    if values.dtype.kind not in "iu":
        with np.errstate(invalid="ignore"):  # infinities have no fraction
            fractions = values.astype(np.float64) % 1.0
        share = float(np.mean(~(fractions == 0.0)))
        return AuditResult("low bits", share, 0.0, False, {"dtype": str(values.dtype)})
    # At most 256 cells of 20 values each at least; and at 2^bits <= scale/8 the Laplace law's own
    # departure from uniformity, 2/(1+(2π scale/2^bits)²), is under 8e-4.
    bits = int(min(8, np.log2(scale / 8.0), np.log2(max(1.0, len(values) / 20.0))))
    if bits < 1:
        raise ValueError(f"{len(values)} values are too few for a test; give at least 40.")
    lowest = values.astype(np.int64, copy=False) & (2**bits - 1)
    cells = np.bincount(lowest, minlength=2**bits)
    statistic, p_value = stats.chisquare(cells)
    bound = float(stats.chi2.isf(1.0 - confidence, 2**bits - 1))
    details = {"bits": bits, "p": float(p_value), "n": len(values)}
    return AuditResult("low bits", float(statistic), bound, bool(statistic <= bound), details)


def _check_law(law):
    if law not in ("laplace", "gaussian"):
        raise ValueError(f"law must be 'laplace' or 'gaussian', got {law!r}.")


def _check_confidence(confidence):
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}.")

"""What may be released about one body of data, and what has been released so far."""

import math
import os
import threading
from collections import Counter
from fractions import Fraction
from numbers import Rational, Real
from typing import NamedTuple

from scipy.special import log_ndtr, ndtr

from kernlab._core.extras import import_extra
from kernlab.exceptions import PrivacyBudgetError


def as_fraction(value, name, *, minimum=None):
    """An amount of privacy as an exact fraction.

    Parameters
    ----------
    value : int, Fraction, str or float
        A string holds a fraction or a decimal, ``'1/10'`` or ``'0.1'``. A float counts as the
        shortest decimal that denotes it, so that 0.1 is one tenth.
    name : str
        Named in messages.
    minimum : int, optional
        Least value allowed; by default anything above 0 is.

    Returns
    -------
    Fraction

    Raises
    ------
    TypeError
        If ``value`` is none of these; a bool is none.
    ValueError
        If it is not finite, or too small.

    Examples
    --------
    >>> from kernlab.privacy._budget import as_fraction
    >>> as_fraction(0.1, "epsilon"), as_fraction("1/3", "epsilon")
    (Fraction(1, 10), Fraction(1, 3))
    """
    if isinstance(value, bool) or not isinstance(value, (Real, str)):
        raise TypeError(
            f"{name} is a number, or a string such as '1/10' or '0.1'; got {value!r} of type "
            f"{type(value).__name__}."
        )
    try:
        # NumPy's numbers too are written with the fewest digits that denote them.
        amount = Fraction(value) if isinstance(value, Rational) else Fraction(str(value))
        # Some uses need it as a float, which must not be zero where the amount is not.
        1 / float(amount or 1)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise ValueError(
            f"{name} is a finite number, or a string such as '1/10' or '0.1'; got {value!r}."
        ) from error
    if amount <= 0 if minimum is None else amount < minimum:
        least = "above 0" if minimum is None else f"at least {minimum}"
        raise ValueError(f"{name} is {least}; got {value!r}.")
    # NumPy's integers are rational, and would stay inside.
    return Fraction(int(amount.numerator), int(amount.denominator))


class LedgerEntry(NamedTuple):
    """One release: what it was called, what it cost, and how it was made.

    ``mechanism`` is ``'pure'`` (δ = 0), ``'gaussian'`` (with its ``noise_multiplier``, the
    standard deviation for unit L2 sensitivity) or ``'approximate'`` (any other with δ > 0).
    """

    label: str
    epsilon: Fraction
    delta: Fraction
    mechanism: str
    noise_multiplier: float | None


class PrivacyBudget:
    """A limit (ε, δ) on all that is released about one body of data, and the ledger of it.

    Every private estimator that is given the budget spends from it in ``fit``, before it looks at
    the data; a release that does not fit raises and leaves no trace. Releases compose by adding
    up their ε and their δ, which holds however each was chosen in the light of those before
    [1]_. Amounts are exact fractions: ten releases of 0.1 fit a budget of 1, and an eleventh
    does not.

    There is one ledger, however often the object is copied: ``copy``, ``deepcopy`` and
    scikit-learn's ``clone`` return the budget itself, so that the clones made by
    ``GridSearchCV`` all draw on it (each of their fits spends). It may be shared by threads. It
    is not shared by processes: a pickled copy, or one inherited by a forked process, shows the
    ledger and refuses to spend until :meth:`resume` is called.

    Parameters
    ----------
    epsilon : int, Fraction, str or float
        Limit of ε, above 0. A float counts as its shortest decimal: 0.1 is one tenth.
    delta : int, Fraction, str or float, default=0
        Limit of δ, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        If a limit is not a number, not finite or out of its range.

    References
    ----------
    .. [1] Dwork and Roth, *The Algorithmic Foundations of Differential Privacy*, 2014,
       section 3.5.

    Examples
    --------
    >>> from kernlab.privacy import PrivacyBudget
    >>> budget = PrivacyBudget(1)
    >>> entry = budget.spend(0.3, label="first look")
    >>> budget
    PrivacyBudget(epsilon=1, delta=0; spent 0.3 and 0 in 1 release)
    >>> budget.remaining
    (Fraction(7, 10), Fraction(0, 1))
    >>> budget.spend(0.8)
    Traceback (most recent call last):
    ...
    kernlab.exceptions.PrivacyBudgetError: A release asks for epsilon=0.8, delta=0 and ...
    """

    def __init__(self, epsilon, delta=0):
        self._epsilon = as_fraction(epsilon, "epsilon")
        self._delta = _as_delta(delta)
        self._ledger: tuple[LedgerEntry, ...] = ()
        self._lock = threading.Lock()
        self._process: int | None = os.getpid()

    @property
    def epsilon(self):
        """The limit of ε, a Fraction."""
        return self._epsilon

    @property
    def delta(self):
        """The limit of δ, a Fraction."""
        return self._delta

    @property
    def ledger(self):
        """All releases so far, in order, a tuple of ``LedgerEntry``."""
        return self._ledger

    @property
    def spent(self):
        """The sums of ε and of δ over the ledger, two Fractions."""
        return _sums(self._ledger)

    @property
    def remaining(self):
        """What is left of ε and of δ, two Fractions."""
        epsilon, delta = self.spent
        return self._epsilon - epsilon, self._delta - delta

    def spend(self, epsilon, delta=0, *, label="", noise_multiplier=None):
        """Enter a release in the ledger, or raise and enter nothing if it does not fit.

        Call it before the data is looked at. Releases about disjoint groups of records (a record
        being in one group whatever the others are) cost together what the dearest costs: spend
        that once.

        Parameters
        ----------
        epsilon : int, Fraction, str or float
            Above 0.
        delta : int, Fraction, str or float, default=0
            In [0, 1).
        label : str, default=''
            What the release is, for readers of the ledger.
        noise_multiplier : float, optional
            For a release by Gaussian noise: its standard deviation where the L2 sensitivity is 1.
            :meth:`composed_epsilon` makes use of it.

        Returns
        -------
        LedgerEntry

        Raises
        ------
        PrivacyBudgetError
            If more is asked than remains, or this budget is a copy in another process.
        TypeError, ValueError
            If an amount is not a number or out of its range, or noise of this multiplier does not
            give (ε, δ).

        Examples
        --------
        >>> from kernlab.privacy import PrivacyBudget
        >>> budget = PrivacyBudget(2, "1e-6")
        >>> budget.spend(1, 1e-6, label="sums", noise_multiplier=4.23).mechanism
        'gaussian'
        """
        epsilon = as_fraction(epsilon, "epsilon")
        delta = _as_delta(delta)
        mechanism = "approximate" if delta else "pure"
        if noise_multiplier is not None:
            noise_multiplier = _check_multiplier(noise_multiplier, epsilon, delta)
            mechanism = "gaussian"
        entry = LedgerEntry(str(label), epsilon, delta, mechanism, noise_multiplier)
        # Before the lock, which a process that was forked off may have inherited locked.
        if self._process != os.getpid():
            raise PrivacyBudgetError(
                "This budget is a copy, pickled or inherited by a forked process, and spending "
                "from it too would spend the same amount twice. Spend in the process that made "
                "the budget (in scikit-learn: n_jobs=1, or joblib's threading backend); if the "
                "original is gone, call resume() first."
            )
        with self._lock:
            epsilon_left, delta_left = self.remaining
            if epsilon > epsilon_left or delta > delta_left:
                raise PrivacyBudgetError(
                    f"A release asks for epsilon={_show(epsilon)}, delta={_show(delta)} and "
                    f"epsilon={_show(epsilon_left)}, delta={_show(delta_left)} remain of the "
                    "budget; nothing was released or spent. Ask for less, use what has been "
                    "released already, or make a PrivacyBudget with higher limits, which weakens "
                    "the guarantee for everyone in the data."
                )
            self._ledger = (*self._ledger, entry)
        return entry

    def composed_epsilon(self, delta):
        """The least ε, by tight accounting, for which all releases together are (ε, δ)-private.

        Gaussian releases are composed by the distribution of their privacy loss, all others by
        that of the worst mechanism with their (ε, δ) [1]_. Of many releases this is much less
        than the sum and the better statement to quote; the budget enforces the sum all the same.
        It presumes that the amounts and their order were settled beforehand: where an ε was
        chosen in the light of earlier releases, quote ``spent``.

        Parameters
        ----------
        delta : int, Fraction, str or float
            In [0, 1).

        Returns
        -------
        float
            Infinite if no ε does, as for a Gaussian release and ``delta=0``. Never more than the
            sum of ε if ``delta`` is the sum of δ or more. Each release without a multiplier is
            rounded up to a multiple of 1e-4. Takes a fraction of a second for each distinct kind of
            release, and seconds for multipliers below 1.

        Raises
        ------
        MissingExtraError
            If dp-accounting (extra ``privacy``) is not installed.
        TypeError, ValueError
            If ``delta`` is not a number or out of its range.

        References
        ----------
        .. [1] Doroshenko, Ghazi, Kamath, Kumar and Manurangsi, *Connect the Dots: Tighter
           Discrete Approximations of Privacy Loss Distributions*, PoPETs 2022.

        Examples
        --------
        >>> from kernlab.privacy import PrivacyBudget
        >>> budget = PrivacyBudget(10, 1e-5)
        >>> for _ in range(10):
        ...     entry = budget.spend(1, 1e-6, noise_multiplier=4.23)
        >>> print(f"{budget.composed_epsilon(1e-6):.2f}")
        3.52
        """
        delta = _as_delta(delta)
        ledger = self._ledger
        epsilon_sum, delta_sum = _sums(ledger)
        by_sums = float(epsilon_sum) if delta >= delta_sum else math.inf
        # Losses are computed by Fourier transforms, whose rounding rules out δ = 0.
        if not ledger or delta == 0:
            return by_sums
        return min(by_sums, _tight_epsilon(ledger, float(delta)))

    def resume(self):
        """Let this copy spend: a promise that the original, wherever it was, spends no more.

        For a budget kept in a file between sessions, or handed to another process for good.

        Returns
        -------
        self : PrivacyBudget
        """
        self._lock = threading.Lock()
        self._process = os.getpid()
        return self

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __sklearn_clone__(self):
        return self

    def __getstate__(self):
        return {"_epsilon": self._epsilon, "_delta": self._delta, "_ledger": self._ledger}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._process = None

    def __repr__(self):
        epsilon, delta = self.spent
        count = len(self._ledger)
        return (
            f"PrivacyBudget(epsilon={_show(self._epsilon)}, delta={_show(self._delta)}; spent "
            f"{_show(epsilon)} and {_show(delta)} in {count} release{'s' * (count != 1)})"
        )


def _as_delta(delta):
    fraction = as_fraction(delta, "delta", minimum=0)
    if fraction >= 1:
        raise ValueError(f"delta is a probability below 1; got {delta!r}.")
    return fraction


def _sums(ledger):
    return (
        sum((entry.epsilon for entry in ledger), Fraction(0)),
        sum((entry.delta for entry in ledger), Fraction(0)),
    )


def _check_multiplier(multiplier, epsilon, delta):
    if isinstance(multiplier, bool) or not isinstance(multiplier, Real):
        raise TypeError(f"noise_multiplier is a real number; got {multiplier!r}.")
    multiplier = float(multiplier)
    if not 0 < multiplier < math.inf:
        raise ValueError(f"noise_multiplier is positive and finite; got {multiplier!r}.")
    # A thousandth for rounding in whatever computed the multiplier.
    least = _gaussian_delta(multiplier, float(epsilon))
    if least > float(delta) * (1 + 1e-3):
        raise ValueError(
            f"noise_multiplier={multiplier!r} gives epsilon={_show(epsilon)} only with "
            f"delta={least:.3g} or more; got delta={_show(delta)}. Raise the multiplier, epsilon "
            "or delta."
        )
    return multiplier


def _gaussian_delta(multiplier, epsilon):
    """The least δ of Gaussian noise (Balle and Wang, ICML 2018, theorem 8)."""
    half, shift = 0.5 / multiplier, epsilon * multiplier
    return float(ndtr(half - shift) - math.exp(epsilon + log_ndtr(-half - shift)))


def _tight_epsilon(ledger, delta):
    losses = import_extra(
        "dp_accounting.pld.privacy_loss_distribution",
        extra="privacy",
        purpose="composed_epsilon",
    )
    parameters = import_extra(
        "dp_accounting.pld.common", extra="privacy", purpose="composed_epsilon"
    ).DifferentialPrivacyParameters
    total = losses.identity()
    for (multiplier, *amounts), count in Counter(map(_worst_case, ledger)).items():
        if multiplier is None:
            loss = losses.from_privacy_parameters(parameters(*amounts))
        else:
            loss = losses.from_gaussian_mechanism(multiplier)
        total = total.compose(loss.self_compose(count))
    return float(total.get_epsilon_for_delta(delta))


def _worst_case(entry):
    if entry.noise_multiplier is not None:
        return (entry.noise_multiplier,)
    return None, float(entry.epsilon), float(entry.delta)


def _show(amount):
    """A short decimal where that is exact, or else the fraction."""
    decimal = f"{float(amount):.12g}"
    return decimal if Fraction(decimal) == amount else str(amount)

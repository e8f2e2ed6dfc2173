import copy
import math
import os
import pickle
import threading
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from kernlab.exceptions import PrivacyBudgetError
from kernlab.privacy import PrivacyBudget, PrivateDistanceSum
from kernlab.privacy._budget import as_fraction


def _gaussian_epsilon(multiplier, delta):
    """ε of Gaussian noise in closed form: Balle and Wang, ICML 2018, theorem 8."""

    def excess(epsilon):
        half, shift = 0.5 / multiplier, epsilon * multiplier
        return ndtr(half - shift) - math.exp(epsilon + log_ndtr(-half - shift)) - delta

    return brentq(excess, 0.0, 1000.0, xtol=1e-12)


# --- Amounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (2, Fraction(2)),
        (np.int64(2), Fraction(2)),
        (Fraction(1, 3), Fraction(1, 3)),
        ("1/10", Fraction(1, 10)),
        ("0.1", Fraction(1, 10)),
        (0.1, Fraction(1, 10)),
        (np.float64(0.1), Fraction(1, 10)),
        (np.float32(0.1), Fraction(1, 10)),
        (1e-6, Fraction(1, 10**6)),
    ],
)
def test_amounts_are_exact_fractions(value, amount):
    taken = as_fraction(value, "epsilon")
    assert taken == amount
    assert type(taken) is Fraction
    assert type(taken.numerator) is int


@pytest.mark.parametrize("value", [True, np.True_, None, 1j, [1]])
def test_amounts_that_are_no_numbers_are_refused(value):
    with pytest.raises(TypeError, match="epsilon is a number, or a string such as '1/10'.*; got"):
        PrivacyBudget(value)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "one", "1/0", "nan", "1e400", "1e-400"]
)
def test_amounts_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="epsilon is a finite number.*; got"):
        PrivacyBudget(value)


def test_amounts_out_of_range_are_refused():
    for epsilon in (0, -1, 0.0, "-0.5"):
        with pytest.raises(ValueError, match=f"epsilon is above 0; got {epsilon!r}"):
            PrivacyBudget(epsilon)
        with pytest.raises(ValueError, match=f"epsilon is above 0; got {epsilon!r}"):
            PrivacyBudget(1).spend(epsilon)
    with pytest.raises(ValueError, match="delta is at least 0; got -1e-06"):
        PrivacyBudget(1, -1e-6)
    with pytest.raises(ValueError, match="delta is a probability below 1; got 1"):
        PrivacyBudget(1, 1)


# --- Spending -----------------------------------------------------------------------------------


def test_ten_tenths_fit_and_an_eleventh_does_not():
    budget = PrivacyBudget(1)
    for _ in range(10):
        budget.spend(0.1)
    assert budget.spent == (1, 0)
    assert budget.remaining == (0, 0)
    before = budget.ledger
    with pytest.raises(PrivacyBudgetError, match="asks for epsilon=0.1, delta=0 and epsilon=0, "):
        budget.spend(0.1)
    assert budget.ledger is before


def test_the_refusal_says_what_remains_and_what_to_do():
    budget = PrivacyBudget(1, 1e-6)
    budget.spend("1/3", 1e-7)
    with pytest.raises(
        PrivacyBudgetError,
        match=r"epsilon=2, delta=0 and epsilon=2/3, delta=9e-07 remain of the budget; nothing was "
        r"released or spent\. Ask for less",
    ):
        budget.spend(2)
    with pytest.raises(PrivacyBudgetError, match="asks for epsilon=0.5, delta=1e-06"):
        budget.spend(0.5, 1e-6)
    assert budget.remaining == (Fraction(2, 3), Fraction(9, 10**7))
    assert issubclass(PrivacyBudgetError, ValueError)


def test_the_ledger_lists_releases_and_cannot_be_changed():
    budget = PrivacyBudget(5, 1e-5)
    first = budget.spend(1, label="counts")
    budget.spend(1, 1e-6)
    budget.spend(1, 1e-6, label="sums", noise_multiplier=4.5)
    assert [entry.mechanism for entry in budget.ledger] == ["pure", "approximate", "gaussian"]
    assert budget.ledger[0] == first == ("counts", 1, 0, "pure", None)
    assert budget.ledger[2].noise_multiplier == 4.5
    with pytest.raises(AttributeError):
        first.epsilon = 0
    for name in ("epsilon", "delta", "ledger", "spent", "remaining"):
        with pytest.raises(AttributeError):
            setattr(budget, name, 100)
    assert repr(budget) == (
        "PrivacyBudget(epsilon=5, delta=1e-05; spent 3 and 2e-06 in 3 releases)"
    )


def test_threads_race_for_the_budget():
    budget = PrivacyBudget("3.7")
    barrier = threading.Barrier(100)
    refused = []

    def run():
        barrier.wait()
        try:
            budget.spend(0.1)
        except PrivacyBudgetError:
            refused.append(1)

    threads = [threading.Thread(target=run) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(budget.ledger) == 37
    assert len(refused) == 63
    assert budget.remaining == (0, 0)


def test_the_check_and_the_entry_are_one_step():
    # However unlucky the switch: a second spender must wait while the first is between its look
    # at what remains and its entry.
    looked, go_on = threading.Event(), threading.Event()

    class Slow(PrivacyBudget):
        @property
        def remaining(self):
            left = super().remaining
            looked.set()
            go_on.wait(0.2)
            return left

    budget = Slow(1)
    outcomes = []

    def run():
        try:
            outcomes.append(budget.spend(1))
        except PrivacyBudgetError as error:
            outcomes.append(error)

    first, second = threading.Thread(target=run), threading.Thread(target=run)
    first.start()
    looked.wait()
    second.start()
    second.join(0.05)
    go_on.set()
    first.join()
    second.join()
    assert len(budget.ledger) == 1
    assert sum(isinstance(outcome, PrivacyBudgetError) for outcome in outcomes) == 1


def test_a_multiplier_that_does_not_give_the_amounts_is_refused():
    budget = PrivacyBudget(10, 1e-3)
    multiplier = brentq(lambda m: _gaussian_epsilon(m, 1e-6) - 1, 1, 20)
    budget.spend(1, 1e-6, noise_multiplier=multiplier)
    with pytest.raises(ValueError, match="noise_multiplier=4.0 gives epsilon=1 only with delta="):
        budget.spend(1, 1e-6, noise_multiplier=4.0)
    with pytest.raises(ValueError, match="or more; got delta=0. Raise the multiplier"):
        budget.spend(1, noise_multiplier=5.0)
    for bad in (0.0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="noise_multiplier is positive and finite; got"):
            budget.spend(1, 1e-6, noise_multiplier=bad)
    with pytest.raises(TypeError, match="noise_multiplier is a real number; got 'much'"):
        budget.spend(1, 1e-6, noise_multiplier="much")
    assert len(budget.ledger) == 1


# --- One ledger ---------------------------------------------------------------------------------


class _Spender(ClassifierMixin, BaseEstimator):
    """Spends in fit, as private estimators do, and predicts what it was built to."""

    def __init__(self, answer=0, budget=None):
        self.answer = answer
        self.budget = budget

    def fit(self, X, y):
        self.budget.spend(0.5, label=f"answer {self.answer}")
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X):
        return np.full(len(X), self.answer)


def test_copies_and_clones_are_the_budget_itself():
    budget = PrivacyBudget(1)
    assert copy.copy(budget) is budget
    assert copy.deepcopy([budget])[0] is budget
    assert clone(_Spender(budget=budget)).budget is budget
    nested = clone(Pipeline([("spend", _Spender(budget=budget))]))
    assert nested.named_steps["spend"].budget is budget


def test_every_fit_of_a_grid_search_spends():
    budget = PrivacyBudget(3.5)
    X, y = np.zeros((12, 1)), np.array([0, 1, 1] * 4)
    search = GridSearchCV(_Spender(budget=budget), {"answer": [0, 1]}, cv=3, error_score="raise")
    search.fit(X, y)
    # Three folds of two candidates, and the refit of the better.
    assert len(budget.ledger) == 7
    assert budget.ledger[-1].label == "answer 1"
    with pytest.raises(PrivacyBudgetError):
        search.fit(X, y)
    assert budget.remaining == (0, 0)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_copy_shows_the_ledger_and_spends_only_once_resumed(protocol):
    budget = PrivacyBudget(1, 1e-6)
    budget.spend(0.4, label="first")
    other = pickle.loads(pickle.dumps(budget, protocol))
    assert other.ledger == budget.ledger
    assert other.remaining == budget.remaining
    with pytest.raises(PrivacyBudgetError, match="a copy, pickled .* n_jobs=1.* call resume"):
        other.spend(0.1)
    assert other.ledger == budget.ledger
    budget.spend(0.1)
    assert len(other.ledger) == 1
    assert other.resume() is other
    other.spend(0.6)
    assert other.remaining == (0, Fraction(1, 10**6))


def test_a_budget_refuses_to_spend_in_another_process(monkeypatch):
    # What a forked process sees: the same object under another process id.
    budget = PrivacyBudget(1)
    process = os.getpid()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: process + 1)
        with pytest.raises(PrivacyBudgetError, match="inherited by a forked process"):
            budget.spend(0.1)
    budget.spend(0.1)


# --- Tight composition --------------------------------------------------------------------------


def test_one_gaussian_release_has_its_closed_form():
    budget = PrivacyBudget(10, 1e-3)
    budget.spend(5, 1e-6, noise_multiplier=4.0)
    for delta in (1e-4, 1e-8):
        # Losses are known to 1e-4.
        exact = _gaussian_epsilon(4.0, delta)
        assert exact - 1e-5 < budget.composed_epsilon(delta) < exact + 1e-4


def test_many_gaussian_releases_cost_less_than_their_sum():
    budget = PrivacyBudget(100, 1e-3)
    multiplier = 4.3
    for _ in range(50):
        budget.spend(1, 1e-6, noise_multiplier=multiplier)
    # Releases of Gaussian noise compose to one, of multiplier smaller by the root of their number.
    exact = _gaussian_epsilon(multiplier / math.sqrt(50), 1e-6)
    composed = budget.composed_epsilon(1e-6)
    assert exact - 1e-5 < composed < exact + 1e-2
    assert composed < 0.25 * 50


def test_pure_releases_compose_to_at_most_their_sum():
    budget = PrivacyBudget(100)
    for _ in range(100):
        budget.spend(0.1)
    assert budget.composed_epsilon(0) == 10.0
    composed = budget.composed_epsilon(1e-6)
    # The optimal composition of Kairouz, Oh and Viswanath (2017), theorem 3: randomised response
    # with odds e^0.1, a hundred times.
    k = np.arange(101)
    weight = np.exp([math.lgamma(101) - math.lgamma(i + 1) - math.lgamma(101 - i) for i in k])
    chance = 1 / (1 + math.exp(-0.1))
    law = weight * chance**k * (1 - chance) ** (100 - k)
    losses = 0.1 * (2 * k - 100)

    def excess(epsilon):
        return np.sum(law * np.maximum(-np.expm1(epsilon - losses), 0)) - 1e-6

    exact = brentq(excess, 0, 10)
    assert exact - 1e-4 < composed < exact + 100 * 1e-4
    assert composed < 0.75 * 10


def test_mixed_ledgers_and_their_edges():
    budget = PrivacyBudget(10, 1e-3)
    assert budget.composed_epsilon(0) == 0
    assert budget.composed_epsilon(1e-6) == 0
    budget.spend(0.5)
    alone = budget.composed_epsilon(1e-6)
    assert 0.49 < alone <= 0.5
    budget.spend(1, 1e-5, noise_multiplier=4.0)
    assert budget.composed_epsilon(0) == math.inf
    assert alone < budget.composed_epsilon(1e-5) <= 1.5
    budget.spend(1, 1e-4)
    # The release that may fail with chance 1e-4 has no ε at a smaller δ.
    assert budget.composed_epsilon(1e-5) == math.inf
    assert budget.composed_epsilon(1.1e-4) <= 2.5
    with pytest.raises(ValueError, match="delta is a probability below 1; got 2"):
        budget.composed_epsilon(2)


def test_a_fit_enters_the_multiplier_that_accounts_for_its_integers():
    """Of continuous noise; that of the integers is more by the share the proof takes of it."""
    budget = PrivacyBudget(8, 1e-5)
    PrivateDistanceSum(
        bounds=(0, 1), epsilon=4, delta=1e-6, noise="insecure-test", budget=budget
    ).fit(np.zeros((3, 1)))
    exact = brentq(lambda m: _gaussian_epsilon(m, 1e-6) - 4, 0.5, 20)
    # To the accountant's search and its margin, a hundredth of that share.
    assert budget.ledger[0].noise_multiplier == pytest.approx(exact, rel=5e-7)

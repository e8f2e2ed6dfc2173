"""What every private sum has in common: fitting, queries, intervals, plans and reports."""

import secrets
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from kernlab._core.threads import effective_n_jobs
from kernlab._core.validation import Interval, StrOptions, fit_context, whole_or_nothing
from kernlab.privacy._accounting import continuous_multiplier
from kernlab.privacy._archive import public_parameters, read_archive, write_archive
from kernlab.privacy._budget import PrivacyBudget, as_fraction
from kernlab.privacy._intervals import noise_quantile
from kernlab.privacy._law import GAUSSIAN
from kernlab.privacy._noise import NOISE_SOURCES, noise_source
from kernlab.privacy._records import check_table, forget_frames, public_queries, read_table
from kernlab.privacy._release import NOMINAL_COUNT, Terms, design_release, law_of, release
from kernlab.privacy._report import PrivacyReport, ReleasePlan

# Draws of frequencies or directions over which a plan averages.
PLANNED_DRAWS = 8
ADJACENCIES = ("add-remove", "replace")


class PrivateSum(BaseEstimator):
    """Base of estimators that release noisy integer sums of records once.

    A subclass implements ``_mechanism(n_features, rng)``, which checks its public parameters and
    returns a function from a number of records to a mechanism.
    """

    _parameter_constraints = {
        "epsilon": [Real, str],
        "delta": [Interval(Real, 0, 1, closed="left")],
        "adjacency": [StrOptions(set(ADJACENCIES))],
        "n_hint": [Interval(Real, 1, None, closed="left"), None],
        "projection_seed": [Interval(Integral, 0, None, closed="left"), None],
        "noise": [StrOptions(set(NOISE_SOURCES))],
        "budget": [PrivacyBudget, None],
        "n_jobs": [Integral, None],
    }

    def _allotment(self):
        """The ε asked for, and the law of noise and allotment that it permits."""
        epsilon = as_fraction(self.epsilon, "epsilon")
        if self.delta > 0 and self.noise == "builtin":
            raise ValueError(
                f"delta={self.delta!r} asks for Gaussian noise, which noise='builtin' does not "
                "sample; use noise='opendp', or delta=0 for Laplace noise."
            )
        return epsilon, *law_of(epsilon, float(self.delta))

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Release the sums of ``X``; the budget is spent before a value is read.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private records, finite or not: what lies outside of the public bounds, NaN and
            infinities are mapped to fixed public values. Any number of rows.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted. Nothing of ``X`` is kept but the noisy statistics.

        Raises
        ------
        PrivacyBudgetError
            If the budget has not enough left; nothing is read or released.
        TypeError, ValueError
            If a parameter, the shape or the dtype of ``X`` is wrong; nothing is read or spent.
        MissingExtraError
            If the supplier of noise or the accounting needs the extra ``privacy``.
        """
        with whole_or_nothing(self), forget_frames():
            X = check_table(self, X)
            design, counts, statistics = self._release(X.shape[1], lambda: [read_table(self, X)])
            self.n_noisy_ = float(counts[0])
            self.statistics_ = statistics[0]
            self._restore(design)
        return self

    def _terms(self):
        """The terms on which a group of records is released; here all are one group."""
        _, law, allotment = self._allotment()
        return Terms(law, allotment, pairs=self.adjacency == "replace")

    def _release(self, n_features, groups):
        """Pay, release, and set the attributes that tell the terms.

        Parameters
        ----------
        n_features : int
        groups : callable
            Called without arguments once the budget is spent; the records of each group.

        Returns
        -------
        design : Design
        counts : float64 array of shape (n_groups,)
        statistics : list of lists of int64 arrays
            Of each group.
        """
        epsilon, law, allotment = self._allotment()
        terms = self._terms()
        seed = self.projection_seed
        seed = secrets.randbits(63) if seed is None else int(seed)
        build = self._mechanism(n_features, np.random.default_rng(seed))
        source = noise_source(self.noise, seed=seed)
        # What cannot be released is refused before it is paid for.
        effective_n_jobs(self.n_jobs)
        design_release(build, terms, self.n_hint or NOMINAL_COUNT)
        if self.budget is not None:
            self.budget.spend(
                epsilon,
                float(self.delta),
                label=type(self).__name__,
                noise_multiplier=continuous_multiplier(float(allotment) ** -0.5)
                if law is GAUSSIAN
                else None,
            )
        design, counts, statistics = release(
            build, terms, groups(), source, n_hint=self.n_hint, n_jobs=self.n_jobs
        )
        self.noise_scale_ = design.scales
        self.grid_ = design.mechanism.grid
        self.epsilon_ = self._spent(design)
        self.delta_ = float(self.delta)
        self.projection_seed_ = seed
        self.is_private_ = source.is_private
        return design, counts, statistics

    def _spent(self, design):
        """The ε that a design spends, a Fraction."""
        epsilon, law, allotment = self._allotment()
        if law is GAUSSIAN:
            # The scales are calibrated to (ε, δ) as a whole.
            return epsilon
        return design.spent * (allotment / self._terms().allotment)

    def _restore(self, design):
        """Make ready to answer, from the statistics that are set."""
        self._design = design
        # Parameters may be set anew for a later fit: reports and answers are of this one.
        self._terms_of_release = deepcopy(public_parameters(self))
        self._prepared = design.mechanism.prepare(self.statistics_, self.n_noisy_)

    def query(self, Y):
        """Sums at the rows of ``Y``: post-processing, as often as one likes.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Public points.

        Returns
        -------
        sums : float64 array of shape (n_queries,)
            Not clipped: noise can make a small sum negative.
        """
        check_is_fitted(self)
        Y = public_queries(self, Y)
        return self._design.mechanism.query(self._prepared, self.n_noisy_, Y, n_jobs=self.n_jobs)

    def mean(self, Y):
        """Means over the records: :meth:`query` divided by the noisy count, or by 1 below that.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)

        Returns
        -------
        means : float64 array of shape (n_queries,)
        """
        return self.query(Y) / max(self.n_noisy_, 1.0)

    def interval(self, Y, confidence=0.95):
        """Intervals of the sums for the noise, whose law is public; each query by itself.

        They cover what the same release would have answered without noise. The approximation of
        the sum by the released statistics is not in them; :meth:`plan` tells its size.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
        confidence : float in (0, 1), default=0.95

        Returns
        -------
        interval : float64 array of shape (n_queries, 2)
            Lower and upper ends about :meth:`query`.
        """
        check_is_fitted(self)
        if not 0 < confidence < 1:
            raise ValueError(f"confidence={confidence!r} must lie between 0 and 1, both excluded.")
        center = self.query(Y)
        Y = public_queries(self, Y)
        design, half = self._design, np.empty(len(Y))
        for start in range(0, len(Y), 256):
            rows = slice(start, start + 256)
            half[rows] = noise_quantile(
                design.coefficients(Y[rows]), law=design.law.name, confidence=confidence
            )
        half = half.reshape(-1, *(1,) * (center.ndim - 1))
        return np.stack([center - half, center + half], axis=-1)

    def plan(self, n, d, Y=None, sample=None):
        """The error and cost to expect for ``n`` records of ``d`` features; no data are needed.

        Parameters
        ----------
        n : int
            Number of records, public or guessed.
        d : int
            Number of features.
        Y : array-like of shape (n_queries, d), default=None
            Public queries to plan for; by default typical ones, uniform in the box.
        sample : array-like of shape (n_sample, d), default=None
            Public or made-up records that resemble the private ones. The error of approximation
            is then measured on them, at ``Y`` or at themselves, over a few draws of frequencies
            or directions; by default it is that of typical records.

        Returns
        -------
        plan : ReleasePlan
            With ``noise_rms``, the root mean square of the noise of a typical query, and
            ``approximation_rms``, that of what the statistics lose without noise.
        """
        self._validate_params()
        if not isinstance(n, Real) or not 1 <= float(n) < np.inf:
            raise ValueError(f"plan needs a finite number of records n >= 1, got n={n!r}.")
        if not isinstance(d, Integral) or d < 1:
            raise ValueError(f"plan needs a whole number of features d >= 1, got d={d!r}.")
        Y, sample = _of_features(Y, d, "Y"), _of_features(sample, d, "sample")
        terms = self._terms()
        seed = 0 if self.projection_seed is None else int(self.projection_seed)
        build = self._mechanism(int(d), np.random.default_rng(seed))
        about = n if self.n_hint is None else self.n_hint
        design = design_release(build, terms, about)
        approximation = float(design.mechanism.approximation(n))
        if sample is not None:
            mechanisms = [
                self._mechanism(int(d), np.random.default_rng([seed, i]))(about)
                for i in range(PLANNED_DRAWS)
            ]
            queries = sample if Y is None else Y
            approximation = n / len(sample) * self._deviation(mechanisms, sample, queries)
        if Y is None:
            noise = design.variance()
        else:
            noise = design.law.variance(design.coefficients(Y)).sum(axis=1).mean()
        return ReleasePlan(
            noise_rms=float(noise) ** 0.5,
            approximation_rms=approximation,
            n_records=int(float(n)),
            n_statistics=design.n_statistics * terms.n_groups,
            epsilon=self._spent(design),
            delta=float(self.delta),
            count_std=design.count_deviation,
        )

    def _deviation(self, mechanisms, X, Y):
        """Root mean square of what mechanisms lose without noise, for records that are public."""
        squares = []
        prepared = [(m, m.prepare(m.sums(X, n_jobs=self.n_jobs), len(X))) for m in mechanisms]
        for start in range(0, len(Y), 256):
            part = Y[start : start + 256]
            exact = self._exact_sums(X, part)
            squares += [np.square(m.query(p, len(X), part) - exact) for m, p in prepared]
        return float(np.sqrt(np.mean(np.concatenate(squares))))

    def privacy_report(self):
        """What was released, under which guarantee, and what it does not cover.

        Returns
        -------
        report : PrivacyReport
            Printable; ``to_dict()`` for machines.
        """
        check_is_fitted(self)
        return PrivacyReport.of(self, self._design)

    def save(self, path):
        """Write the release alone: noisy statistics and public parameters, without pickle.

        Parameters
        ----------
        path : str or path-like
            The file appears whole or not at all, in a folder that exists.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        """
        check_is_fitted(self)
        write_archive(self, path)

    @classmethod
    def load(cls, path):
        """Read what :meth:`save` wrote.

        Nothing in the file is run, but the shapes of its arrays are taken on trust.

        Parameters
        ----------
        path : str or path-like
            A file from someone you trust.

        Returns
        -------
        estimator : object
            Fitted; its ``budget`` is None.

        Raises
        ------
        ValueError
            If the file holds no release, or that of another estimator or of another format.
        """
        return read_archive(cls, path)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.input_tags.allow_nan = True
        return tags


def _of_features(table, d, name):
    """Public points given to a plan, checked; None if there are none."""
    if table is None:
        return None
    table = check_array(table, dtype=np.float64, input_name=name)
    if table.shape[1] != d:
        raise ValueError(
            f"{name} has {table.shape[1]} columns, and the plan is for d={d} features."
        )
    return table

"""Classification by similarity to private records."""

import math
from dataclasses import replace

import numpy as np
from sklearn.base import ClassifierMixin

from kernlab._core.validation import StrOptions, fit_context, whole_or_nothing
from kernlab.privacy._kernels import PrivateKernelSum
from kernlab.privacy._records import check_table, forget_frames, private_labels, read_table

# What the counts receive of the allotment: a mean needs both of its parts, and this is near the
# best for mean similarities of 0.1 to 0.3 under either law.
COUNT_SHARE = 0.1


class PrivateSimilarityClassifier(ClassifierMixin, PrivateKernelSum):
    """Classification by the mean similarity to the private records of each class.

    ``fit(X, y)`` releases a kernel sum for each class in one pass, with no training; a query
    belongs to the class whose records resemble it most on average, which is the class of the
    largest kernel density. Any number of queries are free.

    Parameters
    ----------
    kernel : {'gaussian', 'exponential', 'laplacian', 'cauchy', 'rational'}, default='gaussian'
        As in :class:`PrivateKernelSum`.
    classes : array-like of shape (n_classes,)
        Public labels, two or more, in the order of the columns of :meth:`decision_function`.
        Records with any other label, NaN included, are left out without a word, for a message
        would tell of them.
    bandwidth : float
        h, in units of the features; public, not to be chosen by looking at the records.
    epsilon : float, Fraction or str
        Privacy parameter; a float is taken by its decimal notation, ``0.1`` as 1/10.
    delta : float in [0, 1), default=0
        Zero for pure privacy; above, noise that does not grow with the number of frequencies and
        is much less: prefer it for classes of less than some ten thousand records.
    adjacency : {'add-remove', 'replace'}, default='add-remove'
        Whether neighbouring data sets differ by a record's presence; or by a record's content and
        label, with twice the noise. The counts of the classes are private in both cases.
    beta : float in (0, 2], default=None
        Exponent of 'rational'; None is 1.
    norm : {'l2', 'l1'}, default='l2'
        Norm of 'rational'.
    n_features : int or 'auto', default='auto'
        Number m of random frequencies, the same for all classes; 'auto' chooses by the median
        noisy count of a class, or by ``n_hint``.
    features : {'orthogonal', 'iid', 'sorf'}, default='orthogonal'
        As in :class:`PrivateKernelSum`.
    n_hint : float, default=None
        Public guess of the number of records of a class.
    projection_seed : int, default=None
        Seeds the public frequencies, never the noise; drawn afresh by default.
    noise : {'opendp', 'builtin', 'insecure-test'}, default='opendp'
        Supplier of the integer noise; see :class:`PrivateDistanceSum`.
    budget : PrivacyBudget, default=None
        Pays for every fit once, before records or labels are read.
    n_jobs : int, default=None
        Threads; None is Numba's current count, -1 all.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels given.
    statistics_ : list of int64 arrays
        What was released, in steps of ``grid_``; a row for each class.
    n_noisy_ : float64 array of shape (n_classes,)
        Noisy counts of records.
    noise_scale_, grid_, epsilon_, delta_, projection_seed_, is_private_
        As in :class:`PrivateKernelSum`.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where ``X`` had column names.

    See Also
    --------
    PrivateKernelSum : One sum over all records.

    Notes
    -----
    The classes are disjoint, and a record's class depends on that record alone. One record more or
    less changes the release of one class: each has all of ε and δ, and together they cost no more
    (parallel composition [2]_).

    A record replaced by another may leave one class and enter another, or change within one. Each
    release has noise of twice the scale then, so that under pure ε either move costs ``2·ε/2``.
    With δ > 0 the change within a class is the worse: it moves the sums by twice the norm of a
    record, that between classes by ``√2`` times. Doubling the scale pays for both exactly, where
    ε/2 and δ/2 for each class would not: two steps in one class make more than twice the δ.

    A class without records, or nearly, has sums of nothing but noise. Means divide by no less than
    three standard deviations of the noise of sum and count, so that such a class seldom wins; where
    all classes are smaller than that, the largest sum does.

    Fitting takes O(nmd), a query O(m(d + n_classes)).

    References
    ----------
    .. [1] Backurs, Lin, Mahabadi, Silwal, Tarnawski, *Efficiently computing similarities to private
       datasets*, ICLR 2024.
    .. [2] McSherry, *Privacy integrated queries*, SIGMOD 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy import PrivateSimilarityClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=5000)
    >>> X = rng.normal(size=(5000, 2)) + 3 * y[:, None]
    >>> classifier = PrivateSimilarityClassifier(
    ...     classes=[0, 1], bandwidth=1.0, epsilon=1, noise="builtin"
    ... ).fit(X, y)
    >>> classifier.predict([[0.0, 0.0], [3.0, 3.0]])
    array([0, 1])
    """

    # Not offered here.
    bounds = None
    reduce_dim = None

    _parameter_constraints = {
        key: value
        for key, value in PrivateKernelSum._parameter_constraints.items()
        if key not in ("bounds", "reduce_dim")
    } | {"classes": ["array-like"], "features": [StrOptions({"orthogonal", "iid", "sorf"})]}

    def __init__(
        self,
        kernel="gaussian",
        *,
        classes,
        bandwidth,
        epsilon,
        delta=0,
        adjacency="add-remove",
        beta=None,
        norm="l2",
        n_features="auto",
        features="orthogonal",
        n_hint=None,
        projection_seed=None,
        noise="opendp",
        budget=None,
        n_jobs=None,
    ):
        self.kernel = kernel
        self.classes = classes
        self.bandwidth = bandwidth
        self.epsilon = epsilon
        self.delta = delta
        self.adjacency = adjacency
        self.beta = beta
        self.norm = norm
        self.n_features = n_features
        self.features = features
        self.n_hint = n_hint
        self.projection_seed = projection_seed
        self.noise = noise
        self.budget = budget
        self.n_jobs = n_jobs

    def _labels(self):
        """The public classes as an array, checked."""
        classes = np.asarray(self.classes)
        if classes.dtype == object:
            # Strings of a data frame.
            classes = np.array(classes.tolist())
        if classes.ndim != 1 or classes.dtype.kind not in "biufU":
            raise ValueError(
                f"classes={self.classes!r} must be a list of numbers or of strings, the labels "
                "that are known in public."
            )
        if len(np.unique(classes)) < max(2, len(classes)) or np.any(classes != classes):
            raise ValueError(
                f"classes={self.classes!r} must hold two or more different labels, none of them "
                "NaN."
            )
        return classes

    def _terms(self):
        terms = replace(
            super()._terms(), pairs=False, n_groups=len(self._labels()), count_share=COUNT_SHARE
        )
        if self.adjacency == "add-remove":
            return terms
        # Twice the scale: see the notes.
        return replace(terms, allotment=terms.allotment / 2**terms.law.order)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Release the kernel sums of each class; the budget is spent before a value is read.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private records; coordinates that are NaN or infinite count as zero.
        y : array-like of shape (n_samples,)
            Private labels, numbers or strings as ``classes`` are; those of no class are left out.

        Returns
        -------
        self : object
            Fitted. Nothing of ``X`` and ``y`` is kept but the noisy statistics.

        Raises
        ------
        PrivacyBudgetError
            If the budget has not enough left; nothing is read or released.
        TypeError, ValueError
            If a parameter, a shape or a dtype is wrong; nothing is read or spent.
        MissingExtraError
            If the supplier of noise or the accounting needs the extra ``privacy``.
        """
        with whole_or_nothing(self), forget_frames():
            X = check_table(self, X)
            classes = self._labels()
            y = private_labels(self, y, X, classes)
            design, counts, statistics = self._release(
                X.shape[1], lambda: _records_of_classes(read_table(self, X), y, classes)
            )
            self.classes_ = classes
            self.n_noisy_ = counts
            self.statistics_ = [np.stack(parts) for parts in zip(*statistics, strict=True)]
            self._restore(design)
        return self

    def query(self, Y):
        """Sums over the records of each class at the rows of ``Y``: post-processing.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Public points.

        Returns
        -------
        sums : float64 array of shape (n_queries, n_classes)
            Not clipped: noise can make a small sum negative.
        """
        return super().query(Y)

    def mean(self, Y):
        """Mean similarities: :meth:`query` divided by the noisy counts of the classes.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)

        Returns
        -------
        means : float64 array of shape (n_queries, n_classes)
            The divisor is at least 1, and at least three standard deviations of the noise of a sum
            and a count together: a class that has fewer records cannot be told from none.
        """
        sums = self.query(Y)
        noise = math.hypot(self._design.variance() ** 0.5, self._design.count_deviation)
        return sums / np.maximum(self.n_noisy_, max(1.0, 3 * noise))

    def interval(self, Y, confidence=0.95):
        """Intervals of the sums of each class for the noise, whose law is public.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
        confidence : float in (0, 1), default=0.95

        Returns
        -------
        interval : float64 array of shape (n_queries, n_classes, 2)
            Lower and upper ends about :meth:`query`; see :meth:`PrivateKernelSum.interval`.
        """
        return super().interval(Y, confidence)

    def plan(self, n, d, Y=None, sample=None):
        """The error of one class's sums to expect for ``n`` records in that class.

        Parameters
        ----------
        n : int
            Number of records of a class, public or guessed.
        d : int
            Number of features.
        Y : array-like of shape (n_queries, d), default=None
            Public queries to plan for.
        sample : array-like of shape (n_sample, d), default=None
            Public or made-up records that resemble those of a class.

        Returns
        -------
        plan : ReleasePlan
            With the integers of all classes in ``n_statistics``.
        """
        return super().plan(n, d, Y, sample)

    def decision_function(self, Y):
        """Mean similarities to the classes; of two classes, the second's less the first's.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)

        Returns
        -------
        similarities : float64 array of shape (n_queries, n_classes), or (n_queries,) of two
        """
        means = self.mean(Y)
        return means[:, 1] - means[:, 0] if means.shape[1] == 2 else means

    def predict(self, Y):
        """The class of the largest mean similarity for each row of ``Y``.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)

        Returns
        -------
        labels : array of shape (n_queries,)
        """
        means = self.mean(Y)
        return self.classes_[np.argmax(means, axis=1)]

    def score(self, Y, y, sample_weight=None):
        """Share of rows whose class is predicted; of private rows it is itself not private.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
        y : array-like of shape (n_queries,)
            True labels.
        sample_weight : array-like of shape (n_queries,), default=None

        Returns
        -------
        accuracy : float
        """
        return super().score(Y, y, sample_weight)


def _records_of_classes(X, y, classes):
    """Records of each class; a label is compared with each class, whatever it is.

    No record is in two of them: a float may equal two large integers, as NumPy compares.
    """
    if y.dtype == object:
        number = {label: c for c, label in enumerate(classes.tolist())}
        codes = np.array([_code(label, number) for label in y], dtype=np.int64)
    else:
        codes = np.full(len(y), -1)
        for c, label in enumerate(classes):
            codes[y == label] = c
    return [X[codes == c] for c in range(len(classes))]


def _code(label, number):
    """Number of an object's class, -1 for what is none, be it hashable or not."""
    try:
        return number.get(label, -1)
    except Exception:
        return -1

"""Kernel density estimation with log-accurate, tiled sums."""

# References: Silverman, *Density Estimation for Statistics and Data Analysis*, 1986. For what
# happens in high dimension: Biroli and Mézard, *Kernel Density Estimators in Large Dimensions*,
# arXiv 2408.05807.

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import device_of, from_numpy, namespace_of, scalar
from kernlab._core.validation import (
    Interval,
    StrOptions,
    check_same_place,
    check_weights,
    fit_context,
    log_total_weight,
    validate_points,
    whole_or_nothing,
)
from kernlab.density import _regimes
from kernlab.density._bandwidth import NAMES, resolve_bandwidth
from kernlab.density._covariance import effective_sample_size
from kernlab.kernels._evaluation import (
    ALGORITHMS,
    Tolerance,
    evaluate,
    guaranteed,
    prepare_evaluator,
)
from kernlab.kernels._profiles import PROFILES
from kernlab.kernels._sums import log_kernel_sums, source_points


class KernelDensity(DensityMixin, BaseEstimator):
    """Kernel density estimate whose logarithm is right in any dimension.

    The density at ``y`` is ``Σ_j w_j K(R⁻¹(y - x_j)) / (|R| ∫K Σ_j w_j)`` for rows ``x_j`` of the
    data, where ``H = R Rᵀ`` is the bandwidth matrix. Log densities are summed in log space from
    differences of coordinates, so they neither underflow far from the data nor lose digits to
    cancellation in high dimension.

    In high dimension an estimate is carried by a handful of points however large the data; look at
    :meth:`effective_samples` before trusting one.

    Parameters
    ----------
    bandwidth : float, array-like of shape (n_features,) or (n_features, n_features), or \
{'scott', 'silverman', 'auto', 'isj', 'plugin', 'scv', 'lscv', 'lcv', 'kl'}, default='scott'
        Width of the kernel, in the units of ``X``. For the Gaussian kernel a float is its standard
        deviation, for kernels of bounded support the radius of the support, as in scikit-learn. A
        vector gives one such width to each feature; a matrix is ``H``, in squared units, so that
        the vector ``h`` and the matrix ``diag(h²)`` are the same bandwidth.

        ``'scott'`` is ``n**(-1/(d+4))`` and ``'silverman'`` ``(n (d+2)/4)**(-1/(d+4))`` times the
        standard deviations and correlations of the data, as in SciPy (scikit-learn's rules of these
        names ignore the data's scale); ``n`` is the effective number of samples under
        ``sample_weight``. For other kernels than the Gaussian the kernel's standard deviation, not
        its radius, is set so, as it is by the selectors but ``'lcv'``.

        The selectors follow densities far from normal; the user guide compares them.

        - ``'auto'`` takes ``'isj'`` for one feature, ``'plugin'`` for two to six and ``'lcv'`` for
          more, for singular data, and for arrays of other libraries; ``bandwidth_method_`` says
          which. To bound the time it may estimate the functionals of ``'plugin'`` from some
          thousands of rows drawn from the data.
        - ``'isj'``: improved Sheather-Jones, see :func:`bandwidth_isj`; one feature, O(n log n).
        - ``'plugin'``: the full matrix that minimises the estimated asymptotic error, in two
          stages; Sheather and Jones's direct plug-in for one feature. Up to six features, O(n²)
          pairs times the number of sixth derivatives (7 in two features, 462 in six). NumPy only.
        - ``'scv'``: the full matrix by smoothed cross-validation, from the same pilot; several
          times the cost.
        - ``'lscv'``: least-squares cross-validation of a multiple of the data's covariance, its
          widest local minimum; O(n²). Nearly unbiased, and scatters.
        - ``'lcv'``: leave-one-out likelihood, for any kernel and dimension; a float or a multiple
          of the data's covariance, whichever is likelier; O(n²), some six evaluations of the
          estimate at its own points with the Gaussian kernel and ten times as many with others.
          Outliers make it many times too wide.
        - ``'kl'``: the one number of the least Kullback-Leibler divergence for normal data of the
          data's covariance, which may be singular, in the limit of many dimensions: see
          :func:`kde_thresholds`. No pass over pairs. Too small below ten features, too large for
          data with clusters or near a surface; not for kernels of bounded support.

        In ``'isj'``, ``'lscv'`` and ``'lcv'`` equal rows are one row of their total weight.
    kernel : {'gaussian', 'tophat', 'epanechnikov', 'exponential', 'linear', 'cosine', 'biweight', \
'triweight', 'tricube', 'logistic'}, default='gaussian'
        Radial kernel of the distance in bandwidths; formulas in the user guide.
    algorithm : {'auto', 'exact', 'fft', 'fgt', 'sampled', 'tree'}, default='auto'
        How the sums are formed. ``'auto'`` sums all pairs unless ``rtol`` or ``atol`` permits an
        error, and then chooses; the choice is ``algorithm_``. All keep to the tolerance for every
        query, and :meth:`score_samples` returns the bound they reached.

        - ``'exact'``: all pairs.
        - ``'tree'``: blocks of points that cannot matter are left out; every kernel, any
          dimension, most gain where the bandwidth is small. With ``rtol=atol=0`` it leaves out
          only points outside a bounded kernel's support.
        - ``'fgt'``: fast Gauss transform, one feature, Gaussian kernel; relative error at most
          ``max(rtol, 1e-13)``.
        - ``'fft'``: convolution on a grid, up to three features, Gaussian kernel; queries that the
          grid does not resolve, as in the tails, go to the tree.
        - ``'sampled'``: random points until the relative standard error is ``rtol``; every kernel,
          any dimension. Never chosen by ``'auto'``, for its errors are standard errors and not
          bounds. Where few points carry a density it is summed in full.
    rtol, atol : float, default=0
        Error permitted of a density: ``rtol`` times it, plus ``atol``.
    precision : {'double', 'mixed'}, default='double'
        For exact sums, ``'mixed'`` computes kernel values in single and sums in double precision,
        some two times faster. Log densities then err by up to ``1e-4·max(1, |log density|)`` before
        normalisation; queries that cannot keep this are computed in double precision. Kernels of
        bounded support, whose edge a rounded coordinate may cross, always are.
    n_jobs : int, default=None
        Threads for NumPy data; ``-1`` is all cores, None is Numba's current number. Results do not
        depend on it. Arrays of other libraries use the threads of their library.
    random_state : int, RandomState instance or None, default=None
        Which points ``algorithm='sampled'`` takes.
    verbose : int, default=0
        With 1, work of more than about two seconds shows a progress bar.

    Attributes
    ----------
    bandwidth_ : float or ndarray of shape (n_features,) or (n_features, n_features)
        The bandwidth in use; a matrix where the covariance of the data was used.
    bandwidth_method_ : str or None
        The rule that chose the bandwidth; None where it was given.
    bandwidth_matrix_ : ndarray of shape (n_features, n_features)
        The same as the matrix ``H``.
    algorithm_ : str
        The algorithm in use.
    error_bound_ : float
        Relative error that no density exceeds while its logarithm is below 1 in size; beyond,
        rounding grows with the logarithm. Infinite where ``atol`` permits any. For each query's own
        bound see :meth:`score_samples`. NaN for ``'sampled'``, which bounds nothing.
    n_eff_ : float
        Effective number of samples under the weights, ``(Σw)² / Σw²``.
    n_features_in_ : int
        Number of features seen by :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` has string column names.

    See Also
    --------
    sklearn.neighbors.KernelDensity : Tree-based; with its default settings log densities lose
        digits with every feature, and are off by nats on data of some tens of features.
    scipy.stats.gaussian_kde : Gaussian kernel with a multiple of the data's covariance.

    Notes
    -----
    ``score_samples`` costs O(n_samples · n_queries · n_features) time and memory linear in the
    data; no table of pairs is formed. In double precision log densities agree with the exact sum to
    ``1e-12·max(1, |log density|)``; a full bandwidth matrix adds its condition number times 1e-16,
    the rounding of its Cholesky factor. ``X`` may be an array of torch or of another array-API
    library; then everything is computed, and returned, on its device.

    References
    ----------
    .. [1] D. W. Scott, "Multivariate Density Estimation", Wiley, 1992.
    .. [2] B. W. Silverman, "Density Estimation for Statistics and Data Analysis", 1986.
    .. [3] G. Biroli, M. Mézard, "Kernel Density Estimators in Large Dimensions",
       arXiv:2408.05807.
    .. [4] J. E. Chacón, T. Duong, "Multivariate plug-in bandwidth selection with unconstrained
       pilot bandwidth matrices", Test, 2010.
    .. [5] T. Duong, M. L. Hazelton, "Cross-validation bandwidth matrices for multivariate kernel
       density estimation", Scandinavian Journal of Statistics, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.density import KernelDensity
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> kde = KernelDensity().fit(X)
    >>> kde.score_samples([[0.0, 0.0], [100.0, 0.0]]).round(1).tolist()
    [-2.0, -45386.1]
    """

    _parameter_constraints = {
        "bandwidth": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions(set(NAMES)),
            "array-like",
        ],
        "kernel": [StrOptions(set(PROFILES))],
        "algorithm": [StrOptions(set(ALGORITHMS))],
        "rtol": [Interval(Real, 0, 1, closed="left")],
        "atol": [Interval(Real, 0, None, closed="left")],
        "precision": [StrOptions({"double", "mixed"})],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        bandwidth="scott",
        kernel="gaussian",
        algorithm="auto",
        rtol=0.0,
        atol=0.0,
        precision="double",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.bandwidth = bandwidth
        self.kernel = kernel
        self.algorithm = algorithm
        self.rtol = rtol
        self.atol = atol
        self.precision = precision
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Lay out the data and resolve the bandwidth.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite real numbers.
        y : Ignored
            Present for scikit-learn's conventions.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; only their ratios matter.

        Returns
        -------
        self : KernelDensity

        Raises
        ------
        ValueError
            For bad input, among it a data-driven bandwidth on one sample.
        SingularCovarianceError
            For a data-driven bandwidth on data with constant or linearly dependent columns, but
            ``'lcv'`` and ``'auto'``.

        Warns
        -----
        BandwidthWarning
            Where the criterion of ``'isj'`` or ``'lscv'`` has no optimum.
        """
        with whole_or_nothing(self):
            X = validate_points(self, X, reset=True)
            weights = check_weights(sample_weight, X)
            profile = PROFILES[self.kernel]
            bandwidth = resolve_bandwidth(
                self.bandwidth, X, weights, profile, n_jobs=self.n_jobs, verbose=self.verbose
            )
            log_volume = bandwidth.log_volume + profile.log_normalizer(X.shape[1])
            # An absolute tolerance of the density is one of the sum times the normaliser.
            log_atol = -np.inf
            if self.atol > 0:
                log_atol = np.log(self.atol) + log_volume + log_total_weight(weights, X.shape[0])
            self._evaluator = prepare_evaluator(
                X,
                kernel=self.kernel,
                root=bandwidth.root,
                weights=weights,
                precision=self.precision,
                algorithm=self.algorithm,
                tolerance=Tolerance(self.rtol, log_atol),
                random_state=self.random_state,
            )
        self._sources = self._evaluator.sources
        n_features = X.shape[1]
        xp = namespace_of(X)
        self._weights = weights
        # The library, device and dtype of the data, without the data.
        self._like = xp.empty((0, n_features), dtype=X.dtype, device=device_of(X))
        self._log_volume = log_volume
        self.algorithm_ = self._evaluator.algorithm
        self.error_bound_ = guaranteed(self._evaluator)
        self.bandwidth_method_ = bandwidth.method
        self.bandwidth_ = bandwidth.value
        if not isinstance(bandwidth.value, float):
            self.bandwidth_ = _beside(bandwidth.value, X)
        self.bandwidth_matrix_ = _beside(_as_matrix(bandwidth.root, n_features), X)
        self.n_eff_ = effective_sample_size(X.shape[0], weights)
        return self

    def score_samples(self, X, return_error=False):
        """Logarithm of the density at each row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_error : bool, default=False
            Also return what the logarithms err by at most.

        Returns
        -------
        log_density : array of shape (n_samples,)
            Natural logarithms in the library and on the device of ``X``, as float64 whatever the
            dtype of ``X``, so that far queries keep theirs; ``-inf`` where a kernel of bounded
            support reaches no point.
        error : array of shape (n_samples,)
            Bound on the error of each logarithm from what the algorithm left out and from rounding,
            only if ``return_error``; of ``algorithm='sampled'`` the standard error. It says nothing
            of how far the estimate is from the density that the data come from.
        """
        log_density, error = self._log_density(self._validate_queries(X))
        return (log_density, error) if return_error else log_density

    def score(self, X, y=None):
        """Total log likelihood of the rows of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        log_likelihood : float
        """
        log_density = self.score_samples(X)
        xp = namespace_of(log_density)
        return scalar(xp.sum(log_density))

    def leave_one_out_score_samples(self):
        """Log density at each row of the training data, estimated from all the other rows.

        The term of the row itself is left out of the sum, not subtracted from it, so the result is
        right also where that term is all but everything.

        Returns
        -------
        log_density : array of shape (n_samples,)
        """
        check_is_fitted(self)
        log_sums, _ = self._log_sums(None)
        xp = namespace_of(log_sums)
        log_others = self._log_weight_of_others(xp)
        return log_sums - log_others - self._log_volume

    def leave_one_out_score(self):
        """Total leave-one-out log likelihood of the training data.

        Under ``sample_weight`` each row counts by its weight, scaled so that the mean weight is 1.
        It may be compared between bandwidths and kernels; choose the largest.

        Returns
        -------
        log_likelihood : float
        """
        log_density = self.leave_one_out_score_samples()
        xp = namespace_of(log_density)
        if self._weights is None:
            return scalar(xp.sum(log_density))
        counted = self._weights > 0
        share = self._weights / xp.max(self._weights)
        share = share / xp.mean(share)
        terms = xp.where(counted, log_density, xp.zeros_like(log_density)) * share
        return scalar(xp.sum(terms))

    def effective_samples(self, X):
        """How many training points carry the estimate at each row of ``X``.

        With ``p_j`` the share of point ``j`` in the sum, this is ``1 / Σ p_j²``: 1 where a single
        point is all of the estimate, the number of samples where all count alike. An average over
        few points has no normal error bars.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        n_effective : array of shape (n_samples,)
            Between 1 and the number of training points; 0 where the density is zero.
        """
        return self._effective_samples(self._validate_queries(X))

    def regime(self, *, max_queries=1000, random_state=None):
        """Measure whether a few points carry the estimate, and what its error is like.

        Below a bandwidth ``h_clt_`` the error of the estimate at a point is not normal, below
        ``h_g_`` a few points carry it however many there are [3]_. Both are measured on the
        training data, each row looked at from all the others.

        Parameters
        ----------
        max_queries : int, default=1000
            Rows looked at; where there are more, ``random_state`` draws them.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        regime : DensityRegime
            Its ``label_`` is 'classical', 'between' or 'condensed'; printed, it says all. The last
            comes with a :class:`~kernlab.exceptions.CondensedDensityWarning`.

        Raises
        ------
        ValueError
            For fewer than four samples, and where most points have equal ones.

        Notes
        -----
        The cost is some ten sums of ``n_samples · max_queries`` kernels. On normal data of 5 to 100
        dimensions and 20,000 points ``h_g_`` was 2 % below to 5 % above the theory at that size; in
        one or two dimensions the theory says nothing, and neither does the figure.

        Examples
        --------
        >>> import numpy as np
        >>> from kernlab.density import KernelDensity
        >>> X = np.random.default_rng(0).normal(size=(500, 8))
        >>> KernelDensity(bandwidth=1.5).fit(X).regime()
        classical: the error at a point is normal, where many points carry it
          gaussian kernel, 8 features, alpha 0.7768
          bandwidth 1.5; h_kl 0.5585, h_g 0.6101, h_clt 0.8628
          stable index 6.05, mean Σp² 0.00552
          median effective samples 199.8, one point has most of the estimate at 0% of rows
        """
        check_is_fitted(self)
        regime = _regimes.measure_regime(self, max_queries, random_state)
        _regimes.warn_if_condensed(regime)
        return regime

    def confidence_interval(self, X, *, confidence=0.95, max_queries=1000, random_state=None):
        """Pointwise intervals of the smoothed log density, where its error is normal.

        The interval is for the density smoothed by the kernel, the mean of the estimate over data
        sets; the bias, by which that differs from the density, is not in it. It is normal in the
        log density, with the variance of the terms, and given only where they have one,
        ``h ≥ h_clt_``: elsewhere it would be too narrow by an unknown factor.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Fresh points, not those fitted: at a fitted point its own term counts.
        confidence : float, default=0.95
            Probability of covering, at each point by itself.
        max_queries, random_state
            For :meth:`regime`, which decides whether the error is normal.

        Returns
        -------
        interval : array of shape (n_samples, 2)
            Lower and upper ends. NaN everywhere outside of the classical regime, with a
            :class:`~kernlab.exceptions.CondensedDensityWarning`, and at points with fewer than 100
            effective samples.

        Examples
        --------
        >>> import numpy as np
        >>> from kernlab.density import KernelDensity
        >>> X = np.random.default_rng(0).normal(size=(1000, 1))
        >>> KernelDensity(bandwidth=0.3).fit(X).confidence_interval([[0.0]]).round(3).tolist()
        [[-1.018, -0.869]]
        """
        X = self._validate_queries(X)
        _regimes.check_confidence(confidence)
        log_sums = self._sums_and_terms(X)
        log_normalizer = self._sources.log_total_weight + self._log_volume
        regime = _regimes.measure_regime(self, max_queries, random_state)
        return _regimes.log_density_interval(
            log_sums, self.n_eff_, log_normalizer, confidence, regime
        )

    def sample(self, n_samples=1, random_state=None):
        """Draw from the estimated density.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        X : array of shape (n_samples, n_features)
            In the float dtype, library and device of the training data.
        """
        check_is_fitted(self)
        if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} is not a positive integer.")
        rng = check_random_state(random_state)
        n_points, n_features = self._sources.n_points, self.n_features_in_
        if self._weights is None:
            rows = rng.randint(n_points, size=n_samples)
        else:
            rows = _weighted_rows(rng, self._weights, n_samples)
        noise = PROFILES[self._sources.kernel].draw(rng, n_features, n_samples)
        root = self._sources.root
        noise = noise * root if root.ndim < 2 else noise @ root.T
        points = source_points(self._sources, rows)
        xp = namespace_of(points)
        points = points + from_numpy(noise, points)
        return xp.astype(points, self._like.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    def _validate_queries(self, X):
        check_is_fitted(self)
        X = validate_points(self, X, reset=False)
        check_same_place(type(self).__name__, X, self._like)
        return X

    def _log_density(self, X):
        """Log density at validated points, and its error bound."""
        log_sums, errors = self._log_sums(X)
        return log_sums - (self._sources.log_total_weight + self._log_volume), errors

    def _effective_samples(self, X):
        """Effective samples at validated points."""
        return self._sums_and_terms(X)[1, ...]

    def _sums_and_terms(self, X):
        """Exact log sums, and below them the effective number of terms."""
        return log_kernel_sums(
            self._sources, X, with_effective=True, n_jobs=self.n_jobs, verbose=self.verbose
        )

    def _log_sums(self, X):
        if X is None and self._sources.n_points < 2:
            raise ValueError(
                "leave-one-out scores need at least two samples, and the estimator was fitted on "
                "n_samples=1."
            )
        return evaluate(self._evaluator, X, n_jobs=self.n_jobs, verbose=self.verbose)

    def _log_weight_of_others(self, xp):
        """Log of the weights of all points but each one, on the scale of the log sums."""
        if self._weights is None:
            return float(np.log(self._sources.n_points - 1))
        share = self._weights / xp.max(self._weights)
        # Sums from both ends: the total less a dominant weight would cancel.
        zero = xp.zeros_like(share[:1])
        before = xp.concat([zero, xp.cumulative_sum(share)[:-1]])
        after = xp.flip(xp.concat([zero, xp.cumulative_sum(xp.flip(share))[:-1]]))
        others = before + after
        if not bool(xp.all(others > 0)):
            raise ValueError(
                "leave-one-out scores need at least two samples of positive weight, and one row "
                "carries all of sample_weight."
            )
        return xp.log(others) + (self._sources.log_total_weight - float(xp.log(xp.sum(share))))


def _beside(array, X):
    """A result of fitting in the library and on the device of the data."""
    return from_numpy(array, X, namespace_of(X).float64)


def _as_matrix(root, n_features):
    if np.ndim(root) == 2:
        return root @ root.T
    return np.diag(np.broadcast_to(np.square(root), (n_features,)).copy())


def _weighted_rows(rng, weights, size):
    xp = namespace_of(weights)
    cumulative = xp.cumulative_sum(weights / xp.max(weights))
    # Below the total also after rounding, or a row past the last could be drawn.
    draws = from_numpy(rng.random_sample(size) * (1 - 4e-16), cumulative) * cumulative[-1]
    # side='right': a row of zero weight is never drawn, not even at a draw of exactly zero.
    return xp.searchsorted(cumulative, draws, side="right")

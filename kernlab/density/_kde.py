"""Kernel density estimation with log-accurate, tiled sums."""

# References: Silverman, *Density Estimation for Statistics and Data Analysis*, 1986. For what
# happens in high dimension: Biroli and Mézard, *Kernel Density Estimators in Large Dimensions*,
# arXiv 2408.05807.

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import device_of, from_numpy, namespace_of, scalar
from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    check_same_place,
    check_weights,
    fit_context,
    log_total_weight,
    validate_points,
    whole_or_nothing,
)
from kernlab.density._bandwidth import NAMES, resolve_bandwidth
from kernlab.density._boundaries import BOUNDARIES, bandwidth_within, boundary_of
from kernlab.density._covariance import effective_sample_size
from kernlab.density._diagnostics import DensityDiagnostics
from kernlab.density._regions import region_of
from kernlab.density._rows import as_matrix, joined
from kernlab.density._shapes import DensityShapes
from kernlab.kernels._adaptive import ADAPTIVE
from kernlab.kernels._evaluation import (
    ALGORITHMS,
    Tolerance,
    evaluate,
    guaranteed,
    prepare_evaluator,
)
from kernlab.kernels._profiles import PROFILES, KernelProfile, profile_of
from kernlab.kernels._sums import source_points


class KernelDensity(DensityDiagnostics, DensityShapes, DensityMixin, BaseEstimator):
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
        its radius, is set so, as it is by the selectors but ``'lcv'``; Student-t kernels get the
        Gaussian's bandwidth.

        The selectors follow densities far from normal; the user guide compares them.

        - ``'auto'`` takes ``'isj'`` for one feature, ``'plugin'`` for two to six and ``'lcv'`` for
          more, for singular data, and for arrays of other libraries; ``bandwidth_method_`` says
          which. To bound the time it may estimate the functionals of ``'plugin'`` from some
          thousands of rows drawn from the data.
        - ``'isj'``: improved Sheather-Jones, see :func:`bandwidth_isj`; one feature, O(n log n).
        - ``'plugin'``: the full matrix that minimises the estimated asymptotic error, in two
          stages, scaled by near pairs where clusters lie far apart; else, for one feature, Sheather
          and Jones's direct plug-in. Up to six features, O(n²) pairs times the number of sixth
          derivatives (7 in two features, 462 in six). NumPy only.
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
'triweight', 'tricube', 'logistic', 'matern12', 'matern32', 'matern52', 'cauchy'} or \
KernelProfile, default='gaussian'
        Radial kernel of the distance in bandwidths; formulas in the user guide. Student-t kernels
        of any degrees of freedom are made by :func:`kernlab.kernels.student_t`.
    algorithm : {'auto', 'exact', 'fft', 'fgt', 'sampled', 'tree'}, default='auto'
        How the sums are formed. ``'auto'`` sums all pairs unless ``rtol`` or ``atol`` permits an
        error, and then chooses; the choice is ``algorithm_``. All but ``'sampled'`` keep to the
        tolerance, or to rounding where that is more, for every query, and :meth:`score_samples`
        returns the bound they reached.

        - ``'exact'``: all pairs.
        - ``'tree'``: blocks of points that cannot matter are left out; every kernel, any
          dimension, most gain where the bandwidth is small. With ``rtol=atol=0`` it leaves out
          only what cannot be told from zero.
        - ``'fgt'``: fast Gauss transform, one feature, Gaussian kernel; relative error at most
          ``max(rtol, 1e-13)``.
        - ``'fft'``: convolution on a grid, up to three features, Gaussian kernel; queries that the
          grid does not resolve, as in the tails, go to the tree.
        - ``'sampled'``: random points until the relative standard error is ``rtol``; every kernel,
          any dimension. Never chosen by ``'auto'``, for its errors are standard errors and not
          bounds. Where few of the points drawn carry a density it is summed in full; a handful
          of points beside the query, or of huge weight, can be missed.
    rtol, atol : float, default=0
        Error permitted of a density: ``rtol`` times it, plus ``atol``.
    bounds : array-like of shape (2,) or (n_features, 2), default=None
        Limits of all features or of each, None or an infinity where open. Outside the density is
        zero. The user guide says how to choose, and what changes.
    boundary : {'reflect', 'renormalize', 'linear'}, default='reflect'
        What becomes of a kernel that reaches over a bound. ``'reflect'`` folds it back: every
        kernel and bandwidth, and a slope of zero at the bound. ``'renormalize'`` cuts it off and
        scales what is left to one: Gaussian with a bandwidth to each feature, or one feature.
        ``'linear'`` fits a line near the bound, the least biased there: Gaussian, one feature.
    period : float or array-like of shape (n_features,), default=None
        Length of the circle that all features or each go round, such as 360 for degrees; None
        or NaN for those that do not. Values a period apart are the same.
    precision : {'double', 'mixed'}, default='double'
        For exact sums, ``'mixed'`` computes kernel values in single and sums in double precision,
        some two times faster. Log densities then err by up to ``1e-4·max(1, |log density|)`` before
        normalisation; queries that cannot keep this are computed in double precision. Kernels of
        bounded support, whose edge a rounded coordinate may cross, always are.
    adaptive : {'balloon', 'sample-point'} or None, default=None
        Widths that follow a pilot, the estimate of fixed ``bandwidth``: times its inverse square
        root, relative to its geometric mean, at each point of the data ('sample-point') or at the
        query ('balloon', which does not integrate to one). NumPy only; sums are exact.
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
        "kernel": [StrOptions(set(PROFILES)), KernelProfile],
        "algorithm": [StrOptions(set(ALGORITHMS))],
        "rtol": [Interval(Real, 0, 1, closed="left")],
        "atol": [Interval(Real, 0, None, closed="left")],
        "bounds": ["array-like", None],
        "boundary": [StrOptions(set(BOUNDARIES))],
        "period": [Interval(Real, 0, None, closed="neither"), "array-like", None],
        "precision": [StrOptions({"double", "mixed"})],
        "adaptive": [StrOptions(set(ADAPTIVE)), None],
        "n_jobs": N_JOBS,
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
        bounds=None,
        boundary="reflect",
        period=None,
        precision="double",
        adaptive=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.bandwidth = bandwidth
        self.kernel = kernel
        self.algorithm = algorithm
        self.rtol = rtol
        self.atol = atol
        self.bounds = bounds
        self.boundary = boundary
        self.period = period
        self.precision = precision
        self.adaptive = adaptive
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
            self._lay_out(X, check_weights(sample_weight, X))
        self._seen = None
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Add rows to the data; the same as :meth:`fit` on all rows seen so far.

        A data-driven bandwidth is resolved anew from all of them, so that the first batch must be
        able to carry it. Every row is kept: for the streaming of unbounded data, weigh down or drop
        old rows and :meth:`fit` again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None
            On the scale of the weights given before; None is a weight of 1 for each row.

        Returns
        -------
        self : KernelDensity

        Raises
        ------
        ValueError, SingularCovarianceError
            As :meth:`fit`; the estimator then stays as it was.

        Notes
        -----
        Each call costs O(rows seen · n_features) time, and a second copy of the data is kept.

        Examples
        --------
        >>> from kernlab.density import KernelDensity
        >>> kde = KernelDensity(bandwidth=1.0)
        >>> for batch in ([[0.0], [1.0]], [[5.0]]):
        ...     kde = kde.partial_fit(batch)
        >>> kde.n_eff_
        3.0
        """
        first = not hasattr(self, "_sources")
        with whole_or_nothing(self):
            X = validate_points(self, X, reset=first)
            if not first:
                check_same_place(type(self).__name__, X, self._like)
            weights = check_weights(sample_weight, X)
            before = [] if first else [self._seen or self._recovered()]
            self._seen = joined([*before, (X, weights)])
            self._lay_out(*self._seen)
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = self.adaptive is None
        return tags

    def _lay_out(self, X, weights):
        """Resolve the bandwidth, lay validated points out, and set the attributes of a fit."""
        profile = profile_of(self.kernel)
        n_samples, n_features = X.shape
        # The library, device and dtype of the data, without the data.
        like = namespace_of(X).empty((0, n_features), dtype=X.dtype, device=device_of(X))
        region = region_of(self.bounds, self.period, n_features)
        if region is not None:
            if self.adaptive is not None:
                raise ValueError(
                    f"adaptive={self.adaptive!r} does not go with bounds or period: the widths "
                    "that a pilot finds at a bound are not the folded density's. Drop one of them."
                )
            region, X = region.of_data(X)
        bandwidth = bandwidth_within(self.bandwidth, region, X, weights, profile)
        if bandwidth is None:
            bandwidth = resolve_bandwidth(
                self.bandwidth, X, weights, profile, n_jobs=self.n_jobs, verbose=self.verbose
            )
        log_volume = bandwidth.log_volume + profile.log_normalizer(n_features)
        boundary, kernel_weights, log_share = None, weights, 0.0
        if region is not None:
            boundary = boundary_of(self.boundary, region, X, weights, profile.name, bandwidth.root)
            kernel_weights = boundary.weights(weights)
            log_volume, log_share = log_volume + boundary.log_scale, boundary.log_share
        # An absolute tolerance of the density is one of the sum times the normaliser.
        log_atol = -np.inf
        if self.atol > 0:
            log_atol = np.log(self.atol) + log_volume + log_share
            log_atol += log_total_weight(kernel_weights, n_samples)
        self._evaluator = prepare_evaluator(
            X,
            kernel=profile.name,
            root=bandwidth.root,
            weights=kernel_weights,
            precision=self.precision,
            algorithm=self.algorithm,
            tolerance=Tolerance(self.rtol, log_atol),
            random_state=self.random_state,
            adaptive=self.adaptive,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        self._sources = self._evaluator.sources
        self._weights = weights
        self._boundary = boundary
        self._like = like
        self._log_volume = log_volume
        self.algorithm_ = self._evaluator.algorithm
        self.error_bound_ = guaranteed(self._evaluator)
        if boundary is not None:
            self.error_bound_ += boundary.error_bound
        self.bandwidth_method_ = bandwidth.method
        self.bandwidth_ = bandwidth.value
        if not isinstance(bandwidth.value, float):
            self.bandwidth_ = _beside(bandwidth.value, X)
        self.bandwidth_matrix_ = _beside(as_matrix(bandwidth.root, n_features), X)
        self.n_eff_ = effective_sample_size(X.shape[0], weights)

    def _recovered(self):
        """Points and weights of a fit, for one that goes on from there."""
        points = self._points()
        return namespace_of(points).astype(points, self._like.dtype, copy=False), self._weights

    def _points(self):
        """The data, recovered to rounding, on the right side of any bound."""
        points = source_points(self._sources)
        return points if self._boundary is None else self._boundary.region.clipped(points)

    def _validate_queries(self, X):
        check_is_fitted(self)
        X = validate_points(self, X, reset=False)
        check_same_place(type(self).__name__, X, self._like)
        return X

    def _log_density(self, X):
        """Log density at validated points, and its error bound."""
        log_sums, errors = self._log_sums(X)
        log_normalizer = self._sources.log_total_weight + self._log_volume
        rounding = 2 * float(np.finfo(float).eps)
        rounding *= abs(self._sources.log_total_weight) + abs(self._log_volume)
        return log_sums - log_normalizer, errors + rounding

    def _log_sums(self, X, log_share=0.0):
        """Log sums and their error bounds, at that share of the absolute tolerance."""
        evaluator = self._evaluator
        tolerance = evaluator.tolerance
        tolerance = tolerance._replace(log_atol=tolerance.log_atol + log_share)
        evaluator = evaluator._replace(tolerance=tolerance)
        log_sums = evaluate if self._boundary is None else self._boundary.log_sums
        return log_sums(evaluator, X, n_jobs=self.n_jobs, verbose=self.verbose)


def _beside(array, X):
    """A result of fitting in the library and on the device of the data."""
    return from_numpy(array, X, namespace_of(X).float64)

"""Gaussian-process regression with a spectral mixture started from the data's periodogram."""

# References: Wilson, Adams, *Gaussian process kernels for pattern discovery and extrapolation*,
# ICML 2013; and in the modules of the parts.

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import from_numpy, namespace_of, to_numpy
from kernlab._core.validation import (
    Interval,
    StrOptions,
    check_same_place,
    fit_context,
    validate_points,
    whole_or_nothing,
)
from kernlab.gp._base import KernelProcess, check_return, draw, refuse_masks_and_dates
from kernlab.gp._spectral_mixture_evidence import Mixture, Posterior, bumps, polynomial_basis
from kernlab.gp._spectral_mixture_frame import (
    Frame,
    check_size,
    checked_targets,
    component_count,
    given_lines,
    standardised,
)
from kernlab.gp._spectral_mixture_grid import GridPosterior, check_series
from kernlab.gp._spectral_mixture_search import Search, as_kernel

_DEGREES = {"linear": 1, "quadratic": 2}
# Points past which an exact fit takes hours, and the rows from which solver='ski' learns.
_MANY = 10_000
_SUBSET = 1_000


class SpectralMixtureGPRegressor(KernelProcess):
    """Gaussian process whose spectrum is a mixture of lines that the data's periodogram starts.

    The covariance is a sum of Gaussian bumps in frequency,
    ``Σ_q w_q Π_d exp(-2π² s_qd² Δ_d²) cos(2π f_qd Δ_d)``: a trend, and lines that stay in phase for
    about ``1/(2π s)``. It extrapolates what repeats. Its likelihood has many local optima, and
    where the optimiser starts matters more than which it is: here lines are found one by one in the
    Lomb-Scargle periodogram, and as many kept as the evidence bears out.

    Parameters
    ----------
    n_components : int or 'auto', default='auto'
        The number of components. Two of them are the trend and the others lines; a single
        component is a trend. 'auto' adds up to 22 lines while the evidence gains more than they
        cost by the Bayesian information criterion, corrected for few values, and stops after three
        in turn that did not (with three features, after one). Up to 26 values the trend is one.
    init : {'periodogram', 'random'} or array-like of shape (n_lines,) or (n_lines, n_features), \
default='periodogram'
        The place where the lines start. 'periodogram' takes them from the periodogram of ``y`` less
        a cubic polynomial; 'random' draws them anywhere below the highest frequency that the
        spacing of ``X`` resolves. An array holds frequencies in cycles per unit of ``X``, with two
        components more than frequencies.
    trend : {'linear', 'quadratic'} or None, default=None
        An explicit polynomial mean of all coordinates, fitted by generalised least squares: its
        coefficients have a flat prior, and the predicted deviations include what the data leave
        open of them. With None the slow components are the trend.
    solver : {'exact', 'ski'}, default='exact'
        'exact' is a Cholesky factorisation, whatever the size. 'ski' is for more than 10⁴ points of
        one coordinate, without ``trend``: hyperparameters by exact evidence from a random thousand
        of them (the periodogram is of all), predictions from all by covariances structured on a
        grid of frequencies, to 1e-13 of those of the kernel. It computes with NumPy.
    n_restarts : int, default=0
        The number of further starts, with lines drawn anywhere; the largest evidence wins.
    random_state : int, RandomState instance or None, default=None
        The source of the draws of ``init='random'``, of the restarts, and of the rows from which
        ``solver='ski'`` learns.

    Attributes
    ----------
    kernel_ : Kernel
        The sum of a `SpectralMixture` and a `WhiteKernel`, which are kernels of scikit-learn, for
        the standardised ``y``: frequencies and scales are in cycles per unit of ``X``, weights in
        ``y_scale_²``.
    y_mean_, y_scale_ : float
        The mean that was subtracted from ``y``, and the standard deviation by which it was divided.
    n_components_ : int
        The number of components of the mixture.
    frequencies_, scales_ : ndarray of shape (n_components, n_features)
        Frequencies and scales of the components, sorted by frequency, in cycles per unit of ``X``.
    weights_ : ndarray of shape (n_components,)
        Variances of the components, in squared units of ``y``.
    noise_ : float
        Variance of the noise, in squared units of ``y``. It is at least 10⁻⁸ of the variance of
        ``y``, and with n < 32 values at least ``10**(-n / 4)`` of it.
    lines_ : ndarray of shape (n_lines, n_features)
        Frequencies of the components that oscillate, the heaviest first. Such a component has,
        along some coordinate, at least one cycle over the data and a frequency of at least twice
        its scale.
    line_weights_ : ndarray of shape (n_lines,)
        Weights of these components.
    log_marginal_likelihood_value_ : float
        Log evidence of the standardised ``y`` at ``kernel_``. With a ``trend`` it is that of the
        contrasts that do not see the trend, which is in other units: do not compare the two.
        For ``solver='ski'``, that of the thousand rows.
    log_evidences_ : dict of int to float
        Log evidence of each number of components that 'auto' tried, before the last steps of the
        optimiser; for a given number, that of this one.
    jitter_ : float
        The jitter that was added to the diagonal, in ``y_scale_²``; 0.0 unless ``fit`` warned.
    n_iter_ : int
        The number of iterations of the last optimisation.
    n_features_in_ : int
        The number of features seen by ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where ``X`` had names that are all strings.

    See Also
    --------
    SpectrumDisplay : Draws the spectrum.
    rolling_origin_calibration : Tells whether the bands of forecasts hold what they promise.
    MarkovGPRegressor : Takes linear time, where components are Matérn.

    Notes
    -----
    An evaluation of the evidence with its gradient costs O(n³ + n² Q d) time for Q components and
    O(n²) memory, and a fit takes some hundreds of them. On one core a fit of
    100 points takes about a second, and of 400 about ten, with one feature or two.
    ``X`` and ``y`` may be torch tensors: then the factorisations run on their device.

    The evidence tells how well a model describes the data, and how a trend goes on is not in the
    data: eleven years ahead, the 95 % band of CO2 on Mauna Loa contains 5 to 20 % of what came.
    Where the trend is straight, ``trend='linear'`` is the better choice, in its errors and in its
    bands. Forecast the past with :func:`rolling_origin_calibration` before trusting the future.

    Up to some ten values the bands are too narrow, because they take the hyperparameters as known:
    of nine values with a slope of one deviation of the noise a step, the 95 % band contains 80 % of
    the next four values, and of five such values 40 %.

    With three features or more, lines are looked for along each alone, not obliquely.

    References
    ----------
    .. [1] A. G. Wilson, R. P. Adams, "Gaussian process kernels for pattern discovery and
       extrapolation", ICML 2013, arXiv:1302.4245.
    .. [2] P. Greengard, M. Rachh, A. H. Barnett, "Equispaced Fourier representations for efficient
       Gaussian process regression from a billion data points", arXiv:2210.10210.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp import SpectralMixtureGPRegressor
    >>> x = np.sort(np.random.default_rng(0).uniform(0, 10, 60))
    >>> y = np.sin(2 * np.pi * 1.3 * x) + 0.1 * np.random.default_rng(1).normal(size=60)
    >>> gp = SpectralMixtureGPRegressor(n_components=3).fit(x[:, None], y)
    >>> gp.lines_.round(2)
    array([[1.3]])
    >>> mean, std = gp.predict([[10.5]], return_std=True)
    >>> bool(abs(mean[0] - np.sin(2 * np.pi * 1.3 * 10.5)) < 3 * std[0])
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "init": [StrOptions({"periodogram", "random"}), "array-like"],
        "trend": [StrOptions({"linear", "quadratic"}), None],
        "solver": [StrOptions({"exact", "ski"})],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_components="auto",
        init="periodogram",
        trend=None,
        solver="exact",
        n_restarts=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.init = init
        self.trend = trend
        self.solver = solver
        self.n_restarts = n_restarts
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Find the lines, their number and the hyperparameters, and condition on the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The points, in any order and spacing; equal rows are repeated measurements.
        y : array-like of shape (n_samples,)
            The values there.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is one sample, there are more components, or terms of the trend, than samples,
            or data are not finite numbers; if ``solver='ski'`` and there is a ``trend`` or more
            than one feature, or the spectrum fitted is too wide for it.

        Warns
        -----
        ConvergenceWarning
            If the optimiser ran out of steps, or ``y`` is constant.
        RuntimeWarning
            If a jitter was needed, or an exact fit of this size takes hours.
        """
        with whole_or_nothing(self):
            refuse_masks_and_dates(X=X, y=y)
            X = validate_points(self, X, reset=True)
            y = checked_targets(self, X, y)
            self._frame = Frame.of(X)
            u = self._frame.spans(X)
            # Of the explicit mean: its degree, and what makes its terms orthonormal on the data.
            self._trend = None
            if self.trend is not None:
                degree = _DEGREES[self.trend]
                self._trend = degree, polynomial_basis(u, degree)[1]
            z, self.y_mean_, self.y_scale_, constant = standardised(y)
            basis = self._basis(u)
            self._check_size(u, basis)
            host = [None if array is None else to_numpy(array) for array in (u, z, basis)]
            self._learn(host, (u, z, basis), constant)
            self._fit_data = (u, z)
            self._condition()
        return self

    def _basis(self, u):
        """The explicit mean's terms at points, orthonormal on the data; None without a trend."""
        return None if self._trend is None else polynomial_basis(u, *self._trend)[0]

    def _check_size(self, u, basis):
        check_size(u.shape[0], self._count(), self.trend, 0 if basis is None else basis.shape[1])
        if self.solver == "ski":
            check_series(self.trend, u.shape[1])
        elif u.shape[0] > _MANY:
            warnings.warn(
                f"solver='exact' factorises the covariance of {u.shape[0]} points some hundred "
                "times, which takes hours and tens of gigabytes; solver='ski' does not.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _count(self):
        return component_count(self.n_components, self.init, self.n_features_in_)

    def _learn(self, host, place, constant):
        rng = check_random_state(self.random_state)
        u, z, basis = host
        search = Search(u, z, basis, place)
        self._ceiling = search.ceiling / self._frame.span
        init, count = self.init, self._count()
        if not isinstance(init, str):
            init = given_lines(init, self.n_features_in_) * self._frame.span
        n_lines = search.most_components() - 1 if count == "auto" else max(count - 2, 0)
        lines = search.lines(init, n_lines, rng)
        if self.solver == "ski" and len(z) > _SUBSET:
            rows = np.sort(rng.choice(len(z), _SUBSET, replace=False))
            search = search.subset(rows)
        self._evidence_data = search.place[:2]
        self.log_evidences_ = {}
        if constant:
            warnings.warn(
                "y is constant: nothing can be learned from it. Predictions return it, and their "
                "deviations are those of a unit prior.",
                ConvergenceWarning,
                stacklevel=4,
            )
            mixture = search.start(lines, 2 if count == "auto" else count, rng)
            value, n_iter = search.objective(mixture.theta)[0], 0
        else:
            if count == "auto":
                mixture, self.log_evidences_ = search.grow(lines, rng)
            else:
                mixture = search.start(lines, count, rng)
            mixture, value, n_iter = search.best(mixture, self.n_restarts, rng)
        self.log_evidences_ = self.log_evidences_ or {len(mixture.weights): value}
        self.log_marginal_likelihood_value_, self.n_iter_ = value, n_iter
        self._publish(mixture)

    def _publish(self, mixture):
        span = self._frame.span
        order = np.lexsort([*mixture.scales.T[::-1], *mixture.frequencies.T[::-1]])
        self._mixture = Mixture(
            mixture.frequencies[order], mixture.scales[order], mixture.weights[order], mixture.noise
        )
        cycles, widths = self._mixture.frequencies, self._mixture.scales
        self.frequencies_, self.scales_ = cycles / span, widths / span
        self.weights_ = self._mixture.weights * self.y_scale_ * self.y_scale_
        self.noise_ = float(self._mixture.noise * self.y_scale_ * self.y_scale_)
        self.n_components_ = len(self.weights_)
        self.kernel_ = as_kernel(
            Mixture(self.frequencies_, self.scales_, self._mixture.weights, self._mixture.noise)
        )
        lines = np.flatnonzero(((cycles >= 1) & (cycles >= 2 * widths)).any(axis=1))
        lines = lines[np.argsort(-self.weights_[lines], kind="stable")]
        self.lines_, self.line_weights_ = self.frequencies_[lines], self.weights_[lines]

    def _condition(self):
        u, z = self._fit_data
        if self.solver == "ski":
            self._posterior: Any = GridPosterior.condition(self._mixture, u, z)
        else:
            self._posterior = Posterior.condition(self._mixture, u, z, self._basis(u))
        self.jitter_ = self._posterior.jitter
        if self.jitter_:
            warnings.warn(
                f"A jitter of {self.jitter_:.1e} was added to the diagonal to factorise the "
                "covariance; X has points too close for double precision.",
                RuntimeWarning,
                stacklevel=4,
            )

    def predict(self, X, return_std=False, return_cov=False):
        """Predictive mean, and deviations or covariance of ``y``, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            The points to predict at.
        return_std, return_cov : bool, default=False
            Whether to return the deviations, or the covariance, too; not both.

        Returns
        -------
        mean : ndarray of shape (n_queries,)
            The predictive mean.
        std : ndarray of shape (n_queries,)
            The deviations of ``y``; only with ``return_std``.
        cov : ndarray of shape (n_queries, n_queries)
            The covariance of ``y``; only with ``return_cov``.
        """
        check_is_fitted(self)
        check_return(return_std, return_cov)
        X = validate_points(self, X, reset=False)
        u, _ = self._fit_data
        check_same_place(type(self).__name__, X, u)
        points = self._frame.spans(X)
        xp = namespace_of(points)
        basis = self._basis(points)
        mean, spread = self._posterior.mean(points, basis), None
        if return_std or return_cov:
            spread = self._posterior.covariance(points, basis, diagonal=return_std)
        mean = self.y_mean_ + self.y_scale_ * mean
        if return_std:
            return mean, self.y_scale_ * xp.sqrt(spread)
        if return_cov:
            return mean, self.y_scale_ * (self.y_scale_ * spread)
        return mean

    def sample_y(self, X, n_samples=1, random_state=None):
        """Draws of ``y`` at the queries from the posterior, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            The points to draw at.
        n_samples : int, default=1
            The number of draws.
        random_state : int, RandomState instance or None, default=None
            The source of the draws.

        Returns
        -------
        samples : ndarray of shape (n_queries, n_samples)
            One draw in each column.
        """
        mean, covariance = self.predict(X, return_cov=True)
        host = to_numpy(mean) - self.y_mean_, to_numpy(covariance)
        scaled = host[0] / self.y_scale_, host[1] / self.y_scale_ / self.y_scale_
        samples = draw(*scaled, n_samples, check_random_state(random_state))
        return from_numpy(self.y_mean_ + self.y_scale_ * samples, mean)

    def _likelihood(self, theta, gradient):
        # With solver='ski' of the rows that hyperparameters were learned from.
        q, d = self.frequencies_.shape
        span = np.tile(np.log(self._frame.span), 2 * q)
        mixture = Mixture.from_theta(theta + np.append(span, np.zeros(q + 1)), d)
        u, z = self._evidence_data
        posterior = Posterior.condition(mixture, u, z, self._basis(u))
        value = posterior.log_evidence
        return (value, posterior.gradient()) if gradient else value

    def spectrum(self, frequencies):
        """Spectral density of the noiseless process.

        It is symmetric about zero, and its integral over all frequencies, negative ones too, is
        the sum of ``weights_``.

        Parameters
        ----------
        frequencies : array-like of shape (n,) or (n, n_features)
            The frequencies, in cycles per unit of ``X``.

        Returns
        -------
        density : ndarray of shape (n,)
            The density, in squared units of ``y`` per cycle per unit of ``X`` (of each feature).
        """
        check_is_fitted(self)
        frequencies = np.asarray(frequencies, dtype=np.float64)
        d = self.n_features_in_
        if frequencies.ndim == 1 and d == 1:
            frequencies = frequencies[:, None]
        if frequencies.ndim != 2 or frequencies.shape[1] != d:
            raise ValueError(
                f"frequencies has shape {frequencies.shape}, expected (n, {d}): one column for "
                "each feature."
            )
        total = np.zeros(len(frequencies))
        for centre, scale, weight in zip(
            self.frequencies_, self.scales_, self.weights_, strict=True
        ):
            total += weight * np.prod(bumps(frequencies, centre, scale), axis=1)
        return total

    def gpytorch_model(self):
        """The fitted process as a GPyTorch model, to work on with GPyTorch.

        Returns
        -------
        model : gpytorch.models.ExactGP
            The model in evaluation mode, with its likelihood as ``model.likelihood``, on the data's
            device, for ``X`` as given and the standardised ``y``.

        Raises
        ------
        MissingExtraError
            If GPyTorch is not installed.
        ValueError
            If there is a ``trend``: GPyTorch's means know nothing of what the data leave open of
            their coefficients.
        """
        from kernlab.gp._spectral_mixture_gpytorch import exact_model

        check_is_fitted(self)
        if self._trend is not None:
            raise ValueError(
                "An explicit trend has no GPyTorch model with the same deviations; fit with "
                "trend=None."
            )
        u, z = self._fit_data
        mixture = Mixture(
            self.frequencies_, self.scales_, self._mixture.weights, self._mixture.noise
        )
        return exact_model(mixture, self._frame.points(u), z)

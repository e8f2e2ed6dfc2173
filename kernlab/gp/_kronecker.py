"""Exact Gaussian-process regression on grids, by the eigenvectors of each axis."""

# References: Saatçi, *Scalable inference for structured Gaussian process models*, PhD thesis,
# Cambridge 2011.

import math
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import from_numpy, to_numpy
from kernlab._core.validation import (
    Interval,
    StrOptions,
    fit_context,
    validate_points,
    whole_or_nothing,
)
from kernlab.gp._base import (
    SEARCH_CONSTRAINTS,
    KernelProcess,
    check_return,
    draw,
    maximise_evidence,
    warn_of_offset,
)
from kernlab.gp._kronecker_axes import check_axes
from kernlab.gp._kronecker_data import check_data
from kernlab.gp._kronecker_iterative import Iterative
from kernlab.gp._kronecker_kernel import check_kernels, grid_kernel
from kernlab.gp._kronecker_missing import FewObserved, route, solve_few_missing
from kernlab.gp._kronecker_model import GridCovariance, few_threads, outer, solve_complete

# Length scales, in shares of the axes, from which the default kernels may start.
_SHARES = (0.03, 0.1, 0.3)
_PROBES = 10
# Of the mean prior variance: noise below which conjugate gradients cannot be relied on.
_LEAST_NOISE = 1e-9


class KroneckerGPRegressor(KernelProcess):
    """Gaussian process on a grid whose covariance is a product over the axes.

    ``Y[i, j, ...] = f(x_i, y_j, ...) + noise`` with ``f ~ GP(0, a k_1(x, x') k_2(y, y') ...)``.
    The covariance of the N cells is a Kronecker product, so that likelihood, gradient, mean and
    standard deviation are exact at the cost of one eigendecomposition for each axis. Cells may be
    missing. Use it for images, fields and tables measured at all combinations of some coordinates;
    scattered points are another matter, and a covariance that is no product of functions of the
    axes too: a sum over axes, or a slanted pattern, is not in this model.

    Parameters
    ----------
    kernels : list of Kernel, Kernel or None, default=None
        A kernel of ``sklearn.gaussian_process.kernels`` for each axis, without noise, or one for
        all; each axis learns hyperparameters of its own. None is Matérn-5/2, with length scales
        that start from the axes; the best of three starts is taken. One amplitude common to all is
        fitted beside them unless hyperparameters of one of them multiply it as a whole, as those of
        ``ConstantKernel() * RBF()`` and ``SpectralMixture`` do.
    alpha : float or 'fit', default='fit'
        Variance of the noise, in squared units of ``Y`` (of the standardised Y with
        ``normalize_y``); 'fit' learns it, as a ``WhiteKernel`` of ``kernel_``.
    optimizer : 'fmin_l_bfgs_b' or None, default='fmin_l_bfgs_b'
        None leaves the hyperparameters as they are given, and the amplitude one; without kernels
        the amplitude is the mean square of Y, and length scales are the likeliest of 3, 10 and 30 %
        of the axes. ``alpha`` must then be a number.
    n_restarts : int, default=0
        Further starts of the optimiser, log-uniform within the bounds.
    normalize_y : bool, default=False
        Take off the mean of the observed cells and divide by their standard deviation, and undo it
        in predictions. Without it the prior's mean is zero.
    random_state : int, RandomState instance or None, default=None
        Of the restarts, and of the probes where the likelihood is estimated.

    Attributes
    ----------
    kernel_ : Kernel
        ``amplitude * OnColumns(k_1, [0]) * OnColumns(k_2, [1]) * ... + WhiteKernel``: the fitted
        kernel of points (n, d), in squared units of Y, or of the standardised Y.
    log_marginal_likelihood_value_ : float
    log_marginal_likelihood_error_ : float
        Standard error of the above: 0 where it is exact, which is always so but with many cells
        missing, see Notes.
    axes_ : list of ndarrays
        The axes as they were given.
    n_missing_ : int
        Cells that were NaN.
    noise_ : float
        Variance of the noise in squared units of Y, `normalize_y` undone, jitter included.
    jitter_ : float
        What was added to the noise to make the covariance positive definite; mostly 0.
    n_iter_ : int
        Iterations of the optimiser.
    n_features_in_ : int
        Columns of a point: one for each axis, but d_k for an axis of points (n_k, d_k).

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : With ``kernel_`` and all cells as points it
        gives the same numbers, at O(N³).

    Notes
    -----
    Complete grids of n_1 × ... × n_d = N cells: likelihood and gradient O(Σ n_i³ + N Σ n_i) time,
    memory some ten arrays of N; axes on which a stationary kernel is symmetric about the middle,
    as regular ones, take a quarter of the n_i³.

    With missing cells the mean comes from conjugate gradients, to 1e-12, or from a dense matrix:

    - at most 2000 observed cells, or 2000 missing ones while N missing² <= 4e9 and
      N missing <= 2e7: all is exact, by a dense matrix, at up to a second for each likelihood;
    - otherwise the log determinant is estimated from 10 random vectors by Lanczos quadrature, as
      are the traces of the gradient; see ``log_marginal_likelihood_error_``. Mean and standard
      deviation do not suffer. These come from one Cholesky factor of the o observed cells where
      o <= 6000 and more than o / 20 are asked for, at O(o³ + m o²) and 8 o² bytes that are kept but
      not pickled; else every one costs a solve. A solve takes some ten products, O(N Σ n_i) each,
      for cells missing at random, and as few for wide holes: there the block of the p <= 2500
      largest modes is solved exactly, at O(p³) time and 16 p² bytes that the fitted object keeps.
      Only where many more modes than these stand above the noise, length scales of a few cells and
      next to no noise, does a hole cost up to hundreds of products.

    ``Y`` may be a torch tensor or another array-API array: arrays of N numbers stay on its device,
    the axes' matrices are decomposed by NumPy, and results are of its library.

    References
    ----------
    .. [1] Y. Saatçi, "Scalable inference for structured Gaussian process models", PhD thesis,
       University of Cambridge, 2011.
    .. [2] A. G. Wilson, E. Gilboa, A. Nehorai, J. P. Cunningham, "Fast kernel learning for
       multidimensional pattern extrapolation", NeurIPS 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp import KroneckerGPRegressor
    >>> x, y = np.linspace(0, 1, 40), np.linspace(0, 2, 50)
    >>> field = np.sin(6 * x)[:, None] * np.cos(4 * y)
    >>> Y = field + 0.1 * np.random.default_rng(0).standard_normal(field.shape)
    >>> Y[10:15, 20:30] = np.nan
    >>> gp = KroneckerGPRegressor().fit([x, y], Y)
    >>> mean, std = gp.predict_grid([x, y], return_std=True)
    >>> bool(np.sqrt(np.mean((mean - field) ** 2)) < 0.03)
    True
    >>> gp.predict([[0.5, 1.0]]).round(1)
    array([-0.1])
    """

    _parameter_constraints = {
        "kernels": [list, tuple, Kernel, None],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"fit"})],
        **SEARCH_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        kernels=None,
        alpha="fit",
        optimizer="fmin_l_bfgs_b",
        n_restarts=0,
        normalize_y=False,
        random_state=None,
    ):
        self.kernels = kernels
        self.alpha = alpha
        self.optimizer = optimizer
        self.n_restarts = n_restarts
        self.normalize_y = normalize_y
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, axes, Y):
        """Learn the hyperparameters, and condition the process on the cells.

        Parameters
        ----------
        axes : list of arrays of shape (n_k,) or (n_k, d_k)
            Coordinates along each axis of ``Y``, in any order, repeated ones allowed. A table of
            two dimensions is an axis of points, such as stations.
        Y : array-like of shape (n_1, ..., n_d)
            Values at all combinations of them; NaN, or masked by ``numpy.ma``, where missing.

        Returns
        -------
        self : KroneckerGPRegressor

        Raises
        ------
        ValueError
            If shapes do not match, nothing is observed, something is infinite, the values are all
            equal and there are hyperparameters to learn, or kernels do not fit the axes.

        Warns
        -----
        ConvergenceWarning
            If the optimiser or the conjugate gradients did not converge, or a hyperparameter is at
            its bound.
        RuntimeWarning
            If jitter was needed, or the mean of Y, which the prior takes for zero, dwarfs what
            varies.
        """
        with whole_or_nothing(self):
            self._axes = check_axes(axes)
            self.axes_ = [np.asarray(axis, dtype=np.float64) for axis in axes]
            self.n_features_in_ = sum(len(axis.columns) for axis in self._axes)
            self._data = check_data(Y, self._axes, self.normalize_y)
            self._route = route(self._data.mask, self._data.n_observed)
            self.n_missing_ = math.prod(self._data.mask.shape) - self._data.n_observed
            rng = check_random_state(self.random_state)
            self._seed = int(rng.randint(2**31))
            self._grid_kernel = self._start()
            kernel = self._grid_kernel.as_kernel(self._axes)
            self.n_iter_ = 0
            if self.optimizer is not None and kernel.n_dims > 0:
                theta, _, self.n_iter_ = maximise_evidence(
                    self._evidence,
                    kernel,
                    n_restarts=self.n_restarts,
                    rng=rng,
                    warn_bounds=self.kernels is not None,
                )
                self._grid_kernel = self._grid_kernel.with_theta(theta)
            # A copy, so that setting its theta leaves predictions alone.
            self.kernel_ = clone(self._grid_kernel.as_kernel(self._axes))
            with few_threads(self._data.values.shape):
                self._solution = self._solve(self._grid_kernel)
            self.log_marginal_likelihood_value_ = self._in_units(self._solution.log_likelihood)
            self.log_marginal_likelihood_error_ = self._solution.error
            self.jitter_ = self._solution.jitter * self._data.unit**2
            self.noise_ = self._solution.noise * self._back**2
        if not self.normalize_y and self.optimizer is not None:
            warn_of_offset(to_numpy(self._data.values[self._data.mask]), "Y")
        if self.jitter_ > 0:
            mean_square = self._data.mean_square
            warnings.warn(
                f"The covariance of the cells is singular: {self.jitter_:.3g} was added to the "
                "variance of the noise. Give alpha at least so much to state it, for values "
                f"without noise some 1e-8 of their variance: alpha={1e-8 * mean_square:.1g}.",
                RuntimeWarning,
                stacklevel=3,
            )
        return self

    def _start(self):
        """The kernel to start from."""
        if self.optimizer is None and self.alpha == "fit":
            raise ValueError(
                "alpha='fit' needs an optimizer; give alpha, the variance of the noise, or "
                "optimizer='fmin_l_bfgs_b'."
            )
        if self._data.constant is not None and self.optimizer is not None:
            raise ValueError(
                f"Y is constant ({self._data.constant!r} in all {self._data.n_observed} observed "
                "cells), from which no hyperparameter can be learned; give kernels and alpha, and "
                "optimizer=None."
            )
        kernels = None
        if self.kernels is not None:
            kernels = check_kernels(self.kernels, len(self._axes))
        mean_square = self._data.mean_square
        starts = [
            grid_kernel(
                kernels,
                self._axes,
                alpha=self.alpha,
                mean_square=mean_square,
                is_fitted=self.optimizer is not None,
                share=share,
            )
            for share in (_SHARES if kernels is None else _SHARES[:1])
        ]
        if len(starts) == 1:
            return starts[0]
        with few_threads(self._data.values.shape):
            return max(starts, key=lambda start: self._solve(start).log_likelihood)

    def _solve(self, kernel, matrices=None):
        """What the data and a kernel give, of values of size one."""
        if matrices is None:
            matrices = kernel.covariances(self._axes)
        data = self._data
        amplitude, noise = kernel.scales(self._axes, data.unit)
        covariance = GridCovariance(
            matrices,
            amplitude,
            noise,
            data.values,
            least_noise=_LEAST_NOISE if self._route == "iterative" else 0.0,
        )
        if self._route == "complete":
            return solve_complete(covariance, data.values)
        if self._route == "observed":
            return FewObserved.solve(covariance, matrices, noise, data.values, data.mask)
        if self._route == "missing":
            return solve_few_missing(covariance, data.values, data.mask)
        return Iterative.solve(
            covariance,
            data.values,
            data.mask,
            n_probes=_PROBES,
            seed=self._seed,
        )

    def _evidence(self, theta):
        """Log likelihood of the values of size one, and its gradient."""
        with few_threads(self._data.values.shape):
            return self._evidence_and_slope(self._grid_kernel.with_theta(theta))

    def _evidence_and_slope(self, kernel):
        matrices, slopes = kernel.covariances_and_slopes(self._axes)
        solution = self._solve(kernel, matrices)
        gradient = solution.gradient(slopes, kernel.amplitude.n_dims, kernel.noise.n_dims)
        return solution.log_likelihood, gradient

    def _in_units(self, log_likelihood):
        return log_likelihood - self._data.n_observed * float(np.log(self._data.unit))

    def _likelihood(self, theta, gradient):
        if gradient:
            value, slope = self._evidence(theta)
            return self._in_units(value), slope
        return self._in_units(self._solve(self._grid_kernel.with_theta(theta)).log_likelihood)

    def predict(self, X, return_std=False, return_cov=False):
        """Mean at points, and their standard deviation or covariance.

        Parameters
        ----------
        X : array-like of shape (m, n_features_in_)
            Points, a column for each axis.
        return_std : bool, default=False
            Return the standard deviation of a value y at the points, noise included.
        return_cov : bool, default=False
            Return the covariance of such values; O(N m²).

        Returns
        -------
        mean : array of shape (m,)
        std or cov : array of shape (m,) or (m, m)

        Raises
        ------
        RuntimeError
            If both are asked for.
        """
        check_is_fitted(self)
        check_return(return_std, return_cov)
        try:
            X = to_numpy(validate_points(self, X, reset=False)).astype(np.float64)
        except ValueError as error:
            if not isinstance(X, list | tuple) or len(X) != len(self._axes):
                raise
            raise ValueError(
                f"X must be a table of points, a column for each axis. For a list of axes use "
                f"predict_grid(axes) and score_grid(axes, Y). ({error})"
            ) from error
        parts = [X[:, axis.columns] for axis in self._axes]
        crosses = self._crosses(parts)
        mean = self._solution.mean_at(crosses) * self._back + self._data.mean
        if not (return_std or return_cov):
            return mean
        if return_std:
            prior = np.prod(self._grid_kernel.prior_variances(self._axes, parts), axis=0)
            return mean, self._solution.std(
                prior, self._solution.explained_at(crosses)
            ) * self._back
        prior = np.prod(self._grid_kernel.prior_covariances(self._axes, parts), axis=0)
        prior = from_numpy(prior * self._solution.covariance.amplitude, self._data.values)
        cov = prior - self._solution.explained_jointly(crosses)
        noise = from_numpy(np.eye(len(X)) * self._solution.noise, self._data.values)
        return mean, (cov + noise) * self._back**2

    def predict_grid(self, axes, return_std=False):
        """Mean on the grid of one array of coordinates for each axis.

        Parameters
        ----------
        axes : list of arrays of shape (m_k,) or (m_k, d_k)
            In any order.
        return_std : bool, default=False
            Return the standard deviation of a value y there, noise included.

        Returns
        -------
        mean : array of shape (m_1, ..., m_d)
        std : array of the same shape
        """
        check_is_fitted(self)
        asked = check_axes(axes)
        widths = [axis.points.shape[1] for axis in asked]
        expected = [axis.points.shape[1] for axis in self._axes]
        if widths != expected:
            raise ValueError(
                f"axes have {widths} columns, and the fitted ones {expected}: give one array for "
                "each axis of the grid."
            )
        parts = [axis.points[np.argsort(axis.order)] for axis in asked]
        crosses = self._crosses(parts)
        mean = self._solution.mean_on_grid(crosses) * self._back + self._data.mean
        if not return_std:
            return mean
        prior = outer(self._grid_kernel.prior_variances(self._axes, parts))
        explained = self._solution.explained_on_grid(crosses)
        return mean, self._solution.std(prior, explained) * self._back

    def score_grid(self, axes, Y):
        """Coefficient of determination of the mean, over the observed cells of a grid.

        Parameters
        ----------
        axes : list of arrays of shape (m_k,) or (m_k, d_k)
        Y : array-like of shape (m_1, ..., m_d)
            NaN or masked cells are left out.

        Returns
        -------
        score : float
            One less the mean squared error over the variance of the observed cells; 1 at best.

        Raises
        ------
        ValueError
            If Y does not fit the axes, or fewer than two cells are observed.
        """
        mean = self.predict_grid(axes)
        asked = check_axes(axes)
        data = check_data(Y, asked, False)
        if data.n_observed < 2:
            raise ValueError("Y holds one observed cell; a score needs two or more.")
        kept, order = to_numpy(data.mask), np.ix_(*(axis.order for axis in asked))
        return r2_score(to_numpy(data.values)[kept], to_numpy(mean)[order][kept] / data.unit)

    @property
    def _back(self):
        """From values of size one to units of Y."""
        return self._data.unit * self._data.scale

    def _crosses(self, parts):
        """Covariances of points with each axis, in its eigenbasis."""
        tables = self._grid_kernel.cross_covariances(self._axes, parts)
        vectors = self._solution.covariance.host_vectors
        pairs = zip(tables, vectors, strict=True)
        return [from_numpy(table @ Q, self._data.values) for table, Q in pairs]

    def sample_y(self, X, n_samples=1, random_state=None):
        """Joint draws of values at points, noise included.

        Parameters
        ----------
        X : array-like of shape (m, n_features_in_)
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None is the estimator's own.

        Returns
        -------
        draws : array of shape (m, n_samples)
        """
        mean, cov = self.predict(X, return_cov=True)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be an integer of 1 or more, got {n_samples!r}.")
        rng = check_random_state(self.random_state if random_state is None else random_state)
        return from_numpy(draw(to_numpy(mean), to_numpy(cov), n_samples, rng), self._data.values)

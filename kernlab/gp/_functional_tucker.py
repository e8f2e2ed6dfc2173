"""Regression on continuous-indexed tensors: a Tucker decomposition of Gaussian processes."""

import math
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import Matern
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from kernlab._core.validation import Interval, StrOptions, fit_context, whole_or_nothing
from kernlab.gp._base import GaussianProcess
from kernlab.gp._functional_tucker_search import LARGEST_CORE, Search


class FunctionalTuckerRegressor(GaussianProcess):
    """Tucker decomposition whose factors are Gaussian processes of continuous indices.

    An observation at the indices ``(i_1, ..., i_K)`` is ``y = c + ⟨G, u¹(i_1) ⊗ ... ⊗ u^K(i_K)⟩ +
    ε``: a core tensor ``G`` of shape ``(r_1, ..., r_K)`` and, for each mode, ``r_k`` functions of
    its index that share a Matérn kernel. A discrete decomposition knows nothing between the entries
    of an index, and little of an entry seen once; here functions fill both, and say how sure they
    are. Inference is variational, in time linear in the number of indices (each mode's functions
    are a Kalman smoother's); ranks, length scales and noise are learned.

    Parameters
    ----------
    rank : int, tuple of int or 'auto', default='auto'
        Number of functions of each mode, one for all or one for each. ``'auto'`` raises it for all
        modes while the lower bound of the evidence grows, then lowers it for single ones. Above the
        product of the other modes' ranks, or the number of distinct indices, a rank has no meaning
        and is an error.
    kernels : Matern, list of Matern or None, default=None
        :class:`sklearn.gaussian_process.kernels.Matern` with ``nu`` 0.5, 1.5 or 2.5, one for all
        modes or one for each; length scales in the units of ``X``. None is Matérn-3/2 from a
        quarter of each mode's range, within the mean gap of its indices and ten times the range.
        The variance is one; the core carries the scale.
    optimize : bool, default=True
        Whether length scales are learned, within their bounds; a kernel whose bounds are 'fixed'
        keeps its own.
    max_rank : int, default=5
        The largest rank that ``'auto'`` tries. Nor does it try cores of more than 256 numbers.
    n_init : int, default=4
        Starts from draws of the prior for every rank tried. The largest bound goes on.
    max_iter : int, default=200
        Sweeps over all modes after the starts.
    tol : float, default=1e-3
        Stop when a sweep raises the bound by less than this for each observation, in nats.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Attributes
    ----------
    rank_ : tuple of int
        Number of functions of each mode.
    core_ : ndarray of shape ``rank_``
        Posterior mean of the core, in units of ``y``.
    offset_ : float
        Posterior mean of ``c``.
    kernels_ : list of Matern
        Kernel of each mode with its learned length scale.
    noise_ : float
        Variance of the noise, in squared units of ``y``.
    lower_bound_ : float
        Of the log evidence of ``y``.
    lower_bounds_ : list of float
        After each sweep of the fit that was kept; they never fall.
    n_iter_ : int
        Their number.
    converged_ : bool
        Whether ``tol`` was met.
    y_mean_, y_scale_ : float
        What ``y`` was standardised by.
    n_features_in_ : int
        Number of modes.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the modes, where ``X`` has string column names.

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : With a product of kernels, the same data
        without the assumption of low rank; it needs many more of them.

    Notes
    -----
    The posterior is a product of a Gaussian of core and offset, one of each mode's functions, and
    Gammas of the precisions of noise and core. So correlations of core and factors, and of modes,
    are lost, and standard deviations of the tensor are too small where few observations determine
    it; the user guide says by how much. Functions and core are determined up to a rotation within
    each mode, which predictions do not see.

    A sweep costs O(N R² + Σ_k U_k r_k⁴) for N observations, a core of R numbers and U_k distinct
    indices. With one mode this is a Gaussian process with a constant mean, that of the data.

    References
    ----------
    .. [1] S. Fang, X. Yu, Z. Wang, S. Li, M. Kirby, S. Zhe, "Functional Bayesian Tucker
       Decomposition for Continuous-indexed Tensor Data", ICLR 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp import FunctionalTuckerRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(300, 3))
    >>> def wave(a, b, c):
    ...     return np.sin(5 * a) * np.cos(4 * b) * np.exp(c)
    >>> y = wave(*X.T) + 0.05 * rng.normal(size=300)
    >>> model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
    >>> model.rank_
    (1, 1, 1)
    >>> mean, std = model.predict([[0.3, 0.5, 0.9]], return_std=True)
    >>> bool(abs(mean[0] - wave(0.3, 0.5, 0.9)) < 3 * std[0])
    True
    """

    _parameter_constraints = {
        "rank": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), list, tuple],
        "kernels": [Matern, list, tuple, None],
        "optimize": ["boolean"],
        "max_rank": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        rank="auto",
        *,
        kernels=None,
        optimize=True,
        max_rank=5,
        n_init=4,
        max_iter=200,
        tol=1e-3,
        random_state=None,
    ):
        self.rank = rank
        self.kernels = kernels
        self.optimize = optimize
        self.max_rank = max_rank
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Infer core, functions, noise, length scales and ranks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_modes)
            A column of indices for each mode, in any order; repeated ones are several observations.
        y : array-like of shape (n_samples,)

        Returns
        -------
        self : FunctionalTuckerRegressor

        Raises
        ------
        ValueError
            For input that is not finite, a single or constant sample, y whose squares leave the
            range of double precision, kernels that are not Matérn of one length scale, or ranks
            that the data cannot hold.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` sweeps did not meet ``tol``, if ``max_rank`` stopped the search for the
            rank, or if the length scale of a kernel that was given ends at its bound.
        """
        with whole_or_nothing(self):
            X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
            if len(y) < 2:
                raise ValueError(
                    f"n_samples={len(y)} is not enough: a fit needs at least two observations."
                )
            self._fit(X, np.asarray(y, dtype=np.float64))
        return self

    def _fit(self, X, y):
        z = self._standardised(y)
        columns = [np.ascontiguousarray(column) for column in X.T]
        kernels = self._kernels(columns)
        smoothness = [(k.nu, float(k.length_scale), _bounds(k, self.optimize)) for k in kernels]
        rng = check_random_state(self.random_state)
        search = Search(columns, z, smoothness, rng, self.n_init, self.max_iter, self.tol)
        ranks = self._given_ranks(search)
        if ranks is None:
            ranks = search.choose(self.max_rank)
        self._posterior, self.converged_ = search.fit(ranks)
        modes, scale = self._posterior.modes, self.y_scale_
        self.rank_ = ranks
        self.core_ = scale * self._posterior.weights[1:].reshape(ranks)
        self.offset_ = self.y_mean_ + scale * float(self._posterior.weights[0])
        self.kernels_ = [
            kernel.__class__(mode.length_scale, kernel.length_scale_bounds, kernel.nu)
            for kernel, mode in zip(kernels, modes, strict=True)
        ]
        self.noise_ = scale**2 / self._posterior.noise.mean
        shift = len(y) * np.log(scale)
        self.lower_bounds_ = [bound - shift for bound in self._posterior.history]
        self.lower_bound_, self.n_iter_ = self.lower_bounds_[-1], len(self.lower_bounds_)
        self._warn()

    def predict(self, X, return_std=False):
        """Posterior mean of y, and its standard deviation.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_modes)
            Any indices; those between and beyond the observed are the Gaussian processes'.
        return_std : bool, default=False

        Returns
        -------
        mean : ndarray of shape (n_samples,)
        std : ndarray of shape (n_samples,)
            Of an observation, noise included; with ``return_std`` alone. The variance of the
            products of independent factors and core is exact.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        mean, variance = self._posterior.predict([np.ascontiguousarray(c) for c in X.T])
        mean = self.y_mean_ + self.y_scale_ * mean
        if not return_std:
            return mean
        return mean, self.y_scale_ * np.sqrt(variance + 1.0 / self._posterior.noise.mean)

    def factor(self, mode, t, return_std=False):
        """The functions of a mode at given indices.

        Parameters
        ----------
        mode : int
            Column of ``X``.
        t : array-like of shape (n_t,)
        return_std : bool, default=False

        Returns
        -------
        mean : ndarray of shape (n_t, r_mode)
            Without unit, of prior variance one; determined up to a rotation of the columns.
        std : ndarray of shape (n_t, r_mode)
            With ``return_std`` alone.

        Raises
        ------
        ValueError
            If there is no such mode, or ``t`` is not one-dimensional and finite.
        """
        check_is_fitted(self)
        if not (isinstance(mode, int | np.integer) and 0 <= mode < len(self.rank_)):
            raise ValueError(f"mode must be an int from 0 to {len(self.rank_) - 1}, got {mode!r}.")
        t = np.asarray(t, dtype=np.float64)
        if t.ndim != 1 or not np.isfinite(t).all():
            raise ValueError(f"t must be a finite one-dimensional array, got shape {t.shape}.")
        mean, covariance = self._posterior.modes[mode].posterior(t)
        if not return_std:
            return mean
        return mean, np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))

    def _standardised(self, y):
        # In two steps, for the mean and the squares of 1e200 overflow.
        largest = float(np.abs(y).max())
        part = y / largest if largest > 0.0 else y
        mean = float(part.mean())
        deviation = float(np.std(part))
        # The mean of equal numbers is off by a rounding or two.
        if deviation <= 4.0 * np.finfo(float).eps:
            raise ValueError(
                f"y is constant ({float(y[0])!r}), or varies by no more than rounding; there is "
                "nothing to learn. Subtract a large offset before y is rounded to it."
            )
        self.y_mean_, self.y_scale_ = largest * mean, largest * deviation
        if not np.finfo(float).tiny <= self.y_scale_ * self.y_scale_ < np.inf:
            raise ValueError(
                f"y has standard deviation {self.y_scale_:.3g}, whose square, the unit of noise_, "
                "is out of the range of double precision; scale y to about one."
            )
        return (part - mean) / deviation

    def _kernels(self, columns):
        if self.kernels is None:
            return [_default_kernel(column) for column in columns]
        given = self.kernels
        given = [given] * len(columns) if isinstance(given, Matern) else list(given)
        if len(given) != len(columns):
            raise ValueError(
                f"kernels holds {len(given)} kernels, but X has {len(columns)} columns; give one "
                "kernel for each, or one for all."
            )
        for kernel in given:
            if type(kernel) is not Matern or kernel.nu not in (0.5, 1.5, 2.5):
                raise ValueError(
                    "kernels must be sklearn.gaussian_process.kernels.Matern with nu 0.5, 1.5 or "
                    f"2.5, got {kernel!r}. Leave variances and noise out: they are learned."
                )
            if np.ndim(kernel.length_scale) != 0:
                raise ValueError(
                    f"a mode has one length scale, got {kernel!r}; give one kernel for each mode."
                )
        return given

    def _given_ranks(self, search):
        K = len(search.places)
        if isinstance(self.rank, str):
            return None
        given = (self.rank,) * K if isinstance(self.rank, Integral) else tuple(self.rank)
        if len(given) != K or not all(isinstance(r, int | np.integer) and r > 0 for r in given):
            raise ValueError(
                f"rank must be 'auto', a positive int or {K} of them, one for each column of X, "
                f"got {self.rank!r}."
            )
        ranks = tuple(int(r) for r in given)
        for k, (r, size) in enumerate(zip(ranks, search.n_indices, strict=True)):
            if r > size:
                raise ValueError(
                    f"rank {r} of mode {k} is more than its {size} distinct indices in X."
                )
        if ranks != (fitting := search.admissible(ranks)):
            raise ValueError(
                f"rank={self.rank!r} has a mode above the product of the others; no core has such "
                f"ranks. {fitting} is the same model."
            )
        if math.prod(ranks) > LARGEST_CORE:
            raise ValueError(
                f"rank={self.rank!r} makes a core of more than {LARGEST_CORE} numbers; lower it."
            )
        return ranks

    def _warn(self):
        def warn(message):
            warnings.warn(message, ConvergenceWarning, stacklevel=5)

        if not self.converged_:
            warn(
                f"the bound still rose by more than tol={self.tol} for each observation after "
                f"max_iter={self.max_iter} sweeps; raise max_iter or tol."
            )
        if isinstance(self.rank, str) and len(self.rank_) > 1 and max(self.rank_) == self.max_rank:
            warn(f"the chosen rank is max_rank={self.max_rank}; raise it.")
        if self.kernels is None or not self.optimize:
            return
        for k, kernel in enumerate(self.kernels_):
            bounds, value = kernel.length_scale_bounds, kernel.length_scale
            if not isinstance(bounds, str) and np.isclose(value, bounds, rtol=1e-3).any():
                warn(
                    f"length_scale={value:.6g} of kernels[{k}] is at its bound {tuple(bounds)}; "
                    "widen length_scale_bounds."
                )


def _default_kernel(column):
    """Matérn-3/2 from a quarter of the range, between the mean gap and ten times the range."""
    times = np.unique(column)
    span = float(times[-1] - times[0])
    if not span > 0.0:
        # One index: every length scale is the same.
        return Matern(1.0, "fixed", 1.5)
    return Matern(span / 4, (span / len(times), 10 * span), 1.5)


def _bounds(kernel, optimize):
    bounds = kernel.length_scale_bounds
    if not optimize or isinstance(bounds, str):
        return None
    low, high = np.ravel(bounds)
    return float(low), float(high)

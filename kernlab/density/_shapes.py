"""What a fitted density can be asked beside its values: draws, slopes, quantiles, slices."""

# Reference for conditioning and projecting Gaussians: Bishop, *Pattern Recognition and Machine
# Learning*, 2006, section 2.3.

from collections.abc import Callable, Mapping, Set
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.namespace import (
    device_of,
    from_numpy,
    is_numpy_namespace,
    namespace_of,
    scalar,
    to_numpy,
)
from kernlab.density._boundaries import cumulative_within, images_given, quantiles_within
from kernlab.density._rows import weighted_rows
from kernlab.kernels._coordinates import inverse_root, to_bandwidths
from kernlab.kernels._cumulative import cumulative_quantiles, cumulative_sums
from kernlab.kernels._gradients import log_sum_gradients
from kernlab.kernels._profiles import PROFILES, profile_of
from kernlab.kernels._sums import source_points

_ANEW = "fit with adaptive=None for it, or anew on the features wanted"


class DensityShapes:
    """Methods of a fitted kernel density that derive from its points, weights and bandwidth."""

    n_features_in_: int
    feature_names_in_: Any
    n_jobs: int | None
    verbose: int
    _evaluator: Any
    _sources: Any
    _weights: Any
    _boundary: Any
    _points: Callable
    _like: Any
    _validate_queries: Callable
    _refuse_adaptive: Callable

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
        adaptive = self._evaluator.adaptive
        if adaptive is not None and adaptive.rule == "balloon":
            self._refuse_adaptive("sample", "no density to draw from; take 'sample-point'")
        if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} is not a positive integer.")
        rng = check_random_state(random_state)
        n_points, n_features = self._sources.n_points, self.n_features_in_
        if self._weights is None:
            rows = rng.randint(n_points, size=n_samples)
        else:
            rows = weighted_rows(rng, self._weights, n_samples)
        root = self._sources.root
        points = source_points(self._sources, rows)
        xp = namespace_of(points)

        def draw():
            noise = profile_of(self._sources.kernel).draw(rng, n_features, n_samples)
            if adaptive is not None:
                noise *= adaptive.widths(rows)[:, None]
            noise = noise * root if root.ndim < 2 else noise @ root.T
            return points + from_numpy(noise, points)

        points = draw() if self._boundary is None else self._boundary.draw(draw)
        return xp.astype(points, self._like.dtype, copy=False)

    def score_gradient(self, X):
        """Gradient of the log density at each row of ``X``.

        Zero where a mode, a saddle or a trough is; following it leads to a mode (mean shift).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        gradient : array of shape (n_samples, n_features)
            In nats per unit of ``X``, as float64. Where the derivative of a kernel jumps - at the
            very points of ``'exponential'`` and ``'linear'``, at the edge of bounded kernels - that
            kernel counts with slope zero. NaN where the density is zero, and for queries past 1e150
            bandwidths from the data.

        Raises
        ------
        ValueError
            For the tophat kernel, whose density is a step function.

        Notes
        -----
        O(n_samples · n_queries · n_features) time, in chunks of bounded size; some four to
        fifteen times that of :meth:`score_samples`.

        Examples
        --------
        >>> from kernlab.density import KernelDensity
        >>> kde = KernelDensity(bandwidth=2.0).fit([[0.0]])
        >>> kde.score_gradient([[1.0], [1e9]]).tolist()
        [[-0.25], [-250000000.0]]
        """
        X = self._validate_queries(X)
        self._refuse_adaptive("score_gradient")
        if self._profile.pull is None:
            raise ValueError(
                f"kernel={self._profile.name!r} makes a density of steps, whose gradient is zero "
                "wherever it exists; fit with a kernel that slopes, such as 'epanechnikov'."
            )
        gradients = log_sum_gradients if self._boundary is None else self._boundary.gradients
        return gradients(self._sources, X, n_jobs=self.n_jobs, verbose=self.verbose)

    def cdf(self, X):
        """Probability below each row of ``X``, for data of one feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)

        Returns
        -------
        probability : ndarray of shape (n_samples,)
            In [0, 1], increasing with ``X``; relatively accurate also where it is tiny.

        Raises
        ------
        ValueError
            With more than one feature, with a period or ``boundary='linear'``, or fitted on arrays
            of another library than NumPy.

        Notes
        -----
        O(n_samples · n_queries) time. With ``bounds`` it is accurate to 1e-14 of one instead.

        Examples
        --------
        >>> from kernlab.density import KernelDensity
        >>> kde = KernelDensity(bandwidth=1.0).fit([[-1.0], [1.0]])
        >>> [f"{p:.4g}" for p in kde.cdf([[0.0], [-30.0]])]
        ['0.5', '1.645e-185']
        """
        self._check_one_feature("cdf")
        X = self._validate_queries(X)
        options = {"n_jobs": self.n_jobs, "verbose": self.verbose}
        if self._boundary is not None:
            return cumulative_within(self._boundary, self._sources, X[:, 0], **options)
        return cumulative_sums(self._sources, X, **options)

    def ppf(self, q):
        """Quantiles: the least points with probability ``q`` below them, for data of one feature.

        Parameters
        ----------
        q : float or array-like
            Probabilities in [0, 1].

        Returns
        -------
        quantile : ndarray of the shape of ``q``
            In the units of the data, as float64, to about 1e-15 of their distance from the data's
            centre or of the bandwidth. The ends of the support, infinite for kernels that never
            vanish, at 0 and 1.

        Raises
        ------
        ValueError
            If a probability is NaN or outside [0, 1], with more than one feature, with a period or
            ``boundary='linear'``, or fitted on arrays of another library than NumPy.

        Notes
        -----
        Each quantile costs some ten to sixty evaluations of :meth:`cdf`.

        Examples
        --------
        >>> from kernlab.density import KernelDensity
        >>> kde = KernelDensity(bandwidth=1.0).fit([[3.0]])
        >>> kde.ppf([0.025, 0.5, 0.975]).round(3).tolist()
        [1.04, 3.0, 4.96]
        """
        self._check_one_feature("ppf")
        q = np.asarray(q, dtype=np.float64)
        wrong = ~((q >= 0) & (q <= 1))
        if wrong.any():
            raise ValueError(
                f"q={float(q[wrong][0])!r} is not a probability; give numbers in [0, 1]."
            )
        options = {"n_jobs": self.n_jobs, "verbose": self.verbose}
        if self._boundary is not None:
            quantiles = quantiles_within(self._boundary, self._sources, q.ravel(), **options)
        else:
            quantiles = cumulative_quantiles(self._sources, q.ravel(), **options)
        return quantiles.reshape(q.shape)

    def marginal(self, features):
        """The density of some of the features, whatever the others are.

        Parameters
        ----------
        features : int, str or sequence of them
            Numbers, or names where the data had them, in the order wanted.

        Returns
        -------
        marginal : KernelDensity
            Fitted on these features of the same points, with the part of ``bandwidth_matrix_`` that
            belongs to them; exact.

        Raises
        ------
        ValueError
            For unknown or repeated features, and for kernels other than the Gaussian and Student-t
            if a feature is left out: their marginals have another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from kernlab.density import KernelDensity
        >>> X = np.random.default_rng(0).normal(size=(500, 3))
        >>> kde = KernelDensity().fit(X)
        >>> first = kde.marginal(0)
        >>> bool(first.bandwidth_matrix_[0, 0] == kde.bandwidth_matrix_[0, 0])
        True
        """
        check_is_fitted(self)
        self._refuse_adaptive("marginal", _ANEW)
        kept = self._feature_numbers(features)
        if not self._profile.has_own_marginals and len(kept) < self.n_features_in_:
            raise ValueError(
                f"the marginals of kernel={self._profile.name!r} are not kernels of that shape; "
                "fit with 'gaussian' or a Student-t kernel, or fit anew on these features alone."
            )
        points = self._points()
        return self._fitted_on(_columns(points, kept), self._weights, self._root_of(kept), kept)

    def condition(self, features, values):
        """The density of the other features, given the values of some.

        Points count by how near they are to the values, and with a full bandwidth matrix they move
        along its correlations. Look at ``n_eff_`` of the result: given values that few points are
        near, it rests on those few.

        Parameters
        ----------
        features : int, str or sequence of them
            What is given: numbers, or names where the data had them.
        values : float or array-like of shape (len(features),)
            In the units of the data.

        Returns
        -------
        conditional : KernelDensity
            Fitted on the other features, in the order of the data, of the points whose relative
            weight is not below 1e-300; exact but for those. Right also where the density of the
            values underflows.

        Raises
        ------
        ValueError
            For kernels other than the Gaussian, whose conditionals are not sums of one kernel; for
            bad features or values, values outside of ``bounds``, and if no feature is left; under
            ``boundary='reflect'`` also with a full bandwidth matrix, if bounded features are left.

        Examples
        --------
        >>> import numpy as np
        >>> from kernlab.density import KernelDensity
        >>> x, noise = np.random.default_rng(0).normal(size=(2, 2000))
        >>> kde = KernelDensity().fit(np.column_stack([x, 2 * x + noise]))
        >>> given = kde.condition(0, 1.5)
        >>> float(given.ppf(0.5).round(1)), round(given.n_eff_)
        (2.9, 274)
        """
        check_is_fitted(self)
        self._refuse_adaptive("condition", _ANEW)
        if self._profile.name != "gaussian":
            raise ValueError(
                f"conditionals of kernel={self._profile.name!r} are not sums of one kernel; fit "
                "with kernel='gaussian' to condition."
            )
        given = self._feature_numbers(features)
        rest = [k for k in range(self.n_features_in_) if k not in given]
        if not rest:
            raise ValueError(
                f"features={features!r} are all there are; give fewer, so that one is left to have "
                "a density."
            )
        try:
            values = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"values={values!r} is not numeric ({error}); give a number, or a list of one to "
                "each of features."
            ) from error
        if values.shape != (len(given),) or not np.isfinite(values).all():
            raise ValueError(
                f"values={values.tolist()} must be {len(given)} finite numbers, one for each of "
                "features."
            )
        points, base = self._points(), self._weights
        if self._boundary is not None:
            points, base, values = images_given(
                self._boundary, self._sources, points, base, given, values
            )
        xp = namespace_of(points)
        values = from_numpy(values, points)
        given_points = _columns(points, given)
        root = self._root_of(given)
        z = to_bandwidths(given_points, values, inverse_root(root))
        weights, rows = _weights_near(z, base)
        if np.ndim(self._sources.root) < 2:
            # All images of a row, whose other features they share, are that one row.
            rows, weights = _joined_images(rows, weights, self._sources.n_points)
        points = xp.take(_columns(points, rest), rows, axis=0)
        rest_root = self._root_of(rest)
        if np.ndim(root) == 2:
            H = self._matrix()
            gain = np.linalg.solve(H[np.ix_(given, given)], H[np.ix_(given, rest)]).T
            moved = values - xp.take(given_points, rows, axis=0)
            points = points + moved @ from_numpy(gain, points).T
            rest_root = np.linalg.cholesky(H[np.ix_(rest, rest)] - gain @ H[np.ix_(given, rest)])
        return self._fitted_on(points, weights, rest_root, rest)

    @property
    def _profile(self):
        return profile_of(self._sources.kernel)

    def _check_one_feature(self, method):
        check_is_fitted(self)
        self._refuse_adaptive(method)
        if self.n_features_in_ != 1:
            raise ValueError(
                f"{method} is for data of one feature, and the estimator was fitted on "
                f"{self.n_features_in_}; take marginal(k) first."
            )
        if not is_numpy_namespace(namespace_of(self._like)):
            raise ValueError(
                f"{method} is for NumPy arrays, and the estimator was fitted on arrays of "
                f"{namespace_of(self._like).__name__}; fit on their NumPy copy."
            )

    def _feature_numbers(self, features):
        if isinstance(features, (str, Integral)):
            features = [features]
        if isinstance(features, (bytes, Mapping, Set)) or np.ndim(features) != 1:
            raise ValueError(
                f"features={features!r} is neither a feature nor a list of them; give a number "
                f"from 0 to {self.n_features_in_ - 1}, a name, or a list of such."
            )
        names = list(getattr(self, "feature_names_in_", ()))
        numbers = [names.index(k) if isinstance(k, str) and k in names else k for k in features]
        d = self.n_features_in_
        for number, feature in zip(numbers, features, strict=True):
            if (
                isinstance(number, bool)
                or not isinstance(number, Integral)
                or not 0 <= int(number) < d
            ):
                known = f" or a name out of {', '.join(names)}" if names else ""
                raise ValueError(
                    f"features holds {feature!r}; give numbers from 0 to {d - 1}{known}."
                )
        numbers = [int(k) for k in numbers]
        if not numbers or len(set(numbers)) < len(numbers):
            raise ValueError(f"features={list(features)!r} must be one or more, each once.")
        return numbers

    def _matrix(self):
        root = self._sources.root
        return root @ root.T

    def _root_of(self, kept):
        """Root of the part of the bandwidth matrix that belongs to some features."""
        root = self._sources.root
        if root.ndim < 2:
            return root if root.ndim == 0 else root[kept]
        if kept == list(range(self.n_features_in_)):
            return root
        return np.linalg.cholesky(self._matrix()[np.ix_(kept, kept)])

    def _fitted_on(self, points, weights, root, features):
        """A clone fitted on points of some features, with the bandwidth of that root."""
        root = np.asarray(root)
        bandwidth = float(root) if root.ndim == 0 else root if root.ndim == 1 else root @ root.T
        xp = namespace_of(points)
        points = xp.astype(points, self._like.dtype, copy=False)
        name = self._sources.kernel
        kernel = name if name in PROFILES else self._profile
        other = clone(self).set_params(bandwidth=bandwidth, kernel=kernel)
        if self._boundary is not None:
            other.set_params(**self._boundary.region.part(features).parameters())
        other.fit(points, sample_weight=weights)
        if hasattr(self, "feature_names_in_"):
            other.feature_names_in_ = self.feature_names_in_[features]
        return other


def _weights_near(z, base):
    """Weights of points ``z`` bandwidths from the values, and the rows that keep one."""
    xp = namespace_of(z)
    with np.errstate(over="ignore", divide="ignore"):
        log_weights = -xp.sum(z * z, axis=1) / 2
        if base is not None:
            log_weights = log_weights + xp.log(base)
    largest = scalar(xp.max(log_weights))
    if not largest > -np.inf:
        raise ValueError(
            "values lie more than 1e150 bandwidths from every point, where no weight is left "
            "to tell the points apart; give values nearer to the data."
        )
    weights = xp.exp(log_weights - largest)
    (rows,) = xp.nonzero(weights > 1e-300)
    return xp.take(weights, rows, axis=0), rows


def _joined_images(rows, weights, n_points):
    """Numbers below ``n_points`` of rows that repeat with that period, and their total weights."""
    xp = namespace_of(weights)
    total = np.bincount(to_numpy(rows) % n_points, to_numpy(weights), n_points)
    kept = np.flatnonzero(total > 0)
    return xp.asarray(kept, device=device_of(weights)), from_numpy(total[kept], weights)


def _columns(points, features):
    xp = namespace_of(points)
    return xp.take(points, xp.asarray(features, device=device_of(points)), axis=1)

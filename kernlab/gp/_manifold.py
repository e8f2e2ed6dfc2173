"""Gaussian-process regression of functions and tangent vector fields on a manifold of points."""

# References: Borovitskiy, Terenin, Mostowsky, Deisenroth, *Matérn Gaussian processes on Riemannian
# manifolds*, NeurIPS 2020; Peach et al., *Implicit Gaussian process representation of vector fields
# over arbitrary latent manifolds*, ICLR 2024.

import math
from numbers import Integral, Real

import numpy as np
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    fit_context,
    validate_data,
    whole_or_nothing,
)
from kernlab._core.warn import warn_user
from kernlab.gp._base import (
    SEARCH_CONSTRAINTS,
    KernelProcess,
    check_return,
    maximise_evidence,
    refuse_masks_and_dates,
    scaled_targets,
    warn_of_offset,
)
from kernlab.gp._manifold_evidence import FeatureRegression, matern_spectrum
from kernlab.gp._manifold_features import LEAST, MOST, EigenFields

# Eigenvalue whose wave length the length scale starts at, counted from the lowest.
_START = 10
# Of the mean square of the targets: where noise starts, and its least.
_NOISE, _LEAST_NOISE = 1e-2, 1e-8


class ManifoldGPRegressor(KernelProcess):
    r"""Gaussian process on the manifold that points lie on: functions, or tangent vector fields.

    A graph of nearest neighbours stands for the manifold. The eigenfunctions of its Laplacian, or
    for vectors those of its connection Laplacian, are the smoothest functions and fields on it; the
    process is a sum of them with normal weights, of variances

    .. math:: S(\lambda) \propto \left(\frac{2\nu}{\kappa^2} + \lambda\right)^{-\nu - d/2}
        \quad\text{or, for } \nu = \infty,\quad e^{-\kappa^2 \lambda / 2},

    with κ the length scale along the manifold, in units of X, and d its dimension: the Matérn and
    heat kernels of manifolds [1]_. Points on two sheets of a fold are far apart to it.

    Parameters
    ----------
    field : {'scalar', 'vector'}, default='scalar'
        Whether y is a function, or a field of vectors in the space of X. Of these the part in the
        tangent plane is learned, and predictions are tangent vectors [2]_.
    nu : float, default=1.5
        Smoothness, positive; ``inf`` is the heat kernel.
    n_neighbors : int, default=10
        Of the graph; all others where there are fewer points.
    n_eigenpairs : int, default=200
        Terms of the sum; all there are where there are fewer.
    intrinsic_dim : 'auto' or int, default='auto'
        Dimension of the manifold; 'auto' takes what explains nine tenths of the variance of
        neighbourhoods, for frames must span it. (:class:`kernlab.embedding.HeatGeodesicEmbedding`
        wants how counts of points grow with distance, and estimates that by maximum likelihood:
        the two may differ under noise.)
    length_scale, noise_level : float or None, default=None
        Where the search for κ and for the noise variance starts, or what they are with
        ``optimizer=None``; those of ``kernel_``. None is a guess from the spectrum, and a hundredth
        of the mean square of y.
    optimizer : {'fmin_l_bfgs_b'} or None, default='fmin_l_bfgs_b'
        None leaves the hyperparameters as they are.
    n_restarts : int, default=0
        Further starts of the optimiser, log-uniform within the bounds.
    normalize_y : bool, default=False
        Whether to fit (y - mean) / standard deviation, or of vectors y / root mean square;
        ``kernel_`` and the likelihood are then those of the scaled y. Constants are among the
        functions of the sum in either case.
    algorithm : {'auto', 'exact', 'approximate'}, default='auto'
        Search for neighbours, see :class:`kernlab.graph.KNNGraph`. 'approximate' needs pynndescent,
        and saves time from some ten thousands of points in many dimensions on.
    random_state : int, RandomState instance or None, default=None
        Of the eigensolver's first vectors, of the restarts and of the approximate search. With an
        integer, fits are the same bits on any number of threads.
    n_jobs : int, default=None
        Threads of the search and of the eigensolver; None is Numba's current count, -1 all cores.

    Attributes
    ----------
    kernel_ : Kernel
        ``ConstantKernel * Matern + WhiteKernel`` with the hyperparameters of the largest
        likelihood: mean variance of y, or of each component in the tangent plane; κ; variance of
        the noise. They are to be read along the manifold: called on points, ``kernel_`` knows
        straight distances only.
    log_marginal_likelihood_value_ : float
        At ``kernel_.theta``, of y or its tangent components.
    n_iter_ : int
        Iterations of the optimiser.
    eigenvalues_ : ndarray of shape (n_pairs,)
        Of minus the Laplacian, ascending, in units of one over those of X squared.
    intrinsic_dim_ : int
        Dimension of the manifold.
    graph_ : KNNGraph
        Its nodes are the distinct rows of X, then those of ``X_unlabelled``.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : In the space about the manifold; better
        where the manifold bends little over the length scale of the field.
    kernlab.graph.connection_laplacian : The matrix behind vector fields.

    Notes
    -----
    The cost is that of the graph and of the eigenpairs, then O(N n_eigenpairs²) once for N targets
    and O(n_eigenpairs³) for each step of the search. Between nodes eigenfunctions are interpolated
    linearly in tangent coordinates, within what the neighbours' values permit; rows farther off
    than neighbourhoods reach take the value at the edge. The truncated sum has no variance at
    scales below its last wave length: the noise takes what of y is finer.

    References
    ----------
    .. [1] V. Borovitskiy, A. Terenin, P. Mostowsky, M. Deisenroth, "Matérn Gaussian processes on
       Riemannian manifolds", NeurIPS, 2020.
    .. [2] R. Peach et al., "Implicit Gaussian process representation of vector fields over
       arbitrary latent manifolds", ICLR, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.datasets import make_swiss_roll
    >>> from kernlab.gp import ManifoldGPRegressor
    >>> roll = make_swiss_roll(600, random_state=0)
    >>> height = np.sin(roll.position[:, 0] / 10)  # along the rolled-up sheet
    >>> known, rest = roll.data[:40], roll.data[40:]
    >>> gp = ManifoldGPRegressor(n_eigenpairs=50, random_state=0)
    >>> gp = gp.fit(known, height[:40], X_unlabelled=rest)
    >>> bool(gp.score(rest, height[40:]) > 0.95)
    True
    """

    _parameter_constraints = {
        "field": [StrOptions({"scalar", "vector"})],
        "nu": [Interval(Real, 0, None, closed="right")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_eigenpairs": [Interval(Integral, 1, None, closed="left")],
        "intrinsic_dim": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "length_scale": [Interval(Real, 0, None, closed="neither"), None],
        "noise_level": [Interval(Real, 0, None, closed="neither"), None],
        **SEARCH_CONSTRAINTS,
        "algorithm": [StrOptions({"auto", "exact", "approximate"})],
        "n_jobs": N_JOBS,
    }

    def __init__(
        self,
        field="scalar",
        *,
        nu=1.5,
        n_neighbors=10,
        n_eigenpairs=200,
        intrinsic_dim="auto",
        length_scale=None,
        noise_level=None,
        optimizer="fmin_l_bfgs_b",
        n_restarts=0,
        normalize_y=False,
        algorithm="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.field = field
        self.nu = nu
        self.n_neighbors = n_neighbors
        self.n_eigenpairs = n_eigenpairs
        self.intrinsic_dim = intrinsic_dim
        self.length_scale = length_scale
        self.noise_level = noise_level
        self.optimizer = optimizer
        self.n_restarts = n_restarts
        self.normalize_y = normalize_y
        self.algorithm = algorithm
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, X_unlabelled=None):
        """Build the graph, find its eigenfunctions, and the likeliest hyperparameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points with targets.
        y : array-like of shape (n_samples,), or (n_samples, n_features) for vectors
            Vectors are in the coordinates of X.
        X_unlabelled : array-like of shape (n_others, n_features), default=None
            Points without targets, which the manifold is learned from as well: the more, the better
            its shape is known. Rows that are predicted later belong here where they are at hand.

        Returns
        -------
        self : ManifoldGPRegressor

        Raises
        ------
        ValueError
            For bad input; where all points coincide; where squares of steps between neighbours, or
            of y without ``normalize_y``, are beyond the range of floats.

        Warns
        -----
        DisconnectedGraphWarning
            Where the graph was in several parts, which links now join.
        RuntimeWarning
            Where most of the vectors of y lies across the tangent planes; where the mean of y
            dwarfs what varies.
        ConvergenceWarning
            If the search did not converge.
        """
        with whole_or_nothing(self):
            X, y = self._checked_data(X, y)
            nodes = self._with_unlabelled(X, X_unlabelled)
            rng = check_random_state(self.random_state)
            self._eigen = EigenFields(
                nodes,
                vector=self.field == "vector",
                n_neighbors=self.n_neighbors,
                n_eigenpairs=self.n_eigenpairs,
                intrinsic_dim=self.intrinsic_dim,
                algorithm=self.algorithm,
                rng=rng,
                n_jobs=self.n_jobs,
            )
            self.graph_ = self._eigen.graph
            self.intrinsic_dim_ = self._eigen.intrinsic_dim
            self.eigenvalues_ = self._eigen.values / self._eigen.unit**2
            fields, frames = self._eigen.on_rows(len(y))
            z = self._targets(y, frames)
            self._size = float(np.max(np.abs(z))) or 1.0
            if not LEAST <= self._size <= MOST:
                raise ValueError(
                    f"y is of size {self._size:.3g}, whose square, the unit of kernel_, is beyond "
                    "the range of floats; rescale y, or set normalize_y=True."
                )
            self._unit = self._size * self._scale
            self._regression = FeatureRegression(fields, z / self._size)
            self.n_iter_ = 0
            self.kernel_ = self._start(z / self._size)
            if self.optimizer is None:
                value = self._likelihood(self.kernel_.theta, False)
            else:
                theta, value, self.n_iter_ = maximise_evidence(
                    lambda theta: self._likelihood(theta, True),
                    self.kernel_,
                    n_restarts=self.n_restarts,
                    rng=rng,
                    warn_bounds=False,
                )
                self.kernel_.theta = theta
            self.log_marginal_likelihood_value_ = value
            variances, _, noise = self._spectrum(self.kernel_.theta)
            self._noise = noise
            self._posterior = self._regression.posterior(variances, noise)
        return self

    def predict(self, X, return_std=False, return_cov=False):
        """Predictive mean of y, and its standard deviation or covariance, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            On the manifold, or near it.
        return_std, return_cov : bool, default=False
            At most one of them.

        Returns
        -------
        mean : ndarray of shape (n_queries,), or (n_queries, n_features) for vectors
            Vectors lie in the tangent planes.
        std : ndarray of the shape of ``mean``
            If ``return_std``; of each coordinate. Vectors have no variance across the tangent
            plane, noise included.
        cov : ndarray of shape (m, m)
            If ``return_cov``, of the m entries of ``mean``, row by row.

        Raises
        ------
        RuntimeError
            If both are asked for.

        Warns
        -----
        RuntimeWarning
            For rows far off the graph.
        """
        check_return(return_std, return_cov)
        fields, frames = self._at(X)
        mean = _in_space(fields @ self._posterior.mean, frames) * self._unit + self._mean
        if not (return_std or return_cov):
            return mean
        root = fields @ self._posterior.root.T
        if return_cov:
            covariance = root @ root.T
            covariance[np.diag_indices_from(covariance)] += self._noise
            if frames is not None:
                half = _in_space(covariance, frames).reshape(mean.size, -1)
                covariance = _in_space(half.T, frames).reshape(mean.size, -1)
            return mean, covariance * self._unit**2
        if frames is None:
            variance = np.sum(root**2, axis=1) + self._noise
        else:
            variance = np.sum(_in_space(root, frames) ** 2, axis=2) + self._noise * np.sum(
                frames**2, axis=2
            )
        return mean, np.sqrt(variance) * self._unit

    def sample_y(self, X, n_samples=1, random_state=None):
        """Draws of y from the posterior, noise included.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        ndarray of shape (n_queries, n_samples), or (n_queries, n_features, n_samples) for vectors
        """
        rng = check_random_state(random_state)
        fields, frames = self._at(X)
        root = self._posterior.root
        weights = self._posterior.mean[:, None]
        weights = weights + root.T @ rng.standard_normal((len(root), n_samples))
        draws = fields @ weights
        draws += math.sqrt(self._noise) * rng.standard_normal(draws.shape)
        return _in_space(draws, frames) * self._unit + self._mean

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination of the predictive mean.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        y : array-like of shape (n_queries,), or (n_queries, n_features) for vectors
        sample_weight : array-like of shape (n_queries,), default=None

        Returns
        -------
        score : float
            One less the squared error over the variance of y, of vectors both summed over
            coordinates: a coordinate that never varies does not count.
        """
        return r2_score(
            y, self.predict(X), sample_weight=sample_weight, multioutput="variance_weighted"
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self.field == "vector"
        tags.target_tags.single_output = self.field == "scalar"
        return tags

    def _checked_data(self, X, y):
        if self.field == "scalar":
            return self._checked(X, y)
        refuse_masks_and_dates(X=X, y=y)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, multi_output=True)
        if y.shape != X.shape:
            raise ValueError(
                f"y has shape {y.shape} and X {X.shape}; with field='vector' each row of y is a "
                "vector in the coordinates of X."
            )
        return X, np.asarray(y, dtype=np.float64)

    def _with_unlabelled(self, X, X_unlabelled):
        if X_unlabelled is None:
            return X
        refuse_masks_and_dates(X_unlabelled=X_unlabelled)
        others = check_array(X_unlabelled, dtype=np.float64, input_name="X_unlabelled")
        if others.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_unlabelled has {others.shape[1]} features and X {X.shape[1]}; they are points "
                "of one space."
            )
        return np.concatenate([X, others])

    def _targets(self, y, frames):
        """Targets as the process sees them, in coordinates of the frames."""
        if self.field == "scalar":
            if not self.normalize_y and self.optimizer is not None:
                warn_of_offset(y)
            z, self._mean, self._scale = scaled_targets(y, self.normalize_y)
            return z
        unit = y / (float(np.max(np.abs(y))) or 1.0)
        tangent = np.einsum("nfd,nf->nd", frames, unit)
        total = float(np.sum(unit**2))
        if float(np.sum(tangent**2)) < 0.5 * total:
            warn_user(
                f"{1 - float(np.sum(tangent**2)) / total:.0%} of the squared length of y lies "
                f"across the tangent planes, of dimension {self.intrinsic_dim_}, and is left out. "
                "If y is not tangent, fit a 'scalar' field to each of its columns; if the "
                "dimension is wrong, set intrinsic_dim.",
                RuntimeWarning,
            )
        z = tangent.ravel() * (float(np.max(np.abs(y))) or 1.0)
        self._mean, self._scale = 0.0, 1.0
        if self.normalize_y and total:
            self._scale = math.sqrt(total / len(z)) * float(np.max(np.abs(y)))
        return z / self._scale

    def _start(self, z):
        """Length scale of the tenth eigenvalue's waves; amplitude of the targets' mean square."""
        square = float(np.mean(z**2)) or 1.0
        eigenvalue = float(self._eigen.values[min(_START, len(self._eigen.values) - 1)])
        stiffness = 2.0 if math.isinf(self.nu) else 2.0 * self.nu
        length = self._eigen.unit * math.sqrt(stiffness / max(eigenvalue, 1e-6))
        length_bounds = (1e-2 * length, 1e3 * length)
        if self.length_scale is not None:
            length = float(self.length_scale)
            length_bounds = (min(length_bounds[0], length), max(length_bounds[1], length))
        unit = self._size**2
        least, noise = _LEAST_NOISE * square * unit, _NOISE * square * unit
        if self.noise_level is not None:
            noise = float(self.noise_level)
        return ConstantKernel(square * unit, (1e-4 * square * unit, 1e4 * square * unit)) * Matern(
            length, length_bounds, nu=self.nu
        ) + WhiteKernel(noise, (min(least, noise), max(1e2 * square * unit, noise)))

    def _spectrum(self, theta):
        """Variances of the weights in units of the targets' size, slopes by log κ, the noise."""
        amplitude, noise = (math.exp(theta[i] - 2.0 * math.log(self._size)) for i in (0, 2))
        dim = self.intrinsic_dim_
        shares, slopes = matern_spectrum(
            self._eigen.values, math.exp(theta[1]) / self._eigen.unit, self.nu, dim
        )
        return amplitude * shares, slopes, noise

    def _likelihood(self, theta, gradient):
        variances, slopes, noise = self._spectrum(theta)
        value, by_variances, by_noise = self._regression.evidence(variances, noise)
        value -= self._regression.n * math.log(self._size)
        if not gradient:
            return value
        by_logs = by_variances * variances
        return value, np.array([by_logs.sum(), by_logs @ slopes, by_noise * noise])

    def _at(self, X):
        check_is_fitted(self, "kernel_")
        return self._eigen.at(self._checked_queries(X))


def _in_space(values, frames):
    """Tangent vectors, from coordinates of their frames to those of the space; functions as is."""
    if frames is None:
        return values
    n, _, d = frames.shape
    placed = frames @ values.reshape(n, d, -1)
    return placed[..., 0] if values.ndim == 1 else placed

"""GPPDESolver: a differential equation as an estimator."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab._core.validation import Interval, StrOptions, fit_context, whole_or_nothing
from kernlab.exceptions import SingularOperatorError
from kernlab.pde._adaptive import solve_adaptively
from kernlab.pde._data_fit import fit_data
from kernlab.pde._direct import DirectPosterior
from kernlab.pde._domain import PDE
from kernlab.pde._queries import as_real, check_axes, check_points
from kernlab.pde._resolution import as_generator
from kernlab.pde._slabs import slab_ends


class GPPDESolver(RegressorMixin, BaseEstimator):
    """Gaussian-process solver of differential equations on boxes, to spectral accuracy.

    The solution has a Gaussian-process prior whose spectrum along each coordinate is a mixture;
    the equation, its conditions and, where there are any, noisy data are what it is conditioned
    on. Square-root features stand for the kernel, k = Φ Λ Φᵀ, and no Gram matrix is formed: the
    posterior mean is right to rounding where the data are exact, and in milliseconds, by fast
    diagonalisation of Kronecker sums.

    Parameters
    ----------
    pde : PDE
        The equations, the box and the conditions.
    method : {'direct', 'map'}, default='direct'
        'direct' solves for the posterior mean. 'map' is the method of [1]_, which learns a
        mixture kernel with the solution by gradients; slower by orders of magnitude and less
        accurate, for comparison. It needs torch (extra ``gp``), takes its own nodes, and heeds
        ``basis``, ``tol`` and ``max_points`` not.
    basis : {'auto', 'legendre', 'spectral-mixture'}, default='auto'
        Features along each coordinate: polynomials; or polynomials times the cosines and sines
        of the lines of the data, which need as few for 10⁴ wavelengths as for ten. 'auto' takes
        the latter where polynomials would be many and the lines are certified. Periodic
        coordinates have Fourier modes in any case.
    kernel : {'sm', 'student-t', 'se', 'matern52'}, default='sm'
        Spectrum of the prior: a mixture of Gaussian lines, or of Student-t lines of five degrees
        of freedom, whose envelopes are Matérn-5/2 processes. Where the data are exact, 'sm' leaves
        the choice of the two to the evidence. One squared exponential or Matérn-5/2 kernel, for
        ``method='map'`` alone, shows what a kernel without lines does.
    trend : {'matern52'} or None, default=None
        For ``method='map'``: fit the mixture, freeze it, then a Matérn-5/2 process to what is left,
        as the paper does where a line stands on a trend.
    tol : float, default=1e-10
        Estimated relative error of u, off the grid, at which refinement stops.
    max_points : int, default=10**7
        Most unknowns, of one slab where time is solved in several. When it is reached before
        ``tol``, ``fit`` warns.
    backend : {'numpy', 'torch'}, default='numpy'
        What multiplies the matrices of ``fit``: NumPy, or torch on the GPU where there is one.
    verbose : int, default=0
        With 1, work of more than about two seconds shows progress.
    random_state : int, RandomState instance or None, default=None
        Seeds the random lines of the box on which data are examined, the points at which the
        residual is checked, and the draws of ``sample_y``.

    Attributes
    ----------
    n_points_ : tuple of int
        Features along each coordinate.
    error_ : float
        Estimated relative error of u for exact data: the share of the last features, and the
        rounding of the data times what the inverse operator amplifies it by. NaN for noisy data.
    residual_ : float
        Residual of the equations at random points off the grid, root mean square, relative to
        that of their largest term.
    converged_ : bool
        Whether ``error_`` is within ``tol`` and the residual bears it out.
    n_iter_ : int
        Newton steps; 1 for linear equations; evaluations of the objective for ``method='map'``.
    route_ : str
        How the discrete equations were solved.
    slabs_ : array of shape (n_slabs,)
        Where time is a coordinate (there is an `Initial`): the ends of the slabs in which the
        equation was solved one after the other; empty else.
    lines_ : list of arrays
        Angular frequencies found in the data along each coordinate.
    kernel_ : FittedPrior, or a list of them for a system
        The prior: weights, frequencies and scales of its mixtures, ``kernel_(X, Y)`` its values.
    log_evidence_ : float
        Logarithm of the marginal likelihood under it.
    noise_ : float or array
        Variance of the data's noise; without data, the nominal one of the equation's integrals
        against orthonormal tests, 10⁻⁹ of the source in standard deviation at each node.
    params_ : dict
        Mean and standard deviation of each ``Unknown``.
    weights_, frequencies_, scales_ : lists of arrays
        Of ``method='map'``: for each coordinate, weights of the components, which prune themselves
        to zero, their angular frequencies and the lengths of their envelopes.
    n_features_in_ : int
        Number of coordinates.

    See Also
    --------
    find_lines : The frequencies of a signal.

    Notes
    -----
    Cost: for N features along each of d coordinates O(N³) once and O(d N^(d+1)) for a separable
    equation; a nonlinear or variable one takes some ten to a hundred such solves. Memory: six
    arrays of all unknowns. The standard deviation is what the data leave open under the prior,
    and says nothing of the error of discretisation, which is ``error_``.

    References
    ----------
    .. [1] S. Fang, M. Cooley, D. Long, S. Li, R. M. Kirby, S. Zhe, "Solving high frequency and
       multi-scale PDEs with Gaussian processes", ICLR 2024, arXiv 2311.04465.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde import PDE, Box, D, Dirichlet, Field, GPPDESolver, coords
    >>> x, y = coords("x y")
    >>> u = Field("u")
    >>> def exact(x, y):
    ...     return np.sin(40 * x) * np.sin(40 * y)
    >>> def f(x, y):
    ...     return -3200 * exact(x, y)
    >>> pde = PDE(D(u, x, 2) + D(u, y, 2) - f, Box(x=(0, 1), y=(0, 1)), [Dirichlet(exact)])
    >>> solver = GPPDESolver(pde).fit()
    >>> X = np.random.default_rng(0).random((100, 2))
    >>> bool(np.max(np.abs(solver.predict(X) - exact(*X.T))) < 1e-10)
    True
    """

    _parameter_constraints: dict = {
        "pde": [PDE],
        "method": [StrOptions({"direct", "map"})],
        "basis": [StrOptions({"auto", "legendre", "spectral-mixture"})],
        "kernel": [StrOptions({"sm", "student-t", "se", "matern52"})],
        "trend": [StrOptions({"matern52"}), None],
        "tol": [Interval(Real, 0, 1, closed="neither")],
        "max_points": [Interval(Integral, 1, None, closed="left")],
        "backend": [StrOptions({"numpy", "torch"})],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        pde,
        *,
        method="direct",
        basis="auto",
        kernel="sm",
        trend=None,
        tol=1e-10,
        max_points=10**7,
        backend="numpy",
        verbose=0,
        random_state=None,
    ):
        self.pde = pde
        self.method = method
        self.basis = basis
        self.kernel = kernel
        self.trend = trend
        self.tol = tol
        self.max_points = max_points
        self.backend = backend
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X=None, y=None, *, alpha="fit", observe="solution"):
        """Solve the equation, or condition it on noisy data.

        Parameters
        ----------
        X : array-like of shape (n, d), default=None
            Points of the data in the box, columns in its order. None: there are no data beside
            the equation, which is solved.
        y : array-like of shape (n,), default=None
            Noisy values at X.
        alpha : float, array-like of shape (n,), or 'fit', default='fit'
            Variance of their noise, for all or each; 'fit' learns one.
        observe : {'solution', 'source'}, default='solution'
            What y are values of: u, the equation being exact; or the right-hand side of the
            equation, which is then written without it. A source that it still holds is a known
            part, and is added to y.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the data do not fit the box, or the equation holds unknowns and there are no data.
        SingularOperatorError
            If the equation with its conditions has no unique solution, as where they hold a field
            through its derivatives alone.

        Warns
        -----
        ConvergenceWarning
            If ``tol`` was not reached.
        """
        with whole_or_nothing(self):
            # What another kind of fit has left is not of this one.
            for name in list(vars(self)):
                if name.startswith("_fit_") or (name.endswith("_") and name[0] != "_"):
                    delattr(self, name)
            self.n_features_in_ = len(self.pde.box)
            if X is not None or y is not None:
                self._fit_data(X, y, alpha, observe)
            elif self.method == "map":
                self._fit_map()
            else:
                self._fit_direct()
        return self

    def _fit_direct(self):
        if self.kernel not in ("sm", "student-t") or self.trend is not None:
            raise ValueError(
                f"kernel={self.kernel!r} with trend={self.trend!r} is for method='map'; "
                "method='direct' has kernel='sm' or 'student-t', and trend=None."
            )
        if self.pde.unknowns:
            raise ValueError(
                f"the equation holds the unknowns {sorted(self.pde.unknowns)}, which only data "
                "can tell: fit(X, y)."
            )
        free = self.pde.up_to_a_constant()
        if free:
            raise SingularOperatorError(
                f"the equations and conditions hold {', '.join(free)} through derivatives alone, "
                "and leave a constant free: give a value, Dirichlet or Robin on a face, or data, "
                "fit(X, y)."
            )
        solution = solve_adaptively(
            self.pde,
            tol=self.tol,
            max_points=self.max_points,
            basis=self.basis,
            backend=self.backend,
            verbose=self.verbose,
            random_state=self.random_state,
        )
        self._fit_solution = solution
        self.n_points_ = tuple(solution.sizes)
        self.error_, self.residual_ = solution.error, solution.residual
        self.converged_, self.n_iter_ = solution.converged, solution.n_iter
        self.route_ = solution.route
        self.slabs_ = slab_ends(solution)
        self.params_: dict = {}
        if not self.converged_:
            warnings.warn(
                f"{solution.reason}: estimated error of u {self.error_:.1e} with tol="
                f"{self.tol:g}, residual off the grid {self.residual_:.1e}, features "
                f"{self.n_points_}. {solution.remedy}",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _fit_map(self):
        from kernlab.pde._map import ACCEPTED, fit_map

        posterior = fit_map(
            self.pde,
            kernel=self.kernel,
            trend=self.trend,
            device="cuda" if self.backend == "torch" and _has_cuda() else "cpu",
            verbose=self.verbose,
            random_state=self.random_state,
        )
        self._adopt(posterior, "L-BFGS")
        self.residual_, self.n_iter_ = posterior.residual, posterior.n_evaluations
        self.converged_ = bool(posterior.residual <= ACCEPTED)
        self.n_points_ = posterior.n_points
        self.weights_, self.frequencies_ = posterior.weights_, posterior.frequencies_
        self.scales_ = posterior.scales_

    def _fit_data(self, X, y, alpha, observe):
        if self.method == "map":
            raise ValueError(
                "method='map' takes no data beside the equation; use method='direct', whose "
                "posterior given noisy data needs no optimisation of the solution."
            )
        if X is None or y is None:
            raise ValueError("X and y come together: got only one of them.")
        if self.trend is not None:
            raise ValueError(f"trend={self.trend!r} is for method='map'; leave it None.")
        X, y = check_points(self.pde.box, X), as_real(y, "y")
        if y.shape != (len(X),):
            remedy = "y.ravel()" if y.shape == (len(X), 1) else "one value for each row"
            raise ValueError(f"y has shape {y.shape} and X has {len(X)} rows; give {remedy}.")
        posterior, route = fit_data(
            self.pde,
            X,
            y,
            alpha=alpha,
            observe=observe,
            kernel=self.kernel,
            random_state=self.random_state,
        )
        self._adopt(posterior, route)
        self.n_iter_ = getattr(posterior, "n_iter", 1)

    def _adopt(self, posterior, route):
        self._fit_posterior = posterior
        self.params_, self.route_ = posterior.params, route
        self.error_ = self.residual_ = np.nan
        self.converged_ = getattr(posterior, "converged", True)

    @property
    def kernel_(self):
        """The fitted prior."""
        return self._posterior().kernel

    @property
    def log_evidence_(self):
        """Logarithm of the marginal likelihood."""
        return self._posterior().log_evidence

    @property
    def noise_(self):
        """Variance of the data's noise."""
        return self._posterior().noise

    @property
    def lines_(self):
        """Angular frequencies in the data, for each coordinate."""
        posterior = self._posterior()
        if isinstance(posterior, DirectPosterior):
            return posterior.lines
        return [axis.frequencies[axis.frequencies > 0] for axis in posterior.kernel.axes]

    def _posterior(self):
        """The posterior; of a solved equation it is made when something first asks for it."""
        check_is_fitted(self, "n_features_in_")
        if not hasattr(self, "_fit_posterior"):
            if len(getattr(self, "slabs_", ())) > 1:
                raise ValueError(
                    f"the equation was solved in {len(self.slabs_)} slabs of time, which have no "
                    "joint posterior: for the kernel, standard deviations and draws give a box "
                    f"that ends at {self.slabs_[0]:g}, and predict() for the mean on all of it."
                )
            spectra = ("student-t",) if self.kernel == "student-t" else ("gaussian", "student-t")
            self._fit_posterior = DirectPosterior(
                self._fit_solution, spectra=spectra, random_state=self.random_state
            )
        return self._fit_posterior

    def predict(self, X, return_std=False, return_cov=False):
        """The solution at points of the box.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, columns in the box's order.
        return_std, return_cov : bool, default=False
            Return the standard deviation, or the covariance, of u given the data under the prior
            as well. For exact data it is what their nominal noise leaves open, next to nothing:
            it is not an estimate of the error of discretisation, which is ``error_``. A nonlinear
            equation is linearised at its solution (Laplace's approximation).

        Returns
        -------
        mean : array of shape (n,), or (n, n_fields) for a system
        std or cov : array of shape (n,) or (n, n)
            With a last axis of fields for a system.

        Raises
        ------
        ValueError, TypeError
            If X is no real finite array of points of the box, or a frame whose columns are in
            another order than the box's.
        """
        check_is_fitted(self, "n_features_in_")
        X = check_points(self.pde.box, X)
        if return_std or return_cov:
            return self._posterior().predict(X, return_std=return_std, return_cov=return_cov)
        if hasattr(self, "_fit_solution"):
            return self._fit_solution.predict(X)
        return self._posterior().predict(X)

    def predict_grid(self, axes, return_std=False):
        """The solution on the grid of one array of coordinates for each axis.

        Parameters
        ----------
        axes : sequence of arrays of shapes (n_1,), ..., (n_d,)
        return_std : bool, default=False

        Returns
        -------
        mean : array of shape (n_1, ..., n_d), with a last axis of fields for a system
        std : array of the same shape
        """
        check_is_fitted(self, "n_features_in_")
        axes = check_axes(self.pde.box, axes)
        if return_std:
            return self._posterior().predict_grid(axes, return_std=True)
        if hasattr(self, "_fit_solution"):
            return self._fit_solution.predict_grid(axes)
        return self._posterior().predict_grid(axes)

    def sample_y(self, X, n_samples=1, random_state=None):
        """Joint draws of u at points from the posterior.

        Parameters
        ----------
        X : array-like of shape (n, d)
        n_samples : int, default=1
            At least 1.
        random_state : int, RandomState instance or None, default=None
            None is the estimator's own.

        Returns
        -------
        draws : array of shape (n, n_samples), or (n, n_fields, n_samples) for a system
        """
        check_is_fitted(self, "n_features_in_")
        X = check_points(self.pde.box, X)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be an integer of 1 or more, got {n_samples!r}.")
        seed = self.random_state if random_state is None else random_state
        return self._posterior().sample(X, n_samples, as_generator(seed))

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination R² of the solution on values of u.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,)
            Values of u, or (n, n_fields) for a system.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        score : float
            1 where they agree, 0 where y's mean would do as well.
        """
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.requires_fit = True
        return tags


def _has_cuda():
    torch = import_extra("torch", extra="gp", purpose="backend='torch'")
    return torch.cuda.is_available()

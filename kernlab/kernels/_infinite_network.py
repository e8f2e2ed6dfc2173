"""Kernels of infinitely wide neural networks: NNGP and NTK."""

# References: Lee et al., *Deep neural networks as Gaussian processes*, ICLR 2018; Jacot, Gabriel,
# Hongler, *Neural tangent kernel*, NeurIPS 2018; Arora et al., *On exact computation with an
# infinitely wide neural net*, NeurIPS 2019.

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from kernlab.kernels._activations import ArcCosine, dual_of
from kernlab.kernels._network_layers import angular_layers, smooth_layers, variances_of

_ROOT_TWO = math.sqrt(2.0)


class _InfiniteNetwork(Kernel):
    """What both kernels share: parameters, their checks, and the surface of a kernel."""

    def __init__(
        self,
        depth=2,
        activation="relu",
        sigma_w=_ROOT_TWO,
        sigma_b=1.0,
        sigma_w_bounds=(1e-2, 1e2),
        sigma_b_bounds=(1e-3, 1e2),
    ):
        self.depth = depth
        self.activation = activation
        self.sigma_w = sigma_w
        self.sigma_b = sigma_b
        self.sigma_w_bounds = sigma_w_bounds
        self.sigma_b_bounds = sigma_b_bounds

    @property
    def hyperparameter_sigma_b(self):
        """The bias's standard deviation; one of zero, no biases, stays."""
        if isinstance(self.sigma_b, Real) and self.sigma_b == 0.0:
            return Hyperparameter("sigma_b", "numeric", "fixed")
        return Hyperparameter("sigma_b", "numeric", self.sigma_b_bounds)

    @property
    def hyperparameter_sigma_w(self):
        """The weights' standard deviation, times the root of the fan-in."""
        return Hyperparameter("sigma_w", "numeric", self.sigma_w_bounds)

    def is_stationary(self):
        """Whether the kernel depends on x - y alone: no."""
        return False

    def __call__(self, X, Y=None, eval_gradient=False):
        """The kernel between rows.

        Parameters
        ----------
        X : array-like of shape (n, d)
        Y : array-like of shape (m, d), default=None
            None stands for X.
        eval_gradient : bool, default=False
            Return the gradient as well, for Y=None.

        Returns
        -------
        K : array of shape (n, m)
        gradient : array of shape (n, n, n_dims)
            With respect to ``theta``, the logarithms of sigma_b and sigma_w as far as free.

        Raises
        ------
        ValueError
            If a parameter is out of range, X is not finite or so large that its squares are not,
            Y has other columns, or a gradient is asked for with Y.
        """
        if eval_gradient and Y is not None:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        X = as_rows(X, "X")
        Y = X if Y is None else as_rows(Y, "Y")
        if X.shape[1] != Y.shape[1]:
            raise ValueError(f"X has {X.shape[1]} columns and Y has {Y.shape[1]}; give as many.")
        K, dK = self.evaluate(X, Y, gradient=eval_gradient)
        if not eval_gradient:
            return K
        free = [
            not hyperparameter.fixed
            for hyperparameter in (self.hyperparameter_sigma_b, self.hyperparameter_sigma_w)
        ]
        return K, np.moveaxis(dK[free], 0, -1)

    def diag(self, X):
        """The kernel of each row with itself, in O(n (d + depth)).

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        K_diag : array of shape (n,)
        """
        b, w, dual = self._checked()
        variances = variances_of(as_rows(X, "X"), b, w)
        total = variances
        for _ in range(self.depth):
            second, slope, _ = dual.moments(variances)
            variances = b + w * second
            total = self._fold(total, variances, w * slope)
        return total

    def evaluate(self, X, Y, *, gradient):
        """The kernel with its derivatives, also between different X and Y.

        Parameters
        ----------
        X, Y : float arrays of shapes (n, d) and (m, d)
            Finite; not checked.
        gradient : bool

        Returns
        -------
        K : array of shape (n, m)
        dK : array of shape (2, n, m) or None
            By the logarithms of sigma_b and of sigma_w.
        """
        b, w, dual = self._checked()
        layers = angular_layers if isinstance(dual, ArcCosine) else smooth_layers
        total: Any = None
        d_total: Any = None
        for K, slope, dK, d_slope in layers(
            dual, X, Y, b, w, self.depth, slopes=self._slopes, gradient=gradient
        ):
            if slope is None or not self._slopes:
                total, d_total = K, dK
                continue
            if gradient:
                d_total = dK + d_total * slope + total * d_slope
            total = self._fold(total, K, slope)
        # From log σ² to log σ.
        return total, 2.0 * d_total if gradient else None

    def to_gpytorch(self):
        """This kernel as a module of GPyTorch, hyperparameters learned by autograd.

        Values and derivatives are computed here, in double precision on the CPU; the module
        does not differentiate by the inputs. Hyperparameters with bounds ``"fixed"`` do not
        require gradients.

        Returns
        -------
        module : gpytorch.kernels.Kernel
            With positive parameters ``sigma_w`` and ``sigma_b``.

        Raises
        ------
        MissingExtraError
            If GPyTorch is not installed: extra ``gp``.
        """
        from kernlab._core.torch_kernel import torch_kernel

        self._checked()
        return torch_kernel(self)

    def _checked(self):
        """σ_b², σ_w² and the dual, or an error that names the parameter."""
        if not isinstance(self.depth, Integral) or isinstance(self.depth, bool) or self.depth < 1:
            raise ValueError(f"depth={self.depth!r} must be a whole number of hidden layers >= 1.")
        for name, least in (("sigma_w", "> 0"), ("sigma_b", ">= 0")):
            value = getattr(self, name)
            ok = np.ndim(value) == 0 and np.isreal(value) and np.isfinite(value)
            if not ok or value < 0.0 or (value == 0.0 and name == "sigma_w"):
                raise ValueError(f"{name}={value!r} must be a finite number {least}.")
        return float(self.sigma_b) ** 2, float(self.sigma_w) ** 2, dual_of(self.activation)

    def __repr__(self):
        return (
            f"{type(self).__name__}(depth={self.depth}, activation={self.activation!r}, "
            f"sigma_w={self.sigma_w:.3g}, sigma_b={self.sigma_b:.3g})"
        )


class NNGP(_InfiniteNetwork):
    r"""Covariance of the outputs of an infinitely wide random network.

    With d columns, :math:`K^0 = \sigma_b^2 + \sigma_w^2\, x \cdot y / d` and for each hidden layer
    :math:`K^{l+1} = \sigma_b^2 + \sigma_w^2\, E\, \varphi(u) \varphi(v)` with (u, v) Gaussian of
    covariance :math:`K^l` [1]_. It is the prior of a Bayesian network whose weights have variance
    :math:`\sigma_w^2` / fan-in and whose biases have variance :math:`\sigma_b^2`.

    Parameters
    ----------
    depth : int >= 1, default=2
        Hidden layers.
    activation : str, callable or (callable, callable), default='relu'
        'relu', 'leaky_relu' (slope 0.01), 'erf', 'sin' and 'cos' have closed forms; 'tanh',
        'sigmoid', 'gelu', 'silu' and 'softplus', a function of arrays, or a pair of a function
        and its derivative are expanded in Hermite polynomials (see Notes).
    sigma_w : float > 0, default=√2
        Standard deviation of a weight times the root of its fan-in. √2 keeps the variance from
        layer to layer for 'relu'.
    sigma_b : float >= 0, default=1.0
        Standard deviation of a bias. Zero is a network without biases, and is not optimised.
    sigma_w_bounds, sigma_b_bounds : pair of floats > 0 or "fixed", default=(1e-2, 1e2), (1e-3, 1e2)

    See Also
    --------
    NTK : The kernel of the same network trained by gradient descent.

    Notes
    -----
    Angles between points are formed from differences of unit vectors, never as acos of a rounded
    cosine, so that they are accurate to some 1e-15 also between points that nearly coincide.

    The Hermite series has 256 terms at most, and stops where they are below rounding. Its error
    relative to :math:`\sqrt{K_{xx} K_{yy}}` is about 1e-14 for smooth activations of standardised
    columns with ``sigma_w=1``, and grows as inputs grow beyond the scale on which the function
    bends: the series of erf at depth 3 is off by 2e-10 at 1.5 (2e-8 for `NTK`) and by 2e-7 (2e-5)
    at 2. Where more than 1e-6 of a second moment is left out a RuntimeWarning says so with the
    figure. A function without a derivative is differentiated numerically, to about 1e-12, and only
    where it is needed: for gradients, and by `NTK`.

    Columns should be of like scale: standardise them.

    Cost: O(n m (d + depth)) for n by m kernel values; times the number of terms for a series.

    References
    ----------
    .. [1] J. Lee et al., "Deep neural networks as Gaussian processes", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from kernlab.kernels import NNGP
    >>> X = np.linspace(-2, 2, 20)[:, None]
    >>> y = np.sin(2 * X[:, 0])
    >>> gp = GaussianProcessRegressor(NNGP(depth=2), alpha=1e-6).fit(X, y)
    >>> bool(np.max(np.abs(gp.predict(X + 0.05) - np.sin(2 * X[:, 0] + 0.1))) < 0.05)
    True
    """

    _slopes = False

    @staticmethod
    def _fold(total, K, slope):
        return K


class NTK(_InfiniteNetwork):
    r"""Neural tangent kernel: inner product of the gradients of an infinitely wide network.

    :math:`\Theta^0 = K^0` and :math:`\Theta^{l+1} = K^{l+1} + \sigma_w^2\, \Theta^l\, E\,
    \varphi'(u) \varphi'(v)`, with the covariances :math:`K^l` of `NNGP`. A wide network trained to
    convergence by gradient descent on squared error predicts as kernel regression with it does
    [1]_. The network has NTK parameterisation: weights and biases are standard normal, and are
    multiplied by :math:`\sigma_w / \sqrt{\text{fan-in}}` and :math:`\sigma_b` where they are used.

    On tables of features it is as good as a Gaussian kernel that was tuned as well, not better.

    Parameters
    ----------
    depth : int >= 1, default=2
        Hidden layers.
    activation : str, callable or (callable, callable), default='relu'
        As of `NNGP`. Kinks are costlier here, for derivatives jump there: a function with kinks
        other than the two 'relu' will be warned of.
    sigma_w : float > 0, default=√2
        Standard deviation of a weight times the root of its fan-in.
    sigma_b : float >= 0, default=1.0
        Standard deviation of a bias. Zero is a network without biases, and is not optimised.
    sigma_w_bounds, sigma_b_bounds : pair of floats > 0 or "fixed", default=(1e-2, 1e2), (1e-3, 1e2)

    See Also
    --------
    NNGP : The kernel of the random network; its Notes on accuracy and cost hold here.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from kernlab.kernels import NTK
    >>> X, y = load_wine(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SVC(kernel=NTK(depth=2)))
    >>> bool(cross_val_score(model, X, y).mean() > 0.95)
    True
    """

    _slopes = True

    @staticmethod
    def _fold(total, K, slope):
        return K + total * slope


def as_rows(X, name):
    """A finite table of floats."""
    X = np.asarray(X, dtype=float)
    if X.ndim != 2:
        raise ValueError(f"{name} must be two-dimensional, got shape {X.shape}.")
    if not np.all(np.isfinite(X)):
        raise ValueError(f"{name} holds NaN or infinity; drop or impute those rows.")
    return X

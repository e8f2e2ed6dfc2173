"""Stationary kernels that scikit-learn lacks, with its interface: cosines and spectral mixtures."""

# Reference: Wilson, Adams, *Gaussian process kernels for pattern discovery and extrapolation*,
# ICML 2013.

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel, StationaryKernelMixin

_BOUNDS = (1e-5, 1e5)


def _points(X, Y, eval_gradient):
    X = np.atleast_2d(np.asarray(X, dtype=float))
    if Y is None:
        return X, X
    if eval_gradient:
        raise ValueError("Gradient can only be evaluated when Y is None.")
    Y = np.atleast_2d(np.asarray(Y, dtype=float))
    if X.shape[1] != Y.shape[1]:
        raise ValueError(f"X has {X.shape[1]} columns and Y has {Y.shape[1]}; give the same.")
    return X, Y


def _positive(name, value):
    if not (np.all(np.isfinite(value)) and np.all(value > 0.0)):
        raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    return value


class Cosine(StationaryKernelMixin, Kernel):
    r"""Cosine kernel, :math:`k(x, y) = \prod_d \cos(2\pi f_d (x_d - y_d))`.

    Alone it is a pure line; multiplied with another stationary kernel it moves that kernel's
    spectrum to the frequency, as in ``Matern(nu=1.5) * Cosine(12.0)``.

    Parameters
    ----------
    frequency : float or array-like of shape (n_features,), default=1.0
        In cycles per unit of X; positive. One number is that of all columns.
    frequency_bounds : pair of floats > 0 or 'fixed', default=(1e-5, 1e5)

    See Also
    --------
    SpectralMixture : A sum of Gaussian spectra.
    kernlab.gp.MarkovGPRegressor : Linear time for Matérn times cosine.

    Notes
    -----
    Stationary; positive semi-definite in any dimension. O(n m d) time.

    Examples
    --------
    >>> from kernlab.kernels import Cosine
    >>> Cosine(0.5)([[0.0], [1.0]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """

    def __init__(self, frequency=1.0, frequency_bounds=_BOUNDS):
        self.frequency = frequency
        self.frequency_bounds = frequency_bounds

    @property
    def hyperparameter_frequency(self):
        size = np.size(self.frequency)
        if np.ndim(self.frequency):
            return Hyperparameter("frequency", "numeric", self.frequency_bounds, size)
        return Hyperparameter("frequency", "numeric", self.frequency_bounds)

    def __call__(self, X, Y=None, eval_gradient=False):
        """k(X, Y) of shape (n, m), and with ``eval_gradient`` (n, n, n_free) by log frequency."""
        X, Y = _points(X, Y, eval_gradient)
        frequency = _positive("frequency", np.asarray(self.frequency, dtype=float))
        if frequency.size not in (1, X.shape[1]):
            raise ValueError(
                f"frequency has {frequency.size} entries and X has {X.shape[1]} columns; give one "
                "for each, or a number."
            )
        phases = [
            2.0 * np.pi * f * np.subtract.outer(x, y)
            for f, x, y in zip(np.broadcast_to(frequency, X.shape[1]), X.T, Y.T, strict=True)
        ]
        cosines = [np.cos(phase) for phase in phases]
        K = np.prod(cosines, axis=0)
        if not eval_gradient:
            return K
        if self.hyperparameter_frequency.fixed:
            return K, np.empty((*K.shape, 0))
        slopes = np.stack(
            [
                -phase * np.sin(phase) * np.prod(cosines[:j] + cosines[j + 1 :], axis=0)
                for j, phase in enumerate(phases)
            ],
            axis=-1,
        )
        if frequency.size == 1:
            slopes = np.sum(slopes, axis=-1, keepdims=True)
        return K, slopes

    def diag(self, X):
        """Ones, (n,)."""
        return np.ones(len(X))

    def __repr__(self):
        return f"{type(self).__name__}(frequency={np.array2string(np.asarray(self.frequency))})"


class SpectralMixture(StationaryKernelMixin, Kernel):
    r"""Spectral mixture kernel: the sum of Gaussian bumps in frequency.

    .. math::

        k(x, y) = \sum_q w_q \prod_d \exp(-2\pi^2\sigma_{qd}^2\tau_d^2)\cos(2\pi\mu_{qd}\tau_d),
        \qquad \tau = x - y,

    with weights w, frequencies μ and scales σ, the standard deviations of the bumps. Of one column
    it is GPyTorch's kernel of this name with its ``mixture_weights``, ``mixture_means`` and
    ``mixture_scales``; of several, GPyTorch's is the product over columns of sums over components.

    Parameters
    ----------
    weights : array-like of shape (n_components,), default=(1.0,)
        Variances, in squared units of y.
    frequencies : array-like of shape (n_components,) or (n_components, n_features)
        In cycles per unit of X; positive. A trend has one far below one cycle over the data.
    scales : array-like of shape (n_components,) or (n_components, n_features)
        In cycles per unit of X. A component stays in phase over about ``1 / (2 π scale)``.
    weights_bounds, frequencies_bounds, scales_bounds : pair of floats > 0, or pairs, or 'fixed'

    See Also
    --------
    kernlab.gp.SpectralMixtureGPRegressor : Finds frequencies that start it well.
    Cosine : Its factor.

    Notes
    -----
    Stationary. O(n m d n_components) time; the gradient has three numbers per component and pair.
    From a general start its likelihood has many local optima: start the frequencies from the
    data's spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.kernels import SpectralMixture
    >>> kernel = SpectralMixture(weights=(1.0, 0.5), frequencies=(0.1, 2.0), scales=(0.05, 0.01))
    >>> print(np.round(kernel([[0.0]], [[0.0], [0.25]]), 3))
    [[1.5   0.485]]
    """

    def __init__(
        self,
        weights=(1.0,),
        frequencies=(0.1,),
        scales=(0.1,),
        weights_bounds=_BOUNDS,
        frequencies_bounds=_BOUNDS,
        scales_bounds=_BOUNDS,
    ):
        self.weights = weights
        self.frequencies = frequencies
        self.scales = scales
        self.weights_bounds = weights_bounds
        self.frequencies_bounds = frequencies_bounds
        self.scales_bounds = scales_bounds

    def _hyperparameter(self, name):
        bounds = getattr(self, f"{name}_bounds")
        size = np.size(getattr(self, name))
        return Hyperparameter(name, "numeric", bounds, size)

    @property
    def hyperparameter_weights(self):
        return self._hyperparameter("weights")

    @property
    def hyperparameter_frequencies(self):
        return self._hyperparameter("frequencies")

    @property
    def hyperparameter_scales(self):
        return self._hyperparameter("scales")

    @property
    def theta(self):
        """Logarithms of the free hyperparameters: frequencies, scales, then weights."""
        free = [h.name for h in self.hyperparameters if not h.fixed]
        parts = [np.ravel(np.asarray(getattr(self, name), dtype=float)) for name in free]
        return np.log(np.concatenate(parts)) if parts else np.array([])

    @theta.setter
    def theta(self, theta):
        theta = np.asarray(theta, dtype=float)
        free = [h for h in self.hyperparameters if not h.fixed]
        if len(theta) != sum(h.n_elements for h in free):
            raise ValueError(
                f"theta has not the correct number of entries: {len(theta)}, expected "
                f"{sum(h.n_elements for h in free)}."
            )
        start = 0
        for h in free:
            values = np.exp(theta[start : start + h.n_elements])
            setattr(self, h.name, values.reshape(np.shape(getattr(self, h.name))))
            start += h.n_elements

    def _mixture(self, n_features):
        """Weights (Q,), frequencies and scales (Q, d)."""
        weights = _positive("weights", np.atleast_1d(np.asarray(self.weights, dtype=float)))
        if weights.ndim != 1:
            raise ValueError(f"weights must have shape (n_components,), got {weights.shape}.")
        tables = []
        for name in ("frequencies", "scales"):
            value = _positive(name, np.atleast_1d(np.asarray(getattr(self, name), dtype=float)))
            if value.shape == weights.shape and n_features == 1:
                value = value[:, None]
            if value.shape != (len(weights), n_features):
                raise ValueError(
                    f"{name} has shape {value.shape}; {len(weights)} weights and X with "
                    f"{n_features} columns need ({len(weights)}, {n_features})."
                )
            tables.append(value)
        return weights, *tables

    def __call__(self, X, Y=None, eval_gradient=False):
        """k(X, Y) of shape (n, m), and with ``eval_gradient`` (n, n, n_free) by log parameter."""
        X, Y = _points(X, Y, eval_gradient)
        d = X.shape[1]
        weights, frequencies, scales = self._mixture(d)
        lags = [np.subtract.outer(x, y) for x, y in zip(X.T, Y.T, strict=True)]
        K = np.zeros((len(X), len(Y)))
        slopes: dict[str, list] = {name: [] for name in ("frequencies", "scales", "weights")}
        for w, mu, sigma in zip(weights, frequencies, scales, strict=True):
            exponent = sum((s * lag) ** 2 for s, lag in zip(sigma, lags, strict=True))
            envelope = w * np.exp(-2.0 * np.pi**2 * exponent)
            phases = [2.0 * np.pi * f * lag for f, lag in zip(mu, lags, strict=True)]
            cosines = [np.cos(phase) for phase in phases]
            term = envelope * np.prod(cosines, axis=0)
            K += term
            if not eval_gradient:
                continue
            slopes["weights"].append(term)
            for j in range(d):
                others = np.prod(cosines[:j] + cosines[j + 1 :], axis=0)
                slopes["frequencies"].append(-envelope * others * phases[j] * np.sin(phases[j]))
                slopes["scales"].append(-4.0 * np.pi**2 * (sigma[j] * lags[j]) ** 2 * term)
        if not eval_gradient:
            return K
        free = [part for h in self.hyperparameters if not h.fixed for part in slopes[h.name]]
        return K, np.stack(free, axis=-1) if free else np.empty((*K.shape, 0))

    def diag(self, X):
        """The sum of the weights, (n,)."""
        return np.full(len(X), float(np.sum(self.weights)))

    def spectral_density(self, frequencies):
        """The two-sided power spectrum in one dimension, in squared units of y per cycle.

        Parameters
        ----------
        frequencies : array-like of shape (n,)
            In cycles per unit of X.

        Returns
        -------
        density : ndarray of shape (n,)
            Its integral over the real line is the variance, the sum of the weights.
        """
        weights, mu, sigma = self._mixture(1)
        f = np.asarray(frequencies, dtype=float)[..., None]
        bumps = 0.0
        for sign in (1.0, -1.0):
            bumps = bumps + np.exp(-0.5 * ((f - sign * mu[:, 0]) / sigma[:, 0]) ** 2)
        return np.sum(0.5 * weights * bumps / (np.sqrt(2.0 * np.pi) * sigma[:, 0]), axis=-1)

    def __repr__(self):
        parts = ", ".join(
            f"{name}={np.array2string(np.asarray(getattr(self, name)), precision=3)}"
            for name in ("weights", "frequencies", "scales")
        )
        return f"{type(self).__name__}({parts})"

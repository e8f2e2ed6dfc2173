"""Where a kernel density estimate changes its nature as the dimension grows.

For ``n = exp(αd)`` normal points in ``d`` dimensions, write ``E = |x - y|²/2d`` for the distance of
a point from a query and ``κ_h(E)`` for ``-log K / d``. A fraction ``exp(-d·I(E))`` of the points
lies within ``E``, so the nearest is at ``E_c`` with ``I(E_c) = α``. Near it the terms of the sum
have the Pareto tail of index ``μ(h) = λ_c / κ_h'(E_c)``, where ``λ = -I'``: the sum is normal for
``μ > 2``, stable with index ``μ`` between 1 and 2, and carried by the nearest few below 1.

Everything here is a function of ``λ``, held as a logarithm, and of the eigenvalues ``s`` of the
covariance in units of the largest.
"""

# Reference: Biroli and Mézard, *Kernel Density Estimators in Large Dimensions*, arXiv 2408.05807.

import math
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kernlab.kernels._profiles import PROFILES, profile_of


@dataclass(frozen=True, eq=False)
class KDEThresholds:
    """Bandwidths at which a kernel density estimate of normal data changes its nature.

    Made by :func:`kde_thresholds`. Bandwidths are in the units of the data, each of the shape of
    ``alpha``.

    Attributes
    ----------
    alpha : float or ndarray
        ``log(n_samples) / n_features``.
    kernel : str
    n_features : int or None
        None for the Gaussian kernel of a spectrum alone, whose thresholds do not depend on it.
    h_clt : float or ndarray
        Below it the error at a query is not normal: the stable index is 2.
    h_g : float or ndarray
        Below it a few points carry the estimate, however many there are: the stable index is 1.
    h_kl : float or ndarray
        Bandwidth of the least Kullback-Leibler divergence of the estimate from the density.
    """

    alpha: float | np.ndarray
    kernel: str
    n_features: int | None
    h_clt: float | np.ndarray
    h_g: float | np.ndarray
    h_kl: float | np.ndarray
    _spectrum: "_Spectrum" = field(repr=False)
    _log_rate: float | np.ndarray = field(repr=False)  # log λ_c, in units of 1/s_max

    def stable_index(self, h):
        """Index ``μ`` of the Pareto tail of the terms.

        Below 1 the weights of the points at a query are those of Poisson and Dirichlet, and the
        mean of ``Σ p_j²`` is ``1 - μ``.

        Parameters
        ----------
        h : float or array-like
            Bandwidths; they broadcast with ``alpha``.

        Returns
        -------
        mu : float or ndarray
            For kernels of bounded support 0 where they reach no point, infinite beyond.
        """
        h = _positive("h", h)
        _, log_energy = self._spectrum.at(self._log_rate)
        log_x = math.log(2 * self._d) + log_energy - 2 * self._log_in_units(h)
        if profile_of(self.kernel).bounded:
            return _plain(np.where(log_x < 0, np.inf, 0.0))
        rate_energy, _ = self._spectrum.at(self._log_rate)
        return _plain(self._d * rate_energy / _steepness(self.kernel, log_x))

    def typical_log_density(self, h):
        """Mean log density of a fresh point under the estimate, for each feature.

        This is ``E log ρ̂_h(y) / d`` in the limit, the negative of the divergence up to a constant;
        its maximum is at ``h_kl``. Below ``h_g`` it departs from :meth:`smoothed_log_density`.

        Parameters
        ----------
        h : float or array-like
            Bandwidths; they broadcast with ``alpha``.

        Returns
        -------
        log_density : float or ndarray
        """
        h = _positive("h", h)
        alpha, log_rate, h = np.broadcast_arrays(self.alpha, self._log_rate, h)
        frozen = np.asarray(self.stable_index(h)) < 1
        smoothed = np.asarray(self.smoothed_log_density(h))
        _, log_energy = self._spectrum.at(log_rate)
        log_x = math.log(2 * self._d) + log_energy - 2 * self._log_in_units(h)
        condensed = self._log_kernel(log_x) - alpha - self._log_volume(h)
        return _plain(np.where(frozen, condensed, smoothed))

    def smoothed_log_density(self, h):
        """Log of the density smoothed by the kernel, at a typical point, for each feature.

        This is ``log E ρ̂_h(y) / d``, with the mean over data sets: rare ones with a point very near
        the query decide it where ``h < h_g``, and no single estimate comes near it.

        Parameters
        ----------
        h : float or array-like

        Returns
        -------
        log_density : float or ndarray
        """
        h = _positive("h", h)
        log_h = self._log_in_units(h)
        log_rate = np.vectorize(self._saddle, otypes=[float])(log_h)
        _, log_energy = self._spectrum.at(log_rate)
        log_kernel = self._log_kernel(math.log(2 * self._d) + log_energy - 2 * log_h)
        return _plain(log_kernel - self._spectrum.rate_function(log_rate) - self._log_volume(h))

    @property
    def _d(self):
        return self.n_features or 1

    def _log_in_units(self, h):
        return np.log(h) - self._spectrum.log_unit / 2

    def _log_volume(self, h):
        return np.log(h) + profile_of(self.kernel).log_normalizer(self._d) / self._d

    def _log_kernel(self, log_x):
        profile = profile_of(self.kernel)
        if profile.bounded:  # a power of d inside the support, which is nothing to the exponential
            return np.where(log_x > 1e-9, -np.inf, 0.0)
        return profile.log_values(np, np.exp(log_x)) / self._d

    def _saddle(self, log_h):
        """The ``log λ`` of the points that carry the smoothed density."""
        log_reach = math.log(2 * self._d) - 2 * log_h

        if profile_of(self.kernel).bounded:
            if self._spectrum.at(-np.inf)[1] + log_reach <= 0:
                return -np.inf  # the support reaches all points
            return _root(lambda t: -self._spectrum.at(t)[1] - log_reach, 0.0)

        def excess(log_rate):
            rate_energy, log_energy = self._spectrum.at(log_rate)
            steepness = _steepness(self.kernel, log_reach + log_energy)
            return np.log(self._d * rate_energy) - np.log(steepness)

        return _root(excess, -2 * log_h)


def kde_thresholds(alpha, *, eigvals=None, kernel="gaussian", n_features=None):
    """Bandwidths at which a kernel density estimate of normal data changes its nature.

    For ``exp(alpha * d)`` normal points in a large dimension ``d`` there are three regimes [1]_.
    Above ``h_clt`` the estimate at a point has a normal error; between ``h_g`` and ``h_clt`` it
    converges, with the error of a stable law; below ``h_g`` a few points carry it. The bandwidth of
    the least Kullback-Leibler divergence lies in the last.

    Parameters
    ----------
    alpha : float or array-like
        ``log(n_samples) / n_features``, positive.
    eigvals : array-like of shape (n_eigvals,), default=None
        Eigenvalues of the covariance, or any sample of its spectrum, in squared units of the data;
        None is the unit matrix. An eigenvalue of zero is a direction in which nothing moves: it
        adds nothing to any distance, but it counts in the dimension, ``alpha`` and the kernel's
        normaliser.
    kernel : str, default='gaussian'
        A name of :data:`kernlab.kernels.PROFILES`. For kernels of bounded support all three are the
        radius that reaches the nearest point.
    n_features : int, default=None
        Dimension. Kernels other than the Gaussian need it, for their width in units of distance
        grows otherwise than the square root of the dimension; None is the number of ``eigvals``.

    Returns
    -------
    thresholds : KDEThresholds
        With ``h_clt``, ``h_g``, ``h_kl`` and the methods ``stable_index``, ``typical_log_density``
        and ``smoothed_log_density`` of a bandwidth.

    Raises
    ------
    ValueError
        For values out of range, and for thresholds outside the range of floating point.

    Notes
    -----
    With ``g(x) = -x d(log K)/dx`` of ``x = (r/h)²``, taken at the nearest point, the index is
    ``μ = d λ_c E_c / g``, and ``h_kl`` is where ``g = d/2``: there ``μ = 2 λ_c E_c`` whatever the
    kernel, and this is below 1 for every covariance. For the Gaussian kernel ``h_g² = 1/λ_c``,
    ``h_clt² = 2/λ_c`` and ``h_kl² = 2 E_c``.

    These are limits. At 20 to 100 dimensions and 20,000 points ``h_g`` is some 7 to 12 % higher
    than its limit, and at 100 dimensions and ``alpha`` 0.3 ``h_kl`` 5 % higher for the Gaussian
    and the exponential kernel alike; ``KernelDensity.regime`` measures both on data. The cost is a
    few dozen passes over ``eigvals`` for each ``alpha``.

    References
    ----------
    .. [1] G. Biroli, M. Mézard, "Kernel Density Estimators in Large Dimensions",
       arXiv:2408.05807.

    Examples
    --------
    >>> from kernlab.density import kde_thresholds
    >>> limits = kde_thresholds(0.3)
    >>> round(limits.h_clt, 4), round(limits.h_g, 4), round(limits.h_kl, 4)
    (1.2272, 0.8677, 0.7836)
    >>> round(limits.stable_index(limits.h_kl), 4)
    0.8155
    """
    alpha = _positive("alpha", alpha)
    refuse_heavy_tails(kernel)
    if kernel not in PROFILES:
        raise ValueError(f"kernel={kernel!r} is not one of {', '.join(PROFILES)}.")
    if n_features is not None and (
        isinstance(n_features, bool) or not isinstance(n_features, Integral) or n_features < 1
    ):
        raise ValueError(f"n_features={n_features!r} is not a positive integer.")
    spectrum = _Spectrum.of(eigvals)
    if n_features is None and kernel != "gaussian":
        if eigvals is None:
            raise ValueError(
                f"the thresholds of kernel={kernel!r} depend on the dimension; give n_features."
            )
        n_features = len(spectrum.log_eigvals)

    d = n_features or 1
    log_rate = np.vectorize(spectrum.solve, otypes=[float])(alpha)
    rate_energy, log_energy = spectrum.at(log_rate)
    # Half the logarithm of 2dE_c: the distance of the nearest point.
    log_nearest = (math.log(2 * d) + log_energy + spectrum.log_unit) / 2

    def bandwidth(steepness):
        if profile_of(kernel).bounded:
            log_h = log_nearest
        else:
            invert = np.vectorize(lambda g: _steepness_inverse(kernel, g), otypes=[float])
            log_h = log_nearest - invert(steepness) / 2
        with np.errstate(over="ignore", under="ignore"):
            h = np.exp(log_h)
        if not np.all((h > 0) & np.isfinite(h)):
            raise ValueError(
                f"alpha={alpha!r} puts a threshold outside the range of floating point, at "
                f"exp({float(np.ravel(log_h)[np.argmax(np.abs(np.ravel(log_h)))]):.4g})."
            )
        return _plain(h)

    return KDEThresholds(
        alpha=_plain(alpha),
        kernel=kernel,
        n_features=None if n_features is None else int(n_features),
        h_clt=bandwidth(d * rate_energy / 2),
        h_g=bandwidth(d * rate_energy),
        h_kl=bandwidth(np.full_like(rate_energy, d / 2)),
        _spectrum=spectrum,
        _log_rate=_plain(log_rate),
    )


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Eigenvalues in units of the largest, as logarithms, so that no spread overflows."""

    log_eigvals: np.ndarray
    log_unit: float

    @classmethod
    def of(cls, eigvals):
        if eigvals is None:
            return cls(np.zeros(1), 0.0)
        try:
            eigvals = np.asarray(eigvals, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"eigvals={eigvals!r} is not numeric ({error}).") from error
        if eigvals.ndim != 1 or eigvals.size == 0:
            raise ValueError(f"eigvals has shape {eigvals.shape}; give a vector of one or more.")
        if not (np.all(np.isfinite(eigvals)) and np.min(eigvals) >= 0):
            raise ValueError(
                "eigvals are variances, finite and not negative; got values from "
                f"{np.min(eigvals):.6g} to {np.max(eigvals):.6g}."
            )
        if not np.max(eigvals) > 0:
            raise ValueError("eigvals are all zero: the data is a single point.")
        with np.errstate(divide="ignore"):
            log_eigvals = np.log(eigvals)
        return cls(log_eigvals - np.max(log_eigvals), float(np.max(log_eigvals)))

    def at(self, log_rate):
        """``λE`` and ``log E`` at a ``log λ`` of any shape."""
        log_rate = np.asarray(log_rate, dtype=np.float64)
        if log_rate.ndim == 0 and log_rate == -np.inf:
            return 0.0, float(np.log(np.mean(np.exp(self.log_eigvals))))
        t = log_rate[..., None] + self.log_eigvals
        # λE = ½ mean[t/(1+t) + t/(1+t)²] of t = λs
        rate_energy = np.mean(expit(t) * (1 + expit(-t)), axis=-1) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            log_energy = np.log(rate_energy) - log_rate
        everywhere = np.log(np.mean(np.exp(self.log_eigvals)))
        return rate_energy, np.where(log_rate == -np.inf, everywhere, log_energy)

    def rate_function(self, log_rate):
        """``I = ½ mean[log(1+t) - t/(1+t)²]`` of ``t = λs``."""
        t = np.asarray(log_rate, dtype=np.float64)[..., None] + self.log_eigvals
        return np.mean(np.logaddexp(0, t) - expit(t) * expit(-t), axis=-1) / 2

    def solve(self, alpha):
        """The ``log λ_c`` of ``I = alpha``."""
        return _root(lambda t: self.rate_function(t) - alpha, math.log(alpha) / 2)


def refuse_heavy_tails(kernel):
    """Refuse kernels whose steepness is bounded, so that some thresholds exist at no bandwidth."""
    if profile_of(kernel).heavy_tailed:
        raise ValueError(
            f"kernel={kernel!r} falls like a power of the distance, and its regime depends on the "
            "data far more than on the bandwidth: it has no thresholds. Use another kernel, or "
            "look at effective_samples."
        )


def _steepness(kernel, log_x):
    """``g(x) = -x d(log K)/dx`` of a kernel that never vanishes, by a complex step: exact."""
    x = np.exp(np.asarray(log_x, dtype=np.float64))
    step = 1e-30
    return -profile_of(kernel).log_values(np, x * (1 + 1j * step)).imag / step


def _steepness_inverse(kernel, steepness):
    """The ``log x`` at which the steepness, which grows with ``x``, has a value."""
    log_target = math.log(steepness)
    return _root(lambda t: np.log(_steepness(kernel, t)) - log_target, log_target)


def _root(increasing, start, tolerance=1e-13):
    """Root of an increasing function of one number, from steps that double about a start."""
    low = high = start
    value, step = increasing(start), 1.0
    if value > 0:
        while value > 0:
            high, low, step = low, low - step, 2 * step
            value = increasing(low)
    else:
        while value < 0:
            low, high, step = high, high + step, 2 * step
            value = increasing(high)
    return start if low == high else brentq(increasing, low, high, xtol=tolerance, rtol=1e-14)


def _positive(name, value):
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}={value!r} is not numeric ({error}).") from error
    if not (array.size and np.all((array > 0) & np.isfinite(array))):
        raise ValueError(f"{name}={value!r} is not positive and finite.")
    return array


def _plain(value):
    """A float for a number, the array otherwise."""
    return float(value) if np.ndim(value) == 0 else value

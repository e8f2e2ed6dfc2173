"""Student-t spectral mixtures for a u'' + b u' + c u = f on an interval, in linear time."""

# References: Särkkä, Solin, *Applied stochastic differential equations*, 2019, chapter 12; Wilson,
# Adams, *Gaussian process kernels for pattern discovery*, ICML 2013 (spectral mixtures); Journel,
# Huijbregts, *Mining geostatistics*, 1978, section VII.A (conditional simulation).
#
# u is a sum of Matérn-5/2 processes times cosines. Their spectra are Student-t densities of five
# degrees of freedom about the lines; their states hold u, u' and u'', so that the equation and the
# boundary values are linear functionals of the state, and the filter conditions on them in turn.

import math
import warnings
from dataclasses import replace

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning

from kernlab.gp._markov import MarkovProcess, MaternComponent, Observations
from kernlab.pde._misfit import neighbour_correlation, neighbour_pairs, warn_of_misfit
from kernlab.pde._prior import AxisMixture

# Noise variances that stand for exact data, in the units of the fit: without any the filter would
# have nothing to divide by where data repeat one another.
_LEAST_NOISE = 1e-18
_LEAST_EDGE_NOISE = 1e-26
_MAX_ITERATIONS = 200
# Of each start, before the better one goes on.
_FIRST_ITERATIONS = 25
# Length scales in units of the interval. Beyond the longest a component claims to know its
# frequency better than the evidence's maximum does, and the posterior is too sure.
_LENGTH_SCALES = (0.02, 30.0)


def fit_state_space(
    x, y, low, high, a=1.0, b=0.0, c=0.0, *, boundary=(0.0, 0.0), boundary_noise=0.0,
    frequencies=(), alpha="fit",
):  # fmt: skip
    """Fit a Gaussian process u to noisy values of ``a u'' + b u' + c u`` and to its values at ends.

    Parameters
    ----------
    x : (n,) array
        Points of [low, high], in any order.
    y : (n,) array
        Values of the source there.
    low, high : float
        The interval.
    a, b, c : float
        Coefficients of the operator; ``a`` is not zero.
    boundary : (float, float)
        Values of u at both ends.
    boundary_noise : float >= 0
        Their noise variance; zero stands for exact values.
    frequencies : sequence of float > 0
        Lines of the solution, in radians per unit of x. Each makes a component whose frequency may
        move by half a wave over the interval; a component without a frequency is always there.
    alpha : 'fit', float or (n,) array >= 0
        Noise variance of ``y``; zero stands for exact values.

    Returns
    -------
    StateSpacePosterior

    Raises
    ------
    ValueError
        If shapes differ, something is not finite or out of range, or a point lies outside.

    Warns
    -----
    ConvergenceWarning
        If the search for the evidence's maximum stopped early, if the learned noise explains the
        data, or if the residuals of neighbours correlate.

    Notes
    -----
    The evidence costs O(n D²) operations with D = 3 + 6 len(frequencies). Its maximum is sought
    from two starts, with all components alike and with little trend.

    Under this prior u'' is continuous and nowhere smooth. Where the true source is smooth and its
    noise small, the fit takes part of the noise for roughness: ``noise`` comes out too low (by
    0.6 in the standard deviation where noise was 0.2 per cent of a source of 200 points).

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde._state_space import fit_state_space
    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(0, 1, 200)
    >>> y = -400 * np.sin(20 * x) + rng.normal(scale=4.0, size=200)
    >>> posterior = fit_state_space(x, y, 0, 1, boundary=(0, np.sin(20)), frequencies=[20])
    >>> mean, std = posterior.predict(np.array([[0.3]]), return_std=True)
    >>> bool(abs(mean[0] - np.sin(6)) < 3 * std[0]), bool(std[0] < 0.01)
    (True, True)
    """
    fit = _Fit(x, y, (low, high), (a, b, c), boundary, boundary_noise, frequencies, alpha)
    return fit.run()


def _numbers(name, values, shape=(), least=-math.inf):
    values = np.asarray(values, dtype=float)
    if values.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {values.shape}.")
    if not (np.isfinite(values).all() and np.all(values >= least)):
        bound = f" and at least {least:g}" if least > -math.inf else ""
        bad = values[~(np.isfinite(values) & (values >= least))].ravel()[0]
        raise ValueError(f"{name} must be finite{bound}, got {bad!r}.")
    return values


class _Fit:
    """The fit in units where the interval is [0, 1] and the source has mean square one."""

    def __init__(self, x, y, ends, operator, boundary, boundary_noise, frequencies, alpha):
        self.low, self.high = (float(_numbers("low and high", end)) for end in ends)
        if not self.low < self.high:
            raise ValueError(f"low must be less than high, got {self.low!r} and {self.high!r}.")
        length = self.high - self.low
        n = np.size(x)
        x, y = _numbers("x", x, (n,)), _numbers("y", y, (n,))
        if n == 0:
            raise ValueError("x is empty; give at least one value of the source.")
        outside = (x < self.low) | (x > self.high)
        if outside.any():
            raise ValueError(f"x holds {x[outside][0]!r}, outside [{self.low!r}, {self.high!r}].")
        a, b, c = (float(_numbers(k, v)) for k, v in zip("abc", operator, strict=True))
        if a == 0.0:
            raise ValueError("a must not be zero: the equation would not be of second order.")
        boundary = _numbers("boundary", boundary, (2,))
        boundary_noise = float(_numbers("boundary_noise", boundary_noise, least=0.0))
        frequencies = np.asarray(frequencies, dtype=float)
        self.lines = _numbers("frequencies", frequencies, (frequencies.size,), 0.0) * length
        largest = float(np.abs(y).max())
        self.scale = largest * float(np.sqrt(np.mean((y / largest) ** 2))) if largest else 1.0
        self.unit = self.scale * length**2 / abs(a)
        self.operator = np.array([c * length**2, b * length, a]) / abs(a)
        self.order = np.argsort(x, kind="stable")
        times = (x[self.order] - self.low) / length
        edges = boundary / self.unit
        # The value at the lower end first, so that times do not descend.
        self.times = np.concatenate([[0.0], times, [1.0]])
        self.values = np.concatenate([edges[:1], y[self.order] / self.scale, edges[1:]])
        self.index = np.concatenate([[0], np.ones(n, dtype=int), [0]])
        self.size = max(1.0, float(np.abs(edges).max()))
        self.edge_noise = max(boundary_noise / self.unit**2, _LEAST_EDGE_NOISE)
        self.learns = isinstance(alpha, str)
        if self.learns:
            if alpha != "fit":
                raise ValueError(f"alpha must be 'fit' or noise variances, got {alpha!r}.")
        else:
            alpha = _numbers("alpha", alpha, () if np.ndim(alpha) == 0 else (n,), 0.0)
            alpha = np.broadcast_to(alpha, (n,))[self.order] / self.scale**2
            self.alpha = np.maximum(alpha, _LEAST_NOISE)

    def model(self, theta):
        """The process, the data and the noise of logarithms of variances, lengths and noise."""
        q = len(self.lines)
        variances, lengths = np.exp(theta[: q + 1]), np.exp(theta[q + 1 : 2 * q + 2])
        lines = [0.0, *(self.lines + theta[2 * q + 2 : 3 * q + 2])]
        process = MarkovProcess(
            MaternComponent(float(v), float(ell), 2.5, max(float(w), 0.0))
            for v, ell, w in zip(variances, lengths, lines, strict=True)
        )
        alpha = np.full(len(self.order), np.exp(theta[-1])) if self.learns else self.alpha
        rows = np.array([process.row(m) for m in range(3)])
        rows = np.array([rows[0], self.operator @ rows])
        noise = np.concatenate([[self.edge_noise], alpha, [self.edge_noise]])
        return process, Observations(self.times, self.values, noise, rows, self.index)

    def objective(self, theta):
        process, data = self.model(theta)
        return -process.log_likelihood(data)

    def starts(self):
        """Equal shares of the source for all components, and one with little trend; bounds."""
        q = len(self.lines)
        lengths = np.full(q + 1, 0.0)
        lengths[0] = math.log(0.5)
        unit = [MarkovProcess([MaternComponent(1.0, math.exp(lengths[0]))])]
        unit += [MarkovProcess([MaternComponent(1.0, 1.0, 2.5, float(w))]) for w in self.lines]
        power = np.empty(q + 1)
        for j, process in enumerate(unit):
            row = sum(c * process.row(m) for m, c in enumerate(self.operator))
            power[j] = process.covariance([0.0], [0.0], row, row)[0, 0]
        variances = np.log(1.0 / (q + 1) / power)
        variances[0] = max(variances[0], 2.0 * math.log(self.size))
        bounds = [(v - 40.0, v + 20.0) for v in variances]
        bounds += [(math.log(_LENGTH_SCALES[0]), math.log(_LENGTH_SCALES[1]))] * (q + 1)
        # Half a wave over the interval, and never as low as the trend.
        bounds += [(max(-math.pi, 0.1 - w), math.pi) for w in self.lines]
        parts = [variances, lengths, np.zeros(q)]
        if self.learns:
            parts.append(np.array([math.log(1e-3)]))
            bounds.append((math.log(_LEAST_NOISE), math.log(4.0)))
        first = np.concatenate(parts)
        second = first.copy()
        second[0] -= 10.0
        return [first, second] if q else [first], bounds

    def minimise(self, start, bounds, iterations):
        options = {"maxiter": iterations, "maxfun": 10**6, "ftol": 1e-6}
        return optimize.minimize(
            self.objective, start, jac="2-point", method="L-BFGS-B", bounds=bounds, options=options
        )

    def run(self):
        starts, bounds = self.starts()
        results = [self.minimise(start, bounds, _FIRST_ITERATIONS) for start in starts]
        best = min(results, key=lambda result: result.fun)
        if not best.success:
            best = self.minimise(best.x, bounds, _MAX_ITERATIONS)
        if not best.success:
            warnings.warn(
                "the search for the evidence's maximum stopped early "
                f"({best.message}); the posterior is that of the best prior found.",
                ConvergenceWarning,
                stacklevel=3,
            )
        process, data = self.model(best.x)
        self._warn(process, data)
        noise = np.exp(best.x[-1]) if self.learns else np.empty_like(self.alpha)
        if not self.learns:
            noise[self.order] = self.alpha
            noise = noise if np.ptp(noise) > 0.0 else noise[0]
        shift = len(self.order) * math.log(self.scale) + 2.0 * math.log(self.unit)
        return StateSpacePosterior(
            process,
            data,
            (self.low, self.high),
            self.unit,
            noise * self.scale**2,
            -float(best.fun) - shift,
            bool(best.success),
        )

    def _warn(self, process, data):
        inside = data.index == 1
        noise, row = data.noise[inside], data.rows[1]
        if noise.min() < 1e-10:
            return
        mean, variance = process.posterior(data, data.times[inside], row)
        rest = (data.values[inside] - mean) / np.sqrt(noise)
        pairs = neighbour_pairs(data.times[inside][:, None])
        found = neighbour_correlation(rest, pairs, float((variance / noise).sum()))
        warn_of_misfit(float(noise[0]) if self.learns else None, *found, stacklevel=4)


class StateSpaceKernel:
    """Prior covariance of u: a sum of Matérn-5/2 kernels times cosines.

    Attributes
    ----------
    components : tuple of MaternComponent
        In the units of x and u.
    axes : list of one AxisMixture
        The same for a reader.
    """

    def __init__(self, process, low, length, unit):
        self._process, self._low, self._length, self._unit = process, low, length, unit
        self.components = tuple(
            replace(
                part,
                variance=part.variance * unit**2,
                length_scale=part.length_scale * length,
                frequency=part.frequency / length,
            )
            for part in process.components
        )
        # k(Δ) of Matérn-5/2 bends like 1 - (5/6) (Δ/ℓ)².
        frequencies, weights, lengths = np.array(
            [(c.frequency, c.variance, c.length_scale) for c in self.components]
        ).T
        self.axes = [AxisMixture(frequencies, weights, np.sqrt(0.6) * lengths, "student-t")]

    def __call__(self, X, Y=None):
        first, second = (
            (np.asarray(Z, dtype=float)[:, 0] - self._low) / self._length
            for Z in (X, X if Y is None else Y)
        )
        return self._unit**2 * self._process.covariance(first, second)

    def diag(self, X):
        return np.full(len(X), sum(part.variance for part in self.components))


class StateSpacePosterior:
    """Posterior of u on an interval; made by :func:`fit_state_space`.

    Attributes
    ----------
    kernel : StateSpaceKernel
    log_evidence : float
        log p of the source's values and of the values at both ends.
    noise : float or (n,) array
        Noise variance of the source.
    params : dict
        Empty: the fit infers no scalars.
    converged : bool
        Whether the evidence's maximum was reached.
    """

    def __init__(self, process, data, ends, unit, noise, log_evidence, converged):
        self._process, self._data, self._unit = process, data, unit
        self.low, self.high = ends
        self.kernel = StateSpaceKernel(process, self.low, self.high - self.low, unit)
        self.noise, self.log_evidence, self.converged = noise, log_evidence, converged
        self.params = {}

    def _points(self, X):
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != 1:
            raise ValueError(f"X must have shape (n, 1), got {X.shape}.")
        x = X[:, 0]
        outside = ~((x >= self.low) & (x <= self.high))
        if outside.any():
            raise ValueError(f"X holds {x[outside][0]!r}, outside [{self.low!r}, {self.high!r}].")
        return (x - self.low) / (self.high - self.low)

    def predict(self, X, return_std=False, return_cov=False):
        """Posterior mean of u, and its standard deviation or covariance.

        Parameters
        ----------
        X : (n, 1) array
            Points of the interval.
        return_std, return_cov : bool
            At most one of them.

        Returns
        -------
        mean : (n,) array
        std or cov : (n,) or (n, n) array
            Of u given the noisy data. A covariance costs one pass of the filter for each point.
        """
        if return_std and return_cov:
            raise ValueError("ask for one of return_std and return_cov.")
        times = self._points(X)
        mean, variance = self._process.posterior(self._data, times)
        mean = self._unit * mean
        if return_cov:
            return mean, self._covariance(times)
        return (mean, self._unit * np.sqrt(variance)) if return_std else mean

    def _covariance(self, times):
        # k(., t) less its own posterior mean, were it the data.
        process, data = self._process, self._data
        cross = np.empty((len(data.times), len(times)))
        for j, row in enumerate(data.rows):
            here = data.index == j
            cross[here] = process.covariance(data.times[here], times, row)
        total = process.covariance(times, times)
        for j in range(len(times)):
            column = replace(data, values=np.ascontiguousarray(cross[:, j]))
            total[:, j] -= process.posterior(column, times)[0]
        return self._unit**2 * 0.5 * (total + total.T)

    def predict_grid(self, axes, return_std=False):
        """As :meth:`predict`, at the coordinates of ``axes``, a list of one array."""
        if len(axes) != 1:
            raise ValueError(f"axes must be a list of one array, got {len(axes)}.")
        return self.predict(np.reshape(axes[0], (-1, 1)), return_std)

    def sample(self, X, n_samples, rng):
        """Exact draws from the posterior, by conditional simulation; linear time for each.

        Parameters
        ----------
        X : (n, 1) array
        n_samples : int
        rng : numpy.random.Generator

        Returns
        -------
        (n, n_samples) array
        """
        times, data = self._points(X), self._data
        joined = np.concatenate([data.times, times])
        order = np.argsort(joined, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        n, value = len(data.times), self._process.row()
        out = np.empty((len(times), n_samples))
        for j in range(n_samples):
            states = self._process.sample(joined[order], rng)[place]
            drawn = (states[:n] * data.rows[data.index]).sum(1)
            drawn += np.sqrt(data.noise) * rng.standard_normal(n)
            rest = replace(data, values=data.values - drawn)
            out[:, j] = states[n:] @ value + self._process.posterior(rest, times)[0]
        return self._unit * out

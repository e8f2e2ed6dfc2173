"""The spectral mixture that makes given coefficients most probable, learned in milliseconds.

The variance of a coefficient is a mixture of products of bumps, one bump for each axis, at the
frequencies of the functions it multiplies. Given independent coefficients the evidence of the
mixture's weights is, but for constants, minus half the Itakura-Saito divergence, which
multiplicative updates raise; a weight that explains nothing falls to zero.
"""

# Reference: Févotte, Bertin and Durrieu, Nonnegative matrix factorization with the Itakura-Saito
# divergence, Neural Computation 21 (2009).

import numpy as np

from kernlab.linalg import apply_along_axes
from kernlab.pde._prior import AxisMixture

# The trend and the components of no line, an octave apart, are so wide as half their frequency.
_OCTAVE, _WIDTH = 2.0, 0.5
# Updates: as many as so many operations allow, within bounds; and the gain of the evidence, per
# coefficient, at which they stop.
_WORK, _FEWEST, _MOST, _GAIN = 4e7, 12, 400, 1e-5
# Relative part of the coefficients that the posterior mean may lose to a prior that misses it.
_KEPT = 1e-9
# √(variance) of the density of a line of unit width.
SPREAD = {"gaussian": 1.0, "student-t": np.sqrt(5.0 / 3.0)}


def axis_frequencies(axis):
    """Angular frequency that each function of an axis stands for, (n,)."""
    if axis.modes is not None:
        return np.sqrt(np.maximum(axis.modes, 0.0))
    return axis.factor.frequencies[axis.factor.n_features - axis.n :]


def components(omega, length, lines):
    """Frequencies and widths of a trend, of lines, and of octaves up to the last function.

    Parameters
    ----------
    omega : array of shape (n,)
        Frequencies of the functions.
    length : float
        Of the axis: no component is narrower than the spacing of frequencies, π / length.
    lines : array of frequencies

    Returns
    -------
    frequencies, widths : arrays of shape (n_components,)
        The trend, the octaves, then the lines.
    """
    spacing, top = np.pi / length, np.max(omega)
    n_octaves = int(np.ceil(np.log2(max(top / spacing, 1.0)))) + 1
    octaves = spacing * _OCTAVE ** np.arange(1, n_octaves)
    lines = np.asarray(lines, dtype=float)
    lines = lines[(lines > 0) & (lines <= top)]
    frequencies = np.concatenate([[0.0], octaves, lines])
    widths = np.concatenate([[spacing], _WIDTH * octaves, np.full(len(lines), spacing)])
    return frequencies, widths


def bumps(omega, frequencies, widths, spectrum):
    """Each component's spectrum at frequencies, one at its middle, (n, n_components)."""
    r2 = ((omega[:, None] - frequencies) / widths) ** 2
    return np.exp(-0.5 * r2) if spectrum == "gaussian" else (1 + r2 / 5) ** -3


def fit_weights(power, background, tables):
    """Weights of products of bumps under which coefficients of given squares are most probable.

    Parameters
    ----------
    power : array of shape (n_1, ..., n_d)
        Squares of the coefficients.
    background : array of the same shape
        Variance that they have beside the mixture's, from noise.
    tables : sequence of arrays of shape (n_k, n_components_k)

    Returns
    -------
    weights : array of shape (n_components_1, ..., n_components_d)
    evidence : float
        Log density of the coefficients but for a constant.

    Notes
    -----
    Some ten passes over the coefficients and 2 d products with the tables an update.
    """
    back = [table.T for table in tables]
    counts = apply_along_axes(back, np.ones_like(power))
    weights = apply_along_axes(back, power) / np.where(counts > 0, counts, 1.0)
    evidence = -np.inf
    for _ in range(int(np.clip(_WORK / power.size, _FEWEST, _MOST))):
        inverse = 1 / (apply_along_axes(tables, weights) + background)
        ratio = power * inverse
        previous, evidence = evidence, 0.5 * float(np.sum(np.log(inverse) - ratio))
        if evidence - previous < _GAIN * power.size:
            break
        need = apply_along_axes(back, ratio * inverse)
        have = apply_along_axes(back, inverse)
        weights *= need / np.where(have > 0, have, np.inf)
    return weights, evidence


class FittedMixture:
    """The mixture fitted to the coefficients of one field.

    Parameters
    ----------
    axes : sequence of Axis
    lines : sequence of arrays
        Frequencies of the lines along each axis.
    coefficients : array of shape (n_1, ..., n_d)
        Of order one.
    background : array of the same shape
        Their variance from noise.
    spectra : sequence of {'gaussian', 'student-t'}
        Shapes of the lines to choose from.

    Attributes
    ----------
    spectrum : {'gaussian', 'student-t'}
        That of more evidence, of those whose posterior mean keeps the coefficients.
    variances : array of shape (n_1, ..., n_d)
    """

    def __init__(self, axes, lines, coefficients, background, spectra=tuple(SPREAD)):
        self._axes = axes
        omega = [axis_frequencies(axis) for axis in axes]
        self._components = [
            components(w, axis.factor.high - axis.factor.low, found)
            for w, axis, found in zip(omega, axes, lines, strict=True)
        ]
        size = np.linalg.norm(coefficients)
        best = None
        for spectrum in spectra:
            tables = [
                bumps(w, frequencies, widths, spectrum)
                for w, (frequencies, widths) in zip(omega, self._components, strict=True)
            ]
            weights, evidence = fit_weights(coefficients**2, background, tables)
            variances = apply_along_axes(tables, weights)
            lost = np.linalg.norm(coefficients * (background / (variances + background)))
            rank = (-max(lost, _KEPT * size), evidence)
            if best is None or rank > best:
                best, self.spectrum, self.variances = rank, spectrum, variances
                self._tables, self._weights = tables, weights

    def describe(self, scale=1.0):
        """An ``AxisMixture`` for each axis; its weights are variances of u, mean over the box."""
        means = [
            table.T @ (np.sum(axis.basis**2, axis=0) / (axis.factor.high - axis.factor.low))
            for table, axis in zip(self._tables, self._axes, strict=True)
        ]
        described = []
        for d, (frequencies, widths) in enumerate(self._components):
            others: list = [mean[None] for mean in means]
            others[d] = np.diag(means[d])
            weights = apply_along_axes(others, self._weights).ravel()
            scales = 1 / (SPREAD[self.spectrum] * widths)
            described.append(AxisMixture(frequencies, scale**2 * weights, scales, self.spectrum))
        return described

"""scikit-learn kernels as sums of Matérn processes times cosines, differentiable."""

# A kernel is expanded into a sum of products, each of constants, of one Matérn kernel at most and
# of cosines; and products of cosines into sums of cosines. Every number of a component is then a
# product or a sum of hyperparameters, whose places in the kernel's theta go along.

import itertools
import math
from dataclasses import dataclass

import numpy as np
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, Product, Sum, WhiteKernel

from kernlab.gp._base import split_noise
from kernlab.gp._markov import MaternComponent
from kernlab.kernels import Cosine


@dataclass(frozen=True)
class _Number:
    """A hyperparameter and its place in theta; None where it is fixed."""

    value: float
    place: int | None


@dataclass(frozen=True)
class _Term:
    """A product: constants, the length scale and ν of a Matérn kernel, and frequencies."""

    constants: tuple = ()
    length_scale: _Number | None = None
    nu: float | None = None
    frequencies: tuple = ()

    def __mul__(self, other):
        if self.nu is not None and other.nu is not None:
            raise ValueError(
                "a product of two Matern kernels is no Markov process of a small state; use their "
                "sum, or Matern * Cosine."
            )
        first = self if self.nu is not None else other
        return _Term(
            self.constants + other.constants,
            first.length_scale,
            first.nu,
            self.frequencies + other.frequencies,
        )


@dataclass(frozen=True)
class StateSpaceModel:
    """A kernel as a Markov process observed with noise, and how theta moves it.

    Attributes
    ----------
    components : list of MaternComponent
        In units of time of the caller's.
    noise : float
        Variance.
    """

    components: list
    noise: float
    _parts: list
    _noises: list
    _n_places: int
    _unit: float

    def gradient(self, by_component, by_noise):
        """Derivatives by theta from those by the components and the noise.

        Parameters
        ----------
        by_component : (n_components, 3) array
            By log length scale, frequency and log variance, as from `MarkovProcess.score`.
        by_noise : float
            By log noise.

        Returns
        -------
        (n_dims,) array
        """
        # The last place collects what is fixed.
        total = np.zeros(self._n_places + 1)
        fixed = self._n_places
        for (term, signs, turn), (by_length, by_frequency, by_variance) in zip(
            self._parts, by_component, strict=True
        ):
            for number in term.constants:
                total[fixed if number.place is None else number.place] += by_variance
            if term.length_scale is not None:
                place = term.length_scale.place
                total[fixed if place is None else place] += by_length
            for number, sign in zip(term.frequencies, signs, strict=True):
                moved = turn * sign * 2.0 * math.pi * number.value * self._unit
                total[fixed if number.place is None else number.place] += moved * by_frequency
        for number in self._noises:
            if number.place is not None:
                total[number.place] += by_noise * number.value / self.noise
        return total[:-1]


def state_space_model(kernel, unit=1.0, variance_unit=1.0):
    """The Markov process of a scikit-learn kernel of one coordinate.

    Parameters
    ----------
    kernel : sklearn Kernel
        Sums and products of ConstantKernel, Matern of ν = ½, 3/2 or 5/2, `kernlab.kernels.Cosine`,
        with WhiteKernel as a summand.
    unit, variance_unit : float > 0
        Units of time and of variance of the components and the noise.

    Returns
    -------
    StateSpaceModel

    Raises
    ------
    ValueError
        If the kernel is not such a process, or has no part but noise; the message names the part
        and a remedy.

    Notes
    -----
    A product of c cosines has 2^(c-1) components.
    """
    split_noise(kernel)
    terms, noises = _expand(kernel, 0)
    if not terms:
        raise ValueError("kernel has no part but noise; add a Matern to the WhiteKernel.")
    components, parts = [], []
    for term in terms:
        count = len(term.frequencies)
        variance = 1.0
        for number in term.constants:
            variance *= number.value
        # cos a cos b is half of cos(a + b) and half of cos(a - b).
        for tail in itertools.product((1.0, -1.0), repeat=max(count - 1, 0)):
            signs = (1.0, *tail)[:count]
            frequency = sum(s * f.value for s, f in zip(signs, term.frequencies, strict=True))
            components.append(
                MaternComponent(
                    variance / 2.0 ** len(tail) / variance_unit,
                    math.inf if term.length_scale is None else term.length_scale.value / unit,
                    term.nu or 0.5,
                    2.0 * math.pi * abs(frequency) * unit,
                )
            )
            parts.append((term, signs, math.copysign(1.0, frequency)))
    noise = sum(number.value for number in noises) / variance_unit
    shown = [_Number(n.value / variance_unit, n.place) for n in noises]
    return StateSpaceModel(components, noise, parts, shown, kernel.n_dims, unit)


def _expand(kernel, first):
    """Terms of a kernel whose theta begins at ``first``, and the numbers of its noise."""
    if isinstance(kernel, Sum | Product):
        left = _expand(kernel.k1, first)
        right = _expand(kernel.k2, first + kernel.k1.n_dims)
        if isinstance(kernel, Sum):
            return left[0] + right[0], left[1] + right[1]
        return [a * b for a in left[0] for b in right[0]], []
    if isinstance(kernel, WhiteKernel):
        return [], [_number(kernel, "noise_level", first)]
    if isinstance(kernel, ConstantKernel):
        return [_Term(constants=(_number(kernel, "constant_value", first),))], []
    if isinstance(kernel, Cosine):
        return [_Term(frequencies=(_number(kernel, "frequency", first),))], []
    if isinstance(kernel, Matern):
        if kernel.nu not in (0.5, 1.5, 2.5):
            raise ValueError(
                f"nu={kernel.nu!r} in {kernel!r}: Matern kernels are Markov processes for nu=0.5, "
                "1.5 and 2.5; the smoothest is Matern(nu=2.5)."
            )
        length = _number(kernel, "length_scale", first)
        return [_Term(length_scale=length, nu=float(kernel.nu))], []
    remedy = _REMEDIES.get(type(kernel).__name__, "use sums and products of ConstantKernel, Matern")
    raise ValueError(
        f"{type(kernel).__name__} is no Markov process of a finite state, in {kernel!r}; {remedy} "
        "or use scikit-learn's GaussianProcessRegressor, which is dense."
    )


_REMEDIES = {
    "RBF": "Matern(nu=2.5) is the smoothest that is,",
    "RationalQuadratic": "a sum of two Matern kernels has several length scales too,",
    "ExpSineSquared": "Matern * Cosine, summed over harmonics, is quasi-periodic,",
    "SpectralMixture": "Matern * Cosine, summed over the lines, is the like with wider tails,",
}


def _number(kernel, name, first):
    """The one value of a leaf's only hyperparameter."""
    values = np.atleast_1d(getattr(kernel, name))
    if values.shape != (1,):
        raise ValueError(
            f"{name} must be one number for the one feature of X, got {len(values)} in {kernel!r}."
        )
    fixed = getattr(kernel, f"hyperparameter_{name}").fixed
    return _Number(float(values[0]), None if fixed else first)

"""The one table of radial kernels, and the Student-t family beside it.

A kernel is a profile of the squared distance in bandwidths, ``x = (r/h)²``. A row of the table
holds all that the package needs to know of it: the formula, where it vanishes, its moments in any
dimension, how to draw from it, and the same formula once for compiled loops and once for arrays.

Kernels that never vanish are written ``exp(-energy(x)) · factor(energy)``: only the energy enters
the shift that keeps log sums from underflowing. The factor must be bounded, for distances go up to
1e150: Matérn kernels have the logarithm of their polynomial in the energy. Kernels of bounded
support are written by value; their radius is one bandwidth.
"""

# References: scikit-learn's KernelDensity for the six classical kernels; Wand and Jones, *Kernel
# Smoothing*, 1995, for the polynomial family; Rasmussen and Williams, *Gaussian Processes for
# Machine Learning*, 2006, section 4.2, for Matérn; Kotz and Nadarajah, *Multivariate t
# Distributions*, 2004.

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy.special import betaln, expit, gammaln, ndtr

from kernlab.kernels import _formulas as formulas


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class KernelProfile:
    """One radial kernel: a row of :data:`PROFILES`, or made by :func:`student_t`.

    Profiles are equal if their names are, and pickle as their names.

    Parameters
    ----------
    name : str
        As in ``KernelDensity(kernel=name)``.
    formula : str
        The unnormalised kernel of ``u = r/h``.
    bounded : bool
        Whether it vanishes for ``u ≥ 1``; otherwise its support is the whole space.
    by_product : bool
        Whether squared distances may come from matrix products, whose error is absolute. Not where
        the kernel depends on the distance of near points to first order, for a square root
        magnifies rounding, and not for bounded support, where the logarithm does at the edge.
    has_own_marginals : bool
        Whether integrating out some of the dimensions leaves the kernel of the others.
    log_radial_moment : callable
        ``d -> log ∫ r**(d-1) k(r) dr`` over ``r ≥ 0``.
    draw_radii : callable
        ``(rng, d, size) -> radii``, distributed as ``r**(d-1) k(r)``.
    log_values : callable
        ``(xp, x, *parameters) -> log k`` elementwise for arrays of the namespace ``xp``.
    tail : callable
        ``u -> mass of the one-dimensional kernel beyond u`` for arrays ``u ≥ 0``.
    pull : callable or None
        ``(xp, x, *parameters) -> -2 d log k / dx`` elementwise, zero where the derivative jumps;
        None where the kernel is constant.
    far_log : callable or None
        ``(distance, log_distance, *parameters) -> log k`` where ``x`` itself overflows; None where
        the logarithm has left the range of floating point there too.
    steepest : callable or None
        ``(*parameters) -> sup |d log k / du|``; None where there is none.
    energy, factor, value : callable or None
        ``real -> compiled function`` for ``real`` in (float64, float32): energy of ``x`` (and of
        the tuple of parameters, if there are any) and factor of the energy, or the value at ``x``.
    """

    name: str
    formula: str
    bounded: bool
    log_radial_moment: Callable
    draw_radii: Callable
    log_values: Callable
    tail: Callable
    pull: Callable | None = None
    far_log: Callable | None = None
    steepest: Callable | None = None
    energy: Callable | None = None
    factor: Callable | None = None
    value: Callable | None = None
    by_product: bool = False
    has_own_marginals: bool = False

    #: Whether the kernel falls like a power of the distance.
    heavy_tailed: ClassVar[bool] = False

    def parameters(self, n_features):
        """Numbers that the formula takes beside ``x`` in ``n_features`` dimensions."""
        return ()

    def log_normalizer(self, n_features):
        """Logarithm of the kernel's integral over ``n_features`` dimensions, at bandwidth 1."""
        log_sphere = math.log(2.0) + n_features / 2 * math.log(math.pi) - gammaln(n_features / 2)
        return float(log_sphere + self.log_radial_moment(n_features))

    def variance(self, n_features):
        """Variance of one coordinate under the kernel, at bandwidth 1; infinite for heavy tails."""
        log_second = self.log_radial_moment(n_features + 2) - self.log_radial_moment(n_features)
        return float(math.exp(log_second) / n_features)

    def spread(self, n_features):
        """What data-driven bandwidths set equal to the Gaussian's 1: the variance."""
        return self.variance(n_features)

    def draw(self, rng, n_features, size):
        """Draw ``size`` points from the kernel at bandwidth 1, shape (size, n_features)."""
        directions = rng.standard_normal((size, n_features))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions * self.draw_radii(rng, n_features, size)[:, None]

    def __repr__(self):
        return self.name

    def __eq__(self, other):
        return self.name == other.name if isinstance(other, KernelProfile) else NotImplemented

    def __hash__(self):
        return hash(self.name)

    def __reduce__(self):
        return profile_of, (self.name,)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _StudentT(KernelProfile):
    """Student-t kernels: the exponent of the formula depends on the dimension."""

    df: float
    heavy_tailed: ClassVar[bool] = True

    def parameters(self, n_features):
        return 1.0 / self.df, (self.df + n_features) / 2

    def variance(self, n_features):
        return self.df / (self.df - 2) if self.df > 2 else math.inf

    def spread(self, n_features):
        # The Gaussian's for every df, to which it tends: the variance need not exist.
        return 1.0


def student_t(df):
    """The Student-t kernel: ``(1 + u²/df)**(-(df + d)/2)`` in ``d`` dimensions.

    Its density at a distance falls like a power, so that a far point is unlikely, not impossible.
    It tends to the Gaussian kernel as ``df`` grows; the bandwidth matrix is its scale matrix, as in
    :class:`scipy.stats.multivariate_t`. With ``df=1`` it is the kernel named ``'cauchy'``.

    Parameters
    ----------
    df : float
        Degrees of freedom, in [0.1, 1e8].

    Returns
    -------
    profile : KernelProfile
        For ``KernelDensity(kernel=student_t(df))``. ``'scott'`` and ``'silverman'`` give it the
        bandwidth of the Gaussian kernel whatever ``df``, for its variance is infinite up to
        ``df=2``.

    Raises
    ------
    ValueError
        If ``df`` is not a number in the range: below, draws overflow; above, the kernel is the
        Gaussian.

    Examples
    --------
    >>> from kernlab.density import KernelDensity
    >>> from kernlab.kernels import student_t
    >>> kde = KernelDensity(kernel=student_t(df=3), bandwidth=1.0).fit([[0.0]])
    >>> kde
    KernelDensity(bandwidth=1.0, kernel=student_t(df=3))
    >>> kde.score_samples([[0.0], [1e100]]).round(1).tolist()
    [-1.0, -919.8]
    """
    if isinstance(df, bool) or not isinstance(df, (Integral, float)) or not 0.1 <= float(df) <= 1e8:
        raise ValueError(
            f"df={df!r} is not a number of degrees of freedom in [0.1, 1e8]; beyond, take the "
            "'gaussian' kernel, to which this one tends."
        )
    df = float(df)
    return _StudentT(
        name=f"student_t(df={int(df) if df.is_integer() else df!r})",
        formula="(1 + u²/df)^(-(df + d)/2)",
        df=df,
        bounded=False,
        # With s = r²/(df + r²): df^(d/2) B(d/2, df/2) / 2.
        log_radial_moment=lambda d: (
            d / 2 * math.log(df) + formulas.log_beta(d / 2, df / 2) - math.log(2.0)
        ),
        draw_radii=lambda rng, d, size: np.sqrt(
            df * rng.chisquare(d, size) / rng.chisquare(df, size)
        ),
        log_values=lambda xp, x, inverse_df, power: -power * xp.log1p(inverse_df * x),
        pull=lambda xp, x, inverse_df, power: 2 * power * inverse_df / (1 + inverse_df * x),
        tail=formulas.student_tail(df),
        far_log=lambda distance, log_distance, inverse_df, power: (
            -power * (2 * log_distance + math.log(inverse_df))
        ),
        # At u² = df.
        steepest=lambda inverse_df, power: power * math.sqrt(inverse_df),
        has_own_marginals=True,
        energy=formulas.student_energy,
    )


_ROWS = (
    KernelProfile(
        name="gaussian",
        formula="exp(-u²/2)",
        bounded=False,
        log_radial_moment=lambda d: (d / 2 - 1) * math.log(2.0) + gammaln(d / 2),
        draw_radii=lambda rng, d, size: np.sqrt(rng.chisquare(d, size)),
        log_values=lambda xp, x: -x / 2,
        pull=lambda xp, x: xp.ones_like(x),
        tail=lambda u: ndtr(-u),
        by_product=True,
        has_own_marginals=True,
        energy=formulas.half,
    ),
    KernelProfile(
        name="tophat",
        formula="1",
        bounded=True,
        log_radial_moment=lambda d: -math.log(d),
        draw_radii=formulas.polynomial_radii(0),
        log_values=formulas.bounded_log(lambda xp, x: xp.ones_like(x)),
        tail=formulas.polynomial_tail(0),
        value=formulas.tophat,
    ),
    KernelProfile(
        name="epanechnikov",
        formula="1 - u²",
        bounded=True,
        log_radial_moment=formulas.polynomial_moment(1),
        draw_radii=formulas.polynomial_radii(1),
        log_values=formulas.bounded_log(lambda xp, x: 1 - x),
        pull=formulas.polynomial_pull(1),
        tail=formulas.polynomial_tail(1),
        value=formulas.polynomial(1),
    ),
    KernelProfile(
        name="exponential",
        formula="exp(-u)",
        bounded=False,
        log_radial_moment=gammaln,
        draw_radii=lambda rng, d, size: rng.gamma(d, size=size),
        log_values=lambda xp, x: -xp.sqrt(x),
        pull=formulas.distance_pull,
        tail=lambda u: np.exp(-u) / 2,
        far_log=lambda distance, log_distance: -distance,
        steepest=lambda: 1.0,
        energy=formulas.distance,
    ),
    KernelProfile(
        name="linear",
        formula="1 - u",
        bounded=True,
        log_radial_moment=lambda d: betaln(d, 2),
        draw_radii=lambda rng, d, size: rng.beta(d, 2, size),
        log_values=formulas.bounded_log(lambda xp, x: 1 - xp.sqrt(x)),
        pull=formulas.bounded_pull(formulas.linear_pull),
        tail=lambda u: np.maximum(0.0, 1 - u) ** 2 / 2,
        value=formulas.linear,
    ),
    KernelProfile(
        name="cosine",
        formula="cos(πu/2)",
        bounded=True,
        log_radial_moment=formulas.cosine_moment,
        draw_radii=formulas.cosine_radii,
        log_values=formulas.bounded_log(lambda xp, x: xp.cos(xp.sqrt(x) * (math.pi / 2))),
        pull=formulas.bounded_pull(formulas.cosine_pull),
        tail=lambda u: np.sin(np.maximum(0.0, 1 - u) * (math.pi / 4)) ** 2,
        value=formulas.cosine,
    ),
    KernelProfile(
        name="biweight",
        formula="(1 - u²)²",
        bounded=True,
        log_radial_moment=formulas.polynomial_moment(2),
        draw_radii=formulas.polynomial_radii(2),
        log_values=formulas.bounded_log(lambda xp, x: (1 - x) ** 2),
        pull=formulas.polynomial_pull(2),
        tail=formulas.polynomial_tail(2),
        value=formulas.polynomial(2),
    ),
    KernelProfile(
        name="triweight",
        formula="(1 - u²)³",
        bounded=True,
        log_radial_moment=formulas.polynomial_moment(3),
        draw_radii=formulas.polynomial_radii(3),
        log_values=formulas.bounded_log(lambda xp, x: (1 - x) ** 3),
        pull=formulas.polynomial_pull(3),
        tail=formulas.polynomial_tail(3),
        value=formulas.polynomial(3),
    ),
    KernelProfile(
        name="tricube",
        formula="(1 - u³)³",
        bounded=True,
        # With s = r³: ∫ r^(d-1) (1 - r³)³ dr = B(d/3, 4) / 3
        log_radial_moment=lambda d: betaln(d / 3, 4) - math.log(3.0),
        draw_radii=lambda rng, d, size: np.cbrt(rng.beta(d / 3, 4, size)),
        log_values=formulas.bounded_log(lambda xp, x: (1 - x * xp.sqrt(x)) ** 3),
        pull=formulas.bounded_pull(formulas.tricube_pull),
        tail=formulas.tricube_tail,
        value=formulas.tricube,
    ),
    KernelProfile(
        name="logistic",
        formula="1 / (4 cosh²(u/2))",
        bounded=False,
        log_radial_moment=formulas.logistic_moment,
        draw_radii=formulas.logistic_radii,
        log_values=formulas.logistic_log,
        pull=formulas.logistic_pull,
        tail=lambda u: expit(-u),
        far_log=lambda distance, log_distance: -distance,
        steepest=lambda: 1.0,
        by_product=True,
        energy=formulas.distance,
        factor=formulas.logistic_factor,
    ),
)


def _matern(name, formula, degree):
    slope = math.sqrt(2 * degree + 1)
    return KernelProfile(
        name=name,
        formula=formula,
        bounded=False,
        log_radial_moment=formulas.matern_moment(degree, slope),
        draw_radii=formulas.matern_radii(degree, slope),
        log_values=formulas.matern_log(degree, slope),
        pull=formulas.matern_pull(degree, slope),
        tail=formulas.matern_tail(degree, slope),
        # The polynomial's logarithm, a few hundred, is lost in the rounding of 1e150.
        far_log=lambda distance, log_distance: -slope * distance,
        steepest=lambda: slope,
        energy=formulas.matern_energy(degree, slope),
    )


_EXPONENTIAL = next(row for row in _ROWS if row.name == "exponential")
_FURTHER_ROWS = (
    replace(_EXPONENTIAL, name="matern12"),
    _matern("matern32", "(1 + √3 u) exp(-√3 u)", 1),
    _matern("matern52", "(1 + √5 u + 5u²/3) exp(-√5 u)", 2),
    replace(student_t(1), name="cauchy", formula="(1 + u²)^(-(1 + d)/2)"),
)

#: The kernels by name, in the order of scikit-learn's six and then ours.
PROFILES = {row.name: row for row in _ROWS + _FURTHER_ROWS}
# Names may share compiled code: Matérn 1/2 is the exponential, all Student-t are one.
_COMPILED = {(row.energy, row.factor, row.value): row for row in PROFILES.values()}


def profile_of(kernel):
    """The profile of a name: a row of the table, or :func:`student_t` by its representation."""
    name = kernel if isinstance(kernel, str) else kernel.name
    if name in PROFILES:
        return PROFILES[name]
    match = re.fullmatch(r"student_t\(df=([^)]+)\)", name)
    if match is None:
        raise ValueError(
            f"kernel={name!r} is not one of ours; give a name out of {', '.join(PROFILES)}, or "
            "what kernlab.kernels.student_t returns."
        )
    return student_t(float(match[1]))


def kernel_code(profile):
    """Number by which compiled code knows the formula of a profile."""
    return list(_COMPILED).index((profile.energy, profile.factor, profile.value))


def compiled_profile(code):
    """A profile with the formula of that number."""
    return list(_COMPILED.values())[code]

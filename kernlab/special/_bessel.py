"""Logarithms of modified Bessel functions, and their ratio, for all orders and arguments."""

# References: NIST Digital Library of Mathematical Functions, chapter 10. That a few expansions
# cover the whole quadrant in log space: Plesner, Sørensen, Hauberg, "Accurate Computation of the
# Logarithm of Modified Bessel Functions on GPUs", ICS 2024, arXiv:2409.08729.

from numbers import Real

import numpy as np

from kernlab._core.namespace import is_foreign
from kernlab.special import _bessel_array


def log_iv(v, x):
    """Logarithm of the modified Bessel function of the first kind, ``log I_v(x)``.

    ``scipy.special.iv`` overflows for ``x`` above 713 and underflows for large orders; its scaled
    form ``ive`` underflows for large orders too. The logarithm is in range everywhere.

    Parameters
    ----------
    v : array-like
        Real orders, ``v >= 0``.
    x : array-like
        Real arguments, ``x >= 0``; broadcast against ``v``.

    Returns
    -------
    log_value : array or float
        Of the broadcast shape, in the input's float dtype (float64 for integers); computed in
        float64 in any case. ``-inf`` where ``I_v(x) = 0``, that is at ``x = 0`` for ``v > 0``. NaN
        where ``v`` or ``x`` is negative or NaN, as in SciPy's functions.

    See Also
    --------
    iv_ratio : I_{v+1}(x) / I_v(x), more precise than a difference of logarithms.
    scipy.special.ive : ``I_v(x) exp(-x)``.

    Notes
    -----
    The error is below ``4e-15·max(1, v, x, |log I_v(x)|)``, and typically a tenth of that. Some
    twenty to sixty nanoseconds for each element on one thread. Arrays of torch or another array-API
    library are computed in their library, on their device; torch gradients flow to ``x`` (by
    ``d log I_v/dx = I_{v+1}/I_v + v/x``), and ``v`` must not require one.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/10.41.
    .. [2] A. Plesner, H. H. B. Sørensen, S. Hauberg, "Accurate Computation of the Logarithm of
       Modified Bessel Functions on GPUs", ICS 2024, arXiv:2409.08729.

    Examples
    --------
    >>> from kernlab.special import log_iv
    >>> round(float(log_iv(0.5, 1.0)), 12)  # log(sqrt(2/π) sinh 1)
    -0.064351991074
    >>> log_iv([0, 16383], 5000.0).round(3).tolist()
    [4994.822, -14044.888]
    """
    if is_foreign(v) or is_foreign(x):
        return _bessel_array.log_iv(v, x)
    return _evaluate("log_iv", v, x)[0]


def log_kv(v, x):
    """Logarithm of the modified Bessel function of the second kind, ``log K_v(x)``.

    Parameters
    ----------
    v : array-like
        Real orders, ``v >= 0`` (``K`` is even in its order).
    x : array-like
        Real arguments, ``x >= 0``; broadcast against ``v``.

    Returns
    -------
    log_value : array or float
        As for :func:`log_iv`; ``inf`` at ``x = 0``.

    See Also
    --------
    scipy.special.kve : ``K_v(x) exp(x)``.

    Notes
    -----
    The error is below ``4e-15·max(1, v, x, |log K_v(x)|)``. Arrays of other libraries and gradients
    as for :func:`log_iv`; the gradient at ``x = 0`` is ``-inf``.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/10.32.E9.
    .. [2] N. M. Temme, "On the numerical evaluation of the modified Bessel function of the third
       kind", J. Comput. Phys. 19, 1975.

    Examples
    --------
    >>> from kernlab.special import log_kv
    >>> log_kv(16383, [1.0, 1e4]).round(3).tolist()
    [153948.828, 1593.291]
    """
    if is_foreign(v) or is_foreign(x):
        return _bessel_array.log_kv(v, x)
    return _evaluate("log_kv", v, x)[0]


def iv_ratio(v, x):
    """Ratio ``I_{v+1}(x) / I_v(x)`` of modified Bessel functions of the first kind.

    It rises from 0 at ``x = 0`` to 1. With ``v = p/2 - 1`` it is the length of the mean of a von
    Mises-Fisher distribution in ``p`` dimensions.

    Parameters
    ----------
    v : array-like
        Real orders of the denominator, ``v >= 0``.
    x : array-like
        Real arguments, ``x >= 0``; broadcast against ``v``.

    Returns
    -------
    ratio : array or float
        As for :func:`log_iv`; 0 at ``x = 0``.

    See Also
    --------
    kernlab.density.vmf_kappa : The inverse of the ratio.

    Notes
    -----
    The relative error is below 2e-15: near the origin by a continued fraction, far from it by the
    quotient of two uniform expansions whose exponential factors have cancelled analytically.
    Arrays of other libraries and gradients as for :func:`log_iv`, by ``R' = 1 - R² - (2v+1) R/x``.

    References
    ----------
    .. [1] D. E. Amos, "Computation of modified Bessel functions and their ratios",
       Math. Comp. 28, 1974.

    Examples
    --------
    >>> from kernlab.special import iv_ratio
    >>> iv_ratio(16383, [100.0, 2e4, 1e6]).round(6).tolist()
    [0.003052, 0.473509, 0.983751]
    """
    if is_foreign(v) or is_foreign(x):
        return _bessel_array.iv_ratio(v, x)
    return _evaluate("iv_ratio", v, x)[0]


def log_ive(v, x):
    """``log(I_v(x) exp(-x))`` on NumPy arrays, without the cancellation at large ``x``."""
    return _evaluate("log_ive", v, x)[0]


def iv_ratio_complement(v, x):
    """``1 - I_{v+1}(x)/I_v(x)`` on NumPy arrays, without cancellation where it is small."""
    return _evaluate("iv_ratio", v, x)[1]


def inverse_iv_ratio(v, ratio, complement):
    """The ``x`` at which :func:`iv_ratio` is ``ratio`` and one less it is ``complement``.

    NumPy arrays; 0 at a ratio of 0, infinity at a complement of 0, NaN outside.
    """
    return _evaluate("inverse_iv_ratio", v, ratio, complement)[0]


def _evaluate(name, v, x, *others):
    """Call a compiled loop on broadcast, flat float64 copies of the arguments."""
    from kernlab.special import _bessel_numba as compiled

    # Python's own numbers stay as they are: they do not widen float32.
    v, x = (a if isinstance(a, Real) else np.asarray(a) for a in (v, x))
    dtype = np.result_type(v, x)
    if dtype.kind not in "fiub":
        raise TypeError(f"v and x must be real numbers, got dtype {dtype}.")
    if dtype.kind != "f" or dtype.itemsize > 8:
        dtype = np.dtype(np.float64)
    arrays = [np.asarray(a, dtype=np.float64) for a in (v, x, *others)]
    shape = np.broadcast(*arrays).shape
    results = [np.empty(shape) for _ in range(1 + (name == "iv_ratio"))]
    flat = (_flat(a, shape) for a in arrays)
    getattr(compiled, name)(*flat, *(result.ravel() for result in results))
    return tuple(result.astype(dtype, copy=False)[()] for result in results)


def _flat(array, shape):
    """One axis, contiguous and writeable: Numba would compile once more for other arrays."""
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    return array.ravel() if array.flags.carray else np.array(array, order="C").ravel()

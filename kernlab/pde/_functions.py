"""Functions of one variable and their derivatives."""

import warnings

import numpy as np

# From the argument v and the value f to the derivative; f is None where it is not used.
DERIVATIVES = {
    np.sin: lambda v, f: np.cos(v),
    np.cos: lambda v, f: -np.sin(v),
    np.tan: lambda v, f: 1.0 + f * f,
    np.arcsin: lambda v, f: 1.0 / np.sqrt((1.0 - v) * (1.0 + v)),
    np.arccos: lambda v, f: -1.0 / np.sqrt((1.0 - v) * (1.0 + v)),
    np.arctan: lambda v, f: 1.0 / (1.0 + v * v),
    np.sinh: lambda v, f: np.cosh(v),
    np.cosh: lambda v, f: np.sinh(v),
    # 1 - tanh**2 would lose every digit where tanh is near 1.
    np.tanh: lambda v, f: (1.0 / np.cosh(v)) ** 2,
    np.arcsinh: lambda v, f: 1.0 / np.hypot(1.0, v),
    np.arccosh: lambda v, f: 1.0 / (np.sqrt(v - 1.0) * np.sqrt(v + 1.0)),
    np.arctanh: lambda v, f: 1.0 / ((1.0 - v) * (1.0 + v)),
    np.exp: lambda v, f: f,
    np.exp2: lambda v, f: np.log(2.0) * f,
    np.expm1: lambda v, f: np.exp(v),
    np.log: lambda v, f: 1.0 / v,
    np.log2: lambda v, f: 1.0 / (np.log(2.0) * v),
    np.log10: lambda v, f: 1.0 / (np.log(10.0) * v),
    np.log1p: lambda v, f: 1.0 / (1.0 + v),
    np.sqrt: lambda v, f: 0.5 / f,
    np.cbrt: lambda v, f: 1.0 / (3.0 * f * f),
    np.absolute: lambda v, f: np.sign(v),
    np.fabs: lambda v, f: np.sign(v),
}

# Those whose derivative is written in their value.
IN_THEIR_VALUE = frozenset({np.tan, np.exp, np.exp2, np.sqrt, np.cbrt})

# Constant between jumps, or no function of a real number at all.
ROUGH = frozenset(
    {np.sign, np.signbit, np.floor, np.ceil, np.trunc, np.rint, np.spacing, np.conjugate}
    | {np.isfinite, np.isinf, np.isnan, np.logical_not, np.invert}
)
_EPS = np.finfo(float).eps
# Where rounding, eps/h, and the next term of the expansion, h**4, are balanced.
_STEP = _EPS**0.2
_N_CHECKED = 64


def apply_function(function, values, name):
    """The user's function of values, its shape and type checked."""
    result = np.asarray(function(values))
    if result.dtype.kind not in "fiub":
        raise TypeError(f"{name} returned values of type {result.dtype}, not real numbers.")
    if result.shape != np.shape(values):
        raise ValueError(
            f"{name} returned an array of shape {result.shape} for one of shape "
            f"{np.shape(values)}; a function given to apply works value by value."
        )
    return result.astype(float, copy=False)


def _differences(function, values, step):
    """Derivative by central differences of fourth order."""
    near = function(values + step) - function(values - step)
    far = function(values + 2.0 * step) - function(values - 2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def _complex_step(function, values):
    step = 1e-20 * np.maximum(np.abs(values), 1e-200)
    return np.imag(function(values + 1j * step)) / step


def _agree(first, second, tolerance, slack=0.0):
    size = np.max(np.abs(second), initial=0.0)
    return bool(np.all(np.abs(first - second) <= tolerance * size + slack))


def numerical_derivative(function, values, name):
    """Derivative of a function without a known one.

    Parameters
    ----------
    function : callable
        Takes and returns one array, value by value.
    values : ndarray
    name : str
        Named in messages.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If no step gives differences that agree with those of half the step.

    Notes
    -----
    Which rule serves is decided on at most 64 of the values.
    """
    values = np.asarray(values, dtype=float)
    flat = values.ravel()
    sample = flat[:: max(1, flat.size // _N_CHECKED)]
    sample = sample[np.isfinite(sample)]

    def real(argument):
        return apply_function(function, argument, name)

    exact = real(sample)
    spread = np.max(np.abs(sample), initial=0.0) or 1.0
    # Functions are mostly written in units of order one; if not, the values tell the units.
    for unit in (1.0, spread):
        step = _STEP * np.maximum(np.abs(sample), unit)
        rough, fine = _differences(real, sample, step), _differences(real, sample, 0.5 * step)
        rounding = 100.0 * _EPS * np.abs(exact) / step
        if _agree(rough, fine, 1e-6, rounding):
            break
    else:
        raise ValueError(
            f"the derivative of {name} cannot be had from its values, since differences of two "
            "steps disagree; pass derivative= to apply."
        )
    if _is_analytic(function, sample, exact, fine, rounding):
        return _complex_step(function, values)
    return _differences(real, values, _STEP * np.maximum(np.abs(values), unit))


def _is_analytic(function, sample, exact, slopes, rounding):
    """Whether the complex step is right at the sample."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            same = _agree(np.real(function(sample + 0j)), exact, 1e-12)
            return same and _agree(_complex_step(function, sample), slopes, 1e-6, rounding)
        except Exception:
            # What a function of real numbers raises on complex ones is its own affair.
            return False

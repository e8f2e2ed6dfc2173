"""Greedy search for the lines of a signal, with a residual that certifies them."""

import numpy as np

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.pde._line_search import LEAST_TREND, LineSearch

# Random points between its samples at which a callable is checked.
CHECK_POINTS = 128


def find_lines(
    f,
    low,
    high,
    *,
    points=None,
    tol=1e-12,
    noisy=False,
    n_samples=2048,
    max_samples=131072,
    max_lines=12,
    envelope=14,
    trend=16,
    max_frequency=None,
):
    """Find the frequencies of a signal that is a trend and a few modulated lines.

    A peak of the residual's windowed spectrum becomes a line; all lines found so far are refined
    together by least squares; repeat until nothing is left. A line that proves to be no pure tone
    gets a polynomial envelope. Signals of no such form, as chirps, stall, and are not certified.

    Parameters
    ----------
    f : callable, array-like, or list of callables
        A callable maps an array of points to an array of the same length. An array of shape
        (n_samples,) or (n_samples, n_signals) holds values on the regular grid of ``[low, high]``,
        both ends included, or at ``points``. Several signals share one list of lines; each counts
        relative to its own size. Regular samples of a line above their Nyquist frequency are those
        of one below it: give a callable, which is checked between its samples, or random points.
    low, high : float
        Ends of the interval.
    points : array-like of shape (n_samples,), default=None
        Where the samples of ``f`` were taken, if not on the regular grid.
    tol : float, default=1e-12
        Relative residual at which to stop. Rounding of ``frequency * x`` limits it from below.
    noisy : bool, default=False
        Stop where the residual's spectrum is that of white noise of unknown size, but for one
        chance in a hundred, and not at ``tol``.
    n_samples : int, default=2048
        Samples of a callable to begin with; four times as many, up to ``max_samples``, while the
        residual between them is ten times that at them, as lines above the Nyquist frequency have.
    max_samples : int, default=131072
    max_lines : int, default=12
    envelope, trend : int, default=14, 16
        Chebyshev modes that a line and the trend may have.
    max_frequency : float, default=None
        Largest frequency to look for in samples at ``points``. The default is the Nyquist
        frequency of a regular grid of so many distinct points.

    Returns
    -------
    Lines

    Raises
    ------
    ValueError
        If the signal is not finite, has the wrong shape, or has fewer than two samples.

    Notes
    -----
    O(max_lines n log n + n p²) for n samples and p columns, at most 28 a line. About 5 ms for one
    tone.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.pde import find_lines
    >>> lines = find_lines(lambda x: np.sin(6 * x) * np.cos(100 * x), 0, 2 * np.pi)
    >>> lines.frequencies.round(6)
    array([ 94., 106.])
    >>> lines.certified, lines.separated
    (True, True)
    """
    low, high = float(low), float(high)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"low and high must be finite and low < high, got {low} and {high}.")
    for name, value, least in (
        ("n_samples", n_samples, 32),
        ("max_lines", max_lines, 0),
        ("envelope", envelope, 1),
        ("trend", trend, LEAST_TREND),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}.")
    if not tol >= 0:
        raise ValueError(f"tol must not be negative, got {tol}.")
    options = {
        "tol": tol, "noisy": noisy, "max_lines": max_lines, "envelope": envelope, "trend": trend,
    }  # fmt: skip
    functions = [f] if callable(f) else f
    # The factors are thin: threads of BLAS cost more than they bring.
    with SINGLE_THREADED_BLAS:
        if isinstance(functions, (list, tuple)) and functions and all(map(callable, functions)):
            return _of_functions(functions, low, high, n_samples, max_samples, options)
        return _of_samples(f, low, high, points, max_frequency, options)


def _of_functions(functions, low, high, n_samples, max_samples, options):
    rng = np.random.default_rng(0)
    between = np.sort(rng.uniform(low, high, CHECK_POINTS))
    check = _sampled(functions, between)
    while True:
        x = np.linspace(low, high, n_samples)
        search = LineSearch(x, _sampled(functions, x), low, high, None, **options)
        search.run()
        off_grid = search.residual_at(between, check)
        residual = max(search.residual, off_grid)
        aliased = off_grid > 10 * max(search.residual, search.tolerance) and not options["noisy"]
        if not aliased or 4 * n_samples > max_samples:
            return search.result(residual)
        n_samples *= 4


def _sampled(functions, x):
    columns = []
    for function in functions:
        values = np.asarray(function(x))
        if values.ndim == 0:
            values = np.full(len(x), values)
        if values.shape != x.shape:
            raise ValueError(
                f"{getattr(function, '__name__', function)} must return an array of shape "
                f"{x.shape} for points of that shape, got {values.shape}."
            )
        columns.append(values)
    return _finite(np.stack(columns, axis=1), x)


def _finite(y, x):
    if np.iscomplexobj(y):
        raise ValueError("the signal must be real, got complex values.")
    y = y.astype(float)
    bad = ~np.isfinite(y).all(axis=1)
    if bad.any():
        where = np.flatnonzero(bad)[0]
        raise ValueError(
            f"the signal must be finite, got {y[where]} at x = {x[where]} and {bad.sum() - 1} "
            "more such points."
        )
    return y


def _of_samples(f, low, high, points, max_frequency, options):
    y = np.asarray(f)
    if y.ndim not in (1, 2) or len(y) < 2 or y.size == 0:
        raise ValueError(
            "f must be a callable, or samples of shape (n_samples,) or (n_samples, n_signals) "
            f"with at least 2 samples, got shape {y.shape}."
        )
    y = y.reshape(len(y), -1)
    if points is None:
        x = np.linspace(low, high, len(y))
    else:
        x = np.asarray(points, dtype=float)
        if x.shape != (len(y),):
            raise ValueError(f"points must have shape ({len(y)},) as the samples, got {x.shape}.")
        if not (np.isfinite(x).all() and x.min() >= low and x.max() <= high):
            raise ValueError(f"points must be finite and within [{low}, {high}].")
        if max_frequency is None:
            max_frequency = np.pi * len(np.unique(x)) / (high - low)
        elif not 0 < max_frequency < np.inf:
            raise ValueError(f"max_frequency must be positive and finite, got {max_frequency}.")
    search = LineSearch(x, _finite(y, x), low, high, max_frequency, **options)
    search.run()
    return search.result(search.residual)

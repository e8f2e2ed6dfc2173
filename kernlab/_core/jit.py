"""The project's one door to Numba's compiler."""

import functools

import numba

# Everything of fast-math but `ninf` and `afn`: sums may be reordered and contracted, no NaN occurs
# (input is finite), but infinities mark excluded pairs and stay infinities.
FAST = {"reassoc", "contract", "arcp", "nsz", "nnan"}


def njit(function=None, *, cache=True, **options):
    """``numba.njit`` without the GIL and with a disk cache where one can be written.

    Division by zero follows IEEE arithmetic, as in NumPy. A cached function must not take another
    compiled function as argument (Numba never finds it again), and its compiled callees must live
    in its own file or be listed in a revision stamp (Numba does not notice when they change).
    """
    if function is None:
        return functools.partial(njit, cache=cache, **options)
    options = {"nogil": True, "error_model": "numpy", **options}
    try:
        return numba.njit(function, cache=cache, **options)  # noqa: TID251
    except RuntimeError:
        # Numba found no folder to write to (a read-only installation without a home).
        return numba.njit(function, **options)  # noqa: TID251


def inline(function):
    """Compile ``function`` into its callers; it is never called, cached or vectorised alone."""
    return njit(function, cache=False, forceinline=True)

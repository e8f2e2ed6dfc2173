"""The heat semigroup of a sparse matrix on vectors: exp(-t L) B without forming exp(-t L)."""

import math
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import reverse_cuthill_mckee

from kernlab._core.namespace import device_of, from_numpy, is_foreign, namespace_of, to_numpy
from kernlab._core.threads import run_slices
from kernlab.linalg._heat_series import SMALLEST, asymmetry, chebyshev_series, power_series

_METHODS = ("auto", "chebyshev", "uniformization", "euler")
_RTOL = {"float64": 1e-10, "float32": 1e-5}
# Of t times the norm of L: beyond, rounding L to single precision moves eigenvalues too far.
_SINGLE_UP_TO = 1e3
# From so many rows a block of columns no longer fits the cache that a core has to itself.
_REORDER_FROM = 10_000
# Terms, an even number, after which sums are looked at for whether they need more.
_STRETCH = 4


def heat_action(
    L, B, t, *, method="auto", dtype=None, rtol=None, n_steps=None, spectrum=None, n_jobs=None
):
    r"""Heat at time ``t`` that started as ``B``: the product exp(-t L) B, for a sparse matrix L.

    Parameters
    ----------
    L : sparse matrix or array of shape (n, n)
        A Laplacian: any of a graph with weights of zero or more, normalised, combinatorial or of
        random walks, or for ``method='chebyshev'`` any symmetric matrix whose eigenvalues are zero
        or more.
    B : array or sparse matrix of shape (n, m) or (n,)
        Sparse columns, as indicators of landmarks, are made dense a block at a time. An array of
        torch or CuPy keeps the work on its device, and the result there.
    t : float, or sequence of floats
        Times, zero or more, in units of one over the entries of L. Several cost one pass over L
        for the longest, and memory for the results.
    method : {'auto', 'chebyshev', 'uniformization', 'euler'}, default='auto'
        'chebyshev' is the quickest at large t, and accurate relative to the norm of a column.
        'uniformization' is accurate relative to each entry, and needs entries of zero or less off
        the diagonal of L. 'euler' is ``n_steps`` backward Euler steps of length t / n_steps,
        (I + t L / n_steps)^(-n_steps) B, to the accuracy of 'uniformization'. 'auto' is
        'uniformization' where L permits it and B has no negative entry, or L is not symmetric, and
        'chebyshev' else. It does not look at the time that takes: the terms are some q t to
        √(t λ), see the notes, at q t = 1e6 hundreds of times as many; say 'chebyshev' where the
        largest entries suffice.
    dtype : {'float64', 'float32'} or None, default=None
        Precision of the result, and of the work but for large t, see the notes. None is that of B
        if it is float32, and float64 else.
    rtol : float or None, default=None
        What is cut off the series. For 'chebyshev' at most ``rtol`` times the 2-norm of a column of
        B (default 1e-12, in float32 1e-7). Else at most ``rtol`` times each entry of
        exp(-t L) \|B\| that is above 1e-200 (in float32 1e-20) of the largest entry of that column
        of B (default 1e-10, in float32 1e-5). Rounding comes on top; see the notes.
    n_steps : int or None, default=None
        Steps of 'euler', which needs it.
    spectrum : (float, float) or None, default=None
        Bounds of the eigenvalues of L, for 'chebyshev'. None takes zero, and an upper bound from
        the row sums of \|L\| under the scaling that a few power iterations find. (0, 2) holds for
        normalised Laplacians.
    n_jobs : int or None, default=None
        Threads over blocks of columns: eight in float64, sixteen in float32. None is Numba's
        current count, -1 all cores. The result has the same bits for any number.

    Returns
    -------
    heat : array of shape ``B.shape``, or ``(len(t), *B.shape)`` for a sequence of times

    Raises
    ------
    ValueError
        L is not square, or has entries that the method does not permit; it has eigenvalues below
        zero or outside of ``spectrum``; t is negative, or so large that more than 3e7 terms are
        needed; anything is NaN or infinite.
    TypeError
        L, B or t are not real numbers, or of a library that has no sparse product here.

    Notes
    -----
    With q the largest entry of L, P = I - L / q has no negative entry, and

    .. math:: e^{-tL} = \sum_k e^{-qt} \frac{(qt)^k}{k!} P^k

    is a sum of non-negative terms [1]_ in which no digit cancels, so that entries of 1e-200 are as
    accurate as those near one. Some q t + 35 √(q t) + 100 terms are needed. Where the sum ends is
    certified: P^k b <= r^k x max(b / x) for every x > 0 with P x <= r x, and a vector x with
    r - 1 <= 1 / (2 q t) is constant, or found by conjugate gradients. Backward Euler is the same
    sum with the weights of a negative binomial law; its distance from exp(-t L) is at most
    0.28 / n_steps in the spectral norm, at any t, and falls no faster.

    The Chebyshev series [2]_ needs some √(t λ log(1/rtol)) terms, λ the largest eigenvalue, but
    entries that are small beside the largest are noise of either sign, or too small, or zero. A
    bound of ratios of Bessel functions certifies its end; the norms of the last two polynomials
    tell where eigenvalues are outside of the interval assumed.

    Rounding adds in float64 about 1e-16 √K relative to each entry of the sums of non-negative terms
    (3e-15 measured at K = 500 terms), relative to the norm for Chebyshev; in float32 some 1e-7 √K.
    On top comes what rounding L, or P, does to eigenvalues: some 1e-16 t λ, with λ the largest row
    sum of \|L\|. In float32 it would be 6e-8 t λ, so above t λ = 1000 the work is in float64,
    and takes the time and memory of that.
    Values below 1e-300 (1e-37) of the largest entry are set to zero, but in arrays of torch and
    CuPy; gradients of torch reach B.

    One term costs 2 nnz(L) m operations. From 10 000 rows on, L is reordered inside by reverse
    Cuthill-McKee. Memory: the result, and (3 + len(t)) n rows of 64 bytes for each thread.

    References
    ----------
    .. [1] W. Grassmann, Transient solutions in Markovian queueing systems, Computers & Operations
       Research 4 (1977).
    .. [2] H. Tal-Ezer, R. Kosloff, An accurate and efficient scheme for propagating the time
       dependent Schrödinger equation, Journal of Chemical Physics 81 (1984).

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.linalg import heat_action
    >>> L = np.array([[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]])  # three in a row
    >>> heat_action(L, [1.0, 0.0, 0.0], t=1.0)
    array([0.5255709 , 0.31673764, 0.15769146])
    >>> heat_action(L, [1.0, 0.0, 0.0], t=[0.0, 1e-80]).round(3) + 0.0
    array([[1., 0., 0.],
           [1., 0., 0.]])
    >>> bool(np.isclose(heat_action(L, [1.0, 0.0, 0.0], t=1e-80)[2], 0.5e-160, atol=0.0))
    True
    """
    L = _checked_matrix(L)
    times = _checked_times(t)
    B, dtype = _checked_columns(B, L.shape[0], dtype)
    method = _chosen_method(method, L, B)
    rtol = _checked_rtol(rtol, method, dtype)
    n_steps = _checked_steps(n_steps, method)
    spectrum = _checked_spectrum(spectrum, method)

    work = _working_precision(dtype, L, times)
    # In ascending order, so that the times with terms left are neighbours.
    distinct, places = np.unique(times, return_inverse=True)
    later = distinct[distinct > 0]
    if not len(later) or not L.nnz:
        series = None
    elif method == "chebyshev":
        series = chebyshev_series(L, later, dtype=work, rtol=rtol, spectrum=spectrum)
    else:
        series = power_series(L, later, dtype=work, rtol=rtol, n_steps=n_steps)
    act = _act_in_namespace if is_foreign(B) else _act
    table = B if B.ndim == 2 else B[:, None]
    heat = act(series, _astype(table, work), work, n_jobs)
    heat = None if heat is None else _astype(heat, dtype)
    return _at_times(heat, table, places, len(distinct) - len(later), B.shape, np.ndim(t))


# --- Input ----------------------------------------------------------------------------------------


def _checked_matrix(L):
    """L as a canonical CSR array of float64, without explicit zeros."""
    if is_foreign(L):
        raise TypeError(
            f"L is an array of {namespace_of(L).__name__}; pass a SciPy sparse matrix. B decides "
            "where the work is done."
        )
    L = L if sp.issparse(L) else np.asarray(L)
    if L.ndim != 2 or L.shape[0] != L.shape[1]:
        raise ValueError(f"L has shape {L.shape}; it must be square.")
    if L.dtype.kind not in "buif":
        raise TypeError(f"L has dtype {L.dtype}; it must be real.")
    L = sp.csr_array(L, dtype=np.float64, copy=True)
    L.sum_duplicates()
    L.eliminate_zeros()
    if not np.all(np.isfinite(L.data)):
        raise ValueError("L contains NaN or infinity; remove those edges.")
    return L


def _checked_times(t):
    times = np.asarray(t)
    if times.dtype.kind not in "uif":
        raise TypeError(f"t={t!r} is not a real number, or a sequence of real numbers.")
    times = times.astype(np.float64)
    if times.ndim > 1 or times.size == 0:
        raise ValueError(f"t has shape {times.shape}; give one time, or a sequence of times.")
    times = np.atleast_1d(times)
    if not np.all((times >= 0) & np.isfinite(times)):
        raise ValueError(f"t={t!r}: times must be finite and zero or more; heat has no past.")
    return times


def _checked_columns(B, n, dtype):
    """B in the precision asked for, and the name of that."""
    if dtype is not None:
        dtype = np.dtype(dtype).name
        if dtype not in _RTOL:
            raise ValueError(f"dtype={dtype!r}: give 'float64', 'float32', or None for that of B.")
    if is_foreign(B):
        xp = namespace_of(B)
        if xp.isdtype(B.dtype, "complex floating"):
            raise TypeError(f"B has dtype {B.dtype}; it must be real.")
        name = dtype or ("float32" if B.dtype == xp.float32 else "float64")
        B = xp.astype(B, getattr(xp, name))
        finite = bool(xp.all(xp.isfinite(B)))
    else:
        # CSC has no form with one axis.
        B = (
            B
            if sp.issparse(B) and B.ndim == 2
            else np.asarray(B.toarray() if sp.issparse(B) else B)
        )
        if B.dtype.kind not in "buif":
            raise TypeError(f"B has dtype {B.dtype}; it must be real.")
        name = dtype or ("float32" if B.dtype == np.float32 else "float64")
        B = sp.csc_array(B, dtype=name) if sp.issparse(B) else B.astype(name, copy=False)
        finite = bool(np.all(np.isfinite(B.data if sp.issparse(B) else B)))
    if B.ndim not in (1, 2) or B.shape[0] != n:
        raise ValueError(
            f"B has shape {tuple(B.shape)}; it must have the {n} rows of L, in one or two axes."
        )
    if not finite:
        raise ValueError("B contains NaN or infinity.")
    return B, name


def _checked_rtol(rtol, method, dtype):
    if rtol is None:
        return _RTOL[dtype] / (100 if method == "chebyshev" else 1)
    least = float(np.finfo(dtype).eps) / 2
    if not (isinstance(rtol, Real) and least <= float(rtol) < 1):
        raise ValueError(
            f"rtol={rtol!r} must be a number below 1, and at least the rounding of {dtype}, "
            f"{least:.1e}."
        )
    return float(rtol)


def _checked_steps(n_steps, method):
    if method != "euler":
        if n_steps is not None:
            raise ValueError(f"n_steps={n_steps!r} is for method='euler', not {method!r}.")
        return None
    if not (isinstance(n_steps, Integral) and int(n_steps) > 0):
        raise ValueError(f"method='euler' needs n_steps, a positive integer, not {n_steps!r}.")
    return int(n_steps)


def _checked_spectrum(spectrum, method):
    if spectrum is None:
        return None
    if method != "chebyshev":
        raise ValueError(f"spectrum={spectrum!r} is for method='chebyshev', not {method!r}.")
    low, high = map(float, spectrum)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"spectrum={spectrum!r} must be two finite numbers, the smaller first.")
    return low, high


def _chosen_method(method, L, B):
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is not one of {', '.join(_METHODS)}.")
    entries = L.tocoo()
    positive = (entries.row != entries.col) & (entries.data > 0)
    symmetric = asymmetry(L) <= 1e-12 * abs(L).max() if L.nnz else True
    if method == "auto":
        if not positive.any() and (not symmetric or _non_negative(B)):
            return "uniformization"
        method = "chebyshev"
    if method == "chebyshev" and not symmetric:
        remedy = (
            "and it has positive entries off the diagonal, so no method serves"
            if positive.any()
            else "use method='uniformization'"
        )
        raise ValueError(f"L is not symmetric, which method='chebyshev' needs; {remedy}.")
    if method != "chebyshev" and positive.any():
        i = np.flatnonzero(positive)[0]
        raise ValueError(
            f"L[{entries.row[i]}, {entries.col[i]}] = {entries.data[i]:.6g} is positive: "
            f"method={method!r} needs entries of zero or less off the diagonal, as Laplacians of "
            "graphs with weights of zero or more have. Use method='chebyshev'."
        )
    return method


def _non_negative(B):
    if is_foreign(B):
        xp = namespace_of(B)
        return bool(xp.all(B >= 0))
    return bool(np.all((B.data if sp.issparse(B) else B) >= 0))


# --- Work -----------------------------------------------------------------------------------------


def _working_precision(dtype, L, times):
    """Double at long times: single precision errs by ``t`` times the rounding of L."""
    norm = float(abs(L).sum(axis=1).max())
    return dtype if times.max() * norm <= _SINGLE_UP_TO else "float64"


def _astype(array, dtype):
    if is_foreign(array):
        xp = namespace_of(array)
        return xp.astype(array, getattr(xp, dtype))
    return array.astype(dtype, copy=False)


def _act(series, B, dtype, n_jobs):
    """``sum_k c_k v_k`` of all columns of B, for each of the times: (n_times, n, m)."""
    if series is None:
        return None
    from kernlab.linalg._heat_numba import ROW_BYTES, add_terms

    n, m = B.shape
    A, order = series.A, None
    if n >= _REORDER_FROM:
        order = reverse_cuthill_mckee(A, symmetric_mode=asymmetry(A) <= 1e-12)
        A = A[order][:, order]
    A = A.astype(dtype)
    coefficients = series.coefficients.astype(dtype)
    first, last = _extents(coefficients)
    width = ROW_BYTES // np.dtype(dtype).itemsize
    heat = np.empty((coefficients.shape[1], n, m), dtype)

    def work(part):
        columns = B[:, part]
        columns = columns.toarray() if sp.issparse(columns) else columns
        down, up = _scales(np.max(np.abs(columns), axis=0), dtype)
        v = _aligned((n, width), dtype)
        filled = slice(columns.shape[1])
        v[:, filled] = (columns if order is None else columns[order]) * down
        size = np.linalg.norm(v, axis=0)
        before = (A @ v) * v.dtype.type(series.memory / 2)
        previous = _aligned((n, width), dtype)
        previous[:] = before
        sums = _aligned((coefficients.shape[1], n, width), dtype)
        np.multiply(coefficients[0][:, None, None], v, out=sums)
        for start, stop in _stretches(len(coefficients), series.enough):
            add_terms(
                A.indptr, A.indices, A.data, v, previous, v.dtype.type(series.memory),
                coefficients[start:stop], first[start:stop], last[start:stop],
                v.dtype.type(SMALLEST[dtype]), sums,
            )  # fmt: skip
            if _complete(series.enough, stop - 1, sums[:, :, filled]):
                break
        if series.memory:
            _check_polynomials(np.linalg.norm([v, previous], axis=1), size)
        rows = slice(None) if order is None else order
        heat[:, rows, part] = sums[:, :, filled] * up

    run_slices(work, m, slice_size=width, n_jobs=n_jobs)
    return heat


def _stretches(n_terms, enough):
    """Slices of coefficients for one call each, the first of which it leaves to its caller.

    Of an even number of terms but the last, so that vectors are where they were.
    """
    # Few looks at many terms.
    step = n_terms if enough is None else max(_STRETCH, n_terms // 64 * 2)
    return [(k, min(k + step + 1, n_terms)) for k in range(0, max(n_terms - 1, 1), step)]


def _complete(enough, k, sums):
    """Whether what comes after term k is below the rounding of each entry."""
    if enough is None or enough[k].min() > 1.0:
        return False
    return all(np.all(total >= bound) for total, bound in zip(sums, enough[k], strict=True))


def _act_in_namespace(series, B, dtype, n_jobs):
    """The same by operations of another array library, on the device of B.

    Small values stay: to set them to zero would take the gradient with them.
    """
    if series is None:
        return None
    xp = namespace_of(B)
    multiply = _multiplication(series.A.astype(dtype), B)
    coefficients = series.coefficients
    first, last = _extents(coefficients)
    down, up = _scales(to_numpy(xp.max(xp.abs(B), axis=0)), dtype)
    v = B * from_numpy(down, B)
    size = to_numpy(xp.linalg.vector_norm(v, axis=0))
    previous = multiply(v) * (series.memory / 2)
    sums = [v * c for c in coefficients[0].tolist()]
    for k in range(1, len(coefficients)):
        value = multiply(v)
        if series.memory:
            value = value - previous
        v, previous = value, v
        for s in range(first[k], last[k]):
            sums[s] = sums[s] + v * float(coefficients[k, s])
    if series.memory:
        norms = [to_numpy(xp.linalg.vector_norm(x, axis=0)) for x in (v, previous)]
        _check_polynomials(np.array(norms), size)
    return xp.stack(sums) * from_numpy(up, B)


def _multiplication(A, B):
    """The product of a sparse matrix and arrays on the device of B."""
    name = namespace_of(B).__name__
    if "torch" in name:
        import torch

        # By coordinates: compressed rows are a beta in torch, and need MKL on processors.
        entries = A.tocoo()
        places = torch.as_tensor(np.stack(entries.coords), device=B.device)
        data = torch.as_tensor(entries.data, device=B.device)
        moved = torch.sparse_coo_tensor(places, data, A.shape, check_invariants=True)
        moved = moved.coalesce()
    elif "cupy" in name:
        import cupy
        from cupyx.scipy.sparse import csr_matrix

        with cupy.cuda.Device(device_of(B).id):
            moved = csr_matrix(sp.csr_matrix(A))
    else:
        raise TypeError(
            f"B is an array of {name}, for which no sparse product is known; pass a NumPy, "
            "torch or CuPy array."
        )
    return lambda x: moved @ x


def _extents(coefficients):
    """For each term, the first and past the last of the sums that it belongs to."""
    some = coefficients != 0
    first = np.argmax(some, axis=1)
    last = some.shape[1] - np.argmax(some[:, ::-1], axis=1)
    return first, np.where(some.any(axis=1), last, first)


def _scales(magnitudes, dtype):
    """Powers of two that bring columns to a largest entry between a half and one, and back."""
    limit = 1000 if dtype == "float64" else 120
    exponents = np.clip(np.frexp(magnitudes)[1], -limit, limit)
    one = np.ones(1, dtype)
    return np.ldexp(one, -exponents), np.ldexp(one, exponents)


def _check_polynomials(norms, size):
    """Chebyshev polynomials of a matrix with its spectrum in [-1, 1] lengthen no vector."""
    if not np.all(norms <= 2 * size):
        raise ValueError(
            "L has eigenvalues below zero, or outside the spectrum given, so that the Chebyshev "
            "series is not accurate. Give bounds of all eigenvalues as spectrum=(low, high)."
        )


def _aligned(shape, dtype):
    """Zeros that begin at a line of cache, so that no row of a block touches two."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    buffer = np.zeros(size + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + size].view(dtype).reshape(shape)


def _at_times(heat, B, places, n_zero, shape, t_ndim):
    """Heat at the times in the order given, where place 0 of ``n_zero=1`` is B itself."""
    if is_foreign(B):
        xp = namespace_of(B)
        rows = [B * 1 if heat is None or p < n_zero else heat[p - n_zero] for p in places]
        return (
            xp.reshape(xp.stack(rows), (len(places), *shape))
            if t_ndim
            else (xp.reshape(rows[0], shape))
        )
    if heat is None or len(heat) != len(places) or np.any(np.diff(places) < 0):
        start = B.toarray() if sp.issparse(B) else B
        rows = [start if heat is None or p < n_zero else heat[p - n_zero] for p in places]
        heat = np.stack(rows)
    heat = heat.reshape(len(places), *shape)
    return heat if t_ndim else heat[0]

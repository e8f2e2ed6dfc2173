"""Fast Walsh-Hadamard transform."""


def walsh_hadamard(values):
    """Transform the first axis in place by the Walsh-Hadamard matrix, not normalised.

    The matrix has entries (-1)^(number of ones in j & k); twice applied it multiplies by N.

    Parameters
    ----------
    values : C-contiguous float or complex array of shape (N, ...)
        N is a power of two. Overwritten.

    Returns
    -------
    values : the same array

    Raises
    ------
    ValueError
        If N is no power of two, or the array is not C-contiguous.

    Notes
    -----
    Cost: N log₂ N additions for each of the other entries.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.special._hadamard import walsh_hadamard
    >>> walsh_hadamard(np.array([1.0, 0.0, 0.0, 2.0]))
    array([ 3., -1., -1.,  3.])
    """
    size = len(values)
    if size == 0 or size & (size - 1):
        raise ValueError(f"the first axis has length {size}, which is no power of two.")
    if not values.flags.c_contiguous:
        raise ValueError("values must be C-contiguous, for they are transformed in place.")
    step = 1
    while step < size:
        pairs = values.reshape(size // (2 * step), 2, -1)
        low, high = pairs[:, 0], pairs[:, 1]
        difference = low - high
        low += high
        high[...] = difference
        step *= 2
    return values

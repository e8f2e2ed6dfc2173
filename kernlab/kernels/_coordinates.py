"""Points in units of the bandwidth, to the accuracy that differences of them need.

The sums work on ``z = R⁻¹ (x - c)`` with a centre ``c`` and a root ``R`` of the bandwidth matrix
(a number, a vector of standard deviations, or a lower Cholesky factor). Rounding ``z`` costs
``ε·|z|`` in a difference of two near points, which is nothing until clusters lie thousands of
bandwidths apart. From there on ``z`` is carried as an unevaluated sum of two floats, and the
difference of two points is right again, however far both are from the centre.
"""

# Reference: Dekker, *A floating-point technique for extending the available precision*, 1971.

from typing import Any, NamedTuple

import numpy as np

from kernlab._core.namespace import from_numpy, namespace_of, scalar

# Coordinates beyond this square to near the overflow of float64.
FARTHEST = 1e150
# In this unit the square of any float is finite, and of any past FARTHEST not zero.
FAR_UNIT = 2.0**-600
# Up to this radius the rounding of z moves a log density by at most 4√2·u·radius < 1e-12, u = 2⁻⁵³.
PLAIN_RADIUS = 1e3
_SPLITTER = 2.0**27 + 1.0
# Entries of a block whose some twenty temporary arrays stay in the caches.
_BLOCK_ENTRIES = 2**15


class Frame(NamedTuple):
    """Points in bandwidths, and what takes other points there.

    ``z`` and ``z_low`` have the shape of the points (``z_low`` is None unless coordinates take two
    floats), ``radius`` is the largest norm of a row.
    """

    centre: Any
    root: np.ndarray
    inverse: np.ndarray
    radius: float
    z: Any
    z_low: Any


def frame_of(points, root):
    """The frame of some points; refuses a bandwidth so small that squares overflow."""
    centre = centre_of(points)
    root = np.asarray(root, dtype=np.float64)
    inverse = inverse_root(root)
    z = to_bandwidths(points, centre, inverse)
    radius = largest_norm(z)
    check_radius(radius)
    if not needs_twofold(points, centre, inverse, radius):
        return Frame(centre, root, inverse, radius, z, None)
    del z  # its memory goes to the next two
    return Frame(centre, root, inverse, radius, *to_bandwidths_twofold(points, centre, inverse))


def centre_of(points):
    """Midrange of each feature: it minimises the largest distance and cannot overflow."""
    xp = namespace_of(points)
    return xp.min(points, axis=0) / 2 + xp.max(points, axis=0) / 2


def inverse_root(root):
    """``R⁻¹`` for a number, a vector or a lower triangular matrix ``R`` (NumPy)."""
    if np.ndim(root) < 2:
        return 1.0 / np.asarray(root, dtype=np.float64)
    from scipy.linalg import solve_triangular

    return np.tril(solve_triangular(root, np.eye(len(root)), lower=True))


def to_bandwidths(points, centre, inverse):
    """``R⁻¹ (x - c)`` row by row, rounded once; overflow gives infinities."""
    points, inverse = _in_double(points, inverse)
    with np.errstate(over="ignore", invalid="ignore"):
        offset = points - centre
        return offset * inverse if inverse.ndim < 2 else offset @ inverse.T


def to_bandwidths_twofold(points, centre, inverse):
    """The same as a pair (high, low) of arrays whose unevaluated sum is right to about ε²."""
    points, inverse = _in_double(points, inverse)
    xp = namespace_of(points)
    high, low = xp.empty_like(points), xp.empty_like(points)
    block = max(1, _BLOCK_ENTRIES // points.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, points.shape[0], block):
            stop = min(start + block, points.shape[0])
            high[start:stop, ...], low[start:stop, ...] = _block_twofold(
                points[start:stop, ...], centre, inverse
            )
    return high, low


def _block_twofold(points, centre, inverse):
    offset, offset_low = _two_sum(points, -centre)
    if inverse.ndim < 2:
        high, low = _two_product(offset, inverse)
        return _fast_two_sum(high, low + offset_low * inverse)
    high, low = offset * 0, offset * 0
    for k in range(inverse.shape[1]):
        column = inverse[:, k][None, :]
        product, product_low = _two_product(offset[:, k][:, None], column)
        high, carry = _two_sum(high, product)
        low = low + (carry + product_low + offset_low[:, k][:, None] * column)
    return _fast_two_sum(high, low)


def needs_twofold(points, centre, inverse, radius):
    """Whether rounding coordinates once would cost more than double precision promises.

    With a matrix, what is rounded is each product of a sum, so their absolute values count.
    """
    if radius > PLAIN_RADIUS or inverse.ndim < 2:
        return radius > PLAIN_RADIUS
    points, inverse = _in_double(points, inverse)
    xp = namespace_of(points)
    return largest_norm(xp.abs(points - centre) @ xp.abs(inverse).T) > PLAIN_RADIUS


def from_bandwidths(z, centre, root):
    """``c + R z`` row by row."""
    z, root = _in_double(z, root)
    return centre + (z * root if root.ndim < 2 else z @ root.T)


def largest_norm(z):
    """Largest Euclidean norm of a row, as a float; scaled, so that no square overflows."""
    xp = namespace_of(z)
    scale = scalar(xp.max(xp.abs(z)))
    if not 0 < scale < np.inf:
        return scale
    return scale * scalar(xp.max(xp.sum((z / scale) ** 2, axis=1))) ** 0.5


def check_radius(radius):
    """Refuse points so many bandwidths apart that squared distances overflow."""
    if not radius <= FARTHEST:
        raise ValueError(
            f"bandwidth is too small for X: the points lie more than {FARTHEST:.0e} bandwidths "
            "from their centre, so that squared distances overflow. Give a larger bandwidth, or "
            "drop the outlying rows."
        )


def _in_double(points, small):
    """Points in double precision, and a small NumPy array beside them on their device."""
    xp = namespace_of(points)
    return xp.astype(points, xp.float64, copy=False), from_numpy(small, points, xp.float64)


def _two_sum(a, b):
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _fast_two_sum(a, b):
    total = a + b
    return total, b - (total - a)


def _two_product(a, b):
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    product = a * b
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a):
    """High and low halves of the mantissa; scaled, so that the splitter cannot overflow."""
    xp = namespace_of(a)
    big = xp.abs(a) > 1e300
    scaled = xp.where(big, a * 2.0**-54, a)
    carried = _SPLITTER * scaled
    high = carried - (carried - scaled)
    high = xp.where(big, high * 2.0**54, high)
    return high, a - high

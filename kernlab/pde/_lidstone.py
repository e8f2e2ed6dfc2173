"""Lidstone polynomials: what a sine series of a smooth function lacks at the ends of an interval.

A sine series converges slowly to a function whose even derivatives do not vanish at the ends. The
polynomials Λ_0(t) = t, Λ_m'' = Λ_{m-1}, Λ_m(0) = Λ_m(1) = 0 carry exactly those: Λ_m has a 2m-th
derivative of one at t = 1, and no other even derivative at either end.
"""

# References: Lidstone, *Notes on the extension of Aitken's theorem*, Proc. Edinburgh Math. Soc. 2,
# 1930; Coons, *Surfaces for computer-aided design of space forms*, MIT, 1967 (`EdgeLift`).

import functools

import numpy as np
from numpy.polynomial import Polynomial

from kernlab.pde._hilbert_space import HilbertSpace, sine_transform


@functools.cache
def lidstone_polynomial(order):
    """Λ_order on [0, 1] as a `numpy.polynomial.Polynomial`.

    Examples
    --------
    >>> from kernlab.pde._lidstone import lidstone_polynomial
    >>> print(6 * lidstone_polynomial(1))
    0.0 - 1.0·x + 0.0·x² + 1.0·x³
    """
    if order == 0:
        return Polynomial([0.0, 1.0])
    twice = lidstone_polynomial(order - 1).integ(2)
    return twice - Polynomial([0.0, twice(1.0)])


def lidstone_profiles(t, orders, derivative=0):
    """Profiles of both ends: rows Λ_m(1 - t), Λ_m(t) for each m of ``orders``.

    Parameters
    ----------
    t : (n,) array
        Points of [0, 1].
    orders : sequence of int
    derivative : int, even
        Which derivative in t.

    Returns
    -------
    (2*len(orders), n) array
    """
    rows = []
    for order in orders:
        polynomial = lidstone_polynomial(order).deriv(derivative)
        rows += [polynomial(1.0 - t), polynomial(t)]
    return np.array(rows).reshape(2 * len(orders), len(t))


class _Edge:
    """A function on [0, 1] through equispaced values: a line, Lidstone profiles and sines.

    The profiles' coefficients are those that leave sine coefficients that fall fastest.
    """

    def __init__(self, values):
        values = np.asarray(values, dtype=float)
        n = len(values) - 2
        self.ends = values[[0, -1]]
        self.orders = tuple(range(1, 1 + min(6, n // 4)))
        self.sines = HilbertSpace(0.0, 1.0, n)
        t = self.sines.grid
        inner = values[1:-1] - self.ends @ lidstone_profiles(t, (0,))
        weight = np.arange(1, n + 1.0) ** 8
        columns = sine_transform(lidstone_profiles(t, self.orders)) * weight
        norms = np.linalg.norm(columns, axis=1)
        target = sine_transform(inner)
        solution = np.linalg.lstsq((columns / norms[:, None]).T, target * weight, rcond=1e-12)[0]
        self.profiles = solution / norms
        rest = inner - self.profiles @ lidstone_profiles(t, self.orders)
        self.weights = sine_transform(rest) * np.sqrt(self.sines.step)

    def __call__(self, t, derivative=0):
        line = self.ends @ lidstone_profiles(t, (0,), derivative)
        smooth = self.profiles @ lidstone_profiles(t, self.orders, derivative)
        return line + smooth + self.sines.features(t, derivative) @ self.weights


class EdgeLift:
    """A smooth function on the unit square that takes given values on its four edges.

    Parameters
    ----------
    edges : 2 x 2 nested list of arrays
        ``edges[axis][end]`` are values on the edge where coordinate ``axis`` is at that end, at the
        equispaced nodes of the other coordinate with both corners.

    Notes
    -----
    Between nodes an edge is a line, Lidstone profiles up to order six and a sine series: for a
    smooth function the error is some 1e-11 of it from 30 nodes on. Corners are shared: their
    values agree.
    """

    def __init__(self, edges):
        self.edges = [[_Edge(values) for values in pair] for pair in edges]
        self.corners = np.array([edge.ends for edge in self.edges[0]])

    def fields(self, s, t):
        """Values, second derivatives in s, and in t, on the grid of ``s`` and ``t``."""
        ls, lt = lidstone_profiles(s, (0,)), lidstone_profiles(t, (0,))
        across = ls.T @ np.array([edge(t) for edge in self.edges[0]])
        along = np.array([edge(s) for edge in self.edges[1]]).T @ lt
        value = across + along - ls.T @ self.corners @ lt
        second_s = np.array([edge(s, 2) for edge in self.edges[1]]).T @ lt
        second_t = ls.T @ np.array([edge(t, 2) for edge in self.edges[0]])
        return value, second_s, second_t

    def values(self, s, t):
        """Values at scattered points (s_i, t_i)."""
        ls, lt = lidstone_profiles(s, (0,)), lidstone_profiles(t, (0,))
        total = -np.einsum("ip,ij,jp->p", ls, self.corners, lt)
        for end in range(2):
            total += ls[end] * self.edges[0][end](t) + lt[end] * self.edges[1][end](s)
        return total

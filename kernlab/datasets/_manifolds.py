"""Points on manifolds whose geodesic distances are known, so that an embedding can be judged."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from sklearn.utils import Bunch, check_random_state


def make_swiss_roll(n_samples=1000, *, noise=0.0, width=5.0, n_features=3, random_state=None):
    r"""A rolled sheet: the bench on which geodesic distances are compared.

    The spiral :math:`(u\cos u, h, u\sin u)` with *u* uniform on :math:`[3\pi/2, 9\pi/2]` and *h*
    uniform on [0, ``width``]; more features than three by a random rotation, and noise in every
    one of them. Its windings are :math:`2\pi` apart: at ``noise=1`` many points lie between them.
    It returns a Bunch, unlike scikit-learn's function of the same name, which returns a pair.

    Parameters
    ----------
    n_samples : int >= 1, default=1000
    noise : float >= 0, default=0.0
        Standard deviation of the Gaussian noise in every feature.
    width : float > 0, default=5.0
        Of the sheet, which is about 90 long.
    n_features : int >= 3, default=3
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (n_samples, n_features); ``clean``, the same without noise; ``position``
        of shape (n_samples, 2), arc length and height, in which the sheet is flat;
        ``geodesics(rows, columns=None)``, the distances along the sheet from the samples ``rows``
        to ``columns`` (all), of shape (len(rows), len(columns)).

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    G. Huguet et al., "A heat diffusion perspective on geodesic preserving dimensionality
    reduction", NeurIPS 2023.

    Examples
    --------
    >>> from kernlab.datasets import make_swiss_roll
    >>> roll = make_swiss_roll(500, noise=0.1, n_features=10, random_state=0)
    >>> roll.data.shape, roll.geodesics([0, 1]).shape
    ((500, 10), (2, 500))
    """
    _check_whole("n_samples", n_samples, 1)
    _check_whole("n_features", n_features, 3)
    _check_positive("width", width)
    rng = check_random_state(random_state)
    angle = 1.5 * np.pi * (1.0 + 2.0 * rng.uniform(size=n_samples))
    height = width * rng.uniform(size=n_samples)
    clean = np.column_stack([angle * np.cos(angle), height, angle * np.sin(angle)])
    if n_features > 3:
        clean = clean @ np.linalg.qr(rng.normal(size=(n_features, n_features)))[0][:3]
    arc = 0.5 * (angle * np.sqrt(angle**2 + 1.0) + np.arcsinh(angle))
    position = np.column_stack([arc, height])
    return _noisy(clean, noise, rng, position, partial(_straight, position))


def make_sphere(n_samples=1000, *, noise=0.0, n_features=3, random_state=None):
    """Points spread evenly over the unit sphere of three dimensions.

    Parameters
    ----------
    n_samples : int >= 1, default=1000
    noise : float >= 0, default=0.0
        Standard deviation of the Gaussian noise in every feature.
    n_features : int >= 3, default=3
        Those beyond three hold noise alone.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As of :func:`make_swiss_roll`; ``position`` holds the unit vectors of shape (n_samples, 3),
        and the geodesics are angles.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from kernlab.datasets import make_sphere
    >>> sphere = make_sphere(2000, random_state=0)
    >>> bool(3.0 < sphere.geodesics([0]).max() <= 3.1416)
    True
    """
    _check_whole("n_samples", n_samples, 1)
    _check_whole("n_features", n_features, 3)
    rng = check_random_state(random_state)
    position = rng.normal(size=(n_samples, 3))
    position /= np.linalg.norm(position, axis=1, keepdims=True)
    clean = np.pad(position, ((0, 0), (0, n_features - 3)))
    return _noisy(clean, noise, rng, position, partial(_angles, position))


def make_clifford_torus(n_samples=1000, *, noise=0.0, n_features=4, random_state=None):
    r"""Points spread evenly over the flat torus within the unit sphere of four dimensions.

    :math:`(\cos a, \sin a, \cos b, \sin b)/\sqrt2`: the product of two circles, without curvature,
    on which several geodesics join every pair.

    Parameters
    ----------
    n_samples : int >= 1, default=1000
    noise : float >= 0, default=0.0
        Standard deviation of the Gaussian noise in every feature.
    n_features : int >= 4, default=4
        Those beyond four hold noise alone.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As of :func:`make_swiss_roll`; ``position`` holds the two arc lengths, each with period
        :math:`2\pi/\sqrt2`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from kernlab.datasets import make_clifford_torus
    >>> torus = make_clifford_torus(2000, random_state=0)
    >>> bool(3.0 < torus.geodesics([0]).max() <= 3.1416)
    True
    """
    _check_whole("n_samples", n_samples, 1)
    _check_whole("n_features", n_features, 4)
    rng = check_random_state(random_state)
    angles = rng.uniform(0.0, 2.0 * np.pi, size=(n_samples, 2))
    circles = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(n_samples, 4)
    clean = np.pad(circles / np.sqrt(2.0), ((0, 0), (0, n_features - 4)))
    position = angles / np.sqrt(2.0)
    periods = np.full(2, np.sqrt(2.0) * np.pi)
    return _noisy(clean, noise, rng, position, partial(_periodic, position, periods))


def make_trefoil(n_samples=1000, *, noise=0.0, random_state=None):
    """Points spread evenly along a closed knot: a thin loop, easily cut and easily short-circuited.

    Parameters
    ----------
    n_samples : int >= 1, default=1000
    noise : float >= 0, default=0.0
        Standard deviation of the Gaussian noise in every feature; the strands pass each other at
        a distance of about 1.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As of :func:`make_swiss_roll`, with three features; ``position`` of shape (n_samples, 1) is
        the arc length along the loop, which is about 29 long.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from kernlab.datasets import make_trefoil
    >>> loop = make_trefoil(500, noise=0.05, random_state=0)
    >>> loop.data.shape, round(float(loop.geodesics([0]).max()))
    ((500, 3), 14)
    """
    _check_whole("n_samples", n_samples, 1)
    rng = check_random_state(random_state)
    # Finely enough that chords and arcs differ by 1e-7 of the length.
    turn = np.linspace(0.0, 2.0 * np.pi, 20_001)
    knot = np.column_stack(
        [
            np.sin(turn) + 2.0 * np.sin(2.0 * turn),
            np.cos(turn) - 2.0 * np.cos(2.0 * turn),
            -np.sin(3.0 * turn),
        ]
    )
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knot, axis=0), axis=1))])
    position = rng.uniform(0.0, arc[-1], size=(n_samples, 1))
    clean = np.column_stack([np.interp(position[:, 0], arc, column) for column in knot.T])
    return _noisy(clean, noise, rng, position, partial(_periodic, position, arc[-1:]))


def make_tree(n_samples=2500, *, n_branches=5, noise=0.0, n_features=10, random_state=None):
    """A tree of random walks, as of cells that branch off while they develop.

    The first branch is a walk with steps uniform on [-1, 1] in every feature; each further one
    sets out from a random point of the first [1]_.

    Parameters
    ----------
    n_samples : int, default=2500
        At least two for each branch; every branch has the same number, but for a remainder that
        the first ones take.
    n_branches : int >= 1, default=5
    noise : float >= 0, default=0.0
        Standard deviation of the Gaussian noise in every feature.
    n_features : int >= 1, default=10
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As of :func:`make_swiss_roll`; ``position`` of shape (n_samples, 1) is the distance from the
        root along the tree, which is what a pseudotime should be; ``branch`` of shape (n_samples,)
        is the number of the branch; the geodesics run along the branches.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] K. R. Moon et al., "Visualizing structure and transitions in high-dimensional biological
       data", Nature Biotechnology 37, 2019.

    Examples
    --------
    >>> from kernlab.datasets import make_tree
    >>> tree = make_tree(500, noise=1.0, random_state=0)
    >>> tree.data.shape, bool((tree.geodesics([0])[0] == tree.position[:, 0]).all())
    ((500, 10), True)
    """
    _check_whole("n_branches", n_branches, 1)
    _check_whole("n_samples", n_samples, 2 * n_branches)
    _check_whole("n_features", n_features, 1)
    rng = check_random_state(random_state)
    sizes = [n_samples // n_branches + (b < n_samples % n_branches) for b in range(n_branches)]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    parents = np.arange(-1, n_samples - 1)
    parents[starts[1:]] = rng.randint(sizes[0], size=n_branches - 1)
    steps = rng.uniform(-1.0, 1.0, size=(n_samples, n_features))
    clean = np.empty_like(steps)
    clean[0] = steps[0]
    for row in range(1, n_samples):
        clean[row] = clean[parents[row]] + steps[row]
    lengths = np.linalg.norm(steps[1:], axis=1)
    edges = (lengths, (np.arange(1, n_samples), parents[1:]))
    tree = sparse.csr_matrix(edges, shape=(n_samples, n_samples))
    position = dijkstra(tree, directed=False, indices=[0]).T
    bunch = _noisy(clean, noise, rng, position, partial(_along, tree))
    bunch.branch = np.repeat(np.arange(n_branches), sizes)
    return bunch


def _noisy(clean, noise, rng, position, geodesics):
    if not isinstance(noise, Real) or not 0.0 <= float(noise) < np.inf:
        raise ValueError(f"noise={noise!r} must be a finite number >= 0.")
    data = clean + noise * rng.normal(size=clean.shape)
    return Bunch(data=data, clean=clean, position=position, geodesics=geodesics)


def _columns(array, columns):
    return array if columns is None else array[columns]


# The distances are module functions, bound to their data, so that a Bunch can be pickled.


def _straight(position, rows, columns=None):
    gap = position[rows][:, None, :] - _columns(position, columns)[None, :, :]
    return np.sqrt((gap**2).sum(axis=2))


def _periodic(position, periods, rows, columns=None):
    gap = np.abs(position[rows][:, None, :] - _columns(position, columns)[None, :, :])
    return np.sqrt((np.minimum(gap, periods - gap) ** 2).sum(axis=2))


def _angles(position, rows, columns=None):
    # From the chord: an arc cosine would lose small angles.
    return 2.0 * np.arcsin(np.minimum(_straight(position, rows, columns) / 2.0, 1.0))


def _along(tree, rows, columns=None):
    found = dijkstra(tree, directed=False, indices=np.atleast_1d(rows))
    return found if columns is None else found[:, columns]


def _check_whole(name, value, low):
    if not isinstance(value, Integral) or value < low:
        raise ValueError(f"{name}={value!r} must be a whole number >= {low}.")


def _check_positive(name, value):
    if not isinstance(value, Real) or not 0.0 < float(value) < np.inf:
        raise ValueError(f"{name}={value!r} must be a finite number > 0.")

"""How many features an axis needs: from the data of a problem before it is solved, then from u."""

from numbers import Integral

import numpy as np
from scipy.fft import dct
from sklearn.utils import check_random_state

# Relative size of coefficients that count as rounding, and the degrees at which data is sampled.
_ROUNDING = 1e-13
_EPS = np.finfo(float).eps
_LARGEST_DEGREE = 2**15
# Random points at which a series is checked, its error relative to the function, and points at
# which the peaks of a source are looked for.
_N_RANDOM, _HOLDS, _N_CANDIDATES = 1024, 1e-7, 4096
_SMALLEST = 12


def features_of_data(pde, *, n_fibres=3, random_state=None):
    """For each axis, the number of polynomials that resolves the source and the boundary data.

    Lines of the box along each coordinate, at random elsewhere and through the largest of 4096
    random values of a source, are sampled at ever more Chebyshev points until the coefficients
    fall to rounding and the series holds at random points, where nothing aliases.

    Returns
    -------
    sizes : list of int
    resolved : list of bool
        False where 2¹⁵ points did not do.
    """
    sizes, resolved = [], []
    rng = as_generator(random_state)
    peaks = [(f, points[0]) for f, points in zip(sources(pde), _peaks(pde, 1, rng), strict=True)]
    for d in range(len(pde.box)):
        fibres = data_fibres(pde, d, n_fibres=n_fibres, random_state=random_state)
        fibres += [_Fibre(f, pde.box, d, rng, through=point) for f, point in peaks]
        scale = max((fibre.largest() for fibre in fibres), default=0.0)
        degrees = [_degree(fibre, scale, rng) for fibre in fibres]
        sizes.append(max([_SMALLEST, *(degree + max(4, degree // 50) for degree, _ in degrees)]))
        resolved.append(all(done for _, done in degrees))
    return sizes, resolved


def data_fibres(pde, along, *, n_fibres=3, random_state=None):
    """The data of a problem along one coordinate, as functions of t in [-1, 1]."""
    rng = as_generator(random_state)
    fibres = [_Fibre(f, pde.box, along, rng) for f in sources(pde) for _ in range(n_fibres)]
    return fibres + [_Fibre(g, pde.box, along, rng, face) for g, face in boundary_data(pde, along)]


def as_generator(random_state):
    """A NumPy generator from any of scikit-learn's kinds of seed."""
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, Integral):
        return np.random.default_rng(int(random_state))
    return np.random.default_rng(check_random_state(random_state).randint(2**31))


def sources(pde):
    """The right-hand sides of the equations, as functions of all coordinates."""
    return [lambda *points, e=equation: e.source(points) for equation in pde.equations]


def _peaks(pde, n, rng):
    """Of random points of the box the n at which each source is largest: [(n, d), ...]."""
    X = pde.box.low + rng.random((_N_CANDIDATES, len(pde.box))) * pde.box.lengths
    found = []
    for f in sources(pde):
        sizes = np.abs(np.broadcast_to(f(*X.T), len(X)))
        found.append(X[np.argsort(-sizes, kind="stable")[:n]])
    return found


def check_points_of(pde, n, random_state=None):
    """Random points of the box, n of them uniform and n / 8 where each source is largest."""
    rng = as_generator(random_state)
    uniform = pde.box.low + rng.random((n, len(pde.box))) * pde.box.lengths
    return np.concatenate([uniform, *_peaks(pde, n // 8, rng)])


def boundary_data(pde, along):
    """Data of the faces of the other axes, with the face as (axis, end)."""
    found = []
    for (_, d), conditions in pde.conditions.items():
        if d == along:
            continue
        found += [(c.g, (d, "low")) for c in conditions.low]
        found += [(c.g, (d, "high")) for c in conditions.high]
    return found


class _Fibre:
    """A function of all coordinates along one of them, the others fixed at random."""

    def __init__(self, function, box, along, rng, face=None, through=None):
        self._function, self._along = function, along
        self._low, self._high = box.low[along], box.high[along]
        if through is None:
            through = box.low + rng.uniform(0.1, 0.9, len(box)) * (box.high - box.low)
        self._fixed = np.array(through)
        if face is not None:
            d, end = face
            self._fixed[d] = getattr(box, end)[d]

    def __call__(self, t):
        """Values at t in [-1, 1]."""
        points = [np.array([value]) for value in self._fixed]
        points[self._along] = (self._low + self._high) / 2 + (self._high - self._low) / 2 * t
        return np.broadcast_to(np.asarray(self._function(*points), dtype=float), t.shape)

    def largest(self):
        return float(np.max(np.abs(self(np.linspace(-1, 1, 33)))))


def _degree(fibre, scale, rng):
    """Degree past which Chebyshev coefficients are rounding, relative to the largest of all."""
    n = 16
    while True:
        t = np.cos(np.pi * (np.arange(n) + 0.5) / n)
        coefficients = dct(fibre(t), type=2) / n
        coefficients[0] /= 2
        sizes = np.abs(coefficients)
        # Waves so quick that n points are needed are wrong by so many digits of their argument.
        rounding = max(_ROUNDING, _EPS * n)
        floor = rounding * max(np.max(sizes), 1e-3 * scale)
        above = np.flatnonzero(sizes > floor)
        last = int(above[-1]) if above.size else 0
        if last < 0.85 * n and _holds(fibre, coefficients[: last + 1], scale, rng):
            return last, True
        if n >= _LARGEST_DEGREE:
            return _LARGEST_DEGREE, False
        n *= 2


def _holds(fibre, coefficients, scale, rng):
    """Whether a Chebyshev series is the function at random points too.

    Of one point in each of 1024 cells those count at which the function bends most, and every 32nd.
    """
    t = 2 * (np.arange(_N_RANDOM) + rng.random(_N_RANDOM)) / _N_RANDOM - 1
    values = fibre(t)
    bends = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    some = np.concatenate([1 + np.argsort(-bends)[:32], np.arange(0, _N_RANDOM, 32)])
    t, values = t[some], values[some]
    table = np.cos(np.outer(np.arccos(t), np.arange(len(coefficients))))
    slack = _HOLDS * max(np.max(np.abs(values)), 1e-3 * scale)
    return bool(np.max(np.abs(table @ coefficients - values)) <= slack)


def grow(sizes, failing, max_points):
    """Larger sizes of the axes that fail, or None where ``max_points`` leaves no room."""
    grown = [int(1.4 * n) + 8 if bad else n for n, bad in zip(sizes, failing, strict=True)]
    return grown if np.prod(np.array(grown, dtype=float)) <= max_points else None

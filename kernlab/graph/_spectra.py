"""Proximity kernels of one graph, which share its decompositions."""

from contextlib import nullcontext

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from scipy.sparse.csgraph import connected_components
from scipy.special import erf, erfcx, expit

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab.graph._adjacency import nodes_at, without_isolated
from kernlab.graph._dense import eigenpairs, gram, inverse, spectral_function
from kernlab.graph._log_kernels import log_kernel
from kernlab.graph._measures import check_parameter, natural_parameter, parse_measure
from kernlab.graph._radius import spectral_radius
from kernlab.graph._transforms import centred, halved_distance
from kernlab.graph._walk_costs import shortest_path_distance, walk_cost_distance

MAX_NODES = 20_000
# Nodes up to which threads of BLAS gain little, and on a busy machine wait for one another for up
# to a thousand times as long as the work takes.
_FEW = 512


class Spectra:
    """Decompositions of a graph, made when first asked for, and the kernels that they give.

    Parameters
    ----------
    adjacency : csr_matrix of shape (n_nodes, n_nodes)
        As :func:`as_adjacency` returns it.
    floor : 'auto', float or None
        What stands between nodes that no path joins, see :class:`GraphProximity`.
    dtype : float64 or float32
        Of the kernels, and of the arithmetic of plain ones.
    name : str
        Of the graph, for messages.
    nodes : list, range or None
        Names of the nodes, for messages; a range or None for rows.
    """

    def __init__(self, adjacency, *, floor=None, dtype=np.float64, name="X", nodes=None):
        self.n_nodes = adjacency.shape[0]
        if self.n_nodes > MAX_NODES:
            raise ValueError(
                f"{name} has {self.n_nodes} nodes, of which one kernel takes "
                f"{8e-9 * self.n_nodes**2:.0f} GB; dense kernels end at {MAX_NODES} nodes. Take "
                "kernlab.cluster.SparseGraphClustering or kernlab.graph.LandmarkLogEmbedding."
            )
        if (adjacency != adjacency.T).nnz:
            adjacency = 0.5 * adjacency + 0.5 * adjacency.T
        with np.errstate(over="ignore"):
            self.degrees = np.asarray(adjacency.sum(axis=1)).ravel()
        if not np.isfinite(self.degrees).all():
            raise ValueError(
                f"{name} has row sums beyond the largest float; divide it by its maximum."
            )
        self.adjacency, self.floor, self.name = sp.csr_matrix(adjacency), floor, name
        self.nodes = nodes
        self.dtype = np.dtype(dtype)
        self.n_components, self.components = connected_components(adjacency, directed=False)
        self.isolated = np.flatnonzero(self.degrees == 0)
        # Of isolated nodes the largest, which leaves their zeros in S.
        largest = self.degrees.max() or 1.0
        self._roots = np.sqrt(np.where(self.degrees > 0, self.degrees, largest))
        self._unit = largest
        self._cache, self._logs = {}, {}

    def natural(self, measure, x):
        """Natural parameter of the unit parameter ``x``."""
        measure = parse_measure(measure)
        return natural_parameter(measure, x, self.rho if measure.scaler == "rho" else 0.0)

    def kernel(self, measure, t=None):
        """A new array (n_nodes, n_nodes): the kernel of a measure at its natural parameter.

        Of 'comm', 'comm2' and 'df' divided by ``exp(log_scale(measure, t))``, its largest
        eigenvalue, which overflows otherwise.
        """
        measure = parse_measure(measure)
        t = self._checked(measure, t)
        # What overflows ends as a value that is not finite, and is refused.
        with np.errstate(over="ignore", invalid="ignore"), self._few_threads():
            if measure.log:
                kernel = self._log(measure, t)
            elif measure.kind == "distance":
                kernel = centred(self._distance(measure, t), -0.5)
            else:
                kernel = getattr(self, "_" + measure.name.replace("-", "_"))(t)
        return self._typed(measure, kernel)

    def release(self):
        """Let go of what logarithms of a sweep share: sixteen and more matrices."""
        self._logs.clear()

    def distance(self, measure, t=None, kernel=None):
        """Distances of a measure: its own, or the halved ones of its kernel (rooted for 'comm').

        ``kernel`` saves its computation where it is at hand.
        """
        measure = parse_measure(measure)
        if measure.kind == "distance":
            t = self._checked(measure, t)
            with self._few_threads():
                return self._typed(measure, self._distance(measure, t))
        kernel = self.kernel(measure, t) if kernel is None else kernel
        return halved_distance(kernel, sqrt=measure.plain == "comm")

    def _few_threads(self):
        return SINGLE_THREADED_BLAS if self.n_nodes <= _FEW else nullcontext()

    def _typed(self, measure, matrix):
        with np.errstate(over="ignore"):
            matrix = matrix.astype(self.dtype, copy=False)
        if not np.isfinite(matrix).all():
            raise ValueError(
                f"Measure {measure.name!r} overflows {self.dtype}; divide {self.name} by its "
                "maximum, or pass dtype=np.float64."
            )
        return matrix

    def log_scale(self, measure, t):
        """Logarithm of what :meth:`kernel` was divided by; 0 for most measures."""
        measure = parse_measure(measure)
        if measure.name in ("comm", "comm2"):
            return float(t * self.rho)
        if measure.name == "df":
            y = t * self.rho
            return float(0.5 * y * y + np.log1p(np.sqrt(np.pi / 2) * erf(y / np.sqrt(2))))
        return 0.0

    def is_psd(self, measure):
        """Whether kernels of a measure on this graph are positive semi-definite."""
        measure = parse_measure(measure)
        return measure.psd and not (measure.needs_connected and self.n_components > 1)

    @property
    def rho(self):
        """Spectral radius of the adjacency matrix."""
        return self._memo("rho", lambda: spectral_radius(self.adjacency, exact=True))

    def check_degrees(self, measure):
        """Refuse a measure that divides by degrees where some are zero."""
        if measure.needs_no_isolated and len(self.isolated):
            raise ValueError(
                f"Measure {measure.name!r} divides by degrees, and {self.name} has "
                f"{len(self.isolated)} isolated nodes ({nodes_at(self.isolated, self.nodes)}); "
                "drop them, or take one of 'katz', 'comm', 'for', 'heat'. To drop them: "
                f"{without_isolated(self.name, self.nodes)}."
            )

    def _checked(self, measure, t):
        """The parameter, in its interval, of a measure that this graph has."""
        self.check_degrees(measure)
        if measure.needs_connected and self.floor is None and self.n_components > 1:
            nodes = range(self.n_nodes) if self.nodes is None else self.nodes
            apart = np.flatnonzero(self.components != self.components[0])[0]
            self._refuse(
                measure.name,
                f"{self.name} has {self.n_components} components (node {nodes[apart]!r} is the "
                f"first that no path joins to node {nodes[0]!r})",
            )
        if measure.scaler is not None and t is None:
            raise ValueError(f"Measure {measure.name!r} needs its parameter {measure.symbol}.")
        rho = self.rho if measure.scaler == "rho" else 0.0
        return check_parameter(measure, t, rho)

    def _refuse(self, measure, reason):
        raise ValueError(
            f"Measure {measure!r} puts nodes that no path joins infinitely far apart, and "
            f"{reason}; pass floor='auto' or a number, or take the largest component."
        )

    # The parts that kernels share.

    def _memo(self, key, make):
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _normalised(self):
        """S, dense."""
        edges = self.adjacency.tocoo()
        values = edges.data / (self._roots[edges.row] * self._roots[edges.col])
        matrix = np.zeros((self.n_nodes, self.n_nodes), self.dtype)
        matrix[edges.row, edges.col] = values
        return matrix

    def _scaled(self, diagonal, factor):
        """``diag(diagonal) + factor A``, dense."""
        edges = self.adjacency.tocoo()
        matrix = np.zeros((self.n_nodes, self.n_nodes), self.dtype)
        matrix[edges.row, edges.col] = factor * edges.data
        matrix[np.diag_indices(self.n_nodes)] = diagonal
        return matrix

    def eigen(self, operator):
        """Eigenvalues and eigenvectors of A, L or S; those known beforehand are exact."""
        with self._few_threads():
            return self._memo("eigen " + operator, lambda: self._decompose(operator))

    def _decompose(self, operator):
        if operator == "S":
            values, vectors = eigenpairs(self._normalised())
            np.clip(values, -1.0, 1.0, out=values)
            values[-self.n_components :] = 1.0
            return values, vectors
        unit = self.degrees.max() or 1.0
        if operator == "A":
            values, vectors = eigenpairs(self._scaled(0.0, 1.0 / unit))
            return unit * values, vectors
        values, vectors = eigenpairs(self._scaled(self.degrees / unit, -1.0 / unit))
        np.maximum(values, 0.0, out=values)
        values[: self.n_components] = 0.0
        return unit * values, vectors

    def _function(self, operator, function):
        values, vectors = self.eigen(operator)
        with np.errstate(over="ignore", under="ignore"):
            weights = function(values)
        return spectral_function(vectors, weights)

    def _by_degrees(self, kernel, left, right):
        """``D^(left/2) K D^(right/2)`` in place, for left and right of -1 or 1."""
        unit = self._roots.max()
        roots = (self._roots / unit).astype(self.dtype)
        kernel *= (roots**left)[:, None]
        kernel *= roots**right
        if left + right:
            with np.errstate(over="ignore"):
                kernel *= self.dtype.type(unit ** (left + right))
        return kernel

    # Kernels, by the names of the table.

    def _katz(self, t):
        try:
            return inverse(self._scaled(1.0, -t))
        except np.linalg.LinAlgError:  # within rounding of 1/ρ, where one eigenvalue is all
            return self._function("A", lambda x: 1.0 / np.maximum(1.0 - t * x, 1e-16))

    def _comm(self, t):
        return self._function("A", lambda x: np.exp(t * (x - x[-1])))

    def _comm2(self, t):
        return self._function("A", lambda x: np.exp(t * (np.abs(x) - x[-1])))

    def _df(self, t):
        return self._function("A", lambda x: double_factorial_series(t * x, t * x[-1]))

    def _for(self, t):
        # Past it the ones on the diagonal of I + tL drown, and with them the constant vector,
        # which is known of eigenvectors.
        if 2.0 * t * self.degrees.max() > np.finfo(self.dtype).eps ** -0.4:
            return self._function("L", lambda x: 1.0 / (1.0 + t * x))
        return inverse(self._scaled(1.0 + t * self.degrees, -t))

    def _heat(self, t):
        return self._function("L", lambda x: np.exp(-t * x))

    def _nheat(self, t):
        return self._function("S", lambda x: np.exp(-t * (1.0 - x)))

    def _heat2(self, t):
        return self._function("S", lambda x: np.exp(-t * (1.0 - x) * (1.0 + x)))

    def _resolvent(self, alpha):
        """``(I - αS)^-1``."""
        matrix = self._normalised()
        matrix *= -alpha
        matrix[np.diag_indices(self.n_nodes)] = 1.0
        try:
            return inverse(matrix)
        except np.linalg.LinAlgError:  # α within rounding of 1
            return self._function("S", lambda x: 1.0 / (1.0 - alpha * x))

    def _ppr(self, alpha):
        return self._by_degrees(self._resolvent(alpha), -1, 1)

    def _modifppr(self, alpha):
        return self._by_degrees(self._resolvent(alpha), -1, -1)

    def _ppr2(self, x):
        root = np.sqrt(x)
        kernel = self._resolvent(root)
        kernel += self._resolvent(-root)
        kernel *= 0.5
        return self._by_degrees(kernel, -1, -1)

    def _heatpr(self, t):
        return self._by_degrees(self._nheat(t), -1, 1)

    def _abs(self, t):
        return self._modifppr(1.0 - t)

    def _ct(self, t=None):
        return self._commute("ct") / self._unit

    def _cct(self, t=None):
        return self._commute("cct") / self._unit

    def _sct(self, t):
        return _sigmoid(self._commute("ct"), t)

    def _scct(self, t):
        return _sigmoid(self._commute("cct"), t)

    def _sp_ct(self, x):
        paths = self._memo("sp", lambda: self._distance(parse_measure("sp"), None))
        kernel = centred(paths, -0.5 * x).astype(self.dtype, copy=False)
        commute = self._ct()
        commute *= 2.0 * (1.0 - x)
        kernel += commute
        return kernel

    def _commute(self, name):
        """A copy of the kernel 'ct' or 'cct', in units of the inverse of the largest degree."""
        return self._memo(name, lambda: self._far(self._commute_of_parts(name), self._unit)).copy()

    def _commute_of_parts(self, name):
        """The same before what is between components.

        With q the unit vectors of the roots of degrees in each component, ``M = S - qq^T`` and
        ``G = (I - M)^-1`` by Cholesky, both are ``H D^-1/2 X D^-1/2 H`` with X = G, or MGM.
        """
        roots = self._roots / self._roots.max()
        reduced = self._normalised()
        for nodes in self._members():
            unit = (roots[nodes] / np.linalg.norm(roots[nodes])).astype(self.dtype)
            reduced[np.ix_(nodes, nodes)] -= unit[:, None] * unit
        matrix = -reduced
        matrix[np.diag_indices(self.n_nodes)] += 1.0
        try:
            kernel = inverse(matrix) if name == "ct" else _gram_by_inverse(matrix, reduced)
        except np.linalg.LinAlgError as error:
            data = self.adjacency.data
            raise ValueError(
                f"Commute times are beyond the precision of {self.dtype}: the weights of "
                f"{self.name} go from {data.min():g} to {data.max():g}, and parts of the graph "
                "hardly hang together. Drop the weakest edges and pass floor='auto'."
            ) from error
        roots = roots.astype(self.dtype)
        kernel /= roots
        kernel /= roots[:, None]
        for nodes in self._members():
            block = np.ix_(nodes, nodes)
            kernel[block] = centred(kernel[block], 1.0)
        return kernel

    def _members(self):
        """The nodes of each component."""
        order = np.argsort(self.components, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.components))[:-1])

    # What is infinitely far.

    def _apart(self):
        return self.components[:, None] != self.components

    def _far(self, kernel, unit):
        """A kernel of the components, to one of the distances with the floor between them.

        ``unit`` is what a distance of 1 is in those of the kernel.
        """
        if self.n_components == 1:
            return kernel
        distance = halved_distance(kernel)
        distance[self._apart()] = np.inf
        return centred(self._filled(distance, unit), -1.0)

    def _filled(self, distance, unit=1.0):
        """Distances with the floor in the place of infinite ones."""
        far = np.isinf(distance)
        if not far.any():
            return distance
        largest = distance[~far].max()
        value = self.floor
        if value == "auto":
            value = 2.0 * largest if largest > 0 else 1.0
        elif not largest <= value * unit < np.inf or value <= 0:
            raise ValueError(
                f"floor={value!r} is the distance between nodes that no path joins, and others "
                f"are up to {largest / unit:g} apart; pass a number of at least that, or 'auto'."
            )
        else:
            value = value * unit
        distance[far] = value
        return distance

    def _distance(self, measure, t):
        if measure.name == "sp":
            distance = shortest_path_distance(self.adjacency)
        else:
            distance = walk_cost_distance(self._dense(), measure.name, t, cache=self._logs)
        return self._filled(distance)

    def _log(self, measure, t):
        kernel = log_kernel(self._dense(), measure.plain, t, cache=self._logs)
        far = np.isneginf(kernel)
        if not far.any():
            return kernel
        near = kernel[~far]
        least, most = near.min(), near.max()
        value = self.floor
        if value is None:
            self._refuse(
                measure.name,
                f"no walk of even length joins some pairs, for {self.name} is bipartite",
            )
        if value == "auto":
            value = least - ((most - least) or 1.0)
        elif not -np.inf < value <= least:
            raise ValueError(
                f"floor={value!r} is the logarithm of the kernel between nodes that no path "
                f"joins, and others go down to {least:g}; pass a number of at most that, or "
                "'auto'."
            )
        kernel[far] = value
        return kernel

    def _dense(self):
        return self._memo("dense", self.adjacency.toarray)


def double_factorial_series(x, largest):
    """``sum_j x^j / j!!`` over ``exp(log_scale)``: its value where x is ``largest``, both floats.

    ``exp(x²/2) (1 + √(π/2) erf(x/√2))``, in a form for negative x that does not cancel.
    """
    half, root = np.sqrt(0.5), np.sqrt(np.pi / 2)
    # (x - r)(x + r) / 2 is the exponent left over: at most zero, and exact where x is near r.
    growth = np.exp(np.nan_to_num(0.5 * (x - largest) * (x + largest), nan=0.0, neginf=-np.inf))
    decay = np.exp(-0.5 * largest * largest)
    up = growth * (1.0 + root * erf(np.maximum(x, 0.0) * half))
    down = (1.0 - root) * growth + root * erfcx(np.maximum(-x, 0.0) * half) * decay
    return np.where(x >= 0.0, up, down) / (1.0 + root * erf(largest * half))


def _gram_by_inverse(matrix, right):
    """``R M^-1 R`` for symmetric R, by the Cholesky factor of M, which it destroys."""
    potrf, pocon, trtrs = lapack.get_lapack_funcs(("potrf", "pocon", "trtrs"), (matrix,))
    norm = np.abs(matrix).sum(axis=0).max()
    factor, info = potrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if info or pocon(factor, norm, uplo="L")[0] < 10 * np.finfo(matrix.dtype).eps:
        raise np.linalg.LinAlgError("not positive definite to working precision")
    half, _ = trtrs(factor, right.T, lower=1)
    return gram(np.ascontiguousarray(half))


def _sigmoid(kernel, t):
    """``1 / (1 + exp(-t K / σ))`` with σ the standard deviation of all entries, in place."""
    largest = np.abs(kernel).max()
    if largest > 0:
        kernel /= largest
        kernel *= kernel.dtype.type(t / np.std(kernel, dtype=np.float64))
    return expit(kernel, out=kernel)

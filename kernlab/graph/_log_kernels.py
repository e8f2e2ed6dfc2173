"""Logarithms of proximity kernels, by non-negative arithmetic alone."""

# References: Ivashkin, Chebotarev, *Do logarithmic proximity measures outperform plain ones in
# graph clustering?*, 2016, arXiv 1605.01046; Xue, Ye, *Entrywise relative perturbation bounds for
# exponentials of essentially non-negative matrices*, Numerische Mathematik 110, 2008 (why such an
# exponential is well-conditioned entry by entry, and how to keep it so).

import numpy as np
import scipy.sparse as sp
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee
from scipy.special import factorial, gammaln, logsumexp

from kernlab.graph._m_matrix import m_matrix_inverse
from kernlab.graph._wide_numba import (
    RADIX_LOG,
    breadth_first,
    join,
    n_squarings,
    split,
    wide_exponential,
    wide_inverse,
    wide_series,
)

LOG_KERNELS = (
    *("katz", "comm", "df", "for", "heat", "nheat", "ppr", "modifppr", "heatpr", "abs"),
    *("heat2", "ppr2"),
)

# An entry below this share of the largest may have lost walks to underflow, and is found anew in
# numbers of wide range; those above have lost less than rounding.
TINY = 1e-290
# Highest power of an operator in a series, and the memory for the powers kept between parameters.
DEGREE = 16
POWERS_BYTES = 2**30
# A multiplication in wide numbers over one in a matrix product; and the most of them, two minutes.
WIDE_COST = 80
WIDE_LARGEST = 1e10
# Steps in a sum of walks: beyond, rounding of t times the radius is all there is.
LARGEST = 1e8


def log_kernel(adjacency, name, t, *, cache=None):
    """Logarithm, entry by entry, of a proximity kernel.

    Sums of non-negative terms only: exponentials are a Taylor series of a non-negative matrix and
    squarings, inverses those of M-matrices by elimination without a subtraction. Both are right
    entry by entry, where an eigendecomposition is right relative to the largest entry alone and
    has the wrong sign for pairs far apart. Entries below the range of floats are summed again in
    numbers with an exponent of their own.

    Parameters
    ----------
    adjacency : ndarray of shape (n_nodes, n_nodes)
        Symmetric weights, zero or more, of zero diagonal.
    name : {'katz', 'comm', 'df', 'for', 'heat', 'nheat', 'ppr', 'modifppr', 'heatpr', 'abs', \
'heat2', 'ppr2'}
        The plain measure.
    t : float
        Its natural parameter: positive; below 1/rho for 'katz', with rho the largest eigenvalue of
        the weights; below 1 for 'ppr', 'modifppr', 'ppr2' (alpha), and for 'abs', whose kernel is
        diagonal at 1 and has negative entries beyond.
    cache : dict, default=None
        Keeps what parameters and measures of the same adjacency share.

    Returns
    -------
    logs : float64 ndarray of shape (n_nodes, n_nodes)
        Finite within a component, ``-inf`` between components. Symmetric to the last bit, but for
        'ppr' and 'heatpr'. Right to rounding times the sensitivity of the kernel: of 'comm' some
        1e-16 times t rho, of 'df' times (t rho)². The even kernels 'heat2' and 'ppr2' join nodes by
        walks of even length: either side of a bipartite graph is a component.

    Raises
    ------
    ValueError
        For another name, for a parameter outside its interval, for isolated nodes in a measure
        that divides by degrees, for ``t`` so large that walks take more than 1e8 steps, and where
        entries below the range of floats would take some two minutes or more.
    """
    if name not in LOG_KERNELS:
        raise ValueError(
            f"measure={name!r} has no logarithm; those that do: {', '.join(LOG_KERNELS)}."
        )
    check_range(name, t, 1.0 if name in ("ppr", "modifppr", "abs", "ppr2") else np.inf)
    graph = Walks.of(adjacency, cache)
    if name not in ("katz", "comm", "df", "for", "heat"):
        graph.need_degrees(name)
    adjacency, degrees = graph.adjacency, graph.degrees
    if name in ("ppr", "modifppr"):
        logs = log_inverse(t * adjacency, (1 - t) * degrees, graph.labels)
    elif name == "abs":
        logs = log_inverse((1 - t) * adjacency, t * degrees, graph.labels)
    elif name == "ppr2":
        pairs = graph.operator("pairs")
        links = np.ldexp(t * pairs.matrix, pairs.exponent)
        logs = log_inverse(links, (1 - t) * degrees, pairs.labels)
    elif name == "for":
        logs = log_inverse(t * adjacency, np.ones(len(degrees)), graph.labels)
    elif name == "katz":
        logs = _log_katz(adjacency, t, graph)
    elif name == "df":
        logs = _log_double_factorial(t, graph)
    else:
        logs = _log_exponential(name, t, graph)
    # Sums in another order differ in the last digits.
    logs += logs.T
    logs *= 0.5
    if name == "ppr":
        logs += np.log(degrees)
    elif name == "heatpr":
        half = np.log(degrees) / 2
        logs += half - half[:, None]
    return logs


def check_range(name, value, upper):
    """Refuse a parameter outside (0, upper)."""
    if not 0 < value < upper:
        raise ValueError(
            f"the parameter of log {name!r} is {value!r}; it lies in the open interval "
            f"(0, {upper:g})."
        )


class Walks:
    """What the kernels of one graph share: degrees, components, operators and their powers."""

    def __init__(self, adjacency):
        self.adjacency = np.ascontiguousarray(adjacency, dtype=np.float64)
        self.degrees = self.adjacency.sum(axis=1)
        self.labels = _components(self.adjacency)
        self._operators = {}

    @classmethod
    def of(cls, adjacency, cache):
        """The one in ``cache``, or a new one."""
        if cache is None:
            return cls(adjacency)
        if "walks" not in cache:
            cache["walks"] = cls(adjacency)
        return cache["walks"]

    def need_degrees(self, name):
        """Refuse nodes without edges."""
        isolated = np.flatnonzero(self.degrees == 0)
        if len(isolated):
            raise ValueError(
                f"{name!r} divides by degrees, and nodes {isolated[:5].tolist()} have no edges; "
                "leave them out of the graph."
            )

    def operator(self, name):
        """'A', 'L' (largest degree less the Laplacian), 'S', 'SS', 'AA' or 'pairs' (A / D A)."""
        if name not in self._operators:
            operator = self._operators[name] = Operator(*self._matrix(name))
            if name in ("S", "SS", "L"):
                operator.fixed = self.degrees**0.5 if "S" in name else np.ones(len(self.degrees))
        return self._operators[name]

    def _matrix(self, name):
        if name == "A":
            return self.adjacency, self.labels
        if name == "L":
            return self.adjacency + np.diag(self.degrees.max() - self.degrees), self.labels
        if name == "S":
            roots = np.sqrt(self.degrees)
            return self.adjacency / roots / roots[:, None], self.labels
        if name == "pairs":
            matrix = (self.adjacency / self.degrees) @ self.adjacency
            return matrix, _components(matrix)
        once = self.operator(name[0])
        matrix = once.matrix @ once.matrix
        return matrix, _components(matrix), 2 * once.exponent


class Operator:
    """A non-negative symmetric matrix, over a power of two that brings its radius to about one."""

    def __init__(self, matrix, labels, exponent=0):
        guess = np.linalg.norm(matrix / max(matrix.max(), 1e-300)) * matrix.max()
        shift = int(np.frexp(guess)[1]) if guess > 0 else 0
        self.matrix = np.ldexp(matrix, -shift)
        self.exponent = exponent + shift  # the operator is matrix · 2^exponent
        self.labels = labels
        self.fixed: np.ndarray | None = None  # eigenvector of the radius in every component
        self._powers = None
        # Entries below this share of the largest are not looked for until one is met.
        self.floor = 1e-30
        self.last: tuple = ()  # time, exponential and its exponent
        self._n_pairs = (np.bincount(labels).astype(np.int64) ** 2).sum()

    def radius(self):
        """Bounds of the spectral radius from below and above."""
        if not hasattr(self, "_radius"):
            vector = np.ones(len(self.matrix))
            for _ in range(50):
                image = self.sparse @ vector
                # The mean of two iterates converges on bipartite graphs as well.
                vector = vector + image / max(image.max(), 1e-300)
                vector /= vector.max()
            image = self.sparse @ vector
            lower = vector @ image / (vector @ vector)
            self._radius = lower * (1 - 1e-12), (image / vector).max() * (1 + 1e-12)
        return self._radius

    @property
    def sparse(self):
        """The matrix as CSR."""
        if not hasattr(self, "_sparse"):
            self._sparse = sp.csr_array(self.matrix)
        return self._sparse

    def times(self, dense):
        """The matrix times a dense one."""
        # A sparse product costs some twenty times as much per multiplication.
        if self.sparse.nnz < 0.05 * self.matrix.size:
            return self.sparse @ dense
        return self.matrix @ dense

    def series(self, coefficients):
        """Sum of coefficients times powers, all of them non-negative."""
        n_nodes = len(self.matrix)
        if DEGREE * self.matrix.nbytes > POWERS_BYTES:
            result = np.zeros_like(self.matrix)
            for coefficient in coefficients[::-1]:
                result = self.times(result)
                result.flat[:: n_nodes + 1] += coefficient
            return result
        if self._powers is None:
            self._powers = np.empty((DEGREE, n_nodes, n_nodes))
            power = self.matrix
            for place in self._powers:
                place[:] = power
                power = self.times(power)
        # Horner's scheme in the highest power, between them sums of the others.
        flat = self._powers.reshape(DEGREE, -1)
        result = None
        for start in reversed(range(0, len(coefficients), DEGREE)):
            first, *others = coefficients[start : start + DEGREE]
            part = (np.array(others) @ flat[: len(others)]).reshape(n_nodes, n_nodes)
            part.flat[:: n_nodes + 1] += first
            if result is not None:
                part += result @ self._powers[-1]
            result = part
        return result

    def below_floor(self, kernel):
        """Whether an entry is below the floor, and now that it is known, looked for."""
        if self.floor == TINY:
            return False
        top = kernel.max()
        if np.count_nonzero(kernel >= self.floor * top) == self._n_pairs:
            return False
        self.floor, self.last = TINY, ()
        return True

    def n_steps(self, time, least=None, step=1):
        """Steps in walks beyond which lies less than 1e-16 of any entry that counts.

        ``least`` is the logarithm of the least such entry; walks of k steps are over k!, or k!!
        where ``step`` is 2.
        """
        lower, upper = (time * radius for radius in self.radius())
        if upper == 0:
            return 1
        if least is None:
            # The largest entry is at least exp(lower) / n.
            least = lower - np.log(len(self.matrix)) + np.log(self.floor)
        low = int(2 * upper**step)
        high = low + 1

        def counts(k):
            share = k / step
            return k * np.log(upper) - gammaln(share + 1) - share * np.log(step) > least - 37

        # Terms fall from twice the argument on.
        while counts(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if counts(middle) else (low, middle)
        return high

    def exponential(self, time):
        """``exp(time · matrix)`` as a matrix with largest entry about one and a power of two."""
        halvings = np.log2(time / self.last[0]) if self.last else -1
        if halvings >= 0 and halvings == np.rint(halvings) and halvings < 8:
            squarings, (_, result, exponent) = int(halvings), self.last
        else:
            squarings = n_squarings(self.n_steps(time), DEGREE)
            orders = np.arange(DEGREE + 1)
            part = time * 0.5**squarings
            result, exponent = self.series(part**orders / factorial(orders)), 0
        for _ in range(squarings):
            result = result @ result.T
            shift = int(np.frexp(result.max())[1])
            result = np.ldexp(result, -shift)
            exponent = 2 * exponent + shift
        if self.below_floor(result):
            return self.exponential(time)
        if self.fixed is not None:
            # Squarings double a common relative error. Less the radius, the matrix keeps its
            # eigenvector of the radius, and what the sums differ by is that error.
            scale = np.sqrt(self.fixed / (result @ self.fixed))
            result, exponent = result * scale * scale[:, None], 0
        self.last = time, result, exponent
        return result, exponent

    def wide_columns(self, t, sources, step):
        """Logarithms of columns of the sum of (t · operator)^k / k!, or / k!! for step 2.

        With a fixed vector, of that of (t · (operator - radius))^k / k!.
        """
        weights, n_nodes = self.sparse, len(self.matrix)
        log_time = np.log(t) + self.exponent * np.log(2)
        log_weights = np.log(weights.data) + log_time
        # The least entry is at least that of one walk of the fewest steps.
        ends = sources[np.unique(self.labels[sources], return_index=True)[1]]
        trees = [breadth_first(weights.indptr, weights.indices, end)[1] for end in ends]
        hops = 2 * max(1, max(tree.max() for tree in trees))
        least = min(0.0, hops * (log_weights.min() - np.log(hops)))
        steps = self.n_steps(max(np.exp(log_time), np.finfo(float).tiny), least, step)
        squarings = n_squarings(steps, DEGREE)
        series = len(sources) * weights.nnz * float(max(steps - hops, DEGREE))
        n_exponents = 1 - least / RADIX_LOG
        products = n_nodes**3 * (DEGREE + squarings) * n_exponents**2
        if step == 1 and products < WIDE_COST * series:
            mantissas, exponents = (np.zeros((n_nodes, n_nodes), dtype) for dtype in (float, int))
            places = weights.nonzero()
            mantissas[places], exponents[places] = split(log_weights - squarings * np.log(2))
            mantissas, exponents = wide_exponential(mantissas, exponents, DEGREE, squarings)
            mantissas, exponents = mantissas[sources], exponents[sources]
        elif series > WIDE_LARGEST:
            raise ValueError(
                f"{len(sources)} nodes have pairs below 1e-290 of the largest entry, which at this "
                f"parameter are sums over walks of {steps:.3g} steps; lower t, or drop the weakest "
                "edges."
            )
        else:
            data = weights.indptr, weights.indices, weights.data, *split(log_weights)
            radius = np.log(self.radius()[1]) + log_time
            columns = [wide_series(*data, log_time, source, step, radius) for source in sources]
            mantissas, exponents = (np.array(part) for part in zip(*columns, strict=True))
        # The logarithm of the radius may be large, and is not added where it would be taken away.
        units = exponents[np.arange(len(sources)), sources, None]
        columns = join(mantissas, exponents - units)
        if self.fixed is None:
            return columns + units * RADIX_LOG
        sums = logsumexp(columns, axis=1, b=self.fixed / self.fixed[sources, None], keepdims=True)
        return columns - sums


def _components(matrix):
    return connected_components(sp.csr_array(matrix), directed=False)[1]


def log_inverse(links, excess, labels, log_links=None):
    """Logarithm of the inverse of the M-matrix with links, which are overwritten, and row sums.

    ``log_links`` are needed where links underflow.
    """
    shift = int(np.frexp((links.sum(axis=1) + excess).max())[1])
    np.ldexp(links, -shift, out=links)
    excess = np.ldexp(excess, -shift)
    inverse = m_matrix_inverse(links, excess)
    lost = _lost(inverse, labels)
    with np.errstate(divide="ignore"):
        logs = np.log(inverse, out=inverse)
        if lost.any():
            if log_links is None:
                log_links = np.log(links, out=links)
            else:
                log_links = log_links - shift * np.log(2)
            _mend_inverse(logs, lost, log_links, np.log(excess))
    logs -= shift * np.log(2)
    return logs


def _mend_inverse(logs, lost, log_links, log_excess):
    """Replace lost entries by those found in wide numbers."""
    order = reverse_cuthill_mckee(sp.csr_matrix(np.isfinite(log_links)), symmetric_mode=True)
    mantissas, exponents = split(log_links[np.ix_(order, order)])
    np.fill_diagonal(mantissas, 0.0)
    wide_inverse(mantissas, exponents, *split(log_excess[order]))
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    rows, columns = (place[nodes] for nodes in np.nonzero(lost))
    logs[lost] = join(mantissas[rows, columns], exponents[rows, columns])


def _lost(kernel, labels):
    """Entries within components that are too small to be trusted."""
    lost = kernel < TINY * kernel.max()
    if lost.any():
        lost &= labels == labels[:, None]
    return lost


def _log_katz(adjacency, t, graph):
    # With K the kernel and u = K 1, diag(u) (I - t A) diag(u) has row sums u > 0.
    matrix = np.eye(len(adjacency)) - t * adjacency
    try:
        factor = cho_factor(matrix)
        ones = np.ones(len(matrix))
        sums = cho_solve(factor, ones)
        sums += cho_solve(factor, ones - (sums - t * (adjacency @ sums)))
        bounded = (sums > 0).all()
    except LinAlgError:
        bounded = False
    if not bounded:
        raise ValueError(
            f"the parameter of log 'katz' is {t!r}; it lies in the open interval (0, 1 / rho), "
            f"rho = {np.linalg.eigvalsh(adjacency)[-1]:.9g} being the largest eigenvalue of the "
            "weights."
        )
    links = t * adjacency * sums * sums[:, None]
    logs = log_inverse(links, sums, graph.labels)
    logs += np.log(sums)
    logs += np.log(sums)[:, None]
    return logs


def _time(operator, t, shift):
    """``t`` times two to the power ``shift``, which makes it the time of the operator's matrix."""
    with np.errstate(over="ignore"):
        time = np.ldexp(float(t), shift)
    steps = time * operator.radius()[1]
    if not steps <= LARGEST:
        raise ValueError(
            f"the parameter makes walks of some {steps:.3g} steps count; beyond {LARGEST:g} floats "
            "do not resolve the kernel's logarithm: lower t."
        )
    # Below the range of floats all but the diagonal is lost, and found in wide numbers.
    return max(time, np.finfo(float).tiny)


def _log_exponential(name, t, graph):
    operator = graph.operator({"comm": "A", "heat": "L", "heat2": "SS"}.get(name, "S"))
    time = _time(operator, t, operator.exponent)
    kernel, exponent = operator.exponential(time)
    lost = _lost(kernel, operator.labels)
    with np.errstate(divide="ignore"):
        logs = np.log(kernel)
    logs += exponent * np.log(2.0)
    _mend(logs, lost, operator, t, 1)
    return logs


def _mend(logs, lost, operator, t, step):
    """Replace lost entries by those of columns in wide numbers."""
    sources = np.flatnonzero(lost.any(axis=0))
    if len(sources):
        columns = operator.wide_columns(t, sources, step)
        logs[:, sources] = np.where(lost[:, sources], columns.T, logs[:, sources])


def _log_double_factorial(t, graph):
    # Even powers X^2k / (2k)!! are exp(X²/2); odd ones X · M(1, 3/2, X²/2), where M is Kummer's
    # function, the integral of exp(u X²/2) / (2 √(1-u)) over u from 0 to 1.
    once, twice = graph.operator("A"), graph.operator("AA")
    time = _time(once, t, once.exponent)
    even_time = _time(twice, time * time / 2, twice.exponent - 2 * once.exponent)
    floor = once.floor = twice.floor
    odd, odd_exponent = _kummer(twice, even_time)
    odd = once.times(odd) * time
    even, exponent = twice.exponential(even_time)
    kernel = even + np.ldexp(odd, odd_exponent - exponent)
    if twice.floor != floor or once.below_floor(kernel):
        twice.floor = TINY
        return _log_double_factorial(t, graph)
    lost = _lost(kernel, graph.labels)
    with np.errstate(divide="ignore"):
        logs = np.log(kernel)
    logs += exponent * np.log(2.0)
    _mend(logs, lost, once, t, 2)
    return logs


def _kummer(operator, time):
    """M(1, 3/2, time · matrix) as a matrix and a power of two."""
    share = min(1.0, 45 / max(operator.radius()[1] * time, 1e-300))
    while True:
        # The last stretch of the integral, over u from 1 - share: the exponential of the rest
        # times the same function of a share of the argument.
        steps = np.arange(operator.n_steps(share * time) + 1)
        logs = steps * np.log(4 * share * time) - gammaln(2 * steps + 2) + gammaln(steps + 1)
        stretch = operator.series(np.exp(logs))
        if share == 1:
            return stretch, 0
        rest, exponent = operator.exponential((1 - share) * time)
        stretch = np.sqrt(share) * (rest @ stretch)
        # All before that stretch is less than the exponential at its beginning.
        resolved = stretch > TINY * stretch.max()
        if (rest[resolved] <= 1e-15 * stretch[resolved]).all():
            return stretch, exponent
        share = min(1.0, 4 * share)

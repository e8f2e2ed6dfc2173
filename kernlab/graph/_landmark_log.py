"""Coordinates of the nodes of a large graph from proximities to landmarks."""

# References: Ivashkin, Chebotarev, *Do logarithmic proximity measures outperform plain ones in
# graph clustering?*, NET 2016, arXiv 1605.01046; Françoisse, Kivimäki, Mantrach, Rossi, Saerens,
# *A bag-of-paths framework for network data analysis*, Neural Networks 90, 2017 (free energy).

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.validation import N_JOBS, Interval, fit_context, whole_or_nothing
from kernlab.graph._adjacency import (
    nodes_at,
    validate_graph,
    without_isolated,
)
from kernlab.graph._embedding import GraphEmbedding
from kernlab.graph._landmark_columns import log_columns
from kernlab.graph._landmark_commute import COMMUTE, check_connected, commute_columns
from kernlab.graph._measures import closest

# Default parameters, and the open intervals of those that have an end.
_DEFAULTS = {"nheat": 6.0, "heat": 1.0, "comm": 6.0, "katz": 0.9, "for": 1.0, "modifppr": 0.9,
             "abs": 0.1, "fe": 0.1, "rsp": 0.1,
             "ct": None, "cct": None, "sct": 30.0, "scct": 10.0}  # fmt: skip
_ENDS = {"katz": 1.0, "modifppr": 1.0, "abs": 1.0}
_ALIASES = {"walk": "katz", "forest": "for", "ppr": "modifppr"}
# Infinite between components; and of them those in units of one over the weights.
_CONNECTED, _IN_UNITS = {"rsp", *COMMUTE}, {"rsp", "ct", "cct"}
_DENSE = {"sp", "sp-ct", "df", "heatpr", "heat2", "ppr2", "comm2"}


class LandmarkLogEmbedding(GraphEmbedding):
    r"""Coordinates from a proximity to some landmarks, as a rule from its logarithm.

    The matrix of log proximities of all nodes to ``n_landmarks`` of them is centred in rows and
    columns, and its leading directions are the coordinates. It is what classical scaling makes of
    a logarithmic proximity, without the table of all pairs. Commute times and randomised shortest
    paths are taken as they are, without a logarithm.

    Parameters
    ----------
    n_components : int, default=16
        Coordinates, fewer than landmarks.
    measure : str, default='nheat'
        The proximity, by its plain name, see :class:`GraphProximity`: 'nheat' and 'heat', of the
        normalised and the combinatorial Laplacian; 'comm', communicability; 'katz' or 'walk';
        'for' or 'forest'; 'modifppr' or 'ppr', PageRank; 'abs', absorption; the distances 'fe',
        of free energy, and 'rsp', of randomised shortest paths, the latter without a logarithm;
        and, without a logarithm and for connected graphs alone, 'ct', commute times, 'cct',
        corrected ones, and their sigmoids 'sct' and 'scct'.
    param : float or None, default=None
        Parameter in its natural units: the time t of heat, more than zero; t of 'for', more than
        zero; of 'comm' and 'katz' in units of one over the largest eigenvalue of the adjacency
        matrix, for 'katz' below 1; α of 'modifppr' and t of 'abs' in (0, 1); the inverse
        temperature β of 'fe' and 'rsp', more than zero; t of 'sct' and 'scct', more than zero.
        None is 6 for 'nheat' and 'comm', 1 for 'heat' and 'for', 10 for 'scct', 30 for 'sct', 0.9
        for 'katz' and 'modifppr', 0.1 else. 'ct' and 'cct' have none, and want None.
    n_landmarks : int, default=256
        Nodes drawn at random, at most all.
    random_state : int, RandomState instance or None, default=None
        Which nodes are landmarks. An integer gives the same bits for any number of threads.
    n_jobs : int or None, default=None
        Threads. None is Numba's current count, -1 all cores.

    Attributes
    ----------
    embedding_ : float32 ndarray of shape (n_nodes, n_components)
        The largest direction first; a column's norm is the root of its singular value.
    landmarks_ : int ndarray of shape (n_landmarks,)
    param_ : float or None
    unreached_ : float
        Share of the pairs of node and landmark whose proximity is zero or below 1e-20 of the
        landmark's largest, among them all of different components; they were set to that, and
        distances of 'rsp' to the largest from that landmark to a pair above. Zero for commute
        times.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    GraphSketch : Plain proximities.
    kernlab.cluster.SparseGraphClustering : Clusters of large graphs.

    Notes
    -----
    Columns are sums of non-negative terms, in which nothing cancels, so that the logarithms of
    small entries are right to 1e-5, if above 1e-20 of the largest: those of heat and
    communicability by uniformisation, the others by series of walks, whose length is inverse to
    the distance of ``param`` from the end of its range, and up to six times that where nodes are
    far apart. Heat takes some t terms for each unit of the largest degree (of 'nheat' and 'comm',
    for one). More than 20 000 terms, some ten seconds for 200 nodes, are refused.
    Centring takes out what depends on a row or a column alone, so that the diagonal is not needed.
    Free energy is the logarithm of :math:`(D - A \circ e^{-\beta C})^{-1}` up to such terms, with
    cost :math:`C = 1/A` [2]_.

    Commute times are solves with the Laplacian by conjugate gradients, to 1e-6 of the norm of a
    column; where they take more than a hundred steps, as on grids, by algebraic multigrid, if pyamg
    is installed. With :math:`h_j` the indicator of a landmark less 1/n, columns of CT are
    :math:`L^+ h_j` and of CCT, corrected for what a node's own degree does [3]_,
    :math:`L^+ A D^{-1} A D^{-1} h_j`. 'sct' and 'scct' are :math:`1 / (1 + e^{-tK/\sigma})` [4]_,
    with σ the standard deviation of all entries of K; the mean square over the landmarks' columns
    stands for σ², without bias, for landmarks are drawn at random. With all nodes as landmarks
    kernels are those of :class:`GraphProximity`. CT and CCT of a large graph are dominated by the
    entries of landmarks with themselves; their sigmoids are not, the less the larger t is.

    One term costs 2 n_landmarks edges, and a step of conjugate gradients some two or three times
    that; memory is 8 n_landmarks bytes a node. Shortest paths and other measures that subtract
    entries are refused here.

    References
    ----------
    .. [1] V. Ivashkin, P. Chebotarev, "Do logarithmic proximity measures outperform plain ones in
       graph clustering?", NET 2016, arXiv:1605.01046.
    .. [2] K. Françoisse, I. Kivimäki, A. Mantrach, F. Rossi, M. Saerens, "A bag-of-paths framework
       for network data analysis", Neural Networks 90, 2017.
    .. [3] U. von Luxburg, A. Radl, M. Hein, "Hitting and commute times in large random neighborhood
       graphs", JMLR 15, 2014.
    .. [4] L. Yen, F. Fouss, C. Decaestecker, P. Francq, M. Saerens, "Graph nodes clustering with
       the sigmoid commute-time kernel", Data & Knowledge Engineering 68, 2009.

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.graph import LandmarkLogEmbedding
    >>> graph = nx.ring_of_cliques(2, 20)
    >>> line = LandmarkLogEmbedding(1, random_state=0).fit_transform(graph).ravel()
    >>> side = line > 0
    >>> [int(side[:20].sum()), int(side[20:].sum())] in ([0, 20], [20, 0])
    True
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "measure": [str],
        "param": [Interval(Real, 0, None, closed="neither"), None],
        "n_landmarks": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
    }

    def __init__(
        self,
        n_components=16,
        *,
        measure="nheat",
        param=None,
        n_landmarks=256,
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.measure = measure
        self.param = param
        self.n_landmarks = n_landmarks
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the coordinates.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
            Weights of an undirected graph, zero or more.
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : LandmarkLogEmbedding

        Raises
        ------
        ValueError
            X is no undirected graph, or has nodes without edges, or several components and the
            measure is one of commute times or 'rsp'; an unknown measure, a parameter out of its
            range, or one that takes more than 20 000 terms, or as many components as landmarks;
            coordinates that overflow.

        Warns
        -----
        UnresolvedHeatWarning
            If the solves for commute times do not converge.
        """
        with whole_or_nothing(self):
            measure, param = checked_measure(self, _DEFAULTS, _ENDS)
            adjacency = self._adjacency = validate_graph(self, X)
            check_linked(adjacency, self.nodes_)
            n_nodes = adjacency.shape[0]
            count = min(self.n_landmarks, n_nodes)
            if self.n_components >= count:
                raise ValueError(
                    f"n_components={self.n_components} must be fewer than the landmarks, {count} "
                    f"(n_samples={n_nodes}); raise n_landmarks or lower n_components."
                )
            rng = check_random_state(self.random_state)
            landmarks = rng.choice(n_nodes, count, replace=False)
            starts = sp.csc_array(
                (np.ones(count), landmarks, np.arange(count + 1)), shape=(n_nodes, count)
            )
            unit = float(adjacency.data.max())
            with SINGLE_THREADED_BLAS:
                if measure in _CONNECTED:
                    check_connected(adjacency, self.measure)
                if measure in COMMUTE:
                    table = commute_columns(adjacency / unit, measure, param, starts, self.n_jobs)
                    self.unreached_ = 0.0
                else:
                    table, self.unreached_ = log_columns(
                        adjacency / unit, unit, measure, param, starts, self.n_jobs
                    )
                table -= table.mean(axis=0, dtype=np.float64).astype(np.float32)
                table -= table.mean(axis=1, keepdims=True)
                points = _leading_directions(table, self.n_components)
                if measure in _IN_UNITS:
                    points = points * np.float64(unit) ** -0.5
            self.embedding_ = single(points)
            self.landmarks_, self.param_ = landmarks, param
        return self


def checked_measure(estimator, defaults, ends):
    """The plain name of ``estimator.measure`` and its parameter."""
    name = estimator.measure.lower()
    name = _ALIASES.get(name, name)
    if name not in defaults:
        plain = name.removeprefix("log")
        if name in _DENSE:
            why = "is computed between all pairs of nodes alone, see GraphProximity"
        elif name in _DEFAULTS:
            why = "has no sketch, see LandmarkLogEmbedding"
        elif plain in defaults or plain in _ALIASES:
            why = f"has a prefix that is not needed here: pass {plain!r}"
        else:
            why = "is no such measure" + closest(name, defaults)
        raise ValueError(f"measure={estimator.measure!r} {why}; give one of {', '.join(defaults)}.")
    param = defaults[name] if estimator.param is None else estimator.param
    if defaults[name] is None:
        if param is not None:
            raise ValueError(
                f"param={param!r} and measure={estimator.measure!r}, which has none: pass None."
            )
        return name, None
    param = float(param)
    if not 0 < param < ends.get(name, np.inf):
        raise ValueError(
            f"param={param!r} is outside of (0, {ends.get(name, np.inf):g}), the range of "
            f"measure={estimator.measure!r}."
        )
    return name, param


def check_linked(adjacency, nodes):
    """Refuse nodes without edges, which no proximity tells apart."""
    isolated = np.flatnonzero(np.diff(adjacency.indptr) == 0)
    if len(isolated):
        raise ValueError(
            f"X has {len(isolated)} nodes without edges ({nodes_at(isolated, nodes)}), out of "
            f"n_samples={adjacency.shape[0]}; drop them: {without_isolated('X', nodes)}."
        )


def single(points):
    """Coordinates in single precision, if it holds them."""
    size = float(np.abs(points).max())
    # NaN is in neither range.
    if not (size == 0 or 1e-30 < size < 1e30):
        raise ValueError(
            f"coordinates are of size {size:g}, beyond what single precision holds; divide X by "
            "its maximum, or lower param."
        )
    return points.astype(np.float32, copy=False)


def _leading_directions(table, n_components):
    """Left singular vectors times the root of their values; signs by the largest entry."""
    # Squares of numbers near one, by a power of two, which rounds nothing.
    exponent = int(np.frexp(max(table.max(), -table.min()))[1])
    if abs(exponent) > 20:
        np.ldexp(table, -exponent, out=table)
        return _leading_directions(table, n_components) * 2.0 ** (exponent / 2)
    values, turn = np.linalg.eigh((table.T @ table).astype(np.float64))
    values = np.sqrt(np.maximum(values[::-1][:n_components], 0.0))
    turn = turn[:, ::-1][:, :n_components]
    # Directions of no length but rounding are zero, not noise blown up.
    scale = np.where(values > 1e-4 * values[0], np.sqrt(np.maximum(values, 1e-300)), np.inf)
    points = table @ (turn / scale).astype(np.float32)
    largest = points[np.argmax(np.abs(points), axis=0), np.arange(points.shape[1])]
    return points * np.where(largest < 0, np.float32(-1), np.float32(1))

"""Random coordinates of the nodes of a large graph, whose inner products are a proximity."""

# References: Spielman, Srivastava, *Graph sparsification by effective resistances*, SIAM J. Comput.
# 40, 2011; Ramasamy, Madhow, *Compressive spectral embedding: sidestepping the SVD*, NIPS 2015.

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from kernlab._core.threads import SINGLE_THREADED_BLAS
from kernlab._core.validation import N_JOBS, Interval, fit_context, whole_or_nothing
from kernlab.graph._adjacency import validate_graph
from kernlab.graph._embedding import GraphEmbedding
from kernlab.graph._landmark_columns import forest_shares
from kernlab.graph._landmark_log import check_linked, checked_measure, single
from kernlab.graph._laplacian import laplacian
from kernlab.graph._radius import spectral_radius
from kernlab.graph._resolvent import resolvent_solve
from kernlab.linalg import heat_action

_DEFAULTS = {"nheat": 30.0, "heat": 1.0, "comm": 30.0, "for": 1.0, "modifppr": 0.9, "abs": 0.1}
_ENDS = {"modifppr": 1.0, "abs": 1.0}
# Error of a row of heat relative to its own deviation, and from what on rounding is more.
_ROW, _SINGLE = 0.03, 1e-6


class GraphSketch(GraphEmbedding):
    r"""Coordinates whose inner products are a plain proximity, up to chance.

    For a positive semi-definite proximity K, random rows Y with :math:`\mathrm{E}\,YY^T = K`:
    distances between rows are those of the proximity up to a relative error of about
    :math:`\sqrt{1 / (2\,n\_components)}`, as the lemma of Johnson and Lindenstrauss has it, and no
    eigenvectors are needed. They are points for k-means, neighbour searches and the like.

    Parameters
    ----------
    n_components : int, default=64
        Coordinates. Twice as many halve the variance.
    measure : {'nheat', 'heat', 'comm', 'for', 'modifppr', 'abs'}, default='nheat'
        The proximity, as of :class:`LandmarkLogEmbedding`.
    param : float or None, default=None
        Parameter in its natural units: the time of heat; t of 'for'; of 'comm' in units of one over
        the largest eigenvalue; α of 'modifppr' and t of 'abs' in (0, 1). None is 30 for 'nheat' and
        'comm', 1 for 'heat' and 'for', 0.9 for 'modifppr', 0.1 for 'abs'.
    centered : bool, default=True
        Whether the mean row is subtracted, and with 'nheat' rows divided by the root of the degree
        first, relative to the mean, so that what tells degrees alone goes. Of 'modifppr' and 'abs'
        it is constant, and goes with the mean.
    random_state : int, RandomState instance or None, default=None
        An integer gives the same bits for any number of threads.
    n_jobs : int or None, default=None
        Threads. None is Numba's current count, -1 all cores.

    Attributes
    ----------
    embedding_ : float32 ndarray of shape (n_nodes, n_components)
    param_ : float
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    LandmarkLogEmbedding : Logarithmic proximities.

    Notes
    -----
    Heat and communicability are applied for half their time to Gaussian columns, by Chebyshev
    series. The others are inverses of a matrix :math:`E + B^T W B` of non-negative excess E and
    edges B with weights W: Gaussian numbers :math:`E^{1/2} g + B^T W^{1/2} h` have that matrix for
    covariance, and a solve with it makes of them columns with its inverse for covariance [1]_. The
    solves are conjugate gradients, and where these take more than 100 iterations multigrid, if
    pyamg is installed.

    Rows of heat are accurate to 3% of their own standard deviation, or better; where the least
    degree is so far below the mean that single precision does not give that, double is taken, at
    twice the time. Of the inverses, what is constant on a component is exact, and residuals are so
    small that no contrast of two parts errs by more than 3% of its own, however loosely they are
    linked. Communicability is accurate relative to the largest rows alone.

    References
    ----------
    .. [1] D. Spielman, N. Srivastava, "Graph sparsification by effective resistances", SIAM J.
       Comput. 40, 2011.
    .. [2] D. Ramasamy, U. Madhow, "Compressive spectral embedding: sidestepping the SVD", NIPS
       2015.

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.graph import GraphSketch
    >>> graph = nx.ring_of_cliques(2, 20)
    >>> points = GraphSketch(random_state=0).fit_transform(graph)
    >>> bool(points[0] @ points[5] > 0 > points[0] @ points[25])
    True
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "measure": [str],
        "param": [Interval(Real, 0, None, closed="neither"), None],
        "centered": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
    }

    def __init__(
        self,
        n_components=64,
        *,
        measure="nheat",
        param=None,
        centered=True,
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.measure = measure
        self.param = param
        self.centered = centered
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
        self : GraphSketch

        Raises
        ------
        ValueError
            X is no undirected graph, or has nodes without edges, or with 'nheat' a degree below
            1e-27 of their sum; an unknown measure or a parameter out of its range; coordinates that
            overflow.

        Warns
        -----
        UnresolvedHeatWarning
            If solves do not converge, or t times a degree ('for'), or 1 / (1 - α) ('modifppr'), or
            1 / t ('abs'), is above 1e15, so that double precision does not tell parts of a
            component that are hardly linked from one.
        """
        with whole_or_nothing(self):
            measure, param = checked_measure(self, _DEFAULTS, _ENDS)
            adjacency = self._adjacency = validate_graph(self, X)
            check_linked(adjacency, self.nodes_)
            rng = check_random_state(self.random_state)
            unit = float(adjacency.data.max())
            adjacency = adjacency / unit
            with SINGLE_THREADED_BLAS:
                points = self._points(adjacency, unit, measure, param, rng)
            points *= self.n_components**-0.5
            if self.centered:
                if measure == "nheat":
                    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
                    points *= np.sqrt(degrees.mean() / degrees)[:, None]
                points -= points.mean(axis=0)
            self.embedding_ = single(points)
            self.param_ = param
        return self

    def _points(self, adjacency, unit, measure, param, rng):
        """Of the graph whose weights are ``unit`` times those of ``adjacency``."""
        n_nodes = adjacency.shape[0]
        shape = (n_nodes, self.n_components)
        if measure in ("nheat", "heat", "comm"):
            if measure == "comm":
                radius = spectral_radius(adjacency)
                L = 1.001 * sp.eye_array(n_nodes) - adjacency / radius
                heat = self._heat(L, rng, param)
                return heat * np.exp(0.5 * 1.001 * param)
            if measure == "nheat":
                # Heat that is mixed leaves each node the root of its share of the degrees.
                degrees = np.asarray(adjacency.sum(axis=1)).ravel()
                least = np.sqrt(degrees.min() / degrees.sum())
                return self._heat(laplacian(adjacency, "normalized"), rng, param, least)
            least = n_nodes**-0.5
            return self._heat(laplacian(adjacency, "combinatorial"), rng, param * unit, least)
        degrees = np.asarray(adjacency.sum(axis=1)).ravel()
        if measure == "for":
            excess, links = forest_shares(param * unit)
            weights, scale = adjacency * links, excess
            excess = np.full(n_nodes, excess)
        else:
            share = param if measure == "modifppr" else 1.0 - param
            weights, excess, scale = adjacency * share, (1.0 - share) * degrees, 1.0 / unit
        upper = sp.triu(weights, format="coo")
        edges = np.arange(upper.nnz)
        roots = np.sqrt(upper.data)
        incidence = sp.csr_array(
            (np.concatenate([roots, -roots]), (np.concatenate([upper.row, upper.col]),
             np.concatenate([edges, edges]))), shape=(n_nodes, upper.nnz),
        )  # fmt: skip
        noise = np.sqrt(excess)[:, None] * rng.standard_normal(shape)
        for column in range(self.n_components):
            noise[:, column] += incidence @ rng.standard_normal(upper.nnz)
        # The matrix was multiplied by this scale, and its inverse is to be.
        return np.sqrt(scale) * resolvent_solve(excess, weights, noise, n_jobs=self.n_jobs)

    def _heat(self, L, rng, t, least=1.0):
        """Noise at time t / 2; the least deviation of a row is at least ``least``."""
        # What is cut off is a random share of each entry of noise, which is of size one.
        rtol = min(1e-4, _ROW * least)
        if rtol < 1e-15:
            raise ValueError(
                f"measure={self.measure!r} is beyond double precision: the smallest degree of X "
                f"is {least**2:.2g} of their sum; drop the weakest edges, and nodes that have no "
                "other."
            )
        dtype = "float32" if rtol >= _SINGLE else "float64"
        noise = rng.standard_normal((L.shape[0], self.n_components)).astype(dtype)
        return heat_action(
            L, noise, t / 2, method="chebyshev", dtype=dtype, rtol=rtol, n_jobs=self.n_jobs
        )

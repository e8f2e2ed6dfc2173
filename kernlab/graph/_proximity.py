"""Proximities of the nodes of a graph, as an estimator."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kernlab._core.validation import StrOptions, fit_context, whole_or_nothing
from kernlab.graph._adjacency import check_fitted_graph, graph_tags, validate_graph
from kernlab.graph._measures import parse_measure
from kernlab.graph._spectra import Spectra


class GraphProximity(TransformerMixin, BaseEstimator):
    r"""Proximity of all pairs of nodes of a graph: kernels and distances of 21 measures.

    ``A`` holds the weights of the edges, ``D`` the degrees on its diagonal, ``L = D - A``,
    ``S = D^(-1/2) A D^(-1/2)``. The user guide has the table of measures with what each is for;
    ``'scct'`` is the one to begin with.

    Parameters
    ----------
    measure : str
        In any case: 'katz' (or 'walk'), 'comm', 'df', 'for' ('forest'), 'heat', 'nheat', 'ppr',
        'modifppr', 'heatpr', 'abs', 'ct', 'sct', 'cct', 'scct', 'rsp', 'fe', 'sp', 'sp-ct', or one
        of those for graphs whose groups avoid themselves: 'heat2', 'ppr2', 'comm2'. The prefix
        'log' takes logarithms of the kernel's entries.
    param : float, default=0.5
        Parameter of the measure. 'ct', 'cct' and 'sp' have none, and do not look at it.
    param_scale : {'unit', 'natural'}, default='unit'
        Whether ``param`` lies in (0, 1) and is scaled to the range of the measure (x/ρ, x/(2-2x),
        x, 2x or (1-x)/x, see the user guide) or is the t, α or β of the table itself.
    log : bool, default=None
        Whether to take logarithms; None is what the name says.
    floor : float or 'auto', default=None
        What stands between nodes that no path joins, where the measure puts them infinitely far
        apart: all logarithmic ones and those of commute times, walks with costs and shortest
        paths. None refuses such graphs. A number f is the logarithm of the kernel there; of 'ct',
        'cct', 'rsp', 'fe' and 'sp' what ``distance_`` is there; of 'sct' and 'scct' the distance
        of 'ct' and 'cct', of which they are sigmoids; of 'sp-ct' at x that of both its parts, and
        ``distance_`` is (2 - 3x/2) f. 'auto' is the least logarithm less the range of all, or
        twice the largest of those distances (1 where there is none).
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Of the kernel. float32 halves time and memory of plain measures, with 6 digits; logarithms
        and distances of walks and paths are computed in float64 and rounded.

    Attributes
    ----------
    kernel_ : ndarray of shape (n_nodes, n_nodes)
        Symmetric but for 'ppr' and 'heatpr' and their logarithms. Of 'comm', 'comm2' and 'df' the
        kernel over ``exp(log_scale_)``. Of distances ``-H D H / 2``, H the centring.
    distance_ : ndarray of shape (n_nodes, n_nodes)
        Symmetric: (k_ii + k_jj - k_ij - k_ji) / 2 of ``kernel_``, and the root of that with 'comm'
        and 'logcomm'; with 'rsp', 'fe' and 'sp' their own. Computed when asked for.
    log_scale_ : float
        Logarithm of what the kernel was divided by so as not to overflow, 0 for other measures.
    param_ : float or None
        The natural parameter.
    psd_ : bool
        Whether the measure is known to give positive semi-definite kernels on this graph, as
        Gaussian processes and the like need.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    kernel_to_distance, distance_to_kernel : The transforms alone.
    NodeKernel : Those that are positive semi-definite, for Gaussian processes on nodes.

    Notes
    -----
    Resolvents ('katz', 'for', 'ppr', 'modifppr', 'abs', 'ppr2', and those of commute times) take a
    Cholesky factor and inverse of n³ flops per parameter; exponentials and 'df' an eigenvector
    decomposition of some 10 n³ for all parameters and n³ for each. Kernels of plain measures are
    accurate to rounding *relative to the largest entry*, logarithms to rounding in every entry, for
    they come from sums of terms that are not negative (of 'comm' and 'df' times tρ and (tρ)², where
    these are large). A matrix takes 8 n² bytes, a fit up to five of them, six for logarithms of
    inverses, and some 25 for those of exponentials and 'df' up to 2900 nodes, which go when it
    ends; graphs end at 20 000 nodes.

    Where weights are multiplied by c, 'comm', 'df', 'for', 'heat' and their logarithms at t are
    what they were at ct; 'rsp' and 'fe' change as the costs 1/c do; the other measures do not
    change, up to a factor.

    scikit-learn takes it for an estimator on pairwise input. It has no neighbours for new nodes:
    ``transform`` knows the graph it was fitted to.

    References
    ----------
    .. [1] V. Ivashkin, P. Chebotarev, "Do logarithmic proximity measures outperform plain ones in
       graph clustering?", 2016, arXiv:1605.01046.
    .. [2] F. Fouss, M. Saerens, M. Shimbo, "Algorithms and Models for Network Data and Link
       Analysis", Cambridge University Press, 2016.
    .. [3] U. von Luxburg, A. Radl, M. Hein, "Getting lost in space: large sample analysis of the
       resistance distance", NeurIPS 2010 (why 'cct' is corrected).

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.graph import GraphProximity
    >>> path = np.diag([1.0, 1.0, 1.0], 1)
    >>> path += path.T
    >>> forest = GraphProximity("forest", param=1.0, param_scale="natural").fit(path)
    >>> (21 * forest.kernel_).round(10).tolist()[0]
    [13.0, 5.0, 2.0, 1.0]
    >>> GraphProximity("sp").fit(path).distance_[0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    _parameter_constraints: dict = {
        "measure": [str],
        "param": [Real],
        "param_scale": [StrOptions({"unit", "natural"})],
        "log": ["boolean", None],
        "floor": [Real, StrOptions({"auto"}), None],
        "dtype": "no_validation",
    }

    def __init__(
        self,
        measure="scct",
        *,
        param=0.5,
        param_scale="unit",
        log=None,
        floor=None,
        dtype=np.float64,
    ):
        self.measure = measure
        self.param = param
        self.param_scale = param_scale
        self.log = log
        self.floor = floor
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Compute the kernel of a graph.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array, or array-like of shape (n_nodes, n_nodes)
            Undirected: weights zero or more, symmetric. Loops are left out with a
            ``SelfLoopWarning``.
        y : ignored

        Returns
        -------
        self : GraphProximity

        Raises
        ------
        ValueError
            If the measure is unknown, the parameter is outside its open interval, weights are
            asymmetric, negative, NaN or infinite, the graph is directed or has more than 20 000
            nodes; if nodes have no edges and the measure divides by degrees, or the graph has
            several components, the measure puts them infinitely far apart and floor is None.
        """
        with whole_or_nothing(self):
            measure = parse_measure(self.measure, self.log)
            dtype = _checked_dtype(self.dtype)
            adjacency = validate_graph(self, X)
            spectra = Spectra(adjacency, floor=self.floor, dtype=dtype, nodes=self.nodes_)
            self.param_ = self._natural(spectra, measure, self.param)
            self.kernel_ = spectra.kernel(measure, self.param_)
            self.psd_ = spectra.is_psd(measure)
            self.log_scale_ = spectra.log_scale(measure, self.param_)
            spectra.release()
            self._spectra, self._measure = spectra, measure
        return self

    def fit_transform(self, X, y=None):
        """Fit, and return a copy of ``kernel_``, for an estimator of precomputed kernels.

        Parameters
        ----------
        X : graph
            See :meth:`fit`.
        y : ignored

        Returns
        -------
        kernel : ndarray of shape (n_nodes, n_nodes)
        """
        return self.fit(X).kernel_.copy()

    def transform(self, X):
        """A copy of the kernel of the graph that was fitted, and of no other.

        Parameters
        ----------
        X : graph
            That of :meth:`fit`.

        Returns
        -------
        kernel : ndarray of shape (n_nodes, n_nodes)

        Raises
        ------
        ValueError
            Where X is another graph: a proximity depends on all nodes and edges.
        """
        check_is_fitted(self)
        check_fitted_graph(self, X, self._spectra.adjacency)
        return self.kernel_.copy()

    def sweep(self, params):
        """Kernels at several parameters, one by one.

        Parameters
        ----------
        params : iterable of float
            On the scale of ``param_scale``; ``param`` itself is not looked at.

        Yields
        ------
        kernel : ndarray of shape (n_nodes, n_nodes)
            As ``kernel_`` would be. Decompositions are shared: see the notes on cost.

        Examples
        --------
        >>> import numpy as np
        >>> from kernlab.graph import GraphProximity
        >>> heat = GraphProximity("heat").fit(np.ones((3, 3)) - np.eye(3))
        >>> [round(float(kernel[0, 1]), 3) for kernel in heat.sweep([0.1, 0.5, 0.9])]
        [0.051, 0.259, 0.333]
        """
        check_is_fitted(self)
        naturals = [self._natural(self._spectra, self._measure, param) for param in params]
        return self._kernels(naturals)

    def _kernels(self, naturals):
        try:
            for t in naturals:
                yield self._spectra.kernel(self._measure, t)
        finally:
            self._spectra.release()

    @property
    def distance_(self):
        """Distances (n_nodes, n_nodes) of all pairs."""
        check_is_fitted(self)
        return self._spectra.distance(self._measure, self.param_, self.kernel_)

    def _natural(self, spectra, measure, param):
        if self.param_scale == "unit":
            return spectra.natural(measure, param)
        return None if measure.scaler is None else float(param)

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())


def _checked_dtype(dtype):
    try:
        if np.dtype(dtype) in (np.float64, np.float32):
            return np.dtype(dtype)
    except TypeError:
        pass
    raise ValueError(f"dtype={dtype!r} is no type of kernels; give numpy.float64 or numpy.float32.")

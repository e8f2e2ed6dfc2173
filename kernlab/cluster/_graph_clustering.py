"""Clusters of a graph by one proximity measure, its parameter chosen by modularity."""

# References: Ivashkin & Chebotarev, *Do logarithmic proximity measures outperform plain ones in
# graph clustering?*, arXiv 1605.01046; Newman & Girvan, Physical Review E 69, 2004 (modularity);
# Batagelj, *Generalized Ward and related clustering problems*, 1988 (Ward off Euclidean space).

import warnings
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.cluster.hierarchy import linkage
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from kernlab._core.progress import progress
from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    fit_context,
    whole_or_nothing,
)
from kernlab._core.warn import warn_user
from kernlab.cluster._graph_input import by_first_node, graph_to_cluster, warn_of_components
from kernlab.cluster._kernel_runs import kernel_kmeans
from kernlab.cluster._kernel_starts import leading_eigenvectors
from kernlab.cluster._scores import cluster_weights, modularity
from kernlab.cluster._undetectable import warn_if_undetectable
from kernlab.graph._adjacency import graph_tags
from kernlab.graph._measures import check_parameter, parse_measure
from kernlab.graph._spectra import Spectra
from kernlab.graph._transforms import centred, halved_distance

# The papers' number of parameters; each is the middle of its sixteenth of (0, 1).
_UNIT_PARAMS = (np.arange(16) + 0.5) / 16


class GraphClustering(ClusterMixin, BaseEstimator):
    """Clusters of a graph by a proximity measure, their number given.

    The measure turns the graph into a kernel, and the kernel is clustered. By default the parameter
    of the measure is the one whose clusters have the best modularity. For graphs of up to some
    thousand nodes that link within clusters; :class:`GraphMeasureSearch` chooses the measure too,
    and knows graphs that link across.

    Parameters
    ----------
    n_clusters : int, default=8
        From one to the number of nodes.
    measure : str, default='scct'
        See :class:`kernlab.graph.GraphProximity`.
    param : 'auto', float or array-like of floats, default='auto'
        Parameter of the measure, or several to choose from by modularity; 'auto' is the 16 unit
        values (i + 1/2)/16. Measures without one do not look at it.
    param_scale : {'unit', 'natural'}, default='unit'
        Whether ``param`` lies in (0, 1) and is scaled to the range of the measure, or is the t, α
        or β of the measure itself. Of no concern to 'auto'.
    log : bool, default=None
        Whether to take logarithms of the kernel; None is what the name of the measure says.
    method : {'kkmeans', 'spectral', 'ward'}, default='kkmeans'
        - ``'kkmeans'``: kernel k-means, see :class:`KernelKMeans`.
        - ``'spectral'``: k-means on the ``n_clusters - 1`` eigenvectors of the centred kernel whose
          eigenvalues are largest in magnitude, all weighing alike.
        - ``'ward'``: Ward's agglomeration by the distances of the kernel; nothing random in it.
    n_init : int, default=10
        Starts of ``'kkmeans'`` and ``'spectral'`` at each parameter. Of several parameters the
        start of best modularity counts, as between parameters; of one the least inertia.
    floor : float or 'auto' or None, default='auto'
        What stands between components of a graph where the measure puts them infinitely far apart,
        see :class:`kernlab.graph.GraphProximity`; None refuses such graphs.
    random_state : int, RandomState instance or None, default=None
        Of the starts. An integer gives the same labels in every run.
    n_jobs : int, default=None
        Threads of the restarts; ``-1`` is all cores, None is Numba's current number.
    verbose : int, default=0
        Whether to show a progress bar over the parameters where they take more than two seconds.

    Attributes
    ----------
    labels_ : int32 ndarray of shape (n_nodes,)
        From zero up, in the order of the first node of each cluster.
    param_ : float or None
        The natural parameter of the clusters, whatever ``param_scale``: pass it with
        ``param_scale="natural"``. None where the measure has none.
    unit_param_ : float or None
        The same on the scale of (0, 1), to pass with ``param_scale="unit"``. None where the measure
        has none, and where natural ones were given.
    modularity_ : float
        Newman's, of the clusters; at most 1.
    params_ : float64 ndarray of shape (n_params,)
        Parameters tried, natural ones; NaN where the measure has none.
    scores_ : float64 ndarray of shape (n_params,)
        Modularity of the clusters of each; NaN at parameters of 'auto' that the graph refuses.
    candidate_labels_ : int32 ndarray of shape (n_params, n_nodes)
        Those clusters, numbered as ``labels_``; a row of -1 where there are none.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    GraphMeasureSearch : Chooses among measures, without labels.
    SparseGraphClustering : For more than 20 000 nodes.
    KernelKMeans : For kernels of your own.

    Notes
    -----
    O(n³) time for the kernel of each parameter, and O(n² n_clusters n_init) for its clusters; a few
    n × n matrices at a time however many parameters there are, 8 n² bytes each.

    Ward's tree is that of the squared distances in the kernel's space, twice ``distance_`` of
    :class:`kernlab.graph.GraphProximity`. Where a kernel is indefinite these can be negative; a
    constant added to all of them makes all costs of merging grow alike, so that the tree is the one
    that the kernel defines.

    References
    ----------
    .. [1] V. Ivashkin, P. Chebotarev, "Do logarithmic proximity measures outperform plain ones in
       graph clustering?", 2016, arXiv:1605.01046.
    .. [2] M. E. J. Newman, M. Girvan, "Finding and evaluating community structure in networks",
       Physical Review E 69, 026113, 2004.

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.cluster import GraphClustering
    >>> graph = nx.karate_club_graph()
    >>> model = GraphClustering(2, measure="logcomm", random_state=0).fit(graph)
    >>> officers = [graph.nodes[node]["club"] == "Officer" for node in graph]
    >>> int((model.labels_ == officers).sum()), len(officers)
    (33, 34)
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "measure": [str],
        "param": [StrOptions({"auto"}), Real, "array-like"],
        "param_scale": [StrOptions({"unit", "natural"})],
        "log": ["boolean", None],
        "method": [StrOptions({"kkmeans", "spectral", "ward"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "floor": [Real, StrOptions({"auto"}), None],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        measure="scct",
        param="auto",
        param_scale="unit",
        log=None,
        method="kkmeans",
        n_init=10,
        floor="auto",
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.measure = measure
        self.param = param
        self.param_scale = param_scale
        self.log = log
        self.method = method
        self.n_init = n_init
        self.floor = floor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Cluster a graph.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array, or array-like of shape (n_nodes, n_nodes)
            Undirected: weights zero or more, symmetric.
        y : ignored

        Returns
        -------
        self : GraphClustering

        Raises
        ------
        ValueError
            If the measure is unknown, a parameter is outside its open interval, there are more
            clusters than nodes, weights are asymmetric, negative, NaN or infinite, the graph is
            directed, has no edges or more than 20 000 nodes; if nodes have no edges and the measure
            divides by degrees, or the graph has several components, the measure puts them
            infinitely far apart and floor is None.

        Warns
        -----
        DisconnectedGraphWarning
            If the graph has several components.
        SelfLoopWarning
            If there are weights on the diagonal, which are left out.
        UndetectableCommunitiesWarning
            If a connected graph of 100 nodes or more has no communities that stand out from chance,
            see :func:`count_communities`.
        ConvergenceWarning
            If fewer than ``n_clusters`` clusters were found, for other nodes are all alike.
        UserWarning
            If some parameters of 'auto' are left out, for the measure has no kernel there; if none
            has one, that is the error.
        """
        with whole_or_nothing(self):
            measure = parse_measure(self.measure, self.log)
            adjacency = graph_to_cluster(self, X)
            spectra = Spectra(adjacency, floor=self.floor, nodes=self.nodes_)
            params = self._natural_params(spectra, measure)
            # Products of degrees overflow with weights of 1e155.
            weights = adjacency / adjacency.data.max()
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            self.params_ = np.array([np.nan if t is None else t for t in params])
            self.scores_ = np.full(len(params), np.nan)
            self.candidate_labels_ = np.full((len(params), len(spectra.degrees)), -1, np.int32)
            refused: dict[float, Exception] = {}
            sweep = progress(
                params, total=len(params), verbose=self.verbose, label=f"Measure {measure.name!r}"
            )
            for i, t in enumerate(sweep):
                # Every kernel has the same starts, however many parameters there are.
                rng = np.random.default_rng(seed)
                try:
                    labels, inertias = self._cluster(spectra.kernel(measure, t), rng)
                # What one of our own parameters fails of is no reason to lose the others.
                except (ValueError, ArithmeticError) as error:
                    if not isinstance(self.param, str) or len(refused) + 1 == len(params):
                        raise
                    refused[t] = error
                    continue
                if labels[0].max() + 1 < self.n_clusters:
                    # So few nodes differ, and each is a cluster from every start.
                    labels, inertias = labels[:1], inertias[:1]
                scores = modularity(cluster_weights(weights, labels, self.n_clusters))
                if len(params) > 1:
                    best = np.lexsort((inertias, -scores))[0]
                else:
                    best = np.argmin(inertias)
                self.scores_[i] = scores[best]
                self.candidate_labels_[i] = by_first_node(labels[best])
            self._select(params)
            self.unit_param_ = self._unit_param(spectra, measure)
            if refused:
                t, reason = next(iter(refused.items()))
                warn_user(
                    f"Measure {measure.name!r} is left out at {len(refused)} of {len(params)} "
                    f"parameters ({', '.join(f'{one:.4g}' for one in refused)}), where scores_ are "
                    f"NaN: {reason} (at {t:.4g})",
                    UserWarning,
                )
            floor = (
                f"puts these infinitely far apart, in place of which stands floor={self.floor!r}"
            )
            means = floor if measure.needs_connected else "sees nothing in common between these"
            warn_if_undetectable(adjacency, self.n_clusters)
            warn_of_components(adjacency, self.nodes_, f"measure {measure.name!r} {means}")
        return self

    def _natural_params(self, spectra, measure):
        """Natural parameters to try, refused before any work is done."""
        if measure.scaler is None:
            return [None]
        auto = isinstance(self.param, str)
        params = np.atleast_1d(np.asarray(_UNIT_PARAMS if auto else self.param, dtype=np.float64))
        if params.ndim != 1 or params.size == 0:
            raise ValueError(f"param has shape {params.shape}; give a number, some, or 'auto'.")
        if auto or self.param_scale == "unit":
            return [spectra.natural(measure, x) for x in params]
        rho = spectra.rho if measure.scaler == "rho" else 0.0
        return [check_parameter(measure, t, rho) for t in params]

    def _unit_param(self, spectra, measure):
        """The unit parameter, of those tried, that ``param_`` is the natural one of."""
        auto = isinstance(self.param, str)
        if self.param_ is None or not (auto or self.param_scale == "unit"):
            return None
        units = _UNIT_PARAMS if auto else np.atleast_1d(np.asarray(self.param, dtype=np.float64))
        return next(float(x) for x in units if spectra.natural(measure, x) == self.param_)

    def _cluster(self, kernel, rng):
        """Labels (n_starts, n_nodes) and their inertias, zero for what has none."""
        if self.method == "ward":
            return _ward(kernel, self.n_clusters)[None], np.zeros(1)
        init = "auto"
        if self.method == "spectral" and self.n_clusters > 1:
            kernel = centred(kernel, 1.0)
            order = np.arange(len(kernel))
            vectors = leading_eigenvectors(kernel, self.n_clusters - 1, order)[1]
            kernel, init = vectors @ vectors.T, "k-means++"
        with warnings.catch_warnings():
            # Of many parameters some may be of no use; what is selected is looked at by itself.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return kernel_kmeans(
                kernel,
                self.n_clusters,
                n_init=self.n_init,
                init=init,
                rng=rng,
                n_jobs=self.n_jobs,
            )

    def _select(self, params):
        """The parameter of best modularity, of those with all clusters where there is one."""
        whole = self.candidate_labels_.max(axis=1) + 1 == self.n_clusters
        scores = np.where(whole, self.scores_, -np.inf) if whole.any() else self.scores_
        best = int(np.nanargmax(scores))
        self.labels_ = self.candidate_labels_[best].copy()
        self.param_, self.modularity_ = params[best], float(self.scores_[best])
        if not whole.any():
            warn_user(
                f"Nodes fall into {self.labels_.max() + 1} kinds that measure {self.measure!r} "
                f"tells apart, fewer than n_clusters={self.n_clusters}; lower n_clusters.",
                ConvergenceWarning,
            )

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())


def _ward(kernel, n_clusters):
    """Labels by Ward's tree of a kernel, definite or not."""
    kernel = centred(kernel, 1.0)
    kernel /= np.abs(kernel).max() or 1.0
    squared = 2.0 * halved_distance(kernel)  # Euclidean ones of the kernel's space
    # A constant c on the kernel's diagonal adds c to the cost of every merger, whatever the sizes:
    # |a||b| / (|a| + |b|) times c (1/|a| + 1/|b|). With c no less than the magnitude of any
    # eigenvalue, which row sums bound, no cost is negative.
    squared += 2.0 * np.abs(kernel).sum(axis=1).max()
    tree = linkage(np.sqrt(squareform(squared, checks=False)), "ward")
    n = len(kernel)
    merged = tree[: n - n_clusters, :2].astype(np.intp)
    parents = np.repeat(np.arange(n, n + len(merged)), 2)
    links = sp.coo_array(
        (np.ones(merged.size), (merged.ravel(), parents)), shape=(2 * n - 1, 2 * n - 1)
    )
    return connected_components(links, directed=False)[1][:n]

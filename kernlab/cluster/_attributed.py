"""Clusters of a graph whose nodes have attributes, which weigh no more than they are worth."""

import math
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state

from kernlab._core.progress import progress
from kernlab._core.validation import N_JOBS, Interval, StrOptions, fit_context, whole_or_nothing
from kernlab._core.warn import warn_user
from kernlab.cluster._attributes import attribute_evidence, indicators, permutation_p_value
from kernlab.cluster._graph_input import (
    by_first_node,
    labels_of_all,
    linked_graph_to_cluster,
    warn_of_components,
    warn_of_isolated,
)
from kernlab.cluster._k_means import k_means
from kernlab.cluster._node_attributes import in_order_of_nodes
from kernlab.cluster._scores import block_log_likelihood, cluster_weights
from kernlab.cluster._smooth_vectors import augmented, smooth_vectors
from kernlab.graph._adjacency import graph_tags

# Up to half the weight, four, at which an attribute has leading vectors of its own: see
# `_smooth_vectors`.
_WEIGHTS = (0.0, 0.5, 1.0, 2.0)
# Evidence that differs by this share is equal.
_SAME = 1e-9


class AttributedGraphClustering(ClusterMixin, BaseEstimator):
    r"""Clusters of nodes by the edges between them and the attributes they share.

    Each value of an attribute becomes a vertex, with an edge to every node that holds it [1]_; the
    nodes are then clustered by k-means on the smoothest vectors of that graph [2]_. How much such
    an edge weighs is what matters: an attribute trusted too much overrules a structure that is
    clear. By default it is chosen from the graph and the attributes, without labels: attributes
    that the edges know nothing of are left out, and the rest weigh what makes edges and attributes
    together likeliest.

    Parameters
    ----------
    n_clusters : int, default=8
        1 to the number of nodes with edges.
    attribute_weight : 'auto' or float >= 0, default='auto'
        Weight of an edge to a vertex of value, in units of the graph's own edges,
        :math:`\sum w^2 / \sum w`. A number holds for all attributes, and zero leaves them out.
        From 4 on an attribute makes clusters of its own whatever the edges say. ``'auto'``:

        1. An attribute is used if, among ``n_permutations`` random ways to hand out its values,
           a share of at most ``significance`` has edges within values as often as it has.
        2. Of the weights 0, 1/2, 1 and 2, that of the clusters of the largest evidence: profile
           log likelihood of the degree-corrected block model, plus that of the attributes used
           given the clusters. Ties go to the smallest weight.
    significance : float in (0, 1), default=0.01
        Share of irrelevant attributes that step 1 lets pass; see there.
    n_permutations : int, default=199
        At least 1 / significance - 1, for with fewer no attribute could ever be used.
    smooth_vectors : {'eigenvectors', 'bootstrap-amg'}, default='eigenvectors'
        The lowest eigenvectors of the random walk's Laplacian, or what the cycles of bootstrap
        algebraic multigrid reduce least [2]_. The second is slower, and misses clusters that many
        edges leave: it is for comparison with [2]_; see Notes.
    n_init : int, default=10
        Starts of k-means for each weight; the least inertia counts.
    random_state : int, RandomState instance or None, default=None
        Of permutations, smooth vectors and starts.
    n_jobs : int or None, default=None
        Threads of test and eigenvectors. None is Numba's current count, -1 all cores. Bootstrap
        multigrid has one.
    verbose : int, default=0
        Whether to show a progress bar over the weights tried, where they take more than about two
        seconds.

    Attributes
    ----------
    labels_ : int32 ndarray of shape (n_nodes,)
        From zero up, in the order of the first node of each cluster. Nodes without edges, be it to
        nodes or to values in use, get the label of the largest cluster, with a warning.
    attribute_weight_ : float
        The weight in use.
    attributes_used_ : ndarray of bool, shape (n_attributes,)
    p_values_ : ndarray of shape (n_attributes,)
        Of step 1. NaN where the weight was given, and no test was made.
    weights_, scores_ : ndarray of shape (n_weights,)
        The weights tried and their evidence, in nats, for edges of weight one.
    embedding_ : ndarray of shape (n_nodes, n_clusters)
        What k-means has clustered. Zero for nodes without edges.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    kernlab.graph.KNNGraph : A graph of points, which attributes can be added to.

    Notes
    -----
    Bootstrap algebraic multigrid [2]_ builds a hierarchy of aggregates around a smooth vector,
    cycles all hierarchies so far on a random vector, and takes what they reduce least for the next,
    until a cycle leaves a share of 1e-9 or there are 40 (n_clusters, if more); coordinates are the
    leading singular vectors. What such cycles leave are the lowest eigenvectors only where these
    are far below the rest; by default the eigenvectors themselves take its place, faster and with
    better clusters on all graphs tried.

    The rows of the vertices of value, which [2]_ appends to a node's own, are left out: at equal
    weight they make clusters of the values alone, and at the weight of the attribute they change
    nothing. The user guide has the figures.

    O(n_permutations · n_edges) for the test of an attribute, times the values of a node where these
    are many. Eigenvectors are found once for each weight: up to 5000 nodes as in
    :func:`kernlab.linalg.smallest_eigenpairs`, beyond by filtered subspaces in single precision, as
    in :class:`SparseGraphClustering`, from those of the weight before, in O(n_edges · n_clusters).
    Only those that stand out from what edges placed at random would make then converge; where there
    are too many, or no telling, as on grids, the former way is taken again. Of more than 20 000
    nodes k-means starts on a sample. Bootstrap multigrid takes O(m² n_edges) for m vectors. Memory
    is linear in edges and in n_nodes · n_clusters. The user guide has seconds.

    References
    ----------
    .. [1] Y. Zhou, H. Cheng, J. X. Yu, "Graph clustering based on structural/attribute
       similarities", VLDB 2009.
    .. [2] P. D'Ambra, P. S. Vassilevski, L. Cutillo, "Extending bootstrap AMG for clustering of
       attributed graphs", Applied Mathematics and Computation 447, 2023, arXiv:2109.09367.

    Examples
    --------
    Two teams, of which each member knows most of the own, and a column that says who is whose:

    >>> import networkx as nx
    >>> from kernlab.cluster import AttributedGraphClustering
    >>> graph = nx.planted_partition_graph(2, 30, 0.25, 0.1, seed=1)
    >>> team = ["red"] * 20 + [None] * 10 + ["blue"] * 30
    >>> model = AttributedGraphClustering(2, random_state=0).fit(graph, attributes=team)
    >>> model.attribute_weight_, model.attributes_used_.tolist()
    (2.0, [True])
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "attribute_weight": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "significance": [Interval(Real, 0, 1, closed="neither")],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "smooth_vectors": [StrOptions({"eigenvectors", "bootstrap-amg"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        attribute_weight="auto",
        significance=0.01,
        n_permutations=199,
        smooth_vectors="eigenvectors",
        n_init=10,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.attribute_weight = attribute_weight
        self.significance = significance
        self.n_permutations = n_permutations
        self.smooth_vectors = smooth_vectors
        self.n_init = n_init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, attributes=None):
        """Cluster the nodes.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array, or array-like of shape (n_nodes, n_nodes)
            Weights of an undirected graph, zero or more.
        y : Ignored
            Present for scikit-learn's conventions.
        attributes : str, list of str, dict, array-like or DataFrame of shape (n_nodes,) or \
(n_nodes, n_attributes), or sparse matrix of shape (n_nodes, n_values), default=None
            Categories, as strings, integers or any hashable objects; None, NaN and NA are missing,
            and make no edge. Numbers with a fraction are refused: bin them first. A sparse matrix
            is one attribute of which a node may hold many values, such as the words of a document.
            None is the structure alone.

            A DataFrame or Series is matched to the nodes by its index where these have names, that
            is in a networkx graph and in a DataFrame whose index or columns are not the numbers
            from zero. A dict holds the values of one attribute by node. A string or a list of them,
            not as many as nodes, are names of node attributes of a networkx graph. Nodes that a
            dict or a graph has no value for miss it. All others go by the order of the nodes.

        Returns
        -------
        self : AttributedGraphClustering

        Raises
        ------
        ValueError
            If X is no undirected graph, if there are fewer nodes with edges than clusters, and if
            attributes do not fit the nodes or are continuous; if ``n_permutations`` is too few for
            ``significance``.

        Warns
        -----
        IsolatedNodesWarning
            If nodes have neither edges nor values in use.
        DisconnectedGraphWarning
            If neither edges nor values in use join all other nodes.
        UserWarning
            If y, which is not looked at, seems to hold the attributes.
        """
        with whole_or_nothing(self):
            if attributes is None and _is_table(y):
                warn_user("y is not looked at; pass attributes=... by name.", UserWarning)
            if (
                self.attribute_weight == "auto"
                and 1 / (1 + self.n_permutations) > self.significance
            ):
                raise ValueError(
                    f"n_permutations={self.n_permutations} gives p-values of "
                    f"{1 / (1 + self.n_permutations):.3g} and more, above significance="
                    f"{self.significance:g}, so that no attribute could be used; give "
                    f"n_permutations={math.ceil(1 / self.significance) - 1} at least, or raise "
                    "significance."
                )
            adjacency, _ = linked_graph_to_cluster(self, X)
            adjacency /= adjacency.data.max()
            adjacency *= adjacency.sum() / np.sum(adjacency.data**2)
            holds = []
            if attributes is not None:
                table = in_order_of_nodes(attributes, X, self.nodes_)
                holds = indicators(table, adjacency.shape[0])
            self._fit(adjacency, holds, check_random_state(self.random_state))
        return self

    def _fit(self, adjacency, holds, rng):
        self.p_values_ = np.full(len(holds), np.nan)
        self.attributes_used_ = np.ones(len(holds), dtype=bool)
        weights: tuple = (self.attribute_weight,)
        if self.attribute_weight == "auto":
            for place, one in enumerate(holds):
                self.p_values_[place] = permutation_p_value(
                    adjacency, one, self.n_permutations, rng, self.n_jobs
                )
            self.attributes_used_ = self.p_values_ <= self.significance
            weights = _WEIGHTS if self.attributes_used_.any() else _WEIGHTS[:1]
        used = [one for one, use in zip(holds, self.attributes_used_, strict=True) if use]
        tried, points = [], None
        for weight in progress(weights, total=len(weights), verbose=self.verbose, label="weights"):
            tried.append(self._cluster(adjacency, used, weight, rng, points))
            points = tried[-1][0]
        self.weights_ = np.array(weights, dtype=np.float64)
        self.scores_ = np.array([self._evidence(adjacency, used, found[1]) for found in tried])
        # Equal clusters have scores that differ by rounding: of these the smallest weight.
        most = self.scores_.max()
        best = int(np.argmax(self.scores_ >= most - _SAME * abs(most)))
        self.attribute_weight_ = float(self.weights_[best])
        self.embedding_, labels, placed = tried[best]
        self.labels_ = by_first_node(labels)
        warn_of_isolated(self.labels_, placed)
        self._warn_of_parts(adjacency, used, placed)

    def _warn_of_parts(self, adjacency, used, placed):
        """Tell of parts that neither edges nor values join."""
        whole = augmented(adjacency, used, self.attribute_weight_)
        parts = connected_components(whole, directed=False)[1][: len(placed)][placed]
        if parts.min() < parts.max():
            placed = np.flatnonzero(placed)
            warn_of_components(
                adjacency[placed][:, placed],
                [self.nodes_[node] for node in placed],
                "parts that no path joins are the clearest clusters there are, however small",
            )

    def _cluster(self, adjacency, used, weight, rng, start):
        seed = rng.randint(np.iinfo(np.int32).max)
        points, placed = smooth_vectors(
            adjacency,
            used,
            weight,
            self.n_clusters,
            random_state=seed,
            n_jobs=self.n_jobs,
            bootstrap=self.smooth_vectors == "bootstrap-amg",
            start=start,
        )
        labels = k_means(points[placed], self.n_clusters, self.n_init, check_random_state(seed))
        return points, labels_of_all(labels, placed), placed

    def _evidence(self, adjacency, used, labels):
        of_edges = block_log_likelihood(cluster_weights(adjacency, labels, self.n_clusters))[0]
        return of_edges + sum(attribute_evidence(one, labels, self.n_clusters) for one in used)

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())


def _is_table(y):
    """Whether y is what attributes may be, and labels hardly."""
    if isinstance(y, str | dict) or hasattr(y, "iloc") or sp.issparse(y):
        return True
    return y is not None and (np.ndim(y) > 1 or np.asarray(y).dtype.kind in "OUS")

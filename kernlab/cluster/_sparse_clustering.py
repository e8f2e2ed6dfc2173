"""Clusters of graphs with up to millions of nodes."""

# References: Dall'Amico, Couillet, Tremblay, *A unified framework for spectral clustering in sparse
# graphs*, JMLR 22, 2021; Qin, Rohe, *Regularized spectral clustering under the degree-corrected
# stochastic blockmodel*, NIPS 2013.

import math
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.utils import check_random_state

from kernlab._core.validation import N_JOBS, Interval, StrOptions, fit_context, whole_or_nothing
from kernlab.cluster._detect import BetheHessian
from kernlab.cluster._graph_input import (
    by_first_node,
    labels_of_all,
    linked_graph_to_cluster,
    warn_of_isolated,
)
from kernlab.cluster._k_means import k_means
from kernlab.cluster._refine import in_units_of_largest, refined
from kernlab.cluster._undetectable import warn_undetectable
from kernlab.graph._adjacency import graph_tags

_SIGNS = {"auto": 0, "assortative": 1, "disassortative": -1}
# Of the length of a row of eigenvectors: with larger errors it tells little. Of the root mean
# square of such lengths, what the solver leaves as errors.
_ERROR, _SHORT = 0.3, 0.02


class SparseGraphClustering(ClusterMixin, BaseEstimator):
    """A given number of clusters of a large sparse graph.

    A few eigenvectors of the graph's Bethe Hessian, k-means on their rows, and, where asked, moves
    of single nodes: time and memory are proportional to the number of edges, a minute for 1e7. The
    eigenvalues also tell whether there are clusters to be found.

    Parameters
    ----------
    n_clusters : int, default=8
    embedding : {'spectral', 'landmark', 'sketch'} or transformer, default='spectral'
        Points for k-means, one for each node.

        - ``'spectral'``: the leading eigenvectors; the best and quickest in nearly all cases.
        - ``'landmark'``: :class:`kernlab.graph.LandmarkLogEmbedding` of ``n_clusters - 1``
          components. That with ``measure='scct'``, given as a transformer, is a better start where
          the graph is connected; beyond 1e5 nodes at a larger ``param`` than the default.
        - ``'sketch'``: :class:`kernlab.graph.GraphSketch`.
        - a transformer, whose ``fit_transform`` takes a sparse adjacency matrix without isolated
          nodes and returns points.
    assortativity : {'auto', 'assortative', 'disassortative'}, default='auto'
        Which eigenvectors are looked at, with ``'spectral'``. 'auto' takes whatever stands out from
        chance, be it more weight within clusters or less. A graph that is bipartite beside having
        clusters, as a grid of streets, is split by its two colours as well; 'assortative' prevents
        that.
    refine : bool, default=False
        Whether single nodes are moved at the end while that makes a degree-corrected block model
        likelier, see :func:`refine_blocks`. It gains much where clusters are of that kind and
        blurred, and presumes that they are.
    n_init : int, default=5
        Starts of k-means, on a sample of 20 000 nodes at most.
    random_state : int, RandomState instance or None, default=None
        An integer gives the same labels for any number of threads.
    n_jobs : int or None, default=None
        Threads of the products of the matrix. None is Numba's current count, -1 all cores.
    verbose : int, default=0
        One shows bars for what takes more than two seconds.

    Attributes
    ----------
    labels_ : int32 ndarray of shape (n_nodes,)
        From zero up, in the order of the first node of each cluster. Nodes without edges get the
        label of the largest cluster, with a warning.
    n_detectable_ : int
        Eigenvalues that stand out from chance among those of ``eigenvalues_``, that of the graph as
        a whole included. Below 2 no communities do. Less than ``n_clusters``, with 'spectral': the
        labels have more groups than stand out, and some divide what the graph does not, or hold
        what is left over. As many: there may be more, which :func:`count_communities` counts.
    eigenvalues_ : ndarray
        The first ``n_clusters`` of the scaled Bethe Hessian, with other embeddings than 'spectral'
        the first two, and two at least: beyond one in modulus they stand out, and negative ones
        tell clusters with less weight within. See :func:`count_communities`.
    embedding_ : float32 ndarray of shape (n_nodes, n_components)
        What k-means was given. Zero for nodes without edges, and with 'spectral' for those of parts
        of the graph that eigenvectors do not tell of.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Where X has string column names.

    See Also
    --------
    count_communities : How many communities stand out, where the number is not known.
    GraphClustering : Up to 20 000 nodes, with a choice of proximities.

    Notes
    -----
    Eigenvectors of :math:`(D + r^2 - 1)^{-1/2} A (D + r^2 - 1)^{-1/2}`, with :math:`r^2` the mean
    of d (d - 1) over that of d: the shift that regularises spectral clustering follows from the
    graph [1]_. Eigenvectors are found by subspace iteration on Chebyshev polynomials that are small
    wherever chance puts eigenvalues; rows are scaled to unit length [2]_. Nodes of weights that are
    small beside those of others have rows below the solver's error; they get the mean of their
    neighbours' rows instead, hop by hop.

    A graph in several parts needs no care: large ones stand out as communities, and nodes of small
    ones get some label. Memory is that of 50 bytes an edge and 16 (n_clusters + 22) bytes a node.

    References
    ----------
    .. [1] L. Dall'Amico, R. Couillet, N. Tremblay, "A unified framework for spectral clustering in
       sparse graphs", JMLR 22, 2021.
    .. [2] T. Qin, K. Rohe, "Regularized spectral clustering under the degree-corrected stochastic
       blockmodel", NIPS 2013.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> from kernlab.cluster import SparseGraphClustering
    >>> graph = nx.planted_partition_graph(3, 50, 0.3, 0.02, seed=0)
    >>> model = SparseGraphClustering(3, random_state=0).fit(graph)
    >>> np.bincount(model.labels_).tolist()
    [50, 50, 50]
    >>> model.n_detectable_
    3
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "embedding": [StrOptions({"spectral", "landmark", "sketch"}), BaseEstimator],
        "assortativity": [StrOptions(set(_SIGNS))],
        "refine": ["boolean"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        embedding="spectral",
        assortativity="auto",
        refine=False,
        n_init=5,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.embedding = embedding
        self.assortativity = assortativity
        self.refine = refine
        self.n_init = n_init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Find the clusters.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
            Weights of an undirected graph, zero or more.
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : SparseGraphClustering

        Raises
        ------
        ValueError
            X is no undirected graph, or has fewer nodes with edges than clusters are asked for.

        Warns
        -----
        UndetectableCommunitiesWarning
            If no communities stand out from chance.
        IsolatedNodesWarning
            If nodes have no edges.
        """
        with whole_or_nothing(self):
            adjacency, linked = linked_graph_to_cluster(self, X)
            if not linked.all():
                adjacency = adjacency[linked][:, linked]
            in_units_of_largest(adjacency)
            rng = check_random_state(self.random_state)
            points = self._points(adjacency, rng)
            labels = k_means(points, self.n_clusters, self.n_init, rng)
            if self.refine:
                labels = refined(
                    adjacency, labels, self.n_clusters, max_iter=10, rng=rng, verbose=self.verbose
                )
            self.labels_ = by_first_node(labels_of_all(labels, linked))
            self.embedding_ = points
            if not linked.all():
                self.embedding_ = np.zeros((len(linked), points.shape[1]), np.float32)
                self.embedding_[linked] = points
            warn_of_isolated(self.labels_, linked)
        return self

    def _points(self, adjacency, rng):
        operator = BetheHessian(adjacency)
        spectral = isinstance(self.embedding, str) and self.embedding == "spectral"
        wanted = self.n_clusters if spectral else 2
        self.eigenvalues_, vectors = operator.leading(
            min(max(2, wanted), adjacency.shape[0]),
            rng=rng,
            sign=_SIGNS[self.assortativity],
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        self.n_detectable_ = int(operator.stand_out(self.eigenvalues_).sum())
        if self.n_detectable_ < 2 and self.n_clusters > 1:
            second = np.abs(self.eigenvalues_[1:]).max(initial=0.0)
            warn_undetectable(second, self.n_clusters)
        if not spectral:
            return np.asarray(self._transformer(rng).fit_transform(adjacency), dtype=np.float32)
        return _unit_rows(
            adjacency,
            operator,
            self.eigenvalues_[: self.n_clusters],
            vectors[:, : self.n_clusters],
        )

    def _transformer(self, rng):
        if not isinstance(self.embedding, str):
            return clone(self.embedding)
        from kernlab.graph import GraphSketch, LandmarkLogEmbedding

        seed = rng.randint(2**31 - 1)
        if self.embedding == "sketch":
            return GraphSketch(random_state=seed, n_jobs=self.n_jobs)
        components = max(1, self.n_clusters - 1)
        return LandmarkLogEmbedding(components, random_state=seed, n_jobs=self.n_jobs)

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())


def _unit_rows(adjacency, operator, values, vectors):
    """Rows of eigenvectors at unit length; where the solver's error is large, those of neighbours.

    Nodes of small weights, or far from most others, have short rows, and errors are alike for all.
    They take the mean direction of neighbours with a place, weighted by the edges, those beside
    such nodes first; in exact eigenvectors it is about that. Nodes from which no edges lead to a
    place stay at zero.
    """
    told = operator.stand_out(values)
    rows, values = vectors[:, told], values[told].astype(np.float32)
    errors = np.linalg.norm(operator.matrix @ rows - rows * values, axis=1)
    placed = errors <= _ERROR * np.linalg.norm(rows * values, axis=1)
    # By chance rows of errors alone may pass; the mean of squared lengths is n_columns / n_nodes.
    placed &= np.linalg.norm(rows, axis=1) >= _SHORT * math.sqrt(rows.shape[1] / len(rows))
    points = vectors * operator.scale[:, None]
    points[~placed] = 0.0
    placed &= _scale_to_unit_length(points)
    rest = np.flatnonzero(~placed)
    border = rest[adjacency[rest] @ placed.astype(np.float64) > 0]
    while len(border):
        links = adjacency[border]
        # In units of the largest of each node: single precision does not hold what is very small.
        largest = links.max(axis=1).toarray()
        links.data /= np.repeat(largest.ravel(), np.diff(links.indptr))
        means = links.astype(np.float32) @ points
        _scale_to_unit_length(means)
        points[border] = means
        placed[border] = True
        border = np.unique(links.indices[~placed[links.indices]])
    return points


def _scale_to_unit_length(rows):
    """Scale rows in place, but for those of zeros; which are none of zeros."""
    largest = np.abs(rows).max(axis=1)
    some = largest > 0
    # Squares of small numbers would be zero.
    rows /= np.where(some, largest, 1.0)[:, None]
    rows /= np.where(some, np.linalg.norm(rows, axis=1), 1.0)[:, None]
    return some

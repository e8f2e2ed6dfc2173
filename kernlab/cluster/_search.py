"""Search over proximity measures, their parameters and methods of clustering, without labels."""

# References: Ivashkin, Chebotarev, *Do logarithmic proximity measures outperform plain ones in
# graph clustering?*, 2016, arXiv 1605.01046 (the measures); Karrer, Newman, *Stochastic blockmodels
# and community structure in networks*, Physical Review E 83, 2011 (the likelihood).

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import check_random_state

from kernlab._core.validation import (
    N_JOBS,
    Interval,
    StrOptions,
    fit_context,
    whole_or_nothing,
)
from kernlab._core.warn import warn_user
from kernlab.cluster._candidates import DEFAULT_MEASURES, METHODS, make_candidates
from kernlab.cluster._graph_input import graph_to_cluster, warn_of_components
from kernlab.cluster._selection import SCORINGS, select
from kernlab.cluster._undetectable import warn_if_undetectable
from kernlab.graph._adjacency import graph_tags
from kernlab.graph._measures import parse_measure
from kernlab.graph._proximity import GraphProximity
from kernlab.graph._spectra import Spectra


class GraphMeasureSearch(ClusterMixin, BaseEstimator):
    r"""Clusters of a graph by the proximity measure that suits it, chosen without labels.

    Every measure, at every parameter, is clustered by every method. Each partition is then judged
    by how it fits the graph and by how many of the others agree with it, and the best is taken.
    Nothing is tuned: the rule has no constants.

    Parameters
    ----------
    n_clusters : int, default=8
        From one to the number of nodes.
    measures : 'auto', str or list of str, default='auto'
        Names of measures, see :class:`kernlab.graph.GraphProximity`. 'auto' is twenty that differ:
        Katz, communicability, Forest, heat and normalised heat with their logarithms, PageRank and
        its logarithm, sigmoid commute times and corrected ones, randomised shortest paths, shortest
        paths with commute times, and the even kernels 'heat2', 'logheat2', 'ppr2', 'comm2', which
        find groups that link to other groups rather than within.
    params : int or array-like of floats in (0, 1), default=10
        Unit parameters of each measure; a number n stands for (i + 1/2) / n, i < n. Measures
        without a parameter are tried once.
    scoring : {'rank', 'modularity', 'likelihood'} or callable, default='rank'
        What makes a partition the best, see Notes.

        - ``'rank'``: the sum of its ranks by modularity, likelihood and consensus.
        - ``'modularity'``: Newman's. Finds nothing in disassortative graphs, and prefers clusters
          of equal sizes.
        - ``'likelihood'``: of the degree-corrected block model.
        - callable: ``scoring(adjacency, labels)`` returns a number, the higher the better, or NaN
          for a partition to leave out; ``adjacency`` is a float64 CSR matrix of shape (n_samples,
          n_samples), in units of the largest weight, ``labels`` are integers from zero up, both
          copies. Called once for each distinct partition.
    methods : {'kkmeans', 'spectral'} or list of these, default=('kkmeans', 'spectral')
        Kernel k-means, see :class:`KernelKMeans`, whose best run by inertia counts, and k-means on
        the ``n_clusters - 1`` leading eigenvectors of the centred kernel.
    n_init : int, default=10
        Starts of kernel k-means: two spectral, the others k-means++.
    random_state : int, RandomState instance or None, default=None
        Of the starts. An integer gives the same result in every run, on any number of threads.
    n_jobs : int, default=None
        Threads, each of which takes a measure at a time; ``-1`` is all cores, None is Numba's
        current number.
    verbose : int, default=0
        Whether to show a progress bar where the search takes more than about two seconds.

    Attributes
    ----------
    labels_ : int ndarray of shape (n_samples,)
        Of the partition selected; from zero up, in the order of the first node of each cluster.
    best_index_ : int
        Its candidate: where several candidates are that partition, the first of the measure which
        gives it at most parameters.
    best_measure_, best_method_ : str
        Of that candidate. Others may give the same labels: ``same_labels`` says which.
    best_param_ : float
        Unit parameter, to pass with ``param_scale="unit"``; NaN where the measure has none.
    best_natural_param_ : float
        The same as the t, α or β of the measure, to pass with ``param_scale="natural"``.
    best_proximity_ : GraphProximity
        Not fitted: ``best_proximity_.fit_transform(X)`` is the kernel selected.
    best_score_ : float
    assortative_ : bool
        Whether nodes link within clusters rather than across, by the likeliest candidate.
    search_results_ : dict of ndarrays of shape (n_candidates,)
        ``measure``, ``param`` and ``method``, then, NaN for candidates that have no value,
        ``modularity``, ``log_likelihood`` (in nats, weights in units of the largest), ``consensus``
        (mean adjusted Rand index to all candidates kept) and ``score``. ``kept`` says which
        candidates took part, ``same_labels`` which of them are the partition selected, and
        ``reason`` why others did not take part: an error of their measure on this graph, too few
        clusters, or a modularity of the wrong sign. Ready for ``pandas.DataFrame``.
    candidate_labels_ : int ndarray of shape (n_candidates, n_samples)
        All partitions, numbered likewise; a row of -1 where there is none. What the best of them is
        by labels known is a bound on what any choice could have reached.
    nodes_ : list or range
        Of the rows, in order: the nodes of a networkx graph or labels of a DataFrame, else
        numbers.
    n_features_in_ : int
        The number of nodes.
    feature_names_in_ : ndarray of shape (n_features,)
        Where ``X`` has string column names.

    See Also
    --------
    GraphClustering : One measure, its parameter chosen by modularity.
    SparseGraphClustering : For graphs of more than some ten thousand nodes.

    Notes
    -----
    With Q the modularity, D the profile log likelihood of the degree-corrected block model and C
    the mean adjusted Rand index to all candidates kept, itself and copies among them:

    1. Candidates without ``n_clusters`` clusters are dropped.
    2. The sign s is that of Q at the candidate of largest D, and candidates with sQ > 0 are kept.
       This is what makes the rule work on disassortative graphs, where partitions of high
       modularity are junk that agrees with other junk.
    3. The largest sum of midranks of sQ, D and C wins; ties go to the larger D, then to the first.

    What is selected is a partition. Often many measures give it, and then ``best_measure_`` is but
    one of them: the one that does so at most parameters, or the first of such.

    On three sets of random graphs of five families it came within 0.05 of the best candidate's
    adjusted Rand index about as often as the likelihood (34 and 35 of 58, 36 and 40 of 58, 28 and
    33 of 53), and both far more often than modularity (22 and 24 of 58). The user guide says where
    it fails.

    Time is O(n³) for each measure and parameter: 20 measures at 16 parameters, with 10 starts each,
    of 1000 nodes take some 86 s of CPU time. Memory is that of a few kernels for each thread, of
    the powers that logarithmic ones are made of (17 matrices, at most 1 GiB, for each thread), and
    of 2 bytes for each candidate and node. Disconnected graphs have the explicit ``floor='auto'``
    of :class:`kernlab.graph.GraphProximity` between components; with isolated nodes, measures that
    divide by degrees drop out.

    References
    ----------
    .. [1] V. Ivashkin and P. Chebotarev, "Do logarithmic proximity measures outperform plain ones
       in graph clustering?", 2016, arXiv:1605.01046.
    .. [2] B. Karrer and M. E. J. Newman, "Stochastic blockmodels and community structure in
       networks", Physical Review E 83, 016107, 2011.

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.cluster import GraphMeasureSearch
    >>> graph = nx.karate_club_graph()
    >>> search = GraphMeasureSearch(2, measures=["logcomm", "scct", "ppr2"], params=4,
    ...                             random_state=0).fit(graph)
    >>> search.search_results_["score"].shape
    (24,)
    >>> search.assortative_
    True
    >>> club = [graph.nodes[node]["club"] == "Officer" for node in graph]
    >>> int(max((search.labels_ == club).sum(), (search.labels_ != club).sum()))
    33
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "measures": [str, "array-like"],
        "params": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "scoring": [StrOptions(set(SCORINGS)), callable],
        "methods": [str, "array-like"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        measures="auto",
        params=10,
        scoring="rank",
        methods=METHODS,
        n_init=10,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.measures = measures
        self.params = params
        self.scoring = scoring
        self.methods = methods
        self.n_init = n_init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Cluster a graph by all candidates and select one.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array-like of shape (n_samples, n_samples)
            Weights of an undirected graph, symmetric, zero or more.
        y : Ignored
            Present for scikit-learn's conventions.

        Returns
        -------
        self : GraphMeasureSearch

        Raises
        ------
        ValueError
            For weights that are not square, finite, non-negative and symmetric, a graph without
            edges or of more than 20 000 nodes, more clusters than nodes, an unknown measure or
            method, a parameter outside (0, 1), and where no candidate is left to select from.

        Warns
        -----
        DisconnectedGraphWarning
            If the graph has several components.
        SelfLoopWarning
            If there are weights on the diagonal, which are left out.
        UndetectableCommunitiesWarning
            If a connected graph of 100 nodes or more has no communities that stand out from chance,
            see :func:`count_communities`.
        sklearn.exceptions.FitFailedWarning
            If measures gave no clusters at any parameter; ``reason`` says why at each.
        """
        with whole_or_nothing(self):
            measures, params, methods = self._grid()
            adjacency = graph_to_cluster(self, X)
            found = make_candidates(
                adjacency,
                self.n_clusters,
                measures,
                params,
                methods,
                n_init=self.n_init,
                seed=check_random_state(self.random_state).randint(2**31 - 1),
                n_jobs=self.n_jobs,
                verbose=self.verbose,
                nodes=self.nodes_,
            )
            chosen = select(
                # Products of degrees overflow with weights of 1e150 and more.
                adjacency / adjacency.data.max(),
                found.labels,
                self.n_clusters,
                scoring=self.scoring,
                reasons=found.reasons,
            )
            self.candidate_labels_ = found.labels
            self.search_results_ = {
                "measure": found.measure,
                "param": found.param,
                "method": found.method,
                "modularity": chosen.modularity,
                "log_likelihood": chosen.log_likelihood,
                "consensus": chosen.consensus,
                "score": chosen.score,
                "kept": chosen.kept,
                "same_labels": chosen.same,
                "reason": chosen.reasons,
            }
            self.assortative_ = chosen.assortative
            self.best_index_ = best = _steadiest(found, chosen.same)
            self.best_measure_ = str(found.measure[best])
            self.best_param_ = float(found.param[best])
            winner, spectra = parse_measure(self.best_measure_), Spectra(adjacency, floor="auto")
            natural = spectra.natural(winner, self.best_param_)
            self.best_natural_param_ = np.nan if natural is None else natural
            self.best_proximity_ = GraphProximity(self.best_measure_, floor="auto")
            if natural is not None:
                self.best_proximity_.set_params(param=natural, param_scale="natural")
            self.best_method_ = str(found.method[best])
            self.best_score_ = float(chosen.score[best])
            self.labels_ = found.labels[best].astype(np.int32)
            _warn_of_failed(found)
            warn_if_undetectable(adjacency, self.n_clusters)
            warn_of_components(
                adjacency,
                self.nodes_,
                "measures see nothing in common between these, or put them infinitely far apart, "
                "in place of which stands floor='auto'",
            )
        return self

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())

    def _grid(self):
        """Measures, parameters and methods, checked."""
        measures = self.measures
        if isinstance(measures, str):
            measures = DEFAULT_MEASURES if measures == "auto" else [measures]
        measures = list(dict.fromkeys(parse_measure(name).name for name in measures))
        if not measures:
            raise ValueError("measures is empty; name one at least, or pass 'auto'.")
        methods = [self.methods] if isinstance(self.methods, str) else self.methods
        methods = list(dict.fromkeys(methods))
        if not methods or not set(methods) <= set(METHODS):
            raise ValueError(
                f"methods={self.methods!r} is to list some of {', '.join(map(repr, METHODS))}."
            )
        if isinstance(self.params, Integral):
            n_params = int(self.params)
            return measures, (np.arange(n_params) + 0.5) / n_params, methods
        params = np.unique(np.asarray(self.params, dtype=np.float64))
        if params.size == 0 or not (np.all(params > 0) and np.all(params < 1)):
            raise ValueError(
                f"params={self.params!r} is to be a number of parameters, or unit parameters in "
                "the open interval (0, 1)."
            )
        return measures, params, methods


def _steadiest(found, same):
    """Of candidates of one partition the first of the measure that gives it at most parameters."""
    rows = np.flatnonzero(same)
    steps: dict[str, set[str]] = {}
    for row in rows:
        # Those without a parameter have NaN, which equals nothing; as text it does.
        steps.setdefault(found.measure[row], set()).add(str(found.param[row]))
    most = max(map(len, steps.values()))
    return int(next(row for row in rows if len(steps[found.measure[row]]) == most))


def _warn_of_failed(found):
    """Tell of measures without a single candidate, once for each cause."""
    names = np.unique(found.measure)
    failed: dict[str, list[str]] = {}
    for name in names:
        reasons = found.reasons[found.measure == name]
        if np.all(reasons != ""):
            cause = reasons[0].replace(f"Measure {str(name)!r}", "Each")
            failed.setdefault(cause, []).append(name)
    if failed:
        listed = "; ".join(f"{', '.join(group)} ({cause})" for cause, group in failed.items())
        warn_user(
            f"{sum(map(len, failed.values()))} of {len(names)} measures could not be used: "
            f"{listed}. The others were; leave these out of measures, or change the graph.",
            FitFailedWarning,
        )

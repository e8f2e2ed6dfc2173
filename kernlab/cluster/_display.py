"""Pictures of proximity measures: sweeps of their parameters and reject curves."""

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab.cluster._graph_clustering import GraphClustering
from kernlab.cluster._reject import RejectCurve
from kernlab.cluster._search import GraphMeasureSearch


class ProximityDisplay:
    """Curves of proximity measures: scores over their parameter, or reject curves.

    Make it with :meth:`from_estimator`, :meth:`from_sweep` or :meth:`from_reject_curves`.

    Parameters
    ----------
    curves : dict of str to tuple of two ndarrays
        Abscissae and ordinates of each curve, by its name.
    labels : tuple of two str
        Of both axes.
    chosen : tuple of two floats, default=None
        A point to mark: the parameter selected and its score.
    chance : bool, default=False
        Whether to draw the diagonal, on which chance is.
    log : bool, default=False
        Whether the abscissa is logarithmic.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import networkx as nx
    >>> from kernlab.cluster import GraphClustering, ProximityDisplay
    >>> model = GraphClustering(2, random_state=0).fit(nx.karate_club_graph())
    >>> display = ProximityDisplay.from_estimator(model)
    >>> list(display.curves)
    ['modularity']
    """

    def __init__(self, *, curves, labels, chosen=None, chance=False, log=False):
        self.curves = curves
        self.labels = labels
        self.chosen = chosen
        self.chance = chance
        self.log = log

    @classmethod
    def from_estimator(cls, estimator, y=None, *, ax=None):
        """Draw what was found at each parameter.

        Parameters
        ----------
        estimator : GraphClustering or GraphMeasureSearch
            Fitted with several parameters. Of a search each measure that has a parameter is a
            curve: the best score by any method, or nothing where no candidate was kept.
        y : array-like of shape (n_nodes,), default=None
            Classes known; with them the adjusted Rand index of the clusters is drawn beside their
            modularity, or, of a search, that of the best candidates in place of their scores. The
            choice was made without them.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : ProximityDisplay
            Over the natural parameter, on a logarithmic scale, or of a search the unit parameter;
            the one selected is marked.

        Raises
        ------
        ValueError
            If one parameter alone was tried, or ``y`` has not a class for each node.
        """
        if not isinstance(estimator, GraphClustering | GraphMeasureSearch):
            raise TypeError(
                f"estimator is {estimator!r}; give a fitted GraphClustering or GraphMeasureSearch."
            )
        check_is_fitted(estimator)
        if y is not None:
            y = np.asarray(y)
            if y.shape != estimator.labels_.shape:
                raise ValueError(
                    f"y has shape {y.shape}, expected {estimator.labels_.shape}: a class for each "
                    "node."
                )
        if isinstance(estimator, GraphMeasureSearch):
            return cls(**_of_search(estimator, y)).plot(ax=ax)
        params, scores = estimator.params_, estimator.scores_
        if len(params) < 2:
            raise ValueError(
                "estimator tried one parameter, which is no sweep; fit with param='auto' and a "
                "measure that has a parameter."
            )
        order = np.argsort(params)
        curves = {"modularity": (params[order], scores[order])}
        if y is not None:
            found = [adjusted_rand_score(y, labels) for labels in estimator.candidate_labels_]
            curves["adjusted Rand index"] = (params[order], np.array(found)[order])
        return cls(
            curves=curves,
            labels=(f"parameter of {estimator.measure!r}", "score"),
            chosen=(estimator.param_, estimator.modularity_),
            log=True,
        ).plot(ax=ax)

    @classmethod
    def from_sweep(cls, params, scores, *, label="score", ax=None):
        """Draw scores of measures over their parameter.

        Parameters
        ----------
        params : array-like of shape (n_params,)
            Such as unit parameters, which all measures share.
        scores : dict of str to array-like of shape (n_params,)
            By the names of the measures. NaN leaves a gap.
        label : str, default='score'
            What the scores are.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ProximityDisplay

        Raises
        ------
        ValueError
            If there are no scores, or not one for each parameter.
        """
        params = np.asarray(params, dtype=np.float64)
        if params.ndim != 1 or params.size == 0 or not scores:
            raise ValueError(
                f"params has shape {params.shape} and scores {len(scores)} measures; give a vector "
                "of parameters and a measure at least."
            )
        order = np.argsort(params)
        curves = {}
        for name, values in scores.items():
            values = np.asarray(values, dtype=np.float64)
            if values.shape != params.shape:
                raise ValueError(
                    f"scores[{name!r}] has shape {values.shape}, expected {params.shape}: a score "
                    "for each of params."
                )
            curves[name] = (params[order], values[order])
        return cls(curves=curves, labels=("parameter", label)).plot(ax=ax)

    @classmethod
    def from_reject_curves(cls, curves, *, ax=None):
        """Draw reject curves, which show how well distances tell classes apart.

        Parameters
        ----------
        curves : dict of str to RejectCurve
            By the names of the measures, see :func:`reject_curve`.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ProximityDisplay
            The area under each is written beside its name.

        Raises
        ------
        ValueError
            If there are none.
        TypeError
            If one is no :class:`RejectCurve`.
        """
        if not curves:
            raise ValueError("curves is empty; give a dict of reject_curve(distance, labels).")
        for name, curve in curves.items():
            if not isinstance(curve, RejectCurve):
                raise TypeError(
                    f"curves[{name!r}] is {type(curve).__name__}; give reject_curve(distance, "
                    "labels)."
                )
        return cls(
            curves={
                f"{name} (area {curve.auc:.3f})": (curve.fpr, curve.tpr)
                for name, curve in curves.items()
            },
            labels=("share of pairs of two classes", "share of pairs of one class"),
            chance=True,
        ).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : ProximityDisplay
        """
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="ProximityDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        marker = "" if self.chance else "o"
        for name, (x, y) in self.curves.items():
            ax.plot(x, y, marker=marker, markersize=4, label=name)
        if self.chosen is not None:
            ax.plot(
                *self.chosen, "o", markersize=11, markerfacecolor="none", markeredgecolor="0.2",
                label="selected",
            )  # fmt: skip
        if self.chance:
            ax.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1, zorder=0)
            ax.set_aspect("equal")
        if self.log:
            ax.set_xscale("log")
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _of_search(search, y):
    """What :class:`ProximityDisplay` is made of, for a search."""
    results = search.search_results_
    shown, best_shown = results["score"], search.best_score_
    if y is not None:
        shown = np.array([adjusted_rand_score(y, labels) for labels in search.candidate_labels_])
        best_shown = shown[search.best_index_]
    curves = {}
    for name in dict.fromkeys(results["measure"][~np.isnan(results["param"])].tolist()):
        of_measure = np.flatnonzero(results["measure"] == name)
        params = np.unique(results["param"][of_measure])
        values = np.full(len(params), np.nan)
        for place, x in enumerate(params):
            kept = of_measure[results["kept"][of_measure] & (results["param"][of_measure] == x)]
            if len(kept):
                values[place] = shown[kept[np.argmax(results["score"][kept])]]
        curves[name] = (params, values)
    if not curves or max(len(params) for params, _ in curves.values()) < 2:
        raise ValueError(
            "estimator tried one parameter, which is no sweep; fit with more params and a measure "
            "that has a parameter."
        )
    chosen = None if np.isnan(search.best_param_) else (search.best_param_, best_shown)
    ordinate = "score" if y is None else "adjusted Rand index"
    return {"curves": curves, "labels": ("unit parameter", ordinate), "chosen": chosen}

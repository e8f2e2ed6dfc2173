"""Pictures of proximity measures: sweeps of their parameters and reject curves."""

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab.cluster._graph_clustering import GraphClustering
from kernlab.cluster._reject import RejectCurve, known_classes
from kernlab.cluster._search import GraphMeasureSearch
from kernlab.graph._measures import parse_measure

# More curves over the same parameters than this are a heat map: colours tell no more of them apart.
_CURVES = 6
_STYLES = ("-", "--", ":", "-.")
# Parameters written below a heat map.
_TICKS = 10


class ProximityDisplay:
    """Pictures of proximity measures: scores over their parameter, or reject curves.

    Up to six measures are curves; scores of more at the same parameters are a heat map, a row for
    each measure, the best on top. Make it with :meth:`from_estimator`, :meth:`from_sweep` or
    :meth:`from_reject_curves`.

    Parameters
    ----------
    curves : dict of str to tuple of two ndarrays
        Abscissae and ordinates of each curve, by its name.
    labels : tuple of two str
        Of abscissae and ordinates; the latter are the colours of a heat map.
    chosen : tuple of str and two floats, default=None
        A point to mark: its curve, the parameter selected and its score.
    chance : bool, default=False
        Whether to draw the diagonal, on which chance is.
    log : bool, default=False
        Whether the abscissa is logarithmic.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    artists_ : list of matplotlib artists
        A line for each curve, or the image of the heat map.

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
    def from_estimator(cls, estimator, y=None, *, measures=None, ax=None, **kwargs):
        """Draw what was found at each parameter.

        Parameters
        ----------
        estimator : GraphClustering or GraphMeasureSearch
            Fitted with several parameters. Of a search each measure that has a parameter is shown:
            the best score by any method, or nothing where no candidate was kept.
        y : array-like of shape (n_nodes,), default=None
            Classes known; with them the adjusted Rand index of the clusters is drawn beside their
            modularity, or, of a search, that of the best candidates in place of their scores. The
            choice was made without them.
        measures : list of str, default=None
            Those of a search to show; None is all.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs
            For :meth:`plot`.

        Returns
        -------
        display : ProximityDisplay
            Over the natural parameter, on a logarithmic scale, or of a search the unit parameter;
            the one selected is marked.

        Raises
        ------
        ValueError
            If one parameter alone was tried, ``y`` has not a class for each node, or one of
            ``measures`` was not searched.
        """
        if not isinstance(estimator, GraphClustering | GraphMeasureSearch):
            raise TypeError(
                f"estimator is {estimator!r}; give a fitted GraphClustering or GraphMeasureSearch."
            )
        check_is_fitted(estimator)
        if y is not None:
            remedy = "draw without y, or give them a class"
            y = known_classes(y, len(estimator.labels_), name="y", remedy=remedy)
        if isinstance(estimator, GraphMeasureSearch):
            return cls(**_of_search(estimator, y, measures)).plot(ax=ax, **kwargs)
        if measures is not None:
            raise ValueError(
                f"measures={measures!r} are of a GraphMeasureSearch; estimator has one alone, "
                f"{estimator.measure!r}."
            )
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
            chosen=("modularity", estimator.param_, estimator.modularity_),
            log=True,
        ).plot(ax=ax, **kwargs)

    @classmethod
    def from_sweep(cls, params, scores, *, label="score", ax=None, **kwargs):
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
        **kwargs
            For :meth:`plot`.

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
        return cls(curves=curves, labels=("parameter", label)).plot(ax=ax, **kwargs)

    @classmethod
    def from_reject_curves(cls, curves, *, ax=None, **kwargs):
        """Draw reject curves, which show how well distances tell classes apart.

        Parameters
        ----------
        curves : dict of str to RejectCurve
            By the names of the measures, see :func:`reject_curve`.
        ax : matplotlib Axes, default=None
        **kwargs
            For :meth:`plot`.

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
        ).plot(ax=ax, **kwargs)

    def plot(self, *, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The legend is beside it, for which ``layout="constrained"`` of a figure makes room.
        **kwargs
            For :meth:`matplotlib.axes.Axes.plot` of each curve, or ``imshow`` of a heat map.

        Returns
        -------
        self : ProximityDisplay
        """
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="ProximityDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        shared = {tuple(x) for x, _ in self.curves.values()}
        if len(self.curves) > _CURVES and len(shared) == 1:
            self._plot_map(ax, np.array(shared.pop()), kwargs)
        else:
            self._plot_curves(ax, kwargs)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_curves(self, ax, settings):
        usual = {"marker": "" if self.chance else "o", "markersize": 4}
        self.artists_ = []
        for number, (name, (x, y)) in enumerate(self.curves.items()):
            # Colours come again after ten.
            style = {"linestyle": _STYLES[number // 10 % len(_STYLES)]}
            self.artists_ += ax.plot(x, y, **{**usual, **style, "label": name, **settings})
        if self.chosen is not None:
            ax.plot(*self.chosen[1:], label="selected", **_RING, markeredgecolor="0.2")
        if self.chance:
            ax.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1, zorder=0)
        if self.log:
            ax.set_xscale("log")
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        _legend(ax)

    def _plot_map(self, ax, params, settings):
        # The best on top, of equals that of the best second; nothing at all is below everything.
        names = sorted(
            self.curves,
            key=lambda name: sorted(np.nan_to_num(self.curves[name][1], nan=-np.inf))[::-1],
            reverse=True,
        )
        table = np.stack([self.curves[name][1] for name in names])
        image = ax.imshow(table, **{"aspect": "auto", "interpolation": "nearest", **settings})
        self.artists_ = [image]
        ax.figure.colorbar(image, ax=ax, label=self.labels[1])
        places = np.arange(0, len(params), -(-len(params) // _TICKS))
        ax.set_xticks(places, [f"{x:.3g}" for x in params[places]])
        ax.set_yticks(np.arange(len(names)), names)
        ax.set_xlabel(self.labels[0])
        ax.set_facecolor("0.85")
        if self.chosen is not None and self.chosen[0] in names:
            place = np.argmin(np.abs(params - self.chosen[1]))
            ax.plot(place, names.index(self.chosen[0]), **_RING, markeredgecolor="C3")
            ax.set_title(f"selected: {self.chosen[0]} at {self.chosen[1]:.3g}", fontsize="medium")


_RING = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none",
         "markeredgewidth": 1.5}  # fmt: skip


def _legend(ax):
    """Beside the axes, where it hides nothing."""
    ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)


def _of_search(search, y, measures):
    """What :class:`ProximityDisplay` is made of, for a search."""
    results = search.search_results_
    shown, best_shown = results["score"], search.best_score_
    if y is not None:
        shown = np.array([adjusted_rand_score(y, labels) for labels in search.candidate_labels_])
        best_shown = shown[search.best_index_]
    curves = {}
    names = list(dict.fromkeys(results["measure"][~np.isnan(results["param"])].tolist()))
    if measures is not None:
        wanted = [parse_measure(name).name for name in measures]
        if not wanted or not set(wanted) <= set(names):
            raise ValueError(
                f"measures={measures!r} is to list some that were searched and have a parameter: "
                f"{', '.join(map(repr, names))}."
            )
        names = wanted
    for name in names:
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
    chosen = (search.best_measure_, search.best_param_, best_shown)
    ordinate = "score" if y is None else "adjusted Rand index"
    return {
        "curves": curves,
        "labels": ("unit parameter", ordinate),
        "chosen": chosen if search.best_measure_ in curves else None,
    }

"""Pictures of an embedding."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab.embedding._heat_geodesic import HeatGeodesicEmbedding

_KINDS = ("embedding", "shepard")
# Pairs of a Shepard diagram: more only blacken it.
_PAIRS = 5000


class HeatGeodesicDisplay:
    """Picture of a fitted :class:`HeatGeodesicEmbedding`.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    kind : {'embedding', 'shepard'}
    points : ndarray of shape (n, 2)
        Points of the embedding; or distances from landmarks, along the data and in the embedding.
    landmarks : ndarray of shape (n_landmarks, 2)
        Positions of the landmarks; none for a Shepard diagram, nor where they are half of the
        points or more and would but cover them.
    shortcuts : ndarray of shape (n_shortcuts, 2, 2)
        Ends of the edges that pruning took out of the graph; none for a Shepard diagram.
    stress : float
    labels : tuple of str
        Of both axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.embedding import HeatGeodesicDisplay, HeatGeodesicEmbedding
    >>> X = np.random.default_rng(0).uniform(size=(200, 2))
    >>> model = HeatGeodesicEmbedding(metric="graph", random_state=0).fit(X)
    >>> display = HeatGeodesicDisplay.from_estimator(model, kind="shepard")
    >>> display.points.shape
    (5000, 2)
    """

    def __init__(self, *, kind, points, landmarks, shortcuts, stress, labels):
        self.kind = kind
        self.points = points
        self.landmarks = landmarks
        self.shortcuts = shortcuts
        self.stress = stress
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, *, kind="embedding", components=(0, 1), color=None, ax=None):
        """Draw a fitted estimator.

        Parameters
        ----------
        estimator : HeatGeodesicEmbedding
        kind : {'embedding', 'shepard'}, default='embedding'
            'embedding': the points, the landmarks, and the edges that pruning took out. 'shepard':
            distances in the embedding against distances along the data, of up to 5000 pairs of a
            point and a landmark, evenly taken; on the line they agree.
        components : tuple of two int, default=(0, 1)
            Which coordinates of the embedding to show.
        color : array-like of shape (n_samples,), default=None
            Numbers that colour the points; or names of their classes (strings, booleans),
            listed in a legend. Only with ``kind='embedding'``.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : HeatGeodesicDisplay

        Raises
        ------
        ValueError
            If ``kind`` is unknown, the embedding has no such components, or ``color`` is not of one
            value for each point or comes with a Shepard diagram.
        """
        if not isinstance(estimator, HeatGeodesicEmbedding):
            raise TypeError(f"estimator is {estimator!r}; give a fitted HeatGeodesicEmbedding.")
        check_is_fitted(estimator)
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} is none of {', '.join(map(repr, _KINDS))}.")
        if kind == "shepard" and color is not None:
            raise ValueError(
                "color is of points, and kind='shepard' draws pairs of them; leave color out."
            )
        embedding = estimator.embedding_
        p = embedding.shape[1]
        if kind == "shepard":
            points, labels = _pairs(estimator), ("along the data", "in the embedding")
            landmarks, shortcuts = np.empty((0, 2)), np.empty((0, 2, 2))
        else:
            if np.shape(components) != (2,) or not all(
                isinstance(c, int | np.integer) and 0 <= c < p for c in components
            ):
                raise ValueError(
                    f"components={components!r} are not two of the {p} of the embedding, 0 to "
                    f"{p - 1}; fit with n_components=2 or more."
                )
            first, second = components
            points = embedding[:, [first, second]]
            landmarks = points[estimator.landmarks_]
            if 2 * len(landmarks) >= len(points):
                landmarks = landmarks[:0]
            shortcuts = points[estimator.shortcuts_] if hasattr(estimator, "shortcuts_") else []
            shortcuts = np.reshape(shortcuts, (-1, 2, 2))
            labels = (f"component {first}", f"component {second}")
        return cls(
            kind=kind,
            points=points,
            landmarks=landmarks,
            shortcuts=shortcuts,
            stress=estimator.stress_,
            labels=labels,
        ).plot(color=color, ax=ax)

    def plot(self, *, color=None, ax=None):
        """Draw.

        Parameters
        ----------
        color : array-like of shape (n_samples,), default=None
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : HeatGeodesicDisplay
        """
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="HeatGeodesicDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        # Every point is to be seen, however many there are.
        size = float(np.clip(4e4 / len(self.points), 1.0, 25.0))
        if self.kind == "shepard":
            ax.plot(*self.points.T, ".", color="C0", markersize=2, alpha=0.5)
            end = float(self.points.max())
            ax.plot([0, end], [0, end], color="0.3", linewidth=1)
            ax.set_title(f"stress {self.stress:.3g}")
        else:
            self._scatter(ax, color, s=size, linewidths=0, zorder=2)
            lines = import_extra(
                "matplotlib.collections", extra="plot", purpose="HeatGeodesicDisplay.plot"
            )
            if len(self.shortcuts):
                ax.add_collection(
                    lines.LineCollection(
                        self.shortcuts, colors="C3", linewidths=0.4, alpha=0.4, zorder=1,
                        label="shortcuts taken out",
                    )
                )  # fmt: skip
            if len(self.landmarks):
                ax.plot(
                    *self.landmarks.T, "o", markersize=3, markerfacecolor="none",
                    markeredgecolor="0.2", markeredgewidth=0.5, zorder=3, label="landmarks",
                )  # fmt: skip
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize="small", framealpha=0.6)
            ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scatter(self, ax, color, **style):
        """Draw the points: coloured by numbers, or a class at a time."""
        if color is None:
            ax.scatter(*self.points.T, **style)
            return
        color = np.asarray(color)
        if color.shape != (len(self.points),):
            raise ValueError(
                f"color has shape {color.shape}, expected ({len(self.points)},): a number or the "
                "name of a class for each point."
            )
        if color.dtype.kind in "iuf":
            ax.scatter(*self.points.T, c=color, **style)
            return
        names, classes = np.unique(color.astype(str), return_inverse=True)
        colors = import_extra(
            "matplotlib.pyplot", extra="plot", purpose="HeatGeodesicDisplay.plot"
        ).get_cmap(
            "tab10" if len(names) <= 10 else "turbo", len(names) if len(names) > 10 else None
        )
        for k, name in enumerate(names):
            ax.scatter(*self.points[classes == k].T, color=colors(k), label=name, **style)


def _pairs(estimator):
    """Distances (n_pairs, 2) along the data and in the embedding, of points and landmarks."""
    distances, embedding = estimator.landmark_distances_, estimator.embedding_
    taken = np.linspace(0, distances.size - 1, min(_PAIRS, distances.size)).astype(np.int64)
    point, landmark = np.unravel_index(taken, distances.shape)
    steps = embedding[point] - embedding[estimator.landmarks_[landmark]]
    return np.column_stack((distances[point, landmark], np.linalg.norm(steps, axis=1)))

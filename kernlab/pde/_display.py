"""Pictures of a solved equation."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab.pde._adaptive import relative_residuals
from kernlab.pde._direct import DirectPosterior
from kernlab.pde._estimator import GPPDESolver

_KINDS = ("solution", "residual", "spectrum", "convergence")
_RESOLUTION = {1: 801, 2: 151}
_ROUNDING = 1e-17
# Decades of the spectrum shown below its largest value.
_DECADES = 15
# One sign, but for less than this share of the largest value, has no need of a middle colour.
_ONE_SIGN = 0.01


class GPPDEDisplay:
    """Picture of a fitted :class:`GPPDESolver`.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    kind : {'solution', 'residual', 'spectrum', 'convergence'}
    curves : list of dict
        What is drawn as lines: ``x``, ``y`` (None for vertical lines at ``x``), ``label`` and, by
        kind, ``std`` or ``style``.
    image : tuple of arrays, or None
        Coordinates (n_1,) and (n_2,) and values (n_1, n_2), where the picture is of a plane.
    labels : tuple of str
        Labels of both axes, and of the values of an image.
    title : str

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    """

    def __init__(self, *, kind, curves, image, labels, title):
        self.kind = kind
        self.curves = curves
        self.image = image
        self.labels = labels
        self.title = title

    @classmethod
    def from_estimator(cls, estimator, *, kind="solution", grid_resolution=None, ax=None):
        """Evaluate and draw a fitted estimator.

        Parameters
        ----------
        estimator : GPPDESolver
            Fitted.
        kind : {'solution', 'residual', 'spectrum', 'convergence'}, default='solution'
            'solution': u, in one dimension a curve (with a band of two standard deviations where
            the data were noisy; each field of a system has its curve), in two a coloured plane, in
            three the plane in the middle of the last coordinate; of a system in two or three
            dimensions the first field.
            'residual': by how much the equation fails to hold off the nodes, relative to the root
            mean square of its largest term, on a logarithmic scale; the worst of several.
            'spectrum': for each coordinate the root mean square coefficients of u against the
            frequency of their functions, the weights of the prior's components, and the lines
            found in the data.
            'convergence': estimated error of u against the number of unknowns, for every
            refinement.
        grid_resolution : int, default=None
            Points of the grid along each coordinate; None is 801 in one dimension and 151 in two.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : GPPDEDisplay

        Raises
        ------
        ValueError
            If ``kind`` is unknown, or needs a direct solve of the equation and the estimator was
            fitted to noisy data or by ``method='map'``.
        """
        if not isinstance(estimator, GPPDESolver):
            raise TypeError(f"estimator is {estimator!r}; give a fitted kernlab GPPDESolver.")
        check_is_fitted(estimator, "n_features_in_")
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} is none of {', '.join(map(repr, _KINDS))}.")
        if grid_resolution is not None and (
            not isinstance(grid_resolution, Integral) or grid_resolution < 2
        ):
            raise ValueError(f"grid_resolution={grid_resolution!r} is not an integer of 2 or more.")
        if kind in ("residual", "convergence") and not hasattr(estimator, "_fit_solution"):
            raise ValueError(
                f"kind={kind!r} shows a direct solve of the equation, and this estimator was "
                f"fitted by {estimator.route_}; use kind='solution' or 'spectrum'."
            )
        if kind == "spectrum":
            parts = _spectrum(estimator)
        elif kind == "convergence":
            parts = _convergence(estimator)
        else:
            parts = _on_grid(estimator, kind, grid_resolution)
        return cls(kind=kind, **parts).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : GPPDEDisplay
        """
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="GPPDEDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        if self.image is not None:
            self._draw_image(ax)
        for curve in self.curves:
            if curve["y"] is None:
                for k, place in enumerate(curve["x"]):
                    ax.axvline(place, label=None if k else curve["label"], **curve["style"])
                continue
            (line,) = ax.plot(
                curve["x"], curve["y"], label=curve["label"] or None, **curve.get("style", {})
            )
            if "std" in curve:
                low, high = curve["y"] - 2 * curve["std"], curve["y"] + 2 * curve["std"]
                ax.fill_between(
                    curve["x"], low, high, color=line.get_color(), alpha=0.25, linewidth=0,
                    label="± 2 std",
                )  # fmt: skip
        if self.kind != "solution" and self.image is None:
            ax.set_yscale("log")
        if self.kind == "convergence":
            ax.set_xscale("log")
            # Labels between the decades would overlap; within a decade there is always one.
            ax.set_xlim(self.curves[1]["x"][0], self.curves[1]["x"][-1])
            ax.xaxis.set_minor_formatter("")
        elif self.kind == "spectrum":
            # The trend is at zero; lines and octaves need a logarithm.
            least = min(np.min(c["x"][c["x"] > 0], initial=np.inf) for c in self.curves)
            decade = 10.0 ** np.floor(np.log10(least)) if np.isfinite(least) else 1.0
            ax.set_xscale("symlog", linthresh=decade)
            # A marker at zero is not to be cut in half.
            ax.set_xlim(left=-0.1 * decade)
        if any(curve["label"] or "std" in curve for curve in self.curves):
            ax.legend(fontsize="small", framealpha=0.6)
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        ax.set_title(self.title)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_image(self, ax):
        first, second, values = self.image
        style: dict = {"cmap": "viridis", "shading": "gouraud"}
        if self.kind == "residual":
            colors = import_extra("matplotlib.colors", extra="plot", purpose="GPPDEDisplay.plot")
            # Zeros of the residual are narrow and deep, and would take most of the colours.
            style["norm"] = colors.LogNorm(np.quantile(values, 0.01), values.max())
        elif min(values.max(), -values.min()) > _ONE_SIGN * (largest := np.max(np.abs(values))):
            # Zero is the middle of the colours.
            style |= {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        mesh = ax.pcolormesh(first, second, values.T, **style)
        ax.figure.colorbar(mesh, ax=ax, label=self.labels[2])


def _on_grid(estimator, kind, resolution):
    """The solution or the residual on a regular grid."""
    box, fields = estimator.pde.box, estimator.pde.fields
    d = len(box)
    n = resolution or _RESOLUTION[min(d, 2)]
    axes = [np.linspace(low, high, n) for low, high in zip(box.low, box.high, strict=True)]
    title = ""
    if d == 3:
        axes[2] = np.array([(box.low[2] + box.high[2]) / 2])
        title = f"{box.names[2]} = {axes[2][0]:g}"
    shape = tuple(len(a) for a in axes)
    std = None
    if kind == "residual":
        solution = estimator._fit_solution
        spaces, raws = solution.discretization.spaces, dict(zip(fields, solution.raws, strict=True))
        values = relative_residuals(
            estimator.pde,
            lambda field, orders: spaces[field].evaluate_grid(raws[field], axes, orders),
            tuple(np.meshgrid(*axes, indexing="ij")),
        )
        # What is below rounding is rounding, and zero has no logarithm.
        values = np.maximum(np.max(np.abs(values), axis=0), _ROUNDING)
        values, names = values.reshape(*shape, 1), ["relative residual"]
    else:
        if d == 1 and not hasattr(estimator, "_fit_solution"):
            values, std = estimator.predict_grid(axes, return_std=True)
        else:
            values = estimator.predict_grid(axes)
        values, names = values.reshape(*shape, -1), list(fields)
    if d > 1:
        image = (axes[0], axes[1], values.reshape(n, n, -1)[:, :, 0])
        of_image = (box.names[0], box.names[1], names[0])
        return {"curves": [], "image": image, "labels": of_image, "title": title}
    several = len(names) > 1
    curves = [
        {"x": axes[0], "y": values[:, i], "label": name if several else ""}
        for i, name in enumerate(names)
    ]
    if std is not None:
        curves[0]["std"] = std
    labels = (box.names[0], "" if several else names[0])
    return {"curves": curves, "image": None, "labels": labels, "title": title}


def _spectrum(estimator):
    """Coefficients, components of the prior and lines, along each coordinate."""
    posterior = estimator._posterior()
    kernel = posterior.kernel[0] if isinstance(posterior.kernel, list) else posterior.kernel
    names, field = estimator.pde.box.names, estimator.pde.fields[0]
    # Coordinates may have the same spectrum: what is drawn over is larger.
    grow = [1.0] if len(names) == 1 else np.linspace(1.5, 0.8, len(names))
    curves = []
    for k, axis in enumerate(kernel.axes):
        suffix = f" in {names[k]}" if len(names) > 1 else ""
        diamonds = {"marker": "D", "markersize": 6 * grow[k]}
        parts = [(axis.frequencies, np.sqrt(axis.weights), "prior", diamonds)]
        if isinstance(posterior, DirectPosterior):
            dots = {"marker": ".", "markersize": 4 * grow[k], "alpha": 0.6}
            parts.append((*posterior.spectrum(k), "coefficients", dots))
            lines = {"color": f"C{k}", "linestyle": ":", "linewidth": 0.8}
            if len(posterior.lines[k]):
                curves.append(
                    {"x": posterior.lines[k], "y": None, "label": "lines" + suffix, "style": lines}
                )
        for omega, size, label, style in parts:
            shown = size > 10.0**-_DECADES * np.max(size, initial=0.0)
            style = {"linestyle": "none", "color": f"C{k}", "markerfacecolor": "none"} | style
            curves.append(
                {"x": omega[shown], "y": size[shown], "label": label + suffix, "style": style}
            )
    unit = names[0] if len(names) == 1 else "coordinate"
    labels = (f"angular frequency (rad per unit of {unit})", f"root mean square share of {field}")
    return {"curves": curves, "image": None, "labels": labels, "title": ""}


def _convergence(estimator):
    """Estimated errors of all refinements."""
    history = estimator._fit_solution.history
    sizes = np.array([np.prod(size, dtype=float) for size, _ in history])
    errors = np.array([error for _, error in history])
    curves = [
        {"x": sizes, "y": errors, "label": "estimated error", "style": {"marker": "o"}},
        {"x": sizes[[0, -1]] * [10**-0.5, 10**0.5], "y": np.full(2, estimator.tol), "label": "tol",
         "style": {"color": "0.5", "linestyle": "--"}},
    ]  # fmt: skip
    fields = ", ".join(estimator.pde.fields)
    labels = ("unknowns of a field", f"relative error of {fields}")
    return {"curves": curves, "image": None, "labels": labels, "title": estimator.route_}

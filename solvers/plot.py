"""A picture of a solution and, where the exact one is known, of its error."""

import numpy as np

from kernlab._core.extras import import_extra

_N_LINE, _N_PLANE = 2000, 240


def plot(problem, predict, path):
    """Draw a solution, and the logarithm of its error, to a file.

    Parameters
    ----------
    problem : solvers.Problem
        In three dimensions the last coordinate is held at its middle.
    predict : callable
        ``predict(X)`` for X of shape (n, d).
    path : path-like
        Its suffix chooses the format.

    Raises
    ------
    ValueError
        If the suffix is no format of matplotlib's.
    kernlab.exceptions.MissingExtraError
        If matplotlib is not installed.
    """
    figure_module = import_extra("matplotlib.figure", extra="plot", purpose="plot")
    box = problem.pde.box
    n = _N_LINE if len(box) == 1 else _N_PLANE
    axes = [np.linspace(low, high, n) for low, high in zip(box.low, box.high, strict=True)][:2]
    held = [np.array([(box.low[k] + box.high[k]) / 2]) for k in range(2, len(box))]
    where = "".join(f" at {box.names[k + 2]} = {value[0]:g}" for k, value in enumerate(held))
    grid = np.meshgrid(*axes, *held, indexing="ij")
    values = predict(np.column_stack([g.ravel() for g in grid])).reshape(grid[0].shape)
    panels = [("solution", np.squeeze(values))]
    if problem.exact is not None:
        # Zero has no logarithm; what is below one rounding of the largest value is rounding.
        floor = np.finfo(float).eps * np.max(np.abs(values))
        error = np.maximum(np.abs(values - problem.exact(*grid)), floor)
        panels.append(("error", np.squeeze(error)))

    figure = figure_module.Figure(figsize=(5.2 * len(panels), 4), layout="constrained")
    for k, (name, shown) in enumerate(panels):
        panel = figure.add_subplot(1, len(panels), k + 1)
        if len(box) == 1:
            _draw_line(panel, name, axes[0], shown)
        else:
            _draw_plane(figure, panel, name, axes, shown)
            panel.set_ylabel(box.names[1])
        panel.set_xlabel(box.names[0])
        panel.set_title(name + where)
    # The title is longer than the figure is wide where there is one panel.
    figure.suptitle(problem.title, fontsize="small", wrap=True)
    figure.savefig(path, dpi=150)


def _draw_line(panel, name, x, values):
    panel.plot(x, values, linewidth=0.8)
    if name == "error":
        panel.set_yscale("log")
    panel.margins(x=0)


def _draw_plane(figure, panel, name, axes, values):
    if name == "error":
        mesh = panel.pcolormesh(*axes, np.log10(values).T, cmap="magma", rasterized=True)
        figure.colorbar(mesh, ax=panel, label="log10 |error|")
        return
    top = np.max(np.abs(values))
    # White is zero where both signs occur.
    signed = np.min(values) < -0.01 * top and np.max(values) > 0.01 * top
    limits = {"cmap": "RdBu_r", "vmin": -top, "vmax": top} if signed else {"cmap": "viridis"}
    mesh = panel.pcolormesh(*axes, values.T, rasterized=True, **limits)
    figure.colorbar(mesh, ax=panel)

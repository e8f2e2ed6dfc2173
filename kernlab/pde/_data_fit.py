"""Which Gaussian process noisy data get: on a grid, in state space, or in weight space."""

import numpy as np

from kernlab.pde._assimilate import assimilate
from kernlab.pde._grid import fit_grid
from kernlab.pde._lines import find_lines
from kernlab.pde._resolution import as_generator
from kernlab.pde._state_space import fit_state_space

# Sides of a grid, in cells: below, weight space is as fast and free of the sines' corners.
_GRID_SIDE = 8


def fit_data(pde, X, y, *, alpha, observe, kernel, random_state):
    """The posterior of u given noisy data, and the name of the route that found it.

    Sources on the regular interior grid of a rectangle cost a few matrix products; Student-t
    mixtures on an interval are filtered in linear time; all else goes through the QR of weight
    space. X are points of the box and y as many numbers, both checked.
    """
    if kernel == "student-t":
        return _fit_student_t(pde, X, y, alpha, observe), "state space"
    if kernel != "sm":
        raise ValueError(
            f"kernel={kernel!r} is for method='map'; noisy data take kernel='sm' or, on an "
            "interval, 'student-t'."
        )
    if observe == "source":
        grid = _as_grid(pde, X, y, alpha)
        if grid is not None:
            axes, Y, (a, b, c) = grid
            posterior = fit_grid(axes, Y, a, b, c, alpha=alpha, boundary=_edges(pde, axes))
            return posterior, "grid"
    posterior = assimilate(
        pde, X, y, alpha=alpha, observe=observe, random_state=as_generator(random_state)
    )
    return posterior, "weight space"


def _operator(pde, orders):
    """Coefficients of these orders of one equation, or None where it holds anything else."""
    if len(pde.equations) != 1 or pde.unknowns:
        return None
    (equation,), (field,) = pde.equations, pde.fields
    dirichlet = all(
        [condition.kind for condition in (*sides.low, *sides.high)] == ["value", "value"]
        and len(sides.low) == 1
        for sides in pde.conditions.values()
    )
    wanted = [(field, order) for order in orders]
    if not (equation.is_constant and dirichlet and set(equation.constant) <= set(wanted)):
        return None
    return tuple(equation.constant.get(jet, 0.0) for jet in wanted)


def _as_grid(pde, X, y, alpha):
    """Nodes, values and operator where the data fill a regular interior grid of a rectangle."""
    if len(pde.box) != 2 or np.ndim(alpha):
        return None
    operator = _operator(pde, [(2, 0), (0, 2), (0, 0)])
    if operator is None or not operator[0] or not operator[1]:
        return None
    if not np.isfinite(y).all():
        return None
    # In steps of a millionth of a cell: coordinates of one line may differ by rounding.
    places = (X - pde.box.low) / pde.box.lengths
    values, cells = [], []
    for d in range(2):
        found, cell = np.unique(np.round(places[:, d], 9), return_inverse=True)
        n = len(found)
        if n < _GRID_SIDE or np.abs(found - np.arange(1, n + 1) / (n + 1)).max() > 1e-6 / n:
            return None
        values.append(pde.box.low[d] + pde.box.lengths[d] * np.arange(1, n + 1) / (n + 1))
        cells.append(cell.ravel())
    shape = tuple(len(v) for v in values)
    if len(y) != np.prod(shape) or len(np.unique(np.ravel_multi_index(cells, shape))) != len(y):
        return None
    Y = np.empty(shape)
    Y[tuple(cells)] = y
    Y += pde.equations[0].source(np.meshgrid(*values, indexing="ij", sparse=True))
    return values, Y, operator


def _edges(pde, axes):
    """Values on the edges, at the nodes of the other axis and both corners."""
    (field,), box = pde.fields, pde.box
    edges = []
    for d in range(2):
        other = 1 - d
        along = np.concatenate([[box.low[other]], axes[other], [box.high[other]]])
        sides = pde.conditions[field, d]
        ends = []
        for condition, place in ((sides.low[0], box.low[d]), (sides.high[0], box.high[d])):
            points = [along, along]
            points[d] = np.full(1, place)
            ends.append(np.broadcast_to(condition.g(*points), along.shape))
        edges.append(ends)
    return edges


def _fit_student_t(pde, X, y, alpha, observe):
    operator = _operator(pde, [(2,), (1,), (0,)]) if len(pde.box) == 1 else None
    if operator is None or not operator[0] or observe != "source":
        raise ValueError(
            "kernel='student-t' conditions a u'' + b u' + c u on an interval with a Dirichlet "
            f"value at each end, on data of observe='source'; got {pde!r}, observe={observe!r}. "
            "Use kernel='sm'."
        )
    box, (field,) = pde.box, pde.fields
    x, low, high = X[:, 0], box.low[0], box.high[0]
    if not np.isfinite(y).all():
        row = np.flatnonzero(~np.isfinite(y))[0]
        raise ValueError(f"y must be finite, got {y[row]} in row {row}.")
    y = y + pde.equations[0].source((x,))
    sides = pde.conditions[field, 0]
    ends = [
        float(condition.g(np.array([place]))[0])
        for condition, place in ((sides.low[0], low), (sides.high[0], high))
    ]
    lines = find_lines(y, low, high, points=x, noisy=True).frequencies
    return fit_state_space(
        x, y, low, high, *operator, boundary=tuple(ends), frequencies=lines, alpha=alpha
    )

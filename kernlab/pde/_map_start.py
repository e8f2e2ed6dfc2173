"""Where the optimiser starts: frequencies read off the equation's data."""

from math import ceil, log, pi

import numpy as np

from kernlab.pde._lines import find_lines

# Slices of the source and of the faces along each axis in which lines are sought.
_SLICES = 3
# A line whose share of the solution is smaller does not ask for more nodes.
_MINOR = 1e-4
# Nodes along an axis by default: four for a wave of the fastest line, within these limits in one
# and in two dimensions.
_NODES_PER_WAVE = 4
# Log weight of a component that the data do not ask for.
_UNUSED = -40.0
NODES = {1: (100, 800), 2: (40, 100)}


def axis_signals(pde, axis, random_state):
    """Functions of one coordinate: the source, and other faces' data, on random slices."""
    (equation,) = pde.equations
    (field,) = pde.fields
    box = pde.box
    low, high = np.asarray(box.low, dtype=float), np.asarray(box.high, dtype=float)

    def sliced(function, place):
        def signal(x):
            points = tuple(x if k == axis else np.full_like(x, place[k]) for k in range(len(box)))
            return function(points)

        return signal

    signals = []
    for _ in range(_SLICES if len(box) > 1 else 1):
        place = random_state.uniform(low, high)
        signals.append(sliced(equation.source, place))
    for other in range(len(box)):
        if other == axis:
            continue
        found = pde.conditions[field, other]
        for end, conditions in ((low[other], found.low), (high[other], found.high)):
            for condition in conditions:
                place = random_state.uniform(low, high)
                place[other] = end
                signals.append(sliced(lambda points, g=condition.g: np.asarray(g(*points)), place))
    return signals


def source_lines(pde, axis, random_state):
    """Lines of the data along an axis: (frequencies, the fastest that matters).

    The second leaves out lines that the equation's linear part would make a small part of the
    solution: those that a nonlinear term puts into the source.
    """
    low, high = float(pde.box.low[axis]), float(pde.box.high[axis])
    signals = axis_signals(pde, axis, random_state)
    frequencies = find_lines(signals, low, high).frequencies
    if not len(frequencies):
        return frequencies, 0.0
    x = random_state.uniform(low, high, 64 * (len(frequencies) + 1))
    phase = np.outer(x, frequencies)
    design = np.hstack([np.ones((len(x), 1)), np.cos(phase), np.sin(phase)])
    values = np.stack([np.asarray(signal(x), dtype=float) for signal in signals], axis=1)
    values = values / (np.abs(values).max(axis=0) + np.finfo(float).tiny)
    coefficients = np.linalg.lstsq(design, values, rcond=1e-10)[0][1:]
    share = np.hypot(*np.split(coefficients, 2)).max(axis=1)
    order = max(equation_jet[1][axis] for equation_jet in pde.equations[0].jets)
    share /= frequencies**order
    return frequencies, float(frequencies[share >= _MINOR * share.max()].max())


def default_nodes(length, top, dimension):
    """Number of nodes along an axis."""
    least, most = NODES[dimension]
    return int(np.clip(ceil(_NODES_PER_WAVE * top * length / (2 * pi)) + 1, least, most))


def start_frequencies(lines, n_components, limit, spacing):
    """Lines first, then the trend at zero, then equispaced ones up to 1.25 times the last line.

    A frequency above ``limit``, that of Nyquist, would fit the nodes as one below it does and be
    wrong between them.
    """
    lines = lines[lines < limit][: max(n_components - 1, 1)]
    top = max(lines, default=10 * spacing)
    n_rest = max(n_components - 1 - len(lines), 0)
    rest = np.linspace(0.02, min(1.25, limit / top), n_rest) * top if n_rest else []
    return np.concatenate([lines, [0.0], rest])[:n_components]


def start_parameters(axes, starts, widths, n_lines, log_precision):
    """The vector of parameters: per axis where components start and how wide their lines are.

    In one dimension all weights start equal, as the paper's. In two the kernel's rank is the cost:
    there the ``n_lines`` first components of each axis start at one, all others next to nothing.
    """
    blocks = []
    for axis, frequencies, width, n in zip(axes, starts, widths, n_lines, strict=True):
        size = len(frequencies)
        weights = np.full(size, -log(size))
        if len(axes) > 1:
            weights = np.where(np.arange(size) < n, 0.0, _UNUSED)
        blocks += [weights, np.full(size, log(width)), frequencies / axis.spacing]
    return np.concatenate([*blocks, [log_precision, log_precision]])

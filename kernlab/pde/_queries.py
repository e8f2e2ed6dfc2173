"""Points and grids that are asked for, checked against the box."""

import numpy as np


def check_points(box, X, name="X"):
    """X as a float array of shape (n, d) of points inside the box."""
    columns = getattr(X, "columns", None)
    if columns is not None and set(columns) == set(box.names) and tuple(columns) != box.names:
        raise ValueError(
            f"the columns of {name} are {', '.join(columns)}, and the box's order is "
            f"{', '.join(box.names)}: {name}[{list(box.names)}]."
        )
    X = as_real(X, name)
    d = len(box)
    if X.ndim != 2 or X.shape[1] != d:
        raise ValueError(
            f"{name} has shape {X.shape}; give (n, {d}), one column for each of the coordinates "
            f"{', '.join(box.names)}" + (": X.reshape(-1, 1)." if X.ndim == 1 and d == 1 else ".")
        )
    if not np.isfinite(X).all():
        row = np.flatnonzero(~np.isfinite(X).all(axis=1))[0]
        raise ValueError(f"{name} must be finite, got {X[row]} in row {row}.")
    # Rounding may put the end of a grid just outside.
    slack = 1e-9 * box.lengths
    outside = ((box.low - slack > X) | (box.high + slack < X)).any(axis=1)
    if outside.any():
        row = np.flatnonzero(outside)[0]
        raise ValueError(
            f"{name} must lie in {box!r}, got {X[row]} in row {row}; the equation holds nowhere "
            "else."
        )
    return np.clip(X, box.low, box.high)


def as_real(values, name):
    """Values as a float array; complex ones are refused, not cut."""
    values = np.asarray(values)
    if values.dtype.kind == "c":
        raise TypeError(f"{name} must be real, got values of type {values.dtype}.")
    return values.astype(float, copy=False)


def check_axes(box, axes):
    """One float array of coordinates inside the box for each axis."""
    axes = list(axes) if not isinstance(axes, np.ndarray) or axes.ndim > 1 else [axes]
    if len(axes) != len(box):
        raise ValueError(
            f"axes holds {len(axes)} arrays; give one for each of the coordinates "
            f"{', '.join(box.names)}."
        )
    checked = []
    for d, values in enumerate(axes):
        values = as_real(values, f"axes[{d}]")
        if values.ndim != 1:
            raise ValueError(f"axes[{d}] has shape {values.shape}; give a one-dimensional array.")
        X = np.tile(box.low, (len(values), 1))
        X[:, d] = values
        checked.append(check_points(box, X, f"axes[{d}]")[:, d])
    return checked

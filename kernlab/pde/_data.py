"""Callables of the coordinates: called once, their results checked."""

import inspect

import numpy as np


def callable_name(function):
    """What a callable is called in messages."""
    return getattr(function, "__name__", None) or type(function).__name__


def check_signature(function, names):
    """Raise TypeError where a callable cannot take one array per coordinate.

    Parameters
    ----------
    function : callable
    names : sequence of str
        The coordinates in the Box's order.
    """
    name = callable_name(function)
    if isinstance(function, np.ufunc) and function.nin != len(names):
        # A ufunc would take one coordinate too many for its output array.
        raise TypeError(
            f"np.{name} takes {function.nin} arrays, but is called with one per coordinate "
            f"({', '.join(names)}); write np.{name} of a coordinate, or a function of all."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Compiled functions need not tell; calling them will.
        return
    try:
        signature.bind(*names)
    except TypeError as error:
        raise TypeError(
            f"{name} is called with one array per coordinate, {name}({', '.join(names)}), but "
            f"its signature is {name}{signature}."
        ) from error


def as_points(points, names):
    """The coordinate arrays as read-only float arrays, and the shape they broadcast to."""
    if isinstance(points, np.ndarray) or len(points) != len(names):
        raise ValueError(
            f"points is a tuple of one array per coordinate ({', '.join(names)}); got "
            f"{type(points).__name__} of length {len(points)}."
        )
    arrays = []
    for point in points:
        array = np.asarray(point, dtype=float).view()
        array.flags.writeable = False
        arrays.append(array)
    return tuple(arrays), np.broadcast_shapes(*(array.shape for array in arrays))


def call_data(function, points, shape, names):
    """Values of a callable at points, checked.

    Parameters
    ----------
    function : callable
        Called with the coordinate arrays.
    points : tuple of ndarray
        One array per coordinate; they broadcast to ``shape``.
    shape : tuple of int
    names : sequence of str
        The coordinates, for messages.

    Returns
    -------
    ndarray of float
        Of a shape that broadcasts to ``shape``.

    Raises
    ------
    TypeError
        If the result is not real.
    ValueError
        If it does not broadcast to the points, or is not finite at one of them; the message
        names the callable and one such point.
    """
    name = callable_name(function)
    try:
        values = function(*points)
    except (TypeError, ValueError) as error:
        error.add_note(
            f"{name} is called with one array per coordinate: NumPy's functions take them (np.sin, "
            "and np.where for a choice), those of math and if do not."
        )
        raise
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        remedy = "; return its real part" if values.dtype.kind == "c" else ""
        raise TypeError(f"{name} returned values of type {values.dtype}, not real numbers{remedy}.")
    try:
        fits = np.broadcast_shapes(values.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} returned an array of shape {values.shape} at points of shape {shape}; it is "
            "to return one value per point, or an array that broadcasts to them."
        )
    values = values.astype(float, copy=False)
    finite = np.isfinite(values)
    if not finite.all():
        bad = np.broadcast_to(~finite, shape)
        index = np.unravel_index(np.argmax(bad), shape)
        place = ", ".join(
            f"{axis}={np.broadcast_to(point, shape)[index]:g}"
            for axis, point in zip(names, points, strict=True)
        )
        value = np.broadcast_to(values, shape)[index]
        raise ValueError(
            f"{name} returned {value} at {place} ({np.count_nonzero(bad)} of {bad.size} points "
            "are not finite); it is to be finite on the whole domain, boundary included."
        )
    return values

"""Data as a spectral mixture sees them: points in spans, standardised targets, given lines."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, column_or_1d

from kernlab._core.namespace import from_numpy, is_foreign, namespace_of, to_numpy
from kernlab._core.validation import check_same_place


@dataclass(frozen=True)
class Frame:
    """The place and extent of points: within it, frequencies are cycles over the data."""

    centre: np.ndarray  # (d,)
    half_span: np.ndarray  # (d,)

    @classmethod
    def of(cls, X):
        xp = namespace_of(X)
        low = to_numpy(xp.astype(xp.min(X, axis=0), xp.float64))
        high = to_numpy(xp.astype(xp.max(X, axis=0), xp.float64))
        # Halves, for the span of the largest numbers there are is not a number.
        half = 0.5 * high - 0.5 * low
        return cls(0.5 * low + 0.5 * high, np.where(half > 0, half, 0.5))

    @property
    def span(self):
        return 2 * self.half_span

    def spans(self, X):
        """Points in spans from the centre, in double precision."""
        xp = namespace_of(X)
        X = xp.astype(X, xp.float64)
        return 0.5 * ((X - from_numpy(self.centre, X)) / from_numpy(self.half_span, X))

    def points(self, u):
        return from_numpy(self.centre, u) + 2 * u * from_numpy(self.half_span, u)


def checked_targets(estimator, X, y):
    """Finite targets in double precision, one for each row of X, in its library and place."""
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    if is_foreign(X):
        xp = namespace_of(X)
        if not is_foreign(y):
            y = from_numpy(column_or_1d(y), X, xp.float64)
        check_same_place(name, y, X)
        y = xp.astype(y, xp.float64)
        if y.ndim != 1:
            raise ValueError(f"y has shape {tuple(y.shape)}, expected ({X.shape[0]},).")
        if not bool(xp.all(xp.isfinite(y))):
            raise ValueError("Input y contains NaN or infinity. Drop those samples first.")
    else:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=estimator)
        y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    return y


def standardised(y):
    """Targets of mean zero and deviation one, the two taken off, and whether they are constant."""
    xp = namespace_of(y)
    # From differences and in units of the largest: no offset or scale takes the digits.
    first = float(y[0])
    moved = y - first
    size = float(xp.max(xp.abs(moved)))
    if not np.isfinite(size):
        raise ValueError("y spans more than the range of double precision; rescale it.")
    if size <= 8 * np.finfo(float).eps * float(xp.max(xp.abs(y))):
        return 0 * moved, first, 1.0, True
    moved = moved / size
    mean, spread = float(xp.mean(moved)), float(xp.std(moved))
    return (moved - mean) / spread, first + size * mean, size * spread, False


def given_lines(init, d):
    """Frequencies that a user gave, (n_lines, d)."""
    given = check_array(init, ensure_2d=False, dtype=np.float64, input_name="init")
    given = given[:, None] if given.ndim == 1 and d == 1 else given
    if given.ndim != 2 or given.shape[1] != d or (given < 0).any():
        raise ValueError(
            f"init has shape {given.shape} and its least entry is {given.min()!r}; give "
            f"frequencies of zero or more, of shape (n_lines, {d})."
        )
    return given


def component_count(n_components, init, d):
    """How many components are asked for, or 'auto'; of lines that are given, two more."""
    if isinstance(init, str):
        return n_components
    count = len(given_lines(init, d)) + 2
    if n_components not in ("auto", count):
        raise ValueError(
            f"n_components={n_components} and init holds {count - 2} frequencies, which with the "
            f"two components of the trend make {count}; give n_components='auto'."
        )
    return count


def check_size(n, n_components, trend, n_terms):
    """Refuse fewer values than there is to learn from them."""
    if n < 2:
        raise ValueError(f"n_samples={n}: nothing is learned from one value. Give more data.")
    if n_components != "auto" and n_components > n:
        raise ValueError(
            f"n_components={n_components} with n_samples={n}: there are more components than "
            "samples. Give more data or a smaller n_components."
        )
    if n_terms >= n:
        raise ValueError(
            f"trend={trend!r} has {n_terms} terms and there are n_samples={n}: nothing is left to "
            "learn from. Give more data or trend=None."
        )

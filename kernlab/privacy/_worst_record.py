"""A search for the record that moves a release the most: does the declared sensitivity hold?"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from kernlab._core.chunks import chunk_bytes

# Values that code forgets: not numbers, infinite, subnormal, either zero, near overflow.
_LARGEST = np.finfo(np.float64).max
_ODD_VALUES = np.array(
    [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e-308, 1e9, -1e9, _LARGEST, -_LARGEST]
)
_N_CORNERS = 64
_N_EXTREMES = 128
_N_STARTS = 4
_N_STEPS = 64


@dataclass(frozen=True)
class WorstRecord:
    """What `worst_record` found.

    Parameters
    ----------
    value : Fraction
        Σ|v_i|/t_i for the norm 'l1', Σ(v_i/t_i)² for 'l2', exactly.
    records : tuple of (n_features,) arrays
        The record, or the two records of which one replaces the other.
    n_evaluated : int
        How many records were tried.
    """

    value: Fraction
    records: tuple
    n_evaluated: int


def worst_record(
    record_vector,
    candidates,
    scales,
    *,
    norm="l1",
    adjacency="add-remove",
    max_rounds=20,
    seed=0,
):
    """Search for the record with the largest integer vector, in units of the noise.

    Every candidate is tried, with the corners of their box and records of one odd value (NaN,
    infinities, subnormal, huge); then coordinates of the best are changed one at a time, and all
    together, as long as that helps. What is found is a lower bound of the sensitivity.

    Parameters
    ----------
    record_vector : callable
        Takes (n, n_features) floats, gives the (n, n_statistics) integers that each record adds.
    candidates : (n, n_features) array
        Records to begin with; their finite values say where the box lies.
    scales : (n_statistics,) array or sequence, positive
        The scales t_i of the noise: integers, floats or `Fraction`, all taken exactly.
    norm : {'l1', 'l2'}
        'l1' for Laplace noise, 'l2' for Gaussian.
    adjacency : {'add-remove', 'replace'}
        Whether neighbours differ by a record, or by another record in the place of one.
    max_rounds : int
        Most steps of a climb; where few are allowed, the value found is the lower.
    seed : int
        Of the search's random moves.

    Returns
    -------
    WorstRecord

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If ``record_vector`` returns anything but integers.

    Notes
    -----
    Replacements are searched among the 128 vectors farthest from the mean, all pairs of them. The
    cost is that of some hundreds of records per feature and round, beside the candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.privacy._worst_record import worst_record
    >>> def halves(X):
    ...     return np.rint(8 * np.clip(np.nan_to_num(X, nan=0.5), 0, 1)).astype(np.int64)
    >>> worst_record(halves, np.full((1, 2), 0.5), [16, 32]).value
    Fraction(3, 4)
    """
    if norm not in ("l1", "l2"):
        raise ValueError(f"norm must be 'l1' or 'l2', got {norm!r}.")
    if adjacency not in ("add-remove", "replace"):
        raise ValueError(f"adjacency must be 'add-remove' or 'replace', got {adjacency!r}.")
    candidates = np.asarray(candidates, dtype=np.float64)
    if candidates.ndim != 2 or candidates.size == 0:
        raise ValueError(f"candidates must have shape (n, n_features), got {candidates.shape}.")
    search = _Search(record_vector, scales, norm, candidates, max_rounds, seed)
    pool = search.pool(candidates)
    if adjacency == "add-remove":
        pairs = [(None, x) for x in search.best(pool, search.origin, _N_STARTS)]
    else:
        mean = np.mean(search.vectors(pool), axis=0)
        pairs = search.farthest_pairs(search.best(pool, mean, _N_EXTREMES))
    found = [search.climb(*pair) for pair in pairs]
    value, records = max(found, key=lambda item: item[0])
    return WorstRecord(value, records, search.n_evaluated)


class _Search:
    def __init__(self, record_vector, scales, norm, candidates, max_rounds, seed):
        self._max_rounds = max_rounds
        self._record_vector = record_vector
        numbers = [t.item() if isinstance(t, np.generic) else t for t in scales]
        self._scales = np.array([float(t) for t in numbers])
        if not (numbers and np.all((self._scales > 0.0) & np.isfinite(self._scales))):
            raise ValueError("scales must be positive and finite, one for each statistic.")
        self._exact_scales = [Fraction(t) for t in numbers]
        self._power = 1 if norm == "l1" else 2
        self._rng = np.random.default_rng(seed)
        self.origin = np.zeros(len(self._scales))
        self.n_evaluated = 0
        finite = np.where(np.isfinite(candidates), candidates, np.nan)
        known = ~np.all(np.isnan(finite), axis=0)
        self._low, self._high = np.zeros(finite.shape[1]), np.ones(finite.shape[1])
        self._low[known] = np.nanmin(finite[:, known], axis=0)
        self._high[known] = np.nanmax(finite[:, known], axis=0)

    def vectors(self, X):
        """Integer vectors of records, in chunks of records."""
        rows = max(1, chunk_bytes() // (8 * 4 * len(self._scales)))
        parts = []
        for start in range(0, len(X), rows):
            part = np.asarray(self._record_vector(X[start : start + rows].copy()))
            if part.dtype.kind not in "iu":
                raise TypeError(
                    f"record_vector must return integers, got {part.dtype}; sums of other numbers "
                    "have no exact sensitivity."
                )
            if part.shape != (len(X[start : start + rows]), len(self._scales)):
                raise ValueError(
                    f"record_vector returned shape {part.shape} for "
                    f"{len(X[start : start + rows])} records and {len(self._scales)} scales."
                )
            parts.append(part.astype(np.int64, copy=False))
        self.n_evaluated += len(X)
        return np.concatenate(parts)

    def sizes(self, X, anchor):
        """The norm (of 'l2' the square) of every record's vector minus ``anchor``."""
        rows = max(1, chunk_bytes() // (8 * 4 * len(self._scales)))
        parts = [
            self._size(self.vectors(X[start : start + rows]), anchor)
            for start in range(0, len(X), rows)
        ]
        return np.concatenate(parts)

    def _size(self, vectors, anchor):
        return np.sum((np.abs(vectors - anchor) / self._scales) ** self._power, axis=1)

    def pool(self, candidates):
        """The candidates, corners of their box, and records of one odd value throughout."""
        low, high = self._low, self._high
        upper = self._rng.random((_N_CORNERS, len(low))) < 0.5
        odd = np.repeat(_ODD_VALUES[:, None], len(low), axis=1)
        middle = 0.5 * low + 0.5 * high
        return np.concatenate([candidates, np.where(upper, high, low), [low, high, middle], odd])

    def best(self, X, anchor, count):
        order = np.argsort(-self.sizes(X, anchor), kind="stable")
        return X[order[:count]]

    def farthest_pairs(self, X):
        vectors = self.vectors(X)
        table = np.stack([self._size(vectors, vector) for vector in vectors])
        order = np.argsort(-np.triu(table, 1), axis=None, kind="stable")[:_N_STARTS]
        return [(X[i], X[j]) for i, j in zip(*np.unravel_index(order, table.shape), strict=True)]

    def climb(self, other, x):
        """Improve ``x``, or both of a pair in turn, to where no move helps."""
        if other is None:
            x = self._climb_one(x, self.origin)
            return self._exact(self.vectors(x[None])[0]), (x,)
        for _ in range(self._max_rounds):
            before = other, x
            x = self._climb_one(x, self.vectors(other[None])[0])
            other = self._climb_one(other, self.vectors(x[None])[0])
            if other is before[0] and x is before[1]:
                break
        vectors = self.vectors(np.stack([other, x]))
        return self._exact(vectors[1], vectors[0]), (other, x)

    def _climb_one(self, x, anchor):
        size = self.sizes(x[None], anchor)[0]
        coordinates = np.arange(len(x))
        for _ in range(self._max_rounds):
            values = self._values(x)
            table = self._coordinate_sizes(x, values, anchor)
            row = np.argmax(table, axis=0)
            best, largest = values[row, coordinates], table[row, coordinates]
            single = x.copy()
            single[np.argmax(largest)] = best[np.argmax(largest)]
            # The best value of every coordinate at once: where each statistic belongs to one
            # coordinate, that is the maximum of all combinations.
            together = np.where(largest > size, best, x)
            moves = np.concatenate([[single, together], self._steps(x)])
            sizes = self.sizes(moves, anchor)
            i = int(np.argmax(sizes))
            if not sizes[i] > size * (1.0 + 1e-12):
                break
            x, size = moves[i], sizes[i]
        return x

    def _coordinate_sizes(self, x, values, anchor):
        """Sizes of the records that have ``values[i, j]`` in the place of ``x[j]``."""
        n_values, d = values.shape
        table = np.empty(values.shape)
        width = max(1, chunk_bytes() // (8 * 3 * n_values * d))
        for start in range(0, d, width):
            part = values[:, start : start + width]
            moves = np.tile(x, (*part.shape, 1))
            own = np.arange(part.shape[1])
            moves[:, own, start + own] = part
            table[:, start : start + width] = self.sizes(moves.reshape(-1, d), anchor).reshape(
                part.shape
            )
        return table

    def _values(self, x):
        """What each coordinate of ``x`` may be changed to."""
        low, high = self._low, self._high
        with np.errstate(over="ignore", invalid="ignore"):
            eighths = [low + (high - low) * k / 8 for k in range(9)]
            near = [np.nextafter(v, w) for v in (x, low, high) for w in (-np.inf, np.inf)]
            values = np.stack(
                [-x, low + high - x, 0.5 * x + 0.5 * low, 0.5 * x + 0.5 * high, *eighths, *near]
            )
            inside = low + (high - low) * self._rng.random((8, len(x)))
        odd = np.repeat(_ODD_VALUES[:, None], len(x), axis=1)
        return np.concatenate([values, odd, inside])

    def _steps(self, x):
        """Records a step from ``x``, of lengths from the box's to its 2^-40, clipped to the box."""
        low, high = self._low, self._high
        with np.errstate(over="ignore", invalid="ignore"):
            steps = self._rng.standard_normal((_N_STEPS, len(x))) * (high - low)
            steps *= 0.5 ** self._rng.uniform(0, 40, (_N_STEPS, 1))
            return np.clip(x + steps, low, high)

    def _exact(self, vector, anchor=None):
        # Statistics of one scale are added as integers first: sums of fractions grow long.
        sums: dict[Fraction, int] = {}
        anchor = [0] * len(vector) if anchor is None else anchor.tolist()
        for v, a, t in zip(vector.tolist(), anchor, self._exact_scales, strict=True):
            sums[t] = sums.get(t, 0) + abs(v - a) ** self._power
        return sum((total / t**self._power for t, total in sums.items()), Fraction(0))

"""Distances along the data: by shortest paths, by heat, or as given.

All three say the distances of the training points from some *places*, and carry values known at
the training points over to places. A place is a training point, or a new one by its neighbours.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import gen_batches

from kernlab._core.chunks import chunk_bytes
from kernlab._core.threads import run_slices
from kernlab.embedding._geodesics import GraphGeodesics, unit_of
from kernlab.embedding._heat_distance import denoised, heat_distances
from kernlab.graph._places import distinct


class Places(NamedTuple):
    """Points by their neighbours among the training points.

    Attributes
    ----------
    indices : int ndarray of shape (n_places, k)
        Distinct in each row.
    lengths : float64 ndarray of shape (n_places, k)
        Distances from them, in the data's units; infinite where the neighbour is not to be used. A
        place that is a training point has one neighbour, at zero.
    """

    indices: np.ndarray
    lengths: np.ndarray

    @classmethod
    def at(cls, nodes):
        """Training points."""
        nodes = np.asarray(nodes).reshape(-1, 1)
        return cls(nodes, np.zeros(nodes.shape))

    @classmethod
    def near(cls, indices, lengths, keep=True):
        """New points by their neighbours in order of distance; at zero the first is the point."""
        lengths = np.where(keep, lengths, np.inf)
        lengths[:, 1:][lengths[:, 0] == 0.0] = np.inf
        return cls(indices, lengths)

    def __getitem__(self, part):
        return Places(self.indices[part], self.lengths[part])

    def __len__(self):
        return len(self.indices)


class _Metric(ABC):
    """What the three have in common: distances between places, from those of training points.

    Attributes
    ----------
    n : int
        Number of training points.
    unit : float
        What distances are divided by inside, so that single precision holds them.
    """

    n: int
    n_jobs: int | None
    unit: float

    @abstractmethod
    def from_places(self, places):
        """Distances (n, n_places) of the training points from places, in the unit; float32."""

    @abstractmethod
    def carry(self, values, places):
        """Values (n_places, m) at places, of those (n, m) at the training points; float32."""

    def from_landmarks(self, landmarks):
        """Distances (n, m) from training points, in the unit; float32."""
        return self.from_places(Places.at(landmarks))

    def between(self, first, second):
        """Distances (n_first, n_second) between places, in the data's units."""
        if len(first) > len(second):
            return self.between(second, first).T
        out = np.empty((len(first), len(second)))
        batch = max(1, chunk_bytes() // (16 * self.n))
        for part in gen_batches(len(first), batch):
            columns = self.from_places(first[part])
            out[part] = self.carry(columns, second).T
        out *= self.unit
        return out

    def _by_slices(self, values, places, fill):
        out = np.empty((len(places), values.shape[1]), dtype=np.float32)
        slice_size = max(1, chunk_bytes() // (16 * values.shape[1]))
        run_slices(
            lambda part: fill(values, places[part], out[part]),
            len(places),
            slice_size=slice_size,
            n_jobs=self.n_jobs,
        )
        return out


class PathMetric(_Metric):
    """Shortest paths on a graph; a new point is joined to its neighbours by edges.

    Distances between training points are those of the graph, to single precision. Those of new
    points are never below what the graph would give with them in it.
    """

    def __init__(self, lengths, *, n_jobs=None):
        self._geodesics = GraphGeodesics(lengths)
        self.n, self.n_jobs, self.unit = self._geodesics.n, n_jobs, self._geodesics.unit

    def from_places(self, places):
        return self._geodesics.from_sources(
            places.indices, places.lengths / self.unit, n_jobs=self.n_jobs
        )

    def carry(self, values, places):
        return self._by_slices(values, places, self._fill)

    def _fill(self, values, places, out):
        out[:] = np.inf
        for index, length in zip(places.indices.T, places.lengths.T, strict=True):
            step = (length / self.unit).astype(np.float32)
            np.minimum(out, values[index] + step[:, None], out=out)


class MatrixMetric(PathMetric):
    """Distances as given; a new point is joined to those it is nearest to."""

    def __init__(self, matrix, *, n_jobs=None):
        self._matrix = matrix
        self.n, self.n_jobs, self.unit = len(matrix), n_jobs, unit_of(matrix.max(axis=1))

    def from_places(self, places):
        out = np.full((self.n, len(places)), np.inf, dtype=np.float32)
        for index, length in zip(places.indices.T, places.lengths.T, strict=True):
            columns = self._matrix[:, index] + length
            columns /= self.unit
            np.minimum(out, columns, out=out, casting="same_kind")
        return out


class HeatMetric(_Metric):
    """Distances by the diffusion of heat; those of a new point are averaged over its neighbours.

    Neighbours have weights of their inverse squared distance, so that the average takes on a
    neighbour's values as the point comes to it. Elsewhere it errs by less than the distance of the
    farthest neighbour.

    Attributes
    ----------
    weights : float32 ndarray of shape (n, m)
        If ``weigh``: heat at each point from the landmarks, relative to that of the landmark where
        it stood, and to the largest of the row.
    landmark_weights : float32 ndarray of shape (m, m)
        Heat at the landmarks, relative to the geometric mean of what stayed at both.
    """

    # Settings of an embedding that are this metric's.
    SETTINGS = (
        "t",
        "laplacian",
        "volume_correction",
        "denoise",
        "units",
        "intrinsic_dim",
        "floor",
        "n_jobs",
    )

    def __init__(self, affinity, lengths, landmarks, *, t, denoise, weigh=False, **options):
        self.n, self.n_jobs = affinity.shape[0], options["n_jobs"]
        self._landmarks, self._denoise = landmarks, denoise
        self._graph = affinity, lengths
        found = heat_distances(*self._graph, landmarks, t, **options)
        self.t = found.t
        self.intrinsic_dim = found.intrinsic_dim
        # Later columns have the volumes and units of these, and the same rows to denoise by.
        self._options = {**options, "like": found._replace(distances=None, kernel=None)}
        self._plain = found.distances if denoise else None
        distances = self._denoised(found.distances, landmarks)
        self.unit = unit_of(distances.max(axis=1))
        self._known = (distances / self.unit).astype(np.float32)
        if weigh:
            root = np.sqrt(found.kernel[landmarks, np.arange(len(landmarks))])
            weights = found.kernel / root
            self.landmark_weights = (weights[landmarks] / root[:, None]).astype(np.float32)
            weights /= weights.max(axis=1, keepdims=True)
            self.weights = weights.astype(np.float32)

    def _denoised(self, columns, nodes):
        if not self._denoise:
            return columns
        return denoised(columns, nodes, self._plain, self._denoise, self._options["units"])

    def from_landmarks(self, landmarks):
        return self._known

    def from_places(self, places):
        nodes, inverse = np.unique(places.indices, return_inverse=True)
        weights = _nearness(places.lengths)
        columns = np.empty((self.n, len(nodes)), dtype=np.float32)
        order = np.argsort(self._landmarks, kind="stable")
        old = np.isin(nodes, self._landmarks)
        columns[:, old] = self._known[:, order[np.searchsorted(self._landmarks[order], nodes[old])]]
        new = nodes[~old]
        if len(new):
            found = heat_distances(*self._graph, new, self.t, **self._options)
            columns[:, ~old] = self._denoised(found.distances, new) / self.unit
        inverse = inverse.reshape(places.indices.shape)
        out = np.zeros((self.n, len(places)), dtype=np.float32)
        for index, weight in zip(inverse.T, weights.T, strict=True):
            out += columns[:, index] * weight
        return out

    def carry(self, values, places):
        return self._by_slices(values, places, self._fill)

    def _fill(self, values, places, out):
        out[:] = 0.0
        for index, weight in zip(places.indices.T, _nearness(places.lengths).T, strict=True):
            out += values[index] * weight[:, None]


def _nearness(lengths):
    """Shares of neighbours, float32 of shape of the lengths: of their inverse squares."""
    nearest = lengths.min(axis=1, keepdims=True)
    # A neighbour at zero is the only one used: 0/0 is its weight of one.
    ratio = np.divide(nearest, lengths, out=np.ones_like(lengths), where=lengths > 0.0)
    shares = np.where(np.isfinite(lengths), ratio * ratio, 0.0)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def straight_lines(first, second, X, Y, n):
    """Pairs of places that share a neighbour, and the distances of their coordinates."""
    pairs = (_sharing(first, n) @ _sharing(second, n).T).tocoo()
    steps = X[pairs.row] - Y[pairs.col]
    largest = np.abs(steps).max(axis=1, initial=0.0)
    safe = np.where(largest > 0.0, largest, 1.0)
    return pairs.row, pairs.col, safe * np.sqrt(np.square(steps / safe[:, None]).sum(axis=1))


def _sharing(places, n):
    """Which training points (n_places, n) are neighbours."""
    rows, columns = np.nonzero(np.isfinite(places.lengths))
    ones = np.ones(len(rows), dtype=np.int32)
    return csr_array((ones, (rows, places.indices[rows, columns])), shape=(len(places), n))


def distinct_rows(estimator, X):
    """Rows that are no copies of earlier ones, and of each row of X the number among them.

    Returns
    -------
    first : int ndarray of shape (n_distinct,), ascending
    copies : int ndarray of shape (len(X),)
        Both slices of everything where no two rows are the same.
    """
    first, copies = distinct(X)
    n = len(first)
    if n == len(X):
        return slice(None), slice(None)
    for name in ("n_components", "n_neighbors"):
        if getattr(estimator, name) > n - 1:
            raise ValueError(
                f"{name}={getattr(estimator, name)} needs more points than X has, whose {len(X)} "
                f"rows coincide in {n} distinct ones; lower {name}, or check the columns of X."
            )
    return first, copies


def equal_rows(X, Y):
    """Which rows are the same, (len(X), len(Y))."""
    _, kinds = np.unique(np.concatenate([X, Y]), axis=0, return_inverse=True)
    kinds = kinds.ravel()
    return kinds[: len(X), None] == kinds[len(X) :]

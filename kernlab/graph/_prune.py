"""Shortcut edges of a neighbour graph: nominated by heat, decided by random-walk clouds."""

from numbers import Real

import numpy as np
from scipy.sparse import csr_matrix, diags, issparse
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from sklearn.utils import check_random_state

from kernlab._core.chunks import chunk_bytes
from kernlab._core.threads import run_slices
from kernlab.graph._walks_numba import (
    agreeing,
    cloud_gaps,
    cloud_shapes,
    edge_cosines,
    walk_ends,
)
from kernlab.linalg import heat_action

# Time of the heat that nominates, and columns of its sketch (cosines good to about .06).
HEAT_TIME = 40.0
SKETCH_COLUMNS = 128
LEVELS = (0.9, 0.8, 0.7, 0.6, 0.5)
# Walks from each end of a nominated edge (odd, for the medians) and how long they last.
WALKS = 127
WALK_TIME = 5.0
POWER_STEPS = 8
# One-sided uniform clouds of radius R around a gap g have a Fisher ratio of about 3.6 (1 + g/R)².
DISTINCT = 7.0
# Clouds that spread mostly along the edge stand on both sides of a hole in a curve.
ALIGNED = 0.6
# A second opinion by longer walks. On a surface with a sparse place they go round it: the clouds
# mix (a lower ratio) and spread along the line (a higher alignment). Between sheets neither
# happens. Ratio over alignment was 6 to 80 for shortcuts of noisy rolls and 1 to 4 for gaps in
# clean data.
LONG_WALK_TIME = 40.0
APART = 5.0
# Fewer distinct end points than this say nothing about a cloud.
FRAGMENT = 30
PASSES = 8
ROUNDS = 20
# Of new points: landmarks compared, and how far a neighbour may lie from another by the graph, in
# lengths of the path over the new point.
QUERY_LANDMARKS = 64
AGREEMENT = 2.0


def prune_shortcuts(
    points, affinity, distances, *, cosine=0.9, detour=5.0, random_state=None, n_jobs=None
):
    """Remove the edges of a neighbour graph that jump between parts of a manifold.

    Heat spreads slowly across a bundle of few edges. So the cosine between the heat that starts at
    both ends of an edge *nominates* edges, at a level that falls from ``cosine`` to 0.5 until some
    are confirmed. A nominated edge is *confirmed* when, with all nominees left out, the random
    walks from its two ends stay in clouds that lie apart along the line of their centres and are
    not drawn out along it, as they are on both sides of a sparse place of a curve. Walks eight
    times as long must agree: they go round a hole in a surface. Edges that touch are judged
    together. Confirmed edges go, except those without which a component would fall apart, and the
    search is repeated on what is left.

    Parameters
    ----------
    points : array-like of shape (n_samples, n_features)
    affinity, distances : sparse array or matrix of shape (n_samples, n_samples)
        Symmetric, with the same pattern: weights of the edges, and their lengths, all positive.
    cosine : float in [0, 1], default=0.9
        Edges below this heat cosine are nominated first. Lower values look at fewer edges.
    detour : float of at least 1, or None, default=5.0
        In the end, put back an edge if the shortest path without all of them is at most this many
        times its length: then it is no shortcut to speak of. None leaves the decision to the
        clouds.
    random_state : int, RandomState or None, default=None
        An integer gives the same bits on any number of threads.
    n_jobs : int or None, default=None
        Threads. None is Numba's current count, -1 all cores.

    Returns
    -------
    affinity, distances : CSR of the kinds given (array or matrix)
        Without the shortcuts; as many connected components as before.
    shortcuts : int array of shape (n_shortcuts, 2)
        The edges removed, as rows ``i < j`` in lexicographic order.

    Raises
    ------
    ValueError
        If shapes or patterns do not match, a pattern is not symmetric, or a number is outside its
        range.
    TypeError
        If a matrix is not sparse.

    See Also
    --------
    KNNGraph : Neighbour graphs, with pruning as an option.

    Notes
    -----
    Each round costs about 20 sparse products with 128 columns and some 50 µs for each end of a
    nominated edge a pass (more in many features); there is one round where nothing is found, and
    20 at most. Memory is two or three single-precision arrays of 128 columns. ``detour`` adds a
    shortest-path search from each end of a confirmed edge.

    Shortcuts so dense that walks mix across them are not found (noise of many dimensions: reduce
    the dimension first). A point that noise has put wholly on another sheet stays there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import kneighbors_graph
    >>> from kernlab.graph import prune_shortcuts
    >>> angle = np.random.default_rng(0).uniform(0, 6, 600)  # a spiral of one turn, noisy
    >>> X = np.column_stack(((1 + angle / 4) * np.cos(angle), (1 + angle / 4) * np.sin(angle)))
    >>> D = kneighbors_graph(X, 10, mode="distance")
    >>> D = D.maximum(D.T).tocsr()
    >>> A = D.copy()
    >>> A.data = np.ones_like(A.data)
    >>> A, D, shortcuts = prune_shortcuts(X, A, D, random_state=0)
    >>> len(shortcuts)  # a clean curve has none
    0
    """
    points, affinity, distances = _checked(points, affinity, distances)
    if not (isinstance(cosine, Real) and 0 <= float(cosine) <= 1):
        raise ValueError(f"cosine={cosine!r} must be a number between 0 and 1.")
    if detour is not None and not (isinstance(detour, Real) and float(detour) >= 1):
        raise ValueError(
            f"detour={detour!r} must be at least 1 (no path is shorter than the edge), or None."
        )
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    graph = _Graph(affinity, distances, n_jobs)
    levels = (float(cosine), *(level for level in LEVELS if level < float(cosine)))
    found = [np.empty((4, 0), dtype=np.intp)]
    for turn in range(ROUNDS):
        cosines = _heat_cosines(graph, seed + turn)
        for k, level in enumerate(levels):
            nominated = np.flatnonzero(cosines < level)
            dropped = _confirmed(points, graph, cosines, nominated, seed, turn * len(levels) + k)
            dropped = dropped[~_needed(graph, cosines, dropped)]
            if len(dropped):
                break
        else:
            break
        found.append(graph.drop(dropped))
    dropped = np.concatenate(found, axis=1)
    if detour is not None:
        # Only at the end: while one edge of a bundle stands, all others have a short way round.
        short = _short_detour(graph, dropped, detour)
        graph.put_back(dropped[:, short])
        dropped = dropped[:, ~short]
    shortcuts = dropped[:2].T.astype(np.intp)
    shortcuts = shortcuts[np.lexsort(shortcuts.T[::-1])]
    return *graph.matrices(), shortcuts


def query_keep(landmark_distances, indices, lengths, *, n_jobs=None):
    """Which neighbours of new points to trust, so that no new point stands on a shortcut.

    Neighbours on one sheet of a manifold lie near each other by the pruned graph's distances too.
    Two neighbours agree if their distances to every landmark differ by no more than the path over
    the new point would, within a factor; kept are those that agree with the neighbour that most
    agree with, of equals the nearest. A neighbour at distance zero is always the one.

    Parameters
    ----------
    landmark_distances : array of shape (n_samples, n_landmarks)
        Distances on the pruned graph.
    indices, lengths : arrays of shape (n_queries, n_neighbors)
        The neighbours of each new point among the training points, by increasing length.
    n_jobs : int or None, default=None
        Threads.

    Returns
    -------
    keep : bool array of shape (n_queries, n_neighbors)
        At least one True in every row.
    """
    step = -(-landmark_distances.shape[1] // QUERY_LANDMARKS)
    landmarks = np.ascontiguousarray(landmark_distances[:, ::step], dtype=np.float32)
    indices = np.ascontiguousarray(indices, dtype=np.int64)
    lengths = np.ascontiguousarray(lengths, dtype=np.float64)
    keep = np.empty(indices.shape, dtype=bool)

    def work(part):
        agreeing(landmarks, indices[part], lengths[part], AGREEMENT, keep[part])

    run_slices(work, len(indices), slice_size=512, n_jobs=n_jobs)
    return keep


def _checked(points, affinity, distances):
    points = np.asarray(points, dtype=np.float64)
    for name, matrix in (("affinity", affinity), ("distances", distances)):
        if not issparse(matrix):
            raise TypeError(f"{name} is a {type(matrix).__name__}; give a sparse matrix or array.")
    if points.ndim != 2 or not affinity.shape == distances.shape == (len(points),) * 2:
        raise ValueError(
            f"points {points.shape}, affinity {affinity.shape} and distances {distances.shape} "
            "do not match; give one point for each row and column."
        )
    if not np.isfinite(points).all():
        raise ValueError("points hold NaN or infinity; drop or impute those rows.")
    affinity, distances = _canonical(affinity), _canonical(distances)
    if not (
        np.array_equal(affinity.indptr, distances.indptr)
        and np.array_equal(affinity.indices, distances.indices)
    ):
        raise ValueError("affinity and distances must hold the same edges.")
    if affinity.nnz and abs(affinity - affinity.T).max() > 1e-10 * abs(affinity).max():
        raise ValueError("affinity must be symmetric; give (A + A.T) / 2.")
    return _centred(points), affinity, distances


def _canonical(matrix):
    """CSR with sorted, unique indices; the one given where it is so."""
    matrix = matrix.tocsr()
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


class _Graph:
    """Undirected edges of a symmetric sparse matrix, and where each stands in it."""

    _EDGE = ("first", "second", "upper", "lower")

    def __init__(self, affinity, distances, n_jobs=None):
        self.n_nodes, self.n_jobs = affinity.shape[0], n_jobs
        self.affinity, self.distances = affinity, distances
        # One integer type, so that the walks are compiled once.
        self.indptr = affinity.indptr.astype(np.int32, copy=False)
        self.indices = affinity.indices.astype(np.int32, copy=False)
        self.weights = affinity.data.astype(np.float64)
        slots = csr_matrix(
            (np.arange(affinity.nnz), self.indices, self.indptr), shape=affinity.shape
        )
        mirror = slots.T.tocsr()
        if not np.array_equal(mirror.indices, self.indices) or (mirror.indptr != self.indptr).any():
            raise ValueError("affinity must be symmetric; give (A + A.T) / 2.")
        rows = np.repeat(np.arange(self.n_nodes, dtype=self.indices.dtype), np.diff(self.indptr))
        self.upper = np.flatnonzero(rows < self.indices)
        self.lower = mirror.data[self.upper]
        self.first, self.second = rows[self.upper], self.indices[self.upper]
        self.totals = self.row_sums()

    def row_sums(self):
        sums = csr_matrix((self.weights, self.indices, self.indptr), shape=(self.n_nodes,) * 2)
        return np.asarray(sums.sum(axis=1)).ravel()

    def drop(self, edges):
        """Remove edges; what `put_back` takes, a column for each."""
        self.hide(edges)
        dropped = np.stack([getattr(self, name)[edges] for name in self._EDGE])
        keep = np.ones(len(self.first), dtype=bool)
        keep[edges] = False
        for name in self._EDGE:
            setattr(self, name, getattr(self, name)[keep])
        return dropped

    def put_back(self, dropped):
        """Edges removed are there again, after all others; their weights stay hidden."""
        for name, values in zip(self._EDGE, dropped, strict=True):
            setattr(self, name, np.concatenate((getattr(self, name), values)))

    def hide(self, edges):
        """Set the edges' weights to zero; totals follow."""
        self._set(edges, 0.0, 0.0)

    def show(self, edges):
        self._set(
            edges, self.affinity.data[self.upper[edges]], self.affinity.data[self.lower[edges]]
        )

    def _set(self, edges, upper, lower):
        self.weights[self.upper[edges]] = upper
        self.weights[self.lower[edges]] = lower
        # Afresh, so that totals do not depend on the history of the weights.
        nodes = np.unique(np.concatenate((self.first[edges], self.second[edges])))
        starts, ends = self.indptr[nodes], self.indptr[nodes + 1]
        lengths = ends - starts
        owner = np.repeat(np.arange(len(nodes)), lengths)
        offsets = np.cumsum(lengths) - lengths
        slots = np.arange(lengths.sum()) - offsets[owner] + starts[owner]
        self.totals[nodes] = np.bincount(owner, self.weights[slots], minlength=len(nodes))

    def laplacian(self):
        """The normalised Laplacian of the weights as they are."""
        scales = np.zeros(self.n_nodes)
        scales[self.totals > 0] = self.totals[self.totals > 0] ** -0.5
        rows = np.repeat(np.arange(self.n_nodes), np.diff(self.indptr))
        data = self.weights * scales[rows] * scales[self.indices]
        walk = csr_matrix((data, self.indices, self.indptr), shape=(self.n_nodes,) * 2)
        return diags(np.sign(scales)) - walk

    def matrices(self):
        keep = np.zeros(len(self.weights), dtype=bool)
        keep[self.upper] = keep[self.lower] = True
        indptr = np.concatenate(([0], np.cumsum(keep)))[self.indptr].astype(
            self.affinity.indptr.dtype
        )
        indices = self.affinity.indices[keep]
        return tuple(
            type(matrix)((matrix.data[keep], indices.copy(), indptr.copy()), shape=matrix.shape)
            for matrix in (self.affinity, self.distances)
        )


def _centred(points):
    """Points around the origin, of size one at most: their squares neither cancel nor overflow."""
    largest = np.max(np.abs(points), initial=0.0)
    points = points / largest if largest > 0 else points
    points = points - points.mean(axis=0)
    largest = np.max(np.abs(points), initial=0.0)
    return np.ascontiguousarray(points / largest if largest > 0 else points)


def _heat_cosines(graph, seed):
    """Cosines between the rows of exp(-L t/2) at both ends of every edge, by a random sketch."""
    noise = np.random.default_rng(seed).standard_normal(
        (graph.n_nodes, SKETCH_COLUMNS), dtype=np.float32
    )
    # The sketch is off by some 6 %; an error of 1e-4 in the series is nothing beside it.
    sketch = heat_action(
        graph.laplacian(), noise, HEAT_TIME / 2,
        method="chebyshev", dtype="float32", rtol=1e-4, spectrum=(0.0, 2.0),
        n_jobs=graph.n_jobs,
    )  # fmt: skip
    cosines = np.empty(len(graph.first))

    def work(part):
        edge_cosines(sketch, graph.first[part], graph.second[part], cosines[part])

    run_slices(work, len(cosines), slice_size=1 << 16, n_jobs=graph.n_jobs)
    return cosines


def _confirmed(points, graph, cosines, nominated, seed, call):
    """The nominated edges between two clouds that stay apart once all of them are left out."""
    edges, seed = nominated, (seed * 1000003 + call) * (PASSES + 1)
    graph.hide(edges)
    for turn in range(PASSES):
        if not len(edges):
            break
        ratios, alignments, sizes = _separation(
            points, graph, edges, seed + turn + 1, WALK_TIME, shapes=turn > 0
        )
        small = sizes < FRAGMENT
        judged = ~small.any(axis=1)
        restored = judged & (ratios <= (DISTINCT / 2 if turn else DISTINCT))
        if turn:
            weak = (ratios, DISTINCT), (-alignments, -ALIGNED)
            restored |= _weak_bundles(graph, edges, judged, weak)
        if turn == PASSES - 1:
            restored |= ~judged
        else:
            restored |= _reattached(graph, edges, cosines[edges], small)
        if turn and not restored.any():
            break
        graph.show(edges[restored])
        edges = edges[~restored]
    if len(edges):
        ratios, alignments, sizes = _separation(
            points, graph, edges, seed, LONG_WALK_TIME, shapes=True
        )
        judged = ~(sizes < FRAGMENT).any(axis=1)
        with np.errstate(divide="ignore"):
            weak = _weak_bundles(graph, edges, judged, [(ratios / alignments, APART)])
        graph.show(edges[weak])
        edges = edges[~weak]
    graph.show(edges)
    return edges


def _separation(points, graph, edges, seed, duration, *, shapes):
    """Fisher ratio and alignment of the clouds at each edge's ends, and their sizes."""
    nodes, ends = np.unique(
        np.concatenate((graph.first[edges], graph.second[edges])), return_inverse=True
    )
    first, second = ends.reshape(2, -1)
    n, d = len(nodes), points.shape[1]
    clouds, centres = np.empty((n, WALKS), dtype=np.int32), np.empty((n, d))
    spreads, sizes = np.zeros(n), np.empty(n, dtype=np.int32)
    # Any fixed direction that no data set is likely to be orthogonal to.
    start = np.sqrt(np.arange(2.0, d + 2.0)) % 1 + 0.1
    seed = np.uint64(seed % 2**64)

    def walk(part):
        walk_ends(
            graph.indptr, graph.indices, graph.weights, graph.totals, nodes[part], seed, duration,
            clouds[part],
        )  # fmt: skip
        steps = POWER_STEPS if shapes else 0
        cloud_shapes(points, clouds[part], start, steps, centres[part], spreads[part], sizes[part])

    run_slices(walk, n, slice_size=256, n_jobs=graph.n_jobs)
    ratios, alignments = np.empty(len(edges)), np.empty(len(edges))

    def compare(part):
        cloud_gaps(
            points, clouds, centres, spreads, first[part], second[part],
            ratios[part], alignments[part],
        )  # fmt: skip

    run_slices(compare, len(edges), slice_size=1024, n_jobs=graph.n_jobs)
    return ratios, alignments, sizes[ends.reshape(2, -1)].T


def _weak_bundles(graph, edges, judged, criteria):
    """Whether an edge's bundle (nominated edges that touch) is no shortcut as a whole.

    It is none if the median of some criterion's values does not exceed its limit.
    """
    nodes, ends = np.unique(
        np.concatenate((graph.first[edges], graph.second[edges])), return_inverse=True
    )
    first, second = ends.reshape(2, -1)
    links = csr_matrix((np.ones(len(edges)), (first, second)), shape=(len(nodes),) * 2)
    n_bundles, labels = connected_components(links, directed=False)
    labels = labels[first]
    weak = np.zeros(n_bundles, dtype=bool)
    if judged.any():
        for values, limit in criteria:
            present, medians = _group_medians(labels[judged], values[judged])
            weak[present] |= medians <= limit
    return weak[labels]


def _group_medians(labels, values):
    """Labels that occur, ascending, and the median of the values under each."""
    values = values[np.lexsort((values, labels))]
    present, counts = np.unique(labels, return_counts=True)
    starts = np.cumsum(counts) - counts
    return present, (values[starts + (counts - 1) // 2] + values[starts + counts // 2]) / 2


def _reattached(graph, edges, cosines, small):
    """The strongest edge of every node whose cloud is too small to judge."""
    strongest = np.full(graph.n_nodes, -np.inf)
    for column, ends in enumerate((graph.first[edges], graph.second[edges])):
        np.maximum.at(strongest, ends[small[:, column]], cosines[small[:, column]])
    return (small[:, 0] & (cosines >= strongest[graph.first[edges]])) | (
        small[:, 1] & (cosines >= strongest[graph.second[edges]])
    )


def _needed(graph, cosines, edges):
    """Those of the edges without which a component would fall apart: the warmest spanning forest
    of what the other edges join already."""
    needed = np.zeros(len(edges), dtype=bool)
    if not len(edges):
        return needed
    others = np.ones(len(graph.first), dtype=bool)
    others[edges] = False
    n_parts, part = _components(graph.first[others], graph.second[others], graph.n_nodes)
    order = edges[np.lexsort((edges, -cosines[edges]))]
    ends = np.sort(np.column_stack((part[graph.first[order]], part[graph.second[order]])), axis=1)
    keys = ends[:, 0].astype(np.int64) * n_parts + ends[:, 1]
    _, strongest = np.unique(keys, return_index=True)
    strongest = np.sort(strongest[ends[strongest, 0] < ends[strongest, 1]])
    if len(strongest):
        rank = np.arange(1.0, len(strongest) + 1)
        links = csr_matrix(
            (rank, (ends[strongest, 0], ends[strongest, 1])), shape=(n_parts, n_parts)
        )
        tree = minimum_spanning_tree(links).data.astype(np.intp) - 1
        needed[np.isin(edges, order[strongest[tree]])] = True
    return needed


def _components(first, second, n_nodes):
    links = csr_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n_nodes,) * 2)
    return connected_components(links, directed=False)


def _short_detour(graph, dropped, detour):
    """Edges whose ends are joined without them by a path of at most ``detour`` times the length."""
    first, second, upper, _ = dropped
    short = np.zeros(len(first), dtype=bool)
    if not len(first):
        return short
    rest = csr_matrix(
        (graph.distances.data[graph.upper], (graph.first, graph.second)),
        shape=(graph.n_nodes,) * 2,
    )
    rest = rest + rest.T
    sources, row = np.unique(first, return_inverse=True)
    limits = detour * graph.distances.data[upper]
    step = max(1, chunk_bytes() // (8 * graph.n_nodes))
    for start in range(0, len(sources), step):
        inside = (row >= start) & (row < start + step)
        paths = dijkstra(
            rest, directed=False, indices=sources[start : start + step], limit=limits[inside].max()
        )
        short[inside] = paths[row[inside] - start, second[inside]] <= limits[inside]
    return short

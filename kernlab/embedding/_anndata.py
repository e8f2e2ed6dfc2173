"""Heat geodesic embedding of AnnData objects, by scanpy's conventions and without importing it."""

import warnings
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from kernlab._core.validation import validate_points
from kernlab.embedding._heat_geodesic import HeatGeodesicEmbedding
from kernlab.embedding._input import check_sizes

__all__ = ["heatgeo"]

# Parameters that have a meaning where the graph is made here alone.
_OF_THE_GRAPH = ("n_neighbors", "kernel", "algorithm", "mp_reduce")
# Features up to which scanpy takes X itself, where it is not told what to take.
_FEW_FEATURES = 50
# Most by which lengths may differ from distances in the coordinates, relative, in the median.
_DISAGREEMENT = 0.01

# Length of an edge between coincident cells, relative to the shortest other: zero would be none.
_COINCIDENT = 2.0**-30


def heatgeo(
    adata,
    n_components=2,
    *,
    neighbors_key=None,
    use_rep=None,
    key_added="X_heatgeo",
    root=None,
    random_state=0,
    copy=False,
    return_estimator=False,
    **parameters,
):
    """Embed the cells of an AnnData object, and order them from a root.

    The graph is that of ``scanpy.pp.neighbors`` where there is one; else it is made of
    ``obsm['X_pca']``, or of ``X`` if that is no sparse matrix. Nothing is imported: any object with
    these attributes will do.

    Parameters
    ----------
    adata : AnnData
        Of n_obs cells. It is written to, unless ``copy``.
    n_components : int >= 1, default=2
        Coordinates.
    neighbors_key : str or None, default=None
        Entry of ``uns`` that describes the graph. None is 'neighbors', where it is there.
    use_rep : str or None, default=None
        Make the graph of this entry of ``obsm``, or of 'X', whatever graph there is; a sparse
        matrix is made dense. None takes the graph there is.
    key_added : str, default='X_heatgeo'
        Entry of ``obsm`` for the coordinates. That of ``uns`` has the same name without ``X_``, and
        pseudotime goes by it too.
    root : int, str or None, default=None
        The cell that pseudotime starts from, by its number or its name. None takes
        ``uns['iroot']``, as ``scanpy.tl.dpt`` does; without one there is no pseudotime.
    random_state : int, RandomState instance or None, default=0
        As of :class:`HeatGeodesicEmbedding`.
    copy : bool, default=False
        Write to a copy, and return it.
    return_estimator : bool, default=False
        Return the fitted estimator, whose ``transform`` places new cells: given by the same
        coordinates as the graph was made of, the same columns of the same ``X_pca``.
    **parameters
        Any of :class:`HeatGeodesicEmbedding`. Those that make the graph (``n_neighbors``,
        ``kernel``, ``algorithm``, ``mp_reduce``) have a meaning only where it is made here, and
        are refused else.

    Returns
    -------
    result : AnnData, HeatGeodesicEmbedding or None
        The copy or the estimator, if asked for. Written are

        - ``obsm[key_added]``: float64 array (n_obs, n_components), in the units of the
          coordinates that the graph was made of;
        - ``obs['heat_pseudotime']``: distance from the root by the metric, from 0 to 1; with
          another ``key_added`` its name without ``X_`` stands for ``heat``. Without a root one
          of an earlier call stays, as scanpy's does, and a warning says so;
        - ``uns['heatgeo']``: the parameters, the stress, the times of diffusion, how many
          shortcuts were pruned, and the root.

    Raises
    ------
    KeyError
        If an entry asked for is not there.
    TypeError
        If ``adata`` is not like an AnnData, as an array.
    ValueError
        If a root is not a cell, parameters have no meaning, the graph that is there has several
        components and ``disconnected='raise'``, or coordinates are needed (see the Notes) that are
        sparse or have other distances than the graph.

    Warns
    -----
    DisconnectedGraphWarning
        Where components of the graph were joined by bridges.
    UserWarning
        Where a pseudotime of an earlier call stays.

    See Also
    --------
    HeatGeodesicEmbedding : The estimator, which places new cells too.

    Notes
    -----
    Cost: as of :class:`HeatGeodesicEmbedding`, less the search for neighbours.

    Of a graph that is there the coordinates are read only where some edge has no length in
    ``obsp``, where components are to be bridged, shortcuts pruned, or new cells placed. They are
    those that its ``uns`` names by ``use_rep`` and ``n_pcs``, by scanpy's rules, and lengths that
    are there must be the Euclidean distances in them: more than half that differ by over 1 %, as
    with another metric, are refused.

    Pseudotime is the distance along the data and no arc of a tree: cells at the same distance on
    two branches have the same.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from kernlab.embedding import heatgeo
    >>> t = np.linspace(0, 3, 200)
    >>> cells = SimpleNamespace(  # or an AnnData
    ...     X=np.column_stack([np.cos(t), np.sin(t)]), obs={}, obsm={}, obsp={}, uns={}
    ... )
    >>> heatgeo(cells, 1, n_neighbors=5, root=0)
    >>> cells.obsm["X_heatgeo"].shape
    (200, 1)
    >>> bool(np.abs(cells.obs["heat_pseudotime"] - t / 3).max() < 0.05)
    True
    """
    missing = [name for name in ("X", "obs", "obsm", "obsp", "uns") if not hasattr(adata, name)]
    if missing:
        raise TypeError(
            f"adata must be an AnnData, or have what it has; {type(adata).__name__} has no "
            f"{', '.join(missing)}. Points alone are for HeatGeodesicEmbedding."
        )
    if not isinstance(key_added, str) or not key_added:
        raise ValueError(f"key_added must be the name of an entry of obsm, got {key_added!r}.")
    if copy and return_estimator:
        raise ValueError(
            "copy=True and return_estimator=True each ask for another return value; copy adata "
            "before the call."
        )
    if copy:
        adata = adata.copy()
    description = _described_graph(adata, neighbors_key, use_rep)
    embedding = HeatGeodesicEmbedding(n_components, random_state=random_state, **parameters)
    if embedding.metric == "precomputed":
        raise ValueError(
            "metric='precomputed' needs a matrix of distances, and an AnnData object has points; "
            "use metric='heat', 'pruned' or 'graph'."
        )
    root = _root_number(adata, root)
    if description is None:
        if use_rep is None:
            use_rep = "X_pca" if "X_pca" in adata.obsm else "X"
            _refuse_sparse(adata, use_rep)
        embedding.fit(_representation(adata, use_rep))
    else:
        unused = set(_OF_THE_GRAPH) & set(parameters)
        if unused:
            raise ValueError(
                f"{', '.join(sorted(unused))} would make the graph, and adata has one: pass "
                "use_rep='X_pca' to make another, or leave them out."
            )
        embedding._validate_params()
        check_sizes(embedding, *_shape(adata))
        use_rep = _fit_given(embedding, adata, description, placing=return_estimator)

    key = key_added.removeprefix("X_")
    adata.obsm[key_added] = embedding.embedding_
    record = {"use_rep": use_rep, "stress": float(embedding.stress_)}
    record["params"] = {
        name: value
        for name, value in embedding.get_params().items()
        if _storable(value) and (description is None or name not in _OF_THE_GRAPH)
    }
    if hasattr(embedding, "t_"):
        record["t"] = embedding.t_
    if embedding.metric == "pruned":
        record["n_shortcuts"] = len(embedding.shortcuts_)
    column = "heat_pseudotime" if key == "heatgeo" else f"{key}_pseudotime"
    if root is not None:
        adata.obs[column] = embedding.pseudotime(root)
        record["root"] = root
    elif column in adata.obs:
        warnings.warn(
            f"obs[{column!r}] is of an earlier call, and not of this embedding; pass root, or set "
            "uns['iroot'], for a new one.",
            stacklevel=2,
        )
    adata.uns[key] = record
    if return_estimator:
        return embedding
    return adata if copy else None


def _described_graph(adata, neighbors_key, use_rep):
    """What `uns` says of the graph to use, or None where one is to be made."""
    if use_rep is not None:
        if neighbors_key is not None:
            raise ValueError(
                f"neighbors_key={neighbors_key!r} takes a graph and use_rep={use_rep!r} makes "
                "one; pass one of them."
            )
        return None
    if neighbors_key is None and "neighbors" not in adata.uns:
        return None
    key = "neighbors" if neighbors_key is None else neighbors_key
    if key not in adata.uns:
        raise KeyError(
            f"uns[{key!r}] is not there: run scanpy.pp.neighbors(adata, key_added={key!r}), or "
            f"leave neighbors_key out. There are {sorted(adata.uns)}."
        )
    return adata.uns[key]


def _representation(adata, use_rep, n_pcs=None):
    """Rows of what a graph is made of."""
    if use_rep != "X" and use_rep not in adata.obsm:
        raise KeyError(f"obsm[{use_rep!r}] is not there; there are {sorted(adata.obsm)}, and 'X'.")
    points = adata.X if use_rep == "X" else adata.obsm[use_rep]
    points = points.toarray() if sp.issparse(points) else np.asarray(points)
    if use_rep != "X":
        points = points[:, :n_pcs]
    return np.ascontiguousarray(points, dtype=np.float64)


def _shape(adata):
    """Numbers of cells and of features; an AnnData may have no X."""
    return adata.X.shape if adata.X is not None else adata.shape


def _refuse_sparse(adata, use_rep):
    if use_rep == "X" and sp.issparse(adata.X):
        raise ValueError(
            f"X is sparse, and distances in it would take all of its {adata.X.shape} entries: run "
            "scanpy.pp.pca and scanpy.pp.neighbors(adata, use_rep='X_pca'), or say use_rep='X' if "
            "it is to be made dense."
        )


def _fit_given(embedding, adata, description, *, placing):
    """Fit to the graph of scanpy; what it was made of is read only if it is needed."""
    affinity, known = _given_graph(adata, description)
    lengths = _lengths_on(affinity, known)
    settings = description.get("params", {})
    made_of = _made_of(adata, settings)
    needed_for = {
        "lengths of edges that have none": not lengths.data.all(),
        "shortcuts": embedding.metric == "pruned",
        "bridges between components": embedding.disconnected == "bridge"
        and connected_components(affinity, directed=False)[0] > 1,
        "places of new cells": placing,
    }
    needs = [what for what, needed in needed_for.items() if needed]
    points, use_rep = None, made_of[0]
    if needs:
        use_rep, points = _agreeing(adata, made_of, lengths, settings, needs)
        points = validate_points(embedding, points, reset=True)
        _fill(lengths, points)
    # Scanpy counts a cell among its own neighbours.
    n_neighbors = max(int(settings.get("n_neighbors", 16)) - 1, 1)
    graph = embedding._make_graph().set_params(kernel="umap", n_neighbors=n_neighbors)
    embedding._fit_graph(graph._adopt(affinity, lengths, points))
    return use_rep


def _given_graph(adata, description):
    """Symmetric weights of the graph of scanpy, and the lengths it knows."""
    found = []
    for role in ("connectivities", "distances"):
        key = description.get(f"{role}_key", role)
        if key not in adata.obsp:
            raise KeyError(
                f"obsp[{key!r}] is not there, where the graph's {role} should be; run "
                "scanpy.pp.neighbors again."
            )
        found.append(sp.csr_matrix(adata.obsp[key], dtype=np.float64))
    affinity, directed = found
    # A cell is among its own neighbours in some versions; the walk does not need it.
    affinity = affinity - sp.diags(affinity.diagonal())
    affinity = ((affinity + affinity.T) / 2).tocsr()
    affinity.eliminate_zeros()
    if affinity.nnz == 0:
        raise ValueError("the graph in obsp has no edges; run scanpy.pp.neighbors again.")
    affinity.sort_indices()
    return affinity, directed.maximum(directed.T).tocoo()


def _lengths_on(affinity, known):
    """Lengths of the edges that have a weight; zero where none is known."""
    n = affinity.shape[0]
    edges = _rows(affinity) * n + affinity.indices  # ascending: rows are, and columns in them
    wanted = known.row.astype(np.int64) * n + known.col
    place = np.minimum(np.searchsorted(edges, wanted), len(edges) - 1)
    there = edges[place] == wanted
    lengths = np.zeros(len(edges))
    lengths[place[there]] = known.data[there]
    return sp.csr_matrix((lengths, affinity.indices, affinity.indptr), shape=affinity.shape)


def _made_of(adata, settings):
    """Names of what scanpy may have made a graph of, by its own rules; the likeliest first."""
    if settings.get("use_rep") is not None:
        return [str(settings["use_rep"])]
    if settings.get("n_pcs") == 0 or "X_pca" not in adata.obsm:
        return ["X"]
    return ["X_pca", "X"] if _shape(adata)[1] <= _FEW_FEATURES else ["X_pca"]


def _agreeing(adata, made_of, lengths, settings, needs):
    """Name and rows of the coordinates in which the lengths known are the distances."""
    known = np.flatnonzero(lengths.data)
    allowed = _DISAGREEMENT * lengths.data[known]
    for use_rep in made_of:
        _refuse_sparse(adata, use_rep)
        points = _representation(adata, use_rep, settings.get("n_pcs"))
        wrong = np.abs(_measured(lengths, points, known) - lengths.data[known]) > allowed
        if 2 * np.count_nonzero(wrong) <= len(known):
            return use_rep, points
    raise ValueError(
        f"the lengths in obsp (metric={settings.get('metric')!r} in uns) are not the Euclidean "
        f"distances in {use_rep!r} ({points.shape[1]} columns), by which to find "
        f"{' and '.join(needs)}: run scanpy.pp.neighbors with metric='euclidean' on the "
        "coordinates that are there, or pass use_rep for a graph that is made here."
    )


def _fill(lengths, points):
    """Measure the lengths that are zero in the coordinates."""
    missing = np.flatnonzero(lengths.data == 0)
    lengths.data[missing] = _measured(lengths, points, missing)
    positive = lengths.data[lengths.data > 0]
    if positive.size == 0:
        raise ValueError("the graph in obsp joins coincident cells alone; it has no lengths.")
    lengths.data[lengths.data == 0] = _COINCIDENT * positive.min()


def _measured(lengths, points, edges):
    """Distances between the ends of some of the edges, a block at a time."""
    rows = _rows(lengths)
    block = max(1, 2**20 // points.shape[1])
    parts = [edges[start : start + block] for start in range(0, len(edges), block)]
    gaps = [np.linalg.norm(points[rows[p]] - points[lengths.indices[p]], axis=1) for p in parts]
    return np.concatenate([np.empty(0), *gaps])


def _rows(matrix):
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _root_number(adata, root):
    """Number of the cell that pseudotime starts from, or None."""
    if root is None:
        root = adata.uns.get("iroot")
        if root is None:
            return None
    if np.ndim(root) > 0:
        raise ValueError(
            f"root must be one cell, by its number or name, got a {type(root).__name__} of shape "
            f"{np.shape(root)}; of a mask take int(np.flatnonzero(mask)[0])."
        )
    root = np.asarray(root).item()
    if isinstance(root, str):
        names = np.flatnonzero(np.asarray(adata.obs_names) == root)
        if len(names) != 1:
            raise ValueError(f"root={root!r} is the name of {len(names)} cells; it must be of one.")
        return int(names[0])
    n = _shape(adata)[0]
    if not isinstance(root, Integral) or isinstance(root, bool) or not 0 <= int(root) < n:
        raise ValueError(f"root={root!r} is not the number or name of a cell, 0 to {n - 1}.")
    return int(root)


def _storable(value):
    """Whether every version of h5ad can hold it."""
    return isinstance(value, str | bool | Integral | float | np.ndarray | list)

"""Heat geodesic embedding of AnnData objects, by scanpy's conventions and without importing it."""

from numbers import Integral
from types import SimpleNamespace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from kernlab.embedding._heat_geodesic import HeatGeodesicEmbedding
from kernlab.embedding._input import check_sizes
from kernlab.graph import prune_shortcuts

__all__ = ["heatgeo"]

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
    **parameters,
):
    """Embed the cells of an AnnData object, and order them from a root.

    The graph is that of ``scanpy.pp.neighbors`` where there is one; else it is made of
    ``obsm['X_pca']``, or of ``X``. Nothing is imported: any object with these attributes will do.

    Parameters
    ----------
    adata : AnnData
        Of n_obs cells. It is written to, unless ``copy``.
    n_components : int >= 1, default=2
        Coordinates.
    neighbors_key : str or None, default=None
        Entry of ``uns`` that describes the graph. None is 'neighbors', where it is there.
    use_rep : str or None, default=None
        Make the graph of this entry of ``obsm``, or of 'X', whatever graph there is. None takes
        the graph there is, and for coordinates what it was made of.
    key_added : str, default='X_heatgeo'
        Entry of ``obsm`` for the coordinates. That of ``uns`` has the same name without ``X_``.
    root : int, str or None, default=None
        The cell that pseudotime starts from, by its number or its name. None takes
        ``uns['iroot']``, as ``scanpy.tl.dpt`` does; without one there is no pseudotime.
    random_state : int, RandomState instance or None, default=0
        As of :class:`HeatGeodesicEmbedding`.
    copy : bool, default=False
        Write to a copy, and return it.
    **parameters
        Any of :class:`HeatGeodesicEmbedding`. Those that make the graph (``n_neighbors``,
        ``kernel``, ``algorithm``, ``mp_reduce``) have a meaning only where it is made here, and
        are refused else.

    Returns
    -------
    adata : AnnData or None
        The copy, if asked for, with

        - ``obsm[key_added]``: float64 array (n_obs, n_components), in the units of the
          coordinates that the graph was made of;
        - ``obs['heat_pseudotime']``: distance from the root by the metric, from 0 to 1;
        - ``uns['heatgeo']``: the parameters, the stress, the times of diffusion, how many
          shortcuts were pruned, and the root.

    Raises
    ------
    KeyError
        If an entry asked for is not there.
    ValueError
        If the graph that is there has several components, a root is not a cell, or parameters
        have no meaning.

    See Also
    --------
    HeatGeodesicEmbedding : The estimator, which places new cells too.

    Notes
    -----
    Cost: as of :class:`HeatGeodesicEmbedding`, less the search for neighbours.

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
    if not isinstance(key_added, str) or not key_added:
        raise ValueError(f"key_added must be the name of an entry of obsm, got {key_added!r}.")
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
        name, points = _representation(adata, use_rep)
        embedding.fit(points)
    else:
        unused = {"n_neighbors", "kernel", "algorithm", "mp_reduce"} & set(parameters)
        if unused:
            raise ValueError(
                f"{', '.join(sorted(unused))} would make the graph, and adata has one: pass "
                "use_rep='X_pca' to make another, or leave them out."
            )
        made_of = description.get("params", {}).get("use_rep")
        name, points = _representation(adata, made_of)
        embedding._validate_params()
        check_sizes(embedding, *points.shape)
        embedding._fit_graph(_given_graph(adata, description, points, embedding))

    adata.obsm[key_added] = embedding.embedding_
    record = {"use_rep": name, "stress": float(embedding.stress_)}
    record["params"] = {
        key: value for key, value in embedding.get_params().items() if _storable(value)
    }
    if hasattr(embedding, "t_"):
        record["t"] = embedding.t_
    if embedding.metric == "pruned":
        record["n_shortcuts"] = len(embedding.shortcuts_)
    if root is not None:
        adata.obs["heat_pseudotime"] = embedding.pseudotime(root)
        record["root"] = root
    adata.uns[key_added.removeprefix("X_")] = record
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


def _representation(adata, use_rep):
    """Name and rows of what a graph is made of."""
    if use_rep is None:
        use_rep = "X_pca" if "X_pca" in adata.obsm else "X"
    if use_rep == "X":
        points = adata.X
    elif use_rep in adata.obsm:
        points = adata.obsm[use_rep]
    else:
        raise KeyError(f"obsm[{use_rep!r}] is not there; there are {sorted(adata.obsm)}, and 'X'.")
    points = points.toarray() if sp.issparse(points) else np.asarray(points)
    return use_rep, np.ascontiguousarray(points, dtype=np.float64)


def _given_graph(adata, description, points, embedding):
    """The graph of scanpy, with the attributes of a `KNNGraph`."""
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
    affinity.sort_indices()
    lengths = _lengths_on(affinity, directed, points)
    n_components, _ = connected_components(affinity, directed=False)
    if n_components > 1:
        raise ValueError(
            f"the graph in obsp has {n_components} components, at no distance from each other: "
            "raise n_neighbors in scanpy.pp.neighbors, pass use_rep='X_pca' for a graph with "
            "bridges, or embed each component by itself."
        )
    shortcuts = np.empty((0, 2), np.int64)
    if embedding.metric == "pruned":
        affinity, lengths, shortcuts = prune_shortcuts(
            points,
            affinity,
            lengths,
            cosine=embedding.prune_cosine,
            detour=embedding.detour,
            random_state=embedding.random_state,
            n_jobs=embedding.n_jobs,
        )
    return SimpleNamespace(
        affinity_=affinity,
        distances_=lengths,
        shortcuts_=shortcuts,
        n_connected_components_=1,
    )


def _lengths_on(affinity, directed, points):
    """Lengths of the edges that have a weight, by their distance in `obsp` or in the points."""
    known = directed.maximum(directed.T).tocoo()
    n = affinity.shape[0]
    rows = np.repeat(np.arange(n), np.diff(affinity.indptr))
    edges = rows * n + affinity.indices  # ascending: rows are, and columns in them
    place = np.searchsorted(edges, known.row.astype(np.int64) * n + known.col)
    place = np.minimum(place, len(edges) - 1)
    there = edges[place] == known.row.astype(np.int64) * n + known.col
    lengths = np.zeros(len(edges))
    lengths[place[there]] = known.data[there]
    missing = np.flatnonzero(lengths == 0)
    gaps = points[rows[missing]] - points[affinity.indices[missing]]
    lengths[missing] = np.linalg.norm(gaps, axis=1)
    positive = lengths[lengths > 0]
    if positive.size == 0:
        raise ValueError("the graph in obsp joins coincident cells alone; it has no lengths.")
    lengths[lengths == 0] = _COINCIDENT * positive.min()
    return sp.csr_matrix((lengths, affinity.indices, affinity.indptr), shape=affinity.shape)


def _root_number(adata, root):
    """Number of the cell that pseudotime starts from, or None."""
    if root is None:
        root = adata.uns.get("iroot")
        if root is None:
            return None
    if isinstance(root, str):
        names = np.flatnonzero(np.asarray(adata.obs_names) == root)
        if len(names) != 1:
            raise ValueError(f"root={root!r} is the name of {len(names)} cells; it must be of one.")
        return int(names[0])
    n = adata.X.shape[0]
    if not isinstance(root, Integral) or isinstance(root, bool) or not 0 <= int(root) < n:
        raise ValueError(f"root={root!r} is not the number or name of a cell, 0 to {n - 1}.")
    return int(root)


def _storable(value):
    """Whether every version of h5ad can hold it."""
    return isinstance(value, str | bool | Integral | float | np.ndarray | list)

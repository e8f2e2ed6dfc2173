"""heatgeo on stand-ins for AnnData, and on the real one where it is installed."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.embedding import HeatGeodesicEmbedding, heatgeo
from kernlab.exceptions import DisconnectedGraphWarning
from kernlab.graph import KNNGraph

POSITION = np.sort(np.random.default_rng(0).uniform(0, 3, 150))
# What is cheapest, where the test is of what goes in and out.
FLAT = {"metric": "graph", "mds": "classical"}
ARC = np.column_stack([np.cos(POSITION), np.sin(POSITION)])


class Cells(SimpleNamespace):
    """What heatgeo asks of an AnnData."""

    def __init__(self, **entries):
        names = np.array([f"cell{i}" for i in range(150)])
        entries = {"X": ARC, "obs": {}, "obsm": {}, "obsp": {}, "uns": {}} | entries
        super().__init__(obs_names=names, **entries)

    def copy(self):
        made = {
            key: dict(value) if isinstance(value, dict) else value
            for key, value in vars(self).items()
            if key != "obs_names"
        }
        return Cells(**made)


def with_graph(key="neighbors", graph=None, **entries):
    """Cells with a graph as scanpy stores it: symmetric weights, distances by rows."""
    graph = KNNGraph(6, kernel="umap").fit(ARC) if graph is None else graph
    directed = KNNGraph(6).fit(ARC).kneighbors()
    rows = np.repeat(np.arange(150), 6)
    distances = sp.csr_matrix((directed[0].ravel(), (rows, directed[1].ravel())), (150, 150))
    prefix = "" if key == "neighbors" else f"{key}_"
    described = {"params": {"n_neighbors": 7, "use_rep": "X"}}
    if prefix:
        described |= {
            "connectivities_key": f"{prefix}connectivities",
            "distances_key": f"{prefix}distances",
        }
    return Cells(
        uns={key: described},
        obsp={
            f"{prefix}connectivities": graph.affinity_,
            f"{prefix}distances": distances,
        },
        **entries,
    )


def test_the_graph_there_is_is_used():
    cells = with_graph()
    assert heatgeo(cells, root=0, mds="classical") is None
    graph = KNNGraph(6, kernel="umap").fit(ARC)
    expected = HeatGeodesicEmbedding(random_state=0, mds="classical")
    expected._fit_graph(graph)
    np.testing.assert_allclose(cells.obsm["X_heatgeo"], expected.embedding_, atol=1e-6)
    record = cells.uns["heatgeo"]
    assert record["t"] == expected.t_
    assert record["stress"] == pytest.approx(expected.stress_, rel=1e-3, abs=1e-6)
    assert record["params"]["metric"] == "heat"
    assert record["root"] == 0


def test_pseudotime_is_the_way_along_the_data():
    cells = with_graph()
    heatgeo(cells, root=0, mds="classical")
    time = cells.obs["heat_pseudotime"]
    assert time.min() == time[0] == 0.0
    assert time.max() == 1.0
    expected = (POSITION - POSITION[0]) / (POSITION[-1] - POSITION[0])
    # One part in twenty: what the ends of an arc add to heat that cannot leave there.
    np.testing.assert_allclose(time, expected, atol=0.05)


@pytest.mark.parametrize("root", ["cell7", 7, np.int64(7), np.array(7)])
def test_a_root_by_name_or_number(root):
    cells = with_graph()
    heatgeo(cells, root=root, **FLAT)
    assert cells.obs["heat_pseudotime"][7] == 0.0


def test_iroot_is_the_root_of_scanpy():
    cells = with_graph()
    cells.uns["iroot"] = 9
    heatgeo(cells, **FLAT)
    assert cells.obs["heat_pseudotime"][9] == 0.0
    plain = with_graph()
    heatgeo(plain, **FLAT)
    assert "heat_pseudotime" not in plain.obs


def test_without_a_graph_one_is_made():
    own = HeatGeodesicEmbedding(n_neighbors=6, random_state=0, **FLAT).fit(ARC)
    cells = Cells(obsm={"X_pca": ARC}, X=sp.csr_matrix(np.ones((150, 1))))
    heatgeo(cells, **FLAT, n_neighbors=6)
    np.testing.assert_array_equal(cells.obsm["X_heatgeo"], own.embedding_)
    assert cells.uns["heatgeo"]["use_rep"] == "X_pca"
    sparse = Cells(X=sp.csr_matrix(ARC))
    with pytest.raises(ValueError, match="X is sparse"):
        heatgeo(sparse, **FLAT, n_neighbors=6)
    heatgeo(sparse, **FLAT, n_neighbors=6, use_rep="X")
    np.testing.assert_array_equal(sparse.obsm["X_heatgeo"], own.embedding_)


def test_other_names_and_a_copy():
    cells = with_graph("mine")
    made = heatgeo(cells, neighbors_key="mine", key_added="X_flat", **FLAT, copy=True)
    assert not cells.obsm
    assert made.obsm["X_flat"].shape == (150, 2)
    assert "flat" in made.uns


def test_pruning_takes_the_graph_and_its_coordinates(monkeypatch):
    def drop_one(points, affinity, lengths, **settings):
        # In units of a power of two.
        np.testing.assert_array_equal(0.5 * points, ARC)
        assert settings == {"cosine": 0.8, "detour": 5.0, "random_state": 0, "n_jobs": None}
        assert (affinity.indices == lengths.indices).all()
        return affinity, lengths, np.array([[0, 1]])

    monkeypatch.setattr("kernlab.graph._neighbors.prune_shortcuts", drop_one)
    cells, plain = with_graph(), with_graph()
    heatgeo(cells, **FLAT | {"metric": "pruned"}, prune_cosine=0.8)
    heatgeo(plain, **FLAT)
    np.testing.assert_array_equal(cells.obsm["X_heatgeo"], plain.obsm["X_heatgeo"])
    assert cells.uns["heatgeo"]["n_shortcuts"] == 1


def test_another_graph_than_the_one_there_is():
    cells = with_graph()
    heatgeo(cells, use_rep="X", n_neighbors=6, **FLAT)
    assert cells.uns["heatgeo"]["params"]["n_neighbors"] == 6


@pytest.mark.parametrize(
    ("cells", "settings", "error", "message"),
    [
        (Cells, {"neighbors_key": "mine"}, KeyError, "uns\\['mine'\\] is not there"),
        (Cells, {"use_rep": "X_scvi"}, KeyError, "obsm\\['X_scvi'\\] is not there"),
        (with_graph, {"n_neighbors": 5}, ValueError, "n_neighbors would make the graph"),
        (with_graph, {"n_neighbors": 15, "kernel": "knn"}, ValueError, "kernel, n_neighbors would"),
        (with_graph, {"algorithm": "exact"}, ValueError, "algorithm would make"),
        (with_graph, {"mp_reduce": False}, ValueError, "mp_reduce would make"),
        (with_graph, {"disconnected": "keep"}, ValueError, "'disconnected' parameter"),
        (with_graph, {"root": POSITION < 1}, ValueError, "got a ndarray of shape \\(150,\\); of a"),
        (lambda: ARC, {}, TypeError, "ndarray has no X, obs, obsm"),
        (with_graph, {"root": 150}, ValueError, "not the number or name"),
        (with_graph, {"root": "no"}, ValueError, "name of 0 cells"),
        (with_graph, {"metric": "precomputed"}, ValueError, "needs a matrix of distances"),
        (with_graph, {"metric": "best"}, ValueError, "'metric' parameter"),
        (with_graph, {"key_added": ""}, ValueError, "key_added must be"),
        (with_graph, {"neighbors_key": "neighbors", "use_rep": "X"}, ValueError, "one of them"),
        (with_graph, {"t": -1.0}, ValueError, "'t' parameter"),
    ],
)
def test_bad_input_is_named(cells, settings, error, message):
    with pytest.raises(error, match=message):
        heatgeo(cells(), **settings)


def torn(**entries):
    """Cells whose graph is in two parts."""
    cells = with_graph(**entries)
    weights = cells.obsp["connectivities"].tolil()
    weights[:70, 70:] = 0
    weights[70:, :70] = 0
    cells.obsp["connectivities"] = weights.tocsr()
    return cells


def test_parts_of_a_graph_are_bridged_or_refused():
    cells, whole = torn(), with_graph()
    with pytest.warns(DisconnectedGraphWarning, match="2 components; 1 shortest"):
        heatgeo(cells, root=0, **FLAT)
    heatgeo(whole, root=0, **FLAT)
    # The bridge is one of the edges that were cut; those beside it are shorter ways by little.
    time = cells.obs["heat_pseudotime"]
    np.testing.assert_allclose(time, whole.obs["heat_pseudotime"], atol=0.03)
    with pytest.raises(ValueError, match="2 components"):
        heatgeo(cells, disconnected="raise")
    with pytest.raises(ValueError, match="X is sparse"):
        heatgeo(torn(X=sp.csr_matrix(ARC)))
    del cells.obsp["distances"]
    with pytest.raises(KeyError, match="obsp\\['distances'\\]"):
        heatgeo(cells)


def test_coordinates_are_left_alone_unless_they_are_needed():
    cells, plain = with_graph(X=sp.csr_matrix(ARC)), with_graph()
    cells.obsp["connectivities"] = cells.obsp["connectivities"].multiply(
        cells.obsp["distances"].maximum(cells.obsp["distances"].T) > 0
    )
    cells.X.toarray = None
    heatgeo(cells, **FLAT)
    plain.obsp |= cells.obsp
    heatgeo(plain, **FLAT)
    np.testing.assert_array_equal(cells.obsm["X_heatgeo"], plain.obsm["X_heatgeo"])
    for settings in ({"metric": "pruned"}, {"return_estimator": True}):
        with pytest.raises(ValueError, match="X is sparse"):
            heatgeo(cells, **FLAT | settings)


def test_lengths_are_measured_in_the_columns_the_graph_was_made_of():
    rng = np.random.default_rng(1)
    wide = np.column_stack([ARC, rng.normal(size=(150, 60))])
    cells, expected = (with_graph(X=wide, obsm={"X_pca": wide}) for _ in range(2))
    expected.X = ARC
    for made in (cells, expected):  # every second length is forgotten
        made.obsp["distances"].data[::2] = 0
        made.obsp["distances"].eliminate_zeros()
    cells.uns["neighbors"]["params"] = {"n_neighbors": 7, "n_pcs": 2}
    for made in (cells, expected):
        heatgeo(made, root=0, **FLAT)
    np.testing.assert_array_equal(cells.obsm["X_heatgeo"], expected.obsm["X_heatgeo"])
    assert cells.uns["heatgeo"]["use_rep"] == "X_pca"
    assert "n_neighbors" not in cells.uns["heatgeo"]["params"]
    cells.uns["neighbors"]["params"] = {"n_pcs": 62, "metric": "cosine"}
    with pytest.raises(ValueError, match="metric='cosine'.*62 columns.*lengths of edges"):
        heatgeo(cells, **FLAT)


def test_pseudotime_goes_by_the_key():
    cells = with_graph()
    heatgeo(cells, root=3, key_added="X_other", **FLAT)
    heatgeo(cells, root=0, **FLAT)
    assert set(cells.obs) == {"other_pseudotime", "heat_pseudotime"}
    assert cells.obs["other_pseudotime"][3] == cells.obs["heat_pseudotime"][0] == 0.0
    with pytest.warns(UserWarning, match="'heat_pseudotime'.*earlier call"):
        heatgeo(cells, **FLAT)
    assert "root" not in cells.uns["heatgeo"]


def test_the_estimator_places_new_cells():
    cells = with_graph()
    model = heatgeo(cells, return_estimator=True, metric="graph")
    np.testing.assert_allclose(model.transform(ARC), cells.obsm["X_heatgeo"], atol=1e-6)
    between = model.transform(0.5 * (ARC[70:71] + ARC[71:72]))[0]
    ends = cells.obsm["X_heatgeo"][70:72]
    # As far from both as they are from each other, at most.
    assert (np.linalg.norm(ends - between, axis=1) <= np.linalg.norm(ends[0] - ends[1])).all()
    with pytest.raises(ValueError, match="each ask for another"):
        heatgeo(cells, copy=True, return_estimator=True)


def test_coincident_cells_keep_their_edges():
    cells = with_graph()
    distances = cells.obsp["distances"].tolil()
    distances[3, 4] = distances[4, 3] = 0  # scanpy stores no length there
    cells.obsp["distances"] = distances.tocsr()
    expected = with_graph()
    heatgeo(cells, **FLAT)
    heatgeo(expected, **FLAT)
    # The length is measured again in the coordinates.
    np.testing.assert_allclose(cells.obsm["X_heatgeo"], expected.obsm["X_heatgeo"], atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_real_anndata_round_trips(tmp_path):
    anndata = pytest.importorskip("anndata")
    cells = anndata.AnnData(ARC.astype(np.float32))
    heatgeo(cells, n_neighbors=6, root="0", mds="classical")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    again = anndata.read_h5ad(tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(again.obsm["X_heatgeo"], cells.obsm["X_heatgeo"])
    np.testing.assert_array_equal(again.obs["heat_pseudotime"], cells.obs["heat_pseudotime"])
    assert again.uns["heatgeo"]["t"] == cells.uns["heatgeo"]["t"]

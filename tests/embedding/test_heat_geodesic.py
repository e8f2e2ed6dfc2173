"""HeatGeodesicEmbedding against known surfaces, dense shortest paths and its own promises."""

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from kernlab.datasets import make_swiss_roll
from kernlab.embedding import HeatGeodesicDisplay, HeatGeodesicEmbedding, heat_distances
from kernlab.exceptions import DisconnectedGraphWarning, PruningWarning, UnresolvedHeatWarning

# Settings that between them take every way through the estimator.
WAYS = {
    "graph": {"metric": "graph", "n_landmarks": 40},
    "classical": {"metric": "graph", "n_landmarks": 40, "mds": "classical"},
    "smacof": {"metric": "graph", "mds": "smacof"},
    "power": {"metric": "graph", "n_landmarks": 40, "mds_weights": "power"},
    "heat": {"metric": "heat", "n_landmarks": 40, "t": 40.0},
    "heat weights": {"metric": "heat", "n_landmarks": 40, "t": 40.0, "mds_weights": "heat"},
    "averaged": {"metric": "heat", "n_landmarks": 20, "t": [20.0, 40.0], "denoise": 0.3},
}


@pytest.fixture(scope="module")
def roll():
    return make_swiss_roll(300, noise=0.05, random_state=0)


@pytest.fixture(scope="module")
def fitted(roll):
    return {
        name: HeatGeodesicEmbedding(n_neighbors=8, random_state=0, **way).fit(roll.data)
        for name, way in WAYS.items()
    }


def misfit(truth, points):
    """Scaled stress over all pairs."""
    r = cdist(points, points)
    c = np.sum(truth * r) / np.sum(r * r)
    return np.sqrt(np.sum((truth - c * r) ** 2) / np.sum(truth**2))


# Of 300 points the graph's paths are some percent too long, unevenly. Weights of one kind or the
# other give up some of the far distances that this measure is of.
BOUNDS = {"graph": 0.02, "classical": 0.03, "smacof": 0.02, "power": 0.03, "heat": 0.12}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_roll_is_unrolled(roll, fitted, name):
    assert misfit(roll.geodesics(np.arange(300)), fitted[name].embedding_) < BOUNDS[name]
    assert fitted[name].stress_ < BOUNDS[name]


@pytest.mark.parametrize("name", WAYS)
def test_training_points_are_where_the_embedding_has_them(roll, fitted, name):
    model = fitted[name]
    placed = model.transform(roll.data)
    diameter = np.ptp(model.embedding_, axis=0).max()
    # Single rows and batches differ by rounding in the start of a placement.
    np.testing.assert_allclose(placed, model.embedding_, atol=1e-9 * diameter)
    np.testing.assert_allclose(model.transform(roll.data[7:8])[0], placed[7], atol=1e-6 * diameter)


@pytest.mark.parametrize("name", ["graph", "classical", "smacof", "heat weights"])
def test_results_do_not_depend_on_threads_or_runs(roll, fitted, name):
    with threadpool_limits(2, "blas"):
        again = clone(fitted[name]).set_params(n_jobs=2).fit(roll.data[:]).embedding_
    assert np.array_equal(again, fitted[name].embedding_)


@pytest.mark.parametrize("name", ["graph", "heat"])
def test_new_points_are_placed_as_well_as_the_data(roll, fitted, name):
    more = make_swiss_roll(200, noise=0.05, random_state=5)
    model = fitted[name]
    placed = model.transform(more.data)
    truth = np.abs(np.subtract.outer(more.position[:, 0], more.position[:, 0]))
    truth = np.hypot(truth, np.subtract.outer(more.position[:, 1], more.position[:, 1]))
    assert misfit(truth, placed) < 1.5 * misfit(roll.geodesics(np.arange(300)), model.embedding_)


def test_path_distances_are_dijkstras(roll, fitted):
    model = fitted["graph"]
    exact = dijkstra(model.graph_.distances_)
    np.testing.assert_allclose(
        model.landmark_distances_, exact[:, model.landmarks_], rtol=1e-6, atol=1e-5
    )
    rows, columns = np.arange(0, 300, 30), np.arange(0, 300, 9)
    found = model.geodesic_distances(roll.data[rows], roll.data[columns])
    np.testing.assert_allclose(found, exact[np.ix_(rows, columns)], rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(model.pseudotime(3), exact[3] / exact[3].max(), rtol=1e-6)


def test_distances_of_new_points_are_those_of_the_graph_with_them_in_it(roll, fitted):
    model = fitted["graph"]
    new = make_swiss_roll(12, noise=0.05, random_state=6).data
    new[1] = new[0] + 1e-3
    lengths, indices = model.graph_.kneighbors(new)
    n, q = 300, len(new)
    edges = np.full((n + q, n + q), np.inf)
    edges[:n, :n] = model.graph_.distances_.toarray()
    edges[edges == 0] = np.inf
    for i in range(q):
        edges[n + i, indices[i]] = lengths[i]
    # From a new point on, through training points only, into another.
    ways = dijkstra(np.where(np.isfinite(edges), edges, 0), indices=np.arange(n, n + q))[:, :n]
    expected = np.array([(ways[:, indices[i]] + lengths[i]).min(axis=1) for i in range(q)]).T
    direct = cdist(new, new)
    shared = np.array([[len(np.intersect1d(a, b)) > 0 for a in indices] for b in indices])
    expected = np.where(shared, np.minimum(expected, direct), expected)
    found = model.geodesic_distances(new)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found, found.T, rtol=1e-6, atol=1e-5)
    assert found[0, 1] == pytest.approx(direct[0, 1], rel=1e-5)
    assert np.all(np.diag(found) == 0.0)


def test_heat_distances_of_training_points_are_those_of_the_metric(roll, fitted):
    model = fitted["heat"]
    assert model.t_ == 40.0
    graph = model.graph_
    exact = heat_distances(graph.affinity_, graph.distances_, np.arange(300), 40.0).distances
    rows, columns = model.landmarks_[:4], np.array([2, 3, 5, 290])
    found = model.geodesic_distances(roll.data[rows], roll.data[columns])
    np.testing.assert_allclose(found, exact[np.ix_(columns, rows)].T, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        model.pseudotime(roll.data[3]), exact[:, 3] / exact[:, 3].max(), rtol=1e-4, atol=1e-6
    )


def test_heat_distances_do_not_depend_on_the_call():
    # More points than the exact diagonal is found for: it is that of the fit, from then on.
    data = make_swiss_roll(520, noise=0.05, random_state=0).data
    model = HeatGeodesicEmbedding(n_neighbors=8, t=20.0, n_landmarks=20, random_state=0).fit(data)
    x, y = data[:4], np.concatenate([data[300:310], data[:3] + 0.1])
    found = model.geodesic_distances(x, y)
    np.testing.assert_allclose(model.geodesic_distances(y, x).T, found, rtol=1e-6)
    np.testing.assert_allclose(model.geodesic_distances(x[:1], y), found[:1], rtol=1e-6)
    np.testing.assert_allclose(model.geodesic_distances(x, y[-1:]), found[:, -1:], rtol=1e-6)


def test_heat_distances_of_new_points_err_by_less_than_their_neighbours(roll, fitted):
    model = fitted["heat"]
    new = roll.data[:20] + 0.05
    lengths, indices = model.graph_.kneighbors(new)
    found = model.geodesic_distances(new, roll.data[100:130])
    near = model.geodesic_distances(roll.data[indices[:, 0]], roll.data[100:130])
    assert np.all(np.abs(found - near) <= 2 * lengths[:, -1:])
    assert np.all(np.diag(model.geodesic_distances(new)) == 0.0)


def test_weights_favour_the_distances_they_are_meant_for(roll, fitted):
    # Least squares of relative errors beats least squares of errors in relative errors.
    def relative(model):
        D = model.landmark_distances_
        r = cdist(model.embedding_, model.embedding_[model.landmarks_])
        far = np.greater(D, 0.01 * D.max())
        return np.sqrt(np.mean((1 - r[far] / D[far]) ** 2))

    assert relative(fitted["power"]) < relative(fitted["graph"])

    def of_neighbours(model):
        D = model.landmark_distances_
        r = cdist(model.embedding_, model.embedding_[model.landmarks_])
        near = np.less(D, np.quantile(D, 0.1))
        return np.sqrt(np.sum((D - r)[near] ** 2))

    assert of_neighbours(fitted["heat weights"]) < of_neighbours(fitted["heat"])


@pytest.fixture(scope="module")
def pruned():
    noisy = make_swiss_roll(700, noise=1.0, n_features=10, random_state=1)
    with pytest.warns(PruningWarning):
        model = HeatGeodesicEmbedding(metric="pruned", n_landmarks=100, random_state=0).fit(
            noisy.data
        )
    return noisy, model


def test_pruning_unrolls_what_shortcuts_hold_together(pruned):
    noisy, model = pruned
    truth = noisy.geodesics(np.arange(700))
    assert len(model.shortcuts_) > 0
    plain = clone(model).set_params(metric="graph").fit(noisy.data)
    assert misfit(truth, model.embedding_) < 0.15 < 0.3 < misfit(truth, plain.embedding_)


def test_new_points_do_not_stand_on_shortcuts(pruned):
    noisy, model = pruned
    placed = model.transform(noisy.data)
    np.testing.assert_allclose(placed, model.embedding_, atol=1e-6)
    new = noisy.data + np.random.default_rng(0).normal(scale=0.3, size=noisy.data.shape)
    truth = noisy.geodesics(np.arange(700))
    assert misfit(truth, model.transform(new)) < 0.2


def test_noise_is_reduced_for_new_points_as_for_the_data():
    data = make_swiss_roll(400, noise=0.3, n_features=30, random_state=0).data
    model = HeatGeodesicEmbedding(metric="graph", mp_reduce=True, random_state=0).fit(data)
    assert model.graph_.n_features_in_ < 30
    assert model.n_features_in_ == 30
    np.testing.assert_allclose(model.transform(data), model.embedding_, atol=1e-6)


def test_distances_given_are_embedded(roll):
    X = np.random.default_rng(0).normal(size=(60, 2))
    D = cdist(X, X)
    model = HeatGeodesicEmbedding(metric="precomputed", n_landmarks=20, random_state=0).fit(D)
    np.testing.assert_allclose(cdist(model.embedding_, model.embedding_), D, atol=1e-4)
    assert model.stress_ < 1e-5
    np.testing.assert_allclose(model.transform(D[:9]), model.embedding_[:9], atol=1e-6)
    np.testing.assert_allclose(model.geodesic_distances(D[:9], D[20:]), D[:9, 20:], rtol=1e-6)
    new = np.random.default_rng(1).normal(size=(5, 2))
    found = model.geodesic_distances(cdist(new, X))
    # Over the points nearest to both: never shorter than the truth, nor by more than the detour.
    truth, nearest = cdist(new, new), cdist(new, X).min(axis=1)
    assert np.all(found >= truth - 1e-5)
    assert np.all(found <= truth + 2 * np.minimum.outer(nearest, nearest) + 1e-5)
    np.testing.assert_allclose(model.pseudotime(0), D[0] / D[0].max(), rtol=1e-6)


@pytest.mark.parametrize(
    ("metric", "scale"), [("graph", 1e-150), ("graph", 1e150), ("heat", 1e150)]
)
def test_the_units_of_the_data_do_not_matter(roll, fitted, metric, scale):
    model = clone(fitted[metric]).fit(roll.data * scale)
    size = np.abs(fitted[metric].embedding_).max()
    np.testing.assert_allclose(
        model.embedding_ / scale, fitted[metric].embedding_, atol=1e-4 * size
    )
    assert model.landmark_distances_.dtype == np.float64
    largest = fitted[metric].landmark_distances_.max()
    assert model.landmark_distances_.max() / scale == pytest.approx(largest, rel=1e-5)
    found = model.geodesic_distances(roll.data[:3] * scale, roll.data[5:9] * scale) / scale
    expected = fitted[metric].geodesic_distances(roll.data[:3], roll.data[5:9])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_points_that_coincide():
    X = np.repeat(np.random.default_rng(0).uniform(size=(60, 2)), 3, axis=0)
    model = HeatGeodesicEmbedding(metric="graph", random_state=0).fit(X)
    assert np.all(np.isfinite(model.embedding_))
    np.testing.assert_allclose(model.embedding_[0::3], model.embedding_[1::3], atol=1e-3)


@pytest.mark.parametrize("metric", ["heat", "graph"])
def test_copies_share_the_place_of_the_first(metric):
    rng = np.random.default_rng(0)
    first = rng.uniform(size=(40, 2))
    rows = np.r_[np.arange(40), rng.integers(0, 40, 60)]
    X = first[rows]
    model = HeatGeodesicEmbedding(metric=metric, n_neighbors=6, n_landmarks=20, random_state=0)
    distinct = clone(model).fit(first)
    model.fit(X)
    np.testing.assert_array_equal(model.embedding_, distinct.embedding_[rows])
    np.testing.assert_array_equal(model.landmarks_, distinct.landmarks_)
    np.testing.assert_array_equal(model.landmark_distances_, distinct.landmark_distances_[rows])
    np.testing.assert_allclose(model.transform(X), model.embedding_, atol=1e-6)
    np.testing.assert_array_equal(model.pseudotime(99), distinct.pseudotime(int(rows[99]))[rows])
    # Rows that are seen late: landmarks and shortcuts are numbers of rows of X.
    late = clone(model).fit(np.vstack([X[:1], X[:1], first[1:]]))
    assert late.landmarks_.max() == distinct.landmarks_.max() + 1
    with pytest.raises(ValueError, match="100 rows coincide in 5 distinct ones; lower n_neighbors"):
        model.fit(X[rows % 5])


def test_components_are_joined_or_refused():
    X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [100]], 30, axis=0)
    model = HeatGeodesicEmbedding(metric="graph", n_neighbors=5, random_state=0)
    with pytest.warns(DisconnectedGraphWarning):
        model.fit(X)
    assert model.landmark_distances_.max() > 90
    with pytest.raises(ValueError, match="components"):
        model.set_params(disconnected="raise").fit(X)
    assert model.landmark_distances_.max() > 90  # the fit that failed left the one before
    with pytest.raises(ValueError, match="The 'disconnected' parameter"):
        model.set_params(disconnected="keep").fit(X)


BAD = {
    "n_components=40 is more than 40 samples span": {"n_components": 40},
    "n_components=4 is more than n_landmarks=3": {"n_components": 4, "n_landmarks": 3},
    "n_neighbors=60": {"n_neighbors": 60},
    "The 't' parameter": {"t": -1.0},
    "t must be positive": {"t": [1.0, 0.0]},
    "t must be positive and finite, got ..a": {"t": ["a"]},
    "intrinsic_dim=4 is more than the 3 features": {"intrinsic_dim": 4, "metric": "heat"},
    "mds_weights='power' has no meaning": {"mds_weights": "power", "mds": "classical"},
    "mds_weights='heat' needs metric='heat'": {"mds_weights": "heat"},
    "it has a row and a column": {"metric": "precomputed"},
}


@pytest.mark.parametrize("message", BAD)
def test_settings_without_meaning_are_refused(message):
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = HeatGeodesicEmbedding(**{"metric": "graph"} | BAD[message])
    with pytest.raises(ValueError, match=message):
        model.fit(np.abs(X))
    assert not hasattr(model, "embedding_")


def test_matrices_that_are_no_distances_are_refused():
    model = HeatGeodesicEmbedding(metric="precomputed")
    X = np.random.default_rng(0).normal(size=(10, 2))

    def spoilt(i, j, value):
        D = cdist(X, X)
        D[i, j] = value
        return D

    cases = {
        "is not symmetric": spoilt(0, 1, 9.0),
        "Negative values": spoilt(0, 1, -1.0),
        "infinity: some samples are not joined": spoilt(0, 1, np.inf),
        "NaN": spoilt(2, 3, np.nan),
        "on its diagonal": spoilt(1, 1, 0.5),
    }
    for message, D in cases.items():
        with pytest.raises(ValueError, match=message):
            model.fit(D)
    with pytest.raises(ValueError, match="none is negative"):
        model.fit(cdist(X, X)).transform(spoilt(0, 1, -1.0))
    with pytest.raises(ValueError, match="mp_reduce=True takes axes out of coordinates"):
        model.set_params(mp_reduce=True).fit(cdist(X, X))


def test_tables_too_large_are_refused_before_they_are_made():
    X = np.zeros((10_001, 1))
    for settings in ({"mds": "smacof"}, {"n_landmarks": None}):
        with pytest.raises(ValueError, match="use mds='landmark' with n_landmarks=300"):
            HeatGeodesicEmbedding(**settings).fit(X)


def test_roots_that_are_not_there(roll, fitted):
    with pytest.raises(ValueError, match="root=300 is not one of the 300 training points"):
        fitted["graph"].pseudotime(300)
    with pytest.raises(ValueError, match="2 features"):
        fitted["graph"].pseudotime([0.0, 1.0])
    for root in (True, 2.0, "first"):
        with pytest.raises(ValueError, match=f"root={root!r} is neither"):
            fitted["graph"].pseudotime(root)


@pytest.mark.parametrize("metric", ["graph", "precomputed"])
@pytest.mark.parametrize("far", [1e20, 1e150])
def test_points_out_of_reach_are_refused(roll, fitted, metric, far):
    X, new = roll.data[:40], np.full((2, 3), far)
    if metric == "precomputed":
        X, new = cdist(X, X), np.full((2, 40), far)
    model = HeatGeodesicEmbedding(metric=metric, n_neighbors=8).fit(X)
    with pytest.raises(ValueError, match="row 0 of X is .* units of the training data"):
        model.transform(new)
    with pytest.raises(ValueError, match="row 0 of X is"):
        model.geodesic_distances(new)


def test_warnings_point_to_the_line_that_called(roll):
    with pytest.warns(UnresolvedHeatWarning, match="volume_correction=2") as caught:
        HeatGeodesicEmbedding(volume_correction=2.0, n_landmarks=20).fit(roll.data[:100])
    assert caught[0].filename == __file__


def test_dimension_of_the_units_is_told(fitted):
    assert fitted["heat"].intrinsic_dim_ == 2
    assert fitted["graph"].intrinsic_dim_ is None


def test_scikit_learn_conventions(roll, fitted):
    frame = pd.DataFrame(roll.data, columns=["x", "y", "z"])
    model = clone(fitted["graph"]).set_output(transform="pandas")
    table = model.fit_transform(frame)
    assert list(table.columns) == ["heatgeodesicembedding0", "heatgeodesicembedding1"]
    assert list(model.get_feature_names_out()) == list(table.columns)
    assert model.pseudotime(frame.iloc[3])[3] == 0.0
    again = pickle.loads(pickle.dumps(fitted["heat"]))
    assert np.array_equal(again.transform(roll.data[:5]), fitted["heat"].transform(roll.data[:5]))


def test_pictures(fitted, pruned):
    display = HeatGeodesicDisplay.from_estimator(pruned[1], color=pruned[0].position[:, 0])
    assert display.shortcuts.shape == (len(pruned[1].shortcuts_), 2, 2)
    assert len(display.ax_.collections) == 2
    display = HeatGeodesicDisplay.from_estimator(fitted["graph"], kind="shepard")
    # Pairs lie on the line as closely as the stress says.
    misses = np.diff(display.points, axis=1).ravel()
    ratio = np.sqrt(np.mean(misses**2) / np.mean(display.points[:, 0] ** 2))
    assert ratio < 2 * fitted["graph"].stress_
    plt.close("all")
    with pytest.raises(ValueError, match="kind='map' is none of"):
        HeatGeodesicDisplay.from_estimator(fitted["graph"], kind="map")
    for components in ((0, 2), (0, 0.5), (0,), "ab"):
        with pytest.raises(ValueError, match="are not two of the 2 of the embedding"):
            HeatGeodesicDisplay.from_estimator(fitted["graph"], components=components)
    display = HeatGeodesicDisplay.from_estimator(
        fitted["smacof"], color=np.where(np.arange(300) < 30, "cold", "warm")
    )
    # All points are landmarks, and landmarks are not drawn over all points.
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["cold", "warm"]
    assert len(display.ax_.collections[0].get_offsets()) == 30
    assert HeatGeodesicDisplay.from_estimator(fitted["smacof"]).ax_.get_legend() is None
    plt.close("all")
    with pytest.raises(ValueError, match="color is of points"):
        HeatGeodesicDisplay.from_estimator(fitted["graph"], kind="shepard", color=np.ones(300))
    with pytest.raises(ValueError, match=r"color has shape \(3,\), expected \(300,\)"):
        HeatGeodesicDisplay.from_estimator(fitted["graph"], color=["a", "b", "c"])
    with pytest.raises(TypeError, match="give a fitted HeatGeodesicEmbedding"):
        HeatGeodesicDisplay.from_estimator(None)

"""Heat distances against dense matrix functions, closed forms and the original's own numbers."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import expm
from scipy.spatial.distance import pdist, squareform
from scipy.special import ive

from kernlab.datasets import make_clifford_torus, make_sphere
from kernlab.embedding import _heat_distance as module
from kernlab.embedding import heat_distances
from kernlab.embedding._heat_distance import HeatDistances
from kernlab.embedding._heat_scale import hop_diameter, intrinsic_dimension
from kernlab.exceptions import UnresolvedHeatWarning
from kernlab.graph import KNNGraph, laplacian


def path_graph(n):
    steps = sp.diags([np.ones(n - 1), np.ones(n - 1)], [1, -1]).tocsr()
    return steps, steps.copy()


def spiral():
    i = np.arange(60)
    angle = 0.3 * i + 0.05 * np.sin(7 * i)
    return np.column_stack([angle * np.cos(angle), angle * np.sin(angle), np.sin(11 * i)])


@pytest.fixture(scope="module")
def graph():
    return KNNGraph(5).fit(spiral())


def all_distances(graph, t, **settings):
    n = graph.affinity_.shape[0]
    return heat_distances(graph.affinity_, graph.distances_, np.arange(n), t, **settings)


@pytest.mark.parametrize("kind", ["normalized", "combinatorial"])
@pytest.mark.parametrize("correction", [0.0, 1.0, 0.5])
def test_without_units_it_is_varadhans_formula(graph, kind, correction):
    t = 6.0
    H = expm(-t * laplacian(graph.affinity_, kind).toarray())
    volume = (H.diagonal()[:, None] + H.diagonal()) / 2
    squared = -4 * t * np.log(np.maximum(H, 1e-300)) + correction * 4 * t * np.log(volume)
    expected = np.sqrt(np.maximum(squared, 0))
    np.fill_diagonal(expected, 0)
    found = all_distances(
        graph, t, laplacian=kind, volume_correction=correction, units="none"
    ).distances
    # A dense exponential is right to 1e-16 of its largest entry: compare where that is 1e-6.
    known = H > 1e-10
    assert known.mean() > 0.5
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("t", "settings", "expected"),
    [
        # heatgeo 0.0.1, HeatGeo(knn=5, ...).dist of these points at the pairs below.
        (10.0, {}, [10.079554, 14.266161, 18.143018, 11.842364, 11.619419, 14.604678]),
        (
            10.0,
            {"volume_correction": 1.0},
            [0.38057593, 9.7629846, 14.810201, 4.6138102, 3.0166585, 9.3539467],
        ),
        (
            2.0,
            {"laplacian": "combinatorial"},
            [4.3287884, 6.4525838, 8.3206444, 5.4482215, 4.9204824, 6.6440788],
        ),
        (
            10.0,
            {"denoise": 0.3},
            [7.3002123, 16.535755, 22.606715, 12.17624, 10.280557, 17.222881],
        ),
        (
            np.geomspace(1.0, 9.0, 3),
            {},
            [4.7543794, 8.729374, 12.07996, 6.4671535, 5.8664747, 9.3845617],
        ),
    ],
)
def test_with_its_floor_it_is_the_original(graph, t, settings, expected):
    settings = {"volume_correction": 0.0} | settings
    found = all_distances(graph, t, units="none", floor=1e-16, **settings).distances
    rows, columns = np.transpose([(0, 1), (0, 30), (0, 59), (20, 25), (40, 59), (59, 10)])
    # Its graph leaves out half weights below 5e-5, which moves logarithms of heat by as much.
    np.testing.assert_allclose(found[rows, columns], expected, rtol=1e-4)


def test_far_pairs_keep_their_digits():
    n, t = 60, 3.0
    images = np.arange(-2, 3) * 2 * n
    ends = np.abs(np.arange(n)[:, None] - images)
    mirrored = np.abs(np.arange(n)[:, None] + 1 + images)
    # Method of images: the path is the line folded at its ends, where heat is e^(-2t) I_k(2t).
    heat = (ive(ends, 2 * t) + ive(mirrored, 2 * t)).sum(axis=1)
    assert heat[-1] < 1e-50
    found = heat_distances(
        *path_graph(n), [0], t, laplacian="combinatorial", volume_correction=0.0, units="none"
    )
    np.testing.assert_allclose(found.kernel[:, 0], heat, rtol=1e-9)
    expected = np.sqrt(-4 * t * np.log(heat))
    np.testing.assert_allclose(found.distances[1:, 0], expected[1:], rtol=1e-10)
    assert found.distances[0, 0] == 0.0
    assert found.unresolved == 0


def test_a_line_has_its_length_in_its_own_units():
    # A path of steps h, with t far beyond h: Varadhan's limit, whose error is of order (d/t)²/24
    # relative, 2 % here.
    n, h = 80, 0.25
    affinity, steps = path_graph(n)
    found = heat_distances(affinity, h * steps, [40], 60.0)
    expected = h * np.abs(np.arange(n) - 40)
    inner = np.abs(np.arange(n) - 40) < 20  # away from the ends, which reflect
    np.testing.assert_allclose(found.distances[inner, 0], expected[inner], rtol=0.02)


@pytest.mark.parametrize(
    ("make", "least"), [(make_sphere, 0.99), (make_clifford_torus, 0.98)], ids=["sphere", "torus"]
)
def test_distances_are_those_of_the_surface_without_fitting(make, least):
    surface = make(1500, random_state=7)
    graph = KNNGraph().fit(surface.data)
    rows = np.arange(0, 1500, 25)
    found = heat_distances(graph.affinity_, graph.distances_, rows).distances.T
    truth = surface.geodesics(rows)
    apart = truth > 0
    # The figures that the user guide gives: its bounds hold for n from 1000 to 2000.
    assert abs(np.median(found[apart] / truth[apart]) - 1) < 0.05
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, truth, strict=True)]) > least


@pytest.mark.parametrize(
    "change",
    [
        lambda X: np.vstack([X, X[:60]]),
        lambda X: np.round(X, 1),
        lambda X: np.vstack([X, [[100.0, 0.0, 0.0]]]),
        pytest.param(
            lambda X: np.vstack([X, X + 1e4]),
            marks=pytest.mark.filterwarnings("ignore::kernlab.exceptions.DisconnectedGraphWarning"),
        ),
    ],
    ids=["duplicates", "rounded", "outlier", "bridge"],
)
def test_copies_outliers_and_bridges_leave_the_scale(change):
    # Within the five per cent that the clean sphere is promised.
    sphere = make_sphere(600, random_state=0)
    landmarks = np.arange(5)
    graph = KNNGraph().fit(change(sphere.data))
    found = heat_distances(graph.affinity_, graph.distances_, landmarks).distances[:600]
    truth = sphere.geodesics(landmarks).T
    assert 0.95 < np.median(found[truth > 0.3] / truth[truth > 0.3]) < 1.05


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_distances_scale_with_the_lengths(graph, scale):
    one = heat_distances(graph.affinity_, graph.distances_, [0, 30], 10.0)
    other = heat_distances(graph.affinity_, scale * graph.distances_, [0, 30], 10.0)
    np.testing.assert_allclose(other.distances, scale * one.distances, rtol=1e-12)


def test_the_order_of_the_points_does_not_matter(graph):
    order = np.random.default_rng(0).permutation(60)
    one = all_distances(graph, "auto").distances
    affinity, lengths = graph.affinity_[order][:, order], graph.distances_[order][:, order]
    other = heat_distances(affinity, lengths, np.arange(60)).distances
    np.testing.assert_allclose(other, one[np.ix_(order, order)], rtol=1e-8, atol=1e-8)


def test_several_times_are_averaged_with_the_papers_weights(graph):
    times = [4.0, 10.0, 20.0]
    weights = (1 - np.array(times) / sum(times)) / 2
    single = [all_distances(graph, t).distances for t in times]
    found = all_distances(graph, times)
    np.testing.assert_allclose(
        found.distances, np.tensordot(weights, single, axes=1), rtol=1e-10, atol=1e-12
    )
    assert list(found.t) == times


@pytest.mark.parametrize(("units", "share"), [("none", 60), ("data", 1)])
def test_denoising_mixes_in_distances_between_rows(graph, units, share):
    plain = all_distances(graph, 10.0, units=units).distances
    rows = squareform(pdist(plain)) * np.sqrt(share / 60)
    found = all_distances(graph, 10.0, units=units, denoise=0.4).distances
    np.testing.assert_allclose(found, 0.6 * plain + 0.4 * rows, rtol=1e-7, atol=1e-6)


def test_auto_is_the_diameter_in_steps():
    affinity, lengths = path_graph(30)
    assert heat_distances(affinity, lengths, [3]).t == 29
    slow = heat_distances(5 * affinity, lengths, [3], laplacian="combinatorial")
    assert slow.t == pytest.approx(29 / (5 * 58 / 30))
    # The double sweep starts at the first point, whatever lies there.
    ring = sp.csr_matrix(np.roll(np.eye(11), 1, axis=0) + np.roll(np.eye(11), -1, axis=0))
    assert hop_diameter(ring) == 5


def test_knee_is_where_entropy_stops_to_grow(graph):
    t = all_distances(graph, "knee").t
    L = laplacian(graph.affinity_).toarray()
    grid = 4 * hop_diameter(graph.affinity_) * np.arange(33) / 32

    def entropy(time):
        H = np.maximum(expm(-time * L), 1e-300)
        return -(H * np.log(H)).sum()

    curve = np.array([0.0] + [entropy(time) for time in grid[1:]])
    above = curve - curve[-1] * np.arange(33) / 32
    assert t == pytest.approx(grid[above.argmax()])


def test_pairs_without_heat_are_extended_along_the_path():
    n = 300
    affinity, lengths = path_graph(n)
    with pytest.warns(UnresolvedHeatWarning, match=r"of 300 pairs.*t=0.5.*t='auto'"):
        found = heat_distances(affinity, 2.0 * lengths, [0], 0.5)
    assert 0 < found.unresolved == (found.kernel < 1e-200).sum() < n
    distances = found.distances[:, 0]
    assert np.isfinite(distances).all()
    assert (np.diff(distances) > 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert heat_distances(affinity, lengths, [0], 200.0).unresolved == 0


def test_extended_distances_are_symmetric():
    n = 150
    uneven = np.exp(np.sin(np.arange(n - 1)))
    lengths = sp.diags([uneven, uneven], [1, -1]).tocsr()
    affinity = path_graph(n)[0]
    with pytest.warns(UnresolvedHeatWarning):
        found = heat_distances(affinity, lengths, np.arange(n), 0.1)
    assert 0.01 < found.unresolved / n**2 < 0.5
    np.testing.assert_allclose(found.distances, found.distances.T, rtol=1e-7)
    with pytest.warns(UnresolvedHeatWarning):
        columns = heat_distances(affinity, lengths, [3, 59], 0.1, like=found)
    np.testing.assert_allclose(columns.distances, found.distances[:, [3, 59]], rtol=1e-7)


@pytest.mark.filterwarnings("error")
def test_mixed_heat_is_warned_of(graph):
    auto = all_distances(graph, "auto").t
    all_distances(graph, 4 * auto)
    with pytest.warns(UnresolvedHeatWarning, match=r"At t=4000 heat is mixed.*t='auto'"):
        found = all_distances(graph, [auto, 4000.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heat_distances(graph.affinity_, graph.distances_, [3], [auto, 4000.0], like=found)
    with pytest.raises(ValueError, match=r"t=1e\+12 takes more .* t='auto'"):
        all_distances(graph, 1e12)


def test_too_much_correction_is_warned_of(graph):
    with pytest.warns(
        UnresolvedHeatWarning, match=r"\d+% of the pairs.*volume_correction=3,.*0 to 1"
    ):
        found = all_distances(graph, 10.0, volume_correction=3.0)
    off = ~np.eye(60, dtype=bool)
    assert (found.distances[off] == 0.0).mean() > 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for correction in (0.0, 0.5, 1.0):
            all_distances(graph, 10.0, volume_correction=correction)


@pytest.mark.parametrize("scale", [1e-158, 1e153])
def test_denoising_holds_at_any_scale(graph, scale):
    one = heat_distances(graph.affinity_, graph.distances_, [0, 30], 10.0, denoise=1.0)
    other = heat_distances(graph.affinity_, scale * graph.distances_, [0, 30], 10.0, denoise=1.0)
    np.testing.assert_allclose(other.distances, scale * one.distances, rtol=1e-7)
    assert one.distances[0, 0] == one.distances[30, 1] == 0.0


def test_parts_without_a_path_are_as_far_as_the_farthest():
    affinity, lengths = path_graph(20)
    affinity[9, 10] = affinity[10, 9] = lengths[9, 10] = lengths[10, 9] = 0
    for matrix in (affinity, lengths):
        matrix[19, 18] = matrix[18, 19] = 0  # an isolated point
        matrix.eliminate_zeros()
    with pytest.warns(UnresolvedHeatWarning, match="no path joins.*disconnected='bridge'"):
        found = heat_distances(affinity, lengths, [0, 15, 19])
    assert np.isfinite(found.distances).all()
    assert found.distances[15, 0] == found.distances[:10].max()


def test_returns_of_heat_averaged_from_landmarks(monkeypatch):
    surface = make_sphere(300, random_state=3)
    graph = KNNGraph().fit(surface.data)
    rows = np.arange(0, 300, 3)
    exact = heat_distances(graph.affinity_, graph.distances_, rows, 20.0).distances
    monkeypatch.setattr(module, "EXACT_DIAGONAL", 100)
    averaged = heat_distances(graph.affinity_, graph.distances_, rows, 20.0).distances
    # An error e of log H_ii moves d² by σ² t e; e has a standard deviation of some .12 here.
    step = module.step_length(
        graph.affinity_, graph.distances_, module._mass(graph.affinity_, "normalized")
    )
    moved = np.abs(averaged**2 - exact**2) / (step**2 / 2 * 20.0)
    assert 0 < np.sqrt(np.mean(moved**2)) < 0.2
    # The bound of Cauchy and Schwarz leaves each point at zero from one landmark at most.
    others = np.setdiff1d(np.arange(300), rows)
    assert ((averaged[others] < 1e-6).sum(axis=1) <= 1).all()


@pytest.mark.parametrize("t", [10.0, [5.0, 10.0]])
def test_later_columns_take_the_volumes_of_the_first(graph, monkeypatch, t):
    monkeypatch.setattr(module, "EXACT_DIAGONAL", 10)
    rows = np.arange(0, 60, 4)
    first = heat_distances(graph.affinity_, graph.distances_, rows, t)
    assert first.diagonal.shape == (np.size(t), 60)
    later = heat_distances(graph.affinity_, graph.distances_, rows[[3, 7]], t)
    assert np.abs(later.distances - first.distances[:, [3, 7]]).max() > 1e-3
    later = heat_distances(graph.affinity_, graph.distances_, rows[[3, 7]], t, like=first)
    np.testing.assert_allclose(later.distances, first.distances[:, [3, 7]], rtol=1e-12)


def test_volumes_are_those_of_the_dense_kernel(graph):
    H = expm(-10.0 * laplacian(graph.affinity_).toarray())
    found = heat_distances(graph.affinity_, graph.distances_, [3], 10.0)
    np.testing.assert_allclose(found.diagonal, [H.diagonal()], rtol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_dimension_of_a_cube(dim):
    points = np.random.default_rng(dim).random((800, dim))
    assert intrinsic_dimension(KNNGraph().fit(points).distances_) == dim


def like(diagonal):
    return HeatDistances(None, None, 5.0, 0, diagonal, None, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": 0.0}, "t must be positive"),
        ({"t": [1.0, -1.0]}, "t must be positive"),
        ({"t": np.nan}, "t must be positive"),
        ({"t": []}, "t must be positive"),
        ({"t": "best"}, "t must be 'auto'"),
        ({"landmarks": []}, "landmarks must be"),
        ({"landmarks": [0.5]}, "landmarks must be"),
        ({"landmarks": [60]}, "from 0 to 59"),
        ({"landmarks": [1, 1]}, "twice"),
        ({"laplacian": "random_walk"}, "'normalized' or 'combinatorial'"),
        ({"units": "m"}, "units must be"),
        ({"volume_correction": -1.0}, "volume_correction must be"),
        ({"denoise": 1.5}, "denoise must lie"),
        ({"floor": 0.0}, "floor must lie"),
        ({"intrinsic_dim": 0}, "intrinsic_dim must be"),
        ({"like": like(np.ones(60))}, r"shape \(1, 60\), got shape \(60,\)"),
        ({"like": like(np.zeros((1, 60)))}, "positive numbers"),
        ({"lengths": sp.identity(3)}, r"lengths has shape \(3, 3\)"),
        ({"lengths": sp.csr_matrix((60, 60))}, "lengths has no edges"),
        ({"lengths": sp.diags([1.0, 1.0], [-1, 1], shape=(60, 60))}, "the same edges"),
        ({"affinity": -np.eye(60)}, "not negative"),
        ({"affinity": np.triu(np.ones((60, 60)))}, "not symmetric"),
        ({"affinity": np.full((60, 60), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_named(graph, change, message):
    given = {
        "affinity": graph.affinity_,
        "lengths": graph.distances_,
        "landmarks": [0, 1],
        "t": 5.0,
    } | change
    with pytest.raises(ValueError, match=message):
        heat_distances(**given)

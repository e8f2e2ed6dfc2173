"""Connection Laplacians against spectra of manifolds, and against a change of frames."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab.datasets import make_clifford_torus, make_sphere
from kernlab.graph import KNNGraph, connection_laplacian, laplacian, tangent_frames
from kernlab.linalg import smallest_eigenpairs


def framed(points, n_neighbors=15, **options):
    graph = KNNGraph(n_neighbors).fit(points)
    distances, neighbors = graph.kneighbors(n_neighbors=3 * n_neighbors // 2)
    return graph.affinity_, tangent_frames(points, neighbors, distances, **options)


def random_rotations(rng, n, d):
    q, r = np.linalg.qr(rng.normal(size=(n, d, d)))
    return q * np.sign(np.einsum("nii->ni", r))[:, None]


def test_the_spectrum_of_the_sphere():
    points = make_sphere(1500, random_state=0).data
    affinity, frames = framed(points)
    assert frames.shape == (1500, 3, 2)
    normals = np.cross(frames[:, :, 0], frames[:, :, 1])
    # Frames are exact to the curvature and asymmetry of neighbourhoods: of radius about 0.24.
    assert np.abs(np.einsum("nf,nf->n", normals, points)).min() > 0.97
    fields, _ = smallest_eigenpairs(connection_laplacian(affinity, frames), 24, random_state=0)
    functions, _ = smallest_eigenpairs(laplacian(affinity), 4, random_state=0)
    # l(l+1) - 1 for vectors, 1, 5, 11, of multiplicities 6, 10, 14 and 2 l (l+1) / 2 = 2 of
    # functions at l = 1. A random graph of this size splits and shifts levels by several percent,
    # the higher the more.
    first, second, third = fields[:6].mean(), fields[6:16].mean(), fields[16:24].mean()
    assert second / first == pytest.approx(5, rel=0.04)
    assert third / first == pytest.approx(11, rel=0.12)
    assert first / functions[1:].mean() == pytest.approx(0.5, rel=0.02)
    assert fields[5] < 0.3 * fields[6]
    assert fields[15] < 0.7 * fields[16]


def test_the_flat_torus_has_two_parallel_fields():
    affinity, frames = framed(make_clifford_torus(900, random_state=0).data)
    assert frames.shape == (900, 4, 2)
    values, _ = smallest_eigenpairs(connection_laplacian(affinity, frames), 3, random_state=0)
    assert values[1] < 1e-2 * values[2]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["normalized", "combinatorial"]))
def test_the_choice_of_frames_is_a_change_of_coordinates(seed, kind):
    rng = np.random.default_rng(seed)
    points = (
        np.column_stack([rng.uniform(size=(40, 2)), np.zeros(40)]) @ random_rotations(rng, 1, 3)[0]
    )
    affinity, frames = framed(points, 6)
    turns = random_rotations(rng, 40, 2)
    L = connection_laplacian(affinity, frames, kind).toarray()
    turned = connection_laplacian(affinity, frames @ turns, kind).toarray()
    change = sp.block_diag(list(turns)).toarray()
    np.testing.assert_allclose(change.T @ L @ change, turned, atol=1e-12)
    np.testing.assert_array_equal(L, L.T)
    # A plane is flat: its fields are two functions.
    expected = np.repeat(np.linalg.eigvalsh(laplacian(affinity, kind).toarray()), 2)
    np.testing.assert_allclose(np.linalg.eigvalsh(L), expected, atol=1e-12)


def test_the_dimension_found():
    rng = np.random.default_rng(0)
    sheet = np.column_stack([rng.uniform(size=(300, 2)), 0.01 * rng.normal(size=(300, 3))])
    assert framed(sheet)[1].shape == (300, 5, 2)
    assert framed(sheet, intrinsic_dim=3)[1].shape == (300, 5, 3)
    assert framed(1e150 * sheet)[1].shape == (300, 5, 2)
    assert framed(1e-150 * sheet + 0.0)[1].shape == (300, 5, 2)


def test_coincident_points_have_frames():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(30, 2)), np.zeros((40, 2))])
    affinity, frames = framed(points, 10, intrinsic_dim=2)
    np.testing.assert_allclose(
        frames.transpose(0, 2, 1) @ frames, np.tile(np.eye(2), (70, 1, 1)), atol=1e-12
    )
    assert np.isfinite(connection_laplacian(affinity, frames).data).all()


def test_bad_input():
    points = np.random.default_rng(0).normal(size=(20, 2))
    affinity, frames = framed(points, 5)
    for dim in (0, 3, 1.5, "two"):
        with pytest.raises(ValueError, match="intrinsic_dim"):
            framed(points, 5, intrinsic_dim=dim)
    with pytest.raises(ValueError, match="random_walk"):
        connection_laplacian(affinity, frames, "random_walk")
    with pytest.raises(ValueError, match="19 nodes and affinity 20"):
        connection_laplacian(affinity, frames[:-1])


def test_bad_input_is_named():
    points = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.1]]
    neighbors, distances = [[1, 2], [0, 2], [1, 0]], [[1.0, 2.0], [1.0, 1.0], [1.0, 2.0]]
    frames = tangent_frames(points, neighbors, distances, intrinsic_dim=1)  # lists will do
    assert frames.shape == (3, 2, 1)
    for arguments, message in (
        (([1.0, 2.0], neighbors, distances), "points has shape"),
        (([[np.nan, 0.0]] * 3, neighbors, distances), "points hold NaN"),
        ((points, neighbors, np.full((3, 2), np.inf)), "distances hold NaN or infinity"),
        ((points, neighbors, [[1.0]] * 3), "must have one shape"),
        ((points, neighbors[:2], distances[:2]), "a row for each of the 3"),
        ((points, [[1, 3]] * 3, distances), "integers from 0 to 2"),
        ((points, [[0.5, 1.0]] * 3, distances), "integers from 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            tangent_frames(*arguments)
    with pytest.raises(ValueError, match="queries have 3 features and points 2"):
        tangent_frames(points, neighbors, distances, queries=np.zeros((3, 3)))
    path = [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="frames has shape"):
        connection_laplacian(path, np.eye(3))
    with pytest.raises(ValueError, match="frames hold NaN"):
        connection_laplacian(path, np.full((3, 2, 1), np.nan))
    assert connection_laplacian(path, frames.tolist()).shape == (3, 3)

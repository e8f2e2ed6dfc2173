"""Kernels to distances and back, against their definitions."""

import numpy as np
import pytest

from kernlab.graph import distance_to_kernel, kernel_to_distance


def kernel(n=7, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points @ points.T, points


def test_half_the_squared_distance_of_features():
    K, points = kernel()
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    # A few sums of numbers of size 10.
    np.testing.assert_allclose(kernel_to_distance(K), squares / 2, atol=1e-14)
    rooted = kernel_to_distance(K, sqrt=True)
    np.testing.assert_allclose(rooted, np.sqrt(squares / 2), atol=1e-7)
    assert (rooted == rooted.T).all()


def test_constants_of_rows_and_columns_do_not_matter():
    K, _ = kernel()
    rows, columns = np.random.default_rng(1).normal(size=(2, 7))
    moved = K + rows[:, None] + columns
    np.testing.assert_allclose(kernel_to_distance(moved), kernel_to_distance(K), atol=1e-13)


def test_there_and_back():
    K, _ = kernel()
    H = np.eye(7) - 1 / 7
    D = kernel_to_distance(K)
    np.testing.assert_allclose(distance_to_kernel(2 * D), H @ K @ H, atol=1e-14)
    np.testing.assert_allclose(distance_to_kernel(D), -0.5 * H @ D @ H, atol=1e-14)
    np.testing.assert_allclose(kernel_to_distance(distance_to_kernel(D)), D / 2, atol=1e-14)


def test_types_and_what_is_given_stay():
    K, _ = kernel()
    K.setflags(write=False)
    assert kernel_to_distance(K.astype(np.float32)).dtype == np.float32
    assert distance_to_kernel([[0, 2], [2, 0]]).dtype == np.float64
    assert kernel_to_distance(K).flags.writeable


@pytest.mark.parametrize(
    ("function", "matrix", "message"),
    [
        (kernel_to_distance, np.ones((2, 3)), r"kernel has shape \(2, 3\)"),
        (kernel_to_distance, [[1, np.nan], [0, 1]], "kernel holds NaN"),
        (lambda K: kernel_to_distance(K, sqrt=True), [[1, 2], [2, 1]], "no root; pass sqrt=False"),
        (distance_to_kernel, [[0, 1], [2, 0]], "distance is not symmetric"),
        (distance_to_kernel, [[0, np.inf], [np.inf, 0]], "distance holds NaN or inf"),
    ],
)
def test_bad_input_is_refused(function, matrix, message):
    with pytest.raises(ValueError, match=message):
        function(matrix)

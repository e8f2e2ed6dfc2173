"""Laplacians against their dense definitions."""

import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.graph import laplacian


def weights(n_nodes=30, seed=0):
    """Random weights; the last node is isolated."""
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((n_nodes, n_nodes)) * (rng.random((n_nodes, n_nodes)) < 0.3), 1)
    W[:, -1] = 0
    return W + W.T


def dense(W, kind):
    degrees = W.sum(axis=1)
    linked = degrees > 0
    inverse = np.divide(1.0, degrees, out=np.zeros_like(degrees), where=linked)
    if kind == "combinatorial":
        return np.diag(degrees) - W
    if kind == "random_walk":
        return np.diag(linked.astype(float)) - inverse[:, None] * W
    return np.diag(linked.astype(float)) - np.sqrt(np.outer(inverse, inverse)) * W


@pytest.mark.parametrize("kind", ["normalized", "combinatorial", "random_walk"])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix, sp.coo_array, np.ndarray.tolist])
def test_the_definition(kind, convert):
    W = weights()
    L = laplacian(convert(W), kind)
    assert L.format == "csr"
    assert L.dtype == np.float64
    assert L.has_canonical_format
    np.testing.assert_allclose(L.toarray(), dense(W, kind), atol=1e-14)
    assert abs(L[-1]).sum() == abs(L[:, -1]).sum() == 0
    assert len(L.diagonal()) == (L.tocoo().row == L.tocoo().col).sum()


def test_spectrum_and_symmetry():
    W = sp.csr_matrix(weights())
    L = laplacian(W)
    assert (L != L.T).nnz == 0
    values = np.linalg.eigvalsh(L.toarray())
    # Rounding of an eigenvalue in [0, 2].
    assert values.min() > -1e-14
    assert values.max() <= 2 + 1e-14
    walk = np.linalg.eigvals(laplacian(W, "random_walk").toarray())
    np.testing.assert_allclose(np.sort(walk.real), np.sort(values), atol=1e-12)
    assert np.abs(laplacian(W, "combinatorial").sum(axis=1)).max() < 1e-13


@pytest.mark.parametrize("scale", [1e-300, 1e300])
@pytest.mark.parametrize("kind", ["normalized", "random_walk"])
def test_scale_of_the_weights_is_no_matter(kind, scale):
    W = weights()
    scaled = laplacian(W * scale, kind).toarray()
    np.testing.assert_allclose(scaled, dense(W, kind), atol=1e-14)


def test_the_affinity_is_left_as_it_was():
    W = sp.csr_matrix(weights())
    before = W.copy()
    laplacian(W)
    assert abs(W - before).nnz == 0


@pytest.mark.parametrize(
    ("affinity", "kind", "message"),
    [
        (np.ones((2, 3)), "normalized", "square table"),
        (np.ones(3), "normalized", "square table"),
        ([[0, np.nan], [np.nan, 0]], "normalized", "NaN or infinity"),
        ([[0, -1], [-1, 0]], "normalized", "negative weight -1"),
        ([[0, 1], [2, 0]], "normalized", r"not symmetric.*affinity \+ affinity.T"),
        ([[0, 1], [1, 0]], "signless", "kind='signless' is no Laplacian"),
        ([[0, 1e308, 1e308], [1e308, 0, 1], [1e308, 1, 0]], "normalized", "largest float"),
    ],
)
def test_bad_input_is_refused(affinity, kind, message):
    with pytest.raises(ValueError, match=message):
        laplacian(affinity, kind)

"""The search finds the sensitivity of maps whose worst record is known, and their mistakes."""

from fractions import Fraction

import numpy as np
import pytest
import sklearn

from kernlab.privacy._worst_record import worst_record

GRID = 2**12


def clipped(X):
    """Coordinates of [-1, 1] on a grid; NaN in the middle."""
    return np.rint(GRID * np.clip(np.nan_to_num(X, nan=0.0), -1, 1)).astype(np.int64)


def hats(X, levels=6):
    """Offset and hierarchical hats of [0, 1]: |x - ½| and a triangle wave for each level."""
    x = np.clip(np.nan_to_num(X, nan=0.5, posinf=1.0, neginf=0.0), 0, 1)
    grid = np.rint(x * GRID).astype(np.int64)
    columns = [2 * grid - GRID]
    for level in range(levels):
        width = GRID >> level
        inside = grid % width
        columns.append(np.minimum(inside, width - inside))
    return np.concatenate(columns, axis=1)


def spectral(X):
    frequencies = np.random.default_rng(1).normal(size=(X.shape[1], 24))
    phase = np.nan_to_num(np.clip(X, -10, 10), nan=0.0) @ frequencies
    return np.rint(GRID * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)).astype(np.int64)


def test_sensitivity_of_coordinates_is_found_exactly(rng):
    scales = [3, Fraction(7, 2), 5.0, np.int64(7)]
    candidates = rng.uniform(-0.1, 0.1, (50, 4))
    exact = sum(Fraction(GRID) / Fraction(t) for t in (3, Fraction(7, 2), 5, 7))
    assert worst_record(clipped, candidates, scales).value == exact
    squares = sum((Fraction(GRID) / Fraction(t)) ** 2 for t in (3, Fraction(7, 2), 5, 7))
    assert worst_record(clipped, candidates, scales, norm="l2").value == squares
    replaced = worst_record(clipped, candidates, scales, adjacency="replace")
    assert replaced.value == 2 * exact
    one, other = replaced.records
    assert np.all(clipped(one[None]) == -clipped(other[None]))


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("adjacency", ["add-remove", "replace"])
def test_search_of_hats_is_as_good_as_enumeration(rng, norm, adjacency):
    """Three coordinates that do not touch: the largest of all grid points, three times."""
    power = 1 if norm == "l1" else 2
    scales = np.array([2.0 ** (9 - level // 2) for level in range(7)])
    vectors = hats(np.arange(GRID + 1)[:, None] / GRID)
    if adjacency == "add-remove":
        largest = np.max(np.sum((np.abs(vectors) / scales) ** power, axis=1))
    else:
        some = vectors[:: GRID // 512]  # pairs of every eighth point, a lower bound
        largest = max(np.max(np.sum((np.abs(some - v) / scales) ** power, axis=1)) for v in some)
    found = worst_record(
        hats, rng.random((200, 3)), np.repeat(scales, 3), norm=norm, adjacency=adjacency
    )
    if adjacency == "add-remove":
        assert float(found.value) == 3 * largest  # powers of two throughout: exact
    else:
        assert float(found.value) >= 0.99 * 3 * largest


def test_spectral_features_stay_below_their_bound_and_come_near(rng):
    """|cos| + |sin| <= √2 for each of 24 frequencies, and a rounding of each by ½."""
    candidates = rng.uniform(-3, 3, (3000, 4))
    bound = 24 * (np.sqrt(2) * GRID + 1)
    found = worst_record(spectral, candidates, np.ones(48))
    assert 0.85 * bound <= float(found.value) <= bound
    replaced = worst_record(spectral, candidates, np.ones(48), adjacency="replace")
    vectors = spectral(candidates[:400])
    some = max(np.max(np.sum(np.abs(vectors - v), axis=1)) for v in vectors)
    assert some < replaced.value <= 2 * bound


def test_climbing_improves_on_the_candidates(rng):
    candidates = rng.uniform(-3, 3, (300, 4))
    of_candidates = np.max(np.sum(np.abs(spectral(candidates)), axis=1))
    assert worst_record(spectral, candidates, np.ones(48)).value > of_candidates


@pytest.mark.parametrize("hidden", [np.nan, np.inf, -np.inf, 5e-324, -0.0, np.finfo(float).max])
def test_one_forgotten_value_in_one_coordinate_is_found(rng, hidden):
    """A map that forgets to clip, but for that single value in the third coordinate."""

    def careless(X):
        vectors = clipped(X)
        column = X[:, 2]
        same = np.isnan(column) if np.isnan(hidden) else column == hidden
        same &= np.signbit(column) == np.signbit(hidden)
        vectors[same, 2] = 100 * GRID
        return vectors

    found = worst_record(careless, rng.uniform(-1, 1, (20, 5)), [1] * 5)
    assert found.value == 104 * GRID
    assert careless(found.records[0][None]).sum() >= 96 * GRID


def test_same_seed_same_record(rng):
    candidates = rng.uniform(-3, 3, (100, 4))
    one, two = (worst_record(spectral, candidates, np.ones(48), seed=5) for _ in range(2))
    assert one.value == two.value
    assert one.n_evaluated == two.n_evaluated > 1000
    np.testing.assert_array_equal(one.records[0], two.records[0])
    with sklearn.config_context(working_memory=1e-2):  # the same in small chunks
        assert worst_record(spectral, candidates, np.ones(48), seed=5).value == one.value


def test_huge_and_unknown_boxes():
    largest = np.finfo(np.float64).max
    wide = np.array([[largest, np.nan], [-largest, np.inf]])
    assert worst_record(clipped, wide, [1, 1]).value == 2 * GRID


def test_bad_input():
    good = np.zeros((3, 2))
    with pytest.raises(ValueError, match="norm must be"):
        worst_record(clipped, good, [1, 1], norm="max")
    with pytest.raises(ValueError, match="adjacency must be"):
        worst_record(clipped, good, [1, 1], adjacency="both")
    with pytest.raises(ValueError, match="candidates must have shape"):
        worst_record(clipped, np.zeros(3), [1, 1])
    for scales in ([], [1, 0], [1, -1.0], [1, np.nan], [np.inf, 1]):
        with pytest.raises(ValueError, match="scales must be positive"):
            worst_record(clipped, good, scales)
    with pytest.raises(ValueError, match=r"returned shape .* 3 scales"):
        worst_record(clipped, good, [1, 1, 1])
    with pytest.raises(TypeError, match="must return integers, got float64"):
        worst_record(lambda X: np.zeros(X.shape), good, [1, 1])

"""Integer features: bounds, strictness, and agreement with kernels."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernlab._core import fastmath, jit, revision
from kernlab.privacy import _phases_numba, _race_numba
from kernlab.privacy._frequencies import (
    DenseFrequencies,
    compose,
    draw_frequencies,
    draw_projection,
)
from kernlab.privacy._spectral import (
    evaluate,
    phase_tables,
    query_noise_deviation,
    record_features,
    sum_features,
)

MODES = ("orthogonal", "iid", "sorf")


def _draw(mode, n_features=150, dim=7, seed=1):
    rng = np.random.default_rng(seed)
    return draw_frequencies("gaussian", n_features, dim, bandwidth=1.5, features=mode, rng=rng)


@pytest.fixture(params=MODES)
def frequencies(request):
    return _draw(request.param)


@pytest.mark.parametrize(("bits_phase", "bits_value"), [(12, 15), (2, 1), (5, 3), (14, 20)])
def test_table_entries_keep_their_bounds_exactly(bits_phase, bits_value):
    tables = phase_tables(bits_phase, bits_value)
    assert tables.cos.size == tables.sin.size == 2**bits_phase
    for c, s in zip(tables.cos.tolist(), tables.sin.tolist(), strict=True):
        # In integers of unlimited length: (|c| + |s|)² <= 2 · 4**bits says |c| + |s| <= √2·2**bits.
        assert (abs(c) + abs(s)) ** 2 <= 2 * 4**bits_value
        assert abs(c) + abs(s) <= tables.l1_bound
        assert c * c + s * s <= 4**bits_value
    angle = 2 * np.pi * np.arange(2**bits_phase) / 2**bits_phase
    # Half a unit of rounding, and at most one of shrinking.
    assert np.abs(tables.cos - 2**bits_value * np.cos(angle)).max() <= 1.5
    assert np.abs(tables.sin - 2**bits_value * np.sin(angle)).max() <= 1.5


@pytest.mark.parametrize("bits", [(1, 15), (17, 15), (12, 0), (12, 21)])
def test_tables_of_sizes_that_would_overflow_are_refused(bits):
    with pytest.raises(ValueError, match="bits_phase"):
        phase_tables(*bits)


def test_features_are_the_rounded_cosines_and_sines(rng, frequencies):
    X = rng.normal(size=(40, 7))
    tables = phase_tables()
    features = record_features(X, frequencies)
    phases = X @ frequencies.matrix
    exact = np.hstack([np.cos(phases), np.sin(phases)])
    # Half a step of phase, and 1.5 units of value.
    bound = np.pi / 2**tables.bits_phase + 1.5 / 2**tables.bits_value
    assert np.abs(features / 2**tables.bits_value - exact).max() <= bound * (1 + 1e-9)


def test_a_record_adds_the_same_whatever_its_neighbours_and_place(rng, frequencies):
    X = rng.normal(size=(101, 7)) * 10.0 ** rng.integers(-3, 6, (101, 1))
    alone = record_features(X, frequencies)
    # Batches that start and end anywhere in the tiles of 4 and of 16 records.
    for start in range(6):
        for size in (2, 3, 4, 5, 15, 16, 17, 95):
            batch = slice(start, start + size)
            np.testing.assert_array_equal(
                sum_features(X[batch], frequencies), alone[batch].sum(axis=0)
            )


@pytest.mark.parametrize("mode", ["orthogonal", "sorf"])
def test_sums_are_those_of_the_records_whatever_threads_blocks_and_order(rng, mode, monkeypatch):
    # 300 frequencies are more than a tile, and 7 columns no multiple of the unrolled loop.
    frequencies = _draw(mode, n_features=300)
    X = rng.normal(size=(1003, 7))
    expected = record_features(X, frequencies).sum(axis=0)
    one = sum_features(X, frequencies, n_jobs=1)
    np.testing.assert_array_equal(one, expected)
    blocks = sum(sum_features(block, frequencies) for block in np.array_split(X, 9))
    np.testing.assert_array_equal(blocks, expected)
    monkeypatch.setattr("kernlab.privacy._spectral._slice_size", lambda dim, tables: 33)
    shuffled = sum_features(X[rng.permutation(len(X))], frequencies, n_jobs=2)
    np.testing.assert_array_equal(shuffled, expected)


def test_packed_sums_do_not_overflow_at_the_longest_slice():
    # Every record has the phase zero: cosines add up to the most a slice can hold.
    frequencies = _draw("iid", n_features=3, dim=1)
    n = 2**15 + 5
    sums = sum_features(np.zeros((n, 1)), frequencies, n_jobs=1)
    np.testing.assert_array_equal(sums, [n * 2**15] * 3 + [0] * 3)


def test_a_single_precision_record_gives_the_integers_of_its_value(rng, frequencies):
    X = rng.normal(size=(9, 7)).astype(np.float32)
    expected = record_features(X.astype(np.float64), frequencies)
    np.testing.assert_array_equal(record_features(X, frequencies), expected)
    np.testing.assert_array_equal(sum_features(X, frequencies), expected.sum(axis=0))


def test_numbers_that_are_not_finite_count_as_zero(rng, frequencies):
    X = rng.normal(size=(6, 7))
    zeroed = X.copy()
    X[0, 3], X[2, 0], X[5] = np.nan, -np.inf, np.inf
    zeroed[0, 3] = zeroed[2, 0] = zeroed[5] = 0.0
    np.testing.assert_array_equal(
        record_features(X, frequencies), record_features(zeroed, frequencies)
    )
    np.testing.assert_array_equal(sum_features(X, frequencies), sum_features(zeroed, frequencies))


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=30, deadline=None)
@given(
    X=hnp.arrays(
        np.float64, (5, 7), elements=st.floats(width=64, allow_nan=True, allow_infinity=True)
    )
)
def test_any_record_keeps_the_sensitivity(mode, X):
    frequencies = _draw(mode)
    features = record_features(X, frequencies)
    tables, m = phase_tables(), frequencies.n_features
    assert np.abs(features).sum(axis=1).max() <= tables.l1_sensitivity(m)
    assert (features**2).sum(axis=1).max() <= tables.squared_l2_sensitivity(m)
    np.testing.assert_array_equal(sum_features(X, frequencies), features.sum(axis=0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("unit", [2.0**-498, 2.0**498])
def test_powers_of_two_change_no_integer(rng, mode, unit):
    X = rng.normal(size=(9, 7))
    scaled = draw_frequencies(
        "gaussian", 150, 7, bandwidth=1.5 * unit, features=mode, rng=np.random.default_rng(1)
    )
    np.testing.assert_array_equal(
        record_features(X * unit, scaled), record_features(X, _draw(mode))
    )


def test_no_records_give_zeros(frequencies):
    sums = sum_features(np.empty((0, 7)), frequencies)
    assert sums.dtype == np.int64
    np.testing.assert_array_equal(sums, np.zeros(300))


def test_strict_arithmetic_is_compiled_without_contraction(frequencies):
    X = np.zeros((1, 7))
    sum_features(X, frequencies)
    compiled = _phases_numba._dense_steps
    assert not compiled.targetoptions.get("fastmath")
    assert not _phases_numba._structured_steps.targetoptions.get("fastmath")
    assert not _phases_numba._hadamard.targetoptions.get("fastmath")


@pytest.mark.parametrize("n_queries", [1, 5, 700])
def test_queries_are_the_cosine_sums(rng, frequencies, n_queries):
    statistics = rng.integers(-(2**30), 2**30, 300)
    Y = rng.normal(size=(n_queries, 7)) * 10.0 ** rng.integers(-2, 3, (n_queries, 1))
    phases = Y @ frequencies.matrix
    m = frequencies.n_features
    expected = np.cos(phases) @ statistics[:m] + np.sin(phases) @ statistics[m:]
    # The polynomials' error, and the rounding of phases of up to some 1e4 radians.
    bound = (3e-11 + 1e-11) * np.abs(statistics).sum()
    for n_jobs in (1, 2):
        got = evaluate(statistics, frequencies, Y, n_jobs=n_jobs) * (m * 2.0**15)
        assert np.abs(got - expected).max() <= bound


def test_a_query_beyond_all_measure_gives_a_number(frequencies):
    statistics = np.arange(300)
    far = evaluate(statistics, frequencies, np.full((2, 7), 1e308))
    assert np.all(np.abs(far) <= np.abs(statistics).sum() / (150 * 2**15))


def test_structured_frequencies_are_their_dense_equivalent(rng):
    structured = _draw("sorf", n_features=200, dim=70)
    dense = DenseFrequencies(structured.matrix)
    X, Y = rng.normal(size=(60, 70)), rng.normal(size=(5, 70))
    difference = record_features(X, structured) - record_features(X, dense)
    # The two round phases differently in the last bits, so a few fall on the other side of half a
    # step: then cosine and sine move by no more than one step and the shrinking of a unit.
    assert np.mean(difference != 0) < 1e-3
    assert np.abs(difference).max() <= 2**15 * 2 * np.pi / 2**12 + 2
    statistics = sum_features(X, structured)
    np.testing.assert_allclose(
        evaluate(statistics, structured, Y),
        evaluate(statistics, dense, Y),
        atol=4e-11 * np.abs(statistics).sum() / (200 * 2**15),
    )


def test_projection_composes_into_the_frequencies(rng):
    projection = draw_projection(40, 12, rng)
    inner = draw_frequencies("gaussian", 64, 12, bandwidth=2.0, rng=rng)
    composed = compose(inner, projection)
    assert composed.matrix.shape == (40, 64)
    X = rng.normal(size=(30, 40))
    difference = record_features(X, composed) - record_features(X @ projection, inner)
    assert np.mean(difference != 0) < 1e-2
    # Squared distances in the mean: the relative deviation of one is √(2/12), of 435 pairs of 30
    # independent points and one projection less than that.
    z = X[:, None] - X
    ratio = ((z @ projection) ** 2).sum() / (z**2).sum()
    assert abs(ratio - 1) < 3 * np.sqrt(2 / 12)
    for reduce_dim in (0, 41):
        with pytest.raises(ValueError, match="reduce_dim"):
            draw_projection(40, reduce_dim, rng)


def test_noise_of_a_query_has_the_deviation_stated(rng):
    frequencies = _draw("orthogonal")
    noise = rng.normal(0.0, 7.0, (4000, 300))
    y = rng.normal(size=(1, 7))
    values = np.array([evaluate(row, frequencies, y)[0] for row in noise])
    # The relative standard error of a standard deviation from 4000 normal numbers is 1/√8000.
    assert abs(values.std() / query_noise_deviation(150, 7.0) - 1) < 4 / np.sqrt(8000)


def test_revision_stamp_of_inlined_code_is_current():
    current = revision.revision(fastmath, jit)
    for module in (_phases_numba, _race_numba):
        assert current == module.INLINED_REVISION, f"set INLINED_REVISION = {current!r}"

"""The line search finds the lines that are there, certifies them, and says where it cannot."""

import numpy as np
import pytest

from kernlab.pde import find_lines

TURN = 2 * np.pi


def three_tones(seed, gap, *, exactly=False):
    """Three random tones on [0, 2π], in which a bin is 1 rad, and their frequencies."""
    rng = np.random.default_rng(seed)
    while True:
        omega = np.sort(rng.uniform(3, 60, 3))
        if exactly:
            omega[1] = omega[0] + gap
        if np.diff(omega).min() >= gap:
            break
    size, phase = rng.uniform(0.1, 1, 3), rng.uniform(0, TURN, 3)
    # Of a second derivative: weights of ω² make the weak ones weaker.
    size = size * omega**2
    return lambda x: np.sin(np.multiply.outer(x, omega) + phase) @ size, omega


def test_three_tones_three_bins_apart_are_found_exactly():
    exact = 0
    for seed in range(100):
        signal, omega = three_tones(seed, 3)
        lines = find_lines(signal, 0, TURN)
        exact += (
            lines.certified
            and len(lines.frequencies) == 3
            and np.abs(lines.frequencies - omega).max() < 0.5
        )
    assert exact >= 95


@pytest.mark.parametrize("gap", [0.5, 1.0])
def test_tones_nearer_than_the_resolution_are_exact_or_said_not_to_be_separated(gap):
    for seed in range(5):
        signal, omega = three_tones(seed, gap, exactly=True)
        lines = find_lines(signal, 0, TURN)
        exact = len(lines.frequencies) == 3 and np.abs(lines.frequencies - omega).max() < 0.25
        assert exact or not lines.separated
        assert lines.separated == (not lines.bands)


@pytest.mark.parametrize(
    ("signal", "high", "expected"),
    [
        (lambda x: -1e4 * np.sin(100 * x), TURN, [100]),
        (lambda x: -np.sin(x) - 40 * np.sin(20 * x) - 500 * np.cos(100 * x), 1, [20, 100]),
        (lambda x: np.sin(6 * x) * np.cos(100 * x), TURN, [94, 106]),
        (lambda x: -25e4 * np.sin(500 * x) - 4, 1, [500]),
        (lambda x: np.sin(1e4 * x) + x, TURN, [1e4]),
        (lambda x: np.exp(3 * x), 1, []),
        (lambda x: np.zeros_like(x), 1, []),
        (lambda x: 3.0, 1, []),
    ],
)
def test_tones_of_known_equations(signal, high, expected):
    lines = find_lines(signal, 0, high)
    assert lines.certified
    assert lines.separated
    assert lines.residual < 1e-11
    np.testing.assert_allclose(lines.frequencies, expected, rtol=1e-9)


def test_a_varying_envelope_is_one_line_and_a_band():
    for frequency in (200.0, 200.3):
        lines = find_lines(lambda x, w=frequency: (x - 3) * np.sin(w * x) + x**2, 0, TURN)
        assert lines.certified
        np.testing.assert_allclose(lines.frequencies, [frequency], atol=0.5)
        assert not lines.separated
        ((low, high),) = lines.bands
        assert low < frequency < high


@pytest.mark.parametrize(
    "signal",
    [
        lambda x: np.sin(40 * np.exp(1.5 * x)),
        lambda x: np.abs(x - 0.3),
        lambda x: np.random.default_rng(0).standard_normal(x.shape),
    ],
    ids=["chirp", "kink", "noise"],
)
def test_what_has_no_lines_is_not_certified(signal):
    lines = find_lines(signal, 0, 1)
    assert not lines.certified
    assert lines.residual > 1e-8


def test_a_callable_is_checked_between_its_samples():
    # On 2048 regular points of [0, 1] these two agree; only the second is above their Nyquist.
    step = 1 / 2047
    alias = TURN / step - 700.0
    lines = find_lines(lambda x: np.cos(alias * x), 0, 1)
    np.testing.assert_allclose(lines.frequencies, [alias], rtol=1e-9)
    assert lines.n_samples > 2048
    limited = find_lines(lambda x: np.cos(alias * x), 0, 1, max_samples=2048)
    assert not limited.certified


def test_several_signals_share_a_list_each_at_its_own_scale():
    signals = [lambda x: 1e6 * np.sin(100 * x), lambda x: 1e-3 * np.cos(30 * x) + x * 0]
    lines = find_lines(signals, 0, TURN)
    assert lines.certified
    np.testing.assert_allclose(lines.frequencies, [30, 100], rtol=1e-9)
    x = np.linspace(0, TURN, 1024)
    same = find_lines(np.stack([f(x) for f in signals], axis=1), 0, TURN)
    np.testing.assert_allclose(same.frequencies, [30, 100], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scale_does_not_matter(scale):
    lines = find_lines(lambda x: scale * np.sin(50 * x), 0, TURN)
    assert lines.certified
    np.testing.assert_allclose(lines.frequencies, [50])


def test_noisy_samples_stop_at_the_noise(rng):
    x = np.sort(rng.uniform(0, TURN, 400))
    clean = 2 * np.sin(94 * x) + np.cos(106 * x) + 0.1 * x**2
    lines = find_lines(clean + 0.1 * rng.standard_normal(400), 0, TURN, points=x, noisy=True)
    # A frequency's standard error is √24 σ / (A T √n), here 0.004 for the weaker.
    np.testing.assert_allclose(lines.frequencies, [94, 106], atol=0.02)
    assert lines.certified
    # The standard deviation of 400 draws has a relative standard error of 1/√800.
    assert lines.noise[0] == pytest.approx(0.1, rel=5 / np.sqrt(800))


def test_pure_noise_has_no_lines():
    # One false alarm in a hundred: three or more of thirty have a probability of 0.3 %.
    found = 0
    for seed in range(30):
        noise = np.random.default_rng(seed).standard_normal(300)
        found += len(find_lines(noise, 0, 1, noisy=True).frequencies) > 0
    assert found <= 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.sin, 1, 0), {}, "low < high"),
        ((np.sin, 0, np.inf), {}, "finite"),
        ((lambda x: x * np.nan, 0, 1), {}, "must be finite"),
        ((lambda x: np.ones(3), 0, 1), {}, "shape"),
        ((lambda x: np.exp(1j * x), 0, 1), {}, "real"),
        (([1.0], 0, 1), {}, "at least 2 samples"),
        (([1.0, np.inf, 2.0], 0, 1), {}, "must be finite"),
        (([1.0, 2.0], 0, 1), {"points": [0.5]}, "points must have shape"),
        (([1.0, 2.0], 0, 1), {"points": [0.5, 1.5]}, "within"),
        ((np.sin, 0, 1), {"tol": -1.0}, "tol"),
        ((np.sin, 0, 1), {"n_samples": 4}, "n_samples"),
        ((np.sin, 0, 1), {"max_lines": -1}, "max_lines"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        find_lines(*arguments, **options)


def test_samples_that_are_repeated_are_not_taken_for_an_alias():
    # On 40 regular points a line of 9.7 is one of 2π·40 - 9.7 as well.
    points = np.tile((np.arange(40) + 0.5) / 40, 5)
    rng = np.random.default_rng(0)
    values = np.sin(9.7 * points + 0.4) + 0.1 * rng.standard_normal(200)
    lines = find_lines(values, 0.0, 1.0, points=points, noisy=True)
    assert np.all(lines.frequencies <= 40 * np.pi)

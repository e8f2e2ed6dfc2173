"""The state of a line search: what is found so far, and what it leaves."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import scipy.fft
from scipy.stats import gamma

from kernlab.pde._features import envelope as polynomials
from kernlab.pde._features import modulated

# In bins of 2π / (high - low). A window of Hann cannot tell two peaks nearer than BLUR; lines at
# least RESOLUTION apart are found one by one.
BLUR, RESOLUTION = 1.6, 3.0
# Modes of the trend and of every line to begin with: a pure tone.
LEAST_TREND = 2
# Lines with envelopes, at most; of more a polynomial is the better basis.
MAX_WIDE = 4
# Rows of a least-squares problem, at most: enough for every column that max_lines permits.
MAX_ROWS = 8192
# Chance that white noise alone passes for a line.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class Lines:
    """Lines of one or several signals.

    Attributes
    ----------
    frequencies : array of shape (n_lines,)
        Angular frequencies in radians per unit, ascending. Empty where a polynomial is enough.
    residual : float
        Root mean square of what trend, lines and envelopes leave of a signal, relative to the
        signal's own, the worst signal; off the grid too where a callable was given.
    certified : bool
        Whether the residual is below the tolerance, or rounding where that is more; for noisy
        signals, whether what is left cannot be told from white noise.
    separated : bool
        Whether every line is a pure tone, found by itself. Otherwise ``bands`` says where not.
    bands : tuple of (float, float)
        Intervals of frequency whose content is not resolved in tones: an envelope that varies, or
        lines nearer than ``resolution``. ``frequencies`` holds their middles.
    resolution : float
        Three bins of 2π / (high - low), in radians per unit.
    n_samples : int
        Samples of each signal that were used, without those that check the residual.
    noise : array of shape (n_signals,)
        Estimated standard deviation of the noise, in the signals' units; zero unless sought.
    """

    frequencies: np.ndarray
    residual: float
    certified: bool
    separated: bool
    bands: tuple
    resolution: float
    n_samples: int
    noise: np.ndarray = field(repr=False)


class LineSearch:
    """State of one search: lines, each with its number of modes, and the residual they leave."""

    def __init__(
        self, x, y, low, high, max_frequency, *, tol, noisy, max_lines, envelope, trend
    ):  # fmt: skip
        self.low, self.high, self.bin = low, high, 2 * np.pi / (high - low)
        self.x, self.noisy, self.tol, self.max_lines = x, noisy, tol, max_lines
        # What is some rounding of the largest signal is no signal.
        peak = np.abs(y).max(axis=0)
        self.used = peak > 1e-13 * peak.max(initial=0.0)
        y = y[:, self.used] / peak[self.used]
        self.scale = peak[self.used] * np.linalg.norm(y, axis=0) / np.sqrt(len(x))
        self.n_signals = len(self.used)
        self.y = y / np.linalg.norm(y, axis=0)
        # No more columns than leave the residual a meaning.
        self.max_columns = len(x) // 2
        self.envelope, self.trend_limit = envelope, max(trend, LEAST_TREND)
        self.trend = min(LEAST_TREND, self.max_columns)
        self.frequencies, self.modes = [], []
        self._prepare_spectrum(max_frequency)

    def _prepare_spectrum(self, max_frequency):
        n = len(self.x)
        if max_frequency is None:
            self.window = np.hanning(n)
            self.n_fft = scipy.fft.next_fast_len(2 * n, real=True)
            step = (self.high - self.low) / (n - 1)
            self.axis = 2 * np.pi * np.fft.rfftfreq(self.n_fft, step)
            self.transform = None
        else:
            # Random points have no aliases, and their side lobes are noise that no window mends.
            self.window = np.ones(n)
            self.axis = np.arange(0, max_frequency + self.bin / 2, self.bin / 2)
            self.transform = (self.x - self.low, len(self.axis))

    def _power(self, signals):
        signals = signals * self.window[:, None]
        if self.transform is None:
            spectrum = scipy.fft.rfft(signals, self.n_fft, axis=0)
        else:
            # Powers of one turn, in blocks: no table of len(axis) rows and len(x) columns.
            offset, m = self.transform
            spectrum = np.empty((m, signals.shape[1]), dtype=complex)
            for start in range(0, m, 256):
                phase = np.outer(self.axis[start : start + 256], offset)
                spectrum[start : start + 256] = np.exp(-1j * phase) @ signals
        return spectrum.real**2 + spectrum.imag**2

    @property
    def tolerance(self):
        top = max(self.frequencies, default=0.0)
        rounding = np.finfo(float).eps * top * max(abs(self.low), abs(self.high))
        return max(self.tol, rounding)

    @property
    def done(self):
        if not self.noisy:
            return self.residual <= self.tolerance
        free = len(self.x) - self._n_columns()
        rounding = 1e-13
        if free < 1 or self.residual < rounding:
            return True
        variance = (self.rest**2).sum(axis=0) / free
        variance = np.maximum(variance, np.finfo(float).tiny)
        chance = FALSE_ALARM / (len(self.axis) / 2)
        ratio = (self._power(self.rest) / (variance * (self.window**2).sum())).sum(axis=1)
        return ratio.max() < gamma.isf(chance, self.y.shape[1])

    def run(self):
        self._fit()
        while self.y.shape[1] and not self.done:
            state = self.trend, self.frequencies.copy(), self.modes.copy()
            if not self._grow() or self._n_columns() > self.max_columns:
                self.trend, self.frequencies, self.modes = state
                self._fit()
                return
            self._refine(4)
            self._settle()
            # Tones of equal size leave the residual large until the last is found: only lines that
            # need envelopes tell that the signal is none of lines, as a chirp or a kink.
            if not self.done and sum(modes > 1 for modes in self.modes) > MAX_WIDE:
                return
        self._prune()

    def _n_columns(self):
        return self.trend + 2 * sum(self.modes)

    def _peak(self):
        power = self._power(self.rest).sum(axis=1)
        i = int(power.argmax())
        if 0 < i < len(power) - 1 and power[i - 1 : i + 2].min() > 0:
            a, b, c = np.log(power[i - 1 : i + 2])
            bend = a - 2 * b + c
            shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
            return self.axis[i] + np.clip(shift, -0.5, 0.5) * (self.axis[1] - self.axis[0])
        return self.axis[i]

    def _grow(self):
        """A new line at the residual's peak, or more modes for what is there already."""
        peak = self._peak()
        if peak < BLUR * self.bin and self.trend < self.trend_limit:
            more = 2 * self.trend if self.noisy else self.trend_limit
            self.trend = min(more, self.trend_limit)
            return True
        if self.frequencies:
            nearest = int(np.abs(np.array(self.frequencies) - peak).argmin())
            if abs(self.frequencies[nearest] - peak) < BLUR * self.bin:
                modes = self.modes[nearest]
                if modes < self.envelope:
                    self.modes[nearest] = self._wider(modes)
                    if not self.noisy:
                        # What is left of a slow trend would pull at the line's middle.
                        self.trend = self.trend_limit
                    for _ in range(2):
                        self._fit()
                        self._centre(nearest)
                    return True
                if abs(self.frequencies[nearest] - peak) < 0.3 * self.bin:
                    return False
        if len(self.frequencies) >= self.max_lines:
            return False
        if not self.noisy and self.trend > LEAST_TREND and peak < self.trend / 2 * self.bin:
            # Near the band of the trend itself: perhaps what it leaves of a slow tone.
            state = self.trend, self.frequencies.copy(), self.modes.copy()
            self.trend = LEAST_TREND
            self.frequencies.append(self.bin)
            self.modes.append(1)
            self._refine(8)
            if self.done:
                return True
            self.trend, self.frequencies, self.modes = state
        # A line at zero is the trend.
        self.frequencies.append(max(peak, 0.25 * self.bin))
        self.modes.append(1)
        return True

    def _wider(self, modes):
        # Noise hides the higher modes: there, as few as explain the residual.
        return min(2 * modes + 1, self.envelope) if self.noisy else self.envelope

    def _features(self, x):
        blocks = [polynomials(x, self.low, self.high, self.trend)]
        for frequency, modes in zip(self.frequencies, self.modes, strict=True):
            blocks.append(modulated(x, self.low, self.high, frequency, modes))
        return np.hstack(blocks)

    def _fit(self):
        """Least squares, by a QR on some of the rows where there are very many."""
        matrix = self._features(self.x)
        rows: slice | np.ndarray = slice(None)
        if len(self.x) > MAX_ROWS:
            rows = np.random.default_rng(1).choice(len(self.x), MAX_ROWS, replace=False)
        self.basis, triangle = np.linalg.qr(matrix[rows])
        # Envelopes may nearly span each other; singular directions are left out of coefficients.
        left, values, right = np.linalg.svd(triangle)
        keep = values > 1e-14 * values[0]
        inverse = (right[keep].T / values[keep]) @ left[:, keep].T
        self.coefficients = inverse @ (self.basis.T @ self.y[rows])
        self.rest = self.y - matrix @ self.coefficients
        correction = inverse @ (self.basis.T @ self.rest[rows])
        self.coefficients += correction
        self.rest -= matrix @ correction
        self.rows = rows
        size = np.linalg.norm(self.rest, axis=0)
        self.residual = float(size.max(initial=0.0))

    def _slices(self):
        start = self.trend
        for modes in self.modes:
            yield slice(start, start + modes), slice(start + modes, start + 2 * modes)
            start += 2 * modes

    def _refine(self, n_iterations):
        """Gauss-Newton steps in the frequencies of tones, all coefficients projected out."""
        self._fit()
        for _ in range(n_iterations):
            tones = np.flatnonzero(np.array(self.modes) == 1)
            if not len(tones) or (self.done and not self.noisy):
                return
            before, residual = list(self.frequencies), self.residual
            # Beyond the middle of the neighbouring bin the linearisation says nothing.
            step = np.clip(self._step(tones), -0.5 * self.bin, 0.5 * self.bin)
            for q, move in zip(tones, step, strict=True):
                self.frequencies[q] = max(abs(before[q] + move), 0.25 * self.bin)
            self._fit()
            if self.residual > residual * (1 + 1e-9):
                self.frequencies = before
                self._fit()
                return
            if np.abs(step).max() < 1e-6 * self.bin and self.noisy:
                return

    def _step(self, tones):
        x = self.x[self.rows]
        offset = x - (self.low + self.high) / 2
        slices, slopes = list(self._slices()), []
        for q in tones:
            cosine, sine = (self.coefficients[s] for s in slices[q])
            turn = np.exp(1j * self.frequencies[q] * offset)
            slopes.append(
                (offset * turn.real)[:, None] * sine - (offset * turn.imag)[:, None] * cosine
            )
        flat = np.stack(slopes, axis=2).reshape(len(x), -1)
        flat = flat - self.basis @ (self.basis.T @ flat)
        columns = flat.reshape(-1, len(tones))
        size = np.linalg.norm(columns, axis=0)
        size[size == 0] = 1.0
        return np.linalg.lstsq(columns / size, self.rest[self.rows].ravel(), rcond=1e-6)[0] / size

    def _centre(self, q):
        """Move a line with an envelope to the middle of its own spectrum."""
        cosine, sine = (self.coefficients[s] for s in list(self._slices())[q])
        amplitude = cosine - 1j * sine
        x = self.x[self.rows]
        value, slope = (
            polynomials(x, self.low, self.high, self.modes[q], k) @ amplitude for k in (0, 1)
        )
        power = (np.abs(value) ** 2).sum()
        if power > 0:
            shift = (np.conj(value) * slope).imag.sum() / power
            self.frequencies[q] += float(np.clip(shift, -2 * self.bin, 2 * self.bin))
            self.frequencies[q] = max(self.frequencies[q], 0.25 * self.bin)

    def _settle(self):
        """Join lines that ran into each other: two tones so near are one with an envelope."""
        order = np.argsort(self.frequencies)
        for i, j in pairwise(order):
            near = self.frequencies[j] - self.frequencies[i] < 0.8 * self.bin
            if near and max(self.modes[i], self.modes[j]) < self.envelope:
                self.frequencies[i] = (self.frequencies[i] + self.frequencies[j]) / 2
                self.modes[i] = self._wider(self.modes[i])
                del self.frequencies[j], self.modes[j]
                self._refine(2)
                return

    def _prune(self):
        """Leave out lines without which the residual is as good."""
        for q in range(len(self.frequencies) - 1, -1, -1):
            if self.noisy:
                return
            part = np.concatenate([self.coefficients[s] for s in list(self._slices())[q]])
            total = np.linalg.norm(self.coefficients, axis=0)
            if np.linalg.norm(part, axis=0).max() > 1e-6 * total.max():
                continue
            frequencies, modes = self.frequencies.copy(), self.modes.copy()
            del self.frequencies[q], self.modes[q]
            self._refine(2)
            if not self.done:
                self.frequencies, self.modes = frequencies, modes
                self._fit()

    def residual_at(self, x, y):
        y = y[:, self.used] / (self.scale * np.sqrt(len(self.x)))
        rest = y - self._features(x) @ self.coefficients
        # Relative to the signal's size on the grid, at so many points.
        size = np.linalg.norm(rest, axis=0) * np.sqrt(len(self.x) / len(x))
        return float(size.max(initial=0.0))

    def result(self, residual):
        certified = bool(self.done if self.noisy else residual <= 2 * self.tolerance)
        order = np.argsort(self.frequencies)
        frequencies, modes = np.array(self.frequencies)[order], np.array(self.modes)[order]
        bands = []
        start = 0
        while start < len(frequencies):
            stop = start + 1
            while stop < len(frequencies) and (
                frequencies[stop] - frequencies[stop - 1] < RESOLUTION * self.bin
                and (not certified or max(modes[start : stop + 1]) > 1)
            ):
                stop += 1
            inside = frequencies[start:stop]
            if len(inside) > 1 or modes[start] > 1:
                half = RESOLUTION * self.bin / 2
                bands.append((float(inside[0] - half), float(inside[-1] + half)))
            start = stop
        noise = np.zeros(self.n_signals)
        if self.noisy:
            free = max(len(self.x) - self._n_columns(), 1)
            noise[self.used] = (
                np.linalg.norm(self.rest, axis=0) * np.sqrt(len(self.x) / free) * self.scale
            )
        return Lines(
            frequencies.astype(float), residual, certified, not bands, tuple(bands),
            RESOLUTION * self.bin, len(self.x), noise,
        )  # fmt: skip

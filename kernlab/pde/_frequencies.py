"""Which frequencies a solution has: from its data, its conditions and its own free waves."""

from itertools import product

import numpy as np
from scipy.stats import gamma

from kernlab.pde._features import modes_for
from kernlab.pde._line_search import FALSE_ALARM
from kernlab.pde._lines import find_lines

# Fibres along each axis on which functions of several coordinates are looked at.
N_FIBRES = 4
# Modes of the trend, at most: what a polynomial of this degree cannot follow needs lines.
MAX_TREND = 80
# Between lines that are to follow a whole band, in radians per half length: their envelopes meet.
SPACING = 6.0


class AxisFrequencies:
    """Lines along one axis as they are gathered, and the modes that its trend needs.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    trend : int
        Modes of the trend, at least.
    slow : float
        In radians per half length, frequencies that the trend follows rather than a line.
    left_out : float
        What the trend may leave out of what it follows, relative.
    """

    def __init__(self, low, high, trend, slow, left_out):
        self.low, self.high, self.trend = low, high, trend
        self.slow, self.left_out = slow, left_out
        self.found, self.waves, self.reach = [], [0.0], 0.0

    @property
    def bin(self):
        return 2 * np.pi / (self.high - self.low)

    def add(self, frequencies):
        """Add those that are not known already; slow ones to the trend."""
        for frequency in np.atleast_1d(frequencies):
            if all(abs(frequency - known) > 0.1 * self.bin for known in self.waves):
                self.waves.append(float(frequency))
            near = any(abs(frequency - known) < 0.75 * self.bin for known in self.found)
            if frequency * (self.high - self.low) / 2 <= self.slow:
                self.widen(frequency)
            elif not near:
                self.found.append(float(frequency))

    def widen(self, rate):
        """Let the trend follow exp(rate·x)."""
        modes = modes_for(abs(rate) * (self.high - self.low) / 2, self.left_out)
        self.trend = max(self.trend, min(modes, MAX_TREND))

    def span(self, low, high):
        """Let every frequency of a band be followed: by the trend or, were it long, by lines."""
        half = (self.high - self.low) / 2
        if modes_for(high * half, self.left_out) <= MAX_TREND:
            self.widen(high)
            self.reach = max(self.reach, high)
        else:
            self.add(np.arange(low, high + SPACING / half, SPACING / half))

    @property
    def lines(self):
        """Frequencies that the trend does not follow, ascending."""
        return sorted(frequency for frequency in self.found if frequency > self.reach)


def of_functions(functions, box, axes, rng, *, noisy=False):
    """Add lines of functions of all coordinates, along each axis, on a few random fibres.

    Parameters
    ----------
    functions : list of (callable, dict of int to float)
        A function, and the axes that are fixed, as on a face.
    """
    for axis, frequencies in enumerate(axes):
        signals = []
        for function, fixed in functions:
            if axis in fixed:
                continue
            free = [a for a in range(len(axes)) if a != axis and a not in fixed]
            for _ in range(N_FIBRES if free else 1):
                where = dict(fixed)
                where.update({a: rng.uniform(box.low[a], box.high[a]) for a in free})
                signals.append(_fibre(function, axis, where, len(axes)))
        if signals:
            lines = find_lines(signals, box.low[axis], box.high[axis], noisy=noisy)
            frequencies.add(lines.frequencies)


def _fibre(function, axis, where, d):
    def signal(x):
        points = [x if a == axis else np.full_like(x, where[a]) for a in range(d)]
        return np.asarray(function(*points), dtype=float).reshape(x.shape)

    return signal


def of_samples(X, y, axes):
    """Add lines of noisy samples, and return the noise's estimated standard deviation."""
    low, high = (np.array([getattr(axis, end) for axis in axes]) for end in ("low", "high"))
    if len(axes) == 1:
        lines = find_lines(y, low[0], high[0], points=X[:, 0], noisy=True, envelope=9, trend=12)
        axes[0].add(lines.frequencies)
        return float(lines.noise[0])
    return _plane_waves(X, y, axes, low, high)


def _plane_waves(X, y, axes, low, high, max_waves=24):
    """Greedy plane waves: peaks of the periodogram over all axes, then least squares."""
    n, d = X.shape
    T = 2 * (X - low) / (high - low) - 1
    # In half bins; points that share coordinates, as those of a grid, take waves beyond their own
    # Nyquist frequency for others below it, scattered ones do not.
    reach = [
        min(2 * max(1, round(n ** (1 / d))), len(np.unique(np.round(T[:, axis], 9))))
        for axis in range(d)
    ]
    # Of a wave and its negative one is looked at, so that one axis is one-sided.
    steps = [
        np.arange(-reach[axis] if axis else 0, reach[axis] + 1) * np.pi / (high - low)[axis]
        for axis in range(d)
    ]
    turns = [
        np.exp(-1j * np.outer(X[:, axis] - low[axis], step)) for axis, step in enumerate(steps)
    ]
    letters = "bcd"[:d]
    formula = ",".join(["a", *("a" + letter for letter in letters)]) + "->" + letters
    columns = [np.ones(n), *T.T, *(T**2).T]
    waves: list = []
    while True:
        basis, _ = np.linalg.qr(np.stack(columns, axis=1))
        rest = y - basis @ (basis.T @ y)
        free = n - len(columns)
        if free < 2 * d + 2:
            break
        noise = rest @ rest / free
        power = np.abs(np.einsum(formula, rest, *turns, optimize=True)) ** 2
        chance = FALSE_ALARM / power.size
        if noise == 0 or power.max() < n * noise * gamma.isf(chance, 1) or len(waves) >= max_waves:
            break
        peak = np.unravel_index(power.argmax(), power.shape)
        wave = np.array([step[i] for step, i in zip(steps, peak, strict=True)])
        # An amplitude A₀ + A₁t of the wave is, to first order, a frequency off by Im(A₁/A₀).
        for _ in range(2):
            block = _wave_columns(T, wave * (high - low) / 2)
            c = np.linalg.lstsq(np.stack(columns + block, axis=1), y, rcond=1e-10)[0][-len(block) :]
            amplitude = c[0::2] - 1j * c[1::2]
            if amplitude[0] != 0:
                shift = (amplitude[1:] / amplitude[0]).imag
                wave = wave + np.clip(shift, -1, 1) * 2 / (high - low)
        columns += _wave_columns(T, wave * (high - low) / 2)
        waves.append(wave)
    for wave in waves:
        for axis, frequency in zip(axes, np.abs(wave), strict=True):
            axis.add(frequency)
    return float(np.sqrt(rest @ rest / max(free, 1)))


def _wave_columns(T, wave):
    phase = T @ wave
    pair = np.cos(phase), np.sin(phase)
    return [trend * part for trend in (np.ones(len(T)), *T.T) for part in pair]


def of_free_waves(equation, box, axes, unknowns_grid):
    """Add what solves the equation without a source: oscillations as lines, growth in the trend.

    Along one axis, at the frequencies of all others, the operator's coefficients (at the middle of
    the box) make a polynomial; its roots are the free solutions' exponents.
    """
    middle = tuple(np.atleast_1d((a + b) / 2) for a, b in zip(box.low, box.high, strict=True))
    jets = dict.fromkeys(equation.jets, 0.0)
    slopes = [equation.partials(jets, middle, unknowns) for unknowns in unknowns_grid]
    known = [list(axis.waves) for axis in axes]
    for axis, frequencies in enumerate(axes):
        others = [known[a] for a in range(len(axes)) if a != axis]
        imaginary: list = []
        for coefficients, waves in product(slopes, product(*others)):
            waves = list(waves)
            waves.insert(axis, None)
            polynomial = np.zeros(max(jet[1][axis] for jet in coefficients) + 1, dtype=complex)
            for (_, orders), value in coefficients.items():
                turned = [
                    (1j * wave) ** order
                    for wave, order in zip(waves, orders, strict=True)
                    if wave is not None
                ]
                polynomial[orders[axis]] += float(np.ravel(value)[0]) * np.prod(turned)
            roots = np.polynomial.polynomial.polyroots(np.trim_zeros(polynomial, "b"))
            imaginary.extend(np.abs(roots.imag))
            for rate in np.abs(roots.real):
                # What decays within a hundredth of the box is a layer at the wall; only the
                # widest layers are followed.
                frequencies.widen(min(rate, 100 / (box.high[axis] - box.low[axis])))
        if len(unknowns_grid) > 1:
            # The frequency moves with the unknown.
            frequencies.span(min(imaginary, default=0.0), max(imaginary, default=0.0))
        else:
            frequencies.add(np.unique(imaginary))

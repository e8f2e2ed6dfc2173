"""Seeded mistakes: each patches the library in one place, and an audit must notice."""

import contextlib
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np

from kernlab.privacy import _base, _columns, _distances, _moments, _noise, _release, _spectral
from kernlab.privacy._hats import Hats
from kernlab.privacy._law import fit_scales


def missing_joint_sensitivity():
    """A record's statistics are taken for alternatives: the largest alone is paid for."""

    def calibrate(self, law, allotment, *, pairs):
        masses = self.masses(law.order, pairs=pairs)
        highest = masses.max(axis=1).astype(float) ** (1 / law.order)
        alone = np.diag(masses.max(axis=1))
        return fit_scales(law, alone, law.best_scales(highest), allotment)

    return mock.patch.object(Hats, "calibrate", calibrate)


def missing_root_two():
    """Cosine and sine of a phase are thought to add up to one at most."""
    one = property(lambda self: 2**self.bits_value)
    return mock.patch.object(_spectral.PhaseTables, "l1_bound", one)


def missing_number_of_features():
    """A record is thought to touch one frequency."""
    return _patched(
        (_spectral.PhaseTables, "l1_sensitivity", lambda self, n_features: self.l1_bound),
        (
            _spectral.PhaseTables,
            "squared_l2_sensitivity",
            lambda self, n_features: 4**self.bits_value,
        ),
    )


def missing_number_of_columns():
    """Every column gets all of the allotment."""
    original = _columns.ColumnSums.calibrate

    def calibrate(self, law, allotment, *, pairs):
        scales, spent = original(self, law, allotment * len(self.widths), pairs=pairs)
        return scales, spent / len(self.widths)

    return mock.patch.object(_columns.ColumnSums, "calibrate", calibrate)


def sensitivity_of_one_column():
    """The norm of a record is taken for that of its widest column."""
    original = _moments.Moments._masses

    def masses(self, order, pairs):
        masses = original(self, order, pairs)
        masses[0] = int(self.most.max()) ** order * (2**order if pairs else 1)
        return masses

    return mock.patch.object(_moments.Moments, "_masses", masses)


def half_scale():
    """Noise of half the scale declared."""
    original = _release.draw

    def draw(source, law, scales, shape):
        return original(source, law, np.maximum(np.asarray(scales) // 2, 1), shape)

    return mock.patch.object(_release, "draw", draw)


def half_scale_of_the_count():
    """Noise of half the scale, in the count alone."""
    original = _release.noisy_count

    def noisy_count(source, law, n, scale):
        return original(source, law, n, scale // 2)

    return mock.patch.object(_release, "noisy_count", noisy_count)


def float_noise():
    """Laplace noise in double precision."""

    def release_sums(design, source, X, n_jobs=None):
        rng = np.random.default_rng()
        return [
            part + rng.laplace(scale=np.broadcast_to(scales, part.shape))
            for part, scales in zip(design.mechanism.sums(X), design.scales, strict=True)
        ]

    return mock.patch.object(_release, "release_sums", release_sums)


def coarse_noise():
    """Integer noise on a coarser grid than the records'."""
    original = _release.draw

    def draw(source, law, scales, shape):
        return 16 * original(source, law, np.maximum(np.asarray(scales) // 16, 1), shape)

    return mock.patch.object(_release, "draw", draw)


def unclipped_nan():
    """Not a number becomes the integer that the processor makes of it."""

    def moments(X, low, high, center, *, factor, most, ball, n_jobs=None):
        with np.errstate(invalid="ignore"):
            v = np.rint((np.clip(X, low, high) - center) * factor).astype(np.int64)
        return [v.sum(axis=0), np.array([np.sum(v * v)])]

    return mock.patch.object(_moments, "moments", moments)


def stored_count():
    """The exact number of records is an attribute."""
    return _after_fit(lambda self, X: setattr(self, "n_samples_seen_", len(X)))


def size_that_tells_the_count():
    """An attribute is as long as the data."""
    return _after_fit(lambda self, X: setattr(self, "indicator_", np.zeros(len(X), bool)))


def count_without_noise():
    """The count is published as it is."""
    return mock.patch.object(_release, "noisy_count", lambda source, law, n, scale: float(n))


def reused_noise():
    """All fits draw the same noise."""
    return _noise_seeded_by(lambda seed: 0)


def seeded_noise():
    """The public seed of projections seeds the noise."""
    return _noise_seeded_by(lambda seed: seed)


def one_draw_for_all_statistics():
    """One number is added to every statistic of a scale."""
    original = _release.draw

    def draw(source, law, scales, shape):
        noise = original(source, law, scales, shape)
        return (noise.flat[0] / np.broadcast_to(scales, shape).flat[0] * scales).astype(
            np.int64
        ) + np.zeros(shape, np.int64)

    return mock.patch.object(_release, "draw", draw)


def projections_by_blas():
    """A record's projection is rounded as its neighbours in the block have it."""
    original = _columns.bin_projections

    def bin_projections(X, low, high, center, directions, reach, **options):
        Z = (np.clip(np.nan_to_num(X), low, high) - center) @ directions
        eye = np.eye(Z.shape[1])
        return original(Z, *_infinite(Z), 0 * reach, eye, reach, **options)

    return mock.patch.object(_columns, "bin_projections", bin_projections)


def _infinite(Z):
    reach = np.full(Z.shape[1], 1e300)
    return -reach, reach


def phases_by_blas():
    """A record's phases are a matrix product."""

    def sum_features(X, frequencies, *, tables=None, n_jobs=None):
        tables = tables or _spectral.phase_tables()
        n_steps = 2**tables.bits_phase
        with np.errstate(all="ignore"):
            phases = np.rint((np.nan_to_num(X) @ frequencies.turns) % 1.0 * n_steps)
            phases = np.nan_to_num(phases).astype(np.int64) % n_steps
        sums = [table[phases].sum(axis=0, dtype=np.int64) for table in (tables.cos, tables.sin)]
        return np.concatenate(sums)

    module = __import__("kernlab.privacy._kernel_mechanisms", fromlist=["sum_features"])
    return mock.patch.object(module, "sum_features", sum_features)


def kept_records():
    """The records are an attribute of an attribute."""
    return _after_fit(lambda self, X: setattr(self, "_query", partial(np.matmul, X)))


def kept_single_precision_records():
    """So they are, in single precision."""
    return _after_fit(lambda self, X: setattr(self, "_X", X.astype(np.float32)))


def kept_sums():
    """The sums before noise are kept."""

    def keep(self, X):
        self._exact = self._design.mechanism.sums(X)

    return _after_fit(keep)


def kept_noise():
    """The noise is kept, which tells the sums."""

    def keep(self, X):
        exact = self._design.mechanism.sums(X)
        self._noise = [a - b for a, b in zip(self.statistics_, exact, strict=True)]

    return _after_fit(keep)


def report_of_extremes():
    """The report quotes a record."""
    original = _base.PrivateSum.privacy_report

    def privacy_report(self):
        report = original(self)
        return replace(report, parameters={**report.parameters, "least": self._least})

    @contextlib.contextmanager
    def both():
        with (
            _after_fit(lambda self, X: setattr(self, "_least", f"{float(X.min())!r}")),
            mock.patch.object(_base.PrivateSum, "privacy_report", privacy_report),
        ):
            yield

    return both()


def errors_that_quote():
    """Values are converted, and an error says which could not be."""

    def private_table(estimator, X):
        return np.ascontiguousarray(np.asarray(X).astype(np.float64))

    def quoting(estimator, X):
        try:
            return private_table(estimator, X)
        except (TypeError, ValueError) as error:
            raise ValueError(f"could not convert {np.ravel(X)[0]!r}") from error

    return mock.patch.object(_base, "check_table", quoting)


def bounds_from_the_records():
    """The box is that of the records."""
    original = _distances.PrivateDistanceSum.fit

    def fit(self, X, y=None):
        self.bounds = (np.nanmin(X), np.nanmax(X))
        return original(self, X, y)

    return mock.patch.object(_distances.PrivateDistanceSum, "fit", fit)


def more_than_was_asked():
    """Twice the allotment is spent."""
    original = _release.law_of
    return mock.patch.object(
        _base,
        "law_of",
        lambda epsilon, delta: (original(epsilon, delta)[0], 2 * original(epsilon, delta)[1]),
    )


@contextlib.contextmanager
def _patched(*patches):
    with contextlib.ExitStack() as stack:
        for target, name, value in patches:
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def _after_fit(keep):
    original = _base.PrivateSum.fit

    def fit(self, X, y=None):
        original(self, X, y)
        keep(self, np.asarray(X))
        return self

    return mock.patch.object(_base.PrivateSum, "fit", fit)


def _noise_seeded_by(seed_of):
    def noise_source(noise, *, seed=None):
        return _noise._InsecureNoise(seed_of(seed))

    return mock.patch.object(_base, "noise_source", noise_source)

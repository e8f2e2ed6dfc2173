"""What a release says of itself, and what a plan foresees."""

from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np

__all__ = ["PrivacyReport", "ReleasePlan"]


@dataclass(frozen=True)
class ReleasePlan:
    """Error and cost of a release before it is made.

    Attributes
    ----------
    noise_rms : float
        Root mean square of the noise of a typical query, in units of the sum.
    approximation_rms : float
        Root mean square of what the statistics lose without noise: for typical records, or for
        the ``sample`` given.
    n_records, n_statistics : int
        Records planned for, and integers released beside the count.
    epsilon : Fraction
        What is spent of the ε asked for.
    delta : float
    count_std : float
        Standard deviation of the noisy count of records; zero where the count is public.
    """

    noise_rms: float
    approximation_rms: float
    n_records: int
    n_statistics: int
    epsilon: Fraction
    delta: float
    count_std: float

    @property
    def rms(self):
        """Both errors together."""
        return float(np.hypot(self.noise_rms, self.approximation_rms))


@dataclass(frozen=True)
class PrivacyReport:
    """Statement of a release's guarantee; ``print`` shows it, ``to_dict`` gives plain values.

    Attributes
    ----------
    is_private : bool
        False where the noise was seeded for tests: then nothing is guaranteed.
    epsilon : Fraction
    delta : float
    adjacency : str
    estimator, law, noise : str
    count : str
        Whether the number of records is private.
    statistics : tuple of (shape, least scale, greatest scale)
        Of each array of integers, in grid steps.
    parameters : dict
        Public parameters.
    """

    is_private: bool
    epsilon: Fraction
    delta: float
    adjacency: str
    estimator: str
    law: str
    noise: str
    count: str
    statistics: tuple
    parameters: dict

    @classmethod
    def of(cls, estimator, design):
        public = dict(estimator._terms_of_release)
        public["projection_seed"] = estimator.projection_seed_
        return cls(
            is_private=estimator.is_private_,
            epsilon=estimator.epsilon_,
            delta=estimator.delta_,
            adjacency=public["adjacency"],
            estimator=type(estimator).__name__,
            law="discrete Laplace" if design.law.order == 1 else "discrete Gaussian",
            noise=public["noise"],
            count="public"
            if design.pairs
            else f"private, noise scale {design.count_scale / 2**16:g}",
            statistics=tuple(
                (tuple(map(int, part.shape)), int(scales.min()), int(scales.max()))
                for part, scales in zip(estimator.statistics_, design.scales, strict=True)
            ),
            parameters=public,
        )

    def to_dict(self):
        """Plain values, ready for JSON: fractions become strings, arrays lists."""

        def plain(value):
            if hasattr(value, "__array__"):
                return np.asarray(value).tolist()
            if isinstance(value, Fraction):
                return str(value)
            if isinstance(value, dict):
                return {key: plain(v) for key, v in value.items()}
            if isinstance(value, tuple | list | range):
                return [plain(v) for v in value]
            return value

        return plain(asdict(self))

    def __str__(self):
        neighbours = {
            "add-remove": "one record added or removed",
            "replace": "one record replaced by another; their number in all is public",
        }[self.adjacency]
        delta = f", delta = {self.delta:g}" if self.delta else " (pure)"
        lines = [f"{self.estimator}: epsilon = {float(self.epsilon):.6g}{delta}"]
        if not self.is_private:
            lines = [f"{self.estimator}: NOT PRIVATE (seeded noise, for tests only)"]
        released = sum(int(np.prod(shape)) for shape, *_ in self.statistics)
        lines += [
            f"  neighbours: {neighbours}",
            f"  released: {released} integers with {self.law} noise from {self.noise!r}",
            f"  count of records: {self.count}",
            *(
                f"  statistic {i}: shape {shape}, noise scale {low}"
                + (f" to {high}" if high != low else "")
                for i, (shape, low, high) in enumerate(self.statistics)
            ),
            "  public: " + ", ".join(f"{key}={value!r}" for key, value in self.parameters.items()),
            "  not covered: time and memory of the fit, other releases of the same records,",
            "  and whatever made the public parameters depend on the records",
        ]
        return "\n".join(lines)

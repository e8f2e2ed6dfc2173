"""The table of graph proximity measures: names, parameters and the properties that callers ask for.

References: Ivashkin and Chebotarev, *Do logarithmic proximity measures outperform plain ones in
graph clustering?*, 2016, arXiv 1605.01046; Fouss, Saerens and Shimbo, *Algorithms and Models for
Network Data and Link Analysis*, Cambridge University Press, 2016.
"""

import difflib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measure:
    """One row of the table of measures.

    Attributes
    ----------
    name : str
        Lower case, with the prefix 'log' for logarithmic ones.
    plain : str
        The name without the prefix.
    log : bool
        Whether the kernel is the entrywise logarithm of that of ``plain``.
    operator : {'A', 'L', 'S'} or None
        What it is a function of: the adjacency matrix, its Laplacian, or D^(-1/2) A D^(-1/2).
    scaler : {'rho', 'frac', 'lin', 'double', 'fracrev'} or None
        How a unit parameter becomes a natural one, see :func:`natural_parameter`; None: no
        parameter.
    symbol : str
        Of the natural parameter.
    psd : bool
        Whether the kernel is symmetric and positive semi-definite for every valid parameter.
    kind : {'kernel', 'distance'}
        Whether the kernel is the definition, or comes from a distance.
    even : bool
        Whether it is an even function of its operator, which suits disassortative graphs.
    formula : str
    needs_connected : bool
        Whether pairs that no path joins lie infinitely far apart.
    needs_no_isolated : bool
        Whether it divides by the degrees.
    aliases : tuple of str
    """

    name: str
    operator: str | None
    scaler: str | None
    symbol: str
    formula: str
    psd: bool = False
    kind: str = "kernel"
    even: bool = False
    needs_connected: bool = False
    needs_no_isolated: bool = False
    aliases: tuple[str, ...] = ()
    logs: bool = True
    log: bool = False

    @property
    def plain(self):
        return self.name.removeprefix("log") if self.log else self.name


_ISOLATED: dict[str, Any] = {"needs_no_isolated": True}
_FAR: dict[str, Any] = {"needs_connected": True, "logs": False}
_PLAIN = (
    Measure("katz", "A", "rho", "t", "(I - tA)^-1", psd=True, aliases=("walk",)),
    Measure("comm", "A", "frac", "t", "exp(tA)", psd=True, aliases=("communicability",)),
    Measure("df", "A", "frac", "t", "sum_j (tA)^j / j!!", aliases=("doublefactorial",)),
    Measure("for", "L", "frac", "t", "(I + tL)^-1", psd=True, aliases=("forest",)),
    Measure("heat", "L", "frac", "t", "exp(-tL)", psd=True),
    Measure("nheat", "S", "frac", "t", "exp(-t(I - S))", psd=True, **_ISOLATED),
    Measure("ppr", "S", "lin", "α", "(I - αD^-1 A)^-1", aliases=("pagerank",), **_ISOLATED),
    Measure("modifppr", "S", "lin", "α", "(D - αA)^-1", psd=True, **_ISOLATED),
    Measure("heatpr", "S", "frac", "t", "exp(-t(I - D^-1 A))", **_ISOLATED),
    Measure("abs", "S", "double", "t", "(tA + L)^-1", psd=True, **_ISOLATED),
    Measure("ct", "L", None, "", "L^+", psd=True, **_FAR),
    Measure("sct", "L", "frac", "t", "1 / (1 + exp(-t L^+ / σ))", **_FAR),
    Measure(
        "cct",
        "S",
        None,
        "",
        "H D^-1/2 M (I - M)^-1 M D^-1/2 H, M = S - d^1/2 d^T/2 / vol",
        psd=True,
        **_FAR,
        **_ISOLATED,
    ),
    Measure("scct", "S", "frac", "t", "1 / (1 + exp(-t K_CCT / σ))", **_FAR, **_ISOLATED),
    Measure(
        "rsp",
        None,
        "fracrev",
        "β",
        "randomised shortest paths",
        kind="distance",
        **_FAR,
        **_ISOLATED,
    ),
    Measure("fe", None, "fracrev", "β", "free energy", kind="distance", **_FAR, **_ISOLATED),
    Measure("sp", None, None, "", "shortest paths of lengths 1 / A", kind="distance", **_FAR),
    Measure("sp-ct", None, "lin", "x", "x K_SP + (1 - x) 2 K_CT", aliases=("spct",), **_FAR),
    Measure("heat2", "S", "frac", "t", "exp(-t(I - S^2))", psd=True, even=True, **_ISOLATED),
    Measure(
        "ppr2", "S", "lin", "x", "D^-1/2 (I - xS^2)^-1 D^-1/2", psd=True, even=True, **_ISOLATED
    ),
    # |A| has negative entries, and so no logarithm.
    Measure("comm2", "A", "frac", "t", "exp(t|A|)", psd=True, even=True, logs=False),
)


def _log_of(measure):
    # Past t = 1 the entries of Abs are no longer all positive.
    scaler = "lin" if measure.name == "abs" else measure.scaler
    return replace(
        measure,
        name="log" + measure.name,
        scaler=scaler,
        formula=f"log {measure.formula}",
        psd=False,
        needs_connected=True,
        aliases=tuple("log" + alias for alias in measure.aliases),
        log=True,
    )


_TABLE = {
    measure.name: measure
    for measure in _PLAIN + tuple(_log_of(plain) for plain in _PLAIN if plain.logs)
}
_NAMES = {name: measure for measure in _TABLE.values() for name in (measure.name, *measure.aliases)}

MEASURES = tuple(_TABLE)


def parse_measure(name, log=None):
    """The :class:`Measure` of a name, in any case, with or without the prefix 'log'.

    Parameters
    ----------
    name : str or Measure
    log : bool or None
        True is the same as the prefix; False refuses it.

    Raises
    ------
    ValueError
        Where there is no measure of that name, it has no logarithm, or ``log`` contradicts it.
    """
    if isinstance(name, Measure):
        name = name.name
    key = name.lower() if isinstance(name, str) else name
    if not isinstance(key, str) or key not in _NAMES:
        if isinstance(key, str) and key.startswith("log") and key[3:] in _NAMES:
            _refuse_log(key[3:])
        raise ValueError(
            f"measure={name!r} is unknown{closest(key, _NAMES)}; give one of {', '.join(MEASURES)}."
        )
    measure = _NAMES[key]
    if log is None or bool(log) == measure.log:
        return measure
    if not log:
        raise ValueError(f"measure={name!r} is logarithmic and log=False; pass log=None.")
    if not measure.logs:
        _refuse_log(measure.name)
    return _TABLE["log" + measure.name]


def closest(name, names):
    """A question for a message whether the closest of ``names`` was meant; empty if none is."""
    found = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) else []
    return f" (did you mean {found[0]!r}?)" if found else ""


def _refuse_log(name):
    loggable = ", ".join(measure.name for measure in _PLAIN if measure.logs)
    raise ValueError(
        f"measure={name!r} has no logarithm, for it has entries of zero or less; logarithms are "
        f"those of {loggable}."
    )


def natural_parameter(measure, x, rho):
    """Natural parameter (t, α or β of the table) of the unit parameter ``x`` in (0, 1).

    'rho': x / ρ, with ρ the spectral radius of the adjacency matrix (x itself where that is 0);
    'frac': x / (2(1 - x)); 'lin': x; 'double': 2x; 'fracrev': (1 - x) / x. None where the measure
    has no parameter.

    Raises
    ------
    ValueError
        Where ``x`` is not in (0, 1).
    """
    if measure.scaler is None:
        return None
    x = float(x)
    if not 0.0 < x < 1.0:
        raise ValueError(
            f"param={x:g} lies outside (0, 1), the open interval of unit parameters; for "
            f"{measure.symbol} itself pass param_scale='natural'."
        )
    if measure.scaler == "rho":
        return x / rho if rho > 0 else x
    if measure.scaler == "frac":
        return 0.5 * x / (1.0 - x)
    if measure.scaler == "fracrev":
        return (1.0 - x) / x
    return 2.0 * x if measure.scaler == "double" else x


def valid_interval(measure, rho):
    """The open interval of natural parameters, as a pair; None where there is no parameter."""
    if measure.scaler is None:
        return None
    if measure.scaler == "rho":
        return 0.0, (1.0 / rho if rho > 0 else np.inf)
    return 0.0, {"lin": 1.0, "double": 2.0}.get(measure.scaler, np.inf)


def check_parameter(measure, t, rho):
    """The natural parameter as a float, refused outside its open interval."""
    if measure.scaler is None:
        return None
    low, high = valid_interval(measure, rho)
    t = float(t)
    if not low < t < high:
        where = " (1/ρ, ρ the spectral radius)" if measure.scaler == "rho" and rho > 0 else ""
        raise ValueError(
            f"param={t!r} lies outside ({low:g}, {high:.6g}){where}, the open interval of "
            f"{measure.symbol} for measure {measure.name!r}."
        )
    return t

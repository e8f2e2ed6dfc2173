"""The phase diagram of kernel density estimation, with a fitted estimate on it."""

import math
import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab._core.namespace import is_foreign, namespace_of
from kernlab.density._kde import KernelDensity
from kernlab.density._thresholds import kde_thresholds
from kernlab.exceptions import CondensedDensityWarning
from kernlab.kernels._profiles import profile_of
from kernlab.kernels._sums import source_points


class DensityRegimeDisplay:
    """Phase diagram: which bandwidths give a normal, a stable or a condensed estimate.

    Curves of :func:`kde_thresholds` against ``alpha = log(n) / d`` for normal data of one
    covariance, and on them, where an estimator is given, its bandwidth as a dot and what
    :meth:`KernelDensity.regime` measured on the data as crosses. Crosses far from the curves say
    that the data is far from normal, or the dimension from large.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    thresholds : KDEThresholds
        For an increasing vector of ``alpha``.
    scale : float, default=1.0
        Bandwidths are shown in this unit.
    regime : DensityRegime, default=None
        What was measured.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    """

    def __init__(self, *, thresholds, scale=1.0, regime=None):
        self.thresholds = thresholds
        self.scale = scale
        self.regime = regime

    @classmethod
    def from_estimator(cls, estimator, *, max_queries=1000, random_state=None, ax=None):
        """Measure a fitted estimator and draw.

        Parameters
        ----------
        estimator : KernelDensity
            Fitted on NumPy data. The curves are for normal data of its data's covariance, in the
            metric of its bandwidth.
        max_queries, random_state
            As of :meth:`KernelDensity.regime`.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : DensityRegimeDisplay
        """
        if not isinstance(estimator, KernelDensity):
            raise TypeError(f"estimator is {estimator!r}; give a fitted kernlab KernelDensity.")
        check_is_fitted(estimator)
        if is_foreign(estimator.bandwidth_matrix_):
            raise ValueError(
                "the picture needs an estimator fitted on NumPy data, and this one was fitted on "
                f"arrays of {namespace_of(estimator.bandwidth_matrix_).__name__}."
            )
        with warnings.catch_warnings():
            # The picture itself says so.
            warnings.simplefilter("ignore", CondensedDensityWarning)
            regime = estimator.regime(max_queries=max_queries, random_state=random_state)
        eigvals = _eigvals(estimator) * regime.h_**2
        thresholds = kde_thresholds(
            regime.alpha_ * np.geomspace(0.25, 4.0, 80),
            eigvals=eigvals,
            kernel=regime.kernel,
            n_features=regime.n_features,
        )
        scale = math.sqrt(np.mean(eigvals))
        return cls(thresholds=thresholds, scale=scale, regime=regime).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : DensityRegimeDisplay
        """
        purpose = "DensityRegimeDisplay.plot"
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose=purpose)
        ticker = import_extra("matplotlib.ticker", extra="plot", purpose=purpose)
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        limits, regime = self.thresholds, self.regime
        h_clt, h_g, h_kl = (h / self.scale for h in (limits.h_clt, limits.h_g, limits.h_kl))
        floor = h_kl.min() / 2
        if regime is not None:
            floor = min(floor, min(regime.h_, regime.h_g_) / self.scale / 1.5)
        ceiling = h_clt.max() * 1.5
        if regime is not None:
            ceiling = max(ceiling, regime.h_ / self.scale * 1.5)
        merged = profile_of(limits.kernel).bounded
        ax.fill_between(limits.alpha, h_clt, ceiling, color="C0", alpha=0.15, label="normal error")
        if not merged:
            ax.fill_between(limits.alpha, h_g, h_clt, color="C1", alpha=0.2, label="stable error")
        ax.fill_between(limits.alpha, floor, h_g, color="C3", alpha=0.15, label="condensed")
        if not merged:
            ax.plot(limits.alpha, h_clt, color="C0", label="$h_{CLT}$")
        ax.plot(limits.alpha, h_g, color="C3", label="$h_G$")
        if not merged:
            ax.plot(limits.alpha, h_kl, "--", color="black", label="$h_{KL}$")
        if regime is not None:
            measured = {"C3": regime.h_g_}
            if not merged:
                measured |= {"C0": regime.h_clt_, "black": regime.h_kl_}
            for color, h in measured.items():
                ax.plot(regime.alpha_, h / self.scale, "x", color=color, markersize=9)
            ax.plot([], [], "x", color="0.5", label="measured")
            ax.plot(regime.alpha_, regime.h_ / self.scale, "o", color="black", label="bandwidth")
        ax.set(xscale="log", yscale="log", ylim=(floor, ceiling))
        ax.set_xlim(limits.alpha[0], limits.alpha[-1])
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(ticker.NullFormatter())
        ax.set_xlabel("log(n) / d")
        ax.set_ylabel("bandwidth / root mean variance")
        ax.legend(loc="lower left", fontsize="small", ncols=2)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _eigvals(estimator):
    """Eigenvalues of the data's covariance in squared bandwidths."""
    root, weights = estimator._sources.root, estimator._weights
    X = source_points(estimator._sources)
    X = X - X.mean(axis=0)
    z = X / root if root.ndim < 2 else np.linalg.solve(root, X.T).T
    return np.maximum(np.linalg.eigvalsh(np.atleast_2d(np.cov(z.T, aweights=weights))), 0.0)

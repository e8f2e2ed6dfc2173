"""Picture of the spectrum of a mixture."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kernlab._core.extras import import_extra
from kernlab.gp._spectral_mixture import SpectralMixtureGPRegressor
from kernlab.gp._spectral_mixture_evidence import bumps


class SpectrumDisplay:
    """Picture of the spectral density of a fitted :class:`SpectralMixtureGPRegressor`.

    The density along one feature, the others integrated out, on a logarithmic scale, with the lines
    marked. Make it with :meth:`from_estimator`.

    Parameters
    ----------
    frequencies : ndarray of shape (n,)
        In cycles per unit of the feature, from zero.
    density : ndarray of shape (n,)
        Of positive frequencies alone: twice the symmetric one.
    lines : ndarray of shape (n_lines,)
        Frequencies of the lines.
    noise_density : float
        Density of the noise as the data's spacing sees it: its variance over the range of
        frequencies shown.
    label : str
        Of the horizontal axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from kernlab.gp import SpectralMixtureGPRegressor, SpectrumDisplay
    >>> x = np.arange(60) / 6.0
    >>> gp = SpectralMixtureGPRegressor(n_components=3).fit(x[:, None], np.sin(9 * x))
    >>> SpectrumDisplay.from_estimator(gp).lines.round(2)
    array([1.43])
    """

    def __init__(self, *, frequencies, density, lines, noise_density, label):
        self.frequencies = frequencies
        self.density = density
        self.lines = lines
        self.noise_density = noise_density
        self.label = label

    @classmethod
    def from_estimator(cls, estimator, *, feature=0, max_frequency=None, ax=None):
        """Evaluate and draw the spectrum of a fitted estimator.

        Parameters
        ----------
        estimator : SpectralMixtureGPRegressor
        feature : int, default=0
            Along which feature.
        max_frequency : float, default=None
            Where the picture ends, in cycles per unit; None is the highest that the spacing of the
            data resolves.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        display : SpectrumDisplay
        """
        if not isinstance(estimator, SpectralMixtureGPRegressor):
            raise TypeError(
                f"estimator is {estimator!r}; give a fitted SpectralMixtureGPRegressor."
            )
        check_is_fitted(estimator)
        d = estimator.n_features_in_
        if not 0 <= feature < d:
            raise ValueError(f"feature={feature!r} is not one of the {d} features, 0 to {d - 1}.")
        top = float(estimator._ceiling[feature]) if max_frequency is None else max_frequency
        if not top > 0:
            raise ValueError(f"max_frequency={max_frequency!r} is not positive.")
        centres, scales = estimator.frequencies_[:, feature], estimator.scales_[:, feature]
        # Lines are narrow: beside even steps, the grid has points about each.
        near = centres[:, None] + scales[:, None] * np.linspace(-4, 4, 41)
        grid = np.unique(np.append(np.linspace(0, top, 1000), near[(near > 0) & (near < top)]))
        density = np.zeros_like(grid)
        for centre, scale, weight in zip(centres, scales, estimator.weights_, strict=True):
            density += 2 * weight * bumps(grid, centre, scale)
        lines = estimator.lines_[:, feature]
        names = getattr(estimator, "feature_names_in_", [f"feature {k}" for k in range(d)])
        unit = f" of {names[feature]}" if d > 1 or hasattr(estimator, "feature_names_in_") else ""
        return cls(
            frequencies=grid,
            density=density,
            lines=lines[lines < top],
            noise_density=estimator.noise_ / top,
            label=f"cycles per unit{unit or ' of X'}",
        ).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : SpectrumDisplay
        """
        pyplot = import_extra("matplotlib.pyplot", extra="plot", purpose="SpectrumDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        ax.semilogy(self.frequencies, self.density, linewidth=1, label="spectrum")
        ax.axhline(self.noise_density, color="0.5", linestyle="--", linewidth=1, label="noise")
        # Triangles at the top: a line of ink would hide the peak beneath it.
        ax.plot(
            self.lines,
            np.full(len(self.lines), 0.97),
            "v",
            color="C3",
            transform=ax.get_xaxis_transform(),
            label="lines",
        )
        # What lies far below the noise is not known from the data.
        ax.set_ylim(bottom=1e-4 * self.noise_density)
        ax.set_xlim(0, float(self.frequencies[-1]))
        ax.set_xlabel(self.label)
        ax.set_ylabel("spectral density")
        ax.legend()
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

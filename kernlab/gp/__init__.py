"""Gaussian-process regressors, as in scikit-learn."""

from kernlab.gp._calibration import RollingOriginResult, rolling_origin_calibration
from kernlab.gp._spectral_mixture import SpectralMixtureGPRegressor
from kernlab.gp._spectrum_display import SpectrumDisplay

__all__ = [
    "RollingOriginResult",
    "SpectralMixtureGPRegressor",
    "SpectrumDisplay",
    "rolling_origin_calibration",
]

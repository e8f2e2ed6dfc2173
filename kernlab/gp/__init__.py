"""Gaussian-process regressors, as in scikit-learn."""

from kernlab.gp._calibration import RollingOriginResult, rolling_origin_calibration
from kernlab.gp._spectral_mixture import SpectralMixtureGPRegressor

__all__ = ["RollingOriginResult", "SpectralMixtureGPRegressor", "rolling_origin_calibration"]

"""Gaussian-process regressors, as in scikit-learn."""

from kernlab.gp._calibration import RollingOriginResult, rolling_origin_calibration
from kernlab.gp._markov_regressor import MarkovGPRegressor

__all__ = ["MarkovGPRegressor", "RollingOriginResult", "rolling_origin_calibration"]

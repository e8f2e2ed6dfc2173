"""Gaussian-process regressors, as in scikit-learn."""

from kernlab.gp._calibration import RollingOriginResult, rolling_origin_calibration

__all__ = ["RollingOriginResult", "rolling_origin_calibration"]

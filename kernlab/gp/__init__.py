"""Gaussian-process regressors, as in scikit-learn."""

from kernlab.gp._calibration import RollingOriginResult, rolling_origin_calibration
from kernlab.gp._functional_tucker import FunctionalTuckerRegressor
from kernlab.gp._kronecker import KroneckerGPRegressor
from kernlab.gp._manifold import ManifoldGPRegressor
from kernlab.gp._markov_regressor import MarkovGPRegressor
from kernlab.gp._spectral_mixture import SpectralMixtureGPRegressor
from kernlab.gp._spectrum_display import SpectrumDisplay
from kernlab.gp._student_t import StudentTProcessRegressor

__all__ = [
    "FunctionalTuckerRegressor",
    "KroneckerGPRegressor",
    "ManifoldGPRegressor",
    "MarkovGPRegressor",
    "RollingOriginResult",
    "SpectralMixtureGPRegressor",
    "SpectrumDisplay",
    "StudentTProcessRegressor",
    "rolling_origin_calibration",
]
